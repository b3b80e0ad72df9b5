use super::*;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fn date(year: i32, month: u8, day: u8) -> Date {
    Date::with_zeros(year, month, day).unwrap_or_else(|| panic!("{year}-{month}-{day}"))
}

fn time(hour: u8, minute: u8, second: u8, nanos: u32) -> Time {
    Time::new(hour, minute, second, nanos).unwrap_or_else(|| panic!("{hour}:{minute}:{second}"))
}

#[track_caller]
fn same<T: FromStr<Err = ParseCivilError> + Display + Debug + PartialEq>(text: &str, value: &T) {
    assert_eq!(text.parse::<T>().as_ref(), Ok(value), "{text}");
    assert_eq!(value.to_string(), text);
}

#[track_caller]
fn refused<T: FromStr<Err = ParseCivilError> + Debug>(text: &str, reason: &str) {
    let error = text.parse::<T>().expect_err(text);
    assert!(error.reason().contains(reason), "{text:?}: {error}");
}

#[test]
fn sizes_are_what_rows_are_built_on() {
    assert_eq!(size_of::<Date>(), 8);
    assert_eq!(size_of::<Time>(), 8);
    assert_eq!(size_of::<Timestamp>(), 16);
    assert_eq!(size_of::<TimestampTz>(), 24);
    assert_eq!(size_of::<Interval>(), 16);
}

#[test]
fn dates_are_written_as_databases_write_them() {
    same("2024-02-29", &date(2024, 2, 29));
    same("0001-01-01", &date(1, 1, 1));
    same("9999-12-31", &date(9999, 12, 31));
    same("5874897-12-31", &date(5_874_897, 12, 31));
    same("-4712-01-01", &date(-4712, 1, 1));
    same("0000-00-00", &Date::ZERO);
    same("2024-00-00", &date(2024, 0, 0));
    same("2024-02-00", &date(2024, 2, 0));
    same("2024-00-15", &date(2024, 0, 15));
    same("infinity", &Date::INFINITY);
    same("-infinity", &Date::NEG_INFINITY);
    same(&Date::MIN.to_string(), &Date::MIN);
    same(&Date::MAX.to_string(), &Date::MAX);
}

#[test]
fn dates_are_read_in_the_other_ways_there_are() {
    assert_eq!("+2024-02-29".parse(), Ok(date(2024, 2, 29)));
    assert_eq!("4713-11-24 BC".parse(), Ok(date(-4712, 11, 24)));
    assert_eq!("0001-12-31 BC".parse(), Ok(date(0, 12, 31)));
    assert_eq!("0044-03-15 bc".parse(), Ok(date(-43, 3, 15)));
    assert_eq!("0044-03-15 AD".parse(), Ok(date(44, 3, 15)));
    assert_eq!("Infinity".parse(), Ok(Date::INFINITY));
    assert_eq!("-INFINITY".parse(), Ok(Date::NEG_INFINITY));
}

#[test]
fn what_is_no_date_is_refused_with_the_reason() {
    for text in ["", "2024", "2024-02", "24-02-29", "2024/02/29", "2024-2-29", "2024-02-9", " 2024-02-29", "x", "－"] {
        refused::<Date>(text, "YYYY-MM-DD");
    }
    for text in ["2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "2024-01-32", "-0001-00-00", "10000-00-00"] {
        refused::<Date>(text, "no such day");
    }
    for text in ["2024-02-29 ", "2024-02-290", "2024-02-29T", "2024-02-29 00:00:00"] {
        refused::<Date>(text, "follows");
    }
    for text in ["10000000-01-01", "99999999999999999999999-01-01", "-10000000-01-01"] {
        refused::<Date>(text, "out of range");
    }
    for text in ["0000-01-01 BC", "-0044-01-01 BC"] {
        refused::<Date>(text, "0 BC");
    }
}

#[test]
fn days_are_counted_as_the_calendar_counts_them() {
    for (text, days) in [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2000-01-01", 10_957),
        ("2000-02-29", 11_016),
        ("2000-03-01", 11_017),
        ("1900-03-01", -25_508),
        ("0001-01-01", -719_162),
        ("0000-02-29", -719_469),
        ("-4713-11-24", -2_440_588),
    ] {
        let date: Date = text.parse().unwrap();
        assert_eq!((date.epoch_days(), Date::from_epoch_days(days)), (Some(days), Some(date)), "{text}");
    }
    for none in [Date::ZERO, date(2024, 1, 0), date(2024, 0, 1), Date::INFINITY, Date::NEG_INFINITY] {
        assert_eq!((none.epoch_days(), none.is_day()), (None, false), "{none}");
    }
    let (first, last) = (Date::MIN.epoch_days().unwrap(), Date::MAX.epoch_days().unwrap());
    assert_eq!((Date::from_epoch_days(first), Date::from_epoch_days(first - 1)), (Some(Date::MIN), None));
    assert_eq!((Date::from_epoch_days(last), Date::from_epoch_days(last + 1)), (Some(Date::MAX), None));
    assert_eq!((Date::from_epoch_days(i64::MIN), Date::from_epoch_days(i64::MAX)), (None, None));
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    // The calendar repeats after four hundred years, so this is every case there is.
    let mut expected = date(1600, 1, 1);
    let first = expected.epoch_days().unwrap();
    for day in first..first + 146_097 {
        assert_eq!(Date::from_epoch_days(day), Some(expected));
        let (year, month, day) = (expected.year(), expected.month(), expected.day());
        expected = Date::new(year, month, day + 1)
            .or_else(|| Date::new(year, month + 1, 1))
            .or_else(|| Date::new(year + 1, 1, 1))
            .unwrap();
    }
    assert_eq!(expected, date(2000, 1, 1));
}

#[test]
fn only_days_of_the_calendar_are_made_without_saying_otherwise() {
    for (year, month, day) in [(0, 0, 0), (2024, 0, 1), (2024, 1, 0), (2023, 2, 29), (2024, 13, 1), (2024, 255, 255)] {
        assert_eq!(Date::new(year, month, day), None, "{year}-{month}-{day}");
    }
    for (year, month, day) in [(-1, 0, 0), (10_000, 0, 1), (2024, 13, 0), (2024, 0, 32), (2023, 2, 29)] {
        assert_eq!(Date::with_zeros(year, month, day), None, "{year}-{month}-{day}");
    }
    for year in [i32::MIN, -10_000_000, 10_000_000, i32::MAX] {
        assert_eq!(Date::new(year, 1, 1), None);
    }
}

#[test]
fn dates_are_in_order() {
    let ordered = [
        Date::NEG_INFINITY,
        Date::MIN,
        date(-1, 12, 31),
        Date::ZERO,
        date(0, 1, 1),
        date(2024, 0, 0),
        date(2024, 0, 15),
        date(2024, 1, 31),
        date(2024, 2, 1),
        Date::MAX,
        Date::INFINITY,
    ];
    assert!(ordered.is_sorted_by(|a, b| a < b));
}

#[test]
fn times_are_written_with_the_digits_they_have() {
    same("00:00:00", &Time::MIDNIGHT);
    same("24:00:00", &Time::END_OF_DAY);
    same("12:34:56", &time(12, 34, 56, 0));
    same("12:34:56.7", &time(12, 34, 56, 700_000_000));
    same("12:34:56.000000001", &time(12, 34, 56, 1));
    same("23:59:59.999999999", &time(23, 59, 59, 999_999_999));
    assert_eq!("12:34".parse(), Ok(time(12, 34, 0, 0)));
    assert_eq!("12:34:56.7000000000000".parse(), Ok(time(12, 34, 56, 700_000_000)));
    assert_eq!(format!("[{:>10}]", time(1, 2, 3, 0)), "[  01:02:03]");
}

#[test]
fn what_is_no_time_of_day_is_refused_with_the_reason() {
    for text in ["", "12", "1:02:03", "12:3:04", "12-34-56", "12:34:5", ":", "12:34:", "-01:00:00"] {
        refused::<Time>(text, "HH:MM:SS");
    }
    for text in ["24:00:01", "24:00:00.000000001", "25:00:00", "12:60:00", "12:00:61", "99:99:99"] {
        refused::<Time>(text, "not within");
    }
    refused::<Time>("23:59:60", "leap second");
    refused::<Time>("23:59:60.5", "leap second");
    refused::<Time>("12:34:56.", "no digit");
    refused::<Time>("12:34:56.0000000001", "nanosecond");
    refused::<Time>("12:34:56 ", "follows");
    refused::<Time>("12:34:56+01", "follows");
    assert_eq!((Time::new(24, 0, 0, 1), Time::new(23, 60, 0, 0), Time::new(0, 0, 60, 0)), (None, None, None));
    assert_eq!((Time::new(0, 0, 0, 1_000_000_000), Time::from_nanos(86_400_000_000_001)), (None, None));
}

#[test]
fn timestamps_are_both_parts() {
    let expected = Timestamp::new(date(2024, 2, 29), time(12, 34, 56, 789_000_000));
    same("2024-02-29 12:34:56.789", &expected);
    for text in ["2024-02-29T12:34:56.789", "2024-02-29t12:34:56.789000", "+2024-02-29 12:34:56.789"] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    same("0000-00-00 00:00:00", &Timestamp::new(Date::ZERO, Time::MIDNIGHT));
    same("infinity", &Timestamp::INFINITY);
    same("-infinity", &Timestamp::NEG_INFINITY);
    let ides = Timestamp::new(date(-43, 3, 15), time(12, 0, 0, 0));
    assert_eq!("0044-03-15 12:00:00 BC".parse(), Ok(ides));
    assert_eq!(Timestamp::new(Date::INFINITY, Time::END_OF_DAY), Timestamp::INFINITY);
    refused::<Timestamp>("2024-02-29", "no time of day");
    refused::<Timestamp>("2024-02-29X12:00:00", "space or a T");
    refused::<Timestamp>("2024-02-29  12:00:00", "HH:MM:SS");
    for text in ["2024-02-29 12:00:00Z", "2024-02-29 12:00:00+01", "2024-02-29 12:00:00-01:00"] {
        refused::<Timestamp>(text, "offset");
    }
    refused::<Timestamp>("2024-02-29 12:00:00 +01", "follows");
}

#[test]
fn clocks_run_on_across_midnight() {
    let timestamp = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(Timestamp::UNIX_EPOCH.epoch_nanos(), Some(0));
    assert_eq!(timestamp("1969-12-31 23:59:59.999999999").epoch_nanos(), Some(-1));
    assert_eq!(Timestamp::from_epoch_nanos(-1), Some(timestamp("1969-12-31 23:59:59.999999999")));
    assert_eq!(timestamp("2024-02-28 24:00:00").epoch_nanos(), timestamp("2024-02-29 00:00:00").epoch_nanos());
    assert!(timestamp("2024-02-28 24:00:00") < timestamp("2024-02-29 00:00:00"));
    assert_eq!((Timestamp::INFINITY.epoch_nanos(), timestamp("2024-00-00 12:00:00").epoch_nanos()), (None, None));
    assert_eq!((Timestamp::from_epoch_nanos(i128::MAX), Timestamp::from_epoch_nanos(i128::MIN)), (None, None));
}

#[test]
fn offsets_may_have_seconds() {
    let offset = |seconds| Offset::from_seconds(seconds).unwrap();
    same("+00:00", &Offset::UTC);
    same("+05:30", &offset(19_800));
    same("-03:30", &offset(-12_600));
    same("+00:19:32", &offset(1172));
    same("-00:00:01", &offset(-1));
    same("+23:59:59", &offset(86_399));
    for (text, seconds) in [
        ("Z", 0),
        ("z", 0),
        ("UTC", 0),
        ("-00", 0),
        ("+05", 18_000),
        ("+0530", 19_800),
        ("-053015", -19_815),
        ("-15:59:59", -57_599),
    ] {
        assert_eq!(text.parse(), Ok(offset(seconds)), "{text}");
    }
    for text in ["", "5", "+5", "+05:3", "+05:", "+05:60", "05:30", "+053", "GMT", "ZZ", "+05:30:15:00", "+05:3015"] {
        assert!(text.parse::<Offset>().is_err(), "{text}");
    }
    refused::<Offset>("+24:00", "a day or more");
    assert_eq!((Offset::from_seconds(86_400), Offset::from_seconds(i32::MIN)), (None, None));
}

#[test]
fn moments_are_compared_as_moments() {
    let moment = |text: &str| text.parse::<TimestampTz>().unwrap_or_else(|error| panic!("{text}: {error}"));
    let noon = moment("2024-02-29 12:00:00+00:00");
    for text in [
        "2024-02-29 13:00:00+01",
        "2024-02-29T17:30:00+05:30",
        "2024-02-29 17:30:00.0000000 +05:30",
        "2024-02-28 23:30:00-1230",
        "2024-02-29 12:00:00Z",
        "2024-02-29 12:00:00 UTC",
        "2024-02-29 12:19:32+00:19:32",
    ] {
        assert_eq!(moment(text), noon, "{text}");
        assert_eq!(hash(&moment(text)), hash(&noon), "{text}");
    }
    assert_eq!(moment("2024-02-28 24:00:00Z"), moment("2024-02-29 00:00:00Z"));
    assert!(moment("2024-02-29 12:00:00+01:00") < noon && noon < moment("2024-02-29 12:00:00-01:00"));
    assert!(TimestampTz::NEG_INFINITY < noon && noon < TimestampTz::INFINITY);
    assert_eq!(moment("infinity"), TimestampTz::INFINITY);
    assert_eq!(TimestampTz::INFINITY.with_offset(Offset::from_seconds(60).unwrap()), Some(TimestampTz::INFINITY));
    assert_eq!(moment("0044-03-15 12:00:00+00 BC").unix_nanos(), moment("-0043-03-15 12:00:00Z").unix_nanos());
}

#[test]
fn what_is_no_moment_is_refused() {
    refused::<TimestampTz>("2024-02-29 12:34:56", "no offset");
    refused::<TimestampTz>("2024-02-29 12:34:56 ", "no offset");
    refused::<TimestampTz>("0000-00-00 00:00:00Z", "no moment");
    refused::<TimestampTz>("2024-02-29 12:34:56+01:00 Europe/Berlin", "follows");
    assert_eq!(TimestampTz::new(Timestamp::new(Date::ZERO, Time::MIDNIGHT), Offset::UTC), None);
    let east = Offset::from_seconds(3600).unwrap();
    let last = Timestamp::new(Date::MAX, time(23, 59, 59, 999_999_999));
    let last = TimestampTz::new(last, Offset::UTC).unwrap();
    assert_eq!(last.with_offset(east), None);
    assert_eq!(TimestampTz::from_unix_nanos(i128::MAX, east), None);
}

#[test]
fn intervals_are_read_in_every_style() {
    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3600 * SECOND;
    for (text, months, days, nanos) in [
        // ISO 8601
        ("P1Y2M3DT4H5M6.789S", 14, 3, 4 * HOUR + 306 * SECOND + 789_000_000),
        ("P2W", 0, 14, 0),
        ("PT0.5S", 0, 0, SECOND / 2),
        ("P-1Y-2M3DT-4H-5M-6S", -14, 3, -4 * HOUR - 306 * SECOND),
        ("-P1DT1H", 0, -1, -HOUR),
        ("p1dt1h", 0, 1, HOUR),
        // PostgreSQL
        ("1 year 2 mons 3 days 04:05:06.789", 14, 3, 4 * HOUR + 306 * SECOND + 789_000_000),
        ("-1 years -2 mons +3 days -04:05:06", -14, 3, -4 * HOUR - 306 * SECOND),
        ("1 mon -1 days", 1, -1, 0),
        ("1 day", 0, 1, 0),
        ("00:00:00", 0, 0, 0),
        ("-00:00:00.000001", 0, 0, -1000),
        ("@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs ago", -14, 3, -4 * HOUR - 306 * SECOND - 789_000_000),
        ("@ 0", 0, 0, 0),
        // SQL standard and Oracle
        ("1-2", 14, 0, 0),
        ("-1-2", -14, 0, 0),
        ("+01-02", 14, 0, 0),
        ("+1-2 -3 +4:05:06", 14, -3, 4 * HOUR + 306 * SECOND),
        ("-3 4:05:06", 0, -3, -4 * HOUR - 306 * SECOND),
        ("+03 04:05:06.789000", 0, 3, 4 * HOUR + 306 * SECOND + 789_000_000),
        // MySQL
        ("838:59:59", 0, 0, 839 * HOUR - SECOND),
        ("-838:59:59.000000", 0, 0, -839 * HOUR + SECOND),
        ("12:34", 0, 0, 12 * HOUR + 34 * 60 * SECOND),
    ] {
        assert_eq!(text.parse(), Ok(Interval::new(months, days, nanos)), "{text}");
    }
}

#[test]
fn intervals_are_written_so_that_they_read_back() {
    for (months, days, nanos, text) in [
        (0, 0, 0, "PT0S"),
        (14, 3, 0, "P1Y2M3D"),
        (-14, 3, 0, "P-1Y-2M3D"),
        (0, 0, 1, "PT0.000000001S"),
        (0, 0, -1, "PT-0.000000001S"),
        (0, 1, -60_000_000_001, "P1DT-1M-0.000000001S"),
        (0, 0, 3_600_000_000_000, "PT1H"),
        (i32::MIN, i32::MIN, i64::MIN, "P-178956970Y-8M-2147483648DT-2562047H-47M-16.854775808S"),
        (i32::MAX, i32::MAX, i64::MAX, "P178956970Y7M2147483647DT2562047H47M16.854775807S"),
    ] {
        same(text, &Interval::new(months, days, nanos));
    }
}

#[test]
fn what_is_no_interval_is_refused() {
    for text in [
        "",
        " ",
        "P",
        "PT",
        "P1",
        "1",
        "1 fortnight",
        "P1H",
        "PT1D",
        "@",
        "ago",
        "1 day ago ago",
        "12:60",
        "1:2:3",
        "a:b",
        "1-12",
        "1-2-3",
        "--1 day",
        "infinity",
        "P1YT",
        "1 day 2",
        "04:05:06 x",
        "-",
        "+",
        "1 2",
        "-P",
        "\u{661} day",
    ] {
        assert!(text.parse::<Interval>().is_err(), "{text}");
    }
    refused::<Interval>("1.5 days", "only seconds");
    refused::<Interval>("PT1.5H", "only seconds");
    refused::<Interval>("PT0.0000000001S", "nanosecond");
    for text in ["178956971 years", "2147483648 days", "PT2562048H", "99999999999999999999999 days", "P400000000W"] {
        refused::<Interval>(text, "longer than");
    }
}

#[test]
fn a_day_is_not_twenty_four_hours() {
    assert_ne!("1 day".parse::<Interval>(), "24:00:00".parse::<Interval>());
    assert_ne!("1 mon".parse::<Interval>(), "30 days".parse::<Interval>());
    assert_eq!("1 year".parse::<Interval>(), "12 mons".parse::<Interval>());
}

#[test]
fn errors_do_not_repeat_the_text() {
    let secret = "hunter2";
    for error in [
        secret.parse::<Date>().unwrap_err(),
        secret.parse::<Time>().unwrap_err(),
        secret.parse::<Timestamp>().unwrap_err(),
        secret.parse::<TimestampTz>().unwrap_err(),
        secret.parse::<Offset>().unwrap_err(),
        secret.parse::<Interval>().unwrap_err(),
        "1 hunter2".parse::<Interval>().unwrap_err(),
        "2024-02-29hunter2".parse::<Date>().unwrap_err(),
    ] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    assert_eq!("x".parse::<Date>().unwrap_err().to_string(), "not a date: the form is YYYY-MM-DD");
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
