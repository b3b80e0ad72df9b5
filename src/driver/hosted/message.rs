//! What hosts answer, read from frames.

use std::sync::Arc;

use super::frame::{Body, garbage};
use super::tagged::{self, kind_of};
use crate::driver::LinkState;
use crate::error::Result;
use crate::row::{Column, Columns};
use crate::value::Value;

pub(super) const CONNECT: u8 = 0x10;
pub(super) const EXECUTE: u8 = 0x11;
pub(super) const QUERY: u8 = 0x12;
pub(super) const FETCH: u8 = 0x13;
pub(super) const CLOSE_CURSOR: u8 = 0x14;
pub(super) const EXECUTE_MANY: u8 = 0x15;
pub(super) const BEGIN: u8 = 0x17;
pub(super) const COMMIT: u8 = 0x18;
pub(super) const ROLLBACK: u8 = 0x19;
pub(super) const SAVEPOINT: u8 = 0x1A;
pub(super) const RELEASE: u8 = 0x1B;
pub(super) const ROLLBACK_TO: u8 = 0x1C;
pub(super) const STATE: u8 = 0x1D;
pub(super) const PING: u8 = 0x1E;
pub(super) const RESET: u8 = 0x1F;
pub(super) const CATALOG: u8 = 0x20;
pub(super) const CLOSE: u8 = 0x21;

pub(super) const CONNECTED: u8 = 0x40;
pub(super) const DONE: u8 = 0x41;
pub(super) const ROWS: u8 = 0x42;
pub(super) const NOTICE: u8 = 0x43;
pub(super) const ERROR: u8 = 0x4F;

/// Flags of `EXECUTE`.
pub(super) const WANTS_KEY: u8 = 1;
pub(super) const CONTROLS_TRANSACTION: u8 = 2;

/// The most causes of an error, and the most classes of each, that are kept.
const CAUSES: usize = 16;

/// What the database says of its transaction; `None` where the host was not told.
pub(super) fn state_of(state: u8) -> Result<Option<LinkState>> {
    match state {
        0 => Ok(Some(LinkState::Idle)),
        1 => Ok(Some(LinkState::Open)),
        2 => Ok(Some(LinkState::Failed)),
        3 => Ok(None),
        other => Err(garbage(format_args!("the state {other}"))),
    }
}

/// What a host tells of itself and its database.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(Vec<(String, String)>);

impl Facts {
    pub(super) fn read(mut body: Body<'_>) -> Result<Facts> {
        let mut facts = Vec::new();
        for _ in 0..body.count()? {
            facts.push((body.text()?.to_owned(), body.text()?.to_owned()));
        }
        body.end()?;
        Ok(Facts(facts))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }
}

/// A statement that was run for its effect.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) affected: Option<u64>,
    pub(super) key: Value,
}

impl Done {
    pub(super) fn read(mut body: Body<'_>) -> Result<Done> {
        let affected = u64::try_from(body.i64()?).ok();
        // Whether it had rows, which nobody asks.
        body.u8()?;
        let key = tagged::read(&mut body)?;
        body.end()?;
        Ok(Done { affected, key })
    }
}

/// What is in front of the rows of a `ROWS`.
pub(super) struct Head {
    pub(super) is_last: bool,
    pub(super) columns: Option<Arc<Columns>>,
    pub(super) rows: usize,
}

impl Head {
    pub(super) fn read(body: &mut Body<'_>) -> Result<Head> {
        let flags = body.u8()?;
        let columns = if flags & 2 != 0 { Some(read_columns(body)?) } else { None };
        Ok(Head { is_last: flags & 1 != 0, columns, rows: body.u32()? as usize })
    }
}

fn read_columns(body: &mut Body<'_>) -> Result<Arc<Columns>> {
    let mut columns = Vec::new();
    for _ in 0..body.count()? {
        let name = body.text()?;
        let type_name = body.optional_text()?;
        let mut column = Column::new(name).with_kind(kind_of(body.u8()?)?);
        if let Some(type_name) = type_name {
            column = column.with_type_name(type_name);
        }
        columns.push(column);
    }
    Ok(Arc::new(Columns::new(columns)))
}

/// One exception, as its host describes it.
#[derive(Debug, Default)]
pub(super) struct Cause {
    /// Its classes, the most derived first.
    pub(super) classes: Vec<String>,
    pub(super) message: String,
    pub(super) sqlstate: Option<String>,
    pub(super) code: Option<i64>,
}

/// An error, as its host describes it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) state: Option<LinkState>,
    pub(super) is_dead: bool,
    pub(super) not_sent: bool,
    pub(super) is_cancelled: bool,
    pub(super) is_unsupported: bool,
    pub(super) set: Option<usize>,
    /// The error first, then what it was caused by.
    pub(super) causes: Vec<Cause>,
}

impl Report {
    pub(super) fn read(state: Option<LinkState>, mut body: Body<'_>) -> Result<Report> {
        let flags = body.u8()?;
        let set = usize::try_from(body.i64()?).ok();
        let mut causes = Vec::new();
        let count = body.count()?;
        if count > CAUSES {
            return Err(garbage(format_args!("{count} causes of one error")));
        }
        for _ in 0..count {
            let classes: Result<Vec<String>> = (0..body.count()?).map(|_| body.text().map(str::to_owned)).collect();
            let classes = classes?;
            let message = body.text()?.to_owned();
            let sqlstate = body.optional_text()?.map(str::to_owned);
            let code = if body.u8()? == 1 { Some(body.i64()?) } else { None };
            causes.push(Cause { classes, message, sqlstate, code });
        }
        body.end()?;
        Ok(Report {
            state,
            is_dead: flags & 1 != 0,
            not_sent: flags & 2 != 0,
            is_cancelled: flags & 4 != 0,
            is_unsupported: flags & 8 != 0,
            set,
            causes,
        })
    }

    pub(super) fn message(&self) -> &str {
        self.causes.first().map_or("", |cause| &cause.message)
    }
}
