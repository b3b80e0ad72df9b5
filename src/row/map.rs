//! A row as a map.

use std::fmt;

use crate::error::Result;
use crate::row::record::{Opaque, Row};
use crate::value::ValueRef;

/// A [`Row`] seen as a map from names to values, in the order of the columns.
///
/// It borrows the row and copies nothing. A name that several columns have is kept as often as it occurs: it comes up
/// in every iteration, [`get_all`](RowMap::get_all) gives all its values, and [`get`](RowMap::get) is an error.
#[derive(Clone, Copy)]
pub struct RowMap<'r> {
    row: &'r Row,
}

impl<'r> RowMap<'r> {
    pub(super) fn new(row: &'r Row) -> RowMap<'r> {
        RowMap { row }
    }

    /// The value of the column of that name, or `None` when there is no such column.
    ///
    /// # Errors
    /// [`NoSuchColumn`](crate::ErrorKind::NoSuchColumn) when several columns have that name.
    pub fn get(&self, name: &str) -> Result<Option<ValueRef<'r>>> {
        Ok(self.row.columns().find(name)?.and_then(|position| self.row.cell(position)))
    }

    /// The values of all columns of that name, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = ValueRef<'r>> {
        self.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether there is a column of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.keys().any(|key| key == name)
    }

    /// How many entries there are: one a column.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// The names in the order of the columns, duplicates included.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &'r str> + DoubleEndedIterator + use<'r> {
        self.row.columns().names()
    }

    /// The values in the order of the columns.
    pub fn values(&self) -> impl ExactSizeIterator<Item = ValueRef<'r>> + DoubleEndedIterator + use<'r> {
        self.row.iter()
    }

    /// The names and values in the order of the columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'r str, ValueRef<'r>)> + DoubleEndedIterator + use<'r> {
        self.row.iter_named()
    }
}

/// Values may be secret, so only their kinds are shown.
impl fmt::Debug for RowMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, Opaque(value)))).finish()
    }
}
