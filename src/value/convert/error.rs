//! Why a conversion failed.

use crate::error::{Effect, Error, ErrorKind};
use crate::value::{Kind, ValueRef};
use std::borrow::Cow;
use std::fmt;

/// Why a value could not be read as the type that was asked for, or a value of a Rust type not be sent.
///
/// It tells the kind of the value, the Rust type and the reason, and never the content: that may be a secret. A row
/// puts the column in front: `column "price" (2): cannot read DECIMAL as i32: it has a fraction`. It becomes an
/// [`Error`] of [`ErrorKind::Conversion`] by `?`.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversionError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    direction: Direction,
    rust_type: String,
    reason: Cow<'static, str>,
}

#[derive(Clone, PartialEq, Eq)]
enum Direction {
    Read { kind: Kind, null: bool, type_name: Option<Box<str>> },
    Send,
}

impl ConversionError {
    /// An error of reading `value` as `T`. The reason completes the sentence `cannot read TEXT as T: ...`, and must not
    /// repeat the content of the value.
    #[cold]
    pub fn reading<T: ?Sized>(value: ValueRef<'_>, reason: impl Into<Cow<'static, str>>) -> ConversionError {
        let type_name = match value {
            ValueRef::Other { type_name, .. } => Some(type_name.into()),
            _ => None,
        };
        let direction = Direction::Read { kind: value.kind(), null: value.is_null(), type_name };
        ConversionError(Box::new(Inner { direction, rust_type: short_name::<T>(), reason: reason.into() }))
    }

    /// An error of sending a value of type `T`. The reason completes the sentence `cannot send T: ...`, and must not
    /// repeat the content of the value.
    #[cold]
    pub fn sending<T: ?Sized>(reason: impl Into<Cow<'static, str>>) -> ConversionError {
        ConversionError(Box::new(Inner {
            direction: Direction::Send,
            rust_type: short_name::<T>(),
            reason: reason.into(),
        }))
    }

    /// NULL where `T` cannot be.
    #[cold]
    pub(crate) fn null<T: ?Sized>(value: ValueRef<'_>) -> ConversionError {
        ConversionError::reading::<T>(value, format!("use Option<{}>", short_name::<T>()))
    }

    /// A value of a kind that is never read as `T`, with what is; or NULL.
    #[cold]
    pub(crate) fn mismatch<T: ?Sized>(value: ValueRef<'_>, accepted: &'static str) -> ConversionError {
        if value.is_null() {
            return ConversionError::null::<T>(value);
        }
        ConversionError::reading::<T>(value, accepted)
    }

    /// The same error for `T`, a type that is read by way of the one the error is about.
    #[cold]
    pub(crate) fn retyped<T: ?Sized>(mut self) -> ConversionError {
        let null = matches!(self.0.direction, Direction::Read { null: true, .. });
        self.0.rust_type = short_name::<T>();
        if null {
            self.0.reason = format!("use Option<{}>", self.0.rust_type).into();
        }
        self
    }

    /// The kind of the value that was read; `None` if the error is about a value to be sent.
    pub fn kind(&self) -> Option<Kind> {
        match self.0.direction {
            Direction::Read { kind, .. } => Some(kind),
            Direction::Send => None,
        }
    }

    /// The Rust type that was asked for or was to be sent, without its path.
    pub fn rust_type(&self) -> &str {
        &self.0.rust_type
    }

    /// What does not fit.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { direction, rust_type, reason } = &*self.0;
        match direction {
            Direction::Read { null: true, .. } => write!(f, "cannot read NULL as {rust_type}: {reason}"),
            Direction::Read { type_name: Some(name), .. } => write!(f, "cannot read {name} as {rust_type}: {reason}"),
            Direction::Read { kind, .. } => write!(f, "cannot read {kind} as {rust_type}: {reason}"),
            Direction::Send => write!(f, "cannot send {rust_type}: {reason}"),
        }
    }
}

impl fmt::Debug for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConversionError({:?})", self.to_string())
    }
}

impl std::error::Error for ConversionError {}

impl From<ConversionError> for Error {
    fn from(error: ConversionError) -> Error {
        let effect = match error.0.direction {
            Direction::Read { .. } => ErrorKind::Conversion.usual_effect(),
            Direction::Send => Effect::NotSent,
        };
        Error::new(ErrorKind::Conversion, error.to_string()).with_effect(effect)
    }
}

/// The name of a type without the paths in it: `Option<String>` for `core::option::Option<alloc::string::String>`.
fn short_name<T: ?Sized>() -> String {
    let full = std::any::type_name::<T>();
    let mut short = String::with_capacity(full.len());
    let mut rest = full;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if end > 0 && rest[end..].starts_with("::") {
            rest = &rest[end + 2..];
            continue;
        }
        // An identifier, or else one character that is none.
        let end = if end > 0 { end } else { rest.chars().next().map_or(rest.len(), char::len_utf8) };
        short.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_paths_and_nothing_else() {
        assert_eq!(short_name::<i32>(), "i32");
        assert_eq!(short_name::<Option<String>>(), "Option<String>");
        assert_eq!(short_name::<&[std::time::SystemTime]>(), "&[SystemTime]");
        assert_eq!(short_name::<std::collections::HashMap<String, [u8; 4]>>(), "HashMap<String, [u8; 4]>");
        assert_eq!(short_name::<(u8, std::rc::Rc<str>)>(), "(u8, Rc<str>)");
    }

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<ConversionError>(), size_of::<usize>());
        assert_eq!(size_of::<Result<i64, ConversionError>>(), 16);
    }

    #[test]
    fn what_was_not_sent_had_no_effect() {
        let sending = Error::from(ConversionError::sending::<char>("no"));
        assert_eq!((sending.kind(), sending.effect()), (ErrorKind::Conversion, Effect::NotSent));
        let reading = Error::from(ConversionError::reading::<char>(ValueRef::I64(1), "no"));
        assert_eq!(reading.effect(), Effect::NotApplied);
        assert_eq!(reading.to_string(), "cannot read INTEGER as char: no");
    }

    #[test]
    fn a_type_without_a_kind_is_called_by_its_name() {
        let value = ValueRef::Other { type_name: "point", text: "(1,2)" };
        assert_eq!(ConversionError::reading::<i64>(value, "no").to_string(), "cannot read point as i64: no");
    }
}
