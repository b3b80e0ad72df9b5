//! Databases for tests: made for one test, and gone after it.
//!
//! Two ways to leave nothing behind, which go together:
//!
//! | | [`TestDatabase`] | [force rollback](crate::Database::set_force_rollback) |
//! |---|---|---|
//! | each test has | a database of its own | a transaction that is rolled back |
//! | parallel tests | as many as you like | one on each copy of a database; on SQLite one on each file |
//! | can test | everything | what needs no second session and no real COMMIT |
//!
//! ```
//! use pontoon::prelude::*;
//! use pontoon::testing::TestDatabase;
//!
//! # let dir = std::env::temp_dir().join(format!("pontoon-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir).unwrap();
//! # let url = format!("sqlite:{}", dir.join("app.db").display());
//! let db = TestDatabase::new(&url)?;
//! db.execute("CREATE TABLE notes (text TEXT)", ())?;
//! db.execute("INSERT INTO notes VALUES ('gone in a moment')", ())?;
//! # let path = db.url().database_path().unwrap().to_owned();
//! drop(db);
//! # assert!(!path.exists());
//! # std::fs::remove_dir_all(&dir).unwrap();
//! # Ok::<(), pontoon::Error>(())
//! ```

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::database::{Database, DatabaseBuilder, IntoConfig};
use crate::driver::Call;
use crate::error::{Error, ErrorKind, Result};

/// How long making and removing a database may take.
const ADMIN_TIME: Duration = Duration::from_secs(30);

/// How long calls that are still running may take when a test database goes.
const GRACE: Duration = Duration::from_secs(5);

/// A database that is there for one test.
///
/// It is made when this is made, with a name of its own: that of the given URL with a prefix (`test_`) and, unless
/// another is asked for, a suffix that no other test has. **Dropped**, also by a panic, its calls are ended and it is
/// removed; the drop waits for that, for five seconds at most. [`finish`](Self::finish) does the same and tells how it
/// went.
///
/// A private in-memory database needs no name and leaves nothing behind.
#[derive(Debug)]
pub struct TestDatabase {
    db: Database,
    /// None once it is removed, or when it is to be kept.
    remove: Option<Config>,
}

/// How a [`TestDatabase`] is made.
#[derive(Debug)]
#[must_use = "a builder does nothing until create() is called"]
pub struct TestDatabaseBuilder {
    base: DatabaseBuilder,
    template: Option<DatabaseBuilder>,
    prefix: String,
    name: Name,
    reuse: bool,
    keep: bool,
    force_rollback: bool,
}

#[derive(Debug)]
enum Name {
    Unique,
    Fixed,
}

impl TestDatabase {
    /// An empty database beside the one of this URL, connected.
    ///
    /// # Errors
    /// What is wrong with the configuration; what keeps the database from being made or opened.
    pub fn new(config: impl IntoConfig) -> Result<TestDatabase> {
        TestDatabase::builder(config).create()
    }

    /// A database beside the one of this URL that starts with its content as it is at this moment. The original is read
    /// only.
    ///
    /// # Errors
    /// As [`new`](Self::new); what keeps the content from being copied.
    pub fn from_template(config: impl IntoConfig + Clone) -> Result<TestDatabase> {
        TestDatabase::builder(config.clone()).template(config).create()
    }

    /// A builder.
    pub fn builder(config: impl IntoConfig) -> TestDatabaseBuilder {
        TestDatabaseBuilder {
            base: Database::builder().config(config),
            template: None,
            prefix: "test_".to_owned(),
            name: Name::Unique,
            reuse: false,
            keep: false,
            force_rollback: false,
        }
    }

    /// Ends its calls and removes it.
    ///
    /// # Errors
    /// What keeps it from being removed.
    pub fn finish(mut self) -> Result<()> {
        self.clean_up()
    }

    fn clean_up(&mut self) -> Result<()> {
        let Some(config) = self.remove.take() else { return Ok(()) };
        self.db.close(GRACE);
        let shared = self.db.shared();
        match shared.driver().admin() {
            Some(admin) => admin.remove(&call(), &config).map(drop).map_err(|error| error.scrubbed(config.redactor())),
            None => Ok(()),
        }
    }
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.db
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A test that wants to know calls finish().
        let _ = self.clean_up();
    }
}

impl TestDatabaseBuilder {
    /// It starts with the content of this database as it is at the moment of its making.
    pub fn template(mut self, config: impl IntoConfig) -> TestDatabaseBuilder {
        self.template = Some(Database::builder().config(config));
        self
    }

    /// What its name begins with. Default `test_`; empty is allowed with a unique name only.
    pub fn prefix(mut self, prefix: impl Into<String>) -> TestDatabaseBuilder {
        self.prefix = prefix.into();
        self
    }

    /// A name that is the same each time, for one test after another. What is left of an earlier run is removed first,
    /// unless [`reuse`](Self::reuse) is on.
    pub fn fixed_name(mut self) -> TestDatabaseBuilder {
        self.name = Name::Fixed;
        self
    }

    /// Takes what is there under the fixed name, if it is there. Default no.
    pub fn reuse(mut self, reuse: bool) -> TestDatabaseBuilder {
        self.reuse = reuse;
        self
    }

    /// Leaves it where it is when the test is over, to be looked at or reused. Default no.
    pub fn keep(mut self, keep: bool) -> TestDatabaseBuilder {
        self.keep = keep;
        self
    }

    /// With force rollback on. Default no.
    pub fn force_rollback(mut self, on: bool) -> TestDatabaseBuilder {
        self.force_rollback = on;
        self
    }

    /// Makes it, and connects.
    ///
    /// # Errors
    /// What is wrong with the configuration, `Unsupported` for a driver that cannot make databases; what keeps it from
    /// being made or opened, and then nothing is left of it.
    pub fn create(self) -> Result<TestDatabase> {
        let original = self.base.build()?;
        let template = self.template.map(DatabaseBuilder::build).transpose()?;
        let driver = std::sync::Arc::clone(original.shared().driver());
        let admin = driver.admin().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("the driver `{}` cannot make databases", driver.name()))
        })?;
        let suffix = match self.name {
            Name::Unique => unique(),
            Name::Fixed if self.prefix.is_empty() => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "a test database of a fixed name without a prefix would be the original itself: give a prefix",
                ));
            }
            Name::Fixed => String::new(),
        };
        let shared = original.shared();
        let renamed = admin.rename(shared.config().url(), &self.prefix, &suffix)?;
        let config = match renamed {
            Some(url) => shared.config().with_url(url),
            None => shared.config().clone(),
        };
        let prepare = || -> Result<()> {
            if self.reuse && admin.exists(&call(), &config)? {
                return Ok(());
            }
            admin.remove(&call(), &config)?;
            admin.create(&call(), &config, template.as_ref().map(|template| template.shared().config()))
        };
        prepare().map_err(|error| error.scrubbed(config.redactor()))?;
        // From here on it is removed if anything goes wrong.
        let db = shared.sibling(config.clone())?;
        let test = TestDatabase { db, remove: (!self.keep).then_some(config) };
        if self.force_rollback {
            test.db.set_force_rollback(Some(true));
        }
        test.db.connect()?;
        Ok(test)
    }
}

/// A suffix that no other test has, of this process or another.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("_{}_{count}_{:08x}", std::process::id(), crate::random::bits())
}

fn call() -> Call<'static> {
    Call::until(Some(Instant::now() + ADMIN_TIME))
}

/// Whether the database of this configuration is there.
///
/// # Errors
/// Whatever keeps that from being known: a wrong password is an error, not a "no". `Unsupported` where the driver cannot
/// tell.
pub fn database_exists(config: impl IntoConfig) -> Result<bool> {
    administer(config, |admin, config| admin.exists(&call(), config))
}

/// Makes the database of this configuration, empty.
///
/// # Errors
/// `DuplicateObject` when it is there already; what the database says.
pub fn create_database(config: impl IntoConfig) -> Result<()> {
    administer(config, |admin, config| admin.create(&call(), config, None))
}

/// Removes the database of this configuration; returns whether it was there. On SQLite that is the file and what SQLite
/// keeps beside it.
///
/// # Errors
/// What the database says.
pub fn drop_database(config: impl IntoConfig) -> Result<bool> {
    administer(config, |admin, config| admin.remove(&call(), config))
}

fn administer<T>(
    config: impl IntoConfig,
    work: impl FnOnce(&dyn crate::driver::Admin, &Config) -> Result<T>,
) -> Result<T> {
    let db = Database::new(config)?;
    let shared = db.shared();
    match shared.driver().admin() {
        Some(admin) => work(admin, shared.config()).map_err(|error| error.scrubbed(shared.config().redactor())),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the driver `{}` has no means to administer databases", shared.driver().name()),
        )),
    }
}
