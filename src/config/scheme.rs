//! What the drivers tell about themselves, and which of them a URL means.

use super::databasez::python_drivers;
use super::near::near;
use super::spec::OptionSpec;
use crate::error::{Error, ErrorKind};
use crate::url::DatabaseUrl;

/// What there is to know of a scheme before its driver is asked: a row of the table that the drivers hand in.
///
/// ```
/// use pontoon::config::SchemeInfo;
///
/// const SQLITE: SchemeInfo = SchemeInfo::new("sqlite", "sqlite").feature("sqlite", true);
/// assert_eq!(SQLITE.default_port, None);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SchemeInfo {
    /// The canonical scheme.
    pub name: &'static str,
    /// Other schemes that mean the same (`postgres`).
    pub aliases: &'static [&'static str],
    /// The SQL dialect it speaks, unless the option `dialect` or the database says otherwise.
    pub dialect: &'static str,
    /// The cargo feature that compiles the driver in.
    pub feature: &'static str,
    /// Whether it is compiled in.
    pub compiled_in: bool,
    /// Names accepted after `+`, beside the Python packages that databasez uses for the dialect; all select the one
    /// driver there is.
    pub drivers: &'static [&'static str],
    /// Whether any name may stand after `+`, because the driver knows what to make of it (`jdbc+h2`).
    pub any_driver: bool,
    /// The port where none is given.
    pub default_port: Option<u16>,
    /// Whether it speaks over a network, and takes the options for TLS.
    pub tls: bool,
    /// Whether options that nobody knows are handed to the foreign driver, instead of refused.
    pub pass_through: bool,
    /// The options of the driver. One that is also a general option hides the general one.
    pub options: &'static [OptionSpec],
}

impl SchemeInfo {
    /// A scheme that is compiled in and has nothing special about it.
    pub const fn new(name: &'static str, dialect: &'static str) -> SchemeInfo {
        SchemeInfo {
            name,
            aliases: &[],
            dialect,
            feature: name,
            compiled_in: true,
            drivers: &[],
            any_driver: false,
            default_port: None,
            tls: false,
            pass_through: false,
            options: &[],
        }
    }

    /// With other schemes that mean the same.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> SchemeInfo {
        SchemeInfo { aliases, ..self }
    }

    /// With the cargo feature that compiles it in, and whether it is on.
    #[must_use]
    pub const fn feature(self, feature: &'static str, compiled_in: bool) -> SchemeInfo {
        SchemeInfo { feature, compiled_in, ..self }
    }

    /// With names that may stand after `+`.
    #[must_use]
    pub const fn drivers(self, drivers: &'static [&'static str]) -> SchemeInfo {
        SchemeInfo { drivers, ..self }
    }

    /// With any name allowed after `+`.
    #[must_use]
    pub const fn any_driver(self) -> SchemeInfo {
        SchemeInfo { any_driver: true, ..self }
    }

    /// On a network: with a port where none is given, and the options for TLS.
    #[must_use]
    pub const fn network(self, default_port: Option<u16>) -> SchemeInfo {
        SchemeInfo { default_port, tls: true, ..self }
    }

    /// Handing unknown options on.
    #[must_use]
    pub const fn pass_through(self) -> SchemeInfo {
        SchemeInfo { pass_through: true, ..self }
    }

    /// With the driver's options.
    #[must_use]
    pub const fn options(self, options: &'static [OptionSpec]) -> SchemeInfo {
        SchemeInfo { options, ..self }
    }

    fn is_called(&self, dialect: &str) -> bool {
        self.name == dialect || self.aliases.contains(&dialect)
    }

    /// The scheme that this URL means.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownScheme`] for a scheme that nobody serves (the message lists those there are), for one whose
    /// driver is not compiled in (it names the feature), and for a driver after `+` that the dialect does not have.
    pub fn find(url: &DatabaseUrl, schemes: &[SchemeInfo]) -> Result<SchemeInfo, Error> {
        let Some(scheme) = schemes.iter().find(|scheme| scheme.is_called(url.dialect())) else {
            let known: Vec<&str> = schemes.iter().map(|scheme| scheme.name).collect();
            let names =
                schemes.iter().flat_map(|scheme| std::iter::once(scheme.name).chain(scheme.aliases.iter().copied()));
            let hint = match near(url.dialect(), names).as_slice() {
                [] => format!("known are {}", known.join(", ")),
                near => format!("did you mean {}?", near.join(" or ")),
            };
            return Err(Error::new(
                ErrorKind::UnknownScheme,
                format!("no driver serves the scheme `{}`; {hint}", url.dialect()),
            ));
        };
        if !scheme.compiled_in {
            return Err(Error::new(
                ErrorKind::UnknownScheme,
                format!(
                    "the driver for `{}` is not compiled in; enable the feature `{}` of pontoon",
                    url.dialect(),
                    scheme.feature
                ),
            ));
        }
        if let Some(driver) = url.driver()
            && !scheme.any_driver
            && !scheme.drivers.contains(&driver)
            && !python_drivers(scheme.dialect).chain(python_drivers(scheme.name)).any(|python| python == driver)
        {
            return Err(Error::new(
                ErrorKind::UnknownScheme,
                format!("`{}` has no driver `{driver}`; write {}://… without it", url.dialect(), url.dialect()),
            ));
        }
        Ok(*scheme)
    }
}
