//! Whole rows as Rust types.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::row::batch::Batch;
use crate::row::columns::Columns;
use crate::row::record::Row;
use crate::value::{FromValueOwned, Value};

/// What a whole row can be read as.
///
/// Tuples of up to 16 read the columns by position, and there must be exactly as many. A [`Scalar`] reads the only
/// column. Structs derive it, and read the columns by the names of their fields.
///
/// Reading is done in two steps, so that names are looked up once for all rows of a result: a plan is made of the
/// columns, then every row is read after that plan.
///
/// ```
/// use pontoon::{BatchBuilder, Columns, FromRow, Rows};
///
/// #[derive(FromRow)]
/// struct Note {
///     id: i64,
///     text: String,
///     #[row(rename = "finished_by")]
///     author: Option<String>,
/// }
///
/// # fn main() -> pontoon::Result<()> {
/// # let columns = Columns::of_names(["id", "text", "finished_by"]);
/// # let mut builder = BatchBuilder::new(columns.into());
/// # builder.push_i64(1);
/// # builder.push_text("water the plants")?;
/// # builder.push_null(pontoon::value::Kind::Text);
/// # let rows = Rows::from_batches([builder.finish()?]);
/// let notes: Vec<Note> = rows.decode()?;
/// assert_eq!(notes[0].id, 1);
/// assert_eq!(notes[0].text, "water the plants");
/// assert_eq!(notes[0].author, None);
///
/// let tuples: Vec<(i64, String, Option<String>)> = rows.decode()?;
/// assert_eq!(tuples[0].1, "water the plants");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a row cannot be read as `{Self}`",
    note = "derive it: `#[derive(pontoon::FromRow)]`; tuples of up to 16 have it, and `(T,)` or `Scalar<T>` read one column"
)]
pub trait FromRow: Sized {
    /// Where to find what, in the columns it was made for.
    type Plan;

    /// Looks up what there is to read.
    ///
    /// # Errors
    /// When these columns are not those of a `Self`.
    fn plan(columns: &Columns) -> Result<Self::Plan>;

    /// Reads a row of the columns that the plan was made for.
    ///
    /// # Errors
    /// When a value does not convert.
    fn from_row(row: &Row, plan: &Self::Plan) -> Result<Self>;
}

/// Reads rows that come one by one: makes the plan for the first, and keeps it as long as the columns remain the same.
///
/// It is what a typed stream needs; [`Rows::decode`](crate::Rows::decode) has one inside.
pub struct Decoder<T: FromRow> {
    plan: Option<(Arc<Columns>, T::Plan)>,
    /// How many rows have been read: the number of the next one.
    read: usize,
}

impl<T: FromRow> Decoder<T> {
    /// A decoder without a plan.
    pub fn new() -> Decoder<T> {
        Decoder { plan: None, read: 0 }
    }

    /// Makes the plan for rows of these columns, unless it is the one there is.
    ///
    /// # Errors
    /// When these columns are not those of a `T`.
    pub fn prepare(&mut self, columns: &Arc<Columns>) -> Result<()> {
        plan_for::<T>(&mut self.plan, columns).map(|_| ())
    }

    /// Reads a row.
    ///
    /// # Errors
    /// When its columns are not those of a `T`, or a value does not convert; the message then has the number of the
    /// row, counted from 0 since the decoder was made.
    #[inline]
    pub fn decode(&mut self, row: &Row) -> Result<T> {
        let plan = plan_for::<T>(&mut self.plan, row.columns())?;
        match T::from_row(row, plan) {
            Ok(value) => {
                self.read += 1;
                Ok(value)
            }
            Err(error) => Err(in_row(self.read, error)),
        }
    }

    /// Reads all rows of a batch and appends them.
    ///
    /// # Errors
    /// As [`decode`](Decoder::decode). What was read before the error has been appended.
    pub fn decode_batch(&mut self, batch: &Arc<Batch>, to: &mut Vec<T>) -> Result<()> {
        let plan = plan_for::<T>(&mut self.plan, batch.columns())?;
        to.reserve(batch.len());
        // One handle that moves from row to row: the count of the batch's owners is touched once a batch.
        let mut row = Row::new(Arc::clone(batch), 0);
        for index in 0..batch.rows() {
            row.move_to(index);
            match T::from_row(&row, plan) {
                Ok(value) => to.push(value),
                Err(error) => return Err(in_row(self.read + index as usize, error)),
            }
        }
        self.read += batch.len();
        Ok(())
    }
}

#[inline]
fn plan_for<'p, T: FromRow>(
    plan: &'p mut Option<(Arc<Columns>, T::Plan)>,
    columns: &Arc<Columns>,
) -> Result<&'p T::Plan> {
    if !plan.as_ref().is_some_and(|(planned, _)| Arc::ptr_eq(planned, columns)) {
        *plan = Some((Arc::clone(columns), T::plan(columns)?));
    }
    match plan {
        Some((_, plan)) => Ok(plan),
        None => Err(Error::new(ErrorKind::Internal, "a plan that was just made is gone")),
    }
}

#[cold]
pub(super) fn in_row(number: usize, error: Error) -> Error {
    error.context(format_args!("row {number}"))
}

impl<T: FromRow> Default for Decoder<T> {
    fn default() -> Decoder<T> {
        Decoder::new()
    }
}

impl<T: FromRow> fmt::Debug for Decoder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.plan.as_ref().map(|(columns, _)| columns);
        f.debug_struct("Decoder").field("columns", &columns).field("read", &self.read).finish()
    }
}

/// Reads the only column of a row: what `decode::<Scalar<i64>>()` is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar<T>(pub T);

impl<T: FromValueOwned> FromRow for Scalar<T> {
    type Plan = ();

    fn plan(columns: &Columns) -> Result<()> {
        exactly(columns, 1, "a scalar")
    }

    #[inline]
    fn from_row(row: &Row, (): &()) -> Result<Scalar<T>> {
        row.read(0).map(Scalar)
    }
}

/// The row as it is.
impl FromRow for Row {
    type Plan = ();

    fn plan(_: &Columns) -> Result<()> {
        Ok(())
    }

    #[inline]
    fn from_row(row: &Row, (): &()) -> Result<Row> {
        Ok(row.clone())
    }
}

/// The values of the row, however many.
impl FromRow for Vec<Value> {
    type Plan = ();

    fn plan(_: &Columns) -> Result<()> {
        Ok(())
    }

    fn from_row(row: &Row, (): &()) -> Result<Vec<Value>> {
        Ok(row.to_values())
    }
}

/// That there are exactly so many columns.
pub(super) fn exactly(columns: &Columns, expected: usize, what: &str) -> Result<()> {
    if columns.len() == expected {
        return Ok(());
    }
    let of = |count: usize| if count == 1 { "1 column".into() } else { format!("{count} columns") };
    let names: Vec<_> = columns.names().map(|name| format!("{name:?}")).collect();
    Err(Error::new(
        ErrorKind::Conversion,
        format!("{what} is read from {}; the result has {} ({})", of(expected), of(columns.len()), names.join(", ")),
    ))
}

macro_rules! tuples {
    ($($count:literal: $($type:ident $position:tt),+;)+) => {$(
        impl<$($type: FromValueOwned),+> FromRow for ($($type,)+) {
            type Plan = ();

            fn plan(columns: &Columns) -> Result<()> {
                exactly(columns, $count, concat!("a tuple of ", $count))
            }

            #[inline]
            fn from_row(row: &Row, (): &()) -> Result<Self> {
                Ok(($(row.read::<$type>($position)?,)+))
            }
        }
    )+};
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
    13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12;
    14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13;
    15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14;
    16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15;
}
