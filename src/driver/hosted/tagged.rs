//! Values as a tag and what follows: how hosts that have no packing of their own send them.

use super::frame::{Body, Frame, garbage};
use crate::error::Result;
use crate::row::BatchBuilder;
use crate::value::{Date, Interval, Kind, Offset, Time, Timestamp, TimestampTz, Value, ValueRef};

/// How deep arrays may lie inside each other.
pub(super) const DEPTH: u32 = 16;

/// The number of each kind in the protocol.
pub(super) fn tag_of(kind: Kind) -> u8 {
    match kind {
        Kind::Bool => 1,
        Kind::I64 => 2,
        Kind::U64 => 3,
        Kind::F32 => 4,
        Kind::F64 => 5,
        Kind::Decimal => 6,
        Kind::Text => 7,
        Kind::Bytes => 8,
        Kind::Date => 9,
        Kind::Time => 10,
        Kind::Timestamp => 11,
        Kind::TimestampTz => 12,
        Kind::Interval => 13,
        Kind::Uuid => 14,
        Kind::Json => 15,
        Kind::Array => 16,
        Kind::Other => 17,
        Kind::Unknown => 0,
    }
}

pub(super) fn kind_of(tag: u8) -> Result<Kind> {
    const KINDS: [Kind; 18] = [
        Kind::Unknown,
        Kind::Bool,
        Kind::I64,
        Kind::U64,
        Kind::F32,
        Kind::F64,
        Kind::Decimal,
        Kind::Text,
        Kind::Bytes,
        Kind::Date,
        Kind::Time,
        Kind::Timestamp,
        Kind::TimestampTz,
        Kind::Interval,
        Kind::Uuid,
        Kind::Json,
        Kind::Array,
        Kind::Other,
    ];
    KINDS.get(usize::from(tag)).copied().ok_or_else(|| garbage(format_args!("the tag {tag}")))
}

pub(super) fn write(frame: &mut Frame, value: ValueRef<'_>) {
    frame.u8(if value.is_null() { 0 } else { tag_of(value.kind()) });
    match value {
        ValueRef::Null(kind) => frame.u8(tag_of(kind)),
        ValueRef::Bool(truth) => frame.u8(u8::from(truth)),
        ValueRef::I64(number) => frame.i64(number),
        ValueRef::U64(number) => frame.u64(number),
        ValueRef::F32(float) => frame.raw(&float.to_be_bytes()),
        ValueRef::F64(float) => frame.raw(&float.to_be_bytes()),
        ValueRef::Decimal(text) | ValueRef::Text(text) | ValueRef::Json(text) => frame.text(text),
        ValueRef::Bytes(bytes) => frame.bytes(bytes),
        ValueRef::Date(date) => write_date(frame, date),
        ValueRef::Time(time) => frame.u64(time.as_nanos()),
        ValueRef::Timestamp(timestamp) => write_timestamp(frame, timestamp),
        ValueRef::TimestampTz(moment) => write_timestamp(frame, moment.timestamp()).i32(moment.offset().seconds()),
        ValueRef::Interval(span) => frame.i32(span.months()).i32(span.days()).i64(span.nanos()),
        ValueRef::Uuid(id) => frame.raw(&id),
        ValueRef::Array(values) => {
            frame.count(values.len());
            for value in values {
                write(frame, value.as_ref());
            }
            frame
        }
        ValueRef::Other { type_name, text } => frame.text(type_name).text(text),
    };
}

fn write_date(frame: &mut Frame, date: Date) -> &mut Frame {
    let (month, day) = if date.is_finite() { (date.month(), date.day()) } else { (1, 1) };
    frame.i32(date.year()).u8(month).u8(day)
}

fn write_timestamp(frame: &mut Frame, timestamp: Timestamp) -> &mut Frame {
    write_date(frame, timestamp.date()).u64(timestamp.time().as_nanos())
}

/// Reads a value into the row that is being built.
#[inline]
pub(super) fn push(body: &mut Body<'_>, row: &mut BatchBuilder) -> Result<()> {
    match body.u8()? {
        0 => row.push_null(kind_of(body.u8()?)?),
        2 => row.push_i64(body.i64()?),
        5 => row.push_f64(f64::from_bits(body.u64()?)),
        7 => row.push_text(body.text()?)?,
        8 => row.push_bytes(body.bytes()?)?,
        6 => row.push_decimal(body.text()?)?,
        15 => row.push_json(body.text()?)?,
        17 => {
            let type_name = body.text()?;
            row.push_other(type_name, body.text()?)?;
        }
        tag => row.push_value(&read_tagged(tag, body, 0)?)?,
    }
    Ok(())
}

/// Reads one value.
pub(super) fn read(body: &mut Body<'_>) -> Result<Value> {
    let tag = body.u8()?;
    read_tagged(tag, body, 0)
}

fn read_tagged(tag: u8, body: &mut Body<'_>, depth: u32) -> Result<Value> {
    Ok(match tag {
        0 => Value::Null(kind_of(body.u8()?)?),
        1 => match body.u8()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => return Err(garbage(format_args!("{other} for a truth"))),
        },
        2 => Value::I64(body.i64()?),
        3 => Value::U64(body.u64()?),
        4 => Value::F32(f32::from_bits(body.u32()?)),
        5 => Value::F64(f64::from_bits(body.u64()?)),
        6 => decimal(body.text()?)?,
        7 => Value::Text(body.text()?.to_owned()),
        8 => Value::Bytes(body.bytes()?.to_owned()),
        9 => Value::Date(read_date(body)?),
        10 => Value::Time(time(body.u64()?)?),
        11 => Value::Timestamp(read_timestamp(body)?),
        12 => {
            let timestamp = read_timestamp(body)?;
            moment(timestamp, body.i32()?)?
        }
        13 => Value::Interval(Interval::new(body.i32()?, body.i32()?, body.i64()?)),
        14 => Value::Uuid(uuid(body.raw(16)?)?),
        15 => Value::Json(body.text()?.to_owned()),
        16 if depth < DEPTH => {
            let count = body.count()?;
            let mut values = Vec::with_capacity(count.min(4096));
            for _ in 0..count {
                let tag = body.u8()?;
                values.push(read_tagged(tag, body, depth + 1)?);
            }
            Value::Array(values)
        }
        16 => return Err(garbage("arrays too deep inside each other")),
        17 => {
            let type_name = body.text()?.into();
            Value::Other { type_name, text: body.text()?.to_owned() }
        }
        other => return Err(garbage(format_args!("the tag {other}"))),
    })
}

fn read_date(body: &mut Body<'_>) -> Result<Date> {
    date(body.i32()?, body.u8()?, body.u8()?)
}

fn read_timestamp(body: &mut Body<'_>) -> Result<Timestamp> {
    let date = read_date(body)?;
    Ok(Timestamp::new(date, time(body.u64()?)?))
}

pub(super) fn decimal(text: &str) -> Result<Value> {
    text.parse().map(Value::Decimal).map_err(|_| garbage("a decimal that is no number"))
}

pub(super) fn date(year: i32, month: u8, day: u8) -> Result<Date> {
    match year {
        i32::MAX => Ok(Date::INFINITY),
        i32::MIN => Ok(Date::NEG_INFINITY),
        _ => Date::with_zeros(year, month, day).ok_or_else(|| garbage(format_args!("the date {year}-{month}-{day}"))),
    }
}

pub(super) fn time(nanos: u64) -> Result<Time> {
    Time::from_nanos(nanos).ok_or_else(|| garbage("a time past the end of the day"))
}

pub(super) fn moment(timestamp: Timestamp, offset: i32) -> Result<Value> {
    Offset::from_seconds(offset)
        .and_then(|offset| TimestampTz::new(timestamp, offset))
        .map(Value::TimestampTz)
        .ok_or_else(|| garbage(format_args!("a moment {offset} seconds from UTC")))
}

pub(super) fn uuid(bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().map_err(|_| garbage("a UUID that has not 16 bytes"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::driver::hosted) fn values() -> Vec<Value> {
        let timestamp = Timestamp::new(Date::new(-43, 3, 15).expect("a date"), Time::END_OF_DAY);
        let moment = TimestampTz::new(
            Timestamp::new(Date::new(2024, 2, 29).expect("a date"), Time::new(23, 59, 59, 1).expect("a time")),
            Offset::from_seconds(-12_345).expect("an offset"),
        );
        vec![
            Value::NULL,
            Value::Null(Kind::Json),
            Value::Bool(true),
            Value::I64(i64::MIN),
            Value::I64(7),
            Value::U64(u64::MAX),
            Value::F32(1.5),
            Value::F64(-0.0),
            Value::Decimal("-12345678901234567890.50".parse().expect("a decimal")),
            Value::Text("naïve \u{1F600}".into()),
            Value::Text("ascii".into()),
            Value::Bytes(vec![0, 255]),
            Value::Date(Date::ZERO),
            Value::Date(Date::INFINITY),
            Value::Time(Time::new(12, 34, 56, 789_000_000).expect("a time")),
            Value::Timestamp(timestamp),
            Value::Timestamp(Timestamp::NEG_INFINITY),
            Value::TimestampTz(moment.expect("a moment")),
            Value::Interval(Interval::new(-1, 2, -3)),
            Value::Uuid([7; 16]),
            Value::Json("{\"a\": [1]}".into()),
            Value::Array(vec![Value::I64(1), Value::NULL, Value::Array(vec![Value::Text("x".into())])]),
            Value::Other { type_name: "point".into(), text: "(1,2)".into() },
        ]
    }

    #[test]
    fn every_value_comes_back() {
        for value in values() {
            let mut frame = Frame::new(0);
            write(&mut frame, value.as_ref());
            let bytes = frame.finish().expect("short");
            let mut body = Body(&bytes[5..]);
            assert_eq!(read(&mut body).expect("a value"), value);
            body.end().expect("nothing is left");
        }
    }

    #[test]
    fn no_beginning_of_a_value_is_one() {
        for value in values() {
            let mut frame = Frame::new(0);
            write(&mut frame, value.as_ref());
            let bytes = frame.finish().expect("short");
            for end in 5..bytes.len() {
                let _ = read(&mut Body(&bytes[5..end])).expect_err("cut");
            }
        }
    }
}
