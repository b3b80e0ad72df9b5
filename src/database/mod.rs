//! The handle of a database.

mod builder;
mod changing;
mod closing;
mod shared;

pub use builder::{DatabaseBuilder, IntoConfig};
pub use closing::CloseReport;

pub(crate) use shared::Shared;

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_bridge::block_on;

use crate::asking;
use crate::caller::Party;
use crate::config::Config;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::future::AsyncDatabase;
use crate::lease::{Access, Lease, Open, begin_on};
use crate::metrics::Metrics;
use crate::notifications::Notifications;
use crate::pool::{Hold, Snapshot};
use crate::queryable::{Perform, Queryable};
use crate::reader::{BatchReader, Request};
use crate::rollback::ForceRollback;
use crate::session::{Core, Errand, Lending, Session, Turn};
use crate::site::Site;
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::streamable::{Open as OpenStream, Streamable};
use crate::transaction::{Transaction, run_in, run_with};
use crate::url::DatabaseUrl;
use crate::wait::{ByTask, ByThread};

/// A database: one handle for all threads.
///
/// It is cheap to clone, and clones share everything. Calls are made on the *caller's* connection: the one that the
/// calling thread holds (by [`connection`](Self::connection), or because it has a transaction open), or else one that is
/// leased from the pool for the call. So a thread never waits for a connection that it holds itself, and whatever it
/// does through the database while its transaction is open belongs to that transaction.
///
/// ```
/// use pontoon::prelude::*;
///
/// let db = Database::open("sqlite::memory:")?;
/// db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)", ())?;
/// db.execute("INSERT INTO notes (text) VALUES (:text)", params! { text: "buy milk" })?;
/// let text: Option<String> = db.fetch_val("SELECT text FROM notes WHERE id = :id", params! { id: 1 })?;
/// assert_eq!(text.as_deref(), Some("buy milk"));
/// # Ok::<(), pontoon::Error>(())
/// ```
///
/// **Dropping** the last clone lets go of everything without waiting for it: idle connections are closed by their own
/// threads, leased ones when their holders are done. [`close`](Self::close) is the orderly end.
#[derive(Clone, Debug)]
pub struct Database {
    shared: Arc<Shared>,
}

impl Database {
    pub(crate) fn of(shared: Arc<Shared>) -> Database {
        Database { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// A database from a URL or a [`Config`]. Everything is parsed and checked, nothing is opened: call
    /// [`connect`](Self::connect) before the first query.
    ///
    /// # Errors
    /// `Url`, `Config`, `UnknownOption`, `ForbiddenOption`, `UnknownScheme`: what is wrong with the configuration.
    pub fn new(config: impl IntoConfig) -> Result<Database> {
        DatabaseBuilder::default().config(config).build()
    }

    /// [`new`](Self::new), and connected.
    ///
    /// # Errors
    /// As there, and what kept the first connection from being opened.
    #[track_caller]
    pub fn open(config: impl IntoConfig) -> Result<Database> {
        let db = Database::new(config)?;
        db.connect()?;
        Ok(db)
    }

    /// A builder, for options in code, parts instead of a URL, hooks, and drivers of one's own.
    pub fn builder() -> DatabaseBuilder {
        DatabaseBuilder::default()
    }

    /// Connects: opens as many connections as `min_idle` says, one at least, so that what is wrong shows here. Returns
    /// whether it was this call that did it; on a database that is connected nothing happens. It is not counted: one
    /// [`close`](Self::close) closes.
    ///
    /// # Errors
    /// The first error that a connection met; the database is as it was then, and can be connected again. What the
    /// hook for connecting returns.
    #[track_caller]
    pub fn connect(&self) -> Result<bool> {
        self.connect_at(true, &Site::here())
    }

    /// Connects without opening anything: the first query does that.
    ///
    /// # Errors
    /// What the hook for connecting returns.
    #[track_caller]
    pub fn connect_lazy(&self) -> Result<bool> {
        self.connect_at(false, &Site::here())
    }

    fn connect_at(&self, eagerly: bool, site: &Site) -> Result<bool> {
        match block_on(self.shared.turn_to_connect(ByThread))? {
            Some(change) => self.shared.connect(&change, self, eagerly, site).map(|()| true),
            None => Ok(false),
        }
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.shared.is_connected()
    }

    /// Closes the database in good order, within `grace`: callers that wait are turned away, queued calls fail, running
    /// ones may end; what is still running then is cancelled, and what does not come back is left behind and counted.
    /// Leased connections are closed under their holders, whose next call fails. Afterwards it can be connected again.
    ///
    /// On a database that is not connected nothing happens; called by one of its own hooks it does nothing but say so in
    /// [`hook_error`](CloseReport::hook_error). Returns half a second after `grace` at the latest.
    pub fn close(&self, grace: Duration) -> CloseReport {
        match block_on(self.shared.turn_to_close(ByThread, grace)) {
            Ok(change) => self.shared.close(&change, self, grace),
            Err(report) => report,
        }
    }

    /// Listens to messages on some channels, on a connection of its own beside the pool: `LISTEN` of PostgreSQL. Returns once
    /// they are listened to, so that nothing that is sent from then on is missed.
    ///
    /// # Errors
    /// `Unsupported` where the database has no such thing; what keeps the connection from being opened.
    pub fn listen<C: Into<String>>(&self, channels: impl IntoIterator<Item = C>) -> Result<Notifications> {
        self.shared.listen(channels.into_iter().map(Into::into).collect(), self.shared.deadline())
    }

    /// The connection of this caller: the one that the calling thread holds of this database, or a new lease. It goes
    /// back to the pool with its last handle. One that broke is not given again, though the thread still holds it.
    ///
    /// The thread that took a connection goes on finding it while any handle of it lives, wherever that was moved to.
    ///
    /// # Errors
    /// `PoolTimeout` when none comes free in time, with who holds them; what keeps one from being opened.
    #[track_caller]
    pub fn connection(&self) -> Result<Connection> {
        let at = Location::caller();
        let lease = match self.place_at_hand(at, Instant::now())? {
            Some(Place::Call(hold)) => self.lease_of(ByThread, hold),
            _ => block_on(self.lease(ByThread, Site::at(at)))?,
        };
        Ok(Connection::new(ByThread, lease, Arc::clone(&self.shared)))
    }

    /// Begins a transaction. Inside one that this thread has open it is nested, as a savepoint.
    ///
    /// # Errors
    /// As [`connection`](Self::connection); what the database says of BEGIN.
    #[track_caller]
    pub fn begin(&self) -> Result<Transaction<'static>> {
        self.begin_at(&TxOptions::default(), Site::here())
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
        let lease = self.lease(party, site.clone()).await?;
        let begun = begin_on(party, &lease, None, &self.shared, options, site).await;
        begun.map_err(|error| self.shared.rollback().beside(error))
    }

    /// Runs `work` in a transaction, on this thread: committed when it returns `Ok`, rolled back when it returns `Err`
    /// or panics. Whatever this thread does through the database meanwhile belongs to the transaction.
    ///
    /// The error may be of your own type, so a closure that ends in a bare `Ok(..)` has to say which it is, unless the
    /// function around it does: `Ok::<_, Error>(..)`.
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # let db = Database::open("sqlite::memory:")?;
    /// # db.execute_script("CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER); INSERT INTO account VALUES (1, 500), (2, 0)")?;
    /// db.transaction(|tx| {
    ///     tx.execute("UPDATE account SET cents = cents - :n WHERE id = 1", params! { n: 200 })?;
    ///     tx.execute("UPDATE account SET cents = cents + :n WHERE id = 2", params! { n: 200 })
    /// })?;
    /// # Ok::<(), pontoon::Error>(())
    /// ```
    ///
    /// # Errors
    /// What `work` returns; of BEGIN and COMMIT as [`begin`](Self::begin) and [`Transaction::commit`] say.
    #[track_caller]
    pub fn transaction<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        run_in(self.begin()?, false, work)
    }

    /// As [`transaction`](Self::transaction), with options. With a [`retry`](TxOptions::retry) policy the whole of
    /// `work` is run again when the transaction met another one that it could not be put in an order with
    /// (`Serialization`, `Deadlock`, `Busy`), never when the outcome of a commit is not known.
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

    /// Ships a closure to a connection's thread: many statements, one way there and back.
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # let db = Database::open("sqlite::memory:")?;
    /// # db.execute("CREATE TABLE notes (text TEXT)", ())?;
    /// let count: Option<i64> = db.run(|session| {
    ///     for text in ["one", "two", "three"] {
    ///         session.execute("INSERT INTO notes VALUES (?)", (text,))?;
    ///     }
    ///     session.fetch_val("SELECT count(*) FROM notes", ())
    /// })?;
    /// assert_eq!(count, Some(3));
    /// # Ok::<(), pontoon::Error>(())
    /// ```
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

    /// Switches force rollback for all users of this handle and its clones; `None` goes back to what the configuration
    /// says. Switched off, what was done under it is rolled back.
    ///
    /// Under force rollback one connection holds an open transaction, every caller uses it, and their transactions are
    /// savepoints in it: whatever a program does, nothing of it stays. Made for tests.
    pub fn set_force_rollback(&self, on: Option<bool>) {
        self.shared.rollback().set(on);
    }

    /// Whether force rollback is on.
    pub fn force_rollback(&self) -> bool {
        self.shared.rollback().is_on()
    }

    /// Switches force rollback, until the guard is dropped; then it is exactly as it was before.
    #[must_use = "force rollback is switched back when the guard is dropped"]
    pub fn force_rollback_scope(&self, on: bool) -> ForceRollback {
        ForceRollback::new(&self.shared, on)
    }

    /// An independent database of the same configuration: with a pool, and a force rollback, of its own. Connected if
    /// this one is. A private in-memory database starts with this one's content.
    ///
    /// # Errors
    /// What keeps the content from being copied, or the first connection from being opened.
    #[track_caller]
    pub fn copy(&self) -> Result<Database> {
        self.shared.copy(Site::here())
    }

    /// Declares all connections that are open now outdated: each is replaced when it is next free. For after a failover,
    /// a rotated password, a change that connections have to notice.
    pub fn refresh(&self) {
        self.shared.refresh();
    }

    /// The same database, to be awaited: pool, leases and force rollback are shared.
    pub fn to_async(&self) -> AsyncDatabase {
        AsyncDatabase::of(self.clone())
    }

    /// What the pool is doing just now: who holds which connection, since when, for what.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// What this database has done since it was made, counted and timed: for dashboards and for a look at what is slow.
    /// Asking costs the one who asks; what is asked for costs next to nothing while it is counted.
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # let db = Database::open("sqlite::memory:")?;
    /// let before = db.metrics();
    /// db.fetch_all("SELECT 1 UNION SELECT 2", ())?;
    /// let after = db.metrics();
    /// assert_eq!((after.statements - before.statements, after.rows - before.rows), (1, 2));
    /// println!("{after}");
    /// # Ok::<(), pontoon::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// The URL, without the options that are settled in [`config`](Self::config).
    pub fn url(&self) -> &DatabaseUrl {
        self.shared.config().url()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.shared.config()
    }

    /// The dialect that statements are scanned with.
    pub fn dialect(&self) -> &'static Dialect {
        self.shared.dialect()
    }

    /// What the caller holds: a connection of its own, or the pinned one while its transaction on it is open, be force
    /// rollback still on or not.
    fn held(&self, party: impl Party) -> Option<(Arc<Lease>, Access)> {
        let lease = party.lease_of(self.shared.id())?;
        if !lease.is_pinned() {
            return Some((lease, Access::Handle));
        }
        let caller = party.caller();
        lease.is_held_by(caller).then_some((lease, Access::Guest { caller, handle: None }))
    }

    /// The lease of the caller, found or made.
    pub(crate) async fn lease(&self, party: impl Party, site: Site) -> Result<Arc<Lease>> {
        let pool = self.shared.check()?;
        let deadline = self.shared.deadline();
        if let Some((lease, _)) = self.held(party) {
            // One that broke is of no use to anybody, but what is inside a transaction never moves to another one.
            if lease.hold().is_usable() || lease.is_in_transaction() {
                return Ok(lease);
            }
            return Ok(self.lease_of(party, pool.acquire_another(party, deadline, site).await?));
        }
        if self.shared.rollback().is_on() {
            return self.shared.rollback().pinned(party, &pool, deadline, site).await;
        }
        Ok(self.lease_of(party, pool.acquire(deadline, site).await?))
    }

    /// Makes what the caller has taken its lease.
    fn lease_of(&self, party: impl Party, hold: Hold) -> Arc<Lease> {
        let lease = Lease::new(hold);
        party.remember(self.shared.id(), &lease);
        lease
    }

    /// Where a call of this caller is made: on what it holds, on the pinned connection, or on one for this call.
    async fn place(
        &self,
        party: impl Party,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Place> {
        let pool = self.shared.check()?;
        if let Some((lease, access)) = self.held(party) {
            return Ok(Place::Lease(lease, access));
        }
        if self.shared.rollback().is_on() {
            // Boxed, as it is rare: else every call that waits in line would have the room for it.
            let lease = Box::pin(self.shared.rollback().pinned(party, &pool, deadline, Site::at(at))).await?;
            return Ok(Place::Lease(lease, Access::Guest { caller: party.caller(), handle: None }));
        }
        Ok(Place::Call(pool.acquire(deadline, Site::at(at)).await?))
    }

    /// The same for a thread, if it need not wait for anything: without a future, which is larger than all that is done
    /// here. What it does not find, the other one waits for from the start.
    fn place_at_hand(&self, at: &'static Location<'static>, now: Instant) -> Result<Option<Place>> {
        let pool = self.shared.check()?;
        if let Some((lease, access)) = self.held(ByThread) {
            return Ok(Some(Place::Lease(lease, access)));
        }
        if self.shared.rollback().is_on() {
            return Ok(None);
        }
        Ok(pool.at_hand(at, now)?.map(Place::Call))
    }

    /// The same as [`Perform::perform`], for a task.
    ///
    /// What comes behind the wait for a connection is boxed: thousands of tasks may stand in that line, and each would
    /// have the room for what one of them does on its turn.
    pub(crate) async fn dispatch<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let deadline = self.shared.deadline_of(&errand.options);
        // A binding of its own, since what stands in a `match` is kept to its end.
        let place = self.place(ByTask, deadline, errand.at).await?;
        match place {
            Place::Lease(lease, access) => Box::pin(lease.dispatch(access, errand, deadline, job)).await,
            Place::Call(hold) => {
                let result = Box::pin(hold.dispatch(ByTask, errand, deadline, None, job)).await;
                hold.give_back();
                result.map_err(|error| self.shared.rollback().beside(error))
            }
        }
    }

    /// Starts a query whose rows are read one after another.
    pub(crate) async fn reader(&self, party: impl Party, request: Request) -> Result<BatchReader> {
        let pool = self.shared.check()?;
        let own = self.held(party);
        if let Some((lease, access)) = &own
            && !lease.has_its_stream()
        {
            return BatchReader::open(party, lease, *access, None, &self.shared, request).await;
        }
        let deadline = self.shared.deadline_of(request.options());
        let site = request.site().clone();
        if self.shared.rollback().is_on() {
            let lease = self.shared.rollback().pinned(party, &pool, deadline, site).await?;
            let access = Access::Guest { caller: party.caller(), handle: None };
            return BatchReader::open(party, &lease, access, None, &self.shared, request).await;
        }
        // The caller's connection while the stream is open, so that it never waits for its own stream.
        let lease = Lease::for_a_stream(pool.acquire(deadline, site).await?);
        if own.is_none() {
            party.remember(self.shared.id(), &lease);
        }
        BatchReader::open(party, &lease, Access::Handle, None, &self.shared, request).await
    }
}

/// Where a call is made.
enum Place {
    Lease(Arc<Lease>, Access),
    Call(Hold),
}

impl Perform for Database {
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
        let now = Instant::now();
        let deadline = self.shared.deadline_from(&errand.options, now);
        let place = match self.place_at_hand(errand.at, now)? {
            Some(place) => place,
            None => block_on(self.place(ByThread, deadline, errand.at))?,
        };
        match place {
            Place::Lease(lease, access) => lease.perform(access, errand, deadline, job),
            Place::Call(hold) => {
                let lend = errand.lending == Lending::Always;
                let result = hold.perform(errand, lend, deadline, None, job);
                hold.give_back();
                result.map_err(|error| self.shared.rollback().beside(error))
            }
        }
    }
}

impl Queryable for Database {}

impl OpenStream for Database {
    fn open_stream(&self, request: Request) -> Result<BatchReader> {
        block_on(self.reader(ByThread, request))
    }
}

impl Streamable for Database {}
