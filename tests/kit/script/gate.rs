//! Where calls block until the test lets them go.

use std::sync::Arc;
use std::time::Instant;

use super::record;
use super::state::Shared;
use crate::kit::PATIENCE;

/// What a blocked call hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ears {
    /// A cancel by the connection's handle ends it.
    pub(crate) cancel: bool,
    /// A sever by the connection's handle ends it.
    pub(crate) sever: bool,
    /// It watches the deadline and the cancel flag of its call.
    pub(crate) call: bool,
}

impl Ears {
    /// It hears everything, as SQLite does.
    pub(crate) const OPEN: Ears = Ears { cancel: true, sever: true, call: true };
    /// It watches its own deadline and hears nothing from outside: a connect.
    pub(crate) const CALL: Ears = Ears { cancel: false, sever: false, call: true };
    /// It hears what comes over the network, and knows of no deadline: a well-behaved server.
    pub(crate) const SERVER: Ears = Ears { cancel: true, sever: true, call: false };
    /// It ends when its connection is cut: a stopped server.
    pub(crate) const SEVER: Ears = Ears { cancel: false, sever: true, call: false };
    /// It hears nothing: only the gate ends it.
    pub(crate) const DEAF: Ears = Ears { cancel: false, sever: false, call: false };
}

/// What a script knows of a gate.
#[derive(Debug, Default)]
pub(super) struct GateState {
    pub(super) is_open: bool,
    /// How many calls may pass though it is closed.
    pub(super) passes: usize,
    /// The calls that are blocked.
    pub(super) blocked: Vec<u64>,
}

/// A gate for calls to block at. Dropping it opens it, so that a test which fails leaves no thread stuck.
#[derive(Debug)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
    number: u64,
    name: String,
}

impl Gate {
    pub(super) fn new(shared: Arc<Shared>, name: &str) -> Gate {
        let number = {
            let mut state = shared.state.lock();
            let number = state.next();
            state.gates.insert(number, GateState::default());
            number
        };
        Gate { shared, number, name: name.to_owned() }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        if let Some(gate) = self.shared.state.lock().gates.get_mut(&self.number) {
            change(gate);
        }
        self.shared.changed.notify_all();
    }

    /// Lets everybody pass, now and later.
    pub(crate) fn open(&self) {
        self.change(|gate| gate.is_open = true);
    }

    /// Closes it again for calls that come later.
    pub(crate) fn close(&self) {
        self.change(|gate| {
            gate.is_open = false;
            gate.passes = 0;
        });
    }

    /// Lets so many calls pass, blocked ones or later ones.
    pub(crate) fn pass(&self, calls: usize) {
        self.change(|gate| gate.passes += calls);
    }

    /// How many calls are blocked.
    pub(crate) fn blocked(&self) -> usize {
        self.shared.state.lock().gates.get(&self.number).map_or(0, |gate| gate.blocked.len())
    }

    /// Waits until a call is blocked.
    #[track_caller]
    pub(crate) fn wait_blocked(&self) {
        self.wait_blocked_by(1);
    }

    /// Waits until so many calls are blocked at once.
    #[track_caller]
    pub(crate) fn wait_blocked_by(&self, calls: usize) {
        self.wait(&format!("{calls} blocked"), |gate| gate.blocked.len() >= calls);
    }

    /// Waits until no call is blocked any more.
    #[track_caller]
    pub(crate) fn wait_free(&self) {
        self.wait("nobody blocked", |gate| gate.blocked.is_empty());
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&GateState) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock();
        while !state.gates.get(&self.number).is_some_and(&is_so) {
            if self.shared.changed.wait_until(&mut state, until).timed_out() {
                let trace = record::trace(&state, None).join("\n  ");
                drop(state);
                panic!("the gate of {} did not come to have {what}; the database saw\n  {trace}", self.name);
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}
