//! What a PostgreSQL URL can say beside what every URL can.

use std::time::Duration;

use crate::config::{Config, OptionKind, OptionSpec};
use crate::error::{Error, ErrorKind, Result};

/// The options of the driver, named as in libpq where libpq has them.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("application_name", OptionKind::Text, "What the server calls this program in its views and logs."),
    OptionSpec::new("options", OptionKind::Text, "Settings for the session, as for the server's command line: `-c name=value`."),
    OptionSpec::new("client_encoding", OptionKind::Choice(&["utf8", "auto"]), "Accepted for libpq's sake: it is always UTF-8."),
    OptionSpec::new(
        "target_session_attrs",
        OptionKind::Choice(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
        "Which of several servers will do.",
    )
    .default("any"),
    OptionSpec::new(
        "load_balance_hosts",
        OptionKind::Words(&[
            ("disable", "disable"),
            ("random", "random"),
            ("false", "disable"),
            ("true", "random"),
            ("0", "disable"),
            ("1", "random"),
        ]),
        "Whether hosts and their addresses are tried in the order given or in a new random one for each connection.",
    )
    .default("disable"),
    OptionSpec::new("keepalives", OptionKind::Bool, "Whether the system asks an idle peer for a sign of life.").default("true"),
    OptionSpec::new("keepalives_idle", SECONDS, "How long a connection is silent before the peer is asked.").default("30"),
    OptionSpec::new("keepalives_interval", SECONDS, "How long until it is asked again.").default("10"),
    OptionSpec::new(
        "keepalives_count",
        OptionKind::Integer { min: 1, max: 127 },
        "How often it is asked before the connection is given up.",
    )
    .default("3"),
    OptionSpec::new(
        "tcp_user_timeout",
        OptionKind::Integer { min: 0, max: i32::MAX as i64 },
        "Milliseconds that sent data may stay unacknowledged before the connection is given up; 0 is the system's default.",
    )
    .default("10000"),
    OptionSpec::new(
        "channel_binding",
        OptionKind::Choice(&["disable", "prefer", "require"]),
        "Whether the login is tied to the TLS connection that it runs over.",
    )
    .default("prefer"),
    OptionSpec::new(
        "cleartext_password",
        OptionKind::Bool,
        "Whether the password is sent as it is to a server that asks for it (LDAP, PAM, RADIUS) and has not proved who it is.",
    )
    .default("false"),
    OptionSpec::new(
        "sslnegotiation",
        OptionKind::Choice(&["postgres", "direct"]),
        "Whether TLS is asked for first, or begun at once (PostgreSQL 17 and later).",
    )
    .default("postgres"),
    OptionSpec::new(
        "statement_mode",
        OptionKind::Choice(&["cached", "unnamed", "simple"]),
        "Whether prepared statements are kept in the session, or each run brings its text along; simple is refused.",
    )
    .default("cached"),
    OptionSpec::new(
        "statement_cache",
        OptionKind::Integer { min: 0, max: 100_000 },
        "How many prepared statements each connection keeps.",
    )
    .default("128"),
];

const SECONDS: OptionKind =
    OptionKind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(32_767), never: false };

/// Which of several servers will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// The options, read.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) application_name: Option<String>,
    pub(super) options: Option<String>,
    pub(super) attrs: SessionAttrs,
    pub(super) shuffle: bool,
    pub(super) keepalives: bool,
    pub(super) keepalives_idle: Duration,
    pub(super) keepalives_interval: Duration,
    pub(super) keepalives_count: u32,
    pub(super) tcp_user_timeout: Option<Duration>,
    pub(super) channel_binding: postgres::config::ChannelBinding,
    pub(super) cleartext_password: bool,
    pub(super) direct_tls: bool,
    /// How many statements are kept, or what is known of them; 0 keeps none.
    pub(super) statement_cache: usize,
    /// Whether they are kept in the session, by a name.
    pub(super) keeps_statements: bool,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Result<Settings> {
        use postgres::config::ChannelBinding;
        let options = config.options();
        let text = |name| options.str(name).map(str::to_string);
        let seconds = |name, default| options.duration(name).unwrap_or(Duration::from_secs(default));
        // Numbers are within the ranges of the table.
        let number = |name, default: i64| options.i64(name).unwrap_or(default);
        for name in ["application_name", "options"] {
            if options.str(name).is_some_and(|text| text.contains('\0')) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("`{name}` has a NUL character, at which PostgreSQL would cut it"),
                ));
            }
        }
        if options.str("statement_mode") == Some("simple") {
            // Values would have to be written into the text of the statement, and results would come without their types.
            return Err(Error::new(
                ErrorKind::Unsupported,
                "`statement_mode=simple` is not there: PostgreSQL's simple protocol has no parameters and tells no types; \
                 use `unnamed`, which leaves nothing in a session that a pooler gives to others",
            ));
        }
        Ok(Settings {
            application_name: text("application_name"),
            options: text("options"),
            attrs: match options.str("target_session_attrs") {
                Some("read-write") => SessionAttrs::ReadWrite,
                Some("read-only") => SessionAttrs::ReadOnly,
                Some("primary") => SessionAttrs::Primary,
                Some("standby") => SessionAttrs::Standby,
                Some("prefer-standby") => SessionAttrs::PreferStandby,
                _ => SessionAttrs::Any,
            },
            shuffle: options.str("load_balance_hosts") == Some("random"),
            keepalives: options.bool("keepalives").unwrap_or(true),
            keepalives_idle: seconds("keepalives_idle", 30),
            keepalives_interval: seconds("keepalives_interval", 10),
            keepalives_count: u32::try_from(number("keepalives_count", 3)).unwrap_or(3),
            tcp_user_timeout: u64::try_from(number("tcp_user_timeout", 10_000))
                .ok()
                .filter(|millis| *millis > 0)
                .map(Duration::from_millis),
            channel_binding: match options.str("channel_binding") {
                Some("disable") => ChannelBinding::Disable,
                Some("require") => ChannelBinding::Require,
                _ => ChannelBinding::Prefer,
            },
            cleartext_password: options.bool("cleartext_password") == Some(true),
            direct_tls: options.str("sslnegotiation") == Some("direct"),
            statement_cache: usize::try_from(number("statement_cache", 128)).unwrap_or(128),
            keeps_statements: options.str("statement_mode") != Some("unnamed"),
        })
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
