//! What drivers say, in the library's words.

use odbc_api::handles::{DiagnosticStream, Diagnostics, slice_to_cow_utf8};

use super::family::Family;
use crate::config::Config;
use crate::driver::foreign::known::Engine;
use crate::driver::foreign::message::{Said, constraint_of, without_values};
use crate::error::tables::{self, Meaning, most_telling};
use crate::error::{Effect, Error, ErrorKind};

/// One diagnostic record.
#[derive(Clone, Debug)]
pub(super) struct Diagnostic {
    state: String,
    native: i32,
    message: String,
}

impl Diagnostic {
    fn of(state: &str, native: i32, message: &str) -> Diagnostic {
        Diagnostic { state: state.to_owned(), native, message: without_values(message) }
    }
}

/// Everything that a driver said about a call that failed, the most important first.
#[derive(Clone, Debug, Default)]
pub(super) struct Diagnosis {
    records: Vec<Diagnostic>,
    /// What `odbc-api` said where the driver said nothing.
    otherwise: Option<String>,
}

impl Diagnosis {
    /// What `odbc-api` kept of it: the first record.
    pub(super) fn of(error: odbc_api::Error) -> Diagnosis {
        use odbc_api::Error::{
            Diagnostics, InvalidRowArraySize, OracleOdbcDriverDoesNotSupport64Bit, UnableToRepresentNull,
            UnsupportedOdbcApiVersion,
        };
        match error {
            Diagnostics { record, .. }
            | InvalidRowArraySize { record, .. }
            | OracleOdbcDriverDoesNotSupport64Bit(record)
            | UnableToRepresentNull(record)
            | UnsupportedOdbcApiVersion(record) => Diagnosis {
                records: vec![Diagnostic::of(
                    record.state.as_str(),
                    record.native_error,
                    &slice_to_cow_utf8(&record.message),
                )],
                otherwise: None,
            },
            other => Diagnosis { records: Vec::new(), otherwise: Some(other.to_string()) },
        }
    }

    /// The same with the further records of the handle that the call failed on, as long as nothing else was called.
    pub(super) fn with_more(mut self, handle: &impl Diagnostics) -> Diagnosis {
        let mut stream = DiagnosticStream::new(handle);
        let mut read = Vec::new();
        while let Some(record) = stream.next() {
            read.push(Diagnostic::of(record.state.as_str(), record.native_error, &slice_to_cow_utf8(&record.message)));
            // A driver that repeats itself for ever has been seen.
            if read.len() == 16 {
                break;
            }
        }
        if read.len() > self.records.len() {
            self.records = read;
        }
        self
    }

    /// The first SQLSTATE.
    pub(super) fn state(&self) -> &str {
        self.records.first().map_or("", |record| &record.state)
    }

    /// The number of the database or the driver.
    pub(super) fn native(&self) -> i32 {
        self.records.first().map_or(0, |record| record.native)
    }

    /// The message without who says it.
    pub(super) fn plain(&self) -> String {
        match (self.records.first(), &self.otherwise) {
            (Some(record), _) => without_origin(&record.message).to_owned(),
            (None, Some(text)) => text.clone(),
            (None, None) => "the driver reported an error and did not say which".to_owned(),
        }
    }
}

/// The error of an attempt to connect. Nothing is known of the database yet, but of the driver.
pub(super) fn at_connect(config: &Config, family: &Family, diagnosis: &Diagnosis) -> Error {
    let error = build(config, diagnosis, None);
    let text = diagnosis.plain();
    if matches!(diagnosis.state(), "01000" | "IM002" | "IM003" | "IM004" | "IM005" | "IM006") {
        return error
            .with_kind(ErrorKind::Config)
            .context("the driver manager has no driver for this, or could not load it");
    }
    let native = i64::from(diagnosis.native());
    let vendor = match family.package {
        "odbc-mariadb" => tables::mysql::meaning(native),
        "odbc-postgresql" => by_message(&text),
        // The number says more: who may not open a database is told that the login failed, too.
        "tdsodbc" => tables::mssql::meaning(native, &text).or_else(|| tables::freetds::meaning(native, &text)),
        _ => by_message(&text).or_else(|| tables::mssql::meaning(native, &text)),
    };
    let meaning = most_telling([vendor, tables::sqlstate::odbc(diagnosis.state())]);
    let kind = match meaning.map(Meaning::kind_at_connect) {
        // A driver that gives no reason has mostly not reached anybody.
        None | Some(ErrorKind::Other | ErrorKind::Internal) => ErrorKind::ConnectFailed,
        Some(kind) => kind,
    };
    error.with_kind(kind).with_effect(Effect::NotSent)
}

/// The error of a statement, and whether its connection is of no use any more.
pub(super) fn of_statement(config: &Config, family: &Family, engine: Engine, diagnosis: &Diagnosis) -> (Error, bool) {
    let (native, state, text) = (i64::from(diagnosis.native()), diagnosis.state(), diagnosis.plain());
    let own = match family.package {
        "tdsodbc" => tables::freetds::meaning(native, &text),
        _ => None,
    };
    let vendor = match engine {
        Engine::Sqlite => tables::sqlite::meaning(extended(native, &text), &text),
        Engine::Mysql => tables::mysql::meaning(native),
        Engine::Mssql => tables::mssql::meaning(native, &text),
        Engine::Oracle => tables::oracle::meaning(native),
        Engine::Postgres | Engine::Other => None,
    };
    let meaning = most_telling([own, vendor, tables::sqlstate::odbc(state)]);
    let constraint = meaning.filter(|meaning| meaning.kind().is_constraint()).and_then(|_| constraint_of(&text));
    let (kind, effect) = meaning.map_or((ErrorKind::Other, Effect::Unknown), |it| (it.kind(), it.effect()));
    let error = build(config, diagnosis, constraint).with_kind(kind).with_effect(effect);
    (error, meaning.is_none_or(Meaning::is_connection_dead))
}

/// Failures to log in that drivers report as if nobody had answered.
fn by_message(message: &str) -> Option<Meaning> {
    let message = message.to_ascii_lowercase();
    let has = |part: &str| message.contains(part);
    if has("authentication failed") || has("no password supplied") || has("login failed") {
        return tables::sqlstate::odbc("28000");
    }
    if has("database \"") && has("does not exist") {
        return tables::sqlstate::postgres("3D000");
    }
    if has("too many clients") || has("remaining connection slots") {
        return tables::sqlstate::postgres("53300");
    }
    if has("the database system is starting up") || has("the database system is shutting down") {
        return tables::sqlstate::postgres("57P03");
    }
    None
}

fn build(config: &Config, diagnosis: &Diagnosis, constraint: Option<String>) -> Error {
    let redactor = config.redactor();
    let mut error = Error::new(ErrorKind::Other, redactor.redact(&diagnosis.plain()).into_owned());
    if let Some(record) = diagnosis.records.first() {
        error = error.with_sqlstate(&record.state);
        if record.native != 0 {
            error = error.with_vendor_code(record.native);
        }
    }
    if let Some(constraint) = constraint {
        error = error.with_constraint(constraint);
    }
    // The last record is the deepest cause.
    let texts = diagnosis.records.iter().map(|record| {
        redactor.redact(&format!("{} ({}, {})", record.message, record.state, record.native)).into_owned()
    });
    match Said::chain(texts) {
        Some(said) => error.with_source(said),
        None => error,
    }
}

/// SQLite's extended code for a constraint, of which its ODBC driver hands on no more than that it was one.
fn extended(native: i64, text: &str) -> i64 {
    const CONSTRAINT: i64 = 19;
    if native != CONSTRAINT {
        return native;
    }
    let kinds = [("UNIQUE", 8), ("NOT NULL", 5), ("CHECK", 1), ("FOREIGN KEY", 3), ("PRIMARY KEY", 6)];
    let kind = kinds.iter().find(|(words, _)| text.starts_with(words)).map_or(0, |(_, number)| *number);
    CONSTRAINT | kind << 8
}

/// `[unixODBC][driver][server]text` without its brackets, and without what drivers put behind it.
fn without_origin(message: &str) -> &str {
    let mut text = message.trim();
    while let Some((_, after)) = text.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        text = after.trim_start();
    }
    let text = text.strip_prefix("ERROR: ").unwrap_or(text);
    let text = text.split(";\nError while").next().unwrap_or(text);
    // SQLite's driver puts the code behind the text.
    let text = match text.rsplit_once(" (") {
        Some((before, code)) if code.strip_suffix(')').is_some_and(|code| code.parse::<u16>().is_ok()) => before,
        _ => text,
    };
    if text.is_empty() { message.trim() } else { text.trim() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_without_who_says_it() {
        for (message, text) in [
            ("[unixODBC][SQLite]UNIQUE constraint failed: t.a (19)", "UNIQUE constraint failed: t.a"),
            ("[ma-3.1.15][10.11.6-MariaDB]Duplicate entry '1'", "Duplicate entry '1'"),
            ("ERROR: relation \"x\" does not exist;\nError while executing the query", "relation \"x\" does not exist"),
            ("no brackets", "no brackets"),
            ("[only]", "[only]"),
        ] {
            assert_eq!(without_origin(message), text);
        }
    }
}
