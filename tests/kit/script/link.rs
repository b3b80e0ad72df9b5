//! A connection.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pontoon::Result;
use pontoon::driver::{Batcher, Call, Executed, Flow, Handle, Link, LinkState, Reset, RowSink};
use pontoon::row::{Column, Columns};
use pontoon::sql::{Bound, Dialect};
use pontoon::value::Value;

use super::handle::ScriptHandle;
use super::reading::{self, Reading};
use super::record::Method;
use super::rule::Given;
use super::run::{Done, Selected, Terms, run};
use super::state::{Shared, State};

pub(super) struct ScriptLink {
    shared: Arc<Shared>,
    number: u64,
    dialect: &'static Dialect,
    raw: RawScript,
    /// Set when something happened that a stream of rows should look at.
    attention: Arc<AtomicBool>,
    /// Whether it is the connection itself, and not a second way into it.
    is_owner: bool,
    is_closed: bool,
}

/// What `raw` gives: the database itself, behind the back of everybody.
#[derive(Debug)]
pub(crate) struct RawScript {
    shared: Arc<Shared>,
    number: u64,
}

impl RawScript {
    /// The number of the connection.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Runs statements, transaction verbs included. They are not recorded, and no rule is asked.
    pub(crate) fn run(&mut self, script: &str) -> Result<()> {
        let mut state = self.shared.state.lock();
        for statement in reading::statements(script) {
            run(&mut state, self.number, statement, &[], Terms::default())?;
        }
        Ok(())
    }
}

impl ScriptLink {
    pub(super) fn new(shared: Arc<Shared>, number: u64) -> ScriptLink {
        let mut state = shared.state.lock();
        let dialect = state.settings.dialect;
        let attention =
            state.connection(number).map(|connection| Arc::clone(&connection.attention)).unwrap_or_default();
        drop(state);
        let raw = RawScript { shared: Arc::clone(&shared), number };
        ScriptLink { shared, number, dialect, raw, attention, is_owner: true, is_closed: false }
    }

    /// A second way in.
    fn again(&self) -> ScriptLink {
        ScriptLink {
            shared: Arc::clone(&self.shared),
            number: self.number,
            dialect: self.dialect,
            raw: RawScript { shared: Arc::clone(&self.shared), number: self.number },
            attention: Arc::clone(&self.attention),
            is_owner: false,
            is_closed: false,
        }
    }

    /// Pushes the rows of a running query.
    fn push(
        &self,
        look: &dyn Fn() -> Result<()>,
        call: &Call<'_>,
        text: &str,
        selected: Selected,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let (nested, ruled) = {
            let state = self.shared.state.lock();
            (state.settings.nested, state.rules.mention(Method::Fetch))
        };
        let columns = selected.columns().iter().map(|name| Column::new(name.as_str())).collect();
        let mut batcher = Batcher::new(sink, Arc::new(Columns::new(columns)))?;
        for (number, row) in selected.into_rows().enumerate() {
            call.check()?;
            if self.attention.load(Ordering::Acquire) {
                look()?;
            }
            if ruled && let Some(mut fetch) = self.shared.start_if_ruled(self.number, Method::Fetch, text) {
                let result = fetch.answer(&|| call.check(), |_| Ok(()), |_| None);
                fetch.end(result, |()| Some(number.to_string()))?;
            }
            for value in &row {
                batcher.row().push_value(value)?;
            }
            let mut second = nested.then(|| self.again());
            if batcher.end_row(second.as_mut().map(|second| second as &mut dyn Link))? == Flow::Stop {
                return Ok(());
            }
        }
        batcher.finish()
    }

    /// A call without a text that the database answers with nothing.
    fn plain(&mut self, method: Method, text: &str, call: &Call<'_>, work: impl FnOnce(&mut State)) -> Result<()> {
        let mut running = self.shared.start(self.number, method, text, &[]);
        let work = |state: &mut State| {
            work(state);
            Ok(())
        };
        let result = running.answer(&|| call.check(), work, |_| None);
        running.end(result, |()| None)
    }
}

/// How a text goes into the record: the library's own texts by their meaning.
fn meaning(script: &str) -> (Method, String) {
    // A commit that makes the database answer for the state of the transaction: `SELECT 1; COMMIT`.
    let single = script.strip_prefix("SELECT 1;").unwrap_or(script);
    match reading::read(single) {
        Some(Reading::Begin) => (Method::Begin, script.to_owned()),
        Some(Reading::Commit) => (Method::Commit, script.to_owned()),
        Some(Reading::Rollback) => (Method::Rollback, script.to_owned()),
        Some(Reading::Savepoint(name)) => (Method::Savepoint, name),
        Some(Reading::Release(name)) => (Method::Release, name),
        Some(Reading::RollbackTo(name)) => (Method::RollbackTo, name),
        _ => (Method::Batch, script.to_owned()),
    }
}

impl Link for ScriptLink {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    fn execute(&mut self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        let terms = Terms::of(call);
        let mut running = self.shared.start(self.number, Method::Execute, &statement.sql, &statement.values);
        running.let_finish(terms.must_finish && reading::writes(&statement.sql));
        let work = |state: &mut State| run(state, self.number, &statement.sql, &statement.values, terms);
        let given = |given| match given {
            Given::Executed(executed) => Some(Done::Changed(executed)),
            Given::Rows(columns, rows) => Some(Done::Selected(Selected::list(columns, rows))),
            _ => None,
        };
        let result = running.answer(&|| call.check(), work, given).map(|done| match done {
            Done::Changed(executed) => executed,
            Done::Selected(_) => Executed::default(),
        });
        running.end(result, |_| None)
    }

    fn query(&mut self, call: &Call<'_>, statement: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        let terms = Terms { must_select: true, ..Terms::of(call) };
        let mut running = self.shared.start(self.number, Method::Query, &statement.sql, &statement.values);
        let work = |state: &mut State| run(state, self.number, &statement.sql, &statement.values, terms);
        let given = |given| match given {
            Given::Rows(columns, rows) => Some(Done::Selected(Selected::list(columns, rows))),
            _ => None,
        };
        let result = running.answer(&|| call.check(), work, given).and_then(|done| match done {
            Done::Selected(selected) => self.push(&|| running.look(), call, &statement.sql, selected, sink),
            Done::Changed(_) => Ok(()),
        });
        running.end(result, |()| None)
    }

    fn batch(&mut self, call: &Call<'_>, script: &str) -> Result<()> {
        let (method, text) = meaning(script);
        let terms = Terms::of(call);
        let mut running = self.shared.start(self.number, method, &text, &[]);
        let work = |state: &mut State| {
            for statement in reading::statements(script) {
                run(state, self.number, statement, &[], terms)?;
            }
            Ok(())
        };
        let given = |given| match given {
            Given::Executed(_) => Some(()),
            _ => None,
        };
        let result = running.answer(&|| call.check(), work, given);
        running.end(result, |()| None)
    }

    fn state(&mut self) -> LinkState {
        let mut running = self.shared.start(self.number, Method::State, "", &[]);
        let work = |state: &mut State| {
            let connection = state.connection(self.number);
            Ok(connection
                .filter(|connection| !connection.is_broken)
                .map_or(LinkState::Unknown, |connection| connection.session.link_state()))
        };
        let given = |given| match given {
            Given::State(state) => Some(state),
            _ => None,
        };
        let result = running.answer(&|| Ok(()), work, given);
        let answer = *result.as_ref().unwrap_or(&LinkState::Unknown);
        let _ = running.end(result, |state| Some(format!("{state:?}")));
        if answer == LinkState::Unknown
            && let Some(connection) = self.shared.state.lock().connection(self.number)
        {
            connection.was_unknown = true;
        }
        answer
    }

    fn ping(&mut self, call: &Call<'_>) -> Result<()> {
        self.plain(Method::Ping, "", call, |_| {})
    }

    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        let text = match how {
            Reset::Light => "light",
            Reset::Full => "full",
        };
        let number = self.number;
        self.plain(Method::Reset, text, call, |state| {
            if let Some(connection) = state.connection(number) {
                connection.session.settings.clear();
            }
        })
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::new(ScriptHandle { shared: Arc::clone(&self.shared), connection: self.number })
    }

    fn raw(&mut self) -> &mut dyn Any {
        let mut running = self.shared.start(self.number, Method::Raw, "", &[]);
        let result = running.answer(&|| Ok(()), |_| Ok(()), |_| None);
        // It cannot fail: whoever uses it finds out.
        let _ = running.end(result, |()| None);
        &mut self.raw
    }

    fn close(mut self: Box<Self>) -> Result<()> {
        self.is_closed = true;
        let _gone = Gone { shared: Arc::clone(&self.shared), number: self.number };
        self.plain(Method::Close, "", &Call::until(None), |_| {})
    }
}

impl Drop for ScriptLink {
    fn drop(&mut self) {
        if !self.is_owner || self.is_closed {
            return;
        }
        let _gone = Gone { shared: Arc::clone(&self.shared), number: self.number };
        let mut running = self.shared.start(self.number, Method::Drop, "", &[]);
        // A second panic would end the process, and prove nothing about the library.
        let result = if std::thread::panicking() { Ok(()) } else { running.answer(&|| Ok(()), |_| Ok(()), |_| None) };
        let _ = running.end(result, |()| None);
    }
}

/// The connection is gone at the end, whichever way its end went; what its transaction did is undone.
struct Gone {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(connection) = self.shared.state.lock().connection(self.number) {
            connection.session.forget();
            connection.is_open = false;
        }
        self.shared.changed.notify_all();
    }
}
