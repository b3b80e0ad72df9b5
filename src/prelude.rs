//! What nearly every program that uses the library needs: `use pontoon::prelude::*;`.
//!
//! The rest is by name: [`Retry`](crate::Retry), [`IsolationLevel`](crate::IsolationLevel), [`Effect`](crate::Effect) and
//! the like from the root, [`TestDatabase`](crate::testing::TestDatabase) from [`testing`](crate::testing). `Result` is
//! not in it, so that yours stays the one of the standard library.

pub use crate::connection::Connection;
pub use crate::database::Database;
pub use crate::error::{Error, ErrorKind};
pub use crate::future::{AsyncConnection, AsyncDatabase, AsyncQueryable, AsyncStreamable, AsyncTransaction, Tx};
pub use crate::params;
pub use crate::query::Query;
pub use crate::queryable::Queryable;
pub use crate::row::{FromRow, Row, Rows};
pub use crate::sql::TxOptions;
pub use crate::streamable::Streamable;
pub use crate::transaction::Transaction;
pub use crate::value::Value;
pub use pontoon_derive::{FromRow, transactional};
