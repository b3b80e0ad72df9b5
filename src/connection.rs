//! A connection that its caller keeps.

use std::any::Any;
use std::sync::Arc;

use crate::caller::CallerId;
use crate::database::Shared;
use crate::error::{Error, Result};
use crate::lease::{Access, Lease};
use crate::queryable::{Perform, Queryable};
use crate::session::{Core, Errand, Session, Turn};
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::streamable::{BatchReader, Open as OpenStream, Streamable};
use crate::transaction::{Transaction, run_in, run_with};

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
}

impl Connection {
    pub(crate) fn new(lease: Arc<Lease>, shared: Arc<Shared>) -> Connection {
        Connection { lease, shared, caller: crate::caller::current() }
    }

    /// Under force rollback the connection is everybody's, and to have asked for it makes nobody a part of another
    /// caller's transaction. Whoever uses a clone takes part in those of the caller that it comes from, as ever.
    fn access(&self) -> Access {
        if self.lease.is_pinned() { Access::Guest(self.caller) } else { Access::Handle }
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
        self.shared.check()?;
        let options = self.shared.with_defaults(options, &self.lease);
        let open = self.lease.begin(crate::caller::current(), &options, self.shared.deadline(), site)?;
        Ok(Transaction::new(open, Arc::clone(&self.shared)))
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
        crate::shipping::run(self, work)
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
        crate::shipping::session(self, work)
    }

    /// Ships a closure that works with the driver's own connection: a `rusqlite::Connection` for SQLite.
    ///
    /// What it does is not seen by the library: a transaction that it leaves open is rolled back, and an error.
    ///
    /// # Errors
    /// `Misuse` when the driver's connection is no `C`; what the closure returns.
    #[track_caller]
    pub fn raw<C: Any, T: Send + 'static>(&self, work: impl FnOnce(&mut C) -> Result<T> + Send + 'static) -> Result<T> {
        crate::shipping::raw(self, work)
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
        self.shared.check()?;
        let deadline = self.shared.deadline_of(&errand.options);
        self.lease.perform(self.access(), errand, deadline, job)
    }
}

impl Queryable for Connection {}

impl OpenStream for Connection {
    fn open_stream(&self, request: crate::streamable::Request) -> Result<BatchReader> {
        self.shared.check()?;
        BatchReader::open(&self.lease, self.access(), None, &self.shared, request)
    }
}

impl Streamable for Connection {}
