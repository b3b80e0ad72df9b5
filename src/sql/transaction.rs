//! What a transaction can be asked to be.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// How much a transaction sees of others that run beside it.
///
/// Read from text in any case, with spaces, `_` or `-` between the words: `REPEATABLE READ`, `repeatable_read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum IsolationLevel {
    /// `READ UNCOMMITTED`. PostgreSQL takes the word and means `READ COMMITTED`.
    ReadUncommitted,
    /// `READ COMMITTED`
    ReadCommitted,
    /// `REPEATABLE READ`
    RepeatableRead,
    /// `SNAPSHOT`, on SQL Server and H2.
    Snapshot,
    /// `SERIALIZABLE`, the only one SQLite has.
    Serializable,
}

impl IsolationLevel {
    /// Every level, from the weakest.
    pub const ALL: &'static [IsolationLevel] = &[
        IsolationLevel::ReadUncommitted,
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Snapshot,
        IsolationLevel::Serializable,
    ];

    /// The level in the words of the standard.
    pub fn name(self) -> &'static str {
        match self {
            IsolationLevel::ReadUncommitted => "READ UNCOMMITTED",
            IsolationLevel::ReadCommitted => "READ COMMITTED",
            IsolationLevel::RepeatableRead => "REPEATABLE READ",
            IsolationLevel::Snapshot => "SNAPSHOT",
            IsolationLevel::Serializable => "SERIALIZABLE",
        }
    }
}

impl fmt::Display for IsolationLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for IsolationLevel {
    type Err = Error;

    fn from_str(text: &str) -> Result<IsolationLevel, Error> {
        let words = text.split([' ', '_', '-']).filter(|word| !word.is_empty());
        IsolationLevel::ALL
            .iter()
            .find(|level| words.clone().map(str::to_ascii_uppercase).eq(level.name().split(' ')))
            .copied()
            .ok_or_else(|| {
                let known: Vec<_> = IsolationLevel::ALL.iter().map(|level| level.name()).collect();
                let known = known.join(", ");
                Error::new(ErrorKind::Config, format!("no isolation level {text:?}; there are {known}"))
            })
    }
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// It may not; the database refuses.
    ReadOnly,
    /// It may.
    ReadWrite,
}

/// When a transaction of SQLite takes its locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockMode {
    /// With the first statement that needs one. A write after a read is refused at once when somebody wrote in between.
    Deferred,
    /// The write lock at the start. The default, unless the transaction is read-only.
    Immediate,
    /// Keeps readers out too, except in WAL mode, where it is the same as immediate.
    Exclusive,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockMode::Deferred => "DEFERRED",
            LockMode::Immediate => "IMMEDIATE",
            LockMode::Exclusive => "EXCLUSIVE",
        })
    }
}

/// What a transaction is begun with. What is left open is the database's own default, on every driver.
///
/// ```
/// use pontoon::{IsolationLevel, TxOptions};
///
/// let options = TxOptions::new().isolation(IsolationLevel::Serializable).read_only();
/// assert_eq!(options.isolation, Some(IsolationLevel::Serializable));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TxOptions {
    /// The isolation level.
    pub isolation: Option<IsolationLevel>,
    /// Whether it may write.
    pub access: Option<Access>,
    /// Whether a serializable read-only transaction of PostgreSQL may wait at its start until it can never fail.
    pub deferrable: Option<bool>,
    /// When a transaction of SQLite takes its locks.
    pub lock_mode: Option<LockMode>,
    /// Whether it is rolled back however it ends; committing it is an error.
    pub rollback_only: bool,
    /// Whether the closure of the transaction is run again when the database could not put it in an order with others.
    pub retry: Option<Retry>,
}

impl TxOptions {
    /// Everything the database's own default.
    pub fn new() -> TxOptions {
        TxOptions::default()
    }

    /// With this isolation level.
    #[must_use]
    pub fn isolation(mut self, level: IsolationLevel) -> TxOptions {
        self.isolation = Some(level);
        self
    }

    /// Without the right to write.
    #[must_use]
    pub fn read_only(mut self) -> TxOptions {
        self.access = Some(Access::ReadOnly);
        self
    }

    /// With the right to write, where the session's default is read-only.
    #[must_use]
    pub fn read_write(mut self) -> TxOptions {
        self.access = Some(Access::ReadWrite);
        self
    }

    /// Deferrable or not, on PostgreSQL.
    #[must_use]
    pub fn deferrable(mut self, deferrable: bool) -> TxOptions {
        self.deferrable = Some(deferrable);
        self
    }

    /// With this lock mode, on SQLite.
    #[must_use]
    pub fn lock_mode(mut self, mode: LockMode) -> TxOptions {
        self.lock_mode = Some(mode);
        self
    }

    /// Rolled back however it ends.
    #[must_use]
    pub fn rollback_only(mut self) -> TxOptions {
        self.rollback_only = true;
        self
    }

    /// Run again by this policy.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> TxOptions {
        self.retry = Some(retry);
        self
    }

    /// What a transaction inside another one cannot be given, because it is the outermost that decides it.
    ///
    /// # Errors
    /// [`ErrorKind::Misuse`] that names the options.
    pub fn check_nested(&self) -> Result<(), Error> {
        let access = if self.access == Some(Access::ReadOnly) { "read_only" } else { "read_write" };
        let given: Vec<_> = [
            ("isolation", self.isolation.is_some()),
            (access, self.access.is_some()),
            ("deferrable", self.deferrable.is_some()),
            ("lock_mode", self.lock_mode.is_some()),
            ("retry", self.retry.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect();
        if given.is_empty() {
            return Ok(());
        }
        let given = given.join(", ");
        Err(Error::new(
            ErrorKind::Misuse,
            format!(
                "a transaction inside another one cannot be given {given}: give that to the outermost, and begin this one \
                 without it"
            ),
        ))
    }
}

/// How often and how soon a transaction is run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How many times it is run at most, the first included; 1 and 0 mean never again.
    pub attempts: u32,
    /// The longest wait before the second run. It doubles with every further one.
    pub base: Duration,
    /// No wait is longer than this.
    pub cap: Duration,
}

impl Default for Retry {
    /// Five attempts; waits of up to 10 ms, 20 ms, 40 ms, 80 ms.
    fn default() -> Retry {
        Retry { attempts: 5, base: Duration::from_millis(10), cap: Duration::from_secs(1) }
    }
}

impl Retry {
    /// A policy with this many attempts in all, with the default waits.
    pub fn attempts(attempts: u32) -> Retry {
        Retry { attempts, ..Retry::default() }
    }

    /// With waits of up to `base` that double up to `cap`.
    #[must_use]
    pub fn waits(mut self, base: Duration, cap: Duration) -> Retry {
        self.base = base;
        self.cap = cap;
        self
    }

    /// How long to wait after `failed` runs (at least one), or `None` when that was the last.
    ///
    /// `random` picks the wait from zero to its longest, evenly: those that collided spread out instead of colliding
    /// again.
    pub fn wait(&self, failed: u32, random: u32) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let longest = 1_u32
            .checked_shl(failed.saturating_sub(1))
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.cap, |wait| wait.min(self.cap));
        let nanos = longest.as_nanos() * u128::from(random) / u128::from(u32::MAX);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}
