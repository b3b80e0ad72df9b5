//! A proxy between a client and a server that spoils what passes through it, at an exact byte or message.
//!
//! One thread owns all of its connections, and every order is carried out before the call returns. So whatever a test
//! does next happens after it. An order holds for the connections there are and for those to come.
//!
//! ```ignore
//! let proxy = ToxicProxy::to(server.port(), Framing::Postgres);
//! let db = Database::connect(server.url_at(proxy.port(), "postgres"))?;
//! proxy.replies(Toxic::Swallow);
//! let commit = thread::spawn(move || transaction.commit());
//! proxy.wait_for("an answer that went nowhere", |seen| seen.swallowed > 0);
//! proxy.cut(Cut::Reset);
//! ```
//!
//! A connection that nothing passes through any more is still acknowledged by the kernel, so what the kernel does about
//! a peer that is silent, as keep-alives, is not provoked by this.

mod flow;
mod framing;
mod reactor;

pub(crate) use flow::Toxic;
pub(crate) use framing::Framing;

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::{PATIENCE, Port};
use reactor::Reactor;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// By RST: whoever reads or writes gets an error.
    Reset,
    /// By FIN: whoever reads sees the end.
    Finish,
}

/// What happens to who wants to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// It is connected to the server.
    Open,
    /// It is accepted, and hears nothing; the server never learns of it.
    Deaf,
    /// It is refused, as nobody listens.
    Closed,
}

/// What has passed through, or was to pass, since the proxy was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Clients that were accepted.
    pub(crate) accepted: u64,
    /// Clients whose connection still stands.
    pub(crate) open: u64,
    /// Bytes that came from clients and from the server.
    pub(crate) requests: u64,
    pub(crate) replies: u64,
    /// Bytes of the server that reached a client.
    pub(crate) delivered: u64,
    /// Bytes of either side that were dropped.
    pub(crate) swallowed: u64,
    /// Whole messages that reached a client, as far as messages can be told apart.
    pub(crate) messages: u64,
}

/// The connections that an order holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    All,
    Present,
    Next,
}

/// What the proxy is told.
#[derive(Debug)]
enum Order {
    Requests(Toxic),
    Replies(Toxic, Whose),
    Door(Door),
    Redirect(u16),
    Cut(Cut),
    End,
}

#[derive(Debug, Default)]
struct Board {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The proxy. It ends, with all of its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct ToxicProxy {
    port: Port,
    orders: Sender<(Order, SyncSender<()>)>,
    wake: UnixStream,
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl ToxicProxy {
    /// A proxy in front of a port of 127.0.0.1, through which everything passes.
    pub(crate) fn to(server: u16, framing: Framing) -> ToxicProxy {
        let port = Port::take();
        let listener = TcpListener::bind(("127.0.0.1", port.number)).expect("the port was just free");
        let (wake, woken) = UnixStream::pair().expect("the system has room for a pair of sockets");
        let (orders, inbox) = channel();
        let board = Arc::new(Board::default());
        let reactor = Reactor::new(listener, server, framing, woken, inbox, Arc::clone(&board));
        let thread = std::thread::Builder::new().name("kit-proxy".into()).spawn(move || reactor.run());
        let thread = Some(thread.expect("the system has room for the thread of a proxy"));
        ToxicProxy { port, orders, wake, board, thread }
    }

    /// The port that it listens on; it stays the same when the door is closed and opened.
    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    fn order(&self, order: Order) {
        let (done, wait) = sync_channel(1);
        // A proxy that is gone has panicked, and the wait below says so.
        let _ = self.orders.send((order, done));
        let _ = (&self.wake).write_all(&[0]);
        wait.recv().expect("the proxy runs");
    }

    /// What becomes of what clients send. Bytes and messages are counted from now on, or from the start of a later
    /// connection.
    pub(crate) fn requests(&self, toxic: Toxic) {
        self.order(Order::Requests(toxic));
    }

    /// What becomes of what the server sends.
    pub(crate) fn replies(&self, toxic: Toxic) {
        self.order(Order::Replies(toxic, Whose::All));
    }

    /// The same for the connections there are, and not for later ones.
    pub(crate) fn present_replies(&self, toxic: Toxic) {
        self.order(Order::Replies(toxic, Whose::Present));
    }

    /// The same for the connection that comes next, and no other.
    pub(crate) fn next_replies(&self, toxic: Toxic) {
        self.order(Order::Replies(toxic, Whose::Next));
    }

    /// Nothing comes through in either direction, and nobody is told.
    pub(crate) fn blackhole(&self) {
        self.requests(Toxic::Swallow);
        self.replies(Toxic::Swallow);
    }

    /// Everything passes again. What was swallowed is lost.
    pub(crate) fn heal(&self) {
        self.requests(Toxic::Pass);
        self.replies(Toxic::Pass);
        self.door(Door::Open);
    }

    /// What happens to who wants to connect.
    pub(crate) fn door(&self, door: Door) {
        self.order(Order::Door(door));
    }

    /// From now on it stands in front of another server, for who connects.
    pub(crate) fn redirect(&self, server: u16) {
        self.order(Order::Redirect(server));
    }

    /// Ends all connections there are, on both sides.
    pub(crate) fn cut(&self, cut: Cut) {
        self.order(Order::Cut(cut));
    }

    /// What has passed so far.
    pub(crate) fn seen(&self) -> Seen {
        *self.board.seen.lock()
    }

    /// Waits until what it has seen is so.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Seen {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.board.seen.lock();
        while !is_so(&seen) {
            if self.board.changed.wait_until(&mut seen, until).timed_out() {
                panic!("the proxy did not come to see {what}: {:?}", *seen);
            }
        }
        *seen
    }
}

impl Drop for ToxicProxy {
    fn drop(&mut self) {
        let (done, _) = sync_channel(1);
        let _ = self.orders.send((Order::End, done));
        let _ = (&self.wake).write_all(&[0]);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
