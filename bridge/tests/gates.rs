//! The gate, on real threads and futures, and against a reference on one.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Acquire, Gate, GateError, Permit};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::{block_on, patience, until};

#[test]
fn a_free_permit_is_had_at_once_and_given_back() {
    let gate = Gate::new(2, 0);
    let first = gate.try_acquire().expect("free");
    let second = gate.acquire_until(Some(Instant::now())).expect("free");
    assert_eq!(gate.try_acquire().expect_err("taken"), GateError::Expired);
    assert_eq!(gate.acquire_until(None).expect_err("nobody may wait"), GateError::TooManyWaiters);
    assert_eq!(block_on(gate.acquire(None)).expect_err("nobody may wait"), GateError::TooManyWaiters);
    drop((first, second));
    assert_eq!((gate.available(), gate.waiting()), (2, 0));
    assert!(block_on(gate.acquire(None)).is_ok());
}

#[test]
fn waiters_leave_at_their_deadline() {
    let gate = Gate::new(1, 8);
    let held = gate.try_acquire().expect("free");
    let deadline = Instant::now() + Duration::from_millis(10);
    assert_eq!(gate.acquire_until(Some(deadline)).expect_err("taken"), GateError::Expired);
    let deadline = Instant::now() + Duration::from_millis(10);
    assert_eq!(block_on(gate.acquire(Some(deadline))).expect_err("taken"), GateError::Expired);
    let late = deadline.elapsed();
    assert!(late < Duration::from_millis(500), "the future left {late:?} after its deadline");
    assert_eq!(block_on(gate.acquire(Some(deadline))).expect_err("taken"), GateError::Expired);
    assert_eq!(gate.waiting(), 0);
    drop(held);
    assert_eq!(gate.available(), 1);
}

/// Waiting for what comes back by itself is not waiting in the crowd.
#[test]
fn as_many_more_may_wait_as_permits_come_back_by_themselves() {
    let gate = Gate::new(2, 0);
    let mut one = gate.try_acquire().expect("one is free");
    let other = gate.try_acquire_briefly().expect("one is free");
    let wait = |gate: &Gate| {
        let gate = gate.clone();
        std::thread::spawn(move || gate.acquire_until(Some(patience())))
    };
    let first = wait(&gate);
    until("one waits", || gate.waiting() == 1);
    assert_eq!(gate.acquire_until(Some(patience())).map(drop), Err(GateError::TooManyWaiters));
    one.comes_back();
    one.comes_back();
    let second = wait(&gate);
    until("two wait", || gate.waiting() == 2);
    assert_eq!(gate.acquire_until(Some(patience())).map(drop), Err(GateError::TooManyWaiters));
    drop((one, other));
    let held = [first, second].map(|waiting| waiting.join().expect("it ends").expect("a permit came back"));
    assert_eq!(gate.acquire_until(Some(patience())).map(drop), Err(GateError::TooManyWaiters));
    drop(held);
    assert_eq!(gate.available(), 2);
}

#[test]
fn a_close_tells_everybody() {
    let gate = Gate::new(1, 8);
    let held = gate.try_acquire().expect("free");
    thread::scope(|scope| {
        let on_thread = scope.spawn(|| gate.acquire_until(Some(patience())));
        let on_future = scope.spawn(|| block_on(gate.acquire(Some(patience()))));
        until("both wait", || gate.waiting() == 2);
        gate.close();
        for waiter in [on_thread, on_future] {
            assert_eq!(waiter.join().expect("no panic").expect_err("closed"), GateError::Closed);
        }
    });
    assert_eq!(gate.try_acquire().expect_err("closed"), GateError::Closed);
    drop(held);
    assert_eq!((gate.available(), gate.is_closed()), (1, true));
}

#[test]
fn threads_and_futures_are_served_in_order_of_arrival() {
    let gate = Gate::new(1, 64);
    let held = gate.try_acquire().expect("free");
    let served = AtomicUsize::new(0);
    thread::scope(|scope| {
        for turn in 0..20 {
            let (gate, served) = (&gate, &served);
            scope.spawn(move || {
                let permit = if turn % 2 == 0 {
                    gate.acquire_until(Some(patience()))
                } else {
                    block_on(gate.acquire(Some(patience())))
                };
                let permit = permit.expect("served");
                assert_eq!(served.fetch_add(1, Ordering::SeqCst), turn);
                drop(permit);
            });
            until("it is in the line", || gate.waiting() == turn + 1);
        }
        drop(held);
    });
    assert_eq!((gate.available(), gate.waiting()), (1, 0));
}

#[test]
fn a_crowd_never_exceeds_the_permits() {
    let gate = Gate::new(3, 64);
    let inside = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for n in 0..8 {
            let (gate, inside) = (&gate, &inside);
            scope.spawn(move || {
                for turn in 0..500 {
                    let permit = match (n + turn) % 3 {
                        0 => gate.acquire_until(Some(patience())),
                        1 => block_on(gate.acquire(Some(patience()))),
                        // An impatient one: some of these expire, some are handed a permit as they do.
                        _ => block_on(gate.acquire(Some(Instant::now() + Duration::from_micros(50)))),
                    };
                    let Ok(permit) = permit else { continue };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert_eq!((gate.available(), gate.waiting()), (3, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Try,
    Wait,
    Look(usize),
    Leave(usize),
    Release(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::Try),
        2 => Just(Step::Wait),
        2 => (0usize..8).prop_map(Step::Look),
        1 => (0usize..8).prop_map(Step::Leave),
        2 => (0usize..8).prop_map(Step::Release),
    ];
    prop::collection::vec(step, 1..60)
}

/// The reference: who waits, in order, and who has been handed a permit without having looked yet.
#[derive(Default)]
struct Reference {
    free: usize,
    line: VecDeque<usize>,
    granted: Vec<usize>,
}

impl Reference {
    fn release(&mut self) {
        match self.line.pop_front() {
            Some(next) => self.granted.push(next),
            None => self.free += 1,
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_the_reference_does(permits in 0usize..3, steps in steps()) {
        let gate = Gate::new(permits, 4);
        let mut reference = Reference { free: permits, ..Reference::default() };
        let mut context = Context::from_waker(Waker::noop());
        let mut futures: Vec<(usize, Pin<Box<Acquire>>)> = Vec::new();
        let mut held: Vec<Permit> = Vec::new();
        for (name, step) in steps.into_iter().enumerate() {
            match step {
                Step::Try => match gate.try_acquire() {
                    Ok(permit) => {
                        prop_assert!(reference.free > 0);
                        reference.free -= 1;
                        held.push(permit);
                    }
                    Err(error) => prop_assert_eq!((error, reference.free), (GateError::Expired, 0)),
                },
                Step::Wait => {
                    let mut future = Box::pin(gate.acquire(None));
                    match future.as_mut().poll(&mut context) {
                        Poll::Ready(Ok(permit)) => {
                            prop_assert!(reference.free > 0);
                            reference.free -= 1;
                            held.push(permit);
                        }
                        Poll::Ready(Err(error)) => {
                            prop_assert_eq!((error, reference.line.len()), (GateError::TooManyWaiters, 4));
                        }
                        Poll::Pending => {
                            prop_assert_eq!(reference.free, 0);
                            reference.line.push_back(name);
                            futures.push((name, future));
                        }
                    }
                }
                Step::Look(at) if !futures.is_empty() => {
                    let at = at % futures.len();
                    let (name, future) = &mut futures[at];
                    let is_granted = reference.granted.contains(name);
                    match future.as_mut().poll(&mut context) {
                        Poll::Ready(permit) => {
                            prop_assert!(is_granted);
                            reference.granted.retain(|granted| granted != name);
                            held.push(permit.expect("the gate is open"));
                            drop(futures.remove(at));
                        }
                        Poll::Pending => prop_assert!(!is_granted),
                    }
                }
                Step::Leave(at) if !futures.is_empty() => {
                    let (name, future) = futures.remove(at % futures.len());
                    drop(future);
                    reference.line.retain(|waiting| *waiting != name);
                    if reference.granted.contains(&name) {
                        reference.granted.retain(|granted| *granted != name);
                        reference.release();
                    }
                }
                Step::Release(at) if !held.is_empty() => {
                    drop(held.remove(at % held.len()));
                    reference.release();
                }
                Step::Look(_) | Step::Leave(_) | Step::Release(_) => {}
            }
            prop_assert_eq!((gate.available(), gate.waiting()), (reference.free, reference.line.len()));
        }
        drop((futures, held));
        prop_assert_eq!((gate.available(), gate.waiting()), (permits, 0));
    }
}
