//! What foreign drivers say, in the library's words.

use super::message::{Cause, Report};
use crate::config::Config;
use crate::driver::foreign::known::Engine;
use crate::driver::foreign::message::{Said, constraint_of, without_values};
use crate::error::tables::{self, Meaning, jdbc, most_telling, sqlstate};
use crate::error::{Effect, Error, ErrorKind};

/// The classes of Python's DB-API, whichever module they are of, the most telling first; and whether the connection can
/// be used after one.
const PYTHON: &[(&str, ErrorKind, bool)] = &[
    ("IntegrityError", ErrorKind::ConstraintViolation, true),
    ("DataError", ErrorKind::InvalidValue, true),
    ("NotSupportedError", ErrorKind::Unsupported, true),
    ("ProgrammingError", ErrorKind::Syntax, true),
    ("InternalError", ErrorKind::Internal, false),
    ("OperationalError", ErrorKind::Other, false),
    ("InterfaceError", ErrorKind::Other, false),
    ("MemoryError", ErrorKind::ResourceExhausted, false),
    ("ModuleNotFoundError", ErrorKind::Config, false),
    ("ImportError", ErrorKind::Config, false),
    ("ConnectionRefusedError", ErrorKind::ConnectFailed, false),
    ("ConnectionError", ErrorKind::ConnectionLost, false),
    ("TimeoutError", ErrorKind::Timeout, false),
    // Of `connect`, an argument that it does not have, or does not take.
    ("TypeError", ErrorKind::InvalidValue, false),
    ("ValueError", ErrorKind::InvalidValue, false),
];

/// What an error means, by the codes of the database, then by its classes; and whether its connection is of use.
fn read(engine: Engine, report: &Report) -> (ErrorKind, Effect, bool, Option<Meaning>) {
    if report.is_unsupported {
        return (ErrorKind::Unsupported, Effect::NotSent, true, None);
    }
    let meanings = report.causes.iter().map(|cause| meaning(engine, cause));
    let known = most_telling(meanings);
    let by_class = report.causes.iter().find_map(python_class);
    let (mut kind, mut effect, mut usable) = match (known, by_class) {
        // A code that means nothing in particular says less than a class that does.
        (Some(it), Some((kind, _))) if it.kind() == ErrorKind::Other && kind != ErrorKind::Other => {
            (kind, kind.usual_effect(), !it.is_connection_dead())
        }
        (Some(it), _) => (it.kind(), it.effect(), !it.is_connection_dead()),
        (None, Some((kind, usable))) => (kind, after_sending(kind.usual_effect()), usable),
        (None, None) => (ErrorKind::Other, Effect::Unknown, false),
    };
    if report.is_cancelled {
        (kind, effect) = (ErrorKind::Cancelled, Effect::NotApplied);
        usable |= known.is_none();
    }
    if report.not_sent {
        if kind == ErrorKind::Other {
            kind = ErrorKind::InvalidValue;
        }
        (effect, usable) = (Effect::NotSent, true);
    }
    (kind, effect, usable && !report.is_dead, known)
}

fn after_sending(effect: Effect) -> Effect {
    if effect == Effect::NotSent { Effect::NotApplied } else { effect }
}

fn meaning(engine: Engine, cause: &Cause) -> Option<Meaning> {
    let code = cause.code.unwrap_or_default();
    let state = cause.sqlstate.as_deref();
    let vendor = match engine {
        Engine::Sqlite => cause.code.and_then(|code| tables::sqlite::meaning(code, &cause.message)),
        Engine::Mysql => cause.code.and_then(tables::mysql::meaning),
        Engine::Mssql => cause.code.and_then(|code| tables::mssql::meaning(code, &cause.message)),
        Engine::Oracle => cause.code.and_then(tables::oracle::meaning),
        Engine::Postgres => state.and_then(sqlstate::postgres),
        Engine::Other => None,
    };
    most_telling([vendor, jdbc::meaning(state, code, cause.classes.iter().map(String::as_str))])
}

fn python_class(cause: &Cause) -> Option<(ErrorKind, bool)> {
    cause.classes.iter().find_map(|class| {
        let name = class.rsplit('.').next().unwrap_or(class);
        PYTHON.iter().find(|(own, _, _)| *own == name).map(|(_, kind, usable)| (*kind, *usable))
    })
}

/// The error of a statement, and whether its connection is of use after it.
pub(super) fn of_statement(config: &Config, engine: Engine, report: &Report) -> (Error, bool) {
    let (kind, effect, usable, _) = read(engine, report);
    let constraint = kind.is_constraint().then(|| constraint_of(report.message())).flatten();
    (build(config, report, constraint).with_kind(kind).with_effect(effect), usable)
}

/// The error of an attempt to connect.
pub(super) fn of_connect(config: &Config, report: &Report) -> Error {
    // Nothing is known of the database yet: numbers that mean something are those of MySQL, states those of all.
    let engine =
        if report.causes.iter().any(|cause| cause.sqlstate.is_some()) { Engine::Postgres } else { Engine::Mysql };
    let (kind, _, _, known) = read(engine, report);
    let kind = match known.map_or(kind, Meaning::kind_at_connect) {
        // A driver that gives no reason has mostly not reached anybody.
        ErrorKind::Other | ErrorKind::Internal | ErrorKind::ConnectionLost | ErrorKind::Io => {
            by_message(report.message())
        }
        ErrorKind::InvalidValue => ErrorKind::Config,
        kind => kind,
    };
    build(config, report, None).with_kind(kind).with_effect(Effect::NotSent)
}

fn by_message(message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let has = |part: &str| message.contains(part);
    if has("authentication failed") || has("access denied") {
        ErrorKind::Authentication
    } else if has("unable to open database") {
        ErrorKind::UnknownDatabase
    } else {
        ErrorKind::ConnectFailed
    }
}

fn build(config: &Config, report: &Report, constraint: Option<String>) -> Error {
    let Some(first) = report.causes.first() else {
        return Error::new(ErrorKind::Other, "the driver failed and did not say why");
    };
    let mut error = Error::new(ErrorKind::Other, text_of(first));
    if let Some(state) = &first.sqlstate {
        error = error.with_sqlstate(state);
    }
    if let Some(code) = report.causes.iter().find_map(|cause| cause.code).filter(|code| *code != 0) {
        error = error.with_vendor_code(code);
    }
    if let Some(constraint) = constraint {
        error = error.with_constraint(constraint);
    }
    // The class is told as the first cause, what it was caused by behind it.
    let texts = report.causes.iter().map(|cause| {
        let class = cause.classes.first().map_or("an exception", String::as_str);
        format!("{class}: {}", without_values(&cause.message))
    });
    if let Some(said) = Said::chain(texts) {
        error = error.with_source(said);
    }
    error.scrubbed(config.redactor())
}

fn text_of(cause: &Cause) -> String {
    let text = without_values(&cause.message);
    match (text.trim(), cause.classes.first()) {
        ("", Some(class)) => class.clone(),
        ("", None) => "the driver failed and did not say why".into(),
        (text, _) => text.to_owned(),
    }
}
