//! The reading end of a stream, for threads and tasks: what a query that runs on its connection's thread sends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pontoon_bridge::{FeedError, Permit, block_on, feed};

use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::{Access, Lease};
use crate::params::{IntoParams, Params};
use crate::pool::{Sent, fault};
use crate::query::{IntoQuery, QueryOptions};
use crate::row::{Batch, Row};
use crate::session::{self, BatchFeed, Token, Turn};
use crate::site::Site;
use crate::sql::{Dialect, Statement, StatementKind};
use crate::wait::{ByTask, ByThread, Wait};

/// A query to be streamed.
#[derive(Debug)]
pub struct Request {
    statement: Statement,
    params: Params,
    options: QueryOptions,
    site: Site,
}

impl Request {
    #[track_caller]
    pub(crate) fn new<'q>(
        dialect: &'static Dialect,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Result<Request> {
        let (sql, params, options) = query.into_query(dialect)?.into_parts(params)?;
        Ok(Request { statement: Statement::cached(&sql, dialect)?, params, options, site: Site::here() })
    }

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
    /// Until when a task waits for the batch that it waits for.
    until: Option<Option<Instant>>,
    /// What a task waits for when the feed broke off.
    why: Option<Pin<Box<dyn Future<Output = Result<()>> + Send>>>,
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
    pub(crate) async fn open(
        wait: impl Wait,
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
        let turn = lease.guest_turn(wait, access, deadline, site.location()).await?;
        lease.hold().runs(Some(&statement));
        let reads = statement.kind() == StatementKind::Read;
        let (feeder, feed) = feed(session::CREDIT);
        let place = lease.hold().enter(wait, deadline).await?;
        let sent = lease.hold().send_from(place, None, None, move |view, ticket| {
            let mut core = view.core()?;
            inside.map_or(Ok(()), |token| core.expect_open(token))?;
            let turn = Turn::streaming(ticket, options);
            session::stream(&mut core, &turn, ticket, &statement, params, feeder);
            Ok(())
        })?;
        let (sent, lease) = (Some(sent), Arc::clone(lease));
        Ok(BatchReader { feed, sent, timeout, reads, over: false, until: None, why: None, _turn: turn, lease })
    }

    /// The next batch, waited for on this thread.
    pub(crate) fn next(&mut self) -> Option<Result<Batch>> {
        if self.over {
            return None;
        }
        let until = self.patience();
        let received = self.feed.recv(until);
        let Err(FeedError::Broken) = received else { return self.came(received) };
        let why = self.sent.take().map(|sent| block_on(sent.result(ByThread)));
        self.broke(why)
    }

    /// The next batch, for a task.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Batch>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(why) = &mut self.why {
            let why = ready!(why.as_mut().poll(context));
            self.why = None;
            return Poll::Ready(self.broke(Some(why)));
        }
        // The time that the reader takes between two batches does not count.
        let until = match self.until {
            Some(until) => until,
            None => *self.until.insert(self.patience()),
        };
        let received = ready!(self.feed.poll_recv(context, until));
        self.until = None;
        let Err(FeedError::Broken) = received else { return Poll::Ready(self.came(received)) };
        match self.sent.take() {
            Some(sent) => {
                self.why = Some(Box::pin(sent.result(ByTask)));
                self.poll_next(context)
            }
            None => Poll::Ready(self.broke(None)),
        }
    }

    /// Until when the next batch is waited for.
    fn patience(&self) -> Option<Instant> {
        self.timeout.and_then(|timeout| Instant::now().checked_add(timeout))
    }

    fn came(&mut self, received: Result<Option<Batch>, FeedError<Error>>) -> Option<Result<Batch>> {
        let error = match received {
            Ok(Some(batch)) => return Some(Ok(batch)),
            Ok(None) => {
                self.over = true;
                // There is nothing left that a drop could cancel.
                if let Some(sent) = self.sent.take() {
                    sent.detach();
                }
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
            Err(FeedError::NoWatch) => fault::no_watch(),
            Err(_) => fault::gone(),
        };
        self.end(error)
    }

    /// The job went without a word: its reply knows why.
    fn broke(&mut self, why: Option<Result<()>>) -> Option<Result<Batch>> {
        self.end(match why {
            Some(Err(error)) => error,
            _ => fault::gone(),
        })
    }

    fn end(&mut self, error: Error) -> Option<Result<Batch>> {
        self.over = true;
        // The query is ended now, not when the stream is dropped: nothing more is read, and others wait for the connection.
        self.sent = None;
        Some(Err(error))
    }
}

/// The rows of the batch that is being read.
#[derive(Debug, Default)]
pub(crate) struct RowCursor {
    batch: Option<Arc<Batch>>,
    next: usize,
}

impl RowCursor {
    pub(crate) fn of(batch: Batch) -> RowCursor {
        RowCursor { batch: Some(Arc::new(batch)), next: 0 }
    }
}

impl Iterator for RowCursor {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let row = self.batch.as_ref()?.row(self.next);
        match row {
            Some(_) => self.next += 1,
            None => self.batch = None,
        }
        row
    }
}
