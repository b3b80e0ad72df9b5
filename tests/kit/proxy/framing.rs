//! Where messages begin and end in the stream of a protocol.

/// A protocol whose messages can be told apart, until it turns to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A byte for the kind, then the length, of which it is a part, in four bytes, the greatest first. The first
    /// messages of a client have no kind.
    Postgres,
    /// The length of what follows in three bytes, the smallest first, then a number.
    MySql,
    /// Nothing is known: there are no messages.
    None,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// PostgreSQL's requests for encryption and for a cancel, as they stand where others have a version.
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;

/// MariaDB's flag of a client that goes on with TLS.
const CLIENT_SSL: u32 = 0x800;

/// What a client's message means for how the stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    None,
    /// The server answers with one byte that is no message.
    OneByteAnswer,
    /// From here on nobody can read along.
    Encrypted,
}

/// A message whose header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Where it begins, its length field stands, and it ends, in bytes from the start of the connection.
    pub(super) start: u64,
    pub(super) length_at: u64,
    pub(super) end: u64,
}

/// Follows one side of a connection.
#[derive(Debug)]
pub(super) struct Parser {
    framing: Framing,
    side: Side,
    /// A client of PostgreSQL that has not sent its start message; an encryption was asked for, of a server.
    is_early: bool,
    one_byte: bool,
    /// The bytes of a header that is not whole, and of the little of a message that is looked at.
    head: Vec<u8>,
    message: Option<Message>,
    at: u64,
}

impl Parser {
    pub(super) fn new(framing: Framing, side: Side) -> Parser {
        let is_early = side == Side::Client;
        Parser { framing, side, is_early, one_byte: false, head: Vec::new(), message: None, at: 0 }
    }

    /// The answer to a request for encryption comes next.
    pub(super) fn expect_one_byte(&mut self) {
        self.one_byte = true;
    }

    /// Nothing can be read from here on.
    pub(super) fn give_up(&mut self) {
        self.framing = Framing::None;
        self.head.clear();
    }

    /// Where the header begins that is not whole yet; nothing before it is in doubt.
    pub(super) fn incomplete_from(&self) -> Option<u64> {
        (self.message.is_none() && !self.head.is_empty()).then(|| self.at - self.head.len() as u64)
    }

    /// Takes the next bytes; tells the messages whose headers became whole, and what they mean.
    pub(super) fn take(&mut self, bytes: &[u8], messages: &mut Vec<Message>) -> Hint {
        let mut hint = Hint::None;
        for byte in bytes {
            self.at += 1;
            if self.framing == Framing::None {
                continue;
            }
            if std::mem::take(&mut self.one_byte) {
                if *byte == b'S' || *byte == b'G' {
                    self.give_up();
                    hint = Hint::Encrypted;
                }
                continue;
            }
            let looked_at = match self.message {
                None => true,
                // Enough for the code of PostgreSQL's early messages and for MariaDB's flags.
                Some(_) => self.is_early && self.head.len() < 8,
            };
            if looked_at {
                self.head.push(*byte);
            }
            if self.message.is_none() {
                self.message = self.header();
                messages.extend(self.message);
            }
            if let Some(message) = self.message
                && self.at >= message.end
            {
                let meant = self.finished();
                if meant != Hint::None {
                    hint = meant;
                }
                self.head.clear();
                self.message = None;
            }
        }
        hint
    }

    /// The message that the header tells of, once it is whole.
    fn header(&self) -> Option<Message> {
        let head = &self.head;
        let start = self.at - head.len() as u64;
        let big = |bytes: &[u8]| u64::from(u32::from_be_bytes(bytes.try_into().expect("four bytes")));
        match self.framing {
            Framing::Postgres if self.is_early && self.side == Side::Client => {
                (head.len() == 4).then(|| Message { start, length_at: start, end: start + big(head).max(4) })
            }
            Framing::Postgres => (head.len() == 5).then(|| Message {
                start,
                length_at: start + 1,
                end: start + 1 + big(&head[1..]).max(4),
            }),
            Framing::MySql => (head.len() == 4).then(|| {
                let length = u64::from(head[0]) | u64::from(head[1]) << 8 | u64::from(head[2]) << 16;
                Message { start, length_at: start, end: start + 4 + length }
            }),
            Framing::None => None,
        }
    }

    /// What a client's first messages mean.
    fn finished(&mut self) -> Hint {
        if !self.is_early || self.side == Side::Server {
            return Hint::None;
        }
        let code = self.head.get(4..8).map_or([0; 4], |code| code.try_into().expect("four bytes"));
        match self.framing {
            Framing::Postgres => match u32::from_be_bytes(code) {
                SSL | GSS => Hint::OneByteAnswer,
                CANCEL => Hint::None,
                _ => {
                    self.is_early = false;
                    Hint::None
                }
            },
            Framing::MySql => {
                self.is_early = false;
                let encrypted = u32::from_le_bytes(code) & CLIENT_SSL != 0;
                if encrypted {
                    self.give_up();
                }
                if encrypted { Hint::Encrypted } else { Hint::None }
            }
            Framing::None => Hint::None,
        }
    }
}
