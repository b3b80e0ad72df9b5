//! The two ways to wait: a thread sleeps, a task is woken.
//!
//! What has to wait is written once, as an `async fn` over `impl Wait`. A task awaits it. A thread runs it by
//! `block_on`, and with [`ByThread`] it waits *inside* the poll, by its own clock: the future is ready at the first poll,
//! and neither a waker nor an alarm of the watch is made for it.

use std::future::Future;
use std::time::Instant;

use pontoon_bridge::{Gate, GateError, Lost, Permit, Reply};

/// How a caller waits for what is not there yet.
pub(crate) trait Wait: Copy + Send + Sync + 'static {
    /// A permit, by `until` at the latest.
    fn permit(self, gate: &Gate, until: Option<Instant>) -> impl Future<Output = Result<Permit, GateError>> + Send;

    /// What a job returned. Given up, the job is cancelled.
    fn reply<T: Send + 'static>(self, reply: Reply<T>) -> impl Future<Output = Result<T, Lost>> + Send;
}

/// A thread sleeps until it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByThread;

/// A task is woken by whoever brings it, and at the deadline by the watch. No thread is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByTask;

impl Wait for ByThread {
    async fn permit(self, gate: &Gate, until: Option<Instant>) -> Result<Permit, GateError> {
        gate.acquire_until(until)
    }

    async fn reply<T: Send + 'static>(self, reply: Reply<T>) -> Result<T, Lost> {
        reply.wait()
    }
}

impl Wait for ByTask {
    async fn permit(self, gate: &Gate, until: Option<Instant>) -> Result<Permit, GateError> {
        gate.acquire(until).await
    }

    async fn reply<T: Send + 'static>(self, reply: Reply<T>) -> Result<T, Lost> {
        reply.await
    }
}
