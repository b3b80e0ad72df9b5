//! What `#[transactional]` calls.

use std::rc::Rc;
use std::sync::Arc;

use crate::connection::Connection;
use crate::database::Database;
use crate::error::Error;
use crate::future::{AsyncConnection, AsyncDatabase, run_inherited};
use crate::sql::TxOptions;
use crate::transaction::run_in;

/// Who can run a transaction that the body of a function stands in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no database to run a transaction on",
    note = "`#[transactional(..)]` takes a `Database` or a `Connection`, by value, by reference or in an `Arc`; on an \
            `async fn` an `AsyncDatabase` or an `AsyncConnection`"
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

/// The same for an `async fn`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no database to await a transaction on",
    note = "`#[transactional(..)]` on an `async fn` takes an `AsyncDatabase` or an `AsyncConnection`, by value, by \
            reference or in an `Arc`"
)]
pub trait Awaits {
    /// A handle of its own.
    fn handle(&self) -> AsyncHandle;
}

/// A handle of a database or a connection that is awaited.
#[derive(Debug)]
pub enum AsyncHandle {
    /// Of a database.
    Database(AsyncDatabase),
    /// Of a connection.
    Connection(AsyncConnection),
}

impl Awaits for AsyncDatabase {
    fn handle(&self) -> AsyncHandle {
        AsyncHandle::Database(self.clone())
    }
}

impl Awaits for AsyncConnection {
    fn handle(&self) -> AsyncHandle {
        AsyncHandle::Connection(self.clone())
    }
}

macro_rules! inside {
    ($trait:ident => $handle:ident: $($type:ty),+) => {$(
        impl<D: $trait + ?Sized> $trait for $type {
            fn handle(&self) -> $handle {
                (**self).handle()
            }
        }
    )+};
}

inside!(Begins => Handle: &D, &mut D, Arc<D>, Rc<D>, Box<D>);
inside!(Awaits => AsyncHandle: &D, &mut D, Arc<D>, Rc<D>, Box<D>);

/// A handle of what the attribute was given.
pub fn handle(database: &impl Begins) -> Handle {
    database.handle()
}

/// The same on an `async fn`.
pub fn async_handle(database: &impl Awaits) -> AsyncHandle {
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

/// Runs the body of an `async fn` in a transaction.
///
/// # Errors
/// As [`run`].
#[track_caller]
pub fn run_async<'d, T, E: From<Error>, B>(
    database: &'d AsyncHandle,
    options: &TxOptions,
    body: B,
) -> impl Future<Output = std::result::Result<T, E>> + use<'d, T, E, B>
where
    B: Future<Output = std::result::Result<T, E>>,
{
    let begin = match database {
        AsyncHandle::Database(db) => db.begin_with(options),
        AsyncHandle::Connection(connection) => connection.begin_with(options),
    };
    run_inherited(begin, options.rollback_only, body)
}

/// The same, and again when the transaction met another one that it could not be put in an order with.
///
/// # Errors
/// As [`run`].
#[track_caller]
pub fn run_async_again<'d, T, E: From<Error>, F, B>(
    database: &'d AsyncHandle,
    options: &TxOptions,
    mut body: F,
) -> impl Future<Output = std::result::Result<T, E>> + use<'d, T, E, F, B>
where
    F: FnMut() -> B,
    B: Future<Output = std::result::Result<T, E>>,
{
    // Called here and not in the future, so that it is known where the function is.
    let runs = match database {
        AsyncHandle::Database(db) => Runs::Database(db.transaction_with(options, move |_| body())),
        AsyncHandle::Connection(connection) => Runs::Connection(connection.transaction_with(options, move |_| body())),
    };
    async move {
        match runs {
            Runs::Database(runs) => runs.await,
            Runs::Connection(runs) => runs.await,
        }
    }
}

/// The one of two futures that there is.
enum Runs<D, C> {
    Database(D),
    Connection(C),
}
