//! Whether it pays to look out for a reply before going to sleep.
//!
//! To put a thread to sleep and to wake it can take ten times as long as a short job, most of all on a machine that has
//! nothing else to do. So a thread that waits for a reply looks out for it first, for a moment, as long as that has paid
//! with the replies before. It lets others run meanwhile, and where there is one processor only it sleeps at once: what
//! it waits for could not come nearer while it looked.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long it is looked out: about as long as it takes to fall asleep, be woken, and wake the other side in turn.
const MOMENT: Duration = Duration::from_micros(50);

/// So many replies in a row that came later than that, and it is not looked out for the next ones.
const TIRED: u32 = 4;

/// But once in so many replies, to see whether they have become faster.
const AGAIN: u32 = 128;

/// What the replies of one worker have taught. No synchronisation: it decides about time alone.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Replies in a row that were not there in time.
    missed: AtomicU32,
}

impl Patience {
    /// Looks out until `is_there`, for a moment or to `until`, or not at all.
    pub(crate) fn look_out(&self, until: Option<Instant>, is_there: impl Fn() -> bool) {
        let missed = self.missed.load(Ordering::Relaxed);
        if missed >= TIRED && !missed.is_multiple_of(AGAIN) {
            self.missed.store(missed.wrapping_add(1), Ordering::Relaxed);
            return;
        }
        if !has_several_processors() {
            return;
        }
        let end = Instant::now() + MOMENT;
        let end = until.map_or(end, |until| until.min(end));
        loop {
            // First of all: the other side may have no processor but this one.
            thread::yield_now();
            for _ in 0..16 {
                if is_there() {
                    self.missed.store(0, Ordering::Relaxed);
                    return;
                }
                std::hint::spin_loop();
            }
            if Instant::now() >= end {
                self.missed.store(missed.wrapping_add(1), Ordering::Relaxed);
                return;
            }
        }
    }
}

fn has_several_processors() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| thread::available_parallelism().is_ok_and(|count| count.get() > 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// How often it was looked for a reply that never comes.
    fn looks(patience: &Patience) -> u32 {
        let looks = Cell::new(0);
        patience.look_out(Some(Instant::now()), || {
            looks.set(looks.get() + 1);
            false
        });
        looks.get()
    }

    #[test]
    fn what_never_comes_in_time_is_hardly_looked_out_for() {
        if !has_several_processors() {
            return;
        }
        let patience = Patience::default();
        let looked = (0..TIRED + 2 * AGAIN).filter(|_| looks(&patience) > 0).count();
        assert_eq!(looked, TIRED as usize + 2);
        // One that comes in time makes up for all the others.
        patience.missed.store(AGAIN, Ordering::Relaxed);
        patience.look_out(None, || true);
        assert!(looks(&patience) > 0);
    }
}
