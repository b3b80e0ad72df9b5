//! Building a database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::shared::Hooks;
use super::{Database, Shared};
use crate::config::{Config, ConfigBuilder, OptionInput, Reset, SchemeInfo};
use crate::driver::{BUILT_IN, Driver, LEFT_OUT};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::session::Session;
use crate::url::{DatabaseUrl, IntoDatabaseUrl};

/// What a database can be made from: the text of a URL, a [`DatabaseUrl`], or a [`Config`].
pub trait IntoConfig {
    #[doc(hidden)]
    fn into_source(self) -> ConfigSource;
}

#[doc(hidden)]
#[derive(Debug)]
pub enum ConfigSource {
    Builder(Box<ConfigBuilder>),
    Ready(Box<Config>),
}

macro_rules! from_url {
    ($($type:ty),+) => {$(
        impl IntoConfig for $type {
            fn into_source(self) -> ConfigSource {
                ConfigSource::Builder(Box::new(Config::builder().url(self)))
            }
        }
    )+};
}

from_url!(&str, String, &String, DatabaseUrl, &DatabaseUrl);

impl IntoConfig for ConfigBuilder {
    fn into_source(self) -> ConfigSource {
        ConfigSource::Builder(Box::new(self))
    }
}

impl IntoConfig for Config {
    fn into_source(self) -> ConfigSource {
        ConfigSource::Ready(Box::new(self))
    }
}

/// Builds a [`Database`]: options in code, hooks, and drivers of one's own.
///
/// ```
/// use std::time::Duration;
/// use pontoon::prelude::*;
///
/// let db = Database::builder()
///     .url("sqlite::memory:")
///     .pool_size(2)
///     .timeout(Some(Duration::from_secs(5)))
///     .on_open(|session| session.execute_script("PRAGMA recursive_triggers = on"))
///     .open()?;
/// assert_eq!(db.config().pool().size, 2);
/// # Ok::<(), pontoon::Error>(())
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct DatabaseBuilder {
    source: Option<ConfigSource>,
    changes: Vec<Change>,
    drivers: Vec<Arc<dyn Driver>>,
    hooks: Hooks,
}

type Change = Box<dyn FnOnce(ConfigBuilder) -> ConfigBuilder + Send>;

impl fmt::Debug for DatabaseBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseBuilder").field("source", &self.source).finish_non_exhaustive()
    }
}

macro_rules! options {
    ($($(#[doc = $doc:expr])+ $name:ident($type:ty);)+) => {$(
        $(#[doc = $doc])+
        pub fn $name(self, $name: $type) -> DatabaseBuilder {
            self.change(move |config| config.$name($name))
        }
    )+};
}

impl DatabaseBuilder {
    /// Everything from here: a URL, or a whole configuration.
    pub fn config(mut self, config: impl IntoConfig) -> DatabaseBuilder {
        self.source = Some(config.into_source());
        self
    }

    /// The URL.
    pub fn url(self, url: impl IntoDatabaseUrl) -> DatabaseBuilder {
        let url = url.into_database_url();
        match url {
            Ok(url) => self.config(url),
            // Kept as it is, so that build() tells what is wrong with it.
            Err(error) => {
                let mut builder = self;
                builder.source = Some(ConfigSource::Builder(Box::new(Config::builder().url(Refused(error)))));
                builder
            }
        }
    }

    fn change(mut self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder + Send + 'static) -> DatabaseBuilder {
        self.changes.push(Box::new(change));
        self
    }

    /// Instead of a URL: the scheme, `postgresql` or `sqlite`.
    pub fn scheme(self, scheme: impl Into<String>) -> DatabaseBuilder {
        let scheme = scheme.into();
        self.change(move |config| config.scheme(scheme))
    }

    /// Instead of a URL: the host. Called again it adds one more to try.
    pub fn host(self, host: impl Into<String>) -> DatabaseBuilder {
        let host = host.into();
        self.change(move |config| config.host(host))
    }

    /// Instead of a URL: the user name.
    pub fn username(self, username: impl Into<String>) -> DatabaseBuilder {
        let username = username.into();
        self.change(move |config| config.username(username))
    }

    /// Instead of a URL: the password, as it is; nothing in it needs to be encoded.
    pub fn password(self, password: impl Into<Secret>) -> DatabaseBuilder {
        let password = password.into();
        self.change(move |config| config.password(password))
    }

    /// Instead of a URL: the database, or the path of its file.
    pub fn database(self, database: impl Into<String>) -> DatabaseBuilder {
        let database = database.into();
        self.change(move |config| config.database(database))
    }

    /// An option by name, as in a URL.
    pub fn option(self, name: impl Into<String>, value: impl Into<OptionInput>) -> DatabaseBuilder {
        let (name, value) = (name.into(), value.into());
        self.change(move |config| config.option(name, value))
    }

    /// Where the password of each new connection comes from; see
    /// [`ConfigBuilder::password_provider`].
    pub fn password_provider(self, provider: impl Fn() -> Result<Secret> + Send + Sync + 'static) -> DatabaseBuilder {
        self.change(move |config| config.password_provider(provider))
    }

    options! {
        /// Instead of a URL: the port.
        port(u16);
        /// The most connections at a time. Default: the number of processors, but at least 4.
        pool_size(usize);
        /// How many connections are kept open though idle. Default 0.
        min_idle(usize);
        /// The longest wait for a connection. Default 30 s.
        acquire_timeout(Duration);
        /// How long an idle connection is kept. Default 10 min; `None` for ever.
        idle_timeout(Option<Duration>);
        /// How old a connection gets. Default 30 min; `None` is no limit.
        max_lifetime(Option<Duration>);
        /// How often an idle connection is asked for a sign of life. Default `None`, never.
        keepalive(Option<Duration>);
        /// How long a connection is held before that is reported. Default 5 min; `None` never.
        leak_threshold(Option<Duration>);
        /// The most callers that wait for a connection. Default 16 384.
        max_waiters(usize);
        /// The most connections that may be stuck in calls that never return, before no further one is opened.
        max_stuck(usize);
        /// What a connection forgets before its next caller gets it.
        reset(Reset);
        /// The deadline of a call that names none. Default 30 s; `None` is no deadline.
        timeout(Option<Duration>);
        /// The longest that one attempt to connect takes. Default 10 s.
        connect_timeout(Option<Duration>);
        /// Whether all work is done in one transaction that is rolled back in the end.
        force_rollback(bool);
        /// Whether statements are printed to standard error, as they are written. Default no.
        echo(bool);
        /// Whether events of the pool are printed to standard error. Default no.
        echo_pool(bool);
        /// Whether the values of parameters are told where statements are: by `echo`, and in spans of the feature
        /// `tracing`. Default no, which tells their kinds.
        log_values(bool);
        /// From when on a statement is reported as slow, with the feature `tracing`. Default 1 s; `None` never.
        slow_statement(Option<Duration>);
        /// From when on a wait for a connection is reported as slow. Default 1 s; `None` never.
        slow_acquire(Option<Duration>);
        /// Whether a statement may run on its caller's own thread, where the driver can do that. Default yes.
        lend(bool);
        /// Allows options that name code to load; see [`ConfigBuilder::allow_code_options`].
        allow_code_options(bool);
    }

    /// A driver of one's own, asked before those that are built in.
    pub fn driver(mut self, driver: Arc<dyn Driver>) -> DatabaseBuilder {
        self.drivers.push(driver);
        self
    }

    /// Runs when the database has been connected, on the thread that connects it. An error, or a panic, leaves the
    /// database unconnected.
    pub fn on_connect(mut self, hook: impl Fn(&Database) -> Result<()> + Send + Sync + 'static) -> DatabaseBuilder {
        self.hooks.on_connect = Some(Arc::new(hook));
        self
    }

    /// Runs when the database has been closed. Its error is in the
    /// [report](crate::CloseReport::hook_error); the database is closed all the same.
    pub fn on_disconnect(mut self, hook: impl Fn(&Database) -> Result<()> + Send + Sync + 'static) -> DatabaseBuilder {
        self.hooks.on_disconnect = Some(Arc::new(hook));
        self
    }

    /// Runs on each physical connection right after it was opened, on its own thread, and again after a reset between two
    /// borrowers, which undoes what it set. An error fails the opening, or costs the connection that was reset.
    pub fn on_open(mut self, hook: impl Fn(&Session<'_>) -> Result<()> + Send + Sync + 'static) -> DatabaseBuilder {
        self.hooks.on_open = Some(Arc::new(hook));
        self
    }

    /// The database, unconnected. Everything is checked, nothing is opened.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn build(self) -> Result<Database> {
        let DatabaseBuilder { source, changes, drivers, hooks } = self;
        let schemes: Vec<SchemeInfo> = drivers
            .iter()
            .flat_map(|driver| driver.schemes())
            .chain(BUILT_IN.iter().flat_map(|driver| driver.schemes()))
            .chain(LEFT_OUT)
            .copied()
            .collect();
        let config = match source {
            Some(ConfigSource::Ready(config)) if changes.is_empty() => *config,
            Some(ConfigSource::Ready(_)) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "a finished Config cannot be changed any more: give the builder a URL, or a ConfigBuilder",
                ));
            }
            Some(ConfigSource::Builder(builder)) => apply(*builder, changes).build(&schemes)?,
            None => apply(Config::builder(), changes).build(&schemes)?,
        };
        let serves = |driver: &dyn Driver| driver.schemes().iter().any(|scheme| scheme.name == config.scheme().name);
        let driver = match drivers.into_iter().find(|driver| serves(&**driver)) {
            Some(driver) => driver,
            None => BUILT_IN
                .iter()
                .find(|driver| serves(**driver))
                .map(|driver| Arc::new(*driver) as Arc<dyn Driver>)
                .ok_or_else(|| {
                    Error::new(ErrorKind::UnknownScheme, format!("no driver for the scheme `{}`", config.scheme().name))
                })?,
        };
        Ok(Database::of(Shared::new(config, driver, hooks)?))
    }

    /// [`build`](Self::build), and connected.
    ///
    /// # Errors
    /// As there, and what kept the first connection from being opened.
    #[track_caller]
    pub fn open(self) -> Result<Database> {
        let db = self.build()?;
        db.connect()?;
        Ok(db)
    }
}

fn apply(builder: ConfigBuilder, changes: Vec<Change>) -> ConfigBuilder {
    changes.into_iter().fold(builder, |builder, change| change(builder))
}

/// A URL that was refused already.
struct Refused(Error);

impl IntoDatabaseUrl for Refused {
    fn into_database_url(self) -> Result<DatabaseUrl> {
        Err(self.0)
    }
}
