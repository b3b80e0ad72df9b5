//! [`rust_decimal::Decimal`]: 96 bits of digits, of which at most 28 after the point.

use super::via::read;
use crate::value::{ConversionError, Decimal, FromValue, Kind, ToValue, Value, ValueRef};

impl ToValue for rust_decimal::Decimal {
    fn to_value(&self) -> Result<Value, ConversionError> {
        let number = self.to_string().parse();
        number
            .map(Value::Decimal)
            .map_err(|_| ConversionError::sending::<rust_decimal::Decimal>("its text is no decimal number"))
    }

    fn kind() -> Kind {
        Kind::Decimal
    }
}

/// From all that [`Decimal`] is read from, when it fits without rounding. Zeros at the end of the fraction are kept as
/// far as there is room for them.
impl<'v> FromValue<'v> for rust_decimal::Decimal {
    fn from_value(value: ValueRef<'v>) -> Result<rust_decimal::Decimal, ConversionError> {
        read(value, |number: Decimal| {
            if !number.is_finite() {
                return Err("it is not finite");
            }
            let text = number.as_str();
            rust_decimal::Decimal::from_str_exact(text)
                .or_else(|error| match text.contains('.') {
                    true => rust_decimal::Decimal::from_str_exact(text.trim_end_matches('0').trim_end_matches('.')),
                    false => Err(error),
                })
                .map_err(|_| "it has more digits than 96 bits, or more than 28 after the point; read it as Decimal")
        })
    }
}
