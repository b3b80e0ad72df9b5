//! Dates, times and spans, of this library and of the standard one.

use super::{ConversionError, FromValue, ToValue, plain};
use crate::value::{Date, Interval, Kind, Offset, Time, Timestamp, TimestampTz, Value, ValueRef};
use std::time::{Duration, SystemTime};

plain! {
    Date: Date, |value| value;
    Time: Time, |value| value;
    Timestamp: Timestamp, |value| value;
    TimestampTz: TimestampTz, |value| value;
    Interval: Interval, |value| value;
}

macro_rules! civil {
    ($($civil:ident: $accepted:expr, [$($other:ident => $hint:expr),*];)+) => {$(
        impl<'v> FromValue<'v> for $civil {
            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<$civil, ConversionError> {
                match value {
                    ValueRef::$civil(civil) => Ok(civil),
                    ValueRef::Text(text) => text
                        .parse()
                        .map_err(|error: crate::value::ParseCivilError| {
                            ConversionError::reading::<$civil>(value, error.reason())
                        }),
                    $(ValueRef::$other(_) => Err(ConversionError::reading::<$civil>(value, $hint)),)*
                    _ => Err(ConversionError::mismatch::<$civil>(value, $accepted)),
                }
            }
        }
    )+};
}

civil! {
    Date: "only dates, and text like 2024-02-29, are read as one", [
        Timestamp => "it has a time of day; read it as Timestamp",
        TimestampTz => "it has a time of day; read it as TimestampTz"
    ];
    Time: "only times of day, and text like 12:34:56, are read as one", [
        Timestamp => "it has a date; read it as Timestamp",
        TimestampTz => "it has a date; read it as TimestampTz"
    ];
    Timestamp: "only timestamps, and text like 2024-02-29 12:34:56, are read as one", [
        Date => "it has no time of day; read it as Date",
        TimestampTz => "it has an offset from UTC; read it as TimestampTz"
    ];
    TimestampTz: "only timestamps with an offset, and text like 2024-02-29 12:34:56+00:00, are read as one", [
        Date => "it has no time of day; read it as Date",
        Timestamp => "it has no offset from UTC; read it as Timestamp"
    ];
    Interval: "only intervals, and text like P1DT2H or 1 day 02:00:00, are read as one", [
        Time => "it is a time of day; read it as Time"
    ];
}

const NANOS: u128 = 1_000_000_000;

/// A moment in UTC.
impl ToValue for SystemTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        // A `Duration` has fewer than 2^64 seconds, so its nanoseconds fit 94 bits.
        let nanos = match self.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        TimestampTz::from_unix_nanos(nanos, Offset::UTC)
            .map(Value::TimestampTz)
            .ok_or_else(|| ConversionError::sending::<SystemTime>("its year is out of range"))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for SystemTime {
    fn from_value(value: ValueRef<'v>) -> Result<SystemTime, ConversionError> {
        let moment = TimestampTz::from_value(value).map_err(ConversionError::retyped::<SystemTime>)?;
        let nanos =
            moment.unix_nanos().ok_or_else(|| ConversionError::reading::<SystemTime>(value, "it is infinite"))?;
        duration(nanos.unsigned_abs())
            .and_then(|distance| match nanos < 0 {
                true => SystemTime::UNIX_EPOCH.checked_sub(distance),
                false => SystemTime::UNIX_EPOCH.checked_add(distance),
            })
            .ok_or_else(|| ConversionError::reading::<SystemTime>(value, "it is out of range"))
    }
}

fn duration(nanos: u128) -> Option<Duration> {
    // The remainder is less than a second.
    Some(Duration::new(u64::try_from(nanos / NANOS).ok()?, (nanos % NANOS) as u32))
}

/// An interval of time alone, of no months and no days.
impl ToValue for Duration {
    fn to_value(&self) -> Result<Value, ConversionError> {
        i64::try_from(self.as_nanos())
            .map(|nanos| Value::Interval(Interval::new(0, 0, nanos)))
            .map_err(|_| ConversionError::sending::<Duration>("it is longer than nanoseconds of 64 bits can hold"))
    }

    fn kind() -> Kind {
        Kind::Interval
    }
}

impl<'v> FromValue<'v> for Duration {
    fn from_value(value: ValueRef<'v>) -> Result<Duration, ConversionError> {
        let interval = Interval::from_value(value).map_err(ConversionError::retyped::<Duration>)?;
        let reason = match u64::try_from(interval.nanos()) {
            _ if interval.months() != 0 || interval.days() != 0 => "it has months or days, which have no fixed length",
            Ok(nanos) => return Ok(Duration::from_nanos(nanos)),
            Err(_) => "it is negative",
        };
        Err(ConversionError::reading::<Duration>(value, reason))
    }
}
