//! A time of day.

use super::text::{Buffer, ParseCivilError, Reason, Scanner};
use std::fmt;
use std::str::FromStr;

/// A time of day without a zone, exact to the nanosecond, from `00:00:00` to `24:00:00` inclusive (PostgreSQL has both
/// ends). It has no leap seconds: no database stores `23:59:60`, and it is refused rather than rounded.
///
/// ```
/// use pontoon::value::Time;
///
/// let time: Time = "12:34:56.789".parse()?;
/// assert_eq!((time.hour(), time.minute(), time.second(), time.nanosecond()), (12, 34, 56, 789_000_000));
/// assert_eq!(time.to_string(), "12:34:56.789");
/// assert!("23:59:60".parse::<Time>().is_err());
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(u64);

pub(super) const SECOND: u64 = 1_000_000_000;
pub(super) const DAY: u64 = 86_400 * SECOND;

impl Time {
    /// `00:00:00`.
    pub const MIDNIGHT: Time = Time(0);
    /// `24:00:00`, the end of the day.
    pub const END_OF_DAY: Time = Time(DAY);

    /// A time from its parts; `None` if one is out of range. `24:00:00` is the only time of hour 24.
    pub const fn new(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Option<Time> {
        if hour > 24 || minute > 59 || second > 59 || nanosecond > 999_999_999 {
            return None;
        }
        Time::from_nanos((hour as u64 * 3600 + minute as u64 * 60 + second as u64) * SECOND + nanosecond as u64)
    }

    /// A time from nanoseconds since midnight; `None` past 24:00:00.
    pub const fn from_nanos(nanos: u64) -> Option<Time> {
        if nanos <= DAY { Some(Time(nanos)) } else { None }
    }

    /// Nanoseconds since midnight.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    // The casts below narrow numbers that the range of the type keeps small.

    /// The hour, 0 to 24.
    pub const fn hour(self) -> u8 {
        (self.0 / (3600 * SECOND)) as u8
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        (self.0 / (60 * SECOND) % 60) as u8
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        (self.0 / SECOND % 60) as u8
    }

    /// The nanosecond within the second, 0 to 999,999,999.
    pub const fn nanosecond(self) -> u32 {
        (self.0 % SECOND) as u32
    }

    /// Reads a time that more text may follow.
    pub(super) fn scan(scanner: &mut Scanner<'_>) -> Result<Time, Reason> {
        const FORM: Reason = "the form is HH:MM:SS, with a fraction of up to nine digits";
        let hour = scanner.two_digits().ok_or(FORM)?;
        let minute = scanner.eat(b':').then(|| scanner.two_digits()).flatten().ok_or(FORM)?;
        let (mut second, mut nanosecond) = (0, 0);
        if scanner.eat(b':') {
            second = scanner.two_digits().ok_or(FORM)?;
            nanosecond = scanner.fraction()?;
        }
        if second == 60 {
            return Err("leap seconds are not represented");
        }
        Time::new(hour, minute, second, nanosecond).ok_or("it is not within 00:00:00 to 24:00:00")
    }

    pub(super) fn write(self, buffer: &mut Buffer) {
        buffer.push_number(u64::from(self.hour()), 2);
        buffer.push(b':');
        buffer.push_number(u64::from(self.minute()), 2);
        buffer.push(b':');
        buffer.push_number(u64::from(self.second()), 2);
        buffer.push_fraction(self.nanosecond());
    }
}

/// `HH:MM:SS`, and the fraction without trailing zeros where there is one.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.write(&mut buffer);
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads what [`Display`](fmt::Display) writes, also without seconds, or with zeros past the ninth digit of the
/// fraction.
impl FromStr for Time {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Time, ParseCivilError> {
        let mut scanner = Scanner(text.as_bytes());
        let time = Time::scan(&mut scanner);
        time.and_then(|time| if scanner.is_empty() { Ok(time) } else { Err("something follows the time") })
            .map_err(|reason| ParseCivilError::new("a time of day", reason))
    }
}
