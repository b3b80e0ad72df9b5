//! One statement with many sets of parameters: runs that share a journey.

use std::thread;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal};
use pontoon::{ErrorKind, params};

use crate::kit::await_that;
use crate::{open, server};

/// More than one journey's worth.
const MANY: i64 = 5_000;

const TABLE: &str = "CREATE TABLE notes (id bigint PRIMARY KEY, text text, price numeric, due date, flag boolean)";

fn note(id: i64) -> (i64, Option<String>, Option<Decimal>, Option<Date>, bool) {
    let text = (id % 3 != 0).then(|| format!("note {id} \u{1F600}"));
    let due = (id % 5 == 0).then(|| Date::new(2024, 2, 29).unwrap());
    (id, text, (id % 2 == 0).then(|| format!("{id}.25").parse().unwrap()), due, id % 7 == 0)
}

#[test]
fn each_set_runs_once_and_all_are_counted() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let inserted = db.execute_many("INSERT INTO notes VALUES (?, ?, ?, ?, ?)", (0..MANY).map(note)).unwrap();
    assert_eq!(inserted, MANY as u64);
    type Note = (i64, Option<String>, Option<Decimal>, Option<Date>, bool);
    let read: Vec<Note> = db.fetch_all_as("SELECT * FROM notes ORDER BY id", ()).unwrap();
    assert_eq!(read, (0..MANY).map(note).collect::<Vec<_>>());
    // None, one, or some for each set.
    let ranges = (0..2_000_i64).map(|at| params! { low: at * 3, high: at * 3 + at % 3 });
    let changed = db.execute_many("UPDATE notes SET flag = true WHERE id >= :low AND id < :high", ranges).unwrap();
    let expected: i64 =
        (0..2_000).map(|at| (0..MANY).filter(|id| (at * 3..at * 3 + at % 3).contains(id)).count() as i64).sum();
    assert_eq!(changed, expected as u64);
    // Rows that come back are nobody's.
    let deleted = db.execute_many("DELETE FROM notes WHERE id = ? RETURNING *", (0..MANY).map(|id| (id,))).unwrap();
    assert_eq!(deleted, MANY as u64);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn the_first_set_that_fails_is_named_and_the_transaction_goes_on() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let insert = "INSERT INTO notes (id) VALUES (?)";
    for bad in [1, 2, 700, MANY - 2, MANY - 1] {
        let ids = (0..MANY).map(|id| (if id == bad { 0 } else { id },));
        let error = db.execute_many(insert, ids.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        assert!(error.to_string().contains(&format!("set {bad}")), "{error}");
        // And where there is something to be kept.
        let kept = db.transaction(|tx| {
            tx.execute("INSERT INTO notes (id, text) VALUES (-1, 'kept')", ())?;
            assert!(tx.execute_many(insert, ids).is_err());
            tx.fetch_val::<i64>("SELECT count(*) FROM notes", ())
        });
        assert_eq!(kept.unwrap(), Some(1));
        db.execute("DELETE FROM notes", ()).unwrap();
    }
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
}

#[test]
fn an_error_of_the_server_goes_before_a_later_one_of_this_side() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let texts = |twice: i64| {
        (0..1_000_i64).map(move |id| (if id == twice { 0 } else { id }, if id == 700 { "a\0b" } else { "fine" }))
    };
    for (twice, kind, number) in [(600, ErrorKind::UniqueViolation, 600), (800, ErrorKind::NulInText, 700)] {
        let error = db.execute_many("INSERT INTO notes (id, text) VALUES (?, ?)", texts(twice)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(&format!("set {number}")), "{error}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
    }
}

/// The end of a statement that is forgotten travels with the runs, and must not be what gets their error.
#[test]
fn a_statement_that_is_forgotten_does_not_get_in_the_way() {
    let database = server!().database();
    let db = open(&database, "pool_size=1&statement_cache=1");
    db.execute(TABLE, ()).unwrap();
    for round in 0..20 {
        db.fetch_all("SELECT * FROM notes WHERE id = ?", (round,)).unwrap();
        let error = db.execute_many("INSERT INTO notes (id) VALUES (?)", [(1,), (2,), (3,), (2,)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        assert!(error.to_string().contains("set 3"), "{error}");
        let held: i64 = db.fetch_val("SELECT count(*) FROM pg_prepared_statements", ()).unwrap().unwrap();
        assert!(held <= 3, "{held} statements are left in the session");
    }
}

#[test]
fn long_values_and_lists_go_between_the_others() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let text = |id: i64| "x".repeat(if id % 50 == 49 { 300_000 } else { id as usize });
    let inserted =
        db.execute_many("INSERT INTO notes (id, text) VALUES (?, ?)", (0..200).map(|id| (id, text(id)))).unwrap();
    assert_eq!(inserted, 200);
    let lengths: Vec<i64> =
        db.fetch_all("SELECT length(text)::bigint FROM notes ORDER BY id", ()).unwrap().column(0).unwrap();
    assert_eq!(lengths, (0..200).map(|id| text(id).len() as i64).collect::<Vec<_>>());
    let lists = (0..100_i64)
        .map(|at| params! { flag: true, ids: (0..at % 4 + 1).map(|more| at * 4 + more).collect::<Vec<_>>() });
    let changed = db.execute_many("UPDATE notes SET flag = :flag WHERE id IN (:ids)", lists).unwrap();
    assert_eq!(changed, (0..50).map(|at| at % 4 + 1).sum::<u64>());
}

#[test]
fn a_deadline_ends_runs_in_the_midst_and_keeps_the_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let slow = "INSERT INTO notes (id) SELECT :id FROM pg_sleep(:seconds)";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60.0 } else { 0.0 } });
    let error = db.execute_many(Query::new(slow).timeout(Duration::from_millis(300)), sets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn a_backend_that_dies_in_the_midst_is_a_lost_connection() {
    let database = server!().database();
    // A thread has one connection of a database, and this one is busy.
    let (db, other) = (open(&database, ""), open(&database, ""));
    db.execute(TABLE, ()).unwrap();
    let connection = db.connection().unwrap();
    let backend: i64 = connection.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let slow = "INSERT INTO notes (id) SELECT :id FROM pg_sleep(:seconds)";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60.0 } else { 0.0 } });
    let error = thread::scope(|scope| {
        let run = scope.spawn(move || connection.execute_many(slow, sets).unwrap_err());
        await_that("the runs come to the slow one", || {
            let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE pid = :backend AND wait_event = 'PgSleep'";
            other.fetch_val::<i64>(sleeps, params! { :backend }).unwrap() == Some(1)
        });
        other.execute("SELECT pg_terminate_backend(:backend::int)", params! { :backend }).unwrap();
        run.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn what_the_server_says_beside_its_answers_is_no_answer() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    db.execute_script(
        "CREATE FUNCTION talks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE NOTICE 'note %', NEW.id;
            PERFORM set_config('application_name', 'note ' || NEW.id, false);
            PERFORM pg_notify('notes', NEW.id::text);
            RETURN NEW;
        END $$;
        CREATE TRIGGER talks BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION talks();
        LISTEN notes",
    )
    .unwrap();
    for round in 0..3_i64 {
        let ids = (round * 1_000..(round + 1) * 1_000).map(|id| (id,));
        assert_eq!(db.execute_many("INSERT INTO notes (id) VALUES (?)", ids).unwrap(), 1_000);
    }
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(3_000));
}
