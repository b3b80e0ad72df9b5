//! What is behind a session: SQLite, and the transactions of T-SQL in front of it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rusqlite::types::Value;
use rusqlite::{Connection, InterruptHandle};

use super::answer::{Answer, Change, Done};
use super::fault::{Failure, Fate};
use super::request::{Given, Manage};
use super::tsql::{self, words};
use super::types::Type;

/// What stops a statement.
pub(super) struct Signals {
    stop: Mutex<Stop>,
    changed: Condvar,
    interrupt: InterruptHandle,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    /// Attentions that were not acknowledged yet.
    attentions: u32,
    gone: bool,
}

impl Signals {
    pub(super) fn attention(&self) {
        self.stop.lock().attentions += 1;
        self.tell();
    }

    pub(super) fn gone(&self) {
        self.stop.lock().gone = true;
        self.tell();
    }

    fn tell(&self) {
        self.interrupt.interrupt();
        self.changed.notify_all();
    }

    /// An attention was acknowledged.
    pub(super) fn acknowledged(&self) {
        self.stop.lock().attentions -= 1;
    }

    fn is_set(&self) -> bool {
        let stop = self.stop.lock();
        stop.gone || stop.attentions > 0
    }

    fn wait(&self) {
        let mut stop = self.stop.lock();
        while !stop.gone && stop.attentions == 0 {
            self.changed.wait(&mut stop);
        }
    }
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed,
    /// The client gave up, and waits to hear that this was heard.
    Stopped,
    /// So many rows were sent as were allowed.
    Cut,
}

/// What is told of a statement that failed.
enum Trouble {
    Sql(Failure),
    Stopped,
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

pub(super) struct Engine {
    db: Connection,
    pub(super) signals: Arc<Signals>,
    /// `@@TRANCOUNT`.
    open: u32,
    /// The number by which client and server mean the same transaction.
    number: u64,
    /// A transaction that only its end is left of.
    doomed: bool,
    /// `SET IMPLICIT_TRANSACTIONS ON`.
    implicit: bool,
    savepoints: Vec<String>,
    /// Rows that may still be sent.
    pub(super) rows_left: Option<usize>,
}

impl Engine {
    pub(super) fn open(path: &Path) -> Engine {
        let db = Connection::open(path).expect("the file of the test server");
        db.busy_timeout(crate::kit::PATIENCE).expect("a busy handler");
        db.pragma_update(None, "foreign_keys", true).expect("foreign keys");
        let signals = Signals { stop: Mutex::default(), changed: Condvar::new(), interrupt: db.get_interrupt_handle() };
        Engine {
            db,
            signals: Arc::new(signals),
            open: 0,
            number: 0,
            doomed: false,
            implicit: false,
            savepoints: Vec::new(),
            rows_left: None,
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.open > 0
    }

    /// The number of the transaction that is open, else 0.
    pub(super) fn transaction(&self) -> u64 {
        if self.open > 0 { self.number } else { 0 }
    }

    /// Runs the statements of a batch. The first error ends it, which is more than the server does.
    pub(super) fn batch(&mut self, text: &str, given: &[Given], inside: bool, answer: &mut Answer) -> io::Result<End> {
        for statement in tsql::statements(text) {
            let rows = match self.statement(&statement, given, answer) {
                Ok(rows) => rows,
                Err(Trouble::Stopped) => return Ok(End::Stopped),
                Err(Trouble::Io(error)) => return Err(error),
                Err(Trouble::Sql(failure)) => {
                    self.fail(&failure, answer)?;
                    answer.done(Done { failed: true, rows: None, in_transaction: self.in_transaction(), inside })?;
                    return Ok(End::Failed);
                }
            };
            if self.rows_left == Some(0) {
                return Ok(End::Cut);
            }
            answer.done(Done { failed: false, rows, in_transaction: self.in_transaction(), inside })?;
        }
        Ok(End::Done)
    }

    /// Tells of an error, and does to the transaction what it does.
    pub(super) fn fail(&mut self, failure: &Failure, answer: &mut Answer) -> io::Result<()> {
        answer.error(failure)?;
        match failure.transaction {
            Fate::Stays => Ok(()),
            Fate::Doomed => {
                self.doomed = self.open > 0;
                Ok(())
            }
            Fate::RolledBack if self.open > 0 => self.roll_back(answer),
            Fate::RolledBack => Ok(()),
        }
    }

    /// A request of the transaction manager.
    pub(super) fn manage(&mut self, what: &Manage, answer: &mut Answer) -> io::Result<End> {
        let done = match what {
            Manage::Begin => self.begin(answer),
            Manage::Commit(again) => {
                self.commit(answer).and_then(|()| if *again { self.begin(answer) } else { Ok(()) })
            }
            Manage::Rollback(again) => {
                self.roll_back_all(answer).and_then(|()| if *again { self.begin(answer) } else { Ok(()) })
            }
            Manage::Save(name) => self.save(name),
        };
        let end = match done {
            Ok(()) => End::Done,
            Err(Trouble::Stopped) => return Ok(End::Stopped),
            Err(Trouble::Io(error)) => return Err(error),
            Err(Trouble::Sql(failure)) => {
                self.fail(&failure, answer)?;
                End::Failed
            }
        };
        let failed = end == End::Failed;
        answer.done(Done { failed, rows: None, in_transaction: self.in_transaction(), inside: false })?;
        Ok(end)
    }

    /// Runs one statement; how many rows it gave or changed, where it counts them.
    fn statement(&mut self, text: &str, given: &[Given], answer: &mut Answer) -> Result<Option<u64>, Trouble> {
        let words = words(text, 6);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["IF", "@", "@TRANCOUNT", ..] | ["IF", "@@TRANCOUNT", ">", "0", ..] => {
                let rest = text.split_once('0').map(|(_, rest)| rest.trim()).unwrap_or_default();
                return if self.open > 0 { self.statement(rest, given, answer) } else { Ok(None) };
            }
            ["BEGIN", "TRAN" | "TRANSACTION", ..] => self.begin(answer)?,
            ["COMMIT", ..] => self.commit(answer)?,
            ["ROLLBACK"] | ["ROLLBACK", "TRAN" | "TRANSACTION" | "WORK"] => self.roll_back_all(answer)?,
            ["ROLLBACK", "TRAN" | "TRANSACTION", ..] => self.roll_back_to(&tsql::last_word(text))?,
            ["SAVE", "TRAN" | "TRANSACTION", ..] => self.save(&tsql::last_word(text))?,
            ["SET", "IMPLICIT_TRANSACTIONS", switch] => self.implicit = *switch == "ON",
            ["SET", ..] => {}
            ["USE", ..] => answer.change(&Change::Database(&tsql::last_word(text)))?,
            ["WAITFOR", "DELAY", ..] => {
                answer.flush()?;
                self.signals.wait();
                return Err(Trouble::Stopped);
            }
            _ => return self.sql(text, given, answer),
        }
        Ok(None)
    }

    fn sql(&mut self, text: &str, given: &[Given], answer: &mut Answer) -> Result<Option<u64>, Trouble> {
        let verb = words(text, 1).first().cloned().unwrap_or_default();
        let writes = !matches!(verb.as_str(), "SELECT" | "WITH" | "VALUES");
        if self.doomed && writes {
            return Err(Trouble::Sql(Failure::new(
                3930,
                16,
                "The current transaction cannot be committed and cannot support operations that write to the log file. Roll \
                 back the transaction.",
            )));
        }
        if self.implicit && self.open == 0 && (writes || text.to_ascii_uppercase().contains(" FROM ")) {
            self.begin(answer)?;
        }
        let state = match (self.doomed, self.open) {
            (true, _) => -1,
            (false, 0) => 0,
            (false, _) => 1,
        };
        let sqlite = tsql::translate(text, tsql::Session { open: self.open, state });
        let signals = Arc::clone(&self.signals);
        let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) if signals.is_set() => Trouble::Stopped,
            _ => Trouble::Sql(Failure::of(&error, &verb)),
        };
        let mut statement = self.db.prepare(&sqlite).map_err(&failed)?;
        for (at, one) in given.iter().enumerate() {
            let index = statement.parameter_index(&one.name).map_err(&failed)?;
            let index = if one.name.is_empty() { Some(at + 1) } else { index };
            if let Some(index) = index {
                statement.raw_bind_parameter(index, &one.value).map_err(&failed)?;
            }
        }
        let mut columns: Vec<(String, Option<Type>)> = statement
            .columns()
            .map(|column| {
                let by_parameter = given.iter().find(|one| one.name == column.name()).map(|one| one.kind);
                let kind = column.decl_type().and_then(Type::named).or(by_parameter);
                // An expression has no name.
                let is_name = column.name().chars().all(|c| c.is_alphanumeric() || c == '_');
                (if is_name { column.name().to_owned() } else { String::new() }, kind)
            })
            .collect();
        let mut rows = statement.raw_query();
        let mut next = rows.next().map_err(&failed)?.map(|row| cells_of(row, columns.len()));
        if columns.is_empty() {
            drop(rows);
            drop(statement);
            let counts = matches!(verb.as_str(), "INSERT" | "UPDATE" | "DELETE" | "MERGE");
            return Ok(counts.then(|| self.db.changes()));
        }
        // What was not declared is of the type of its first value.
        for (at, (_, kind)) in columns.iter_mut().enumerate() {
            kind.get_or_insert_with(|| guess(next.as_ref().and_then(|cells| cells.get(at))));
        }
        let columns: Vec<(String, Type)> =
            columns.into_iter().map(|(name, kind)| (name, kind.unwrap_or(Type::Int))).collect();
        answer.columns(&columns)?;
        let mut count = 0;
        while let Some(cells) = next {
            if signals.is_set() {
                return Err(Trouble::Stopped);
            }
            answer.row(&columns, &cells)?;
            count += 1;
            if let Some(left) = &mut self.rows_left {
                *left -= 1;
                if *left == 0 {
                    return Ok(None);
                }
            }
            next = rows.next().map_err(&failed)?.map(|row| cells_of(row, columns.len()));
        }
        Ok(Some(count))
    }

    fn own(&self, sql: &str) -> Result<(), Trouble> {
        self.db.execute_batch(sql).map_err(|error| Trouble::Sql(Failure::of(&error, sql)))
    }

    fn begin(&mut self, answer: &mut Answer) -> Result<(), Trouble> {
        if self.open == 0 {
            self.own("BEGIN")?;
            self.number += 1;
            answer.change(&Change::Begun(self.number))?;
        }
        self.open += 1;
        Ok(())
    }

    fn commit(&mut self, answer: &mut Answer) -> Result<(), Trouble> {
        match self.open {
            0 => {
                let message = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                Err(Trouble::Sql(Failure::new(3902, 16, message)))
            }
            _ if self.doomed => Err(Trouble::Sql(Failure::new(
                3930,
                16,
                "The current transaction cannot be committed and cannot support operations that write to the log file. Roll \
                 back the transaction.",
            ))),
            1 => {
                self.own("COMMIT")?;
                self.open = 0;
                self.savepoints.clear();
                Ok(answer.change(&Change::Committed(self.number))?)
            }
            _ => {
                self.open -= 1;
                Ok(())
            }
        }
    }

    fn roll_back_all(&mut self, answer: &mut Answer) -> Result<(), Trouble> {
        if self.open == 0 {
            let message = "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
            return Err(Trouble::Sql(Failure::new(3903, 16, message)));
        }
        Ok(self.roll_back(answer)?)
    }

    fn roll_back(&mut self, answer: &mut Answer) -> io::Result<()> {
        self.db.execute_batch("ROLLBACK").map_err(io::Error::other)?;
        self.open = 0;
        self.doomed = false;
        self.savepoints.clear();
        answer.change(&Change::RolledBack(self.number))
    }

    fn save(&mut self, name: &str) -> Result<(), Trouble> {
        if self.open == 0 {
            let message = "Cannot issue SAVE TRANSACTION when there is no active transaction.";
            return Err(Trouble::Sql(Failure::new(628, 16, message)));
        }
        self.own(&format!("SAVEPOINT [{name}]"))?;
        self.savepoints.push(name.to_owned());
        Ok(())
    }

    fn roll_back_to(&mut self, name: &str) -> Result<(), Trouble> {
        let Some(at) = self.savepoints.iter().rposition(|known| known == name) else {
            let message = format!("Cannot roll back {name}. No transaction or savepoint of that name was found.");
            return Err(Trouble::Sql(Failure::new(6401, 16, message)));
        };
        self.own(&format!("ROLLBACK TO [{name}]"))?;
        self.savepoints.truncate(at + 1);
        Ok(())
    }
}

fn cells_of(row: &rusqlite::Row<'_>, width: usize) -> Vec<Value> {
    (0..width).map(|at| row.get(at).unwrap_or(Value::Null)).collect()
}

fn guess(value: Option<&Value>) -> Type {
    match value {
        None | Some(Value::Null) => Type::Int,
        Some(Value::Integer(number)) if i32::try_from(*number).is_ok() => Type::Int,
        Some(Value::Integer(_)) => Type::BigInt,
        Some(Value::Real(_)) => Type::Float,
        Some(Value::Text(text)) if text.chars().count() <= 1000 => Type::NVarchar(Some(4000)),
        Some(Value::Text(_)) => Type::NVarchar(None),
        Some(Value::Blob(_)) => Type::Varbinary(None),
    }
}
