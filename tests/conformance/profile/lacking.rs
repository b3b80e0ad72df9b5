//! What databases lack, whichever driver they go by, and what drivers.

use super::Feature;

/// Features, each with the reason why it is lacking.
pub(crate) type Lacking = &'static [(Feature, &'static str)];

pub(super) const SQLITE: Lacking =
    &[(Feature::WriteInterruptKeepsTransaction, "SQLite rolls the whole transaction back when a write is interrupted")];

const PATH: &str = "what the native driver makes of the path is its own";

/// Of SQLite by a driver that leaves a file as SQLite makes it.
pub(super) const SQLITE_FILE: Lacking = &[
    (Feature::ReadersBesideWriter, "a new file has a rollback journal, under which readers and writer wait"),
    (Feature::File, PATH),
    (Feature::NamedMemory, PATH),
];

const ON_SERVER: &str = "it is on a server";

pub(super) const POSTGRES: Lacking = &[
    (Feature::CommitCanBeBusy, "a commit waits for no reader"),
    (Feature::File, ON_SERVER),
    (Feature::NamedMemory, ON_SERVER),
    (Feature::SingleWriter, "rows are locked, and not the whole"),
    (Feature::NamesLockWaits, "a statement that was cancelled says no more than that"),
    (Feature::EmptyLists, "no text of an empty list is right for every type; the error says to write = ANY"),
];

pub(super) const MARIADB: Lacking = &[
    (Feature::TransactionalDdl, "DDL commits"),
    (Feature::CommitCanBeBusy, "a commit waits for no lock"),
    (Feature::File, ON_SERVER),
    (Feature::NamedMemory, ON_SERVER),
    (Feature::SingleWriter, "rows are locked, and not the whole"),
    (Feature::NamesLockWaits, "a statement that was ended says no more than that"),
    (Feature::DeferredConstraints, "foreign keys are checked by each statement"),
];

/// Of a driver that says of an interrupted statement only that.
pub(super) const LOCK_WAITS: Lacking =
    &[(Feature::NamesLockWaits, "a statement that was interrupted says no more than that")];

/// Of a driver that has no streams.
pub(super) const STREAMS: Lacking =
    &[(Feature::EndlessStreams, "the driver reads a whole result before its first row")];

/// Of PostgreSQL by a driver that is not told to set a savepoint around what may be left. Whether a statement has begun
/// when it is left is a matter of chance, so that it is no exception.
pub(super) const LEFT_READS: Lacking = &[(
    Feature::LeftReadKeepsTransaction,
    "PostgreSQL lets a transaction do nothing more in which it cancelled something",
)];

/// Of a driver that is in a process of its own.
pub(super) const OTHER_PROCESS: Lacking = &[(Feature::OpensAtOnce, "a process is started first")];
