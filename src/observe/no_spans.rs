//! The feature `tracing` is off: nobody listens, and nothing is left of it.

use std::time::Duration;

use super::{Observer, PoolEvent, Told};
use crate::error::Error;
use crate::metrics::Run;

#[inline]
pub(super) fn anybody_listens(_slow: bool) -> bool {
    false
}

/// The span that a job was asked for in.
#[derive(Clone, Debug)]
pub(crate) struct Around;

impl Around {
    #[inline]
    pub(crate) fn here() -> Around {
        Around
    }

    #[inline]
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// The span of a transaction.
#[derive(Debug)]
pub(crate) struct TransactionSpan;

impl TransactionSpan {
    #[inline]
    pub(crate) fn begin(_observer: &Observer, _depth: usize) -> TransactionSpan {
        TransactionSpan
    }

    #[inline]
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }

    #[inline]
    pub(crate) fn around(&self) -> Around {
        Around
    }

    #[inline]
    pub(crate) fn ends(&self, _outcome: &'static str) {}
}

pub(super) struct StatementSpan;

impl StatementSpan {
    pub(super) fn begin(_observer: &Observer, _told: Told<'_>) -> StatementSpan {
        StatementSpan
    }

    pub(super) fn end(self, _run: &Run, _error: Option<&Error>) {}
}

pub(super) fn slow_statement(_observer: &Observer, _told: Told<'_>, _took: Duration) {}

pub(super) fn pool_event(_observer: &Observer, _event: &PoolEvent<'_>) {}

pub(super) fn notice(_observer: &Observer, _severity: &str, _message: &str) {}
