//! A query: SQL and how to run it.

#[cfg(feature = "sea-query")]
mod sea_query;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::params::{IntoParams, Params};
use crate::sql::Dialect;

/// SQL with options for its run. A plain string is one too: whatever takes a query takes [`IntoQuery`].
///
/// ```
/// use std::time::Duration;
/// use pontoon::Query;
///
/// let query = Query::new("select id from notes where text = :text")
///     .timeout(Duration::from_secs(2))
///     .max_rows(1000);
/// assert_eq!(query.options().max_rows, Some(1000));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a query does nothing until it is run"]
pub struct Query<'q> {
    sql: Cow<'q, str>,
    params: Params,
    options: QueryOptions,
}

/// How a query is run. What is `None` is as the database handle is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryOptions {
    /// How long the call may take, waiting for a connection included. Zero is over at once.
    pub timeout: Option<Duration>,
    /// The moment at which the call is over. Beside a timeout, the earlier of both counts.
    pub deadline: Option<Instant>,
    /// How many rows a batch holds at most when rows are streamed.
    pub batch_rows: Option<NonZeroUsize>,
    /// Whether the caller says that nothing is written: the statement is refused if it looks like it writes.
    pub read_only: bool,
    /// More rows than this are an error.
    pub max_rows: Option<u64>,
    /// Rows of more bytes than this, all together, are an error.
    pub max_bytes: Option<u64>,
}

impl QueryOptions {
    /// When a call that starts `now` is over; `None` when it never is by these options, or so far away that the clock
    /// cannot say it.
    pub fn ends_at(&self, now: Instant) -> Option<Instant> {
        let timeout = self.timeout.and_then(|timeout| now.checked_add(timeout));
        match (timeout, self.deadline) {
            (Some(timeout), Some(deadline)) => Some(timeout.min(deadline)),
            (timeout, deadline) => timeout.or(deadline),
        }
    }
}

impl<'q> Query<'q> {
    /// A query without options.
    #[inline]
    pub fn new(sql: impl Into<Cow<'q, str>>) -> Query<'q> {
        Query { sql: sql.into(), params: Params::None, options: QueryOptions::default() }
    }

    /// With its parameters. The call that runs it then gets none (`()`).
    pub fn bind(mut self, params: impl IntoParams) -> Query<'q> {
        self.params = params.into_params();
        self
    }

    /// Over after this long, waiting for a connection included. Zero is over at once.
    pub fn timeout(mut self, timeout: Duration) -> Query<'q> {
        self.options.timeout = Some(timeout);
        self
    }

    /// Over at this moment. Beside a timeout, the earlier of both counts.
    pub fn deadline(mut self, deadline: Instant) -> Query<'q> {
        self.options.deadline = Some(deadline);
        self
    }

    /// With batches of at most so many rows when rows are streamed; zero is taken as one.
    pub fn batch_rows(mut self, rows: usize) -> Query<'q> {
        self.options.batch_rows = Some(NonZeroUsize::new(rows).unwrap_or(NonZeroUsize::MIN));
        self
    }

    /// Refused if it looks like it writes.
    pub fn read_only(mut self) -> Query<'q> {
        self.options.read_only = true;
        self
    }

    /// More rows than this are an error.
    pub fn max_rows(mut self, rows: u64) -> Query<'q> {
        self.options.max_rows = Some(rows);
        self
    }

    /// Rows of more bytes than this, all together, are an error.
    pub fn max_bytes(mut self, bytes: u64) -> Query<'q> {
        self.options.max_bytes = Some(bytes);
        self
    }

    /// The SQL.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The options.
    pub fn options(&self) -> &QueryOptions {
        &self.options
    }

    /// The parameters it carries.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Its parts, with the parameters of the query or of the call, whichever has some.
    ///
    /// # Errors
    /// [`ErrorKind::Parameter`] when both have.
    #[inline]
    pub fn into_parts(self, call: impl IntoParams) -> Result<(Cow<'q, str>, Params, QueryOptions)> {
        let call = call.into_params();
        if matches!(self.params, Params::None) {
            return Ok((self.sql, call, self.options));
        }
        match call {
            Params::None => Ok((self.sql, self.params, self.options)),
            _ => Err(given_twice()),
        }
    }

    /// The same query with SQL of its own, to be kept.
    pub fn into_owned(self) -> Query<'static> {
        Query { sql: Cow::Owned(self.sql.into_owned()), params: self.params, options: self.options }
    }
}

#[cold]
fn given_twice() -> Error {
    Error::new(ErrorKind::Parameter, "parameters were given twice: with the query and with the call")
}

/// What can be run: SQL as a string, a [`Query`], or, with the feature `sea-query`, a statement of that crate.
///
/// ```
/// # #[cfg(feature = "sea-query")] {
/// # use pontoon::prelude::*;
/// use sea_query::{Alias, ColumnDef, Expr, ExprTrait, Query, Table};
///
/// let db = Database::open("sqlite::memory:")?;
/// db.execute(Table::create().table("notes").col(ColumnDef::new("id").integer().primary_key()).col(ColumnDef::new("text").text()), ())?;
/// db.execute(Query::insert().into_table("notes").columns(["text"]).values_panic(["buy milk".into()]), ())?;
/// let find = Query::select().column("id").from("notes").and_where(Expr::col("text").eq("buy milk")).take();
/// assert_eq!(db.fetch_val::<i64>(&find, ())?, Some(1));
///
/// // With options for its run.
/// use pontoon::IntoQuery;
/// let timely = find.into_query(db.dialect())?.timeout(std::time::Duration::from_secs(2));
/// assert_eq!(db.fetch_val::<i64>(timely, ())?, Some(1));
/// # }
/// # Ok::<(), pontoon::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    note = "a query is SQL as a string, a `pontoon::Query`, or a statement of `sea_query` with the feature `sea-query`"
)]
pub trait IntoQuery<'q> {
    /// The query, as a database of this dialect is asked it.
    ///
    /// # Errors
    /// `Unsupported` for a statement that cannot be written in the dialect. Text is taken as it is.
    fn into_query(self, dialect: &'static Dialect) -> Result<Query<'q>>;
}

impl<'q> IntoQuery<'q> for Query<'q> {
    #[inline]
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(self)
    }
}

impl<'q> IntoQuery<'q> for &'q Query<'_> {
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(Query { sql: Cow::Borrowed(&self.sql), params: self.params.clone(), options: self.options })
    }
}

impl<'q> IntoQuery<'q> for &'q str {
    #[inline]
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(Query::new(self))
    }
}

impl<'q> IntoQuery<'q> for &'q String {
    #[inline]
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(Query::new(self.as_str()))
    }
}

impl<'q> IntoQuery<'q> for String {
    #[inline]
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(Query::new(self))
    }
}

impl<'q> IntoQuery<'q> for Cow<'q, str> {
    #[inline]
    fn into_query(self, _dialect: &'static Dialect) -> Result<Query<'q>> {
        Ok(Query::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn the_earlier_end_counts() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let options = |query: Query<'_>| query.options().ends_at(now);
        assert_eq!(options(Query::new("")), None);
        assert_eq!(options(Query::new("").timeout(second)), Some(now + second));
        assert_eq!(options(Query::new("").timeout(second * 2).deadline(now + second)), Some(now + second));
        assert_eq!(options(Query::new("").timeout(second).deadline(now + second * 2)), Some(now + second));
        assert_eq!(options(Query::new("").timeout(Duration::MAX)), None);
    }

    #[test]
    fn parameters_are_given_once() {
        let query = Query::new("select :a").bind(params! { a: 1 });
        let (sql, params, _) = query.clone().into_parts(()).unwrap();
        assert_eq!((&*sql, params), ("select :a", params! { a: 1 }));
        let (_, params, _) = Query::new("select :a").into_parts(params! { a: 2 }).unwrap();
        assert_eq!(params, params! { a: 2 });
        let error = query.into_parts((1,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameter);
    }

    #[test]
    fn a_query_borrows_where_it_can() {
        fn sql<'q>(query: impl IntoQuery<'q>) -> Cow<'q, str> {
            query.into_query(&crate::sql::SQLITE).unwrap().into_parts(()).unwrap().0
        }
        let text = String::from("select 1");
        let query = Query::new("select 1").batch_rows(0);
        assert!(matches!(sql("select 1"), Cow::Borrowed("select 1")));
        assert!(matches!(sql(&text), Cow::Borrowed("select 1")));
        assert!(matches!(sql(&query), Cow::Borrowed("select 1")));
        assert_eq!(query.options().batch_rows, NonZeroUsize::new(1));
        assert!(matches!(sql(text), Cow::Owned(_)));
        assert!(matches!(sql(query.into_owned()), Cow::Owned(_)));
    }
}
