//! The types of `jiff`.
//!
//! A `Zoned` is sent as its moment and offset, never by way of a local time, so no gap or fold of its zone is ever in
//! the way. The name of the zone is not kept: what is read has the offset as its zone.

use super::reason::{INFINITE, NO_DAY, YEAR};
use super::via::read;
use crate::value::{self, ConversionError, FromValue, Interval, Kind, TimestampTz, ToValue, Value, ValueRef};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp, Zoned};

const HOUR: i64 = 3_600_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const SECOND: i64 = 1_000_000_000;
const TOO_LONG: &str = "it is longer than months and days of 32 bits and nanoseconds of 64 bits can hold";

fn to_date(date: Date) -> Option<value::Date> {
    let (month, day) = (u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?);
    value::Date::new(date.year().into(), month, day)
}

fn to_time(time: Time) -> Option<value::Time> {
    // What jiff keeps as signed numbers is never below zero here.
    let part = |number: i8| u8::try_from(number).ok();
    let nanos = u32::try_from(time.subsec_nanosecond()).ok()?;
    value::Time::new(part(time.hour())?, part(time.minute())?, part(time.second())?, nanos)
}

fn from_date(date: value::Date) -> Result<Date, &'static str> {
    if !date.is_day() {
        return Err(NO_DAY);
    }
    let year = i16::try_from(date.year()).map_err(|_| YEAR)?;
    // Months and days are at most 31.
    Date::new(year, date.month() as i8, date.day() as i8).map_err(|_| YEAR)
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
            // Hours, minutes and seconds are at most 59, nanoseconds less than a billion.
            let (hour, minute, second) = (time.hour() as i8, time.minute() as i8, time.second() as i8);
            Time::new(hour, minute, second, time.nanosecond() as i32).map_err(|_| "it is 24:00:00")
        })
    }
}

impl ToValue for DateTime {
    fn to_value(&self) -> Result<Value, ConversionError> {
        to_date(self.date())
            .zip(to_time(self.time()))
            .map(|(date, time)| Value::Timestamp(value::Timestamp::new(date, time)))
            .ok_or_else(|| ConversionError::sending::<DateTime>(YEAR))
    }

    fn kind() -> Kind {
        Kind::Timestamp
    }
}

/// 24:00:00 becomes the midnight it falls on.
impl<'v> FromValue<'v> for DateTime {
    fn from_value(value: ValueRef<'v>) -> Result<DateTime, ConversionError> {
        read(value, |timestamp: value::Timestamp| {
            let nanos = timestamp.epoch_nanos().ok_or(NO_DAY)?;
            let timestamp = value::Timestamp::from_epoch_nanos(nanos).ok_or(YEAR)?;
            let time = Time::midnight();
            let nanos = i64::try_from(timestamp.time().as_nanos()).map_err(|_| YEAR)?;
            let time = time.checked_add(SignedDuration::from_nanos(nanos)).map_err(|_| YEAR)?;
            Ok(DateTime::from_parts(from_date(timestamp.date())?, time))
        })
    }
}

/// A moment in UTC.
impl ToValue for Timestamp {
    fn to_value(&self) -> Result<Value, ConversionError> {
        TimestampTz::from_unix_nanos(self.as_nanosecond(), value::Offset::UTC)
            .map(Value::TimestampTz)
            .ok_or_else(|| ConversionError::sending::<Timestamp>(YEAR))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for Timestamp {
    fn from_value(value: ValueRef<'v>) -> Result<Timestamp, ConversionError> {
        read(value, |moment: TimestampTz| {
            Timestamp::from_nanosecond(moment.unix_nanos().ok_or(INFINITE)?).map_err(|_| YEAR)
        })
    }
}

impl ToValue for Zoned {
    fn to_value(&self) -> Result<Value, ConversionError> {
        let fail = ConversionError::sending::<Zoned>;
        let offset = value::Offset::from_seconds(self.offset().seconds());
        let offset = offset.ok_or_else(|| fail("its offset is a day or more"))?;
        let moment = TimestampTz::from_unix_nanos(self.timestamp().as_nanosecond(), offset);
        moment.map(Value::TimestampTz).ok_or_else(|| fail(YEAR))
    }

    fn kind() -> Kind {
        Kind::TimestampTz
    }
}

impl<'v> FromValue<'v> for Zoned {
    fn from_value(value: ValueRef<'v>) -> Result<Zoned, ConversionError> {
        read(value, |moment: TimestampTz| {
            let timestamp = Timestamp::from_nanosecond(moment.unix_nanos().ok_or(INFINITE)?).map_err(|_| YEAR)?;
            let offset = Offset::from_seconds(moment.offset().seconds()).map_err(|_| "its offset is out of range")?;
            Ok(timestamp.to_zoned(TimeZone::fixed(offset)))
        })
    }
}

/// An interval of time alone, of no months and no days.
impl ToValue for SignedDuration {
    fn to_value(&self) -> Result<Value, ConversionError> {
        i64::try_from(self.as_nanos())
            .map(|nanos| Value::Interval(Interval::new(0, 0, nanos)))
            .map_err(|_| ConversionError::sending::<SignedDuration>(TOO_LONG))
    }

    fn kind() -> Kind {
        Kind::Interval
    }
}

impl<'v> FromValue<'v> for SignedDuration {
    fn from_value(value: ValueRef<'v>) -> Result<SignedDuration, ConversionError> {
        read(value, |interval: Interval| match (interval.months(), interval.days()) {
            (0, 0) => Ok(SignedDuration::from_nanos(interval.nanos())),
            _ => Err("it has months or days, which have no fixed length"),
        })
    }
}

/// Years are twelve months and weeks seven days; the other units add up to the nanoseconds.
impl ToValue for Span {
    fn to_value(&self) -> Result<Value, ConversionError> {
        let months = i64::from(self.get_years()) * 12 + i64::from(self.get_months());
        let days = i64::from(self.get_weeks()) * 7 + i64::from(self.get_days());
        let nanos = i128::from(self.get_hours()) * i128::from(HOUR)
            + i128::from(self.get_minutes()) * i128::from(MINUTE)
            + i128::from(self.get_seconds()) * i128::from(SECOND)
            + i128::from(self.get_milliseconds()) * 1_000_000
            + i128::from(self.get_microseconds()) * 1000
            + i128::from(self.get_nanoseconds());
        match (i32::try_from(months), i32::try_from(days), i64::try_from(nanos)) {
            (Ok(months), Ok(days), Ok(nanos)) => Ok(Value::Interval(Interval::new(months, days, nanos))),
            _ => Err(ConversionError::sending::<Span>(TOO_LONG)),
        }
    }

    fn kind() -> Kind {
        Kind::Interval
    }
}

/// In years, months, days, hours, minutes, seconds and their fractions. A span of `jiff` has one sign, so an interval
/// of several is refused.
impl<'v> FromValue<'v> for Span {
    fn from_value(value: ValueRef<'v>) -> Result<Span, ConversionError> {
        read(value, |interval: Interval| {
            let (months, days, nanos) = (i64::from(interval.months()), i64::from(interval.days()), interval.nanos());
            let signs = [months.signum(), days.signum(), nanos.signum()];
            if signs.contains(&1) && signs.contains(&-1) {
                return Err("its parts have different signs");
            }
            let span = || {
                Span::new()
                    .try_years(months / 12)?
                    .try_months(months % 12)?
                    .try_days(days)?
                    .try_hours(nanos / HOUR)?
                    .try_minutes(nanos % HOUR / MINUTE)?
                    .try_seconds(nanos % MINUTE / SECOND)?
                    .try_milliseconds(nanos % SECOND / 1_000_000)?
                    .try_microseconds(nanos % 1_000_000 / 1000)?
                    .try_nanoseconds(nanos % 1000)
            };
            span().map_err(|_: jiff::Error| "it is longer than a span can be")
        })
    }
}
