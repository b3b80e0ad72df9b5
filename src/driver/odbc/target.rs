//! From a URL to the connection string that the driver manager is handed.

use super::connection_string::ConnectionString;
use super::family;
use crate::config::{Config, OptionValue, TlsMode};
use crate::error::{Error, ErrorKind, Result};
use crate::url::Shape;

/// The drivers for SQL Server that are looked for, the best first.
const SQL_SERVER_DRIVERS: [&str; 4] =
    ["ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server", "FreeTDS", "SQL Server"];

/// Keys for the user and the password, the usual one first.
const USER: &[&str] = &["UID", "User", "Username", "User Id"];
const PASSWORD: &[&str] = &["PWD", "Password", "Pass"];

/// What to connect to, without the password, which may be another one each time.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) string: ConnectionString,
    /// The names of drivers that are tried, in this order; empty where the connection string has one.
    pub(super) candidates: &'static [&'static str],
    /// How SQL Server's drivers are told about encryption, once it is known which one it is.
    encryption: Option<Encryption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Encryption {
    encrypt: &'static str,
    trust: bool,
}

impl Target {
    /// Reads a configuration.
    ///
    /// # Errors
    /// `Config` for options that contradict each other or leave open which driver is meant.
    pub(super) fn of(config: &Config) -> Result<Target> {
        let url = config.url();
        let mut string = ConnectionString::default();
        let mut candidates: &[&str] = &[];
        let mut encryption = None;
        if url.shape() == Shape::Opaque {
            string = ConnectionString::parse(url.dsn().map(crate::Secret::expose).unwrap_or_default());
        } else {
            let sql_server = config.scheme().name == "mssql";
            name_driver(config, &mut string, sql_server)?;
            if sql_server && string.get("DRIVER").is_none() {
                candidates = &SQL_SERVER_DRIVERS;
            }
            let port = name_host(config, &mut string)?;
            if sql_server {
                encryption = Some(encryption_of(config)?);
                // A named instance finds its port by itself.
                let named = string.get("SERVER").is_some_and(|host| host.contains('\\'));
                if let Some(port) = port.or((!named).then_some(1433)) {
                    string.push("PORT", port.to_string());
                }
            } else if let Some(port) = port {
                string.push("PORT", port.to_string());
            }
            if let Some(database) = url.database() {
                string.push("DATABASE", database);
            }
        }
        for (name, value) in config.options().given() {
            // What was passed through unknown is the driver's own.
            if let OptionValue::Secret(value) = value {
                string.push(name, value.expose());
            }
        }
        if let Some(user) = config.username() {
            string.push_unless(USER, user);
        }
        if string.any(&["DRIVER", "DSN", "FILEDSN"]).is_none() && candidates.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "the connection string names neither a driver nor a data source; write odbc:///?dsn=name, or \
                 odbc:DRIVER={name};…, with a name from pontoon::driver::odbc::drivers()",
            ));
        }
        Ok(Target { string, candidates, encryption })
    }

    /// The connection string for a driver of this name or file, with what this family of drivers needs to be told.
    pub(super) fn for_driver(&self, name: &str) -> Result<ConnectionString> {
        let mut string = self.string.clone();
        let family = family::of(name);
        for (keys, value) in family.settings {
            string.push_unless(keys, value);
        }
        let Some(encryption) = self.encryption else { return Ok(string) };
        if family.package == "tdsodbc" {
            let words = match encryption {
                Encryption { encrypt: "no", .. } => "request",
                Encryption { encrypt: "yes", trust: true } => "require",
                Encryption { encrypt, .. } => {
                    let what =
                        if encrypt == "strict" { "encrypt=strict" } else { "the certificate of the server checked" };
                    return Err(Error::new(
                        ErrorKind::Tls,
                        format!(
                            "FreeTDS cannot be asked for {what}; use Microsoft's driver, or say \
                             trust_server_certificate=true to encrypt with whomever it may be"
                        ),
                    ));
                }
            };
            string.push_unless(&["Encryption"], words);
        } else {
            // Microsoft's driver has the port behind the host.
            if let (Some(host), Some(port)) = (string.get("SERVER"), string.get("PORT")) {
                let server = format!("{host},{port}");
                string.remove("PORT");
                string.remove("SERVER");
                string.push("SERVER", server);
            }
            string.push_unless(&["Encrypt"], encryption.encrypt);
            string.push_unless(&["TrustServerCertificate"], if encryption.trust { "yes" } else { "no" });
        }
        Ok(string)
    }
}

/// Adds the password to a connection string that has none.
pub(super) fn add_password(string: &mut ConnectionString, password: &str) {
    string.push_unless(PASSWORD, password);
}

fn name_driver(config: &Config, string: &mut ConnectionString, sql_server: bool) -> Result<()> {
    let options = config.options();
    match (options.str("driver"), options.str("dsn")) {
        (Some(_), Some(_)) => Err(Error::new(
            ErrorKind::Config,
            "the options `driver` and `dsn` are both given; a data source names its driver itself, give one of them",
        )),
        (Some(driver), None) => {
            string.push("DRIVER", driver.trim().trim_start_matches('{').trim_end_matches('}'));
            Ok(())
        }
        (None, Some(dsn)) => {
            string.push("DSN", dsn);
            Ok(())
        }
        (None, None) if sql_server => Ok(()),
        (None, None) => Err(Error::new(
            ErrorKind::Config,
            "which driver is meant is left open; give the option `driver` or `dsn`, with a name from \
             pontoon::driver::odbc::drivers()",
        )),
    }
}

/// Puts the host in; returns the port.
fn name_host(config: &Config, string: &mut ConnectionString) -> Result<Option<u16>> {
    let url = config.url();
    if url.hosts().len() > 1 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "an ODBC driver is given one host; several are the matter of its own options or of a data source",
        ));
    }
    let Some(host) = url.host() else { return Ok(None) };
    string.push("SERVER", host.to_plain());
    Ok(url.port())
}

/// What the options for encryption come to: SQL Server's own words, else the words that every network driver has.
fn encryption_of(config: &Config) -> Result<Encryption> {
    let options = config.options();
    let given = options.str("encrypt").map(|word| match word {
        "no" => "no",
        "strict" => "strict",
        _ => "yes",
    });
    let trust = options.bool("trust_server_certificate");
    let mode = config.tls().mode;
    if mode.is_some() && (given.is_some() || trust.is_some()) {
        return Err(Error::new(
            ErrorKind::Config,
            "`sslmode` and `encrypt` or `trust_server_certificate` say the same in two ways; give one of them",
        ));
    }
    if given.is_some() || trust.is_some() {
        return Ok(Encryption { encrypt: given.unwrap_or("yes"), trust: trust.unwrap_or(false) });
    }
    let mode = config.url().host().map_or(TlsMode::Disable, |host| config.tls_mode(host));
    match mode {
        TlsMode::Disable | TlsMode::Prefer => Ok(Encryption { encrypt: "no", trust: true }),
        TlsMode::Require => Ok(Encryption { encrypt: "yes", trust: true }),
        TlsMode::VerifyFull => Ok(Encryption { encrypt: "yes", trust: false }),
        TlsMode::VerifyCa => Err(Error::new(
            ErrorKind::Unsupported,
            "drivers for SQL Server check the host with the certificate or nothing; say sslmode=verify-full or \
             sslmode=require",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target> {
        Target::of(&Config::from_url(url, super::super::SCHEMES)?)
    }

    fn text(url: &str, driver: &str) -> String {
        target(url).and_then(|target| target.for_driver(driver)).expect(url).text()
    }

    #[test]
    fn the_parts_of_a_url_become_a_connection_string() {
        assert_eq!(
            text(
                "odbc://app@db:5432/shop?driver=PostgreSQL+Unicode&sslmode=require&Protocol=7.4",
                "PostgreSQL Unicode"
            ),
            "DRIVER=PostgreSQL Unicode;SERVER=db;PORT=5432;DATABASE=shop;sslmode=require;Protocol=7.4;UID=app;\
             BoolsAsChar=0;ByteaAsLongVarBinary=1;ConnSettings={SET TimeZone TO 'UTC'};"
        );
        assert_eq!(text("odbc:///?dsn=warehouse", "X"), "DSN=warehouse;");
        assert_eq!(text("odbc:Driver={X};Uid=a;Server=[::1]", "X"), "Driver=X;Uid=a;Server={[::1]};");
        assert_eq!(
            text("odbc://h/d?driver=MariaDB+Unicode&Option=a;b", "MariaDB Unicode"),
            "DRIVER=MariaDB Unicode;SERVER=h;DATABASE=d;Option={a;b};"
        );
    }

    #[test]
    fn sql_server_is_told_as_each_of_its_drivers_wants_it() {
        let microsoft = "ODBC Driver 18 for SQL Server";
        for (url, end) in [
            ("mssql://sa@db.example/shop", "SERVER=db.example,1433;Encrypt=yes;TrustServerCertificate=no;"),
            ("mssql://sa@127.0.0.1/shop", "SERVER=127.0.0.1,1433;Encrypt=no;TrustServerCertificate=yes;"),
            (
                "mssql://sa@db.example:14330/shop?encrypt=strict",
                "SERVER=db.example,14330;Encrypt=strict;TrustServerCertificate=no;",
            ),
            (
                "mssql://sa@db.example/shop?Encrypt=Optional&TrustServerCertificate=yes",
                "SERVER=db.example,1433;Encrypt=no;TrustServerCertificate=yes;",
            ),
            (
                "mssql://sa@db.example/shop?sslmode=require",
                "SERVER=db.example,1433;Encrypt=yes;TrustServerCertificate=yes;",
            ),
        ] {
            assert_eq!(text(url, microsoft), format!("DATABASE=shop;UID=sa;{end}"), "{url}");
        }
        let named = text(r"mssql://sa@db.example\SQLEXPRESS/shop", microsoft);
        assert!(named.contains(r"SERVER=db.example\SQLEXPRESS;") && !named.contains("1433"), "{named}");
        let free = text("mssql://sa@db.example/shop?trust_server_certificate=true", "FreeTDS");
        assert!(
            free.contains("PORT=1433;") && free.ends_with("TDS_Version=7.4;ClientCharset=UTF-8;Encryption=require;"),
            "{free}"
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (url, kind) in [
            ("odbc://h/d", ErrorKind::Config),
            ("odbc:SERVER=h", ErrorKind::Config),
            ("odbc://h/d?driver=X&dsn=y", ErrorKind::Config),
            ("odbc://a,b/d?driver=X", ErrorKind::Unsupported),
            ("mssql://h/d?sslmode=require&encrypt=yes", ErrorKind::Config),
            ("mssql://h/d?sslmode=verify-ca", ErrorKind::Unsupported),
            ("odbc:DRIVER=/tmp/x.so", ErrorKind::ForbiddenOption),
        ] {
            assert_eq!(target(url).map(drop).expect_err(url).kind(), kind, "{url}");
        }
        // FreeTDS encrypts, and checks nothing that it could be asked to check.
        let error = target("mssql://db.example/shop").and_then(|target| target.for_driver("FreeTDS")).map(drop);
        assert_eq!(error.expect_err("unchecked").kind(), ErrorKind::Tls);
    }
}
