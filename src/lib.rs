//! One library for every database that has a blocking driver: SQL in, rows out, and the same transactions, deadlines and
//! errors on each of them, called from threads and awaited from any executor. Today that is SQLite, PostgreSQL, MySQL,
//! MariaDB, and what has an ODBC driver.
//!
//! ```
//! use pontoon::prelude::*;
//!
//! #[derive(FromRow)]
//! struct Note {
//!     id: i64,
//!     text: String,
//! }
//!
//! let db = Database::open("sqlite::memory:")?;
//! db.execute_script("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")?;
//! db.transaction(|tx| {
//!     tx.execute("INSERT INTO notes (text) VALUES (:text)", params! { text: "build a boat" })?;
//!     tx.execute("INSERT INTO notes (text) VALUES (:text)", params! { text: "cross the river" })
//! })?;
//! let notes: Vec<Note> = db.fetch_all_as("SELECT id, text FROM notes ORDER BY id", ())?;
//! assert_eq!((notes[1].id, notes[1].text.as_str()), (2, "cross the river"));
//! # Ok::<(), Error>(())
//! ```
//!
//! # Where to start
//!
//! | | |
//! |---|---|
//! | [`Database`] | the handle: a pool of connections, shared by all threads |
//! | [`Queryable`] | the verbs: `fetch_all`, `fetch_one`, `fetch_val`, `execute`, `execute_many`, … |
//! | [`Streamable`] | rows one by one, with bounded memory |
//! | [`Transaction`], [`TxOptions`], [`transactional`] | transactions, one inside another; a function as one |
//! | [`Connection`] | one connection, kept |
//! | [`AsyncDatabase`](future::AsyncDatabase), [`future`] | the same, awaited |
//! | [`Session`] | many statements, one way to the connection's thread and back |
//! | [`params!`], [`Query`] | parameters; a deadline and limits for one query |
//! | [`Row`], [`Rows`], [`FromRow`] | what comes back, and reading it as your own types |
//! | [`value`] | kinds of values, and conversions to and from Rust types |
//! | [`Error`], [`ErrorKind`] | what went wrong, and what it did to data |
//! | [`DatabaseUrl`], [`Config`] | where a database is, and its options |
//! | [`testing`] | databases for tests |
//! | [`Snapshot`], [`Metrics`] | who holds what, and what was done |
//! | [`driver`] | the seam for drivers of your own |
//! | [`guide`] | one page a subject, with contracts and examples |
//!
//! # How it works
//!
//! Every connection lives on a thread of its own, its worker, where it is opened, used, reset and closed. What is public
//! sends a closure there and waits for the reply, or awaits it, until its deadline and no longer. Where a driver allows it
//! (SQLite does), a short statement runs on the calling thread instead and saves the way. What is open in a transaction is
//! asked from the database, never remembered.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `sqlite` (default) | the driver for SQLite, with SQLite compiled in; needs a C compiler |
//! | `postgres` | the [driver for PostgreSQL](guide::postgres), with TLS by rustls; needs a C compiler |
//! | `mysql` | the [driver for MySQL and MariaDB](guide::mysql), with TLS by rustls; needs a C compiler |
//! | `dbapi2` | the driver for Python's DB-API, in a Python process; on Unix |
//! | `odbc`, `odbc-vendored` | the [driver for what has an ODBC driver](guide::odbc), with the system's driver manager, or with one compiled in |
//! | `chrono`, `time`, `jiff`, `uuid`, `serde_json`, `rust_decimal`, `bigdecimal` | conversions to and from the types of these crates |
//! | `sea-query` | statements of that crate, in version 1, wherever a query is taken: [`IntoQuery`] |
//! | `tracing` | [spans and events](guide::observing) |
//!
//! Futures need no feature.

#[doc(hidden)]
#[path = "transactional.rs"]
pub mod __transactional;
mod asking;
mod caller;
pub mod config;
mod connection;
mod database;
pub mod driver;
pub mod error;
mod fork;
pub mod future;
pub mod guide;
mod lease;
mod metrics;
mod moment;
mod notifications;
mod observe;
mod params;
mod pool;
mod query;
mod queryable;
mod random;
mod reader;
mod rollback;
pub mod row;
mod secret;
mod session;
mod site;
pub mod sql;
mod streamable;
pub mod testing;
mod transaction;
pub mod url;
pub mod value;
mod wait;

pub mod prelude;

pub use config::{Config, ConfigBuilder, PoolOptions};
pub use connection::Connection;
pub use database::{CloseReport, Database, DatabaseBuilder, IntoConfig};
pub use driver::{BulkPath, Catalog, Executed, Notification};
pub use error::{Effect, Error, ErrorKind, Result};
pub use metrics::{Counters, Discards, Histogram, Metrics};
pub use notifications::{Event, Notifications};
#[doc(hidden)]
pub use params::__params;
pub use params::{IntoParams, IntoRows, Params};
/// What a row is read as: a struct of your own.
///
/// ```
/// use pontoon::prelude::*;
///
/// #[derive(Debug, PartialEq, FromRow)]
/// struct Note {
///     id: i64,
///     text: String,
///     #[row(rename = "finished_by")]
///     author: Option<String>,
/// }
///
/// # let db = Database::open("sqlite::memory:")?;
/// # db.execute_script("CREATE TABLE notes (id INTEGER, text TEXT, finished_by TEXT); INSERT INTO notes VALUES (1, 'swim', NULL)")?;
/// let notes: Vec<Note> = db.fetch_all_as("SELECT * FROM notes", ())?;
/// assert_eq!(notes, [Note { id: 1, text: "swim".to_owned(), author: None }]);
///
/// // A row of a stream, or of `fetch_one`, is read by `decode`.
/// for row in db.iterate("SELECT * FROM notes", ())? {
///     let note: Note = row?.decode()?;
///     assert_eq!(note.id, 1);
/// }
/// # Ok::<(), Error>(())
/// ```
pub use pontoon_derive::FromRow;
/// A function as a transaction.
///
/// ```
/// use pontoon::prelude::*;
///
/// #[transactional(db)]
/// fn transfer(db: &Database, from: i64, to: i64, cents: i64) -> Result<(), Error> {
///     db.execute("UPDATE account SET cents = cents - :n WHERE id = :id", params! { n: cents, id: from })?;
///     db.execute("UPDATE account SET cents = cents + :n WHERE id = :id", params! { n: cents, id: to })?;
///     Ok(())
/// }
/// # let db = Database::open("sqlite::memory:")?;
/// # db.execute_script("CREATE TABLE account (id INTEGER, cents INTEGER); INSERT INTO account VALUES (1, 500), (2, 0)")?;
/// # transfer(&db, 1, 2, 200)?;
/// # assert_eq!(db.fetch_val::<i64>("SELECT cents FROM account WHERE id = 2", ())?, Some(200));
/// # Ok::<(), Error>(())
/// ```
pub use pontoon_derive::transactional;
pub use pool::{ConnectionSnapshot, ConnectionState, HolderSnapshot, Snapshot};
pub use query::{IntoQuery, Query, QueryOptions};
pub use queryable::{BulkReport, Queryable};
pub use rollback::ForceRollback;
pub use row::{Batch, BatchBuilder, Column, Columns, FromRow, Row, RowIndex, RowMap, Rows, Scalar};
pub use secret::{Redactor, Secret};
pub use session::Session;
pub use sql::{Access, IsolationLevel, LockMode, Retry, TxOptions};
pub use streamable::{BatchStream, RowStream, Streamable};
pub use transaction::{CommitError, Transaction};
pub use url::DatabaseUrl;

/// The program and the snippets of the README, run with the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
