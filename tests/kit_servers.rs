//! The servers of the test kit: they start, do as they are told, and leave nothing behind.

mod kit;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::servers::{
    Engine, MariaDb, PRIMARY, Postgres, Private, Server, Stop, certificates, is_installed, kill_process, private,
    private_with, processes_in, shared,
};
use kit::{LeakMeter, PATIENCE, Subprocess, await_that, hear, tell, within};
use rustix::process::Signal;

/// The tests that hold for each kind of server, once for each.
macro_rules! each {
    ($($name:ident)+) => {
        each! { mod postgres = crate::Postgres; $($name)+ }
        each! { mod mariadb = crate::MariaDb; $($name)+ }
    };
    (mod $module:ident = $engine:path; $($name:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    crate::$name(&$engine, crate::kit::here!());
                }
            )+
        }
    };
}

each! {
    a_missing_server_leaves_a_test_out_loudly_and_fails_it_in_ci
    the_shared_server_serves_every_process_of_a_run
    a_database_of_a_test_is_dropped_with_it
    a_console_tells_errors_from_rows_and_shows_null
    a_server_stops_starts_and_keeps_its_data_and_its_port
    a_frozen_server_takes_connections_and_answers_nothing
    a_server_runs_as_nobody_where_the_tests_run_as_root
    a_server_goes_with_a_test_that_is_killed
    a_server_goes_with_a_test_that_panics
    a_server_goes_with_its_guardian_and_the_next_run_removes_its_folder
    servers_of_one_process_do_not_meet_and_leave_no_thread_or_descriptor
}

/// The folder of a server and the first of its processes, as a case tells them.
fn tell_server(server: &Private) {
    tell("folder", server.folder().display());
    tell("process", server.process());
}

/// Whether the server answers to the first bytes of a client, as both do within milliseconds.
fn answers(server: &Server) -> bool {
    let Ok(mut client) = TcpStream::connect(("127.0.0.1", server.port())) else { return false };
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // PostgreSQL's request for TLS; MariaDB greets without having been asked.
    let _ = client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]);
    client.read(&mut [0]).is_ok_and(|read| read == 1)
}

fn a_missing_server_leaves_a_test_out_loudly_and_fails_it_in_ci(engine: &'static dyn Engine, here: &str) {
    let without = Subprocess::case(here, "", |_| {
        assert!(!is_installed(engine));
        assert!(shared(engine).is_none());
        assert!(private(engine).is_none());
    });
    let without = without.variable("PONTOON_TEST_SERVERS", "none");
    let left_out = without.clone().variable("CI", "").pass();
    assert_eq!(left_out.stderr.matches("LEFT OUT: ").count(), 2, "{left_out}");
    assert!(left_out.stderr.contains(&format!(" needs {}: ", engine.name())), "{left_out}");
    assert_eq!(without.variable("CI", "true").run().code, Some(101));
}

fn the_shared_server_serves_every_process_of_a_run(engine: &'static dyn Engine, here: &str) {
    let other = Subprocess::case(here, "", |database| {
        let server = shared(engine).unwrap();
        tell("address", format!("{} {}", server.port(), server.folder().display()));
        tell("rows", server.new_console(Some(database)).value("SELECT count(*) FROM seen"));
    });
    let Some(server) = shared(engine) else { return };
    let database = server.database();
    server.new_console(Some(database.name())).run("CREATE TABLE seen (id int)");
    let seen = other.argument(database.name()).pass();
    assert_eq!(seen.value("address"), format!("{} {}", server.port(), server.folder().display()));
    assert_eq!(seen.value("rows"), "0");
}

fn a_database_of_a_test_is_dropped_with_it(engine: &'static dyn Engine, _here: &str) {
    let Some(server) = shared(engine) else { return };
    let database = server.database();
    let name = database.name().to_owned();
    // Somebody who is still connected does not keep it.
    let mut left_behind = server.new_console(Some(&name));
    left_behind.run("CREATE TABLE t (id int)");
    drop(database);
    let databases = match engine.slug() {
        "pg" => format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"),
        _ => format!("SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{name}'"),
    };
    assert_eq!(server.console().value(&databases), "0");
}

fn a_console_tells_errors_from_rows_and_shows_null(engine: &'static dyn Engine, _here: &str) {
    let Some(server) = shared(engine) else { return };
    let mut console = server.new_console(None);
    assert_eq!(console.run("SELECT 1, NULL, 'a b'"), [["1", "NULL", "a b"]]);
    let error = console.try_run("SELECT * FROM nowhere.nothing").unwrap_err();
    assert!(error.contains("nothing") || error.contains("nowhere"), "{error}");
    assert_eq!(console.value("SELECT 2"), "2", "it goes on after an error");
}

fn a_server_stops_starts_and_keeps_its_data_and_its_port(engine: &'static dyn Engine, _here: &str) {
    let Some(mut server) = private(engine) else { return };
    let port = server.port();
    server.console().run("CREATE DATABASE kept");
    for stop in [Stop::Clean, Stop::Crash, Stop::Kill] {
        server.stop(stop);
        assert_eq!(processes_in(server.folder()), [0; 0]);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens after {stop:?}");
        server.start_again();
        assert_eq!(server.port(), port);
        assert!(answers(&server));
        server.new_console(Some("kept")).run("SELECT 1");
    }
}

fn a_frozen_server_takes_connections_and_answers_nothing(engine: &'static dyn Engine, _here: &str) {
    let Some(server) = private(engine) else { return };
    server.freeze();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());
    assert!(!answers(&server));
    server.thaw();
    assert!(answers(&server));
}

#[test]
fn a_killed_backend_of_postgres_takes_all_sessions_with_it_and_the_server_comes_back() {
    let Some(server) = private(&Postgres) else { return };
    let mut victim = server.new_console(None);
    let bystander = RefCell::new(server.new_console(None));
    let number: i32 = victim.value("SELECT pg_backend_pid()").parse().unwrap();
    server.signal(number, Signal::KILL);
    assert!(victim.try_run("SELECT 1").is_err());
    await_that("the bystander is cut off", || bystander.borrow_mut().try_run("SELECT 1").is_err());
    await_that("it serves again", || server.new_console(None).try_run("SELECT 1").is_ok());
}

#[test]
fn settings_of_a_test_override_those_of_the_kit() {
    if let Some(mut server) = private_with(&Postgres, &[("max_connections", "7")]) {
        assert_eq!(server.console().value("SHOW max_connections"), "7");
        server.configure(&[("default_transaction_read_only", "on")]);
        server.reload();
        await_that("the setting holds", || {
            server.new_console(None).value("SHOW default_transaction_read_only") == "on"
        });
    }
    if let Some(mut server) = private_with(&MariaDb, &[("max-connections", "11")]) {
        assert_eq!(server.console().value("SELECT @@max_connections"), "11");
        server.configure(&[("wait-timeout", "123")]);
        server.restart(Stop::Clean);
        assert_eq!(server.console().value("SELECT @@global.wait_timeout"), "123");
    }
}

fn a_server_runs_as_nobody_where_the_tests_run_as_root(engine: &'static dyn Engine, _here: &str) {
    let Some(server) = private(engine) else { return };
    for process in processes_in(server.folder()) {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
        assert!(uid.split_whitespace().all(|uid| uid != "0"), "{uid}");
    }
}

#[test]
fn a_killed_postgres_leaves_no_shared_memory() {
    let Some(server) = private(&Postgres) else { return };
    let lock = std::fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap();
    let segment: u64 = lock.lines().nth(6).unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    let is_there = || {
        let segments = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
        segments.lines().any(|line| line.split_whitespace().nth(1) == Some(&segment.to_string()))
    };
    assert!(is_there());
    drop(server);
    assert!(!is_there());
}

#[test]
fn the_certificates_are_what_they_are_called() {
    if !is_installed(&Postgres) {
        return;
    }
    let tls = certificates();
    let verify = |ca: &Path, certificate: &Path, options: &[&str]| {
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(["verify", "-CAfile"]).arg(ca).args(options).arg(certificate);
        let output = openssl.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(text) }
    };
    let here = ["-verify_ip", "127.0.0.1", "-purpose", "sslserver"];
    assert_eq!(verify(&tls.ca, &tls.server.certificate, &here), Ok(()));
    assert_eq!(verify(&tls.ca, &tls.server.certificate, &["-verify_hostname", "localhost"]), Ok(()));
    assert_eq!(verify(&tls.other_ca, &tls.stranger.certificate, &here), Ok(()));
    assert_eq!(verify(&tls.ca, &tls.client.certificate, &["-purpose", "sslclient"]), Ok(()));
    let refused = |certificate: &Path, why: &str| {
        let text = verify(&tls.ca, certificate, &here).unwrap_err();
        assert!(text.contains(why), "{text}");
    };
    refused(&tls.other_host.certificate, "IP address mismatch");
    refused(&tls.expired.certificate, "expired");
    refused(&tls.stranger.certificate, "unable to get local issuer certificate");
}

#[test]
fn the_certificate_of_a_server_is_the_one_of_the_tests() {
    let Some(server) = shared(&Postgres) else { return };
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_client", "-starttls", "postgres", "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile"]);
    openssl.arg(&certificates().ca).arg("-connect").arg(format!("127.0.0.1:{}", server.port()));
    let output = openssl.stdin(std::process::Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
}

fn a_server_goes_with_a_test_that_is_killed(engine: &'static dyn Engine, here: &str) {
    let owner = Subprocess::case(here, "", |_| {
        let server = private(engine).unwrap();
        // Halted, it cannot end by itself.
        server.freeze();
        tell_server(&server);
        hear();
    });
    if !is_installed(engine) {
        return;
    }
    let mut owner = owner.start();
    let process: i32 = owner.wait_for("process").parse().unwrap();
    let folder = PathBuf::from(owner.wait_for("folder"));
    assert!(processes_in(&folder).contains(&process));
    owner.kill();
    owner.finish();
    await_that("the folder is gone", || !folder.exists());
    assert_eq!(processes_in(&folder), [0; 0]);
}

fn a_server_goes_with_a_test_that_panics(engine: &'static dyn Engine, here: &str) {
    let owner = Subprocess::case(here, "", |_| {
        let server = private(engine).unwrap();
        tell_server(&server);
        panic!("on purpose");
    });
    if !is_installed(engine) {
        return;
    }
    let output = owner.run();
    assert_eq!(output.code, Some(101), "{output}");
    // The drop while it unwinds has waited for it.
    assert!(!Path::new(output.value("folder")).exists());
}

fn a_server_goes_with_its_guardian_and_the_next_run_removes_its_folder(engine: &'static dyn Engine, here: &str) {
    let owner = Subprocess::case(here, "owner", |_| {
        let server = private(engine).unwrap();
        tell_server(&server);
        hear();
    });
    let next = Subprocess::case(here, "next", |_| drop(private(engine).unwrap()));
    if !is_installed(engine) {
        return;
    }
    let mut owner = owner.start();
    let process: i32 = owner.wait_for("process").parse().unwrap();
    let folder = PathBuf::from(owner.wait_for("folder"));
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let guardian = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    assert!(kill_process(guardian, Signal::KILL));
    await_that("the server is gone", || processes_in(&folder).is_empty());
    assert!(folder.exists());
    owner.kill();
    owner.finish();
    next.pass();
    assert!(!folder.exists());
}

fn servers_of_one_process_do_not_meet_and_leave_no_thread_or_descriptor(engine: &'static dyn Engine, here: &str) {
    let owner = Subprocess::case(here, "", |_| {
        // What is made once for a process: the certificates, the base.
        drop(private(engine));
        let meter = LeakMeter::start();
        let servers: Vec<Private> = within(PATIENCE * 2, move || {
            let starting: Vec<_> = (0..3).map(|_| std::thread::spawn(move || private(engine).unwrap())).collect();
            starting.into_iter().map(|starting| starting.join().unwrap()).collect()
        });
        let ports: BTreeSet<u16> = servers.iter().map(|server| server.port()).collect();
        assert_eq!(ports.len(), 3);
        for server in &servers {
            server.console().run("SELECT 1");
        }
        drop(servers);
        meter.assert_flat();
    });
    if is_installed(engine) {
        owner.pass();
    }
}

#[test]
fn a_standby_follows_its_primary_takes_its_place_and_leaves_nothing() {
    let Some(mut primary) = private_with(&Postgres, PRIMARY) else { return };
    let standby = primary.standby();
    primary.commit_with_a_standby();
    primary.console().run("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
    standby.console().wait_for_row("SELECT 1 FROM t");
    assert!(standby.console().try_run("INSERT INTO t VALUES (2)").is_err());
    let folder = standby.folder().to_owned();
    primary.kill9();
    standby.promote();
    standby.console().run("INSERT INTO t VALUES (2)");
    assert_eq!(standby.console().value("SELECT count(*) FROM t"), "2");
    drop(standby);
    assert!(!folder.exists() && processes_in(&folder).is_empty());
}
