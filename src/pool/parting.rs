//! Why a connection leaves the pool.

/// Why a connection is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An error, or a cancel that may still be on its way, left it in a state that nobody can vouch for.
    Broken,
    /// It could not be made clean for its next borrower.
    Unclean,
    /// It gave no sign of life after idling.
    Silent,
    /// The driver, or a closure that was shipped to it, panicked.
    Panicked,
    /// Its driver did not come back from a call.
    Stuck,
}

impl Fault {
    pub(super) const ALL: [Fault; 5] = [Fault::Broken, Fault::Unclean, Fault::Silent, Fault::Panicked, Fault::Stuck];

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Fault::Broken => "an error left it in a state that nobody can vouch for",
            Fault::Unclean => "it could not be made clean for its next borrower",
            Fault::Silent => "it gave no sign of life",
            Fault::Panicked => "its driver, or a closure shipped to it, panicked",
            Fault::Stuck => "its driver did not come back from a call",
        }
    }
}

/// Why a connection is closed in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retirement {
    Idle,
    Old,
    Outdated,
    WithDatabase,
}

impl Retirement {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Retirement::Idle => "it was idle for longer than idle_timeout",
            Retirement::Old => "it was older than max_lifetime",
            Retirement::Outdated => "all connections were declared outdated",
            Retirement::WithDatabase => "the database was closed",
        }
    }
}
