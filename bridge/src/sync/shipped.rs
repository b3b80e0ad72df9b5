//! What ships: parking_lot, crossbeam-channel, standard atomics and threads.

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(crate) use std::sync::atomic;
pub(crate) use std::thread;

/// Whether a deliberate bug is switched on. Never in a shipped build: see the models.
#[inline(always)]
pub(crate) const fn seeded_bug(_name: &str) -> bool {
    false
}

pub(crate) mod channel {
    pub(crate) use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
    use std::time::Instant;

    /// Blocks until one of the channels has a message or has lost its senders, or until the time. May return early:
    /// callers try each channel and come back.
    pub(crate) fn wait_any<A, B, C>(
        first: Option<&Receiver<A>>,
        second: Option<&Receiver<B>>,
        third: &Receiver<C>,
        until: Option<Instant>,
    ) {
        let mut select = crossbeam_channel::Select::new();
        if let Some(first) = first {
            select.recv(first);
        }
        if let Some(second) = second {
            select.recv(second);
        }
        select.recv(third);
        match until {
            // A timeout is no news to the caller: it looks at the clock itself.
            Some(until) => drop(select.ready_deadline(until)),
            None => drop(select.ready()),
        }
    }
}
