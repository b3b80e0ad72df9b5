//! The wire: cancels, servers that do not answer, and what is none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pontoon::config::Config;
use pontoon::driver::postgres::Postgres;
use pontoon::driver::{Call, Driver, Fence};
use pontoon::prelude::*;
use pontoon::{ErrorKind, Query};
use rustix::process::Signal;

use crate::kit::{Canary, Probe};
use crate::{open, server};

/// Cancels that come as late as they can: while a statement ends by itself. None of them may hit a later one.
#[test]
fn a_cancel_never_hits_a_later_statement() {
    const ROUNDS: usize = 1000;
    let database = server!().database();
    let config = Config::from_url(database.url(), Postgres.schemes()).unwrap();
    let call = Call::until(None);
    let mut link = Postgres.open(&config).unwrap().connect(&call).unwrap();
    let handle = link.handle();
    let (mut hit, mut stray) = (0, 0);
    std::thread::scope(|scope| {
        for round in 0..ROUNDS {
            let handle = &handle;
            // From long before the end of the statement to long after it.
            let wait = Duration::from_micros((round as u64 * 7) % 400);
            let canceller = scope.spawn(move || {
                let begun = Instant::now();
                while begun.elapsed() < wait {
                    std::hint::spin_loop();
                }
                handle.cancel(Instant::now() + Duration::from_secs(10))
            });
            hit += usize::from(link.batch(&call, "SELECT count(*) FROM generate_series(1, 1000)").is_err());
            assert_eq!(canceller.join().expect("no panic"), Fence::Fenced);
            // Three that come later.
            stray += (0..3).filter(|_| link.batch(&call, "SELECT 1").is_err()).count();
        }
    });
    assert_eq!(stray, 0, "{hit} of {ROUNDS} cancels hit the statement they were meant for");
}

#[test]
fn a_backend_that_is_stopped_costs_its_connection_and_nothing_else() {
    let server = server!();
    let database = server.database();
    let db = open(&database, "");
    let connection = db.connection().unwrap();
    let backend: i64 = connection.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let backend = rustix::process::Pid::from_raw(i32::try_from(backend).expect("a process")).expect("a process");
    rustix::process::kill_process(backend, Signal::STOP).unwrap();
    let limit = Duration::from_millis(300);
    let probe = Probe::start();
    let begun = Instant::now();
    let error = connection.fetch_all(Query::new("SELECT 1").timeout(limit), ()).unwrap_err();
    probe.assert_within("leaving a server that does not answer", begun.elapsed() - limit, Duration::from_millis(50));
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    drop(connection);
    // Cut from this side, its worker is free again although the backend still stands.
    let patience = Instant::now() + Duration::from_secs(20);
    while db.snapshot().stuck > 0 || db.snapshot().busy > 0 {
        assert!(Instant::now() < patience, "{}", db.snapshot());
        std::thread::yield_now();
    }
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    rustix::process::kill_process(backend, Signal::CONT).unwrap();
    assert_eq!(db.close(Duration::from_secs(10)).stuck, 0);
}

/// A server that is none: does with a connection what it is told, for as many as come.
fn pretender(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut first = [0; 1024];
            let length = stream.read(&mut first).unwrap_or(0);
            if first[..length].starts_with(b"stop") {
                return;
            }
            answer(&mut stream);
        }
    });
    (port, thread)
}

fn dismiss((port, thread): (u16, JoinHandle<()>)) {
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens").write_all(b"stop").expect("it reads");
    thread.join().expect("no panic");
}

#[test]
fn what_is_no_server_ends_the_connecting_in_time_and_with_a_reason() {
    let limit = Duration::from_millis(400);
    let read_on = |stream: &mut std::net::TcpStream| {
        let mut rest = [0; 1024];
        // Until the other side has enough.
        while stream.read(&mut rest).is_ok_and(|length| length > 0) {}
    };
    let deaf = pretender(read_on);
    let http = pretender(|stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let huge = pretender(move |stream| {
        let _ = stream.write_all(&[b'R', 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        read_on(stream);
    });
    let hangs_up = pretender(|_| {});
    let asks_for_more = pretender(move |stream| {
        let _ = stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0]);
        read_on(stream);
    });
    for (pretender, mode, says) in [
        (&deaf, "disable", "in time"),
        (&deaf, "require", "in time"),
        (&http, "disable", "does not speak"),
        (&http, "require", "none that a PostgreSQL server gives"),
        (&huge, "disable", "does not speak"),
        (&hangs_up, "disable", "closed"),
        (&asks_for_more, "disable", "in time"),
    ] {
        let url = format!("postgresql://app:{}@127.0.0.1:{}/x?sslmode={mode}", Canary::in_url(), pretender.0);
        let builder = Database::builder().url(url).acquire_timeout(limit);
        let probe = Probe::start();
        let begun = Instant::now();
        let error = builder.open().unwrap_err();
        probe.assert_within(says, begun.elapsed().saturating_sub(limit), Duration::from_millis(50));
        assert_eq!(error.effect(), pontoon::Effect::NotSent);
        let told = format!("{error} {error:?}");
        assert!(told.contains(says), "{mode}: {told}");
        assert!(!told.contains(Canary::SECRET));
    }
    for pretender in [deaf, http, huge, hangs_up, asks_for_more] {
        dismiss(pretender);
    }
}

/// On this machine and on another one, with TLS that was preferred and not to be had, and with what would allow it here.
#[test]
fn a_password_is_not_sent_in_clear_to_whoever_asks_for_it() {
    let (tell, told) = std::sync::mpsc::channel();
    let asked_for_tls = std::cell::Cell::new(false);
    let rogue = pretender(move |stream| {
        // Who prefers TLS asks for it first and then tries without. Then AuthenticationCleartextPassword.
        if !asked_for_tls.replace(!asked_for_tls.get()) {
            let _ = stream.write_all(b"N");
        }
        let _ = stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
        let mut heard = Vec::new();
        let mut rest = [0; 1024];
        while let Ok(length) = stream.read(&mut rest) {
            if length == 0 {
                break;
            }
            heard.extend_from_slice(&rest[..length]);
        }
        tell.send(heard).expect("the test waits");
    });
    let (tell_plain, told_plain) = std::sync::mpsc::channel();
    let plain = pretender(move |stream| {
        let _ = stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        tell_plain.send(heard).expect("the test waits");
    });
    for (host, mode, port) in [
        ("127.0.0.1", "disable", plain.0),
        // This machine, by an address that could be any.
        ("0.0.0.0", "disable", plain.0),
        ("0.0.0.0", "disable&cleartext_password=true", plain.0),
        ("127.0.0.1", "prefer", rogue.0),
        ("0.0.0.0", "prefer&cleartext_password=true", rogue.0),
    ] {
        let url = format!("postgresql://app:{}@{host}:{port}/x?sslmode={mode}&acquire_timeout=5s", Canary::in_url());
        let error = Database::open(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{host} {mode}: {error:?}");
        assert!(error.message().contains("password in clear"), "{host} {mode}: {error}");
        if port == plain.0 {
            assert_eq!(told_plain.recv_timeout(Duration::from_secs(20)).expect("it hung up"), b"", "{host} {mode}");
        } else {
            for _ in 0..2 {
                let heard = told.recv_timeout(Duration::from_secs(20)).expect("it hung up");
                assert_eq!(Canary::found_in(&String::from_utf8_lossy(&heard)), None, "{host} {mode}");
            }
        }
    }
    dismiss(plain);
    dismiss(rogue);
}

#[test]
fn the_first_host_that_will_do_is_taken_and_a_deaf_one_costs_its_share() {
    let server = server!();
    let database = server.database();
    let deaf = pretender(|stream| {
        let mut rest = [0; 1024];
        while stream.read(&mut rest).is_ok_and(|length| length > 0) {}
    });
    let (host, name) = (format!("app:{}@127.0.0.1", Canary::in_url()), database.name());
    let url = |options: &str| format!("postgresql://{host}:{},127.0.0.1:{}/{name}?{options}", deaf.0, server.port());
    let db = Database::builder().url(url("connect_timeout=4s")).open().unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    drop(db);
    for (attrs, is_there) in
        [("read-write", true), ("primary", true), ("prefer-standby", true), ("standby", false), ("read-only", false)]
    {
        let url =
            format!("{}?target_session_attrs={attrs}&load_balance_hosts=random&acquire_timeout=1s", database.url());
        let result = Database::open(url).and_then(|db| db.fetch_val::<i64>("SELECT 1", ()));
        match is_there {
            true => assert_eq!(result.unwrap(), Some(1), "{attrs}"),
            false => {
                let told = format!("{:?}", result.unwrap_err());
                assert!(told.contains("target_session_attrs wants"), "{attrs}: {told}");
            }
        }
    }
    dismiss(deaf);
}

#[test]
fn over_a_unix_socket_all_but_the_cut_is_the_same() {
    let server = server!();
    let database = server.database();
    let url =
        format!("postgresql:///{}?host={}&port={}&user=app", database.name(), server.socket().display(), server.port());
    let db = Database::builder().url(url).pool_size(1).open().unwrap();
    db.execute("CREATE TABLE notes (id serial, text text, at int[])", ()).unwrap();
    db.transaction(|tx| tx.execute("INSERT INTO notes (text, at) VALUES (?, ?)", ("a", vec![1, 2]))).unwrap();
    let undone = db.transaction(|tx| {
        tx.execute("INSERT INTO notes (text) VALUES (?)", ("b",))?;
        tx.execute("INSERT INTO nowhere VALUES (1)", ())
    });
    assert_eq!(undone.unwrap_err().kind(), ErrorKind::UndefinedTable);
    let nested = db.transaction(|tx| {
        let inner = tx.transaction(|tx| tx.execute("SELECT 1/0", ()));
        assert_eq!(inner.unwrap_err().kind(), ErrorKind::DivisionByZero);
        tx.execute("INSERT INTO notes (text) VALUES (?)", ("c",))
    });
    nested.unwrap();
    let texts: Vec<String> = db.fetch_all("SELECT text FROM notes ORDER BY id", ()).unwrap().column(0).unwrap();
    assert_eq!(texts, ["a", "c"]);
    // Text is asked for on the wire, which is not ours here.
    let error = db.fetch_all("SELECT at FROM notes", ()).unwrap_err();
    assert!(error.message().contains("cast it to text"), "{error:?}");
    let error = db.fetch_all(Query::new("SELECT pg_sleep(60)").timeout(Duration::from_millis(300)), ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
}

/// A proxy for one connection: passes what the server sends in slices, and hangs up after so many bytes of it.
fn proxy(server: u16, most: usize, slice: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let server = std::net::TcpStream::connect(("127.0.0.1", server)).expect("the server");
        let (mut from_client, mut to_server) =
            (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
        let up = std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
        let (mut from_server, mut to_client) = (&server, &client);
        let (mut passed, mut bytes) = (0, vec![0; slice]);
        while passed < most {
            let room = slice.min(most - passed);
            match from_server.read(&mut bytes[..room]) {
                Ok(length) if length > 0 && to_client.write_all(&bytes[..length]).is_ok() => passed += length,
                _ => break,
            }
        }
        for side in [&client, &server] {
            // It may have hung up first.
            let _ = side.shutdown(std::net::Shutdown::Both);
        }
        let _ = up.join();
    });
    port
}

#[test]
fn a_connection_that_breaks_after_any_byte_is_an_error_and_never_a_wrong_answer() {
    let database = server!().database();
    let call = || Call::until(Some(Instant::now() + Duration::from_secs(20)));
    let statement = pontoon::sql::Statement::parse("SELECT ?::int", &pontoon::sql::POSTGRES).unwrap();
    let mut ends = [0, 0, 0];
    for most in (0..).step_by(9) {
        let url = database.url_at(proxy(database.server().port(), most, 4096));
        let config = Config::from_url(format!("{url}?sslmode=disable"), Postgres.schemes()).unwrap();
        let mut link = match Postgres.open(&config).unwrap().connect(&call()) {
            Ok(link) => link,
            Err(error) => {
                assert_eq!(error.effect(), pontoon::Effect::NotSent, "{most}: {error:?}");
                assert!(!format!("{error:?}").contains(Canary::SECRET));
                ends[0] += 1;
                continue;
            }
        };
        let bound = statement.bind(pontoon::Params::Positional(vec![7.into()])).unwrap();
        match link.execute(&call(), &bound).and_then(|_| link.batch(&call(), "SELECT repeat('x', 100)")) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{most}: {error:?}");
                assert_eq!(link.state(), pontoon::driver::LinkState::Unknown);
                ends[1] += 1;
            }
            Ok(()) if ends[2] < 3 => ends[2] += 1,
            Ok(()) => break,
        }
    }
    assert!(ends.iter().all(|count| *count > 2), "{ends:?}");
}

#[test]
fn what_comes_byte_by_byte_is_the_same() {
    let database = server!().database();
    let port = proxy(database.server().port(), usize::MAX, 1);
    let url = format!("{}?sslmode=disable&pool_size=1", database.url_at(port));
    let db = Database::builder().url(url).open().unwrap();
    let sum: i64 = db
        .fetch_all("SELECT n, repeat('x', 20), '{1,2}'::int[] FROM generate_series(1, 50) AS s (n)", ())
        .unwrap()
        .column::<i64>(0)
        .unwrap()
        .into_iter()
        .sum();
    assert_eq!(sum, 1275);
    db.transaction(|tx| tx.fetch_all("SELECT 1", ())).unwrap();
}
