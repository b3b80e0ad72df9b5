//! From a URL to what the driver is given: its own URL, and the properties that do not belong in it.

use super::family::{self, Where};
use crate::config::{Config, OptionValue};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::url::Shape;

/// What to connect to, without the password, which may be another one each time.
#[derive(Clone)]
pub(super) struct Target {
    /// With `jdbc:` in front.
    pub(super) url: Secret,
    /// What stands behind `jdbc:`: `postgresql`.
    pub(super) family: String,
    pub(super) properties: Vec<(String, Secret)>,
}

impl Target {
    /// Reads a configuration.
    ///
    /// # Errors
    /// `Config` for options that contradict each other or leave open which driver is meant.
    pub(super) fn of(config: &Config) -> Result<Target> {
        let dsn = config.url().dsn().map(Secret::expose).unwrap_or_default();
        let (family, rest) = match config.url().shape() {
            Shape::Opaque => {
                let (family, rest) = dsn.split_once(':').unwrap_or((dsn, ""));
                (family.to_owned(), format!(":{rest}"))
            }
            _ => {
                let family = sub_protocol(config)?;
                let slashes = if family::of(&family).network && !dsn.starts_with("//") { "//" } else { "" };
                (family, format!(":{slashes}{dsn}"))
            }
        };
        let mut target = Target { url: Secret::default(), properties: Vec::new(), family };
        for (name, value) in config.options().given() {
            // What was passed through unknown is the driver's own.
            if let OptionValue::Secret(value) = value
                && name != ARGUMENTS
            {
                target.put(name, value.clone())?;
            }
        }
        if let Some(arguments) = config.options().secret(ARGUMENTS) {
            target.put_arguments(arguments.expose())?;
        }
        if let Some(user) = config.username()
            && !target.has("user")
        {
            target.put("user", Secret::new(user))?;
        }
        let url = in_memory(&format!("jdbc:{}{rest}", target.family));
        let in_memory =
            ["jdbc:h2:mem:", "jdbc:hsqldb:mem:"].iter().any(|start| url.to_ascii_lowercase().starts_with(start));
        for (name, value, place) in family::of(&target.family).properties {
            let elsewhere = match place {
                Where::All => false,
                Where::Memory => !in_memory,
                Where::Files => in_memory,
            };
            // A database that others serve is not told how to be.
            let remote = ["jdbc:h2:tcp:", "jdbc:h2:ssl:", "jdbc:hsqldb:hsql", "jdbc:hsqldb:http"]
                .iter()
                .any(|start| url.to_ascii_lowercase().starts_with(start));
            let is_said = url.to_ascii_lowercase().contains(&format!("{}=", name.to_ascii_lowercase()));
            if !elsewhere && !remote && !is_said && !target.has(name) {
                target.put(name, Secret::new(*value))?;
            }
        }
        target.url = Secret::new(url);
        Ok(target)
    }

    /// Whether this property is given. Java's names differ by case; those of drivers do not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.properties.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    fn put(&mut self, name: &str, value: Secret) -> Result<()> {
        if self.has(name) {
            return Err(Error::new(ErrorKind::Config, format!("the property `{name}` is given twice; give it once")));
        }
        self.properties.push((name.to_owned(), value));
        Ok(())
    }

    /// Properties in a JSON object; a list is user and password, as Python's bridge to JDBC takes it.
    fn put_arguments(&mut self, json: &str) -> Result<()> {
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::Config,
                format!("the option `{ARGUMENTS}`: {what}; give an object of names and texts, numbers or booleans"),
            )
        };
        // The text is a secret: what is wrong with it is not quoted.
        match serde_json::from_str(json).map_err(|_| wrong("it is not JSON"))? {
            serde_json::Value::Object(entries) => {
                for (name, value) in entries {
                    let value = match value {
                        serde_json::Value::String(text) => text,
                        serde_json::Value::Number(number) => number.to_string(),
                        serde_json::Value::Bool(truth) => truth.to_string(),
                        _ => return Err(wrong(&format!("`{name}` is no single value"))),
                    };
                    self.put(&name, Secret::new(value))?;
                }
                Ok(())
            }
            serde_json::Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(serde_json::Value::as_str).collect();
                let Some([user, password]) = texts.as_deref() else {
                    return Err(wrong("a list is the user and the password, two texts"));
                };
                self.put("user", Secret::new(*user))?;
                self.put("password", Secret::new(*password))
            }
            _ => Err(wrong("it is neither an object nor a list")),
        }
    }
}

const ARGUMENTS: &str = "jdbc_driver_args";

/// A database of H2 without a name is of one connection alone. Here it is of one process alone, whose only `Database`
/// shares it.
fn in_memory(url: &str) -> String {
    const H2: &str = "jdbc:h2:mem:";
    match url.get(..H2.len()) {
        Some(start) if start.eq_ignore_ascii_case(H2) && matches!(url.as_bytes().get(H2.len()), None | Some(b';')) => {
            format!("{start}pontoon{}", &url[H2.len()..])
        }
        _ => url.to_owned(),
    }
}

fn sub_protocol(config: &Config) -> Result<String> {
    match (config.url().driver(), config.options().str("jdbc_dsn_driver")) {
        (Some(driver), None) => Ok(driver.to_owned()),
        (None, Some(driver)) => Ok(driver.trim().to_owned()),
        (Some(driver), Some(option)) if driver.eq_ignore_ascii_case(option.trim()) => Ok(driver.to_owned()),
        (Some(_), Some(_)) => Err(Error::new(
            ErrorKind::Config,
            "the scheme and the option `jdbc_dsn_driver` name two drivers; give one of them",
        )),
        (None, None) => Err(Error::new(
            ErrorKind::Config,
            "which driver is meant is left open; write jdbc:h2:…, jdbc+h2://…, or give the option `jdbc_dsn_driver`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::hosted::jdbc::SCHEMES;

    fn target(url: &str) -> Result<Target> {
        Target::of(&Config::builder().url(url).allow_code_options(true).build(SCHEMES)?)
    }

    #[test]
    fn the_url_of_the_driver() {
        for (url, theirs) in [
            ("jdbc:postgresql://h:1/db?user=a&ssl=true", "jdbc:postgresql://h:1/db?user=a&ssl=true"),
            ("jdbc:oracle:thin:@//h:1521/x", "jdbc:oracle:thin:@//h:1521/x"),
            ("jdbc:sqlserver://h:1433;encrypt=true", "jdbc:sqlserver://h:1433;encrypt=true"),
            ("jdbc:h2:mem:x;MODE=PostgreSQL", "jdbc:h2:mem:x;MODE=PostgreSQL"),
            ("jdbc:h2:mem:", "jdbc:h2:mem:pontoon"),
            ("jdbc:h2:mem:;MODE=MySQL", "jdbc:h2:mem:pontoon;MODE=MySQL"),
            ("jdbc:sqlite::memory:", "jdbc:sqlite::memory:"),
            // databasez writes no slashes for any driver, which fits those that take a path.
            ("jdbc+sqlite://testsuite.sqlite3", "jdbc:sqlite:testsuite.sqlite3"),
            ("jdbc+h2://mem:x", "jdbc:h2:mem:x"),
            ("jdbc+postgresql://localhost:5432/app", "jdbc:postgresql://localhost:5432/app"),
            ("jdbc://testsuite.sqlite3?jdbc_dsn_driver=sqlite", "jdbc:sqlite:testsuite.sqlite3"),
        ] {
            assert_eq!(target(url).unwrap_or_else(|error| panic!("{url}: {error}")).url.expose(), theirs);
        }
    }

    #[test]
    fn properties_are_kept_out_of_it() {
        let given = |url: &str| -> Vec<(String, String)> {
            let target = target(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            target.properties.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            given("jdbc+postgresql://h/app?currentSchema=x&pool_size=2&user=me"),
            pairs(&[("currentSchema", "x"), ("user", "me")])
        );
        assert_eq!(
            given(r#"jdbc+sqlite://x.db?jdbc_driver_args={"user":"sa","busy_timeout":5,"read":true}"#),
            pairs(&[("busy_timeout", "5"), ("read", "true"), ("user", "sa")])
        );
        assert_eq!(
            given(r#"jdbc+sqlite://x.db?jdbc_driver_args=["u","p"]"#),
            pairs(&[("user", "u"), ("password", "p")])
        );
        assert_eq!(given("jdbc:h2:mem:x"), pairs(&[("WRITE_DELAY", "0"), ("DB_CLOSE_DELAY", "-1")]));
        assert_eq!(given("jdbc:h2:./x;WRITE_DELAY=500"), pairs(&[]));
        assert_eq!(given("jdbc:h2:tcp://h/x"), pairs(&[]));
        assert_eq!(given("jdbc:hsqldb:mem:x"), pairs(&[("hsqldb.write_delay", "false")]));
        assert_eq!(given("jdbc:hsqldb:file:x"), pairs(&[("hsqldb.write_delay", "false"), ("shutdown", "true")]));
        assert_eq!(given("jdbc:hsqldb:hsql://h/x"), pairs(&[]));
    }

    #[test]
    fn what_is_left_open_or_said_twice() {
        for (url, words) in [
            ("jdbc://x.db", "left open"),
            ("jdbc+h2://mem:x?jdbc_dsn_driver=sqlite", "two drivers"),
            (r#"jdbc+h2://mem:x?user2=a&jdbc_driver_args={"user2":"b"}"#, "given twice"),
            (r#"jdbc+h2://mem:x?jdbc_driver_args={"a":[1]}"#, "no single value"),
            (r#"jdbc+h2://mem:x?jdbc_driver_args=["a"]"#, "two texts"),
            ("jdbc+h2://mem:x?jdbc_driver_args=7", "neither an object"),
        ] {
            let error = target(url).map(|_| ()).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(error.message().contains(words), "{url}: {error}");
        }
    }
}
