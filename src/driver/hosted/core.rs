//! One connection, and what its statements are made of.

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use super::conversation::{Answer, Conversation, Trouble};
use super::error;
use super::frame::{Frame, garbage};
use super::message::{CLOSE_CURSOR, CONTROLS_TRANSACTION, DONE, Done, EXECUTE, FETCH, Head, QUERY, ROWS};
use super::rows::{self, put_set};
use super::socket::Packing;
use super::source::Shared;
use super::values;
use crate::driver::foreign::known::Known;
use crate::driver::foreign::statement::is_plain;
use crate::driver::way::Way;
use crate::driver::{BATCH_BYTES, Batcher, Call, Flow, LinkState, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect};
use crate::value::{Value, ValueRef};

/// The most rows that are asked for at once.
pub(super) const MOST_ROWS: u32 = 2048;

/// What a connection speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speech {
    pub(super) known: &'static Known,
    pub(super) dialect: &'static Dialect,
    /// Whether transactions are those of the host, and not of the dialect's own SQL.
    pub(super) by_host: bool,
    /// Whether statements can run inside each other.
    pub(super) nests: bool,
}

pub(super) struct Core {
    pub(super) talk: Conversation,
    pub(super) shared: Arc<Shared>,
    pub(super) packing: Packing,
    pub(super) speech: Speech,
    /// What the database said last, as long as nothing has run that can have changed it.
    state: Cell<Option<LinkState>>,
    /// A transaction of the host's is open.
    pub(super) manual: Cell<bool>,
}

impl Core {
    pub(super) fn new(talk: Conversation, shared: Arc<Shared>, packing: Packing, speech: Speech) -> Core {
        Core { talk, shared, packing, speech, state: Cell::new(Some(LinkState::Idle)), manual: Cell::new(false) }
    }

    /// What went wrong, as an error; a connection that is of no use any more is remembered.
    #[cold]
    pub(super) fn failed(&self, trouble: Trouble) -> Error {
        match trouble {
            Trouble::Ours(error) => error,
            Trouble::Said(report) => {
                let (error, usable) = error::of_statement(&self.shared.config, self.speech.known.engine, &report);
                self.state.set(report.state);
                // Where nobody can be asked, nobody knows what an error has left of a transaction.
                if !usable || (self.manual.get() && report.state.is_none() && !report.not_sent) {
                    self.talk.doubt();
                }
                error
            }
        }
    }

    /// Asks for something that changes what is open, or may.
    pub(super) fn ask(
        &self,
        call: Option<&Call<'_>>,
        kind: u8,
        fill: impl FnOnce(&mut Frame) -> Result<()>,
    ) -> Result<Answer> {
        self.state.set(None);
        let answer = self.talk.ask(call, kind, fill).map_err(|trouble| self.failed(trouble))?;
        self.state.set(answer.state);
        Ok(answer)
    }

    /// The same where the answer is that something was done.
    pub(super) fn done(
        &self,
        call: Option<&Call<'_>>,
        kind: u8,
        fill: impl FnOnce(&mut Frame) -> Result<()>,
    ) -> Result<Done> {
        let answer = self.ask(call, kind, fill)?;
        match answer.kind {
            DONE => Done::read(answer.body()).map_err(|error| self.talk.broken(error)),
            other => Err(self.talk.broken(garbage(format_args!("an answer of the type {other:#x}")))),
        }
    }

    /// The same for many sets; an error comes with the number of the set that it is of, where the host knows it.
    pub(super) fn many(
        &self,
        call: &Call<'_>,
        kind: u8,
        fill: impl FnOnce(&mut Frame) -> Result<()>,
    ) -> Result<Done, (Option<usize>, Error)> {
        self.state.set(None);
        let answer = self.talk.ask(Some(call), kind, fill).map_err(|trouble| {
            let set = match &trouble {
                Trouble::Said(report) => report.set,
                Trouble::Ours(_) => None,
            };
            (set, self.failed(trouble))
        })?;
        self.state.set(answer.state);
        Done::read(answer.body()).map_err(|error| (None, self.talk.broken(error)))
    }

    /// What the database said last, if nothing has happened since.
    pub(super) fn known_state(&self) -> Option<LinkState> {
        if self.talk.is_dead() { Some(LinkState::Unknown) } else { self.state.get() }
    }

    /// A plain statement that succeeded cannot have begun or ended a transaction, so the database need not be asked.
    pub(super) fn keep(&self, before: Option<LinkState>, sql: &str) {
        if self.state.get().is_none() && is_plain(sql) {
            self.state.set(before);
        }
    }

    pub(super) fn run(&self, call: Option<&Call<'_>>, flags: u8, sql: &str, values: &[Value]) -> Result<Done> {
        let before = self.state.get();
        let done = self.done(call, EXECUTE, |frame| {
            frame.u8(flags).text(sql);
            put_set(frame, self.packing, values.iter().map(Value::as_ref));
            Ok(())
        })?;
        self.keep(before, sql);
        Ok(done)
    }

    /// Pushes the rows of an answer, and those that follow it.
    pub(super) fn read(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        first: Answer,
        rows: u32,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        if first.kind != ROWS {
            return Err(self.talk.broken(garbage("rows were asked for and something else came")));
        }
        let mut cursor = Cursor { core: self, number: first.serial, wanted: rows, asked: None, is_open: true };
        cursor.read(place, call, first, sink)
    }

    /// Refuses values that the database does not have, by the names of their parameters.
    pub(super) fn check(&self, statement: &Bound<'_>) -> Result<()> {
        statement.values.iter().enumerate().try_for_each(|(at, value)| {
            values::check(self.speech.known.engine, value.as_ref())
                .map_err(|error| error.context(format_args!("parameter {}", statement.parameter(at))))
        })
    }

    /// Runs a text of one statement without parameters.
    pub(super) fn verb(&self, call: &Call<'_>, sql: &str) -> Result<()> {
        self.run(Some(call), CONTROLS_TRANSACTION, sql, &[]).map(drop)
    }

    /// What has run has changed nothing.
    pub(super) fn restore(&self, before: Option<LinkState>) {
        self.state.set(self.state.get().or(before));
    }

    pub(super) fn set_state(&self, state: LinkState) {
        self.state.set(Some(state));
    }

    /// Asks by SQL, as the dialect has it.
    pub(super) fn probe(&self) -> LinkState {
        let run = |sql: &str| self.run(None, CONTROLS_TRANSACTION, sql, &[]).map(drop);
        let told = self.speech.known.probe.ask(run, |sql| self.number(sql));
        told.unwrap_or(if self.manual.get() { LinkState::Open } else { LinkState::Idle })
    }

    /// The one number that a query gives.
    fn number(&self, sql: &str) -> Result<Option<i64>> {
        let answer = self.ask(None, QUERY, |frame| {
            frame.text(sql);
            put_set(frame, self.packing, std::iter::empty::<ValueRef<'_>>());
            frame.u32(2).u32(BATCH_BYTES as u32);
            Ok(())
        })?;
        match answer.kind {
            ROWS => rows::first_number(&answer, self.packing).map_err(|error| self.talk.broken(error)),
            _ => Ok(None),
        }
    }
}

/// Rows that are being read.
struct Cursor<'c> {
    core: &'c Core,
    number: u32,
    /// How many rows were asked for last.
    wanted: u32,
    /// The request for the next rows, if it was sent.
    asked: Option<u32>,
    is_open: bool,
}

impl Cursor<'_> {
    fn read(
        &mut self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        mut answer: Answer,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let core = self.core;
        let broken = |error| core.talk.broken(error);
        let mut body = answer.body();
        let mut head = Head::read(&mut body).map_err(broken)?;
        self.is_open = !head.is_last;
        let Some(columns) = head.columns.take() else {
            return Err(broken(garbage("rows without their columns")));
        };
        let mut batcher = Batcher::new(sink, columns)?;
        let mut inside = Way::again(place);
        let mut is_first = true;
        loop {
            // The next rows are packed while these are used; not behind the first, where many readers have enough.
            if self.is_open && !is_first {
                self.ask_for_more(call)?;
            }
            let again = core.speech.nests.then_some(&mut inside as &mut dyn crate::driver::Link);
            let flow = rows::push(body, &head, core.packing, &mut batcher, again).inspect_err(|error| {
                // Rows that cannot be read are the end of the connection; a value that does not fit is not.
                if error.kind() == ErrorKind::ConnectionLost {
                    core.talk.doubt();
                }
            })?;
            if flow == Flow::Stop {
                return Ok(());
            }
            if !self.is_open {
                return batcher.finish();
            }
            call.check()?;
            if self.asked.is_none() {
                self.ask_for_more(call)?;
            }
            is_first = false;
            answer = self.take()?;
            body = answer.body();
            head = Head::read(&mut body).map_err(broken)?;
            self.is_open = !head.is_last;
        }
    }

    fn ask_for_more(&mut self, call: &Call<'_>) -> Result<()> {
        self.wanted = (self.wanted * 2).min(MOST_ROWS);
        let sent = self.core.talk.send(Some(call), FETCH, |frame| {
            frame.u32(self.number).u32(self.wanted).u32(BATCH_BYTES as u32);
            Ok(())
        })?;
        self.asked = Some(sent);
        Ok(())
    }

    fn take(&mut self) -> Result<Answer> {
        let Some(asked) = self.asked.take() else {
            return Err(Error::new(ErrorKind::Internal, "rows are waited for that nobody asked for"));
        };
        match self.core.talk.answer(asked) {
            Ok(answer) if answer.kind == ROWS => Ok(answer),
            Ok(_) => Err(self.core.talk.broken(garbage("rows were asked for and something else came"))),
            Err(trouble) => {
                // An error of a FETCH closes its cursor, but for one that was cancelled before it was begun.
                self.is_open = match &trouble {
                    Trouble::Said(report) => report.not_sent,
                    Trouble::Ours(_) => true,
                };
                Err(self.core.failed(trouble))
            }
        }
    }
}

impl Drop for Cursor<'_> {
    /// Whoever stops early leaves a connection that others can use; if that fails, it says so itself.
    fn drop(&mut self) {
        if self.asked.is_some()
            && let Ok(answer) = self.take()
        {
            self.is_open = Head::read(&mut answer.body()).is_ok_and(|head| !head.is_last);
        }
        if self.is_open && !self.core.talk.is_dead() {
            let number = self.number;
            let closed = self.core.talk.ask(None, CLOSE_CURSOR, |frame| {
                frame.u32(number);
                Ok(())
            });
            if let Err(trouble) = closed {
                let _ = self.core.failed(trouble);
            }
        }
    }
}
