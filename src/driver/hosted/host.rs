//! A host: its process, the folder it is met in, and the connections that it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::child::{Launch, Process, exhausted};
use super::folder::{Folder, random};
use super::socket::{Hello, Meeting, Token};
use crate::driver::Notices;
use crate::error::{Error, ErrorKind, Result};
use std::os::unix::net::UnixStream;

/// A process that speaks the protocol. It ends when the last who holds it lets go.
#[derive(Debug)]
pub(super) struct Host {
    process: Process,
    folder: Folder,
    token: Token,
    next: AtomicU32,
}

/// What a host gave for a connection.
pub(super) struct Met {
    pub(super) data: UnixStream,
    pub(super) side: UnixStream,
    pub(super) hello: Hello,
}

impl Host {
    fn start(launch: &Launch, patient: bool, notices: Notices) -> Result<Host> {
        let folder = Folder::new().map_err(|error| exhausted("a folder of its own", error))?;
        let (name, content) = launch.file;
        let file = folder.write(name, content).map_err(|error| exhausted("a folder of its own", error))?;
        let mut token = [0; 32];
        random(&mut token).map_err(|error| exhausted("random numbers", error))?;
        let process = Process::start(launch, &file, patient, notices)?;
        let host = Host { process, folder, token, next: AtomicU32::new(1) };
        let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        // One that has ended already says so when it does not come.
        let _ = host.process.say(&format!("pontoon {} {token}", super::socket::VERSION));
        Ok(host)
    }

    /// Asks for a connection and waits for its sockets.
    fn meet(&self, until: Option<Instant>) -> Result<Met> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.sock"));
        let meeting = Meeting::at(&path).map_err(|error| exhausted("a socket", error))?;
        let asked = self.process.say(&format!("open {number} {}", path.display()));
        let ended = || {
            (asked.is_err() || self.process.has_ended())
                // One that ends before it has met anybody would do so again.
                .then(|| {
                    let kind = if number == 1 { ErrorKind::Config } else { ErrorKind::ConnectFailed };
                    Error::new(kind, self.process.obituary())
                })
        };
        let (data, side, hello) = meeting.wait(&self.token, number, until, &ended)?;
        Ok(Met { data, side, hello })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.process.has_ended()
    }

    pub(super) fn kill(&self) {
        self.process.kill();
    }

    pub(super) fn obituary(&self) -> String {
        self.process.obituary()
    }
}

/// The hosts of a database: one that all of its connections share, or one for each.
pub(super) struct Hosts {
    notices: Notices,
    shared: Mutex<Option<Arc<Host>>>,
}

impl Hosts {
    pub(super) fn new(notices: Notices) -> Hosts {
        Hosts { notices, shared: Mutex::new(None) }
    }

    pub(super) fn notices(&self) -> &Notices {
        &self.notices
    }

    /// A connection's sockets, from a host that is started if there is none.
    pub(super) fn meet(&self, launch: &Launch, one_each: bool, until: Option<Instant>) -> Result<(Arc<Host>, Met)> {
        if one_each {
            let host = Host::start(launch, false, self.notices.clone())?;
            let met = host.meet(until)?;
            // It was read, and there will be no further socket.
            host.folder.remove();
            return Ok((Arc::new(host), met));
        }
        let host = self.shared(launch)?;
        match host.meet(until) {
            Ok(met) => Ok((host, met)),
            Err(error) => {
                // One that does not come when it is asked is not asked again; those who use it keep it.
                self.forget(&host);
                Err(error)
            }
        }
    }

    fn shared(&self, launch: &Launch) -> Result<Arc<Host>> {
        let mut shared = self.shared.lock();
        if let Some(host) = shared.as_ref().filter(|host| !host.has_ended()) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::start(launch, true, self.notices.clone())?);
        *shared = Some(Arc::clone(&host));
        Ok(host)
    }

    /// Further connections get another host; this one ends with the last that it has.
    pub(super) fn forget(&self, host: &Arc<Host>) {
        let mut shared = self.shared.lock();
        if shared.as_ref().is_some_and(|own| Arc::ptr_eq(own, host)) {
            *shared = None;
        }
    }

    /// Lets go of the one that is shared.
    pub(super) fn close(&self) {
        *self.shared.lock() = None;
    }
}
