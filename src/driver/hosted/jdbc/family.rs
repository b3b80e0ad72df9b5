//! What is known of the drivers of single databases, as data.

/// A sub-protocol: what stands behind `jdbc:`.
pub(super) struct Family {
    pub(super) name: &'static str,
    /// The names under which distributions install the driver in `/usr/share/java`; all of them are wanted.
    pub(super) jars: &'static [&'static str],
    /// Whether an address follows, behind two slashes.
    pub(super) network: bool,
    /// Properties that are given unless the URL or an option has them.
    pub(super) properties: &'static [(&'static str, &'static str, Where)],
}

/// Of which databases a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    All,
    /// Those in the memory of the process.
    Memory,
    /// All others that the process has itself.
    Files,
}

const NONE: Family = Family { name: "", jars: &[], network: false, properties: &[] };

static FAMILIES: &[Family] = &[
    Family {
        name: "h2",
        jars: &["h2.jar"],
        // A commit is written when it returns, and not half a second later, when the process may be gone; a database in
        // memory lives as long as its process does.
        properties: &[("WRITE_DELAY", "0", Where::All), ("DB_CLOSE_DELAY", "-1", Where::Memory)],
        ..NONE
    },
    Family {
        name: "hsqldb",
        jars: &["hsqldb.jar"],
        // With its last connection a file is put in order and can be opened by others; what is in memory would be gone.
        properties: &[("hsqldb.write_delay", "false", Where::All), ("shutdown", "true", Where::Files)],
        ..NONE
    },
    Family { name: "derby", jars: &["derby.jar", "derbyshared.jar"], ..NONE },
    Family { name: "sqlite", jars: &["sqlite-jdbc.jar", "slf4j-api.jar"], ..NONE },
    Family { name: "postgresql", jars: &["postgresql.jar"], network: true, ..NONE },
    Family {
        name: "mariadb",
        jars: &["mariadb-java-client.jar"],
        network: true,
        // A number that is declared TINYINT(1) is a number; a year is none of a date's days.
        properties: &[("tinyInt1isBit", "false", Where::All), ("yearIsDateType", "false", Where::All)],
    },
    Family {
        name: "mysql",
        jars: &["mysql-connector-j.jar", "protobuf.jar"],
        network: true,
        properties: &[("tinyInt1isBit", "false", Where::All), ("yearIsDateType", "false", Where::All)],
    },
    Family { name: "sqlserver", jars: &["mssql-jdbc.jar"], network: true, ..NONE },
    Family { name: "jtds", network: true, ..NONE },
    Family { name: "db2", network: true, ..NONE },
    Family { name: "snowflake", network: true, ..NONE },
    Family { name: "trino", network: true, ..NONE },
    Family { name: "presto", network: true, ..NONE },
    Family { name: "clickhouse", network: true, ..NONE },
    Family { name: "redshift", network: true, ..NONE },
    Family { name: "hive2", network: true, ..NONE },
    Family { name: "databricks", network: true, ..NONE },
];

/// The family of this name; of an unknown one nothing is assumed.
pub(super) fn of(name: &str) -> &'static Family {
    FAMILIES.iter().find(|family| family.name.eq_ignore_ascii_case(name)).unwrap_or(&NONE)
}
