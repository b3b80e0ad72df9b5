//! Streams under force rollback: one connection for the rows and for what is done between them.

use crate::face::prelude::*;
use pontoon::Error;

use crate::harness::{HASTE, Outcome, Target, count, fails, join, note, on_another_thread};
use crate::profile::Feature;

tests! {
    rollback_streams:
    streams_in_it,
    statements_between_the_rows,
    transactions_between_the_rows,
    a_transaction_that_outlives_the_stream_around_it,
    what_was_done_between_the_rows_of_a_stream_that_ends_early,
}

pub(crate) fn streams_in_it(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..3).map(|number| (number.to_string(),)))?;
    let query = Query::new("SELECT id FROM notes").batch_rows(2);
    let sizes = db.batches(&query, ())?.map(|rows| Ok(rows?.len())).collect::<Result<Vec<_>, Error>>()?;
    assert_eq!(sizes, [2, 1]);
    assert_eq!(db.iterate(&query, ())?.count(), 3);
    let mut rows = db.iterate(&query, ())?;
    assert!(rows.next().transpose()?.is_some());
    drop(rows);
    assert_eq!(count(&db)?, 3);
    Ok(())
}

pub(crate) fn statements_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..1000).map(|number| (number.to_string(),)))?;
    let mut seen = 0;
    for row in db.iterate("SELECT id FROM notes ORDER BY id", ())? {
        let id: i64 = row?.get(0)?;
        seen += 1;
        db.execute("UPDATE notes SET completed = :c WHERE id = :id", params! { c: true, id })?;
        if seen % 100 == 0 {
            assert_eq!(db.iterate("SELECT id FROM notes", ())?.take(20).count(), 20);
            fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO notes (id, text) VALUES (?, '')", (id,)));
        }
    }
    assert_eq!(seen, 1000);
    assert_eq!(db.fetch_val("SELECT count(*) FROM notes WHERE completed = :c", params! { c: true })?, Some(1000));
    Ok(())
}

pub(crate) fn transactions_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..200).map(|number| (number.to_string(),)))?;
    db.execute("CREATE TABLE copies (id INTEGER)", ())?;
    for row in db.iterate("SELECT id FROM notes ORDER BY id", ())? {
        let id: i64 = row?.get(0)?;
        db.transaction(|tx| tx.execute("INSERT INTO copies VALUES (?)", (id,)))?;
    }
    assert_eq!(db.fetch_val("SELECT count(*) FROM copies", ())?, Some(200));
    // The stream is over: it is everybody's turn again.
    on_another_thread(|| note(&db, "of another"))?;
    Ok(())
}

pub(crate) fn a_transaction_that_outlives_the_stream_around_it(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    t.needs(Feature::NestedStatements)?;
    let db = t.notes_with(|builder| builder.timeout(HASTE))?;
    db.set_force_rollback(Some(true));
    // With time of its own: a driver may need a round trip for each set.
    let insert = Query::new("INSERT INTO notes (text) VALUES (?)").timeout(std::time::Duration::from_secs(30));
    db.execute_many(insert, (0..5000).map(|number| (number.to_string(),)))?;
    for keep in [true, false] {
        let before = count(&db)?;
        let mut rows = db.iterate("SELECT id FROM notes ORDER BY id", ())?;
        assert!(rows.next().transpose()?.is_some());
        let tx = db.begin()?;
        note(&tx, "in the transaction")?;
        drop(rows);
        // It is open, and its owner's alone.
        std::thread::scope(|scope| fails(ErrorKind::Busy, join(scope.spawn(|| note(&db, "of another")))));
        note(&tx, "in the transaction")?;
        if keep {
            tx.commit()?
        } else {
            tx.rollback()?
        }
        on_another_thread(|| note(&db, "of another"))?;
        assert_eq!(count(&db)?, before + if keep { 3 } else { 1 });
    }
    Ok(())
}

pub(crate) fn what_was_done_between_the_rows_of_a_stream_that_ends_early(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..5000).map(|number| (number.to_string(),)))?;
    // Left by its reader.
    for (number, row) in db.iterate("SELECT id FROM notes ORDER BY id", ())?.enumerate() {
        row?;
        note(&db, "kept")?;
        if number == 1 {
            break;
        }
        db.transaction(|tx| note(tx, "kept"))?;
    }
    assert_eq!(count(&db)?, 5003);
    // Failed by itself.
    let fails_late = "SELECT CASE WHEN id = 4000 THEN abs(-9223372036854775807 - 1) ELSE id END FROM notes ORDER BY id";
    let mut rows = db.iterate(fails_late, ())?;
    assert!(rows.next().transpose()?.is_some());
    note(&db, "kept")?;
    fails(ErrorKind::InvalidValue, rows.find_map(Result::err).map_or(Ok(()), Err));
    drop(rows);
    assert_eq!(count(&db)?, 5004);
    db.transaction(|tx| note(tx, "next"))?;
    assert_eq!(count(&db)?, 5005);
    Ok(())
}
