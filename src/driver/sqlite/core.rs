//! One connection, and what its statements are made of.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::ReentrantMutex;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{CachedStatement, Connection, Statement as Prepared};

use super::error::{code_of, is_fatal, of_native, of_statement, of_stop};
use super::open::Opener;
use super::statement::{Facts, Known, Pragma, Shape};
use super::values::{bind, push};
use super::watch::{Protection, Running, Stop, Watch};
use crate::driver::way::Way;
use crate::driver::{Batcher, Call, Executed, Flow, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::Bound;
use crate::value::{Value, ValueRef};

/// A connection with all that belongs to it.
pub(super) struct Core {
    pub(super) conn: Connection,
    pub(super) watch: Arc<Watch>,
    pub(super) opener: Arc<Opener>,
    pub(super) known: RefCell<Known>,
    /// A statement set something that outlives it: a PRAGMA with a value.
    pub(super) changed: Cell<bool>,
    /// The connection itself was in the user's hands: there may be functions and hooks that call into the program.
    pub(super) raw_used: Cell<bool>,
    /// Our busy handler may have been replaced.
    pub(super) handlers_lost: Cell<bool>,
    /// What the hook for new connections did is in place, and nothing else.
    pub(super) set_up: Cell<bool>,
    /// A read-only transaction was begun, and `query_only` is on.
    pub(super) query_only: Cell<bool>,
    /// An error came after which SQLite's own word counts no more.
    pub(super) doubtful: Cell<bool>,
}

/// What can end a call.
pub(super) enum Failure {
    Native(rusqlite::Error),
    Ours(Error),
    Stop(Stop),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Native(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::Stop(stop)
    }
}

pub(super) type Outcome<T> = std::result::Result<T, Failure>;

impl Core {
    pub(super) fn new(conn: Connection, watch: Arc<Watch>, opener: Arc<Opener>) -> Core {
        let known = RefCell::new(Known::new(opener.settings.statement_cache * 4));
        Core {
            conn,
            watch,
            opener,
            known,
            changed: Cell::new(false),
            raw_used: Cell::new(false),
            handlers_lost: Cell::new(false),
            set_up: Cell::new(false),
            query_only: Cell::new(false),
            doubtful: Cell::new(false),
        }
    }

    /// Runs a piece of work on the terms of a call.
    #[inline]
    pub(super) fn on_terms<T>(&self, call: &Call<'_>, work: impl FnOnce(&Running<'_>) -> Outcome<T>) -> Result<T> {
        let running = self.watch.enter(call);
        // After entering: a cancel that comes from here on finds the call, one that came before is seen now.
        call.check_first().map_err(|error| error.with_effect(Effect::NotSent))?;
        self.end_query_only()?;
        work(&running).map_err(|failure| self.explain(failure, &running))
    }

    #[cold]
    fn explain(&self, failure: Failure, running: &Running<'_>) -> Error {
        match failure {
            Failure::Ours(error) => error,
            Failure::Stop(stop) => of_stop(stop),
            Failure::Native(native) => {
                if code_of(&native).is_some_and(is_fatal) {
                    self.doubtful.set(true);
                }
                of_statement(native, running, !self.conn.is_autocommit())
            }
        }
    }

    // ---- statements

    pub(super) fn run_bound(&self, call: &Call<'_>, running: &Running<'_>, bound: &Bound<'_>) -> Outcome<Executed> {
        let (mut statement, facts) = self.prepare(call, running, &bound.sql)?;
        bind_bound(&mut statement, bound, &facts)?;
        let before = if facts.writes { self.conn.total_changes() } else { 0 };
        self.run_prepared(&mut statement, &facts)?;
        drop(statement);
        if let Some(pragma) = facts.pragma {
            self.after_pragma(pragma)?;
        }
        Ok(self.executed(&facts, before))
    }

    /// What a statement did that began when the total number of changes was `before`.
    #[inline]
    pub(super) fn executed(&self, facts: &Facts, before: u64) -> Executed {
        // SQLite's count of changes is that of the last statement that had any to count, whichever it was.
        if !facts.writes || self.conn.total_changes() == before {
            return Executed::default();
        }
        Executed::new(self.conn.changes(), facts.inserts.then(|| self.conn.last_insert_rowid()))
    }

    /// Takes a statement to its end.
    #[inline]
    pub(super) fn run_prepared(&self, statement: &mut Prepared<'_>, facts: &Facts) -> Outcome<()> {
        if !facts.has_rows {
            statement.raw_execute()?;
            return Ok(());
        }
        let mut rows = statement.raw_query();
        loop {
            rows.advance()?;
            if rows.get().is_none() {
                return Ok(());
            }
        }
    }

    /// A prepared statement that may run on these terms.
    #[inline]
    pub(super) fn prepare<'c>(
        &'c self,
        call: &Call<'_>,
        running: &Running<'_>,
        sql: &str,
    ) -> Outcome<(CachedStatement<'c>, Facts)> {
        let statement = self.conn.prepare_cached(sql)?;
        let facts = self.known.borrow_mut().facts(sql, &statement)?;
        if facts.writes {
            if call.is_read_only() {
                return Err(Failure::Ours(
                    Error::new(ErrorKind::ReadOnly, "the statement writes, and the query was marked read-only")
                        .with_effect(Effect::NotSent),
                ));
            }
            if !call.may_interrupt_writes() {
                running.protect(Protection::Work);
            }
        }
        if let Some(pragma) = facts.pragma {
            self.before_pragma(pragma, running)?;
        }
        Ok((statement, facts))
    }

    #[inline]
    pub(super) fn shape(&self, sql: &str, statement: &Prepared<'_>, running: &Running<'_>) -> Result<Arc<Shape>> {
        self.known.borrow_mut().shape(sql, statement, running.is_alone())
    }

    pub(super) fn push_rows(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        running: &Running<'_>,
        mut rows: rusqlite::Rows<'_>,
        shape: &Shape,
        sink: &mut dyn RowSink,
    ) -> Outcome<()> {
        let mut batcher = Batcher::new(sink, Arc::clone(&shape.columns))?;
        while let Some(row) = rows.get() {
            for (position, &reading) in shape.readings.iter().enumerate() {
                push(batcher.row(), row.get_ref(position)?, reading, position)?;
            }
            if batcher.is_full_with_row() {
                running.pause(call)?;
                let flow = batcher.push(Some(&mut Way::again(place)))?;
                if flow == Flow::Stop {
                    return Ok(());
                }
                running.resume(call)?;
            }
            rows.advance()?;
        }
        // Ended before the last batch goes out: its reader may want the connection for itself.
        drop(rows);
        batcher.finish()?;
        Ok(())
    }

    pub(super) fn run_script(
        &self,
        call: &Call<'_>,
        running: &Running<'_>,
        script: &str,
        done: &mut usize,
    ) -> Outcome<()> {
        let mut batch = rusqlite::Batch::new(&self.conn, script);
        while let Some(mut statement) = FallibleIterator::next(&mut batch)? {
            call.check()?;
            if statement.parameter_count() > 0 {
                return Err(Failure::Ours(Error::new(
                    ErrorKind::Parameter,
                    "a script has no parameters: run the statements that have some one by one",
                )));
            }
            let writes = !statement.readonly();
            if writes && call.is_read_only() {
                return Err(Failure::Ours(
                    Error::new(ErrorKind::ReadOnly, "the script writes, and it was marked read-only")
                        .with_effect(Effect::NotApplied),
                ));
            }
            let protected = writes && !call.may_interrupt_writes();
            running.protect(if protected { Protection::Work } else { Protection::None });
            let mut rows = statement.raw_query();
            loop {
                rows.advance()?;
                if rows.get().is_none() {
                    break;
                }
            }
            *done += 1;
        }
        Ok(())
    }

    /// The error of a piece of work of which a part was done before. Outside a transaction that part is committed, and
    /// the work must not simply be tried again.
    pub(super) fn after_others(&self, error: Error) -> Error {
        if self.conn.is_autocommit() { error.with_effect(Effect::Unknown) } else { error }
    }

    // ---- pragmas

    pub(super) fn before_pragma(&self, pragma: Pragma, running: &Running<'_>) -> Result<()> {
        if pragma.assigns && pragma.is_busy_timeout && !running.is_alone() {
            // It would remove our busy handler, which can only be put back when no statement is open.
            return Err(Error::new(
                ErrorKind::ConnectionBusy,
                "PRAGMA busy_timeout cannot be set while rows are being read on the same connection",
            ));
        }
        Ok(())
    }

    pub(super) fn after_pragma(&self, pragma: Pragma) -> Outcome<()> {
        if !pragma.assigns {
            return Ok(());
        }
        self.changed.set(true);
        if pragma.is_busy_timeout {
            // Ours counts the time it says, and looks at the deadline and the cancel besides.
            self.handlers_lost.set(true);
            let millis: u64 = self.conn.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, u32>(0))?.into();
            self.watch.set_busy_timeout(Some(Duration::from_millis(millis)));
        }
        Ok(())
    }

    /// Runs something of our own to its end: BEGIN, SAVEPOINT, PRAGMA.
    pub(super) fn verb(&self, call: &Call<'_>, sql: &str, protection: Protection) -> Result<()> {
        self.on_terms(call, |running| {
            running.protect(protection);
            let mut statement = self.conn.prepare_cached(sql)?;
            statement.raw_execute()?;
            Ok(())
        })
    }

    // ---- the rest

    /// Whether there are databases beside the main one: attached ones, or the one of temporary tables.
    pub(super) fn has_other_schemas(&self) -> Result<bool> {
        let count = || -> rusqlite::Result<usize> {
            let mut statement = self.conn.prepare_cached("PRAGMA database_list")?;
            let mut rows = statement.query([])?;
            let mut count = 0;
            while rows.next()?.is_some() {
                count += 1;
            }
            Ok(count)
        };
        count().map(|count| count > 1).map_err(of_native)
    }
}

/// Binds the values of a statement. Those that are nearly all there are go straight in, without becoming borrowed values
/// first.
#[inline]
pub(super) fn bind_bound(statement: &mut Prepared<'_>, bound: &Bound<'_>, facts: &Facts) -> Outcome<()> {
    if bound.values.len() != facts.parameters {
        return Err(Failure::Ours(wrong_count(bound.values.len(), facts.parameters)));
    }
    for (at, value) in bound.values.iter().enumerate() {
        match value {
            Value::I64(value) => statement.raw_bind_parameter(at + 1, *value)?,
            Value::Text(text) => statement.raw_bind_parameter(at + 1, &**text)?,
            other => bind(statement, at + 1, other.as_ref(), || bound.parameter(at))?,
        }
    }
    Ok(())
}

/// Binds one of many sets of values of a statement.
#[inline]
pub(super) fn bind_all<'v>(
    statement: &mut Prepared<'_>,
    values: impl ExactSizeIterator<Item = ValueRef<'v>>,
    facts: &Facts,
    name: impl Fn(usize) -> String,
) -> Outcome<()> {
    if values.len() != facts.parameters {
        return Err(Failure::Ours(wrong_count(values.len(), facts.parameters)));
    }
    bind_values(statement, values, name)
}

/// Binds values in order, from the first parameter on. `name` says what a value is called, counted from 0.
#[inline]
pub(super) fn bind_values<'v>(
    statement: &mut Prepared<'_>,
    values: impl Iterator<Item = ValueRef<'v>>,
    name: impl Fn(usize) -> String,
) -> Outcome<()> {
    for (at, value) in values.enumerate() {
        bind(statement, at + 1, value, || name(at))?;
    }
    Ok(())
}

#[cold]
fn wrong_count(given: usize, wanted: usize) -> Error {
    Error::new(ErrorKind::Parameter, format!("the statement has {wanted} parameters, {given} values were given"))
}
