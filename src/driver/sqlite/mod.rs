//! SQLite.
//!
//! # Where
//!
//! | URL | database |
//! |---|---|
//! | `sqlite:app.db`, `sqlite:///app.db` | a file, relative to the working directory at the time the `Database` is made |
//! | `sqlite:////srv/app.db` | a file, by its absolute path |
//! | `sqlite::memory:`, `sqlite://` | one private database in memory for each `Database`, shared by its whole pool |
//! | `sqlite:name?mode=memory`, `sqlite:file::memory:?cache=shared` | one in memory for all in this process who say the name |
//!
//! A file that was moved or replaced while connections to it are open is noticed by the next connection, which fails:
//! the old connections would go on with the old file, and the new ones with another.
//!
//! # Locks and time
//!
//! SQLite has one writer at a time. A transaction that may write takes the lock with `BEGIN IMMEDIATE`, so that it waits
//! at its start, where waiting is safe; a read-only one begins `DEFERRED` and is held to its word by `query_only`. Every
//! wait for a lock ends at the deadline of the call (`Timeout`), when it is cancelled (`Cancelled`), or after
//! `busy_timeout` (`Busy`), whichever comes first. `PRAGMA busy_timeout` sets the latter. SQLite refuses at once, and
//! rightly, the wait that could never end: a transaction that has read and wants to write after somebody else did. With
//! `cache=shared` it refuses at once (`Busy`) where it would wait otherwise; prefer connections with caches of their own.
//!
//! A running statement looks at the clock every thousand instructions. When it is ended it is undone; **when it was
//! writing inside a transaction, SQLite rolls the whole transaction back**, and so it does when the disk is full, for
//! `ON CONFLICT ROLLBACK` and for `RAISE(ROLLBACK)`. COMMIT is never interrupted; it may find the database locked, and
//! then the transaction is still open and COMMIT can be tried again.
//!
//! # Statements inside statements
//!
//! While rows are being read other statements of the same connection may run, also writes, to any depth. What a write
//! does to rows that are still to be read is undefined in SQLite; a ROLLBACK ends the reading with an error, a COMMIT
//! does not. A cancel reaches the innermost statement and leaves the others alone.
//!
//! # Values
//!
//! Declared types decide how stored values are read: dates, booleans, decimals and so on come typed, what does not fit
//! comes as it is stored. The head of `values.rs`, beside this file, has the tables.
//!
//! # Cleaning
//!
//! A light reset opens the connection anew when a PRAGMA was set on it, when something is attached, when it has had
//! temporary tables, or when the driver's own connection was handed out; otherwise it does nothing and the prepared
//! statements stay. What the hook for new connections sets, or does to the driver's own connection, does not count; what
//! it attaches, and its temporary tables, do. A full reset always opens it anew, in some 100 microseconds.

mod admin;
mod bulk;
mod catalog;
mod copy;
mod core;
mod error;
mod link;
mod open;
mod options;
mod place;
mod source;
mod statement;
mod transactions;
mod values;
mod watch;

use std::sync::Arc;

use super::{Admin, Driver, Source};
use crate::config::{Config, SchemeInfo};
use crate::error::Result;

pub use copy::copy_database;

const SCHEMES: &[SchemeInfo] =
    &[SchemeInfo::new("sqlite", "sqlite").aliases(&["sqlite3"]).drivers(&["rusqlite"]).options(options::OPTIONS)];

/// The driver for SQLite, built on `rusqlite` with SQLite compiled in.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Driver for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        let settings = options::Settings::of(config)?;
        let place = place::Place::of(config.url().database(), &settings)?;
        Ok(Arc::new(source::SqliteSource::new(open::Opener::new(place, settings))))
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(&admin::Files)
    }
}
