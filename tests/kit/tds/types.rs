//! The types of SQL Server that there are here: their names, and how they are told of on the wire.

use std::fmt;
use std::io;

use super::packet::Fields;

/// A type. `None` is a length of `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Decimal(u8, u8),
    Varchar(Option<u16>),
    NVarchar(Option<u16>),
    Varbinary(Option<u16>),
    Date,
    Time(u8),
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    /// `text`, `ntext` and `image`, which clients may send and which no answer has.
    Text,
    NText,
    Image,
}

/// Latin1_General_CI_AS, whose narrow texts are of code page 1252.
pub(super) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// A length that stands for `MAX`, on the wire and in a declaration that SQLite accepts.
const UNBOUNDED: u16 = 0xFFFF;
pub(super) const UNBOUNDED_IN_SQLITE: &str = "2147483647";

impl Type {
    /// Reads what a client says of a value's type.
    pub(super) fn read(from: &mut Fields<'_>) -> io::Result<Type> {
        let code = from.u8()?;
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, format!("there is no type {code:#x} here"));
        Ok(match code {
            0x30 => Type::TinyInt,
            0x32 => Type::Bit,
            0x34 => Type::SmallInt,
            0x38 => Type::Int,
            0x3B => Type::Real,
            0x3E => Type::Float,
            0x7F => Type::BigInt,
            0x24 => {
                from.u8()?;
                Type::UniqueIdentifier
            }
            0x26 => match from.u8()? {
                1 => Type::TinyInt,
                2 => Type::SmallInt,
                4 => Type::Int,
                8 => Type::BigInt,
                _ => return Err(unknown()),
            },
            0x68 => {
                from.u8()?;
                Type::Bit
            }
            0x6A | 0x6C => {
                from.u8()?;
                Type::Decimal(from.u8()?, from.u8()?)
            }
            0x6D => match from.u8()? {
                4 => Type::Real,
                _ => Type::Float,
            },
            0x6F => {
                from.u8()?;
                Type::DateTime
            }
            0x28 => Type::Date,
            0x29 => Type::Time(from.u8()?),
            0x2A => Type::DateTime2(from.u8()?),
            0x2B => Type::DateTimeOffset(from.u8()?),
            0xA5 | 0xAD => Type::Varbinary(length(from.u16()?)),
            0xA7 | 0xAF => {
                let bytes = length(from.u16()?);
                from.take(COLLATION.len())?;
                Type::Varchar(bytes)
            }
            0xE7 | 0xEF => {
                let bytes = length(from.u16()?);
                from.take(COLLATION.len())?;
                Type::NVarchar(bytes.map(|bytes| bytes / 2))
            }
            0x22 => {
                from.u32()?;
                Type::Image
            }
            0x23 | 0x63 => {
                from.u32()?;
                from.take(COLLATION.len())?;
                if code == 0x23 { Type::Text } else { Type::NText }
            }
            _ => return Err(unknown()),
        })
    }

    /// Tells a client of it.
    pub(super) fn write(self, to: &mut Vec<u8>) {
        let bounded = |to: &mut Vec<u8>, code: u8, bytes: Option<u16>| {
            to.push(code);
            to.extend_from_slice(&bytes.unwrap_or(UNBOUNDED).to_le_bytes());
        };
        match self {
            Type::Bit => to.extend_from_slice(&[0x68, 1]),
            Type::TinyInt => to.extend_from_slice(&[0x26, 1]),
            Type::SmallInt => to.extend_from_slice(&[0x26, 2]),
            Type::Int => to.extend_from_slice(&[0x26, 4]),
            Type::BigInt => to.extend_from_slice(&[0x26, 8]),
            Type::Real => to.extend_from_slice(&[0x6D, 4]),
            Type::Float => to.extend_from_slice(&[0x6D, 8]),
            Type::Decimal(precision, scale) => {
                to.extend_from_slice(&[0x6A, decimal_bytes(precision), precision, scale]);
            }
            Type::Date => to.push(0x28),
            Type::Time(scale) => to.extend_from_slice(&[0x29, scale]),
            Type::DateTime2(scale) => to.extend_from_slice(&[0x2A, scale]),
            Type::DateTimeOffset(scale) => to.extend_from_slice(&[0x2B, scale]),
            Type::DateTime => to.extend_from_slice(&[0x6F, 8]),
            Type::UniqueIdentifier => to.extend_from_slice(&[0x24, 16]),
            Type::Varbinary(bytes) => bounded(to, 0xA5, bytes),
            Type::Image => bounded(to, 0xA5, None),
            Type::Varchar(bytes) => {
                bounded(to, 0xA7, bytes);
                to.extend_from_slice(&COLLATION);
            }
            Type::NVarchar(characters) => {
                bounded(to, 0xE7, characters.map(|characters| characters * 2));
                to.extend_from_slice(&COLLATION);
            }
            Type::Text => Type::Varchar(None).write(to),
            Type::NText => Type::NVarchar(None).write(to),
        }
    }

    /// The type that a declaration names, as in `NVARCHAR(20)`.
    pub(super) fn named(declaration: &str) -> Option<Type> {
        let lower = declaration.trim().to_ascii_lowercase();
        let (name, arguments) = lower.split_once('(').unwrap_or((&lower, ""));
        let arguments: Vec<&str> = arguments.trim_end_matches(')').split(',').map(str::trim).collect();
        let number =
            |at: usize, otherwise: u8| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
        let length = match arguments.first() {
            Some(&"max" | &UNBOUNDED_IN_SQLITE) => None,
            Some(text) => Some(text.parse().unwrap_or(1)),
            None => Some(1),
        };
        Some(match name.trim() {
            "bit" => Type::Bit,
            "tinyint" => Type::TinyInt,
            "smallint" => Type::SmallInt,
            "int" | "integer" => Type::Int,
            "bigint" => Type::BigInt,
            "real" => Type::Real,
            "float" => Type::Float,
            "decimal" | "numeric" | "decimal_text" => Type::Decimal(number(0, 18), number(1, 0)),
            "char" | "varchar" => Type::Varchar(length),
            "nchar" | "nvarchar" => Type::NVarchar(length),
            "binary" | "varbinary" => Type::Varbinary(length),
            "date" => Type::Date,
            "time" => Type::Time(number(0, 7)),
            "datetime" => Type::DateTime,
            "datetime2" => Type::DateTime2(number(0, 7)),
            "datetimeoffset" => Type::DateTimeOffset(number(0, 7)),
            "uniqueidentifier" => Type::UniqueIdentifier,
            "text" => Type::Text,
            "ntext" => Type::NText,
            "image" => Type::Image,
            _ => return None,
        })
    }
}

fn length(bytes: u16) -> Option<u16> {
    (bytes != UNBOUNDED).then_some(bytes)
}

/// The bytes of a decimal of this many digits, sign and all.
pub(super) fn decimal_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// The bytes of a time of day with this many digits behind the point.
pub(super) fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sized = |f: &mut fmt::Formatter<'_>, name: &str, length: &Option<u16>| match length {
            Some(length) => write!(f, "{name}({length})"),
            None => write!(f, "{name}(max)"),
        };
        match self {
            Type::Bit => f.write_str("bit"),
            Type::TinyInt => f.write_str("tinyint"),
            Type::SmallInt => f.write_str("smallint"),
            Type::Int => f.write_str("int"),
            Type::BigInt => f.write_str("bigint"),
            Type::Real => f.write_str("real"),
            Type::Float => f.write_str("float"),
            Type::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Type::Varchar(length) => sized(f, "varchar", length),
            Type::NVarchar(length) => sized(f, "nvarchar", length),
            Type::Varbinary(length) => sized(f, "varbinary", length),
            Type::Date => f.write_str("date"),
            Type::Time(scale) => write!(f, "time({scale})"),
            Type::DateTime => f.write_str("datetime"),
            Type::DateTime2(scale) => write!(f, "datetime2({scale})"),
            Type::DateTimeOffset(scale) => write!(f, "datetimeoffset({scale})"),
            Type::UniqueIdentifier => f.write_str("uniqueidentifier"),
            Type::Text => f.write_str("text"),
            Type::NText => f.write_str("ntext"),
            Type::Image => f.write_str("image"),
        }
    }
}
