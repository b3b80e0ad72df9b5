//! A span of time in the three units that do not convert into each other.

use super::text::{Buffer, ParseCivilError, Reason, Scanner};
use super::time::SECOND;
use std::fmt;
use std::str::FromStr;

/// A span of months, days and nanoseconds, each with its own sign, as PostgreSQL keeps it.
///
/// A month has no fixed number of days and a day none of hours, so the three are never exchanged: equality is that of
/// the three numbers (`1 day` is not `24 hours`), and there is no order.
///
/// ```
/// use pontoon::value::Interval;
///
/// let interval: Interval = "1 year 2 mons 3 days 04:05:06.789".parse()?;
/// assert_eq!(interval, Interval::new(14, 3, 14_706_789_000_000));
/// assert_eq!(interval.to_string(), "P1Y2M3DT4H5M6.789S");
/// assert_eq!("P1Y2M3DT4H5M6.789S".parse(), Ok(interval));
/// assert_eq!("-838:59:59".parse(), Ok(Interval::new(0, 0, -3_020_399_000_000_000)));
/// # Ok::<(), pontoon::value::ParseCivilError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Interval {
    months: i32,
    days: i32,
    nanos: i64,
}

const HOUR: i128 = 3600 * SECOND as i128;
const MINUTE: i128 = 60 * SECOND as i128;

impl Interval {
    /// No time at all.
    pub const ZERO: Interval = Interval { months: 0, days: 0, nanos: 0 };

    /// A span of the three units together.
    pub const fn new(months: i32, days: i32, nanos: i64) -> Interval {
        Interval { months, days, nanos }
    }

    /// The months; twelve are a year.
    pub const fn months(self) -> i32 {
        self.months
    }

    /// The days, beside the months.
    pub const fn days(self) -> i32 {
        self.days
    }

    /// The nanoseconds, beside months and days.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    fn write(self, buffer: &mut Buffer) {
        if self == Interval::ZERO {
            return buffer.push_str("PT0S");
        }
        buffer.push(b'P');
        let mut part = |number: i64, fraction: u32, unit: u8, first_of_time: bool| {
            if number == 0 && fraction == 0 {
                return false;
            }
            if first_of_time {
                buffer.push(b'T');
            }
            if number < 0 {
                buffer.push(b'-');
            }
            buffer.push_number(number.unsigned_abs(), 1);
            buffer.push_fraction(fraction);
            buffer.push(unit);
            true
        };
        let months = i64::from(self.months);
        part(months / 12, 0, b'Y', false);
        part(months % 12, 0, b'M', false);
        part(i64::from(self.days), 0, b'D', false);
        let seconds = self.nanos / SECOND as i64;
        let fraction = (self.nanos % SECOND as i64).unsigned_abs() as u32;
        let mut begun = part(seconds / 3600, 0, b'H', true);
        begun |= part(seconds / 60 % 60, 0, b'M', !begun);
        let seconds = seconds % 60;
        if seconds == 0 && fraction != 0 && self.nanos < 0 {
            // Zero seconds have no sign of their own to show.
            if !begun {
                buffer.push(b'T');
            }
            buffer.push_str("-0");
            buffer.push_fraction(fraction);
            buffer.push(b'S');
        } else {
            part(seconds, fraction, b'S', !begun);
        }
    }
}

/// ISO 8601: `P1Y2M3DT4H5M6.789S`, each part with its own `-` where negative, parts that are zero left out, `PT0S` for
/// zero.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        self.write(&mut buffer);
        f.pad(buffer.as_str())
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What has been read so far; wider than the fields, so that the check against their ranges is made once, at the end.
#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    nanos: i128,
}

const TOO_LONG: Reason = "it is longer than months and days of 32 bits and nanoseconds of 64 bits can hold";

/// A text of millions of parts can leave 128 bits.
fn add(field: &mut i128, number: i128) -> Result<(), Reason> {
    *field = field.checked_add(number).ok_or(TOO_LONG)?;
    Ok(())
}

impl Sum {
    /// Adds `number` and a fraction of a billionth of `unit`.
    fn add(&mut self, number: i128, fraction: i128, unit: &[u8]) -> Result<(), Reason> {
        let is = |names: &[&str]| names.iter().any(|name| unit.eq_ignore_ascii_case(name.as_bytes()));
        let (field, factor) = if is(&["year", "years", "yr", "yrs", "y"]) {
            (&mut self.months, 12)
        } else if is(&["mon", "mons", "month", "months"]) {
            (&mut self.months, 1)
        } else if is(&["week", "weeks", "w"]) {
            (&mut self.days, 7)
        } else if is(&["day", "days", "d"]) {
            (&mut self.days, 1)
        } else if is(&["hour", "hours", "h"]) {
            (&mut self.nanos, HOUR)
        } else if is(&["min", "mins", "minute", "minutes"]) {
            (&mut self.nanos, MINUTE)
        } else if is(&["sec", "secs", "second", "seconds", "s"]) {
            add(&mut self.nanos, fraction)?;
            return add(&mut self.nanos, number * i128::from(SECOND));
        } else {
            return Err("a number is followed by no unit of time");
        };
        if fraction != 0 {
            return Err("only seconds may have a fraction");
        }
        // A number of 64 bits times the nanoseconds of an hour is far from the end of 128 bits.
        add(field, number * factor)
    }

    fn interval(&self, negate: bool) -> Result<Interval, Reason> {
        let sign = if negate { -1 } else { 1 };
        Ok(Interval {
            months: i32::try_from(sign * self.months).map_err(|_| TOO_LONG)?,
            days: i32::try_from(sign * self.days).map_err(|_| TOO_LONG)?,
            nanos: i64::try_from(sign * self.nanos).map_err(|_| TOO_LONG)?,
        })
    }
}

/// A sign, if one comes next: `None` without one, else whether it is a minus.
fn sign(scanner: &mut Scanner<'_>) -> Option<bool> {
    if scanner.eat(b'-') {
        Some(true)
    } else if scanner.eat(b'+') {
        Some(false)
    } else {
        None
    }
}

/// A number and its fraction in billionths, both with the sign.
fn number(scanner: &mut Scanner<'_>) -> Result<(i128, i128), Reason> {
    let negative = sign(scanner) == Some(true);
    let (number, digits) = scanner.digits().ok_or(TOO_LONG)?;
    if digits == 0 {
        return Err("a number is missing");
    }
    let fraction = scanner.fraction()?;
    let sign = if negative { -1 } else { 1 };
    Ok((sign * i128::from(number), sign * i128::from(fraction)))
}

/// After the `P` of ISO 8601.
fn iso(scanner: &mut Scanner<'_>) -> Result<Sum, Reason> {
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut parts = 0;
    while !scanner.is_empty() {
        if !in_time && (scanner.eat(b'T') || scanner.eat(b't')) {
            in_time = true;
            parts = 0;
            continue;
        }
        let (number, fraction) = number(scanner)?;
        let unit = scanner.peek().unwrap_or(0);
        scanner.eat(unit);
        let unit: &[u8] = match (unit.to_ascii_uppercase(), in_time) {
            (b'Y', false) => b"y",
            (b'M', false) => b"month",
            (b'W', false) => b"w",
            (b'D', false) => b"d",
            (b'H', true) => b"h",
            (b'M', true) => b"min",
            (b'S', true) => b"s",
            _ => return Err("a number is followed by no unit of time"),
        };
        sum.add(number, fraction, unit)?;
        parts += 1;
    }
    if parts == 0 { Err("it has no parts") } else { Ok(sum) }
}

/// `H:MM`, `H:MM:SS` with a fraction; hours of any number of digits, as MySQL and PostgreSQL write spans.
fn clock(token: &[u8], negative: bool, sum: &mut Sum) -> Result<(), Reason> {
    const FORM: Reason = "the form of its time is HH:MM:SS, with a fraction of up to nine digits";
    let mut scanner = Scanner(token);
    let (hours, digits) = scanner.digits().ok_or(TOO_LONG)?;
    if digits == 0 {
        return Err(FORM);
    }
    let mut parts = [0; 2];
    for part in &mut parts {
        if scanner.eat(b':') {
            *part = scanner.two_digits().filter(|part| *part < 60).ok_or(FORM)?;
        }
    }
    let fraction = i128::from(scanner.fraction()?);
    if !scanner.is_empty() {
        return Err(FORM);
    }
    let seconds = i128::from(parts[1]) * i128::from(SECOND) + fraction;
    let nanos = i128::from(hours) * HOUR + i128::from(parts[0]) * MINUTE + seconds;
    add(&mut sum.nanos, if negative { -nanos } else { nanos })
}

/// Words apart by spaces: PostgreSQL's own two styles, the one of the SQL standard (Oracle's too), MySQL's `TIME`.
fn words(text: &str) -> Result<(Sum, bool), Reason> {
    let mut sum = Sum::default();
    let mut tokens = text.split_ascii_whitespace().map(str::as_bytes).peekable();
    tokens.next_if_eq(&b"@".as_slice());
    if tokens.peek().is_none() {
        return Err("it has no parts");
    }
    // In the SQL standard a minus before the days is for the time after them too.
    let mut days_negative = false;
    let mut parts = 0;
    while let Some(token) = tokens.next() {
        let mut scanner = Scanner(token);
        if token.eq_ignore_ascii_case(b"ago") && parts > 0 {
            return if tokens.next().is_none() { Ok((sum, true)) } else { Err("something follows the \"ago\"") };
        }
        parts += 1;
        let signed = sign(&mut scanner);
        if token.contains(&b':') {
            clock(scanner.0, signed.unwrap_or(days_negative), &mut sum)?;
            continue;
        }
        if let Some(dash) = scanner.0.iter().position(|&byte| byte == b'-') {
            let factor = if signed == Some(true) { -1 } else { 1 };
            let (years, years_end) = number_alone(&scanner.0[..dash])?;
            let (months, months_end) = number_alone(&scanner.0[dash + 1..])?;
            if years_end != 0 || months_end != 0 || months > 11 {
                return Err("the form of years and months is Y-M");
            }
            add(&mut sum.months, factor * (years * 12 + months))?;
            continue;
        }
        let (whole, fraction) = number_alone(token)?;
        match tokens.next_if(|next| !next.contains(&b':')) {
            Some(unit) => sum.add(whole, fraction, unit)?,
            None if tokens.peek().is_some() => {
                days_negative = signed == Some(true);
                sum.add(whole, fraction, b"days")?;
            }
            // `@ 0` is how the verbose style writes no time at all.
            None if parts == 1 && token == b"0" => {}
            None => return Err("a number is followed by no unit of time"),
        }
    }
    Ok((sum, false))
}

fn number_alone(token: &[u8]) -> Result<(i128, i128), Reason> {
    let mut scanner = Scanner(token);
    let number = number(&mut scanner)?;
    if scanner.is_empty() { Ok(number) } else { Err("a number is missing") }
}

/// Reads ISO 8601 (`P1Y2M3DT4H5M6.789S`, weeks too, and a `-` in front for the whole), PostgreSQL's `postgres` and
/// `postgres_verbose` styles (`1 year 2 mons -3 days 04:05:06`, `@ 1 year ago`), the style of the SQL standard that
/// Oracle shares (`+1-2`, `-3 04:05:06`) and MySQL's `TIME` (`-838:59:59`).
impl FromStr for Interval {
    type Err = ParseCivilError;

    fn from_str(text: &str) -> Result<Interval, ParseCivilError> {
        let mut scanner = Scanner(text.as_bytes());
        let negate = sign(&mut scanner) == Some(true);
        let interval = if scanner.eat(b'P') || scanner.eat(b'p') {
            iso(&mut scanner).and_then(|sum| sum.interval(negate))
        } else {
            words(text).and_then(|(sum, ago)| sum.interval(ago))
        };
        interval.map_err(|reason| ParseCivilError::new("an interval", reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_past_128_bits_is_too_long() {
        // In text it takes 60 MB of `18446744073709551615H`.
        for (nanos, number) in [(i128::MAX - 1, 1), (i128::MIN + 1, -1)] {
            for unit in [b"h".as_slice(), b"min", b"s"] {
                let mut sum = Sum { nanos, ..Sum::default() };
                assert_eq!(sum.add(number, 0, unit), Err(TOO_LONG));
            }
            let mut sum = Sum { nanos, ..Sum::default() };
            assert_eq!(clock(b"18446744073709551615:00", number < 0, &mut sum), Err(TOO_LONG));
        }
    }
}
