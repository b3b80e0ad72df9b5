//! The seam between the library and a database: object-safe, blocking and small.
//!
//! A driver gets Rust values and pushes batches of rows. It knows nothing of pools, transaction stacks, callers or
//! futures, and it needs no thread of its own: every [`Link`] is connected, used and closed on one worker thread, one
//! call at a time. What may touch it from elsewhere, while it is busy, is its [`Handle`].
//!
//! A new driver is one file or folder here, one line in [`BUILT_IN`], one line in the conformance suite. A driver of
//! your own is handed to [`DatabaseBuilder::driver`](crate::DatabaseBuilder::driver).
//!
//! **Unversioned.** The traits are public so that drivers can be written outside, but they may change in a minor
//! release until all the drivers planned for the library live behind them.

mod admin;
mod bulk;
mod call;
#[cfg(any(feature = "odbc", all(any(feature = "dbapi2", feature = "jdbc"), unix)))]
mod foreign;
mod link;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod names;
mod notices;
mod raw;
mod sink;
#[cfg(any(feature = "sqlite", feature = "odbc", all(any(feature = "dbapi2", feature = "jdbc"), unix)))]
mod way;

#[cfg(all(any(feature = "dbapi2", feature = "jdbc"), unix))]
pub mod hosted;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "odbc")]
pub mod odbc;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub(crate) use raw::forks;

pub use admin::Admin;
pub use call::{Call, Limits};
pub use link::{
    BulkPath, Catalog, CommitOutcome, Executed, Fence, Handle, Heard, Link, LinkState, Notification, Reset,
};
pub use notices::Notices;
pub use sink::{BATCH_BYTES, Batcher, Flow, RowSink};

use std::sync::Arc;

use crate::config::{Config, SchemeInfo};
use crate::error::Result;
use crate::sql::Dialect;

/// A kind of database: which URLs are its own, which options it takes, how a [`Source`] of it is made.
pub trait Driver: Send + Sync + 'static {
    /// The driver's name, as it stands in messages: `sqlite`.
    fn name(&self) -> &'static str;

    /// The schemes that it serves, each with the options that it takes beside those that every database has.
    fn schemes(&self) -> &'static [SchemeInfo];

    /// Makes the source that a `Database` connects through. Reads no file, opens no socket, starts no thread: what
    /// can fail on the outside fails in [`Source::connect`].
    ///
    /// # Errors
    /// When the options contradict each other.
    fn open(&self, config: &Config) -> Result<Arc<dyn Source>>;

    /// What it can do with whole databases; nothing, unless it says otherwise.
    fn admin(&self) -> Option<&dyn Admin> {
        None
    }
}

/// What the connections of one `Database` share: the keeper of an in-memory database, TLS roots, a child process.
pub trait Source: Send + Sync + 'static {
    /// The dialect that statements are scanned with. A connection may know better ([`Link::dialect`]); it is the one that
    /// counts when a statement is run.
    fn dialect(&self) -> &'static Dialect;

    /// Opens a connection, on the thread that will own it.
    ///
    /// Must end by the call's deadline, name resolution, TLS and login included.
    ///
    /// # Errors
    /// [`is_transient`](crate::ErrorKind::is_transient) kinds are tried again by the pool, all others are final.
    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>>;

    /// Whether a caller's own thread may run a statement on an idle connection, sparing the way to the worker.
    ///
    /// Only for a driver whose calls bound themselves by the call's deadline and whose connections are bound to no
    /// thread.
    fn lendable(&self) -> bool {
        false
    }

    /// What only one transaction that writes can hold at a time, named so that two sources on the same thing say the
    /// same: the path of a SQLite file. `None` where many can write.
    fn sole_writer(&self) -> Option<String> {
        None
    }

    /// A source of its own that starts with this one's content, for what lives in memory alone; `None` where another
    /// source of the same configuration reaches the same data.
    ///
    /// # Errors
    /// What keeps the content from being copied.
    fn fork(&self, call: &Call<'_>) -> Result<Option<Arc<dyn Source>>> {
        let _ = call;
        Ok(None)
    }

    /// Called when the database is closed, after its last connection; a later [`connect`](Self::connect) starts anew.
    fn close(&self) {}
}

impl Driver for &'static dyn Driver {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        (**self).schemes()
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        (**self).open(config)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        (**self).admin()
    }
}

/// The schemes of the drivers that are left out, so that a URL of one is told which feature it wants.
pub(crate) static LEFT_OUT: &[SchemeInfo] = &[
    #[cfg(not(feature = "sqlite"))]
    SchemeInfo::new("sqlite", "sqlite").aliases(&["sqlite3"]).feature("sqlite", false),
    #[cfg(not(feature = "postgres"))]
    SchemeInfo::new("postgresql", "postgresql").aliases(&["postgres"]).feature("postgres", false),
    #[cfg(not(feature = "mysql"))]
    SchemeInfo::new("mysql", "mysql").feature("mysql", false),
    #[cfg(not(feature = "mysql"))]
    SchemeInfo::new("mariadb", "mariadb").feature("mysql", false),
    #[cfg(not(all(feature = "dbapi2", unix)))]
    SchemeInfo::new("dbapi2", "generic").any_driver().feature("dbapi2", false),
    #[cfg(not(all(feature = "jdbc", unix)))]
    SchemeInfo::new("jdbc", "generic").any_driver().feature("jdbc", false),
];

/// The drivers that are compiled in.
pub static BUILT_IN: &[&dyn Driver] = &[
    #[cfg(feature = "sqlite")]
    &sqlite::Sqlite,
    #[cfg(feature = "odbc")]
    &odbc::Odbc,
    #[cfg(feature = "postgres")]
    &postgres::Postgres,
    #[cfg(feature = "mysql")]
    &mysql::Mysql,
    #[cfg(all(feature = "dbapi2", unix))]
    &hosted::dbapi2::Dbapi2,
    #[cfg(all(feature = "jdbc", unix))]
    &hosted::jdbc::Jdbc,
];
