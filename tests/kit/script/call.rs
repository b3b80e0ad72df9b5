//! One call of the seam: recorded from its beginning to its end, whichever way it ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pontoon::value::Value;
use pontoon::{Effect, Error, ErrorKind, Result};

use super::gate::Ears;
use super::record::{Method, Outcome, Record};
use super::rule::{Answer, Fate, Given, Rule, Step};
use super::state::{Shared, State};

/// How often a call looks at its cancel flag, which nobody wakes it for.
const LOOK: Duration = Duration::from_millis(1);

/// Fails when nobody wants the answer of a call any more.
pub(super) type Watch<'w> = &'w dyn Fn() -> Result<()>;

/// A call that runs. Left by a panic it is recorded as that.
pub(super) struct Running<'s> {
    shared: &'s Shared,
    record: Option<Record>,
    rule: Option<Rule>,
    /// It is a write that hears neither cancel nor deadline.
    must_finish: bool,
}

impl Shared {
    /// Begins a call.
    pub(super) fn start(&self, connection: u64, method: Method, text: &str, values: &[Value]) -> Running<'_> {
        let mut state = self.state.lock();
        let rule = state.rules.take(method, connection, text);
        let record = state.begin(connection, method, text, values);
        drop(state);
        self.changed.notify_all();
        Running { shared: self, record: Some(record), rule, must_finish: false }
    }

    /// Begins a call that is of interest only where a rule speaks of it.
    pub(super) fn start_if_ruled(&self, connection: u64, method: Method, text: &str) -> Option<Running<'_>> {
        let mut state = self.state.lock();
        let rule = state.rules.take(method, connection, text)?;
        let record = state.begin(connection, method, text, &[]);
        Some(Running { shared: self, record: Some(record), rule: Some(rule), must_finish: false })
    }
}

impl Running<'_> {
    fn record(&self) -> &Record {
        self.record.as_ref().expect("a call is ended once, by value or by its drop")
    }

    /// Its number among all calls.
    pub(super) fn id(&self) -> u64 {
        self.record().id
    }

    /// It is a write that hears neither cancel nor deadline once it has begun.
    pub(super) fn let_finish(&mut self, must_finish: bool) {
        self.must_finish = must_finish;
    }

    /// Does what the rule of the call says and, if it leaves that, the work; `given` turns what a rule gives instead
    /// into what the work would have returned.
    pub(super) fn answer<T>(
        &mut self,
        watch: Watch<'_>,
        work: impl FnOnce(&mut State) -> Result<T>,
        given: impl FnOnce(Given) -> Option<T>,
    ) -> Result<T> {
        let rule = self.rule.take();
        let (before, after, answer, fate) = match rule {
            Some(rule) => (rule.before, rule.after, rule.answer, rule.fate),
            None => (Vec::new(), Vec::new(), Answer::Model, Fate::Unchanged),
        };
        let result = self.steps(&before, watch).and_then(|()| self.reply(answer, fate, work, given));
        let result = result.and_then(|value| self.steps(&after, watch).map(|()| value));
        if let Err(error) = &result {
            self.suffer(error);
        }
        result
    }

    fn reply<T>(
        &self,
        answer: Answer,
        fate: Fate,
        work: impl FnOnce(&mut State) -> Result<T>,
        given: impl FnOnce(Given) -> Option<T>,
    ) -> Result<T> {
        let method = self.record().method;
        // Made outside the lock: it is the test's own code.
        let error = match &answer {
            Answer::Fail(make) | Answer::FailAfter(make) => Some(make()),
            Answer::Model | Answer::Instead(_) => None,
        };
        let number = self.record().connection;
        let mut state = self.shared.state.lock();
        let may_be_broken =
            matches!(method, Method::State | Method::Close | Method::Drop | Method::Cancel | Method::Sever);
        if !may_be_broken && state.connection(number).is_some_and(|connection| connection.is_broken) {
            return Err(Error::new(ErrorKind::ConnectionLost, "the scripted connection is broken"));
        }
        let result = match (answer, error) {
            (Answer::Instead(answer), _) => {
                let what = format!("{answer:?}");
                match given(answer) {
                    Some(value) => Ok(value),
                    None => {
                        drop(state);
                        panic!("a rule answers {method:?} with {what}, which is no answer to that");
                    }
                }
            }
            (Answer::Fail(_), Some(error)) => Err(error),
            (Answer::FailAfter(_), Some(error)) => work(&mut state).and(Err(error)),
            (Answer::Model | Answer::Fail(_) | Answer::FailAfter(_), _) => work(&mut state),
        };
        let State { model, connections, .. } = &mut *state;
        let connection = usize::try_from(number).ok().and_then(|number| connections.get_mut(number.checked_sub(1)?));
        if let Some(connection) = connection {
            match fate {
                Fate::Unchanged => {}
                Fate::RolledBack => connection.session.forget(),
                Fate::Committed => model.commit(&mut connection.session),
                Fate::Failed => connection.session.fail(),
                Fate::Broken => connection.break_off(),
            }
        }
        result
    }

    /// What an error does to its connection.
    fn suffer(&self, error: &Error) {
        let mut state = self.shared.state.lock();
        let (aborting, fragile) = (state.settings.aborting, state.settings.fragile);
        let record = self.record();
        let Some(connection) = state.connection(record.connection) else { return };
        match (error.kind(), record.method) {
            // It is the way of the signal that failed, not the connection.
            (_, Method::Cancel | Method::Sever) => {}
            (ErrorKind::ConnectionLost, _) => connection.break_off(),
            (ErrorKind::Cancelled | ErrorKind::Timeout, Method::Execute) if fragile => connection.session.forget(),
            (_, Method::Execute | Method::Query | Method::Fetch | Method::Batch) if aborting => {
                connection.session.fail();
            }
            _ => {}
        }
    }

    fn steps(&self, steps: &[Step], watch: Watch<'_>) -> Result<()> {
        for step in steps {
            match step {
                Step::Hook(hook) => hook(self.record()),
                Step::Block(gate, ears) => self.wait(Some(*gate), None, *ears, watch)?,
                Step::Take(time, ears) => self.wait(None, Some(Instant::now() + *time), *ears, watch)?,
                Step::Panic(message) => panic!("{message}"),
            }
        }
        Ok(())
    }

    /// Waits for a gate or a moment, or until one of the ears hears something.
    fn wait(&self, gate: Option<u64>, until: Option<Instant>, ears: Ears, watch: Watch<'_>) -> Result<()> {
        let ears = if self.must_finish { Ears { cancel: false, call: false, ..ears } } else { ears };
        let (call, number) = (self.record().id, self.record().connection);
        let mut state = self.shared.state.lock();
        if let Some(gate) = gate.and_then(|gate| state.gates.get_mut(&gate)) {
            gate.blocked.push(call);
            self.shared.changed.notify_all();
        }
        let result = loop {
            if let Some(gate) = gate.and_then(|gate| state.gates.get_mut(&gate)) {
                if gate.is_open {
                    break Ok(());
                }
                if gate.passes > 0 {
                    gate.passes -= 1;
                    break Ok(());
                }
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break Ok(());
            }
            if let Some(connection) = state.connection(number) {
                if ears.cancel && connection.cancelled.contains(&call) {
                    break Err(cancelled());
                }
                if ears.sever && connection.is_severed {
                    break Err(severed());
                }
            }
            if ears.call {
                if let Err(error) = watch() {
                    break Err(error);
                }
                self.shared.changed.wait_for(&mut state, LOOK);
            } else if let Some(until) = until {
                self.shared.changed.wait_until(&mut state, until);
            } else {
                self.shared.changed.wait(&mut state);
            }
        };
        if let Some(gate) = gate.and_then(|gate| state.gates.get_mut(&gate)) {
            gate.blocked.retain(|blocked| *blocked != call);
        }
        drop(state);
        self.shared.changed.notify_all();
        result
    }

    /// Fails when the running call was cancelled or its connection severed: between two rows of a stream.
    pub(super) fn look(&self) -> Result<()> {
        let mut state = self.shared.state.lock();
        let (call, number) = (self.record().id, self.record().connection);
        let Some(connection) = state.connection(number) else { return Ok(()) };
        connection.attention.store(false, Ordering::Release);
        if connection.is_severed || connection.is_broken {
            return Err(severed());
        }
        if connection.cancelled.contains(&call) { Err(cancelled()) } else { Ok(()) }
    }

    /// The call ends with this result, which `word` may put into a word for the record.
    pub(super) fn end<T>(mut self, result: Result<T>, word: impl FnOnce(&T) -> Option<String>) -> Result<T> {
        if let Err(error) = &result {
            self.suffer(error);
        }
        let outcome = match &result {
            Ok(value) => Outcome::Done(word(value)),
            Err(error) => Outcome::Failed(error.kind()),
        };
        self.finish(outcome);
        result
    }

    fn finish(&mut self, outcome: Outcome) {
        if let Some(record) = self.record.take() {
            self.shared.state.lock().end(record, outcome);
            self.shared.changed.notify_all();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.finish(Outcome::Panicked);
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "canceling statement due to user request").with_sqlstate("57014")
}

fn severed() -> Error {
    Error::new(ErrorKind::ConnectionLost, "the scripted connection was severed").with_effect(Effect::Unknown)
}
