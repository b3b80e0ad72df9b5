//! Whole databases, which are files here.

use std::path::{Path, PathBuf};

use super::copy::copy_database;
use super::options::Settings;
use super::place::Place;
use crate::config::Config;
use crate::driver::{Admin, Call};
use crate::error::{Error, ErrorKind, Result};
use crate::url::DatabaseUrl;

/// What SQLite puts beside a file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

pub(super) struct Files;

impl Admin for Files {
    fn exists(&self, _call: &Call<'_>, config: &Config) -> Result<bool> {
        match file(config)? {
            Some(path) => path.try_exists().map_err(|error| trouble("look for", &path, error)),
            None => Ok(true),
        }
    }

    fn create(&self, call: &Call<'_>, config: &Config, template: Option<&Config>) -> Result<()> {
        let Some(path) = file(config)? else {
            return match template {
                None => Ok(()),
                Some(_) => Err(Error::new(
                    ErrorKind::Unsupported,
                    "a database in memory cannot be made from a template: use Database::copy, or name a file",
                )),
            };
        };
        // Made here and by nobody else: two programs that choose the same name do not share a database by accident.
        std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                Error::new(ErrorKind::DuplicateObject, format!("{} is there already", path.display()))
            } else {
                trouble("create", &path, error)
            }
        })?;
        let Some(template) = template else { return Ok(()) };
        let copied = match file(template)? {
            Some(from) => copy_database(call, &from, &path),
            None => Err(Error::new(ErrorKind::Unsupported, "a template is a file: a database in memory has no name")),
        };
        copied.inspect_err(|_| {
            // What was made for nothing goes again; if it does not, the error of the copy is still the one to tell.
            let _ = remove(&path);
        })
    }

    fn remove(&self, _call: &Call<'_>, config: &Config) -> Result<bool> {
        match file(config)? {
            Some(path) => remove(&path),
            None => Ok(false),
        }
    }

    fn rename(&self, url: &DatabaseUrl, prefix: &str, suffix: &str) -> Result<Option<DatabaseUrl>> {
        let database = url.database().unwrap_or_default();
        if matches!(Place::of(Some(database), &Settings::plain())?, Place::Memory(_)) {
            return Ok(None);
        }
        let path = Path::new(database);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let mut name = format!("{prefix}{stem}{suffix}");
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            name.push('.');
            name.push_str(extension);
        }
        let renamed = path.with_file_name(name);
        let renamed = renamed.to_str().ok_or_else(|| Error::new(ErrorKind::Url, "the path is not Unicode"))?;
        url.with_database(renamed).map(Some)
    }
}

/// The file of a database; `None` for one in memory.
fn file(config: &Config) -> Result<Option<PathBuf>> {
    let place = Place::of(config.url().database(), &Settings::of(config)?)?;
    Ok(place.path().map(Path::to_path_buf))
}

fn remove(path: &Path) -> Result<bool> {
    let gone = |path: &Path| match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(trouble("remove", path, error)),
    };
    let was_there = gone(path)?;
    for companion in COMPANIONS {
        let mut name = path.as_os_str().to_owned();
        name.push(companion);
        gone(Path::new(&name))?;
    }
    Ok(was_there)
}

fn trouble(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot {what} {}", path.display()))
        .with_effect(crate::error::Effect::NotApplied)
        .with_source(error)
}
