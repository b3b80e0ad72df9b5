//! What the server says of the transaction.
//!
//! Servers that were asked to (`session_track_transaction_info`) tell of each change in the answer to the statement that
//! made it, so that after a success nobody needs to ask. An error's answer tells nothing, and neither does the end of a
//! set of rows; after an error, and after what may have ended a transaction and told nothing, the server is asked.

use mysql::consts::SessionStateType;
use mysql::prelude::Queryable;
use mysql::{Conn, Error as Native, Row, Value};

use super::error::{NO_SUCH_SAVEPOINT, number_of};
use super::server::Server;
use super::verb::Verb;
use crate::driver::LinkState;

/// What is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    state: Option<LinkState>,
    /// Whether the server has ever told by itself.
    is_told: bool,
}

impl Known {
    /// As a session begins.
    pub(super) fn idle() -> Known {
        Known { state: Some(LinkState::Idle), is_told: false }
    }

    pub(super) fn state(self) -> Option<LinkState> {
        self.state
    }

    /// Nothing is known any more. The server tells of changes only, and counts one that it made with an error as told: a
    /// BEGIN after a deadlock may go unmentioned.
    pub(super) fn forget(&mut self) {
        *self = Known { state: None, is_told: false };
    }

    /// A session was reset.
    pub(super) fn reset(&mut self) {
        self.state = Some(LinkState::Idle);
    }

    /// Takes in what the answer to a statement tells, which has succeeded and had rows or not.
    pub(super) fn learn(&mut self, conn: &Conn, verb: Verb, had_rows: bool) {
        match told(conn) {
            Told::Now(state) => *self = Known { state: Some(state), is_told: true },
            Told::Nothing if matches!(verb, Verb::Reads | Verb::Writes) => {}
            Told::Nothing if self.is_told && !had_rows => {}
            Told::Nothing | Told::Unreadable => self.state = None,
        }
    }

    /// Asks the server.
    pub(super) fn ask(&mut self, conn: &mut Conn, server: &Server) -> Result<LinkState, Native> {
        self.state = None;
        let is_open = match server.is_mariadb {
            true => by_variable(conn)?,
            false => by_savepoint(conn)?,
        };
        let state = if is_open { LinkState::Open } else { LinkState::Idle };
        self.state = Some(state);
        Ok(state)
    }
}

enum Told {
    Now(LinkState),
    Nothing,
    Unreadable,
}

fn told(conn: &Conn) -> Told {
    let Ok(changes) = conn.session_state_changes() else { return Told::Unreadable };
    let mut states =
        changes.iter().filter(|change| change.data_type() == SessionStateType::SESSION_TRACK_TRANSACTION_STATE);
    // A length, then eight letters, of which the first is `T` for one that was begun, `I` for one that began by itself,
    // `_` for none.
    match states.next_back().map(|change| change.data_ref().get(1).copied()) {
        None => Told::Nothing,
        Some(Some(b'T' | b'I')) => Told::Now(LinkState::Open),
        Some(Some(b'_')) => Told::Now(LinkState::Idle),
        Some(_) => Told::Unreadable,
    }
}

fn by_variable(conn: &mut Conn) -> Result<bool, Native> {
    let row: Option<Row> = conn.query_first("SELECT @@in_transaction")?;
    let value = row.as_ref().and_then(|row| row.as_ref(0));
    Ok(!matches!(value, Some(Value::Bytes(text)) if text == b"0"))
}

/// MySQL has no variable for it. Outside of a transaction a savepoint is set without an error and is not there.
fn by_savepoint(conn: &mut Conn) -> Result<bool, Native> {
    conn.query_drop("SAVEPOINT pontoon_is_it_open")?;
    match conn.query_drop("RELEASE SAVEPOINT pontoon_is_it_open") {
        Ok(()) => Ok(true),
        Err(error) if number_of(&error) == Some(NO_SUCH_SAVEPOINT) => Ok(false),
        Err(error) => Err(error),
    }
}
