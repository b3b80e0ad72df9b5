//! Transactions on a connection's turn: the root, and the savepoints above it.

use super::rules::{Verbs, unfenced};
use super::{Core, Turn};
use crate::driver::{CommitOutcome, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::session::sole_writer::SoleWriter;
use crate::session::stack::{Cause, Token};
use crate::sql::TxOptions;

impl Core<'_> {
    /// Whether one is open.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.state.stack.is_open()
    }

    /// Opens the root transaction, or a savepoint where one is open.
    pub(crate) fn begin(&mut self, turn: &Turn<'_>, options: &TxOptions) -> Result<Token> {
        self.before(turn, None, Verbs::Refused)?;
        if self.state.stack.is_open() {
            // Under force rollback the outermost transaction is a savepoint, and the code under test must not notice.
            if !self.state.stack.is_bare_pin() {
                options.check_nested()?;
            }
            let name = self.state.stack.next_savepoint();
            let is_guest = self.state.stack.is_bare_pin();
            let result = self.link.savepoint(&turn.call(), name);
            let set = result.is_ok().then_some(name);
            return match self.after(turn, None, result) {
                Ok(()) => Ok(self.state.stack.push(Some(name), *options)),
                Err(error) if is_guest => Err(self.undone_for_a_guest(turn, set, error)),
                Err(error) => Err(error),
            };
        }
        if let Err(error) = self.link.begin(&turn.call(), options) {
            let error = turn.call_it_by_its_cause(self.state.scrub(error));
            self.learn_from(turn, &error);
            return Err(error);
        }
        self.state.meter.began();
        self.state.meter.observer().transacts("BEGIN");
        match self.ask(turn) {
            LinkState::Open => Ok(self.state.stack.push(None, *options)),
            other => {
                let error = Error::new(
                    ErrorKind::Internal,
                    format!("BEGIN was accepted, but the database does not say that a transaction is open ({other:?})"),
                )
                .with_effect(Effect::NotApplied);
                self.doubt(Cause::of(&error));
                Err(error)
            }
        }
    }

    /// Opens the transaction that force rollback holds for everybody. `sole` is held for as long as it is there.
    pub(crate) fn pin(&mut self, turn: &Turn<'_>, options: &TxOptions, sole: Option<SoleWriter>) -> Result<Token> {
        self.begin(turn, options)?;
        self.state.sole = sole;
        self.state.stack.truncate(0);
        Ok(self.state.stack.pin(*options))
    }

    /// Commits the innermost transaction: a savepoint is released, the root is committed for good.
    ///
    /// `Busy` leaves it open, to be committed again or rolled back; every other error has ended it.
    pub(crate) fn commit(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        let frame = self.state.stack.expect_top(token)?;
        if frame.options.rollback_only {
            return Err(Error::new(
                ErrorKind::Misuse,
                "this transaction was begun to be rolled back, whatever happens: it cannot be committed",
            ));
        }
        let (savepoint, options) = (frame.savepoint, frame.options);
        let depth = self.state.stack.depth() - 1;
        if let Err(error) = self.state.stack.check() {
            return Err(self.rolled_back_instead(turn, token, error));
        }
        // From here on no cancel is sent: what is being committed is brought to its end.
        if !turn.shield() {
            let error = turn.given_up().with_effect(Effect::NotApplied);
            return Err(self.rolled_back_instead(turn, token, error));
        }
        if let Some(name) = savepoint {
            return match self.mend(turn, |link, call| link.release(call, name)) {
                Ok(()) => {
                    self.state.stack.truncate(depth);
                    Ok(())
                }
                Err(error) => {
                    self.learn_from(turn, &error);
                    Err(self.rolled_back_instead(turn, token, error))
                }
            };
        }
        match self.link.commit(&turn.call().shielded()) {
            CommitOutcome::Committed => {
                self.state.meter.committed();
                self.state.meter.observer().transacts("COMMIT");
                self.state.stack.truncate(depth);
                self.forget_options(turn, &options);
                Ok(())
            }
            CommitOutcome::StillOpen(error) if error.kind() == ErrorKind::Busy => Err(self.state.scrub(error)),
            CommitOutcome::StillOpen(error) => {
                let error = self.state.scrub(error);
                Err(self.rolled_back_instead(turn, token, error))
            }
            CommitOutcome::RolledBack(error) => {
                let error = self.state.scrub(error);
                self.state.meter.rolled_back();
                self.state.meter.observer().transacts("COMMIT, answered by ROLLBACK");
                self.state.stack.truncate(depth);
                if self.ask(turn) != LinkState::Idle {
                    // What failed has not ended yet: nothing of it stays, but only ROLLBACK is accepted.
                    drop(self.roll_back_stray(turn));
                }
                self.forget_options(turn, &options);
                Err(rolled_back_by_commit(error))
            }
            CommitOutcome::Unknown(error) => {
                let error = self.state.scrub(error);
                // A caller that left has been told, and that has been counted there.
                if !turn.is_given_up() {
                    self.state.meter.left_unknown();
                }
                self.state.meter.observer().transacts("COMMIT, not answered");
                let cause = Cause::of(&error);
                self.state.stack.truncate(depth);
                self.doubt(cause);
                Err(Error::new(
                    ErrorKind::CommitUnknown,
                    "COMMIT was sent and its answer is not known: it may or may not be committed, ask the data",
                )
                .with_source(error))
            }
        }
    }

    /// The error of a COMMIT that is known not to have been done: what is unknown of its cause is known of the whole.
    pub(super) fn rolled_back_instead(&mut self, turn: &Turn<'_>, token: Token, error: Error) -> Error {
        let error = match error.effect() {
            Effect::Unknown => error.with_effect(Effect::NotApplied),
            _ => error,
        };
        self.rolled_back_after(turn, token, error)
    }

    /// Undoes what the options of a transaction have set for the session; a connection that keeps them is of no use.
    pub(super) fn forget_options(&mut self, turn: &Turn<'_>, options: &TxOptions) {
        for statement in self.dialect().end_statements(options) {
            if let Err(error) = self.mend(turn, |link, call| link.batch(call, statement)) {
                self.doubt(Cause::of(&error));
            }
        }
    }

    /// Rolls back the innermost transaction.
    pub(crate) fn rollback(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        self.state.stack.expect_top(token)?;
        self.roll_back_from(turn, token)
    }

    /// Rolls back a transaction and everything inside it, if it is still open: what a dropped handle asks for.
    pub(crate) fn abandon(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        if self.state.stack.contains(token) { self.roll_back_from(turn, token) } else { Ok(()) }
    }

    pub(super) fn roll_back_from(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        let Some(depth) = self.state.stack.position(token) else { return Ok(()) };
        let Some(frame) = self.state.stack.frame_at(depth) else { return Ok(()) };
        let (savepoint, options) = (frame.savepoint, frame.options);
        if savepoint.is_none() {
            self.state.meter.rolled_back();
            self.state.meter.observer().transacts("ROLLBACK");
        }
        if !turn.settle() {
            self.doubt(unfenced());
        }
        if self.state.doubt.is_some() || self.state.stack.lost().is_some() {
            // There is nothing left to undo at the database: the loss was, or the end of the connection will be, the undo.
            self.state.stack.truncate(depth);
            return Ok(());
        }
        let result = match savepoint {
            Some(name) => self.mend(turn, |link, call| link.rollback_to(call, name)),
            None => self.mend(turn, |link, call| link.rollback(call)),
        };
        let expected = if savepoint.is_some() { LinkState::Open } else { LinkState::Idle };
        match result {
            Ok(()) if self.ask(turn) == expected => {
                self.state.stack.truncate(depth);
                if savepoint.is_none() {
                    self.forget_options(turn, &options);
                }
                Ok(())
            }
            Ok(()) => {
                let error = Error::new(
                    ErrorKind::Internal,
                    "ROLLBACK was accepted, but the database's transaction is not where it should be",
                );
                self.doubt(Cause::of(&error));
                self.state.stack.truncate(depth);
                Err(error)
            }
            Err(error) => {
                self.doubt(Cause::of(&error));
                self.state.stack.truncate(depth);
                Err(error)
            }
        }
    }

    pub(super) fn all_or_nothing<T>(
        &mut self,
        turn: &Turn<'_>,
        run: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T>,
    ) -> Result<T> {
        let token = self.begin(turn, &TxOptions::default())?;
        match run(&mut self.reborrow(), turn) {
            Ok(value) => self.commit_or_roll_back(turn, token).map(|()| value),
            Err(error) => Err(self.rolled_back_after(turn, token, error)),
        }
    }

    /// Commits, where nobody could try again: a transaction that the database cannot commit now is rolled back, so that
    /// what comes next does not go into one that nobody will ever commit.
    pub(crate) fn commit_or_roll_back(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        match self.commit(turn, token) {
            Err(error) if self.state.stack.contains(token) => Err(match self.abandon(turn, token) {
                Ok(()) => error,
                Err(second) => error.with_secondary(second),
            }),
            decided => decided,
        }
    }

    /// Rolls back after an error; the rollback's own error rides along.
    pub(crate) fn rolled_back_after(&mut self, turn: &Turn<'_>, token: Token, error: Error) -> Error {
        match self.rollback(turn, token) {
            Ok(()) => error,
            Err(second) => error.with_secondary(second),
        }
    }
}

/// The error of a COMMIT that rolled back: a conflict or a violation keeps its kind, since it means what it always means
/// and can be tried again where it could; anything else is `RolledBack`.
fn rolled_back_by_commit(error: Error) -> Error {
    let message = format!("COMMIT was refused and the transaction rolled back: {}", error.message());
    let kind = match error.kind() {
        kind if kind.is_transient() || kind.is_constraint() => kind,
        _ => ErrorKind::RolledBack,
    };
    keep_codes(Error::new(kind, message).with_effect(Effect::NotApplied), error)
}

/// `error` with the codes of its cause, and the cause behind it.
fn keep_codes(error: Error, cause: Error) -> Error {
    let mut error = error;
    if let Some(sqlstate) = cause.sqlstate() {
        error = error.with_sqlstate(sqlstate);
    }
    if let Some(code) = cause.vendor_code() {
        error = error.with_vendor_code(code);
    }
    if let Some(constraint) = cause.constraint() {
        error = error.with_constraint(constraint);
    }
    error.with_source(cause)
}
