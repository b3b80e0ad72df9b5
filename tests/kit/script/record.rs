//! What was called, in one total order.

use std::fmt;
use std::thread::ThreadId;

use pontoon::ErrorKind;
use pontoon::driver::Fence;
use pontoon::value::Value;

use super::state::State;

/// What of the seam was called. What the library does by texts of the dialect goes by its meaning: BEGIN is `Begin`,
/// not `Batch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    /// `Driver::open`.
    Open,
    Connect,
    Execute,
    Query,
    /// One row of a query, before it is pushed. It is recorded only where a rule speaks of it.
    Fetch,
    /// A script that is none of the library's own texts.
    Batch,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    RollbackTo,
    State,
    Ping,
    Reset,
    Raw,
    Close,
    Drop,
    Cancel,
    Sever,
    /// `Source::close`.
    CloseSource,
}

impl Method {
    /// The word for it in a trace.
    fn word(self) -> &'static str {
        match self {
            Method::Open => "open",
            Method::Connect => "connect",
            Method::Execute => "execute",
            Method::Query => "query",
            Method::Fetch => "fetch",
            Method::Batch => "batch",
            Method::Begin => "begin",
            Method::Commit => "commit",
            Method::Rollback => "rollback",
            Method::Savepoint => "savepoint",
            Method::Release => "release",
            Method::RollbackTo => "rollback to",
            Method::State => "state",
            Method::Ping => "ping",
            Method::Reset => "reset",
            Method::Raw => "raw",
            Method::Close => "close",
            Method::Drop => "drop",
            Method::Cancel => "cancel",
            Method::Sever => "sever",
            Method::CloseSource => "close source",
        }
    }

    /// Whether it only asks and so stands in no trace.
    fn is_question(self) -> bool {
        self == Method::State
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has not.
    Running,
    /// Well. The answer, where it is one word: a state, a fence.
    Done(Option<String>),
    /// With an error of this kind.
    Failed(ErrorKind),
    /// By a panic.
    Panicked,
}

/// One call of a link, source or driver.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Its number among all calls of the script, which tells them apart.
    pub(crate) id: u64,
    /// Its place in the order of all beginnings and ends.
    pub(crate) began: u64,
    /// The place of its end; `None` while it runs.
    pub(crate) ended: Option<u64>,
    /// Counted from 1, in the order in which they were asked for, failed ones included; 0 for what belongs to none.
    pub(crate) connection: u64,
    pub(crate) method: Method,
    /// The statement as it reached the database, the savepoint's name, how far a reset goes.
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    pub(crate) thread: ThreadId,
    pub(crate) thread_name: String,
    /// How many calls of the same connection it stands in.
    pub(crate) depth: usize,
    pub(crate) outcome: Outcome,
}

impl Record {
    /// Whether it is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }
}

/// A cancel or a sever.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    /// The number of its record.
    pub(crate) id: u64,
    pub(crate) connection: u64,
    /// `Cancel` or `Sever`.
    pub(crate) method: Method,
    /// The call that ran when it was sent, if one did.
    pub(crate) aimed_at: Option<u64>,
    /// The call that ran when it took effect, if one did; `None` too while it is on its way.
    pub(crate) hit: Option<u64>,
    /// Whether it has returned.
    pub(crate) returned: bool,
    /// What a cancel answered.
    pub(crate) fence: Option<Fence>,
    pub(crate) thread_name: String,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.word())?;
        let own_text = !matches!(self.method, Method::Begin | Method::Commit | Method::Rollback);
        if own_text && !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        if !self.values.is_empty() {
            let values: Vec<String> = self.values.iter().map(brief).collect();
            write!(f, " [{}]", values.join(", "))?;
        }
        match &self.outcome {
            Outcome::Done(_) => Ok(()),
            Outcome::Running => f.write_str(" -> still running"),
            Outcome::Failed(kind) => write!(f, " -> {kind:?}"),
            Outcome::Panicked => f.write_str(" -> panicked"),
        }
    }
}

fn brief(value: &Value) -> String {
    match value {
        Value::I64(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

/// See [`Script::trace`](super::Script::trace).
pub(super) fn trace(state: &State, connection: Option<u64>) -> Vec<String> {
    let wanted = |number: u64| connection.is_none_or(|wanted| wanted == number);
    let line = |number: u64, text: String| match (connection, number) {
        (Some(_), _) | (None, 0) => text,
        (None, number) => format!("{number} {text}"),
    };
    let seen = state.records.iter().filter(|record| wanted(record.connection) && !record.method.is_question());
    seen.map(|record| line(record.connection, record.to_string())).collect()
}
