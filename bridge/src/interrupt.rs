//! How a job that is inside a foreign call is asked, then made, to come back.

use crate::sync::{Arc, atomic::AtomicBool, atomic::Ordering, thread};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A way to reach a job from outside while it is inside a call that does not look at its
/// [`CancelFlag`]: a database driver's canceller, say.
///
/// Both methods are called from a thread of the bridge, never from the worker's, and may be called while the other
/// one is still under way. A panic inside is caught and counts as a failed attempt.
pub trait Interrupt: Send + Sync {
    /// Asks softly. Must return by `until`.
    ///
    /// [`Fence::Fenced`] promises that the request can have no effect on anything that starts after this returns;
    /// anything less is [`Fence::NotFenced`].
    fn cancel(&self, until: Instant) -> Fence;

    /// Cuts the connection, so that the call comes back with an error whatever its other end does. Must not wait
    /// for the other end. Says whether it could.
    fn sever(&self) -> bool;

    /// Whether what runs now comes to its end by itself and must not be cut off before: work that, broken off, would
    /// take more along than itself. It is asked before each [`sever`](Self::sever), which then waits for another grace,
    /// and the job does not count as stuck meanwhile. Must return at once.
    fn must_finish(&self) -> bool {
        false
    }

    /// Whether all these methods return at once. They are then called on the watch itself; otherwise each call gets a
    /// short-lived thread, so that one deaf server delays nobody else's deadline.
    fn is_instant(&self) -> bool {
        false
    }
}

/// What is known about a cancel once it has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// It can no longer strike anything.
    Fenced,
    /// It may still strike whatever runs next.
    NotFenced,
}

/// What cancels did to a job, from the mildest to the gravest; see [`Ticket::settle`](crate::Ticket::settle).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settled {
    /// None was sent.
    Untouched,
    /// One was sent and can have no further effect.
    Fenced,
    /// One was sent and may still strike later: do not reuse what it was aimed at.
    NotFenced,
    /// What it was aimed at has been cut off.
    Severed,
}

/// A flag that a driver's callback can poll: set while the job that runs *innermost* on the worker right now has been
/// asked to stop and has not been shielded.
///
/// There is one for each worker, and it follows the jobs: a callback installed once for a connection's whole life may
/// keep a clone. Reading it is one atomic load.
#[derive(Clone)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Whether the running job has been asked to stop.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Release);
    }
}

impl fmt::Debug for CancelFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelFlag").field(&self.is_set()).finish()
    }
}

/// The two things that can be sent to a running job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Cancel,
    Sever,
}

impl Attempt {
    pub(crate) fn make(self, interrupt: &dyn Interrupt, until: Instant) -> Settled {
        let made = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Cancel => match interrupt.cancel(until) {
                Fence::Fenced => Settled::Fenced,
                Fence::NotFenced => Settled::NotFenced,
            },
            Self::Sever if interrupt.must_finish() => Settled::Untouched,
            // A sever that could not be done leaves the connection in no better state than an unfenced cancel.
            Self::Sever if interrupt.sever() => Settled::Severed,
            Self::Sever => Settled::NotFenced,
        }));
        made.unwrap_or(Settled::NotFenced)
    }
}

// A count for people and tests, not a synchronisation: outside the models.
static HELPERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// How many helper threads are inside an [`Interrupt`] at the moment, in this process.
pub fn helpers() -> usize {
    HELPERS.load(Ordering::Relaxed)
}

struct Counted;

impl Counted {
    fn new() -> Self {
        HELPERS.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        HELPERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` on a short-lived thread; says whether one could be had.
pub(crate) fn on_helper(work: impl FnOnce() + Send + 'static) -> bool {
    let counted = Counted::new();
    thread::Builder::new()
        .name("pontoon-cancel".into())
        .spawn(move || {
            work();
            drop(counted);
        })
        .is_ok()
}
