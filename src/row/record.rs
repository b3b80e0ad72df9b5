//! One row of a result.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::row::batch::Batch;
use crate::row::columns::Columns;
use crate::row::decode::FromRow;
use crate::row::index::RowIndex;
use crate::row::map::RowMap;
use crate::value::{ConversionError, FromValue, Kind, Value, ValueRef};

/// One row of a result: a handle on its [`Batch`], cheap to clone and to send.
///
/// ```
/// # use pontoon::{BatchBuilder, Columns, Rows};
/// # fn main() -> pontoon::Result<()> {
/// # let mut builder = BatchBuilder::new(Columns::of_names(["id", "name"]).into());
/// # builder.push_i64(7);
/// # builder.push_text("Ada")?;
/// # let row = Rows::from_batches([builder.finish()?]).first().unwrap();
/// assert_eq!(row.get::<i64>("id")?, 7);
/// assert_eq!(row.get::<&str>(1)?, "Ada");
/// assert_eq!(row.get::<String>(-1)?, "Ada");
/// assert_eq!(row.try_get::<i64>("age")?, None);
/// assert_eq!(row.decode::<(i64, String)>()?, (7, "Ada".to_owned()));
///
/// let error = row.get::<i64>("name").unwrap_err();
/// assert!(error.to_string().starts_with("column \"name\" (1): cannot read TEXT as i64"));
/// # Ok(())
/// # }
/// ```
///
/// Two rows are equal when their values are, in order, whatever the columns are called.
#[derive(Clone)]
pub struct Row {
    batch: Arc<Batch>,
    /// Always less than the number of rows of the batch.
    index: u32,
}

impl Row {
    #[inline]
    pub(super) fn new(batch: Arc<Batch>, index: u32) -> Row {
        Row { batch, index }
    }

    /// Moves on within the batch, which must have that row: a walk over a batch needs one handle, not one a row.
    #[inline]
    pub(super) fn move_to(&mut self, index: u32) {
        self.index = index;
    }

    /// Moves on to the next row of the batch, of which there must be one.
    #[inline]
    pub(super) fn move_on(&mut self) {
        self.index += 1;
    }

    /// Reads a column, named by its name or its position, as a `T`.
    ///
    /// The conversion is exact or an error; which types read which kinds is listed at
    /// [`FromValue`]. A NULL can be read only as an `Option`. Text and bytes can be
    /// borrowed from the row: `row.get::<&str>("name")`.
    ///
    /// # Errors
    /// [`NoSuchColumn`](crate::ErrorKind::NoSuchColumn) when there is no such column, or several of that name;
    /// [`Conversion`](crate::ErrorKind::Conversion) when its value is not a `T`. The message names the column.
    #[inline]
    pub fn get<'r, T: FromValue<'r>>(&'r self, index: impl RowIndex) -> Result<T> {
        match index.find(self.columns())? {
            Some(position) => self.read(position),
            None => Err(index.missing(self.columns())),
        }
    }

    /// Like [`get`](Row::get), with `Ok(None)` when there is no such column.
    ///
    /// A NULL in a column that is there remains an error unless `T` is an `Option`.
    ///
    /// # Errors
    /// [`NoSuchColumn`](crate::ErrorKind::NoSuchColumn) when there are several columns of that name;
    /// [`Conversion`](crate::ErrorKind::Conversion) when the value is not a `T`.
    #[inline]
    pub fn try_get<'r, T: FromValue<'r>>(&'r self, index: impl RowIndex) -> Result<Option<T>> {
        match index.find(self.columns())? {
            Some(position) => self.read(position).map(Some),
            None => Ok(None),
        }
    }

    /// The value of a column, as it is.
    ///
    /// # Errors
    /// [`NoSuchColumn`](crate::ErrorKind::NoSuchColumn) when there is no such column, or several of that name.
    #[inline]
    pub fn value(&self, index: impl RowIndex) -> Result<ValueRef<'_>> {
        let position = index.find(self.columns())?;
        position.and_then(|position| self.cell(position)).ok_or_else(|| index.missing(self.columns()))
    }

    /// How many columns there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.columns().len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns().is_empty()
    }

    /// The columns, shared by all rows of the result.
    #[inline]
    pub fn columns(&self) -> &Arc<Columns> {
        self.batch.columns()
    }

    /// The batch the row lies in.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// The values in the order of the columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ValueRef<'_>> + DoubleEndedIterator {
        // Every position below `len` has a cell.
        (0..self.len()).map(|position| self.cell(position).unwrap_or(ValueRef::Null(Kind::Unknown)))
    }

    /// The names and values in the order of the columns; a name that several columns have comes several times.
    pub fn iter_named(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> + DoubleEndedIterator {
        (0..self.len()).map(|position| {
            let value = self.cell(position).unwrap_or(ValueRef::Null(Kind::Unknown));
            (self.columns()[position].name(), value)
        })
    }

    /// The row as a map from names to values, in the order of the columns. Copies nothing.
    pub fn to_map(&self) -> RowMap<'_> {
        RowMap::new(self)
    }

    /// The values, copied out of the batch.
    pub fn to_values(&self) -> Vec<Value> {
        self.iter().map(ValueRef::to_value).collect()
    }

    /// Reads the whole row as a `T`: a tuple, a [`Scalar`](crate::Scalar), or a struct that derives [`FromRow`].
    ///
    /// Columns are looked up anew for every row. To read many rows use [`Rows::decode`](crate::Rows::decode) or a
    /// [`Decoder`](crate::row::Decoder), which look them up once.
    ///
    /// # Errors
    /// When the columns are not those of a `T`, or a value does not convert.
    pub fn decode<T: FromRow>(&self) -> Result<T> {
        let plan = T::plan(self.columns())?;
        T::from_row(self, &plan)
    }

    #[inline]
    pub(super) fn cell(&self, position: usize) -> Option<ValueRef<'_>> {
        self.batch.cell(self.index, position).map(|cell| self.batch.heap().read(cell))
    }

    /// Reads the column at a position; the error names the column.
    #[inline(always)]
    pub(super) fn read<'r, T: FromValue<'r>>(&'r self, position: usize) -> Result<T> {
        let cell = self.batch.cell(self.index, position);
        match cell.and_then(|cell| self.batch.heap().read_usual(cell)) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(self.unread(position, error)),
            None => self.read_unusual(position),
        }
    }

    /// Reads the column at a position, whatever the kind of its value.
    #[inline(never)]
    fn read_unusual<'r, T: FromValue<'r>>(&'r self, position: usize) -> Result<T> {
        match self.cell(position) {
            Some(value) => T::from_value(value).map_err(|error| self.unread(position, error)),
            None => Err(self.columns().out_of_range(position)),
        }
    }

    #[cold]
    pub(super) fn unread(&self, position: usize, error: ConversionError) -> Error {
        let name = self.columns().get(position).map_or("", |column| column.name());
        Error::from(error).context(format_args!("column {name:?} ({position})"))
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Values may be secret, so only the names of the columns and the kinds of the values are shown.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Shape<'r>(&'r Row);
        impl fmt::Debug for Shape<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.iter_named().map(|(name, value)| (name, Opaque(value)))).finish()
            }
        }
        f.debug_tuple("Row").field(&Shape(self)).finish()
    }
}

/// Shows the kind of a value and whether it is NULL.
pub(super) struct Opaque<'v>(pub(super) ValueRef<'v>);

impl fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueRef::Null(_) => f.write_str("NULL"),
            value => fmt::Debug::fmt(&value.kind(), f),
        }
    }
}
