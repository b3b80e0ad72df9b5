//! The errors of servers and of the crate in the library's words.

use std::io;

use mysql::error::{DriverError, Error as Native};

use crate::error::{Effect, Error, ErrorKind, tables};
use crate::secret::Redactor;

/// `ER_QUERY_INTERRUPTED`: a KILL QUERY hit the statement.
pub(super) const INTERRUPTED: u16 = 1317;
/// `ER_UNSUPPORTED_PS`: the statement cannot be prepared.
pub(super) const NOT_PREPARABLE: u16 = 1295;
/// `ER_UNKNOWN_SYSTEM_VARIABLE`.
pub(super) const UNKNOWN_VARIABLE: u16 = 1193;
/// `ER_SP_DOES_NOT_EXIST`, which is also what a savepoint gets that there is not.
pub(super) const NO_SUCH_SAVEPOINT: u16 = 1305;

/// The number of an error that the server itself sent.
pub(super) fn number_of(native: &Native) -> Option<u16> {
    match native {
        Native::MySqlError(error) => Some(error.code),
        _ => None,
    }
}

/// The error of the socket, or of TLS in front of it, if it is one.
pub(super) fn io_of(native: &Native) -> Option<&io::Error> {
    match native {
        Native::IoError(error) => Some(error),
        // The crate's framing wraps it once more.
        Native::CodecError(error) => std::error::Error::source(error).and_then(|source| source.downcast_ref()),
        _ => None,
    }
}

/// Whether the connection is of no use after this: the server says so, or the conversation lost its thread.
///
/// Whatever did not come from the server ends it, a timeout most of all: the answer is still on its way, and the next
/// statement would be given it.
pub(super) fn is_fatal(native: &Native) -> bool {
    match native {
        Native::MySqlError(error) => tables::mysql::is_connection_dead(i64::from(error.code)),
        // Found before anything was sent.
        Native::DriverError(DriverError::MixedParams | DriverError::MismatchedStmtParams(..)) => false,
        Native::DriverError(DriverError::Params(_)) => false,
        _ => true,
    }
}

/// The error of a statement on an open connection.
#[cold]
pub(super) fn of_native(native: Native, redactor: &Redactor) -> Error {
    let error = match &native {
        Native::MySqlError(error) => return of_server(error, false, redactor),
        Native::DriverError(DriverError::MixedParams) => {
            return Error::new(
                ErrorKind::Syntax,
                "a colon stands before a name, which MySQL knows nowhere but in stored programs",
            )
            .with_effect(Effect::NotSent);
        }
        Native::DriverError(DriverError::MismatchedStmtParams(wanted, given)) => {
            return Error::new(
                ErrorKind::Parameter,
                format!("the server counts {wanted} parameters in the statement, and {given} were given"),
            );
        }
        other => match io_of(other) {
            Some(error) => of_io(error),
            None => Error::new(
                ErrorKind::ConnectionLost,
                "the server sent what is no answer to this; the connection is given up",
            ),
        },
    };
    error.with_source(redactor.source(native))
}

/// What broke on the way.
fn of_io(error: &io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the server did not answer in time",
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the connection to the server broke"
        }
        _ => "the connection to the server broke, or what came over it cannot be understood",
    };
    Error::new(ErrorKind::ConnectionLost, message)
}

/// What the server said; while `connecting`, a connection that breaks has failed to come about.
pub(super) fn of_server(error: &mysql::error::MySqlError, connecting: bool, redactor: &Redactor) -> Error {
    let meaning = tables::mysql::meaning(i64::from(error.code));
    let kind = meaning.map_or(ErrorKind::Other, |it| if connecting { it.kind_at_connect() } else { it.kind() });
    let effect = match meaning {
        _ if connecting => Effect::NotSent,
        Some(meaning) => meaning.effect(),
        None => Effect::NotApplied,
    };
    let message = without_value(error.code, &redactor.redact(&error.message));
    let constraint = kind.is_constraint().then(|| constraint_of(error.code, &message)).flatten().map(str::to_string);
    let mut ours = Error::new(kind, hinted(error.code, message))
        .with_effect(effect)
        .with_sqlstate(&error.state)
        .with_vendor_code(error.code)
        .with_failover_hint(meaning.is_some_and(tables::Meaning::hints_failover));
    if let Some(constraint) = constraint {
        ours = ours.with_constraint(constraint);
    }
    ours
}

/// The message without the value that it quotes, which is nobody else's business: `Duplicate entry '…' for key 'name'`,
/// `Incorrect integer value: '…' for column`.
fn without_value(code: u16, message: &str) -> String {
    let (before, after) = match code {
        1062 | 1586 | 1859 => (" '", "' for key '"),
        1292 | 1366 | 1411 => (": '", "' for column "),
        1367 => (" '", "' value found"),
        _ => return message.to_string(),
    };
    let Some((head, rest)) = message.split_once(before) else { return message.to_string() };
    // A value may hold anything, also what looks like the end of it.
    let tail = rest.rfind(after).map_or("", |at| &rest[at + 1..]);
    format!("{head}{tail}")
}

/// The server's message, with a way out where it names none.
fn hinted(code: u16, message: String) -> String {
    let hint = match code {
        1040 => "the server takes no more connections: raise max_connections there, or make pools smaller",
        1153 => "raise max_allowed_packet at the server, or send less at a time",
        1205 => "innodb_lock_wait_timeout passed",
        1418..=1419 => "log_bin_trust_function_creators at the server allows it",
        _ => return message,
    };
    format!("{message} ({hint})")
}

/// The name of the constraint: `… for key 'notes.PRIMARY'`, ``… CONSTRAINT `fk` FOREIGN KEY``, ``CONSTRAINT `c` failed``,
/// `Check constraint 'c' is violated.`, `Column 'a' cannot be null`, `Field 'a' doesn't have a default value`.
fn constraint_of(code: u16, message: &str) -> Option<&str> {
    let between = |before: &str, after: char| {
        let (_, rest) = message.rsplit_once(before)?;
        rest.split_once(after).map(|(name, _)| name).filter(|name| !name.is_empty())
    };
    match code {
        1062 | 1586 | 1169 | 1022 => between("for key '", '\''),
        1451 | 1452 | 1216 | 1217 | 4025 => between("CONSTRAINT `", '`'),
        3819 => between("constraint '", '\''),
        1048 => between("Column '", '\''),
        1364 => between("Field '", '\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out_of_messages() {
        for (code, message, shown) in [
            (1062, "Duplicate entry 'a' for key 'x' for key 'name'", "Duplicate entry for key 'name'"),
            (
                1366,
                "Incorrect integer value: 'a' for column `d`.`t`.`i` at row 1",
                "Incorrect integer value for column `d`.`t`.`i` at row 1",
            ),
            (1292, "Truncated incorrect DOUBLE value: 'secret'", "Truncated incorrect DOUBLE value"),
            (1406, "Data too long for column 'a' at row 1", "Data too long for column 'a' at row 1"),
        ] {
            assert_eq!(without_value(code, message), shown);
        }
    }

    #[test]
    fn the_names_of_constraints_are_found() {
        for (code, message, constraint) in [
            (1062, "Duplicate entry '1' for key 'PRIMARY'", Some("PRIMARY")),
            (1062, "Duplicate entry 'for key 'x'' for key 'notes.text'", Some("notes.text")),
            (
                1452,
                "Cannot add or update a child row: a foreign key constraint fails (`t`.`b`, CONSTRAINT `b_ibfk_1` FOREIGN KEY \
                 (`w`) REFERENCES `a` (`id`))",
                Some("b_ibfk_1"),
            ),
            (4025, "CONSTRAINT `books.title` failed for `test`.`books`", Some("books.title")),
            (3819, "Check constraint 'positive' is violated.", Some("positive")),
            (1048, "Column 'text' cannot be null", Some("text")),
            (1364, "Field 'text' doesn't have a default value", Some("text")),
            (1217, "Cannot delete or update a parent row: a foreign key constraint fails", None),
        ] {
            assert_eq!(constraint_of(code, message), constraint, "{message}");
        }
    }
}
