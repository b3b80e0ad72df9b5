//! What a running job sees of the worker it runs on.

use crate::control::{Cancelled, Cause, Control, NotBegun};
use crate::crew::Crew;
use crate::sync::{Arc, channel};
use crate::task::Task;
use crate::{CancelFlag, Feeder, Interrupt, Lost, Place, Settled};
use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

/// What a running job sees of the worker it runs on: whether it should stop, who waits, and what is next in the queue.
///
/// A ticket is about its own job only. While a nested job runs, the outer one cannot be interrupted; it learns what
/// happened when its turn comes again.
pub struct Ticket<'w, P: Place> {
    crew: &'w Crew<P>,
    id: u64,
    deadline: Option<Instant>,
    /// How many jobs this one is nested in.
    depth: usize,
    is_lent: bool,
}

impl<'w, P: Place> Ticket<'w, P> {
    pub(crate) fn new(crew: &'w Crew<P>, id: u64, deadline: Option<Instant>, depth: usize, is_lent: bool) -> Self {
        Self { crew, id, deadline, depth, is_lent }
    }

    /// The job's deadline, as given at submit.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the job runs on its caller's own thread.
    pub fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// How many jobs this one is nested in; zero for one that the worker itself took from the queue.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the job has been asked to stop and has not shielded itself: one atomic load.
    pub fn cancelled(&self) -> bool {
        self.cancel_flag().is_set()
    }

    /// The flag behind [`cancelled`](Self::cancelled), for callbacks of a driver to poll. It belongs to the worker and
    /// speaks of whichever job is innermost: a callback may keep a clone for the life of the place.
    pub fn cancel_flag(&self) -> &CancelFlag {
        self.crew.control().flag()
    }

    /// Why the job has been asked to stop, if it has; the first reason counts.
    pub fn cause(&self) -> Option<Cause> {
        self.crew.control().cause(self.id)
    }

    /// Whether nobody waits for the result any more, as far as is known now: the receiver may still go a moment later.
    /// A job whose effect must then be undone is submitted with an undo
    /// ([`Worker::submit_with`](crate::Worker::submit_with)), which leaves no such moment. Never for a lent job, whose
    /// caller waits by running it.
    pub fn is_abandoned(&self) -> bool {
        self.crew.control().is_abandoned(self.id)
    }

    /// Runs a part of the job under a deadline of its own: at that deadline the part is asked to stop, as a job is at its
    /// own, and the job goes on afterwards. Whatever asks the job to stop asks the part.
    ///
    /// Comes back with the gravest thing that was sent to the part and that the part has not been told of
    /// ([`settle`](Self::settle)): whether what it used can be used again.
    pub fn section<R>(&self, deadline: Instant, part: impl FnOnce(&Ticket<'_, P>) -> R) -> (R, Settled) {
        let control = self.crew.control();
        let mut section = Section { control, id: Some(control.begin_section(self.id, deadline)) };
        let ticket = Ticket::new(self.crew, section.id.unwrap_or(self.id), Some(deadline), self.depth, self.is_lent);
        let result = part(&ticket);
        (result, section.end())
    }

    /// From now on no cancel is sent to this job, and its flag stays down: for work that must not be interrupted half
    /// way, such as a COMMIT. Waits for a cancel that is on its way, until that cancel's own time limit at most.
    ///
    /// A deadline still counts: a shielded job that outlasts it by the grace is severed.
    ///
    /// # Errors
    ///
    /// The job had been asked to stop already. The window for cancels is closed all the same.
    pub fn shield(&self) -> Result<(), Cancelled> {
        self.crew.control().shield(self.id)
    }

    /// Closes the window for cancels, waits for one that is on its way (until that cancel's own time limit at most),
    /// and tells the gravest thing that was sent: whether what the job used can be used again.
    ///
    /// Every job is settled at its end anyway; what it has not asked for itself the place is told
    /// ([`Place::interrupted`]), and so it is when a sever follows after this.
    pub fn settle(&self) -> Settled {
        self.crew.control().settle(self.id)
    }

    /// Sets how this worker's jobs are reached while they are in a foreign call. Stays for later jobs, until it is set
    /// again or the worker ends. A request to stop that came before is not sent again.
    pub fn set_interrupt(&self, interrupt: Option<Arc<dyn Interrupt>>) {
        self.crew.control().set_interrupt(interrupt);
    }

    /// Lets the reader of a feed cancel this job by going away, from now on. [`wait_for_credit`](Self::wait_for_credit)
    /// does it too; a job that may be silent for long before its first batch does it at its start.
    pub fn bind<T, E>(&self, feeder: &Feeder<T, E>) {
        if !feeder.bind(self.crew.control(), self.id) {
            self.crew.control().request(self.id, Cause::Dropped, true);
        }
    }

    /// Waits until the feeder has credit, another job wants in, this one is asked to stop, or `until`: whichever comes
    /// first, in the order *stop, job, credit, time*. A job held back is not offered to the same job again.
    ///
    /// A lent job is offered no other jobs.
    pub fn wait_for_credit<T, E>(&self, feeder: &Feeder<T, E>, until: Option<Instant>) -> Event<'_, P> {
        self.wait_for_credit_or(feeder, until, || false)
    }

    /// The same, which also ends, as [`Event::Expired`], when it is so: looked at whenever the job is nudged, as it is by
    /// the readers that are [heeded](crate::Lookout::heed).
    pub fn wait_for_credit_or<T, E>(
        &self,
        feeder: &Feeder<T, E>,
        until: Option<Instant>,
        is_so: impl Fn() -> bool,
    ) -> Event<'_, P> {
        let control = self.crew.control();
        self.bind(feeder);
        loop {
            if control.cause(self.id).is_some() {
                return Event::Cancelled;
            }
            if let Some(job) = self.next_job() {
                return Event::Job(job);
            }
            if feeder.has_credit() {
                return Event::Credit;
            }
            if feeder.is_stopped() {
                control.request(self.id, Cause::Dropped, true);
                return Event::Cancelled;
            }
            if is_so() || until.is_some_and(|until| until <= Instant::now()) {
                return Event::Expired;
            }
            // A closed queue may have lost its senders, and would be ready for ever; it brings nothing anyway.
            let jobs = (!self.is_lent && !control.is_closed()).then(|| self.crew.jobs());
            channel::wait_any(jobs, Some(feeder.credit()), control.nudged(), until);
            let _ = control.nudged().try_recv();
        }
    }

    /// The next job of the queue, if there is one, to serve in the middle of this one. None for a lent job.
    pub fn next_job(&self) -> Option<PendingJob<'_, P>> {
        if self.is_lent {
            return None;
        }
        let task = self.crew.next_task()?;
        Some(PendingJob { task: Some(task), crew: self.crew, depth: self.depth })
    }
}

impl<P: Place> fmt::Debug for Ticket<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("id", &self.id)
            .field("deadline", &self.deadline)
            .field("depth", &self.depth)
            .field("is_lent", &self.is_lent)
            .finish_non_exhaustive()
    }
}

/// A section that runs; ends also when it panics.
struct Section<'c> {
    control: &'c Control,
    id: Option<u64>,
}

impl Section<'_> {
    fn end(&mut self) -> Settled {
        let Some(id) = self.id.take() else {
            return Settled::Untouched;
        };
        let ended = self.control.end(id);
        self.control.report(&ended);
        ended.untold.unwrap_or(Settled::Untouched)
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a waiting job should do next.
pub enum Event<'t, P: Place> {
    /// A batch can be pushed.
    Credit,
    /// Another job wants in: run it, hold it back, or refuse it.
    Job(PendingJob<'t, P>),
    /// The job has been asked to stop, or its reader has gone.
    Cancelled,
    /// The time given to the call has passed.
    Expired,
}

impl<P: Place> fmt::Debug for Event<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credit => f.write_str("Credit"),
            Self::Job(job) => f.debug_tuple("Job").field(job).finish(),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::Expired => f.write_str("Expired"),
        }
    }
}

/// A job of the queue, offered to a job that waits.
///
/// Dropped, it is held back.
pub struct PendingJob<'t, P: Place> {
    task: Option<Box<dyn Task<P>>>,
    crew: &'t Crew<P>,
    /// Of the job it is offered to.
    depth: usize,
}

/// What became of a nested job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It ran, and its reply has been sent.
    Done,
    /// It panicked; its caller has been told, and the place will be told ([`Place::poisoned`]) once the outermost job
    /// is over. Whether the outer job can go on with its view is for it to judge.
    Panicked,
    /// It had been cancelled or had expired, and never ran.
    NeverRun,
    /// It was held back: the outer job has been asked to stop, and a cancel on its way might strike the nested one.
    HeldBack,
}

impl<P: Place> PendingJob<'_, P> {
    /// The job's deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.task.as_ref().and_then(|task| task.deadline())
    }

    /// Runs it here and now, on a view made by the job it is nested in.
    pub fn run(mut self, view: &mut P::View<'_>) -> Served {
        let Some(mut task) = self.task.take() else {
            return Served::NeverRun;
        };
        match task.begin(self.crew.control()) {
            Ok(id) => {
                let ran = self.crew.carry_out(&mut *task, id, view, self.depth + 1);
                self.crew.deliver(task);
                if ran.has_panicked { Served::Panicked } else { Served::Done }
            }
            Err(NotBegun::Later) => {
                self.crew.hold_back(task, self.depth);
                Served::HeldBack
            }
            Err(never) => {
                self.crew.never_run(task, never);
                Served::NeverRun
            }
        }
    }

    /// Puts it back at the front of the queue, in order, for when the job it was offered to is over.
    pub fn hold_back(self) {}

    /// Answers [`Lost::Refused`] with this reason, without running it.
    pub fn refuse(mut self, reason: impl Into<Cow<'static, str>>) {
        if let Some(task) = self.task.take() {
            task.refuse(Lost::Refused(reason.into()));
        }
    }
}

impl<P: Place> Drop for PendingJob<'_, P> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.crew.hold_back(task, self.depth);
        }
    }
}

impl<P: Place> fmt::Debug for PendingJob<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingJob").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
