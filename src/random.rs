//! Randomness for pauses and lifetimes: nothing that a secret could hang on.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

/// Bits that two callers are unlikely to share: the keys of the standard library's hasher are random.
pub(crate) fn bits() -> u32 {
    // The upper half of a well-mixed 64-bit hash.
    (RandomState::new().hash_one(Instant::now()) >> 32) as u32
}

/// A number from 0 to just below 1.
pub(crate) fn unit() -> f64 {
    f64::from(bits()) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_stay_within_their_bounds_and_differ() {
        let numbers: Vec<f64> = (0..1000).map(|_| super::unit()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.5) && numbers.iter().any(|number| *number >= 0.5));
    }
}
