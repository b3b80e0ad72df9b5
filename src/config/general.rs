//! The options that every database has.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::pool::{MAX_SIZE, PoolOptions, Reset};
use super::spec::{OptionKind, OptionSpec, OptionValue};
use super::tls::{TlsMode, TlsOptions};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

const SIZE: OptionKind = OptionKind::Integer { min: 1, max: MAX_SIZE as i64 };
const COUNT: OptionKind = OptionKind::Integer { min: 0, max: 1_000_000_000 };

/// The levels SQL has, and SQL Server's `SNAPSHOT`.
const ISOLATION: &[&str] =
    &["read uncommitted", "read committed", "repeatable read", "snapshot", "serializable", AUTOCOMMIT];

/// Not a level. SQLAlchemy lists it as one, so it is understood.
pub(super) const AUTOCOMMIT: &str = "autocommit";

/// The options that every database has, whatever its driver.
pub const GENERAL_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("pool_size", SIZE, "The most connections at a time.").aliases(&["max_size", "maxsize"]),
    OptionSpec::new("max_overflow", OptionKind::Integer { min: 0, max: MAX_SIZE as i64 }, "Added to `pool_size`."),
    OptionSpec::new("min_idle", COUNT, "How many connections are kept open though idle.")
        .aliases(&["min_size", "minsize"]),
    OptionSpec::new("acquire_timeout", OptionKind::DURATION, "The longest wait for a connection.")
        .aliases(&["pool_timeout"]),
    OptionSpec::new("idle_timeout", OptionKind::TIMEOUT, "How long an idle connection is kept."),
    OptionSpec::new("max_lifetime", OptionKind::TIMEOUT, "How old a connection gets.").aliases(&["pool_recycle"]),
    OptionSpec::new("keepalive", OptionKind::TIMEOUT, "How often an idle connection is asked for a sign of life."),
    OptionSpec::new("leak_threshold", OptionKind::TIMEOUT, "How long a connection is held before that is reported."),
    OptionSpec::new("max_waiters", COUNT, "The most callers that wait for a connection."),
    OptionSpec::new("max_stuck", COUNT, "The most abandoned workers."),
    OptionSpec::new("reset", OptionKind::Choice(&["auto", "full", "light", "never"]), "What a connection forgets."),
    OptionSpec::new("timeout", OptionKind::TIMEOUT, "The deadline of a call that names none."),
    OptionSpec::new("connect_timeout", OptionKind::TIMEOUT, "The longest that one attempt to connect takes."),
    OptionSpec::new("batch_rows", OptionKind::Integer { min: 1, max: 1_000_000 }, "How many rows are read at a time."),
    OptionSpec::new("isolation_level", OptionKind::Choice(ISOLATION), "The level of transactions that name none."),
    OptionSpec::new("force_rollback", OptionKind::Bool, "Whether all work is rolled back in the end."),
    OptionSpec::new("echo", OptionKind::Bool, "Whether statements are printed."),
    OptionSpec::new("echo_pool", OptionKind::Bool, "Whether events of the pool are printed."),
    OptionSpec::new("log_values", OptionKind::Bool, "Whether values of parameters are told with their statements."),
    OptionSpec::new("slow_statement", OptionKind::TIMEOUT, "From when on a statement is reported as slow."),
    OptionSpec::new("slow_acquire", OptionKind::TIMEOUT, "From when on a wait for a connection is reported as slow."),
    OptionSpec::new("lend", OptionKind::Bool, "Whether short statements may run on the caller's own thread."),
    OptionSpec::new("dialect", OptionKind::Text, "The SQL dialect, where the driver cannot tell."),
    OptionSpec::new("user", OptionKind::Text, "The user name, where it is not in the address.").aliases(&["username"]),
    OptionSpec::new("password", OptionKind::Text, "The password, where it is not in the address.")
        .aliases(&["passwd", "pwd"])
        .secret(),
    OptionSpec::new("dbname", OptionKind::Text, "The database, where it is not in the address.").aliases(&["database"]),
];

/// What the general options and those for TLS come to.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) pool: PoolOptions,
    pub(super) tls: TlsOptions,
    pub(super) timeout: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) batch_rows: Option<NonZeroUsize>,
    pub(super) isolation_level: Option<&'static str>,
    pub(super) force_rollback: bool,
    pub(super) echo: bool,
    pub(super) echo_pool: bool,
    pub(super) log_values: bool,
    pub(super) slow_statement: Option<Duration>,
    pub(super) slow_acquire: Option<Duration>,
    pub(super) lend: bool,
    pub(super) dialect: Option<Box<str>>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) notices: Vec<String>,
    size: Option<usize>,
    overflow: Option<usize>,
    max_stuck: Option<usize>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            pool: PoolOptions::default(),
            tls: TlsOptions::default(),
            timeout: Some(Duration::from_secs(30)),
            connect_timeout: Some(Duration::from_secs(10)),
            batch_rows: None,
            isolation_level: None,
            force_rollback: false,
            echo: false,
            echo_pool: false,
            log_values: false,
            slow_statement: Some(Duration::from_secs(1)),
            slow_acquire: Some(Duration::from_secs(1)),
            lend: true,
            dialect: None,
            username: None,
            password: None,
            database: None,
            notices: Vec::new(),
            size: None,
            overflow: None,
            max_stuck: None,
        }
    }
}

impl Settings {
    /// Takes one option over. `name` is canonical, and the value is of the kind that its row says.
    pub(super) fn apply(&mut self, name: &str, value: OptionValue) {
        use OptionValue::{Bool, Duration, Integer, Path, Secret, Text};
        let count = |n: i64| usize::try_from(n).unwrap_or_default();
        match (name, value) {
            ("pool_size", Integer(n)) => self.size = Some(count(n)),
            ("max_overflow", Integer(n)) => self.overflow = Some(count(n)),
            ("min_idle", Integer(n)) => self.pool.min_idle = count(n),
            ("acquire_timeout", Duration(Some(time))) => self.pool.acquire_timeout = time,
            ("idle_timeout", Duration(time)) => self.pool.idle_timeout = time,
            ("max_lifetime", Duration(time)) => self.pool.max_lifetime = time,
            ("keepalive", Duration(time)) => self.pool.keepalive = time,
            ("leak_threshold", Duration(time)) => self.pool.leak_threshold = time,
            ("max_waiters", Integer(n)) => self.pool.max_waiters = count(n),
            ("max_stuck", Integer(n)) => self.max_stuck = Some(count(n)),
            ("reset", Text(word)) => {
                let all = [Reset::Auto, Reset::Full, Reset::Light, Reset::Never];
                self.pool.reset = all.into_iter().find(|reset| reset.as_str() == word).unwrap_or_default();
            }
            ("timeout", Duration(time)) => self.timeout = time,
            ("connect_timeout", Duration(time)) => self.connect_timeout = time,
            ("batch_rows", Integer(n)) => self.batch_rows = NonZeroUsize::new(count(n)),
            ("isolation_level", Text(level)) if level == AUTOCOMMIT => self.notices.push(
                "isolation_level=AUTOCOMMIT does nothing: outside a transaction every statement commits by itself in any \
                 case"
                    .into(),
            ),
            ("isolation_level", Text(level)) => {
                self.isolation_level = ISOLATION.iter().copied().find(|known| *known == level);
            }
            ("force_rollback", Bool(on)) => self.force_rollback = on,
            ("echo", Bool(on)) => self.echo = on,
            ("echo_pool", Bool(on)) => self.echo_pool = on,
            ("log_values", Bool(on)) => self.log_values = on,
            ("slow_statement", Duration(time)) => self.slow_statement = time,
            ("slow_acquire", Duration(time)) => self.slow_acquire = time,
            ("lend", Bool(on)) => self.lend = on,
            ("dialect", Text(name)) => self.dialect = Some(name.into()),
            ("user", Text(name)) => self.username = Some(name),
            ("password", Secret(password)) => self.password = Some(password),
            ("dbname", Text(name)) => self.database = Some(name),
            ("sslmode", Text(word)) => self.tls.mode = TlsMode::from_word(&word),
            ("sslrootcert", Path(path)) => self.tls.root_cert = Some(path),
            ("sslcert", Path(path)) => self.tls.cert = Some(path),
            ("sslkey", Path(path)) => self.tls.key = Some(path),
            ("sslpassword", Secret(password)) => self.tls.key_password = Some(password),
            // Each row of the two tables has its arm; a test goes through them all.
            (name, value) => debug_assert!(false, "{name} takes no {value:?}"),
        }
    }

    /// What the options mean together.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        if let Some(overflow) = self.overflow {
            // The size that goes with an overflow, when none is given, is the one databasez's users know.
            let size = self.size.unwrap_or(5);
            if size + overflow > MAX_SIZE {
                return Err(config(format!(
                    "`pool_size` {size} and `max_overflow` {overflow} are more than {MAX_SIZE} connections"
                )));
            }
            self.size = Some(size + overflow);
            self.notices.push(format!(
                "pool_size {size} and max_overflow {overflow} are one pool of {}: connections are opened when they are \
                 needed, and those beyond min_idle closed when they idle",
                size + overflow
            ));
        }
        if let Some(size) = self.size {
            self.pool.size = size;
        }
        self.pool.max_stuck = self.max_stuck.unwrap_or(self.pool.size);
        if self.pool.min_idle > self.pool.size {
            return Err(config(format!(
                "`min_idle` {} is more than `pool_size` {}; lower the one or raise the other",
                self.pool.min_idle, self.pool.size
            )));
        }
        match (&self.tls.cert, &self.tls.key) {
            (Some(_), None) => Err(config("`sslcert` needs `sslkey`, the key that belongs to the certificate")),
            (None, Some(_)) => Err(config("`sslkey` needs `sslcert`, the certificate that belongs to the key")),
            _ => Ok(()),
        }
    }
}

pub(super) fn config(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::super::tls::TLS_OPTIONS;
    use super::*;

    #[test]
    fn the_tables_are_sound_and_every_row_has_its_arm() {
        let all: Vec<OptionSpec> = GENERAL_OPTIONS.iter().chain(TLS_OPTIONS).copied().collect();
        OptionSpec::check_table(&all).expect("a sound table");
        for spec in all {
            let value = match spec.kind {
                OptionKind::Bool => "true",
                OptionKind::Integer { .. } => "7",
                OptionKind::Duration { .. } => "7s",
                OptionKind::Choice(words) => words[words.len() - 2],
                OptionKind::Words(words) => words[0].0,
                _ => "text",
            };
            let value = spec.read(value).expect(spec.name);
            let mut settings = Settings::default();
            let before = format!("{settings:?}");
            settings.apply(spec.name, value);
            // `lend` is on from the start, so turning it on changes nothing.
            assert!(format!("{settings:?}") != before || spec.name == "lend", "{}", spec.name);
        }
    }
}
