//! Everything a script knows, under one lock: a change of any part of it can be waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use parking_lot::{Condvar, Mutex};
use pontoon::sql::{Dialect, GENERIC};
use pontoon::value::Value;

use super::gate::GateState;
use super::model::{Model, Session};
use super::record::{Method, Outcome, Record, Signal};
use super::rule::Rules;

/// What kind of database it is.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) nested: bool,
    pub(super) lendable: bool,
    pub(super) aborting: bool,
    pub(super) fragile: bool,
    pub(super) instant: bool,
    pub(super) unrecorded: bool,
    pub(super) sole_writer: Option<String>,
    pub(super) dialect: &'static Dialect,
}

/// One connection, as the database sees it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) home: ThreadId,
    pub(super) is_open: bool,
    /// It is of no use any more: severed, lost, or told so.
    pub(super) is_broken: bool,
    pub(super) has_panicked: bool,
    /// It answered that it does not know its state.
    pub(super) was_unknown: bool,
    /// A cancel may still be on its way to it.
    pub(super) is_unfenced: bool,
    /// The calls that run, each inside the one before.
    pub(super) running: Vec<(u64, ThreadId)>,
    /// The running calls that were cancelled.
    pub(super) cancelled: BTreeSet<u64>,
    pub(super) is_severed: bool,
    pub(super) session: Session,
    /// Set when something happened that a stream of rows should look at.
    pub(super) attention: Arc<AtomicBool>,
}

/// What is under the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    order: u64,
    pub(super) records: Vec<Record>,
    pub(super) signals: Vec<Signal>,
    pub(super) rules: Rules,
    pub(super) gates: BTreeMap<u64, GateState>,
    /// The connection of number n is at n - 1.
    pub(super) connections: Vec<Connection>,
    pub(super) most_connections: usize,
    pub(super) model: Model,
    pub(super) violations: Vec<String>,
}

impl Default for State {
    fn default() -> State {
        let settings = Settings {
            nested: false,
            lendable: false,
            aborting: false,
            fragile: false,
            instant: false,
            unrecorded: false,
            sole_writer: None,
            dialect: &GENERIC,
        };
        State {
            settings,
            order: 0,
            records: Vec::new(),
            signals: Vec::new(),
            rules: Rules::default(),
            gates: BTreeMap::new(),
            connections: Vec::new(),
            most_connections: 0,
            model: Model::default(),
            violations: Vec::new(),
        }
    }
}

/// A script, shared by its test, its driver and their connections.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

impl State {
    /// The next number in the order of everything.
    pub(super) fn next(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    pub(super) fn connection(&mut self, number: u64) -> Option<&mut Connection> {
        self.connections.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(super) fn open_connections(&self) -> usize {
        self.connections.iter().filter(|connection| connection.is_open).count()
    }

    /// The calls that run.
    pub(super) fn running(&self) -> BTreeSet<u64> {
        self.records.iter().filter(|record| !record.has_ended()).map(|record| record.id).collect()
    }

    /// A new connection, which the current thread asks for. It counts as open from here on.
    pub(super) fn connect(&mut self) -> u64 {
        self.connections.push(Connection {
            home: thread::current().id(),
            is_open: true,
            is_broken: false,
            has_panicked: false,
            was_unknown: false,
            is_unfenced: false,
            running: Vec::new(),
            cancelled: BTreeSet::new(),
            is_severed: false,
            session: Session::default(),
            attention: Arc::default(),
        });
        self.most_connections = self.most_connections.max(self.open_connections());
        self.connections.len() as u64
    }

    /// Records that a call begins, and what of it the contract forbids.
    pub(super) fn begin(&mut self, connection: u64, method: Method, text: &str, values: &[Value]) -> Record {
        let thread = thread::current();
        let began = self.next();
        let lendable = self.settings.lendable;
        let mut violation = None;
        let mut depth = 0;
        // A signal comes from outside, beside whatever runs.
        let is_signal = matches!(method, Method::Cancel | Method::Sever);
        if let Some(connection) = self.connection(connection).filter(|_| !is_signal) {
            depth = connection.running.len();
            violation = connection.violation(method, thread.id(), lendable);
            connection.running.push((began, thread.id()));
        }
        if let Some(violation) = violation {
            self.violations.push(format!("{connection} {method:?} {text}: {violation}"));
        }
        let record = Record {
            id: began,
            began,
            ended: None,
            connection,
            method,
            text: text.to_owned(),
            values: values.to_vec(),
            thread: thread.id(),
            thread_name: thread.name().unwrap_or_default().to_owned(),
            depth,
            outcome: Outcome::Running,
        };
        // A row has a record only where a rule speaks of it, and then it is put in at its end.
        if method != Method::Fetch {
            self.records.push(record.clone());
        }
        record
    }

    /// Records that a call ended.
    pub(super) fn end(&mut self, mut record: Record, outcome: Outcome) {
        let ended = self.next();
        if let Some(connection) = self.connection(record.connection) {
            connection.running.retain(|(call, _)| *call != record.id);
            connection.cancelled.remove(&record.id);
            connection.has_panicked |= outcome == Outcome::Panicked;
        }
        if self.settings.unrecorded {
            self.records.retain(|other| other.id != record.id);
            return;
        }
        record.ended = Some(ended);
        record.outcome = outcome;
        match self.records.iter_mut().rev().find(|other| other.id == record.id) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
    }
}

impl Connection {
    /// What is wrong with calling this now, if anything is.
    fn violation(&self, method: Method, thread: ThreadId, lendable: bool) -> Option<&'static str> {
        if self.running.last().is_some_and(|(_, other)| *other != thread) {
            return Some("another thread is inside this connection");
        }
        if thread != self.home && !lendable {
            return Some("this is not the thread that connected it, and it is not lendable");
        }
        if self.has_panicked && method != Method::Drop {
            return Some("the driver has panicked on this connection: it may only be dropped");
        }
        if matches!(method, Method::Close | Method::Drop | Method::State) {
            return None;
        }
        if self.was_unknown {
            return Some("the connection did not know its state: it may only be closed");
        }
        if self.is_unfenced {
            return Some("a cancel may still be on its way to this connection: it may only be closed");
        }
        if method == Method::Reset && self.session.is_open() && !self.is_broken {
            return Some("a transaction is open while the session is reset");
        }
        if method == Method::Begin && self.session.is_open() && !self.is_broken {
            return Some("a transaction is open already");
        }
        None
    }

    /// The innermost call that runs.
    pub(super) fn current(&self) -> Option<u64> {
        self.running.last().map(|(call, _)| *call)
    }

    /// It is of no use any more; what its transaction did is undone.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
        self.session.forget();
        self.attention.store(true, Ordering::Release);
    }
}
