//! A connection, and the second way into it while a statement is open.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::catalog;
use super::core::Core;
use super::error::of_native;
use super::watch::{Canceller, Watch};
use crate::driver::{BulkPath, Call, Catalog, CommitOutcome, Executed, Handle, Link, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, SQLITE, Sets, TxOptions};
use crate::value::Value;

/// One connection.
///
/// The lock is there for the types alone: statements inside each other share the connection on one thread, and a link
/// must be `Send`. It is never waited for.
pub(super) struct SqliteLink {
    core: ReentrantMutex<Core>,
}

impl SqliteLink {
    pub(super) fn new(core: Core) -> SqliteLink {
        SqliteLink { core: ReentrantMutex::new(core) }
    }

    /// The connection, with our handlers on it.
    #[inline]
    fn ready(&mut self) -> Result<Inside<'_>> {
        self.whole()?;
        Ok(Inside::new(&self.core))
    }

    /// The same for what lets no other statement in while it runs.
    #[inline]
    fn whole(&mut self) -> Result<&mut Core> {
        let core = self.core.get_mut();
        if core.handlers_lost.get() {
            Watch::install(&core.watch, core.conn.alone()).map_err(of_native)?;
            core.conn.pair();
            core.handlers_lost.set(false);
        }
        Ok(core)
    }

    /// Puts a new connection in the place of this one. The handle stays the same.
    fn reconnect(&mut self, call: &Call<'_>) -> Result<()> {
        let core = self.core.get_mut();
        let (conn, watch) = core.opener.open_with(call, Some(&core.watch))?;
        let opener = Arc::clone(&core.opener);
        *core = Core::new(conn, watch, opener);
        Ok(())
    }
}

/// A connection that may have a statement open: the second way in.
pub(super) struct Inside<'c> {
    core: &'c ReentrantMutex<Core>,
    /// What [`Link::raw`] lends here: nothing.
    nothing: (),
}

impl<'c> Inside<'c> {
    #[inline]
    pub(super) fn new(core: &'c ReentrantMutex<Core>) -> Inside<'c> {
        Inside { core, nothing: () }
    }

    #[inline]
    fn with<T>(&self, work: impl FnOnce(&Core) -> T) -> T {
        work(&self.core.lock())
    }
}

impl Link for Inside<'_> {
    fn dialect(&self) -> &'static Dialect {
        &SQLITE
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
        true
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.with(|core| core.ping(call))
    }

    fn reset(&mut self, _call: &Call<'_>, _how: Reset) -> Result<()> {
        Err(Error::new(ErrorKind::ConnectionBusy, "the connection is not reset while rows are being read from it"))
    }

    fn handle(&self) -> Arc<dyn Handle> {
        self.with(|core| Arc::new(Canceller(Arc::clone(&core.watch))))
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
        self.with(|core| core.execute_many(call, sets))
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

    fn bulk_load(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        let _ = table;
        self.with(|core| bulk::load(core, call, columns, rows))
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        self.with(|core| catalog::describe(core, self.core, call, request, sink))
    }
}

impl Link for SqliteLink {
    fn dialect(&self) -> &'static Dialect {
        &SQLITE
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.whole()?.execute(call, statement)
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.ready()?.query(call, statement, sink)
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        self.ready()?.batch(call, script)
    }

    fn state(&mut self) -> LinkState {
        self.core.get_mut().state()
    }

    fn knows_state(&self) -> bool {
        true
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.ready()?.ping(call)
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        let core = self.core.get_mut();
        let is_dirty = core.changed.get() || core.raw_used.get();
        if how == Reset::Full || is_dirty || core.has_other_schemas()? {
            return self.reconnect(call);
        }
        Ok(())
    }

    fn is_set_up(&mut self) {
        let core = self.core.get_mut();
        // What the hook attached, and its temporary tables, cannot be told from what a borrower puts in their place.
        if matches!(core.has_other_schemas(), Ok(false)) {
            core.changed.set(false);
            core.raw_used.set(false);
            core.set_up.set(true);
        }
    }

    fn keeps_set_up(&mut self) -> bool {
        self.core.get_mut().set_up.get()
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(Canceller(Arc::clone(&self.core.lock().watch)))
    }

    /// Lends the [`rusqlite::Connection`].
    fn raw(&mut self) -> &mut dyn Any {
        let core = self.core.get_mut();
        core.raw_used.set(true);
        core.handlers_lost.set(true);
        core.conn.alone()
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.core.into_inner().conn.into_conn().close().map_err(|(_, error)| of_native(error))
    }

    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        self.ready()?.begin(call, options)
    }

    fn commit(&mut self, call: &Call<'_>) -> CommitOutcome {
        match self.ready() {
            Ok(mut inside) => inside.commit(call),
            Err(error) => CommitOutcome::StillOpen(error),
        }
    }

    fn rollback(&mut self, call: &Call<'_>) -> Result<()> {
        self.ready()?.rollback(call)
    }

    fn savepoint(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.ready()?.savepoint(call, number)
    }

    fn release(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.ready()?.release(call, number)
    }

    fn rollback_to(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.ready()?.rollback_to(call, number)
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        self.whole()?.execute_many(call, sets)
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        self.ready()?.bulk_insert(call, table, columns, rows)
    }

    fn bulk_load(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        self.ready()?.bulk_load(call, table, columns, rows)
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        self.ready()?.catalog(call, request, sink)
    }
}

impl std::fmt::Debug for SqliteLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLink").field("place", &self.core.lock().opener.place).finish_non_exhaustive()
    }
}
