//! Values on their way into a statement and out of a row.
//!
//! SQLite stores five things: NULL, INTEGER, REAL, TEXT and BLOB, and any column may hold any of them. What a column was
//! *declared* as decides how what it holds is read:
//!
//! | declared as | INTEGER | REAL | TEXT | BLOB |
//! |---|---|---|---|---|
//! | `BOOL`, `BOOLEAN` | 0 and 1: bool | float | text | bytes |
//! | `DECIMAL`, `DEC`, `NUMERIC`, `NUMBER` | decimal | decimal, if finite | decimal, if it is one | bytes |
//! | `DATE` | integer | float | date, if it is one | bytes |
//! | `TIME` | integer | float | time of day, if it is one | bytes |
//! | `DATETIME`, `TIMESTAMP`, `TIMESTAMPTZ`, … | integer | float | timestamp, with its offset if it has one | bytes |
//! | `UUID`, `GUID`, `UNIQUEIDENTIFIER` | integer | float | uuid, if it is one | uuid, if 16 bytes |
//! | `JSON` | json | json, if finite | json | bytes |
//! | anything else, and every expression | integer | float | text | bytes |
//!
//! What does not fit the declaration comes as it is stored, so no value is ever lost or refused; only text that is not
//! UTF-8 is, and `CAST(… AS BLOB)` reads that. To have a column as it is stored, read an expression: `price + 0`,
//! `CAST(day AS TEXT)`. The declared type is in the column's [`type_name`](crate::Column::type_name).
//!
//! Parameters are bound so that they read back as they were:
//!
//! | value | bound as |
//! |---|---|
//! | bool | INTEGER 0 or 1 |
//! | signed, unsigned | INTEGER; an unsigned one past 2⁶³ − 1 is refused, because SQLite would make it a REAL |
//! | float | REAL; NaN is refused, because SQLite would make it NULL |
//! | decimal | TEXT |
//! | date, time, timestamp, interval | TEXT, in ISO 8601 form |
//! | uuid | BLOB of 16 bytes |
//! | json, text, other | TEXT |
//! | array | refused; as `IN (:name)` it is expanded before it gets here |
//!
//! **Decimals.** SQLite turns the text of a number into a REAL when the column's declared type gives it numeric affinity,
//! which `DECIMAL` does, and keeps 15 significant digits of it. A decimal of up to 15 digits comes back with the same
//! value (not the same trailing zeros); longer ones are only safe in a column declared `TEXT` or, say, `DECIMAL_TEXT`.

use std::fmt::Write;

use rusqlite::Statement as Prepared;
use rusqlite::types::{Null, ValueRef as Stored};

use super::core::{Failure, Outcome};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::row::{BatchBuilder, Columns};
use crate::value::{Date, Decimal, Kind, Time, Timestamp, TimestampTz, ValueRef};

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is stored.
    Stored,
    Bool,
    Decimal,
    Date,
    Time,
    Timestamp,
    Uuid,
    Json,
}

/// What a declared type says of a column.
pub(super) fn of_declared(declared: &str) -> (Reading, Kind) {
    // "timestamp(6) with time zone" counts as "TIMESTAMP".
    let base = declared.split('(').next().unwrap_or_default().trim().to_ascii_uppercase();
    let (reading, kind) = match base.as_str() {
        "BOOL" | "BOOLEAN" => (Reading::Bool, Kind::Bool),
        "DECIMAL" | "DEC" | "NUMERIC" | "NUMBER" => (Reading::Decimal, Kind::Decimal),
        "DATE" => (Reading::Date, Kind::Date),
        "TIME" | "TIME WITHOUT TIME ZONE" => (Reading::Time, Kind::Time),
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => (Reading::Timestamp, Kind::Timestamp),
        "TIMESTAMPTZ" | "DATETIMETZ" | "TIMESTAMP WITH TIME ZONE" => (Reading::Timestamp, Kind::TimestampTz),
        "UUID" | "GUID" | "UNIQUEIDENTIFIER" => (Reading::Uuid, Kind::Uuid),
        "JSON" => (Reading::Json, Kind::Json),
        _ => (Reading::Stored, affinity(&base)),
    };
    (reading, kind)
}

/// SQLite's own rules for what a declared type prefers to hold ("Determination Of Column Affinity").
fn affinity(base: &str) -> Kind {
    if base.contains("INT") {
        Kind::I64
    } else if ["CHAR", "CLOB", "TEXT"].iter().any(|part| base.contains(part)) {
        Kind::Text
    } else if base.contains("BLOB") {
        Kind::Bytes
    } else if ["REAL", "FLOA", "DOUB"].iter().any(|part| base.contains(part)) {
        Kind::F64
    } else {
        Kind::Unknown
    }
}

/// Writes one stored value into a batch.
#[inline]
pub(super) fn push(builder: &mut BatchBuilder, stored: Stored<'_>, reading: Reading, position: usize) -> Result<()> {
    if reading != Reading::Stored {
        return push_declared(builder, stored, reading, position);
    }
    match stored {
        Stored::Null => {
            let kind = builder.columns().get(position).map_or(Kind::Unknown, |column| column.kind());
            builder.push_null(kind);
            Ok(())
        }
        Stored::Integer(value) => {
            builder.push_i64(value);
            Ok(())
        }
        Stored::Real(value) => {
            builder.push_f64(value);
            Ok(())
        }
        Stored::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => builder.push_text(text),
            Err(_) => Err(not_utf8(builder.columns(), position)),
        },
        Stored::Blob(bytes) => builder.push_bytes(bytes),
    }
}

fn push_declared(builder: &mut BatchBuilder, stored: Stored<'_>, reading: Reading, position: usize) -> Result<()> {
    match (reading, stored) {
        (Reading::Bool, Stored::Integer(value @ (0 | 1))) => builder.push_bool(value == 1),
        (Reading::Decimal, Stored::Integer(value)) => return builder.push_decimal(&value.to_string()),
        (Reading::Json, Stored::Integer(value)) => return builder.push_json(&value.to_string()),
        (Reading::Decimal, Stored::Real(value)) if value.is_finite() => {
            return builder.push_decimal(&shortest(value));
        }
        (Reading::Json, Stored::Real(value)) if value.is_finite() => return builder.push_json(&shortest(value)),
        (Reading::Uuid, Stored::Blob(bytes)) => {
            if let Ok(uuid) = <[u8; 16]>::try_from(bytes) {
                return builder.push_uuid(uuid);
            }
            return builder.push_bytes(bytes);
        }
        (_, Stored::Text(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| not_utf8(builder.columns(), position))?;
            return push_declared_text(builder, text, reading);
        }
        _ => return push(builder, stored, Reading::Stored, position),
    }
    Ok(())
}

fn push_declared_text(builder: &mut BatchBuilder, text: &str, reading: Reading) -> Result<()> {
    match reading {
        Reading::Json => builder.push_json(text),
        Reading::Decimal => match Decimal::canonical(text) {
            Ok(decimal) => builder.push_decimal(&decimal),
            Err(_) => builder.push_text(text),
        },
        Reading::Date => match text.parse::<Date>() {
            Ok(date) => {
                builder.push_date(date);
                Ok(())
            }
            Err(_) => builder.push_text(text),
        },
        Reading::Time => match text.parse::<Time>() {
            Ok(time) => {
                builder.push_time(time);
                Ok(())
            }
            Err(_) => builder.push_text(text),
        },
        Reading::Timestamp => {
            if let Ok(timestamp) = text.parse::<Timestamp>() {
                builder.push_timestamp(timestamp);
                Ok(())
            } else if let Ok(timestamp) = text.parse::<TimestampTz>() {
                builder.push_timestamp_tz(timestamp)
            } else {
                builder.push_text(text)
            }
        }
        Reading::Uuid => match uuid_of(text) {
            Some(uuid) => builder.push_uuid(uuid),
            None => builder.push_text(text),
        },
        Reading::Stored | Reading::Bool => builder.push_text(text),
    }
}

/// The shortest digits that are this float and no other, without an exponent.
fn shortest(value: f64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{value}");
    text
}

/// The 36 characters of a UUID, or its 32 digits alone.
fn uuid_of(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let mut digits = [0_u8; 32];
    match bytes.len() {
        32 => digits.copy_from_slice(bytes),
        36 if [8, 13, 18, 23].iter().all(|&at| bytes[at] == b'-') => {
            let groups = [0..8, 9..13, 14..18, 19..23, 24..36];
            let from = groups.into_iter().flat_map(|group| &bytes[group]);
            digits.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        _ => return None,
    }
    let mut uuid = [0; 16];
    for (to, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?];
        // Two hexadecimal digits are one byte.
        *to = (high * 16 + low) as u8;
    }
    Some(uuid)
}

#[cold]
fn not_utf8(columns: &Columns, position: usize) -> Error {
    let name = columns.get(position).map_or("?", |column| column.name());
    Error::new(
        ErrorKind::Conversion,
        format!(
            "column \"{name}\" ({position}): the stored text is not UTF-8; read its bytes with CAST({name} AS BLOB)"
        ),
    )
}

/// Binds a value to the parameter at a position, counted from 1. `name` says what it is called, for the message. Returns
/// how many bytes SQLite keeps for it beside the parameter, where that may be many.
#[inline]
pub(super) fn bind(
    statement: &mut Prepared<'_>,
    at: usize,
    value: ValueRef<'_>,
    name: impl FnOnce() -> String,
) -> Outcome<usize> {
    match value {
        ValueRef::I64(value) => statement.raw_bind_parameter(at, value)?,
        ValueRef::F32(value) if !value.is_nan() => statement.raw_bind_parameter(at, f64::from(value))?,
        ValueRef::F64(value) if !value.is_nan() => statement.raw_bind_parameter(at, value)?,
        ValueRef::Text(text) | ValueRef::Decimal(text) | ValueRef::Json(text) | ValueRef::Other { text, .. } => {
            statement.raw_bind_parameter(at, text)?;
            return Ok(text.len());
        }
        ValueRef::Null(_) => statement.raw_bind_parameter(at, Null)?,
        ValueRef::Bool(value) => statement.raw_bind_parameter(at, i64::from(value))?,
        ValueRef::U64(value) => match i64::try_from(value) {
            Ok(value) => statement.raw_bind_parameter(at, value)?,
            Err(_) => {
                return Err(refused(
                    &name(),
                    "an unsigned integer past 9223372036854775807 does not fit SQLite's INTEGER; bind a Decimal or text",
                ));
            }
        },
        ValueRef::Bytes(bytes) => {
            statement.raw_bind_parameter(at, bytes)?;
            return Ok(bytes.len());
        }
        ValueRef::Uuid(bytes) => statement.raw_bind_parameter(at, &bytes[..])?,
        ValueRef::Date(value) => statement.raw_bind_parameter(at, value.to_string())?,
        ValueRef::Time(value) => statement.raw_bind_parameter(at, value.to_string())?,
        ValueRef::Timestamp(value) => statement.raw_bind_parameter(at, value.to_string())?,
        ValueRef::TimestampTz(value) => statement.raw_bind_parameter(at, value.to_string())?,
        ValueRef::Interval(value) => statement.raw_bind_parameter(at, value.to_string())?,
        ValueRef::F32(_) | ValueRef::F64(_) => {
            return Err(refused(&name(), "SQLite has no NaN and would store NULL; bind NULL if that is what is meant"));
        }
        ValueRef::Array(_) => {
            return Err(refused(
                &name(),
                "SQLite has no arrays; a list is expanded as `IN (:name)`, anywhere else bind it as JSON",
            ));
        }
    }
    Ok(0)
}

#[cold]
fn refused(name: &str, why: &str) -> Failure {
    Failure::Ours(Error::new(ErrorKind::InvalidValue, format!("parameter {name}: {why}")).with_effect(Effect::NotSent))
}
