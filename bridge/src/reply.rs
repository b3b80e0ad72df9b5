//! One reply, for a thread to wait for or a future to await.

use crate::slot::Slot;
use crate::sync::{Arc, Weak};
use crate::watch::Alarm;
use crate::{Lost, watch::Timed};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// The one reply of a job: wait for it on a thread, or await it in any executor.
///
/// It is received at most once. Its own deadline (by default the job's) says when the receiver leaves; the job's says
/// when the job is asked to stop. At its deadline a waiting thread wakes by itself and a future is woken by the watch.
///
/// **Dropping it cancels the job.** A job that has not started never runs; one that is running is asked to stop, as
/// [`Interrupt`](crate::Interrupt) describes; a result that arrives later is dropped on the worker, or handed to the
/// undo given at submit. The drop does atomics, short locks and a wake; it never waits for the job. A result that had
/// arrived and was never taken is dropped right here.
#[must_use = "dropping a reply cancels its job"]
pub struct Reply<T: Send + 'static> {
    /// `None` once the result has been received.
    slot: Option<Arc<Slot<T>>>,
    leave_at: Option<Instant>,
    alarm: Option<Alarm>,
}

impl<T: Send + 'static> Reply<T> {
    pub(crate) fn new(slot: Arc<Slot<T>>, leave_at: Option<Instant>) -> Self {
        Self { slot: Some(slot), leave_at, alarm: None }
    }

    /// Sets when the receiver leaves; `None` is never. Takes the place of the job's own deadline for this side only.
    pub fn leave_at(mut self, at: Option<Instant>) -> Self {
        self.leave_at = at;
        // An alarm set for the old time would still fire.
        self.alarm = None;
        self
    }

    /// Lets go of the reply without cancelling the job: it runs for its effect, and its result is dropped on the worker.
    pub fn detach(mut self) {
        self.slot = None;
    }

    /// Waits on this thread until the result is there or the deadline has passed.
    ///
    /// # Errors
    ///
    /// See [`Lost`]. A job that ended in time is never reported as [`Lost::Expired`].
    pub fn wait(self) -> Result<T, Lost> {
        let until = self.leave_at;
        self.wait_for(until)
    }

    /// As [`wait`](Self::wait), to `until` instead of the deadline the reply came with.
    ///
    /// # Errors
    ///
    /// See [`Lost`].
    pub fn wait_until(self, until: Instant) -> Result<T, Lost> {
        self.wait_for(Some(until))
    }

    fn wait_for(mut self, until: Option<Instant>) -> Result<T, Lost> {
        let Some(slot) = self.slot.take() else {
            return Err(Lost::Cancelled);
        };
        // An alarm set by an earlier poll would ring at another time.
        self.alarm = None;
        slot.wait(until)
    }

    /// The event that the watch sends at the deadline, for models.
    #[cfg(any(loom, shuttle))]
    pub fn expirer(&self) -> impl FnOnce() + Send + 'static {
        let slot = self.slot.clone();
        move || {
            if let Some(slot) = slot {
                slot.expire();
            }
        }
    }
}

impl<T: Send + 'static> Future for Reply<T> {
    type Output = Result<T, Lost>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let slot = this.slot.as_ref().expect("a reply was polled after it was ready");
        let polled = match slot.poll(context) {
            Poll::Pending => match this.leave_at {
                Some(at) if this.alarm.is_none() => {
                    let target: Weak<dyn Timed> = Arc::downgrade(slot) as Weak<dyn Timed>;
                    match Alarm::new(target) {
                        // A time in the past rings at once.
                        Ok(alarm) => {
                            alarm.set(Some(at));
                            this.alarm = Some(alarm);
                            Poll::Pending
                        }
                        // Without the watch it would wait for ever: leave now.
                        Err(_) => {
                            slot.leave();
                            Poll::Ready(Err(Lost::NoWatch))
                        }
                    }
                }
                _ => Poll::Pending,
            },
            ready => ready,
        };
        if polled.is_ready() {
            this.slot = None;
            this.alarm = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.leave();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("leave_at", &self.leave_at).finish_non_exhaustive()
    }
}

/// The other end of a reply: whatever becomes of it, the reply resolves.
pub(crate) struct Promise<T>(pub(crate) Arc<Slot<T>>);

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        // After a result was delivered this finds the mail taken or full and changes nothing.
        drop(self.0.deliver(Err(Lost::Closed)));
    }
}
