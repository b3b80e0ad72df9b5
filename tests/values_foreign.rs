//! Values into and out of the types of other crates: exact, or an error that says what does not fit.

use pontoon::value::{FromValueOwned, ToValue, Value};
use std::fmt::Debug;

/// Sends and reads back.
#[track_caller]
#[allow(dead_code, reason = "each crate's tests are behind its feature")]
fn round_trip<T: ToValue + FromValueOwned + PartialEq + Debug>(rust: T, value: &Value) {
    assert_eq!(rust.to_value().as_ref(), Ok(value));
    assert_eq!(value.get::<T>().as_ref(), Ok(&rust));
    assert_eq!(None::<T>.to_value(), Ok(Value::Null(value.kind())));
    let null = Value::NULL.get::<T>().map(|_| ()).unwrap_err().to_string();
    assert!(null.contains(": use Option<"), "{null}");
}

/// Reads, and looks for the reason in the error.
#[track_caller]
#[allow(dead_code, reason = "each crate's tests are behind its feature")]
fn refused<T: FromValueOwned + Debug>(value: impl Into<Value>, reason: &str) {
    let value = value.into();
    let error = value.get::<T>().unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.contains(reason), "{error}");
}

/// Sends, and looks for the reason in the error.
#[track_caller]
#[allow(dead_code, reason = "each crate's tests are behind its feature")]
fn unsendable<T: ToValue>(rust: T, reason: &str) {
    let error = rust.to_value().unwrap_err().to_string();
    assert!(error.starts_with("cannot send ") && error.contains(reason), "{error}");
}

#[cfg(any(feature = "chrono", feature = "time", feature = "jiff"))]
mod civil {
    use pontoon::value::{Date, Interval, Time, Timestamp, TimestampTz, Value};

    pub(crate) fn date(text: &str) -> Value {
        Value::Date(text.parse::<Date>().unwrap())
    }

    pub(crate) fn time(text: &str) -> Value {
        Value::Time(text.parse::<Time>().unwrap())
    }

    pub(crate) fn timestamp(text: &str) -> Value {
        Value::Timestamp(text.parse::<Timestamp>().unwrap())
    }

    pub(crate) fn moment(text: &str) -> Value {
        Value::TimestampTz(text.parse::<TimestampTz>().unwrap())
    }

    pub(crate) fn interval(months: i32, days: i32, nanos: i64) -> Value {
        Value::Interval(Interval::new(months, days, nanos))
    }

    /// Where a zone's clock jumps or repeats an hour, the offset tells the moments apart.
    pub(crate) fn same_spelling(left: &Value, right: &Value) {
        let (Value::TimestampTz(left), Value::TimestampTz(right)) = (left, right) else { panic!("{left:?} {right:?}") };
        assert_eq!((left.timestamp(), left.offset()), (right.timestamp(), right.offset()));
    }
}

#[cfg(feature = "chrono")]
mod chrono {
    use super::civil::*;
    use super::*;
    use ::chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

    fn naive(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn dates_and_times() {
        round_trip(NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(), &date("2024-02-29"));
        round_trip(NaiveDate::from_ymd_opt(-43, 3, 15).unwrap(), &date("-0043-03-15"));
        round_trip(NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).unwrap(), &time("23:59:59.999999999"));
        round_trip(naive("2024-02-29T12:34:56.789"), &timestamp("2024-02-29 12:34:56.789"));
        round_trip(naive("1969-12-31T23:59:59.999999999"), &timestamp("1969-12-31 23:59:59.999999999"));
        for edge in [NaiveDate::MIN, NaiveDate::MAX] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
        for edge in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
        assert_eq!(timestamp("2024-02-28 24:00:00").get(), Ok(naive("2024-02-29T00:00:00")));
        assert_eq!(Value::from("2024-02-29 12:34:56").get(), Ok(naive("2024-02-29T12:34:56")));
    }

    #[test]
    fn moments() {
        let east = FixedOffset::east_opt(19_800).unwrap();
        let local = east.from_local_datetime(&naive("2024-02-29T12:34:56.789")).unwrap();
        let value = moment("2024-02-29 12:34:56.789+05:30");
        round_trip(local, &value);
        assert_eq!(value.get::<DateTime<FixedOffset>>().unwrap().offset(), &east);
        same_spelling(&local.to_value().unwrap(), &value);
        round_trip(local.to_utc(), &value);
        round_trip(
            FixedOffset::east_opt(-86_399).unwrap().timestamp_opt(0, 1).unwrap(),
            &moment("1969-12-31 00:00:01.000000001-23:59:59"),
        );
        for edge in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["infinity", "-infinity", "0000-00-00", "2024-00-15", "2024-02-00"] {
            refused::<NaiveDate>(date(text), "it is infinite, or its month or day is zero");
        }
        refused::<NaiveDate>(date("262143-01-01"), "its year is out of range");
        refused::<NaiveTime>(time("24:00:00"), "it is 24:00:00");
        refused::<NaiveDateTime>(timestamp("infinity"), "infinite");
        refused::<NaiveDateTime>(timestamp("9999999-01-01 00:00:00"), "its year is out of range");
        refused::<DateTime<Utc>>(moment("-infinity"), "infinite");
        refused::<DateTime<Utc>>(moment("-9999999-01-01 00:00:00Z"), "its year is out of range");
        refused::<DateTime<FixedOffset>>(moment("262143-01-01 00:00:00+01:00"), "its year is out of range");
        refused::<DateTime<Utc>>(timestamp("2024-02-29 12:00:00"), "it has no offset from UTC; read it as Timestamp");
        refused::<DateTime<Utc>>("2024-02-29 12:00:00", "it has no offset from UTC");
        refused::<NaiveDateTime>(moment("2024-02-29 12:00:00Z"), "it has an offset from UTC");
    }

    #[test]
    fn leap_seconds_are_refused() {
        let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
        let day = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap();
        unsendable(leap, "it is a leap second");
        unsendable(day.and_time(leap), "it is a leap second");
        unsendable(day.and_time(leap).and_utc(), "it is a leap second");
    }

    #[test]
    fn spans() {
        round_trip(TimeDelta::nanoseconds(-1), &interval(0, 0, -1));
        round_trip(TimeDelta::nanoseconds(i64::MIN), &interval(0, 0, i64::MIN));
        unsendable(TimeDelta::MAX, "longer");
        refused::<TimeDelta>(interval(0, 1, 0), "no fixed length");
        refused::<TimeDelta>(interval(1, 0, 0), "no fixed length");
    }
}

#[cfg(feature = "time")]
mod time_crate {
    use super::civil::*;
    use super::*;
    use ::time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcDateTime, UtcOffset};

    fn day(year: i32, month: Month, day: u8) -> Date {
        Date::from_calendar_date(year, month, day).unwrap()
    }

    #[test]
    fn dates_and_times() {
        round_trip(day(2024, Month::February, 29), &date("2024-02-29"));
        round_trip(day(-9999, Month::January, 1), &date("-9999-01-01"));
        let late = Time::from_hms_nano(23, 59, 59, 999_999_999).unwrap();
        round_trip(late, &time("23:59:59.999999999"));
        let primitive = PrimitiveDateTime::new(day(1969, Month::December, 31), late);
        round_trip(primitive, &timestamp("1969-12-31 23:59:59.999999999"));
        for edge in [PrimitiveDateTime::MIN, PrimitiveDateTime::MAX] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
        let midnight = PrimitiveDateTime::new(day(2024, Month::February, 29), Time::MIDNIGHT);
        assert_eq!(timestamp("2024-02-28 24:00:00").get(), Ok(midnight));
    }

    #[test]
    fn moments() {
        let nanos = 1_709_190_296_789_000_000;
        let utc = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
        let local = utc.to_offset(UtcOffset::from_hms(5, 30, 15).unwrap());
        let value = moment("2024-02-29 12:35:11.789+05:30:15");
        round_trip(local, &value);
        same_spelling(&local.to_value().unwrap(), &value);
        assert_eq!(value.get::<OffsetDateTime>().unwrap().offset(), local.offset());
        round_trip(UtcDateTime::from_unix_timestamp_nanos(nanos).unwrap(), &value);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["infinity", "-infinity", "0000-00-00", "2024-00-15"] {
            refused::<Date>(date(text), "it is infinite, or its month or day is zero");
        }
        refused::<Date>(date("9999999-01-01"), "its year is out of range");
        refused::<Time>(time("24:00:00"), "it is 24:00:00");
        refused::<PrimitiveDateTime>(timestamp("0000-00-00 00:00:00"), "month or day is zero");
        refused::<OffsetDateTime>(moment("infinity"), "infinite");
        refused::<OffsetDateTime>(moment("9999999-01-01 00:00:00Z"), "its year is out of range");
        refused::<UtcDateTime>(moment("-infinity"), "infinite");
        refused::<OffsetDateTime>(timestamp("2024-02-29 12:00:00"), "no offset");
        let far = OffsetDateTime::UNIX_EPOCH.to_offset(UtcOffset::from_hms(25, 0, 0).unwrap());
        unsendable(far, "its offset is a day or more");
    }

    #[test]
    fn spans() {
        round_trip(Duration::nanoseconds(-1), &interval(0, 0, -1));
        unsendable(Duration::MIN, "longer");
        refused::<Duration>(interval(1, 0, 0), "no fixed length");
    }
}

#[cfg(feature = "jiff")]
mod jiff {
    use super::civil::*;
    use super::*;
    use ::jiff::civil::{Date, DateTime, Time};
    use ::jiff::tz::{Offset, TimeZone};
    use ::jiff::{SignedDuration, Span, Timestamp, ToSpan, Zoned};

    #[test]
    fn dates_and_times() {
        round_trip(Date::constant(2024, 2, 29), &date("2024-02-29"));
        round_trip(Time::constant(23, 59, 59, 999_999_999), &time("23:59:59.999999999"));
        round_trip(DateTime::constant(1969, 12, 31, 23, 59, 59, 1), &timestamp("1969-12-31 23:59:59.000000001"));
        for edge in [DateTime::MIN, DateTime::MAX] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
        assert_eq!(timestamp("2024-02-28 24:00:00").get(), Ok(DateTime::constant(2024, 2, 29, 0, 0, 0, 0)));
    }

    #[test]
    fn moments() {
        let timestamp: Timestamp = "2024-02-29T07:04:56.789Z".parse().unwrap();
        let value = moment("2024-02-29 12:34:56.789+05:30");
        round_trip(timestamp, &value);
        for edge in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(edge.to_value().unwrap().get(), Ok(edge));
        }
        let zoned =
            timestamp.to_zoned(TimeZone::fixed(Offset::constant(5).saturating_add(SignedDuration::from_mins(30))));
        same_spelling(&zoned.to_value().unwrap(), &value);
        let read: Zoned = value.get().unwrap();
        assert_eq!((read.timestamp(), read.offset()), (timestamp, zoned.offset()));
    }

    #[test]
    fn the_gap_and_the_fold_of_a_zone_keep_their_moments() {
        let new_york = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        for (utc, local) in [
            ("2024-03-10T06:59:59Z", "2024-03-10 01:59:59-05:00"),
            ("2024-03-10T07:00:00Z", "2024-03-10 03:00:00-04:00"),
            ("2024-11-03T05:30:00Z", "2024-11-03 01:30:00-04:00"),
            ("2024-11-03T06:30:00Z", "2024-11-03 01:30:00-05:00"),
        ] {
            let zoned = utc.parse::<Timestamp>().unwrap().to_zoned(new_york.clone());
            let value = zoned.to_value().unwrap();
            same_spelling(&value, &moment(local));
            let read: Zoned = value.get().unwrap();
            assert_eq!((read.timestamp(), read.datetime()), (zoned.timestamp(), zoned.datetime()), "{utc}");
        }
        // A time in the gap has no moment, and none is invented for it.
        refused::<Zoned>(timestamp("2024-03-10 02:30:00"), "it has no offset from UTC");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["infinity", "-infinity", "0000-00-00", "2024-00-15"] {
            refused::<Date>(date(text), "it is infinite, or its month or day is zero");
        }
        refused::<Date>(date("10000-01-01"), "its year is out of range");
        refused::<Date>(date("9999999-01-01"), "its year is out of range");
        refused::<Time>(time("24:00:00"), "it is 24:00:00");
        refused::<DateTime>(timestamp("9999-12-31 24:00:00"), "its year is out of range");
        refused::<DateTime>(timestamp("infinity"), "infinite");
        refused::<Timestamp>(moment("infinity"), "infinite");
        refused::<Timestamp>(moment("10000-01-01 00:00:00Z"), "its year is out of range");
        refused::<Zoned>(moment("-infinity"), "infinite");
        let far = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::fixed(Offset::constant(25)));
        unsendable(far, "its offset is a day or more");
    }

    #[test]
    fn spans() {
        let hour = 3_600_000_000_000;
        round_trip(SignedDuration::from_nanos(-1), &interval(0, 0, -1));
        unsendable(SignedDuration::MAX, "longer");
        refused::<SignedDuration>(interval(0, 1, 0), "no fixed length");

        let span = 1.year().months(2).weeks(1).days(3).hours(4).minutes(5).seconds(6).nanoseconds(7);
        let value = interval(14, 10, 4 * hour + 306_000_000_007);
        assert_eq!(span.to_value(), Ok(value.clone()));
        let read: Span = value.get().unwrap();
        assert_eq!(read.to_string(), "P1Y2M10DT4H5M6.000000007S");
        for value in [interval(-14, -3, -hour), interval(0, 0, i64::MIN), interval(0, 0, i64::MAX), interval(0, 0, 0)] {
            assert_eq!(value.get::<Span>().unwrap().to_value(), Ok(value));
        }
        refused::<Span>(interval(1, -1, 0), "different signs");
        refused::<Span>(interval(0, 1, -1), "different signs");
        refused::<Span>(interval(i32::MAX, 0, 0), "longer than a span can be");
        unsendable(Span::new().hours(175_307_616), "longer");
    }
}

#[cfg(feature = "uuid")]
mod uuid {
    use super::*;
    use ::uuid::Uuid;

    #[test]
    fn uuids_are_sixteen_bytes_or_their_text() {
        let id = Uuid::from_bytes(*b"0123456789abcdef");
        round_trip(id, &Value::Uuid(*b"0123456789abcdef"));
        assert_eq!(Value::from(b"0123456789abcdef").get(), Ok(id));
        for text in
            [id.hyphenated().to_string(), id.simple().to_string(), id.braced().to_string(), id.urn().to_string()]
        {
            assert_eq!(Value::from(&text.to_uppercase().replace("URN:UUID", "urn:uuid")).get(), Ok(id), "{text}");
        }
        for bytes in [b"".as_slice(), b"0123456789abcde", b"0123456789abcdefg"] {
            refused::<Uuid>(bytes, "cannot read BYTES as Uuid: it has not 16 bytes");
        }
        refused::<Uuid>("hunter2", "cannot read TEXT as Uuid: it is not the text of a UUID");
        refused::<Uuid>(7, "only UUIDs, 16 bytes and text");
    }
}

#[cfg(any(feature = "rust_decimal", feature = "bigdecimal"))]
fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

#[cfg(feature = "rust_decimal")]
mod rust_decimal {
    use super::*;
    use ::rust_decimal::Decimal;

    #[test]
    fn numbers_keep_their_digits_and_scale() {
        for text in [
            "0",
            "0.00",
            "1.50",
            "-12.345",
            "79228162514264337593543950335",
            "-79228162514264337593543950335",
            "7.9228162514264337593543950335",
            "0.0000000000000000000000000001",
        ] {
            let number = Decimal::from_str_exact(text).unwrap();
            round_trip(number, &decimal(text));
            assert_eq!(number.to_value().unwrap().get::<String>().as_deref(), Ok(text));
            assert_eq!(decimal(text).get::<Decimal>().unwrap().to_string(), text);
        }
        assert_eq!((-Decimal::new(0, 2)).to_value().unwrap().get::<String>().as_deref(), Ok("0.00"));
        assert_eq!(Value::I64(i64::MIN).get(), Ok(Decimal::from(i64::MIN)));
        assert_eq!(Value::from("1.50").get(), Ok(Decimal::new(150, 2)));
    }

    #[test]
    fn what_does_not_fit_is_refused_not_rounded() {
        for text in [
            "79228162514264337593543950336",
            "7.92281625142643375935439503351",
            "0.00000000000000000000000000001",
            "1e40",
            "10.00000000000000000000000000000000000001",
        ] {
            refused::<Decimal>(decimal(text), "more digits than 96 bits, or more than 28 after the point");
        }
        for text in ["NaN", "Infinity", "-Infinity"] {
            refused::<Decimal>(decimal(text), "it is not finite");
        }
        // Zeros at the end are no digits that would be lost.
        assert_eq!(decimal(&format!("1.5{}", "0".repeat(100))).get(), Ok(Decimal::new(15, 1)));
        assert_eq!(decimal(&format!("100.{}", "0".repeat(100))).get(), Ok(Decimal::from(100)));
        refused::<Decimal>(1.5, "only decimals, integers and text");
    }
}

#[cfg(feature = "bigdecimal")]
mod bigdecimal {
    use super::*;
    use ::bigdecimal::BigDecimal;
    use ::bigdecimal::num_bigint::BigInt;

    #[test]
    fn numbers_keep_their_digits_and_scale() {
        let long = format!("-{}.{}", "1234567890".repeat(50), "0987654321".repeat(50));
        for text in ["0", "0.00", "1.50", "-0.001", &long] {
            let number: BigDecimal = text.parse().unwrap();
            round_trip(number.clone(), &decimal(text));
            assert_eq!(number.to_value().unwrap().get::<String>().as_deref(), Ok(text));
            assert_eq!(
                decimal(text).get::<BigDecimal>().unwrap().as_bigint_and_exponent(),
                number.as_bigint_and_exponent()
            );
        }
        assert_eq!(BigDecimal::new(BigInt::from(15), -3).to_value(), Ok(decimal("15000")));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["NaN", "Infinity", "-Infinity"] {
            refused::<BigDecimal>(decimal(text), "it is not finite");
        }
        // Refused at once, without the memory that the zeros would take.
        for scale in [i64::MIN, i64::MAX] {
            unsendable(BigDecimal::new(BigInt::from(1), scale), "more than 147455 digits");
        }
    }
}
