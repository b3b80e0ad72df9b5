//! What each verb asks of a connection, once for both faces: the errand, the job, and how its result is read.
//!
//! A thread performs it and waits; a task performs it and awaits. What is read as a type of the program's own is read on
//! the caller's side, since that type need not be able to travel.

use std::any::{Any, type_name};

use crate::driver::{BulkPath, Catalog, Executed};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::future::AsyncPerform;
use crate::params::{IntoParams, Params};
use crate::query::{IntoQuery, QueryOptions};
use crate::queryable::{BulkReport, Perform};
use crate::row::{FromRow, Row, Rows};
use crate::session::{Core, Errand, Lending, Session, Turn};
use crate::sql::{Dialect, IsolationLevel, Packed, Statement, StatementKind, check_script};
use crate::value::FromValueOwned;

/// A query with its parameters, read and checked.
#[derive(Debug)]
pub(crate) struct Prepared {
    statement: Statement,
    options: QueryOptions,
    params: Params,
}

impl Prepared {
    pub(crate) fn new<'q>(
        dialect: &'static Dialect,
        query: impl IntoQuery<'q>,
        params: impl IntoParams,
    ) -> Result<Prepared> {
        let (sql, params, options) = query.into_query(dialect)?.into_parts(params)?;
        Ok(Prepared { statement: Statement::cached(&sql, dialect)?, options, params })
    }

    /// With many sets of parameters in the place of one.
    pub(crate) fn with_sets<P: IntoParams>(self, rows: impl IntoIterator<Item = P>) -> Result<PreparedSets> {
        if !self.params.is_empty() {
            let message = "parameters were given twice: with the query and as the sets of parameters";
            return Err(Error::new(ErrorKind::Parameter, message));
        }
        let sets = Packed::new(&self.statement, rows);
        Ok(PreparedSets { statement: self.statement, options: self.options, sets })
    }

    /// The parts, and the errand of running it.
    #[track_caller]
    fn into_errand(self) -> (Errand, Statement, Params) {
        (Errand::statement(&self.statement, self.options), self.statement, self.params)
    }
}

/// A query with many sets of parameters.
#[derive(Debug)]
pub(crate) struct PreparedSets {
    statement: Statement,
    options: QueryOptions,
    sets: Packed,
}

/// Rows for a table.
#[derive(Debug)]
pub(crate) struct PreparedRows {
    table: String,
    columns: Vec<String>,
    /// None where there are none.
    rows: Option<Packed>,
}

impl PreparedRows {
    pub(crate) fn new<P: IntoParams>(
        dialect: &'static Dialect,
        table: &str,
        columns: &[&str],
        rows: impl IntoIterator<Item = P>,
    ) -> Result<PreparedRows> {
        if columns.is_empty() {
            let message =
                format!("no columns were given to insert into `{table}`: name those that the rows have values for");
            return Err(Error::new(ErrorKind::Parameter, message));
        }
        let names: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        let mut rows = rows.into_iter().peekable();
        let rows = match rows.peek() {
            None => None,
            Some(_) => Some(Packed::rows(&Statement::insert(dialect, table, &names)?, columns, rows)?),
        };
        Ok(PreparedRows { table: table.to_owned(), columns: names, rows })
    }
}

/// What is asked of a connection, or the answer where none is needed.
pub(crate) enum Ask<J, R, U> {
    Perform {
        errand: Errand,
        job: J,
        read: R,
    },
    /// By a function, so that an answer need not be able to travel for the call to be.
    Answered(fn() -> U),
}

impl<J, R, U> Ask<J, R, U> {
    fn new(errand: Errand, job: J, read: R) -> Ask<J, R, U> {
        Ask::Perform { errand, job, read }
    }

    pub(crate) fn by_thread<T>(self, of: &(impl Perform + ?Sized)) -> Result<U>
    where
        T: Send + 'static,
        J: FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
        R: FnOnce(T) -> Result<U>,
    {
        match self {
            Ask::Perform { errand, job, read } => read(of.perform(errand, job)?),
            Ask::Answered(answer) => Ok(answer()),
        }
    }

    pub(crate) async fn by_task<T>(self, of: &(impl AsyncPerform + ?Sized)) -> Result<U>
    where
        T: Send + 'static,
        J: FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
        R: FnOnce(T) -> Result<U> + Send,
    {
        match self {
            Ask::Perform { errand, job, read } => read(of.perform(errand, job).await?),
            Ask::Answered(answer) => Ok(answer()),
        }
    }
}

/// What happens on the connection's turn.
pub(crate) trait Job<T>: FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static {}

impl<T, J: FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static> Job<T> for J {}

/// What is made of its result on the caller's side.
pub(crate) trait Read<T, U>: FnOnce(T) -> Result<U> + Send {}

impl<T, U, R: FnOnce(T) -> Result<U> + Send> Read<T, U> for R {}

/// Pins the types of a job down.
fn job<T>(job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static) -> impl Job<T> {
    job
}

#[track_caller]
pub(crate) fn fetch_all(prepared: Prepared) -> Ask<impl Job<Rows>, impl Read<Rows, Rows>, Rows> {
    let (errand, statement, params) = prepared.into_errand();
    Ask::new(errand, job(move |core, turn| core.fetch_all(turn, &statement, params)), Ok)
}

#[track_caller]
pub(crate) fn fetch_nth(
    prepared: Prepared,
    position: u64,
) -> Ask<impl Job<Option<Row>>, impl Read<Option<Row>, Option<Row>>, Option<Row>> {
    let (errand, statement, params) = prepared.into_errand();
    Ask::new(errand, job(move |core, turn| core.fetch_nth(turn, &statement, params, position)), Ok)
}

#[track_caller]
pub(crate) fn fetch_last(
    prepared: Prepared,
) -> Ask<impl Job<Option<Row>>, impl Read<Option<Row>, Option<Row>>, Option<Row>> {
    let (errand, statement, params) = prepared.into_errand();
    Ask::new(errand, job(move |core, turn| core.fetch_last(turn, &statement, params)), Ok)
}

#[track_caller]
pub(crate) fn fetch_val<T: FromValueOwned>(
    prepared: Prepared,
) -> Ask<impl Job<Option<Row>>, impl Read<Option<Row>, Option<T>>, Option<T>> {
    first(prepared, |row| row.get(0))
}

#[track_caller]
pub(crate) fn fetch_one_as<T: FromRow>(
    prepared: Prepared,
) -> Ask<impl Job<Option<Row>>, impl Read<Option<Row>, Option<T>>, Option<T>> {
    first(prepared, |row| row.decode())
}

#[track_caller]
pub(crate) fn fetch_all_as<T: FromRow>(prepared: Prepared) -> Ask<impl Job<Rows>, impl Read<Rows, Vec<T>>, Vec<T>> {
    let (errand, statement, params) = prepared.into_errand();
    let kind = statement.kind();
    let job = job(move |core, turn| core.fetch_all(turn, &statement, params));
    Ask::new(errand, job, move |rows: Rows| read_as(kind, rows.decode()))
}

#[track_caller]
pub(crate) fn execute(prepared: Prepared) -> Ask<impl Job<Executed>, impl Read<Executed, Executed>, Executed> {
    let (errand, statement, params) = prepared.into_errand();
    Ask::new(errand, job(move |core, turn| core.execute(turn, &statement, params)), Ok)
}

#[track_caller]
pub(crate) fn execute_many(prepared: PreparedSets) -> Ask<impl Job<u64>, impl Read<u64, u64>, u64> {
    let PreparedSets { statement, options, sets } = prepared;
    if sets.is_empty() {
        return Ask::Answered(|| 0);
    }
    let mut errand = Errand::statement(&statement, options);
    errand.lending = Lending::Never;
    Ask::new(errand, job(move |core, turn| core.execute_many(turn, sets.into_sets())), Ok)
}

#[track_caller]
pub(crate) fn bulk_insert(
    load: PreparedRows,
) -> Ask<impl Job<BulkReport>, impl Read<BulkReport, BulkReport>, BulkReport> {
    let PreparedRows { table, columns, rows } = load;
    let Some(rows) = rows else {
        return Ask::Answered(|| BulkReport { rows: 0, path: BulkPath::Prepared });
    };
    let job = job(move |core, turn| {
        let (rows, path) = core.bulk_insert(turn, &table, &columns, rows.into_sets())?;
        Ok(BulkReport { rows, path })
    });
    Ask::new(Errand::on_worker(QueryOptions::default()), job, Ok)
}

#[track_caller]
pub(crate) fn script(
    dialect: &'static Dialect,
    script: &str,
) -> Result<Ask<impl Job<()> + use<>, impl Read<(), ()> + use<>, ()>> {
    check_script(script, dialect)?;
    let script = script.to_owned();
    Ok(Ask::new(Errand::on_worker(QueryOptions::default()), job(move |core, turn| core.script(turn, &script)), Ok))
}

#[track_caller]
pub(crate) fn catalog(request: Catalog) -> Ask<impl Job<Rows>, impl Read<Rows, Rows>, Rows> {
    Ask::new(Errand::on_worker(QueryOptions::default()), job(move |core, turn| core.catalog(turn, &request)), Ok)
}

#[track_caller]
pub(crate) fn has_table(name: &str) -> Ask<impl Job<Rows> + use<>, impl Read<Rows, bool> + use<>, bool> {
    let name = name.to_owned();
    let job = job(|core, turn| core.catalog(turn, &Catalog::Tables));
    Ask::new(Errand::on_worker(QueryOptions::default()), job, move |rows: Rows| {
        for row in &rows {
            if row.get::<&str>("name")? == name {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

#[track_caller]
pub(crate) fn ping() -> Ask<impl Job<()>, impl Read<(), ()>, ()> {
    Ask::new(Errand::on_worker(QueryOptions::default()), job(|core, turn| core.ping(turn)), Ok)
}

/// A closure that is shipped to the connection's thread.
#[track_caller]
pub(crate) fn run<T: Send + 'static>(
    level: Option<IsolationLevel>,
    work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
) -> Ask<impl Job<T>, impl Read<T, T>, T> {
    let job = job(move |core, turn| work(&Session::new(core.reborrow(), turn, level)));
    Ask::new(Errand::on_worker(QueryOptions::default()), job, Ok)
}

/// The same in a transaction.
#[track_caller]
pub(crate) fn session<T: Send + 'static>(
    level: Option<IsolationLevel>,
    work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
) -> Ask<impl Job<T>, impl Read<T, T>, T> {
    run(level, move |session: &Session<'_>| session.transaction(work))
}

/// A closure that is shipped to the driver's own connection.
#[track_caller]
pub(crate) fn raw<C: Any, T: Send + 'static>(
    work: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
) -> Ask<impl Job<T>, impl Read<T, T>, T> {
    let mut errand = Errand::on_worker(QueryOptions::default());
    errand.installs = true;
    let job = job(move |core, turn| {
        core.raw(turn, |connection| match connection.downcast_mut::<C>() {
            Some(connection) => work(connection),
            None => {
                Err(Error::new(ErrorKind::Misuse, format!("the driver's own connection is no `{}`", type_name::<C>())))
            }
        })
    });
    Ask::new(errand, job, Ok)
}

/// The first row, read as something.
#[track_caller]
fn first<T>(
    prepared: Prepared,
    read: fn(Row) -> Result<T>,
) -> Ask<impl Job<Option<Row>>, impl Read<Option<Row>, Option<T>>, Option<T>> {
    let (errand, statement, params) = prepared.into_errand();
    let kind = statement.kind();
    let job = job(move |core, turn| core.fetch_nth(turn, &statement, params, 0));
    Ask::new(errand, job, move |row: Option<Row>| read_as(kind, row.map(read).transpose()))
}

/// What came of reading the rows of a statement that is over: whatever it changed stays changed, though they could not be
/// read as what was asked for.
fn read_as<T>(kind: StatementKind, read: Result<T>) -> Result<T> {
    read.map_err(|error| match kind {
        StatementKind::Read => error,
        _ => error.with_effect(Effect::Unknown),
    })
}
