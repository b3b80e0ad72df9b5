//! Messages in packets: a header of eight bytes, and whether more comes.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// What a message is.
pub(super) mod kind {
    pub(crate) const BATCH: u8 = 1;
    pub(crate) const RPC: u8 = 3;
    pub(crate) const ANSWER: u8 = 4;
    pub(crate) const ATTENTION: u8 = 6;
    pub(crate) const TRANSACTION: u8 = 14;
    pub(crate) const LOGIN: u8 = 16;
    pub(crate) const PRELOGIN: u8 = 18;
}

const HEADER: usize = 8;

/// The last packet of a message; a message that its sender gave up.
const END: u8 = 1;
const IGNORE: u8 = 2;

/// The size that clients are told to use, header and all.
pub(super) const SIZE: usize = 4096;

/// A whole message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// Reads the packets of the next one.
    pub(super) fn read(stream: &mut impl Read) -> io::Result<Message> {
        let mut body = Vec::new();
        loop {
            let mut header = [0; HEADER];
            stream.read_exact(&mut header)?;
            let [kind, status, high, low, ..] = header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            let begin = body.len();
            let payload = length.checked_sub(HEADER).ok_or(io::ErrorKind::InvalidData)?;
            body.resize(begin + payload, 0);
            stream.read_exact(&mut body[begin..])?;
            if status & END == 0 {
                continue;
            }
            if status & IGNORE == 0 {
                return Ok(Message { kind, body });
            }
            body.clear();
        }
    }
}

/// Writes messages to a client.
pub(super) struct Writer {
    stream: TcpStream,
    waiting: Vec<u8>,
    number: u8,
}

impl Writer {
    pub(super) fn new(stream: TcpStream) -> Writer {
        Writer { stream, waiting: Vec::new(), number: 0 }
    }

    /// Adds to the message, and sends the packets that are full.
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() > SIZE - HEADER {
            let rest = self.waiting.split_off(SIZE - HEADER);
            self.send(0)?;
            self.waiting = rest;
        }
        Ok(())
    }

    /// Sends what there is, as a packet that is not the last one.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.send(0) }
    }

    /// Ends the message.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.send(END)
    }

    /// Forgets what was not sent yet.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    fn send(&mut self, status: u8) -> io::Result<()> {
        self.number = self.number.wrapping_add(1);
        let length = u16::try_from(HEADER + self.waiting.len()).expect("a packet is no longer than its size");
        let [high, low] = length.to_be_bytes();
        let mut packet = vec![kind::ANSWER, status, high, low, 0, 52, self.number, 0];
        packet.append(&mut self.waiting);
        self.stream.write_all(&packet)
    }
}

/// Reads the fields of a message.
pub(super) struct Fields<'m>(pub(super) &'m [u8]);

impl<'m> Fields<'m> {
    pub(super) fn take(&mut self, count: usize) -> io::Result<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many as were taken"))
    }

    pub(super) fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> io::Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// So many characters of UTF-16.
    pub(super) fn text(&mut self, characters: usize) -> io::Result<String> {
        text_of(self.take(characters * 2)?)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// UTF-16 as it stands on the wire.
pub(super) fn text_of(bytes: &[u8]) -> io::Result<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The other way.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
