//! What `#[transactional]` calls.

use std::rc::Rc;
use std::sync::Arc;

use crate::connection::Connection;
use crate::database::Database;
use crate::error::Error;
use crate::sql::TxOptions;
use crate::transaction::run_in;

/// Who can run a transaction that the body of a function stands in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no database to run a transaction on",
    note = "`#[transactional(..)]` takes a `Database` or a `Connection`, by value, by reference or in an `Arc`"
)]
pub trait Begins {
    /// A handle of its own, so that a body with `&mut self` finds nothing borrowed of `self.db`.
    fn handle(&self) -> Handle;
}

/// A handle of a database or a connection.
#[derive(Debug)]
pub enum Handle {
    /// Of a database.
    Database(Database),
    /// Of a connection.
    Connection(Connection),
}

impl Begins for Database {
    fn handle(&self) -> Handle {
        Handle::Database(self.clone())
    }
}

impl Begins for Connection {
    fn handle(&self) -> Handle {
        Handle::Connection(self.clone())
    }
}

macro_rules! begins_inside {
    ($($type:ty),+) => {$(
        impl<D: Begins + ?Sized> Begins for $type {
            fn handle(&self) -> Handle {
                (**self).handle()
            }
        }
    )+};
}

begins_inside!(&D, &mut D, Arc<D>, Rc<D>, Box<D>);

/// A handle of what the attribute was given.
pub fn handle(database: &impl Begins) -> Handle {
    database.handle()
}

/// Runs the body of a function in a transaction.
///
/// # Errors
/// What the body returns; of BEGIN and COMMIT what the database says.
#[track_caller]
pub fn run<T, E: From<Error>>(
    database: &Handle,
    options: &TxOptions,
    body: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let transaction = match database {
        Handle::Database(db) => db.begin_with(options)?,
        Handle::Connection(connection) => connection.begin_with(options)?,
    };
    run_in(transaction, options.rollback_only, |_| body())
}

/// The same, and again when the transaction met another one that it could not be put in an order with.
///
/// # Errors
/// As [`run`].
#[track_caller]
pub fn run_again<T, E: From<Error>>(
    database: &Handle,
    options: &TxOptions,
    mut body: impl FnMut() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    match database {
        Handle::Database(db) => db.transaction_with(options, |_| body()),
        Handle::Connection(connection) => connection.transaction_with(options, |_| body()),
    }
}
