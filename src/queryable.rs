//! The verbs: what can be asked of a database, a connection, a transaction or a session alike.

use crate::asking::{self, Prepared, PreparedRows};
use crate::driver::{BulkPath, Catalog, Executed};
use crate::error::Result;
use crate::params::IntoParams;
use crate::query::IntoQuery;
use crate::row::{FromRow, Row, Rows};
use crate::session::{Core, Errand, Turn};
use crate::sql::{Dialect, IsolationLevel};
use crate::value::FromValueOwned;

/// How work gets to a connection. Each of the four types that have the verbs writes this, and nothing else.
pub trait Perform {
    /// The dialect that statements are scanned with.
    fn dialect(&self) -> &'static Dialect;

    /// The isolation level of transactions for which none is asked, if the configuration says one.
    fn default_level(&self) -> Option<IsolationLevel> {
        None
    }

    /// Brings `job` to the connection and its result back.
    ///
    /// # Errors
    /// What the job returns, or what kept it from running.
    fn perform<T: Send + 'static>(
        &self,
        errand: Errand,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T>;
}

/// What [`Queryable::bulk_insert`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkReport {
    /// How many rows were inserted.
    pub rows: u64,
    /// How.
    pub path: BulkPath,
}

/// The verbs, the same on a [`Database`](crate::Database), a [`Connection`](crate::Connection), a
/// [`Transaction`](crate::Transaction) and a [`Session`](crate::Session). A function for all of them takes
/// `&impl Queryable`; one that takes a `&Database` takes part in its caller's transaction anyway.
///
/// ```
/// # use pontoon::prelude::*;
/// fn count(at: &impl Queryable) -> Result<i64, Error> {
///     Ok(at.fetch_val("SELECT count(*) FROM notes", ())?.unwrap_or(0))
/// }
/// # let db = Database::open("sqlite::memory:")?;
/// # db.execute("CREATE TABLE notes (text TEXT)", ())?;
/// assert_eq!(count(&db)?, db.transaction(|tx| count(tx))?);
/// assert_eq!(count(&db)?, db.run(|session| count(session))?);
/// # Ok::<(), Error>(())
/// ```
///
/// # Queries and parameters
///
/// A query is text, or a [`Query`](crate::Query) with a deadline and limits of its own. Parameters are named
/// (`params! { id: 7 }` for `:id`) or positional (a tuple, a slice; `?` or the database's own style); `()` is none. A
/// list in `IN (:ids)` is expanded. Statement and parameters are checked against each other before anything is sent.
///
/// ```
/// # use pontoon::prelude::*;
/// # let db = Database::open("sqlite::memory:")?;
/// db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)", ())?;
/// db.execute_many("INSERT INTO notes (text) VALUES (?)", [("one",), ("two",), ("three",)])?;
///
/// let rows = db.fetch_all("SELECT * FROM notes WHERE id IN (:ids)", params! { ids: [1, 3] })?;
/// assert_eq!(rows.column::<String>("text")?, ["one", "three"]);
/// let note: Option<(i64, String)> = db.fetch_one_as("SELECT id, text FROM notes WHERE text = ?", ("two",))?;
/// assert_eq!(note, Some((2, "two".to_owned())));
/// let nothing: Option<i64> = db.fetch_val("SELECT id FROM notes WHERE id > :id", params! { id: 3 })?;
/// assert_eq!(nothing, None);
/// # Ok::<(), pontoon::Error>(())
/// ```
///
/// # Deadlines
///
/// Every call has one deadline for everything: waiting for a connection, opening it, running the statement, fetching.
/// It is the query's own [`timeout`](crate::Query::timeout) or else the database's, 30 seconds by default. At the
/// deadline the statement is cancelled at the database and the call returns `Timeout` within 50 ms, whatever the driver
/// does. Inside a transaction that aborts the transaction.
///
/// # Errors
///
/// Besides what each verb names: `Parameter` and `Conversion` for parameters that do not fit, `NotConnected`,
/// `PoolTimeout`, `Timeout`, `ConnectionLost`, `TransactionAborted` and `TransactionLost` inside a transaction that is
/// of no use any more, and what the database says, sorted into [`ErrorKind`](crate::ErrorKind).
pub trait Queryable: Perform {
    /// All rows of a query; none is an empty `Rows`, not an error.
    ///
    /// # Errors
    /// `Misuse`, before it is run, for a statement that has no rows to return; `ResultTooLarge` past the query's limits.
    #[track_caller]
    fn fetch_all<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Rows> {
        asking::fetch_all(prepare(self, query, params)?).by_thread(self)
    }

    /// The first row, if there is one; the statement is ended after it.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_one<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Option<Row>> {
        self.fetch_nth(query, params, 0)
    }

    /// The row at this position, counted from 0, if there are so many. The statement runs as it stands, its own LIMIT
    /// and OFFSET included; the rows before are read and passed over.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_nth<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams, position: u64) -> Result<Option<Row>> {
        asking::fetch_nth(prepare(self, query, params)?, position).by_thread(self)
    }

    /// The last row, if there is one. Every row is read, and no more than a batch is held.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_last<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Option<Row>> {
        asking::fetch_last(prepare(self, query, params)?).by_thread(self)
    }

    /// The first column of the first row. `None` is "no row"; NULL is read by asking for an `Option`, so that
    /// `fetch_val::<Option<i64>>` gives `Some(None)` for it.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); `Conversion` when the value does not fit `T`.
    #[track_caller]
    fn fetch_val<'q, T: FromValueOwned>(
        &self,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Result<Option<T>> {
        asking::fetch_val(prepare(self, query, params)?).by_thread(self)
    }

    /// All rows, each as a `T`: a tuple, or a struct with `#[derive(FromRow)]`. A single column is a `(T,)`, or a
    /// [`Scalar<T>`](crate::Scalar); or `fetch_all`, and [`column`](crate::Rows::column) of its rows.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); `Conversion` or `NoSuchColumn` when a row does not fit `T`.
    #[track_caller]
    fn fetch_all_as<'q, T: FromRow>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Vec<T>> {
        asking::fetch_all_as(prepare(self, query, params)?).by_thread(self)
    }

    /// The first row as a `T`, if there is one.
    ///
    /// # Errors
    /// As [`fetch_all_as`](Self::fetch_all_as).
    #[track_caller]
    fn fetch_one_as<'q, T: FromRow>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Option<T>> {
        asking::fetch_one_as(prepare(self, query, params)?).by_thread(self)
    }

    /// Runs a statement for its effect. Rows, of a `RETURNING` say, are discarded: fetch them instead.
    ///
    /// # Errors
    /// What the database says. `TransactionVerb` for BEGIN, COMMIT and the like.
    #[track_caller]
    fn execute<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Executed> {
        asking::execute(prepare(self, query, params)?).by_thread(self)
    }

    /// Runs one statement with many sets of parameters, prepared once and in one go; returns the rows affected in all.
    /// All or none: in a transaction of its own, or in a savepoint where one is open. Without any set the database is
    /// not touched.
    ///
    /// # Errors
    /// The first failing set's error, with its number, counted from 0.
    #[track_caller]
    fn execute_many<'q, P: IntoParams>(
        &self,
        query: impl IntoQuery<'q>,
        rows: impl IntoIterator<Item = P>,
    ) -> Result<u64> {
        let sets = prepare(self, query, ())?.with_sets(rows)?;
        asking::execute_many(sets).by_thread(self)
    }

    /// Inserts many rows by the fastest means the driver has, and says which. All or none.
    ///
    /// Table and columns are names, quoted as the dialect wants them; `schema.table` is two of them.
    ///
    /// # Errors
    /// `Parameter` when a row has not as many values as there are columns; what the database says.
    #[track_caller]
    fn bulk_insert<P: IntoParams>(
        &self,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = P>,
    ) -> Result<BulkReport> {
        asking::bulk_insert(PreparedRows::new(self.dialect(), table, columns, rows)?).by_thread(self)
    }

    /// Runs a script of statements without parameters, one after another, up to the first that fails. It may have
    /// transactions of its own if they are balanced, so that a dump loads.
    ///
    /// # Errors
    /// `TransactionVerb`, before anything is run, for a script that leaves a transaction open or ends one it did not
    /// begin; what the database says of the statement that failed.
    #[track_caller]
    fn execute_script(&self, script: &str) -> Result<()> {
        asking::script(self.dialect(), script)?.by_thread(self)
    }

    /// Describes what is in the database.
    ///
    /// # Errors
    /// `Unsupported` where the driver cannot tell.
    #[track_caller]
    fn catalog(&self, request: Catalog) -> Result<Rows> {
        asking::catalog(request).by_thread(self)
    }

    /// Whether there is a table or view of exactly this name.
    ///
    /// # Errors
    /// As [`catalog`](Self::catalog).
    #[track_caller]
    fn has_table(&self, name: &str) -> Result<bool> {
        asking::has_table(name).by_thread(self)
    }

    /// A round trip to the database.
    ///
    /// # Errors
    /// When it does not answer in time.
    #[track_caller]
    fn ping(&self) -> Result<()> {
        asking::ping().by_thread(self)
    }
}

/// What a verb is given, checked before anything is sent.
fn prepare<'q>(of: &(impl Perform + ?Sized), query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Prepared> {
    Prepared::new(of.dialect(), query, params)
}
