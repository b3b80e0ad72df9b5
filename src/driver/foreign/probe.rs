//! Asking a database by SQL whether a transaction is open.

use crate::driver::LinkState;
use crate::error::Result;

/// How a database tells whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Probe {
    /// A query whose one number says it: 0 none, 1 one, 2 one that accepts only its end.
    Query(&'static str),
    /// A savepoint, which PostgreSQL sets only in a transaction: `25P01` says there is none, `25P02` that it failed.
    Savepoint,
    /// `BEGIN`, which SQLite refuses in a transaction. It takes no lock.
    Begin,
    /// MySQL lets the next transaction be described only when none is open: error 1568 says there is one.
    Describe,
    /// It does not: transactions are begun and ended by its driver.
    None,
}

impl Probe {
    /// What the database says, if it can be asked. `run` runs a statement for its effect, `number` gives the one number
    /// that a query has.
    pub(in crate::driver) fn ask(
        self,
        run: impl Fn(&str) -> Result<()>,
        number: impl FnOnce(&str) -> Result<Option<i64>>,
    ) -> Option<LinkState> {
        let undone = |sql: &str, state| if run(sql).is_ok() { state } else { LinkState::Unknown };
        Some(match self {
            Probe::Query(query) => match number(query) {
                Ok(Some(0)) => LinkState::Idle,
                Ok(Some(1)) => LinkState::Open,
                Ok(Some(2)) => LinkState::Failed,
                _ => LinkState::Unknown,
            },
            Probe::Savepoint => match run("SAVEPOINT pontoon_state") {
                Ok(()) => undone("RELEASE SAVEPOINT pontoon_state", LinkState::Open),
                Err(error) => match error.sqlstate() {
                    Some("25P01") => LinkState::Idle,
                    Some("25P02") => LinkState::Failed,
                    _ => LinkState::Unknown,
                },
            },
            Probe::Begin => match run("BEGIN") {
                Ok(()) => undone("ROLLBACK", LinkState::Idle),
                Err(error) if error.message().contains("within a transaction") => LinkState::Open,
                Err(_) => LinkState::Unknown,
            },
            Probe::Describe => match run("SET TRANSACTION READ WRITE") {
                Ok(()) => LinkState::Idle,
                Err(error) if error.vendor_code() == Some(1568) => LinkState::Open,
                Err(_) => LinkState::Unknown,
            },
            Probe::None => return None,
        })
    }
}
