//! Values on their way into a statement and out of a row.
//!
//! | column | read as |
//! |---|---|
//! | `TINYINT(1)`, which is `BOOLEAN` | bool; an integer other than 0 and 1 stays one |
//! | `TINYINT` to `BIGINT`, `YEAR` | integer; unsigned past 2⁶³ − 1 |
//! | `BIT(1)`; `BIT(n)` | bool; unsigned integer |
//! | `FLOAT`; `DOUBLE` | float of 32 bits; of 64 bits |
//! | `DECIMAL` | decimal, all 65 digits |
//! | `CHAR`, `VARCHAR`, `TEXT`, `ENUM`, `SET` | text |
//! | `BINARY`, `VARBINARY`, `BLOB`, geometries | bytes |
//! | `DATE` | date, zero dates included |
//! | `TIME` | time of day; an interval when it is negative or longer than a day |
//! | `DATETIME` | timestamp |
//! | `TIMESTAMP` | timestamp in the session's time zone; a moment when the option `time_zone` is a fixed offset |
//! | `JSON` | json on MySQL; text on MariaDB, where it is one |
//!
//! Parameters:
//!
//! | value | bound as |
//! |---|---|
//! | bool, integers, floats | as they are; NaN and the infinities are refused, because MySQL has none |
//! | decimal | its digits, as text |
//! | date, time, timestamp | as they are; what is finer than a microsecond the server rounds (MySQL) or cuts (MariaDB) |
//! | timestamp with offset | converted, when `time_zone` is a fixed offset; else as text with its offset, which MySQL 8.0.19 and later understand and a server in strict mode otherwise refuses |
//! | interval | `TIME`, if it has no months |
//! | uuid | 16 bytes, for a `BINARY(16)`; a `CHAR(36)` and MariaDB's `UUID` want text |
//! | json, text, other | text |
//! | array | refused; as `IN (:name)` it is expanded before it gets here |

use std::fmt::Write as _;

use mysql::Column;
use mysql::Value as Native;
use mysql::consts::{ColumnFlags, ColumnType};

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::row::{BatchBuilder, Columns};
use crate::value::{Date, Interval, Kind, Offset, Time, Timestamp, TimestampTz, ValueRef};

/// The character set that is none.
const BINARY: u16 = 63;

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Integer,
    Bool,
    Bit,
    OneBit,
    F32,
    F64,
    Decimal,
    Text,
    Bytes,
    Json,
    Date,
    Time,
    Timestamp,
    /// A TIMESTAMP, in a session whose time zone is always this far from UTC.
    Moment(Offset),
}

/// What the server tells of a column, and how it is read.
pub(super) fn of_column(column: &Column, zone: Option<Offset>) -> (Reading, Kind, &'static str) {
    use ColumnType as T;
    let flags = column.flags();
    let is_unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let is_binary = column.character_set() == BINARY;
    let integer = |signed: &'static str, unsigned: &'static str| match is_unsigned {
        true => (Reading::Integer, Kind::U64, unsigned),
        false => (Reading::Integer, Kind::I64, signed),
    };
    let string = |text: &'static str, bytes: &'static str| match is_binary {
        true => (Reading::Bytes, Kind::Bytes, bytes),
        false => (Reading::Text, Kind::Text, text),
    };
    match column.column_type() {
        T::MYSQL_TYPE_TINY if column.column_length() == 1 && !is_unsigned => (Reading::Bool, Kind::Bool, "BOOLEAN"),
        T::MYSQL_TYPE_TINY => integer("TINYINT", "TINYINT UNSIGNED"),
        T::MYSQL_TYPE_SHORT => integer("SMALLINT", "SMALLINT UNSIGNED"),
        T::MYSQL_TYPE_INT24 => integer("MEDIUMINT", "MEDIUMINT UNSIGNED"),
        T::MYSQL_TYPE_LONG => integer("INT", "INT UNSIGNED"),
        T::MYSQL_TYPE_LONGLONG => integer("BIGINT", "BIGINT UNSIGNED"),
        T::MYSQL_TYPE_YEAR => (Reading::Integer, Kind::I64, "YEAR"),
        T::MYSQL_TYPE_BIT if column.column_length() == 1 => (Reading::OneBit, Kind::Bool, "BIT(1)"),
        T::MYSQL_TYPE_BIT => (Reading::Bit, Kind::U64, "BIT"),
        T::MYSQL_TYPE_FLOAT => (Reading::F32, Kind::F32, "FLOAT"),
        T::MYSQL_TYPE_DOUBLE => (Reading::F64, Kind::F64, "DOUBLE"),
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => (Reading::Decimal, Kind::Decimal, "DECIMAL"),
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => (Reading::Date, Kind::Date, "DATE"),
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => (Reading::Time, Kind::Time, "TIME"),
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => (Reading::Timestamp, Kind::Timestamp, "DATETIME"),
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => match zone {
            Some(offset) => (Reading::Moment(offset), Kind::TimestampTz, "TIMESTAMP"),
            None => (Reading::Timestamp, Kind::Timestamp, "TIMESTAMP"),
        },
        T::MYSQL_TYPE_JSON => (Reading::Json, Kind::Json, "JSON"),
        T::MYSQL_TYPE_GEOMETRY => (Reading::Bytes, Kind::Bytes, "GEOMETRY"),
        T::MYSQL_TYPE_VECTOR => (Reading::Bytes, Kind::Bytes, "VECTOR"),
        T::MYSQL_TYPE_ENUM => (Reading::Text, Kind::Text, "ENUM"),
        T::MYSQL_TYPE_SET => (Reading::Text, Kind::Text, "SET"),
        T::MYSQL_TYPE_STRING if flags.contains(ColumnFlags::ENUM_FLAG) => (Reading::Text, Kind::Text, "ENUM"),
        T::MYSQL_TYPE_STRING if flags.contains(ColumnFlags::SET_FLAG) => (Reading::Text, Kind::Text, "SET"),
        T::MYSQL_TYPE_STRING => string("CHAR", "BINARY"),
        T::MYSQL_TYPE_TINY_BLOB | T::MYSQL_TYPE_MEDIUM_BLOB | T::MYSQL_TYPE_LONG_BLOB | T::MYSQL_TYPE_BLOB => {
            string("TEXT", "BLOB")
        }
        T::MYSQL_TYPE_NULL => (Reading::Text, Kind::Unknown, "NULL"),
        _ => string("VARCHAR", "VARBINARY"),
    }
}

/// Writes one value into a batch.
///
/// Of a prepared statement it comes typed; of one that was sent as text, everything is text.
#[inline]
pub(super) fn push(builder: &mut BatchBuilder, value: &Native, reading: Reading, position: usize) -> Result<()> {
    match value {
        Native::NULL => {
            let kind = builder.columns().get(position).map_or(Kind::Unknown, |column| column.kind());
            builder.push_null(kind);
            Ok(())
        }
        Native::Int(value) => {
            match (reading, value) {
                (Reading::Bool, 0 | 1) => builder.push_bool(*value == 1),
                _ => builder.push_i64(*value),
            }
            Ok(())
        }
        Native::UInt(value) => {
            builder.push_u64(*value);
            Ok(())
        }
        Native::Float(value) => {
            builder.push_f32(*value);
            Ok(())
        }
        Native::Double(value) => {
            builder.push_f64(*value);
            Ok(())
        }
        Native::Bytes(bytes) => push_bytes(builder, bytes, reading, position),
        Native::Date(year, month, day, hour, minute, second, micros) => {
            let date = Date::with_zeros(i32::from(*year), *month, *day);
            let time = Time::new(*hour, *minute, *second, micros.saturating_mul(1000));
            match (date, time) {
                (Some(date), Some(_)) if reading == Reading::Date => {
                    builder.push_date(date);
                    Ok(())
                }
                (Some(date), Some(time)) => push_timestamp(builder, Timestamp::new(date, time), reading),
                // The mode ALLOW_INVALID_DATES lets in what is no day.
                _ => builder.push_text(&value.as_sql(false).replace('\'', "")),
            }
        }
        Native::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            push_time(builder, *is_negative, hours, *minutes, *seconds, *micros)
        }
    }
}

fn push_bytes(builder: &mut BatchBuilder, bytes: &[u8], reading: Reading, position: usize) -> Result<()> {
    match reading {
        Reading::Bytes => return builder.push_bytes(bytes),
        Reading::Bit | Reading::OneBit if bytes.len() <= 8 => {
            let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            match reading {
                Reading::OneBit => builder.push_bool(bits != 0),
                _ => builder.push_u64(bits),
            }
            return Ok(());
        }
        _ => {}
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(not_utf8(builder.columns(), position)) };
    // What cannot be read as its column says comes as the server wrote it.
    match reading {
        Reading::Json => return builder.push_json(text),
        Reading::Decimal => {
            if let Ok(decimal) = crate::value::Decimal::canonical(text) {
                return builder.push_decimal(&decimal);
            }
        }
        Reading::Integer | Reading::Bool => match (reading, text) {
            (Reading::Bool, "0" | "1") => {
                builder.push_bool(text == "1");
                return Ok(());
            }
            _ => {
                if let Ok(value) = text.parse() {
                    builder.push_i64(value);
                    return Ok(());
                }
                if let Ok(value) = text.parse() {
                    builder.push_u64(value);
                    return Ok(());
                }
            }
        },
        Reading::F32 => {
            if let Ok(value) = text.parse() {
                builder.push_f32(value);
                return Ok(());
            }
        }
        Reading::F64 => {
            if let Ok(value) = text.parse() {
                builder.push_f64(value);
                return Ok(());
            }
        }
        Reading::Date => {
            if let Ok(date) = text.parse() {
                builder.push_date(date);
                return Ok(());
            }
        }
        Reading::Timestamp | Reading::Moment(_) => {
            if let Ok(timestamp) = text.parse() {
                return push_timestamp(builder, timestamp, reading);
            }
        }
        Reading::Time => {
            if let Some((is_negative, hours, minutes, seconds, micros)) = clock(text) {
                return push_time(builder, is_negative, hours, minutes, seconds, micros);
            }
        }
        Reading::Text | Reading::Bytes | Reading::Bit | Reading::OneBit => {}
    }
    builder.push_text(text)
}

fn push_timestamp(builder: &mut BatchBuilder, timestamp: Timestamp, reading: Reading) -> Result<()> {
    if let Reading::Moment(offset) = reading
        && timestamp.date().is_day()
        && let Some(moment) = TimestampTz::new(timestamp, offset)
    {
        return builder.push_timestamp_tz(moment);
    }
    builder.push_timestamp(timestamp);
    Ok(())
}

fn push_time(
    builder: &mut BatchBuilder,
    is_negative: bool,
    hours: u64,
    minutes: u8,
    seconds: u8,
    micros: u32,
) -> Result<()> {
    let nanos =
        ((hours * 60 + u64::from(minutes)) * 60 + u64::from(seconds)) * 1_000_000_000 + u64::from(micros) * 1000;
    match Time::from_nanos(nanos) {
        Some(time) if !is_negative => {
            builder.push_time(time);
            Ok(())
        }
        _ => {
            // The servers stop at 838:59:59, some three hundred thousand times short of what fits.
            let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
            builder.push_interval(Interval::new(0, 0, if is_negative { -nanos } else { nanos }))
        }
    }
}

/// `-838:59:59.000000`.
fn clock(text: &str) -> Option<(bool, u64, u8, u8, u32)> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let micros = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").parse().ok()? };
    (parts.next().is_none() && fraction.len() <= 6).then_some(())?;
    Some((is_negative, hours.parse().ok()?, minutes.parse().ok()?, seconds.parse().ok()?, micros))
}

#[cold]
fn not_utf8(columns: &Columns, position: usize) -> Error {
    let name = columns.get(position).map_or("?", |column| column.name());
    Error::new(
        ErrorKind::Conversion,
        format!("column \"{name}\" ({position}): the text is not UTF-8; read its bytes with CAST({name} AS BINARY)"),
    )
}

/// What decides how moments are bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) zone: Option<Offset>,
    pub(super) is_strict: bool,
}

/// Values in the crate's form. `name` says which one it is, by its position, for the message.
pub(super) fn bind_all<'v>(
    values: impl IntoIterator<Item = ValueRef<'v>>,
    moments: Moments,
    name: impl Fn(usize) -> String,
) -> Result<Vec<Native>> {
    values
        .into_iter()
        .enumerate()
        .map(|(at, value)| bind(value, moments, || format!("parameter {}", name(at))))
        .collect()
}

/// The least that a value takes on its way, where it is long.
pub(super) fn length_of(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => text.len(),
        ValueRef::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// A value in the crate's form.
#[inline]
pub(super) fn bind(value: ValueRef<'_>, moments: Moments, name: impl FnOnce() -> String) -> Result<Native> {
    Ok(match value {
        ValueRef::Null(_) => Native::NULL,
        ValueRef::Bool(value) => Native::Int(i64::from(value)),
        ValueRef::I64(value) => Native::Int(value),
        ValueRef::U64(value) => Native::UInt(value),
        ValueRef::F32(value) if !value.is_finite() => return Err(refused(&name(), NOT_FINITE)),
        ValueRef::F64(value) if !value.is_finite() => return Err(refused(&name(), NOT_FINITE)),
        ValueRef::F32(value) => Native::Float(value),
        ValueRef::F64(value) => Native::Double(value),
        ValueRef::Text(text) | ValueRef::Json(text) | ValueRef::Other { text, .. } => {
            Native::Bytes(text.as_bytes().to_vec())
        }
        // One that is not finite has letters.
        ValueRef::Decimal(text) if !text.ends_with(|c: char| c.is_ascii_digit()) => {
            return Err(refused(&name(), NOT_FINITE));
        }
        ValueRef::Decimal(text) => Native::Bytes(text.as_bytes().to_vec()),
        ValueRef::Bytes(bytes) => Native::Bytes(bytes.to_vec()),
        ValueRef::Uuid(bytes) => Native::Bytes(bytes.to_vec()),
        ValueRef::Date(date) => of_timestamp(date, Time::MIDNIGHT).ok_or_else(|| refused(&name(), NO_SUCH_YEAR))?,
        ValueRef::Time(time) => of_nanos(false, time.as_nanos()),
        ValueRef::Timestamp(timestamp) => {
            of_timestamp(timestamp.date(), timestamp.time()).ok_or_else(|| refused(&name(), NO_SUCH_YEAR))?
        }
        ValueRef::TimestampTz(moment) => return of_moment(moment, moments, name),
        ValueRef::Interval(interval) => of_interval(interval).ok_or_else(|| {
            refused(&name(), "MySQL's TIME has no months, and no more than 838 hours: bind the parts, or text")
        })?,
        ValueRef::Array(_) => {
            return Err(refused(
                &name(),
                "MySQL has no arrays; a list is expanded as `IN (:name)`, anywhere else bind it as JSON",
            ));
        }
    })
}

const NOT_FINITE: &str = "MySQL has neither NaN nor infinity; bind NULL if that is what is meant";
const NO_SUCH_YEAR: &str = "MySQL's years go from 0 to 9999, and it has no infinity";

fn of_timestamp(date: Date, time: Time) -> Option<Native> {
    let year = u16::try_from(date.year()).ok().filter(|year| *year <= 9999)?;
    if time == Time::END_OF_DAY {
        let next = Date::from_epoch_days(date.epoch_days()? + 1)?;
        return of_timestamp(next, Time::MIDNIGHT);
    }
    if !time.nanosecond().is_multiple_of(1000) {
        // As text, so that the server rounds or cuts it by its own rules.
        return Some(text_of(format_args!("{date} {time}")));
    }
    let micros = time.nanosecond() / 1000;
    Some(Native::Date(year, date.month(), date.day(), time.hour(), time.minute(), time.second(), micros))
}

fn of_moment(moment: TimestampTz, moments: Moments, name: impl FnOnce() -> String) -> Result<Native> {
    if !moment.is_finite() {
        return Err(refused(&name(), NO_SUCH_YEAR));
    }
    match moments.zone {
        Some(offset) => moment
            .with_offset(offset)
            .and_then(|moment| of_timestamp(moment.timestamp().date(), moment.timestamp().time()))
            .ok_or_else(|| refused(&name(), NO_SUCH_YEAR)),
        None if moments.is_strict => Ok(text_of(format_args!("{moment}"))),
        None => Err(refused(
            &name(),
            "a server that is not in strict mode may drop the offset of a moment without a word: give the option \
             time_zone a fixed offset (time_zone=UTC), or bind a timestamp without one",
        )),
    }
}

fn of_interval(interval: Interval) -> Option<Native> {
    const DAY: i128 = 86_400_000_000_000;
    let nanos = i128::from(interval.days()) * DAY + i128::from(interval.nanos());
    // 839 hours.
    let fits = interval.months() == 0 && nanos.unsigned_abs() < 3_020_400_000_000_000;
    fits.then(|| of_nanos(nanos < 0, u64::try_from(nanos.unsigned_abs()).unwrap_or(u64::MAX)))
}

fn of_nanos(is_negative: bool, nanos: u64) -> Native {
    let seconds = nanos / 1_000_000_000;
    // Each is less than its unit, and so within its type.
    let [hours, minutes, seconds] = [seconds / 3600, seconds / 60 % 60, seconds % 60];
    if !nanos.is_multiple_of(1000) {
        let sign = if is_negative { "-" } else { "" };
        let rest = nanos % 1_000_000_000;
        return text_of(format_args!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{rest:09}"));
    }
    let micros = (nanos % 1_000_000_000 / 1000) as u32;
    Native::Time(is_negative, (hours / 24) as u32, (hours % 24) as u8, minutes as u8, seconds as u8, micros)
}

fn text_of(text: std::fmt::Arguments<'_>) -> Native {
    let mut written = String::new();
    // Writing to a string does not fail.
    let _ = written.write_fmt(text);
    Native::Bytes(written.into_bytes())
}

#[cold]
fn refused(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("{name}: {why}")).with_effect(Effect::NotSent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    const PLAIN: Moments = Moments { zone: None, is_strict: true };

    fn bound(value: impl Into<Value>) -> Result<Native> {
        bind(value.into().as_ref(), PLAIN, || "it".into())
    }

    #[test]
    fn times_are_read_from_text_as_the_server_writes_them() {
        for (text, read) in [
            ("12:34:56", Some((false, 12, 34, 56, 0))),
            ("-838:59:59.000001", Some((true, 838, 59, 59, 1))),
            ("00:00:00.5", Some((false, 0, 0, 0, 500_000))),
            ("12:34", None),
            ("a:b:c", None),
            ("1:2:3:4", None),
        ] {
            assert_eq!(clock(text), read, "{text}");
        }
    }

    #[test]
    fn what_is_finer_than_a_microsecond_goes_as_text() {
        let time: Time = "23:59:59.123456789".parse().unwrap();
        assert_eq!(bound(Value::Time(time)).unwrap(), Native::Bytes(b"23:59:59.123456789".to_vec()));
        let time: Time = "23:59:59.123456".parse().unwrap();
        assert_eq!(bound(Value::Time(time)).unwrap(), Native::Time(false, 0, 23, 59, 59, 123_456));
        assert_eq!(bound(Value::Time(Time::END_OF_DAY)).unwrap(), Native::Time(false, 1, 0, 0, 0, 0));
    }

    #[test]
    fn what_mysql_has_not_is_refused() {
        let moment = Value::TimestampTz(TimestampTz::INFINITY);
        let long = Value::Interval(Interval::new(0, 35, 0));
        for value in [Value::F64(f64::NAN), Value::F32(f32::INFINITY), Value::Date(Date::INFINITY), moment, long] {
            let error = bound(value.clone()).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::InvalidValue, Effect::NotSent), "{value:?}");
        }
        let loose = Moments { zone: None, is_strict: false };
        let moment = Value::TimestampTz(TimestampTz::UNIX_EPOCH);
        assert!(bind(moment.as_ref(), loose, || "it".into()).unwrap_err().to_string().contains("time_zone"));
        assert!(bind(moment.as_ref(), PLAIN, || "it".into()).is_ok());
    }

    #[test]
    fn an_interval_is_a_time() {
        let interval = Interval::new(0, 1, -3_600_000_000_000);
        assert_eq!(bound(Value::Interval(interval)).unwrap(), Native::Time(false, 0, 23, 0, 0, 0));
        let interval = Interval::new(0, -2, 0);
        assert_eq!(bound(Value::Interval(interval)).unwrap(), Native::Time(true, 2, 0, 0, 0, 0));
    }
}
