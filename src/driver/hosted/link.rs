//! A connection, and the second way into it while a statement is open.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::catalog;
use super::core::Core;
use crate::driver::{BulkPath, Call, Catalog, CommitOutcome, Executed, Handle, Link, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, Sets, TxOptions};
use crate::value::Value;

/// One connection.
///
/// The lock is there for the types alone: statements inside each other share the connection on one thread, and a link
/// must be `Send`. It is never waited for.
pub(super) struct HostedLink {
    core: ReentrantMutex<Core>,
    /// What [`Link::raw`] lends.
    nothing: (),
}

impl HostedLink {
    pub(super) fn new(core: Core) -> HostedLink {
        HostedLink { core: ReentrantMutex::new(core), nothing: () }
    }

    fn inside(&mut self) -> Inside<'_> {
        Inside::new(&self.core)
    }
}

/// A connection that may have a statement open: the second way in.
pub(super) struct Inside<'c> {
    core: &'c ReentrantMutex<Core>,
    /// What [`Link::raw`] lends.
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
        self.with(|core| core.speech.dialect)
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
        self.with(|core| core.reach())
    }

    /// Lends `()`: the driver's own connection is in another process.
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
        self.with(|core| catalog::describe(core, self.core, call, request, sink))
    }
}

impl Link for HostedLink {
    fn dialect(&self) -> &'static Dialect {
        self.core.lock().speech.dialect
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

    /// By the host, where it can; else the connection is discarded.
    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        let core = self.core.get_mut();
        if core.reset(call, how)? {
            return Ok(());
        }
        // Its handle would be that of another connection, so the pool makes the new one.
        Err(Error::new(ErrorKind::Unsupported, "the driver cannot clean a session; the connection is replaced"))
    }

    fn handle(&self) -> Arc<dyn Handle> {
        self.core.lock().reach()
    }

    /// Lends `()`: the driver's own connection is in another process.
    fn raw(&mut self) -> &mut dyn Any {
        &mut self.nothing
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.core.into_inner().close()
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

impl std::fmt::Debug for HostedLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostedLink").field("dialect", &self.core.lock().speech.dialect.name).finish_non_exhaustive()
    }
}
