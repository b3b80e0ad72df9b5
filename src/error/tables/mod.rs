//! What the codes of databases mean.
//!
//! A driver hands over what its database said (a SQLSTATE, a number, the class of an exception) and gets a [`Meaning`]:
//! the [`ErrorKind`], whether the connection survives, whether another attempt to connect can help. The tables are plain
//! sorted data, one a family, each row with the name its source gives it:
//!
//! | table | source |
//! |---|---|
//! | [`sqlstate`] | ISO 9075; PostgreSQL, appendix A; ODBC, appendix A; the documentation of H2, HSQLDB, Derby and Db2 |
//! | [`mysql`] | MySQL and MariaDB error references, `errmsg.h`; the extra numbers of TiDB |
//! | [`sqlite`] | `sqlite3.h`, and the messages of SQLite, which has one code for most errors in SQL |
//! | [`mssql`] | `sys.messages` of SQL Server and Azure SQL |
//! | [`freetds`] | what that driver says where its server says nothing |
//! | [`oracle`] | the `ORA-` error reference |
//! | [`jdbc`] | the exception classes of `java.sql` and their usual causes |
//!
//! A code that no table knows has no meaning, and a connection that reported it is best discarded: nothing proves that
//! its transaction is in the state the caller believes.

pub mod freetds;
pub mod jdbc;
pub mod mssql;
pub mod mysql;
pub mod oracle;
pub mod sqlite;
pub mod sqlstate;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::{Effect, Error, ErrorKind};

/// What a code of a database means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    name: &'static str,
    kind: ErrorKind,
    flags: Flags,
}

impl Meaning {
    /// The name its source gives the code: `unique_violation`, `ER_DUP_ENTRY`, `SQLITE_CONSTRAINT_UNIQUE`. SQL Server
    /// has no names for its numbers; there it is a description in the same form.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What went wrong, for an error of a statement or of an open connection.
    pub fn kind(self) -> ErrorKind {
        self.kind
    }

    /// What went wrong, for an error that came while a connection was being made: a link that breaks then has failed to
    /// connect, and nothing was lost.
    pub fn kind_at_connect(self) -> ErrorKind {
        match self.kind {
            ErrorKind::ConnectionLost | ErrorKind::Io => ErrorKind::ConnectFailed,
            kind => kind,
        }
    }

    /// What a statement that ended in this error did to data. A code comes from a database that was asked, so it is
    /// never [`Effect::NotSent`].
    pub fn effect(self) -> Effect {
        match self.kind.usual_effect() {
            Effect::NotSent => Effect::NotApplied,
            effect => effect,
        }
    }

    /// Whether the connection cannot be used after this error, or must not be trusted.
    pub fn is_connection_dead(self) -> bool {
        self.flags.has(Flags::DEAD)
    }

    /// Whether the server itself is going away or has changed its role, so that the other connections of a pool are to
    /// be replaced too.
    ///
    /// A write refused because of read-only mode is one of these, as a primary that became a standby answers so; inside
    /// a transaction that was begun read-only it says nothing about the server.
    pub fn hints_failover(self) -> bool {
        self.flags.has(Flags::FAILOVER)
    }

    /// Whether another attempt to connect, a moment later and unchanged, can succeed.
    pub fn is_transient_at_connect(self) -> bool {
        use ErrorKind::{Busy, ConnectFailed, ResourceExhausted, ServerBusy, Timeout};
        let passes = matches!(self.kind_at_connect(), Busy | ConnectFailed | ResourceExhausted | ServerBusy | Timeout);
        passes && !self.flags.has(Flags::FINAL)
    }

    /// The error of a statement or of an open connection.
    pub fn error(self, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(self.kind(), message).with_effect(self.effect()).with_failover_hint(self.hints_failover())
    }

    /// The error of an attempt to connect: no statement was sent.
    pub fn connect_error(self, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(self.kind_at_connect(), message).with_effect(Effect::NotSent)
    }
}

/// The meaning to go by when an error carries several codes, the most telling first (vendor number, SQLSTATE, class).
///
/// The first that says more than [`ErrorKind::Other`] wins: `HY000` beside a number that is known means nothing. The
/// connection is dead when *any* of the codes says so.
pub fn most_telling(codes: impl IntoIterator<Item = Option<Meaning>>) -> Option<Meaning> {
    let mut best: Option<Meaning> = None;
    let mut flags = Flags::NONE;
    for meaning in codes.into_iter().flatten() {
        flags = flags.with(meaning.flags);
        if best.is_none_or(|best| best.kind == ErrorKind::Other) {
            best = Some(meaning);
        }
    }
    // FINAL and FAILOVER belong to the code that was believed; a dead connection is dead whoever says so.
    best.map(|best| Meaning { flags: best.flags.with(flags.only(Flags::DEAD)), ..best })
}

/// What a row says beside its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags(u8);

impl Flags {
    const NONE: Flags = Flags(0);
    /// The connection is not to be used again.
    const DEAD: Flags = Flags(1);
    /// The server goes away or changed its role.
    const FAILOVER: Flags = Flags(1 << 1);
    /// While connecting: trying again unchanged cannot help, whatever the kind suggests.
    const FINAL: Flags = Flags(1 << 2);

    const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    const fn only(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }

    const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One line of a table.
#[derive(Debug)]
struct Row<K> {
    code: K,
    meaning: Meaning,
}

/// Looks a code up in a table sorted by code.
fn find<K: Ord>(table: &[Row<K>], code: K) -> Option<Meaning> {
    let found = table.binary_search_by(|row| row.code.cmp(&code)).ok()?;
    table.get(found).map(|row| row.meaning)
}

/// Rows of a table: `code name => Kind, FLAG FLAG;`
macro_rules! rows {
    ($($code:literal $name:ident => $kind:ident $(, $($flag:ident)+)?;)+) => {
        &[$($crate::error::tables::Row {
            code: $code,
            meaning: $crate::error::tables::Meaning {
                name: stringify!($name),
                kind: $crate::error::ErrorKind::$kind,
                flags: $crate::error::tables::Flags::NONE$($(.with($crate::error::tables::Flags::$flag))+)?,
            },
        },)+]
    };
}
use rows;
