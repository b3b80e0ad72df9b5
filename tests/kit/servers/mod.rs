//! PostgreSQL and MariaDB for the tests: real servers from the system's packages, started by the tests themselves.
//!
//! [`shared`] is one server for all tests of a run, whatever process they are in; a test makes itself a database there
//! by [`Server::database`]. [`private`] is a server of a test's own, which it may stop, kill, freeze and configure.
//! Both listen on 127.0.0.1 and on a Unix socket, offer TLS by a CA of their own, and run as an unprivileged user also
//! where the tests run as root. Each has a [`Console`], the database's own command line client, so that a test can look
//! and hold locks without the library that it tests. A private PostgreSQL can have a [standby](Private::standby), which
//! follows it and can be promoted.
//!
//! ```ignore
//! let Some(server) = shared(&Postgres) else { return };
//! let database = server.database();
//! let db = Database::connect(database.url())?;
//! ```
//!
//! Without the packages, or with `PONTOON_TEST_SERVERS=none` in the environment, both return `None` and say so loudly;
//! with `CI=true` they panic.
//!
//! Nothing is left running and no data is left behind, however a test ends. Each server has a *guardian*
//! (`guardian.sh`), a process that ends the server and removes its folder: for a private one as soon as a pipe from the
//! test's process is closed, which the kernel does for a killed one too; for the shared one a little after no process
//! holds a lock on a file any more. Should a guardian be killed, the kernel kills its server, and the next run
//! removes the folder.

mod certificates;
mod console;
mod engine;
mod folder;
mod guardian;
mod mariadb;
mod pooler;
mod postgres;
mod private;
mod processes;
mod server;
mod shared;
mod standby;

pub(crate) use certificates::{Certificates, certificates};
pub(crate) use console::Console;
pub(crate) use engine::{Engine, Programs, Stop};
pub(crate) use mariadb::MariaDb;
pub(crate) use pooler::Pooler;
pub(crate) use postgres::Postgres;
pub(crate) use private::Private;
pub(crate) use processes::{kill_process, processes_in};
pub(crate) use server::{PASSWORD, Scratch, Server, Session, USER};
pub(crate) use standby::PRIMARY;

use std::io::Write as _;

/// The server that all tests share. It must be left as it was found: what changes more than a database of the test's
/// own is for a [`private`] one.
pub(crate) fn shared(engine: &'static dyn Engine) -> Option<&'static Server> {
    programs_or_say(engine).map(|programs| shared::attach(engine, programs))
}

/// A server of the test's own.
pub(crate) fn private(engine: &'static dyn Engine) -> Option<Private> {
    private_with(engine, &[])
}

/// A server of the test's own with settings in its configuration file, over those that all have.
pub(crate) fn private_with(engine: &'static dyn Engine, settings: &[(&str, &str)]) -> Option<Private> {
    programs_or_say(engine).map(|programs| Private::start(engine, programs, settings))
}

/// Whether there is a server of this kind to be had; says nothing.
pub(crate) fn is_installed(engine: &dyn Engine) -> bool {
    programs(engine).is_ok()
}

fn programs(engine: &dyn Engine) -> Result<Programs, String> {
    if std::env::var("PONTOON_TEST_SERVERS").as_deref() == Ok("none") {
        return Err("PONTOON_TEST_SERVERS=none forbids it".into());
    }
    engine.find().map_err(|missing| format!("there is no {missing}; `tests/run setup` installs it"))
}

/// A test that is left out leaves a line that the capture of the test runner does not swallow.
fn programs_or_say(engine: &'static dyn Engine) -> Option<Programs> {
    let why = match programs(engine) {
        Ok(programs) => return Some(programs),
        Err(why) => why,
    };
    leave_out(engine.name(), &why);
    None
}

fn leave_out(what: &str, why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("LEFT OUT: {test} needs {what}: {why}\n");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{line}and CI=true lets no test be left out");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
