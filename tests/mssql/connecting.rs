//! The way in.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Database, Effect, ErrorKind};

use crate::kit::Canary;
use crate::kit::tds::Asked;
use crate::support::{Way, fails, on_each};

#[test]
fn the_login_has_user_database_and_the_version_of_the_protocol() {
    on_each(|place| {
        let db = place.open();
        let asked = place.server.asked();
        let [Asked::Prelogin(encryption), Asked::Login(login), ..] = asked.as_slice() else { panic!("{asked:#?}") };
        assert_eq!((login.user.as_str(), login.database.as_str()), ("sa", "shop"));
        assert_eq!(login.version >> 24, 0x74, "{login:?}");
        // On this machine nothing is encrypted unless it is asked for.
        assert_eq!(*encryption, 0, "off");
        Canary::assert_absent("what is known of a database", &format!("{db:?} {:?}", db.snapshot()));
        let report = db.close(Duration::from_secs(10));
        assert!(report.is_clean(), "{report:?}");
        place.server.wait_for("the good-bye", 1, |asked| *asked == Asked::Gone);
    });
}

#[test]
fn the_dialect_is_that_of_sql_server_before_and_after_the_login() {
    on_each(|place| {
        let db = place.builder().build().expect("a database");
        assert_eq!(db.dialect().name, "SQL Server");
        db.connect().expect("a connection");
        assert_eq!(db.dialect().name, "SQL Server");
    });
}

#[test]
fn a_wrong_password_and_an_unknown_database_are_final_and_told_at_once() {
    on_each(|place| {
        let code = place.way != Way::FreeTds;
        for (url, kind) in [
            (place.url().replace(&Canary::in_url(), "wr0ng"), ErrorKind::Authentication),
            (place.url().replace("/shop", "/elsewhere"), ErrorKind::UnknownDatabase),
        ] {
            let db = Database::builder().url(&url).allow_code_options(code).build().expect("a database");
            let error = fails(kind, db.connect());
            assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
            assert!(!format!("{error:?}").contains("wr0ng"), "it shows the password");
            Canary::assert_absent("the error", &format!("{error:?}"));
        }
    });
}

#[test]
fn encryption_that_is_asked_for_and_not_had_is_an_error_and_not_a_plain_connection() {
    on_each(|place| {
        if place.way != Way::FreeTds {
            return;
        }
        let url = format!("{}&trust_server_certificate=true", place.url());
        let brief = Duration::from_secs(3);
        let db = Database::builder().url(&url).acquire_timeout(brief).timeout(Some(brief)).build().expect("a database");
        let error = db.connect().expect_err("the server encrypts nothing");
        assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
        let asked = place.server.asked();
        assert!(!asked.iter().any(|asked| matches!(asked, Asked::Login(_))), "{asked:#?}");
        // What it cannot check it is not asked to check.
        fails(ErrorKind::Tls, Database::builder().url(place.url().replace("127.0.0.1", "db.example")).open());
    });
}

#[test]
fn what_was_opened_to_the_user_is_opened_anew_before_the_next() {
    on_each(|place| {
        let db = place.open();
        db.execute_script("SET LANGUAGE German").expect("a setting");
        db.fetch_val::<i64>("SELECT 1", ()).expect("a number");
        let logins = place.server.asked().iter().filter(|asked| matches!(asked, Asked::Login(_))).count();
        assert_eq!(logins, 2, "{:#?}", place.server.asked());
    });
}
