//! What is done with a connection, also while others read from it: SQLite runs statements inside each other.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;

use super::bulk;
use super::catalog;
use super::core::{Core, Failure, bind_all, bind_bound};
use super::error::of_native;
use super::statement::{Pragma, mentions};
use super::watch::{Canceller, Watch};
use crate::driver::way::Reentrant;
use crate::driver::{BulkPath, Call, Catalog, Executed, Handle, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, SQLITE, Sets};
use crate::value::Value;

/// How many sets of parameters run between two looks at the clock.
const SETS_PER_CHECK: usize = 32;

impl Reentrant for Core {
    fn dialect(_: &ReentrantMutex<Core>) -> &'static Dialect {
        &SQLITE
    }

    fn execute(&self, call: &Call<'_>, bound: &Bound<'_>) -> Result<Executed> {
        self.on_terms(call, |running| self.run_bound(call, running, bound))
    }

    fn query(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        bound: &Bound<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        self.on_terms(call, |running| {
            let sql = &*bound.sql;
            let (mut statement, facts) = self.prepare(call, running, sql)?;
            if !facts.has_rows {
                return Err(Failure::Ours(Error::new(
                    ErrorKind::Misuse,
                    "the statement returns no rows: run it with execute, or add a RETURNING clause",
                )));
            }
            bind_bound(&mut statement, bound, &facts)?;
            let mut rows = statement.raw_query();
            rows.advance()?;
            if rows.get().is_none() {
                // The columns can have changed in this very step, even when there are no rows.
                drop(rows);
                let shape = self.shape(sql, &statement, running)?;
                sink.columns(&shape.columns)?;
            } else {
                let shape = match rows.as_ref() {
                    Some(statement) => self.shape(sql, statement, running)?,
                    // There is a row, so there is a statement.
                    None => return Ok(()),
                };
                self.push_rows(place, call, running, rows, &shape, sink)?;
            }
            drop(statement);
            if let Some(pragma) = facts.pragma {
                self.after_pragma(pragma)?;
            }
            Ok(())
        })
    }

    fn batch(&self, call: &Call<'_>, script: &str) -> Result<()> {
        if script.contains('\0') {
            return Err(Error::new(ErrorKind::NulInText, "the script has a NUL character, at which SQLite would stop"));
        }
        let mut done = 0_usize;
        let result = self.on_terms(call, |running| {
            if mentions(script, "pragma") {
                // Which one, and with what value, is not told statement by statement.
                let pragma = Pragma { assigns: true, is_busy_timeout: mentions(script, "busy_timeout") };
                self.before_pragma(pragma, running)?;
                let result = self.run_script(call, running, script, &mut done);
                self.after_pragma(pragma)?;
                return result;
            }
            self.run_script(call, running, script, &mut done)
        });
        result.map_err(|error| match done {
            0 => error,
            _ => self.after_others(error).context(format_args!("statement {} of the script", done + 1)),
        })
    }

    fn state(&self) -> LinkState {
        if self.doubtful.get() {
            LinkState::Unknown
        } else if self.conn.is_autocommit() {
            LinkState::Idle
        } else {
            LinkState::Open
        }
    }

    fn knows_state(_: &ReentrantMutex<Core>) -> bool {
        true
    }

    fn ping(&self, call: &Call<'_>) -> Result<()> {
        self.on_terms(call, |_| {
            // Without a look at the file, which somebody may have locked: that would not make the connection a bad one.
            let mut statement = self.conn.prepare_cached("SELECT 1")?;
            Ok(statement.query_row([], |_| Ok(()))?)
        })
    }

    fn execute_many(&self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        let mut number = 0_usize;
        let result = self.on_terms(call, |running| {
            let mut affected = 0;
            let (mut prepared, facts) = self.prepare(call, running, sets.statement().sql())?;
            let mut total = self.conn.total_changes();
            while let Some(set) = sets.next() {
                if number % SETS_PER_CHECK == SETS_PER_CHECK - 1 {
                    call.check()?;
                }
                let set = set?;
                if set.is_written_out() {
                    // Another statement, for this set alone.
                    self.run_bound(call, running, &set.bound())?;
                } else {
                    bind_all(&mut prepared, set.values(), &facts, |at| set.parameter(at))?;
                    self.run_prepared(&mut prepared, &facts)?;
                }
                // As in `executed`, with half the questions.
                let before = std::mem::replace(&mut total, self.conn.total_changes());
                if total != before {
                    affected += self.conn.changes();
                }
                number += 1;
            }
            Ok(affected)
        });
        result.map_err(|error| {
            let error = if number > 0 { self.after_others(error) } else { error };
            error.context(format_args!("set {number}"))
        })
    }

    fn bulk_insert(
        &self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        bulk::insert(self, call, table, columns, rows)
    }

    fn catalog(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        request: &Catalog,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        catalog::describe(self, place, call, request, sink)
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(Canceller(Arc::clone(&self.watch)))
    }

    /// With our handlers on it.
    #[inline]
    fn ready(&mut self) -> Result<()> {
        if self.handlers_lost.get() {
            Watch::install(&self.watch, &mut self.conn).map_err(of_native)?;
            self.handlers_lost.set(false);
        }
        Ok(())
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        let is_dirty = self.changed.get() || self.raw_used.get();
        if how == Reset::Full || is_dirty || self.has_other_schemas()? {
            // A new connection in the place of this one. The handle stays the same.
            let (conn, watch) = self.opener.open_with(call, Some(&self.watch))?;
            *self = Core::new(conn, watch, Arc::clone(&self.opener));
        }
        Ok(())
    }

    fn is_set_up(&mut self) {
        // What the hook attached, and its temporary tables, cannot be told from what a borrower puts in their place.
        if matches!(self.has_other_schemas(), Ok(false)) {
            self.changed.set(false);
            self.raw_used.set(false);
            self.set_up.set(true);
        }
    }

    fn keeps_set_up(&mut self) -> bool {
        self.set_up.get()
    }

    /// Lends the [`rusqlite::Connection`].
    fn raw(&mut self) -> Option<&mut dyn Any> {
        self.raw_used.set(true);
        self.handlers_lost.set(true);
        Some(&mut self.conn)
    }

    fn close(self) -> Result<()> {
        self.conn.close().map_err(|(_, error)| of_native(error))
    }
}
