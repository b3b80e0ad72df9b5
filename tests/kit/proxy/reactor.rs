//! The thread of a proxy: it alone has the sockets, so it can end them as it likes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use super::flow::{Flow, Next, Toxic};
use super::framing::{Framing, Hint, Side};
use super::{Board, Cut, Door, Order, Whose};

/// A connection of a client, and ours to the server behind it. A deaf one has none.
struct Pair {
    client: TcpStream,
    server: Option<TcpStream>,
    requests: Flow,
    replies: Flow,
    /// How it is to end.
    cut: Option<Cut>,
}

pub(super) struct Reactor {
    port: u16,
    server: u16,
    framing: Framing,
    listener: Option<TcpListener>,
    door: Door,
    requests: Toxic,
    replies: Toxic,
    /// For the next connection only.
    next_replies: Option<Toxic>,
    pairs: Vec<Pair>,
    woken: UnixStream,
    inbox: Receiver<(Order, SyncSender<()>)>,
    board: Arc<Board>,
}

impl Reactor {
    pub(super) fn new(
        listener: TcpListener,
        server: u16,
        framing: Framing,
        woken: UnixStream,
        inbox: Receiver<(Order, SyncSender<()>)>,
        board: Arc<Board>,
    ) -> Reactor {
        let port = listener.local_addr().expect("it listens").port();
        listener.set_nonblocking(true).expect("a socket can be switched");
        woken.set_nonblocking(true).expect("a socket can be switched");
        Reactor {
            port,
            server,
            framing,
            listener: Some(listener),
            door: Door::Open,
            requests: Toxic::Pass,
            replies: Toxic::Pass,
            next_replies: None,
            pairs: Vec::new(),
            woken,
            inbox,
            board,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let now = Instant::now();
            for pair in &mut self.pairs {
                pair.write(now, &self.board);
            }
            self.bury();
            self.wait(now);
            let mut drained = [0; 64];
            while self.woken.read(&mut drained).is_ok_and(|read| read > 0) {}
            while let Ok((order, done)) = self.inbox.try_recv() {
                if let Order::End = order {
                    return;
                }
                self.obey(order);
                let _ = done.send(());
            }
            self.accept();
            for pair in &mut self.pairs {
                pair.read(&self.board);
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self, now: Instant) {
        let mut wake: Option<Instant> = None;
        let mut fds = vec![PollFd::new(&self.woken, PollFlags::IN)];
        fds.extend(self.listener.as_ref().map(|listener| PollFd::new(listener, PollFlags::IN)));
        for pair in &mut self.pairs {
            let mut wanted = [PollFlags::empty(); 2];
            for (number, flow) in [&mut pair.requests, &mut pair.replies].into_iter().enumerate() {
                if flow.has_room() {
                    wanted[number] |= PollFlags::IN;
                }
                match flow.next(now) {
                    Next::Write(_) => wanted[1 - number] |= PollFlags::OUT,
                    Next::Wait(at) => wake = Some(wake.map_or(at, |wake| wake.min(at))),
                    Next::Cut(_) => wake = Some(now),
                    Next::Idle => {}
                }
            }
            // One that nothing is wanted of would still report that its peer is gone, again and again.
            let sockets = [Some(&pair.client), pair.server.as_ref()];
            for (socket, wanted) in sockets.into_iter().zip(wanted) {
                if let Some(socket) = socket
                    && !wanted.is_empty()
                {
                    fds.push(PollFd::from_borrowed_fd(socket.as_fd(), wanted));
                }
            }
        }
        let timeout = wake.map(|wake| wake.saturating_duration_since(now)).map(to_timespec);
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, timeout.as_ref());
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Requests(toxic) => {
                self.requests = toxic;
                self.pairs.iter_mut().for_each(|pair| pair.requests.set(toxic));
            }
            Order::Replies(toxic, Whose::Next) => self.next_replies = Some(toxic),
            Order::Replies(toxic, whose) => {
                if whose == Whose::All {
                    self.replies = toxic;
                    self.next_replies = None;
                }
                self.pairs.iter_mut().for_each(|pair| pair.replies.set(toxic));
            }
            Order::Redirect(server) => self.server = server,
            Order::Door(door) => {
                // Who knocked before is let in, or not, as the door was.
                self.accept();
                self.door = door;
                match door {
                    Door::Closed => self.listener = None,
                    Door::Open | Door::Deaf => {
                        let open = || TcpListener::bind(("127.0.0.1", self.port)).expect("the port is kept for us");
                        let listener = self.listener.take().unwrap_or_else(open);
                        listener.set_nonblocking(true).expect("a socket can be switched");
                        self.listener = Some(listener);
                    }
                }
            }
            Order::Cut(cut) => {
                self.pairs.iter_mut().for_each(|pair| pair.cut = Some(cut));
                self.bury();
            }
            Order::End => {}
        }
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while let Ok((client, _)) = listener.accept() {
            client.set_nonblocking(true).expect("a socket can be switched");
            client.set_nodelay(true).expect("a socket can be switched");
            let server = (self.door == Door::Open).then(|| connect(self.server));
            let replies = self.next_replies.take().unwrap_or(self.replies);
            self.pairs.push(Pair {
                client,
                server,
                requests: Flow::new(self.framing, Side::Client, self.requests),
                replies: Flow::new(self.framing, Side::Server, replies),
                cut: None,
            });
            let mut seen = self.board.seen.lock();
            seen.accepted += 1;
            seen.open += 1;
            self.board.changed.notify_all();
        }
    }

    /// Ends the connections that are to end.
    fn bury(&mut self) {
        let before = self.pairs.len();
        self.pairs.retain(|pair| match pair.cut {
            None => true,
            Some(cut) => {
                for socket in [Some(&pair.client), pair.server.as_ref()].into_iter().flatten() {
                    match cut {
                        // Closed with a linger of zero, a socket sends RST.
                        Cut::Reset => drop(sockopt::set_socket_linger(socket, Some(Duration::ZERO))),
                        Cut::Finish => drop(socket.shutdown(Shutdown::Both)),
                    }
                }
                false
            }
        });
        if self.pairs.len() != before {
            self.board.seen.lock().open = self.pairs.len() as u64;
            self.board.changed.notify_all();
        }
    }
}

/// A connection to the server that may not stand yet. What is wrong with it is told when it is used.
fn connect(port: u16) -> TcpStream {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("the system has room");
    let _ = rustix::net::connect(&socket, &SocketAddrV4::new([127, 0, 0, 1].into(), port));
    let stream = TcpStream::from(socket);
    let _ = stream.set_nodelay(true);
    stream
}

fn to_timespec(duration: Duration) -> Timespec {
    // Rounded up, so that what is waited for has come.
    let duration = duration + Duration::from_micros(50);
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}

impl Pair {
    /// Takes what has come from both sides.
    fn read(&mut self, board: &Board) {
        let mut buffer = [0; 16 << 10];
        for side in [Side::Client, Side::Server] {
            let (from, flow, other) = match side {
                Side::Client => (Some(&mut self.client), &mut self.requests, &mut self.replies),
                Side::Server => (self.server.as_mut(), &mut self.replies, &mut self.requests),
            };
            let Some(from) = from else { continue };
            while flow.has_room() {
                match from.read(&mut buffer) {
                    Ok(0) => flow.ended = true,
                    Ok(read) => {
                        let (hint, swallowed) = flow.push(&buffer[..read], Instant::now());
                        match hint {
                            Hint::None => {}
                            Hint::OneByteAnswer => other.parser().expect_one_byte(),
                            Hint::Encrypted => other.parser().give_up(),
                        }
                        let mut seen = board.seen.lock();
                        match side {
                            Side::Client => seen.requests += read as u64,
                            Side::Server => seen.replies += read as u64,
                        }
                        seen.swallowed += swallowed;
                        board.changed.notify_all();
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // A socket on its way to the server says that it is not connected.
                    Err(error) if error.kind() == ErrorKind::NotConnected => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => {
                        self.cut = Some(Cut::Reset);
                        return;
                    }
                }
            }
        }
    }

    /// Hands on what may go on now.
    fn write(&mut self, now: Instant, board: &Board) {
        for side in [Side::Client, Side::Server] {
            let (to, flow) = match side {
                Side::Client => (self.server.as_mut(), &mut self.requests),
                Side::Server => (Some(&mut self.client), &mut self.replies),
            };
            loop {
                match flow.next(now) {
                    Next::Cut(cut) => {
                        self.cut = Some(cut);
                        return;
                    }
                    Next::Wait(_) | Next::Idle => break,
                    Next::Write(count) => {
                        // Nobody is there to hear: it is as if it had been lost.
                        let Some(to) = &to else { break };
                        match (&**to).write(&flow.bytes(count.min(64 << 10))) {
                            Ok(written) => {
                                let whole = flow.written(written, now);
                                if side == Side::Server {
                                    let mut seen = board.seen.lock();
                                    seen.delivered += written as u64;
                                    seen.messages += whole;
                                    board.changed.notify_all();
                                }
                            }
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) if error.kind() == ErrorKind::NotConnected => break,
                            Err(error) if error.kind() == ErrorKind::Interrupted => {}
                            Err(_) => {
                                self.cut = Some(Cut::Reset);
                                return;
                            }
                        }
                    }
                }
            }
            if flow.ended
                && flow.is_empty()
                && let Some(to) = &to
            {
                let _ = to.shutdown(Shutdown::Write);
            }
        }
        let deaf_and_gone = self.server.is_none() && self.requests.ended;
        let over = self.requests.ended && self.requests.is_empty() && self.replies.ended && self.replies.is_empty();
        if over || deaf_and_gone {
            self.cut = Some(Cut::Finish);
        }
    }
}
