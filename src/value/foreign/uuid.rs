//! [`uuid::Uuid`].

use crate::value::{ConversionError, FromValue, Kind, ToValue, Value, ValueRef};
use uuid::Uuid;

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Value {
        Value::Uuid(id.into_bytes())
    }
}

impl ToValue for Uuid {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::from(*self))
    }

    fn kind() -> Kind {
        Kind::Uuid
    }
}

/// From UUIDs, from sixteen bytes, and from text in any of its usual forms (databases without the type keep it so).
impl<'v> FromValue<'v> for Uuid {
    fn from_value(value: ValueRef<'v>) -> Result<Uuid, ConversionError> {
        let fail = |reason: &'static str| ConversionError::reading::<Uuid>(value, reason);
        match value {
            ValueRef::Uuid(bytes) => Ok(Uuid::from_bytes(bytes)),
            ValueRef::Bytes(bytes) => Uuid::from_slice(bytes).map_err(|_| fail("it has not 16 bytes")),
            ValueRef::Text(text) => Uuid::try_parse(text).map_err(|_| fail("it is not the text of a UUID")),
            _ => Err(ConversionError::mismatch::<Uuid>(value, "only UUIDs, 16 bytes and text are read as one")),
        }
    }
}
