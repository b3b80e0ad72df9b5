//! What a statement does, as far as its words tell.

use std::fmt;

/// What a statement does, by its syntax. What functions do that it calls, nobody can see from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// Reads: `SELECT`, `VALUES`, `SHOW`, `EXPLAIN` and the like.
    Read,
    /// Writes rows: `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `COPY`, `SELECT … INTO` and the like, also inside `WITH`.
    Write,
    /// Changes tables and other objects, or rights.
    Ddl,
    /// Begins or ends a transaction, or a part of one.
    Transaction(TransactionVerb),
    /// Changes the session: `SET`, `PRAGMA`, `USE`, `ATTACH`, `LISTEN`, cursors and the like.
    Session,
    /// Anything else, such as `CALL`, and a text without a statement.
    Other,
}

/// How a statement begins or ends a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransactionVerb {
    /// `BEGIN`, `START TRANSACTION`
    Begin,
    /// `COMMIT`, `END`
    Commit,
    /// `ROLLBACK`, `ABORT`
    Rollback,
    /// `SAVEPOINT`, `SAVE TRANSACTION`
    Savepoint,
    /// `RELEASE SAVEPOINT`
    Release,
    /// `ROLLBACK TO SAVEPOINT`
    RollbackTo,
    /// The two phases: `PREPARE TRANSACTION`, `COMMIT PREPARED`, `XA …`
    TwoPhase,
    /// `SET autocommit`, `SET IMPLICIT_TRANSACTIONS`
    Autocommit,
}

impl fmt::Display for TransactionVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransactionVerb::Begin => "BEGIN",
            TransactionVerb::Commit => "COMMIT",
            TransactionVerb::Rollback => "ROLLBACK",
            TransactionVerb::Savepoint => "SAVEPOINT",
            TransactionVerb::Release => "RELEASE SAVEPOINT",
            TransactionVerb::RollbackTo => "ROLLBACK TO SAVEPOINT",
            TransactionVerb::TwoPhase => "a two-phase commit",
            TransactionVerb::Autocommit => "SET autocommit",
        })
    }
}
