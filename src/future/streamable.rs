//! Rows one after another, awaited.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::Answer;
use super::perform::AsyncPerform;
use crate::error::Result;
use crate::params::IntoParams;
use crate::query::IntoQuery;
use crate::reader::{BatchReader, Request, RowCursor};
use crate::row::{Batch, Row, Rows};

/// Reading a result row by row, or batch by batch, as a [`Stream`]: [`Streamable`](crate::Streamable), awaited.
///
/// [`Stream`]: https://docs.rs/futures-core/0.3/futures_core/stream/trait.Stream.html
///
/// The query starts with the first poll, and what keeps it from starting is the first item. The connection's thread reads
/// ahead by a few batches and then waits for the reader, without a thread of the executor; other statements may be run on
/// the same connection between the rows, as there.
///
/// The query's timeout bounds the wait for a connection and for each batch, never the time that the reader takes.
/// **Dropping the stream** ends the statement at the database, also half-way; the connection is free right after. In a
/// transaction that undoes nothing.
///
/// ```
/// # use pontoon::prelude::*;
/// use futures_util::TryStreamExt;
/// # pollster::block_on(async {
/// # let db = AsyncDatabase::open("sqlite::memory:").await?;
/// let mut rows = db.iterate("SELECT value FROM json_each('[1, 2, 3]')", ());
/// let mut sum = 0;
/// while let Some(row) = rows.try_next().await? {
///     sum += row.get::<i64>("value")?;
/// }
/// assert_eq!(sum, 6);
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
pub trait AsyncStreamable: AsyncPerform {
    /// The rows of a query, one by one.
    #[track_caller]
    fn iterate<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> AsyncRowStream<'_> {
        AsyncRowStream { batches: Batches::of(self, query, params), rows: RowCursor::default() }
    }

    /// The rows of a query in batches: of as many as [`Query::batch_rows`](crate::Query::batch_rows) says, the last one
    /// apart, or else of 16 rows growing to 512. An empty result has no batch.
    #[track_caller]
    fn batches<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> AsyncBatchStream<'_> {
        AsyncBatchStream { batches: Batches::of(self, query, params) }
    }
}

/// The batches of a query that is started by the first poll.
enum Batches<'o> {
    Opening(Answer<'o, BatchReader>),
    Open(BatchReader),
    Over,
}

impl<'o> Batches<'o> {
    #[track_caller]
    fn of<'q>(to: &'o (impl AsyncPerform + ?Sized), query: impl IntoQuery<'q>, params: impl IntoParams) -> Batches<'o> {
        let request = Request::new(to.dialect(), query, params);
        Batches::Opening(Answer::new(async move { to.open_stream(request?).await }))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Batch>>> {
        loop {
            match self {
                Batches::Opening(opening) => match ready!(Pin::new(opening).poll(context)) {
                    Ok(reader) => *self = Batches::Open(reader),
                    Err(error) => {
                        *self = Batches::Over;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
                Batches::Open(reader) => {
                    let batch = ready!(reader.poll_next(context));
                    if !matches!(batch, Some(Ok(_))) {
                        // The connection goes back at the end, not when the stream is dropped.
                        *self = Batches::Over;
                    }
                    return Poll::Ready(batch);
                }
                Batches::Over => return Poll::Ready(None),
            }
        }
    }
}

/// The rows of a query, one by one; see [`AsyncStreamable::iterate`]. After an error it is at its end.
#[must_use = "a stream does nothing until it is polled"]
pub struct AsyncRowStream<'o> {
    batches: Batches<'o>,
    rows: RowCursor,
}

impl Stream for AsyncRowStream<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Poll::Ready(Some(Ok(row)));
            }
            match ready!(self.batches.poll_next(context)) {
                Some(Ok(batch)) => self.rows = RowCursor::of(batch),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for AsyncRowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncRowStream").finish_non_exhaustive()
    }
}

/// The rows of a query in batches; see [`AsyncStreamable::batches`]. After an error it is at its end.
#[must_use = "a stream does nothing until it is polled"]
pub struct AsyncBatchStream<'o> {
    batches: Batches<'o>,
}

impl Stream for AsyncBatchStream<'_> {
    type Item = Result<Rows>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Rows>>> {
        let batch = ready!(self.batches.poll_next(context));
        Poll::Ready(batch.map(|batch| batch.map(|batch| Rows::from_batches([batch]))))
    }
}

impl fmt::Debug for AsyncBatchStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncBatchStream").finish_non_exhaustive()
    }
}
