//! [`serde_json::Value`], and raw JSON.

use crate::value::json::{text, unreadable};
use crate::value::{ConversionError, Decimal, FromValue, Kind, ToValue, Value, ValueRef};
use serde_json::value::RawValue;
use serde_json::{Number, Value as JsonValue};

impl From<JsonValue> for Value {
    fn from(json: JsonValue) -> Value {
        Value::Json(json.to_string())
    }
}

/// JSON's `null` is sent as the document `null`, not as SQL's NULL; for that, use an `Option`.
impl ToValue for JsonValue {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::Json(self.to_string()))
    }

    fn kind() -> Kind {
        Kind::Json
    }
}

/// From JSON and text. A number that a `serde_json::Number` would round (more digits than 64 bits, as an integer or a
/// float, can give back) is an error; `Json<Box<RawValue>>` reads it.
impl<'v> FromValue<'v> for JsonValue {
    fn from_value(value: ValueRef<'v>) -> Result<JsonValue, ConversionError> {
        let text = text::<JsonValue>(value)?;
        let json = serde_json::from_str(text).map_err(|error| unreadable::<JsonValue>(value, &error))?;
        if numbers(text).all(is_exact) {
            return Ok(json);
        }
        Err(ConversionError::reading::<JsonValue>(
            value,
            "a number in it would be rounded; read it as Json<Box<RawValue>>",
        ))
    }
}

/// The numbers of a valid JSON document: what begins with a digit or a minus outside strings.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])?;
            rest = &rest[start..];
            if let Some(string) = rest.strip_prefix('"') {
                rest = after_string(string);
                continue;
            }
            let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            rest = after;
            return Some(number);
        }
    })
}

/// What follows the end of a string whose opening quote is taken already.
fn after_string(mut string: &str) -> &str {
    while let Some(end) = string.find(['"', '\\']) {
        let escaped = string[end..].starts_with('\\');
        // After a backslash comes an ASCII character: the document is valid.
        string = string.get(end + 1 + usize::from(escaped)..).unwrap_or_default();
        if !escaped {
            return string;
        }
    }
    ""
}

/// Whether a number survives the way through [`Number`]. With its feature `arbitrary_precision`, which any crate of a
/// program can switch on, every number does.
fn is_exact(number: &str) -> bool {
    // Fifteen digits survive in a 64-bit float whatever they are, at every exponent of up to two digits.
    if number.len() <= 15 && !number.contains(['e', 'E']) {
        return true;
    }
    let Ok(parsed) = serde_json::from_str::<Number>(number) else { return false };
    match (number.parse::<Decimal>(), parsed.to_string().parse::<Decimal>()) {
        (Ok(written), Ok(read)) => written == read,
        _ => false,
    }
}

/// The JSON text, exactly as it is.
impl ToValue for RawValue {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(Value::Json(self.get().to_owned()))
    }

    fn kind() -> Kind {
        Kind::Json
    }
}

impl<'v> FromValue<'v> for &'v RawValue {
    fn from_value(value: ValueRef<'v>) -> Result<&'v RawValue, ConversionError> {
        serde_json::from_str(text::<&RawValue>(value)?).map_err(|error| unreadable::<&RawValue>(value, &error))
    }
}

impl<'v> FromValue<'v> for Box<RawValue> {
    fn from_value(value: ValueRef<'v>) -> Result<Box<RawValue>, ConversionError> {
        <&RawValue>::from_value(value).map(ToOwned::to_owned).map_err(ConversionError::retyped::<Box<RawValue>>)
    }
}
