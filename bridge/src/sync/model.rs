//! The same names over the primitives of the model checker.

#[cfg(loom)]
use loom as checker;
#[cfg(all(shuttle, not(loom)))]
use shuttle as checker;

pub(crate) use checker::sync::atomic;
pub(crate) use checker::thread;

use std::ops::{Deref, DerefMut};
use std::time::Instant;

/// Whether the deliberate bug of that name is switched on for this process (`SEEDED_BUG` in the environment), so that
/// each model can be shown to catch one.
pub(crate) fn seeded_bug(name: &str) -> bool {
    static ON: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("SEEDED_BUG").ok()).as_deref() == Some(name)
}

/// A mutex with parking_lot's manners over the checker's.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
    }
}

/// A guard that a condition variable can borrow; empty only while it waits.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T>(Option<checker::sync::MutexGuard<'a, T>>);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect("a guard is empty only while its condition variable waits")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("a guard is empty only while its condition variable waits")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(checker::sync::Condvar);

pub(crate) struct NeverTimedOut;

impl NeverTimedOut {
    pub(crate) fn timed_out(&self) -> bool {
        false
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(checker::sync::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.0.take().expect("a guard is empty only while its condition variable waits");
        guard.0 = Some(self.0.wait(held).unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _until: Instant) -> NeverTimedOut {
        self.wait(guard);
        NeverTimedOut
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// The part of crossbeam-channel that this package uses, over a mutex and a condition variable.
pub(crate) mod channel {
    use super::{Condvar, Mutex, checker};
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Instant;

    struct Inner<T> {
        queue: VecDeque<T>,
        senders: usize,
        receivers: usize,
    }

    struct Shared<T> {
        inner: Mutex<Inner<T>>,
        arrived: Condvar,
        capacity: usize,
    }

    pub(crate) struct Sender<T>(Arc<Shared<T>>);
    pub(crate) struct Receiver<T>(Arc<Shared<T>>);

    #[derive(Debug)]
    pub(crate) struct SendError<T>(#[allow(dead_code)] pub(crate) T);
    #[derive(Debug)]
    pub(crate) struct RecvError;
    #[derive(Debug)]
    pub(crate) enum TryRecvError {
        Empty,
        Disconnected,
    }

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        bounded(usize::MAX)
    }

    pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner { queue: VecDeque::new(), senders: 1, receivers: 1 }),
            arrived: Condvar::new(),
            capacity,
        });
        (Sender(Arc::clone(&shared)), Receiver(shared))
    }

    impl<T> Sender<T> {
        /// Only ever called on unbounded channels, so it never waits for room.
        pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
            self.try_send(value)
        }

        pub(crate) fn try_send(&self, value: T) -> Result<(), SendError<T>> {
            let mut inner = self.0.inner.lock();
            if inner.receivers == 0 || inner.queue.len() >= self.0.capacity {
                return Err(SendError(value));
            }
            inner.queue.push_back(value);
            self.0.arrived.notify_one();
            Ok(())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            let mut inner = self.0.inner.lock();
            inner.senders -= 1;
            if inner.senders == 0 {
                self.0.arrived.notify_all();
            }
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn recv(&self) -> Result<T, RecvError> {
            let mut inner = self.0.inner.lock();
            loop {
                if let Some(value) = inner.queue.pop_front() {
                    return Ok(value);
                }
                if inner.senders == 0 {
                    return Err(RecvError);
                }
                self.0.arrived.wait(&mut inner);
            }
        }

        pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
            let mut inner = self.0.inner.lock();
            match inner.queue.pop_front() {
                Some(value) => Ok(value),
                None if inner.senders == 0 => Err(TryRecvError::Disconnected),
                None => Err(TryRecvError::Empty),
            }
        }

        pub(crate) fn len(&self) -> usize {
            self.0.inner.lock().queue.len()
        }

        fn wait_ready(&self) {
            let mut inner = self.0.inner.lock();
            while inner.queue.is_empty() && inner.senders > 0 {
                self.0.arrived.wait(&mut inner);
            }
        }

        fn is_ready(&self) -> bool {
            let inner = self.0.inner.lock();
            !inner.queue.is_empty() || inner.senders == 0
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let dropped = {
                let mut inner = self.0.inner.lock();
                inner.receivers -= 1;
                if inner.receivers == 0 { std::mem::take(&mut inner.queue) } else { VecDeque::new() }
            };
            // Messages may own senders of this very channel: dropped outside the lock.
            drop(dropped);
        }
    }

    pub(crate) fn wait_any<A, B, C>(
        first: Option<&Receiver<A>>,
        second: Option<&Receiver<B>>,
        third: &Receiver<C>,
        _until: Option<Instant>,
    ) {
        if first.is_none() && second.is_none() {
            return third.wait_ready();
        }
        while !(first.is_some_and(Receiver::is_ready) || second.is_some_and(Receiver::is_ready) || third.is_ready()) {
            checker::thread::yield_now();
        }
    }
}
