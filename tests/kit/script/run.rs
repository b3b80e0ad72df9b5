//! A statement on the database itself.

use std::borrow::Cow;

use pontoon::driver::{Call, Executed};
use pontoon::value::Value;
use pontoon::{Error, ErrorKind, Result};

use super::model::{Change, Model, Session};
use super::reading::{Operand, Reading, read};
use super::state::State;

/// What a statement did.
#[derive(Debug)]
pub(super) enum Done {
    Changed(Executed),
    Selected(Selected),
}

/// Rows, kept or counted out.
#[derive(Debug)]
pub(super) struct Selected {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    series: i64,
}

impl Selected {
    pub(super) fn list(columns: Vec<String>, rows: Vec<Vec<Value>>) -> Selected {
        Selected { columns, rows, series: 0 }
    }

    fn numbers(column: &str, numbers: impl IntoIterator<Item = i64>) -> Selected {
        Selected::list(vec![column.to_owned()], numbers.into_iter().map(|number| vec![Value::I64(number)]).collect())
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) fn into_rows(self) -> impl Iterator<Item = Vec<Value>> {
        self.rows.into_iter().chain((0..self.series).map(|number| vec![Value::I64(number)]))
    }
}

/// What is asked of a statement beside its text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// It must not write.
    pub(super) read_only: bool,
    /// It must have rows.
    pub(super) must_select: bool,
    /// A write that has begun is brought to its end.
    pub(super) must_finish: bool,
}

impl Terms {
    pub(super) fn of(call: &Call<'_>) -> Terms {
        Terms { read_only: call.is_read_only(), must_select: false, must_finish: !call.may_interrupt_writes() }
    }
}

/// Runs a statement on a connection.
pub(super) fn run(state: &mut State, number: u64, sql: &str, values: &[Value], terms: Terms) -> Result<Done> {
    let reading = read(sql).ok_or_else(|| {
        Error::new(ErrorKind::Syntax, format!("the scripted database does not know `{sql}`: give it a rule"))
    })?;
    let index = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
    let State { model, connections, .. } = state;
    let session = match connections.get_mut(index) {
        Some(connection) => &mut connection.session,
        None => return Err(Error::new(ErrorKind::Internal, format!("there is no connection {number}"))),
    };
    let ends = matches!(reading, Reading::Commit | Reading::Rollback | Reading::RollbackTo(_));
    if session.is_failed() && !ends {
        return Err(Error::new(ErrorKind::TransactionAborted, "current transaction is aborted").with_sqlstate("25P02"));
    }
    if terms.must_select && !reading.selects() {
        return Err(Error::new(ErrorKind::Misuse, format!("`{sql}` has no rows")));
    }
    if terms.read_only && reading.writes() {
        return Err(Error::new(ErrorKind::ReadOnly, format!("`{sql}` writes")));
    }
    let integer = |operand: &Operand| match value(operand, values)? {
        Value::I64(number) => Ok(number),
        other => Err(Error::new(ErrorKind::InvalidValue, format!("a table holds integers, no {:?}", other.kind()))),
    };
    let chosen = |model: &Model, session: &Session, name: &str, which: &Option<Operand>| -> Result<Vec<i64>> {
        let which = which.as_ref().map(integer).transpose()?;
        let rows = rows_of(model, session, name)?;
        Ok(rows.iter().copied().filter(|row| which.is_none_or(|wanted| wanted == *row)).collect())
    };
    let nothing = Done::Changed(Executed::default());
    let changed = |rows: u64| Done::Changed(Executed::new(rows, None));
    Ok(match reading {
        Reading::Nothing => nothing,
        Reading::Begin if session.begin() => nothing,
        Reading::Begin => return Err(Error::new(ErrorKind::Misuse, "a transaction is open already")),
        Reading::Commit if session.is_failed() => {
            session.forget();
            return Err(Error::new(ErrorKind::TransactionAborted, "rolled back instead").with_sqlstate("25P02"));
        }
        Reading::Commit | Reading::Rollback if !session.is_open() => {
            return Err(Error::new(ErrorKind::Misuse, "no transaction is open"));
        }
        Reading::Commit => {
            model.commit(session);
            nothing
        }
        Reading::Rollback => {
            session.forget();
            nothing
        }
        Reading::Savepoint(name) => found(session.savepoint(&name), &name)?,
        Reading::Release(name) => found(session.release(&name), &name)?,
        Reading::RollbackTo(name) => found(session.rollback_to(&name), &name)?,
        Reading::Set(name, setting) => {
            session.settings.insert(name, setting);
            nothing
        }
        Reading::Show(name) => {
            let setting = session.settings.get(&name).map_or(Value::Text("default".into()), |s| Value::Text(s.clone()));
            Done::Selected(Selected::list(vec![name], vec![vec![setting]]))
        }
        Reading::Create(name) if model.seen(session, &name).is_some() => {
            return Err(Error::new(ErrorKind::DuplicateObject, format!("table {name} already exists")));
        }
        Reading::Create(name) => changed(model.change(session, Change::Create(name))),
        Reading::Drop(name) => {
            rows_of(model, session, &name)?;
            changed(model.change(session, Change::Drop(name)))
        }
        Reading::Insert(name, operands) => {
            let before = rows_of(model, session, &name)?.len();
            let numbers: Vec<i64> = operands.iter().map(integer).collect::<Result<_>>()?;
            let count = numbers.len();
            for number in numbers {
                model.change(session, Change::Insert(name.clone(), number));
            }
            Done::Changed(Executed::new(count as u64, i64::try_from(before + count).ok()))
        }
        Reading::Delete(name, which) => {
            rows_of(model, session, &name)?;
            let which = which.as_ref().map(integer).transpose()?;
            changed(model.change(session, Change::Delete(name, which)))
        }
        Reading::Update(name, to, which) => {
            rows_of(model, session, &name)?;
            let (to, which) = (integer(&to)?, which.as_ref().map(integer).transpose()?);
            changed(model.change(session, Change::Update(name, to, which)))
        }
        Reading::Count(name, which) => {
            let count = chosen(model, session, &name, &which)?.len();
            Done::Selected(Selected::numbers("count", i64::try_from(count)))
        }
        Reading::Sum(name, which) => {
            Done::Selected(Selected::numbers("sum", [chosen(model, session, &name, &which)?.iter().sum()]))
        }
        Reading::Rows(name, which) => Done::Selected(Selected::numbers("n", chosen(model, session, &name, &which)?)),
        Reading::Series(rows) => {
            Done::Selected(Selected { series: integer(&rows)?, ..Selected::list(vec!["n".into()], Vec::new()) })
        }
        Reading::Echo(operands) => {
            let row: Vec<Value> = operands.iter().map(|operand| value(operand, values)).collect::<Result<_>>()?;
            let columns = (1..=row.len()).map(|number| format!("column{number}")).collect();
            Done::Selected(Selected::list(columns, vec![row]))
        }
    })
}

fn rows_of<'m>(model: &'m Model, session: &Session, table: &str) -> Result<Cow<'m, [i64]>> {
    let missing = || Error::new(ErrorKind::UndefinedTable, format!("no such table: {table}"));
    model.seen(session, table).ok_or_else(missing)
}

fn found(found: bool, savepoint: &str) -> Result<Done> {
    if found {
        Ok(Done::Changed(Executed::default()))
    } else {
        Err(Error::new(ErrorKind::UndefinedObject, format!("no such savepoint: {savepoint}")).with_sqlstate("3B001"))
    }
}

fn value(operand: &Operand, values: &[Value]) -> Result<Value> {
    match operand {
        Operand::Value(value) => Ok(value.clone()),
        Operand::Parameter(position) => values
            .get(*position)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Parameter, format!("parameter {} has no value", position + 1))),
    }
}
