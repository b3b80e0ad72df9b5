//! The pool: a fixed number of berths, each an empty place for a worker, kept by `r2d2`; a fair gate in front of them.
//!
//! `r2d2` never connects, checks or retires anything here: a berth is made empty, without thread or socket, so that
//! making one cannot block, fail or panic, and none is ever destroyed. The gate has exactly as many permits as there are
//! berths, and a permit is released only after its berth is back, so whoever holds a permit finds a berth at once. What
//! is moored in a berth is opened by the first holder who needs it, with that holder's deadline and error; it is retired
//! by emptying the berth.

mod backoff;
mod berth;
mod closing;
pub(crate) mod fault;
mod hold;
mod housekeeping;
mod opening;
mod parting;
mod record;
mod standing;

pub use record::{ConnectionSnapshot, ConnectionState, HolderSnapshot, Snapshot};

pub(crate) use hold::{Hold, Sent, Undo};

use std::panic::Location;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pontoon_bridge::{Alarm, Gate, GateError, Permit, Worker};

use crate::config::Config;
use crate::driver::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::fork::{Origin, check_process};
use crate::metrics::Metrics;
use crate::moment::after;
use crate::observe::{Observer, PoolEvent};
use crate::query::QueryOptions;
use crate::secret::Redactor;
use crate::session::{Boat, Cause, Cleaning, Ticket, Turn, View};
use crate::site::Site;
use crate::wait::Wait;
use backoff::Backoff;
use berth::Berths;
use hold::Claim;
use parting::{Fault, Retirement};
use record::{Record, Tally};
use standing::Standing;

/// How many jobs of one database may wait in the queues of its connections.
const DATABASE_JOBS: usize = 16_384;

/// How many jobs may wait in the queue of one connection.
const CONNECTION_JOBS: usize = 1_024;

/// A connection that was idle for no longer than this is not asked whether it lives before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long a caller waits for a connection while it keeps one that broke from the pool.
const BESIDE_ANOTHER: Duration = Duration::from_millis(500);

/// How long the answer to that question may take, when the caller's own deadline is further away.
const PROBE_TIME: Duration = Duration::from_secs(1);

/// What happens to a physical connection right after it was opened.
pub(crate) type OnOpen = Arc<dyn Fn(&crate::session::Session<'_>) -> Result<()> + Send + Sync>;

/// What the pool needs of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) size: usize,
    pub(crate) min_idle: usize,
    pub(crate) acquire_timeout: Duration,
    connect_timeout: Option<Duration>,
    pub(crate) cleaning: Cleaning,
    max_waiters: usize,
    max_stuck: usize,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    keepalive: Option<Duration>,
    leak_threshold: Option<Duration>,
    lend: bool,
    /// The driver's name, for the names of threads.
    name: &'static str,
}

impl Terms {
    fn of(config: &Config, name: &'static str, source: &dyn Source) -> Terms {
        let pool = config.pool();
        Terms {
            size: pool.size,
            min_idle: pool.min_idle.min(pool.size),
            acquire_timeout: pool.acquire_timeout,
            connect_timeout: config.connect_timeout(),
            cleaning: hold::cleaning_of(pool.reset),
            max_waiters: pool.max_waiters,
            max_stuck: pool.max_stuck,
            idle_timeout: pool.idle_timeout,
            max_lifetime: pool.max_lifetime,
            keepalive: pool.keepalive,
            leak_threshold: pool.leak_threshold,
            lend: config.lend() && source.lendable(),
            name,
        }
    }
}

/// A worker that lives, with the connection that it has, opens, or does not get rid of: for who must find them all.
struct Crew {
    record: Arc<Record>,
    worker: Worker<Boat>,
}

impl Crew {
    /// What it has done so far, added to what others have.
    fn add_to(&self, sum: &mut Metrics) {
        self.record.meter.add_to(sum);
        let counters = self.worker.counters();
        sum.jobs += counters.jobs;
        sum.lent += counters.lent;
        sum.cancels += counters.cancels;
        sum.cancels_late += counters.late_cancels;
        sum.severed += counters.severs;
    }
}

/// The connections of one database.
pub(crate) struct Pool {
    origin: Origin,
    me: Weak<Pool>,
    source: Arc<dyn Source>,
    terms: Terms,
    /// Takes secrets out of what drivers say.
    redactor: Redactor,
    on_open: Option<OnOpen>,
    gate: Gate,
    /// The permits of queued jobs, of all connections together.
    jobs: Gate,
    berths: r2d2::Pool<Berths>,
    /// The berth that came back last, kept at hand: to put it down in `r2d2` and take it up again costs two looks at the
    /// clock. The lock is held while berths are drawn and put back in one go, so that the holder of a permit never finds
    /// none.
    drawing: Mutex<Option<r2d2::PooledConnection<Berths>>>,
    backoff: Backoff,
    tally: Arc<Tally>,
    observer: Arc<Observer>,
    /// What the workers that are in the books no longer have counted.
    past: Mutex<Metrics>,
    /// Every worker, from its start until it is let go and has come back from the call that it was in.
    crews: Mutex<Vec<Crew>>,
    standing: Arc<Standing>,
    numbers: AtomicU64,
    housekeeping: Mutex<Option<Alarm>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        config: &Config,
        driver: &'static str,
        on_open: Option<OnOpen>,
        observer: Arc<Observer>,
    ) -> Result<Arc<Pool>> {
        check_process()?;
        let terms = Terms::of(config, driver, &*source);
        let (berths, housekeeping) = (berth::berths(terms.size)?, Mutex::new(None));
        let pool = Arc::new_cyclic(|me| Pool {
            origin: Origin::here(),
            me: Weak::clone(me),
            gate: Gate::new(terms.size, terms.max_waiters),
            jobs: Gate::new(DATABASE_JOBS, usize::MAX),
            berths,
            drawing: Mutex::new(None),
            backoff: Backoff::default(),
            tally: Arc::default(),
            observer,
            past: Mutex::default(),
            crews: Mutex::default(),
            standing: Arc::default(),
            numbers: AtomicU64::new(0),
            housekeeping,
            source,
            terms,
            redactor: config.redactor().clone(),
            on_open,
        });
        housekeeping::start(&pool)?;
        Ok(pool)
    }

    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether callers may run statements on their own threads.
    pub(crate) fn lends(&self) -> bool {
        self.terms.lend
    }

    /// Takes a connection that is at hand: nobody has it, and it was in use a moment ago. The way that nearly every call
    /// takes; none is what [`acquire`](Self::acquire) waits for.
    pub(crate) fn at_hand(self: Arc<Pool>, at: &'static Location<'static>, now: Instant) -> Result<Option<Hold>> {
        let Ok(permit) = self.gate.try_acquire() else { return Ok(None) };
        let claim = Claim { berth: self.draw()?, permit };
        Ok(self.is_ready(&claim, now).then(|| Hold::new(claim, self, Site::at(at), now)))
    }

    /// Takes a connection that is open and lives.
    ///
    /// The whole wait, for a permit, for the answer of an idle connection and for a new one to open, ends at
    /// `deadline`, or after the acquire timeout if that is nearer. Dropped while it is awaited: the place in the line, or
    /// the berth and what was being opened in it, is given back.
    pub(crate) async fn acquire(self: &Arc<Pool>, deadline: Option<Instant>, site: Site) -> Result<Hold> {
        if let Ok(permit) = self.gate.try_acquire() {
            return self.acquire_with(permit, deadline, site).await;
        }
        if self.waits_for_itself() {
            return Err(fault::nested());
        }
        self.acquire_in_line(deadline, site).await
    }

    async fn acquire_with(self: &Arc<Pool>, permit: Permit, deadline: Option<Instant>, site: Site) -> Result<Hold> {
        let claim = Claim { berth: self.draw()?, permit };
        let now = Instant::now();
        match self.is_ready(&claim, now) {
            true => Ok(Hold::new(claim, Arc::clone(self), site, now)),
            false => {
                // Boxed, as it is rare: else every call that waits would have the room for it.
                let hold = Box::pin(self.make_ready(claim, self.patience(deadline), site.clone())).await?;
                self.acquired(now, &site);
                Ok(hold)
            }
        }
    }

    /// The same for a caller that holds a connection already, one that broke: it does not wait for long for another one
    /// to come free, since all who could free one may be in the same position.
    pub(crate) async fn acquire_another(
        self: &Arc<Pool>,
        wait: impl Wait,
        deadline: Option<Instant>,
        site: Site,
    ) -> Result<Hold> {
        let brief = Instant::now() + BESIDE_ANOTHER;
        match wait.permit(&self.gate, Some(deadline.map_or(brief, |deadline| deadline.min(brief)))).await {
            Ok(permit) => self.acquire_with(permit, deadline, site).await,
            Err(GateError::Closed) => Err(fault::closed()),
            Err(GateError::NoWatch) => Err(fault::no_watch()),
            Err(_) => Err(fault::held_is_broken()),
        }
    }

    /// Whether the calling thread is inside a job that has the only connection, or one that is just being opened: a hook
    /// that opens another one for itself would find the same hook there.
    fn waits_for_itself(&self) -> bool {
        let crews = self.crews.lock();
        crews.iter().any(|crew| (self.terms.size == 1 || crew.record.is_connecting()) && crew.worker.is_mine())
    }

    /// The same behind others. What a thread waits for here takes its time, so that the alarm of the watch does not show.
    async fn acquire_in_line(self: &Arc<Pool>, deadline: Option<Instant>, site: Site) -> Result<Hold> {
        let begun = Instant::now();
        let deadline = self.patience(deadline);
        let permit = match self.gate.acquire(Some(deadline)).await {
            Ok(permit) => permit,
            Err(GateError::Closed) => return Err(fault::closed()),
            Err(GateError::TooManyWaiters) => return Err(fault::too_many_waiters(self.terms.max_waiters)),
            Err(GateError::NoWatch) => return Err(fault::no_watch()),
            Err(_) => return Err(self.exhausted(begun, None)),
        };
        self.tally.waited(begun.elapsed());
        let berth = self.draw()?;
        // Boxed, so that who waits has no room for what comes then.
        let hold = Box::pin(self.make_ready(Claim { berth, permit }, deadline, site.clone())).await?;
        self.acquired(begun, &site);
        Ok(hold)
    }

    /// A caller got a connection that it had to wait for.
    fn acquired(&self, begun: Instant, site: &Site) {
        let took = begun.elapsed();
        self.tally.acquired(took);
        self.observer.acquired(took, site);
    }

    /// Until when a caller waits for a connection.
    fn patience(&self, deadline: Option<Instant>) -> Instant {
        let patience = after(self.terms.acquire_timeout);
        deadline.map_or(patience, |deadline| deadline.min(patience))
    }

    /// A berth for the holder of a permit: one with an open connection if there is one near the top.
    fn draw(&self) -> Result<r2d2::PooledConnection<Berths>> {
        let missing = || Error::new(ErrorKind::Internal, "a permit was granted and no berth was there");
        let mut drawing = self.drawing.lock();
        if let Some(at_hand) = drawing.take() {
            return Ok(at_hand);
        }
        let first = self.berths.try_get().ok_or_else(missing)?;
        if first.mooring.is_some() {
            return Ok(first);
        }
        // Berths are kept in a stack, so open connections gather at its top; an empty one above them is swapped.
        match self.berths.try_get() {
            Some(second) if second.mooring.is_some() => Ok(second),
            _ => Ok(first),
        }
    }

    /// Whether the connection can be used as it is.
    fn is_ready(&self, claim: &Claim, now: Instant) -> bool {
        claim.berth.mooring.as_ref().is_some_and(|mooring| {
            mooring.record.is_fit()
                && mooring.record.generation() == self.standing.generation()
                && mooring.doubts == self.standing.doubts()
                && now.saturating_duration_since(mooring.proven) <= TRUSTED_IDLE
                && mooring.expires.is_none_or(|expires| now < expires)
        })
    }

    /// A connection that is clean goes back.
    fn moor(&self, mut claim: Claim) {
        if let Some(mooring) = &mut claim.berth.mooring {
            mooring.record.returned();
            mooring.idle_since = Instant::now();
            mooring.proven = mooring.idle_since;
        }
        let Claim { berth, permit } = claim;
        let displaced = self.drawing.lock().replace(berth);
        drop(displaced);
        // Last, as ever: whoever gets it finds a berth.
        drop(permit);
    }

    /// Cleans a connection on its way back; one that cannot be made clean is marked as one to throw away.
    fn clean(&self, record: &Record, view: &mut View<'_>, ticket: &Ticket<'_>, cleaning: Cleaning) {
        let outcome = match view.core() {
            Ok(mut core) => {
                let cleaned = core.clean(&Turn::new(ticket, None, QueryOptions::default()), cleaning);
                if let Some(news) = core.take_news() {
                    record.heard(news);
                }
                cleaned
            }
            Err(error) => Err(Cause::of(&error)),
        };
        let is_fit = match outcome {
            Ok(true) => self.set_up_again(view, ticket),
            Ok(false) => true,
            Err(_) => false,
        };
        if !is_fit {
            record.die(Fault::Unclean);
        }
    }

    /// The end of the way back.
    fn returned(&self, mut claim: Claim) {
        match &claim.berth.mooring {
            Some(mooring) if mooring.record.is_dead() => self.discard(&mut claim, Fault::Broken),
            _ => self.moor(claim),
        }
    }

    /// Throws a connection away: because of what was found wrong with it before, or of this.
    fn discard(&self, claim: &mut Claim, fault: Fault) {
        if let Some(mooring) = claim.berth.mooring.take() {
            let fault = mooring.record.fault().unwrap_or(fault);
            self.tally.discard(fault);
            self.observer.pool(&PoolEvent::Discarded { number: mooring.record.number(), why: fault.sentence() });
        }
    }

    /// Closes a connection in good order.
    fn retire(&self, claim: &mut Claim, why: Retirement) {
        if let Some(mooring) = claim.berth.mooring.take() {
            self.closed(&mooring.record, why);
        }
    }

    fn closed(&self, record: &Record, why: Retirement) {
        Tally::count(&self.tally.closed);
        self.observer.pool(&PoolEvent::Closed { number: record.number(), why: why.sentence() });
    }

    /// Takes a worker out of the books.
    fn strike(&self, record: &Arc<Record>) {
        let mut crews = self.crews.lock();
        let crew = crews.iter().position(|crew| Arc::ptr_eq(&crew.record, record)).map(|at| crews.swap_remove(at));
        if let Some(crew) = &crew {
            // In one go with the leaving, so that whoever adds everything up finds it exactly once.
            crew.add_to(&mut self.past.lock());
        }
        drop(crews);
        drop(crew);
    }

    /// Whether one more worker may be started, beside those that do not come back from what they were told to leave.
    fn check_budget(&self) -> Result<()> {
        let (mut stuck, mut abandoned) = (0, 0);
        for crew in self.crews.lock().iter() {
            if crew.record.is_stuck() {
                stuck += 1;
            } else if crew.record.is_abandoned() {
                abandoned += 1;
            }
        }
        let most = self.terms.max_stuck;
        if stuck > 0 && stuck >= most {
            return Err(fault::degraded(stuck));
        }
        if abandoned > 0 && stuck + abandoned >= most {
            return Err(fault::overdue(stuck + abandoned));
        }
        Ok(())
    }

    /// All connections that are open now are outdated: each is replaced when it is next free.
    pub(crate) fn outdate(&self) {
        self.standing.outdate();
    }

    fn exhausted(&self, begun: Instant, cause: Option<Error>) -> Error {
        Tally::count(&self.tally.timeouts);
        self.observer.pool(&PoolEvent::Exhausted { waited: begun.elapsed() });
        fault::exhausted(begun.elapsed(), &self.snapshot(), cause)
    }

    /// What everybody has done, added to what was done before.
    pub(crate) fn add_to(&self, sum: &mut Metrics) {
        {
            let crews = self.crews.lock();
            crews.iter().for_each(|crew| crew.add_to(sum));
            sum.add(&self.past.lock());
        }
        self.tally.add_to(sum);
    }

    /// What everybody is doing.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let records: Vec<Arc<Record>> = self.crews.lock().iter().map(|crew| Arc::clone(&crew.record)).collect();
        let mut connections: Vec<ConnectionSnapshot> = records.iter().map(|record| record.snapshot(now)).collect();
        let in_state = |state| connections.iter().filter(|connection| connection.state == state).count();
        let (idle, busy) = (in_state(ConnectionState::Idle), in_state(ConnectionState::Busy));
        let (connecting, stuck) = (in_state(ConnectionState::Connecting), in_state(ConnectionState::Stuck));
        let key = |connection: &ConnectionSnapshot| connection.holder.as_ref().map(|holder| holder.held);
        connections.sort_by_key(|connection| std::cmp::Reverse(key(connection)));
        // Before the texts of what is counted.
        let counters = self.tally.counters();
        Snapshot {
            size: self.terms.size,
            idle,
            busy,
            connecting,
            stuck,
            waiting: self.gate.waiting(),
            generation: self.standing.generation(),
            last_connect_error: self.tally.last_failure(),
            last_leak: self.tally.last_leak(),
            counters,
            connections,
        }
    }
}
