//! A driver with its server, and what the tests of this module do with both.

use std::pin::Pin;

use pontoon::prelude::*;

use crate::kit::servers::{self, Console, Engine, MariaDb, Postgres, Scratch, Server};
use crate::kit::{PATIENCE, await_that, await_that_or};
use crate::support::{LONG, poll_until, wait_for};

/// A driver with its kind of server.
pub(crate) struct Subject {
    pub(crate) engine: &'static dyn Engine,
    /// The name of the driver where it is one of ODBC's.
    pub(crate) odbc: Option<&'static str>,
}

#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: Subject = Subject { engine: &Postgres, odbc: None };
#[cfg(feature = "mysql")]
pub(crate) const MARIADB: Subject = Subject { engine: &MariaDb, odbc: None };
#[cfg(feature = "odbc")]
pub(crate) const ODBC_POSTGRES: Subject = Subject { engine: &Postgres, odbc: Some("PostgreSQL Unicode") };
#[cfg(feature = "odbc")]
pub(crate) const ODBC_MARIADB: Subject = Subject { engine: &MariaDb, odbc: Some("MariaDB Unicode") };

impl Subject {
    /// A database of the test's own on the server that all tests share.
    pub(crate) fn shared(&self) -> Option<Scratch<'static>> {
        #[cfg(feature = "odbc")]
        if self.odbc.is_some_and(|driver| !crate::kit::odbc::has_driver(driver)) {
            return None;
        }
        servers::shared(self.engine).map(Server::database)
    }

    /// The URL of a server's own, by way of the driver.
    pub(crate) fn by_way(&self, url: &str) -> String {
        match self.odbc {
            None => url.to_owned(),
            Some(driver) => {
                let (_, address) = url.split_once("://").expect("a URL");
                format!("odbc://{address}?driver={}", driver.replace(' ', "+"))
            }
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.engine.slug() == Postgres.slug()
    }

    /// One of two texts.
    pub(crate) fn either<T>(&self, postgres: T, mariadb: T) -> T {
        if self.is_postgres() { postgres } else { mariadb }
    }

    /// The statement that tells the number of its own session.
    pub(crate) fn session_number(&self) -> &'static str {
        self.either("SELECT CAST(pg_backend_pid() AS BIGINT)", "SELECT CAST(connection_id() AS SIGNED)")
    }

    /// An INSERT that blocks while the test holds the [`Gate`].
    pub(crate) fn blocked_insert(&self, number: i64) -> String {
        self.either(
            format!("INSERT INTO t SELECT {number} FROM (SELECT pg_advisory_lock_shared(77)) AS gate"),
            format!(
                "INSERT INTO t SELECT {number} FROM (SELECT get_lock(concat('gate_', database()), 600) AS it) AS gate"
            ),
        )
    }

    /// Whether no session in the database of a console, other than itself, is in a statement, or in a transaction that
    /// has touched the table `t`.
    fn is_at_rest(&self, witness: &mut Console) -> bool {
        if self.is_postgres() {
            let at_work = "SELECT count(*) FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
            return witness.value(at_work) == "0";
        }
        let at_work = "SELECT count(*) FROM information_schema.processlist \
                       WHERE db = database() AND id <> connection_id() AND command <> 'Sleep'";
        // A session in a transaction sleeps like any other, and the list of transactions is renewed only when nobody has
        // asked for it for a while; but the table is locked.
        let is_free = witness.value(at_work) == "0" && witness.try_run("LOCK TABLES t WRITE NOWAIT").is_ok();
        witness.run("UNLOCK TABLES");
        is_free
    }
}

/// A database on a server with an empty table `t (n)`, seen through the library and beside it.
pub(crate) struct Bench<'s> {
    pub(crate) subject: &'s Subject,
    pub(crate) db: AsyncDatabase,
    /// A session that the library knows nothing of.
    pub(crate) witness: Console,
    pub(crate) scratch: Scratch<'static>,
}

impl<'s> Bench<'s> {
    pub(crate) async fn set_up(subject: &'s Subject, pool_size: usize) -> Option<Bench<'s>> {
        let scratch = subject.shared()?;
        let url = subject.by_way(&scratch.url());
        Some(Bench::open(subject, scratch, url, pool_size).await)
    }

    /// The same by another way to the server, that of a proxy.
    pub(crate) async fn open(
        subject: &'s Subject,
        scratch: Scratch<'static>,
        url: String,
        pool_size: usize,
    ) -> Bench<'s> {
        let mut witness = scratch.server().new_console(Some(scratch.name()));
        witness.run("CREATE TABLE t (n BIGINT)");
        let builder = Database::builder().url(url).pool_size(pool_size).timeout(Some(LONG)).acquire_timeout(LONG);
        // A driver that takes its time over a cancel counts as stuck meanwhile, which is not what these tests are about.
        let db = builder.max_stuck(16).build().unwrap().to_async();
        assert!(db.connect().await.unwrap());
        Bench { subject, db, witness, scratch }
    }

    /// How many rows are committed.
    pub(crate) fn rows(&mut self) -> i64 {
        self.witness.value("SELECT count(*) FROM t").parse().expect("a number")
    }

    /// Whether a session of it is in a statement or a transaction.
    pub(crate) fn is_at_work(&mut self) -> bool {
        !self.subject.is_at_rest(&mut self.witness)
    }

    /// The pool is full, and no session of it is in a statement or a transaction.
    #[track_caller]
    pub(crate) fn await_rest(&mut self) {
        wait_for(&self.db, "nobody at work", |it| {
            it.busy == 0 && it.connecting == 0 && it.stuck == 0 && it.waiting == 0
        });
        await_that_or(
            || self.subject.is_at_rest(&mut self.witness),
            || format!("a session is left in a statement or in a transaction: {:#?}", self.scratch.sessions()),
        );
    }

    /// A closed gate: what is [blocked](Subject::blocked_insert) waits until it is dropped.
    pub(crate) fn gate(&self) -> Gate {
        let mut holder = self.scratch.server().new_console(Some(self.scratch.name()));
        holder.run(
            self.subject.either("SELECT pg_advisory_lock(77)", "SELECT get_lock(concat('gate_', database()), 600)"),
        );
        Gate { _holder: holder }
    }

    /// How many sessions stand before the gate.
    pub(crate) fn blocked(&self) -> usize {
        let is_blocked = |state: &str| state.contains("user lock") || state.starts_with("lock ");
        self.scratch.sessions().iter().filter(|it| is_blocked(&it.state.to_ascii_lowercase())).count()
    }

    /// Polls until a session stands before the gate.
    #[track_caller]
    pub(crate) fn poll_until_blocked<F: Future>(&self, future: Pin<&mut F>) {
        poll_until(future, || self.blocked() == 1);
    }

    /// Closes it in good order, and sees its sessions off.
    pub(crate) async fn leave(mut self) {
        self.await_rest();
        let report = self.db.close(PATIENCE).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        await_that("no session is left", || self.scratch.sessions().is_empty());
    }
}

/// Holds up what is blocked, for as long as it lives.
pub(crate) struct Gate {
    _holder: Console,
}
