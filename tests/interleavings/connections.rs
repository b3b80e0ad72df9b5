//! Connections that break, and their way back to the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use pontoon::driver::LinkState;
use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind, Session};

use crate::kit::await_pool;
use crate::kit::script::{Ears, Fate, Method, RawScript, Rule, Script};
use crate::{LONG, SHORT, ends, one};

#[test]
fn a_transaction_behind_the_librarys_back_that_cannot_be_rolled_back_costs_the_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Rollback).once().fail(ErrorKind::Io));
        connection.raw(|raw: &mut RawScript| raw.run("BEGIN")).unwrap_err();
        let result = connection.execute("INSERT INTO t VALUES (1)", ());
        let told = result.is_ok();
        drop(connection);
        drop(db);
        script.wait_all_closed();
        assert_eq!(script.committed("t").len(), usize::from(told), "what was reported as done is done");
        script.assert_contract();
    });
}

#[test]
fn a_failed_transaction_of_a_script_does_not_stay_on_the_connection() {
    ends(|| {
        let script = Script::new().aborting().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        connection.execute_script("BEGIN; INSERT INTO missing VALUES (1); COMMIT").unwrap_err();
        connection.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(script.committed("t"), [1]);
        script.assert_contract();
    });
}

#[test]
fn a_commit_that_left_the_transaction_failed_is_followed_by_a_rollback() {
    ends(|| {
        let script = Script::new().aborting().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Commit).once().fail(ErrorKind::UniqueViolation).fate(Fate::Failed));
        connection.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop)).unwrap_err();
        connection.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

#[test]
fn a_connection_that_does_not_know_its_state_is_neither_asked_nor_told_anything() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::State).once().state(LinkState::Unknown));
        connection.execute("FROBNICATE", ()).unwrap_err();
        assert_eq!(connection.ping().unwrap_err().kind(), ErrorKind::ConnectionLost);
        drop(connection);
        db.ping().unwrap();
        assert!(!script.trace_of(1).contains(&"close".to_owned()), "{:?}", script.trace());
        script.assert_contract();
    });
}

#[test]
fn a_thread_gets_another_connection_while_it_still_holds_one_that_broke() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let mut connection = db.connection().unwrap();
        script.add(Rule::on(Method::Execute).once().fail(ErrorKind::ConnectionLost));
        connection.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        let error = connection.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::NotSent));
        connection = db.connection().unwrap();
        connection.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        // A transaction never moves to another connection.
        let tx = connection.begin().unwrap();
        script.add(Rule::on(Method::Execute).once().fail(ErrorKind::ConnectionLost));
        tx.execute("INSERT INTO t VALUES (4)", ()).unwrap_err();
        db.execute("INSERT INTO t VALUES (5)", ()).unwrap_err();
        tx.commit().unwrap_err();
        assert_eq!(script.committed("t"), [3]);
        script.assert_contract();
    });
}

#[test]
fn dropping_a_connection_does_not_panic_with_its_driver() {
    ends(|| {
        let script = Script::new().lendable().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::State).once().panic("a bug"));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(connection))).is_ok());
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(script.committed("t"), [1]);
        script.assert_contract();
    });
}

#[test]
fn a_rollback_that_hangs_is_severed_and_its_place_used_again() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the rollback");
        let db = script.builder().pool_size(1).timeout(Some(Duration::from_secs(20))).open().unwrap();
        script.add(Rule::on(Method::Rollback).once().block(&gate, Ears::SEVER));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        drop(tx);
        gate.wait_blocked();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

#[test]
fn a_cleaning_that_never_ends_costs_its_thread_and_not_its_place() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the reset");
        let db = script.builder().pool_size(1).max_stuck(2).timeout(Some(Duration::from_secs(20))).open().unwrap();
        script.add(Rule::on(Method::Reset).once().block(&gate, Ears::DEAF));
        db.connection().unwrap().execute_script("SET a = b").unwrap();
        gate.wait_blocked();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(db.snapshot().stuck, 1);
        gate.open();
        script.wait_ended(Method::Reset, 1);
        db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        script.assert_contract();
    });
}

/// The watch serves the whole process: nothing that one database does may stop it.
#[test]
fn a_database_that_is_dropped_while_its_connection_is_stuck_stops_nobody_elses_clock() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = script.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap();
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::DEAF));
        let connection = db.connection().unwrap();
        connection.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        // The way back is queued behind the call that does not end.
        drop(connection);
        drop(db);
        script.wait_until("a sever", |_, signals| signals.iter().any(|signal| signal.method == Method::Sever));

        // This one's call gets stuck later than that one's, and it is the watch that finds out.
        let other = Script::new().table("t");
        let silent = other.gate("the other insert");
        let db = other.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap();
        other.add(Rule::on(Method::Execute).once().block(&silent, Ears::DEAF));
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        await_pool(|| db.snapshot(), "a stuck connection: the clock stands still", |pool| pool.stuck > 0);
        gate.open();
        script.wait_all_closed();
    });
}

#[test]
fn a_database_is_closed_with_all_the_time_in_the_world() {
    ends(|| {
        let script = Script::new();
        let db = one(&script);
        assert!(db.close(Duration::MAX).is_clean());
        script.wait_all_closed();
        let db = script
            .builder()
            .acquire_timeout(Duration::MAX)
            .connect_timeout(Some(Duration::MAX))
            .max_lifetime(Some(Duration::MAX))
            .timeout(Some(Duration::MAX))
            .open();
        if let Ok(db) = db {
            db.ping().unwrap();
            db.transaction(|tx| tx.ping()).unwrap();
        }
    });
}

#[test]
fn closing_waits_no_longer_than_its_grace_for_somebody_who_connects() {
    ends(|| {
        let script = Script::new();
        let gate = script.gate("the connect");
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::DEAF));
        let db = script.builder().timeout(Some(LONG)).build().unwrap();
        let connecting = thread::spawn({
            let db = db.clone();
            move || db.connect()
        });
        gate.wait_blocked();
        let began = Instant::now();
        let report = db.close(SHORT);
        assert!(began.elapsed() < SHORT * 10);
        assert_eq!(report.hook_error.unwrap().kind(), ErrorKind::Busy);
        gate.open();
        assert!(connecting.join().unwrap().unwrap());
        assert!(db.close(LONG).is_clean());
    });
}

/// The last handles of everything, dropped inside a job of the very connection, in each order.
#[test]
fn the_whole_database_may_be_dropped_inside_a_job_of_its_own() {
    ends(|| {
        for transaction in [false, true] {
            let script = Script::new().table("t");
            let db = one(&script);
            let connection = db.connection().unwrap();
            let (everything, handle) = ((db, connection.clone()), connection);
            let (go, wait) = channel::<()>();
            let runner = thread::spawn(move || {
                let inside = handle.clone();
                let job = move |session: &Session<'_>| {
                    let _ = wait.recv();
                    session.execute("INSERT INTO t VALUES (1)", ())?;
                    drop(everything);
                    drop(inside);
                    session.execute("INSERT INTO t VALUES (2)", ()).map(drop)
                };
                if transaction { handle.session(job) } else { handle.run(job) }
            });
            drop(go);
            runner.join().unwrap().unwrap();
            script.wait_all_closed();
            assert_eq!(script.committed("t"), [1, 2]);
            script.assert_contract();
        }
    });
}

/// What a closure captured is dropped with it, wherever that is, and its panic harms nobody else.
#[test]
fn a_value_that_panics_as_it_is_dropped_costs_no_more_than_its_connection() {
    struct Spiteful;
    impl Drop for Spiteful {
        fn drop(&mut self) {
            assert!(thread::panicking(), "dropped");
        }
    }
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        // In the job; as its result that nobody takes; in a job that never runs.
        let spite = Spiteful;
        assert_eq!(
            db.run(move |_| {
                drop(spite);
                Ok(())
            })
            .unwrap_err()
            .kind(),
            ErrorKind::DriverPanic
        );
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::DEAF));
        let blocked = thread::spawn({
            let connection = connection.clone();
            move || connection.execute("INSERT INTO t VALUES (1)", ()).map(drop)
        });
        gate.wait_blocked();
        let queued = thread::spawn({
            let (connection, spite) = (connection.clone(), Spiteful);
            move || {
                connection.run(move |_| {
                    let _spite = &spite;
                    Ok(())
                })
            }
        });
        // Queued by now or not: it never runs.
        let report = db.close(Duration::ZERO);
        assert_eq!(report.stuck, 1, "{report:?}");
        gate.open();
        let _ = (blocked.join().unwrap(), queued.join());
        drop(connection);
        script.wait_all_closed();
        assert!(db.connect().unwrap());
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        script.assert_contract();
    });
}

#[test]
fn a_hook_for_new_connections_that_panics_or_fails_leaves_its_place_to_the_next() {
    ends(|| {
        let script = Script::new().table("t");
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let db = script
            .builder()
            .pool_size(1)
            .timeout(Some(LONG))
            .on_open(move |session| match counted.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("a bug in the hook"),
                1 => session.execute("FROBNICATE", ()).map(drop),
                _ => session.execute_script("SET a = b"),
            })
            .build()
            .unwrap();
        db.connect_lazy().unwrap();
        assert_eq!(db.ping().unwrap_err().kind(), ErrorKind::DriverPanic);
        assert_eq!(db.ping().unwrap_err().kind(), ErrorKind::Syntax);
        db.ping().unwrap();
        // Once more after a reset, which is part of the way back.
        db.connection().unwrap().execute_script("SET c = d").unwrap();
        db.ping().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 4);
        assert_eq!(script.count(Method::Connect), 3);
        script.assert_contract();
    });
}

#[test]
fn whoever_gives_up_at_any_step_leaves_the_pool_whole() {
    ends(|| {
        let steps = [
            Method::Connect,
            Method::Ping,
            Method::Begin,
            Method::Execute,
            Method::Commit,
            Method::Savepoint,
            Method::Release,
            Method::RollbackTo,
            Method::Rollback,
            Method::Reset,
            Method::State,
            Method::Close,
        ];
        for method in steps {
            for way in 0..4 {
                let script = Script::new().table("t");
                let gate = script.gate("a step");
                let db = script
                    .builder()
                    .pool_size(2)
                    .max_stuck(8)
                    .timeout(Some(SHORT * 2))
                    .acquire_timeout(LONG)
                    .build()
                    .unwrap();
                db.connect_lazy().unwrap();
                let rule = Rule::on(method).once();
                script.add(match way {
                    0 => rule.block(&gate, Ears::SERVER),
                    1 => rule.afterwards().block(&gate, Ears::SERVER),
                    2 => rule.panic("a bug"),
                    _ => rule.fail(ErrorKind::ConnectionLost),
                });
                let work = |db: &Database| -> pontoon::Result<()> {
                    let connection = db.connection()?;
                    connection.ping()?;
                    connection.execute_script("SET a = b")?;
                    let mut tx = connection.begin()?;
                    tx.transaction(|inner| inner.execute("INSERT INTO t VALUES (1)", ()).map(drop))?;
                    let _ = tx.transaction(|inner| inner.execute("FROBNICATE", ()).map(drop));
                    tx.commit()?;
                    drop(connection.begin()?);
                    Ok(())
                };
                for _ in 0..3 {
                    let _ = work(&db);
                }
                gate.open();
                // Both places are there, and nothing is left in them.
                db.refresh();
                let until = Instant::now() + LONG / 5;
                loop {
                    let both = db.connection().and_then(|one| {
                        let other = thread::scope(|scope| scope.spawn(|| db.connection()).join().unwrap())?;
                        one.ping().and(other.ping())
                    });
                    match both {
                        Ok(()) => break,
                        Err(error) => assert!(Instant::now() < until, "{method:?} {way}: {error}\n{}", db.snapshot()),
                    }
                }
                db.close(LONG);
                drop(db);
                script.wait_all_closed();
                assert_eq!(script.open_transactions(), 0, "{method:?} {way}");
                script.assert_contract();
            }
        }
    });
}
