//! What a SQLite URL can say.

use std::time::Duration;

use rusqlite::OpenFlags;

use crate::config::{Config, OptionKind, OptionSpec, OptionValue, Options};
use crate::error::{Error, ErrorKind, Result};

/// The options of the driver.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "mode",
        OptionKind::Choice(&["ro", "rw", "rwc", "memory"]),
        "Read only; read and write a file that exists; create it if need be; or no file at all.",
    ),
    OptionSpec::new(
        "cache",
        OptionKind::Choice(&["private", "shared"]),
        "A page cache for each connection, or one for all connections to the file in this process.",
    ),
    OptionSpec::new("vfs", OptionKind::Text, "The name of the registered file layer to use."),
    OptionSpec::new(
        "immutable",
        OptionKind::Bool,
        "Promises that nobody changes the file, on read-only media: it is read without locks.",
    ),
    OptionSpec::new(
        "busy_timeout",
        OptionKind::TIMEOUT,
        "The longest wait for a lock, beside the deadline of the call, which always counts.",
    ),
    OptionSpec::new(
        "journal_mode",
        OptionKind::Choice(&["delete", "truncate", "persist", "memory", "wal", "off"]),
        "The journal. Left alone when not given, but for a file that the connection creates: that gets `wal`.",
    ),
    OptionSpec::new(
        "synchronous",
        OptionKind::Words(&[
            ("off", "OFF"),
            ("normal", "NORMAL"),
            ("full", "FULL"),
            ("extra", "EXTRA"),
            ("0", "OFF"),
            ("1", "NORMAL"),
            ("2", "FULL"),
            ("3", "EXTRA"),
        ]),
        "How often SQLite waits for the disk. Not given: `normal` where this program chose `wal`, else SQLite's `full`.",
    ),
    OptionSpec::new("foreign_keys", OptionKind::Bool, "Whether foreign keys are enforced.").default("true"),
    OptionSpec::new(
        "cache_size",
        OptionKind::Integer { min: i32::MIN as i64, max: i32::MAX as i64 },
        "The page cache of a connection: pages, or KiB when negative.",
    ),
    OptionSpec::new(
        "temp_store",
        OptionKind::Choice(&["default", "file", "memory"]),
        "Where temporary tables and indexes are kept.",
    ),
    OptionSpec::new(
        "statement_cache",
        OptionKind::Integer { min: 0, max: 100_000 },
        "How many prepared statements each connection keeps.",
    )
    .default("64"),
    OptionSpec::new(
        "defensive",
        OptionKind::Bool,
        "Refuses statements that can damage the file on purpose, such as writes to its schema table.",
    )
    .default("false"),
    OptionSpec::new(
        "trusted_schema",
        OptionKind::Bool,
        "Whether views and triggers may call functions with side effects; false for files from strangers.",
    )
    .default("true"),
    OptionSpec::new("attach", OptionKind::Bool, "Whether ATTACH may open other files.").default("true"),
    OptionSpec::new("uri", OptionKind::Bool, "Accepted for Python's sake: `file:` names are understood without it."),
    OptionSpec::new(
        "check_same_thread",
        OptionKind::Bool,
        "Accepted for Python's sake: a connection is never used by two threads at once.",
    ),
];

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    ReadOnly,
    ReadWrite,
    Create,
}

/// The options, read.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) memory: bool,
    pub(super) shared_cache: bool,
    pub(super) vfs: Option<String>,
    pub(super) immutable: bool,
    pub(super) busy_timeout: Option<Duration>,
    pub(super) journal_mode: Option<String>,
    pub(super) synchronous: Option<String>,
    pub(super) foreign_keys: bool,
    pub(super) cache_size: Option<i64>,
    pub(super) temp_store: Option<String>,
    pub(super) statement_cache: usize,
    pub(super) defensive: bool,
    pub(super) trusted_schema: bool,
    pub(super) attach: bool,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Result<Settings> {
        let options = config.options();
        let text = |name| options.str(name).map(str::to_string);
        let mode = options.str("mode").unwrap_or("rwc");
        let settings = Settings {
            mode: match mode {
                "ro" => Mode::ReadOnly,
                "rw" => Mode::ReadWrite,
                _ => Mode::Create,
            },
            memory: mode == "memory",
            shared_cache: options.str("cache") == Some("shared"),
            vfs: text("vfs"),
            immutable: options.bool("immutable") == Some(true),
            busy_timeout: busy_timeout(options),
            journal_mode: text("journal_mode"),
            synchronous: text("synchronous"),
            foreign_keys: options.bool("foreign_keys").unwrap_or(true),
            cache_size: options.i64("cache_size"),
            temp_store: text("temp_store"),
            // Within the range of the table.
            statement_cache: options.i64("statement_cache").and_then(|size| usize::try_from(size).ok()).unwrap_or(64),
            defensive: options.bool("defensive") == Some(true),
            trusted_schema: options.bool("trusted_schema").unwrap_or(true),
            attach: options.bool("attach").unwrap_or(true),
        };
        settings.check()?;
        Ok(settings)
    }

    /// What a file is opened with when nothing is asked for.
    pub(super) fn plain() -> Settings {
        Settings {
            mode: Mode::Create,
            memory: false,
            shared_cache: false,
            vfs: None,
            immutable: false,
            busy_timeout: None,
            journal_mode: None,
            synchronous: None,
            foreign_keys: true,
            cache_size: None,
            temp_store: None,
            statement_cache: 64,
            defensive: false,
            trusted_schema: true,
            attach: true,
        }
    }

    fn check(&self) -> Result<()> {
        let contradiction = |what: &str| Err(Error::new(ErrorKind::Config, format!("sqlite: {what}")));
        if self.immutable && self.journal_mode.is_some() {
            return contradiction("an immutable file has no journal: leave out journal_mode or immutable");
        }
        if self.mode == Mode::ReadOnly && self.journal_mode.as_deref() == Some("wal") {
            return contradiction("mode=ro cannot set journal_mode=wal, which is written into the file: leave one out");
        }
        if let Some(vfs) = &self.vfs
            && vfs.contains('\0')
        {
            return contradiction("the name of the vfs has a NUL character");
        }
        Ok(())
    }

    pub(super) fn flags(&self) -> OpenFlags {
        // One thread at a time uses a connection, so SQLite's own mutex would only cost.
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match self.mode {
                Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
                Mode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
                Mode::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            };
        if self.shared_cache {
            flags |= OpenFlags::SQLITE_OPEN_SHARED_CACHE;
        }
        flags
    }
}

fn busy_timeout(options: &Options) -> Option<Duration> {
    match options.get("busy_timeout") {
        Some(OptionValue::Duration(time)) => *time,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        OptionSpec::check_table(OPTIONS).unwrap();
    }
}
