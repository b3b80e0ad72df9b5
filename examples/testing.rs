//! How a program is tested: parallel tests, each with a database of its own, and nothing left behind.
//!
//! `cargo run --example testing` runs the tests below on eight threads at once; `cargo test --example testing` runs them
//! as tests are run.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::thread;

use pontoon::prelude::*;
use pontoon::testing::TestDatabase;

// ---- the program

/// Signs somebody up, with a first message. A nickname is taken once.
#[transactional(db)]
fn sign_up(db: &Database, nickname: &str) -> Result<i64, Error> {
    let user = db.execute("INSERT INTO user (nickname) VALUES (:nickname)", params! { :nickname })?.last_insert_id;
    let user = user.unwrap_or_default();
    db.execute("INSERT INTO message (user, text) VALUES (:user, 'welcome')", params! { :user })?;
    Ok(user)
}

/// Removes somebody with all messages.
#[transactional(db)]
fn leave(db: &Database, user: i64) -> Result<bool, Error> {
    Ok(db.execute("DELETE FROM user WHERE id = :user", params! { :user })?.rows_affected == 1)
}

fn messages(db: &Database) -> Result<i64, Error> {
    Ok(db.fetch_val("SELECT count(*) FROM message", ())?.unwrap_or(0))
}

const SCHEMA: &str = "
    CREATE TABLE user (id INTEGER PRIMARY KEY, nickname TEXT NOT NULL UNIQUE);
    CREATE TABLE message (
        id INTEGER PRIMARY KEY,
        user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        text TEXT NOT NULL
    );
    INSERT INTO user (nickname) VALUES ('ada');
    INSERT INTO message (user, text) VALUES (1, 'hello');
";

// ---- its tests

/// A database with the schema and one user, for one test: made from nothing here; `TestDatabase::from_template` copies
/// one that is there. It is removed when it is dropped, after a panic as well.
fn database() -> Result<TestDatabase, Error> {
    let beside = std::env::temp_dir().join("pontoon-example.db");
    let db = TestDatabase::new(format!("sqlite:{}", beside.display()))?;
    db.execute_script(SCHEMA)?;
    Ok(db)
}

/// What the program commits stays for the rest of this test, and is gone with its database.
#[cfg_attr(test, test)]
fn a_nickname_is_taken_once() -> Result<(), Error> {
    let db = database()?;
    sign_up(&db, "grace")?;
    let error = sign_up(&db, "grace").expect_err("the nickname is taken");
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(error.constraint(), Some("user.nickname"));
    // The message of the second attempt was never kept.
    assert_eq!(messages(&db)?, 2);
    Ok(())
}

/// Several cases on one database, each undone: under force rollback a commit is a savepoint that is released.
#[cfg_attr(test, test)]
fn each_case_finds_the_database_as_it_was() -> Result<(), Error> {
    let db = database()?;
    for nickname in ["grace", "edsger", "barbara"] {
        let _undone = db.force_rollback_scope(true);
        let user = sign_up(&db, nickname)?;
        assert_eq!(messages(&db)?, 2);
        assert!(leave(&db, user)? && !leave(&db, user)?);
        assert_eq!(messages(&db)?, 1);
    }
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM user", ())?, Some(1));
    Ok(())
}

/// What goes wrong in the middle leaves nothing of the first half.
#[cfg_attr(test, test)]
fn half_a_sign_up_is_none() -> Result<(), Error> {
    let db = database()?;
    let _undone = db.force_rollback_scope(true);
    db.execute("DROP TABLE message", ())?;
    let error = sign_up(&db, "grace").expect_err("there is no table for the message");
    assert_eq!(error.kind(), ErrorKind::UndefinedTable);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM user", ())?, Some(1));
    Ok(())
}

type Test = (&'static str, fn() -> Result<(), Error>);

fn main() {
    let tests: [Test; 3] = [
        ("a_nickname_is_taken_once", a_nickname_is_taken_once),
        ("each_case_finds_the_database_as_it_was", each_case_finds_the_database_as_it_was),
        ("half_a_sign_up_is_none", half_a_sign_up_is_none),
    ];
    thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for (name, test) in tests.iter().cycle().skip(thread).take(tests.len()) {
                    match test() {
                        Ok(()) => println!("thread {thread}: {name} ... ok"),
                        Err(error) => println!("thread {thread}: {name} ... FAILED: {error}"),
                    }
                }
            });
        }
    });
}
