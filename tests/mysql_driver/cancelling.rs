//! Ending what runs: at the server, on the wire, before the end of the rows.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{Effect, Query};

use crate::kit::servers::{MariaDb, Scratch, private};
use crate::kit::{PATIENCE, Probe, await_that};
use crate::{builder, fails, open, scratch};

const BRIEF: Duration = Duration::from_millis(100);

/// Of the test's own, so that it is found among the statements of the server.
fn endless(mark: u32) -> String {
    format!("SELECT max(a.seq * b.seq) + {mark} FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b")
}

fn runs_at_the_server(scratch: &Scratch<'_>, statement: &str) -> bool {
    scratch.sessions().iter().any(|session| session.statement.contains(statement))
}

#[test]
fn what_is_late_is_ended_at_the_server_and_the_connection_goes_on() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let session = || db.fetch_val::<i64>("SELECT connection_id()", ()).unwrap();
    let before = session();
    let error = fails(ErrorKind::Timeout, db.fetch_all(Query::new(endless(1)).timeout(BRIEF), ()));
    // Unless the caller had to leave before the server answered.
    assert!(error.vendor_code() == Some(1317) || error.effect() == Effect::Unknown, "{error:?}");
    assert_eq!(session(), before, "the same connection");
    await_that("the statement is over", || !runs_at_the_server(&scratch, "+ 1 FROM seq"));
    assert_eq!(db.snapshot().stuck, 0);
}

#[test]
fn a_cancel_never_hits_the_next_statement() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let connection = db.connection().unwrap();
    let session: Option<i64> = connection.fetch_val("SELECT connection_id()", ()).unwrap();
    // Statements that are about as long as their deadline: the cancel comes before, at and after their end.
    let (mut late, mut in_time) = (0, 0);
    for round in 0..150_u64 {
        let rows = 20_000 + (round % 10) * 10_000;
        let query = Query::new(format!("SELECT count(*) FROM seq_1_to_{rows} WHERE sqrt(seq) > 0"));
        match connection.fetch_val::<i64>(query.timeout(Duration::from_millis(1 + round % 4)), ()) {
            Ok(_) => in_time += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
                late += 1;
            }
        }
        assert_eq!(connection.fetch_val("SELECT 1 + 1", ()).unwrap(), Some(2), "round {round}");
    }
    assert!(late > 0, "{late} were late, {in_time} in time");
    assert_eq!(connection.fetch_val("SELECT connection_id()", ()).unwrap(), session, "none of them cost it");
}

#[test]
fn a_sleep_that_is_ended_is_no_answer() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    fails(ErrorKind::Timeout, db.fetch_val::<i64>(Query::new("SELECT sleep(60)").timeout(BRIEF), ()));
    let tx = db.begin().unwrap();
    fails(ErrorKind::Timeout, tx.fetch_val::<i64>(Query::new("SELECT sleep(60)").timeout(BRIEF), ()));
    fails(ErrorKind::TransactionAborted, tx.commit());
}

#[test]
fn a_server_that_stops_costs_no_caller_its_time() {
    let Some(server) = private(&MariaDb) else { return };
    let scratch = server.database();
    let db = builder(&scratch, "?pool_size=2&max_stuck=4").open().unwrap();
    assert_eq!(db.fetch_val("SELECT 1", ()).unwrap(), Some(1));
    server.freeze();
    let probe = Probe::start();
    let begun = Instant::now();
    fails(ErrorKind::Timeout, db.fetch_val::<i64>(Query::new("SELECT 2").timeout(BRIEF), ()));
    let late = begun.elapsed().saturating_sub(BRIEF);
    probe.assert_within("leaving", late, Duration::from_millis(50));
    // Neither kill nor answer comes: the socket is cut, and the thread is back.
    await_that("no connection is stuck or in use", || db.snapshot().busy == 0 && db.snapshot().stuck == 0);
    server.thaw();
    assert_eq!(db.fetch_val("SELECT 3", ()).unwrap(), Some(3), "not the answer of the one before");
    assert_eq!(db.fetch_val("SELECT 4", ()).unwrap(), Some(4));
}

#[test]
fn a_killed_session_is_lost_and_the_next_call_has_another() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let connection = db.connection().unwrap();
    let id: i64 = connection.fetch_val("SELECT connection_id()", ()).unwrap().unwrap();
    let tx = connection.begin().unwrap();
    scratch.server().console().run(&format!("KILL {id}"));
    fails(ErrorKind::ConnectionLost, tx.fetch_val::<i64>("SELECT 1", ()));
    assert!(tx.commit().is_err());
    drop(connection);
    assert_ne!(db.fetch_val::<i64>("SELECT connection_id()", ()).unwrap(), Some(id));
}

#[test]
fn a_session_that_was_killed_while_idle_costs_no_statement() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1&keepalive=never");
    let id: i64 = db.fetch_val("SELECT connection_id()", ()).unwrap().unwrap();
    scratch.server().console().run(&format!("KILL {id}"));
    await_that("it is gone", || scratch.sessions().iter().all(|session| i64::from(session.number) != id));
    // One that was used a moment ago is trusted; this call may find it broken, a later one must not.
    let first = db.fetch_val::<i64>("SELECT 1", ());
    if let Err(error) = first {
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    }
    assert_eq!(db.fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn leaving_rows_early_keeps_the_connection() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let session = || db.fetch_val::<i64>("SELECT connection_id()", ()).unwrap();
    let before = session();
    let many = "SELECT seq, repeat('x', 100) FROM seq_1_to_100000000";
    assert!(db.fetch_one(many, ()).unwrap().is_some(), "the first of a hundred million");
    assert_eq!(session(), before);
    let mut rows = db.iterate(many, ()).unwrap();
    for expected in 1..=1000_i64 {
        assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), expected);
    }
    drop(rows);
    assert_eq!(db.fetch_val("SELECT 7", ()).unwrap(), Some(7));
    // So does a result that is larger than allowed.
    fails(ErrorKind::ResultTooLarge, db.fetch_all(Query::new(many).max_rows(10), ()));
    assert_eq!(db.fetch_val("SELECT 8", ()).unwrap(), Some(8));
    await_that("nothing of it runs any more", || !runs_at_the_server(&scratch, "repeat('x'"));
}

#[test]
fn rows_are_read_as_they_come() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let mut sum = 0_i64;
    let mut rows = db.iterate("SELECT seq FROM seq_1_to_300000", ()).unwrap();
    for row in &mut rows {
        sum += row.unwrap().get::<i64>(0).unwrap();
    }
    assert_eq!(sum, 300_000 * 300_001 / 2);
}

#[test]
fn a_dropped_call_is_ended_at_the_server() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=2");
    let (leave, may_leave) = channel::<()>();
    std::thread::scope(|scope| {
        let db = &db;
        let reader = scope.spawn(move || {
            let mut rows = db.iterate(Query::new(endless(2)).timeout(PATIENCE), ()).unwrap();
            may_leave.recv_timeout(PATIENCE).unwrap();
            // Leaving a stream whose first row has not come yet.
            let _ = rows.by_ref();
            drop(rows);
        });
        await_that("it runs", || runs_at_the_server(&scratch, "+ 2 FROM seq"));
        leave.send(()).unwrap();
        reader.join().unwrap();
    });
    await_that("it is ended", || !runs_at_the_server(&scratch, "+ 2 FROM seq"));
}
