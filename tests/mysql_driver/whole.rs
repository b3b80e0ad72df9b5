//! Sessions between borrowers, the catalog, whole databases.

use mysql::prelude::Queryable as _;
use pontoon::driver::Catalog;
use pontoon::prelude::*;
use pontoon::testing::TestDatabase;
use pontoon::value::Value;

use crate::{fails, open, scratch};

/// What a borrower can leave behind, and how it shows.
const TRACES: &[(&str, &str)] = &[
    ("SET @left = 1", "SELECT @left IS NOT NULL"),
    ("SET SESSION innodb_lock_wait_timeout = 7", "SELECT @@innodb_lock_wait_timeout = 7"),
    ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT @@tx_isolation = 'SERIALIZABLE'"),
    ("SET TRANSACTION READ ONLY", "SELECT @@tx_read_only"),
    ("SET autocommit = 0", "SELECT NOT @@autocommit"),
    ("SET NAMES latin1", "SELECT @@character_set_client <> 'utf8mb4'"),
    ("SET time_zone = '+07:00'", "SELECT @@time_zone = '+07:00'"),
    ("SET sql_mode = 'ANSI_QUOTES'", "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'"),
    ("SET foreign_key_checks = 0", "SELECT NOT @@foreign_key_checks"),
    ("USE mysql", "SELECT DATABASE() = 'mysql'"),
    ("LOCK TABLES held WRITE", "SELECT 0"),
    ("SELECT GET_LOCK('left', 0)", "SELECT IS_USED_LOCK('left') IS NOT NULL"),
    ("CREATE TEMPORARY TABLE left_behind (id INT)", "SELECT 0 FROM DUAL"),
    ("PREPARE left_behind FROM 'SELECT 1'", "SELECT 0"),
    ("HANDLER held OPEN", "SELECT 0"),
];

#[test]
fn nothing_of_one_borrower_is_left_for_the_next() {
    let scratch = scratch!();
    for reset in ["auto", "light", "full"] {
        let db = open(&scratch, &format!("?pool_size=1&reset={reset}"));
        db.execute_script("CREATE TABLE IF NOT EXISTS held (id INT)").unwrap();
        let session: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
        for (leave, shows) in TRACES {
            let connection = db.connection().unwrap();
            // Some of it is refused, as it leaves a transaction open; it must be gone all the same.
            if let Err(error) = connection.execute(*leave, ()) {
                assert_eq!(error.kind(), ErrorKind::TransactionVerb, "{leave}: {error:?}");
            }
            drop(connection);
            let seen: Option<i64> = db.fetch_val(*shows, ()).unwrap_or_else(|error| panic!("{leave}: {error:?}"));
            assert_eq!(seen, Some(0), "{leave}, reset={reset}");
        }
        let gone = fails(ErrorKind::UndefinedTable, db.fetch_all("SELECT * FROM left_behind", ()));
        assert_eq!(gone.vendor_code(), Some(1146));
        assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), session, "the same connection");
        assert_eq!(db.fetch_val::<String>("SELECT DATABASE()", ()).unwrap().as_deref(), Some(scratch.name()));
    }
}

#[test]
fn a_role_of_one_borrower_is_not_the_next_one_s() {
    let scratch = scratch!();
    let role = format!("role_{}", std::process::id());
    scratch.server().console().run(&format!("CREATE ROLE {role}; GRANT {role} TO app@'%'"));
    let db = open(&scratch, "?pool_size=1");
    let connection = db.connection().unwrap();
    connection.execute(format!("SET ROLE {role}"), ()).unwrap();
    assert_eq!(connection.fetch_val::<String>("SELECT CURRENT_ROLE()", ()).unwrap().as_deref(), Some(&*role));
    drop(connection);
    assert_eq!(db.fetch_val::<Option<String>>("SELECT CURRENT_ROLE()", ()).unwrap().flatten(), None);
    scratch.server().console().run(&format!("DROP ROLE {role}"));
}

#[test]
fn statements_mean_what_they_say_in_another_database() {
    let scratch = scratch!();
    let other = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let create = "CREATE TABLE here (name VARCHAR(80)); INSERT INTO here VALUES (DATABASE())";
    db.execute_script(create).unwrap();
    open(&other, "").execute_script(create).unwrap();
    let connection = db.connection().unwrap();
    let name = || connection.fetch_val::<String>("SELECT name FROM here", ()).unwrap().unwrap();
    assert_eq!(name(), scratch.name());
    // The server keeps with what it has prepared the database of that time.
    connection.execute(format!("USE {}", other.name()), ()).unwrap();
    assert_eq!(name(), other.name());
    assert_eq!(name(), other.name());
    drop(connection);
    assert_eq!(db.fetch_val::<String>("SELECT name FROM here", ()).unwrap().as_deref(), Some(scratch.name()));
}

#[test]
fn prepared_statements_survive_what_is_done_to_their_tables() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script("CREATE TABLE held (a INT); INSERT INTO held VALUES (1)").unwrap();
    let width = || db.fetch_all("SELECT * FROM held", ()).unwrap().columns().unwrap().len();
    assert_eq!(width(), 1);
    db.execute("ALTER TABLE held ADD b VARCHAR(9) DEFAULT 'b'", ()).unwrap();
    assert_eq!(width(), 2);
    let row = db.fetch_one("SELECT * FROM held", ()).unwrap().unwrap();
    assert_eq!((row.get::<i64>("a").unwrap(), row.get::<String>("b").unwrap()), (1, "b".into()));
    // More different statements than are kept.
    for number in 0..200_i64 {
        assert_eq!(db.fetch_val(format!("SELECT {number} + ?"), (1,)).unwrap(), Some(number + 1));
    }
    let prepared: i64 = db
        .fetch_one("SHOW STATUS LIKE 'Prepared_stmt_count'", ())
        .unwrap()
        .unwrap()
        .get::<String>(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(prepared < 150, "{prepared} of a server with few connections");
}

#[test]
fn procedures_have_rows_and_errors() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(
        "DELIMITER $$
         CREATE PROCEDURE two(n INT) BEGIN SELECT n AS first UNION ALL SELECT n + 1; SELECT 'second' AS other; END$$
         CREATE PROCEDURE breaks() BEGIN SELECT 1; SELECT * FROM nowhere; END$$
         CREATE PROCEDURE nothing() BEGIN END$$",
    )
    .unwrap();
    let first: Vec<i64> = db.fetch_all("CALL two(?)", (7,)).unwrap().column("first").unwrap();
    assert_eq!(first, [7, 8]);
    // The error behind the first set of rows is not lost.
    fails(ErrorKind::UndefinedTable, db.fetch_all("CALL breaks()", ()));
    fails(ErrorKind::UndefinedTable, db.execute("CALL breaks()", ()));
    assert!(db.fetch_all("CALL nothing()", ()).unwrap().is_empty());
    assert_eq!(db.fetch_val("SELECT 5", ()).unwrap(), Some(5));
    // A label, which stands before a colon.
    let labelled = "CREATE PROCEDURE labelled() BEGIN here:loop leave here; end loop; END";
    db.execute(labelled, ()).unwrap();
    db.execute("CALL labelled()", ()).unwrap();
}

#[test]
fn counts_are_those_of_other_databases() {
    let scratch = scratch!();
    let create = "CREATE OR REPLACE TABLE held (a INT PRIMARY KEY, b INT); INSERT INTO held VALUES (1, 1), (2, 2)";
    for (options, counted) in [("", 2), ("?found_rows=false", 1)] {
        let db = open(&scratch, options);
        db.execute_script(create).unwrap();
        assert_eq!(db.execute("UPDATE held SET b = 1", ()).unwrap().rows_affected, counted);
    }
}

#[test]
fn the_catalog_tells_what_there_is() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(
        "CREATE TABLE a (x INT, y VARCHAR(3) NOT NULL DEFAULT 'z', PRIMARY KEY (y, x), KEY down (x DESC));
         CREATE TABLE b (u INT, v VARCHAR(3), CONSTRAINT to_a FOREIGN KEY (v, u) REFERENCES a (y, x));
         CREATE VIEW c AS SELECT * FROM a",
    )
    .unwrap();
    let rows = |rows: pontoon::Rows| -> Vec<Vec<Value>> {
        rows.iter().map(|row| (0..row.columns().len()).map(|at| row.value(at).unwrap().to_value()).collect()).collect()
    };
    let text = |text: &str| Value::Text(text.into());
    let tables = rows(db.catalog(Catalog::Tables).unwrap());
    let kinds: Vec<_> = tables.iter().map(|row| (row[1].clone(), row[2].clone())).collect();
    assert_eq!(kinds, [(text("a"), text("table")), (text("b"), text("table")), (text("c"), text("view"))]);
    let columns = rows(db.catalog(Catalog::Columns("a".into())).unwrap());
    let numbers: Vec<_> = columns.iter().map(|row| (row[0].clone(), row[4].clone())).collect();
    assert_eq!(numbers, [(text("x"), Value::I64(2)), (text("y"), Value::I64(1))]);
    let keys = rows(db.catalog(Catalog::ForeignKeys("b".into())).unwrap());
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0][0], text("to_a"));
    assert_eq!((&keys[0][2], &keys[0][3], &keys[0][4]), (&text("v"), &text("a"), &text("y")));
    let indexes = rows(db.catalog(Catalog::Indexes("a".into())).unwrap());
    assert_eq!(indexes[0][0], text("PRIMARY"));
    assert!(db.has_table("a").unwrap() && !db.has_table("nothing").unwrap());
}

#[test]
fn a_test_has_a_database_of_its_own_and_a_copy_of_it() {
    let scratch = scratch!();
    let names = || {
        let found = scratch.server().console().run("SELECT schema_name FROM information_schema.schemata");
        found.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>()
    };
    let db = TestDatabase::new(scratch.url()).unwrap();
    let name = db.url().database().unwrap().to_owned();
    assert!(names().contains(&name));
    db.execute_script(
        "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT, up VARCHAR(20) AS (upper(t)) STORED);
         CREATE TABLE b (a INT, FOREIGN KEY (a) REFERENCES a (id));
         INSERT INTO a (t) VALUES ('one'), ('two'); INSERT INTO b VALUES (2)",
    )
    .unwrap();
    let copy = TestDatabase::builder(scratch.url()).template(&*db.url().expose()).create().unwrap();
    assert_ne!(copy.url(), db.url());
    let copied: Vec<String> = copy.fetch_all("SELECT up FROM a ORDER BY id", ()).unwrap().column(0).unwrap();
    assert_eq!(copied, ["ONE", "TWO"]);
    fails(ErrorKind::ForeignKeyViolation, copy.execute("DELETE FROM a", ()));
    copy.execute("INSERT INTO b VALUES (1)", ()).unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM b", ()).unwrap(), Some(1), "of its own");
    // What is not copied is not left out without a word.
    db.execute("CREATE VIEW seen AS SELECT 1", ()).unwrap();
    let error = TestDatabase::builder(scratch.url())
        .template(&*db.url().expose())
        .create()
        .map(drop)
        .expect_err("it has a view");
    assert!(error.message().contains("view seen"), "{error}");
    drop(db);
    copy.finish().unwrap();
    assert!(!names().contains(&name));
    assert!(names().iter().filter(|it| it.contains(scratch.name())).count() <= 1, "{:?}", names());
}

#[test]
fn the_driver_s_own_connection() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let version = db
        .raw(|conn: &mut mysql::Conn| {
            let row: Option<mysql::Row> = conn.query_first("SELECT VERSION()").expect("it runs");
            Ok(row.and_then(|row| row.get::<String, _>(0)).expect("a version"))
        })
        .unwrap();
    assert!(version.contains("MariaDB"));
    // What is left open behind the library's back is not handed on.
    fails(
        ErrorKind::TransactionVerb,
        db.raw(|conn: &mut mysql::Conn| {
            conn.query_drop("BEGIN").expect("it runs");
            Ok(())
        }),
    );
    assert_eq!(db.fetch_val("SELECT @@in_transaction", ()).unwrap(), Some(0));
}
