//! What the tests share.
#![allow(dead_code)] // Each test program uses a part.

use pontoon_bridge::{Fence, Interrupt, Overseer, Place, Settled, Worker, WorkerOptions};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

/// Far longer than anything here takes; a test that gets there has failed.
pub(crate) fn patience() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// What happened, in order; shared with a place, its jobs and its interrupt.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Journal {
    pub(crate) fn note(&self, entry: impl Into<String>) {
        self.0.0.lock().unwrap().push(entry.into());
        self.0.1.notify_all();
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits for an entry.
    pub(crate) fn wait_for(&self, entry: &str) {
        let entries = self.0.0.lock().unwrap();
        let missing = |entries: &mut Vec<String>| !entries.iter().any(|had| had == entry);
        let (entries, wait) = self.0.1.wait_timeout_while(entries, Duration::from_secs(30), missing).unwrap();
        assert!(!wait.timed_out(), "{entry:?} never happened: {entries:?}");
    }
}

/// A door that a job waits at until the test opens it.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<(Mutex<bool>, Condvar)>);

impl Door {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let is_open = self.0.0.lock().unwrap();
        let (_open, wait) = self.0.1.wait_timeout_while(is_open, Duration::from_secs(30), |open| !*open).unwrap();
        assert!(!wait.timed_out(), "nobody opened the door");
    }
}

/// A place that tells where and how it is treated.
pub(crate) struct Ledger {
    pub(crate) entries: Vec<u32>,
    pub(crate) journal: Journal,
    pub(crate) made_on: ThreadId,
}

impl Ledger {
    pub(crate) fn new(journal: Journal) -> Self {
        Self { entries: Vec::new(), journal, made_on: thread::current().id() }
    }
}

impl Place for Ledger {
    type View<'v> = &'v mut Ledger;

    fn view(&mut self) -> &mut Ledger {
        self
    }

    fn poisoned(&mut self) {
        self.journal.note("poisoned");
    }

    fn interrupted(&mut self, settled: Settled) {
        self.journal.note(format!("interrupted {settled:?}"));
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let whose = if self.made_on == thread::current().id() { "own" } else { "another" };
        self.journal.note(format!("dropped on its {whose} thread"));
    }
}

pub(crate) fn options() -> WorkerOptions {
    WorkerOptions::new("ledger").grace(Duration::from_millis(40))
}

pub(crate) fn spawn(options: WorkerOptions) -> (Worker<Ledger>, Journal) {
    let journal = Journal::default();
    let its = journal.clone();
    let worker = Worker::spawn(options, move || Ledger::new(its)).expect("a thread can be started");
    (worker, journal)
}

/// A worker whose place is in its seat already.
pub(crate) fn ready() -> (Worker<Ledger>, Journal) {
    ready_with(options())
}

/// A worker whose cancels have all the time in the world: for tests of what a cancel does when it comes in time,
/// however busy the machine is.
pub(crate) fn patient() -> (Worker<Ledger>, Journal) {
    ready_with(options().grace(Duration::from_secs(30)))
}

pub(crate) fn ready_with(options: WorkerOptions) -> (Worker<Ledger>, Journal) {
    let (worker, journal) = spawn(options);
    worker.submit(None, |_, _| ()).wait().expect("the worker starts");
    (worker, journal)
}

/// An overseer that writes everything down.
pub(crate) struct Scribe(pub(crate) Journal);

impl Overseer for Scribe {
    fn stuck(&self) {
        self.0.note("stuck");
    }
    fn recovered(&self) {
        self.0.note("recovered");
    }
    fn panicked(&self, message: &str) {
        self.0.note(format!("panicked: {message}"));
    }
    fn ended(&self) {
        self.0.note("ended");
    }
}

/// An interrupt that does what the test says.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) journal: Journal,
    pub(crate) fence: Option<Fence>,
    pub(crate) severs: bool,
    pub(crate) is_instant: bool,
    /// Where a cancel waits before it comes back.
    pub(crate) deaf: Option<Door>,
    pub(crate) panics: bool,
    /// Opened by a cancel, or by a sever, for the job to come back.
    pub(crate) on_cancel: Door,
    pub(crate) on_sever: Door,
    /// How often it says that the job must finish.
    pub(crate) spares: AtomicUsize,
}

impl Interrupt for Scripted {
    fn cancel(&self, _until: Instant) -> Fence {
        self.journal.note("cancel");
        assert!(!self.panics, "an interrupt that panics");
        if let Some(door) = &self.deaf {
            door.pass();
        }
        self.on_cancel.open();
        self.fence.unwrap_or(Fence::NotFenced)
    }

    fn sever(&self) -> bool {
        self.journal.note("sever");
        self.on_sever.open();
        self.severs
    }

    fn must_finish(&self) -> bool {
        let spared = self.spares.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if spared {
            self.journal.note("spared");
        }
        spared
    }

    fn is_instant(&self) -> bool {
        self.is_instant
    }
}

/// Counts the wakes of a future, and can be waited for.
pub(crate) struct Bell {
    thread: Thread,
    pub(crate) rings: AtomicUsize,
    has_rung: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { thread: thread::current(), rings: AtomicUsize::new(0), has_rung: AtomicBool::new(false) })
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        self.has_rung.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// The smallest executor. Polls only when woken, so a lost wake is a failed test.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let bell = Bell::new();
    let waker = Arc::clone(&bell).into();
    let until = patience();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !bell.has_rung.swap(false, Ordering::SeqCst) {
            assert!(Instant::now() < until, "nobody woke the future");
            thread::park_timeout(Duration::from_secs(1));
        }
    }
}

/// Looks again and again until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let patience = patience();
    while !is_so() {
        assert!(Instant::now() < patience, "never came true: {what}");
        thread::yield_now();
    }
}

/// How many threads this process has.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("a Linux machine").count()
}
