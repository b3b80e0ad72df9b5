//! What a worker's thread and its handles share, and how a job is carried out.

use crate::control::{Control, NotBegun};
use crate::lost::{Lost, Panic};
use crate::reply::{Promise, Reply};
use crate::seat::{Seat, Seated};
use crate::slot::Slot;
use crate::sync::{Arc, Mutex, channel, seeded_bug};
use crate::task::{Message, Task};
use crate::{Place, Settled, Ticket};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

pub(crate) struct Crew<P: Place> {
    seat: Seat<P>,
    control: Arc<Control>,
    jobs: channel::Receiver<Message<P>>,
    line: Mutex<Line<P>>,
    end: Mutex<End>,
}

/// Jobs that have left the channel and have not begun.
struct Line<P: Place> {
    /// Next in turn, before the channel.
    backlog: VecDeque<Box<dyn Task<P>>>,
    /// Held back by running jobs, with the depth of the job that did.
    held: VecDeque<(usize, Box<dyn Task<P>>)>,
}

#[derive(Default)]
struct End {
    has_come: bool,
    waiting: Vec<Promise<()>>,
}

/// What the place has to be told of a job.
#[derive(Default)]
pub(crate) struct CarriedOut {
    pub(crate) has_panicked: bool,
    untold: Option<Settled>,
}

impl<P: Place> Crew<P> {
    pub(crate) fn new(control: Arc<Control>, jobs: channel::Receiver<Message<P>>) -> Arc<Self> {
        Arc::new(Self {
            seat: Seat::new(),
            control,
            jobs,
            line: Mutex::new(Line { backlog: VecDeque::new(), held: VecDeque::new() }),
            end: Mutex::new(End::default()),
        })
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    pub(crate) fn seat(&self) -> &Seat<P> {
        &self.seat
    }

    pub(crate) fn jobs(&self) -> &channel::Receiver<Message<P>> {
        &self.jobs
    }

    /// The next message, on the worker's thread. Whoever has just got a reply mostly has the next job at hand, and may
    /// wait for this very processor to send it: let it, and look out for what it sends.
    pub(crate) fn wait_for_a_job(&self) -> Option<Message<P>> {
        #[cfg(not(any(loom, shuttle)))]
        let _asleep = {
            if let Ok(message) = self.jobs.try_recv() {
                return Some(message);
            }
            std::thread::yield_now();
            // A look, and no more: it is the channel that says whether there is something to sleep for.
            self.control.habits().worker.look_out(None, || !self.jobs.is_empty());
            self.control.habits().falls_asleep()
        };
        self.jobs.recv().ok()
    }

    pub(crate) fn queued(&self) -> usize {
        let line = self.line.lock();
        line.backlog.len() + line.held.len() + self.jobs.len()
    }

    // The queue.

    /// The next of the jobs that were held back by jobs now over.
    pub(crate) fn first_in_line(&self) -> Option<Box<dyn Task<P>>> {
        self.line.lock().backlog.pop_front()
    }

    /// The next job without waiting, for a running job to serve; none once closed.
    pub(crate) fn next_task(&self) -> Option<Box<dyn Task<P>>> {
        if self.control.is_closed() {
            return None;
        }
        loop {
            let task = match self.first_in_line() {
                Some(task) => task,
                None => match self.jobs.try_recv() {
                    Ok(Message::Task(task)) => task,
                    Ok(Message::Look) => continue,
                    Err(_) => return None,
                },
            };
            if task.is_queued() {
                return Some(task);
            }
            self.never_run(task, NotBegun::Cancelled);
        }
    }

    pub(crate) fn hold_back(&self, task: Box<dyn Task<P>>, depth: usize) {
        self.line.lock().held.push_back((depth, task));
        if self.control.is_closed() {
            // A close that has drained the line already would not see it.
            self.drain();
        }
    }

    /// What a job of this depth held back is next in turn now that it is over.
    fn release_held(&self, depth: usize) {
        let mut line = self.line.lock();
        let Line { backlog, held } = &mut *line;
        while held.back().is_some_and(|(by, _)| *by >= depth) {
            if let Some((_, task)) = held.pop_back() {
                backlog.push_front(task);
            }
        }
    }

    /// Refuses everything that is queued. Any thread may.
    pub(crate) fn drain(&self) {
        let (backlog, held) = {
            let mut line = self.line.lock();
            (std::mem::take(&mut line.backlog), std::mem::take(&mut line.held))
        };
        for task in backlog.into_iter().chain(held.into_iter().map(|(_, task)| task)) {
            task.refuse(Lost::Closed);
        }
        while let Ok(message) = self.jobs.try_recv() {
            if let Message::Task(task) = message {
                task.refuse(Lost::Closed);
            }
        }
    }

    pub(crate) fn never_run(&self, task: Box<dyn Task<P>>, why: NotBegun) {
        self.control.count_never_run();
        task.refuse(match why {
            NotBegun::Expired => Lost::Expired,
            NotBegun::Cancelled | NotBegun::Later => Lost::Cancelled,
        });
    }

    // Carrying out.

    /// Takes the place into the seat, on the worker's thread.
    pub(crate) fn install(&self, place: P) {
        *self.seat.enter().place() = Some(place);
    }

    /// Drops the place, on the worker's thread, after whoever borrowed the seat has left it.
    pub(crate) fn dismantle(&self) {
        let place = self.seat.enter().place().take();
        self.guarded(|| drop(place));
        self.control.set_interrupt(None);
    }

    /// Serves one job that the worker took from the queue.
    pub(crate) fn serve(&self, mut task: Box<dyn Task<P>>) {
        let mut seated = self.seat.enter();
        let id = match task.begin(&self.control) {
            Ok(id) => id,
            Err(why) => {
                drop(seated);
                return self.never_run(task, why);
            }
        };
        let Some(place) = seated.place() else {
            // Only the worker's thread takes the place away, at its very end.
            self.control.end(id);
            return task.refuse(Lost::Closed);
        };
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut view = place.view();
            self.carry_out(&mut *task, id, &mut view, 0)
        }));
        let carried = ran.unwrap_or_else(|payload| {
            // The place's own view panicked, when it was made or dropped.
            self.control.end(id);
            task.finish();
            task.panicked(payload);
            CarriedOut { has_panicked: true, untold: None }
        });
        if self.tell_place(place, &carried) {
            self.guarded(|| place.unharmed());
        }
        // The seat is free and the worker idle before the caller hears of it: the caller's next call may be lent.
        drop(seated);
        self.deliver(task);
    }

    /// Runs a job that has begun to its end, its undo included. Not its reply.
    pub(crate) fn carry_out(
        &self,
        task: &mut dyn Task<P>,
        id: u64,
        view: &mut P::View<'_>,
        depth: usize,
    ) -> CarriedOut {
        let ticket = Ticket::new(self, id, task.deadline(), depth, false);
        let ran = catch_unwind(AssertUnwindSafe(|| task.perform(view, &ticket)));
        self.release_held(depth);
        let ended = self.control.end(id);
        task.finish();
        self.control.report(&ended);
        let mut carried = CarriedOut { has_panicked: false, untold: ended.untold };
        match ran {
            Err(payload) => {
                task.panicked(payload);
                carried.has_panicked = true;
            }
            Ok(()) => {
                if task.hand_over(&self.control) {
                    self.undo(task, view, &mut carried);
                }
            }
        }
        if depth > 0 {
            self.note_nested(&carried);
        }
        carried
    }

    /// Undoes what nobody took. Not to be cancelled; severed when it outlasts the grace.
    fn undo(&self, task: &mut dyn Task<P>, view: &mut P::View<'_>, carried: &mut CarriedOut) {
        let id = self.control.begin_shielded(Instant::now() + self.control.grace());
        let undone = catch_unwind(AssertUnwindSafe(|| task.undo(view)));
        let ended = self.control.end(id);
        self.control.report(&ended);
        self.control.count_undone();
        carried.untold = carried.untold.max(ended.untold);
        if let Err(payload) = undone {
            self.control.panicked(Panic::new(payload).message());
            carried.has_panicked = true;
        }
    }

    pub(crate) fn deliver(&self, mut task: Box<dyn Task<P>>) {
        task.retire();
        task.deliver();
    }

    /// The view of a nested job's place belongs to the outer job; the place hears of it when that one is over.
    fn note_nested(&self, carried: &CarriedOut) {
        self.control.note_nested(carried.has_panicked, carried.untold);
    }

    /// Whether there was nothing to tell, and nothing that ran had been asked to stop.
    fn tell_place(&self, place: &mut P, carried: &CarriedOut) -> bool {
        let news = self.control.take_news();
        let untold = carried.untold.max(news.untold);
        if let Some(settled) = untold {
            self.guarded(|| place.interrupted(settled));
        }
        let has_panicked = carried.has_panicked || news.has_panicked;
        if has_panicked {
            self.guarded(|| place.poisoned());
        }
        !(has_panicked || news.was_asked_to_stop || untold.is_some())
    }

    /// Runs foreign code whose panic is nobody's result.
    fn guarded(&self, foreign: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) {
            self.control.panicked(Panic::new(payload).message());
        }
    }

    // Lending.

    /// The seat, if nothing is queued or running: what a caller needs to run a job on its own thread.
    pub(crate) fn try_borrow(&self) -> Option<Seated<'_, P>> {
        // A job submitted before counts before its caller comes back; one submitted meanwhile waits for the seat.
        let seeded = seeded_bug("lend_past_the_queue");
        if !seeded && (self.control.has_pending() || self.control.is_closed()) {
            return None;
        }
        let mut seated = self.seat.try_enter()?;
        if !seeded && self.control.has_pending() {
            return None;
        }
        seated.place().is_some().then_some(seated)
    }

    /// Runs `job` on the borrowed seat; it comes back if there is no place in it.
    pub(crate) fn run_lent<T, F>(&self, mut seated: Seated<'_, P>, deadline: Option<Instant>, job: F) -> Result<T, F>
    where
        F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T,
    {
        let Some(place) = seated.place().as_mut() else {
            return Err(job);
        };
        let id = self.control.begin_lent(deadline);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut view = place.view();
            job(&mut view, &Ticket::new(self, id, deadline, 0, true))
        }));
        let ended = self.control.end(id);
        self.control.report(&ended);
        let value = match ran {
            Ok(value) => value,
            Err(payload) => self.lent_panic(seated, payload, ended.untold),
        };
        if ended.untold.is_some() {
            self.tell_place(place, &CarriedOut { has_panicked: false, untold: ended.untold });
        }
        Ok(value)
    }

    #[cold]
    fn lent_panic(&self, mut seated: Seated<'_, P>, payload: Box<dyn Any + Send>, untold: Option<Settled>) -> ! {
        let panic = Panic::new(payload);
        self.control.panicked(panic.message());
        if let Some(place) = seated.place() {
            self.tell_place(place, &CarriedOut { has_panicked: true, untold });
        }
        drop(seated);
        resume_unwind(panic.into_payload())
    }

    // The end.

    pub(crate) fn when_ended(&self) -> Reply<()> {
        let slot = Arc::new(Slot::new(Arc::clone(&self.control)));
        let promise = Promise(Arc::clone(&slot));
        let mut end = self.end.lock();
        if end.has_come {
            drop(end);
            // Fresh: it cannot have been given up.
            let _ = promise.0.deliver(Ok(()));
        } else {
            // Those who waited in vain leave nothing behind.
            end.waiting.retain(|promise| promise.0.phase().is_queued());
            end.waiting.push(promise);
        }
        Reply::new(slot, None)
    }

    pub(crate) fn announce_end(&self) {
        let waiting = {
            let mut end = self.end.lock();
            end.has_come = true;
            std::mem::take(&mut end.waiting)
        };
        self.control.has_ended();
        for promise in waiting {
            // Whoever does not wait any more need not know.
            let _ = promise.0.deliver(Ok(()));
        }
    }
}
