//! What goes on at the seams between a caller, its connection and the pool, in orders that are rare and must not matter.

#[path = "../kit/mod.rs"]
mod kit;

mod connections;
mod effects;
mod rollback;
mod streams;
mod transactions;

use std::time::Duration;

use kit::script::Script;
use kit::within;
use pontoon::Database;

const LIMIT: Duration = Duration::from_secs(60);

/// A deadline that is never meant to pass.
const LONG: Duration = Duration::from_secs(50);

/// A deadline that is meant to pass.
const SHORT: Duration = Duration::from_millis(50);

/// Runs the body of a test, which must come to an end.
fn ends(body: impl FnOnce() + Send + 'static) {
    within(LIMIT, body);
}

/// A database with one connection and all the time in the world.
fn one(script: &Script) -> Database {
    script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap()
}
