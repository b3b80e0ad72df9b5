//! The transaction stack of one connection, as plain data: who is inside what, and whether it is still worth anything.
//!
//! The stack says what *should* be open; what *is* open is asked from the database. It is touched on the connection's
//! own turn only, where the order of things is total, so it never has to guess.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Access, TxOptions};

/// Names one transaction of one connection, for the handle that will end it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u64);

/// One open transaction: the root, or a savepoint above it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) token: Token,
    /// The savepoint's number; `None` for the root.
    pub(crate) savepoint: Option<u32>,
    /// What it was begun with.
    pub(crate) options: TxOptions,
}

/// Why a transaction is of no use any more: kept as text, since the error itself went to whoever met it first.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn of(error: &Error) -> Cause {
        Cause { kind: error.kind(), message: error.message().to_owned() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.kind)
    }
}

/// Whether the open transaction is still worth anything.
#[derive(Debug)]
enum Health {
    Fine,
    /// Only its end is accepted; rolling back to a savepoint below `depth` frames heals it.
    Aborted {
        depth: usize,
        cause: Cause,
    },
    /// The database ended it by itself.
    Lost {
        cause: Cause,
    },
}

/// The stack.
#[derive(Debug)]
pub(crate) struct Stack {
    frames: Vec<Frame>,
    health: Health,
    minted: u64,
    savepoints: u32,
    /// The root is the pin of force rollback: it belongs to nobody and is ended by the database handle alone.
    pinned: bool,
}

impl Default for Stack {
    fn default() -> Stack {
        Stack { frames: Vec::new(), health: Health::Fine, minted: 0, savepoints: 0, pinned: false }
    }
}

impl Stack {
    /// How many transactions are open, the pin included.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Whether a transaction should be open at the database.
    pub(crate) fn is_open(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Whether the root is the pin of force rollback and nothing is open above it.
    pub(crate) fn is_bare_pin(&self) -> bool {
        self.pinned && self.frames.len() == 1
    }

    /// Whether the root is the pin of force rollback.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Whether the open transaction was begun to read only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.frames.iter().any(|frame| frame.options.access == Some(Access::ReadOnly))
    }

    /// Whether the database ended the transaction by itself.
    pub(crate) fn lost(&self) -> Option<&Cause> {
        match &self.health {
            Health::Lost { cause } => Some(cause),
            _ => None,
        }
    }

    /// Fails when statements are refused, with the reason.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.health {
            Health::Fine => Ok(()),
            Health::Aborted { cause, .. } => Err(Error::new(
                ErrorKind::TransactionAborted,
                format!("the transaction accepts only its end, because of an earlier error: {cause}"),
            )
            .with_effect(crate::error::Effect::NotSent)),
            Health::Lost { cause } => Err(self.lost_error(cause)),
        }
    }

    fn lost_error(&self, cause: &Cause) -> Error {
        let kind = if self.pinned { ErrorKind::ForceRollbackLost } else { ErrorKind::TransactionLost };
        let whose = if self.pinned { "the transaction that force rollback holds" } else { "the transaction" };
        Error::new(kind, format!("{whose} was ended by the database: {cause}"))
            .with_effect(crate::error::Effect::NotSent)
    }

    /// A number for the next savepoint: not used twice on this connection, so that a stray one can hit nothing.
    pub(crate) fn next_savepoint(&mut self) -> u32 {
        self.savepoints = self.savepoints.wrapping_add(1);
        self.savepoints
    }

    /// Records a transaction that the database has opened.
    pub(crate) fn push(&mut self, savepoint: Option<u32>, options: TxOptions) -> Token {
        self.minted += 1;
        let token = Token(self.minted);
        self.frames.push(Frame { token, savepoint, options });
        token
    }

    /// Records the pin of force rollback, which the database has opened.
    pub(crate) fn pin(&mut self, options: TxOptions) -> Token {
        self.pinned = true;
        self.push(None, options)
    }

    /// The frame of this token, which must be on top.
    ///
    /// # Errors
    /// `Misuse` when it is not: it was finished already, or something inside it was not.
    pub(crate) fn expect_top(&self, token: Token) -> Result<&Frame> {
        match self.frames.last() {
            Some(frame) if frame.token == token => Ok(frame),
            _ if self.contains(token) => Err(Error::new(
                ErrorKind::Misuse,
                "this transaction is not the innermost one: finish the transactions inside it first",
            )),
            _ => Err(Error::new(ErrorKind::Misuse, "this transaction is finished already")),
        }
    }

    /// Fails for what belongs to a transaction that has ended.
    pub(crate) fn expect_open(&self, token: Token) -> Result<()> {
        if self.contains(token) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Misuse,
            "this transaction has ended, with the one around it: what was done in it has that one's fate, and nothing \
             more can be done in it",
        ))
    }

    /// Whether a transaction of this token is open.
    pub(crate) fn contains(&self, token: Token) -> bool {
        self.frames.iter().any(|frame| frame.token == token)
    }

    /// How many frames lie below the frame of this token.
    pub(crate) fn position(&self, token: Token) -> Option<usize> {
        self.frames.iter().position(|frame| frame.token == token)
    }

    /// The frame above `depth` others.
    pub(crate) fn frame_at(&self, depth: usize) -> Option<&Frame> {
        self.frames.get(depth)
    }

    /// What went wrong was undone by rolling back to a savepoint on top of the stack, which is no frame.
    pub(crate) fn heal(&mut self) {
        if matches!(self.health, Health::Aborted { .. }) {
            self.health = Health::Fine;
        }
    }

    /// Forgets everything from `depth` frames upwards, and what was wrong up there.
    pub(crate) fn truncate(&mut self, depth: usize) {
        self.frames.truncate(depth);
        let heals = match &self.health {
            Health::Fine => false,
            Health::Aborted { depth: aborted, .. } => *aborted > depth,
            Health::Lost { .. } => depth == 0,
        };
        if heals {
            self.health = Health::Fine;
        }
        if self.frames.is_empty() {
            self.pinned = false;
        }
    }

    /// From now on only the end is accepted. The first cause stays.
    pub(crate) fn abort(&mut self, cause: Cause) {
        if matches!(self.health, Health::Fine) && self.is_open() {
            self.health = Health::Aborted { depth: self.frames.len(), cause };
        }
    }

    /// The database ended the transaction by itself.
    pub(crate) fn lose(&mut self, cause: Cause) {
        if self.is_open() && !matches!(self.health, Health::Lost { .. }) {
            self.health = Health::Lost { cause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> Cause {
        Cause { kind: ErrorKind::Timeout, message: "too slow".into() }
    }

    #[test]
    fn only_the_innermost_can_be_finished() {
        let mut stack = Stack::default();
        let outer = stack.push(None, TxOptions::default());
        let inner = stack.push(Some(1), TxOptions::default());
        assert!(stack.expect_top(inner).is_ok());
        let error = stack.expect_top(outer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert!(error.message().contains("finish the transactions inside it first"), "{error}");
        stack.truncate(0);
        assert!(stack.expect_top(outer).unwrap_err().message().contains("finished already"));
    }

    #[test]
    fn rolling_back_to_a_savepoint_heals_what_went_wrong_inside_it() {
        let mut stack = Stack::default();
        stack.push(None, TxOptions::default());
        stack.push(Some(1), TxOptions::default());
        stack.abort(cause());
        assert_eq!(stack.check().unwrap_err().kind(), ErrorKind::TransactionAborted);
        stack.truncate(1);
        assert!(stack.check().is_ok());
    }

    #[test]
    fn what_went_wrong_outside_a_savepoint_outlives_it() {
        let mut stack = Stack::default();
        stack.push(None, TxOptions::default());
        stack.abort(cause());
        stack.push(Some(1), TxOptions::default());
        stack.truncate(1);
        assert!(stack.check().is_err());
        stack.truncate(0);
        assert!(stack.check().is_ok());
    }

    #[test]
    fn a_lost_transaction_stays_lost_until_its_root_is_finished() {
        let mut stack = Stack::default();
        stack.pin(TxOptions::default());
        stack.push(Some(1), TxOptions::default());
        stack.lose(cause());
        stack.truncate(1);
        assert_eq!(stack.check().unwrap_err().kind(), ErrorKind::ForceRollbackLost);
        stack.truncate(0);
        assert!(stack.check().is_ok());
        assert!(!stack.is_pinned());
    }
}
