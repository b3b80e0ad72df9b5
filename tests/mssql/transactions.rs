//! Transactions: by T-SQL, and by ODBC's own autocommit where the dialect is not told.

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind, IsolationLevel, Retry, TxOptions};

use crate::kit::tds::{Act, Asked, Failure, Manage};
use crate::support::{Place, fails, on_each};

const HELD: &str = "CREATE TABLE held (id INT PRIMARY KEY)";

fn count(db: &pontoon::Database) -> i64 {
    db.fetch_val("SELECT count(*) FROM held", ()).expect("a count").expect("a number")
}

/// What was asked from here on, without what was asked for by the test.
fn asked(place: &Place) -> Vec<String> {
    let texts = place.texts();
    place.server.forget();
    texts
}

#[test]
fn a_transaction_and_what_is_nested_in_it_are_in_the_words_of_tsql() {
    on_each(|place| {
        let db = place.open_with(HELD);
        let mut tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        let mut inner = tx.begin().expect("a savepoint");
        inner.execute("INSERT INTO held VALUES (2)", ()).expect("a row");
        let innermost = inner.begin().expect("a savepoint");
        innermost.execute("INSERT INTO held VALUES (3)", ()).expect("a row");
        innermost.commit().expect("nothing to say: T-SQL releases no savepoints");
        inner.rollback().expect("undone");
        tx.commit().expect("committed");
        assert_eq!(
            asked(place),
            [
                "BEGIN TRANSACTION",
                "INSERT INTO held VALUES (1)",
                "SAVE TRANSACTION pontoon_sp_1",
                "INSERT INTO held VALUES (2)",
                "SAVE TRANSACTION pontoon_sp_2",
                "INSERT INTO held VALUES (3)",
                "ROLLBACK TRANSACTION pontoon_sp_1",
                "COMMIT TRANSACTION",
            ]
        );
        assert_eq!(count(&db), 1);
        let tx = db.begin().expect("a transaction");
        tx.execute("DELETE FROM held", ()).expect("gone");
        drop(tx);
        assert_eq!(count(&db), 1, "what is dropped is rolled back");
    });
}

#[test]
fn an_isolation_level_is_set_before_and_taken_back_after() {
    on_each(|place| {
        let db = place.open_with(HELD);
        for (level, word) in [
            (IsolationLevel::ReadUncommitted, "READ UNCOMMITTED"),
            (IsolationLevel::RepeatableRead, "REPEATABLE READ"),
            (IsolationLevel::Snapshot, "SNAPSHOT"),
            (IsolationLevel::Serializable, "SERIALIZABLE"),
        ] {
            let tx = db.begin_with(&TxOptions::new().isolation(level)).expect("a transaction");
            tx.commit().expect("committed");
            assert_eq!(count(&db), 0);
            let asked = asked(place);
            let set = format!("SET TRANSACTION ISOLATION LEVEL {word}");
            assert_eq!(asked[..3], [set.as_str(), "BEGIN TRANSACTION", "COMMIT TRANSACTION"], "{asked:?}");
            // It is the session's on SQL Server, and would hold for whoever is next.
            let back = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
            assert!(asked[3] == back || asked.len() == 4, "{asked:?}");
        }
        let error = fails(ErrorKind::Unsupported, db.begin_with(&TxOptions::new().read_only()));
        assert_eq!(error.effect(), Effect::NotSent);
    });
}

#[test]
fn after_an_error_the_server_says_what_became_of_the_transaction() {
    on_each(|place| {
        let db = place.open_with(HELD);
        // It stays: SQL Server undoes the statement alone.
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        fails(ErrorKind::UniqueViolation, tx.execute("INSERT INTO held VALUES (1)", ()));
        tx.execute("INSERT INTO held VALUES (2)", ()).expect("a row");
        tx.commit().expect("committed");
        assert_eq!(count(&db), 2);

        // It is doomed: nothing but its end.
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (3)", ()).expect("a row");
        place.server.on("SELECT 99", Act::Fail(Failure::dooming()));
        fails(ErrorKind::InvalidValue, tx.fetch_val::<i64>("SELECT 99", ()));
        fails(ErrorKind::TransactionAborted, tx.execute("INSERT INTO held VALUES (4)", ()));
        tx.commit().expect_err("it cannot be");
        assert_eq!(count(&db), 2);

        // It is gone: what comes next would be committed by itself.
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (5)", ()).expect("a row");
        place.server.on("VALUES (6)", Act::Fail(Failure::deadlock()));
        let error = fails(ErrorKind::Deadlock, tx.execute("INSERT INTO held VALUES (6)", ()));
        assert!(error.is_retryable(), "{error:?}");
        place.server.forget();
        fails(ErrorKind::TransactionLost, tx.execute("INSERT INTO held VALUES (7)", ()));
        tx.commit().expect_err("there is nothing to commit");
        assert_eq!(place.server.asked_with("VALUES (7)"), []);
        assert_eq!(place.server.asked_with("COMMIT"), []);
        assert_eq!(count(&db), 2);
    });
}

#[test]
fn a_deadlock_is_run_again_as_a_whole() {
    on_each(|place| {
        let db = place.open_with(HELD);
        place.server.on("VALUES (2)", Act::Fail(Failure::deadlock()));
        let mut runs = 0;
        db.transaction_with(&TxOptions::new().retry(Retry::attempts(3)), |tx| {
            runs += 1;
            tx.execute("INSERT INTO held VALUES (1)", ())?;
            tx.execute("INSERT INTO held VALUES (2)", ())
        })
        .expect("the second run gets through");
        assert_eq!((runs, count(&db)), (2, 2));
    });
}

#[test]
fn a_commit_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    on_each(|place| {
        let db = place.open_with(HELD);
        for (id, act, applied) in [(1, Act::DieWhenDone, true), (2, Act::Die, false)] {
            let before = count(&db);
            place.server.forget();
            let tx = db.begin().expect("a transaction");
            tx.execute("INSERT INTO held VALUES (?)", (id,)).expect("a row");
            place.server.on("COMMIT", act);
            let error = fails(ErrorKind::CommitUnknown, tx.commit());
            assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
            assert!(!error.is_retryable(), "{error:?}");
            assert_eq!(place.server.asked_with("COMMIT").len(), 1);
            assert_eq!(count(&db), before + i64::from(applied));
        }
    });
}

#[test]
fn a_commit_that_is_refused_is_told_with_what_became_of_it() {
    on_each(|place| {
        let db = place.open_with(HELD);
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        place.server.on("COMMIT", Act::Fail(Failure::deadlock()));
        let error = pontoon::Error::from(tx.commit().expect_err("it is refused"));
        assert_ne!(error.kind(), ErrorKind::CommitUnknown, "{error:?}");
        assert_eq!(count(&db), 0);
    });
}

/// Without a dialect transactions are ODBC's, and those the driver has requests of the protocol for.
#[test]
fn without_a_dialect_autocommit_is_switched_off_and_on_again() {
    on_each(|place| {
        let url = place.url().replacen("mssql:", "odbc:", 1);
        let db = place.builder().url(&url).option("dialect", "generic").open();
        let db = db.unwrap_or_else(|error| panic!("{error:?}"));
        db.execute(HELD, ()).expect("a table");
        assert_eq!(count(&db), 0);
        place.server.forget();
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (1)", ()).expect("a row");
        tx.commit().expect("committed");
        let tx = db.begin().expect("a transaction");
        tx.execute("INSERT INTO held VALUES (2)", ()).expect("a row");
        tx.rollback().expect("undone");
        // By itself.
        db.execute("INSERT INTO held VALUES (3)", ()).expect("a row");
        let managed: Vec<Manage> = place
            .server
            .asked()
            .into_iter()
            .filter_map(|asked| match asked {
                Asked::Transaction(what) => Some(what),
                _ => None,
            })
            .collect();
        assert!(managed.iter().any(|what| matches!(what, Manage::Commit(_))), "{managed:?}");
        assert!(managed.iter().any(|what| matches!(what, Manage::Rollback(_))), "{managed:?}");
        drop(db);
        let db = place.open();
        let ids: Vec<(i64,)> = db.fetch_all_as("SELECT id FROM held ORDER BY id", ()).expect("rows");
        assert_eq!(ids, [(1,), (3,)]);
    });
}
