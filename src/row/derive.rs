//! What the code that `#[derive(FromRow)]` writes calls. Not part of the public interface.
//!
//! `field` is always `Struct.field`, and goes in front of every error.
#![allow(missing_docs, reason = "hidden: only generated code calls these")]
#![allow(clippy::missing_errors_doc, reason = "hidden: only generated code calls these")]

use std::any::type_name;
use std::error::Error as StdError;

use crate::error::{Error, ErrorKind, Result};
use crate::row::columns::Columns;
use crate::row::decode::FromRow;
use crate::row::record::Row;
use crate::value::{FromValueOwned, Json, ValueRef};

pub use serde::de::DeserializeOwned;

/// The plan for a nested struct that may be absent: its own plan, and the columns that are all NULL when it is.
pub type OptionalPlan<P> = (P, Box<[usize]>);

/// A conversion of the user's own, for the bounds of generated code.
pub trait IntoField<T>: Sized {
    fn into_field(self) -> Result<T, Box<dyn StdError + Send + Sync>>;
}

impl<S, T> IntoField<T> for S
where
    T: TryFrom<S>,
    T::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    #[inline]
    fn into_field(self) -> Result<T, Box<dyn StdError + Send + Sync>> {
        T::try_from(self).map_err(Into::into)
    }
}

pub fn position(columns: &Columns, name: &str, field: &'static str) -> Result<usize> {
    columns.position(name).map_err(|error| in_field(field, error))
}

pub fn position_or_default(columns: &Columns, name: &str, field: &'static str) -> Result<Option<usize>> {
    columns.find(name).map_err(|error| in_field(field, error))
}

pub fn positions(columns: &Columns, count: usize, name: &'static str) -> Result<()> {
    super::decode::exactly(columns, count, name)
}

pub fn nested<T: FromRow>(columns: &Columns, prefix: &str, field: &'static str) -> Result<T::Plan> {
    let plan = if prefix.is_empty() { T::plan(columns) } else { T::plan(&columns.with_prefix(prefix)) };
    plan.map_err(|error| in_field(field, error))
}

pub fn nested_optional<T: FromRow>(
    columns: &Columns,
    prefix: &str,
    field: &'static str,
) -> Result<OptionalPlan<T::Plan>> {
    let view = columns.with_prefix(prefix);
    let plan = T::plan(&view).map_err(|error| in_field(field, error))?;
    Ok((plan, view.visible().map(|(position, _)| position).collect()))
}

#[inline]
pub fn read<T: FromValueOwned>(row: &Row, position: usize, field: &'static str) -> Result<T> {
    row.read(position).map_err(|error| in_field(field, error))
}

#[inline]
pub fn read_nested<T: FromRow>(row: &Row, plan: &T::Plan, field: &'static str) -> Result<T> {
    T::from_row(row, plan).map_err(|error| in_field(field, error))
}

pub fn read_nested_optional<T: FromRow>(
    row: &Row,
    (plan, columns): &OptionalPlan<T::Plan>,
    field: &'static str,
) -> Result<Option<T>> {
    if columns.iter().all(|&position| matches!(row.cell(position), Some(ValueRef::Null(_)))) {
        return Ok(None);
    }
    read_nested(row, plan, field).map(Some)
}

/// NULL is JSON's `null` for types that have one, such as `Option` and `serde_json::Value`, and an error for others.
pub fn read_json<T: DeserializeOwned>(row: &Row, position: usize, field: &'static str) -> Result<T> {
    if let Some(ValueRef::Null(_)) = row.cell(position)
        && let Ok(absent) = serde_json::from_str("null")
    {
        return Ok(absent);
    }
    read::<Json<T>>(row, position, field).map(|Json(value)| value)
}

#[inline]
pub fn convert<S: FromValueOwned + IntoField<T>, T>(row: &Row, position: usize, field: &'static str) -> Result<T> {
    let value: S = read(row, position, field)?;
    value.into_field().map_err(|error| refused::<S, T>(row, position, field, error))
}

#[inline]
pub fn convert_optional<S: FromValueOwned + IntoField<T>, T>(
    row: &Row,
    position: usize,
    field: &'static str,
) -> Result<Option<T>> {
    let value: Option<S> = read(row, position, field)?;
    let converted = value.map(IntoField::into_field).transpose();
    converted.map_err(|error| refused::<S, T>(row, position, field, error))
}

#[cold]
fn refused<S, T>(row: &Row, position: usize, field: &'static str, error: Box<dyn StdError + Send + Sync>) -> Error {
    let name = row.columns().get(position).map_or("", |column| column.name());
    let (from, to) = (type_name::<S>(), type_name::<T>());
    Error::new(
        ErrorKind::Conversion,
        format!("{field}: column {name:?} ({position}): cannot make {to} of the {from} that was read, see the source"),
    )
    .with_source(error)
}

#[cold]
fn in_field(field: &'static str, error: Error) -> Error {
    error.context(field)
}
