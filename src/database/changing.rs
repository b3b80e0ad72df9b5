//! One change of a database at a time: being connected, being closed.

use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Instant;

use parking_lot::Mutex;
use pontoon_bridge::{Gate, GateError, Permit};

use crate::error::{Effect, Error, ErrorKind, Result};
use crate::pool::fault;
use crate::wait::Wait;

/// Held while a database is being connected or closed, its hooks included.
#[derive(Debug)]
pub(super) struct Changing {
    turn: Gate,
    /// On which thread it is done. A hook runs there, and would wait for itself.
    by: Arc<Mutex<Option<ThreadId>>>,
}

impl Default for Changing {
    fn default() -> Changing {
        Changing { turn: Gate::new(1, usize::MAX), by: Arc::default() }
    }
}

impl Changing {
    /// Waits for whoever connects or closes the database just now, to `until` at most.
    ///
    /// # Errors
    /// `WouldDeadlock` when that is the calling thread; `Busy` when it takes too long.
    pub(super) async fn enter(&self, wait: impl Wait, until: Option<Instant>) -> Result<Change> {
        if *self.by.lock() == Some(std::thread::current().id()) {
            return Err(Error::new(
                ErrorKind::WouldDeadlock,
                "a hook for connecting or disconnecting cannot connect or close its own database, which waits for it",
            )
            .with_effect(Effect::NotSent));
        }
        match wait.permit(&self.turn, until).await {
            Ok(turn) => Ok(Change { by: Arc::clone(&self.by), _turn: turn }),
            Err(GateError::NoWatch) => Err(fault::no_watch()),
            Err(_) => Err(Error::new(
                ErrorKind::Busy,
                "somebody else was connecting or closing this database all the time: nothing was done",
            )
            .with_effect(Effect::NotSent)),
        }
    }
}

/// The turn.
#[derive(Debug)]
pub(crate) struct Change {
    by: Arc<Mutex<Option<ThreadId>>>,
    _turn: Permit,
}

impl Change {
    /// From here on it is done on this thread.
    pub(super) fn on_this_thread(&self) {
        *self.by.lock() = Some(std::thread::current().id());
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        *self.by.lock() = None;
    }
}
