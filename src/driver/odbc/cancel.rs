//! The handle of a connection: what may be done while it is busy.

use std::sync::Arc;
use std::time::Instant;

use crate::driver::raw::odbc::Running;
use crate::driver::{Fence, Handle};

/// Cancels the call that is inside the driver, by `SQLCancel`.
///
/// A call that is not there yet, or not any more, cannot be hit: the statement stands in the slot for as long as the
/// driver works on it and no longer, and a cancel holds the lock that taking it out needs. What a driver has sent to its
/// server by then is another matter: drivers that leave something on its way have a fence in the table of families.
///
/// ODBC cannot cut a connection. A call that does not heed its cancel keeps its worker until it returns.
pub(super) struct Canceller(pub(super) Arc<Running>);

impl Handle for Canceller {
    fn cancel(&self, until: Instant) -> Fence {
        if self.0.cancel(until) { Fence::Fenced } else { Fence::NotFenced }
    }

    fn must_finish(&self) -> bool {
        self.0.must_finish()
    }
}
