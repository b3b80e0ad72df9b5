//! SQL Server, by FreeTDS, at the wire: what is asked of a server, and what becomes of its answers.
//!
//! The server is the one of the test kit (`tests/kit/tds/`), which speaks the protocol and is no SQL Server. What holds
//! here holds for what goes over the wire; what a SQL Server says to it is not shown. With the path of Microsoft's driver
//! in `PONTOON_TEST_MSODBCSQL` everything is done through that one, too.
#![cfg(all(feature = "odbc", feature = "sqlite", unix))]

#[path = "../kit/mod.rs"]
mod kit;

mod connecting;
mod errors;
mod server;
mod stopping;
mod streams;
mod support;
mod transactions;
mod values;
