//! A server that speaks the protocol of SQL Server, TDS 7.4, so that the way there by an ODBC driver can be tested where
//! no SQL Server can be had.
//!
//! It is no SQL Server, and imitates none. What it does is the wire: login, batches, procedures that prepare and run
//! statements with typed parameters, rows, errors with their numbers, transactions in both manners, cancels. Behind it
//! is a file of SQLite, and the few forms of T-SQL that the tests write are put into SQLite's words (`tsql`). So what a
//! test proves with it is what a driver sends and what becomes of the answers, never what a SQL Server would have
//! answered. It encrypts nothing.
//!
//! All that was asked is kept, in order, and what goes wrong is ordered by words of the request:
//!
//! ```ignore
//! let server = TdsServer::start();
//! server.on("COMMIT", Act::DieWhenDone);
//! let error = tx.commit().expect_err("nobody knows");
//! assert_eq!(server.asked().last(), Some(&Asked::Gone));
//! ```

mod answer;
mod engine;
mod fault;
mod login;
mod packet;
mod record;
mod request;
mod session;
pub(crate) mod tsql;
mod types;
mod values;

pub(crate) use fault::{Act, Failure, Fate};
pub(crate) use login::Login;
pub(crate) use record::{Asked, text};
pub(crate) use request::{Given, Manage};
pub(crate) use types::Type;

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::{Canary, Folder};
use record::Record;

/// The one who may log in, and the one database.
pub(crate) const USER: &str = "sa";
pub(crate) const DATABASE: &str = "shop";

struct Shared {
    file: PathBuf,
    password: String,
    record: Record,
    ended: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

/// A running server; it ends, with all of its connections, when it is dropped.
pub(crate) struct TdsServer {
    shared: Arc<Shared>,
    port: u16,
    accepting: Option<JoinHandle<()>>,
    _folder: Folder,
}

impl TdsServer {
    pub(crate) fn start() -> TdsServer {
        let folder = Folder::new();
        let shared = Arc::new(Shared {
            file: folder.path("shop.db"),
            password: Canary::SECRET.to_owned(),
            record: Record::default(),
            ended: AtomicBool::new(false),
            sockets: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("tds-accept".into()).spawn(move || accept(&listener, &shared))
        };
        let accepting = Some(accepting.expect("the system has room for a thread"));
        TdsServer { shared, port, accepting, _folder: folder }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next request with these words in it comes to this.
    pub(crate) fn on(&self, words: &str, act: Act) {
        self.shared.record.on(words, act);
    }

    /// What all clients have asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.record.all().into_iter().map(|(_, asked)| asked).collect()
    }

    /// What was asked with these words in it.
    pub(crate) fn asked_with(&self, words: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.text().contains(words)).collect()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.shared.record.forget();
    }

    /// Waits until something was asked so many times.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, times: usize, is_it: impl Fn(&Asked) -> bool) {
        self.shared.record.wait_for(what, times, is_it);
    }

    /// Ends all connections.
    pub(crate) fn hang_up(&self) {
        for socket in self.shared.sockets.lock().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for TdsServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.hang_up();
        // It waits in `accept`.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let broken = self.shared.record.broken();
        if !thread::panicking() {
            assert!(broken.is_empty(), "the test server could not make sense of what it was sent: {broken:#?}");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut sessions: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (0..).zip(listener.incoming()) {
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        let Ok(copy) = stream.try_clone() else { continue };
        shared.sockets.lock().push(copy);
        // Looked at after the socket is where it is hung up.
        if shared.ended.load(Ordering::Acquire) {
            break;
        }
        let shared = Arc::clone(shared);
        let session =
            thread::Builder::new().name(format!("tds-{number}")).spawn(move || session::talk(number, &shared, stream));
        sessions.push(session.expect("the system has room for a thread"));
    }
    for session in sessions {
        let _ = session.join();
    }
}
