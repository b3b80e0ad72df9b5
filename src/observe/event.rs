//! What happens to the connections of a pool.

use std::fmt;
use std::time::Duration;

/// Something that happened in the pool.
pub(crate) enum PoolEvent<'e> {
    Opened { number: u64, took: Duration },
    NotOpened { error: &'e dyn fmt::Display },
    Closed { number: u64, why: &'static str },
    Discarded { number: u64, why: &'static str },
    Stuck { number: u64 },
    CameBack { number: u64 },
    Leak { number: u64, held: Duration, by: &'e dyn fmt::Display },
    SlowAcquire { took: Duration, at: &'e dyn fmt::Display },
    Exhausted { waited: Duration },
}

impl PoolEvent<'_> {
    /// Whether somebody should look into it.
    #[cfg(feature = "tracing")]
    pub(super) fn is_warning(&self) -> bool {
        !matches!(self, PoolEvent::Opened { .. } | PoolEvent::Closed { .. } | PoolEvent::CameBack { .. })
    }

    /// One word for it.
    #[cfg(feature = "tracing")]
    pub(super) fn name(&self) -> &'static str {
        match self {
            PoolEvent::Opened { .. } => "opened",
            PoolEvent::NotOpened { .. } => "not opened",
            PoolEvent::Closed { .. } => "closed",
            PoolEvent::Discarded { .. } => "discarded",
            PoolEvent::Stuck { .. } => "stuck",
            PoolEvent::CameBack { .. } => "came back",
            PoolEvent::Leak { .. } => "leak",
            PoolEvent::SlowAcquire { .. } => "slow acquire",
            PoolEvent::Exhausted { .. } => "exhausted",
        }
    }

    /// The connection, where it is about one.
    #[cfg(feature = "tracing")]
    pub(super) fn number(&self) -> Option<u64> {
        match *self {
            PoolEvent::Opened { number, .. }
            | PoolEvent::Closed { number, .. }
            | PoolEvent::Discarded { number, .. }
            | PoolEvent::Stuck { number }
            | PoolEvent::CameBack { number }
            | PoolEvent::Leak { number, .. } => Some(number),
            PoolEvent::NotOpened { .. } | PoolEvent::SlowAcquire { .. } | PoolEvent::Exhausted { .. } => None,
        }
    }
}

impl fmt::Display for PoolEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoolEvent::Opened { number, took } => write!(f, "connection #{number} opened in {took:.1?}"),
            PoolEvent::NotOpened { error } => write!(f, "a connection could not be opened: {error}"),
            PoolEvent::Closed { number, why } => write!(f, "connection #{number} closed: {why}"),
            PoolEvent::Discarded { number, why } => write!(f, "connection #{number} discarded: {why}"),
            PoolEvent::Stuck { number } => {
                write!(f, "connection #{number} is stuck in a driver call that was cancelled and cut off")
            }
            PoolEvent::CameBack { number } => write!(f, "connection #{number} came back from the call it was stuck in"),
            PoolEvent::Leak { number, held, by } => {
                write!(f, "connection #{number} has been held for {held:.0?}, taken at {by}")
            }
            PoolEvent::SlowAcquire { took, at } => write!(f, "a connection came after {took:.1?}, asked for at {at}"),
            PoolEvent::Exhausted { waited } => write!(f, "no connection within {waited:.1?}"),
        }
    }
}
