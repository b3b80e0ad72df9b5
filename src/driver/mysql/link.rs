//! A connection.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Params as NativeParams, Statement as Prepared, Value as NativeValue};

use super::connect::Connector;
use super::error::{INTERRUPTED, NOT_PREPARABLE, is_fatal, number_of};
use super::infile::Refused;
use super::reach::{Canceller, Reach};
use super::reading::{Answer, Fault, take_in};
use super::server::Server;
use super::transaction::Known;
use super::values::{Moments, bind_all, length_of};
use super::verb::Verb;
use super::{bulk, catalog, many, plain, verb};
use crate::driver::{BulkPath, Call, Catalog, Executed, Handle, Link, LinkState, Reset, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::row::Columns;
use crate::sql::{Bound, Dialect, Sets, Statement, TxOptions, split_script};
use crate::value::Value;

/// What a statement costs beside its text and its values, and more.
const PACKET_OVERHEAD: usize = 1024;

/// One connection.
pub(super) struct MysqlLink {
    pub(super) conn: Conn,
    pub(super) connector: Arc<Connector>,
    pub(super) server: Server,
    reach: Arc<Reach>,
    refused: Refused,
    known: Known,
    /// Later statements may mean something else than when they were prepared: the database or a mode was changed.
    has_moved: bool,
    /// Something happened after which no answer can be believed to be that of its question.
    is_broken: bool,
    /// Whether many sets of parameters can be one command; `None` before it was needed.
    takes_sets: Option<bool>,
}

impl MysqlLink {
    pub(super) fn new(
        conn: Conn,
        connector: Arc<Connector>,
        server: Server,
        reach: Reach,
        refused: Refused,
    ) -> MysqlLink {
        MysqlLink {
            conn,
            connector,
            server,
            reach: Arc::new(reach),
            refused,
            known: Known::idle(),
            has_moved: false,
            is_broken: false,
            takes_sets: None,
        }
    }

    pub(super) fn moments(&self) -> Moments {
        let zone = self.connector.settings.time_zone.as_ref().and_then(super::zone::Zone::offset);
        Moments { zone, is_strict: self.server.is_strict }
    }

    /// Makes sure that the connection can be used, and that no cancel of an earlier statement is left in it.
    fn ready(&mut self, call: &Call<'_>) -> Result<()> {
        call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
        if !self.is_broken() && self.take_in_kill() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::ConnectionLost, "the connection is of no use any more after an earlier error")
            .with_effect(Effect::NotSent))
    }

    fn is_broken(&self) -> bool {
        self.is_broken || self.reach.is_severed()
    }

    /// A KILL QUERY that came too late for its statement hits the next one: so that is one which does nothing. False when
    /// the connection broke over it.
    fn take_in_kill(&mut self) -> bool {
        if !self.reach.take_killed() {
            return true;
        }
        let is_over = match self.conn.query_drop("DO 0") {
            Ok(()) => true,
            Err(error) => number_of(&error) == Some(INTERRUPTED),
        };
        self.is_broken |= !is_over;
        is_over
    }

    /// Runs a statement on the terms of a call.
    fn run(&mut self, call: &Call<'_>, bound: &Bound<'_>, sink: Option<&mut dyn RowSink>) -> Result<(Verb, Answer)> {
        let sql = &*bound.sql;
        let values = bound.values.iter().map(Value::as_ref);
        // Before anything is copied.
        self.check_bytes(sql.len() + values.clone().map(length_of).sum::<usize>())?;
        let values = bind_all(values, self.moments(), |at| bound.parameter(at))?;
        self.check_size(sql, &values)?;
        self.ready(call)?;
        let verb = Verb::of(sql);
        let outcome = self.prepare_and_run(sql, values, verb, sink);
        self.after(verb, outcome).map(|answer| (verb, answer))
    }

    fn prepare_and_run(
        &mut self,
        sql: &str,
        values: Vec<NativeValue>,
        verb: Verb,
        sink: Option<&mut dyn RowSink>,
    ) -> std::result::Result<Answer, Fault> {
        if values.is_empty() && has_name_behind_colon(sql) {
            return self.run_text(sql, sink);
        }
        match self.prepared(sql) {
            Ok(prepared) => {
                if sink.is_some() && prepared.num_columns() == 0 && verb.has_no_rows() && !self.has_returning(sql) {
                    return Err(Fault::Ours(no_rows()));
                }
                self.run_prepared(&prepared, values, sink)
            }
            Err(error) if number_of(&error) == Some(NOT_PREPARABLE) && values.is_empty() => {
                if sink.is_some() && verb.has_no_rows() {
                    return Err(Fault::Ours(no_rows()));
                }
                self.run_text(sql, sink)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The statement as it is to be understood now. The server keeps with each that it has prepared the database and the
    /// mode of that time, so what was prepared before they changed is prepared anew.
    fn prepared(&mut self, sql: &str) -> std::result::Result<Prepared, mysql::Error> {
        let prepared = self.conn.prep(sql)?;
        if !self.has_moved {
            return Ok(prepared);
        }
        self.conn.close(prepared)?;
        self.conn.prep(sql)
    }

    pub(super) fn prepare(&mut self, call: &Call<'_>, sql: &str) -> Result<Prepared> {
        self.ready(call)?;
        match self.prepared(sql) {
            Ok(prepared) => Ok(prepared),
            Err(native) => Err(self.failed(native)),
        }
    }

    /// MariaDB tells of the columns of a `RETURNING` when it has run.
    pub(super) fn has_returning(&self, sql: &str) -> bool {
        Statement::parse(sql, self.dialect()).is_ok_and(|statement| statement.has_returning())
    }

    /// Whether a statement that writes does in a command of many sets what it does with each alone.
    pub(super) fn is_the_same_with_each_set(&self, sql: &str) -> bool {
        verb::runs_anew_with_each_set(sql) || plain::is_plain_insert(sql, self.dialect())
    }

    fn run_prepared(
        &mut self,
        prepared: &Prepared,
        values: Vec<NativeValue>,
        sink: Option<&mut dyn RowSink>,
    ) -> std::result::Result<Answer, Fault> {
        let zone = self.moments().zone;
        let params = if values.is_empty() { NativeParams::Empty } else { NativeParams::Positional(values) };
        take_in(self.conn.exec_iter(prepared, params)?, &self.reach, zone, sink)
    }

    /// As text, which every statement can be. The caller has seen to it that it is one.
    fn run_text(&mut self, sql: &str, sink: Option<&mut dyn RowSink>) -> std::result::Result<Answer, Fault> {
        let zone = self.moments().zone;
        take_in(self.conn.query_iter(sql)?, &self.reach, zone, sink)
    }

    /// Runs a statement of which nothing is wanted but its effect, as text.
    pub(super) fn run_alone(&mut self, call: &Call<'_>, sql: &str) -> Result<Executed> {
        self.check_size(sql, &[])?;
        self.ready(call)?;
        let verb = Verb::of(sql);
        let outcome = self.run_text(sql, None);
        let answer = self.after(verb, outcome)?;
        Ok(self.executed(verb, answer))
    }

    /// Runs a prepared statement of which nothing is wanted but its effect.
    pub(super) fn run_again(&mut self, prepared: &Prepared, verb: Verb, values: Vec<NativeValue>) -> Result<Executed> {
        let outcome = self.run_prepared(prepared, values, None);
        let answer = self.after(verb, outcome)?;
        Ok(self.executed(verb, answer))
    }

    /// Whether the server runs a statement with many sets of parameters as one command, as MariaDB does since 10.2. The
    /// crate keeps it to itself, and sends them one by one where not; so it is asked with a statement that does nothing,
    /// and that the server refuses as such a command.
    pub(super) fn takes_sets(&mut self) -> bool {
        if let Some(known) = self.takes_sets {
            return known;
        }
        let asked = self.server.is_mariadb.then(|| self.conn.exec_batch("DO ?", [(1,)]));
        let takes_sets = match asked {
            Some(Err(native)) if number_of(&native) == Some(NOT_PREPARABLE) => true,
            Some(Err(native)) => {
                // No answer to this question, as when the statement is cancelled meanwhile.
                self.is_broken |= is_fatal(&native);
                return false;
            }
            Some(Ok(())) | None => false,
        };
        self.takes_sets = Some(takes_sets);
        takes_sets
    }

    /// Runs a prepared statement with many sets of parameters, as one command, where the server
    /// [takes them](Self::takes_sets). Returns the rows affected in all.
    pub(super) fn run_together(&mut self, prepared: &Prepared, verb: Verb, sets: &[Vec<NativeValue>]) -> Result<u64> {
        let params = sets.iter().map(|values| NativeParams::Positional(values.clone()));
        let outcome = self.conn.exec_batch(prepared, params).map(|()| Answer::default());
        self.after(verb, outcome.map_err(Fault::Native))?;
        Ok(self.conn.affected_rows())
    }

    /// Goes back to a savepoint; false where it is gone, or where something stays that no savepoint takes back.
    pub(super) fn went_back(&mut self, call: &Call<'_>, rollback: &str) -> bool {
        self.run_alone(call, rollback).is_ok() && self.conn.warnings() == 0
    }

    /// Runs a statement and gives its rows as the crate has them, for the driver's own use.
    pub(super) fn rows(&mut self, call: &Call<'_>, sql: &str, values: &[Value]) -> Result<Vec<mysql::Row>> {
        let values = bind_all(values.iter().map(Value::as_ref), self.moments(), |at| (at + 1).to_string())?;
        self.ready(call)?;
        self.conn.exec(sql, NativeParams::Positional(values)).map_err(|native| self.failed(native))
    }

    /// Has the socket keep the deadline of a call, on a connection that no worker watches over.
    pub(super) fn bound_by(&self, call: &Call<'_>) -> Result<()> {
        // A timeout of nothing would be none at all.
        let left = call.remaining().map(|left| left.max(Duration::from_millis(1)));
        self.reach.set_patience(left).map_err(|error| self.connector.of_native(error.into()))
    }

    /// What follows from how a statement ended.
    fn after(&mut self, verb: Verb, outcome: std::result::Result<Answer, Fault>) -> Result<Answer> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(Fault::Native(native)) => return Err(self.failed(native)),
            Err(Fault::Ours(error)) => {
                self.known.forget();
                return Err(error);
            }
        };
        self.known.learn(&self.conn, verb, answer.has_rows);
        self.has_moved |= verb == Verb::Sets;
        if verb == Verb::Reads && answer.is_cancelled {
            // A function that waits, as SLEEP and GET_LOCK do, ends its wait then and gives a value as if nothing were wrong.
            return Err(Error::new(
                ErrorKind::Cancelled,
                "the statement was cancelled, and what the server answered all the same may be made up",
            ));
        }
        if self.refused.take() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the server asked for a file of this machine, as LOAD DATA LOCAL does, and was given an empty one: load \
                 rows with bulk_insert",
            )
            .with_effect(Effect::NotApplied));
        }
        if self.conn.no_backslash_escape() {
            // Until it is back, the end of a string is not where the scanner sees it.
            self.is_broken = true;
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the SQL mode NO_BACKSLASH_ESCAPES was switched on, under which strings end elsewhere; the connection is \
                 given up",
            )
            .with_effect(Effect::NotApplied));
        }
        Ok(answer)
    }

    fn failed(&mut self, native: mysql::Error) -> Error {
        self.known.forget();
        self.is_broken |= is_fatal(&native);
        self.connector.of_native(native)
    }

    fn executed(&self, verb: Verb, answer: Answer) -> Executed {
        let affected = match verb {
            // RETURNING: a row for each.
            Verb::Writes if answer.has_rows => answer.rows,
            Verb::Reads => 0,
            _ => self.conn.affected_rows(),
        };
        let key = self.conn.last_insert_id();
        Executed::new(affected, i64::try_from(key).ok().filter(|key| *key != 0))
    }

    /// A statement that is too large would be answered by the end of the connection.
    pub(super) fn check_size(&self, sql: &str, values: &[NativeValue]) -> Result<()> {
        self.check_bytes(sql.len() + values.iter().map(size_of_value).sum::<usize>() + PACKET_OVERHEAD)
    }

    pub(super) fn check_bytes(&self, bytes: usize) -> Result<()> {
        if bytes <= self.server.max_packet {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the statement has {bytes} bytes with its values, and the server takes {}: raise max_allowed_packet there, \
                 or send less at a time",
                self.server.max_packet
            ),
        ))
    }
}

impl Link for MysqlLink {
    fn dialect(&self) -> &'static Dialect {
        self.server.dialect()
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        let (verb, answer) = self.run(call, statement, None)?;
        Ok(self.executed(verb, answer))
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        let (_, answer) = self.run(call, statement, Some(&mut *sink))?;
        if !answer.has_rows {
            // Of a CALL, say, nobody knows beforehand.
            sink.columns(&Arc::new(Columns::new(Vec::new())))?;
        }
        Ok(())
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        for (number, statement) in split_script(script, self.dialect()).enumerate() {
            let result = statement.and_then(|statement| {
                let run = self.run_alone(call, statement.text);
                run.map_err(|error| by_its_parameters(error, statement.text, self.dialect()))
            });
            result.map_err(|error| match number {
                0 => error,
                _ => error.context(format_args!("statement {} of the script", number + 1)),
            })?;
        }
        Ok(())
    }

    fn state(&mut self) -> LinkState {
        if self.is_broken() || !self.take_in_kill() {
            return LinkState::Unknown;
        }
        if let Some(state) = self.known.state() {
            return state;
        }
        self.known.ask(&mut self.conn, &self.server).unwrap_or_else(|_| {
            self.is_broken = true;
            LinkState::Unknown
        })
    }

    fn knows_state(&self) -> bool {
        self.is_broken() || (self.known.state().is_some() && !self.reach.is_killed())
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.ready(call)?;
        self.conn.ping().map_err(|native| self.failed(native))
    }

    /// Both ways are the server's own reset, which leaves the connection and the login as they are and drops everything
    /// that a borrower can have left behind. Prepared statements go with it, and are prepared anew when they are used.
    fn reset(&mut self, call: &Call<'_>, _how: Reset) -> Result<()> {
        self.ready(call)?;
        self.conn.set_local_infile_handler(None);
        let connector = Arc::clone(&self.connector);
        let reset = self
            .conn
            .reset()
            .and_then(|()| connector.set_up(&mut self.conn))
            // Neither USE nor a role is undone by it.
            .and_then(|()| connector.database().map_or(Ok(()), |name| self.conn.select_db(name)))
            .and_then(|()| self.server.set_role.as_ref().map_or(Ok(()), |role| self.conn.query_drop(role)));
        reset.map_err(|native| self.failed(native))?;
        self.known.reset();
        self.has_moved = false;
        Ok(())
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(Canceller(Arc::clone(&self.reach)))
    }

    /// Lends the [`mysql::Conn`].
    fn raw(&mut self) -> &mut dyn Any {
        self.known.forget();
        &mut self.conn
    }

    fn close(self: Box<Self>) -> Result<()> {
        // The crate says good-bye when it is dropped.
        Ok(())
    }

    fn begin(&mut self, call: &Call<'_>, options: &TxOptions) -> Result<()> {
        let has_moved = self.has_moved;
        for (number, statement) in self.dialect().begin_statements(options)?.iter().enumerate() {
            let begun = self.run_alone(call, statement);
            // SET TRANSACTION changes no statement.
            self.has_moved = has_moved;
            if number > 0 && begun.is_err() {
                // The level that was set before is that of the next transaction, whosever that is.
                self.is_broken = true;
            }
            begun?;
        }
        Ok(())
    }

    fn execute_many(&mut self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        many::execute_many(self, call, sets)
    }

    fn bulk_insert(
        &mut self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        bulk::insert(self, call, table, columns, rows)
    }

    fn catalog(&mut self, call: &Call<'_>, request: &Catalog, sink: &mut dyn RowSink) -> Result<()> {
        let statement = catalog::statement(self.dialect(), request)?;
        self.query(call, &statement.bind(catalog::params(request))?, sink)
    }
}

impl Drop for MysqlLink {
    fn drop(&mut self) {
        if self.is_broken() {
            // Saying good-bye would wait for nobody.
            self.reach.sever();
        }
        self.reach.let_go();
    }
}

impl std::fmt::Debug for MysqlLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MysqlLink").field("server", &self.server).field("known", &self.known).finish_non_exhaustive()
    }
}

pub(super) fn size_of_value(value: &NativeValue) -> usize {
    match value {
        // With the two bytes of its type.
        NativeValue::Bytes(bytes) => bytes.len() + 11,
        _ => 15,
    }
}

/// The crate makes a parameter of every name behind a colon that is in no string and no comment. In a statement that has
/// none of ours it is something else: a label in a stored program.
fn has_name_behind_colon(sql: &str) -> bool {
    sql.as_bytes().windows(2).any(|pair| pair[0] == b':' && matches!(pair[1], b'a'..=b'z' | b'_'))
}

/// The server finds a parameter that stands in a script to be an error of syntax.
#[cold]
fn by_its_parameters(error: Error, text: &str, dialect: &'static Dialect) -> Error {
    let has_some = || Statement::parse(text, dialect).is_ok_and(|statement| statement.parameter_count() > 0);
    if error.kind() != ErrorKind::Syntax || !has_some() {
        return error;
    }
    Error::new(ErrorKind::Parameter, "a script has no parameters: run the statements that have some one by one")
        .with_source(error)
}

#[cold]
fn no_rows() -> Error {
    Error::new(ErrorKind::Misuse, "the statement returns no rows: run it with execute, or add a RETURNING clause")
        .with_effect(Effect::NotSent)
}
