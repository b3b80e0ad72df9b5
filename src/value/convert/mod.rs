//! The two traits between values and Rust types, and the implementations for the types of the standard library.

mod error;
mod nested;
mod number;
mod temporal;
mod text;

pub use error::ConversionError;

use super::{Kind, Value, ValueRef};

/// What can be bound to a parameter.
///
/// Implemented for the integers (128 bits and `NonZero` included), floats, `bool`, text, bytes, the types of
/// [`value`](super), `SystemTime`, `Duration`, [`Json`](super::Json), and, behind features of their names, the types of
/// `chrono`, `time`, `jiff`, `uuid`, `rust_decimal` and `bigdecimal`. `Option` is NULL or its content; `Vec`, slices
/// and arrays are a [`Value::Array`], except of `u8`, which are [`Value::Bytes`]; references and `Box`, `Rc`, `Arc`,
/// `Cow` are their content.
///
/// A value is sent exactly or not at all: what no [`Value`] can hold (a leap second of `chrono`, a `Json` that does not
/// serialize) is an error here, before anything is sent.
///
/// ```
/// use pontoon::value::{ConversionError, Kind, ToValue, Value};
///
/// struct UserId(i64);
///
/// impl ToValue for UserId {
///     fn to_value(&self) -> Result<Value, ConversionError> {
///         self.0.to_value()
///     }
///     fn kind() -> Kind {
///         i64::kind()
///     }
/// }
///
/// assert_eq!(UserId(7).to_value()?, Value::I64(7));
/// assert_eq!(None::<UserId>.to_value()?, Value::Null(Kind::I64));
/// # Ok::<(), ConversionError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be bound to a parameter",
    note = "wrap it in `pontoon::value::Json` to store it as JSON, or implement `pontoon::value::ToValue`",
    note = "types of chrono, time, jiff, uuid, rust_decimal and bigdecimal need the feature of pontoon of that name"
)]
pub trait ToValue {
    /// The value to bind.
    ///
    /// # Errors
    /// When no value is exactly this.
    fn to_value(&self) -> Result<Value, ConversionError>;

    /// The same as [`to_value`](ToValue::to_value), without a copy where the content can be moved.
    ///
    /// # Errors
    /// The same.
    fn into_value(self) -> Result<Value, ConversionError>
    where
        Self: Sized,
    {
        self.to_value()
    }

    /// Shows the value of [`to_value`](ToValue::to_value) to `read`, without the copy where it can be borrowed.
    #[doc(hidden)]
    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(self.to_value()?.as_ref()))
    }

    /// The kind of NULL that `None` of this type is. Some databases need it to prepare a statement.
    fn kind() -> Kind;

    /// What a list of this type becomes. Only `u8` differs: its lists are bytes.
    #[doc(hidden)]
    fn list_to_value(items: &[Self]) -> Result<Value, ConversionError>
    where
        Self: Sized,
    {
        items.iter().map(ToValue::to_value).collect::<Result<_, _>>().map(Value::Array)
    }

    /// [`list_to_value`](ToValue::list_to_value) without a copy.
    #[doc(hidden)]
    fn list_into_value(items: Vec<Self>) -> Result<Value, ConversionError>
    where
        Self: Sized,
    {
        items.into_iter().map(ToValue::into_value).collect::<Result<_, _>>().map(Value::Array)
    }

    /// [`with_ref`](ToValue::with_ref) of a list of this type.
    #[doc(hidden)]
    fn list_with_ref<R>(items: &[Self], read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError>
    where
        Self: Sized,
    {
        Ok(read(Self::list_to_value(items)?.as_ref()))
    }

    /// The kind of a list of this type.
    #[doc(hidden)]
    fn list_kind() -> Kind {
        Kind::Array
    }
}

/// What can be read from a cell, perhaps borrowing from it.
///
/// A value is read exactly or not at all, and no meaning is guessed:
///
/// | type | is read from |
/// |---|---|
/// | integers | integers that fit; decimals and floats without a fraction (floats up to the integers they hold exactly: ±2⁵³, of 32 bits ±2²⁴) |
/// | `f64`, `f32` | floats, integers and decimals *equal* to a float of that width; 0.1 as a decimal is not: use [`Decimal::to_f64`](super::Decimal::to_f64) |
/// | `bool` | booleans, and the integers 0 and 1 (SQLite and MySQL have no booleans) |
/// | [`Decimal`](super::Decimal) | decimals, integers, text that is a number (SQLite keeps decimals as text) |
/// | `String`, `&str` and other text | text, JSON, the text of decimals and of types without a kind of their own; not numbers |
/// | `char` | text of one character |
/// | `Vec<u8>`, `&[u8]`, `[u8; N]` | bytes; for `[u8; 16]` also UUIDs |
/// | [`Date`](super::Date), [`Time`](super::Time), [`Timestamp`](super::Timestamp), [`TimestampTz`](super::TimestampTz), [`Interval`](super::Interval) | the same, and text of their form (SQLite keeps them as text) |
/// | `SystemTime` | finite moments; `Duration`: intervals of time alone that are not negative |
/// | [`Json<T>`](super::Json) | JSON and text |
/// | `Option<T>` | NULL as `None`, else `T` |
/// | `Vec<T>`, `[T; N]` | arrays |
/// | [`Value`], [`ValueRef`] | everything |
///
/// NULL is an error for all but `Option`, [`Value`] and [`ValueRef`].
///
/// ```
/// use pontoon::value::{ConversionError, FromValue, Value, ValueRef};
///
/// #[derive(Debug, PartialEq)]
/// enum Color { Red, Blue }
///
/// impl<'v> FromValue<'v> for Color {
///     fn from_value(value: ValueRef<'v>) -> Result<Color, ConversionError> {
///         match <&str>::from_value(value)? {
///             "red" => Ok(Color::Red),
///             "blue" => Ok(Color::Blue),
///             _ => Err(ConversionError::reading::<Color>(value, "it is neither red nor blue")),
///         }
///     }
/// }
///
/// assert_eq!(Value::from("red").get::<Color>()?, Color::Red);
/// let error = Value::from("green").get::<Color>().unwrap_err();
/// assert_eq!(error.to_string(), "cannot read TEXT as Color: it is neither red nor blue");
/// # Ok::<(), ConversionError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a value",
    note = "read it as `pontoon::value::Json` where it is stored as JSON (`#[row(json)]` in a derived struct), or implement `pontoon::value::FromValue`",
    note = "types of chrono, time, jiff, uuid, rust_decimal and bigdecimal need the feature of pontoon of that name"
)]
pub trait FromValue<'v>: Sized {
    /// Reads the value, exactly or not at all.
    ///
    /// # Errors
    /// When the value does not fit the type. The error must not repeat the value's content.
    fn from_value(value: ValueRef<'v>) -> Result<Self, ConversionError>;

    /// The kind this type is nearly always read from, if that is an integer, a double or text: what a row inlines.
    #[doc(hidden)]
    const USUAL: Kind = Kind::Unknown;

    /// What a list of this type is read from. Only `u8` differs: its lists are bytes.
    #[doc(hidden)]
    fn list_from_value(value: ValueRef<'v>) -> Result<Vec<Self>, ConversionError> {
        nested::array(value)
    }

    /// What a list of this type is read from, given a UUID, which a list cannot borrow from: for `u8`, its bytes.
    #[doc(hidden)]
    fn list_from_uuid(_uuid: [u8; 16], value: ValueRef<'v>) -> Result<Vec<Self>, ConversionError> {
        nested::array(value)
    }
}

/// What can be read from a cell without borrowing from it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a value",
    note = "read it as `pontoon::value::Json` where it is stored as JSON (`#[row(json)]` in a derived struct), or implement `pontoon::value::FromValue`",
    note = "types of chrono, time, jiff, uuid, rust_decimal and bigdecimal need the feature of pontoon of that name"
)]
pub trait FromValueOwned: for<'v> FromValue<'v> {}

#[diagnostic::do_not_recommend]
impl<T: for<'v> FromValue<'v>> FromValueOwned for T {}

/// `From` and `ToValue` for types that always have a value: `type: kind, |value| expression`.
macro_rules! infallible {
    ($($type:ty: $kind:ident, |$value:ident| $expression:expr;)+) => {$(
        impl From<$type> for Value {
            #[inline]
            fn from($value: $type) -> Value {
                $expression
            }
        }

        impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Result<Value, ConversionError> {
                Ok(Value::from(self.clone()))
            }

            #[inline]
            fn into_value(self) -> Result<Value, ConversionError> {
                Ok(Value::from(self))
            }

            fn kind() -> Kind {
                Kind::$kind
            }
        }
    )+};
}
use infallible;

/// The same for types whose values own nothing: `type: kind, |value| content`.
macro_rules! plain {
    ($($type:ty: $kind:ident, |$value:ident| $content:expr;)+) => {$(
        impl From<$type> for Value {
            #[inline]
            fn from($value: $type) -> Value {
                Value::$kind($content)
            }
        }

        impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Result<Value, ConversionError> {
                Ok(Value::from(*self))
            }

            #[inline]
            fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
                let $value = *self;
                Ok(read(ValueRef::$kind($content)))
            }

            fn kind() -> Kind {
                Kind::$kind
            }
        }
    )+};
}
use plain;

impl ToValue for Value {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(self.clone())
    }

    fn into_value(self) -> Result<Value, ConversionError> {
        Ok(self)
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(self.as_ref()))
    }

    fn kind() -> Kind {
        Kind::Unknown
    }
}

impl ToValue for ValueRef<'_> {
    fn to_value(&self) -> Result<Value, ConversionError> {
        Ok(ValueRef::to_value(*self))
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        Ok(read(*self))
    }

    fn kind() -> Kind {
        Kind::Unknown
    }
}

impl<'v> FromValue<'v> for ValueRef<'v> {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<ValueRef<'v>, ConversionError> {
        Ok(value)
    }
}

impl<'v> FromValue<'v> for Value {
    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<Value, ConversionError> {
        Ok(value.to_value())
    }
}
