//! The database itself: tables of integers, and transactions that are kept apart until they commit.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pontoon::driver::LinkState;

/// A change that a transaction made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Create(String),
    Drop(String),
    Insert(String, i64),
    /// Every row, or those that are equal to this.
    Delete(String, Option<i64>),
    /// Every row, or those that are equal to the last.
    Update(String, i64, Option<i64>),
}

/// Tables by their names.
pub(super) type Tables = BTreeMap<String, Vec<i64>>;

/// What is committed.
#[derive(Debug, Default)]
pub(super) struct Model {
    tables: Tables,
}

impl Model {
    pub(super) fn create(&mut self, table: &str) {
        self.tables.entry(table.to_owned()).or_default();
    }

    pub(super) fn committed(&self, table: &str) -> Option<&[i64]> {
        self.tables.get(table).map(Vec::as_slice)
    }

    pub(super) fn insert_committed(&mut self, table: &str, numbers: &[i64]) -> bool {
        self.tables.get_mut(table).map(|rows| rows.extend(numbers)).is_some()
    }

    /// What a session sees of a table: what is committed, and what it did itself. `None` where it sees no such table.
    pub(super) fn seen(&self, session: &Session, table: &str) -> Option<Cow<'_, [i64]>> {
        let committed = self.tables.get(table);
        let mut own = session.changes().iter().filter(|change| change.table() == table).peekable();
        if own.peek().is_none() {
            return committed.map(|rows| Cow::Borrowed(rows.as_slice()));
        }
        let mut tables: Tables = committed.map(|rows| (table.to_owned(), rows.clone())).into_iter().collect();
        for change in own {
            apply(&mut tables, change);
        }
        tables.remove(table).map(Cow::Owned)
    }

    /// Makes a change, in the session's transaction or, where it has none, for good. Returns how many rows it changed.
    pub(super) fn change(&mut self, session: &mut Session, change: Change) -> u64 {
        if session.transaction.is_none() {
            return apply(&mut self.tables, &change);
        }
        let changed = match &change {
            Change::Create(_) | Change::Drop(_) => 0,
            Change::Insert(..) => 1,
            Change::Delete(table, which) | Change::Update(table, _, which) => {
                let seen = self.seen(session, table);
                seen.map_or(0, |rows| rows.iter().filter(|row| is_meant(**row, *which)).count() as u64)
            }
        };
        if let Some(transaction) = &mut session.transaction {
            transaction.changes.push(change);
        }
        changed
    }

    /// Commits the session's transaction, if it has one.
    pub(super) fn commit(&mut self, session: &mut Session) {
        for change in session.transaction.take().map(|transaction| transaction.changes).unwrap_or_default() {
            apply(&mut self.tables, &change);
        }
    }
}

impl Change {
    fn table(&self) -> &str {
        use Change::{Create, Delete, Drop, Insert, Update};
        let (Create(table) | Drop(table) | Insert(table, _) | Delete(table, _) | Update(table, _, _)) = self;
        table
    }
}

/// Whether a condition means this row.
fn is_meant(row: i64, which: Option<i64>) -> bool {
    which.is_none_or(|wanted| wanted == row)
}

fn apply(tables: &mut Tables, change: &Change) -> u64 {
    match change {
        Change::Create(table) => {
            tables.entry(table.clone()).or_default();
            0
        }
        Change::Drop(table) => {
            tables.remove(table);
            0
        }
        Change::Insert(table, number) => {
            tables.entry(table.clone()).or_default().push(*number);
            1
        }
        Change::Delete(table, which) => {
            let rows = tables.entry(table.clone()).or_default();
            let before = rows.len();
            rows.retain(|row| !is_meant(*row, *which));
            (before - rows.len()) as u64
        }
        Change::Update(table, number, which) => {
            let rows = tables.entry(table.clone()).or_default();
            rows.iter_mut().filter(|row| is_meant(**row, *which)).map(|row| *row = *number).count() as u64
        }
    }
}

/// What a connection has open and set.
#[derive(Debug, Default)]
pub(super) struct Session {
    transaction: Option<Transaction>,
    pub(super) settings: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Transaction {
    changes: Vec<Change>,
    /// Savepoints, each with the number of changes before it.
    savepoints: Vec<(String, usize)>,
    is_failed: bool,
}

impl Session {
    pub(super) fn is_open(&self) -> bool {
        self.transaction.is_some()
    }

    pub(super) fn is_failed(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.is_failed)
    }

    pub(super) fn link_state(&self) -> LinkState {
        match &self.transaction {
            None => LinkState::Idle,
            Some(transaction) if transaction.is_failed => LinkState::Failed,
            Some(_) => LinkState::Open,
        }
    }

    fn changes(&self) -> &[Change] {
        self.transaction.as_ref().map_or(&[], |transaction| &transaction.changes)
    }

    /// Opens a transaction; false where one is open.
    pub(super) fn begin(&mut self) -> bool {
        let is_new = self.transaction.is_none();
        self.transaction.get_or_insert_default();
        is_new
    }

    /// Only the end of the transaction is accepted from now on.
    pub(super) fn fail(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.is_failed = true;
        }
    }

    /// The transaction never was.
    pub(super) fn forget(&mut self) {
        self.transaction = None;
    }

    /// Sets a savepoint; false where no transaction is open.
    pub(super) fn savepoint(&mut self, name: &str) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        transaction.savepoints.push((name.to_owned(), transaction.changes.len()));
        true
    }

    /// Forgets the savepoint and those set since; false where there is none of that name.
    pub(super) fn release(&mut self, name: &str) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        let Some(place) = transaction.savepoints.iter().rposition(|(other, _)| other == name) else { return false };
        transaction.savepoints.truncate(place);
        true
    }

    /// Undoes what was done since the savepoint, which stays; false where there is none of that name.
    pub(super) fn rollback_to(&mut self, name: &str) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        let Some(place) = transaction.savepoints.iter().rposition(|(other, _)| other == name) else { return false };
        transaction.savepoints.truncate(place + 1);
        transaction.changes.truncate(transaction.savepoints[place].1);
        transaction.is_failed = false;
        true
    }
}
