//! Exact decimal numbers.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// An exact decimal number of any practical size, as text; also `NaN`, `Infinity` and `-Infinity`.
///
/// It is a carrier, not an arithmetic: it keeps every digit and the scale (`1.50` stays `1.50`) between a database and
/// a number type of your choice (`rust_decimal` and `bigdecimal` are features of those names). It never passes through
/// a binary float by itself; [`to_f64`](Decimal::to_f64) is explicit.
///
/// The text is canonical: `-` only before a number below zero, no `+`, no needless zero in front, at least one digit on
/// both sides of a point, no exponent. Equality, order and hash are those of the *number*: `1.50 == 1.5`. As in
/// PostgreSQL, `NaN` equals itself and is above everything, so that the order is total.
///
/// ```
/// use pontoon::value::Decimal;
///
/// let price: Decimal = "1.50".parse()?;
/// assert_eq!((price.as_str(), price.scale()), ("1.50", 2));
/// assert_eq!(price, "15e-1".parse()?);
/// assert!(price < Decimal::from(2));
/// assert_eq!(i32::try_from(&"12.00".parse::<Decimal>()?).ok(), Some(12));
/// assert!(i32::try_from(&price).is_err());
/// # Ok::<(), pontoon::value::ParseDecimalError>(())
/// ```
#[derive(Clone)]
pub struct Decimal(Box<str>);

/// A text that is no decimal number, or one that does not fit the integer type asked for.
///
/// It tells what is wrong and never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseDecimalError(&'static str);

impl ParseDecimalError {
    /// What is wrong.
    pub fn reason(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ParseDecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ParseDecimalError {}

const NAN: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEG_INFINITY: &str = "-Infinity";

const NO_NUMBER: ParseDecimalError = ParseDecimalError("not a decimal number");
const TOO_LONG: ParseDecimalError = ParseDecimalError("a decimal number of more than 147455 digits");
const HAS_FRACTION: ParseDecimalError = ParseDecimalError("it has a fraction");
const NOT_FINITE: ParseDecimalError = ParseDecimalError("it is not finite");
const OUT_OF_RANGE: ParseDecimalError = ParseDecimalError("it is out of range");

impl Decimal {
    /// The most digits a number may have when it is written out without an exponent: what PostgreSQL's `numeric` can
    /// hold, the largest of all databases (131,072 before the point and 16,383 after it).
    pub const MAX_DIGITS: usize = 147_455;

    /// Brings a number to the canonical form, and borrows it when it is in that form already. Exponents are written
    /// out.
    ///
    /// # Errors
    /// When the text is no decimal number, or one of more than [`MAX_DIGITS`](Decimal::MAX_DIGITS) digits.
    pub fn canonical(text: &str) -> Result<Cow<'_, str>, ParseDecimalError> {
        if is_canonical(text) {
            return if text.len() <= Decimal::MAX_DIGITS { Ok(Cow::Borrowed(text)) } else { canonical_slow(text) };
        }
        canonical_slow(text)
    }

    /// The number as text, in canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as text, in canonical form.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }

    /// The number of digits after the point, zeros included; 0 for what is not finite.
    pub fn scale(&self) -> usize {
        Parts::of(&self.0).map_or(0, |parts| parts.fraction.len())
    }

    /// Whether it is neither `NaN` nor infinite.
    pub fn is_finite(&self) -> bool {
        Parts::of(&self.0).is_some()
    }

    /// Whether it is `NaN`.
    pub fn is_nan(&self) -> bool {
        &*self.0 == NAN
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        // The canonical form writes a zero digit alone before the point only below one.
        Parts::of(&self.0).is_some_and(|parts| parts.whole == "0" && parts.significant_fraction().is_empty())
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }

    /// Whether it is finite and has nothing but zeros after the point.
    pub fn is_integer(&self) -> bool {
        Parts::of(&self.0).is_some_and(|parts| parts.significant_fraction().is_empty())
    }

    /// The nearest 64-bit float; of two equally near, the one with an even last bit. Numbers too large become infinite.
    pub fn to_f64(&self) -> f64 {
        nearest_f64(&self.0)
    }
}

/// The parts of a finite number in canonical form.
#[derive(Clone, Copy)]
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Option<Parts<'t>> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        if !digits.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        Some(Parts { negative, whole, fraction })
    }

    fn significant_fraction(self) -> &'t str {
        self.fraction.trim_end_matches('0')
    }

    /// Orders by distance from zero. Without zeros in front, more digits are a larger number.
    fn cmp_magnitude(self, other: Parts<'_>) -> Ordering {
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.significant_fraction().cmp(other.significant_fraction()))
    }
}

fn is_canonical(text: &str) -> bool {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let mut whole = digits.len();
    let mut nonzero = false;
    for (position, &byte) in digits.iter().enumerate() {
        match byte {
            b'0' => {}
            b'1'..=b'9' => nonzero = true,
            b'.' if whole == digits.len() => whole = position,
            _ => return matches!(text, NAN | INFINITY | NEG_INFINITY),
        }
    }
    let no_needless_zero = whole == 1 || digits.first().is_some_and(|&first| first != b'0');
    whole > 0 && no_needless_zero && whole + 1 != digits.len() && (nonzero || !negative)
}

#[cold]
fn canonical_slow(text: &str) -> Result<Cow<'_, str>, ParseDecimalError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned.eq_ignore_ascii_case("nan") {
        return if unsigned.len() == text.len() { Ok(Cow::Borrowed(NAN)) } else { Err(NO_NUMBER) };
    }
    if unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf") {
        return Ok(Cow::Borrowed(if negative { NEG_INFINITY } else { INFINITY }));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return Err(NO_NUMBER);
    }
    // An exponent past the most digits there can be is past it in either direction; a zero is a zero with any.
    let is_zero = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
    let exponent = exponent.clamp(-(Decimal::MAX_DIGITS as i64) - 1, Decimal::MAX_DIGITS as i64 + 1);
    let exponent = if is_zero { exponent.min(0) } else { exponent };
    let whole_len = whole.len() as i64 + exponent;
    let scale = (fraction.len() as i64 - exponent).max(0);
    // Zeros in front do not count, and are not to be allocated before the check.
    let leading = whole.bytes().chain(fraction.bytes()).take_while(|&digit| digit == b'0').count() as i64;
    if (whole_len - leading).max(1) + scale > Decimal::MAX_DIGITS as i64 {
        return Err(TOO_LONG);
    }

    let digits = || whole.bytes().chain(fraction.bytes()).map(char::from);
    let split = usize::try_from(whole_len).unwrap_or(0);
    let mut number = String::with_capacity(whole.len() + fraction.len() + exponent.unsigned_abs() as usize + 3);
    if negative && !is_zero {
        number.push('-');
    }
    let before = number.len();
    number.extend(digits().chain(std::iter::repeat('0')).take(split).skip_while(|&digit| digit == '0'));
    if number.len() == before {
        number.push('0');
    }
    if scale > 0 {
        number.push('.');
        let zeros = usize::try_from(-whole_len).unwrap_or(0);
        number.extend(std::iter::repeat_n('0', zeros).chain(digits().skip(split)));
    }
    Ok(Cow::Owned(number))
}

/// An exponent, cut to what is beyond every bound already.
fn parse_exponent(text: &str) -> Result<i64, ParseDecimalError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NO_NUMBER);
    }
    let exponent = digits.iter().fold(0i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1_000_000_000));
    Ok(if negative { -exponent } else { exponent })
}

fn nearest_f64(canonical: &str) -> f64 {
    // The standard library reads every canonical form, and rounds correctly whatever the number of digits.
    canonical.parse().unwrap_or(f64::NAN)
}

/// The float that is *equal* to a number in canonical form, if there is one.
pub(super) fn exact_f64(canonical: &str) -> Option<f64> {
    let float = nearest_f64(canonical);
    let Some(parts) = Parts::of(canonical) else { return is_canonical(canonical).then_some(float) };
    if !float.is_finite() {
        return None;
    }
    // A float is an odd number times a power of two; below zero the power is the number of its decimal places. With no
    // more places than the number has, printing to them is exact, so equal text is an equal number.
    let bits = float.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, power) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let places = if mantissa == 0 { 0 } else { -(power + mantissa.trailing_zeros() as i32) };
    let scale = parts.significant_fraction().len();
    // No float has more than 1074 places.
    if scale > 1074 || usize::try_from(places).is_ok_and(|places| places > scale) {
        return None;
    }
    let printed = format!("{float:.scale$}");
    let printed = Parts::of(&printed)?;
    (printed.negative == parts.negative && printed.cmp_magnitude(parts).is_eq()).then_some(float)
}

/// The integer that a number in canonical form is: whether it is below zero, and its distance from it.
pub(super) fn integer(canonical: &str) -> Result<(bool, u128), ParseDecimalError> {
    let parts = Parts::of(canonical).ok_or(NOT_FINITE)?;
    if !parts.significant_fraction().is_empty() {
        return Err(HAS_FRACTION);
    }
    let magnitude = parts.whole.parse().map_err(|_| OUT_OF_RANGE)?;
    Ok((parts.negative, magnitude))
}

/// Orders numbers in canonical form by their value.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let rank = |text: &str| match text {
        NEG_INFINITY => 0,
        INFINITY => 2,
        NAN => 3,
        _ => 1,
    };
    match (Parts::of(left), Parts::of(right)) {
        (Some(left), Some(right)) => match (left.negative, right.negative) {
            (false, false) => left.cmp_magnitude(right),
            (true, true) => right.cmp_magnitude(left),
            (left, right) => right.cmp(&left),
        },
        _ => rank(left).cmp(&rank(right)),
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        compare(&self.0, &other.0)
    }
}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal numbers differ in the zeros at the end of the fraction alone.
        match Parts::of(&self.0) {
            Some(parts) => (parts.negative, parts.whole, parts.significant_fraction()).hash(state),
            None => self.0.hash(state),
        }
    }
}

/// The canonical text.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Reads a number with or without sign, point and exponent, and the three that are not finite in upper or lower case.
/// Neither spaces nor separators of thousands are accepted.
impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Decimal, ParseDecimalError> {
        Decimal::canonical(text).map(|number| Decimal(number.into()))
    }
}

macro_rules! integers {
    ($($integer:ty)+) => {$(
        impl From<$integer> for Decimal {
            fn from(integer: $integer) -> Decimal {
                Decimal(integer.to_string().into())
            }
        }

        impl TryFrom<&Decimal> for $integer {
            type Error = ParseDecimalError;

            fn try_from(decimal: &Decimal) -> Result<$integer, ParseDecimalError> {
                if !decimal.is_integer() {
                    return Err(if decimal.is_finite() { HAS_FRACTION } else { NOT_FINITE });
                }
                let whole = decimal.0.split_once('.').map_or(&*decimal.0, |(whole, _)| whole);
                whole.parse().map_err(|_| OUT_OF_RANGE)
            }
        }

        impl TryFrom<Decimal> for $integer {
            type Error = ParseDecimalError;

            fn try_from(decimal: Decimal) -> Result<$integer, ParseDecimalError> {
                <$integer>::try_from(&decimal)
            }
        }
    )+};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

#[cfg(test)]
mod tests;
