//! SQLite's result codes, primary and extended.
//!
//! Most errors in SQL text share one code, `SQLITE_ERROR`, and are told apart by their message, which SQLite writes in
//! English whatever the locale and has kept unchanged for decades.

use super::{ErrorKind, Meaning, Row, find, rows};

/// The meaning of an extended result code with the message that came with it.
///
/// An extended code that is newer than this table means what its primary code (the low eight bits) means.
pub fn meaning(code: i64, message: &str) -> Option<Meaning> {
    let known = find(CODES, code).or_else(|| find(CODES, code & 0xff))?;
    if known.kind != ErrorKind::Other {
        return Some(known);
    }
    Some(by_message(message).map_or(known, |kind| Meaning { kind, ..known }))
}

/// Whether a connection is to be discarded after this result code; so is one with a code that nobody knows.
pub fn is_connection_dead(code: i64) -> bool {
    meaning(code, "").is_none_or(Meaning::is_connection_dead)
}

fn by_message(message: &str) -> Option<ErrorKind> {
    MESSAGES.iter().find(|(pattern, _)| pattern.matches(message)).map(|&(_, kind)| kind)
}

/// Where the constant part of a message stands.
#[derive(Debug)]
enum Pattern {
    Start(&'static str),
    End(&'static str),
    Inside(&'static str),
}

impl Pattern {
    fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Start(text) => message.starts_with(text),
            Pattern::End(text) => message.ends_with(text),
            Pattern::Inside(text) => message.contains(text),
        }
    }
}

// First match counts. A name inside a message is the user's and may contain anything, so starts go before ends, and
// ends before what is looked for anywhere.
const MESSAGES: &[(Pattern, ErrorKind)] = &[
    (Pattern::Start("no such table: "), ErrorKind::UndefinedTable),
    (Pattern::Start("no such view: "), ErrorKind::UndefinedTable),
    (Pattern::Start("no such column: "), ErrorKind::UndefinedColumn),
    (Pattern::Start("unknown column "), ErrorKind::UndefinedColumn),
    (Pattern::Start("no such "), ErrorKind::UndefinedObject),
    (Pattern::Start("unknown database "), ErrorKind::UndefinedObject),
    (Pattern::Start("unknown or unsupported join type"), ErrorKind::Syntax),
    (Pattern::Start("there is already "), ErrorKind::DuplicateObject),
    (Pattern::Start("duplicate column name: "), ErrorKind::DuplicateObject),
    (Pattern::Start("unrecognized token: "), ErrorKind::Syntax),
    (Pattern::Start("incomplete input"), ErrorKind::Syntax),
    (Pattern::Start("ambiguous column name: "), ErrorKind::Syntax),
    (Pattern::Start("misuse of "), ErrorKind::Syntax),
    (Pattern::Start("wrong number of arguments to function"), ErrorKind::Syntax),
    (Pattern::Start("row value misused"), ErrorKind::Syntax),
    (Pattern::Start("foreign key mismatch"), ErrorKind::Syntax),
    (Pattern::Start("too many "), ErrorKind::Limit),
    (Pattern::Start("at most "), ErrorKind::Limit),
    (Pattern::Start("Expression tree is too large"), ErrorKind::Limit),
    (Pattern::Start("parser stack overflow"), ErrorKind::Limit),
    (Pattern::Start("LIKE or GLOB pattern too complex"), ErrorKind::Limit),
    (Pattern::Start("cannot start a transaction within a transaction"), ErrorKind::Misuse),
    // The library sends COMMIT and ROLLBACK only where it has begun a transaction.
    (Pattern::Start("cannot commit - no transaction is active"), ErrorKind::TransactionLost),
    (Pattern::Start("cannot rollback - no transaction is active"), ErrorKind::TransactionLost),
    (Pattern::Start("integer overflow"), ErrorKind::InvalidValue),
    (Pattern::Start("malformed JSON"), ErrorKind::InvalidValue),
    (Pattern::Start("bad JSON path"), ErrorKind::InvalidValue),
    (Pattern::Start("JSON cannot hold BLOB values"), ErrorKind::InvalidValue),
    (Pattern::Start("database disk image is malformed"), ErrorKind::Corrupt),
    (Pattern::Start("cannot modify "), ErrorKind::Unsupported),
    (Pattern::Start("Cannot add a "), ErrorKind::Unsupported),
    (Pattern::Start("not authorized"), ErrorKind::PermissionDenied),
    (Pattern::End(": syntax error"), ErrorKind::Syntax),
    (Pattern::End(" already exists"), ErrorKind::DuplicateObject),
    (Pattern::End(" is already in use"), ErrorKind::DuplicateObject),
    (Pattern::End(" may not be modified"), ErrorKind::PermissionDenied),
    (Pattern::Inside("variable number must be between "), ErrorKind::Limit),
    (Pattern::Inside(" has no column named "), ErrorKind::UndefinedColumn),
    (Pattern::Inside("column not present in both tables"), ErrorKind::UndefinedColumn),
    (Pattern::Inside(" values for "), ErrorKind::Syntax),
    (Pattern::Inside(" values were supplied"), ErrorKind::Syntax),
];

// An I/O error, damage or missing memory can leave pages in the cache that are not those of the file, so a connection
// that met one is never handed on.
pub(super) const CODES: &[Row<i64>] = rows! {
    1 SQLITE_ERROR => Other;
    2 SQLITE_INTERNAL => Internal, DEAD;
    3 SQLITE_PERM => PermissionDenied;
    4 SQLITE_ABORT => Cancelled;
    5 SQLITE_BUSY => Busy;
    6 SQLITE_LOCKED => Busy;
    7 SQLITE_NOMEM => ResourceExhausted, DEAD;
    8 SQLITE_READONLY => ReadOnly;
    9 SQLITE_INTERRUPT => Cancelled;
    10 SQLITE_IOERR => Io, DEAD;
    11 SQLITE_CORRUPT => Corrupt, DEAD;
    12 SQLITE_NOTFOUND => Unsupported;
    13 SQLITE_FULL => DiskFull;
    14 SQLITE_CANTOPEN => UnknownDatabase;
    15 SQLITE_PROTOCOL => Busy;
    16 SQLITE_EMPTY => Internal;
    17 SQLITE_SCHEMA => Serialization;
    18 SQLITE_TOOBIG => Limit;
    19 SQLITE_CONSTRAINT => ConstraintViolation;
    20 SQLITE_MISMATCH => InvalidValue;
    21 SQLITE_MISUSE => Misuse, DEAD;
    22 SQLITE_NOLFS => Unsupported;
    23 SQLITE_AUTH => PermissionDenied;
    24 SQLITE_FORMAT => NotADatabase, DEAD;
    25 SQLITE_RANGE => Parameter;
    26 SQLITE_NOTADB => NotADatabase, DEAD;
    27 SQLITE_NOTICE => Other;
    28 SQLITE_WARNING => Other;
    257 SQLITE_ERROR_MISSING_COLLSEQ => UndefinedObject;
    261 SQLITE_BUSY_RECOVERY => Busy;
    262 SQLITE_LOCKED_SHAREDCACHE => Busy;
    264 SQLITE_READONLY_RECOVERY => ReadOnly;
    266 SQLITE_IOERR_READ => Io, DEAD;
    267 SQLITE_CORRUPT_VTAB => Corrupt, DEAD;
    270 SQLITE_CANTOPEN_NOTEMPDIR => UnknownDatabase;
    275 SQLITE_CONSTRAINT_CHECK => CheckViolation;
    279 SQLITE_AUTH_USER => Authentication, DEAD;
    513 SQLITE_ERROR_RETRY => Internal;
    516 SQLITE_ABORT_ROLLBACK => TransactionLost;
    // The snapshot is too old to be written from: only the transaction begun anew can go on.
    517 SQLITE_BUSY_SNAPSHOT => Busy;
    518 SQLITE_LOCKED_VTAB => Busy;
    520 SQLITE_READONLY_CANTLOCK => ReadOnly;
    522 SQLITE_IOERR_SHORT_READ => Io, DEAD;
    523 SQLITE_CORRUPT_SEQUENCE => Corrupt, DEAD;
    526 SQLITE_CANTOPEN_ISDIR => UnknownDatabase;
    531 SQLITE_CONSTRAINT_COMMITHOOK => ConstraintViolation;
    769 SQLITE_ERROR_SNAPSHOT => Serialization;
    773 SQLITE_BUSY_TIMEOUT => Busy;
    776 SQLITE_READONLY_ROLLBACK => ReadOnly;
    778 SQLITE_IOERR_WRITE => Io, DEAD;
    779 SQLITE_CORRUPT_INDEX => Corrupt, DEAD;
    782 SQLITE_CANTOPEN_FULLPATH => UnknownDatabase;
    787 SQLITE_CONSTRAINT_FOREIGNKEY => ForeignKeyViolation;
    // The file was moved or deleted under the connection; what it writes would go nowhere.
    1032 SQLITE_READONLY_DBMOVED => ReadOnly, DEAD;
    1034 SQLITE_IOERR_FSYNC => Io, DEAD;
    1038 SQLITE_CANTOPEN_CONVPATH => UnknownDatabase;
    1043 SQLITE_CONSTRAINT_FUNCTION => ConstraintViolation;
    1288 SQLITE_READONLY_CANTINIT => ReadOnly;
    1290 SQLITE_IOERR_DIR_FSYNC => Io, DEAD;
    1294 SQLITE_CANTOPEN_DIRTYWAL => UnknownDatabase;
    1299 SQLITE_CONSTRAINT_NOTNULL => NotNullViolation;
    1544 SQLITE_READONLY_DIRECTORY => ReadOnly;
    1546 SQLITE_IOERR_TRUNCATE => Io, DEAD;
    1550 SQLITE_CANTOPEN_SYMLINK => UnknownDatabase;
    1555 SQLITE_CONSTRAINT_PRIMARYKEY => UniqueViolation;
    1802 SQLITE_IOERR_FSTAT => Io, DEAD;
    1811 SQLITE_CONSTRAINT_TRIGGER => ConstraintViolation;
    2058 SQLITE_IOERR_UNLOCK => Io, DEAD;
    2067 SQLITE_CONSTRAINT_UNIQUE => UniqueViolation;
    2314 SQLITE_IOERR_RDLOCK => Io, DEAD;
    2323 SQLITE_CONSTRAINT_VTAB => ConstraintViolation;
    2570 SQLITE_IOERR_DELETE => Io, DEAD;
    2579 SQLITE_CONSTRAINT_ROWID => UniqueViolation;
    2826 SQLITE_IOERR_BLOCKED => Io, DEAD;
    2835 SQLITE_CONSTRAINT_PINNED => ConstraintViolation;
    3082 SQLITE_IOERR_NOMEM => ResourceExhausted, DEAD;
    3091 SQLITE_CONSTRAINT_DATATYPE => InvalidValue;
    3338 SQLITE_IOERR_ACCESS => Io, DEAD;
    3594 SQLITE_IOERR_CHECKRESERVEDLOCK => Io, DEAD;
    3850 SQLITE_IOERR_LOCK => Io, DEAD;
    4106 SQLITE_IOERR_CLOSE => Io, DEAD;
    4362 SQLITE_IOERR_DIR_CLOSE => Io, DEAD;
    4618 SQLITE_IOERR_SHMOPEN => Io, DEAD;
    4874 SQLITE_IOERR_SHMSIZE => Io, DEAD;
    5130 SQLITE_IOERR_SHMLOCK => Io, DEAD;
    5386 SQLITE_IOERR_SHMMAP => Io, DEAD;
    5642 SQLITE_IOERR_SEEK => Io, DEAD;
    5898 SQLITE_IOERR_DELETE_NOENT => Io, DEAD;
    6154 SQLITE_IOERR_MMAP => Io, DEAD;
    6410 SQLITE_IOERR_GETTEMPPATH => Io, DEAD;
    6666 SQLITE_IOERR_CONVPATH => Io, DEAD;
    6922 SQLITE_IOERR_VNODE => Io, DEAD;
    7178 SQLITE_IOERR_AUTH => Io, DEAD;
    7434 SQLITE_IOERR_BEGIN_ATOMIC => Io, DEAD;
    7690 SQLITE_IOERR_COMMIT_ATOMIC => Io, DEAD;
    7946 SQLITE_IOERR_ROLLBACK_ATOMIC => Io, DEAD;
    8202 SQLITE_IOERR_DATA => Corrupt, DEAD;
    8458 SQLITE_IOERR_CORRUPTFS => Corrupt, DEAD;
    8714 SQLITE_IOERR_IN_PAGE => Io, DEAD;
};
