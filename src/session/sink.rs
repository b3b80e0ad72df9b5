//! Sinks that keep what they are given: all of it, or one row.

use std::sync::Arc;

use super::core::Tallied;
use crate::driver::{Flow, Limits, Link, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::row::{Batch, Columns, Row, Rows};

/// Counts rows and bytes against the limits of a query.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    rows: u64,
    bytes: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Meter {
        Meter { limits, rows: 0, bytes: 0 }
    }

    pub(super) fn add(&mut self, batch: &Batch) -> Result<()> {
        self.rows += batch.len() as u64;
        self.bytes += batch.bytes() as u64;
        let over = |limit: Option<u64>, has: u64| limit.filter(|limit| has > *limit);
        if let Some(limit) = over(self.limits.max_rows, self.rows) {
            return Err(too_large(format_args!("{limit} rows"), "max_rows"));
        }
        if let Some(limit) = over(self.limits.max_bytes, self.bytes) {
            return Err(too_large(format_args!("{limit} bytes"), "max_bytes"));
        }
        Ok(())
    }

    /// Rows and bytes so far.
    pub(super) fn tally(&self) -> (u64, u64) {
        (self.rows, self.bytes)
    }

    /// How many rows are of any use: one more than the limit tells that there are too many.
    pub(super) fn cap(&self, wanted: usize) -> usize {
        match self.limits.max_rows {
            Some(limit) => wanted.min(usize::try_from((limit - self.rows.min(limit)) + 1).unwrap_or(wanted)),
            None => wanted,
        }
    }
}

fn too_large(limit: std::fmt::Arguments<'_>, option: &str) -> Error {
    Error::new(
        ErrorKind::ResultTooLarge,
        format!(
            "the result is larger than the {limit} that its {option} allows: narrow it, raise the limit, or stream it with iterate()"
        ),
    )
}

/// Keeps every row.
#[derive(Debug)]
pub(super) struct Collect {
    rows: Rows,
    meter: Meter,
}

/// Rows of a batch of a result that is kept as a whole: large, since nobody waits for the first ones.
const COLLECT_ROWS: usize = 4096;

impl Collect {
    pub(super) fn new(limits: Limits) -> Collect {
        Collect { rows: Rows::default(), meter: Meter::new(limits) }
    }

    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }
}

impl RowSink for Collect {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<()> {
        self.rows = Rows::new(Arc::clone(columns));
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        self.meter.cap(COLLECT_ROWS)
    }

    fn batch(&mut self, batch: Batch, _again: Option<&mut dyn Link>) -> Result<Flow> {
        self.meter.add(&batch)?;
        self.rows.push(batch);
        Ok(Flow::Continue)
    }
}

impl Tallied for Collect {
    #[inline]
    fn tally(&self) -> (u64, u64) {
        self.meter.tally()
    }
}

/// Keeps one row: the one at a position, or the last.
#[derive(Debug)]
pub(super) struct First {
    /// Rows still to pass over, or `None` for the last row.
    skip: Option<u64>,
    row: Option<Row>,
    tally: (u64, u64),
}

impl First {
    pub(super) fn nth(position: u64) -> First {
        First { skip: Some(position), row: None, tally: (0, 0) }
    }

    pub(super) fn last() -> First {
        First { skip: None, row: None, tally: (0, 0) }
    }

    pub(super) fn into_row(self) -> Option<Row> {
        self.row
    }
}

impl RowSink for First {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        match self.skip {
            Some(skip) => usize::try_from(skip).map_or(COLLECT_ROWS, |skip| skip.saturating_add(1).min(COLLECT_ROWS)),
            None => COLLECT_ROWS,
        }
    }

    fn batch(&mut self, batch: Batch, _again: Option<&mut dyn Link>) -> Result<Flow> {
        let rows = batch.len();
        self.tally.0 += rows as u64;
        self.tally.1 += batch.bytes() as u64;
        match &mut self.skip {
            Some(skip) if *skip >= rows as u64 => {
                *skip -= rows as u64;
                Ok(Flow::Continue)
            }
            Some(skip) => {
                // Less than the length of a batch, which is a usize.
                let position = usize::try_from(*skip).unwrap_or(usize::MAX);
                self.row = Arc::new(batch).row(position);
                Ok(Flow::Stop)
            }
            None => {
                if let Some(last) = rows.checked_sub(1) {
                    self.row = Arc::new(batch).row(last);
                }
                Ok(Flow::Continue)
            }
        }
    }
}

impl Tallied for First {
    #[inline]
    fn tally(&self) -> (u64, u64) {
        self.tally
    }
}
