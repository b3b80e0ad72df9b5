//! What a database counts of itself: exactly, and for good.

mod kit;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kit::script::{CommitEnd, Ears, Method, Rule, Script};
use kit::within;
#[cfg(feature = "sqlite")]
use pontoon::Metrics;
use pontoon::Query;
use pontoon::driver::LinkState;
use pontoon::prelude::*;

const LIMIT: Duration = Duration::from_secs(60);

/// A deadline that is meant to pass, and not before the statement has begun.
const ENOUGH: Duration = Duration::from_secs(1);

#[cfg(feature = "sqlite")]
#[test]
fn statements_rows_and_transactions_are_counted_on_every_thread() {
    within(LIMIT, || {
        let db = Database::builder().url("sqlite::memory:").pool_size(4).open().unwrap();
        db.execute_script("CREATE TABLE t (n INTEGER)").unwrap();
        let before = db.metrics();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..50 {
                        db.transaction(|tx| {
                            tx.execute("INSERT INTO t VALUES (?)", (n,))?;
                            tx.transaction(|tx| tx.execute("INSERT INTO t VALUES (?)", (n,)))
                        })
                        .unwrap();
                    }
                });
            }
        });
        let tx = db.begin().unwrap();
        tx.execute("DELETE FROM t", ()).unwrap();
        drop(tx);
        assert_eq!(db.fetch_all("SELECT n FROM t", ()).unwrap().len(), 400);
        db.fetch_all("SELECT nothing FROM t", ()).unwrap_err();
        let streamed = db.iterate("SELECT n FROM t", ()).unwrap().count();
        let since = difference(&db.metrics(), &before);
        assert_eq!(streamed, 400);
        assert_eq!(
            since,
            Since { statements: 404, failed: 1, rows: 800, transactions: 201, committed: 200, rolled_back: 1 }
        );
        let metrics = db.metrics();
        assert!(metrics.bytes > 0 && metrics.lent > 0 && metrics.jobs > 0, "{metrics}");
        assert_eq!(metrics.execute.count(), metrics.statements, "the first of each connection are all timed");
        assert!(metrics.hop.count() > 0 && metrics.connect.count() == metrics.pool.opened, "{metrics}");

        // What was counted stays, when the database is closed and when it is opened again.
        db.close(Duration::from_secs(5));
        let closed = db.metrics();
        assert_eq!(
            (closed.statements, closed.rows, closed.pool.opened),
            (metrics.statements, metrics.rows, metrics.pool.opened)
        );
        assert_eq!(closed.pool.closed, closed.pool.opened);
        db.connect().unwrap();
        assert_eq!(db.metrics().statements, closed.statements);
        assert_eq!(db.metrics().pool.opened, closed.pool.opened + 1);
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn a_stream_that_is_read_to_its_end_is_not_cancelled() {
    within(LIMIT, || {
        let db = Database::open("sqlite::memory:").unwrap();
        for _ in 0..500 {
            assert_eq!(db.iterate("SELECT 1 UNION SELECT 2", ()).unwrap().count(), 2);
        }
        assert_eq!(db.metrics().cancels, 0);
    });
}

#[cfg(feature = "sqlite")]
#[derive(Debug, PartialEq)]
struct Since {
    statements: u64,
    failed: u64,
    rows: u64,
    transactions: u64,
    committed: u64,
    rolled_back: u64,
}

#[cfg(feature = "sqlite")]
fn difference(after: &Metrics, before: &Metrics) -> Since {
    Since {
        statements: after.statements - before.statements,
        failed: after.failed - before.failed,
        rows: after.rows - before.rows,
        transactions: after.transactions - before.transactions,
        committed: after.committed - before.committed,
        rolled_back: after.rolled_back - before.rolled_back,
    }
}

#[test]
fn a_wait_for_a_connection_is_timed_and_an_immediate_one_is_not() {
    within(LIMIT, || {
        // What is lent is back in the pool as soon as the call is over.
        let script = Script::new().table("t").lendable();
        let db = script.builder().pool_size(1).open().unwrap();
        db.fetch_all("SELECT v FROM t", ()).unwrap();
        let (opened, taken) = (db.metrics().acquire.count(), db.metrics().acquired);
        db.fetch_all("SELECT v FROM t", ()).unwrap();
        assert_eq!((db.metrics().acquire.count(), db.metrics().acquired), (opened, taken + 1));

        let held = db.connection().unwrap();
        let other = thread::spawn({
            let db = db.clone();
            move || db.fetch_all("SELECT v FROM t", ()).map(drop)
        });
        while db.snapshot().waiting == 0 {
            thread::yield_now();
        }
        drop(held);
        other.join().unwrap().unwrap();
        assert_eq!(db.metrics().acquire.count(), opened + 1);
    });
}

#[test]
fn a_connection_that_is_thrown_away_is_counted_with_its_reason() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();

        script.add(Rule::on(Method::Execute).text("INSERT").once().panic("the driver's own"));
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        script.add(Rule::on(Method::Execute).text("INSERT").once().fail(ErrorKind::ConnectionLost));
        script.add(Rule::on(Method::State).once().state(LinkState::Unknown));
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        db.fetch_all("SELECT v FROM t", ()).unwrap();

        let metrics = db.metrics();
        assert_eq!((metrics.discards.panicked, metrics.discards.broken), (1, 1), "{metrics}");
        let discards = metrics.discards;
        assert_eq!(
            discards.broken + discards.unclean + discards.silent + discards.panicked + discards.stuck,
            metrics.pool.discarded,
            "{metrics}"
        );
    });
}

#[test]
fn cancels_are_counted_and_what_ended_by_them() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();
        // Held, and given time enough, so that it is the statement that is cancelled and not the wait for it.
        let connection = db.connection().unwrap();
        let gate = script.gate("the statement");
        script.add(Rule::on(Method::Query).text("SELECT v").once().block(&gate, Ears::SERVER));
        let error = connection.fetch_all(Query::new("SELECT v FROM t").timeout(ENOUGH), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        // Behind the statement, which is over then, and counted.
        connection.ping().unwrap();
        let metrics = db.metrics();
        assert_eq!((metrics.cancels, metrics.timed_out, metrics.failed), (1, 1, 1), "{metrics}");
    });
}

#[test]
fn a_commit_without_an_answer_is_counted_once() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();
        script.add(Rule::on(Method::Commit).once().commit(CommitEnd::Unknown { applied: true }));
        let error = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommitUnknown);
        let metrics = db.metrics();
        assert_eq!((metrics.transactions, metrics.committed, metrics.commits_unknown), (1, 0, 1), "{metrics}");
    });
}

#[test]
fn whoever_reads_while_others_work_sees_numbers_that_only_grow() {
    within(LIMIT, || {
        let script = Script::new().table("t").unrecorded();
        let db = Arc::new(script.builder().pool_size(2).open().unwrap());
        thread::scope(|scope| {
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        for round in 0..200 {
                            db.fetch_all("SELECT v FROM t", ()).unwrap();
                            if round % 20 == 0 {
                                db.refresh();
                            }
                        }
                    })
                })
                .collect();
            let mut last = 0;
            while workers.iter().any(|worker| !worker.is_finished()) {
                let now = db.metrics().statements;
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        assert_eq!(db.metrics().statements, 400);
    });
}
