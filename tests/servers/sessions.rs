//! Sessions that the server ends or forgets, statements that are given up, and what the next borrower finds.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::Probe;
use crate::subject::{
    Gate, LEAVES_WITHIN, LONG, SHORT, Subject, assert_left_in_time, await_that, builder, count, fails, join,
    leaves_nothing, pool_of, session_of, start, timed, wait_for,
};

tests! { sessions:
    a_session_that_is_killed_fails_alone_and_at_once
    a_killed_transaction_is_lost_and_nothing_of_it_stays
    a_session_that_the_server_gives_up_is_replaced
    a_deadline_ends_the_statement_at_the_server_too
    a_late_cancel_never_hits_the_next_statement
    a_deadline_in_a_transaction_ends_the_transaction
    a_stream_that_is_dropped_half_way_leaves_the_connection_free
    a_stream_that_is_dropped_while_the_server_is_busy_with_it_leaves_its_transaction_as_it_was
    a_stream_that_is_dropped_ends_no_statement_that_runs_beside_it
    a_caller_that_ends_in_a_transaction_leaves_no_lock
    an_executor_that_ends_with_calls_in_flight_leaves_nothing_running
    nothing_of_a_borrower_is_there_for_the_next
}

/// Who waits for the server learns of the end of the session; the others do not.
pub(crate) fn a_session_that_is_killed_fails_alone_and_at_once(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = pool_of(2, database.url()).open().unwrap();
    let bystander = db.connection().unwrap();
    let bystanders_session = session_of(on, &bystander);
    let gate = Gate::closed(on, database.server(), database.name());
    let probe = Probe::start();
    let victim = {
        let (db, query) = (db.clone(), gate.query());
        start("victim", move || (db.fetch_all(&query, ()).map(drop), std::time::Instant::now()))
    };
    let session = i64::from(gate.wait_blocked(database.server(), 1)[0].number);
    assert_ne!(session, bystanders_session);
    let killed = std::time::Instant::now();
    on.end_session(&mut database.server().console(), session);
    let (result, at) = join(victim);
    let error = fails(&[ErrorKind::ConnectionLost], result);
    assert_ne!(error.effect(), Effect::NotSent, "{error:?}");
    probe.assert_within("the end of a session", at.saturating_duration_since(killed), LEAVES_WITHIN);
    gate.open();
    assert_eq!(session_of(on, &bystander), bystanders_session, "the bystander noticed nothing");
    drop(bystander);
    let next = join(start("next", {
        let db = db.clone();
        move || db.fetch_val::<i64>("SELECT 1", ()).unwrap()
    }));
    assert_eq!(next, Some(1));
    assert_eq!(db.snapshot().counters.discarded, 1, "{:?}", db.snapshot().counters);
    leaves_nothing(db, &database);
}

pub(crate) fn a_killed_transaction_is_lost_and_nothing_of_it_stays(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let session = session_of(on, &tx);
    on.end_session(&mut database.server().console(), session);
    await_that("the session is gone", || database.sessions().iter().all(|it| i64::from(it.number) != session));
    fails(&[ErrorKind::ConnectionLost, ErrorKind::TransactionLost], tx.execute("INSERT INTO t VALUES (2)", ()));
    // Nothing of it is on a new connection: what comes after it fails without being sent.
    fails(
        &[ErrorKind::ConnectionLost, ErrorKind::TransactionLost, ErrorKind::TransactionAborted],
        tx.execute("INSERT INTO t VALUES (3)", ()),
    );
    let error = fails(
        &[ErrorKind::ConnectionLost, ErrorKind::TransactionLost, ErrorKind::RolledBack, ErrorKind::TransactionAborted],
        tx.commit().map_err(pontoon::Error::from),
    );
    assert_ne!(error.effect(), Effect::Unknown, "nothing was committed, and that is known: {error:?}");
    assert_eq!(count(&db), 0);
    leaves_nothing(db, &database);
}

/// Servers throw out who is idle. That is no fault of the next caller's.
pub(crate) fn a_session_that_the_server_gives_up_is_replaced(on: &Subject) {
    let server =
        on.private_with(&[("idle_in_transaction_session_timeout", "200ms")], &[("idle_transaction_timeout", "1")]);
    let Some(server) = server else { return };
    let database = server.database();
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    await_that("the server has given the session up", || database.sessions().is_empty());
    let error = fails(&[ErrorKind::ConnectionLost], tx.execute("INSERT INTO t VALUES (2)", ()));
    if on.is_postgres() {
        assert_eq!((error.sqlstate(), error.effect()), (Some("25P03"), Effect::NotApplied), "{error:?}");
    }
    let after = [ErrorKind::ConnectionLost, ErrorKind::TransactionLost];
    fails(&after, tx.execute("INSERT INTO t VALUES (3)", ()));
    drop(tx);
    assert_eq!(count(&db), 0);
    assert_eq!(db.snapshot().counters.discarded, 1, "{:?}", db.snapshot().counters);
    leaves_nothing(db, &database);
}

/// The caller leaves in time, and the server does not go on for nobody.
pub(crate) fn a_deadline_ends_the_statement_at_the_server_too(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let before = session_of(on, &db);
    let gate = Gate::closed(on, database.server(), database.name());
    let probe = Probe::start();
    let (result, took) = timed(|| db.fetch_all(Query::new(gate.query()).timeout(SHORT), ()));
    fails(&[ErrorKind::Timeout], result);
    assert_left_in_time(&probe, "a statement that blocks", took, SHORT);
    gate.wait_blocked(database.server(), 0);
    assert_eq!(session_of(on, &db), before, "the connection was cancelled and is used again");
    leaves_nothing(db, &database);
}

/// A cancel comes as near to the end of its statement as can be arranged; a stray one would show in the statement that
/// follows.
pub(crate) fn a_late_cancel_never_hits_the_next_statement(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let nap = on.either("SELECT 1 FROM (SELECT pg_sleep(0.004)) AS nap", "SELECT sleep(0.004)");
    let (mut done, mut late) = (0, 0);
    for number in 0..400_u64 {
        // About the end of the nap; and now and then in the middle of it, so that a machine on which a cancel takes its time
        // has some that come in time as well.
        let timeout = Duration::from_micros(if number % 8 == 0 { 400 } else { 3600 + number % 32 * 50 });
        match db.fetch_all(Query::new(nap).timeout(timeout), ()) {
            Ok(_) => done += 1,
            Err(error) if error.kind() == ErrorKind::Timeout || error.kind() == ErrorKind::PoolTimeout => late += 1,
            Err(error) => panic!("round {number}: {error:?}"),
        }
        let sql = format!("SELECT {number}");
        let next = db.fetch_val::<u64>(&sql, ()).unwrap_or_else(|error| panic!("round {number}: {error:?}"));
        assert_eq!(next, Some(number));
    }
    assert!(late > 0, "{done} were done, {late} were late");
    leaves_nothing(db, &database);
}

pub(crate) fn a_deadline_in_a_transaction_ends_the_transaction(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let gate = Gate::closed(on, database.server(), database.name());
    let tx = db.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    fails(&[ErrorKind::Timeout], tx.fetch_all(Query::new(gate.query()).timeout(SHORT), ()));
    fails(&[ErrorKind::TransactionAborted, ErrorKind::TransactionLost], tx.execute("INSERT INTO t VALUES (2)", ()));
    let error = tx.commit().map_err(pontoon::Error::from).unwrap_err();
    assert_ne!(error.effect(), Effect::Unknown, "{error:?}");
    assert_eq!(count(&db), 0);
    gate.wait_blocked(database.server(), 0);
    leaves_nothing(db, &database);
}

/// What is left of a result is not read to its end for nobody.
pub(crate) fn a_stream_that_is_dropped_half_way_leaves_the_connection_free(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let endless = on.either(
        "SELECT repeat('x', 1000) FROM generate_series(1, 20000000)",
        "SELECT repeat('x', 1000) FROM seq_1_to_20000000",
    );
    for in_transaction in [false, true] {
        let probe = Probe::start();
        let tx = in_transaction.then(|| db.begin().unwrap());
        let first = match &tx {
            Some(tx) => tx.iterate(endless, ()).unwrap().next(),
            None => db.iterate(endless, ()).unwrap().next(),
        };
        first.unwrap().unwrap();
        let (next, took) = timed(|| {
            drop(tx);
            db.fetch_val::<i64>("SELECT 1", ()).unwrap()
        });
        assert_eq!(next, Some(1));
        // A connection that is given up is opened anew, which is more than 50 ms on no machine but a busy one.
        probe.assert_within("what follows a stream that was dropped", took, Duration::from_millis(100));
    }
    await_that("nobody reads on at the server", || {
        database
            .sessions()
            .iter()
            .all(|session| !session.statement.contains("repeat('x'") || session.state.contains("idle"))
    });
    leaves_nothing(db, &database);
}

/// The rows that come next are long in coming when their reader leaves: the server is told to stop, and nothing of the
/// transaction goes with them. With rows of a kind before them, of which the reader may have written for each.
pub(crate) fn a_stream_that_is_dropped_while_the_server_is_busy_with_it_leaves_its_transaction_as_it_was(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    for (rows, writes) in [(0, false), (40, false), (2_000, false), (2_000, true)] {
        // A server that runs one statement at a time on a connection has the others wait for the end of this one.
        let writes = writes && on.is_postgres();
        let gate = Gate::closed(on, database.server(), database.name());
        let blocks = format!("CASE WHEN n > {rows} THEN {} END", gate.call());
        let stream = on.either(
            format!("SELECT n, repeat('x', 1000), {blocks}::text FROM generate_series(1, 5000) AS s (n)"),
            format!("SELECT n, repeat('x', 1000), {blocks} FROM (SELECT seq AS n FROM seq_1_to_5000) AS s"),
        );
        let mut tx = db.begin().unwrap();
        let session = session_of(on, &tx);
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let inner = tx.begin().unwrap();
        inner.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        let mut stream = inner.iterate(&stream, ()).unwrap();
        let wanted = if rows > 100 { rows / 2 } else { rows.min(1) };
        // Long before the rows that block are read ahead, behind which nothing else can run.
        let written = if writes { 50 } else { 0 };
        for n in 1..=wanted {
            assert_eq!(stream.next().unwrap().unwrap().get::<i64>(0).unwrap(), n);
            if n <= written {
                inner.execute("INSERT INTO t VALUES (?)", (2 + n,)).unwrap();
            }
        }
        gate.wait_blocked(database.server(), 1);
        drop(stream);
        assert_eq!(count(&inner), 2 + written, "{rows} rows");
        gate.wait_blocked(database.server(), 0);
        inner.commit().unwrap();
        tx.execute("INSERT INTO t VALUES (0)", ()).unwrap();
        assert_eq!(session_of(on, &tx), session);
        tx.commit().unwrap();
        assert_eq!(count(&db), 3 + written, "{rows} rows");
        db.execute("DELETE FROM t", ()).unwrap();
    }
    leaves_nothing(db, &database);
}

/// Another caller's statement runs between two rows of it, on the same connection, when its reader leaves.
pub(crate) fn a_stream_that_is_dropped_ends_no_statement_that_runs_beside_it(on: &Subject) {
    if !on.is_postgres() {
        return;
    }
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let connection = db.connection().unwrap();
    let tx = connection.begin().unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let mut stream = tx.iterate("SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) AS s (n)", ()).unwrap();
    stream.next().unwrap().unwrap();
    let gate = Gate::closed(on, database.server(), database.name());
    let beside = {
        let (connection, query) = (connection.clone(), gate.query());
        start("beside", move || connection.fetch_all(&query, ()).map(|rows| rows.len()))
    };
    gate.wait_blocked(database.server(), 1);
    drop(stream);
    gate.open();
    assert_eq!(join(beside).unwrap(), 1);
    tx.commit().unwrap();
    assert_eq!(count(&db), 1);
    drop(connection);
    leaves_nothing(db, &database);
}

/// A thread that ends with a transaction open, by itself or by a panic, blocks nobody.
pub(crate) fn a_caller_that_ends_in_a_transaction_leaves_no_lock(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = pool_of(2, database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    for panics in [false, true] {
        let owner = {
            let db = db.clone();
            start("owner", move || {
                let tx = db.begin().unwrap();
                tx.execute("UPDATE t SET n = 2", ()).unwrap();
                assert!(!panics, "on purpose");
            })
        };
        assert_eq!(owner.join().is_err(), panics);
        db.execute("UPDATE t SET n = n + 10", ()).unwrap();
    }
    wait_for(&db, "no transaction open", |snapshot| snapshot.busy == 0);
    leaves_nothing(db, &database);
}

/// The executor goes with all of its tasks, while the server works for one of them. Threads find the database as it was.
pub(crate) fn an_executor_that_ends_with_calls_in_flight_leaves_nothing_running(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let session = session_of(on, &db);
    for in_transaction in [false, true] {
        let gate = Gate::closed(on, database.server(), database.name());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (tasks, query) = (db.to_async(), gate.query());
        runtime.spawn(async move {
            if !in_transaction {
                return tasks.fetch_all(&query, ()).await.map(drop);
            }
            let tx = tasks.begin().await?;
            tx.execute("INSERT INTO t VALUES (1)", ()).await?;
            tx.fetch_all(&query, ()).await.map(drop)
        });
        gate.wait_blocked(database.server(), 1);
        // One that waits in the queue behind it, and never gets its turn.
        let queued = db.to_async();
        runtime.spawn(async move { queued.execute("INSERT INTO t VALUES (2)", ()).await });
        wait_for(&db, "a caller that waits", |snapshot| snapshot.waiting == 1);
        drop(runtime);
        gate.wait_blocked(database.server(), 0);
        assert_eq!(count(&db), 0, "in a transaction: {in_transaction}");
        assert_eq!(session_of(on, &db), session, "the connection was cancelled and is used again");
    }
    leaves_nothing(db, &database);
}

/// Each way to leave something in a session, and how the next borrower would notice it.
pub(crate) fn nothing_of_a_borrower_is_there_for_the_next(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let lock = format!("left_{}", database.name());
    let (get_lock, is_free) = (
        format!("SELECT get_lock('{lock}', 0)"),
        format!("SELECT CAST(coalesce(is_used_lock('{lock}'), 0) AS SIGNED)"),
    );
    let postgres: &[(&str, &str)] = &[
        ("SET search_path TO pg_catalog", "SELECT current_setting('search_path')"),
        ("SET TIME ZONE 'Asia/Tokyo'", "SELECT current_setting('TimeZone')"),
        ("SET statement_timeout = 12345", "SELECT current_setting('statement_timeout')"),
        ("SET default_transaction_read_only = on", "SELECT current_setting('transaction_read_only')"),
        ("SET ROLE pg_monitor", "SELECT CAST(current_user AS TEXT)"),
        (
            "CREATE TEMPORARY TABLE left_behind (n INT)",
            "SELECT CAST(count(*) AS TEXT) FROM pg_class WHERE relname = 'left_behind'",
        ),
        (
            "SELECT pg_advisory_lock(4711)",
            "SELECT CAST(count(*) AS TEXT) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711",
        ),
        ("LISTEN left_behind", "SELECT CAST(count(*) AS TEXT) FROM pg_listening_channels()"),
        ("SELECT set_config('my.setting', 'left', false)", "SELECT coalesce(current_setting('my.setting', true), '')"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT current_setting('transaction_isolation')",
        ),
    ];
    let mariadb: &[(&str, &str)] = &[
        ("SET @left_behind = 'left'", "SELECT coalesce(@left_behind, '')"),
        ("SET SESSION sql_mode = 'ANSI'", "SELECT CAST(@@sql_mode AS CHAR)"),
        ("SET time_zone = '+09:00'", "SELECT CAST(@@time_zone AS CHAR)"),
        ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT CAST(@@tx_isolation AS CHAR)"),
        ("SET SESSION TRANSACTION READ ONLY", "SELECT CAST(@@tx_read_only AS CHAR)"),
        (
            "CREATE TEMPORARY TABLE left_behind (n INT)",
            "SELECT CAST(count(*) AS CHAR) FROM information_schema.tables WHERE table_name = 'left_behind'",
        ),
        ("USE mysql", "SELECT CAST(database() AS CHAR)"),
        (&get_lock, &is_free),
    ];
    for (dirty, look) in on.either(postgres, mariadb) {
        let db = builder(database.url()).open().unwrap();
        let seen = |db: &Database| db.fetch_one(*look, ()).unwrap().unwrap().get::<Value>(0).unwrap();
        let clean = seen(&db);
        {
            let connection = db.connection().unwrap();
            connection.execute(*dirty, ()).map(drop).or_else(|_| connection.fetch_all(*dirty, ()).map(drop)).unwrap();
        }
        let next = join(start("next", {
            let (db, look) = (db.clone(), (*look).to_owned());
            move || db.fetch_one(&look, ()).unwrap().unwrap().get::<Value>(0).unwrap()
        }));
        assert_eq!(next, clean, "after {dirty}");
        db.close(LONG);
    }
}
