//! Transactions on a connection.
//!
//! Where the database can be asked whether one is open, they are those of its own SQL, and ODBC's autocommit stays on.
//! With autocommit off, drivers begin a transaction by themselves before the next statement: one that the database ended
//! on its own account would be followed by another without a word, and what comes after it would be committed as if
//! nothing had happened. Where the database cannot be asked, there is only ODBC's own way.

use odbc_api::sys::ConnectionAttribute;
use odbc_api::sys::InfoType;

use super::core::Core;
use super::error::Diagnosis;
use crate::driver::raw::odbc::{number, set_attribute};
use crate::driver::way::{Reentrant, Transactions};
use crate::driver::{Call, CommitOutcome, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Access, IsolationLevel, TxOptions};

impl Transactions for Core {
    fn begin(&self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        if self.is_told() {
            for statement in self.dialect.begin_statements(options)? {
                self.verb(call, &statement)?;
            }
            return Ok(());
        }
        // Asked for what it refuses, and for what is a statement inside of the transaction.
        let texts = self.dialect.transactions;
        let statements = self.dialect.begin_statements(options)?;
        let by_attribute = !texts.begin.is_empty();
        if by_attribute {
            let without = "ODBC has no such thing where the dialect is not known";
            if options.access == Some(Access::ReadOnly) || options.deferrable.is_some() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "a read-only or deferrable transaction: {without}; name the dialect with the option `dialect`"
                    ),
                ));
            }
            if let Some(level) = options.isolation {
                self.set_level(level)?;
            }
        }
        self.set_autocommit(false)?;
        self.manual.set(true);
        self.set_state(LinkState::Open);
        if !by_attribute {
            for statement in &statements {
                self.verb(call, statement)?;
            }
            self.set_state(LinkState::Open);
        }
        Ok(())
    }

    fn commit(&self, call: &Call<'_>) -> CommitOutcome {
        let result = if self.is_told() {
            self.verb(call, self.dialect.transactions.commit)
        } else {
            match self.end(true) {
                Ok(()) => Ok(()),
                // Nothing can be asked, so nothing is known but what the error itself says.
                Err(error) if matches!(error.effect(), Effect::NotApplied) && !error_may_be_lost(&error) => {
                    return match self.end(false) {
                        Ok(()) => CommitOutcome::RolledBack(error),
                        Err(_) => CommitOutcome::Unknown(error.with_effect(Effect::Unknown)),
                    };
                }
                Err(error) => {
                    self.doubt();
                    return CommitOutcome::Unknown(error.with_effect(Effect::Unknown));
                }
            }
        };
        CommitOutcome::told(result, self.state())
    }

    fn rollback(&self, call: &Call<'_>) -> Result<()> {
        if self.is_told() { self.verb(call, self.dialect.transactions.rollback) } else { self.end(false) }
    }

    fn savepoint(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.point(call, &self.dialect.savepoint(number))
    }

    fn release(&self, call: &Call<'_>, number: u32) -> Result<()> {
        match self.dialect.release(number) {
            Some(release) => self.point(call, &release),
            None => Ok(()),
        }
    }

    fn rollback_to(&self, call: &Call<'_>, number: u32) -> Result<()> {
        self.verb(call, &self.dialect.rollback_to(number))?;
        self.release(call, number)
    }
}

impl Core {
    /// A savepoint that was set, released or gone back to says that the transaction around it is open.
    fn point(&self, call: &Call<'_>, statement: &str) -> Result<()> {
        self.verb(call, statement)?;
        self.set_state(LinkState::Open);
        Ok(())
    }

    /// Ends a transaction of ODBC's own.
    fn end(&self, commit: bool) -> Result<()> {
        let connection = self.connection()?;
        let ended = if commit { connection.commit() } else { connection.rollback() };
        ended.map_err(|error| self.failed(&Diagnosis::of(error)))?;
        self.set_autocommit(true)?;
        self.manual.set(false);
        if let Some(level) = number(connection, InfoType::DefaultTxnIsolation).filter(|level| *level != 0) {
            set_attribute(connection, ConnectionAttribute::TXN_ISOLATION, level);
        }
        self.set_state(LinkState::Idle);
        Ok(())
    }

    fn set_autocommit(&self, on: bool) -> Result<()> {
        self.connection()?.set_autocommit(on).map_err(|error| self.failed(&Diagnosis::of(error)))
    }

    fn set_level(&self, level: IsolationLevel) -> Result<()> {
        let bit = match level {
            IsolationLevel::ReadUncommitted => 1,
            IsolationLevel::ReadCommitted => 2,
            IsolationLevel::RepeatableRead => 4,
            IsolationLevel::Serializable => 8,
            other => {
                return Err(Error::new(ErrorKind::Unsupported, format!("ODBC has no isolation level {other}")));
            }
        };
        let connection = self.connection()?;
        let known = number(connection, InfoType::TransactionIsolationProtocol).unwrap_or_default();
        if known & bit == 0 || !set_attribute(connection, ConnectionAttribute::TXN_ISOLATION, bit) {
            return Err(Error::new(ErrorKind::Unsupported, format!("the driver has no isolation level {level}")));
        }
        Ok(())
    }
}

fn error_may_be_lost(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::Io | ErrorKind::Internal)
}
