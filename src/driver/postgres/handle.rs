//! What can be done to a connection while it is busy: asking the server to end the statement, and cutting the wire.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustls::{ClientConnection, StreamOwned};

use super::tls::Tls;
use super::wire::{SSL_REQUEST, Wire};
use crate::driver::{Fence, Handle};

/// A request to cancel, by the number that stands in place of a version.
const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];

/// How the server is reached to end what runs on a connection.
pub(super) enum Reach {
    /// Over TCP, with the TLS that the connection has.
    Tcp { address: SocketAddr, tls: Option<Tls> },
    /// As the client library does it, which does not wait for the server.
    Unix(postgres::CancelToken),
}

/// Reaches one connection from other threads.
pub(super) struct PgHandle {
    wire: Arc<Wire>,
    reach: Reach,
    turns: Mutex<Turns>,
    changed: Condvar,
}

/// Who speaks to the server beside the statement that runs.
#[derive(Default)]
struct Turns {
    /// A cancel is on its way; one at a time.
    sending: bool,
    /// What runs is short, and a cancel would do harm.
    quiet: bool,
}

/// How long a cancel waits for what is short to end by itself.
const PATIENCE: Duration = Duration::from_millis(50);

impl PgHandle {
    pub(super) fn new(wire: Arc<Wire>, reach: Reach) -> PgHandle {
        PgHandle { wire, reach, turns: Mutex::default(), changed: Condvar::new() }
    }

    /// Holds cancels back for what is over in a moment, such as setting a savepoint: hit by a cancel, it would end the
    /// transaction that it stands in. What takes longer than a moment is cancelled all the same. Waits for a cancel that is
    /// on its way.
    pub(super) fn quiet(&self) -> Quiet<'_> {
        let mut turns = self.turns.lock();
        while turns.sending {
            self.changed.wait(&mut turns);
        }
        turns.quiet = true;
        Quiet(self)
    }

    /// Whether a cancel is still to be sent; if so, it is this one's turn.
    fn takes_turn(&self, until: Instant) -> Option<bool> {
        let mut turns = self.turns.lock();
        if turns.quiet {
            let patience = until.min(Instant::now() + PATIENCE);
            self.changed.wait_while_until(&mut turns, |turns| turns.quiet, patience);
            if !turns.quiet {
                return Some(false);
            }
        }
        if self.changed.wait_while_until(&mut turns, |turns| turns.sending, until).timed_out() {
            return None;
        }
        turns.sending = true;
        Some(true)
    }

    /// Asks the server to end the running statement, and reads until the server has closed the connection that this was asked
    /// on. It does so after it has signalled the process that runs the statement; a signal that finds it between two
    /// statements has no effect. So the request can hit nothing that is sent later.
    fn ask(&self, address: &SocketAddr, tls: Option<&Tls>, until: Instant) -> io::Result<()> {
        let key = self.wire.key().ok_or(io::ErrorKind::NotConnected)?;
        let mut stream = Timed { stream: TcpStream::connect_timeout(address, left(until)?)?, until };
        stream.stream.set_nodelay(true)?;
        let request = [CANCEL_REQUEST, key].concat();
        match tls {
            None => stream.ask(&request),
            Some(tls) => {
                if !tls.direct {
                    stream.write_all(&SSL_REQUEST)?;
                    let mut answer = [0];
                    stream.read_exact(&mut answer)?;
                    if answer != *b"S" {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                let client =
                    ClientConnection::new(Arc::clone(&tls.config), tls.name.clone()).map_err(io::Error::other)?;
                StreamOwned::new(client, stream).ask(&request)
            }
        }
    }
}

/// For as long as this is there, cancels are held back.
pub(super) struct Quiet<'h>(&'h PgHandle);

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        self.0.turns.lock().quiet = false;
        self.0.changed.notify_all();
    }
}

/// The turn of a cancel.
struct Turn<'h>(&'h PgHandle);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turns.lock().sending = false;
        self.0.changed.notify_all();
    }
}

/// Sends a request and reads until the other end closes.
trait Ask: Read + Write {
    fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.write_all(request)?;
        self.flush()?;
        let mut rest = [0; 64];
        loop {
            match self.read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // A server that ends without a good-bye of TLS has ended all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl<S: Read + Write> Ask for S {}

/// A socket whose every step ends at the same moment.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

/// What is left of the time; an error once it is over.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Read for Timed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        self.stream.read(buf)
    }
}

impl Write for Timed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        // The system closes the socket in any case.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Handle for PgHandle {
    fn cancel(&self, until: Instant) -> Fence {
        match self.takes_turn(until) {
            None => return Fence::NotFenced,
            // It ended by itself; what comes next looks whether it is wanted.
            Some(false) => return Fence::Fenced,
            Some(true) => {}
        }
        let _turn = Turn(self);
        match &self.reach {
            Reach::Tcp { address, tls } => match self.ask(address, tls.as_ref(), until) {
                Ok(()) => Fence::Fenced,
                Err(_) => Fence::NotFenced,
            },
            Reach::Unix(token) => {
                // It comes back before the server has acted, so there is no proof.
                let _ = token.cancel_query(postgres::NoTls);
                Fence::NotFenced
            }
        }
    }

    fn sever(&self) -> bool {
        self.wire.sever()
    }
}
