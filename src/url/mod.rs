//! Database URLs.
//!
//! # Grammar
//!
//! | shape | schemes | written |
//! |---|---|---|
//! | server | all others | `dialect+driver://user:password@host:port,host2:port2/database?name=value&name=value` |
//! | file | `sqlite` | `sqlite:///path?name=value` |
//! | DSN | `jdbc`, `dbapi2` | `jdbc+sqlite://DSN?name=value`, the DSN verbatim up to the first `?` |
//! | opaque | `jdbc:`, `odbc:` without `//` | `jdbc:postgresql://…`, `odbc:DRIVER=…;…`, verbatim to the end |
//!
//! Each component is percent-decoded exactly once and held decoded; it is encoded once, when the URL is written. In
//! options `+` is a space, as in web forms (write a plus as `%2B`); everywhere else it is a plus. A `#` begins no
//! fragment: in a database or an option it is an ordinary character, and in a user name or password it must be written
//! `%23`, because a `#` there is nearly always a password that somebody forgot to encode. For the same reason an `@`
//! after the host must be written `%40`. Control characters are refused, encoded or not. Options keep their order, their repetitions and their blanks; a bare `name` is `name=`.
//!
//! # Files
//!
//! | URL | database |
//! |---|---|
//! | `sqlite:app.db`, `sqlite://app.db`, `sqlite:///app.db` | `app.db`, relative to the working directory |
//! | `sqlite:///dir/app.db` | `dir/app.db`, relative |
//! | `sqlite:////srv/app.db`, `sqlite:/srv/app.db` | `/srv/app.db`, absolute |
//! | `sqlite::memory:`, `sqlite:///:memory:`, `sqlite://`, `sqlite:` | a private database in memory |
//!
//! # Hosts
//!
//! A name, an IPv4 address, an IPv6 address in brackets, or a Unix socket: a path with its slashes as `%2F`, or one of
//! the options `host`, `unix_socket` and `unix_sock`. `?host=` takes lists, as libpq does, with `?port=` beside it; it
//! is an error beside a host in the address. `unix_socket` takes the place of the host in the address, as MySQL's
//! clients have it.

mod host;
mod parse;
mod shape;
mod show;

pub use host::{Address, Host};
pub use shape::Shape;
pub(crate) use show::items as foreign_items;

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Where a database is and how to get in, in decoded parts.
///
/// Parsed once, from text or from parts; [`expose`](DatabaseUrl::expose) writes text that parses to an equal URL.
/// `Display` and `Debug` show no secret. The `with_*` methods return a changed copy and take *decoded* text; they fail
/// where the result would be no URL (a NUL in a password, a host for a file) and never encode twice. Two URLs are equal
/// when their decoded parts are, options in order; the password counts.
///
/// ```
/// use pontoon::DatabaseUrl;
///
/// let url: DatabaseUrl = "postgresql://app:p%40ss@db.example:5433/shop?sslmode=require".parse()?;
/// assert_eq!(url.dialect(), "postgresql");
/// assert_eq!(url.password().map(|password| password.expose()), Some("p@ss"));
/// assert_eq!(url.to_string(), "postgresql://app:***@db.example:5433/shop?sslmode=require");
///
/// let replica = url.with_host("replica.example")?.with_port(5434)?;
/// assert_eq!(replica.expose(), "postgresql://app:p%40ss@replica.example:5434/shop?sslmode=require");
/// # Ok::<(), pontoon::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DatabaseUrl {
    dialect: Box<str>,
    driver: Option<Box<str>>,
    shape: Shape,
    username: Option<Box<str>>,
    password: Option<Secret>,
    /// The hosts in the address. The ones that count are in `hosts`.
    written: Vec<Address>,
    database: Option<Box<str>>,
    dsn: Option<Secret>,
    options: Vec<(Box<str>, Secret)>,
    /// Derived from `written` and the options that name a host; kept by `settle`.
    hosts: Vec<Address>,
}

impl DatabaseUrl {
    /// A URL of nothing but a scheme (`sqlite`, `postgresql`, `jdbc+h2`), to be filled in by the `with_*` methods.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] when it is no scheme.
    pub fn from_scheme(scheme: &str) -> Result<DatabaseUrl, Error> {
        let (dialect, driver) = parse::scheme_parts(scheme)?;
        let shape = Shape::of(&dialect, true);
        Ok(DatabaseUrl::empty(dialect, driver, shape))
    }

    fn empty(dialect: Box<str>, driver: Option<Box<str>>, shape: Shape) -> DatabaseUrl {
        DatabaseUrl {
            dialect,
            driver,
            shape,
            username: None,
            password: None,
            written: Vec::new(),
            database: None,
            dsn: None,
            options: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// `dialect` or `dialect+driver`, in lower case.
    pub fn scheme(&self) -> String {
        match &self.driver {
            Some(driver) => format!("{}+{driver}", self.dialect),
            None => self.dialect.to_string(),
        }
    }

    /// The scheme up to `+`, in lower case and otherwise as written: `postgres` stays `postgres`.
    pub fn dialect(&self) -> &str {
        &self.dialect
    }

    /// The scheme after `+`, in lower case.
    pub fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    /// How the part after the scheme is laid out.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The user name; an empty one counts as none.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The password. `user:@host` has an empty one, `user@host` none.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The hosts to try, in order: those of the address, or of the options `host`, `unix_socket` and `unix_sock`. Empty
    /// when none is given, which leaves the choice to the driver.
    pub fn hosts(&self) -> &[Address] {
        &self.hosts
    }

    /// The first of [`hosts`](DatabaseUrl::hosts).
    pub fn host(&self) -> Option<&Host> {
        self.hosts.first().map(|address| &address.host)
    }

    /// The port of the first host, where one is given.
    pub fn port(&self) -> Option<u16> {
        self.hosts.first().and_then(|address| address.port)
    }

    /// The name of the database, or the path of its file; an empty one counts as none. `None` for the shapes that hold
    /// a [`dsn`](DatabaseUrl::dsn).
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The path of a database that is a file and not in memory.
    pub fn database_path(&self) -> Option<&Path> {
        match self.shape {
            Shape::File => self.database().filter(|path| *path != ":memory:").map(Path::new),
            _ => None,
        }
    }

    /// The foreign connection string: of a DSN URL what stands between `//` and `?`, of an opaque URL all that follows
    /// the scheme and its colon. Verbatim, so it may hold credentials.
    pub fn dsn(&self) -> Option<&Secret> {
        self.dsn.as_ref()
    }

    /// The options in order, repeated ones repeated. Any value may be a secret.
    pub fn options(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.options.iter().map(|(name, value)| (&**name, value))
    }

    /// The first value of an option, by its exact name.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options().find(|(option, _)| *option == name).map(|(_, value)| value.expose())
    }

    /// The URL in full, passwords and all. It parses to an equal URL.
    pub fn expose(&self) -> String {
        show::write(self, true)
    }

    /// A copy with another `dialect` or `dialect+driver`; a driver that is not given is removed.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] when it is no scheme, or one whose URLs cannot hold what this one holds.
    pub fn with_scheme(&self, scheme: &str) -> Result<DatabaseUrl, Error> {
        let (dialect, driver) = parse::scheme_parts(scheme)?;
        let shape = Shape::of(&dialect, self.shape != Shape::Opaque);
        let url = DatabaseUrl { dialect, driver, shape, ..self.clone() };
        if shape == Shape::Opaque && url.driver.is_some() {
            return Err(url.cannot_hold("a driver"));
        }
        url.settle()
    }

    /// A copy with another driver, or without one.
    ///
    /// # Errors
    /// As [`with_scheme`](DatabaseUrl::with_scheme).
    pub fn with_driver<'d>(&self, driver: impl Into<Option<&'d str>>) -> Result<DatabaseUrl, Error> {
        match driver.into() {
            Some(driver) => self.with_scheme(&format!("{}+{driver}", self.dialect)),
            None => self.with_scheme(&self.dialect),
        }
    }

    /// A copy with another user name, or without one.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] for a control character, or a URL that has no user.
    pub fn with_username<'u>(&self, username: impl Into<Option<&'u str>>) -> Result<DatabaseUrl, Error> {
        let username = username.into().filter(|username| !username.is_empty()).map(Into::into);
        DatabaseUrl { username, ..self.clone() }.settle()
    }

    /// A copy with another password.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] for a control character, or a URL that has no user.
    pub fn with_password(&self, password: impl Into<Secret>) -> Result<DatabaseUrl, Error> {
        DatabaseUrl { password: Some(password.into()), ..self.clone() }.settle()
    }

    /// A copy without a password.
    #[must_use]
    pub fn without_password(&self) -> DatabaseUrl {
        DatabaseUrl { password: None, ..self.clone() }
    }

    /// A copy with this one host, in plain form (`db.example`, `::1`, `/run/postgresql`), and the port of the first host
    /// there was. Options that name a host are removed.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] when it is no host, or the URL has none.
    pub fn with_host(&self, host: &str) -> Result<DatabaseUrl, Error> {
        self.with_hosts([Address { host: host.parse()?, port: self.port() }])
    }

    /// A copy with these hosts. Options that name a host or a port are removed.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] when the URL has no host.
    pub fn with_hosts(&self, hosts: impl IntoIterator<Item = Address>) -> Result<DatabaseUrl, Error> {
        // Through text and back, so that a name made by hand that is an address becomes one.
        let hosts = hosts
            .into_iter()
            .map(|address| Ok(Address { host: address.host.to_plain().parse()?, port: address.port }))
            .collect::<Result<_, Error>>()?;
        let mut url = DatabaseUrl { written: hosts, ..self.clone() };
        url.options.retain(|(name, _)| !HOST_OPTIONS.contains(&&**name) && &**name != "port");
        url.settle()
    }

    /// A copy with another port for every host, or with the driver's default.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] for a port on a URL without a host, and for port 0.
    pub fn with_port(&self, port: impl Into<Option<u16>>) -> Result<DatabaseUrl, Error> {
        let port = port.into();
        if port == Some(0) {
            return Err(bad("0 is no port; give one from 1 to 65535"));
        }
        if self.hosts.is_empty() && port.is_some() {
            return Err(bad("there is no host to put a port on; give the host first"));
        }
        self.with_hosts(self.hosts.iter().map(|address| Address { host: address.host.clone(), port }))
    }

    /// A copy with another database (or path, or DSN), or without one.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] for a control character, a `?` in a DSN, and on an opaque URL.
    pub fn with_database<'d>(&self, database: impl Into<Option<&'d str>>) -> Result<DatabaseUrl, Error> {
        let database = database.into().filter(|database| !database.is_empty());
        let mut url = self.clone();
        match self.shape {
            Shape::Opaque => return Err(url.cannot_hold("a database apart from its connection string")),
            Shape::Dsn => url.dsn = database.map(Secret::from),
            Shape::File | Shape::Server => url.database = database.map(Into::into),
        }
        url.settle()
    }

    /// A copy in which the option has this one value.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] for something that is no option's name, a control character, and on an opaque URL.
    pub fn with_option(&self, name: &str, value: impl Into<Secret>) -> Result<DatabaseUrl, Error> {
        self.without_option(name).with_added_option(name, value)
    }

    /// A copy in which the option is given once more, after all others.
    ///
    /// # Errors
    /// As [`with_option`](DatabaseUrl::with_option).
    pub fn with_added_option(&self, name: &str, value: impl Into<Secret>) -> Result<DatabaseUrl, Error> {
        let mut url = self.clone();
        url.options.push((name.into(), value.into()));
        url.settle()
    }

    /// A copy without the options of this exact name.
    #[must_use]
    pub fn without_option(&self, name: &str) -> DatabaseUrl {
        self.retaining_options(|option| option != name)
    }

    /// A copy without any option.
    #[must_use]
    pub fn without_options(&self) -> DatabaseUrl {
        self.retaining_options(|_| false)
    }

    pub(crate) fn retaining_options(&self, keep: impl Fn(&str) -> bool) -> DatabaseUrl {
        let mut url = self.clone();
        url.options.retain(|(name, _)| keep(name));
        // Fewer options can only take a host away, never contradict another.
        if let Ok(hosts) = url.effective_hosts() {
            url.hosts = hosts;
        }
        url
    }

    /// Checks what holds of every URL and derives what is derived. Every way to a URL ends here.
    fn settle(mut self) -> Result<DatabaseUrl, Error> {
        if self.shape != Shape::Server {
            if !self.written.is_empty() {
                return Err(self.cannot_hold("a host"));
            }
            if self.username.is_some() || self.password.is_some() {
                return Err(self.cannot_hold("a user name or a password in its address"));
            }
        }
        match self.shape {
            Shape::Opaque | Shape::Dsn if self.database.is_some() => {
                return Err(self.cannot_hold("a database apart from its connection string"));
            }
            Shape::Server | Shape::File if self.dsn.is_some() => {
                return Err(self.cannot_hold("a foreign connection string"));
            }
            Shape::Opaque if !self.options.is_empty() => {
                return Err(self.cannot_hold("options apart from its connection string"));
            }
            _ => {}
        }
        let texts = [("the user name", self.username()), ("the database", self.database())];
        for (what, text) in texts {
            parse::check_text(text.unwrap_or_default(), what)?;
        }
        for (what, text) in [("the password", &self.password), ("the connection string", &self.dsn)] {
            parse::check_text(text.as_ref().map_or("", Secret::expose), what)?;
        }
        if self.shape == Shape::Dsn && self.dsn.as_ref().is_some_and(|dsn| dsn.expose().contains('?')) {
            return Err(bad(format!(
                "a `?` in the connection string of {} would begin the options; give what follows it as options",
                self.scheme()
            )));
        }
        if self.dsn.as_ref().is_some_and(|dsn| dsn.expose().trim_end() != dsn.expose()) {
            // At the very end of a URL it could not be told from one that a copy left there.
            return Err(bad(format!("the connection string of {} ends with a space; remove it", self.scheme())));
        }
        for (name, value) in &self.options {
            parse::check_option_name(name).map_err(|error| error.context("an option"))?;
            parse::check_text(value.expose(), &format!("the value of option `{name}`"))?;
        }
        self.hosts = self.effective_hosts()?;
        Ok(self)
    }

    fn effective_hosts(&self) -> Result<Vec<Address>, Error> {
        if self.shape != Shape::Server {
            return Ok(Vec::new());
        }
        let given: Vec<(&str, &str)> = self
            .options()
            .filter(|(name, value)| HOST_OPTIONS.contains(name) && !value.is_empty())
            .map(|(name, value)| (name, value.expose()))
            .collect();
        let kinds = given.iter().map(|(name, _)| *name == "host").collect::<Vec<_>>();
        let socket = kinds.contains(&false);
        if (socket && given.len() > 1) || (kinds.contains(&true) && !self.written.is_empty()) {
            return Err(bad(format!(
                "the host is given twice, {}; give it once",
                if self.written.is_empty() { "by two options" } else { "in the address and by the option `host`" }
            )));
        }
        let mut hosts = Vec::new();
        if socket {
            let path = given[0].1;
            if !path.starts_with(['/', '@']) {
                return Err(bad(format!(
                    "the option `{}` must be the path of a socket, beginning with `/`",
                    given[0].0
                )));
            }
            hosts.push(Address { host: path.parse()?, port: None });
        } else if !given.is_empty() {
            for host in given.iter().flat_map(|(_, value)| value.split(',')) {
                let (host, port) = match host.rsplit_once(':') {
                    // SQLAlchemy writes `?host=a:1&host=b:2`; more colons are an IPv6 address.
                    Some((host, port)) if !host.contains(':') && !host.starts_with('/') => (host, Some(port)),
                    _ => (host, None),
                };
                let port = port.map(|port| parse::port_of(port, "the option `host`")).transpose()?;
                let host = host.parse::<Host>().map_err(|error| error.context("the option `host`"))?;
                hosts.push(Address { host, port });
            }
        } else {
            hosts.clone_from(&self.written);
        }
        self.add_ports(&mut hosts)?;
        Ok(hosts)
    }

    /// Gives the hosts the ports of the option `port`: one for all, or one each.
    fn add_ports(&self, hosts: &mut Vec<Address>) -> Result<(), Error> {
        let ports: Vec<&str> = self
            .options()
            .filter(|(name, value)| *name == "port" && !value.is_empty())
            .flat_map(|(_, value)| value.expose().split(','))
            .collect();
        if ports.is_empty() {
            return Ok(());
        }
        if hosts.is_empty() {
            hosts.push(Address { host: Host::Name("localhost".into()), port: None });
        }
        if hosts.iter().any(|address| address.port.is_some()) {
            return Err(bad("the port is given twice, beside the host and by the option `port`; give it once"));
        }
        if ports.len() != 1 && ports.len() != hosts.len() {
            return Err(bad(format!(
                "there are {} hosts and {} ports; give one port, or one for each host",
                hosts.len(),
                ports.len()
            )));
        }
        for (n, address) in hosts.iter_mut().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or_default();
            address.port = Some(parse::port_of(port, "the option `port`")?);
        }
        Ok(())
    }

    fn cannot_hold(&self, what: &str) -> Error {
        let how = match self.shape {
            Shape::File => "write sqlite:///relative/path or sqlite:////absolute/path",
            Shape::Dsn => "give it as an option, or inside the connection string after `//`",
            Shape::Opaque => "give it inside the connection string",
            Shape::Server => "start from a URL of that scheme",
        };
        bad(format!("a URL of {} cannot hold {what}; {how}", self.scheme()))
    }
}

/// Options that name the host, as libpq and SQLAlchemy (`host`) and MySQL's clients (`unix_socket`) have them.
pub(crate) const HOST_OPTIONS: &[&str] = &["host", "unix_socket", "unix_sock"];

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<DatabaseUrl, Error> {
        parse::parse(text)
    }
}

impl TryFrom<&str> for DatabaseUrl {
    type Error = Error;

    fn try_from(text: &str) -> Result<DatabaseUrl, Error> {
        text.parse()
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<DatabaseUrl, Error> {
        text.parse()
    }
}

/// What a database URL can be given as: text, or a URL that was parsed already.
pub trait IntoDatabaseUrl {
    /// The URL.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] when it is text that is no URL.
    fn into_database_url(self) -> Result<DatabaseUrl, Error>;
}

impl IntoDatabaseUrl for DatabaseUrl {
    fn into_database_url(self) -> Result<DatabaseUrl, Error> {
        Ok(self)
    }
}

impl IntoDatabaseUrl for &DatabaseUrl {
    fn into_database_url(self) -> Result<DatabaseUrl, Error> {
        Ok(self.clone())
    }
}

impl IntoDatabaseUrl for &str {
    fn into_database_url(self) -> Result<DatabaseUrl, Error> {
        self.parse()
    }
}

impl IntoDatabaseUrl for String {
    fn into_database_url(self) -> Result<DatabaseUrl, Error> {
        self.parse()
    }
}

impl IntoDatabaseUrl for &String {
    fn into_database_url(self) -> Result<DatabaseUrl, Error> {
        self.parse()
    }
}

impl<'de> serde::Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<DatabaseUrl, D::Error> {
        Secret::deserialize(deserializer)?.expose().parse().map_err(serde::de::Error::custom)
    }
}

fn bad(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Url, message)
}
