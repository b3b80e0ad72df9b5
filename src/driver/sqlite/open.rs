//! Opening a connection: the file, the identity of the file, the settings.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::core::Core;
use super::error::{of_native, of_statement};
use super::options::{Mode, Settings};
use super::place::Place;
use super::watch::Watch;
use crate::driver::Call;
use crate::error::{Effect, Error, ErrorKind, Result};

/// What tells a file from another one under the same name.
type Identity = (u64, u64);

/// What is known of the file since the first connection.
#[derive(Debug, Default)]
struct First {
    identity: Option<Identity>,
    /// The file did not exist, or was empty, so its journal is ours to choose.
    created: bool,
}

/// Opens the connections of one source, all alike.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) place: Place,
    pub(super) settings: Settings,
    first: Mutex<First>,
}

impl Opener {
    pub(super) fn new(place: Place, settings: Settings) -> Opener {
        Opener { place, settings, first: Mutex::new(First::default()) }
    }

    /// Forgets the file: the next connection may find another one.
    pub(super) fn forget(&self) {
        *self.first.lock() = First::default();
    }

    /// Opens a connection.
    pub(super) fn open(self: &Arc<Opener>, call: &Call<'_>) -> Result<Core> {
        let (conn, watch) = self.open_with(call, None)?;
        Ok(Core::new(conn, watch, Arc::clone(self)))
    }

    /// Opens a connection, under a watch that exists already or a new one.
    pub(super) fn open_with(&self, call: &Call<'_>, watch: Option<&Arc<Watch>>) -> Result<(Connection, Arc<Watch>)> {
        call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
        match self.place.path() {
            Some(path) => self.open_file(path, call, watch),
            None => {
                let mut conn = self.open_native()?;
                let watch = self.watch_over(&mut conn, watch)?;
                self.configure(&conn, &watch, call, false)?;
                Ok((conn, watch))
            }
        }
    }

    fn open_file(&self, path: &Path, call: &Call<'_>, watch: Option<&Arc<Watch>>) -> Result<(Connection, Arc<Watch>)> {
        // One at a time until the first is done: who creates the file chooses its journal before anybody reads it.
        let mut first = match call.deadline() {
            Some(deadline) => self.first.try_lock_until(deadline).ok_or_else(|| {
                Error::new(ErrorKind::Timeout, "the deadline passed while another connection was opening the file")
                    .with_effect(Effect::NotSent)
            })?,
            None => self.first.lock(),
        };
        let before = identity_of(path);
        if let Some(known) = first.identity
            && before.as_ref().ok() != Some(&Some(known))
        {
            return Err(replaced(path));
        }
        let is_new = self.settings.mode == Mode::Create && first.identity.is_none() && is_empty(path);
        let mut conn = self.open_native().map_err(|error| self.explain(path, error))?;
        let identity = identity_of(path).ok().flatten();
        if first.identity.is_some() && identity != first.identity {
            return Err(replaced(path));
        }
        let watch = self.watch_over(&mut conn, watch)?;
        self.configure(&conn, &watch, call, is_new || first.created)?;
        // Only now: a connection that failed has chosen nothing.
        first.created |= is_new;
        first.identity = identity;
        Ok((conn, watch))
    }

    fn open_native(&self) -> Result<Connection> {
        let (name, is_uri) = self.place.to_open(&self.settings);
        let mut flags = self.settings.flags();
        if is_uri {
            flags |= OpenFlags::SQLITE_OPEN_URI;
        }
        match &self.settings.vfs {
            Some(vfs) if self.place.path().is_some() => Connection::open_with_flags_and_vfs(name, flags, vfs.as_str()),
            _ => Connection::open_with_flags(name, flags),
        }
        .map_err(|error| of_native(error).with_effect(Effect::NotSent))
    }

    fn watch_over(&self, conn: &mut Connection, watch: Option<&Arc<Watch>>) -> Result<Arc<Watch>> {
        let watch = match watch {
            Some(watch) => {
                watch.set_busy_timeout(self.settings.busy_timeout);
                Arc::clone(watch)
            }
            None => Watch::new(conn, self.settings.busy_timeout),
        };
        watch.install(conn).map_err(of_native)?;
        Ok(watch)
    }

    /// Makes the settings those of the connection. Waits for locks at most until the call's deadline.
    fn configure(&self, conn: &Connection, watch: &Arc<Watch>, call: &Call<'_>, ours: bool) -> Result<()> {
        let settings = &self.settings;
        let running = watch.enter(call);
        let result = (|| -> rusqlite::Result<Option<String>> {
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, settings.foreign_keys)?;
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, settings.defensive)?;
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, settings.trusted_schema)?;
            if !settings.attach {
                conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
            }
            if let Some(pages) = settings.cache_size {
                conn.pragma_update(None, "cache_size", pages)?;
            }
            if let Some(store) = &settings.temp_store {
                conn.pragma_update(None, "temp_store", store)?;
            }
            let wanted = settings.journal_mode.as_deref().or((ours && !settings.immutable).then_some("wal"));
            let journal = match wanted {
                Some(mode) => {
                    Some(conn.pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0))?)
                }
                None => None,
            };
            let synchronous = match (&settings.synchronous, journal.as_deref()) {
                (Some(level), _) => Some(level.as_str()),
                // The journal survives a crash of the program either way, and the file a crash of the machine; what
                // `normal` gives up is only the last commits before a power failure.
                (None, Some("wal")) => Some("NORMAL"),
                _ => None,
            };
            if let Some(level) = synchronous {
                conn.pragma_update(None, "synchronous", level)?;
            }
            Ok(journal)
        })();
        let journal = result.map_err(|error| {
            of_statement(error, &running, false)
                .with_effect(Effect::NotSent)
                .context(format_args!("cannot set up the connection to {}", self.place))
        })?;
        match (&settings.journal_mode, journal) {
            (Some(wanted), Some(got)) if !got.eq_ignore_ascii_case(wanted) && self.place.path().is_some() => {
                Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("journal_mode={wanted} is not possible for {}: it stays {got}", self.place),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Says why a file could not be opened, as far as the file system tells.
    fn explain(&self, path: &Path, error: Error) -> Error {
        if error.kind() != ErrorKind::UnknownDatabase {
            return error;
        }
        let shown = path.display();
        let why = match fs::metadata(path) {
            Ok(it) if it.is_dir() => "it is a folder".to_string(),
            Ok(_) => "it may not be opened for this user".to_string(),
            Err(it) if it.kind() != io::ErrorKind::NotFound => it.to_string(),
            Err(_) => match path.parent() {
                Some(folder) if !folder.exists() => format!("there is no folder {}", folder.display()),
                _ if self.settings.mode == Mode::Create => "it cannot be created there".to_string(),
                _ => "there is no such file, and the mode does not create it (mode=rwc does)".to_string(),
            },
        };
        let code = error.vendor_code();
        let message = format!("cannot open the database {shown}: {why}");
        let explained = Error::new(ErrorKind::UnknownDatabase, message).with_effect(Effect::NotSent).with_source(error);
        match code {
            Some(code) => explained.with_vendor_code(code),
            None => explained,
        }
    }
}

/// `None` when there is no such file.
fn identity_of(path: &Path) -> io::Result<Option<Identity>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(identity_in(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn identity_in(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Windows tells the number of a file to nobody who has not opened it. It lets nobody move or delete one either while
/// SQLite has it open, so that when it was made is enough to know it again by.
#[cfg(not(unix))]
fn identity_in(metadata: &fs::Metadata) -> Identity {
    let made = metadata.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    made.map_or((0, 0), |made| (made.as_secs(), made.subsec_nanos().into()))
}

fn is_empty(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cold]
fn replaced(path: &Path) -> Error {
    Error::new(
        ErrorKind::UnknownDatabase,
        format!(
            "{} was moved, deleted or replaced while connections to it are open, and a new one would see another \
             database than they do: close the database handle and open it again",
            path.display()
        ),
    )
    .with_effect(Effect::NotSent)
}

/// Between two attempts at something that SQLite does not wait for by itself.
pub(super) fn pause(call: &Call<'_>) -> Result<()> {
    call.check()?;
    let slice = Duration::from_millis(1);
    std::thread::sleep(
        call.deadline().map_or(slice, |deadline| slice.min(deadline.saturating_duration_since(Instant::now()))),
    );
    call.check()
}
