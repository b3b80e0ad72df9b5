//! The sockets of a connection: how they come to be, and frames on them.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::{Body, Frame, MAX, garbage};
use crate::error::{Error, ErrorKind, Result};

/// The version of the protocol.
pub(super) const VERSION: u16 = 1;

const HELLO: u8 = 0x01;
const WELCOME: u8 = 0x02;
const MAGIC: &[u8] = b"PNTN";

/// The longest hello that is read.
const LONGEST_HELLO: usize = 1024;

/// How long a host is waited for between two looks at whether it lives.
const LOOK: Duration = Duration::from_millis(20);

/// What a host proves itself with.
pub(super) type Token = [u8; 32];

/// How a host packs rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Tagged,
    Marshal,
}

/// What a host says of itself.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) packing: Packing,
}

/// A socket with the time by which a read or a write on it ends.
pub(super) struct Timed<'s> {
    pub(super) stream: &'s UnixStream,
    pub(super) until: Option<Instant>,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a frame of at most `most` bytes into `room`: its type and its body.
///
/// What it says of its length is not believed: room is made as the bytes come.
pub(super) fn read_frame<'r>(
    from: &mut impl Read,
    room: &'r mut Vec<u8>,
    most: usize,
) -> Result<(u8, Body<'r>), Failure> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length == 0 || length > most {
        return Err(Failure::Garbage(garbage(format_args!("a message of {length} bytes"))));
    }
    room.clear();
    from.take(length as u64).read_to_end(room)?;
    match room.split_first() {
        Some((kind, body)) if room.len() == length => Ok((*kind, Body(body))),
        _ => Err(Failure::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// Why no frame could be read.
#[derive(Debug)]
pub(super) enum Failure {
    Io(io::Error),
    Garbage(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

/// Where a host connects to, for one connection.
pub(super) struct Meeting<'p> {
    listener: UnixListener,
    path: &'p Path,
}

impl<'p> Meeting<'p> {
    /// # Errors
    /// When the socket cannot be made.
    pub(super) fn at(path: &'p Path) -> io::Result<Meeting<'p>> {
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Meeting { listener, path })
    }

    /// Waits for the host: its data socket, then its side socket. `ended` says that it will never come.
    ///
    /// # Errors
    /// `Timeout` past the time; `ConnectFailed` when it has ended; `Config` when it is of another version.
    pub(super) fn wait(
        &self,
        token: &Token,
        number: u32,
        until: Option<Instant>,
        ended: &dyn Fn() -> Option<Error>,
    ) -> Result<(UnixStream, UnixStream, Hello)> {
        let (mut data, mut side) = (None, None);
        loop {
            let stream = self.accept(until, ended)?;
            match welcome(&stream, token, number, until) {
                Ok((0, hello)) => data = Some((stream, hello)),
                Ok((_, _)) => side = Some(stream),
                // Whoever it was, it was not the host.
                Err(Stranger::Unknown) => {}
                Err(Stranger::Version(error)) => return Err(error),
            }
            match (data, side) {
                (Some((data, hello)), Some(side)) => return Ok((data, side, hello)),
                rest => (data, side) = rest,
            }
        }
    }

    fn accept(&self, until: Option<Instant>, ended: &dyn Fn() -> Option<Error>) -> Result<UnixStream> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).map_err(broken)?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(broken(error)),
            }
            if let Some(error) = ended() {
                return Err(error);
            }
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()).min(LOOK));
            if left.is_zero() {
                return Err(Error::new(ErrorKind::Timeout, "the deadline passed while the driver's process started"));
            }
            let patience = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
            // Interrupted or not, the next round looks.
            let _ = poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], Some(&patience));
        }
    }
}

impl Drop for Meeting<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path);
    }
}

#[cold]
fn broken(error: io::Error) -> Error {
    Error::new(ErrorKind::ConnectFailed, "the driver's process could not be met").with_source(error)
}

enum Stranger {
    Unknown,
    Version(Error),
}

/// Reads a hello and answers it: which socket it is, and what the host says.
fn welcome(stream: &UnixStream, token: &Token, number: u32, until: Option<Instant>) -> Result<(u8, Hello), Stranger> {
    let mut timed = Timed { stream, until };
    let mut room = Vec::new();
    let (kind, body) = read_frame(&mut timed, &mut room, LONGEST_HELLO).map_err(|_| Stranger::Unknown)?;
    let (which, hello) = read_hello(kind, body, token, number)?;
    let mut frame = Frame::new(WELCOME);
    frame.u16(VERSION);
    let sent = frame.finish().map_err(Stranger::Version)?;
    timed.write_all(&sent).map_err(|_| Stranger::Unknown)?;
    stream.set_read_timeout(None).and_then(|()| stream.set_write_timeout(None)).map_err(|_| Stranger::Unknown)?;
    Ok((which, hello))
}

fn read_hello(kind: u8, mut body: Body<'_>, token: &Token, number: u32) -> Result<(u8, Hello), Stranger> {
    let unknown = |_| Stranger::Unknown;
    if kind != HELLO || body.raw(4).map_err(unknown)? != MAGIC {
        return Err(Stranger::Unknown);
    }
    let version = body.u16().map_err(unknown)?;
    let given = body.raw(32).map_err(unknown)?;
    // All of it is compared whatever its beginning is.
    if given.iter().zip(token).fold(0, |sum, (a, b)| sum | (a ^ b)) != 0 {
        return Err(Stranger::Unknown);
    }
    if version != VERSION {
        return Err(Stranger::Version(Error::new(
            ErrorKind::Config,
            format!(
                "the driver's process speaks version {version} of the protocol, and this library version {VERSION}; \
                 it was started from another version of the library"
            ),
        )));
    }
    let its_number = body.u32().map_err(unknown)?;
    let which = body.u8().map_err(unknown)?;
    let packing = match body.u8().map_err(unknown)? {
        0 => Packing::Tagged,
        1 => Packing::Marshal,
        _ => return Err(Stranger::Unknown),
    };
    // What it runs on: for people who look at what passes.
    body.text().map_err(unknown)?;
    if its_number != number || which > 1 || body.end().is_err() {
        return Err(Stranger::Unknown);
    }
    Ok((which, Hello { packing }))
}

/// A data socket that frames are read from and written to.
pub(super) struct Line(BufReader<UnixStream>);

impl Line {
    pub(super) fn new(stream: UnixStream) -> Line {
        Line(BufReader::with_capacity(64 << 10, stream))
    }

    /// From now on each read and write ends by then.
    pub(super) fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        let patience = patience.map(|patience| patience.max(Duration::from_millis(1)));
        self.0.get_ref().set_read_timeout(patience)?;
        self.0.get_ref().set_write_timeout(patience)
    }

    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(frame)
    }

    /// The next frame: its type, and its body with the type in front of it.
    pub(super) fn receive(&mut self) -> Result<(u8, Vec<u8>), Failure> {
        let mut room = Vec::new();
        let (kind, _) = read_frame(&mut self.0, &mut room, MAX)?;
        Ok((kind, room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(version: u16, token: &Token, number: u32, which: u8) -> Vec<u8> {
        let mut frame = Frame::new(HELLO);
        frame.raw(MAGIC).u16(version).raw(token).u32(number).u8(which).u8(1).text("CPython 3.11.2");
        frame.finish().expect("short")
    }

    fn read(bytes: &[u8]) -> Result<(u8, Hello), Stranger> {
        read_hello(bytes[4], Body(&bytes[5..]), &[7; 32], 3)
    }

    #[test]
    fn a_hello_is_believed_with_its_token_alone() {
        let (which, said) = read(&hello(1, &[7; 32], 3, 1)).ok().expect("it is the host");
        assert_eq!((which, said.packing), (1, Packing::Marshal));
        for stranger in [hello(1, &[8; 32], 3, 0), hello(2, &[8; 32], 3, 0), hello(1, &[7; 32], 4, 0)] {
            assert!(matches!(read(&stranger), Err(Stranger::Unknown)));
        }
        let Err(Stranger::Version(error)) = read(&hello(9, &[7; 32], 3, 0)) else { panic!("another version") };
        assert!(error.to_string().contains("speaks version 9"), "{error}");
    }

    #[test]
    fn a_length_makes_no_room() {
        let mut room = Vec::new();
        let mut bytes: &[u8] = &[0x3f, 0xff, 0xff, 0xff, 1, 2];
        assert!(matches!(read_frame(&mut bytes, &mut room, MAX), Err(Failure::Io(_))));
        assert!(room.capacity() < 4096, "{}", room.capacity());
        let mut bytes: &[u8] = &[0x40, 0, 0, 0, 1];
        assert!(matches!(read_frame(&mut bytes, &mut room, MAX), Err(Failure::Garbage(_))));
    }
}
