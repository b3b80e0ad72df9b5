//! What happens on a connection's own turn: each operation of the library, once, as plain blocking code.
//!
//! Both faces ship closures that call these methods; the only difference between them is how they take the reply. The
//! rules that keep data safe live here and nowhere else: what is refused before it is sent, what is asked from the
//! database after it answered, and what makes a connection unfit for its next borrower.

mod cleaning;
mod metered;
mod rules;
mod transactions;

pub(crate) use cleaning::Cleaning;
pub(crate) use metered::Tallied;
use metered::{counted, timed};
use rules::Verbs;

use super::Turn;
use super::sink::{Collect, First};
use super::sole_writer::SoleWriter;
use super::stack::{Cause, Stack, Token};
use super::stream::Lookout;
use crate::driver::{BulkPath, Catalog, Executed, Link, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::metrics::Meter;
use crate::observe::Told;
use crate::params::Params;
use crate::row::{Row, Rows};
use crate::secret::Redactor;
use crate::sql::{Dialect, Sets, Statement, StatementKind, split_script};
use std::sync::Arc;

/// What the library knows of a connection beside the connection itself.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The open transactions.
    pub(crate) stack: Stack,
    /// Why the connection must not be used by anybody else, once there is a reason.
    pub(crate) doubt: Option<Cause>,
    /// What was learnt of the server that concerns its other connections, until it is told.
    pub(crate) news: Option<News>,
    /// What takes the secrets of the configuration out of what the driver says.
    pub(crate) redactor: Redactor,
    /// Whether something ran that may have left a trace in the session: settings, temporary tables, locks.
    pub(crate) traces: bool,
    /// What the pinned transaction holds alone.
    pub(crate) sole: Option<SoleWriter>,
    /// The streams that wait in each other for the end of what runs now.
    pub(crate) outer: Vec<Lookout>,
    /// How many jobs wait behind what runs now, where it cannot see them: it runs because a stream has ended that had held
    /// up all of them.
    pub(crate) behind: usize,
    /// Counts what is done here.
    pub(crate) meter: Arc<Meter>,
}

/// What one connection learns of the server and others should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The connection broke, and perhaps not alone.
    Broke,
    /// The server takes no writes any more; another one may.
    RoleChanged,
}

impl State {
    /// What the driver said, as it may be shown. Every error of a link passes through here, before it is told to anybody
    /// or remembered as a cause.
    #[cold]
    pub(crate) fn scrub(&self, error: Error) -> Error {
        error.scrubbed(&self.redactor)
    }
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

impl<'v> Core<'v> {
    pub(crate) fn new(link: &'v mut (dyn Link + 'v), state: &'v mut State) -> Core<'v> {
        Core { link, state }
    }

    pub(in crate::session) fn state(&self) -> &State {
        self.state
    }

    pub(in crate::session) fn state_mut(&mut self) -> &mut State {
        self.state
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

    pub(crate) fn execute(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params) -> Result<Executed> {
        let bound = statement.bind(params)?;
        self.metered(turn, Told::Statement(statement, Some(&bound)), |core, run| {
            let executed = core.guarded(turn, statement, |core, call| core.link.execute(call, &bound))?;
            run.affected = Some(executed.rows_affected);
            Ok(executed)
        })
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
        sink: &mut impl Tallied,
    ) -> Result<()> {
        let bound = statement.bind(params)?;
        self.metered(turn, Told::Statement(statement, Some(&bound)), |core, run| {
            counted(run, sink, |sink| core.guarded(turn, statement, |core, call| core.link.query(call, &bound, sink)))
        })
    }

    /// Runs a statement whose rows are pushed into a sink that needs the state of the connection too, because it serves
    /// other statements between two batches.
    pub(crate) fn stream<S>(&mut self, turn: &Turn<'_>, statement: &Statement, params: Params, sink: S) -> Result<()>
    where
        S: for<'s> FnOnce(&'s mut State, &mut dyn FnMut(&mut dyn RowSink) -> Result<()>) -> (Result<()>, (u64, u64)),
    {
        let bound = statement.bind(params)?;
        self.metered(turn, Told::Statement(statement, Some(&bound)), |core, run| {
            core.guarded(turn, statement, |core, call| {
                let Core { link, state } = core;
                let (result, (rows, bytes)) =
                    sink(state, &mut |sink| timed(run, sink, |sink| link.query(call, &bound, sink)));
                run.fetched(rows, bytes);
                result
            })
        })
    }

    /// One statement with many sets of parameters: all of them or none, by a transaction of its own where none is open
    /// and by a savepoint where one is.
    pub(crate) fn execute_many(&mut self, turn: &Turn<'_>, mut sets: Sets<'_>) -> Result<u64> {
        let statement = sets.statement().clone();
        statement.refuse_multiple()?;
        self.metered(turn, Told::Statement(&statement, None), |core, run| {
            let affected = core.all_or_nothing(turn, |core, turn| {
                core.guarded(turn, &statement, |core, call| core.link.execute_many(call, &mut sets))
            })?;
            run.affected = Some(affected);
            Ok(affected)
        })
    }

    /// Many rows into one table by the driver's fastest means: all of them or none.
    pub(crate) fn bulk_insert(
        &mut self,
        turn: &Turn<'_>,
        table: &str,
        columns: &[String],
        mut rows: Sets<'_>,
    ) -> Result<(u64, BulkPath)> {
        let statement = rows.statement().clone();
        self.metered(turn, Told::Statement(&statement, None), |core, run| {
            let (inserted, path) = core.all_or_nothing(turn, |core, turn| {
                core.guarded(turn, &statement, |core, call| core.link.bulk_load(call, table, columns, &mut rows))
            })?;
            run.affected = Some(inserted);
            Ok((inserted, path))
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
        self.metered(turn, Told::Script(script, dialect), |core, _| {
            core.in_savepoint_of_its_own(turn, false, |core| {
                let call = core.terms(turn);
                let result = core.link.batch(&call, script);
                core.after(turn, None, result)
            })
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
        let result = self.link.ping(&turn.call()).map_err(|error| self.state.scrub(error));
        if let Err(error) = &result {
            self.learn_from(turn, error);
        }
        result
    }
}
