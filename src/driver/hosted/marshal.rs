//! The part of Python's `marshal` that rows travel in: the format of version 2, which is the same in every Python 3.
//!
//! Python packs a list of tuples at the speed of C. What has no plain type in Python comes as a tuple that begins with
//! the tag of the value.

use super::frame::garbage;
use super::tagged;
use crate::error::{Error, ErrorKind, Result};
use crate::row::BatchBuilder;
use crate::value::{Date, Interval, Kind, Time, Timestamp, Value, ValueRef};

/// Digits of a long number have so many bits.
const DIGIT: u32 = 15;

/// The most digits that are read: a number of some thousand decimal places.
const DIGITS: usize = 1 << 10;

/// What is left to be read.
pub(super) struct Marshal<'m>(&'m [u8]);

/// What a thing is, by what stands in front of it.
enum Thing<'m> {
    None,
    Bool(bool),
    I64(i64),
    /// Past 64 bits: its digits.
    Long {
        negative: bool,
        digits: &'m [u8],
    },
    F64(f64),
    Text(&'m str),
    Bytes(&'m [u8]),
    Tuple(usize),
    List(usize),
}

impl<'m> Marshal<'m> {
    pub(super) fn new(bytes: &'m [u8]) -> Marshal<'m> {
        Marshal(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8]> {
        let Some((head, rest)) = self.0.split_at_checked(length) else {
            return Err(garbage("rows that are cut off"));
        };
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.0.split_first_chunk() else {
            return Err(garbage("rows that are cut off"));
        };
        self.0 = rest;
        Ok(*head)
    }

    /// A length, and never more than there are bytes for.
    #[inline]
    fn length(&mut self) -> Result<usize> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        if length > self.0.len() {
            return Err(garbage("rows that are cut off"));
        }
        Ok(length)
    }

    #[inline]
    fn next(&mut self) -> Result<Thing<'m>> {
        let [code] = self.array()?;
        Ok(match code {
            b'N' => Thing::None,
            b'T' => Thing::Bool(true),
            b'F' => Thing::Bool(false),
            b'i' => Thing::I64(i64::from(i32::from_le_bytes(self.array()?))),
            b'g' => Thing::F64(f64::from_le_bytes(self.array()?)),
            b'l' => self.long()?,
            b'u' => {
                let length = self.length()?;
                Thing::Text(self.text(length)?)
            }
            b's' => {
                let length = self.length()?;
                Thing::Bytes(self.take(length)?)
            }
            b'(' => Thing::Tuple(self.length()?),
            b'[' => Thing::List(self.length()?),
            other => return Err(garbage(format_args!("the code {other:#x} among rows"))),
        })
    }

    /// Python's own text may hold halves of surrogate pairs, which no text here can.
    fn text(&mut self, length: usize) -> Result<&'m str> {
        std::str::from_utf8(self.take(length)?).map_err(|_| {
            Error::new(ErrorKind::Conversion, "a text with half of a surrogate pair, which is no Unicode text")
        })
    }

    fn long(&mut self) -> Result<Thing<'m>> {
        let signed = i32::from_le_bytes(self.array()?);
        let count = signed.unsigned_abs() as usize;
        if count > DIGITS {
            return Err(Error::new(ErrorKind::Conversion, "a whole number of more than four thousand digits"));
        }
        let digits = self.take(count * 2)?;
        let negative = signed < 0;
        if count <= 5 {
            let mut number = 0_i128;
            for digit in digits.chunks_exact(2).rev() {
                number = (number << DIGIT) | i128::from(u16::from_le_bytes([digit[0], digit[1]]));
            }
            if let Ok(number) = i64::try_from(if negative { -number } else { number }) {
                return Ok(Thing::I64(number));
            }
        }
        Ok(Thing::Long { negative, digits })
    }

    /// Starts the list of rows: how many there are.
    pub(super) fn rows(&mut self) -> Result<usize> {
        match self.next()? {
            Thing::List(rows) => Ok(rows),
            _ => Err(garbage("rows that are no list")),
        }
    }

    /// Reads a row of columns of these kinds.
    pub(super) fn row(&mut self, kinds: &[Kind], row: &mut BatchBuilder) -> Result<()> {
        match self.next()? {
            Thing::Tuple(cells) if cells == kinds.len() => {}
            Thing::Tuple(cells) => {
                return Err(garbage(format_args!("a row of {cells} cells for {} columns", kinds.len())));
            }
            _ => return Err(garbage("a row that is no tuple")),
        }
        for kind in kinds {
            match self.next()? {
                Thing::I64(number) => row.push_i64(number),
                Thing::Text(text) => row.push_text(text)?,
                Thing::F64(float) => row.push_f64(float),
                Thing::None => row.push_null(*kind),
                Thing::Bytes(bytes) => row.push_bytes(bytes)?,
                Thing::Bool(truth) => row.push_bool(truth),
                other => row.push_value(&self.value(other, 0)?)?,
            }
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(garbage("bytes behind the last row")) }
    }

    fn value(&mut self, thing: Thing<'m>, depth: u32) -> Result<Value> {
        Ok(match thing {
            Thing::None => Value::NULL,
            Thing::Bool(truth) => Value::Bool(truth),
            Thing::I64(number) => Value::I64(number),
            Thing::Long { negative, digits } => whole(negative, digits)?,
            Thing::F64(float) => Value::F64(float),
            Thing::Text(text) => Value::Text(text.to_owned()),
            Thing::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
            Thing::List(_) if depth >= tagged::DEPTH => return Err(garbage("arrays too deep inside each other")),
            Thing::List(count) => {
                let mut values = Vec::with_capacity(count.min(4096));
                for _ in 0..count {
                    let thing = self.next()?;
                    values.push(self.value(thing, depth + 1)?);
                }
                Value::Array(values)
            }
            Thing::Tuple(count) => self.tagged(count)?,
        })
    }

    /// A value of a kind that has no type in Python that marshal knows.
    fn tagged(&mut self, count: usize) -> Result<Value> {
        let tag = self.number()?;
        Ok(match (tag, count) {
            (0, 2) => Value::Null(tagged::kind_of(self.narrow()?)?),
            (4, 2) => match self.next()? {
                Thing::F64(float) => Value::F32(float as f32),
                _ => return Err(garbage("a float that is none")),
            },
            (6, 2) => tagged::decimal(self.str()?)?,
            (9, 4) => Value::Date(self.date()?),
            (10, 3) => Value::Time(self.time()?),
            (11, 6) => Value::Timestamp(self.timestamp()?),
            (12, 7) => {
                let timestamp = self.timestamp()?;
                tagged::moment(timestamp, self.narrow()?)?
            }
            (13, 5) => {
                let (months, days) = (self.narrow()?, self.narrow()?);
                let (seconds, nanos) = (self.number()?, self.number()?);
                let span = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
                let span = span.ok_or_else(|| {
                    Error::new(ErrorKind::Conversion, "a span of more than 292 years, counted in seconds")
                })?;
                Value::Interval(Interval::new(months, days, span))
            }
            (14, 2) => match self.next()? {
                Thing::Bytes(bytes) => Value::Uuid(tagged::uuid(bytes)?),
                _ => return Err(garbage("a UUID that is no bytes")),
            },
            (15, 2) => Value::Json(self.str()?.to_owned()),
            (17, 3) => {
                let type_name = self.str()?.into();
                Value::Other { type_name, text: self.str()?.to_owned() }
            }
            _ => return Err(garbage(format_args!("a tuple of {count} with the tag {tag}"))),
        })
    }

    fn number(&mut self) -> Result<i64> {
        match self.next()? {
            Thing::I64(number) => Ok(number),
            _ => Err(garbage("a part of a value that is no number")),
        }
    }

    fn narrow<N: TryFrom<i64>>(&mut self) -> Result<N> {
        N::try_from(self.number()?).map_err(|_| garbage("a part of a value out of its range"))
    }

    fn str(&mut self) -> Result<&'m str> {
        match self.next()? {
            Thing::Text(text) => Ok(text),
            _ => Err(garbage("a part of a value that is no text")),
        }
    }

    fn date(&mut self) -> Result<Date> {
        tagged::date(self.narrow()?, self.narrow()?, self.narrow()?)
    }

    fn time(&mut self) -> Result<Time> {
        let (seconds, nanos): (u32, u32) = (self.narrow()?, self.narrow()?);
        tagged::time(u64::from(seconds) * 1_000_000_000 + u64::from(nanos))
    }

    fn timestamp(&mut self) -> Result<Timestamp> {
        let date = self.date()?;
        Ok(Timestamp::new(date, self.time()?))
    }
}

/// A whole number past 63 bits: unsigned if it is one of 64, else a decimal.
fn whole(negative: bool, digits: &[u8]) -> Result<Value> {
    // Decimal digits in groups of nine, the lowest first.
    let mut groups: Vec<u32> = Vec::new();
    for digit in digits.chunks_exact(2).rev() {
        let mut carry = u64::from(u16::from_le_bytes([digit[0], digit[1]]));
        for group in &mut groups {
            let sum = (u64::from(*group) << DIGIT) + carry;
            *group = (sum % 1_000_000_000) as u32;
            carry = sum / 1_000_000_000;
        }
        if carry > 0 {
            groups.push(carry as u32);
        }
    }
    let mut text = String::from(if negative { "-" } else { "" });
    for (at, group) in groups.iter().rev().enumerate() {
        text += &if at == 0 { group.to_string() } else { format!("{group:09}") };
    }
    match text.parse() {
        Ok(number) => Ok(Value::U64(number)),
        Err(_) => tagged::decimal(&text),
    }
}

/// Starts a list of so many rows.
pub(super) fn begin_rows(out: &mut Vec<u8>, rows: usize) {
    begin(out, b'[', rows);
}

/// Starts a row of so many cells.
pub(super) fn begin_row(out: &mut Vec<u8>, width: usize) {
    begin(out, b'(', width);
}

fn begin(out: &mut Vec<u8>, code: u8, length: usize) {
    out.push(code);
    // One past 32 bits makes a frame that is too long to be sent.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Writes a value as Python reads it.
pub(super) fn write(out: &mut Vec<u8>, value: ValueRef<'_>) {
    let tag = i64::from(tagged::tag_of(value.kind()));
    match value {
        ValueRef::Null(Kind::Unknown) => out.push(b'N'),
        ValueRef::Null(_) => {
            begin_row(out, 2);
            write_number(out, 0);
            write_number(out, tag);
        }
        ValueRef::Bool(truth) => out.push(if truth { b'T' } else { b'F' }),
        ValueRef::I64(number) => write_number(out, number),
        ValueRef::U64(number) => write_long(out, false, number),
        ValueRef::F64(float) => write_float(out, float),
        ValueRef::Text(text) => write_text(out, text),
        ValueRef::Bytes(bytes) => write_bytes(out, bytes),
        ValueRef::F32(float) => {
            begin_tagged(out, tag, 1);
            write_float(out, f64::from(float));
        }
        ValueRef::Decimal(text) | ValueRef::Json(text) => {
            begin_tagged(out, tag, 1);
            write_text(out, text);
        }
        ValueRef::Date(date) => {
            begin_tagged(out, tag, 3);
            write_date(out, date);
        }
        ValueRef::Time(time) => {
            begin_tagged(out, tag, 2);
            write_time(out, time);
        }
        ValueRef::Timestamp(timestamp) => {
            begin_tagged(out, tag, 5);
            write_date(out, timestamp.date());
            write_time(out, timestamp.time());
        }
        ValueRef::TimestampTz(moment) => {
            begin_tagged(out, tag, 6);
            write_date(out, moment.timestamp().date());
            write_time(out, moment.timestamp().time());
            write_number(out, i64::from(moment.offset().seconds()));
        }
        ValueRef::Interval(span) => {
            begin_tagged(out, tag, 4);
            write_number(out, i64::from(span.months()));
            write_number(out, i64::from(span.days()));
            write_number(out, span.nanos().div_euclid(1_000_000_000));
            write_number(out, span.nanos().rem_euclid(1_000_000_000));
        }
        ValueRef::Uuid(id) => {
            begin_tagged(out, tag, 1);
            write_bytes(out, &id);
        }
        ValueRef::Array(values) => {
            begin_rows(out, values.len());
            for value in values {
                write(out, value.as_ref());
            }
        }
        ValueRef::Other { type_name, text } => {
            begin_tagged(out, tag, 2);
            write_text(out, type_name);
            write_text(out, text);
        }
    }
}

fn begin_tagged(out: &mut Vec<u8>, tag: i64, parts: usize) {
    begin_row(out, parts + 1);
    write_number(out, tag);
}

fn write_number(out: &mut Vec<u8>, number: i64) {
    match i32::try_from(number) {
        Ok(number) => {
            out.push(b'i');
            out.extend_from_slice(&number.to_le_bytes());
        }
        Err(_) => write_long(out, number < 0, number.unsigned_abs()),
    }
}

fn write_long(out: &mut Vec<u8>, negative: bool, mut number: u64) {
    let digits = (64 - number.leading_zeros()).div_ceil(DIGIT) as i32;
    out.push(b'l');
    out.extend_from_slice(&(if negative { -digits } else { digits }).to_le_bytes());
    for _ in 0..digits {
        out.extend_from_slice(&((number & 0x7fff) as u16).to_le_bytes());
        number >>= DIGIT;
    }
}

fn write_float(out: &mut Vec<u8>, float: f64) {
    out.push(b'g');
    out.extend_from_slice(&float.to_le_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    begin(out, b'u', text.len());
    out.extend_from_slice(text.as_bytes());
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    begin(out, b's', bytes.len());
    out.extend_from_slice(bytes);
}

fn write_date(out: &mut Vec<u8>, date: Date) {
    let (month, day) = if date.is_finite() { (date.month(), date.day()) } else { (1, 1) };
    write_number(out, i64::from(date.year()));
    write_number(out, i64::from(month));
    write_number(out, i64::from(day));
}

fn write_time(out: &mut Vec<u8>, time: Time) {
    write_number(out, (time.as_nanos() / 1_000_000_000) as i64);
    write_number(out, (time.as_nanos() % 1_000_000_000) as i64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for value in tagged::tests::values() {
            let mut bytes = Vec::new();
            write(&mut bytes, value.as_ref());
            let mut read = Marshal::new(&bytes);
            let thing = read.next().expect("a thing");
            assert_eq!(read.value(thing, 0).expect("a value"), value);
            read.end().expect("nothing is left");
            for end in 0..bytes.len() {
                let mut read = Marshal::new(&bytes[..end]);
                assert!(read.next().and_then(|thing| read.value(thing, 0)).is_err(), "{value:?} cut at {end}");
            }
        }
    }

    /// What `marshal.dumps([(…)], 2)` of CPython 3.11 gave.
    #[test]
    fn what_python_wrote_is_read() {
        // [(None, True, 1, 2**31, -(2**63), 2**64, 1.5, "ä", b"\0")]
        let bytes = b"[\x01\x00\x00\x00(\x09\x00\x00\x00NTi\x01\x00\x00\x00l\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\
            l\xfb\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00l\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
            \x10\x00g\x00\x00\x00\x00\x00\x00\xf8?u\x02\x00\x00\x00\xc3\xa4s\x01\x00\x00\x00\x00";
        let mut read = Marshal::new(bytes);
        assert_eq!(read.rows().expect("a list"), 1);
        let columns = std::sync::Arc::new(crate::row::Columns::of_names((0..9).map(|at| at.to_string())));
        let mut row = BatchBuilder::new(columns);
        read.row(&[Kind::Unknown; 9], &mut row).expect("a row");
        read.end().expect("nothing is left");
        let batch = row.finish().expect("a batch");
        let cells: Vec<Value> = batch.cells(0).map(ValueRef::to_value).collect();
        assert_eq!(
            cells,
            [
                Value::Null(Kind::Unknown),
                Value::Bool(true),
                Value::I64(1),
                Value::I64(1 << 31),
                Value::I64(i64::MIN),
                Value::Decimal("18446744073709551616".parse().expect("a number")),
                Value::F64(1.5),
                Value::Text("ä".into()),
                Value::Bytes(vec![0]),
            ]
        );
    }

    #[test]
    fn what_is_no_row_is_garbage() {
        for bytes in [&b""[..], b"[\xff\xff\xff\x7f", b"(\0\0\0\0", b"{0", b"R\0\0\0\0", b"c", b"[\x01\0\0\0[\0\0\0\0"]
        {
            let mut read = Marshal::new(bytes);
            let columns = std::sync::Arc::new(crate::row::Columns::of_names(["a"]));
            let mut row = BatchBuilder::new(columns);
            assert!(read.rows().and_then(|_| read.row(&[Kind::Unknown], &mut row)).is_err(), "{bytes:?}");
        }
    }
}
