//! ODBC, by the drivers of this machine: SQLite, PostgreSQL, MariaDB.
#![cfg(all(feature = "odbc", unix))]

mod kit;

use std::time::{Duration, Instant};

use kit::Probe;
use kit::odbc::{has_driver, on_server};
use kit::servers::{Engine, MariaDb, PASSWORD, Postgres, Scratch, USER, shared};
use pontoon::driver::{BulkPath, Catalog};
use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Time, Timestamp, Value};
use pontoon::{Database, Effect, ErrorKind, IsolationLevel, Query, Result, TxOptions};

/// A database behind an ODBC driver, gone when the test is over.
struct Target {
    name: &'static str,
    url: String,
    types: Types,
    /// Runs until it is cancelled.
    endless: &'static str,
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

/// The types of columns, as each database calls them.
struct Types {
    bool: &'static str,
    double: &'static str,
    decimal: &'static str,
    bytes: &'static str,
    timestamp: &'static str,
    text: &'static str,
}

/// The databases that there are; what is missing is told by the kit.
fn targets() -> Vec<Target> {
    [sqlite(), postgres(), mariadb()].into_iter().flatten().collect()
}

fn sqlite() -> Option<Target> {
    if !has_driver("SQLite3") {
        return None;
    }
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("pontoon-odbc-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    Some(Target {
        name: "SQLite",
        url: format!("odbc:DRIVER=SQLite3;Database={}/t.db", folder.display()),
        types: Types {
            bool: "BOOLEAN",
            double: "DOUBLE",
            decimal: "DECIMAL_TEXT",
            bytes: "BLOB",
            timestamp: "TIMESTAMP",
            text: "TEXT",
        },
        endless: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        _place: Place::Folder(folder),
    })
}

fn postgres() -> Option<Target> {
    let (url, scratch) = on_server(&Postgres, "PostgreSQL+Unicode")?;
    Some(Target {
        name: "PostgreSQL",
        url,
        types: Types {
            bool: "BOOLEAN",
            double: "DOUBLE PRECISION",
            decimal: "NUMERIC",
            bytes: "BYTEA",
            timestamp: "TIMESTAMP",
            text: "TEXT",
        },
        endless: "SELECT count(*) FROM generate_series(1, 1000000000000) AS n",
        _place: Place::Server(scratch),
    })
}

fn mariadb() -> Option<Target> {
    let (url, scratch) = on_server(&MariaDb, "MariaDB+Unicode")?;
    Some(Target {
        name: "MariaDB",
        url,
        types: Types {
            bool: "BIT(1)",
            double: "DOUBLE",
            decimal: "DECIMAL(38, 10)",
            bytes: "LONGBLOB",
            timestamp: "DATETIME(6)",
            text: "LONGTEXT CHARACTER SET utf8mb4",
        },
        endless: "SELECT max(a.seq * b.seq) FROM seq_1_to_100000000 AS a, seq_1_to_100000000 AS b",
        _place: Place::Server(scratch),
    })
}

impl Target {
    fn open(&self) -> Database {
        let db = Database::builder().url(&self.url).pool_size(3).timeout(Some(Duration::from_secs(20))).build();
        let db = db.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        db.connect().unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        db
    }
}

/// Each assertion names the database.
fn on_each(test: impl Fn(&Target, &Database) -> Result<()>) {
    for target in targets() {
        let db = target.open();
        test(&target, &db).unwrap_or_else(|error| panic!("{}: {error:?}", target.name));
        let report = db.close(Duration::from_secs(10));
        assert!(report.is_clean(), "{}: {report:?}", target.name);
    }
}

#[test]
fn every_type_comes_back_as_it_went() {
    on_each(|target, db| {
        let Types { bool, double, decimal, bytes, timestamp, text } = target.types;
        db.execute(
            format!(
                "CREATE TABLE held (id INTEGER PRIMARY KEY, b {bool}, i BIGINT, f {double}, n {decimal}, t {text}, \
                 y {bytes}, d DATE, h TIME, s {timestamp})"
            ),
            (),
        )?;
        let insert = "INSERT INTO held VALUES (:id, :b, :i, :f, :n, :t, :y, :d, :h, :s)";
        let number: Decimal = "-12345678901234567890.0123456789".parse().expect("a decimal");
        let long = "ä😀\u{1F600}'\\\"%?;".repeat(40_000);
        let blob: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
        for (id, n, t, y) in [
            (1, number.clone(), long.clone(), blob.clone()),
            (2, "0.5".parse().expect("a decimal"), String::new(), Vec::new()),
        ] {
            db.execute(
                insert,
                params! {
                    id, b: true, i: i64::MIN, f: 0.1_f64 + 0.2, n, t, y,
                    d: "2024-02-29".parse::<Date>().expect("a date"),
                    h: "23:59:58".parse::<Time>().expect("a time"),
                    s: "2024-02-29 12:34:56.123456".parse::<Timestamp>().expect("a timestamp"),
                },
            )?;
        }
        let none = Value::NULL;
        db.execute(
            insert,
            params! { id: 3, b: none.clone(), i: none.clone(), f: none.clone(), n: none.clone(), t: none.clone(), y: none.clone(), d: none.clone(), h: none.clone(), s: none },
        )?;
        let rows = db.fetch_all("SELECT b, i, f, n, t, y, d, h, s FROM held ORDER BY id", ())?;
        let row = rows.get(0).expect("a row");
        assert!(row.get::<bool>("b")?, "{}", target.name);
        assert_eq!(row.get::<i64>("i")?, i64::MIN, "{}", target.name);
        if target.name == "SQLite" {
            // Its driver reads floats by their fifteen digits.
            assert!((row.get::<f64>("f")? - 0.3).abs() < 1e-12);
        } else {
            assert_eq!(row.get::<f64>("f")?, 0.1 + 0.2, "{}", target.name);
        }
        assert_eq!(row.get::<Decimal>("n")?, number, "{}", target.name);
        assert_eq!(row.get::<String>("t")?, long, "{}", target.name);
        assert_eq!(row.get::<Vec<u8>>("y")?, blob, "{}", target.name);
        assert_eq!(row.get::<Date>("d")?.to_string(), "2024-02-29", "{}", target.name);
        assert_eq!(row.get::<Time>("h")?.to_string(), "23:59:58", "{}", target.name);
        assert_eq!(row.get::<Timestamp>("s")?.to_string(), "2024-02-29 12:34:56.123456", "{}", target.name);
        let row = rows.get(1).expect("a row");
        assert_eq!(row.get::<Decimal>("n")?.to_string().trim_end_matches('0'), "0.5", "{}", target.name);
        assert_eq!((row.get::<String>("t")?, row.get::<Vec<u8>>("y")?), (String::new(), Vec::new()), "{}", target.name);
        for column in ["b", "i", "f", "n", "t", "y", "d", "h", "s"] {
            assert!(rows.get(2).expect("a row").get::<Value>(column)?.is_null(), "{}: {column}", target.name);
        }
        Ok(())
    });
}

#[test]
fn text_outside_the_basic_plane_survives_in_texts_names_and_parameters() {
    on_each(|target, db| {
        assert_eq!(db.fetch_val("SELECT '\u{1F600} ä'", ())?, Some("\u{1F600} ä".to_owned()), "{}", target.name);
        db.execute(format!("CREATE TABLE held (t {})", target.types.text), ())?;
        for text in ["\u{1F600}", "ß", "日本語", "a\u{0301}", "\u{FFFD}", "\u{10FFFF}"] {
            db.execute("DELETE FROM held", ())?;
            db.execute("INSERT INTO held VALUES (?)", (text,))?;
            assert_eq!(db.fetch_val("SELECT t FROM held", ())?, Some(text.to_owned()), "{}", target.name);
            assert_eq!(
                db.fetch_val::<i64>("SELECT count(*) FROM held WHERE t = ?", (text,))?,
                Some(1),
                "{}: {text}",
                target.name
            );
        }
        Ok(())
    });
}

#[test]
fn a_nul_is_refused_before_it_is_cut() {
    on_each(|target, db| {
        let error = db.fetch_val::<String>("SELECT ?", ("a\0b",)).expect_err("it is refused");
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::NulInText, Effect::NotSent),
            "{}: {error:?}",
            target.name
        );
        assert!(error.message().contains("parameter 1"), "{error}");
        Ok(())
    });
}

#[test]
fn the_database_is_asked_for_the_state_of_its_transaction() {
    on_each(|target, db| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY)", ())?;
        let begin = if target.name == "MariaDB" { "START TRANSACTION" } else { "BEGIN" };
        // Left open behind the library's back: noticed, and rolled back.
        let error = db
            .raw(|connection: &mut odbc_api::Connection<'static>| {
                let run = |sql: &str| connection.execute(sql, (), None).map(drop);
                run(begin)
                    .and_then(|()| run("INSERT INTO held VALUES (1)"))
                    .map_err(|error| pontoon::Error::new(ErrorKind::Other, error.to_string()))
            })
            .expect_err("it is noticed");
        assert_eq!(error.kind(), ErrorKind::TransactionVerb, "{}: {error:?}", target.name);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ())?, Some(0), "{}", target.name);
        // After an error inside, the transaction is what the database says it is.
        let tx = db.begin()?;
        tx.execute("INSERT INTO held VALUES (1)", ())?;
        let error = tx.execute("INSERT INTO held VALUES (1)", ()).expect_err("it is there already");
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{}: {error:?}", target.name);
        let second = tx.execute("INSERT INTO held VALUES (2)", ());
        if target.name == "PostgreSQL" {
            let error = second.expect_err("the transaction has failed");
            assert_eq!(error.kind(), ErrorKind::TransactionAborted, "{error:?}");
            drop(tx);
            assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ())?, Some(0));
        } else {
            second?;
            tx.commit()?;
            assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ())?, Some(2), "{}", target.name);
        }
        Ok(())
    });
}

#[test]
fn without_a_dialect_transactions_are_those_of_odbc() {
    for target in targets() {
        let db = Database::builder().url(&target.url).option("dialect", "generic").pool_size(1);
        let db = db.timeout(Some(Duration::from_secs(20))).build().expect("a database");
        db.connect().expect("a connection");
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY)", ()).expect("a table");
        let count = || db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count");
        let mut tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        let inner = tx.begin().expect("a savepoint");
        inner.execute("INSERT INTO held VALUES (2)", ()).expect("a row");
        inner.rollback().expect("undone");
        tx.commit().expect("committed");
        assert_eq!(count(), Some(1), "{}", target.name);
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (3)", ()).expect("a row");
        tx.rollback().expect("undone");
        assert_eq!(count(), Some(1), "{}", target.name);
        db.execute("INSERT INTO held VALUES (4)", ()).expect("committed by itself");
        // Nobody can be asked what an error has left, so the connection goes, and what was done with it.
        let opened = db.snapshot().counters.opened;
        let tx = db.begin_with(&TxOptions::new().isolation(IsolationLevel::Serializable)).expect("a transaction");
        tx.execute("INSERT INTO held VALUES (5)", ()).expect("a row");
        let error = tx.execute("INSERT INTO held VALUES (5)", ()).expect_err("it is there");
        assert!(!error.message().is_empty(), "{}: {error:?}", target.name);
        tx.execute("INSERT INTO held VALUES (6)", ()).expect_err("the transaction is gone");
        drop(tx);
        assert_eq!(count(), Some(2), "{}", target.name);
        assert!(db.snapshot().counters.opened > opened, "{}", target.name);
        let error = db.begin_with(&TxOptions::new().read_only()).expect_err("there is no such thing");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error:?}", target.name);
        let report = db.close(Duration::from_secs(10));
        assert!(report.is_clean(), "{}: {report:?}", target.name);
    }
}

#[test]
fn a_transaction_that_the_database_ended_is_lost() {
    for target in targets() {
        let db = target.open();
        let ended = match target.name {
            "SQLite" => "INSERT OR ROLLBACK INTO held VALUES (1)",
            // DDL commits.
            "MariaDB" => "CREATE TABLE other (id INTEGER)",
            _ => continue,
        };
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY)", ()).expect("a table");
        db.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        let tx = db.begin().expect("a transaction");
        let error = tx.execute(ended, ()).expect_err("the transaction is over");
        assert!(
            matches!(error.kind(), ErrorKind::TransactionLost | ErrorKind::UniqueViolation),
            "{}: {error:?}",
            target.name
        );
        let error = tx.execute("INSERT INTO held VALUES (7)", ()).expect_err("nothing is committed by itself");
        assert_eq!(error.kind(), ErrorKind::TransactionLost, "{}: {error:?}", target.name);
        drop(tx);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(1), "{}", target.name);
    }
}

#[test]
fn isolation_levels_are_those_of_the_server() {
    for target in targets() {
        let (query, levels): (_, &[(_, &str)]) = match target.name {
            "PostgreSQL" => (
                "SELECT current_setting('transaction_isolation')",
                &[
                    (IsolationLevel::ReadUncommitted, "read uncommitted"),
                    (IsolationLevel::ReadCommitted, "read committed"),
                    (IsolationLevel::RepeatableRead, "repeatable read"),
                    (IsolationLevel::Serializable, "serializable"),
                ],
            ),
            _ => continue,
        };
        let db = target.open();
        for (level, name) in levels {
            let tx = db.begin_with(&TxOptions::new().isolation(*level).read_only()).expect("a transaction");
            assert_eq!(tx.fetch_val::<String>(query, ()).expect("the level"), Some((*name).to_owned()));
            let error = tx.execute("CREATE TABLE no (id INTEGER)", ()).expect_err("it is read-only");
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error:?}");
        }
    }
}

#[test]
fn a_query_that_is_executed_is_ended_under_force_rollback_as_well() {
    on_each(|target, db| {
        let brief = Duration::from_millis(100);
        db.set_force_rollback(Some(true));
        let late = db.execute(Query::new(target.endless).timeout(brief), ()).expect_err("it has no end");
        assert_eq!(late.kind(), ErrorKind::Timeout, "{}: {late:?}", target.name);
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ())?, Some(1), "{}", target.name);
        Ok(())
    });
}

#[test]
fn a_call_ends_at_its_deadline_and_the_connection_lives() {
    on_each(|target, db| {
        let connection = db.connection()?;
        let opened = db.snapshot().counters.opened;
        for _ in 0..3 {
            let probe = Probe::start();
            let (brief, began) = (Duration::from_millis(200), Instant::now());
            let error = connection.fetch_all(Query::new(target.endless).timeout(brief), ()).expect_err("it has no end");
            let took = began.elapsed();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{}: {error:?}", target.name);
            probe.assert_within(target.name, took, brief * 10);
            // The same session: what was cancelled is over, and nothing hits what comes next.
            assert_eq!(connection.fetch_val::<i64>("SELECT 1", ())?, Some(1), "{}", target.name);
        }
        drop(connection);
        assert_eq!(db.snapshot().counters.opened, opened, "{}: {}", target.name, db.snapshot());
        Ok(())
    });
}

#[test]
fn errors_mean_the_same_on_each() {
    on_each(|target, db| {
        db.execute_script(
            "CREATE TABLE writers (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL);
             CREATE TABLE books (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, pages INTEGER CHECK (pages > 0),
                 FOREIGN KEY (writer) REFERENCES writers (id));
             INSERT INTO writers VALUES (1, 'Ada');",
        )?;
        for (sql, kind) in [
            ("INSERT INTO writers VALUES (1, 'Bob')", ErrorKind::UniqueViolation),
            ("INSERT INTO writers VALUES (2, NULL)", ErrorKind::NotNullViolation),
            ("INSERT INTO books VALUES (1, 9, 1)", ErrorKind::ForeignKeyViolation),
            ("INSERT INTO books VALUES (1, 1, -1)", ErrorKind::CheckViolation),
            ("SELECT * FROM nowhere", ErrorKind::UndefinedTable),
            ("SELECT shoe_size FROM writers", ErrorKind::UndefinedColumn),
            ("SELEC 1", ErrorKind::Syntax),
        ] {
            let error = db.execute(sql, ()).expect_err(sql);
            assert_eq!(error.kind(), kind, "{}: {error:?}", target.name);
            assert!(error.sqlstate().is_some(), "{}: {error:?}", target.name);
            assert!(std::error::Error::source(&error).is_some(), "{}: {error:?}", target.name);
        }
        Ok(())
    });
}

#[test]
fn a_statement_runs_between_the_rows_of_another() {
    on_each(|target, db| {
        db.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, twice INTEGER)", ())?;
        let rows = (0..2000).map(|id| params! { id, twice: 0 });
        db.execute_many("INSERT INTO held VALUES (:id, :twice)", rows)?;
        let connection = db.connection()?;
        let mut read = 0;
        let tx = connection.begin()?;
        for row in tx.iterate("SELECT id FROM held ORDER BY id", ())? {
            let id: i64 = row?.get(0)?;
            if id % 100 == 0 {
                tx.execute("UPDATE held SET twice = :twice WHERE id = :id", params! { twice: id * 2, id })?;
            }
            read += 1;
        }
        tx.commit()?;
        assert_eq!(read, 2000, "{}", target.name);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE twice > 0", ())?, Some(19), "{}", target.name);
        Ok(())
    });
}

/// A row as it was loaded: a number, a text, bytes, a decimal.
type Loaded = (i64, Option<String>, Option<Vec<u8>>, Option<Decimal>);

#[test]
fn rows_are_loaded_as_arrays() {
    on_each(|target, db| {
        let Types { text, bytes, decimal, .. } = target.types;
        db.execute(format!("CREATE TABLE held (id INTEGER PRIMARY KEY, t {text}, y {bytes}, n {decimal})"), ())?;
        let rows = (0..5000_i64).map(|id| {
            let text = (id % 7 != 0).then(|| format!("😀 {}", "x".repeat(id as usize % 300)));
            let blob = (id % 5 != 0).then(|| vec![id as u8; id as usize % 100]);
            let number: Option<Decimal> =
                (id % 3 != 0).then(|| format!("{id}.{}", id % 10).parse().expect("a decimal"));
            (id, text, blob, number)
        });
        let loaded = db.bulk_insert("held", &["id", "t", "y", "n"], rows.clone())?;
        // SQLite's driver reads all bytes of an array by the length of the first.
        let path = if target.name == "SQLite" { BulkPath::Prepared } else { BulkPath::Arrays };
        assert_eq!((loaded.rows, loaded.path), (5000, path), "{}", target.name);
        let back: Vec<Loaded> = db.fetch_all_as("SELECT id, t, y, n FROM held ORDER BY id", ())?;
        for (back, row) in back.iter().zip(rows.clone()) {
            assert_eq!((back.0, &back.1, &back.2), (row.0, &row.1, &row.2), "{}", target.name);
            assert_eq!(back.3.is_some(), row.3.is_some(), "{}: {row:?}", target.name);
            if let (Some(back), Some(number)) = (&back.3, &row.3) {
                assert_eq!(back, number, "{}", target.name);
            }
        }
        assert_eq!(back.len(), 5000, "{}", target.name);
        // All or none.
        let error =
            db.bulk_insert("held", &["id"], (4990..5020_i64).map(|id| (id,))).expect_err("some are there already");
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{}: {error:?}", target.name);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ())?, Some(5000), "{}", target.name);
        Ok(())
    });
}

#[test]
fn the_catalog_tells_what_is_there() {
    on_each(|target, db| {
        db.execute_script(
            "CREATE TABLE parts (a INTEGER NOT NULL, b INTEGER NOT NULL, c VARCHAR(20), PRIMARY KEY (b, a));
             CREATE TABLE uses (x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES parts (b, a));
             CREATE UNIQUE INDEX parts_c ON parts (c, a);
             CREATE VIEW some_parts AS SELECT a FROM parts;",
        )?;
        let tables = db.catalog(Catalog::Tables)?;
        let kinds: Vec<(String, String)> =
            tables.iter().map(|row| Ok((row.get("name")?, row.get("kind")?))).collect::<Result<_>>()?;
        for (name, kind) in [("parts", "table"), ("uses", "table"), ("some_parts", "view")] {
            assert!(kinds.contains(&(name.to_owned(), kind.to_owned())), "{}: {kinds:?}", target.name);
        }
        let columns: Vec<(String, bool, i64)> = db
            .catalog(Catalog::Columns("parts".into()))?
            .iter()
            .map(|row| Ok((row.get("name")?, row.get("nullable")?, row.get("primary_key")?)))
            .collect::<Result<_>>()?;
        // SQLite's driver counts the columns of a key in the order of the table.
        let (a, b) = if target.name == "SQLite" { (1, 2) } else { (2, 1) };
        assert_eq!(
            columns,
            [("a".to_owned(), false, a), ("b".to_owned(), false, b), ("c".to_owned(), true, 0)],
            "{}",
            target.name
        );
        let keys = db.catalog(Catalog::ForeignKeys("uses".into()))?;
        let keys: Vec<(String, String)> =
            keys.iter().map(|row| Ok((row.get("column")?, row.get("references_column")?))).collect::<Result<_>>()?;
        assert_eq!(keys, [("x".to_owned(), "b".to_owned()), ("y".to_owned(), "a".to_owned())], "{}", target.name);
        let indexes = db.catalog(Catalog::Indexes("parts".into()))?;
        let of: Vec<String> = indexes
            .iter()
            .filter(|row| row.get::<String>("index").is_ok_and(|name| name == "parts_c"))
            .map(|row| row.get("column"))
            .collect::<Result<_>>()?;
        assert_eq!(of, ["c", "a"], "{}", target.name);
        Ok(())
    });
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    for (engine, driver) in [(&Postgres as &'static dyn Engine, "PostgreSQL+Unicode"), (&MariaDb, "MariaDB+Unicode")] {
        let Some(server) = has_driver(&driver.replace('+', " ")).then(|| shared(engine)).flatten() else { continue };
        let database = server.database();
        let wrong = "wr0ng;{Pass}word";
        let url = format!("odbc://127.0.0.1:{}/{}?driver={driver}", server.port(), database.name());
        let db =
            Database::builder().url(&url).option("user", USER).option("password", wrong).build().expect("a database");
        let error = db.connect().expect_err("it is wrong");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(!format!("{error:?} {db:?}").contains("wr0ng"), "{error:?}");
        let db = Database::builder()
            .url(&url)
            .option("user", USER)
            .option("password", PASSWORD)
            .build()
            .expect("a database");
        db.connect().unwrap_or_else(|error| panic!("{driver}: {error:?}"));
    }
}

#[test]
fn what_is_not_installed_is_told_with_what_to_install() {
    let error = Database::new("odbc:DRIVER={PostgreSQL Klingon};SERVER=h")
        .and_then(|db| db.connect())
        .expect_err("no such driver");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.message().contains("`PostgreSQL Klingon`") && error.message().contains("odbc-postgresql"), "{error}");
    let error = Database::new("odbc:///?dsn=nowhere").and_then(|db| db.connect()).expect_err("no such source");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    let error = Database::new("odbc://h/db").expect_err("which driver?");
    assert!(error.message().contains("driver") && error.message().contains("dsn"), "{error}");
    let error = Database::new("odbc:SERVER=h").expect_err("which driver?");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    let error = Database::new("odbc:DRIVER=/tmp/evil.so").expect_err("a path is code");
    assert_eq!(error.kind(), ErrorKind::ForbiddenOption, "{error:?}");
    let drivers = pontoon::driver::odbc::drivers().expect("a driver manager");
    assert!(drivers.iter().all(|driver| !driver.name.is_empty()), "{drivers:?}");
}

#[test]
fn a_server_that_nobody_runs_is_told_in_time() {
    let brief = Duration::from_secs(2);
    for (driver, url) in [
        ("FreeTDS", "mssql://sa:x@127.0.0.1:1/shop?driver=FreeTDS"),
        ("PostgreSQL Unicode", "odbc://a:x@127.0.0.1:1/shop?driver=PostgreSQL+Unicode"),
        ("MariaDB Unicode", "odbc://a:x@127.0.0.1:1/shop?driver=MariaDB+Unicode"),
    ] {
        if !has_driver(driver) {
            continue;
        }
        let db = Database::builder().url(url).acquire_timeout(brief).timeout(Some(brief)).build().expect("a database");
        let error = db.connect().expect_err("nobody listens");
        let told = format!("{error:?}");
        assert!(
            matches!(error.kind(), ErrorKind::ConnectFailed | ErrorKind::PoolTimeout | ErrorKind::Timeout),
            "{driver}: {told}"
        );
        assert_eq!(error.effect(), Effect::NotSent, "{driver}: {told}");
    }
}

#[test]
fn blocks_and_rows_read_the_same() {
    for target in targets() {
        let ways = ["rows", "blocks", "auto"].map(|fetch| {
            let db = Database::builder().url(&target.url).option("fetch", fetch).pool_size(1);
            db.timeout(Some(Duration::from_secs(20)))
                .open()
                .unwrap_or_else(|error| panic!("{}: {error:?}", target.name))
        });
        let Types { bool, double, decimal, bytes, timestamp, text } = target.types;
        let table = format!(
            "CREATE TABLE held (id INTEGER PRIMARY KEY, b {bool}, f {double}, n {decimal}, t {text}, v VARCHAR(30), y {bytes}, \
             d DATE, s {timestamp})"
        );
        ways[0].execute(table, ()).expect("a table");
        let rows = (0..1500_i64).map(|id| {
            // Every few hundred rows one that no window holds.
            let length = if id % 400 == 399 { 100_000 } else { id as usize % 50 };
            let some = id % 11 != 0;
            params! {
                id,
                b: some.then_some(id % 2 == 0),
                f: some.then_some(id as f64 / 4.0),
                n: some.then(|| format!("{id}.25").parse::<Decimal>().expect("a decimal")),
                t: some.then(|| "ä😀".repeat(length)),
                v: some.then(|| "😀".repeat(id as usize % 30)),
                y: some.then(|| vec![id as u8; length]),
                d: some.then(|| "2024-02-29".parse::<Date>().expect("a date")),
                s: some.then(|| "2024-02-29 12:34:56.5".parse::<Timestamp>().expect("a timestamp")),
            }
        });
        ways[0]
            .execute_many("INSERT INTO held VALUES (:id, :b, :f, :n, :t, :v, :y, :d, :s)", rows)
            .unwrap_or_else(|error| panic!("{}: {error:?}", target.name));
        let [one, block, auto] = ways.map(|db| {
            let rows = db.fetch_all("SELECT id, b, f, n, t, v, y, d, s FROM held ORDER BY id", ());
            let rows =
                rows.map(|rows| rows.iter().map(|row| (0..9).map(|at| row.get::<Value>(at)).collect()).collect());
            db.close(Duration::from_secs(10));
            rows.and_then(|rows: Vec<Result<Vec<Value>>>| rows.into_iter().collect::<Result<Vec<_>>>())
        });
        let one = one.unwrap_or_else(|error| panic!("{}: {error:?}", target.name));
        assert_eq!(one.len(), 1500, "{}", target.name);
        assert_eq!(one[399][4], Value::Text("ä😀".repeat(100_000)), "{}", target.name);
        same(target.name, &auto.expect("read"), &one);
        match block {
            Ok(block) => same(target.name, &block, &one),
            // Asked for blocks, a driver that cannot read a cell again refuses what it would cut.
            Err(error) => assert!(error.message().contains("fetch=rows"), "{}: {error:?}", target.name),
        }
    }
}

/// The first cell that differs is told, and of it the beginning.
fn same(name: &str, rows: &[Vec<Value>], expected: &[Vec<Value>]) {
    assert_eq!(rows.len(), expected.len(), "{name}");
    for (number, (row, expected)) in rows.iter().zip(expected).enumerate() {
        for (column, (cell, expected)) in row.iter().zip(expected).enumerate() {
            let brief = |cell: &Value| format!("{cell:?}").chars().take(100).collect::<String>();
            assert!(
                cell == expected,
                "{name}: row {number}, column {column}: {} and not {}",
                brief(cell),
                brief(expected)
            );
        }
    }
}
