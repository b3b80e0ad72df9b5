//! Callers that wait for themselves, for each other, and callers that are gone.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{Method, RawScript, Script};
use crate::support::{Folder, LEAVES_WITHIN, LONG, SHORT, ends, start, timed, wait_for};

#[track_caller]
fn assert_would_deadlock<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::WouldDeadlock, Effect::NotSent), "{error}");
}

/// Every way to wait for oneself is found out at once, though each of these calls has all the time in the world.
#[test]
fn waiting_for_oneself_is_an_error_at_once() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).acquire_timeout(LONG).timeout(Some(LONG)).open().unwrap();
        let probe = Probe::start();
        let ((), took) = timed(|| {
            let inner = db.clone();
            db.run(move |_| {
                assert_would_deadlock(inner.execute("INSERT INTO t VALUES (1)", ()));
                assert_would_deadlock(inner.connection());
                assert_would_deadlock(inner.begin());
                assert_would_deadlock(inner.run(|_| Ok(())));
                assert_would_deadlock(inner.iterate("SELECT n FROM t", ()));
                Ok(())
            })
            .unwrap();
            let connection = db.connection().unwrap();
            let inner = connection.clone();
            connection
                .run(move |session| {
                    assert_would_deadlock(inner.fetch_all("SELECT n FROM t", ()));
                    assert_would_deadlock(inner.begin());
                    assert_would_deadlock(inner.batches("SELECT n FROM t", ()));
                    session.execute("INSERT INTO t VALUES (2)", ())
                })
                .unwrap();
            let inner = connection.clone();
            connection
                .raw(move |_: &mut RawScript| {
                    assert_would_deadlock(inner.ping());
                    Ok(())
                })
                .unwrap();
            connection
                .run(|session| {
                    session.each("SELECT n FROM t", (), |_| {
                        assert_would_deadlock(session.execute("INSERT INTO t VALUES (3)", ()));
                        Ok(ControlFlow::Continue(()))
                    })
                })
                .unwrap();
            let mut tx = connection.begin().unwrap();
            let nested = tx.begin().unwrap();
            let inner = connection.clone();
            nested
                .run(move |_| {
                    assert_would_deadlock(inner.execute("INSERT INTO t VALUES (4)", ()));
                    Ok(())
                })
                .unwrap();
        });
        probe.assert_within("all of these", took, LEAVES_WITHIN);
        drop(db);
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

#[test]
fn a_hook_that_waits_for_its_own_database_is_told_at_once() {
    ends(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let own: Arc<Mutex<Option<Database>>> = Arc::default();
        let script = Script::new().table("t");
        let note = |seen: &Arc<Mutex<Vec<ErrorKind>>>| {
            let seen = Arc::clone(seen);
            move |error: Error| seen.lock().unwrap().push(error.kind())
        };
        let (on_open, on_connect, on_disconnect) = (note(&seen), note(&seen), note(&seen));
        let opening = Arc::clone(&own);
        let db = script
            .builder()
            .pool_size(1)
            .acquire_timeout(LONG)
            .timeout(Some(LONG))
            .on_open(move |session| {
                let db = opening.lock().unwrap().clone();
                if let Some(db) = db {
                    on_open(db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err());
                }
                session.execute_script("SET a = b")
            })
            .on_connect(move |db| {
                // Queries are welcome here; connecting and closing would wait for the hook.
                db.execute("INSERT INTO t VALUES (2)", ())?;
                on_connect(db.connect().err().unwrap());
                on_connect(db.connect_lazy().err().unwrap());
                on_connect(db.close(Duration::ZERO).hook_error.unwrap());
                Ok(())
            })
            .on_disconnect(move |db| {
                on_disconnect(db.connect().err().unwrap());
                on_disconnect(db.close(Duration::ZERO).hook_error.unwrap());
                Ok(())
            })
            .build()
            .unwrap();
        *own.lock().unwrap() = Some(db.clone());
        let probe = Probe::start();
        let ((), took) = timed(|| {
            // Lazily, so that the first connection is opened when the database is connected.
            assert!(db.connect_lazy().unwrap());
            assert!(db.close(Duration::ZERO).hook_error.is_none());
        });
        probe.assert_within("connecting and closing", took, LEAVES_WITHIN);
        assert_eq!(*seen.lock().unwrap(), [ErrorKind::WouldDeadlock; 6]);
        assert_eq!(script.committed("t"), [2]);
        *own.lock().unwrap() = None;
    });
}

/// A loop over a stream is a caller that holds a connection; what it does in the loop is done there.
#[test]
fn a_stream_does_not_keep_its_own_caller_waiting() {
    ends(|| {
        for nested in [true, false] {
            let script = if nested { Script::new().nested() } else { Script::new() }.table("t").table("u");
            script.insert("t", &(0..100).collect::<Vec<_>>());
            let db = script.builder().pool_size(1).acquire_timeout(SHORT).timeout(Some(LONG)).open().unwrap();
            for row in db.iterate("SELECT n FROM t", ()).unwrap() {
                let n: i64 = row.unwrap().get(0).unwrap();
                db.execute("INSERT INTO u VALUES (:n)", params! { n: n }).unwrap();
            }
            assert_eq!(script.committed("u").len(), 100, "nested: {nested}");
            assert_eq!(script.most_connections(), 1);
            script.assert_contract();
        }
    });
}

#[test]
fn a_stream_under_force_rollback_does_not_keep_its_own_caller_waiting() {
    ends(|| {
        let script = Script::new().nested().table("t").table("u");
        script.insert("t", &(0..100).collect::<Vec<_>>());
        let db = script.builder().force_rollback(true).timeout(Some(Duration::from_secs(5))).open().unwrap();
        for row in db.iterate("SELECT n FROM t", ()).unwrap() {
            let n: i64 = row.unwrap().get(0).unwrap();
            db.execute("INSERT INTO u VALUES (:n)", params! { n: n }).unwrap();
            db.transaction(|tx| tx.execute("INSERT INTO u VALUES (:n)", params! { n: n }).map(drop)).unwrap();
        }
        assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM u", ()).unwrap(), Some(200));
        db.close(LONG);
        assert_eq!(script.committed("u"), Vec::<i64>::new());
        script.assert_contract();
    });
}

#[test]
fn two_callers_on_one_connection_take_turns_and_are_told_of_each_other() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap();
        let connection = db.connection().unwrap();
        let line = line!() + 1;
        let tx = connection.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let other = connection.clone();
        let probe = Probe::start();
        let (error, took) = start("other", move || {
            let (result, took) = timed(|| other.begin());
            // A statement through a clone takes part in what is open.
            other.execute("INSERT INTO t VALUES (2)", ()).unwrap();
            (result.map(drop).unwrap_err(), took)
        })
        .join()
        .unwrap();
        probe.assert_within("a wait for another's transaction", took - SHORT, LEAVES_WITHIN);
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Busy, Effect::NotSent));
        assert!(error.message().contains(&format!("{}:{line}:", file!())), "{error}");
        tx.rollback().unwrap();
        assert_eq!((script.committed("t"), script.count(Method::Begin)), (vec![], 1));
        // Its turn comes as soon as the other one's is over.
        let other = connection.clone();
        start("other", move || other.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)))
            .join()
            .unwrap()
            .unwrap();
        assert_eq!(script.committed("t"), [3]);
        script.assert_contract();
    });
}

#[test]
fn what_a_thread_does_through_the_database_belongs_to_its_own_transaction_only() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let tx = db.begin().unwrap();
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(1));
        let other = db.clone();
        start("other", move || {
            assert_eq!(other.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(0));
            other.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        })
        .join()
        .unwrap();
        assert_eq!(script.committed("t"), [2]);
        drop(tx);
        assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(1));
        wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
        assert_eq!(script.open_transactions(), 0);
    });
}

/// Threads come and go by the thousand, and the system uses their numbers again: nobody finds what another one left.
#[test]
fn a_new_thread_never_finds_an_old_ones_transaction() {
    ends(|| {
        let script = Script::new().unrecorded().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        for _ in 0..2000 {
            let db = db.clone();
            start("short", move || {
                assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(0));
                let tx = db.begin().unwrap();
                tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            })
            .join()
            .unwrap();
        }
        wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
        assert_eq!((script.committed("t"), script.open_transactions()), (vec![], 0));
    });
}

/// A guard that outlives everything else of its thread, in a thread-local, is dropped while the thread is torn down.
#[test]
fn a_transaction_kept_in_a_thread_local_is_rolled_back_as_the_thread_ends() {
    thread_local! {
        static KEPT: RefCell<Vec<pontoon::Transaction<'static>>> = const { RefCell::new(Vec::new()) };
    }
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let other = db.clone();
        start("keeper", move || {
            // Touched first, so that it is torn down last.
            KEPT.with_borrow_mut(Vec::clear);
            let tx = other.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            KEPT.with_borrow_mut(|kept| kept.push(tx));
        })
        .join()
        .unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!((script.committed("t"), script.count(Method::Rollback)), (vec![2], 1));
        script.assert_contract();
    });
}

/// The last handle of a connection may go away anywhere, inside a job of that very connection too.
/// Rust lets a guard be forgotten. That keeps its connection from everybody else until the database is closed, as any
/// handle that is kept does, and it does nothing to data or to others.
#[test]
fn a_guard_that_is_forgotten_costs_its_connection_and_nothing_else() {
    ends(|| {
        for by_its_handle in [true, false] {
            let script = Script::new().table("t");
            let db = script
                .builder()
                .pool_size(2)
                .leak_threshold(Some(Duration::from_millis(100)))
                .option("isolation_level", "serializable")
                .timeout(Some(LONG))
                .open()
                .unwrap();
            let connection = db.connection().unwrap();
            let mut outer = connection.begin().unwrap();
            outer.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            {
                let inner = if by_its_handle { outer.begin() } else { db.begin() }.unwrap();
                inner.execute("INSERT INTO t VALUES (2)", ()).unwrap();
                let _ = ManuallyDrop::new(inner);
            }
            // The outer one cannot be committed past it, and is undone with it.
            let error = Error::from(outer.commit().unwrap_err());
            assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent), "{error:?}");
            assert!(error.message().contains("finish the transactions inside it first"), "{error}");
            connection.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)).unwrap();
            assert_eq!(script.committed("t"), [3]);
            let begun = script.records().into_iter().filter(|it| it.method == Method::Begin).map(|it| it.text);
            let begun: Vec<_> = begun.collect();
            assert_eq!(begun[0], begun[1], "what is the outermost one is one again, with the level of such");
            drop(connection);
            // The others go on with what there is, and are told who has the rest.
            let other = db.clone();
            let others = start("other", move || {
                other.execute("INSERT INTO t VALUES (4)", ()).unwrap();
                let _kept = other.connection().unwrap();
                let third = other.clone();
                start("third", move || third.execute(Query::new("INSERT INTO t VALUES (5)").timeout(SHORT), ()))
                    .join()
                    .unwrap()
                    .unwrap_err()
            });
            let error = others.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::PoolTimeout);
            assert!(error.message().contains(file!()), "{error}");
            wait_for(&db, "a leak", |snapshot| snapshot.last_leak.is_some());
            assert!(db.close(LONG).is_clean());
            assert_eq!(script.open_connections(), 0);
            assert_eq!(script.committed("t"), [3, 4]);
            script.assert_contract();
        }
    });
}

#[test]
fn the_last_handle_may_be_dropped_inside_a_job_of_its_own_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let last = Arc::new(Mutex::new(Some(connection.clone())));
        let inside = Arc::clone(&last);
        let result = connection.iterate("SELECT n FROM SERIES(3)", ()).unwrap().count();
        assert_eq!(result, 3);
        drop(connection);
        let handle = last.lock().unwrap().clone().unwrap();
        let job = start("runner", move || {
            let taken = Arc::clone(&inside);
            handle.run(move |_| {
                drop(taken.lock().unwrap().take());
                Ok(())
            })
        });
        job.join().unwrap().unwrap();
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(script.committed("t"), [1]);
        script.assert_contract();
    });
}

/// A caller of a pool of one that closes the database from inside its own job waits for itself: no longer than the
/// grace, and it is told that a connection did not come back.
#[test]
fn closing_from_inside_a_job_ends() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let inner = db.clone();
        let probe = Probe::start();
        let (report, took) = timed(|| db.run(move |_| Ok(inner.close(SHORT))).unwrap());
        probe.assert_within("closing from inside", took.saturating_sub(SHORT), Duration::from_millis(500));
        assert_eq!((report.finished, report.cancelled, report.stuck), (0, 0, 1));
        script.wait_all_closed();
    });
}

/// The loop that everybody writes first: a statement for each row, on the database, with nothing else held.
#[test]
fn a_loop_over_the_database_may_write_to_it() {
    ends(|| {
        let scratch = Folder::new();
        for url in [
            "sqlite::memory:",
            &format!("{}?synchronous=off", scratch.url("wal.db")),
            &format!("{}?journal_mode=delete&synchronous=off", scratch.url("rollback.db")),
        ] {
            for pool_size in [1, 4] {
                let db = Database::builder().url(url).pool_size(pool_size).timeout(Some(Duration::from_secs(3))).open();
                let db = db.unwrap();
                db.execute_script(
                    "DROP TABLE IF EXISTS t;
                     CREATE TABLE t (n INTEGER PRIMARY KEY, done INTEGER);
                     WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000)
                     INSERT INTO t SELECT n, 0 FROM c",
                )
                .unwrap();
                for row in db.iterate("SELECT n FROM t", ()).unwrap() {
                    let n: i64 = row.unwrap().get(0).unwrap();
                    db.execute("UPDATE t SET done = 1 WHERE n = :n", params! { n: n })
                        .unwrap_or_else(|error| panic!("{url}, a pool of {pool_size}, row {n}: {error:?}"));
                }
                assert_eq!(db.fetch_val::<i64>("SELECT sum(done) FROM t", ()).unwrap(), Some(3000));
            }
        }
    });
}
