//! Whole databases, made and removed by way of the server's own.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::source::PgSource;
use crate::config::Config;
use crate::driver::{Admin, Call, Handle};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::sql::POSTGRES;
use crate::url::DatabaseUrl;

/// The databases that are there on every server, to connect to while others are made.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// How long a statement may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(1);

pub(super) struct Databases;

impl Admin for Databases {
    fn exists(&self, call: &Call<'_>, config: &Config) -> Result<bool> {
        let name = name(config)?;
        beside(call, config, &name.clone(), move |core| find(core, &name))
    }

    fn create(&self, call: &Call<'_>, config: &Config, template: Option<&Config>) -> Result<()> {
        let name = name(config)?;
        let mut text = format!("CREATE DATABASE {}", POSTGRES.quote_ident(&name)?);
        if let Some(template) = template {
            if template.url().hosts() != config.url().hosts() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "a template is a database of the same server, and this one is on another",
                ));
            }
            text.push_str(&format!(" TEMPLATE {}", POSTGRES.quote_ident(&self::name(template)?)?));
        }
        beside(call, config, &name, move |core| core.run(&text))
    }

    fn remove(&self, call: &Call<'_>, config: &Config) -> Result<bool> {
        let name = name(config)?;
        beside(call, config, &name.clone(), move |core| {
            if !find(core, &name)? {
                return Ok(false);
            }
            // Whoever is still connected is put out: the caller wants it gone.
            core.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", POSTGRES.quote_ident(&name)?))?;
            Ok(true)
        })
    }

    fn rename(&self, url: &DatabaseUrl, prefix: &str, suffix: &str) -> Result<Option<DatabaseUrl>> {
        let name = url.database().filter(|name| !name.is_empty()).or(url.username()).unwrap_or(MAINTENANCE[0]);
        let name = format!("{prefix}{name}{suffix}");
        POSTGRES.quote_ident(&name).map_err(|error| error.with_kind(ErrorKind::Url))?;
        url.with_database(name.as_str()).map(Some)
    }
}

/// The database of a configuration; the server takes that of the user's name where none is given.
fn name(config: &Config) -> Result<String> {
    let name = config.url().database().filter(|name| !name.is_empty()).or(config.username());
    name.map(str::to_string)
        .ok_or_else(|| Error::new(ErrorKind::Config, "the URL names no database").with_effect(Effect::NotSent))
}

fn find(core: &mut Core, name: &str) -> Result<bool> {
    let asked = format!("SELECT 1 FROM pg_catalog.pg_database WHERE datname = {}", POSTGRES.quote_literal(name)?);
    let answer = core.client.simple_query(&asked).map_err(|native| core.failed(native))?;
    Ok(answer.iter().any(|message| matches!(message, postgres::SimpleQueryMessage::Row(_))))
}

/// Works on a connection of its own to the server's own database, until the call ends.
///
/// On a thread of its own: the caller's may belong to an executor, in which the client library cannot run, and a thread can
/// be left behind.
fn beside<T: Send + 'static>(
    call: &Call<'_>,
    config: &Config,
    name: &str,
    work: impl FnOnce(&mut Core) -> Result<T> + Send + 'static,
) -> Result<T> {
    let maintenance = MAINTENANCE[usize::from(name == MAINTENANCE[0])];
    let source = PgSource::new(&config.with_url(config.url().with_database(maintenance)?))?;
    let until = Call::until(call.deadline());
    let (hand, handed) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    std::thread::Builder::new()
        .name("pontoon-admin".into())
        .spawn(move || {
            // Whoever asked may have left; then nobody hears.
            let result = source.open(&until).and_then(|mut core| {
                let _ = hand.send(core.handle.clone());
                let result = work(&mut core);
                if result.is_ok() {
                    let _ = core.close();
                }
                result
            });
            let _ = tell.send(result);
        })
        .map_err(|error| {
            Error::new(ErrorKind::ResourceExhausted, "no thread to make or remove a database on")
                .with_effect(Effect::NotSent)
                .with_source(error)
        })?;
    let Some(deadline) = call.deadline() else {
        return told.recv().unwrap_or_else(|_| Err(panicked()));
    };
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(result) => return result,
        Err(mpsc::RecvTimeoutError::Disconnected) => return Err(panicked()),
        Err(mpsc::RecvTimeoutError::Timeout) => {}
    }
    if let Ok(handle) = handed.try_recv() {
        handle.cancel(Instant::now() + GRACE);
        if let Ok(Ok(done)) = told.recv_timeout(GRACE) {
            return Ok(done);
        }
        handle.sever();
    }
    Err(Error::new(ErrorKind::Timeout, "the deadline passed before the server was done with the database"))
}

fn panicked() -> Error {
    Error::new(ErrorKind::DriverPanic, "the thread that worked on the database panicked")
}
