//! What many tests of this suite do.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(feature = "sqlite")]
use pontoon::Queryable as _;
use pontoon::{Database, Snapshot};

use crate::kit::script::Script;
use crate::kit::{Census, PATIENCE, describe_threads, within};

/// No test of this suite runs longer, however busy the machine is.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A deadline that is never meant to pass.
pub(crate) const LONG: Duration = Duration::from_secs(50);

/// A deadline that is meant to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// How much later than its deadline a caller leaves at the latest.
pub(crate) const LEAVES_WITHIN: Duration = Duration::from_millis(50);

/// Runs the body of a test, which must come to an end.
pub(crate) fn ends(body: impl FnOnce() + Send + 'static) {
    within(LIMIT, body);
}

/// A thread with a name, as it stands in messages.
pub(crate) fn start<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new()
        .name(name.into())
        .stack_size(256 << 10)
        .spawn(work)
        .expect("the system has room for the thread of a test")
}

/// Looks at the pool until it is as it should come to be. Nothing tells a test that a thread has lined up, so it looks.
#[track_caller]
pub(crate) fn wait_for(db: &Database, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let until = Instant::now() + PATIENCE;
    loop {
        let snapshot = db.snapshot();
        if is_so(&snapshot) {
            return snapshot;
        }
        assert!(
            Instant::now() < until,
            "the pool did not come to have {what}: {snapshot}\n{:?}\n{}",
            snapshot.counters,
            describe_threads("self")
        );
        thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until the database has so many connections open.
#[track_caller]
pub(crate) fn wait_for_open(script: &Script, connections: usize) {
    let until = Instant::now() + PATIENCE;
    while script.open_connections() != connections {
        let open = script.open_connections();
        assert!(Instant::now() < until, "{open} connections are open, not {connections}: {:#?}", script.trace());
        thread::sleep(Duration::from_micros(200));
    }
}

/// Waits until there are so many threads of connections in this process.
#[track_caller]
pub(crate) fn wait_for_threads(count: usize) {
    let until = Instant::now() + PATIENCE;
    let threads = || {
        let census = Census::take();
        census.threads_named("script-") + census.threads_named("sqlite-")
    };
    while threads() != count {
        assert!(Instant::now() < until, "there are not {count} threads of connections:\n{}", describe_threads("self"));
        thread::sleep(Duration::from_millis(1));
    }
}

/// A folder that is gone at the end of the test.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("pontoon-faults-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the folder for temporary files can be written");
        Scratch(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        url_of(&self.path(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn url_of(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// How long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}

/// A scripted database with one connection.
pub(crate) fn one(script: &Script) -> Database {
    script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap()
}

/// What the table of a test holds.
#[cfg(feature = "sqlite")]
pub(crate) fn rows(db: &Database) -> Vec<i64> {
    db.fetch_all_as::<(i64,)>("SELECT n FROM t ORDER BY n", ()).unwrap().into_iter().map(|(n,)| n).collect()
}

/// Has SQLite look at every page of a database.
#[cfg(feature = "sqlite")]
#[track_caller]
pub(crate) fn assert_intact(db: &Database) {
    assert_eq!(db.fetch_val::<String>("PRAGMA integrity_check", ()).unwrap().as_deref(), Some("ok"));
}
