//! The session that a shipped closure works with.

use std::cell::RefCell;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::core::{Core, Tallied};
use super::stack::{Cause, Token};
use super::turn::Errand;
use super::turn::Turn;
use crate::driver::{Flow, Link, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::params::IntoParams;
use crate::query::{IntoQuery, QueryOptions};
use crate::queryable::Perform;
use crate::row::{Batch, Columns, Row};
use crate::sql::{Dialect, IsolationLevel, Statement, TxOptions};

/// A connection, inside a closure that was shipped to it by `run` or `session`: many statements, one way there and back.
///
/// It has the verbs of [`Queryable`](crate::Queryable); each runs at once, on the thread of the connection, under the
/// deadline of the whole closure or its own, whichever is nearer. It cannot leave the closure.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// # db.execute("CREATE TABLE notes (text TEXT)", ())?;
/// let count: Option<i64> = db.session(|session| {
///     session.execute("INSERT INTO notes VALUES (:text)", params! { text: "one" })?;
///     session.fetch_val("SELECT count(*) FROM notes", ())
/// })?;
/// assert_eq!(count, Some(1));
/// # Ok::<(), pontoon::Error>(())
/// ```
pub struct Session<'s> {
    core: RefCell<Core<'s>>,
    turn: &'s Turn<'s>,
    dialect: &'static Dialect,
    /// The isolation level of outermost transactions for which none is asked.
    level: Option<IsolationLevel>,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl<'s> Session<'s> {
    pub(crate) fn new(core: Core<'s>, turn: &'s Turn<'s>, level: Option<IsolationLevel>) -> Session<'s> {
        let dialect = core.dialect();
        Session { core: RefCell::new(core), turn, dialect, level }
    }

    /// Runs a query and calls `each` with every row, as it comes, until it breaks. No more than a batch is held.
    ///
    /// The session is busy until it is over: a statement inside `each` is `WouldDeadlock`. Fetch first, or use
    /// [`iterate`](crate::Streamable::iterate) from outside, where statements may be run between the rows.
    ///
    /// # Errors
    /// What the database says, or what `each` returns.
    pub fn each<'q>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
        each: impl FnMut(Row) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (sql, params, options) = query.into_query(self.dialect)?.into_parts(params)?;
        let statement = Statement::cached(&sql, self.dialect)?;
        let mut core = self.borrow()?;
        narrowed(&mut core, self.turn, options, |core, turn| {
            core.query(turn, &statement, params, &mut Each { each, tally: (0, 0) })
        })
    }

    /// Runs `work` inside a transaction, or a savepoint where one is open: committed on `Ok`, rolled back on `Err` and
    /// when it cannot be committed. A panic costs the connection, which takes the transaction with it.
    ///
    /// # Errors
    /// What `work` returns, or what the database says of BEGIN and COMMIT.
    pub fn transaction<T, E: From<Error>>(&self, work: impl FnOnce(&Session<'s>) -> Result<T, E>) -> Result<T, E> {
        self.transaction_with(&TxOptions::default(), work)
    }

    /// As [`transaction`](Self::transaction), with options. A retry policy has no effect here: retry the whole closure
    /// from outside.
    ///
    /// # Errors
    /// As there.
    pub fn transaction_with<T, E: From<Error>>(
        &self,
        options: &TxOptions,
        work: impl FnOnce(&Session<'s>) -> Result<T, E>,
    ) -> Result<T, E> {
        let token = self.begin(options)?;
        let panicking = Panicking(self);
        let result = work(self);
        panicking.did_not();
        match result {
            Ok(value) if options.rollback_only => {
                self.borrow()?.rollback(self.turn, token)?;
                Ok(value)
            }
            Ok(value) => {
                self.borrow()?.commit_or_roll_back(self.turn, token)?;
                Ok(value)
            }
            Err(error) => {
                // The closure's own error is what its caller needs; a rollback that failed costs the connection and
                // nothing else.
                let _ = self.borrow()?.rollback(self.turn, token);
                Err(error)
            }
        }
    }

    fn begin(&self, options: &TxOptions) -> Result<Token> {
        let mut core = self.borrow()?;
        let mut options = *options;
        // The level belongs to the outermost transaction.
        if options.isolation.is_none() && !core.is_in_transaction() {
            options.isolation = self.level;
        }
        core.begin(self.turn, &options)
    }

    fn borrow(&self) -> Result<std::cell::RefMut<'_, Core<'s>>> {
        self.core.try_borrow_mut().map_err(|_| {
            Error::new(
                ErrorKind::WouldDeadlock,
                "the session is inside each(): fetch the rows first, then run the other statement",
            )
        })
    }
}

/// A transaction that a panic leaves open: should the panic be caught inside the shipped closure, statements that follow
/// would go into it, and nobody commits it. It may be the driver that panicked, so nothing more is asked of it.
struct Panicking<'t, 's>(&'t Session<'s>);

impl Panicking<'_, '_> {
    fn did_not(self) {
        let _ = std::mem::ManuallyDrop::new(self);
    }
}

impl Drop for Panicking<'_, '_> {
    fn drop(&mut self) {
        if let Ok(mut core) = self.0.core.try_borrow_mut() {
            let message = "a closure panicked inside a transaction".into();
            core.doubt(Cause { kind: ErrorKind::DriverPanic, message });
        }
    }
}

/// Runs one statement of a closure on its own terms.
fn narrowed<T>(
    core: &mut Core<'_>,
    turn: &Turn<'_>,
    options: QueryOptions,
    run: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T>,
) -> Result<T> {
    let (result, is_fit) = turn.narrowed(options, |turn| run(&mut core.reborrow(), turn));
    if !is_fit {
        core.doubt(Cause { kind: ErrorKind::Cancelled, message: "a cancel may still be on its way".into() });
    }
    result
}

impl Perform for Session<'_> {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut core = self.borrow()?;
        narrowed(&mut core, self.turn, errand.options, job)
    }
}

impl crate::Queryable for Session<'_> {}

/// Hands every row to a closure.
struct Each<F> {
    each: F,
    tally: (u64, u64),
}

impl<F: FnMut(Row) -> Result<ControlFlow<()>>> RowSink for Each<F> {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        256
    }

    fn batch(&mut self, batch: Batch, _again: Option<&mut dyn Link>) -> Result<Flow> {
        self.tally.0 += batch.len() as u64;
        self.tally.1 += batch.bytes() as u64;
        let batch = Arc::new(batch);
        for index in 0..batch.len() {
            let Some(row) = batch.row(index) else { break };
            if (self.each)(row)?.is_break() {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

impl<F: FnMut(Row) -> Result<ControlFlow<()>>> Tallied for Each<F> {
    fn tally(&self) -> (u64, u64) {
        self.tally
    }
}
