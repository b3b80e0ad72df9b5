//! Loading many rows into a table.
//!
//! By INSERT statements of many rows each, prepared once. Measured with five columns, a row costs less than half of what
//! it costs as a statement of its own; past some thirty rows a statement there is nothing more to gain.

use rusqlite::Statement as Prepared;
use rusqlite::limits::Limit;

use super::core::{Core, Failure, Outcome};
use super::error::of_native;
use super::statement::Facts;
use super::values::bind;
use super::watch::Running;
use crate::driver::bulk::several;
use crate::driver::{BulkPath, Call};
use crate::error::{Effect, ErrorKind, Result};
use crate::params::Params;
use crate::sql::{Packed, SQLITE, Set, Sets, Statement};
use crate::value::Value;

/// The most rows a statement inserts.
const ROWS: usize = 32;

/// As [`load`], of rows that are packed first.
pub(super) fn insert(
    core: &Core,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let one = Statement::insert(&SQLITE, table, columns)?;
    let packed = Packed::rows(&one, &names, rows.map(Params::Positional)).map_err(|error| match error.kind() {
        ErrorKind::Parameter => error.with_effect(Effect::NotSent),
        _ => error,
    })?;
    load(core, call, columns, &mut packed.into_sets())
}

/// Inserts all rows. When some cannot be inserted, those before it have been, and the error says which it was.
pub(super) fn load(core: &Core, call: &Call<'_>, columns: &[String], rows: &mut Sets<'_>) -> Result<(u64, BulkPath)> {
    let one = rows.statement().clone();
    let limit = core.conn.limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER).map_err(of_native)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut load = Load { core, call, columns, one: one.sql(), done: 0, affected: 0 };
    let together = (limit / columns.len()).min(ROWS);
    let (result, path) = if together > 1 && rows.mark() {
        let many = several(one.sql(), columns.len(), together);
        (core.on_terms(call, |running| load.together(running, &many, together, rows)), BulkPath::MultiRow)
    } else {
        (core.on_terms(call, |running| load.singly(running, rows, usize::MAX)), BulkPath::Prepared)
    };
    match result {
        Ok(()) => Ok((load.affected, path)),
        Err(error) if load.done > 0 => Err(core.after_others(error)),
        Err(error) => Err(error),
    }
}

struct Load<'a> {
    core: &'a Core,
    call: &'a Call<'a>,
    columns: &'a [String],
    one: &'a str,
    /// Rows that are in.
    done: usize,
    affected: u64,
}

impl Load<'_> {
    fn together(&mut self, running: &Running<'_>, many: &str, size: usize, rows: &mut Sets<'_>) -> Outcome<()> {
        let (core, call) = (self.core, self.call);
        core.prepared(call, running, many, |statement, facts| {
            let loaded = self.chunks(running, statement, facts, size, rows);
            statement.clear_bindings();
            loaded
        })
    }

    fn chunks(
        &mut self,
        running: &Running<'_>,
        statement: &mut Prepared<'_>,
        facts: &Facts,
        size: usize,
        rows: &mut Sets<'_>,
    ) -> Outcome<()> {
        loop {
            rows.mark();
            let mut bound = 0;
            while bound < size
                && let Some(row) = rows.next()
            {
                self.bind(statement, bound, &row?)?;
                bound += 1;
            }
            if bound < size {
                rows.go_back();
                return self.singly(running, rows, usize::MAX);
            }
            self.call.check()?;
            let before = self.state();
            match self.run(statement, facts, size) {
                // SQLite mostly undoes the whole statement, and row by row it tells which one it was. Not so where a
                // trigger said FAIL and the rows before stayed, nor where the transaction itself was ended: the rows
                // would be in twice, or in for good.
                Err(Failure::Native(error)) if is_of_a_row(&error) && self.state() == before => {
                    rows.go_back();
                    self.singly(running, rows, size)?;
                }
                Err(Failure::Native(error)) if is_of_a_row(&error) => {
                    let rows = format!("one of the rows {} to {}", self.done, self.done + size - 1);
                    return Err(Failure::Ours(of_native(error).context(rows)));
                }
                other => other?,
            }
        }
    }

    /// What a statement that was undone leaves as it was: whether a transaction is open, and how much was changed.
    fn state(&self) -> (bool, u64) {
        (self.core.conn.is_autocommit(), self.core.conn.total_changes())
    }

    /// So many rows at most, by a statement each.
    fn singly(&mut self, running: &Running<'_>, rows: &mut Sets<'_>, most: usize) -> Outcome<()> {
        let (core, call, one) = (self.core, self.call, self.one);
        core.prepared(call, running, one, |statement, facts| {
            let loaded = self.one_by_one(statement, facts, rows, most);
            statement.clear_bindings();
            loaded
        })
    }

    fn one_by_one(
        &mut self,
        statement: &mut Prepared<'_>,
        facts: &Facts,
        rows: &mut Sets<'_>,
        most: usize,
    ) -> Outcome<()> {
        for _ in 0..most {
            let Some(row) = rows.next() else { break };
            self.bind(statement, 0, &row?)?;
            let done = self.done;
            self.run(statement, facts, 1).map_err(|failure| match failure {
                Failure::Native(error) if is_of_a_row(&error) => {
                    Failure::Ours(of_native(error).context(format_args!("row {done}")))
                }
                failure => failure,
            })?;
        }
        Ok(())
    }

    /// Binds a row as the `number`th of a statement, counted from 0.
    #[inline]
    fn bind(&self, statement: &mut Prepared<'_>, number: usize, row: &Set<'_>) -> Outcome<()> {
        let (columns, done) = (self.columns, self.done);
        for (at, value) in row.values().enumerate() {
            let _ = bind(statement, number * columns.len() + at + 1, value, || name(columns, done + number, at))?;
        }
        Ok(())
    }

    fn run(&mut self, statement: &mut Prepared<'_>, facts: &Facts, rows: usize) -> Outcome<()> {
        let before = self.core.conn.total_changes();
        self.core.run_prepared(statement, facts)?;
        self.affected += self.core.executed(facts, before).rows_affected;
        self.done += rows;
        Ok(())
    }
}

/// Constraints and values: what depends on the row, and not on the disk or on other connections.
fn is_of_a_row(error: &rusqlite::Error) -> bool {
    // CONSTRAINT, MISMATCH, TOOBIG; ERROR is what functions and triggers raise.
    matches!(super::error::code_of(error).map(|code| code & 0xff), Some(19 | 20 | 18 | 1))
}

fn name(columns: &[String], row: usize, column: usize) -> String {
    let column = columns.get(column).map_or("?", String::as_str);
    format!("\"{column}\" of row {row}")
}
