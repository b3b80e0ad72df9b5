//! Configurations: what options come to, what is refused and how, and that nothing secret is ever shown.

mod url_schemes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::config::{
    Config, ConfigBuilder, GENERAL_OPTIONS, OptionSpec, OptionValue, PoolOptions, Reset, SchemeInfo, TLS_OPTIONS,
    TlsMode,
};
use pontoon::{Error, ErrorKind, Secret};
use proptest::prelude::*;
use url_schemes::SCHEMES;

#[track_caller]
fn config(url: &str) -> Config {
    Config::from_url(url, SCHEMES).unwrap_or_else(|error| panic!("{url}: {error}"))
}

const fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn the_tables_of_the_tests_are_sound() {
    for scheme in SCHEMES {
        OptionSpec::check_table(scheme.options).unwrap_or_else(|why| panic!("{}: {why}", scheme.name));
    }
}

#[test]
fn defaults_are_finite() {
    let config = config("postgresql://h/db");
    let pool = config.pool();
    assert_eq!(*pool, PoolOptions::default());
    assert!(pool.size >= 4);
    assert_eq!((pool.min_idle, pool.acquire_timeout, pool.max_stuck), (0, Duration::from_secs(30), pool.size));
    assert_eq!((pool.idle_timeout, pool.max_lifetime, pool.keepalive), (secs(600), secs(1800), None));
    assert_eq!((pool.leak_threshold, pool.max_waiters, pool.reset), (secs(300), 16_384, Reset::Auto));
    assert_eq!((config.timeout(), config.connect_timeout(), config.batch_rows()), (secs(30), secs(10), None));
    assert_eq!((config.isolation_level(), config.force_rollback(), config.echo()), (None, false, false));
    assert_eq!((config.echo_pool(), config.lend(), config.dialect()), (false, true, "postgresql"));
    assert!(config.notices().is_empty());
}

#[test]
fn every_general_option_is_read_from_the_url() {
    let config = config(
        "postgres://h/db?pool_size=20&min_idle=2&acquire_timeout=500ms&idle_timeout=1m&max_lifetime=2h&keepalive=45&\
         leak_threshold=never&max_waiters=7&max_stuck=3&reset=FULL&timeout=none&connect_timeout=1.5&batch_rows=100&\
         isolation_level=READ+COMMITTED&force_rollback&echo=on&echo_pool=1&lend=no&dialect=cockroachdb&application_name=x",
    );
    let pool = config.pool();
    assert_eq!((pool.size, pool.min_idle, pool.max_waiters, pool.max_stuck), (20, 2, 7, 3));
    assert_eq!((pool.acquire_timeout, pool.idle_timeout), (Duration::from_millis(500), secs(60)));
    assert_eq!((pool.max_lifetime, pool.keepalive, pool.leak_threshold), (secs(7200), secs(45), None));
    assert_eq!(pool.reset, Reset::Full);
    assert_eq!((config.timeout(), config.connect_timeout()), (None, Some(Duration::from_millis(1500))));
    assert_eq!(config.batch_rows().map(Into::into), Some(100_usize));
    assert_eq!(config.isolation_level(), Some("read committed"));
    assert!(config.force_rollback() && config.echo() && config.echo_pool() && !config.lend());
    assert_eq!((config.dialect(), config.is_dialect_given()), ("cockroachdb", true));
    // What is settled leaves the URL; what is the driver's stays.
    assert_eq!(config.url().expose(), "postgres://h/db?application_name=x");
    assert_eq!(config.options().str("application_name"), Some("x"));
}

#[test]
fn the_builder_means_the_same_as_the_url() {
    let typed = Config::builder()
        .url("postgresql://h/db")
        .pool_size(9)
        .min_idle(1)
        .acquire_timeout(Duration::ZERO)
        .idle_timeout(None)
        .max_lifetime(secs(7))
        .keepalive(secs(8))
        .leak_threshold(None)
        .max_waiters(0)
        .max_stuck(0)
        .reset(Reset::Never)
        .timeout(Some(Duration::from_nanos(1_000_000_001)))
        .connect_timeout(None)
        .batch_rows(5)
        .isolation_level("Repeatable-Read")
        .force_rollback(true)
        .echo(false)
        .echo_pool(true)
        .lend(false)
        .dialect("x")
        .option("ssl", true)
        .option("application-name", "y")
        .build(SCHEMES)
        .unwrap();
    let pool = typed.pool();
    assert_eq!((pool.size, pool.min_idle, pool.max_waiters, pool.max_stuck), (9, 1, 0, 0));
    assert_eq!((pool.acquire_timeout, pool.idle_timeout, pool.max_lifetime), (Duration::ZERO, None, secs(7)));
    assert_eq!((pool.keepalive, pool.leak_threshold, pool.reset), (secs(8), None, Reset::Never));
    assert_eq!((typed.timeout(), typed.connect_timeout()), (Some(Duration::from_nanos(1_000_000_001)), None));
    assert_eq!((typed.isolation_level(), typed.tls().mode), (Some("repeatable read"), Some(TlsMode::VerifyFull)));
    assert!(typed.force_rollback() && !typed.echo() && typed.echo_pool() && !typed.lend());
    assert_eq!(typed.options().str("application_name"), Some("y"));
}

#[test]
fn parts_in_place_of_a_url() {
    let parts = |scheme: &str| Config::builder().scheme(scheme);
    let built = parts("postgresql").host("a").host("::1").port(7).username("u").password("p@[]{5}/").database("d b");
    let built = built.build(SCHEMES).unwrap();
    assert_eq!(built.url().expose(), "postgresql://u:p%40%5B%5D%7B5%7D%2F@a:7,[::1]:7/d%20b");
    assert_eq!(built.password().unwrap(), Some(Secret::new("p@[]{5}/")));

    // No host is made up, but a port alone is one of localhost.
    assert!(parts("postgresql").database("d").build(SCHEMES).unwrap().url().hosts().is_empty());
    assert_eq!(parts("mysql").port(1).build(SCHEMES).unwrap().url().expose(), "mysql://localhost:1");
    assert_eq!(parts("sqlite").database("/a b.db").build(SCHEMES).unwrap().url().expose(), "sqlite:////a%20b.db");
    assert_eq!(parts("jdbc+h2").database("mem:x").build(SCHEMES).unwrap().url().expose(), "jdbc+h2://mem:x");
    // A socket as an option of the builder is part of the address.
    let socket = parts("mysql").option("unix_socket", "/run/my.sock").build(SCHEMES).unwrap();
    assert_eq!(socket.url().host().and_then(|host| host.unix_path()), Some("/run/my.sock".as_ref()));
}

#[test]
fn credentials_in_options() {
    let config = config("postgresql:///?user=u&password=p%2540&dbname=d&host=/run/pg");
    assert_eq!(config.url().expose(), "postgresql://u:p%2540@/d?host=%2Frun%2Fpg");
    assert_eq!(config.username(), Some("u"));
    // Where the address cannot hold them they are kept beside it.
    let foreign = Config::builder().url("jdbc:h2:mem:x").option("user", "sa").option("password", "hunter2");
    let foreign = foreign.build(SCHEMES).unwrap();
    assert_eq!((foreign.username(), foreign.password().unwrap()), (Some("sa"), Some(Secret::new("hunter2"))));
    assert_eq!(foreign.redactor().redact("got hunter2"), "got ***");
}

#[test]
fn a_provider_is_asked_for_each_password() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let config = Config::builder()
        .url("postgresql://u@h/db")
        .password_provider(move || Ok(Secret::new(format!("token-{}", count.fetch_add(1, Ordering::Relaxed)))))
        .build(SCHEMES)
        .unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let redactor = config.clone().redactor().clone();
    assert_eq!(redactor.redact("with token-0"), "with token-0");
    assert_eq!(config.password().unwrap(), Some(Secret::new("token-0")));
    assert_eq!(config.password().unwrap(), Some(Secret::new("token-1")));
    assert_eq!(redactor.redact("with token-0, token-1"), "with ***, ***");
    assert!(config.has_password_provider());

    let failing = Config::builder().url("mysql://h/db");
    let failing = failing.password_provider(|| Err(Error::new(ErrorKind::Authentication, "no ticket"))).build(SCHEMES);
    let error = failing.unwrap().password().unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Authentication, "the password provider failed: no ticket")
    );
}

#[test]
fn driver_options_are_typed_and_have_their_defaults() {
    let config = config("sqlite:///x.db?Journal-Mode=WAL&busy_timeout=0&cache_size=-2000&immutable");
    let options = config.options();
    assert_eq!((options.str("journal_mode"), options.duration("busy_timeout")), (Some("wal"), Some(Duration::ZERO)));
    assert_eq!((options.i64("cache_size"), options.bool("immutable")), (Some(-2000), Some(true)));
    assert_eq!((options.bool("foreign_keys"), options.is_given("foreign_keys")), (Some(true), false));
    assert!(options.is_given("journal_mode") && options.get("mode").is_none() && options.str("cache_size").is_none());
    let given: Vec<_> = options.given().map(|(name, _)| name).collect();
    assert_eq!(given, ["journal_mode", "busy_timeout", "cache_size", "immutable"]);
}

#[test]
fn an_option_of_the_driver_hides_a_general_one() {
    use pontoon::config::OptionKind;
    const OWN: &[OptionSpec] = &[OptionSpec::new("timeout", OptionKind::Integer { min: 0, max: 9 }, "Its own.")];
    const TABLE: &[SchemeInfo] = &[SchemeInfo::new("x", "x").options(OWN)];
    let config = Config::from_url("x://h?timeout=7", TABLE).unwrap();
    assert_eq!((config.options().i64("timeout"), config.timeout()), (Some(7), secs(30)));
}

#[test]
fn tls_is_full_unless_the_host_is_this_machine() {
    for (url, mode) in [
        ("postgresql://db.example/x", TlsMode::VerifyFull),
        ("postgresql://10.0.0.1/x", TlsMode::VerifyFull),
        ("postgresql://localhost/x", TlsMode::Disable),
        ("postgresql://[::1]/x", TlsMode::Disable),
        ("postgresql://%2Frun/x", TlsMode::Disable),
        ("postgresql://localhost/x?ssl=true", TlsMode::VerifyFull),
        ("postgresql://h/x?ssl", TlsMode::VerifyFull),
        ("postgresql://h/x?ssl=false", TlsMode::Disable),
        ("postgresql://h/x?ssl=require", TlsMode::Require),
        ("postgresql://h/x?sslmode=prefer", TlsMode::Prefer),
        ("postgresql://h/x?sslmode=verify-ca", TlsMode::VerifyCa),
        ("mysql://h/x?ssl-mode=VERIFY_IDENTITY", TlsMode::VerifyFull),
        ("mysql://h/x?ssl_mode=DISABLED", TlsMode::Disable),
    ] {
        let config = config(url);
        assert_eq!(config.tls_mode(config.url().host().unwrap()), mode, "{url}");
        assert_eq!(TlsMode::VerifyCa.as_str(), "verify-ca");
    }
    let tls = config("mysql://h/x?sslrootcert=/a&ssl_cert=/b&sslkey=/c&sslpassword=hunter2").tls().clone();
    assert_eq!((tls.root_cert, tls.cert, tls.key), (Some("/a".into()), Some("/b".into()), Some("/c".into())));
    assert_eq!(tls.key_password, Some(Secret::new("hunter2")));
}

/// Every URL here is refused, with this kind and message.
const BAD: &[(&str, ErrorKind, &str)] = &[
    (
        "invalid://localhost",
        ErrorKind::UnknownScheme,
        "no driver serves the scheme `invalid`; known are sqlite, postgresql, mysql, mariadb, mssql, odbc, jdbc, dbapi2, \
         oracle",
    ),
    (
        "postgressql://localhost",
        ErrorKind::UnknownScheme,
        "no driver serves the scheme `postgressql`; did you mean postgresql or postgres?",
    ),
    (
        "oracle+oracledb://h/x",
        ErrorKind::UnknownScheme,
        "the driver for `oracle` is not compiled in; enable the feature `oracle` of pontoon",
    ),
    ("mysql+foo://h/x", ErrorKind::UnknownScheme, "`mysql` has no driver `foo`; write mysql://… without it"),
    ("mysql://h/x?pool_szie=8", ErrorKind::UnknownOption, "unknown option `pool_szie`; did you mean pool_size?"),
    (
        "sqlite:///x?jounral_mode=wal",
        ErrorKind::UnknownOption,
        "unknown option `jounral_mode`; did you mean journal_mode?",
    ),
    (
        "mysql://h/x?bogus=hunter2",
        ErrorKind::UnknownOption,
        "unknown option `bogus`; beside those that every database has, mysql has charset",
    ),
    (
        "sqlite:///x?ssl=true",
        ErrorKind::UnknownOption,
        "the option `ssl` has no place in a URL of sqlite, which is spoken to over no network; leave it out",
    ),
    (
        "sqlite:///x?passwd=hunter2",
        ErrorKind::UnknownOption,
        "unknown option `passwd`; beside those that every database has, sqlite has mode, cache, vfs, immutable, uri, busy_timeout, journal_mode, foreign_keys, cache_size",
    ),
    (
        "mysql://h/x?pool_size=3&pool_size=3",
        ErrorKind::Config,
        "the option `pool_size` is given twice, both times in the URL; give it once",
    ),
    (
        "mysql://h/x?sslmode=require&ssl=false",
        ErrorKind::Config,
        "the option `sslmode` is given twice, in the URL and as `ssl` in the URL; give it once",
    ),
    (
        "mysql://h/x?pool_size=3&max_size=3",
        ErrorKind::Config,
        "the option `pool_size` is given twice, in the URL and as `max_size` in the URL; give it once",
    ),
    (
        "mysql://h/x?pool_size=0",
        ErrorKind::Config,
        "the option `pool_size`: `0` is not what it takes; give a whole number from 1 to 10000",
    ),
    (
        "mysql://h/x?max_overflow=-1",
        ErrorKind::Config,
        "the option `max_overflow`: `-1` is not what it takes; give a whole number from 0 to 10000",
    ),
    (
        "mysql://h/x?pool_size=5;password=hunter2",
        ErrorKind::Config,
        "the option `pool_size`: `5;password=***` is not what it takes; give a whole number from 1 to 10000",
    ),
    (
        "mysql://u:x@h/x?pool_size=hunter2%40h",
        ErrorKind::Config,
        "the option `pool_size`: its value is not what it takes; give a whole number from 1 to 10000",
    ),
    (
        "mysql://h/x?echo=maybe",
        ErrorKind::Config,
        "the option `echo`: `maybe` is not what it takes; give true or false",
    ),
    (
        "mysql://h/x?pool_size",
        ErrorKind::Config,
        "the option `pool_size`: an empty value is not what it takes; give a whole number from 1 to 10000",
    ),
    (
        "mysql://h/x?timeout=0",
        ErrorKind::Config,
        "the option `timeout`: a time of 0 would be over at once; to switch it off write `never`",
    ),
    (
        "mysql://h/x?timeout=soon",
        ErrorKind::Config,
        "the option `timeout`: `soon` is not what it takes; give a time like 30s, 500ms or 1.5, or `never`",
    ),
    (
        "mysql://h/x?acquire_timeout=never",
        ErrorKind::Config,
        "the option `acquire_timeout`: `never` is not what it takes; give a time like 30s, 500ms or 1.5",
    ),
    ("mysql://h/x?timeout=1us", ErrorKind::Config, "the option `timeout`: `1us` is not from 1ms to 1000000000s"),
    (
        "mysql://h/x?isolation_level=chaos",
        ErrorKind::Config,
        "the option `isolation_level`: `chaos` is not what it takes; give one of read uncommitted, read committed, \
         repeatable read, snapshot, serializable, autocommit",
    ),
    (
        "mysql://h/x?min_size=5&max_size=4",
        ErrorKind::Config,
        "`min_idle` 5 is more than `pool_size` 4; lower the one or raise the other",
    ),
    (
        "mysql://h/x?pool_size=9999&max_overflow=2",
        ErrorKind::Config,
        "`pool_size` 9999 and `max_overflow` 2 are more than 10000 connections",
    ),
    ("mysql://h/x?sslcert=/a", ErrorKind::Config, "`sslcert` needs `sslkey`, the key that belongs to the certificate"),
    ("mysql://h/x?sslkey=/a", ErrorKind::Config, "`sslkey` needs `sslcert`, the certificate that belongs to the key"),
    (
        "mysql://u:hunter2@h/x?password=hunter2",
        ErrorKind::Config,
        "the password is given twice, in the address and by the option `password`; give it once",
    ),
    (
        "mysql://u@h/x?username=u",
        ErrorKind::Config,
        "the user name is given twice, in the address and by the option `user`; give it once",
    ),
    (
        "mysql://u@h/x?database=y",
        ErrorKind::Config,
        "the database is given twice, in the address and by the option `dbname`; give it once",
    ),
    (
        "jdbc+h2://mem:x?jdbc_driver_args=hunter2",
        ErrorKind::Config,
        "the option `jdbc_driver_args`: its value is not what it takes; give a JSON document",
    ),
    (
        "mysql://h/x?ClassPath=x",
        ErrorKind::ForbiddenOption,
        "the option `ClassPath` names code or files to load, and a URL is only data; call allow_code_options(true) on the \
         builder if whoever configures this database may choose what the program loads",
    ),
];

#[test]
fn what_is_refused_and_how() {
    for (url, kind, message) in BAD {
        let error = Config::from_url(*url, SCHEMES).expect_err(url);
        assert_eq!(error.to_string(), *message, "{url}");
        assert_eq!(error.kind(), *kind, "{url}");
        assert!(!format!("{error:?}").contains("hunter2"), "{url}");
    }
}

#[test]
fn a_builder_that_contradicts_itself_is_refused() {
    let url = || Config::builder().url("mysql://h/x?pool_size=3");
    for (builder, message) in [
        (Config::builder(), "there is no database; give a URL, or parts with a scheme like postgresql or sqlite"),
        (Config::builder().host("h"), "there is no scheme; give one like postgresql or sqlite"),
        (url().host("h"), "give either a URL or parts (scheme, host, user, password, database), not both"),
        (url().password("hunter2"), "give either a URL or parts (scheme, host, user, password, database), not both"),
        (url().pool_size(3), "the option `pool_size` is given twice, in the URL and in the builder; give it once"),
        (
            url().option("max_size", 4),
            "the option `pool_size` is given twice, in the URL and as `max_size` in the builder; give it once",
        ),
        (url().echo(true).echo(true), "the option `echo` is given twice, both times in the builder; give it once"),
        (
            Config::builder().url("mysql://u:hunter2@h/x").password_provider(|| Ok(Secret::new("y"))),
            "there is a password and a password provider; give one of them",
        ),
        (
            Config::builder().scheme("sqlite").host("localhost").database("x.db"),
            "a URL of sqlite cannot hold a host; write sqlite:///relative/path or sqlite:////absolute/path",
        ),
        (Config::builder().scheme("mysql").port(0), "0 is no port; give one from 1 to 65535"),
        (
            Config::builder().url("mysql://h:x/y"),
            "the port of the host is no number from 1 to 65535; if it is a piece of the password, write `/` there as %2F, `?` as %3F and `@` as %40",
        ),
    ] {
        assert!(!format!("{builder:?}").contains("hunter2"));
        assert_eq!(builder.build(SCHEMES).expect_err(message).to_string(), message);
    }
}

#[test]
fn code_is_refused_wherever_it_is_named() {
    let allowed = |url: &str| Config::builder().url(url).allow_code_options(true).build(SCHEMES);
    for url in [
        "jdbc+sqlite://x.db?classpath=/tmp/evil.jar",
        "jdbc+sqlite://x.db?jdbc_driver=evil.Driver",
        "jdbc+x://h/db?jdbc_driver_args={\"socketFactory\":\"evil\"}",
        "jdbc+x://h/db;INIT=evil?a=b",
        "jdbc+x://h/db?sslFactory=evil",
        "jdbc:postgresql://h/db?socketFactory=evil",
        "jdbc:mysql://h/db?autoDeserialize=true",
        "odbc:DRIVER=/tmp/evil.so",
        "odbc:DRIVER={/tmp/evil.so};PWD=x",
        "mssql://h/db?driver=/tmp/evil.so",
        "dbapi2://x?dbapi_path=evil",
    ] {
        let error = Config::from_url(url, SCHEMES).expect_err(url);
        assert_eq!(error.kind(), ErrorKind::ForbiddenOption, "{url}");
        assert!(error.to_string().ends_with("may choose what the program loads"), "{error}");
        allowed(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
    for option in ["java", "python_executable", "jvm_options", "load_extension", "allowLoadLocalInfile"] {
        let builder = || Config::builder().url("jdbc+x://h/db").option(option, "evil");
        assert_eq!(builder().build(SCHEMES).unwrap_err().kind(), ErrorKind::ForbiddenOption, "{option}");
        assert!(builder().allow_code_options(true).build(SCHEMES).unwrap().allows_code_options());
    }
    // Names are data.
    config("mssql://h/db?driver=ODBC+Driver+18+for+SQL+Server");
    config("odbc:DSN=warehouse;UID=u;PWD=p");
    config("jdbc:postgresql://h/db?user=u&password=p&ssl=true");
    // Repeated where it may be.
    let jars = allowed("jdbc+x://d?classpath=a.jar&classpath=b.jar").unwrap();
    let jars: Vec<_> = jars.options().get_all("classpath").collect();
    assert_eq!(jars, [&OptionValue::Path("a.jar".into()), &OptionValue::Path("b.jar".into())]);
}

#[test]
fn settings_files() {
    let read = |text: &str| serde_json::from_str::<ConfigBuilder>(text);
    let url = |text: &str| read(text).unwrap().build(SCHEMES).unwrap().url().expose();
    assert_eq!(url(r#"{"url": "mysql://u:p@h/x", "options": {"pool_size": 3}}"#), "mysql://u:p@h/x");
    assert_eq!(url(r#"{"scheme": "sqlite", "host": null, "database": "x.db"}"#), "sqlite:///x.db");
    assert_eq!(url(r#"{"scheme": "mysql", "hostname": "h", "port": "7", "username": "u"}"#), "mysql://u@h:7");
    let nested = r#"{"connection": {"credentials": {"scheme": "mssql", "host": "localhost", "port": 1433, "user": "sa",
        "password": "p@[]", "database": "master", "options": {"driver": "ODBC Driver 17 for SQL Server", "echo": true,
        "pool_timeout": 2.5, "TrustServerCertificate": "yes", "nothing": null}}}}"#;
    let config = read(nested).unwrap().build(SCHEMES).unwrap();
    assert_eq!(config.url().expose(), "mssql://sa:p%40%5B%5D@localhost:1433/master");
    assert!(config.echo());
    assert_eq!(config.pool().acquire_timeout, Duration::from_millis(2500));
    assert_eq!(config.options().str("driver"), Some("ODBC Driver 17 for SQL Server"));
    assert_eq!(config.options().secret("TrustServerCertificate").map(Secret::expose), Some("yes"));
    let jdbc = r#"{"scheme": "jdbc+h2", "database": "mem:x", "options": {"classpath": ["a", "b"],
        "jdbc_driver_args": {"user": "u", "password": "hunter2"}}}"#;
    let config = read(jdbc).unwrap().allow_code_options(true).build(SCHEMES).unwrap();
    assert_eq!(config.options().get_all("classpath").count(), 2);
    assert_eq!(config.redactor().redact("no hunter2"), "no ***");

    for (text, message) in [
        (r#"{"bogus": 1}"#, "unknown field `bogus`, expected one of"),
        (r#"{"connection": {"credentials": {"bogus": 1}}}"#, "unknown field `bogus`, expected one of"),
        (r#"{"connection": {}}"#, "missing field `credentials`"),
        (r#"{"host": "a", "hostname": "b"}"#, "duplicate field `host`"),
        (
            r#"{"scheme": "mysql", "connection": {"credentials": {}}}"#,
            "give either `connection` or the credentials beside it, not both",
        ),
        (r#"{"scheme": "mysql", "port": 70000}"#, "port must be a number from 1 to 65535"),
        (r#"{"scheme": "mysql", "password": 424242}"#, "a secret must be a string; put it in quotes"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.starts_with(message) && !error.contains("424242"), "{error}");
    }
    for text in [
        r#""mysql://u:hunter2@h""#,
        r#"{"connection": "mysql://u:hunter2@h"}"#,
        r#"{"connection": {"credentials": "mysql://u:hunter2@h"}}"#,
        r#"{"scheme": "mysql", "options": "password=hunter2"}"#,
        r#"["mysql://u:hunter2@h"]"#,
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("a URL is the setting `url`") || text.starts_with('['), "{error}");
    }
    for (text, message) in [
        (
            r#"{"url": "mysql://h", "host": "h"}"#,
            "give either a URL or parts (scheme, host, user, password, database), not both",
        ),
        (r#"{"host": "h"}"#, "there is no scheme; give one like postgresql or sqlite"),
        (
            r#"{"scheme": "mysql", "options": {"echo": true, "echo": false}}"#,
            "the option `echo` is given twice, both times in the builder; give it once",
        ),
        (
            r#"{"scheme": "jdbc+x", "options": {"classpath": "a"}}"#,
            "the option `classpath` names code or files to load, and a URL is only data; call allow_code_options(true) on the builder if whoever configures this database may choose what the program loads",
        ),
    ] {
        assert_eq!(read(text).unwrap().build(SCHEMES).expect_err(text).to_string(), message);
    }
}

#[test]
fn a_builder_does_not_show_what_it_was_given() {
    for builder in [
        Config::builder().scheme("jdbc+x").database("//u:hunter2@h/db"),
        Config::builder().scheme("mysql").host("u:hunter2@h"),
        Config::builder().scheme("mysql").username("u:hunter2").password("hunter2").option("sslpassword", "hunter2"),
        Config::builder().url("mysql://u:hunter2@h"),
        Config::builder().url("mysql://u:hunter2@h:x"),
    ] {
        let shown = format!("{builder:?} {builder:#?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let shown = format!("{:?}", Config::builder().scheme("mysql").host("h").password("p"));
    assert!(shown.contains(r#"parts: ["scheme", "host", "password"]"#), "{shown}");
}

#[test]
fn no_secret_is_shown_and_the_scrubber_knows_them_all() {
    const CANARY: &str = "c4n@ry/p%ss";
    const ENCODED: &str = "c4n%40ry%2Fp%25ss";
    for url in [
        format!("mysql://u:{ENCODED}@h/x"),
        format!("mysql://u@h/x?password={ENCODED}"),
        format!("mysql://h/x?sslcert=a&sslkey=b&sslpassword={ENCODED}"),
        format!("mssql://h/x?some_secret={ENCODED}"),
        format!("jdbc+x://h/db?jdbc_driver_args=%7B%22password%22:%22{ENCODED}%22%7D"),
        format!("jdbc:x://h/db?user=u&password={ENCODED}"),
        format!("jdbc:sqlserver://h;password={{{CANARY}}};a=b"),
        format!("jdbc:oracle:thin:scott/{ENCODED}@h"),
        format!("dbapi2+x://u:{ENCODED}@h/db"),
        format!("odbc:UID=u;PWD={{{CANARY}}}"),
    ] {
        let config = config(&url);
        for shown in [format!("{config:?}"), format!("{config:#?}"), config.url().to_string()] {
            assert!(!shown.contains("c4n"), "{url}: {shown}");
        }
        for form in [CANARY, ENCODED] {
            assert_eq!(
                config.redactor().redact(&format!("login with {form} failed")),
                "login with *** failed",
                "{url}"
            );
        }
    }
}

proptest! {
    /// Whatever comes as an option's value, the message that refuses it is one line and holds no control character.
    #[test]
    fn any_value_is_read_or_refused(n in 0..GENERAL_OPTIONS.len() + TLS_OPTIONS.len(), value in any::<String>()) {
        let spec = GENERAL_OPTIONS.iter().chain(TLS_OPTIONS).nth(n).unwrap();
        if let Err(error) = Config::builder().url("mysql://h").option(spec.name, &*value).build(SCHEMES) {
            prop_assert!(!error.to_string().contains(char::is_control), "{}", error);
        }
    }

    #[test]
    fn a_raw_password_never_shows_in_a_configuration_error(raw in "[ -~]{0,12}", tail in "[ -~]{0,12}") {
        let text = format!("mysql://user:{raw}S3cr3tT4nary{tail}@host/db?pool_size=x");
        let shown = match Config::from_url(&*text, SCHEMES) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains("T4nary"), "{}: {}", text, shown);
    }
}
