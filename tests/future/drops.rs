//! A future that is dropped: before it starts, while it runs, at each `await` of a transaction.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{CommitEnd, Ears, Method, Rule, Script};
use crate::support::{
    AWAITS, Folder, LONG, Moment, awaited, awaited_at_length, drop_after, ends, give_up_about_the_end, open, poll_once,
    poll_until, six_statements, wait_for,
};

#[test]
fn at_each_await_of_a_transaction_on_sqlite() {
    awaited(async {
        for moment in Moment::BOTH {
            let scratch = Folder::new();
            let url = scratch.url("notes.db");
            let db = Database::builder().url(&url).pool_size(1).timeout(Some(LONG)).open().unwrap().to_async();
            db.execute("CREATE TABLE t (n INTEGER)", ()).await.unwrap();
            let (mut completed, mut before) = (false, 0);
            for pendings in 0..AWAITS {
                let commits = AtomicBool::new(false);
                let result = drop_after(six_statements(&db, &commits), pendings, moment);
                // The only connection: whatever was begun is over before it answers this.
                let after = db.fetch_val::<i64>("SELECT count(*) FROM t", ()).await.unwrap().unwrap();
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
            assert!(db.close(LONG).await.unwrap().is_clean());
        }
    });
}

/// SQLite tells an interrupt from the statement that it was for by nothing but time.
#[test]
fn about_the_end_of_its_statement_on_sqlite() {
    awaited_at_length(async {
        let scratch = Folder::new();
        let url = scratch.url("notes.db");
        let db = Database::builder().url(&url).pool_size(1).timeout(Some(LONG)).open().unwrap().to_async();
        let count = |n: u64| {
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) SELECT max(i) FROM n"
            )
        };
        // About as long as a millisecond, on this machine.
        let (mut rows, mut takes) = (1_000, Duration::ZERO);
        while takes < Duration::from_millis(1) {
            rows *= 2;
            let begun = std::time::Instant::now();
            db.fetch_all(count(rows), ()).await.unwrap();
            takes = begun.elapsed();
        }
        give_up_about_the_end(&db, &count(rows), takes, 3_000).await;
        assert_eq!(db.snapshot().counters.discarded, 0, "nothing that an interrupt hit had to go");
        assert!(db.close(LONG).await.unwrap().is_clean());
    });
}

#[test]
fn at_each_await_of_a_transaction_on_the_script() {
    awaited(async {
        for moment in Moment::BOTH {
            let script = Script::new().table("t");
            let db = open(&script, 1);
            let mut completed = false;
            for pendings in 0..AWAITS {
                script.forget();
                let before = script.committed("t").len();
                let result = drop_after(six_statements(&db, &AtomicBool::new(false)), pendings, moment);
                // Behind it on the only connection.
                db.ping().await.unwrap();
                let (begun, ended) = (script.count(Method::Begin), script.count(Method::Rollback));
                let (commits, after) = (script.count(Method::Commit), script.committed("t").len());
                assert_eq!(begun, ended + commits, "ended as often as begun: {:#?}", script.trace());
                assert!(begun <= 1 && commits <= 1);
                assert_eq!(after, before + 6 * commits, "all of it or nothing");
                assert_eq!(script.open_transactions(), 0);
                if let Some(result) = result {
                    result.unwrap();
                    assert_eq!(commits, 1);
                    completed = true;
                    break;
                }
            }
            assert!(completed, "not ready after {AWAITS} wakes");
            script.assert_contract();
        }
    });
}

/// With the statement of each step held up at the database, so that the drop comes while exactly that one runs.
#[test]
fn while_each_step_of_a_transaction_runs() {
    awaited(async {
        for step in 0..8 {
            let script = Script::new().table("t");
            let db = open(&script, 1);
            let gate = script.gate("the step");
            script.add(match step {
                0 => Rule::on(Method::Begin).once().block(&gate, Ears::SERVER),
                7 => Rule::on(Method::Commit).once().block(&gate, Ears::SERVER),
                n => Rule::on(Method::Execute).skip(n - 1).once().block(&gate, Ears::SERVER),
            });
            let task = {
                let db = db.clone();
                smol::spawn(async move { six_statements(&db, &AtomicBool::new(false)).await })
            };
            std::thread::scope(|scope| {
                scope.spawn(|| gate.wait_blocked()).join().unwrap();
            });
            assert!(task.cancel().await.is_none(), "dropped while step {step} runs");
            if step == 7 {
                // A COMMIT that was sent is not cancelled.
                gate.open();
            }
            db.ping().await.unwrap();
            let kept: &[i64] = if step == 7 { &[1, 2, 3, 4, 5, 6] } else { &[] };
            assert_eq!(script.committed("t"), kept, "step {step}: {:#?}", script.trace());
            let cancels = script.signals().len();
            assert_eq!(cancels, usize::from(step != 7), "step {step}: {:#?}", script.trace());
            assert_eq!(script.count(Method::Commit), usize::from(step == 7));
            assert!(script.count(Method::Rollback) <= 1, "once: {:#?}", script.trace());
            assert_eq!(script.open_transactions(), 0);
            script.assert_contract();
        }
    });
}

#[test]
fn before_the_first_poll_nothing_is_done() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.forget();
        drop(db.execute("INSERT INTO t VALUES (1)", ()));
        drop(db.begin());
        drop(db.connection());
        drop(db.iterate("SELECT n FROM t", ()));
        drop(db.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await }));
        drop(db.close(LONG));
        let tx = db.begin().await.unwrap();
        drop(tx.commit());
        db.ping().await.unwrap();
        assert!(script.committed("t").is_empty());
        assert_eq!((script.count(Method::Execute), script.count(Method::Commit)), (0, 0));
        assert_eq!(
            script.count(Method::Rollback),
            1,
            "a commit that was never polled leaves a transaction to roll back"
        );
    });
}

#[test]
fn in_the_queue_it_never_runs() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the first");
        script.add(Rule::on(Method::Execute).text("(1)").once().block(&gate, Ears::SERVER));
        let connection = db.connection().await.unwrap();
        let mut first = pin!(connection.execute("INSERT INTO t VALUES (1)", ()));
        poll_until(first.as_mut(), || gate.blocked() > 0);
        {
            let mut second = pin!(connection.execute("INSERT INTO t VALUES (2)", ()));
            assert!(poll_once(second.as_mut()).is_pending());
        }
        let mut third = pin!(connection.execute("INSERT INTO t VALUES (3)", ()));
        assert!(poll_once(third.as_mut()).is_pending());
        gate.open();
        first.await.unwrap();
        third.await.unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        assert!(script.signals().is_empty(), "nobody was cancelled");
    });
}

#[test]
fn in_the_line_for_a_connection_it_gives_its_place_up() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let held = db.connection().await.unwrap();
        {
            let mut gone = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
            poll_until(gone.as_mut(), || db.snapshot().waiting == 1);
        }
        assert_eq!(db.snapshot().waiting, 0);
        let mut next = pin!(db.execute("INSERT INTO t VALUES (2)", ()));
        assert!(poll_once(next.as_mut()).is_pending());
        drop(held);
        next.await.unwrap();
        assert_eq!(script.committed("t"), [2]);
    });
}

#[test]
fn while_a_connection_is_opened() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).build().unwrap().to_async();
        assert!(db.connect_lazy().await.unwrap());
        let gate = script.gate("the connect");
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::OPEN));
        {
            let mut gone = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
        assert_eq!(script.committed("t"), [2]);
        assert!(db.close(LONG).await.unwrap().is_clean());
        script.wait_all_closed();
    });
}

#[test]
fn while_it_runs_it_is_cancelled_at_the_database() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let probe = Probe::start();
        {
            let mut running = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
            poll_until(running.as_mut(), || gate.blocked() > 0);
        }
        let begun = std::time::Instant::now();
        script.wait_until("the cancel", |_, signals| !signals.is_empty());
        probe.assert_within("the cancel", begun.elapsed(), Duration::from_millis(50));
        db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

/// The answer was on its way when its future went: in a transaction that is the end of the transaction.
#[test]
fn after_the_statement_and_before_its_answer() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the answer");
        script.add(Rule::on(Method::Execute).text("(2)").once().afterwards().block(&gate, Ears::DEAF));
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        {
            let mut gone = pin!(tx.execute("INSERT INTO t VALUES (2)", ()));
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        gate.open();
        let error = tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TransactionAborted | ErrorKind::TransactionLost), "{error}");
        drop(tx);
        db.ping().await.unwrap();
        assert!(script.committed("t").is_empty());
        assert_eq!(script.open_transactions(), 0);
    });
}

/// BEGIN was done and its answer on its way: the next borrower must not find itself in a transaction.
#[test]
fn after_a_begin_and_before_its_answer() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the answer");
        script.add(Rule::on(Method::Begin).once().afterwards().block(&gate, Ears::DEAF));
        let connection = db.connection().await.unwrap();
        {
            let mut gone = pin!(connection.begin());
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        gate.open();
        connection.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        assert_eq!(script.committed("t"), [1], "committed by itself");
        connection.begin().await.unwrap().commit().await.unwrap();
        assert_eq!((script.count(Method::Begin), script.count(Method::Rollback)), (2, 1));
    });
}

/// What came of a COMMIT that nobody waited for is rolled back only if it did not happen.
#[test]
fn a_commit_that_finds_the_database_busy() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the commit");
        let busy =
            Rule::on(Method::Commit).once().block(&gate, Ears::SERVER).commit(CommitEnd::StillOpen(ErrorKind::Busy));
        script.add(busy);
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        {
            let mut gone = pin!(tx.commit());
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        assert!(script.signals().is_empty(), "it is not cancelled");
        gate.open();
        db.ping().await.unwrap();
        assert!(script.committed("t").is_empty());
        assert_eq!((script.count(Method::Commit), script.count(Method::Rollback)), (1, 1));
    });
}

#[test]
fn a_rollback_is_done_once() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the rollback");
        script.add(Rule::on(Method::Rollback).once().block(&gate, Ears::DEAF));
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        {
            let mut gone = pin!(tx.rollback());
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        gate.open();
        db.ping().await.unwrap();
        assert_eq!(script.count(Method::Rollback), 1, "{:#?}", script.trace());
        assert!(script.committed("t").is_empty());
    });
}

/// A savepoint's statement that is given up takes the savepoint, and the outer transaction goes on.
#[test]
fn inside_a_nested_transaction() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        {
            let mut inner = pin!(tx.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await }));
            poll_until(inner.as_mut(), || gate.blocked() > 0);
        }
        tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
    });
}

/// Where an interrupted write ends the transaction that everybody stands in, it runs out, and is undone.
#[test]
fn under_force_rollback_the_others_go_on() {
    awaited(async {
        let script = Script::new().table("t").fragile();
        let db = open(&script, 2);
        let _pinned = db.force_rollback_scope(true);
        db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::OPEN));
        {
            let mut gone = pin!(db.execute("INSERT INTO t VALUES (2)", ()));
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        gate.open();
        db.execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
        assert_eq!(db.fetch_all_as::<(i64,)>("SELECT n FROM t", ()).await.unwrap(), [(1,), (3,)]);
        script.assert_contract();
    });
}

/// What is dropped with a scope is dropped as its caller: a destructor that uses the database finds the connection.
#[test]
fn a_drop_inside_a_scope_is_in_the_scope() {
    struct Notes(Database);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.execute("INSERT INTO t VALUES (7)", ()).unwrap();
        }
    }
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let never = std::future::pending::<()>();
        let scope = {
            let db = db.clone();
            pontoon::future::scope(async move {
                let _connection = db.connection().await.unwrap();
                let _notes = Notes(db.to_sync());
                never.await;
            })
        };
        assert!(drop_after(scope, 2, Moment::Waiting).is_none());
        assert_eq!(script.committed("t"), [7], "with a pool of one, by the connection that is being let go");
        wait_for(&db, "nobody at work", |snapshot| snapshot.busy == 0);
    });
}

#[test]
fn a_connection_lost_meanwhile_is_told_to_who_stays() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.add(Rule::on(Method::Execute).once().lose_answer(ErrorKind::ConnectionLost));
        let error = db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::Unknown));
        db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    });
}
