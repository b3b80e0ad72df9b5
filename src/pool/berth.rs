//! What `r2d2` keeps: berths, each with a connection moored in it or empty.

use std::convert::Infallible;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use pontoon_bridge::Gate;
use scheduled_thread_pool::ScheduledThreadPool;

use super::opening::Moored;
use super::record::Record;
use crate::error::{Effect, Error, ErrorKind, Result};

/// A place in the pool. Making one makes nothing.
#[derive(Default)]
pub(super) struct Berth {
    /// In a box, because a berth goes from hand to hand.
    pub(super) mooring: Option<Box<Mooring>>,
}

/// A connection that is open, by the worker that owns it.
pub(super) struct Mooring {
    pub(super) worker: Moored,
    /// One permit for each job that may wait in the worker's queue.
    pub(super) queue: Gate,
    pub(super) record: Arc<Record>,
    /// How often connections had broken when this one was last known to live.
    pub(super) doubts: u64,
    pub(super) expires: Option<Instant>,
    /// Since when nobody has used it.
    pub(super) idle_since: Instant,
    /// When it was last known to live.
    pub(super) proven: Instant,
}

/// Makes empty berths for `r2d2`, and finds nothing wrong with any: it cannot block, fail or panic.
#[derive(Debug)]
pub(super) struct Berths;

impl r2d2::ManageConnection for Berths {
    type Connection = Berth;
    type Error = Infallible;

    fn connect(&self) -> Result<Berth, Infallible> {
        Ok(Berth::default())
    }

    fn is_valid(&self, _berth: &mut Berth) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _berth: &mut Berth) -> bool {
        false
    }
}

/// The one thread that `r2d2` wants for its own housekeeping, of which there is none here: one for the whole process.
fn nobody() -> Result<Arc<ScheduledThreadPool>> {
    static NOBODY: OnceLock<Arc<ScheduledThreadPool>> = OnceLock::new();
    if let Some(nobody) = NOBODY.get() {
        return Ok(Arc::clone(nobody));
    }
    // It knows no other way than a panic to say that there is no thread to be had.
    let started = catch_unwind(|| Arc::new(ScheduledThreadPool::new(1))).map_err(|_| {
        Error::new(
            ErrorKind::ResourceExhausted,
            "a thread for the pools of this process could not be started: free some threads or memory",
        )
        .with_effect(Effect::NotSent)
    })?;
    Ok(Arc::clone(NOBODY.get_or_init(|| started)))
}

/// A pool of `size` empty berths.
pub(super) fn berths(size: usize) -> Result<r2d2::Pool<Berths>> {
    let size = u32::try_from(size)
        .map_err(|_| Error::new(ErrorKind::Config, format!("a pool of {size} connections is too large")))?;
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(None)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_on_check_out(false)
        .thread_pool(nobody()?)
        .build(Berths)
        .map_err(|error| Error::new(ErrorKind::ResourceExhausted, "the pool could not be made").with_source(error))
}
