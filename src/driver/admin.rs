//! Whole databases: finding, making and removing them.

use super::Call;
use crate::config::Config;
use crate::error::Result;
use crate::url::DatabaseUrl;

/// What a driver can do with whole databases, for test databases and the like. Called on the caller's own thread.
pub trait Admin: Send + Sync {
    /// Whether the database is there.
    ///
    /// # Errors
    /// Whatever keeps that from being known; a wrong password is an error, not a "no".
    fn exists(&self, call: &Call<'_>, config: &Config) -> Result<bool>;

    /// Makes the database, empty or with the content of another one as it is at this moment.
    ///
    /// # Errors
    /// `DuplicateObject` when it is there already; what the database says.
    fn create(&self, call: &Call<'_>, config: &Config, template: Option<&Config>) -> Result<()>;

    /// Removes the database and what belongs to it; returns whether it was there.
    ///
    /// # Errors
    /// What the database says.
    fn remove(&self, call: &Call<'_>, config: &Config) -> Result<bool>;

    /// The same URL for a database whose own name is this one's between `prefix` and `suffix`; `None` for one that is
    /// private to each handle anyway, so that no name is needed.
    ///
    /// # Errors
    /// `Url` when the name cannot be changed so.
    fn rename(&self, url: &DatabaseUrl, prefix: &str, suffix: &str) -> Result<Option<DatabaseUrl>>;
}
