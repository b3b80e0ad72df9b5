//! Jobs on the caller's own thread.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Lost, Place, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};
use support::{Door, options, patience, ready, spawn, until};

#[test]
fn an_idle_worker_lends_its_seat() {
    let (worker, _) = ready();
    let borrowed = String::from("a lent job may borrow");
    let here = worker.try_run_here(None, |ledger, ticket| {
        ledger.entries.push(5);
        assert!(worker.is_mine() && !worker.is_idle() && worker.is_running());
        (thread::current().id(), ticket.is_lent(), borrowed.len())
    });
    assert_eq!(here.ok(), Some((thread::current().id(), true, 21)));
    assert!(!worker.is_mine() && worker.is_idle());
    assert_eq!(worker.submit(None, |ledger, _| ledger.entries.clone()).wait().expect("the job ran"), [5]);
    assert_eq!(worker.counters().lent, 1);
}

#[test]
fn what_is_asked_for_after_a_job_with_an_undo_is_lent() {
    /// Takes its time over everything.
    struct Slow;
    impl Slow {
        fn take_time() {
            (0..200).for_each(|_| thread::yield_now());
        }
    }
    impl Place for Slow {
        type View<'v> = &'v mut Slow;
        fn view(&mut self) -> &mut Slow {
            self
        }
        fn unharmed(&mut self) {
            Slow::take_time();
        }
    }
    let worker = Worker::spawn(options(), || Slow).expect("a thread can be started");
    for round in 0..200 {
        let reply = worker.submit_with(None, |_, _| Slow::take_time(), |_, ()| ());
        if round % 2 == 1 {
            // The job is over before anybody waits for it.
            until("nothing runs", || !worker.is_running());
        }
        reply.wait().expect("the job ran");
        assert!(worker.try_run_here(None, |_, _| ()).is_ok(), "round {round}");
    }
}

#[test]
fn a_busy_worker_gives_the_job_back() {
    let (worker, _) = ready();
    let door = Door::default();
    let its = door.clone();
    let reply = worker.submit(None, move |_, _| its.pass());
    let job = worker.try_run_here(None, |_, _| 7).expect_err("the worker is busy");
    let queued = worker.submit(None, job);
    door.open();
    reply.wait().expect("the job ran");
    assert_eq!(queued.wait().expect("the job ran"), 7);
}

#[test]
fn a_closed_worker_lends_nothing() {
    let (worker, _) = ready();
    worker.close();
    assert!(worker.try_run_here(None, |_, _| ()).is_err());
}

#[test]
fn nobody_else_gets_in_meanwhile_and_what_is_submitted_runs_after() {
    let (worker, journal) = ready();
    let queued = worker
        .try_run_here(None, |ledger, _| {
            let queued = worker.submit(None, |ledger, _| ledger.journal.note("queued"));
            assert!(worker.try_run_here(None, |_, _| ()).is_err(), "lent twice");
            thread::scope(|scope| {
                scope.spawn(|| assert!(!worker.is_mine() && worker.try_run_here(None, |_, _| ()).is_err()));
            });
            ledger.journal.note("lent");
            queued
        })
        .ok()
        .expect("the worker is idle");
    queued.wait().expect("the job ran");
    assert_eq!(journal.entries(), ["lent", "queued"]);
}

#[test]
fn a_panic_in_a_lent_job_goes_on_here_after_the_place_was_told() {
    let (worker, journal) = ready();
    let payload = catch_unwind(AssertUnwindSafe(|| {
        let _ = worker.try_run_here(None, |_, _| -> () { std::panic::panic_any(42_u64) });
    }))
    .expect_err("the panic goes on");
    assert_eq!(payload.downcast_ref::<u64>(), Some(&42));
    assert_eq!(journal.entries(), ["poisoned"]);
    assert!(!worker.is_mine());
    assert!(worker.try_run_here(None, |_, _| ()).is_ok(), "the worker lends again");
}

#[test]
fn a_lent_job_is_asked_to_stop_at_its_deadline() {
    let (worker, _) = ready();
    let deadline = Instant::now() + Duration::from_millis(10);
    let ran = worker.try_run_here(Some(deadline), |_, ticket| {
        until("asked to stop", || ticket.cancelled());
        assert!(!ticket.is_abandoned());
    });
    assert!(ran.is_ok());
    assert!(deadline.elapsed() < Duration::from_millis(500));
    assert_eq!(worker.try_run_here(None, |_, ticket| ticket.cancelled()).ok(), Some(false));
}

#[test]
fn a_worker_that_ends_meanwhile_drops_its_place_on_its_own_thread() {
    let (worker, journal) = ready();
    let other = worker.clone();
    let ended = worker.ended();
    let ran = worker.try_run_here(None, |ledger, _| {
        other.close();
        ledger.journal.note("lent");
    });
    assert!(ran.is_ok());
    ended.wait_until(patience()).expect("the worker ends");
    assert_eq!(journal.entries(), ["lent", "dropped on its own thread"]);
    assert!(matches!(worker.submit(None, |_, _| ()).wait(), Err(Lost::Closed)));
}

#[test]
fn threads_that_lend_and_submit_at_once_lose_nothing() {
    let (worker, _) = spawn(support::options());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..2_000 {
                    let job = move |ledger: &mut &mut support::Ledger, _: &pontoon_bridge::Ticket<'_, _>| {
                        ledger.entries.push(n);
                    };
                    if let Err(job) = worker.try_run_here(None, job) {
                        worker.submit(None, job).wait().expect("the job ran");
                    }
                }
            });
        }
    });
    let entries = worker.submit(None, |ledger, _| ledger.entries.len()).wait().expect("the job ran");
    assert_eq!(entries, 8_000);
    let counters = worker.counters();
    assert_eq!(counters.lent + counters.jobs, 8_001);
}
