//! What a call gives that is to be awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::{Error, Result};

/// A call, to be awaited in any executor. It does nothing until it is polled, and it is `Send`.
///
/// What is wrong with the call itself, a missing parameter say, is found before the first poll and told by it. The
/// call's deadline counts from the first poll, and needs nobody to poll again: it is kept by a thread of the library's
/// own.
///
/// **Dropped**, a call that has not reached the database never does, and one that runs there is cancelled there; each
/// method says what more there is to it. The drop itself waits for nothing.
///
/// # Panics
///
/// When it is polled again after it was ready.
#[must_use = "a call does nothing until it is awaited"]
pub struct Answer<'a, T, E = Error>(Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>);

impl<'a, T, E> Answer<'a, T, E> {
    pub(crate) fn new(call: impl Future<Output = Result<T, E>> + Send + 'a) -> Answer<'a, T, E> {
        Answer(Box::pin(call))
    }

    /// What is known to fail, told when it is polled.
    pub(crate) fn failed(error: E) -> Answer<'a, T, E>
    where
        T: 'a,
        E: Send + 'a,
    {
        Answer::new(async move { Err(error) })
    }
}

impl<T, E> Future for Answer<'_, T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T, E> fmt::Debug for Answer<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
