//! A connection, and the second way into it while a statement is open.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::cancel::Canceller;
use super::catalog;
use super::core::Core;
use crate::driver::{BulkPath, Call, Catalog, CommitOutcome, Executed, Handle, Link, LinkState, Reset, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, Sets, TxOptions};
use crate::value::Value;

/// One connection.
///
/// The lock is there for the types alone: statements inside each other share the connection on one thread, and a link
/// must be `Send`. It is never waited for.
pub(super) struct OdbcLink {
    core: ReentrantMutex<Core>,
    /// What [`Link::raw`] lends when there is no connection any more.
    nothing: (),
}

impl OdbcLink {
    pub(super) fn new(core: Core) -> OdbcLink {
        OdbcLink { core: ReentrantMutex::new(core), nothing: () }
    }

    fn inside(&mut self) -> Inside<'_> {
        Inside::new(&self.core)
    }
}

/// A connection that may have a statement open: the second way in.
pub(super) struct Inside<'c> {
    core: &'c ReentrantMutex<Core>,
    /// What [`Link::raw`] lends here: nothing.
    nothing: (),
}

impl<'c> Inside<'c> {
    pub(super) fn new(core: &'c ReentrantMutex<Core>) -> Inside<'c> {
        Inside { core, nothing: () }
    }

    fn with<T>(&self, work: impl FnOnce(&Core) -> T) -> T {
        work(&self.core.lock())
    }
}

impl Link for Inside<'_> {
    fn dialect(&self) -> &'static Dialect {
        self.with(|core| core.known.dialect)
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.with(|core| core.execute(call, statement))
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.with(|core| core.query(self.core, call, statement, sink))
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        self.with(|core| core.batch(call, script))
    }

    fn state(&mut self) -> LinkState {
        self.with(Core::state)
    }

    fn knows_state(&self) -> bool {
        self.with(Core::knows_state)
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.with(|core| core.ping(call))
    }

    fn reset(&mut self, _call: &Call<'_>, _how: Reset) -> Result<()> {
        Err(Error::new(ErrorKind::ConnectionBusy, "the connection is not reset while rows are being read from it"))
    }

    fn handle(&self) -> Arc<dyn Handle> {
        self.with(|core| Arc::new(Canceller(Arc::clone(&core.running))))
    }

    /// Lends `()`: the connection itself is in use.
    fn raw(&mut self) -> &mut dyn Any {
        &mut self.nothing
    }

    fn close(self: Box<Self>) -> Result<()> {
        // The connection belongs to the one who reads from it.
        Ok(())
    }

    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        self.with(|core| core.begin(call, options))
    }

    fn commit(&mut self, call: &Call<'_>) -> CommitOutcome {
        self.with(|core| core.commit(call))
    }

    fn rollback(&mut self, call: &Call<'_>) -> Result<()> {
        self.with(|core| core.rollback(call))
    }

    fn savepoint(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.with(|core| core.savepoint(call, number))
    }

    fn release(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.with(|core| core.release(call, number))
    }

    fn rollback_to(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.with(|core| core.rollback_to(call, number))
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        self.with(|core| bulk::execute_many(core, call, sets))
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        self.with(|core| bulk::insert(core, call, table, columns, rows))
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        self.with(|core| catalog::describe(core, call, request, sink))
    }
}

impl Link for OdbcLink {
    fn dialect(&self) -> &'static Dialect {
        self.core.lock().known.dialect
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.inside().execute(call, statement)
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.inside().query(call, statement, sink)
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        self.inside().batch(call, script)
    }

    fn state(&mut self) -> LinkState {
        self.core.get_mut().state()
    }

    fn knows_state(&self) -> bool {
        self.core.lock().knows_state()
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.inside().ping(call)
    }

    /// Opens the connection anew: ODBC has nothing that makes a session forget, and what each database would have to be
    /// told takes the settings along that its driver has made for itself.
    fn reset(&mut self, call: &Call<'_>, _how: Reset) -> Result<()> {
        let core = self.core.get_mut();
        let shared = Arc::clone(&core.shared);
        let running = Arc::clone(&core.running);
        *core = shared.open(call, running)?;
        Ok(())
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(Canceller(Arc::clone(&self.core.lock().running)))
    }

    /// Lends the [`odbc_api::Connection`].
    fn raw(&mut self) -> &mut dyn Any {
        match self.core.get_mut().connection_mut() {
            Some(connection) => connection,
            None => &mut self.nothing,
        }
    }

    fn close(self: Box<Self>) -> Result<()> {
        if self.core.into_inner().conn.close() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ConnectionLost, "the driver did not let the connection go")
            .with_effect(Effect::NotApplied))
    }

    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        self.inside().begin(call, options)
    }

    fn commit(&mut self, call: &Call<'_>) -> CommitOutcome {
        self.inside().commit(call)
    }

    fn rollback(&mut self, call: &Call<'_>) -> Result<()> {
        self.inside().rollback(call)
    }

    fn savepoint(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.inside().savepoint(call, number)
    }

    fn release(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.inside().release(call, number)
    }

    fn rollback_to(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.inside().rollback_to(call, number)
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        self.inside().execute_many(call, sets)
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        self.inside().bulk_insert(call, table, columns, rows)
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        self.inside().catalog(call, request, sink)
    }
}

impl std::fmt::Debug for OdbcLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OdbcLink").field("dialect", &self.core.lock().known.dialect.name).finish_non_exhaustive()
    }
}
