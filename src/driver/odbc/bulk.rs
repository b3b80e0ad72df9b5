//! Many rows at once, as arrays of parameters: one call to the driver for a chunk of rows.

use odbc_api::handles::{AsStatementRef, StatementImpl};
use odbc_api::parameter::WithDataType;
use odbc_api::{BindParamDesc, Bit, DataType, Prepared, buffers::BoxColumnBuffer, buffers::BufferDesc};

use super::core::Core;
use super::error::Diagnosis;
use super::family::Text;
use super::params::Binding;
use crate::driver::bulk::check_width;
use crate::driver::raw::odbc::{Arrays, SetSaid, row_count};
use crate::driver::{BulkPath, Call};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Sets, Statement};
use crate::value::{Kind, Value, ValueRef};

/// The most rows, and about the most bytes, that go to the driver at once.
const CHUNK: usize = 1000;
const CHUNK_BYTES: usize = 4 << 20;

/// Runs one statement for many sets, prepared once: as arrays where the driver says of each set what became of it, else
/// one after another. Drivers disagree on what they count for an array of anything but an INSERT, and most cannot say
/// which set it was that failed.
pub(super) fn execute_many(core: &Core, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
    let mut load = Load { core, call, done: 0, affected: 0, what: "set" };
    let by_arrays = core.binding.family.tells_sets && !sets.statement().returns_rows();
    let most = if by_arrays { CHUNK } else { 1 };
    let mut many: Option<Many<'_>> = None;
    loop {
        let number = load.done + many.as_ref().map_or(0, |many| many.chunk.len());
        let Some(set) = sets.next() else { break };
        let set = set.map_err(|error| error.context(format_args!("set {number}")))?;
        let values: Vec<Value> = set.values().map(ValueRef::to_value).collect();
        if let Some(many) = many.as_mut()
            && !(set.sql() == many.text && many.chunk.takes(&values, most))
        {
            many.run(&mut load)?;
        }
        if many.as_ref().is_none_or(|many| many.text != set.sql()) {
            // A list of another length is another text.
            many = Some(Many {
                text: set.sql().to_owned(),
                names: (0..values.len()).map(|position| set.parameter(position)).collect(),
                prepared: load.prepare(set.sql())?,
                chunk: Chunk::default(),
            });
        }
        if let Some(many) = many.as_mut() {
            many.chunk.push(values);
        }
    }
    if let Some(mut many) = many {
        many.run(&mut load)?;
    }
    Ok(load.affected)
}

/// Sets that wait to be run.
struct Many<'a> {
    text: String,
    names: Vec<String>,
    prepared: Prepared<StatementImpl<'a>>,
    chunk: Chunk,
}

impl Many<'_> {
    fn run(&mut self, load: &mut Load<'_>) -> Result<()> {
        let rows = std::mem::take(&mut self.chunk).rows;
        let (first, names) = (load.done, &self.names);
        load.run(&mut self.prepared, &rows, Counted::ByDriver, |row, column| {
            let name = names.get(column).map_or("?", String::as_str);
            format!("set {}: parameter {name}", first + row)
        })
    }
}

/// Sets that can go in arrays: the values of a column are of one type.
#[derive(Default)]
struct Chunk {
    rows: Vec<Vec<Value>>,
    kinds: Vec<Option<Kind>>,
    /// The room of the largest set.
    widest: usize,
}

impl Chunk {
    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether another set may go with these.
    fn takes(&self, set: &[Value], most: usize) -> bool {
        let is_of =
            |(value, kind): (&Value, &Option<Kind>)| value.is_null() || kind.is_none_or(|kind| kind == value.kind());
        let widest = self.widest.max(set.iter().map(room).sum());
        // An array has the room of its longest value for each of them.
        self.rows.is_empty()
            || (self.len() < most && widest * (self.len() + 1) < CHUNK_BYTES && set.iter().zip(&self.kinds).all(is_of))
    }

    fn push(&mut self, set: Vec<Value>) {
        self.kinds.resize(set.len(), None);
        for (kind, value) in self.kinds.iter_mut().zip(&set).filter(|(_, value)| !value.is_null()) {
            *kind = Some(value.kind());
        }
        self.widest = self.widest.max(set.iter().map(room).sum());
        self.rows.push(set);
    }
}

pub(super) fn insert(
    core: &Core,
    call: &Call<'_>,
    table: &str,
    columns: &[String],
    rows: &mut dyn Iterator<Item = Vec<Value>>,
) -> Result<(u64, BulkPath)> {
    let statement = Statement::insert(core.dialect, table, columns)?;
    let mut load = Load { core, call, done: 0, affected: 0, what: "row" };
    let mut prepared = load.prepare(statement.sql())?;
    let (most, path) = if core.binding.family.arrays { (CHUNK, BulkPath::Arrays) } else { (1, BulkPath::Prepared) };
    let mut chunk: Vec<Vec<Value>> = Vec::new();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        chunk.clear();
        let mut bytes = 0;
        while chunk.len() < most && bytes < CHUNK_BYTES {
            let Some(row) = rows.next() else { break };
            check_width(&row, columns, load.done + chunk.len())?;
            // An array has the room of its longest value for each of them.
            bytes = bytes.max(row.iter().map(room).sum::<usize>() * (chunk.len() + 1));
            chunk.push(row);
        }
        let first = load.done;
        load.run(&mut prepared, &chunk, Counted::One, |row, column| {
            let name = columns.get(column).map_or("?", String::as_str);
            format!("\"{name}\" of row {}", first + row)
        })?;
    }
    Ok((load.affected, path))
}

fn room(value: &Value) -> usize {
    match value {
        Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Decimal(decimal) => decimal.as_str().len(),
        _ => 32,
    }
}

struct Load<'a> {
    core: &'a Core,
    call: &'a Call<'a>,
    /// Rows that are in.
    done: usize,
    affected: u64,
    /// What a row is called in errors.
    what: &'static str,
}

impl<'a> Load<'a> {
    fn prepare(&self, sql: &str) -> Result<Prepared<StatementImpl<'a>>> {
        self.core.enter(self.call)?;
        if let Some(at) = sql.find('\0') {
            return Err(Error::new(ErrorKind::NulInText, format!("a NUL character at byte {at} of the statement")));
        }
        self.core.connection()?.prepare(sql).map_err(|error| self.core.failed(&Diagnosis::of(error)))
    }

    /// Sends rows. `place` says in a message which value of which of them is meant.
    fn run(
        &mut self,
        prepared: &mut Prepared<StatementImpl<'_>>,
        rows: &[Vec<Value>],
        counted: Counted,
        place: impl Fn(usize, usize) -> String,
    ) -> Result<()> {
        self.core.enter(self.call)?;
        let (core, first, count) = (self.core, self.done, rows.len());
        let width = rows.first().map_or(0, Vec::len);
        let arrays = (0..width)
            .map(|column| {
                Array::of(core.binding, rows, column)
                    .map_err(|(row, error)| error.context(place(row, column)).with_effect(Effect::NotSent))
            })
            .collect::<Result<Vec<_>>>()?;
        let changed = send(core, prepared, &arrays, count).map_err(|refusal| {
            let error = core.failed(&refusal.diagnosis);
            match (refusal.row, count) {
                (Some(row), _) => error.context(format_args!("{} {}", self.what, first + row)),
                (None, 1) => error.context(format_args!("{} {first}", self.what)),
                _ => error.context(format_args!("one of the {}s {first} to {}", self.what, first + count - 1)),
            }
        })?;
        self.affected += match counted {
            Counted::One if count > 1 => count as u64,
            _ => changed.unwrap_or(0),
        };
        self.done += count;
        Ok(())
    }
}

/// What a run has changed.
#[derive(Clone, Copy)]
enum Counted {
    /// A row each. For an array drivers count all of them, or those of the last set.
    One,
    ByDriver,
}

/// Why rows were not taken, and which of them, where the driver says so.
struct Refusal {
    diagnosis: Diagnosis,
    row: Option<usize>,
}

/// Sends arrays that are of one length; returns what the driver says was changed.
fn send(
    core: &Core,
    prepared: &mut Prepared<StatementImpl<'_>>,
    arrays: &[Array],
    count: usize,
) -> Result<Option<u64>, Refusal> {
    let unbound = |error| Refusal { diagnosis: Diagnosis::of(error), row: None };
    if arrays.is_empty() {
        // Nothing to bind: `INSERT … DEFAULT VALUES`. The sets of a chunk differ in nothing.
        let mut changed = None;
        for row in 0..count {
            let ran = prepared.execute(()).map(drop);
            if let Err(error) = ran {
                let diagnosis = Diagnosis::of(error).with_more(&prepared.as_stmt_ref());
                return Err(Refusal { diagnosis, row: Some(row) });
            }
            let more = prepared.row_count().map_err(unbound)?.map(|more| more as u64);
            changed = more.map(|more| changed.unwrap_or(0) + more).or(changed);
        }
        return Ok(changed);
    }
    let descriptions = arrays.iter().map(Array::description).collect();
    let mut bound = Arrays::bind(prepared, count, descriptions).map_err(unbound)?;
    for (number, array) in arrays.iter().enumerate() {
        array.fill(&mut bound, number);
    }
    let ran = core.running.during(&mut bound, Arrays::run);
    // A call that succeeded may have left sets undone: the standard makes that a success with information.
    let failed = (0..count).find(|set| bound.said(*set) == SetSaid::Failed);
    // Drivers that cannot tell say the same of all.
    let tells = (0..count).any(|set| bound.said(set) == SetSaid::Done);
    let ended = match (ran, failed) {
        (Ok(()), None) => Ok(row_count(&mut bound)),
        (ran, row) => {
            let diagnosis = ran.map_or_else(Diagnosis::of, |()| Diagnosis::default()).with_more(&bound);
            Err(Refusal { diagnosis, row: row.filter(|_| tells) })
        }
    };
    bound.leave_rows();
    ended
}

/// A column of a chunk.
enum Array {
    Bits(Vec<Option<Bit>>),
    Integers(Vec<Option<i64>>),
    Floats(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Narrow(Vec<Option<Vec<u8>>>, DataType),
    Wide(Vec<Option<Vec<u16>>>, DataType),
}

/// A conversion that takes all values of a column or none of them.
fn all<T>(rows: &[Vec<Value>], column: usize, each: impl Fn(&Value) -> Option<T>) -> Option<Vec<Option<T>>> {
    rows.iter()
        .map(|row| match row.get(column) {
            None | Some(Value::Null(_)) => Some(None),
            Some(value) => each(value).map(Some),
        })
        .collect()
}

impl Array {
    /// The narrowest array that holds all values of a column; an error with the number of the row that has none.
    fn of(binding: Binding, rows: &[Vec<Value>], column: usize) -> Result<Array, (usize, Error)> {
        let has_value = |row: &Vec<Value>| row.get(column).is_some_and(|value| !value.is_null());
        if !rows.iter().any(has_value) {
            // A NULL is of the type that the value would have had: SQL Server makes no bytes of a text, not even then.
            match rows.first().and_then(|row| row.get(column)).map(Value::kind) {
                Some(Kind::Bool) => return Ok(Array::Bits(vec![None; rows.len()])),
                Some(Kind::I64 | Kind::U64) if binding.family.bigint => {
                    return Ok(Array::Integers(vec![None; rows.len()]));
                }
                Some(Kind::F32 | Kind::F64) => return Ok(Array::Floats(vec![None; rows.len()])),
                Some(Kind::Bytes) => return Ok(Array::Bytes(vec![None; rows.len()])),
                _ => {}
            }
        } else {
            let bits = |value: &Value| match value {
                Value::Bool(truth) => Some(Bit(u8::from(*truth))),
                _ => None,
            };
            if let Some(bits) = all(rows, column, bits) {
                return Ok(Array::Bits(bits));
            }
            let integers = |value: &Value| match value {
                Value::I64(number) => Some(*number),
                Value::U64(number) => i64::try_from(*number).ok(),
                _ => None,
            };
            if binding.family.bigint
                && let Some(integers) = all(rows, column, integers)
            {
                return Ok(Array::Integers(integers));
            }
            let floats = |value: &Value| match value {
                Value::F64(float) => Some(*float),
                Value::F32(float) => Some(f64::from(*float)),
                _ => None,
            };
            if let Some(floats) = all(rows, column, floats) {
                for (row, float) in floats.iter().enumerate() {
                    float.map_or(Ok(()), |float| binding.check_float(float)).map_err(|error| (row, error))?;
                }
                return Ok(Array::Floats(floats));
            }
            let bytes = |value: &Value| match value {
                Value::Bytes(bytes) => Some(bytes.clone()),
                _ => None,
            };
            if let Some(bytes) = all(rows, column, bytes) {
                return Ok(Array::Bytes(bytes));
            }
        }
        Array::text_of(binding, rows, column)
    }

    /// Whatever has no array of its own goes as text.
    fn text_of(binding: Binding, rows: &[Vec<Value>], column: usize) -> Result<Array, (usize, Error)> {
        let mut texts = Vec::with_capacity(rows.len());
        let mut types: Option<Option<DataType>> = None;
        for (number, row) in rows.iter().enumerate() {
            let text = match row.get(column) {
                None | Some(Value::Null(_)) => None,
                Some(value) => Some(binding.text_of(value).map_err(|error| (number, error))?),
            };
            if let Some((_, data_type)) = &text {
                types = Some(match types {
                    None => *data_type,
                    Some(known) => common(known, *data_type),
                });
            }
            texts.push(text.map(|(text, _)| text));
        }
        let data_type = types.flatten();
        if binding.text == Text::Wide && data_type.is_none() {
            let wide: Vec<Option<Vec<u16>>> =
                texts.into_iter().map(|text| text.map(|text| text.encode_utf16().collect())).collect();
            let description = BindParamDesc::wide_text(longest(&wide));
            return Ok(Array::Wide(wide, description.data_type));
        }
        let narrow: Vec<Option<Vec<u8>>> = texts.into_iter().map(|text| text.map(String::into_bytes)).collect();
        let data_type = data_type.unwrap_or_else(|| BindParamDesc::text(longest(&narrow)).data_type);
        Ok(Array::Narrow(narrow, data_type))
    }

    fn description(&self) -> BindParamDesc {
        match self {
            Array::Bits(_) => BindParamDesc::bit(true),
            Array::Integers(_) => BindParamDesc::i64(true),
            Array::Floats(_) => BindParamDesc::f64(true),
            Array::Bytes(bytes) => BindParamDesc::binary(longest(bytes)),
            Array::Narrow(texts, data_type) => {
                BindParamDesc { buffer_desc: BufferDesc::Text { max_str_len: longest(texts) }, data_type: *data_type }
            }
            Array::Wide(texts, data_type) => {
                BindParamDesc { buffer_desc: BufferDesc::WText { max_str_len: longest(texts) }, data_type: *data_type }
            }
        }
    }

    fn fill(&self, bound: &mut Arrays<'_, WithDataType<BoxColumnBuffer>>, column: usize) {
        let to = bound.inserter.column_mut(column);
        match self {
            Array::Bits(bits) => {
                if let Some(mut to) = to.as_nullable_slice::<Bit>() {
                    to.write(bits.iter().copied());
                }
            }
            Array::Integers(numbers) => {
                if let Some(mut to) = to.as_nullable_slice::<i64>() {
                    to.write(numbers.iter().copied());
                }
            }
            Array::Floats(floats) => {
                if let Some(mut to) = to.as_nullable_slice::<f64>() {
                    to.write(floats.iter().copied());
                }
            }
            Array::Bytes(cells) => {
                if let Some(mut to) = to.as_binary() {
                    for (row, cell) in cells.iter().enumerate() {
                        to.set_cell(row, cell.as_deref());
                    }
                }
            }
            Array::Narrow(cells, _) => {
                if let Some(mut to) = to.as_text() {
                    for (row, cell) in cells.iter().enumerate() {
                        to.set_cell(row, cell.as_deref());
                    }
                }
            }
            Array::Wide(cells, _) => {
                if let Some(mut to) = to.as_wide_text() {
                    for (row, cell) in cells.iter().enumerate() {
                        to.set_cell(row, cell.as_deref());
                    }
                }
            }
        }
    }
}

/// The length of the longest of them, at least one: drivers refuse a type of no length.
fn longest<T>(cells: &[Option<Vec<T>>]) -> usize {
    cells.iter().flatten().map(Vec::len).max().unwrap_or(1).max(1)
}

/// The type that holds what is of either.
fn common(one: Option<DataType>, other: Option<DataType>) -> Option<DataType> {
    match (one?, other?) {
        (DataType::Numeric { precision: a, scale: b }, DataType::Numeric { precision: c, scale: d }) => {
            let scale = b.max(d);
            let whole = a
                .saturating_sub(usize::try_from(b).unwrap_or(0))
                .max(c.saturating_sub(usize::try_from(d).unwrap_or(0)));
            Some(DataType::Numeric { precision: whole + usize::try_from(scale).unwrap_or(0), scale })
        }
        (one, other) if one == other => Some(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::numeric;
    use super::*;

    #[test]
    fn the_type_of_a_column_holds_every_number_in_it() {
        let both = common(Some(numeric("123.4")), Some(numeric("0.056")));
        assert_eq!(both, Some(DataType::Numeric { precision: 6, scale: 3 }));
        assert_eq!(common(Some(DataType::Date), Some(DataType::Date)), Some(DataType::Date));
        assert_eq!(common(Some(DataType::Date), None), None);
    }
}
