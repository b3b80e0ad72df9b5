//! A test that hangs fails, and says where.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::describe_threads;

/// Runs the body of a test on a thread of its own and returns what it returns; a panic in it is the test's own.
///
/// A body that is not done after `limit` is left behind and the test fails with the state of all threads. The process
/// goes on, so the other tests are still told apart from the one that hangs.
pub(crate) fn within<T: Send + 'static>(limit: Duration, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = channel::<()>();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let body = thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Dropped at the end of the body and while it unwinds: the wait ends in both cases.
            let _done = done;
            body()
        })
        .expect("the system has room for the thread of a test");
    match wait.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => {
            panic!("the test is still running after {limit:?}; its threads:\n{}", describe_threads("self"))
        }
        Ok(()) | Err(RecvTimeoutError::Disconnected) => match body.join() {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        },
    }
}
