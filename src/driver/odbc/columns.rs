//! The columns of a result, and how each is read.
//!
//! | ODBC type | value |
//! |---|---|
//! | `BIT` | bool |
//! | `TINYINT` … `BIGINT` | signed; unsigned where the driver says so |
//! | `REAL` / `FLOAT`, `DOUBLE` | 32 / 64-bit float |
//! | `DECIMAL`, `NUMERIC` | decimal, exactly |
//! | `CHAR`, `VARCHAR`, … and their wide forms | text; uuid and json by the name of the type |
//! | `BINARY`, `VARBINARY`, … | bytes |
//! | `DATE`, `TIME`, `TIMESTAMP` | date, time, timestamp (with its offset, if it has one) |
//! | `GUID` | uuid |
//! | anything else | its text under the name of its type |
//!
//! Text that is not of the form its column promises comes as text: `infinity` in a column of dates.

use std::borrow::Cow;
use std::sync::Arc;

use odbc_api::{DataType, Nullability, ResultSetMetadata};

use crate::driver::raw::odbc::{Opened, type_name};
use crate::error::Result;
use crate::row::{BatchBuilder, Column, Columns};
use crate::value::{Date, Kind, Time, Timestamp, TimestampTz};

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Bool,
    I64,
    F32,
    F64,
    Bytes,
    /// By its text, which is then taken for this kind.
    Text(Kind),
}

/// One column of a result.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) reading: Reading,
    pub(super) data_type: DataType,
    /// A moment comes without its offset, which is this one.
    pub(super) in_utc: bool,
    pub(super) type_name: Option<Box<str>>,
}

/// Bytes for the name of a column.
const LONGEST_NAME: usize = 1024;

/// The columns of a result, for its reader and for us.
pub(super) struct Shapes {
    pub(super) columns: Arc<Columns>,
    pub(super) shapes: Vec<Shape>,
}

impl Shapes {
    /// Those of a result. `in_utc` says that moments come without their offset, and that it is this one.
    pub(super) fn of(cursor: &mut Opened<'_>, in_utc: bool) -> Result<Shapes, odbc_api::Error> {
        let count = u16::try_from(cursor.num_result_cols()?).unwrap_or_default();
        let mut columns = Vec::with_capacity(count.into());
        let mut shapes = Vec::with_capacity(count.into());
        let mut description = odbc_api::ColumnDescription::new("", DataType::Unknown, Nullability::Unknown);
        // Some drivers do not say that a name was longer than its place; the longest there are fit in here.
        description.name.reserve(LONGEST_NAME);
        for number in 1..=count {
            cursor.describe_col(number, &mut description)?;
            let name = description.name_to_string().unwrap_or_else(|_| format!("column {number}"));
            let unsigned =
                matches!(description.data_type, DataType::BigInt) && cursor.column_is_unsigned(number).unwrap_or(false);
            let type_name = type_name(cursor, number);
            let reading = reading_of(description.data_type, unsigned, type_name.as_deref());
            let mut column = Column::new(name).with_kind(kind_of(reading));
            if let Some(type_name) = &type_name {
                column = column.with_type_name(type_name.as_str());
            }
            columns.push(column);
            let data_type = description.data_type;
            shapes.push(Shape { reading, data_type, in_utc, type_name: type_name.map(String::into) });
        }
        Ok(Shapes { columns: Arc::new(Columns::new(columns)), shapes })
    }

    /// Whether the columns of a result are these, as far as their names and types tell.
    pub(super) fn are_those_of(&self, cursor: &mut Opened<'_>) -> Result<bool, odbc_api::Error> {
        if !self.are_as_many_as_in(cursor)? {
            return Ok(false);
        }
        let mut description = odbc_api::ColumnDescription::new("", DataType::Unknown, Nullability::Unknown);
        description.name.reserve(LONGEST_NAME);
        for ((number, column), shape) in (1..).zip(self.columns.iter()).zip(&self.shapes) {
            cursor.describe_col(number, &mut description)?;
            let is_called_so = description.name_to_string().is_ok_and(|name| name == column.name());
            if !is_called_so || description.data_type != shape.data_type {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a result has as many columns.
    pub(super) fn are_as_many_as_in(&self, cursor: &mut Opened<'_>) -> Result<bool, odbc_api::Error> {
        Ok(usize::try_from(cursor.num_result_cols()?).is_ok_and(|count| count == self.shapes.len()))
    }
}

fn kind_of(reading: Reading) -> Kind {
    match reading {
        Reading::Bool => Kind::Bool,
        Reading::I64 => Kind::I64,
        Reading::F32 => Kind::F32,
        Reading::F64 => Kind::F64,
        Reading::Bytes => Kind::Bytes,
        Reading::Text(kind) => kind,
    }
}

fn reading_of(data_type: DataType, unsigned: bool, type_name: Option<&str>) -> Reading {
    let named = || {
        // What databases have beyond ODBC's types, they tell by the name.
        let name = type_name.unwrap_or_default().split(['(', ' ']).next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "uuid" | "uniqueidentifier" | "guid" => Some(Kind::Uuid),
            "json" | "jsonb" => Some(Kind::Json),
            "decimal" | "dec" | "numeric" | "number" | "money" => Some(Kind::Decimal),
            "date" => Some(Kind::Date),
            "time" => Some(Kind::Time),
            "timestamp" | "datetime" | "datetime2" | "smalldatetime" => Some(Kind::Timestamp),
            "timestamptz" | "datetimeoffset" => Some(Kind::TimestampTz),
            _ => None,
        }
    };
    match data_type {
        DataType::Bit => Reading::Bool,
        DataType::BigInt if unsigned => Reading::Text(Kind::U64),
        DataType::TinyInt | DataType::SmallInt | DataType::Integer | DataType::BigInt => Reading::I64,
        DataType::Real => Reading::F32,
        DataType::Float { .. } | DataType::Double => Reading::F64,
        DataType::Numeric { .. } | DataType::Decimal { .. } => Reading::Text(Kind::Decimal),
        DataType::Date => Reading::Text(Kind::Date),
        DataType::Time { .. } => Reading::Text(Kind::Time),
        DataType::Timestamp { .. } => match named() {
            Some(Kind::TimestampTz) => Reading::Text(Kind::TimestampTz),
            _ => Reading::Text(Kind::Timestamp),
        },
        DataType::Binary { .. } | DataType::Varbinary { .. } | DataType::LongVarbinary { .. } => Reading::Bytes,
        DataType::Char { .. }
        | DataType::WChar { .. }
        | DataType::Varchar { .. }
        | DataType::WVarchar { .. }
        | DataType::LongVarchar { .. }
        | DataType::WLongVarchar { .. } => {
            let boolean = type_name.is_some_and(|name| matches!(&*name.to_ascii_lowercase(), "bool" | "boolean"));
            if boolean { Reading::Text(Kind::Bool) } else { Reading::Text(named().unwrap_or(Kind::Text)) }
        }
        DataType::Other { data_type, .. } if data_type.0 == -11 => Reading::Text(Kind::Uuid),
        DataType::Unknown | DataType::Other { .. } => Reading::Text(named().unwrap_or(Kind::Other)),
    }
}

impl Shape {
    /// Pushes a cell that came as text.
    pub(super) fn push_text(&self, text: &str, row: &mut BatchBuilder) -> Result<()> {
        let Reading::Text(kind) = self.reading else { return row.push_text(text) };
        match kind {
            Kind::Bool => match text {
                "1" | "t" | "true" | "TRUE" => row.push_bool(true),
                "0" | "f" | "false" | "FALSE" => row.push_bool(false),
                _ => row.push_text(text)?,
            },
            Kind::U64 => match text.parse() {
                Ok(number) => row.push_u64(number),
                Err(_) => row.push_text(text)?,
            },
            Kind::Decimal => {
                // Drivers write a number below one without its zero.
                let owned;
                let digits = match text
                    .strip_prefix('.')
                    .map(|rest| ("", rest))
                    .or_else(|| text.strip_prefix("-.").map(|rest| ("-", rest)))
                {
                    Some((sign, rest)) => {
                        owned = format!("{sign}0.{rest}");
                        owned.as_str()
                    }
                    None => text,
                };
                match digits.parse::<crate::value::Decimal>() {
                    Ok(decimal) => row.push_decimal(decimal.as_str())?,
                    Err(_) => row.push_text(text)?,
                }
            }
            Kind::Date => match with_whole_year(text).parse::<Date>() {
                Ok(date) => row.push_date(date),
                Err(_) => row.push_text(text)?,
            },
            Kind::Time => match text.parse::<Time>() {
                Ok(time) => row.push_time(time),
                Err(_) => row.push_text(text)?,
            },
            Kind::TimestampTz if self.in_utc && text.parse::<Timestamp>().is_ok() => {
                match format!("{text}+00:00").parse::<TimestampTz>() {
                    Ok(moment) => row.push_timestamp_tz(moment)?,
                    Err(_) => row.push_text(text)?,
                }
            }
            Kind::Timestamp | Kind::TimestampTz => match with_whole_year(text).parse::<Timestamp>() {
                Ok(timestamp) => row.push_timestamp(timestamp),
                Err(_) => match moment_of(&with_whole_year(text)) {
                    Some(moment) => row.push_timestamp_tz(moment)?,
                    None => row.push_text(text)?,
                },
            },
            Kind::Uuid => match uuid_of(text) {
                Some(id) => row.push_uuid(id)?,
                None => row.push_text(text)?,
            },
            Kind::Json => row.push_json(text)?,
            Kind::Other => row.push_other(self.type_name.as_deref().unwrap_or("unknown"), text)?,
            _ => row.push_text(text)?,
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> Kind {
        kind_of(self.reading)
    }
}

/// A date with the four digits of its year, of which FreeTDS leaves out the zeros.
fn with_whole_year(text: &str) -> Cow<'_, str> {
    match text.split_once('-') {
        Some((year, rest)) if matches!(year.len(), 1..4) && year.bytes().all(|b| b.is_ascii_digit()) => {
            Cow::Owned(format!("{year:0>4}-{rest}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// A moment; SQL Server's drivers write a space before the offset.
fn moment_of(text: &str) -> Option<TimestampTz> {
    let parsed = match text.rsplit_once(' ') {
        Some((time, offset)) if offset.starts_with(['+', '-']) => format!("{time}{offset}").parse(),
        _ => text.parse(),
    };
    parsed.ok()
}

fn uuid_of(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '{' | '}')).collect();
    if digits.len() != 32 || !digits.is_ascii() {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_four_digits() {
        for (text, whole) in [("1-12-31", "0001-12-31"), ("999-01-01 1:2:3", "0999-01-01 1:2:3")] {
            assert_eq!(with_whole_year(text), whole);
        }
        for text in ["2024-01-01", "-44-03-15", "infinity", ""] {
            assert_eq!(with_whole_year(text), text);
        }
    }

    #[test]
    fn a_moment_is_read_with_and_without_a_space_before_its_offset() {
        let moment = moment_of("2024-02-29 12:34:56.1234560 -02:30");
        assert_eq!(moment, moment_of("2024-02-29 12:34:56.123456-02:30"));
        assert!(moment.is_some());
        assert_eq!(moment_of("2024-02-29 12:34:56"), None);
    }

    #[test]
    fn a_uuid_is_read_in_each_of_its_forms() {
        let id = [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00];
        for text in [
            "123e4567-e89b-12d3-a456-426614174000",
            "{123E4567-E89B-12D3-A456-426614174000}",
            "123e4567e89b12d3a456426614174000",
        ] {
            assert_eq!(uuid_of(text), Some(id), "{text}");
        }
        assert_eq!(uuid_of("123e4567"), None);
        assert_eq!(super::super::params::uuid_text(&id), "123e4567-e89b-12d3-a456-426614174000");
    }
}
