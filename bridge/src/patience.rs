//! Whether it pays to look out for something before going to sleep.
//!
//! To put a thread to sleep and to wake it can take ten times as long as a short job, most of all on a machine that has
//! nothing else to do. So whoever waits looks out first, for a moment, as long as that has paid before: a thread for its
//! reply, a worker for its next job and for the answer of a server, a task for its reply at the first poll. This is what
//! is allowed, and no more:
//!
//! - **For a moment.** [`MOMENT`] at most, a task [`GLANCE`]; then it sleeps, and is woken as if it had never looked. What
//!   is looked at is a hint. Whether there is anything to sleep for is decided under the lock, or by the channel, that the
//!   other side wakes by, so nothing that comes between looking and sleeping is missed.
//! - **While it pays.** After a few misses in a row it is not looked any more, but now and then, to see whether things
//!   have changed. Who has nothing to do takes no time.
//! - **Where there is room.** Never on one processor: what is waited for could not come nearer meanwhile. Workers that look
//!   out at the same time are fewer than there are processors, over the whole process, and so are tasks. A thread waits for
//!   what it has asked for itself, so it counts with nobody.
//! - **Making way.** Each turn begins with giving up the processor, which may be the one that the other side waits for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long it is looked out: about as long as it takes to fall asleep, be woken, and wake the other side in turn.
const MOMENT: Duration = Duration::from_micros(50);

/// How long a task looks out, which keeps a thread of its executor from others meanwhile.
const GLANCE: Duration = Duration::from_micros(10);

/// So many misses in a row, and it is not looked out any more.
const TIRED: u32 = 4;

/// But once in so many times, to see whether what is waited for comes sooner now.
const AGAIN: u32 = 128;

/// Those of one kind that look out at this moment, in the whole process.
#[derive(Debug)]
struct Crowd(AtomicUsize);

static WORKERS: Crowd = Crowd(AtomicUsize::new(0));
static TASKS: Crowd = Crowd(AtomicUsize::new(0));

/// Looks out as one of a crowd.
#[derive(Debug)]
struct Within(&'static Crowd);

impl Crowd {
    /// `None` when there is no room for one more.
    fn enter(&'static self, room: usize) -> Option<Within> {
        let within = (self.0.fetch_add(1, Ordering::Relaxed), Within(self));
        (within.0 < room).then_some(within.1)
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waiting has taught, at one place where it is waited again and again: whether to look out before sleeping, for a
/// moment, if that has paid, and never on one processor.
///
/// No synchronisation: it decides about time alone.
#[derive(Debug)]
pub struct Patience {
    moment: Duration,
    crowd: Option<&'static Crowd>,
    /// How often in a row it did not come in time.
    missed: AtomicU32,
}

/// Somebody looks out, and has not found anything yet. Dropped, it was in vain.
#[derive(Debug)]
pub struct Look {
    end: Instant,
    #[expect(dead_code, reason = "held for its drop")]
    within: Option<Within>,
}

impl Patience {
    /// Of threads that wait for a reply.
    pub(crate) const fn of_threads() -> Self {
        Self { moment: MOMENT, crowd: None, missed: AtomicU32::new(0) }
    }

    /// Of tasks that wait for a reply.
    pub(crate) const fn of_tasks() -> Self {
        Self { moment: GLANCE, crowd: Some(&TASKS), missed: AtomicU32::new(0) }
    }

    /// Of a worker that waits: for a job, or inside of one.
    pub const fn of_a_worker() -> Self {
        Self { moment: MOMENT, crowd: Some(&WORKERS), missed: AtomicU32::new(0) }
    }

    /// Begins to look out, to `until` at most, if that pays and there is room. Counts as a miss until it is told that
    /// something was [found](Self::found).
    pub fn begin(&self, until: Option<Instant>) -> Option<Look> {
        let room = processors() - 1;
        if room == 0 {
            return None;
        }
        let missed = self.missed.load(Ordering::Relaxed);
        let is_tired = missed >= TIRED && !missed.is_multiple_of(AGAIN);
        let within = match self.crowd {
            Some(_) if is_tired => None,
            // That others look out teaches nothing.
            Some(crowd) => Some(crowd.enter(room)?),
            None => None,
        };
        self.missed.store(missed.wrapping_add(1), Ordering::Relaxed);
        if is_tired {
            return None;
        }
        let end = Instant::now() + self.moment;
        Some(Look { end: until.map_or(end, |until| until.min(end)), within })
    }

    /// What was looked out for came in time.
    pub fn found(&self) {
        self.missed.store(0, Ordering::Relaxed);
    }

    /// Looks out until `is_there`, for a moment or to `until`, or not at all; whether it came.
    pub(crate) fn look_out(&self, until: Option<Instant>, is_there: impl Fn() -> bool) -> bool {
        let Some(look) = self.begin(until) else { return false };
        loop {
            let goes_on = look.goes_on();
            for _ in 0..16 {
                if is_there() {
                    self.found();
                    return true;
                }
                std::hint::spin_loop();
            }
            if !goes_on {
                return false;
            }
        }
    }
}

impl Look {
    /// Makes way for others, and says whether there is still time: to be called before each look but the last.
    pub fn goes_on(&self) -> bool {
        thread::yield_now();
        Instant::now() < self.end
    }
}

fn processors() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// How often it was looked for what never comes.
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
        if processors() == 1 {
            return;
        }
        let patience = Patience::of_threads();
        let looked = (0..TIRED + 2 * AGAIN).filter(|_| looks(&patience) > 0).count();
        assert_eq!(looked, TIRED as usize + 2);
        // One that comes in time makes up for all the others.
        patience.missed.store(AGAIN, Ordering::Relaxed);
        assert!(patience.look_out(None, || true));
        assert!(looks(&patience) > 0);
    }

    #[test]
    fn it_ends_by_itself() {
        for patience in [Patience::of_threads(), Patience::of_tasks(), Patience::of_a_worker()] {
            let Some(look) = patience.begin(None) else { continue };
            assert!(look.end <= Instant::now() + MOMENT);
            while look.goes_on() {}
        }
    }

    #[test]
    fn no_more_look_out_at_a_time_than_there_is_room_for() {
        static CROWD: Crowd = Crowd(AtomicUsize::new(0));
        let inside: Vec<_> = (0..3).map_while(|_| CROWD.enter(2)).collect();
        assert_eq!(inside.len(), 2);
        drop(inside);
        assert!(CROWD.enter(1).is_some());
        assert_eq!(CROWD.0.load(Ordering::Relaxed), 0);
    }
}
