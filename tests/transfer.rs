//! The examples that go from one database to another, between those there are.
#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql", feature = "odbc", unix))]

mod kit;

use kit::Folder;
use kit::odbc::has_driver;
use kit::servers::{MariaDb, Postgres, shared};
use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Timestamp};
use pontoon::{Database, ErrorKind};

#[allow(dead_code, reason = "the example as it is, with its main")]
#[path = "../examples/legacy_odbc.rs"]
mod legacy_odbc;
#[allow(dead_code, reason = "the example as it is, with its main")]
#[path = "../examples/transfer.rs"]
mod transfer;

use transfer::Progress;

/// A row: a key, text, an exact number, a day, a moment, bytes.
type Row = (i64, Option<String>, Decimal, Option<Date>, Timestamp, Option<Vec<u8>>);

const ROWS: i64 = 5000;

fn rows() -> Vec<Row> {
    let row = |id: i64| {
        let day = format!("20{:02}-0{}-1{}", id % 100, id % 9 + 1, id % 9);
        (
            id,
            (id % 7 > 0).then(|| format!("{} ä😀'\\;", "x".repeat(id as usize % 90))),
            format!("{}.{:02}", id * 1000, id % 100).parse().expect("a decimal"),
            (id % 3 > 0).then(|| day.parse().expect("a date")),
            format!("{day} 12:34:56.{:06}", id * 131 % 1_000_000).parse().expect("a timestamp"),
            (id % 5 > 0).then(|| vec![id as u8; id as usize % 60]),
        )
    };
    (0..ROWS).map(row).collect()
}

/// The table, in the words of a database.
fn create(url: &str, text: &str, bytes: &str, timestamp: &str) -> Database {
    let db = Database::builder().url(url).open().unwrap_or_else(|error| panic!("{error:?}"));
    let table = format!(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, t {text}, n DECIMAL(20, 2) NOT NULL, d DATE, s {timestamp} NOT NULL, \
         y {bytes})"
    );
    db.execute(table, ()).unwrap_or_else(|error| panic!("{error:?}"));
    db
}

fn all(db: &Database) -> Vec<Row> {
    db.fetch_all_as("SELECT id, t, n, d, s, y FROM orders ORDER BY id", ()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn odbc_file(folder: &Folder, name: &str) -> String {
    format!("odbc:DRIVER=SQLite3;Database={}", folder.path(name).display())
}

#[test]
fn a_table_goes_through_every_database_and_comes_back_as_it_was() {
    if !has_driver("SQLite3") {
        return;
    }
    let (Some(postgres), Some(mariadb)) = (shared(&Postgres), shared(&MariaDb)) else { return };
    let (postgres, mariadb, folder) = (postgres.database(), mariadb.database(), Folder::new());
    let expected = rows();
    let first = folder.url("first.db");
    // SQLite keeps fifteen digits of a number, unless it is told that it is text.
    let sqlite = create(&first, "TEXT", "BLOB", "TIMESTAMP");
    sqlite
        .execute_script("DROP TABLE orders; CREATE TABLE orders (id BIGINT PRIMARY KEY, t TEXT, n DECIMAL_TEXT, d DATE, s TIMESTAMP, y BLOB)")
        .expect("a table");
    sqlite.bulk_insert("orders", &["id", "t", "n", "d", "s", "y"], expected.iter().cloned()).expect("rows");
    let last = odbc_file(&folder, "last.db");
    let ways = [
        (first.clone(), postgres.url(), "TEXT", "BYTEA", "TIMESTAMP"),
        (postgres.url(), mariadb.url(), "TEXT CHARACTER SET utf8mb4", "BLOB", "DATETIME(6)"),
        (mariadb.url(), last, "TEXT", "BLOB", "TIMESTAMP"),
    ];
    for (from, to, text, bytes, timestamp) in ways {
        let db = create(&to, text, bytes, timestamp);
        let mut told = Vec::new();
        let sent = transfer::run(&from, &to, "orders", |progress| told.push(progress));
        assert_eq!(sent.unwrap_or_else(|error| panic!("{error:?}")), ROWS as u64);
        assert_eq!(told[0], Progress::Found(ROWS as u64));
        assert!(told.len() >= 5, "in batches: {told:?}");
        let total: u64 = told.iter().map(|told| if let Progress::Sent(rows) = told { *rows } else { 0 }).sum();
        assert_eq!(total, ROWS as u64);
        let back = all(&db);
        let differs = back.iter().zip(&expected).find(|(back, expected)| back != expected);
        assert!(differs.is_none() && back.len() == expected.len(), "{} rows: {differs:?}", back.len());
    }
}

#[test]
fn of_a_table_that_cannot_be_taken_whole_nothing_is() {
    let Some(postgres) = shared(&Postgres) else { return };
    let (postgres, folder) = (postgres.database(), Folder::new());
    let from = folder.url("from.db");
    let sqlite = create(&from, "TEXT", "BLOB", "TIMESTAMP");
    sqlite.bulk_insert("orders", &["id", "t", "n", "d", "s", "y"], rows()).expect("rows");
    let db = create(&postgres.url(), "TEXT", "BYTEA", "TIMESTAMP");
    // One of the last is there already.
    let taken = rows().swap_remove(ROWS as usize - 10);
    db.bulk_insert("orders", &["id", "t", "n", "d", "s", "y"], [taken]).expect("a row");
    let mut batches = 0;
    let error = transfer::run(&from, &postgres.url(), "orders", |_| batches += 1).expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
    assert!(batches > 3, "it had begun: {batches}");
    assert_eq!(all(&db).len(), 1);
}

#[test]
fn a_data_source_is_looked_into() {
    if !has_driver("SQLite3") {
        return;
    }
    let folder = Folder::new();
    let url = odbc_file(&folder, "old.db");
    let db = create(&url, "TEXT", "BLOB", "TIMESTAMP");
    db.execute("CREATE TABLE empty (id INTEGER)", ()).expect("a table");
    db.bulk_insert("orders", &["id", "t", "n", "d", "s", "y"], rows().into_iter().take(10)).expect("rows");
    assert_eq!(legacy_odbc::look(&url).unwrap_or_else(|error| panic!("{error:?}")), 2);
}
