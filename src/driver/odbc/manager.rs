//! The driver manager: which drivers and data sources there are, and opening a connection through it.

use std::path::{Path, PathBuf};

use odbc_api::{Connection, ConnectionOptions, Environment, environment};

use super::connection_string::ConnectionString;
use super::error::{Diagnosis, at_connect};
use super::family::{self, Family};
use crate::config::Config;
use crate::driver::Call;
use crate::error::{Effect, Error, ErrorKind, Result};

/// A driver that is registered with the driver manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledDriver {
    /// The name it is registered under, as the option `driver` takes it.
    pub name: String,
    /// The file that is loaded, as it was registered: a path, or a name that the system looks for.
    pub file: String,
    /// Whether that file is where the driver manager will look for it.
    pub found: bool,
}

/// A data source that the driver manager knows, from `odbc.ini`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataSource {
    /// Its name, as the option `dsn` takes it.
    pub name: String,
    /// The name of its driver.
    pub driver: String,
}

/// The drivers that are registered with the driver manager of this machine, in its own order.
///
/// ```no_run
/// for driver in pontoon::driver::odbc::drivers()? {
///     println!("{} ({})", driver.name, driver.file);
/// }
/// # Ok::<(), pontoon::Error>(())
/// ```
///
/// # Errors
/// When there is no working driver manager.
pub fn drivers() -> Result<Vec<InstalledDriver>> {
    let listed = manager()?.drivers().map_err(|error| cannot("list its drivers", error))?;
    let file = |attributes: &std::collections::HashMap<String, String>| {
        ["Driver64", "Driver"].iter().find_map(|key| attributes.get(*key)).filter(|file| !file.is_empty()).cloned()
    };
    Ok(listed
        .into_iter()
        .map(|driver| {
            let file = file(&driver.attributes).unwrap_or_default();
            let found = locate(&file).is_some();
            InstalledDriver { name: driver.description, file, found }
        })
        .collect())
}

/// The data sources that the driver manager knows, the user's own and the system's.
///
/// # Errors
/// When there is no working driver manager.
pub fn data_sources() -> Result<Vec<DataSource>> {
    let listed = manager()?.data_sources().map_err(|error| cannot("list its data sources", error))?;
    Ok(listed.into_iter().map(|source| DataSource { name: source.server_name, driver: source.driver }).collect())
}

/// The one environment of the process; it lives for ever.
fn manager() -> Result<&'static Environment> {
    environment().map_err(|error| cannot("start", error))
}

fn cannot(what: &str, error: odbc_api::Error) -> Error {
    let error = Diagnosis::of(error).plain();
    Error::new(
        ErrorKind::Config,
        format!("the ODBC driver manager cannot {what}: {error}; on Debian it is in the package unixodbc"),
    )
    .with_effect(Effect::NotSent)
}

/// The driver that a connection string means, by its name or its file.
pub(super) fn driver_of(string: &ConnectionString) -> Result<String> {
    if let Some(driver) = string.get("DRIVER") {
        return Ok(driver.to_owned());
    }
    let Some(dsn) = string.get("DSN") else { return Ok(String::new()) };
    let sources = data_sources()?;
    match sources.iter().find(|source| source.name.eq_ignore_ascii_case(dsn)) {
        Some(source) => Ok(source.driver.clone()),
        // An entry [Default] of odbc.ini serves any name; whether there is one only the driver manager knows.
        None => Ok(String::new()),
    }
}

/// The first of these drivers that is registered.
///
/// # Errors
/// `Config`, with what there is and what to install, when none is.
pub(super) fn first_registered(names: &[&str]) -> Result<String> {
    let drivers = drivers()?;
    let found = names.iter().find_map(|name| drivers.iter().find(|driver| driver.name.eq_ignore_ascii_case(name)));
    match found {
        Some(driver) => Ok(driver.name.clone()),
        None => Err(Error::new(
            ErrorKind::Config,
            format!(
                "no ODBC driver for SQL Server is registered (looked for {}); {}; install Microsoft's msodbcsql18 or, on \
                 Debian, the package tdsodbc, or name the one to use with the option `driver`",
                names.join(", "),
                registered(&drivers)
            ),
        )),
    }
}

fn registered(drivers: &[InstalledDriver]) -> String {
    match drivers {
        [] => "none at all is registered".to_owned(),
        drivers => {
            let names: Vec<_> = drivers.iter().map(|driver| format!("`{}`", driver.name)).collect();
            format!("registered are {}", names.join(", "))
        }
    }
}

/// Replaces the name of a driver by the path of its file where the driver manager would not find it.
///
/// Distributions register files by their bare names and keep them in a folder that only their own build of the driver
/// manager looks into.
///
/// # Errors
/// `Config` for a name that is not registered and for a file that is not there, with what to install.
pub(super) fn point_at_file(string: &mut ConnectionString, driver: &str) -> Result<()> {
    if driver.is_empty() || driver.contains(['/', '\\']) {
        return Ok(());
    }
    let drivers = drivers()?;
    let Some(known) = drivers.iter().find(|known| known.name.eq_ignore_ascii_case(driver)) else {
        return Err(Error::new(
            ErrorKind::Config,
            format!("no ODBC driver is registered as `{driver}`; {}{}", registered(&drivers), hint(driver)),
        ));
    };
    match locate(&known.file) {
        Some(Place::Folder(path)) => {
            let path = path.display().to_string();
            string.remove("DRIVER");
            string.first("DRIVER", path);
            Ok(())
        }
        Some(Place::Known) => Ok(()),
        None => Err(Error::new(
            ErrorKind::Config,
            format!(
                "the ODBC driver `{driver}` is registered, but its file `{}` is nowhere{}",
                known.file,
                hint(driver)
            ),
        )),
    }
}

fn hint(driver: &str) -> String {
    match family::of(driver).package {
        "" => String::new(),
        package => format!("; on Debian install {package}"),
    }
}

enum Place {
    /// Where whoever loads it will look.
    Known,
    /// In a folder of drivers.
    Folder(PathBuf),
}

fn locate(file: &str) -> Option<Place> {
    if file.is_empty() {
        return None;
    }
    if file.contains('/') {
        return Path::new(file).exists().then_some(Place::Known);
    }
    let arch = std::env::consts::ARCH;
    let folders = [
        format!("/usr/lib/{arch}-linux-gnu/odbc"),
        "/usr/lib64/odbc".to_owned(),
        "/usr/lib/odbc".to_owned(),
        "/usr/local/lib/odbc".to_owned(),
        "/opt/homebrew/lib".to_owned(),
        format!("/usr/lib/{arch}-linux-gnu"),
        "/usr/lib64".to_owned(),
        "/usr/lib".to_owned(),
        "/usr/local/lib".to_owned(),
    ];
    folders.iter().map(|folder| Path::new(folder).join(file)).find(|path| path.exists()).map(Place::Folder)
}

/// Opens a connection.
///
/// The time for it is handed to the driver; that is a promise which not every driver keeps.
pub(super) fn connect(
    config: &Config,
    call: &Call<'_>,
    string: &ConnectionString,
    family: &Family,
) -> Result<Connection<'static>> {
    let seconds =
        call.remaining().map(|left| u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1));
    let options = ConnectionOptions { login_timeout_sec: seconds, packet_size: None };
    let text = crate::Secret::new(string.text());
    manager()?
        .connect_with_connection_string(text.expose(), options)
        .map_err(|error| at_connect(config, family, &Diagnosis::of(error)))
}
