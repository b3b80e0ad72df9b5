//! ODBC: any database that has an ODBC driver, SQL Server among them.
//!
//! # Where
//!
//! | URL | connection |
//! |---|---|
//! | `odbc:DRIVER={PostgreSQL Unicode};SERVER=db;UID=app;…` | a connection string, as its driver's manual has it |
//! | `odbc:///?dsn=warehouse` | a data source of `odbc.ini` |
//! | `odbc://app:secret@db:5432/shop?driver=PostgreSQL+Unicode` | the parts, put together here; further options go to the driver |
//! | `mssql://app:secret@db/shop` | SQL Server, with the best driver that is registered |
//!
//! [`drivers`] and [`data_sources`] list what is installed. A driver may be named, not pointed at: `DRIVER=` with a path
//! loads code, and is refused unless
//! [`allow_code_options`](crate::DatabaseBuilder::allow_code_options) is set. The guide has recipes for single databases.
//!
//! # Which SQL
//!
//! The database is asked for its name, and its dialect is chosen by it; the option `dialect` (`sqlite`, `postgresql`,
//! `mariadb`, `mysql`, `mssql`, `oracle`, `db2`, `generic`) overrules it. Parameters go to the driver as question marks,
//! whatever the database itself writes.
//!
//! # Transactions
//!
//! On SQLite, PostgreSQL, MariaDB, MySQL and SQL Server transactions are those of the database's own SQL, and the
//! database is asked what is open after everything that can have changed it. On all others they are ODBC's
//! (autocommit and `SQLEndTran`): there nobody can be asked, so a connection is discarded after an error inside of one.
//!
//! # Time
//!
//! A call is ended by `SQLCancel` at its deadline. Some drivers do not heed it, and ODBC has no way to cut a connection:
//! such a call keeps its worker until it returns, and is counted as stuck. The time to connect is handed to the driver;
//! MariaDB's ignores it. A driver that is registered with `Threading=3` lets one call through at a time, for all
//! connections, and a cancel waits behind the call it is meant for.
//!
//! # Rows
//!
//! Rows come in blocks where all columns have a bounded size, else one by one; the option `fetch` says which. Nothing is
//! ever cut: a value that a block has no room for is fetched again, or is an error that names the column. Most drivers
//! read a whole result into memory before the first row unless told otherwise (`UseDeclareFetch=1` of PostgreSQL's,
//! `NO_CACHE=1` with `FORWARDONLY=1` of MariaDB's).
//!
//! # Statements
//!
//! A text that reads or writes rows is prepared when it runs again, and kept (`statement_cache`), by drivers of which it is
//! known what they tell of a table that has changed since: those of PostgreSQL, MariaDB and SQLite.
//!
//! # Text
//!
//! Text goes to the driver as UTF-8 or as UTF-16, by what is known of the driver; the option `text` overrules it. A NUL
//! is refused, because drivers cut the text there.
//!
//! # Cleaning
//!
//! A reset, light or full, opens the connection anew.

mod blocks;
mod bulk;
mod cancel;
mod catalog;
mod columns;
mod connection_string;
mod core;
mod error;
mod family;
mod link;
mod manager;
mod options;
mod params;
mod rows;
mod run;
mod source;
mod statements;
mod target;
mod transactions;

use std::sync::Arc;

use super::{Driver, Source};
use crate::config::{Config, SchemeInfo};
use crate::error::Result;

pub use manager::{DataSource, InstalledDriver, data_sources, drivers};

const SCHEMES: &[SchemeInfo] = &[
    SchemeInfo::new("odbc", "generic").pass_through().options(options::ODBC),
    SchemeInfo::new("mssql", "mssql")
        .aliases(&["sqlserver"])
        .drivers(&["odbc"])
        .feature("odbc", true)
        .network(Some(1433))
        .pass_through()
        .options(options::MSSQL),
];

/// The driver for everything that has an ODBC driver, built on `odbc-api`.
#[derive(Clone, Copy, Debug)]
pub struct Odbc;

impl Driver for Odbc {
    fn name(&self) -> &'static str {
        "odbc"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(source::OdbcSource::of(config)?))
    }
}
