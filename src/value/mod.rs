//! Values: what goes into a statement as a parameter and what comes out of a row as a cell.
//!
//! One closed set of kinds serves every database. What a database has beyond it arrives as [`Value::Other`], its type's
//! name and its text, so that an unknown type is never an error to read. Nothing is ever rounded on the way: decimals
//! travel as text, integers keep their sign and width, a `REAL` stays a 32-bit float.
//!
//! [`ToValue`] turns Rust types into values and [`FromValue`] reads values as Rust types, exactly or with a
//! [`ConversionError`] that says what does not fit; its message never repeats the content.
//!
//! # Dates and times
//!
//! [`Date`], [`Time`], [`Timestamp`], [`TimestampTz`] and [`Interval`] are plain `Copy` values with exactly the range and
//! the oddities of databases: the infinities of PostgreSQL, the zero dates of MySQL, `24:00:00`, offsets with seconds.
//! Their text is ISO 8601 as databases write it, exact to the nanosecond, and reads back to an equal value. They do no
//! calendar arithmetic; for that, convert to one of the crates below.
//!
//! # Types of other crates
//!
//! | feature | types |
//! |---|---|
//! | `chrono` | `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>`, `DateTime<FixedOffset>`, `TimeDelta`; any `DateTime<Tz>` can be sent |
//! | `time` | `Date`, `Time`, `PrimitiveDateTime`, `OffsetDateTime`, `UtcDateTime`, `Duration` |
//! | `jiff` | `civil::Date`, `civil::Time`, `civil::DateTime`, `Timestamp`, `Zoned`, `SignedDuration`, `Span` |
//! | `uuid` | `Uuid`, also from 16 bytes and from text |
//! | `rust_decimal` | `Decimal`, when the digits fit without rounding |
//! | `bigdecimal` | `BigDecimal` |
//! | always | `serde_json::Value`, whose numbers must fit without rounding; `RawValue`; [`Json<T>`](Json) |
//!
//! What the other type cannot hold is an error: an infinity, a zero date, a year out of its range, digits it would round
//! away. So is what no database stores: a leap second. A zoned type is sent as its moment and its offset, never by way
//! of a local time, so no gap or fold of a zone is in the way; the name of the zone is not kept. 24:00:00 of a day is the
//! midnight it falls on, where the other type has no such hour and a date beside it.

mod civil;
mod convert;
mod decimal;
mod foreign;
mod json;

pub use civil::{Date, Interval, Offset, ParseCivilError, Time, Timestamp, TimestampTz};
pub use convert::{ConversionError, FromValue, FromValueOwned, ToValue};
pub use decimal::{Decimal, ParseDecimalError};
pub use json::Json;

use std::fmt;

/// The kind of a [`Value`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// No kind is known: a NULL that nobody typed.
    #[default]
    Unknown,
    /// True or false.
    Bool,
    /// A signed integer of up to 64 bits.
    I64,
    /// An unsigned integer of 64 bits, as MySQL has.
    U64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// An exact decimal number of any size.
    Decimal,
    /// Unicode text.
    Text,
    /// Bytes.
    Bytes,
    /// A calendar date.
    Date,
    /// A time of day without a zone.
    Time,
    /// A date and a time of day without a zone.
    Timestamp,
    /// A moment: date and time of day with the offset they are given in.
    TimestampTz,
    /// A span of months, days and nanoseconds.
    Interval,
    /// A universally unique identifier.
    Uuid,
    /// A JSON document, as text.
    Json,
    /// A list of values.
    Array,
    /// A type that has no kind of its own here: its name and its text.
    Other,
}

impl Kind {
    /// The name that messages use: that of the SQL type, where SQL has one.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Unknown => "UNKNOWN",
            Kind::Bool => "BOOLEAN",
            Kind::I64 => "INTEGER",
            Kind::U64 => "UNSIGNED INTEGER",
            Kind::F32 => "REAL",
            Kind::F64 => "DOUBLE",
            Kind::Decimal => "DECIMAL",
            Kind::Text => "TEXT",
            Kind::Bytes => "BYTES",
            Kind::Date => "DATE",
            Kind::Time => "TIME",
            Kind::Timestamp => "TIMESTAMP",
            Kind::TimestampTz => "TIMESTAMP WITH TIME ZONE",
            Kind::Interval => "INTERVAL",
            Kind::Uuid => "UUID",
            Kind::Json => "JSON",
            Kind::Array => "ARRAY",
            Kind::Other => "OTHER",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An owned value.
///
/// Made from Rust types by [`From`] and [`ToValue`], read as Rust types by [`get`](Value::get) and [`FromValue`].
/// Equality is between values of the same kind, that of the kind: decimals compare as numbers, moments as moments,
/// floats as floats do (NaN equals nothing), JSON as text. `Debug` shows the content; mind what you log.
///
/// ```
/// use pontoon::value::{Kind, Value};
///
/// let value = Value::from(42);
/// assert_eq!((value.kind(), value.get::<u8>()?), (Kind::I64, 42));
/// assert_eq!(value.get::<Option<i64>>()?, Some(42));
///
/// let error = Value::from(1000).get::<u8>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot read INTEGER as u8: it is out of range");
/// let error = Value::NULL.get::<u8>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot read NULL as u8: use Option<u8>");
/// # Ok::<(), pontoon::value::ConversionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// SQL NULL, with the kind it would have had where that is known. Some databases need it to prepare a statement.
    Null(Kind),
    /// True or false.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer; drivers that have none bind it when it fits and refuse it when it does not.
    U64(u64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// An exact decimal number.
    Decimal(Decimal),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A calendar date.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A date and time of day without a zone.
    Timestamp(Timestamp),
    /// A moment with its offset.
    TimestampTz(TimestampTz),
    /// A span of time.
    Interval(Interval),
    /// The sixteen bytes of a UUID, most significant first.
    Uuid([u8; 16]),
    /// A JSON document as text, exactly as it was given or stored.
    Json(String),
    /// A list of values; in a statement, `IN (:name)` expands it.
    Array(Vec<Value>),
    /// A type that has no kind of its own.
    Other {
        /// The database's name for the type.
        type_name: Box<str>,
        /// The database's text for the value.
        text: String,
    },
}

impl Value {
    /// A NULL that nobody typed.
    pub const NULL: Value = Value::Null(Kind::Unknown);

    /// The kind; of NULL, the one it would have had.
    pub fn kind(&self) -> Kind {
        self.as_ref().kind()
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null(_))
    }

    /// The same value, borrowed.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null(kind) => ValueRef::Null(*kind),
            Value::Bool(truth) => ValueRef::Bool(*truth),
            Value::I64(number) => ValueRef::I64(*number),
            Value::U64(number) => ValueRef::U64(*number),
            Value::F32(float) => ValueRef::F32(*float),
            Value::F64(float) => ValueRef::F64(*float),
            Value::Decimal(decimal) => ValueRef::Decimal(decimal.as_str()),
            Value::Text(text) => ValueRef::Text(text),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
            Value::Date(date) => ValueRef::Date(*date),
            Value::Time(time) => ValueRef::Time(*time),
            Value::Timestamp(timestamp) => ValueRef::Timestamp(*timestamp),
            Value::TimestampTz(moment) => ValueRef::TimestampTz(*moment),
            Value::Interval(interval) => ValueRef::Interval(*interval),
            Value::Uuid(id) => ValueRef::Uuid(*id),
            Value::Json(text) => ValueRef::Json(text),
            Value::Array(elements) => ValueRef::Array(elements),
            Value::Other { type_name, text } => ValueRef::Other { type_name, text },
        }
    }

    /// Reads the value, exactly or not at all; the table of [`FromValue`] tells what is read from what.
    ///
    /// # Errors
    /// When the value does not fit the type.
    pub fn get<'v, T: FromValue<'v>>(&'v self) -> Result<T, ConversionError> {
        T::from_value(self.as_ref())
    }
}

impl<'v> From<&'v Value> for ValueRef<'v> {
    fn from(value: &'v Value) -> ValueRef<'v> {
        value.as_ref()
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Value {
        value.to_value()
    }
}

/// A value borrowed from a row or from a [`Value`]; equal to another by the same rule as [`Value`].
///
/// ```
/// use pontoon::value::{Value, ValueRef};
///
/// let value = Value::from("text");
/// assert_eq!(value.as_ref(), ValueRef::Text("text"));
/// assert_eq!(ValueRef::Decimal("1.50"), ValueRef::Decimal("1.5"));
/// assert_eq!(ValueRef::I64(7).get::<u8>()?, 7);
/// # Ok::<(), pontoon::value::ConversionError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the borrowed form of the variant of the same name of `Value`")]
pub enum ValueRef<'v> {
    Null(Kind),
    Bool(bool),
    I64(i64),
    U64(u64),
    F32(f32),
    F64(f64),
    /// The text of an exact decimal, in the canonical form of [`Decimal`].
    Decimal(&'v str),
    Text(&'v str),
    Bytes(&'v [u8]),
    Date(Date),
    Time(Time),
    Timestamp(Timestamp),
    TimestampTz(TimestampTz),
    Interval(Interval),
    Uuid([u8; 16]),
    Json(&'v str),
    Array(&'v [Value]),
    Other {
        type_name: &'v str,
        text: &'v str,
    },
}

impl<'v> ValueRef<'v> {
    /// The kind; of NULL, the one it would have had.
    pub fn kind(self) -> Kind {
        match self {
            ValueRef::Null(kind) => kind,
            ValueRef::Bool(_) => Kind::Bool,
            ValueRef::I64(_) => Kind::I64,
            ValueRef::U64(_) => Kind::U64,
            ValueRef::F32(_) => Kind::F32,
            ValueRef::F64(_) => Kind::F64,
            ValueRef::Decimal(_) => Kind::Decimal,
            ValueRef::Text(_) => Kind::Text,
            ValueRef::Bytes(_) => Kind::Bytes,
            ValueRef::Date(_) => Kind::Date,
            ValueRef::Time(_) => Kind::Time,
            ValueRef::Timestamp(_) => Kind::Timestamp,
            ValueRef::TimestampTz(_) => Kind::TimestampTz,
            ValueRef::Interval(_) => Kind::Interval,
            ValueRef::Uuid(_) => Kind::Uuid,
            ValueRef::Json(_) => Kind::Json,
            ValueRef::Array(_) => Kind::Array,
            ValueRef::Other { .. } => Kind::Other,
        }
    }

    /// Whether it is NULL.
    pub fn is_null(self) -> bool {
        matches!(self, ValueRef::Null(_))
    }

    /// An owned copy. A [`ValueRef::Decimal`] whose text is no decimal number (no driver makes one) becomes a
    /// [`Value::Other`] of the same text.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null(kind) => Value::Null(kind),
            ValueRef::Bool(truth) => Value::Bool(truth),
            ValueRef::I64(number) => Value::I64(number),
            ValueRef::U64(number) => Value::U64(number),
            ValueRef::F32(float) => Value::F32(float),
            ValueRef::F64(float) => Value::F64(float),
            ValueRef::Decimal(text) => match text.parse() {
                Ok(decimal) => Value::Decimal(decimal),
                Err(_) => Value::Other { type_name: Kind::Decimal.name().into(), text: text.to_owned() },
            },
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
            ValueRef::Date(date) => Value::Date(date),
            ValueRef::Time(time) => Value::Time(time),
            ValueRef::Timestamp(timestamp) => Value::Timestamp(timestamp),
            ValueRef::TimestampTz(moment) => Value::TimestampTz(moment),
            ValueRef::Interval(interval) => Value::Interval(interval),
            ValueRef::Uuid(id) => Value::Uuid(id),
            ValueRef::Json(text) => Value::Json(text.to_owned()),
            ValueRef::Array(elements) => Value::Array(elements.to_owned()),
            ValueRef::Other { type_name, text } => Value::Other { type_name: type_name.into(), text: text.to_owned() },
        }
    }

    /// Reads the value, exactly or not at all; the table of [`FromValue`] tells what is read from what.
    ///
    /// # Errors
    /// When the value does not fit the type.
    pub fn get<T: FromValue<'v>>(self) -> Result<T, ConversionError> {
        T::from_value(self)
    }
}

impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &ValueRef<'_>) -> bool {
        use ValueRef::*;
        match (*self, *other) {
            (Null(left), Null(right)) => left == right,
            (Bool(left), Bool(right)) => left == right,
            (I64(left), I64(right)) => left == right,
            (U64(left), U64(right)) => left == right,
            (F32(left), F32(right)) => left == right,
            (F64(left), F64(right)) => left == right,
            (Decimal(left), Decimal(right)) => decimal::compare(left, right).is_eq(),
            (Text(left), Text(right)) | (Json(left), Json(right)) => left == right,
            (Bytes(left), Bytes(right)) => left == right,
            (Date(left), Date(right)) => left == right,
            (Time(left), Time(right)) => left == right,
            (Timestamp(left), Timestamp(right)) => left == right,
            (TimestampTz(left), TimestampTz(right)) => left == right,
            (Interval(left), Interval(right)) => left == right,
            (Uuid(left), Uuid(right)) => left == right,
            (Array(left), Array(right)) => left == right,
            (Other { type_name, text }, Other { type_name: other_name, text: other_text }) => {
                type_name == other_name && text == other_text
            }
            _ => false,
        }
    }
}
