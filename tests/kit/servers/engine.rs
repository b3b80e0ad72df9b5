//! What differs between the servers.

use std::path::{Path, PathBuf};

use crate::kit::proxy::Framing;

/// A kind of server, as the kit runs it.
pub(crate) trait Engine: Sync + std::fmt::Debug {
    /// Its name, as people write it.
    fn name(&self) -> &'static str;

    /// A short name for files.
    fn slug(&self) -> &'static str;

    /// The scheme of its URLs.
    fn scheme(&self) -> &'static str;

    /// What its protocol is made of.
    fn framing(&self) -> Framing;

    /// The programs it takes, or the name of one that is missing.
    fn find(&self) -> Result<Programs, &'static str>;

    /// A script of the shell that makes a data folder: `$1` is the folder to make, `$2` that of the programs, `$3` a file
    /// with the password of the user of the tests.
    fn template(&self) -> &'static str;

    /// The configuration that every server has. A later line overrides an earlier one.
    fn settings(&self, place: &Place<'_>) -> Vec<(String, String)>;

    /// The files of the configuration, by their names in the folder.
    fn files(&self, place: &Place<'_>, settings: &[(String, String)]) -> Vec<(&'static str, String)>;

    /// The command that starts it.
    fn command(&self, programs: &Programs, place: &Place<'_>) -> Vec<String>;

    /// Whether it lets clients in.
    fn is_ready(&self, place: &Place<'_>) -> bool;

    /// What a client connects to on this machine: PostgreSQL takes a folder, MariaDB a file.
    fn socket(&self, folder: &Path) -> PathBuf;

    /// The command line client.
    fn console(&self, programs: &Programs, place: &Place<'_>, database: Option<&str>) -> Vec<String>;

    /// The command of the client that makes it print a line.
    fn echo(&self, line: &str) -> String;

    /// What its client starts the message of an error with.
    fn error_prefix(&self) -> &'static str;

    /// The signal that stops it in this way.
    fn signal(&self, stop: Stop) -> rustix::process::Signal;

    /// The sessions of clients: a query for number, database, state and statement.
    fn sessions(&self) -> &'static str;

    /// SQL that drops a database although somebody is connected to it.
    fn drop_database(&self, name: &str) -> String;
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// In order: transactions are rolled back, sessions told, everything written.
    Clean,
    /// At once and without a word to the disk; it recovers when it is started again. MariaDB has only the kill for it.
    Crash,
    /// By SIGKILL, all of its processes.
    Kill,
}

/// The programs of a server.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The folder of those that make a data folder.
    pub(crate) folder: PathBuf,
    pub(crate) server: PathBuf,
    pub(crate) client: PathBuf,
}

impl Programs {
    /// How the server calls itself, with its version.
    pub(super) fn version(&self) -> String {
        let output = std::process::Command::new(&self.server).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.server.display()));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) port: u16,
}

impl Place<'_> {
    pub(super) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// The first of these folders, and those of `PATH`, that has this program.
pub(super) fn search(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let listed = folders.iter().map(PathBuf::from);
    listed.chain(std::env::split_paths(&path)).map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// What every server needs beside its own programs.
pub(super) fn common_tools() -> Result<(), &'static str> {
    for tool in ["setpriv", "flock", "openssl"] {
        search(tool, &["/usr/bin"]).ok_or(tool)?;
    }
    Ok(())
}
