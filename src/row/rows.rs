//! All rows of a result.

use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use crate::error::Result;
use crate::row::batch::Batch;
use crate::row::columns::Columns;
use crate::row::decode::{Decoder, FromRow, in_row};
use crate::row::index::RowIndex;
use crate::row::record::Row;
use crate::value::FromValueOwned;

/// All rows of a result, in order. Cheap to clone: the clone shares them.
///
/// The columns are known even when there are no rows.
#[derive(Clone, Default)]
pub struct Rows {
    columns: Option<Arc<Columns>>,
    batches: Arc<Vec<Stretch>>,
}

#[derive(Clone, Debug)]
struct Stretch {
    /// Never empty.
    batch: Arc<Batch>,
    /// How many rows there are up to the end of this batch.
    end: usize,
}

impl Rows {
    /// No rows, of these columns.
    pub fn new(columns: Arc<Columns>) -> Rows {
        Rows { columns: Some(columns), batches: Arc::default() }
    }

    /// The rows of these batches, in order.
    pub fn from_batches<I>(batches: I) -> Rows
    where
        I: IntoIterator,
        I::Item: Into<Arc<Batch>>,
    {
        let mut rows = Rows::default();
        rows.extend(batches);
        rows
    }

    /// Appends the rows of a batch.
    pub fn push(&mut self, batch: impl Into<Arc<Batch>>) {
        let batch = batch.into();
        if self.columns.is_none() {
            self.columns = Some(Arc::clone(batch.columns()));
        }
        if !batch.is_empty() {
            let end = self.len() + batch.len();
            // Copies the list, never the rows, and only when a clone of it is alive.
            Arc::make_mut(&mut self.batches).push(Stretch { batch, end });
        }
    }

    /// How many rows there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.batches.last().map_or(0, |stretch| stretch.end)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The columns; `None` only for rows that were made without batches and without columns.
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        self.columns.as_ref()
    }

    /// The batches, in order; none of them is empty.
    pub fn batches(&self) -> impl ExactSizeIterator<Item = &Arc<Batch>> + DoubleEndedIterator {
        self.batches.iter().map(|stretch| &stretch.batch)
    }

    /// The row at an index counted from 0.
    pub fn get(&self, index: usize) -> Option<Row> {
        let at = self.batches.partition_point(|stretch| stretch.end <= index);
        let stretch = self.batches.get(at)?;
        stretch.batch.row(index - (stretch.end - stretch.batch.len()))
    }

    /// The row at an index counted from 0 or, when negative, from the end: `-1` is the last.
    pub fn nth(&self, index: isize) -> Option<Row> {
        if index < 0 { self.get(self.len().checked_sub(index.unsigned_abs())?) } else { self.get(index.unsigned_abs()) }
    }

    /// The first row.
    pub fn first(&self) -> Option<Row> {
        self.get(0)
    }

    /// The last row.
    pub fn last(&self) -> Option<Row> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The rows in order.
    pub fn iter(&self) -> RowsIter {
        RowsIter::new(self.clone())
    }

    /// Walks over the rows, in order, with one handle: the fastest way to look at all of them.
    ///
    /// ```
    /// # use pontoon::{BatchBuilder, Columns, Rows};
    /// # fn main() -> pontoon::Result<()> {
    /// # let mut builder = BatchBuilder::new(Columns::of_names(["id"]).into());
    /// # builder.push_i64(1);
    /// # builder.push_i64(2);
    /// # let rows = Rows::from_batches([builder.finish()?]);
    /// let mut sum = 0;
    /// let mut cursor = rows.cursor();
    /// while let Some(row) = cursor.next() {
    ///     sum += row.get::<i64>("id")?;
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn cursor(&self) -> RowsCursor<'_> {
        RowsCursor { batches: self.batches.iter(), row: None, left: 0 }
    }

    /// Reads every row as a `T`: a tuple, a [`Scalar`](crate::Scalar), or a struct that derives [`FromRow`].
    ///
    /// # Errors
    /// When the columns are not those of a `T` (also when there are no rows), or a value does not convert; the message
    /// then has the number of the row, counted from 0.
    pub fn decode<T: FromRow>(&self) -> Result<Vec<T>> {
        let mut decoder = Decoder::new();
        let mut decoded = Vec::with_capacity(self.len());
        if let Some(columns) = &self.columns {
            decoder.prepare(columns)?;
        }
        for batch in self.batches() {
            decoder.decode_batch(batch, &mut decoded)?;
        }
        Ok(decoded)
    }

    /// Reads one column of every row.
    ///
    /// # Errors
    /// As [`Row::get`]; also when there are no rows and no such column.
    pub fn column<T: FromValueOwned>(&self, index: impl RowIndex) -> Result<Vec<T>> {
        let find = |columns: &Columns| index.find(columns)?.ok_or_else(|| index.missing(columns));
        if let Some(columns) = &self.columns {
            find(columns)?;
        }
        let mut values = Vec::with_capacity(self.len());
        for batch in self.batches() {
            let position = find(batch.columns())?;
            let mut row = Row::new(Arc::clone(batch), 0);
            for at in 0..batch.rows() {
                row.move_to(at);
                match row.read(position) {
                    Ok(value) => values.push(value),
                    Err(error) => return Err(in_row(values.len(), error)),
                }
            }
        }
        Ok(values)
    }
}

impl<B: Into<Arc<Batch>>> Extend<B> for Rows {
    fn extend<I: IntoIterator<Item = B>>(&mut self, batches: I) {
        for batch in batches {
            self.push(batch);
        }
    }
}

impl<B: Into<Arc<Batch>>> FromIterator<B> for Rows {
    fn from_iter<I: IntoIterator<Item = B>>(batches: I) -> Rows {
        Rows::from_batches(batches)
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Rows) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Values may be secret, so only the columns and the number of rows are shown.
impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("columns", &self.columns).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = RowsIter;

    fn into_iter(self) -> RowsIter {
        RowsIter::new(self)
    }
}

impl IntoIterator for &Rows {
    type Item = Row;
    type IntoIter = RowsIter;

    fn into_iter(self) -> RowsIter {
        self.iter()
    }
}

/// The rows of a [`Rows`], in order.
#[derive(Clone, Debug)]
pub struct RowsIter {
    rows: Rows,
    /// The batch and the row in it that come next from the front.
    front: (usize, u32),
    /// How many are left.
    left: usize,
}

impl RowsIter {
    fn new(rows: Rows) -> RowsIter {
        RowsIter { left: rows.len(), front: (0, 0), rows }
    }
}

impl Iterator for RowsIter {
    type Item = Row;

    #[inline]
    fn next(&mut self) -> Option<Row> {
        self.left = self.left.checked_sub(1)?;
        let (batch, index) = &mut self.front;
        // As long as some are left, the batch at the front has a row that has not come yet: none of them is empty.
        let stretch = self.rows.batches.get(*batch)?;
        let row = Row::new(Arc::clone(&stretch.batch), *index);
        *index += 1;
        if *index == stretch.batch.rows() {
            self.front = (*batch + 1, 0);
        }
        Some(row)
    }

    fn nth(&mut self, skip: usize) -> Option<Row> {
        if skip >= self.left {
            self.left = 0;
            return None;
        }
        self.left -= skip;
        let mut skip = skip as u64 + u64::from(self.front.1);
        self.front.1 = 0;
        while let Some(stretch) = self.rows.batches.get(self.front.0) {
            let rows = u64::from(stretch.batch.rows());
            if skip < rows {
                // Less than a number of rows, which is a u32.
                self.front.1 = skip as u32;
                break;
            }
            skip -= rows;
            self.front.0 += 1;
        }
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    fn count(self) -> usize {
        self.left
    }

    fn last(mut self) -> Option<Row> {
        self.next_back()
    }
}

impl DoubleEndedIterator for RowsIter {
    fn next_back(&mut self) -> Option<Row> {
        let (batch, index) = self.front;
        let before = match batch.checked_sub(1) {
            Some(previous) => self.rows.batches.get(previous).map_or(0, |stretch| stretch.end),
            None => 0,
        };
        self.left = self.left.checked_sub(1)?;
        self.rows.get(before + index as usize + self.left)
    }
}

impl ExactSizeIterator for RowsIter {}
impl FusedIterator for RowsIter {}

/// A walk over [`Rows`] with one handle, which moves from row to row.
///
/// An iterator hands out a [`Row`] of its own for every row, and each of them counts as an owner of its batch. The
/// cursor lends the same one again and again, so it is not an iterator; clone the row to keep it.
#[derive(Debug)]
pub struct RowsCursor<'r> {
    batches: std::slice::Iter<'r, Stretch>,
    row: Option<Row>,
    /// How many rows of the batch come after this one.
    left: u32,
}

impl RowsCursor<'_> {
    /// Moves to the next row, at first to the first.
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "an iterator could not lend")]
    pub fn next(&mut self) -> Option<&Row> {
        match &mut self.row {
            Some(row) if self.left > 0 => {
                row.move_on();
                self.left -= 1;
            }
            row => {
                let batch = &self.batches.next()?.batch;
                *row = Some(Row::new(Arc::clone(batch), 0));
                // A batch in the list is never empty.
                self.left = batch.rows() - 1;
            }
        }
        self.row.as_ref()
    }
}
