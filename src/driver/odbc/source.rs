//! What the connections of one `Database` share.

use std::sync::{Arc, OnceLock};

use super::core::Core;
use super::family;
use super::manager;
use super::options::Settings;
use super::statements::Changes;
use super::target::{Target, add_password};
use crate::config::Config;
use crate::driver::foreign::known::{self, Known, Style};
use crate::driver::raw::odbc::Running;
use crate::driver::way::Way;
use crate::driver::{Call, Link, Source};
use crate::error::Result;
use crate::sql::Dialect;

/// What there is to know to open a connection.
pub(super) struct Shared {
    pub(super) config: Config,
    target: Target,
    pub(super) settings: Settings,
    /// By the option, so that the database is not asked.
    pub(super) given_dialect: Option<&'static Known>,
    pub(super) changes: Changes,
    /// What the first connection found.
    found: OnceLock<&'static Known>,
}

impl Shared {
    /// Opens a connection.
    pub(super) fn open(self: &Arc<Shared>, call: &Call<'_>, running: Arc<Running>) -> Result<Core> {
        let driver = match self.target.candidates {
            [] => manager::driver_of(&self.target.string)?,
            candidates => manager::first_registered(candidates)?,
        };
        let mut string = self.target.for_driver(&driver)?;
        if !self.target.candidates.is_empty() {
            string.first("DRIVER", driver.as_str());
        }
        manager::point_at_file(&mut string, &driver)?;
        if let Some(password) = self.config.password()? {
            add_password(&mut string, password.expose());
        }
        let connection = manager::connect(&self.config, call, &string, family::of(&driver))?;
        let core = Core::new(connection, Arc::clone(self), running, &string)?;
        let _ = self.found.set(core.known);
        Ok(core)
    }
}

/// Makes connections through one driver.
pub(super) struct OdbcSource(Arc<Shared>);

impl OdbcSource {
    pub(super) fn of(config: &Config) -> Result<OdbcSource> {
        let given_dialect = match (config.is_dialect_given(), config.scheme().name) {
            (true, _) => Some(known::by_name(config.dialect())?),
            (false, "mssql") => Some(known::by_name("mssql")?),
            (false, _) => None,
        };
        Ok(OdbcSource(Arc::new(Shared {
            config: config.clone(),
            target: Target::of(config)?,
            settings: Settings::of(config),
            given_dialect,
            changes: Changes::default(),
            found: OnceLock::new(),
        })))
    }
}

impl Source for OdbcSource {
    /// Before the first connection, what the driver's name suggests.
    fn dialect(&self) -> &'static Dialect {
        let shared = &self.0;
        let known = shared.given_dialect.or_else(|| shared.found.get().copied());
        known
            .unwrap_or_else(|| known::by_product(guess(shared.target.string.get("DRIVER").unwrap_or_default())))
            .dialect(Style::Question)
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        Ok(Box::new(Way::own(self.0.open(call, Arc::default())?)))
    }
}

/// The database that a driver is for.
fn guess(driver: &str) -> &'static str {
    match family::of(driver).package {
        "odbc-postgresql" => "PostgreSQL",
        "odbc-mariadb" => "MariaDB",
        "libsqliteodbc" => "SQLite",
        "tdsodbc" | "msodbcsql18, from Microsoft's own repository" => "Microsoft SQL Server",
        "oracle-instantclient-odbc" => "Oracle",
        _ => "",
    }
}

impl std::fmt::Debug for OdbcSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OdbcSource").field("url", self.0.config.url()).finish_non_exhaustive()
    }
}
