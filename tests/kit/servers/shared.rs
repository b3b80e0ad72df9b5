//! The server that all tests of a run share, whatever process they are in.
//!
//! Each process that uses it holds a shared lock on a file. The guardian of the server takes that lock for itself when
//! nobody has held it for a while, and keeps it until everything is gone, so that whoever comes then waits and finds
//! none. The kernel takes the lock from a killed process.

use std::fs::{self, File};
use std::path::PathBuf;

use parking_lot::Mutex;

use super::engine::{Engine, Programs};
use super::folder::{self, meeting_point};
use super::guardian::{self, Guardian};
use super::processes::stands_in;
use super::server::Server;

/// The servers that this process uses, with the locks that say so, to the end of the process.
static USED: Mutex<Vec<(&'static str, &'static Server, File)>> = Mutex::new(Vec::new());

/// The shared server; starts it if there is none.
pub(super) fn attach(engine: &'static dyn Engine, programs: Programs) -> &'static Server {
    let slug = engine.slug();
    let mut used = USED.lock();
    if let Some((_, server, _)) = used.iter().find(|(used, ..)| *used == slug) {
        return server;
    }
    let (users, file) = meeting_point(&format!("shared-{slug}.users"));
    file.lock_shared().expect("a file can be locked");
    let (_, starting) = meeting_point(&format!("shared-{slug}.starting"));
    starting.lock().expect("a file can be locked");
    let address = folder::base().join(format!("shared-{slug}.address"));
    let (folder, port) = found(&address).unwrap_or_else(|| {
        guardian::launch(engine, &programs, |folder, port, template| {
            let server = Server::new(engine, programs.clone(), folder.path.clone(), port.number);
            guardian::configure(engine, &server.place(), &[]);
            let command = engine.command(&programs, &server.place());
            let mut guardian = Guardian::new(folder, template, Some(&users), &command);
            let process = guardian.start(engine, &server.place())?;
            let text = format!("{process} {} {}\n", port.number, server.folder().display());
            fs::write(&address, text).expect("the base can be written");
            Ok((server.folder().to_owned(), port.number))
        })
    });
    let server: &'static Server = Box::leak(Box::new(Server::new(engine, programs, folder, port)));
    used.push((slug, server, file));
    server
}

/// The server that another process has started, if it still runs.
fn found(address: &std::path::Path) -> Option<(PathBuf, u16)> {
    let text = fs::read_to_string(address).ok()?;
    let mut words = text.trim_end().splitn(3, ' ');
    let process = words.next()?.parse().ok()?;
    let port = words.next()?.parse().ok()?;
    let folder = PathBuf::from(words.next()?);
    stands_in(process, &folder).then_some((folder, port))
}
