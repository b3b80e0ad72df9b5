//! What was asked on the wire, in one order for all connections.

use parking_lot::{Condvar, Mutex};
use rusqlite::types::Value;

use super::fault::Act;
use super::login::Login;
use super::request::{Given, Manage};
use crate::kit::PATIENCE;

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// What it said of encryption in its first message: 0 off, 1 on, 2 not supported, 3 required.
    Prelogin(u8),
    Login(Login),
    Batch(String),
    /// A procedure, the statement that it runs if it is one for statements, and the values for that.
    Procedure(String, String, Vec<Given>),
    Transaction(Manage),
    /// A cancel.
    Attention,
    /// The client has gone.
    Gone,
}

impl Asked {
    /// What is looked into for the words of a rule.
    pub(crate) fn text(&self) -> &str {
        match self {
            Asked::Batch(text) => text,
            Asked::Procedure(name, text, _) => {
                if text.is_empty() {
                    name
                } else {
                    text
                }
            }
            Asked::Transaction(Manage::Begin) => "BEGIN",
            Asked::Transaction(Manage::Commit(_)) => "COMMIT",
            Asked::Transaction(Manage::Rollback(_)) => "ROLLBACK",
            Asked::Transaction(Manage::Save(name)) => name,
            _ => "",
        }
    }
}

/// All that was asked, and what is to go wrong.
#[derive(Debug, Default)]
pub(super) struct Record {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    asked: Vec<(usize, Asked)>,
    acts: Vec<(String, Act)>,
    /// What went wrong with the server itself.
    broken: Vec<String>,
}

impl Record {
    /// Notes a request; what is to happen to it, if something is.
    pub(super) fn note(&self, session: usize, asked: Asked) -> Option<Act> {
        let mut inner = self.inner.lock();
        let text = asked.text().to_owned();
        inner.asked.push((session, asked));
        self.changed.notify_all();
        let at = inner.acts.iter().position(|(words, _)| !text.is_empty() && text.contains(words.as_str()))?;
        Some(inner.acts.remove(at).1)
    }

    pub(super) fn on(&self, words: &str, act: Act) {
        self.inner.lock().acts.push((words.to_owned(), act));
    }

    pub(super) fn broke(&self, why: String) {
        self.inner.lock().broken.push(why);
        self.changed.notify_all();
    }

    pub(super) fn broken(&self) -> Vec<String> {
        self.inner.lock().broken.clone()
    }

    pub(super) fn all(&self) -> Vec<(usize, Asked)> {
        self.inner.lock().asked.clone()
    }

    pub(super) fn forget(&self) {
        self.inner.lock().asked.clear();
    }

    /// Waits until something of the kind was asked so many times.
    #[track_caller]
    pub(super) fn wait_for(&self, what: &str, times: usize, is_it: impl Fn(&Asked) -> bool) {
        let mut inner = self.inner.lock();
        let until = std::time::Instant::now() + PATIENCE;
        while inner.asked.iter().filter(|(_, asked)| is_it(asked)).count() < times {
            let late = self.changed.wait_until(&mut inner, until).timed_out();
            assert!(!late, "{what} was not asked {times} times: {:#?}\n{:?}", inner.asked, inner.broken);
        }
    }
}

/// A value as SQLite has it, briefly, for comparisons.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
