//! What is known of single drivers, as data. A driver that nobody knows is taken at its word.

use super::connection_string::ConnectionString;

/// How a driver takes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// As UTF-8 in `SQL_C_CHAR`.
    Narrow,
    /// As UTF-16 in `SQL_C_WCHAR`.
    Wide,
}

/// Which floats a database stores as they are; what it would turn into something else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Floats {
    All,
    NoNan,
    Finite,
}

/// What holds of a statement that stays prepared when it runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Nobody has looked: every run sends its text.
    Nothing,
    /// It runs as the tables are by then, and of its columns everything is told anew but the names: a text that leaves them
    /// to the table is sent each time.
    Statement,
    /// Its columns too: the server refuses to run a statement whose columns have changed. So their names and types are
    /// compared, for the case that the driver was told not to use the server's statements, and no more is asked.
    Columns,
    /// What the driver says of its columns is what they were when it was prepared, so none may run when the version of the
    /// schema is another one.
    UntilVersion(&'static str),
}

/// What psqlodbc runs when it has connected.
const ZONE: &[&str] = &["ConnSettings", "A6"];
const UTC: &str = "SET TimeZone TO 'UTC'";

/// Whether the moments of a connection are given in UTC, and their offset left out.
pub(super) fn is_in_utc(settings: &ConnectionString) -> bool {
    settings.any(ZONE) == Some(UTC)
}

/// A family of drivers.
#[derive(Debug)]
pub(super) struct Family {
    /// What the name of its file, or the name it is registered under, has in it, in small letters.
    pub(super) marks: &'static [&'static str],
    /// Settings that it is given where the connection string has none of its own: the key, other keys for the same, the
    /// value.
    pub(super) settings: &'static [(&'static [&'static str], &'static str)],
    pub(super) text: Text,
    /// Whether dates, times and decimals are bound as such, and not as plain text.
    pub(super) typed: bool,
    /// Whether times of day are among those.
    pub(super) typed_times: bool,
    /// The first year that it reads in a text as what it is; those before go on to the database, as plain text.
    pub(super) first_year: i32,
    /// Whether the sizes that it announces for columns hold, so that rows can be fetched in blocks.
    pub(super) honest_sizes: bool,
    /// Whether a value that a block had too little room for can be had from it again without harm: MariaDB's offers it, and
    /// then leaves out the rows that come next.
    pub(super) fetches_again: bool,
    /// Whether it reads arrays of parameters as they are.
    pub(super) arrays: bool,
    /// Whether it runs an array set by set, whatever the statement, counts what all of them changed, and says which of
    /// them failed.
    pub(super) tells_sets: bool,
    /// Whether statements can run on a connection from which rows are being read.
    pub(super) nests: bool,
    /// Whether a result is all at the client when its statement has run, so that reading it waits for nothing. A cancel that
    /// finds these drivers between two calls closes the cursor, and one that comes beside a call that reads takes away from
    /// under it what it reads: the process would crash.
    pub(super) stores_results: bool,
    /// Whether a result that is left before its end has been seen costs a cancel, which is a round trip.
    pub(super) leaving_costs: bool,
    /// Whether it binds 64-bit integers.
    pub(super) bigint: bool,
    pub(super) floats: Floats,
    /// What makes it look at the schema before it tells what columns a query has, where another connection can have
    /// changed it.
    pub(super) look: Option<&'static str>,
    /// Whether statements stay prepared, unless the URL says how many.
    pub(super) keeps: Keeps,
    /// What swallows a cancel that came too late to hit its statement and would hit the next one.
    pub(super) fence: Option<&'static str>,
    /// What to install, in the words of Debian.
    pub(super) package: &'static str,
}

/// A driver that nobody knows: UTF-16 is what every driver of the last twenty years understands.
pub(super) static UNKNOWN: Family = Family {
    marks: &[],
    settings: &[],
    text: Text::Wide,
    typed: true,
    typed_times: true,
    first_year: i32::MIN,
    honest_sizes: true,
    fetches_again: false,
    arrays: true,
    tells_sets: false,
    nests: false,
    stores_results: false,
    leaving_costs: false,
    bigint: true,
    floats: Floats::All,
    look: None,
    keeps: Keeps::Nothing,
    fence: None,
    package: "",
};

/// MariaDB's own, which is for MySQL too.
const MARIADB: Family = Family {
    marks: &["maodbc", "mariadb"],
    // An UPDATE counts the rows that it finds, as everywhere else, and not those that it makes different.
    settings: &[(&["OPTION", "OPTIONS"], "2")],
    typed_times: false,
    text: Text::Narrow,
    nests: true,
    stores_results: true,
    floats: Floats::Finite,
    keeps: Keeps::Statement,
    fence: Some("SELECT 0"),
    package: "odbc-mariadb",
    ..UNKNOWN
};

static FAMILIES: &[Family] = &[
    Family {
        marks: &["psqlodbc", "postgres"],
        settings: &[
            // Without it the driver sets savepoints of its own around each statement, and a failed statement leaves its
            // transaction as if nothing had happened.
            (&["Protocol", "A1"], "7.4-0"),
            // Else a boolean is a text of five characters.
            (&["BoolsAsChar", "B9"], "0"),
            (&["ByteaAsLongVarBinary", "C3"], "1"),
            // It leaves the offset of a moment out; so that it is known all the same, it is always this one.
            (ZONE, UTC),
        ],
        text: Text::Narrow,
        fetches_again: true,
        nests: true,
        keeps: Keeps::Columns,
        package: "odbc-postgresql",
        ..UNKNOWN
    },
    MARIADB,
    // Of its own statements nobody has looked.
    Family { marks: &["myodbc", "mysql"], keeps: Keeps::Nothing, ..MARIADB },
    Family {
        marks: &["sqlite"],
        settings: &[
            (&["FKSupport"], "1"),
            // Milliseconds for a lock; the driver's own measure is a hundred seconds, and no COMMIT is interrupted.
            (&["Timeout"], "5000"),
        ],
        text: Text::Narrow,
        typed: false,
        // A column of SQLite holds what it is given, whatever it was declared as.
        honest_sizes: false,
        // It takes the length of the first bytes for that of all.
        arrays: false,
        floats: Floats::NoNan,
        look: Some("SELECT 1 FROM sqlite_master LIMIT 0"),
        keeps: Keeps::UntilVersion("PRAGMA schema_version"),
        nests: true,
        stores_results: true,
        package: "libsqliteodbc",
        ..UNKNOWN
    },
    Family {
        marks: &["tdsodbc", "freetds"],
        settings: &[(&["TDS_Version"], "7.4"), (&["ClientCharset"], "UTF-8")],
        leaving_costs: true,
        tells_sets: true,
        // Earlier ones are 1900 to it, and those of two digits are of the last or of this century.
        first_year: 1753,
        floats: Floats::Finite,
        package: "tdsodbc",
        ..UNKNOWN
    },
    Family {
        marks: &["msodbcsql", "sql server"],
        settings: &[],
        leaving_costs: true,
        floats: Floats::Finite,
        package: "msodbcsql18, from Microsoft's own repository",
        ..UNKNOWN
    },
    Family { marks: &["sqora", "oracle"], bigint: false, package: "oracle-instantclient-odbc", ..UNKNOWN },
];

/// The family of a driver, by its file or by the name that it is registered under.
pub(super) fn of(name: &str) -> &'static Family {
    let name = name.to_ascii_lowercase();
    FAMILIES.iter().find(|family| family.marks.iter().any(|mark| name.contains(mark))).unwrap_or(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_known_by_its_file_and_by_its_name() {
        for (file, name, package) in [
            ("psqlodbcw.so", "PostgreSQL Unicode", "odbc-postgresql"),
            ("libmaodbc.so", "MariaDB Unicode", "odbc-mariadb"),
            ("sqlite3odbc.so", "SQLite3", "libsqliteodbc"),
            ("libtdsodbc.so", "FreeTDS", "tdsodbc"),
            (
                "libmsodbcsql-18.6.so.2.1",
                "ODBC Driver 18 for SQL Server",
                "msodbcsql18, from Microsoft's own repository",
            ),
            ("libSnowflake.so", "SnowflakeDSIIDriver", ""),
        ] {
            assert_eq!((of(file).package, of(name).package), (package, package), "{file}");
        }
    }
}
