//! Putting a configuration together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::general::config;
use super::{Config, PasswordProvider, Reset, SchemeInfo, resolve};
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::url::{Address, DatabaseUrl, Host, IntoDatabaseUrl};

/// The value of an option as a program gives it; read by the rules of the option's kind, as if it stood in a URL.
#[derive(Clone, Debug)]
pub struct OptionInput(pub(super) Secret);

impl From<Secret> for OptionInput {
    fn from(text: Secret) -> OptionInput {
        OptionInput(text)
    }
}

impl From<Duration> for OptionInput {
    fn from(time: Duration) -> OptionInput {
        OptionInput(Secret::new(format!("{}ns", time.as_nanos())))
    }
}

impl From<Option<Duration>> for OptionInput {
    /// `None` is `never`.
    fn from(time: Option<Duration>) -> OptionInput {
        time.map_or_else(|| OptionInput::from("never"), OptionInput::from)
    }
}

impl From<&Path> for OptionInput {
    /// A path that is not UTF-8 will not be found: options are text.
    fn from(path: &Path) -> OptionInput {
        OptionInput(Secret::new(path.to_string_lossy()))
    }
}

impl From<PathBuf> for OptionInput {
    fn from(path: PathBuf) -> OptionInput {
        path.as_path().into()
    }
}

macro_rules! input_from_display {
    ($($type:ty)*) => {$(
        impl From<$type> for OptionInput {
            fn from(value: $type) -> OptionInput {
                OptionInput(Secret::new(value.to_string()))
            }
        }
    )*};
}

input_from_display!(&str String &String bool i32 i64 u16 u32 u64 usize f64);

/// Collects what a [`Config`] is made of: a URL *or* parts, and options.
///
/// Nothing is checked before [`build`](ConfigBuilder::build), which reports the first thing that is wrong. An option
/// given here and in the URL is an error, so that neither silently wins.
///
/// It can be read from a settings file by serde, in either of two shapes; what it does not know it refuses:
///
/// ```
/// use pontoon::config::{Config, ConfigBuilder, SchemeInfo};
///
/// const SCHEMES: &[SchemeInfo] = &[SchemeInfo::new("postgresql", "postgresql").network(Some(5432))];
///
/// // `url`, or parts, and `options`; the options can be numbers, booleans and lists.
/// let flat = r#"{"scheme": "postgresql", "host": "localhost", "user": "app", "password": "p@ss[1]",
///                "database": "shop", "options": {"pool_size": 8, "echo": true}}"#;
/// // The same as databasez nests it.
/// let nested = format!(r#"{{"connection": {{"credentials": {flat}}}}}"#);
///
/// let flat = serde_json::from_str::<ConfigBuilder>(flat)?.build(SCHEMES)?;
/// let nested = serde_json::from_str::<ConfigBuilder>(&nested)?.build(SCHEMES)?;
/// assert_eq!(flat.url(), nested.url());
/// assert_eq!(flat.url().expose(), "postgresql://app:p%40ss%5B1%5D@localhost/shop");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct ConfigBuilder {
    pub(super) url: Option<Result<DatabaseUrl>>,
    pub(super) parts: Parts,
    pub(super) options: Vec<(String, Secret)>,
    pub(super) provider: Option<PasswordProvider>,
    pub(super) allow_code: bool,
}

/// The parts of a URL, as they are given one by one.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) scheme: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) port: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
}

impl Parts {
    /// The names of those that are given.
    fn given(&self) -> impl Iterator<Item = &'static str> + use<> {
        let Parts { scheme, hosts, port, username, password, database } = self;
        [
            ("scheme", scheme.is_some()),
            ("host", !hosts.is_empty()),
            ("port", port.is_some()),
            ("user", username.is_some()),
            ("password", password.is_some()),
            ("database", database.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
    }

    fn are_given(&self) -> bool {
        self.given().next().is_some()
    }
}

impl ConfigBuilder {
    /// The URL of the database.
    #[must_use]
    pub fn url(mut self, url: impl IntoDatabaseUrl) -> ConfigBuilder {
        self.url = Some(url.into_database_url());
        self
    }

    /// Instead of a URL: the scheme, `postgresql` or `sqlite`.
    #[must_use]
    pub fn scheme(mut self, scheme: impl Into<String>) -> ConfigBuilder {
        self.parts.scheme = Some(scheme.into());
        self
    }

    /// Instead of a URL: the host in plain form, a name, an address or the path of a socket. Called again it adds one
    /// more host to try. Without a host the driver chooses, which is `localhost` where there is a network.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> ConfigBuilder {
        self.parts.hosts.push(host.into());
        self
    }

    /// Instead of a URL: the port, of every host. Without a host it is a port of `localhost`.
    #[must_use]
    pub fn port(mut self, port: u16) -> ConfigBuilder {
        self.parts.port = Some(port);
        self
    }

    /// Instead of a URL: the user name.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> ConfigBuilder {
        self.parts.username = Some(username.into());
        self
    }

    /// Instead of a URL: the password, as it is; nothing in it needs to be encoded.
    #[must_use]
    pub fn password(mut self, password: impl Into<Secret>) -> ConfigBuilder {
        self.parts.password = Some(password.into());
        self
    }

    /// Instead of a URL: the database, or the path of its file, or the DSN of a foreign driver.
    #[must_use]
    pub fn database(mut self, database: impl Into<String>) -> ConfigBuilder {
        self.parts.database = Some(database.into());
        self
    }

    /// An option by name: a general one, one for TLS, or one of the driver.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionInput>) -> ConfigBuilder {
        self.options.push((name.into(), value.into().0));
        self
    }

    /// Where the password of each new connection comes from, in place of a fixed one: a token that expires, a secret that
    /// rotates. Called on the connection's own thread, once for each connection that is opened, so it may block; the
    /// time counts against the attempt to connect.
    #[must_use]
    pub fn password_provider<F>(mut self, provider: F) -> ConfigBuilder
    where
        F: Fn() -> Result<Secret> + Send + Sync + 'static,
    {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// Allows options that name code to load: class paths, driver classes, executables, libraries, extensions. Without
    /// it they are refused wherever they are given, because a URL is data that comes from outside, and whoever writes it
    /// would choose what this program runs. Default no.
    #[must_use]
    pub fn allow_code_options(mut self, allow: bool) -> ConfigBuilder {
        self.allow_code = allow;
        self
    }

    /// Checks everything and resolves it against these schemes.
    ///
    /// # Errors
    /// As [`Config::from_url`].
    pub fn build(self, schemes: &[SchemeInfo]) -> Result<Config> {
        resolve::resolve(self, schemes)
    }

    /// The URL, or what the parts come to.
    pub(super) fn take_url(&mut self) -> Result<DatabaseUrl> {
        match self.url.take() {
            Some(_) if self.parts.are_given() => {
                Err(config("give either a URL or parts (scheme, host, user, password, database), not both"))
            }
            Some(url) => url,
            None => std::mem::take(&mut self.parts).into_url(),
        }
    }
}

impl Parts {
    fn into_url(self) -> Result<DatabaseUrl> {
        let Some(scheme) = self.scheme else {
            return Err(config(if self.are_given() {
                "there is no scheme; give one like postgresql or sqlite"
            } else {
                "there is no database; give a URL, or parts with a scheme like postgresql or sqlite"
            }));
        };
        let mut url = DatabaseUrl::from_scheme(&scheme)?;
        let mut hosts = self.hosts;
        if hosts.is_empty() && self.port.is_some() {
            hosts.push("localhost".into());
        }
        if !hosts.is_empty() {
            if self.port == Some(0) {
                return Err(config("0 is no port; give one from 1 to 65535"));
            }
            let addresses = hosts.iter().map(|host| Ok(Address { host: host.parse::<Host>()?, port: self.port }));
            url = url.with_hosts(addresses.collect::<Result<Vec<_>, Error>>()?)?;
        }
        if let Some(username) = &self.username {
            url = url.with_username(&**username)?;
        }
        if let Some(password) = self.password {
            url = url.with_password(password)?;
        }
        if let Some(database) = &self.database {
            url = url.with_database(&**database)?;
        }
        Ok(url)
    }
}

macro_rules! typed_options {
    ($($(#[doc = $doc:literal])+ $name:ident($type:ty);)+) => {
        /// The general options, typed. Each is the option of the same name, with the default that [`Config`] or
        /// [`PoolOptions`](super::PoolOptions) tells.
        impl ConfigBuilder {
            $(
                $(#[doc = $doc])+
                #[must_use]
                pub fn $name(self, $name: $type) -> ConfigBuilder {
                    self.option(stringify!($name), OptionInput::from($name))
                }
            )+
        }
    };
}

typed_options! {
    /// The most connections at a time: 1 to 10 000.
    pool_size(usize);
    /// How many connections are kept open though idle.
    min_idle(usize);
    /// The longest wait for a connection.
    acquire_timeout(Duration);
    /// How long an idle connection is kept; `None` for ever.
    idle_timeout(Option<Duration>);
    /// How old a connection gets; `None` is no limit.
    max_lifetime(Option<Duration>);
    /// How often an idle connection is asked for a sign of life; `None` never.
    keepalive(Option<Duration>);
    /// How long a connection is held before that is reported; `None` never.
    leak_threshold(Option<Duration>);
    /// The most callers that wait for a connection.
    max_waiters(usize);
    /// The most abandoned workers.
    max_stuck(usize);
    /// What a connection forgets before the next caller gets it.
    reset(Reset);
    /// The deadline of a call that names none; `None` is no deadline.
    timeout(Option<Duration>);
    /// The longest that one attempt to connect takes; `None` is the call's deadline.
    connect_timeout(Option<Duration>);
    /// How many rows a stream reads at a time.
    batch_rows(usize);
    /// The isolation level of transactions that name none, like `read committed`.
    isolation_level(&str);
    /// Whether all work is done in one transaction that is rolled back in the end.
    force_rollback(bool);
    /// Whether statements are printed to standard error.
    echo(bool);
    /// Whether events of the pool are printed to standard error.
    echo_pool(bool);
    /// Whether the values of parameters are told where statements are.
    log_values(bool);
    /// From when on a statement is reported as slow; `None` never.
    slow_statement(Option<Duration>);
    /// From when on a wait for a connection is reported as slow; `None` never.
    slow_acquire(Option<Duration>);
    /// Whether a short statement may run on its caller's own thread.
    lend(bool);
    /// The SQL dialect, where the driver cannot tell.
    dialect(&str);
}

impl From<Reset> for OptionInput {
    fn from(reset: Reset) -> OptionInput {
        OptionInput::from(reset.as_str())
    }
}

impl fmt::Debug for ConfigBuilder {
    /// The URL without its secrets, and the names of the parts and options without their values: the database can be a
    /// foreign connection string, and a host one that was pasted into the wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("url", &self.url)
            .field("parts", &self.parts.given().collect::<Vec<_>>())
            .field("options", &self.options.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("password_provider", &self.provider.is_some())
            .field("allow_code_options", &self.allow_code)
            .finish()
    }
}
