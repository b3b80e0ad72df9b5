//! Results that must not get lost.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Lost, Place, Ticket, Worker};
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::{Door, block_on, options, patience, ready, until};

#[test]
fn what_is_received_is_not_undone() {
    let (worker, journal) = ready();
    let undo = |ledger: &mut &mut support::Ledger, n: u32| ledger.journal.note(format!("undone {n}"));
    assert_eq!(worker.submit_with(None, |_, _| 1, undo).wait().expect("the job ran"), 1);
    assert_eq!(block_on(worker.submit_with(None, |_, _| 2, undo)).expect("the job ran"), 2);
    worker.submit(None, |_, _| ()).wait().expect("the job ran");
    assert!(journal.entries().is_empty());
    assert_eq!(worker.counters().undone, 0);
}

#[test]
fn a_result_whose_receiver_left_during_the_job_is_undone_before_the_next_job() {
    let (worker, journal) = ready();
    let door = Door::default();
    let its = door.clone();
    let (started, starts) = mpsc::channel();
    let reply = worker.submit_with(
        None,
        move |_, _| {
            started.send(()).expect("the test listens");
            its.pass();
            7
        },
        |ledger, n| ledger.journal.note(format!("undone {n}")),
    );
    starts.recv().expect("the job starts");
    let next = worker.submit(None, |ledger, _| ledger.journal.note("next"));
    drop(reply);
    door.open();
    next.wait().expect("the job ran");
    assert_eq!(journal.entries(), ["undone 7", "next"]);
    assert_eq!(worker.counters().undone, 1);
}

/// A place whose view panics when it goes.
struct Rough;

struct RoughView;

impl Drop for RoughView {
    fn drop(&mut self) {
        panic!("rough");
    }
}

impl Place for Rough {
    type View<'v> = RoughView;
    fn view(&mut self) -> RoughView {
        RoughView
    }
}

#[test]
fn a_result_that_is_waited_for_outlives_a_panic_of_its_view() {
    for _ in 0..20 {
        let worker = Worker::spawn(options(), || Rough).expect("a thread can be started");
        let door = Door::default();
        let its = door.clone();
        let job = move |_: &mut RoughView, _: &Ticket<'_, Rough>| {
            its.pass();
            (0..200).for_each(|_| thread::yield_now());
            7
        };
        let reply = worker.submit_with(None, job, |_, _| ());
        door.open();
        // It is not undone any more, whether this thread waited already or came when it was on offer.
        assert_eq!(reply.wait().expect("the job ran, and nothing was undone"), 7);
        until("the panic is counted", || worker.counters().panics == 1);
        assert_eq!(worker.counters().undone, 0);
    }
}

/// Polls once.
fn look<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_result_on_offer_to_a_future_that_is_dropped_is_undone_before_the_next_job() {
    let (worker, journal) = ready();
    let door = Door::default();
    let its = door.clone();
    let mut reply = Box::pin(worker.submit_with(
        None,
        move |ledger, _| {
            its.pass();
            ledger.journal.note("begun");
        },
        |ledger, ()| ledger.journal.note("undone"),
    ));
    assert!(look(&mut reply).is_pending());
    door.open();
    let next = worker.submit(None, |ledger, _| ledger.journal.note("next"));
    journal.wait_for("begun");
    assert!(!worker.is_idle(), "the worker waits for the receiver");
    drop(reply);
    next.wait().expect("the job ran");
    assert_eq!(journal.entries(), ["begun", "undone", "next"]);
}

#[test]
fn an_offer_that_nobody_takes_is_withdrawn_at_the_deadline() {
    let (worker, journal) = ready();
    let deadline = Instant::now() + Duration::from_millis(100);
    let reply = worker
        .submit_with(Some(deadline), |_, _| 7, |ledger, n| ledger.journal.note(format!("undone {n}")))
        .leave_at(Some(patience()));
    journal.wait_for("undone 7");
    assert!(Instant::now() >= deadline);
    assert!(matches!(reply.wait(), Err(Lost::Expired)));
}

#[test]
fn an_offer_that_nobody_takes_is_withdrawn_at_the_close() {
    let (worker, journal) = ready();
    let reply =
        worker.submit_with(None, |ledger, _| ledger.journal.note("begun"), |ledger, ()| ledger.journal.note("undone"));
    journal.wait_for("begun");
    // In its job or past it: the close reaches it either way.
    worker.close();
    worker.ended().wait_until(patience()).expect("the worker ends");
    assert!(matches!(reply.wait(), Err(Lost::Closed)));
    assert_eq!(journal.entries(), ["begun", "undone", "dropped on its own thread"]);
}

#[test]
fn an_undo_that_panics_poisons_the_place_and_no_more() {
    let (worker, journal) = ready();
    let reply = worker.submit_with(None, |ledger, _| ledger.journal.note("begun"), |_, ()| panic!("cannot be undone"));
    journal.wait_for("begun");
    drop(reply);
    worker.submit(None, |_, _| ()).wait().expect("the worker lives on");
    assert_eq!(journal.entries(), ["begun", "poisoned"]);
    until("the panic is counted", || worker.counters().panics == 1);
}
