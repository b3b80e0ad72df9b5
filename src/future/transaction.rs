//! Transactions, awaited: the guard, what a closure works with, and the runs of a closure.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::perform::AsyncPerform;
use super::scope::Scope;
use super::{Answer, AsyncQueryable, AsyncStreamable};
use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::{Access, Lease, Open, is_conflict};
use crate::moment::after;
use crate::observe::{Around, TransactionSpan};
use crate::reader::{BatchReader, Request};
use crate::session::{Core, Errand, Token, Turn};
use crate::sql::{Dialect, IsolationLevel, TxOptions};
use crate::transaction::{CommitError, wait_to_retry};
use crate::wait::ByTask;

/// A transaction that is open, and whoever owns this ends it.
///
/// It is ended by [`commit`](Self::commit) or [`rollback`](Self::rollback). **Dropped**, on whatever thread and also when
/// its task or its runtime goes, it is rolled back: the drop does not wait for it, but it happens, once, before anything
/// else does on that connection. It can be moved from task to task. What can be done in it, it does by its [`Tx`].
///
/// ```
/// # use pontoon::prelude::*;
/// # pollster::block_on(async {
/// # let db = AsyncDatabase::open("sqlite::memory:").await?;
/// # db.execute("CREATE TABLE notes (text TEXT)", ()).await?;
/// let mut tx = db.begin().await?;
/// tx.execute("INSERT INTO notes VALUES ('kept')", ()).await?;
/// let inner = tx.begin().await?;
/// inner.execute("INSERT INTO notes VALUES ('undone')", ()).await?;
/// inner.rollback().await?;
/// tx.commit().await?;
/// assert_eq!(db.fetch_val("SELECT text FROM notes", ()).await?, Some("kept".to_owned()));
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "a transaction that is dropped is rolled back"]
pub struct AsyncTransaction<'t> {
    open: Open,
    tx: Tx,
    /// How many conflicts the connection had met when it was begun.
    conflicts: u64,
    span: TransactionSpan,
    /// The transaction around it.
    outer: PhantomData<&'t mut Tx>,
}

/// What can be done in a transaction that somebody else ends: the closure's side of
/// [`AsyncDatabase::transaction`](super::AsyncDatabase::transaction).
///
/// It is owned, and can be moved into tasks. Once the transaction has ended its calls fail with `Misuse`, and nothing of
/// them reaches the database. A transaction inside it ([`begin`](Self::begin)) is a savepoint and borrows it, so that the
/// outer one cannot be used while the inner one is open.
pub struct Tx {
    /// The connection belongs to whoever ends the transaction.
    lease: Weak<Lease>,
    token: Option<Token>,
    shared: Arc<Shared>,
    depth: usize,
    /// The span of the transaction: each poll of what is done in it is inside of that.
    around: Around,
}

impl AsyncTransaction<'_> {
    pub(super) fn new<'t>(open: Open, shared: Arc<Shared>) -> AsyncTransaction<'t> {
        AsyncTransaction::at_depth(open, shared, 0)
    }

    fn at_depth<'t>(open: Open, shared: Arc<Shared>, depth: usize) -> AsyncTransaction<'t> {
        let (lease, conflicts) = (Arc::downgrade(open.lease()), open.lease().conflicts());
        let span = TransactionSpan::begin(shared.observer(), depth);
        let tx = Tx { lease, token: open.token().ok(), shared, depth, around: span.around() };
        AsyncTransaction { open, tx, conflicts, span, outer: PhantomData }
    }
}

impl<'t> AsyncTransaction<'t> {
    /// Commits. The inner one of two is kept only if the outer one is committed too.
    ///
    /// Dropped before COMMIT was sent, the transaction is rolled back. **A COMMIT that was sent is never cancelled**: it
    /// runs to its end, and what came of it can be read from the data only.
    ///
    /// # Errors
    /// As [`Transaction::commit`](crate::Transaction::commit).
    pub fn commit(mut self) -> Answer<'t, (), CommitError<AsyncTransaction<'t>>> {
        Answer::new(async move {
            let result = self.open.commit(ByTask, self.tx.shared.deadline()).await;
            self.span.commits(&result);
            result.map_err(|error| CommitError::new(error, self))
        })
    }

    /// Rolls back, and waits for it. Dropped, it is rolled back all the same.
    ///
    /// # Errors
    /// What the database says. The connection is discarded then, which undoes the transaction as well.
    pub fn rollback(mut self) -> Answer<'t, ()> {
        Answer::new(async move { self.open.rollback(ByTask, self.tx.shared.deadline()).await })
    }
}

impl Tx {
    /// The same, for who runs a closure in it.
    fn handle(&self) -> Tx {
        Tx {
            lease: Weak::clone(&self.lease),
            token: self.token,
            shared: Arc::clone(&self.shared),
            depth: self.depth,
            around: self.around.clone(),
        }
    }

    fn open(&self) -> Result<(Arc<Lease>, Token)> {
        self.shared.check()?;
        let open = self.lease.upgrade().zip(self.token);
        open.ok_or_else(|| Error::new(ErrorKind::Misuse, "this transaction is finished already"))
    }

    /// How many transactions it was begun inside of by [`begin`](Self::begin).
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Begins a transaction inside this one: a savepoint. Dropped at any point, nothing stays begun.
    ///
    /// # Errors
    /// `TransactionAborted` and `TransactionLost` when this one is of no use any more; what the database says.
    pub fn begin(&mut self) -> Answer<'_, AsyncTransaction<'_>> {
        self.begin_with(&TxOptions::default())
    }

    /// As [`begin`](Self::begin), with options: of those, a nested transaction has `rollback_only` alone.
    ///
    /// # Errors
    /// As there; `Misuse`, before anything is sent, for an option that belongs to the outermost transaction.
    pub fn begin_with(&mut self, options: &TxOptions) -> Answer<'_, AsyncTransaction<'_>> {
        let options = *options;
        Answer::new(async move {
            let (lease, token) = self.open()?;
            let open = lease.begin_inside(ByTask, token, &options, self.shared.deadline()).await?;
            Ok(AsyncTransaction::at_depth(open, Arc::clone(&self.shared), self.depth + 1))
        })
    }

    /// Runs `work` in a transaction inside this one: kept on `Ok`, undone on `Err`, on a panic, and when it is dropped.
    /// The closure around it takes its `Tx` as `mut`.
    ///
    /// ```
    /// # use pontoon::prelude::*;
    /// # pollster::block_on(async {
    /// # let db = AsyncDatabase::open("sqlite::memory:").await?;
    /// # db.execute_script("CREATE TABLE payment (cents INTEGER); CREATE TABLE payer (name TEXT UNIQUE)").await?;
    /// # for _ in 0..2 {
    /// db.transaction(|mut tx| async move {
    ///     tx.execute("INSERT INTO payment VALUES (200)", ()).await?;
    ///     let noted = tx.transaction(|tx| async move { tx.execute("INSERT INTO payer VALUES ('ada')", ()).await });
    ///     match noted.await {
    ///         Err(error) if error.kind() != ErrorKind::UniqueViolation => Err(error),
    ///         _ => Ok(()), // known already: the payment is kept
    ///     }
    /// })
    /// .await?;
    /// # }
    /// # assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM payment", ()).await?, Some(2));
    /// # Ok::<(), Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// What `work` gives; what the database says of the savepoint.
    pub fn transaction<'a, T, E, F, Fut>(
        &'a mut self,
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
}

impl fmt::Debug for AsyncTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTransaction").field("depth", &self.tx.depth).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl Deref for AsyncTransaction<'_> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for AsyncTransaction<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

impl AsyncPerform for Tx {
    fn dialect(&self) -> &'static Dialect {
        self.shared.dialect()
    }

    fn default_level(&self) -> Option<IsolationLevel> {
        self.shared.default_level()
    }

    async fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (lease, token) = self.open()?;
        let deadline = self.shared.deadline_of(&errand.options);
        let job = move |core: &mut Core<'_>, turn: &Turn<'_>| {
            core.expect_open(token)?;
            job(core, turn)
        };
        self.around.awaited(lease.dispatch(Access::Handle, errand, deadline, job)).await
    }

    async fn open_stream(&self, request: Request) -> Result<BatchReader> {
        let (lease, token) = self.open()?;
        let open = BatchReader::open(ByTask, &lease, Access::Handle, Some(token), &self.shared, request);
        self.around.awaited(open).await
    }
}

impl AsyncPerform for AsyncTransaction<'_> {
    fn dialect(&self) -> &'static Dialect {
        AsyncPerform::dialect(&self.tx)
    }

    fn default_level(&self) -> Option<IsolationLevel> {
        self.tx.default_level()
    }

    async fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.tx.perform(errand, job).await
    }

    async fn open_stream(&self, request: Request) -> Result<BatchReader> {
        self.tx.open_stream(request).await
    }
}

impl AsyncQueryable for Tx {}

impl AsyncStreamable for Tx {}

impl AsyncQueryable for AsyncTransaction<'_> {}

impl AsyncStreamable for AsyncTransaction<'_> {}

/// Runs `work` in a transaction: committed on `Ok`, rolled back on `Err`. On a panic, and when this is dropped, the guard
/// rolls back as it is dropped, after the future of `work`.
pub(super) async fn run_in<T, E, F, Fut>(transaction: AsyncTransaction<'_>, work: F) -> Result<T, E>
where
    E: From<Error>,
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    run_watched(transaction, false, work).await.map_err(|(error, _)| error)
}

/// Begins a transaction and runs `body` in it, as one caller with it.
pub(crate) fn run_inherited<'b, T, E, B>(
    begin: Answer<'b, AsyncTransaction<'static>>,
    rollback_only: bool,
    body: B,
) -> Scope<impl Future<Output = Result<T, E>> + use<'b, T, E, B>>
where
    E: From<Error>,
    B: Future<Output = Result<T, E>>,
{
    Scope::inherited(
        async move { run_watched(begin.await?, rollback_only, |_| body).await.map_err(|(error, _)| error) },
    )
}

/// Runs `work` in a transaction, and again, by the policy of the options, when the database could not put it in an order
/// with others.
pub(super) async fn run_with<'b, T, E, F, Fut>(
    options: &TxOptions,
    deadline: Option<Instant>,
    begin: impl Fn() -> Answer<'b, AsyncTransaction<'static>>,
    mut work: F,
) -> Result<T, E>
where
    E: From<Error>,
    F: FnMut(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut failed = 0;
    loop {
        let result = match begin().await {
            Ok(transaction) => run_watched(transaction, options.rollback_only, &mut work).await,
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
        let Some(wait) = wait_to_retry(options, failed, deadline) else { return Err(error) };
        if pontoon_bridge::sleep_until(after(wait)).await.is_err() {
            return Err(error);
        }
    }
}

/// Runs `work` in a transaction; with an error comes whether a conflict with other transactions was met, so that the
/// whole may be run again.
async fn run_watched<T, E, F, Fut>(
    transaction: AsyncTransaction<'_>,
    rollback_only: bool,
    work: F,
) -> Result<T, (E, bool)>
where
    E: From<Error>,
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let around = transaction.tx.around.clone();
    match around.awaited(work(transaction.tx.handle())).await {
        Ok(value) => {
            let ended = if rollback_only {
                transaction.rollback().await
            } else {
                transaction.commit().await.map_err(Error::from)
            };
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
            let _ = transaction.rollback().await;
            Err((error, conflict))
        }
    }
}
