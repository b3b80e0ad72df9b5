//! Which connection this caller uses.
//!
//! A caller is a plain thread, or an asynchronous scope, which is on whatever thread its future is polled. It finds the
//! leases it holds in a list of weak references: a lease itself belongs to its handles and ends with the last of them,
//! also when the thread ends or panics, or the future is dropped. Nothing is ever keyed by a thread's or a task's own id.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::lease::Lease;
use crate::wait::{ByTask, ByThread, Wait};

/// Who uses a connection: a thread, or an asynchronous scope. A number minted by us, never a thread's or a task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId(pub(crate) u64);

impl CallerId {
    /// The owner of what belongs to no caller.
    pub(crate) const NOBODY: CallerId = CallerId(0);

    pub(crate) fn mint() -> CallerId {
        static MINTED: AtomicU64 = AtomicU64::new(1);
        CallerId(MINTED.fetch_add(1, Ordering::Relaxed))
    }
}

/// The leases of a caller, by database.
type Leases = Vec<(u64, Weak<Lease>)>;

/// A caller that is no thread: what belongs to it is found wherever it is entered.
#[derive(Debug)]
pub(crate) struct Scope {
    id: CallerId,
    leases: Mutex<Leases>,
}

impl Scope {
    pub(crate) fn new() -> Arc<Scope> {
        Arc::new(Scope { id: CallerId::mint(), leases: Mutex::default() })
    }

    /// From here to the drop of the guard the calling thread acts for this caller; then for whom it did before.
    pub(crate) fn enter(self: &Arc<Scope>) -> Entered {
        let entered = Some(Arc::clone(self));
        Entered { before: HERE.try_with(|here| here.scope.replace(entered)).ok().flatten() }
    }

    /// The scope that the calling thread acts for just now.
    pub(crate) fn current() -> Option<Arc<Scope>> {
        HERE.try_with(|here| here.scope.borrow().clone()).ok().flatten()
    }
}

/// While it lives its thread acts for a scope.
#[derive(Debug)]
#[must_use = "dropped, the scope is left"]
pub(crate) struct Entered {
    before: Option<Arc<Scope>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let left = HERE.try_with(|here| here.scope.replace(before));
        // After the borrow: it may be the last of its scope.
        drop(left);
    }
}

struct Here {
    number: Cell<CallerId>,
    leases: RefCell<Leases>,
    scope: RefCell<Option<Arc<Scope>>>,
}

thread_local! {
    static HERE: Here = const {
        Here { number: Cell::new(CallerId::NOBODY), leases: RefCell::new(Vec::new()), scope: RefCell::new(None) }
    };
}

/// Who calls. A task does in a scope only; outside of one each call is made by a caller of its own.
pub(crate) trait Party: Wait {
    /// The number of the caller.
    fn caller(self) -> CallerId;

    /// The lease that the caller holds of this database.
    fn lease_of(self, database: u64) -> Option<Arc<Lease>>;

    /// From now on the caller finds this lease.
    fn remember(self, database: u64, lease: &Arc<Lease>);
}

impl Party for ByThread {
    /// The scope's that the thread acts for, else the thread's own. While the thread is being torn down it is nobody's.
    fn caller(self) -> CallerId {
        HERE.try_with(|here| {
            if let Some(scope) = &*here.scope.borrow() {
                return scope.id;
            }
            if here.number.get() == CallerId::NOBODY {
                here.number.set(CallerId::mint());
            }
            here.number.get()
        })
        .unwrap_or(CallerId::NOBODY)
    }

    fn lease_of(self, database: u64) -> Option<Arc<Lease>> {
        HERE.try_with(|here| match &*here.scope.borrow() {
            Some(scope) => find(&scope.leases.lock(), database),
            None => find(&here.leases.borrow(), database),
        })
        .ok()
        .flatten()
    }

    fn remember(self, database: u64, lease: &Arc<Lease>) {
        let _ = HERE.try_with(|here| match &*here.scope.borrow() {
            Some(scope) => put(&mut scope.leases.lock(), database, lease),
            None => put(&mut here.leases.borrow_mut(), database, lease),
        });
    }
}

impl Party for ByTask {
    fn caller(self) -> CallerId {
        Scope::current().map_or_else(CallerId::mint, |scope| scope.id)
    }

    fn lease_of(self, database: u64) -> Option<Arc<Lease>> {
        find(&Scope::current()?.leases.lock(), database)
    }

    fn remember(self, database: u64, lease: &Arc<Lease>) {
        if let Some(scope) = Scope::current() {
            put(&mut scope.leases.lock(), database, lease);
        }
    }
}

fn find(leases: &Leases, database: u64) -> Option<Arc<Lease>> {
    // Nearly every caller holds none, and hardly any more than one.
    leases.iter().find(|(id, _)| *id == database).and_then(|(_, lease)| lease.upgrade())
}

fn put(leases: &mut Leases, database: u64, lease: &Arc<Lease>) {
    leases.retain(|(id, lease)| *id != database && lease.strong_count() > 0);
    leases.push((database, Arc::downgrade(lease)));
}
