//! One connection: what is done with it, whether it is reached as itself or by its second way in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::types::{ToSql, Type};
use postgres::{Client, Error as Native, RowIter};

use super::error::{is_fatal, of_statement};
use super::handle::PgHandle;
use super::statements::{Epoch, Prepared, Statements, kind_of};
use super::types::{Encoded, encode};
use super::wire::Wire;
use crate::driver::{Call, CommitOutcome, Executed, LinkState, Reset};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Bound, POSTGRES, Statement, StatementKind, split_script};
use crate::value::Value;

/// How long the end of an answer may take that has begun to come.
const SETTLING: Duration = Duration::from_secs(1);

/// The server takes no longer message.
pub(super) const LONGEST: usize = 0x3fff_0000;

/// What a borrower may have left in a session.
const LIGHT_RESET: &str = "CLOSE ALL; UNLISTEN *; RESET ROLE; RESET SESSION AUTHORIZATION; RESET ALL; \
    SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// How a run ended: with an error of the client library, before anything came of it, or with one that is said in our words.
pub(super) enum Failure {
    Native(Native),
    Ours(Error),
}

/// Cuts the wire when it goes. Stands before the client, whose own end would wait for an answer.
struct Severing(Arc<Wire>);

impl Drop for Severing {
    fn drop(&mut self) {
        self.0.sever();
    }
}

/// One connection.
pub(super) struct Core {
    severing: Severing,
    pub(super) client: Client,
    pub(super) wire: Arc<Wire>,
    pub(super) handle: Arc<PgHandle>,
    pub(super) statements: Statements,
    /// Whether an error made the session unusable.
    broken: bool,
    /// What the server said last of the transaction, where it has to be asked: on Unix sockets.
    asked: Option<LinkState>,
    pub(super) cursors: u64,
    /// Whether the savepoint is set that keeps the cancel of a cursor from its transaction.
    pub(super) is_guarded: bool,
}

impl Core {
    pub(super) fn new(
        client: Client,
        wire: Arc<Wire>,
        handle: Arc<PgHandle>,
        statement_cache: usize,
        keeps_statements: bool,
        epoch: Epoch,
    ) -> Core {
        let statements = Statements::new(statement_cache, keeps_statements, wire.is_plugged(), epoch);
        Core {
            severing: Severing(Arc::clone(&wire)),
            client,
            wire,
            handle,
            statements,
            broken: false,
            asked: None,
            cursors: 0,
            is_guarded: false,
        }
    }

    /// The error that an error of the client library means, with what it does to the session.
    #[cold]
    pub(super) fn failed(&mut self, native: Native) -> Error {
        self.asked = None;
        self.wire.rest();
        if native.as_db_error().is_none() && native.to_string() == "unexpected message from server" {
            // Nothing else begins a conversation that the client library does not know.
            self.broken |= self.wire.status().is_none() && !self.wire.is_waiting();
            return Error::new(
                ErrorKind::Unsupported,
                "COPY from and to the client does not go through a statement: load rows with bulk_insert, and for the rest \
                 use the driver's own connection (raw)",
            )
            .with_effect(Effect::NotApplied);
        }
        self.broken |= is_fatal(&native);
        of_statement(native)
    }

    pub(super) fn state(&mut self) -> LinkState {
        if self.broken || self.wire.is_severed() {
            return LinkState::Unknown;
        }
        if !self.wire.is_plugged() {
            return self.ask_state();
        }
        if self.wire.is_waiting() {
            self.settle();
        }
        match self.wire.status() {
            Some(b'I') if !self.broken => LinkState::Idle,
            Some(b'T') if !self.broken => LinkState::Open,
            Some(b'E') if !self.broken => LinkState::Failed,
            _ => LinkState::Unknown,
        }
    }

    /// Brings the conversation to where nothing is on its way.
    pub(super) fn settle(&mut self) {
        self.broken |= self.client.is_valid(SETTLING).is_err();
    }

    /// Whether the state is known without a word to the server.
    pub(super) fn knows_state(&self) -> bool {
        self.broken || self.wire.is_severed() || (self.wire.is_plugged() && !self.wire.is_waiting())
    }

    /// A savepoint can be set in an open transaction, and nowhere else.
    fn ask_state(&mut self) -> LinkState {
        if let Some(state) = self.asked {
            return state;
        }
        let asked = self.client.batch_execute("SAVEPOINT pontoon_asks; RELEASE SAVEPOINT pontoon_asks");
        let state = match &asked {
            Ok(()) => LinkState::Open,
            Err(native) => match native.code().map(postgres::error::SqlState::code) {
                Some("25P01") => LinkState::Idle,
                Some("25P02") => LinkState::Failed,
                _ => {
                    self.broken = true;
                    LinkState::Unknown
                }
            },
        };
        self.asked = Some(state);
        state
    }

    /// After a statement that succeeded: one that only reads or writes rows has not ended or begun a transaction.
    pub(super) fn ran(&mut self, kind: StatementKind) {
        if !matches!(kind, StatementKind::Read | StatementKind::Write) {
            self.asked = None;
        }
    }

    /// Whoever has the client itself can do anything.
    pub(super) fn lend(&mut self) -> &mut Client {
        // If it fails, so does what the client is used for: the transaction has failed with it.
        let _ = self.free();
        self.asked = None;
        &mut self.client
    }

    pub(super) fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        let time = call.remaining().unwrap_or(Duration::from_secs(10));
        self.client.is_valid(time).map_err(|native| {
            self.broken = true;
            match native.to_string() {
                text if text.starts_with("timeout") => {
                    Error::new(ErrorKind::Timeout, "the server did not answer in time")
                }
                _ => self.failed(native),
            }
        })
    }

    /// One text, which may hold several statements that are one to the server.
    pub(super) fn run(&mut self, text: &str) -> Result<()> {
        if text.len() > LONGEST {
            return Err(too_long("the statement is"));
        }
        self.asked = None;
        self.client.batch_execute(text).map_err(|native| self.failed(native))?;
        self.statements.epoch().ran(text);
        Ok(())
    }

    /// The statements of a script, each on its own: as one message they would be one transaction.
    pub(super) fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        if script.contains('\0') {
            return Err(nul("the script"));
        }
        for statement in split_script(script, &POSTGRES) {
            let statement = statement?;
            call.check()?;
            self.run(statement.text).map_err(|error| match error.kind() {
                ErrorKind::Syntax | ErrorKind::UndefinedObject if has_parameters(statement.text) => Error::new(
                    ErrorKind::Parameter,
                    "a script has no parameters: run the statements that have some one by one",
                )
                .with_effect(Effect::NotApplied)
                .with_source(error),
                _ => error,
            })?;
        }
        Ok(())
    }

    pub(super) fn execute(&mut self, call: &Call<'_>, bound: &Bound<'_>) -> Result<Executed> {
        call.check_first()?;
        if bound.sql.len() > LONGEST {
            return Err(too_long("the statement is"));
        }
        if bound.values.is_empty() && !self.statements.is_worth_it(&bound.sql) {
            return self.execute_unprepared(&bound.sql);
        }
        let (kind, rows) = self.with_prepared(&bound.sql, bound, |core, prepared, params| {
            // Rows are thrown away, in whatever form they come; every type has a text.
            let text = prepared.shape.is_some();
            core.wire.ask_for_text(text);
            let executed = core.execute_native(prepared, params);
            core.wire.ask_for_text(false);
            executed.map(|rows| (prepared.kind, rows)).map_err(Failure::Native)
        })?;
        self.ran(kind);
        self.statements.epoch().ran(&bound.sql);
        Ok(outcome(kind, rows))
    }

    fn execute_unprepared(&mut self, sql: &str) -> Result<Executed> {
        self.wire.ask_for_text(true);
        let executed = self.client.execute_typed(sql, &[]);
        self.wire.ask_for_text(false);
        let rows = executed.map_err(|native| self.failed(native))?;
        let kind = kind_of(sql);
        self.ran(kind);
        self.statements.epoch().ran(sql);
        Ok(outcome(kind, rows))
    }

    /// Prepares, binds and runs. A statement that the server has forgotten, or whose result has changed with its tables, is
    /// prepared anew, once; in a transaction the server lets nothing run after that error, so there it is the caller's to
    /// begin again.
    pub(super) fn with_prepared<T>(
        &mut self,
        sql: &str,
        bound: &Bound<'_>,
        mut run: impl FnMut(&mut Core, &Arc<Prepared>, &[&(dyn ToSql + Sync)]) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut healed = false;
        loop {
            let (prepared, is_old) = match self.statements.prepare(&mut self.client, &self.wire, sql) {
                Ok(prepared) => prepared,
                Err(native) => {
                    // The client library keeps statements of its own, to look types up; if those are gone it cannot go on.
                    self.broken |= is_lost(&native);
                    return Err(self.failed(native));
                }
            };
            let encoded = match encode_all(bound, &prepared) {
                Ok(encoded) => encoded,
                // The types of parameters are those of the time when it was prepared; its tables may have others now.
                Err(_) if is_old => {
                    self.statements.forget(sql);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let params: Vec<&(dyn ToSql + Sync)> = encoded.iter().map(|value| value as _).collect();
            let native = match run(self, &prepared, &params) {
                Ok(value) => return Ok(value),
                Err(Failure::Ours(error)) => return Err(error),
                Err(Failure::Native(native)) => native,
            };
            let is_mistaken = is_old && (is_of_a_type(&native) || (prepared.text.is_some() && is_refused(&native)));
            if !is_stale(&native) && !is_lost(&native) && !is_mistaken {
                return Err(self.failed(native));
            }
            self.statements.forget(sql);
            let error = self.failed(native);
            match self.state() {
                // Only if it was prepared for other types than it would be now.
                LinkState::Idle if !healed && is_mistaken => {
                    healed = true;
                    let again = self
                        .statements
                        .prepare(&mut self.client, &self.wire, sql)
                        .map_err(|native| self.failed(native))?;
                    if again.0.native.params() == prepared.native.params() {
                        return Err(error);
                    }
                }
                LinkState::Idle if !healed => healed = true,
                LinkState::Failed if !is_mistaken => {
                    let why = match error.sqlstate() {
                        Some("26000") => "the server has forgotten a statement that was prepared",
                        _ => "a table of this statement was changed after the statement was prepared",
                    };
                    return Err(Error::new(
                        ErrorKind::Serialization,
                        format!("{why}, and PostgreSQL ends the transaction for it: begin the transaction again"),
                    )
                    .with_effect(Effect::NotApplied)
                    .with_sqlstate(error.sqlstate().unwrap_or_default())
                    .with_source(error));
                }
                _ => return Err(error),
            }
        }
    }

    /// A statement that has just run, for runs that do without the client.
    pub(super) fn prepare(&mut self, sql: &str) -> Result<Arc<Prepared>> {
        let known = self.statements.prepare(&mut self.client, &self.wire, sql);
        known.map(|(prepared, _)| prepared).map_err(|native| self.failed(native))
    }

    /// Runs a statement whose rows nobody reads.
    pub(super) fn execute_native(
        &mut self,
        prepared: &Prepared,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Native> {
        match &prepared.text {
            Some(text) => self.client.execute_typed(text, &typed(prepared, params)),
            None => self.client.execute(&prepared.native, params),
        }
    }

    /// Runs a statement whose rows are to be read.
    pub(super) fn query_native<'c>(
        client: &'c mut Client,
        prepared: &Prepared,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<RowIter<'c>, Native> {
        match &prepared.text {
            Some(text) => client.query_typed_raw(text, typed(prepared, params)),
            None => client.query_raw(&prepared.native, params.iter().copied()),
        }
    }

    /// Ends the running statement from here and waits for the proof that the cancel is over.
    pub(super) fn cancel(&mut self) {
        use crate::driver::{Fence, Handle};
        if self.handle.cancel(Instant::now() + SETTLING) == Fence::NotFenced {
            self.broken = true;
            self.wire.sever();
        }
    }

    /// `SELECT 1` fails in a transaction that is aborted, where COMMIT alone would be answered as if all were well and roll back.
    pub(super) fn commit(&mut self) -> CommitOutcome {
        self.asked = None;
        match self.client.batch_execute("SELECT 1; COMMIT") {
            Ok(()) => match self.state() {
                LinkState::Idle => CommitOutcome::Committed,
                state => CommitOutcome::Unknown(Error::new(
                    ErrorKind::CommitUnknown,
                    format!(
                        "COMMIT was accepted, but the server does not say that the transaction is over ({state:?})"
                    ),
                )),
            },
            Err(native) => {
                let error = self.failed(native);
                match self.state() {
                    LinkState::Idle | LinkState::Failed => CommitOutcome::RolledBack(error),
                    LinkState::Open => CommitOutcome::StillOpen(error),
                    LinkState::Unknown => CommitOutcome::Unknown(error.with_effect(Effect::Unknown)),
                }
            }
        }
    }

    pub(super) fn reset(&mut self, how: Reset) -> Result<()> {
        if how == Reset::Full {
            self.statements.clear();
            // What the client library has prepared for itself must stay, so DISCARD ALL is not for us.
            let asked = "SELECT pg_catalog.quote_ident(name) FROM pg_catalog.pg_prepared_statements WHERE from_sql";
            let rows = self.client.simple_query(asked).map_err(|native| self.failed(native))?;
            let names = rows.iter().filter_map(|row| match row {
                postgres::SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            let forget: String = names.map(|name| format!("DEALLOCATE {name}; ")).collect();
            self.run(&format!("{forget}DISCARD PLANS"))?;
            self.client.clear_type_cache();
        }
        self.run(LIGHT_RESET)?;
        // What came for the borrower before he left.
        let mut waiting = self.client.notifications();
        while let Some(Ok(_)) = waiting.iter_next() {}
        Ok(())
    }

    pub(super) fn close(self) -> Result<()> {
        let Core { severing, client, .. } = self;
        let closed = client.close().map_err(of_statement);
        drop(severing);
        closed
    }
}

/// Takes what is there.
trait IterNext {
    fn iter_next(&mut self) -> Option<Result<postgres::Notification, Native>>;
}

impl IterNext for postgres::Notifications<'_> {
    fn iter_next(&mut self) -> Option<Result<postgres::Notification, Native>> {
        use postgres::fallible_iterator::FallibleIterator;
        self.iter().next().transpose()
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("broken", &self.broken).finish_non_exhaustive()
    }
}

/// "cached plan must not change result type". The SQLSTATE stands for much else.
fn is_stale(native: &Native) -> bool {
    native.as_db_error().is_some_and(|db| {
        db.code().code() == "0A000"
            && (db.routine() == Some("RevalidateCachedQuery") || db.message().contains("cached plan must not change"))
    })
}

/// A value that is no text of the parameter's type, or a type that does not fit its place.
fn is_of_a_type(native: &Native) -> bool {
    native.code().is_some_and(|code| code.code().starts_with("22") || code.code() == "42804")
}

/// The server does not understand the statement with the types that it was sent with.
fn is_refused(native: &Native) -> bool {
    native.code().is_some_and(|code| code.code().starts_with("42"))
}

/// The server has no statement of that name.
fn is_lost(native: &Native) -> bool {
    native.code().is_some_and(|code| code.code() == "26000")
}

/// Values with the types that the server told.
fn typed<'v>(prepared: &Prepared, params: &[&'v (dyn ToSql + Sync)]) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    params.iter().copied().zip(prepared.native.params().iter().cloned()).collect()
}

fn outcome(kind: StatementKind, rows: u64) -> Executed {
    // The server counts what SELECT returns too.
    let counts = !matches!(kind, StatementKind::Read | StatementKind::Ddl | StatementKind::Session);
    Executed::new(if counts { rows } else { 0 }, None)
}

fn has_parameters(text: &str) -> bool {
    Statement::parse(text, &POSTGRES).is_ok_and(|statement| statement.parameter_count() > 0)
}

#[cold]
pub(super) fn too_long(what: &str) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("{what} longer than the gigabyte that PostgreSQL takes in one message: send less at a time"),
    )
}

#[cold]
pub(super) fn nul(what: &str) -> Error {
    Error::new(
        ErrorKind::NulInText,
        format!("{what} has a NUL character, which no text of PostgreSQL can hold: send it as bytes, or without"),
    )
}

/// Writes all values for the types that the server inferred.
pub(super) fn encode_all<'v>(bound: &'v Bound<'_>, prepared: &Prepared) -> Result<Vec<Encoded<'v>>> {
    let values = &bound.values;
    let types = prepared.native.params();
    if types.len() != values.len() {
        return Err(Error::new(
            ErrorKind::Parameter,
            format!(
                "the server counts {} parameters in the statement, and {} values were given",
                types.len(),
                values.len()
            ),
        ));
    }
    let mut encoded = Vec::with_capacity(values.len());
    let mut length = 0_usize;
    for (at, (value, ty)) in values.iter().zip(types).enumerate() {
        if let Value::Text(text) | Value::Json(text) | Value::Other { text, .. } = value
            && text.contains('\0')
        {
            return Err(nul(&format!("parameter {}", bound.parameter(at))));
        }
        let value = encode(value, ty).map_err(|why| {
            Error::new(
                ErrorKind::Conversion,
                format!("parameter {} cannot be sent as {}: {why}", bound.parameter(at), ty.name()),
            )
            .with_effect(Effect::NotSent)
        })?;
        length = length.saturating_add(value.as_bytes().len());
        if length > LONGEST {
            return Err(too_long("the parameters are"));
        }
        encoded.push(value);
    }
    Ok(encoded)
}
