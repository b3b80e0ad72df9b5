//! What a worker owns, and what its jobs see of it.

use crate::Settled;

/// What a worker owns: made, used and dropped on the worker's thread.
///
/// Jobs do not get the place itself but a *view* of it, made afresh for each job. The view has a lifetime of its own
/// because a job that waits for its reader can serve the next jobs of the queue on a second, nested view (see
/// [`Ticket::wait_for_credit`](crate::Ticket::wait_for_credit)); a plain place uses `&'v mut Self`:
///
/// ```
/// struct Counter(u64);
///
/// impl pontoon_bridge::Place for Counter {
///     type View<'v> = &'v mut Counter;
///     fn view(&mut self) -> &mut Counter {
///         self
///     }
/// }
/// ```
///
/// A place is `Send` only because a caller may borrow it for one job on its own thread
/// ([`Worker::try_run_here`](crate::Worker::try_run_here)); a worker that nobody asks for that never lets it leave.
pub trait Place: Send + 'static {
    /// What a job works on.
    type View<'v>;

    /// Makes the view for one job. Called before each job, on the thread that will run it.
    fn view(&mut self) -> Self::View<'_>;

    /// A job (or a nested one) panicked while it had a view. Called once the panic has been caught, after the view
    /// is gone and before the next job. A place whose inner state may be torn marks it for discarding here.
    /// By default nothing.
    fn poisoned(&mut self) {}

    /// A cancel struck a job that ended without having learned of it from [`Ticket::settle`](crate::Ticket::settle).
    /// Called after the job and before the next one; never with [`Settled::Untouched`]. By default nothing.
    fn interrupted(&mut self, settled: Settled) {
        let _ = settled;
    }

    /// A job that the worker took from the queue is over, with whatever was nested in it; none of it panicked or was asked
    /// to stop, and nothing can strike it any more. Called before its caller hears of it: what is noted here is true when
    /// the reply is there. (A future that takes the result of a job with an undo may be sooner.) Not after a job on its
    /// caller's own thread. By default nothing.
    fn unharmed(&mut self) {}
}
