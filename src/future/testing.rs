//! Databases for tests, awaited.

use std::ops::Deref;

use super::detached::on_a_thread_of_its_own;
use super::{Answer, AsyncDatabase};
use crate::database::IntoConfig;
use crate::testing::{TestDatabase, TestDatabaseBuilder};

/// The thread on which databases are made and removed.
const THREAD: &str = "pontoon-testing";

/// A database that is there for one test: a [`TestDatabase`] that is awaited.
///
/// ```
/// use pontoon::future::AsyncTestDatabase;
/// use pontoon::prelude::*;
///
/// # let dir = std::env::temp_dir().join(format!("pontoon-doc-async-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// # let url = format!("sqlite:{}", dir.join("app.db").display());
/// # pollster::block_on(async {
/// let db = AsyncTestDatabase::new(&url).await?;
/// db.execute("CREATE TABLE notes (text TEXT)", ()).await?;
/// db.execute("INSERT INTO notes VALUES ('gone in a moment')", ()).await?;
/// # let path = db.url().database_path().unwrap().to_owned();
/// db.finish().await?;
/// # assert!(!path.exists());
/// # Ok::<(), pontoon::Error>(())
/// # }).unwrap();
/// # std::fs::remove_dir_all(&dir).unwrap();
/// ```
///
/// **Dropped**, also by a panic and with its task or its runtime, its calls are ended and it is removed by a thread that is
/// started for it. The drop does not wait for that, so that no executor stands still: a process that ends right then can
/// leave the database behind. [`finish`](Self::finish) waits. Where a test must leave nothing behind when it panics in the
/// last moment of its process, hold a [`TestDatabase`] outside of the runtime, whose drop waits, and await its
/// [`to_async`](crate::Database::to_async).
#[derive(Debug)]
pub struct AsyncTestDatabase {
    db: AsyncDatabase,
    /// None once it is removed.
    test: Option<TestDatabase>,
}

impl AsyncTestDatabase {
    /// An empty database beside the one of this URL, connected; see [`TestDatabase::new`].
    ///
    /// It is made on a thread that is started for it. Dropped while that goes on, it is removed as soon as it is made.
    ///
    /// # Errors
    /// As there; `ResourceExhausted` when no thread can be started.
    pub fn new(config: impl IntoConfig) -> Answer<'static, AsyncTestDatabase> {
        TestDatabase::builder(config).create_async()
    }

    /// A database that starts with the content of the one of this URL; see [`TestDatabase::from_template`]. Dropped, as
    /// [`new`](Self::new).
    ///
    /// # Errors
    /// As there.
    pub fn from_template(config: impl IntoConfig + Clone) -> Answer<'static, AsyncTestDatabase> {
        TestDatabase::builder(config.clone()).template(config).create_async()
    }

    fn of(test: TestDatabase) -> AsyncTestDatabase {
        AsyncTestDatabase { db: test.to_async(), test: Some(test) }
    }

    /// Ends its calls and removes it, and waits for that. Dropped, before the first poll or later, it is removed all the
    /// same.
    ///
    /// # Errors
    /// What keeps it from being removed; `ResourceExhausted` when no thread can be started.
    pub fn finish(mut self) -> Answer<'static, ()> {
        // What is never run is dropped, and so removed by another thread.
        let finish = move || self.test.take().map_or(Ok(()), TestDatabase::finish);
        Answer::new(async move { on_a_thread_of_its_own(THREAD, finish).await? })
    }
}

impl Deref for AsyncTestDatabase {
    type Target = AsyncDatabase;

    fn deref(&self) -> &AsyncDatabase {
        &self.db
    }
}

impl Drop for AsyncTestDatabase {
    fn drop(&mut self) {
        let Some(test) = self.test.take() else { return };
        // Without a thread the closure is dropped here: then it is waited for, rather than left behind.
        let _ = std::thread::Builder::new().name(THREAD.into()).spawn(move || drop(test));
    }
}

impl TestDatabaseBuilder {
    /// Makes it, and connects, to be awaited; see [`create`](Self::create). Made on a thread that is started for it; dropped
    /// while that goes on, it is removed as soon as it is made.
    ///
    /// # Errors
    /// As there; `ResourceExhausted` when no thread can be started.
    pub fn create_async(self) -> Answer<'static, AsyncTestDatabase> {
        Answer::new(async move {
            // It is this type already where it is made: an answer that nobody takes any more is dropped by whoever.
            on_a_thread_of_its_own(THREAD, || self.create().map(AsyncTestDatabase::of)).await?
        })
    }
}
