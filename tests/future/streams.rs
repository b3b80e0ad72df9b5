//! Rows as a `Stream`.

use std::pin::pin;

use futures_util::future::join;
use futures_util::{StreamExt, TryStreamExt};
use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{LONG, Moment, SHORT, awaited, drop_after, open, poll_once, wait_for};

fn filled(rows: i64) -> Script {
    let script = Script::new().table("t");
    script.insert("t", &(0..rows).collect::<Vec<_>>());
    script
}

#[test]
fn all_rows_in_order() {
    awaited(async {
        let script = filled(10_000);
        let db = open(&script, 1);
        let rows: Vec<i64> =
            db.iterate("SELECT n FROM t", ()).map(|row| row.unwrap().get::<i64>(0).unwrap()).collect().await;
        assert!(rows.into_iter().eq(0..10_000));
        let sizes: Vec<usize> = db
            .batches(Query::new("SELECT n FROM t").batch_rows(4_000), ())
            .map_ok(|rows| rows.len())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(sizes, [4_000, 4_000, 2_000]);
        wait_for(&db, "nobody at work", |snapshot| snapshot.busy == 0);
    });
}

#[test]
fn dropped_half_way_the_connection_is_free() {
    awaited(async {
        let script = filled(100_000);
        let db = open(&script, 1);
        for taken in [0, 1, 17, 5_000] {
            let mut rows = db.iterate("SELECT n FROM t", ());
            for _ in 0..taken {
                rows.try_next().await.unwrap().unwrap();
            }
            drop(rows);
            assert_eq!(db.fetch_val("SELECT count(*) FROM t", ()).await.unwrap(), Some(100_000_i64));
        }
        script.assert_contract();
    });
}

/// At every point at which it waits.
#[test]
fn dropped_at_each_await() {
    awaited(async {
        let script = filled(2_000);
        let db = open(&script, 1);
        let mut completed = false;
        for pendings in 0..10_000 {
            let all = async { db.iterate("SELECT n FROM t", ()).try_fold(0_usize, async |sum, _| Ok(sum + 1)).await };
            let result = drop_after(all, pendings, Moment::BOTH[pendings % 2]);
            db.ping().await.unwrap();
            if let Some(rows) = result {
                assert_eq!(rows.unwrap(), 2_000);
                completed = true;
                break;
            }
        }
        assert!(completed);
        script.assert_contract();
    });
}

#[test]
fn one_that_is_not_read_costs_no_more_than_its_credit() {
    awaited(async {
        let script = filled(100_000);
        script.add(Rule::on(Method::Fetch));
        let db = open(&script, 2);
        let mut rows = db.iterate(Query::new("SELECT n FROM t").batch_rows(10), ());
        rows.try_next().await.unwrap().unwrap();
        // Another connection: while it works the first one could have read on.
        db.ping().await.unwrap();
        assert!(script.count(Method::Fetch) <= 10 * 8, "{} rows were read", script.count(Method::Fetch));
        drop(rows);
    });
}

#[test]
fn errors_are_items_and_the_end() {
    awaited(async {
        let script = filled(1_000);
        let db = open(&script, 1);
        let mut rows = db.iterate("SELECT n FROM t WHERE n = :n", ());
        assert_eq!(rows.next().await.unwrap().unwrap_err().kind(), ErrorKind::Parameter);
        assert!(rows.next().await.is_none());
        script.add(Rule::on(Method::Fetch).skip(500).once().fail(ErrorKind::Other));
        let mut rows = db.iterate("SELECT n FROM t", ());
        let mut read = 0;
        let error = loop {
            match rows.next().await.unwrap() {
                Ok(_) => read += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(read <= 500 && rows.next().await.is_none());
    });
}

#[test]
fn a_batch_that_does_not_come() {
    awaited(async {
        let script = filled(1_000);
        let db = open(&script, 1);
        let gate = script.gate("the hundredth row");
        script.add(Rule::on(Method::Fetch).skip(100).once().block(&gate, Ears::SERVER));
        let mut rows = db.iterate(Query::new("SELECT n FROM t").timeout(SHORT), ());
        let error = loop {
            if let Err(error) = rows.next().await.unwrap() {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(rows.next().await.is_none());
    });
}

#[test]
fn statements_between_the_rows() {
    awaited(async {
        let script = filled(300);
        let script = script.nested().table("seen");
        let db = open(&script, 1);
        let inner = db.clone();
        db.transaction(|tx| async move {
            let mut rows = tx.iterate("SELECT n FROM t", ());
            while let Some(row) = rows.try_next().await? {
                let n: i64 = row.get(0)?;
                // By the database, which is the same caller: it never waits for its own stream.
                inner.execute("INSERT INTO seen VALUES (:n)", params! { n: n }).await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert_eq!(script.committed("seen").len(), 300);
    });
}

/// By itself a stream has a connection of its own, and two are read by turns.
#[test]
fn two_by_turns() {
    awaited(async {
        let script = filled(5_000);
        let db = open(&script, 2);
        for in_a_scope in [false, true] {
            let both = async {
                let (mut one, mut two) = (db.iterate("SELECT n FROM t", ()), db.iterate("SELECT n FROM t", ()));
                let mut read = 0;
                while let (Some(one), Some(two)) = join(one.next(), two.next()).await {
                    assert_eq!(one.unwrap().get::<i64>(0).unwrap(), two.unwrap().get::<i64>(0).unwrap());
                    read += 1;
                }
                assert_eq!(read, 5_000);
            };
            if in_a_scope { db.scope(both).await } else { both.await }
        }
    });
}

#[test]
fn a_close_ends_it() {
    awaited(async {
        let script = filled(100_000);
        let db = open(&script, 1);
        let mut rows = db.iterate("SELECT n FROM t", ());
        rows.try_next().await.unwrap().unwrap();
        let report = db.close(std::time::Duration::ZERO).await.unwrap();
        assert_eq!(report.stuck, 0);
        let error = loop {
            match rows.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("it came to its end"),
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::ConnectionLost), "{error}");
    });
}

#[test]
fn it_waits_for_a_connection_like_any_call() {
    awaited(async {
        let script = filled(10);
        let db = open(&script, 1);
        let held = db.connection().await.unwrap();
        let mut rows = db.iterate("SELECT n FROM t", ());
        {
            let mut next = pin!(rows.next());
            assert!(poll_once(next.as_mut()).is_pending());
        }
        assert_eq!(db.snapshot().waiting, 1, "the stream waits, though nobody asks just now");
        drop(held);
        assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 10);
        assert!(db.close(LONG).await.unwrap().is_clean());
    });
}
