//! What the connections of one `Database` share.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::copy::copy_pages;
use super::open::Opener;
use super::place::Place;
use crate::driver::way::Way;
use crate::driver::{Call, Link, Source};
use crate::error::Result;
use crate::sql::{Dialect, SQLITE};

/// Makes connections to one database.
pub(super) struct SqliteSource {
    opener: Arc<Opener>,
    /// Keeps a database in memory alive while the pool has no connection to it. `None` before the first connection,
    /// after `close`, and for a file.
    keeper: Mutex<Option<Connection>>,
}

impl SqliteSource {
    pub(super) fn new(opener: Opener) -> SqliteSource {
        SqliteSource { opener: Arc::new(opener), keeper: Mutex::new(None) }
    }

    fn keep(&self, call: &Call<'_>) -> Result<()> {
        if self.opener.place.path().is_some() {
            return Ok(());
        }
        let mut keeper = self.keeper.lock();
        if keeper.is_none() {
            *keeper = Some(self.opener.open_with(call, None)?.0);
        }
        Ok(())
    }
}

impl Source for SqliteSource {
    fn dialect(&self) -> &'static Dialect {
        &SQLITE
    }

    fn connect(&self, call: &Call<'_>) -> Result<Box<dyn Link>> {
        self.keep(call)?;
        Ok(Box::new(Way::own(self.opener.open(call)?)))
    }

    fn lendable(&self) -> bool {
        true
    }

    fn sole_writer(&self) -> Option<String> {
        Some(self.opener.place.to_string()).filter(|_| self.opener.place.path().is_some())
    }

    fn fork(&self, call: &Call<'_>) -> Result<Option<Arc<dyn Source>>> {
        if self.opener.place.path().is_some() {
            return Ok(None);
        }
        self.keep(call)?;
        let forked = SqliteSource::new(Opener::new(Place::private(), self.opener.settings.clone()));
        forked.keep(call)?;
        if let (Some(from), Some(to)) = (&*self.keeper.lock(), &mut *forked.keeper.lock()) {
            copy_pages(from, to, call)?;
        }
        Ok(Some(Arc::new(forked)))
    }

    fn close(&self) {
        self.opener.forget();
        *self.keeper.lock() = None;
    }
}

impl std::fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteSource").field("place", &self.opener.place).finish_non_exhaustive()
    }
}
