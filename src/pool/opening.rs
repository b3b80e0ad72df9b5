//! Opening a connection in a berth, and asking one that was idle whether it lives.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pontoon_bridge::{Gate, Lost, Overseer, Settled, Worker, WorkerOptions};

use super::berth::Mooring;
use super::hold::Claim;
use super::parting::{Fault, Retirement};
use super::record::{Record, Tally};
use super::{CONNECTION_JOBS, Crew, Hold, OnOpen, PROBE_TIME, Pool, fault};
use crate::driver::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Meter;
use crate::moment::after;
use crate::observe::{Observer, PoolEvent};
use crate::query::QueryOptions;
use crate::session::{Boat, News, Session, Ticket, Turn, View};
use crate::site::Site;

/// How often one who waits for workers to come back looks whether they have.
const LOOK: Duration = Duration::from_millis(10);

/// Hears what happens to a worker, and keeps the pool's books.
pub(super) struct Books {
    record: Arc<Record>,
    tally: Arc<Tally>,
    observer: Arc<Observer>,
    worker: parking_lot::Mutex<Option<Worker<Boat>>>,
    pool: Weak<Pool>,
}

impl Overseer for Books {
    fn stuck(&self) {
        self.record.die(Fault::Stuck);
        self.record.gets_stuck();
        Tally::count(&self.tally.stuck);
        self.observer.pool(&PoolEvent::Stuck { number: self.record.number() });
        // What is queued behind the stuck call is refused now: the way back to the pool is among it.
        // Not under the lock: what is dropped with a refused job may be the last hold on the whole pool, and with it this
        // worker's mooring, which takes the same lock.
        let worker = self.worker.lock().take();
        if let Some(worker) = worker {
            worker.close();
        }
    }

    fn recovered(&self) {
        self.record.comes_back();
        self.observer.pool(&PoolEvent::CameBack { number: self.record.number() });
    }

    fn ended(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.strike(&self.record);
        }
    }

    fn panicked(&self, _message: &str) {
        self.record.die(Fault::Panicked);
        Tally::count(&self.tally.panics);
    }
}

impl Pool {
    /// Makes the berth's connection one that is open and lives, or opens one.
    pub(super) async fn make_ready(self: &Arc<Pool>, mut claim: Claim, deadline: Instant, site: Site) -> Result<Hold> {
        let begun = Instant::now();
        if self.survives(&mut claim, deadline).await {
            return Ok(Hold::new(claim, Arc::clone(self), site, Instant::now()));
        }
        let mut cause: Option<Error> = None;
        loop {
            self.await_budget(begun, deadline).await?;
            match self.open(&mut claim, deadline).await {
                Ok(()) => return Ok(Hold::new(claim, Arc::clone(self), site, Instant::now())),
                Err(error) if error.kind() == ErrorKind::PoolDegraded || !is_passing(&error) => return Err(error),
                Err(error) => {
                    // That the last attempt was cut short tells less than what ended the one before.
                    if error.kind() != ErrorKind::Timeout || cause.is_none() {
                        cause = Some(error);
                    }
                    if !self.backoff.pause(Some(deadline)).await {
                        return Err(self.exhausted(begun, cause));
                    }
                    if self.gate.is_closed() {
                        return Err(fault::closed());
                    }
                }
            }
        }
    }

    /// Waits until one more worker may be started.
    async fn await_budget(&self, begun: Instant, deadline: Instant) -> Result<()> {
        loop {
            let error = match self.check_budget() {
                Err(error) if error.kind() != ErrorKind::PoolDegraded => error,
                decided => return decided,
            };
            let now = Instant::now();
            if now >= deadline {
                return Err(self.exhausted(begun, Some(error)));
            }
            let waited = pontoon_bridge::sleep_until(deadline.min(now + LOOK)).await;
            if self.gate.is_closed() {
                return Err(fault::closed());
            }
            if waited.is_err() {
                return Err(self.exhausted(begun, Some(error)));
            }
        }
    }

    /// Whether what is moored can be used; if not, the berth is empty afterwards.
    async fn survives(&self, claim: &mut Claim, deadline: Instant) -> bool {
        if claim.berth.mooring.is_none() {
            return false;
        }
        if self.is_ready(claim, Instant::now()) {
            return true;
        }
        let Some(mooring) = &claim.berth.mooring else { return false };
        if mooring.record.is_connecting() {
            // Its opening was broken off.
            claim.berth.mooring = None;
            return false;
        }
        if mooring.record.is_dead() {
            self.discard(claim, Fault::Broken);
            return false;
        }
        let outdated = mooring.record.generation() != self.standing.generation();
        if outdated || mooring.expires.is_some_and(|expires| Instant::now() >= expires) {
            self.retire(claim, if outdated { Retirement::Outdated } else { Retirement::Old });
            return false;
        }
        let doubts = self.standing.doubts();
        match self.probe(mooring, deadline).await {
            Ok(()) => {
                if let Some(mooring) = &mut claim.berth.mooring {
                    mooring.doubts = doubts;
                }
                true
            }
            Err(error) => {
                if error.kind() == ErrorKind::ConnectionLost {
                    // What ended it may have ended others, which are asked too before they are lent.
                    mooring.record.heard(News::Broke);
                }
                self.discard(claim, Fault::Silent);
                false
            }
        }
    }

    /// Asks an idle connection whether it lives.
    pub(super) async fn probe(&self, mooring: &Mooring, deadline: Instant) -> Result<()> {
        let until = deadline.min(Instant::now() + PROBE_TIME);
        let reply = mooring.worker.submit(Some(until), move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            let mut core = view.core()?;
            core.ping(&Turn::new(ticket, Some(until), QueryOptions::default()))
        });
        reply.await.unwrap_or_else(|lost| Err(fault::no_answer(&lost)))
    }

    /// Opens a connection in an empty berth, with a worker of its own.
    async fn open(self: &Arc<Pool>, claim: &mut Claim, deadline: Instant) -> Result<()> {
        let cut_short = |error: &Error| error.kind() == ErrorKind::Timeout && Instant::now() >= deadline;
        let begun = Instant::now();
        match self.try_open(deadline).await {
            Ok(_) if self.gate.is_closed() => Err(fault::closed()),
            Ok(mooring) => {
                self.opened(&mooring, begun.elapsed());
                claim.berth.mooring = Some(Box::new(mooring));
                Ok(())
            }
            Err(_) if self.gate.is_closed() => Err(fault::closed()),
            Err(error) => {
                self.tally.failed_to_connect(self.observer.redacted(&error.to_string()), cut_short(&error));
                self.observer.pool(&PoolEvent::NotOpened { error: &error });
                Err(error)
            }
        }
    }

    async fn try_open(self: &Arc<Pool>, deadline: Instant) -> Result<Mooring> {
        let mooring = self.launch()?;
        let until = self.connect_until(deadline);
        let reply = mooring.worker.submit(Some(until), self.connecting(until));
        match reply.await {
            Ok(Ok(())) => Ok(mooring),
            Ok(Err(error)) => Err(error),
            Err(Lost::Expired) => Err(Error::new(
                ErrorKind::Timeout,
                "the connection was not open in time (connect_timeout, or the caller's own deadline)",
            )
            .with_effect(crate::Effect::NotSent)),
            Err(Lost::Panicked(panic)) => Err(fault::panicked(&self.redactor.redact(panic.message()))),
            Err(lost) => Err(fault::no_answer(&lost)),
        }
    }

    /// Opens a connection in an empty berth, which nobody waits for: the berth goes back when it is done.
    pub(super) fn open_unattended(self: &Arc<Pool>, mut claim: Claim) {
        let Ok(mooring) = self.launch() else { return };
        let (worker, record) = (mooring.worker.clone(), Arc::clone(&mooring.record));
        claim.berth.mooring = Some(Box::new(mooring));
        let until = self.connect_until(after(self.terms.acquire_timeout));
        let connecting = self.connecting(until);
        let (tally, observer, begun) = (Arc::clone(&self.tally), Arc::clone(&self.observer), Instant::now());
        let opens = worker.submit(Some(until), move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            if let Err(error) = connecting(view, ticket) {
                tally.failed_to_connect(observer.redacted(&error.to_string()), false);
                observer.pool(&PoolEvent::NotOpened { error: &error });
                record.die(Fault::Broken);
            }
        });
        opens.detach();
        let pool = Arc::clone(self);
        // The claim waits behind the opening and not in it: should that never return, it is dropped with the queue when
        // the worker is found to be stuck.
        let back = worker.submit(None, move |view: &mut View<'_>, _: &Ticket<'_>| {
            let is_open = view.core().is_ok() && !pool.gate.is_closed();
            match &claim.berth.mooring {
                Some(mooring) if is_open && !mooring.record.is_dead() => {
                    pool.opened(mooring, begun.elapsed());
                    pool.moor(claim);
                }
                _ => claim.berth.mooring = None,
            }
        });
        back.detach();
    }

    fn opened(&self, mooring: &Mooring, took: Duration) {
        self.backoff.succeeded();
        self.tally.connected(took);
        mooring.record.opened();
        self.observer.pool(&PoolEvent::Opened { number: mooring.record.number(), took });
    }

    fn connect_until(&self, deadline: Instant) -> Instant {
        match self.terms.connect_timeout {
            Some(timeout) => deadline.min(after(timeout)),
            None => deadline,
        }
    }

    /// Starts a worker with an empty place.
    fn launch(self: &Arc<Pool>) -> Result<Mooring> {
        if self.waits_for_itself() {
            return Err(fault::nested());
        }
        self.check_budget()?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let meter = Arc::new(Meter::new(Arc::clone(&self.observer), self.source.lendable()));
        let record = Arc::new(Record::new(number, Arc::clone(&meter), Arc::clone(&self.standing)));
        let books = Arc::new(Books {
            record: Arc::clone(&record),
            tally: Arc::clone(&self.tally),
            observer: Arc::clone(&self.observer),
            worker: parking_lot::Mutex::new(None),
            pool: Arc::downgrade(self),
        });
        let options = WorkerOptions::new(format!("{}-{number}", self.terms.name)).overseer(books.clone());
        let (cleaning, tidy) = (self.terms.cleaning, Arc::clone(&record.tidy));
        let worker = Worker::spawn(options, move || Boat::new(meter, cleaning, tidy)).map_err(|error| {
            Error::new(
                ErrorKind::ResourceExhausted,
                "the thread of a new connection could not be started: free some threads or memory",
            )
            .with_effect(crate::Effect::NotSent)
            .with_source(error)
        })?;
        // A worker that holds a handle of itself would never end by itself: a mooring closes it as it goes.
        *books.worker.lock() = Some(worker.clone());
        // In the books from here on, for whoever closes the pool, or gives this one up.
        self.crews.lock().push(Crew { record: Arc::clone(&record), worker: worker.clone() });
        if self.gate.is_closed() {
            worker.close();
        }
        let now = Instant::now();
        Ok(Mooring {
            worker: Moored { worker, books },
            queue: Gate::new(CONNECTION_JOBS, usize::MAX),
            expires: self.terms.max_lifetime.map(|lifetime| after(jittered(lifetime))),
            idle_since: now,
            proven: now,
            doubts: self.standing.doubts(),
            record,
        })
    }

    /// The job that opens the connection of a worker.
    fn connecting(
        self: &Arc<Pool>,
        until: Instant,
    ) -> impl FnOnce(&mut View<'_>, &Ticket<'_>) -> Result<()> + Send + 'static {
        let (source, redactor) = (Arc::clone(&self.source), self.redactor.clone());
        let on_open = self.on_open.clone();
        move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            view.connect(ticket, &*source, &redactor, &Call::new(Some(until), ticket.cancel_flag()))?;
            run_hook(on_open.as_ref(), view, ticket, until)
        }
    }

    /// Sets a connection up as it was when it was opened, after a reset has undone that.
    /// Whether it can be used then.
    pub(super) fn set_up_again(&self, view: &mut View<'_>, ticket: &Ticket<'_>) -> bool {
        let until = self.connect_until(after(self.terms.acquire_timeout));
        let (result, settled) = ticket.section(until, |part| run_hook(self.on_open.as_ref(), view, part, until));
        result.is_ok() && matches!(settled, Settled::Untouched | Settled::Fenced)
    }
}

/// Runs the hook for new connections, if there is one.
fn run_hook(on_open: Option<&OnOpen>, view: &mut View<'_>, ticket: &Ticket<'_>, until: Instant) -> Result<()> {
    let Some(on_open) = on_open else { return Ok(()) };
    let turn = Turn::new(ticket, Some(until), QueryOptions::default());
    let mut core = view.core()?;
    on_open(&Session::new(core.reborrow(), &turn, None))
        .map_err(|error| error.context("the hook for new connections failed"))?;
    core.forget_traces();
    Ok(())
}

/// A worker in a berth. Dropped, it is closed: it finishes what it does, refuses what is queued, closes its connection on
/// its own thread and ends. One that is in a call stays in the pool's books until it is back.
pub(super) struct Moored {
    worker: Worker<Boat>,
    books: Arc<Books>,
}

impl std::ops::Deref for Moored {
    type Target = Worker<Boat>;

    fn deref(&self) -> &Worker<Boat> {
        &self.worker
    }
}

impl Drop for Moored {
    fn drop(&mut self) {
        if let Some(pool) = self.books.pool.upgrade() {
            if self.worker.is_running() && !self.worker.is_mine() {
                self.books.record.abandon();
            } else {
                pool.strike(&self.books.record);
            }
        }
        self.worker.close();
        let own = self.books.worker.lock().take();
        drop(own);
    }
}

/// Whether trying to connect again makes sense.
fn is_passing(error: &Error) -> bool {
    error.kind().is_transient() || error.kind() == ErrorKind::Timeout
}

/// A lifetime up to a tenth shorter, drawn once for each connection, so that they do not all end together.
fn jittered(lifetime: Duration) -> Duration {
    lifetime - lifetime.mul_f64(0.1 * crate::random::unit())
}
