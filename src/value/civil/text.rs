//! What the text forms share: a scanner over bytes, a buffer on the stack, and the error.

use std::fmt;

/// A text that is no date, time, timestamp, offset or interval.
///
/// It tells what was expected and what is wrong, and never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseCivilError {
    wanted: &'static str,
    reason: &'static str,
}

impl ParseCivilError {
    pub(super) const fn new(wanted: &'static str, reason: &'static str) -> ParseCivilError {
        ParseCivilError { wanted, reason }
    }

    /// What is wrong with the text.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for ParseCivilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}: {}", self.wanted, self.reason)
    }
}

impl std::error::Error for ParseCivilError {}

/// Why a part of a text cannot be read; the caller adds what the whole should have been.
pub(super) type Reason = &'static str;

/// The rest of a text that is being read.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t>(pub(super) &'t [u8]);

impl Scanner<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes `byte` if it comes next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        match self.0 {
            [first, rest @ ..] if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes `word` if it comes next, in upper or lower case.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        match self.0.split_at_checked(word.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes as many digits as come, and returns their value and their number. `None` when the value passes 64 bits.
    pub(super) fn digits(&mut self) -> Option<(u64, usize)> {
        let mut value = 0u64;
        let mut count = 0;
        while let Some(digit @ b'0'..=b'9') = self.0.get(count) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            count += 1;
        }
        self.0 = &self.0[count..];
        Some((value, count))
    }

    /// Takes exactly two digits.
    pub(super) fn two_digits(&mut self) -> Option<u8> {
        match self.0 {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] => {
                self.0 = rest;
                Some((tens - b'0') * 10 + (ones - b'0'))
            }
            _ => None,
        }
    }

    /// Takes a point and the digits after it, if a point comes next: nanoseconds. Digits past the ninth must be zero.
    pub(super) fn fraction(&mut self) -> Result<u32, Reason> {
        if !self.eat(b'.') {
            return Ok(0);
        }
        let mut nanos = 0;
        let mut count = 0;
        while let Some(digit @ b'0'..=b'9') = self.0.get(count) {
            let digit = u32::from(digit - b'0');
            if count < 9 {
                nanos = nanos * 10 + digit;
            } else if digit != 0 {
                return Err("it is finer than a nanosecond");
            }
            count += 1;
        }
        if count == 0 {
            return Err("no digit follows the point");
        }
        self.0 = &self.0[count..];
        Ok(nanos * 10u32.pow(9u32.saturating_sub(u32::try_from(count).unwrap_or(9))))
    }
}

/// Takes a trailing ` BC` or ` AD` off, as PostgreSQL writes years before the common era.
pub(super) fn split_era(text: &str) -> (&[u8], bool) {
    let bytes = text.as_bytes();
    match bytes.split_at_checked(bytes.len().wrapping_sub(3)) {
        Some((rest, era)) if era.eq_ignore_ascii_case(b" BC") => (rest, true),
        Some((rest, era)) if era.eq_ignore_ascii_case(b" AD") => (rest, false),
        _ => (bytes, false),
    }
}

/// Which infinity the text names, if it names one: `true` for the positive.
pub(super) fn infinity(text: &str) -> Option<bool> {
    let (positive, word) = match text.as_bytes() {
        [b'-', word @ ..] => (false, word),
        [b'+', word @ ..] => (true, word),
        word => (true, word),
    };
    word.eq_ignore_ascii_case(b"infinity").then_some(positive)
}

/// Text written on the stack: the longest form, an interval with every field at its widest, has 56 bytes.
pub(super) struct Buffer {
    bytes: [u8; 64],
    len: usize,
}

impl Buffer {
    pub(super) fn new() -> Buffer {
        Buffer { bytes: [0; 64], len: 0 }
    }

    pub(super) fn push(&mut self, byte: u8) {
        debug_assert!(byte.is_ascii());
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.push(byte));
    }

    /// Pushes a number, with zeros in front up to `width` digits.
    pub(super) fn push_number(&mut self, number: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut rest = number;
        let mut start = digits.len();
        while rest > 0 || digits.len() - start < width.max(1) {
            start -= 1;
            // The remainder of a division by ten fits a byte.
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        digits[start..].iter().for_each(|&digit| self.push(digit));
    }

    /// Pushes a point and the fraction without its trailing zeros; nothing for zero.
    pub(super) fn push_fraction(&mut self, nanos: u32) {
        if nanos == 0 {
            return;
        }
        let (mut rest, mut width) = (nanos, 9);
        while rest.is_multiple_of(10) {
            rest /= 10;
            width -= 1;
        }
        self.push(b'.');
        self.push_number(u64::from(rest), width);
    }

    pub(super) fn as_str(&self) -> &str {
        // Only ASCII is ever pushed, so the default stands for nothing that happens.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}
