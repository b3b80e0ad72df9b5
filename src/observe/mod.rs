//! Who is told of what happens: lines on standard error, and spans and events where the feature `tracing` is on.
//!
//! Statements are told by their fingerprint, or, for lines of `echo`, as they were written; values of parameters only
//! when the option `log_values` asks for them. Whatever is told has gone through the redactor, is one line of bounded
//! length, and has no control character in it.

mod event;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(not(feature = "tracing"))]
#[path = "no_spans.rs"]
mod spans;

pub(crate) use event::PoolEvent;
pub(crate) use spans::{Around, TransactionSpan};

use std::future::Future;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::error::{Error, ErrorKind, is_unfit_for_a_line};
use crate::metrics::Run;
use crate::secret::Redactor;
use crate::sql::{Bound, Dialect, Statement, cut};

/// The longest line that is printed, in bytes.
const LINE: usize = 2048;

/// The longest value that is told.
const VALUE: usize = 64;

/// What is told, and to whom.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// The driver, by which readers tell databases apart.
    system: &'static str,
    echo: bool,
    echo_pool: bool,
    values: bool,
    slow_statement: Option<Duration>,
    slow_acquire: Option<Duration>,
    redactor: Redactor,
}

/// What runs.
#[derive(Clone, Copy)]
pub(crate) enum Told<'s> {
    Statement(&'s Statement, Option<&'s Bound<'s>>),
    /// Several statements.
    Script(&'s str, #[cfg_attr(not(feature = "tracing"), expect(dead_code))] &'static Dialect),
}

/// A statement that is told of, while it runs.
pub(crate) struct Watched {
    begun: Instant,
    span: spans::StatementSpan,
}

impl Observer {
    pub(crate) fn of(config: &Config) -> Observer {
        Observer {
            system: config.scheme().name,
            echo: config.echo(),
            echo_pool: config.echo_pool(),
            values: config.log_values(),
            slow_statement: config.slow_statement(),
            slow_acquire: config.slow_acquire(),
            redactor: config.redactor().clone(),
        }
    }

    /// A statement begins. `None`, and nothing done for it, when nobody listens.
    #[inline]
    pub(crate) fn begins(&self, told: Told<'_>) -> Option<Watched> {
        (self.echo || spans::anybody_listens(self.slow_statement.is_some())).then(|| self.watched(told))
    }

    #[cold]
    fn watched(&self, told: Told<'_>) -> Watched {
        Watched { span: spans::StatementSpan::begin(self, told), begun: Instant::now() }
    }

    /// It ended.
    #[cold]
    pub(crate) fn ends(&self, watched: Watched, told: Told<'_>, run: &Run, error: Option<&Error>) {
        let took = watched.begun.elapsed();
        watched.span.end(run, error);
        if self.slow_statement.is_some_and(|slow| took >= slow) {
            spans::slow_statement(self, told, took);
        }
        if self.echo {
            self.print(&format!("{} {}", self.echoed(told), outcome(took, run, error)));
        }
    }

    /// A transaction was begun, committed or rolled back.
    #[inline]
    pub(crate) fn transacts(&self, verb: &str) {
        if self.echo {
            self.print(verb);
        }
    }

    pub(crate) fn pool(&self, event: &PoolEvent<'_>) {
        spans::pool_event(self, event);
        if self.echo_pool {
            self.print(&event.to_string());
        }
    }

    /// A caller got its connection after this long.
    pub(crate) fn acquired(&self, took: Duration, at: &dyn std::fmt::Display) {
        if self.slow_acquire.is_some_and(|slow| took >= slow) {
            self.pool(&PoolEvent::SlowAcquire { took, at });
        }
    }

    /// The database said something beside its answers, or the configuration has something to say of itself.
    pub(crate) fn notice(&self, severity: &str, message: &str) {
        spans::notice(self, severity, message);
        if self.echo {
            self.print(&format!("{severity}: {message}"));
        }
    }

    /// What is told of a statement where its values may not be.
    #[cfg(feature = "tracing")]
    fn fingerprint(told: Told<'_>) -> std::borrow::Cow<'_, str> {
        match told {
            Told::Statement(statement, _) => statement.fingerprint().into(),
            Told::Script(text, dialect) => crate::sql::fingerprint(text, dialect).into(),
        }
    }

    /// The values of a statement, if they may be told, else their kinds.
    fn values(&self, told: Told<'_>) -> Option<String> {
        let Told::Statement(_, Some(bound)) = told else { return None };
        let mut list = String::new();
        for value in &bound.values {
            if !list.is_empty() {
                list.push_str(", ");
            }
            match self.values {
                // Redacted before it is cut: a half of a secret would not be found.
                true => list.push_str(&cut(self.redactor.redact(&format!("{value:?}")).into_owned(), VALUE)),
                false => list.push_str(value.kind().name()),
            }
            if list.len() > LINE / 2 {
                list.push_str(", …");
                break;
            }
        }
        (!list.is_empty()).then_some(list)
    }

    fn echoed(&self, told: Told<'_>) -> String {
        let text = match told {
            Told::Statement(statement, _) => statement.text(),
            Told::Script(text, _) => text,
        };
        // Redacted as a whole, then cut.
        let text = cut(self.line(text), LINE);
        match self.values(told) {
            Some(values) => format!("{text} [{values}]"),
            None => text,
        }
    }

    /// A text without secrets.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    /// A text as one line that may be shown.
    fn line(&self, text: &str) -> String {
        one_line(&self.redactor.redact(text))
    }

    fn print(&self, text: &str) {
        let line = format!("pontoon {}: {}\n", self.system, cut(self.line(text), LINE * 2));
        // There is nobody to tell that nobody can be told.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

impl TransactionSpan {
    /// What a COMMIT came to.
    pub(crate) fn commits(&self, result: &crate::error::Result<()>) {
        match result {
            Ok(()) => self.ends("committed"),
            Err(error) if error.kind() == ErrorKind::CommitUnknown => self.ends("unknown"),
            Err(_) => {}
        }
    }
}

impl Around {
    /// Polls a future inside of it.
    pub(crate) async fn awaited<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| self.run(|| future.as_mut().poll(context))).await
    }
}

fn outcome(took: Duration, run: &Run, error: Option<&Error>) -> String {
    match (error, run.affected) {
        (Some(error), _) => format!("-- {} after {took:.1?}", error.kind()),
        (None, Some(affected)) if run.rows == 0 => format!("-- {affected} affected in {took:.1?}"),
        (None, _) => format!("-- {} rows in {took:.1?}", run.rows),
    }
}

/// The text in one line: a space for the end of each line with the indent of the next, escapes for what is unfit.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut is_indent = true;
    for c in text.chars() {
        match c {
            ' ' if is_indent => {}
            '\n' | '\r' | '\t' => {
                line.truncate(line.trim_end_matches(' ').len());
                is_indent = true;
            }
            c if is_indent => {
                is_indent = false;
                if !line.is_empty() {
                    line.push(' ');
                }
                push_fit(&mut line, c);
            }
            c => push_fit(&mut line, c),
        }
    }
    line
}

fn push_fit(line: &mut String, c: char) {
    if is_unfit_for_a_line(c) { line.extend(c.escape_unicode()) } else { line.push(c) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::secret::Secret;
    use crate::sql::SQLITE;

    #[test]
    fn a_line_has_no_character_that_could_end_or_turn_it() {
        assert_eq!(one_line("\n  select a  b,\n    c \n"), "select a  b, c");
        assert_eq!(one_line("a\r\n\tb\u{1b}[2J\u{202e}\u{2028}\u{7}é"), "a b\\u{1b}[2J\\u{202e}\\u{2028}\\u{7}é");
    }

    #[test]
    fn values_are_told_when_asked_for_and_never_with_a_secret_or_without_end() {
        let statement = Statement::parse("select :a, :b, :c", &SQLITE).unwrap();
        let long = "x".repeat(1000);
        let params = crate::params! { a: 7, b: "the hunter2 of it", c: long };
        let bound = statement.bind(params).unwrap();
        let told = Told::Statement(&statement, Some(&bound));
        let mut observer = Observer { redactor: Redactor::new([&Secret::new("hunter2")]), ..Observer::default() };
        assert_eq!(observer.echoed(told), "select :a, :b, :c [INTEGER, TEXT, TEXT]");
        observer.values = true;
        let echoed = observer.echoed(told);
        assert!(echoed.contains('7') && echoed.contains("the *** of it"), "{echoed}");
        assert!(!echoed.contains("hunter2") && echoed.len() < 200, "{echoed}");
    }

    #[test]
    fn an_outcome_has_the_kind_of_an_error_and_not_its_message() {
        let error = Error::new(ErrorKind::UniqueViolation, "Key (email)=(a@example.org) already exists");
        let text = outcome(Duration::from_millis(3), &Run::default(), Some(&error));
        assert!(text.contains("after 3.0ms") && !text.contains("example"), "{text}");
    }
}
