//! A driver with its server, and what tests do with both.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pontoon::driver::{BUILT_IN, Driver};
use pontoon::prelude::*;
use pontoon::{DatabaseBuilder, Error, ErrorKind, Snapshot};

pub(crate) use crate::kit::await_that;
use crate::kit::servers::{self, Console, Engine, MariaDb, Postgres, Private, Scratch, Server, Session};
use crate::kit::{PATIENCE, Probe, Subprocess, await_pool, within};

/// Names the tests of a module: `tests! { module: one two }` makes the macro `module!`, which makes a `#[test]` of each
/// for the subject around it.
macro_rules! tests {
    ($module:ident: $($name:ident)+) => {
        macro_rules! $module {
            () => {$(
                #[test]
                fn $name() {
                    crate::subject::ends(|| crate::$module::$name(&super::SUBJECT));
                }
            )+};
        }
    };
}

/// No test of this suite runs longer, however busy the machine is.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// A deadline that is never meant to pass.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A deadline that is meant to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// How much later than its deadline a caller leaves at the latest, and how long it takes to learn of a connection that
/// broke.
pub(crate) const LEAVES_WITHIN: Duration = Duration::from_millis(50);

/// From when on a pool asks an idle connection whether it lives.
pub(crate) const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// Runs the body of a test, which must come to an end.
pub(crate) fn ends(body: impl FnOnce() + Send + 'static) {
    within(LIMIT, body);
}

/// A driver with its kind of server.
pub(crate) struct Subject {
    pub(crate) engine: &'static dyn Engine,
}

#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: Subject = Subject { engine: &Postgres };
#[cfg(feature = "mysql")]
pub(crate) const MARIADB: Subject = Subject { engine: &MariaDb };

impl Subject {
    pub(crate) fn is_postgres(&self) -> bool {
        self.engine.slug() == Postgres.slug()
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.engine.slug() == MariaDb.slug()
    }

    /// The driver itself.
    pub(crate) fn driver(&self) -> &'static dyn Driver {
        let scheme = self.engine.scheme();
        let mut drivers = BUILT_IN.iter().copied();
        drivers.find(|driver| driver.schemes().iter().any(|it| it.name == scheme)).expect("it is compiled in")
    }

    /// A database of the test's own on the server that all tests share.
    pub(crate) fn shared(&self) -> Option<Scratch<'static>> {
        servers::shared(self.engine).map(Server::database)
    }

    /// A server of the test's own.
    pub(crate) fn private(&self) -> Option<Private> {
        servers::private(self.engine)
    }

    /// The same with settings, in the words of each.
    pub(crate) fn private_with(&self, postgres: &[(&str, &str)], mariadb: &[(&str, &str)]) -> Option<Private> {
        servers::private_with(self.engine, if self.is_postgres() { postgres } else { mariadb })
    }

    /// A part of a test that runs in a process of its own; `here` is `here!()` of the test. See [`Subprocess`].
    pub(crate) fn case(&self, here: &str, body: impl FnOnce(&str)) -> Subprocess {
        Subprocess::case(&format!("{}::{here}", self.either("postgres", "mariadb")), "", body)
    }

    /// One of two texts.
    pub(crate) fn either<T>(&self, postgres: T, mariadb: T) -> T {
        if self.is_postgres() { postgres } else { mariadb }
    }

    /// The statement that tells the number of its own session.
    pub(crate) fn session_number(&self) -> &'static str {
        self.either("SELECT CAST(pg_backend_pid() AS BIGINT)", "SELECT CAST(connection_id() AS SIGNED)")
    }

    /// Ends a session, as an administrator would.
    pub(crate) fn end_session(&self, console: &mut Console, session: i64) {
        let sql = self.either("SELECT pg_terminate_backend(:)", "KILL :").replace(':', &session.to_string());
        console.run(&sql);
    }
}

/// A builder with one connection and no deadline that is meant to pass.
pub(crate) fn builder(url: impl Into<String>) -> DatabaseBuilder {
    pool_of(1, url)
}

/// The same with so many connections.
pub(crate) fn pool_of(size: usize, url: impl Into<String>) -> DatabaseBuilder {
    hasty(LONG, url).pool_size(size)
}

/// A builder whose callers wait so long for a connection.
pub(crate) fn hasty(patience: Duration, url: impl Into<String>) -> DatabaseBuilder {
    let url: String = url.into();
    Database::builder().url(url).timeout(Some(LONG)).acquire_timeout(patience)
}

/// Where a statement blocks: a lock of the server's that the test holds, so that nothing has to be timed.
pub(crate) struct Gate<'s> {
    subject: &'s Subject,
    console: Console,
    name: String,
}

impl<'s> Gate<'s> {
    /// A closed gate in a database.
    pub(crate) fn closed(subject: &'s Subject, server: &Server, database: &str) -> Gate<'s> {
        let gate = Gate { subject, console: server.new_console(Some(database)), name: format!("gate_{database}") };
        let mut gate = gate;
        let sql = gate.call();
        gate.console.run(&format!("SELECT {sql}"));
        gate
    }

    /// The call that blocks, for a statement to contain.
    pub(crate) fn call(&self) -> String {
        self.subject.either("pg_advisory_lock(77)".to_owned(), format!("get_lock('{}', 600)", self.name))
    }

    /// A query that blocks.
    pub(crate) fn query(&self) -> String {
        self.subject
            .either("SELECT 1 FROM (SELECT pg_advisory_lock(77)) AS gate".to_owned(), format!("SELECT {}", self.call()))
    }

    /// Waits until so many sessions stand before it; they are in the order of their numbers.
    #[track_caller]
    pub(crate) fn wait_blocked(&self, server: &Server, sessions: usize) -> Vec<Session> {
        let until = Instant::now() + PATIENCE;
        loop {
            let is_blocked = |session: &Session| {
                let state = session.state.to_ascii_lowercase();
                state.contains("user lock") || state.starts_with("lock ")
            };
            let mut blocked = server.sessions();
            blocked.retain(is_blocked);
            if blocked.len() == sessions {
                return blocked;
            }
            assert!(Instant::now() < until, "not {sessions} sessions blocked: {:#?}", server.sessions());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets everybody pass, one after another.
    pub(crate) fn open(self) {}
}

/// A thread with a name, as it stands in messages.
pub(crate) fn start<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(work).expect("the system has room for the thread of a test")
}

/// Waits for a thread; its panic becomes the test's own.
#[track_caller]
pub(crate) fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// How long something takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let value = work();
    (value, begun.elapsed())
}

/// Looks at the pool until it is as it should come to be.
#[track_caller]
pub(crate) fn wait_for(db: &Database, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    await_pool(|| db.snapshot(), what, is_so)
}

/// The number of the session that runs this.
#[track_caller]
pub(crate) fn session_of(subject: &Subject, on: &impl Queryable) -> i64 {
    on.fetch_val(subject.session_number(), ()).expect("the session tells its number").expect("it is one row")
}

/// How many rows there are in the table of the test.
#[track_caller]
pub(crate) fn count(on: &impl Queryable) -> i64 {
    on.fetch_val("SELECT count(*) FROM t", ()).expect("the rows can be counted").expect("it is one row")
}

/// It fails, and with one of these kinds.
#[track_caller]
pub(crate) fn fails<T>(kinds: &[ErrorKind], result: Result<T, impl Into<Error>>) -> Error {
    match result {
        Ok(_) => panic!("it succeeded, and has to fail by {kinds:?}"),
        Err(error) => {
            let error = error.into();
            assert!(kinds.contains(&error.kind()), "not by {kinds:?}: {error:?}");
            error
        }
    }
}

/// The pool has nobody in it that it should not have, and every session is gone from the server within five seconds.
#[track_caller]
pub(crate) fn leaves_nothing(db: Database, database: &Scratch<'_>) {
    // A worker that was slow to notice its end comes back.
    wait_for(&db, "no connection in use", |it| it.busy == 0 && it.connecting == 0 && it.stuck == 0);
    let report = db.close(PATIENCE);
    assert!(report.is_clean(), "{report:?}");
    assert_no_sessions(database);
}

/// Every session in the database is gone from the server within five seconds.
#[track_caller]
pub(crate) fn assert_no_sessions(database: &Scratch<'_>) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let left = database.sessions();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "sessions are left at the server: {left:#?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A caller left no later than it was promised.
#[track_caller]
pub(crate) fn assert_left_in_time(probe: &Probe, what: &str, took: Duration, deadline: Duration) {
    // The system counts what a socket may wait for in whole milliseconds.
    let earliest = deadline.saturating_sub(Duration::from_millis(1));
    assert!(took >= earliest, "{what} left after {took:?}, before its deadline of {deadline:?}");
    probe.assert_within(what, took.saturating_sub(deadline), LEAVES_WITHIN);
}
