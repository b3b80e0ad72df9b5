//! How long something took, as counts in buckets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Times below this many nanoseconds, a power of two, are one bucket.
const LOWEST_BITS: u32 = 8;

/// The last doubling that is told apart: what took longer than about nine minutes is in the last bucket.
const HIGHEST_BITS: u32 = 38;

/// Buckets to a doubling, as a power of two: a quarter of it each.
const SPLIT_BITS: u32 = 2;

const BUCKETS: usize = 1 + (((HIGHEST_BITS - LOWEST_BITS + 1) as usize) << SPLIT_BITS);

/// The bucket of a time.
fn bucket_of(nanos: u64) -> usize {
    let doubling = 63 - (nanos | 1).leading_zeros();
    if doubling < LOWEST_BITS {
        return 0;
    }
    if doubling > HIGHEST_BITS {
        return BUCKETS - 1;
    }
    let quarter = (nanos >> (doubling - SPLIT_BITS)) & ((1 << SPLIT_BITS) - 1);
    1 + (((doubling - LOWEST_BITS) as usize) << SPLIT_BITS) + quarter as usize
}

/// The time at which a bucket ends and the next one begins.
fn end_of(bucket: usize) -> Duration {
    let Some(above) = bucket.checked_sub(1) else { return Duration::from_nanos(1 << LOWEST_BITS) };
    let doubling = LOWEST_BITS + (above >> SPLIT_BITS) as u32;
    let quarter = (above & ((1 << SPLIT_BITS) - 1)) as u64;
    Duration::from_nanos((1 << doubling) + (quarter + 1) * (1 << (doubling - SPLIT_BITS)))
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A number that one thread at a time changes and any thread reads: no locked instruction, no shared line of memory to
/// wait for. Who changes it is settled by what lies around it, the turn on a connection.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(super) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A histogram that is being written, by one thread at a time.
pub(crate) struct Recorder {
    buckets: [Counter; BUCKETS],
    nanos: Counter,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder { buckets: std::array::from_fn(|_| Counter::default()), nanos: Counter::default() }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Recorder {
    /// Counts something that took so long, for so many of its kind.
    pub(crate) fn record(&self, time: Duration, weight: u64) {
        let nanos = nanos(time);
        self.buckets[bucket_of(nanos)].add(weight);
        self.nanos.add(nanos.saturating_mul(weight));
    }

    /// What it has counted so far, added to what others have.
    pub(crate) fn add_to(&self, sum: &mut Histogram) {
        for (bucket, recorded) in sum.buckets.iter_mut().zip(&self.buckets) {
            *bucket += recorded.get();
        }
        sum.nanos = sum.nanos.saturating_add(self.nanos.get());
    }
}

/// How long something took: how often, how long together, and how many lie where.
///
/// Times are counted in buckets, four to each doubling, from 256 ns to about nine minutes. So a quantile is exact to a
/// quarter, and never too short.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// db.fetch_all("SELECT 1", ())?;
/// let execute = db.metrics().execute;
/// println!("{} statements, mean {:?}, 99 of 100 within {:?}", execute.count(), execute.mean(), execute.quantile(0.99));
/// # assert_eq!(execute.count(), 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    nanos: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: Box::new([0; BUCKETS]), nanos: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, time: Duration) {
        let nanos = nanos(time);
        self.buckets[bucket_of(nanos)] += 1;
        self.nanos = self.nanos.saturating_add(nanos);
    }

    pub(crate) fn add(&mut self, other: &Histogram) {
        for (bucket, more) in self.buckets.iter_mut().zip(&*other.buckets) {
            *bucket += more;
        }
        self.nanos = self.nanos.saturating_add(other.nanos);
    }

    /// How often it happened.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How long it took, all together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// How long it took on average; zero if it never happened.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.nanos.checked_div(self.count()).unwrap_or(0))
    }

    /// The time within which it happened in this share of the cases: `0.5` is the median, `0.99` leaves out one in a
    /// hundred. Up to a quarter too long, never too short; `None` if it never happened. What took longer than nine minutes
    /// counts as nine minutes.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let wanted = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|more| {
            seen += more;
            seen >= wanted
        })?;
        Some(end_of(bucket))
    }

    /// The buckets that have something in them: the time at which each ends, and how many lie in it. For who hands them
    /// on to a system of metrics.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.buckets.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bucket, count)| (end_of(bucket), *count))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .field("buckets", &format_args!("{:?}", self.buckets().collect::<Vec<_>>()))
            .finish()
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |share| self.quantile(share).unwrap_or_default();
        write!(
            f,
            "{} times, mean {:.1?}, median {:.1?}, 99 % within {:.1?}",
            self.count(),
            self.mean(),
            quantile(0.5),
            quantile(0.99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket() {
        let mut last = 0;
        for bits in 0..64 {
            for nanos in [1u64 << bits, (1 << bits) + (1 << bits >> 1), (1u64 << bits).wrapping_mul(2).wrapping_sub(1)]
            {
                let bucket = bucket_of(nanos);
                assert!(bucket >= last && bucket < BUCKETS, "{nanos} is in {bucket}, after {last}");
                last = bucket;
                if bucket < BUCKETS - 1 {
                    assert!(Duration::from_nanos(nanos) < end_of(bucket), "{nanos}");
                }
                if bucket > 0 {
                    assert!(Duration::from_nanos(nanos) >= end_of(bucket - 1), "{nanos}");
                }
            }
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_quantile_is_at_most_a_quarter_too_long() {
        let recorder = Recorder::default();
        for micros in 1..=1000 {
            recorder.record(Duration::from_micros(micros), 1);
        }
        let mut histogram = Histogram::default();
        assert_eq!((histogram.count(), histogram.mean(), histogram.quantile(0.5)), (0, Duration::ZERO, None));
        recorder.add_to(&mut histogram);
        assert_eq!(histogram.count(), 1000);
        assert_eq!(histogram.sum(), Duration::from_micros(500_500));
        for (share, exact) in [(0.001, 1), (0.5, 500), (0.99, 990), (1.0, 1000)] {
            let found = histogram.quantile(share).expect("it has counted");
            let exact = Duration::from_micros(exact);
            assert!(found >= exact && found <= exact.mul_f64(1.26), "{share}: {found:?} for {exact:?}");
        }
    }

    #[test]
    fn a_weight_counts_for_many() {
        let recorder = Recorder::default();
        recorder.record(Duration::from_micros(3), 16);
        let mut histogram = Histogram::default();
        recorder.add_to(&mut histogram);
        assert_eq!((histogram.count(), histogram.sum()), (16, Duration::from_micros(48)));
        assert_eq!(histogram.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [16]);
    }
}
