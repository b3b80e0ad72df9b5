//! What one connection learns of the server, as far as it concerns the others.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::News;

/// How the connections of a database stand to its server.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Counts how often all connections were declared outdated.
    generation: AtomicU64,
    /// Counts how often a connection broke: those that are idle may have broken with it.
    doubts: AtomicU64,
}

impl Standing {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Acquire)
    }

    /// All connections that are open now are outdated.
    pub(super) fn outdate(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// From a connection that was opened in this generation. That the server has changed its role is news once: those
    /// opened since then have seen for themselves.
    pub(super) fn hear(&self, news: News, generation: u64) {
        match news {
            News::Broke => drop(self.doubts.fetch_add(1, Ordering::AcqRel)),
            News::RoleChanged => {
                let next = generation.wrapping_add(1);
                // Another one may have told it first.
                let _ = self.generation.compare_exchange(generation, next, Ordering::AcqRel, Ordering::Acquire);
            }
        }
    }
}
