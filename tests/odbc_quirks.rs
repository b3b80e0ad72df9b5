//! What ODBC drivers and the driver manager do not do, and what holds all the same: servers that say nothing, a driver
//! manager that lets one call through at a time, handles that are given back in the order that ODBC wants.
#![cfg(all(feature = "odbc", unix))]

mod kit;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kit::odbc::has_driver;
use kit::servers::{Engine, MariaDb, Postgres, USER, shared};
use kit::{Canary, Folder, Probe, await_pool, case};
use pontoon::prelude::*;
use pontoon::{Database, Effect, ErrorKind, Query};

/// By how much a caller leaves late at most.
const LATE: Duration = Duration::from_millis(50);

const DRIVERS: [&str; 3] = ["PostgreSQL Unicode", "MariaDB Unicode", "FreeTDS"];

/// The time to connect is the driver's to keep, and MariaDB's does not: its worker stays behind, and nobody else.
#[test]
fn a_server_that_accepts_and_says_nothing_keeps_no_caller() {
    for driver in DRIVERS {
        if !has_driver(driver) {
            continue;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let scheme = if driver == "FreeTDS" { "mssql" } else { "odbc" };
        let url = format!("{scheme}://{USER}:x@127.0.0.1:{port}/shop?driver={}", driver.replace(' ', "+"));
        let brief = Duration::from_secs(1);
        let db = Database::builder().url(url).pool_size(1).acquire_timeout(brief).timeout(Some(brief));
        let db = db.build().unwrap_or_else(|error| panic!("{driver}: {error:?}"));
        let (probe, began) = (Probe::start(), Instant::now());
        let error = db.connect().expect_err("nobody answers");
        probe.assert_within(driver, began.elapsed().saturating_sub(brief), LATE);
        assert!(
            matches!(error.kind(), ErrorKind::PoolTimeout | ErrorKind::Timeout | ErrorKind::ConnectFailed),
            "{driver}: {error:?}"
        );
        assert_eq!(error.effect(), Effect::NotSent, "{driver}: {error:?}");
        // With the listener go the connections that it never took, and the driver comes back.
        drop(listener);
        await_pool(
            || db.snapshot(),
            "nobody connecting and nobody stuck",
            |seen| seen.stuck == 0 && seen.connecting == 0,
        );
    }
}

/// A driver that is registered with `Threading=3` is entered by one call of the process at a time: a cancel waits behind
/// the call that it is meant for, and so do all other connections. Callers leave in time all the same.
#[test]
fn a_driver_manager_that_lets_one_call_through_at_a_time_keeps_no_caller() {
    let ran = case!(|url| {
        let db = Database::builder().url(url).pool_size(2).open().expect("a database");
        let brief = Duration::from_millis(200);
        let (probe, began) = (Probe::start(), Instant::now());
        let slow = Query::new("SELECT pg_sleep(3)").timeout(brief);
        let error = db.fetch_all(slow, ()).expect_err("it takes longer");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        probe.assert_within("to leave", began.elapsed().saturating_sub(brief), LATE);
        // Another connection waits for the first one, which nobody could help; and then it goes on.
        let patient = Query::new("SELECT 1").timeout(Duration::from_secs(20));
        assert_eq!(db.fetch_val::<i64>(patient, ()).expect("in the end"), Some(1));
    });
    if !has_driver("PostgreSQL Unicode") {
        return;
    }
    let Some(server) = shared(&Postgres) else { return };
    let database = server.database();
    let folder = Folder::new();
    let drivers = pontoon::driver::odbc::drivers().expect("a driver manager");
    let known = drivers.iter().find(|driver| driver.name == "PostgreSQL Unicode").expect("it is registered");
    let file = match known.file.contains('/') {
        true => known.file.clone(),
        false => format!("/usr/lib/{}-linux-gnu/odbc/{}", std::env::consts::ARCH, known.file),
    };
    std::fs::write(folder.path("odbcinst.ini"), format!("[One at a time]\nDriver={file}\nThreading=3\n"))
        .expect("a file");
    let place = folder.path("").display().to_string();
    let url = format!(
        "odbc://{USER}:{}@127.0.0.1:{}/{}?driver=One+at+a+time&dialect=postgresql",
        Canary::in_url(),
        server.port(),
        database.name()
    );
    ran.variable("ODBCSYSINI", &place).argument(url).pass();
}

/// Statements go before their connection, connections before the environment, whoever is dropped first.
#[test]
fn what_is_dropped_in_the_wrong_order_is_given_back_in_the_right_one() {
    for (engine, driver) in [(&Postgres as &'static dyn Engine, DRIVERS[0]), (&MariaDb, DRIVERS[1])] {
        if !has_driver(driver) {
            continue;
        }
        let Some(server) = shared(engine) else { continue };
        let database = server.database();
        let (port, name) = (server.port(), database.name());
        let driver = driver.replace(' ', "+");
        let url = format!("odbc://{USER}:{}@127.0.0.1:{port}/{name}?driver={driver}", Canary::in_url());
        let db = Database::builder().url(url).pool_size(2).open().unwrap_or_else(|error| panic!("{driver}: {error:?}"));
        db.execute("CREATE TABLE held (id INTEGER)", ()).expect("a table");
        db.bulk_insert("held", &["id"], (0..5000).map(|id| (id,))).expect("rows");
        let connection = db.connection().expect("a connection");
        let mut stream = connection.iterate("SELECT id FROM held ORDER BY id", ()).expect("a stream");
        assert!(stream.next().expect("a row").is_ok());
        // The database first, with a statement that is open and a thread that goes on with it.
        let report = db.close(Duration::from_secs(5));
        drop(db);
        let rest = stream.count();
        drop(connection);
        assert!(rest < 5000, "{report:?}");
    }
}
