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
    pub(super) fn metered<T>(
        &mut self,
        turn: &Turn<'_>,
        told: Told<'_>,
        work: impl FnOnce(&mut Core<'_>, &mut Run) -> Result<T>,
    ) -> Result<T> {
        let watched = self.state.meter.observer().begins(told);
        let mut run = self.state.meter.begin(turn.is_lent());
        let result = work(&mut self.reborrow(), &mut run);
        self.state.meter.end(&run, result.as_ref().err());
        if let Some(watched) = watched {
            self.state.meter.observer().ends(watched, told, &run, result.as_ref().err());
        }
        result
    }
}

/// Counts the rows that go to a sink.
pub(super) struct Counted<'s, S: ?Sized>(pub(super) &'s mut S, pub(super) &'s mut Run);

impl<S: RowSink + ?Sized> RowSink for Counted<'_, S> {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.0.columns(columns)
    }

    fn batch_rows(&self) -> usize {
        self.0.batch_rows()
    }

    fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow> {
        self.1.fetched(batch.len(), batch.bytes());
        self.0.batch(batch, again)
    }
}
