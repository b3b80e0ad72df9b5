//! The handle of a database, awaited.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::detached::on_a_thread_of_its_own;
use super::perform::AsyncPerform;
use super::scope::{Scope, scope};
use super::transaction::{run_in, run_with};
use super::{Answer, AsyncConnection, AsyncNotifications, AsyncQueryable, AsyncStreamable, AsyncTransaction, Tx};
use crate::config::Config;
use crate::connection::Connection;
use crate::database::{CloseReport, Database, IntoConfig};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::pool::Snapshot;
use crate::reader::{BatchReader, Request};
use crate::rollback::ForceRollback;
use crate::session::{Core, Errand, Turn};
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::url::DatabaseUrl;
use crate::wait::ByTask;

/// A database whose calls are awaited, in any executor: one handle for all tasks.
///
/// It is the same database as its [`Database`] ([`to_sync`](Self::to_sync), [`Database::to_async`]): pool, leases and
/// force rollback are shared, and threads and tasks of several executors can use it at once. It belongs to no runtime and
/// starts none; a waiting future holds no thread.
///
/// # Which connection a call uses
///
/// **By itself, each call takes a connection of its own** from the pool and gives it back. To keep one, hold an
/// [`AsyncConnection`] or a transaction, and call its methods. Inside a [`scope`](Self::scope), and inside
/// [`transaction`](Self::transaction), a future is one *caller*, as a thread is: there `db` itself means the connection
/// that the caller holds, and the transaction that it has open.
///
/// ```
/// use pontoon::prelude::*;
///
/// # pollster::block_on(async {
/// let db = AsyncDatabase::open("sqlite::memory:").await?;
/// db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)", ()).await?;
/// let kept = db
///     .transaction(|tx| async move {
///         tx.execute("INSERT INTO notes (text) VALUES (:text)", params! { text: "buy milk" }).await?;
///         tx.fetch_val::<i64>("SELECT count(*) FROM notes", ()).await
///     })
///     .await?;
/// assert_eq!(kept, Some(1));
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
///
/// **Dropping** the last handle of either kind lets go of everything without waiting for it, on whatever thread;
/// [`close`](Self::close) is the orderly end.
#[derive(Clone, Debug)]
pub struct AsyncDatabase {
    inner: Database,
}

impl AsyncDatabase {
    pub(crate) fn of(inner: Database) -> AsyncDatabase {
        AsyncDatabase { inner }
    }

    /// The same database, to be called from threads.
    pub fn to_sync(&self) -> Database {
        self.inner.clone()
    }

    /// A database from a URL or a [`Config`]; see [`Database::new`]. For a builder's, [`Database::to_async`].
    ///
    /// # Errors
    /// As there.
    pub fn new(config: impl IntoConfig) -> Result<AsyncDatabase> {
        Database::new(config).map(AsyncDatabase::of)
    }

    /// [`new`](Self::new), and connected. Dropped while it connects, as [`connect`](Self::connect); then everything is let go
    /// of, as nobody has the handle.
    ///
    /// # Errors
    /// As there, and what kept the first connection from being opened.
    #[track_caller]
    pub fn open(config: impl IntoConfig) -> Answer<'static, AsyncDatabase> {
        let (db, site) = (AsyncDatabase::new(config), Site::here());
        Answer::new(async move {
            let db = db?;
            db.clone().connect_at(true, site).await?;
            Ok(db)
        })
    }

    /// Connects; see [`Database::connect`].
    ///
    /// What is opened first, and the program's hook, run on a thread that is started for this. Dropped while that goes on,
    /// it goes on: the database is connected a little later, or as it was before.
    ///
    /// # Errors
    /// As there; `ResourceExhausted` when no thread can be started.
    #[track_caller]
    pub fn connect(&self) -> Answer<'static, bool> {
        let (db, site) = (self.clone(), Site::here());
        Answer::new(db.connect_at(true, site))
    }

    /// Connects without opening anything: the first query does that. Dropped, as [`connect`](Self::connect).
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn connect_lazy(&self) -> Answer<'static, bool> {
        let (db, site) = (self.clone(), Site::here());
        Answer::new(db.connect_at(false, site))
    }

    async fn connect_at(self, eagerly: bool, site: Site) -> Result<bool> {
        let db = self.inner;
        let Some(change) = db.shared().turn_to_connect(ByTask).await? else { return Ok(false) };
        let connects = move || db.shared().connect(&change, &db, eagerly, &site);
        on_a_thread_of_its_own("pontoon-connect", connects).await?.map(|()| true)
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    /// Closes the database in good order, within `grace`; see [`Database::close`]. Futures that wait for a connection are
    /// told.
    ///
    /// It is done on a thread that is started for it. Dropped while that goes on, it goes on.
    ///
    /// # Errors
    /// `ResourceExhausted` when no thread can be started; nothing is closed then.
    pub fn close(&self, grace: Duration) -> Answer<'static, CloseReport> {
        let db = self.inner.clone();
        Answer::new(async move {
            match db.shared().turn_to_close(ByTask, grace).await {
                Ok(change) => {
                    let closes = move || db.shared().close(&change, &db, grace);
                    on_a_thread_of_its_own("pontoon-close", closes).await
                }
                Err(report) => Ok(report),
            }
        })
    }

    /// Listens to messages on some channels, on a connection of its own beside the pool; see [`Database::listen`].
    ///
    /// The connection is opened by a thread that is started for it. Dropped while that goes on, the connection is closed as
    /// soon as it is there.
    ///
    /// # Errors
    /// As there; `ResourceExhausted` when no thread can be started.
    pub fn listen<C: Into<String>>(
        &self,
        channels: impl IntoIterator<Item = C>,
    ) -> Answer<'static, AsyncNotifications> {
        let channels: Vec<String> = channels.into_iter().map(Into::into).collect();
        let db = self.inner.clone();
        Answer::new(async move {
            let deadline = db.shared().deadline();
            let listens = move || db.shared().listen(channels, deadline);
            on_a_thread_of_its_own("pontoon-listens", listens).await?.map(AsyncNotifications::from)
        })
    }

    /// Runs a future as one caller; see [`scope`].
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        scope(future)
    }

    /// The connection of this caller, or a new lease: in a [`scope`](Self::scope) the one that it holds, if it does. It
    /// goes back to the pool with its last handle. Dropped, the place in the line is left, and what was being opened for
    /// it is closed.
    ///
    /// # Errors
    /// As [`Database::connection`].
    #[track_caller]
    pub fn connection(&self) -> Answer<'_, AsyncConnection> {
        let site = Site::here();
        Answer::new(async move {
            let lease = self.inner.lease(ByTask, site).await?;
            Ok(AsyncConnection::of(Connection::new(ByTask, lease, Arc::clone(self.inner.shared()))))
        })
    }

    /// Begins a transaction, on a connection of its own; in a [`scope`](Self::scope), on that of the caller, and nested
    /// if the caller has one open. Dropped at any point, nothing stays begun.
    ///
    /// # Errors
    /// As [`Database::begin`].
    #[track_caller]
    pub fn begin(&self) -> Answer<'_, AsyncTransaction<'static>> {
        self.begin_at(TxOptions::default(), Site::here())
    }

    /// As [`begin`](Self::begin), with options.
    ///
    /// # Errors
    /// As [`Database::begin_with`].
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

    /// Runs `work` in a transaction: committed when its future gives `Ok`, rolled back when it gives `Err` or panics, and
    /// when the whole is dropped. Whatever the future does through the database meanwhile, awaited or not, belongs to the
    /// transaction; what it spawns does not.
    ///
    /// Dropped before the COMMIT was sent, it is rolled back, once, before the connection serves anybody else; a COMMIT
    /// that was sent is never cancelled.
    ///
    /// # Errors
    /// What `work` gives; of BEGIN and COMMIT as [`begin`](Self::begin) and
    /// [`commit`](AsyncTransaction::commit) say.
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

    /// As [`transaction`](Self::transaction), with options. With a [`retry`](TxOptions::retry) policy the whole of `work`
    /// is run again when the transaction met another one that it could not be put in an order with, never when the
    /// outcome of a commit is not known. Dropped, as there; in the wait between two runs nothing is open, and it is not run
    /// again.
    ///
    /// So the closure makes a future for each run, and an `async move` in it may not use up what is outside: lend it
    /// that (else `cannot move out of .., a captured variable`).
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # pollster::block_on(async {
    /// # let db = AsyncDatabase::open("sqlite::memory:").await?;
    /// # db.execute("CREATE TABLE notes (text TEXT)", ()).await?;
    /// let text = String::from("cross the river");
    /// let options = TxOptions::new().retry(pontoon::Retry::default());
    /// let text = &text;
    /// db.transaction_with(&options, |tx| async move { tx.execute("INSERT INTO notes VALUES (?)", (text,)).await }).await?;
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
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

    /// Switches force rollback; see [`Database::set_force_rollback`].
    pub fn set_force_rollback(&self, on: Option<bool>) {
        self.inner.set_force_rollback(on);
    }

    /// Whether force rollback is on.
    pub fn force_rollback(&self) -> bool {
        self.inner.force_rollback()
    }

    /// Switches force rollback until the guard is dropped, which may be held over an `await`; see
    /// [`Database::force_rollback_scope`].
    #[must_use = "force rollback is switched back when the guard is dropped"]
    pub fn force_rollback_scope(&self, on: bool) -> ForceRollback {
        self.inner.force_rollback_scope(on)
    }

    /// An independent database of the same configuration; see [`Database::copy`]. Made on a thread that is started for
    /// it; dropped meanwhile, so is the copy.
    ///
    /// # Errors
    /// As there; `ResourceExhausted` when no thread can be started.
    #[track_caller]
    pub fn copy(&self) -> Answer<'static, AsyncDatabase> {
        let (db, site) = (self.inner.clone(), Site::here());
        Answer::new(async move {
            let copies = move || db.shared().copy(site);
            on_a_thread_of_its_own("pontoon-copy", copies).await?.map(AsyncDatabase::of)
        })
    }

    /// Declares all connections that are open now outdated; see [`Database::refresh`].
    pub fn refresh(&self) {
        self.inner.refresh();
    }

    /// What the pool is doing just now; see [`Database::snapshot`].
    pub fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    /// What this database has done since it was made; see [`Database::metrics`].
    pub fn metrics(&self) -> Metrics {
        self.inner.metrics()
    }

    /// The URL, without the options that are settled in [`config`](Self::config).
    pub fn url(&self) -> &DatabaseUrl {
        self.inner.url()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.inner.config()
    }

    /// The dialect that statements are scanned with.
    pub fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }
}

impl From<Database> for AsyncDatabase {
    fn from(db: Database) -> AsyncDatabase {
        AsyncDatabase::of(db)
    }
}

impl From<AsyncDatabase> for Database {
    fn from(db: AsyncDatabase) -> Database {
        db.inner
    }
}

impl AsyncPerform for AsyncDatabase {
    fn dialect(&self) -> &'static Dialect {
        self.inner.dialect()
    }

    fn default_level(&self) -> Option<IsolationLevel> {
        self.inner.shared().default_level()
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

impl AsyncQueryable for AsyncDatabase {}

impl AsyncStreamable for AsyncDatabase {}
