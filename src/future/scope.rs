//! Callers that are no threads: what a task does is found again wherever it is polled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::caller;

/// Runs a future as one caller: whatever it does through a database, by the awaited and by the blocking methods alike, is
/// done on one connection while it holds one. That is what a thread has by itself, and a task has not: see
/// [`AsyncDatabase`](super::AsyncDatabase).
///
/// The caller is known around every poll, on whatever thread and in whatever executor, and around the drop of the
/// future. A task that is spawned inside is not part of it, and inherits no transaction: give it a
/// [`Connection`](super::AsyncConnection), or the [`Caller`] itself. Inside another scope this is a caller of its own.
///
/// Futures that are joined inside one scope are one caller too. A transaction that one of them begins while another has
/// one open is nested in that, and has to end first.
pub fn scope<F: Future>(future: F) -> Scope<F> {
    Caller::new().scope(future)
}

/// Somebody who uses databases, apart from any thread or task. Clones are the same caller.
#[derive(Clone, Debug)]
pub struct Caller(Arc<caller::Scope>);

impl Caller {
    /// A caller that has done nothing yet.
    #[expect(clippy::new_without_default, reason = "two are never the same, which a default suggests")]
    pub fn new() -> Caller {
        Caller(caller::Scope::new())
    }

    /// The caller of the scope that is being polled on this thread, if one is.
    pub fn current() -> Option<Caller> {
        caller::Scope::current().map(Caller)
    }

    /// Runs a future as this caller; see [`scope`]. One caller can have several futures at a time.
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        Scope { caller: Some(Arc::clone(&self.0)), future: Some(Box::pin(future)) }
    }
}

/// The future of [`scope`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Scope<F> {
    /// None for one that takes the caller that it is first polled by.
    caller: Option<Arc<caller::Scope>>,
    /// None once it has been dropped.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Scope<F> {
    /// In the scope that it is first polled in, or in one of its own where there is none.
    pub(super) fn inherited(future: F) -> Scope<F> {
        Scope { caller: None, future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let caller = &mut self.caller;
        let caller = caller.get_or_insert_with(|| caller::Scope::current().unwrap_or_else(caller::Scope::new)).clone();
        let _entered = caller.enter();
        let future = self.future.as_mut().expect("a scope was polled after it was ready");
        let polled = future.as_mut().poll(context);
        if polled.is_ready() {
            // Inside, as ever.
            self.future = None;
        }
        polled
    }
}

impl<F> Drop for Scope<F> {
    fn drop(&mut self) {
        let _entered = self.caller.as_ref().map(caller::Scope::enter);
        self.future = None;
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("caller", &self.caller).finish_non_exhaustive()
    }
}
