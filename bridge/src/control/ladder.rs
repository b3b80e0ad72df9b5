//! The ladder that a frame climbs when it has a reason to stop; the watch drives it.

use super::{Cause, Control, Stage, State, Window};
use crate::interrupt::{Attempt, on_helper};
use crate::overseer::tell;
use crate::sync::Arc;
use crate::watch::Timed;
use crate::{Interrupt, Settled};
use std::time::Instant;

impl Control {
    /// Notes deadlines that have passed, and takes the innermost frame one step up where its time has come.
    fn climb(self: &Arc<Self>, now: Instant) -> Option<Instant> {
        let mut state = self.state.lock();
        let State { frames, interrupt, counters, .. } = &mut *state;
        let mut outer = None;
        for frame in frames.iter_mut() {
            if frame.cause.is_none() && frame.deadline.is_some_and(|deadline| deadline <= now) {
                frame.cause = Some(Cause::Deadline);
            }
            if frame.is_section && frame.cause.is_none() {
                frame.cause = outer;
            }
            outer = frame.cause;
        }
        let (top, outer) = frames.split_last_mut()?;
        let is_open = top.window == Window::Open;
        let is_late = top.deadline.is_some_and(|deadline| deadline <= now);
        if top.cause.is_some() && is_open && !self.flag.is_set() {
            self.flag.set(true);
            self.nudge();
        }
        let mut sends = None;
        let mut has_got_stuck = false;
        match top.stage {
            // A shielded frame is not cancelled, but its deadline still counts.
            Stage::Calm if top.cause.is_some() && (is_open || is_late) => {
                top.stage = Stage::Cancelled(now);
                sends = is_open.then_some(Attempt::Cancel);
            }
            Stage::Cancelled(at) if now >= at + self.grace => {
                top.stage = Stage::Severed(now);
                sends = Some(Attempt::Sever);
            }
            Stage::Severed(at) if now >= at + self.grace => {
                top.stage = Stage::Stuck;
                has_got_stuck = true;
                counters.stuck += 1;
            }
            _ => {}
        }
        let sends = sends.zip(interrupt.clone());
        let until = now + self.grace;
        if let Some((attempt, _)) = &sends {
            match attempt {
                Attempt::Cancel => counters.cancels += 1,
                Attempt::Sever => counters.severs += 1,
            }
            top.in_flight += 1;
            top.in_flight_until = Some(until);
        }
        let id = top.id;
        let stage_ends = match top.stage {
            Stage::Calm => top.deadline.filter(|&deadline| deadline > now),
            Stage::Cancelled(at) | Stage::Severed(at) => Some(at + self.grace),
            Stage::Stuck => None,
        };
        let waiting = outer.iter().filter(|frame| frame.cause.is_none()).filter_map(|frame| frame.deadline);
        let next = waiting.chain(stage_ends).min();
        drop(state);

        if let Some((attempt, interrupt)) = sends {
            self.send(id, attempt, interrupt, until);
        } else if has_got_stuck {
            tell(self.overseer.as_ref(), |overseer| overseer.stuck());
        }
        next
    }

    fn send(self: &Arc<Self>, id: u64, attempt: Attempt, interrupt: Arc<dyn Interrupt>, until: Instant) {
        if interrupt.is_instant() {
            let outcome = attempt.make(&*interrupt, until);
            return self.came_back(id, attempt, outcome);
        }
        let control = Arc::clone(self);
        let sent = Arc::clone(&interrupt);
        let on_its_way = on_helper(move || {
            let outcome = attempt.make(&*sent, until);
            // Before the frame may end: what ends may drop the last other hold on it.
            drop(sent);
            control.came_back(id, attempt, outcome);
        });
        if !on_its_way {
            // No thread to be had. A sever does not wait for its other end, so the watch can afford it; a cancel
            // might, so it is given up and the sever follows after the grace.
            let outcome = match attempt {
                Attempt::Cancel => Settled::Untouched,
                Attempt::Sever => attempt.make(&*interrupt, until),
            };
            self.came_back(id, attempt, outcome);
        }
    }

    fn came_back(&self, id: u64, attempt: Attempt, outcome: Settled) {
        let mut state = self.state.lock();
        match state.frames.iter_mut().rfind(|frame| frame.id == id) {
            Some(frame) => {
                frame.in_flight -= 1;
                frame.settled = frame.settled.max(outcome);
                if let (Attempt::Sever, Settled::Untouched, Stage::Severed(at)) = (attempt, outcome, frame.stage) {
                    // It must be let finish. Asked again after a grace, when it would have counted as stuck.
                    frame.stage = Stage::Cancelled(at);
                    state.counters.severs -= 1;
                }
                drop(state);
                self.came_back.notify_all();
            }
            None if attempt == Attempt::Cancel => state.counters.late_cancels += 1,
            None => {}
        }
    }
}

impl Timed for Control {
    fn due(&self, now: Instant) -> Option<Instant> {
        // The ladder hands itself to helper threads, and so needs to own a reference.
        self.me.upgrade()?.climb(now)
    }
}
