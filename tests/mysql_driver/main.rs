//! What the driver for MySQL and MariaDB does beyond what every driver does: against MariaDB.
#![cfg(feature = "mysql")]

#[path = "../kit/mod.rs"]
mod kit;

mod alike;
mod bulk;
mod cancelling;
mod connecting;
mod errors;
mod many;
mod oracle;
mod transactions;
mod types;
mod whole;
mod wire;

use std::time::Duration;

use kit::servers::{MariaDb, Scratch, Server, shared};
use pontoon::prelude::*;
use pontoon::{DatabaseBuilder, Error};

/// A database of a test's own on the shared server, or the test is left out.
macro_rules! scratch {
    () => {
        match crate::server() {
            Some(server) => server.database(),
            None => return,
        }
    };
}
use scratch;

fn server() -> Option<&'static Server> {
    shared(&MariaDb)
}

/// A handle on it, with options that hang on the URL.
fn open(scratch: &Scratch<'_>, options: &str) -> Database {
    builder(scratch, options).open().expect("a database")
}

fn builder(scratch: &Scratch<'_>, options: &str) -> DatabaseBuilder {
    Database::builder().url(format!("{}{options}", scratch.url())).timeout(Some(Duration::from_secs(15)))
}

/// The error of what has to fail.
#[track_caller]
fn fails<T>(kind: ErrorKind, result: Result<T, impl Into<Error>>) -> Error {
    let error = match result {
        Ok(_) => panic!("it succeeded, and has to fail"),
        Err(error) => error.into(),
    };
    assert_eq!(error.kind(), kind, "{error:?}");
    error
}
