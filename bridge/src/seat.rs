//! The seat: who may touch the place right now.

use crate::sync::{Mutex, MutexGuard};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number for this thread, never zero and never used again; cheaper to have than `thread::current().id()`.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static THIS: Cell<u64> = const { Cell::new(0) });
    THIS.with(|this| match this.get() {
        0 => {
            let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
            this.set(fresh);
            fresh
        }
        known => known,
    })
}

/// A mutex around the place that knows which thread is inside.
pub(crate) struct Seat<P> {
    place: Mutex<Option<P>>,
    /// Written only by whoever holds the mutex, so a thread that reads its own number is inside. Not a
    /// synchronisation, hence not a checked atomic.
    inside: AtomicU64,
}

impl<P> Seat<P> {
    pub(crate) fn new() -> Self {
        Self { place: Mutex::new(None), inside: AtomicU64::new(0) }
    }

    /// Waits for whoever is inside.
    pub(crate) fn enter(&self) -> Seated<'_, P> {
        self.seated(self.place.lock())
    }

    /// Never waits.
    pub(crate) fn try_enter(&self) -> Option<Seated<'_, P>> {
        self.place.try_lock().map(|place| self.seated(place))
    }

    fn seated<'a>(&'a self, place: MutexGuard<'a, Option<P>>) -> Seated<'a, P> {
        self.inside.store(this_thread(), Ordering::Relaxed);
        Seated { place, inside: &self.inside }
    }

    pub(crate) fn is_mine(&self) -> bool {
        self.inside.load(Ordering::Relaxed) == this_thread()
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.inside.load(Ordering::Relaxed) != 0
    }
}

/// Somebody inside the seat.
pub(crate) struct Seated<'a, P> {
    place: MutexGuard<'a, Option<P>>,
    inside: &'a AtomicU64,
}

impl<P> Seated<'_, P> {
    pub(crate) fn place(&mut self) -> &mut Option<P> {
        &mut self.place
    }
}

impl<P> Drop for Seated<'_, P> {
    fn drop(&mut self) {
        // Fields drop after this: the number goes before the mutex does.
        self.inside.store(0, Ordering::Relaxed);
    }
}
