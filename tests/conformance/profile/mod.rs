//! What the tests need to know of a database.

pub(crate) mod sqlite;

use std::path::Path;

use pontoon::{DatabaseBuilder, IsolationLevel, Result};

use crate::face::Database;

/// A way to reach a database, and in what it differs from others.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    /// The URL of the test's database of this number; it does not exist yet. Files are made in the directory.
    pub(crate) url: fn(&Path, u64) -> String,
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
    /// The isolation levels that there are.
    pub(crate) levels: &'static [IsolationLevel],
    /// Counts the notes with the driver's own connection.
    pub(crate) count_by_driver: fn(&Database) -> Result<i64>,
    /// What it lacks, each with the reason.
    pub(crate) lacking: &'static [(Feature, &'static str)],
    /// Tests that fail on it, each with the reason. One that passes after all is a failure.
    pub(crate) exceptions: &'static [Exception],
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
    /// An interrupted write leaves the transaction that it stands in open.
    WriteInterruptKeepsTransaction,
}

/// The types of columns.
pub(crate) struct Types {
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
    /// Why it lacks something.
    pub(crate) fn lacks(&self, feature: Feature) -> Option<&'static str> {
        self.lacking.iter().find(|(lacking, _)| *lacking == feature).map(|(_, reason)| *reason)
    }

    pub(crate) fn url(&self, directory: &Path, number: u64) -> String {
        (self.url)(directory, number)
    }
}
