//! Transactions: by closure, by guard, nested, retried.

use std::future::Future;

use pontoon::Retry;
use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::script::{CommitEnd, Method, Rule, Script};
use crate::support::{awaited, open};

#[test]
fn ok_commits_err_and_a_panic_roll_back() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        db.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (1)", ()).await }).await.unwrap();
        let error = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (2)", ()).await?;
                tx.execute("INSERT INTO nowhere VALUES (1)", ()).await
            })
            .await
            .unwrap_err();
        assert_ne!(error.effect(), Effect::Unknown);
        let panics = db.transaction(|tx| async move {
            tx.execute("INSERT INTO t VALUES (3)", ()).await?;
            if true {
                panic!("of the program");
            }
            Ok::<_, Error>(())
        });
        assert!(futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panics)).await.is_err());
        db.ping().await.unwrap();
        assert_eq!(script.committed("t"), [1]);
        assert_eq!(script.count(Method::Rollback), 2);
    });
}

#[test]
fn nested_ones_are_savepoints() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let inner = db.clone();
        db.transaction(|mut tx| async move {
            tx.execute("INSERT INTO t VALUES (1)", ()).await?;
            let failed = tx
                .transaction(|mut tx| async move {
                    assert_eq!(tx.depth(), 1);
                    tx.execute("INSERT INTO t VALUES (2)", ()).await?;
                    let innermost = tx.begin().await?;
                    innermost.execute("INSERT INTO t VALUES (3)", ()).await?;
                    innermost.commit().await?;
                    Err::<(), _>(Error::new(ErrorKind::Other, "of the program"))
                })
                .await;
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Other);
            // Through the database it is the same caller, and nested.
            inner.transaction(|tx| async move { tx.execute("INSERT INTO t VALUES (4)", ()).await }).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(script.committed("t"), [1, 4]);
        assert_eq!((script.count(Method::Begin), script.count(Method::Savepoint)), (1, 3));
    });
}

/// What was taken out of a transaction that is over is of no use, and the connection is back all the same.
#[test]
fn what_is_left_of_one_that_is_over() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let tx = db.transaction(|tx| async move { Ok::<_, Error>(tx) }).await.unwrap();
        let error = tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent), "{error}");
        db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
        // The connection is there still, by another handle.
        let connection = db.connection().await.unwrap();
        let tx = connection.transaction(|tx| async move { Ok::<_, Error>(tx) }).await.unwrap();
        let error = tx.execute("INSERT INTO t VALUES (3)", ()).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(script.committed("t"), [2]);
    });
}

#[test]
fn a_busy_commit_gives_the_transaction_back() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.add(Rule::on(Method::Commit).once().commit(CommitEnd::StillOpen(ErrorKind::Busy)));
        let tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        let error = tx.commit().await.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::Busy);
        error.into_transaction().unwrap().commit().await.unwrap();
        assert_eq!(script.committed("t"), [1]);
    });
}

#[test]
fn an_unknown_commit_is_never_tried_again() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        script.add(Rule::on(Method::Commit).once().commit(CommitEnd::Unknown { applied: true }));
        let options = TxOptions::new().retry(Retry::attempts(5));
        let work = |tx: Tx| async move { tx.execute("INSERT INTO t VALUES (1)", ()).await };
        let error = db.transaction_with(&options, work).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CommitUnknown);
        assert_eq!(script.committed("t"), [1], "once");
    });
}

#[test]
fn rollback_only_leaves_nothing() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let options = TxOptions::new().rollback_only();
        let n = db
            .transaction_with(&options, |tx| async move {
                tx.execute("INSERT INTO t VALUES (1)", ()).await?;
                tx.fetch_val::<i64>("SELECT count(*) FROM t", ()).await
            })
            .await
            .unwrap();
        assert_eq!(n, Some(1));
        assert!(script.committed("t").is_empty());
    });
}

/// What a generic function needs of the face, and what a spawned task does.
#[test]
fn futures_are_send_and_streams_too() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    fn is_spawned<T: Send + 'static>(_: &T) {}
    async fn insert(on: &impl AsyncQueryable, n: i64) -> pontoon::Result<()> {
        on.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await.map(drop)
    }
    fn boxed<'a>(tx: &'a Tx) -> std::pin::Pin<Box<dyn Future<Output = pontoon::Result<()>> + Send + 'a>> {
        Box::pin(insert(tx, 1))
    }
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        is_send(insert(&db, 1)).await.unwrap();
        drop(is_send(db.iterate("SELECT n FROM t", ())));
        let tx = is_send(is_send(db.begin()).await.unwrap());
        is_spawned(&tx);
        is_send(tx.commit()).await.unwrap();
        let name = String::from("a local of the caller");
        is_send(db.transaction(|tx| {
            let name = &name;
            async move {
                assert!(!name.is_empty());
                boxed(&tx).await
            }
        }))
        .await
        .unwrap();
        is_spawned(&db.connect());
        assert_eq!(script.committed("t"), [1, 1]);
    });
}
