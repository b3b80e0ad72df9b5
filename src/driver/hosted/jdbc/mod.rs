//! JDBC: any database that has a driver for Java.
//!
//! # Where
//!
//! | URL | the driver gets |
//! |---|---|
//! | `jdbc:postgresql://db/shop?ssl=true` | the same, to the letter |
//! | `jdbc:h2:mem:shop;MODE=PostgreSQL` | the same |
//! | `jdbc+sqlite://shop.db` | `jdbc:sqlite:shop.db` |
//! | `jdbc+postgresql://db:5432/shop?currentSchema=x` | `jdbc:postgresql://db:5432/shop`, and the property `currentSchema` |
//! | `jdbc://shop.db?jdbc_dsn_driver=sqlite` | `jdbc:sqlite:shop.db` |
//!
//! In the last three forms, which databasez has too, what is no option here is a property of the connection. So are the
//! user and the password, by the options `user` and `password` or by the builder's; and the entries of
//! `jdbc_driver_args`, a JSON object. Properties never come into the URL that the driver gets, whose text drivers like to
//! put into messages. Of the first two forms all that the driver takes is in the URL already, and the options are given
//! to the builder.
//!
//! # The driver
//!
//! | option | |
//! |---|---|
//! | `classpath` | jars and folders, `folder/*.jar` for all of one; several with colons between, or the option several times |
//! | `jdbc_driver` | the driver's class, for old jars that do not name it |
//! | `java` | the program, or the folder of a Java |
//! | `jvm_options` | options of the virtual machine: `-Xmx2g` |
//!
//! All four name code to load, so they are refused unless
//! [`allow_code_options`](crate::DatabaseBuilder::allow_code_options) is set. Without `classpath` it is the environment's
//! `CLASSPATH`, and without that the jar that the distribution has installed in `/usr/share/java` for H2, HSQLDB, Derby,
//! SQLite, PostgreSQL, MariaDB, MySQL or SQL Server. Java, 17 or later, is that of `JAVA_HOME`, else the first on the
//! `PATH`.
//!
//! Each `Database` has a Java process of its own, and so a class path of its own; its connections are threads in it. It
//! starts with the first connection. Its time zone is UTC, unless `jvm_options` has another.
//!
//! # Which SQL
//!
//! The database is asked for its name, and its dialect is chosen by it; the option `dialect` overrules it. Parameters go
//! to the driver as question marks.
//!
//! # Transactions
//!
//! On PostgreSQL, SQLite, MariaDB, MySQL and SQL Server transactions are those of the database's own SQL, and the database
//! is asked what is open after everything that can have changed it. On all others they are JDBC's, with autocommit off and
//! savepoint objects. Of H2, HSQLDB, Derby and Oracle it is known which errors end a transaction; on others nobody can be
//! asked, so a connection is discarded after an error inside of one. Read-only transactions are refused where
//! `setReadOnly` is a hint.
//!
//! # Time
//!
//! A call is ended by `Statement.cancel()` at its deadline; on HSQLDB by another connection, since its driver's cancel waits
//! for the statement. Derby has none; there, and where a driver or database does not heed it, the connection is cut, its thread in the Java process is left behind, and new connections get a new process.
//!
//! # Databases in the Java process
//!
//! H2, HSQLDB, Derby and SQLite run in the Java process. What was committed is written down when COMMIT returns: H2 and
//! HSQLDB are told so (`WRITE_DELAY=0`, `hsqldb.write_delay=false`), unless the URL says otherwise. A database in memory
//! (`jdbc:h2:mem:`) is of one `Database` alone, is shared by its connections, and is gone with its process.
//!
//! # Cleaning
//!
//! On PostgreSQL a reset is a batch of its own statements; elsewhere the Java process opens the driver's connection anew, by
//! what it was given at first.

mod classpath;
mod family;
mod java;
mod options;
mod target;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::child::Launch;
use super::core::Speech;
use super::message::Facts;
use super::source::{Foreign, HostedSource};
use crate::config::{Config, OptionValue, SchemeInfo};
use crate::driver::foreign::known::{self, Known, Style};
use crate::driver::{Call, Driver, Source};
use crate::error::Result;
use crate::secret::Secret;
use crate::sql::Dialect;
use target::Target;

const SCHEMES: &[SchemeInfo] =
    &[SchemeInfo::new("jdbc", "generic").feature("jdbc", true).any_driver().pass_through().options(options::JDBC)];

/// The classes of the host, made from the sources in `host/`; a test makes them anew and compares.
static HOST: &[u8] = include_bytes!("host.jar");

/// What the virtual machine is told unless the program says otherwise. Its work is small and short: one thread collects
/// garbage as well as many, and it starts faster. Its counters for other programs are a file that it would write all the
/// time. A time of day that a zone leaves out does not get lost in UTC.
const JVM_OPTIONS: &[&str] = &[
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "-Xrs",
    "-Duser.timezone=UTC",
    "-Djava.awt.headless=true",
];

/// The driver for everything that has a JDBC driver.
#[derive(Clone, Copy, Debug)]
pub struct Jdbc;

impl Driver for Jdbc {
    fn name(&self) -> &'static str {
        "jdbc"
    }

    fn schemes(&self) -> &'static [SchemeInfo] {
        SCHEMES
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Source>> {
        let given = config.is_dialect_given().then(|| known::by_name(config.dialect())).transpose()?;
        let foreign = Java { config: config.clone(), target: Target::of(config)?, given };
        Ok(Arc::new(HostedSource::new(config, Box::new(foreign))))
    }
}

/// Java as a host.
struct Java {
    config: Config,
    target: Target,
    /// By the option, so that the database is not asked.
    given: Option<&'static Known>,
}

impl Java {
    fn places(&self) -> Result<Vec<PathBuf>> {
        classpath::of(&self.config, family::of(&self.target.family))
    }
}

/// Whether a place cannot stand in a class path, where a colon separates and a star stands for all jars of a folder.
fn needs_telling(place: &Path) -> bool {
    place.to_str().is_none_or(|text| text.contains(':') || text.ends_with('*'))
}

impl Foreign for Java {
    fn launch(&self) -> Result<Launch> {
        let mut arguments: Vec<OsString> = JVM_OPTIONS.iter().map(Into::into).collect();
        for value in self.config.options().get_all("jvm_options") {
            if let OptionValue::Text(text) = value {
                arguments.extend(text.split_whitespace().map(Into::into));
            }
        }
        arguments.push("-cp".into());
        // The driver's jars first: what a Java has archived of a class path (class-data sharing) is good for all that begin
        // with it, and the host's own jar is somewhere else each time.
        let mut before = OsString::new();
        for place in self.places()?.iter().filter(|place| !needs_telling(place)) {
            before.push(place);
            before.push(":");
        }
        Ok(Launch {
            what: "Java",
            program: java::find(&self.config)?,
            arguments,
            before,
            file: ("host.jar", HOST),
            behind: vec!["pontoon.Host".into()],
        })
    }

    fn one_each(&self) -> bool {
        false
    }

    fn names(&self, config: &Config, call: &Call<'_>) -> Result<Vec<(String, Secret)>> {
        let mut names = vec![("url".to_owned(), self.target.url.clone())];
        let places = self.places()?;
        let told: Vec<&str> =
            places.iter().filter(|place| needs_telling(place)).filter_map(|place| place.to_str()).collect();
        if !told.is_empty() {
            names.push(("classpath".to_owned(), Secret::new(told.join("\n"))));
        }
        if let Some(class) = config.options().str("jdbc_driver") {
            names.push(("driver".to_owned(), Secret::new(class)));
        }
        if let Some(left) = call.remaining() {
            names.push(("login_timeout".to_owned(), Secret::new(left.as_millis().max(1).to_string())));
        }
        for (name, value) in &self.target.properties {
            names.push((format!("property.{name}"), value.clone()));
        }
        if let Some(password) = config.password()?
            && !self.target.has("password")
        {
            names.push(("property.password".to_owned(), password));
        }
        Ok(names)
    }

    fn speech(&self, facts: &Facts) -> Result<Speech> {
        let known = self.given.unwrap_or_else(|| known::by_product(facts.get("product").unwrap_or_default()));
        Ok(Speech {
            known,
            dialect: known.dialect(Style::Doubled),
            by_host: !facts.is("by_sql"),
            nests: facts.is("nests"),
        })
    }

    /// What the URL suggests.
    fn dialect(&self) -> &'static Dialect {
        self.given.unwrap_or_else(|| known::by_family(&self.target.family)).dialect(Style::Doubled)
    }
}
