//! Looking out before falling asleep: nothing is missed in between, it ends by itself, and who is idle takes no time.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Place, Worker};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::{Door, block_on, options, ready, until};

/// Keeps a thread busy for about so long, as what is between two calls does.
fn work_for(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn no_call_is_missed_however_long_after_the_last_one_it_comes() {
    let callers: Vec<_> = (0..3_u64)
        .map(|caller| {
            thread::spawn(move || {
                let (worker, _) = ready();
                // Around all the times there are: while it is looked out, just when it ends, and asleep.
                for n in 0..3_000_u64 {
                    let pause = Duration::from_micros((n * 7 + caller * 3) % 120);
                    work_for(pause);
                    let takes = Duration::from_micros((n * 5) % 30);
                    let reply = worker.submit(None, move |_, _| {
                        work_for(takes);
                        n
                    });
                    let got = if n % 2 == 0 { block_on(reply) } else { reply.wait() };
                    assert_eq!(got.expect("the job ran"), n);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().expect("every call came back");
    }
}

#[test]
fn a_poll_comes_back_though_the_answer_does_not() {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let (worker, _) = ready();
        let door = Door::default();
        let its = door.clone();
        let mut reply = pin!(worker.submit(None, move |_, _| its.pass()));
        let begun = Instant::now();
        assert!(reply.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        shortest = shortest.min(begun.elapsed());
        door.open();
        block_on(reply).expect("the job ran");
    }
    // Ten times the promised 10 us; the best of twenty, which the machine let be at least once.
    assert!(shortest < Duration::from_micros(100), "{shortest:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_worker_without_jobs_takes_no_time() {
    /// What this thread has had of a processor.
    fn taken() -> Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a thread has its times");
        Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a number"))
    }
    let (worker, _) = ready();
    for _ in 0..1_000 {
        block_on(worker.submit(None, |_, _| ())).expect("the job ran");
    }
    let before = worker.submit(None, |_, _| taken()).wait().expect("the job ran");
    // Time itself is what is looked at.
    thread::sleep(Duration::from_millis(300));
    let after = worker.submit(None, |_, _| taken()).wait().expect("the job ran");
    assert!(after - before < Duration::from_millis(10), "{:?}", after - before);
}

/// Counts how often it was told that it is unharmed.
struct Counts {
    unharmed: Arc<AtomicUsize>,
}

impl Place for Counts {
    type View<'v> = &'v mut Counts;

    fn view(&mut self) -> &mut Counts {
        self
    }

    fn unharmed(&mut self) {
        self.unharmed.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_place_hears_that_it_is_unharmed_before_the_caller_hears_of_the_result() {
    let unharmed = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&unharmed);
    let worker = Worker::spawn(options(), || Counts { unharmed: counts }).expect("a thread");
    for n in 1..=100 {
        worker.submit(None, |_, _| ()).wait().expect("the job ran");
        assert_eq!(unharmed.load(Ordering::SeqCst), n);
    }
    // Not where it is not known to be.
    worker.submit(None, |_, _| panic!("as a driver does")).wait().expect_err("it panicked");
    let reply = worker.submit(None, |_, ticket| {
        until("the cancel", || ticket.cancelled());
        ticket.settle();
    });
    until("the job", || worker.is_running());
    worker.cancel_running();
    reply.wait().expect("it was asked to stop, and stopped");
    // Nor by a caller's own hand.
    until("an idle worker", || worker.try_run_here(None, |_, _| ()).is_ok());
    assert_eq!(unharmed.load(Ordering::SeqCst), 100);
    // What came before is no harm to what comes after.
    worker.submit(None, |_, _| ()).wait().expect("the job ran");
    assert_eq!(unharmed.load(Ordering::SeqCst), 101);
}
