//! What may be done to a connection while it is busy.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pontoon::driver::{Fence, Handle};
use pontoon::{Error, ErrorKind};

use super::call::Running;
use super::record::{Method, Signal};
use super::rule::Given;
use super::state::Shared;

pub(super) struct ScriptHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) connection: u64,
}

impl ScriptHandle {
    fn start(&self, method: Method) -> (Running<'_>, u64) {
        let running = self.shared.start(self.connection, method, "", &[]);
        let id = running.id();
        let mut state = self.shared.state.lock();
        let aimed_at = state.connection(self.connection).and_then(|connection| connection.current());
        state.signals.push(Signal {
            id,
            connection: self.connection,
            method,
            aimed_at,
            hit: None,
            returned: false,
            fence: None,
            thread_name: std::thread::current().name().unwrap_or_default().to_owned(),
        });
        (running, id)
    }

    fn returned(&self, id: u64, fence: Option<Fence>) {
        let mut state = self.shared.state.lock();
        if let Some(signal) = state.signals.iter_mut().find(|signal| signal.id == id) {
            signal.returned = true;
            signal.fence = fence;
        }
        if fence == Some(Fence::NotFenced)
            && let Some(connection) = state.connection(self.connection)
        {
            connection.is_unfenced = true;
        }
    }

    /// The signal takes effect: on whatever runs now, whether it was meant or not.
    fn land(&self, state: &mut super::state::State, id: u64, is_sever: bool) {
        let Some(connection) = state.connection(self.connection) else { return };
        let hit = connection.current();
        if is_sever {
            connection.is_severed = true;
            connection.break_off();
        } else {
            let running: Vec<u64> = connection.running.iter().map(|(call, _)| *call).collect();
            connection.cancelled.extend(running);
        }
        connection.attention.store(true, Ordering::Release);
        if let Some(signal) = state.signals.iter_mut().find(|signal| signal.id == id) {
            signal.hit = hit;
        }
        self.shared.changed.notify_all();
    }
}

impl Handle for ScriptHandle {
    fn cancel(&self, until: Instant) -> Fence {
        let (mut running, id) = self.start(Method::Cancel);
        let watch = || {
            let is_over = Instant::now() >= until;
            if is_over { Err(Error::new(ErrorKind::Timeout, "the cancel took too long")) } else { Ok(()) }
        };
        let work = |state: &mut super::state::State| {
            self.land(state, id, false);
            Ok(Fence::Fenced)
        };
        let given = |given| match given {
            Given::Fence(fence) => Some(fence),
            _ => None,
        };
        let result = running.answer(&watch, work, given);
        let fence = *result.as_ref().unwrap_or(&Fence::NotFenced);
        self.returned(id, Some(fence));
        let _ = running.end(result, |fence| Some(format!("{fence:?}")));
        fence
    }

    fn sever(&self) -> bool {
        let (mut running, id) = self.start(Method::Sever);
        let work = |state: &mut super::state::State| {
            self.land(state, id, true);
            Ok(true)
        };
        let given = |given| match given {
            Given::Flag(flag) => Some(flag),
            _ => None,
        };
        let result = running.answer(&|| Ok(()), work, given);
        let severed = *result.as_ref().unwrap_or(&false);
        self.returned(id, None);
        let _ = running.end(result, |severed| Some(severed.to_string()));
        severed
    }

    fn is_instant(&self) -> bool {
        self.shared.state.lock().settings.instant
    }
}
