//! Integers, floats, booleans and decimals.

use super::{ConversionError, FromValue, ToValue, infallible, plain};
use crate::value::decimal::{Decimal, exact_f64, integer};
use crate::value::{Kind, Value, ValueRef};
use std::num::NonZero;

const INTEGER: &str = "only integers, and decimals and floats without a fraction, are read as one";
const FLOAT: &str = "only floats, and integers and decimals equal to one, are read as one";
const BOOL: &str = "only booleans and the integers 0 and 1 are read as one";
const DECIMAL: &str = "only decimals, integers and text that is a number are read as one";
const OUT_OF_RANGE: &str = "it is out of range";
const NOT_EXACT: &str = "no float is equal to it; read it as Decimal, whose to_f64 gives the nearest";

plain! {
    bool: Bool, |value| value;
    i8: I64, |value| value.into();
    i16: I64, |value| value.into();
    i32: I64, |value| value.into();
    i64: I64, |value| value;
    // No supported target has more than 64 bits.
    isize: I64, |value| value as i64;
    u16: I64, |value| value.into();
    u32: I64, |value| value.into();
    u64: U64, |value| value;
    usize: U64, |value| value as u64;
    f32: F32, |value| value;
    f64: F64, |value| value;
}

infallible! {
    i128: Decimal, |value| i64::try_from(value).map_or_else(|_| Value::Decimal(value.into()), Value::I64);
    u128: Decimal, |value| i64::try_from(value).map_or_else(|_| Value::Decimal(value.into()), Value::I64);
    Decimal: Decimal, |value| Value::Decimal(value);
}

impl From<u8> for Value {
    #[inline]
    fn from(value: u8) -> Value {
        Value::I64(value.into())
    }
}

impl ToValue for u8 {
    #[inline]
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::from(*self))
    }

    fn kind() -> Kind {
        Kind::I64
    }

    fn list_with_ref<R>(items: &[u8], read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(ValueRef::Bytes(items)))
    }

    fn list_to_value(items: &[u8]) -> Result<Value, ConversionError> {
        Ok(Value::Bytes(items.to_vec()))
    }

    fn list_into_value(items: Vec<u8>) -> Result<Value, ConversionError> {
        Ok(Value::Bytes(items))
    }

    fn list_kind() -> Kind {
        Kind::Bytes
    }
}

/// The way every integer is read once it turned out not to be the plain case.
#[cold]
fn read_integer<T: TryFrom<i128> + TryFrom<u128>>(value: ValueRef<'_>) -> Result<T, ConversionError> {
    let fail = |reason: &'static str| ConversionError::reading::<T>(value, reason);
    let (negative, magnitude) = match value {
        ValueRef::I64(value) => (value < 0, u128::from(value.unsigned_abs())),
        ValueRef::U64(value) => (false, u128::from(value)),
        ValueRef::F64(value) => whole_float(value, 53).map_err(fail)?,
        ValueRef::F32(value) => whole_float(f64::from(value), 24).map_err(fail)?,
        ValueRef::Decimal(text) => integer(text).map_err(|error| fail(error.reason()))?,
        ValueRef::Bool(_) => return Err(fail("it is a boolean; read it as bool")),
        _ => return Err(ConversionError::mismatch::<T>(value, INTEGER)),
    };
    let fitting = if negative {
        0i128.checked_sub_unsigned(magnitude).and_then(|n| T::try_from(n).ok())
    } else {
        T::try_from(magnitude).ok()
    };
    fitting.ok_or_else(|| fail(OUT_OF_RANGE))
}

/// A float as an integer, within the range where every integer is a float of that precision.
fn whole_float(float: f64, precision: u32) -> Result<(bool, u128), &'static str> {
    if !float.is_finite() {
        return Err("it is not finite");
    }
    if float.fract() != 0.0 {
        return Err("it has a fraction");
    }
    let magnitude = float.abs();
    if magnitude > 2f64.powi(precision as i32) {
        return Err("it is beyond the integers that floats hold exactly");
    }
    // Whole and small by the checks above.
    Ok((float < 0.0, magnitude as u128))
}

macro_rules! read_integers {
    ($($integer:ty)+) => {$(
        impl<'v> FromValue<'v> for $integer {
            const USUAL: Kind = Kind::I64;

            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<$integer, ConversionError> {
                if let ValueRef::I64(number) = value && let Ok(number) = <$integer>::try_from(number) {
                    return Ok(number);
                }
                read_integer(value)
            }
        }

        nonzero!($integer);
    )+};
}

macro_rules! nonzero {
    ($integer:ty) => {
        impl From<NonZero<$integer>> for Value {
            fn from(value: NonZero<$integer>) -> Value {
                Value::from(value.get())
            }
        }

        impl ToValue for NonZero<$integer> {
            fn to_value(&self) -> Result<Value, ConversionError> {
                Ok(Value::from(*self))
            }

            fn kind() -> Kind {
                <$integer>::kind()
            }
        }

        impl<'v> FromValue<'v> for NonZero<$integer> {
            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<NonZero<$integer>, ConversionError> {
                let number = <$integer>::from_value(value)?;
                NonZero::new(number).ok_or_else(|| ConversionError::reading::<NonZero<$integer>>(value, "it is zero"))
            }
        }
    };
}

read_integers!(i8 i16 i32 i64 i128 isize u16 u32 u64 u128 usize);
nonzero!(u8);

impl<'v> FromValue<'v> for u8 {
    const USUAL: Kind = Kind::I64;

    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<u8, ConversionError> {
        if let ValueRef::I64(number) = value
            && let Ok(number) = u8::try_from(number)
        {
            return Ok(number);
        }
        read_integer(value)
    }

    fn list_from_value(value: ValueRef<'v>) -> Result<Vec<u8>, ConversionError> {
        super::text::bytes::<Vec<u8>>(value).map(<[u8]>::to_vec)
    }

    fn list_from_uuid(uuid: [u8; 16], _value: ValueRef<'v>) -> Result<Vec<u8>, ConversionError> {
        Ok(uuid.to_vec())
    }
}

impl<'v> FromValue<'v> for f64 {
    const USUAL: Kind = Kind::F64;

    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<f64, ConversionError> {
        match value {
            ValueRef::F64(float) => Ok(float),
            ValueRef::F32(float) => Ok(f64::from(float)),
            _ => read_float::<f64>(value, 53),
        }
    }
}

impl<'v> FromValue<'v> for f32 {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<f32, ConversionError> {
        match value {
            ValueRef::F32(float) => Ok(float),
            _ => read_f32(value),
        }
    }
}

#[cold]
fn read_f32(value: ValueRef<'_>) -> Result<f32, ConversionError> {
    let wide = match value {
        ValueRef::F64(float) => float,
        _ => read_float::<f32>(value, 24)?,
    };
    let narrow = wide as f32;
    if f64::from(narrow) == wide || wide.is_nan() {
        return Ok(narrow);
    }
    let reason =
        if matches!(value, ValueRef::F64(_)) { "it does not fit 32 bits exactly; read it as f64" } else { NOT_EXACT };
    Err(ConversionError::reading::<f32>(value, reason))
}

/// A number that is no float of `precision` bits yet, as one that is equal to it.
#[cold]
fn read_float<T>(value: ValueRef<'_>, precision: u32) -> Result<f64, ConversionError> {
    let limit = 1u64 << precision;
    let reason = match value {
        ValueRef::I64(number) if number.unsigned_abs() <= limit => return Ok(number as f64),
        ValueRef::U64(number) if number <= limit => return Ok(number as f64),
        ValueRef::I64(_) | ValueRef::U64(_) => "it is beyond the integers that floats hold exactly",
        ValueRef::Decimal(text) => match exact_f64(text) {
            Some(float) => return Ok(float),
            None => NOT_EXACT,
        },
        _ => return Err(ConversionError::mismatch::<T>(value, FLOAT)),
    };
    Err(ConversionError::reading::<T>(value, reason))
}

impl<'v> FromValue<'v> for bool {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<bool, ConversionError> {
        match value {
            ValueRef::Bool(truth) => Ok(truth),
            ValueRef::I64(0) | ValueRef::U64(0) => Ok(false),
            ValueRef::I64(1) | ValueRef::U64(1) => Ok(true),
            ValueRef::I64(_) | ValueRef::U64(_) => {
                Err(ConversionError::reading::<bool>(value, "it is neither 0 nor 1"))
            }
            _ => Err(ConversionError::mismatch::<bool>(value, BOOL)),
        }
    }
}

impl<'v> FromValue<'v> for Decimal {
    fn from_value(value: ValueRef<'v>) -> Result<Decimal, ConversionError> {
        match value {
            ValueRef::Decimal(text) | ValueRef::Text(text) => {
                text.parse().map_err(|_| ConversionError::reading::<Decimal>(value, "it is no decimal number"))
            }
            ValueRef::I64(number) => Ok(Decimal::from(number)),
            ValueRef::U64(number) => Ok(Decimal::from(number)),
            _ => Err(ConversionError::mismatch::<Decimal>(value, DECIMAL)),
        }
    }
}
