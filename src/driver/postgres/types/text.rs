//! Cells in the server's text form.

use std::str::FromStr;

use super::Reading;
use super::decode::utf8;
use crate::error::Result;
use crate::row::BatchBuilder;
use crate::value::{Date, Decimal, Interval, Offset, Time, Timestamp, TimestampTz, Value};

/// Writes a cell in text form.
pub(super) fn push(reading: &Reading, type_name: &str, cell: &[u8], out: &mut BatchBuilder) -> Result<()> {
    match reading {
        Reading::Text | Reading::Char => out.push_text(utf8(cell)?),
        Reading::Json | Reading::Jsonb => out.push_json(utf8(cell)?),
        Reading::Other => out.push_other(type_name, utf8(cell)?),
        _ => out.push_value(&value_of(reading, type_name, utf8(cell)?)),
    }
}

/// The value that a text means. A text that is not as the type is usually written (after `SET DateStyle`, or an array that
/// does not begin at 1) stays what it is: the type's name and the text.
fn value_of(reading: &Reading, type_name: &str, text: &str) -> Value {
    fn read<T: FromStr>(text: &str, value: impl FnOnce(T) -> Value) -> Option<Value> {
        text.parse().ok().map(value)
    }
    let value = match reading {
        Reading::Bool => match text {
            "t" => Some(Value::Bool(true)),
            "f" => Some(Value::Bool(false)),
            _ => None,
        },
        Reading::I16 | Reading::I32 | Reading::I64 | Reading::U32 => read(text, Value::I64),
        Reading::U64 => read(text, Value::U64),
        Reading::F32 => read(text, Value::F32),
        Reading::F64 => read(text, Value::F64),
        Reading::Numeric => read::<Decimal>(text, Value::Decimal),
        Reading::Text | Reading::Char => Some(Value::Text(text.into())),
        Reading::Bytes => bytes(text).map(Value::Bytes),
        Reading::Date => read::<Date>(text, Value::Date),
        Reading::Time => read::<Time>(text, Value::Time),
        Reading::Timestamp => read::<Timestamp>(text, Value::Timestamp),
        Reading::TimestampTz => text
            .parse::<TimestampTz>()
            .ok()
            .and_then(|moment| if moment.is_finite() { moment.with_offset(Offset::UTC) } else { Some(moment) })
            .map(Value::TimestampTz),
        Reading::Interval => read::<Interval>(text, Value::Interval),
        Reading::Uuid => uuid(text).map(Value::Uuid),
        Reading::Json | Reading::Jsonb => Some(Value::Json(text.into())),
        Reading::Array(element, name) => array(element, name, text),
        Reading::Other => None,
    };
    value.unwrap_or_else(|| Value::Other { type_name: type_name.into(), text: text.into() })
}

pub(super) fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.bytes().filter(|byte| *byte != b'-').map(|byte| char::from(byte).to_digit(16));
    let mut uuid = [0; 16];
    for byte in &mut uuid {
        *byte = (digits.next()?? * 16 + digits.next()??) as u8;
    }
    digits.next().is_none().then_some(uuid)
}

/// `bytea` in either of its two forms.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let bytes = pairs.iter().map(|[high, low]| Some((digit(high)? * 16 + digit(low)?) as u8)).collect();
        return if rest.is_empty() { bytes } else { None };
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                tail
            }
            (b'\\', _) => return None,
            _ => {
                bytes.push(byte);
                tail
            }
        };
    }
    Some(bytes)
}

/// An array that begins at 1 in every dimension.
fn array(element: &Reading, name: &str, text: &str) -> Option<Value> {
    let mut reader = Elements { rest: text, element, name };
    let value = reader.list()?;
    reader.rest.is_empty().then_some(value)
}

struct Elements<'t> {
    rest: &'t str,
    element: &'t Reading,
    name: &'t str,
}

impl Elements<'_> {
    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn list(&mut self) -> Option<Value> {
        if !self.eat('{') {
            return None;
        }
        let mut values = Vec::new();
        if self.eat('}') {
            return Some(Value::Array(values));
        }
        loop {
            values.push(if self.rest.starts_with('{') { self.list()? } else { self.one()? });
            // `box` alone has another sign between its elements.
            if !self.eat(',') && !self.eat(';') {
                return self.eat('}').then_some(Value::Array(values));
            }
        }
    }

    fn one(&mut self) -> Option<Value> {
        if !self.eat('"') {
            let delimiter = if self.name == "box" { ';' } else { ',' };
            let end = self.rest.find([delimiter, '}'])?;
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(match text {
                "NULL" => Value::Null(self.element.kind()),
                text => value_of(self.element, self.name, text),
            });
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.rest = &self.rest[at + 1..];
                    return Some(value_of(self.element, self.name, &text));
                }
                (_, '\\') => text.push(chars.next()?.1),
                (_, c) => text.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Value {
        value_of(&Reading::Array(Box::new(Reading::Text), "text".into()), "_text", text)
    }

    #[test]
    fn arrays_are_read_as_they_are_written() {
        let list = |texts: &[&str]| Value::Array(texts.iter().map(|text| Value::Text((*text).into())).collect());
        assert_eq!(texts("{}"), list(&[]));
        assert_eq!(texts(r#"{a,"b c","d\"e","f\\g",""}"#), list(&["a", "b c", "d\"e", "f\\g", ""]));
        assert_eq!(texts("{{a,b},{c,d}}"), Value::Array(vec![list(&["a", "b"]), list(&["c", "d"])]));
        let Value::Array(nulls) = texts(r#"{NULL,"NULL"}"#) else { panic!("an array") };
        assert!(nulls[0].is_null() && nulls[1] == Value::Text("NULL".into()));
        // Where it does not begin at 1 the index would be lost.
        assert_eq!(texts("[0:1]={a,b}"), Value::Other { type_name: "_text".into(), text: "[0:1]={a,b}".into() });
    }

    #[test]
    fn bytes_in_both_forms() {
        assert_eq!(bytes("\\x00ff10"), Some(vec![0, 0xff, 0x10]));
        assert_eq!(bytes("a\\\\b\\000\\377"), Some(vec![b'a', b'\\', b'b', 0, 0xff]));
        assert_eq!(bytes("\\x0"), None);
        assert_eq!(bytes("\\9"), None);
        assert_eq!(uuid("00112233-4455-6677-8899-aabbccddeeff").map(|uuid| uuid[15]), Some(0xff));
        assert_eq!(uuid("00112233"), None);
    }
}
