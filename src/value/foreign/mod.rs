//! Conversions to and from the types of other crates, each behind the feature of that crate's name.
//!
//! Exact or an error in both directions, like all others: what the other type cannot hold (an infinity, a zero date, a
//! year out of its range, too many digits) is an error that says so, and so is what no value can hold (a leap second).

#[cfg(feature = "bigdecimal")]
mod bigdecimal;
#[cfg(feature = "chrono")]
mod chrono;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
mod serde_json;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

#[cfg(any(feature = "bigdecimal", feature = "chrono", feature = "jiff", feature = "rust_decimal", feature = "time"))]
mod via {
    use crate::value::{ConversionError, FromValue, ValueRef};

    /// Reads `T` by way of this library's own `Own`.
    pub(super) fn read<'v, Own: FromValue<'v>, T>(
        value: ValueRef<'v>,
        convert: impl FnOnce(Own) -> Result<T, &'static str>,
    ) -> Result<T, ConversionError> {
        let own = Own::from_value(value).map_err(ConversionError::retyped::<T>)?;
        convert(own).map_err(|reason| ConversionError::reading::<T>(value, reason))
    }
}

/// The reasons that the crates of dates and times share.
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod reason {
    pub(super) const INFINITE: &str = "it is infinite";
    pub(super) const NO_DAY: &str = "it is infinite, or its month or day is zero";
    pub(super) const YEAR: &str = "its year is out of range";
}
