//! JSON of any Rust type.

use super::{ConversionError, FromValue, Kind, ToValue, Value, ValueRef};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};

/// A value kept in the database as JSON: serialized when it is sent, deserialized when it is read (from JSON, or from
/// text, as SQLite keeps it).
///
/// The text travels as it is, so numbers are as exact as `T` reads them: `Json<Box<serde_json::value::RawValue>>` (or
/// `&RawValue`, borrowing from the row) keeps every digit. Reading `serde_json::Value` without this wrapper refuses
/// numbers that it would round.
///
/// ```
/// use pontoon::value::{Json, ToValue, Value};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Address { city: String }
///
/// let value = Json(Address { city: "Zürich".into() }).to_value()?;
/// assert_eq!(value, Value::Json(r#"{"city":"Zürich"}"#.into()));
/// assert_eq!(value.get::<Json<Address>>()?.city, "Zürich");
/// # Ok::<(), pontoon::value::ConversionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Json<T>(pub T);

impl<T> Json<T> {
    /// The content.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Json<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize> ToValue for Json<T> {
    fn to_value(&self) -> Result<Value, ConversionError> {
        // The error of a `Serialize` may quote what it could not serialize.
        serde_json::to_string(&self.0)
            .map(Value::Json)
            .map_err(|_| ConversionError::sending::<Json<T>>("it cannot be serialized as JSON"))
    }

    fn kind() -> Kind {
        Kind::Json
    }
}

impl<'v, T: Deserialize<'v>> FromValue<'v> for Json<T> {
    fn from_value(value: ValueRef<'v>) -> Result<Json<T>, ConversionError> {
        let text = text::<Json<T>>(value)?;
        serde_json::from_str(text).map(Json).map_err(|error| unreadable::<Json<T>>(value, &error))
    }
}

/// The JSON text of a value, for a type called `T`.
pub(super) fn text<'v, T>(value: ValueRef<'v>) -> Result<&'v str, ConversionError> {
    match value {
        ValueRef::Json(text) | ValueRef::Text(text) => Ok(text),
        _ => Err(ConversionError::mismatch::<T>(value, "only JSON and text are read as JSON")),
    }
}

/// Where a text stopped making sense. The error's own message may quote the content, so only its place is told.
#[cold]
pub(super) fn unreadable<T>(value: ValueRef<'_>, error: &serde_json::Error) -> ConversionError {
    let what = if error.is_data() { "it does not have the shape of the type" } else { "it is no JSON" };
    ConversionError::reading::<T>(value, format!("{what} at line {}, column {}", error.line(), error.column()))
}
