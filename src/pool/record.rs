//! What the pool can tell of itself: who holds which connection, since when, for what; and how often what happened.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::parting::Fault;
use super::standing::Standing;
use crate::metrics::{Counters, Discards, Histogram, Meter, Metrics};
use crate::session::{News, Tidy};
use crate::site::Site;
use crate::sql::{Statement, cut};

/// How much of a statement is shown, in bytes.
const STATEMENT: usize = 120;

/// What one connection is doing.
#[derive(Debug)]
pub(crate) struct Record {
    /// Counted from 1 for each database.
    pub(super) number: u64,
    pub(super) meter: Arc<Meter>,
    standing: Arc<Standing>,
    /// That of the pool when it was opened.
    generation: u64,
    begun: Instant,
    holding: Mutex<Holding>,
    /// Where the statement in `holding` is, or 0: changed under its lock, and looked at without, since in a loop it is the
    /// same one again and again. What is held there lives, so nothing else can be in the same place.
    statement_at: AtomicUsize,
    /// It is not open yet.
    is_connecting: AtomicBool,
    /// It was let go of while its driver was in a call.
    is_abandoned: AtomicBool,
    /// Above zero while its worker does not come back from a call that was cancelled and severed. A number, because the
    /// news that it came back may overtake the news that it did not.
    stuck: AtomicIsize,
    /// Not zero when it is not to be used for anything new: one more than the place of the reason in `Fault::ALL`.
    dead: AtomicU8,
    leak_reported: AtomicBool,
    /// Something may be installed on it that calls back into the program: its own thread alone runs statements on it.
    own_thread_only: AtomicBool,
    pub(super) tidy: Arc<Tidy>,
}

#[derive(Debug, Default)]
struct Holding {
    holder: Option<(Site, Instant)>,
    statement: Option<Statement>,
}

impl Record {
    pub(super) fn new(number: u64, meter: Arc<Meter>, standing: Arc<Standing>) -> Record {
        Record {
            number,
            meter,
            generation: standing.generation(),
            standing,
            begun: Instant::now(),
            holding: Mutex::default(),
            statement_at: AtomicUsize::new(0),
            is_connecting: AtomicBool::new(true),
            is_abandoned: AtomicBool::new(false),
            stuck: AtomicIsize::new(0),
            dead: AtomicU8::new(0),
            leak_reported: AtomicBool::new(false),
            own_thread_only: AtomicBool::new(false),
            tidy: Arc::default(),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// It has learnt something that concerns the others.
    pub(super) fn heard(&self, news: News) {
        self.standing.hear(news, self.generation);
    }

    pub(super) fn taken(&self, site: Site, now: Instant) {
        self.holding.lock().holder = Some((site, now));
    }

    pub(super) fn returned(&self) {
        let mut holding = self.holding.lock();
        let former = std::mem::take(&mut *holding);
        self.statement_at.store(0, Ordering::Relaxed);
        drop(holding);
        drop(former);
        if self.leak_reported.load(Ordering::Relaxed) {
            self.leak_reported.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn runs(&self, statement: Option<&Statement>) {
        let at = statement.map_or(0, Statement::address);
        if at != 0 && at == self.statement_at.load(Ordering::Relaxed) {
            return;
        }
        let mut holding = self.holding.lock();
        self.statement_at.store(at, Ordering::Relaxed);
        let former = std::mem::replace(&mut holding.statement, statement.cloned());
        drop(holding);
        drop(former);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire) != 0
    }

    /// Why it is not to be used for anything new: the first reason that there was.
    pub(super) fn fault(&self) -> Option<Fault> {
        let place = usize::from(self.dead.load(Ordering::Acquire)).checked_sub(1)?;
        Fault::ALL.get(place).copied()
    }

    /// Whether it is open and good.
    pub(super) fn is_fit(&self) -> bool {
        !self.is_dead() && !self.is_connecting()
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn die(&self, fault: Fault) {
        // The first reason stays: what comes after it is mostly its consequence.
        let _ = self.dead.compare_exchange(0, fault as u8 + 1, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(super) fn keep_to_its_thread(&self) {
        self.own_thread_only.store(true, Ordering::Release);
    }

    pub(super) fn is_kept_to_its_thread(&self) -> bool {
        self.own_thread_only.load(Ordering::Acquire)
    }

    pub(super) fn opened(&self) {
        self.is_connecting.store(false, Ordering::Release);
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.is_connecting.load(Ordering::Acquire)
    }

    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    pub(super) fn gets_stuck(&self) {
        self.stuck.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn comes_back(&self) {
        self.stuck.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Acquire) > 0
    }

    /// Who has held it for longer than `threshold`, the first time that this is asked of one holding.
    pub(super) fn new_leak(&self, threshold: Duration, now: Instant) -> Option<(Site, Duration)> {
        let holding = self.holding.lock();
        let (site, since) = holding.holder.as_ref()?;
        let held = now.saturating_duration_since(*since);
        (held >= threshold && !self.leak_reported.swap(true, Ordering::Relaxed)).then(|| (site.clone(), held))
    }

    pub(super) fn snapshot(&self, now: Instant) -> ConnectionSnapshot {
        let holding = self.holding.lock();
        let state = if self.is_stuck() {
            ConnectionState::Stuck
        } else if self.is_abandoned() {
            ConnectionState::Abandoned
        } else if self.is_connecting() {
            ConnectionState::Connecting
        } else if holding.holder.is_none() {
            ConnectionState::Idle
        } else {
            ConnectionState::Busy
        };
        ConnectionSnapshot {
            number: self.number,
            state,
            age: now.saturating_duration_since(self.begun),
            holder: holding.holder.as_ref().map(|(site, since)| HolderSnapshot {
                location: site.location(),
                thread: site.thread(),
                held: now.saturating_duration_since(*since),
            }),
            statement: holding.statement.as_ref().map(|statement| cut(statement.fingerprint().to_owned(), STATEMENT)),
        }
    }
}

/// How often what happened, since the database was made.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) discarded: AtomicU64,
    pub(super) connect_failures: AtomicU64,
    pub(super) waits: AtomicU64,
    pub(super) wait_nanos: AtomicU64,
    pub(super) timeouts: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) leaks: AtomicU64,
    pub(super) stuck: AtomicU64,
    pub(super) commits_unknown: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
    times: Mutex<Times>,
    last_failure: Mutex<Option<String>>,
    last_leak: Mutex<Option<String>>,
}

/// Times of what is rare enough to be counted under a lock.
#[derive(Debug, Default)]
struct Times {
    acquire: Histogram,
    connect: Histogram,
}

impl Tally {
    /// A caller had to wait for its connection.
    pub(super) fn acquired(&self, took: Duration) {
        self.times.lock().acquire.record(took);
    }

    /// A connection was opened.
    pub(super) fn connected(&self, took: Duration) {
        Tally::count(&self.opened);
        self.times.lock().connect.record(took);
    }

    pub(super) fn discard(&self, fault: Fault) {
        Tally::count(&self.discarded);
        Tally::count(&self.faults[fault as usize]);
    }

    /// What it has counted so far, added to what others have.
    pub(super) fn add_to(&self, sum: &mut Metrics) {
        {
            let times = self.times.lock();
            sum.acquire.add(&times.acquire);
            sum.connect.add(&times.connect);
        }
        sum.stuck += self.stuck.load(Ordering::Relaxed);
        sum.commits_unknown += self.commits_unknown.load(Ordering::Relaxed);
        let discards: &mut Discards = &mut sum.discards;
        for fault in Fault::ALL {
            let of = match fault {
                Fault::Broken => &mut discards.broken,
                Fault::Unclean => &mut discards.unclean,
                Fault::Silent => &mut discards.silent,
                Fault::Panicked => &mut discards.panicked,
                Fault::Stuck => &mut discards.stuck,
            };
            *of += self.faults[fault as usize].load(Ordering::Relaxed);
        }
        sum.pool.add(&self.counters());
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, wait: Duration) {
        Tally::count(&self.waits);
        self.wait_nanos.fetch_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// `was_cut_short` by the deadline of its caller, which says nothing about the database.
    pub(super) fn failed_to_connect(&self, error: String, was_cut_short: bool) {
        let mut last = self.last_failure.lock();
        // Under the lock: who sees the number sees the text.
        Tally::count(&self.connect_failures);
        if last.is_none() || !was_cut_short {
            *last = Some(error);
        }
    }

    pub(super) fn leaked(&self, leak: String) {
        let mut last = self.last_leak.lock();
        // As above.
        Tally::count(&self.leaks);
        *last = Some(leak);
    }

    pub(super) fn last_leak(&self) -> Option<String> {
        self.last_leak.lock().clone()
    }

    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().clone()
    }

    pub(super) fn counters(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            opened: get(&self.opened),
            closed: get(&self.closed),
            discarded: get(&self.discarded),
            connect_failures: get(&self.connect_failures),
            waits: get(&self.waits),
            waited: Duration::from_nanos(get(&self.wait_nanos)),
            timeouts: get(&self.timeouts),
            panics: get(&self.panics),
            leaks: get(&self.leaks),
        }
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It waits in the pool.
    Idle,
    /// Somebody holds it.
    Busy,
    /// It is being opened.
    Connecting,
    /// It was given up while its driver was in a call, which has not come back yet; it will not be used again.
    Abandoned,
    /// Its driver does not come back from a call that was cancelled and severed.
    Stuck,
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ConnectionState::Idle => "idle",
            ConnectionState::Busy => "busy",
            ConnectionState::Connecting => "connecting",
            ConnectionState::Abandoned => "abandoned",
            ConnectionState::Stuck => "stuck",
        })
    }
}

/// Who holds a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HolderSnapshot {
    /// Where in the program it was taken.
    pub location: &'static Location<'static>,
    /// The name of the thread that took it, or its number where it has none.
    pub thread: String,
    /// For how long.
    pub held: Duration,
}

/// One connection in a [`Snapshot`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionSnapshot {
    /// Counted from 1 for each database.
    pub number: u64,
    /// What it is doing.
    pub state: ConnectionState,
    /// How long ago its opening began.
    pub age: Duration,
    /// Who holds it, unless it is idle.
    pub holder: Option<HolderSnapshot>,
    /// The beginning of the [fingerprint](crate::sql::Statement::fingerprint) of the statement that ran last while it was
    /// held: neither literals nor the values of its parameters.
    pub statement: Option<String>,
}

/// The pool at one moment. `Display` prints it as a table.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The most connections there can be.
    pub size: usize,
    /// Connections that are open and waiting.
    pub idle: usize,
    /// Connections that somebody holds.
    pub busy: usize,
    /// Connections that are being opened.
    pub connecting: usize,
    /// Connections whose driver does not come back.
    pub stuck: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
    /// How often all connections were declared outdated.
    pub generation: u64,
    /// The last error of an attempt to connect, without secrets.
    pub last_connect_error: Option<String>,
    /// The last connection that was found to be held for longer than the leak threshold, and by whom.
    pub last_leak: Option<String>,
    /// What happened so far.
    pub counters: Counters,
    /// The connections, the longest held first, idle ones last.
    pub connections: Vec<ConnectionSnapshot>,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "size {}, busy {}, idle {}, connecting {}, stuck {}, waiting {}",
            self.size, self.busy, self.idle, self.connecting, self.stuck, self.waiting
        )?;
        for connection in &self.connections {
            write!(f, "\n  #{:<3} {:<10}", connection.number, connection.state)?;
            if let Some(holder) = &connection.holder {
                write!(f, " for {:.1?} by thread `{}`, taken at {}", holder.held, holder.thread, holder.location)?;
            }
            if let Some(statement) = &connection.statement {
                write!(f, ", last `{statement}`")?;
            }
        }
        if let Some(leak) = &self.last_leak {
            write!(f, "\n  last leak: {leak}")?;
        }
        if let Some(error) = &self.last_connect_error {
            write!(f, "\n  last connect error: {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_reported_once_a_holding() {
        let record = Record::new(1, Arc::default(), Arc::default());
        let now = Instant::now();
        let later = now + Duration::from_secs(10);
        assert!(record.new_leak(Duration::from_secs(5), later).is_none());
        record.taken(Site::here(), now);
        assert!(record.new_leak(Duration::from_secs(60), later).is_none());
        assert!(record.new_leak(Duration::from_secs(5), later).is_some());
        assert!(record.new_leak(Duration::from_secs(5), later).is_none());
        record.returned();
        record.taken(Site::here(), now);
        assert!(record.new_leak(Duration::from_secs(5), later).is_some());
    }
}
