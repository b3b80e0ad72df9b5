//! The orderly end of a database, whatever is going on, and its disorderly one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{LONG, SHORT, ends, start, timed, wait_for};

/// Closing ends within the grace and half a second.
const CLOSES_WITHIN: Duration = Duration::from_millis(500);

#[track_caller]
fn assert_closed(db: &Database) {
    assert!(!db.is_connected());
    let error = db.execute("INSERT INTO t VALUES (99)", ()).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::NotConnected, Effect::NotSent));
}

#[test]
fn idle_connections_are_closed_in_good_order() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(4).min_idle(4).open().unwrap();
        wait_for(&db, "four idle", |snapshot| snapshot.idle == 4);
        let report = db.close(LONG);
        assert!(report.is_clean());
        assert_eq!((report.finished, script.open_connections(), script.count(Method::Close)), (4, 0, 4));
        assert_eq!(script.trace().last().unwrap(), "close source");
        assert_closed(&db);
        let again = db.close(LONG);
        assert!(again.is_clean() && again.finished == 0, "closing twice is closing once");
        assert!(db.connect().unwrap(), "and it can be connected again");
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(script.committed("t"), [1]);
    });
}

#[test]
fn a_running_call_may_end_within_the_grace() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::SERVER));
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let runner = {
            let db = db.clone();
            start("runner", move || db.execute("INSERT INTO t VALUES (1)", ()))
        };
        gate.wait_blocked();
        let closer = {
            let db = db.clone();
            start("closer", move || db.close(LONG))
        };
        wait_for(&db, "no pool", |snapshot| snapshot.size == 0);
        assert_closed(&db);
        gate.open();
        let report = closer.join().unwrap();
        assert_eq!((report.finished, report.cancelled, report.stuck), (1, 0, 0));
        runner.join().unwrap().unwrap();
        assert_eq!(script.committed("t"), [1]);
        assert!(script.signals().is_empty(), "nobody was cancelled");
        script.wait_all_closed();
    });
}

#[test]
fn a_running_call_is_cancelled_after_the_grace() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::SERVER));
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let runner = {
            let db = db.clone();
            start("runner", move || db.execute("INSERT INTO t VALUES (1)", ()))
        };
        gate.wait_blocked();
        let probe = Probe::start();
        let (report, took) = timed(|| db.close(SHORT));
        probe.assert_within("closing", took.saturating_sub(SHORT), CLOSES_WITHIN);
        assert_eq!((report.finished, report.cancelled, report.stuck), (0, 1, 0));
        assert_eq!(runner.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!((script.committed("t"), script.open_connections()), (vec![], 0));
        script.assert_contract();
    });
}

#[test]
fn a_call_that_never_returns_is_left_behind_and_reported() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(2).timeout(Some(Duration::from_secs(3))).open().unwrap();
        let runner = {
            let db = db.clone();
            start("runner", move || db.execute("INSERT INTO t VALUES (1)", ()))
        };
        gate.wait_blocked();
        let probe = Probe::start();
        let (report, took) = timed(|| db.close(SHORT));
        probe.assert_within("closing", took.saturating_sub(SHORT), CLOSES_WITHIN);
        assert_eq!((report.cancelled, report.stuck), (0, 1));
        assert!(!report.is_clean());
        // Connected again it has nothing to do with what is stuck.
        db.connect().unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        let error = runner.join().unwrap().unwrap_err();
        assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
        gate.open();
        db.close(LONG);
        script.wait_all_closed();
    });
}

#[test]
fn waiting_and_queued_calls_are_turned_away() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the first insert");
        script.add(Rule::on(Method::Execute).text("(1)").block(&gate, Ears::SERVER));
        let db = script.builder().pool_size(1).acquire_timeout(LONG).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let running = {
            let connection = connection.clone();
            start("running", move || connection.execute("INSERT INTO t VALUES (1)", ()))
        };
        gate.wait_blocked();
        // One on the same connection, one that waits for a connection, and a stream that has not begun.
        let stream = connection.iterate("SELECT n FROM t", ()).unwrap();
        let waiting = {
            let db = db.clone();
            start("waiting", move || db.execute("INSERT INTO t VALUES (3)", ()))
        };
        wait_for(&db, "a waiter", |snapshot| snapshot.waiting == 1);
        let report = db.close(SHORT);
        assert_eq!((report.cancelled, report.turned_away), (1, 1));
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::NotConnected, Effect::NotSent));
        let errors: Vec<_> = stream.map(|row| row.unwrap_err()).collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].effect(), Effect::NotSent, "{:?}", errors[0]);
        running.join().unwrap().unwrap_err();
        // A handle that is still about is of no use, and does no harm.
        let error = connection.execute("INSERT INTO t VALUES (4)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::NotConnected, Effect::NotSent), "{error}");
        drop(connection);
        db.connect().unwrap();
        db.execute("INSERT INTO t VALUES (5)", ()).unwrap();
        assert_eq!(script.committed("t"), [5]);
        script.assert_contract();
    });
}

#[test]
fn an_open_transaction_is_rolled_back_and_its_holder_told() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let probe = Probe::start();
        let (report, took) = timed(|| db.close(LONG));
        probe.assert_within("closing under an idle transaction", took, CLOSES_WITHIN);
        assert_eq!(report.stuck, 0);
        script.wait_all_closed();
        let error = tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::NotConnected, Effect::NotSent), "{error}");
        let error = tx.commit().unwrap_err().into_error();
        assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
        assert!(script.committed("t").is_empty());
        script.assert_contract();
    });
}

#[test]
fn an_open_stream_is_ended_and_its_reader_told() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let mut stream = db.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
        stream.next().unwrap().unwrap();
        let probe = Probe::start();
        let (report, took) = timed(|| db.close(SHORT));
        probe.assert_within("closing under a stream", took.saturating_sub(SHORT), CLOSES_WITHIN);
        assert_eq!((report.cancelled, report.stuck), (1, 0));
        let error = stream.find_map(Result::err).expect("it does not look as if it had come to its end");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        script.wait_all_closed();
        script.assert_contract();
    });
}

#[test]
fn a_connection_that_is_being_opened_is_not_handed_out_any_more() {
    ends(|| {
        for ears in [Ears::CALL, Ears::DEAF] {
            let script = Script::new().table("t");
            let gate = script.gate("the connect");
            let db = script.builder().pool_size(1).timeout(Some(LONG)).build().unwrap();
            db.connect_lazy().unwrap();
            script.add(Rule::on(Method::Connect).once().block(&gate, ears));
            let caller = {
                let db = db.clone();
                start("caller", move || db.execute("INSERT INTO t VALUES (1)", ()))
            };
            gate.wait_blocked();
            let probe = Probe::start();
            let (report, took) = timed(|| db.close(SHORT));
            probe.assert_within("closing while connecting", took.saturating_sub(SHORT), CLOSES_WITHIN);
            let stuck = usize::from(ears == Ears::DEAF);
            assert_eq!((report.finished, report.cancelled, report.stuck), (0, 1 - stuck, stuck));
            // One that hears nothing comes back when it is too late.
            gate.open();
            let error = caller.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::NotConnected, Effect::NotSent), "{error:?}");
            script.wait_all_closed();
            assert!(script.committed("t").is_empty());
            script.assert_contract();
        }
    });
}

#[test]
fn whoever_waits_to_connect_again_and_again_is_turned_away() {
    ends(|| {
        let script = Script::new();
        script.add(Rule::on(Method::Connect).fail(ErrorKind::ConnectFailed));
        let db = script.builder().pool_size(1).timeout(Some(LONG)).acquire_timeout(LONG).build().unwrap();
        db.connect_lazy().unwrap();
        let caller = {
            let db = db.clone();
            start("caller", move || db.fetch_val::<i64>("SELECT 1", ()))
        };
        script.wait_ended(Method::Connect, 2);
        let probe = Probe::start();
        let ((), took) = timed(|| {
            db.close(Duration::ZERO);
            assert_eq!(caller.join().unwrap().unwrap_err().kind(), ErrorKind::NotConnected);
        });
        // The pause between two attempts is a second at most.
        probe.assert_within("closing", took, Duration::from_secs(1));
    });
}

#[test]
fn closing_at_the_same_time_closes_once() {
    ends(|| {
        let script = Script::new();
        let hooks = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&hooks);
        let db = script
            .builder()
            .pool_size(4)
            .min_idle(4)
            .on_disconnect(move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .open()
            .unwrap();
        let closers: Vec<_> = (0..8)
            .map(|_| {
                let db = db.clone();
                start("closer", move || db.close(LONG).finished)
            })
            .collect();
        let finished: usize = closers.into_iter().map(|closer| closer.join().unwrap()).sum();
        assert_eq!((finished, hooks.load(Ordering::SeqCst), script.count(Method::CloseSource)), (4, 1, 1));
        assert_eq!(script.open_connections(), 0);
    });
}

#[test]
fn a_hook_that_fails_or_panics_leaves_no_half_connected_database() {
    ends(|| {
        let script = Script::new();
        let fail = Arc::new(AtomicUsize::new(0));
        let how = Arc::clone(&fail);
        let db = script
            .builder()
            .pool_size(1)
            .on_connect(move |_| match how.fetch_add(1, Ordering::SeqCst) {
                0 => Err(pontoon::Error::new(ErrorKind::Other, "not today")),
                1 => panic!("on purpose"),
                _ => Ok(()),
            })
            .build()
            .unwrap();
        let error = db.connect().unwrap_err();
        assert_eq!(error.message(), "the hook for connecting failed: not today");
        assert!(!db.is_connected());
        let connecting = db.clone();
        start("connector", move || drop(connecting.connect())).join().unwrap_err();
        assert!(!db.is_connected());
        script.wait_all_closed();
        assert!(db.connect().unwrap());
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    });
}

#[test]
fn dropping_everything_waits_for_nothing_and_leaves_nothing() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        let db = script.builder().pool_size(4).min_idle(4).timeout(Some(SHORT)).open().unwrap();
        script.add(Rule::on(Method::Execute).text("(1)").block(&gate, Ears::DEAF));
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        let probe = Probe::start();
        let ((), took) = timed(|| {
            drop(db);
            drop(tx);
        });
        probe.assert_within("dropping everything", took, Duration::from_millis(1));
        gate.open();
        script.wait_all_closed();
        assert!(script.committed("t").is_empty() || script.committed("t") == [1]);
        script.assert_contract();
    });
}
