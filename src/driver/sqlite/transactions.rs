//! Transactions and savepoints.

use super::core::Core;
use super::error::of_native;
use super::watch::Protection;
use crate::driver::way::{Reentrant, Transactions};
use crate::driver::{Call, CommitOutcome, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Access, SQLITE, TxOptions};

impl Transactions for Core {
    fn begin(&self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        // Asked first for what it refuses.
        let statements = SQLITE.begin_statements(options)?;
        for statement in &statements {
            self.verb(call, statement, Protection::None)?;
        }
        self.query_only.set(options.access == Some(Access::ReadOnly));
        Ok(())
    }

    fn commit(&self, call: &Call<'_>) -> CommitOutcome {
        let result = self.verb(call, "COMMIT", Protection::Cancel);
        match (result, self.state()) {
            (Ok(()), LinkState::Idle) => match self.end_query_only() {
                Ok(()) => CommitOutcome::Committed,
                // It is committed; that the connection stays read-only is told to its next user by SQLite.
                Err(_) => {
                    self.doubtful.set(true);
                    CommitOutcome::Committed
                }
            },
            (Err(error), LinkState::Open) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Timeout) => {
                CommitOutcome::StillOpen(
                    error.with_kind(ErrorKind::Busy).context("COMMIT, the transaction is still open"),
                )
            }
            (Err(error), LinkState::Open | LinkState::Failed) => CommitOutcome::StillOpen(error),
            (Err(error), LinkState::Idle) => CommitOutcome::RolledBack(error),
            (Err(error), LinkState::Unknown) => CommitOutcome::Unknown(error.with_effect(Effect::Unknown)),
            (Ok(()), _) => CommitOutcome::Unknown(Error::new(
                ErrorKind::CommitUnknown,
                "COMMIT was accepted, but SQLite does not say that the transaction is over",
            )),
        }
    }

    fn rollback(&self, call: &Call<'_>) -> Result<()> {
        self.verb(call, "ROLLBACK", Protection::Cancel)?;
        self.end_query_only()
    }

    fn savepoint(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.verb_once(call, &SQLITE.savepoint(number), Protection::None)
    }

    fn release(&self, call: &Call<'_>, number: u32) -> Result<()> {
        match SQLITE.release(number) {
            Some(release) => self.verb_once(call, &release, Protection::Undo),
            None => Ok(()),
        }
    }

    fn rollback_to(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.verb_once(call, &SQLITE.rollback_to(number), Protection::Undo)?;
        self.release(call, number)
    }
}

impl Core {
    /// Ends `query_only` once the transaction is over for which it was set, however that ended.
    #[inline]
    pub(super) fn end_query_only(&self) -> Result<()> {
        if self.query_only.get() && self.conn.is_autocommit() {
            self.query_only.set(false);
            self.conn.pragma_update(None, "query_only", false).map_err(of_native)?;
        }
        Ok(())
    }
}
