//! What is known of the databases behind foreign drivers, as data.

use super::probe::Probe;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{self, Dialect, Placeholder};

/// How a driver wants parameters written.
#[allow(dead_code, reason = "of drivers that may not be compiled in")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Style {
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

/// Whose codes and messages errors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver) enum Engine {
    Sqlite,
    Postgres,
    Mysql,
    Mssql,
    Oracle,
    Other,
}

/// A database behind foreign drivers.
#[derive(Debug)]
#[allow(dead_code, reason = "of drivers that may not be compiled in")]
pub(in crate::driver) struct Known {
    /// What it is called in the option `dialect`, the scheme's own name among it.
    names: &'static [&'static str],
    /// What the database calls itself begins with, in small letters.
    products: &'static [&'static str],
    styles: &'static Styles,
    pub(in crate::driver) probe: Probe,
    pub(in crate::driver) engine: Engine,
    /// A query of one number, which touches nothing.
    pub(in crate::driver) one: &'static str,
    /// What asks for the key that the database made for the last row, if its driver does not tell.
    pub(in crate::driver) last_key: Option<&'static str>,
    /// Whether a write that is interrupted takes its transaction along.
    pub(in crate::driver) interrupted_write_ends_all: bool,
}

const UNKNOWN: Known = Known {
    names: &["generic"],
    products: &[],
    styles: &GENERIC,
    probe: Probe::None,
    engine: Engine::Other,
    one: "SELECT 1",
    last_key: None,
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
        last_key: Some("SELECT last_insert_rowid()"),
        interrupted_write_ends_all: true,
        ..UNKNOWN
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
        last_key: Some("SELECT last_insert_id()"),
        ..UNKNOWN
    },
    Known {
        names: &["mysql"],
        products: &["mysql"],
        styles: &MYSQL,
        probe: Probe::Describe,
        engine: Engine::Mysql,
        last_key: Some("SELECT last_insert_id()"),
        ..UNKNOWN
    },
    Known {
        names: &["mssql", "sqlserver", "tsql"],
        products: &["microsoft sql server", "sql server", "sybase"],
        styles: &TSQL,
        probe: Probe::Query("SELECT CASE WHEN XACT_STATE() = -1 THEN 2 WHEN @@TRANCOUNT > 0 THEN 1 ELSE 0 END"),
        engine: Engine::Mssql,
        ..UNKNOWN
    },
    Known {
        names: &["oracle"],
        products: &["oracle"],
        styles: &ORACLE,
        engine: Engine::Oracle,
        one: "SELECT 1 FROM DUAL",
        ..UNKNOWN
    },
    Known { names: &["db2"], products: &["db2"], styles: &DB2, one: "SELECT 1 FROM SYSIBM.SYSDUMMY1", ..UNKNOWN },
    Known { names: &["h2"], products: &["h2"], styles: &H2, ..UNKNOWN },
    Known { names: &["hsqldb"], products: &["hsql"], styles: &HSQLDB, ..UNKNOWN },
];

impl Known {
    /// Its dialect, with parameters written so.
    pub(in crate::driver) fn dialect(&self, style: Style) -> &'static Dialect {
        &self.styles[style as usize]
    }
}

/// The database of this name, in the option or as a scheme's own.
pub(in crate::driver) fn by_name(name: &str) -> Result<&'static Known> {
    KNOWN.iter().find(|known| known.names.iter().any(|own| own.eq_ignore_ascii_case(name.trim()))).ok_or_else(|| {
        let names: Vec<_> = KNOWN.iter().map(|known| known.names[0]).collect();
        Error::new(
            ErrorKind::Config,
            format!("the option `dialect`: there is no dialect of that name here; give one of {}", names.join(", ")),
        )
    })
}

/// The database whose drivers have URLs that begin with `jdbc:` and this name.
#[cfg(all(feature = "jdbc", unix))]
pub(in crate::driver) fn by_family(name: &str) -> &'static Known {
    by_name(name).unwrap_or(&KNOWN[0])
}

/// The database that calls itself so.
pub(in crate::driver) fn by_product(product: &str) -> &'static Known {
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
        assert!(by_name("klingon").is_err_and(|error| error.message().contains("generic, sqlite, postgresql")));
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
