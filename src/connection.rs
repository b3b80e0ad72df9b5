//! A connection that its caller keeps.

use std::any::Any;
use std::sync::Arc;

use pontoon_bridge::block_on;

use crate::asking;
use crate::caller::{CallerId, Party};
use crate::database::Shared;
use crate::error::{Error, Result};
use crate::future::AsyncConnection;
use crate::lease::{Access, Lease, Open, begin_on};
use crate::queryable::{Perform, Queryable};
use crate::reader::{BatchReader, Request};
use crate::session::{Core, Errand, Session, Turn};
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::streamable::{Open as OpenStream, Streamable};
use crate::transaction::{Transaction, run_in, run_with};
use crate::wait::{ByThread, Wait};

/// One connection, kept by its caller from statement to statement.
///
/// Clones are handles of the same connection; the last one that goes returns it to the pool. Whoever uses a clone, from
/// whatever thread, takes part in the transaction that is open on it. While a thread holds a connection of a database,
/// everything that it does through the `Database` happens on it too.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// let connection = db.connection()?;
/// connection.execute("CREATE TEMPORARY TABLE seen (id INTEGER PRIMARY KEY)", ())?;
/// connection.execute_many("INSERT INTO seen VALUES (?)", [(1,), (2,)])?;
/// assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM seen", ())?, Some(2), "the same connection");
/// # Ok::<(), pontoon::Error>(())
/// ```
///
/// Dropping the last handle never blocks: an open transaction is rolled back and the session cleaned before the
/// connection serves anybody else.
#[derive(Clone, Debug)]
pub struct Connection {
    lease: Arc<Lease>,
    shared: Arc<Shared>,
    /// Who asked for it.
    caller: CallerId,
    /// What its clones have in common.
    handle: CallerId,
}

impl Connection {
    pub(crate) fn new(party: impl Party, lease: Arc<Lease>, shared: Arc<Shared>) -> Connection {
        Connection { lease, shared, caller: party.caller(), handle: CallerId::mint() }
    }

    /// The same connection, to be awaited: one more handle of it.
    pub fn to_async(&self) -> AsyncConnection {
        AsyncConnection::of(self.clone())
    }

    /// Under force rollback the connection is everybody's, and to have asked for it makes nobody a part of another
    /// caller's transaction. Whoever uses a clone takes part in those of the caller that it comes from, as ever, and in
    /// those that were begun on any of the clones.
    fn access(&self) -> Access {
        if self.lease.is_pinned() {
            Access::Guest { caller: self.caller, handle: Some(self.handle) }
        } else {
            Access::Handle
        }
    }

    /// Begins a transaction on this connection. Inside one that this thread has open on it, it is nested, as a
    /// savepoint; while another caller's is open, it waits for that one's end. To nest in another caller's on purpose,
    /// pass its [`Transaction`].
    ///
    /// # Errors
    /// `Busy` at the deadline, naming who holds the connection; what the database says.
    #[track_caller]
    pub fn begin(&self) -> Result<Transaction<'static>> {
        self.begin_with(&TxOptions::default())
    }

    /// As [`begin`](Self::begin), with options.
    ///
    /// # Errors
    /// As there; `Unsupported`, before anything is sent, for an option that the database has not.
    #[track_caller]
    pub fn begin_with(&self, options: &TxOptions) -> Result<Transaction<'static>> {
        self.begin_at(options, Site::here())
    }

    fn begin_at(&self, options: &TxOptions, site: Site) -> Result<Transaction<'static>> {
        let open = block_on(self.open_transaction(ByThread, options, site))?;
        Ok(Transaction::new(open, Arc::clone(&self.shared)))
    }

    /// Begins a transaction of this caller.
    pub(crate) async fn open_transaction(&self, party: impl Party, options: &TxOptions, site: Site) -> Result<Open> {
        self.shared.check()?;
        begin_on(party, &self.lease, Some(self.handle), &self.shared, options, site).await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The same as [`Perform::perform`], for a task.
    pub(crate) async fn dispatch<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.shared.check()?;
        let deadline = self.shared.deadline_of(&errand.options);
        self.lease.dispatch(self.access(), errand, deadline, job).await
    }

    /// Starts a query whose rows are read one after another.
    pub(crate) async fn reader(&self, wait: impl Wait, request: Request) -> Result<BatchReader> {
        self.shared.check()?;
        BatchReader::open(wait, &self.lease, self.access(), None, &self.shared, request).await
    }

    /// Runs `work` in a transaction on this connection; see [`Database::transaction`](crate::Database::transaction).
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn transaction<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        run_in(self.begin()?, false, work)
    }

    /// As [`transaction`](Self::transaction), with options, among them how often to try again.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn transaction_with<T, E: From<Error>>(
        &self,
        options: &TxOptions,
        work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let site = Site::here();
        run_with(options, self.shared.deadline(), || self.begin_at(options, site.clone()), work)
    }

    /// Ships a closure to the connection's thread: many statements, one way there and back.
    ///
    /// # Errors
    /// What the closure returns; `DriverPanic` when it panics, and then the connection is discarded.
    #[track_caller]
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        asking::run(self.default_level(), work).by_thread(self)
    }

    /// As [`run`](Self::run), in a transaction: committed when the closure returns `Ok`, else rolled back.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn session<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        asking::session(self.default_level(), work).by_thread(self)
    }

    /// Ships a closure that works with the driver's own connection: a `rusqlite::Connection` for SQLite.
    ///
    /// What it does is not seen by the library: a transaction that it leaves open is rolled back, and an error.
    ///
    /// # Errors
    /// `Misuse` when the driver's connection is no `C`; what the closure returns.
    #[track_caller]
    pub fn raw<C: Any, T: Send + 'static>(&self, work: impl FnOnce(&mut C) -> Result<T> + Send + 'static) -> Result<T> {
        asking::raw(work).by_thread(self)
    }
}

impl Perform for Connection {
    fn dialect(&self) -> &'static Dialect {
        self.shared.dialect()
    }

    fn default_level(&self) -> Option<IsolationLevel> {
        self.shared.default_level()
    }

    fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.shared.check_usable()?;
        let deadline = self.shared.deadline_of(&errand.options);
        self.lease.perform(self.access(), errand, deadline, job)
    }
}

impl Queryable for Connection {}

impl OpenStream for Connection {
    fn open_stream(&self, request: Request) -> Result<BatchReader> {
        block_on(self.reader(ByThread, request))
    }
}

impl Streamable for Connection {}
