//! What is answered, as a stream of tokens.

use std::io;

use rusqlite::types::Value;

use super::fault::Failure;
use super::packet::{SIZE, Writer, utf16};
use super::types::{COLLATION, Type};
use super::values;

/// The bits of a `DONE`.
const MORE: u16 = 1;
const ERROR: u16 = 2;
const IN_TRANSACTION: u16 = 4;
const COUNT: u16 = 16;
const ATTENTION: u16 = 32;

/// How a statement ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    pub(super) failed: bool,
    pub(super) rows: Option<u64>,
    pub(super) in_transaction: bool,
    /// It stands in a procedure.
    pub(super) inside: bool,
}

/// A change that clients are told of.
pub(super) enum Change<'a> {
    Database(&'a str),
    Begun(u64),
    Committed(u64),
    RolledBack(u64),
}

/// The answer to a request, as far as it has come.
pub(super) struct Answer {
    writer: Writer,
    /// The last `DONE`: whether more comes is known later.
    done: Option<(u8, u16, u64)>,
}

impl Answer {
    pub(super) fn new(writer: Writer) -> Answer {
        Answer { writer, done: None }
    }

    /// A message that is no stream of tokens.
    pub(super) fn plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.put(bytes)?;
        self.writer.end()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.settle(MORE)?;
        self.writer.put(bytes)
    }

    fn settle(&mut self, more: u16) -> io::Result<()> {
        let Some((token, status, rows)) = self.done.take() else { return Ok(()) };
        let mut bytes = vec![token];
        bytes.extend_from_slice(&(status | more).to_le_bytes());
        bytes.extend_from_slice(&0_u16.to_le_bytes());
        bytes.extend_from_slice(&rows.to_le_bytes());
        self.writer.put(&bytes)
    }

    /// A statement has ended.
    pub(super) fn done(&mut self, done: Done) -> io::Result<()> {
        self.settle(MORE)?;
        self.done = Some((if done.inside { 0xFF } else { 0xFD }, status(done), done.rows.unwrap_or(0)));
        Ok(())
    }

    /// A procedure has ended, with what it gives back: the number of a prepared statement.
    pub(super) fn returned(&mut self, handle: Option<(&str, i32)>, done: Done) -> io::Result<()> {
        let code = i32::from(done.failed);
        let mut bytes = vec![0x79];
        bytes.extend_from_slice(&code.to_le_bytes());
        if let Some((name, handle)) = handle {
            bytes.extend_from_slice(&[0xAC, 0, 0]);
            brief(&mut bytes, name);
            bytes.push(1);
            bytes.extend_from_slice(&[0; 6]);
            Type::Int.write(&mut bytes);
            bytes.push(4);
            bytes.extend_from_slice(&handle.to_le_bytes());
        }
        self.put(&bytes)?;
        self.done = Some((0xFE, status(done), done.rows.unwrap_or(0)));
        Ok(())
    }

    /// The end of the message.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.settle(0)?;
        self.writer.end()
    }

    /// The client gave up, and is told that this was heard.
    pub(super) fn stopped(&mut self) -> io::Result<()> {
        self.done = Some((0xFD, ATTENTION, 0));
        self.end()
    }

    /// Sends what there is.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    pub(super) fn forget(&mut self) {
        self.done = None;
        self.writer.forget();
    }

    /// The login was taken.
    pub(super) fn welcome(&mut self, database: &str) -> io::Result<()> {
        self.change(&Change::Database(database))?;
        self.told(5701, &format!("Changed database context to '{database}'."))?;
        let mut bytes = environment(7, &sized(&COLLATION), &[0]);
        bytes.extend(environment(2, &briefly("us_english"), &[0]));
        self.put(&bytes)?;
        self.told(5703, "Changed language setting to us_english.")?;
        let mut accepted = vec![1, 0x74, 0, 0, 4];
        brief(&mut accepted, "Microsoft SQL Server");
        accepted.extend_from_slice(&[16, 0, 0x03, 0xE8]);
        let mut bytes = vec![0xAD];
        bytes.extend_from_slice(&u16::try_from(accepted.len()).expect("it is short").to_le_bytes());
        bytes.extend(accepted);
        bytes.extend(environment(4, &briefly(&SIZE.to_string()), &briefly("4096")));
        self.put(&bytes)?;
        self.done(Done::default())
    }

    pub(super) fn change(&mut self, change: &Change<'_>) -> io::Result<()> {
        let bytes = match change {
            Change::Database(name) => environment(1, &briefly(name), &briefly("master")),
            Change::Begun(number) => environment(8, &sized(&number.to_le_bytes()), &[0]),
            Change::Committed(number) => environment(9, &[0], &sized(&number.to_le_bytes())),
            Change::RolledBack(number) => environment(10, &[0], &sized(&number.to_le_bytes())),
        };
        self.put(&bytes)
    }

    /// Something that is no error.
    pub(super) fn told(&mut self, number: i32, message: &str) -> io::Result<()> {
        self.message(0xAB, number, 1, 0, message)
    }

    pub(super) fn error(&mut self, failure: &Failure) -> io::Result<()> {
        self.message(0xAA, failure.number, failure.state, failure.class, &failure.message)
    }

    fn message(&mut self, token: u8, number: i32, state: u8, class: u8, message: &str) -> io::Result<()> {
        let mut inner = number.to_le_bytes().to_vec();
        inner.extend_from_slice(&[state, class]);
        let text = utf16(message);
        inner.extend_from_slice(&u16::try_from(text.len() / 2).expect("messages are short").to_le_bytes());
        inner.extend(text);
        brief(&mut inner, "pontoon-test");
        brief(&mut inner, "");
        inner.extend_from_slice(&1_u32.to_le_bytes());
        let mut bytes = vec![token];
        bytes.extend_from_slice(&u16::try_from(inner.len()).expect("messages are short").to_le_bytes());
        bytes.extend(inner);
        self.put(&bytes)
    }

    /// What the rows that follow have.
    pub(super) fn columns(&mut self, columns: &[(String, Type)]) -> io::Result<()> {
        const NULLABLE: u16 = 1;
        let mut bytes = vec![0x81];
        bytes.extend_from_slice(&u16::try_from(columns.len()).expect("there are few columns").to_le_bytes());
        for (name, kind) in columns {
            bytes.extend_from_slice(&0_u32.to_le_bytes());
            bytes.extend_from_slice(&NULLABLE.to_le_bytes());
            kind.write(&mut bytes);
            brief(&mut bytes, name);
        }
        self.put(&bytes)
    }

    /// A row; one with a NULL goes as servers send it, with a bit for each cell.
    pub(super) fn row(&mut self, columns: &[(String, Type)], cells: &[Value]) -> io::Result<()> {
        let is_null = |cell: &Value| matches!(cell, Value::Null);
        let mut bytes = Vec::new();
        if cells.iter().any(is_null) {
            bytes.push(0xD2);
            bytes.extend(cells.chunks(8).map(|eight| {
                eight.iter().enumerate().fold(0, |bits, (at, cell)| bits | u8::from(is_null(cell)) << at)
            }));
        } else {
            bytes.push(0xD1);
        }
        for ((_, kind), cell) in columns.iter().zip(cells).filter(|(_, cell)| !is_null(cell)) {
            values::write(&mut bytes, *kind, cell)?;
        }
        self.put(&bytes)
    }
}

fn status(done: Done) -> u16 {
    let bit = |is_so: bool, bit| if is_so { bit } else { 0 };
    bit(done.failed, ERROR) | bit(done.in_transaction, IN_TRANSACTION) | bit(done.rows.is_some(), COUNT)
}

fn environment(kind: u8, new: &[u8], old: &[u8]) -> Vec<u8> {
    let length = u16::try_from(1 + new.len() + old.len()).expect("changes are short");
    let mut bytes = vec![0xE3];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(new);
    bytes.extend_from_slice(old);
    bytes
}

/// A text behind its length in one byte.
fn brief(to: &mut Vec<u8>, text: &str) {
    let units = utf16(text);
    to.push(u8::try_from(units.len() / 2).expect("names are short"));
    to.extend(units);
}

fn briefly(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    brief(&mut bytes, text);
    bytes
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![u8::try_from(bytes.len()).expect("they are few")];
    all.extend_from_slice(bytes);
    all
}
