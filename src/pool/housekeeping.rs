//! What the pool does on its own account: it closes connections that were idle for too long or lived for too long, asks
//! idle ones for a sign of life, keeps a few open, and reports those that are held for suspiciously long.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pontoon_bridge::{Alarm, Timed};

use super::Pool;
use super::hold::Claim;
use super::parting::{Fault, Retirement};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::PoolEvent;
use crate::query::QueryOptions;
use crate::session::{Ticket, Turn, View};

/// The shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest time between two rounds.
const LONGEST: Duration = Duration::from_secs(30);

/// How soon a connection that is to be kept open is opened again.
const REFILL: Duration = Duration::from_secs(1);

impl Timed for Pool {
    fn due(&self, now: Instant) -> Option<Instant> {
        self.report_leaks(now);
        self.sweep(now);
        self.interval().map(|interval| Instant::now() + interval)
    }
}

/// Sets the pool's alarm.
pub(super) fn start(pool: &Arc<Pool>) -> Result<()> {
    let Some(interval) = pool.interval() else { return Ok(()) };
    let target: Weak<dyn Timed> = Arc::downgrade(pool) as Weak<dyn Timed>;
    let alarm = Alarm::new(target).map_err(|error| {
        Error::new(ErrorKind::ResourceExhausted, "the thread that watches deadlines could not be started")
            .with_source(error)
    })?;
    alarm.set(Some(Instant::now() + interval));
    *pool.housekeeping.lock() = Some(alarm);
    Ok(())
}

impl Pool {
    /// The time between two rounds: a fraction of the shortest time that is to be kept.
    fn interval(&self) -> Option<Duration> {
        let terms = &self.terms;
        let refill = (terms.min_idle > 0).then_some(REFILL * 4);
        [terms.idle_timeout, terms.max_lifetime, terms.keepalive, terms.leak_threshold, refill]
            .into_iter()
            .flatten()
            .min()
            .map(|shortest| (shortest / 4).clamp(SHORTEST, LONGEST))
    }

    fn report_leaks(&self, now: Instant) {
        let Some(threshold) = self.terms.leak_threshold else { return };
        let records: Vec<_> = self.crews.lock().iter().map(|crew| Arc::clone(&crew.record)).collect();
        for record in records {
            if let Some((site, held)) = record.new_leak(threshold, now) {
                // First: an observer that looks at the pool finds it there.
                self.tally
                    .leaked(format!("connection #{} has been held for {held:.0?}, taken at {site}", record.number()));
                self.observer.pool(&PoolEvent::Leak { number: record.number(), held, by: &site });
            }
        }
    }

    /// Looks at every connection that is free just now. Whoever wants one meanwhile waits at the gate for the moment
    /// that this takes.
    fn sweep(&self, now: Instant) {
        let mut free = Vec::new();
        let mut empty = 0;
        while let Ok(permit) = self.gate.try_acquire_briefly() {
            let Ok(berth) = self.draw() else { break };
            let claim = Claim { berth, permit };
            empty += usize::from(claim.berth.mooring.is_none());
            free.push(claim);
            if empty > self.terms.min_idle {
                // Open connections lie above the empty berths, and so many empty ones can be filled up.
                break;
            }
        }
        let mut spare = self.living().saturating_sub(self.terms.min_idle);
        let mut back = Vec::with_capacity(free.len());
        // The one that was idle for longest first.
        while let Some(mut claim) = free.pop() {
            let Some(mooring) = &claim.berth.mooring else {
                back.push(claim);
                continue;
            };
            if mooring.record.is_dead() {
                self.discard(&mut claim, Fault::Broken);
                back.push(claim);
                continue;
            }
            let is_old = mooring.expires.is_some_and(|expires| now >= expires);
            let idle = now.saturating_duration_since(mooring.idle_since);
            let is_idle = self.terms.idle_timeout.is_some_and(|limit| idle >= limit);
            if is_old || (is_idle && spare > 0) {
                spare = spare.saturating_sub(1);
                self.retire(&mut claim, if is_old { Retirement::Old } else { Retirement::Idle });
            } else if self.terms.keepalive.is_some_and(|every| now.saturating_duration_since(mooring.proven) >= every)
                && let Some(pool) = self.me.upgrade()
            {
                pool.knock(claim);
                continue;
            }
            back.push(claim);
        }
        // Put back in the reverse of the order they came in, so that the stack is as it was; the empty ones at its bottom
        // are filled up first.
        let mut missing = self.terms.min_idle.saturating_sub(self.living());
        for claim in back {
            if claim.berth.mooring.is_none() && missing > 0 {
                missing -= 1;
                if let Some(pool) = self.me.upgrade() {
                    pool.open_unattended(claim);
                }
            }
        }
    }

    /// How many connections are open, or are being opened.
    fn living(&self) -> usize {
        self.crews.lock().iter().filter(|crew| !crew.record.is_dead() && !crew.record.is_abandoned()).count()
    }

    /// Asks an idle connection for a sign of life, without waiting for it. It goes back when it has answered; one that
    /// does not is discarded.
    fn knock(self: Arc<Pool>, mut claim: Claim) {
        let Some(mooring) = &claim.berth.mooring else { return };
        let until = Instant::now() + super::PROBE_TIME;
        let record = Arc::clone(&mooring.record);
        let worker = mooring.worker.clone();
        let asked = worker.submit(Some(until), move |view: &mut View<'_>, ticket: &Ticket<'_>| {
            let turn = Turn::new(ticket, Some(until), QueryOptions::default());
            if view.core().and_then(|mut core| core.ping(&turn)).is_err() {
                record.die(Fault::Silent);
            }
        });
        asked.detach();
        // The claim waits behind the question and not in it: should the answer never come, it is dropped with the queue
        // when the worker is found to be stuck.
        let back = worker.submit(None, move |_: &mut View<'_>, _: &Ticket<'_>| {
            match &mut claim.berth.mooring {
                Some(mooring) if mooring.record.is_fit() => mooring.proven = Instant::now(),
                _ => self.discard(&mut claim, Fault::Silent),
            }
            drop(claim);
        });
        back.detach();
    }
}
