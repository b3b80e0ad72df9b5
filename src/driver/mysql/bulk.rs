//! Many rows into one table: INSERT statements of many rows, and LOAD DATA.

use mysql::Value as NativeValue;

use super::link::{MysqlLink, size_of_value};
use super::load;
use super::values::{bind, length_of};
use super::verb::Verb;
use crate::driver::bulk::{check_width, several};
use crate::driver::{BulkPath, Call};
use crate::error::{Effect, Result};
use crate::sql::Statement;
use crate::value::Value;

/// The most rows that a statement inserts. Past some hundred there is little to gain.
const ROWS: usize = 256;

/// The most bytes that a statement of many rows has, if the server takes as many: more would only be held longer.
const BYTES: usize = 1 << 20;

/// The most parameters that a prepared statement has.
const PARAMETERS: usize = 65_535;

/// Inserts all rows. When some cannot be inserted, those before them have been, and the error says which they were.
pub(super) fn insert(
    link: &mut MysqlLink,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    if link.connector.settings.load_data {
        return load::insert(link, call, table, columns, rows);
    }
    let one = Statement::insert(crate::driver::Link::dialect(link), table, columns)?;
    let largest = (PARAMETERS / columns.len()).clamp(1, ROWS);
    let budget = BYTES.min(link.server.max_packet / 2);
    let mut load =
        Load { link, call, columns, one: one.sql(), chunk: Vec::new(), rows: 0, bytes: 0, done: 0, affected: 0 };
    for row in rows {
        load.take(row)?;
        if load.rows == largest || load.bytes >= budget {
            load.send()?;
        }
    }
    load.send()?;
    Ok((load.affected, BulkPath::MultiRow))
}

struct Load<'a> {
    link: &'a mut MysqlLink,
    call: &'a Call<'a>,
    columns: &'a [String],
    one: &'a str,
    /// The values of the next statement.
    chunk: Vec<NativeValue>,
    /// Its rows.
    rows: usize,
    bytes: usize,
    /// Rows that are in.
    done: usize,
    affected: u64,
}

impl Load<'_> {
    fn take(&mut self, row: Vec<Value>) -> Result<()> {
        let number = self.done + self.rows;
        check_width(&row, self.columns, number)?;
        let length = row.iter().map(|value| length_of(value.as_ref())).sum();
        self.link.check_bytes(length).map_err(|error| {
            let error = error.context(format_args!("row {number}"));
            if self.done > 0 { error.with_effect(Effect::NotApplied) } else { error }
        })?;
        let moments = self.link.moments();
        for (value, column) in row.iter().zip(self.columns) {
            let value = bind(value.as_ref(), moments, || format!("\"{column}\" of row {number}"))?;
            self.bytes += size_of_value(&value);
            self.chunk.push(value);
        }
        self.rows += 1;
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.call.check()?;
        let (first, last) = (self.done, self.done + self.rows - 1);
        let sql = several(self.one, self.columns.len(), self.rows);
        let values = std::mem::take(&mut self.chunk);
        let sent = self.link.check_size(&sql, &values).and_then(|()| {
            let prepared = self.link.prepare(self.call, &sql)?;
            self.link.run_again(&prepared, Verb::Writes, values)
        });
        let executed = sent.map_err(|error| {
            let error = match first == last {
                true => error.context(format_args!("row {first}")),
                false => error.context(format_args!("one of the rows {first} to {last}")),
            };
            // Those before have been inserted.
            if first > 0 && error.effect() == Effect::NotSent { error.with_effect(Effect::NotApplied) } else { error }
        })?;
        self.done += self.rows;
        self.affected += executed.rows_affected;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}
