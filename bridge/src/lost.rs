//! Why a reply carries no result.

use parking_lot::Mutex;
use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

/// Why a reply carries no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Lost {
    /// The job was cancelled before it started; it never ran.
    Cancelled,
    /// The deadline passed. A job that had not started never will; one that was running has been asked to stop, and
    /// what it still achieves is not known to the caller.
    Expired,
    /// The worker was closed, or its last handle dropped, before the job started (or, for a job with an undo, before
    /// its result was taken; the undo has run then).
    Closed,
    /// A job that was streaming at that moment could not let this one in, and says why. It never ran.
    Refused(Cow<'static, str>),
    /// The job panicked on the worker.
    Panicked(Panic),
    /// A future with a deadline had to wait, and the thread that watches deadlines could not be started.
    NoWatch,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the job was cancelled before it started"),
            Self::Expired => f.write_str("the deadline passed before the job replied"),
            Self::Closed => f.write_str("the worker was closed before the job started"),
            Self::Refused(why) => write!(f, "the worker is busy with a stream and refused the job: {why}"),
            Self::Panicked(panic) => write!(f, "the job panicked: {}", panic.message()),
            Self::NoWatch => f.write_str("the thread that watches deadlines could not be started; free some threads"),
        }
    }
}

impl Error for Lost {}

/// A caught panic: its message to read, its payload to resume.
pub struct Panic {
    message: Box<str>,
    // The mutex makes the payload `Sync`, so that `Lost` can be the source of any error.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            (*text).into()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.as_str().into()
        } else {
            "(a payload that is not text)".into()
        };
        Self { message, payload: Mutex::new(payload) }
    }

    /// The text the job panicked with, or a note that it was not text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Goes on with the panic on this thread, with the payload it started with.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }

    pub(crate) fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload.into_inner()
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message).finish()
    }
}
