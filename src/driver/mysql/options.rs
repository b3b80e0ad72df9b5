//! What a URL of MySQL or MariaDB can say.

use std::path::PathBuf;
use std::time::Duration;

use super::zone::Zone;
use crate::config::{Config, OptionKind, OptionSpec, OptionValue};
use crate::error::{Error, ErrorKind, Result};

/// The options of the driver.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("socket", OptionKind::Path, "The Unix socket of the server; host and port do not count then.")
        .aliases(&["unix_socket"]),
    OptionSpec::new("compress", OptionKind::Bool, "Whether the conversation is compressed.").default("false"),
    OptionSpec::new(
        "time_zone",
        OptionKind::Text,
        "The session's time zone. A fixed offset (`+00:00`, `UTC`) makes TIMESTAMP columns moments; left alone when not \
         given.",
    ),
    OptionSpec::new("sql_mode", OptionKind::Text, "The session's SQL mode; left alone when not given."),
    OptionSpec::new(
        "found_rows",
        OptionKind::Bool,
        "Whether an UPDATE counts the rows that it found, as other databases do, or only those that it changed.",
    )
    .default("true"),
    OptionSpec::new(
        "statement_cache",
        OptionKind::Integer { min: 0, max: 10_000 },
        "How many prepared statements each connection keeps.",
    )
    .default("64"),
    OptionSpec::new(
        "bulk",
        OptionKind::Choice(&["insert", "load_data"]),
        "How rows are loaded in bulk: by INSERT statements of many rows, or by LOAD DATA LOCAL, which the server must \
         allow.",
    )
    .default("insert"),
    OptionSpec::new(
        "server_public_key",
        OptionKind::Path,
        "A PEM file with the server's RSA key, for `caching_sha2_password` without TLS; otherwise the server is asked \
         for it.",
    ),
    OptionSpec::new(
        "cleartext_password",
        OptionKind::Bool,
        "Whether the password may be sent as it is when the server asks for that (PAM, LDAP): with verify-full or on a \
         Unix socket only.",
    )
    .default("false"),
    OptionSpec::new(
        "tcp_user_timeout",
        OptionKind::TIMEOUT,
        "How long what was sent may stay unacknowledged before the connection counts as lost.",
    )
    .default("10s"),
    OptionSpec::new(
        "tcp_keepalive",
        OptionKind::TIMEOUT,
        "After how long a silence the other end is asked whether it is still there.",
    )
    .default("30s"),
    OptionSpec::new(
        "charset",
        OptionKind::Words(&[("utf8mb4", "utf8mb4"), ("utf8", "utf8mb4")]),
        "Accepted for Python's sake: text is always sent as utf8mb4.",
    ),
];

/// The options, read.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) socket: Option<PathBuf>,
    pub(super) compress: bool,
    pub(super) time_zone: Option<Zone>,
    pub(super) sql_mode: Option<String>,
    pub(super) found_rows: bool,
    pub(super) statement_cache: usize,
    pub(super) load_data: bool,
    pub(super) server_public_key: Option<PathBuf>,
    pub(super) cleartext_password: bool,
    pub(super) tcp_user_timeout: Option<Duration>,
    pub(super) tcp_keepalive: Option<Duration>,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Result<Settings> {
        let options = config.options();
        let time = |name| match options.get(name) {
            Some(OptionValue::Duration(time)) => *time,
            _ => None,
        };
        let settings = Settings {
            socket: options.path("socket").map(PathBuf::from),
            compress: options.bool("compress") == Some(true),
            time_zone: options.str("time_zone").map(Zone::of).transpose()?,
            sql_mode: options.str("sql_mode").map(str::to_string),
            found_rows: options.bool("found_rows").unwrap_or(true),
            // Within the range of the table.
            statement_cache: options.i64("statement_cache").and_then(|size| usize::try_from(size).ok()).unwrap_or(64),
            load_data: options.str("bulk") == Some("load_data"),
            server_public_key: options.path("server_public_key").map(PathBuf::from),
            cleartext_password: options.bool("cleartext_password") == Some(true),
            tcp_user_timeout: time("tcp_user_timeout"),
            tcp_keepalive: time("tcp_keepalive"),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        if let Some(mode) = &self.sql_mode {
            if mode.to_ascii_uppercase().contains("NO_BACKSLASH_ESCAPES") {
                return Err(Error::new(
                    ErrorKind::Config,
                    "mysql: sql_mode cannot have NO_BACKSLASH_ESCAPES: under it the end of a string is read differently, \
                     and parameters would be found inside of strings",
                ));
            }
            if let Some(odd) = mode.chars().find(|c| !(c.is_ascii_alphanumeric() || "_, ".contains(*c))) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("mysql: sql_mode is a list of names with commas; it has the character {odd:?}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        OptionSpec::check_table(OPTIONS).unwrap();
    }
}
