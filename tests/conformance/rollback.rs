//! Force rollback: one connection for everybody, and nothing of it stays.

use crate::face::prelude::*;
use pontoon::Error;

use crate::harness::{
    BRIEF, HASTE, Outcome, PATIENCE, Target, await_busy, count, fails, join, note, on_another_thread, signal, texts,
};
use crate::profile::Feature;

tests! {
    rollback:
    nothing_stays_after_close,
    by_the_builder,
    by_the_handle,
    by_a_scope,
    scopes_inside_each_other,
    a_copy_is_independent,
    opened_with_the_first_use,
    everybody_sees_the_same,
    transactions_in_it,
    a_failed_statement_disturbs_nobody,
    a_failed_transaction_disturbs_nobody,
    a_transaction_is_its_owner_s_alone,
    a_held_connection_is_no_way_around,
    a_clone_takes_part_in_its_owner_s,
    many_threads_at_once,
    a_timeout_and_then_more,
    a_write_that_is_too_slow,
    many_sets_and_scripts,
    options_of_the_outermost,
    ddl_in_it,
    what_was_begun_before,
}

pub(crate) fn nothing_stays_after_close(t: &Target) -> Outcome {
    t.needs(Feature::SameUrlSameData)?;
    let outside = t.notes()?;
    note(&outside, "before")?;
    assert!(outside.close(PATIENCE).is_clean());
    let db = t.watch(t.builder_again().force_rollback(true).build()?);
    for _ in 0..3 {
        assert!(db.connect()?);
        assert_eq!(texts(&db)?, ["before"]);
        note(&db, "plain")?;
        db.transaction(|tx| note(tx, "committed"))?;
        db.connection()?.transaction(|tx| note(tx, "by a connection"))?;
        db.session(|session| note(session, "by a session"))?;
        assert_eq!(count(&db)?, 5);
        assert!(db.close(PATIENCE).is_clean());
    }
    outside.connect()?;
    assert_eq!(texts(&outside)?, ["before"]);
    Ok(())
}

pub(crate) fn by_the_builder(t: &Target) -> Outcome {
    let db = t.notes()?;
    assert!(!db.force_rollback());
    let db = t.open(|builder| builder.force_rollback(true))?;
    assert!(db.force_rollback());
    let ddl_commits = t.profile().lacks(Feature::TransactionalDdl).is_some();
    if ddl_commits {
        db.set_force_rollback(Some(false));
    }
    db.execute_script(t.profile().tables)?;
    db.set_force_rollback(None);
    note(&db, "one")?;
    db.set_force_rollback(Some(false));
    assert!(!db.force_rollback());
    match ddl_commits {
        true => assert_eq!(count(&db)?, 0, "switched off, all is undone"),
        false => assert!(!db.has_table("notes")?, "switched off, all is undone"),
    }
    db.set_force_rollback(None);
    assert!(db.force_rollback(), "as the configuration says");
    Ok(())
}

pub(crate) fn by_the_handle(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "kept")?;
    db.clone().set_force_rollback(Some(true));
    assert!(db.force_rollback(), "clones are the same database");
    note(&db, "undone")?;
    assert_eq!(count(&db)?, 2);
    db.set_force_rollback(None);
    assert!(!db.force_rollback());
    assert_eq!(texts(&db)?, ["kept"]);
    note(&db, "kept, too")?;
    assert_eq!(count(&db)?, 2);
    Ok(())
}

pub(crate) fn by_a_scope(t: &Target) -> Outcome {
    let db = t.notes()?;
    {
        let _scope = db.force_rollback_scope(true);
        assert!(db.force_rollback());
        note(&db, "undone")?;
        assert_eq!(count(&db)?, 1);
    }
    assert!(!db.force_rollback());
    assert_eq!(count(&db)?, 0);
    // A panic closes it, too.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _scope = db.force_rollback_scope(true);
        note(&db, "undone").expect("a note");
        panic!("in the scope");
    }));
    assert!(result.is_err() && !db.force_rollback());
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn scopes_inside_each_other(t: &Target) -> Outcome {
    t.needs(Feature::ReadersBesideWriter)?;
    let db = t.notes()?;
    let outer = db.force_rollback_scope(true);
    assert_eq!(texts(&db)?, Vec::<String>::new());
    {
        let _inner = db.force_rollback_scope(false);
        assert!(!db.force_rollback());
        assert_eq!(count(&db)?, 0, "of another connection");
    }
    assert!(db.force_rollback());
    note(&db, "undone")?;
    {
        let _inner = db.force_rollback_scope(false);
        assert_eq!(count(&db)?, 0, "of another connection");
        let _innermost = db.force_rollback_scope(true);
        assert_eq!(count(&db)?, 1, "of the same as before");
    }
    assert_eq!(count(&db)?, 1);
    // What is set while a scope is open shows when it is closed, as it was set.
    db.set_force_rollback(Some(true));
    drop(outer);
    assert!(db.force_rollback());
    assert_eq!(count(&db)?, 1);
    db.set_force_rollback(None);
    assert!(!db.force_rollback());
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_copy_is_independent(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "before")?;
    db.set_force_rollback(Some(true));
    let copy = t.watch(db.copy()?);
    assert!(copy.is_connected() && copy.force_rollback(), "it starts as this one is");
    copy.set_force_rollback(Some(false));
    assert!(db.force_rollback(), "and goes its own way");
    assert_eq!(texts(&copy)?, ["before"]);
    note(&db, "undone")?;
    assert_eq!(texts(&copy)?, ["before"]);
    db.set_force_rollback(None);
    note(&copy, "of the copy")?;
    assert_eq!(texts(&copy)?, ["before", "of the copy"]);
    assert!(copy.close(PATIENCE).is_clean());
    assert!(!copy.is_connected() && db.is_connected());
    note(&db, "after")?;
    Ok(())
}

pub(crate) fn opened_with_the_first_use(t: &Target) -> Outcome {
    let db = t.watch(t.builder().force_rollback(true).build()?);
    // Closing what was never used is nothing.
    assert!(db.connect_lazy()?);
    assert!(db.close(PATIENCE).is_clean());
    assert!(db.close(PATIENCE).is_clean());
    db.connect_lazy()?;
    assert_eq!(db.snapshot().connections.len(), 0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|number| {
                scope.spawn({
                    let db = &db;
                    move || db.fetch_val::<i64>("SELECT ? + 0", (number,))
                })
            })
            .collect();
        for (number, thread) in threads.into_iter().enumerate() {
            assert_eq!(join(thread)?, Some(number as i64));
        }
        Ok::<_, Error>(())
    })?;
    assert_eq!(db.snapshot().connections.len(), 1, "one for all");
    Ok(())
}

pub(crate) fn everybody_sees_the_same(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    note(&db, "here")?;
    std::thread::scope(|scope| {
        join(scope.spawn(|| {
            assert_eq!(texts(&db)?, ["here"]);
            note(&db, "there")
        }))
    })?;
    assert_eq!(texts(&db)?, ["here", "there"]);
    await_busy(&db, 1);
    Ok(())
}

pub(crate) fn transactions_in_it(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    db.transaction(|tx| {
        note(tx, "outer")?;
        tx.transaction(|tx| note(tx, "inner"))?;
        let undone = tx.begin()?;
        note(&undone, "undone")?;
        drop(undone);
        note(&db, "joins it")
    })?;
    let tx = db.begin()?;
    note(&tx, "undone")?;
    tx.rollback()?;
    let tx = db.begin()?;
    note(&tx, "committed")?;
    tx.commit()?;
    drop(db.begin()?);
    assert_eq!(texts(&db)?, ["outer", "inner", "joins it", "committed"]);
    db.set_force_rollback(None);
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_failed_statement_disturbs_nobody(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    note(&db, "one")?;
    for _ in 0..3 {
        fails(t.missing(ErrorKind::UndefinedTable), db.fetch_all("SELECT * FROM nowhere", ()));
        fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO notes (id, text) VALUES (7, 'a'), (7, 'b')", ()));
        fails(ErrorKind::Parameter, db.execute("INSERT INTO notes (text) VALUES (:a)", ()));
        std::thread::scope(|scope| {
            join(scope.spawn(|| {
                fails(ErrorKind::NotNullViolation, db.execute("INSERT INTO notes (text) VALUES (NULL)", ()))
            }));
        });
    }
    assert_eq!(texts(&db)?, ["one"]);
    // Closing is clean, too, when the last thing failed.
    fails(ErrorKind::Syntax, db.execute("SELEC", ()));
    db.set_force_rollback(None);
    assert!(db.close(PATIENCE).is_clean());
    Ok(())
}

pub(crate) fn a_failed_transaction_disturbs_nobody(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    note(&db, "one")?;
    let (has_begun, begun) = signal();
    std::thread::scope(|scope| {
        let failing = scope.spawn(|| {
            db.transaction(|tx| {
                note(tx, "undone")?;
                has_begun.send(()).expect("the test waits");
                tx.execute("INSERT INTO nowhere VALUES (1)", ())
            })
        });
        begun.pass();
        let result = db.transaction(|tx| note(tx, "two"));
        fails(t.missing(ErrorKind::UndefinedTable), join(failing));
        result
    })?;
    assert_eq!(texts(&db)?, ["one", "two"]);
    Ok(())
}

/// While one caller's transaction is open: what another one's calls come to.
fn beside<T: Send>(db: &Database, other: impl Fn(&Database) -> T + Send + Sync) -> Result<T, Error> {
    let tx = db.begin()?;
    note(&tx, "of the transaction")?;
    let result = on_another_thread(|| other(db));
    tx.rollback()?;
    Ok(result)
}

pub(crate) fn a_transaction_is_its_owner_s_alone(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    db.set_force_rollback(Some(true));
    // A statement of another thread in the middle would be undone with what is not its own: it waits.
    let errors = beside(&db, |db| {
        [
            fails(ErrorKind::Busy, note(db, "of another")),
            fails(ErrorKind::Busy, db.begin()),
            fails(ErrorKind::Busy, db.run(|session| note(session, "of another"))),
            fails(ErrorKind::Busy, db.iterate("SELECT * FROM notes", ())),
        ]
    })?;
    for error in errors {
        assert!(error.message().contains("rollback.rs"), "names the holder: {error}");
    }
    assert_eq!(count(&db)?, 0);
    note(&db, "after")?;
    assert_eq!(texts(&db)?, ["after"]);
    Ok(())
}

pub(crate) fn a_held_connection_is_no_way_around(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    db.set_force_rollback(Some(true));
    let error = beside(&db, |db| {
        let connection = db.connection().expect("the pinned one");
        fails(ErrorKind::Busy, note(&connection, "of another"))
    })?;
    assert!(error.message().contains("rollback.rs"), "{error}");
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_clone_takes_part_in_its_owner_s(t: &Target) -> Outcome {
    // As it does without force rollback: the code under test must not notice.
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "of the parent")?;
    std::thread::scope(|scope| {
        let clone = connection.clone();
        join(scope.spawn(move || {
            assert_eq!(count(&clone)?, 1);
            note(&clone, "of the child")
        }))
    })?;
    tx.commit()?;
    assert_eq!(texts(&db)?, ["of the parent", "of the child"]);
    Ok(())
}

pub(crate) fn many_threads_at_once(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    let db = &db;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                scope.spawn(move || -> Outcome {
                    for round in 0..25 {
                        let before = db.transaction(|tx| {
                            let before = count(tx)?;
                            note(tx, &format!("{thread} {round}"))?;
                            note(tx, &format!("{thread} {round} again"))?;
                            assert_eq!(count(tx)?, before + 2, "nobody is in between");
                            Ok::<_, Error>(before)
                        })?;
                        assert!(before % 2 == 0);
                        let tx = db.begin()?;
                        tx.execute("DELETE FROM notes", ())?;
                        if round % 2 == 0 {
                            tx.rollback()?
                        } else {
                            drop(tx)
                        }
                        assert_eq!(count(db)? % 2, 0);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(join)
    })?;
    assert_eq!(count(db)?, 200);
    Ok(())
}

pub(crate) fn a_timeout_and_then_more(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    note(&db, "one")?;
    for _ in 0..2 {
        fails(ErrorKind::Timeout, db.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
        note(&db, "more")?;
        // In a transaction, it is that one that is lost.
        let result = db.transaction(|tx| {
            note(tx, "undone")?;
            fails(ErrorKind::Timeout, tx.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
            note(tx, "refused")
        });
        fails(ErrorKind::TransactionAborted, result);
        db.transaction(|tx| note(tx, "more"))?;
    }
    assert_eq!(texts(&db)?, ["one", "more", "more", "more", "more"]);
    Ok(())
}

pub(crate) fn a_write_that_is_too_slow(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    note(&db, "one")?;
    // Long enough to be late, short enough to end: where interrupting it would end everybody's transaction it runs out.
    let slow = t.profile().slow_write;
    let result = db.execute(Query::new(slow).timeout(std::time::Duration::from_millis(5)), ());
    fails(ErrorKind::Timeout, result);
    assert_eq!(texts(&db)?, ["one"], "its savepoint was rolled back");
    note(&db, "two")?;
    assert_eq!(count(&db)?, 2);
    Ok(())
}

pub(crate) fn many_sets_and_scripts(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    let insert = "INSERT INTO notes (id, text) VALUES (?, 'set')";
    fails(ErrorKind::UniqueViolation, db.execute_many(insert, [(1,), (2,), (1,)]));
    assert_eq!(count(&db)?, 0);
    assert_eq!(db.execute_many(insert, [(1,), (2,)])?, 2);
    fails(ErrorKind::UniqueViolation, db.bulk_insert("notes", &["id", "text"], [(3, "a"), (1, "b")]));
    assert_eq!(db.bulk_insert("notes", &["id", "text"], [(3, "a")])?.rows, 1);
    fails(t.missing(ErrorKind::UndefinedTable), db.execute_script("DELETE FROM notes; DELETE FROM nowhere"));
    assert_eq!(count(&db)?, 3, "the script is undone as a whole");
    db.execute_script("DELETE FROM notes; INSERT INTO notes (text) VALUES ('script')")?;
    // A raw COMMIT would end it for everybody.
    fails(ErrorKind::TransactionVerb, db.execute("COMMIT", ()));
    fails(ErrorKind::TransactionVerb, db.execute_script("BEGIN; DELETE FROM notes; COMMIT"));
    assert_eq!(texts(&db)?, ["script"]);
    Ok(())
}

pub(crate) fn options_of_the_outermost(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    // The code under test begins its transactions as it does without force rollback.
    let options = TxOptions::new().isolation(t.profile().levels[0]);
    db.transaction_with(&options, |tx| note(tx, "one"))?;
    let tx = db.begin_with(&options)?;
    note(&tx, "two")?;
    fails(ErrorKind::Misuse, db.begin_with(&options));
    tx.commit()?;
    db.transaction_with(&options.rollback_only(), |tx| note(tx, "undone"))?;
    assert_eq!(texts(&db)?, ["one", "two"]);
    Ok(())
}

pub(crate) fn ddl_in_it(t: &Target) -> Outcome {
    t.needs(Feature::TransactionalDdl)?;
    let db = t.notes()?;
    note(&db, "kept")?;
    db.set_force_rollback(Some(true));
    db.execute("CREATE TABLE other (id INTEGER)", ())?;
    db.execute("DROP TABLE notes", ())?;
    assert!(db.has_table("other")? && !db.has_table("notes")?);
    db.set_force_rollback(None);
    assert!(!db.has_table("other")?);
    assert_eq!(texts(&db)?, ["kept"]);
    Ok(())
}

pub(crate) fn what_was_begun_before(t: &Target) -> Outcome {
    t.needs(Feature::ReadersBesideWriter)?;
    let db = t.notes()?;
    let connection = db.connection()?;
    note(&connection, "before")?;
    db.set_force_rollback(Some(true));
    // A connection that is held stays what it was, for its holder and by the database.
    note(&connection, "kept")?;
    note(&db, "kept, too")?;
    drop(connection);
    note(&db, "undone")?;
    assert_eq!(count(&db)?, 4);
    let pinned = db.connection()?;
    assert_eq!(count(&pinned)?, 4);
    drop(pinned);
    db.set_force_rollback(None);
    assert_eq!(texts(&db)?, ["before", "kept", "kept, too"]);
    Ok(())
}
