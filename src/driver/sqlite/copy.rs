//! Copies of whole databases, made page by page while others use them.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::error::of_native;
use super::open::{Opener, pause};
use super::options::{Mode, Settings};
use super::place::Place;
use crate::driver::Call;
use crate::error::{Effect, Error, ErrorKind, Result};

/// Pages copied between two looks at the clock: 4 MiB of the usual size.
const PAGES: i32 = 1024;

/// Copies a database file into another one, whatever that held before.
///
/// The copy is what the database was at one moment, also while others write to it; a write log beside the file is
/// taken in. A destination that does not exist is created; one that is in use waits for its users' locks, until the call's
/// deadline.
///
/// # Errors
/// `UnknownDatabase` when one of the files cannot be opened, `NotADatabase` when the first is none, `Timeout`,
/// `Cancelled`. The destination is left as it was then, unless the machine fails in the midst of it.
pub fn copy_database(call: &Call<'_>, from: &Path, to: &Path) -> Result<()> {
    if same_file(from, to) {
        return Err(Error::new(ErrorKind::Misuse, format!("{} cannot be copied onto itself", from.display())));
    }
    let open = |path: &Path, mode| -> Result<Connection> {
        let path = std::path::absolute(path).map_err(|error| {
            Error::new(ErrorKind::UnknownDatabase, format!("no absolute path for {}", path.display()))
                .with_source(error)
        })?;
        let settings = Settings { mode, ..Settings::plain() };
        Ok(Opener::new(Place::File(path), settings).open_with(call, None)?.0)
    };
    let from = open(from, Mode::ReadOnly)?;
    let mut to = open(to, Mode::Create)?;
    copy_pages(&from, &mut to, call)
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Copies all pages; the destination is the copy only when this is done.
pub(super) fn copy_pages(from: &Connection, to: &mut Connection, call: &Call<'_>) -> Result<()> {
    let unapplied = |error: Error| error.with_effect(Effect::NotApplied);
    let backup = Backup::new(from, to).map_err(of_native)?;
    loop {
        match backup.step(PAGES).map_err(of_native)? {
            StepResult::Done => return Ok(()),
            StepResult::More => call.check().map_err(unapplied)?,
            // Busy, locked, or something newer: somebody writes.
            _ => pause(call).map_err(unapplied)?,
        }
    }
}
