//! What holds values: options, lists, references and owning pointers.

use super::{ConversionError, FromValue, ToValue};
use crate::value::{Kind, Value, ValueRef};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

const ARRAY: &str = "only arrays are read as a list";

impl<T: ToValue> ToValue for Option<T> {
    #[inline]
    fn to_value(&self) -> Result<Value, ConversionError> {
        self.as_ref().map_or_else(|| Ok(Value::Null(T::kind())), T::to_value)
    }

    #[inline]
    fn into_value(self) -> Result<Value, ConversionError> {
        self.map_or_else(|| Ok(Value::Null(T::kind())), T::into_value)
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        match self {
            Some(value) => value.with_ref(read),
            None => Ok(read(ValueRef::Null(T::kind()))),
        }
    }

    fn kind() -> Kind {
        T::kind()
    }
}

impl<T: ToValue + Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Value {
        option.map_or_else(|| Value::Null(T::kind()), Into::into)
    }
}

impl<'v, T: FromValue<'v>> FromValue<'v> for Option<T> {
    const USUAL: Kind = T::USUAL;

    #[inline]
    fn from_value(value: ValueRef<'v>) -> Result<Option<T>, ConversionError> {
        match value {
            ValueRef::Null(_) => Ok(None),
            _ => T::from_value(value).map(Some),
        }
    }
}

impl<T: ToValue> ToValue for [T] {
    fn to_value(&self) -> Result<Value, ConversionError> {
        T::list_to_value(self)
    }

    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        T::list_with_ref(self, read)
    }

    fn kind() -> Kind {
        T::list_kind()
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Result<Value, ConversionError> {
        T::list_to_value(self)
    }

    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        T::list_with_ref(self, read)
    }

    fn kind() -> Kind {
        T::list_kind()
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Result<Value, ConversionError> {
        T::list_to_value(self)
    }

    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        T::list_with_ref(self, read)
    }

    fn into_value(self) -> Result<Value, ConversionError> {
        T::list_into_value(self)
    }

    fn kind() -> Kind {
        T::list_kind()
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Value {
        Value::Array(values)
    }
}

/// Reads each element of an array.
pub(super) fn array<'v, T: FromValue<'v>>(value: ValueRef<'v>) -> Result<Vec<T>, ConversionError> {
    match value {
        ValueRef::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| {
                T::from_value(element.as_ref()).map_err(|error| in_element::<T>(value, index, &error))
            })
            .collect(),
        _ => Err(ConversionError::mismatch::<Vec<T>>(value, ARRAY)),
    }
}

#[cold]
fn in_element<T>(value: ValueRef<'_>, index: usize, error: &ConversionError) -> ConversionError {
    ConversionError::reading::<Vec<T>>(value, format!("element {index}: {error}"))
}

impl<'v, T: FromValue<'v>> FromValue<'v> for Vec<T> {
    fn from_value(value: ValueRef<'v>) -> Result<Vec<T>, ConversionError> {
        T::list_from_value(value)
    }
}

impl<'v, T: FromValue<'v>, const N: usize> FromValue<'v> for [T; N] {
    fn from_value(value: ValueRef<'v>) -> Result<[T; N], ConversionError> {
        let items = match value {
            ValueRef::Uuid(id) => T::list_from_uuid(id, value),
            _ => T::list_from_value(value),
        };
        let items = items.map_err(ConversionError::retyped::<[T; N]>)?;
        let count = items.len();
        items.try_into().map_err(|_| ConversionError::reading::<[T; N]>(value, format!("it has {count} elements")))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    #[inline]
    fn to_value(&self) -> Result<Value, ConversionError> {
        T::to_value(self)
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        T::with_ref(self, read)
    }

    fn kind() -> Kind {
        T::kind()
    }
}

impl<T: ToValue + ToOwned + ?Sized> ToValue for Cow<'_, T> {
    fn to_value(&self) -> Result<Value, ConversionError> {
        T::to_value(self)
    }

    #[inline]
    fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
        T::with_ref(self, read)
    }

    fn kind() -> Kind {
        T::kind()
    }
}

macro_rules! pointers {
    ($($pointer:ident)+) => {$(
        impl<T: ToValue + ?Sized> ToValue for $pointer<T> {
            #[inline]
            fn to_value(&self) -> Result<Value, ConversionError> {
                T::to_value(self)
            }

            #[inline]
            fn with_ref<R>(&self, read: impl FnOnce(ValueRef<'_>) -> R) -> Result<R, ConversionError> {
                T::with_ref(self, read)
            }

            fn kind() -> Kind {
                T::kind()
            }
        }

        impl<'v, T: FromValue<'v>> FromValue<'v> for $pointer<T> {
            #[inline]
            fn from_value(value: ValueRef<'v>) -> Result<$pointer<T>, ConversionError> {
                T::from_value(value).map($pointer::new)
            }
        }
    )+};
}

pointers!(Box Rc Arc);
