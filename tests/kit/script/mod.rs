//! A scripted database behind the driver seam.
//!
//! Left alone it is a tiny but real database: tables of integers, transactions, savepoints and session settings, kept
//! apart a connection until they commit. A test adds [`Rule`]s for what should go wrong: a call that blocks at a
//! [`Gate`], fails, panics, lies, applies its work and loses the answer. Everything that was called is recorded in one
//! total order, and the contract of the seam is watched over: see [`Script::assert_contract`].
//!
//! ```ignore
//! let script = Script::new().table("t");
//! let gate = script.gate("the insert");
//! script.add(Rule::on(Method::Execute).text("INSERT").once().block(&gate, Ears::SERVER));
//! let db = script.builder().pool_size(1).open()?;
//! // ... another thread inserts ...
//! gate.wait_blocked();
//! ```

mod call;
mod driver;
mod gate;
mod handle;
mod link;
mod model;
mod reading;
mod record;
mod rule;
mod run;
mod state;

pub(crate) use gate::{Ears, Gate};
pub(crate) use link::RawScript;
pub(crate) use record::{Method, Outcome, Record, Signal};
pub(crate) use rule::{CommitEnd, Fate, Rule, RuleId};

use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon::driver::Driver;
use pontoon::sql::Dialect;
use pontoon::{Database, DatabaseBuilder};

use super::PATIENCE;
use driver::ScriptDriver;
use state::Shared;

/// The test's own end of a scripted database. Clones are the same script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    shared: Arc<Shared>,
}

impl Script {
    /// A URL that the driver serves.
    pub(crate) const URL: &'static str = "script://host/database";

    /// An empty database without rules. Unless told otherwise a connection stays on its thread, a statement cannot run
    /// while another is open, and an error leaves the transaction as it was.
    pub(crate) fn new() -> Script {
        Script { shared: Arc::default() }
    }

    // ---- what kind of database it is

    /// With an empty table of this name.
    pub(crate) fn table(self, name: &str) -> Script {
        self.shared.state.lock().model.create(name);
        self
    }

    /// Other statements can run while a query is open, as on SQLite.
    pub(crate) fn nested(self) -> Script {
        self.shared.state.lock().settings.nested = true;
        self
    }

    /// A caller's own thread may run statements on an idle connection, as on SQLite.
    pub(crate) fn lendable(self) -> Script {
        self.shared.state.lock().settings.lendable = true;
        self
    }

    /// Only one transaction at a time can write to what goes by this name.
    pub(crate) fn sole_writer(self, name: &str) -> Script {
        self.shared.state.lock().settings.sole_writer = Some(name.to_owned());
        self
    }

    /// An error in a transaction leaves only its end, as on PostgreSQL.
    pub(crate) fn aborting(self) -> Script {
        self.shared.state.lock().settings.aborting = true;
        self
    }

    /// A write that is cancelled or runs out of time takes its transaction with it, as on SQLite.
    pub(crate) fn fragile(self) -> Script {
        self.shared.state.lock().settings.fragile = true;
        self
    }

    /// Its cancel and sever say that they return at once.
    pub(crate) fn instant(self) -> Script {
        self.shared.state.lock().settings.instant = true;
        self
    }

    /// Forgets each call when it has ended, for a test that makes millions of them.
    pub(crate) fn unrecorded(self) -> Script {
        self.shared.state.lock().settings.unrecorded = true;
        self
    }

    /// It speaks this dialect instead of the generic one.
    pub(crate) fn dialect(self, dialect: &'static Dialect) -> Script {
        self.shared.state.lock().settings.dialect = dialect;
        self
    }

    /// The driver, for the builder of a `Database`. It serves the scheme `script`.
    pub(crate) fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(ScriptDriver::new(Arc::clone(&self.shared)))
    }

    /// A builder for a `Database` on it.
    pub(crate) fn builder(&self) -> DatabaseBuilder {
        Database::builder().url(Script::URL).driver(self.driver())
    }

    // ---- what goes wrong

    /// Adds a rule. The oldest rule that fits a call and is not used up is the one that is followed.
    pub(crate) fn add(&self, rule: Rule) -> RuleId {
        self.shared.state.lock().rules.add(rule)
    }

    /// Takes a rule back.
    pub(crate) fn remove(&self, rule: RuleId) {
        self.shared.state.lock().rules.remove(rule);
    }

    /// How often a rule was followed.
    pub(crate) fn hits(&self, rule: RuleId) -> usize {
        self.shared.state.lock().rules.hits(rule)
    }

    /// A gate for calls to block at. Dropping it opens it.
    pub(crate) fn gate(&self, name: &str) -> Gate {
        Gate::new(Arc::clone(&self.shared), name)
    }

    // ---- what happened

    /// Every call, in the order in which they began.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.shared.state.lock().records.clone()
    }

    /// Every cancel and sever, in order.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        self.shared.state.lock().signals.clone()
    }

    /// What the database saw, a line a call: `1 connect`, `1 begin`, `1 execute INSERT INTO t VALUES (1)`,
    /// `1 commit -> Busy`. Questions about the state of a connection are left out, cancels and severs stand where they
    /// came.
    pub(crate) fn trace(&self) -> Vec<String> {
        record::trace(&self.shared.state.lock(), None)
    }

    /// The trace of one connection, without its number.
    pub(crate) fn trace_of(&self, connection: u64) -> Vec<String> {
        record::trace(&self.shared.state.lock(), Some(connection))
    }

    /// Forgets what was recorded so far, as if the test began here.
    pub(crate) fn forget(&self) {
        let mut state = self.shared.state.lock();
        // What still runs is kept: its end is recorded in place.
        let running = state.running();
        state.records.retain(|record| running.contains(&record.id));
        state.signals.clear();
    }

    /// How many calls of this method have begun.
    pub(crate) fn count(&self, method: Method) -> usize {
        self.shared.state.lock().records.iter().filter(|record| record.method == method).count()
    }

    /// How many connections are open now.
    pub(crate) fn open_connections(&self) -> usize {
        self.shared.state.lock().open_connections()
    }

    /// How many connections were open or being opened at once, at most.
    pub(crate) fn most_connections(&self) -> usize {
        self.shared.state.lock().most_connections
    }

    /// How many connections have a transaction open, as the database sees it.
    pub(crate) fn open_transactions(&self) -> usize {
        self.shared.state.lock().connections.iter().filter(|connection| connection.session.is_open()).count()
    }

    /// The numbers that are committed in a table, in the order of their commit.
    #[track_caller]
    pub(crate) fn committed(&self, table: &str) -> Vec<i64> {
        let state = self.shared.state.lock();
        state.model.committed(table).unwrap_or_else(|| panic!("there is no table `{table}`")).to_vec()
    }

    /// Commits numbers into a table, as another program would.
    #[track_caller]
    pub(crate) fn insert(&self, table: &str, numbers: &[i64]) {
        let mut state = self.shared.state.lock();
        assert!(state.model.insert_committed(table, numbers), "there is no table `{table}`");
    }

    /// Waits until what was recorded satisfies `is_so`. Fails the test, with the trace, when it does not come to pass.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&[Record], &[Signal]) -> bool) {
        self.wait_until_within(PATIENCE, what, is_so);
    }

    /// The same with a patience of one's own: for a promise about time.
    #[track_caller]
    pub(crate) fn wait_until_within(
        &self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&[Record], &[Signal]) -> bool,
    ) {
        let until = Instant::now() + patience;
        let mut state = self.shared.state.lock();
        while !is_so(&state.records, &state.signals) {
            if self.shared.changed.wait_until(&mut state, until).timed_out() {
                let trace = record::trace(&state, None).join("\n  ");
                drop(state);
                panic!("{what} did not happen; the database saw\n  {trace}");
            }
        }
    }

    /// Waits until so many calls of this method have ended.
    #[track_caller]
    pub(crate) fn wait_ended(&self, method: Method, count: usize) {
        self.wait_until(&format!("the end of {count} x {method:?}"), |records, _| {
            records.iter().filter(|record| record.method == method && record.has_ended()).count() >= count
        });
    }

    /// Waits until no connection is open or being opened.
    #[track_caller]
    pub(crate) fn wait_all_closed(&self) {
        let until = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock();
        while state.open_connections() > 0 {
            if self.shared.changed.wait_until(&mut state, until).timed_out() {
                let trace = record::trace(&state, None).join("\n  ");
                drop(state);
                panic!("a connection stayed open; the database saw\n  {trace}");
            }
        }
    }

    /// Fails the test when the library broke the contract of the seam: called a link from two threads at once or away
    /// from its thread, after it panicked, after it did not know its state, or after a cancel that might still hit
    /// something; or began a transaction inside another.
    #[track_caller]
    pub(crate) fn assert_contract(&self) {
        let state = self.shared.state.lock();
        if !state.violations.is_empty() {
            let violations = state.violations.join("\n  ");
            let trace = record::trace(&state, None).join("\n  ");
            drop(state);
            panic!("the contract of the driver seam was broken:\n  {violations}\nthe database saw\n  {trace}");
        }
    }
}
