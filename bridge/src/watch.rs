//! The watch: one thread a process that knows what time it is.
//!
//! Whatever has a deadline registers an [`Alarm`] for something [`Timed`]. Setting an alarm is an atomic store as long
//! as the new time is not before the one the alarm is filed under: the watch finds out when it gets there and files
//! the alarm anew. A worker whose jobs each carry a deadline of seconds therefore wakes the watch once in seconds,
//! however many jobs it runs.

use crate::sync::Weak;
use std::io;
use std::time::Instant;

/// Something to which time matters.
pub trait Timed: Send + Sync {
    /// The time of its alarm has come, or has been near. Returns when to be called again, if the alarm has not been
    /// set to an earlier time meanwhile. Called on the watch: must not block. A panic is caught and counts as `None`.
    ///
    /// May be called early or once too often; it looks at `now` and decides itself.
    fn due(&self, now: Instant) -> Option<Instant>;
}

/// A registration with the watch. Holds its target weakly; dropping it deregisters.
///
/// The target may still be in [`Timed::due`] when the drop returns.
#[derive(Debug)]
pub struct Alarm {
    #[cfg(not(any(loom, shuttle)))]
    entry: std::sync::Arc<running::Entry>,
}

#[cfg(not(any(loom, shuttle)))]
impl Alarm {
    /// Registers `target`, with no time set. Starts the watch if this is the first need of it in the process.
    ///
    /// # Errors
    ///
    /// The watch's thread could not be started; the next registration tries again.
    pub fn new(target: Weak<dyn Timed>) -> io::Result<Self> {
        running::ensure()?;
        Ok(Self { entry: running::Entry::new(target) })
    }

    /// Sets the time, or clears it. The last call counts.
    pub fn set(&self, at: Option<Instant>) {
        self.entry.set(at.map_or(running::NEVER, running::nanos));
    }

    /// Calls the target as soon as possible.
    pub fn ring(&self) {
        self.entry.set(0);
    }
}

#[cfg(not(any(loom, shuttle)))]
impl Drop for Alarm {
    fn drop(&mut self) {
        self.entry.withdraw();
    }
}

/// Under a model checker there is no time: the model itself sends the events that the watch would send.
#[cfg(any(loom, shuttle))]
impl Alarm {
    /// Registers nothing.
    pub fn new(_target: Weak<dyn Timed>) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Does nothing.
    pub fn set(&self, _at: Option<Instant>) {}

    /// Does nothing.
    pub fn ring(&self) {}
}

#[cfg(not(any(loom, shuttle)))]
mod running {
    use super::Timed;
    use parking_lot::{Condvar, Mutex};
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::sync::{Arc, OnceLock, Weak};
    use std::time::{Duration, Instant};
    use std::{fmt, io, thread};

    pub(super) const NEVER: u64 = u64::MAX;

    /// The moment this process first asked; times are nanoseconds since, so that they fit an atomic.
    fn epoch() -> Instant {
        static EPOCH: OnceLock<Instant> = OnceLock::new();
        *EPOCH.get_or_init(Instant::now)
    }

    pub(super) fn nanos(at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(epoch()).as_nanos();
        u64::try_from(nanos).map_or(NEVER - 1, |nanos| nanos.min(NEVER - 1))
    }

    /// `wanted` is what the owner asked for, `filed` where the registry has it. The registry may file it later than
    /// wanted only while it holds its lock, and looks at `wanted` again afterwards; the owner stores `wanted` first
    /// and then looks at `filed`. Both with sequential consistency, so one of the two sees the other.
    pub(super) struct Entry {
        id: u64,
        wanted: AtomicU64,
        filed: AtomicU64,
        /// For good: it is neither filed nor called any more.
        is_withdrawn: AtomicBool,
        target: Weak<dyn Timed>,
    }

    impl fmt::Debug for Entry {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Entry").field("wanted", &self.wanted).finish_non_exhaustive()
        }
    }

    struct Registry {
        filed: BTreeMap<(u64, u64), Arc<Entry>>,
        sleeps_until: u64,
        is_running: bool,
    }

    static REGISTRY: Mutex<Registry> =
        Mutex::new(Registry { filed: BTreeMap::new(), sleeps_until: 0, is_running: false });
    static WAKE: Condvar = Condvar::new();

    pub(super) fn ensure() -> io::Result<()> {
        let mut registry = REGISTRY.lock();
        if !registry.is_running {
            // The thread is detached and never ends; it holds nothing that process exit could wait for.
            thread::Builder::new().name("pontoon-watch".into()).stack_size(256 << 10).spawn(run)?;
            registry.is_running = true;
        }
        Ok(())
    }

    impl Entry {
        pub(super) fn new(target: Weak<dyn Timed>) -> Arc<Self> {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            Arc::new(Self {
                id: NEXT.fetch_add(1, SeqCst),
                wanted: AtomicU64::new(NEVER),
                filed: AtomicU64::new(NEVER),
                is_withdrawn: AtomicBool::new(false),
                target,
            })
        }

        fn wanted(&self) -> u64 {
            if self.is_withdrawn.load(SeqCst) { NEVER } else { self.wanted.load(SeqCst) }
        }

        pub(super) fn set(self: &Arc<Self>, at: u64) {
            self.wanted.store(at, SeqCst);
            if at < self.filed.load(SeqCst) {
                self.refile();
            }
        }

        /// As `set`, unless an earlier time is wanted already.
        fn set_min(self: &Arc<Self>, at: u64) {
            self.wanted.fetch_min(at, SeqCst);
            if at < self.filed.load(SeqCst) {
                self.refile();
            }
        }

        fn refile(self: &Arc<Self>) {
            let mut registry = REGISTRY.lock();
            registry.file(self);
            if self.filed.load(SeqCst) < registry.sleeps_until {
                registry.sleeps_until = 0;
                drop(registry);
                WAKE.notify_one();
            }
        }

        pub(super) fn withdraw(&self) {
            // Whoever files looks at this under the registry's lock, which is taken here afterwards.
            self.is_withdrawn.store(true, SeqCst);
            let removed = {
                let mut registry = REGISTRY.lock();
                let filed = self.filed.swap(NEVER, SeqCst);
                registry.filed.remove(&(filed, self.id))
            };
            drop(removed);
        }
    }

    impl Registry {
        fn file(&mut self, entry: &Arc<Entry>) {
            loop {
                let wanted = entry.wanted();
                let filed = entry.filed.swap(wanted, SeqCst);
                if filed != NEVER {
                    self.filed.remove(&(filed, entry.id));
                }
                if wanted != NEVER {
                    self.filed.insert((wanted, entry.id), Arc::clone(entry));
                }
                // An owner that stored an earlier time before the swap looked at the old `filed`.
                if entry.wanted() >= wanted {
                    return;
                }
            }
        }
    }

    fn run() {
        let mut ringing = Vec::new();
        let mut registry = REGISTRY.lock();
        loop {
            let now = nanos(Instant::now());
            while let Some(first) = registry.filed.first_entry() {
                if first.key().0 > now {
                    break;
                }
                let entry = first.remove();
                entry.filed.store(NEVER, SeqCst);
                if entry.wanted.load(SeqCst) <= now {
                    ringing.push(entry);
                } else {
                    registry.file(&entry);
                }
            }
            if ringing.is_empty() {
                match registry.filed.first_key_value() {
                    Some((&(at, _), _)) => {
                        registry.sleeps_until = at;
                        WAKE.wait_until(&mut registry, epoch() + Duration::from_nanos(at));
                    }
                    None => {
                        registry.sleeps_until = NEVER;
                        WAKE.wait(&mut registry);
                    }
                }
                registry.sleeps_until = 0;
                continue;
            }
            drop(registry);
            for entry in ringing.drain(..) {
                ring(&entry);
            }
            registry = REGISTRY.lock();
        }
    }

    fn ring(entry: &Arc<Entry>) {
        if entry.is_withdrawn.load(SeqCst) {
            return;
        }
        // Cleared before the call: a time that the owner sets during the call must survive it.
        entry.wanted.store(NEVER, SeqCst);
        let next = catch_unwind(AssertUnwindSafe(|| {
            let target = entry.target.upgrade()?;
            target.due(Instant::now())
        }));
        if let Ok(Some(next)) = next {
            entry.set_min(nanos(next));
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
