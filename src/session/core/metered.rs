//! What is counted and told of a statement: one wrapping for all of them.

use super::{Core, Turn};
use crate::driver::{Flow, Link, RowSink};
use crate::error::Result;
use crate::metrics::Run;
use crate::observe::Told;
use crate::row::{Batch, Columns};
use std::sync::Arc;

impl Core<'_> {
    /// Runs one statement, counted, timed where that is its turn, and told to whoever listens.
    #[inline]
    pub(super) fn metered<T>(
        &mut self,
        turn: &Turn<'_>,
        told: Told<'_>,
        work: impl FnOnce(&mut Core<'_>, &mut Run) -> Result<T>,
    ) -> Result<T> {
        let watched = self.state.meter.observer().begins(told);
        let is_at_hand = turn.is_lent() || (turn.is_one_of_many() && self.state.meter.is_near());
        let mut run = self.state.meter.begin(is_at_hand);
        let result = work(&mut self.reborrow(), &mut run);
        self.state.meter.end(&run, result.as_ref().err());
        if let Some(watched) = watched {
            self.state.meter.observer().ends(watched, told, &run, result.as_ref().err());
        }
        result
    }
}

/// A sink that knows what has come to it.
pub(crate) trait Tallied: RowSink {
    /// Rows, and the bytes of their batches.
    fn tally(&self) -> (u64, u64);
}

/// Runs `query` on a sink, and counts what came.
#[inline]
pub(super) fn counted(
    run: &mut Run,
    sink: &mut impl Tallied,
    query: impl FnOnce(&mut dyn RowSink) -> Result<()>,
) -> Result<()> {
    let result = timed(run, sink, query);
    let (rows, bytes) = sink.tally();
    run.fetched(rows, bytes);
    result
}

/// Runs `query` on a sink. Between a driver and its sink there is another one only when it has a time to take.
#[inline]
pub(super) fn timed(
    run: &mut Run,
    sink: &mut dyn RowSink,
    query: impl FnOnce(&mut dyn RowSink) -> Result<()>,
) -> Result<()> {
    if run.is_timed() { query(&mut Timed { sink, run }) } else { query(sink) }
}

/// Takes the time at which the first rows go to a sink.
struct Timed<'s> {
    sink: &'s mut dyn RowSink,
    run: &'s mut Run,
}

impl RowSink for Timed<'_> {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.sink.columns(columns)
    }

    fn batch_rows(&self) -> usize {
        self.sink.batch_rows()
    }

    fn wants_again(&self) -> bool {
        self.sink.wants_again()
    }

    fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow> {
        self.run.first_rows();
        self.sink.batch(batch, again)
    }
}
