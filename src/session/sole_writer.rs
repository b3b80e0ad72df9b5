//! One pinned transaction at a time on what has a single writer.
//!
//! Such a transaction ends on its connection, some time after its handle was let go of. Until then another one would meet
//! its lock; so the right to be the one goes with the connection, and whoever comes in between waits for that end. While
//! the handle is there nobody waits: the one who holds it may be the very one who asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pontoon_bridge::{Gate, GateError, Permit};

use crate::error::{Effect, Error, ErrorKind, Result};

/// Those that are claimed or waited for, by name.
static PLACES: Mutex<BTreeMap<String, Arc<Place>>> = Mutex::new(BTreeMap::new());

/// Something that has a single writer.
#[derive(Debug)]
pub(crate) struct Place {
    name: String,
    gate: Gate,
    /// The number of the claim whose handle is still there; 0 for none.
    pinned: AtomicU64,
}

/// The right to be the one. It belongs to the connection, and is gone when its transaction is.
#[derive(Debug)]
pub(crate) struct SoleWriter {
    place: Arc<Place>,
    #[expect(dead_code, reason = "held for its drop")]
    permit: Permit,
}

/// The handle of a claim. Once it is dropped the claim is about to end.
#[derive(Debug)]
pub(crate) struct Pinned {
    place: Arc<Place>,
    number: u64,
}

impl Place {
    /// The place of this name.
    ///
    /// # Errors
    /// `Misuse` at once when a claim on it is held, by another database of this process.
    pub(crate) fn find(name: String) -> Result<Arc<Place>> {
        let place = {
            let make = || Arc::new(Place { name: name.clone(), gate: Gate::new(1, usize::MAX), pinned: 0.into() });
            Arc::clone(PLACES.lock().entry(name.clone()).or_insert_with(make))
        };
        match place.pinned.load(Ordering::Acquire) {
            0 => Ok(place),
            _ => Err(place.held()),
        }
    }

    /// Where to wait until the one before has ended.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Claims it. `permit` is that of its gate.
    pub(crate) fn claim(self: Arc<Place>, permit: Permit) -> (SoleWriter, Pinned) {
        static MINTED: AtomicU64 = AtomicU64::new(1);
        let number = MINTED.fetch_add(1, Ordering::Relaxed);
        self.pinned.store(number, Ordering::Release);
        (SoleWriter { place: Arc::clone(&self), permit }, Pinned { place: self, number })
    }

    /// Why it could not be had.
    pub(crate) fn refused(&self, error: GateError) -> Error {
        if self.pinned.load(Ordering::Acquire) != 0 {
            return self.held();
        }
        Error::new(
            ErrorKind::Timeout,
            format!(
                "the transaction that force rollback held on {} before was not rolled back in time ({error})",
                self.name
            ),
        )
        .with_effect(Effect::NotSent)
    }

    /// Takes it off the list when the one who says so is the last to know of it.
    fn leave(self: &Arc<Place>) {
        let mut places = PLACES.lock();
        // Once here, once in the list.
        if Arc::strong_count(self) == 2 {
            places.remove(&self.name);
        }
    }

    fn held(&self) -> Error {
        Error::new(
            ErrorKind::Misuse,
            format!(
                "force rollback is on in another database handle on {}, which has one writer at a time: give each test a \
                 file of its own (TestDatabase), or share the handle",
                self.name
            ),
        )
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Unless the claim has ended already and somebody else's has begun.
        let _ = self.place.pinned.compare_exchange(self.number, 0, Ordering::AcqRel, Ordering::Relaxed);
        self.place.leave();
    }
}

impl Drop for SoleWriter {
    fn drop(&mut self) {
        self.place.leave();
    }
}
