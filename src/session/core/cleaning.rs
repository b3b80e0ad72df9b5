//! Between two borrowers: making a connection fit for the next one.

use super::rules::unfenced;
use super::{Core, Turn};
use crate::driver::{Call, LinkState, Reset};
use crate::error::ErrorKind;
use crate::session::stack::Cause;

/// When a connection is reset on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleaning {
    /// Not at all; an open transaction is rolled back all the same.
    Never,
    /// When something ran that may have left a trace.
    AsNeeded,
    /// Each time.
    Always(Reset),
}

impl Core<'_> {
    /// What was set while the connection was being opened stays for its life.
    pub(crate) fn forget_traces(&mut self) {
        self.state.traces = false;
        self.link.is_set_up();
    }

    /// Makes the connection fit for its next borrower; an error says why it is not. Returns whether the reset
    /// has taken away what was set when the connection was opened.
    pub(crate) fn clean(&mut self, turn: &Turn<'_>, how: Cleaning) -> Result<bool, Cause> {
        let cleaned = turn.mend(|call| self.try_clean(call, how)).unwrap_or_else(|| Err(unfenced()));
        if let Err(cause) = &cleaned {
            // It stays in doubt, so that it ends without a good-bye, which might wait for an answer that never comes.
            self.doubt(cause.clone());
        }
        cleaned
    }

    fn try_clean(&mut self, call: &Call<'_>, how: Cleaning) -> Result<bool, Cause> {
        if let Some(doubt) = &self.state.doubt {
            return Err(doubt.clone());
        }
        if self.state.stack.is_open() || matches!(self.link.state(), LinkState::Open | LinkState::Failed) {
            if self.state.stack.is_open() {
                self.state.meter.rolled_back();
                self.state.meter.observer().transacts("ROLLBACK");
            }
            self.link.rollback(call).map_err(|error| Cause::of(&self.state.scrub(error)))?;
            self.state.stack.truncate(0);
            self.state.sole = None;
        }
        let reset = match how {
            Cleaning::Never => None,
            Cleaning::AsNeeded => self.state.traces.then_some(Reset::Light),
            Cleaning::Always(reset) => Some(reset),
        };
        if let Some(reset) = reset {
            self.link.reset(call, reset).map_err(|error| Cause::of(&self.state.scrub(error)))?;
        }
        self.state.traces = false;
        match self.link.state() {
            LinkState::Idle => Ok(reset.is_some() && !self.link.keeps_set_up()),
            other => Err(Cause {
                kind: ErrorKind::Internal,
                message: format!("after its reset the connection is not idle but {other:?}"),
            }),
        }
    }

    /// Whether the connection can go to its next borrower as it stands, without a round trip.
    pub(crate) fn is_clean(&mut self, how: Cleaning) -> bool {
        let needs_reset = match how {
            Cleaning::Never => false,
            Cleaning::AsNeeded => self.state.traces,
            Cleaning::Always(_) => true,
        };
        !needs_reset
            && self.state.doubt.is_none()
            && !self.state.stack.is_open()
            && self.link.state() == LinkState::Idle
    }
}
