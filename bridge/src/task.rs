//! A queued closure: what the queue carries, whatever its types.

use crate::control::Control;
use crate::lost::{Lost, Panic};
use crate::reply::Promise;
use crate::slot::Offer;
use crate::sync::{Arc, channel};
use crate::{Place, Ticket};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What comes through a worker's queue.
pub(crate) enum Message<P: Place> {
    Task(Box<dyn Task<P>>),
    /// Look whether the worker has been closed.
    Look,
}

/// A job in the queue. The worker calls `perform`, then `hand_over` and, told so, `undo`, then `deliver`; or `refuse`
/// alone. Dropped at any point, it resolves its reply as closed.
pub(crate) trait Task<P: Place>: Send {
    fn begin(&self, control: &Control) -> Result<u64, crate::control::NotBegun>;

    fn deadline(&self) -> Option<Instant>;

    /// Runs the job and keeps the result. May panic with the job.
    fn perform(&mut self, view: &mut P::View<'_>, ticket: &Ticket<'_, P>);

    /// The job is over; what the phase says from now on.
    fn finish(&self);

    /// The job panicked: that is its result.
    fn panicked(&mut self, payload: Box<dyn Any + Send>);

    /// Where a job has an undo: offers its result and waits until the receiver has it, is sure to take it, is gone, or may
    /// not have it any more. `true`: call `undo`.
    fn hand_over(&mut self, control: &Control) -> bool;

    /// Runs the undo on the result that came back. May panic with it.
    fn undo(&mut self, view: &mut P::View<'_>);

    /// Takes the job out of the count of pending ones; only the first call counts.
    fn retire(&mut self);

    /// Replies, and drops what nobody wants any more.
    fn deliver(self: Box<Self>);

    /// Replies without having run.
    fn refuse(self: Box<Self>, lost: Lost);

    /// Whether it could still be begun. Only a hint.
    fn is_queued(&self) -> bool;
}

/// A job, its undo and its result.
pub(crate) struct Work<T, F, U> {
    job: Option<F>,
    undo: Option<U>,
    result: Option<Result<T, Lost>>,
    /// A result that the receiver did not take.
    returned: Option<T>,
    deadline: Option<Instant>,
    is_pending: bool,
    promise: Promise<T>,
}

impl<T, F, U> Work<T, F, U> {
    /// Counts as pending from here on.
    pub(crate) fn new(job: F, undo: Option<U>, deadline: Option<Instant>, promise: Promise<T>) -> Self {
        promise.0.control().add_pending();
        Self { job: Some(job), undo, result: None, returned: None, deadline, is_pending: true, promise }
    }

    fn control(&self) -> &Arc<Control> {
        self.promise.0.control()
    }

    /// Replies, and drops the rest. Wakers and destructors are foreign code: what panics in them is caught, so that the
    /// worker lives on.
    fn resolve(self: Box<Self>, result: Option<Result<T, Lost>>) {
        let control = Arc::clone(self.control());
        let resolved = catch_unwind(AssertUnwindSafe(|| {
            let unwanted = result.map(|result| self.promise.0.deliver(result));
            drop(unwanted);
            drop(self);
        }));
        if let Err(payload) = resolved {
            control.panicked(Panic::new(payload).message());
        }
    }

    fn unpend(&mut self) {
        unpend(&mut self.is_pending, self.promise.0.control());
    }
}

fn unpend(is_pending: &mut bool, control: &Control) {
    if std::mem::take(is_pending) {
        control.remove_pending();
    }
}

impl<T, F, U> Drop for Work<T, F, U> {
    fn drop(&mut self) {
        self.unpend();
    }
}

impl<P, T, F, U> Task<P> for Work<T, F, U>
where
    P: Place,
    T: Send,
    F: for<'v> FnOnce(&mut P::View<'v>, &Ticket<'_, P>) -> T + Send,
    U: for<'v> FnOnce(&mut P::View<'v>, T) + Send,
{
    fn begin(&self, control: &Control) -> Result<u64, crate::control::NotBegun> {
        let slot = &self.promise.0;
        control.begin(slot.phase(), slot.id(), self.deadline)?;
        Ok(slot.id())
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn perform(&mut self, view: &mut P::View<'_>, ticket: &Ticket<'_, P>) {
        if let Some(job) = self.job.take() {
            self.result = Some(Ok(job(view, ticket)));
        }
    }

    fn finish(&self) {
        self.promise.0.phase().finish();
    }

    fn panicked(&mut self, payload: Box<dyn Any + Send>) {
        let panic = Panic::new(payload);
        self.control().panicked(panic.message());
        // What was promised is to be received: the job was over, and nobody undoes it any more.
        let is_promised = self.undo.is_some() && self.result.is_some();
        if !is_promised {
            self.result = Some(Err(Lost::Panicked(panic)));
        }
    }

    fn hand_over(&mut self, control: &Control) -> bool {
        if self.undo.is_none() || !matches!(self.result, Some(Ok(_))) {
            return false;
        }
        let Some(Ok(value)) = self.result.take() else {
            return false;
        };
        let Work { promise: Promise(slot), is_pending, .. } = self;
        let mut offer = slot.offer(value, || unpend(is_pending, control));
        loop {
            match offer {
                Offer::Received => return false,
                Offer::Awaited(value) => {
                    self.result = Some(Ok(value));
                    return false;
                }
                Offer::Returned(value) => {
                    self.returned = Some(value);
                    return true;
                }
                Offer::Open => {}
            }
            let withdraw = if control.is_closed() {
                Some(Lost::Closed)
            } else if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                Some(Lost::Expired)
            } else {
                None
            };
            let must_wait = withdraw.is_none();
            offer = slot.offered(withdraw);
            if must_wait && matches!(offer, Offer::Open) {
                channel::wait_any::<(), (), ()>(None, None, control.nudged(), self.deadline);
                let _ = control.nudged().try_recv();
                offer = slot.offered(None);
            }
        }
    }

    fn undo(&mut self, view: &mut P::View<'_>) {
        if let (Some(undo), Some(value)) = (self.undo.take(), self.returned.take()) {
            undo(view, value);
        }
    }

    fn retire(&mut self) {
        self.unpend();
    }

    fn deliver(mut self: Box<Self>) {
        self.unpend();
        let result = self.result.take();
        self.resolve(result);
    }

    fn refuse(mut self: Box<Self>, lost: Lost) {
        self.unpend();
        self.resolve(Some(Err(lost)));
    }

    fn is_queued(&self) -> bool {
        self.promise.0.phase().is_queued()
    }
}
