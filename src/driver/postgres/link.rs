//! A connection, and the second way into it while a stream reads from a cursor.

use std::any::Any;
use std::borrow::BorrowMut;
use std::sync::Arc;

use super::core::Core;
use super::{catalog, copy, listen, pipeline};
use crate::driver::{BulkPath, Call, Catalog, CommitOutcome, Executed, Handle, Heard, Link, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, POSTGRES, Sets};
use crate::value::Value;

/// A way to a connection: one's own, or one that somebody else reads from at the same time.
pub(super) struct Way<C> {
    core: C,
}

/// A connection.
pub(super) type PgLink = Way<Core>;

/// How a way is held.
pub(super) trait Held: BorrowMut<Core> + Send {
    /// Whether it is the connection itself.
    const OWN: bool;

    fn end(self) -> Result<()>;
}

impl Held for Core {
    const OWN: bool = true;

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl Held for &mut Core {
    const OWN: bool = false;

    fn end(self) -> Result<()> {
        // The connection belongs to the one who reads from it.
        Ok(())
    }
}

impl PgLink {
    pub(super) fn new(core: Core) -> PgLink {
        Way { core }
    }
}

impl<'c> Way<&'c mut Core> {
    pub(super) fn again(core: &'c mut Core) -> Way<&'c mut Core> {
        Way { core }
    }
}

impl<C: Held> Way<C> {
    fn core(&mut self) -> &mut Core {
        self.core.borrow_mut()
    }

    /// The connection for a statement, which must not stand in the savepoint of a cursor that reads from it.
    fn freed(&mut self) -> Result<&mut Core> {
        let core = self.core.borrow_mut();
        core.free()?;
        Ok(core)
    }
}

impl<C: Held> Link for Way<C> {
    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.freed()?.execute(call, statement)
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.freed()?.query(call, statement, sink)
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        self.freed()?.batch(call, script)
    }

    fn state(&mut self) -> LinkState {
        self.core().state()
    }

    fn knows_state(&self) -> bool {
        self.core.borrow().knows_state()
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.core().ping(call)
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        if !C::OWN {
            return Err(Error::new(
                ErrorKind::ConnectionBusy,
                "the connection is not reset while rows are being read from it",
            ));
        }
        call.check()?;
        self.core().reset(how)
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::clone(&self.core.borrow().handle) as _
    }

    /// Lends the [`postgres::Client`].
    fn raw(&mut self) -> &mut dyn Any {
        self.core().lend()
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.core.end()
    }

    fn commit(&mut self, _call: &Call<'_>) -> CommitOutcome {
        match self.freed() {
            Ok(core) => core.commit(),
            // COMMIT was not sent, and the transaction accepts it no more.
            Err(error) => CommitOutcome::RolledBack(error),
        }
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        pipeline::execute_many(self.freed()?, call, sets)
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        copy::insert(self.freed()?, call, table, columns, rows)
    }

    fn listen(&mut self, call: &Call<'_>, channels: &[String], each: &mut dyn FnMut(Heard) -> bool) -> Result<()> {
        listen::listen(self.freed()?, call, channels, each)
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        catalog::describe(self.freed()?, call, request, sink)
    }
}
