//! The statements that stay prepared on a connection, and when they may not.
//!
//! A text that reads or writes rows is prepared when it runs for the second time: to prepare and to run are two messages to
//! a server, and a text that is sent with its values is one. It is kept under its text and the types of its parameters,
//! which drivers hand to the server when they prepare. Kept is only what ran without an error and without a cancel.
//!
//! | what could go wrong | what is done |
//! |---|---|
//! | a table is changed on this connection, or anything else is run that is not plain | all statements are dropped |
//! | it is changed by another connection of the same `Database` | all statements are dropped |
//! | it is changed by somebody else | see [`Keeps`]; and where the server refuses, the text runs anew, outside of a transaction |
//! | the end of a transaction takes statements along | with a driver that says so none is kept |
//! | the text runs again while its rows are being read | as another statement |
//! | somebody is lent the connection | all statements are dropped |

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use odbc_api::{Connection, DataType};

use super::columns::Shapes;
use super::core::Core;
use super::error::Diagnosis;
use super::family::{Family, Keeps};
use super::params::Parameter;
use super::source::Shared;
use crate::driver::foreign::statement::{begins_with, is_plain};
use crate::driver::raw::odbc::{Taken, keeps_statements};
use crate::error::Result;
use crate::sql::{Dialect, Scanner, Statement, StatementKind, TokenKind};

/// What is known of a statement that is kept.
pub(super) struct Prepared {
    text: Box<str>,
    types: Box<[Type]>,
    /// Of its last run.
    pub(super) shapes: Option<Arc<Shapes>>,
}

/// The type of a parameter: of C, and of SQL.
type Type = (i16, i16);

fn type_of(parameter: &Parameter) -> Type {
    (parameter.cdata_type() as i16, parameter.data_type().data_type().0)
}

/// How many statements are kept with a driver that is known to keep them well.
const USUAL: usize = 64;

/// How many texts are remembered as having run once.
const ONCE: usize = 1024;

/// Which texts are kept.
pub(super) struct Statements {
    most: usize,
    /// Hashes of texts that ran once.
    once: RefCell<HashSet<u64>>,
    hasher: RandomState,
    /// What the count of changes was when these were prepared.
    prepared_in: Cell<u64>,
    /// The version of the schema that was seen last.
    version: Cell<Option<i64>>,
}

impl Statements {
    pub(super) fn of(connection: &Connection<'_>, shared: &Shared, family: &Family) -> Statements {
        let usual = if family.keeps == Keeps::Nothing { 0 } else { USUAL };
        let most = shared.settings.statement_cache.unwrap_or(usual);
        Statements {
            most: if most > 0 && keeps_statements(connection) { most } else { 0 },
            once: RefCell::default(),
            hasher: RandomState::new(),
            prepared_in: Cell::new(shared.changes.so_far()),
            version: Cell::new(None),
        }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// Counts the statements that may have changed tables, over all connections of a database.
#[derive(Debug, Default)]
pub(super) struct Changes(AtomicU64);

impl Changes {
    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Core {
    /// The statement of a text that is worth it.
    pub(super) fn prepared(&self, sql: &str, wide: bool, parameters: &[Parameter]) -> Option<Taken<'_, Prepared>> {
        let statements = &self.statements;
        // Prepared is in the narrow way.
        if statements.most == 0 || wide {
            return None;
        }
        let changes = self.shared.changes.so_far();
        if statements.prepared_in.replace(changes) != changes {
            self.conn.clear();
        }
        let mut hasher = statements.hasher.build_hasher();
        sql.hash(&mut hasher);
        for parameter in parameters {
            type_of(parameter).hash(&mut hasher);
        }
        let key = hasher.finish();
        let is_it = |of: &Prepared| {
            *of.text == *sql
                && of.types.len() == parameters.len()
                && of.types.iter().zip(parameters).all(|(known, parameter)| *known == type_of(parameter))
        };
        if let Some(taken) = self.conn.take(key, is_it) {
            return Some(taken);
        }
        let mut once = statements.once.borrow_mut();
        if once.len() >= ONCE {
            once.clear();
        }
        if once.insert(key) || !self.is_kept(sql) {
            return None;
        }
        drop(once);
        let typed;
        let prepared = if self.binding.family.keeps == Keeps::Columns {
            typed = with_types(sql, self.dialect, parameters)?;
            typed.as_str()
        } else {
            sql
        };
        let types = parameters.iter().map(type_of).collect();
        self.conn.prepare(key, prepared, Prepared { text: sql.into(), types, shapes: None })
    }

    fn is_kept(&self, sql: &str) -> bool {
        if self.binding.family.keeps == Keeps::Statement && has_asterisk(sql) {
            return false;
        }
        matches!(self.binding.family.keeps, Keeps::UntilVersion(asks) if asks == sql)
            || Statement::parse(sql, self.dialect)
                .is_ok_and(|statement| matches!(statement.kind(), StatementKind::Read | StatementKind::Write))
    }

    /// After a text that ran unprepared.
    pub(super) fn ran(&self, sql: &str) {
        if self.statements.most == 0 || is_plain(sql) || is_harmless(sql) {
            return;
        }
        self.conn.clear();
        // A rollback may bring back the version, and not what was prepared since.
        self.statements.version.set(None);
        if begins_with(sql, &["ALTER", "DROP", "CREATE", "RENAME"]) {
            self.shared.changes.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Makes the driver see the schema as others have left it, before it is asked for columns.
    pub(super) fn look(&self) -> Result<()> {
        let Some(look) = self.binding.family.look else { return Ok(()) };
        if let Keeps::UntilVersion(asks) = self.binding.family.keeps
            && self.statements.most > 0
        {
            let state = self.known_state();
            let version = self.number(asks)?;
            // To ask for it has changed nothing.
            if let Some(state) = state {
                self.set_state(state);
            }
            if version.is_some() && self.statements.version.replace(version) == version {
                return Ok(());
            }
            self.conn.clear();
        }
        self.run(look, |_, _| Ok(())).map(drop)
    }
}

/// A text as psqlodbc makes it of one that is not prepared: with the types of its parameters. Of one that is prepared it leaves
/// them to the server, which finds others: a number is then as small as the column that it is compared with, and the same
/// text means something else when it runs again. `None` for types of which the driver's own word is not known.
fn with_types(sql: &str, dialect: &'static Dialect, parameters: &[Parameter]) -> Option<String> {
    let mut typed = String::with_capacity(sql.len() + 8 * parameters.len());
    let mut rest = parameters.iter();
    let mut done = 0;
    for token in Scanner::new(sql, dialect) {
        let token = token.ok()?;
        if token.kind != TokenKind::Question {
            continue;
        }
        typed.push_str(&sql[done..token.end]);
        done = token.end;
        match rest.next()?.data_type() {
            DataType::BigInt => typed.push_str("::int8"),
            DataType::Varchar { .. } | DataType::LongVarchar { .. } => {}
            _ => return None,
        }
    }
    typed.push_str(&sql[done..]);
    rest.next().is_none().then_some(typed)
}

/// Whether a text may ask for columns that it does not name itself: an asterisk that is not that of `count(*)`.
fn has_asterisk(sql: &str) -> bool {
    sql.match_indices('*').any(|(at, _)| !sql[..at].trim_end().ends_with('('))
}

/// What is not plain and changes nothing that a statement was prepared for.
fn is_harmless(sql: &str) -> bool {
    let transaction = ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "SAVE", "RELEASE"];
    begins_with(sql, &transaction)
        || begins_with(sql, &["SHOW", "EXPLAIN", "DO"])
        || (begins_with(sql, &["SET"]) && sql.to_ascii_uppercase().contains(" TRANSACTION "))
        || sql == "PRAGMA schema_version"
}

/// Whether a server refused a statement because it is not any more what it was prepared as, or may have: of the text itself
/// it says the same again.
pub(super) fn is_stale(diagnosis: &Diagnosis) -> bool {
    let state = diagnosis.state();
    // A statement that is gone; a plan that does not fit; names and types; values that are not of the type that the server
    // took a parameter for; and MariaDB's numbers for the same, which come under no state of their own.
    matches!(state, "26000" | "0A000" | "07006" | "07009")
        || state.starts_with("42")
        || state.starts_with("22")
        || matches!(diagnosis.native(), 1243 | 1615 | 2030 | 2057)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_without_a_name_are_found() {
        for text in
            ["SELECT * FROM t", "SELECT a, t.* FROM t", "DELETE FROM t RETURNING *", "SELECT count(*), * FROM t"]
        {
            assert!(has_asterisk(text), "{text}");
        }
        for text in ["SELECT a FROM t", "SELECT count(*) FROM t", "SELECT count( * ) AS n FROM t"] {
            assert!(!has_asterisk(text), "{text}");
        }
    }

    #[test]
    fn what_leaves_statements_as_they_are_is_known() {
        for text in
            ["BEGIN", "start transaction", "ROLLBACK TO SAVEPOINT a", "SET SESSION TRANSACTION READ ONLY", "SHOW x"]
        {
            assert!(is_harmless(text), "{text}");
        }
        for text in ["SET search_path TO a", "USE shop", "ALTER TABLE t ADD a INT", "CALL p()", "DISCARD ALL"] {
            assert!(!is_harmless(text), "{text}");
        }
    }
}
