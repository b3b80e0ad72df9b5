//! Moments, however far away.

use std::time::{Duration, Instant};

/// Longer than any process lives, and well within what the clock can count.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The moment that is so far from now. Waits are given by users, `Duration::MAX` for "as long as it takes" among them, and
/// the clock cannot count that far.
pub(crate) fn after(wait: Duration) -> Instant {
    Instant::now() + wait.min(FOREVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_no_overflow() {
        assert!(after(Duration::MAX) > after(Duration::from_secs(3600)));
    }
}
