//! The process that a server does not outlive: see `guardian.sh`.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Instant;

use super::engine::{Engine, Place, Programs};
use super::folder::{self, Folder};
use super::processes::stands_in;
use crate::kit::PATIENCE;

const SCRIPT: &str = include_str!("guardian.sh");

/// The guardian of a server.
#[derive(Debug)]
pub(super) struct Guardian {
    process: Child,
    input: Option<ChildStdin>,
}

impl Guardian {
    /// Starts it. With a file of users it starts the server and lives on by itself; without one it waits to be told.
    pub(super) fn new(folder: Folder, template: &Path, users: Option<&Path>, command: &[String]) -> Guardian {
        let mut guardian = folder::command("/bin/sh");
        guardian.args(["-c", SCRIPT, "guardian"]).arg(&folder.path).arg(template);
        guardian.arg(users.unwrap_or(Path::new(""))).args(command);
        guardian.stdin(if users.is_some() { Stdio::null() } else { Stdio::piped() });
        // Not the streams of the test: a test runner waits until nobody holds them.
        guardian.stdout(folder.lock).stderr(log(&folder.path));
        let mut process = guardian.spawn().expect("there is a shell");
        Guardian { input: process.stdin.take(), process }
    }

    /// Starts the server and waits until it lets clients in; the number of its process, or what it said instead.
    pub(super) fn start(&mut self, engine: &dyn Engine, place: &Place<'_>) -> Result<i32, String> {
        let _ = std::fs::remove_file(place.folder.join("pid"));
        if let Some(input) = &mut self.input {
            writeln!(input, "start").map_err(|error| format!("its guardian is gone: {error}"))?;
        }
        await_ready(engine, place, &mut self.process)
    }

    /// Ends the server and removes its folder, and waits until that is done.
    pub(super) fn end(&mut self) {
        self.input = None;
        let _ = self.process.wait();
    }
}

fn log(folder: &Path) -> File {
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("a folder of ours");
    folder::give_away(&folder.join("log"));
    log
}

fn await_ready(engine: &dyn Engine, place: &Place<'_>, guardian: &mut Child) -> Result<i32, String> {
    let until = Instant::now() + PATIENCE * 2;
    let mut seen = None;
    loop {
        // The server's number is that of the program that drops privileges for it until it takes its own folder.
        let process = std::fs::read_to_string(place.folder.join("pid")).ok().and_then(|text| text.trim().parse().ok());
        if let Some(process) = process {
            let is_there = std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !is_zombie(&stat));
            if !is_there {
                return Err(format!("it ended; it said\n{}", tail(place.folder)));
            }
            seen = Some(process);
            if stands_in(process, place.folder) && engine.is_ready(place) {
                return Ok(process);
            }
        }
        if let Ok(Some(status)) = guardian.try_wait() {
            return Err(format!("its guardian ended with {status}; it said\n{}", tail(place.folder)));
        }
        if Instant::now() >= until {
            return Err(format!("process {seen:?} is not ready in time; it said\n{}", tail(place.folder)));
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn is_zombie(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// The end of the log of a server, for a message.
pub(super) fn tail(folder: &Path) -> String {
    let log = std::fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned()
}

/// Starts a server in a new folder, at another port if somebody took the first one in between.
pub(super) fn launch<T>(
    engine: &'static dyn Engine,
    programs: &Programs,
    mut attempt: impl FnMut(Folder, crate::kit::Port, &Path) -> Result<T, String>,
) -> T {
    let template = folder::made(
        &format!("data-{}", engine.slug()),
        &programs.version(),
        engine.template(),
        &[&programs.folder.display().to_string()],
    );
    let mut said = String::new();
    for _ in 0..5 {
        match attempt(Folder::new(engine.slug()), crate::kit::Port::take(), &template) {
            Ok(server) => return server,
            Err(error) => said = error,
        }
        let lower = said.to_ascii_lowercase();
        if !lower.contains("address already in use") {
            break;
        }
    }
    panic!("{} does not start: {said}", engine.name());
}

/// Writes the configuration of a server.
pub(super) fn configure(engine: &dyn Engine, place: &Place<'_>, settings: &[(String, String)]) {
    let mut all = engine.settings(place);
    all.extend_from_slice(settings);
    for (name, text) in engine.files(place, &all) {
        let path = place.folder.join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
    }
}
