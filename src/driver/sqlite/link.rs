//! What is done with a connection, also while others read from it: SQLite runs statements inside each other.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::catalog;
use super::core::{Core, Failure, bind_or_let_go, let_go};
use super::error::of_native;
use super::statement::{Pragma, mentions};
use super::watch::{Canceller, Watch};
use crate::driver::way::Reentrant;
use crate::driver::{BulkPath, Call, Catalog, Executed, Handle, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, SQLITE, Sets};
use crate::value::Value;

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
            self.prepared(call, running, sql, |statement, facts| {
                if !facts.has_rows {
                    return Err(Failure::Ours(Error::new(
                        ErrorKind::Misuse,
                        "the statement returns no rows: run it with execute, or add a RETURNING clause",
                    )));
                }
                let bytes = bind_or_let_go(statement, bound, facts)?;
                let read = self.read(place, call, running, sql, statement, sink);
                let_go(statement, bytes);
                read?;
                match facts.pragma {
                    Some(pragma) => self.after_pragma(pragma),
                    None => Ok(()),
                }
            })
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
            let statement = sets.statement().clone();
            self.prepared(call, running, statement.sql(), |prepared, facts| {
                let ran = self.run_sets(call, running, sets, prepared, facts, &mut number);
                prepared.clear_bindings();
                ran
            })
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

    fn bulk_load(
        &self,
        call: &Call<'_>,
        _table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        bulk::load(self, call, columns, rows)
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
            Watch::install(&self.watch, self.conn.alone()).map_err(of_native)?;
            self.conn.pair();
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
        Some(self.conn.alone())
    }

    fn close(self) -> Result<()> {
        self.conn.into_conn().close().map_err(|(_, error)| of_native(error))
    }
}
