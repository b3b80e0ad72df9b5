//! What ends a call from inside SQLite: the progress handler and the busy handler, and the handle that reaches both.
//!
//! SQLite has two ways to spend time. It *computes*: the progress handler is called every [`STEPS`] instructions and
//! looks at the deadline and at the cancel. It *waits for a lock*: the busy handler is ours and waits in slices of at
//! most [`SLICE`], so that a wait ends at the deadline and at a cancel, which `PRAGMA busy_timeout` alone does not (an
//! interrupt does not reach it).
//!
//! A few instructions are long and call neither: counting all rows of a table is one. `sqlite3_interrupt` reaches those,
//! but it ends *every* statement that runs on the connection, and an ended write takes its transaction along. So the
//! handle uses it only while the statement it is meant for is the only one, is really running, and may be ended.

use std::cell::RefCell;
use std::ffi::c_int;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, InterruptHandle};

use crate::driver::{Call, Fence, Handle};

/// Instructions of SQLite's machine between two looks at the clock: 5 to 20 microseconds.
const STEPS: c_int = 1000;

/// The longest wait for a lock between two attempts to get it.
const SLICE: Duration = Duration::from_millis(10);

/// How long SQLite may wait for a lock on behalf of code outside any call, which has no deadline: the driver's own
/// connection in the user's hands. It is what `rusqlite` connections start with.
const RAW_WAIT: Duration = Duration::from_secs(5);

/// Why a call was ended from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The deadline passed while it computed.
    Deadline,
    /// The deadline passed while it waited for a lock.
    DeadlineAtLock,
    /// It waited for a lock as long as the option `busy_timeout` allows.
    BusyTimeout(Duration),
    /// It was cancelled.
    Cancelled,
}

/// What a running statement lets happen to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protection {
    /// It is ended at its deadline or when it is cancelled.
    #[default]
    None,
    /// It may be given up while it waits for a lock, but not once it works: a write in a transaction that must live.
    Work,
    /// No cancel ends it, and the deadline only its waits for a lock: COMMIT and ROLLBACK.
    Cancel,
    /// As `Cancel`, inside a transaction that must live: undoing a long write takes long itself.
    Undo,
}

impl Protection {
    fn is_from_cancels(self) -> bool {
        matches!(self, Protection::Cancel | Protection::Undo)
    }
}

/// The terms of the call that is innermost on the connection.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    deadline: Option<Instant>,
    protection: Protection,
    cancelled: bool,
    stop: Option<Stop>,
}

struct State {
    terms: Terms,
    /// How many calls are on the connection, each but the first from inside the sink of the one before.
    depth: usize,
    /// Whether the innermost call is inside SQLite, and not inside its sink.
    stepping: bool,
    /// Since when the running wait for a lock lasts.
    waits_since: Option<Instant>,
    busy_timeout: Option<Duration>,
    interrupt: InterruptHandle,
}

/// The part of a connection that other threads may touch.
pub(super) struct Watch {
    state: Mutex<State>,
    cancelled: Condvar,
}

thread_local! {
    /// The connection whose call is innermost on this thread. A busy handler is a plain function, and there may be
    /// several connections inside each other on one thread: a stream of one database feeding another.
    static RUNNING: RefCell<Option<Arc<Watch>>> = const { RefCell::new(None) };
}

impl Watch {
    pub(super) fn new(conn: &Connection, busy_timeout: Option<Duration>) -> Arc<Watch> {
        Arc::new(Watch {
            state: Mutex::new(State {
                terms: Terms::default(),
                depth: 0,
                stepping: false,
                waits_since: None,
                busy_timeout,
                interrupt: conn.get_interrupt_handle(),
            }),
            cancelled: Condvar::new(),
        })
    }

    /// Sets how long a wait for a lock may last, whatever the deadline.
    pub(super) fn set_busy_timeout(&self, busy_timeout: Option<Duration>) {
        self.state.lock().busy_timeout = busy_timeout;
    }

    /// Makes both handlers those of a connection. Needed again after a `PRAGMA busy_timeout`, which removes ours.
    pub(super) fn install(self: &Arc<Watch>, conn: &mut Connection) -> rusqlite::Result<()> {
        // The user may have put another connection in the place of the one that was watched.
        self.state.lock().interrupt = conn.get_interrupt_handle();
        let watch = Arc::clone(self);
        conn.progress_handler(STEPS, Some(move || watch.must_stop()))?;
        // A plain function on purpose: older versions of rusqlite take nothing else.
        let handler: fn(i32) -> bool = on_busy;
        conn.busy_handler(Some(handler))
    }

    /// Starts a call. What was cancelled before is forgotten.
    #[inline]
    pub(super) fn enter<'w>(self: &'w Arc<Watch>, call: &Call<'_>) -> Running<'w> {
        // Once the thread is so far gone that it has no such variables any more, nothing waits for locks either.
        let outer_thread = RUNNING
            .try_with(|running| match &mut *running.borrow_mut() {
                Some(watch) if Arc::ptr_eq(watch, self) => None,
                // Ours stays when the call ends: the next one on this thread is mostly of the same connection.
                running => running.replace(Arc::clone(self)),
            })
            .ok()
            .flatten();
        let mut state = self.state.lock();
        let outer = state.terms;
        state.terms = Terms { deadline: call.deadline(), ..Terms::default() };
        let was_stepping = std::mem::replace(&mut state.stepping, true);
        state.depth += 1;
        let is_alone = state.depth == 1;
        drop(state);
        Running { watch: self, outer, was_stepping, is_alone, outer_thread }
    }

    /// The progress handler.
    fn must_stop(&self) -> bool {
        let mut state = self.state.lock();
        if state.depth == 0 || state.terms.protection != Protection::None {
            return false;
        }
        // The deadline first: when it passes a cancel is sent as well, and what it is about is the deadline.
        if state.terms.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            state.terms.stop = Some(Stop::Deadline);
        } else if state.terms.cancelled {
            state.terms.stop = Some(Stop::Cancelled);
        }
        state.terms.stop.is_some()
    }

    /// The busy handler: whether to try for the lock again. `attempt` counts from 0 for each lock.
    fn wait(&self, attempt: i32) -> bool {
        let mut state = self.state.lock();
        let now = Instant::now();
        if attempt == 0 {
            state.waits_since = Some(now);
        }
        let since = *state.waits_since.get_or_insert(now);
        let cap = if state.depth == 0 { Some(state.busy_timeout.unwrap_or(RAW_WAIT)) } else { state.busy_timeout };
        if state.depth > 0 && state.terms.deadline.is_some_and(|deadline| now >= deadline) {
            state.terms.stop = Some(Stop::DeadlineAtLock);
            return false;
        }
        if state.depth > 0 && state.terms.cancelled && !state.terms.protection.is_from_cancels() {
            state.terms.stop = Some(Stop::Cancelled);
            return false;
        }
        if let Some(cap) = cap
            && now.duration_since(since) >= cap
        {
            state.terms.stop = Some(Stop::BusyTimeout(cap));
            return false;
        }
        // Short at first: most locks are held for the time of a small commit.
        let slice = Duration::from_micros(250).saturating_mul(1 << attempt.clamp(0, 6)).min(SLICE);
        let until = [Some(now + slice), state.terms.deadline, cap.and_then(|cap| since.checked_add(cap))];
        if let Some(until) = until.into_iter().flatten().min() {
            self.cancelled.wait_until(&mut state, until);
        }
        true
    }
}

fn on_busy(attempt: i32) -> bool {
    let running = RUNNING.try_with(|running| running.borrow().clone());
    running.ok().flatten().is_some_and(|watch| watch.wait(attempt))
}

/// A call that is on the connection; ends when it is dropped.
pub(super) struct Running<'w> {
    watch: &'w Arc<Watch>,
    outer: Terms,
    was_stepping: bool,
    is_alone: bool,
    outer_thread: Option<Arc<Watch>>,
}

impl Running<'_> {
    /// What may end the statement that comes next.
    pub(super) fn protect(&self, protection: Protection) {
        self.watch.state.lock().terms.protection = protection;
    }

    /// Whether no other statement of the connection is open.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Leaves SQLite for the sink. Fails when the call was cancelled: what was meant for it must not reach the statements
    /// that the sink may run.
    pub(super) fn pause(&self, call: &Call<'_>) -> Result<(), Stop> {
        let mut state = self.watch.state.lock();
        if state.terms.protection == Protection::None && (state.terms.cancelled || call.is_cancelled()) {
            return Err(Stop::Cancelled);
        }
        state.stepping = false;
        Ok(())
    }

    /// Comes back from the sink, where time passed too.
    pub(super) fn resume(&self, call: &Call<'_>) -> Result<(), Stop> {
        let mut state = self.watch.state.lock();
        if state.terms.protection == Protection::None {
            if state.terms.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Stop::Deadline);
            }
            if state.terms.cancelled || call.is_cancelled() {
                return Err(Stop::Cancelled);
            }
        }
        state.stepping = true;
        Ok(())
    }

    /// Why the call was ended, if it was ended from here.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.watch.state.lock().terms.stop
    }

    /// Why a statement was interrupted that no handler of ours ended: by the handle, or by somebody else with the
    /// connection's own interrupt.
    pub(super) fn interrupted(&self) -> Stop {
        let terms = self.watch.state.lock().terms;
        match terms.deadline {
            Some(deadline) if Instant::now() >= deadline => Stop::Deadline,
            _ => terms.stop.unwrap_or(Stop::Cancelled),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.watch.state.lock();
        state.terms = self.outer;
        state.stepping = self.was_stepping;
        state.depth -= 1;
        state.waits_since = None;
        drop(state);
        if let Some(outer) = self.outer_thread.take() {
            let _ = RUNNING.try_with(|running| running.borrow_mut().replace(outer));
        }
    }
}

/// Cancels the call that is innermost on the connection.
///
/// Nothing is sent anywhere and nobody answers: a cancel holds the same lock that the end of a call takes, so it reaches
/// the call that runs, or none.
pub(super) struct Canceller(pub(super) Arc<Watch>);

impl Handle for Canceller {
    fn cancel(&self, _until: Instant) -> Fence {
        let mut state = self.0.state.lock();
        // A call that is in its sink is not there to be cancelled: the sink waits for its reader and looks out for
        // itself. A cancel that comes then was meant for a statement inside, and that has just ended.
        if state.stepping && !state.terms.protection.is_from_cancels() {
            state.terms.cancelled = true;
            self.0.cancelled.notify_all();
            if state.depth == 1 && state.terms.protection == Protection::None {
                state.interrupt.interrupt();
            }
        }
        Fence::Fenced
    }

    fn sever(&self) -> bool {
        // There is no other end to be cut off from; a statement that does not look up cannot be made to.
        let _ = self.cancel(Instant::now());
        true
    }

    fn must_finish(&self) -> bool {
        let state = self.0.state.lock();
        state.stepping && matches!(state.terms.protection, Protection::Work | Protection::Undo)
    }

    fn is_instant(&self) -> bool {
        true
    }
}
