//! Spans and events for `tracing`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span};

use super::{LINE, Observer, PoolEvent, Told};
use crate::error::Error;
use crate::metrics::Run;
use crate::sql::cut;

/// Whether a span or an event of a statement would reach anybody. Cheap, and no more than a look at a number while there
/// is no subscriber.
#[inline]
pub(super) fn anybody_listens(slow: bool) -> bool {
    tracing::span_enabled!(target: "pontoon::statement", Level::DEBUG)
        || (slow && tracing::event_enabled!(target: "pontoon::slow", Level::WARN))
}

/// The span that a job was asked for in: on a worker's thread its own spans go into that one.
#[derive(Clone, Debug)]
pub(crate) struct Around(Span);

impl Around {
    pub(crate) fn here() -> Around {
        Around(Span::current())
    }

    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.0.in_scope(work)
    }
}

/// The span of a transaction. One that ends without a word was dropped, and is rolled back.
#[derive(Debug)]
pub(crate) struct TransactionSpan {
    span: Span,
    is_over: AtomicBool,
}

impl TransactionSpan {
    pub(crate) fn begin(observer: &Observer, depth: usize) -> TransactionSpan {
        let span = tracing::debug_span!(
            target: "pontoon::transaction",
            "transaction",
            db.system = observer.system,
            depth,
            outcome = Empty,
        );
        TransactionSpan { span, is_over: AtomicBool::new(false) }
    }

    /// Runs something inside of it.
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.span.in_scope(work)
    }

    /// The span, for what holds the transaction itself.
    pub(crate) fn around(&self) -> Around {
        Around(self.span.clone())
    }

    pub(crate) fn ends(&self, outcome: &'static str) {
        self.is_over.store(true, Ordering::Relaxed);
        self.span.record("outcome", outcome);
    }
}

impl Drop for TransactionSpan {
    fn drop(&mut self) {
        if !self.is_over.load(Ordering::Relaxed) {
            self.span.record("outcome", "rolled back");
        }
    }
}

/// The span of a statement, entered while it runs.
pub(super) struct StatementSpan(tracing::span::EnteredSpan);

impl StatementSpan {
    pub(super) fn begin(observer: &Observer, told: Told<'_>) -> StatementSpan {
        let span = tracing::debug_span!(
            target: "pontoon::statement",
            "statement",
            otel.kind = "client",
            db.system = observer.system,
            db.statement = &*Observer::fingerprint(told),
            db.values = Empty,
            db.rows = Empty,
            db.rows_affected = Empty,
            error = Empty,
        );
        if observer.values
            && let Some(values) = observer.values(told)
        {
            span.record("db.values", observer.line(&values));
        }
        StatementSpan(span.entered())
    }

    pub(super) fn end(self, run: &Run, error: Option<&Error>) {
        match error {
            Some(error) => {
                self.0.record("error", error.kind().to_string());
            }
            None => {
                self.0.record("db.rows", run.rows);
                if let Some(affected) = run.affected {
                    self.0.record("db.rows_affected", affected);
                }
            }
        }
    }
}

pub(super) fn slow_statement(observer: &Observer, told: Told<'_>, took: Duration) {
    tracing::event!(
        target: "pontoon::slow",
        Level::WARN,
        db.system = observer.system,
        db.statement = &*Observer::fingerprint(told),
        seconds = took.as_secs_f64(),
        "slow statement",
    );
}

pub(super) fn pool_event(observer: &Observer, event: &PoolEvent<'_>) {
    macro_rules! tell {
        ($level:expr) => {
            if tracing::event_enabled!(target: "pontoon::pool", $level) {
                tracing::event!(
                    target: "pontoon::pool",
                    $level,
                    db.system = observer.system,
                    event = event.name(),
                    connection = event.number(),
                    "{}",
                    cut(observer.line(&event.to_string()), LINE),
                );
            }
        };
    }
    if event.is_warning() { tell!(Level::WARN) } else { tell!(Level::DEBUG) }
}

pub(super) fn notice(observer: &Observer, severity: &str, message: &str) {
    macro_rules! tell {
        ($level:expr) => {
            if tracing::event_enabled!(target: "pontoon::notice", $level) {
                tracing::event!(
                    target: "pontoon::notice",
                    $level,
                    db.system = observer.system,
                    severity = cut(observer.line(severity), LINE),
                    "{}",
                    cut(observer.line(message), LINE),
                );
            }
        };
    }
    if severity.eq_ignore_ascii_case("warning") { tell!(Level::WARN) } else { tell!(Level::INFO) }
}
