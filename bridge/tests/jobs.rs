//! Jobs and their replies, on real threads.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Cause, Lost, Place, Ticket, Worker, WorkerOptions};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::{Bell, Door, block_on, options, patience, ready, spawn, until};

#[test]
fn jobs_run_in_order_on_one_thread_that_is_not_the_callers() {
    let (worker, _) = ready();
    let replies: Vec<_> = (0..100)
        .map(|n| {
            worker.submit(None, move |ledger, _| {
                ledger.entries.push(n);
                thread::current().id()
            })
        })
        .collect();
    let threads: Vec<_> = replies.into_iter().map(|reply| reply.wait().expect("the job ran")).collect();
    assert!(threads.iter().all(|id| *id == threads[0] && *id != thread::current().id()));
    let order = worker.submit(None, |ledger, _| ledger.entries.clone()).wait().expect("the job ran");
    assert_eq!(order, (0..100).collect::<Vec<_>>());
    assert_eq!(worker.counters().jobs, 102);
}

#[test]
fn the_worker_is_idle_before_its_caller_hears_of_the_result() {
    let (worker, _) = ready();
    for _ in 0..1_000 {
        worker.submit(None, |_, _| ()).wait().expect("the job ran");
        assert!(worker.is_idle() && !worker.is_running() && worker.queued() == 0);
    }
}

#[test]
fn a_job_whose_reply_is_dropped_before_it_starts_never_runs() {
    let (worker, _) = ready();
    let door = Door::default();
    let its = door.clone();
    let blocker = worker.submit(None, move |_, _| its.pass());
    for n in 0..1_000 {
        drop(worker.submit(None, move |ledger, _| ledger.entries.push(n)));
    }
    door.open();
    blocker.wait().expect("the job ran");
    assert!(worker.submit(None, |ledger, _| ledger.entries.is_empty()).wait().expect("the job ran"));
    assert_eq!(worker.counters().never_run, 1_000);
}

#[test]
fn a_job_whose_deadline_passes_before_it_starts_never_runs() {
    let (worker, _) = ready();
    let door = Door::default();
    let its = door.clone();
    let blocker = worker.submit(None, move |_, _| its.pass());
    let soon = Instant::now() + Duration::from_millis(5);
    // The receiver is patient; the job is not.
    let late = worker.submit(Some(soon), |ledger, _| ledger.entries.push(1)).leave_at(Some(patience()));
    until("the deadline has passed", || Instant::now() > soon);
    door.open();
    assert!(matches!(late.wait(), Err(Lost::Expired)));
    blocker.wait().expect("the job ran");
    assert!(worker.submit(None, |ledger, _| ledger.entries.is_empty()).wait().expect("the job ran"));
}

#[test]
fn a_dropped_reply_asks_the_running_job_to_stop() {
    let (worker, _) = ready();
    let (started, starts) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let reply = worker.submit(None, move |_, ticket| {
        let flag = ticket.cancel_flag().clone();
        started.send(ticket.cause()).expect("the test listens");
        until("the job is asked to stop", || flag.is_set());
        tell.send((ticket.cancelled(), ticket.is_abandoned(), ticket.cause())).expect("the test listens");
    });
    assert_eq!(starts.recv(), Ok(None));
    drop(reply);
    assert_eq!(told.recv(), Ok((true, true, Some(Cause::Dropped))));
    let flag = worker.submit(None, |_, ticket| ticket.cancelled()).wait().expect("the job ran");
    assert!(!flag, "the flag of one job is up in the next");
}

#[test]
fn a_waiting_thread_leaves_at_its_deadline_and_the_job_is_asked_to_stop() {
    let (worker, _) = ready();
    let deadline = Instant::now() + Duration::from_millis(100);
    let (door, (tell, told)) = (Door::default(), mpsc::channel());
    let its = door.clone();
    let reply = worker.submit(Some(deadline), move |_, ticket| {
        // It does as it is told, but not before its receiver has gone: a result that comes in time would count.
        its.pass();
        until("the job is asked to stop", || ticket.cancelled());
        tell.send(ticket.cause()).expect("the test listens");
    });
    assert!(matches!(reply.wait(), Err(Lost::Expired)));
    let late = deadline.elapsed();
    // Ten times the promised 50 ms.
    assert!(late < Duration::from_millis(500), "the caller left {late:?} after its deadline");
    door.open();
    assert_eq!(told.recv(), Ok(Some(Cause::Deadline)));
}

#[test]
fn an_awaited_reply_leaves_at_its_deadline() {
    let (worker, _) = ready();
    let deadline = Instant::now() + Duration::from_millis(100);
    let door = Door::default();
    let its = door.clone();
    let reply = worker.submit(Some(deadline), move |_, _| its.pass());
    assert!(matches!(block_on(reply), Err(Lost::Expired)));
    let late = deadline.elapsed();
    assert!(late < Duration::from_millis(500), "the future left {late:?} after its deadline");
    door.open();
}

#[test]
fn a_patient_receiver_gets_what_the_cancelled_job_has_to_say() {
    let (worker, _) = ready();
    let deadline = Instant::now() + Duration::from_millis(100);
    let reply = worker.submit(Some(deadline), |_, ticket| {
        until("asked to stop", || ticket.cancelled());
        "interrupted"
    });
    assert_eq!(reply.leave_at(Some(patience())).wait().expect("the job replies"), "interrupted");
}

#[test]
fn replies_can_be_awaited_and_are_woken_once_each() {
    let (worker, _) = ready();
    for n in 0..1_000u32 {
        assert_eq!(block_on(worker.submit(Some(patience()), move |_, _| n)).expect("the job ran"), n);
    }
    let door = Door::default();
    let its = door.clone();
    let mut reply = pin!(worker.submit(None, move |_, _| its.pass()));
    let bell = Bell::new();
    let waker = Arc::clone(&bell).into();
    let mut context = Context::from_waker(&waker);
    for _ in 0..3 {
        assert!(reply.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(bell.rings.load(Ordering::SeqCst), 0);
    door.open();
    until("the future is woken", || bell.rings.load(Ordering::SeqCst) > 0);
    assert!(matches!(reply.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    assert_eq!(bell.rings.load(Ordering::SeqCst), 1);
}

#[test]
fn a_reply_follows_its_latest_waker() {
    let (worker, _) = ready();
    let door = Door::default();
    let its = door.clone();
    let mut reply = pin!(worker.submit(None, move |_, _| its.pass()));
    let (first, second) = (Bell::new(), Bell::new());
    for bell in [&first, &second] {
        let waker = Arc::clone(bell).into();
        assert!(reply.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    door.open();
    until("the second waker is called", || second.rings.load(Ordering::SeqCst) == 1);
    assert_eq!(first.rings.load(Ordering::SeqCst), 0);
}

#[test]
fn a_panic_is_its_callers_and_the_place_hears_of_it() {
    let (worker, journal) = ready();
    let lost = worker.submit(None, |_, _| panic!("out of ink")).wait().expect_err("the job panics");
    let Lost::Panicked(panic) = lost else { panic!("lost as {lost:?}") };
    assert_eq!(panic.message(), "out of ink");
    assert_eq!(journal.entries(), ["poisoned"]);
    assert_eq!(worker.submit(None, |_, _| 7).wait().expect("the worker lives on"), 7);
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic.resume())).expect_err("it goes on");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"out of ink"));
    assert_eq!(worker.counters().panics, 1);
}

/// Whose drop panics, or counts.
struct Heavy(Arc<AtomicUsize>, thread::ThreadId);

impl Drop for Heavy {
    fn drop(&mut self) {
        assert_eq!(thread::current().id(), self.1, "dropped on a thread it was not made on");
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a destructor that panics");
    }
}

#[test]
fn a_late_result_is_dropped_on_the_worker_which_survives_its_destructor() {
    let (worker, journal) = ready();
    let (door, drops) = (Door::default(), Arc::new(AtomicUsize::new(0)));
    let (its, counts) = (door.clone(), Arc::clone(&drops));
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(None, move |_, _| {
        started.send(()).expect("the test listens");
        its.pass();
        Heavy(counts, thread::current().id())
    });
    starts.recv().expect("the job starts");
    drop(reply);
    door.open();
    worker.submit(None, |_, _| ()).wait().expect("the worker lives on");
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert_eq!(worker.counters().panics, 1);
    assert!(journal.entries().is_empty(), "a result is not the place's affair");
}

struct Fragile(bool);

impl Place for Fragile {
    type View<'v> = &'v mut Fragile;
    fn view(&mut self) -> &mut Fragile {
        assert!(self.0, "no view today");
        self
    }
    fn poisoned(&mut self) {
        self.0 = true;
        panic!("cannot even be poisoned");
    }
}

#[test]
fn a_place_that_panics_does_not_take_the_worker_along() {
    let worker = Worker::spawn(WorkerOptions::new("fragile"), || Fragile(false)).expect("a thread");
    let lost = worker.submit(None, |_, _| ()).wait().expect_err("there is no view");
    assert!(matches!(lost, Lost::Panicked(panic) if panic.message() == "no view today"));
    worker.submit(None, |_, _| ()).wait().expect("the worker lives on");
    assert_eq!(worker.counters().panics, 2);
}

#[test]
fn a_job_may_submit_to_its_own_worker_as_long_as_it_does_not_wait() {
    let (worker, _) = spawn(options());
    let own = worker.clone();
    let (send, receive) = mpsc::channel();
    worker
        .submit(None, move |_, _| {
            assert!(own.is_mine());
            send.send(own.submit(None, |_, _| 7)).expect("the test listens");
        })
        .wait()
        .expect("the job ran");
    assert_eq!(receive.recv().expect("the job sent it").wait().expect("the job ran"), 7);
    assert!(!worker.is_mine());
}

#[test]
fn a_reply_that_was_polled_is_waited_for_until_the_time_that_is_given() {
    let (worker, _) = ready();
    let soon = Instant::now() + Duration::from_millis(20);
    let late = soon + Duration::from_millis(200);
    let job = move |_: &mut &mut support::Ledger, _: &Ticket<'_, support::Ledger>| {
        while Instant::now() < late {
            thread::yield_now();
        }
        7
    };
    let mut reply = worker.submit(None, job).leave_at(Some(soon));
    assert!(Pin::new(&mut reply).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(reply.wait_until(patience()).expect("it was in time"), 7);
}
