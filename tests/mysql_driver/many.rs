//! One statement with many sets of parameters.

use std::thread;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::value::{Date, Kind, Value};
use pontoon::{Query, params};

use crate::kit::await_that;
use crate::{fails, open, scratch};

/// More than one command's worth.
const MANY: i64 = 5_000;

const TABLE: &str = "CREATE TABLE held (id BIGINT PRIMARY KEY, t LONGTEXT, d DECIMAL(20, 5), f DOUBLE, at DATETIME(6), \
    u BIGINT UNSIGNED, day DATE, took TIME(6), b LONGBLOB)";

const INSERT: &str = "INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Each type for some, nothing for others, and the first rows all but empty.
fn held(id: i64) -> Vec<Value> {
    let some = |nth: i64, value: Value| if id < 3 || id % nth == 0 { Value::Null(Kind::Unknown) } else { value };
    vec![
        Value::I64(id),
        some(3, Value::Text(format!("text {id} \u{1F600}"))),
        some(4, Value::Decimal(format!("{id}.25000").parse().unwrap())),
        some(5, Value::F64(id as f64 / 3.0)),
        some(6, Value::Timestamp("2024-02-29 12:34:56.789".parse().unwrap())),
        some(7, if id % 2 == 0 { Value::U64(u64::MAX) } else { Value::I64(id) }),
        some(8, Value::Date(Date::new(2024, 2, 29).unwrap())),
        some(9, Value::Time("12:34:56.789".parse().unwrap())),
        some(10, Value::Bytes(vec![0, 0xff, b'\'', b'\\', (id % 256) as u8])),
    ]
}

#[test]
fn each_set_runs_once_and_all_are_counted() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(TABLE).unwrap();
    assert_eq!(db.execute_many(INSERT, (0..MANY).map(held)).unwrap(), MANY as u64);
    let rows = db.fetch_all("SELECT * FROM held ORDER BY id", ()).unwrap();
    assert_eq!(rows.len(), MANY as usize);
    for (id, row) in (0..MANY).zip(&rows) {
        for (at, value) in held(id).into_iter().enumerate() {
            let read = row.value(at).unwrap().to_value();
            match value {
                // Unsigned as they are read; the same number.
                Value::I64(number) if at == 5 => assert_eq!(read, Value::I64(number), "{id}"),
                Value::Null(_) => assert!(matches!(read, Value::Null(_)), "{at} of {id}: {read:?}"),
                value => assert_eq!(read, value, "{at} of {id}"),
            }
        }
    }
    // None, one, or some for each set.
    let ranges = (0..2_000_i64).map(|at| params! { low: at * 3, high: at * 3 + at % 3 });
    let changed = db.execute_many("UPDATE held SET t = 'changed' WHERE id >= :low AND id < :high", ranges).unwrap();
    let of_range = |at: i64| (at * 3..at * 3 + at % 3).filter(|id| *id < MANY).count() as u64;
    assert_eq!(changed, (0..2_000).map(of_range).sum::<u64>());
    let deleted = db.execute_many("DELETE FROM held WHERE id = ?", (0..MANY).map(|id| (id,))).unwrap();
    assert_eq!(deleted, MANY as u64);
}

#[test]
fn numbers_with_and_without_a_sign_stay_what_they_are() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script("CREATE TABLE held (id INT PRIMARY KEY AUTO_INCREMENT, n DECIMAL(30), t TEXT)").unwrap();
    let numbers = [
        Value::I64(-1),
        Value::U64(u64::MAX),
        Value::I64(i64::MIN),
        Value::Null(Kind::Unknown),
        Value::Text("7".into()),
    ];
    let sets: Vec<Vec<Value>> =
        numbers.iter().cycle().take(100).map(|number| vec![number.clone(), number.clone()]).collect();
    assert_eq!(db.execute_many("INSERT INTO held (n, t) VALUES (?, ?)", sets).unwrap(), 100);
    let texts: Vec<Option<String>> = db.fetch_all("SELECT t FROM held ORDER BY id", ()).unwrap().column(0).unwrap();
    let expected = [Some("-1"), Some("18446744073709551615"), Some("-9223372036854775808"), None, Some("7")];
    assert!(texts.iter().map(Option::as_deref).eq(expected.into_iter().cycle().take(100)), "{texts:?}");
    let differs = db.fetch_val::<i64>("SELECT count(*) FROM held WHERE CAST(n AS CHAR) <> t", ()).unwrap();
    assert_eq!(differs, Some(0));
}

#[test]
fn many_sets_tell_which_one_failed() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(TABLE).unwrap();
    let session: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    for bad in [1, 2, 1_500, MANY - 1] {
        let ids = (0..MANY).map(|id| (if id == bad { 0 } else { id },));
        let error = fails(ErrorKind::UniqueViolation, db.execute_many("INSERT INTO held (id) VALUES (?)", ids.clone()));
        assert!(error.message().starts_with(&format!("set {bad}:")), "{error}");
        // And where there is something to be kept.
        let kept = db.transaction(|tx| {
            tx.execute("INSERT INTO held (id) VALUES (-1)", ())?;
            assert!(tx.execute_many("INSERT INTO held (id) VALUES (?)", ids).is_err());
            tx.fetch_val::<i64>("SELECT count(*) FROM held", ())
        });
        assert_eq!(kept.unwrap(), Some(1));
        db.execute("DELETE FROM held", ()).unwrap();
    }
    assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), session, "the same connection");
    // A list makes a text of its own for each set.
    db.execute_many("INSERT INTO held (id) VALUES (?)", (1..=9).map(|id| (id,))).unwrap();
    let sets = [params! { ids: vec![1, 2] }, params! { ids: vec![3] }, params! { ids: vec![4, 5, 6] }];
    assert_eq!(db.execute_many("DELETE FROM held WHERE id IN (:ids)", sets).unwrap(), 6);
}

#[test]
fn an_error_of_the_server_goes_before_a_later_one_of_this_side() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(TABLE).unwrap();
    for (twice, kind, number) in [(600, ErrorKind::UniqueViolation, 600), (800, ErrorKind::InvalidValue, 700)] {
        let sets = (0..1_000_i64).map(|id| (if id == twice { 0 } else { id }, if id == 700 { f64::NAN } else { 1.5 }));
        let error = fails(kind, db.execute_many("INSERT INTO held (id, f) VALUES (?, ?)", sets));
        assert!(error.message().starts_with(&format!("set {number}:")), "{error}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).unwrap(), Some(0));
    }
}

/// What has no transactions keeps what was done before the error, and nothing is done twice.
#[test]
fn a_table_without_transactions_sees_no_set_twice() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script("CREATE TABLE counts (id INT PRIMARY KEY, n INT NOT NULL) ENGINE = Aria TRANSACTIONAL = 0")
        .unwrap();
    db.execute_many("INSERT INTO counts VALUES (?, 0)", (0..1_000).map(|id| (id,))).unwrap();
    let sets = (0..1_000_i64).map(|id| (if id == 900 { None } else { Some(1) }, id));
    let error = fails(ErrorKind::NotNullViolation, db.execute_many("UPDATE counts SET n = n + ? WHERE id = ?", sets));
    assert!(error.message().contains("set"), "{error}");
    assert_eq!(db.fetch_val::<i64>("SELECT max(n) FROM counts", ()).unwrap(), Some(1));
}

#[test]
fn statements_that_are_no_single_command_run_one_by_one() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(TABLE).unwrap();
    let ids = || (0..100_i64).map(|id| (id,));
    assert_eq!(db.execute_many("INSERT INTO held (id) SELECT ?", ids()).unwrap(), 100);
    let returned = db.execute_many("INSERT INTO held (id) VALUES (? + 100) RETURNING id", ids()).unwrap();
    assert_eq!(returned, 100);
    let both = "UPDATE held a JOIN held b ON b.id = a.id + 100 SET a.t = 'a', b.t = 'b' WHERE a.id = ?";
    assert_eq!(db.execute_many(both, ids()).unwrap(), 200);
    assert_eq!(db.execute_many("DELETE a FROM held a WHERE a.id = ?", ids()).unwrap(), 100);
    assert_eq!(db.execute_many("REPLACE INTO held (id) VALUES (? + 100)", ids()).unwrap(), 200);
    assert_eq!(db.execute_many("UPDATE held SET t = 'none'", [(), (), ()]).unwrap(), 300);
    assert_eq!(db.execute_many("DO ?", ids()).unwrap(), 0);
}

#[test]
fn a_deadline_ends_a_command_of_many_sets_and_keeps_the_connection() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(TABLE).unwrap();
    db.execute_many("INSERT INTO held (id) VALUES (?)", (0..100).map(|id| (id,))).unwrap();
    let session: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    let slow = "UPDATE held SET f = sleep(:seconds) WHERE id = :id";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60 } else { 0 } });
    let query = Query::new(slow).timeout(Duration::from_millis(300));
    fails(ErrorKind::Timeout, db.execute_many(query, sets));
    assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), session, "the same connection");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE f IS NOT NULL", ()).unwrap(), Some(0));
}

#[test]
fn a_session_that_dies_in_the_midst_is_a_lost_connection() {
    let scratch = scratch!();
    // A thread has one connection of a database, and this one is busy.
    let (db, other) = (open(&scratch, ""), open(&scratch, ""));
    db.execute_script(TABLE).unwrap();
    db.execute_many("INSERT INTO held (id) VALUES (?)", (0..100).map(|id| (id,))).unwrap();
    let connection = db.connection().unwrap();
    let session: i64 = connection.fetch_val("SELECT connection_id()", ()).unwrap().unwrap();
    let slow = "UPDATE held SET f = sleep(:seconds) WHERE id = :id";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60 } else { 0 } });
    let lost = thread::scope(|scope| {
        let run = scope.spawn(move || connection.execute_many(slow, sets));
        await_that("the sets come to the slow one", || {
            let sleeps = "SELECT count(*) FROM information_schema.processlist WHERE id = ? AND state = 'User sleep'";
            other.fetch_val::<i64>(sleeps, (session,)).unwrap() == Some(1)
        });
        other.execute_script(&format!("KILL CONNECTION {session}")).unwrap();
        run.join().unwrap()
    });
    fails(ErrorKind::ConnectionLost, lost);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE f IS NOT NULL", ()).unwrap(), Some(0));
}

/// Two transactions in each other's way: the server takes all of one back, with its savepoints.
#[test]
fn a_deadlock_is_told_as_one() {
    let scratch = scratch!();
    // A thread has one connection of a database, and this one's is in a transaction.
    let (db, watch) = (open(&scratch, ""), open(&scratch, ""));
    db.execute_script(TABLE).unwrap();
    db.execute_many("INSERT INTO held (id) VALUES (?)", (0..100).map(|id| (id,))).unwrap();
    let update = "UPDATE held SET t = 'x' WHERE id = ?";
    let first = db.connection().unwrap();
    let heavy = first.begin().unwrap();
    heavy.execute("UPDATE held SET t = 'heavier, so the other one is chosen' WHERE id >= 50", ()).unwrap();
    thread::scope(|scope| {
        // From the other end: it has 1 and 2 when it comes to 50.
        let other = scope.spawn(|| db.execute_many(update, [(0,), (1,), (2,), (50,), (51,)]));
        await_that("the other one has the first rows", || {
            let free = "SELECT id FROM held WHERE id = 1 FOR UPDATE SKIP LOCKED";
            watch.fetch_val::<i64>(free, ()).unwrap().is_none()
        });
        heavy.execute(update, (1,)).unwrap();
        let error = fails(ErrorKind::Deadlock, other.join().unwrap());
        assert!(error.message().contains("set"), "{error}");
    });
    heavy.commit().unwrap();
    assert_eq!(db.execute_many(update, (0..100).map(|id| (id,))).unwrap(), 100);
}

/// A server in strict mode refuses what does not fit; in a table without transactions it does so for the first row of a
/// statement only, and makes the others fit.
#[test]
fn what_does_not_fit_is_refused_in_a_table_without_transactions_too() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(
        "CREATE TABLE short (id INT PRIMARY KEY, t VARCHAR(3), n TINYINT) ENGINE = Aria TRANSACTIONAL = 0",
    )
    .unwrap();
    let texts = |bad: i64| (0..200_i64).map(move |id| (id, if id == bad { "too long" } else { "fit" }));
    for bad in [0, 1, 2, 150] {
        let error =
            fails(ErrorKind::InvalidValue, db.execute_many("INSERT INTO short (id, t) VALUES (?, ?)", texts(bad)));
        assert!(error.message().contains("set"), "{error}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM short WHERE t <> 'fit'", ()).unwrap(), Some(0));
        db.execute("DELETE FROM short", ()).unwrap();
    }
}

/// What can be one command is one.
#[test]
fn plain_sets_are_few_commands() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script("CREATE TABLE held (id BIGINT PRIMARY KEY, t TEXT, n BIGINT)").unwrap();
    let connection = db.connection().unwrap();
    let asked = "SELECT CAST(variable_value AS SIGNED) FROM information_schema.session_status \
        WHERE variable_name = 'QUESTIONS'";
    let questions = || connection.fetch_val::<i64>(asked, ()).unwrap().unwrap();
    for sql in [
        "INSERT INTO held (id, t, n) VALUES (?, 'x', -1)",
        "REPLACE INTO held SET id = ?, t = 'y'",
        "UPDATE held SET t = CONCAT(t, 'z') WHERE id = ?",
        "DELETE FROM held WHERE id = ?",
    ] {
        let before = questions();
        assert!(connection.execute_many(sql, (0..1_000).map(|id| (id,))).unwrap() >= 1_000, "{sql}");
        let count = questions() - before;
        assert!(count < 30, "{sql}: {count}");
    }
    // And each of what cannot be is counted.
    for sql in [
        "INSERT INTO held (id) VALUES (? + 1)",
        "INSERT INTO held (id) VALUES (?) ON DUPLICATE KEY UPDATE n = n + 1, t = VALUES(t)",
    ] {
        let before = questions();
        connection.execute_many(sql, (0..100).map(|id| (id,))).unwrap();
        assert!(questions() - before >= 100, "{sql}");
        connection.execute("DELETE FROM held", ()).unwrap();
    }
}
