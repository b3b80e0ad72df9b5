//! What a column can be named by.

use crate::error::{Error, Result};
use crate::row::Columns;

/// What names a column of a row: its name, or its position.
///
/// Positions count from 0; a negative `i32` counts from the end, `-1` being the last. Names are exact, letter case
/// included, and a name that several columns have is an error, see [`Columns::position`]. Other crates may implement it
/// for their own identifiers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a column",
    note = "use its name (`&str`, `String`) or its position (`usize`, or `i32` to count from the end)"
)]
pub trait RowIndex {
    /// The position of the column, counted from 0, or `None` when there is none.
    ///
    /// # Errors
    /// [`NoSuchColumn`](crate::ErrorKind::NoSuchColumn) when there are several.
    fn find(&self, columns: &Columns) -> Result<Option<usize>>;

    /// The error for when [`find`](RowIndex::find) has found nothing: names what was looked for and what there is.
    fn missing(&self, columns: &Columns) -> Error;
}

impl RowIndex for usize {
    #[inline]
    fn find(&self, columns: &Columns) -> Result<Option<usize>> {
        Ok((*self < columns.len()).then_some(*self))
    }

    #[cold]
    fn missing(&self, columns: &Columns) -> Error {
        columns.out_of_range(self)
    }
}

impl RowIndex for i32 {
    #[inline]
    fn find(&self, columns: &Columns) -> Result<Option<usize>> {
        let distance = self.unsigned_abs() as usize;
        let position = if *self < 0 { columns.len().checked_sub(distance) } else { Some(distance) };
        Ok(position.filter(|&position| position < columns.len()))
    }

    #[cold]
    fn missing(&self, columns: &Columns) -> Error {
        columns.out_of_range(self)
    }
}

impl RowIndex for str {
    #[inline]
    fn find(&self, columns: &Columns) -> Result<Option<usize>> {
        columns.find(self)
    }

    #[cold]
    fn missing(&self, columns: &Columns) -> Error {
        columns.missing(self)
    }
}

impl RowIndex for String {
    #[inline]
    fn find(&self, columns: &Columns) -> Result<Option<usize>> {
        columns.find(self)
    }

    #[cold]
    fn missing(&self, columns: &Columns) -> Error {
        columns.missing(self)
    }
}

impl<I: RowIndex + ?Sized> RowIndex for &I {
    #[inline]
    fn find(&self, columns: &Columns) -> Result<Option<usize>> {
        (**self).find(columns)
    }

    #[cold]
    fn missing(&self, columns: &Columns) -> Error {
        (**self).missing(columns)
    }
}
