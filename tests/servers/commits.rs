//! What COMMIT came to when the network or the server has its way, and transactions that databases end by themselves.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind, IsolationLevel, Retry};

use crate::kit::PATIENCE;
use crate::kit::proxy::{Cut, Toxic};
use crate::subject::{
    LONG, Subject, await_that, builder, count, fails, join, leaves_nothing, pool_of, session_of, start,
};

tests! { commits:
    a_commit_whose_answer_is_lost_is_unknown_and_not_sent_again
    a_commit_that_never_left_is_not_committed
    a_commit_of_a_transaction_that_failed_is_told_as_rolled_back
    a_commit_that_is_refused_is_definite_and_keeps_the_connection
    a_server_that_is_killed_during_a_commit_leaves_it_unknown_or_undone
    write_skew_is_a_serialization_failure_and_retry_gets_through
    a_deadlock_has_one_victim_and_retry_gets_through
    a_lock_that_is_not_granted_leaves_nothing_half_done
    a_statement_that_commits_by_itself_is_told
}

/// The answer is swallowed, so it had been committed: the program is told that nobody knows.
pub(crate) fn a_commit_whose_answer_is_lost_is_unknown_and_not_sent_again(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let committing = {
        let db = db.clone();
        let swallowing = proxy.seen().swallowed;
        assert_eq!(swallowing, 0);
        let (ready, go) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let thread = start("committing", move || {
            let tx = db.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            ready.0.send(()).unwrap();
            go.1.recv().unwrap();
            tx.commit().map_err(pontoon::Error::from)
        });
        ready.1.recv().unwrap();
        proxy.replies(Toxic::Swallow);
        go.0.send(()).unwrap();
        thread
    };
    let seen = || database.server().new_console(Some(database.name())).value("SELECT count(*) FROM t");
    await_that("it is committed", || seen() == "1");
    proxy.wait_for("the answer", |seen| seen.swallowed > 0);
    proxy.heal();
    proxy.cut(Cut::Reset);
    let error = fails(&[ErrorKind::CommitUnknown], join(committing));
    assert_eq!(error.effect(), Effect::Unknown);
    assert!(!error.is_retryable());
    assert_eq!(count(&db), 1);
    leaves_nothing(db, &database);
}

pub(crate) fn a_commit_that_never_left_is_not_committed(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    proxy.requests(Toxic::CutAfter(0, Cut::Reset));
    let error = tx.commit().map_err(pontoon::Error::from).unwrap_err();
    // That it did not leave is more than a driver has to know.
    assert_ne!(error.effect(), Effect::NotSent, "{error:?}");
    proxy.heal();
    await_that("nobody is in the transaction any more", || count(&db) == 0);
    leaves_nothing(db, &database);
}

/// PostgreSQL answers COMMIT with ROLLBACK then, and calls that a success.
pub(crate) fn a_commit_of_a_transaction_that_failed_is_told_as_rolled_back(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT PRIMARY KEY)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    fails(&[ErrorKind::UniqueViolation], tx.execute("INSERT INTO t VALUES (1)", ()));
    let result = tx.commit().map_err(pontoon::Error::from);
    if on.is_postgres() {
        let error = fails(&[ErrorKind::RolledBack, ErrorKind::TransactionAborted], result);
        assert_ne!(error.effect(), Effect::Unknown, "{error:?}");
        assert_eq!(count(&db), 0);
    } else {
        // There a statement that fails takes back itself only.
        result.unwrap();
        assert_eq!(count(&db), 1);
    }
    leaves_nothing(db, &database);
}

pub(crate) fn a_commit_that_is_refused_is_definite_and_keeps_the_connection(on: &Subject) {
    if !on.is_postgres() {
        return;
    }
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT UNIQUE DEFERRABLE INITIALLY DEFERRED)").unwrap();
    let tx = db.begin().unwrap();
    let session = session_of(on, &tx);
    tx.execute("INSERT INTO t VALUES (1), (1)", ()).unwrap();
    let error = tx.commit().map_err(pontoon::Error::from).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RolledBack | ErrorKind::UniqueViolation), "{error:?}");
    assert_eq!(error.effect(), Effect::NotApplied);
    assert_eq!(error.sqlstate(), Some("23505"));
    assert_eq!(count(&db), 0);
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}

/// COMMIT is on its way when all of the server is killed. What the library says and what is there fit together.
pub(crate) fn a_server_that_is_killed_during_a_commit_leaves_it_unknown_or_undone(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    server.console().run("CREATE DATABASE kept");
    let proxy = server.proxy();
    let db = builder(server.url_at(proxy.port(), "kept")).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    // Neither the request nor an answer comes through.
    proxy.requests(Toxic::Hold);
    let before = proxy.seen().requests;
    let kill = start("kill", move || {
        proxy.wait_for("COMMIT", |seen| seen.requests > before);
        server.kill9();
        proxy.cut(Cut::Reset);
        proxy.heal();
        server.start_again();
        (server, proxy)
    });
    let error = fails(&[ErrorKind::CommitUnknown], tx.commit().map_err(pontoon::Error::from));
    assert_eq!(error.effect(), Effect::Unknown);
    let (server, proxy) = join(kill);
    assert_eq!(count(&db), 0);
    assert!(db.close(LONG).is_clean());
    drop((server, proxy));
}

/// Where two threads wait for each other, and fail when one does not come.
#[derive(Default)]
struct Meeting {
    came: Mutex<u32>,
    changed: Condvar,
}

impl Meeting {
    fn wait_for_the_other(&self) {
        let until = Instant::now() + PATIENCE;
        let mut came = self.came.lock();
        *came += 1;
        self.changed.notify_all();
        while *came < 2 {
            assert!(!self.changed.wait_until(&mut came, until).timed_out(), "the other one does not come");
        }
    }
}

/// Each of two takes money if both accounts together have enough; both have looked before one takes it.
pub(crate) fn write_skew_is_a_serialization_failure_and_retry_gets_through(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = pool_of(2, database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT PRIMARY KEY, v BIGINT); INSERT INTO t VALUES (1, 10), (2, 10)")
        .unwrap();
    let sum = on.either("SELECT CAST(sum(v) AS BIGINT) FROM t", "SELECT CAST(sum(v) AS SIGNED) FROM t");
    for attempts in [1, 5] {
        db.execute("UPDATE t SET v = 10", ()).unwrap();
        let both = Arc::new(Meeting::default());
        let writers = [1_i64, 2].map(|row| {
            let (db, both) = (db.clone(), Arc::clone(&both));
            start("writer", move || {
                let mut runs = 0;
                let options = TxOptions::new().isolation(IsolationLevel::Serializable).retry(Retry::attempts(attempts));
                let result: Result<(), pontoon::Error> = db.transaction_with(&options, |tx| {
                    runs += 1;
                    let sum: Option<i64> = tx.fetch_val(sum, ())?;
                    if runs == 1 {
                        both.wait_for_the_other();
                    }
                    if sum >= Some(15) {
                        tx.execute("UPDATE t SET v = v - 15 WHERE n = ?", (row,))?;
                    }
                    Ok(())
                });
                (result, runs)
            })
        });
        let results = writers.map(join);
        let failed: Vec<_> = results.iter().filter_map(|(result, _)| result.as_ref().err()).collect();
        if attempts == 1 {
            assert_eq!(failed.len(), 1, "one of two: {results:?}");
            let kind = failed[0].kind();
            assert!(matches!(kind, ErrorKind::Serialization | ErrorKind::Deadlock), "{failed:?}");
            assert!(failed[0].is_retryable(), "{failed:?}");
        } else {
            assert!(failed.is_empty(), "{failed:?}");
            assert!(results.iter().any(|(_, runs)| *runs > 1), "one of them was run again: {results:?}");
        }
        assert_eq!(db.fetch_val::<i64>(sum, ()).unwrap(), Some(5), "one of them took it");
    }
    leaves_nothing(db, &database);
}

pub(crate) fn a_deadlock_has_one_victim_and_retry_gets_through(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = pool_of(2, database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT PRIMARY KEY, v BIGINT); INSERT INTO t VALUES (1, 0), (2, 0)").unwrap();
    for attempts in [1, 5] {
        let both = Arc::new(Meeting::default());
        let writers = [[1_i64, 2], [2, 1]].map(|order| {
            let (db, both) = (db.clone(), Arc::clone(&both));
            start("writer", move || {
                let mut runs = 0;
                let options = TxOptions::new().retry(Retry::attempts(attempts));
                let result: Result<(), pontoon::Error> = db.transaction_with(&options, |tx| {
                    runs += 1;
                    tx.execute("UPDATE t SET v = v + 1 WHERE n = ?", (order[0],))?;
                    if runs == 1 {
                        both.wait_for_the_other();
                    }
                    tx.execute("UPDATE t SET v = v + 1 WHERE n = ?", (order[1],)).map(drop)
                });
                (result, runs)
            })
        });
        let results = writers.map(join);
        let failed: Vec<_> = results.iter().filter_map(|(result, _)| result.as_ref().err()).collect();
        if attempts == 1 {
            assert_eq!(failed.len(), 1, "one of two: {results:?}");
            assert_eq!((failed[0].kind(), failed[0].is_retryable()), (ErrorKind::Deadlock, true), "{failed:?}");
        } else {
            assert!(failed.is_empty(), "{failed:?}");
        }
    }
    // One got through the first time, both the second time; of the victim's transactions nothing is left.
    let values: Vec<i64> = db.fetch_all("SELECT v FROM t ORDER BY n", ()).unwrap().column(0).unwrap();
    assert_eq!(values, [3, 3]);
    leaves_nothing(db, &database);
}

/// MariaDB takes back the statement that waited too long and leaves its transaction open; PostgreSQL ends all of it. A
/// closure that does not handle the error is rolled back in either case.
pub(crate) fn a_lock_that_is_not_granted_leaves_nothing_half_done(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = pool_of(2, database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT PRIMARY KEY, v BIGINT); INSERT INTO t VALUES (1, 0), (2, 0)").unwrap();
    let mut holder = database.server().new_console(Some(database.name()));
    holder.run("BEGIN");
    holder.run("UPDATE t SET v = 100 WHERE n = 2");
    let wait_little = on.either("SET LOCAL lock_timeout = '100ms'", "SET SESSION innodb_lock_wait_timeout = 1");
    let result: Result<(), pontoon::Error> = db.transaction(|tx| {
        tx.execute(wait_little, ())?;
        tx.execute("UPDATE t SET v = 1 WHERE n = 1", ())?;
        tx.execute("UPDATE t SET v = 1 WHERE n = 2", ()).map(drop)
    });
    fails(&[ErrorKind::Busy], result);
    assert_eq!(db.fetch_val::<i64>("SELECT v FROM t WHERE n = 1", ()).unwrap(), Some(0));
    let tx = db.begin().unwrap();
    tx.execute(wait_little, ()).unwrap();
    tx.execute("UPDATE t SET v = 1 WHERE n = 1", ()).unwrap();
    fails(&[ErrorKind::Busy], tx.execute("UPDATE t SET v = 1 WHERE n = 2", ()));
    let committed = tx.commit().is_ok();
    assert_eq!(committed, on.is_mariadb());
    holder.run("ROLLBACK");
    let values: Vec<i64> = db.fetch_all("SELECT v FROM t ORDER BY n", ()).unwrap().column(0).unwrap();
    assert_eq!(values, [i64::from(committed), 0]);
    leaves_nothing(db, &database);
}

/// MariaDB commits before DDL, and with it what was done before. What comes after it is not committed one by one.
pub(crate) fn a_statement_that_commits_by_itself_is_told(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let created = tx.execute("CREATE TABLE other (n BIGINT)", ());
    let after = tx.execute("INSERT INTO t VALUES (2)", ());
    if on.is_postgres() {
        created.unwrap();
        after.unwrap();
        tx.rollback().unwrap();
        assert_eq!(count(&db), 0);
    } else {
        // Told at once if it could be seen coming, else with the next statement; nothing after it is done.
        let told = [created.err(), after.err()].into_iter().flatten().next().expect("it is told");
        let kinds = [ErrorKind::TransactionLost, ErrorKind::TransactionVerb, ErrorKind::Misuse];
        assert!(kinds.contains(&told.kind()), "{told:?}");
        let _ = tx.rollback();
        assert!(count(&db) <= 1, "the INSERT after it was not committed by itself");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t WHERE n = 2", ()).unwrap(), Some(0));
    }
    leaves_nothing(db, &database);
}
