//! Processes that die, drivers that misbehave.

use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{Database, Effect, ErrorKind, Query, Result};

use crate::kit::{Canary, Probe, await_that, case, tell};
use crate::support::{Subject, processes};

#[test]
fn killed_between_the_rows() -> Result<()> {
    let subject = Subject::h2()?;
    let mut rows = subject.db.iterate("SELECT x, repeat('x', 100) FROM system_range(1, 1000000)", ())?;
    assert!(rows.next().is_some_and(|row| row.is_ok()));
    subject.kill();
    let error = rows.find_map(|row| row.err()).expect("there are more rows than are read ahead");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    drop(rows);
    works_again(&subject.db);
    Ok(())
}

#[test]
fn killed_in_a_transaction() -> Result<()> {
    let subject = Subject::h2()?;
    subject.db.execute("CREATE TABLE t (i INTEGER)", ())?;
    let tx = subject.db.begin()?;
    tx.execute("INSERT INTO t VALUES (1)", ())?;
    subject.kill();
    let error = tx.execute("INSERT INTO t VALUES (2)", ()).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert!(error.message().contains("signal"), "it says how it ended: {error}");
    drop(tx);
    works_again(&subject.db);
    Ok(())
}

/// Each connection of the process that has died says so once, and nothing of its statement was sent.
fn works_again(db: &Database) {
    await_that("another process does the work", || match db.fetch_val::<i64>("SELECT 1", ()) {
        Ok(one) => one == Some(1),
        Err(error) => {
            assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::NotSent), "{error:?}");
            false
        }
    });
}

#[test]
fn gone_during_commit() {
    let Some(subject) = Subject::misbehaving() else { return };
    let tx = subject.db.begin().expect("it begins");
    let error = tx.commit().expect_err("the process ends in it");
    let error = pontoon::Error::from(error);
    assert_eq!((error.kind(), error.effect()), (ErrorKind::CommitUnknown, Effect::Unknown), "{error:?}");
}

#[test]
fn a_driver_that_exits() {
    let Some(subject) = Subject::misbehaving() else { return };
    let error = subject.db.execute("CALL exit", ()).expect_err("the process is gone");
    assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::Unknown), "{error:?}");
    assert!(error.message().contains('7'), "it says with which status: {error}");
    await_that("another process does the work", || subject.db.execute("CALL nothing", ()).is_ok());
}

#[test]
fn a_driver_that_never_returns() {
    let probe = Probe::start();
    let Some(subject) = Subject::misbehaving() else { return };
    let db = &subject.db;
    db.execute("CALL nothing", ()).expect("it works");
    let hung = subject.processes();
    let started = Instant::now();
    let time = Duration::from_millis(200);
    let error = db.execute(Query::new("CALL hang").timeout(time), ()).expect_err("it hangs");
    probe.assert_within("the caller is back at its deadline", started.elapsed(), time + Duration::from_millis(50));
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    // Others are served, by another process once this one was given up; it ends with its last connection at the latest.
    db.execute("CALL nothing", ()).expect("the database works");
    db.close(Duration::from_secs(10));
    await_that("the process that hung has ended", || subject.processes().iter().all(|process| !hung.contains(process)));
}

#[test]
fn what_a_driver_prints_is_no_message() {
    let Some(subject) = Subject::misbehaving() else { return };
    for _ in 0..2 {
        subject.db.execute("CALL chatter", ()).expect("what it prints is not in the way");
    }
}

#[test]
fn errors_that_are_none_of_sql_s() {
    let Some(subject) = Subject::misbehaving() else { return };
    let error = subject.db.execute("CALL strange", ()).expect_err("it throws");
    assert!(error.message().contains("none of SQL's"), "{error:?}");
    let error = subject.db.execute("CALL recursion", ()).expect_err("it has no end");
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error:?}");
    subject.db.execute("CALL nothing", ()).expect("the database works");
}

#[test]
fn the_process_ends_with_its_database() -> Result<()> {
    let subject = Subject::h2()?;
    assert_eq!(subject.processes().len(), 1);
    assert!(subject.db.close(Duration::from_secs(10)).is_clean());
    await_that("the process has ended", || subject.processes().is_empty());
    Ok(())
}

#[test]
fn the_process_ends_with_its_parent() {
    let mut parent = case!(|_| {
        let subject = Subject::h2().expect("it connects");
        subject.db.execute("CREATE TABLE t (i INTEGER)", ()).expect("it works");
        tell("mark", subject.mark());
        std::thread::park();
    })
    .start();
    let mark = parent.wait_for("mark");
    assert_eq!(processes(&mark).len(), 1);
    parent.kill();
    let killed = Instant::now();
    await_that("the process has ended", || processes(&mark).is_empty());
    assert!(killed.elapsed() < Duration::from_secs(20), "two seconds were promised");
}

#[test]
fn no_error_shows_the_password() {
    let Some(builder) = Subject::misbehaving_with("jdbc:misbehaving:refuses") else { return };
    let error = builder.option("user", "me").option("password", Canary::SECRET).open().expect_err("it refuses");
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error}");
    Canary::assert_absent("the error of a driver that quotes its properties", &format!("{error} {error:?}"));
    let url = format!("jdbc:h2:mem:;USER=me;PASSWORD={}", Canary::in_url());
    let db = Database::new(url.as_str()).expect("it is a URL");
    Canary::assert_absent("what a database shows", &format!("{db:?}"));
}
