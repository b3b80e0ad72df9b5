//! Callers: which connection a thread uses, who takes part in what, and what is left when a thread ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::face::prelude::*;
use pontoon::{ConnectionState, Error};

use crate::harness::{
    HASTE, Outcome, PATIENCE, Target, await_busy, count, error_of, fails, join, note, on_another_thread, signal, texts,
};
use crate::kit::await_that_or;
use crate::profile::Feature;

tests! {
    callers:
    one_thread_one_connection,
    two_threads_two_connections,
    two_databases_two_connections,
    a_caller_never_waits_for_itself,
    a_clone_takes_part,
    a_second_begin_waits_for_the_first,
    a_statement_by_the_database_in_another_thread_does_not_take_part,
    a_thread_that_ends,
    a_thread_that_panics,
    a_handle_that_moves,
    concurrent_calls_on_one_connection,
    from_inside_a_job,
    recursive_threads,
    a_full_pool_names_its_holders,
    leaked_for_ever,
    the_session_is_clean_for_the_next,
}

/// Something only this connection knows.
fn mark(on: &impl Queryable, name: &str) -> pontoon::Result<()> {
    on.execute(format!("CREATE TEMPORARY TABLE mark_{name} (i INTEGER)"), ()).map(drop)
}

fn is_marked(on: &impl Queryable, name: &str) -> bool {
    on.fetch_all(format!("SELECT * FROM mark_{name}"), ()).is_ok()
}

pub(crate) fn one_thread_one_connection(t: &Target) -> Outcome {
    let db = t.notes()?;
    let first = db.connection()?;
    mark(&first, "a")?;
    let second = db.connection()?;
    assert!(is_marked(&second, "a") && is_marked(&db, "a"));
    assert!(is_marked(&db.clone(), "a"), "a clone is the same database");
    await_busy(&db, 1);
    let tx = db.begin()?;
    assert!(is_marked(&tx, "a"));
    tx.rollback()?;
    assert!(db.run(|session| Ok(is_marked(session, "a")))?);
    drop(first);
    await_busy(&db, 1);
    assert!(is_marked(&db, "a"));
    drop(second);
    // Back in the pool it has forgotten.
    assert!(!is_marked(&db, "a"));
    Ok(())
}

pub(crate) fn two_threads_two_connections(t: &Target) -> Outcome {
    let db = t.notes()?;
    let held = db.connection()?;
    mark(&held, "a")?;
    std::thread::scope(|scope| {
        let db = &db;
        let threads: Vec<_> = ["b", "c"]
            .map(|name| {
                let (has_marked, marked) = signal();
                let (done, over) = signal();
                let thread = scope.spawn(move || -> Outcome {
                    let own = db.connection()?;
                    assert!(!is_marked(&own, "a"));
                    mark(&own, name)?;
                    has_marked.send(()).expect("the test waits");
                    over.pass();
                    assert!(is_marked(db, name));
                    assert!(["b", "c"].iter().all(|other| is_marked(db, other) == (*other == name)));
                    Ok(())
                });
                (thread, marked, done)
            })
            .into_iter()
            .collect();
        for (_, marked, _) in &threads {
            marked.pass();
        }
        await_busy(db, 3);
        threads.into_iter().try_for_each(|(thread, _, done)| {
            let _ = done.send(());
            join(thread)
        })
    })?;
    assert!(is_marked(&db, "a") && !is_marked(&db, "b"));
    Ok(())
}

pub(crate) fn two_databases_two_connections(t: &Target) -> Outcome {
    let (one, two) = (t.notes()?, t.notes()?);
    let first = one.connection()?;
    mark(&first, "a")?;
    let second = two.connection()?;
    assert!(!is_marked(&second, "a") && !is_marked(&two, "a"));
    let tx = one.begin()?;
    note(&tx, "one")?;
    note(&two, "two")?;
    tx.rollback()?;
    assert_eq!((count(&one)?, texts(&two)?), (0, vec!["two".to_owned()]));
    Ok(())
}

pub(crate) fn a_caller_never_waits_for_itself(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let connection = db.connection()?;
    note(&db, "one")?;
    let tx = db.begin()?;
    note(&connection, "two")?;
    note(&db, "three")?;
    assert_eq!(db.iterate("SELECT * FROM notes", ())?.count(), 3);
    db.transaction(|_| {
        let again = db.connection()?;
        note(&again, "four")?;
        db.run(|session| note(session, "five"))
    })?;
    tx.commit()?;
    drop(connection);
    assert_eq!(count(&db)?, 5);
    Ok(())
}

pub(crate) fn a_clone_takes_part(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "of the parent")?;
    std::thread::scope(|scope| {
        let clone = connection.clone();
        join(scope.spawn(move || -> Outcome {
            assert_eq!(count(&clone)?, 1, "sees what is not committed");
            clone.execute("UPDATE notes SET text = 'of the child'", ())?;
            assert_eq!(clone.iterate("SELECT * FROM notes", ())?.count(), 1);
            Ok(())
        }))
    })?;
    assert_eq!(texts(&tx)?, ["of the child"]);
    tx.rollback()?;
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_second_begin_waits_for_the_first(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "first")?;
    std::thread::scope(|scope| {
        let clone = connection.clone();
        let other = scope.spawn(move || {
            let error = fails(ErrorKind::Busy, clone.begin());
            assert!(error.message().contains("callers.rs"), "names the holder: {error}");
            // Waiting in vain broke nothing.
            assert_eq!(count(&clone)?, 1);
            Ok::<_, Error>(clone)
        });
        let clone = join(other)?;
        tx.commit()?;
        join(scope.spawn(move || clone.transaction(|tx| note(tx, "second"))))
    })?;
    assert_eq!(texts(&db)?, ["first", "second"]);
    // One that waits gets its turn, in order.
    let db = t.notes()?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    std::thread::scope(|scope| {
        let (starts, started) = signal();
        let clone = connection.clone();
        let other = scope.spawn(move || {
            starts.send(()).expect("the test waits");
            clone.transaction(|tx| {
                assert_eq!(count(tx)?, 50, "all of the first, none of it less");
                note(tx, "second")
            })
        });
        started.pass();
        for number in 0..50 {
            note(&tx, &format!("first {number}"))?;
        }
        tx.commit()?;
        join(other)
    })?;
    assert_eq!(count(&db)?, 51);
    Ok(())
}

pub(crate) fn a_statement_by_the_database_in_another_thread_does_not_take_part(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    mark(&connection, "a")?;
    // It reads, so that nobody has to wait for a lock of it.
    let tx = db.begin_with(&TxOptions::new().read_only())?;
    assert!(is_marked(&tx, "a") && is_marked(&db, "a"));
    on_another_thread(|| assert!(!is_marked(&db, "a"), "it has a connection of its own"));
    tx.rollback()?;
    Ok(())
}

pub(crate) fn a_thread_that_ends(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for _ in 0..5 {
        std::thread::scope(|scope| {
            join(scope.spawn(|| -> Outcome {
                let connection = db.connection()?;
                let tx = connection.begin()?;
                note(&tx, "undone")?;
                assert_eq!(count(&connection)?, 1);
                Ok(())
            }))
        })?;
        assert_eq!(count(&db)?, 0, "the one connection is back, and its transaction rolled back");
    }
    Ok(())
}

pub(crate) fn a_thread_that_panics(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for _ in 0..3 {
        let result = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let _connection = db.connection().expect("a connection");
                let tx = db.begin().expect("a transaction");
                note(&tx, "undone").expect("a note");
                let _rows = tx.iterate("SELECT * FROM notes", ()).expect("a stream");
                panic!("of the thread");
            });
            catch_unwind(AssertUnwindSafe(|| join(thread)))
        });
        assert!(result.is_err());
        assert_eq!(count(&db)?, 0);
    }
    assert_eq!(db.snapshot().counters.panics, 0, "no panic of a connection's thread");
    Ok(())
}

pub(crate) fn a_handle_that_moves(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(2))?;
    let connection = std::thread::scope(|scope| {
        join(scope.spawn(|| {
            let connection = db.connection()?;
            mark(&connection, "a")?;
            Ok::<_, Error>(connection)
        }))
    })?;
    // It outlives the thread that leased it, and is nobody's by the database.
    assert!(is_marked(&connection, "a"));
    assert!(!is_marked(&db, "a"));
    connection.transaction(|tx| note(tx, "one"))?;
    drop(connection);
    assert_eq!(texts(&db)?, ["one"]);
    Ok(())
}

pub(crate) fn concurrent_calls_on_one_connection(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let clone = connection.clone();
                scope.spawn(move || -> Outcome {
                    for turn in 0..30 {
                        note(&clone, &format!("{number} {turn}"))?;
                        assert!(count(&clone)? > turn);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(join)
    })?;
    assert_eq!(count(&db)?, 90);
    Ok(())
}

pub(crate) fn from_inside_a_job(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.pool_size(1).acquire_timeout(HASTE))?;
    let connection = db.connection()?;
    let (inner, clone) = (db.clone(), connection.clone());
    let (by_handle, by_begin) = connection.run(move |session| {
        note(session, "one")?;
        // The session is the way; what would wait for this very job is told at once.
        let results = (clone.execute("DELETE FROM notes", ()), clone.begin().map(drop));
        drop(inner);
        Ok(results)
    })?;
    let error = fails(ErrorKind::WouldDeadlock, by_handle);
    assert!(error.message().contains("session"), "says what to use: {error}");
    fails(ErrorKind::WouldDeadlock, by_begin);
    assert_eq!(count(&db)?, 1);
    Ok(())
}

pub(crate) fn recursive_threads(t: &Target) -> Outcome {
    fn descend(db: &Database, depth: usize) -> Outcome {
        let connection = db.connection()?;
        note(&connection, &format!("depth {depth}"))?;
        if depth < 3 {
            on_another_thread(|| descend(db, depth + 1))?;
        }
        await_busy(db, depth + 1);
        Ok(note(db, &format!("back at {depth}"))?)
    }
    let db = t.notes()?;
    descend(&db, 0)?;
    assert_eq!(count(&db)?, 8);
    await_that_or(|| db.snapshot().busy == 0, || db.snapshot().to_string());
    Ok(())
}

pub(crate) fn a_full_pool_names_its_holders(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.pool_size(1).acquire_timeout(HASTE))?;
    let connection = db.connection()?;
    assert_eq!(count(&connection)?, 0);
    let snapshot = db.snapshot();
    assert_eq!((snapshot.size, snapshot.busy, snapshot.idle), (1, 1, 0));
    let one = &snapshot.connections[0];
    assert_eq!(one.state, ConnectionState::Busy);
    assert!(one.holder.as_ref().is_some_and(|holder| holder.location.file().ends_with("callers.rs")), "{one:?}");
    assert!(one.statement.as_ref().is_some_and(|statement| statement.contains("count(*)")), "{one:?}");
    let error = std::thread::scope(|scope| fails(ErrorKind::PoolTimeout, join(scope.spawn(|| count(&db)))));
    for word in ["callers.rs", "count(*)", "1"] {
        assert!(error.message().contains(word), "{word} in {error}");
    }
    assert_eq!(db.snapshot().counters.timeouts, 1);
    drop(connection);
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn leaked_for_ever(t: &Target) -> Outcome {
    let db = t.notes()?;
    let tx = db.begin()?;
    note(&tx, "undone")?;
    // Nobody will ever end it.
    let _leaked = std::mem::ManuallyDrop::new(tx);
    let report = db.close(PATIENCE);
    assert_eq!(report.stuck, 0, "{report:?}");
    let error = error_of(note(&db, "one"));
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    Ok(())
}

pub(crate) fn the_session_is_clean_for_the_next(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for round in 0..3 {
        let connection = db.connection()?;
        assert_eq!(connection.fetch_val(t.profile().setting.read, ())?, Some(0), "round {round}");
        assert!(!is_marked(&connection, "a"));
        connection.execute(t.profile().setting.switch_on, ())?;
        mark(&connection, "a")?;
        drop(connection);
        // A transaction that was left open through the driver's own connection is not handed on either.
        let error = fails(ErrorKind::TransactionVerb, (t.profile().begin_by_driver)(&db));
        assert!(error.message().contains("rolled back"), "{error}");
        assert_eq!(count(&db)?, 0);
    }
    Ok(())
}
