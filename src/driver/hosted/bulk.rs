//! Many sets of parameters at once.

use super::core::Core;
use super::message::EXECUTE_MANY;
use super::rows::put_sets;
use super::values;
use crate::driver::bulk::check_width;
use crate::driver::{BulkPath, Call};
use crate::error::{Effect, Result};
use crate::sql::{Sets, Statement};
use crate::value::{Value, ValueRef};

/// The most sets, and about the most bytes, that go to the host at once.
const CHUNK: usize = 1000;
const CHUNK_BYTES: usize = 1 << 20;

/// Runs a statement for many sets.
pub(super) fn execute_many(core: &Core, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
    let mut chunk =
        Chunk { core, call, what: "set", sql: String::new(), values: Vec::new(), sets: 0, bytes: 0, done: 0 };
    let mut affected = 0;
    loop {
        let Some(set) = sets.next() else { break };
        let set = match set {
            Ok(set) => set,
            Err(error) => {
                // Those before it are run, as they would be one by one.
                let number = chunk.done + chunk.sets;
                affected += chunk.run()?;
                let effect = if affected > 0 { Effect::NotApplied } else { error.effect() };
                return Err(error.with_effect(effect).context(format_args!("set {number}")));
            }
        };
        // A list of another length is another text.
        if chunk.sets > 0 && chunk.sql != set.sql() {
            affected += chunk.run()?;
        }
        if chunk.sets == 0 {
            set.sql().clone_into(&mut chunk.sql);
        }
        for (at, value) in set.values().enumerate() {
            values::check(core.speech.known.engine, value).map_err(|error| {
                let number = chunk.done + chunk.sets;
                error.context(format_args!("set {number}: parameter {}", set.parameter(at)))
            })?;
        }
        chunk.push(set.values().map(ValueRef::to_value));
        if chunk.is_full() {
            affected += chunk.run()?;
        }
    }
    Ok(affected + chunk.run()?)
}

pub(super) fn insert(
    core: &Core,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    let statement = Statement::insert(core.speech.dialect, table, columns)?;
    let sql = statement.sql().to_owned();
    let mut chunk = Chunk { core, call, what: "row", sql, values: Vec::new(), sets: 0, bytes: 0, done: 0 };
    let mut affected = 0;
    for row in rows {
        check_width(&row, columns, chunk.done + chunk.sets)?;
        for (column, value) in columns.iter().zip(&row) {
            values::check(core.speech.known.engine, value.as_ref())
                .map_err(|error| error.context(format_args!("\"{column}\" of row {}", chunk.done + chunk.sets)))?;
        }
        chunk.push(row.into_iter());
        if chunk.is_full() {
            affected += chunk.run()?;
        }
    }
    Ok((affected + chunk.run()?, BulkPath::Arrays))
}

struct Chunk<'c> {
    core: &'c Core,
    call: &'c Call<'c>,
    what: &'static str,
    sql: String,
    values: Vec<Value>,
    sets: usize,
    bytes: usize,
    done: usize,
}

impl Chunk<'_> {
    fn push(&mut self, values: impl Iterator<Item = Value>) {
        let from = self.values.len();
        self.values.extend(values);
        self.sets += 1;
        self.bytes += self.values[from..].iter().map(room).sum::<usize>();
    }

    fn is_full(&self) -> bool {
        self.sets >= CHUNK || self.bytes >= CHUNK_BYTES
    }

    fn run(&mut self) -> Result<u64> {
        if self.sets == 0 {
            return Ok(0);
        }
        let (sets, first) = (self.sets, self.done);
        let width = self.values.len() / sets;
        let before = self.core.known_state();
        let result = self.core.many(self.call, EXECUTE_MANY, |frame| {
            frame.text(&self.sql);
            put_sets(frame, self.core.packing, sets, width, self.values.iter().map(Value::as_ref));
            Ok(())
        });
        self.values.clear();
        (self.sets, self.bytes) = (0, 0);
        self.done += sets;
        match result {
            Ok(done) => {
                self.core.keep(before, &self.sql);
                Ok(done.affected.unwrap_or(0))
            }
            Err((Some(set), error)) => Err(error.context(format_args!("{} {}", self.what, first + set))),
            Err((None, error)) if sets == 1 => Err(error.context(format_args!("{} {first}", self.what))),
            Err((None, error)) => {
                Err(error.context(format_args!("one of the {}s {first} to {}", self.what, first + sets - 1)))
            }
        }
    }
}

/// What a value takes up, about.
fn room(value: &Value) -> usize {
    16 + match value {
        Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}
