//! How many connections, for how long.

use std::thread::available_parallelism;
use std::time::Duration;

/// The options of the pool. Every limit is finite unless it is switched off by name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The most connections at a time, stuck ones apart: 1 to 10 000. Default: the number of processors, but at least
    /// 4.
    pub size: usize,
    /// How many are kept open though idle. Default 0.
    pub min_idle: usize,
    /// The longest wait for a connection, unless the call's own deadline is earlier. Zero never waits. Default 30 s.
    pub acquire_timeout: Duration,
    /// An idle connection beyond `min_idle` is closed after this. Default 10 min; `None` never.
    pub idle_timeout: Option<Duration>,
    /// A connection older than this is replaced when it is next free. Default 30 min; `None` never.
    pub max_lifetime: Option<Duration>,
    /// An idle connection is asked for a sign of life this often. Default `None`, never: it is checked before it is
    /// used in any case.
    pub keepalive: Option<Duration>,
    /// A connection held longer than this is reported with its holder, once. Default 5 min; `None` never.
    pub leak_threshold: Option<Duration>,
    /// The most callers that wait for a connection; one more is refused at once. Default 16 384.
    pub max_waiters: usize,
    /// The most abandoned workers whose driver call never came back; beyond it no new connection is opened. Default
    /// the size.
    pub max_stuck: usize,
    /// What is undone on a connection that comes back. Default [`Reset::Auto`].
    pub reset: Reset,
}

impl Default for PoolOptions {
    fn default() -> PoolOptions {
        let size = default_size();
        PoolOptions {
            size,
            min_idle: 0,
            acquire_timeout: Duration::from_secs(30),
            idle_timeout: Some(Duration::from_secs(600)),
            max_lifetime: Some(Duration::from_secs(1800)),
            keepalive: None,
            leak_threshold: Some(Duration::from_secs(300)),
            max_waiters: 16_384,
            max_stuck: size,
            reset: Reset::Auto,
        }
    }
}

fn default_size() -> usize {
    available_parallelism().map_or(1, usize::from).clamp(4, MAX_SIZE)
}

/// The largest pool. Each connection has a thread.
pub(super) const MAX_SIZE: usize = 10_000;

/// What a connection forgets before the next caller gets it. Whatever this says, an open transaction is rolled back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reset {
    /// The light reset, and only after a use that can have left something behind: a lease, a transaction, a statement
    /// that is not plain.
    #[default]
    Auto,
    /// After every use all that the driver can reset, prepared statements included.
    Full,
    /// After every use the session's settings, locks, temporary tables and cursors; prepared statements stay.
    Light,
    /// Nothing.
    Never,
}

impl Reset {
    /// The word for it in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Reset::Auto => "auto",
            Reset::Full => "full",
            Reset::Light => "light",
            Reset::Never => "never",
        }
    }
}
