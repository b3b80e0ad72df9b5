//! Streams beside whatever else goes on on their connection.

use std::thread;
use std::time::Instant;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::{LONG, SHORT, ends, one};

#[test]
fn a_stream_that_is_dropped_early_leaves_its_transaction_as_it_was() {
    ends(|| {
        for (nested, ears) in [(false, Ears::SERVER), (true, Ears::OPEN)] {
            let script = if nested { Script::new().nested() } else { Script::new() }.table("t");
            let db = one(&script);
            let gate = script.gate("a row");
            let tx = db.begin().unwrap();
            let mut rows = tx.iterate("SELECT n FROM SERIES(1000000)", ()).unwrap();
            rows.next().unwrap().unwrap();
            drop(rows);
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            // While the database is silent, too.
            script.add(Rule::on(Method::Fetch).skip(20).once().block(&gate, ears));
            let rows = tx.iterate("SELECT n FROM SERIES(1000000)", ()).unwrap();
            gate.wait_blocked();
            drop(rows);
            tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
            tx.commit().unwrap();
            assert_eq!(script.committed("t"), [1, 2], "nested: {nested}");
            script.assert_contract();
        }
    });
}

#[test]
fn a_transaction_that_was_begun_inside_a_stream_outlives_it() {
    ends(|| {
        let script = Script::new().nested().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        let mut rows = connection.iterate("SELECT n FROM SERIES(1000000)", ()).unwrap();
        rows.next().unwrap().unwrap();
        let tx = connection.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        drop(rows);
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        tx.commit().unwrap();
        assert_eq!(script.committed("t"), [1, 2]);
        script.assert_contract();
    });
}

#[test]
fn a_driver_that_panics_beside_a_stream_is_not_called_again() {
    ends(|| {
        let script = Script::new().nested().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Execute).text("INSERT").once().panic("a bug"));
        let mut rows = connection.iterate("SELECT n FROM SERIES(1000000)", ()).unwrap();
        rows.next().unwrap().unwrap();
        assert_eq!(connection.execute("INSERT INTO t VALUES (1)", ()).unwrap_err().kind(), ErrorKind::DriverPanic);
        connection.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!(rows.by_ref().find_map(Result::err).unwrap().kind(), ErrorKind::ConnectionLost);
        drop(rows);
        drop(connection);
        db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        assert_eq!(script.committed("t"), [3]);
        script.assert_contract();
    });
}

#[test]
fn opening_a_stream_waits_for_room_in_a_full_queue_to_its_deadline() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).text("INSERT").once().block(&gate, Ears::SERVER));
        let connection = db.connection().unwrap();
        let busy = thread::spawn({
            let connection = connection.clone();
            move || connection.execute("INSERT INTO t VALUES (1)", ())
        });
        gate.wait_blocked();
        let queued: Vec<_> = (0..1024).map(|_| connection.iterate("SELECT n FROM t", ()).unwrap()).collect();
        let began = Instant::now();
        let error = connection.iterate(Query::new("SELECT n FROM t").timeout(SHORT), ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::QueueFull, Effect::NotSent), "{error}");
        assert!(began.elapsed() < SHORT * 10);
        gate.open();
        busy.join().unwrap().unwrap();
        drop(queued);
    });
}

#[test]
fn a_stream_that_came_to_its_deadline_lets_go_of_its_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("a row");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Fetch).skip(20).once().block(&gate, Ears::SERVER));
        let query = Query::new("SELECT n FROM SERIES(1000000)").timeout(SHORT);
        let mut rows = connection.iterate(query, ()).unwrap();
        assert_eq!(rows.by_ref().find_map(Result::err).unwrap().kind(), ErrorKind::Timeout);
        // The stream is still there, at its end.
        connection.execute(Query::new("INSERT INTO t VALUES (1)").timeout(LONG / 5), ()).unwrap();
        assert!(rows.next().is_none());
        script.assert_contract();
    });
}
