//! What SQLite does otherwise than the rest: its cancel is one of the whole connection.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Database, ErrorKind, Query, Result};

use crate::kit::Folder;
use crate::kit::java::{SQLITE, quick};

fn open(folder: &Folder) -> Result<Option<Database>> {
    if !SQLITE.are_here() {
        return Ok(None);
    }
    let url = format!("jdbc:sqlite:{}", folder.path("t.db").display());
    let db = quick(Database::builder().url(url).pool_size(1), SQLITE).open()?;
    db.execute_script("CREATE TABLE t (id INTEGER PRIMARY KEY)")?;
    db.execute_many("INSERT INTO t VALUES (?)", (0..1000_i64).map(|id| (id,)))?;
    Ok(Some(db))
}

#[test]
fn streams_that_are_left_while_they_are_read_ahead_leave_no_cursor_behind() -> Result<()> {
    let folder = Folder::new();
    let Some(db) = open(&folder)? else { return Ok(()) };
    let connection = db.connection()?;
    for read in 0..400 {
        let mut rows = connection.iterate(Query::new("SELECT id FROM t").batch_rows(16), ())?;
        for _ in 0..read {
            assert!(rows.next().transpose()?.is_some());
        }
    }
    // Refused for as long as anything reads it.
    connection.execute("DROP TABLE t", ())?;
    Ok(())
}

#[test]
fn a_stream_that_is_left_while_it_is_read_ahead_harms_nothing_beside_it() -> Result<()> {
    let folder = Folder::new();
    let Some(db) = open(&folder)? else { return Ok(()) };
    let connection = db.connection()?;
    let mut seen = 0;
    for row in connection.iterate(Query::new("SELECT id FROM t").batch_rows(16), ())? {
        row?;
        seen += 1;
        let mut inner = connection.iterate(Query::new("SELECT id FROM t").batch_rows(16), ())?;
        for _ in 0..seen % 100 {
            assert!(inner.next().transpose()?.is_some());
        }
    }
    assert_eq!(seen, 1000);
    connection.execute("DROP TABLE t", ())?;
    Ok(())
}

#[test]
fn a_statement_that_is_cancelled_beside_a_stream_costs_no_more_than_that() -> Result<()> {
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n";
    let folder = Folder::new();
    let Some(db) = open(&folder)? else { return Ok(()) };
    let _rolls_back = db.force_rollback_scope(true);
    let connection = db.connection()?;
    connection.execute("INSERT INTO t VALUES (-7)", ())?;
    let mut rows = connection.iterate(Query::new("SELECT id FROM t").batch_rows(1), ())?;
    assert!(rows.next().transpose()?.is_some());
    let endless = Query::new(ENDLESS).timeout(Duration::from_millis(100));
    let error = connection.fetch_val::<i64>(endless, ()).expect_err("it is endless");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    // Of the same connection, and the same transaction.
    assert_eq!(connection.fetch_val::<i64>("SELECT min(id) FROM t", ())?, Some(-7));
    let error = rows.filter_map(Result::err).next().expect("it was cancelled as well");
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    connection.execute("INSERT INTO t VALUES (-8)", ())?;
    Ok(())
}

#[test]
fn sets_that_give_rows_leave_nothing_under_way() -> Result<()> {
    let folder = Folder::new();
    let Some(db) = open(&folder)? else { return Ok(()) };
    let connection = db.connection()?;
    let sets = (-10..0_i64).map(|id| (id,));
    assert_eq!(connection.execute_many("INSERT INTO t VALUES (?) RETURNING id", sets)?, 10);
    connection.execute("DROP TABLE t", ())?;
    Ok(())
}

#[test]
fn a_query_that_is_executed_is_ended_under_force_rollback_as_well() -> Result<()> {
    let folder = Folder::new();
    let Some(db) = open(&folder)? else { return Ok(()) };
    db.set_force_rollback(Some(true));
    db.execute("DELETE FROM t", ())?;
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let late = db.execute(Query::new(endless).timeout(Duration::from_millis(100)), ()).expect_err("it never ends");
    assert_eq!(late.kind(), ErrorKind::Timeout, "{late:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ())?, Some(0), "the transaction is still there");
    Ok(())
}
