//! What many tests of this suite do.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(feature = "sqlite")]
use pontoon::Queryable as _;
use pontoon::{Database, Snapshot};

pub(crate) use crate::kit::Folder;
use crate::kit::script::Script;
use crate::kit::{Census, await_pool, await_that, await_that_or, within};

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
    await_pool(|| db.snapshot(), what, is_so)
}

/// Waits until the database has so many connections open.
#[track_caller]
pub(crate) fn wait_for_open(script: &Script, connections: usize) {
    await_that_or(
        || script.open_connections() == connections,
        || format!("{} connections are open, not {connections}: {:#?}", script.open_connections(), script.trace()),
    );
}

/// Waits until there are so many threads of connections in this process.
#[track_caller]
pub(crate) fn wait_for_threads(count: usize) {
    let threads = || {
        let census = Census::take();
        census.threads_named("script-") + census.threads_named("sqlite-")
    };
    await_that(&format!("there are {count} threads of connections"), || threads() == count);
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
