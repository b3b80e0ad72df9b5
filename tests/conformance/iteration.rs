//! Streams: batches, what runs between the rows, ends before the end.

use std::time::Duration;

use crate::face::prelude::*;
use pontoon::{Error, Result};

use crate::harness::{HASTE, Outcome, PATIENCE, Target, await_busy, count, fails, join, note};
use crate::profile::Feature;

tests! {
    iteration:
    outside_a_transaction,
    a_temporary_table,
    sizes_of_batches,
    batches_that_grow,
    the_connection_after_a_stream,
    a_stream_dropped_early,
    a_stream_that_is_never_read,
    an_endless_stream_dropped,
    queries_between_the_rows,
    nested_to_depth_three,
    transactions_between_the_rows,
    updates_between_the_rows,
    a_stream_across_a_commit,
    an_error_of_a_nested_statement,
    an_error_in_the_middle,
    an_error_at_the_start,
    inside_a_transaction,
    dropped_inside_a_transaction,
    two_streams_by_turns,
    two_short_streams_by_turns,
    another_thread_between_the_rows,
    a_slow_reader,
    handles_that_go_before_their_stream,
}

fn filled(t: &Target, rows: i64) -> Result<Database> {
    let db = t.notes()?;
    // With time of its own: a driver may need a round trip for each set.
    let insert = Query::new("INSERT INTO notes (text) VALUES (?)").timeout(PATIENCE * 2);
    db.execute_many(insert, (1..=rows).map(|number| (format!("note {number}"),)))?;
    Ok(db)
}

const IN_ORDER: &str = "SELECT id, text FROM notes ORDER BY id";

pub(crate) fn outside_a_transaction(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let query = "WITH v (i) AS (VALUES (1), (2), (3), (4), (5)) SELECT i FROM v WHERE i > :i";
    let all = db.iterate(query, params! { i: 0 })?.map(|row| row?.get(0)).collect::<Result<Vec<i64>>>()?;
    assert_eq!(all, [1, 2, 3, 4, 5]);
    Ok(())
}

pub(crate) fn a_temporary_table(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let connection = db.connection()?;
    connection.execute("CREATE TEMPORARY TABLE passing (i INTEGER)", ())?;
    connection.execute_many("INSERT INTO passing VALUES (?)", (1..=5).map(|i| (i,)))?;
    assert_eq!(connection.iterate("SELECT i FROM passing", ())?.count(), 5);
    // It is the caller's connection that the database uses, too.
    assert_eq!(db.iterate("SELECT i FROM passing", ())?.count(), 5);
    drop(connection);
    // Whoever gets that connection next finds nothing of it.
    for _ in 0..8 {
        fails(t.missing(ErrorKind::UndefinedTable), db.fetch_all("SELECT i FROM passing", ()));
    }
    Ok(())
}

pub(crate) fn sizes_of_batches(t: &Target) -> Outcome {
    let db = filled(t, 10)?;
    for (size, expected) in [
        (1, vec![1; 10]),
        (3, vec![3, 3, 3, 1]),
        (5, vec![5, 5]),
        (9, vec![9, 1]),
        (10, vec![10]),
        (11, vec![10]),
        // Zero is taken as one.
        (0, vec![1; 10]),
    ] {
        let query = Query::new(IN_ORDER).batch_rows(size);
        let sizes = db.batches(&query, ())?.map(|rows| Ok(rows?.len())).collect::<Result<Vec<_>>>()?;
        assert_eq!(sizes, expected, "batches of {size}");
        assert_eq!(db.iterate(&query, ())?.count(), 10, "row by row");
    }
    let ids = db.batches(Query::new(IN_ORDER).batch_rows(4), ())?;
    let ids = ids.map(|rows| rows?.column(0)).collect::<Result<Vec<Vec<i64>>>>()?;
    assert_eq!(ids, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10]]);
    Ok(())
}

pub(crate) fn batches_that_grow(t: &Target) -> Outcome {
    let db = filled(t, 3000)?;
    let sizes = db.batches(IN_ORDER, ())?.map(|rows| Ok(rows?.len())).collect::<Result<Vec<_>>>()?;
    assert_eq!(sizes.iter().sum::<usize>(), 3000);
    assert_eq!(sizes[..6], [16, 32, 64, 128, 256, 512]);
    assert!(sizes.iter().all(|size| *size <= 512), "{sizes:?}");
    Ok(())
}

pub(crate) fn the_connection_after_a_stream(t: &Target) -> Outcome {
    let db = filled(t, 3)?;
    let connection = db.connection()?;
    for size in [1, 2, 100] {
        let query = Query::new(IN_ORDER).batch_rows(size);
        assert_eq!(connection.iterate(&query, ())?.count(), 3);
        assert_eq!(count(&connection)?, 3);
        assert_eq!(connection.batches(&query, ())?.count(), 3_usize.div_ceil(size));
        assert_eq!(count(&connection)?, 3);
        connection.transaction(|tx| tx.execute("UPDATE notes SET completed = :c", params! { c: true }))?;
    }
    Ok(())
}

pub(crate) fn a_stream_dropped_early(t: &Target) -> Outcome {
    let db = filled(t, 3000)?;
    let connection = db.connection()?;
    for read in [0, 1, 20, 2999] {
        let mut rows = connection.iterate(IN_ORDER, ())?;
        for _ in 0..read {
            assert!(rows.next().transpose()?.is_some());
        }
        drop(rows);
        note(&connection, "after")?;
        connection.transaction(|tx| note(tx, "in a transaction"))?;
    }
    for (number, rows) in connection.batches(IN_ORDER, ())?.enumerate() {
        rows?;
        if number == 2 {
            break;
        }
    }
    assert_eq!(count(&connection)?, 3008);
    Ok(())
}

pub(crate) fn a_stream_that_is_never_read(t: &Target) -> Outcome {
    let db = filled(t, 3000)?;
    let rows = db.iterate(IN_ORDER, ())?;
    await_busy(&db, 1);
    drop(rows);
    drop(db.batches("SELECT * FROM nowhere", ()));
    assert_eq!(count(&db)?, 3000);
    Ok(())
}

pub(crate) fn an_endless_stream_dropped(t: &Target) -> Outcome {
    t.needs(Feature::EndlessStreams)?;
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut rows = db.iterate(endless, ())?;
    for expected in 1..=1000_i64 {
        assert_eq!(rows.next().expect("there are more")?.get::<i64>(0)?, expected);
    }
    drop(rows);
    // The one connection is free, and fit for use.
    note(&db, "one")?;
    assert_eq!(count(&db)?, 1);
    Ok(())
}

pub(crate) fn queries_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 2000)?;
    let connection = db.connection()?;
    let mut seen = 0_i64;
    for row in connection.iterate(IN_ORDER, ())? {
        seen += 1;
        let id: i64 = row?.get("id")?;
        // By the handle, and by the database, which uses the caller's connection.
        let text: Option<String> = connection.fetch_val("SELECT text FROM notes WHERE id = ?", (id,))?;
        assert_eq!(text, Some(format!("note {seen}")));
        if seen % 100 == 0 {
            assert_eq!(count(&db)?, 2000);
            await_busy(&db, 1);
        }
    }
    assert_eq!(seen, 2000);
    Ok(())
}

pub(crate) fn nested_to_depth_three(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 40)?;
    db.execute("CREATE TABLE seen (a INTEGER, b INTEGER, c INTEGER)", ())?;
    let connection = db.connection()?;
    let above = "SELECT id FROM notes WHERE id > :id ORDER BY id LIMIT 20";
    let get = |row: Result<Row>| row?.get::<i64>(0);
    for a in connection.iterate(above, params! { id: 0 })? {
        let a = get(a)?;
        for b in connection.iterate(above, params! { id: a })?.take(3) {
            let b = get(b)?;
            for c in connection.batches(Query::new(above).batch_rows(2), params! { id: b })?.take(2) {
                for c in c?.column::<i64>(0)? {
                    connection.execute("INSERT INTO seen VALUES (?, ?, ?)", (a, b, c))?;
                }
            }
        }
    }
    let seen: Option<(i64, i64, i64)> =
        connection.fetch_one_as("SELECT count(*), sum(b - a), sum(c - b) FROM seen", ())?;
    // Three for each of the twenty, four for each of those.
    assert_eq!(seen, Some((240, 20 * 4 * (1 + 2 + 3), 60 * (1 + 2 + 3 + 4))));
    Ok(())
}

pub(crate) fn transactions_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 300)?;
    db.execute("CREATE TABLE copies (id INTEGER, text TEXT)", ())?;
    let connection = db.connection()?;
    let mut stop = 0;
    for row in connection.iterate(IN_ORDER, ())? {
        let (id, text): (i64, String) = row?.decode()?;
        stop += 1;
        connection.transaction(|tx| {
            tx.execute("INSERT INTO copies VALUES (?, ?)", (id, &text))?;
            let inner = tx.begin()?;
            inner.execute("DELETE FROM copies", ())?;
            inner.rollback()
        })?;
    }
    assert_eq!(stop, 300);
    assert_eq!(db.fetch_val("SELECT count(*) FROM copies", ())?, Some(300));
    Ok(())
}

pub(crate) fn updates_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 5000)?;
    let mut rows = 0_u64;
    let connection = db.connection()?;
    for (number, row) in connection.iterate("SELECT id FROM notes ORDER BY id", ())?.enumerate() {
        let id: i64 = row?.get(0)?;
        // Each is a transaction of its own, whose commit a file waits for.
        if number % 8 == 0 {
            let done = connection.execute("UPDATE notes SET completed = :c WHERE id = :id", params! { c: true, id })?;
            rows += done.rows_affected;
        }
    }
    assert_eq!(rows, 625);
    assert_eq!(db.fetch_val("SELECT count(*) FROM notes WHERE completed = :c", params! { c: true })?, Some(625));
    Ok(())
}

pub(crate) fn a_stream_across_a_commit(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 2000)?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    note(&tx, "last")?;
    let mut rows = connection.iterate(IN_ORDER, ())?;
    assert!(rows.next().transpose()?.is_some());
    tx.commit()?;
    // It is the database's own rule whether a stream outlives its transaction; either it ends with an error or it is whole.
    match rows.collect::<Result<Vec<_>>>() {
        Ok(rest) => assert_eq!(rest.len(), 2000),
        Err(error) => assert!(!error.message().is_empty()),
    }
    assert_eq!(count(&db)?, 2001);
    Ok(())
}

pub(crate) fn an_error_of_a_nested_statement(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 1000)?;
    let connection = db.connection()?;
    let mut seen = 0;
    for row in connection.iterate(IN_ORDER, ())? {
        let id: i64 = row?.get(0)?;
        seen += 1;
        fails(ErrorKind::UniqueViolation, connection.execute("INSERT INTO notes (id, text) VALUES (?, '')", (id,)));
    }
    assert_eq!(seen, 1000, "the stream does not mind");
    Ok(())
}

pub(crate) fn an_error_in_the_middle(t: &Target) -> Outcome {
    let db = filled(t, 1000)?;
    let query = "SELECT CASE WHEN id = 700 THEN abs(-9223372036854775807 - 1) ELSE id END FROM notes ORDER BY id";
    let mut rows = db.iterate(query, ())?;
    let mut seen = 0;
    let error = loop {
        match rows.next().expect("the error comes first") {
            Ok(row) => {
                seen += 1;
                assert_eq!(row.get::<i64>(0)?, seen);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:?}");
    assert!(seen < 700);
    assert!(rows.next().is_none(), "after an error it is at its end");
    drop(rows);
    let mut batches = db.batches(query, ())?;
    fails(ErrorKind::InvalidValue, batches.by_ref().collect::<Result<Vec<_>>>());
    assert!(batches.next().is_none());
    drop(batches);
    assert_eq!(count(&db)?, 1000);
    Ok(())
}

pub(crate) fn an_error_at_the_start(t: &Target) -> Outcome {
    let db = t.notes()?;
    let first = |query: &str| db.iterate(query, ()).and_then(|mut rows| rows.next().transpose());
    fails(t.missing(ErrorKind::UndefinedTable), first("SELECT * FROM nowhere"));
    fails(ErrorKind::Syntax, first("SELECT FROM"));
    fails(ErrorKind::TransactionVerb, first("COMMIT"));
    fails(ErrorKind::Parameter, first("SELECT :a"));
    fails(ErrorKind::Parameter, db.batches("SELECT :a", params! { b: 1 }).and_then(|mut rows| rows.next().transpose()));
    note(&db, "one")?;
    Ok(())
}

pub(crate) fn inside_a_transaction(t: &Target) -> Outcome {
    let db = filled(t, 100)?;
    let tx = db.begin()?;
    note(&tx, "inside")?;
    assert_eq!(tx.iterate(IN_ORDER, ())?.count(), 101, "sees what is not committed");
    assert_eq!(db.iterate(IN_ORDER, ())?.count(), 101, "by the database, too");
    let mut rows = tx.iterate(IN_ORDER, ())?;
    assert!(rows.next().transpose()?.is_some());
    drop(rows);
    tx.rollback()?;
    assert_eq!(db.iterate(IN_ORDER, ())?.count(), 100);
    Ok(())
}

pub(crate) fn dropped_inside_a_transaction(t: &Target) -> Outcome {
    t.needs(Feature::LeftReadKeepsTransaction)?;
    let db = filled(t, 3000)?;
    for query in [IN_ORDER, t.profile().endless] {
        let tx = db.begin()?;
        note(&tx, "before")?;
        for read in [0, 1, 20] {
            // Whether rows are on their way or none has come yet: to leave is no failure, and ends nothing but the stream.
            let mut rows = tx.iterate(query, ())?;
            for _ in 0..read {
                if query == IN_ORDER {
                    assert!(rows.next().transpose()?.is_some());
                }
            }
            drop(rows);
            note(&tx, "after")?;
        }
        tx.commit()?;
    }
    assert_eq!(count(&db)?, 3008);
    Ok(())
}

pub(crate) fn two_streams_by_turns(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = filled(t, 20_000)?;
    // By their texts: a server may leave gaps between the numbers that it gives to many rows at once.
    let query = || Query::new("SELECT text FROM notes ORDER BY id").timeout(PATIENCE / 3);
    let mut pairs = 0_i64;
    for (one, two) in db.iterate(query(), ())?.zip(db.iterate(query(), ())?) {
        pairs += 1;
        let text = format!("note {pairs}");
        assert_eq!((one?.get::<String>(0)?, two?.get::<String>(0)?), (text.clone(), text));
    }
    assert_eq!(pairs, 20_000);
    Ok(())
}

pub(crate) fn two_short_streams_by_turns(t: &Target) -> Outcome {
    let db = filled(t, 2000)?;
    let mut first = db.iterate(IN_ORDER, ())?;
    let mut second = db.iterate("SELECT text FROM notes ORDER BY id DESC", ())?;
    for number in 1..=1000_i64 {
        assert_eq!(first.next().expect("a row")?.get::<String>(1)?, format!("note {number}"));
        assert_eq!(second.next().expect("a row")?.get::<String>(0)?, format!("note {}", 2001 - number));
    }
    await_busy(&db, 2);
    drop(first);
    assert_eq!(second.count(), 1000);
    Ok(())
}

pub(crate) fn another_thread_between_the_rows(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = filled(t, 2000)?;
    let connection = db.connection()?;
    let mut rows = connection.iterate(IN_ORDER, ())?;
    assert!(rows.next().transpose()?.is_some());
    std::thread::scope(|scope| {
        let other = connection.clone();
        join(scope.spawn(move || note(&other, "of another thread")))
    })?;
    assert!(rows.count() >= 1999);
    assert_eq!(count(&db)?, 2001);
    Ok(())
}

pub(crate) fn a_slow_reader(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let db = filled(t, 3000)?;
    // The timeout is for each batch, and never for the reader: this one takes longer than that in all.
    let query = Query::new(IN_ORDER).timeout(HASTE).batch_rows(1000);
    let mut seen = 0;
    for rows in db.batches(query, ())? {
        seen += rows?.len();
        // Not to wait for anything: to let time pass.
        std::thread::sleep(HASTE + Duration::from_millis(20));
    }
    assert_eq!(seen, 3000);
    Ok(())
}

pub(crate) fn handles_that_go_before_their_stream(t: &Target) -> Outcome {
    let db = filled(t, 2000)?;
    let rows = {
        let connection = db.connection()?;
        let query = Query::new(IN_ORDER).batch_rows(7);
        let rows = connection.batches(query, ())?;
        let rows = rows.map(|rows| Ok::<_, Error>(rows?.len())).sum::<Result<usize>>()?;
        // Other handles of the connection come and go.
        drop(connection.clone());
        rows
    };
    assert_eq!(rows, 2000);
    assert_eq!(count(&db)?, 2000);
    Ok(())
}
