//! PostgreSQL, and what speaks its protocol.
//!
//! # Where
//!
//! | URL | server |
//! |---|---|
//! | `postgresql://app@db.example/shop`, `postgres://…` | one host, port 5432 unless another is given |
//! | `postgresql://app@one.example:5432,two.example:5433/shop` | several: the first that will do |
//! | `postgresql:///shop?host=/run/postgresql&user=app` | a Unix socket, by the folder it is in |
//!
//! Hosts and all their addresses are tried in their order (`load_balance_hosts=random`: in a new one for each connection)
//! until one is what `target_session_attrs` asks for. The time to connect is shared among those still to be tried, so that
//! one deaf host does not use up that of the others. It covers names, TLS and login.
//!
//! # TLS
//!
//! `sslmode` means what it means to libpq. Without it a host that can only be this machine is talked to in clear, and every
//! other must show a certificate for its name, signed by a root that the system trusts or that `sslrootcert` names
//! (`verify-full`). A password is sent as it is only to a server that has proved who it is, or with `cleartext_password=true`
//! over TLS or on this machine; never to another machine over a connection that is not encrypted.
//!
//! # Time
//!
//! A call that ends early is cancelled at the server, over a second connection that is read until the server closes it: then
//! the cancel can hit nothing that comes later. A connection that does not answer is cut. Over a Unix socket neither holds:
//! there a cancel costs the connection, and a server that does not answer costs the worker until it does.
//!
//! # Transactions
//!
//! Whether one is open is what the server said last, in the message that ends each answer. COMMIT is sent with a `SELECT 1` in
//! front of it: PostgreSQL answers COMMIT in an aborted transaction as if all were well, and rolls back.
//!
//! # Statements
//!
//! What has parameters or rows is prepared, and kept for the next time (`statement_cache`); what has neither is prepared
//! the second time it runs. A statement whose tables changed is prepared anew by itself; in a transaction PostgreSQL does not
//! let it, and the error says to begin again. With `statement_mode=unnamed` the session keeps none:
//! each run brings its text along, and what is kept is what the server told of it.
//!
//! A stream outside a transaction reads rows off the socket: the connection is taken until it ends. In a transaction it
//! reads from a cursor, and other statements can run beside it.
//!
//! # Cleaning
//!
//! A light reset closes cursors, forgets listeners, settings, roles, advisory locks, temporary tables and what sequences said
//! last, and keeps prepared statements. A full reset forgets those too.

mod admin;
mod catalog;
mod copy;
mod core;
mod error;
mod handle;
mod link;
mod listen;
mod options;
mod pipeline;
mod rows;
mod source;
mod statements;
mod tap;
mod tls;
mod traffic;
mod types;
mod wire;

use std::sync::Arc;

use super::{Admin, Driver, Source};
use crate::config::{Config, SchemeInfo};
use crate::error::Result;

const SCHEMES: &[SchemeInfo] = &[SchemeInfo::new("postgresql", "postgresql")
    .aliases(&["postgres"])
    .feature("postgres", true)
    .network(Some(source::PORT))
    .options(options::OPTIONS)];

/// The driver for PostgreSQL, built on the crate `postgres`.
#[derive(Clone, Copy, Debug)]
pub struct Postgres;

impl Driver for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(source::PgSource::new(config)?))
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(&admin::Databases)
    }
}
