//! Which connection this caller uses.
//!
//! A caller is a plain thread here (an asynchronous scope sets another one around its polls). A thread finds the lease
//! it holds through a thread-local list of weak references: the lease itself belongs to its handles and ends with the
//! last of them, also when the thread ends or panics. Nothing is ever keyed by a thread's or a task's own id.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::lease::Lease;

/// Who uses a connection: a thread, or an asynchronous scope. A number minted by us, never a thread's or a task's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId(pub(crate) u64);

impl CallerId {
    /// The owner of what belongs to no caller.
    pub(crate) const NOBODY: CallerId = CallerId(0);
}

static MINTED: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static CALLER: Cell<CallerId> = const { Cell::new(CallerId::NOBODY) };
    static LEASES: RefCell<Vec<(u64, Weak<Lease>)>> = const { RefCell::new(Vec::new()) };
}

/// The number of the calling thread. While the thread is being torn down it is nobody's.
pub(crate) fn current() -> CallerId {
    CALLER
        .try_with(|caller| {
            if caller.get() == CallerId::NOBODY {
                caller.set(CallerId(MINTED.fetch_add(1, Ordering::Relaxed)));
            }
            caller.get()
        })
        .unwrap_or(CallerId::NOBODY)
}

/// The lease that the calling thread holds of this database.
pub(crate) fn lease_of(database: u64) -> Option<Arc<Lease>> {
    LEASES
        .try_with(|leases| {
            let leases = leases.borrow();
            // Nearly every thread holds none, and hardly any more than one.
            leases.iter().find(|(id, _)| *id == database).and_then(|(_, lease)| lease.upgrade())
        })
        .ok()
        .flatten()
}

/// From now on the calling thread finds this lease.
pub(crate) fn remember(database: u64, lease: &Arc<Lease>) {
    let _ = LEASES.try_with(|leases| {
        let mut leases = leases.borrow_mut();
        leases.retain(|(id, lease)| *id != database && lease.strong_count() > 0);
        leases.push((database, Arc::downgrade(lease)));
    });
}
