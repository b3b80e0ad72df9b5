//! The one error type of the library, and the tables that turn a database's own codes into it.
//!
//! An [`Error`] is opaque and one word in size. What it *means* is its [`kind`](Error::kind), the same on every driver;
//! what it means for *data* is its [`effect`](Error::effect); what the database said is kept beside them: SQLSTATE,
//! vendor code, constraint, and the driver's own error as [`source`](std::error::Error::source). No driver's type
//! appears in a public signature, so a driver can change without breaking a caller.

mod kind;
mod plain;
pub mod tables;

pub use kind::{Effect, ErrorKind};
pub(crate) use plain::{is_unfit_for_a_line, one_line};
pub use tables::Meaning;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::secret::Redactor;

/// What every fallible call of the library returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of every call of the library.
///
/// `Display` is one line: what happened, to whom, and the way out where there is one. Control characters, which a message
/// may quote from a name or a text, are escaped in it, so that it cannot pass for other lines of a log. The chain of
/// causes is in [`source`](StdError::source). None of it ever contains a password: what a driver says passes through the
/// redaction of the connection's configuration before it gets here.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    effect: Effect,
    message: Cow<'static, str>,
    sqlstate: Option<[u8; 5]>,
    vendor_code: Option<i64>,
    constraint: Option<Box<str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    secondary: Option<Error>,
    hints_failover: bool,
}

impl Error {
    /// An error of this kind with its usual [`Effect`].
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner {
            kind,
            effect: kind.usual_effect(),
            message: message.into(),
            sqlstate: None,
            vendor_code: None,
            constraint: None,
            source: None,
            secondary: None,
            hints_failover: false,
        }))
    }

    /// The same error with another kind; the effect becomes that kind's usual one.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Error {
        self.0.kind = kind;
        self.0.effect = kind.usual_effect();
        self
    }

    /// The same error with what it is known to have done to data.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Error {
        self.0.effect = effect;
        self
    }

    /// The same error with a five-character SQLSTATE; anything that is not one is left out.
    #[must_use]
    pub fn with_sqlstate(mut self, sqlstate: &str) -> Error {
        self.0.sqlstate = sqlstate.as_bytes().try_into().ok().filter(|s: &[u8; 5]| s.is_ascii());
        self
    }

    /// The same error with the database's own number for it.
    #[must_use]
    pub fn with_vendor_code(mut self, code: impl Into<i64>) -> Error {
        self.0.vendor_code = Some(code.into());
        self
    }

    /// The same error with the name of the constraint (or, where the database names only those, its columns).
    #[must_use]
    pub fn with_constraint(mut self, constraint: impl Into<Box<str>>) -> Error {
        self.0.constraint = Some(constraint.into());
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with what went wrong while it was being dealt with, such as a rollback that failed too.
    #[must_use]
    pub fn with_secondary(mut self, secondary: Error) -> Error {
        self.0.secondary = Some(secondary);
        self
    }

    /// The same error, with the word that the server itself is going away or has changed its role, if `hints`: see
    /// [`Meaning::hints_failover`](tables::Meaning::hints_failover). A write that is refused for it has the pool replace
    /// all of its connections, so that the next ones find the server that takes it.
    #[must_use]
    pub fn with_failover_hint(mut self, hints: bool) -> Error {
        self.0.hints_failover = hints;
        self
    }

    /// Whether the server itself is going away or has changed its role.
    pub fn hints_failover(&self) -> bool {
        self.0.hints_failover
    }

    /// The same error with `context` in front of its message: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Error {
        self.0.message = format!("{context}: {}", self.0.message).into();
        self
    }

    /// What a driver said, without secrets: in its message, its causes and its companions. Control characters are escaped
    /// in the causes, which show themselves.
    #[cold]
    pub(crate) fn scrubbed(mut self, redactor: &Redactor) -> Error {
        let inner = &mut *self.0;
        if let Cow::Owned(message) = redactor.redact(&inner.message) {
            inner.message = message.into();
        }
        if let Some(Cow::Owned(constraint)) = inner.constraint.as_deref().map(|it| redactor.redact(it)) {
            inner.constraint = Some(constraint.into());
        }
        inner.source = inner.source.take().map(|source| redactor.chain(source));
        inner.secondary = inner.secondary.take().map(|secondary| secondary.scrubbed(redactor));
        self
    }

    /// What happened, the same on every driver.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What it is known to have done to data.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// The message without its causes, as it is: `Display` shows it in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The SQLSTATE, where the database gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_ref().and_then(|state| std::str::from_utf8(state).ok())
    }

    /// The database's own number for the error: SQLite's extended result code, MySQL's error number, SQL Server's.
    pub fn vendor_code(&self) -> Option<i64> {
        self.0.vendor_code
    }

    /// The constraint that was violated, where the database names it. SQLite names the columns instead
    /// (`notes.id`), and those are what is returned there.
    pub fn constraint(&self) -> Option<&str> {
        self.0.constraint.as_deref()
    }

    /// What went wrong while this error was being dealt with: a rollback that failed, a connection that did not close.
    pub fn secondary(&self) -> Option<&Error> {
        self.0.secondary.as_ref()
    }

    /// Whether the same work may be tried again as it stands, with a chance of success and no risk of doing it twice.
    ///
    /// True for a serialization failure, a deadlock, a busy database and the like, when nothing can have been applied.
    /// Inside a transaction it is the *whole transaction* that is to be tried again. Never true for an unknown commit.
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_transient() && self.0.effect != Effect::Unknown
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.0.message))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &inner.kind).field("message", &inner.message).field("effect", &inner.effect);
        if let Some(sqlstate) = self.sqlstate() {
            debug.field("sqlstate", &sqlstate);
        }
        if let Some(code) = inner.vendor_code {
            debug.field("vendor_code", &code);
        }
        if let Some(constraint) = &inner.constraint {
            debug.field("constraint", constraint);
        }
        if let Some(source) = &inner.source {
            debug.field("source", source);
        }
        if let Some(secondary) = &inner.secondary {
            debug.field("secondary", secondary);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn an_unknown_effect_is_never_retryable() {
        let error = Error::new(ErrorKind::Serialization, "could not serialize access");
        assert!(error.is_retryable());
        assert!(!error.with_effect(Effect::Unknown).is_retryable());
        assert!(!Error::new(ErrorKind::CommitUnknown, "the answer to COMMIT was lost").is_retryable());
    }

    #[test]
    fn only_five_ascii_characters_are_a_sqlstate() {
        assert_eq!(Error::new(ErrorKind::Other, "x").with_sqlstate("23505").sqlstate(), Some("23505"));
        for wrong in ["", "2350", "235055", "2350é"] {
            assert_eq!(Error::new(ErrorKind::Other, "x").with_sqlstate(wrong).sqlstate(), None, "{wrong}");
        }
    }

    #[test]
    fn the_chain_of_causes_is_kept() {
        let cause = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Io, "cannot read app.db").with_source(cause).context("open");
        assert_eq!(error.to_string(), "open: cannot read app.db");
        assert_eq!(StdError::source(&error).map(ToString::to_string).as_deref(), Some("disk on fire"));
    }
}
