//! The orderly end of a pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_bridge::Worker;

use super::Pool;
use super::parting::Retirement;
use crate::database::CloseReport;
use crate::moment::after;
use crate::session::Boat;

/// How long calls that were cancelled at the end of the grace have to come back.
const LAST_WAIT: Duration = Duration::from_millis(400);

impl Pool {
    /// Closes every connection: idle ones at once, others when their running call ends, or is ended after the grace.
    pub(crate) fn close(self: &Arc<Pool>, grace: Duration) -> CloseReport {
        let mut report = CloseReport { turned_away: self.gate.waiting(), ..CloseReport::default() };
        self.gate.close();
        self.jobs.close();
        *self.housekeeping.lock() = None;
        let mut workers: Vec<Worker<Boat>> = Vec::new();
        for crew in self.crews.lock().iter() {
            workers.push(crew.worker.clone());
            if crew.record.is_fit() && !crew.record.is_abandoned() {
                self.closed(&crew.record, Retirement::WithDatabase);
            }
        }
        for worker in &workers {
            // What is queued is refused; what runs goes on. A way back to the pool that is queued gives up its berth.
            worker.close();
        }
        let deadline = after(grace);
        let running: Vec<&Worker<Boat>> =
            workers.iter().filter(|worker| worker.ended().wait_until(deadline).is_err()).collect();
        report.finished = workers.len() - running.len();
        for worker in &running {
            worker.cancel_running();
        }
        let deadline = Instant::now() + LAST_WAIT;
        for worker in running {
            match worker.ended().wait_until(deadline) {
                Ok(()) => report.cancelled += 1,
                Err(_) => report.stuck += 1,
            }
        }
        report
    }
}
