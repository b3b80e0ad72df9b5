//! The verbs: what can be asked of a database, a connection, a transaction or a session alike.

use crate::driver::{BulkPath, Catalog, Executed};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::{IntoParams, Params};
use crate::query::{IntoQuery, QueryOptions};
use crate::row::{FromRow, Row, Rows};
use crate::session::{Core, Errand, Turn};
use crate::sql::{Dialect, IsolationLevel, Packed, Statement, StatementKind, check_script};
use crate::value::{FromValueOwned, Value};

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
/// [`Transaction`](crate::Transaction) and a [`Session`](crate::Session).
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
/// of no use any more, and what the database says, sorted into [`ErrorKind`].
pub trait Queryable: Perform {
    /// All rows of a query; none is an empty `Rows`, not an error.
    ///
    /// # Errors
    /// `Misuse`, before it is run, for a statement that has no rows to return; `ResultTooLarge` past the query's limits.
    #[track_caller]
    fn fetch_all<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Rows> {
        let (statement, options, params) = prepare(self.dialect(), query, params)?;
        let errand = Errand::statement(&statement, options);
        self.perform(errand, move |core, turn| core.fetch_all(turn, &statement, params))
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
        let (statement, options, params) = prepare(self.dialect(), query, params)?;
        let errand = Errand::statement(&statement, options);
        self.perform(errand, move |core, turn| core.fetch_nth(turn, &statement, params, position))
    }

    /// The last row, if there is one. Every row is read, and no more than a batch is held.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all).
    #[track_caller]
    fn fetch_last<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Option<Row>> {
        let (statement, options, params) = prepare(self.dialect(), query, params)?;
        let errand = Errand::statement(&statement, options);
        self.perform(errand, move |core, turn| core.fetch_last(turn, &statement, params))
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
        let (statement, row) = first(self, query, params)?;
        read_as(&statement, row.map(|row| row.get(0)).transpose())
    }

    /// All rows, each as a `T`: a tuple, or a struct with `#[derive(FromRow)]`.
    ///
    /// # Errors
    /// As [`fetch_all`](Self::fetch_all); `Conversion` or `NoSuchColumn` when a row does not fit `T`.
    #[track_caller]
    fn fetch_all_as<'q, T: FromRow>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Vec<T>> {
        let (statement, options, params) = prepare(self.dialect(), query, params)?;
        let (errand, read) = (Errand::statement(&statement, options), statement.clone());
        let rows = self.perform(errand, move |core, turn| core.fetch_all(turn, &statement, params))?;
        read_as(&read, rows.decode())
    }

    /// The first row as a `T`, if there is one.
    ///
    /// # Errors
    /// As [`fetch_all_as`](Self::fetch_all_as).
    #[track_caller]
    fn fetch_one_as<'q, T: FromRow>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Option<T>> {
        let (statement, row) = first(self, query, params)?;
        read_as(&statement, row.map(|row| row.decode()).transpose())
    }

    /// Runs a statement for its effect. Rows, of a `RETURNING` say, are discarded: fetch them instead.
    ///
    /// # Errors
    /// What the database says. `TransactionVerb` for BEGIN, COMMIT and the like.
    #[track_caller]
    fn execute<'q>(&self, query: impl IntoQuery<'q>, params: impl IntoParams) -> Result<Executed> {
        let (statement, options, params) = prepare(self.dialect(), query, params)?;
        let errand = Errand::statement(&statement, options);
        self.perform(errand, move |core, turn| core.execute(turn, &statement, params))
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
        let (sql, params, options) = query.into_query(self.dialect())?.into_parts(())?;
        if !params.is_empty() {
            return Err(Error::new(
                ErrorKind::Parameter,
                "parameters were given twice: with the query and as the sets of parameters",
            ));
        }
        let statement = Statement::cached(&sql, self.dialect())?;
        let sets = Packed::new(&statement, rows);
        if sets.is_empty() {
            return Ok(0);
        }
        let mut errand = Errand::statement(&statement, options);
        errand.lending = crate::session::Lending::Never;
        self.perform(errand, move |core, turn| core.execute_many(turn, sets.into_sets()))
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
        if columns.is_empty() {
            let message =
                format!("no columns were given to insert into `{table}`: name those that the rows have values for");
            return Err(Error::new(ErrorKind::Parameter, message));
        }
        let mut values = Vec::new();
        for (number, row) in rows.into_iter().enumerate() {
            values.push(positional(row.into_params(), columns, number)?);
        }
        if values.is_empty() {
            return Ok(BulkReport { rows: 0, path: BulkPath::Prepared });
        }
        let table = table.to_owned();
        let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        let errand = Errand::on_worker(QueryOptions::default());
        self.perform(errand, move |core, turn| {
            let (rows, path) = core.bulk_insert(turn, &table, &columns, &mut values.into_iter())?;
            Ok(BulkReport { rows, path })
        })
    }

    /// Runs a script of statements without parameters, one after another, up to the first that fails. It may have
    /// transactions of its own if they are balanced, so that a dump loads.
    ///
    /// # Errors
    /// `TransactionVerb`, before anything is run, for a script that leaves a transaction open or ends one it did not
    /// begin; what the database says of the statement that failed.
    #[track_caller]
    fn execute_script(&self, script: &str) -> Result<()> {
        check_script(script, self.dialect())?;
        let script = script.to_owned();
        self.perform(Errand::on_worker(QueryOptions::default()), move |core, turn| core.script(turn, &script))
    }

    /// Describes what is in the database.
    ///
    /// # Errors
    /// `Unsupported` where the driver cannot tell.
    #[track_caller]
    fn catalog(&self, request: Catalog) -> Result<Rows> {
        self.perform(Errand::on_worker(QueryOptions::default()), move |core, turn| core.catalog(turn, &request))
    }

    /// Whether there is a table or view of exactly this name.
    ///
    /// # Errors
    /// As [`catalog`](Self::catalog).
    #[track_caller]
    fn has_table(&self, name: &str) -> Result<bool> {
        for row in &self.catalog(Catalog::Tables)? {
            if row.get::<&str>("name")? == name {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A round trip to the database.
    ///
    /// # Errors
    /// When it does not answer in time.
    #[track_caller]
    fn ping(&self) -> Result<()> {
        self.perform(Errand::on_worker(QueryOptions::default()), |core, turn| core.ping(turn))
    }
}

/// The first row, and the statement that it came from.
#[track_caller]
fn first<'q>(
    of: &(impl Queryable + ?Sized),
    query: impl IntoQuery<'q>,
    params: impl IntoParams,
) -> Result<(Statement, Option<Row>)> {
    let (statement, options, params) = prepare(of.dialect(), query, params)?;
    let (errand, fetched) = (Errand::statement(&statement, options), statement.clone());
    let row = of.perform(errand, move |core, turn| core.fetch_nth(turn, &fetched, params, 0))?;
    Ok((statement, row))
}

/// What came of reading the rows of a statement that is over: whatever it changed stays changed, though they could not be
/// read as what was asked for.
fn read_as<T>(statement: &Statement, read: Result<T>) -> Result<T> {
    read.map_err(|error| match statement.kind() {
        StatementKind::Read => error,
        _ => error.with_effect(Effect::Unknown),
    })
}

fn prepare<'q>(
    dialect: &'static Dialect,
    query: impl IntoQuery<'q>,
    params: impl IntoParams,
) -> Result<(Statement, QueryOptions, Params)> {
    let (sql, params, options) = query.into_query(dialect)?.into_parts(params)?;
    Ok((Statement::cached(&sql, dialect)?, options, params))
}

fn positional(params: Params, columns: &[&str], number: usize) -> Result<Vec<Value>> {
    let wrong = |message: String| Error::new(ErrorKind::Parameter, message);
    match params {
        Params::Positional(values) if values.len() == columns.len() => Ok(values),
        Params::Positional(values) => Err(wrong(format!(
            "row {number} has {} values for the {} columns {columns:?}",
            values.len(),
            columns.len()
        ))),
        Params::Invalid(reason) => Err(wrong(format!("row {number}, {reason}"))),
        Params::None => Err(wrong(format!("row {number} has no values for the {} columns {columns:?}", columns.len()))),
        Params::Named(mut named) => {
            let mut values = Vec::with_capacity(columns.len());
            for column in columns {
                match named.iter().position(|(name, _)| name == column) {
                    Some(position) => values.push(named.swap_remove(position).1),
                    None => return Err(wrong(format!("row {number} has no value for column `{column}`"))),
                }
            }
            match named.first() {
                None => Ok(values),
                Some((name, _)) => Err(wrong(format!("row {number} names `{name}`, which is none of {columns:?}"))),
            }
        }
    }
}
