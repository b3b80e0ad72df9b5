//! The orderly end of a database.

use crate::error::Error;

/// What [`Database::close`](crate::Database::close) found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CloseReport {
    /// Connections that were idle, or whose running call ended within the grace.
    pub finished: usize,
    /// Connections whose running call had to be cancelled.
    pub cancelled: usize,
    /// Connections whose driver did not come back from a call; their threads are left behind.
    pub stuck: usize,
    /// Callers that waited for a connection and were turned away.
    pub turned_away: usize,
    /// What the hook for disconnecting returned, if it failed; the database is closed all the same. Or why nothing was
    /// done: `WouldDeadlock` when it was a hook of the database that wanted to close it, `Busy` when somebody else was
    /// connecting or closing it for the whole of the grace.
    pub hook_error: Option<Error>,
}

impl CloseReport {
    /// Whether everything ended by itself.
    pub fn is_clean(&self) -> bool {
        self.cancelled == 0 && self.stuck == 0 && self.turned_away == 0 && self.hook_error.is_none()
    }
}
