//! Rows one after another, with bounded memory.

use std::fmt;
use std::marker::PhantomData;

use crate::error::Result;
use crate::params::IntoParams;
use crate::query::IntoQuery;
use crate::reader::{BatchReader, Request, RowCursor};
use crate::row::{Row, Rows};

/// How a stream gets to a connection.
pub trait Open: crate::queryable::Perform {
    /// Starts the query.
    ///
    /// # Errors
    /// What kept it from being started.
    fn open_stream(&self, request: Request) -> Result<BatchReader>;
}

/// Reading a result row by row, or batch by batch, of a [`Database`](crate::Database), a
/// [`Connection`](crate::Connection) or a [`Transaction`](crate::Transaction).
///
/// The connection's thread reads ahead by a few batches and then waits for the reader, so that memory stays bounded
/// however long the result is. Other statements may be run on the same connection between the rows: SQLite runs them
/// right there.
///
/// The query's timeout bounds the wait for a connection and for each batch, never the time that the reader takes.
/// **Dropping the stream** ends the statement at the database; the connection is free right after.
///
/// A stream opened on a `Database` by a thread that holds no connection of it leases one, which is the thread's connection
/// while the stream is open: what is done in the loop, through the database too, is done on the connection that is being
/// read from. So it never waits in the pool or at a lock for its own stream. A second stream of the database beside it takes
/// a connection of its own, so that both can be read by turns.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// let mut sum = 0;
/// for row in db.iterate("SELECT value FROM json_each('[1, 2, 3]')", ())? {
///     sum += row?.get::<i64>("value")?;
/// }
/// assert_eq!(sum, 6);
/// # Ok::<(), pontoon::Error>(())
/// ```
pub trait Streamable: Open {
    /// The rows of a query, one by one.
    ///
    /// # Errors
    /// `Parameter` and what keeps the query from being started; what the database says of it comes with the first row.
    #[track_caller]
    fn iterate<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<RowStream<'_>> {
        let batches = self.open_stream(Request::new(self.dialect(), query, params)?)?;
        Ok(RowStream { batches, rows: RowCursor::default(), owner: PhantomData })
    }

    /// The rows of a query in batches: of as many as [`Query::batch_rows`](crate::Query::batch_rows) says, the last one
    /// apart, or else of 16 rows growing to 512. An empty result has no batch.
    ///
    /// # Errors
    /// As [`iterate`](Self::iterate).
    #[track_caller]
    fn batches<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<BatchStream<'_>> {
        Ok(BatchStream { batches: self.open_stream(Request::new(self.dialect(), query, params)?)?, owner: PhantomData })
    }
}

/// The rows of a query, one by one; see [`Streamable::iterate`]. After an error it is at its end.
#[must_use = "a stream that is dropped ends its query"]
pub struct RowStream<'o> {
    batches: BatchReader,
    rows: RowCursor,
    owner: PhantomData<&'o ()>,
}

impl fmt::Debug for RowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("batches", &self.batches).finish_non_exhaustive()
    }
}

impl Iterator for RowStream<'_> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.batches.next()? {
                Ok(batch) => self.rows = RowCursor::of(batch),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The rows of a query in batches; see [`Streamable::batches`]. After an error it is at its end.
#[must_use = "a stream that is dropped ends its query"]
pub struct BatchStream<'o> {
    batches: BatchReader,
    owner: PhantomData<&'o ()>,
}

impl fmt::Debug for BatchStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchStream").field("batches", &self.batches).finish_non_exhaustive()
    }
}

impl Iterator for BatchStream<'_> {
    type Item = Result<Rows>;

    fn next(&mut self) -> Option<Result<Rows>> {
        self.batches.next().map(|batch| batch.map(|batch| Rows::from_batches([batch])))
    }
}
