//! Small waits: a thread for a future, a future for a moment.

use crate::Lost;
use crate::watch::{Alarm, Timed};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread, without any runtime.
///
/// For futures of this crate and what is built of them alone: one that needs its runtime to be driven would wait for
/// ever.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // A first look without a waker of our own: most of what is waited for is there already.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            // An unpark before this is remembered; one too many costs a turn.
            Poll::Pending => thread::park(),
        }
    }
}

#[derive(Default)]
struct Bell {
    waker: Mutex<Option<Waker>>,
}

impl Timed for Bell {
    fn due(&self, _now: Instant) -> Option<Instant> {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }
}

/// A future that is ready at a moment; see [`sleep_until`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    until: Instant,
    bell: Option<(Alarm, Arc<Bell>)>,
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").finish_non_exhaustive()
    }
}

/// A future that is ready at `until`, in any executor: the watch wakes it.
pub fn sleep_until(until: Instant) -> Sleep {
    Sleep { until, bell: None }
}

impl Future for Sleep {
    /// [`Lost::NoWatch`] when it would have to wait and the thread that watches the time could not be started.
    type Output = Result<(), Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if Instant::now() >= self.until {
            self.bell = None;
            return Poll::Ready(Ok(()));
        }
        let until = self.until;
        let (alarm, bell) = match &self.bell {
            Some(bell) => bell,
            None => {
                let bell = Arc::new(Bell::default());
                let Ok(alarm) = Alarm::new(Arc::downgrade(&bell) as Weak<dyn Timed>) else {
                    return Poll::Ready(Err(Lost::NoWatch));
                };
                self.bell.insert((alarm, bell))
            }
        };
        let former = bell.waker.lock().replace(context.waker().clone());
        drop(former);
        // After the waker is in place: an alarm for a time that has passed rings at once.
        alarm.set(Some(until));
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_sleeping_future_wakes_its_thread() {
        let until = Instant::now() + Duration::from_millis(20);
        block_on(sleep_until(until)).unwrap();
        assert!(Instant::now() >= until);
    }

    #[test]
    fn a_moment_that_has_passed_is_ready_at_once() {
        let mut sleep = pin!(sleep_until(Instant::now()));
        let polled = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(()))));
    }
}
