//! What runs on a worker, and the only path by which it is asked to stop.
//!
//! Each running job is a *frame*; nested jobs make a stack, and only the innermost frame can be reached from outside,
//! because only its call is in the driver. Frames begin, end and are struck under one mutex. An interrupt itself runs
//! outside that mutex, counted in its frame; a frame does not end before its interrupts have come back or their time
//! is over, and what became of them is part of how it ends. That is why a cancel never reaches a later job unseen.
//!
//! A frame with a reason to stop climbs a ladder, driven by the watch: cancel at once, sever after the grace, and
//! after another grace it counts as stuck, which the overseer hears.

mod ladder;

use crate::overseer::{Counters, Overseer, tell};
use crate::slot::Phase;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, Weak, channel, seeded_bug, wait_until};
use crate::watch::{Alarm, Timed};
use crate::{CancelFlag, Interrupt, Settled};
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why a running job has been asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Its reply, or the reader of its rows, was dropped.
    Dropped,
    /// Its deadline passed, or its receiver's.
    Deadline,
    /// [`Worker::cancel_running`](crate::Worker::cancel_running) was called.
    Closed,
}

/// The job had been asked to stop before it could shield itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the job was asked to stop before it could shield itself")
    }
}

impl std::error::Error for Cancelled {}

/// Whether soft cancels may still be sent to a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    Open,
    Shut,
}

#[derive(Clone, Copy)]
enum Stage {
    Calm,
    Cancelled(Instant),
    Severed(Instant),
    Stuck,
}

/// Lent jobs are numbered apart, under the lock that they take anyway.
const LENT: u64 = 1 << 63;

struct Frame {
    id: u64,
    deadline: Option<Instant>,
    cause: Option<Cause>,
    is_abandoned: bool,
    /// It is a part of the job of the frame below, which can be reached through it.
    is_section: bool,
    window: Window,
    stage: Stage,
    /// Interrupts under way, and until when the latest of them has time.
    in_flight: u32,
    in_flight_until: Option<Instant>,
    settled: Settled,
    /// What the job has been told by `settle`.
    told: Settled,
}

struct State {
    frames: Vec<Frame>,
    /// What the place has to be told, once the outermost job is over.
    news: News,
    interrupt: Option<Arc<dyn Interrupt>>,
    counters: Counters,
}

/// What the place has to be told of jobs that are over.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// A nested one did.
    pub(crate) has_panicked: bool,
    /// Of nested ones.
    pub(crate) untold: Option<Settled>,
    /// One of them was, or a part of it: whether or not anything was sent, and whether or not it knows.
    pub(crate) was_asked_to_stop: bool,
}

pub(crate) struct Control {
    state: Mutex<State>,
    /// An interrupt has come back.
    came_back: Condvar,
    flag: CancelFlag,
    nudge: channel::Sender<()>,
    nudged: channel::Receiver<()>,
    alarm: OnceLock<Alarm>,
    grace: Duration,
    overseer: Option<Arc<dyn Overseer>>,
    #[cfg(not(any(loom, shuttle)))]
    habits: crate::habits::Habits,
    ids: AtomicU64,
    /// Jobs queued or running.
    pending: AtomicUsize,
    is_closed: AtomicBool,
    me: Weak<Control>,
}

/// Why a job was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBegun {
    /// Cancelled while queued.
    Cancelled,
    /// Its deadline passed while it was queued.
    Expired,
    /// A cancel is on its way to the job it would be nested in.
    Later,
}

/// How a frame ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Cancels that the job has not been told of.
    pub(crate) untold: Option<Settled>,
    was_stuck: bool,
}

impl Control {
    pub(crate) fn new(grace: Duration, overseer: Option<Arc<dyn Overseer>>) -> io::Result<Arc<Self>> {
        let (nudge, nudged) = channel::bounded(1);
        let control = Arc::new_cyclic(|me| Self {
            state: Mutex::new(State {
                frames: Vec::with_capacity(4),
                news: News::default(),
                interrupt: None,
                counters: Counters::default(),
            }),
            came_back: Condvar::new(),
            flag: CancelFlag::new(),
            nudge,
            nudged,
            alarm: OnceLock::new(),
            grace,
            overseer,
            #[cfg(not(any(loom, shuttle)))]
            habits: crate::habits::Habits::new(),
            ids: AtomicU64::new(0),
            pending: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            me: Weak::clone(me),
        });
        let target: Weak<dyn Timed> = Arc::downgrade(&control) as Weak<dyn Timed>;
        let alarm = Alarm::new(target)?;
        // Fresh, so nobody has set it.
        let _ = control.alarm.set(alarm);
        Ok(control)
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn flag(&self) -> &CancelFlag {
        &self.flag
    }

    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn habits(&self) -> &crate::habits::Habits {
        &self.habits
    }

    pub(crate) fn nudged(&self) -> &channel::Receiver<()> {
        &self.nudged
    }

    /// Makes a worker that waits inside a job look around. A nudge too many costs it one turn.
    pub(crate) fn nudge(&self) {
        // Full: it will look around anyway.
        let _ = self.nudge.try_send(());
    }

    pub(crate) fn add_pending(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn remove_pending(&self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.pending() != 0
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// Says whether this call did it.
    pub(crate) fn close(&self) -> bool {
        !self.is_closed.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.state.lock().counters
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.state.lock().frames.is_empty()
    }

    pub(crate) fn set_interrupt(&self, interrupt: Option<Arc<dyn Interrupt>>) {
        let former = {
            let mut state = self.state.lock();
            std::mem::replace(&mut state.interrupt, interrupt)
        };
        // Outside the lock: it may be the last hold on a connection's handle.
        drop(former);
    }

    // Frames.

    /// Begins a queued job. The phase changes under the lock, so that whoever cancels a running job finds its frame.
    pub(crate) fn begin(&self, phase: &Phase, id: u64, deadline: Option<Instant>) -> Result<(), NotBegun> {
        let is_late = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let mut state = self.state.lock();
        if state.frames.last().is_some_and(|outer| outer.cause.is_some() || outer.in_flight > 0) {
            return Err(NotBegun::Later);
        }
        if is_late {
            return Err(NotBegun::Expired);
        }
        if !phase.start() {
            return Err(NotBegun::Cancelled);
        }
        state.counters.jobs += 1;
        self.push(&mut state, id, deadline, Window::Open);
        Ok(())
    }

    /// Begins a job that nobody can cancel while it is queued: one on its caller's own thread.
    pub(crate) fn begin_lent(&self, deadline: Option<Instant>) -> u64 {
        let mut state = self.state.lock();
        state.counters.lent += 1;
        let id = LENT | state.counters.lent;
        self.push(&mut state, id, deadline, Window::Open);
        id
    }

    /// Begins work that must not be cancelled, only severed when it outlasts its deadline.
    pub(crate) fn begin_shielded(&self, deadline: Instant) -> u64 {
        let id = self.next_id();
        let mut state = self.state.lock();
        // A cancel on its way to an outer job, which is idle, must not strike this in its stead.
        if let Some(outer) = state.frames.last().map(|outer| outer.id) {
            self.let_come_back(&mut state, outer);
        }
        self.push(&mut state, id, Some(deadline), Window::Shut);
        id
    }

    /// Begins a part of a job, with a deadline of its own. It is asked to stop when the job is.
    pub(crate) fn begin_section(&self, outer: u64, deadline: Instant) -> u64 {
        let id = self.next_id();
        let mut state = self.state.lock();
        let (cause, window) = state
            .frames
            .iter()
            .rfind(|frame| frame.id == outer)
            .map_or((None, Window::Open), |frame| (frame.cause, frame.window));
        self.push(&mut state, id, Some(deadline), window);
        if let Some(frame) = state.frames.last_mut() {
            frame.is_section = true;
            frame.cause = cause;
        }
        if cause.is_some() {
            self.flag.set(window == Window::Open);
            self.arm(&state);
        }
        id
    }

    fn push(&self, state: &mut State, id: u64, deadline: Option<Instant>, window: Window) {
        state.frames.push(Frame {
            id,
            deadline,
            cause: None,
            is_abandoned: false,
            is_section: false,
            window,
            stage: Stage::Calm,
            in_flight: 0,
            in_flight_until: None,
            settled: Settled::Untouched,
            told: Settled::Untouched,
        });
        self.flag.set(false);
        if deadline.is_some() {
            self.arm(state);
        }
    }

    /// Ends the innermost frame: no cancel starts for it any more, and those under way have come back or had their
    /// time.
    pub(crate) fn end(&self, id: u64) -> Ended {
        let mut state = self.state.lock();
        // The usual case, which has nothing to wait for: under the lock that it is removed with, no cancel starts.
        let is_calm = state.frames.last().is_some_and(|frame| frame.id == id && frame.in_flight == 0);
        if !is_calm && !seeded_bug("end_without_fence") {
            self.settle_frame(&mut state, id);
        }
        let Some(at) = state.frames.iter().rposition(|frame| frame.id == id) else {
            return Ended { untold: None, was_stuck: false };
        };
        let frame = &state.frames[at];
        let had_deadline = frame.deadline.is_some();
        let was_asked_to_stop = frame.cause.is_some() || frame.settled > Settled::Untouched;
        let ended = Ended {
            untold: (frame.settled > frame.told).then_some(frame.settled),
            was_stuck: matches!(frame.stage, Stage::Stuck),
        };
        state.news.was_asked_to_stop |= was_asked_to_stop;
        if at + 1 == state.frames.len() {
            state.frames.truncate(at);
        } else {
            state.frames.remove(at);
        }
        let resumes = state.frames.last();
        self.flag.set(resumes.is_some_and(|outer| outer.cause.is_some() && outer.window == Window::Open));
        if had_deadline || resumes.is_some() {
            self.arm(&state);
        }
        ended
    }

    /// Tells the overseer what an ended frame has to tell. Apart from `end`, to be called without any lock.
    pub(crate) fn report(&self, ended: &Ended) {
        if ended.was_stuck {
            tell(self.overseer.as_ref(), |overseer| overseer.recovered());
        }
    }

    /// Sets the alarm for the frames as they are.
    fn arm(&self, state: &State) {
        let Some(alarm) = self.alarm.get() else {
            return;
        };
        let Some((top, outer)) = state.frames.split_last() else {
            return alarm.set(None);
        };
        if top.cause.is_some() {
            return alarm.ring();
        }
        let waiting = outer.iter().filter(|frame| frame.cause.is_none());
        alarm.set(waiting.chain([top]).filter_map(|frame| frame.deadline).min());
    }

    // From outside: asking a frame to stop.

    /// Asks the job to stop, if it still runs. Atomics, a short lock and a wake.
    pub(crate) fn request(&self, id: u64, cause: Cause, is_abandoned: bool) {
        let mut state = self.state.lock();
        let Some(at) = state.frames.iter().rposition(|frame| frame.id == id) else {
            return;
        };
        let frame = &mut state.frames[at];
        frame.is_abandoned |= is_abandoned;
        if frame.cause.is_some() {
            return;
        }
        frame.cause = Some(cause);
        let mut reached = at;
        for section in state.frames[at + 1..].iter_mut().take_while(|frame| frame.is_section) {
            section.cause.get_or_insert(cause);
            reached += 1;
        }
        if reached + 1 == state.frames.len() {
            if state.frames[reached].window == Window::Open {
                self.flag.set(true);
            }
            drop(state);
            self.nudge();
            if let Some(alarm) = self.alarm.get() {
                alarm.ring();
            }
        }
    }

    /// Asks everything that runs to stop.
    pub(crate) fn request_all(&self, cause: Cause) {
        let ids: Vec<u64> = self.state.lock().frames.iter().map(|frame| frame.id).collect();
        // Innermost last: an outer frame is only marked, and acts on it when its turn comes.
        for id in ids {
            self.request(id, cause, false);
        }
    }

    // From inside: what a ticket asks.

    fn frame<R>(&self, id: u64, look: impl FnOnce(&mut Frame) -> R) -> Option<R> {
        let mut state = self.state.lock();
        state.frames.iter_mut().rfind(|frame| frame.id == id).map(look)
    }

    pub(crate) fn cause(&self, id: u64) -> Option<Cause> {
        self.frame(id, |frame| frame.cause).flatten()
    }

    pub(crate) fn is_abandoned(&self, id: u64) -> bool {
        self.frame(id, |frame| frame.is_abandoned).unwrap_or(true)
    }

    pub(crate) fn shield(&self, id: u64) -> Result<(), Cancelled> {
        let mut state = self.state.lock();
        if !seeded_bug("shield_without_window") {
            self.settle_frame(&mut state, id);
        }
        match state.frames.iter().rfind(|frame| frame.id == id) {
            Some(frame) if frame.cause.is_none() => {
                self.flag.set(false);
                Ok(())
            }
            _ => Err(Cancelled),
        }
    }

    pub(crate) fn settle(&self, id: u64) -> Settled {
        let mut state = self.state.lock();
        self.settle_frame(&mut state, id);
        let Some(frame) = state.frames.iter_mut().rfind(|frame| frame.id == id) else {
            return Settled::Untouched;
        };
        frame.told = frame.settled;
        frame.settled
    }

    /// Shuts the window and waits for the interrupts under way, until their own time at most.
    fn settle_frame(&self, state: &mut MutexGuard<'_, State>, id: u64) {
        if let Some(frame) = state.frames.iter_mut().rfind(|frame| frame.id == id) {
            frame.window = Window::Shut;
        }
        self.let_come_back(state, id);
    }

    fn let_come_back(&self, state: &mut MutexGuard<'_, State>, id: u64) {
        while let Some(frame) = state.frames.iter().rfind(|frame| frame.id == id)
            && frame.in_flight > 0
        {
            let until = frame.in_flight_until;
            let is_over = wait_until(&self.came_back, state, until);
            if is_over
                && let Some(frame) = state.frames.iter_mut().rfind(|frame| frame.id == id)
                && frame.in_flight > 0
                && frame.in_flight_until == until
            {
                // It has outlived its own time: whatever it was aimed at cannot be trusted any more.
                frame.settled = frame.settled.max(Settled::NotFenced);
                return;
            }
        }
    }

    // News.

    pub(crate) fn note_nested(&self, has_panicked: bool, untold: Option<Settled>) {
        let mut state = self.state.lock();
        state.news.has_panicked |= has_panicked;
        state.news.untold = state.news.untold.max(untold);
    }

    pub(crate) fn take_news(&self) -> News {
        std::mem::take(&mut self.state.lock().news)
    }

    pub(crate) fn panicked(&self, message: &str) {
        self.state.lock().counters.panics += 1;
        tell(self.overseer.as_ref(), |overseer| overseer.panicked(message));
    }

    pub(crate) fn has_ended(&self) {
        tell(self.overseer.as_ref(), |overseer| overseer.ended());
    }

    pub(crate) fn count_undone(&self) {
        self.state.lock().counters.undone += 1;
    }

    pub(crate) fn count_never_run(&self) {
        self.state.lock().counters.never_run += 1;
    }
}
