//! Statements that stay prepared on a connection by ODBC: what must not show of it.
#![cfg(all(feature = "odbc", unix))]

mod kit;

use std::time::Duration;

use kit::odbc::{has_driver, on_server};
use kit::servers::{MariaDb, Postgres, Scratch};
use pontoon::prelude::*;
use pontoon::value::Value;
use pontoon::{Connection, Database, ErrorKind, Query, Result};

/// A database behind an ODBC driver, gone when the test is over.
struct Target {
    name: &'static str,
    url: String,
    text: &'static str,
    /// Runs for as long as its parameter says.
    counts: &'static str,
    _place: Place,
}

enum Place {
    Folder(std::path::PathBuf),
    Server(#[expect(dead_code, reason = "dropped with the test")] Scratch<'static>),
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Folder(path) = self {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn sqlite() -> Option<Target> {
    if !has_driver("SQLite3") {
        return None;
    }
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("pontoon-odbc-kept-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    Some(Target {
        name: "SQLite",
        url: format!("odbc:DRIVER=SQLite3;Database={}/t.db", folder.display()),
        text: "TEXT",
        counts: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT max(i) FROM n",
        _place: Place::Folder(folder),
    })
}

fn postgres() -> Option<Target> {
    let (url, scratch) = on_server(&Postgres, "PostgreSQL+Unicode")?;
    Some(Target {
        name: "PostgreSQL",
        url,
        text: "TEXT",
        counts: "SELECT max(n) FROM generate_series(1, CAST(? AS BIGINT)) AS n",
        _place: Place::Server(scratch),
    })
}

fn mariadb() -> Option<Target> {
    let (url, scratch) = on_server(&MariaDb, "MariaDB+Unicode")?;
    Some(Target {
        name: "MariaDB",
        url,
        text: "LONGTEXT CHARACTER SET utf8mb4",
        counts: "SELECT max(a.seq + b.seq - 100000000) FROM seq_1_to_100000000 AS a, seq_100000000_to_100000000 AS b \
                 WHERE a.seq <= ?",
        _place: Place::Server(scratch),
    })
}

impl Target {
    fn open(&self, kept: &str) -> Database {
        let db = Database::builder().url(&self.url).option("statement_cache", kept).pool_size(1);
        let db = db.timeout(Some(Duration::from_secs(20))).build();
        let db = db.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        db.connect().unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        db
    }
}

/// A database of one connection that keeps statements, and somebody else's. Each assertion names the database.
fn on_each(test: impl Fn(&Target, &Database, &Database) -> Result<()>) {
    for target in [sqlite(), postgres(), mariadb()].into_iter().flatten() {
        let (db, other) = (target.open("64"), target.open("0"));
        test(&target, &db, &other).unwrap_or_else(|error| panic!("{}: {error:?}", target.name));
        for db in [db, other] {
            let report = db.close(Duration::from_secs(10));
            assert!(report.is_clean(), "{}: {report:?}", target.name);
        }
    }
}

/// A text that ran so often that it stays prepared.
const OFTEN: i64 = 4;

fn names(db: &Database, sql: &str) -> Result<Vec<String>> {
    let rows = db.fetch_all(sql, ())?;
    Ok(rows.columns().expect("columns").names().map(str::to_lowercase).collect())
}

#[test]
fn a_text_is_prepared_when_it_runs_again_and_not_before() {
    let prepared = |conn: &Connection, target: &Target| -> Result<i64> {
        match target.name {
            "PostgreSQL" => {
                let all = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%marked%'";
                Ok(conn.fetch_val(all, ())?.expect("a count"))
            }
            _ => {
                let row = conn.fetch_one("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'", ())?.expect("a counter");
                Ok(row.get::<String>(1)?.parse().expect("a number"))
            }
        }
    };
    for (kept, again) in [("64", 2), ("0", i64::MAX)] {
        for target in [postgres(), mariadb()].into_iter().flatten() {
            let db = target.open(kept);
            let conn = db.connection().expect("a connection");
            let run = |times: i64| -> Result<i64> {
                let before = prepared(&conn, &target)?;
                for number in 0..times {
                    let sql = "SELECT ? + 1 AS marked";
                    assert_eq!(conn.fetch_val::<i64>(sql, (number,))?, Some(number + 1), "{}", target.name);
                }
                Ok(prepared(&conn, &target)? - before)
            };
            let count = run(10).unwrap_or_else(|error| panic!("{}: {error:?}", target.name));
            match (target.name, again) {
                // The question itself is a statement that has the mark.
                ("PostgreSQL", 2) => assert!((1..=2).contains(&count), "{count}"),
                ("PostgreSQL", _) => assert_eq!(count, 0),
                (_, 2) => assert!((2..=4).contains(&count), "{count}"),
                (_, _) => assert!(count >= 10, "{count}"),
            }
        }
    }
}

#[test]
fn what_somebody_else_changes_is_seen() {
    on_each(|target, db, other| {
        other.execute(format!("CREATE TABLE held (a INTEGER, b {})", target.text), ())?;
        other.execute("INSERT INTO held VALUES (7, 'x')", ())?;
        let all = "SELECT * FROM held WHERE a = ?";
        // By the asterisk, and by its name, of which a driver may keep more.
        let read = |of: &[&str], values: &[Value], key: Value| -> Result<()> {
            for _ in 0..OFTEN {
                let rows = db.fetch_all(all, (key.clone(),))?;
                let found: Vec<_> = rows.columns().expect("columns").names().map(str::to_lowercase).collect();
                assert_eq!(found, of, "{}", target.name);
                let row = rows.iter().next().unwrap_or_else(|| panic!("{}: no row", target.name));
                for (at, value) in values.iter().enumerate() {
                    assert_eq!(&row.get::<Value>(at)?, value, "{}", target.name);
                }
            }
            for _ in 0..OFTEN {
                for (name, value) in of.iter().zip(values) {
                    let found: Option<Value> = db.fetch_val(format!("SELECT {name} FROM held"), ())?;
                    assert_eq!(found.as_ref(), Some(value), "{}: {name}", target.name);
                }
            }
            Ok(())
        };
        let text = |text: &str| Value::Text(text.into());
        read(&["a", "b"], &[Value::I64(7), text("x")], Value::I64(7))?;
        // A column more, a column of another name, none of that, and a column of another type.
        other.execute("ALTER TABLE held ADD COLUMN c INTEGER DEFAULT 5", ())?;
        read(&["a", "b", "c"], &[Value::I64(7), text("x"), Value::I64(5)], Value::I64(7))?;
        other.execute("ALTER TABLE held RENAME COLUMN b TO d", ())?;
        read(&["a", "d", "c"], &[Value::I64(7), text("x"), Value::I64(5)], Value::I64(7))?;
        other.execute("ALTER TABLE held DROP COLUMN c", ())?;
        read(&["a", "d"], &[Value::I64(7), text("x")], Value::I64(7))?;
        other.execute("DROP TABLE held", ())?;
        let error = db.fetch_all(all, (7_i64,)).expect_err("no such table");
        assert_eq!(error.kind(), ErrorKind::UndefinedTable, "{}: {error:?}", target.name);
        other.execute(format!("CREATE TABLE held (d VARCHAR(20), a {})", "VARCHAR(20)"), ())?;
        other.execute("INSERT INTO held VALUES ('007', 'seven')", ())?;
        read(&["d", "a"], &[text("007"), text("seven")], text("seven"))?;
        other.execute("DROP TABLE held", ())?;
        other.execute("CREATE TABLE held (d BIGINT, a VARCHAR(20))", ())?;
        other.execute("INSERT INTO held VALUES (8, 'eight')", ())?;
        read(&["d", "a"], &[Value::I64(8), text("eight")], text("eight"))
    });
}

#[test]
fn what_is_changed_on_the_connection_itself_is_seen() {
    on_each(|target, db, _| {
        let conn = db.connection()?;
        conn.execute("CREATE TABLE held (a INTEGER)", ())?;
        conn.execute("INSERT INTO held VALUES (1)", ())?;
        let read = |sql: &str| -> Result<Vec<Value>> {
            let mut last = Vec::new();
            for _ in 0..OFTEN {
                let row = conn.fetch_one(sql, ())?.expect("a row");
                last = (0..row.len()).map(|at| row.get::<Value>(at)).collect::<Result<_>>()?;
            }
            Ok(last)
        };
        let all = "SELECT * FROM held";
        assert_eq!(read(all)?, [Value::I64(1)], "{}", target.name);
        conn.execute("ALTER TABLE held ADD COLUMN b INTEGER DEFAULT 2", ())?;
        assert_eq!(read(all)?, [Value::I64(1), Value::I64(2)], "{}", target.name);
        conn.execute("DROP TABLE held", ())?;
        conn.execute("CREATE TABLE held (t VARCHAR(10))", ())?;
        conn.execute("INSERT INTO held VALUES ('t')", ())?;
        assert_eq!(read(all)?, [Value::Text("t".into())], "{}", target.name);
        Ok(())
    });
}

#[test]
fn a_change_that_is_rolled_back_leaves_nothing_behind() {
    on_each(|target, db, _| {
        if target.name == "MariaDB" {
            // There it commits by itself.
            return Ok(());
        }
        let conn = db.connection()?;
        conn.execute("CREATE TABLE held (a INTEGER)", ())?;
        conn.execute("INSERT INTO held VALUES (1)", ())?;
        let width = |all: &str| -> Result<usize> { Ok(conn.fetch_one(all, ())?.expect("a row").len()) };
        let all = "SELECT * FROM held";
        for _ in 0..OFTEN {
            assert_eq!(width(all)?, 1, "{}", target.name);
        }
        let tx = conn.begin()?;
        tx.execute("ALTER TABLE held ADD COLUMN b INTEGER DEFAULT 2", ())?;
        for _ in 0..OFTEN {
            assert_eq!(tx.fetch_one(all, ())?.expect("a row").len(), 2, "{}", target.name);
        }
        tx.rollback()?;
        for _ in 0..OFTEN {
            assert_eq!(width(all)?, 1, "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn parameters_may_be_of_other_types_than_the_last_time() {
    on_each(|target, db, _| {
        db.execute(format!("CREATE TABLE held (id INTEGER PRIMARY KEY, t {})", target.text), ())?;
        let long = "ä".repeat(100_000);
        let values =
            [Value::NULL, Value::Text("short".into()), Value::Text(long), Value::NULL, Value::Text(String::new())];
        let (put, get) = ("INSERT INTO held VALUES (?, ?)", "SELECT t FROM held WHERE id = ?");
        let mut id = 0_i64;
        for _ in 0..OFTEN {
            for value in &values {
                id += 1;
                assert_eq!(db.execute(put, (id, value.clone()))?.rows_affected, 1, "{}", target.name);
                let found: Option<Option<String>> = db.fetch_val(get, (id,))?;
                let expected = match value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                };
                assert!(found == Some(expected), "{}: row {id}", target.name);
            }
        }
        // A key as a number, as a text, and as nothing.
        for _ in 0..OFTEN {
            assert_eq!(db.fetch_all("SELECT id FROM held WHERE id = ?", (2_i64,))?.len(), 1, "{}", target.name);
            assert_eq!(db.fetch_all("SELECT id FROM held WHERE t = ?", ("short",))?.len(), 4, "{}", target.name);
            assert_eq!(db.fetch_all("SELECT id FROM held WHERE id = ?", (None::<i64>,))?.len(), 0, "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn a_text_means_the_same_when_it_runs_again() {
    on_each(|target, db, _| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, f DOUBLE PRECISION)", ())?;
        db.execute("INSERT INTO held VALUES (1, 1.5)", ())?;
        let conn = db.connection()?;
        let tx = conn.begin()?;
        for value in [Value::I64(5), Value::F64(1.5), Value::Text("5".into())] {
            let first = tx.fetch_val::<Value>("SELECT ?", (value.clone(),))?;
            for _ in 0..OFTEN {
                let again = tx.fetch_val::<Value>("SELECT ?", (value.clone(),))?;
                assert_eq!(again, first, "{}", target.name);
            }
        }
        let mut largest = None;
        for _ in 0..OFTEN {
            // Larger than the column is, which is no error.
            let found = tx.fetch_all("SELECT id FROM held WHERE id = ?", (5_000_000_000_i64,))?;
            assert_eq!(found.len(), 0, "{}", target.name);
            tx.execute("UPDATE held SET f = ?", (f32::MAX,))?;
            let found = tx.fetch_val::<f64>("SELECT f FROM held WHERE id = ?", (1_i64,))?;
            // SQLite's driver hands out fifteen digits.
            assert_eq!(*largest.get_or_insert(found), found, "{}", target.name);
        }
        tx.rollback()
    });
}

#[test]
fn a_text_runs_between_its_own_rows() {
    on_each(|target, db, _| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY)", ())?;
        db.execute_many("INSERT INTO held VALUES (?)", (0..100_i64).map(|id| (id,)))?;
        let text = "SELECT id FROM held WHERE id >= ? ORDER BY id";
        for _ in 0..OFTEN {
            db.fetch_all(text, (90_i64,))?;
        }
        let conn = db.connection()?;
        let mut seen = 0;
        for row in conn.iterate(text, (0_i64,))? {
            let id: i64 = row?.get(0)?;
            assert_eq!(id, seen, "{}", target.name);
            seen += 1;
            if id % 10 == 0 {
                let inner: Option<i64> = conn.fetch_val(text, (id,))?;
                assert_eq!(inner, Some(id), "{}", target.name);
            }
        }
        assert_eq!(seen, 100, "{}", target.name);
        // One that is left in its midst, and then the same from the beginning.
        for _ in 0..OFTEN {
            let mut rows = conn.iterate(text, (0_i64,))?;
            assert_eq!(rows.next().expect("a row")?.get::<i64>(0)?, 0, "{}", target.name);
            drop(rows);
            assert_eq!(conn.fetch_all(text, (95_i64,))?.len(), 5, "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn drivers_that_are_told_to_stream_keep_statements_too() {
    for (target, settings) in [
        (sqlite(), ";StepAPI=1"),
        (postgres(), "&UseDeclareFetch=1"),
        (postgres(), "&UseServerSidePrepare=0"),
        (mariadb(), "&NO_CACHE=1&FORWARDONLY=1"),
    ] {
        let Some(mut target) = target else { continue };
        target.url.push_str(settings);
        let work = |db: &Database| -> Result<()> {
            db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, v VARCHAR(10))", ())?;
            db.execute_many("INSERT INTO held VALUES (?, ?)", (0..300_i64).map(|id| (id, format!("v{id}"))))?;
            let text = "SELECT id, v FROM held WHERE id >= ? ORDER BY id";
            for first in [295_i64, 0, 299, 1, 150, 298] {
                let rows = db.fetch_all(text, (first,))?;
                let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
                assert_eq!(ids, (first..300).collect::<Vec<_>>(), "{settings}");
                // The rest is left where it is.
                assert_eq!(db.fetch_val::<i64>(text, (first,))?, Some(first), "{settings}");
                assert_eq!(db.fetch_all("SELECT id FROM held", ())?.len(), 300, "{settings}");
                let changed = db.execute("UPDATE held SET v = ? WHERE id >= ?", ("w", first))?;
                assert_eq!(changed.rows_affected, 300 - first as u64, "{settings}");
            }
            db.execute("ALTER TABLE held ADD COLUMN c INTEGER DEFAULT 3", ())?;
            for first in [295_i64, 0, 299] {
                assert_eq!(db.fetch_all(text, (first,))?.len() as i64, 300 - first, "{settings}");
            }
            Ok(())
        };
        let db = target.open("64");
        work(&db).unwrap_or_else(|error| panic!("{settings}: {error:?}"));
        assert!(db.close(Duration::from_secs(10)).is_clean(), "{settings}");
    }
}

#[test]
fn a_deadline_in_the_midst_leaves_the_text_as_it_was() {
    on_each(|target, db, _| {
        let count = |to: i64| db.fetch_val::<i64>(target.counts, (to,));
        for _ in 0..3 {
            for to in 1..=OFTEN {
                assert_eq!(count(to)?, Some(to), "{}", target.name);
            }
            let endless = Query::new(target.counts).timeout(Duration::from_millis(150));
            let error = db.fetch_val::<i64>(endless, (100_000_000_000_i64,)).expect_err("it takes too long");
            assert_eq!(error.kind(), ErrorKind::Timeout, "{}: {error:?}", target.name);
            assert_eq!(count(5)?, Some(5), "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn more_texts_than_are_kept_push_out_the_oldest() {
    for target in [sqlite(), postgres(), mariadb()].into_iter().flatten() {
        let db = target.open("2");
        for round in 0..OFTEN {
            for number in 0..5 {
                let sql = format!("SELECT {number} + ?");
                let sum: Option<i64> = db.fetch_val(&sql, (round,)).expect(target.name);
                assert_eq!(sum, Some(number + round), "{}", target.name);
            }
        }
        assert!(db.close(Duration::from_secs(10)).is_clean(), "{}", target.name);
    }
}

#[test]
fn blocks_and_single_rows_take_turns() {
    on_each(|target, db, _| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, v VARCHAR(30))", ())?;
        db.execute_many("INSERT INTO held VALUES (?, ?)", (0..2000_i64).map(|id| (id, format!("v{id}"))))?;
        let text = "SELECT id, v FROM held WHERE id >= ? ORDER BY id";
        for first in [1990_i64, 0, 1999, 100, 0, 1950, 1999] {
            let rows = db.fetch_all(text, (first,))?;
            let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
            assert_eq!(ids, (first..2000).collect::<Vec<_>>(), "{}", target.name);
            let last: String = rows.iter().last().expect("a row").get(1)?;
            assert_eq!(last, "v1999", "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn errors_commits_and_rollbacks_leave_the_text_usable() {
    on_each(|target, db, other| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY)", ())?;
        let put = "INSERT INTO held VALUES (?)";
        let get = "SELECT count(*) FROM held";
        for id in 0..OFTEN {
            db.execute(put, (id,))?;
            let error = db.execute(put, (id,)).expect_err("the key is taken");
            assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{}: {error:?}", target.name);
        }
        let conn = db.connection()?;
        for round in 0..OFTEN {
            let tx = conn.begin()?;
            for id in 0..3 {
                tx.execute(put, (100 + 10 * round + id,))?;
                tx.fetch_val::<i64>(get, ())?;
            }
            if round % 2 == 0 {
                tx.rollback()?;
            } else {
                tx.commit()?;
            }
            let kept = OFTEN + 3 * ((round + 1) / 2);
            assert_eq!(conn.fetch_val::<i64>(get, ())?, Some(kept), "{}", target.name);
            // Nothing that stays prepared holds a lock.
            other.execute("UPDATE held SET id = id WHERE id = 0", ())?;
            assert_eq!(other.fetch_val::<i64>(get, ())?, Some(kept), "{}", target.name);
        }
        // An error ends a transaction of PostgreSQL's, and not the statements that are prepared.
        let tx = conn.begin()?;
        tx.execute(put, (0_i64,)).expect_err("the key is taken");
        tx.rollback()?;
        assert_eq!(conn.fetch_val::<i64>(get, ())?, Some(OFTEN + 6), "{}", target.name);
        assert_eq!(conn.execute(put, (1000_i64,))?.rows_affected, 1, "{}", target.name);
        Ok(())
    });
}

#[test]
fn a_session_that_forgets_its_statements_is_no_error() {
    let Some(target) = postgres() else { return };
    let db = target.open("64");
    let conn = db.connection().expect("a connection");
    for _ in 0..3 {
        for number in 0..OFTEN {
            let sum = conn.fetch_val::<i64>("SELECT ? + 1", (number,)).expect("a sum");
            assert_eq!(sum, Some(number + 1));
        }
        conn.execute("DEALLOCATE ALL", ()).expect("forgotten");
    }
    assert_eq!(names(&db, "SELECT 1 AS one").expect("a row"), ["one"]);
}
