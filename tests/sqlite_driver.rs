//! The SQLite driver, straight on the seam: no pool, no session.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pontoon::driver::sqlite::{Sqlite, copy_database};
use pontoon::driver::{
    BulkPath, Call, Catalog, CommitOutcome, Driver, Executed, Fence, Flow, Link, LinkState, Reset, RowSink, Source,
};
use pontoon::sql::{SQLITE, Sets, Statement};
use pontoon::value::{Date, Decimal, Kind, Time, Timestamp, TimestampTz, Value};
use pontoon::{Batch, Columns, Config, Effect, Error, ErrorKind, IntoParams, LockMode, Result, Row, Rows, TxOptions};

// ---- the kit

/// A folder that goes away with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("pontoon-sqlite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn url(&self, name: &str) -> String {
        format!("sqlite:///{}", self.file(name).display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn try_source(url: &str) -> Result<Arc<dyn Source>> {
    Sqlite.open(&Config::from_url(url, Sqlite.schemes())?)
}

fn source(url: &str) -> Arc<dyn Source> {
    try_source(url).unwrap()
}

/// Long enough that it never passes in a test that does not mean it to.
fn call() -> Call<'static> {
    Call::until(Some(Instant::now() + Duration::from_secs(60)))
}

fn within(time: Duration) -> Call<'static> {
    Call::until(Some(Instant::now() + time))
}

fn connect(url: &str) -> Box<dyn Link> {
    source(url).connect(&call()).unwrap()
}

fn memory() -> (Arc<dyn Source>, Box<dyn Link>) {
    let source = source("sqlite::memory:");
    let link = source.connect(&call()).unwrap();
    (source, link)
}

/// What a sink does with each batch, given the second way in.
type OnBatch<'f> = dyn FnMut(&Batch, &mut dyn Link) -> Result<Flow> + 'f;

struct Collect<'f> {
    columns: Option<Arc<Columns>>,
    batches: Vec<Batch>,
    batch_rows: usize,
    on_batch: Option<&'f mut OnBatch<'f>>,
}

impl RowSink for Collect<'_> {
    fn columns(&mut self, columns: &Arc<Columns>) -> Result<()> {
        assert!(self.columns.replace(Arc::clone(columns)).is_none(), "columns are told once");
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow> {
        let flow = match (&mut self.on_batch, again) {
            (Some(on_batch), Some(again)) => on_batch(&batch, again)?,
            _ => Flow::Continue,
        };
        self.batches.push(batch);
        Ok(flow)
    }
}

/// What the tests call; the seam itself is meant for the session.
trait LinkExt {
    fn run_on(&mut self, call: &Call<'_>, sql: &str, params: impl IntoParams) -> Result<Executed>;
    fn fetch_on(&mut self, call: &Call<'_>, sql: &str, params: impl IntoParams) -> Result<Rows>;

    fn run(&mut self, sql: &str, params: impl IntoParams) -> Result<Executed> {
        self.run_on(&call(), sql, params)
    }

    fn fetch(&mut self, sql: &str, params: impl IntoParams) -> Result<Rows> {
        self.fetch_on(&call(), sql, params)
    }

    fn row(&mut self, sql: &str, params: impl IntoParams) -> Row {
        self.fetch(sql, params).unwrap().first().expect("a row")
    }

    fn int(&mut self, sql: &str) -> i64 {
        self.row(sql, ()).get(0).unwrap()
    }
}

impl<L: Link + ?Sized> LinkExt for L {
    fn run_on(&mut self, call: &Call<'_>, sql: &str, params: impl IntoParams) -> Result<Executed> {
        let statement = Statement::parse(sql, &SQLITE)?;
        self.execute(call, &statement.bind(params.into_params())?)
    }

    fn fetch_on(&mut self, call: &Call<'_>, sql: &str, params: impl IntoParams) -> Result<Rows> {
        let statement = Statement::parse(sql, &SQLITE)?;
        let mut sink = Collect { columns: None, batches: Vec::new(), batch_rows: 16, on_batch: None };
        self.query(call, &statement.bind(params.into_params())?, &mut sink)?;
        let mut rows = Rows::new(sink.columns.expect("columns are always told"));
        sink.batches.into_iter().for_each(|batch| rows.push(batch));
        Ok(rows)
    }
}

/// Reads with a batch of one row each, and does something on the connection after each.
fn read_with(link: &mut dyn Link, call: &Call<'_>, sql: &str, on_batch: &mut OnBatch<'_>) -> Result<usize> {
    struct Each<'a, 'f>(&'a mut OnBatch<'f>, usize);

    impl RowSink for Each<'_, '_> {
        fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
            Ok(())
        }

        fn batch_rows(&self) -> usize {
            1
        }

        fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow> {
            self.1 += batch.len();
            (self.0)(&batch, again.expect("SQLite can run a statement inside another"))
        }
    }

    let statement = Statement::parse(sql, &SQLITE)?;
    let mut sink = Each(on_batch, 0);
    link.query(call, &statement.bind(().into_params())?, &mut sink)?;
    Ok(sink.1)
}

#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

// ---- statements

#[test]
fn statements_run_and_tell_what_they_did() {
    let (_source, mut link) = memory();
    assert_eq!(link.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)", ()).unwrap(), Executed::default());
    let done = link.run("INSERT INTO t (a) VALUES (:a), (:b)", pontoon::params! { a: "x", b: "y" }).unwrap();
    assert_eq!(done, Executed::new(2, Some(2)));
    assert_eq!(link.run("UPDATE t SET a = 'z' WHERE id > ?", (0,)).unwrap(), Executed::new(2, None));
    assert_eq!(link.run("UPDATE t SET a = 'z' WHERE id > ?", (9,)).unwrap(), Executed::default());
    assert_eq!(link.run("SELECT * FROM t", ()).unwrap(), Executed::default(), "rows are discarded, nothing is counted");
    assert_eq!(link.run("CREATE TABLE u (a)", ()).unwrap(), Executed::default(), "not the count of the last UPDATE");
    assert_eq!(link.run("DELETE FROM t", ()).unwrap().rows_affected, 2);
}

#[test]
fn rows_come_with_their_columns() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1, 'a'), (2, NULL)",
    )
    .unwrap();
    let rows = link.fetch("SELECT id, name, id * 2 AS double FROM t ORDER BY id", ()).unwrap();
    let columns = rows.columns().unwrap();
    let told: Vec<_> = columns.iter().map(|column| (column.name(), column.kind(), column.type_name())).collect();
    assert_eq!(
        told,
        [
            ("id", Kind::I64, Some("INTEGER")),
            ("name", Kind::Text, Some("VARCHAR(20)")),
            ("double", Kind::Unknown, None)
        ]
    );
    assert_eq!(rows.decode::<(i64, Option<String>, i64)>().unwrap(), [(1, Some("a".into()), 2), (2, None, 4)]);
    let none = link.fetch("SELECT id FROM t WHERE id = ?", (9,)).unwrap();
    assert_eq!(none.columns().unwrap().len(), 1, "columns are told without rows too");
}

#[test]
fn a_statement_without_a_result_is_refused_before_it_runs() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    assert_eq!(kind(link.fetch("INSERT INTO t VALUES (1)", ())), ErrorKind::Misuse);
    assert_eq!(link.int("SELECT count(*) FROM t"), 0);
    let id: i64 = link.row("INSERT INTO t VALUES (7) RETURNING a", ()).get(0).unwrap();
    assert_eq!(id, 7);
}

#[test]
fn several_statements_are_refused_before_the_first_runs() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    assert_eq!(kind(link.run("INSERT INTO t VALUES (1); DROP TABLE t", ())), ErrorKind::Misuse);
    assert_eq!(link.int("SELECT count(*) FROM t"), 0);
}

#[test]
fn columns_follow_a_change_of_the_schema() {
    let folder = Folder::new();
    let source = source(&folder.url("a.db"));
    let mut one = source.connect(&call()).unwrap();
    let mut other = source.connect(&call()).unwrap();
    one.batch(&call(), "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)").unwrap();
    let names = |link: &mut dyn Link| -> Vec<String> {
        let rows = link.fetch("SELECT * FROM t", ()).unwrap();
        assert_eq!(rows.first().unwrap().len(), rows.columns().unwrap().len());
        rows.columns().unwrap().iter().map(|column| format!("{} {:?}", column.name(), column.kind())).collect()
    };
    assert_eq!(names(&mut *one), ["a I64"]);
    assert_eq!(names(&mut *one), ["a I64"]);
    let shared = |link: &mut dyn Link| Arc::clone(link.fetch("SELECT * FROM t", ()).unwrap().columns().unwrap());
    assert!(Arc::ptr_eq(&shared(&mut *one), &shared(&mut *one)), "the columns are shared from run to run");
    other.run("ALTER TABLE t ADD COLUMN b TEXT", ()).unwrap();
    assert_eq!(names(&mut *one), ["a I64", "b Text"]);
    other.run("ALTER TABLE t RENAME COLUMN a TO z", ()).unwrap();
    assert_eq!(names(&mut *one), ["z I64", "b Text"]);
    // The same number and names, another declared type; the statement was pushed out of the cache meanwhile.
    other
        .batch(&call(), "DROP TABLE t; CREATE TABLE t (z DATE, b TEXT); INSERT INTO t VALUES ('2024-02-29', 'x')")
        .unwrap();
    for n in 0..100 {
        one.fetch(&format!("SELECT {n}"), ()).unwrap();
    }
    assert_eq!(names(&mut *one), ["z Date", "b Text"]);
    assert_eq!(one.row("SELECT * FROM t", ()).get::<Date>(0).unwrap(), "2024-02-29".parse().unwrap());
}

// ---- values

#[track_caller]
fn round_trip(link: &mut dyn Link, declared: &str, value: Value) -> Value {
    link.batch(&call(), &format!("DROP TABLE IF EXISTS r; CREATE TABLE r (v {declared})")).unwrap();
    link.run("INSERT INTO r VALUES (?)", (value,)).unwrap();
    link.row("SELECT v FROM r", ()).value(0).unwrap().to_value()
}

#[test]
fn declared_types_bring_values_back_as_they_were() {
    let (_source, mut link) = memory();
    let link = &mut *link;
    let decimal = |text: &str| Value::Decimal(text.parse::<Decimal>().unwrap());
    let uuid = Value::Uuid(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff");
    let offset: TimestampTz = "2024-02-29 12:34:56.789+05:30".parse().unwrap();
    for (declared, value) in [
        ("BOOLEAN", Value::Bool(true)),
        ("bool", Value::Bool(false)),
        ("DECIMAL(10, 2)", decimal("12.75")),
        ("NUMERIC", decimal("-0.1")),
        ("NUMERIC", decimal("7")),
        ("DECIMAL_TEXT", Value::Text("x".into())),
        ("DATE", Value::Date("2024-02-29".parse().unwrap())),
        ("TIME", Value::Time("23:59:59.000001".parse().unwrap())),
        ("DATETIME", Value::Timestamp("2024-02-29 12:34:56.789".parse().unwrap())),
        ("TIMESTAMP(6)", Value::Timestamp("2024-02-29 00:00:00".parse().unwrap())),
        ("TIMESTAMPTZ", Value::TimestampTz(offset)),
        ("TIMESTAMP WITH TIME ZONE", Value::TimestampTz(offset)),
        ("UUID", uuid.clone()),
        ("JSON", Value::Json(r#"{"a": [1.50, null]}"#.into())),
        ("JSON", Value::Json("5".into())),
        ("INTEGER", Value::I64(i64::MIN)),
        ("REAL", Value::F64(f64::MAX)),
        ("REAL", Value::F64(f64::INFINITY)),
        ("TEXT", Value::Text("nul \0 and \u{1F600}".into())),
        ("BLOB", Value::Bytes(vec![0, 255, 0])),
        ("BLOB", Value::Bytes(vec![])),
        ("", Value::Text(String::new())),
    ] {
        assert_eq!(round_trip(link, declared, value.clone()), value, "{declared}");
    }
    // What an undeclared column stores is read by asking for the type.
    round_trip(link, "", decimal("123456789012345678901234567890.10"));
    let exact: Decimal = link.row("SELECT v FROM r", ()).get(0).unwrap();
    assert_eq!(exact.to_string(), "123456789012345678901234567890.10");
    round_trip(link, "TEXT", Value::Timestamp("2024-02-29 12:34:56".parse().unwrap()));
    let timestamp: Timestamp = link.row("SELECT v FROM r", ()).get(0).unwrap();
    assert_eq!(timestamp.to_string(), "2024-02-29 12:34:56");
    round_trip(link, "", Value::Bool(true));
    assert!(link.row("SELECT v FROM r", ()).get::<bool>(0).unwrap());
    assert_eq!(round_trip(link, "INTEGER", Value::U64(i64::MAX as u64)), Value::I64(i64::MAX));
    assert_eq!(round_trip(link, "REAL", Value::F32(0.5)), Value::F64(0.5));
    assert_eq!(round_trip(link, "DATE", Value::Null(Kind::Unknown)), Value::Null(Kind::Date), "a NULL knows its kind");
}

#[test]
fn what_does_not_fit_its_declaration_comes_as_it_is_stored() {
    let (_source, mut link) = memory();
    let link = &mut *link;
    for (declared, value) in [
        ("BOOLEAN", Value::I64(2)),
        ("BOOLEAN", Value::Text("yes".into())),
        ("DATE", Value::Text("soon".into())),
        ("DATETIME", Value::I64(1_700_000_000)),
        ("DATETIME", Value::F64(2_460_000.5)),
        ("TIME", Value::Bytes(vec![1])),
        ("DECIMAL", Value::Text("twelve".into())),
        ("DECIMAL", Value::F64(f64::INFINITY)),
        ("UUID", Value::Bytes(vec![1, 2, 3])),
        ("UUID", Value::Text("not one".into())),
        ("INTEGER", Value::Text("word".into())),
    ] {
        assert_eq!(round_trip(link, declared, value.clone()), value, "{declared}");
    }
    let text = "00112233-4455-6677-8899-aabbccddeeff";
    let uuid =
        Value::Uuid([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]);
    assert_eq!(round_trip(link, "UUID", Value::Text(text.into())), uuid, "a UUID as text is one");
    assert_eq!(round_trip(link, "UUID", Value::Text(text.replace('-', ""))), uuid);
    let typed: Time = {
        round_trip(link, "TIME", Value::Text("12:00".into()));
        link.row("SELECT v FROM r", ()).get(0).unwrap()
    };
    assert_eq!(typed, "12:00:00".parse().unwrap());
}

#[test]
fn what_sqlite_would_change_silently_is_refused() {
    let (_source, mut link) = memory();
    for (value, says) in [
        (Value::F64(f64::NAN), "NaN"),
        (Value::F32(f32::NAN), "NaN"),
        (Value::U64(u64::MAX), "INTEGER"),
        (Value::Array(vec![Value::I64(1)]), "IN (:name)"),
    ] {
        let error = link.fetch("SELECT ?, ?", (1, value)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert_eq!(error.effect(), Effect::NotSent);
        let message = error.to_string();
        assert!(message.contains("parameter 2") && message.contains(says), "{message}");
    }
    // The statement that was given up did not keep the first value.
    assert_eq!(link.row("SELECT ?, ?", (Option::<i32>::None, 2)).get::<Option<i64>>(0).unwrap(), None);
}

#[test]
fn text_that_is_not_utf8_is_an_error_that_names_the_column() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE t (a TEXT, d DATE); INSERT INTO t VALUES (CAST(x'ff41' AS TEXT), CAST(x'ff' AS TEXT))",
    )
    .unwrap();
    for column in ["a", "d"] {
        let error = link.fetch(&format!("SELECT {column} FROM t"), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert!(error.to_string().contains(&format!("\"{column}\"")), "{error}");
    }
    let bytes: Vec<u8> = link.row("SELECT CAST(a AS BLOB) FROM t", ()).get(0).unwrap();
    assert_eq!(bytes, [0xff, 0x41]);
    assert_eq!(link.state(), LinkState::Idle);
}

#[test]
fn names_that_are_not_utf8_are_an_error_too() {
    let folder = Folder::new();
    let path = folder.file("hostile.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(
        "CREATE TABLE t (plain, odd); INSERT INTO t VALUES (1, 2); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = CAST(x'435245415445205441424c45207420 28 70 2c 6fff64 29' AS TEXT)"
            .replace("20 28 70 2c 6fff64 29", "28702c6fff6429")
            .as_str(),
    )
    .unwrap();
    drop(conn);
    let mut link = connect(&folder.url("hostile.db"));
    assert_eq!(kind(link.fetch("SELECT * FROM t", ())), ErrorKind::Conversion);
    assert_eq!(link.int("SELECT p FROM t"), 1, "the connection lives, and so do the other columns");
}

#[test]
fn nul_is_refused_in_sql_and_kept_in_values() {
    let (_source, mut link) = memory();
    assert_eq!(kind(link.run("SELECT 1\0", ())), ErrorKind::NulInText);
    assert_eq!(kind(link.batch(&call(), "SELECT 1;\0 SELECT 2")), ErrorKind::NulInText);
    assert_eq!(kind(link.bulk_insert(&call(), "a\0b", &["c".into()], &mut std::iter::empty())), ErrorKind::NulInText);
    assert_eq!(link.row("SELECT ?", ("a\0b",)).get::<String>(0).unwrap(), "a\0b");
    assert!(try_source("sqlite:///a%00b").is_err());
}

#[test]
fn limits_are_typed_errors() {
    let (_source, mut link) = memory();
    let conn = link.raw().downcast_mut::<rusqlite::Connection>().unwrap();
    conn.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, 1000).unwrap();
    conn.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 3).unwrap();
    assert_eq!(kind(link.fetch("SELECT length(?)", (vec![0_u8; 1001],))), ErrorKind::Limit);
    assert_eq!(kind(link.fetch("SELECT zeroblob(1001)", ())), ErrorKind::Limit);
    assert_eq!(kind(link.fetch("SELECT ?, ?, ?, ?", (1, 2, 3, 4))), ErrorKind::Limit);
    let many = vec![Value::I64(1); 70_000];
    let sql = format!("SELECT {}", vec!["?"; 70_000].join(","));
    assert_eq!(kind(link.fetch(&sql, many)), ErrorKind::Limit);
    assert_eq!(link.int("SELECT 5"), 5, "the connection lives");
}

// ---- errors

#[test]
fn errors_have_the_kinds_of_every_database() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n TEXT NOT NULL, c INT CONSTRAINT positive CHECK (c > 0));
         CREATE TABLE f (p REFERENCES p); INSERT INTO p VALUES (1, 'u', 'n', 1)",
    )
    .unwrap();
    for (sql, kind, constraint) in [
        ("INSERT INTO p VALUES (1, 'v', 'n', 1)", ErrorKind::UniqueViolation, Some("p.id")),
        ("INSERT INTO p VALUES (2, 'u', 'n', 1)", ErrorKind::UniqueViolation, Some("p.u")),
        ("INSERT INTO p VALUES (2, 'v', NULL, 1)", ErrorKind::NotNullViolation, Some("p.n")),
        ("INSERT INTO p VALUES (2, 'v', 'n', 0)", ErrorKind::CheckViolation, Some("positive")),
        ("INSERT INTO f VALUES (9)", ErrorKind::ForeignKeyViolation, None),
        ("SELECT * FROM nowhere", ErrorKind::UndefinedTable, None),
        ("SELECT missing FROM p", ErrorKind::UndefinedColumn, None),
        ("CREATE TABLE p (a)", ErrorKind::DuplicateObject, None),
        ("SELECT abs(-9223372036854775807 - 1)", ErrorKind::InvalidValue, None),
    ] {
        let error = link.run(sql, ()).unwrap_err();
        assert_eq!((error.kind(), error.constraint()), (kind, constraint), "{sql}: {error}");
        assert_eq!(error.effect(), Effect::NotApplied, "{sql}");
        assert!(error.vendor_code().is_some());
    }
    let error = link.run("SELECT 'é' selec 1", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert!(error.to_string().ends_with("(at character 18)"), "{error}");
    let error = link.run("INSERT INTO p VALUES (1, 'v', 'n', 1)", ()).unwrap_err();
    assert_eq!(error.vendor_code(), Some(1555), "the extended code");
}

#[test]
fn no_text_of_a_statement_gets_into_an_error() {
    let (_source, mut link) = memory();
    let error = link.run("SELECT 'hunter2' FROM nowhere", ()).unwrap_err();
    let mut shown = format!("{error:?} {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        shown += &format!("{error:?} {error}");
        cause = error.source();
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

// ---- statements inside statements

#[test]
fn statements_run_inside_an_open_one_to_any_depth() {
    fn dive(link: &mut dyn Link, depth: i64) -> i64 {
        let mut sum = 0;
        if depth == 0 {
            link.run("INSERT INTO log VALUES (1)", ()).unwrap();
            return link.int("SELECT sum(a) FROM t");
        }
        let mut each = |_: &Batch, again: &mut dyn Link| {
            sum += dive(again, depth - 1);
            Ok(Flow::Continue)
        };
        read_with(link, &call(), "SELECT a FROM t ORDER BY a", &mut each).unwrap();
        sum
    }
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a); CREATE TABLE log (a); INSERT INTO t VALUES (1), (2)").unwrap();
    assert_eq!(dive(&mut *link, 4), 16 * 3);
    assert_eq!(link.int("SELECT count(*) FROM log"), 16);
}

#[test]
fn transactions_inside_an_open_select_are_as_sqlite_has_them() {
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    let mut log = 0;
    let mut commit = |_: &Batch, again: &mut dyn Link| {
        again.begin(&call(), &TxOptions::new())?;
        log += 1;
        again.run("CREATE TABLE IF NOT EXISTS log (a)", ())?;
        assert!(matches!(again.commit(&call()), CommitOutcome::Committed));
        assert_eq!(again.state(), LinkState::Idle);
        Ok(Flow::Continue)
    };
    assert_eq!(
        read_with(&mut *link, &call(), "SELECT a FROM t", &mut commit).unwrap(),
        3,
        "a COMMIT disturbs no reader"
    );

    let mut rollback = |_: &Batch, again: &mut dyn Link| {
        again.begin(&call(), &TxOptions::new())?;
        // The reader is only ended by the rollback of a change of the schema or of its own transaction.
        again.run("CREATE TABLE other (a)", ())?;
        again.rollback(&call())?;
        Ok(Flow::Continue)
    };
    let error = read_with(&mut *link, &call(), "SELECT a FROM t", &mut rollback).unwrap_err();
    assert_eq!(error.vendor_code(), Some(516), "{error}");
    assert_eq!(link.state(), LinkState::Idle);
    assert_eq!(link.int("SELECT count(*) FROM t"), 3);
}

#[test]
fn a_reader_can_stop_early_and_an_error_of_its_sink_is_its_own() {
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    let mut stop = |_: &Batch, _: &mut dyn Link| Ok(Flow::Stop);
    assert_eq!(read_with(&mut *link, &call(), "SELECT a FROM t", &mut stop).unwrap(), 1);
    let mut fail = |_: &Batch, _: &mut dyn Link| Err(Error::new(ErrorKind::OwnerGone, "enough"));
    assert_eq!(kind(read_with(&mut *link, &call(), "SELECT a FROM t", &mut fail)), ErrorKind::OwnerGone);
    // Neither left a statement open, which would keep the table locked.
    link.run("DROP TABLE t", ()).unwrap();
}

#[test]
fn a_panic_in_a_sink_leaves_the_connection_whole() {
    let (_source, mut link) = memory();
    let mut panic = |_: &Batch, _: &mut dyn Link| -> Result<Flow> { panic!("in the sink") };
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        read_with(&mut *link, &call(), "SELECT 1", &mut panic)
    }));
    assert!(caught.is_err());
    assert_eq!(link.handle().cancel(Instant::now()), Fence::Fenced);
    assert_eq!(link.int("SELECT 1"), 1, "no call is left behind that the cancel could have met");
}

// ---- deadlines and cancels

#[test]
fn a_deadline_ends_a_running_statement() {
    let (_source, mut link) = memory();
    let started = Instant::now();
    let error = link.fetch_on(&within(Duration::from_millis(50)), ENDLESS, ()).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotApplied));
    assert!(started.elapsed() < Duration::from_millis(550), "{:?}", started.elapsed());
    assert_eq!(link.int("SELECT 1"), 1);
    let past = Call::until(Some(Instant::now()));
    let error = link.run_on(&past, "CREATE TABLE t (a)", ()).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotSent));
    assert_eq!(
        kind(link.batch(&within(Duration::from_millis(20)), &format!("{ENDLESS}; SELECT 1"))),
        ErrorKind::Timeout
    );
}

/// Cancels from another thread until the call has ended: a cancel that comes before the call does nothing, by promise.
fn cancel_until_it_ends<T: Send>(link: &mut dyn Link, run: impl FnOnce(&mut dyn Link) -> T) -> T {
    let handle = link.handle();
    assert!(handle.is_instant());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_eq!(handle.cancel(Instant::now()), Fence::Fenced);
                std::thread::yield_now();
            }
        });
        let result = run(link);
        done.store(true, Ordering::Release);
        result
    })
}

#[test]
fn a_cancel_ends_a_running_statement_and_no_later_one() {
    let (_source, mut link) = memory();
    let error = cancel_until_it_ends(&mut *link, |link| link.fetch(ENDLESS, ()).map(drop).unwrap_err());
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Cancelled, Effect::NotApplied));
    // Between two calls a cancel finds nothing to end.
    let handle = link.handle();
    for n in 0..1000 {
        handle.cancel(Instant::now());
        assert_eq!(link.int(&format!("SELECT {n}")), n);
    }
}

#[test]
fn a_cancel_inside_a_stream_ends_the_inner_statement_only() {
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    let mut cancelled = 0;
    let mut inner = |_: &Batch, again: &mut dyn Link| {
        let error = cancel_until_it_ends(again, |again| again.fetch(ENDLESS, ()).map(drop).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(again.int("SELECT 5"), 5);
        cancelled += 1;
        Ok(Flow::Continue)
    };
    assert_eq!(read_with(&mut *link, &call(), "SELECT a FROM t", &mut inner).unwrap(), 3);
    assert_eq!(cancelled, 3);
}

#[test]
fn an_interrupted_write_ends_its_transaction_unless_it_may_finish() {
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a)").unwrap();
    let insert = "INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n";
    link.begin(&call(), &TxOptions::new()).unwrap();
    link.run("INSERT INTO t VALUES (0)", ()).unwrap();
    let error = cancel_until_it_ends(&mut *link, |link| {
        // As often as it takes: the cancel may come only after a call has ended.
        std::iter::repeat_with(|| link.run(insert, ())).find_map(Result::err).unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(link.state(), LinkState::Idle, "SQLite rolled the transaction back, and the state says so");
    assert_eq!(link.int("SELECT count(*) FROM t"), 0);

    link.begin(&call(), &TxOptions::new()).unwrap();
    let done = cancel_until_it_ends(&mut *link, |link| link.run_on(&call().let_writes_finish(), insert, ()));
    assert_eq!(done.unwrap().rows_affected, 200_000);
    let soon = within(Duration::from_millis(1)).let_writes_finish();
    // Its deadline passes while it writes: it runs out.
    assert!(link.run_on(&soon, insert, ()).is_ok() || link.state() == LinkState::Open);
    assert_eq!(link.state(), LinkState::Open);
    link.rollback(&call()).unwrap();
}

// ---- locks

/// Two connections to one file without a write log: readers and the writer meet.
fn two(folder: &Folder, options: &str) -> (Box<dyn Link>, Box<dyn Link>) {
    let source = source(&format!("{}?{options}", folder.url("lock.db")));
    let (mut one, two) = (source.connect(&call()).unwrap(), source.connect(&call()).unwrap());
    one.batch(&call(), "CREATE TABLE IF NOT EXISTS t (a)").unwrap();
    (one, two)
}

#[test]
fn a_wait_for_a_lock_ends_at_the_deadline() {
    let folder = Folder::new();
    let (mut holder, mut waiter) = two(&folder, "journal_mode=delete");
    holder.begin(&call(), &TxOptions::new()).unwrap();
    let started = Instant::now();
    let error = waiter.begin(&within(Duration::from_millis(60)), &TxOptions::new()).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotApplied));
    assert!(error.to_string().contains("waiting for a lock"), "{error}");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(60) && took < Duration::from_millis(600), "{took:?}");
    assert_eq!(waiter.state(), LinkState::Idle);
    holder.rollback(&call()).unwrap();
    waiter.begin(&call(), &TxOptions::new()).unwrap();
}

#[test]
fn a_wait_for_a_lock_ends_when_it_is_granted() {
    let folder = Folder::new();
    let (mut holder, mut waiter) = two(&folder, "");
    holder.begin(&call(), &TxOptions::new()).unwrap();
    holder.run("INSERT INTO t VALUES (1)", ()).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || waiter.run("INSERT INTO t VALUES (2)", ()).map(|done| done.rows_affected));
        assert!(matches!(holder.commit(&call()), CommitOutcome::Committed));
        assert_eq!(waiting.join().unwrap().unwrap(), 1);
    });
    assert_eq!(holder.int("SELECT count(*) FROM t"), 2);
}

#[test]
fn a_cancel_reaches_a_wait_for_a_lock() {
    let folder = Folder::new();
    let (mut holder, mut waiter) = two(&folder, "");
    holder.begin(&call(), &TxOptions::new()).unwrap();
    let error = cancel_until_it_ends(&mut *waiter, |link| link.begin(&call(), &TxOptions::new()).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // Also where a write may finish, because it has not begun.
    let error = cancel_until_it_ends(&mut *waiter, |link| {
        link.run_on(&call().let_writes_finish(), "INSERT INTO t VALUES (1)", ()).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn busy_timeout_caps_the_wait_however_it_is_set() {
    let folder = Folder::new();
    let (mut holder, mut waiter) = two(&folder, "busy_timeout=30ms");
    holder.begin(&call(), &TxOptions::new()).unwrap();
    let error = waiter.begin(&call(), &TxOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_retryable() && error.to_string().contains("30 ms"), "{error}");
    // By PRAGMA: the number is the user's, the handler is ours, as the deadline shows.
    for sql in ["PRAGMA busy_timeout = 20", "PRAGMA busy_timeout(40)"] {
        waiter.fetch(sql, ()).unwrap();
        let error = waiter.begin(&call(), &TxOptions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy, "{sql}");
    }
    waiter.batch(&call(), "PRAGMA busy_timeout = 60000").unwrap();
    let error = waiter.begin(&within(Duration::from_millis(30)), &TxOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // By the driver's own connection.
    let conn = waiter.raw().downcast_mut::<rusqlite::Connection>().unwrap();
    conn.busy_timeout(Duration::from_secs(60)).unwrap();
    let error = waiter.begin(&within(Duration::from_millis(30)), &TxOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    waiter.reset(&call(), Reset::Light).unwrap();
    assert_eq!(kind(waiter.begin(&call(), &TxOptions::new())), ErrorKind::Busy, "30 ms again");
}

#[test]
fn a_write_after_a_read_is_refused_at_once_when_waiting_cannot_help() {
    for (options, code) in [("journal_mode=delete", 5), ("journal_mode=wal", 517)] {
        let folder = Folder::new();
        let (mut one, mut other) = two(&folder, options);
        let deferred = TxOptions::new().lock_mode(LockMode::Deferred);
        one.begin(&call(), &deferred).unwrap();
        one.int("SELECT count(*) FROM t");
        if code == 517 {
            other.run("INSERT INTO t VALUES (1)", ()).unwrap();
        } else {
            // It wants to commit and waits for the reader, who must not wait for it.
            other.begin(&call(), &TxOptions::new()).unwrap();
            other.run("INSERT INTO t VALUES (1)", ()).unwrap();
            let outcome = other.commit(&within(Duration::from_millis(20)));
            assert!(matches!(outcome, CommitOutcome::StillOpen(_)), "{outcome:?}");
        }
        let started = Instant::now();
        let error = one.run("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.vendor_code()), (ErrorKind::Busy, Some(code)), "{error}");
        assert!(error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(5), "no wait for the minute of the deadline");
        assert_eq!(one.state(), LinkState::Open);
        one.rollback(&call()).unwrap();
    }
}

#[test]
fn a_busy_commit_leaves_the_transaction_open_and_can_be_repeated() {
    let folder = Folder::new();
    let (mut writer, mut reader) = two(&folder, "journal_mode=delete");
    reader.begin(&call(), &TxOptions::new().read_only()).unwrap();
    reader.int("SELECT count(*) FROM t");
    writer.begin(&call(), &TxOptions::new()).unwrap();
    writer.run("INSERT INTO t VALUES (1)", ()).unwrap();
    let CommitOutcome::StillOpen(error) = writer.commit(&within(Duration::from_millis(30))) else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert_eq!(writer.state(), LinkState::Open);
    assert!(matches!(reader.commit(&call()), CommitOutcome::Committed));
    assert!(matches!(writer.commit(&call()), CommitOutcome::Committed));
    assert_eq!(reader.int("SELECT count(*) FROM t"), 1);
}

// ---- transactions

#[test]
fn transactions_begin_as_their_options_say() {
    let folder = Folder::new();
    let (mut one, mut other) = two(&folder, "journal_mode=delete");
    let brief = || within(Duration::from_millis(20));
    // Immediate keeps other writers out, and lets readers in.
    one.begin(&call(), &TxOptions::new()).unwrap();
    assert_eq!(one.state(), LinkState::Open);
    assert_eq!(kind(other.begin(&brief(), &TxOptions::new())), ErrorKind::Timeout);
    assert_eq!(other.int("SELECT count(*) FROM t"), 0);
    one.rollback(&call()).unwrap();
    // Exclusive keeps readers out too.
    one.begin(&call(), &TxOptions::new().lock_mode(LockMode::Exclusive)).unwrap();
    assert_eq!(kind(other.fetch_on(&brief(), "SELECT count(*) FROM t", ())), ErrorKind::Timeout);
    one.rollback(&call()).unwrap();
    // Read-only takes no lock, and is held to its word.
    one.begin(&call(), &TxOptions::new().read_only()).unwrap();
    other.run("INSERT INTO t VALUES (1)", ()).unwrap();
    let error = one.run("INSERT INTO t VALUES (2)", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(matches!(one.commit(&call()), CommitOutcome::Committed));
    one.run("INSERT INTO t VALUES (3)", ()).unwrap();
    one.begin(&call(), &TxOptions::new().read_only()).unwrap();
    one.batch(&call(), "ROLLBACK").unwrap();
    one.run("INSERT INTO t VALUES (4)", ()).expect("however the transaction ended");
    let error = one.begin(&call(), &TxOptions::new().deferrable(true)).unwrap_err();
    assert_eq!((error.kind(), one.state()), (ErrorKind::Unsupported, LinkState::Idle));
}

#[test]
fn savepoints_nest() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    link.begin(&call(), &TxOptions::new()).unwrap();
    link.savepoint(&call(), 1).unwrap();
    link.run("INSERT INTO t VALUES (1)", ()).unwrap();
    link.savepoint(&call(), 2).unwrap();
    link.run("INSERT INTO t VALUES (2)", ()).unwrap();
    link.rollback_to(&call(), 2).unwrap();
    assert_eq!(kind(link.release(&call(), 2)), ErrorKind::UndefinedObject, "it is gone");
    link.release(&call(), 1).unwrap();
    assert!(matches!(link.commit(&call()), CommitOutcome::Committed));
    assert_eq!(link.int("SELECT sum(a) FROM t"), 1);
}

#[test]
fn a_transaction_that_sqlite_ends_is_seen_to_be_over() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE t (a PRIMARY KEY); CREATE TABLE big (a);
         CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END;",
    )
    .unwrap();
    for (sql, kind) in [
        ("INSERT OR ROLLBACK INTO t VALUES (1)", ErrorKind::UniqueViolation),
        ("DELETE FROM t", ErrorKind::ConstraintViolation),
        ("INSERT INTO big VALUES (zeroblob(10000000))", ErrorKind::DiskFull),
    ] {
        link.fetch("PRAGMA max_page_count = 100", ()).unwrap();
        link.begin(&call(), &TxOptions::new()).unwrap();
        link.run("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = link.run(sql, ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        // A full disk ends the transaction or not, as SQLite sees fit; the state says which.
        if link.state() == LinkState::Open {
            assert_eq!(kind, ErrorKind::DiskFull);
            link.rollback(&call()).unwrap();
        }
        assert_eq!(link.state(), LinkState::Idle, "{sql}");
        assert_eq!(link.int("SELECT count(*) FROM t"), 0, "{sql}");
    }
    link.fetch("PRAGMA max_page_count = 100000", ()).unwrap();
    link.run("INSERT INTO big VALUES (zeroblob(10000000))", ()).expect("there is room again");
    assert_eq!(link.row("PRAGMA integrity_check", ()).get::<String>(0).unwrap(), "ok");
}

#[test]
fn a_commit_that_breaks_a_deferred_key_stays_open() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    )
    .unwrap();
    link.begin(&call(), &TxOptions::new()).unwrap();
    link.run("INSERT INTO c VALUES (1)", ()).unwrap();
    let CommitOutcome::StillOpen(error) = link.commit(&call()) else { panic!() };
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    link.run("INSERT INTO p VALUES (1)", ()).unwrap();
    assert!(matches!(link.commit(&call()), CommitOutcome::Committed));
}

#[test]
fn a_read_only_call_refuses_what_sqlite_knows_to_write() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    for sql in ["INSERT INTO t VALUES (1) RETURNING a", "WITH x AS (SELECT 1) DELETE FROM t", "VACUUM"] {
        let error = link.run_on(&call().read_only(), sql, ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ReadOnly, Effect::NotSent), "{sql}");
    }
    assert_eq!(kind(link.batch(&call().read_only(), "SELECT 1; DROP TABLE t")), ErrorKind::ReadOnly);
    link.run_on(&call().read_only(), "SELECT * FROM t", ()).unwrap();
}

// ---- scripts and many sets

#[test]
fn scripts_run_to_the_first_error_and_say_where_it_is() {
    let (_source, mut link) = memory();
    link.batch(&call(), "-- nothing\n;").unwrap();
    let error = link
        .batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); DROP TABLE t")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
    assert!(error.to_string().contains("statement 3"), "{error}");
    assert_eq!(link.int("SELECT count(*) FROM t"), 1);
    assert_eq!(kind(link.batch(&call(), "INSERT INTO t VALUES (?)")), ErrorKind::Parameter);
    link.batch(
        &call(),
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; SELECT 1; END; INSERT INTO t VALUES (1)",
    )
    .unwrap();
    assert_eq!(link.int("SELECT count(*) FROM t"), 0);
}

#[test]
fn many_sets_run_on_one_statement() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a PRIMARY KEY, b)", ()).unwrap();
    let insert = Statement::parse("INSERT INTO t VALUES (:a, :b)", &SQLITE).unwrap();
    let mut sets = (0..1000).map(|n| pontoon::params! { a: n, b: format!("b{n}") }.into_params());
    assert_eq!(link.execute_many(&call(), &mut Sets::of(&insert, &mut sets)).unwrap(), 1000);
    let mut sets = [2000, 5, 2001].into_iter().map(|n| pontoon::params! { a: n, b: "" }.into_params());
    let error = link.execute_many(&call(), &mut Sets::of(&insert, &mut sets)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert!(error.to_string().starts_with("set 1: "), "{error}");
    // Lists of different lengths are different statements.
    let delete = Statement::parse("DELETE FROM t WHERE a IN (:ids)", &SQLITE).unwrap();
    let mut sets = [vec![1, 2, 3], vec![], vec![4]].into_iter().map(|ids| pontoon::params! { ids: ids }.into_params());
    assert_eq!(link.execute_many(&call(), &mut Sets::of(&delete, &mut sets)).unwrap(), 4);
}

#[test]
fn rows_are_loaded_many_at_a_time_and_an_error_still_names_its_row() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a PRIMARY KEY, b)", ()).unwrap();
    let columns = ["a".to_string(), "b".to_string()];
    let row = |n: i64| vec![Value::I64(n), Value::Text(format!("b{n}"))];
    for count in [0, 1, 31, 32, 33, 1000] {
        link.run("DELETE FROM t", ()).unwrap();
        let loaded = link.bulk_insert(&call(), "main.t", &columns, &mut (0..count).map(row)).unwrap();
        assert_eq!(loaded, (count as u64, BulkPath::MultiRow));
        assert_eq!(link.int("SELECT count(*) FROM t WHERE b = 'b' || a"), count);
    }
    link.run("DELETE FROM t", ()).unwrap();
    let mut rows = (0..100).map(|n| row(if n == 75 { 3 } else { n }));
    let error = link.bulk_insert(&call(), "t", &columns, &mut rows).unwrap_err();
    assert_eq!((error.kind(), error.constraint()), (ErrorKind::UniqueViolation, Some("t.a")));
    assert!(error.to_string().starts_with("row 75: "), "{error}");
    assert_eq!(error.effect(), Effect::Unknown, "outside a transaction the rows before it are in");
    assert_eq!(link.int("SELECT count(*) FROM t"), 75);
    for (bad, says) in [
        (vec![Value::I64(1)], "row 40 has 1 values for the 2 columns"),
        (vec![Value::F64(f64::NAN), Value::Null(Kind::Unknown)], "\"a\" of row 40"),
    ] {
        link.run("DELETE FROM t", ()).unwrap();
        let mut rows = (0..100).map(|n| if n == 40 { bad.clone() } else { row(n) });
        let error = link.bulk_insert(&call(), "t", &columns, &mut rows).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(kind(link.bulk_insert(&call(), "t", &[], &mut std::iter::empty())), ErrorKind::Parameter);
    // Where SQLite does not simply undo the statement it is not run again: no row gets in twice, none behind the back
    // of a transaction that is over.
    for (verb, left) in [("FAIL", 40), ("ROLLBACK", 0), ("ABORT", 40)] {
        link.batch(
            &call(),
            &format!(
                "DROP TRIGGER IF EXISTS stop; DELETE FROM t;
                 CREATE TRIGGER stop BEFORE INSERT ON t WHEN new.a = 40 BEGIN SELECT RAISE({verb}, 'stop'); END"
            ),
        )
        .unwrap();
        link.begin(&call(), &TxOptions::new()).unwrap();
        let error = link.bulk_insert(&call(), "t", &columns, &mut (0..100).map(row)).unwrap_err();
        assert!(error.to_string().contains("stop") && error.to_string().contains("row"), "{error}");
        assert_eq!(link.int("SELECT count(*) FROM t"), left, "{verb}");
        assert_eq!(link.state() == LinkState::Idle, verb == "ROLLBACK");
        if verb != "ROLLBACK" {
            link.rollback(&call()).unwrap();
        }
    }
    link.batch(&call(), "DROP TRIGGER stop").unwrap();
    // A limit so low that two rows do not fit one statement.
    let conn = link.raw().downcast_mut::<rusqlite::Connection>().unwrap();
    conn.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 3).unwrap();
    link.run("DELETE FROM t", ()).unwrap();
    assert_eq!(link.bulk_insert(&call(), "t", &columns, &mut (0..10).map(row)).unwrap().0, 10);
}

#[test]
fn a_row_is_found_again_however_large_rows_are() {
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a PRIMARY KEY, b)", ()).unwrap();
    let columns = ["a".to_string(), "b".to_string()];
    // Each of them fills a stretch of its own on its way.
    let row = |n: i64| vec![Value::I64(if n == 50 { 3 } else { n }), Value::Bytes(vec![7; 300_000])];
    let error = link.bulk_insert(&call(), "t", &columns, &mut (0..70).map(row)).unwrap_err();
    assert!(error.to_string().starts_with("row 50: "), "{error}");
    assert_eq!(link.int("SELECT count(*) FROM t WHERE length(b) = 300000"), 50);
    link.run("DELETE FROM t", ()).unwrap();
    assert_eq!(link.bulk_insert(&call(), "t", &columns, &mut (51..121).map(row)).unwrap().0, 70);
    assert_eq!(link.int("SELECT sum(a) FROM t"), (51..121).sum::<i64>());
}

// ---- statements that are kept

#[test]
fn statements_that_are_kept_stay_with_their_connection() {
    const SELECT: &str = "SELECT a FROM t";
    let (_source, mut link) = memory();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    link.run("INSERT INTO t VALUES (1)", ()).unwrap();
    for _ in 0..3 {
        assert_eq!(link.int(SELECT), 1);
    }
    let other = rusqlite::Connection::open_in_memory().unwrap();
    other.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (2)").unwrap();
    let former = std::mem::replace(link.raw().downcast_mut::<rusqlite::Connection>().unwrap(), other);
    // Nothing refers to it any more, so that it can go wherever it likes and be closed there.
    std::thread::spawn(move || former.close().map_err(|(_, error)| error).unwrap()).join().unwrap();
    for _ in 0..3 {
        assert_eq!(link.int(SELECT), 2);
    }
    // They change threads with it, and do not keep it from being closed.
    std::thread::spawn(move || {
        for _ in 0..3 {
            assert_eq!(link.int(SELECT), 2);
        }
        link.close().unwrap();
    })
    .join()
    .unwrap();
}

#[test]
fn statements_run_inside_of_themselves_and_of_those_whose_place_they_have() {
    const OUTER: &str = "SELECT a FROM t ORDER BY a";
    let (_source, mut link) = memory();
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)").unwrap();
    // More texts than there are places.
    let texts: Vec<String> = (0..100).map(|n| format!("SELECT {n} + min(a) FROM t WHERE a > ?")).collect();
    for _ in 0..3 {
        let rows = read_with(&mut *link, &call(), OUTER, &mut |_, again| {
            for (n, text) in texts.iter().enumerate() {
                assert_eq!(again.row(text, (1,)).get::<i64>(0).unwrap(), n as i64 + 2);
            }
            assert_eq!(again.fetch(OUTER, ()).unwrap().len(), 3);
            again.run("UPDATE t SET a = a", ()).map(|_| Flow::Continue)
        });
        assert_eq!(rows.unwrap(), 3);
        assert_eq!(link.fetch(OUTER, ()).unwrap().len(), 3);
    }
    // One whose columns change while another of its text is in the middle of its rows.
    link.run("CREATE TABLE u (a)", ()).unwrap();
    link.run("INSERT INTO u VALUES (1), (2)", ()).unwrap();
    let width = |rows: Rows| rows.columns().map(|columns| columns.len());
    for columns in [2, 3, 4] {
        let mut added = false;
        let rows = read_with(&mut *link, &call(), "SELECT * FROM u", &mut |_, again| {
            if !added {
                added = true;
                again.run(&format!("ALTER TABLE u ADD COLUMN c{columns}"), ())?;
            }
            assert_eq!(width(again.fetch("SELECT * FROM u", ())?), Some(columns));
            Ok(Flow::Continue)
        });
        assert_eq!(rows.unwrap(), 2);
        assert_eq!(width(link.fetch("SELECT * FROM u", ()).unwrap()), Some(columns));
    }
}

#[test]
fn however_many_statements_are_kept_they_run() {
    for kept in [0, 1, 3, 4, 7, 64] {
        let source = source(&format!("sqlite::memory:?statement_cache={kept}"));
        let mut link = source.connect(&call()).unwrap();
        for round in 0..3 {
            for n in 0..20 {
                assert_eq!(link.int(&format!("SELECT {n}")), n, "{kept} kept, round {round}");
            }
        }
    }
}

// ---- files and memory

#[test]
fn a_new_file_gets_a_write_log_and_an_old_one_is_left_alone() {
    let folder = Folder::new();
    let journal = |url: &str| connect(url).row("PRAGMA journal_mode", ()).get::<String>(0).unwrap();
    assert_eq!(journal(&folder.url("new.db")), "wal");
    rusqlite::Connection::open(folder.file("old.db")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(journal(&folder.url("old.db")), "delete");
    assert_eq!(journal(&format!("{}?journal_mode=truncate", folder.url("old.db"))), "truncate");
    let source = source(&folder.url("all.db"));
    for _ in 0..3 {
        let mut link = source.connect(&call()).unwrap();
        assert_eq!(link.int("PRAGMA synchronous"), 1, "normal on every connection of the source");
        assert_eq!(link.int("PRAGMA foreign_keys"), 1);
    }
    assert_eq!(connect(&format!("{}?foreign_keys=off", folder.url("all.db"))).int("PRAGMA foreign_keys"), 0);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = Folder::new();
    let refused = |url: &str| {
        let error = source(url).connect(&call()).err().expect("it cannot be opened");
        assert_eq!((error.kind(), error.effect()), (ErrorKind::UnknownDatabase, Effect::NotSent), "{error}");
        error.to_string()
    };
    assert!(refused(&format!("{}/no/such/a.db", folder.url("x"))).contains("there is no folder"));
    assert!(refused(&format!("{}?mode=rw", folder.url("none.db"))).contains("mode=rwc"));
    assert!(refused(&format!("{}?mode=ro", folder.url("none.db"))).contains("none.db"));
    assert!(refused(&format!("sqlite:///{}", folder.0.display())).contains("folder"));
    assert!(!folder.file("none.db").exists());
    assert_eq!(kind(try_source("sqlite:///a.db?mode=ro&journal_mode=wal").map(|_| ())), ErrorKind::Config);
    assert_eq!(kind(try_source("sqlite:///a.db?load_extension=x.so").map(|_| ())), ErrorKind::ForbiddenOption);
}

#[test]
fn a_file_that_is_replaced_under_an_open_source_is_an_error() {
    let folder = Folder::new();
    let source = source(&folder.url("a.db"));
    let mut first = source.connect(&call()).unwrap();
    first.run("CREATE TABLE t (a)", ()).unwrap();
    std::fs::rename(folder.file("a.db"), folder.file("old.db")).unwrap();
    let deleted = source.connect(&call()).err().unwrap();
    assert_eq!(deleted.kind(), ErrorKind::UnknownDatabase);
    assert!(!folder.file("a.db").exists(), "no second database was made");
    connect(&folder.url("a.db"));
    assert!(source.connect(&call()).err().unwrap().to_string().contains("replaced"));
    assert_eq!(kind(first.reset(&call(), Reset::Full)), ErrorKind::UnknownDatabase);
    source.close();
    source.connect(&call()).expect("a source that was closed starts anew");
}

#[test]
fn damaged_files_are_typed_errors_and_the_connection_lives() {
    let folder = Folder::new();
    std::fs::write(folder.file("text.db"), "this is no database, it only looks like a file".repeat(100)).unwrap();
    let mut link = connect(&folder.url("text.db"));
    assert_eq!(kind(link.fetch("SELECT * FROM sqlite_schema", ())), ErrorKind::NotADatabase);
    assert_eq!(link.state(), LinkState::Idle);
    drop(link);

    let url = format!("{}?journal_mode=delete", folder.url("torn.db"));
    let mut link = connect(&url);
    link.batch(&call(), "CREATE TABLE good (a); CREATE TABLE bad (a); INSERT INTO good VALUES (1); INSERT INTO bad VALUES (zeroblob(20000))")
        .unwrap();
    let root: i64 = link.int("SELECT rootpage FROM sqlite_schema WHERE name = 'bad'");
    let page = link.int("PRAGMA page_size");
    link.close().unwrap();
    let mut bytes = std::fs::read(folder.file("torn.db")).unwrap();
    let at = usize::try_from((root - 1) * page).unwrap();
    bytes[at..at + 64].fill(0xa5);
    std::fs::write(folder.file("torn.db"), &bytes).unwrap();
    let mut link = connect(&url);
    assert_eq!(kind(link.fetch("SELECT * FROM bad", ())), ErrorKind::Corrupt);
    assert_eq!(link.int("SELECT a FROM good"), 1);
    assert_eq!(link.state(), LinkState::Idle);
    drop(link);

    std::fs::write(folder.file("torn.db"), &bytes[..usize::try_from(page).unwrap() + 100]).unwrap();
    let mut link = connect(&folder.url("torn.db"));
    assert_eq!(kind(link.fetch("SELECT * FROM good", ())), ErrorKind::Corrupt, "cut short");
    // A connection that is to set the journal has to read the file, and says so at once.
    assert_eq!(source(&url).connect(&call()).err().map(|error| error.kind()), Some(ErrorKind::Corrupt));
}

#[test]
fn memory_is_one_private_database_for_each_source() {
    let source = source("sqlite::memory:");
    let mut one = source.connect(&call()).unwrap();
    one.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    let mut two = source.connect(&call()).unwrap();
    assert_eq!(two.int("SELECT a FROM t"), 1);
    drop((one, two));
    let mut three = source.connect(&call()).unwrap();
    assert_eq!(three.int("SELECT a FROM t"), 1, "kept while nobody is connected");
    for other in ["sqlite::memory:", "sqlite://", "sqlite:///:memory:"] {
        assert_eq!(kind(connect(other).fetch("SELECT a FROM t", ())), ErrorKind::UndefinedTable, "{other}");
    }
    drop(three);
    source.close();
    let mut anew = source.connect(&call()).unwrap();
    assert_eq!(kind(anew.fetch("SELECT a FROM t", ())), ErrorKind::UndefinedTable, "closed, it is forgotten");
}

#[test]
fn memory_by_name_is_shared() {
    let url = "sqlite:///file:shared-by-name?mode=memory&cache=shared&uri=true";
    let (one, two) = (source(url), source(url));
    let mut first = one.connect(&call()).unwrap();
    first.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(two.connect(&call()).unwrap().int("SELECT a FROM t"), 1);
}

#[test]
fn in_memory_a_reader_waits_for_a_writer() {
    let source = source("sqlite::memory:");
    let (mut writer, mut reader) = (source.connect(&call()).unwrap(), source.connect(&call()).unwrap());
    writer.run("CREATE TABLE t (a)", ()).unwrap();
    writer.begin(&call(), &TxOptions::new()).unwrap();
    writer.run("INSERT INTO t VALUES (1)", ()).unwrap();
    std::thread::scope(|scope| {
        let count = scope.spawn(move || reader.int("SELECT count(*) FROM t"));
        assert!(matches!(writer.commit(&call()), CommitOutcome::Committed));
        assert!((0..=1).contains(&count.join().unwrap()), "it waited, or came first: no error");
    });
}

#[test]
fn a_fork_of_a_memory_database_starts_with_its_content() {
    let source = source("sqlite::memory:");
    let mut link = source.connect(&call()).unwrap();
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    let fork = source.fork(&call()).unwrap().expect("memory can be forked");
    let mut forked = fork.connect(&call()).unwrap();
    forked.run("INSERT INTO t VALUES (2)", ()).unwrap();
    assert_eq!(forked.int("SELECT count(*) FROM t"), 2);
    assert_eq!(link.int("SELECT count(*) FROM t"), 1);
    let folder = Folder::new();
    let file = self::source(&folder.url("a.db"));
    assert!(file.fork(&call()).unwrap().is_none(), "another source means the same file");
}

#[test]
fn a_file_is_copied_with_its_write_log() {
    let folder = Folder::new();
    let mut link = connect(&folder.url("a.db"));
    link.batch(&call(), "CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    copy_database(&call(), &folder.file("a.db"), &folder.file("b.db")).unwrap();
    let mut copy = connect(&folder.url("b.db"));
    assert_eq!(copy.int("SELECT a FROM t"), 1);
    copy.run("INSERT INTO t VALUES (2)", ()).unwrap();
    assert_eq!(link.int("SELECT count(*) FROM t"), 1);
    assert_eq!(kind(copy_database(&call(), &folder.file("a.db"), &folder.file("a.db"))), ErrorKind::Misuse);
    assert_eq!(
        kind(copy_database(&call(), Path::new("/no/such.db"), &folder.file("c.db"))),
        ErrorKind::UnknownDatabase
    );
    assert!(!folder.file("c.db").exists());
}

// ---- cleaning

#[test]
fn a_light_reset_undoes_what_a_borrower_left() {
    let folder = Folder::new();
    let source = source(&folder.url("a.db"));
    let mut link = source.connect(&call()).unwrap();
    link.run("CREATE TABLE t (a)", ()).unwrap();
    let handle = link.handle();
    for left in [
        "PRAGMA foreign_keys = OFF",
        "PRAGMA case_sensitive_like = ON",
        "CREATE TEMP TABLE x (a)",
        "ATTACH ':memory:' AS x",
        "SELECT 1; PRAGMA query_only = ON",
    ] {
        link.batch(&call(), left).unwrap();
        link.reset(&call(), Reset::Light).unwrap();
        assert_eq!(link.int("PRAGMA foreign_keys"), 1, "{left}");
        assert_eq!(link.int("SELECT 'A' LIKE 'a'"), 1, "{left}");
        assert_eq!(kind(link.fetch("SELECT * FROM x.x", ())), ErrorKind::UndefinedTable, "{left}");
        assert_eq!(link.fetch("PRAGMA database_list", ()).unwrap().len(), 1, "{left}");
        link.run("INSERT INTO t VALUES (1)", ()).unwrap();
    }
    // The handle of before reaches the connection of now.
    let error = {
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    handle.cancel(Instant::now());
                    std::thread::yield_now();
                }
            });
            let error = link.fetch(ENDLESS, ()).map(drop).unwrap_err();
            done.store(true, Ordering::Release);
            error
        })
    };
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn attaching_and_the_powers_of_a_file_can_be_taken_away() {
    let folder = Folder::new();
    let mut link = connect(&format!("{}?attach=false&defensive=true&trusted_schema=false", folder.url("a.db")));
    assert_eq!(kind(link.run("ATTACH ':memory:' AS x", ())), ErrorKind::Limit);
    link.run("CREATE TABLE t (a)", ()).unwrap();
    link.batch(&call(), "PRAGMA writable_schema = ON").unwrap();
    assert!(link.run("UPDATE sqlite_schema SET sql = ''", ()).is_err());
    assert_eq!(link.int("PRAGMA trusted_schema"), 0);
    assert_eq!(kind(connect("sqlite::memory:").fetch("SELECT load_extension('x')", ())), ErrorKind::PermissionDenied);
    connect(&folder.url("a.db")).run("ATTACH ':memory:' AS x", ()).expect("by default it may");
}

// ---- the catalog

#[test]
fn the_catalog_tells_what_there_is() {
    let (_source, mut link) = memory();
    link.batch(
        &call(),
        "CREATE TABLE p (a INTEGER, b TEXT NOT NULL DEFAULT 'x', g AS (a + 1), PRIMARY KEY (b, a));
         CREATE TABLE c (x, y, FOREIGN KEY (x, y) REFERENCES p, FOREIGN KEY (x) REFERENCES c (y));
         CREATE UNIQUE INDEX i ON p (a DESC, b); CREATE VIEW v AS SELECT 1 AS one; CREATE TEMP TABLE tmp (a)",
    )
    .unwrap();
    fn ask(link: &mut dyn Link, request: Catalog) -> Rows {
        let mut sink = Collect { columns: None, batches: Vec::new(), batch_rows: 16, on_batch: None };
        link.catalog(&call(), &request, &mut sink).unwrap();
        let mut rows = Rows::new(sink.columns.unwrap());
        sink.batches.into_iter().for_each(|batch| rows.push(batch));
        rows
    }
    let tables: Vec<(String, String, String)> = ask(&mut *link, Catalog::Tables).decode().unwrap();
    let tables: Vec<_> = tables.iter().map(|(a, b, c)| (&**a, &**b, &**c)).collect();
    assert_eq!(
        tables,
        [("main", "c", "table"), ("main", "p", "table"), ("main", "v", "view"), ("temp", "tmp", "table")]
    );
    type Column = (String, String, bool, Option<String>, i64);
    let columns: Vec<Column> = ask(&mut *link, Catalog::Columns("p".into())).decode().unwrap();
    assert_eq!(
        columns,
        [
            ("a".into(), "INTEGER".into(), true, None, 2),
            ("b".into(), "TEXT".into(), false, Some("'x'".into()), 1),
            ("g".into(), "".into(), true, None, 0),
        ]
    );
    type Index = (String, bool, i64, Option<String>, bool);
    let indexes: Vec<Index> = ask(&mut *link, Catalog::Indexes("p".into())).decode().unwrap();
    assert_eq!(indexes.iter().filter(|index| index.0 == "i").count(), 2);
    assert_eq!(
        indexes[2..],
        [("i".into(), true, 0, Some("a".into()), true), ("i".into(), true, 1, Some("b".into()), false),]
    );
    type Key = (i64, i64, String, String, String);
    let keys: Vec<Key> = ask(&mut *link, Catalog::ForeignKeys("c".into())).decode().unwrap();
    let named: Vec<_> =
        keys.iter().map(|(_, position, column, table, to)| (*position, &**column, &**table, &**to)).collect();
    assert_eq!(named, [(0, "x", "p", "b"), (1, "y", "p", "a"), (0, "x", "c", "y")]);
    assert!(ask(&mut *link, Catalog::Columns("none; DROP TABLE p".into())).is_empty());
}
