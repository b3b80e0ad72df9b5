//! The types of `time`. An `OffsetDateTime` is kept as its moment and offset.

use super::reason::{INFINITE, NO_DAY, YEAR};
use super::via::read;
use crate::value::{
    self, ConversionError, FromValue, Interval, Kind, Timestamp, TimestampTz, ToValue, Value, ValueRef,
};
use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

fn to_date(date: Date) -> Option<value::Date> {
    value::Date::new(date.year(), date.month().into(), date.day())
}

fn to_time(time: Time) -> Option<value::Time> {
    value::Time::new(time.hour(), time.minute(), time.second(), time.nanosecond())
}

fn from_date(date: value::Date) -> Result<Date, &'static str> {
    if !date.is_day() {
        return Err(NO_DAY);
    }
    let month = Month::try_from(date.month()).map_err(|_| NO_DAY)?;
    Date::from_calendar_date(date.year(), month, date.day()).map_err(|_| YEAR)
}

impl ToValue for Date {
    fn to_value(&self) -> Result<Value, ConversionError> {
        to_date(*self).map(Value::Date).ok_or_else(|| ConversionError::sending::<Date>(YEAR))
    }

    fn kind() -> Kind {
        Kind::Date
    }
}

impl<'v> FromValue<'v> for Date {
    fn from_value(value: ValueRef<'v>) -> Result<Date, ConversionError> {
        read(value, from_date)
    }
}

impl ToValue for Time {
    fn to_value(&self) -> Result<Value, ConversionError> {
        to_time(*self).map(Value::Time).ok_or_else(|| ConversionError::sending::<Time>("it is no time of day"))
    }

    fn kind() -> Kind {
        Kind::Time
    }
}

impl<'v> FromValue<'v> for Time {
    fn from_value(value: ValueRef<'v>) -> Result<Time, ConversionError> {
        read(value, |time: value::Time| {
            Time::from_hms_nano(time.hour(), time.minute(), time.second(), time.nanosecond())
                .map_err(|_| "it is 24:00:00")
        })
    }
}

impl ToValue for PrimitiveDateTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        to_date(self.date())
            .zip(to_time(self.time()))
            .map(|(date, time)| Value::Timestamp(Timestamp::new(date, time)))
            .ok_or_else(|| ConversionError::sending::<PrimitiveDateTime>(YEAR))
    }

    fn kind() -> Kind {
        Kind::Timestamp
    }
}

/// 24:00:00 becomes the midnight it falls on.
impl<'v> FromValue<'v> for PrimitiveDateTime {
    fn from_value(value: ValueRef<'v>) -> Result<PrimitiveDateTime, ConversionError> {
        read(value, |timestamp: Timestamp| {
            let nanos = timestamp.epoch_nanos().ok_or(NO_DAY)?;
            let utc = UtcDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| YEAR)?;
            Ok(PrimitiveDateTime::new(utc.date(), utc.time()))
        })
    }
}

impl ToValue for OffsetDateTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        let fail = ConversionError::sending::<OffsetDateTime>;
        let offset = value::Offset::from_seconds(self.offset().whole_seconds());
        let offset = offset.ok_or_else(|| fail("its offset is a day or more"))?;
        let moment = TimestampTz::from_unix_nanos(self.unix_timestamp_nanos(), offset);
        moment.map(Value::TimestampTz).ok_or_else(|| fail(YEAR))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for OffsetDateTime {
    fn from_value(value: ValueRef<'v>) -> Result<OffsetDateTime, ConversionError> {
        read(value, |moment: TimestampTz| {
            let nanos = moment.unix_nanos().ok_or(INFINITE)?;
            let utc = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| YEAR)?;
            let offset = UtcOffset::from_whole_seconds(moment.offset().seconds());
            utc.checked_to_offset(offset.map_err(|_| "its offset is out of range")?).ok_or(YEAR)
        })
    }
}

impl ToValue for UtcDateTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        TimestampTz::from_unix_nanos(self.unix_timestamp_nanos(), value::Offset::UTC)
            .map(Value::TimestampTz)
            .ok_or_else(|| ConversionError::sending::<UtcDateTime>(YEAR))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for UtcDateTime {
    fn from_value(value: ValueRef<'v>) -> Result<UtcDateTime, ConversionError> {
        read(value, |moment: TimestampTz| {
            UtcDateTime::from_unix_timestamp_nanos(moment.unix_nanos().ok_or(INFINITE)?).map_err(|_| YEAR)
        })
    }
}

/// An interval of time alone, of no months and no days.
impl ToValue for Duration {
    fn to_value(&self) -> Result<Value, ConversionError> {
        i64::try_from(self.whole_nanoseconds())
            .map(|nanos| Value::Interval(Interval::new(0, 0, nanos)))
            .map_err(|_| ConversionError::sending::<Duration>("it is longer than nanoseconds of 64 bits can hold"))
    }

    fn kind() -> Kind {
        Kind::Interval
    }
}

impl<'v> FromValue<'v> for Duration {
    fn from_value(value: ValueRef<'v>) -> Result<Duration, ConversionError> {
        read(value, |interval: Interval| match (interval.months(), interval.days()) {
            (0, 0) => Ok(Duration::nanoseconds(interval.nanos())),
            _ => Err("it has months or days, which have no fixed length"),
        })
    }
}
