//! A table of schemes like the one the drivers hand in, with every trait a scheme can have.

use pontoon::config::{OptionKind, OptionSpec, SchemeInfo};

pub(crate) const SQLITE: &[OptionSpec] = &[
    OptionSpec::new("mode", OptionKind::Choice(&["ro", "rw", "rwc", "memory"]), "How the file is opened."),
    OptionSpec::new("cache", OptionKind::Choice(&["private", "shared"]), "Whether pages are shared."),
    OptionSpec::new("vfs", OptionKind::Text, "The file system layer."),
    OptionSpec::new("immutable", OptionKind::Bool, "Whether nobody changes the file."),
    OptionSpec::new("uri", OptionKind::Bool, "Whether a name that begins with `file:` is a URI.").default("false"),
    OptionSpec::new("busy_timeout", OptionKind::DURATION, "How long a lock is waited for.").default("5s"),
    OptionSpec::new(
        "journal_mode",
        OptionKind::Choice(&["delete", "truncate", "wal", "memory", "off"]),
        "The journal.",
    ),
    OptionSpec::new("foreign_keys", OptionKind::Bool, "Whether foreign keys are enforced.").default("true"),
    OptionSpec::new("cache_size", OptionKind::Integer { min: i64::MIN, max: i64::MAX }, "Pages, or KiB if negative."),
];

pub(crate) const POSTGRES: &[OptionSpec] = &[
    OptionSpec::new("application_name", OptionKind::Text, "The name the server shows."),
    OptionSpec::new(
        "target_session_attrs",
        OptionKind::Choice(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
        "Which of several servers will do.",
    ),
];

pub(crate) const MYSQL: &[OptionSpec] = &[OptionSpec::new("charset", OptionKind::Text, "The character set.")];

pub(crate) const ODBC: &[OptionSpec] =
    &[OptionSpec::new("driver", OptionKind::Text, "The name of the registered driver.")];

pub(crate) const JDBC: &[OptionSpec] = &[
    OptionSpec::new("classpath", OptionKind::Path, "A jar.").code().repeated(),
    OptionSpec::new("jdbc_driver", OptionKind::Text, "The driver's class.").code(),
    OptionSpec::new("jdbc_driver_args", OptionKind::Json, "Connection properties.").secret(),
    OptionSpec::new("jdbc_dsn_driver", OptionKind::Text, "The sub-protocol."),
];

pub(crate) const DBAPI2: &[OptionSpec] = &[
    OptionSpec::new("dbapi_path", OptionKind::Text, "The Python module.").code(),
    OptionSpec::new("dbapi_driver_args", OptionKind::Json, "Arguments of connect().").secret(),
    OptionSpec::new("dbapi_dsn_driver", OptionKind::Text, "What stands before the DSN."),
    OptionSpec::new("dbapi_pool", OptionKind::Choice(&["process", "thread"]), "Where connections live.")
        .default("process"),
];

pub(crate) const SCHEMES: &[SchemeInfo] = &[
    SchemeInfo::new("sqlite", "sqlite").aliases(&["sqlite3"]).options(SQLITE),
    SchemeInfo::new("postgresql", "postgresql")
        .aliases(&["postgres"])
        .drivers(&["postgres"])
        .feature("postgres", true)
        .network(Some(5432))
        .options(POSTGRES),
    SchemeInfo::new("mysql", "mysql").network(Some(3306)).options(MYSQL),
    SchemeInfo::new("mariadb", "mariadb").feature("mysql", true).network(Some(3306)).options(MYSQL),
    SchemeInfo::new("mssql", "mssql").feature("odbc", true).network(Some(1433)).pass_through().options(ODBC),
    SchemeInfo::new("odbc", "generic").pass_through().options(ODBC),
    SchemeInfo::new("jdbc", "generic").any_driver().pass_through().options(JDBC),
    SchemeInfo::new("dbapi2", "generic").any_driver().pass_through().options(DBAPI2),
    SchemeInfo::new("oracle", "oracle").feature("oracle", false),
];
