//! Dialects as ODBC has them: every parameter is a question mark, whatever the database itself writes.

use crate::error::{Error, ErrorKind, Result};
use crate::sql::{self, Dialect, Placeholder};

pub(super) static GENERIC: Dialect = with_question_marks(sql::GENERIC);
pub(super) static SQLITE: Dialect = with_question_marks(sql::SQLITE);
pub(super) static POSTGRES: Dialect = with_question_marks(sql::POSTGRES);
pub(super) static MYSQL: Dialect = with_question_marks(sql::MYSQL);
pub(super) static MARIADB: Dialect = with_question_marks(sql::MARIADB);
pub(super) static TSQL: Dialect = with_question_marks(sql::TSQL);
pub(super) static ORACLE: Dialect = with_question_marks(sql::ORACLE);
pub(super) static DB2: Dialect = with_question_marks(sql::DB2);

const fn with_question_marks(dialect: Dialect) -> Dialect {
    Dialect { placeholder: Placeholder::QUESTION, ..dialect }
}

/// How a dialect tells whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// A query whose one number says it: 0 none, 1 one, 2 one that accepts only its end.
    Query(&'static str),
    /// A savepoint, which PostgreSQL sets only in a transaction: `25P01` says there is none, `25P02` that it failed.
    Savepoint,
    /// `BEGIN`, which SQLite refuses in a transaction. It takes no lock.
    Begin,
    /// MySQL lets the next transaction be described only when none is open: error 1568 says there is one.
    Describe,
    /// It does not: transactions are those of ODBC itself, by the attribute for autocommit and `SQLEndTran`.
    None,
}

/// A dialect that ODBC reaches.
pub(super) struct Known {
    /// What it is called in the option `dialect`, the scheme's own name among it.
    pub(super) names: &'static [&'static str],
    /// What `SQL_DBMS_NAME` begins with, in small letters.
    pub(super) products: &'static [&'static str],
    pub(super) dialect: &'static Dialect,
    pub(super) probe: Probe,
    /// What asks for the key that the database made for the last row.
    pub(super) last_key: Option<&'static str>,
    /// Whether a write that is interrupted takes its transaction along.
    pub(super) interrupted_write_ends_all: bool,
}

static KNOWN: &[Known] = &[
    Known {
        names: &["generic"],
        products: &[],
        dialect: &GENERIC,
        probe: Probe::None,
        last_key: None,
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["sqlite", "sqlite3"],
        products: &["sqlite"],
        dialect: &SQLITE,
        probe: Probe::Begin,
        last_key: Some("SELECT last_insert_rowid()"),
        interrupted_write_ends_all: true,
    },
    Known {
        names: &["postgresql", "postgres"],
        products: &["postgresql", "cockroach", "yugabyte"],
        dialect: &POSTGRES,
        probe: Probe::Savepoint,
        last_key: None,
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["mariadb"],
        products: &["mariadb"],
        dialect: &MARIADB,
        probe: Probe::Query("SELECT @@in_transaction"),
        last_key: Some("SELECT last_insert_id()"),
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["mysql"],
        products: &["mysql"],
        dialect: &MYSQL,
        probe: Probe::Describe,
        last_key: Some("SELECT last_insert_id()"),
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["mssql", "sqlserver", "tsql"],
        products: &["microsoft sql server", "sql server", "sybase"],
        dialect: &TSQL,
        probe: Probe::Query("SELECT CASE WHEN XACT_STATE() = -1 THEN 2 WHEN @@TRANCOUNT > 0 THEN 1 ELSE 0 END"),
        last_key: None,
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["oracle"],
        products: &["oracle"],
        dialect: &ORACLE,
        probe: Probe::None,
        last_key: None,
        interrupted_write_ends_all: false,
    },
    Known {
        names: &["db2"],
        products: &["db2"],
        dialect: &DB2,
        probe: Probe::None,
        last_key: None,
        interrupted_write_ends_all: false,
    },
];

/// The dialect of this name, in the option or as a scheme's own.
pub(super) fn by_name(name: &str) -> Result<&'static Known> {
    KNOWN.iter().find(|known| known.names.iter().any(|own| own.eq_ignore_ascii_case(name.trim()))).ok_or_else(|| {
        let names: Vec<_> = KNOWN.iter().map(|known| known.names[0]).collect();
        Error::new(
            ErrorKind::Config,
            format!("the option `dialect`: there is no dialect of that name here; give one of {}", names.join(", ")),
        )
    })
}

/// The dialect of the database that calls itself so.
pub(super) fn by_product(product: &str) -> &'static Known {
    let product = product.to_ascii_lowercase();
    let is_its = |known: &&Known| known.products.iter().any(|own| product.starts_with(own));
    KNOWN.iter().find(is_its).unwrap_or(&KNOWN[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_found_by_what_the_database_calls_itself() {
        for (product, name) in [
            ("SQLite", "SQLite"),
            ("PostgreSQL", "PostgreSQL"),
            ("MariaDB", "MariaDB"),
            ("MySQL", "MySQL"),
            ("Microsoft SQL Server", "SQL Server"),
            ("Oracle", "Oracle"),
            ("DB2/LINUXX8664", "Db2"),
            ("Snowflake", "this database"),
        ] {
            assert_eq!(by_product(product).dialect.name, name);
        }
    }

    #[test]
    fn every_parameter_is_a_question_mark() {
        for known in KNOWN {
            assert_eq!(known.dialect.placeholder, Placeholder::QUESTION, "{}", known.dialect.name);
        }
        assert!(by_name("klingon").is_err_and(|error| error.message().contains("generic, sqlite, postgresql")));
    }
}
