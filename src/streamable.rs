//! Rows one after another, with bounded memory.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_bridge::FeedError;
use pontoon_bridge::{Permit, feed};

use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::{Access, Lease};
use crate::params::{IntoParams, Params};
use crate::pool::{Sent, fault};
use crate::query::{IntoQuery, QueryOptions};
use crate::row::{Batch, Row, Rows};
use crate::session::{self, BatchFeed, Token, Turn};
use crate::site::Site;
use crate::sql::{Statement, StatementKind};

/// A query to be streamed.
#[derive(Debug)]
pub struct Request {
    statement: Statement,
    params: Params,
    options: QueryOptions,
    site: Site,
}

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
        let batches = self.open_stream(request(self, query, params)?)?;
        Ok(RowStream { batches, batch: None, next: 0, owner: PhantomData })
    }

    /// The rows of a query in batches: of as many as [`Query::batch_rows`](crate::Query::batch_rows) says, the last one
    /// apart, or else of 16 rows growing to 512. An empty result has no batch.
    ///
    /// # Errors
    /// As [`iterate`](Self::iterate).
    #[track_caller]
    fn batches<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<BatchStream<'_>> {
        Ok(BatchStream { batches: self.open_stream(request(self, query, params)?)?, owner: PhantomData })
    }
}

#[track_caller]
fn request<'q>(to: &(impl Open + ?Sized), query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Request> {
    let (sql, params, options) = query.into_query(to.dialect())?.into_parts(params)?;
    Ok(Request { statement: Statement::cached(&sql, to.dialect())?, params, options, site: Site::here() })
}

impl Request {
    pub(crate) fn options(&self) -> &QueryOptions {
        &self.options
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }
}

/// The reading end of a query that runs on its connection's thread.
pub struct BatchReader {
    // The feed goes first: that stops the query; then the handle of the connection.
    feed: BatchFeed,
    sent: Option<Sent<()>>,
    timeout: Option<Duration>,
    /// It changes nothing at the database.
    reads: bool,
    over: bool,
    _turn: Option<Arc<Permit>>,
    lease: Arc<Lease>,
}

impl fmt::Debug for BatchReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchReader").field("over", &self.over).finish_non_exhaustive()
    }
}

impl BatchReader {
    /// `inside`: the transaction that it is a part of, if it was asked of one.
    pub(crate) fn open(
        lease: &Arc<Lease>,
        access: Access,
        inside: Option<Token>,
        shared: &Shared,
        request: Request,
    ) -> Result<BatchReader> {
        let Request { statement, params, mut options, site } = request;
        options.batch_rows = options.batch_rows.or(shared.config().batch_rows());
        let deadline = shared.deadline_of(&options);
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let turn = lease.guest_turn(access, deadline, &site)?;
        lease.hold().runs(Some(&statement));
        let reads = statement.kind() == StatementKind::Read;
        let (feeder, feed) = feed(session::CREDIT);
        let place = lease.hold().enter(deadline)?;
        let sent = lease.hold().send_from(place, None, None, move |view, ticket| {
            let mut core = view.core()?;
            inside.map_or(Ok(()), |token| core.expect_open(token))?;
            let turn = Turn::streaming(ticket, options);
            session::stream(&mut core, &turn, ticket, &statement, params, feeder);
            Ok(())
        })?;
        let (sent, lease) = (Some(sent), Arc::clone(lease));
        Ok(BatchReader { feed, sent, timeout, reads, over: false, _turn: turn, lease })
    }

    /// The next batch.
    fn next(&mut self) -> Option<Result<Batch>> {
        if self.over {
            return None;
        }
        let until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let error = match self.feed.recv(until) {
            Ok(Some(batch)) => return Some(Ok(batch)),
            Ok(None) => {
                self.over = true;
                return None;
            }
            Err(FeedError::Failed(error)) => {
                self.lease.note(&error);
                error
            }
            Err(FeedError::Expired) => Error::new(
                ErrorKind::Timeout,
                format!("the next rows of the stream did not come within {:.1?}", self.timeout.unwrap_or_default()),
            )
            .with_effect(if self.reads { crate::Effect::NotApplied } else { crate::Effect::Unknown }),
            // The job went without a word: its reply knows why.
            Err(_) => match self.sent.take().map(Sent::wait) {
                Some(Err(error)) => error,
                _ => fault::gone(),
            },
        };
        self.over = true;
        // The query is ended now, not when the stream is dropped: nothing more is read, and others wait for the connection.
        self.sent = None;
        Some(Err(error))
    }
}

/// The rows of a query, one by one; see [`Streamable::iterate`]. After an error it is at its end.
#[must_use = "a stream that is dropped ends its query"]
pub struct RowStream<'o> {
    batches: BatchReader,
    batch: Option<Arc<Batch>>,
    next: usize,
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
            if let Some(batch) = &self.batch {
                if let Some(row) = batch.row(self.next) {
                    self.next += 1;
                    return Some(Ok(row));
                }
                self.batch = None;
            }
            match self.batches.next()? {
                Ok(batch) => {
                    self.batch = Some(Arc::new(batch));
                    self.next = 0;
                }
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
