//! The way to a connection: servers that are deaf, gone, strange or hostile, names and passwords, TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{Error, ErrorKind};

use crate::kit::proxy::Door;
use crate::kit::servers::certificates;
use crate::kit::{Canary, Probe, await_some};
use crate::subject::{
    LEAVES_WITHIN, LONG, SHORT, Subject, assert_left_in_time, await_that, builder, count, fails, hasty, join,
    leaves_nothing, pool_of, start, timed,
};

tests! { connecting:
    a_deaf_server_is_left_at_the_deadline
    a_deaf_server_is_passed_over_for_the_next_host
    who_is_refused_waits_for_the_door_to_open
    what_is_no_database_server_is_an_error_in_time
    a_wrong_password_or_name_is_final_and_told_without_the_password
    a_certificate_is_verified_against_the_ca_and_the_name
    a_server_without_tls_gets_no_password
    a_rogue_server_gets_no_password_in_clear_and_no_file
}

/// The deadline covers the whole way in: it was accepted, and hears nothing.
pub(crate) fn a_deaf_server_is_left_at_the_deadline(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    proxy.door(Door::Deaf);
    let db = builder(database.url_at(proxy.port())).build().unwrap();
    db.connect_lazy().unwrap();
    let probe = Probe::start();
    let (result, took) = timed(|| db.fetch_val::<i64>(Query::new("SELECT 1").timeout(SHORT), ()));
    fails(&[ErrorKind::Timeout, ErrorKind::PoolTimeout], result);
    assert_left_in_time(&probe, "a connection to a deaf server", took, SHORT);
    // Those that come after it are not behind it in any queue.
    proxy.door(Door::Open);
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    await_that("the deaf connection is given up", || db.snapshot().connecting == 0 && db.snapshot().stuck == 0);
    leaves_nothing(db, &database);
}

pub(crate) fn a_deaf_server_is_passed_over_for_the_next_host(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    proxy.door(Door::Closed);
    let here = format!("127.0.0.1:{}", database.server().port());
    let url = database.url().replace(&here, &format!("127.0.0.1:{},{here}", proxy.port()));
    let db = builder(&url).open().unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    leaves_nothing(db, &database);
    // Deaf, it takes what time an attempt has.
    proxy.door(Door::Deaf);
    let db = builder(&url).connect_timeout(Some(Duration::from_millis(300))).build().unwrap();
    db.connect_lazy().unwrap();
    let result = db.fetch_val::<i64>(Query::new("SELECT 1").timeout(Duration::from_secs(20)), ());
    assert_eq!(result.unwrap(), Some(1));
    leaves_nothing(db, &database);
}

pub(crate) fn who_is_refused_waits_for_the_door_to_open(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    proxy.door(Door::Closed);
    let db = pool_of(2, database.url_at(proxy.port())).build().unwrap();
    db.connect_lazy().unwrap();
    let callers: Vec<_> = (0..4)
        .map(|number| {
            let db = db.clone();
            start("caller", move || db.fetch_val::<i64>(&format!("SELECT {number}"), ()))
        })
        .collect();
    await_that("connecting has failed", || db.snapshot().counters.connect_failures > 2);
    proxy.door(Door::Open);
    for (number, caller) in callers.into_iter().enumerate() {
        assert_eq!(join(caller).unwrap(), Some(number as i64));
    }
    assert!(proxy.seen().accepted <= 2, "two connections are enough: {:?}", proxy.seen());
    leaves_nothing(db, &database);
}

/// A port where this is said to everybody, whatever they say, and the connection then left open or closed.
fn impostor(says: Vec<u8>, then_closes: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    start("impostor", move || {
        while let Ok((mut client, _)) = listener.accept() {
            let says = says.clone();
            start("impostor", move || {
                let _ = client.write_all(&says);
                if !then_closes {
                    while let Ok(1..) = client.read(&mut [0; 512]) {}
                }
            });
        }
    });
    port
}

/// Whatever is said: an error in time, no panic, and no memory for lengths that somebody made up.
pub(crate) fn what_is_no_database_server_is_an_error_in_time(on: &Subject) {
    let noise = |seed: u64| -> Vec<u8> {
        let mut state = seed;
        (0..300)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect()
    };
    let mut said = vec![
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        vec![],
        vec![0; 64],
        vec![0xff; 64],
        // A message of either protocol that is as long as one can be.
        b"R\x7f\xff\xff\xff\0\0\0\0".to_vec(),
        b"N".to_vec(),
        b"NR\x7f\xff\xff\xff\0\0\0\0".to_vec(),
        b"S\xff\xff\xff\xff".to_vec(),
        b"\xff\xff\xff\0\x0a8.0\0".to_vec(),
        b"\x05\0\0\0\x0a8.0\0".to_vec(),
        b"E\0\0\0\x04".to_vec(),
    ];
    said.extend((1..9).map(noise));
    let probe = Probe::start();
    for says in said {
        for then_closes in [false, true] {
            let port = impostor(says.clone(), then_closes);
            let url = format!("{}://app:{}@127.0.0.1:{port}/x", on.engine.scheme(), Canary::in_url());
            let db = builder(url).build().unwrap();
            db.connect_lazy().unwrap();
            let (result, took) = timed(|| db.fetch_val::<i64>(Query::new("SELECT 1").timeout(SHORT), ()));
            let error = result.unwrap_err();
            assert!(!matches!(error.kind(), ErrorKind::DriverPanic | ErrorKind::Internal), "{says:?}: {error:?}");
            assert_eq!(Canary::found_in(&format!("{error:?} {error}")), None);
            probe.assert_within("who talks to an impostor", took.saturating_sub(SHORT), LEAVES_WITHIN);
            await_that("nothing is stuck", || db.snapshot().stuck == 0 && db.snapshot().connecting == 0);
            db.close(LONG);
        }
    }
}

pub(crate) fn a_wrong_password_or_name_is_final_and_told_without_the_password(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let url = database.url();
    let changed = [
        (format!(":{}@", Canary::in_url()), format!(":not-{}@", Canary::in_url()), ErrorKind::Authentication),
        ("//app:".into(), "//nobody-knows:".into(), ErrorKind::Authentication),
        (format!("/{}", database.name()), "/no_such_database".into(), ErrorKind::UnknownDatabase),
    ];
    for (part, with, kind) in changed {
        assert!(url.contains(&part), "{part}");
        let (result, took) = timed(|| builder(url.replace(&part, &with)).open());
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(took < LONG / 2, "it was not tried again until the deadline");
        assert_eq!(Canary::found_in(&format!("{error:?} {error}")), None);
    }
}

pub(crate) fn a_certificate_is_verified_against_the_ca_and_the_name(on: &Subject) {
    let tls = certificates();
    let shown = [
        (&tls.server, &tls.ca, None),
        (&tls.server, &tls.other_ca, Some("a CA that has not signed it")),
        (&tls.other_host, &tls.ca, Some("another host")),
        (&tls.expired, &tls.ca, Some("expired")),
        (&tls.stranger, &tls.ca, Some("signed by a stranger")),
    ];
    let mut server = None;
    for (certificate, ca, wrong) in shown {
        let path = |path: &std::path::Path| path.display().to_string();
        let (file, key) = (path(&certificate.certificate), path(&certificate.key));
        let postgres = [("ssl_cert_file", file.as_str()), ("ssl_key_file", key.as_str())];
        let mariadb = [("ssl-cert", file.as_str()), ("ssl-key", key.as_str())];
        let settings = if on.is_postgres() { postgres } else { mariadb };
        match &mut server {
            None => server = on.private_with(&postgres, &mariadb),
            Some(server) => {
                server.configure(&settings);
                server.restart(crate::kit::servers::Stop::Clean);
            }
        }
        let Some(server) = &server else { return };
        let url = server.url(on.either("postgres", "mysql"));
        let db = builder(url).option("sslmode", "verify-full").option("sslrootcert", path(ca)).build().unwrap();
        match wrong {
            None => {
                db.connect().unwrap();
                let encrypted = on.either(
                    "SELECT CAST(ssl AS INT) FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                    "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'ssl_cipher'",
                );
                assert_eq!(db.fetch_val::<i64>(encrypted, ()).unwrap(), Some(1));
            }
            Some(wrong) => {
                let error = db.connect().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Tls, "{wrong}: {error:?}");
            }
        }
        db.close(LONG);
    }
}

/// What a server hears that offers no TLS to a client that insists on it.
fn heard_by(
    greeting: &'static [u8],
    answer: &'static [u8],
    connect: impl FnOnce(u16) -> Result<bool, Error>,
) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = start("rogue", move || {
        listener.set_nonblocking(true).unwrap();
        let mut client = await_some(|| listener.accept().ok().map(|(client, _)| client), || "nobody came".to_owned());
        client.set_nonblocking(false).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        client.write_all(greeting).unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 512];
        let until = Instant::now() + Duration::from_secs(5);
        let mut answered = answer.is_empty();
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            heard.extend_from_slice(&buffer[..read]);
            if !std::mem::replace(&mut answered, true) && client.write_all(answer).is_err() {
                break;
            }
            if Instant::now() > until {
                break;
            }
        }
        heard
    });
    let error = connect(port).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Config, "{error:?}");
    join(server)
}

/// MariaDB's greeting without the flag for TLS: version 10, a nonce, the method that sends passwords scrambled.
const PLAIN_GREETING: &[u8] =
    b"\x4a\0\0\0\x0a10.11.0-MariaDB\0\x01\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\xff\x81\x15\0\0\0\0\0\0\
    \x07\0\0\0ijklmnopqrst\0mysql_native_password\0";

pub(crate) fn a_server_without_tls_gets_no_password(on: &Subject) {
    for mode in ["require", "verify-full"] {
        let (greeting, answer): (&[u8], &[u8]) = on.either((b"", b"N"), (PLAIN_GREETING, b""));
        let heard = heard_by(greeting, answer, |port| {
            let url = format!("{}://app:secretive@127.0.0.1:{port}/x", on.engine.scheme());
            hasty(Duration::from_secs(5), url).option("sslmode", mode).open().map(|_| true)
        });
        // PostgreSQL's client has asked for TLS and no more; MariaDB's has said good-bye.
        assert_eq!(heard, on.either(&[0, 0, 0, 8, 4, 210, 22, 47][..], &[1, 0, 0, 0, 1]), "{mode}");
    }
}

/// A server that asks for the password as it is, and one that asks for a file of the client's, of which PostgreSQL's
/// protocol knows nothing.
pub(crate) fn a_rogue_server_gets_no_password_in_clear_and_no_file(on: &Subject) {
    // AuthenticationCleartextPassword; a switch to the login that sends the password.
    let switch: &[u8] = on.either(b"R\0\0\0\x08\0\0\0\x03", b"\x16\0\0\x02\xfemysql_clear_password\0");
    let heard = heard_by(on.either(b"", PLAIN_GREETING), switch, |port| {
        let url = format!("{}://app:secretive@127.0.0.1:{port}/x", on.engine.scheme());
        hasty(Duration::from_secs(5), url).option("sslmode", "disable").open().map(|_| true)
    });
    assert!(!heard.is_empty());
    assert!(!heard.windows(9).any(|bytes| bytes == b"secretive"), "{}", String::from_utf8_lossy(&heard));
    if !on.is_mariadb() {
        return;
    }
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n TEXT)").unwrap();
    let error = db.execute("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t", ()).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::DriverPanic, "{error:?}");
    assert_eq!(count(&db), 0);
    leaves_nothing(db, &database);
}
