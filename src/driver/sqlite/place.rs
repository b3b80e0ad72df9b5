//! Where a database is: in a file or in memory.
//!
//! A database in memory is a file of SQLite's own `memdb` layer. Its name is made here, so each `Database` has one of its
//! own, which all connections of its pool share, with the locks of a file: a reader waits for a writer. (A shared cache,
//! the older way to share a database in memory, fails where it should wait.)

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::options::Settings;
use crate::error::{Error, ErrorKind, Result};

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, by its absolute path.
    File(PathBuf),
    /// In memory, under this name; names are known in the whole process.
    Memory(String),
}

/// What is encoded in the path of a SQLite URI.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#').add(b' ');

impl Place {
    /// A new database in memory, of which nobody else knows.
    pub(super) fn private() -> Place {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Place::Memory(format!("/pontoon-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The place that the database of a URL names: a path, `:memory:`, nothing, or a `file:` name as SQLite's URIs
    /// have it. Reads no file.
    pub(super) fn of(database: Option<&str>, settings: &Settings) -> Result<Place> {
        let database = database.unwrap_or_default();
        if database.contains('\0') {
            return Err(Error::new(ErrorKind::Url, "the path of the database has a NUL character"));
        }
        let (name, is_uri) = match database.strip_prefix("file:") {
            Some(uri) => (after_authority(uri)?, true),
            None => (database, false),
        };
        if name.is_empty() || (name == ":memory:" && !(is_uri && settings.shared_cache)) {
            return Ok(Place::private());
        }
        if settings.memory || name == ":memory:" {
            // Named, so that all who say the name mean the same one.
            return Ok(Place::Memory(format!("/pontoon-shared/{}", name.trim_start_matches('/'))));
        }
        // Made absolute once, so that a program that changes its working directory keeps its database.
        let path = std::path::absolute(name).map_err(|error| {
            Error::new(ErrorKind::UnknownDatabase, format!("no absolute path for {name:?}")).with_source(error)
        })?;
        Ok(Place::File(path))
    }

    /// The name to open, and whether it is a URI.
    pub(super) fn to_open(&self, settings: &Settings) -> (PathBuf, bool) {
        match self {
            Place::Memory(name) => (format!("file:{}?vfs=memdb", encoded(name)).into(), true),
            Place::File(path) if settings.immutable => {
                (format!("file:{}?immutable=1", encoded(&path.to_string_lossy())).into(), true)
            }
            // Absolute, so it cannot be taken for a URI.
            Place::File(path) => (path.clone(), false),
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Place::File(path) => Some(path),
            Place::Memory(_) => None,
        }
    }
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// The path of a `file:` URI, which may have an empty host or `localhost` before it.
fn after_authority(uri: &str) -> Result<&str> {
    let Some(rest) = uri.strip_prefix("//") else { return Ok(uri) };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match &rest[..host_end] {
        "" | "localhost" => Ok(&rest[host_end..]),
        host => Err(Error::new(ErrorKind::Url, format!("a file is on this machine, not on the host {host:?}"))),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Memory(_) => f.write_str("a database in memory"),
        }
    }
}
