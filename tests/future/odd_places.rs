//! Futures that are dropped, or polled, where nobody would: inside each other, between two runs of a closure, in the line
//! to connect, by other executors than before.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::{join, select};
use pontoon::prelude::*;
use pontoon::{ErrorKind, Retry};

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{LONG, Moment, awaited, drop_after, ends, open, poll_once, poll_until, wait_for};

/// Between two runs of a closure, while it waits before the next one.
#[test]
fn dropped_between_two_runs_of_a_closure() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.add(Rule::on(Method::Commit).fail(ErrorKind::Serialization));
        let options = TxOptions::new().retry(Retry::attempts(5).waits(LONG, LONG));
        let runs = AtomicUsize::new(0);
        {
            let runs = &runs;
            let mut retried = pin!(db.transaction_with(&options, |tx| async move {
                runs.fetch_add(1, Ordering::Relaxed);
                tx.execute("INSERT INTO t VALUES (1)", ()).await
            }));
            // The wait is a random part of the longest: it has hardly begun when nobody is at work any more.
            poll_until(retried.as_mut(), || {
                script.count(Method::Rollback) + script.count(Method::Commit) > 1 && db.snapshot().busy == 0
            });
        }
        let before = runs.load(Ordering::Relaxed);
        db.ping().await.unwrap();
        assert_eq!((runs.load(Ordering::Relaxed), script.open_transactions()), (before, 0));
        assert!(script.committed("t").is_empty());
        wait_for(&db, "nobody at work", |it| it.busy == 0 && it.waiting == 0);
        script.assert_contract();
    });
}

/// At each await of a closure that is run three times, with a transaction inside, in a scope.
#[test]
fn dropped_at_each_await_of_all_that_at_once() {
    awaited(async {
        for moment in Moment::BOTH {
            let mut completed = false;
            for pendings in 0..400 {
                let script = Script::new().table("t");
                let db = open(&script, 1);
                script.add(Rule::on(Method::Commit).times(2).fail(ErrorKind::Serialization));
                let options = TxOptions::new().retry(
                    Retry::attempts(3).waits(std::time::Duration::from_micros(1), std::time::Duration::from_micros(1)),
                );
                let result = {
                    let db = db.clone();
                    let all = pontoon::future::scope(async move {
                        let db = &db;
                        let _kept = db.connection().await?;
                        db.transaction_with(&options, |mut tx| async move {
                            db.execute("INSERT INTO t VALUES (1)", ()).await?;
                            tx.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await }).await
                        })
                        .await
                    });
                    drop_after(all, pendings, moment)
                };
                db.ping().await.unwrap();
                let rows = script.committed("t").len();
                assert!(rows == 0 || rows == 2, "{pendings}: {rows}");
                assert_eq!(script.open_transactions(), 0);
                wait_for(&db, "nobody at work", |it| it.busy == 0 && it.waiting == 0);
                script.assert_contract();
                if let Some(result) = result {
                    result.unwrap();
                    assert_eq!(rows, 2);
                    completed = true;
                    break;
                }
            }
            assert!(completed);
        }
    });
}

/// The closure that was shipped goes on to its next statement, which fails: its transaction is rolled back.
#[test]
fn a_shipped_session_whose_caller_went() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the first");
        script.add(Rule::on(Method::Execute).text("(1)").once().block(&gate, Ears::SERVER));
        let seen = Arc::new(AtomicUsize::new(0));
        {
            let seen = Arc::clone(&seen);
            let mut gone = pin!(db.session(move |session| {
                let first = session.execute("INSERT INTO t VALUES (1)", ());
                let second = session.execute("INSERT INTO t VALUES (2)", ());
                seen.store(1 + usize::from(first.is_err()) + usize::from(second.is_err()), Ordering::Release);
                // It shuts its eyes to both.
                Ok(())
            }));
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        db.ping().await.unwrap();
        assert_eq!(seen.load(Ordering::Acquire), 3, "both statements failed");
        assert!(script.committed("t").is_empty());
        assert_eq!(script.open_transactions(), 0);
        script.assert_contract();
    });
}

/// Whoever waits for the turn to connect, or to close, and goes, holds nobody up.
#[test]
fn dropped_in_the_line_to_connect() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).build().unwrap().to_async();
        let gate = script.gate("the connect");
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::OPEN));
        let mut first = pin!(db.connect());
        poll_until(first.as_mut(), || gate.blocked() > 0);
        {
            let mut gone = pin!(db.connect());
            assert!(poll_once(gone.as_mut()).is_pending());
            let mut gone_too = pin!(db.close(LONG));
            assert!(poll_once(gone_too.as_mut()).is_pending());
        }
        let mut third = pin!(db.connect());
        assert!(poll_once(third.as_mut()).is_pending());
        gate.open();
        assert!(first.await.unwrap());
        assert!(!third.await.unwrap(), "it was connected already");
        db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        assert!(db.close(LONG).await.unwrap().is_clean());
        script.wait_all_closed();
    });
}

/// The connecting goes on without its caller, and is done once.
#[test]
fn connected_although_its_caller_went() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).build().unwrap().to_async();
        let gate = script.gate("the connect");
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::OPEN));
        {
            let mut gone = pin!(db.connect());
            poll_until(gone.as_mut(), || gate.blocked() > 0);
        }
        let mut second = pin!(db.connect());
        assert!(poll_once(second.as_mut()).is_pending());
        gate.open();
        assert!(!second.await.unwrap(), "by the one whose caller went");
        assert_eq!(script.count(Method::Connect), 1);
        assert!(db.close(LONG).await.unwrap().is_clean());
    });
}

/// One future, polled by a runtime that goes, then by another executor, then by none.
#[test]
fn a_call_that_changes_its_executor() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let mut call = Box::pin(db.execute("INSERT INTO t VALUES (1)", ()));
        for _ in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                poll_until(call.as_mut(), || gate.blocked() > 0);
                assert!(futures_util::poll!(call.as_mut()).is_pending());
            });
            drop(runtime);
        }
        gate.open();
        smol::block_on(call.as_mut()).unwrap();
        assert_eq!(script.committed("t"), [1]);
        script.assert_contract();
    });
}

/// Two runtimes at once use one connection, and one of them goes in the middle of its transaction.
#[test]
fn two_runtimes_on_one_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (one, two) = (runtime(), runtime());
        let connection = one.block_on(db.connection()).unwrap();
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).text("(1)").once().block(&gate, Ears::SERVER));
        let theirs = connection.clone();
        one.spawn(async move {
            theirs.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)", ()).await }).await.unwrap();
        });
        gate.wait_blocked();
        let ours = connection.clone();
        let next = two.spawn(async move {
            ours.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await }).await
        });
        drop(one);
        two.block_on(next).unwrap().unwrap();
        assert_eq!(script.committed("t"), [2]);
        drop(connection);
        wait_for(&db, "nobody at work", |it| it.busy == 0);
        script.assert_contract();
    });
}

/// The loser of a `select` is dropped right there; the winner goes on in the same transaction by a savepoint.
#[test]
fn the_loser_of_a_select_in_a_transaction() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the slow one");
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        let kept = db
            .transaction(|mut tx| async move {
                tx.execute("INSERT INTO t VALUES (1)", ()).await?;
                {
                    let slow =
                        pin!(tx.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await }));
                    let is_slow = pin!(futures_util::future::poll_fn(|context| {
                        context.waker().wake_by_ref();
                        if gate.blocked() > 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                    }));
                    let _ = select(slow, is_slow).await;
                }
                tx.execute("INSERT INTO t VALUES (3)", ()).await
            })
            .await;
        kept.unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        script.assert_contract();
    });
}

/// A panic in a closure's future is the caller's own, and what was joined with it is dropped: nothing stays.
#[test]
fn a_panic_beside_a_statement_that_runs() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        let work = db.transaction(|tx| {
            let gate = &gate;
            async move {
                tx.execute("INSERT INTO t VALUES (1)", ()).await?;
                let panics = futures_util::future::poll_fn(|context| -> std::task::Poll<()> {
                    context.waker().wake_by_ref();
                    assert!(gate.blocked() == 0, "of the program");
                    std::task::Poll::Pending
                });
                let (inserted, ()) = join(tx.execute("INSERT INTO t VALUES (2)", ()), panics).await;
                inserted
            }
        });
        let panic = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
        assert!(panic.downcast_ref::<&str>().is_some_and(|text| text.contains("of the program")));
        db.ping().await.unwrap();
        assert!(script.committed("t").is_empty());
        assert_eq!(script.open_transactions(), 0);
        script.assert_contract();
    });
}

/// The guard goes before the statement of it that runs, which borrows it no more once it is boxed by nobody.
#[test]
fn a_tx_that_outlives_its_transaction() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let mut kept = None;
        db.transaction(|tx| {
            kept = Some(tx);
            async { Ok::<_, Error>(()) }
        })
        .await
        .unwrap();
        let mut kept = kept.unwrap();
        assert_eq!(kept.execute("INSERT INTO t VALUES (1)", ()).await.unwrap_err().kind(), ErrorKind::Misuse);
        assert_eq!(kept.begin().await.unwrap_err().kind(), ErrorKind::Misuse);
        // Whoever has a transaction of his own on the same connection by now is not met.
        let other = db.begin().await.unwrap();
        assert_eq!(kept.execute("INSERT INTO t VALUES (2)", ()).await.unwrap_err().kind(), ErrorKind::Misuse);
        other.commit().await.unwrap();
        assert!(db.close(LONG).await.unwrap().is_clean());
        assert!(kept.ping().await.is_err());
        assert!(script.committed("t").is_empty());
    });
}

/// Wrong input is told by the first poll, names the culprit, and nothing is sent.
#[test]
fn wrong_input_is_told_and_not_sent() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.forget();
        let error = db.execute("INSERT INTO t VALUES (:n)", params! { m: 1 }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        assert!(error.message().contains("n"), "{error}");
        let error = db.execute("  -- nothing", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        let error = db.execute("BEGIN", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionVerb);
        let error = db.execute("INSERT INTO t VALUES ('", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax, "{error:?}");
        let error = db.bulk_insert("t", &[], [(1_i64,)]).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Misuse | ErrorKind::Parameter), "{error:?}");
        let error = db.listen(["news"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert_eq!(script.count(Method::Execute) + script.count(Method::Batch), 0, "{:#?}", script.trace());
        // Of many sets one that is wrong is found when its turn comes; none of them stays.
        let sets = [params! { a: 1 }, params! { b: 2 }];
        let error = db.execute_many("INSERT INTO t VALUES (:a)", sets).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
        assert!(script.committed("t").is_empty());
    });
}
