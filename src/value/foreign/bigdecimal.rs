//! [`bigdecimal::BigDecimal`].

use super::via::read;
use crate::value::{ConversionError, Decimal, FromValue, Kind, ToValue, Value, ValueRef};
use bigdecimal::BigDecimal;

impl ToValue for BigDecimal {
    fn to_value(&self) -> Result<Value, ConversionError> {
        // The scale may be anything of 64 bits, so the exponent is checked by the parser before zeros are written out.
        let (digits, scale) = self.as_bigint_and_exponent();
        format!("{digits}e{}", -i128::from(scale))
            .parse()
            .map(Value::Decimal)
            .map_err(|error: crate::value::ParseDecimalError| ConversionError::sending::<BigDecimal>(error.reason()))
    }

    fn kind() -> Kind {
        Kind::Decimal
    }
}

/// From all that [`Decimal`] is read from, when it is finite; the scale is kept.
impl<'v> FromValue<'v> for BigDecimal {
    fn from_value(value: ValueRef<'v>) -> Result<BigDecimal, ConversionError> {
        read(value, |number: Decimal| {
            if !number.is_finite() {
                return Err("it is not finite");
            }
            number.as_str().parse().map_err(|_| "it is no number for bigdecimal")
        })
    }
}
