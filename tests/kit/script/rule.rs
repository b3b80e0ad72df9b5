//! What a call does instead of its work, before it, or after it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pontoon::driver::{Executed, Fence, LinkState};
use pontoon::value::Value;
use pontoon::{Error, ErrorKind};

use super::gate::{Ears, Gate};
use super::record::{Method, Record};

/// Names a rule of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleId(usize);

/// What a call does on its way.
#[derive(Clone)]
pub(super) enum Step {
    Hook(Arc<dyn Fn(&Record) + Send + Sync>),
    /// Blocks at the gate of this number.
    Block(u64, Ears),
    /// Takes this long.
    Take(Duration, Ears),
    Panic(String),
}

/// What is given in place of the database's own answer.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Rows(Vec<String>, Vec<Vec<Value>>),
    Executed(Executed),
    State(LinkState),
    Fence(Fence),
    Flag(bool),
}

pub(super) type MakeError = Arc<dyn Fn() -> Error + Send + Sync>;

/// Where an answer comes from.
#[derive(Clone)]
pub(super) enum Answer {
    /// From the database.
    Model,
    /// From the rule; the database does nothing.
    Instead(Given),
    /// An error; the database does nothing.
    Fail(MakeError),
    /// The database does its work, and an error is answered.
    FailAfter(MakeError),
}

/// What becomes of the transaction, beside what the statement itself does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Unchanged,
    /// The database rolls it back by itself, as in a deadlock.
    RolledBack,
    /// The database commits it by itself, as for DDL on MySQL.
    Committed,
    /// Only its end is accepted.
    Failed,
    /// The connection breaks, and the transaction is rolled back with it.
    Broken,
}

/// The ways a COMMIT can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitEnd {
    Committed,
    /// The database rolls back instead, for this reason.
    RolledBack(ErrorKind),
    /// The database cannot commit now, for this reason.
    StillOpen(ErrorKind),
    /// The connection breaks before the answer; whether it was applied is known to the test alone.
    Unknown {
        applied: bool,
    },
}

/// A rule: which calls it is for, and what happens then.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(super) method: Method,
    text: Option<String>,
    connection: Option<u64>,
    skip: usize,
    left: Option<usize>,
    hits: usize,
    is_after: bool,
    pub(super) before: Vec<Step>,
    pub(super) after: Vec<Step>,
    pub(super) answer: Answer,
    pub(super) fate: Fate,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("method", &self.method).field("text", &self.text).finish_non_exhaustive()
    }
}

impl Rule {
    /// A rule for each call of this method.
    pub(crate) fn on(method: Method) -> Rule {
        Rule {
            method,
            text: None,
            connection: None,
            skip: 0,
            left: None,
            hits: 0,
            is_after: false,
            before: Vec::new(),
            after: Vec::new(),
            answer: Answer::Model,
            fate: Fate::Unchanged,
        }
    }

    // ---- which calls

    /// Only those whose text contains this.
    pub(crate) fn text(mut self, text: &str) -> Rule {
        self.text = Some(text.to_owned());
        self
    }

    /// Only those on the connection of this number.
    pub(crate) fn connection(mut self, number: u64) -> Rule {
        self.connection = Some(number);
        self
    }

    /// Not the first so many.
    pub(crate) fn skip(mut self, calls: usize) -> Rule {
        self.skip = calls;
        self
    }

    /// Only so many.
    pub(crate) fn times(mut self, calls: usize) -> Rule {
        self.left = Some(calls);
        self
    }

    /// Only one.
    pub(crate) fn once(self) -> Rule {
        self.times(1)
    }

    // ---- on the way

    /// What is said next happens when the database has done its work and the answer is on its way. Until this is said
    /// it happens before the work.
    pub(crate) fn afterwards(mut self) -> Rule {
        self.is_after = true;
        self
    }

    fn step(mut self, step: Step) -> Rule {
        if self.is_after {
            self.after.push(step)
        } else {
            self.before.push(step)
        }
        self
    }

    /// Calls this on the thread of the call.
    pub(crate) fn hook(self, hook: impl Fn(&Record) + Send + Sync + 'static) -> Rule {
        self.step(Step::Hook(Arc::new(hook)))
    }

    /// Blocks until the gate is opened, or one of the ears hears something.
    pub(crate) fn block(self, gate: &Gate, ears: Ears) -> Rule {
        self.step(Step::Block(gate.number(), ears))
    }

    /// Takes this long, or until one of the ears hears something. For latency, never to wait for something.
    pub(crate) fn take(self, time: Duration, ears: Ears) -> Rule {
        self.step(Step::Take(time, ears))
    }

    /// Panics with this message.
    pub(crate) fn panic(self, message: &str) -> Rule {
        self.step(Step::Panic(message.to_owned()))
    }

    // ---- the answer

    /// Fails with an error of this kind; nothing was done. `ConnectionLost` breaks the connection as well.
    pub(crate) fn fail(self, kind: ErrorKind) -> Rule {
        self.fail_with(move || Error::new(kind, format!("the script says {kind:?}")))
    }

    /// Fails with this error; nothing was done.
    pub(crate) fn fail_with(mut self, make: impl Fn() -> Error + Send + Sync + 'static) -> Rule {
        self.answer = Answer::Fail(Arc::new(make));
        self
    }

    /// Does the work, then fails with an error of this kind: the answer is lost. `ConnectionLost` breaks the
    /// connection as well.
    pub(crate) fn lose_answer(mut self, kind: ErrorKind) -> Rule {
        self.answer = Answer::FailAfter(Arc::new(move || Error::new(kind, format!("the script says {kind:?}"))));
        self
    }

    /// Answers with these rows; nothing is done.
    pub(crate) fn rows(mut self, columns: &[&str], rows: Vec<Vec<Value>>) -> Rule {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        self.answer = Answer::Instead(Given::Rows(columns, rows));
        self
    }

    /// Answers that so many rows were changed; nothing is done.
    pub(crate) fn affected(mut self, rows: u64) -> Rule {
        self.answer = Answer::Instead(Given::Executed(Executed::new(rows, None)));
        self
    }

    /// Answers with this state, true or not.
    pub(crate) fn state(mut self, state: LinkState) -> Rule {
        self.answer = Answer::Instead(Given::State(state));
        self
    }

    /// Has a cancel answer so. `NotFenced` has no effect on the running call.
    pub(crate) fn fence(mut self, fence: Fence) -> Rule {
        self.answer = Answer::Instead(Given::Fence(fence));
        self
    }

    /// Has a sever answer so, without effect.
    pub(crate) fn flag(mut self, flag: bool) -> Rule {
        self.answer = Answer::Instead(Given::Flag(flag));
        self
    }

    /// What becomes of the transaction.
    pub(crate) fn fate(mut self, fate: Fate) -> Rule {
        self.fate = fate;
        self
    }

    /// How a COMMIT ends.
    pub(crate) fn commit(self, end: CommitEnd) -> Rule {
        match end {
            CommitEnd::Committed => self,
            CommitEnd::RolledBack(kind) => self.fail(kind).fate(Fate::RolledBack),
            CommitEnd::StillOpen(kind) => self.fail(kind),
            CommitEnd::Unknown { applied: true } => self.lose_answer(ErrorKind::ConnectionLost),
            CommitEnd::Unknown { applied: false } => self.fail(ErrorKind::ConnectionLost),
        }
    }

    fn fits(&self, method: Method, connection: u64, text: &str) -> bool {
        self.method == method
            && self.left != Some(0)
            && self.connection.is_none_or(|wanted| wanted == connection)
            && self.text.as_ref().is_none_or(|wanted| text.contains(wanted.as_str()))
    }
}

/// The rules of a script.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Option<Rule>>,
}

impl Rules {
    pub(super) fn add(&mut self, rule: Rule) -> RuleId {
        self.rules.push(Some(rule));
        RuleId(self.rules.len() - 1)
    }

    pub(super) fn remove(&mut self, rule: RuleId) {
        if let Some(slot) = self.rules.get_mut(rule.0) {
            *slot = None;
        }
    }

    pub(super) fn hits(&self, rule: RuleId) -> usize {
        self.rules.get(rule.0).and_then(Option::as_ref).map_or(0, |rule| rule.hits)
    }

    /// Whether any rule speaks of this method at all.
    pub(super) fn mention(&self, method: Method) -> bool {
        self.rules.iter().flatten().any(|rule| rule.method == method)
    }

    /// The rule that this call follows, counted as used.
    pub(super) fn take(&mut self, method: Method, connection: u64, text: &str) -> Option<Rule> {
        for rule in self.rules.iter_mut().flatten() {
            if !rule.fits(method, connection, text) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            rule.hits += 1;
            return Some(rule.clone());
        }
        None
    }
}
