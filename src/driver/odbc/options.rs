//! What a URL can say beside the address.

use super::family::Text;
use crate::config::{Config, OptionKind, OptionSpec};

const DRIVER: OptionSpec = OptionSpec::new(
    "driver",
    OptionKind::Text,
    "The name under which the ODBC driver is registered with the driver manager.",
);

const TEXT: OptionSpec = OptionSpec::new(
    "text",
    OptionKind::Choice(&["auto", "narrow", "wide"]),
    "How text goes to the driver: as UTF-8, as UTF-16, or as is best for the driver.",
)
.default("auto");

const FETCH: OptionSpec = OptionSpec::new(
    "fetch",
    OptionKind::Choice(&["auto", "blocks", "rows"]),
    "Whether rows are fetched in blocks, one by one, or in blocks where every column has a bounded size.",
)
.default("auto");

const STATEMENT_CACHE: OptionSpec = OptionSpec::new(
    "statement_cache",
    OptionKind::Integer { min: 0, max: 10_000 },
    "How many prepared statements each connection keeps; 64 with the drivers of PostgreSQL, MariaDB and SQLite, else none.",
);

/// The options of `odbc:` URLs; what is not among them goes to the driver.
pub(super) const ODBC: &[OptionSpec] = &[
    DRIVER,
    OptionSpec::new("dsn", OptionKind::Text, "The data source, by the name it has in odbc.ini."),
    TEXT,
    FETCH,
    STATEMENT_CACHE,
];

/// The options of `mssql:` URLs; what is not among them goes to the driver.
pub(super) const MSSQL: &[OptionSpec] = &[
    DRIVER,
    TEXT,
    FETCH,
    STATEMENT_CACHE,
    OptionSpec::new(
        "encrypt",
        OptionKind::Words(&[
            ("yes", "yes"),
            ("no", "no"),
            ("strict", "strict"),
            ("mandatory", "yes"),
            ("optional", "no"),
            ("true", "yes"),
            ("false", "no"),
            ("1", "yes"),
            ("0", "no"),
        ]),
        "Whether the connection is encrypted; `strict` is TLS from the first byte, of SQL Server 2022.",
    ),
    OptionSpec::new("trust_server_certificate", OptionKind::Bool, "Whether any certificate of the server will do.")
        .aliases(&["trustservercertificate"]),
];

/// How rows are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    Auto,
    Blocks,
    Rows,
}

/// What a URL said of the way to the driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// `None` leaves it to what is known of the driver.
    pub(super) text: Option<Text>,
    pub(super) fetch: Fetch,
    /// `None` leaves it to what is known of the driver.
    pub(super) statement_cache: Option<usize>,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Settings {
        Settings {
            text: match config.options().str("text") {
                Some("narrow") => Some(Text::Narrow),
                Some("wide") => Some(Text::Wide),
                _ => None,
            },
            fetch: match config.options().str("fetch") {
                Some("blocks") => Fetch::Blocks,
                Some("rows") => Fetch::Rows,
                _ => Fetch::Auto,
            },
            statement_cache: config.options().i64("statement_cache").and_then(|size| usize::try_from(size).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        OptionSpec::check_table(ODBC).expect("ODBC");
        OptionSpec::check_table(MSSQL).expect("mssql");
    }
}
