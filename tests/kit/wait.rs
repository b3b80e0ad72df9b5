//! Waiting for a state that can be seen, and that nobody tells of: a thread that has lined up, a session that is gone.
//!
//! The only place where a test sleeps for that. What is waited for is the state and never the time: the test goes on as
//! soon as it is seen, and fails, with what there is instead, when it does not come.

use std::thread;
use std::time::{Duration, Instant};

use pontoon::Snapshot;

use super::{PATIENCE, describe_threads};

/// Between two looks, so that who is waited for has the processor.
const PAUSE: Duration = Duration::from_micros(200);

/// Looks until it is so.
#[track_caller]
pub(crate) fn await_that(what: &str, is_so: impl FnMut() -> bool) {
    await_that_or(is_so, || format!("it did not come to be that {what}"));
}

/// Looks until it is so, and says more if it does not come.
#[track_caller]
pub(crate) fn await_that_or(mut is_so: impl FnMut() -> bool, or_else: impl FnOnce() -> String) {
    await_some(|| is_so().then_some(()), or_else);
}

/// Looks until there is something.
#[track_caller]
pub(crate) fn await_some<T>(mut look: impl FnMut() -> Option<T>, or_else: impl FnOnce() -> String) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < until, "{}\n{}", or_else(), describe_threads("self"));
        thread::sleep(PAUSE);
    }
}

/// Looks at a pool until it is as it should come to be.
#[track_caller]
pub(crate) fn await_pool(look: impl Fn() -> Snapshot, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    await_some(
        || Some(look()).filter(&is_so),
        || {
            let snapshot = look();
            format!("the pool did not come to have {what}: {snapshot}\n{:?}", snapshot.counters)
        },
    )
}
