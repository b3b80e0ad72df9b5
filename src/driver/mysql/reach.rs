//! What can be done to a connection from another thread: asking the server to end its statement, cutting the socket.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use mysql::{Conn, Opts, OptsBuilder, Value};
use parking_lot::Mutex;

use super::error::number_of;
use crate::driver::{Fence, Handle};

/// What makes one server different from another: `KILL` on the wrong one would end the statement of a stranger.
pub(super) const IDENTITY: &str = "SELECT @@hostname, @@port, @@server_id";

/// One connection, as other threads reach it.
pub(super) struct Reach {
    id: u32,
    /// How another connection to the same server is made. Holds the password, and shows it: never printed.
    opts: Opts,
    identity: Vec<Value>,
    socket: Mutex<Option<Socket>>,
    /// A KILL QUERY was sent, and no statement has run since that would have taken it in.
    killed: AtomicBool,
    severed: AtomicBool,
}

impl Reach {
    /// # Errors
    /// When the socket cannot be had a second time, for want of descriptors.
    pub(super) fn new(conn: &Conn, opts: Opts, identity: Vec<Value>) -> io::Result<Reach> {
        Ok(Reach {
            id: conn.connection_id(),
            opts,
            identity,
            socket: Mutex::new(Socket::of(conn)?),
            killed: AtomicBool::new(false),
            severed: AtomicBool::new(false),
        })
    }

    /// How long the socket waits from now on, each time that it does; `None` for as long as it takes.
    ///
    /// # Errors
    /// When the system refuses that.
    pub(super) fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        match &*self.socket.lock() {
            Some(socket) => socket.set_patience(patience),
            None => Ok(()),
        }
    }

    /// Whether a KILL QUERY may still hit what comes next. Asked once: whoever asks takes it upon himself.
    pub(super) fn take_killed(&self) -> bool {
        self.killed.swap(false, Ordering::AcqRel)
    }

    /// Whether a KILL QUERY was sent that may have hit the statement that runs, or may still hit what comes next.
    pub(super) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    pub(super) fn is_severed(&self) -> bool {
        self.severed.load(Ordering::Acquire)
    }

    /// Asks the server to end the statement that the connection is busy with. True if it has done so by the time of the
    /// return, or cannot do it any more; false if the request is still on its way.
    pub(super) fn kill(&self, until: Instant) -> bool {
        // A little is left for it even when the time is over, as a timeout of nothing would mean none.
        let left = || Some(until.saturating_duration_since(Instant::now()).max(Duration::from_millis(10)));
        let opts = OptsBuilder::from_opts(self.opts.clone())
            .tcp_connect_timeout(left())
            .read_timeout(left())
            .write_timeout(left());
        // What never got as far as the server cannot hit anything.
        let Ok(mut conn) = Conn::new(opts) else { return true };
        let is_the_same = conn.query_first::<mysql::Row, _>(IDENTITY).is_ok_and(|row| {
            row.is_some_and(|row| (0..self.identity.len()).all(|at| row.as_ref(at) == self.identity.get(at)))
        });
        if !is_the_same {
            return true;
        }
        self.killed.store(true, Ordering::Release);
        match conn.query_drop(format!("KILL QUERY {}", self.id)) {
            Ok(()) => true,
            // The server's own word: not allowed, or the connection is gone.
            Err(error) => number_of(&error).is_some(),
        }
    }

    /// Ends both directions of the conversation at once, whoever waits for whatever in it.
    pub(super) fn sever(&self) -> bool {
        self.severed.store(true, Ordering::Release);
        self.socket.lock().as_ref().is_some_and(Socket::shut_down)
    }

    /// Lets go of the socket, so that a handle somebody still has keeps no connection open.
    pub(super) fn let_go(&self) {
        self.socket.lock().take();
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("id", &self.id).field("severed", &self.severed).finish_non_exhaustive()
    }
}

/// The driver's handle.
pub(super) struct Canceller(pub(super) Arc<Reach>);

impl Handle for Canceller {
    fn cancel(&self, until: Instant) -> Fence {
        match self.0.kill(until) {
            true => Fence::Fenced,
            false => Fence::NotFenced,
        }
    }

    fn sever(&self) -> bool {
        self.0.sever()
    }
}

/// A second descriptor of the socket.
///
/// Over TCP or not: what is done here is the same system call for both.
#[cfg(unix)]
struct Socket(std::net::TcpStream);

#[cfg(unix)]
impl Socket {
    fn of(conn: &Conn) -> io::Result<Option<Socket>> {
        crate::driver::raw::socket_of(conn).map(|socket| Some(Socket(socket.into())))
    }

    fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(patience)?;
        self.0.set_write_timeout(patience)
    }

    fn shut_down(&self) -> bool {
        self.0.shutdown(std::net::Shutdown::Both).is_ok()
    }
}

/// Where the crate does not hand out its socket a stuck call ends by itself or not at all.
#[cfg(not(unix))]
struct Socket(std::convert::Infallible);

#[cfg(not(unix))]
impl Socket {
    fn of(_: &Conn) -> io::Result<Option<Socket>> {
        Ok(None)
    }

    fn set_patience(&self, _: Option<Duration>) -> io::Result<()> {
        match self.0 {}
    }

    fn shut_down(&self) -> bool {
        match self.0 {}
    }
}
