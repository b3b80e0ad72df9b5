//! Who is whose caller: tasks, scopes, child tasks, threads beside them.

use std::pin::pin;

use futures_util::future::{join, join_all};
use pontoon::ErrorKind;
use pontoon::future::{Caller, scope};
use pontoon::prelude::*;

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{LONG, SHORT, awaited, awaited_at_length, open, poll_once, poll_until, wait_for};

async fn count(on: &impl AsyncQueryable) -> i64 {
    on.fetch_val("SELECT count(*) FROM t", ()).await.unwrap().unwrap()
}

#[test]
fn each_call_by_itself_has_a_connection_of_its_own() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 2);
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        assert_eq!(count(&db).await, 0, "no part of the transaction");
        assert_eq!(count(&tx).await, 1);
        tx.commit().await.unwrap();
        assert_eq!(count(&db).await, 1);
    });
}

#[test]
fn sibling_tasks_are_isolated() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 2);
        let one = db.transaction(|tx| {
            let db = db.clone();
            async move {
                tx.execute("INSERT INTO t VALUES (1)", ()).await?;
                // Through the database, and so inside.
                assert!(db.fetch_all("SELECT n FROM t", ()).await?.column::<i64>(0)?.contains(&1));
                Err::<(), _>(Error::new(ErrorKind::Other, "of the program"))
            }
        });
        let two = db.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (2)", ()).await });
        let (one, two) = join(one, two).await;
        assert_eq!(one.unwrap_err().kind(), ErrorKind::Other);
        two.unwrap();
        assert_eq!(script.committed("t"), [2], "the rollback of one is not that of the other");
    });
}

#[test]
fn a_scope_keeps_its_connection() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        db.scope(async {
            let connection = db.connection().await.unwrap();
            db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
            let tx = db.begin().await.unwrap();
            db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
            assert_eq!(count(&connection).await, 2);
            // The blocking methods too look for the scope first.
            assert_eq!(db.to_sync().fetch_val("SELECT count(*) FROM t", ()).unwrap(), Some(2_i64));
            tx.rollback().await.unwrap();
            assert_eq!(count(&db).await, 1);
        })
        .await;
        wait_for(&db, "nobody at work", |snapshot| snapshot.busy == 0);
    });
}

#[test]
fn scopes_in_scopes_are_left_as_they_were_entered() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 2);
        assert!(Caller::current().is_none());
        scope(async {
            let tx = db.begin().await.unwrap();
            db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
            scope(async {
                assert_eq!(count(&db).await, 0, "another caller");
            })
            .await;
            assert_eq!(count(&db).await, 1, "and back");
            tx.commit().await.unwrap();
        })
        .await;
        assert!(Caller::current().is_none());
    });
}

#[test]
fn a_scope_outlives_a_panic_inside_it() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let panics = scope(async {
            let _tx = db.begin().await.unwrap();
            db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
            panic!("of the program");
        });
        let result = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panics)).await;
        let _: Box<dyn std::any::Any + Send> = result.unwrap_err();
        assert!(Caller::current().is_none(), "the thread acts for nobody any more");
        assert_eq!(count(&db).await, 0);
    });
}

/// In this repository's forerunners a child task that inherits its parent's connection is the feature; here it is given a
/// handle.
#[test]
fn a_child_task_takes_part_by_a_handle() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 2);
        let inner = db.clone();
        db.transaction(|tx| async move {
            tx.execute("INSERT INTO t VALUES (1)", ()).await?;
            let (handle, db) = (inner.connection().await?, inner.clone());
            let child = smol::spawn(async move {
                assert_eq!(count(&db).await, 0, "by the database a child is somebody else");
                handle.execute("INSERT INTO t VALUES (2)", ()).await
            });
            child.await?;
            assert_eq!(count(&tx).await, 2);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(script.committed("t"), [1, 2]);
    });
}

#[test]
fn a_transaction_begun_in_an_outer_task() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        let tx = smol::spawn(async move {
            tx.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
            tx
        })
        .await;
        tx.commit().await.unwrap();
        assert_eq!(script.committed("t"), [1, 2]);
    });
}

#[test]
fn tasks_with_clones_wait_for_each_other_s_transactions() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let connection = db.connection().await.unwrap();
        let task = |n: i64| {
            let connection = connection.clone();
            smol::spawn(async move {
                let tx = connection.begin().await?;
                tx.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await?;
                tx.commit().await.map_err(Error::from)
            })
        };
        for result in join_all((0..20).map(task)).await {
            result.unwrap();
        }
        assert_eq!(script.committed("t").len(), 20);
        assert_eq!(script.count(Method::Savepoint), 0, "one after another, none inside another");
    });
}

#[test]
fn whoever_waits_too_long_is_told_for_whom() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap().to_async();
        let connection = db.connection().await.unwrap();
        let _tx = connection.begin().await.unwrap();
        let error = connection.begin().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert!(error.message().contains("callers.rs"), "{error}");
    });
}

/// Under force rollback a handle takes part in what was begun on it, by whatever task.
#[test]
fn under_force_rollback_a_handle_goes_with_its_transaction() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 2);
        let _pinned = db.force_rollback_scope(true);
        let connection = db.connection().await.unwrap();
        let tx = connection.begin().await.unwrap();
        connection.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        // Whoever comes through the database waits for the end of it.
        let mut other = pin!(db.execute("INSERT INTO t VALUES (2)", ()));
        assert!(poll_once(other.as_mut()).is_pending());
        tx.rollback().await.unwrap();
        other.await.unwrap();
        assert_eq!(count(&db).await, 1);
        drop(connection);
    });
}

#[test]
fn calls_made_at_once_are_queued_at_once_and_served_in_order() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the first");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let connection = db.connection().await.unwrap();
        let calls = (0..200_i64).map(|n| connection.execute("INSERT INTO t VALUES (:n)", params! { n: n }));
        let mut all = pin!(join_all(calls));
        poll_until(all.as_mut(), || gate.blocked() > 0);
        // From here on nobody polls: they are served all the same.
        gate.open();
        script.wait_ended(Method::Execute, 200);
        assert!(all.await.iter().all(Result::is_ok));
        assert!(script.committed("t").iter().copied().eq(0..200));
    });
}

#[test]
fn threads_and_tasks_share_one_pool() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let sync = db.to_sync();
        let held = sync.connection().unwrap();
        let mut task = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
        assert!(poll_once(task.as_mut()).is_pending(), "the thread holds the only one, and a task is not that thread");
        drop(held);
        task.await.unwrap();
        let connection = db.connection().await.unwrap();
        // Back and forth: one connection, one transaction.
        let tx = connection.begin().await.unwrap();
        connection.to_sync().execute("INSERT INTO t VALUES (2)", ()).unwrap();
        connection.to_sync().to_async().execute("INSERT INTO t VALUES (3)", ()).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(count(&connection).await, 1);
        drop(connection);
        assert!(db.close(LONG).await.unwrap().is_clean());
        assert!(!sync.is_connected());
    });
}

/// Of a million tasks none finds the connection that an earlier one held, nor that of a thread.
#[test]
fn a_million_short_tasks_find_nothing_of_others() {
    awaited_at_length(async {
        let script = Script::new().table("t").unrecorded();
        let db = open(&script, 2);
        let sync = db.to_sync();
        let _held = sync.connection().unwrap();
        let sessions = || db.snapshot().counters.opened;
        let before = sessions();
        for task in 0..1_000_000_u32 {
            let connection = scope(async {
                // It is somebody, and nobody who was there before.
                assert!(Caller::current().is_some());
                if task % 200 > 0 {
                    return None;
                }
                let tx = db.begin().await.unwrap();
                tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
                assert_eq!(count(&db).await, 1, "its own row, and nobody else's");
                Some(tx)
            })
            .await;
            drop(connection);
            assert!(Caller::current().is_none());
        }
        assert_eq!(sessions(), before);
        assert_eq!(count(&db).await, 0);
    });
}

/// A task's number is nobody's after it: no later task finds what an earlier one left.
#[test]
fn numbers_of_callers_are_never_used_again() {
    awaited(async {
        let script = Script::new().table("t").unrecorded();
        let db = open(&script, 2);
        let _held = db.connection().await.unwrap();
        let mut leaked = Vec::new();
        for _ in 0..2_000 {
            let caller = Caller::new();
            caller
                .scope(async {
                    let tx = db.begin().await.unwrap();
                    assert_eq!(count(&db).await, 0, "found nobody else's transaction");
                    db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
                    drop(tx);
                })
                .await;
            leaked.push(caller);
        }
        assert_eq!(count(&db).await, 0);
    });
}
