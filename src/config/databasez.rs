//! What programs written for databasez and its kin put into their URLs, and what becomes of it here.

/// The Python packages that SQLAlchemy, databasez and databases name after `+`. There is one driver per dialect here,
/// and each of these names selects it. Sorted by dialect.
const PYTHON_DRIVERS: &[(&str, &[&str])] = &[
    ("cockroachdb", &["asyncpg", "psycopg", "psycopg2"]),
    ("mariadb", MYSQL),
    ("mssql", &["aioodbc", "pymssql", "pyodbc"]),
    ("mysql", MYSQL),
    ("oracle", &["cx_oracle", "oracledb", "oracledb_async"]),
    ("postgresql", &["aiopg", "asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg2cffi", "psycopg_async", "pygresql"]),
    ("sqlite", &["aiosqlite", "pysqlite", "pysqlite3"]),
];

const MYSQL: &[&str] = &[
    "aiomysql",
    "asyncmy",
    "cymysql",
    "mariadbconnector",
    "mysqlclient",
    "mysqlconnector",
    "mysqldb",
    "pymysql",
    "pyodbc",
];

/// The Python packages for a dialect.
pub(super) fn python_drivers(dialect: &str) -> impl Iterator<Item = &'static str> + use<> {
    let found = PYTHON_DRIVERS.iter().find(|(name, _)| *name == dialect);
    found.into_iter().flat_map(|(_, drivers)| drivers.iter().copied())
}

/// What becomes of an option that means something to databasez and nothing here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// Accepted; the configuration carries the reason as a notice.
    Ignored,
    /// Refused; the reason says what to do instead.
    Refused,
}

/// Such an option, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retired {
    pub(super) name: &'static str,
    pub(super) verdict: Verdict,
    pub(super) why: &'static str,
}

const fn ignored(name: &'static str, why: &'static str) -> Retired {
    Retired { name, verdict: Verdict::Ignored, why }
}

const fn refused(name: &'static str, why: &'static str) -> Retired {
    Retired { name, verdict: Verdict::Refused, why }
}

/// Options without a meaning here. Looked at after the driver's and the general ones.
pub(super) const RETIRED: &[Retired] = &[
    ignored("poll_interval", "nothing is polled: whoever waits is woken"),
    ignored("full_isolation", "every connection lives on a thread of its own in any case"),
    ignored("dbapi_force_async_wrapper", "every driver is called from a thread of its own in any case"),
    ignored("check_same_thread", "every connection stays on its thread in any case"),
    ignored("pool_pre_ping", "a connection that was idle is checked before it is used in any case"),
    ignored("pool_use_lifo", "the pool chooses the connection"),
    ignored(
        "pool_reset_on_return",
        "an open transaction is rolled back in any case; see the option `reset` for the rest",
    ),
    ignored("autocommit", "outside a transaction every statement commits by itself in any case"),
    refused("poolclass", "there is one pool; use `pool_size`, and `pool_size=1` for a single connection"),
    refused("json_serializer", "it is a Python function; wrap the value in a type that is written as JSON"),
    refused("json_deserializer", "it is a Python function; read the column as a type that is read from JSON"),
    refused("overwrite_paths", "it names Python modules; hand a driver of your own to the builder"),
    refused("dialect_overwrites", "it names Python attributes; choose the SQL dialect with the option `dialect`"),
    refused("connect_args", "it is a Python dictionary; give each of its entries as an option"),
    refused("creator", "it is a Python function; hand a driver of your own to the builder"),
    refused("execution_options", "it is a Python dictionary; set options on the query"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_free_of_duplicates() {
        assert!(PYTHON_DRIVERS.is_sorted_by(|a, b| a.0 < b.0));
        for (dialect, drivers) in PYTHON_DRIVERS {
            assert!(drivers.is_sorted_by(|a, b| a < b), "{dialect}");
        }
        for (n, retired) in RETIRED.iter().enumerate() {
            assert!(RETIRED[..n].iter().all(|earlier| earlier.name != retired.name), "{}", retired.name);
        }
    }
}
