//! Python's DB-API, to the databases for which there are modules: SQLite by `sqlite3`, PostgreSQL by `pg8000`, MariaDB by
//! `PyMySQL`.

use pontoon::DatabaseBuilder;

use super::{Exception, Place, Profile, exceptions, lacking, not_lent, sqlite};
use crate::kit::python::{PYTHON, has_module, modules};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::kit::servers::shared;

/// The tests' own modules are put in front of those that Python has, which is code.
fn options(builder: DatabaseBuilder) -> DatabaseBuilder {
    builder.allow_code_options(true).option("python", PYTHON).option("python_path", modules().display().to_string())
}

/// The URL of a server's database by way of a module.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn by(url: &str, module: &str) -> String {
    let (_, address) = url.split_once("://").expect("a URL");
    let address = address.split('?').next().unwrap_or(address);
    format!("dbapi2+{module}://{address}")
}

/// SQLite, by the module that comes with Python.
pub(crate) const SQLITE: Profile = Profile {
    name: "dbapi2-sqlite",
    place: Place::Here(|directory, number| {
        assert!(has_module("sqlite3"), "Python has no sqlite3");
        format!("dbapi2+sqlite3://{}/{number}.db", directory.display())
    }),
    options,
    count_by_driver: not_lent,
    begin_by_driver: not_lent,
    lacking: &[lacking::SQLITE, lacking::SQLITE_FILE, lacking::OTHER_PROCESS],
    exceptions: &[
        exceptions::FOREIGN,
        exceptions::OTHER_PROCESS,
        exceptions::LOCK_TIMES,
        &[
            exceptions::NOT_LENT,
            exceptions::UUID_AS_BYTES,
            Exception { test: "values::json", reason: "the module does not tell how a column was declared" },
        ],
    ],
    ..sqlite::FILE
};

/// PostgreSQL, by a driver that is written in Python.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: Profile = Profile {
    name: "dbapi2-postgres",
    place: Place::By(
        || has_module("pg8000.dbapi").then(|| shared(&crate::kit::servers::Postgres)).flatten(),
        |url| by(url, "pg8000"),
    ),
    options,
    count_by_driver: not_lent,
    begin_by_driver: not_lent,
    lacking: &[lacking::STREAMS, lacking::POSTGRES, lacking::LEFT_READS, lacking::OTHER_PROCESS],
    exceptions: &[
        exceptions::FOREIGN,
        exceptions::OTHER_PROCESS,
        &[exceptions::LEFT_STREAM],
        exceptions::CONFLICTS,
        &[exceptions::NOT_LENT, exceptions::REFUSED_WRITE, exceptions::NOT_ENDED],
    ],
    ..super::postgres::POSTGRES
};

/// MariaDB, by a driver that is written in Python.
#[cfg(feature = "mysql")]
pub(crate) const MARIADB: Profile = Profile {
    name: "dbapi2-mariadb",
    place: Place::By(
        || has_module("pymysql").then(|| shared(&crate::kit::servers::MariaDb)).flatten(),
        |url| by(url, "pymysql"),
    ),
    options,
    count_by_driver: not_lent,
    begin_by_driver: not_lent,
    lacking: &[lacking::MARIADB, lacking::OTHER_PROCESS],
    exceptions: &[
        exceptions::FOREIGN,
        exceptions::OTHER_PROCESS,
        exceptions::CONFLICTS,
        &[
            exceptions::NOT_LENT,
            exceptions::LEFT_STREAM,
            exceptions::DDL_COMMITS,
            exceptions::UUID_AS_BYTES,
            exceptions::NOT_ENDED,
        ],
    ],
    ..super::mariadb::MARIADB
};
