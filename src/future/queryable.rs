//! The verbs, awaited.

use std::any::Any;

use super::Answer;
use super::perform::AsyncPerform;
use crate::asking::{self, Ask, Job, Prepared, PreparedRows, Read};
use crate::driver::{Catalog, Executed};
use crate::error::Result;
use crate::params::IntoParams;
use crate::query::IntoQuery;
use crate::queryable::BulkReport;
use crate::row::{FromRow, Row, Rows};
use crate::session::Session;
use crate::value::FromValueOwned;

/// What a verb asks for of what was prepared, to be awaited. Not by `map`: the place of the call is the caller's only where
/// it goes from function to function.
macro_rules! asked {
    ($of:ident, $verb:ident($prepared:expr $(, $more:expr)*)) => {
        match $prepared {
            Ok(prepared) => await_from($of, Ok(asking::$verb(prepared $(, $more)*))),
            Err(error) => Answer::failed(error),
        }
    };
}

/// The verbs of [`Queryable`](crate::Queryable), awaited; the same on an [`AsyncDatabase`](super::AsyncDatabase), an
/// [`AsyncConnection`](super::AsyncConnection), an [`AsyncTransaction`](super::AsyncTransaction) and a [`Tx`](super::Tx).
///
/// Queries, parameters, deadlines and errors are as there. Statements are never run on the executor's thread.
///
/// ```
/// # use pontoon::prelude::*;
/// # pollster::block_on(async {
/// let db = AsyncDatabase::open("sqlite::memory:").await?;
/// db.execute_script("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)").await?;
/// db.execute("INSERT INTO notes (text) VALUES (:text)", params! { text: "one" }).await?;
/// let text: Option<String> = db.fetch_val("SELECT text FROM notes WHERE id = ?", (1,)).await?;
/// assert_eq!(text.as_deref(), Some("one"));
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
///
/// # What a drop does
///
/// Each method gives an [`Answer`]. Dropped before it was polled, nothing was done. Dropped while it waits for a
/// connection or in a queue, the statement never runs. Dropped while the statement runs, it is cancelled at the database;
/// it may have been done nevertheless. What it did is then kept outside of a transaction; **inside one it is not**: the
/// transaction takes no further statement and is rolled back, as after a deadline, and under force rollback that holds
/// for the caller's own transaction only. A connection whose cancel cannot be proven to be over is discarded.
///
/// # In a transaction, await what you have begun
///
/// A statement in a transaction is over when its caller has its answer. One that was polled and is then neither polled
/// nor dropped holds up what comes after it on the same connection, until its own deadline.
pub trait AsyncQueryable: AsyncPerform {
    /// All rows of a query; none is an empty `Rows`, not an error.
    ///
    /// # Errors
    /// As [`Queryable::fetch_all`](crate::Queryable::fetch_all).
    #[track_caller]
    fn fetch_all<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Answer<'_, Rows> {
        asked!(self, fetch_all(prepare(self, query, params)))
    }

    /// The first row, if there is one; the statement is ended after it.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_one<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Answer<'_, Option<Row>> {
        self.fetch_nth(query, params, 0)
    }

    /// The row at this position, counted from 0; see [`Queryable::fetch_nth`](crate::Queryable::fetch_nth).
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_nth<'q>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
        position: u64,
    ) -> Answer<'_, Option<Row>> {
        asked!(self, fetch_nth(prepare(self, query, params), position))
    }

    /// The last row, if there is one. Every row is read, and no more than a batch is held.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_last<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Answer<'_, Option<Row>> {
        asked!(self, fetch_last(prepare(self, query, params)))
    }

    /// The first column of the first row; see [`Queryable::fetch_val`](crate::Queryable::fetch_val).
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); `Conversion` when the value does not fit `T`.
    #[track_caller]
    fn fetch_val<'q, T: FromValueOwned + 'static>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Answer<'_, Option<T>> {
        asked!(self, fetch_val(prepare(self, query, params)))
    }

    /// All rows, each as a `T`: a tuple, or a struct with `#[derive(FromRow)]`.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); `Conversion` or `NoSuchColumn` when a row does not fit `T`.
    #[track_caller]
    fn fetch_all_as<'q, T: FromRow + 'static>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Answer<'_, Vec<T>> {
        asked!(self, fetch_all_as(prepare(self, query, params)))
    }

    /// The first row as a `T`, if there is one.
    ///
    /// # Errors
    /// As [`fetch_all_as`](Self::fetch_all_as).
    #[track_caller]
    fn fetch_one_as<'q, T: FromRow + 'static>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Answer<'_, Option<T>> {
        asked!(self, fetch_one_as(prepare(self, query, params)))
    }

    /// Runs a statement for its effect. Rows, of a `RETURNING` say, are discarded: fetch them instead.
    ///
    /// # Errors
    /// As [`Queryable::execute`](crate::Queryable::execute).
    #[track_caller]
    fn execute<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Answer<'_, Executed> {
        asked!(self, execute(prepare(self, query, params)))
    }

    /// Runs one statement with many sets of parameters; see
    /// [`Queryable::execute_many`](crate::Queryable::execute_many). All or none: dropped before its end, none.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    fn execute_many<'q, P: IntoParams>(
        &self,
        query: impl IntoQuery<'q>,
        rows: impl IntoIterator<Item = P>,
    ) -> Answer<'_, u64> {
        asked!(self, execute_many(prepare(self, query, ()).and_then(|prepared| prepared.with_sets(rows))))
    }

    /// Inserts many rows by the fastest means the driver has; see
    /// [`Queryable::bulk_insert`](crate::Queryable::bulk_insert). All or none: dropped before its end, none.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    fn bulk_insert<P: IntoParams>(
        &self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = P>,
    ) -> Answer<'_, BulkReport> {
        asked!(self, bulk_insert(PreparedRows::new(self.dialect(), table, columns, rows)))
    }

    /// Runs a script of statements without parameters, up to the first that fails; see
    /// [`Queryable::execute_script`](crate::Queryable::execute_script). Dropped while it runs, it ends at the statement
    /// that runs; those before it stand, outside of a transaction.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    fn execute_script(&self, script: &str) -> Answer<'_, ()> {
        await_from(self, asking::script(self.dialect(), script))
    }

    /// Describes what is in the database.
    ///
    /// # Errors
    /// `Unsupported` where the driver cannot tell.
    #[track_caller]
    fn catalog(&self, request: Catalog) -> Answer<'_, Rows> {
        await_from(self, Ok(asking::catalog(request)))
    }

    /// Whether there is a table or view of exactly this name.
    ///
    /// # Errors
    /// As [`catalog`](Self::catalog).
    #[track_caller]
    fn has_table(&self, name: &str) -> Answer<'_, bool> {
        await_from(self, Ok(asking::has_table(name)))
    }

    /// A round trip to the database.
    ///
    /// # Errors
    /// When it does not answer in time.
    #[track_caller]
    fn ping(&self) -> Answer<'_, ()> {
        await_from(self, Ok(asking::ping()))
    }

    /// Ships a closure to a connection's thread: many statements, one way there and back, and the shortest way to call
    /// blocking code beside a database. See [`Database::run`](crate::Database::run).
    ///
    /// Dropped while it runs, the statement that it is in is cancelled, and each that follows fails.
    ///
    /// # Errors
    /// What the closure returns; `DriverPanic` when it panics, and then the connection is discarded.
    #[track_caller]
    fn run<T: Send + 'static>(&self, work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static) -> Answer<'_, T> {
        await_from(self, Ok(asking::run(self.default_level(), work)))
    }

    /// As [`run`](Self::run), in a transaction: committed when the closure returns `Ok`, else rolled back, and so when it
    /// is dropped before the COMMIT.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    fn session<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        await_from(self, Ok(asking::session(self.default_level(), work)))
    }

    /// Ships a closure that works with the driver's own connection; see [`Database::raw`](crate::Database::raw). Dropped
    /// while it runs, it runs to its end.
    ///
    /// # Errors
    /// `Misuse` when the driver's connection is no `C`; what the closure returns.
    #[track_caller]
    fn raw<C: Any, T: Send + 'static>(&self, work: impl FnOnce(&mut C) -> Result<T> + Send + 'static) -> Answer<'_, T> {
        await_from(self, Ok(asking::raw(work)))
    }
}

/// What a verb asks for, to be awaited.
fn await_from<'a, T, J, R, U>(of: &'a (impl AsyncPerform + ?Sized), asked: Result<Ask<J, R, U>>) -> Answer<'a, U>
where
    T: Send + 'static,
    J: Job<T>,
    R: Read<T, U> + 'a,
    U: 'a,
{
    match asked {
        Ok(ask) => Answer::new(ask.by_task(of)),
        Err(error) => Answer::failed(error),
    }
}

/// What a verb is given, checked before anything is sent.
fn prepare<'q>(
    of: &(impl AsyncPerform + ?Sized),
    query: impl IntoQuery<'q>,
    params: impl IntoParams,
) -> Result<Prepared> {
    Prepared::new(of.dialect(), query, params)
}
