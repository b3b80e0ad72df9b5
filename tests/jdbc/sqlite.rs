//! What SQLite does otherwise than the rest: its cancel is one of the whole connection.

use pontoon::prelude::*;
use pontoon::{Database, Query, Result};

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
