//! Building batches, cell by cell.

use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::row::batch::Batch;
use crate::row::cell::{Cell, Heap, Span, Wide};
use crate::row::columns::Columns;
use crate::value::{Date, Decimal, Interval, Kind, Time, Timestamp, TimestampTz, Value, ValueRef};

/// The rows a new builder has room for: the size of the first batch of a stream.
const FIRST_ROWS: usize = 4;

/// The room for text that a batch starts with: what a row of a few short texts needs, so that it is found in one piece.
const FIRST_TEXT: usize = 128;

/// How many of the latest type names are compared before one is stored again. Unknown types are few in a result: one
/// per column.
const RECENT_TYPES: usize = 8;

/// Collects the cells of a batch, in the order of the rows.
///
/// A driver makes one for a statement, pushes every cell of every row, and takes a [`Batch`] off it whenever it has
/// enough:
///
/// ```
/// use std::sync::Arc;
/// use pontoon::{BatchBuilder, Columns};
///
/// # fn main() -> pontoon::Result<()> {
/// let mut builder = BatchBuilder::new(Arc::new(Columns::of_names(["id", "name"])));
/// for (id, name) in [(1, "one"), (2, "two")] {
///     builder.push_i64(id);
///     builder.push_text(name)?;
/// }
/// let batch = builder.finish()?;
/// assert_eq!(batch.len(), 2);
/// # Ok(())
/// # }
/// ```
///
/// After an error of a push the row is incomplete and the builder is good for nothing but to be dropped.
pub struct BatchBuilder {
    columns: Arc<Columns>,
    cells: Vec<Cell>,
    heap: Heap,
    /// What the arrays occupy, which cannot be told from their number.
    array_bytes: usize,
    /// Rows of a result that has no columns, which cannot be told from the number of cells.
    empty_rows: usize,
    heap_limit: u32,
}

/// What a batch took.
#[derive(Debug)]
pub(crate) struct Room {
    cells: usize,
    text: usize,
    bytes: usize,
    wide: usize,
}

impl BatchBuilder {
    /// A builder for rows of these columns.
    pub fn new(columns: Arc<Columns>) -> BatchBuilder {
        let cells = Vec::with_capacity(columns.len() * FIRST_ROWS);
        BatchBuilder { columns, cells, heap: Heap::default(), array_bytes: 0, empty_rows: 0, heap_limit: u32::MAX }
    }

    /// The same builder with a limit, in bytes, for the text of one batch and, separately, for its blobs.
    ///
    /// The default, `u32::MAX`, is also the most there can be.
    #[must_use]
    pub fn with_heap_limit(mut self, bytes: u32) -> BatchBuilder {
        self.heap_limit = bytes;
        self
    }

    /// The columns of the rows.
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// How many complete rows there are.
    #[inline]
    pub fn rows(&self) -> usize {
        // A result without columns has no cells, and no division.
        self.cells.len().checked_div(self.columns.len()).unwrap_or(self.empty_rows)
    }

    /// How many bytes the cells and everything they point to occupy.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.cells.len() * size_of::<Cell>()
            + self.heap.text.len()
            + self.heap.bytes.len()
            + self.heap.wide.len() * size_of::<Wide>()
            + self.array_bytes
    }

    /// Whether nothing has been pushed.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.empty_rows == 0
    }

    /// Makes room for so many further rows, their text being as long as that of the rows so far.
    pub fn reserve_rows(&mut self, rows: usize) {
        self.cells.reserve(rows.saturating_mul(self.columns.len()));
        let per_row = |bytes: usize| bytes.checked_div(self.rows()).unwrap_or(0);
        let (text, bytes) = (per_row(self.heap.text.len()), per_row(self.heap.bytes.len()));
        self.heap.text.reserve(text.saturating_mul(rows).min(self.heap_limit as usize));
        self.heap.bytes.reserve(bytes.saturating_mul(rows).min(self.heap_limit as usize));
    }

    /// Pushes a NULL, with the kind it would have had where that is known.
    #[inline]
    pub fn push_null(&mut self, kind: Kind) {
        self.cells.push(Cell::Null(kind));
    }

    /// Pushes true or false.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        self.cells.push(Cell::Bool(value));
    }

    /// Pushes a signed integer.
    #[inline]
    pub fn push_i64(&mut self, value: i64) {
        self.cells.push(Cell::I64(value));
    }

    /// Pushes an unsigned integer.
    #[inline]
    pub fn push_u64(&mut self, value: u64) {
        self.cells.push(Cell::U64(value));
    }

    /// Pushes a 32-bit float.
    #[inline]
    pub fn push_f32(&mut self, value: f32) {
        self.cells.push(Cell::F32(value));
    }

    /// Pushes a 64-bit float.
    #[inline]
    pub fn push_f64(&mut self, value: f64) {
        self.cells.push(Cell::F64(value));
    }

    /// Pushes a date.
    #[inline]
    pub fn push_date(&mut self, value: Date) {
        self.cells.push(Cell::Date(value));
    }

    /// Pushes a time of day.
    #[inline]
    pub fn push_time(&mut self, value: Time) {
        self.cells.push(Cell::Time(value));
    }

    /// Pushes text.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the texts of the batch pass the limit of 4 GiB.
    #[inline]
    pub fn push_text(&mut self, text: &str) -> Result<()> {
        let span = self.text(text)?;
        self.cells.push(Cell::Text(span));
        Ok(())
    }

    /// Pushes a JSON document, as text.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the texts of the batch pass the limit of 4 GiB.
    #[inline]
    pub fn push_json(&mut self, text: &str) -> Result<()> {
        let span = self.text(text)?;
        self.cells.push(Cell::Json(span));
        Ok(())
    }

    /// Pushes bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the blobs of the batch pass the limit of 4 GiB.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let span = self.span(self.heap.bytes.len(), bytes.len())?;
        self.heap.bytes.extend_from_slice(bytes);
        self.cells.push(Cell::Bytes(span));
        Ok(())
    }

    /// Pushes a date and time of day without a zone.
    #[inline]
    pub fn push_timestamp(&mut self, value: Timestamp) {
        self.cells.push(Cell::timestamp(value));
    }

    /// Pushes a moment with its offset.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the batch has 2³² values that do not fit their cells.
    #[inline]
    pub fn push_timestamp_tz(&mut self, value: TimestampTz) -> Result<()> {
        self.wide(Wide::TimestampTz(value))
    }

    /// Pushes a span of time.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the batch has 2³² values that do not fit their cells.
    pub fn push_interval(&mut self, value: Interval) -> Result<()> {
        self.wide(Wide::Interval(value))
    }

    /// Pushes a UUID, most significant byte first.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the batch has 2³² values that do not fit their cells.
    #[inline]
    pub fn push_uuid(&mut self, value: [u8; 16]) -> Result<()> {
        self.wide(Wide::Uuid(value))
    }

    /// Pushes a list of values.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the batch has 2³² lists.
    pub fn push_array(&mut self, values: Vec<Value>) -> Result<()> {
        let index = self.index(self.heap.arrays.len())?;
        self.array_bytes += size_of::<Vec<Value>>() + values.iter().map(footprint).sum::<usize>();
        self.heap.arrays.push(values);
        self.cells.push(Cell::Array(index));
        Ok(())
    }

    /// Pushes the text of a value whose type has no kind of its own, with the database's name for the type.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when the texts of the batch pass the limit of 4 GiB.
    pub fn push_other(&mut self, type_name: &str, text: &str) -> Result<()> {
        let names = &mut self.heap.type_names;
        let type_name = match names.iter().rev().take(RECENT_TYPES).position(|name| **name == *type_name) {
            Some(back) => names.len() - 1 - back,
            None => {
                names.push(type_name.into());
                names.len() - 1
            }
        };
        let type_name = self.index(type_name)?;
        let text = self.text(text)?;
        self.cells.push(Cell::Other { type_name, text });
        Ok(())
    }

    /// Pushes an exact decimal, given as text. Any form that [`Decimal`] reads is fine; it is
    /// stored in canonical form, its scale kept.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`] when the text is no decimal number; [`ErrorKind::Limit`] when the texts of the batch
    /// pass the limit of 4 GiB.
    pub fn push_decimal(&mut self, text: &str) -> Result<()> {
        let canonical =
            Decimal::canonical(text).map_err(|error| Error::new(ErrorKind::Conversion, error.to_string()))?;
        let span = self.text(&canonical)?;
        self.cells.push(Cell::Decimal(span));
        Ok(())
    }

    /// Pushes a value of any kind.
    ///
    /// # Errors
    /// Those of the push for its kind.
    #[inline]
    pub fn push_value(&mut self, value: &Value) -> Result<()> {
        self.push_ref(value.as_ref())
    }

    /// Pushes a borrowed value of any kind.
    ///
    /// # Errors
    /// Those of the push for its kind.
    #[inline]
    pub fn push_ref(&mut self, value: ValueRef<'_>) -> Result<()> {
        match value {
            ValueRef::Null(kind) => self.push_null(kind),
            ValueRef::Bool(value) => self.push_bool(value),
            ValueRef::I64(value) => self.push_i64(value),
            ValueRef::U64(value) => self.push_u64(value),
            ValueRef::F32(value) => self.push_f32(value),
            ValueRef::F64(value) => self.push_f64(value),
            ValueRef::Decimal(text) => self.push_decimal(text)?,
            ValueRef::Text(text) => self.push_text(text)?,
            ValueRef::Bytes(bytes) => self.push_bytes(bytes)?,
            ValueRef::Date(value) => self.push_date(value),
            ValueRef::Time(value) => self.push_time(value),
            ValueRef::Timestamp(value) => self.push_timestamp(value),
            ValueRef::TimestampTz(value) => self.push_timestamp_tz(value)?,
            ValueRef::Interval(value) => self.push_interval(value)?,
            ValueRef::Uuid(value) => self.push_uuid(value)?,
            ValueRef::Json(text) => self.push_json(text)?,
            ValueRef::Array(values) => self.push_array(values.to_vec())?,
            ValueRef::Other { type_name, text } => self.push_other(type_name, text)?,
        }
        Ok(())
    }

    /// As [`push_ref`](Self::push_ref), with the kinds that are nearly always meant looked at first and in place: of a
    /// value whose kind the compiler knows nothing is left but its push.
    #[inline(always)]
    pub(crate) fn push_usual(&mut self, value: ValueRef<'_>) -> Result<()> {
        match value {
            ValueRef::I64(value) => self.push_i64(value),
            ValueRef::Text(text) => return self.push_text(text),
            ValueRef::F64(value) => self.push_f64(value),
            ValueRef::Null(kind) => self.push_null(kind),
            other => return self.push_ref(other),
        }
        Ok(())
    }

    /// Pushes one row of a result that has no columns.
    pub fn push_empty_row(&mut self) {
        self.empty_rows += 1;
    }

    /// Forgets the cells of a row that is not complete; what they point to stays where it lies.
    pub(crate) fn drop_incomplete_row(&mut self) {
        self.cells.truncate(self.rows() * self.columns.len());
    }

    /// The batch of all rows, leaving a builder that is empty and has room for as much again.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the last row is incomplete, which is an error in the driver.
    pub fn take(&mut self) -> Result<Batch> {
        let (batch, room) = self.cut()?;
        self.make(room);
        Ok(batch)
    }

    /// The batch of all rows, leaving a builder that is empty, and the room to [make](Self::make) for as much again:
    /// nearly every result ends with its first batch, and needs none.
    pub(crate) fn cut(&mut self) -> Result<(Batch, Room)> {
        let rows = self.complete_rows()?;
        let cells = mem::take(&mut self.cells);
        let heap = mem::take(&mut self.heap);
        let room = Room { cells: cells.len(), text: heap.text.len(), bytes: heap.bytes.len(), wide: heap.wide.len() };
        let bytes = mem::take(&mut self.array_bytes);
        self.empty_rows = 0;
        Ok((Batch::new(Arc::clone(&self.columns), cells, heap, rows, bytes), room))
    }

    pub(crate) fn make(&mut self, room: Room) {
        self.cells.reserve(room.cells);
        self.heap.text.reserve(room.text);
        self.heap.bytes.reserve(room.bytes);
        self.heap.wide.reserve(room.wide);
    }

    /// The batch of all rows.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the last row is incomplete, which is an error in the driver.
    pub fn finish(self) -> Result<Batch> {
        let rows = self.complete_rows()?;
        Ok(Batch::new(self.columns, self.cells, self.heap, rows, self.array_bytes))
    }

    fn complete_rows(&self) -> Result<u32> {
        let width = self.columns.len();
        let rest = self.cells.len().checked_rem(width).unwrap_or(0);
        if rest != 0 {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("the driver gave {rest} values for the last row of a result with {width} columns"),
            ));
        }
        self.index(self.rows())
    }

    #[inline]
    fn text(&mut self, text: &str) -> Result<Span> {
        let span = self.span(self.heap.text.len(), text.len())?;
        if self.heap.text.capacity() == 0 {
            self.heap.text = String::with_capacity(text.len().max(FIRST_TEXT));
        }
        self.heap.text.push_str(text);
        Ok(span)
    }

    #[inline]
    fn wide(&mut self, value: Wide) -> Result<()> {
        let index = self.index(self.heap.wide.len())?;
        self.heap.wide.push(value);
        self.cells.push(Cell::Wide(index));
        Ok(())
    }

    #[inline]
    fn span(&self, start: usize, len: usize) -> Result<Span> {
        // A slice is at most isize::MAX bytes long, so the sum cannot overflow; and where it is within the limit, both
        // of its parts fit 32 bits.
        if start + len > self.heap_limit as usize {
            return Err(self.full(start + len));
        }
        Ok(Span { start: start as u32, len: len as u32 })
    }

    #[inline]
    fn index(&self, index: usize) -> Result<u32> {
        u32::try_from(index).map_err(|_| too_many())
    }

    #[cold]
    fn full(&self, bytes: usize) -> Error {
        Error::new(
            ErrorKind::Limit,
            format!(
                "{bytes} bytes of text or of blobs in one batch of {} rows, where {} is the most there can be; \
                 read fewer rows in a batch, or read large values in parts",
                self.rows(),
                self.heap_limit
            ),
        )
    }
}

#[cold]
fn too_many() -> Error {
    Error::new(
        ErrorKind::Limit,
        "a batch can hold at most 2^32 - 1 rows, lists and wide values; read fewer rows in a batch",
    )
}

/// What a value in a list occupies, roughly.
fn footprint(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Other { type_name, text } => type_name.len() + text.len(),
            Value::Array(values) => values.iter().map(footprint).sum(),
            _ => 0,
        }
}

impl fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("columns", &self.columns)
            .field("rows", &self.rows())
            .field("bytes", &self.bytes())
            .finish()
    }
}
