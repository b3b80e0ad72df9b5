//! Who hears what happens to a worker, and the counts of it.

use crate::sync::Arc;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Hears what happens to one worker. Every method does nothing by default.
///
/// Called from the worker's thread or from the watch, without any lock of the bridge; must not block, because the
/// watch serves the whole process. A panic inside is caught and ignored.
pub trait Overseer: Send + Sync {
    /// The running job has outlasted its cancel and its sever by the grace: the worker is not to be counted on, and
    /// is usually replaced. Called at most once a job.
    fn stuck(&self) {}

    /// A job that was stuck has come back after all.
    fn recovered(&self) {}

    /// A job, an undo or a destructor of the worker panicked with this message.
    fn panicked(&self, message: &str) {
        let _ = message;
    }

    /// The worker's place has been dropped and its thread is about to end.
    fn ended(&self) {}
}

/// What a worker has done since it was spawned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Jobs begun on the worker's own thread, nested ones included.
    pub jobs: u64,
    /// Jobs begun on a caller's thread.
    pub lent: u64,
    /// Jobs that were cancelled or expired while they were queued.
    pub never_run: u64,
    /// Results handed to an undo because the receiver had gone.
    pub undone: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Cancels that came back after their job had given up waiting for them.
    pub late_cancels: u64,
    /// Severs sent.
    pub severs: u64,
    /// Panics caught, in jobs, undos and destructors.
    pub panics: u64,
    /// Jobs that were stuck.
    pub stuck: u64,
}

/// Calls the overseer, whose panics are its own.
pub(crate) fn tell(overseer: Option<&Arc<dyn Overseer>>, news: impl FnOnce(&dyn Overseer)) {
    if let Some(overseer) = overseer {
        drop(catch_unwind(AssertUnwindSafe(|| news(&**overseer))));
    }
}
