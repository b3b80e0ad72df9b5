//! The test kit: a scripted database, and the instruments that promises about threads, time and secrets are read with.
//!
//! An integration test takes it in by `mod kit;`. Nothing here sleeps to let something happen: what a test waits for is
//! a recorded event or a state that it looks for, and every wait has an end at which it fails and says what it saw
//! instead.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses its own part of the kit")]

mod canary;
mod folder;
mod fork;
#[cfg(feature = "jdbc")]
pub(crate) mod java;
mod leak;
#[cfg(feature = "odbc")]
pub(crate) mod odbc;
mod port;
mod probe;
pub(crate) mod promises;
pub(crate) mod proxy;
#[cfg(feature = "dbapi2")]
pub(crate) mod python;
pub(crate) mod script;
pub(crate) mod servers;
mod subprocess;
#[cfg(all(feature = "odbc", feature = "sqlite"))]
pub(crate) mod tds;
mod threads;
mod wait;
mod watchdog;

pub(crate) use canary::Canary;
pub(crate) use folder::Folder;
pub(crate) use fork::{ForkEnd, in_fork};
pub(crate) use leak::{Census, LeakMeter};
pub(crate) use port::Port;
pub(crate) use probe::Probe;
pub(crate) use subprocess::{Output, Running, Subprocess, case, hear, here, tell};
pub(crate) use threads::{ThreadState, describe_threads, threads_of};
pub(crate) use wait::{await_pool, await_some, await_that, await_that_or};
pub(crate) use watchdog::within;

use std::time::Duration;

/// How long the kit waits for something that must happen before it fails the test: long enough for a loaded machine
/// under a sanitizer, since only a broken promise ever waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
