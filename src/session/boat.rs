//! A worker's place: room for one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::core::{Cleaning, Core, State};
use super::stack::Cause;
use super::turn::Ticket;
use crate::driver::{Call, Fence, Handle, Link, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Meter;
use crate::secret::Redactor;

/// Room for one connection, on the thread of its worker. Dropping it, on that thread, closes the connection.
pub(crate) struct Boat {
    link: Option<Box<dyn Link>>,
    state: State,
    cleaning: Cleaning,
    tidy: Arc<Tidy>,
}

/// Whether the last job on a connection, seen from its end, left nothing to clean up.
#[derive(Debug, Default)]
pub(crate) struct Tidy(AtomicBool);

impl Tidy {
    /// Said in the connection's turn, or before anybody else has one. Who gets to know by an answer that a job is over sees
    /// what was said in it.
    pub(crate) fn set(&self, tidy: bool) {
        self.0.store(tidy, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Boat {
    /// An empty place, whose work is counted. `tidy` has, after each job, whether the connection could go to its next
    /// borrower as it is.
    pub(crate) fn new(meter: Arc<Meter>, cleaning: Cleaning, tidy: Arc<Tidy>) -> Boat {
        Boat { link: None, state: State { meter, ..State::default() }, cleaning, tidy }
    }
}

impl std::fmt::Debug for Boat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Boat").field("open", &self.link.is_some()).field("state", &self.state).finish()
    }
}

/// What a job sees: the boat itself, or, nested in a stream, a second way into its connection.
pub(crate) enum View<'v> {
    Boat(&'v mut Boat),
    Nested(Core<'v>),
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            View::Boat(_) => "View::Boat",
            View::Nested(_) => "View::Nested",
        })
    }
}

impl pontoon_bridge::Place for Boat {
    type View<'v> = View<'v>;

    fn view(&mut self) -> View<'_> {
        View::Boat(self)
    }

    fn poisoned(&mut self) {
        let cause = Cause { kind: ErrorKind::DriverPanic, message: "a job panicked on this connection".into() };
        self.state.stack.lose(cause.clone());
        self.state.doubt.get_or_insert(cause);
    }

    fn unharmed(&mut self) {
        let Boat { link, state, cleaning, tidy } = self;
        // Not at the price of a question: whoever lets go of the connection has it asked, by then or not at all.
        let knows = link.as_mut().filter(|link| link.knows_state());
        tidy.set(knows.is_some_and(|link| Core::new(&mut **link, state).is_clean(*cleaning)));
    }

    fn interrupted(&mut self, settled: pontoon_bridge::Settled) {
        if !matches!(settled, pontoon_bridge::Settled::Untouched | pontoon_bridge::Settled::Fenced) {
            let cause = Cause { kind: ErrorKind::Cancelled, message: "a cancel may still be on its way".into() };
            self.state.stack.lose(cause.clone());
            self.state.doubt.get_or_insert(cause);
        }
    }
}

impl Drop for Boat {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            // A link in doubt is dropped without a word: a good-bye could wait for an answer that never comes. What a
            // good-bye says in error is of no use to anybody: the connection is gone all the same.
            if self.state.doubt.is_none() {
                let _ = link.close();
            }
        }
    }
}

/// Lets the bridge reach a driver's handle.
struct Canceller(Arc<dyn Handle>);

impl pontoon_bridge::Interrupt for Canceller {
    fn cancel(&self, until: Instant) -> pontoon_bridge::Fence {
        match self.0.cancel(until) {
            Fence::Fenced => pontoon_bridge::Fence::Fenced,
            Fence::NotFenced => pontoon_bridge::Fence::NotFenced,
        }
    }

    fn sever(&self) -> bool {
        self.0.sever()
    }

    fn must_finish(&self) -> bool {
        self.0.must_finish()
    }

    fn is_instant(&self) -> bool {
        self.0.is_instant()
    }
}

impl View<'_> {
    /// Opens the connection. `redactor` knows what must not show in what the driver says.
    pub(crate) fn connect(
        &mut self,
        ticket: &Ticket<'_>,
        source: &dyn Source,
        redactor: &Redactor,
        call: &Call<'_>,
    ) -> Result<()> {
        let View::Boat(boat) = self else {
            return Err(Error::new(ErrorKind::Internal, "a connection is opened once, before anything runs on it"));
        };
        boat.state.redactor = redactor.clone();
        let link = source.connect(call).map_err(|error| boat.state.scrub(error))?;
        ticket.set_interrupt(Some(Arc::new(Canceller(link.handle()))));
        boat.link = Some(link);
        Ok(())
    }

    /// The connection on its turn.
    pub(crate) fn core(&mut self) -> Result<Core<'_>> {
        match self {
            View::Boat(boat) => match &mut boat.link {
                Some(link) => Ok(Core::new(&mut **link, &mut boat.state)),
                None => Err(Error::new(ErrorKind::ConnectionLost, "this connection is closed")
                    .with_effect(crate::error::Effect::NotSent)),
            },
            View::Nested(core) => Ok(core.reborrow()),
        }
    }
}
