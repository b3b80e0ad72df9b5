//! TLS: what each `sslmode` accepts and refuses, and what is said then.

use pontoon::ErrorKind;
use std::path::Path;

use pontoon::prelude::*;

use crate::kit::servers::{Postgres, Private, certificates, private_with};
use crate::kit::{Canary, PATIENCE};

/// A server that shows this certificate.
fn showing(certificate: &Path, key: &Path) -> Option<Private> {
    let (file, key) = (certificate.display().to_string(), key.display().to_string());
    private_with(&Postgres, &[("ssl_cert_file", &file), ("ssl_key_file", &key)])
}

fn try_with(server: &Private, host: &str, options: &str) -> pontoon::Result<Option<bool>> {
    let url = format!("postgresql://app:{}@{host}:{}/postgres?{options}&pool_size=1", Canary::in_url(), server.port());
    let db = Database::builder().url(url).acquire_timeout(PATIENCE).open()?;
    db.fetch_val("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", ())
}

/// Options, and whether the connection is encrypted; or the kind of the error and a piece of what it says.
type Case<'c> = (&'c str, Result<bool, (ErrorKind, &'c str)>);

fn check(server: &Private, host: &str, cases: &[Case<'_>]) {
    for (options, expected) in cases {
        match (try_with(server, host, options), expected) {
            (Ok(encrypted), Ok(expected)) => assert_eq!(encrypted, Some(*expected), "{host} {options}"),
            (Err(error), Err((kind, says))) => {
                let told = format!("{error} {error:?}");
                assert!(error.kind() == *kind && told.contains(says), "{host} {options}: {told}");
                assert!(!told.contains(Canary::SECRET));
            }
            (result, expected) => panic!("{host} {options}: {result:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn what_each_mode_accepts() {
    let tls = certificates();
    let root = |path: &std::path::Path| format!("sslrootcert={}", path.display());
    let (ca, other_ca) = (root(&tls.ca), root(&tls.other_ca));
    let Some(server) = showing(&tls.server.certificate, &tls.server.key) else { return };
    check(
        &server,
        "127.0.0.1",
        &[
            ("", Ok(false)),
            ("sslmode=disable", Ok(false)),
            ("sslmode=prefer", Ok(true)),
            ("sslmode=require", Ok(true)),
            (&format!("sslmode=verify-ca&{ca}"), Ok(true)),
            (&format!("sslmode=verify-full&{ca}"), Ok(true)),
            (&format!("sslmode=verify-full&{ca}&channel_binding=require"), Ok(true)),
            ("sslmode=disable&channel_binding=require", Err((ErrorKind::Authentication, "channel binding"))),
            (&format!("sslmode=verify-full&{other_ca}"), Err((ErrorKind::Tls, "sslrootcert"))),
            (&format!("sslmode=verify-ca&{other_ca}"), Err((ErrorKind::Tls, "sslrootcert"))),
            // Whoever names the roots wants them used.
            (&format!("sslmode=require&{other_ca}"), Err((ErrorKind::Tls, "sslmode"))),
            ("sslmode=verify-full&sslrootcert=/nowhere.crt", Err((ErrorKind::Tls, "/nowhere.crt"))),
            (&format!("sslmode=require&sslcert={0}&sslkey={0}", tls.ca.display()), Err((ErrorKind::Tls, "sslkey"))),
            (
                &format!(
                    "sslmode=verify-full&{ca}&sslcert={}&sslkey={}",
                    tls.client.certificate.display(),
                    tls.client.key.display()
                ),
                Ok(true),
            ),
        ],
    );
    check(&server, "localhost", &[(&format!("sslmode=verify-full&{ca}"), Ok(true))]);
    // Not known to be this machine: everything is checked, and the error says what would change that.
    check(
        &server,
        "0.0.0.0",
        &[
            (&ca, Err((ErrorKind::Tls, "verify-full"))),
            (&format!("sslmode=verify-ca&{ca}"), Ok(true)),
            ("sslmode=disable", Ok(false)),
        ],
    );
}

#[test]
fn certificates_that_are_not_good_enough() {
    let tls = certificates();
    let ca = format!("sslrootcert={}", tls.ca.display());
    let Some(server) = showing(&tls.other_host.certificate, &tls.other_host.key) else { return };
    check(
        &server,
        "127.0.0.1",
        &[
            (&format!("sslmode=verify-ca&{ca}"), Ok(true)),
            (&format!("sslmode=verify-full&{ca}"), Err((ErrorKind::Tls, "sslmode=verify-full asks for it"))),
            ("sslmode=require", Ok(true)),
        ],
    );
    drop(server);
    let Some(server) = showing(&tls.expired.certificate, &tls.expired.key) else { return };
    check(
        &server,
        "127.0.0.1",
        &[(&format!("sslmode=verify-full&{ca}"), Err((ErrorKind::Tls, "xpired"))), ("sslmode=require", Ok(true))],
    );
}

#[test]
fn a_server_without_tls() {
    let Some(server) = private_with(&Postgres, &[("ssl", "off")]) else { return };
    check(
        &server,
        "127.0.0.1",
        &[("sslmode=prefer", Ok(false)), ("sslmode=require", Err((ErrorKind::Tls, "does not offer TLS")))],
    );
    check(&server, "0.0.0.0", &[("", Err((ErrorKind::Tls, "sslmode=disable")))]);
}

/// What a server with LDAP or PAM asks for, by its plainest way to ask.
#[test]
fn a_server_that_wants_the_password_as_it_is_must_prove_who_it_is_or_be_trusted_by_name() {
    let tls = certificates();
    let ca = format!("sslrootcert={}", tls.ca.display());
    let Some(server) = showing(&tls.server.certificate, &tls.server.key) else { return };
    let rules = "local all all trust\nhost all all 127.0.0.1/32 password\n";
    std::fs::write(server.folder().join("pg_hba.conf"), rules).unwrap();
    let loaded = server.console().value("SELECT pg_conf_load_time()");
    server.reload();
    crate::kit::await_that("the server knows", || server.console().value("SELECT pg_conf_load_time()") != loaded);
    let refused = || Err((ErrorKind::Authentication, "the option cleartext_password,"));
    check(
        &server,
        "127.0.0.1",
        &[
            ("", refused()),
            ("sslmode=disable", refused()),
            ("sslmode=prefer", refused()),
            ("sslmode=require", refused()),
            ("sslmode=disable&cleartext_password=true", Ok(false)),
            ("sslmode=require&cleartext_password=true", Ok(true)),
            (&format!("sslmode=verify-ca&{ca}"), Ok(true)),
            (&format!("sslmode=verify-full&{ca}"), Ok(true)),
        ],
    );
    check(&server, "0.0.0.0", &[("sslmode=disable&cleartext_password=true", refused())]);
}

#[test]
fn an_encrypted_connection_is_cancelled_over_an_encrypted_one_and_can_be_cut() {
    let tls = certificates();
    let Some(server) = showing(&tls.server.certificate, &tls.server.key) else { return };
    let url = format!("{}?sslmode=verify-full&sslrootcert={}&pool_size=1", server.url("postgres"), tls.ca.display());
    let db = Database::open(url).unwrap();
    let backend = || db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap();
    let first = backend();
    for _ in 0..3 {
        let endless = Query::new("SELECT pg_sleep(60)").timeout(std::time::Duration::from_millis(100));
        assert_eq!(db.fetch_all(endless, ()).unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(backend(), first, "the cancel was fenced");
    }
    let blob = vec![7_u8; 3 << 20];
    assert_eq!(db.fetch_val::<Vec<u8>>("SELECT ?::bytea", (blob.clone(),)).unwrap(), Some(blob));
}
