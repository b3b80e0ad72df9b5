//! One connection, as the library sees it.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use super::bulk::one_by_one;
use super::{Call, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::Params;
use crate::sql::{Bound, Dialect, Sets, Statement, TxOptions};
use crate::value::Value;

/// What a statement without rows did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed {
    /// Rows inserted, updated or deleted; 0 for anything else.
    pub rows_affected: u64,
    /// The key that the database made for the last row inserted, where it has such a thing (`INTEGER PRIMARY KEY` of
    /// SQLite, `AUTO_INCREMENT` of MySQL, which tells that of the first row of a statement). Where it has not, say
    /// `RETURNING` and fetch.
    pub last_insert_id: Option<i64>,
}

impl Executed {
    /// The outcome of a statement that changed `rows_affected` rows and made this key.
    pub fn new(rows_affected: u64, last_insert_id: Option<i64>) -> Executed {
        Executed { rows_affected, last_insert_id }
    }
}

/// What the *database* says of the connection's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// None is open: each statement commits by itself.
    Idle,
    /// One is open and well.
    Open,
    /// One is open, and the database accepts only its end (or a rollback to a savepoint).
    Failed,
    /// It cannot be told; the connection is not to be trusted any further.
    Unknown,
}

/// How a COMMIT ended.
#[derive(Debug)]
pub enum CommitOutcome {
    /// The database said that it is committed.
    Committed,
    /// The database rolled back instead, and this is why.
    RolledBack(Error),
    /// The database could not commit *now*; the transaction is open as before, and COMMIT may be tried again.
    StillOpen(Error),
    /// COMMIT was sent and no answer came: only the database knows.
    Unknown(Error),
}

impl CommitOutcome {
    /// From how the COMMIT ended and what the database said of the transaction after it.
    pub fn told(result: Result<()>, state: LinkState) -> CommitOutcome {
        match (result, state) {
            (Ok(()), LinkState::Idle) => CommitOutcome::Committed,
            (Err(error), LinkState::Open) => CommitOutcome::StillOpen(error),
            (Err(error), LinkState::Idle | LinkState::Failed) => CommitOutcome::RolledBack(error),
            (Err(error), LinkState::Unknown) => CommitOutcome::Unknown(error.with_effect(Effect::Unknown)),
            (Ok(()), _) => CommitOutcome::Unknown(Error::new(
                ErrorKind::CommitUnknown,
                "COMMIT was accepted, but the database does not say that the transaction is over",
            )),
        }
    }
}

/// How far a connection is cleaned when it goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// What a borrower may have left behind: settings, temporary tables, locks, listeners; prepared statements stay.
    Light,
    /// Everything, as good as a new connection.
    Full,
}

/// Whether a cancel can still hit something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// It is over: it hit the running call or nothing, and it cannot hit a later one.
    Fenced,
    /// It may still be on its way: the connection must not be used again.
    NotFenced,
}

/// How rows were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BulkPath {
    /// One prepared INSERT, run once a row.
    Prepared,
    /// INSERT statements of many rows each.
    MultiRow,
    /// The database's own bulk protocol: COPY, LOAD DATA.
    Copy,
    /// Arrays of parameters, bound at once.
    Arrays,
}

/// What may be done to a connection while it is busy, from any thread.
pub trait Handle: Send + Sync {
    /// Asks the running call to end, and waits, at most until `until`, for the proof that the request can hit nothing
    /// that comes later.
    fn cancel(&self, until: Instant) -> Fence;

    /// Breaks the connection so that a call stuck in it returns; true if there was something to break.
    fn sever(&self) -> bool {
        false
    }

    /// Whether the running call is a write that was [let finish](Call::let_writes_finish) and works: it is not severed and
    /// does not count as stuck, however long it takes. Must return at once.
    fn must_finish(&self) -> bool {
        false
    }

    /// Whether [`cancel`](Self::cancel) and [`sever`](Self::sever) return at once, so that no thread is needed to wait for them.
    fn is_instant(&self) -> bool {
        false
    }
}

/// One connection. All methods are called on the thread that connected it, unless its source is
/// [`lendable`](super::Source::lendable), and by one caller at a time.
///
/// An error must leave the link in a condition in which [`state`](Self::state) tells the truth. A link that answers
/// [`LinkState::Unknown`] is closed and never used again.
pub trait Link: Send {
    /// The dialect it speaks.
    fn dialect(&self) -> &'static Dialect;

    /// Runs a statement for its effect. Rows, if there are any, are discarded.
    ///
    /// # Errors
    /// What the database says; `Timeout` or `Cancelled` when the call ended it.
    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed>;

    /// Runs a statement and pushes its rows into `sink` until they end or the sink says stop.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and what the sink returns. `Misuse`, before it is run, for a statement that has no rows.
    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()>;

    /// Runs a script of statements without parameters, one after another; stops at the first error.
    ///
    /// # Errors
    /// What the database says of the statement that failed.
    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()>;

    /// What the database says of the transaction. Where the answer takes a round trip, see
    /// [`knows_state`](Self::knows_state).
    fn state(&mut self) -> LinkState;

    /// Whether [`state`](Self::state) answers from memory. If it has to ask the database, it has no deadline of its own:
    /// it is cancelled, and severed, when it takes longer than a few seconds.
    fn knows_state(&self) -> bool {
        false
    }

    /// Proves that the connection lives, with a round trip where it has another end.
    ///
    /// # Errors
    /// When it does not answer in time.
    fn ping(&mut self, call: &Call<'_>) -> Result<()>;

    /// Cleans the session for its next borrower. No transaction is open.
    ///
    /// # Errors
    /// The connection is discarded then.
    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()>;

    /// Says that the connection is set up: what was done to it until now, by the hook for new connections, is how it is
    /// meant to be. A driver that remembers what a session has changed starts to count from here.
    fn is_set_up(&mut self) {}

    /// Whether what was there at [`is_set_up`](Self::is_set_up) still is, asked after a reset: if not, the hook for new
    /// connections runs again.
    fn keeps_set_up(&mut self) -> bool {
        false
    }

    /// What may be done while the connection is busy.
    fn handle(&self) -> Arc<dyn Handle>;

    /// The driver's own connection, for what this trait leaves out: `rusqlite::Connection` for SQLite.
    fn raw(&mut self) -> &mut dyn Any;

    /// Ends the connection in good order. Dropping a link ends it too, without a word.
    ///
    /// # Errors
    /// What the database says; the connection is gone all the same.
    fn close(self: Box<Self>) -> Result<()>;

    /// Opens a transaction.
    ///
    /// # Errors
    /// `Unsupported`, before anything is sent, for an option that the database has not; else what the database says.
    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        for statement in self.dialect().begin_statements(options)? {
            self.batch(call, &statement)?;
        }
        Ok(())
    }

    /// Commits. The call is not cancelled any more, but it may have a deadline.
    fn commit(&mut self, call: &Call<'_>) -> CommitOutcome {
        let result = self.batch(call, self.dialect().transactions.commit);
        CommitOutcome::told(result, self.state())
    }

    /// Rolls the whole transaction back.
    ///
    /// # Errors
    /// What the database says; the connection is discarded then.
    fn rollback(&mut self, call: &Call<'_>) -> Result<()> {
        self.batch(call, self.dialect().transactions.rollback)
    }

    /// Sets the savepoint of this number. Its name is one of the library's own, never used twice on a connection.
    ///
    /// # Errors
    /// What the database says.
    fn savepoint(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.batch(call, &self.dialect().savepoint(number))
    }

    /// Forgets a savepoint and keeps what was done since.
    ///
    /// # Errors
    /// What the database says.
    fn release(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        match self.dialect().release(number) {
            Some(statement) => self.batch(call, &statement),
            None => Ok(()),
        }
    }

    /// Undoes what was done since a savepoint, and forgets it.
    ///
    /// # Errors
    /// What the database says.
    fn rollback_to(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.batch(call, &self.dialect().rollback_to(number))?;
        self.release(call, number)
    }

    /// Runs one statement with many sets of parameters; returns the rows affected in all. Stops at the first error.
    ///
    /// # Errors
    /// What the database says, with the number of the failing set, counted from 0, in the message.
    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        let mut affected = 0;
        let mut number = 0_usize;
        while let Some(set) = sets.next() {
            call.check()?;
            let executed = set.and_then(|set| self.execute(call, &set.bound()));
            affected += executed.map_err(|error| error.context(format_args!("set {number}")))?.rows_affected;
            number += 1;
        }
        Ok(affected)
    }

    /// Loads rows into a table by the fastest means the driver has, and says which it was.
    ///
    /// # Errors
    /// What the database says.
    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        let statement = Statement::insert(self.dialect(), table, columns)?;
        let mut sets = rows.map(Params::Positional);
        let affected = self.execute_many(call, &mut Sets::of(&statement, &mut sets))?;
        Ok((affected, BulkPath::Prepared))
    }

    /// The same with rows as sets of parameters of [`Statement::insert`]: what the library asks for. A driver betters it
    /// where it has no use for rows of its own.
    ///
    /// # Errors
    /// What the database says.
    fn bulk_load(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        one_by_one(rows, |rows| self.bulk_insert(call, table, columns, rows))
    }

    /// Waits for notifications on these channels, until the call ends or `each` returns false. `each` hears first that they
    /// are listened to.
    ///
    /// # Errors
    /// `Unsupported` where the database has none.
    fn listen(&mut self, call: &Call<'_>, channels: &[String], each: &mut dyn FnMut(Heard) -> bool) -> Result<()> {
        let _ = (call, channels, each);
        Err(unsupported(self.dialect(), "notifications"))
    }

    /// Describes what is in the database, as rows.
    ///
    /// # Errors
    /// `Unsupported` where the driver cannot tell.
    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        let _ = (call, request, sink);
        Err(unsupported(self.dialect(), "a catalog"))
    }
}

/// A message that the database sent on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The channel it came on.
    pub channel: String,
    /// What it says.
    pub payload: String,
}

/// What whoever listens hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From now on, nothing that is sent is missed while the connection lives.
    Listening,
    /// A message.
    Message(Notification),
}

/// A question about what is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Catalog {
    /// Tables and views: `schema`, `name`, `kind` (`table`, `view`).
    Tables,
    /// The columns of a table: `name`, `type_name`, `nullable`, `default`, `primary_key` (position in it, or 0).
    Columns(String),
    /// The indexes of a table, a row a column in their order: `index`, `unique`, `position`, `column`, `descending`.
    Indexes(String),
    /// The foreign keys of a table, a row a column: `key`, `position`, `column`, `references_table`, `references_column`.
    ForeignKeys(String),
}

fn unsupported(dialect: &Dialect, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{} has no {what} that this driver can reach", dialect.name))
}
