//! Values in and out.
//!
//! Out: types that have a kind here are read in their binary form. A result with a column of any other type is asked for
//! as text, all of it: what the server writes is what [`Other`](crate::value::Value::Other) holds, and no type is an error to
//! read. In: each value is written for the type that the server inferred for its place, exactly or not at all.
//!
//! | PostgreSQL | here |
//! |---|---|
//! | `boolean` | `Bool` |
//! | `smallint`, `integer`, `bigint`, `oid`, `xid` | `I64`; `xid8` is `U64` |
//! | `real`, `double precision` | `F32`, `F64` |
//! | `numeric` | `Decimal`, of any size, with NaN and infinities |
//! | `text`, `varchar`, `char`, `name`, `citext`, enums | `Text` |
//! | `bytea` | `Bytes` |
//! | `date`, `time`, `timestamp`, `timestamptz` | the same, with infinities; a `timestamptz` has the offset 0 |
//! | `interval` | `Interval`; one too long for nanoseconds in 64 bits, or infinite, is `Other` |
//! | `uuid`, `json`, `jsonb` | `Uuid`, `Json` |
//! | arrays | `Array`; one whose first index is not 1 is `Other`, as the index would be lost |
//! | domains | as the type they are over |
//! | all others: `timetz`, `inet`, `bit`, `money`, ranges, composite and geometric types, … | `Other` |

mod decode;
mod encode;
mod numeric;
mod text;

pub(super) use decode::Shape;
pub(super) use encode::{Encoded, encode, encode_binary, has_binary_form, render};

use postgres::types::{Kind as Composition, Type};

use crate::value::Kind;

/// How a type is read.
#[derive(Clone, Debug, PartialEq)]
enum Reading {
    Bool,
    I16,
    I32,
    I64,
    U32,
    U64,
    F32,
    F64,
    Numeric,
    Text,
    /// The one-byte type of the catalogs.
    Char,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    /// Read as text alone: the reading of the elements, and the name of their type.
    Array(Box<Reading>, Box<str>),
    /// Read as text alone.
    Other,
}

impl Reading {
    fn of(ty: &Type) -> Reading {
        match ty.kind() {
            Composition::Domain(base) => return Reading::of(base),
            Composition::Enum(_) => return Reading::Text,
            Composition::Array(element) => {
                return Reading::Array(Box::new(Reading::of(element)), element.name().into());
            }
            _ => {}
        }
        match *ty {
            Type::BOOL => Reading::Bool,
            Type::INT2 => Reading::I16,
            Type::INT4 => Reading::I32,
            Type::INT8 => Reading::I64,
            Type::OID | Type::XID | Type::CID => Reading::U32,
            Type::XID8 => Reading::U64,
            Type::FLOAT4 => Reading::F32,
            Type::FLOAT8 => Reading::F64,
            Type::NUMERIC => Reading::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Reading::Text,
            Type::CHAR => Reading::Char,
            Type::BYTEA => Reading::Bytes,
            Type::DATE => Reading::Date,
            Type::TIME => Reading::Time,
            Type::TIMESTAMP => Reading::Timestamp,
            Type::TIMESTAMPTZ => Reading::TimestampTz,
            Type::INTERVAL => Reading::Interval,
            Type::UUID => Reading::Uuid,
            Type::JSON => Reading::Json,
            Type::JSONB => Reading::Jsonb,
            _ if ty.name() == "citext" => Reading::Text,
            _ => Reading::Other,
        }
    }

    /// Whether the binary form is understood here.
    fn is_binary(&self) -> bool {
        !matches!(self, Reading::Array(..) | Reading::Other)
    }

    fn kind(&self) -> Kind {
        match self {
            Reading::Bool => Kind::Bool,
            Reading::I16 | Reading::I32 | Reading::I64 | Reading::U32 => Kind::I64,
            Reading::U64 => Kind::U64,
            Reading::F32 => Kind::F32,
            Reading::F64 => Kind::F64,
            Reading::Numeric => Kind::Decimal,
            Reading::Text | Reading::Char => Kind::Text,
            Reading::Bytes => Kind::Bytes,
            Reading::Date => Kind::Date,
            Reading::Time => Kind::Time,
            Reading::Timestamp => Kind::Timestamp,
            Reading::TimestampTz => Kind::TimestampTz,
            Reading::Interval => Kind::Interval,
            Reading::Uuid => Kind::Uuid,
            Reading::Json | Reading::Jsonb => Kind::Json,
            Reading::Array(..) => Kind::Array,
            Reading::Other => Kind::Other,
        }
    }
}

/// Days from the epoch of Unix to that of PostgreSQL, 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
