//! How a worker is set up.

use crate::Overseer;
use crate::sync::Arc;
use std::fmt;
use std::time::Duration;

/// How a [`Worker`](crate::Worker) is set up.
#[derive(Clone)]
pub struct WorkerOptions {
    pub(crate) name: String,
    pub(crate) stack_size: usize,
    pub(crate) grace: Duration,
    pub(crate) overseer: Option<Arc<dyn Overseer>>,
}

impl WorkerOptions {
    /// A worker of that name (Linux shows its first 15 bytes), with a stack of 512 KiB, a grace of 1 s and no overseer.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), stack_size: 512 << 10, grace: Duration::from_secs(1), overseer: None }
    }

    /// The size of the thread's stack in bytes.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// How long a job that has been asked to stop has until it is severed, and again until it counts as stuck. Also
    /// the time a cancel itself gets.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Who hears what happens to the worker.
    pub fn overseer(mut self, overseer: Arc<dyn Overseer>) -> Self {
        self.overseer = Some(overseer);
        self
    }
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("name", &self.name)
            .field("stack_size", &self.stack_size)
            .field("grace", &self.grace)
            .field("overseer", &self.overseer.is_some())
            .finish()
    }
}
