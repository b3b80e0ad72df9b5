//! SQLite's errors in the library's words.

use rusqlite::Error as Native;

use super::watch::{Running, Stop};
use crate::error::{Effect, Error, ErrorKind, tables};

/// Primary result codes that need more than the table. The low byte of an extended code is its primary code.
const ERROR: i32 = 1;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CANTOPEN: i32 = 14;

/// `SQLITE_ABORT_ROLLBACK`: a statement was open while its transaction was rolled back.
const ABORT_ROLLBACK: i32 = 516;

/// `SQLITE_BUSY_SNAPSHOT`: a transaction that has read in WAL mode wants to write, and somebody wrote meanwhile.
const BUSY_SNAPSHOT: i32 = 517;

/// The error of a call that was ended from here.
#[cold]
pub(super) fn of_stop(stop: Stop) -> Error {
    match stop {
        Stop::Deadline => Error::new(
            ErrorKind::Timeout,
            "the deadline passed while the statement was running; it was interrupted and is undone",
        ),
        Stop::DeadlineAtLock => Error::new(
            ErrorKind::Timeout,
            "the deadline passed while waiting for a lock that another connection holds on the database",
        ),
        Stop::BusyTimeout(time) => Error::new(
            ErrorKind::Busy,
            format!(
                "another connection held a lock on the database for longer than busy_timeout allows ({} ms)",
                time.as_millis()
            ),
        ),
        Stop::Cancelled => Error::new(ErrorKind::Cancelled, "the statement was cancelled and is undone"),
    }
    // SQLite undoes a statement that it ends; nothing is left open to doubt, as it is with a server.
    .with_effect(Effect::NotApplied)
}

/// The error of a statement. `running` knows whether it was ended from here; `in_transaction` is what the connection
/// says of itself afterwards.
#[cold]
pub(super) fn of_statement(native: Native, running: &Running<'_>, in_transaction: bool) -> Error {
    let Some(code) = code_of(&native) else { return of_native(native) };
    match code & 0xff {
        INTERRUPT => attach(of_stop(running.stop().unwrap_or_else(|| running.interrupted())), native),
        BUSY => match running.stop() {
            Some(stop) => attach(of_stop(stop), native),
            None => refused_at_once(native, code, in_transaction),
        },
        // To see whether a table is really missing SQLite looks whether the schema has changed, waits for a lock on the
        // way, and says that it is missing when it did not get the lock.
        ERROR => match running.stop() {
            Some(stop) => attach(of_stop(stop), native),
            None => of_native(native),
        },
        _ => of_native(native),
    }
}

/// `SQLITE_BUSY` without a wait: SQLite asks no busy handler where waiting could not help.
fn refused_at_once(native: Native, code: i32, in_transaction: bool) -> Error {
    let message = if code == BUSY_SNAPSHOT {
        "this transaction has read, another one has written since, and so this one can no longer write: roll back and \
         start again, with BEGIN IMMEDIATE (the default of a transaction that may write)"
    } else if in_transaction {
        "the transaction cannot get the lock to write while another connection waits for it to finish reading: roll \
         back and start again, with BEGIN IMMEDIATE (the default of a transaction that may write)"
    } else {
        "the database is locked by another connection"
    };
    attach(Error::new(ErrorKind::Busy, message), native)
}

fn attach(error: Error, native: Native) -> Error {
    let error = match code_of(&native) {
        Some(code) => error.with_vendor_code(code),
        None => error,
    };
    error.with_source(Cause::of(&native))
}

/// The extended result code, if SQLite itself spoke.
pub(super) fn code_of(native: &Native) -> Option<i32> {
    match native {
        Native::SqliteFailure(error, _) | Native::SqlInputError { error, .. } => Some(error.extended_code),
        _ => None,
    }
}

/// Whether the connection cannot be trusted after this error, whatever it says of itself. A damaged file is no such
/// case: the rest of it can be read.
pub(super) fn is_fatal(code: i32) -> bool {
    // INTERNAL, NOMEM, IOERR, MISUSE
    matches!(code & 0xff, 2 | 7 | 10 | 21)
}

/// The error of anything that was not ended from here.
#[cold]
pub(super) fn of_native(native: Native) -> Error {
    let Some(code) = code_of(&native) else { return of_wrapper(native) };
    let text = text_of(&native);
    let meaning = tables::sqlite::meaning(i64::from(code), &text);
    let (mut kind, effect) = meaning.map_or((ErrorKind::Other, Effect::NotApplied), |it| (it.kind(), it.effect()));
    let message = match &native {
        // What SQLite says of a file then reads as if the file were missing, or damaged.
        _ if matches!(code & 0xff, IOERR | CANTOPEN) && no_file_can_be_opened() => {
            kind = ErrorKind::ResourceExhausted;
            format!(
                "{text}: the process, or the system, has as many files open as it may (`ulimit -n` raises the limit)"
            )
        }
        Native::SqlInputError { sql, offset, .. } => {
            // The offset is in bytes; people count characters.
            let before = usize::try_from(*offset).ok().and_then(|offset| sql.get(..offset));
            match before {
                Some(before) => format!("{text} (at character {})", before.chars().count() + 1),
                None => text.clone(),
            }
        }
        _ if code == ABORT_ROLLBACK => {
            "the transaction was rolled back while this statement was being read; read again".to_string()
        }
        _ if code & 0xff == LOCKED => {
            format!("{text}: another statement of this connection, or of one that shares its cache, is using it")
        }
        _ => text.clone(),
    };
    let mut error =
        Error::new(kind, message).with_effect(effect).with_vendor_code(code).with_source(Cause::of(&native));
    if kind.is_constraint()
        && let Some(constraint) = constraint_of(&text)
    {
        error = error.with_constraint(constraint);
    }
    error
}

/// SQLite's message, or what its code is called where it gives none.
fn text_of(native: &Native) -> String {
    match native {
        Native::SqlInputError { msg, .. } => msg.clone(),
        Native::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Whether there is no descriptor left, as far as that can be seen when SQLite has failed already: the number of the
/// system's error is not told without a call into C. Not tried on the database itself: closing any descriptor of a file
/// releases the locks that SQLite holds on it.
fn no_file_can_be_opened() -> bool {
    /// `ENFILE` and `EMFILE` of POSIX, numbered alike on Linux, macOS and the BSDs.
    const NONE_LEFT: [i32; 2] = [23, 24];
    let tried = if cfg!(unix) { std::fs::File::open("/dev/null") } else { return false };
    tried.is_err_and(|error| error.raw_os_error().is_some_and(|number| NONE_LEFT.contains(&number)))
}

/// What stands behind the colon: `notes.id`, `notes.a, notes.b`, the name of a CHECK, `index 'name'`. Foreign keys have
/// no name.
fn constraint_of(text: &str) -> Option<&str> {
    let (_, name) = text.split_once(" constraint failed: ")?;
    let name = name.strip_prefix("index '").and_then(|name| name.strip_suffix('\'')).unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

/// The errors that `rusqlite` finds by itself.
fn of_wrapper(native: Native) -> Error {
    let (kind, message) = match &native {
        Native::MultipleStatement => (
            ErrorKind::Misuse,
            "several statements in one text: run them one by one, or all of them with execute_script".to_string(),
        ),
        Native::NulError(_) => {
            (ErrorKind::NulInText, "a NUL character, at which SQLite would cut the text".to_string())
        }
        other => (ErrorKind::Internal, other.to_string()),
    };
    Error::new(kind, message).with_effect(Effect::NotSent)
}

/// What SQLite said, without the text of the statement: that may hold values which are nobody else's business.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn of(native: &Native) -> Cause {
        match code_of(native) {
            Some(code) => Cause(format!("{} (SQLite result code {code})", text_of(native))),
            None => Cause(text_of(native)),
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_or_the_name_of_a_constraint_are_found() {
        for (text, constraint) in [
            ("UNIQUE constraint failed: notes.id", Some("notes.id")),
            ("UNIQUE constraint failed: t.a, t.b", Some("t.a, t.b")),
            ("UNIQUE constraint failed: index 'by_lower'", Some("by_lower")),
            ("CHECK constraint failed: positive", Some("positive")),
            ("NOT NULL constraint failed: t.it's: odd", Some("t.it's: odd")),
            ("FOREIGN KEY constraint failed", None),
        ] {
            assert_eq!(constraint_of(text), constraint, "{text}");
        }
    }
}
