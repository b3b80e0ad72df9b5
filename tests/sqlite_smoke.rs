//! What the SQLite driver asks of `rusqlite`, at whichever end of the accepted range of versions this is built with.
#![cfg(feature = "sqlite")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::ErrorKind;
use pontoon::error::tables::sqlite;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::hooks::Action;
use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB, params};

fn meaning(error: &rusqlite::Error) -> ErrorKind {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(failure, message) => (failure.extended_code, message.as_deref()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, Some(msg.as_str())),
        other => panic!("not an error of SQLite: {other:?}"),
    };
    let message = message.unwrap_or_default();
    sqlite::meaning(code.into(), message).unwrap_or_else(|| panic!("{code} {message} has no meaning")).kind()
}

fn notes() -> Connection {
    let connection = Connection::open_in_memory().expect("memory");
    connection
        .execute_batch(
            "PRAGMA foreign_keys = on;
             CREATE TABLE writers (id INTEGER PRIMARY KEY);
             CREATE TABLE notes (
                 id INTEGER PRIMARY KEY,
                 text TEXT NOT NULL UNIQUE CHECK (text <> ''),
                 writer INTEGER REFERENCES writers (id)
             );",
        )
        .expect("schema");
    connection
}

#[test]
fn the_library_itself_says_what_the_table_says() {
    let connection = notes();
    connection.execute("INSERT INTO notes (text) VALUES (?1)", params!["one"]).expect("a first note");
    let table = [
        ("INSERT INTO notes (text) VALUES ('one')", ErrorKind::UniqueViolation),
        ("INSERT INTO notes (id, text) VALUES (1, 'two')", ErrorKind::UniqueViolation),
        ("INSERT INTO notes (text) VALUES (NULL)", ErrorKind::NotNullViolation),
        ("INSERT INTO notes (text) VALUES ('')", ErrorKind::CheckViolation),
        ("INSERT INTO notes (text, writer) VALUES ('two', 7)", ErrorKind::ForeignKeyViolation),
        ("INSERT INTO notes (id, text) VALUES ('x', 'two')", ErrorKind::InvalidValue),
        ("INSERT INTO notes (titel) VALUES ('two')", ErrorKind::UndefinedColumn),
        ("SELECT titel FROM notes", ErrorKind::UndefinedColumn),
        ("SELECT * FROM memos", ErrorKind::UndefinedTable),
        ("DROP VIEW memos", ErrorKind::UndefinedTable),
        ("DROP INDEX memos", ErrorKind::UndefinedObject),
        ("SELECT now()", ErrorKind::UndefinedObject),
        ("RELEASE sp", ErrorKind::UndefinedObject),
        ("DETACH memos", ErrorKind::UndefinedObject),
        ("CREATE TABLE notes (id)", ErrorKind::DuplicateObject),
        ("CREATE TABLE memos (id, id)", ErrorKind::DuplicateObject),
        ("SELEC 1", ErrorKind::Syntax),
        ("SELECT (", ErrorKind::Syntax),
        ("SELECT 'abc", ErrorKind::Syntax),
        ("SELECT text FROM notes a, notes b", ErrorKind::Syntax),
        ("INSERT INTO notes (id, text) VALUES (1)", ErrorKind::Syntax),
        ("INSERT INTO notes VALUES (1)", ErrorKind::Syntax),
        ("SELECT sum(count(*)) FROM notes", ErrorKind::Syntax),
        ("SELECT abs(1, 2)", ErrorKind::Syntax),
        ("SELECT abs(-9223372036854775808)", ErrorKind::InvalidValue),
        ("SELECT json('{')", ErrorKind::InvalidValue),
        ("COMMIT", ErrorKind::TransactionLost),
        ("ROLLBACK", ErrorKind::TransactionLost),
        ("BEGIN; BEGIN", ErrorKind::Misuse),
        ("PRAGMA query_only = on; DELETE FROM notes", ErrorKind::ReadOnly),
    ];
    for (sql, kind) in table {
        let error = connection.execute_batch(sql).and_then(|()| connection.query_row(sql, [], |_| Ok(())));
        let error = error.expect_err(sql);
        assert_eq!(meaning(&error), kind, "{sql}: {error}");
        connection.execute_batch("PRAGMA query_only = off").expect("off");
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").expect("rollback");
        }
    }
}

#[test]
fn limits_and_files_have_their_kinds() {
    let connection = notes();
    connection.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 2).expect("a limit");
    let error = connection.prepare("SELECT ?, ?, ?").expect_err("over the limit");
    assert_eq!(meaning(&error), ErrorKind::Limit);
    let error = Connection::open("/no/such/directory/app.db").expect_err("no directory");
    assert_eq!(meaning(&error), ErrorKind::UnknownDatabase);
    connection.execute_batch("PRAGMA max_page_count = 1").expect("a small database");
    let error = connection.execute_batch("CREATE TABLE memos AS SELECT zeroblob(1000000)").expect_err("full");
    assert_eq!(meaning(&error), ErrorKind::DiskFull);
}

#[test]
fn hooks_backups_and_interrupts_are_there() {
    let mut connection = notes();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    connection
        .update_hook(Some(move |action: Action, _: &str, _: &str, _: i64| {
            counter.fetch_add(usize::from(action == Action::SQLITE_INSERT), Ordering::Relaxed);
        }))
        .expect("a hook");
    connection.execute("INSERT INTO notes (text) VALUES ('one'), ('two')", []).expect("two notes");
    assert_eq!(seen.load(Ordering::Relaxed), 2);

    let mut copy = Connection::open_in_memory().expect("memory");
    {
        let backup = Backup::new_with_names(&connection, MAIN_DB, &mut copy, MAIN_DB).expect("a backup");
        assert_eq!(backup.step(-1).expect("a step"), StepResult::Done);
    }
    let count: i64 = copy.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).expect("a count");
    assert_eq!(count, 2);

    connection.busy_timeout(Duration::ZERO).expect("a timeout");
    connection.progress_handler(1, Some(|| true)).expect("a handler");
    let error = connection.execute_batch("SELECT 1").and_then(|()| connection.execute_batch("DELETE FROM notes"));
    assert_eq!(meaning(&error.expect_err("is interrupted")), ErrorKind::Cancelled);
    assert!(!sqlite::is_connection_dead(9));
}
