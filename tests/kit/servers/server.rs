//! A server as every test sees it: addresses, databases, a console.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::console::Console;
use super::engine::{Engine, Place, Programs};
use crate::kit::Canary;
use crate::kit::proxy::ToxicProxy;

/// The user of the tests; may do everything.
pub(crate) const USER: &str = "app";

/// The password of the user of the tests, which shows nowhere. On the Unix socket of PostgreSQL none is asked for.
pub(crate) const PASSWORD: &str = Canary::SECRET;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    engine: &'static dyn Engine,
    programs: Programs,
    folder: PathBuf,
    port: u16,
    console: Mutex<Option<Console>>,
}

impl Server {
    pub(super) fn new(engine: &'static dyn Engine, programs: Programs, folder: PathBuf, port: u16) -> Server {
        Server { engine, programs, folder, port, console: Mutex::default() }
    }

    pub(crate) fn engine(&self) -> &'static dyn Engine {
        self.engine
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { folder: &self.folder, port: self.port }
    }

    /// The folder that all of its processes stand in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port on 127.0.0.1; the same after a restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What a client on this machine connects to: for PostgreSQL a folder, for MariaDB a file.
    pub(crate) fn socket(&self) -> PathBuf {
        self.engine.socket(&self.folder)
    }

    /// The URL of a database, with user and password; options can be hung on with `?`.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_at(self.port, database)
    }

    /// The same through another port, that of a proxy.
    pub(crate) fn url_at(&self, port: u16, database: &str) -> String {
        format!("{}://{USER}:{}@127.0.0.1:{port}/{database}", self.engine.scheme(), Canary::in_url())
    }

    /// A proxy in front of it.
    pub(crate) fn proxy(&self) -> ToxicProxy {
        ToxicProxy::to(self.port, self.engine.framing())
    }

    /// A new and empty database, which is dropped with what is returned.
    pub(crate) fn database(&self) -> Scratch<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        self.console().run(&format!("CREATE DATABASE {name}"));
        Scratch { server: self, name }
    }

    /// The console that all tests of this process use, one after another.
    pub(crate) fn console(&self) -> ConsoleGuard<'_> {
        let mut console = self.console.lock();
        if console.as_mut().is_none_or(|console| !console.is_alive()) {
            *console = Some(self.new_console(None));
        }
        ConsoleGuard(console)
    }

    /// A console of the test's own: a session that can hold a lock.
    pub(crate) fn new_console(&self, database: Option<&str>) -> Console {
        Console::start(self.engine, &self.engine.console(&self.programs, &self.place(), database))
    }

    /// The sessions of clients other than consoles: number, database, state, statement.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        let rows = self.console().run(self.engine.sessions());
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("no number of a session: {text}"));
        rows.into_iter()
            .map(|row| Session {
                number: number(&row[0]),
                database: row[1].clone(),
                state: row[2].clone(),
                statement: row[3..].join("\t"),
            })
            .collect()
    }

    /// The end of what it wrote to its log.
    pub(crate) fn log(&self) -> String {
        super::guardian::tail(&self.folder)
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(super) fn drop_console(&self) {
        *self.console.lock() = None;
    }
}

/// A session of a client, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// On PostgreSQL the number of its process, on MariaDB that of its thread.
    pub(crate) number: i32,
    pub(crate) database: String,
    pub(crate) state: String,
    pub(crate) statement: String,
}

/// The console of a server, for as long as this is held.
#[derive(Debug)]
pub(crate) struct ConsoleGuard<'a>(MutexGuard<'a, Option<Console>>);

impl std::ops::Deref for ConsoleGuard<'_> {
    type Target = Console;

    fn deref(&self) -> &Console {
        self.0.as_ref().expect("it was started")
    }
}

impl std::ops::DerefMut for ConsoleGuard<'_> {
    fn deref_mut(&mut self) -> &mut Console {
        self.0.as_mut().expect("it was started")
    }
}

/// A database of a test's own.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    server: &'a Server,
    name: String,
}

impl Scratch<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn server(&self) -> &Server {
        self.server
    }

    /// Its URL, with user and password.
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The same through another port, that of a proxy.
    pub(crate) fn url_at(&self, port: u16) -> String {
        self.server.url_at(port, &self.name)
    }

    /// The sessions in it, other than consoles.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        let mut sessions = self.server.sessions();
        sessions.retain(|session| session.database == self.name);
        sessions
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // What cannot be dropped now, as its server is down, goes with the server.
        let sql = self.server.engine.drop_database(&self.name);
        if self.server.engine.is_ready(&self.server.place()) {
            let _ = self.server.console().try_run(&sql);
        }
    }
}
