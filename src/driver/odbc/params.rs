//! Values on their way into a statement.
//!
//! | value | bound as |
//! |---|---|
//! | bool | `BIT` |
//! | signed, unsigned | `BIGINT`; `NUMERIC` past 2⁶³ − 1, and where the driver has no `BIGINT` |
//! | floats | `REAL`, `DOUBLE` |
//! | decimal | `NUMERIC`, by its digits |
//! | text, json, other, interval, timestamp with offset | `VARCHAR`, or `NVARCHAR` for drivers that want UTF-16 |
//! | bytes | `VARBINARY` |
//! | date, time, timestamp | the type of that name, by its ISO 8601 text |
//! | uuid | its text |
//! | NULL | a NULL of the type that the value would have had |
//! | array | refused; as `IN (:name)` it is expanded before it gets here |

use std::num::NonZeroUsize;

use odbc_api::parameter::{InputParameter, VarBinaryBox, VarCharBox, VarWCharBox, WithDataType};
use odbc_api::{Bit, DataType, IntoParameter, Nullable, Utf16String};

use super::family::{Family, Floats, Text};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::value::{Date, Kind, Value};

/// A parameter, owning what it points to.
pub(super) type Parameter = Box<dyn InputParameter>;

/// How values are bound on a connection.
#[derive(Clone, Copy)]
pub(super) struct Binding {
    pub(super) family: &'static Family,
    pub(super) text: Text,
}

/// The longest text and the longest bytes that are bound as a plain `VARCHAR`, `VARBINARY`: SQL Server has no longer
/// ones.
const LONG: usize = 8000;
const LONG_WIDE: usize = 4000;

impl Binding {
    /// Binds all values of a statement; `name` says in a message which one is meant.
    ///
    /// # Errors
    /// `NulInText` and `InvalidValue`, before anything is sent.
    pub(super) fn all(self, values: &[Value], name: impl Fn(usize) -> String) -> Result<Vec<Parameter>> {
        values
            .iter()
            .enumerate()
            .map(|(at, value)| {
                self.one(value)
                    .map_err(|error| error.context(format_args!("parameter {}", name(at))).with_effect(Effect::NotSent))
            })
            .collect()
    }

    fn one(self, value: &Value) -> Result<Parameter> {
        Ok(match value {
            Value::Null(kind) => self.null(*kind),
            Value::Bool(truth) => Box::new(Bit(u8::from(*truth)).into_parameter()),
            Value::I64(number) if self.family.bigint => Box::new(*number),
            Value::I64(number) => self.number(number.to_string()),
            Value::U64(number) => match i64::try_from(*number) {
                Ok(number) => self.one(&Value::I64(number))?,
                Err(_) if self.family.typed => self.number(number.to_string()),
                Err(_) => {
                    return Err(Error::new(
                        ErrorKind::InvalidValue,
                        "an unsigned integer past 9223372036854775807 does not fit; bind a Decimal or text",
                    ));
                }
            },
            Value::F32(float) => {
                self.check_float(f64::from(*float))?;
                Box::new(*float)
            }
            Value::F64(float) => {
                self.check_float(*float)?;
                Box::new(*float)
            }
            Value::Bytes(bytes) => bytes_parameter(bytes),
            other => {
                let (text, data_type) = self.text_of(other)?;
                self.typed_text(&text, data_type)
            }
        })
    }

    pub(super) fn check_float(self, float: f64) -> Result<()> {
        let fine = match self.family.floats {
            Floats::All => true,
            Floats::NoNan => !float.is_nan(),
            Floats::Finite => float.is_finite(),
        };
        if fine {
            return Ok(());
        }
        let what = if float.is_nan() { "NaN" } else { "infinity" };
        Err(Error::new(
            ErrorKind::InvalidValue,
            format!("the database has no {what} and would store something else; bind NULL if that is what is meant"),
        ))
    }

    /// The text of a value that is bound as one, and the SQL type it has then; `None` is that of any text.
    pub(super) fn text_of(self, value: &Value) -> Result<(String, Option<DataType>)> {
        let typed = |data_type| self.family.typed.then_some(data_type);
        let dated = |date: Date, data_type| typed(data_type).filter(|_| date.year() >= self.family.first_year);
        let (text, data_type) = match value {
            Value::Decimal(decimal) => {
                let text = decimal.as_str().to_owned();
                let data_type = typed(numeric(&text));
                (text, data_type)
            }
            Value::Date(date) => (date.to_string(), dated(*date, DataType::Date)),
            Value::Time(time) => {
                let data_type = typed(DataType::Time { precision: 6 }).filter(|_| self.family.typed_times);
                (time.to_string(), data_type)
            }
            Value::Timestamp(timestamp) => {
                let data_type = dated(timestamp.date(), DataType::Timestamp { precision: 6 });
                (timestamp.to_string().replacen('T', " ", 1), data_type)
            }
            Value::TimestampTz(moment) => (moment.to_string().replacen('T', " ", 1), None),
            Value::Interval(interval) => (interval.to_string(), None),
            Value::Uuid(id) => (uuid_text(id), None),
            Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => (text.clone(), None),
            // These are bound as they are, unless they stand among others in an array.
            Value::Bool(truth) => (u8::from(*truth).to_string(), None),
            Value::I64(number) => (number.to_string(), typed(numeric(&number.to_string()))),
            Value::U64(number) => (number.to_string(), typed(numeric(&number.to_string()))),
            Value::F32(float) => (float.to_string(), None),
            Value::F64(float) => (float.to_string(), None),
            Value::Array(_) => {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    "ODBC has no lists; write `IN (:name)`, which is expanded, or pass the list as JSON",
                ));
            }
            other => {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    format!("{} cannot stand among values of other types in one column", other.kind()),
                ));
            }
        };
        if let Some(at) = text.find('\0') {
            return Err(Error::new(
                ErrorKind::NulInText,
                format!("a NUL character at byte {at}, at which ODBC drivers cut the text; send it as bytes"),
            ));
        }
        Ok((text, data_type))
    }

    fn typed_text(self, text: &str, data_type: Option<DataType>) -> Parameter {
        match (data_type, self.text) {
            (Some(data_type), _) => Box::new(WithDataType::new(VarCharBox::from_string(text.to_owned()), data_type)),
            (None, Text::Narrow) => {
                let length = NonZeroUsize::new(text.len().max(1));
                let data_type = match text.len() > LONG {
                    true => DataType::LongVarchar { length },
                    false => DataType::Varchar { length },
                };
                Box::new(WithDataType::new(VarCharBox::from_string(text.to_owned()), data_type))
            }
            (None, Text::Wide) => {
                let text = Utf16String::from_str(text);
                let length = NonZeroUsize::new(text.len().max(1));
                let data_type = match text.len() > LONG_WIDE {
                    true => DataType::WLongVarchar { length },
                    false => DataType::WVarchar { length },
                };
                Box::new(WithDataType::new(VarWCharBox::from_utf16_string(text), data_type))
            }
        }
    }

    fn number(self, digits: String) -> Parameter {
        let data_type = numeric(&digits);
        Box::new(WithDataType::new(VarCharBox::from_string(digits), data_type))
    }

    fn null(self, kind: Kind) -> Parameter {
        let typed = |data_type| -> Parameter { Box::new(WithDataType::new(VarCharBox::null(), data_type)) };
        match kind {
            Kind::Bool => Box::new(WithDataType::new(Nullable::<u8>::null(), DataType::Bit)),
            Kind::I64 | Kind::U64 if self.family.bigint => {
                Box::new(WithDataType::new(Nullable::<i64>::null(), DataType::BigInt))
            }
            Kind::F32 | Kind::F64 => Box::new(WithDataType::new(Nullable::<f64>::null(), DataType::Double)),
            Kind::Bytes => {
                Box::new(WithDataType::new(VarBinaryBox::null(), DataType::Varbinary { length: NonZeroUsize::new(1) }))
            }
            Kind::Decimal | Kind::I64 | Kind::U64 if self.family.typed => {
                typed(DataType::Numeric { precision: 38, scale: 0 })
            }
            Kind::Date if self.family.typed => typed(DataType::Date),
            Kind::Time if self.family.typed && self.family.typed_times => typed(DataType::Time { precision: 6 }),
            Kind::Timestamp if self.family.typed => typed(DataType::Timestamp { precision: 6 }),
            _ => typed(DataType::Varchar { length: NonZeroUsize::new(1) }),
        }
    }
}

pub(super) fn uuid_text(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The type of a number by its digits.
pub(super) fn numeric(digits: &str) -> DataType {
    let scale = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let precision = digits.bytes().filter(u8::is_ascii_digit).count().max(1);
    DataType::Numeric { precision, scale: i16::try_from(scale).unwrap_or(i16::MAX) }
}

fn bytes_parameter(bytes: &[u8]) -> Parameter {
    let length = NonZeroUsize::new(bytes.len().max(1));
    let data_type =
        if bytes.len() > LONG { DataType::LongVarbinary { length } } else { DataType::Varbinary { length } };
    Box::new(WithDataType::new(VarBinaryBox::from_vec(bytes.to_vec()), data_type))
}
