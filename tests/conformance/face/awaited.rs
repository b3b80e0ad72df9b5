//! The face that tasks await, behind the signatures of the one that threads call: each call is made by awaiting it, in
//! the executor under test, and each thread of a test is a caller of its own by a scope around its calls.
//!
//! So every test of the suite says what both faces promise, from one source.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::{Stream, StreamExt};
use pontoon::future::{
    AsyncBatchStream, AsyncConnection, AsyncDatabase, AsyncRowStream, AsyncStreamable as _, AsyncTransaction, Caller,
    Tx,
};
use pontoon::value::FromValueOwned;
use pontoon::{
    BulkReport, Catalog, CloseReport, Config, DatabaseBuilder, DatabaseUrl, Effect, Error, ErrorKind, Executed,
    ForceRollback, FromRow, IntoConfig, IntoParams, IntoQuery, Result, Row, Rows, Session, Snapshot, TxOptions,
};

use crate::harness::HASTE;
use crate::profile::Exception;

/// What the tests take in, with the types of this face in the place of those of the library.
pub(crate) mod prelude {
    pub(crate) use super::{Database, Queryable, Streamable, Transaction};
    pub(crate) use pontoon::prelude::{ErrorKind, FromRow, Query, Row, TxOptions, Value, params};
}

/// The executor that calls are awaited in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Face {
    TokioMultiThread,
    TokioCurrentThread,
    Smol,
    Futures,
    Pollster,
}

thread_local! {
    static FACE: Cell<Face> = const { Cell::new(Face::Smol) };
    /// How many executors this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static CALLER: Caller = Caller::new();
}

impl Face {
    /// What a database or a driver cannot do is proven once, by the other face: many of those tests fail by waiting in
    /// vain.
    pub(crate) const PROVES_EXCEPTIONS: bool = false;

    /// From here on databases of this thread are used so.
    pub(crate) fn take(self) {
        FACE.set(self);
    }

    /// Tests that this face fails, each with the reason.
    pub(crate) fn exceptions(self) -> &'static [Exception] {
        &[]
    }

    /// Awaits something as the caller that this thread is.
    fn wait<F: Future>(self, future: F) -> F::Output {
        struct Out;
        impl Drop for Out {
            fn drop(&mut self) {
                DEPTH.set(DEPTH.get() - 1);
            }
        }
        let caller = Caller::current().unwrap_or_else(|| CALLER.with(Caller::clone));
        let future = caller.scope(future);
        let is_inside = DEPTH.get() > 0;
        DEPTH.set(DEPTH.get() + 1);
        let _out = Out;
        match self {
            Face::TokioMultiThread if is_inside => tokio::task::block_in_place(|| runtime().block_on(future)),
            Face::TokioMultiThread => runtime().block_on(future),
            Face::Smol => smol::block_on(future),
            // Of these executors none runs inside itself: the body of a transaction is polled by one, and waits for its
            // statements by hand.
            Face::TokioCurrentThread | Face::Futures if is_inside => pollster::block_on(future),
            Face::TokioCurrentThread => current_thread().block_on(future),
            Face::Futures => futures_executor::block_on(future),
            Face::Pollster => pollster::block_on(future),
        }
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime"))
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What the verbs are awaited from.
pub(crate) trait Awaited {
    type Of: pontoon::future::AsyncQueryable + pontoon::future::AsyncStreamable;

    fn face(&self) -> Face;

    fn of(&self) -> &Self::Of;
}

macro_rules! verbs {
    ($($name:ident[$($generic:tt)*]($($arg:ident: $type:ty),*) -> $result:ty;)+) => {
        /// The verbs, with the signatures of [`pontoon::Queryable`].
        pub(crate) trait Queryable {
            $(#[track_caller] fn $name<$($generic)*>(&self, $($arg: $type),*) -> Result<$result>;)+
        }

        impl<A: Awaited> Queryable for A {
            $(#[track_caller] fn $name<$($generic)*>(&self, $($arg: $type),*) -> Result<$result> {
                self.face().wait(pontoon::future::AsyncQueryable::$name(self.of(), $($arg),*))
            })+
        }

        impl Queryable for Session<'_> {
            $(#[track_caller] fn $name<$($generic)*>(&self, $($arg: $type),*) -> Result<$result> {
                pontoon::Queryable::$name(self, $($arg),*)
            })+
        }
    };
}

verbs! {
    fetch_all['q](query: impl IntoQuery<'q>, params: impl IntoParams) -> Rows;
    fetch_one['q](query: impl IntoQuery<'q>, params: impl IntoParams) -> Option<Row>;
    fetch_nth['q](query: impl IntoQuery<'q>, params: impl IntoParams, position: u64) -> Option<Row>;
    fetch_last['q](query: impl IntoQuery<'q>, params: impl IntoParams) -> Option<Row>;
    fetch_val['q, T: FromValueOwned + 'static](query: impl IntoQuery<'q>, params: impl IntoParams) -> Option<T>;
    fetch_all_as['q, T: FromRow + 'static](query: impl IntoQuery<'q>, params: impl IntoParams) -> Vec<T>;
    fetch_one_as['q, T: FromRow + 'static](query: impl IntoQuery<'q>, params: impl IntoParams) -> Option<T>;
    execute['q](query: impl IntoQuery<'q>, params: impl IntoParams) -> Executed;
    execute_many['q, P: IntoParams](query: impl IntoQuery<'q>, rows: impl IntoIterator<Item = P>) -> u64;
    bulk_insert[P: IntoParams](table: &str, columns: &[&str], rows: impl IntoIterator<Item = P>) -> BulkReport;
    execute_script[](script: &str) -> ();
    catalog[](request: Catalog) -> Rows;
    has_table[](name: &str) -> bool;
    ping[]() -> ();
}

/// The streams, with the signatures of [`pontoon::Streamable`].
pub(crate) trait Streamable: Awaited {
    #[track_caller]
    fn iterate<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Reading<AsyncRowStream<'_>>> {
        Reading::begin(self.face(), self.of().iterate(query, params))
    }

    #[track_caller]
    fn batches<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Reading<AsyncBatchStream<'_>>> {
        Reading::begin(self.face(), self.of().batches(query, params))
    }
}

impl<A: Awaited> Streamable for A {}

/// A stream, as an iterator. It has begun when it is there, as the streams of threads have: so its first item is there, if
/// that does not take long.
pub(crate) struct Reading<S: Stream> {
    stream: S,
    first: Option<Option<S::Item>>,
    face: Face,
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Reading<S> {
    fn begin(face: Face, mut stream: S) -> Result<Reading<S>> {
        let first = face.wait(async {
            let patience = smol::Timer::after(HASTE * 2);
            match futures_util::future::select(stream.next(), patience).await {
                Either::Left((first, _)) => Some(first),
                Either::Right(_) => None,
            }
        });
        match first {
            // What the database says comes with the first row, what kept the query from being sent comes at once.
            Some(Some(Err(error))) if error.effect() == Effect::NotSent || error.kind() == ErrorKind::Parameter => {
                Err(error)
            }
            first => Ok(Reading { stream, first, face }),
        }
    }
}

impl<T, S: Stream<Item = Result<T>> + Unpin> Iterator for Reading<S> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.first.take().unwrap_or_else(|| self.face.wait(self.stream.next()))
    }
}

/// What ships closures, for each of the types: those that the tests use.
macro_rules! ships {
    ($type:ty: $($method:ident)+) => {
        impl $type {
            $(pub(crate) fn $method<T: Send + 'static>(
                &self,
                work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
            ) -> Result<T> {
                self.face.wait(pontoon::future::AsyncQueryable::$method(self.of(), work))
            })+
        }
    };
}

ships! { Database: run session }
ships! { Connection: run }
ships! { Transaction<'_>: run }

/// What begins transactions, for both types that do.
macro_rules! transacts {
    ($type:ty) => {
        impl $type {
            #[track_caller]
            pub(crate) fn begin(&self) -> Result<Transaction<'static>> {
                self.begin_with(&TxOptions::default())
            }

            #[track_caller]
            pub(crate) fn begin_with(&self, options: &TxOptions) -> Result<Transaction<'static>> {
                let guard = self.face.wait(self.inner.begin_with(options))?;
                Ok(Transaction { inner: Inner::Guard(guard), face: self.face })
            }

            #[track_caller]
            pub(crate) fn transaction<T, E: From<Error>>(
                &self,
                work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
            ) -> Result<T, E> {
                let face = self.face;
                face.wait(self.inner.transaction(|tx| async move { work(&mut Transaction::of(tx, face)) }))
            }

            #[track_caller]
            pub(crate) fn transaction_with<T, E: From<Error>>(
                &self,
                options: &TxOptions,
                mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, E>,
            ) -> Result<T, E> {
                let face = self.face;
                face.wait(self.inner.transaction_with(options, |tx| {
                    let result = work(&mut Transaction::of(tx, face));
                    async move { result }
                }))
            }
        }
    };
}

transacts! { Database }
transacts! { Connection }

/// [`pontoon::Database`].
#[derive(Clone, Debug)]
pub(crate) struct Database {
    inner: AsyncDatabase,
    face: Face,
}

impl From<pontoon::Database> for Database {
    fn from(db: pontoon::Database) -> Database {
        Database { inner: db.to_async(), face: FACE.get() }
    }
}

impl From<&pontoon::Database> for Database {
    fn from(db: &pontoon::Database) -> Database {
        db.clone().into()
    }
}

impl Awaited for Database {
    type Of = AsyncDatabase;

    fn face(&self) -> Face {
        self.face
    }

    fn of(&self) -> &AsyncDatabase {
        &self.inner
    }
}

impl Database {
    pub(crate) fn builder() -> DatabaseBuilder {
        pontoon::Database::builder()
    }

    pub(crate) fn new(config: impl IntoConfig) -> Result<Database> {
        Ok(Database { inner: AsyncDatabase::new(config)?, face: FACE.get() })
    }

    pub(crate) fn open(config: impl IntoConfig) -> Result<Database> {
        let face = FACE.get();
        Ok(Database { inner: face.wait(AsyncDatabase::open(config))?, face })
    }

    #[track_caller]
    pub(crate) fn connect(&self) -> Result<bool> {
        self.face.wait(self.inner.connect())
    }

    #[track_caller]
    pub(crate) fn connect_lazy(&self) -> Result<bool> {
        self.face.wait(self.inner.connect_lazy())
    }

    pub(crate) fn raw<C: Any, T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.face.wait(pontoon::future::AsyncQueryable::raw(&self.inner, work))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    pub(crate) fn close(&self, grace: Duration) -> CloseReport {
        self.face.wait(self.inner.close(grace)).expect("a thread to close it")
    }

    #[track_caller]
    pub(crate) fn connection(&self) -> Result<Connection> {
        Ok(Connection { inner: self.face.wait(self.inner.connection())?, face: self.face })
    }

    pub(crate) fn set_force_rollback(&self, on: Option<bool>) {
        self.inner.set_force_rollback(on);
    }

    pub(crate) fn force_rollback(&self) -> bool {
        self.inner.force_rollback()
    }

    pub(crate) fn force_rollback_scope(&self, on: bool) -> ForceRollback {
        self.inner.force_rollback_scope(on)
    }

    #[track_caller]
    pub(crate) fn copy(&self) -> Result<Database> {
        Ok(Database { inner: self.face.wait(self.inner.copy())?, face: self.face })
    }

    pub(crate) fn refresh(&self) {
        self.inner.refresh();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.inner.snapshot()
    }

    pub(crate) fn url(&self) -> &DatabaseUrl {
        self.inner.url()
    }

    pub(crate) fn config(&self) -> &Config {
        self.inner.config()
    }

    pub(crate) fn dialect(&self) -> &'static pontoon::sql::Dialect {
        self.inner.dialect()
    }
}

/// [`pontoon::Connection`].
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    inner: AsyncConnection,
    face: Face,
}

impl Awaited for Connection {
    type Of = AsyncConnection;

    fn face(&self) -> Face {
        self.face
    }

    fn of(&self) -> &AsyncConnection {
        &self.inner
    }
}

/// [`pontoon::Transaction`]: the guard, or what a closure is given.
#[derive(Debug)]
pub(crate) struct Transaction<'t> {
    inner: Inner<'t>,
    face: Face,
}

#[derive(Debug)]
enum Inner<'t> {
    Guard(AsyncTransaction<'t>),
    Closure(Tx),
}

impl Awaited for Transaction<'_> {
    type Of = Tx;

    fn face(&self) -> Face {
        self.face
    }

    fn of(&self) -> &Tx {
        match &self.inner {
            Inner::Guard(guard) => guard,
            Inner::Closure(tx) => tx,
        }
    }
}

impl<'t> Transaction<'t> {
    fn of(tx: Tx, face: Face) -> Transaction<'t> {
        Transaction { inner: Inner::Closure(tx), face }
    }

    fn tx(&mut self) -> &mut Tx {
        match &mut self.inner {
            Inner::Guard(guard) => guard,
            Inner::Closure(tx) => tx,
        }
    }

    fn into_guard(self) -> AsyncTransaction<'t> {
        match self.inner {
            Inner::Guard(guard) => guard,
            Inner::Closure(_) => unreachable!("the closure's side is only ever lent to a test"),
        }
    }

    pub(crate) fn depth(&self) -> usize {
        Awaited::of(self).depth()
    }

    pub(crate) fn begin(&mut self) -> Result<Transaction<'_>> {
        self.begin_with(&TxOptions::default())
    }

    pub(crate) fn begin_with(&mut self, options: &TxOptions) -> Result<Transaction<'_>> {
        let face = self.face;
        Ok(Transaction { inner: Inner::Guard(face.wait(self.tx().begin_with(options))?), face })
    }

    pub(crate) fn transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let face = self.face;
        face.wait(self.tx().transaction(|tx| async move { work(&mut Transaction::of(tx, face)) }))
    }

    pub(crate) fn commit(self) -> Result<(), CommitError<'t>> {
        let face = self.face;
        face.wait(self.into_guard().commit()).map_err(|error| CommitError { error: Box::new(error), face })
    }

    pub(crate) fn rollback(self) -> Result<()> {
        let face = self.face;
        face.wait(self.into_guard().rollback())
    }
}

/// [`pontoon::CommitError`].
#[derive(Debug)]
pub(crate) struct CommitError<'t> {
    error: Box<pontoon::CommitError<AsyncTransaction<'t>>>,
    face: Face,
}

impl<'t> CommitError<'t> {
    pub(crate) fn error(&self) -> &Error {
        self.error.error()
    }

    pub(crate) fn into_transaction(self) -> Option<Transaction<'t>> {
        let guard = self.error.into_transaction()?;
        Some(Transaction { inner: Inner::Guard(guard), face: self.face })
    }
}

impl std::fmt::Display for CommitError<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for CommitError<'_> {}

impl From<CommitError<'_>> for Error {
    fn from(error: CommitError<'_>) -> Error {
        (*error.error).into()
    }
}
