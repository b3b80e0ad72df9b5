//! Work that blocks for long and is not a connection's: on a thread for its own, for as long as it takes.

use pontoon_bridge::{Lost, Place, Worker, WorkerOptions};

use crate::error::{Error, ErrorKind, Result};
use crate::pool::fault;

/// Nothing to own.
struct Nothing;

impl Place for Nothing {
    type View<'v> = ();

    fn view(&mut self) {}
}

/// Runs `work` on a thread that is started for it. Dropped while it is awaited, work that has begun goes on to its end:
/// a database that is being connected or closed is left in one of two states, never between them.
///
/// # Errors
/// `ResourceExhausted` when the thread cannot be started.
///
/// # Panics
/// When `work` does, with its panic.
pub(super) async fn on_a_thread_of_its_own<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let worker = Worker::spawn(WorkerOptions::new(name), || Nothing).map_err(|error| {
        Error::new(ErrorKind::ResourceExhausted, "a thread could not be started: free some threads or memory")
            .with_source(error)
    })?;
    match worker.submit(None, move |(), _| work()).await {
        Ok(value) => Ok(value),
        Err(Lost::Panicked(panic)) => panic.resume(),
        Err(lost) => Err(fault::no_answer(&lost)),
    }
}
