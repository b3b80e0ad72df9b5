//! The configuration of a database: a URL or its parts, options, and what they come to.
//!
//! A [`Config`] is made once, checked whole, and never changes. It is built from a URL, from parts, or from a settings
//! file ([`ConfigBuilder`] implements `Deserialize`), against the table of schemes that the drivers hand in. Nothing is
//! opened and no name is looked up.
//!
//! An option means the same wherever it is given. The driver's own table is asked first, then the
//! [general options](GENERAL_OPTIONS), then those for [TLS](TLS_OPTIONS) where the driver speaks over a network. An
//! unknown option is an error that lists the near ones, an option given twice is an error that tells where, and an
//! option that names code to load is refused ([`ConfigBuilder::allow_code_options`]).

mod builder;
mod code;
mod credentials;
mod databasez;
mod general;
mod near;
mod options;
mod pool;
mod resolve;
mod scheme;
mod spec;
mod tls;

pub use builder::{ConfigBuilder, OptionInput};
pub use general::GENERAL_OPTIONS;
pub use options::Options;
pub use pool::{PoolOptions, Reset};
pub use scheme::SchemeInfo;
pub use spec::{OptionKind, OptionSpec, OptionValue};
pub use tls::{TLS_OPTIONS, TlsMode, TlsOptions};

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::secret::{Redactor, Secret};
use crate::url::{DatabaseUrl, Host, IntoDatabaseUrl};
use general::Settings;

/// Gives the password for a connection that is about to be opened.
type PasswordProvider = Arc<dyn Fn() -> Result<Secret> + Send + Sync>;

/// All there is to know to open a database.
///
/// ```
/// use pontoon::config::{Config, SchemeInfo};
///
/// // A driver hands in its row; here one stands for all of them.
/// const SCHEMES: &[SchemeInfo] = &[SchemeInfo::new("postgresql", "postgresql").network(Some(5432))];
///
/// let config = Config::from_url("postgresql://app@db.example/shop?pool_size=8&ssl=true&timeout=5s", SCHEMES)?;
/// assert_eq!(config.pool().size, 8);
/// assert_eq!(config.url().to_string(), "postgresql://app@db.example/shop");
///
/// let error = Config::from_url("postgresql://db.example/shop?pool_szie=8", SCHEMES).unwrap_err();
/// assert_eq!(error.to_string(), "unknown option `pool_szie`; did you mean pool_size?");
/// # Ok::<(), pontoon::Error>(())
/// ```
#[derive(Clone)]
pub struct Config {
    url: DatabaseUrl,
    scheme: SchemeInfo,
    settings: Settings,
    options: Options,
    provider: Option<PasswordProvider>,
    allow_code: bool,
    redactor: Redactor,
}

impl Config {
    /// The configuration that a URL means.
    ///
    /// # Errors
    /// Of kind `Url`, `UnknownScheme`, `UnknownOption`, `ForbiddenOption` or `Config`; see
    /// [`ErrorKind`](crate::ErrorKind).
    pub fn from_url(url: impl IntoDatabaseUrl, schemes: &[SchemeInfo]) -> Result<Config> {
        Config::builder().url(url).build(schemes)
    }

    /// A builder with nothing in it.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The same configuration for another database of the same server or kind.
    pub(crate) fn with_url(&self, url: DatabaseUrl) -> Config {
        Config { url, ..self.clone() }
    }

    /// The URL, without the options that are settled here: what is left is the driver's.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The scheme.
    pub fn scheme(&self) -> &SchemeInfo {
        &self.scheme
    }

    /// The name of the SQL dialect: the option `dialect`, else the scheme's.
    pub fn dialect(&self) -> &str {
        self.settings.dialect.as_deref().unwrap_or(self.scheme.dialect)
    }

    /// Whether the dialect was named by the option `dialect`, so that the database is not to be asked for it.
    pub fn is_dialect_given(&self) -> bool {
        self.settings.dialect.is_some()
    }

    /// The options of the pool.
    pub fn pool(&self) -> &PoolOptions {
        &self.settings.pool
    }

    /// The deadline of a call that names none. Default 30 s; `None` waits for ever.
    pub fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// The longest that one attempt to connect takes, TLS and login included. Default 10 s; `None` is bounded by the
    /// call's deadline alone.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.settings.connect_timeout
    }

    /// How many rows a stream reads at a time; `None` (the default) begins small and grows.
    pub fn batch_rows(&self) -> Option<NonZeroUsize> {
        self.settings.batch_rows
    }

    /// The isolation level of transactions that name none, in lower case with spaces: `read uncommitted`, `read
    /// committed`, `repeatable read`, `snapshot` or `serializable`. `None` (the default) is the database's own.
    /// Statements outside a transaction commit by themselves whatever it is.
    pub fn isolation_level(&self) -> Option<&'static str> {
        self.settings.isolation_level
    }

    /// Whether all work is done in one transaction that is rolled back in the end. Default no.
    pub fn force_rollback(&self) -> bool {
        self.settings.force_rollback
    }

    /// Whether statements are printed to standard error, as they are written. Default no.
    pub fn echo(&self) -> bool {
        self.settings.echo
    }

    /// Whether events of the pool are printed to standard error. Default no.
    pub fn echo_pool(&self) -> bool {
        self.settings.echo_pool
    }

    /// Whether the values of parameters are told where statements are: in what `echo` prints and in spans. Default no,
    /// which tells their kinds.
    pub fn log_values(&self) -> bool {
        self.settings.log_values
    }

    /// From when on a statement is reported as slow, with the feature `tracing`. Default 1 s; `None` never.
    pub fn slow_statement(&self) -> Option<Duration> {
        self.settings.slow_statement
    }

    /// From when on a wait for a connection, its opening included, is reported as slow: with the feature `tracing`, and
    /// by `echo_pool`. Default 1 s; `None` never.
    pub fn slow_acquire(&self) -> Option<Duration> {
        self.settings.slow_acquire
    }

    /// Whether a short statement may run on its caller's own thread, where the driver can do that. Default yes.
    pub fn lend(&self) -> bool {
        self.settings.lend
    }

    /// The options of the driver.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The options for TLS that were given.
    pub fn tls(&self) -> &TlsOptions {
        &self.settings.tls
    }

    /// How much TLS this host needs: the option `sslmode`; without it none for hosts that can only be this machine, and
    /// [`TlsMode::VerifyFull`] for all others.
    pub fn tls_mode(&self, host: &Host) -> TlsMode {
        self.settings.tls.mode.unwrap_or(if host.is_local() { TlsMode::Disable } else { TlsMode::VerifyFull })
    }

    /// The user name, from the address or the option `user`.
    pub fn username(&self) -> Option<&str> {
        self.url.username().or(self.settings.username.as_deref())
    }

    /// The password for a connection that is about to be opened: the provider's, else that of the address or the option
    /// `password`. Runs the provider, so it is called on the connection's own thread, and only there.
    ///
    /// # Errors
    /// Whatever the provider returns.
    pub fn password(&self) -> Result<Option<Secret>> {
        let Some(provider) = &self.provider else {
            return Ok(self.url.password().or(self.settings.password.as_ref()).cloned());
        };
        let secret = provider().map_err(|error| error.context("the password provider failed"))?;
        self.redactor.learn(&secret);
        Ok(Some(secret))
    }

    /// Whether a password can change between connections.
    pub fn has_password_provider(&self) -> bool {
        self.provider.is_some()
    }

    /// Whether options that name code to load were allowed.
    pub fn allows_code_options(&self) -> bool {
        self.allow_code
    }

    /// What was accepted and does not mean what its writer may think, one sentence each.
    pub fn notices(&self) -> &[String] {
        &self.settings.notices
    }

    /// The scrubber that every foreign message goes through. It knows all secrets of this configuration, and learns
    /// those of the provider as they are handed out.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

impl fmt::Debug for Config {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = &self.settings;
        f.debug_struct("Config")
            .field("url", &self.url)
            .field("dialect", &self.dialect())
            .field("pool", &settings.pool)
            .field("timeout", &settings.timeout)
            .field("connect_timeout", &settings.connect_timeout)
            .field("batch_rows", &settings.batch_rows)
            .field("isolation_level", &settings.isolation_level)
            .field("force_rollback", &settings.force_rollback)
            .field("echo", &settings.echo)
            .field("echo_pool", &settings.echo_pool)
            .field("log_values", &settings.log_values)
            .field("slow_statement", &settings.slow_statement)
            .field("slow_acquire", &settings.slow_acquire)
            .field("lend", &settings.lend)
            .field("tls", &settings.tls)
            .field("options", &self.options)
            .field("password_provider", &self.provider.is_some())
            .field("allow_code_options", &self.allow_code)
            .field("notices", &settings.notices)
            .finish()
    }
}
