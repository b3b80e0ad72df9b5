//! Feeds, and other jobs served in the middle of them.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Event, Feed, FeedError, Feeder, Lost, Reply, Served, Ticket, Unpushed, Worker, feed};
use std::future::poll_fn;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use support::{Door, Ledger, Scripted, block_on, patience, patient, ready, spawn, until};

/// What a stream does with jobs that want in.
#[derive(Clone, Copy)]
enum Manner {
    Serve,
    HoldBack,
    Refuse,
}

/// Pushes all of `numbers`; `false` if it was stopped.
fn pour(
    ledger: &mut Ledger,
    ticket: &Ticket<'_, Ledger>,
    feeder: &Feeder<u32, String>,
    numbers: u32,
    manner: Manner,
) -> bool {
    for n in 0..numbers {
        loop {
            match feeder.push(n) {
                Ok(()) => break,
                Err(Unpushed::Stopped(_)) => return false,
                Err(Unpushed::NoCredit(_)) => {}
            }
            match (ticket.wait_for_credit(feeder, None), manner) {
                (Event::Credit, _) => {}
                (Event::Job(job), Manner::Serve) => drop(job.run(&mut &mut *ledger)),
                (Event::Job(job), Manner::HoldBack) => job.hold_back(),
                (Event::Job(job), Manner::Refuse) => job.refuse("one statement at a time"),
                (Event::Cancelled, _) => return false,
                (Event::Expired, _) => panic!("no time was given"),
            }
        }
    }
    true
}

fn stream(worker: &Worker<Ledger>, numbers: u32, manner: Manner) -> (Reply<bool>, Feed<u32, String>) {
    let (feeder, reader) = feed(2);
    let reply = worker.submit(None, move |ledger, ticket| {
        let is_whole = pour(ledger, ticket, &feeder, numbers, manner);
        feeder.finish(Ok(()));
        is_whole
    });
    (reply, reader)
}

fn rest(reader: &mut Feed<u32, String>) -> Vec<u32> {
    std::iter::from_fn(|| reader.recv(Some(patience())).expect("the stream goes on")).collect()
}

#[test]
fn a_thread_and_a_future_read_everything_in_order() {
    let (worker, _) = ready();
    let (reply, mut reader) = stream(&worker, 1_000, Manner::Serve);
    assert_eq!(rest(&mut reader), (0..1_000).collect::<Vec<_>>());
    assert!(reply.wait().expect("the job ran"));

    let (reply, mut reader) = stream(&worker, 1_000, Manner::Serve);
    let read = block_on(async {
        let mut read = Vec::new();
        while let Some(n) = poll_fn(|context| reader.poll_recv(context, Some(patience()))).await.expect("it goes on") {
            read.push(n);
        }
        read
    });
    assert_eq!(read, (0..1_000).collect::<Vec<_>>());
    assert!(reply.wait().expect("the job ran"));
    assert_eq!(reader.recv(None), Ok(None), "the end comes as often as it is asked for");
}

#[test]
fn no_more_batches_are_in_between_than_there_is_credit() {
    let (worker, _) = ready();
    let (feeder, mut reader) = feed::<u32, String>(3);
    let pushed = worker.submit(None, move |_, ticket| {
        let mut pushed = 0;
        while feeder.push(pushed).is_ok() {
            pushed += 1;
        }
        let waited = ticket.wait_for_credit(&feeder, Some(Instant::now() + Duration::from_millis(5)));
        assert!(matches!(waited, Event::Expired), "{waited:?}");
        feeder.finish(Ok(()));
        pushed
    });
    assert_eq!(pushed.wait().expect("the job ran"), 3);
    assert_eq!(rest(&mut reader), [0, 1, 2]);
}

#[test]
fn an_error_after_rows_is_not_lost() {
    let (worker, _) = ready();
    let (feeder, mut reader) = feed::<u32, String>(4);
    worker
        .submit(None, move |_, _| {
            feeder.push(1).expect("there is credit");
            feeder.finish(Err("the disk is full".into()));
        })
        .wait()
        .expect("the job ran");
    assert_eq!(reader.recv(None), Ok(Some(1)));
    assert_eq!(reader.recv(None), Err(FeedError::Failed("the disk is full".into())));
    assert_eq!(reader.recv(None), Ok(None));
}

#[test]
fn a_job_that_panics_breaks_its_feed() {
    let (worker, _) = ready();
    let (feeder, mut reader) = feed::<u32, String>(4);
    let reply = worker.submit(None, move |_, _| {
        feeder.push(1).expect("there is credit");
        panic!("a driver that panics");
    });
    assert_eq!(reader.recv(Some(patience())), Ok(Some(1)));
    assert_eq!(reader.recv(Some(patience())), Err(FeedError::Broken));
    assert!(matches!(reply.wait(), Err(Lost::Panicked(_))));
}

#[test]
fn a_reader_leaves_at_its_deadline_and_may_come_back() {
    let (worker, _) = ready();
    let (feeder, mut reader) = feed::<u32, String>(1);
    let door = Door::default();
    let its = door.clone();
    let reply = worker.submit(None, move |_, _| {
        its.pass();
        feeder.push(7).expect("there is credit");
        feeder.finish(Ok(()));
    });
    let soon = || Some(Instant::now() + Duration::from_millis(10));
    assert_eq!(reader.recv(soon()), Err(FeedError::Expired));
    let (first, second) = (soon(), soon());
    assert_eq!(block_on(poll_fn(|context| reader.poll_recv(context, first))), Err(FeedError::Expired));
    assert_eq!(block_on(poll_fn(|context| reader.poll_recv(context, second))), Err(FeedError::Expired));
    door.open();
    assert_eq!(block_on(poll_fn(|context| reader.poll_recv(context, Some(patience())))), Ok(Some(7)));
    assert_eq!(reader.recv(None), Ok(None));
    reply.wait().expect("the job ran");
}

#[test]
fn other_jobs_are_served_in_the_middle_of_a_stream_to_depth_three() {
    let (worker, _) = ready();
    // Each reader has read one number and then uses the same worker: nothing may hang.
    let (first, mut outer) = stream(&worker, 100, Manner::Serve);
    assert_eq!(outer.recv(Some(patience())), Ok(Some(0)));
    let (second, mut middle) = stream(&worker, 100, Manner::Serve);
    assert_eq!(middle.recv(Some(patience())), Ok(Some(0)));
    let (third, mut inner) = stream(&worker, 100, Manner::Serve);
    assert_eq!(inner.recv(Some(patience())), Ok(Some(0)));
    let depth = worker.submit(Some(patience()), |ledger, ticket| {
        ledger.entries.push(1);
        ticket.depth()
    });
    assert_eq!(depth.wait().expect("it is served"), 3);
    assert!(worker.is_running() && !worker.is_idle());
    // The innermost must end first: it has the thread.
    assert_eq!(rest(&mut inner).len(), 99);
    assert!(third.wait().expect("the job ran"));
    assert_eq!(rest(&mut middle).len(), 99);
    assert!(second.wait().expect("the job ran"));
    assert_eq!(rest(&mut outer).len(), 99);
    assert!(first.wait().expect("the job ran"));
    assert_eq!(worker.submit(None, |ledger, _| ledger.entries.len()).wait().expect("the job ran"), 1);
}

#[test]
fn jobs_held_back_run_after_the_stream_in_their_order() {
    let (worker, journal) = ready();
    let (reply, mut reader) = stream(&worker, 100, Manner::HoldBack);
    assert_eq!(reader.recv(Some(patience())), Ok(Some(0)));
    let others: Vec<_> =
        (0..10).map(|n| worker.submit(None, move |ledger, _| ledger.journal.note(format!("job {n}")))).collect();
    // Held back or not looked at yet: they are queued. One that is just being looked at is not counted.
    until("all are queued", || worker.queued() == 10);
    assert!(journal.entries().is_empty());
    assert_eq!(rest(&mut reader).len(), 99);
    assert!(reply.wait().expect("the job ran"));
    for other in others {
        other.wait().expect("it runs afterwards");
    }
    assert_eq!(journal.entries(), (0..10).map(|n| format!("job {n}")).collect::<Vec<_>>());
}

#[test]
fn a_job_held_back_by_an_inner_stream_is_offered_to_the_outer_one() {
    let (worker, _) = ready();
    let (outer_reply, mut outer) = stream(&worker, 100, Manner::Serve);
    assert_eq!(outer.recv(Some(patience())), Ok(Some(0)));
    let (inner_reply, mut inner) = stream(&worker, 100, Manner::HoldBack);
    assert_eq!(inner.recv(Some(patience())), Ok(Some(0)));
    let other = worker.submit(None, |_, ticket| ticket.depth());
    assert_eq!(rest(&mut inner).len(), 99);
    assert!(inner_reply.wait().expect("the job ran"));
    // The outer stream still waits for its reader, and serves it.
    assert_eq!(other.wait_until(patience()).expect("it is served"), 1);
    drop(outer);
    assert!(!outer_reply.wait().expect("the job ran"));
}

/// The inner job hears that the reader of the outer one begins to wait, and makes room.
#[test]
fn an_inner_stream_can_make_room_for_the_reader_of_the_outer_one() {
    let (worker, _) = ready();
    let (outer, mut outer_rows) = feed::<u32, String>(1);
    let (inner, mut inner_rows) = feed::<u32, String>(1);
    let me = std::thread::current().id();
    assert_eq!(inner.read_by(), me, "who made it, as long as nobody has read");
    let lookout = outer.lookout();
    assert!(!lookout.is_waiting());
    lookout.heed(true);
    let outside = worker.submit(None, move |ledger: &mut &mut Ledger, ticket| {
        ticket.bind(&outer);
        outer.push(1).expect("there is credit");
        let mut is_served = false;
        while !is_served {
            if let Event::Job(job) = ticket.wait_for_credit(&outer, None) {
                is_served = job.run(&mut &mut **ledger) == Served::Done;
            }
        }
        outer.push(2).expect("the first one was taken");
        outer.finish(Ok(()));
    });
    let inside = worker.submit(None, move |_, ticket| {
        inner.push(1).expect("there is credit");
        let event = ticket.wait_for_credit_or(&inner, None, || lookout.is_waiting_on(me));
        assert!(matches!(event, Event::Expired), "{event:?}");
        assert!(lookout.is_waiting() && !lookout.is_waiting_on(std::thread::current().id()));
        assert!((2..=4).all(|number| inner.push_past_credit(number)));
        inner.finish(Ok(()));
    });
    // The inner one runs inside the outer one, which has no credit left.
    assert_eq!(outer_rows.recv(Some(patience())), Ok(Some(1)));
    assert_eq!(outer_rows.recv(Some(patience())), Ok(Some(2)));
    assert_eq!(rest(&mut inner_rows), [1, 2, 3, 4]);
    assert_eq!(outer_rows.recv(Some(patience())), Ok(None));
    outside.wait().expect("it ends");
    inside.wait().expect("it ends");
}

#[test]
fn a_refused_job_is_told_why() {
    let (worker, _) = ready();
    let (reply, mut reader) = stream(&worker, 100, Manner::Refuse);
    assert_eq!(reader.recv(Some(patience())), Ok(Some(0)));
    let refused = worker.submit(None, |_, _| ()).wait_until(patience()).expect_err("the stream refuses it");
    assert!(matches!(&refused, Lost::Refused(why) if why == "one statement at a time"), "{refused:?}");
    drop((reply, reader));
}

#[test]
fn a_nested_panic_is_its_callers_and_the_stream_goes_on() {
    let (worker, journal) = ready();
    let (reply, mut reader) = stream(&worker, 10, Manner::Serve);
    assert_eq!(reader.recv(Some(patience())), Ok(Some(0)));
    let panicked = worker.submit(None, |_, _| panic!("nested")).wait_until(patience());
    assert!(matches!(panicked, Err(Lost::Panicked(_))));
    assert!(journal.entries().is_empty(), "the place belongs to the stream until its end");
    assert_eq!(rest(&mut reader).len(), 9);
    assert!(reply.wait().expect("the job ran"));
    assert_eq!(journal.entries(), ["poisoned"]);
}

#[test]
fn a_reader_that_goes_stops_a_stream_that_waits() {
    let (worker, _) = ready();
    let (reply, reader) = stream(&worker, 100, Manner::Serve);
    drop(reader);
    assert!(!reply.wait_until(patience()).expect("the job ran"));
    let (reply, reader) = stream(&worker, 100, Manner::Serve);
    until("the stream waits", || worker.is_running());
    drop(reply);
    drop(reader);
    worker.submit(None, |_, _| ()).wait_until(patience()).expect("the worker is free");
}

#[test]
fn a_reader_that_goes_interrupts_a_job_that_is_silent_for_long() {
    let (worker, _) = patient();
    let interrupt = Arc::new(Scripted { fence: Some(pontoon_bridge::Fence::Fenced), ..Scripted::default() });
    let (feeder, reader) = feed::<u32, String>(1);
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(None, move |_, ticket| {
        ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
        ticket.bind(&feeder);
        started.send(()).expect("the test listens");
        interrupt.on_cancel.pass();
        (feeder.is_stopped(), ticket.settle())
    });
    starts.recv().expect("the job starts");
    drop(reader);
    let told = reply.wait_until(patience()).expect("the job ran");
    assert_eq!(told, (true, pontoon_bridge::Settled::Fenced));
}

#[test]
fn an_outer_stream_that_is_cancelled_during_a_nested_job_learns_it_afterwards() {
    let (worker, _) = ready();
    let (reply, mut reader) = stream(&worker, 100, Manner::Serve);
    assert_eq!(reader.recv(Some(patience())), Ok(Some(0)));
    let door = Door::default();
    let its = door.clone();
    let (started, starts) = mpsc::channel();
    let nested = worker.submit(None, move |_, ticket| {
        started.send(()).expect("the test listens");
        its.pass();
        ticket.cancelled()
    });
    starts.recv().expect("the nested job starts");
    drop(reader);
    door.open();
    assert!(!nested.wait_until(patience()).expect("the job ran"), "the nested job was asked to stop in its stead");
    assert!(!reply.wait_until(patience()).expect("the job ran"), "the stream went on without a reader");
}

#[test]
fn a_closed_worker_streams_to_the_end_and_lets_nobody_in() {
    let (worker, _) = ready();
    let (reply, mut reader) = stream(&worker, 100, Manner::Serve);
    assert_eq!(reader.recv(Some(patience())), Ok(Some(0)));
    let ended = worker.ended();
    let late = worker.clone();
    drop(worker);
    late.close();
    assert!(matches!(late.submit(None, |_, _| ()).wait_until(patience()), Err(Lost::Closed)));
    drop(late);
    assert_eq!(rest(&mut reader).len(), 99);
    assert!(reply.wait().expect("the job ran"));
    ended.wait_until(patience()).expect("the worker ends");
}

#[test]
fn a_lent_stream_is_offered_no_jobs() {
    let (worker, _) = ready();
    let (feeder, mut reader) = feed::<u32, String>(1);
    let ran = worker.try_run_here(None, |_, ticket| {
        let queued = worker.submit(None, |_, _| ());
        feeder.push(1).expect("there is credit");
        let waited = ticket.wait_for_credit(&feeder, Some(Instant::now() + Duration::from_millis(5)));
        assert!(matches!(waited, Event::Expired), "{waited:?}");
        assert!(ticket.next_job().is_none());
        assert_eq!(reader.recv(None), Ok(Some(1)));
        assert!(matches!(ticket.wait_for_credit(&feeder, None), Event::Credit));
        queued
    });
    ran.ok().expect("the worker is idle").wait_until(patience()).expect("it runs afterwards");
}

#[test]
fn a_job_is_not_begun_under_a_cancel_that_is_on_its_way_to_the_stream() {
    let (worker, _) = spawn(support::options());
    let (feeder, reader) = feed::<u32, String>(1);
    let door = Door::default();
    let its = door.clone();
    let reply = worker.submit(None, move |ledger, ticket| {
        ticket.bind(&feeder);
        its.pass();
        let job = ticket.next_job().expect("a job is queued");
        until("asked to stop", || ticket.cancelled());
        job.run(&mut &mut **ledger)
    });
    let other = worker.submit(None, |_, ticket| ticket.depth());
    door.open();
    drop(reader);
    assert_eq!(reply.wait_until(patience()).expect("the job ran"), Served::HeldBack);
    assert_eq!(other.wait_until(patience()).expect("it runs afterwards"), 0);
}
