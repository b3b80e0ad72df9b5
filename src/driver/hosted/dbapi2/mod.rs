//! Python DB-API: any database that has a Python module with that interface (PEP 249), in a Python process.
//!
//! # Where
//!
//! | URL | connection |
//! |---|---|
//! | `dbapi2+sqlite3://shop.db` | a module by its name, from the list below, and what its `connect` is given |
//! | `dbapi2+pg8000://app:secret@db:5432/shop` | for modules that take no such text, its parts as named arguments |
//! | `dbapi2://shop.db?dbapi_path=my.module` | any module; as this names code to load, it needs [`allow_code_options`](crate::DatabaseBuilder::allow_code_options) |
//!
//! Names that need no permission: `sqlite` and `sqlite3`; `pg8000`, `psycopg`, `psycopg2`, and `postgresql` for the first
//! of them that is installed; `pymysql`, `mysqldb`, and `mysql` and `mariadb` for the first of those. With `dbapi_path`, what
//! stands behind the `+` is put in front of the text again: `dbapi2+x://dsn` is `connect("x://dsn")`.
//!
//! Options that nobody knows here go to `connect` as named arguments, as text, or as numbers where every module has
//! numbers (`port`, `timeout`, `connect_timeout`, …); `dbapi_driver_args` gives arguments of any type, as JSON.
//!
//! # Which Python
//!
//! `python3`, else `python`, in the virtual environment that `VIRTUAL_ENV` names, then along `PATH`; Python 3.8 or later. The option `python` names
//! another one, such as that of a virtual environment; it needs permission too. For `sqlite3`, which every Python has, one that
//! was not named is started without the packages that are installed (`-S`): they can take longer than all the rest.
//!
//! # Processes
//!
//! Each connection has a Python of its own (`dbapi_pool=process`), so connections run at the same time, and one that hangs is
//! killed alone. With `dbapi_pool=thread` they are threads of one process, which takes less memory; one that hangs keeps
//! its thread until its process is replaced. A SQLite database in memory is one for each connection in either case.
//!
//! # Which SQL
//!
//! The module tells the dialect; for one that nobody knows here the option `dialect` does (`sqlite`, `postgresql`, `mariadb`,
//! `mysql`, `mssql`, `oracle`, `db2`, `h2`, `generic`). Parameters are written as the module's `paramstyle` wants them.
//!
//! # Transactions
//!
//! Outside a transaction each statement commits by itself, as each module spells that; one that cannot is made to commit after each
//! statement. Where the dialect is known, transactions are those of its own SQL, else those of `commit()` and
//! `rollback()`, without savepoints that nobody can be asked about: there a connection is discarded after an error inside of one.
//!
//! # Time
//!
//! A call is ended at its deadline by `interrupt()` of `sqlite3`, by the server on PostgreSQL and MySQL, asked over a second connection, and
//! else, or when that does not help, by killing the process.
//!
//! # Values
//!
//! Python's int (exact, whatever its size), float, bool, str, bytes, `Decimal`, `date`, `time`, `datetime` with and without offset, `timedelta`, `UUID`, lists; dicts as
//! JSON; all else as its type's name and its text. A module decides which of them it gives and takes: `sqlite3` has neither
//! decimals nor dates, so these go in as text.

mod options;
mod python;

use std::sync::Arc;

use super::source::HostedSource;
use crate::config::{Config, SchemeInfo};
use crate::driver::{Driver, Source};
use crate::error::Result;

const SCHEMES: &[SchemeInfo] =
    &[SchemeInfo::new("dbapi2", "generic").any_driver().pass_through().options(options::DBAPI2)];

/// The driver for Python's DB-API.
#[derive(Clone, Copy, Debug)]
pub struct Dbapi2;

impl Driver for Dbapi2 {
    fn name(&self) -> &'static str {
        "dbapi2"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        Ok(Arc::new(HostedSource::new(config, Box::new(python::Python::of(config)?))))
    }
}
