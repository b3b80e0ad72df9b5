//! How work gets from a task to a connection.

use std::future::Future;

use crate::error::Result;
use crate::reader::{BatchReader, Request};
use crate::session::{Core, Errand, Turn};
use crate::sql::{Dialect, IsolationLevel};

/// How work gets to a connection. Each of the four types that are awaited writes this, and nothing else.
#[allow(unreachable_pub, reason = "a sealed part of a public trait")]
pub trait AsyncPerform: Send + Sync {
    /// The dialect that statements are scanned with.
    fn dialect(&self) -> &'static Dialect;

    /// The isolation level of transactions for which none is asked, if the configuration says one.
    fn default_level(&self) -> Option<IsolationLevel>;

    /// Brings `job` to the connection and its result back.
    fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Starts a query whose rows are read one after another.
    fn open_stream(&self, request: Request) -> impl Future<Output = Result<BatchReader>> + Send;
}
