//! Requests and their answers on one connection.
//!
//! The host answers in the order in which it was asked, so an answer that nobody has taken yet is kept for whoever
//! asked: statements inside each other, and a batch of rows that was asked for early, need no more than that.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::frame::{Body, Frame, garbage};
use super::message::{CONNECT, CONNECTED, DONE, ERROR, NOTICE, ROWS, Report, state_of};
use super::reach::Reach;
use super::socket::{Failure, Line};
use crate::driver::{Call, LinkState, Notices};
use crate::error::{Effect, Error, ErrorKind, Result};

/// An answer: its type, the state of the transaction, and its body.
pub(super) struct Answer {
    pub(super) kind: u8,
    pub(super) serial: u32,
    pub(super) state: Option<LinkState>,
    content: Vec<u8>,
}

/// What stands before the body of an answer: type, serial and state.
const HEAD: usize = 6;

impl Answer {
    pub(super) fn body(&self) -> Body<'_> {
        Body(self.content.get(HEAD..).unwrap_or_default())
    }
}

/// Why there is no answer to work with.
pub(super) enum Trouble {
    /// The host's own word.
    Said(Report),
    /// Nobody answers, or nobody was asked.
    Ours(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Ours(error)
    }
}

pub(super) struct Conversation {
    line: RefCell<Line>,
    pub(super) reach: Arc<Reach>,
    notices: Notices,
    /// Serials that were sent and not answered, in order.
    outstanding: RefCell<VecDeque<u32>>,
    /// Answers that have come and were not taken.
    kept: RefCell<Vec<Answer>>,
    dead: Cell<bool>,
}

impl Conversation {
    pub(super) fn new(line: Line, reach: Arc<Reach>, notices: Notices) -> Conversation {
        Conversation {
            line: RefCell::new(line),
            reach,
            notices,
            outstanding: RefCell::default(),
            kept: RefCell::default(),
            dead: Cell::new(false),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.get()
    }

    /// What it answers can be trusted no further.
    pub(super) fn doubt(&self) {
        self.dead.set(true);
    }

    /// From now on no answer is waited for longer than this.
    pub(super) fn set_patience(&self, patience: Option<Duration>) -> Result<()> {
        self.line.borrow().set_patience(patience).map_err(|error| self.lost(&error))
    }

    /// Asks, and waits for the answer. `call` may be there no more by the time that the request would be sent.
    pub(super) fn ask(
        &self,
        call: Option<&Call<'_>>,
        kind: u8,
        fill: impl FnOnce(&mut Frame) -> Result<()>,
    ) -> Result<Answer, Trouble> {
        let serial = self.send(call, kind, fill)?;
        self.answer(serial)
    }

    /// Sends a request. Its answer is to be taken, or given up.
    pub(super) fn send(
        &self,
        call: Option<&Call<'_>>,
        kind: u8,
        fill: impl FnOnce(&mut Frame) -> Result<()>,
    ) -> Result<u32> {
        // While an answer is on its way, the host may not read what it is sent.
        while !self.outstanding.borrow().is_empty() {
            self.keep_next()?;
        }
        let serial = self.reach.next_serial();
        let mut frame = Frame::new(kind);
        frame.u32(serial);
        fill(&mut frame)?;
        let bytes = frame.finish().map_err(|error| error.with_effect(Effect::NotSent))?;
        if self.dead.get() {
            return Err(self.gone().with_effect(Effect::NotSent));
        }
        // Looked at after the serial was taken: a cancel that comes from here on means this request.
        if let Some(call) = call {
            call.check().map_err(|error| error.with_effect(Effect::NotSent))?;
        }
        // Half a request is none: the host reads no further than whole frames.
        let sent = self.line.borrow_mut().send(&bytes);
        if kind == CONNECT {
            // It holds the password.
            Zeroizing::new(bytes);
        }
        sent.map_err(|error| self.lost(&error).with_effect(Effect::NotSent))?;
        self.outstanding.borrow_mut().push_back(serial);
        Ok(serial)
    }

    /// Waits for the answer to a request that was sent.
    pub(super) fn answer(&self, serial: u32) -> Result<Answer, Trouble> {
        let answer = loop {
            let mut kept = self.kept.borrow_mut();
            if let Some(at) = kept.iter().position(|answer| answer.serial == serial) {
                break kept.swap_remove(at);
            }
            drop(kept);
            self.keep_next()?;
        };
        match answer.kind {
            ERROR => {
                let report = Report::read(answer.state, answer.body()).map_err(|error| self.broken(error))?;
                if report.is_dead {
                    self.dead.set(true);
                }
                Err(Trouble::Said(report))
            }
            _ => Ok(answer),
        }
    }

    /// Takes the next answer off the line and keeps it.
    fn keep_next(&self) -> Result<()> {
        let Some(wanted) = self.outstanding.borrow().front().copied() else {
            return Err(self.gone());
        };
        loop {
            let (kind, content) = {
                let mut line = self.line.borrow_mut();
                match line.receive() {
                    Ok(received) => received,
                    Err(Failure::Io(error)) => return Err(self.lost(&error)),
                    Err(Failure::Garbage(error)) => return Err(self.broken(error)),
                }
            };
            let mut body = Body(content.get(1..).unwrap_or_default());
            let head = body.u32().and_then(|serial| body.u8().and_then(state_of).map(|state| (serial, state)));
            let (serial, state) = head.map_err(|error| self.broken(error))?;
            if serial != wanted {
                return Err(self.broken(garbage(format_args!("an answer to {serial} where {wanted} was asked"))));
            }
            match kind {
                NOTICE => {
                    let said = body.text().and_then(|severity| Ok((severity, body.text()?)));
                    let (severity, message) = said.map_err(|error| self.broken(error))?;
                    self.notices.tell(severity, message);
                }
                CONNECTED | DONE | ROWS | ERROR => {
                    self.outstanding.borrow_mut().pop_front();
                    self.kept.borrow_mut().push(Answer { kind, serial, state, content });
                    return Ok(());
                }
                other => return Err(self.broken(garbage(format_args!("a message of the type {other:#x}")))),
            }
        }
    }

    /// What came cannot be read: nothing that follows can be trusted.
    pub(super) fn broken(&self, error: Error) -> Error {
        self.dead.set(true);
        error
    }

    #[cold]
    fn lost(&self, error: &io::Error) -> Error {
        self.dead.set(true);
        self.outstanding.borrow_mut().clear();
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            return Error::new(ErrorKind::Timeout, "the driver's process did not answer in time");
        }
        self.gone()
    }

    #[cold]
    fn gone(&self) -> Error {
        Error::new(ErrorKind::ConnectionLost, self.reach.obituary())
    }
}
