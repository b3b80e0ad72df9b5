//! Where a driver pushes the rows of a result.

use std::sync::Arc;

use super::Link;
use crate::error::Result;
use crate::row::{Batch, BatchBuilder, Columns};

/// Whether the sink wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// More rows are welcome.
    Continue,
    /// Nobody reads any further: end the statement and return `Ok`.
    Stop,
}

/// Takes the rows of one result, on the thread of the connection. A sink may block in [`batch`](Self::batch) until its
/// reader has caught up: that is the back-pressure.
pub trait RowSink {
    /// Called once, before any rows and also when there will be none.
    ///
    /// # Errors
    /// The driver ends the statement and passes the error on.
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<()>;

    /// How many rows the next batch should have: at least one. Asked after each batch; it grows for a reader that stays.
    fn batch_rows(&self) -> usize;

    /// Whether it has a use for the second way into the connection that [`batch`](Self::batch) can be given. For a driver
    /// that has one only at a price, such as a cursor.
    fn wants_again(&self) -> bool {
        false
    }

    /// Takes a batch.
    ///
    /// `again` is a second way into the same connection, which drivers give that can run a statement while this one is
    /// open; while the sink waits for its reader it serves other statements of the same connection through it.
    ///
    /// # Errors
    /// The driver ends the statement and passes the error on.
    fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow>;
}

/// The most bytes that a batch holds before it is pushed, however few its rows: 256 KiB.
pub const BATCH_BYTES: usize = 256 * 1024;

/// Packs rows into batches for a sink. A driver writes cells into [`row`](Self::row) and calls
/// [`end_row`](Self::end_row) after each row, [`finish`](Self::finish) after the last.
pub struct Batcher<'s> {
    sink: &'s mut dyn RowSink,
    builder: BatchBuilder,
    rows: usize,
    target: usize,
}

impl std::fmt::Debug for Batcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batcher").field("rows", &self.rows).field("target", &self.target).finish_non_exhaustive()
    }
}

impl<'s> Batcher<'s> {
    /// Announces the columns to the sink and starts the first batch.
    ///
    /// # Errors
    /// What the sink says of the columns.
    pub fn new(sink: &'s mut dyn RowSink, columns: Arc<Columns>) -> Result<Batcher<'s>> {
        sink.columns(&columns)?;
        let target = sink.batch_rows().max(1);
        Ok(Batcher { builder: BatchBuilder::new(columns), rows: 0, target, sink })
    }

    /// The builder to write the cells of the current row into.
    #[inline]
    pub fn row(&mut self) -> &mut BatchBuilder {
        &mut self.builder
    }

    /// Ends a row; pushes the batch when it is full.
    ///
    /// # Errors
    /// What the sink says of the batch.
    #[inline]
    pub fn end_row(&mut self, again: Option<&mut dyn Link>) -> Result<Flow> {
        if self.is_full_with_row() { self.push(again) } else { Ok(Flow::Continue) }
    }

    /// Ends a row and says whether the batch is full: for a driver that has something to do before it
    /// [pushes](Self::push), such as giving up a batch that nobody wants any more.
    #[inline]
    #[must_use]
    pub fn is_full_with_row(&mut self) -> bool {
        self.rows += 1;
        self.rows >= self.target || self.builder.bytes() >= BATCH_BYTES
    }

    /// Pushes the batch as it is.
    ///
    /// # Errors
    /// What the sink says of the batch.
    pub fn push(&mut self, again: Option<&mut dyn Link>) -> Result<Flow> {
        let (batch, room) = self.builder.cut()?;
        let flow = self.sink.batch(batch, again)?;
        self.rows = 0;
        if flow == Flow::Continue {
            self.builder.make(room);
            self.target = self.sink.batch_rows().max(1);
        }
        Ok(flow)
    }

    /// Pushes what is left.
    ///
    /// # Errors
    /// What the sink says of the last batch.
    pub fn finish(self) -> Result<()> {
        if self.rows > 0 {
            // Whether more is wanted makes no difference: there is no more.
            let _ = self.sink.batch(self.builder.finish()?, None)?;
        }
        Ok(())
    }
}
