//! The guide: one page a subject, with contracts, defaults and examples that run.
//!
//! | page | for when you ask |
//! |---|---|
//! | [`transactions`] | what is kept, what is undone, what a COMMIT can answer |
//! | [`callers`] | which connection a call uses, and who takes part in whose transaction |
//! | [`futures`] | the same database awaited, and what a drop does |
//! | [`testing`] | how a test leaves nothing behind |
//! | [`deadlines`] | when a call ends, and what a cancel can and cannot do |
//! | [`pool`] | how many connections, for how long, and who holds them |
//! | [`errors`] | what an error means, and whether to try again |
//! | [`streams`] | how to read more rows than fit in memory |
//! | [`observing`] | what it does, how often, how long, and for whom |
//! | [`sqlite`] | what is special about SQLite: types, memory, locks, options |
//! | [`odbc`] | how to reach SQL Server, and whatever else has an ODBC driver |
//! | [`jdbc`] | how to reach whatever has a driver for Java |
#![cfg_attr(
    all(feature = "dbapi2", unix),
    doc = "| [`dbapi2`] | how to reach whatever has a Python module: processes, modules, options |"
)]
#![cfg_attr(
    feature = "mysql",
    doc = "| [`mysql`] | what is special about MySQL and MariaDB: TLS, types, transactions, options |"
)]
#![cfg_attr(
    feature = "postgres",
    doc = "| [`postgres`] | what is special about PostgreSQL: addresses, TLS, types, statements, messages |"
)]

#[doc = include_str!("guide/transactions.md")]
pub mod transactions {}

#[doc = include_str!("guide/callers.md")]
pub mod callers {}

#[doc = include_str!("guide/futures.md")]
pub mod futures {}

#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("guide/pool.md")]
pub mod pool {}

#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/streams.md")]
pub mod streams {}

#[doc = include_str!("guide/observing.md")]
pub mod observing {}

#[cfg(all(feature = "dbapi2", unix))]
#[doc = include_str!("guide/dbapi2.md")]
pub mod dbapi2 {}

#[cfg(feature = "mysql")]
#[doc = include_str!("guide/mysql.md")]
pub mod mysql {}

#[doc = include_str!("guide/sqlite.md")]
pub mod sqlite {}

#[cfg(feature = "postgres")]
#[doc = include_str!("guide/postgres.md")]
pub mod postgres {}

#[doc = include_str!("guide/odbc.md")]
pub mod odbc {}

#[doc = include_str!("guide/jdbc.md")]
pub mod jdbc {}
