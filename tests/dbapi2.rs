//! Python's DB-API: values, parameter styles, and everything that can become of the process.
#![cfg(all(feature = "dbapi2", unix))]

mod kit;

use std::path::Path;
use std::time::{Duration, Instant};

use kit::python::{PYTHON, has_module};
use kit::{Canary, Folder, Probe, await_that, case, tell};
use pontoon::driver::BulkPath;
use pontoon::prelude::*;
use pontoon::value::{Decimal, Value};
use pontoon::{Database, DatabaseBuilder, Effect, ErrorKind, Query};

const LONG: Duration = Duration::from_secs(30);

/// A database of the module that goes wrong on demand.
fn faulty(folder: &Folder, pool_size: usize) -> DatabaseBuilder {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dbapi2/faulty.py");
    std::fs::copy(source, folder.path("faulty.py")).expect("a copy of the module");
    Database::builder()
        .url(format!("dbapi2://{}", folder.path("t.db").display()))
        .allow_code_options(true)
        .option("python", PYTHON)
        .option("python_path", folder.path("").display().to_string())
        .option("dbapi_path", "faulty")
        .option("dialect", "sqlite")
        .pool_size(pool_size)
        .timeout(Some(LONG))
}

fn sqlite(folder: &Folder) -> Database {
    assert!(has_module("sqlite3"), "Python has no sqlite3");
    let url = format!("dbapi2+sqlite3://{}", folder.path("t.db").display());
    let builder = Database::builder().url(url).allow_code_options(true).option("python", PYTHON);
    builder.timeout(Some(LONG)).acquire_timeout(LONG).open().expect("a database")
}

/// The same database with a table of so many rows.
fn numbered(db: Database, rows: i64) -> Database {
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)", ()).expect("a table");
    db.execute_many("INSERT INTO t VALUES (?)", (0..rows).map(|id| (id,))).expect("rows");
    db
}

fn pid(db: &impl Queryable) -> i32 {
    db.fetch_val::<i32>("SELECT pid()", ()).expect("a query").expect("a number")
}

/// Whether a process is there; one that was not waited for is.
fn lives(pid: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::test_kill_process(pid).is_ok()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it was there");
}

#[test]
fn values_come_back_as_they_went() {
    let folder = Folder::new();
    let db = sqlite(&folder);
    db.execute("CREATE TABLE v (a)", ()).expect("a table");
    let values = [
        Value::I64(i64::MIN),
        Value::I64(-1),
        Value::I64(i64::MAX),
        Value::F64(0.1),
        Value::Text("naïve \u{1F600} ' \" % ? :a \0 end".into()),
        Value::Text(String::new()),
        Value::Bytes(vec![0, 255, 10]),
        Value::Bytes(Vec::new()),
    ];
    for value in &values {
        db.execute("DELETE FROM v", ()).expect("gone");
        db.execute("INSERT INTO v VALUES (?)", (value.clone(),)).expect("a row");
        let row = db.fetch_one("SELECT a FROM v", ()).expect("a query").expect("a row");
        assert_eq!(&row.get::<Value>(0).expect("a value"), value);
    }
    let decimal: Decimal = "12345678901234567890.10".parse().expect("a decimal");
    let text = db.fetch_val::<String>("SELECT :a", pontoon::params! { a: decimal }).expect("a query");
    assert_eq!(text.as_deref(), Some("12345678901234567890.10"));
    assert_eq!(
        db.fetch_val::<Option<i64>>("SELECT :a", pontoon::params! { a: None::<i64> }).expect("NULL"),
        Some(None)
    );
    let error = db.execute("INSERT INTO v VALUES (?)", (u64::MAX,)).expect_err("too large for SQLite");
    assert_eq!(error.effect(), Effect::NotSent, "{error}");
    db.execute("INSERT INTO v VALUES (?)", (1,)).expect("the connection is as it was");
}

#[test]
fn many_rows_are_loaded_and_streamed() {
    let folder = Folder::new();
    let db = sqlite(&folder);
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, amount REAL)", ()).expect("a table");
    let rows = (0..20_000_i64).map(|id| (id, format!("row {id}"), id as f64 / 4.0));
    let loaded = db.bulk_insert("t", &["id", "text", "amount"], rows).expect("rows");
    assert_eq!((loaded.rows, loaded.path), (20_000, BulkPath::Arrays));
    let mut seen = 0_i64;
    for row in db.iterate("SELECT id, text, amount FROM t ORDER BY id", ()).expect("a stream") {
        let (id, text, amount): (i64, String, f64) = row.expect("a row").decode().expect("a tuple");
        assert_eq!((id, text.as_str(), amount), (seen, &*format!("row {seen}"), seen as f64 / 4.0));
        seen += 1;
    }
    assert_eq!(seen, 20_000);
}

#[test]
fn parameters_are_written_in_each_style() {
    for style in ["qmark", "numeric", "named", "format", "pyformat"] {
        let folder = Folder::new();
        let args = format!("{{\"style\": \"{style}\"}}");
        let db = faulty(&folder, 2).option("dbapi_driver_args", args).open().expect(style);
        let row = db
            .fetch_one("SELECT :a || '%s' AS a, :b + :b AS b, ':a %% ?' AS c", pontoon::params! { a: "x", b: 21 })
            .expect(style)
            .expect("a row");
        assert_eq!(row.get::<String>("a").expect(style), "x%s", "{style}");
        assert_eq!(row.get::<i64>("b").expect(style), 42, "{style}");
        assert_eq!(row.get::<String>("c").expect(style), ":a %% ?", "{style}");
        assert_eq!(db.fetch_val::<String>("SELECT '100 %'", ()).expect(style).as_deref(), Some("100 %"), "{style}");
    }
}

#[test]
fn a_killed_process_loses_its_connection_and_the_next_call_has_another() {
    let folder = Folder::new();
    let db = faulty(&folder, 1).open().expect("a database");
    db.execute("CREATE TABLE t (n)", ()).expect("a table");
    let connection = db.connection().expect("a connection");
    let first = pid(&connection);
    let tx = connection.begin().expect("a transaction");
    tx.execute("INSERT INTO t VALUES (1)", ()).expect("a row");
    kill(first);
    let error = tx.execute("INSERT INTO t VALUES (2)", ()).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    drop(tx);
    drop(connection);
    assert_ne!(pid(&db), first);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ()).expect("a query"), Some(0));
}

#[test]
fn a_process_killed_between_the_rows_ends_the_stream_with_an_error() {
    let folder = Folder::new();
    let db = faulty(&folder, 1).open().expect("a database");
    let connection = db.connection().expect("a connection");
    let first = pid(&connection);
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut stream = connection.iterate(endless, ()).expect("a stream");
    assert_eq!(stream.next().expect("a row").expect("a row").get::<i64>(0).expect("a number"), 1);
    kill(first);
    let error = stream.find_map(Result::err).expect("an end with an error");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    drop(stream);
    drop(connection);
    assert_ne!(pid(&db), first);
}

#[test]
fn a_commit_that_its_process_did_not_survive_is_unknown() {
    let folder = Folder::new();
    let db = faulty(&folder, 1).open().expect("a database");
    db.execute("CREATE TABLE t (n)", ()).expect("a table");
    let connection = db.connection().expect("a connection");
    connection.execute("fatal", ()).expect("it is armed");
    let tx = connection.begin().expect("a transaction");
    tx.execute("INSERT INTO t VALUES (1)", ()).expect("a row");
    let error = tx.commit().expect_err("nobody answered");
    assert!(format!("{error:?}").contains("Unknown"), "{error:?}");
    drop(connection);
    // Only the database knows, and it knows.
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ()).expect("a query"), Some(1));
}

#[test]
fn how_a_process_ended_is_told() {
    let folder = Folder::new();
    let db = faulty(&folder, 2).open().expect("a database");
    let error = db.execute("exit 7", ()).expect_err("it left");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.to_string().contains("the Python process ended (exit status: 7)"), "{error}");
    // What is no error of a driver is one of the connection too.
    for wrong in ["leave", "unprintable"] {
        let connection = db.connection().expect("a connection");
        let before = pid(&connection);
        connection.execute(wrong, ()).expect_err(wrong);
        drop(connection);
        assert_ne!(pid(&db), before, "{wrong}");
    }
}

#[test]
fn a_call_that_never_returns_costs_its_process_and_not_its_caller() {
    let probe = Probe::start();
    for (hang, pool) in [("hang", "process"), ("hold", "process"), ("hang", "thread")] {
        let folder = Folder::new();
        let db = faulty(&folder, 1).option("dbapi_pool", pool).open().expect("a database");
        let before = pid(&db);
        let begun = Instant::now();
        let patience = Duration::from_millis(300);
        let error = db.execute(pontoon::Query::new(hang).timeout(patience), ()).expect_err("it hangs");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        probe.assert_within(hang, begun.elapsed().saturating_sub(patience), Duration::from_millis(50));
        assert_ne!(pid(&db), before, "{hang} {pool}");
        if pool == "process" {
            await_that("the process that hangs is gone", || !lives(before));
        }
        drop(db);
        await_that("no process stays", || !lives(before));
    }
}

#[test]
fn garbage_ends_the_connection_alone() {
    let folder = Folder::new();
    let db = faulty(&folder, 2).open().expect("a database");
    let error = db.execute("garbage", ()).expect_err("it cannot be read");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert!(pid(&db) > 0);
}

#[test]
fn rows_that_were_cancelled_before_they_were_fetched_leave_no_cursor_behind() {
    let folder = Folder::new();
    let db = numbered(faulty(&folder, 2).open().expect("a database"), 3000);
    let connection = db.connection().expect("a connection");
    connection.execute("dawdle", ()).expect("it knows that");
    let mut rows = connection.iterate("SELECT id FROM t", ()).expect("a stream");
    assert!(rows.next().expect("a row").is_ok());
    drop(rows);
    // An open cursor would hold a lock on the file, at which the other one's commit waits in vain.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| db.execute("INSERT INTO t VALUES (?)", (3000_i64,)));
        other.join().expect("no panic").expect("nobody holds a lock");
    });
    drop(connection);
}

#[test]
fn a_stream_that_is_left_while_it_runs_harms_nothing_beside_it() {
    let folder = Folder::new();
    let db = numbered(sqlite(&folder), 100);
    let connection = db.connection().expect("a connection");
    // After three rows it runs until somebody ends it.
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 4";
    let mut seen = 0;
    for row in connection.iterate(Query::new("SELECT id FROM t").batch_rows(1), ()).expect("a stream") {
        row.expect("nobody left this one");
        seen += 1;
        if seen % 10 == 0 {
            let mut inner = connection.iterate(Query::new(endless).batch_rows(1), ()).expect("a stream");
            assert!(inner.next().expect("a row").is_ok());
        }
    }
    assert_eq!(seen, 100);
    connection.execute("DROP TABLE t", ()).expect("nobody reads it");
}

#[test]
fn a_statement_of_few_long_steps_is_cancelled_and_its_connection_stays() {
    const ROWS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    const LONG_STEPS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
        SELECT sum(length(hex(randomblob(300000)))) FROM n";
    for has_other in [false, true] {
        let folder = Folder::new();
        let db = sqlite(&folder);
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)", ()).expect("a table");
        let _rolls_back = db.force_rollback_scope(true);
        let connection = db.connection().expect("a connection");
        connection.execute("INSERT INTO t VALUES (7)", ()).expect("a row");
        let mut other = has_other.then(|| connection.iterate(Query::new(ROWS).batch_rows(1), ()).expect("a stream"));
        if let Some(rows) = &mut other {
            assert!(rows.next().expect("a row").is_ok());
        }
        let slow = Query::new(LONG_STEPS).timeout(Duration::from_millis(100));
        let error = connection.fetch_val::<i64>(slow, ()).expect_err("it is endless");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        // Of the same connection, and the same transaction.
        assert_eq!(connection.fetch_val::<i64>("SELECT id FROM t", ()).expect("it is there"), Some(7), "{has_other}");
        if let Some(rows) = other {
            let error = rows.filter_map(Result::err).next().expect("it was cancelled as well");
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        }
        connection.execute("INSERT INTO t VALUES (8)", ()).expect("a row");
    }
}

#[test]
fn a_query_that_is_executed_is_ended_under_force_rollback_as_well() {
    let folder = Folder::new();
    let db = sqlite(&folder);
    db.set_force_rollback(Some(true));
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)", ()).expect("a table");
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let late = db.execute(Query::new(endless).timeout(Duration::from_millis(100)), ()).expect_err("it never ends");
    assert_eq!(late.kind(), ErrorKind::Timeout, "{late:?}");
    let rows: Option<i64> = db.fetch_val("SELECT count(*) FROM t", ()).expect("the transaction is still there");
    assert_eq!(rows, Some(0));
}

#[test]
fn streams_that_are_left_while_they_are_read_ahead_leave_no_cursor_behind() {
    let folder = Folder::new();
    let db = numbered(sqlite(&folder), 1000);
    let connection = db.connection().expect("a connection");
    for read in 0..400 {
        let mut rows = connection.iterate(Query::new("SELECT id FROM t").batch_rows(16), ()).expect("a stream");
        for _ in 0..read {
            assert!(rows.next().expect("a row").is_ok());
        }
    }
    // Refused for as long as anything reads it.
    connection.execute("DROP TABLE t", ()).expect("nobody reads it");
}

#[test]
fn a_flood_of_output_is_no_answer_and_holds_nobody_up() {
    let folder = Folder::new();
    let db = faulty(&folder, 2).open().expect("a database");
    let connection = db.connection().expect("a connection");
    let before = pid(&connection);
    connection.execute("flood 20000", ()).expect("it comes to its end");
    assert_eq!(pid(&connection), before);
}

#[test]
fn a_process_of_another_version_is_refused() {
    let folder = Folder::new();
    let script = folder.path("python");
    let text = format!(
        "#!/bin/sh\nsed 's/^VERSION = 1$/VERSION = 9/' \"$1\" > \"$1.other\"\nexec {PYTHON} \"$1.other\" \"$2\"\n"
    );
    std::fs::write(&script, text).expect("a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("it can be run");
    let builder = Database::builder().url("dbapi2+sqlite3://:memory:").allow_code_options(true);
    let error = builder.option("python", script.display().to_string()).open().expect_err("another version");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("version 9"), "{error}");
}

#[test]
fn what_is_missing_is_said() {
    let open = |name: &str, value: &str| {
        let builder = Database::builder().url("dbapi2://t.db").allow_code_options(true).option("python", PYTHON);
        let builder = if name == "python" {
            Database::builder().url("dbapi2+sqlite3://t.db").allow_code_options(true)
        } else {
            builder
        };
        builder.option(name, value).timeout(Some(LONG)).acquire_timeout(LONG).open().map(drop)
    };
    let error = open("python", "/nowhere/python3").expect_err("no Python");
    assert!(error.to_string().contains("/nowhere/python3 is no program"), "{error}");
    let error = open("dbapi_path", "no_such_module").expect_err("no module");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("no Python module no_such_module"), "{error}");
    let error = Database::builder().url("dbapi2+nonsense://x").open().map(drop).expect_err("no such name");
    assert!(error.to_string().contains("no Python module known by the name `nonsense`"), "{error}");
    for option in ["dbapi_path", "python", "python_path"] {
        let url = format!("dbapi2+sqlite3://t.db?{option}=x");
        let error = Database::builder().url(url).open().map(drop).expect_err(option);
        assert_eq!(error.kind(), ErrorKind::ForbiddenOption, "{error}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let folder = Folder::new();
    // Nothing says that it will never connect, so that it is tried again for as long as this.
    let builder = faulty(&folder, 2).option("password", Canary::SECRET).acquire_timeout(Duration::from_secs(1));
    let error = builder.open().map(drop).expect_err("the module refuses every password");
    Canary::assert_absent("an error", &format!("{error} {error:?}"));
    assert!(format!("{error:?}").contains("no login with password="), "{error:?}");
}

/// With a call that waits, and with one that does not even let the interpreter go.
#[test]
fn nothing_outlives_a_parent_that_was_killed() {
    for hang in ["hang", "hold"] {
        let mut parent = case!(hang, |hang: &str| {
            let folder = Folder::new();
            let db = faulty(&folder, 2).open().expect("a database");
            let connection = db.connection().expect("a connection");
            tell("pid", pid(&connection));
            let hang = if hang.is_empty() { "hang".to_owned() } else { hang.to_owned() };
            let _ = connection.execute(hang.as_str(), ());
        })
        .argument(hang)
        .start();
        let child: i32 = parent.wait_for("pid").parse().expect("a number");
        assert!(lives(child));
        parent.kill();
        let killed = Instant::now();
        await_that("the child is gone", || !lives(child));
        Probe::start().assert_within("the child's end", killed.elapsed(), Duration::from_secs(2));
        drop(parent);
    }
}

#[test]
fn threads_of_one_process_share_it() {
    let folder = Folder::new();
    let db = faulty(&folder, 2).option("dbapi_pool", "thread").open().expect("a database");
    let (one, other) = (
        db.connection().expect("one"),
        std::thread::scope(|scope| {
            scope
                .spawn(|| db.connection().map(|connection| pid(&connection)))
                .join()
                .expect("no panic")
                .expect("another")
        }),
    );
    assert_eq!(pid(&one), other);
}

/// Or each query for one row would ask twice: for the row, and to close what is at its end.
#[test]
fn a_host_knows_the_last_rows_of_a_result() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = std::process::Command::new(PYTHON)
        .arg(here.join("tests/dbapi2/ahead.py"))
        .arg(here.join("src/driver/hosted/dbapi2/host.py"))
        .output()
        .expect("a Python");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}
