//! Values on the wire, and the same as SQLite keeps them: dates, times, decimals and identifiers as text.

use std::io;

use rusqlite::types::Value;

use super::packet::{Fields, text_of, utf16};
use super::types::{Type, decimal_bytes, time_bytes};

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads the value of a parameter. `fixed` is the type's code on the wire: some have no length before their bytes.
pub(super) fn read(from: &mut Fields<'_>, kind: Type, code: u8) -> io::Result<Value> {
    let bytes = match (code, kind) {
        (0x30 | 0x32, _) => Some(from.take(1)?.to_vec()),
        (0x34, _) => Some(from.take(2)?.to_vec()),
        (0x38 | 0x3B, _) => Some(from.take(4)?.to_vec()),
        (0x3E | 0x7F, _) => Some(from.take(8)?.to_vec()),
        (_, Type::Varchar(None) | Type::NVarchar(None) | Type::Varbinary(None)) => read_chunks(from)?,
        (_, Type::Varchar(_) | Type::NVarchar(_) | Type::Varbinary(_)) => match from.u16()? {
            0xFFFF => None,
            length => Some(from.take(length.into())?.to_vec()),
        },
        (_, Type::Text | Type::NText | Type::Image) => match from.u32()? {
            u32::MAX => None,
            length => Some(from.take(usize::try_from(length).expect("32 bits"))?.to_vec()),
        },
        _ => match from.u8()? {
            0 => None,
            length => Some(from.take(length.into())?.to_vec()),
        },
    };
    bytes.map_or(Ok(Value::Null), |bytes| value_of(&bytes, kind))
}

/// A value of unknown length: chunks up to an empty one.
fn read_chunks(from: &mut Fields<'_>) -> io::Result<Option<Vec<u8>>> {
    if from.u64()? == u64::MAX {
        return Ok(None);
    }
    let mut whole = Vec::new();
    loop {
        match from.u32()? {
            0 => return Ok(Some(whole)),
            length => whole.extend_from_slice(from.take(usize::try_from(length).expect("32 bits"))?),
        }
    }
}

fn little_endian(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

fn value_of(bytes: &[u8], kind: Type) -> io::Result<Value> {
    let number = || little_endian(bytes);
    Ok(match kind {
        Type::Bit | Type::TinyInt => Value::Integer(number() as i64),
        Type::SmallInt => Value::Integer((number() as i16).into()),
        Type::Int => Value::Integer((number() as i32).into()),
        Type::BigInt => Value::Integer(number() as i64),
        Type::Real => Value::Real(f32::from_bits(number() as u32).into()),
        Type::Float => Value::Real(f64::from_bits(number() as u64)),
        Type::Decimal(_, scale) => {
            let (sign, digits) = bytes.split_first().ok_or_else(|| wrong("a decimal without a sign"))?;
            Value::Text(with_point(little_endian(digits), *sign == 0, scale))
        }
        // Narrow texts are of code page 1252, of which only what is ASCII is read as it is meant.
        Type::Varchar(_) | Type::Text => {
            Value::Text(bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect())
        }
        Type::NVarchar(_) | Type::NText => Value::Text(text_of(bytes)?),
        Type::Varbinary(_) | Type::Image => Value::Blob(bytes.to_vec()),
        Type::Date => Value::Text(date_text(number() as i64)),
        Type::Time(scale) => Value::Text(time_text(number() as u64, scale)),
        Type::DateTime => {
            let (days, ticks) = bytes.split_at(4);
            let days = i64::from(little_endian(days) as i32) + days_of(1900, 1, 1);
            let millis = (little_endian(ticks) as u64 * 10 + 1) / 3;
            Value::Text(format!("{} {}", date_text(days), time_text(millis, 3)))
        }
        Type::DateTime2(scale) => {
            let (time, date) = bytes.split_at(time_bytes(scale));
            let (days, ticks) = (little_endian(date) as i64, little_endian(time) as u64);
            Value::Text(format!("{} {}", date_text(days), time_text(ticks, scale)))
        }
        Type::DateTimeOffset(scale) => {
            let (time, rest) = bytes.split_at(time_bytes(scale));
            let (date, offset) = rest.split_at(3);
            let minutes = i64::from(little_endian(offset) as i16);
            let day = 86_400 * 10_i64.pow(scale.into());
            let local =
                little_endian(date) as i64 * day + little_endian(time) as i64 + minutes * 60 * 10_i64.pow(scale.into());
            let (days, ticks) = (local.div_euclid(day), local.rem_euclid(day));
            let sign = if minutes < 0 { '-' } else { '+' };
            Value::Text(format!(
                "{} {}{sign}{:02}:{:02}",
                date_text(days),
                time_text(ticks as u64, scale),
                minutes.abs() / 60,
                minutes.abs() % 60
            ))
        }
        Type::UniqueIdentifier => {
            let mut id: [u8; 16] = bytes.try_into().map_err(|_| wrong("an identifier of another length"))?;
            swap(&mut id);
            let hex: String = id.iter().map(|byte| format!("{byte:02X}")).collect();
            Value::Text(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
        }
    })
}

/// Writes a cell of a row, NULL too, with its length.
pub(super) fn write(to: &mut Vec<u8>, kind: Type, value: &Value) -> io::Result<()> {
    let bytes = match value {
        Value::Null => None,
        value => Some(bytes_of(kind, value)?),
    };
    match kind {
        Type::Varchar(None) | Type::NVarchar(None) | Type::Varbinary(None) | Type::Text | Type::NText | Type::Image => {
            let Some(bytes) = bytes else {
                to.extend_from_slice(&u64::MAX.to_le_bytes());
                return Ok(());
            };
            to.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            for chunk in bytes.chunks(8000) {
                to.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
                to.extend_from_slice(chunk);
            }
            to.extend_from_slice(&0_u32.to_le_bytes());
        }
        Type::Varchar(Some(_)) | Type::NVarchar(Some(_)) | Type::Varbinary(Some(_)) => match bytes {
            None => to.extend_from_slice(&u16::MAX.to_le_bytes()),
            Some(bytes) => {
                let length = u16::try_from(bytes.len()).map_err(|_| wrong("a value longer than its type"))?;
                to.extend_from_slice(&length.to_le_bytes());
                to.extend_from_slice(&bytes);
            }
        },
        _ => {
            let bytes = bytes.unwrap_or_default();
            to.push(u8::try_from(bytes.len()).map_err(|_| wrong("a value longer than its type"))?);
            to.extend_from_slice(&bytes);
        }
    }
    Ok(())
}

fn bytes_of(kind: Type, value: &Value) -> io::Result<Vec<u8>> {
    let text = match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => return Ok(bytes.clone()),
    };
    let integer = || text.parse::<i64>().map_err(|_| wrong("no integer"));
    let float = || text.parse::<f64>().map_err(|_| wrong("no float"));
    Ok(match kind {
        Type::Bit | Type::TinyInt => integer()?.to_le_bytes()[..1].to_vec(),
        Type::SmallInt => integer()?.to_le_bytes()[..2].to_vec(),
        Type::Int => integer()?.to_le_bytes()[..4].to_vec(),
        Type::BigInt => integer()?.to_le_bytes().to_vec(),
        Type::Real => (float()? as f32).to_le_bytes().to_vec(),
        Type::Float => float()?.to_le_bytes().to_vec(),
        Type::Decimal(precision, scale) => {
            let (number, negative) = without_point(&text, scale).ok_or_else(|| wrong("no decimal"))?;
            let mut bytes = vec![u8::from(!negative)];
            bytes.extend_from_slice(&number.to_le_bytes()[..usize::from(decimal_bytes(precision)) - 1]);
            bytes
        }
        Type::Varchar(_) | Type::Text => text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect(),
        Type::NVarchar(_) | Type::NText => utf16(&text),
        Type::Varbinary(_) | Type::Image => text.into_bytes(),
        Type::Date => date_of(&text)?.to_le_bytes()[..3].to_vec(),
        Type::Time(scale) => time_of(&text, scale)?.to_le_bytes()[..time_bytes(scale)].to_vec(),
        Type::DateTime => {
            let (date, time) = text.split_once([' ', 'T']).ok_or_else(|| wrong("no date and time"))?;
            let days = i32::try_from(date_of(date)? - days_of(1900, 1, 1)).map_err(|_| wrong("no date"))?;
            let ticks = u32::try_from((time_of(time, 3)? * 3 + 5) / 10).map_err(|_| wrong("no time"))?;
            [days.to_le_bytes(), ticks.to_le_bytes()].concat()
        }
        Type::DateTime2(scale) => {
            let (date, time) = text.split_once([' ', 'T']).ok_or_else(|| wrong("no date and time"))?;
            let mut bytes = time_of(time, scale)?.to_le_bytes()[..time_bytes(scale)].to_vec();
            bytes.extend_from_slice(&date_of(date)?.to_le_bytes()[..3]);
            bytes
        }
        Type::DateTimeOffset(scale) => {
            let (date, rest) = text.split_once([' ', 'T']).ok_or_else(|| wrong("no date and time"))?;
            let at = rest.find(['+', '-']).ok_or_else(|| wrong("no offset"))?;
            let (time, offset) = rest.split_at(at);
            let (hours, minutes) = offset[1..].split_once(':').ok_or_else(|| wrong("no offset"))?;
            let minutes = hours.trim().parse::<i64>().map_err(|_| wrong("no offset"))? * 60
                + minutes.parse::<i64>().map_err(|_| wrong("no offset"))?;
            let minutes = if offset.starts_with('-') { -minutes } else { minutes };
            let second = 10_i64.pow(scale.into());
            let utc = date_of(date)? * 86_400 * second + time_of(time.trim(), scale)? as i64 - minutes * 60 * second;
            let (days, ticks) = (utc.div_euclid(86_400 * second), utc.rem_euclid(86_400 * second));
            let mut bytes = ticks.to_le_bytes()[..time_bytes(scale)].to_vec();
            bytes.extend_from_slice(&days.to_le_bytes()[..3]);
            bytes.extend_from_slice(&(minutes as i16).to_le_bytes());
            bytes
        }
        Type::UniqueIdentifier => {
            let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
            let mut id = u128::from_str_radix(&hex, 16).map_err(|_| wrong("no identifier"))?.to_be_bytes();
            swap(&mut id);
            id.to_vec()
        }
    })
}

/// The first three numbers of an identifier stand the other way round on the wire.
fn swap(id: &mut [u8; 16]) {
    id[..4].reverse();
    id[4..6].reverse();
    id[6..8].reverse();
}

fn with_point(number: u128, negative: bool, scale: u8) -> String {
    let mut digits = number.to_string();
    let scale = usize::from(scale);
    if scale > 0 {
        while digits.len() <= scale {
            digits.insert(0, '0');
        }
        digits.insert(digits.len() - scale, '.');
    }
    if negative { format!("-{digits}") } else { digits }
}

fn without_point(text: &str, scale: u8) -> Option<(u128, bool)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<width$}", width = usize::from(scale));
    let digits = format!("{whole}{}", fraction.get(..usize::from(scale))?);
    Some((digits.parse().ok()?, negative))
}

/// Days since the first of January of the year 1.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day - 307
}

fn date_of(text: &str) -> io::Result<i64> {
    let mut parts = text.trim().splitn(3, '-').map(str::parse);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) => Ok(days_of(year, month, day)),
        _ => Err(wrong("no date")),
    }
}

fn date_text(days: i64) -> String {
    // The year is found from below: it is one of two.
    let mut year = days / 366 + 1;
    while days_of(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_of(year, month + 1, 1) <= days {
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days - days_of(year, month, 1) + 1)
}

/// The time of day in units of the last digit.
fn time_of(text: &str, scale: u8) -> io::Result<u64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + part.parse::<u64>().map_err(|_| wrong("no time"))?;
    }
    let scale = usize::from(scale);
    let fraction = format!("{fraction:0<scale$}");
    let digits = if scale == 0 { "0" } else { &fraction[..scale] };
    Ok(seconds * 10_u64.pow(scale as u32) + digits.parse::<u64>().map_err(|_| wrong("no time"))?)
}

fn time_text(ticks: u64, scale: u8) -> String {
    let unit = 10_u64.pow(scale.into());
    let (seconds, fraction) = (ticks / unit, ticks % unit);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if scale == 0 { clock } else { format!("{clock}.{fraction:0width$}", width = usize::from(scale)) }
}
