//! The pause between two attempts to connect, shared by all who wait for the same database.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The first pause, at most.
const BASE: Duration = Duration::from_millis(10);

/// The longest pause.
const CAP: Duration = Duration::from_secs(1);

/// Full-jitter back-off: the pause is random between nothing and a bound that doubles with each failure. One state for
/// a whole database, so that many workers make no storm together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: Mutex<u32>,
}

impl Backoff {
    /// After a success the next failure starts small again.
    pub(super) fn succeeded(&self) {
        *self.failures.lock() = 0;
    }

    /// Waits; false when the deadline comes first, and then it has not waited.
    pub(super) async fn pause(&self, deadline: Option<Instant>) -> bool {
        let bound = {
            let mut failures = self.failures.lock();
            *failures = failures.saturating_add(1);
            bound(*failures)
        };
        // Not all the way to nothing: a server that refuses at once would be asked in a tight loop.
        let pause = bound.mul_f64(0.1 + 0.9 * crate::random::unit());
        let until = Instant::now() + pause;
        if deadline.is_some_and(|deadline| deadline <= until) {
            return false;
        }
        pontoon_bridge::sleep_until(until).await.is_ok()
    }
}

fn bound(failures: u32) -> Duration {
    BASE.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_a_second() {
        let bounds: Vec<u128> = (1..=9).map(|failures| bound(failures).as_millis()).collect();
        assert_eq!(bounds, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(bound(u32::MAX), CAP);
    }
}
