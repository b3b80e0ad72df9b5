//! Many rows into one table, by COPY: in binary form where every column has one, as text where not.

use std::io::Write;

use postgres::Client;
use postgres::types::Type;

use super::core::{Core, Failure, LONGEST, nul, too_long};
use super::error::of_server;
use super::types::{encode, encode_binary, has_binary_form, render};
use crate::driver::{BulkPath, Call};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{POSTGRES, StatementKind};
use crate::value::Value;

/// The head of the binary form: the signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How much is gathered before it is sent.
const CHUNK: usize = 64 * 1024;

pub(super) fn insert(
    core: &mut Core,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    let table = table.split('.').map(|part| POSTGRES.quote_ident(part)).collect::<Result<Vec<_>>>()?.join(".");
    let names = columns.iter().map(|name| POSTGRES.quote_ident(name)).collect::<Result<Vec<_>>>()?.join(", ");
    // Their types, as the server sees them.
    let asked =
        core.client.prepare(&format!("SELECT {names} FROM {table} LIMIT 0")).map_err(|native| core.failed(native))?;
    let types: Vec<Type> = asked.columns().iter().map(|column| column.type_().clone()).collect();
    drop(asked);
    let binary = types.iter().all(has_binary_form);
    let form = if binary { " WITH (FORMAT binary)" } else { "" };
    let text = format!("COPY {table} ({names}) FROM STDIN{form}");
    let mut load = Load { types: &types, columns, binary, done: 0, buffer: Vec::new(), out: Vec::new() };
    if binary {
        load.out.extend_from_slice(HEAD);
    }
    match load.send(&mut core.client, &text, rows, call) {
        Ok(count) => {
            core.ran(StatementKind::Write);
            Ok((count, BulkPath::Copy))
        }
        Err(Failure::Ours(error)) => {
            // The writer went without an end, of which the server is told with whatever is sent next.
            core.settle();
            Err(error)
        }
        Err(Failure::Native(native)) => {
            let place = native.as_db_error().and_then(|db| db.where_()).and_then(place_of);
            let located = native.as_db_error().zip(place).map(|(db, place)| of_server(db, Some(&place)));
            let error = core.failed(native);
            Err(located.unwrap_or(error))
        }
    }
}

/// The row in "COPY t, line 3, column c", counted from 0 as everywhere; the rest of that text may quote values.
fn place_of(context: &str) -> Option<String> {
    let line = context.lines().find_map(|line| line.strip_prefix("COPY ")?.split_once(", line "))?.1;
    let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
    let row: u64 = line[..digits].parse().ok()?;
    Some(format!("row {}", row.checked_sub(1)?))
}

/// The least that a value takes, where it is long.
fn length_of(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

struct Load<'l> {
    types: &'l [Type],
    columns: &'l [String],
    binary: bool,
    done: u64,
    /// One cell of the text form.
    buffer: Vec<u8>,
    out: Vec<u8>,
}

impl Load<'_> {
    fn send(
        &mut self,
        client: &mut Client,
        text: &str,
        rows: &mut dyn Iterator<Item = Vec<Value>>,
        call: &Call<'_>,
    ) -> Result<u64, Failure> {
        let mut writer = client.copy_in(text).map_err(Failure::Native)?;
        for row in rows {
            // Without an end the server throws away what it has.
            self.row(&row).and_then(|()| call.check()).map_err(Failure::Ours)?;
            if self.out.len() >= CHUNK {
                // Why it cannot be written is said by the server, when it is asked how it ended.
                if writer.write_all(&self.out).and_then(|()| writer.flush()).is_err() {
                    break;
                }
                self.out.clear();
            }
        }
        if self.binary {
            self.out.extend_from_slice(&(-1_i16).to_be_bytes());
        }
        // As above.
        let _ = writer.write_all(&self.out);
        writer.finish().map_err(Failure::Native)
    }

    fn row(&mut self, row: &[Value]) -> Result<()> {
        if row.len() != self.columns.len() {
            return Err(Error::new(
                ErrorKind::Parameter,
                format!("row {} has {} values for {} columns", self.done, row.len(), self.columns.len()),
            )
            .with_effect(Effect::NotApplied));
        }
        // Before anything of it is copied.
        let length = row.iter().fold(self.out.len(), |length, value| length.saturating_add(length_of(value)));
        if length > LONGEST {
            return Err(self.too_long());
        }
        if self.binary {
            self.out.extend_from_slice(&i16::try_from(row.len()).unwrap_or(i16::MAX).to_be_bytes());
        }
        for (at, value) in row.iter().enumerate() {
            if let Value::Text(text) | Value::Json(text) | Value::Other { text, .. } = value
                && text.contains('\0')
            {
                return Err(nul(&self.name(at)).with_effect(Effect::NotApplied));
            }
            let written = if self.binary { self.binary_cell(at, value) } else { self.text_cell(at, value) };
            written.map_err(|why| {
                Error::new(
                    ErrorKind::Conversion,
                    format!("{} cannot be sent as {}: {why}", self.name(at), self.types[at].name()),
                )
            })?;
        }
        if !self.binary {
            self.out.push(b'\n');
        }
        if self.out.len() > LONGEST {
            return Err(self.too_long());
        }
        self.done += 1;
        Ok(())
    }

    #[cold]
    fn too_long(&self) -> Error {
        too_long(&format!("row {} is", self.done)).with_effect(Effect::NotApplied)
    }

    fn name(&self, at: usize) -> String {
        format!("\"{}\" of row {}", self.columns[at], self.done)
    }

    fn binary_cell(&mut self, at: usize, value: &Value) -> Result<(), std::borrow::Cow<'static, str>> {
        match encode_binary(value, &self.types[at])? {
            None => self.out.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => {
                let length = i32::try_from(bytes.len()).map_err(|_| "it is longer than a gigabyte")?;
                self.out.extend_from_slice(&length.to_be_bytes());
                self.out.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    /// Checked as a parameter would be, and written as its text.
    fn text_cell(&mut self, at: usize, value: &Value) -> Result<(), std::borrow::Cow<'static, str>> {
        if at > 0 {
            self.out.push(b'\t');
        }
        self.buffer.clear();
        match value {
            Value::Null(_) => {
                self.out.extend_from_slice(b"\\N");
                return Ok(());
            }
            Value::Array(_) => self.buffer.extend_from_slice(encode(value, &self.types[at])?.as_bytes()),
            value => {
                encode(value, &self.types[at])?;
                self.buffer.extend_from_slice(render(value)?.as_bytes());
            }
        }
        for byte in &self.buffer {
            match byte {
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                byte => self.out.push(*byte),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn the_row_is_found_and_no_value_is_repeated() {
        assert_eq!(place_of("COPY notes, line 3, column id: \"secret\"").as_deref(), Some("row 2"));
        assert_eq!(place_of("COPY notes, line 12").as_deref(), Some("row 11"));
        assert_eq!(place_of("PL/pgSQL function f() line 3"), None);
    }
}
