//! The rules around an operation: what is refused before it is sent, what is asked from the database after it answered,
//! and what makes a connection unfit for its next borrower.

use super::{Core, News, Turn};
use crate::driver::{Call, Link, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::session::stack::Cause;
use crate::sql::{Statement, StatementKind};

/// What an operation wants of the statement rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verbs {
    /// Transaction verbs are refused.
    Refused,
    /// They were checked already: balanced, in a script.
    Balanced,
}

impl Core<'_> {
    pub(super) fn guarded<T>(
        &mut self,
        turn: &Turn<'_>,
        statement: &Statement,
        run: impl FnOnce(&mut Core<'_>, &Call<'_>) -> Result<T>,
    ) -> Result<T> {
        self.before(turn, Some(statement), Verbs::Refused)?;
        self.state.traces |= !statement.is_plain();
        let reads = statement.kind() == StatementKind::Read;
        let is_undone = self.state.stack.is_bare_pin();
        self.in_savepoint_of_its_own(turn, reads, |core| {
            let call = core.terms(turn);
            let result = run(&mut core.reborrow(), &call);
            core.after(turn, Some(statement), result)
        })
        .map_err(|error| match error.kind() {
            // Its rows were too many, or nobody reads them any more; whatever it changed may stay changed.
            ErrorKind::ResultTooLarge if !reads && !is_undone => error.with_effect(Effect::Unknown),
            ErrorKind::ConnectionBusy if !reads && !is_undone && error.effect() == Effect::NotApplied => {
                error.with_effect(Effect::Unknown)
            }
            _ => error,
        })
    }

    /// Under force rollback a write is not interrupted: on SQLite that would end everybody's transaction. Its caller
    /// leaves at the deadline, the write runs out, and its savepoint is rolled back.
    pub(super) fn terms<'t>(&self, turn: &Turn<'t>) -> Call<'t> {
        if self.state.stack.is_pinned() { turn.call().let_writes_finish() } else { turn.call() }
    }

    /// A connection in doubt is asked nothing any more.
    pub(super) fn check_doubt(&self) -> Result<()> {
        match &self.state.doubt {
            None => Ok(()),
            Some(doubt) => Err(Error::new(
                ErrorKind::ConnectionLost,
                format!(
                    "this connection is of no use any more, because of an earlier error: {doubt}; \
                     ask the database for another one"
                ),
            )
            .with_effect(Effect::NotSent)),
        }
    }

    /// What is refused before anything is sent.
    pub(super) fn before(&self, turn: &Turn<'_>, statement: Option<&Statement>, verbs: Verbs) -> Result<()> {
        if self.state.stack.is_pinned() {
            // Whose transaction is lost is told that, whatever became of the connection with it.
            self.state.stack.check()?;
        }
        self.check_doubt()?;
        self.state.stack.check()?;
        let Some(statement) = statement else { return turn.check() };
        if statement.is_empty() {
            return Err(Error::new(
                ErrorKind::Misuse,
                "the text has no statement in it, nothing but space and comments",
            ));
        }
        if verbs == Verbs::Refused {
            statement.refuse_transaction_verb()?;
        }
        if turn.is_read_only() && matches!(statement.kind(), StatementKind::Write | StatementKind::Ddl) {
            return Err(Error::new(ErrorKind::ReadOnly, "the statement writes, and the query was marked read-only")
                .with_effect(Effect::NotSent));
        }
        turn.check()
    }

    /// What is asked from the database after a statement, and what follows from the answer.
    pub(super) fn after<T>(&mut self, turn: &Turn<'_>, statement: Option<&Statement>, result: Result<T>) -> Result<T> {
        match result {
            Ok(_) if self.state.stack.is_open() && turn.is_given_up() && !turn.is_left() => {
                // It ran to its end, but its caller was told that it did not: the transaction must not live on as if
                // it had.
                let error = Error::new(
                    turn.given_up().kind(),
                    "the statement came to its end after its caller had given up; it is undone with its transaction",
                )
                .with_effect(Effect::NotApplied);
                self.learn_from(turn, &error);
                Err(error)
            }
            Ok(value) => {
                // A plain statement cannot end a transaction and succeed; whatever else ran is checked.
                if statement.is_none_or(|statement| !statement.is_plain()) {
                    self.check_still_open(turn)?;
                }
                Ok(value)
            }
            Err(error) => {
                let error = turn.call_it_by_its_cause(self.state.scrub(error));
                self.learn_from(turn, &error);
                Err(error)
            }
        }
    }

    /// Asks the database what is open. An answer that does not come is none.
    pub(super) fn ask(&mut self, turn: &Turn<'_>) -> LinkState {
        if self.link.knows_state() {
            return self.link.state();
        }
        turn.answered(|| self.link.state()).unwrap_or(LinkState::Unknown)
    }

    pub(super) fn check_still_open(&mut self, turn: &Turn<'_>) -> Result<()> {
        match (self.state.stack.is_open(), self.ask(turn)) {
            (true, LinkState::Open) | (false, LinkState::Idle) => Ok(()),
            (true, LinkState::Failed) => {
                self.state.stack.abort(Cause {
                    kind: ErrorKind::TransactionAborted,
                    message: "a statement failed inside a script or the driver's own connection".into(),
                });
                Ok(())
            }
            (true, LinkState::Idle) => {
                let cause = Cause {
                    kind: ErrorKind::TransactionLost,
                    message:
                        "a statement ended it; what was done before is committed or undone by the database's own rules"
                            .into(),
                };
                self.state.stack.lose(cause);
                self.state.stack.check()
            }
            (false, LinkState::Open | LinkState::Failed) => {
                let error = Error::new(
                    ErrorKind::TransactionVerb,
                    "a transaction was left open behind the library's back; it was rolled back: \
                     use transaction(), begin(), commit() and rollback()",
                )
                .with_effect(Effect::NotApplied);
                Err(match self.roll_back_stray(turn) {
                    Ok(()) => error,
                    Err(second) => error.with_secondary(second),
                })
            }
            (_, LinkState::Unknown) => {
                let cause = Cause {
                    kind: ErrorKind::ConnectionLost,
                    message: "the database does not tell the state of its transaction".into(),
                };
                self.doubt(cause);
                Ok(())
            }
        }
    }

    /// Asks the database what an error left behind.
    pub(super) fn learn_from(&mut self, turn: &Turn<'_>, error: &Error) {
        let cause = Cause::of(error);
        if error.kind() == ErrorKind::ReadOnly && error.hints_failover() && !self.asked_for_read_only(turn) {
            self.state.news = Some(News::RoleChanged);
        }
        if self.state.doubt.is_some() {
            // A statement that was served beside this one has put it there, perhaps by a panic of the driver.
            return;
        }
        if !turn.settle() {
            self.doubt(cause);
            return;
        }
        match self.ask(turn) {
            LinkState::Unknown => self.doubt(cause),
            LinkState::Failed if self.state.stack.is_open() => self.state.stack.abort(cause),
            LinkState::Open if self.state.stack.is_open() => {
                // A statement that was given up may have done a part of its work.
                if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) && !turn.is_left() {
                    self.state.stack.abort(cause);
                }
            }
            // It has put the connection in doubt if it failed; the error that it came after is the one to be told.
            LinkState::Open | LinkState::Failed => drop(self.roll_back_stray(turn)),
            LinkState::Idle => self.state.stack.lose(cause),
        }
    }

    /// Whether who runs this wanted nothing to be written.
    fn asked_for_read_only(&self, turn: &Turn<'_>) -> bool {
        turn.is_read_only() || self.state.stack.is_read_only()
    }

    /// Rolls back a transaction that is on no stack. While it is open statements would go into it that nobody commits, so
    /// a connection that cannot get rid of it is of no use.
    pub(super) fn roll_back_stray(&mut self, turn: &Turn<'_>) -> Result<()> {
        let result = self.mend(turn, |link, call| link.rollback(call));
        if let Err(error) = &result {
            self.doubt(Cause::of(error));
        }
        result
    }

    /// The transaction accepts only its end from now on, because a caller has left without what it did in it.
    pub(crate) fn give_up(&mut self) {
        if !self.state.stack.is_bare_pin() {
            let message = "a call came to its end after its caller had given up".into();
            self.state.stack.abort(Cause { kind: ErrorKind::Timeout, message });
        }
    }

    /// What was learnt of the server that concerns its other connections, to be told once.
    pub(crate) fn take_news(&mut self) -> Option<News> {
        self.state.news.take()
    }

    /// Whether the connection is one that goes to nobody else.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.state.doubt.is_some()
    }

    /// The connection goes to nobody else after this; an open transaction is lost with it.
    pub(crate) fn doubt(&mut self, cause: Cause) {
        if cause.kind == ErrorKind::ConnectionLost {
            self.state.news.get_or_insert(News::Broke);
        }
        self.state.stack.lose(cause.clone());
        self.state.doubt.get_or_insert(cause);
    }

    /// Under force rollback, outside anybody's transaction, a statement stands in a savepoint, so that its error is its
    /// caller's alone. In the middle of one that `reads` others may have been served, and a transaction begun that is
    /// still open: what they did is not undone, nor theirs ended, because that one failed or was left.
    pub(super) fn in_savepoint_of_its_own<T>(
        &mut self,
        turn: &Turn<'_>,
        reads: bool,
        run: impl FnOnce(&mut Core<'_>) -> Result<T>,
    ) -> Result<T> {
        if !self.state.stack.is_bare_pin() {
            return run(&mut self.reborrow());
        }
        let depth = self.state.stack.depth();
        let name = self.state.stack.next_savepoint();
        if let Err(error) = self.mend(turn, |link, call| link.savepoint(call, name)) {
            return Err(self.undone_for_a_guest(turn, None, error));
        }
        let result = run(&mut self.reborrow());
        // Whether it is still there was asked already where it may not be.
        if self.state.doubt.is_some() || self.state.stack.lost().is_some() {
            return result;
        }
        let undo = result.is_err() && !(reads && self.ask(turn) == LinkState::Open);
        let ended = match undo {
            true => self.mend(turn, |link, call| link.rollback_to(call, name)),
            // Releasing it would release what was begun inside of it.
            false if self.state.stack.depth() > depth => Ok(()),
            false => self.mend(turn, |link, call| link.release(call, name)),
        };
        match (ended, result) {
            (Ok(()), result) => {
                if undo {
                    self.state.stack.truncate(depth);
                }
                if result.is_err() {
                    self.state.stack.heal();
                }
                result
            }
            (Err(second), result) => {
                self.doubt(Cause::of(&second));
                match result {
                    Ok(_) => Err(second),
                    Err(error) => Err(error.with_secondary(second)),
                }
            }
        }
    }

    /// Under force rollback: what was done for one guest is undone, so that it is nothing to the others. Without a
    /// savepoint there is nothing to be undone, if the transaction is as it should be.
    pub(super) fn undone_for_a_guest(&mut self, turn: &Turn<'_>, savepoint: Option<u32>, error: Error) -> Error {
        if self.state.doubt.is_some() || self.state.stack.lost().is_some() {
            return error;
        }
        let undone = match savepoint {
            Some(name) => self.mend(turn, |link, call| link.rollback_to(call, name)),
            None if self.ask(turn) == LinkState::Open => Ok(()),
            None => {
                self.doubt(Cause::of(&error));
                return error;
            }
        };
        match undone {
            Ok(()) => {
                self.state.stack.heal();
                error
            }
            Err(second) => {
                self.doubt(Cause::of(&second));
                error.with_secondary(second)
            }
        }
    }

    /// Runs what puts something right at the database: no cancel reaches it, and it is severed if it takes too long.
    pub(super) fn mend<T>(
        &mut self,
        turn: &Turn<'_>,
        work: impl FnOnce(&mut (dyn Link + '_), &Call<'_>) -> Result<T>,
    ) -> Result<T> {
        let result = turn.mend(|call| work(&mut *self.link, call)).unwrap_or_else(|| {
            self.doubt(unfenced());
            Err(Error::new(ErrorKind::Cancelled, "a cancel may still be on its way to the connection"))
        });
        result.map_err(|error| self.state.scrub(error))
    }
}

/// A cancel may hit what comes next.
pub(super) fn unfenced() -> Cause {
    Cause { kind: ErrorKind::Cancelled, message: "a cancel may still be on its way".into() }
}
