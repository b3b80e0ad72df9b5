//! Whole databases: `CREATE DATABASE` and `DROP DATABASE`.

use std::sync::Arc;

use super::connect::Connector;
use super::link::MysqlLink;
use super::options::Settings;
use crate::config::Config;
use crate::driver::{Admin, Call};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::MYSQL;
use crate::url::DatabaseUrl;
use crate::value::Value;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

pub(super) struct Databases;

impl Admin for Databases {
    fn exists(&self, call: &Call<'_>, config: &Config) -> Result<bool> {
        let name = name_of(config)?;
        let mut link = beside(call, config)?;
        is_there(&mut link, call, name)
    }

    fn create(&self, call: &Call<'_>, config: &Config, template: Option<&Config>) -> Result<()> {
        let name = name_of(config)?;
        let mut link = beside(call, config)?;
        link.run_alone(call, &format!("CREATE DATABASE {}", MYSQL.quote_ident(name)?))?;
        let Some(template) = template else { return Ok(()) };
        copy(&mut link, call, name_of(template)?, name).inspect_err(|_| {
            // What was made for nothing goes again; if it does not, the error of the copy is still the one to tell.
            let _ = drop_it(&mut link, call, name);
        })
    }

    fn remove(&self, call: &Call<'_>, config: &Config) -> Result<bool> {
        let name = name_of(config)?;
        let mut link = beside(call, config)?;
        let was_there = is_there(&mut link, call, name)?;
        if was_there {
            drop_it(&mut link, call, name)?;
        }
        Ok(was_there)
    }

    fn rename(&self, url: &DatabaseUrl, prefix: &str, suffix: &str) -> Result<Option<DatabaseUrl>> {
        let stem = url.database().unwrap_or_default();
        // What makes the name its own stands at its ends: the middle gives way.
        let room = LONGEST_NAME.saturating_sub(prefix.chars().count() + suffix.chars().count());
        let stem: String = stem.chars().take(room).collect();
        url.with_database(&*format!("{prefix}{stem}{suffix}")).map(Some)
    }
}

fn name_of(config: &Config) -> Result<&str> {
    config.url().database().filter(|name| !name.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::Url, "the URL names no database: put its name behind the host, as in mysql://host/name")
    })
}

/// A connection to the same server that stands in no database.
fn beside(call: &Call<'_>, config: &Config) -> Result<MysqlLink> {
    let config = config.with_url(config.url().with_database(None)?);
    let settings = Settings::of(&config)?;
    let link = Arc::new(Connector::new(&config, settings)?).connect(call)?;
    // No worker stands behind it that would cut it off at the deadline.
    link.bound_by(call)?;
    Ok(link)
}

fn is_there(link: &mut MysqlLink, call: &Call<'_>, name: &str) -> Result<bool> {
    let found = texts(link, call, "SELECT schema_name FROM information_schema.schemata WHERE schema_name = ?", name)?;
    Ok(!found.is_empty())
}

fn drop_it(link: &mut MysqlLink, call: &Call<'_>, name: &str) -> Result<()> {
    link.run_alone(call, &format!("DROP DATABASE {}", MYSQL.quote_ident(name)?)).map(drop)
}

/// Copies tables with what is in them. The servers have no means to copy a whole database.
fn copy(link: &mut MysqlLink, call: &Call<'_>, from: &str, to: &str) -> Result<()> {
    for (what, sql) in NOT_COPIED {
        if let Some(name) = texts(link, call, sql, from)?.first() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the template has the {what} {name}, and only tables are copied: make the others in the copy"),
            ));
        }
    }
    let (old, new) = (MYSQL.quote_ident(from)?, MYSQL.quote_ident(to)?);
    // Tables refer to each other, and are made one after another.
    link.run_alone(call, "SET foreign_key_checks = 0")?;
    // With it a key of 0 stays one.
    link.run_alone(call, "SET sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')")?;
    link.run_alone(call, &format!("USE {new}"))?;
    let tables = texts(
        link,
        call,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'",
        from,
    )?;
    for table in tables {
        let quoted = MYSQL.quote_ident(&table)?;
        let made = link.rows(call, &format!("SHOW CREATE TABLE {old}.{quoted}"), &[])?;
        let made = made.first().and_then(|row| text(row.as_ref(1))).unwrap_or_default();
        link.run_alone(call, &made)?;
        let columns = link.rows(
            call,
            "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND \
             extra NOT LIKE '%VIRTUAL%' AND extra NOT LIKE '%STORED%' AND extra NOT LIKE '%PERSISTENT%'",
            &[Value::Text(from.to_string()), Value::Text(table.clone())],
        )?;
        let columns = columns.iter().filter_map(|row| text(row.as_ref(0)));
        let columns = columns.map(|name| MYSQL.quote_ident(&name).map(|name| name.into_owned()));
        let columns = columns.collect::<Result<Vec<_>>>()?.join(", ");
        link.run_alone(call, &format!("INSERT INTO {quoted} ({columns}) SELECT {columns} FROM {old}.{quoted}"))?;
    }
    Ok(())
}

/// What stays behind, and how one of it is found.
const NOT_COPIED: &[(&str, &str)] = &[
    ("view", "SELECT table_name FROM information_schema.views WHERE table_schema = ? LIMIT 1"),
    ("trigger", "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = ? LIMIT 1"),
    ("routine", "SELECT routine_name FROM information_schema.routines WHERE routine_schema = ? LIMIT 1"),
    ("event", "SELECT event_name FROM information_schema.events WHERE event_schema = ? LIMIT 1"),
];

/// The first column of what a statement finds for a name.
fn texts(link: &mut MysqlLink, call: &Call<'_>, sql: &str, name: &str) -> Result<Vec<String>> {
    let rows = link.rows(call, sql, &[Value::Text(name.to_string())])?;
    Ok(rows.iter().filter_map(|row| text(row.as_ref(0))).collect())
}

fn text(value: Option<&mysql::Value>) -> Option<String> {
    match value {
        Some(mysql::Value::Bytes(bytes)) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}
