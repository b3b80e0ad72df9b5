//! What the tests need to know of a database.

#[cfg(all(feature = "dbapi2", unix))]
#[allow(dead_code, reason = "the suite is not run on servers through Python a second time, awaited")]
pub(crate) mod dbapi2;
#[allow(dead_code, reason = "of drivers that may not be compiled in")]
mod exceptions;
#[cfg(all(feature = "jdbc", unix))]
#[allow(dead_code, reason = "the suite is not run by JDBC a second time, awaited")]
pub(crate) mod jdbc;
#[allow(dead_code, reason = "of drivers that may not be compiled in")]
mod lacking;
#[cfg(feature = "mysql")]
pub(crate) mod mariadb;
#[cfg(feature = "odbc")]
#[allow(dead_code, reason = "the suite is not run through ODBC a second time, awaited")]
pub(crate) mod odbc;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod sqlite;
#[cfg(any(feature = "mysql", feature = "odbc"))]
mod words;

use std::path::Path;

use pontoon::{DatabaseBuilder, IsolationLevel, Result};
#[cfg(all(any(feature = "dbapi2", feature = "jdbc"), unix))]
use pontoon::{Error, ErrorKind};

use self::lacking::Lacking;
use crate::face::Database;

use crate::kit::servers::Server;

/// A way to reach a database, and in what it differs from others.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// Where its databases are.
    pub(crate) place: Place,
    /// Options beside those that all tests give.
    pub(crate) options: fn(DatabaseBuilder) -> DatabaseBuilder,
    /// The script of the tables that the tests use: `notes`, whose `id` the database gives; `writers` and `books`, whose
    /// `writer` refers to the former, checked at COMMIT.
    pub(crate) tables: &'static str,
    /// The types of columns: what stands in a CREATE TABLE.
    pub(crate) types: Types,
    /// A query that never ends, and can be cancelled.
    pub(crate) endless: &'static str,
    /// A statement that writes notes for ever.
    pub(crate) endless_write: &'static str,
    /// A statement that writes notes for some tenths of a second; their text is `late`.
    pub(crate) slow_write: &'static str,
    /// A script as tools write dumps: three notes in a transaction, one of them deleted and back again, a trigger that
    /// logs each note twice in `log`, and a last note.
    pub(crate) dump: &'static str,
    /// A setting of the session.
    pub(crate) setting: Setting,
    /// The function that counts the characters of a text.
    pub(crate) char_length: &'static str,
    /// Of which row a statement that inserts several tells the key.
    pub(crate) tells_key: TellsKey,
    /// The isolation levels that there are.
    pub(crate) levels: &'static [IsolationLevel],
    /// Counts the notes with the driver's own connection.
    pub(crate) count_by_driver: fn(&Database) -> Result<i64>,
    /// Begins a transaction and writes a note with the driver's own connection, and leaves it so.
    pub(crate) begin_by_driver: fn(&Database) -> Result<()>,
    /// What it lacks, each with the reason.
    pub(crate) lacking: &'static [Lacking],
    /// Tests that fail on it, each with the reason. One that passes after all is a failure.
    pub(crate) exceptions: &'static [&'static [Exception]],
}

/// Where a profile has its databases.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// The URL of the test's database of this number; it does not exist yet. Files are made in the directory.
    Here(fn(&Path, u64) -> String),
    /// The same, where the driver is there; else the test is left out, or fails, as the test kit has it.
    #[allow(dead_code, reason = "of a driver that may not be compiled in")]
    If(fn() -> bool, fn(&Path, u64) -> String),
    /// On a server; where there is none, the test is left out, or fails, as the test kit has it. What follows is hung on
    /// the URL of a database.
    #[allow(dead_code, reason = "of a driver that may not be compiled in")]
    On(fn() -> Option<&'static Server>, &'static str),
    /// On a server, by way of a URL that is made of its own.
    #[allow(dead_code, reason = "of a driver that may not be compiled in")]
    By(fn() -> Option<&'static Server>, fn(&str) -> String),
}

/// What is done with the driver's own connection, where that is in another process.
#[cfg(all(any(feature = "dbapi2", feature = "jdbc"), unix))]
fn not_lent<T>(_: &Database) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "the driver's own connection is in another process"))
}

/// A test that fails on a profile.
pub(crate) struct Exception {
    pub(crate) test: &'static str,
    pub(crate) reason: &'static str,
}

/// Something that not every database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// DDL can be rolled back.
    TransactionalDdl,
    /// A second `Database` made from the same URL reaches the same data.
    SameUrlSameData,
    /// A reader does not wait for a writer, nor a writer's commit for a reader.
    ReadersBesideWriter,
    /// A commit can find the database locked and be tried again.
    CommitCanBeBusy,
    /// The database is a file that can be opened by a path.
    File,
    /// There are databases in memory that are found by a name.
    NamedMemory,
    /// Statements can run on a connection from which rows are being read.
    NestedStatements,
    /// The first rows of a result come before the last one is made.
    EndlessStreams,
    /// A stream that is left while its statement runs leaves the transaction that it stands in as it was.
    LeftReadKeepsTransaction,
    /// An interrupted write leaves the transaction that it stands in open.
    WriteInterruptKeepsTransaction,
    /// A transaction that writes keeps all others from writing.
    SingleWriter,
    /// A statement that ran out of time waiting for a lock says so.
    NamesLockWaits,
    /// An INSERT waits for the transaction that has deleted the row with its key.
    WaitsForDeletedKeys,
    /// An error about a name that nothing has tells what was looked for: a table, a column.
    TellsWhatIsMissing,
    /// `IN ()` can be written.
    EmptyLists,
    /// Foreign keys can be checked at COMMIT.
    DeferredConstraints,
    /// A connection is opened within a second, and mostly within a tenth of it, on a loaded machine too.
    OpensAtOnce,
}

/// A setting of the session that is off, and is 0 or 1.
pub(crate) struct Setting {
    pub(crate) read: &'static str,
    pub(crate) switch_on: &'static str,
    pub(crate) switch_off: &'static str,
}

/// Which key an INSERT tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "read behind the type: tells the key of the last")]
pub(crate) enum TellsKey {
    #[allow(dead_code, reason = "of a driver that may not be compiled in")]
    OfTheFirst,
    OfTheLast,
    /// It tells none; RETURNING does.
    Never,
}

impl TellsKey {
    /// The one of these two that is told.
    pub(crate) fn of(self, first: i64, last: i64) -> Option<i64> {
        match self {
            TellsKey::OfTheFirst => Some(first),
            TellsKey::OfTheLast => Some(last),
            TellsKey::Never => None,
        }
    }
}

/// The types of columns.
pub(crate) struct Types {
    /// A primary key that the database counts up.
    pub(crate) key: &'static str,
    pub(crate) bool: &'static str,
    pub(crate) integer: &'static str,
    pub(crate) float: &'static str,
    pub(crate) text: &'static str,
    pub(crate) bytes: &'static str,
    /// Of any length.
    pub(crate) decimal: &'static str,
    pub(crate) date: &'static str,
    pub(crate) time: &'static str,
    pub(crate) timestamp: &'static str,
    pub(crate) timestamptz: &'static str,
    pub(crate) uuid: &'static str,
    pub(crate) json: &'static str,
}

impl Profile {
    /// The tests that fail on it.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &'static Exception> + use<> {
        self.exceptions.iter().copied().flatten()
    }

    /// Why it lacks something.
    pub(crate) fn lacks(&self, feature: Feature) -> Option<&'static str> {
        self.lacking.iter().copied().flatten().find(|(lacking, _)| *lacking == feature).map(|(_, reason)| *reason)
    }
}
