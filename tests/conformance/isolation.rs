//! Isolation: what others see, which levels there are, and conflicts that are run again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::face::prelude::*;
use pontoon::{Error, IsolationLevel, LockMode, Retry};

use crate::harness::{
    BRIEF, Outcome, Target, await_busy, count, error_of, fails, join, note, on_another_thread, open_ahead, signal,
    texts,
};
use crate::profile::Feature;

tests! {
    isolation:
    every_level_and_every_end,
    levels_that_there_are_not,
    the_level_of_the_configuration,
    the_level_belongs_to_the_outermost,
    what_is_not_committed_is_not_seen,
    what_was_committed_is_seen,
    a_snapshot_stays_as_it_was,
    a_conflict_is_run_again,
    a_conflict_is_not_run_again_unasked,
    attempts_are_counted,
    the_program_s_own_error_is_no_conflict,
    what_is_no_conflict_is_not_run_again,
}

pub(crate) fn every_level_and_every_end(t: &Target) -> Outcome {
    let db = t.notes()?;
    let levels = t.profile().levels.iter().copied().map(Some).chain([None]);
    for level in levels {
        let mut options = TxOptions::new();
        options.isolation = level;
        // Committed, it is there: by the closure, by hand.
        db.transaction_with(&options, |tx| note(tx, "kept"))?;
        let tx = db.begin_with(&options)?;
        note(&tx, "kept")?;
        tx.commit()?;
        assert_eq!(count(&db)?, 2, "{level:?}");
        // Else it is not.
        db.transaction_with(&options.rollback_only(), |tx| note(tx, "undone"))?;
        assert_eq!(count(&db)?, 2, "{level:?}, rollback_only");
        let result = db.transaction_with(&options, |tx| {
            note(tx, "undone")?;
            Err::<(), _>(Error::new(ErrorKind::Other, "no"))
        });
        fails(ErrorKind::Other, result);
        assert_eq!(count(&db)?, 2, "{level:?}, an error");
        drop_one(&db.begin_with(&options)?)?;
        assert_eq!(count(&db)?, 2, "{level:?}, dropped");
        let tx = db.begin_with(&options)?;
        drop_one(&tx)?;
        tx.rollback()?;
        assert_eq!(count(&db)?, 2, "{level:?}, rolled back");
        db.execute("DELETE FROM notes", ())?;
    }
    Ok(())
}

fn drop_one(tx: &Transaction<'_>) -> pontoon::Result<()> {
    tx.execute("DELETE FROM notes WHERE id = (SELECT max(id) FROM notes)", ()).map(drop)
}

pub(crate) fn levels_that_there_are_not(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for level in IsolationLevel::ALL.iter().filter(|level| !t.profile().levels.contains(level)) {
        let error = fails(ErrorKind::Unsupported, db.begin_with(&TxOptions::new().isolation(*level)));
        assert!(error.message().contains(level.name()), "{error}");
        // The connection is back, and clean.
        await_busy(&db, 0);
        note(&db, "one")?;
    }
    Ok(())
}

pub(crate) fn the_level_of_the_configuration(t: &Target) -> Outcome {
    let level = t.profile().levels[0];
    let db = t.notes_with(|builder| builder.option("isolation_level", level.name()))?;
    // It counts for transactions alone: a plain statement stands by itself, and stays.
    note(&db, "one")?;
    assert_eq!(db.config().isolation_level().map(str::parse).transpose()?, Some(level));
    for fail in [false, true] {
        let result = db.transaction(|tx| {
            note(tx, "two")?;
            if fail { Err(Error::new(ErrorKind::Other, "no")) } else { Ok(()) }
        });
        assert_eq!(result.is_err(), fail);
    }
    assert_eq!(texts(&db)?, ["one", "two"]);
    let missing = IsolationLevel::ALL.iter().find(|level| !t.profile().levels.contains(level));
    if let Some(missing) = missing {
        // One that the database has not: a transaction says so on every face that begins one.
        let db = t.notes_with(|builder| builder.option("isolation_level", missing.name()))?;
        note(&db, "one")?;
        fails(ErrorKind::Unsupported, db.begin());
        fails(ErrorKind::Unsupported, db.connection()?.begin());
        fails(ErrorKind::Unsupported, db.transaction(|tx| note(tx, "two")));
        fails(ErrorKind::Unsupported, db.connection()?.transaction(|tx| note(tx, "two")));
        fails(ErrorKind::Unsupported, db.session(|session| note(session, "two")));
        assert_eq!(texts(&db)?, ["one"]);
    }
    Ok(())
}

pub(crate) fn the_level_belongs_to_the_outermost(t: &Target) -> Outcome {
    let db = t.notes()?;
    let level = t.profile().levels[0];
    let mut tx = db.begin_with(&TxOptions::new().isolation(level))?;
    for options in [TxOptions::new().isolation(level), TxOptions::new().read_only()] {
        fails(ErrorKind::Misuse, tx.begin_with(&options));
        fails(ErrorKind::Misuse, db.begin_with(&options));
    }
    note(&tx, "one")?;
    tx.commit()?;
    assert_eq!(count(&db)?, 1);
    Ok(())
}

pub(crate) fn what_is_not_committed_is_not_seen(t: &Target) -> Outcome {
    let db = t.notes()?;
    open_ahead(&db, 2);
    note(&db, "one")?;
    let tx = db.begin()?;
    note(&tx, "two")?;
    let seen = std::thread::scope(|scope| {
        join(scope.spawn(|| db.fetch_val::<i64>(Query::new("SELECT count(*) FROM notes").timeout(BRIEF), ())))
    });
    // Seen as it was before, or not at all as long as the writer is not done.
    match (seen, t.profile().lacks(Feature::ReadersBesideWriter)) {
        (Ok(seen), _) => assert_eq!(seen, Some(1)),
        (Err(error), Some(_)) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}"),
        (Err(error), None) => panic!("{error:?}"),
    }
    tx.commit()?;
    assert_eq!(count(&db)?, 2);
    Ok(())
}

pub(crate) fn what_was_committed_is_seen(t: &Target) -> Outcome {
    let db = t.notes()?;
    let held = db.connection()?;
    for expected in 1..=20 {
        // By turns on this connection and on another.
        if expected % 2 == 0 {
            note(&held, "here")?
        } else {
            on_another_thread(|| note(&db, "there"))?
        }
        assert_eq!(count(&held)?, expected);
        assert_eq!(on_another_thread(|| count(&db))?, expected);
    }
    Ok(())
}

pub(crate) fn a_snapshot_stays_as_it_was(t: &Target) -> Outcome {
    t.needs(Feature::ReadersBesideWriter)?;
    let db = t.notes()?;
    note(&db, "one")?;
    // On MySQL a reader that is serializable locks what it reads.
    let level = IsolationLevel::RepeatableRead;
    let level = if t.profile().levels.contains(&level) { level } else { IsolationLevel::Serializable };
    let options = TxOptions::new().isolation(level).read_only();
    let tx = db.begin_with(&options)?;
    assert_eq!(count(&tx)?, 1);
    on_another_thread(|| note(&db, "two"))?;
    assert_eq!(count(&tx)?, 1);
    tx.commit()?;
    assert_eq!(count(&db)?, 2);
    Ok(())
}

/// Two transactions that read first and then write: one of them has to give way.
fn collide(db: &Database, options: &TxOptions) -> (pontoon::Result<()>, usize) {
    let (write, may_write) = signal();
    let (has_read, read) = signal();
    let (has_met, met) = signal();
    let (has_committed, committed) = signal();
    let runs = AtomicUsize::new(0);
    let result = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            db.transaction_with(options, |tx| {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                if run > 0 {
                    // The conflict was met; the first one may go on, and this one comes after it.
                    has_met.send(()).expect("the test waits");
                    committed.pass();
                }
                count(tx)?;
                if run == 0 {
                    has_read.send(()).expect("the test waits");
                    may_write.pass();
                }
                note(tx, "second")
            })
        });
        let first = db.transaction_with(&TxOptions::new().lock_mode(LockMode::Deferred), |tx| {
            count(tx)?;
            read.pass();
            note(tx, "first")?;
            write.send(()).expect("the other waits");
            if options.retry.is_some() {
                met.pass();
            } else {
                crate::kit::await_that_or(|| other.is_finished(), || "the other one hangs".to_owned());
            }
            Ok::<_, Error>(())
        });
        // It may be gone already.
        let _ = has_committed.send(());
        first.and(join(other))
    });
    (result, runs.load(Ordering::Relaxed))
}

pub(crate) fn a_conflict_is_run_again(t: &Target) -> Outcome {
    let db = t.notes()?;
    let options = TxOptions::new().lock_mode(LockMode::Deferred).retry(Retry::attempts(3));
    let (result, runs) = collide(&db, &options);
    result?;
    assert_eq!(runs, 2);
    assert_eq!(texts(&db)?, ["first", "second"]);
    Ok(())
}

pub(crate) fn a_conflict_is_not_run_again_unasked(t: &Target) -> Outcome {
    let db = t.notes()?;
    let (result, runs) = collide(&db, &TxOptions::new().lock_mode(LockMode::Deferred));
    let error = error_of(result);
    assert!(matches!(error.kind(), ErrorKind::Busy | ErrorKind::Serialization | ErrorKind::Deadlock), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(runs, 1);
    assert_eq!(texts(&db)?, ["first"]);
    Ok(())
}

pub(crate) fn attempts_are_counted(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.option("busy_timeout", "1ms"))?;
    let (has_locked, locked) = signal();
    let (done, over) = signal();
    let db = &db;
    std::thread::scope(|scope| {
        let holder = scope.spawn(move || {
            db.transaction(|tx| {
                note(tx, "first")?;
                has_locked.send(()).expect("the test waits");
                over.pass();
                Ok::<_, Error>(())
            })
        });
        // In here, so that a failure lets the holder go.
        let done = done;
        locked.pass();
        let mut runs = 0;
        let options = TxOptions::new().lock_mode(LockMode::Deferred);
        let retry = Retry::attempts(4).waits(Duration::ZERO, Duration::ZERO);
        let result = db.transaction_with(&options.retry(retry), |tx| {
            runs += 1;
            note(tx, "second")
        });
        fails(ErrorKind::Busy, result);
        assert_eq!(runs, 4);
        let _ = done.send(());
        join(holder)
    })?;
    assert_eq!(texts(db)?, ["first"]);
    Ok(())
}

pub(crate) fn the_program_s_own_error_is_no_conflict(t: &Target) -> Outcome {
    let db = t.notes()?;
    let mut runs = 0;
    let result = db.transaction_with(&TxOptions::new().retry(Retry::attempts(4)), |tx| {
        runs += 1;
        note(tx, "one")?;
        Err::<(), _>(Error::new(ErrorKind::Serialization, "made up by the program"))
    });
    fails(ErrorKind::Serialization, result);
    assert_eq!(runs, 1, "the database met none");
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn what_is_no_conflict_is_not_run_again(t: &Target) -> Outcome {
    let db = t.notes()?;
    let mut runs = 0;
    let options = TxOptions::new().retry(Retry::attempts(4));
    let result = db.transaction_with(&options, |tx| {
        runs += 1;
        tx.execute("INSERT INTO notes (id, text) VALUES (1, 'a'), (1, 'b')", ())
    });
    fails(ErrorKind::UniqueViolation, result);
    assert_eq!(runs, 1);
    Ok(())
}
