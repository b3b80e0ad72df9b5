//! A date and a time of day, without a zone.

use super::text::{Buffer, ParseCivilError, Reason, Scanner, infinity, split_era};
use super::time::DAY;
use super::{Date, Time};
use std::fmt;
use std::str::FromStr;

/// A date and a time of day without a zone: what a clock on a wall shows, not a moment.
///
/// Ordered by date, then by time. `24:00:00` is kept as given, so it sorts just before the midnight it falls on.
///
/// ```
/// use pontoon::value::{Date, Time, Timestamp};
///
/// let timestamp: Timestamp = "2024-02-29 12:34:56.789".parse()?;
/// assert_eq!(Some(timestamp.date()), Date::new(2024, 2, 29));
/// assert_eq!(Some(timestamp.time()), Time::new(12, 34, 56, 789_000_000));
/// assert_eq!("2024-02-29T12:34:56.789".parse(), Ok(timestamp));
/// assert_eq!(timestamp.to_string(), "2024-02-29 12:34:56.789");
/// assert!(timestamp < Timestamp::INFINITY);
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    // The derived order needs the date first.
    date: Date,
    time: Time,
}

impl Timestamp {
    /// PostgreSQL's `infinity`.
    pub const INFINITY: Timestamp = Timestamp { date: Date::INFINITY, time: Time::MIDNIGHT };
    /// PostgreSQL's `-infinity`.
    pub const NEG_INFINITY: Timestamp = Timestamp { date: Date::NEG_INFINITY, time: Time::MIDNIGHT };
    /// 1970-01-01 00:00:00.
    pub const UNIX_EPOCH: Timestamp = Timestamp { date: Date::UNIX_EPOCH, time: Time::MIDNIGHT };

    /// The given time on the given date. An infinite date has no times: with one, the time becomes midnight.
    pub const fn new(date: Date, time: Time) -> Timestamp {
        Timestamp { date, time: if date.is_finite() { time } else { Time::MIDNIGHT } }
    }

    /// The date.
    pub const fn date(self) -> Date {
        self.date
    }

    /// The time of day.
    pub const fn time(self) -> Time {
        self.time
    }

    /// Whether it is neither of the two infinities.
    pub const fn is_finite(self) -> bool {
        self.date.is_finite()
    }

    /// Nanoseconds from 1970-01-01 00:00:00 to this, on the same clock; `None` for infinities and zero dates.
    pub const fn epoch_nanos(self) -> Option<i128> {
        match self.date.epoch_days() {
            Some(days) => Some(days as i128 * DAY as i128 + self.time.as_nanos() as i128),
            None => None,
        }
    }

    /// What a clock shows `nanos` nanoseconds after it showed 1970-01-01 00:00:00; `None` out of range.
    pub const fn from_epoch_nanos(nanos: i128) -> Option<Timestamp> {
        let days = nanos.div_euclid(DAY as i128);
        if days < i64::MIN as i128 || days > i64::MAX as i128 {
            return None;
        }
        // The remainder is less than a day.
        match (Date::from_epoch_days(days as i64), Time::from_nanos(nanos.rem_euclid(DAY as i128) as u64)) {
            (Some(date), Some(time)) => Some(Timestamp { date, time }),
            _ => None,
        }
    }

    /// Reads a timestamp that more text may follow.
    pub(super) fn scan(scanner: &mut Scanner<'_>, before_common_era: bool) -> Result<Timestamp, Reason> {
        let date = Date::scan(scanner, before_common_era)?;
        if scanner.is_empty() {
            return Err("it has no time of day");
        }
        if !(scanner.eat(b' ') || scanner.eat(b'T') || scanner.eat(b't')) {
            return Err("a space or a T is between date and time");
        }
        Ok(Timestamp { date, time: Time::scan(scanner)? })
    }

    pub(super) fn write(self, buffer: &mut Buffer) {
        self.date.write(buffer);
        if self.is_finite() {
            buffer.push(b' ');
            self.time.write(buffer);
        }
    }
}

/// `YYYY-MM-DD HH:MM:SS`, with a fraction where there is one; `infinity` and `-infinity`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.write(&mut buffer);
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads what [`Display`](fmt::Display) writes, also with a `T` between date and time. An offset is refused, and so is
/// a date alone.
impl FromStr for Timestamp {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Timestamp, ParseCivilError> {
        if let Some(positive) = infinity(text) {
            return Ok(if positive { Timestamp::INFINITY } else { Timestamp::NEG_INFINITY });
        }
        let (bytes, before_common_era) = split_era(text);
        let mut scanner = Scanner(bytes);
        let timestamp = Timestamp::scan(&mut scanner, before_common_era);
        timestamp
            .and_then(|timestamp| match scanner.peek() {
                None => Ok(timestamp),
                Some(b'+' | b'-' | b'Z' | b'z') => Err("it has an offset from UTC"),
                Some(_) => Err("something follows the time"),
            })
            .map_err(|reason| ParseCivilError::new("a timestamp", reason))
    }
}
