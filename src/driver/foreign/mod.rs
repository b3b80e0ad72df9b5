//! What the drivers have in common that reach a database through a driver of somebody else's: ODBC's, Java's, Python's.

pub(super) mod known;
pub(super) mod message;
pub(super) mod probe;
pub(super) mod statement;
