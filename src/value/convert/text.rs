//! Text and bytes.

use super::{ConversionError, FromValue, ToValue, infallible};
use crate::value::{Kind, Value, ValueRef};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

const TEXT: &str = "only text, JSON, decimals and the text of unknown types are read as text";
const BYTES: &str = "only bytes are read as bytes";

infallible! {
    char: Text, |value| Value::Text(value.into());
}

impl From<String> for Value {
    #[inline]
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl ToValue for String {
    #[inline]
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::Text(self.clone()))
    }

    #[inline]
    fn into_value(self) -> Result<Value, ConversionError> {
        Ok(Value::Text(self))
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(ValueRef::Text(self)))
    }

    fn kind() -> Kind {
        Kind::Text
    }
}

impl ToValue for str {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::Text(self.to_owned()))
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(ValueRef::Text(self)))
    }

    fn kind() -> Kind {
        Kind::Text
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<Box<str>> for Value {
    fn from(text: Box<str>) -> Value {
        Value::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Value {
        Value::Text(text.into_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

/// The text of a value, for a type called `T`.
#[inline]
fn text<'v, T: ?Sized>(value: ValueRef<'v>) -> Result<&'v str, ConversionError> {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) | ValueRef::Decimal(text) | ValueRef::Other { text, .. } => {
            Ok(text)
        }
        _ => Err(ConversionError::mismatch::<T>(value, TEXT)),
    }
}

impl<'v> FromValue<'v> for &'v str {
    const USUAL: Kind = Kind::Text;

    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<&'v str, ConversionError> {
        text::<&str>(value)
    }
}

impl<'v> FromValue<'v> for Cow<'v, str> {
    const USUAL: Kind = Kind::Text;

    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<Cow<'v, str>, ConversionError> {
        text::<Cow<'_, str>>(value).map(Cow::Borrowed)
    }
}

macro_rules! owned_text {
    ($($type:ty)+) => {$(
        impl<'v> FromValue<'v> for $type {
            const USUAL: Kind = Kind::Text;

            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<$type, ConversionError> {
                text::<$type>(value).map(<$type>::from)
            }
        }
    )+};
}

owned_text!(String Box<str> Rc<str> Arc<str>);

impl<'v> FromValue<'v> for char {
    fn from_value(value: ValueRef<'v>) -> Result<char, ConversionError> {
        let mut characters = text::<char>(value)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(ConversionError::reading::<char>(value, "it is not one character")),
        }
    }
}

/// The bytes of a value, for a type called `T`.
#[inline]
pub(super) fn bytes<'v, T: ?Sized>(value: ValueRef<'v>) -> Result<&'v [u8], ConversionError> {
    match value {
        ValueRef::Bytes(bytes) => Ok(bytes),
        _ => Err(ConversionError::mismatch::<T>(value, BYTES)),
    }
}

impl<'v> FromValue<'v> for &'v [u8] {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<&'v [u8], ConversionError> {
        bytes::<&[u8]>(value)
    }
}

impl<'v> FromValue<'v> for Cow<'v, [u8]> {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<Cow<'v, [u8]>, ConversionError> {
        bytes::<Cow<'_, [u8]>>(value).map(Cow::Borrowed)
    }
}

macro_rules! owned_bytes {
    ($($type:ty)+) => {$(
        impl<'v> FromValue<'v> for $type {
            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<$type, ConversionError> {
                bytes::<$type>(value).map(<$type>::from)
            }
        }
    )+};
}

owned_bytes!(Box<[u8]> Rc<[u8]> Arc<[u8]>);
