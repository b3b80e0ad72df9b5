//! The statements that are prepared on a connection, by their text; or, where none may stay in a session, what is known of
//! them: the types of their parameters, with which each run sends its text anew, in one message with the values.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postgres::{Client, Column, Error as Native, Statement as Handle};

use super::types::Shape;
use super::wire::Wire;
use crate::sql::{POSTGRES, Statement, StatementKind};

/// A statement that the server has prepared, or has told of.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) native: Handle,
    /// What is sent with each run instead of a name, if the session keeps no statement.
    pub(super) text: Option<Arc<str>>,
    /// `None` for a statement without a result.
    pub(super) shape: Option<Arc<Shape>>,
    pub(super) kind: StatementKind,
}

/// Counts the statements that may have changed the types of columns, over all connections of a database: what was prepared
/// before keeps the types of its parameters, and the server would read values as what they are no more.
#[derive(Clone, Debug, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// After a statement that ran.
    pub(super) fn ran(&self, sql: &str) {
        let text = sql.trim_start();
        let begins = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if begins("alter") || begins("drop") {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// What a text does; `Other` for one that cannot be told.
pub(super) fn kind_of(sql: &str) -> StatementKind {
    Statement::parse(sql, &POSTGRES).map_or(StatementKind::Other, |statement| statement.kind())
}

/// How many texts are remembered as having run once.
const ONCE: usize = 1024;

/// The prepared statements of a connection; the one that was not used for longest goes first.
#[derive(Debug)]
pub(super) struct Statements {
    capacity: usize,
    /// Whether results can be asked for as text.
    knows_text: bool,
    /// Whether statements stay in the session. Where they may not, they are only described.
    keeps: bool,
    known: HashMap<Arc<str>, (Arc<Prepared>, u64)>,
    /// The texts by when they were last used.
    order: BTreeMap<u64, Arc<str>>,
    clock: u64,
    /// Hashes of texts without parameters that ran once, unprepared.
    once: HashSet<u64>,
    hasher: RandomState,
    epoch: Epoch,
    /// What the epoch was when these were prepared.
    prepared_in: u64,
}

impl Statements {
    pub(super) fn new(capacity: usize, keeps: bool, knows_text: bool, epoch: Epoch) -> Statements {
        Statements {
            prepared_in: epoch.0.load(Ordering::Acquire),
            epoch,
            capacity,
            keeps,
            knows_text,
            known: HashMap::new(),
            order: BTreeMap::new(),
            clock: 0,
            once: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    /// Whether a text without parameters is worth being prepared: it is already, or it reads or writes rows for a second
    /// time.
    pub(super) fn is_worth_it(&mut self, sql: &str) -> bool {
        if self.capacity == 0 || !self.keeps {
            return false;
        }
        if self.known.contains_key(sql) {
            return true;
        }
        if self.once.len() >= ONCE {
            self.once.clear();
        }
        let is_new = self.once.insert(self.hasher.hash_one(sql));
        !is_new && matches!(kind_of(sql), StatementKind::Read | StatementKind::Write)
    }

    /// The statement, prepared now if it was not; and whether it was.
    pub(super) fn prepare(
        &mut self,
        client: &mut Client,
        wire: &Wire,
        sql: &str,
    ) -> Result<(Arc<Prepared>, bool), Native> {
        let epoch = self.epoch.0.load(Ordering::Acquire);
        if epoch != self.prepared_in {
            self.clear();
            self.prepared_in = epoch;
        }
        self.clock += 1;
        if let Some((text, (prepared, used))) = self.known.get_key_value(sql) {
            let (text, prepared, used) = (Arc::clone(text), Arc::clone(prepared), *used);
            self.order.remove(&used);
            self.order.insert(self.clock, Arc::clone(&text));
            self.known.insert(text, (Arc::clone(&prepared), self.clock));
            return Ok((prepared, true));
        }
        // Before the other one is made: its end travels with what is sent next.
        while self.known.len() >= self.capacity.max(1) {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.known.remove(&oldest);
        }
        wire.describe_only(!self.keeps);
        let native = client.prepare(sql);
        wire.describe_only(false);
        let native = native?;
        let shape = self.shape_of(native.columns());
        let text: Arc<str> = sql.into();
        // On a Unix socket the statement has its name after all.
        let is_unnamed = !self.keeps && wire.is_plugged();
        let prepared = Prepared { native, text: is_unnamed.then(|| Arc::clone(&text)), shape, kind: kind_of(sql) };
        let prepared = Arc::new(prepared);
        if self.capacity > 0 && (self.keeps || is_unnamed) {
            self.order.insert(self.clock, Arc::clone(&text));
            self.known.insert(text, (Arc::clone(&prepared), self.clock));
        }
        Ok((prepared, false))
    }

    /// How columns are read; `None` if there are none.
    pub(super) fn shape_of(&self, columns: &[Column]) -> Option<Arc<Shape>> {
        (!columns.is_empty()).then(|| Arc::new(Shape::of(columns, self.knows_text)))
    }

    /// Forgets a statement that the server no longer has, or no longer has as it was.
    pub(super) fn forget(&mut self, sql: &str) {
        if let Some((_, used)) = self.known.remove(sql) {
            self.order.remove(&used);
        }
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
        self.once.clear();
    }
}
