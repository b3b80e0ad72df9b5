//! What other threads can do to a connection that is busy: a cancel on its side socket, cutting it, killing its host.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::frame::Frame;
use super::host::{Host, Hosts};
use super::socket::{Timed, read_frame};
use crate::driver::{Fence, Handle};

const CANCEL: u8 = 0x30;
const CANCELLED: u8 = 0x50;

/// The least time that a cancel gets, even when it is over.
const LEAST: Duration = Duration::from_millis(10);

/// One connection, as other threads reach it.
pub(super) struct Reach {
    host: Arc<Host>,
    /// Whose host it is, so that a stuck one is not given to others.
    hosts: Arc<Hosts>,
    one_each: bool,
    data: UnixStream,
    side: Mutex<UnixStream>,
    /// The serial of the request that was sent last, or is about to be.
    serial: AtomicU32,
    severed: AtomicBool,
    /// A write runs that must come to its end.
    must_finish: AtomicBool,
}

impl Reach {
    /// # Errors
    /// When the socket cannot be had a second time.
    pub(super) fn new(
        host: Arc<Host>,
        hosts: Arc<Hosts>,
        one_each: bool,
        data: &UnixStream,
        side: UnixStream,
    ) -> std::io::Result<Reach> {
        Ok(Reach {
            host,
            hosts,
            one_each,
            data: data.try_clone()?,
            side: Mutex::new(side),
            serial: AtomicU32::new(0),
            severed: AtomicBool::new(false),
            must_finish: AtomicBool::new(false),
        })
    }

    /// The serial for the next request. A cancel from now on means that request too: whoever sends it looks for a cancel
    /// *after* this.
    pub(super) fn next_serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::SeqCst).wrapping_add(1)
    }

    pub(super) fn set_must_finish(&self, on: bool) {
        self.must_finish.store(on, Ordering::Release);
    }

    /// How the connection ended, for a message.
    pub(super) fn obituary(&self) -> String {
        if self.severed.load(Ordering::Acquire) {
            return "the connection to the driver's process was cut, because it did not answer in time".into();
        }
        self.host.obituary()
    }

    /// Asks the host, and waits for its word. `None` when there is nobody to ask.
    fn ask(&self, until: Instant) -> Option<bool> {
        let until = until.max(Instant::now() + LEAST);
        let side = self.side.try_lock_until(until)?;
        let serial = self.serial.load(Ordering::SeqCst);
        let time = until.saturating_duration_since(Instant::now());
        let mut frame = Frame::new(CANCEL);
        frame.u32(serial).u32(u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
        let mut timed = Timed { stream: &side, until: Some(until) };
        std::io::Write::write_all(&mut timed, &frame.finish().ok()?).ok()?;
        let mut room = Vec::new();
        loop {
            let (kind, mut body) = read_frame(&mut timed, &mut room, 64).ok()?;
            if kind != CANCELLED {
                return None;
            }
            let (its, fenced) = (body.u32().ok()?, body.u8().ok()?);
            // The answer to an earlier one that nobody waited for is passed over.
            if its == serial {
                return Some(fenced == 1);
            }
        }
    }
}

impl Handle for Reach {
    fn cancel(&self, until: Instant) -> Fence {
        // What is not sent cannot hit anything.
        if self.must_finish() {
            return Fence::Fenced;
        }
        match self.ask(until) {
            Some(true) => Fence::Fenced,
            _ => Fence::NotFenced,
        }
    }

    /// A host of this connection alone is killed. One that others use lives on for them, and gets no further connection:
    /// a thread of it may be stuck.
    fn sever(&self) -> bool {
        self.severed.store(true, Ordering::Release);
        if self.one_each {
            self.host.kill();
        } else {
            self.hosts.forget(&self.host);
        }
        // Whoever waits for an answer is told that there will be none.
        self.data.shutdown(Shutdown::Both).is_ok()
    }

    fn must_finish(&self) -> bool {
        self.must_finish.load(Ordering::Acquire)
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        // The reader's end is another descriptor of the same socket: the host is to see the end of both.
        let _ = self.data.shutdown(Shutdown::Both);
        if self.one_each {
            self.host.kill();
        }
    }
}
