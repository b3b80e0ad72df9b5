//! The builder of a test's database: with limits to every wait, unless the test sets its own.

use std::time::Duration;

use pontoon::{DatabaseBuilder, Result, Session};

use crate::face::prelude::*;
use crate::harness::PATIENCE;
use crate::profile::Profile;

/// A [`DatabaseBuilder`], which takes every option once, with those that a test may set again kept apart.
pub(crate) struct Builder {
    builder: DatabaseBuilder,
    pool_size: usize,
    timeout: Duration,
    acquire_timeout: Duration,
}

#[allow(clippy::useless_conversion, reason = "the face for tasks has databases of a type of its own")]
impl Builder {
    pub(crate) fn new(profile: &Profile, url: String) -> Builder {
        Builder {
            builder: (profile.options)(Database::builder().url(url)),
            pool_size: 4,
            timeout: PATIENCE / 2,
            acquire_timeout: PATIENCE / 3,
        }
    }

    /// What has no default here.
    pub(crate) fn with(mut self, change: impl FnOnce(DatabaseBuilder) -> DatabaseBuilder) -> Builder {
        self.builder = change(self.builder);
        self
    }

    pub(crate) fn pool_size(self, pool_size: usize) -> Builder {
        Builder { pool_size, ..self }
    }

    pub(crate) fn timeout(self, timeout: Duration) -> Builder {
        Builder { timeout, ..self }
    }

    pub(crate) fn acquire_timeout(self, acquire_timeout: Duration) -> Builder {
        Builder { acquire_timeout, ..self }
    }

    pub(crate) fn option(self, name: &str, value: &str) -> Builder {
        self.with(|builder| builder.option(name, value))
    }

    pub(crate) fn force_rollback(self, on: bool) -> Builder {
        self.with(|builder| builder.force_rollback(on))
    }

    pub(crate) fn on_connect(self, hook: impl Fn(&Database) -> Result<()> + Send + Sync + 'static) -> Builder {
        self.with(|builder| builder.on_connect(move |db| hook(&Database::from(db.clone()))))
    }

    pub(crate) fn on_disconnect(self, hook: impl Fn(&Database) -> Result<()> + Send + Sync + 'static) -> Builder {
        self.with(|builder| builder.on_disconnect(move |db| hook(&Database::from(db.clone()))))
    }

    pub(crate) fn on_open(self, hook: impl Fn(&Session<'_>) -> Result<()> + Send + Sync + 'static) -> Builder {
        self.with(|builder| builder.on_open(hook))
    }

    pub(crate) fn min_idle(self, min_idle: usize) -> Builder {
        self.with(|builder| builder.min_idle(min_idle))
    }

    pub(crate) fn build(self) -> Result<Database> {
        let builder = self.builder.pool_size(self.pool_size).timeout(Some(self.timeout));
        Ok(Database::from(builder.acquire_timeout(self.acquire_timeout).build()?))
    }

    pub(crate) fn open(self) -> Result<Database> {
        let db = self.build()?;
        db.connect()?;
        Ok(db)
    }
}
