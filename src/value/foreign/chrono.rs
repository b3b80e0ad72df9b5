//! The types of `chrono`.
//!
//! A leap second (`23:59:60`, which `chrono` keeps as a second of more than a billion nanoseconds) is refused when it
//! is sent. Zoned types are sent as their moment and offset, never by way of a local time, so no gap or fold of a zone
//! is ever in the way; the name of a zone is not kept.

use super::reason::{INFINITE, NO_DAY, YEAR};
use super::via::read;
use crate::value::{ConversionError, Date, FromValue, Interval, Kind, Offset, Time, Timestamp, TimestampTz};
use crate::value::{ToValue, Value, ValueRef};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _};
use chrono::{TimeDelta, TimeZone, Timelike, Utc};

const LEAP_SECOND: &str = "it is a leap second, which no database stores";
const SECOND: i128 = 1_000_000_000;

fn date(date: NaiveDate) -> Option<Date> {
    // Months and days fit eight bits; the years of `chrono` are within those of `Date`.
    Date::new(date.year(), u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?)
}

fn time(time: NaiveTime) -> Result<Time, &'static str> {
    let nanos = u64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + u64::from(time.nanosecond());
    if time.nanosecond() >= 1_000_000_000 {
        return Err(LEAP_SECOND);
    }
    Time::from_nanos(nanos).ok_or(LEAP_SECOND)
}

fn naive_date(date: Date) -> Result<NaiveDate, &'static str> {
    if !date.is_day() {
        return Err(NO_DAY);
    }
    NaiveDate::from_ymd_opt(date.year(), date.month().into(), date.day().into()).ok_or(YEAR)
}

/// A moment from nanoseconds since 1970.
fn utc(nanos: i128) -> Result<DateTime<Utc>, &'static str> {
    let seconds = i64::try_from(nanos.div_euclid(SECOND)).map_err(|_| YEAR)?;
    // The remainder is less than a second.
    DateTime::from_timestamp(seconds, nanos.rem_euclid(SECOND) as u32).ok_or(YEAR)
}

impl ToValue for NaiveDate {
    fn to_value(&self) -> Result<Value, ConversionError> {
        date(*self).map(Value::Date).ok_or_else(|| ConversionError::sending::<NaiveDate>(YEAR))
    }

    fn kind() -> Kind {
        Kind::Date
    }
}

impl<'v> FromValue<'v> for NaiveDate {
    fn from_value(value: ValueRef<'v>) -> Result<NaiveDate, ConversionError> {
        read(value, naive_date)
    }
}

impl ToValue for NaiveTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        time(*self).map(Value::Time).map_err(ConversionError::sending::<NaiveTime>)
    }

    fn kind() -> Kind {
        Kind::Time
    }
}

impl<'v> FromValue<'v> for NaiveTime {
    fn from_value(value: ValueRef<'v>) -> Result<NaiveTime, ConversionError> {
        read(value, |time: Time| {
            let (hour, minute, second) = (time.hour().into(), time.minute().into(), time.second().into());
            NaiveTime::from_hms_nano_opt(hour, minute, second, time.nanosecond()).ok_or("it is 24:00:00")
        })
    }
}

impl ToValue for NaiveDateTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        let time = time(self.time()).map_err(ConversionError::sending::<NaiveDateTime>)?;
        let date = date(self.date()).ok_or_else(|| ConversionError::sending::<NaiveDateTime>(YEAR))?;
        Ok(Value::Timestamp(Timestamp::new(date, time)))
    }

    fn kind() -> Kind {
        Kind::Timestamp
    }
}

/// 24:00:00 becomes the midnight it falls on.
impl<'v> FromValue<'v> for NaiveDateTime {
    fn from_value(value: ValueRef<'v>) -> Result<NaiveDateTime, ConversionError> {
        read(value, |timestamp: Timestamp| utc(timestamp.epoch_nanos().ok_or(NO_DAY)?).map(|utc| utc.naive_utc()))
    }
}

impl<Tz: TimeZone> ToValue for DateTime<Tz> {
    fn to_value(&self) -> Result<Value, ConversionError> {
        if self.timestamp_subsec_nanos() >= 1_000_000_000 {
            return Err(ConversionError::sending::<DateTime<Tz>>(LEAP_SECOND));
        }
        let nanos = i128::from(self.timestamp()) * SECOND + i128::from(self.timestamp_subsec_nanos());
        Offset::from_seconds(self.offset().fix().local_minus_utc())
            .and_then(|offset| TimestampTz::from_unix_nanos(nanos, offset))
            .map(Value::TimestampTz)
            .ok_or_else(|| ConversionError::sending::<DateTime<Tz>>(YEAR))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for DateTime<Utc> {
    fn from_value(value: ValueRef<'v>) -> Result<DateTime<Utc>, ConversionError> {
        read(value, |moment: TimestampTz| utc(moment.unix_nanos().ok_or(INFINITE)?))
    }
}

impl<'v> FromValue<'v> for DateTime<FixedOffset> {
    fn from_value(value: ValueRef<'v>) -> Result<DateTime<FixedOffset>, ConversionError> {
        read(value, |moment: TimestampTz| {
            let utc = utc(moment.unix_nanos().ok_or(INFINITE)?)?;
            let offset = FixedOffset::east_opt(moment.offset().seconds()).ok_or("its offset is out of range")?;
            // Beyond the last day there is a moment, but no local time, and chrono would panic when it is shown.
            utc.naive_utc().checked_add_offset(offset).ok_or(YEAR)?;
            Ok(utc.with_timezone(&offset))
        })
    }
}

/// An interval of time alone, of no months and no days.
impl ToValue for TimeDelta {
    fn to_value(&self) -> Result<Value, ConversionError> {
        self.num_nanoseconds()
            .map(|nanos| Value::Interval(Interval::new(0, 0, nanos)))
            .ok_or_else(|| ConversionError::sending::<TimeDelta>("it is longer than nanoseconds of 64 bits can hold"))
    }

    fn kind() -> Kind {
        Kind::Interval
    }
}

impl<'v> FromValue<'v> for TimeDelta {
    fn from_value(value: ValueRef<'v>) -> Result<TimeDelta, ConversionError> {
        read(value, |interval: Interval| match (interval.months(), interval.days()) {
            (0, 0) => Ok(TimeDelta::nanoseconds(interval.nanos())),
            _ => Err("it has months or days, which have no fixed length"),
        })
    }
}
