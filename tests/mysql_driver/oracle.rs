//! What MySQL itself does otherwise than MariaDB. No package of the system has it, so these run where
//! `PONTOON_TEST_MYSQL` names a server (`mysql://user:password@host:port`, a user who may do everything), and say so
//! where it does not.

use std::io::Write as _;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::testing::TestDatabase;
use pontoon::value::{Kind, TimestampTz};
use pontoon::{BulkPath, Query};

use crate::fails;

/// The options of a database of the test's own, or the test is left out.
fn at(options: &str) -> Option<TestDatabase> {
    let Ok(url) = std::env::var("PONTOON_TEST_MYSQL") else {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("LEFT OUT: {test} needs MySQL itself: PONTOON_TEST_MYSQL names none\n");
        // Past the capture of the test runner.
        let _ = std::io::stderr().write_all(line.as_bytes());
        return None;
    };
    Some(TestDatabase::new(format!("{}/oracle{options}", url.trim_end_matches('/'))).expect("a database"))
}

#[test]
fn it_tells_what_became_of_a_transaction() {
    let Some(db) = at("?pool_size=1") else { return };
    assert_eq!(db.dialect().name, "MySQL");
    db.execute_script("CREATE TABLE t (id INT PRIMARY KEY)").unwrap();
    // An error leaves it open, and it is asked.
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    fails(ErrorKind::UniqueViolation, tx.execute("INSERT INTO t VALUES (1)", ()));
    tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
    tx.commit().unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap(), Some(2));
    for ends in ["CREATE TABLE u (id INT)", "ANALYZE TABLE t", "DROP TABLE u"] {
        let tx = db.begin().unwrap();
        tx.execute("DELETE FROM t WHERE id = 2", ()).unwrap();
        fails(ErrorKind::TransactionLost, tx.execute(ends, ()));
        fails(ErrorKind::TransactionLost, tx.commit());
    }
    // Outside of one, an error is no reason to take one for open.
    fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO t VALUES (1)", ()));
    db.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)).unwrap();
}

#[test]
fn a_killed_sleep_answers_and_is_late_all_the_same() {
    let Some(db) = at("?pool_size=1") else { return };
    let late = || Query::new("SELECT sleep(60)").timeout(Duration::from_millis(100));
    let before: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    let tx = db.begin().unwrap();
    fails(ErrorKind::Timeout, tx.fetch_val::<i64>(late(), ()));
    fails(ErrorKind::TransactionAborted, tx.commit());
    assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), before, "the same connection");
}

#[test]
fn its_own_types() {
    let Some(db) = at("?pool_size=1") else { return };
    db.execute_script("CREATE TABLE t (j JSON, at TIMESTAMP(3), d DECIMAL(65, 30), u BIGINT UNSIGNED, b BIT(5))")
        .unwrap();
    let moment: TimestampTz = "2024-02-29 12:34:56.789+02:00".parse().unwrap();
    let decimal = "-12345678901234567890123456789012345.123456789012345678901234567890";
    db.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", (r#"{"a": [1, null]}"#, moment, decimal, u64::MAX, 21)).unwrap();
    let row = db.fetch_one("SELECT * FROM t", ()).unwrap().unwrap();
    assert_eq!(row.value("j").unwrap().kind(), Kind::Json);
    assert_eq!(row.get::<pontoon::value::Json<serde_json::Value>>("j").unwrap().0["a"][0], 1);
    assert_eq!(row.value("d").unwrap().get::<pontoon::value::Decimal>().unwrap().as_str(), decimal);
    assert_eq!(row.get::<u64>("u").unwrap(), u64::MAX);
    assert_eq!(row.get::<u64>("b").unwrap(), 21);
    // It understood the offset.
    let utc: Option<String> =
        db.fetch_val("SELECT CAST(CONVERT_TZ(at, @@session.time_zone, '+00:00') AS CHAR) FROM t", ()).unwrap();
    assert_eq!(utc.as_deref(), Some("2024-02-29 10:34:56.789"));
}

#[test]
fn its_reset_takes_everything_back() {
    let Some(db) = at("?pool_size=1") else { return };
    let role = format!("role_{}", std::process::id());
    db.execute_script(&format!("CREATE ROLE {role}; SET @me = CURRENT_USER(); DO 0")).unwrap();
    let me: String = db.fetch_val("SELECT CURRENT_USER()", ()).unwrap().unwrap();
    let (user, host) = me.split_once('@').unwrap();
    db.execute(format!("GRANT {role} TO '{user}'@'{host}'"), ()).unwrap();
    let name = db.url().database().unwrap().to_owned();
    let connection = db.connection().unwrap();
    connection.execute_script(&format!("SET ROLE {role}; SET @left = 1; USE mysql")).unwrap();
    drop(connection);
    let row = db.fetch_one("SELECT CURRENT_ROLE(), @left IS NULL, DATABASE(), @@autocommit", ()).unwrap().unwrap();
    assert_eq!(row.get::<String>(0).unwrap(), "NONE");
    assert_eq!((row.get::<i64>(1).unwrap(), row.get::<String>(2).unwrap(), row.get::<i64>(3).unwrap()), (1, name, 1));
    db.execute(format!("DROP ROLE {role}"), ()).unwrap();
}

#[test]
fn a_login_over_plain_tcp_and_over_tls() {
    for options in ["?sslmode=disable", "?sslmode=require", "?compress=true"] {
        let Some(db) = at(options) else { return };
        let plugin: Option<String> = db
            .fetch_val("SELECT plugin FROM mysql.user WHERE user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) LIMIT 1", ())
            .unwrap();
        assert_eq!(plugin.as_deref(), Some("caching_sha2_password"));
        let cipher: String = db.fetch_one("SHOW STATUS LIKE 'Ssl_cipher'", ()).unwrap().unwrap().get(1).unwrap();
        assert_eq!(cipher.is_empty(), options != "?sslmode=require", "{options}");
    }
}

#[test]
fn rows_by_load_data() {
    let Some(db) = at("?bulk=load_data") else { return };
    db.execute_script("CREATE TABLE t (id INT PRIMARY KEY, t TEXT, b BLOB)").unwrap();
    let loaded = db.bulk_insert("t", &["id", "t", "b"], (0..1000).map(|id| (id, "a\tb\n\\", vec![0_u8, 255]))).unwrap();
    assert_eq!((loaded.rows, loaded.path), (1000, BulkPath::Copy));
    let row = db.fetch_one("SELECT t, b FROM t WHERE id = 999", ()).unwrap().unwrap();
    assert_eq!((row.get::<String>(0).unwrap(), row.get::<Vec<u8>>(1).unwrap()), ("a\tb\n\\".into(), vec![0, 255]));
    fails(ErrorKind::UniqueViolation, db.bulk_insert("t", &["id"], [(2000,), (1,)]));
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap(), Some(1000));
}
