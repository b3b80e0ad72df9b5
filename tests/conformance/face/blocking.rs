//! The face that threads call: the library's own.

pub(crate) use pontoon::{Database, prelude};

use crate::profile::Exception;

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face;

impl Face {
    /// Whether a test that is excepted is run, and has to fail.
    pub(crate) const PROVES_EXCEPTIONS: bool = true;

    /// From here on databases of this thread are used so.
    pub(crate) fn take(self) {}

    /// Tests that this face fails, each with the reason.
    pub(crate) fn exceptions(self) -> &'static [Exception] {
        &[]
    }
}
