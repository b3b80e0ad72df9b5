//! What loading many rows has in common.

#![allow(dead_code, reason = "each driver uses its own part of it")]

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::value::Value;

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
