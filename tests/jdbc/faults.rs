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
    await_that("the stream is over", || subject.db.snapshot().busy == 0);
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

/// Who has been told that the process has died is told once.
#[track_caller]
fn works_again(db: &Database) {
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).expect("another process does the work"), Some(1));
}

/// Opens so many connections, which are idle afterwards.
fn idle(db: &Database, connections: usize) {
    use_at_once(db, connections);
    await_that("they are back", || db.snapshot().busy == 0);
    assert_eq!(db.snapshot().idle, connections);
}

/// Uses so many connections at the same time.
fn use_at_once(db: &Database, connections: usize) {
    let barrier = std::sync::Barrier::new(connections);
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let connection = db.connection().expect("a connection");
                barrier.wait();
                connection.fetch_val::<i64>("SELECT 1", ()).expect("its process lives");
            });
        }
    });
}

#[test]
fn one_that_learns_that_the_process_has_died_learns_it_for_all() -> Result<()> {
    let subject = Subject::h2()?;
    idle(&subject.db, 4);
    subject.kill();
    let error = subject.db.fetch_val::<i64>("SELECT 1", ()).expect_err("the process is gone");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    use_at_once(&subject.db, 4);
    Ok(())
}

#[test]
fn one_that_learns_it_on_its_way_back_learns_it_for_all_too() -> Result<()> {
    let subject = Subject::h2()?;
    idle(&subject.db, 4);
    // It is cleaned after this, which is a request.
    let connection = subject.db.connection()?;
    connection.execute("SET @seen = 1", ())?;
    subject.kill();
    drop(connection);
    await_that("it is back", || subject.db.snapshot().busy == 0);
    use_at_once(&subject.db, 4);
    Ok(())
}

#[test]
fn one_whose_commit_was_not_answered_learns_it_for_all_too() -> Result<()> {
    let subject = Subject::h2()?;
    idle(&subject.db, 4);
    let tx = subject.db.begin()?;
    subject.kill();
    let error = pontoon::Error::from(tx.commit().expect_err("nobody is there"));
    assert!(matches!(error.kind(), ErrorKind::CommitUnknown | ErrorKind::ConnectionLost), "{error:?}");
    use_at_once(&subject.db, 4);
    Ok(())
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
