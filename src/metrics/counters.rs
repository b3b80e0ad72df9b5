//! What happened to the connections of a pool, as numbers.

use std::time::Duration;

/// How often what happened to the connections of a database, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections opened.
    pub opened: u64,
    /// Connections closed in good order: idle for too long, too old, or with the database.
    pub closed: u64,
    /// Connections thrown away because something was wrong with them.
    pub discarded: u64,
    /// Attempts to open a connection that failed.
    pub connect_failures: u64,
    /// Callers that had to wait for a connection and got one.
    pub waits: u64,
    /// How long they waited, together.
    pub waited: Duration,
    /// Callers that waited in vain.
    pub timeouts: u64,
    /// Driver calls and shipped closures that panicked.
    pub panics: u64,
    /// Connections that were held for longer than the leak threshold.
    pub leaks: u64,
}

impl Counters {
    /// Together with those of another time or pool.
    pub(crate) fn add(&mut self, other: &Counters) {
        let Counters { opened, closed, discarded, connect_failures, waits, waited, timeouts, panics, leaks } = other;
        for (sum, more) in [
            (&mut self.opened, opened),
            (&mut self.closed, closed),
            (&mut self.discarded, discarded),
            (&mut self.connect_failures, connect_failures),
            (&mut self.waits, waits),
            (&mut self.timeouts, timeouts),
            (&mut self.panics, panics),
            (&mut self.leaks, leaks),
        ] {
            *sum += more;
        }
        self.waited += *waited;
    }
}
