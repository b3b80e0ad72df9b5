//! What is done with a connection, also while others read from it: with many drivers statements run inside each other.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::cancel::Canceller;
use super::catalog;
use super::core::Core;
use crate::driver::foreign::probe::Probe;
use crate::driver::foreign::statement::{
    changes_rows, had_no_rows, inserts, only_reads, refuse_without_rows, run_script,
};
use crate::driver::way::{Reentrant, Way};
use crate::driver::{BulkPath, Call, Catalog, Executed, Handle, LinkState, Reset, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, Sets};
use crate::value::Value;

impl Reentrant for Core {
    fn dialect(place: &ReentrantMutex<Core>) -> &'static Dialect {
        place.lock().dialect
    }

    fn execute(&self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.enter(call)?;
        let parameters = self.binding.all(&statement.values, |at| statement.parameter(at))?;
        let mut returned = None;
        let interruptible = call.may_interrupt_writes()
            || !self.known.interrupted_write_ends_all
            || only_reads(&statement.sql, self.dialect);
        let changed = self.run_with(interruptible, &statement.sql, &parameters, |_, mut rows| {
            // INSERT … RETURNING: what it returns is what it changed.
            returned = Some(rows.count(call)?);
            Ok(())
        })?;
        let writes = changes_rows(&statement.sql);
        let affected = match (changed, returned) {
            (Some(changed), _) if writes => changed,
            (None, Some(returned)) if writes => returned,
            _ => 0,
        };
        let key = match self.known.last_key {
            Some(query) if inserts(&statement.sql) && affected > 0 => self.number(query)?.filter(|key| *key != 0),
            _ => None,
        };
        Ok(Executed::new(affected, key))
    }

    fn query(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        statement: &Bound<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        refuse_without_rows(&statement.sql, self.dialect)?;
        self.enter(call)?;
        self.look()?;
        let nests = self.binding.family.nests;
        let mut had_rows = false;
        let parameters = self.binding.all(&statement.values, |at| statement.parameter(at))?;
        let writes = self.may_write(&statement.sql)?;
        let mut guard = StreamGuard::set(self, sink)?;
        let ran = self.run_with(true, &statement.sql, &parameters, |_, rows| {
            had_rows = true;
            guard.release(self)?;
            let mut inside = Way::again(place);
            rows.of_a_write(writes).push_into(call, sink, nests.then_some(&mut inside))
        });
        guard.end(self, ran)?;
        if had_rows { Ok(()) } else { Err(had_no_rows()) }
    }

    fn batch(&self, call: &Call<'_>, script: &str) -> Result<()> {
        run_script(script, self.dialect, |text| self.verb(call, text))
    }

    /// Asked unless nothing has happened since it was asked last.
    fn state(&self) -> LinkState {
        self.known_state().unwrap_or_else(|| {
            let state = match self.swallow_cancel() {
                Ok(()) => self.ask(),
                Err(_) => LinkState::Unknown,
            };
            // What was asked with has changed nothing.
            self.set_state(state);
            state
        })
    }

    fn knows_state(place: &ReentrantMutex<Core>) -> bool {
        let core = place.lock();
        core.known_state().is_some() || !core.is_told()
    }

    fn ping(&self, call: &Call<'_>) -> Result<()> {
        self.enter(call)?;
        self.number(self.known.one).map(drop)
    }

    fn execute_many(&self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        bulk::execute_many(self, call, sets)
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
        _: &ReentrantMutex<Core>,
        call: &Call<'_>,
        request: &Catalog,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        catalog::describe(self, call, request, sink)
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(Canceller(Arc::clone(&self.running)))
    }

    /// Opens the connection anew: ODBC has nothing that makes a session forget, and what each database would have to be
    /// told takes the settings along that its driver has made for itself.
    fn reset(&mut self, call: &Call<'_>, _how: Reset) -> Result<()> {
        *self = self.shared.open(call, Arc::clone(&self.running))?;
        Ok(())
    }

    /// Lends the [`odbc_api::Connection`].
    fn raw(&mut self) -> Option<&mut dyn Any> {
        self.connection_mut().map(|connection| connection as &mut dyn Any)
    }

    fn close(mut self) -> Result<()> {
        if self.conn.end() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ConnectionLost, "the driver did not let the connection go")
            .with_effect(Effect::NotApplied))
    }
}

/// A savepoint around the run of a stream's statement, where a statement that fails leaves its transaction with nothing but
/// its end: a reader who leaves before there are rows ends the statement by a cancel, and that is no failure.
struct StreamGuard {
    is_set: bool,
}

impl StreamGuard {
    fn set(core: &Core, sink: &dyn RowSink) -> Result<StreamGuard> {
        let is_set = sink.wants_again() && core.known.probe == Probe::Savepoint && core.state() == LinkState::Open;
        if is_set {
            StreamGuard::verb(core, "SAVEPOINT pontoon_stream")?;
        }
        Ok(StreamGuard { is_set })
    }

    /// The statement has run. Before its rows are handed out, as others may set savepoints between them.
    fn release(&mut self, core: &Core) -> Result<()> {
        if std::mem::take(&mut self.is_set) {
            StreamGuard::verb(core, "RELEASE SAVEPOINT pontoon_stream")
        } else {
            Ok(())
        }
    }

    fn end<T>(mut self, core: &Core, ran: Result<T>) -> Result<T> {
        match &ran {
            Err(error) if self.is_set && error.kind() == ErrorKind::Cancelled => {
                StreamGuard::verb(core, "ROLLBACK TO SAVEPOINT pontoon_stream")?;
                self.release(core)?;
            }
            Ok(_) => self.release(core)?,
            Err(_) => {}
        }
        ran
    }

    /// No cancel reaches it; and it leaves the transaction open.
    fn verb(core: &Core, sql: &str) -> Result<()> {
        core.run_with(false, sql, &[], |_, mut rows| rows.only_number().map(drop))?;
        core.set_state(LinkState::Open);
        Ok(())
    }
}
