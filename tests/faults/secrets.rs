//! Secrets that must not show, and options that must not work.

use std::error::Error as _;

use pontoon::config::ConfigBuilder;
use pontoon::prelude::*;
use pontoon::{Error, ErrorKind, Secret};

use crate::kit::Canary;
use crate::kit::script::{Method, Rule, Script};
use crate::support::{LONG, SHORT, ends};

/// All that an error shows, its causes and companions included.
fn shown(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("\n{cause}\n{cause:?}"));
        source = cause.source();
    }
    if let Some(secondary) = error.secondary() {
        text.push_str(&shown(secondary));
    }
    text
}

/// All that a database shows.
fn faces(db: &Database) -> String {
    let snapshot = db.snapshot();
    format!(
        "{db:?}\n{db:#?}\n{:?}\n{:#?}\n{}\n{:?}\n{snapshot}\n{snapshot:?}\n{:?}",
        db.config(),
        db.config(),
        db.url(),
        db.url(),
        db.config().options(),
    )
}

/// Each way to hand over a secret.
fn ways(script: &Script) -> Vec<(&'static str, pontoon::DatabaseBuilder)> {
    let builder = || Database::builder().driver(script.driver()).acquire_timeout(SHORT);
    let secret = format!("{:?}", Canary::SECRET);
    let settings = |json: &str| builder().config(serde_json::from_str::<ConfigBuilder>(json).unwrap());
    vec![
        ("the URL", builder().url(format!("script://user:{}@host/database", Canary::in_url()))),
        ("the URL's options", builder().url(format!("script://host/database?token={}", Canary::in_url()))),
        (
            "the URL's option for the password",
            builder().url(format!("script://host/database?password={}", Canary::in_url())),
        ),
        ("the builder", builder().scheme("script").host("host").password(Canary::SECRET)),
        ("an option in code", builder().url(Script::URL).option("token", Canary::SECRET)),
        ("a password as an option in code", builder().url(Script::URL).option("password", Canary::SECRET)),
        (
            "an option of TLS",
            builder().url("script://host/database?sslmode=require").option("sslpassword", Canary::SECRET),
        ),
        ("settings, flat", settings(&format!(r#"{{"scheme":"script","host":"h","password":{secret}}}"#))),
        (
            "settings, nested",
            settings(&format!(
                r#"{{"connection":{{"credentials":{{"scheme":"script","hostname":"h","username":"u","password":{secret}}}}}}}"#
            )),
        ),
        ("settings, with a URL", settings(&format!(r#"{{"url":"script://u:{}@h/d"}}"#, Canary::in_url()))),
        (
            "a provider",
            builder().url("script://user@host/database").password_provider(|| Ok(Secret::new(Canary::SECRET))),
        ),
    ]
}

#[test]
fn no_face_of_a_database_shows_its_secrets() {
    ends(|| {
        let script = Script::new();
        for (way, builder) in ways(&script) {
            Canary::assert_absent(way, &format!("{builder:?}"));
            match builder.build() {
                Ok(db) => {
                    Canary::assert_absent(way, &faces(&db));
                    db.connect().unwrap();
                    let _connection = db.connection().unwrap();
                    Canary::assert_absent(way, &faces(&db));
                    let copy = db.copy().unwrap();
                    Canary::assert_absent(way, &faces(&copy));
                }
                // An option that is not accepted is not repeated either.
                Err(error) => Canary::assert_absent(way, &shown(&error)),
            }
        }
    });
}

/// What is known to be secret, and what nobody knows.
#[test]
fn no_option_that_may_be_secret_shows_its_value() {
    let names = ["password", "sslpassword", "token", "no_such_option", "pasword", "api_key", "PASSWORD", "pass%77ord"];
    let script = Script::new();
    for base in ["script://host/database", "sqlite:app.db"] {
        for name in names {
            let in_url = Database::builder().url(format!("{base}?{name}={}", Canary::in_url()));
            let in_code = Database::builder().url(base).option(name, Canary::SECRET);
            for (way, builder) in [("the URL", in_url), ("code", in_code)] {
                let builder = builder.driver(script.driver());
                Canary::assert_absent(&format!("the builder, {name} by {way}"), &format!("{builder:?}"));
                match builder.build() {
                    Ok(db) => Canary::assert_absent(&format!("the database, {name} by {way}"), &faces(&db)),
                    Err(error) => Canary::assert_absent(&format!("the error, {name} by {way}"), &shown(&error)),
                }
            }
        }
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let bits = bytes.iter().chain([0; 2].iter()).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let digits = [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]));
        digits.into_iter().take(bytes.len() + 1).chain(std::iter::repeat_n('=', 3 - bytes.len())).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

/// Drivers put what they were given into their errors: the library takes it out again.
#[test]
fn what_a_driver_says_is_cleaned_of_secrets() {
    type Saying = fn() -> String;
    let sayings: [(&str, Saying); 7] = [
        ("as it is", || format!("login failed for password {}", Canary::SECRET)),
        ("in a URL", || format!("cannot connect to script://user:{}@host/database", Canary::in_url())),
        ("as an option", || format!("bad option: password='{}';", Canary::SECRET)),
        ("in another's notation", || format!("{:?}", Some(Canary::SECRET))),
        ("in a message of JSON", || format!(r#"{{"error":"login","secret":{:?}}}"#, Canary::SECRET)),
        ("in base64", || format!("Authorization: Basic {}", base64(&format!("user:{}", Canary::SECRET)))),
        ("in a form", || Canary::in_url().replace("%20", "+")),
    ];
    ends(move || {
        for (how, saying) in sayings {
            for kind in [ErrorKind::Authentication, ErrorKind::ConnectFailed] {
                let script = Script::new();
                script.add(Rule::on(Method::Connect).fail_with(move || {
                    let inner = Error::new(ErrorKind::Io, saying());
                    Error::new(kind, saying()).with_source(inner).with_constraint(saying())
                }));
                for (way, builder) in ways(&script) {
                    let Ok(db) = builder.build() else { continue };
                    let error = db.connect().unwrap_err();
                    Canary::assert_absent(&format!("an error, {how}, by {way}"), &shown(&error));
                    db.connect_lazy().unwrap();
                    let error = db.fetch_all("SELECT 1", ()).unwrap_err();
                    Canary::assert_absent(&format!("an error, {how}, by {way}"), &shown(&error));
                    Canary::assert_absent(&format!("the snapshot, {how}, by {way}"), &faces(&db));
                }
            }
        }
    });
}

#[test]
fn what_a_driver_says_of_a_statement_is_cleaned_of_secrets_too() {
    ends(|| {
        let script = Script::new().table("t");
        let url = format!("script://user:{}@host/database", Canary::in_url());
        let db = Database::builder().driver(script.driver()).url(url).pool_size(1).timeout(Some(LONG)).open().unwrap();
        let saying = || Error::new(ErrorKind::Internal, format!("dump of the session: password={}", Canary::SECRET));
        for method in [Method::Execute, Method::Query, Method::Fetch, Method::Begin, Method::Commit, Method::Ping] {
            script.add(Rule::on(method).once().fail_with(saying));
            let error = match method {
                Method::Execute => db.execute("INSERT INTO t VALUES (1)", ()).map(drop),
                Method::Query => db.fetch_all("SELECT n FROM t", ()).map(drop),
                Method::Fetch => {
                    db.iterate("SELECT n FROM SERIES(3)", ()).and_then(|mut rows| rows.next().transpose()).map(drop)
                }
                Method::Begin => db.begin().map(drop),
                Method::Commit => db.begin().and_then(|tx| tx.commit().map_err(Error::from)),
                _ => db.ping(),
            };
            Canary::assert_absent(&format!("an error of {method:?}"), &shown(&error.unwrap_err()));
        }
        // What is printed of the driver's own panic is the affair of the program's hook, and not a word of the library's.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let message = panic.payload().downcast_ref::<String>();
            if !message.is_some_and(|message| message.contains(Canary::SECRET)) {
                hook(panic);
            }
        }));
        for method in [Method::Execute, Method::Connect] {
            let message = format!("the state at the time of the panic: {}", Canary::SECRET);
            script.add(Rule::on(method).once().panic(&message));
            if method == Method::Connect {
                db.refresh();
            }
            let error = db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DriverPanic);
            Canary::assert_absent(&format!("the error of a panic in {method:?}"), &shown(&error));
        }
        // What is remembered of a transaction that was aborted, or lost, is cleaned as well.
        script.add(Rule::on(Method::Execute).once().fail_with(saying).fate(crate::kit::script::Fate::RolledBack));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        Canary::assert_absent(
            "the reason of a lost transaction",
            &shown(&tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err()),
        );
    });
}

#[test]
fn urls_say_one_thing_only() {
    let canary = Canary::in_url();
    let refused = [
        format!("script://user:{canary}@host/database?token=a&token=b"),
        format!("script://user:{canary}@host/database?no_such_option=1"),
        format!("script://user:{canary}@host/database?library=/tmp/evil.so"),
        format!("script://user:{canary}@host/database?pool_size=many"),
        format!("script://user:{canary}@host/database?pool_size=0"),
        format!("script://user:{canary}@host/database?pool_size=10001"),
        format!("script://user:{canary}@host:99999/database"),
        format!("script://user:{canary}@ho st/database"),
        format!("script://user:{canary}@host/data%00base"),
        format!("script://user:{canary}@host/data%zzbase"),
        format!("script://us\ner:{canary}@host/database"),
        format!("scrpt://user:{canary}@host/database"),
        format!("script://user:{}@host/database", Canary::SECRET),
        format!("//user:{canary}@host/database"),
        String::new(),
    ];
    let script = Script::new();
    for url in refused {
        let error = Database::builder().driver(script.driver()).url(url.as_str()).build().map(drop).unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(
                kind,
                ErrorKind::Url
                    | ErrorKind::Config
                    | ErrorKind::UnknownOption
                    | ErrorKind::ForbiddenOption
                    | ErrorKind::UnknownScheme
            ),
            "{kind:?}"
        );
        Canary::assert_absent("the error of a URL", &shown(&error));
    }
}

#[test]
fn code_is_never_named_by_data() {
    let script = Script::new();
    let with = |builder: pontoon::DatabaseBuilder| builder.driver(script.driver()).build();
    let url = "script://host/database?library=/tmp/evil.so";
    assert_eq!(with(Database::builder().url(url)).map(drop).unwrap_err().kind(), ErrorKind::ForbiddenOption);
    let option = Database::builder().url(Script::URL).option("library", "/tmp/evil.so");
    // In code it is the program itself that says so, or it has to allow it.
    let in_code = with(option).map(drop).map_err(|error| error.kind());
    assert!(matches!(in_code, Ok(()) | Err(ErrorKind::ForbiddenOption)), "{in_code:?}");
    assert!(with(Database::builder().url(url).allow_code_options(true)).is_ok());
    for url in ["sqlite:app.db?load_extension=/tmp/evil.so", "sqlite:app.db?extension=/tmp/evil.so"] {
        let kind = Database::new(url).map(drop).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::ForbiddenOption | ErrorKind::UnknownOption), "{url}: {kind:?}");
    }
}
