//! PostgreSQL's errors in the library's words.

use std::error::Error as StdError;
use std::io;

use postgres::Error as Native;
use postgres::error::{DbError, ErrorPosition};

use super::traffic::Strange;
use super::wire::NoTls;
use crate::error::tables::{Meaning, sqlstate};
use crate::error::{Effect, Error, ErrorKind};

/// The error of a statement, or of the connection under it.
#[cold]
pub(super) fn of_statement(native: Native) -> Error {
    if let Some(db) = native.as_db_error() {
        return of_server(db, None);
    }
    if let Some(strange) = cause::<Strange>(&native) {
        return Error::new(
            ErrorKind::ConnectionLost,
            format!("the conversation with the server broke down: {strange}"),
        )
        .with_source(native);
    }
    let message = match cause::<io::Error>(&native) {
        Some(error) => format!("the connection to the server broke: {error}"),
        None if native.is_closed() => "the server closed the connection".to_string(),
        None => format!("the conversation with the server broke down: {native}"),
    };
    Error::new(ErrorKind::ConnectionLost, message).with_source(native)
}

/// What the server said, and in what context, where that tells more than the statement.
#[cold]
pub(super) fn of_server(db: &DbError, context: Option<&str>) -> Error {
    let meaning = sqlstate::postgres(db.code().code());
    let (kind, effect) = meaning.map_or((ErrorKind::Other, Effect::NotApplied), |it| (it.kind(), it.effect()));
    let kind = match kind {
        // The SQLSTATE of a cancel says nothing of who asked for it; the session knows when it did.
        ErrorKind::Cancelled if db.message().contains("statement timeout") => ErrorKind::Timeout,
        kind => kind,
    };
    let effect = match db.code().code() {
        // The session is ended for its transaction, of which nothing stays.
        "25P03" | "25P04" => Effect::NotApplied,
        _ => effect,
    };
    let error = Error::new(kind, text_of(db, context))
        .with_effect(effect)
        .with_sqlstate(db.code().code())
        .with_failover_hint(meaning.is_some_and(Meaning::hints_failover));
    let error = match name_of(db) {
        Some(name) if kind.is_constraint() => error.with_constraint(name),
        _ => error,
    };
    error.with_source(Cause::of(db))
}

/// The message with what helps: where in the text, the detail, the hint.
fn text_of(db: &DbError, context: Option<&str>) -> String {
    let mut text = db.message().to_string();
    if let Some(ErrorPosition::Original(position)) = db.position() {
        text.push_str(&format!(" (at character {position})"));
    }
    if let Some(hint) = db.hint() {
        text.push_str(&format!("; hint: {hint}"));
    }
    if let Some(context) = context {
        text.push_str(&format!(" ({context})"));
    }
    text
}

/// The constraint, or the column that must not be NULL.
fn name_of(db: &DbError) -> Option<String> {
    match (db.constraint(), db.table(), db.column()) {
        (Some(name), ..) => Some(name.to_string()),
        (None, Some(table), Some(column)) => Some(format!("{table}.{column}")),
        _ => None,
    }
}

/// Whether the session ended with this error.
pub(super) fn is_fatal(native: &Native) -> bool {
    match native.as_db_error() {
        Some(db) => {
            use postgres::error::Severity::{Fatal, Panic};
            matches!(db.parsed_severity(), Some(Fatal | Panic))
                || sqlstate::postgres(db.code().code()).is_none_or(Meaning::is_connection_dead)
        }
        None => true,
    }
}

/// The error of an attempt to connect. `secure`: what is to be said where TLS was not to be had.
#[cold]
pub(super) fn of_connect(native: Native, place: &str, secure: impl FnOnce() -> String) -> Error {
    if let Some(db) = native.as_db_error() {
        let text = text_of(db, None);
        let meaning = sqlstate::postgres(db.code().code());
        let error = meaning.map_or_else(
            || Error::new(ErrorKind::ConnectFailed, text.clone()),
            |meaning| meaning.connect_error(text.clone()),
        );
        return error
            .with_effect(Effect::NotSent)
            .with_sqlstate(db.code().code())
            .with_source(Cause::of(db))
            .context(place);
    }
    let failed = |kind, message: String| Error::new(kind, message).context(place);
    if let Some(strange) = cause::<Strange>(&native) {
        let kind = match strange {
            Strange::CleartextPassword => ErrorKind::Authentication,
            _ => ErrorKind::ConnectFailed,
        };
        return failed(kind, strange.to_string());
    }
    if let Some(no) = cause::<NoTls>(&native) {
        return match no {
            NoTls::NotPostgres => failed(ErrorKind::ConnectFailed, no.to_string()),
            NoTls::NotOffered | NoTls::Failed(_) => failed(ErrorKind::Tls, format!("{no}; {}", secure())),
        };
    }
    if let Some(error) = cause::<io::Error>(&native) {
        let kind = if error.kind() == io::ErrorKind::TimedOut { ErrorKind::Timeout } else { ErrorKind::ConnectFailed };
        return failed(kind, error.to_string()).with_effect(Effect::NotSent);
    }
    let why = native.source().map_or_else(|| native.to_string(), ToString::to_string);
    let kind = match native.to_string() {
        text if text.starts_with("authentication") || text.starts_with("invalid configuration") => {
            ErrorKind::Authentication
        }
        text if text.contains("TLS") => ErrorKind::Tls,
        _ => ErrorKind::ConnectFailed,
    };
    let why = match why.as_str() {
        "password missing" => {
            "the server wants a password, and none was given: put it into the URL or the builder".into()
        }
        _ => why,
    };
    failed(kind, why)
}

/// The innermost cause of this type; `io::Error` hides what it was made of from `source`.
fn cause<'e, T: StdError + 'static>(native: &'e Native) -> Option<&'e T> {
    let mut next: Option<&'e (dyn StdError + 'static)> = native.source();
    let mut found = None;
    while let Some(error) = next {
        if let Some(it) = error.downcast_ref::<T>() {
            found = Some(it);
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    found
}

/// What the server said, without the values that it likes to quote in its details.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn of(db: &DbError) -> Cause {
        Cause(format!("{}: {} (SQLSTATE {})", db.severity(), db.message(), db.code().code()))
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}
