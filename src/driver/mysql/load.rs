//! LOAD DATA LOCAL: rows as text, in the place of a file.
//!
//! With LOCAL a server turns every row that does not fit into one that does, or leaves it out, and counts a warning. A
//! load of ours is all of the rows or none: a warning is an error here, and so is a count that is too small.

use mysql::Value as NativeValue;
use mysql::prelude::Queryable;

use super::infile::sending;
use super::link::MysqlLink;
use super::values::bind;
use crate::driver::bulk::check_width;
use crate::driver::{BulkPath, Call, Link};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::value::{Kind, Value};

/// How much is sent at a time.
const BYTES: usize = 4 << 20;

pub(super) fn insert(
    link: &mut MysqlLink,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    let mut rows = rows.peekable();
    // What is in the first row decides which columns are sent as hexadecimal digits: a file has one character set, and
    // bytes have none.
    let is_bytes: Vec<bool> = match rows.peek() {
        Some(row) => row.iter().map(|value| matches!(value.kind(), Kind::Bytes | Kind::Uuid)).collect(),
        None => return Ok((0, BulkPath::Copy)),
    };
    let sql = statement(link, table, columns, &is_bytes)?;
    let (mut done, mut affected) = (0, 0);
    let mut file = Vec::new();
    let mut in_file = 0;
    let moments = link.moments();
    loop {
        let row = rows.next();
        if let Some(row) = &row {
            let number = done + in_file;
            check_width(row, columns, number)?;
            for (position, (value, column)) in row.iter().zip(columns).enumerate() {
                let name = || format!("\"{column}\" of row {number}");
                let is_hex = is_bytes.get(position) == Some(&true);
                if !is_hex && matches!(value, Value::Bytes(_) | Value::Uuid(_)) {
                    return Err(Error::new(
                        ErrorKind::InvalidValue,
                        format!(
                            "{}: bytes, where the first row has something else; put a row with bytes first",
                            name()
                        ),
                    )
                    .with_effect(Effect::NotSent));
                }
                if position > 0 {
                    file.push(b'\t');
                }
                write(&mut file, &bind(value.as_ref(), moments, name)?, is_hex);
            }
            file.push(b'\n');
            in_file += 1;
        }
        if file.len() < BYTES && row.is_some() {
            continue;
        }
        if in_file > 0 {
            affected += send(link, call, &sql, std::mem::take(&mut file), (done, in_file))?;
            done += in_file;
            in_file = 0;
        }
        if row.is_none() {
            return Ok((affected, BulkPath::Copy));
        }
    }
}

fn statement(link: &MysqlLink, table: &str, columns: &[String], is_bytes: &[bool]) -> Result<String> {
    let dialect = link.dialect();
    let table = table.split('.').map(|part| dialect.quote_ident(part)).collect::<Result<Vec<_>>>()?.join(".");
    let (mut fields, mut sets) = (Vec::new(), Vec::new());
    for (position, column) in columns.iter().enumerate() {
        let name = dialect.quote_ident(column)?;
        if is_bytes.get(position) == Some(&true) {
            fields.push(format!("@pontoon_{position}"));
            sets.push(format!("{name} = UNHEX(@pontoon_{position})"));
        } else {
            fields.push(name.into_owned());
        }
    }
    let set = if sets.is_empty() { String::new() } else { format!(" SET {}", sets.join(", ")) };
    Ok(format!("LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} CHARACTER SET utf8mb4 ({}){set}", fields.join(", ")))
}

fn write(file: &mut Vec<u8>, value: &NativeValue, is_hex: bool) {
    let text = match value {
        NativeValue::NULL => return file.extend_from_slice(b"\\N"),
        NativeValue::Bytes(bytes) => bytes.clone(),
        other => other.as_sql(false).trim_matches('\'').as_bytes().to_vec(),
    };
    if is_hex {
        return text.iter().for_each(|byte| {
            file.extend([byte >> 4, byte & 15].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]));
        });
    }
    for byte in text {
        match byte {
            b'\\' => file.extend_from_slice(b"\\\\"),
            b'\t' => file.extend_from_slice(b"\\t"),
            b'\n' => file.extend_from_slice(b"\\n"),
            b'\r' => file.extend_from_slice(b"\\r"),
            0 => file.extend_from_slice(b"\\0"),
            byte => file.push(byte),
        }
    }
}

fn send(link: &mut MysqlLink, call: &Call<'_>, sql: &str, file: Vec<u8>, (first, rows): (usize, usize)) -> Result<u64> {
    link.conn.set_local_infile_handler(Some(sending(file)));
    let sent = link.run_alone(call, sql);
    link.conn.set_local_infile_handler(None);
    let last = first + rows - 1;
    let executed = sent.map_err(|error| match error.vendor_code() {
        Some(1148 | 3948 | 4166) => error
            .context("the server takes no LOAD DATA LOCAL (local_infile=ON allows it there; bulk=insert does without)"),
        _ => error.context(format_args!("rows {first} to {last}")),
    })?;
    if link.conn.warnings() > 0 || executed.rows_affected != rows as u64 {
        let said: Option<(String, u16, String)> = link
            .conn
            .query_first("SHOW WARNINGS")
            .ok()
            .flatten()
            .and_then(|row: mysql::Row| mysql::from_row_opt(row).ok());
        let (code, said) = said.map_or((0, "no reason was given".to_string()), |(_, code, text)| (code, text));
        let kind =
            crate::error::tables::mysql::meaning(i64::from(code)).map_or(ErrorKind::InvalidValue, |it| it.kind());
        return Err(Error::new(kind, format!("one of the rows {first} to {last} did not fit as it is: {said}"))
            .with_effect(Effect::NotApplied)
            .with_vendor_code(code));
    }
    Ok(executed.rows_affected)
}
