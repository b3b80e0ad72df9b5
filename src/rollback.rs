//! Force rollback: one connection with an open transaction, used by everybody, rolled back in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pontoon_bridge::{Gate, GateError};

use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::Lease;
use crate::pool::{Pool, fault};
use crate::session::Place;
use crate::site::Site;
use crate::wait::Wait;

/// Whether force rollback is on, and the connection that is pinned by it.
pub(crate) struct Rollback {
    /// What `switches` come to, for a look without a lock.
    on: AtomicBool,
    switches: Mutex<Switches>,
    pin: Mutex<Option<Arc<Lease>>>,
    /// Held while the connection is being pinned.
    pinning: Gate,
}

#[derive(Debug)]
struct Switches {
    default: bool,
    set: Option<bool>,
    /// The scopes that are open, in the order they were opened; the last one counts.
    scopes: Vec<(u64, bool)>,
}

impl Switches {
    fn is_on(&self) -> bool {
        self.scopes.last().map(|(_, on)| *on).or(self.set).unwrap_or(self.default)
    }

    /// Whether it is on once all scopes that switch it off are closed: what was done is kept for then.
    fn is_on_beneath(&self) -> bool {
        self.is_on() || self.set.unwrap_or(self.default) || self.scopes.iter().any(|(_, on)| *on)
    }
}

impl Rollback {
    pub(crate) fn new(default: bool) -> Rollback {
        Rollback {
            on: AtomicBool::new(default),
            switches: Mutex::new(Switches { default, set: None, scopes: Vec::new() }),
            pin: Mutex::new(None),
            pinning: Gate::new(1, usize::MAX),
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, set: Option<bool>) {
        self.change(|switches| switches.set = set);
    }

    fn change(&self, change: impl FnOnce(&mut Switches)) {
        let keeps = {
            let mut switches = self.switches.lock();
            change(&mut switches);
            self.on.store(switches.is_on(), Ordering::Release);
            switches.is_on_beneath()
        };
        if !keeps {
            self.unpin();
        }
    }

    /// Lets go of the pinned connection; its transaction is rolled back as it returns.
    pub(crate) fn unpin(&self) {
        let pin = self.pin.lock().take();
        drop(pin);
    }

    /// In a forked child: lets go of the parent's connection without touching it.
    pub(crate) fn forget(&mut self) {
        let _ = std::mem::ManuallyDrop::new(self.pin.get_mut().take());
    }

    /// The pinned connection, pinned now if it is not yet.
    pub(crate) async fn pinned(
        &self,
        wait: impl Wait,
        pool: &Arc<Pool>,
        deadline: Option<Instant>,
        site: Site,
    ) -> Result<Arc<Lease>> {
        if let Some(pin) = self.pin_of(pool) {
            return Ok(pin);
        }
        let _pinning = wait.permit(&self.pinning, deadline).await.map_err(|error| match error {
            GateError::Closed => fault::closed(),
            GateError::NoWatch => fault::no_watch(),
            _ => Error::new(
                ErrorKind::Timeout,
                "the deadline passed while another caller was opening the connection of force rollback",
            )
            .with_effect(crate::Effect::NotSent),
        })?;
        if let Some(pin) = self.pin_of(pool) {
            return Ok(pin);
        }
        // One of a pool that was closed holds what only one can hold.
        self.unpin();
        let claim = match pool.source().sole_writer().map(Place::find).transpose()? {
            Some(place) => {
                let permit = wait.permit(place.gate(), deadline).await.map_err(|error| place.refused(error))?;
                Some(place.claim(permit))
            }
            None => None,
        };
        let lease = Lease::pin(wait, pool.acquire(deadline, site).await?, claim, deadline).await?;
        self.keep(&lease, pool);
        Ok(lease)
    }

    /// An error of what was done beside the pinned connection, while a scope keeps that from use: the locks of its
    /// transaction are not given back before force rollback is off for good.
    pub(crate) fn beside(&self, error: Error) -> Error {
        let may_have_waited = matches!(error.kind(), ErrorKind::Busy | ErrorKind::Timeout);
        if !may_have_waited || self.is_on() || self.pin.lock().is_none() {
            return error;
        }
        error.context(
            "force rollback is switched off for a scope only, so its transaction is kept with the locks that it holds: \
             do this inside of it, or end the scope that switched it on",
        )
    }

    fn pin_of(&self, pool: &Arc<Pool>) -> Option<Arc<Lease>> {
        self.pin.lock().as_ref().filter(|pin| pin.hold().is_of(pool)).map(Arc::clone)
    }

    /// Keeps the pinned connection for those who come later, unless force rollback was switched off or the database
    /// closed meanwhile: either unpins after it has changed what is looked at here, and so finds what is kept or keeps it
    /// from being kept.
    fn keep(&self, lease: &Arc<Lease>, pool: &Arc<Pool>) {
        let mut pin = self.pin.lock();
        if self.switches.lock().is_on_beneath() && !pool.is_closed() {
            *pin = Some(Arc::clone(lease));
        }
    }
}

/// Force rollback for a while; see [`Database::force_rollback_scope`](crate::Database::force_rollback_scope).
///
/// Scopes may be closed in any order: the youngest open one counts. A scope that switches it off leaves the pinned
/// connection as it is for when the scope is closed.
#[must_use = "force rollback is switched back when the guard is dropped"]
pub struct ForceRollback {
    shared: Arc<Shared>,
    number: u64,
}

impl ForceRollback {
    pub(crate) fn new(shared: &Arc<Shared>, on: bool) -> ForceRollback {
        static MINTED: AtomicU64 = AtomicU64::new(1);
        let number = MINTED.fetch_add(1, Ordering::Relaxed);
        shared.rollback().change(|switches| switches.scopes.push((number, on)));
        ForceRollback { shared: Arc::clone(shared), number }
    }
}

impl std::fmt::Debug for ForceRollback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForceRollback").finish_non_exhaustive()
    }
}

impl Drop for ForceRollback {
    fn drop(&mut self) {
        self.shared.rollback().change(|switches| switches.scopes.retain(|(number, _)| *number != self.number));
    }
}
