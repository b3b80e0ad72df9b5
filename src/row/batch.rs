//! A stretch of a result.

use std::fmt;
use std::sync::Arc;

use crate::row::cell::{Cell, Heap};
use crate::row::columns::Columns;
use crate::row::record::Row;
use crate::value::ValueRef;

/// Room that is left over in a finished batch, in bytes, is given back when it is more than this, and more than what is
/// in use. Anything less costs more to move than to keep.
const SLACK: usize = 1024;

/// A stretch of a result: some rows, stored together.
///
/// A [`BatchBuilder`](crate::BatchBuilder) makes it; nothing in it changes afterwards. It is read through [`Row`]s, or
/// cell by cell with [`value`](Batch::value).
pub struct Batch {
    columns: Arc<Columns>,
    /// Row after row; exactly `rows` times the number of columns.
    cells: Vec<Cell>,
    heap: Heap,
    rows: u32,
    array_bytes: usize,
}

impl Batch {
    pub(super) fn new(columns: Arc<Columns>, cells: Vec<Cell>, heap: Heap, rows: u32, array_bytes: usize) -> Batch {
        let mut batch = Batch { columns, cells, heap, rows, array_bytes };
        trim(&mut batch.cells);
        trim(&mut batch.heap.bytes);
        trim(&mut batch.heap.wide);
        if is_slack(batch.heap.text.capacity(), batch.heap.text.len()) {
            batch.heap.text.shrink_to_fit();
        }
        batch
    }

    /// The columns of the rows.
    #[inline]
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many rows there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    #[inline]
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether there are no rows.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How many bytes the cells and everything they point to occupy.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.cells)
            + self.heap.text.len()
            + self.heap.bytes.len()
            + size_of_val(&*self.heap.wide)
            + self.array_bytes
    }

    /// The value of a cell, rows and columns counted from 0; `None` outside the batch.
    #[inline]
    pub fn value(&self, row: usize, column: usize) -> Option<ValueRef<'_>> {
        let row = u32::try_from(row).ok().filter(|&row| row < self.rows)?;
        self.cell(row, column).map(|cell| self.heap.read(cell))
    }

    /// The cell of a row there is; `None` when there is no such column.
    #[inline(always)]
    pub(super) fn cell(&self, row: u32, column: usize) -> Option<&Cell> {
        let width = self.columns.len();
        if column >= width {
            return None;
        }
        // Both within the batch, so neither the product nor the sum passes the number of cells.
        self.cells.get((row as usize).wrapping_mul(width).wrapping_add(column))
    }

    /// The cells of a row, rows counted from 0; none outside the batch.
    #[inline]
    pub(crate) fn cells(&self, row: usize) -> Cells<'_> {
        let width = self.columns.len();
        let cells = self.cells.get(row * width..(row + 1) * width).unwrap_or_default();
        Cells { cells: cells.iter(), heap: &self.heap }
    }

    #[inline(always)]
    pub(super) fn heap(&self) -> &Heap {
        &self.heap
    }

    /// The row at an index counted from 0; `None` when there are not as many. Shares the batch.
    #[inline]
    pub fn row(self: &Arc<Batch>, index: usize) -> Option<Row> {
        let index = u32::try_from(index).ok().filter(|&index| index < self.rows)?;
        Some(Row::new(Arc::clone(self), index))
    }
}

/// The values of one row.
#[derive(Clone)]
pub(crate) struct Cells<'b> {
    cells: std::slice::Iter<'b, Cell>,
    heap: &'b Heap,
}

impl<'b> Iterator for Cells<'b> {
    type Item = ValueRef<'b>;

    #[inline(always)]
    fn next(&mut self) -> Option<ValueRef<'b>> {
        self.cells.next().map(|cell| self.heap.read_usual_first(cell))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.cells.size_hint()
    }
}

impl ExactSizeIterator for Cells<'_> {}

/// Values may be secret, so only the columns and the number of rows are shown.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("columns", &self.columns).field("rows", &self.rows).finish_non_exhaustive()
    }
}

fn trim<T>(list: &mut Vec<T>) {
    if is_slack(list.capacity() * size_of::<T>(), list.len() * size_of::<T>()) {
        list.shrink_to_fit();
    }
}

fn is_slack(capacity: usize, used: usize) -> bool {
    let slack = capacity - used;
    slack > SLACK && slack > used
}
