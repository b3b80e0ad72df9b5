//! MySQL and MariaDB.
//!
//! # Where
//!
//! | URL | server |
//! |---|---|
//! | `mysql://user:password@host/name`, `mariadb://…` | over TCP, port 3306 unless another is given |
//! | `mysql://user@/name?socket=/run/mysqld/mysqld.sock` | by a Unix socket |
//! | `mysql://user@first,second:3307/name` | the first of several hosts that can be reached |
//!
//! Both schemes speak to both servers: which one it is, is asked when a connection is opened.
//!
//! # TLS
//!
//! `sslmode` is `verify-full` for every host but this machine, unless it is given. `sslrootcert` names an authority to trust
//! *beside* the public ones; `verify-ca` is therefore refused, as any certificate of any public authority would do.
//! Certificates that MySQL makes for itself name no host: with them `verify-full` needs certificates of your own.
//!
//! # Transactions
//!
//! **DDL commits.** A `CREATE`, `ALTER` or the like in a transaction ends it, and so it is reported: `TransactionLost`,
//! after which nothing is accepted until the transaction is finished. So does a deadlock, which rolls all of it back. A
//! lock that is not granted in time (`Busy`) and a statement that is cancelled undo that statement only.
//!
//! # Time and cancelling
//!
//! A statement past its deadline is ended with `KILL QUERY` from a second connection, which is opened for that (and only
//! sent if it reaches the same server, by host name, port and number). Before anything else runs on the first, a statement
//! that does nothing takes in a kill that came too late. A server that does not answer is cut off: the socket is shut
//! down, the call ends, the connection is discarded. So it is after every timeout and every error of the connection, since
//! the answer may still be on its way. On Windows there is no socket to be had: there a server that never answers costs
//! the worker.
//!
//! # Statements and rows
//!
//! Everything is prepared, and so is one statement at a time; what cannot be prepared (1295) is sent as text. Rows are
//! read as they come. While they do, the connection can do nothing else. A reader that leaves early waits for what is
//! already on its way, after the server was asked to stop; what takes long is cut off.
//!
//! An `UPDATE` counts the rows that it found, as other databases do (`found_rows=false` for those that it changed). An
//! `INSERT` of several rows tells the key of its first.
//!
//! The SQL mode `NO_BACKSLASH_ESCAPES` is never on: under it strings end elsewhere. `LOAD DATA LOCAL` gets no file of this
//! machine, whoever asks; `bulk_insert` uses it, with rows in the place of a file, when `bulk=load_data` says so.
//!
//! # Values
//!
//! The head of `values.rs`, beside this file, has the tables. Text is utf8mb4, whatever the tables are. A decimal is bound
//! as text, so a comparison with a `DECIMAL` column may be one of floats: write `= CAST(:it AS DECIMAL(65, 30))` where the
//! last digits count.
//!
//! # Cleaning
//!
//! Light and full reset are the same, the server's own: temporary tables, variables, locks, prepared statements and all
//! else that a session has are gone afterwards, and prepared statements come back as they are used.

mod admin;
mod bulk;
mod catalog;
mod connect;
mod error;
mod infile;
mod link;
mod load;
mod many;
mod options;
mod plain;
mod reach;
mod reading;
mod server;
mod source;
mod transaction;
mod values;
mod verb;
mod zone;

use std::sync::Arc;

use super::{Admin, Driver, Source};
use crate::config::{Config, SchemeInfo};
use crate::error::Result;
use crate::sql::{MARIADB, MYSQL};

const SCHEMES: &[SchemeInfo] = &[
    SchemeInfo::new("mysql", "mysql").network(Some(connect::PORT)).options(options::OPTIONS),
    SchemeInfo::new("mariadb", "mariadb").feature("mysql", true).network(Some(connect::PORT)).options(options::OPTIONS),
];

/// The driver for MySQL and MariaDB, built on the `mysql` crate.
#[derive(Clone, Copy, Debug)]
pub struct Mysql;

impl Driver for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        let settings = options::Settings::of(config)?;
        let dialect = if config.scheme().name == "mariadb" { &MARIADB } else { &MYSQL };
        Ok(Arc::new(source::MysqlSource::new(connect::Connector::new(config, settings)?, dialect)))
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(&admin::Databases)
    }
}
