//! How late the machine itself is, so that its lateness is not held against the library.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The pause between two measurements.
const PAUSE: Duration = Duration::from_millis(1);

/// By how much a promise about time may be exceeded before a test fails: the figure is a promise about the library, and
/// a test that fails on a busy machine proves nothing about it.
const ALLOWANCE: u32 = 10;

/// A thread that does nothing but wake every millisecond and note how much too late it was woken.
pub(crate) struct Probe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    started: Instant,
    ended: AtomicBool,
    /// The greatest delay so far, in nanoseconds.
    worst: AtomicU64,
    /// When the probe should wake next, in nanoseconds since the start: a delay that still goes on counts too.
    expected: AtomicU64,
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Probe {
    /// Starts to measure.
    pub(crate) fn start() -> Probe {
        let shared = Arc::new(Shared {
            started: Instant::now(),
            ended: AtomicBool::new(false),
            worst: AtomicU64::new(0),
            expected: AtomicU64::new(u64::MAX),
        });
        let measured = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("kit-probe".into())
            .spawn(move || {
                while !measured.ended.load(Ordering::Acquire) {
                    let expected = measured.now() + PAUSE.as_nanos() as u64;
                    measured.expected.store(expected, Ordering::Release);
                    thread::sleep(PAUSE);
                    let late = measured.now().saturating_sub(expected);
                    measured.worst.fetch_max(late, Ordering::AcqRel);
                }
            })
            .expect("the system has room for the thread of the probe");
        Probe { shared, thread: Some(thread) }
    }

    /// The longest that a thread which was ready to run has waited for a processor since the start.
    pub(crate) fn worst(&self) -> Duration {
        let pending = self.shared.now().saturating_sub(self.shared.expected.load(Ordering::Acquire));
        Duration::from_nanos(self.shared.worst.load(Ordering::Acquire).max(pending))
    }

    /// How long something may take that is promised to take no longer than `promise`.
    pub(crate) fn allowed(&self, promise: Duration) -> Duration {
        promise * ALLOWANCE + self.worst()
    }

    /// Fails the test when `took` is more than ten times the promise and the machine's own delay.
    #[track_caller]
    pub(crate) fn assert_within(&self, what: &str, took: Duration, promise: Duration) {
        let allowed = self.allowed(promise);
        assert!(
            took <= allowed,
            "{what} took {took:?}: promised are {promise:?}, allowed in a test {allowed:?} \
             (the machine itself was late by {:?})",
            self.worst()
        );
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
