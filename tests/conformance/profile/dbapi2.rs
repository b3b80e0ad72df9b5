//! Python's DB-API, to the databases for which there are modules: SQLite by `sqlite3`, PostgreSQL by `pg8000`, MariaDB by
//! `PyMySQL`.

use pontoon::{DatabaseBuilder, Error, ErrorKind, Result};

use super::{Exception, Feature, Place, Profile, sqlite};
use crate::face::Database;
use crate::kit::python::{PYTHON, has_module, modules};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::kit::servers::shared;

/// The driver's own connection is in another process.
fn count(_: &Database) -> Result<i64> {
    Err(Error::new(ErrorKind::Unsupported, "the driver's own connection is in another process"))
}

fn begin(_: &Database) -> Result<()> {
    Err(Error::new(ErrorKind::Unsupported, "the driver's own connection is in another process"))
}

/// The tests' own modules are put in front of those that Python has, which is code.
fn options(builder: DatabaseBuilder) -> DatabaseBuilder {
    builder.allow_code_options(true).option("python", PYTHON).option("python_path", modules().display().to_string())
}

const OTHER_PROCESS: &str = "the driver's own connection is in another process";

const STARTS: (Feature, &str) = (Feature::OpensAtOnce, "a process is started first");

const MISSPELT: Exception =
    Exception { test: "defects::options_mean_what_they_say", reason: "what is misspelt goes to the module" };

const WORDS: Exception = Exception {
    test: "misuse::says_what_is_wrong_and_what_to_do",
    reason: "what is misspelt goes to the module, and lists are refused in other words",
};

const SCHEME: Exception =
    Exception { test: "lifecycle::the_url_and_the_configuration", reason: "the scheme is not that of the dialect" };

const NOT_CLEAN: Exception = Exception { test: "callers::the_session_is_clean_for_the_next", reason: OTHER_PROCESS };

const NOT_LENT: Exception =
    Exception { test: "transactions::the_driver_s_own_connection_inside", reason: OTHER_PROCESS };

const LOCK_TIME: &str = "the time to wait for a lock is set by the module's own option";

#[cfg(any(feature = "postgres", feature = "mysql"))]
const NO_CONFLICT: &str =
    "transactions conflict at their level and not at a lock mode; the tests of the native drivers have those that do";

#[cfg(any(feature = "postgres", feature = "mysql"))]
const CONFLICT_RUN_AGAIN: Exception = Exception { test: "isolation::a_conflict_is_run_again", reason: NO_CONFLICT };

#[cfg(any(feature = "postgres", feature = "mysql"))]
const CONFLICT_UNASKED: Exception =
    Exception { test: "isolation::a_conflict_is_not_run_again_unasked", reason: NO_CONFLICT };

#[cfg(any(feature = "postgres", feature = "mysql"))]
const CONFLICT_COUNTED: Exception = Exception { test: "isolation::attempts_are_counted", reason: NO_CONFLICT };

#[cfg(any(feature = "postgres", feature = "mysql"))]
const LEFT_STREAM: Exception = Exception {
    test: "rollback_streams::what_was_done_between_the_rows_of_a_stream_that_ends_early",
    reason: "the module reads a whole result before its first row",
};

#[cfg(feature = "postgres")]
const ENDLESS_STREAM: Exception = Exception {
    test: "iteration::an_endless_stream_dropped",
    reason: "the module reads a whole result before its first row",
};

#[cfg(feature = "postgres")]
const CLOSED_STREAM: Exception = Exception {
    test: "lifecycle::closed_under_a_stream",
    reason: "the module reads a whole result before its first row",
};

#[cfg(any(feature = "postgres", feature = "mysql"))]
const NOT_ENDED: Exception = Exception {
    test: "transactions::a_transaction_that_the_database_ended",
    reason: "no single statement ends one with an error",
};

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
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[
        (
            Feature::WriteInterruptKeepsTransaction,
            "SQLite rolls the whole transaction back when a write is interrupted",
        ),
        (Feature::ReadersBesideWriter, "a new file has a rollback journal, under which readers and writer wait"),
        (Feature::File, "what the native driver makes of the path is its own"),
        (Feature::NamedMemory, "what the native driver makes of the path is its own"),
        STARTS,
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        NOT_CLEAN,
        NOT_LENT,
        Exception { test: "isolation::attempts_are_counted", reason: LOCK_TIME },
        Exception { test: "transactions::a_commit_that_finds_the_database_locked", reason: LOCK_TIME },
        Exception { test: "values::json", reason: "the module does not tell how a column was declared" },
        Exception { test: "values::uuids", reason: "16 bytes are not told from a UUID" },
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
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[
        (Feature::CommitCanBeBusy, "a commit waits for no reader"),
        (Feature::File, "it is on a server"),
        (Feature::NamedMemory, "it is on a server"),
        (Feature::SingleWriter, "rows are locked, and not the whole"),
        (Feature::NamesLockWaits, "a statement that was cancelled says no more than that"),
        (Feature::EmptyLists, "no text of an empty list is right for every type; the error says to write = ANY"),
        STARTS,
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        NOT_CLEAN,
        NOT_LENT,
        CONFLICT_RUN_AGAIN,
        CONFLICT_UNASKED,
        CONFLICT_COUNTED,
        NOT_ENDED,
        ENDLESS_STREAM,
        CLOSED_STREAM,
        LEFT_STREAM,
        Exception {
            test: "transactions::read_only",
            reason: "a write that was refused leaves the transaction with nothing but its end",
        },
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
    count_by_driver: count,
    begin_by_driver: begin,
    lacking: &[
        (Feature::TransactionalDdl, "DDL commits"),
        (Feature::CommitCanBeBusy, "a commit waits for no lock"),
        (Feature::File, "it is on a server"),
        (Feature::NamedMemory, "it is on a server"),
        (Feature::SingleWriter, "rows are locked, and not the whole"),
        (Feature::NamesLockWaits, "a statement that was ended says no more than that"),
        (Feature::DeferredConstraints, "foreign keys are checked by each statement"),
        STARTS,
    ],
    exceptions: &[
        MISSPELT,
        WORDS,
        SCHEME,
        NOT_CLEAN,
        NOT_LENT,
        CONFLICT_RUN_AGAIN,
        CONFLICT_UNASKED,
        CONFLICT_COUNTED,
        NOT_ENDED,
        LEFT_STREAM,
        Exception { test: "values::uuids", reason: "16 bytes are not told from a UUID" },
        Exception {
            test: "rollback_streams::transactions_between_the_rows",
            reason: "it makes a table under force rollback, and DDL commits",
        },
    ],
    ..super::mariadb::MARIADB
};
