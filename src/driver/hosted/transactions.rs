//! Transactions on a connection.
//!
//! Where the dialect is known they are those of its own SQL, and the driver stays in autocommit: drivers that begin a
//! transaction by themselves would follow one that the database ended with another, without a word. Elsewhere, and
//! where a driver says so, they are the host's.

use super::core::Core;
use super::message::{BEGIN, COMMIT, RELEASE, ROLLBACK, ROLLBACK_TO, SAVEPOINT};
use crate::driver::way::{Reentrant, Transactions};
use crate::driver::{Call, CommitOutcome, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Access, IsolationLevel, TxOptions};

impl Transactions for Core {
    fn begin(&self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        if !self.speech.by_host {
            for statement in self.speech.dialect.begin_statements(options)? {
                self.verb(call, &statement)?;
            }
            return Ok(());
        }
        if options.deferrable.is_some() || options.lock_mode.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a deferrable transaction or one with a lock mode: the driver has no such thing",
            ));
        }
        let isolation = match options.isolation {
            None => 0,
            Some(IsolationLevel::ReadUncommitted) => 1,
            Some(IsolationLevel::ReadCommitted) => 2,
            Some(IsolationLevel::RepeatableRead) => 3,
            Some(IsolationLevel::Serializable) => 4,
            Some(IsolationLevel::Snapshot) => 5,
        };
        let access = match options.access {
            None => 0,
            Some(Access::ReadOnly) => 1,
            Some(Access::ReadWrite) => 2,
        };
        self.done(Some(call), BEGIN, |frame| {
            frame.u8(isolation).u8(access);
            Ok(())
        })?;
        self.manual.set(true);
        self.set_state(LinkState::Open);
        Ok(())
    }

    fn commit(&self, call: &Call<'_>) -> CommitOutcome {
        // PostgreSQL takes COMMIT for the end of a transaction that has failed, and drivers do not say that it was a rollback.
        if self.state() == LinkState::Failed {
            let error = Error::new(
                ErrorKind::TransactionAborted,
                "the transaction had failed before COMMIT, which can only roll it back",
            );
            return match self.rollback(call) {
                Ok(()) => CommitOutcome::RolledBack(error.with_effect(Effect::NotApplied)),
                Err(second) => CommitOutcome::Unknown(second.with_effect(Effect::Unknown)),
            };
        }
        let result = if self.speech.by_host {
            self.done(Some(call), COMMIT, |_| Ok(())).map(drop).inspect(|()| self.ended())
        } else {
            self.verb(call, self.speech.dialect.transactions.commit)
        };
        CommitOutcome::told(result, self.state())
    }

    fn rollback(&self, call: &Call<'_>) -> Result<()> {
        if self.speech.by_host {
            self.done(Some(call), ROLLBACK, |_| Ok(()))?;
            self.ended();
            return Ok(());
        }
        self.verb(call, self.speech.dialect.transactions.rollback)
    }

    fn savepoint(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.point(call, SAVEPOINT, number, || Some(self.speech.dialect.savepoint(number)))
    }

    fn release(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.point(call, RELEASE, number, || self.speech.dialect.release(number))
    }

    fn rollback_to(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.point(call, ROLLBACK_TO, number, || Some(self.speech.dialect.rollback_to(number)))?;
        self.release(call, number)
    }
}

impl Core {
    /// A transaction of the host's is over, as its driver said.
    fn ended(&self) {
        self.manual.set(false);
        if self.known_state().is_none() {
            self.set_state(LinkState::Idle);
        }
    }

    fn point<S: AsRef<str>>(
        &self,
        call: &Call<'_>,
        request: u8,
        number: u32,
        statement: impl FnOnce() -> Option<S>,
    ) -> Result<()> {
        if self.speech.by_host {
            self.done(Some(call), request, |frame| {
                frame.u32(number);
                Ok(())
            })?;
        } else if let Some(statement) = statement() {
            self.verb(call, statement.as_ref())?;
        } else {
            return Ok(());
        }
        // A savepoint that was set, released or gone back to says that the transaction around it is open.
        if self.known_state().is_none() {
            self.set_state(LinkState::Open);
        }
        Ok(())
    }
}
