//! The feed: batches from a running job to one reader, bounded by credit.
//!
//! The reader gives one credit back for each batch it takes. The job spends one for each batch it pushes and, when it
//! has none, waits in [`Ticket::wait_for_credit`](crate::Ticket::wait_for_credit), where it can serve other jobs. So
//! no more batches are ever in between than the feed was made with, and the worker never sleeps in a full channel.

use crate::control::{Cause, Control};
use crate::sync::{Arc, Condvar, Mutex, Weak, channel, seeded_bug, wait_until};
use crate::watch::{Alarm, Timed};
use std::cell::Cell;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::mem;
use std::task::{Context, Poll, Waker};
// Who reads is a matter of identity, and nothing for a model to schedule.
use std::thread::{self, ThreadId};
use std::time::Instant;

/// Makes a feed with room for `credit` batches (at least one), before the job that will fill it is submitted: the
/// feeder moves into the job, the feed stays with the reader.
pub fn feed<T, E>(credit: usize) -> (Feeder<T, E>, Feed<T, E>) {
    let credit = credit.max(1);
    let (give, take) = channel::bounded(credit);
    let pipe = Arc::new(Pipe {
        state: Mutex::new(State {
            batches: VecDeque::with_capacity(credit.min(64)),
            end: None,
            reader: Reader::Away,
            is_heeded: false,
            read_by: thread::current().id(),
            has_expired: false,
            job: None,
        }),
        arrived: Condvar::new(),
    });
    let feeder = Feeder { pipe: Arc::clone(&pipe), taken: take, in_hand: Cell::new(credit), is_finished: false };
    (feeder, Feed { pipe, give: Some(give), alarm: None })
}

enum Reader {
    Away,
    Parked,
    Polled(Waker),
    Gone,
}

impl Reader {
    /// What to do for a reader once the lock is gone.
    fn rouse(&mut self) -> Self {
        match self {
            Self::Gone | Self::Away => Self::Away,
            waiting => mem::replace(waiting, Self::Away),
        }
    }
}

enum End<E> {
    Finished,
    Failed(E),
    Broken,
}

struct State<T, E> {
    batches: VecDeque<T>,
    end: Option<End<E>>,
    reader: Reader,
    /// The job is told when the reader begins to wait.
    is_heeded: bool,
    /// The thread that read last, or else made the feed.
    read_by: ThreadId,
    has_expired: bool,
    /// The job that feeds, for the reader to cancel.
    job: Option<(Arc<Control>, u64)>,
}

struct Pipe<T, E> {
    state: Mutex<State<T, E>>,
    arrived: Condvar,
}

impl<T, E> State<T, E> {
    /// Nudges the job, whose reader begins to wait.
    fn heed(&self) {
        if self.is_heeded
            && let Some((control, _)) = &self.job
        {
            control.nudge();
        }
    }
}

impl<T, E> Pipe<T, E> {
    fn rouse(&self, reader: Reader) {
        match reader {
            Reader::Parked => {
                self.arrived.notify_one();
            }
            Reader::Polled(waker) => waker.wake(),
            Reader::Away | Reader::Gone => {}
        }
    }
}

impl<T: Send, E: Send> Timed for Pipe<T, E> {
    fn due(&self, _now: Instant) -> Option<Instant> {
        let mut state = self.state.lock();
        state.has_expired = true;
        let reader = state.reader.rouse();
        drop(state);
        self.rouse(reader);
        None
    }
}

/// Why a batch was not taken; it comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpushed<T> {
    /// There is no credit: wait for some first.
    NoCredit(T),
    /// The reader has gone: stop.
    Stopped(T),
}

/// The job's end of a feed.
///
/// Dropped without [`finish`](Self::finish), the reader learns that the feed broke off ([`FeedError::Broken`]), after
/// the batches that were pushed.
pub struct Feeder<T, E> {
    pipe: Arc<Pipe<T, E>>,
    taken: channel::Receiver<()>,
    in_hand: Cell<usize>,
    is_finished: bool,
}

impl<T, E> Feeder<T, E> {
    /// Pushes one batch, for one credit. Never waits.
    ///
    /// # Errors
    ///
    /// [`Unpushed`] gives the batch back.
    pub fn push(&self, batch: T) -> Result<(), Unpushed<T>> {
        let has_credit = self.has_credit();
        let mut state = self.pipe.state.lock();
        if matches!(state.reader, Reader::Gone) {
            return Err(Unpushed::Stopped(batch));
        }
        if !has_credit && !seeded_bug("push_without_credit") {
            return Err(Unpushed::NoCredit(batch));
        }
        state.batches.push_back(batch);
        self.in_hand.set(self.in_hand.get().saturating_sub(1));
        let reader = state.reader.rouse();
        drop(state);
        self.pipe.rouse(reader);
        Ok(())
    }

    /// Ends the feed: with `Err`, the reader gets the error after the batches that were pushed.
    pub fn finish(mut self, end: Result<(), E>) {
        self.is_finished = true;
        self.end(match end {
            Ok(()) => End::Finished,
            Err(error) => End::Failed(error),
        });
    }

    /// Whether a batch could be pushed now.
    pub fn has_credit(&self) -> bool {
        if self.in_hand.get() == 0 {
            while self.taken.try_recv().is_ok() {
                self.in_hand.set(self.in_hand.get() + 1);
            }
        }
        self.in_hand.get() > 0
    }

    /// Pushes one batch though there may be no credit for it: for the last ones of a job that has to make room, and
    /// answers for how many they are. Whether there was anybody to take it.
    pub fn push_past_credit(&self, batch: T) -> bool {
        let mut state = self.pipe.state.lock();
        if matches!(state.reader, Reader::Gone) {
            return false;
        }
        state.batches.push_back(batch);
        let reader = state.reader.rouse();
        drop(state);
        self.pipe.rouse(reader);
        true
    }

    /// A look at the reader, for jobs that are nested in the one that feeds.
    pub fn lookout(&self) -> Lookout<T, E> {
        Lookout(Arc::clone(&self.pipe))
    }

    /// The thread that read last; before anything was read, the one that made the feed.
    pub fn read_by(&self) -> ThreadId {
        self.pipe.state.lock().read_by
    }

    /// Whether the reader has gone.
    pub fn is_stopped(&self) -> bool {
        matches!(self.pipe.state.lock().reader, Reader::Gone)
    }

    pub(crate) fn credit(&self) -> &channel::Receiver<()> {
        &self.taken
    }

    /// Lets the reader cancel that job by going away; says whether it is still there.
    pub(crate) fn bind(&self, control: &Arc<Control>, id: u64) -> bool {
        let mut state = self.pipe.state.lock();
        if state.job.is_none() {
            state.job = Some((Arc::clone(control), id));
        }
        !matches!(state.reader, Reader::Gone)
    }

    fn end(&self, end: End<E>) {
        let mut state = self.pipe.state.lock();
        state.end = Some(end);
        state.job = None;
        let reader = state.reader.rouse();
        drop(state);
        self.pipe.rouse(reader);
    }
}

impl<T, E> Drop for Feeder<T, E> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.end(End::Broken);
        }
    }
}

impl<T, E> fmt::Debug for Feeder<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeder").field("credit", &self.in_hand.get()).finish_non_exhaustive()
    }
}

/// A look at the reader of a feed, while the job that feeds it is not running because others are nested in it.
///
/// While there is one, those are nudged when the reader begins to wait
/// ([`Ticket::wait_for_credit_or`](crate::Ticket::wait_for_credit_or) looks then).
pub struct Lookout<T, E>(Arc<Pipe<T, E>>);

impl<T, E> Lookout<T, E> {
    /// Has the reader tell from now on, or no more, that it begins to wait.
    pub fn heed(&self, on: bool) {
        self.0.state.lock().is_heeded = on;
    }

    /// Whether the reader waits for a batch at this moment.
    pub fn is_waiting(&self) -> bool {
        matches!(self.0.state.lock().reader, Reader::Parked | Reader::Polled(_))
    }

    /// Whether this very thread waits for a batch, and so does nothing else.
    pub fn is_waiting_on(&self, thread: ThreadId) -> bool {
        let state = self.0.state.lock();
        matches!(state.reader, Reader::Parked) && state.read_by == thread
    }
}

impl<T, E> fmt::Debug for Lookout<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout").finish_non_exhaustive()
    }
}

/// Why a feed gave no batch.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedError<E> {
    /// The job ended the feed with this error. It comes once; afterwards the feed is at its end.
    Failed(E),
    /// The deadline of this call passed. The feed goes on: ask again, or drop it.
    Expired,
    /// The job went without ending the feed: it panicked, never ran, or was refused; its reply says which. It comes
    /// once.
    Broken,
    /// A future with a deadline had to wait, and the thread that watches deadlines could not be started.
    NoWatch,
}

impl<E: fmt::Display> fmt::Display for FeedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the stream failed: {error}"),
            Self::Expired => f.write_str("the deadline passed before the next batch of the stream came"),
            Self::Broken => f.write_str("the job that fed the stream went away before its end"),
            Self::NoWatch => f.write_str("the thread that watches deadlines could not be started; free some threads"),
        }
    }
}

impl<E: Error + 'static> Error for FeedError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// The reader's end of a feed: for one thread or one future.
///
/// **Dropping it stops the job**: the next push says so, and the job is asked to stop as if its reply had been
/// dropped, in case it is silent for long. The drop does short locks and a wake; batches that nobody took are dropped
/// right here.
pub struct Feed<T, E> {
    pipe: Arc<Pipe<T, E>>,
    /// `None` once the feed is being dropped.
    give: Option<channel::Sender<()>>,
    alarm: Option<Alarm>,
}

impl<T, E> Feed<T, E> {
    /// The next batch, `None` at the end; waits on this thread, to `until` at most.
    ///
    /// # Errors
    ///
    /// See [`FeedError`]. A batch that is there is given even after `until`.
    pub fn recv(&mut self, until: Option<Instant>) -> Result<Option<T>, FeedError<E>> {
        let pipe = Arc::clone(&self.pipe);
        let reader = thread::current().id();
        let mut state = pipe.state.lock();
        state.read_by = reader;
        loop {
            if let Some(next) = self.next(&mut state) {
                return next;
            }
            let former = mem::replace(&mut state.reader, Reader::Parked);
            state.heed();
            if let Reader::Polled(waker) = former {
                // Not under the lock: a waker's destructor is its executor's code.
                drop(state);
                drop(waker);
                state = pipe.state.lock();
                continue;
            }
            let timed_out = wait_until(&pipe.arrived, &mut state, until);
            state.reader = Reader::Away;
            if timed_out {
                return self.next(&mut state).unwrap_or(Err(FeedError::Expired));
            }
        }
    }

    /// As [`recv`](Self::recv), for futures; the watch wakes the task at the deadline.
    pub fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
        until: Option<Instant>,
    ) -> Poll<Result<Option<T>, FeedError<E>>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let waker = context.waker().clone();
        let pipe = Arc::clone(&self.pipe);
        {
            let mut state = pipe.state.lock();
            if let Some(next) = self.next(&mut state) {
                state.has_expired = false;
                return Poll::Ready(next);
            }
            if mem::take(&mut state.has_expired) && until.is_some_and(|until| until <= Instant::now()) {
                return Poll::Ready(Err(FeedError::Expired));
            }
            let former = mem::replace(&mut state.reader, Reader::Polled(waker));
            state.heed();
            drop(state);
            drop(former);
        }
        // After the waker is in place: an alarm for a time that has passed rings at once.
        match (&self.alarm, until) {
            (Some(alarm), until) => alarm.set(until),
            (None, Some(until)) => match Alarm::new(Arc::downgrade(&pipe) as Weak<dyn Timed>) {
                Ok(alarm) => {
                    alarm.set(Some(until));
                    self.alarm = Some(alarm);
                }
                Err(_) => return Poll::Ready(Err(FeedError::NoWatch)),
            },
            (None, None) => {}
        }
        Poll::Pending
    }

    fn next(&self, state: &mut State<T, E>) -> Option<Result<Option<T>, FeedError<E>>> {
        if seeded_bug("end_before_batches") && state.end.is_some() {
            state.batches.clear();
        }
        if let Some(batch) = state.batches.pop_front() {
            if let Some(give) = &self.give
                && !seeded_bug("credit_lost")
            {
                // Fails only when the feeder has gone: then credit is of no use.
                let _ = give.try_send(());
            }
            return Some(Ok(Some(batch)));
        }
        match state.end.take()? {
            End::Finished => {
                state.end = Some(End::Finished);
                Some(Ok(None))
            }
            End::Failed(error) => {
                state.end = Some(End::Finished);
                Some(Err(FeedError::Failed(error)))
            }
            End::Broken => {
                state.end = Some(End::Finished);
                Some(Err(FeedError::Broken))
            }
        }
    }
}

impl<T, E> Drop for Feed<T, E> {
    fn drop(&mut self) {
        let mut state = self.pipe.state.lock();
        let former = mem::replace(&mut state.reader, Reader::Gone);
        let batches = mem::take(&mut state.batches);
        let end = state.end.take();
        let job = state.job.take();
        drop(state);
        // The feeder's credit channel loses its sender: a job that waits for credit wakes.
        self.give = None;
        if let Some((control, id)) = job
            && !seeded_bug("reader_leaves_silently")
        {
            control.request(id, Cause::Dropped, true);
        }
        drop((former, batches, end));
    }
}

impl<T, E> fmt::Debug for Feed<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("batches", &self.pipe.state.lock().batches.len()).finish_non_exhaustive()
    }
}
