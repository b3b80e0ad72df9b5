//! Both ways into a connection whose statements run inside each other: one's own, and the second one, while somebody reads
//! from it.

use std::any::Any;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::bulk::one_by_one;
use super::{BulkPath, Call, Catalog, CommitOutcome, Executed, Handle, Link, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, Sets, TxOptions};
use crate::value::Value;

/// A connection that can be used while others read from it: for all that a statement may do `&self` is enough.
///
/// The methods are those of [`Link`] and mean the same. `place` is where the connection lies; a query makes the second way
/// in of it, for its sink.
pub(super) trait Reentrant: Transactions + Send + Sized {
    /// Asked of the place, as [`knows_state`](Self::knows_state) is: who knows the answer need not look at the connection.
    fn dialect(place: &ReentrantMutex<Self>) -> &'static Dialect;

    fn execute(&self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed>;

    fn query(
        &self,
        place: &ReentrantMutex<Self>,
        call: &Call<'_>,
        statement: &Bound<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<()>;

    fn batch(&self, call: &Call<'_>, script: &str) -> Result<()>;

    fn state(&self) -> LinkState;

    fn knows_state(place: &ReentrantMutex<Self>) -> bool;

    fn ping(&self, call: &Call<'_>) -> Result<()>;

    fn execute_many(&self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64>;

    fn bulk_insert(
        &self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)>;

    fn bulk_load(
        &self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        one_by_one(rows, |rows| self.bulk_insert(call, table, columns, rows))
    }

    fn catalog(
        &self,
        place: &ReentrantMutex<Self>,
        call: &Call<'_>,
        request: &Catalog,
        sink: &mut dyn RowSink,
    ) -> Result<()>;

    fn handle(&self) -> Arc<dyn Handle>;

    /// Puts right what a borrower of the driver's own connection may have taken away, before anything else is done with it
    /// and while nobody reads from it.
    fn ready(&mut self) -> Result<()> {
        Ok(())
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()>;

    fn is_set_up(&mut self) {}

    fn keeps_set_up(&mut self) -> bool {
        false
    }

    /// The driver's own connection, where there is one in this process.
    fn raw(&mut self) -> Option<&mut dyn Any>;

    fn close(self) -> Result<()>;
}

/// What [`Reentrant`] has to do with transactions, apart because that is a matter of its own in each driver.
pub(super) trait Transactions {
    fn begin(&self, call: &Call<'_>, options: &TxOptions) -> Result<()>;

    fn commit(&self, call: &Call<'_>) -> CommitOutcome;

    fn rollback(&self, call: &Call<'_>) -> Result<()>;

    fn savepoint(&self, call: &Call<'_>, number: u32) -> Result<()>;

    fn release(&self, call: &Call<'_>, number: u32) -> Result<()>;

    fn rollback_to(&self, call: &Call<'_>, number: u32) -> Result<()>;
}

/// A way into a connection.
pub(super) struct Way<'c, C> {
    held: Held<'c, C>,
    /// What [`Link::raw`] lends where there is nothing to lend.
    nothing: (),
}

/// The lock is there for the types alone: statements inside each other share the connection on one thread, and a link
/// must be `Send`. It is never waited for.
enum Held<'c, C> {
    /// The connection itself.
    Own(ReentrantMutex<C>),
    /// That of one who reads from it.
    Again(&'c ReentrantMutex<C>),
}

impl<C: Reentrant> Way<'static, C> {
    /// A connection.
    pub(super) fn own(core: C) -> Way<'static, C> {
        Way { held: Held::Own(ReentrantMutex::new(core)), nothing: () }
    }
}

impl<'c, C: Reentrant> Way<'c, C> {
    /// The second way in.
    #[inline]
    pub(super) fn again(place: &'c ReentrantMutex<C>) -> Way<'c, C> {
        Way { held: Held::Again(place), nothing: () }
    }

    fn place(&self) -> &ReentrantMutex<C> {
        match &self.held {
            Held::Own(place) => place,
            Held::Again(place) => place,
        }
    }

    /// The connection, if it is nobody else's.
    #[inline]
    fn whole(&mut self) -> Option<&mut C> {
        match &mut self.held {
            Held::Own(place) => Some(place.get_mut()),
            Held::Again(_) => None,
        }
    }

    /// Does what lets no other statement in meanwhile.
    #[inline]
    fn alone<T>(&mut self, work: impl FnOnce(&C) -> T) -> Result<T> {
        match &mut self.held {
            Held::Own(place) => {
                let core = place.get_mut();
                core.ready()?;
                Ok(work(core))
            }
            Held::Again(place) => Ok(work(&place.lock())),
        }
    }

    /// Does what hands out rows, between which others come in.
    #[inline]
    fn open<T>(&mut self, work: impl FnOnce(&C, &ReentrantMutex<C>) -> T) -> Result<T> {
        if let Some(core) = self.whole() {
            core.ready()?;
        }
        let place = self.place();
        Ok(work(&place.lock(), place))
    }
}

impl<C: Reentrant> Link for Way<'_, C> {
    fn dialect(&self) -> &'static Dialect {
        C::dialect(self.place())
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        self.alone(|core| core.execute(call, statement))?
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.open(|core, place| core.query(place, call, statement, sink))?
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        self.alone(|core| core.batch(call, script))?
    }

    fn state(&mut self) -> LinkState {
        match &mut self.held {
            Held::Own(place) => place.get_mut().state(),
            Held::Again(place) => place.lock().state(),
        }
    }

    fn knows_state(&self) -> bool {
        C::knows_state(self.place())
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.alone(|core| core.ping(call))?
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        match self.whole() {
            Some(core) => core.reset(call, how),
            None => Err(Error::new(
                ErrorKind::ConnectionBusy,
                "the connection is not reset while rows are being read from it",
            )),
        }
    }

    fn is_set_up(&mut self) {
        if let Some(core) = self.whole() {
            core.is_set_up();
        }
    }

    fn keeps_set_up(&mut self) -> bool {
        self.whole().is_some_and(C::keeps_set_up)
    }

    fn handle(&self) -> Arc<dyn Handle> {
        self.place().lock().handle()
    }

    /// Lends `()` where the connection is in use.
    fn raw(&mut self) -> &mut dyn Any {
        match &mut self.held {
            Held::Own(place) => place.get_mut().raw().unwrap_or(&mut self.nothing),
            Held::Again(_) => &mut self.nothing,
        }
    }

    fn close(self: Box<Self>) -> Result<()> {
        match self.held {
            Held::Own(place) => place.into_inner().close(),
            // The connection belongs to the one who reads from it.
            Held::Again(_) => Ok(()),
        }
    }

    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        self.alone(|core| core.begin(call, options))?
    }

    fn commit(&mut self, call: &Call<'_>) -> CommitOutcome {
        // What is not ready has not been told to commit.
        self.alone(|core| core.commit(call)).unwrap_or_else(CommitOutcome::StillOpen)
    }

    fn rollback(&mut self, call: &Call<'_>) -> Result<()> {
        self.alone(|core| core.rollback(call))?
    }

    fn savepoint(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.alone(|core| core.savepoint(call, number))?
    }

    fn release(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.alone(|core| core.release(call, number))?
    }

    fn rollback_to(&mut self, call: &Call<'_>, number: u32) -> Result<()> {
        self.alone(|core| core.rollback_to(call, number))?
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        self.alone(|core| core.execute_many(call, sets))?
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        self.alone(|core| core.bulk_insert(call, table, columns, rows))?
    }

    fn bulk_load(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        self.alone(|core| core.bulk_load(call, table, columns, rows))?
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        self.open(|core, place| core.catalog(place, call, request, sink))?
    }
}
