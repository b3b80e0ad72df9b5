//! Servers that are killed, restarted, halted, full or read-only, and the pools that have to live through it.

use std::time::{Duration, Instant};

use pontoon::ErrorKind;
use pontoon::prelude::*;
use rustix::process::Signal;

use crate::kit::Probe;
use crate::kit::servers::Stop;
use crate::subject::{
    Gate, LEAVES_WITHIN, LONG, SHORT, Subject, TRUSTED_IDLE, assert_left_in_time, await_that, builder, count, fails,
    hasty, join, pool_of, session_of, start, timed, wait_for,
};

tests! { outages:
    a_server_that_is_killed_fails_its_callers_at_once_and_is_found_again
    a_killed_backend_of_postgres_ends_all_sessions_and_the_pool_recovers
    idle_connections_of_a_server_that_was_restarted_are_replaced_unseen
    what_one_connection_learns_of_a_restart_the_others_need_not
    callers_wait_for_a_server_that_comes_back
    a_server_that_stays_away_is_named_in_the_error
    a_halted_server_holds_nobody_past_the_deadline
    a_server_that_is_full_is_tried_again
    a_server_that_became_read_only_says_so
    a_pool_leaves_a_server_that_takes_no_writes_any_more
}

/// Kills it with a statement on its way, and with a connection idle.
pub(crate) fn a_server_that_is_killed_fails_its_callers_at_once_and_is_found_again(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    server.console().run("CREATE DATABASE kept");
    let db = pool_of(2, server.url("kept")).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    for stop in [Stop::Kill, Stop::Crash, Stop::Clean] {
        let idle = db.connection().unwrap();
        let gate = Gate::closed(on, &server, "kept");
        let victim = {
            let (db, query) = (db.clone(), gate.query());
            start("victim", move || (db.fetch_all(&query, ()).map(drop), Instant::now()))
        };
        gate.wait_blocked(&server, 1);
        drop(idle);
        let probe = Probe::start();
        server.stop(stop);
        let ended = Instant::now();
        let (result, at) = join(victim);
        // The session that keeps the gate closed may be the first to end, and the statement finds its way then.
        if result.is_err() {
            fails(&[ErrorKind::ConnectionLost], result);
        }
        probe.assert_within("the end of the server", at.saturating_duration_since(ended), LEAVES_WITHIN);
        drop(gate);
        let waiting = {
            let db = db.clone();
            start("waiting", move || db.execute("INSERT INTO t VALUES (1)", ()))
        };
        server.start_again();
        // The one that was idle when the server ended is tried without being asked first if that is not long ago. An
        // INSERT that met a dead connection is never sent a second time.
        if let Err(error) = join(waiting) {
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        }
        await_that("it works again", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
    }
    assert!(count(&db) <= 3);
    assert_eq!(db.snapshot().stuck, 0);
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn a_killed_backend_of_postgres_ends_all_sessions_and_the_pool_recovers(on: &Subject) {
    if !on.is_postgres() {
        return;
    }
    let Some(server) = on.private() else { return };
    let db = pool_of(2, server.url("postgres")).open().unwrap();
    let bystander = db.connection().unwrap();
    session_of(on, &bystander);
    let gate = Gate::closed(on, &server, "postgres");
    let victim = {
        let (db, query) = (db.clone(), gate.query());
        start("victim", move || db.fetch_all(&query, ()).map(drop))
    };
    let session = gate.wait_blocked(&server, 1)[0].number;
    server.signal(session, Signal::KILL);
    fails(&[ErrorKind::ConnectionLost], join(victim));
    // The server throws everybody out, comes back by itself, and says "starting up" in between.
    await_that("the bystander is out too", || bystander.fetch_val::<i64>("SELECT 1", ()).is_err());
    drop(bystander);
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    assert!(db.close(LONG).is_clean());
}

/// A connection that was idle for long enough to be doubted is asked before it is used; that it died is nobody's error.
pub(crate) fn idle_connections_of_a_server_that_was_restarted_are_replaced_unseen(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    let db = pool_of(3, server.url(on.either("postgres", "mysql"))).open().unwrap();
    let held: Vec<_> = (0..3)
        .map(|_| {
            let db = db.clone();
            start("holder", move || {
                let connection = db.connection().unwrap();
                connection.fetch_val::<i64>("SELECT 1", ()).unwrap();
                std::sync::Arc::new(connection)
            })
        })
        .collect();
    drop(held.into_iter().map(join).collect::<Vec<_>>());
    let idle_since = Instant::now();
    let idle = wait_for(&db, "nobody", |snapshot| snapshot.busy == 0).idle;
    assert!(idle >= 1);
    server.restart(Stop::Clean);
    // Time itself is what this is about.
    std::thread::sleep((TRUSTED_IDLE + Duration::from_millis(100)).saturating_sub(idle_since.elapsed()));
    for number in 0..3 {
        let connection = db.connection().unwrap();
        assert_eq!(connection.fetch_val::<i64>(&format!("SELECT {number}"), ()).unwrap(), Some(number));
    }
    assert!(db.close(LONG).is_clean());
}

/// So many connections, all of them idle and none for so long that it would be doubted.
fn filled(db: &Database, size: usize) {
    let held: Vec<_> = (0..size)
        .map(|_| {
            let db = db.clone();
            join(start("holder", move || std::sync::Arc::new(db.connection().unwrap())))
        })
        .collect();
    let used: Vec<_> = held.iter().map(|connection| connection.fetch_val::<i64>("SELECT 1", ()).unwrap()).collect();
    assert_eq!(used.len(), size);
    drop(held);
    wait_for(db, "all of them idle", |snapshot| snapshot.idle == size);
}

/// The first that breaks is somebody's error. The others were idle, and are asked before they are used.
pub(crate) fn what_one_connection_learns_of_a_restart_the_others_need_not(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    let db = pool_of(4, server.url(on.either("postgres", "mysql"))).open().unwrap();
    for _ in 0..3 {
        filled(&db, 4);
        server.restart(Stop::Clean);
        let mut failed = 0;
        for _ in 0..6 {
            let connection = db.connection().unwrap();
            if let Err(error) = connection.fetch_val::<i64>("SELECT 1", ()) {
                assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
                failed += 1;
            }
        }
        assert!(failed <= 1, "{failed} callers met a connection that was known to be dead: {}", db.snapshot());
    }
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn callers_wait_for_a_server_that_comes_back(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    let db = pool_of(4, server.url(on.either("postgres", "mysql"))).build().unwrap();
    server.stop(Stop::Clean);
    db.connect_lazy().unwrap();
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let db = db.clone();
            start("caller", move || db.fetch_val::<i64>(&format!("SELECT {number}"), ()))
        })
        .collect();
    await_that("connecting has failed", || db.snapshot().counters.connect_failures > 0);
    server.start_again();
    for (number, caller) in callers.into_iter().enumerate() {
        assert_eq!(join(caller).unwrap(), Some(number as i64));
    }
    assert!(db.snapshot().connections.len() <= 4);
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn a_server_that_stays_away_is_named_in_the_error(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    let db = hasty(SHORT, server.url(on.either("postgres", "mysql"))).build().unwrap();
    server.stop(Stop::Clean);
    db.connect_lazy().unwrap();
    let probe = Probe::start();
    let (result, took) = timed(|| db.fetch_val::<i64>("SELECT 1", ()));
    let error = fails(&[ErrorKind::PoolTimeout], result);
    // It may leave earlier than its deadline when a pause before the next attempt would end after it.
    probe.assert_within("who waits for a server that is away", took.saturating_sub(SHORT), LEAVES_WITHIN);
    let text = error.to_string();
    assert!(text.contains("refused") && text.contains(&server.port().to_string()), "{text}");
    assert!(db.close(LONG).is_clean());
}

/// A server that is halted answers nothing, not even a cancel. The caller leaves, the connection is cut, and when the
/// server goes on everything does.
pub(crate) fn a_halted_server_holds_nobody_past_the_deadline(on: &Subject) {
    let Some(server) = on.private() else { return };
    server.console().run("CREATE DATABASE kept");
    let db = pool_of(2, server.url("kept")).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    for in_transaction in [false, true] {
        let gate = Gate::closed(on, &server, "kept");
        let probe = Probe::start();
        let query = Query::new(gate.query()).timeout(Duration::from_millis(400)).into_owned();
        let victim = {
            let db = db.clone();
            start("victim", move || {
                if !in_transaction {
                    return timed(|| db.fetch_all(&query, ()).map(drop));
                }
                let tx = db.begin().unwrap();
                tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
                timed(|| tx.fetch_all(&query, ()).map(drop))
            })
        };
        gate.wait_blocked(&server, 1);
        server.freeze();
        let (result, took) = join(victim);
        fails(&[ErrorKind::Timeout], result);
        assert_left_in_time(&probe, "a statement on a halted server", took, Duration::from_millis(400));
        // Whoever comes now has a deadline as well.
        let (result, took) = timed(|| db.fetch_val::<i64>(Query::new("SELECT 1").timeout(SHORT), ()));
        fails(&[ErrorKind::Timeout, ErrorKind::PoolTimeout], result);
        assert_left_in_time(&probe, "a caller that comes to a halted server", took, SHORT);
        server.thaw();
        drop(gate);
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        await_that("nothing is stuck", || db.snapshot().stuck == 0);
    }
    assert_eq!(count(&db), 0);
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn a_server_that_is_full_is_tried_again(on: &Subject) {
    let server = on.private_with(
        &[("max_connections", "5"), ("superuser_reserved_connections", "0"), ("max_wal_senders", "0")],
        &[("max-connections", "10")],
    );
    let Some(server) = server else { return };
    let database = on.either("postgres", "mysql");
    // Whatever room there is, other sessions take it.
    let mut others = Vec::new();
    loop {
        let mut other = server.new_console(None);
        if other.try_run("SELECT 1").is_err() {
            break;
        }
        others.push(other);
        assert!(others.len() < 100, "the server does not get full");
    }
    let db = hasty(SHORT, server.url(database)).build().unwrap();
    db.connect_lazy().unwrap();
    let error = fails(&[ErrorKind::PoolTimeout], db.fetch_val::<i64>("SELECT 1", ()));
    let text = error.to_string().to_ascii_lowercase();
    assert!(text.contains("too many") || text.contains("no more connections"), "{text}");
    let patient = builder(server.url(database)).build().unwrap();
    patient.connect_lazy().unwrap();
    let waiting = {
        let patient = patient.clone();
        start("patient", move || patient.fetch_val::<i64>("SELECT 1", ()))
    };
    await_that("it was sent away", || patient.snapshot().counters.connect_failures > 0);
    others.truncate(others.len() - 2);
    assert_eq!(join(waiting).unwrap(), Some(1));
    assert!(db.close(LONG).is_clean());
    assert!(patient.close(LONG).is_clean());
}

/// As after a failover, when the old primary lives on as a standby.
pub(crate) fn a_server_that_became_read_only_says_so(on: &Subject) {
    let Some(mut server) = on.private() else { return };
    server.console().run("CREATE DATABASE kept");
    let db = builder(server.url("kept")).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    if on.is_postgres() {
        server.configure(&[("default_transaction_read_only", "on")]);
        server.restart(Stop::Clean);
        await_that("it serves", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
        fails(&[ErrorKind::ReadOnly], db.execute("INSERT INTO t VALUES (1)", ()));
    } else {
        // The user of the tests may do everything, also write to a server that is read-only.
        let sql = "CREATE USER plain@'%'; GRANT SELECT, INSERT ON kept.* TO plain@'%'; SET GLOBAL read_only = 1";
        for sql in sql.split(';') {
            server.console().run(sql);
        }
        let url = format!("mariadb://plain@127.0.0.1:{}/kept", server.port());
        let plain = builder(url).open().unwrap();
        fails(&[ErrorKind::ReadOnly], plain.execute("INSERT INTO t VALUES (1)", ()));
        assert!(plain.close(LONG).is_clean());
    }
    assert_eq!(count(&db), 0);
    assert!(db.close(LONG).is_clean());
}

/// One refused write is enough: the connections are replaced, and the new ones find the server that takes it. A caller who
/// asked for a transaction that only reads learns nothing of the server by it.
pub(crate) fn a_pool_leaves_a_server_that_takes_no_writes_any_more(on: &Subject) {
    let (Some(mut first), Some(second)) = (on.private(), on.private()) else { return };
    for server in [&first, &second] {
        server.console().run("CREATE DATABASE kept");
        server.new_console(Some("kept")).run("CREATE TABLE t (n BIGINT)");
        if on.is_mariadb() {
            server.console().run("CREATE USER plain@'%'");
            server.console().run("GRANT SELECT, INSERT ON kept.* TO plain@'%'");
        }
    }
    // Where the writes are to go is said by a proxy, as a name or a balancer would.
    let proxy = first.proxy();
    let url = match on.is_postgres() {
        true => first.url_at(proxy.port(), "kept"),
        false => format!("mariadb://plain@127.0.0.1:{}/kept", proxy.port()),
    };
    let db = pool_of(3, url).open().unwrap();
    filled(&db, 3);
    let generation = db.snapshot().generation;
    let reading = db.transaction_with(&TxOptions::new().read_only(), |tx| tx.execute("INSERT INTO t VALUES (0)", ()));
    fails(&[ErrorKind::ReadOnly], reading);
    assert_eq!(db.snapshot().generation, generation, "that was no news of the server");
    if on.is_postgres() {
        first.configure(&[("default_transaction_read_only", "on")]);
        first.reload();
    } else {
        first.console().run("SET GLOBAL read_only = 1");
    }
    proxy.redirect(second.port());
    // A session hears of it between two of its statements, not all at the same time.
    await_that("a write is refused", || match db.execute("INSERT INTO t VALUES (1)", ()) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error:?}");
            true
        }
    });
    for _ in 0..3 {
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    }
    assert_eq!(db.snapshot().generation, generation + 1);
    assert_eq!(second.new_console(Some("kept")).value("SELECT count(*) FROM t"), "3");
    assert!(db.close(LONG).is_clean());
}
