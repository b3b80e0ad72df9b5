//! Rows as batches.

use std::sync::Arc;

use postgres::Row;
use postgres::types::{FromSql, Type};

use super::{DAY, EPOCH_DAYS, Reading, numeric, text};
use crate::error::{Error, ErrorKind, Result};
use crate::row::{BatchBuilder, Column, Columns};
use crate::value::{Date, Interval, Offset, Time, Timestamp, TimestampTz};

/// The bytes of a cell, as the server sent them.
struct Raw<'r>(Option<&'r [u8]>);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> std::result::Result<Raw<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Raw<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The columns of a result, and how each is read.
#[derive(Debug)]
pub(in super::super) struct Shape {
    pub(in super::super) columns: Arc<Columns>,
    readings: Box<[Reading]>,
    /// Whether the result has to come as text, for the sake of a type whose binary form is not understood here.
    pub(in super::super) text: bool,
}

impl Shape {
    /// `knows_text`: whether the result can be had as text.
    pub(in super::super) fn of(columns: &[postgres::Column], knows_text: bool) -> Shape {
        Shape::new(columns.iter().map(|column| (column.name(), column.type_())), knows_text)
    }

    pub(in super::super) fn new<'c>(columns: impl IntoIterator<Item = (&'c str, &'c Type)>, knows_text: bool) -> Shape {
        let (columns, readings): (Vec<_>, Vec<_>) = columns
            .into_iter()
            .map(|(name, ty)| {
                let reading = Reading::of(ty);
                (Column::new(name).with_kind(reading.kind()).with_type_name(ty.name()), reading)
            })
            .unzip();
        let readings = readings.into_boxed_slice();
        let text = knows_text && !readings.iter().all(Reading::is_binary);
        Shape { columns: Arc::new(Columns::new(columns)), readings, text }
    }

    /// Writes the cells of a row.
    ///
    /// # Errors
    /// A cell that is not what its type says, with the name of its column.
    pub(in super::super) fn read(&self, row: &Row, out: &mut BatchBuilder) -> Result<()> {
        for (at, reading) in self.readings.iter().enumerate() {
            let Raw(cell) = row.try_get(at).map_err(|error| self.broken(at, &error.to_string()))?;
            self.write(at, reading, cell, out)?;
        }
        Ok(())
    }

    /// The same from a row as the server sent it.
    ///
    /// # Errors
    /// As there; or it is no row of this result.
    pub(in super::super) fn read_raw(&self, row: &[u8], out: &mut BatchBuilder) -> Result<()> {
        let Some((count, mut rest)) = row.split_first_chunk().map(|(count, rest)| (u16::from_be_bytes(*count), rest))
        else {
            return Err(torn());
        };
        if usize::from(count) != self.readings.len() {
            return Err(torn());
        }
        for (at, reading) in self.readings.iter().enumerate() {
            let (length, cells) = rest.split_first_chunk().ok_or_else(torn)?;
            // A negative length is that of no value.
            let cell = match usize::try_from(i32::from_be_bytes(*length)) {
                Err(_) => {
                    rest = cells;
                    None
                }
                Ok(length) => {
                    let (cell, behind) = cells.split_at_checked(length).ok_or_else(torn)?;
                    rest = behind;
                    Some(cell)
                }
            };
            self.write(at, reading, cell, out)?;
        }
        Ok(())
    }

    /// Writes a row of this result that has nothing but nulls, as the server would send it.
    pub(in super::super) fn write_nulls(&self, out: &mut Vec<u8>) {
        // A result has 1664 columns at most.
        let count = self.readings.len() as u16;
        out.push(b'D');
        out.extend_from_slice(&(6 + 4 * u32::from(count)).to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.resize(out.len() + 4 * usize::from(count), 0xff);
    }

    fn write(&self, at: usize, reading: &Reading, cell: Option<&[u8]>, out: &mut BatchBuilder) -> Result<()> {
        let written = match cell {
            None => {
                out.push_null(reading.kind());
                Ok(())
            }
            Some(cell) if self.text => {
                let name = self.columns.get(at).and_then(Column::type_name).unwrap_or_default();
                text::push(reading, name, cell, out)
            }
            Some(cell) => push(reading, cell, out),
        };
        written.map_err(|error| match error.kind() {
            ErrorKind::Limit => error,
            _ => self.broken(at, error.message()),
        })
    }

    #[cold]
    fn broken(&self, at: usize, why: &str) -> Error {
        let name = self.columns.get(at).map_or("?", Column::name);
        Error::new(ErrorKind::Conversion, format!("column \"{name}\" cannot be read: {why}"))
    }
}

#[cold]
fn torn() -> Error {
    malformed("the server sent a row that does not fit the columns of its result")
}

#[cold]
fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::Conversion, what)
}

fn fixed<const N: usize>(cell: &[u8]) -> Result<[u8; N]> {
    cell.try_into().map_err(|_| malformed("its length is not that of its type"))
}

pub(super) fn utf8(cell: &[u8]) -> Result<&str> {
    std::str::from_utf8(cell).map_err(|_| malformed("it is not UTF-8"))
}

/// Writes a cell in binary form.
fn push(reading: &Reading, cell: &[u8], out: &mut BatchBuilder) -> Result<()> {
    match reading {
        Reading::Bool => out.push_bool(fixed::<1>(cell)?[0] != 0),
        Reading::I16 => out.push_i64(i16::from_be_bytes(fixed(cell)?).into()),
        Reading::I32 => out.push_i64(i32::from_be_bytes(fixed(cell)?).into()),
        Reading::I64 => out.push_i64(i64::from_be_bytes(fixed(cell)?)),
        Reading::U32 => out.push_i64(u32::from_be_bytes(fixed(cell)?).into()),
        Reading::U64 => out.push_u64(u64::from_be_bytes(fixed(cell)?)),
        Reading::F32 => out.push_f32(f32::from_be_bytes(fixed(cell)?)),
        Reading::F64 => out.push_f64(f64::from_be_bytes(fixed(cell)?)),
        Reading::Numeric => {
            let text = numeric::text_of(cell).ok_or_else(|| malformed("it is no numeric"))?;
            out.push_decimal(&text)?;
        }
        Reading::Text => out.push_text(utf8(cell)?)?,
        Reading::Char => match fixed::<1>(cell)?[0] {
            0 => out.push_text("")?,
            byte if byte.is_ascii() => out.push_text(char::from(byte).encode_utf8(&mut [0; 4]))?,
            byte => out.push_text(&format!("\\{byte:03o}"))?,
        },
        Reading::Bytes => out.push_bytes(cell)?,
        Reading::Date => out.push_date(date(i32::from_be_bytes(fixed(cell)?))?),
        Reading::Time => out.push_time(time(i64::from_be_bytes(fixed(cell)?))?),
        Reading::Timestamp => out.push_timestamp(timestamp(i64::from_be_bytes(fixed(cell)?))?),
        Reading::TimestampTz => {
            let moment = timestamp(i64::from_be_bytes(fixed(cell)?))?;
            let moment = TimestampTz::new(moment, Offset::UTC).ok_or_else(out_of_range)?;
            out.push_timestamp_tz(moment)?;
        }
        Reading::Interval => {
            let cell: [u8; 16] = fixed(cell)?;
            let micros = i64::from_be_bytes(fixed(&cell[..8])?);
            let (days, months) = (i32::from_be_bytes(fixed(&cell[8..12])?), i32::from_be_bytes(fixed(&cell[12..])?));
            match (micros.checked_mul(1000), months) {
                (Some(nanos), _) => out.push_interval(Interval::new(months, days, nanos))?,
                (None, i32::MAX) if micros == i64::MAX => out.push_other("interval", "infinity")?,
                (None, i32::MIN) if micros == i64::MIN => out.push_other("interval", "-infinity")?,
                (None, _) => out.push_other("interval", &long_interval(months, days, micros))?,
            }
        }
        Reading::Uuid => out.push_uuid(fixed(cell)?)?,
        Reading::Json => out.push_json(utf8(cell)?)?,
        Reading::Jsonb => match cell.split_first() {
            // The version of the form, of which there is one.
            Some((1, text)) => out.push_json(utf8(text)?)?,
            _ => return Err(malformed("its version of jsonb is unknown")),
        },
        Reading::Array(..) | Reading::Other => {
            return Err(malformed(
                "results come as text over TCP alone, and its binary form is not understood: cast it to text",
            ));
        }
    }
    Ok(())
}

fn long_interval(months: i32, days: i32, micros: i64) -> String {
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let seconds = micros / 1_000_000;
    format!(
        "{months} mons {days} days {sign}{:02}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000
    )
}

#[cold]
fn out_of_range() -> Error {
    malformed("it is out of the range of dates")
}

fn date(days: i32) -> Result<Date> {
    match days {
        i32::MAX => Ok(Date::INFINITY),
        i32::MIN => Ok(Date::NEG_INFINITY),
        days => Date::from_epoch_days(i64::from(days) + EPOCH_DAYS).ok_or_else(out_of_range),
    }
}

fn time(micros: i64) -> Result<Time> {
    u64::try_from(micros).ok().and_then(|micros| Time::from_nanos(micros * 1000)).ok_or_else(out_of_range)
}

fn timestamp(micros: i64) -> Result<Timestamp> {
    match micros {
        i64::MAX => Ok(Timestamp::INFINITY),
        i64::MIN => Ok(Timestamp::NEG_INFINITY),
        micros => {
            let date = Date::from_epoch_days(micros.div_euclid(DAY) + EPOCH_DAYS).ok_or_else(out_of_range)?;
            Ok(Timestamp::new(date, time(micros.rem_euclid(DAY))?))
        }
    }
}
