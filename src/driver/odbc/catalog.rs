//! What is in the database, by the catalog functions of ODBC.

use std::sync::Arc;

use odbc_api::{Cursor, CursorRow};

use super::core::Core;
use super::error::Diagnosis;
use crate::driver::raw::odbc::{Listing, listing};
use crate::driver::{Batcher, Call, Catalog, Flow, RowSink};
use crate::error::Result;
use crate::row::{Column, Columns};
use crate::value::{Kind, Value};

pub(super) fn describe(core: &Core, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
    call.check()?;
    let (columns, rows) = match request {
        Catalog::Tables => (TABLES, tables(core)?),
        Catalog::Columns(table) => (COLUMNS, of_table(core, table, columns)?),
        Catalog::Indexes(table) => (INDEXES, of_table(core, table, indexes)?),
        Catalog::ForeignKeys(table) => (FOREIGN_KEYS, of_table(core, table, foreign_keys)?),
    };
    let columns = columns.iter().map(|(name, kind)| Column::new(*name).with_kind(*kind)).collect();
    let mut batcher = Batcher::new(sink, Arc::new(Columns::new(columns)))?;
    for row in rows {
        for value in &row {
            batcher.row().push_value(value)?;
        }
        if batcher.end_row(None)? == Flow::Stop {
            return Ok(());
        }
    }
    batcher.finish()
}

type Row = Vec<Value>;

/// Asks about a table that there is. A name that none has is not handed to the driver: it may be made to do harm, and
/// SQLite's driver falls over some.
fn of_table(core: &Core, table: &str, describe: fn(&Core, &str) -> Result<Vec<Row>>) -> Result<Vec<Row>> {
    let is_it = |row: &Row| matches!(row.get(1), Some(Value::Text(name)) if name == table);
    if tables(core)?.iter().any(is_it) { describe(core, table) } else { Ok(Vec::new()) }
}

const TABLES: &[(&str, Kind)] = &[("schema", Kind::Text), ("name", Kind::Text), ("kind", Kind::Text)];

const COLUMNS: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("type_name", Kind::Text),
    ("nullable", Kind::Bool),
    ("default", Kind::Text),
    ("primary_key", Kind::I64),
];

const INDEXES: &[(&str, Kind)] = &[
    ("index", Kind::Text),
    ("unique", Kind::Bool),
    ("position", Kind::I64),
    ("column", Kind::Text),
    ("descending", Kind::Bool),
];

const FOREIGN_KEYS: &[(&str, Kind)] = &[
    ("key", Kind::Text),
    ("position", Kind::I64),
    ("column", Kind::Text),
    ("references_table", Kind::Text),
    ("references_column", Kind::Text),
];

/// A row of a catalog function, by the numbers that the columns have in the standard.
struct Listed<'r, 's>(&'r mut CursorRow<'s>);

impl Listed<'_, '_> {
    fn text(&mut self, column: u16) -> Result<Option<String>, odbc_api::Error> {
        let mut bytes = Vec::new();
        let is_there = self.0.get_text(column, &mut bytes)?;
        Ok(is_there.then(|| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn value(&mut self, column: u16) -> Result<Value, odbc_api::Error> {
        Ok(self.text(column)?.map_or(Value::Null(Kind::Text), Value::Text))
    }

    fn number(&mut self, column: u16) -> Result<i64, odbc_api::Error> {
        Ok(self.text(column)?.and_then(|text| text.trim().parse().ok()).unwrap_or_default())
    }
}

/// Collects what `read` makes of the rows that a catalog function lists. Columns are read from left to right, since
/// not every driver goes back.
fn list<T>(
    core: &Core,
    what: Listing<'_>,
    mut read: impl FnMut(&mut Listed<'_, '_>) -> Result<Option<T>, odbc_api::Error>,
) -> Result<Vec<T>> {
    let mut statement = core.statement()?;
    let mut all = || {
        let mut cursor = listing(&mut statement, what)?;
        let mut found = Vec::new();
        while let Some(mut row) = cursor.next_row()? {
            found.extend(read(&mut Listed(&mut row))?);
        }
        Ok(found)
    };
    all().map_err(|error: odbc_api::Error| core.failed(&Diagnosis::of(error)))
}

fn tables(core: &Core) -> Result<Vec<Row>> {
    list(core, Listing::Tables, |row| {
        let schema = row.value(2)?;
        let name = row.value(3)?;
        let kind = match row.text(4)?.unwrap_or_default().to_ascii_uppercase() {
            kind if kind.contains("SYSTEM") => return Ok(None),
            kind if kind.contains("VIEW") => "view",
            kind if kind.contains("TABLE") => "table",
            _ => return Ok(None),
        };
        Ok(Some(vec![schema, name, Value::Text(kind.to_owned())]))
    })
}

fn columns(core: &Core, table: &str) -> Result<Vec<Row>> {
    let mut keys =
        list(core, Listing::PrimaryKeys(table), |row| Ok(Some((row.text(4)?, row.number(5)?, row.text(6)?))))?;
    // Some drivers count the columns of a key in the order of the table; its index knows better.
    if keys.len() > 1 {
        for row in indexes(core, table)? {
            let [Value::Text(index), _, Value::I64(position), Value::Text(column), _] = &*row else { continue };
            let is_it = |(of, _, name): &&mut (Option<String>, i64, Option<String>)| {
                of.as_ref() == Some(column) && name.as_ref() == Some(index)
            };
            if let Some((_, known, _)) = keys.iter_mut().find(is_it) {
                *known = *position;
            }
        }
    }
    list(core, Listing::Columns(table), |row| {
        // The name is a pattern to the driver, which can be that of other tables too.
        if row.text(3)?.as_deref() != Some(table) {
            return Ok(None);
        }
        let name = row.text(4)?;
        let type_name = row.value(6)?;
        let nullable = row.number(11)? != 0;
        let default = row.value(13)?;
        let key = keys.iter().find(|(column, ..)| *column == name).map_or(0, |(_, position, _)| *position);
        let name = name.map_or(Value::Null(Kind::Text), Value::Text);
        // A key can have no NULL, whatever else is said of the column.
        Ok(Some(vec![name, type_name, Value::Bool(nullable && key == 0), default, Value::I64(key)]))
    })
}

fn indexes(core: &Core, table: &str) -> Result<Vec<Row>> {
    list(core, Listing::Indexes(table), |row| {
        let repeats = row.number(4)? != 0;
        let index = row.value(6)?;
        // The first row is about the table itself.
        if row.number(7)? == 0 || index.is_null() {
            return Ok(None);
        }
        let position = row.number(8)?;
        let column = row.value(9)?;
        let descending = row.text(10)?.as_deref() == Some("D");
        Ok(Some(vec![index, Value::Bool(!repeats), Value::I64(position), column, Value::Bool(descending)]))
    })
}

fn foreign_keys(core: &Core, table: &str) -> Result<Vec<Row>> {
    list(core, Listing::ForeignKeys(table), |row| {
        let references_table = row.value(3)?;
        let references_column = row.value(4)?;
        let column = row.value(8)?;
        let position = row.number(9)?;
        let key = row.value(12)?;
        Ok(Some(vec![key, Value::I64(position), column, references_table, references_column]))
    })
}
