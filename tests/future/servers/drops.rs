//! A future that is dropped while a server works for it.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use pontoon::prelude::*;

use super::subject::{Bench, Subject};
use crate::kit::Probe;
use crate::kit::proxy::Toxic;
use crate::support::{AWAITS, Moment, drop_after, poll_once, poll_until, six_statements};

tests! { drops:
    at_each_await_of_a_transaction
    while_each_statement_of_a_transaction_runs
    outside_of_a_transaction_the_statement_ends_at_the_server
    in_the_queue_it_never_runs
    after_a_begin_and_before_its_answer
    a_commit_that_runs_is_not_cancelled
    a_stream_half_way
}

/// A drop ends what runs at the server within this.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

pub(crate) async fn at_each_await_of_a_transaction(on: &Subject) {
    for moment in Moment::BOTH {
        let Some(mut bench) = Bench::set_up(on, 1).await else { return };
        let tx = bench.db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (0)", ()).await.unwrap();
        assert!(bench.is_at_work(), "one that is left open would be seen");
        tx.rollback().await.unwrap();
        let (mut completed, mut before) = (false, 0);
        for pendings in 0..AWAITS {
            let commits = AtomicBool::new(false);
            let result = drop_after(six_statements(&bench.db, &commits), pendings, moment);
            // The only connection: whatever was begun is over before it answers this.
            let after = bench.db.fetch_val::<i64>("SELECT count(*) FROM t", ()).await.unwrap().unwrap();
            assert_eq!(bench.rows(), after, "{pendings}: what one session sees is committed");
            bench.await_rest();
            assert_eq!(bench.db.snapshot().idle, 1, "{pendings}: the pool is full");
            match result {
                Some(result) => {
                    result.unwrap();
                    assert_eq!(after, before + 6, "committed, and told so");
                    completed = true;
                    break;
                }
                // Dropped while COMMIT ran, all of it may be there; never a part.
                None => {
                    let commits = commits.into_inner();
                    assert!(after == before || (after == before + 6 && commits), "{pendings}: {after}, {commits}");
                }
            }
            before = after;
        }
        assert!(completed, "not ready after {AWAITS} wakes");
        bench.leave().await;
    }
}

/// The statement is ended at the server, and its transaction rolled back, while what it waits for is still held.
pub(crate) async fn while_each_statement_of_a_transaction_runs(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    for step in 1..=6 {
        let gate = bench.gate();
        let probe = Probe::start();
        {
            let blocked = on.blocked_insert(step);
            let mut transaction = pin!(bench.db.transaction(|tx| async move {
                for n in 1..=6_i64 {
                    match n == step {
                        true => tx.execute(&blocked, ()).await?,
                        false => tx.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await?,
                    };
                }
                Ok::<_, Error>(())
            }));
            bench.poll_until_blocked(transaction.as_mut());
        }
        let dropped = Instant::now();
        bench.await_rest();
        probe.assert_within("the end of the transaction at the server", dropped.elapsed(), ENDS_WITHIN);
        assert_eq!(bench.rows(), 0, "step {step}");
        // Before the gate opens: nobody stands there any more who could go on.
        bench.db.execute("INSERT INTO t VALUES (0)", ()).await.unwrap();
        drop(gate);
        bench.await_rest();
        assert_eq!(bench.rows(), 1, "step {step}");
        bench.witness.run("DELETE FROM t");
    }
    bench.leave().await;
}

pub(crate) async fn outside_of_a_transaction_the_statement_ends_at_the_server(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    let gate = bench.gate();
    let probe = Probe::start();
    {
        let insert = on.blocked_insert(1);
        let mut running = pin!(bench.db.execute(&insert, ()));
        bench.poll_until_blocked(running.as_mut());
    }
    let dropped = Instant::now();
    bench.await_rest();
    probe.assert_within("the end of the statement at the server", dropped.elapsed(), ENDS_WITHIN);
    drop(gate);
    bench.db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    assert_eq!(bench.witness.run("SELECT n FROM t"), [["2"]]);
    bench.leave().await;
}

pub(crate) async fn in_the_queue_it_never_runs(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    let gate = bench.gate();
    {
        let connection = bench.db.connection().await.unwrap();
        let insert = on.blocked_insert(1);
        let mut first = pin!(connection.execute(&insert, ()));
        bench.poll_until_blocked(first.as_mut());
        {
            let mut second = pin!(connection.execute("INSERT INTO t VALUES (2)", ()));
            assert!(poll_once(second.as_mut()).is_pending());
        }
        let mut third = pin!(connection.execute("INSERT INTO t VALUES (3)", ()));
        assert!(poll_once(third.as_mut()).is_pending());
        drop(gate);
        first.await.unwrap();
        third.await.unwrap();
    }
    assert_eq!(bench.witness.run("SELECT n FROM t ORDER BY n"), [["1"], ["3"]], "and nobody else was hit");
    bench.leave().await;
}

/// The server has begun, and the answer is on its way: whoever comes next is in no transaction.
pub(crate) async fn after_a_begin_and_before_its_answer(on: &Subject) {
    let Some(scratch) = on.shared() else { return };
    let proxy = scratch.server().proxy();
    let url = on.by_way(&scratch.url_at(proxy.port()));
    let mut bench = Bench::open(on, scratch, url, 1).await;
    bench.db.ping().await.unwrap();
    // That of this connection alone: what a cancel has to be told comes through.
    proxy.present_replies(Toxic::Hold);
    let before = proxy.seen();
    {
        let mut gone = pin!(bench.db.begin());
        poll_until(gone.as_mut(), || proxy.seen().replies > before.replies);
    }
    proxy.heal();
    bench.db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    assert_eq!(bench.rows(), 1, "committed by itself");
    bench.await_rest();
    bench.db.begin().await.unwrap().commit().await.unwrap();
    bench.leave().await;
}

/// A COMMIT takes as long as it takes: here it waits for the gate, by what PostgreSQL defers to it.
pub(crate) async fn a_commit_that_runs_is_not_cancelled(on: &Subject) {
    if !on.is_postgres() {
        // Of MariaDB's COMMIT nothing can be held up but by all of the server.
        return;
    }
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    bench.witness.run(
        "CREATE FUNCTION wait_there() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_advisory_lock_shared(77); RETURN NULL; END'",
    );
    bench.witness.run(
        "CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait_there()",
    );
    let gate = bench.gate();
    {
        let tx = bench.db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        let mut commit = pin!(tx.commit());
        bench.poll_until_blocked(commit.as_mut());
    }
    // Behind it on the only connection.
    {
        let mut after = pin!(bench.db.fetch_val::<i64>("SELECT count(*) FROM t", ()));
        assert!(poll_once(after.as_mut()).is_pending());
        assert_eq!(bench.blocked(), 1, "it runs on");
        drop(gate);
        assert_eq!(after.await.unwrap(), Some(1));
    }
    bench.leave().await;
}

/// In a transaction too, where it undoes nothing.
pub(crate) async fn a_stream_half_way(on: &Subject) {
    use futures_util::TryStreamExt as _;
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    bench.db.execute_many("INSERT INTO t VALUES (?)", (0..3_000_i64).map(|n| (n,))).await.unwrap();
    for taken in [0, 1, 17, 1_000] {
        let mut rows = bench.db.iterate("SELECT n FROM t ORDER BY n", ());
        for _ in 0..taken {
            rows.try_next().await.unwrap().unwrap();
        }
        drop(rows);
        let tx = bench.db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (-1)", ()).await.unwrap();
        let mut rows = tx.iterate("SELECT n FROM t ORDER BY n", ());
        for _ in 0..taken {
            rows.try_next().await.unwrap().unwrap();
        }
        drop(rows);
        tx.commit().await.unwrap();
    }
    assert_eq!(bench.rows(), 3_004);
    bench.leave().await;
}
