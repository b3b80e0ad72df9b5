//! What foreign drivers say, in the library's words.

use super::known::Engine;
use super::message::{Cause, Report};
use crate::config::Config;
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
    let mut source: Option<Box<Exception>> = None;
    for cause in report.causes.iter().rev() {
        let class = cause.classes.first().map_or("an exception", String::as_str);
        let text = format!("{class}: {}", without_values(&cause.message));
        source = Some(Box::new(Exception { text, next: source }));
    }
    if let Some(source) = source {
        error = error.with_source(source);
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

/// How messages of H2 begin that quote values, and what is in front of those.
const OF_H2: [(&str, &str); 5] = [
    ("Unique index or primary key violation", " VALUES ( "),
    ("Unique index or primary key violation", " ( /*"),
    ("Referential integrity constraint violation", " ("),
    ("Value too long for column", ": \""),
    ("Data conversion error converting", " \""),
];

/// The message without the values of rows that databases quote: those are nobody else's business.
fn without_values(message: &str) -> String {
    // H2: the statement is the caller's, and the values stand in parentheses behind the columns.
    let message = message.split("; SQL statement:\n").next().unwrap_or(message);
    for (start, values) in OF_H2 {
        if message.starts_with(start)
            && let Some(at) = message.rfind(values)
        {
            return message[..at].to_owned();
        }
    }
    // PostgreSQL: a line of its own, `DETAIL: Key (name)=(…) already exists.`
    let message = message.split("\nDETAIL:").next().unwrap_or(message);
    let message = message.split("\n  Detail:").next().unwrap_or(message);
    // MySQL: `Duplicate entry '…' for key 'name'`, `Incorrect integer value: '…' for column …`.
    for (before, after) in [("Duplicate entry '", "' for key "), (" value: '", "' for column ")] {
        if let Some((head, rest)) = message.split_once(before)
            && let Some(at) = rest.rfind(after)
        {
            let head = format!("{head}{}", before.trim_end_matches(['\'', ' ', ':']));
            return format!("{head}{}", &rest[at + 1..]);
        }
    }
    message.to_owned()
}

/// The constraint that a message names, in the words of the databases there are.
fn constraint_of(text: &str) -> Option<String> {
    // SQLite: the columns stand behind the colon.
    if let Some((_, columns)) = text.split_once(" constraint failed: ") {
        let columns = columns.split(')').next().unwrap_or(columns).trim();
        return (!columns.is_empty()).then(|| columns.to_owned());
    }
    // PostgreSQL: constraint "name"; MySQL: for key 'name', CONSTRAINT `name`; H2: PUBLIC.NAME.
    for mark in ["constraint \"", "for key '", "CONSTRAINT `", "onstraint '"] {
        let Some((_, after)) = text.split_once(mark) else { continue };
        let name = after.split(['"', '\'', '`']).next().unwrap_or_default();
        if !name.is_empty() {
            return Some(name.to_owned());
        }
    }
    // H2: the name of the constraint, or of its index behind that of the schema.
    if let Some((_, after)) = text.split_once(" violation: \"") {
        let name = after.split([' ', ':', '"']).next().unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or(name);
        return Some(name.split("_INDEX_").next().unwrap_or(name).to_owned()).filter(|name| !name.is_empty());
    }
    let (_, after) = text.split_once("null value in column \"")?;
    after.split('"').next().map(str::to_owned)
}

/// An exception of a foreign driver as a cause, and the next one behind it.
#[derive(Debug)]
struct Exception {
    text: String,
    next: Option<Box<Exception>>,
}

impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Exception {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}
