//! The ODBC drivers of this machine.

use std::io::Write as _;

use super::Canary;
use super::servers::{Engine, Scratch, USER, shared};

/// Whether a driver is registered and there; without it the test is left out, loudly, and with `CI=true` it fails.
pub(crate) fn has_driver(name: &str) -> bool {
    let drivers = pontoon::driver::odbc::drivers().unwrap_or_default();
    if drivers.iter().any(|driver| driver.name == name && driver.found) {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} needs the ODBC driver `{name}`, and CI=true leaves no test out; `tests/run setup` installs it"
    );
    let line = format!("LEFT OUT: {test} needs the ODBC driver `{name}`; `tests/run setup` installs it\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// A database of the test's own on a server, and its URL through a driver; `+` stands for a space in the driver's name.
pub(crate) fn on_server(engine: &'static dyn Engine, driver: &str) -> Option<(String, Scratch<'static>)> {
    if !has_driver(&driver.replace('+', " ")) {
        return None;
    }
    let server = shared(engine)?;
    let scratch = server.database();
    let (port, name) = (server.port(), scratch.name());
    let url = format!("odbc://{USER}:{}@127.0.0.1:{port}/{name}?driver={driver}", Canary::in_url());
    Some((url, scratch))
}
