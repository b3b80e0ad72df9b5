//! What is known of the databases behind foreign drivers, as data.

use crate::error::{Error, ErrorKind, Result};
use crate::sql::{self, Dialect, Placeholder};

/// How a host wants parameters written.
#[allow(dead_code, reason = "of hosts that may not be compiled in")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `?`
    Question,
    /// `?`, and `??` for the operator.
    Doubled,
    /// By a mark, in whose place the host writes what its driver wants: what that is, is known when there is a connection,
    /// and statements are read before.
    Marked,
}

/// What stands in no text.
const MARK: Placeholder = Placeholder { prefix: "\u{1}?\u{2}", ..Placeholder::QUESTION };

/// One dialect, for each [`Style`] in its order.
type Styles = [Dialect; 3];

const fn styles(dialect: Dialect) -> Styles {
    [
        Dialect { placeholder: Placeholder::QUESTION, ..dialect },
        Dialect { placeholder: Placeholder::JDBC_OPERATORS, ..dialect },
        Dialect { placeholder: MARK, ..dialect },
    ]
}

static GENERIC: Styles = styles(sql::GENERIC);
static SQLITE: Styles = styles(sql::SQLITE);
static POSTGRES: Styles = styles(sql::POSTGRES);
static MYSQL: Styles = styles(sql::MYSQL);
static MARIADB: Styles = styles(sql::MARIADB);
static TSQL: Styles = styles(sql::TSQL);
static ORACLE: Styles = styles(sql::ORACLE);
static DB2: Styles = styles(sql::DB2);
static H2: Styles = styles(sql::H2);
static HSQLDB: Styles = styles(sql::HSQLDB);

/// How a database tells whether a transaction is open, when its host was not told.
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
    /// It does not.
    None,
}

/// Whose codes and messages errors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
    Mysql,
    Mssql,
    Oracle,
    Other,
}

/// A database behind foreign drivers.
#[derive(Debug)]
pub(super) struct Known {
    /// What it is called in the option `dialect`, the scheme's own name among it.
    pub(super) names: &'static [&'static str],
    /// What the database calls itself begins with, in small letters.
    products: &'static [&'static str],
    styles: &'static Styles,
    pub(super) probe: Probe,
    pub(super) engine: Engine,
    /// Whether a write that is interrupted takes its transaction along.
    pub(super) interrupted_write_ends_all: bool,
}

const UNKNOWN: Known = Known {
    names: &["generic"],
    products: &[],
    styles: &GENERIC,
    probe: Probe::None,
    engine: Engine::Other,
    interrupted_write_ends_all: false,
};

static KNOWN: &[Known] = &[
    UNKNOWN,
    Known {
        names: &["sqlite", "sqlite3"],
        products: &["sqlite"],
        styles: &SQLITE,
        probe: Probe::Begin,
        engine: Engine::Sqlite,
        interrupted_write_ends_all: true,
    },
    Known {
        names: &["postgresql", "postgres"],
        products: &["postgresql", "cockroach", "yugabyte"],
        styles: &POSTGRES,
        probe: Probe::Savepoint,
        engine: Engine::Postgres,
        ..UNKNOWN
    },
    Known {
        names: &["mariadb"],
        products: &["mariadb"],
        styles: &MARIADB,
        probe: Probe::Query("SELECT @@in_transaction"),
        engine: Engine::Mysql,
        ..UNKNOWN
    },
    Known {
        names: &["mysql"],
        products: &["mysql"],
        styles: &MYSQL,
        probe: Probe::Describe,
        engine: Engine::Mysql,
        ..UNKNOWN
    },
    Known {
        names: &["mssql", "sqlserver", "tsql"],
        products: &["microsoft sql server", "sql server"],
        styles: &TSQL,
        probe: Probe::Query("SELECT CASE WHEN XACT_STATE() = -1 THEN 2 WHEN @@TRANCOUNT > 0 THEN 1 ELSE 0 END"),
        engine: Engine::Mssql,
        ..UNKNOWN
    },
    Known { names: &["oracle"], products: &["oracle"], styles: &ORACLE, engine: Engine::Oracle, ..UNKNOWN },
    Known { names: &["db2"], products: &["db2"], styles: &DB2, ..UNKNOWN },
    Known { names: &["h2"], products: &["h2"], styles: &H2, ..UNKNOWN },
    Known { names: &["hsqldb"], products: &["hsql"], styles: &HSQLDB, ..UNKNOWN },
];

impl Known {
    /// Its dialect, with parameters written so.
    pub(super) fn dialect(&self, style: Style) -> &'static Dialect {
        &self.styles[style as usize]
    }
}

/// The database of this name, in the option or as a scheme's own.
pub(super) fn by_name(name: &str) -> Result<&'static Known> {
    KNOWN.iter().find(|known| known.names.iter().any(|own| own.eq_ignore_ascii_case(name.trim()))).ok_or_else(|| {
        let names: Vec<_> = KNOWN.iter().map(|known| known.names[0]).collect();
        Error::new(
            ErrorKind::Config,
            format!("the option `dialect`: there is no dialect of that name here; give one of {}", names.join(", ")),
        )
    })
}

/// The database whose drivers have URLs that begin with `jdbc:` and this name.
#[cfg(feature = "jdbc")]
pub(super) fn by_family(name: &str) -> &'static Known {
    by_name(name).unwrap_or(&KNOWN[0])
}

/// The database that calls itself so.
pub(super) fn by_product(product: &str) -> &'static Known {
    let product = product.to_ascii_lowercase();
    let is_its = |known: &&Known| known.products.iter().any(|own| product.starts_with(own));
    KNOWN.iter().find(is_its).unwrap_or(&KNOWN[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_found_by_what_it_calls_itself() {
        for (product, name) in [
            ("SQLite", "sqlite"),
            ("PostgreSQL", "postgresql"),
            ("MariaDB", "mariadb"),
            ("MySQL", "mysql"),
            ("Microsoft SQL Server", "mssql"),
            ("Oracle", "oracle"),
            ("DB2/LINUXX8664", "db2"),
            ("H2", "h2"),
            ("HSQL Database Engine", "hsqldb"),
            ("Something", "generic"),
        ] {
            assert_eq!(by_product(product).names[0], name);
            assert_eq!(by_name(name).expect(name).names[0], name);
        }
        assert!(by_name("nonsense").is_err());
    }

    #[test]
    fn each_style_has_its_placeholder() {
        for (style, placeholder) in [
            (Style::Question, Placeholder::QUESTION),
            (Style::Doubled, Placeholder::JDBC_OPERATORS),
            (Style::Marked, MARK),
        ] {
            assert_eq!(by_product("PostgreSQL").dialect(style).placeholder, placeholder);
        }
    }
}
