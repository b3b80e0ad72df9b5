//! Every URL and option that the documentation and the tests of databasez, databases and based use: accepted, and with
//! which meaning, or refused, and with which sentence.

mod url_schemes;

use pontoon::ErrorKind::{self, Config as BadConfig, ForbiddenOption, UnknownOption, UnknownScheme, Url};
use pontoon::Secret;
use pontoon::config::{Config, ConfigBuilder, TlsMode};
use url_schemes::SCHEMES;

enum Want {
    /// Accepted, and these facts hold: see `fact`.
    Means(&'static [(&'static str, &'static str)]),
    /// Accepted without effect, and this notice says why.
    Notice(&'static str),
    /// Accepted only where the program allows options that name code; then these facts hold.
    Code(&'static [(&'static str, &'static str)]),
    /// Refused.
    Refused(ErrorKind, &'static str),
}
use Want::{Code, Means, Notice, Refused};

/// What the configuration says about one thing, as text; `-` is nothing.
fn fact(config: &Config, name: &str) -> String {
    let url = config.url();
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    match name {
        "scheme" => config.scheme().name.into(),
        "url" => url.expose(),
        "driver" => or_dash(url.driver().map(Into::into)),
        "user" => or_dash(config.username().map(Into::into)),
        "password" => or_dash(config.password().unwrap().map(|password| password.expose().into())),
        "host" => or_dash(url.host().map(|host| host.to_plain())),
        "port" => or_dash(url.port().map(|port| port.to_string())),
        "database" => or_dash(url.database().map(Into::into)),
        "dsn" => or_dash(url.dsn().map(|dsn| dsn.expose().into())),
        "size" => config.pool().size.to_string(),
        "min_idle" => config.pool().min_idle.to_string(),
        "lifetime" => format!("{:?}", config.pool().max_lifetime),
        "acquire" => format!("{:?}", config.pool().acquire_timeout),
        "echo" => config.echo().to_string(),
        "echo_pool" => config.echo_pool().to_string(),
        "isolation" => or_dash(config.isolation_level().map(Into::into)),
        "force_rollback" => config.force_rollback().to_string(),
        "tls" => or_dash(config.tls().mode.map(TlsMode::as_str).map(Into::into)),
        option => match config.options().get(option) {
            None => "-".into(),
            Some(value) => match config.options().secret(option) {
                Some(secret) => Secret::expose(secret).into(),
                None => format!("{value:?}"),
            },
        },
    }
}

const OVERFLOW: &str = "pool_size 10 and max_overflow 20 are one pool of 30: connections are opened when they are needed, \
                        and those beyond min_idle closed when they idle";
const FORBIDDEN: &str = "names code or files to load, and a URL is only data; call allow_code_options(true) on the builder \
                         if whoever configures this database may choose what the program loads";

const TABLE: &[(&str, Want)] = &[
    // Drivers: whichever Python package is named, the dialect's own driver serves it.
    (
        "postgresql://username:password@localhost:5432/testsuite",
        Means(&[("scheme", "postgresql"), ("driver", "-"), ("port", "5432")]),
    ),
    (
        "postgresql+asyncpg://username:password@localhost:5432/testsuite",
        Means(&[("scheme", "postgresql"), ("database", "testsuite")]),
    ),
    ("postgresql+psycopg://username:password@localhost:5432/testsuite", Means(&[("scheme", "postgresql")])),
    ("postgresql+psycopg2://localhost/testsuite", Means(&[("scheme", "postgresql")])),
    ("postgresql+psycopg_async://localhost/testsuite", Means(&[("scheme", "postgresql")])),
    (
        "postgresql+aiopg://username:password@127.0.0.1:5432/testsuite",
        Means(&[("scheme", "postgresql"), ("host", "127.0.0.1")]),
    ),
    ("postgresql+pg8000://localhost/testsuite", Means(&[("scheme", "postgresql")])),
    ("postgres://postgres:password@localhost:5432/my_db", Means(&[("scheme", "postgresql"), ("user", "postgres")])),
    ("postgres+asyncpg://localhost/my_db", Means(&[("scheme", "postgresql")])),
    ("mysql://username:password@localhost:3306/testsuite", Means(&[("scheme", "mysql")])),
    ("mysql+asyncmy://username:password@localhost:3306/testsuite", Means(&[("scheme", "mysql")])),
    ("mysql+aiomysql://username:password@localhost:3306/testsuite", Means(&[("scheme", "mysql")])),
    ("mysql+pymysql://localhost/testsuite", Means(&[("scheme", "mysql")])),
    ("mariadb+asyncmy://localhost/testsuite", Means(&[("scheme", "mariadb")])),
    ("mariadb://localhost/testsuite", Means(&[("scheme", "mariadb")])),
    ("sqlite+aiosqlite:///example.db", Means(&[("scheme", "sqlite"), ("database", "example.db")])),
    ("sqlite+pysqlite:///example.db", Means(&[("scheme", "sqlite")])),
    ("sqlite:///testsuite", Means(&[("database", "testsuite")])),
    ("sqlite:///foo.sqlite3", Means(&[("database", "foo.sqlite3")])),
    ("sqlite:////absolute/path", Means(&[("database", "/absolute/path")])),
    ("sqlite://", Means(&[("database", "-")])),
    ("sqlite:///:memory:", Means(&[("database", ":memory:")])),
    (
        "sqlite:///file::memory:?cache=shared&uri=true",
        Means(&[("database", "file::memory:"), ("cache", "Text(\"shared\")"), ("uri", "Bool(true)")]),
    ),
    (
        "sqlite+aiosqlite://localhost/x.db",
        Refused(
            Url,
            "sqlite+aiosqlite has no host and no user; write sqlite+aiosqlite:///relative/path or sqlite+aiosqlite:////absolute/path",
        ),
    ),
    (
        "mssql+aioodbc://sa:Mssql123mssql-@localhost:1433/master?driver=ODBC+Driver+17+for+SQL+Server",
        Means(&[("scheme", "mssql"), ("password", "Mssql123mssql-"), ("driver", "aioodbc"), ("database", "master")]),
    ),
    (
        "mssql+pyodbc://sa:x@localhost:1433/master?driver=ODBC+Driver+18+for+SQL+Server&TrustServerCertificate=yes&Encrypt=Optional",
        Means(&[("scheme", "mssql"), ("TrustServerCertificate", "yes"), ("Encrypt", "Optional")]),
    ),
    ("mssql+pymssql://h/master", Means(&[("scheme", "mssql")])),
    (
        "oracle+oracledb://h/x",
        Refused(UnknownScheme, "the driver for `oracle` is not compiled in; enable the feature `oracle` of pontoon"),
    ),
    (
        "cockroachdb+asyncpg://h/x",
        Refused(
            UnknownScheme,
            "no driver serves the scheme `cockroachdb`; known are sqlite, postgresql, mysql, mariadb, mssql, odbc, jdbc, dbapi2, oracle",
        ),
    ),
    (
        "invalid://localhost",
        Refused(
            UnknownScheme,
            "no driver serves the scheme `invalid`; known are sqlite, postgresql, mysql, mariadb, mssql, odbc, jdbc, dbapi2, oracle",
        ),
    ),
    ("mysql+foo://localhost/x", Refused(UnknownScheme, "`mysql` has no driver `foo`; write mysql://… without it")),
    ("sqlite+asyncpg:///x", Refused(UnknownScheme, "`sqlite` has no driver `asyncpg`; write sqlite://… without it")),
    // Credentials and hosts.
    ("postgresql://username:%5Bpassword@localhost/name", Means(&[("password", "[password")])),
    ("postgresql://username@localhost/name", Means(&[("user", "username"), ("password", "-")])),
    (
        "postgresql://username:password@/mydatabase?host=/var/run/postgresql/.s.PGSQL.5432",
        Means(&[("host", "/var/run/postgresql/.s.PGSQL.5432"), ("user", "username")]),
    ),
    (
        "postgresql://username:password@/mydatabase?unix_sock=/var/run/postgresql/.s.PGSQL.5432",
        Means(&[("host", "/var/run/postgresql/.s.PGSQL.5432")]),
    ),
    (
        "mysql://username/testsuite?unix_socket=/tmp/mysqld/mysqld.sock",
        Means(&[("host", "/tmp/mysqld/mysqld.sock"), ("database", "testsuite")]),
    ),
    ("postgresql://h1:1,h2:2/db", Means(&[("host", "h1"), ("port", "1")])),
    (
        "postgresql://h:port/db",
        Refused(
            Url,
            "the port of the host is no number from 1 to 65535; if it is a piece of the password, write `/` there as %2F, `?` as %3F and `@` as %40",
        ),
    ),
    ("postgresql://[::1]:5432/a%2Fb", Means(&[("host", "::1"), ("database", "a/b")])),
    // Options that are read by name.
    (
        "postgresql://localhost/mydatabase?pool_size=20&ssl=true",
        Means(&[("size", "20"), ("tls", "verify-full"), ("url", "postgresql://localhost/mydatabase")]),
    ),
    ("postgresql+asyncpg://localhost/example?ssl=true", Means(&[("tls", "verify-full")])),
    ("postgresql://localhost/example?ssl=false", Means(&[("tls", "disable")])),
    ("postgresql://localhost/example?ssl=verify-full", Means(&[("tls", "verify-full")])),
    ("postgresql://localhost/example?ssl=require", Means(&[("tls", "require")])),
    ("postgresql://localhost/example?ssl", Means(&[("tls", "verify-full")])),
    (
        "postgresql://localhost/example?ssl=maybe",
        Refused(
            BadConfig,
            "the option `ssl`: `maybe` is not what it takes; give one of disable, prefer, require, verify-ca, verify-full",
        ),
    ),
    ("mysql://localhost/example?ssl=true", Means(&[("tls", "verify-full")])),
    ("mysql+asyncmy://localhost/example?ssl=true", Means(&[("tls", "verify-full")])),
    ("postgresql://localhost/database?min_size=1&max_size=20", Means(&[("min_idle", "1"), ("size", "20")])),
    ("mysql://localhost/example?min_size=5&max_size=20", Means(&[("min_idle", "5"), ("size", "20")])),
    ("mysql://localhost/example?minsize=1&maxsize=20", Means(&[("min_idle", "1"), ("size", "20")])),
    ("postgresql://localhost/db?pool_size=10&max_overflow=20", Notice(OVERFLOW)),
    ("postgresql://localhost/db?pool_size=10&max_overflow=20", Means(&[("size", "30")])),
    ("postgresql://localhost/db?max_overflow=10", Means(&[("size", "15")])),
    (
        "postgresql://localhost/db?pool_size=ten",
        Refused(BadConfig, "the option `pool_size`: `ten` is not what it takes; give a whole number from 1 to 10000"),
    ),
    ("postgresql://localhost/db?pool_recycle=3600.5", Means(&[("lifetime", "Some(3600.5s)")])),
    ("postgresql://localhost/db?pool_recycle=-1", Means(&[("lifetime", "None")])),
    ("postgresql://localhost/db?pool_timeout=30", Means(&[("acquire", "30s")])),
    ("postgresql://localhost/db?echo=true&echo_pool=True", Means(&[("echo", "true"), ("echo_pool", "true")])),
    ("postgresql://localhost/db?echo=1", Means(&[("echo", "true")])),
    ("postgresql://localhost/db?echo=false", Means(&[("echo", "false")])),
    (
        "postgresql://localhost/db?isolation_level=SERIALIZABLE",
        Means(&[("isolation", "serializable"), ("url", "postgresql://localhost/db")]),
    ),
    (
        "postgresql://localhost/db?isolation_level=READ_COMMITTED&echo_pool=true",
        Means(&[("isolation", "read committed"), ("echo_pool", "true")]),
    ),
    ("sqlite:///x.db?isolation_level=READ+UNCOMMITTED", Means(&[("isolation", "read uncommitted")])),
    (
        "postgresql://localhost/db?isolation_level=AUTOCOMMIT",
        Notice(
            "isolation_level=AUTOCOMMIT does nothing: outside a transaction every statement commits by itself in any case",
        ),
    ),
    ("sqlite:///x.db?force_rollback=true", Means(&[("force_rollback", "true")])),
    // Options that mean nothing here.
    (
        "sqlite:///x.db?poll_interval=0.001",
        Notice("the option `poll_interval` does nothing: nothing is polled: whoever waits is woken"),
    ),
    (
        "sqlite:///x.db?full_isolation=true",
        Notice("the option `full_isolation` does nothing: every connection lives on a thread of its own in any case"),
    ),
    (
        "dbapi2://x.db?dbapi_force_async_wrapper=true",
        Notice(
            "the option `dbapi_force_async_wrapper` does nothing: every driver is called from a thread of its own in any case",
        ),
    ),
    (
        "postgresql://h/db?pool_pre_ping=true",
        Notice(
            "the option `pool_pre_ping` does nothing: a connection that was idle is checked before it is used in any case",
        ),
    ),
    (
        "postgresql://h/db?pool_use_lifo=true",
        Notice("the option `pool_use_lifo` does nothing: the pool chooses the connection"),
    ),
    (
        "postgresql://h/db?pool_reset_on_return=rollback",
        Notice(
            "the option `pool_reset_on_return` does nothing: an open transaction is rolled back in any case; see the option `reset` for the rest",
        ),
    ),
    (
        "mysql://h/db?autocommit=true",
        Notice(
            "the option `autocommit` does nothing: outside a transaction every statement commits by itself in any case",
        ),
    ),
    (
        "sqlite:///x.db?check_same_thread=false",
        Notice("the option `check_same_thread` does nothing: every connection stays on its thread in any case"),
    ),
    (
        "postgresql://h/db?poolclass=StaticPool",
        Refused(
            BadConfig,
            "the option `poolclass` is refused: there is one pool; use `pool_size`, and `pool_size=1` for a single connection",
        ),
    ),
    (
        "sqlite:///x.db?json_serializer=x",
        Refused(
            BadConfig,
            "the option `json_serializer` is refused: it is a Python function; wrap the value in a type that is written as JSON",
        ),
    ),
    (
        "sqlite:///x.db?json_deserializer=x",
        Refused(
            BadConfig,
            "the option `json_deserializer` is refused: it is a Python function; read the column as a type that is read from JSON",
        ),
    ),
    (
        "sqlite:///x.db?overwrite_paths=x",
        Refused(
            BadConfig,
            "the option `overwrite_paths` is refused: it names Python modules; hand a driver of your own to the builder",
        ),
    ),
    (
        "dbapi2://x.db?dialect_overwrites=x",
        Refused(
            BadConfig,
            "the option `dialect_overwrites` is refused: it names Python attributes; choose the SQL dialect with the option `dialect`",
        ),
    ),
    (
        "postgresql://h/db?connect_args=x",
        Refused(
            BadConfig,
            "the option `connect_args` is refused: it is a Python dictionary; give each of its entries as an option",
        ),
    ),
    (
        "postgresql://h/db?bogus=1",
        Refused(
            UnknownOption,
            "unknown option `bogus`; beside those that every database has, postgresql has application_name, target_session_attrs",
        ),
    ),
    // JDBC.
    (
        "jdbc+sqlite://testsuite.sqlite3?classpath=tests/sqlite-jdbc-3.47.0.0.jar&jdbc_driver=org.sqlite.JDBC",
        Refused(ForbiddenOption, "the option `classpath`"),
    ),
    (
        "jdbc+sqlite://testsuite.sqlite3?classpath=tests/sqlite-jdbc-3.47.0.0.jar&jdbc_driver=org.sqlite.JDBC",
        Code(&[
            ("scheme", "jdbc"),
            ("driver", "sqlite"),
            ("dsn", "testsuite.sqlite3"),
            ("jdbc_driver", "Text(\"org.sqlite.JDBC\")"),
        ]),
    ),
    ("jdbc+sqlite://testsuite.sqlite3", Means(&[("dsn", "testsuite.sqlite3"), ("driver", "sqlite")])),
    (
        "jdbc+sqlite://testsuite.sqlite3?jdbc_driver=org.sqlite.JDBC",
        Refused(ForbiddenOption, "the option `jdbc_driver`"),
    ),
    ("jdbc+postgresql://localhost:5432/app", Means(&[("dsn", "localhost:5432/app"), ("driver", "postgresql")])),
    (
        "jdbc+postgresql://localhost:5432/app?currentSchema=x&pool_size=2",
        Means(&[("size", "2"), ("currentSchema", "x")]),
    ),
    (
        "jdbc://testsuite.sqlite3?jdbc_dsn_driver=sqlite",
        Means(&[("driver", "-"), ("jdbc_dsn_driver", "Text(\"sqlite\")")]),
    ),
    ("jdbc+h2://mem:x?jdbc_driver_args={\"user\":\"sa\"}", Means(&[("jdbc_driver_args", "{\"user\":\"sa\"}")])),
    (
        "jdbc+h2://mem:x?jdbc_driver_args={user}",
        Refused(BadConfig, "the option `jdbc_driver_args`: its value is not what it takes; give a JSON document"),
    ),
    (
        "jdbc:postgresql://localhost:5432/app?user=u&password=p",
        Means(&[("dsn", "postgresql://localhost:5432/app?user=u&password=p")]),
    ),
    // DB-API.
    (
        "dbapi2://testsuite.sqlite3",
        Means(&[("scheme", "dbapi2"), ("dsn", "testsuite.sqlite3"), ("dbapi_pool", "Text(\"process\")")]),
    ),
    (
        "dbapi2+sqlite://testsuite.sqlite3?dbapi_pool=thread",
        Means(&[("driver", "sqlite"), ("dbapi_pool", "Text(\"thread\")"), ("dsn", "testsuite.sqlite3")]),
    ),
    (
        "dbapi2://x.db?dbapi_pool=fork",
        Refused(BadConfig, "the option `dbapi_pool`: `fork` is not what it takes; give one of process, thread"),
    ),
    ("dbapi2+postgresql://u:p@h/db", Means(&[("dsn", "u:p@h/db"), ("driver", "postgresql")])),
    ("dbapi2://x.db?dbapi_path=sqlite3", Refused(ForbiddenOption, "the option `dbapi_path`")),
    ("dbapi2://x.db?dbapi_path=sqlite3", Code(&[("dbapi_path", "Text(\"sqlite3\")")])),
    ("dbapi2://x.db?dbapi_driver_args={\"timeout\":5}", Means(&[("dbapi_driver_args", "{\"timeout\":5}")])),
    ("dbapi2://x.db?dbapi_dsn_driver=sqlite", Means(&[("dbapi_dsn_driver", "Text(\"sqlite\")")])),
];

#[test]
fn urls() {
    for (url, want) in TABLE {
        let build = |code| Config::builder().url(*url).allow_code_options(code).build(SCHEMES);
        let accepted = |code| build(code).unwrap_or_else(|error| panic!("{url}: {error}"));
        let holds = |config: &Config, facts: &[(&str, &str)]| {
            for (name, value) in facts {
                assert_eq!(fact(config, name), *value, "{name} of {url}");
            }
        };
        match want {
            Means(facts) => holds(&accepted(false), facts),
            Code(facts) => holds(&accepted(true), facts),
            Notice(notice) => assert_eq!(accepted(false).notices(), [*notice], "{url}"),
            Refused(kind, message) => {
                let error = build(false).expect_err(url);
                let message =
                    if *kind == ForbiddenOption { format!("{message} {FORBIDDEN}") } else { message.to_string() };
                assert_eq!((error.kind(), error.to_string()), (*kind, message), "{url}");
            }
        }
    }
}

/// What databasez takes as keyword arguments is an option of the builder.
#[test]
fn keyword_arguments() {
    let url = || Config::builder().url("postgresql+asyncpg://localhost/example");
    let config = url().option("ssl", true).option("pool_size", 20).build(SCHEMES).unwrap();
    assert_eq!((fact(&config, "tls"), fact(&config, "size")), ("verify-full".into(), "20".into()));
    let config =
        url().option("ssl", "verify-full").option("min_size", 1).option("max_size", 20).build(SCHEMES).unwrap();
    assert_eq!((fact(&config, "tls"), fact(&config, "min_idle")), ("verify-full".into(), "1".into()));
    let config = url().force_rollback(true).option("full_isolation", true).build(SCHEMES).unwrap();
    assert_eq!((fact(&config, "force_rollback"), config.notices().len()), ("true".into(), 1));
    // The same in the URL and as an argument is an assertion without a message there.
    let error =
        Config::builder().url("postgresql://h/db?pool_size=1").option("pool_size", 2).build(SCHEMES).unwrap_err();
    assert_eq!(error.to_string(), "the option `pool_size` is given twice, in the URL and in the builder; give it once");
    // A password that changes.
    let config = url().password_provider(|| Ok(Secret::new("Foo"))).build(SCHEMES).unwrap();
    assert_eq!(fact(&config, "password"), "Foo");
}

/// The dictionaries of the documentation, as JSON.
#[test]
fn dictionaries() {
    let build = |json: &str| serde_json::from_str::<ConfigBuilder>(json).unwrap().build(SCHEMES);
    let config = build(
        r#"{"connection": {"credentials": {"scheme": "postgresql+asyncpg", "host": "localhost", "port": 5432,
            "user": "postgres", "password": "password", "database": "my_db"}}}"#,
    );
    assert_eq!(config.unwrap().url().expose(), "postgresql+asyncpg://postgres:password@localhost:5432/my_db");
    let config = build(
        r#"{"connection": {"credentials": {"scheme": "mssql+aioodbc", "host": "localhost", "port": 1433, "user": "sa",
            "password": "Mssql123mssql-", "database": "master",
            "options": {"driver": "ODBC Driver 17 for SQL Server"}}}}"#,
    );
    let config = config.unwrap();
    assert_eq!(config.url().expose(), "mssql+aioodbc://sa:Mssql123mssql-@localhost:1433/master");
    assert_eq!(config.options().str("driver"), Some("ODBC Driver 17 for SQL Server"));
    // There a file gets the host `localhost` unless it is told not to; here it gets none.
    let config = build(r#"{"connection": {"credentials": {"scheme": "sqlite", "database": "x.db"}}}"#).unwrap();
    assert_eq!(config.url().expose(), "sqlite:///x.db");
    let config = build(r#"{"connection": {"credentials": {"scheme": "sqlite", "host": null, "database": "x.db"}}}"#);
    assert_eq!(config.unwrap().url().expose(), "sqlite:///x.db");
    // There a configuration without credentials is silently one of nothing.
    assert_eq!(
        build("{}").unwrap_err().to_string(),
        "there is no database; give a URL, or parts with a scheme like postgresql or sqlite"
    );
}

/// The separate parameters of based.
#[test]
fn separate_parameters() {
    for (scheme, port) in [("postgresql", 5432), ("mysql", 3306)] {
        let config = Config::builder()
            .scheme(scheme)
            .host("localhost")
            .port(port)
            .username("user")
            .password("pass://word")
            .database("app")
            .build(SCHEMES)
            .unwrap();
        assert_eq!(config.url().expose(), format!("{scheme}://user:pass%3A%2F%2Fword@localhost:{port}/app"));
    }
}
