//! Statements of `sea-query`, wherever a query is taken: written in the SQL of the database, with their values as
//! parameters. They may be given by value, by reference, or as the `&mut` that their builders return.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sea_query::{
    DeleteStatement, ForeignKeyCreateStatement, ForeignKeyDropStatement, IndexCreateStatement, IndexDropStatement,
    InsertStatement, MysqlQueryBuilder, OptionEnum, PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder,
    TableAlterStatement, TableCreateStatement, TableDropStatement, TableRenameStatement, TableTruncateStatement,
    UpdateStatement, Value as SeaValue, WithQuery,
};

use super::{IntoQuery, Query};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::Params;
use crate::sql::{Dialect, Family};
use crate::value::{ConversionError, ToValue, Value};

/// Writes a statement with the builder of the dialect's family.
macro_rules! written {
    ($statement:expr, $dialect:expr) => {{
        let (statement, dialect): (_, &'static Dialect) = ($statement, $dialect);
        let family = dialect.family.ok_or_else(|| {
            unsupported(format!("sea-query writes no SQL for {}: write the statement as text", dialect.name))
        })?;
        // It panics where a database cannot do what is asked, an ALTER TABLE with two changes on SQLite say.
        catch_unwind(AssertUnwindSafe(|| match family {
            Family::MySql => statement.build(MysqlQueryBuilder),
            Family::Postgres => statement.build(PostgresQueryBuilder),
            Family::Sqlite => statement.build(SqliteQueryBuilder),
        }))
        .map_err(|panic| {
            let reason = panic.downcast_ref::<String>().map(String::as_str);
            let reason = reason.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            unsupported(format!("sea-query cannot write this statement for {}: {reason}", dialect.name))
        })
    }};
}

fn unsupported(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, message).with_effect(Effect::NotSent)
}

macro_rules! with_values {
    ($($statement:ty),+) => {$(
        impl<'q> IntoQuery<'q> for &$statement {
            fn into_query(self, dialect: &'static Dialect) -> Result<Query<'q>> {
                let (sql, values) = written!(self, dialect)?;
                let query = Query::new(sql);
                Ok(if values.0.is_empty() { query } else { query.bind(Params::positional(values.0.into_iter().map(value))) })
            }
        }

        by_value!($statement);
    )+};
}

macro_rules! without_values {
    ($($statement:ty),+) => {$(
        impl<'q> IntoQuery<'q> for &$statement {
            fn into_query(self, dialect: &'static Dialect) -> Result<Query<'q>> {
                written!(self, dialect).map(Query::new)
            }
        }

        by_value!($statement);
    )+};
}

macro_rules! by_value {
    ($statement:ty) => {
        impl<'q> IntoQuery<'q> for &mut $statement {
            fn into_query(self, dialect: &'static Dialect) -> Result<Query<'q>> {
                (&*self).into_query(dialect)
            }
        }

        impl<'q> IntoQuery<'q> for $statement {
            fn into_query(self, dialect: &'static Dialect) -> Result<Query<'q>> {
                (&self).into_query(dialect)
            }
        }
    };
}

with_values!(SelectStatement, InsertStatement, UpdateStatement, DeleteStatement, WithQuery);
without_values!(
    TableCreateStatement,
    TableAlterStatement,
    TableDropStatement,
    TableRenameStatement,
    TableTruncateStatement,
    IndexCreateStatement,
    IndexDropStatement,
    ForeignKeyCreateStatement,
    ForeignKeyDropStatement
);

/// Exactly, and NULL with its kind.
fn value(value: SeaValue) -> std::result::Result<Value, ConversionError> {
    match value {
        SeaValue::Bool(it) => it.into_value(),
        SeaValue::TinyInt(it) => it.into_value(),
        SeaValue::SmallInt(it) => it.into_value(),
        SeaValue::Int(it) => it.into_value(),
        SeaValue::BigInt(it) => it.into_value(),
        SeaValue::TinyUnsigned(it) => it.into_value(),
        SeaValue::SmallUnsigned(it) => it.into_value(),
        SeaValue::Unsigned(it) => it.into_value(),
        SeaValue::BigUnsigned(it) => it.into_value(),
        SeaValue::Float(it) => it.into_value(),
        SeaValue::Double(it) => it.into_value(),
        SeaValue::String(it) => it.into_value(),
        SeaValue::Char(it) => it.map(String::from).into_value(),
        SeaValue::Bytes(it) => it.into_value(),
        SeaValue::Enum(OptionEnum::Some(it)) => it.value.into_owned().into_value(),
        SeaValue::Enum(OptionEnum::None(_)) => None::<String>.into_value(),
        SeaValue::Array(_, Some(list)) => {
            list.into_iter().map(self::value).collect::<std::result::Result<_, _>>().map(Value::Array)
        }
        SeaValue::Array(_, None) => Ok(Value::Null(crate::value::Kind::Array)),
        #[cfg(feature = "serde_json")]
        SeaValue::Json(it) => it.map(|json| *json).into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoDate(it) => it.into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoTime(it) => it.into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoDateTime(it) => it.into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoDateTimeUtc(it) => it.into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoDateTimeLocal(it) => it.map(|moment| moment.fixed_offset()).into_value(),
        #[cfg(feature = "chrono")]
        SeaValue::ChronoDateTimeWithTimeZone(it) => it.into_value(),
        #[cfg(feature = "time")]
        SeaValue::TimeDate(it) => it.into_value(),
        #[cfg(feature = "time")]
        SeaValue::TimeTime(it) => it.into_value(),
        #[cfg(feature = "time")]
        SeaValue::TimeDateTime(it) => it.into_value(),
        #[cfg(feature = "time")]
        SeaValue::TimeDateTimeWithTimeZone(it) => it.into_value(),
        #[cfg(feature = "jiff")]
        SeaValue::JiffDate(it) => it.into_value(),
        #[cfg(feature = "jiff")]
        SeaValue::JiffTime(it) => it.into_value(),
        #[cfg(feature = "jiff")]
        SeaValue::JiffDateTime(it) => it.map(|moment| *moment).into_value(),
        #[cfg(feature = "jiff")]
        SeaValue::JiffTimestamp(it) => it.map(|moment| *moment).into_value(),
        #[cfg(feature = "uuid")]
        SeaValue::Uuid(it) => it.into_value(),
        #[cfg(feature = "rust_decimal")]
        SeaValue::Decimal(it) => it.into_value(),
        #[cfg(feature = "bigdecimal")]
        SeaValue::BigDecimal(it) => it.map(|decimal| *decimal).into_value(),
        // Other crates of the program can switch on kinds of `sea-query` whose features are off here.
        #[allow(unreachable_patterns, reason = "all are known when all features are on and no other crate adds one")]
        _ => Err(ConversionError::sending::<SeaValue>(
            "it is of a kind that needs a feature of pontoon of the crate's name, or that is not supported: give it as text",
        )),
    }
}
