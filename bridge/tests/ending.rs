//! The beginning and the end of workers, and drops that must not wait.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Lost, Place, Worker, WorkerOptions};
use std::io::Read as _;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use support::{Door, Journal, Ledger, Scribe, options, patience, ready, spawn, threads};

#[test]
fn a_thread_that_cannot_be_started_is_an_error() {
    let journal = Journal::default();
    let error = Worker::spawn(options().stack_size(1 << 46), move || Ledger::new(journal)).expect_err("no such stack");
    assert_ne!(error.to_string(), "");
    let error = Worker::spawn(WorkerOptions::new("a\0b"), || Ledger::new(Journal::default())).expect_err("a NUL");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn the_place_is_made_used_and_dropped_on_the_named_thread() {
    let journal = Journal::default();
    let its = journal.clone();
    let (tell, told) = mpsc::channel();
    let worker = Worker::spawn(options(), move || {
        tell.send((thread::current().id(), thread::current().name().map(String::from))).expect("the test listens");
        Ledger::new(its)
    })
    .expect("a thread");
    let (made_on, name) = told.recv().expect("the place is made");
    assert_eq!(name.as_deref(), Some("ledger"));
    assert_ne!(made_on, thread::current().id());
    assert_eq!(worker.submit(None, |_, _| thread::current().id()).wait().expect("the job ran"), made_on);
    let ended = worker.ended();
    drop(worker);
    ended.wait_until(patience()).expect("the worker ends");
    assert_eq!(journal.entries(), ["dropped on its own thread"]);
}

#[test]
fn a_place_that_cannot_be_made_closes_its_worker() {
    let journal = Journal::default();
    let overseer = Arc::new(Scribe(journal.clone()));
    let worker = Worker::<Ledger>::spawn(options().overseer(overseer), || panic!("no ink")).expect("a thread");
    worker.ended().wait_until(patience()).expect("the worker ends");
    assert!(worker.is_closed());
    assert!(matches!(worker.submit(None, |_, _| ()).wait(), Err(Lost::Closed)));
    assert_eq!(journal.entries(), ["panicked: no ink", "ended"]);
}

#[test]
fn the_last_handle_finishes_what_runs_and_refuses_what_is_queued() {
    let journal = Journal::default();
    let (worker, place) = spawn(options().overseer(Arc::new(Scribe(journal.clone()))));
    let door = Door::default();
    let its = door.clone();
    let (started, starts) = mpsc::channel();
    let running = worker.submit(None, move |_, _| {
        started.send(()).expect("the test listens");
        its.pass();
        7
    });
    starts.recv().expect("the job starts");
    let queued: Vec<_> = (0..10).map(|_| worker.submit(None, |_, _| ())).collect();
    let ended = worker.ended();
    let clone = worker.clone();
    drop(worker);
    assert!(!clone.is_closed());
    drop(clone);
    for reply in queued {
        // Although the worker is still busy.
        assert!(matches!(reply.wait_until(patience()), Err(Lost::Closed)));
    }
    door.open();
    assert_eq!(running.wait().expect("it goes on to its end"), 7);
    ended.wait_until(patience()).expect("the worker ends");
    assert_eq!(place.entries(), ["dropped on its own thread"]);
    assert_eq!(journal.entries(), ["ended"]);
}

#[test]
fn whoever_waits_for_the_end_late_or_in_vain_is_served_too() {
    let (worker, _) = ready();
    for _ in 0..100 {
        assert!(matches!(worker.ended().wait_until(Instant::now()), Err(Lost::Expired)));
    }
    assert!(!worker.is_closed(), "waiting for the end does not bring it");
    worker.close();
    worker.close();
    worker.ended().wait_until(patience()).expect("the worker ends");
    worker.ended().wait().expect("it has ended");
    support::block_on(worker.ended()).expect("it has ended");
}

struct Explosive;

impl Place for Explosive {
    type View<'v> = &'v mut Explosive;
    fn view(&mut self) -> &mut Explosive {
        self
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("a driver that panics when it is closed");
    }
}

#[test]
fn a_place_that_panics_when_dropped_still_ends_its_worker() {
    let worker = Worker::spawn(WorkerOptions::new("explosive"), || Explosive).expect("a thread");
    worker.close();
    worker.ended().wait_until(patience()).expect("the worker ends");
    assert_eq!(worker.counters().panics, 1);
}

/// The time of one call, apart from what the machine took away: the best of many.
fn best_of(times: usize, mut call: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| call()).min().expect("at least once")
}

#[test]
fn drops_do_not_wait_for_a_stuck_worker() {
    let door = Door::default();
    let stuck = || {
        let (worker, _) = ready();
        let its = door.clone();
        let (started, starts) = mpsc::channel();
        let reply = worker.submit(None, move |_, _| {
            started.send(()).expect("the test listens");
            its.pass();
        });
        starts.recv().expect("the job starts");
        (worker, reply)
    };
    // Ten times the promised 100 us.
    let limit = Duration::from_millis(1);
    let of_reply = best_of(20, || {
        let (_worker, reply) = stuck();
        let start = Instant::now();
        drop(reply);
        start.elapsed()
    });
    assert!(of_reply < limit, "the drop of a reply took {of_reply:?}");
    let of_worker = best_of(20, || {
        let (worker, _reply) = stuck();
        let _queued = worker.submit(None, |_, _| ());
        let start = Instant::now();
        drop(worker);
        start.elapsed()
    });
    assert!(of_worker < limit, "the drop of a worker took {of_worker:?}");
    door.open();
}

#[test]
fn ten_thousand_workers_leave_no_thread_behind() {
    // Other tests start and end threads, too.
    alone("ten_thousand_workers_leave_no_thread_behind", Duration::from_secs(120), ten_thousand_workers);
}

fn ten_thousand_workers() {
    let (first, _) = ready();
    first.close();
    first.ended().wait().expect("the worker ends");
    support::until("the first thread has gone", || threads() <= 3);
    let before = threads();
    for n in 0..10_000 {
        let (worker, _) = spawn(options());
        if n % 2 == 0 {
            worker.submit(None, |_, _| ()).wait().expect("the job ran");
        }
        let ended = worker.ended();
        drop(worker);
        ended.wait_until(patience()).expect("the worker ends");
    }
    support::until("all threads have gone", || threads() <= before);
}

#[test]
fn a_process_ends_though_its_workers_are_stuck() {
    let start = Instant::now();
    alone("a_process_ends_though_its_workers_are_stuck", Duration::from_secs(20), exit_with_a_stuck_worker);
    // Ten times the promised 200 ms; the job itself would take half a minute.
    assert!(start.elapsed() < Duration::from_secs(2), "the process took {:?} to end", start.elapsed());
}

fn exit_with_a_stuck_worker() {
    let (worker, _) = ready();
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(None, move |_, _| {
        started.send(()).expect("the test listens");
        Door::default().pass();
    });
    starts.recv().expect("the job starts");
    // Neither dropped nor waited for.
    std::process::exit(if reply.leave_at(None).wait_until(Instant::now()).is_err() { 0 } else { 1 });
}

/// Runs the body of a test in a process of its own, which has to come to its end in time: the test itself, run once more.
fn alone(test: &str, limit: Duration, body: fn()) {
    const ALONE: &str = "PONTOON_BRIDGE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let program = std::env::current_exe().expect("a test knows its program");
    let mut child = Command::new(program)
        .args(["--exact", test])
        .env(ALONE, test)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a test can run itself");
    let mut output = child.stdout.take().expect("it was asked for");
    let (ended, end) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut said = String::new();
        let read = output.read_to_string(&mut said);
        // The end of its output is the end of the process: nobody else has it.
        let _ = ended.send(());
        read.map(|_| said)
    });
    if end.recv_timeout(limit).is_err() {
        child.kill().expect("the child can be killed");
        panic!("{test} did not end in {limit:?}");
    }
    let said = reader.join().expect("the reader ends").expect("the child's output can be read");
    let status = child.wait().expect("the child can be waited for");
    assert!(status.success(), "{test} failed: {said}");
    // One that was renamed would run nothing, and pass.
    assert!(said.contains("running 1 test"), "{test} is not there: {said}");
}
