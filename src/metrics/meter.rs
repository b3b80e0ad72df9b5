//! What one connection counts of its own work.

use std::sync::Arc;
use std::time::Instant;

use super::Metrics;
use super::histogram::{Counter, Recorder};
use crate::error::{Error, ErrorKind};
use crate::observe::Observer;

/// So many of the first statements of a connection are timed, each of them.
const ALL_TIMED: u64 = 1024;

/// Afterwards, of those that run on their caller's own thread, or as one of several of a job where a database is near
/// enough for that, one in so many is timed and counts for all: a power of two. Two looks at the clock cost as much as a
/// hundredth of such a statement; one that was sent to the worker by itself has come a way beside which they are nothing.
const ONE_IN: u64 = 64;

/// The counts of one connection. Changed by who has the connection's turn, read by anybody.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    observer: Arc<Observer>,
    /// The database is in the process: a caller may run statements on its own thread.
    is_near: bool,
    acquired: Counter,
    statements: Counter,
    failed: Counter,
    late: Counter,
    rows: Counter,
    bytes: Counter,
    begun: Counter,
    committed: Counter,
    rolled_back: Counter,
    unknown: Counter,
    hop: Recorder,
    execute: Recorder,
    fetch: Recorder,
}

/// One statement while it runs.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// For how many it counts, if its time is taken.
    weight: u64,
    begun: Option<Instant>,
    first_batch: Option<Instant>,
    pub(crate) rows: u64,
    bytes: u64,
    /// Rows that it changed, where the database said so.
    pub(crate) affected: Option<u64>,
}

impl Run {
    /// Whether its time is taken.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.begun.is_some()
    }

    /// Rows have come, for the first time or again.
    pub(crate) fn first_rows(&mut self) {
        self.first_batch.get_or_insert_with(Instant::now);
    }

    /// So many rows have come in all.
    #[inline]
    pub(crate) fn fetched(&mut self, rows: u64, bytes: u64) {
        self.rows += rows;
        self.bytes += bytes;
    }
}

impl Meter {
    pub(crate) fn new(observer: Arc<Observer>, is_near: bool) -> Meter {
        Meter { observer, is_near, ..Meter::default() }
    }

    /// Whether the database is in the process.
    #[inline]
    pub(crate) fn is_near(&self) -> bool {
        self.is_near
    }

    /// Who is told of what happens here.
    #[inline]
    pub(crate) fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Somebody took the connection.
    #[inline]
    pub(crate) fn acquire(&self) {
        self.acquired.add(1);
    }

    /// A job came to the worker after so long.
    pub(crate) fn hopped(&self, since: Instant) {
        self.hop.record(since.elapsed(), 1);
    }

    /// A statement begins.
    #[inline]
    pub(crate) fn begin(&self, is_at_hand: bool) -> Run {
        let number = self.statements.get();
        self.statements.add(1);
        let weight = if !is_at_hand || number < ALL_TIMED {
            1
        } else if number & (ONE_IN - 1) == 0 {
            ONE_IN
        } else {
            return Run::default();
        };
        Run { weight, begun: Some(Instant::now()), ..Run::default() }
    }

    /// It ended.
    #[inline]
    pub(crate) fn end(&self, run: &Run, error: Option<&Error>) {
        if run.rows > 0 {
            self.rows.add(run.rows);
            self.bytes.add(run.bytes);
        }
        if let Some(error) = error {
            self.failed.add(1);
            self.late.add(u64::from(error.kind() == ErrorKind::Timeout));
        }
        if let Some(begun) = run.begun {
            self.took(run, begun);
        }
    }

    fn took(&self, run: &Run, begun: Instant) {
        let now = Instant::now();
        let answered = run.first_batch.unwrap_or(now);
        self.execute.record(answered.saturating_duration_since(begun), run.weight);
        if let Some(first) = run.first_batch {
            self.fetch.record(now.saturating_duration_since(first), run.weight);
        }
    }

    pub(crate) fn began(&self) {
        self.begun.add(1);
    }

    pub(crate) fn committed(&self) {
        self.committed.add(1);
    }

    pub(crate) fn rolled_back(&self) {
        self.rolled_back.add(1);
    }

    pub(crate) fn left_unknown(&self) {
        self.unknown.add(1);
    }

    /// What it has counted so far, added to what others have.
    pub(crate) fn add_to(&self, sum: &mut Metrics) {
        sum.acquired += self.acquired.get();
        sum.statements += self.statements.get();
        sum.failed += self.failed.get();
        sum.timed_out += self.late.get();
        sum.rows += self.rows.get();
        sum.bytes += self.bytes.get();
        sum.transactions += self.begun.get();
        sum.committed += self.committed.get();
        sum.rolled_back += self.rolled_back.get();
        sum.commits_unknown += self.unknown.get();
        self.hop.add_to(&mut sum.hop);
        self.execute.add_to(&mut sum.execute);
        self.fetch.add_to(&mut sum.fetch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(statements: u64, is_lent: bool) -> Metrics {
        let meter = Meter::default();
        for _ in 0..statements {
            let mut run = meter.begin(is_lent);
            if run.is_timed() {
                run.first_rows();
            }
            run.fetched(2, 64);
            meter.end(&run, None);
        }
        let mut sum = Metrics::default();
        meter.add_to(&mut sum);
        sum
    }

    #[test]
    fn what_is_timed_stands_for_what_is_not() {
        for is_lent in [false, true] {
            let sum = counted(ALL_TIMED + 10 * ONE_IN, is_lent);
            assert_eq!(sum.statements, ALL_TIMED + 10 * ONE_IN);
            assert_eq!((sum.rows, sum.bytes), (2 * sum.statements, 64 * sum.statements));
            assert_eq!(sum.execute.count(), sum.statements, "lent: {is_lent}");
            assert_eq!(sum.fetch.count(), sum.statements);
        }
    }

    #[test]
    fn a_lent_statement_is_not_timed_each_time() {
        let meter = Meter::default();
        for _ in 0..=ALL_TIMED {
            let _ = meter.begin(true);
        }
        assert!(meter.begin(true).begun.is_none());
        assert!(meter.begin(false).begun.is_some());
    }

    #[test]
    fn an_error_is_counted_and_a_timeout_apart() {
        let meter = Meter::default();
        let run = meter.begin(false);
        meter.end(&run, Some(&Error::new(ErrorKind::Timeout, "late")));
        meter.end(&run, Some(&Error::new(ErrorKind::Syntax, "wrong")));
        let mut sum = Metrics::default();
        meter.add_to(&mut sum);
        assert_eq!((sum.failed, sum.timed_out), (2, 1));
    }
}
