//! A thread that owns a place and runs closures on it, one after another.

use crate::control::{Cause, Control};
use crate::crew::Crew;
use crate::lost::Panic;
use crate::overseer::Counters;
use crate::reply::{Promise, Reply};
use crate::slot::Slot;
use crate::sync::{Arc, channel, seeded_bug, thread};
use crate::task::{Message, Work};
use crate::{Place, Ticket, WorkerOptions};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// A handle to a worker: a thread that owns a [`Place`] and runs jobs on it, one after another, in the order in which
/// they were submitted.
///
/// Clones are handles to the same worker. **When the last one is dropped** the worker is closed: it finishes what
/// runs, what is queued is refused ([`Lost::Closed`](crate::Lost::Closed)), the place is dropped on the worker's
/// thread and the thread ends. The drop does not wait for that, and process exit does not wait for workers; whoever
/// wants to know waits for [`ended`](Self::ended).
pub struct Worker<P: Place> {
    handle: Arc<Handle<P>>,
}

/// What all clones share; its drop is the last handle's.
struct Handle<P: Place> {
    crew: Arc<Crew<P>>,
    jobs: channel::Sender<Message<P>>,
}

/// The undo of a job that has none.
type NoUndo<P, T> = for<'a, 'v> fn(&'a mut <P as Place>::View<'v>, T);

impl<P: Place> Worker<P> {
    /// Starts a worker. `make` makes the place, first thing on the new thread; this does not wait for it. If `make`
    /// panics, the worker closes itself.
    ///
    /// # Errors
    ///
    /// The thread (or, with the first worker of the process, the watch's) could not be started, or the name has a NUL
    /// in it.
    pub fn spawn(options: WorkerOptions, make: impl FnOnce() -> P + Send + 'static) -> io::Result<Self> {
        if options.name.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the worker's name contains a NUL character"));
        }
        let control = Control::new(options.grace, options.overseer)?;
        let (sender, receiver) = channel::unbounded();
        let crew = Crew::new(control, receiver);
        let handle = Arc::new(Handle { crew: Arc::clone(&crew), jobs: sender });
        // Detached: neither a drop nor the end of the process waits for a worker.
        thread::Builder::new()
            .name(options.name)
            .stack_size(options.stack_size)
            .spawn(move || work(&crew, make))
            .map(drop)?;
        Ok(Self { handle })
    }

    /// Queues a job. Never blocks: the queue has no bound of its own, so whoever submits without end brings a
    /// [`Gate`](crate::Gate).
    ///
    /// A job whose `deadline` passes before it starts never runs; one that is running is asked to stop then. The
    /// reply gives up at that time too, unless told otherwise ([`Reply::leave_at`]). Jobs of one caller run in the
    /// order of their submission.
    ///
    /// To wait for a job of the very worker that one is inside of ([`is_mine`](Self::is_mine)) would be to wait for
    /// oneself.
    pub fn submit<T, F>(&self, deadline: Option<Instant>, job: F) -> Reply<T>
    where
        T: Send + 'static,
        F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T + Send + 'static,
    {
        self.enqueue(deadline, job, None::<NoUndo<P, T>>)
    }

    /// As [`submit`](Self::submit), for a job whose result must not get lost: when the receiver goes away before it has
    /// taken the result, `undo` runs on the worker with it, before any other job.
    ///
    /// The worker does nothing else until the receiver has taken the result, is dropped, the job's deadline passes or
    /// the worker is closed; in the last two cases the result is withdrawn and the reply resolves as expired or
    /// closed. A future that is neither polled nor dropped therefore holds its worker up, to the deadline at most. A thread
    /// that waits is sure to take it: it is handed the result when the worker is done with all that follows.
    ///
    /// The undo cannot be cancelled; when it takes longer than twice the grace
    /// ([`WorkerOptions::grace`]) it is severed.
    pub fn submit_with<T, F, U>(&self, deadline: Option<Instant>, job: F, undo: U) -> Reply<T>
    where
        T: Send + 'static,
        F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T + Send + 'static,
        U: for<'v> FnOnce(&mut P::View<'v>, T) + Send + 'static,
    {
        self.enqueue(deadline, job, Some(undo))
    }

    fn enqueue<T, F, U>(&self, deadline: Option<Instant>, job: F, undo: Option<U>) -> Reply<T>
    where
        T: Send + 'static,
        F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T + Send + 'static,
        U: for<'v> FnOnce(&mut P::View<'v>, T) + Send + 'static,
    {
        let Handle { crew, jobs } = &*self.handle;
        let slot = Arc::new(Slot::new(Arc::clone(crew.control())));
        let task = Work::new(job, undo, deadline, Promise(Arc::clone(&slot)));
        // The crew has a receiver, so this cannot fail; if it did, the dropped task would resolve the reply.
        let _ = jobs.send(Message::Task(Box::new(task)));
        if crew.control().is_closed() && !seeded_bug("submit_without_second_look") {
            // Either the close that came meanwhile sees the job, or this does.
            self.handle.turn_away();
        }
        Reply::new(slot, deadline)
    }

    /// Runs a job on the calling thread, if nothing is queued or running; never waits for anything but the job.
    ///
    /// The job runs exactly as it would on the worker, and can be cancelled by its deadline; being its own receiver it
    /// is never abandoned. A panic in it goes on here, after the place has been told.
    ///
    /// # Errors
    ///
    /// The worker is busy, closed, or not ready yet: the job comes back, to be submitted.
    pub fn try_run_here<T, F>(&self, deadline: Option<Instant>, job: F) -> Result<T, F>
    where
        F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T,
    {
        let crew = &*self.handle.crew;
        let Some(seated) = crew.try_borrow() else {
            return Err(job);
        };
        crew.run_lent(seated, deadline, job)
    }

    /// Whether the calling thread is inside this worker's seat: it *is* the worker, or runs a job of it by
    /// [`try_run_here`](Self::try_run_here).
    pub fn is_mine(&self) -> bool {
        self.handle.crew.seat().is_mine()
    }

    /// Whether nothing is queued and nothing runs, here or on a caller's thread.
    pub fn is_idle(&self) -> bool {
        !self.handle.crew.control().has_pending() && !self.handle.crew.seat().is_taken()
    }

    /// How many jobs are queued, cancelled ones that have not been cleared away included. A snapshot.
    pub fn queued(&self) -> usize {
        self.handle.crew.queued()
    }

    /// Closes the worker: what is queued, and what is submitted from now on, is refused. What runs goes on to its end
    /// (see [`cancel_running`](Self::cancel_running)). Does not wait; idempotent.
    pub fn close(&self) {
        self.handle.close();
    }

    /// Whether the worker has been closed, by whatever means.
    pub fn is_closed(&self) -> bool {
        self.handle.crew.control().is_closed()
    }

    /// Asks the running jobs to stop ([`Cause::Closed`]): cancel, after the grace sever, after another grace they
    /// count as stuck. Does not wait.
    pub fn cancel_running(&self) {
        self.handle.crew.control().request_all(Cause::Closed);
    }

    /// Whether a job is running, here or on a caller's thread.
    pub fn is_running(&self) -> bool {
        self.handle.crew.control().is_running()
    }

    /// Resolves when the place has been dropped and the thread is about to end. Without a deadline of its own
    /// ([`Reply::leave_at`], [`Reply::wait_until`]); dropping it changes nothing.
    pub fn ended(&self) -> Reply<()> {
        self.handle.crew.when_ended()
    }

    /// What the worker has done so far.
    pub fn counters(&self) -> Counters {
        self.handle.crew.control().counters()
    }
}

impl<P: Place> Clone for Worker<P> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<P: Place> fmt::Debug for Worker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("is_idle", &self.is_idle())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl<P: Place> Handle<P> {
    fn close(&self) {
        if self.crew.control().close() {
            self.turn_away();
            // One that waits for its result to be taken, or inside a stream, looks around.
            if !seeded_bug("close_forgets_the_offer") {
                self.crew.control().nudge();
            }
        }
    }

    fn turn_away(&self) {
        self.crew.drain();
        // After every drain, which may have swallowed another one's: a worker asleep on the queue must wake once more.
        let _ = self.jobs.send(Message::Look);
    }
}

impl<P: Place> Drop for Handle<P> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread.
fn work<P: Place>(crew: &Crew<P>, make: impl FnOnce() -> P) {
    let end = AtTheEnd(crew);
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(place) => crew.install(place),
        Err(payload) => {
            crew.control().panicked(Panic::new(payload).message());
            return;
        }
    }
    while !crew.control().is_closed() {
        let first = if seeded_bug("look_swallowed") { crew.next_task() } else { crew.first_in_line() };
        let task = match first {
            Some(task) => task,
            // Whoever takes a `Look` out of the queue must look whether the worker is closed before it sleeps again.
            None => match crew.wait_for_a_job() {
                Some(Message::Task(task)) => task,
                Some(Message::Look) => continue,
                None => break,
            },
        };
        if crew.control().is_closed() {
            task.refuse(crate::Lost::Closed);
            break;
        }
        crew.serve(task);
    }
    drop(end);
}

/// However the thread ends: nothing stays queued, the place is dropped here, and it is announced.
struct AtTheEnd<'a, P: Place>(&'a Crew<P>);

impl<P: Place> Drop for AtTheEnd<'_, P> {
    fn drop(&mut self) {
        self.0.control().close();
        self.0.drain();
        self.0.dismantle();
        // A job submitted after that drain was drained by its own submit.
        self.0.announce_end();
    }
}
