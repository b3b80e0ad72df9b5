//! What comes along with every blocking call: until when, how much, and whether it is still wanted.

use std::time::{Duration, Instant};

use pontoon_bridge::CancelFlag;

use crate::error::{Error, ErrorKind, Result};

/// How much one statement may return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most rows, or as many as there are.
    pub max_rows: Option<u64>,
    /// The most bytes, counted as they are held in batches, or as many as there are.
    pub max_bytes: Option<u64>,
}

/// The terms of one blocking call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'c> {
    deadline: Option<Instant>,
    cancelled: Option<&'c CancelFlag>,
    interruptible_writes: bool,
    read_only: bool,
    /// Whoever made it has just looked at the clock.
    fresh: bool,
}

impl<'c> Call<'c> {
    /// A call that ends by `deadline`, if there is one, and that is no longer wanted once the flag is set.
    pub fn new(deadline: Option<Instant>, cancelled: &'c CancelFlag) -> Call<'c> {
        Call { deadline, cancelled: Some(cancelled), interruptible_writes: true, read_only: false, fresh: false }
    }

    /// A call that ends by `deadline` and cannot be cancelled.
    pub fn until(deadline: Option<Instant>) -> Call<'static> {
        Call { deadline, cancelled: None, interruptible_writes: true, read_only: false, fresh: false }
    }

    /// The same call, with writes that run to their end once they have begun, whatever deadline and cancel say.
    ///
    /// For databases where an interrupted write ends the transaction that it stands in, when that transaction must live.
    #[must_use]
    pub fn let_writes_finish(self) -> Call<'c> {
        Call { interruptible_writes: false, ..self }
    }

    /// The same call, from who has looked at the clock a moment ago: [`check_first`](Self::check_first) takes that look
    /// for its own.
    #[must_use]
    pub fn just_begun(self) -> Call<'c> {
        Call { fresh: true, ..self }
    }

    /// The same call, for which a statement that writes is refused.
    #[must_use]
    pub fn read_only(self) -> Call<'c> {
        Call { read_only: true, ..self }
    }

    /// Whether a statement that writes is to be refused. The session refuses what it can tell from the text; a driver
    /// that knows better, as SQLite does of a prepared statement, refuses the rest.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The same call, which nobody can cancel any more: for what must be brought to its end, such as a COMMIT.
    #[must_use]
    pub fn shielded(self) -> Call<'static> {
        Call {
            deadline: self.deadline,
            cancelled: None,
            interruptible_writes: self.interruptible_writes,
            read_only: false,
            fresh: self.fresh,
        }
    }

    /// The moment by which the call ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is left of the time, if it is bounded at all; zero once it is over.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the caller has given up, on its own account or because its deadline passed.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(CancelFlag::is_set)
    }

    /// Whether a write may be interrupted.
    pub fn may_interrupt_writes(&self) -> bool {
        self.interruptible_writes
    }

    /// Fails when the call is no longer wanted: between the steps of a long piece of work.
    ///
    /// # Errors
    /// `Timeout` past the deadline, `Cancelled` when the caller gave up; both with the effect `NotApplied`, since it is
    /// asked between steps.
    pub fn check(&self) -> Result<()> {
        self.check_at(false)
    }

    /// The same before the first step.
    ///
    /// # Errors
    /// As there.
    pub fn check_first(&self) -> Result<()> {
        self.check_at(self.fresh)
    }

    #[inline]
    fn check_at(&self, fresh: bool) -> Result<()> {
        if !fresh && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(ErrorKind::Timeout, "the deadline passed before the statement was done")
                .with_effect(crate::error::Effect::NotApplied));
        }
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the call was cancelled by its caller"));
        }
        Ok(())
    }
}
