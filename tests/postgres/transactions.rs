//! What a COMMIT says and what it did; conflicts; statements that the server has forgotten.

use std::sync::mpsc::channel;

use pontoon::config::Config;
use pontoon::driver::postgres::Postgres;
use pontoon::driver::{Call, CommitOutcome, Driver, LinkState};
use pontoon::prelude::*;
use pontoon::{CommitError, Effect, ErrorKind, IsolationLevel, Retry, TxOptions};

use crate::{open, server};

const TABLES: &str = "
    CREATE TABLE notes (id int PRIMARY KEY, text text);
    CREATE TABLE parts (id int PRIMARY KEY, note int REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED,
        place int UNIQUE DEFERRABLE INITIALLY DEFERRED);";

fn count(on: &impl Queryable) -> i64 {
    on.fetch_val("SELECT count(*) FROM notes", ()).unwrap().unwrap()
}

#[test]
fn a_commit_that_the_server_answers_by_rolling_back_is_an_error() {
    let database = server!().database();
    open(&database, "").execute_script(TABLES).unwrap();
    // The library's own stack knows of the failed statement and does not ask for a COMMIT: so without it.
    let config = Config::from_url(database.url(), Postgres.schemes()).unwrap();
    let call = Call::until(None);
    let mut link = Postgres.open(&config).unwrap().connect(&call).unwrap();
    link.batch(&call, "BEGIN").unwrap();
    link.batch(&call, "INSERT INTO notes VALUES (1, 'lost')").unwrap();
    assert_eq!(link.state(), LinkState::Open);
    link.batch(&call, "SELECT 1/0").unwrap_err();
    assert_eq!(link.state(), LinkState::Failed);
    let CommitOutcome::RolledBack(error) = link.commit(&call) else { panic!("it is not committed") };
    assert_eq!(error.sqlstate(), Some("25P02"));
    link.rollback(&call).unwrap();
    assert_eq!(link.state(), LinkState::Idle);
    link.batch(&call, "BEGIN").unwrap();
    link.batch(&call, "INSERT INTO notes VALUES (1, 'kept')").unwrap();
    assert!(matches!(link.commit(&call), CommitOutcome::Committed));
    link.close().unwrap();
    assert_eq!(count(&open(&database, "")), 1);
}

#[test]
fn a_commit_that_is_refused_keeps_the_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute_script(TABLES).unwrap();
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    for (statement, kind, constraint) in [
        ("INSERT INTO parts VALUES (1, 99, 1)", ErrorKind::ForeignKeyViolation, "parts_note_fkey"),
        ("INSERT INTO parts VALUES (1, NULL, 7), (2, NULL, 7)", ErrorKind::UniqueViolation, "parts_place_key"),
    ] {
        let tx = db.begin().unwrap();
        tx.execute(statement, ()).unwrap();
        let error: pontoon::Error = tx.commit().unwrap_err().into();
        assert_eq!((error.kind(), error.effect()), (kind, Effect::NotApplied), "{error:?}");
        assert_eq!(error.constraint(), Some(constraint));
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM parts", ()).unwrap(), Some(0));
    }
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
}

/// Two transactions that each read what the other writes.
fn write_skew(db: &Database, options: &TxOptions) -> (pontoon::Result<()>, u32) {
    let (tell, told) = channel();
    let (done, is_done) = channel();
    std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            db.transaction_with(&TxOptions::new().isolation(IsolationLevel::Serializable), |tx| {
                count(tx);
                tx.execute("INSERT INTO notes VALUES (1, 'other')", ())?;
                told.recv().expect("the first has read");
                Ok::<_, pontoon::Error>(())
            })
            .expect("the one that commits first wins");
            done.send(()).expect("the first waits");
        });
        let mut runs = 0;
        let result = db.transaction_with(options, |tx| {
            runs += 1;
            let id = 10 + count(tx);
            if runs == 1 {
                tell.send(()).expect("the other waits");
                is_done.recv().expect("the other commits");
            }
            tx.execute("INSERT INTO notes VALUES (?, 'first')", (id,)).map(drop)
        });
        other.join().expect("no panic");
        (result, runs)
    })
}

#[test]
fn conflicts_are_run_again_when_asked_and_only_then() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute_script(TABLES).unwrap();
    let serializable = TxOptions::new().isolation(IsolationLevel::Serializable);
    let (result, runs) = write_skew(&db, &serializable);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), runs), (ErrorKind::Serialization, 1), "{error:?}");
    assert!(error.is_retryable());
    db.execute("DELETE FROM notes", ()).unwrap();
    let (result, runs) = write_skew(&db, &serializable.retry(Retry::attempts(3)));
    result.unwrap();
    assert_eq!((runs, count(&db)), (2, 2));
}

#[test]
fn a_commit_whose_connection_is_gone_is_unknown_or_undone_but_never_done_in_silence() {
    let server = server!();
    let database = server.database();
    let db = open(&database, "");
    db.execute_script(TABLES).unwrap();
    let tx = db.begin().unwrap();
    let backend: i64 = tx.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    tx.execute("INSERT INTO notes VALUES (1, 'x')", ()).unwrap();
    server.console().run(&format!("SELECT pg_terminate_backend({backend}, 10000)"));
    let error = tx.commit().unwrap_err();
    let error: pontoon::Error = CommitError::into(error);
    assert_eq!(error.kind(), ErrorKind::CommitUnknown, "{error:?}");
    assert!(!error.is_retryable());
    assert_eq!(count(&db), 0);
}

#[test]
fn a_server_that_ends_an_idle_transaction_is_a_lost_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1&options=-c%20idle_in_transaction_session_timeout%3D50");
    db.execute_script(TABLES).unwrap();
    let tx = db.begin().unwrap();
    let backend: i64 = tx.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    tx.execute("INSERT INTO notes VALUES (1, 'x')", ()).unwrap();
    let gone = format!("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {backend})");
    server!().console().wait_for_row(&gone);
    let error = tx.execute("INSERT INTO notes VALUES (2, 'y')", ()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::TransactionLost), "{error:?}");
    drop(tx);
    assert_eq!(count(&db), 0);
}

#[test]
fn stale_plans_heal_outside_a_transaction_and_say_what_to_do_inside() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let other = open(&database, "pool_size=1");
    db.execute_script(TABLES).unwrap();
    let select = "SELECT * FROM notes WHERE id > ?";
    db.execute("INSERT INTO notes VALUES (1, 'x')", ()).unwrap();
    let width = |rows: pontoon::Rows| rows.columns().map_or(0, |columns| columns.iter().len());
    for column in ["a", "b"] {
        assert_eq!(db.fetch_all(select, (0,)).unwrap().len(), 1);
        other.execute(format!("ALTER TABLE notes ADD COLUMN {column} int"), ()).unwrap();
    }
    assert_eq!(width(db.fetch_all(select, (0,)).unwrap()), 4);
    other.execute("ALTER TABLE notes ADD COLUMN c int", ()).unwrap();
    let tx = db.begin().unwrap();
    let error = tx.fetch_all(select, (0,)).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Serialization, Effect::NotApplied), "{error:?}");
    assert!(error.message().contains("begin the transaction again"), "{error}");
    drop(tx);
    // What is said is true.
    other.execute("ALTER TABLE notes ADD COLUMN d int", ()).unwrap();
    let retried = TxOptions::new().retry(Retry::attempts(2));
    let columns = db.transaction_with(&retried, |tx| tx.fetch_all(select, (0,)).map(width));
    assert_eq!(columns.unwrap(), 6);
}

#[test]
fn statements_that_the_server_has_forgotten_are_prepared_again() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let connection = db.connection().unwrap();
    for round in 0..3 {
        assert_eq!(connection.fetch_val::<i64>("SELECT 1 + ?", (round,)).unwrap(), Some(1 + round));
        connection.execute("DEALLOCATE ALL", ()).unwrap();
    }
    connection.fetch_val::<i64>("SELECT 1 + ?", (1,)).unwrap();
    let tx = connection.begin().unwrap();
    tx.execute("DEALLOCATE ALL", ()).unwrap();
    let error = tx.fetch_val::<i64>("SELECT 1 + ?", (1,)).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Serialization, Some("26000")), "{error:?}");
}

#[test]
fn no_more_statements_are_kept_than_asked_for() {
    let database = server!().database();
    for (options, most) in [("statement_cache=3", 3), ("statement_mode=unnamed", 0)] {
        let db = open(&database, &format!("pool_size=1&{options}"));
        let connection = db.connection().unwrap();
        for number in 0..20 {
            let sum: Option<i64> = connection.fetch_val(format!("SELECT {number} + ?"), (1,)).unwrap();
            assert_eq!(sum, Some(number + 1));
        }
        let kept = "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql AND statement LIKE '%$1%'";
        let kept = connection.raw(|client: &mut postgres::Client| {
            let rows =
                client.simple_query(kept).map_err(|error| pontoon::Error::new(ErrorKind::Other, error.to_string()))?;
            Ok(rows.iter().find_map(|row| match row {
                postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            }))
        });
        assert!(kept.unwrap().expect("a row").parse::<i64>().expect("a number") <= most);
    }
}

#[test]
fn what_a_borrower_leaves_in_a_session_is_gone_for_the_next() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute_script("CREATE TABLE notes (id int); CREATE SEQUENCE counter; CREATE ROLE nobody_else").ok();
    let backend = || db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap();
    let first = backend();
    for leave in [
        "SET search_path = pg_catalog",
        "SET statement_timeout = 1",
        "SET ROLE nobody_else",
        "CREATE TEMP TABLE notes (id text)",
        "SELECT pg_advisory_lock(7)",
        "LISTEN news",
        "PREPARE mine AS SELECT 1",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SELECT set_config('app.user', 'somebody', false)",
        "SELECT nextval('counter')",
        "DECLARE held CURSOR WITH HOLD FOR SELECT 1",
    ] {
        db.execute(leave, ()).unwrap();
        let clean = "SELECT current_setting('search_path') = '\"$user\", public' AND current_setting('statement_timeout') = '0'
            AND current_user = session_user AND to_regclass('pg_temp.notes') IS NULL
            AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
            AND NOT EXISTS (SELECT FROM pg_listening_channels()) AND NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'held')
            AND current_setting('transaction_isolation') = 'read committed'
            AND coalesce(current_setting('app.user', true), '') = ''";
        assert_eq!(db.fetch_val::<bool>(clean, ()).unwrap(), Some(true), "{leave}");
        assert_eq!(backend(), first, "cleaned, and not replaced, after {leave}");
    }
    let full = open(&database, "pool_size=1&reset=full");
    full.execute("PREPARE mine AS SELECT 1", ()).unwrap();
    let left = "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'";
    assert_eq!(full.fetch_val::<i64>(left, ()).unwrap(), Some(0));
    assert_eq!(full.fetch_val::<i64>(left, ()).unwrap(), Some(0));
    drop(full);
    server!().console().try_run("DROP ROLE nobody_else").ok();
}
