//! ODBC, to the databases for which this machine has drivers: SQLite, PostgreSQL, MariaDB.

use odbc_api::{Connection, Cursor};
use pontoon::{Error, ErrorKind, IsolationLevel, Result};

use super::{Exception, Feature, Place, Profile, TellsKey, Types, sqlite, words};
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

const MISSPELT: Exception =
    Exception { test: "defects::options_mean_what_they_say", reason: "what is misspelt goes to the driver" };

const WORDS: Exception = Exception {
    test: "misuse::says_what_is_wrong_and_what_to_do",
    reason: "what is misspelt goes to the driver, and lists are refused in other words",
};

const SCHEME: Exception =
    Exception { test: "lifecycle::the_url_and_the_configuration", reason: "the scheme is not that of the dialect" };

const NO_STREAM: &str = "the driver reads a whole result before its first row";

const ENDLESS_STREAM: Exception = Exception { test: "iteration::an_endless_stream_dropped", reason: NO_STREAM };

const CLOSED_STREAM: Exception = Exception { test: "lifecycle::closed_under_a_stream", reason: NO_STREAM };

const LEFT_STREAM: Exception = Exception {
    test: "rollback_streams::what_was_done_between_the_rows_of_a_stream_that_ends_early",
    reason: NO_STREAM,
};

const NO_FILE: &str = "what the native driver makes of the path is its own";

const LOCK_TIME: &str = "the time to wait for a lock is set by the driver's own option";

/// SQLite, by libsqliteodbc.
pub(crate) const SQLITE: Profile = Profile {
    name: "odbc-sqlite",
    place: Place::Here(|directory, number| format!("odbc:DRIVER=SQLite3;Database={}/{number}.db", directory.display())),
    options: |builder| builder,
    count_by_driver: count,
    begin_by_driver: begin,
    levels: &[IsolationLevel::Serializable],
    lacking: &[
        (
            Feature::WriteInterruptKeepsTransaction,
            "SQLite rolls the whole transaction back when a write is interrupted",
        ),
        (Feature::ReadersBesideWriter, "a new file has a rollback journal, under which readers and writer wait"),
        (Feature::File, NO_FILE),
        (Feature::NamedMemory, NO_FILE),
        (Feature::NamesLockWaits, "a statement that was interrupted says no more than that"),
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        ENDLESS_STREAM,
        CLOSED_STREAM,
        LEFT_STREAM,
        Exception { test: "isolation::attempts_are_counted", reason: LOCK_TIME },
        Exception { test: "transactions::a_commit_that_finds_the_database_locked", reason: LOCK_TIME },
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
    ..sqlite::FILE
};

const NO_CONFLICT: &str =
    "transactions conflict at their level and not at a lock mode; the tests of the native drivers have those that do";

const CONFLICT_RUN_AGAIN: Exception = Exception { test: "isolation::a_conflict_is_run_again", reason: NO_CONFLICT };

const CONFLICT_UNASKED: Exception =
    Exception { test: "isolation::a_conflict_is_not_run_again_unasked", reason: NO_CONFLICT };

const CONFLICT_COUNTED: Exception = Exception { test: "isolation::attempts_are_counted", reason: NO_CONFLICT };

const ON_SERVER: &str = "it is on a server";

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
    lacking: &[
        (Feature::CommitCanBeBusy, "a commit waits for no reader"),
        (Feature::File, ON_SERVER),
        (Feature::NamedMemory, ON_SERVER),
        (Feature::SingleWriter, "rows are locked, and not the whole"),
        (Feature::NamesLockWaits, "a statement that was cancelled says no more than that"),
        (Feature::EmptyLists, "no text of an empty list is right for every type; the error says to write = ANY"),
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        ENDLESS_STREAM,
        CLOSED_STREAM,
        LEFT_STREAM,
        CONFLICT_RUN_AGAIN,
        CONFLICT_UNASKED,
        CONFLICT_COUNTED,
        Exception {
            test: "transactions::read_only",
            reason: "a write that was refused leaves the transaction with nothing but its end",
        },
        Exception {
            test: "transactions::a_transaction_that_the_database_ended",
            reason: "the server ends no transaction but with its connection",
        },
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
    lacking: &[
        (Feature::TransactionalDdl, "DDL commits"),
        (Feature::CommitCanBeBusy, "a commit waits for no lock"),
        (Feature::File, ON_SERVER),
        (Feature::NamedMemory, ON_SERVER),
        (Feature::SingleWriter, "rows are locked, and not the whole"),
        (Feature::NamesLockWaits, "a statement that was ended says no more than that"),
        (Feature::DeferredConstraints, "foreign keys are checked by each statement"),
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        LEFT_STREAM,
        CONFLICT_RUN_AGAIN,
        CONFLICT_UNASKED,
        CONFLICT_COUNTED,
        Exception {
            test: "rollback_streams::transactions_between_the_rows",
            reason: "it makes a table under force rollback, and DDL commits",
        },
        Exception { test: "values::uuids", reason: "a text is not told from a UUID" },
        Exception {
            test: "transactions::a_transaction_that_the_database_ended",
            reason: "no single statement ends one with an error",
        },
    ],
};
