//! ODBC, to the databases for which this machine has drivers: SQLite, PostgreSQL, MariaDB.

use odbc_api::{Connection, Cursor};
use pontoon::{Error, ErrorKind, IsolationLevel, Result};

use super::{Exception, Place, Profile, TellsKey, Types, exceptions, lacking, sqlite, words};
use crate::face::Database;
use crate::kit::odbc::has_driver;
#[cfg(feature = "postgres")]
use crate::kit::servers::Postgres;
use crate::kit::servers::{MariaDb, shared};

fn failed(error: odbc_api::Error) -> Error {
    Error::new(ErrorKind::Other, error.to_string())
}

fn count(db: &Database) -> Result<i64> {
    db.raw(|connection: &mut Connection<'static>| {
        let cursor = connection.execute("SELECT count(*) FROM notes", (), None).map_err(failed)?;
        let mut cursor = cursor.ok_or_else(|| Error::new(ErrorKind::Other, "no rows"))?;
        let mut row = cursor.next_row().map_err(failed)?.ok_or_else(|| Error::new(ErrorKind::Other, "no row"))?;
        let mut count = 0_i64;
        row.get_data(1, &mut count).map_err(failed)?;
        Ok(count)
    })
}

fn begin(db: &Database) -> Result<()> {
    db.raw(|connection: &mut Connection<'static>| {
        connection.execute("BEGIN", (), None).map_err(failed)?;
        connection.execute("INSERT INTO notes (text) VALUES ('undone')", (), None).map_err(failed)?;
        Ok(())
    })
}

/// The URL of a server's database by way of a driver.
fn by(url: &str, driver: &str) -> String {
    let (_, address) = url.split_once("://").expect("a URL");
    format!("odbc://{address}?driver={driver}")
}

/// SQLite, by libsqliteodbc.
pub(crate) const SQLITE: Profile = Profile {
    name: "odbc-sqlite",
    place: Place::Here(|directory, number| format!("odbc:DRIVER=SQLite3;Database={}/{number}.db", directory.display())),
    options: |builder| builder,
    count_by_driver: count,
    begin_by_driver: begin,
    levels: &[IsolationLevel::Serializable],
    lacking: &[lacking::STREAMS, lacking::SQLITE, lacking::SQLITE_FILE, lacking::LOCK_WAITS],
    exceptions: &[
        exceptions::FOREIGN,
        &[exceptions::LEFT_STREAM],
        exceptions::LOCK_TIMES,
        &[
            Exception {
                test: "queries::catalog",
                reason: "the driver counts the columns of a key in the order of the table",
            },
            Exception {
                test: "queries::one_statement_at_a_time",
                reason: "the driver takes a comment behind a semicolon for a statement",
            },
            Exception { test: "queries::what_is_no_parameter", reason: "the driver counts question marks in comments" },
            Exception { test: "queries::returning", reason: "the driver knows no RETURNING" },
            Exception { test: "values::floats", reason: "the driver reads floats by their fifteen digits" },
        ],
    ],
    ..sqlite::FILE
};

/// PostgreSQL, by psqlodbc.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: Profile = Profile {
    name: "odbc-postgres",
    place: Place::By(
        || has_driver("PostgreSQL Unicode").then(|| shared(&Postgres)).flatten(),
        |url| by(url, "PostgreSQL+Unicode"),
    ),
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[lacking::STREAMS, lacking::POSTGRES, lacking::LEFT_READS],
    exceptions: &[
        exceptions::FOREIGN,
        &[exceptions::LEFT_STREAM],
        exceptions::CONFLICTS,
        &[exceptions::REFUSED_WRITE, exceptions::NOT_ENDED],
    ],
    ..super::postgres::POSTGRES
};

/// MariaDB, by its own connector.
pub(crate) const MARIADB: Profile = Profile {
    name: "odbc-mariadb",
    place: Place::By(
        || has_driver("MariaDB Unicode").then(|| shared(&MariaDb)).flatten(),
        |url| by(url, "MariaDB+Unicode"),
    ),
    options: |builder| builder,
    tables: words::tables!("BIT(1)"),
    types: Types { bool: "BIT(1)", uuid: "VARCHAR(36)", ..words::TYPES },
    endless: words::ENDLESS,
    endless_write: words::ENDLESS_WRITE,
    slow_write: words::SLOW_WRITE,
    dump: words::DUMP,
    setting: words::SETTING,
    char_length: "char_length",
    tells_key: TellsKey::OfTheFirst,
    levels: words::LEVELS,
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[lacking::MARIADB],
    exceptions: &[
        exceptions::FOREIGN,
        exceptions::CONFLICTS,
        &[exceptions::LEFT_STREAM, exceptions::DDL_COMMITS, exceptions::UUID_AS_TEXT, exceptions::NOT_ENDED],
    ],
};
