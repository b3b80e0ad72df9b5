//! Whole databases, and what is in one.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::testing::{TestDatabase, create_database, database_exists, drop_database};
use pontoon::{Catalog, ErrorKind};

use crate::{open, server};

#[test]
fn databases_are_found_made_and_removed() {
    let server = server!();
    let url = server.url(&format!("made \"by\" {}", std::process::id())).replace('"', "%22").replace(' ', "%20");
    assert!(!database_exists(&url).unwrap());
    create_database(&url).unwrap();
    assert!(database_exists(&url).unwrap());
    assert_eq!(create_database(&url).unwrap_err().kind(), ErrorKind::DuplicateObject);
    let db = Database::open(&url).unwrap();
    db.execute("CREATE TABLE notes (id int)", ()).unwrap();
    // Whoever is connected is put out.
    assert!(drop_database(&url).unwrap());
    assert!(!drop_database(&url).unwrap());
    assert!(db.fetch_all("SELECT * FROM notes", ()).is_err());
    let error = Database::open(&url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownDatabase, "{error:?}");
}

#[test]
fn a_test_database_starts_as_its_template_and_is_gone_afterwards() {
    let server = server!();
    let template = server.database();
    let db = open(&template, "");
    db.execute_script("CREATE TABLE notes (id int); INSERT INTO notes VALUES (1), (2)").unwrap();
    assert!(db.close(Duration::from_secs(10)).is_clean());
    let made = TestDatabase::from_template(template.url()).unwrap();
    assert_eq!(made.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(2));
    made.execute("DELETE FROM notes", ()).unwrap();
    let url = made.url().expose().to_string();
    assert!(database_exists(&url).unwrap());
    made.finish().unwrap();
    assert!(!database_exists(&url).unwrap());
    assert_eq!(open(&template, "").fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(2));
}

#[test]
fn errors_have_their_kinds() {
    let server = server!();
    let database = server.database();
    let db = open(&database, "pool_size=1");
    db.execute_script(
        "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (n > 0), r int REFERENCES t (id), span int4range,
            EXCLUDE USING gist (span WITH &&));
         INSERT INTO t VALUES (1, 1, NULL, '[1,5)');
         CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'as it likes'; END $$;",
    )
    .unwrap();
    let backend: Option<i64> = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap();
    for (sql, kind, state) in [
        ("INSERT INTO t VALUES (1, 1)", ErrorKind::UniqueViolation, "23505"),
        ("INSERT INTO t VALUES (2, NULL)", ErrorKind::NotNullViolation, "23502"),
        ("INSERT INTO t VALUES (2, 0)", ErrorKind::CheckViolation, "23514"),
        ("INSERT INTO t VALUES (2, 1, 9)", ErrorKind::ForeignKeyViolation, "23503"),
        ("INSERT INTO t VALUES (2, 1, NULL, '[4,6)')", ErrorKind::ConstraintViolation, "23P01"),
        ("SELECT * FROM nowhere", ErrorKind::UndefinedTable, "42P01"),
        ("SELECT nothing FROM t", ErrorKind::UndefinedColumn, "42703"),
        ("SELECT nothing()", ErrorKind::UndefinedObject, "42883"),
        ("SELEC 1", ErrorKind::Syntax, "42601"),
        ("CREATE TABLE t (id int)", ErrorKind::DuplicateObject, "42P07"),
        ("SELECT 1/0", ErrorKind::DivisionByZero, "22012"),
        ("SELECT 'x'::int", ErrorKind::InvalidValue, "22P02"),
        ("SELECT 99999999999::int", ErrorKind::InvalidValue, "22003"),
        ("SELECT fails()", ErrorKind::Other, "P0001"),
        ("VACUUM t, nowhere", ErrorKind::UndefinedTable, "42P01"),
    ] {
        let error = db.execute(sql, ()).unwrap_err();
        assert_eq!((error.kind(), error.sqlstate()), (kind, Some(state)), "{sql}: {error:?}");
        assert_eq!(error.effect(), pontoon::Effect::NotApplied, "{sql}");
    }
    assert_eq!(db.fetch_val("SELECT pg_backend_pid()", ()).unwrap(), backend, "none of them cost the connection");
    // A user without rights, and a wrong password.
    let role = format!("reader_{}", std::process::id());
    server.console().run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'right'"));
    let url =
        |password: &str| format!("postgresql://{role}:{password}@127.0.0.1:{}/{}", server.port(), database.name());
    let reader = Database::open(url("right")).unwrap();
    assert_eq!(reader.execute("DELETE FROM t", ()).unwrap_err().kind(), ErrorKind::PermissionDenied);
    drop(reader);
    let error = Database::open(url("wrong")).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Authentication, Some("28P01")), "{error:?}");
    assert!(!format!("{error:?}").contains("wrong"));
    drop(db);
    server.console().run(&format!("DROP ROLE {role}"));
    let lock = open(&database, "");
    let tx = lock.begin().unwrap();
    tx.execute("LOCK TABLE t", ()).unwrap();
    let busy = open(&database, "options=-c%20lock_timeout%3D50");
    assert_eq!(busy.fetch_all("SELECT * FROM t", ()).unwrap_err().kind(), ErrorKind::Busy);
    let slow = open(&database, "options=-c%20statement_timeout%3D50");
    let error = slow.fetch_all("SELECT pg_sleep(60)", ()).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Timeout, Some("57014")), "{error:?}");
}

#[test]
fn a_deadlock_is_one_that_can_be_tried_again() {
    let database = server!().database();
    let db = open(&database, "options=-c%20deadlock_timeout%3D20");
    db.execute_script("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0), (2, 0)").unwrap();
    let barrier = std::sync::Barrier::new(2);
    let lock = |first: i64, second: i64| {
        let tx = db.begin()?;
        tx.execute("UPDATE t SET n = n + 1 WHERE id = ?", (first,))?;
        barrier.wait();
        tx.execute("UPDATE t SET n = n + 1 WHERE id = ?", (second,))?;
        tx.commit().map_err(pontoon::Error::from)
    };
    let results = std::thread::scope(|scope| {
        let other = scope.spawn(|| lock(2, 1));
        [lock(1, 2), other.join().expect("no panic")]
    });
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].kind(), ErrorKind::Deadlock);
    assert!(errors[0].is_retryable());
}

#[test]
fn the_catalog_knows_schemas() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute_script(
        "CREATE SCHEMA other; CREATE TABLE other.\"Odd.Name\" (\"A\" int PRIMARY KEY, b text DEFAULT 'x', dropped int);
         ALTER TABLE other.\"Odd.Name\" DROP COLUMN dropped;
         CREATE INDEX odd ON other.\"Odd.Name\" (lower(b), \"A\" DESC) INCLUDE (b);",
    )
    .unwrap();
    let columns = db.catalog(Catalog::Columns("other.Odd.Name".into())).unwrap();
    let names: Vec<String> = columns.column("name").unwrap();
    assert_eq!(names, ["A", "b"]);
    let indexes = db.catalog(Catalog::Indexes("other.Odd.Name".into())).unwrap();
    let odd: Vec<(Option<String>, bool)> = indexes
        .iter()
        .filter(|row| row.get::<&str>("index").unwrap() == "odd")
        .map(|row| (row.get("column").unwrap(), row.get("descending").unwrap()))
        .collect();
    assert_eq!(odd, [(None, false), (Some("A".to_owned()), true)]);
}
