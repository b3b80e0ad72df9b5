//! Executors: several at once, one that goes, one that never polls again, and tasks that wander.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pontoon::ErrorKind;
use pontoon::Retry;
use pontoon::prelude::*;

use crate::kit::Probe;
use crate::kit::script::{Ears, Method, Record, Rule, Script};
use crate::support::{LONG, SHORT, awaited, ends, open, poll_once, wait_for};

fn multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn a_thread_and_three_executors_use_one_database() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 3);
        let insert = |start: i64| {
            let db = db.clone();
            async move {
                for n in start..start + 20 {
                    db.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await })
                        .await
                        .unwrap();
                }
            }
        };
        std::thread::scope(|scope| {
            let (on_tokio, on_smol, on_futures) = (insert(0), insert(100), insert(200));
            scope.spawn(|| multi_thread().block_on(on_tokio));
            scope.spawn(|| smol::block_on(on_smol));
            scope.spawn(|| futures_executor::block_on(on_futures));
            let sync = db.to_sync();
            for n in 300..320_i64 {
                sync.transaction(|tx| tx.execute("INSERT INTO t VALUES (:n)", params! { n: n })).unwrap();
            }
        });
        assert_eq!(script.committed("t").len(), 80);
        script.assert_contract();
    });
}

/// The closure is retried, borrows a local of the task, and the whole is spawned on threads that steal work.
#[test]
fn a_retried_transaction_that_borrows_is_spawned() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.add(Rule::on(Method::Commit).times(2).fail(ErrorKind::Serialization));
        let runs = multi_thread().block_on(async move {
            let task = tokio::spawn(async move {
                let (runs, number) = (AtomicUsize::new(0), String::from("5"));
                let (runs, number) = (&runs, number.as_str());
                let options = TxOptions::new().retry(Retry::attempts(5));
                db.transaction_with(&options, |tx| async move {
                    runs.fetch_add(1, Ordering::Relaxed);
                    let n: i64 = number.parse().unwrap();
                    tx.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await
                })
                .await
                .unwrap();
                runs.load(Ordering::Relaxed)
            });
            task.await.unwrap()
        });
        assert_eq!((runs, script.committed("t")), (3, vec![5]));
    });
}

#[test]
fn tasks_that_wander_keep_their_transactions() {
    ends(|| {
        let script = Script::new().table("t").unrecorded();
        let db = open(&script, 4);
        multi_thread().block_on(async {
            let wander = |task: i64| {
                let db = db.clone();
                tokio::spawn(async move {
                    let inner = db.clone();
                    db.transaction(|tx| async move {
                        for step in 0..100_i64 {
                            tokio::task::yield_now().await;
                            if step % 20 == 0 {
                                // By the database and by the handle: the same connection on whatever thread.
                                inner.execute("INSERT INTO t VALUES (:n)", params! { n: task }).await?;
                            }
                        }
                        assert_eq!(tx.fetch_all("SELECT n FROM t", ()).await?.len() % 5, 0, "nobody else's half");
                        Ok::<_, Error>(())
                    })
                    .await
                })
            };
            for task in join_all((0..64).map(wander)).await {
                task.unwrap().unwrap();
            }
        });
        assert_eq!(script.committed("t").len(), 64 * 5);
        script.assert_contract();
    });
}

#[test]
fn a_runtime_that_goes_in_the_middle() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        let runtime = multi_thread();
        let task = db.clone();
        runtime.spawn(async move {
            let tx = task.begin().await.unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
            tx.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
            tx.commit().await.unwrap();
        });
        gate.wait_blocked();
        drop(runtime);
        pollster::block_on(db.execute("INSERT INTO t VALUES (3)", ())).unwrap();
        assert_eq!(script.committed("t"), [3]);
        assert_eq!((script.count(Method::Rollback), script.open_transactions()), (1, 0));
        script.assert_contract();
    });
}

/// The deadline needs nobody to poll: the statement is cancelled, the transaction is not committed by anybody.
#[test]
fn an_executor_that_never_polls_again() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let tx = db.begin().await.unwrap();
        let mut left = pin!(tx.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()));
        let (probe, begun) = (Probe::start(), Instant::now());
        assert!(poll_once(left.as_mut()).is_pending());
        script.wait_until("the cancel", |_, signals| !signals.is_empty());
        probe.assert_within("the cancel after the deadline", begun.elapsed().saturating_sub(SHORT), SHORT);
        let error = left.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "and it is told whenever it asks: {error}");
        let error = tx.execute("INSERT INTO t VALUES (2)", ()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TransactionAborted | ErrorKind::TransactionLost), "{error}");
    });
}

#[test]
fn a_future_is_woken_at_its_deadline() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(SHORT)).acquire_timeout(LONG).open().unwrap().to_async();
        let probe = Probe::start();
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::DEAF));
        let begun = Instant::now();
        let error = db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap_err();
        probe.assert_within("a call on a stuck connection", begun.elapsed().saturating_sub(SHORT), SHORT);
        assert_eq!(error.kind(), ErrorKind::Timeout);
        // And in the line for a connection, behind the stuck one.
        let begun = Instant::now();
        let error = db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap_err();
        probe.assert_within("a call that waits in line", begun.elapsed().saturating_sub(SHORT), SHORT);
        assert!(matches!(error.kind(), ErrorKind::PoolTimeout | ErrorKind::Timeout), "{error}");
        gate.open();
        wait_for(&db, "nobody at work", |snapshot| snapshot.busy == 0);
    });
}

/// Statements never run on the executor's thread, though the driver would lend its connection to one.
#[test]
fn statements_are_not_lent_to_the_executor() {
    awaited(async {
        let script = Script::new().table("t").lendable();
        let db = open(&script, 1);
        let here = std::thread::current().id();
        script.forget();
        db.fetch_all("SELECT n FROM t", ()).await.unwrap();
        db.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)", ()).await }).await.unwrap();
        // Whether nothing is open is asked here as it goes back: a driver that lends its connections knows that by heart.
        let ran_here = |record: &Record| record.thread == here && record.method != Method::State;
        assert!(!script.records().iter().any(ran_here), "{:#?}", script.trace());
    });
}

/// One thread of an executor goes on while its other task waits for a database that does not answer.
#[test]
fn a_current_thread_runtime_goes_on() {
    ends(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        runtime.block_on(async {
            let ticks = async {
                while gate.blocked() == 0 {
                    tokio::task::yield_now().await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                gate.open();
            };
            let (inserted, ()) = futures_util::future::join(db.execute("INSERT INTO t VALUES (1)", ()), ticks).await;
            inserted.unwrap();
        });
    });
}
