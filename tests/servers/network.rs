//! Networks that lose what they are given, names that come to mean another host, and clocks that jump.
//!
//! The network and the list of names are those of a process of the test's own, in a namespace that takes root to make.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pontoon::ErrorKind;
use pontoon::prelude::*;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

use crate::kit::servers::Stop;
use crate::kit::{Folder, Probe, here};
use crate::subject::{
    Gate, LONG, SHORT, Subject, TRUSTED_IDLE, assert_left_in_time, await_that, builder, count, fails, hasty, join,
    leaves_nothing, start, timed,
};

tests! { network:
    a_network_that_takes_no_connection_is_left_at_the_deadline
    a_network_that_swallows_the_next_host_too_leaves_time_for_the_last
    a_peer_that_vanished_is_noticed_while_sending
    a_peer_that_vanished_is_noticed_while_waiting
    a_name_that_means_another_host_is_looked_up_again
    a_wall_clock_that_jumps_moves_no_deadline
}

/// A port where a SYN is never answered: its queue is full, and nobody accepts.
struct SynHole {
    port: u16,
    _listener: OwnedFd,
    _queue: Vec<TcpStream>,
}

impl SynHole {
    fn new() -> SynHole {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listen(&listener, 0).unwrap();
        let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
        let mut queue = Vec::new();
        // The kernel makes room for one more than it is told, and knows best when it is full.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queue.push(stream);
            assert!(queue.len() < 100, "the queue does not get full");
        }
        SynHole { port: address.port(), _listener: listener, _queue: queue }
    }
}

pub(crate) fn a_network_that_takes_no_connection_is_left_at_the_deadline(on: &Subject) {
    let hole = SynHole::new();
    let url = format!("{}://app@127.0.0.1:{}/x", on.engine.scheme(), hole.port);
    let db = hasty(SHORT, url).build().unwrap();
    db.connect_lazy().unwrap();
    let probe = Probe::start();
    for _ in 0..2 {
        let (result, took) = timed(|| db.fetch_val::<i64>("SELECT 1", ()));
        fails(&[ErrorKind::PoolTimeout, ErrorKind::Timeout], result);
        assert_left_in_time(&probe, "a connection that nobody takes", took, SHORT);
    }
    await_that("nothing is stuck", || db.snapshot().stuck == 0 && db.snapshot().connecting == 0);
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn a_network_that_swallows_the_next_host_too_leaves_time_for_the_last(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let holes = [SynHole::new(), SynHole::new()];
    let here = format!("127.0.0.1:{}", database.server().port());
    let hosts = format!("127.0.0.1:{},127.0.0.1:{},{here}", holes[0].port, holes[1].port);
    let db =
        builder(database.url().replace(&here, &hosts)).connect_timeout(Some(Duration::from_secs(3))).open().unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    leaves_nothing(db, &database);
}

/// Whether a namespace of this kind can be had; without one the test is left out, loudly, and with `CI=true` fails.
fn has_namespace(kind: &str) -> bool {
    let made = Command::new("unshare").args([kind, "ip", "link", "show", "lo"]).output();
    if made.is_ok_and(|made| made.status.success()) {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("LEFT OUT: {test} needs root and iproute2, for `unshare {kind}`\n");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{line}and CI=true lets no test be left out");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// Has the loopback device of this process' own network pass everything, or nothing.
fn loopback(state: &str) {
    let set = Command::new("ip").args(["link", "set", "lo", state]).status();
    assert!(set.is_ok_and(|set| set.success()), "the loopback device cannot be set {state}");
}

/// Options under which a silent peer is given up soon: when sent data stays unacknowledged for this long, or a peer that
/// has said nothing for a second does not answer when it is asked.
fn impatient(on: &Subject, url: &str) -> String {
    let options = on.either(
        "tcp_user_timeout=1000&keepalives_idle=1&keepalives_interval=1&keepalives_count=2",
        "tcp_user_timeout=1s&tcp_keepalive=1s",
    );
    format!("{url}?{options}")
}

/// A server on a network that can be cut, and a database on it whose one connection was just used.
fn on_its_own_network(on: &Subject, test: impl FnOnce(&crate::kit::servers::Private, &Database)) {
    loopback("up");
    let Some(server) = on.private() else { return };
    server.console().run("CREATE DATABASE kept");
    let db = builder(impatient(on, &server.url("kept"))).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    test(&server, &db);
    loopback("up");
    await_that("it works again", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
    assert_eq!(count(&db), 0, "nothing that was sent into the void was done");
    await_that("nothing is stuck", || db.snapshot().stuck == 0);
    assert!(db.close(LONG).is_clean());
}

pub(crate) fn a_peer_that_vanished_is_noticed_while_sending(on: &Subject) {
    let case = on.case(here!(), |_| {
        on_its_own_network(on, |_, db| {
            let probe = Probe::start();
            db.fetch_val::<i64>("SELECT 1", ()).unwrap();
            loopback("down");
            // Its own deadline is far; the system gives up for it.
            let (result, took) = timed(|| db.execute("INSERT INTO t VALUES (1)", ()));
            let error = fails(&[ErrorKind::ConnectionLost], result);
            assert_eq!(error.effect(), pontoon::Effect::Unknown, "{error:?}");
            let patience = Duration::from_secs(1);
            probe.assert_within("a peer that vanished", took.saturating_sub(patience), patience);
            // A deadline that is nearer counts here too.
            let (result, took) = timed(|| db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()));
            fails(&[ErrorKind::PoolTimeout, ErrorKind::Timeout, ErrorKind::ConnectFailed], result);
            probe.assert_within("a caller of a network that is gone", took, SHORT);
        });
    });
    if has_namespace("--net") {
        case.by(&["unshare", "--net"]).pass();
    }
}

pub(crate) fn a_peer_that_vanished_is_noticed_while_waiting(on: &Subject) {
    let case = on.case(here!(), |_| {
        on_its_own_network(on, |server, db| {
            let gate = Gate::closed(on, server, "kept");
            let probe = Probe::start();
            let waiting = {
                let (db, query) = (db.clone(), gate.query());
                start("waiting", move || (db.fetch_all(&query, ()).map(drop), Instant::now()))
            };
            gate.wait_blocked(server, 1);
            loopback("down");
            let cut = Instant::now();
            let (result, ended) = join(waiting);
            fails(&[ErrorKind::ConnectionLost], result);
            // It is asked after a second, and again: after one more on PostgreSQL, after ten on MySQL.
            let promise = on.either(Duration::from_secs(3), Duration::from_secs(11));
            probe.assert_within("a peer that vanished", ended.saturating_duration_since(cut), promise);
        });
    });
    if has_namespace("--net") {
        case.limit(Duration::from_secs(80)).by(&["unshare", "--net"]).pass();
    }
}

/// Passes connections on to a port of this machine, and counts them.
fn forward(from: &str, to: u16, came: &Arc<AtomicU32>) {
    let listener = TcpListener::bind(from).unwrap();
    let came = Arc::clone(came);
    start("forward", move || {
        for client in listener.incoming().flatten() {
            came.fetch_add(1, Ordering::SeqCst);
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            for (mut from, mut to) in [(&client, &server), (&server, &client)]
                .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()))
            {
                start("forward", move || {
                    // Either end may hang up.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
}

/// As after a failover by DNS: no restart of the program, and no connection that is kept to where the name once led.
pub(crate) fn a_name_that_means_another_host_is_looked_up_again(on: &Subject) {
    let case = on.case(here!(), |_| {
        let hosts = Folder::new();
        let file = hosts.path("hosts");
        let name = |address: &str| std::fs::write(&file, format!("{address} db.pontoon.test\n")).unwrap();
        name("127.0.0.2");
        let mounted = Command::new("mount").args(["--bind", &file.display().to_string(), "/etc/hosts"]).status();
        assert!(mounted.is_ok_and(|mounted| mounted.success()), "the list of names cannot be replaced");
        let Some(mut server) = on.private() else { return };
        let first = Arc::new(AtomicU32::new(0));
        let second = Arc::new(AtomicU32::new(0));
        let port = crate::kit::Port::take();
        forward(&format!("127.0.0.2:{}", port.number), server.port(), &first);
        forward(&format!("127.0.0.3:{}", port.number), server.port(), &second);
        let url = server.url_at(port.number, on.either("postgres", "mysql")).replace("127.0.0.1", "db.pontoon.test");
        let db = builder(url).option("sslmode", "disable").open().unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        assert_eq!((first.load(Ordering::SeqCst), second.load(Ordering::SeqCst)), (1, 0));
        name("127.0.0.3");
        // The server that the name led to ends; there is one where it leads now.
        server.restart(Stop::Clean);
        await_that("it is found", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
        assert_eq!(first.load(Ordering::SeqCst), 1, "nobody goes where the name no longer leads");
        assert!(second.load(Ordering::SeqCst) >= 1);
        assert!(db.close(LONG).is_clean());
    });
    if has_namespace("--mount") {
        case.by(&["unshare", "--mount", "--propagation", "private"]).pass();
    }
}

/// Tells the wall clock an hour too early and an hour too late by turns.
const JUMPING_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static _Atomic long turns;
static long jump(void) { return turns++ % 2 ? 3600 : -3600; }
int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) t->tv_sec += jump();
    return result;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"#;

/// Deadlines, waits and lifetimes are measured on a clock that nobody sets.
pub(crate) fn a_wall_clock_that_jumps_moves_no_deadline(on: &Subject) {
    let case = on.case(here!(), |_| {
        let looks = || std::time::SystemTime::now();
        let (one, other) = (looks(), looks());
        let apart = one.duration_since(other).or_else(|_| other.duration_since(one)).unwrap();
        assert!(apart > Duration::from_secs(7_000), "the clock does not jump: {apart:?}");
        let Some(server) = on.private() else { return };
        server.console().run("CREATE DATABASE kept");
        let db = builder(server.url("kept"))
            .option("sslmode", "disable")
            .idle_timeout(Some(Duration::from_secs(600)))
            .max_lifetime(Some(Duration::from_secs(1800)))
            .open()
            .unwrap();
        db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
        let session = crate::subject::session_of(on, &db);
        let probe = Probe::start();
        for _ in 0..5 {
            let gate = Gate::closed(on, &server, "kept");
            let (result, took) = timed(|| db.fetch_all(Query::new(gate.query()).timeout(SHORT), ()));
            fails(&[ErrorKind::Timeout], result);
            assert_left_in_time(&probe, "a statement that blocks", took, SHORT);
            // A caller that waits for the one connection, until there is one.
            let held = db.connection().unwrap();
            let waiting = {
                let db = db.clone();
                start("waiting", move || timed(|| db.fetch_val::<i64>(Query::new("SELECT 1").timeout(SHORT), ())))
            };
            let (result, took) = join(waiting);
            fails(&[ErrorKind::PoolTimeout], result);
            assert_left_in_time(&probe, "a caller that waits for a connection", took, SHORT);
            drop(held);
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        }
        // Time itself is what this is about: idle for so long that it is asked, and not for so long that it is closed.
        std::thread::sleep(TRUSTED_IDLE);
        assert_eq!(crate::subject::session_of(on, &db), session, "it was replaced: {}", db.snapshot());
        assert_eq!(count(&db), 5);
        assert!(db.close(LONG).is_clean());
    });
    let folder = Folder::new();
    let (source, library) = (folder.path("clock.c"), folder.path("clock.so"));
    std::fs::write(&source, JUMPING_CLOCK).unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
    let compiled = compiled.expect("there is a C compiler, without which SQLite is not built either");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    case.variable("LD_PRELOAD", &library.display().to_string()).pass();
}
