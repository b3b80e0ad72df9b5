//! A connection in somebody's hands.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pontoon_bridge::{Gate, GateError, Lost, Permit, Reply, block_on};

use super::berth::{Berths, Mooring};
use super::parting::Fault;
use super::record::{Record, Tally};
use super::{Pool, fault};
use crate::error::Result;
use crate::observe::Around;
use crate::query::QueryOptions;
use crate::secret::Redactor;
use crate::session::{Cleaning, Core, Errand, Ticket, Turn, View};
use crate::site::Site;
use crate::wait::{ByThread, Wait};

/// How much later than the deadline a thread leaves: the cancel is sent *at* the deadline, and a driver that heeds it
/// comes back within this time with an answer that is better than "unknown".
const COURTESY: Duration = Duration::from_millis(25);

/// How a job's result is undone when its caller left without it.
pub(crate) type Undo<T> = fn(&mut Core<'_>, &Turn<'_>, T);

/// A connection, from the moment it is taken until its berth is back in the pool.
///
/// Dropping it gives it back: at once if it is clean, else by a job on its worker that cleans it first. Never blocks.
pub(crate) struct Hold {
    /// None once it is on its way back.
    claim: Option<Claim>,
    pool: Arc<Pool>,
}

/// A berth and the right to it. The fields go in this order: the berth is back before the permit is.
pub(super) struct Claim {
    pub(super) berth: r2d2::PooledConnection<Berths>,
    pub(super) permit: Permit,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").field("held", &self.claim.is_some()).finish_non_exhaustive()
    }
}

impl Hold {
    pub(super) fn new(claim: Claim, pool: Arc<Pool>, site: Site, now: Instant) -> Hold {
        if let Some(mooring) = &claim.berth.mooring {
            mooring.record.taken(site, now);
            mooring.record.meter.acquire();
        }
        Hold { claim: Some(claim), pool }
    }

    /// Not in a forked child: a job that is queued there is never answered.
    fn mooring(&self) -> Result<&Mooring> {
        self.pool.origin.check()?;
        self.claim.as_ref().and_then(|claim| claim.berth.mooring.as_deref()).ok_or_else(fault::gone)
    }

    /// Whether it is a connection of this pool.
    pub(crate) fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    /// Whether anything new may be done with it.
    pub(crate) fn is_usable(&self) -> bool {
        self.mooring().is_ok_and(|mooring| !mooring.record.is_dead() && !mooring.worker.is_closed())
    }

    /// Whether the current thread is inside a job of this very connection.
    pub(crate) fn is_mine(&self) -> bool {
        self.mooring().is_ok_and(|mooring| mooring.worker.is_mine())
    }

    /// Runs `job` on the connection and waits for it on this thread, which runs it itself where that is allowed.
    ///
    /// With an `undo`, a result that this call does not take any more is undone on the connection before anything else
    /// happens there.
    pub(crate) fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        lend: bool,
        deadline: Option<Instant>,
        undo: Option<Undo<T>>,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mooring = self.announce(&errand)?;
        let mut job = Some(job);
        if lend && self.pool.lends() && !mooring.record.is_kept_to_its_thread() {
            let (record, cleaning) = (&*mooring.record, self.pool.terms().cleaning);
            // No deadline for the watch: a driver that lends its connections bounds its calls by itself.
            let ran = mooring.worker.try_run_here(None, |view: &mut View<'_>, ticket: &Ticket<'_>| {
                job.take().map(|job| on_turn(record, cleaning, view, ticket, deadline, errand.options, job))
            });
            if let Ok(Some(result)) = ran {
                return result;
            }
        }
        // Nobody has taken it, so it is still there.
        let job = job.ok_or_else(fault::gone)?;
        block_on(self.send(ByThread, deadline, undo, self.on_worker(mooring, &errand, deadline, job)))
    }

    /// The same on the worker alone. Dropped while it is awaited: a job that has not started never runs, one that runs
    /// is cancelled.
    pub(crate) async fn dispatch<T: Send + 'static>(
        &self,
        wait: impl Wait,
        errand: Errand,
        deadline: Option<Instant>,
        undo: Option<Undo<T>>,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mooring = self.announce(&errand)?;
        self.send(wait, deadline, undo, self.on_worker(mooring, &errand, deadline, job)).await
    }

    /// Says what the connection is about to be used for, if it can be.
    fn announce(&self, errand: &Errand) -> Result<&Mooring> {
        let mooring = self.mooring()?;
        if mooring.worker.is_mine() {
            return Err(fault::nested());
        }
        mooring.record.runs(errand.statement.as_ref());
        if errand.installs {
            mooring.record.keep_to_its_thread();
        }
        Ok(mooring)
    }

    /// The job as the worker gets it.
    fn on_worker<T: Send + 'static>(
        &self,
        mooring: &Mooring,
        errand: &Errand,
        deadline: Option<Instant>,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> impl FnOnce(&mut View<'_>, &Ticket<'_>) -> Result<T> + Send + 'static {
        let options = errand.options;
        let (record, cleaning) = (Arc::clone(&mooring.record), self.pool.terms().cleaning);
        move |view: &mut View<'_>, ticket: &Ticket<'_>| on_turn(&record, cleaning, view, ticket, deadline, options, job)
    }

    /// Queues a job and brings its result.
    async fn send<T: Send + 'static>(
        &self,
        wait: impl Wait,
        deadline: Option<Instant>,
        undo: Option<Undo<T>>,
        job: impl FnOnce(&mut View<'_>, &Ticket<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = self.enter(wait, deadline).await?;
        self.send_from(place, deadline, undo, job)?.result(wait).await
    }

    /// A place in the connection's queue, to [send](Self::send_from) from; waits for one to `until` at most.
    pub(crate) async fn enter(&self, wait: impl Wait, until: Option<Instant>) -> Result<QueuePlace> {
        let mooring = self.mooring()?;
        if mooring.worker.is_mine() {
            return Err(fault::nested());
        }
        // In this order: whoever waits for a crowded connection keeps no place from those of the others.
        let of_connection = enter(wait, &mooring.queue, until).await?;
        Ok(QueuePlace { _of_database: enter(wait, &self.pool.jobs, until).await?, _of_connection: of_connection })
    }

    /// Queues a job in a place that was entered before.
    pub(crate) fn send_from<T: Send + 'static>(
        &self,
        place: QueuePlace,
        deadline: Option<Instant>,
        undo: Option<Undo<T>>,
        job: impl FnOnce(&mut View<'_>, &Ticket<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Sent<T>> {
        let mooring = self.mooring()?;
        let started = Arc::new(AtomicBool::new(false));
        let job = {
            let (started, record) = (Arc::clone(&started), Arc::clone(&mooring.record));
            let (around, sent) = (Around::here(), Instant::now());
            move |view: &mut View<'_>, ticket: &Ticket<'_>| {
                drop(place);
                record.tidy.set(false);
                record.meter.hopped(sent);
                started.store(true, Ordering::Release);
                around.run(|| job(view, ticket))
            }
        };
        let reply = match undo {
            None => mooring.worker.submit(deadline, job),
            Some(undo) => mooring.worker.submit_with(deadline, job, move |view, result: Result<T>| {
                if let (Ok(value), Ok(mut core)) = (result, view.core()) {
                    undo(&mut core, &Turn::mending(), value);
                }
            }),
        };
        Ok(Sent {
            reply: reply.leave_at(deadline.map(|deadline| deadline.checked_add(COURTESY).unwrap_or(deadline))),
            started,
            deadline,
            redactor: self.pool.redactor.clone(),
        })
    }

    /// Queues a job that nobody waits for, past every bound: a dropped handle has no other way to speak.
    pub(crate) fn post(&self, job: impl FnOnce(&mut Core<'_>, &Turn<'_>) + Send + 'static) {
        let Ok(mooring) = self.mooring() else { return };
        let record = Arc::clone(&mooring.record);
        let reply = mooring.worker.submit(None, move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            record.tidy.set(false);
            if let Ok(mut core) = view.core() {
                job(&mut core, &Turn::new(ticket, None, QueryOptions::default()));
            }
        });
        reply.detach();
    }

    /// Tells what it is about to be used for, to who asks.
    pub(crate) fn runs(&self, statement: Option<&crate::sql::Statement>) {
        if let Ok(mooring) = self.mooring() {
            mooring.record.runs(statement);
        }
    }

    /// Gives it back, as a drop does, from the call that took it: that cannot have become another process meanwhile.
    pub(crate) fn give_back(mut self) {
        if let Some(claim) = self.claim.take() {
            self.return_claim(claim);
        }
    }

    fn return_claim(&self, mut claim: Claim) {
        let cleaning = self.pool.terms().cleaning;
        let Some(mooring) = &mut claim.berth.mooring else { return };
        if mooring.record.is_dead() {
            self.pool.discard(&mut claim, Fault::Broken);
            return;
        }
        // In this order: a job that nobody waits for any more may begin or end meanwhile.
        if mooring.worker.is_idle() && mooring.record.tidy.is_set() {
            self.pool.moor(claim);
            return;
        }
        if self.pool.lends() && !mooring.record.is_kept_to_its_thread() {
            // A driver that panics here costs its connection, not the program that drops a handle.
            let clean = catch_unwind(AssertUnwindSafe(|| {
                mooring.worker.try_run_here(None, |view: &mut View<'_>, _: &Ticket<'_>| {
                    view.core().is_ok_and(|mut core| core.is_clean(cleaning))
                })
            }));
            match clean {
                Ok(Ok(true)) => return self.pool.moor(claim),
                Err(_) => return self.pool.discard(&mut claim, Fault::Panicked),
                Ok(_) => {}
            }
        }
        // Whoever comes meanwhile does not wait for another caller.
        claim.permit.comes_back();
        let pool = Arc::clone(&self.pool);
        let worker = mooring.worker.clone();
        let (cleaner, record) = (Arc::clone(&pool), Arc::clone(&mooring.record));
        let cleans = worker.submit(None, move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            cleaner.clean(&record, view, ticket, cleaning);
        });
        cleans.detach();
        // The claim waits behind the cleaning and not in it: should that never return, or the worker be closed first, it
        // is dropped with the queue, and the next holder finds the connection dead and empties the berth.
        let back = worker.submit(None, move |_: &mut View<'_>, _: &Ticket<'_>| pool.returned(claim));
        back.detach();
    }

    /// A commit was sent, and its caller was told that nobody knows what became of it.
    pub(crate) fn left_unknown(&self) {
        Tally::count(&self.pool.tally.commits_unknown);
    }

    /// Marks the connection as one that is not to be used again.
    pub(crate) fn condemn(&self) {
        if let Ok(mooring) = self.mooring() {
            mooring.record.die(Fault::Broken);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        if !self.pool.origin.is_here() {
            // A forked child: the connection is the parent's, and a lock may be held by a thread that is not here.
            let _ = ManuallyDrop::new(claim);
            return;
        }
        self.return_claim(claim);
    }
}

/// Runs a job on the connection's turn and keeps its books.
#[inline]
fn on_turn<T>(
    record: &Record,
    cleaning: Cleaning,
    view: &mut View<'_>,
    ticket: &Ticket<'_>,
    deadline: Option<Instant>,
    options: QueryOptions,
    job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T>,
) -> Result<T> {
    let mut core = view.core()?;
    let result = job(&mut core, &Turn::new(ticket, deadline, options));
    // On the worker a cancel can still come when the job is over, and it is said then; here nobody sends one any more.
    record.tidy.set(ticket.is_lent() && core.is_clean(cleaning));
    if core.is_in_doubt() {
        record.die(Fault::Broken);
    }
    if let Some(news) = core.take_news() {
        record.heard(news);
    }
    result
}

/// A place in the queue of a connection, given back when its job starts.
#[derive(Debug)]
pub(crate) struct QueuePlace {
    _of_database: Permit,
    _of_connection: Permit,
}

/// A job on its way.
pub(crate) struct Sent<T: Send + 'static> {
    reply: Reply<Result<T>>,
    started: Arc<AtomicBool>,
    deadline: Option<Instant>,
    redactor: Redactor,
}

impl<T: Send + 'static> std::fmt::Debug for Sent<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sent").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Sent<T> {
    /// What it came to. Dropped while it is awaited, the job is cancelled.
    pub(crate) async fn result(self, wait: impl Wait) -> Result<T> {
        let Sent { reply, started, redactor, .. } = self;
        let lost = |lost| Err(lost_error(lost, started.load(Ordering::Acquire), &redactor));
        wait.reply(reply).await.unwrap_or_else(lost)
    }

    /// Nobody asks any more what it came to; it is not cancelled.
    pub(crate) fn detach(self) {
        self.reply.detach();
    }
}

/// What a job's caller is told when no answer came. `started`: the job may have reached the database.
fn lost_error(lost: Lost, started: bool, redactor: &Redactor) -> crate::Error {
    match lost {
        Lost::Expired => fault::expired(started),
        Lost::Closed if started => fault::gone().with_effect(crate::Effect::Unknown),
        Lost::Closed => fault::gone(),
        Lost::Cancelled => fault::cancelled(),
        Lost::Refused(reason) => fault::busy(&reason),
        Lost::Panicked(panic) => fault::panicked(&redactor.redact(panic.message())),
        other => fault::no_answer(&other),
    }
}

/// A place in a queue.
async fn enter(wait: impl Wait, gate: &Gate, deadline: Option<Instant>) -> Result<Permit> {
    match gate.try_acquire() {
        Ok(permit) => Ok(permit),
        Err(_) => wait.permit(gate, deadline).await.map_err(|error| match error {
            GateError::Closed => fault::gone(),
            GateError::NoWatch => fault::no_watch(),
            _ => fault::queue_full(),
        }),
    }
}

/// How a connection is cleaned on its way back.
pub(super) fn cleaning_of(reset: crate::config::Reset) -> Cleaning {
    use crate::config::Reset;
    match reset {
        Reset::Never => Cleaning::Never,
        Reset::Light => Cleaning::Always(crate::driver::Reset::Light),
        Reset::Full => Cleaning::Always(crate::driver::Reset::Full),
        _ => Cleaning::AsNeeded,
    }
}
