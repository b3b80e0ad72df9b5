//! Transactions inside transactions: savepoints, by the handle of the outer one and by the database.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::face::prelude::*;
use pontoon::Error;

use crate::harness::{Outcome, Refusal, Target, await_busy, count, fails, message_of, note, on_another_thread, texts};

tests! {
    nesting:
    nested_commit,
    nested_rollback,
    nested_to_depth_five,
    nested_by_the_database,
    nested_panic,
    a_dropped_nested_guard_rolls_back,
    what_is_inside_ends_with_what_is_around_it,
    finished_out_of_order,
}

pub(crate) fn nested_commit(t: &Target) -> Outcome {
    let db = t.notes()?;
    let mut tx = db.begin()?;
    note(&tx, "outer")?;
    let inner = tx.begin()?;
    assert_eq!(inner.depth(), 1);
    note(&inner, "inner")?;
    inner.commit()?;
    assert_eq!(count(&tx)?, 2);
    tx.commit()?;
    assert_eq!(texts(&db)?, ["outer", "inner"]);
    let result = db.transaction(|tx| {
        tx.transaction(|tx| note(tx, "kept only if the outer one is"))?;
        Err::<(), _>(Refusal::Broke)
    });
    assert!(result.is_err());
    assert_eq!(count(&db)?, 2);
    Ok(())
}

pub(crate) fn nested_rollback(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "before")?;
        let inner = tx.begin()?;
        note(&inner, "inner")?;
        inner.rollback()?;
        let result = tx.transaction(|tx| {
            note(tx, "inner")?;
            Err::<(), _>(Refusal::Broke)
        });
        assert!(matches!(result, Err(Refusal::Broke)));
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["before", "after"]);
    Ok(())
}

pub(crate) fn nested_to_depth_five(t: &Target) -> Outcome {
    fn descend(tx: &mut Transaction<'_>, depth: usize) -> Result<(), Refusal> {
        assert_eq!(tx.depth(), depth);
        note(tx, &format!("at {depth}"))?;
        if depth < 5 {
            // Every second one is undone, with all that is inside.
            let result = tx.transaction(|tx| {
                descend(tx, depth + 1)?;
                if depth == 3 { Err(Refusal::Broke) } else { Ok(()) }
            });
            assert_eq!(result.is_err(), depth == 3);
        }
        Ok(note(tx, &format!("after {depth}"))?)
    }
    let db = t.notes()?;
    db.transaction(|tx| descend(tx, 0)).expect("it is committed");
    let expected = ["at 0", "at 1", "at 2", "at 3", "after 3", "after 2", "after 1", "after 0"];
    assert_eq!(texts(&db)?, expected);
    Ok(())
}

pub(crate) fn nested_by_the_database(t: &Target) -> Outcome {
    fn helper(db: &Database, text: &str, fail: bool) -> Result<(), Refusal> {
        db.transaction(|tx| {
            note(tx, text)?;
            if fail { Err(Refusal::Broke) } else { Ok(()) }
        })
    }
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "outer")?;
        assert!(helper(&db, "undone", true).is_err());
        assert!(helper(&db, "kept", false).is_ok());
        await_busy(&db, 1);
        let inner = db.begin()?;
        note(&inner, "also undone")?;
        drop(inner);
        let inner = db.connection()?.begin()?;
        note(&inner, "by a connection")?;
        inner.commit()?;
        Ok::<_, Error>(())
    })?;
    assert_eq!(texts(&db)?, ["outer", "kept", "by a connection"]);
    Ok(())
}

pub(crate) fn nested_panic(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "outer")?;
        let result = catch_unwind(AssertUnwindSafe(|| {
            tx.transaction(|tx| -> pontoon::Result<()> {
                note(tx, "inner")?;
                panic!("inner");
            })
        }));
        assert_eq!(message_of(result.expect_err("it panics")), "inner");
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["outer", "after"]);
    Ok(())
}

pub(crate) fn a_dropped_nested_guard_rolls_back(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "outer")?;
        let inner = tx.begin()?;
        note(&inner, "inner")?;
        drop(inner);
        assert_eq!(texts(tx)?, ["outer"]);
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["outer", "after"]);
    Ok(())
}

pub(crate) fn what_is_inside_ends_with_what_is_around_it(t: &Target) -> Outcome {
    let db = t.notes()?;
    let outer = db.begin()?;
    let inner = db.begin()?;
    note(&inner, "inner")?;
    drop(outer);
    // The inner one went with it: nothing of it can be kept any more.
    fails(ErrorKind::Misuse, inner.commit());
    assert_eq!(count(&db)?, 0);
    note(&db, "next")?;
    assert_eq!(on_another_thread(|| texts(&db))?, ["next"]);
    Ok(())
}

pub(crate) fn finished_out_of_order(t: &Target) -> Outcome {
    let db = t.notes()?;
    let outer = db.begin()?;
    note(&outer, "outer")?;
    let inner = db.begin()?;
    note(&inner, "inner")?;
    let error = fails(ErrorKind::Misuse, outer.commit());
    assert!(error.message().contains("innermost"), "{error}");
    // An outer one that cannot be committed is rolled back as its handle goes, and the inner one with it.
    fails(ErrorKind::Misuse, inner.commit());
    assert_eq!(count(&db)?, 0);
    db.transaction(|tx| note(tx, "next"))?;
    assert_eq!(texts(&db)?, ["next"]);
    Ok(())
}
