//! Moments: a timestamp with the offset that makes it one.

use super::Timestamp;
use super::text::{Buffer, ParseCivilError, Reason, Scanner, infinity, split_era};
use super::time::SECOND;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// An offset from UTC in seconds, positive to the east, less than a day either way.
///
/// ```
/// use pontoon::value::Offset;
///
/// let offset: Offset = "+05:30".parse()?;
/// assert_eq!(offset.seconds(), 19_800);
/// assert_eq!(Offset::from_seconds(-12_600).map(|offset| offset.to_string()).as_deref(), Some("-03:30"));
/// assert_eq!("Z".parse(), Ok(Offset::UTC));
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Offset(i32);

impl Offset {
    /// No offset.
    pub const UTC: Offset = Offset(0);

    /// An offset from seconds east of UTC; `None` for a day or more.
    pub const fn from_seconds(seconds: i32) -> Option<Offset> {
        if seconds.unsigned_abs() < 86_400 { Some(Offset(seconds)) } else { None }
    }

    /// Seconds east of UTC.
    pub const fn seconds(self) -> i32 {
        self.0
    }

    fn scan(scanner: &mut Scanner<'_>) -> Result<Offset, Reason> {
        const FORM: Reason = "the form of an offset is Z, +HH, +HH:MM or +HH:MM:SS";
        if scanner.eat_word("Z") || scanner.eat_word("UTC") {
            return Ok(Offset::UTC);
        }
        let negative = match scanner.peek() {
            Some(sign @ (b'+' | b'-')) => scanner.eat(sign) && sign == b'-',
            _ => return Err(FORM),
        };
        let hours = scanner.two_digits().ok_or(FORM)?;
        let mut parts = [0, 0];
        let colons = scanner.peek() == Some(b':');
        for part in &mut parts {
            let next = if colons { scanner.eat(b':') } else { scanner.peek().is_some_and(|b| b.is_ascii_digit()) };
            if !next {
                break;
            }
            *part = scanner.two_digits().ok_or(FORM)?;
            if *part > 59 {
                return Err(FORM);
            }
        }
        let seconds = i32::from(hours) * 3600 + i32::from(parts[0]) * 60 + i32::from(parts[1]);
        Offset::from_seconds(if negative { -seconds } else { seconds }).ok_or("the offset is a day or more")
    }

    fn write(self, buffer: &mut Buffer) {
        let seconds = u64::from(self.0.unsigned_abs());
        buffer.push(if self.0 < 0 { b'-' } else { b'+' });
        buffer.push_number(seconds / 3600, 2);
        buffer.push(b':');
        buffer.push_number(seconds / 60 % 60, 2);
        if !seconds.is_multiple_of(60) {
            buffer.push(b':');
            buffer.push_number(seconds % 60, 2);
        }
    }
}

/// `+HH:MM` or `-HH:MM`, with `:SS` where there are seconds; UTC is `+00:00`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.write(&mut buffer);
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads what [`Display`](fmt::Display) writes, also `Z`, `UTC`, `+HH`, `+HHMM` and `+HHMMSS`.
impl FromStr for Offset {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Offset, ParseCivilError> {
        let mut scanner = Scanner(text.as_bytes());
        let offset = Offset::scan(&mut scanner);
        offset
            .and_then(|offset| if scanner.is_empty() { Ok(offset) } else { Err("something follows the offset") })
            .map_err(|reason| ParseCivilError::new("an offset from UTC", reason))
    }
}

/// A moment, written as a local timestamp and its offset from UTC.
///
/// Equality, order and hash are those of the *moment*: `12:00+00:00` equals `13:00+01:00`. Compare
/// [`timestamp`](TimestampTz::timestamp) and [`offset`](TimestampTz::offset) too where the spelling matters.
///
/// ```
/// use pontoon::value::{Offset, TimestampTz};
///
/// let india: TimestampTz = "2024-02-29 12:34:56.789+05:30".parse()?;
/// let utc: TimestampTz = "2024-02-29T07:04:56.789Z".parse()?;
/// assert_eq!(india, utc);
/// assert_eq!(india.to_string(), "2024-02-29 12:34:56.789+05:30");
/// assert_eq!(india.with_offset(Offset::UTC).map(|moment| moment.to_string()), Some(utc.to_string()));
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy)]
pub struct TimestampTz {
    timestamp: Timestamp,
    offset: Offset,
}

impl TimestampTz {
    /// PostgreSQL's `infinity`.
    pub const INFINITY: TimestampTz = TimestampTz { timestamp: Timestamp::INFINITY, offset: Offset::UTC };
    /// PostgreSQL's `-infinity`.
    pub const NEG_INFINITY: TimestampTz = TimestampTz { timestamp: Timestamp::NEG_INFINITY, offset: Offset::UTC };
    /// 1970-01-01 00:00:00 UTC.
    pub const UNIX_EPOCH: TimestampTz = TimestampTz { timestamp: Timestamp::UNIX_EPOCH, offset: Offset::UTC };

    /// The moment when a clock at `offset` shows `timestamp`; `None` for a zero date, which is no moment. The
    /// infinities have no offset: with one of them it becomes UTC.
    pub const fn new(timestamp: Timestamp, offset: Offset) -> Option<TimestampTz> {
        if !timestamp.is_finite() {
            Some(TimestampTz { timestamp, offset: Offset::UTC })
        } else if timestamp.date().is_day() {
            Some(TimestampTz { timestamp, offset })
        } else {
            None
        }
    }

    /// The moment `nanos` nanoseconds after 1970-01-01 00:00:00 UTC, as a clock at `offset` shows it; `None` when that
    /// is out of the range of [`Timestamp`].
    pub fn from_unix_nanos(nanos: i128, offset: Offset) -> Option<TimestampTz> {
        let local = nanos.checked_add(offset.nanos())?;
        Some(TimestampTz { timestamp: Timestamp::from_epoch_nanos(local)?, offset })
    }

    /// Nanoseconds since 1970-01-01 00:00:00 UTC, without leap seconds; `None` for the infinities.
    pub fn unix_nanos(self) -> Option<i128> {
        self.timestamp.epoch_nanos().map(|local| local - self.offset.nanos())
    }

    /// What a clock at [`offset`](TimestampTz::offset) shows.
    pub const fn timestamp(self) -> Timestamp {
        self.timestamp
    }

    /// The offset from UTC.
    pub const fn offset(self) -> Offset {
        self.offset
    }

    /// The same moment as a clock at another offset shows it; `None` out of the range of [`Timestamp`]. Infinities stay
    /// as they are.
    pub fn with_offset(self, offset: Offset) -> Option<TimestampTz> {
        match self.unix_nanos() {
            Some(nanos) => TimestampTz::from_unix_nanos(nanos, offset),
            None => Some(self),
        }
    }

    /// Whether it is neither of the two infinities.
    pub const fn is_finite(self) -> bool {
        self.timestamp.is_finite()
    }

    /// What orders moments: Unix time, with the infinities at its ends.
    fn key(self) -> i128 {
        let infinite = if self.timestamp == Timestamp::INFINITY { i128::MAX } else { i128::MIN };
        self.unix_nanos().unwrap_or(infinite)
    }

    fn scan(scanner: &mut Scanner<'_>, before_common_era: bool) -> Result<TimestampTz, Reason> {
        let timestamp = Timestamp::scan(scanner, before_common_era)?;
        // SQL Server writes a space before the offset.
        scanner.eat(b' ');
        if scanner.is_empty() {
            return Err("it has no offset from UTC");
        }
        TimestampTz::new(timestamp, Offset::scan(scanner)?).ok_or("a date with zeros is no moment")
    }
}

impl Offset {
    fn nanos(self) -> i128 {
        i128::from(self.0) * i128::from(SECOND)
    }
}

impl PartialEq for TimestampTz {
    fn eq(&self, other: &TimestampTz) -> bool {
        self.key() == other.key()
    }
}

impl Eq for TimestampTz {}

impl PartialOrd for TimestampTz {
    fn partial_cmp(&self, other: &TimestampTz) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TimestampTz {
    fn cmp(&self, other: &TimestampTz) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for TimestampTz {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// `YYYY-MM-DD HH:MM:SS+HH:MM`, with fractions of a second and seconds of the offset where there are some; `infinity`
/// and `-infinity`.
impl fmt::Display for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.timestamp.write(&mut buffer);
        if self.is_finite() {
            self.offset.write(&mut buffer);
        }
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for TimestampTz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads what [`Display`](fmt::Display) writes, also with a `T` between date and time, a space before the offset, and
/// the forms of [`Offset`]. Without an offset there is no moment, and it is an error: none is assumed.
impl FromStr for TimestampTz {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<TimestampTz, ParseCivilError> {
        if let Some(positive) = infinity(text) {
            return Ok(if positive { TimestampTz::INFINITY } else { TimestampTz::NEG_INFINITY });
        }
        let (bytes, before_common_era) = split_era(text);
        let mut scanner = Scanner(bytes);
        let moment = TimestampTz::scan(&mut scanner, before_common_era);
        moment
            .and_then(|moment| if scanner.is_empty() { Ok(moment) } else { Err("something follows the offset") })
            .map_err(|reason| ParseCivilError::new("a timestamp with an offset", reason))
    }
}
