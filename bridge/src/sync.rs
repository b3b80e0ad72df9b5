//! The one door to locks, atomics, threads and channels.
//!
//! Every file of this package that synchronises takes its primitives from here: parking_lot, crossbeam-channel and
//! the standard atomics in a shipped build, the model checker's own under `cfg(loom)` and `cfg(shuttle)`. The models
//! therefore run the shipped files. Time is not modelled: under a checker a wait with a deadline never times out, and
//! the model sends the event that the watch would have sent.

#[cfg(any(loom, shuttle))]
mod model;
#[cfg(not(any(loom, shuttle)))]
mod shipped;

#[cfg(any(loom, shuttle))]
pub(crate) use model::*;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use shipped::*;

// Reference counts are not what the models are about, and trait objects need the standard `Arc`.
pub(crate) use std::sync::{Arc, Weak};

use std::time::Instant;

/// Waits to be notified, at most until `until`; says whether the time ran out. May wake spuriously.
pub(crate) fn wait_until<T>(condvar: &Condvar, guard: &mut MutexGuard<'_, T>, until: Option<Instant>) -> bool {
    match until {
        Some(until) => condvar.wait_until(guard, until).timed_out(),
        None => {
            condvar.wait(guard);
            false
        }
    }
}
