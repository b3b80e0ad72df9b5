//! A Python process as a host: how it is found and started, what it is told, what it speaks.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::super::child::Launch;
use super::super::core::Speech;
use super::super::message::Facts;
use super::super::program;
use super::super::source::Foreign;
use crate::config::{Config, OptionValue};
use crate::driver::Call;
use crate::driver::foreign::known::{self, Known, Style};
use crate::driver::foreign::probe::Probe;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::sql::Dialect;

/// What the process runs.
const SOURCE: &[u8] = include_bytes!("host.py");

/// Names that a URL may say, the modules that they mean, in the order in which they are tried, and the database.
const MODULES: &[(&str, &str, &str)] = &[
    ("mariadb", "pymysql,MySQLdb", "mariadb"),
    ("mysql", "pymysql,MySQLdb", "mysql"),
    ("mysqldb", "MySQLdb", "mysql"),
    ("pg8000", "pg8000.dbapi,pg8000", "postgresql"),
    ("postgresql", "psycopg,psycopg2,pg8000.dbapi,pg8000", "postgresql"),
    ("psycopg", "psycopg", "postgresql"),
    ("psycopg2", "psycopg2", "postgresql"),
    ("pymysql", "pymysql", "mysql"),
    ("sqlite", "sqlite3", "sqlite"),
    ("sqlite3", "sqlite3", "sqlite"),
];

pub(super) struct Python {
    program: Option<PathBuf>,
    one_each: bool,
    modules: String,
    /// Folders were given to look for modules in.
    has_path: bool,
    /// The one argument of `connect`, if it has one.
    dsn: Option<Secret>,
    given_dialect: Option<&'static Known>,
    /// What the module's name suggests, before there is a connection.
    likely: &'static Known,
    /// What the first connection found.
    found: OnceLock<&'static Known>,
}

impl Python {
    /// # Errors
    /// `Config` when it is left open which module is meant.
    pub(super) fn of(config: &Config) -> Result<Python> {
        let options = config.options();
        let name = config.url().driver().or_else(|| options.str("dbapi_dsn_driver"));
        let listed = name.and_then(|name| MODULES.iter().find(|(own, _, _)| own.eq_ignore_ascii_case(name)));
        let dsn = config.url().dsn().map(Secret::expose);
        let (modules, dsn) = match (options.str("dbapi_path"), listed, name) {
            (Some(path), _, None) => (path.to_owned(), dsn.map(Secret::new)),
            // The text as the module knows it: with what stands before it.
            (Some(path), _, Some(name)) => (path.to_owned(), dsn.map(|dsn| Secret::new(format!("{name}://{dsn}")))),
            (None, Some((_, modules, _)), _) => ((*modules).to_owned(), dsn.map(Secret::new)),
            (None, None, name) => return Err(unknown_module(name)),
        };
        if modules.trim().is_empty() {
            return Err(unknown_module(None));
        }
        let by_module = MODULES.iter().find(|(_, own, _)| own.split(',').any(|module| module == modules));
        let likely = known::by_name(by_module.or(listed).map_or("generic", |(_, _, dialect)| dialect))?;
        let given_dialect = if config.is_dialect_given() { Some(known::by_name(config.dialect())?) } else { None };
        Ok(Python {
            program: options.path("python").map(PathBuf::from),
            one_each: options.str("dbapi_pool") != Some("thread"),
            modules,
            has_path: options.get_all("python_path").next().is_some(),
            dsn,
            given_dialect,
            likely,
            found: OnceLock::new(),
        })
    }
}

impl Python {
    /// Whether the module is of the standard library, and neither an interpreter nor a folder of modules was named: then
    /// the packages that are installed are not looked for (`-S`), which can take longer than to start.
    fn is_standard(&self) -> bool {
        self.modules == "sqlite3" && !self.has_path && self.program.is_none()
    }
}

#[cold]
fn unknown_module(name: Option<&str>) -> Error {
    let names: Vec<_> = MODULES.iter().map(|(name, _, _)| *name).collect();
    let what = match name {
        Some(name) => format!("there is no Python module known by the name `{name}` here"),
        None => "which Python module is meant is left open".into(),
    };
    Error::new(
        ErrorKind::Config,
        format!(
            "{what}; write dbapi2+name://… with one of {}, or name any module with the option `dbapi_path`",
            names.join(", ")
        ),
    )
}

impl Foreign for Python {
    fn launch(&self) -> Result<Launch> {
        let program = match &self.program {
            Some(path) => program::at(path, "python")?,
            None => {
                let home = std::env::var_os("VIRTUAL_ENV").map(|home| PathBuf::from(home).join("bin"));
                program::find("Python", &["python3", "python"], home.as_slice(), "python")?
            }
        };
        Ok(Launch {
            what: "Python",
            program,
            arguments: if self.is_standard() { vec!["-S".into()] } else { Vec::new() },
            before: std::ffi::OsString::new(),
            file: ("host.py", SOURCE),
            behind: if self.one_each { vec!["one".into()] } else { Vec::new() },
        })
    }

    fn one_each(&self) -> bool {
        self.one_each
    }

    fn names(&self, config: &Config, _call: &Call<'_>) -> Result<Vec<(String, Secret)>> {
        let options = config.options();
        let mut names = vec![("module".to_owned(), Secret::new(self.modules.clone()))];
        let mut push = |name: &str, value: &str| names.push((name.to_owned(), Secret::new(value)));
        if let Some(dsn) = &self.dsn {
            push("dsn", dsn.expose());
        }
        if let Some(user) = config.username() {
            push("user", user);
        }
        if let Some(password) = config.password()? {
            push("password", password.expose());
        }
        if let Some(args) = options.secret("dbapi_driver_args") {
            push("args", args.expose());
        }
        if let Some(size) = options.i64("dbapi_arraysize") {
            push("arraysize", &size.to_string());
        }
        for value in options.get_all("python_path") {
            if let OptionValue::Path(path) = value {
                push("path", &path.display().to_string());
            }
        }
        for (name, value) in options.given() {
            // What was passed through unknown is the module's own.
            if let OptionValue::Secret(value) = value
                && name != "dbapi_driver_args"
            {
                push(&format!("argument.{name}"), value.expose());
            }
        }
        Ok(names)
    }

    fn speech(&self, facts: &Facts) -> Result<Speech> {
        let known = self.given_dialect.unwrap_or_else(|| known::by_product(facts.get("product").unwrap_or_default()));
        let _ = self.found.set(known);
        Ok(Speech {
            known,
            dialect: known.dialect(Style::Marked),
            // Without autocommit the driver begins transactions by itself, and a BEGIN would stand inside of one.
            by_host: known.probe == Probe::None || !facts.is("autocommit"),
            nests: facts.is("nests"),
        })
    }

    fn dialect(&self) -> &'static Dialect {
        self.given_dialect.or(self.found.get().copied()).unwrap_or(self.likely).dialect(Style::Marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::hosted::dbapi2::SCHEMES;

    #[test]
    fn packages_are_left_out_where_nobody_can_have_named_one() {
        let is_standard = |url: &str, option: Option<(&str, &str)>| {
            let mut builder = Config::builder().url(url).allow_code_options(true);
            if let Some((name, value)) = option {
                builder = builder.option(name, value);
            }
            Python::of(&builder.build(SCHEMES).expect("a URL")).expect("a module").is_standard()
        };
        assert!(is_standard("dbapi2+sqlite3://t.db", None));
        assert!(is_standard("dbapi2+sqlite://:memory:", None));
        assert!(!is_standard("dbapi2+pg8000://h/db", None));
        assert!(!is_standard("dbapi2+sqlite3://t.db", Some(("python_path", "/some"))));
        assert!(!is_standard("dbapi2+sqlite3://t.db", Some(("python", "/some/python3"))));
        assert!(!is_standard("dbapi2://t.db", Some(("dbapi_path", "some.module"))));
    }
}
