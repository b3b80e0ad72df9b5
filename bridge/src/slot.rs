//! The slot between a job and its reply: who may still run, and who gets the result.
//!
//! Two small machines. The *phase* says whether the job runs:
//!
//! ```text
//! Queued ──start──▶ Running ──────────finish──────────▶ Done
//!    │                 └──cancel──▶ CancelRequested ──finish──▶ Done
//!    └──cancel──▶ Cancelled
//! ```
//!
//! `start`, `cancel` and `finish` are its only transitions, each one atomic instruction; a job that was cancelled
//! while queued therefore never runs, and a job that runs was not. The *mail* holds the result until the receiver
//! takes it, under a mutex that nobody holds while foreign code runs: exactly one of {result, cancelled, expired}
//! reaches the caller, and the worker learns which.

use crate::Lost;
use crate::control::{Cause, Control};
#[cfg(not(any(loom, shuttle)))]
use crate::sync::MutexGuard;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Arc, Condvar, Mutex, seeded_bug, wait_until};
use crate::watch::Timed;
use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const CANCEL_REQUESTED: u8 = 2;
const DONE: u8 = 3;
const CANCELLED: u8 = 4;

/// Whether a job runs; see the module.
pub(crate) struct Phase(AtomicU8);

/// What a cancel found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// The job had not started and never will.
    InTime,
    /// It is running.
    Running,
    /// It is over, or was cancelled before.
    TooLate,
}

impl Phase {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(QUEUED))
    }

    /// Queued → Running. `false`: it was cancelled, and must not run.
    pub(crate) fn start(&self) -> bool {
        if seeded_bug("start_without_compare") {
            let phase = self.0.load(Ordering::Acquire);
            self.0.store(RUNNING, Ordering::Release);
            return phase == QUEUED;
        }
        self.0.compare_exchange(QUEUED, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Queued → Cancelled, or Running → CancelRequested.
    pub(crate) fn cancel(&self) -> Cancelled {
        let mut phase = self.0.load(Ordering::Acquire);
        loop {
            let (next, found) = match phase {
                QUEUED => (CANCELLED, Cancelled::InTime),
                RUNNING => (CANCEL_REQUESTED, Cancelled::Running),
                _ => return Cancelled::TooLate,
            };
            match self.0.compare_exchange(phase, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return found,
                Err(now) => phase = now,
            }
        }
    }

    pub(crate) fn finish(&self) {
        // A swap, not a store: a cancel that comes meanwhile is ordered before it or fails.
        self.0.swap(DONE, Ordering::AcqRel);
    }

    #[cfg(loom)]
    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) == DONE
    }

    /// Whether the job may still be started: a hint, only `start` decides.
    pub(crate) fn is_queued(&self) -> bool {
        self.0.load(Ordering::Acquire) == QUEUED
    }
}

/// Where the result is.
enum Mail<T> {
    /// Nothing yet, and nobody waits.
    Empty,
    /// Nothing yet; a thread sleeps on `arrived`, or is about to. It takes what comes or says that it leaves.
    Parked,
    /// Nothing yet, but a thread that was parked has been told to stay: what is delivered has been received.
    Promised,
    /// Nothing yet; a task looks out in its first poll. It takes what comes or says that it leaves: a result put here has
    /// been received.
    Glancing,
    /// Nothing yet; a future left its waker.
    Polled(Waker),
    /// A result of a job with an undo, until the receiver takes it. The worker waits.
    Offered(T),
    /// The same, and a thread waits for it: the worker is to take it back and deliver it.
    Claimed(T),
    /// The receiver went while a result was on offer.
    Returned(T),
    /// A result to take.
    Full(Result<T, Lost>),
    /// The receiver has taken its result, or has gone.
    Closed,
}

/// How an offer stands.
pub(crate) enum Offer<T> {
    /// The receiver has it.
    Received,
    /// The receiver waits for it, and does so until it is [delivered](Slot::deliver).
    Awaited(T),
    /// The receiver has not decided yet.
    Open,
    /// The receiver went away: here it is again.
    Returned(T),
}

pub(crate) struct Slot<T> {
    phase: Phase,
    id: u64,
    control: Arc<Control>,
    mail: Mutex<Mail<T>>,
    arrived: Condvar,
}

impl<T> Slot<T> {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self {
            phase: Phase::new(),
            id: control.next_id(),
            control,
            mail: Mutex::new(Mail::Empty),
            arrived: Condvar::new(),
        }
    }

    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    // The worker's side.

    /// Puts the result where the receiver finds it, or gives it back if there is no receiver any more.
    pub(crate) fn deliver(&self, result: Result<T, Lost>) -> Result<(), Result<T, Lost>> {
        let mut mail = self.mail.lock();
        match mem::replace(&mut *mail, Mail::Closed) {
            Mail::Empty | Mail::Glancing => *mail = Mail::Full(result),
            Mail::Parked | Mail::Promised => {
                *mail = Mail::Full(result);
                drop(mail);
                if !seeded_bug("deliver_without_notify") {
                    self.arrived.notify_one();
                }
            }
            // The worker did not come to take it back.
            Mail::Claimed(value) => {
                *mail = Mail::Full(Ok(value));
                drop(mail);
                self.arrived.notify_one();
                return Err(result);
            }
            Mail::Polled(waker) => {
                *mail = Mail::Full(result);
                drop(mail);
                if !seeded_bug("deliver_without_wake") {
                    waker.wake();
                }
            }
            // Expired, say: what is in the mail already is what the receiver gets.
            decided => {
                *mail = decided;
                return if seeded_bug("deliver_over_expired") { Ok(()) } else { Err(result) };
            }
        }
        Ok(())
    }

    /// Offers the result: it counts as received only once the receiver has taken it, or is sure to. `retire` is called
    /// before a receiver that goes on at once can see it.
    pub(crate) fn offer(&self, value: T, retire: impl FnOnce()) -> Offer<T> {
        let mut mail = self.mail.lock();
        match mem::replace(&mut *mail, Mail::Closed) {
            Mail::Empty => *mail = Mail::Offered(value),
            // Not before the worker is done with all that follows: it could not lend its seat to that thread's next call.
            Mail::Parked if !seeded_bug("wake_before_the_end") => {
                *mail = Mail::Promised;
                return Offer::Awaited(value);
            }
            // A thread only by that deliberate bug.
            Mail::Parked | Mail::Glancing => {
                // First: what that task asks for next is to find nothing before it.
                retire();
                *mail = Mail::Full(Ok(value));
                return Offer::Received;
            }
            Mail::Polled(waker) => {
                *mail = Mail::Offered(value);
                drop(mail);
                waker.wake();
            }
            decided => {
                *mail = decided;
                return Offer::Returned(value);
            }
        }
        Offer::Open
    }

    /// How the offer stands; with a reason, an offer that is still open is withdrawn for it.
    pub(crate) fn offered(&self, withdraw: Option<Lost>) -> Offer<T> {
        let mut mail = self.mail.lock();
        match (mem::replace(&mut *mail, Mail::Closed), withdraw) {
            (Mail::Returned(value), _) => Offer::Returned(value),
            (Mail::Claimed(value), _) => {
                *mail = Mail::Promised;
                Offer::Awaited(value)
            }
            (Mail::Offered(value), Some(lost)) => {
                *mail = Mail::Full(Err(lost));
                Offer::Returned(value)
            }
            (Mail::Offered(value), None) => {
                *mail = Mail::Offered(value);
                Offer::Open
            }
            (other, _) => {
                *mail = other;
                Offer::Received
            }
        }
    }

    // The receiver's side.

    /// Takes the result if there is one.
    fn take(&self, mail: &mut Mail<T>) -> Option<Result<T, Lost>> {
        match mem::replace(mail, Mail::Closed) {
            Mail::Full(result) => Some(result),
            Mail::Offered(value) => {
                self.control.nudge();
                Some(Ok(value))
            }
            other => {
                *mail = other;
                None
            }
        }
    }

    /// Waits on this thread, to `until` at most.
    pub(crate) fn wait(&self, until: Option<Instant>) -> Result<T, Lost> {
        // A waker left by an earlier poll is dropped after the lock: that may run any code of its executor.
        let _former;
        let mut mail = self.mail.lock();
        let is_offered = matches!(*mail, Mail::Offered(_)) && !seeded_bug("take_the_offer");
        if !is_offered && let Some(result) = self.take(&mut mail) {
            return result;
        }
        match mem::replace(&mut *mail, Mail::Parked) {
            // Not taken here and now: the worker is not done yet.
            Mail::Offered(value) => {
                *mail = Mail::Claimed(value);
                self.control.nudge();
            }
            former => _former = former,
        }
        #[cfg(not(any(loom, shuttle)))]
        MutexGuard::unlocked(&mut mail, || self.look_out(until));
        loop {
            if let Some(result) = self.take(&mut mail) {
                return result;
            }
            // Promised, it is there in a moment, and must not be left.
            let until = if matches!(*mail, Mail::Promised | Mail::Claimed(_)) { None } else { until };
            let timed_out = wait_until(&self.arrived, &mut mail, until);
            if timed_out && matches!(*mail, Mail::Parked) {
                *mail = Mail::Closed;
                drop(mail);
                self.cancel(Cause::Deadline);
                return Err(Lost::Expired);
            }
        }
    }

    /// Looks out for the result before the thread goes to sleep. As far as the worker knows it sleeps already, so that
    /// what comes has been received.
    #[cfg(not(any(loom, shuttle)))]
    fn look_out(&self, until: Option<Instant>) {
        self.control.habits().threads.look_out(until, || self.has_come());
    }

    /// Whether the first poll of a task looks out for the result, before it leaves a waker.
    #[cfg(not(any(loom, shuttle)))]
    fn may_glance(&self) -> bool {
        self.glances().is_some()
    }

    #[cfg(not(any(loom, shuttle)))]
    fn glance(&self) {
        if let Some(glances) = self.glances() {
            glances.look_out(None, || self.has_come());
        }
    }

    #[cfg(not(any(loom, shuttle)))]
    fn glances(&self) -> Option<&crate::Patience> {
        self.control.habits().of_a_task(self.control.pending())
    }

    /// In a model it always does, once: what comes meanwhile, and what comes after it, is what there is to see.
    #[cfg(any(loom, shuttle))]
    fn may_glance(&self) -> bool {
        true
    }

    #[cfg(any(loom, shuttle))]
    fn glance(&self) {
        crate::sync::thread::yield_now();
    }

    #[cfg(not(any(loom, shuttle)))]
    fn has_come(&self) -> bool {
        !matches!(*self.mail.lock(), Mail::Parked | Mail::Promised | Mail::Claimed(_) | Mail::Glancing)
    }

    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Result<T, Lost>> {
        {
            let mut mail = self.mail.lock();
            if let Some(result) = self.take(&mut mail) {
                return Poll::Ready(result);
            }
            if matches!(&*mail, Mail::Polled(waker) if waker.will_wake(context.waker())) {
                return Poll::Pending;
            }
        }
        // Wakers are cloned and dropped outside the lock: both run code of their executor.
        let waker = context.waker().clone();
        let mut mail = self.mail.lock();
        if let Some(result) = self.take(&mut mail) {
            return Poll::Ready(result);
        }
        if matches!(*mail, Mail::Empty) && self.may_glance() {
            *mail = Mail::Glancing;
            drop(mail);
            self.glance();
            mail = self.mail.lock();
            if !seeded_bug("glance_and_go")
                && let Some(result) = self.take(&mut mail)
            {
                return Poll::Ready(result);
            }
        }
        let former = mem::replace(&mut *mail, Mail::Polled(waker));
        drop(mail);
        drop(former);
        Poll::Pending
    }

    /// The receiver's time is over. A result that is there already still counts.
    pub(crate) fn expire(&self) {
        let mut mail = self.mail.lock();
        let waiting = match mem::replace(&mut *mail, Mail::Closed) {
            waiting @ (Mail::Empty | Mail::Parked | Mail::Glancing | Mail::Polled(_)) => waiting,
            Mail::Promised if seeded_bug("promise_expires") => Mail::Parked,
            decided => {
                *mail = decided;
                return;
            }
        };
        *mail = Mail::Full(Err(Lost::Expired));
        drop(mail);
        self.cancel(Cause::Deadline);
        match waiting {
            Mail::Parked => {
                self.arrived.notify_one();
            }
            Mail::Polled(waker) => waker.wake(),
            _ => {}
        }
    }

    /// The receiver goes away.
    pub(crate) fn leave(&self) {
        let mut mail = self.mail.lock();
        match mem::replace(&mut *mail, Mail::Closed) {
            Mail::Offered(value) => {
                if !seeded_bug("leave_drops_the_offer") {
                    *mail = Mail::Returned(value);
                }
                drop(mail);
                self.control.nudge();
            }
            // A receiver that waits does not leave.
            decided @ (Mail::Returned(_) | Mail::Claimed(_)) => *mail = decided,
            Mail::Empty | Mail::Parked | Mail::Promised | Mail::Glancing | Mail::Polled(_) => {
                drop(mail);
                self.cancel(Cause::Dropped);
            }
            // Dropped outside the lock, whatever a result's destructor does.
            full @ (Mail::Full(_) | Mail::Closed) => {
                drop(mail);
                drop(full);
            }
        }
    }

    fn cancel(&self, cause: Cause) {
        if self.phase.cancel() == Cancelled::Running {
            self.control.request(self.id, cause, true);
        }
    }
}

impl<T: Send> Timed for Slot<T> {
    fn due(&self, _now: Instant) -> Option<Instant> {
        self.expire();
        None
    }
}
