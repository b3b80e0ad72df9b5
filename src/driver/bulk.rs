//! What loading many rows has in common.

#![allow(dead_code, reason = "each driver uses its own part of it")]

use super::BulkPath;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::Sets;
use crate::value::{Value, ValueRef};

/// Loads sets of parameters by what takes rows of values.
pub(super) fn one_by_one(
    rows: &mut Sets<'_>,
    load: impl FnOnce(&mut dyn Iterator<Item = Vec<Value>>) -> Result<(u64, BulkPath)>,
) -> Result<(u64, BulkPath)> {
    let mut failed = None;
    let mut owned = std::iter::from_fn(|| match rows.next()? {
        Ok(row) => Some(row.values().map(ValueRef::to_value).collect()),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let loaded = load(&mut owned)?;
    match failed {
        None => Ok(loaded),
        Some(error) => Err(error),
    }
}

/// Refuses a row that has not a value for each column. Rows are counted from 0.
pub(super) fn check_width(row: &[Value], columns: &[String], number: usize) -> Result<()> {
    if row.len() == columns.len() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Parameter,
        format!("row {number} has {} values for {} columns", row.len(), columns.len()),
    )
    .with_effect(Effect::NotSent))
}

/// The text of an INSERT of one row, for several.
pub(super) fn several(one: &str, columns: usize, rows: usize) -> String {
    let until = one.rfind('(').unwrap_or(one.len());
    let row = format!("({})", vec!["?"; columns].join(","));
    format!("{}{}", &one[..until], vec![row.as_str(); rows].join(","))
}
