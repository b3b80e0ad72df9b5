//! Transactions: a guard, and the closures built on it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pontoon_bridge::block_on;

use crate::asking;
use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::{Access, Open, is_conflict};
use crate::moment::after;
use crate::observe::TransactionSpan;
use crate::queryable::{Perform, Queryable};
use crate::reader::{BatchReader, Request};
use crate::session::{Core, Errand, Session, Turn};
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::streamable::{Open as OpenStream, Streamable};
use crate::wait::ByThread;

/// A transaction that is open.
///
/// It is ended by [`commit`](Self::commit) or [`rollback`](Self::rollback). **Dropped**, it is rolled back: the drop does
/// not wait for it, but it happens before anything else does on that connection.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// # db.execute("CREATE TABLE notes (text TEXT)", ())?;
/// let mut tx = db.begin()?;
/// tx.execute("INSERT INTO notes VALUES ('kept')", ())?;
/// let inner = tx.begin()?;
/// inner.execute("INSERT INTO notes VALUES ('undone')", ())?;
/// inner.rollback()?;
/// tx.commit()?;
/// assert_eq!(db.fetch_val("SELECT text FROM notes", ())?, Some("kept".to_owned()));
/// # Ok::<(), pontoon::Error>(())
/// ```
///
/// A transaction inside it ([`begin`](Self::begin)) is a savepoint and borrows it, so that the outer one can neither be
/// used nor ended while the inner one is open. One that was nested by [`Database::begin`](crate::Database::begin) borrows
/// nothing; when the outer one ends first, the inner one has ended with it and takes no further statement. It is not
/// `Send`: what it holds is its caller's. To share the work between
/// threads, begin on a [`Connection`](crate::Connection) and give the others its clones.
///
/// ```compile_fail
/// fn wants_send<T: Send>() {}
/// wants_send::<pontoon::Transaction<'static>>();
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<'t> {
    open: Open,
    shared: Arc<Shared>,
    depth: usize,
    /// How many conflicts the connection had met when it was begun.
    conflicts: u64,
    span: TransactionSpan,
    /// Borrows the transaction around it, and belongs to its thread.
    outer: PhantomData<(&'t mut (), *const ())>,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl<'t> Transaction<'t> {
    pub(crate) fn new(open: Open, shared: Arc<Shared>) -> Transaction<'t> {
        Transaction::nested(open, shared, 0)
    }

    fn nested(open: Open, shared: Arc<Shared>, depth: usize) -> Transaction<'t> {
        let conflicts = open.lease().conflicts();
        let span = TransactionSpan::begin(shared.observer(), depth);
        Transaction { open, shared, depth, conflicts, span, outer: PhantomData }
    }

    /// How many transactions it was begun inside of by [`begin`](Self::begin).
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Begins a transaction inside this one: a savepoint.
    ///
    /// # Errors
    /// `TransactionAborted` and `TransactionLost` when this one is of no use any more; what the database says.
    pub fn begin(&mut self) -> Result<Transaction<'_>> {
        self.begin_with(&TxOptions::default())
    }

    /// As [`begin`](Self::begin), with options: of those, a nested transaction has `rollback_only` alone.
    ///
    /// # Errors
    /// As there; `Misuse`, before anything is sent, for an option that belongs to the outermost transaction.
    pub fn begin_with(&mut self, options: &TxOptions) -> Result<Transaction<'_>> {
        self.shared.check()?;
        let (lease, deadline) = (self.open.lease(), self.shared.deadline());
        let open = block_on(lease.begin_inside(ByThread, self.open.token()?, options, deadline))?;
        Ok(Transaction::nested(open, Arc::clone(&self.shared), self.depth + 1))
    }

    /// Runs `work` in a transaction inside this one: kept on `Ok`, undone on `Err` and on a panic. Whoever looks at the
    /// error before passing it on has to say its type: `Ok::<_, Error>(..)`.
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # let db = Database::open("sqlite::memory:")?;
    /// # db.execute_script("CREATE TABLE payment (cents INTEGER); CREATE TABLE payer (name TEXT UNIQUE)")?;
    /// # for _ in 0..2 {
    /// db.transaction(|tx| {
    ///     tx.execute("INSERT INTO payment VALUES (200)", ())?;
    ///     let noted = tx.transaction(|tx| {
    ///         tx.execute("INSERT INTO payer VALUES ('ada')", ())?;
    ///         Ok::<_, Error>(())
    ///     });
    ///     match noted {
    ///         Err(error) if error.kind() != ErrorKind::UniqueViolation => Err(error),
    ///         _ => Ok(()), // known already: the payment is kept
    ///     }
    /// })?;
    /// # }
    /// # assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM payment", ())?, Some(2));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// What `work` returns; what the database says of the savepoint.
    pub fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        run_in(self.begin()?, false, work)
    }

    /// Commits. The inner one of two is kept only if the outer one is committed too.
    ///
    /// # Errors
    /// By [`kind`](Error::kind) of the error inside:
    ///
    /// - `Busy`: the database could not commit now. The transaction is open as before and comes back with the error
    ///   ([`CommitError::into_transaction`]).
    /// - `RolledBack`, or the kind of the violation or conflict that was found: it was rolled back.
    /// - `CommitUnknown`: COMMIT was sent and its answer never came. It may or may not be committed. Never tried again
    ///   by the library.
    /// - `Misuse`: it was begun as `rollback_only`; it was rolled back.
    pub fn commit(mut self) -> Result<(), CommitError<Transaction<'t>>> {
        let result = block_on(self.open.commit(ByThread, self.shared.deadline()));
        self.span.commits(&result);
        result.map_err(|error| CommitError::new(error, self))
    }

    /// Rolls back, and waits for it.
    ///
    /// # Errors
    /// What the database says. The connection is discarded then, which undoes the transaction as well.
    pub fn rollback(mut self) -> Result<()> {
        block_on(self.open.rollback(ByThread, self.shared.deadline()))
    }

    /// Ships a closure to the connection's thread; see [`Connection::run`](crate::Connection::run).
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        asking::run(self.default_level(), work).by_thread(self)
    }

    /// Ships a closure that works with the driver's own connection; see [`Connection::raw`](crate::Connection::raw).
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn raw<C: std::any::Any, T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        asking::raw(work).by_thread(self)
    }
}

impl Perform for Transaction<'_> {
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
        let token = self.open.token()?;
        self.span.run(|| {
            self.open.lease().perform(Access::Handle, errand, deadline, move |core, turn| {
                core.expect_open(token)?;
                job(core, turn)
            })
        })
    }
}

impl Queryable for Transaction<'_> {}

impl OpenStream for Transaction<'_> {
    fn open_stream(&self, request: Request) -> Result<BatchReader> {
        self.shared.check()?;
        let (lease, token) = (self.open.lease(), self.open.token()?);
        let open = || BatchReader::open(ByThread, lease, Access::Handle, Some(token), &self.shared, request);
        self.span.run(|| block_on(open()))
    }
}

impl Streamable for Transaction<'_> {}

/// Why a commit failed, with the transaction where it is still open: a [`Transaction`], or an
/// [`AsyncTransaction`](crate::future::AsyncTransaction).
///
/// `?` turns it into an [`Error`], and the transaction, if it is still open, is rolled back by that.
#[derive(Debug)]
pub struct CommitError<T> {
    error: Error,
    /// In a box, so that a `Result` is no larger for what hardly ever happens.
    transaction: Option<Box<T>>,
}

impl<T> CommitError<T> {
    pub(crate) fn new(error: Error, transaction: T) -> CommitError<T> {
        let transaction = (error.kind() == ErrorKind::Busy).then(|| Box::new(transaction));
        CommitError { error, transaction }
    }

    /// What went wrong.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The error alone; a transaction that is still open is rolled back.
    pub fn into_error(self) -> Error {
        self.error
    }

    /// The transaction, if it is still open: to be committed again, or rolled back.
    pub fn into_transaction(self) -> Option<T> {
        self.transaction.map(|transaction| *transaction)
    }
}

impl<T> fmt::Display for CommitError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> std::error::Error for CommitError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl<T> From<CommitError<T>> for Error {
    fn from(error: CommitError<T>) -> Error {
        error.error
    }
}

/// How long to wait before a transaction that failed for the `failed`th time is run again, if it is to be.
pub(crate) fn wait_to_retry(options: &TxOptions, failed: u32, deadline: Option<Instant>) -> Option<Duration> {
    let wait = options.retry.as_ref()?.wait(failed, crate::random::bits())?;
    deadline.is_none_or(|deadline| after(wait) < deadline).then_some(wait)
}

/// Runs `work` in a transaction: committed on `Ok`, rolled back on `Err`. On a panic the guard rolls back as it is
/// dropped.
pub(crate) fn run_in<T, E: From<Error>>(
    transaction: Transaction<'_>,
    rollback_only: bool,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    run_watched(transaction, rollback_only, work).map_err(|(error, _)| error)
}

/// Runs `work` in a transaction, and again, by the policy of the options, when the database could not put it in an order
/// with others.
pub(crate) fn run_with<T, E: From<Error>>(
    options: &TxOptions,
    deadline: Option<Instant>,
    begin: impl Fn() -> Result<Transaction<'static>>,
    mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut failed = 0;
    loop {
        let result = match begin() {
            Ok(transaction) => run_watched(transaction, options.rollback_only, &mut work),
            Err(error) => {
                let conflict = is_conflict(&error);
                Err((E::from(error), conflict))
            }
        };
        let error = match result {
            Ok(value) => return Ok(value),
            Err((error, false)) => return Err(error),
            Err((error, true)) => error,
        };
        failed += 1;
        match wait_to_retry(options, failed, deadline) {
            Some(wait) => std::thread::sleep(wait),
            None => return Err(error),
        }
    }
}

/// Runs `work` in a transaction; with an error comes whether a conflict with other transactions was met, so that the
/// whole may be run again.
fn run_watched<T, E: From<Error>>(
    mut transaction: Transaction<'_>,
    rollback_only: bool,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
) -> Result<T, (E, bool)> {
    match transaction.span.around().run(|| work(&mut transaction)) {
        Ok(value) => {
            let ended = if rollback_only { transaction.rollback() } else { transaction.commit().map_err(Error::from) };
            match ended {
                Ok(()) => Ok(value),
                Err(error) => {
                    let conflict = is_conflict(&error);
                    Err((E::from(error), conflict))
                }
            }
        }
        Err(error) => {
            // The closure's error is of the program's own type; what the database said of its statements was noted.
            let conflict = transaction.open.lease().conflicts() != transaction.conflicts;
            // A rollback that fails has cost the connection, which undoes the transaction as well.
            let _ = transaction.rollback();
            Err((error, conflict))
        }
    }
}
