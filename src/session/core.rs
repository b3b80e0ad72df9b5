//! What happens on a connection's own turn: each operation of the library, once, as plain blocking code.
//!
//! Both faces ship closures that call these methods; the only difference between them is how they take the reply. The
//! rules that keep data safe live here and nowhere else: what is refused before it is sent, what is asked from the
//! database after it answered, and what makes a connection unfit for its next borrower.

use super::Turn;
use super::sink::{Collect, First};
use super::stack::{Cause, Stack, Token};
use crate::driver::{BulkPath, Call, Catalog, CommitOutcome, Executed, Link, LinkState, Reset, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::Params;
use crate::row::{Row, Rows};
use crate::sql::{Dialect, Statement, StatementKind, TxOptions, split_script};
use crate::value::Value;

/// What the library knows of a connection beside the connection itself.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The open transactions.
    pub(crate) stack: Stack,
    /// Why the connection must not be used by anybody else, once there is a reason.
    pub(crate) doubt: Option<Cause>,
    /// Whether something ran that may have left a trace in the session: settings, temporary tables, locks.
    pub(crate) traces: bool,
}

/// A connection on its turn.
pub struct Core<'v> {
    link: &'v mut (dyn Link + 'v),
    state: &'v mut State,
}

impl std::fmt::Debug for Core<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("state", &self.state).finish_non_exhaustive()
    }
}

/// What an operation wants of the statement rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verbs {
    /// Transaction verbs are refused.
    Refused,
    /// They were checked already: balanced, in a script.
    Balanced,
}

impl<'v> Core<'v> {
    pub(crate) fn new(link: &'v mut (dyn Link + 'v), state: &'v mut State) -> Core<'v> {
        Core { link, state }
    }

    /// The same connection for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Core<'_> {
        Core { link: &mut *self.link, state: &mut *self.state }
    }

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.link.dialect()
    }

    /// Fails for what belongs to a transaction that has ended: it must neither stand for itself nor go into another one.
    pub(crate) fn expect_open(&self, token: Token) -> Result<()> {
        self.state.stack.expect_open(token)
    }

    // ---- statements

    pub(crate) fn execute(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params) -> Result<Executed> {
        let bound = statement.bind(params)?;
        self.guarded(turn, statement, |core, call| core.link.execute(call, &bound))
    }

    pub(crate) fn fetch_all(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params) -> Result<Rows> {
        let mut sink = Collect::new(turn.limits());
        self.query(turn, statement, params, &mut sink)?;
        Ok(sink.into_rows())
    }

    /// The row at this position, counted from 0; the statement is ended after it.
    pub(crate) fn fetch_nth(
        &mut self,
        turn: &Turn<'_>,
        statement: &Statement,
        params: Params,
        position: u64,
    ) -> Result<Option<Row>> {
        let mut sink = First::nth(position);
        self.query(turn, statement, params, &mut sink)?;
        Ok(sink.into_row())
    }

    /// The last row; the statement is read to its end, and no more than a batch of it is held.
    pub(crate) fn fetch_last(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params) -> Result<Option<Row>> {
        let mut sink = First::last();
        self.query(turn, statement, params, &mut sink)?;
        Ok(sink.into_row())
    }

    /// Runs a statement and pushes its rows.
    pub(crate) fn query(
        &mut self,
        turn: &Turn<'_>,
        statement: &Statement,
        params: Params,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let bound = statement.bind(params)?;
        self.guarded(turn, statement, |core, call| core.link.query(call, &bound, sink))
    }

    /// Runs a statement whose rows are pushed into a sink that needs the state of the connection too, because it serves
    /// other statements between two batches.
    pub(crate) fn stream<S>(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params, sink: S) -> Result<()>
    where
        S: for<'s> FnOnce(&'s mut State, &mut dyn FnMut(&mut dyn RowSink) -> Result<()>) -> Result<()>,
    {
        let bound = statement.bind(params)?;
        self.guarded(turn, statement, |core, call| {
            let Core { link, state } = core;
            sink(state, &mut |sink| link.query(call, &bound, sink))
        })
    }

    /// One statement with many sets of parameters: all of them or none, by a transaction of its own where none is open
    /// and by a savepoint where one is.
    pub(crate) fn execute_many(
        &mut self,
        turn: &Turn<'_>,
        statement: &Statement,
        rows: &mut dyn Iterator<Item = Params>,
    ) -> Result<u64> {
        self.all_or_nothing(turn, |core, turn| {
            core.guarded(turn, statement, |core, call| core.link.execute_many(call, statement, rows))
        })
    }

    /// Many rows into one table by the driver's fastest means: all of them or none.
    pub(crate) fn bulk_insert(
        &mut self,
        turn: &Turn<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        let statement = Statement::insert(self.link.dialect(), table, columns)?;
        self.all_or_nothing(turn, |core, turn| {
            core.guarded(turn, &statement, |core, call| core.link.bulk_insert(call, table, columns, rows))
        })
    }

    /// A script, whose transaction verbs were found balanced.
    pub(crate) fn script(&mut self, turn: &Turn<'_>, script: &str) -> Result<()> {
        self.before(turn, None, Verbs::Balanced)?;
        if self.state.stack.is_open() {
            for statement in split_script(script, self.link.dialect()) {
                let statement = statement?;
                if let StatementKind::Transaction(verb) = statement.kind {
                    return Err(Error::new(
                        ErrorKind::TransactionVerb,
                        format!(
                            "the script has {verb} on line {}, and a transaction is open: run it outside of one",
                            statement.line
                        ),
                    ));
                }
            }
        }
        self.state.traces = true;
        let dialect = self.dialect();
        let is_undone = self.state.stack.is_bare_pin();
        self.in_savepoint_of_its_own(turn, false, |core| {
            let call = core.terms(turn);
            let result = core.link.batch(&call, script);
            core.after(turn, None, result)
        })
        .map_err(|error| {
            // The error is that of one statement, and those before it stand.
            let is_one = || split_script(script, dialect).nth(1).is_none();
            if is_undone || error.effect() != Effect::NotApplied || is_one() {
                return error;
            }
            error.with_effect(Effect::Unknown)
        })
    }

    pub(crate) fn catalog(&mut self, turn: &Turn<'_>, request: &Catalog) -> Result<Rows> {
        self.before(turn, None, Verbs::Refused)?;
        let mut sink = Collect::new(turn.limits());
        self.in_savepoint_of_its_own(turn, true, |core| {
            let result = core.link.catalog(&turn.call(), request, &mut sink);
            core.after(turn, None, result)
        })?;
        Ok(sink.into_rows())
    }

    /// Anything at all with the driver's own connection.
    pub(crate) fn raw<T>(
        &mut self,
        turn: &Turn<'_>,
        job: impl FnOnce(&mut dyn std::any::Any) -> Result<T>,
    ) -> Result<T> {
        self.before(turn, None, Verbs::Balanced)?;
        self.state.traces = true;
        self.in_savepoint_of_its_own(turn, false, |core| {
            let result = job(core.link.raw());
            core.after(turn, None, result)
        })
    }

    /// A round trip.
    pub(crate) fn ping(&mut self, turn: &Turn<'_>) -> Result<()> {
        self.check_doubt()?;
        let result = self.link.ping(&turn.call());
        if let Err(error) = &result {
            self.learn_from(turn, error);
        }
        result
    }

    // ---- the rules around a statement

    fn guarded<T>(
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
            // Its rows were too many; whatever it changed may stay changed.
            ErrorKind::ResultTooLarge if !reads && !is_undone => error.with_effect(Effect::Unknown),
            _ => error,
        })
    }

    /// Under force rollback a write is not interrupted: on SQLite that would end everybody's transaction. Its caller
    /// leaves at the deadline, the write runs out, and its savepoint is rolled back.
    fn terms<'t>(&self, turn: &Turn<'t>) -> Call<'t> {
        if self.state.stack.is_pinned() { turn.call().let_writes_finish() } else { turn.call() }
    }

    /// A connection in doubt is asked nothing any more.
    fn check_doubt(&self) -> Result<()> {
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
    fn before(&self, turn: &Turn<'_>, statement: Option<&Statement>, verbs: Verbs) -> Result<()> {
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
    fn after<T>(&mut self, turn: &Turn<'_>, statement: Option<&Statement>, result: Result<T>) -> Result<T> {
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
                let error = turn.call_it_by_its_cause(error);
                self.learn_from(turn, &error);
                Err(error)
            }
        }
    }

    fn check_still_open(&mut self, turn: &Turn<'_>) -> Result<()> {
        match (self.state.stack.is_open(), self.link.state()) {
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
    fn learn_from(&mut self, turn: &Turn<'_>, error: &Error) {
        let cause = Cause::of(error);
        if self.state.doubt.is_some() {
            // A statement that was served beside this one has put it there, perhaps by a panic of the driver.
            return;
        }
        if !turn.settle() {
            self.doubt(cause);
            return;
        }
        match self.link.state() {
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

    /// Rolls back a transaction that is on no stack. While it is open statements would go into it that nobody commits, so
    /// a connection that cannot get rid of it is of no use.
    fn roll_back_stray(&mut self, turn: &Turn<'_>) -> Result<()> {
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

    /// Whether the connection is one that goes to nobody else.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.state.doubt.is_some()
    }

    /// The connection goes to nobody else after this; an open transaction is lost with it.
    pub(crate) fn doubt(&mut self, cause: Cause) {
        self.state.stack.lose(cause.clone());
        self.state.doubt.get_or_insert(cause);
    }

    /// Under force rollback, outside anybody's transaction, a statement stands in a savepoint, so that its error is its
    /// caller's alone. In the middle of one that `reads` others may have been served, and a transaction begun that is
    /// still open: what they did is not undone, nor theirs ended, because that one failed or was left.
    fn in_savepoint_of_its_own<T>(
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
        let undo = result.is_err() && !(reads && self.link.state() == LinkState::Open);
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
    fn undone_for_a_guest(&mut self, turn: &Turn<'_>, savepoint: Option<u32>, error: Error) -> Error {
        if self.state.doubt.is_some() || self.state.stack.lost().is_some() {
            return error;
        }
        let undone = match savepoint {
            Some(name) => self.mend(turn, |link, call| link.rollback_to(call, name)),
            None if self.link.state() == LinkState::Open => Ok(()),
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
    fn mend<T>(
        &mut self,
        turn: &Turn<'_>,
        work: impl FnOnce(&mut (dyn Link + '_), &Call<'_>) -> Result<T>,
    ) -> Result<T> {
        turn.mend(|call| work(&mut *self.link, call)).unwrap_or_else(|| {
            self.doubt(unfenced());
            Err(Error::new(ErrorKind::Cancelled, "a cancel may still be on its way to the connection"))
        })
    }

    fn all_or_nothing<T>(
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

    // ---- transactions

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
            let error = turn.call_it_by_its_cause(error);
            self.learn_from(turn, &error);
            return Err(error);
        }
        match self.link.state() {
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

    /// Opens the transaction that force rollback holds for everybody.
    pub(crate) fn pin(&mut self, turn: &Turn<'_>, options: &TxOptions) -> Result<Token> {
        self.begin(turn, options)?;
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
                self.state.stack.truncate(depth);
                self.forget_options(turn, &options);
                Ok(())
            }
            CommitOutcome::StillOpen(error) if error.kind() == ErrorKind::Busy => Err(error),
            CommitOutcome::StillOpen(error) => Err(self.rolled_back_instead(turn, token, error)),
            CommitOutcome::RolledBack(error) => {
                self.state.stack.truncate(depth);
                if self.link.state() != LinkState::Idle {
                    // What failed has not ended yet: nothing of it stays, but only ROLLBACK is accepted.
                    drop(self.roll_back_stray(turn));
                }
                self.forget_options(turn, &options);
                Err(rolled_back_by_commit(error))
            }
            CommitOutcome::Unknown(error) => {
                let cause = Cause::of(&error);
                self.state.stack.truncate(depth);
                self.state.doubt.get_or_insert(cause);
                Err(Error::new(
                    ErrorKind::CommitUnknown,
                    "COMMIT was sent and its answer is not known: it may or may not be committed, ask the data",
                )
                .with_source(error))
            }
        }
    }

    /// The error of a COMMIT that is known not to have been done: what is unknown of its cause is known of the whole.
    fn rolled_back_instead(&mut self, turn: &Turn<'_>, token: Token, error: Error) -> Error {
        let error = match error.effect() {
            Effect::Unknown => error.with_effect(Effect::NotApplied),
            _ => error,
        };
        self.rolled_back_after(turn, token, error)
    }

    /// Undoes what the options of a transaction have set for the session; a connection that keeps them is of no use.
    fn forget_options(&mut self, turn: &Turn<'_>, options: &TxOptions) {
        for statement in self.dialect().end_statements(options) {
            if let Err(error) = self.mend(turn, |link, call| link.batch(call, statement)) {
                self.doubt(Cause::of(&error));
            }
        }
    }

    /// What was set while the connection was being opened stays for its life.
    pub(crate) fn forget_traces(&mut self) {
        self.state.traces = false;
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

    fn roll_back_from(&mut self, turn: &Turn<'_>, token: Token) -> Result<()> {
        let Some(depth) = self.state.stack.position(token) else { return Ok(()) };
        let Some(frame) = self.state.stack.frame_at(depth) else { return Ok(()) };
        let (savepoint, options) = (frame.savepoint, frame.options);
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
            Ok(()) if self.link.state() == expected => {
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

    // ---- between borrowers

    /// Makes the connection fit for its next borrower; an error says why it is not. Returns whether the session was
    /// reset, and with it what was set when the connection was opened.
    pub(crate) fn clean(&mut self, turn: &Turn<'_>, how: Cleaning) -> Result<bool, Cause> {
        let cleaned = turn.mend(|call| self.try_clean(call, how)).unwrap_or_else(|| Err(unfenced()));
        if let Err(cause) = &cleaned {
            // It stays in doubt, so that it ends without a good-bye, which might wait for an answer that never comes.
            self.state.doubt.get_or_insert_with(|| cause.clone());
        }
        cleaned
    }

    fn try_clean(&mut self, call: &Call<'_>, how: Cleaning) -> Result<bool, Cause> {
        if let Some(doubt) = &self.state.doubt {
            return Err(doubt.clone());
        }
        if self.state.stack.is_open() || matches!(self.link.state(), LinkState::Open | LinkState::Failed) {
            self.link.rollback(call).map_err(|error| Cause::of(&error))?;
            self.state.stack.truncate(0);
        }
        let reset = match how {
            Cleaning::Never => None,
            Cleaning::AsNeeded => self.state.traces.then_some(Reset::Light),
            Cleaning::Always(reset) => Some(reset),
        };
        if let Some(reset) = reset {
            self.link.reset(call, reset).map_err(|error| Cause::of(&error))?;
        }
        self.state.traces = false;
        match self.link.state() {
            LinkState::Idle => Ok(reset.is_some()),
            other => Err(Cause {
                kind: ErrorKind::Internal,
                message: format!("after its reset the connection is not idle but {other:?}"),
            }),
        }
    }

    /// Whether the connection can go to its next borrower as it stands, without a round trip.
    pub(crate) fn is_clean(&mut self, how: Cleaning) -> bool {
        let needs_reset = match how {
            Cleaning::Never => false,
            Cleaning::AsNeeded => self.state.traces,
            Cleaning::Always(_) => true,
        };
        !needs_reset
            && self.state.doubt.is_none()
            && !self.state.stack.is_open()
            && self.link.state() == LinkState::Idle
    }
}

/// When a connection is reset on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleaning {
    /// Not at all; an open transaction is rolled back all the same.
    Never,
    /// When something ran that may have left a trace.
    AsNeeded,
    /// Each time.
    Always(Reset),
}

/// A cancel may hit what comes next.
fn unfenced() -> Cause {
    Cause { kind: ErrorKind::Cancelled, message: "a cancel may still be on its way".into() }
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
