//! What an error means, and what it means for data.

use std::fmt;

/// What is known of what the failed call did to data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing was sent to the database.
    NotSent,
    /// It reached the database, and the database did not apply it (or undid it).
    NotApplied,
    /// It may or may not have been applied; only the database can tell.
    Unknown,
}

macro_rules! kinds {
    ($($(#[doc = $doc:expr])+ $name:ident => $effect:ident,)+) => {
        /// What went wrong, the same on every driver.
        ///
        /// Match on the kinds you can do something about and leave the rest to `_`: kinds are added as drivers need them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[doc = $doc])+ $name,)+ }

        impl ErrorKind {
            /// Every kind, in the order of this page.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$name,)+];

            /// What an error of this kind has usually done to data; [`Error::effect`](crate::Error::effect) is exact.
            pub fn usual_effect(self) -> Effect {
                match self { $(ErrorKind::$name => Effect::$effect,)+ }
            }
        }
    };
}

kinds! {
    /// A database URL that cannot be read.
    Url => NotSent,
    /// A configuration that contradicts itself or lacks something, or an option with a value out of its range.
    Config => NotSent,
    /// An option that nobody knows; the message lists the near ones.
    UnknownOption => NotSent,
    /// An option that names code to load, where only data is allowed.
    ForbiddenOption => NotSent,
    /// A scheme that no driver serves, or whose driver is not compiled in.
    UnknownScheme => NotSent,
    /// Parameters and statement do not fit: a name missing, unknown or given twice, a wrong count.
    Parameter => NotSent,
    /// Text with a NUL character, on a driver that would cut it there.
    NulInText => NotSent,
    /// A limit of the library, the driver or the database that the call would break.
    Limit => NotSent,
    /// A value does not fit the type that was asked for, or a column is not what was expected.
    Conversion => NotApplied,
    /// No column of that name or at that position, or several of that name.
    NoSuchColumn => NotApplied,
    /// The result is larger than the limits of the query allow.
    ResultTooLarge => NotApplied,
    /// Something that this driver or database cannot do.
    Unsupported => NotSent,
    /// A handle, a transaction or an object of the database was used in a way its state does not allow.
    Misuse => NotSent,
    /// Transaction control in a place where it would go behind the library's back.
    TransactionVerb => NotSent,

    /// The database handle is not connected, or is closed.
    NotConnected => NotSent,
    /// No connection became free before the deadline; the message tells who holds them.
    PoolTimeout => NotSent,
    /// Too many callers wait already.
    QueueFull => NotSent,
    /// So many connections are stuck in calls that never return that no further one is opened.
    PoolDegraded => NotSent,
    /// The connection is busy with something that cannot be interleaved.
    ConnectionBusy => NotSent,
    /// The call would wait for its own caller.
    WouldDeadlock => NotSent,
    /// The handle was made before a `fork` and is used in the child, or a database is opened there after the parent has
    /// used one.
    ForkedProcess => NotSent,
    /// The caller that owned the connection or transaction has ended.
    OwnerGone => NotApplied,

    /// The server could not be reached, or did not finish the handshake.
    ConnectFailed => NotSent,
    /// Name and password were refused.
    Authentication => NotSent,
    /// TLS could not be agreed on, or the certificate was refused.
    Tls => NotSent,
    /// The server has no room for another connection, or is starting up or shutting down.
    ServerBusy => NotSent,
    /// There is no database of that name, or its file cannot be opened.
    UnknownDatabase => NotSent,
    /// The connection broke while it was in use.
    ConnectionLost => Unknown,
    /// The deadline passed; the message tells in which phase.
    Timeout => Unknown,
    /// The call was cancelled.
    Cancelled => NotApplied,
    /// The driver panicked; its connection was discarded.
    DriverPanic => Unknown,
    /// Input or output failed on the way to the database, or in it.
    Io => Unknown,

    /// The statement cannot be parsed, or breaks a rule of the language: an ambiguous name, a type that does not fit.
    Syntax => NotApplied,
    /// A table, view, index, function, column type or other named thing that does not exist.
    UndefinedObject => NotApplied,
    /// A table or view that does not exist.
    UndefinedTable => NotApplied,
    /// A column that does not exist.
    UndefinedColumn => NotApplied,
    /// Something of that name exists already.
    DuplicateObject => NotApplied,
    /// Not allowed to do that.
    PermissionDenied => NotApplied,
    /// The database, transaction or connection is read-only.
    ReadOnly => NotApplied,
    /// A unique or primary key is taken.
    UniqueViolation => NotApplied,
    /// A foreign key points nowhere, or is still pointed at.
    ForeignKeyViolation => NotApplied,
    /// NULL where none is allowed.
    NotNullViolation => NotApplied,
    /// A check constraint failed.
    CheckViolation => NotApplied,
    /// An exclusion or other constraint failed.
    ConstraintViolation => NotApplied,
    /// A value out of range, too long, badly written, or otherwise refused by the database.
    InvalidValue => NotApplied,
    /// A division by zero.
    DivisionByZero => NotApplied,

    /// Transactions could not be put in an order; try the whole transaction again.
    Serialization => NotApplied,
    /// Two transactions waited for each other and this one was chosen to give way.
    Deadlock => NotApplied,
    /// A lock was not granted in time.
    Busy => NotApplied,
    /// An earlier error ended the usefulness of this transaction; only its end is accepted.
    TransactionAborted => NotApplied,
    /// The database ended the transaction by itself; what was done in it is undone unless the message says otherwise.
    TransactionLost => NotApplied,
    /// COMMIT was asked for and the database rolled back.
    RolledBack => NotApplied,
    /// COMMIT was sent and its answer never came: it may or may not be committed.
    CommitUnknown => Unknown,
    /// The transaction that force rollback holds open for everybody is gone.
    ForceRollbackLost => Unknown,

    /// No room left on the device, or the database's size limit is reached.
    DiskFull => NotApplied,
    /// Memory, files or another resource of a process ran out.
    ResourceExhausted => NotApplied,
    /// The database is damaged.
    Corrupt => Unknown,
    /// The file is no database of this kind.
    NotADatabase => NotApplied,
    /// An error in the database or the driver itself.
    Internal => Unknown,
    /// An error that has no kind of its own; see its SQLSTATE or vendor code.
    Other => NotApplied,
}

impl ErrorKind {
    /// Whether the cause is one that passes, so that the same work can succeed a moment later.
    pub fn is_transient(self) -> bool {
        use ErrorKind::{Busy, ConnectFailed, Deadlock, PoolTimeout, QueueFull, Serialization, ServerBusy};
        matches!(self, Busy | ConnectFailed | Deadlock | PoolTimeout | QueueFull | Serialization | ServerBusy)
    }

    /// Whether a constraint of the data was violated.
    pub fn is_constraint(self) -> bool {
        use ErrorKind::{CheckViolation, ConstraintViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
        matches!(self, CheckViolation | ConstraintViolation | ForeignKeyViolation | NotNullViolation | UniqueViolation)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
