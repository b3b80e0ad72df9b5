//! Statements, transactions, cancels.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{ErrorKind, params};

use crate::{open, server};

#[test]
fn statements_rows_and_transactions() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute("CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)", ()).unwrap();
    for text in ["a", "b", "c"] {
        assert_eq!(db.execute("INSERT INTO notes (text) VALUES (:text)", params! { :text }).unwrap().rows_affected, 1);
    }
    let texts: Vec<String> = db.fetch_all("SELECT text FROM notes ORDER BY id", ()).unwrap().column(0).unwrap();
    assert_eq!(texts, ["a", "b", "c"]);
    let error = db
        .transaction(|tx| {
            tx.execute("DELETE FROM notes", ())?;
            tx.execute("INSERT INTO nowhere VALUES (1)", ())
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(3));
    assert!(db.close(Duration::from_secs(5)).is_clean());
}

#[test]
fn a_deadline_cancels_the_statement_at_the_server_and_keeps_the_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let error = db.fetch_all(Query::new("SELECT pg_sleep(60)").timeout(Duration::from_millis(200)), ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
}

#[test]
fn the_simple_protocol_is_refused_with_the_way_out() {
    let error = Database::new("postgresql://app@localhost/x?statement_mode=simple").unwrap_err();
    assert_eq!(error.kind(), pontoon::ErrorKind::Unsupported, "{error:?}");
    assert!(error.message().contains("use `unnamed`"), "{error}");
}
