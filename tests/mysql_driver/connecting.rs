//! Ways to a server: TCP, Unix socket, TLS; what is wrong with a way is said.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use pontoon::Error;
use pontoon::prelude::*;

use crate::kit::servers::{MariaDb, PASSWORD, USER, certificates, private_with};
use crate::kit::{Canary, Probe};
use crate::{fails, open, scratch};

/// Opens a database with these options at once, without waiting for better times.
fn open_at(url: &str) -> Result<Database, Error> {
    Database::builder().url(url).acquire_timeout(Duration::from_secs(5)).open()
}

fn cipher(db: &Database) -> String {
    db.fetch_one("SHOW STATUS LIKE 'Ssl_cipher'", ()).unwrap().unwrap().get(1).unwrap()
}

#[test]
fn by_a_unix_socket() {
    let scratch = scratch!();
    let socket = scratch.server().socket();
    for url in [
        format!("mysql://{USER}:{}@localhost/{}?socket={}", Canary::in_url(), scratch.name(), socket.display()),
        format!(
            "mariadb://{USER}:{}@localhost:1/{}?unix_socket={}",
            Canary::in_url(),
            scratch.name(),
            socket.display()
        ),
    ] {
        let db = open_at(&url).unwrap();
        let host: Option<String> =
            db.fetch_val("SELECT host FROM information_schema.processlist WHERE id = connection_id()", ()).unwrap();
        assert_eq!(host.as_deref(), Some("localhost"));
    }
}

#[test]
fn the_first_host_that_answers_is_taken() {
    let scratch = scratch!();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!(
        "mariadb://{USER}:{}@127.0.0.1:{dead},127.0.0.1:{}/{}",
        Canary::in_url(),
        scratch.server().port(),
        scratch.name()
    );
    assert_eq!(open_at(&url).unwrap().fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn both_schemes_find_out_what_the_server_is() {
    let scratch = scratch!();
    let url = scratch.url().replacen("mariadb://", "mysql://", 1);
    let db = open_at(&url).unwrap();
    assert_eq!(db.fetch_val("SELECT :a + 1", params! { a: 1 }).unwrap(), Some(2));
    db.transaction(|tx| tx.fetch_val::<i64>("SELECT 1", ())).unwrap();
}

#[test]
fn names_are_looked_up_and_every_address_is_tried() {
    let scratch = scratch!();
    // The server listens on 127.0.0.1 only; `localhost` may be ::1 first.
    let url = scratch.url().replacen("127.0.0.1", "localhost", 1);
    assert_eq!(open_at(&url).unwrap().fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn tls_is_what_was_asked_for() {
    let scratch = scratch!();
    let tls = certificates();
    assert_eq!(cipher(&open(&scratch, "")), "", "none on this machine, unless asked for");
    for mode in ["prefer", "require"] {
        assert_ne!(cipher(&open(&scratch, &format!("?sslmode={mode}"))), "", "{mode}");
    }
    let trusting = format!("?sslmode=verify-full&sslrootcert={}", tls.ca.display());
    assert_ne!(cipher(&open(&scratch, &trusting)), "", "by address");
    let by_name = scratch.url().replacen("127.0.0.1", "localhost", 1);
    assert_ne!(cipher(&open_at(&format!("{by_name}{trusting}")).unwrap()), "", "by name");
    // Cancelling goes the same way.
    let db = open(&scratch, &format!("{trusting}&pool_size=1"));
    let late = pontoon::Query::new("SELECT sleep(60)").timeout(Duration::from_millis(100));
    fails(ErrorKind::Timeout, db.fetch_val::<i64>(late, ()));
    assert_eq!(db.fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn a_certificate_that_does_not_fit_is_refused() {
    let scratch = scratch!();
    let tls = certificates();
    let refused = |options: &str| {
        let begun = Instant::now();
        let error = fails(ErrorKind::Tls, open_at(&format!("{}{options}", scratch.url())));
        assert!(begun.elapsed() < Duration::from_secs(4), "it is final, and is not tried again");
        assert!(error.message().contains("verify-full"), "{error}");
        error
    };
    refused("?sslmode=verify-full");
    refused(&format!("?sslmode=verify-full&sslrootcert={}", tls.other_ca.display()));
    let error = fails(ErrorKind::Config, open_at(&format!("{}?sslmode=verify-ca", scratch.url())));
    assert!(error.message().contains("verify-full"), "{error}");
    let error =
        fails(ErrorKind::Config, open_at(&format!("{}?sslmode=verify-full&sslrootcert=/nowhere.pem", scratch.url())));
    assert!(error.message().contains("sslrootcert"), "{error}");

    for (certificate, why) in
        [(&tls.other_host, "another name"), (&tls.expired, "expired"), (&tls.stranger, "a stranger")]
    {
        let files = [certificate.certificate.display().to_string(), certificate.key.display().to_string()];
        let Some(server) = private_with(&MariaDb, &[("ssl-cert", &files[0]), ("ssl-key", &files[1])]) else { return };
        let scratch = server.database();
        let url = format!("{}?sslmode=verify-full&sslrootcert={}", scratch.url(), tls.ca.display());
        let error = fails(ErrorKind::Tls, open_at(&url));
        assert!(!format!("{error:?}").contains(PASSWORD), "{why}");
        // Whoever asks for nothing but encryption gets it.
        assert_ne!(cipher(&open_at(&format!("{}?sslmode=require", scratch.url())).unwrap()), "", "{why}");
    }
}

#[test]
fn a_server_without_tls_gets_no_password_where_tls_is_wanted() {
    let Some(server) = private_with(&MariaDb, &[("skip-ssl", "1")]) else { return };
    let scratch = server.database();
    for mode in ["require", "verify-full"] {
        let error = fails(ErrorKind::Tls, open_at(&format!("{}?sslmode={mode}", scratch.url())));
        assert!(error.message().contains(mode) && error.message().contains("sslmode=disable"), "{error}");
    }
    assert_eq!(cipher(&open_at(&format!("{}?sslmode=prefer", scratch.url())).unwrap()), "", "prefer goes without");
}

#[test]
fn a_client_shows_its_certificate() {
    let scratch = scratch!();
    let tls = certificates();
    let user = format!("certified_{}", std::process::id());
    scratch.server().console().run(&format!(
        "CREATE USER {user}@'%' IDENTIFIED BY 'open sesame' REQUIRE X509; GRANT ALL ON {}.* TO {user}@'%'",
        scratch.name()
    ));
    let url = format!("mariadb://{user}:open%20sesame@127.0.0.1:{}/{}", scratch.server().port(), scratch.name());
    fails(ErrorKind::Authentication, open_at(&format!("{url}?sslmode=require")));
    let shown = format!(
        "{url}?sslmode=require&sslcert={}&sslkey={}",
        tls.client.certificate.display(),
        tls.client.key.display()
    );
    assert_ne!(cipher(&open_at(&shown).unwrap()), "");
    let half = format!("{url}?sslmode=require&sslcert={}", tls.client.certificate.display());
    fails(ErrorKind::Config, open_at(&half));
    scratch.server().console().run(&format!("DROP USER {user}@'%'"));
}

#[test]
fn a_compressed_conversation() {
    let scratch = scratch!();
    let db = open(&scratch, "?compress=true&pool_size=1");
    let long = "compress me ".repeat(10_000);
    assert_eq!(db.fetch_val::<String>("SELECT ?", (long.clone(),)).unwrap(), Some(long));
    let status: String = db.fetch_one("SHOW STATUS LIKE 'Compression'", ()).unwrap().unwrap().get(1).unwrap();
    assert_eq!(status, "ON");
}

#[test]
fn what_keeps_a_connection_from_being_made_is_said() {
    let scratch = scratch!();
    let at = format!("127.0.0.1:{}", scratch.server().port());
    let wrong = format!("mariadb://{USER}:wrong-and-secret@{at}/{}", scratch.name());
    let error = fails(ErrorKind::Authentication, open_at(&wrong));
    assert_eq!(error.vendor_code(), Some(1045));
    assert!(!format!("{error} {error:?}").contains("wrong-and-secret"));
    let error = fails(ErrorKind::UnknownDatabase, open_at(&scratch.server().url("nowhere_at_all")));
    assert_eq!(error.vendor_code(), Some(1049));
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = fails(ErrorKind::PoolTimeout, {
        let url = format!("mariadb://{USER}@127.0.0.1:{dead}/x");
        Database::builder().url(url).acquire_timeout(Duration::from_millis(200)).open()
    });
    assert!(error.to_string().contains("refused") || format!("{error:?}").contains("refused"), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_in_time() {
    let Some(_) = crate::server() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let probe = Probe::start();
    let begun = Instant::now();
    let url = format!("mariadb://{USER}@127.0.0.1:{port}/x?connect_timeout=200ms");
    let limit = Duration::from_millis(300);
    fails(ErrorKind::PoolTimeout, Database::builder().url(&url).acquire_timeout(limit).open());
    let late = begun.elapsed().saturating_sub(limit);
    probe.assert_within("leaving", late, Duration::from_millis(50));
}

#[test]
fn what_is_no_server_is_told_from_one() {
    let Some(_) = crate::server() else { return };
    let greetings: [&[u8]; 4] =
        [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\x00", b"\x01\x00\x00\x00\xff", b"\x00\x00\x00\x00"];
    for greeting in greetings {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            // As often as it is tried.
            while let Ok((mut client, _)) = listener.accept() {
                if client.write_all(greeting).is_err() {
                    return;
                }
                if client.peer_addr().is_ok_and(|_| client.read_timeout().is_err()) {
                    return;
                }
            }
        });
        let url = format!("mariadb://{USER}:{}@127.0.0.1:{port}/x", Canary::in_url());
        let result = Database::builder().url(&url).acquire_timeout(Duration::from_millis(400)).open();
        let error = result.map(drop).expect_err("it is no server");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error:?}");
        drop(server);
    }
}
