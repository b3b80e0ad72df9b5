//! A connection that its caller keeps, awaited.

use std::future::Future;
use std::sync::Arc;

use super::perform::AsyncPerform;
use super::scope::Scope;
use super::transaction::{run_in, run_with};
use super::{Answer, AsyncQueryable, AsyncStreamable, AsyncTransaction, Tx};
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::queryable::Perform;
use crate::reader::{BatchReader, Request};
use crate::session::{Core, Errand, Turn};
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::wait::ByTask;

/// One connection, kept from call to call: a [`Connection`] that is awaited.
///
/// Clones are handles of the same connection; the last one that goes returns it to the pool, without waiting for
/// anything. Whoever uses a clone, in whatever task, takes part in the transaction that is open on it: this is how a child
/// task works in its parent's transaction. Calls made at once are queued at once and served in the order in which they
/// were first polled.
///
/// ```
/// # use pontoon::prelude::*;
/// # pollster::block_on(async {
/// # let db = AsyncDatabase::open("sqlite::memory:").await?;
/// let connection = db.connection().await?;
/// connection.execute("CREATE TEMPORARY TABLE seen (id INTEGER PRIMARY KEY)", ()).await?;
/// let insert = |id: i64| connection.execute("INSERT INTO seen VALUES (?)", (id,));
/// futures_util::future::try_join_all((0..10).map(insert)).await?;
/// assert_eq!(connection.fetch_val("SELECT count(*) FROM seen", ()).await?, Some(10));
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct AsyncConnection {
    inner: Connection,
}

impl AsyncConnection {
    pub(crate) fn of(inner: Connection) -> AsyncConnection {
        AsyncConnection { inner }
    }

    /// The same connection, to be called from threads: one more handle of it.
    pub fn to_sync(&self) -> Connection {
        self.inner.clone()
    }

    /// Begins a transaction on this connection. While another one is open on it, it waits for that one's end; inside a
    /// [scope](super::scope) that has that one open itself, it is nested. To nest on purpose, begin on the
    /// [transaction](AsyncTransaction). Dropped at any point, nothing stays begun.
    ///
    /// # Errors
    /// `Busy` at the deadline, naming who holds the connection; what the database says.
    #[track_caller]
    pub fn begin(&self) -> Answer<'_, AsyncTransaction<'static>> {
        self.begin_at(TxOptions::default(), Site::here())
    }

    /// As [`begin`](Self::begin), with options.
    ///
    /// # Errors
    /// As there; `Unsupported`, before anything is sent, for an option that the database has not.
    #[track_caller]
    pub fn begin_with(&self, options: &TxOptions) -> Answer<'_, AsyncTransaction<'static>> {
        self.begin_at(*options, Site::here())
    }

    fn begin_at(&self, options: TxOptions, site: Site) -> Answer<'_, AsyncTransaction<'static>> {
        Answer::new(async move {
            let open = self.inner.open_transaction(ByTask, &options, site).await?;
            Ok(AsyncTransaction::new(open, Arc::clone(self.inner.shared())))
        })
    }

    /// Runs `work` in a transaction on this connection; see
    /// [`AsyncDatabase::transaction`](super::AsyncDatabase::transaction), also for what a drop does.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn transaction<'a, T, E, F, Fut>(
        &'a self,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + use<'a, T, E, F, Fut>
    where
        E: From<Error>,
        F: FnOnce(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let begin = self.begin();
        Scope::inherited(async move { run_in(begin.await?, work).await })
    }

    /// As [`transaction`](Self::transaction), with options, among them how often to try again.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn transaction_with<'a, T, E, F, Fut>(
        &'a self,
        options: &TxOptions,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + use<'a, T, E, F, Fut>
    where
        E: From<Error>,
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let (options, site) = (*options, Site::here());
        let begin = move || self.begin_at(options, site.clone());
        Scope::inherited(async move { run_with(&options, self.inner.shared().deadline(), begin, work).await })
    }
}

impl AsyncPerform for AsyncConnection {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn default_level(&self) -> Option<IsolationLevel> {
        self.inner.default_level()
    }

    fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send {
        self.inner.dispatch(errand, job)
    }

    async fn open_stream(&self, request: Request) -> Result<BatchReader> {
        self.inner.reader(ByTask, request).await
    }
}

impl AsyncQueryable for AsyncConnection {}

impl AsyncStreamable for AsyncConnection {}
