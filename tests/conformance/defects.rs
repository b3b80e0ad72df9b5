//! What was found wrong in databasez, databases and based, one test for each: the library is free of it.

use std::sync::mpsc::channel;
use std::time::Duration;

use crate::face::prelude::*;
use pontoon::{Error, LockMode};

use crate::harness::{
    BRIEF, HASTE, Outcome, PATIENCE, Target, await_busy, count, error_of, fails, join, note, on_another_thread, signal,
    texts,
};
use crate::kit::await_that_or;
use crate::profile::Feature;

tests! {
    defects:
    a_level_that_is_in_force_already_is_a_transaction_all_the_same,
    a_query_before_a_transaction_on_a_held_connection,
    after_a_transaction_statements_stand_for_themselves,
    a_level_in_the_configuration_does_not_undo_plain_statements,
    siblings_under_force_rollback_do_not_undo_each_other,
    many_sets_neither_insert_and_fail_nor_insert_nothing,
    connecting_again_wipes_nothing,
    a_path_is_a_path_and_memory_is_no_file,
    the_default_level_is_the_database_s_own,
    a_query_inside_an_iteration_does_not_hang,
    leaving_an_iteration_leaves_the_connection_usable,
    a_timeout_covers_the_pool_and_ends_no_test,
    failures_leave_nothing_taken,
    memory_keeps_transactions_apart,
    waiting_costs_no_processor,
    connections_come_back_when_they_are_dropped,
    threads_end_with_their_database,
    positions_are_found_without_rewriting,
    batches_are_as_large_as_asked,
    what_was_done_is_told_alike,
    columns_called_like_methods,
    urls_are_changed_without_harm,
    options_mean_what_they_say,
    colons_in_strings_are_no_parameters,
    misuse_is_an_error_of_the_library,
    options_of_the_library_stay_out_of_the_name,
    a_missing_driver_is_told_from_an_unknown_one,
}

pub(crate) fn a_level_that_is_in_force_already_is_a_transaction_all_the_same(t: &Target) -> Outcome {
    let db = t.notes()?;
    // Whatever level the session is in: the same one, asked for, begins a transaction.
    for level in t.profile().levels {
        for options in [TxOptions::new().isolation(*level), TxOptions::new()] {
            db.transaction_with(&options.rollback_only(), |tx| note(tx, "undone"))?;
            let tx = db.begin_with(&options)?;
            note(&tx, "undone")?;
            tx.rollback()?;
            assert_eq!(count(&db)?, 0, "{options:?}");
        }
    }
    if t.profile().lacks(Feature::TransactionalDdl).is_some() {
        return Ok(());
    }
    let db = t.open(|builder| builder.force_rollback(true).option("isolation_level", t.profile().levels[0].name()))?;
    db.execute_script(t.profile().tables)?;
    db.set_force_rollback(Some(false));
    assert!(!db.has_table("notes")?);
    Ok(())
}

pub(crate) fn a_query_before_a_transaction_on_a_held_connection(t: &Target) -> Outcome {
    let db = t.notes()?;
    let connection = db.connection()?;
    assert_eq!(count(&connection)?, 0);
    let mut tx = connection.begin()?;
    assert_eq!(tx.depth(), 0);
    note(&tx, "one")?;
    let inner = tx.begin()?;
    assert_eq!(inner.depth(), 1);
    inner.rollback()?;
    tx.commit()?;
    assert_eq!(connection.iterate("SELECT * FROM notes", ())?.count(), 1);
    // Transaction, query, transaction: the second one counts.
    connection.transaction(|tx| note(tx, "two"))?;
    assert_eq!(count(&connection)?, 2);
    connection.transaction(|tx| note(tx, "three"))?;
    drop(connection);
    assert_eq!(texts(&db)?, ["one", "two", "three"]);
    Ok(())
}

pub(crate) fn after_a_transaction_statements_stand_for_themselves(t: &Target) -> Outcome {
    let db = t.notes()?;
    for options in t.profile().levels.iter().map(|level| TxOptions::new().isolation(*level)).chain([TxOptions::new()]) {
        let connection = db.connection()?;
        connection.transaction_with(&options, |tx| note(tx, "in the transaction"))?;
        note(&connection, "after it")?;
        // Others see it at once, not only when the connection is given back.
        assert_eq!(on_another_thread(|| count(&db))?, 2);
        drop(connection);
        assert_eq!(db.execute("DELETE FROM notes", ())?.rows_affected, 2);
    }
    Ok(())
}

pub(crate) fn a_level_in_the_configuration_does_not_undo_plain_statements(t: &Target) -> Outcome {
    for level in t.profile().levels {
        let db = t.notes_with(|builder| builder.option("isolation_level", level.name()))?;
        note(&db, "one")?;
        db.connection()?.execute("INSERT INTO notes (text) VALUES ('two')", ())?;
        db.run(|session| note(session, "three"))?;
        db.execute_many("INSERT INTO notes (text) VALUES (?)", [("four",)])?;
        std::thread::scope(|scope| {
            let _held = db.connection()?;
            assert_eq!(join(scope.spawn(|| texts(&db)))?, ["one", "two", "three", "four"]);
            Ok::<_, Error>(())
        })?;
    }
    Ok(())
}

pub(crate) fn siblings_under_force_rollback_do_not_undo_each_other(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.set_force_rollback(Some(true));
    let (begun, has_begun) = signal();
    std::thread::scope(|scope| {
        let failing = scope.spawn(|| {
            db.transaction(|tx| {
                begun.send(()).expect("the test waits");
                for _ in 0..20 {
                    note(tx, "undone")?;
                }
                Err::<(), _>(Error::new(ErrorKind::Other, "no"))
            })
        });
        has_begun.pass();
        db.transaction(|tx| note(tx, "kept"))?;
        fails(ErrorKind::Other, join(failing));
        Ok::<_, Error>(())
    })?;
    assert_eq!(texts(&db)?, ["kept"]);
    Ok(())
}

pub(crate) fn many_sets_neither_insert_and_fail_nor_insert_nothing(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = "INSERT INTO notes (text) VALUES (:text)";
    assert_eq!(db.execute_many(insert, ["a", "b"].map(|text| params! { text: text }))?, 2);
    assert_eq!(db.execute_many(insert, Vec::<pontoon::Params>::new())?, 0);
    assert_eq!(db.execute_many("INSERT INTO notes DEFAULT VALUES", Vec::<()>::new())?, 0);
    assert_eq!(texts(&db)?, ["a", "b"]);
    assert_eq!(db.execute(insert, params! { text: "c" })?.last_insert_id, t.profile().tells_key.of(3, 3));
    Ok(())
}

pub(crate) fn connecting_again_wipes_nothing(t: &Target) -> Outcome {
    t.needs(Feature::SameUrlSameData)?;
    let db = t.notes()?;
    for round in 1..=3 {
        note(&db, "kept")?;
        assert!(db.close(PATIENCE).is_clean());
        assert!(db.connect()?);
        assert_eq!(count(&db)?, round);
    }
    Ok(())
}

pub(crate) fn a_path_is_a_path_and_memory_is_no_file(t: &Target) -> Outcome {
    t.needs(Feature::File)?;
    let path = t.path("sub");
    std::fs::create_dir(&path)?;
    let path = path.join("app.db");
    let db = t.watch(Database::open(format!("sqlite:///{}", path.display()))?);
    db.execute("CREATE TABLE here (id INTEGER)", ())?;
    assert!(path.exists(), "exactly there");
    for url in ["sqlite::memory:", "sqlite://", "sqlite:///:memory:"] {
        let db = t.watch(Database::open(url)?);
        db.execute("CREATE TABLE here (id INTEGER)", ())?;
        assert!(!std::path::Path::new(":memory:").exists(), "{url}");
    }
    Ok(())
}

pub(crate) fn the_default_level_is_the_database_s_own(t: &Target) -> Outcome {
    let db = t.notes()?;
    // Nothing weaker: no dirty read.
    let tx = db.begin()?;
    note(&tx, "undone")?;
    let seen = std::thread::scope(|scope| {
        let read = || {
            let options = TxOptions::new().lock_mode(LockMode::Deferred);
            db.transaction_with(&options, |tx| {
                tx.fetch_val::<i64>(Query::new("SELECT count(*) FROM notes").timeout(BRIEF), ())
            })
        };
        join(scope.spawn(read))
    });
    assert!(!matches!(seen, Ok(Some(1..))), "{seen:?}");
    tx.rollback()?;
    // Nothing stronger: one that reads and then writes, alone, meets no conflict.
    db.transaction(|tx| {
        count(tx)?;
        note(tx, "kept")
    })?;
    Ok(())
}

pub(crate) fn a_query_inside_an_iteration_does_not_hang(t: &Target) -> Outcome {
    t.needs(Feature::NestedStatements)?;
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..100).map(|number| (number.to_string(),)))?;
    for force_rollback in [false, true] {
        let _scope = db.force_rollback_scope(force_rollback);
        let mut seen = 0;
        for row in db.iterate("SELECT id FROM notes", ())? {
            let id: i64 = row?.get(0)?;
            seen += db.fetch_val::<i64>("SELECT count(*) FROM notes WHERE id = ?", (id,))?.unwrap_or_default();
        }
        assert_eq!(seen, 100, "force_rollback {force_rollback}");
        let connection = db.connection()?;
        for row in connection.iterate("SELECT id FROM notes", ())? {
            seen -= connection
                .fetch_val::<i64>("SELECT count(*) FROM notes WHERE id = ?", (row?.get::<i64>(0)?,))?
                .unwrap_or_default();
        }
        assert_eq!(seen, 0, "force_rollback {force_rollback}");
    }
    Ok(())
}

pub(crate) fn leaving_an_iteration_leaves_the_connection_usable(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..1000).map(|number| (number.to_string(),)))?;
    for round in 0..20 {
        for (number, row) in db.iterate("SELECT id FROM notes", ())?.enumerate() {
            row?;
            if number == 20 {
                break;
            }
        }
        assert_eq!(count(&db)?, 1000 + round);
        note(&db, "one more")?;
    }
    Ok(())
}

pub(crate) fn a_timeout_covers_the_pool_and_ends_no_test(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let held = db.connection()?;
    std::thread::scope(|scope| {
        let begun = std::time::Instant::now();
        let error = error_of(join(scope.spawn(|| db.fetch_val::<i64>(Query::new("SELECT 1").timeout(BRIEF), ()))));
        assert!(matches!(error.kind(), ErrorKind::PoolTimeout | ErrorKind::Timeout), "{error:?}");
        assert!(begun.elapsed() < PATIENCE / 3, "the wait for a connection counts");
    });
    drop(held);
    db.set_force_rollback(Some(true));
    note(&db, "one")?;
    fails(ErrorKind::Timeout, db.fetch_all(Query::new(t.profile().endless).timeout(BRIEF), ()));
    fails(t.missing(ErrorKind::UndefinedTable), db.fetch_all("SELECT * FROM nowhere", ()));
    note(&db, "two")?;
    assert_eq!(texts(&db)?, ["one", "two"]);
    Ok(())
}

pub(crate) fn failures_leave_nothing_taken(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    let missing = pontoon::IsolationLevel::ALL.iter().find(|level| !t.profile().levels.contains(level));
    for _ in 0..3 {
        // A transaction that could not begin.
        if let Some(level) = missing {
            fails(ErrorKind::Unsupported, db.begin_with(&TxOptions::new().isolation(*level)));
            fails(
                ErrorKind::Unsupported,
                db.transaction_with(&TxOptions::new().isolation(*level), |tx| note(tx, "never")),
            );
        }
        await_busy(&db, 0);
        // One of another thread.
        on_another_thread(|| db.transaction(|tx| note(tx, "one")))?;
    }
    // Closed while another thread has a connection: that one is closed as well.
    let (taken, has_taken) = signal();
    let (closed, is_closed) = signal();
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let connection = db.connection()?;
            taken.send(()).expect("the test waits");
            is_closed.pass();
            fails(ErrorKind::NotConnected, note(&connection, "never"));
            Ok::<_, Error>(())
        });
        has_taken.pass();
        let report = db.close(PATIENCE);
        assert_eq!((report.cancelled, report.stuck), (0, 0), "{report:?}");
        assert!(!db.is_connected());
        closed.send(()).expect("it waits");
        join(holder)
    })?;
    assert!(db.connect()?);
    assert_eq!(db.fetch_val("SELECT 1", ())?, Some(1));
    Ok(())
}

pub(crate) fn memory_keeps_transactions_apart(t: &Target) -> Outcome {
    t.needs(Feature::SingleWriter)?;
    let db = t.notes()?;
    let (begun, has_begun) = signal();
    std::thread::scope(|scope| {
        let tx = db.begin_with(&TxOptions::new().lock_mode(LockMode::Immediate))?;
        note(&tx, "A, undone")?;
        let sibling = scope.spawn(|| {
            begun.send(()).expect("the test waits");
            db.transaction(|tx| note(tx, "B"))
        });
        has_begun.pass();
        await_busy(&db, 2);
        note(&tx, "A, undone, too")?;
        tx.rollback()?;
        join(sibling)
    })?;
    assert_eq!(texts(&db)?, ["B"]);
    Ok(())
}

/// How long the calling thread has been on a processor.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

pub(crate) fn waiting_costs_no_processor(t: &Target) -> Outcome {
    t.needs(Feature::OpensAtOnce)?;
    let wait = HASTE;
    let db = t.notes_with(|builder| builder.pool_size(1).timeout(wait).acquire_timeout(wait))?;
    let connection = db.connection()?;
    let tx = connection.begin()?;
    std::thread::scope(|scope| {
        let clone = connection.clone();
        join(scope.spawn(move || {
            let before = processor_time();
            // For the transaction of another, and for a connection.
            fails(ErrorKind::Busy, clone.begin());
            error_of(db.fetch_val::<i64>("SELECT 1", ()));
            if let (Some(before), Some(after)) = (before, processor_time()) {
                let spent = after - before;
                assert!(spent < wait / 5, "{spent:?} on a processor, of {:?} of waiting", wait * 2);
            }
        }));
    });
    tx.rollback()?;
    Ok(())
}

pub(crate) fn connections_come_back_when_they_are_dropped(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for round in 0..10 {
        let connection = db.connection()?;
        let _transaction = connection.begin()?;
        drop((connection, _transaction));
        // At once, for another thread: with one connection in all, nothing but that can serve it.
        assert_eq!(on_another_thread(|| count(&db))?, round);
        note(&db, "one")?;
    }
    assert_eq!(db.snapshot().counters.leaks, 0);
    Ok(())
}

pub(crate) fn threads_end_with_their_database(t: &Target) -> Outcome {
    let (opened, tasks) = channel();
    let opened = std::sync::Mutex::new(opened);
    let db = t
        .builder()
        .on_open(move |_| {
            let task = std::fs::read_link("/proc/thread-self").ok();
            opened.lock().expect("no panic").send(task).map_err(|_| Error::new(ErrorKind::Other, "nobody listens"))
        })
        .min_idle(3)
        .open()?;
    assert!(db.close(PATIENCE).is_clean());
    for _ in 0..3 {
        let task = tasks.recv_timeout(PATIENCE).expect("three were opened");
        if let Some(task) = task {
            let task = std::path::Path::new("/proc").join(task);
            await_that_or(|| !task.exists(), || format!("{} is still there", task.display()));
        }
    }
    Ok(())
}

pub(crate) fn positions_are_found_without_rewriting(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..6).map(|number| (number.to_string(),)))?;
    let query = "SELECT text FROM notes ORDER BY id LIMIT 4 OFFSET 1";
    let text = |row: Option<Row>| row.map(|row| row.get::<String>(0)).transpose();
    assert_eq!(text(db.fetch_nth(query, (), 1)?)?.as_deref(), Some("2"));
    assert_eq!(text(db.fetch_last(query, ())?)?.as_deref(), Some("4"));
    assert_eq!(text(db.fetch_nth(query, (), 4)?)?, None);
    assert_eq!(text(db.fetch_one("SELECT text FROM notes LIMIT 0", ())?)?, None);
    Ok(())
}

pub(crate) fn batches_are_as_large_as_asked(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..10).map(|number| (number.to_string(),)))?;
    let batches = db.batches(Query::new("SELECT * FROM notes").batch_rows(3), ())?;
    let sizes = batches.map(|rows| Ok(rows?.len())).collect::<Result<Vec<_>, Error>>()?;
    assert_eq!(sizes, [3, 3, 3, 1]);
    Ok(())
}

pub(crate) fn what_was_done_is_told_alike(t: &Target) -> Outcome {
    let db = t.notes()?;
    let done = |sql: &str| db.execute(sql, ()).map(|done| (done.rows_affected, done.last_insert_id));
    assert_eq!(done("INSERT INTO notes (text) VALUES ('a'), ('b')")?, (2, t.profile().tells_key.of(1, 2)));
    assert_eq!(done("UPDATE notes SET text = 'c'")?, (2, None));
    assert_eq!(done("SELECT * FROM notes")?, (0, None));
    assert_eq!(done("CREATE TABLE other (id INTEGER)")?, (0, None));
    assert_eq!(done("DELETE FROM notes")?, (2, None));
    assert_eq!(done("DELETE FROM notes")?, (0, None));
    Ok(())
}

pub(crate) fn columns_called_like_methods(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let row = db.fetch_one("SELECT 1 AS t, 2 AS tuple, 3 AS count, 4 AS \"index\", 5 AS len", ())?.expect("a row");
    for (name, value) in [("t", 1), ("tuple", 2), ("count", 3), ("index", 4), ("len", 5)] {
        assert_eq!(row.get::<i64>(name)?, value);
    }
    let twice = db.fetch_one("SELECT 1 AS id, 2 AS id", ())?.expect("a row");
    fails(ErrorKind::NoSuchColumn, twice.get::<i64>("id"));
    Ok(())
}

pub(crate) fn urls_are_changed_without_harm(_: &Target) -> Outcome {
    let url: pontoon::DatabaseUrl = "postgresql://us%40er:p%40ss@localhost/db".parse()?;
    let url = url.with_port(1)?.with_database("a?b#c d")?;
    assert_eq!(url.username(), Some("us@er"));
    assert_eq!(url.database(), Some("a?b#c d"));
    let again: pontoon::DatabaseUrl = url.expose().parse()?;
    assert_eq!(again, url);
    assert_eq!(again.database(), Some("a?b#c d"));
    for shown in [url.to_string(), format!("{url:?}")] {
        assert!(!shown.contains("p@ss") && !shown.contains("p%40ss"), "{shown}");
    }
    let set = std::collections::HashSet::from([url]);
    assert!(set.contains(&again));
    let no_host: pontoon::DatabaseUrl = "postgresql:///db".parse()?;
    assert!(!no_host.with_username("x")?.expose().contains("None"));
    assert!(
        crate::harness::error_of("postgresql://h:port/db".parse::<pontoon::DatabaseUrl>()).message().contains("port")
    );
    Ok(())
}

pub(crate) fn options_mean_what_they_say(t: &Target) -> Outcome {
    for (value, on) in
        [("1", true), ("true", true), ("yes", true), ("on", true), ("0", false), ("False", false), ("off", false)]
    {
        assert_eq!(t.builder().option("echo", value).build()?.config().echo(), on, "{value}");
    }
    fails(ErrorKind::Config, t.builder().option("echo", "maybe").build());
    let error = fails(ErrorKind::UnknownOption, t.builder().option("pool_sise", "3").build());
    assert!(error.message().contains("pool_size"), "{error}");
    let error = fails(ErrorKind::Config, t.builder().option("pool_size", "3").build());
    assert!(error.message().contains("twice"), "nobody has to guess which one counts: {error}");
    Ok(())
}

pub(crate) fn colons_in_strings_are_no_parameters(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let row: Option<(String, i64)> = db.fetch_one_as("SELECT ':x' /* :c */, :a + 0 -- :d", params! { a: 1 })?;
    assert_eq!(row, Some((":x".to_owned(), 1)));
    Ok(())
}

pub(crate) fn misuse_is_an_error_of_the_library(t: &Target) -> Outcome {
    let db = t.notes()?;
    // Early, with a kind, and with a text; the table of all misuses is in `misuse`.
    for error in [
        error_of(t.builder().build()?.fetch_val::<i64>("SELECT 1", ())),
        error_of(db.execute("SELECT :a", ())),
        error_of(db.execute("BEGIN", ())),
        error_of(Database::builder().build()),
    ] {
        assert!(!error.message().is_empty());
        assert_eq!(error.effect(), pontoon::Effect::NotSent, "{error:?}");
    }
    Ok(())
}

pub(crate) fn options_of_the_library_stay_out_of_the_name(t: &Target) -> Outcome {
    t.needs(Feature::File)?;
    let path = t.path("named.db");
    let url = format!("sqlite:///{}?pool_size=2&timeout=5s&cache_size=-123&echo=false", path.display());
    let db = t.watch(Database::open(url.as_str())?);
    assert_eq!(db.fetch_val("PRAGMA cache_size", ())?, Some(-123), "the driver's own gets there");
    assert_eq!((db.config().pool().size, db.config().timeout()), (2, Some(Duration::from_secs(5))));
    let names: Vec<_> = std::fs::read_dir(path.parent().expect("it has one"))?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    assert!(
        names.iter().all(|name| ["named.db", "named.db-wal", "named.db-shm"].contains(&name.as_str())),
        "{names:?}"
    );
    Ok(())
}

pub(crate) fn a_missing_driver_is_told_from_an_unknown_one(_: &Target) -> Outcome {
    let unknown = fails(ErrorKind::UnknownScheme, Database::new("nosuchthing://localhost/db"));
    assert!(
        unknown.message().contains("nosuchthing") && unknown.message().contains("sqlite"),
        "lists what there is: {unknown}"
    );
    Ok(())
}
