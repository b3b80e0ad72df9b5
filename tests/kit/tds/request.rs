//! What a client asks: a text, a procedure, something of its transaction.

use std::io;

use rusqlite::types::Value;

use super::packet::{Fields, Message, kind, text_of};
use super::types::Type;
use super::values;

/// A value that a client gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    /// With its `@`; empty for one that is known by its place.
    pub(crate) name: String,
    pub(crate) kind: Type,
    pub(crate) value: Value,
}

impl Given {
    /// Its text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What is done with a transaction by a request of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manage {
    Begin,
    /// And, if so, the next one is begun at once.
    Commit(bool),
    Rollback(bool),
    Save(String),
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    Batch(String),
    /// One after another: arrays of parameters come so.
    Procedures(Vec<(String, Vec<Given>)>),
    Transaction(Manage),
}

/// The procedures that have numbers.
const NUMBERED: [&str; 15] = [
    "sp_cursor",
    "sp_cursoropen",
    "sp_cursorprepare",
    "sp_cursorexecute",
    "sp_cursorprepexec",
    "sp_cursorunprepare",
    "sp_cursorfetch",
    "sp_cursoroption",
    "sp_cursorclose",
    "sp_executesql",
    "sp_prepare",
    "sp_execute",
    "sp_prepexec",
    "sp_prepexecrpc",
    "sp_unprepare",
];

impl Request {
    /// Reads a request, and the transaction that the client takes itself to be in.
    pub(super) fn read(message: &Message) -> io::Result<(Request, u64)> {
        let mut body = Fields(&message.body);
        let transaction = headers(&mut body)?;
        let request = match message.kind {
            kind::BATCH => Request::Batch(text_of(body.0)?),
            kind::RPC => Request::Procedures(procedures(&mut body)?),
            kind::TRANSACTION => Request::Transaction(manage(&mut body)?),
            other => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of kind {other}"))),
        };
        Ok((request, transaction))
    }
}

/// Reads the headers of a request for the one that names a transaction.
fn headers(body: &mut Fields<'_>) -> io::Result<u64> {
    const TRANSACTION: u16 = 2;
    let mut headers = Fields(body.take(4)?);
    let length = headers.u32()? as usize;
    let mut headers = Fields(body.take(length.saturating_sub(4))?);
    let mut transaction = 0;
    while !headers.is_empty() {
        let length = headers.u32()? as usize;
        let kind = headers.u16()?;
        let mut header = Fields(headers.take(length.saturating_sub(6))?);
        if kind == TRANSACTION {
            transaction = header.u64()?;
        }
    }
    Ok(transaction)
}

fn procedures(body: &mut Fields<'_>) -> io::Result<Vec<(String, Vec<Given>)>> {
    const BY_NUMBER: u16 = 0xFFFF;
    const NEXT: [u8; 2] = [0x80, 0xFF];
    let mut procedures = Vec::new();
    while !body.is_empty() {
        let name = match body.u16()? {
            BY_NUMBER => {
                let number = usize::from(body.u16()?);
                NUMBERED.get(number.wrapping_sub(1)).copied().unwrap_or("sp_unknown").to_owned()
            }
            length => body.text(length.into())?,
        };
        body.u16()?;
        let mut given = Vec::new();
        while !body.is_empty() {
            if NEXT.contains(&body.0[0]) {
                body.u8()?;
                break;
            }
            let length = body.u8()?;
            let name = body.text(length.into())?;
            // Whether it comes back.
            body.u8()?;
            let code = body.0.first().copied().unwrap_or_default();
            let kind = Type::read(body)?;
            given.push(Given { name, kind, value: values::read(body, kind, code)? });
        }
        procedures.push((name, given));
    }
    Ok(procedures)
}

fn manage(body: &mut Fields<'_>) -> io::Result<Manage> {
    const AGAIN: u8 = 1;
    let named = |body: &mut Fields<'_>| {
        let bytes = body.u8()?;
        text_of(body.take(bytes.into())?)
    };
    Ok(match body.u16()? {
        5 => Manage::Begin,
        which @ (7 | 8) => {
            named(body)?;
            let again = body.u8()? & AGAIN != 0;
            if which == 7 { Manage::Commit(again) } else { Manage::Rollback(again) }
        }
        9 => Manage::Save(named(body)?),
        other => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("transaction request {other}"))),
    })
}
