//! Deadlines: one for a whole call, wherever it spends its time, and what is left behind after it.

use std::time::{Duration, Instant};

use crate::face::prelude::*;
use pontoon::{Effect, Error, Result};

use crate::harness::{
    BRIEF, HASTE, Outcome, Target, await_busy, count, error_of, fails, join, note, open_ahead, signal, texts,
};
use crate::kit::Probe;
use crate::profile::Feature;

tests! {
    deadlines:
    a_statement_that_never_ends,
    of_the_configuration,
    nothing_is_over_at_once,
    a_full_pool,
    inside_a_transaction,
    inside_a_nested_transaction,
    inside_a_job,
    a_write_that_never_ends,
    a_lock_that_is_not_granted,
    the_wait_for_a_transaction,
    a_stream_that_never_comes,
    a_moment_instead_of_a_span,
    the_next_statement_is_not_hit,
}

/// How long after its deadline a caller is back, as it is promised.
const LEAVES_WITHIN: Duration = Duration::from_millis(50);

/// Runs out at its deadline, not before and not much later.
#[track_caller]
fn runs_out<T>(span: Duration, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let probe = Probe::start();
    let begun = Instant::now();
    let error = error_of(call());
    let took = begun.elapsed();
    assert!(took >= span, "after {took:?}, of {span:?}: {error:?}");
    probe.assert_within("leaving at the deadline", took.saturating_sub(span), LEAVES_WITHIN);
    error
}

#[track_caller]
fn times_out<T>(span: Duration, call: impl FnOnce() -> Result<T, Error>) -> Error {
    let error = runs_out(span, call);
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    error
}

pub(crate) fn a_statement_that_never_ends(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let query = || Query::new(t.profile().endless).timeout(BRIEF);
    let connection = db.connection()?;
    for _ in 0..3 {
        times_out(BRIEF, || db.fetch_all(query(), ()));
        times_out(BRIEF, || connection.fetch_one(query(), ()));
        times_out(BRIEF, || connection.fetch_last(query(), ()));
        times_out(BRIEF, || connection.execute(query(), ()));
        // The connection is as it was.
        note(&connection, "one")?;
    }
    assert_eq!(count(&db)?, 3);
    assert_eq!(db.snapshot().counters.discarded, 0);
    Ok(())
}

pub(crate) fn of_the_configuration(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    times_out(HASTE, || db.fetch_all(t.profile().endless, ()));
    let endless = t.profile().endless;
    times_out(HASTE, || db.run(move |session| session.fetch_all(endless, ())));
    // The query's own counts instead.
    times_out(BRIEF * 3, || db.fetch_all(Query::new(t.profile().endless).timeout(BRIEF * 3), ()));
    note(&db, "one")?;
    Ok(())
}

pub(crate) fn nothing_is_over_at_once(t: &Target) -> Outcome {
    let db = t.notes()?;
    for on_a_held_connection in [false, true] {
        let _held = if on_a_held_connection { Some(db.connection()?) } else { None };
        let late = Query::new("INSERT INTO notes (text) VALUES ('late')").timeout(Duration::ZERO);
        let error = runs_out(Duration::ZERO, || db.execute(late, ()));
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::PoolTimeout), "{error:?}");
        assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
    }
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn a_full_pool(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let held = db.connection()?;
    std::thread::scope(|scope| {
        join(scope.spawn(|| {
            let query = Query::new("SELECT 1").timeout(BRIEF);
            let error = runs_out(BRIEF, || db.fetch_val::<i64>(query, ()));
            assert_eq!(error.kind(), ErrorKind::PoolTimeout, "{error:?}");
            assert_eq!(error.effect(), Effect::NotSent);
        }));
    });
    drop(held);
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn inside_a_transaction(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let tx = db.begin()?;
    note(&tx, "undone")?;
    times_out(BRIEF, || tx.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
    // What was done is not known to be whole: only its end is accepted.
    let error = error_of(note(&tx, "refused"));
    assert!(matches!(error.kind(), ErrorKind::TransactionAborted | ErrorKind::TransactionLost), "{error:?}");
    assert_eq!(error.effect(), Effect::NotSent);
    error_of(tx.commit());
    assert_eq!(count(&db)?, 0);
    let tx = db.begin()?;
    times_out(BRIEF, || tx.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
    tx.rollback()?;
    db.transaction(|tx| note(tx, "next"))?;
    assert_eq!(texts(&db)?, ["next"]);
    Ok(())
}

pub(crate) fn inside_a_nested_transaction(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "before")?;
        let inner = tx.begin()?;
        note(&inner, "undone")?;
        times_out(BRIEF, || inner.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
        fails(ErrorKind::TransactionAborted, note(&inner, "refused"));
        inner.rollback()?;
        // Rolled back to where the inner one began, the outer one is whole.
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["before", "after"]);
    Ok(())
}

pub(crate) fn inside_a_job(t: &Target) -> Outcome {
    let db = t.notes()?;
    let endless = t.profile().endless;
    let seen = db.run(move |session| {
        let error = times_out(BRIEF, || session.fetch_all(Query::new(endless).timeout(BRIEF), ()));
        note(session, "after")?;
        Ok(error.kind())
    })?;
    assert_eq!(seen, ErrorKind::Timeout);
    assert_eq!(texts(&db)?, ["after"]);
    Ok(())
}

pub(crate) fn a_write_that_never_ends(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let write = || Query::new(t.profile().endless_write).timeout(BRIEF);
    times_out(BRIEF, || db.execute(write(), ()));
    note(&db, "one")?;
    let tx = db.begin()?;
    note(&tx, "undone")?;
    times_out(BRIEF, || tx.execute(write(), ()));
    // Lost where the database rolls all back, else accepting its end alone; never committing statement by statement.
    let error = error_of(note(&tx, "refused"));
    let expected = match t.profile().lacks(Feature::WriteInterruptKeepsTransaction) {
        Some(_) => ErrorKind::TransactionLost,
        None => ErrorKind::TransactionAborted,
    };
    assert_eq!(error.kind(), expected, "{error:?}");
    drop(tx);
    assert_eq!(texts(&db)?, ["one"]);
    Ok(())
}

pub(crate) fn a_lock_that_is_not_granted(t: &Target) -> Outcome {
    let db = t.notes()?;
    open_ahead(&db, 2);
    let tx = db.begin()?;
    // Where rows are locked and not the whole, a key that may be taken is waited for.
    let insert = |text: &str| format!("INSERT INTO notes (id, text) VALUES (1, '{text}')");
    tx.execute(insert("first"), ())?;
    std::thread::scope(|scope| {
        join(scope.spawn(|| {
            let error = times_out(BRIEF, || db.execute(Query::new(insert("second")).timeout(BRIEF), ()));
            // Unless the caller had to leave before the database answered.
            if error.effect() != Effect::Unknown && t.profile().lacks(Feature::NamesLockWaits).is_none() {
                assert!(error.message().contains("lock"), "says what it waited for: {error}");
            }
        }));
    });
    tx.commit()?;
    assert_eq!(texts(&db)?, ["first"]);
    t.needs(Feature::WaitsForDeletedKeys)?;
    // Granted in time, it is an ordinary wait.
    let tx = db.begin()?;
    tx.execute("DELETE FROM notes WHERE id = 1", ())?;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| db.execute(insert("second"), ()));
        await_busy(&db, 2);
        tx.commit()?;
        join(other)
    })?;
    assert_eq!(texts(&db)?, ["second"]);
    Ok(())
}

pub(crate) fn the_wait_for_a_transaction(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    t.needs(Feature::SingleWriter)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    let tx = db.begin()?;
    std::thread::scope(|scope| {
        join(scope.spawn(|| {
            let error = runs_out(HASTE, || db.begin());
            assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Busy), "{error:?}");
            runs_out(HASTE, || db.transaction(|tx| note(tx, "never")));
        }));
    });
    tx.commit()?;
    assert_eq!(count(&db)?, 0);
    assert_eq!(db.transaction(|tx| count(tx))?, 0);
    Ok(())
}

pub(crate) fn a_stream_that_never_comes(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let mut rows = db.iterate(Query::new(t.profile().endless).timeout(BRIEF), ())?;
    let error = rows.next().expect("an error").expect_err("it never comes");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(rows.next().is_none());
    drop(rows);
    note(&db, "one")?;
    Ok(())
}

pub(crate) fn a_moment_instead_of_a_span(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = t.notes()?;
    open_ahead(&db, 1);
    let probe = Probe::start();
    let moment = Instant::now() + BRIEF;
    let query = || Query::new(t.profile().endless).deadline(moment);
    fails(ErrorKind::Timeout, db.fetch_all(query(), ()));
    assert!(Instant::now() >= moment);
    probe.assert_within("leaving at the deadline", moment.elapsed(), LEAVES_WITHIN);
    // Once it has passed, it has passed for all. Until the connection is back there is another one to be opened first,
    // for which there is no time either.
    await_busy(&db, 0);
    let begun = Instant::now();
    let error = fails(ErrorKind::Timeout, db.fetch_all(query(), ()));
    assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
    probe.assert_within("a call whose deadline has passed", begun.elapsed(), LEAVES_WITHIN);
    Ok(())
}

pub(crate) fn the_next_statement_is_not_hit(t: &Target) -> Outcome {
    // A cancel that does not come back in its time costs the connection, as it may on a machine that is very busy.
    for _ in 0..20 {
        let db = t.notes_with(|builder| builder.pool_size(1))?;
        let connection = db.connection()?;
        let (has_begun, begun) = signal();
        let written = std::thread::scope(|scope| {
            let other = connection.clone();
            let writer = scope.spawn(move || -> Result<()> {
                begun.pass();
                // Queued behind what is being cancelled, or right after it.
                for number in 0..100 {
                    note(&other, &format!("note {number}"))?;
                }
                Ok(())
            });
            has_begun.send(()).expect("it waits");
            for _ in 0..10 {
                let query = Query::new(t.profile().endless).timeout(Duration::from_millis(10));
                let error = error_of(connection.fetch_all(query, ()));
                assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::ConnectionLost), "{error:?}");
            }
            join(writer)
        });
        drop(connection);
        match written {
            Err(error) if error.kind() == ErrorKind::ConnectionLost => continue,
            written => written?,
        }
        assert_eq!(count(&db)?, 100);
        return Ok(());
    }
    panic!("each time the connection was lost");
}
