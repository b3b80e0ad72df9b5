//! A fair counting gate for threads and futures alike.
//!
//! Invariant: while somebody waits who can still be served, no permit is free. A permit that is released goes to the
//! first such waiter, never to a newcomer; so a free permit means an empty line, and taking one needs no look at it.

use crate::sync::{Arc, Condvar, Mutex, Weak, seeded_bug, wait_until};
use crate::watch::{Alarm, Timed};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// A fair counting gate: at most so many [`Permit`]s are out at a time, and who came first is served first, thread or
/// future.
///
/// Clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateError {
    /// The deadline passed first.
    Expired,
    /// As many wait already as the gate was made to let wait.
    TooManyWaiters,
    /// The gate was closed.
    Closed,
    /// A future with a deadline had to wait, and the thread that watches deadlines could not be started.
    NoWatch,
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the deadline passed before a permit came free",
            Self::TooManyWaiters => "too many are waiting for a permit already",
            Self::Closed => "the gate has been closed",
            Self::NoWatch => "the thread that watches deadlines could not be started; free some threads",
        })
    }
}

impl Error for GateError {}

struct Inner {
    state: Mutex<State>,
    max_waiters: usize,
}

struct State {
    free: usize,
    /// Permits that come back by themselves: as many more may wait.
    returning: usize,
    is_closed: bool,
    /// In order of arrival.
    line: BTreeMap<u64, Arc<Waiter>>,
    next: u64,
}

/// Someone in the line. Its own lock is only ever taken alone or inside the gate's.
struct Waiter {
    wait: Mutex<Wait>,
    ready: Condvar,
}

enum Wait {
    /// A thread sleeps on `ready`, or a future was just made.
    Waiting,
    Polled(Waker),
    Granted,
    Failed(GateError),
    /// The outcome has been taken, or the waiter has gone.
    Over,
}

impl Gate {
    /// A gate with that many permits, at which at most `max_waiters` may wait.
    pub fn new(permits: usize, max_waiters: usize) -> Self {
        let state = State { free: permits, returning: 0, is_closed: false, line: BTreeMap::new(), next: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), max_waiters }))
    }

    /// A permit, if one is free. Never waits, and never overtakes those who do.
    ///
    /// # Errors
    ///
    /// [`GateError::Expired`] when none is free, or [`GateError::Closed`].
    pub fn try_acquire(&self) -> Result<Permit, GateError> {
        self.take_free(&mut self.0.state.lock())?.ok_or(GateError::Expired)
    }

    /// The same for a little while and on one's own account: whoever comes meanwhile may wait for it, however many may
    /// wait otherwise. See [`Permit::comes_back`].
    ///
    /// # Errors
    ///
    /// As for [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_briefly(&self) -> Result<Permit, GateError> {
        let mut state = self.0.state.lock();
        let mut permit = self.take_free(&mut state)?.ok_or(GateError::Expired)?;
        state.returning += 1;
        permit.comes_back = true;
        Ok(permit)
    }

    /// Waits for a permit on this thread, to `until` at most.
    ///
    /// # Errors
    ///
    /// See [`GateError`].
    pub fn acquire_until(&self, until: Option<Instant>) -> Result<Permit, GateError> {
        let (place, waiter) = {
            let mut state = self.0.state.lock();
            if let Some(permit) = self.take_free(&mut state)? {
                return Ok(permit);
            }
            self.line_up(&mut state)?
        };
        let mut wait = waiter.wait.lock();
        loop {
            if let Some(outcome) = self.outcome(&mut wait) {
                return outcome;
            }
            if wait_until(&waiter.ready, &mut wait, until) {
                if let Some(outcome) = self.outcome(&mut wait) {
                    return outcome;
                }
                // A release that comes now passes this waiter over.
                *wait = Wait::Over;
                drop(wait);
                self.leave_line(place);
                return Err(GateError::Expired);
            }
        }
    }

    /// Waits for a permit in any executor. The place in the line is taken when the future is first polled; a future
    /// dropped just after a permit was handed to it passes it on.
    pub fn acquire(&self, until: Option<Instant>) -> Acquire {
        Acquire { gate: self.clone(), until, place: None, alarm: None, is_over: false }
    }

    /// No more permits: whoever waits or comes is told [`GateError::Closed`]. Permits that are out stay valid.
    pub fn close(&self) {
        let line = {
            let mut state = self.0.state.lock();
            state.is_closed = true;
            mem::take(&mut state.line)
        };
        for waiter in line.into_values() {
            waiter.resolve(Wait::Failed(GateError::Closed));
        }
    }

    /// Whether the gate was closed.
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().is_closed
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.0.state.lock().line.len()
    }

    /// How many permits are free.
    pub fn available(&self) -> usize {
        self.0.state.lock().free
    }

    fn permit(&self) -> Permit {
        Permit { gate: Arc::clone(&self.0), comes_back: false }
    }

    fn take_free(&self, state: &mut State) -> Result<Option<Permit>, GateError> {
        if state.is_closed {
            return Err(GateError::Closed);
        }
        if state.free == 0 {
            return Ok(None);
        }
        state.free -= 1;
        Ok(Some(self.permit()))
    }

    fn line_up(&self, state: &mut State) -> Result<(u64, Arc<Waiter>), GateError> {
        if state.line.len() >= self.0.max_waiters.saturating_add(state.returning) {
            return Err(GateError::TooManyWaiters);
        }
        let place = state.next;
        state.next += 1;
        let waiter = Arc::new(Waiter { wait: Mutex::new(Wait::Waiting), ready: Condvar::new() });
        state.line.insert(place, Arc::clone(&waiter));
        Ok((place, waiter))
    }

    fn leave_line(&self, place: u64) {
        let waiter = self.0.state.lock().line.remove(&place);
        drop(waiter);
    }

    /// Takes what a waiter was given, if anything.
    fn outcome(&self, wait: &mut Wait) -> Option<Result<Permit, GateError>> {
        match mem::replace(wait, Wait::Over) {
            Wait::Granted => Some(Ok(self.permit())),
            Wait::Failed(error) => Some(Err(error)),
            other => {
                *wait = other;
                None
            }
        }
    }
}

impl Waiter {
    /// Gives a waiter its outcome and wakes it; `false` if it does not wait any more.
    fn resolve(&self, outcome: Wait) -> bool {
        let mut wait = self.wait.lock();
        match mem::replace(&mut *wait, outcome) {
            Wait::Waiting => {
                drop(wait);
                self.ready.notify_one();
                true
            }
            Wait::Polled(waker) => {
                drop(wait);
                waker.wake();
                true
            }
            decided => {
                *wait = decided;
                false
            }
        }
    }
}

impl Timed for Waiter {
    fn due(&self, _now: Instant) -> Option<Instant> {
        self.resolve(Wait::Failed(GateError::Expired));
        None
    }
}

impl Inner {
    fn release(&self, mut came_back: bool) {
        loop {
            let first = {
                let mut state = self.state.lock();
                if mem::take(&mut came_back) {
                    state.returning -= 1;
                }
                if seeded_bug("release_frees_and_hands_over") {
                    state.free += 1;
                }
                let first =
                    if seeded_bug("last_in_first_out") { state.line.pop_last() } else { state.line.pop_first() };
                match first {
                    Some((_, waiter)) => waiter,
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            // Outside the gate's lock: a waker is foreign code. Meanwhile the permit is nobody's, which no one can
            // see. A waiter that has gone is passed over.
            if first.resolve(Wait::Granted) || seeded_bug("permit_lost_on_leaver") {
                return;
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Gate")
            .field("available", &state.free)
            .field("waiting", &state.line.len())
            .field("is_closed", &state.is_closed)
            .finish()
    }
}

/// Leave to pass; dropping it hands it to the first who waits.
#[must_use = "dropping a permit gives it back"]
pub struct Permit {
    gate: Arc<Inner>,
    comes_back: bool,
}

impl Permit {
    /// Its holder is done with it, and what is left to do before it is given back waits for nobody: whoever comes from
    /// now on may wait for it, though as many may wait already as the gate lets wait.
    pub fn comes_back(&mut self) {
        if !mem::replace(&mut self.comes_back, true) {
            self.gate.state.lock().returning += 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.release(self.comes_back);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// The future of [`Gate::acquire`]. Dropping it leaves the line.
#[must_use = "a future does nothing unless it is polled"]
pub struct Acquire {
    gate: Gate,
    until: Option<Instant>,
    place: Option<(u64, Arc<Waiter>)>,
    alarm: Option<Alarm>,
    is_over: bool,
}

impl Acquire {
    fn attempt(&mut self, context: &mut Context<'_>) -> Poll<Result<Permit, GateError>> {
        if self.place.is_none() {
            let mut state = self.gate.0.state.lock();
            if let Some(permit) = self.gate.take_free(&mut state)? {
                return Poll::Ready(Ok(permit));
            }
            if self.until.is_some_and(|until| until <= Instant::now()) {
                return Poll::Ready(Err(GateError::Expired));
            }
            self.place = Some(self.gate.line_up(&mut state)?);
        }
        let Some((_, waiter)) = &self.place else {
            return Poll::Pending;
        };
        let waker = context.waker().clone();
        let former = {
            let mut wait = waiter.wait.lock();
            if let Some(outcome) = self.gate.outcome(&mut wait) {
                return Poll::Ready(outcome);
            }
            mem::replace(&mut *wait, Wait::Polled(waker))
        };
        // A waker's destructor is its executor's code: outside the lock.
        drop(former);
        if let (Some(until), None) = (self.until, &self.alarm) {
            let Ok(alarm) = Alarm::new(Arc::downgrade(waiter) as Weak<dyn Timed>) else {
                return Poll::Ready(Err(GateError::NoWatch));
            };
            alarm.set(Some(until));
            self.alarm = Some(alarm);
        }
        Poll::Pending
    }

    /// Leaves the line; a permit that was handed over meanwhile goes to the next.
    fn leave(&mut self) {
        self.alarm = None;
        if let Some((place, waiter)) = self.place.take() {
            let was = mem::replace(&mut *waiter.wait.lock(), Wait::Over);
            self.gate.leave_line(place);
            if matches!(was, Wait::Granted) && !seeded_bug("granted_leaver_keeps_permit") {
                drop(self.gate.permit());
            }
        }
    }

    /// The event that the watch sends at the deadline, for models.
    #[cfg(any(loom, shuttle))]
    pub fn expire(&self) {
        if let Some((_, waiter)) = &self.place {
            waiter.resolve(Wait::Failed(GateError::Expired));
        }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, GateError>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.is_over, "an acquire was polled after it was ready");
        let polled = self.attempt(context);
        if polled.is_ready() {
            self.is_over = true;
            self.leave();
        }
        polled
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("until", &self.until).finish_non_exhaustive()
    }
}
