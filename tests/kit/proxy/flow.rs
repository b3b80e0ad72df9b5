//! One direction of a connection: what has come, what may go on, and when.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Cut;
use super::framing::{Framing, Hint, Message, Parser, Side};

/// What becomes of what one side sends. Counts begin when it is set, or with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toxic {
    /// It passes.
    Pass,
    /// It is taken and dropped.
    Swallow,
    /// It is kept, and goes on when something else is set.
    Hold,
    /// It comes so much later.
    Delay(Duration),
    /// It comes in pieces of so many bytes, with a pause between them.
    Slice(usize, Duration),
    /// So many bytes pass, then the connection is cut.
    CutAfter(u64, Cut),
    /// This byte, counted from 0, is changed by this mask.
    Corrupt(u64, u8),
    /// The length that this message tells of itself, counted from 0, becomes this.
    CorruptLength(u64, u32),
    /// So many messages pass, the rest is kept.
    HoldAfterMessages(u64),
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Flow {
    framing: Framing,
    parser: Parser,
    toxic: Toxic,
    /// What has come and not gone on, with the times at which it may; and where in the stream it begins.
    kept: VecDeque<u8>,
    due: VecDeque<(u64, Instant)>,
    out: u64,
    /// Where in the stream the toxic was set.
    since: u64,
    /// The messages that have not gone on as a whole.
    messages: VecDeque<Message>,
    /// The messages that have come, and that have gone on, since the toxic was set.
    came: u64,
    went: u64,
    /// No piece goes on before.
    not_before: Option<Instant>,
    /// No more comes.
    pub(super) ended: bool,
}

/// What the flow asks for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// So many bytes may go on.
    Write(usize),
    /// Nothing before this time.
    Wait(Instant),
    /// Nothing until something else is set or comes.
    Idle,
    /// The connection is cut.
    Cut(Cut),
}

/// More is not taken in advance: the sender is to feel that nobody reads.
const ROOM: usize = 256 << 10;

impl Flow {
    pub(super) fn new(framing: Framing, side: Side, toxic: Toxic) -> Flow {
        Flow {
            framing,
            parser: Parser::new(framing, side),
            toxic,
            kept: VecDeque::new(),
            due: VecDeque::new(),
            out: 0,
            since: 0,
            messages: VecDeque::new(),
            came: 0,
            went: 0,
            not_before: None,
            ended: false,
        }
    }

    pub(super) fn set(&mut self, toxic: Toxic) {
        self.toxic = toxic;
        self.since = self.out;
        self.came = self.messages.iter().filter(|message| message.start >= self.out).count() as u64;
        self.went = 0;
        self.not_before = None;
        self.due.clear();
        if toxic == Toxic::Swallow {
            self.drop_kept();
        }
    }

    pub(super) fn parser(&mut self) -> &mut Parser {
        &mut self.parser
    }

    pub(super) fn has_room(&self) -> bool {
        !self.ended && self.kept.len() < ROOM
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn drop_kept(&mut self) {
        self.out += self.kept.len() as u64;
        self.kept.clear();
        self.messages.retain(|message| message.end > self.out);
    }

    /// Takes what has come; what it means for the other direction, and how much of it was dropped.
    pub(super) fn push(&mut self, bytes: &[u8], now: Instant) -> (Hint, u64) {
        let mut messages = Vec::new();
        let hint = self.parser.take(bytes, &mut messages);
        self.kept.extend(bytes);
        if let Toxic::Delay(delay) = self.toxic {
            self.due.push_back((self.out + self.kept.len() as u64, now + delay));
        }
        for message in messages {
            if let Toxic::CorruptLength(number, length) = self.toxic
                && number == self.came
            {
                self.overwrite_length(message, length);
            }
            self.came += 1;
            self.messages.push_back(message);
        }
        if self.toxic == Toxic::Swallow {
            self.drop_kept();
            return (hint, bytes.len() as u64);
        }
        (hint, 0)
    }

    fn overwrite_length(&mut self, message: Message, length: u32) {
        let field = match self.framing {
            Framing::MySql => length.to_le_bytes()[..3].to_vec(),
            Framing::Postgres | Framing::None => length.to_be_bytes().to_vec(),
        };
        for (at, byte) in (message.length_at..).zip(field) {
            // What was held back for this is still here.
            if let Some(kept) = at.checked_sub(self.out).and_then(|at| self.kept.get_mut(at as usize)) {
                *kept = byte;
            }
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let kept = self.kept.len() as u64;
        let until = |end: u64| end.saturating_sub(self.out).min(kept);
        let free = match self.toxic {
            Toxic::Pass | Toxic::Swallow | Toxic::Corrupt(..) => kept,
            Toxic::Hold => 0,
            Toxic::Delay(_) => match self.due.front() {
                Some((_, at)) if *at > now && kept > 0 => return Next::Wait(*at),
                Some((end, _)) => until(*end),
                None => kept,
            },
            Toxic::Slice(bytes, _) => match self.not_before {
                Some(at) if at > now && kept > 0 => return Next::Wait(at),
                _ => kept.min(bytes as u64),
            },
            Toxic::CutAfter(bytes, cut) => {
                let free = until(self.since + bytes);
                if free == 0 && self.out >= self.since + bytes {
                    return Next::Cut(cut);
                }
                free
            }
            // A header of which a part has gone on could not be changed any more.
            Toxic::CorruptLength(..) => until(self.parser.incomplete_from().unwrap_or(u64::MAX)),
            Toxic::HoldAfterMessages(count) => match count.saturating_sub(self.went) {
                0 => 0,
                left => until(self.messages.get(left as usize - 1).map_or(u64::MAX, |message| message.end)),
            },
        };
        if free == 0 { Next::Idle } else { Next::Write(free as usize) }
    }

    /// The bytes that go on next, at most so many.
    pub(super) fn bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.kept.iter().take(count).copied().collect();
        if let Toxic::Corrupt(at, mask) = self.toxic
            && let Some(byte) = (self.since + at).checked_sub(self.out).and_then(|at| bytes.get_mut(at as usize))
        {
            *byte ^= mask;
        }
        bytes
    }

    /// So many of them have gone on; the messages that have so become whole.
    pub(super) fn written(&mut self, count: usize, now: Instant) -> u64 {
        self.kept.drain(..count);
        self.out += count as u64;
        if self.due.front().is_some_and(|(end, _)| *end <= self.out) {
            self.due.pop_front();
        }
        if let Toxic::Slice(_, pause) = self.toxic {
            self.not_before = Some(now + pause);
        }
        let before = self.messages.len();
        while self.messages.front().is_some_and(|message| message.end <= self.out) {
            self.messages.pop_front();
        }
        let whole = (before - self.messages.len()) as u64;
        self.went += whole;
        whole
    }
}
