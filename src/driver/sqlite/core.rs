//! One connection, and what its statements are made of.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::ReentrantMutex;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, Statement as Prepared};

use super::error::{code_of, is_fatal, of_native, of_statement, of_stop};
use super::open::Opener;
use super::statement::{Facts, Known, Pragma, Shape, is_fresh};
use super::values::{bind, push};
use super::watch::{Protection, Running, Stop, Watch};
use crate::driver::raw::sqlite::Held;
use crate::driver::way::Way;
use crate::driver::{Batcher, Call, Executed, Flow, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Bound, Sets};
use crate::value::{Value, ValueRef};

/// How many sets of parameters run between two looks at the clock.
const SETS_PER_CHECK: usize = 32;

/// A connection with all that belongs to it.
pub(super) struct Core {
    pub(super) conn: Held,
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
        let statements = opener.settings.statement_cache;
        let known = RefCell::new(Known::new(statements * 4));
        Core {
            conn: Held::new(conn, statements),
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
        self.prepared(call, running, &bound.sql, |statement, facts| {
            let bytes = bind_or_let_go(statement, bound, facts)?;
            let before = if facts.writes { self.conn.total_changes() } else { 0 };
            let ran = self.run_prepared(statement, facts);
            let_go(statement, bytes);
            ran?;
            // It has been reset, so that it is in the way of nothing.
            if let Some(pragma) = facts.pragma {
                self.after_pragma(pragma)?;
            }
            Ok(self.executed(facts, before))
        })
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

    /// Runs `work` with a prepared statement that may run on these terms.
    #[inline]
    pub(super) fn prepared<R>(
        &self,
        call: &Call<'_>,
        running: &Running<'_>,
        sql: &str,
        work: impl FnOnce(&mut Prepared<'_>, &Facts) -> Outcome<R>,
    ) -> Outcome<R> {
        self.known(sql, running, |statement, facts| {
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
            work(statement, facts)
        })
    }

    /// Runs `work` with a prepared statement and what is known of it.
    #[inline]
    fn known<R>(
        &self,
        sql: &str,
        running: &Running<'_>,
        work: impl FnOnce(&mut Prepared<'_>, &Facts) -> Outcome<R>,
    ) -> Outcome<R> {
        let known = self.known.borrow_mut().facts(sql);
        // A text that is new is looked at first, and kept at hand from the second time on.
        let number = known.map_or(0, |facts| facts.number);
        self.conn.with(number, sql, |statement, at_hand| match known {
            Some(facts) => {
                // Inside of another statement there may be two of this text; one that has never run is a new one.
                if facts.has_rows && (!running.is_alone() || (!at_hand && is_fresh(statement))) {
                    self.known.borrow_mut().look_again(sql);
                }
                work(statement, &facts)
            }
            None => {
                let facts = self.known.borrow_mut().learn_facts(sql, statement)?;
                work(statement, &facts)
            }
        })?
    }

    /// Runs a statement, and pushes its rows.
    #[inline]
    pub(super) fn read(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        running: &Running<'_>,
        sql: &str,
        statement: &mut Prepared<'_>,
        sink: &mut dyn RowSink,
    ) -> Outcome<()> {
        let mut rows = statement.raw_query();
        rows.advance()?;
        if rows.get().is_none() {
            // The columns can have changed in this very step, even when there are no rows.
            drop(rows);
            let shape = self.shape(sql, statement, running)?;
            sink.columns(&shape.columns)?;
            return Ok(());
        }
        let shape = match rows.as_ref() {
            Some(statement) => self.shape(sql, statement, running)?,
            // There is a row, so there is a statement.
            None => return Ok(()),
        };
        self.push_rows(place, call, running, rows, &shape, sink)
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

    /// Runs a statement with one set after another; `number` counts those that have run.
    #[inline]
    pub(super) fn run_sets(
        &self,
        call: &Call<'_>,
        running: &Running<'_>,
        sets: &mut Sets<'_>,
        prepared: &mut Prepared<'_>,
        facts: &Facts,
        number: &mut usize,
    ) -> Outcome<u64> {
        let mut affected = 0;
        let mut total = self.conn.total_changes();
        while let Some(set) = sets.next() {
            if *number % SETS_PER_CHECK == SETS_PER_CHECK - 1 {
                call.check()?;
            }
            let set = set?;
            if set.is_written_out() {
                // Another statement, for this set alone.
                self.run_bound(call, running, &set.bound())?;
            } else {
                bind_all(prepared, set.values(), facts, |at| set.parameter(at))?;
                self.run_prepared(prepared, facts)?;
            }
            // As in `executed`, with half the questions.
            let before = std::mem::replace(&mut total, self.conn.total_changes());
            if total != before {
                affected += self.conn.changes();
            }
            *number += 1;
        }
        Ok(affected)
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

    /// Runs something of our own to its end: BEGIN, COMMIT, PRAGMA.
    pub(super) fn verb(&self, call: &Call<'_>, sql: &str, protection: Protection) -> Result<()> {
        self.on_terms(call, |running| {
            running.protect(protection);
            self.known(sql, running, |statement, _| Ok(statement.raw_execute().map(drop)?))
        })
    }

    /// The same for a text that never comes again, because it has a number in it: it would only be in the way of others
    /// where statements are kept.
    pub(super) fn verb_once(&self, call: &Call<'_>, sql: &str, protection: Protection) -> Result<()> {
        self.on_terms(call, |running| {
            running.protect(protection);
            Ok(self.conn.prepare(sql)?.raw_execute().map(drop)?)
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

/// So many bytes of values may stay bound to a statement that does not run: SQLite has copies of them.
const MAY_STAY: usize = 1024;

/// Takes the values from a statement that has run, if it is worth while: the next run takes them anyway.
#[inline]
pub(super) fn let_go(statement: &mut Prepared<'_>, bytes: usize) {
    if bytes > MAY_STAY {
        statement.clear_bindings();
    }
}

/// [`bind_bound`], and nothing stays bound of values that cannot be.
#[inline]
pub(super) fn bind_or_let_go(statement: &mut Prepared<'_>, bound: &Bound<'_>, facts: &Facts) -> Outcome<usize> {
    let result = bind_bound(statement, bound, facts);
    if result.is_err() {
        statement.clear_bindings();
    }
    result
}

/// Binds the values of a statement. Those that are nearly all there are go straight in, without becoming borrowed values
/// first. Returns about how many bytes they are.
#[inline]
fn bind_bound(statement: &mut Prepared<'_>, bound: &Bound<'_>, facts: &Facts) -> Outcome<usize> {
    if bound.values.len() != facts.parameters {
        return Err(Failure::Ours(wrong_count(bound.values.len(), facts.parameters)));
    }
    let mut bytes = 0;
    for (at, value) in bound.values.iter().enumerate() {
        match value {
            Value::I64(value) => statement.raw_bind_parameter(at + 1, *value)?,
            Value::F64(value) if !value.is_nan() => statement.raw_bind_parameter(at + 1, *value)?,
            Value::Text(text) => {
                bytes += text.len();
                statement.raw_bind_parameter(at + 1, &**text)?;
            }
            other => bytes += bind(statement, at + 1, other.as_ref(), || bound.parameter(at))?,
        }
    }
    Ok(bytes)
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
        let _ = bind(statement, at + 1, value, || name(at))?;
    }
    Ok(())
}

#[cold]
fn wrong_count(given: usize, wanted: usize) -> Error {
    Error::new(ErrorKind::Parameter, format!("the statement has {wanted} parameters, {given} values were given"))
}
