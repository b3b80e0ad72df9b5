//! What the sides of a worker have learnt of waiting for each other. No synchronisation: it decides about time alone.

use crate::Patience;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(crate) struct Habits {
    /// How soon replies come, for threads that wait for one.
    pub(crate) threads: Patience,
    /// The same for tasks.
    tasks: Patience,
    /// How soon jobs come, for the worker.
    pub(crate) worker: Patience,
    /// Whether the worker sleeps until there is a job.
    is_asleep: AtomicBool,
}

/// While there is one, the worker sleeps.
pub(crate) struct Asleep<'h>(&'h AtomicBool);

impl Habits {
    pub(crate) const fn new() -> Self {
        Self {
            threads: Patience::of_threads(),
            tasks: Patience::of_tasks(),
            worker: Patience::of_a_worker(),
            is_asleep: AtomicBool::new(false),
        }
    }

    /// For a task that waits for a reply, if that may be there in no time: nothing else is queued or runs, and the worker
    /// need not be woken first.
    pub(crate) fn of_a_task(&self, pending: usize) -> Option<&Patience> {
        (pending <= 1 && !self.is_asleep.load(Ordering::Relaxed)).then_some(&self.tasks)
    }

    /// Said by the worker, of itself.
    pub(crate) fn falls_asleep(&self) -> Asleep<'_> {
        self.is_asleep.store(true, Ordering::Relaxed);
        Asleep(&self.is_asleep)
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_looks_out_for_what_is_next_alone_and_not_while_the_worker_sleeps() {
        let habits = Habits::new();
        assert!(habits.of_a_task(1).is_some());
        assert!(habits.of_a_task(2).is_none());
        let asleep = habits.falls_asleep();
        assert!(habits.of_a_task(1).is_none());
        drop(asleep);
        assert!(habits.of_a_task(1).is_some());
    }
}
