//! What a database says beside its answers.

use std::fmt;
use std::sync::Arc;

use crate::config::Config;
use crate::observe::Observer;

/// Takes what a database says beside its answers, a notice of a server or a line of a host's standard error, to whoever
/// listens: as an event of the feature `tracing`, and on standard error with `echo`. Without either it does nothing.
///
/// A driver makes one in [`Driver::open`](super::Driver::open). What is told passes through the redactor, becomes one
/// line and is cut, so that it may be handed over as it came. Clones are the same; never blocks.
///
/// ```
/// # let config = pontoon::Database::new("sqlite::memory:")?.config().clone();
/// use pontoon::driver::Notices;
///
/// let notices = Notices::of(&config);
/// notices.tell("NOTICE", "table \"notes\" does not exist, skipping");
/// # Ok::<(), pontoon::Error>(())
/// ```
#[derive(Clone)]
pub struct Notices(Arc<Observer>);

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

impl Notices {
    /// Those of a database with this configuration.
    pub fn of(config: &Config) -> Notices {
        Notices(Arc::new(Observer::of(config)))
    }

    /// Tells something. `severity` is the database's own word; `WARNING`, in any case, is told as a warning.
    pub fn tell(&self, severity: &str, message: &str) {
        self.0.notice(severity, message);
    }
}
