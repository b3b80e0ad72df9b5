//! The socket of a connection, in our hands.
//!
//! The client library makes its own TCP connection and hands it to whoever is to do TLS. That is us, always, also when
//! there is no TLS in the end: so every byte passes here. It gives the connection what the library lacks:
//!
//! - it can be **severed** from another thread, however deep in a read it is;
//! - it **ends at a deadline** while it is being made, TLS and login included;
//! - its **state** is known, by the byte that the server ends each answer with ([`Traffic`]);
//! - its **rows** are read where they come, many at a time ([`Tap`]);
//! - its **answers** are looked out for before the thread sleeps, where they come soon ([`Patience`]).
//!
//! The library never asks for TLS on a Unix socket, so none of this holds there.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use parking_lot::Mutex;
use pontoon_bridge::{Look, Patience};
use postgres::Socket;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Sleep, sleep_until};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Encrypted;

use super::pipeline::Ahead;
use super::tap::{Inbox, Kept, Tap};
use super::tls::{Tls, channel_binding_of};
use super::traffic::Traffic;

/// Asks a server for TLS: the length, and the number that stands in place of a version.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What a connection and those who watch over it share.
#[derive(Debug)]
pub(super) struct Wire {
    severed: AtomicBool,
    /// Whether the deadline of the connecting still counts.
    connecting: AtomicBool,
    deadline: Option<Instant>,
    waker: Mutex<Option<Waker>>,
    traffic: Mutex<Traffic>,
    /// What takes the rows of the result that is being read. Used by the thread of the connection alone.
    kept: Mutex<Option<Kept>>,
    /// How soon answers come.
    patience: Patience,
    looking: Mutex<Looking>,
    /// Whether the stream went through here: not on Unix sockets.
    plugged: AtomicBool,
    encrypted: AtomicBool,
}

/// Whether the next bytes from the server are being looked out for.
#[derive(Debug)]
enum Looking {
    NotYet,
    Looks(Look),
    /// It has been, or does not pay.
    Sleeps,
}

impl Wire {
    /// For a connection that is to be made by `deadline`. `refuses_cleartext`: a password is not sent in clear where the
    /// connection is not encrypted.
    pub(super) fn new(deadline: Option<Instant>, refuses_cleartext: bool) -> Arc<Wire> {
        Arc::new(Wire {
            severed: AtomicBool::new(false),
            connecting: AtomicBool::new(true),
            deadline,
            waker: Mutex::new(None),
            traffic: Mutex::new(Traffic::new(refuses_cleartext)),
            kept: Mutex::new(None),
            patience: Patience::of_a_worker(),
            looking: Mutex::new(Looking::NotYet),
            plugged: AtomicBool::new(false),
            encrypted: AtomicBool::new(false),
        })
    }

    /// The connection is made: its deadline is over.
    pub(super) fn connected(&self) {
        self.connecting.store(false, Ordering::Release);
    }

    /// Breaks the connection; whoever reads or writes returns with an error, now and from now on. False where the stream does
    /// not pass here.
    pub(super) fn sever(&self) -> bool {
        self.severed.store(true, Ordering::SeqCst);
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
        self.plugged.load(Ordering::Acquire)
    }

    pub(super) fn is_severed(&self) -> bool {
        self.severed.load(Ordering::SeqCst)
    }

    pub(super) fn is_plugged(&self) -> bool {
        self.plugged.load(Ordering::Acquire)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted.load(Ordering::Acquire)
    }

    /// The server's word on the transaction, if all requests have been answered.
    pub(super) fn status(&self) -> Option<u8> {
        (!self.is_severed()).then(|| self.traffic.lock().status()).flatten()
    }

    /// Whether an answer is still to come that does not depend on us.
    pub(super) fn is_waiting(&self) -> bool {
        !self.is_severed() && self.traffic.lock().is_waiting()
    }

    pub(super) fn key(&self) -> Option<[u8; 8]> {
        self.traffic.lock().key()
    }

    /// Results are asked for as text until this is undone.
    pub(super) fn ask_for_text(&self, text: bool) {
        self.traffic.lock().wants_text = text;
    }

    /// The next statement that is prepared is only described, and leaves nothing in the session.
    pub(super) fn describe_only(&self, only: bool) {
        self.traffic.lock().describes = only;
    }

    /// Has the rows of the next result taken by this; false where they do not pass here, or something else may come first.
    pub(super) fn set_tap(&self, tap: Tap) -> bool {
        let can_be = self.is_plugged() && self.status().is_some();
        if can_be {
            *self.kept.lock() = Some(Kept::Rows(tap));
        }
        can_be
    }

    pub(super) fn end_tap(&self) {
        let kept = self.kept.lock().take();
        drop(kept);
        self.rest();
    }

    /// Nobody waits for the moment: whoever looked out for an answer makes room for others.
    pub(super) fn rest(&self) {
        *self.looking.lock() = Looking::NotYet;
    }

    /// These messages go before the next statement that the client sends with its text, and the answers to them are kept.
    pub(super) fn send_ahead(&self, messages: Vec<u8>, answers: Ahead) {
        self.traffic.lock().ahead = messages;
        *self.kept.lock() = Some(Kept::Answers(answers));
    }

    /// What has come of them; nothing where they were not even sent.
    pub(super) fn end_ahead(&self) -> Option<Ahead> {
        let unsent = std::mem::take(&mut self.traffic.lock().ahead);
        let kept = self.kept.lock().take();
        self.rest();
        match kept {
            Some(Kept::Answers(ahead)) if unsent.is_empty() => Some(ahead),
            _ => None,
        }
    }

    /// Does something to the tap that there is, between two answers of the client.
    pub(super) fn with_tap<T>(&self, what: impl FnOnce(&mut Tap) -> T) -> Option<T> {
        self.rest();
        match self.kept.lock().as_mut() {
            Some(Kept::Rows(tap)) => Some(what(tap)),
            _ => None,
        }
    }

    /// Nothing has come. Looks out for a moment, in place of falling asleep, if an answer is still to come and that has
    /// paid before: the reactor asks the system and comes back here at once.
    fn look_out(&self, cx: &Context<'_>) {
        if !self.traffic.lock().is_waiting() {
            return;
        }
        let mut looking = self.looking.lock();
        if let Looking::NotYet = &*looking {
            *looking = self.patience.begin(None).map_or(Looking::Sleeps, Looking::Looks);
        }
        match &*looking {
            Looking::Looks(look) if look.goes_on() => cx.waker().wake_by_ref(),
            _ => *looking = Looking::Sleeps,
        }
    }

    /// Something has come.
    fn looked_out(&self) {
        if let Looking::Looks(_) = std::mem::replace(&mut *self.looking.lock(), Looking::NotYet) {
            self.patience.found();
        }
    }

    fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }
}

fn severed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was broken off from this side")
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server did not finish the handshake in time")
}

/// A stream that ends when its wire is severed, and at its deadline.
pub(super) struct Guarded<S> {
    stream: S,
    wire: Arc<Wire>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    fn new(stream: S, wire: Arc<Wire>) -> Guarded<S> {
        let sleep = wire.deadline.map(|deadline| Box::pin(sleep_until(deadline.into())));
        Guarded { stream, wire, sleep }
    }

    /// Looks whether it is over, after the stream had nothing to say; wakes when it is.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(sleep) = &mut self.sleep {
            if !self.wire.connecting.load(Ordering::Acquire) {
                self.sleep = None;
            } else if sleep.as_mut().poll(cx).is_ready() {
                return Err(late());
            }
        }
        self.wire.listen(cx);
        // Asked after the waker is in its place: whoever severs sets the flag first.
        if self.wire.is_severed() { Err(severed()) } else { Ok(()) }
    }

    fn or_over<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => match self.check(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }

    fn refuse_if_severed(&self) -> io::Result<()> {
        if self.wire.is_severed() { Err(severed()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.refuse_if_severed()?;
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.or_over(cx, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.refuse_if_severed()?;
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.or_over(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse_if_severed()?;
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.or_over(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse_if_severed()?;
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.or_over(cx, polled)
    }
}

/// A stream, encrypted or not.
enum Transport {
    Plain(Guarded<Socket>),
    Tls(Box<Encrypted<Guarded<Socket>>>),
}

/// What the client library talks to.
pub(super) struct WireStream {
    transport: Transport,
    wire: Arc<Wire>,
    inbox: Inbox,
    binding: Option<Vec<u8>>,
    /// What was taken from the client, changed, and is not sent yet.
    unsent: Vec<u8>,
}

impl WireStream {
    fn new(transport: Transport, wire: Arc<Wire>, binding: Option<Vec<u8>>) -> WireStream {
        WireStream { transport, wire, inbox: Inbox::default(), binding, unsent: Vec::new() }
    }

    /// Writes bytes as they are, and counts them as sent.
    fn send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(written)) = &polled {
            self.wire.traffic.lock().sent(&bytes[..*written])?;
            // Reading was asked first, when there was nothing to wait for yet.
            self.wire.look_out(cx);
        }
        polled
    }

    /// Sends what was taken before.
    fn send_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let bytes = std::mem::take(&mut self.unsent);
            let polled = self.send(cx, &bytes);
            self.unsent = bytes;
            match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => drop(self.unsent.drain(..written)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Transport {
    fn poll_read(&mut self, cx: &mut Context<'_>, wire: &Wire, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = match self {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        match &polled {
            Poll::Pending => wire.look_out(cx),
            Poll::Ready(_) => wire.looked_out(),
        }
        polled
    }
}

impl AsyncRead for WireStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let WireStream { transport, wire, inbox, .. } = &mut *self;
        let before = buf.filled().len();
        let mut kept = wire.kept.lock();
        if kept.is_none() && inbox.is_empty() {
            drop(kept);
            let polled = transport.poll_read(cx, wire, buf);
            if let Poll::Ready(Ok(())) = &polled {
                wire.traffic.lock().received(&buf.filled()[before..])?;
            }
            return polled;
        }
        loop {
            inbox.pass(kept.as_mut(), buf)?;
            if buf.filled().len() > before {
                wire.traffic.lock().received(&buf.filled()[before..])?;
                return Poll::Ready(Ok(()));
            }
            if matches!(kept.as_ref(), Some(Kept::Rows(tap)) if tap.holds()) {
                // Nobody need be woken: the client has what makes it come back, and then asks again.
                return Poll::Pending;
            }
            let mut room = ReadBuf::new(inbox.room());
            match transport.poll_read(cx, wire, &mut room) {
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                    let came = room.filled().len();
                    inbox.came(came);
                }
                ended_or_pending => return ended_or_pending,
            }
        }
    }
}

impl AsyncWrite for WireStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.send_unsent(cx))?;
        let whole = self.wire.traffic.lock().changed_as_a_whole(buf);
        if let Some(bytes) = whole {
            self.unsent = bytes;
            // What is left of it goes with the flush that follows.
            if let Poll::Ready(Err(error)) = self.send_unsent(cx) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(buf.len()));
        }
        let changed = self.wire.traffic.lock().asking_for_text(buf);
        self.send(cx, changed.as_deref().unwrap_or(buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.send_unsent(cx))?;
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl TlsStream for WireStream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.binding {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.clone()),
            None => ChannelBinding::none(),
        }
    }
}

/// What is handed to the client library as its TLS: takes the socket of a TCP connection, and does what `sslmode` says.
#[derive(Clone)]
pub(super) struct Plug {
    pub(super) wire: Arc<Wire>,
    /// `None` for no TLS at all.
    pub(super) tls: Option<Tls>,
    /// Whether the password may be sent as it is to a server that has proved nothing, over TLS.
    pub(super) trusts: bool,
}

impl MakeTlsConnect<Socket> for Plug {
    type Stream = WireStream;
    type TlsConnect = Plug;
    type Error = io::Error;

    fn make_tls_connect(&mut self, _domain: &str) -> Result<Plug, io::Error> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Plug {
    type Stream = WireStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<WireStream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(self.plug(socket))
    }
}

impl Plug {
    async fn plug(self, socket: Socket) -> io::Result<WireStream> {
        let Plug { wire, tls, trusts } = self;
        wire.plugged.store(true, Ordering::Release);
        let mut stream = Guarded::new(socket, Arc::clone(&wire));
        let Some(tls) = tls else {
            return Ok(WireStream::new(Transport::Plain(stream), wire, None));
        };
        if !tls.direct {
            stream.write_all(&SSL_REQUEST).await?;
            stream.flush().await?;
            // One byte and no more: what follows it in clear must not be taken for what follows it encrypted.
            match stream.read_u8().await? {
                b'S' => {}
                b'N' if tls.optional => {
                    return Ok(WireStream::new(Transport::Plain(stream), wire, None));
                }
                b'N' => return Err(NoTls::NotOffered.into()),
                // A server from before TLS answers with an error.
                b'E' => return Err(NoTls::NotOffered.into()),
                _ => return Err(NoTls::NotPostgres.into()),
            }
        }
        let encrypted =
            TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), stream).await.map_err(|error| {
                if error.kind() == io::ErrorKind::TimedOut { error } else { NoTls::Failed(error).into() }
            })?;
        wire.encrypted.store(true, Ordering::Release);
        wire.traffic.lock().encrypted(tls.verified || trusts);
        let binding = encrypted.get_ref().1.peer_certificates().and_then(|chain| channel_binding_of(chain.first()?));
        Ok(WireStream::new(Transport::Tls(Box::new(encrypted)), wire, binding))
    }
}

/// Why there is no TLS.
#[derive(Debug)]
pub(super) enum NoTls {
    /// The server has none.
    NotOffered,
    /// The answer was none that a PostgreSQL server gives.
    NotPostgres,
    /// It could not be agreed on.
    Failed(io::Error),
}

impl std::fmt::Display for NoTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoTls::NotOffered => f.write_str("the server does not offer TLS"),
            NoTls::NotPostgres => {
                f.write_str("the answer to the request for TLS is none that a PostgreSQL server gives")
            }
            NoTls::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for NoTls {}

impl From<NoTls> for io::Error {
    fn from(no: NoTls) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, no)
    }
}
