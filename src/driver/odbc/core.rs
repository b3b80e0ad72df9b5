//! One connection, and what its statements are made of.

use std::cell::Cell;
use std::sync::Arc;

use odbc_api::Connection;
use odbc_api::handles::StatementImpl;
use odbc_api::sys::InfoType;

use super::connection_string::ConnectionString;
use super::error::{Diagnosis, of_statement};
use super::family::{self, Text};
use super::params::{Binding, Parameter};
use super::rows::{Failure, Rows};
use super::run::{Run, Stopped};
use super::source::Shared;
use super::statements::{Prepared, Statements, is_stale};
use crate::driver::foreign::known::{self, Known, Style};
use crate::driver::foreign::probe::Probe;
use crate::driver::foreign::statement::{begins_with, is_plain};
use crate::driver::raw::odbc::{Keeper, Lent, Once, Running, What, info, number};
use crate::driver::{Call, LinkState};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::{Dialect, Statement, StatementKind};

pub(super) struct Core {
    pub(super) conn: Keeper<Prepared>,
    pub(super) statements: Statements,
    pub(super) shared: Arc<Shared>,
    pub(super) running: Arc<Running>,
    pub(super) known: &'static Known,
    pub(super) dialect: &'static Dialect,
    pub(super) binding: Binding,
    /// Whether a value that a block had too little room for can be had from it again.
    pub(super) fetches_again: bool,
    /// Whether moments come without their offset, because it is always UTC.
    pub(super) in_utc: bool,
    /// What the database said last, as long as nothing has run that can have changed it.
    state: Cell<Option<LinkState>>,
    /// A transaction of ODBC's own is open: autocommit is off.
    pub(super) manual: Cell<bool>,
    dead: Cell<bool>,
}

/// `SQL_GD_BLOCK` and `SQL_GD_BOUND`: a column that is bound can be read again, from any row of a block.
const FETCHES_AGAIN: u32 = 4 | 8;

impl Core {
    pub(super) fn new(
        connection: Connection<'static>,
        shared: Arc<Shared>,
        running: Arc<Running>,
        settings: &ConnectionString,
    ) -> Result<Core> {
        let product = connection.database_management_system_name().unwrap_or_default();
        let file = info(&connection, InfoType::DriverName).unwrap_or_default();
        let known = match shared.given_dialect {
            Some(known) => known,
            None => known::by_product(&product),
        };
        let family = family::of(&file);
        let text = shared.settings.text.unwrap_or(family.text);
        let fetches_again = family.fetches_again
            && number(&connection, InfoType::GetDataExtensions)
                .is_some_and(|extensions| extensions & FETCHES_AGAIN == FETCHES_AGAIN);
        Ok(Core {
            statements: Statements::of(&connection, &shared, family),
            conn: Keeper::new(connection),
            shared,
            running,
            known,
            dialect: known.dialect(Style::Question),
            binding: Binding { family, text },
            fetches_again,
            in_utc: family::is_in_utc(settings),
            state: Cell::new(Some(LinkState::Idle)),
            manual: Cell::new(false),
            dead: Cell::new(false),
        })
    }

    /// The driver's own connection.
    pub(super) fn connection(&self) -> Result<&Connection<'static>> {
        self.conn.connection().ok_or_else(closed)
    }

    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection<'static>> {
        // What is done with it nobody knows.
        self.state.set(None);
        self.conn.connection_mut()
    }

    pub(super) fn statement(&self) -> Result<StatementImpl<'_>> {
        let allocated = self.connection()?.preallocate().map_err(|error| self.failed(&Diagnosis::of(error)))?;
        Ok(allocated.into_handle())
    }

    /// What the driver said, as an error; a connection that is dead is remembered.
    #[cold]
    pub(super) fn failed(&self, diagnosis: &Diagnosis) -> Error {
        self.state.set(None);
        let (error, dead) = of_statement(&self.shared.config, self.binding.family, self.known.engine, diagnosis);
        // One that comes between two calls to the driver closes the cursor, and the next call finds none.
        let is_cut_off = diagnosis.state() == "HY010" && self.running.was_cancelled();
        let error = if is_cut_off { error.with_kind(ErrorKind::Cancelled) } else { error };
        // Where nobody can be asked, nobody knows what an error has left of a transaction.
        if dead || (self.manual.get() && !self.is_told()) {
            self.dead.set(true);
        }
        error
    }

    /// Runs calls to the driver that read a result, open to be cancelled where they may have to wait.
    pub(super) fn reading<'l, L: Lent, T>(&self, lent: &'l mut L, work: impl FnOnce(&'l mut L) -> T) -> T {
        if self.binding.family.stores_results { work(lent) } else { self.running.during(lent, work) }
    }

    /// Lets the connection swallow a cancel that was sent and may have come too late for its statement.
    pub(super) fn swallow_cancel(&self) -> Result<()> {
        if self.running.take_cancelled()
            && let Some(fence) = self.binding.family.fence
            && let Err(error) = self.run(fence, |_, mut rows| rows.only_number().map(drop))
            && error.kind() != ErrorKind::Cancelled
        {
            return Err(error);
        }
        Ok(())
    }

    /// Before a call to the driver.
    pub(super) fn enter(&self, call: &Call<'_>) -> Result<()> {
        call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
        self.swallow_cancel()
    }

    /// Runs a text and hands its rows, if it has any, to `read`. Returns how many rows it changed, if the driver knows.
    pub(super) fn run(
        &self,
        sql: &str,
        read: impl FnOnce(&Core, Rows<'_>) -> Result<(), Failure>,
    ) -> Result<Option<u64>> {
        self.run_with(true, sql, &[], read)
    }

    /// The same with parameters; `interruptible` is false for what a cancel must not reach.
    pub(super) fn run_with(
        &self,
        interruptible: bool,
        sql: &str,
        parameters: &[Parameter],
        read: impl FnOnce(&Core, Rows<'_>) -> Result<(), Failure>,
    ) -> Result<Option<u64>> {
        if let Some(at) = sql.find('\0') {
            return Err(Error::new(
                ErrorKind::NulInText,
                format!("a NUL character at byte {at} of the statement, at which ODBC drivers cut it"),
            ));
        }
        // Some drivers take what is behind the last semicolon for another statement, also when it is nothing.
        let sql = sql.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        let before = self.state.replace(None);
        // Texts in ASCII mean the same either way, and the narrow way is the one every driver has.
        let wide = self.binding.text == Text::Wide && !sql.is_ascii();
        let mut run = Run { core: self, interruptible, parameters, read: Some(read), shapes: None };
        if let Some(mut taken) = self.prepared(sql, wide, parameters) {
            run.shapes = taken.of().shapes.take();
            match run.prepared(&mut taken) {
                Ok(changed) => {
                    taken.of().shapes = run.shapes;
                    // A cancel that came beside it may have left anything on the handle.
                    if !self.running.was_cancelled() {
                        taken.keep(self.statements.most());
                    }
                    self.keep(before, sql);
                    return Ok(changed);
                }
                // Outside of a transaction a statement that was refused as it was prepared has done nothing.
                Err(Stopped::Native(diagnosis))
                    if run.read.is_some() && before == Some(LinkState::Idle) && is_stale(&diagnosis) => {}
                Err(Stopped::Native(diagnosis)) => return Err(self.failed(&diagnosis)),
                Err(Stopped::Ours(error)) => return Err(error),
            }
            run.shapes = None;
        }
        let mut statement = self.statement()?;
        match run.once(&mut Once::new(&mut statement), What::Text { sql, wide }) {
            Ok(changed) => {
                self.keep(before, sql);
                self.ran(sql);
                Ok(changed)
            }
            Err(Stopped::Native(diagnosis)) => Err(self.failed(&diagnosis)),
            Err(Stopped::Ours(error)) => Err(error),
        }
    }

    /// A plain statement that succeeded cannot have begun or ended a transaction, so the database need not be asked.
    fn keep(&self, before: Option<LinkState>, sql: &str) {
        if self.state.get().is_none() && is_plain(sql) {
            self.state.set(before);
        }
    }

    /// Whether a statement that has rows may have done more than to read them.
    pub(super) fn may_write(&self, sql: &str) -> Result<bool> {
        if begins_with(sql, &["SELECT", "VALUES"]) {
            return Ok(false);
        }
        Ok(Statement::parse(sql, self.dialect)?.kind() != StatementKind::Read)
    }

    /// Runs a text of one statement without parameters.
    pub(super) fn verb(&self, call: &Call<'_>, sql: &str) -> Result<()> {
        self.enter(call)?;
        self.run(sql, |_, mut rows| rows.count(call).map(drop)).map(drop)
    }

    /// The one number that a query gives.
    pub(super) fn number(&self, sql: &str) -> Result<Option<i64>> {
        let mut number = None;
        self.run(sql, |_, mut rows| {
            number = rows.only_number()?;
            Ok(())
        })?;
        Ok(number)
    }

    /// What the database said last, if nothing has happened since.
    pub(super) fn known_state(&self) -> Option<LinkState> {
        if self.dead.get() { Some(LinkState::Unknown) } else { self.state.get() }
    }

    pub(super) fn set_state(&self, state: LinkState) {
        self.state.set(Some(state));
    }

    /// Asks the database what is open.
    pub(super) fn ask(&self) -> LinkState {
        let run = |sql: &str| self.run(sql, |_, mut rows| rows.only_number().map(drop)).map(drop);
        let told = self.known.probe.ask(run, |sql| self.number(sql));
        told.unwrap_or(if self.manual.get() { LinkState::Open } else { LinkState::Idle })
    }

    /// Nobody can tell what an error has left behind, where the database cannot be asked.
    pub(super) fn is_told(&self) -> bool {
        self.known.probe != Probe::None
    }

    pub(super) fn doubt(&self) {
        self.dead.set(true);
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::ConnectionLost, "the connection is closed").with_effect(Effect::NotSent)
}
