//! Deadlines and cancels.

use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{ErrorKind, Query};

use crate::kit::tds::{Act, Asked};
use crate::kit::{Probe, await_pool, await_that};
use crate::support::{fails, on_each};

const BRIEF: Duration = Duration::from_millis(200);

/// By how much a caller leaves late at most.
const LATE: Duration = Duration::from_millis(50);

#[test]
fn a_call_ends_at_its_deadline_by_an_attention_and_the_connection_lives() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY)");
        let connection = db.connection().expect("a connection");
        let opened = db.snapshot().counters.opened;
        for times in 1..=3 {
            let probe = Probe::start();
            let began = Instant::now();
            let endless = Query::new("WAITFOR DELAY '01:00:00'").timeout(BRIEF);
            fails(ErrorKind::Timeout, connection.execute(endless, ()));
            let late = began.elapsed().saturating_sub(BRIEF);
            probe.assert_within("to leave", late, LATE);
            place.server.wait_for("a cancel", times, |asked| *asked == Asked::Attention);
            // Nothing hits what comes next.
            assert_eq!(connection.fetch_val::<i64>("SELECT 1", ()).expect("a number"), Some(1));
        }
        assert_eq!(db.snapshot().counters.opened, opened, "{}", db.snapshot());
    });
}

#[test]
fn a_cancel_in_a_transaction_leaves_what_the_server_says_of_it() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY)");
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        fails(ErrorKind::Timeout, tx.execute(Query::new("WAITFOR DELAY '01:00:00'").timeout(BRIEF), ()));
        drop(tx);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(0));
    });
}

#[test]
fn a_stream_that_is_dropped_stops_the_server() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY)");
        db.bulk_insert("held", &["id"], (0..1000_i64).map(|id| (id,))).expect("rows");
        place.server.forget();
        // A million rows.
        let mut stream = db.iterate("SELECT a.id FROM held AS a, held AS b", ()).expect("a stream");
        for _ in 0..100 {
            assert!(stream.next().expect("a row").is_ok());
        }
        drop(stream);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(1000));
        let asked = place.server.asked();
        assert!(asked.contains(&Asked::Attention) || asked.contains(&Asked::Gone), "{asked:#?}");
    });
}

#[test]
fn a_deaf_server_costs_a_worker_and_not_its_caller() {
    on_each(|place| {
        let db = place.builder().pool_size(2).open().expect("a database");
        place.server.on("SELECT 41", Act::Deaf);
        let probe = Probe::start();
        let began = Instant::now();
        let error = fails(ErrorKind::Timeout, db.fetch_val::<i64>(Query::new("SELECT 41").timeout(BRIEF), ()));
        let late = began.elapsed().saturating_sub(BRIEF);
        probe.assert_within("to leave", late, LATE);
        assert!(!format!("{error:?}").is_empty());
        // Others go on meanwhile.
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).expect("a number"), Some(1));
        // Once the line is cut the worker comes back.
        place.server.hang_up();
        await_pool(|| db.snapshot(), "no worker that is stuck", |snapshot| snapshot.stuck == 0);
        // The other connections were cut, too, and were used a moment ago: each is told once.
        await_that("there are new ones", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
    });
}

#[test]
fn a_commit_is_not_cancelled_whatever_its_deadline() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY)");
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        place.server.on("COMMIT", Act::Deaf);
        place.server.forget();
        let committing = std::thread::scope(|scope| {
            let committing = scope.spawn(|| {
                place.server.wait_for("COMMIT", 1, |asked| asked.text().contains("COMMIT"));
                place.server.hang_up();
            });
            let error = fails(ErrorKind::CommitUnknown, tx.commit());
            committing.join().expect("the other thread");
            error
        });
        assert!(!place.server.asked().contains(&Asked::Attention), "{committing:?}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(0));
    });
}
