//! Driver calls that never return, and drivers that panic: the heart of the library is that they cost their worker and
//! nobody else.

use std::sync::mpsc;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{ConnectionState, Effect, ErrorKind};

use crate::kit::script::{Ears, Method, Outcome, Rule, Script};
use crate::kit::{Census, Probe, await_that, case, within};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, start, timed, wait_for, wait_for_open, wait_for_threads};

#[test]
fn a_call_that_never_returns_costs_its_worker_and_not_its_caller() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        let db = script.builder().pool_size(1).max_stuck(2).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).text("(1)").once().block(&gate, Ears::DEAF));
        let probe = Probe::start();
        let (result, took) = timed(|| db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()));
        probe.assert_within("a call on a stopped server", took - SHORT, LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::Unknown));
        assert!(!error.is_retryable(), "it may have been applied");
        // The pool of one has a place again once the call is known not to return.
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(gate.blocked(), 1, "it is stuck as before");
        let snapshot = db.snapshot();
        assert_eq!((snapshot.stuck, snapshot.counters.opened, snapshot.counters.discarded), (1, 2, 1));
        let shown: Vec<_> = snapshot.connections.iter().filter(|it| it.state == ConnectionState::Stuck).collect();
        assert_eq!(shown.len(), 1, "{snapshot}");
        let signals: Vec<_> = script.signals().iter().map(|signal| signal.method).collect();
        assert_eq!(signals, [Method::Cancel, Method::Sever], "softly first, then by force");
        // It comes back after all: it is not used again, and counts no more.
        gate.open();
        let snapshot = wait_for(&db, "nothing stuck", |snapshot| snapshot.stuck == 0);
        assert!(snapshot.connections.iter().all(|it| it.state != ConnectionState::Stuck), "{snapshot}");
        wait_for_open(&script, 1);
        db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        assert_eq!(script.committed("t"), [2, 3], "what was severed is undone");
        script.assert_contract();
    });
}

#[test]
fn so_many_stuck_calls_and_no_more() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        let db = script.builder().pool_size(2).max_stuck(2).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).times(2).block(&gate, Ears::DEAF));
        for n in 1..=2 {
            let insert = Query::new("INSERT INTO t VALUES (:n)").timeout(SHORT);
            assert_eq!(db.execute(insert, params! { n: n }).unwrap_err().kind(), ErrorKind::Timeout);
        }
        wait_for(&db, "two stuck", |snapshot| snapshot.stuck == 2);
        let probe = Probe::start();
        let (result, took) = timed(|| db.execute("INSERT INTO t VALUES (3)", ()));
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::PoolDegraded, Effect::NotSent));
        assert!(error.message().contains("2 connections are stuck"), "{error}");
        probe.assert_within("a call to a pool that is stuck", took, LEAVES_WITHIN);
        assert_eq!(script.count(Method::Connect), 2, "no further one is opened");
        gate.pass(1);
        wait_for(&db, "one stuck", |snapshot| snapshot.stuck == 1);
        db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        gate.open();
        wait_for(&db, "nothing stuck", |snapshot| snapshot.stuck == 0);
        assert_eq!(script.committed("t"), [4]);
        script.assert_contract();
    });
}

/// Each of these callers gives up on a connect that never returns. The threads that they leave behind are bounded too.
#[test]
fn connects_that_never_return_do_not_pile_up() {
    case!(|_| within(Duration::from_secs(50), || {
        let script = Script::new();
        let gate = script.gate("the deaf server");
        script.add(Rule::on(Method::Connect).block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(2).max_stuck(2).acquire_timeout(Duration::from_millis(5)).build().unwrap();
        db.connect_lazy().unwrap();
        for _ in 0..200 {
            db.fetch_val::<i64>(Query::new("SELECT 1").timeout(Duration::from_millis(5)), ()).unwrap_err();
        }
        let threads = Census::take().threads_named("script-");
        assert!(threads <= 4, "a pool of 2 that allows 2 stuck ones has {threads} threads");
        let snapshot = wait_for(&db, "two stuck", |snapshot| snapshot.stuck >= 2);
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap_err().kind(), ErrorKind::PoolDegraded, "{snapshot}");
        gate.open();
        wait_for(&db, "nothing stuck", |snapshot| snapshot.stuck == 0);
        wait_for_threads(0);
        // Five milliseconds are not always enough for a connect on a busy machine.
        await_that("connections are opened again", || {
            db.fetch_val::<i64>("SELECT 1", ()).is_ok_and(|one| one == Some(1))
        });
    }))
    .pass();
}

/// The same for COMMITs that are never answered, whose connections are of no use any more from that moment.
#[test]
fn commits_that_are_never_answered_do_not_pile_up() {
    case!(|_| within(Duration::from_secs(50), || {
        let script = Script::new().table("t");
        let gate = script.gate("the commits");
        script.add(Rule::on(Method::Commit).block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(2).max_stuck(2).timeout(Some(SHORT)).open().unwrap();
        for _ in 0..40 {
            let result = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop));
            result.unwrap_err();
        }
        let threads = Census::take().threads_named("script-");
        assert!(threads <= 4, "a pool of 2 that allows 2 stuck ones has {threads} threads");
        gate.open();
        wait_for(&db, "nothing left behind", |snapshot| snapshot.connections.is_empty());
        db.transaction(|tx| tx.execute("INSERT INTO t VALUES (2)", ()).map(drop)).unwrap();
    }))
    .pass();
}

#[test]
fn a_stuck_connect_is_shown_where_stuck_connections_are() {
    ends(|| {
        let script = Script::new();
        let gate = script.gate("the deaf server");
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(1).connect_timeout(Some(SHORT)).build().unwrap();
        db.connect_lazy().unwrap();
        let error = db.fetch_val::<i64>(Query::new("SELECT 1").timeout(SHORT), ()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::PoolTimeout | ErrorKind::Timeout), "{error}");
        assert_eq!(error.effect(), Effect::NotSent);
        let snapshot = wait_for(&db, "one stuck", |snapshot| snapshot.stuck == 1);
        let stuck = snapshot.connections.iter().filter(|it| it.state == ConnectionState::Stuck).count();
        assert_eq!((stuck, snapshot.connecting), (1, 0), "{snapshot}");
        gate.open();
        let snapshot = wait_for(&db, "nothing stuck", |snapshot| snapshot.stuck == 0);
        assert_eq!(snapshot.counters.opened, 0);
        script.wait_all_closed();
    });
}

#[test]
fn a_driver_that_panics_costs_its_connection_and_nobody_else() {
    type Call = fn(&Database) -> pontoon::Result<()>;
    let calls: [(Method, Call); 7] = [
        (Method::Execute, |db| db.execute("INSERT INTO t VALUES (1)", ()).map(drop)),
        (Method::Query, |db| db.fetch_all("SELECT n FROM t", ()).map(drop)),
        (Method::Fetch, |db| db.fetch_all("SELECT n FROM SERIES(9)", ()).map(drop)),
        (Method::Ping, |db| db.ping()),
        (Method::Begin, |db| db.begin().map(drop)),
        (Method::Commit, |db| db.begin()?.commit().map_err(Into::into)),
        (Method::Savepoint, |db| db.begin()?.begin().map(drop)),
    ];
    ends(move || {
        for (method, call) in calls {
            let script = Script::new().table("t");
            let gate = script.gate("the bystander");
            let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
            script.add(Rule::on(Method::Execute).text("(7)").block(&gate, Ears::DEAF));
            let bystander = {
                let db = db.clone();
                start("bystander", move || db.execute("INSERT INTO t VALUES (7)", ()))
            };
            gate.wait_blocked();
            script.add(Rule::on(method).once().panic("the driver is broken"));
            let error = call(&db).unwrap_err();
            let expected = if method == Method::Commit { ErrorKind::CommitUnknown } else { ErrorKind::DriverPanic };
            assert_eq!((method, error.kind(), error.effect()), (method, expected, Effect::Unknown));
            gate.open();
            bystander.join().unwrap().unwrap();
            db.execute("INSERT INTO t VALUES (8)", ()).unwrap();
            assert_eq!(script.committed("t"), [7, 8], "{method:?}");
            let snapshot = wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
            assert_eq!((snapshot.counters.panics, snapshot.counters.discarded), (1, 1), "{method:?}");
            wait_for_open(&script, snapshot.idle);
            script.assert_contract();
        }
    });
}

#[test]
fn a_driver_that_panics_as_its_connection_ends_does_no_harm() {
    ends(|| {
        for method in [Method::Reset, Method::Close, Method::State, Method::Drop, Method::Rollback] {
            let script = Script::new().table("t");
            let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
            wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
            script.add(Rule::on(method).once().panic("the driver is broken"));
            match method {
                // A connection in doubt is dropped without a word.
                Method::Drop => {
                    script.add(Rule::on(Method::Execute).once().fail(ErrorKind::ConnectionLost));
                    db.execute("INSERT INTO t VALUES (0)", ()).unwrap_err();
                }
                Method::Close => db.refresh(),
                Method::Rollback => drop(db.begin().unwrap()),
                _ => drop(db.execute("SET a = b", ())),
            }
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            assert_eq!(script.committed("t"), [1], "{method:?}");
            script.wait_until("the panic", |records, _| records.iter().any(|it| it.outcome == Outcome::Panicked));
            script.assert_contract();
        }
    });
}

#[test]
fn a_connect_that_panics_is_an_error_and_not_tried_again() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).acquire_timeout(LONG).build().unwrap();
        db.connect_lazy().unwrap();
        script.add(Rule::on(Method::Connect).once().panic("no descriptors left"));
        let error = db.fetch_val::<i64>("SELECT 1", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DriverPanic);
        assert!(error.message().contains("no descriptors left"), "{error}");
        let snapshot = db.snapshot();
        assert_eq!((snapshot.connecting, snapshot.counters.panics, snapshot.counters.connect_failures), (0, 1, 1));
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        assert_eq!(script.count(Method::Connect), 2);
    });
}

#[test]
fn a_closure_that_panics_on_the_worker_is_its_callers_error() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let error = db
            .session(|session| {
                session.execute("INSERT INTO t VALUES (1)", ())?;
                if session.fetch_val::<i64>("SELECT 1", ())? == Some(1) {
                    panic!("a bug in the closure")
                }
                Ok(())
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DriverPanic);
        assert!(error.message().contains("a bug in the closure"), "{error}");
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        wait_for_open(&script, 1);
        assert_eq!((script.committed("t"), script.open_transactions()), (vec![2], 0));
        script.assert_contract();
    });
}

/// What a thread that panics holds comes back by itself.
#[test]
fn a_caller_that_dies_holds_nothing_up() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let (begun, wait) = mpsc::channel();
        for name in ["returns", "panics"] {
            let (db, begun) = (db.clone(), begun.clone());
            let thread = start(name, move || {
                let tx = db.begin().unwrap();
                tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
                begun.send(()).unwrap();
                assert!(name == "returns", "on purpose");
            });
            wait.recv().unwrap();
            assert_eq!(thread.join().is_ok(), name == "returns");
        }
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!((script.committed("t"), script.count(Method::Rollback)), (vec![2], 2));
        assert_eq!(db.snapshot().counters.discarded, 0);
        script.assert_contract();
    });
}

/// What is open is asked from the database, and where it does not answer even a call without a deadline goes on.
#[test]
fn a_question_for_the_state_that_is_not_answered_costs_the_connection() {
    ends(|| {
        let cases = [("after a success", "CREATE TABLE u (n)"), ("after an error", "INSERT INTO no_table VALUES (1)")];
        let threads = cases.map(|(what, sql)| {
            start(what, move || {
                let script = Script::new().table("t");
                let gate = script.gate("the silent server");
                let db = script.builder().pool_size(1).timeout(None).open().unwrap();
                wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
                script.add(Rule::on(Method::State).once().block(&gate, Ears::SERVER));
                let probe = Probe::start();
                let (result, took) = timed(|| db.execute(sql, ()));
                assert_eq!(result.is_ok(), what == "after a success", "{what}");
                probe.assert_within("an answer that does not come", took, Duration::from_secs(5));
                assert_eq!(gate.blocked(), 0, "{what}: it was cancelled");
                db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
                let counters = db.snapshot().counters;
                assert_eq!((counters.opened, counters.discarded), (2, 1), "{what}");
                script.assert_contract();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
