//! Classes of Java exceptions.
//!
//! Most JDBC drivers throw subclasses of their own; the host sends the names of an exception's classes from the most
//! derived up to `java.sql.SQLException`, then those of its causes, and the first known one counts. A class says less
//! than a SQLSTATE or a number, so it is asked last ([`most_telling`](super::most_telling)).

use super::{ErrorKind, Flags, Meaning, Row, find, rows, sqlstate};

/// The meaning of an exception by the full name of its class, or `None` for a class without one of its own.
pub fn class(name: &str) -> Option<Meaning> {
    find(CLASSES, name)
}

/// The meaning of an exception: of its SQLSTATE, then of the first class that has one.
///
/// `number` is the vendor code; it matters where one SQLSTATE stands for two things. Numbers of a database that has a
/// table of its own are looked up there first, by whoever knows which database it is.
pub fn meaning<'a>(sqlstate: Option<&str>, number: i64, classes: impl IntoIterator<Item = &'a str>) -> Option<Meaning> {
    let by_number = sqlstate.and_then(|state| find(NUMBERS, (state, number)));
    let by_state = sqlstate.and_then(sqlstate::jdbc);
    super::most_telling([by_number, by_state, classes.into_iter().find_map(class)])
}

macro_rules! numbered {
    ($($state:literal $number:literal $name:ident => $kind:ident;)+) => {
        &[$(Row {
            code: ($state, $number),
            meaning: Meaning { name: stringify!($name), kind: ErrorKind::$kind, flags: Flags::NONE },
        },)+]
    };
}

// H2's number is its SQLSTATE again, HSQLDB's is below zero, Derby's is a severity (20 000 statement, 30 000 transaction).
// HSQLDB reports whatever is missing (a table, a column, a function) with the state and the number of a missing privilege,
// lest the answer betray what there is; to those who are allowed in, it is nearly always the former.
pub(super) const NUMBERS: &[Row<(&str, i64)>] = numbered! {
    "23506" 23506 REFERENTIAL_INTEGRITY_VIOLATED_PARENT_MISSING_1 => ForeignKeyViolation;
    "23506" 30000 LANG_DEFERRED_DUP_VIOLATION_T => UniqueViolation;
    "23507" 20000 LANG_DEFERRED_DUP_VIOLATION_S => UniqueViolation;
    "23507" 23507 NO_DEFAULT_SET_1 => NotNullViolation;
    "42501" -5501 X_42501 => UndefinedObject;
    "42502" -5502 X_42502 => ConstraintViolation;
    "42504" -5504 X_42504 => DuplicateObject;
    "S1000" -468 DATA_FILE_IS_FULL => DiskFull;
    "S1000" -467 GENERAL_IO_ERROR => Io;
    "S1000" -466 DATA_FILE_ERROR => Io;
    "S1000" -465 DATABASE_NOT_EXISTS => UnknownDatabase;
    "S1000" -460 OUT_OF_MEMORY => ResourceExhausted;
    "S1000" -457 ACCESS_IS_DENIED => PermissionDenied;
    "S1000" -456 DATA_IS_READONLY => ReadOnly;
    "S1000" -455 DATABASE_IS_READONLY => ReadOnly;
    "S1000" -452 FILE_IO_ERROR => Io;
    "S1000" -451 LOCK_FILE_ACQUISITION_FAILURE => Busy;
};

// "Transient" and "non-transient" in the names are not believed: MySQL's driver throws the non-transient class for
// "too many connections", MariaDB's for a refused one.
pub(super) const CLASSES: &[Row<&str>] = rows! {
    "java.io.EOFException" EOFException => ConnectionLost, DEAD;
    "java.io.FileNotFoundException" FileNotFoundException => Io;
    "java.io.IOException" IOException => Io, DEAD;
    "java.lang.ClassNotFoundException" ClassNotFoundException => Config;
    "java.lang.IllegalArgumentException" IllegalArgumentException => InvalidValue;
    "java.lang.OutOfMemoryError" OutOfMemoryError => ResourceExhausted, DEAD;
    "java.lang.StackOverflowError" StackOverflowError => ResourceExhausted, DEAD;
    "java.net.ConnectException" ConnectException => ConnectionLost, DEAD;
    "java.net.NoRouteToHostException" NoRouteToHostException => ConnectionLost, DEAD;
    "java.net.SocketException" SocketException => ConnectionLost, DEAD;
    "java.net.SocketTimeoutException" SocketTimeoutException => Timeout, DEAD;
    "java.net.UnknownHostException" UnknownHostException => ConnectionLost, DEAD;
    "java.sql.DataTruncation" DataTruncation => InvalidValue;
    "java.sql.SQLClientInfoException" SQLClientInfoException => Config;
    "java.sql.SQLDataException" SQLDataException => InvalidValue;
    "java.sql.SQLException" SQLException => Other;
    "java.sql.SQLFeatureNotSupportedException" SQLFeatureNotSupportedException => Unsupported;
    "java.sql.SQLIntegrityConstraintViolationException" SQLIntegrityConstraintViolationException => ConstraintViolation;
    // MariaDB's driver has it for all states of the class 25, a write in a read-only transaction among them.
    "java.sql.SQLInvalidAuthorizationSpecException" SQLInvalidAuthorizationSpecException => Authentication;
    "java.sql.SQLNonTransientConnectionException" SQLNonTransientConnectionException => ConnectionLost, DEAD;
    "java.sql.SQLRecoverableException" SQLRecoverableException => ConnectionLost, DEAD;
    "java.sql.SQLSyntaxErrorException" SQLSyntaxErrorException => Syntax;
    "java.sql.SQLTimeoutException" SQLTimeoutException => Timeout;
    "java.sql.SQLTransactionRollbackException" SQLTransactionRollbackException => Serialization;
    "java.sql.SQLTransientConnectionException" SQLTransientConnectionException => ConnectionLost, DEAD;
    "javax.net.ssl.SSLException" SSLException => Tls, DEAD;
    "javax.net.ssl.SSLHandshakeException" SSLHandshakeException => Tls, DEAD;
    "javax.net.ssl.SSLPeerUnverifiedException" SSLPeerUnverifiedException => Tls, DEAD;
};
