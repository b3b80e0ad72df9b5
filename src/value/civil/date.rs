//! A day of the calendar, and what databases have besides.

use super::text::{Buffer, ParseCivilError, Reason, Scanner, infinity, split_era};
use std::fmt;
use std::str::FromStr;

/// A calendar date: proleptic Gregorian, years from -9,999,999 to 9,999,999, year 0 being 1 BC.
///
/// Besides the days of the calendar it holds what databases have: the infinities of PostgreSQL and the dates of MySQL
/// whose month or day is zero ([`Date::with_zeros`]). [`is_day`](Date::is_day) tells whether it is an actual day.
/// Ordered by year, month and day; the infinities come first and last.
///
/// ```
/// use pontoon::value::Date;
///
/// let date = Date::new(2024, 2, 29).expect("a leap year");
/// assert_eq!(date.to_string(), "2024-02-29");
/// assert_eq!("2024-02-29".parse(), Ok(date));
/// assert_eq!(Date::new(2023, 2, 29), None);
/// assert!(date < Date::INFINITY);
///
/// let zero: Date = "0000-00-00".parse()?;
/// assert!(zero == Date::ZERO && !zero.is_day());
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    // The derived order needs the fields from the largest unit to the smallest.
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// PostgreSQL's `infinity`: later than every other date.
    pub const INFINITY: Date = Date { year: i32::MAX, month: 12, day: 31 };
    /// PostgreSQL's `-infinity`: earlier than every other date.
    pub const NEG_INFINITY: Date = Date { year: i32::MIN, month: 1, day: 1 };
    /// MySQL's `0000-00-00`.
    pub const ZERO: Date = Date { year: 0, month: 0, day: 0 };
    /// The first day there is.
    pub const MIN: Date = Date { year: -9_999_999, month: 1, day: 1 };
    /// The last day there is.
    pub const MAX: Date = Date { year: 9_999_999, month: 12, day: 31 };
    /// 1970-01-01.
    pub const UNIX_EPOCH: Date = Date { year: 1970, month: 1, day: 1 };

    /// A day of the calendar; `None` if there is no such day or the year is out of range.
    pub const fn new(year: i32, month: u8, day: u8) -> Option<Date> {
        if year < Date::MIN.year || year > Date::MAX.year {
            return None;
        }
        if month == 0 || month > 12 || day == 0 || day > days_in_month(year, month) {
            return None;
        }
        Some(Date { year, month, day })
    }

    /// A day of the calendar, or a date whose month, day or both are zero, as MySQL stores them: `0000-00-00`,
    /// `2024-00-00`, `2024-02-00`, `2024-00-15`. With a zero in it the year must be from 0 to 9999.
    pub const fn with_zeros(year: i32, month: u8, day: u8) -> Option<Date> {
        if month != 0 && day != 0 {
            return Date::new(year, month, day);
        }
        if year < 0 || year > 9999 || month > 12 || day > 31 {
            return None;
        }
        Some(Date { year, month, day })
    }

    /// The day that is `days` after 1970-01-01; `None` out of range.
    pub const fn from_epoch_days(days: i64) -> Option<Date> {
        // The years in range have fewer than four billion days; the check keeps the arithmetic below from overflowing.
        if days < -4_000_000_000 || days > 4_000_000_000 {
            return None;
        }
        // Years that begin in March put the leap day last; eras of 400 years repeat. (Howard Hinnant,
        // "chrono-Compatible Low-Level Date Algorithms".)
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as i64;
        // Each is within its type: the year by the check above, month and day by the algorithm.
        Date::new(year as i32, month as u8, day as u8)
    }

    /// Days since 1970-01-01; `None` for what is no day: infinities and zero dates.
    pub const fn epoch_days(self) -> Option<i64> {
        if !self.is_day() {
            return None;
        }
        let (year, month, day) = (self.year as i64, self.month as i64, self.day as i64);
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (month + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(era * 146_097 + day_of_era - 719_468)
    }

    /// The year, 0 being 1 BC. Of an infinity, `i32::MAX` or `i32::MIN`.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// The month, 1 to 12; 0 in a zero date.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31; 0 in a zero date.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Whether it is neither of the two infinities.
    pub const fn is_finite(self) -> bool {
        self.year != i32::MAX && self.year != i32::MIN
    }

    /// Whether it is a day of the calendar: no infinity, and neither month nor day zero.
    pub const fn is_day(self) -> bool {
        self.is_finite() && self.month != 0 && self.day != 0
    }

    /// Reads a date that more text may follow. `before_common_era` is what the end of the whole text says.
    pub(super) fn scan(scanner: &mut Scanner<'_>, before_common_era: bool) -> Result<Date, Reason> {
        const FORM: Reason = "the form is YYYY-MM-DD";
        let negative = scanner.eat(b'-');
        if !negative {
            scanner.eat(b'+');
        }
        let (year, digits) = scanner.digits().ok_or("the year is out of range")?;
        if digits < 4 {
            return Err(FORM);
        }
        let mut year =
            i32::try_from(year).ok().filter(|year| *year <= Date::MAX.year).ok_or("the year is out of range")?;
        if before_common_era {
            if negative || year == 0 {
                return Err("there is no year 0 BC");
            }
            year = 1 - year;
        } else if negative {
            year = -year;
        }
        let month = scanner.eat(b'-').then(|| scanner.two_digits()).flatten().ok_or(FORM)?;
        let day = scanner.eat(b'-').then(|| scanner.two_digits()).flatten().ok_or(FORM)?;
        Date::with_zeros(year, month, day).ok_or("there is no such day")
    }

    pub(super) fn write(self, buffer: &mut Buffer) {
        if !self.is_finite() {
            buffer.push_str(if self == Date::INFINITY { "infinity" } else { "-infinity" });
            return;
        }
        if self.year < 0 {
            buffer.push(b'-');
        }
        buffer.push_number(u64::from(self.year.unsigned_abs()), 4);
        buffer.push(b'-');
        buffer.push_number(u64::from(self.month), 2);
        buffer.push(b'-');
        buffer.push_number(u64::from(self.day), 2);
    }
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `YYYY-MM-DD`; years past 9999 have more digits, years before 0 a `-`, and the infinities are `infinity` and
/// `-infinity`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.write(&mut buffer);
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads what [`Display`](fmt::Display) writes, also with a `+` before the year or ` BC` at the end (PostgreSQL).
impl FromStr for Date {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Date, ParseCivilError> {
        if let Some(positive) = infinity(text) {
            return Ok(if positive { Date::INFINITY } else { Date::NEG_INFINITY });
        }
        let (bytes, before_common_era) = split_era(text);
        let mut scanner = Scanner(bytes);
        let date = Date::scan(&mut scanner, before_common_era);
        date.and_then(|date| if scanner.is_empty() { Ok(date) } else { Err("something follows the date") })
            .map_err(|reason| ParseCivilError::new("a date", reason))
    }
}
