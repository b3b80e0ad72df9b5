//! Closures that are shipped to a connection: written once for whoever can reach one.

use std::any::{Any, type_name};

use crate::error::{Error, ErrorKind, Result};
use crate::query::QueryOptions;
use crate::queryable::Perform;
use crate::session::{Errand, Session};

/// Runs `work` on the connection's thread.
#[track_caller]
pub(crate) fn run<T: Send + 'static>(
    to: &impl Perform,
    work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let level = to.default_level();
    to.perform(Errand::on_worker(QueryOptions::default()), move |core, turn| {
        let session = Session::new(core.reborrow(), turn, level);
        work(&session)
    })
}

/// Runs `work` on the connection's thread, in a transaction.
#[track_caller]
pub(crate) fn session<T: Send + 'static>(
    to: &impl Perform,
    work: impl FnOnce(&Session<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    run(to, move |session| session.transaction(work))
}

/// Runs `work` on the driver's own connection.
#[track_caller]
pub(crate) fn raw<C: Any, T: Send + 'static>(
    to: &impl Perform,
    work: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut errand = Errand::on_worker(QueryOptions::default());
    errand.installs = true;
    to.perform(errand, move |core, turn| {
        core.raw(turn, |connection| match connection.downcast_mut::<C>() {
            Some(connection) => work(connection),
            None => {
                Err(Error::new(ErrorKind::Misuse, format!("the driver's own connection is no `{}`", type_name::<C>())))
            }
        })
    })
}
