//! Transactions: the closure, the guard, nested ones, their ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::face::prelude::*;
use pontoon::Error;

use crate::harness::{Outcome, Refusal, Target, count, fails, join, message_of, note, on_another_thread, texts};
use crate::profile::Feature;

tests! {
    transactions:
    commit_of_a_root,
    commit_by_hand,
    rollback_by_hand,
    the_closure_returns_its_value,
    the_closure_s_error_rolls_back,
    a_closure_with_an_error_of_its_own,
    a_panic_rolls_back_and_goes_on,
    a_dropped_guard_rolls_back,
    rollback_only,
    an_error_inside_leaves_it_usable,
    swallowed_errors,
    a_transaction_that_the_database_ended,
    a_commit_that_is_refused,
    a_commit_that_finds_the_database_locked,
    read_only,
    one_after_another_on_one_connection,
    the_driver_s_own_connection_inside,
    a_session_that_panics,
    six_at_once,
}

pub(crate) fn commit_of_a_root(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        assert_eq!(tx.depth(), 0);
        note(tx, "one")
    })?;
    assert_eq!(texts(&db)?, ["one"]);
    Ok(())
}

pub(crate) fn commit_by_hand(t: &Target) -> Outcome {
    let db = t.notes()?;
    let tx = db.begin()?;
    note(&tx, "one")?;
    tx.commit()?;
    assert_eq!(texts(&db)?, ["one"]);
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "two")?;
    // The handle takes part.
    note(&connection, "three")?;
    tx.commit()?;
    assert_eq!(texts(&db)?, ["one", "two", "three"]);
    Ok(())
}

pub(crate) fn rollback_by_hand(t: &Target) -> Outcome {
    let db = t.notes()?;
    let tx = db.begin()?;
    note(&tx, "one")?;
    note(&db, "joins it")?;
    tx.rollback()?;
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn the_closure_returns_its_value(t: &Target) -> Outcome {
    let db = t.notes()?;
    let answer = db.transaction(|tx| {
        note(tx, "one")?;
        Ok::<_, Error>(42)
    })?;
    assert_eq!(answer, 42);
    assert_eq!(db.connection()?.transaction(|tx| count(tx))?, 1);
    assert_eq!(db.session(|session| count(session))?, 1);
    Ok(())
}

pub(crate) fn the_closure_s_error_rolls_back(t: &Target) -> Outcome {
    let db = t.notes()?;
    let mut borrowed = Vec::new();
    let result = db.transaction(|tx| {
        note(tx, "one")?;
        borrowed.push(count(tx)?);
        tx.execute("INSERT INTO nowhere VALUES (1)", ())
    });
    fails(t.missing(ErrorKind::UndefinedTable), result);
    assert_eq!(borrowed, [1], "it runs on this thread and borrows from it");
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_closure_with_an_error_of_its_own(t: &Target) -> Outcome {
    let db = t.notes()?;
    let result = db.transaction(|tx| {
        note(tx, "one")?;
        if count(tx)? == 1 { Err(Refusal::Broke) } else { Ok(()) }
    });
    assert!(matches!(result, Err(Refusal::Broke)));
    let result: Result<(), Refusal> = db.transaction(|tx| {
        tx.transaction(|tx| {
            note(tx, "one")?;
            tx.fetch_all("SELECT * FROM nowhere", ())?;
            Ok(())
        })
    });
    assert!(matches!(result, Err(Refusal::Database(error)) if error.kind() == t.missing(ErrorKind::UndefinedTable)));
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_panic_rolls_back_and_goes_on(t: &Target) -> Outcome {
    let db = t.notes()?;
    let result = catch_unwind(AssertUnwindSafe(|| {
        db.transaction(|tx| -> pontoon::Result<()> {
            note(tx, "one")?;
            panic!("the payload of {}", "the closure");
        })
    }));
    assert_eq!(message_of(result.expect_err("it panics")), "the payload of the closure");
    // The lock is free for others, and nothing is there.
    on_another_thread(|| note(&db, "two"))?;
    assert_eq!(texts(&db)?, ["two"]);
    Ok(())
}

pub(crate) fn a_dropped_guard_rolls_back(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "one")?;
    drop(tx);
    // On the same connection at once, and on another.
    assert_eq!(count(&connection)?, 0);
    note(&connection, "two")?;
    on_another_thread(|| note(&db, "three"))?;
    assert_eq!(texts(&db)?, ["two", "three"]);
    Ok(())
}

pub(crate) fn rollback_only(t: &Target) -> Outcome {
    let db = t.notes()?;
    let options = TxOptions::new().rollback_only();
    let seen = db.transaction_with(&options, |tx| {
        note(tx, "one")?;
        count(tx)
    })?;
    assert_eq!(seen, 1, "its value is returned");
    assert_eq!(count(&db)?, 0);
    let tx = db.begin_with(&options)?;
    note(&tx, "one")?;
    fails(ErrorKind::Misuse, tx.commit());
    assert_eq!(count(&db)?, 0);
    // Nested, it undoes itself and nothing else.
    db.transaction(|tx| {
        note(tx, "outer")?;
        let inner = tx.begin_with(&options)?;
        note(&inner, "inner")?;
        fails(ErrorKind::Misuse, inner.commit());
        assert_eq!(count(tx)?, 1);
        let inner = tx.begin_with(&options)?;
        note(&inner, "inner")?;
        inner.rollback()
    })?;
    assert_eq!(texts(&db)?, ["outer"]);
    Ok(())
}

pub(crate) fn an_error_inside_leaves_it_usable(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "before")?;
        let result = tx.transaction(|tx| {
            note(tx, "inside")?;
            tx.execute("INSERT INTO notes (id, text) VALUES (1, 'taken')", ())
        });
        fails(ErrorKind::UniqueViolation, result);
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["before", "after"]);
    Ok(())
}

pub(crate) fn swallowed_errors(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let result = db.transaction(|tx| {
        note(tx, "before")?;
        let _ = tx.fetch_all("SELECT * FROM nowhere", ());
        Ok::<_, Error>(())
    });
    // Databases differ in whether it can be committed; none of them says that it was and forgets it.
    match result {
        Ok(()) => assert_eq!(texts(&db)?, ["before"]),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TransactionAborted);
            assert_eq!(count(&db)?, 0);
        }
    }
    note(&db, "next")?;
    assert!(db.close(crate::harness::PATIENCE).is_clean());
    Ok(())
}

pub(crate) fn a_transaction_that_the_database_ended(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let mut tx = db.begin()?;
    note(&tx, "one")?;
    let taken = "INSERT OR ROLLBACK INTO notes (id, text) VALUES (1, 'taken')";
    fails(ErrorKind::UniqueViolation, tx.execute(taken, ()));
    // What comes now would commit by itself: it is refused.
    let error = fails(ErrorKind::TransactionLost, note(&tx, "two"));
    assert!(error.message().contains("UNIQUE"), "says how it came: {error}");
    fails(ErrorKind::TransactionLost, count(&db));
    fails(ErrorKind::TransactionLost, tx.begin());
    fails(ErrorKind::TransactionLost, tx.commit());
    assert_eq!(count(&db)?, 0);
    note(&db, "next")?;
    assert_eq!(texts(&db)?, ["next"]);
    Ok(())
}

pub(crate) fn a_commit_that_is_refused(t: &Target) -> Outcome {
    t.needs(Feature::DeferredConstraints)?;
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let tx = db.begin()?;
    note(&tx, "one")?;
    // Checked at COMMIT.
    tx.execute("INSERT INTO books (writer, title) VALUES (99, 'None')", ())?;
    let error = tx.commit().expect_err("it is refused");
    let kind = error.error().kind();
    assert!(matches!(kind, ErrorKind::ForeignKeyViolation | ErrorKind::RolledBack), "{error:?}");
    assert!(error.into_transaction().is_none(), "it was rolled back");
    assert_eq!(count(&db)?, 0);
    assert_eq!(db.fetch_val("SELECT count(*) FROM books", ())?, Some(0));
    let result = db.transaction(|tx| {
        tx.execute("INSERT INTO books (writer, title) VALUES (99, 'None')", ())?;
        tx.execute("INSERT INTO writers (id, name) VALUES (99, 'Eve')", ())
    });
    result?;
    assert_eq!(db.fetch_val("SELECT count(*) FROM books", ())?, Some(1));
    Ok(())
}

pub(crate) fn a_commit_that_finds_the_database_locked(t: &Target) -> Outcome {
    t.needs(Feature::CommitCanBeBusy)?;
    let db = t.notes_with(|builder| builder.option("busy_timeout", "50ms"))?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..5000).map(|number| (number.to_string(),)))?;
    let reader = db.connection()?;
    let mut rows = reader.iterate("SELECT id FROM notes", ())?;
    assert!(rows.next().is_some());
    let result = on_another_thread(|| -> Outcome {
        let tx = db.begin()?;
        note(&tx, "one")?;
        let error = tx.commit().expect_err("somebody reads");
        assert_eq!(error.error().kind(), ErrorKind::Busy, "{error:?}");
        assert!(error.error().is_retryable());
        let tx = error.into_transaction().expect("it is still open");
        note(&tx, "two")?;
        let error = tx.commit().expect_err("somebody still reads");
        // Turned into a plain error, it is rolled back.
        assert_eq!(Error::from(error).kind(), ErrorKind::Busy);
        let tx = db.begin()?;
        note(&tx, "three")?;
        let tx = tx.commit().expect_err("somebody still reads").into_transaction().expect("it is still open");
        Ok(tx.rollback()?)
    });
    result?;
    drop(rows);
    drop(reader);
    assert_eq!(count(&db)?, 5000);
    let tx = db.begin()?;
    note(&tx, "one")?;
    tx.commit()?;
    assert_eq!(count(&db)?, 5001);
    Ok(())
}

pub(crate) fn read_only(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    note(&db, "one")?;
    let tx = db.begin_with(&TxOptions::new().read_only())?;
    assert_eq!(count(&tx)?, 1);
    fails(ErrorKind::ReadOnly, note(&tx, "two"));
    assert_eq!(count(&tx)?, 1);
    tx.commit()?;
    // The connection is not read-only for the next one.
    note(&db, "two")?;
    db.transaction(|tx| note(tx, "three"))?;
    let result = db.transaction_with(&TxOptions::new().read_only(), |tx| tx.execute("DELETE FROM notes", ()));
    fails(ErrorKind::ReadOnly, result);
    db.execute("DELETE FROM notes WHERE id = 1", ())?;
    assert_eq!(texts(&db)?, ["two", "three"]);
    Ok(())
}

pub(crate) fn one_after_another_on_one_connection(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    for round in 0..3 {
        assert_eq!(count(&connection)?, round * 3);
        connection.transaction(|tx| note(tx, "in a transaction"))?;
        note(&connection, "by itself")?;
        let tx = connection.begin()?;
        note(&tx, "undone")?;
        tx.rollback()?;
        note(&connection, "by itself")?;
    }
    drop(connection);
    assert_eq!(count(&db)?, 9);
    Ok(())
}

pub(crate) fn the_driver_s_own_connection_inside(t: &Target) -> Outcome {
    let db = t.notes()?;
    let tx = db.begin()?;
    note(&tx, "one")?;
    assert_eq!((t.profile().count_by_driver)(&db)?, 1, "it sees what is not committed");
    tx.rollback()?;
    assert_eq!((t.profile().count_by_driver)(&db)?, 0);
    let error = fails(ErrorKind::Misuse, db.raw(|_: &mut String| Ok(())));
    assert!(error.message().contains("String"), "{error}");
    Ok(())
}

pub(crate) fn a_session_that_panics(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let result = db.session(|session| -> pontoon::Result<()> {
        note(session, "one")?;
        panic!("in the session");
    });
    let error = fails(ErrorKind::DriverPanic, result);
    assert!(error.message().contains("in the session"), "{error}");
    assert_eq!(count(&db)?, 0);
    let missing = t.missing(ErrorKind::UndefinedTable);
    let result = db.session(move |session| {
        note(session, "kept")?;
        let nested = session.transaction(|session| {
            note(session, "undone")?;
            session.execute("INSERT INTO nowhere VALUES (1)", ())
        });
        fails(missing, nested);
        Ok(())
    });
    result?;
    assert_eq!(texts(&db)?, ["kept"]);
    fails(
        missing,
        db.session(|session| {
            note(session, "undone")?;
            session.execute("INSERT INTO nowhere VALUES (1)", ())
        }),
    );
    assert_eq!(count(&db)?, 1);
    Ok(())
}

pub(crate) fn six_at_once(t: &Target) -> Outcome {
    let db = t.notes()?;
    let db = &db;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|number| {
                scope.spawn(move || {
                    db.transaction(|tx| {
                        note(tx, &format!("note {number}"))?;
                        tx.fetch_val::<i64>("SELECT max(id) FROM notes", ())
                    })
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| join(thread).map(drop))
    })?;
    let mut all = texts(db)?;
    all.sort();
    assert_eq!(all, (0..6).map(|number| format!("note {number}")).collect::<Vec<_>>());
    Ok(())
}
