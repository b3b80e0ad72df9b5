//! One library for every database that has a blocking driver: the plain data that everything else speaks.

pub mod config;
pub mod error;
mod params;
mod query;
pub mod row;
mod secret;
pub mod sql;
pub mod url;
pub mod value;

pub use config::{Config, ConfigBuilder, PoolOptions};
pub use error::{Effect, Error, ErrorKind, Result};
#[doc(hidden)]
pub use params::__params;
pub use params::{IntoParams, IntoRows, Params};
pub use pontoon_derive::FromRow;
pub use query::{IntoQuery, Query, QueryOptions};
pub use row::{Batch, BatchBuilder, Column, Columns, FromRow, Row, RowIndex, RowMap, Rows, Scalar};
pub use secret::{Redactor, Secret};
pub use sql::{Access, IsolationLevel, LockMode, Retry, TxOptions};
pub use url::DatabaseUrl;
