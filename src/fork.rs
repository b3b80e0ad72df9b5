//! Telling a forked child from its parent.
//!
//! A child inherits the memory of its parent but none of its threads: a job sent to a worker would never be answered,
//! and a connection that the child touches or closes is the parent's. So every handle remembers the process that made
//! it, and is of no use in another.
//!
//! Every call asks, so it must cost nothing: the process's own number is a system call away, as much as a tenth of a
//! short query. Forks are counted instead.

use std::sync::OnceLock;

use crate::driver::forks;
use crate::error::Result;
use crate::pool::fault;

/// Fails in the forked child of a process in which the library has had its threads: they are not here, nor are there any
/// others that could be trusted, and a database that is opened would wait for them.
///
/// # Errors
/// `ForkedProcess`.
pub(crate) fn check_process() -> Result<()> {
    static FIRST: OnceLock<Origin> = OnceLock::new();
    if FIRST.get_or_init(Origin::here).is_here() { Ok(()) } else { Err(fault::forked_in_use()) }
}

/// The process that something was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// By the forks that were counted.
    Forks(u32),
    /// By its number, where they are not.
    Process(u32),
}

impl Origin {
    #[inline]
    pub(crate) fn here() -> Origin {
        forks().map_or_else(|| Origin::Process(std::process::id()), Origin::Forks)
    }

    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self == Origin::here()
    }

    /// # Errors
    /// `ForkedProcess` in a child of that process.
    #[inline]
    pub(crate) fn check(self) -> Result<()> {
        if self.is_here() { Ok(()) } else { Err(fault::forked()) }
    }
}
