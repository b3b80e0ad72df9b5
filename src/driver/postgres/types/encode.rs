//! Values for the types that the server inferred.
//!
//! A value goes into a place of another type where nothing is lost: a whole number into any numeric type that has it, a date
//! into a timestamp, anything that has a text into a text. What would be rounded, cut or guessed (a time zone) is refused
//! before anything is sent. A text goes into any type: the server reads it by the rules of that type.
//!
//! Times are the one exception. PostgreSQL keeps microseconds, and clocks tell nanoseconds: nobody who stores "now" means
//! an error. They are rounded to the nearest microsecond, as the server rounds what it reads as text.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use postgres::types::{Format, IsNull, Kind as Composition, ToSql, Type, to_sql_checked};

use super::{DAY, EPOCH_DAYS, numeric, text};
use crate::value::{Date, Decimal, Offset, Time, Timestamp, TimestampTz, Value};

/// A value as it is sent.
#[derive(Debug)]
pub(in super::super) struct Encoded<'v> {
    is_text: bool,
    /// `None` for NULL.
    bytes: Option<Cow<'v, [u8]>>,
}

impl<'v> Encoded<'v> {
    const NULL: Encoded<'static> = Encoded { is_text: true, bytes: None };

    fn text(text: impl Into<Cow<'v, str>>) -> Encoded<'v> {
        let bytes = match text.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        Encoded { is_text: true, bytes: Some(bytes) }
    }

    fn binary(bytes: impl Into<Cow<'v, [u8]>>) -> Encoded<'v> {
        Encoded { is_text: false, bytes: Some(bytes.into()) }
    }

    /// The bytes; `None` for NULL.
    pub(in super::super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// The bytes; none for NULL.
    pub(in super::super) fn as_bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

impl ToSql for Encoded<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.bytes {
            None => Ok(IsNull::Yes),
            Some(bytes) => {
                out.put_slice(bytes);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        if self.is_text { Format::Text } else { Format::Binary }
    }

    to_sql_checked!();
}

/// Why a value does not go into a place.
type Refusal = Cow<'static, str>;

/// The nearest microsecond; of two that are as near, the even one, as the server has it.
fn rounded_micros(nanos: i64) -> i64 {
    let (micros, rest) = (nanos.div_euclid(1000), nanos.rem_euclid(1000));
    let is_up = rest > 500 || (rest == 500 && micros % 2 != 0);
    micros + i64::from(is_up)
}

/// The types that are written as text.
fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN) || ty.name() == "citext"
}

/// The type under domains.
fn base(ty: &Type) -> &Type {
    match ty.kind() {
        Composition::Domain(inner) => base(inner),
        _ => ty,
    }
}

/// Writes a value for a parameter of this type.
///
/// # Errors
/// Why it does not go in there.
pub(in super::super) fn encode<'v>(value: &'v Value, ty: &Type) -> Result<Encoded<'v>, Refusal> {
    let ty = base(ty);
    if is_text(ty) {
        return match value {
            Value::Null(_) => Ok(Encoded::NULL),
            Value::Bytes(_) => Err("bytes are no text: send them as text, or cast the parameter to bytea".into()),
            Value::Array(_) => Err(unfit(value, ty)),
            value => render(value).map(Encoded::text),
        };
    }
    match value {
        Value::Null(_) => Ok(Encoded::NULL),
        Value::Text(text) | Value::Other { text, .. } => Ok(Encoded::text(text)),
        Value::Json(text) if matches!(*ty, Type::JSON | Type::JSONB) => Ok(Encoded::text(text)),
        Value::Bytes(bytes) if *ty == Type::BYTEA => Ok(Encoded::binary(bytes)),
        Value::Array(values) => match ty.kind() {
            Composition::Array(element) => literal(values, base(element)).map(Encoded::text),
            _ => Err(unfit(value, ty)),
        },
        _ => match *ty {
            Type::BOOL => match value {
                Value::Bool(truth) => Ok(Encoded::binary(vec![u8::from(*truth)])),
                _ => Err(unfit(value, ty)),
            },
            Type::INT2 => integer(value, ty, |n| i16::try_from(n).map(|n| n.to_be_bytes().to_vec()).ok()),
            Type::INT4 => integer(value, ty, |n| i32::try_from(n).map(|n| n.to_be_bytes().to_vec()).ok()),
            Type::INT8 => integer(value, ty, |n| i64::try_from(n).map(|n| n.to_be_bytes().to_vec()).ok()),
            Type::OID | Type::XID | Type::CID => {
                integer(value, ty, |n| u32::try_from(n).map(|n| n.to_be_bytes().to_vec()).ok())
            }
            Type::XID8 => integer(value, ty, |n| u64::try_from(n).map(|n| n.to_be_bytes().to_vec()).ok()),
            Type::FLOAT8 => float(value, ty).map(|n| Encoded::binary(n.to_be_bytes().to_vec())),
            Type::FLOAT4 => narrow(value, ty).map(|n| Encoded::binary(n.to_be_bytes().to_vec())),
            Type::NUMERIC => match value {
                Value::I64(_) | Value::U64(_) | Value::F32(_) | Value::F64(_) | Value::Decimal(_) => {
                    render(value).map(Encoded::text)
                }
                _ => Err(unfit(value, ty)),
            },
            Type::UUID => match value {
                Value::Uuid(uuid) => Ok(Encoded::binary(uuid.as_slice())),
                _ => Err(unfit(value, ty)),
            },
            Type::DATE => match value {
                Value::Date(date) => days(*date).map(|days| Encoded::binary(days.to_be_bytes().to_vec())),
                Value::Timestamp(moment) if moment.time() == Time::MIDNIGHT => {
                    days(moment.date()).map(|days| Encoded::binary(days.to_be_bytes().to_vec()))
                }
                _ => Err(unfit(value, ty)),
            },
            Type::TIME => match value {
                Value::Time(time) => Ok(Encoded::binary(micros_of(*time).to_be_bytes().to_vec())),
                _ => Err(unfit(value, ty)),
            },
            Type::TIMESTAMP => match value {
                Value::Timestamp(moment) => instant(*moment),
                Value::Date(date) => instant(Timestamp::new(*date, Time::MIDNIGHT)),
                _ => Err(unfit(value, ty)),
            },
            Type::TIMESTAMPTZ => match value {
                Value::TimestampTz(moment) => zoned(*moment),
                Value::Timestamp(_) => Err("it has no offset, and the server would take that of its session: send a \
                                            timestamp with an offset, or cast the parameter to timestamp"
                    .into()),
                _ => Err(unfit(value, ty)),
            },
            Type::INTERVAL => match value {
                Value::Interval(span) => {
                    let mut bytes = rounded_micros(span.nanos()).to_be_bytes().to_vec();
                    bytes.extend_from_slice(&span.days().to_be_bytes());
                    bytes.extend_from_slice(&span.months().to_be_bytes());
                    Ok(Encoded::binary(bytes))
                }
                _ => Err(unfit(value, ty)),
            },
            Type::BYTEA | Type::JSON | Type::JSONB => Err(unfit(value, ty)),
            // Types of the server's own, and of users: it knows best what a text means there.
            _ => match value {
                Value::Bytes(_) => Err(unfit(value, ty)),
                value => render(value).map(Encoded::text),
            },
        },
    }
}

#[cold]
fn unfit(value: &Value, ty: &Type) -> Refusal {
    format!("{} is no {}: give it as that, or cast the parameter", value.kind(), ty.name()).into()
}

#[cold]
fn outside(ty: &Type) -> Refusal {
    format!("it is out of the range of {}", ty.name()).into()
}

/// The number, if it is a whole one.
fn whole(value: &Value) -> Option<i128> {
    // Floats beyond this are whole, but no longer exact as the number that somebody meant.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = |n: f64| (n.fract() == 0.0 && n.abs() <= EXACT).then_some(n as i128);
    match value {
        Value::I64(n) => Some((*n).into()),
        Value::U64(n) => Some((*n).into()),
        Value::F32(n) => float((*n).into()),
        Value::F64(n) => float(*n),
        Value::Decimal(n) => i128::try_from(n).ok(),
        _ => None,
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::I64(_) | Value::U64(_) | Value::F32(_) | Value::F64(_) | Value::Decimal(_))
}

fn integer<'v>(value: &Value, ty: &Type, fit: impl FnOnce(i128) -> Option<Vec<u8>>) -> Result<Encoded<'v>, Refusal> {
    if !is_number(value) {
        return Err(unfit(value, ty));
    }
    let Some(number) = whole(value) else {
        return Err(format!("it is no whole number, and {} holds no other", ty.name()).into());
    };
    fit(number).map(Encoded::binary).ok_or_else(|| outside(ty))
}

#[cold]
fn rounded(ty: &Type) -> Refusal {
    format!("{} would round it: cast the parameter to numeric or double precision if that is what you want", ty.name())
        .into()
}

fn float(value: &Value, ty: &Type) -> Result<f64, Refusal> {
    match value {
        Value::F64(n) => Ok(*n),
        Value::F32(n) => Ok((*n).into()),
        Value::I64(_) | Value::U64(_) => {
            let number = whole(value).ok_or_else(|| unfit(value, ty))?;
            let float = number as f64;
            if float as i128 == number { Ok(float) } else { Err(rounded(ty)) }
        }
        Value::Decimal(n) => {
            let float = n.to_f64();
            let is_same =
                n.is_nan() || !n.is_finite() || float.to_string().parse::<Decimal>().is_ok_and(|back| back == *n);
            if is_same { Ok(float) } else { Err(rounded(ty)) }
        }
        _ => Err(unfit(value, ty)),
    }
}

fn narrow(value: &Value, ty: &Type) -> Result<f32, Refusal> {
    if let Value::F32(n) = value {
        return Ok(*n);
    }
    let wide = float(value, ty)?;
    let narrow = wide as f32;
    let is_same = wide.is_nan() || f64::from(narrow).to_bits() == wide.to_bits()
        // A decimal that is how the narrow float is written.
        || matches!(value, Value::Decimal(n) if narrow.to_string().parse::<Decimal>().is_ok_and(|back| back == *n));
    if is_same { Ok(narrow) } else { Err(rounded(ty)) }
}

fn days(date: Date) -> Result<i32, Refusal> {
    match date {
        Date::INFINITY => Ok(i32::MAX),
        Date::NEG_INFINITY => Ok(i32::MIN),
        date => date
            .epoch_days()
            .and_then(|days| i32::try_from(days - EPOCH_DAYS).ok())
            .ok_or_else(|| "it is no day of the calendar".into()),
    }
}

fn micros_of(time: Time) -> i64 {
    // Of a day at most, so it has room.
    rounded_micros(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
}

fn micros_since_epoch(moment: Timestamp) -> Result<i64, Refusal> {
    let days = i64::from(days(moment.date())?);
    days.checked_mul(DAY)
        .and_then(|days| days.checked_add(micros_of(moment.time())))
        .ok_or_else(|| "it is out of the range of timestamps".into())
}

fn instant<'v>(moment: Timestamp) -> Result<Encoded<'v>, Refusal> {
    let micros = match moment {
        Timestamp::INFINITY => i64::MAX,
        Timestamp::NEG_INFINITY => i64::MIN,
        moment => micros_since_epoch(moment)?,
    };
    Ok(Encoded::binary(micros.to_be_bytes().to_vec()))
}

fn zoned<'v>(moment: TimestampTz) -> Result<Encoded<'v>, Refusal> {
    if !moment.is_finite() {
        return instant(moment.timestamp());
    }
    let seconds = i64::from(moment.offset().seconds());
    let micros = micros_since_epoch(moment.timestamp())?
        .checked_sub(seconds * 1_000_000)
        .ok_or("it is out of the range of timestamps")?;
    Ok(Encoded::binary(micros.to_be_bytes().to_vec()))
}

/// The text of a value, as the server reads it.
pub(in super::super) fn render(value: &Value) -> Result<Cow<'_, str>, Refusal> {
    fn era(date: Date, rest: impl std::fmt::Display) -> String {
        match date.year() {
            year if year <= 0 && date.is_finite() => {
                format!("{:04}-{:02}-{:02}{rest} BC", 1 - i64::from(year), date.month(), date.day())
            }
            _ => format!("{date}{rest}"),
        }
    }
    Ok(match value {
        Value::Null(_) => Cow::Borrowed(""),
        Value::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Value::I64(n) => n.to_string().into(),
        Value::U64(n) => n.to_string().into(),
        Value::F32(n) => special(f64::from(*n)).map_or_else(|| n.to_string().into(), Cow::Borrowed),
        Value::F64(n) => special(*n).map_or_else(|| n.to_string().into(), Cow::Borrowed),
        Value::Decimal(n) => Cow::Borrowed(n.as_str()),
        Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => Cow::Borrowed(text),
        Value::Bytes(bytes) => {
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let digits = digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
            ['\\', 'x'].into_iter().chain(digits).collect::<String>().into()
        }
        Value::Date(date) => era(*date, "").into(),
        Value::Time(time) => time.to_string().into(),
        Value::Timestamp(moment) if !moment.date().is_finite() => moment.to_string().into(),
        Value::Timestamp(moment) => era(moment.date(), format_args!(" {}", moment.time())).into(),
        Value::TimestampTz(moment) if !moment.is_finite() => moment.to_string().into(),
        Value::TimestampTz(moment) => {
            let offset = if moment.offset() == Offset::UTC { "+00".to_string() } else { moment.offset().to_string() };
            era(moment.timestamp().date(), format_args!(" {}{offset}", moment.timestamp().time())).into()
        }
        Value::Interval(span) => span.to_string().into(),
        Value::Uuid(uuid) => {
            let digits: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
            [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-").into()
        }
        Value::Array(_) => return Err("a list has no text of its own: it goes into an array".into()),
    })
}

fn special(n: f64) -> Option<&'static str> {
    match n {
        n if n.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

/// An array as the server reads it. Each element is checked as a parameter of its type would be.
fn literal(values: &[Value], element: &Type) -> Result<String, Refusal> {
    let mut text = String::from("{");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push(if element.name() == "box" { ';' } else { ',' });
        }
        match value {
            Value::Null(_) => text.push_str("NULL"),
            Value::Array(values) => text.push_str(&literal(values, element)?),
            value => {
                encode(value, element).map_err(|why| format!("element {at}: {why}"))?;
                text.push('"');
                for c in render(value)?.chars() {
                    if matches!(c, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(c);
                }
                text.push('"');
            }
        }
    }
    text.push('}');
    Ok(text)
}

/// Whether every value that goes into a place of this type can be written in binary form.
pub(in super::super) fn has_binary_form(ty: &Type) -> bool {
    let ty = base(ty);
    is_text(ty)
        || matches!(ty.kind(), Composition::Enum(_))
        || matches!(
            *ty,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::NUMERIC
                | Type::BYTEA
                | Type::DATE
                | Type::TIME
                | Type::TIMESTAMP
                | Type::TIMESTAMPTZ
                | Type::UUID
                | Type::JSON
                | Type::JSONB
        )
}

/// Writes a value in binary form, for a type that [has one](has_binary_form): a text is read here, as nobody else will.
///
/// # Errors
/// Why it does not go in there.
pub(in super::super) fn encode_binary<'v>(value: &'v Value, ty: &Type) -> Result<Option<Cow<'v, [u8]>>, Refusal> {
    let ty = base(ty);
    let encoded = encode(value, ty)?;
    let Some(bytes) = encoded.bytes else { return Ok(None) };
    if !encoded.is_text || is_text(ty) || *ty == Type::JSON || matches!(ty.kind(), Composition::Enum(_)) {
        return Ok(Some(bytes));
    }
    let written = String::from_utf8_lossy(&bytes);
    let unread = || Refusal::from(format!("the text is no {}", ty.name()));
    let read = match *ty {
        Type::JSONB => return Ok(Some([&[1], &*bytes].concat().into())),
        Type::NUMERIC => {
            let number = Decimal::canonical(written.trim()).map_err(|_| unread())?;
            return numeric::binary_of(&number).map(|bytes| Some(bytes.into())).ok_or_else(|| outside(ty));
        }
        Type::BOOL => match written.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "yes" | "on" | "1" => Value::Bool(true),
            "f" | "false" | "no" | "off" | "0" => Value::Bool(false),
            _ => return Err(unread()),
        },
        Type::INT2 | Type::INT4 | Type::INT8 => Value::I64(written.trim().parse().map_err(|_| unread())?),
        Type::FLOAT4 => Value::F32(written.trim().parse().map_err(|_| unread())?),
        Type::FLOAT8 => Value::F64(written.trim().parse().map_err(|_| unread())?),
        Type::DATE => Value::Date(written.trim().parse().map_err(|_| unread())?),
        Type::TIME => Value::Time(written.trim().parse().map_err(|_| unread())?),
        Type::TIMESTAMP => Value::Timestamp(written.trim().parse().map_err(|_| unread())?),
        Type::TIMESTAMPTZ => Value::TimestampTz(written.trim().parse().map_err(|_| unread())?),
        Type::UUID => Value::Uuid(text::uuid(written.trim()).ok_or_else(unread)?),
        _ => return Err(unfit(value, ty)),
    };
    encode(&read, ty).map(|encoded| encoded.bytes.map(|bytes| bytes.into_owned().into()))
}
