//! One change of a database at a time: being connected, being closed.

use std::thread::ThreadId;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use crate::error::{Effect, Error, ErrorKind, Result};

/// Held while a database is being connected or closed, its hooks included.
#[derive(Debug, Default)]
pub(super) struct Changing {
    turn: Mutex<()>,
    /// Who holds the turn. A hook runs on that thread, and would wait for itself.
    by: Mutex<Option<ThreadId>>,
}

impl Changing {
    /// Waits for whoever connects or closes the database just now, to `until` at most.
    ///
    /// # Errors
    /// `WouldDeadlock` when that is the calling thread; `Busy` when it takes too long.
    pub(super) fn enter(&self, until: Option<Instant>) -> Result<Change<'_>> {
        let me = std::thread::current().id();
        if *self.by.lock() == Some(me) {
            return Err(Error::new(
                ErrorKind::WouldDeadlock,
                "a hook for connecting or disconnecting cannot connect or close its own database, which waits for it",
            )
            .with_effect(Effect::NotSent));
        }
        let turn = match until {
            Some(until) => self.turn.try_lock_until(until),
            None => Some(self.turn.lock()),
        };
        let turn = turn.ok_or_else(|| {
            Error::new(
                ErrorKind::Busy,
                "somebody else was connecting or closing this database all the time: nothing was done",
            )
            .with_effect(Effect::NotSent)
        })?;
        *self.by.lock() = Some(me);
        Ok(Change { by: &self.by, _turn: turn })
    }
}

/// The turn.
#[derive(Debug)]
pub(super) struct Change<'c> {
    by: &'c Mutex<Option<ThreadId>>,
    _turn: MutexGuard<'c, ()>,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        *self.by.lock() = None;
    }
}
