//! What passes over a connection, seen from outside: where messages begin and end, and the few that tell something the
//! client library keeps to itself.
//!
//! PostgreSQL says after each request, in ReadyForQuery, whether a transaction is open. The client drops that byte. It is
//! the only proof there is, so it is read here, and believed only when every request that was sent has had its answer.

use std::io;

/// No message of a login is nearly as long; what claims to be is no PostgreSQL server.
const LONGEST_IN_LOGIN: u32 = 64 * 1024;

/// The server's own limit for a message. A length beyond it is no length, and nothing is allocated for it.
const LONGEST: u32 = 0x4000_0000;

/// Whether a message can have this length, once the login is over.
pub(super) fn is_length(length: u32) -> bool {
    (4..=LONGEST).contains(&length)
}

/// One direction: the frame that is being passed, of which nothing is kept but its head.
#[derive(Clone, Debug, Default)]
struct Frames {
    header: [u8; 5],
    header_len: usize,
    /// Bytes of the payload still to come.
    left: usize,
    head: [u8; 8],
    head_len: usize,
}

/// A whole message: its type and the first bytes of its payload.
struct Seen {
    kind: u8,
    head: [u8; 8],
    head_len: usize,
}

impl Frames {
    fn is_between_messages(&self) -> bool {
        self.header_len == 0
    }

    /// Passes bytes; tells of each message that ends in them, and where. `untyped` is for the first message of a client, which
    /// has no type.
    fn pass(
        &mut self,
        bytes: &[u8],
        untyped: &mut bool,
        limit: u32,
        mut each: impl FnMut(&Seen, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            let header_len = if *untyped { 4 } else { 5 };
            if self.header_len < header_len {
                let take = (header_len - self.header_len).min(bytes.len() - at);
                self.header[self.header_len..self.header_len + take].copy_from_slice(&bytes[at..at + take]);
                self.header_len += take;
                at += take;
                if self.header_len < header_len {
                    return Ok(());
                }
                let length = match *untyped {
                    true => [self.header[0], self.header[1], self.header[2], self.header[3]],
                    false => [self.header[1], self.header[2], self.header[3], self.header[4]],
                };
                let length = u32::from_be_bytes(length);
                if !(4..=limit).contains(&length) {
                    return Err(Strange::Length.into());
                }
                self.left = length as usize - 4;
                self.head_len = 0;
            }
            let take = self.left.min(bytes.len() - at);
            let keep = take.min(self.head.len() - self.head_len);
            self.head[self.head_len..self.head_len + keep].copy_from_slice(&bytes[at..at + keep]);
            self.head_len += keep;
            self.left -= take;
            at += take;
            if self.left == 0 {
                let kind = if *untyped { 0 } else { self.header[0] };
                *untyped = false;
                self.header_len = 0;
                each(&Seen { kind, head: self.head, head_len: self.head_len }, at)?;
            }
        }
        Ok(())
    }
}

/// Why the other end is not believed to be a PostgreSQL server, or not talked to any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strange {
    /// A message has a length that none has.
    Length,
    /// A message came that does not belong into a login.
    NotALogin(u8),
    /// The password was asked for in clear, by who has not proved to be the server, or for all on the way to hear.
    CleartextPassword,
}

impl std::fmt::Display for Strange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Strange::Length => {
                f.write_str("a message has an impossible length: the other end does not speak PostgreSQL's protocol")
            }
            Strange::NotALogin(kind) => write!(
                f,
                "a message of type {:?} came during the login: the other end does not speak PostgreSQL's protocol",
                char::from(*kind)
            ),
            Strange::CleartextPassword => f.write_str(
                "the server asks for the password in clear, and was not asked to prove who it is; it was not sent: let the \
                 server use scram-sha-256, set sslmode=verify-full, or switch on the option cleartext_password, which is \
                 heeded on this machine and over TLS",
            ),
        }
    }
}

impl std::error::Error for Strange {}

impl From<Strange> for io::Error {
    fn from(strange: Strange) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, strange)
    }
}

/// Both directions of one connection.
#[derive(Debug)]
pub(super) struct Traffic {
    incoming: Frames,
    outgoing: Frames,
    /// Whether the startup message is still to be sent.
    startup: bool,
    logged_in: bool,
    refuses_cleartext: bool,
    /// Requests sent that have not been answered by a ReadyForQuery.
    outstanding: u32,
    /// The byte of the last ReadyForQuery.
    status: u8,
    /// Whether the server reads rows from us, and nothing else, until it is told that they end.
    copying: bool,
    /// Whether a Sync followed the last Execute; the server throws that one away when the Execute begins a COPY.
    synced: bool,
    /// Whether the next Sync is thrown away.
    swallows: bool,
    /// The process and the key that a cancel must name.
    key: Option<[u8; 8]>,
    /// Whether results are asked for as text, against what the client writes.
    pub(super) wants_text: bool,
    /// Whether the next statement that the client prepares is only to be described: it goes without the name that the
    /// client gives it, so that nothing of it stays in the session.
    pub(super) describes: bool,
    /// Messages that go before the next Parse.
    pub(super) ahead: Vec<u8>,
}

impl Traffic {
    pub(super) fn new(refuses_cleartext: bool) -> Traffic {
        Traffic {
            incoming: Frames::default(),
            outgoing: Frames::default(),
            startup: true,
            logged_in: false,
            refuses_cleartext,
            outstanding: 0,
            status: 0,
            copying: false,
            synced: false,
            swallows: false,
            key: None,
            wants_text: false,
            describes: false,
            ahead: Vec::new(),
        }
    }

    /// What passes is read by nobody else but the other end, which is trusted with the password or not.
    pub(super) fn encrypted(&mut self, is_trusted: bool) {
        self.refuses_cleartext = !is_trusted;
    }

    /// The status byte, if every request has had its answer and nothing is on its way.
    pub(super) fn status(&self) -> Option<u8> {
        let is_settled = self.outstanding == 0
            && !self.copying
            && self.incoming.is_between_messages()
            && self.outgoing.is_between_messages();
        is_settled.then_some(self.status)
    }

    /// Whether answers are still to come.
    pub(super) fn is_waiting(&self) -> bool {
        self.outstanding > 0 && !self.copying
    }

    pub(super) fn key(&self) -> Option<[u8; 8]> {
        self.key
    }

    /// Bytes came from the server.
    ///
    /// # Errors
    /// When they are not what a PostgreSQL server sends.
    pub(super) fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Traffic {
            incoming, logged_in, refuses_cleartext, outstanding, status, copying, synced, swallows, key, ..
        } = self;
        let limit = if *logged_in { LONGEST } else { LONGEST_IN_LOGIN };
        incoming.pass(bytes, &mut false, limit, |seen, _| {
            if !*logged_in && !b"RENSKZv".contains(&seen.kind) {
                return Err(Strange::NotALogin(seen.kind).into());
            }
            match seen.kind {
                b'R' if *refuses_cleartext && seen.head_len >= 4 && seen.head[..4] == [0, 0, 0, 3] => {
                    return Err(Strange::CleartextPassword.into());
                }
                b'K' if seen.head_len == 8 => *key = Some(seen.head),
                b'Z' if seen.head_len == 1 => {
                    *status = seen.head[0];
                    *outstanding = outstanding.saturating_sub(1);
                    *logged_in = true;
                    *copying = false;
                }
                b'G' | b'W' => {
                    *copying = true;
                    match *synced {
                        true => *outstanding = outstanding.saturating_sub(1),
                        false => *swallows = true,
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        if !*logged_in && self.incoming.header_len == 5 && !b"RENSKZv".contains(&self.incoming.header[0]) {
            return Err(Strange::NotALogin(self.incoming.header[0]).into());
        }
        Ok(())
    }

    /// Bytes went to the server.
    pub(super) fn sent(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Traffic { outgoing, startup, outstanding, copying, synced, swallows, .. } = self;
        outgoing.pass(bytes, startup, LONGEST, |seen, _| {
            match seen.kind {
                0 => *outstanding += 1,
                b'Q' | b'F' => {
                    *outstanding += 1;
                    // A COPY that a script begins has no Sync behind it: its one answer comes when it ends.
                    *synced = false;
                    *swallows = false;
                }
                b'E' => {
                    *synced = false;
                    *swallows = false;
                }
                b'S' if *swallows => *swallows = false,
                b'S' => {
                    *outstanding += 1;
                    *synced = true;
                }
                b'c' | b'f' => {
                    *copying = false;
                    *swallows = false;
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// The bytes as they are to be sent, where results are asked for as text: the last two bytes of a Bind are the format
    /// of all columns of the result, for which the client always writes "binary".
    pub(super) fn asking_for_text(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.wants_text {
            return None;
        }
        let mut changed = bytes.to_vec();
        let mut startup = self.startup;
        let ends = |seen: &Seen, end: usize| {
            if seen.kind == b'B' {
                // A message may have begun in bytes that are sent already; they are not in this slice.
                let start = end.saturating_sub(2);
                changed[start..end].fill(0);
            }
            Ok(())
        };
        // What cannot be read is not changed; sending it will say so.
        self.outgoing.clone().pass(bytes, &mut startup, LONGEST, ends).ok()?;
        Some(changed)
    }

    /// The bytes as they are to be sent, where they are to be others and not as many, so that they are sent as a whole.
    pub(super) fn changed_as_a_whole(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.describes { self.without_name(bytes) } else { self.with_ahead(bytes) }
    }

    /// With what goes ahead of the first statement in them. It is not to stand before what else there is, whose answer
    /// would otherwise be the error of what went ahead.
    fn with_ahead(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.ahead.is_empty() || !self.outgoing.is_between_messages() {
            return None;
        }
        let mut rest = bytes;
        while let Some((kind, _, after)) = first_message(rest) {
            if kind == b'P' {
                let before = &bytes[..bytes.len() - rest.len()];
                return Some([before, &std::mem::take(&mut self.ahead), rest].concat());
            }
            rest = after;
        }
        None
    }

    /// The bytes as they are to be sent, where a statement is only described: its Parse, and the Describe behind it, without
    /// the name that the client chose. They are shorter then, so they are sent as a whole or not changed.
    fn without_name(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.describes || !self.outgoing.is_between_messages() {
            return None;
        }
        let mut changed = Vec::with_capacity(bytes.len());
        let mut parsed: Option<&[u8]> = None;
        let mut rest = bytes;
        while let Some((kind, payload, after)) = first_message(rest) {
            match kind {
                b'P' if parsed.is_none() => {
                    let name = payload.split_inclusive(|byte| *byte == 0).next()?;
                    parsed = Some(name);
                    put(&mut changed, b'P', b"\0", payload.get(name.len()..)?);
                }
                b'D' if parsed.is_some_and(|name| payload.strip_prefix(b"S") == Some(name)) => {
                    put(&mut changed, b'D', b"S\0", b"");
                    self.describes = false;
                }
                _ => changed.extend_from_slice(&rest[..rest.len() - after.len()]),
            }
            rest = after;
        }
        changed.extend_from_slice(rest);
        parsed.map(|_| changed)
    }
}

/// The type and the payload of the message that these bytes begin with, if it is whole, and what is behind it.
fn first_message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (header, rest) = bytes.split_first_chunk::<5>()?;
    let [kind, length @ ..] = *header;
    let length = (u32::from_be_bytes(length) as usize).checked_sub(4)?;
    let (payload, after) = rest.split_at_checked(length)?;
    Some((kind, payload, after))
}

fn put(bytes: &mut Vec<u8>, kind: u8, head: &[u8], rest: &[u8]) {
    // No longer than a message that had room for its length.
    let length = u32::try_from(head.len() + rest.len() + 4).unwrap_or(u32::MAX);
    bytes.push(kind);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&(payload.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn logged_in() -> Traffic {
        let mut traffic = Traffic::new(true);
        traffic.sent(&[0, 0, 0, 8, 0, 3, 0, 0]).unwrap();
        assert_eq!(traffic.status(), None);
        traffic.received(&message(b'R', &[0, 0, 0, 0])).unwrap();
        traffic.received(&message(b'K', &[0, 0, 0, 7, 1, 2, 3, 4])).unwrap();
        traffic.received(&message(b'Z', b"I")).unwrap();
        assert_eq!((traffic.status(), traffic.key()), (Some(b'I'), Some([0, 0, 0, 7, 1, 2, 3, 4])));
        traffic
    }

    #[test]
    fn the_status_is_believed_when_every_request_has_its_answer() {
        let mut traffic = logged_in();
        traffic.sent(&message(b'Q', b"BEGIN\0")).unwrap();
        assert_eq!(traffic.status(), None);
        let answer = [message(b'C', b"BEGIN\0"), message(b'Z', b"T")].concat();
        for byte in &answer[..answer.len() - 1] {
            traffic.received(&[*byte]).unwrap();
            assert_eq!(traffic.status(), None);
        }
        traffic.received(&answer[answer.len() - 1..]).unwrap();
        assert_eq!(traffic.status(), Some(b'T'));
        // Two requests at once, as when a statement is forgotten before the next one runs.
        traffic.sent(&[message(b'C', b"Ss1\0"), message(b'S', &[]), message(b'Q', b"x\0")].concat()).unwrap();
        traffic.received(&message(b'Z', b"T")).unwrap();
        assert_eq!((traffic.status(), traffic.is_waiting()), (None, true));
        traffic.received(&message(b'Z', b"E")).unwrap();
        assert_eq!(traffic.status(), Some(b'E'));
    }

    #[test]
    fn a_copy_swallows_the_sync_that_began_it() {
        let mut traffic = logged_in();
        traffic.sent(&[message(b'B', b"\0\0"), message(b'E', b"\0\0\0\0\0"), message(b'S', &[])].concat()).unwrap();
        traffic.received(&message(b'G', &[1, 0, 0])).unwrap();
        assert_eq!((traffic.status(), traffic.is_waiting()), (None, false));
        traffic.sent(&message(b'd', b"rows")).unwrap();
        traffic.sent(&[message(b'c', &[]), message(b'S', &[])].concat()).unwrap();
        assert_eq!(traffic.status(), None);
        traffic.received(&message(b'C', b"COPY 1\0")).unwrap();
        traffic.received(&message(b'Z', b"I")).unwrap();
        assert_eq!(traffic.status(), Some(b'I'));
    }

    #[test]
    fn a_copy_that_a_script_begins_and_nobody_feeds_is_never_settled() {
        let mut traffic = logged_in();
        traffic.sent(&message(b'Q', b"COPY t FROM STDIN\0")).unwrap();
        traffic.received(&message(b'G', &[0, 0, 0])).unwrap();
        assert_eq!(traffic.status(), None);
    }

    #[test]
    fn what_is_no_server_is_refused_before_anything_is_allocated() {
        let strange = |bytes: &[u8]| {
            let error = Traffic::new(true).received(bytes).expect_err("it is no login");
            *error.get_ref().and_then(|inner| inner.downcast_ref::<Strange>()).expect("it says what")
        };
        assert_eq!(strange(b"HTTP/1.1 400 Bad Request\r\n"), Strange::Length);
        assert_eq!(strange(&[b'R', 0xff, 0xff, 0xff, 0xff]), Strange::Length);
        assert_eq!(strange(&[b'D', 0, 0, 0, 20]), Strange::NotALogin(b'D'));
        assert_eq!(strange(&message(b'R', &[0, 0, 0, 3])), Strange::CleartextPassword);
        assert!(Traffic::new(false).received(&message(b'R', &[0, 0, 0, 3])).is_ok());
        let mut traffic = logged_in();
        assert!(traffic.received(&[b'D', 0x7f, 0xff, 0xff, 0xff]).is_err());
    }

    #[test]
    fn a_bind_asks_for_text_wherever_it_is_cut() {
        let bind = message(b'B', b"\0s1\0\0\0\0\0\0\x01\0\x01");
        let all = [bind.clone(), message(b'E', b"\0\0\0\0\0"), message(b'S', &[])].concat();
        let mut wanted = all.clone();
        wanted[bind.len() - 1] = 0;
        wanted[bind.len() - 2] = 0;
        for cut in 1..all.len() {
            let mut traffic = logged_in();
            traffic.wants_text = true;
            let mut written = Vec::new();
            for part in [&all[..cut], &all[cut..]] {
                let changed = traffic.asking_for_text(part).unwrap();
                traffic.sent(&changed).unwrap();
                written.extend(changed);
            }
            assert_eq!(written, wanted, "cut at {cut}");
        }
        assert_eq!(logged_in().asking_for_text(&all), None);
    }

    #[test]
    fn a_statement_that_is_described_goes_without_its_name() {
        let named = [
            message(b'C', b"Ss1\0"),
            message(b'S', &[]),
            message(b'P', b"s2\0SELECT $1\0\0\0"),
            message(b'D', b"Ss2\0"),
            message(b'S', &[]),
        ]
        .concat();
        let unnamed = [
            message(b'C', b"Ss1\0"),
            message(b'S', &[]),
            message(b'P', b"\0SELECT $1\0\0\0"),
            message(b'D', b"S\0"),
            message(b'S', &[]),
        ]
        .concat();
        let mut traffic = logged_in();
        assert_eq!(traffic.changed_as_a_whole(&named), None);
        traffic.describes = true;
        assert_eq!(traffic.changed_as_a_whole(&named), Some(unnamed));
        // What the client prepares for itself then, to look a type up, keeps its name.
        assert_eq!(traffic.changed_as_a_whole(&named), None);
        // What does not hold the statement is left as it is, and so is what begins in the midst of a message.
        traffic.describes = true;
        assert_eq!(traffic.changed_as_a_whole(&message(b'Q', b"x\0")), None);
        traffic.sent(&named[..3]).unwrap();
        assert_eq!(traffic.changed_as_a_whole(&named), None);
    }

    #[test]
    fn what_goes_ahead_stands_before_the_next_statement_and_behind_all_else() {
        let (end, sync) = (message(b'C', b"Ss1\0"), message(b'S', &[]));
        let (statement, ahead) = (message(b'P', b"\0\0\0\0"), message(b'B', b"\0\0\0\0\0\0\0\0"));
        let mut traffic = logged_in();
        traffic.ahead = ahead.clone();
        // Not yet.
        assert_eq!(traffic.changed_as_a_whole(&[&*end, &*sync].concat()), None);
        let bytes = [&*end, &*sync, &*statement, &*sync].concat();
        let changed = [&*end, &*sync, &*ahead, &*statement, &*sync].concat();
        assert_eq!(traffic.changed_as_a_whole(&bytes), Some(changed));
        // Once.
        assert_eq!(traffic.changed_as_a_whole(&bytes), None);
        traffic.ahead = ahead;
        traffic.sent(&statement[..3]).unwrap();
        assert_eq!(traffic.changed_as_a_whole(&bytes), None);
    }
}
