//! The gate, the end of a worker and the feed: whole, under many random schedules.

use crate::{Event, FeedError, Gate, GateError, Lost, Place, Unpushed, Worker, WorkerOptions, feed};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{future, thread};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Threads, futures, futures that are dropped and futures that expire share a gate: never more are inside than there
/// are permits, and all permits come back.
pub fn permits_are_neither_lost_nor_duplicated() {
    let gate = Gate::new(2, 16);
    let inside = Arc::new(AtomicUsize::new(0));
    let pass = |gate: &Gate, inside: &AtomicUsize| {
        let permit = gate.acquire_until(None).expect("a gate that is not closed");
        assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "too many are inside");
        thread::yield_now();
        inside.fetch_sub(1, Ordering::SeqCst);
        drop(permit);
    };
    let mut crowd = Vec::new();
    for _ in 0..2 {
        let (gate, inside) = (gate.clone(), Arc::clone(&inside));
        crowd.push(thread::spawn(move || pass(&gate, &inside)));
    }
    {
        let (gate, inside) = (gate.clone(), Arc::clone(&inside));
        crowd.push(thread::spawn(move || {
            future::block_on(async {
                let permit = gate.acquire(None).await.expect("a gate that is not closed");
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "too many are inside");
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            });
        }));
    }
    for expires in [false, true] {
        let (gate, inside) = (gate.clone(), Arc::clone(&inside));
        crowd.push(thread::spawn(move || {
            let mut acquire = Box::pin(gate.acquire(None));
            let mut context = Context::from_waker(Waker::noop());
            if acquire.as_mut().poll(&mut context).is_ready() {
                return;
            }
            thread::yield_now();
            if !expires {
                return drop(acquire);
            }
            acquire.expire();
            match acquire.as_mut().poll(&mut context) {
                Poll::Ready(Ok(permit)) => {
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "too many are inside");
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
                Poll::Ready(Err(error)) => assert_eq!(error, GateError::Expired),
                Poll::Pending => panic!("an expired waiter still waits"),
            }
        }));
    }
    for one in crowd {
        one.join().expect("everybody gets through");
    }
    assert_eq!((gate.available(), gate.waiting()), (2, 0));
}

/// Who came first is served first, and a newcomer does not overtake.
pub fn first_come_first_served() {
    let gate = Gate::new(1, 16);
    let held = gate.try_acquire().expect("the gate is fresh");
    let served = Arc::new(AtomicUsize::new(0));
    let mut line = Vec::new();
    for turn in 0..3 {
        let (ours, served) = (gate.clone(), Arc::clone(&served));
        line.push(thread::spawn(move || {
            let permit = if turn == 1 { future::block_on(ours.acquire(None)) } else { ours.acquire_until(None) };
            assert_eq!(served.fetch_add(1, Ordering::SeqCst), turn, "served out of turn");
            drop(permit);
        }));
        while gate.waiting() <= turn {
            thread::yield_now();
        }
    }
    let newcomer = {
        let (gate, served) = (gate.clone(), Arc::clone(&served));
        thread::spawn(move || {
            if gate.try_acquire().is_ok() {
                assert_eq!(served.load(Ordering::SeqCst), 3, "a newcomer overtook those who wait");
            }
        })
    };
    drop(held);
    for one in line.into_iter().chain([newcomer]) {
        one.join().expect("everybody gets through");
    }
}

struct Ledger(u32);

impl Place for Ledger {
    type View<'v> = &'v mut Ledger;
    fn view(&mut self) -> &mut Ledger {
        self
    }
}

fn worker() -> Worker<Ledger> {
    Worker::spawn(WorkerOptions::new("model"), || Ledger(0)).expect("a model has threads")
}

/// A close races submits from several threads: every reply resolves, what ran was counted, and the worker ends.
pub fn every_reply_resolves_at_the_end() {
    let worker = worker();
    let ran = Arc::new(AtomicUsize::new(0));
    let mut callers = Vec::new();
    for _ in 0..2 {
        let (worker, ran) = (worker.clone(), Arc::clone(&ran));
        callers.push(thread::spawn(move || {
            let mut done = 0;
            for _ in 0..2 {
                let ran = Arc::clone(&ran);
                let reply = worker.submit(None, move |ledger, _| {
                    ledger.0 += 1;
                    ran.fetch_add(1, Ordering::SeqCst);
                });
                match reply.wait() {
                    Ok(()) => done += 1,
                    Err(Lost::Closed) => {}
                    Err(other) => panic!("a reply resolved as {other:?}"),
                }
            }
            done
        }));
    }
    let ended = worker.ended();
    let closer = {
        let worker = worker.clone();
        thread::spawn(move || worker.close())
    };
    let done: usize = callers.into_iter().map(|caller| caller.join().expect("every reply resolves")).sum();
    closer.join().expect("a close returns");
    ended.wait().expect("the worker ends");
    assert_eq!(done, ran.load(Ordering::SeqCst), "a result was lost, or a refused job ran");
    let late = worker.submit(None, |_, _| ()).wait();
    assert!(matches!(late, Err(Lost::Closed)), "a closed worker answered {late:?}");
}

/// The last handle goes while a job with an undo is on offer to a future that never comes back: it is undone, and the
/// worker ends.
pub fn an_offer_does_not_outlive_its_worker() {
    let worker = worker();
    let undone = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&undone);
    let mut reply = Box::pin(worker.submit_with(
        None,
        |_, _| 7,
        move |_, _| {
            counts.fetch_add(1, Ordering::SeqCst);
        },
    ));
    let look = reply.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let ended = worker.ended();
    let closer = thread::spawn(move || drop(worker));
    let outcome = match look {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => {
            ended.wait().expect("the worker ends though nobody takes the offer");
            future::block_on(reply)
        }
    };
    closer.join().expect("a drop returns");
    match outcome {
        Ok(_) => assert_eq!(undone.load(Ordering::SeqCst), 0),
        // Refused before it ran, or withdrawn.
        Err(Lost::Closed) => assert!(undone.load(Ordering::SeqCst) <= 1),
        Err(other) => panic!("a reply resolved as {other:?}"),
    }
}

/// Batches arrive in order and within the credit, another caller's job is served in between, and the error at the end
/// comes after the last batch.
pub fn a_feed_brings_everything_and_its_end() {
    const CREDIT: usize = 2;
    let worker = worker();
    let (feeder, mut reader) = feed::<u32, &'static str>(CREDIT);
    let between = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&between);
    let stream = worker.submit(None, move |ledger, ticket| {
        for n in 0..4 {
            let mut batch = n;
            loop {
                counts.fetch_add(1, Ordering::SeqCst);
                match feeder.push(batch) {
                    Ok(()) => break,
                    Err(Unpushed::Stopped(_)) => panic!("the reader is still there"),
                    Err(Unpushed::NoCredit(again)) => batch = again,
                }
                counts.fetch_sub(1, Ordering::SeqCst);
                match ticket.wait_for_credit(&feeder, None) {
                    Event::Credit => {}
                    Event::Job(job) => drop(job.run(&mut &mut **ledger)),
                    other => panic!("a stream that nobody stopped was told {other:?}"),
                }
            }
        }
        feeder.finish(Err("the end"));
    });
    let other = {
        let worker = worker.clone();
        thread::spawn(move || worker.submit(None, |ledger, _| ledger.0 += 1).wait().expect("it is served"))
    };
    for n in 0..4 {
        assert!(between.load(Ordering::SeqCst) <= CREDIT + 1, "more batches than credit");
        let batch = reader.recv(None).expect("a batch").expect("not the end yet");
        between.fetch_sub(1, Ordering::SeqCst);
        assert_eq!(batch, n);
    }
    assert_eq!(reader.recv(None), Err(FeedError::Failed("the end")));
    assert_eq!(reader.recv(None), Ok(None));
    stream.wait().expect("the stream ends");
    other.join().expect("the other job is served");
}

/// The reader goes: a job that pushes is told, one that waits wakes, and one that is silent has its flag up.
pub fn a_reader_that_goes_stops_the_job() {
    let worker = worker();
    let (feeder, mut reader) = feed::<u32, ()>(1);
    let stream = worker.submit(None, move |_, ticket| {
        ticket.bind(&feeder);
        let mut pushed = 0;
        loop {
            match feeder.push(pushed) {
                Ok(()) => pushed += 1,
                Err(Unpushed::Stopped(_)) => break,
                Err(Unpushed::NoCredit(_)) => match ticket.wait_for_credit(&feeder, None) {
                    Event::Credit => {}
                    Event::Cancelled => break,
                    other => panic!("told {other:?}"),
                },
            }
        }
        // As a statement would that says nothing for long.
        while !ticket.cancelled() {
            thread::yield_now();
        }
    });
    let leaver = thread::spawn(move || {
        let first = reader.recv(None);
        assert_eq!(first, Ok(Some(0)));
        drop(reader);
    });
    stream.wait().expect("the stream stops");
    leaver.join().expect("the reader goes");
}
