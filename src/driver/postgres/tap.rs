//! Rows, read where they come off the socket.
//!
//! The client library gives rows one by one. For each of them it is entered and left, with its runtime, and makes a list of
//! where the cells are. So the rows of a result are taken out of what the server sends, before the client library sees
//! it, and are written into a batch. When that is full, and more is to come, the client is given one row of nulls in
//! their place: who reads from it comes back for the batch, and nothing is read off the socket until it is taken. All
//! other messages pass as they are, so whose turn it is and what the server says of it stays the client's affair.

use std::io;
use std::sync::Arc;

use tokio::io::ReadBuf;

use super::pipeline::{Ahead, Fate};
use super::traffic::{Strange, is_length};
use super::types::Shape;
use crate::driver::BATCH_BYTES;
use crate::error::{Error, Result};
use crate::row::{Batch, BatchBuilder, Room};

/// What a message begins with: its type, and its length without that.
const HEADER: usize = 5;

/// The room that a result is begun with, and the room that is kept for the next one.
const LEAST: usize = 8 * 1024;
const MOST: usize = 64 * 1024;

/// How much is thrown away before the reader is called, who may have enough of it.
const THROWN: usize = 256 * 1024;

/// What is kept back from the client.
#[derive(Debug)]
pub(super) enum Kept {
    /// The rows of a result.
    Rows(Tap),
    /// The answers to runs that went ahead of the client's own.
    Answers(Ahead),
}

/// Takes the rows of one result.
#[derive(Debug)]
pub(super) struct Tap {
    shape: Arc<Shape>,
    builder: BatchBuilder,
    rows: usize,
    /// How many rows the batch is to have.
    wanted: usize,
    failed: Option<Error>,
    /// Nobody wants any more rows.
    discards: bool,
    /// How much has been thrown away since the reader was called.
    thrown: usize,
    /// Nothing more is taken until the reader has been here.
    is_full: bool,
    call: Call,
}

/// How the reader of a batch that is full gets to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    NotYet,
    /// By a row of nulls, which has been given to the client.
    ByRow,
    /// By the end of the result, which is there already.
    ByEnd,
}

impl Tap {
    /// For a result of that shape.
    pub(super) fn new(shape: Arc<Shape>, wanted: usize) -> Tap {
        Tap {
            builder: BatchBuilder::new(Arc::clone(&shape.columns)),
            shape,
            rows: 0,
            wanted: wanted.max(1),
            failed: None,
            discards: false,
            thrown: 0,
            is_full: false,
            call: Call::NotYet,
        }
    }

    fn take(&mut self, row: &[u8]) {
        match self.shape.read_raw(row, &mut self.builder) {
            Ok(()) => {
                self.rows += 1;
                self.is_full = self.rows >= self.wanted || self.builder.bytes() >= BATCH_BYTES;
            }
            Err(error) => {
                self.failed = Some(error);
                self.is_full = true;
            }
        }
    }

    /// The batch as it is, if there is anything in it; and what the next one is likely to take.
    ///
    /// # Errors
    /// A row could not be read.
    pub(super) fn batch(&mut self) -> Result<Option<(Batch, Room)>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.rows == 0 {
            return Ok(None);
        }
        self.builder.cut().map(Some)
    }

    /// Another batch, after that one.
    pub(super) fn again(&mut self, room: Room, wanted: usize) {
        self.builder.make(room);
        self.rows = 0;
        self.wanted = wanted.max(1);
        self.go_on();
    }

    /// Throws away what comes, and calls now and then.
    pub(super) fn discard(&mut self) {
        self.discards = true;
        self.thrown = 0;
        self.go_on();
    }

    fn go_on(&mut self) {
        (self.is_full, self.call) = (false, Call::NotYet);
    }

    /// Whether nothing is read off the socket until the reader has been here.
    pub(super) fn holds(&self) -> bool {
        self.call == Call::ByRow
    }
}

/// What has come off the socket and has not been passed on.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// What is passed on before anything else.
    owed: Vec<u8>,
    /// How much of that has been passed on.
    paid: usize,
    /// How much of the message at the start is passed on as it is.
    passing: usize,
    /// How much of it is thrown away.
    skipping: usize,
}

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end && self.owed.is_empty() && self.passing == 0 && self.skipping == 0
    }

    /// Room for what comes next.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.bytes.len() < LEAST {
            self.bytes.resize(LEAST, 0);
        }
        // By what has come, never by what a header claims.
        if self.end == self.bytes.len() {
            self.bytes.resize(self.end * 2, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes have come into the room.
    pub(super) fn came(&mut self, count: usize) {
        self.end += count;
        // Who sends faster than it is read is read in larger pieces.
        if self.end == self.bytes.len() && self.end < MOST {
            self.bytes.resize(self.end * 2, 0);
        }
    }

    fn waiting(&self) -> usize {
        self.end - self.start
    }

    /// Passes on what is not kept.
    ///
    /// # Errors
    /// What came is not what a PostgreSQL server sends.
    pub(super) fn pass(&mut self, kept: Option<&mut Kept>, out: &mut ReadBuf<'_>) -> io::Result<()> {
        let (mut tap, mut answers) = match kept {
            Some(Kept::Rows(tap)) => (Some(tap), None),
            Some(Kept::Answers(ahead)) => (None, Some(ahead)),
            None => (None, None),
        };
        loop {
            self.pay(out);
            self.skip(tap.as_deref_mut());
            self.pour(out);
            if let Some(tap) = &mut tap
                && tap.is_full
                && tap.call == Call::NotYet
                && self.passing == 0
                && self.owed.is_empty()
            {
                let ends = self.skipping == 0 && self.waiting() > 0 && self.bytes[self.start] == b'C';
                tap.call = if ends { Call::ByEnd } else { Call::ByRow };
                if !ends {
                    tap.shape.write_nulls(&mut self.owed);
                }
                continue;
            }
            if !self.owed.is_empty() || self.passing > 0 || self.skipping > 0 || self.waiting() < HEADER {
                break;
            }
            let head = &self.bytes[self.start..self.end];
            let (kind, length) = (head[0], u32::from_be_bytes([head[1], head[2], head[3], head[4]]));
            if !is_length(length) {
                return Err(Strange::Length.into());
            }
            let whole = length as usize + 1;
            match (&mut tap, &mut answers) {
                (Some(tap), _) if kind == b'D' => {
                    if tap.is_full {
                        break;
                    }
                    if tap.discards {
                        self.skipping = whole;
                    } else if self.waiting() < whole {
                        break;
                    } else {
                        tap.take(&self.bytes[self.start + HEADER..self.start + whole]);
                        self.start += whole;
                    }
                }
                (_, Some(ahead)) => match ahead.fate(kind) {
                    Fate::Passes => self.passing = whole,
                    Fate::Dropped => self.skipping = whole,
                    Fate::Counted if self.waiting() < whole => break,
                    Fate::Counted => {
                        ahead.count(&self.bytes[self.start + HEADER..self.start + whole]);
                        self.start += whole;
                    }
                },
                _ => self.passing = whole,
            }
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > MOST {
                self.bytes.truncate(MOST);
                self.bytes.shrink_to_fit();
            }
        }
        Ok(())
    }

    fn pay(&mut self, out: &mut ReadBuf<'_>) {
        let pays = (self.owed.len() - self.paid).min(out.remaining());
        out.put_slice(&self.owed[self.paid..self.paid + pays]);
        self.paid += pays;
        if self.paid == self.owed.len() {
            self.owed.clear();
            self.paid = 0;
        }
    }

    fn skip(&mut self, tap: Option<&mut Tap>) {
        let skips = self.skipping.min(self.waiting());
        self.skipping -= skips;
        self.start += skips;
        if let Some(tap) = tap {
            tap.thrown += skips;
            tap.is_full |= tap.discards && tap.thrown >= THROWN;
        }
    }

    fn pour(&mut self, out: &mut ReadBuf<'_>) {
        let passes = self.passing.min(self.waiting()).min(out.remaining());
        out.put_slice(&self.bytes[self.start..self.start + passes]);
        self.passing -= passes;
        self.start += passes;
    }
}

#[cfg(test)]
mod tests {
    use postgres::types::Type;

    use super::super::types::Shape;
    use super::*;
    use crate::error::ErrorKind;

    fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&(payload.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
        let mut payload = (cells.len() as u16).to_be_bytes().to_vec();
        for cell in cells {
            payload.extend_from_slice(&cell.map_or(-1, |cell| cell.len() as i32).to_be_bytes());
            payload.extend_from_slice(cell.unwrap_or_default());
        }
        message(b'D', &payload)
    }

    /// What the client is given in place of rows.
    fn call() -> Vec<u8> {
        row(&[None, None])
    }

    fn tap(wanted: usize) -> Tap {
        Tap::new(Arc::new(Shape::new([("id", &Type::INT4), ("name", &Type::TEXT)], true)), wanted)
    }

    /// The tap as what is kept.
    fn with<T>(tap: &mut Tap, what: impl FnOnce(&mut Kept) -> T) -> T {
        let shape = Arc::clone(&tap.shape);
        let mut kept = Kept::Rows(std::mem::replace(tap, Tap::new(shape, 1)));
        let done = what(&mut kept);
        if let Kept::Rows(after) = kept {
            *tap = after;
        }
        done
    }

    /// What the client gets of `bytes`, which come in pieces of that size and go on in such of `room`; and the ids that
    /// the tap took, batch by batch, one for each call and one at the end.
    fn read(bytes: &[u8], piece: usize, room: usize, tap: &mut Tap) -> (Vec<u8>, Vec<Vec<i64>>) {
        let (mut inbox, mut passed, mut batches) = (Inbox::default(), Vec::new(), Vec::new());
        let mut take = |tap: &mut Tap, is_end: bool| {
            if tap.discards {
                return tap.discard();
            }
            if let Some((batch, room)) = tap.batch().unwrap() {
                let batch = Arc::new(batch);
                batches.push((0..batch.len()).map(|at| batch.row(at).unwrap().get(0).unwrap()).collect());
                if !is_end {
                    tap.again(room, tap.wanted);
                }
            }
        };
        let mut coming = bytes;
        loop {
            let mut out = vec![0; room];
            let mut out = ReadBuf::new(&mut out);
            with(tap, |kept| inbox.pass(Some(kept), &mut out)).unwrap();
            passed.extend_from_slice(out.filled());
            if !out.filled().is_empty() {
                continue;
            }
            if tap.holds() {
                take(tap, false);
                continue;
            }
            if coming.is_empty() {
                assert!(inbox.is_empty());
                take(tap, true);
                return (passed, batches);
            }
            let free = inbox.room();
            let count = piece.min(free.len()).min(coming.len());
            free[..count].copy_from_slice(&coming[..count]);
            inbox.came(count);
            coming = &coming[count..];
        }
    }

    fn result(rows: u32) -> (Vec<u8>, Vec<u8>) {
        let (begin, notice) = (message(b'2', &[]), message(b'N', b"SNOTICE\0\0"));
        let end = [message(b'C', b"SELECT\0"), message(b'Z', b"I")].concat();
        let rows = (0..rows).map(|id| row(&[Some(&id.to_be_bytes()), Some(b"some text")])).collect::<Vec<_>>().concat();
        ([&*begin, &*notice, &*rows, &*end].concat(), [begin, notice, end].concat())
    }

    #[test]
    fn rows_are_taken_wherever_they_are_cut_and_all_else_passes() {
        let (bytes, rest) = result(5);
        for piece in (1..60).chain([bytes.len()]) {
            for room in [1, 3, 7, 4096] {
                let mut tap = tap(2);
                let (passed, batches) = read(&bytes, piece, room, &mut tap);
                assert_eq!(batches, [vec![0, 1], vec![2, 3], vec![4]], "{piece} {room}");
                let call = call();
                let calls = passed.windows(call.len()).filter(|bytes| *bytes == call).count();
                assert_eq!(calls, 2, "{piece} {room}");
                let head = rest.len() - (message(b'C', b"SELECT\0").len() + message(b'Z', b"I").len());
                assert_eq!([&passed[..head], &passed[head + 2 * call.len()..]].concat(), rest, "{piece} {room}");
            }
        }
    }

    #[test]
    fn a_result_that_fills_the_batch_needs_no_call_where_its_end_is_there() {
        let (bytes, rest) = result(2);
        assert_eq!(read(&bytes, bytes.len(), 4096, &mut tap(2)), (rest, vec![vec![0, 1]]));
        let end = message(b'C', b"SELECT\0").len() + message(b'Z', b"I").len();
        // Cut behind the last row it does: nobody knows how long the rest takes.
        let (passed, batches) = read(&bytes, bytes.len() - end, 4096, &mut tap(2));
        let calls = passed.windows(call().len()).filter(|bytes| *bytes == call()).count();
        assert_eq!((calls, batches), (1, vec![vec![0, 1]]));
    }

    #[test]
    fn what_is_thrown_away_is_never_kept_and_the_reader_is_called_now_and_then() {
        let large = row(&[Some(&[0; 4]), Some(&vec![b'x'; 3 * THROWN])]);
        let (small, rest) = result(100);
        let mut tap = tap(2);
        tap.discard();
        let mut inbox = Inbox::default();
        let (mut calls, mut coming) = (0, &*large);
        while !coming.is_empty() {
            let free = inbox.room();
            let count = free.len().min(coming.len());
            free[..count].copy_from_slice(&coming[..count]);
            inbox.came(count);
            coming = &coming[count..];
            let mut out = [0; 64];
            let mut out = ReadBuf::new(&mut out);
            with(&mut tap, |kept| inbox.pass(Some(kept), &mut out)).unwrap();
            calls += usize::from(out.filled() == call());
            if tap.holds() {
                tap.discard();
            }
            assert!(inbox.bytes.len() <= 2 * MOST);
        }
        // After as much as it says, and what came with that.
        assert!((2..=3).contains(&calls), "{calls}");
        let (passed, batches) = read(&small, 100, 4096, &mut tap);
        assert_eq!((passed, batches.len()), (rest, 0));
    }

    #[test]
    fn without_a_tap_the_rest_passes_from_the_next_message_on() {
        let mut inbox = Inbox::default();
        let mut tap = tap(2);
        tap.discard();
        let thrown = row(&[Some(&[0; 4]), Some(&[b'x'; 100])]);
        let kept = row(&[Some(&[0; 4]), None]);
        let bytes = [&*thrown, &*kept, &*message(b'Z', b"I")].concat();
        let mut pass = |bytes: &[u8], tap: Option<&mut Tap>| {
            inbox.room()[..bytes.len()].copy_from_slice(bytes);
            inbox.came(bytes.len());
            let mut out = [0; 256];
            let mut out = ReadBuf::new(&mut out);
            let passed = match tap {
                Some(tap) => with(tap, |kept| inbox.pass(Some(kept), &mut out)),
                None => inbox.pass(None, &mut out),
            };
            passed.unwrap();
            (out.filled().to_vec(), inbox.is_empty())
        };
        assert_eq!(pass(&bytes[..50], Some(&mut tap)), (Vec::new(), false));
        assert_eq!(pass(&bytes[50..], None), (bytes[thrown.len()..].to_vec(), true));
    }

    #[test]
    fn a_large_row_has_the_room_that_it_takes_and_no_header_gets_it() {
        let text = vec![b'x'; 5 * MOST];
        let (bytes, mut tap) = (row(&[Some(&[0, 0, 0, 7]), Some(&text)]), tap(2));
        assert_eq!(read(&bytes, 1000, 4096, &mut tap).1, [[7]]);
        let mut inbox = Inbox::default();
        inbox.room()[..6].copy_from_slice(&[b'D', 0x3f, 0xff, 0xff, 0xff, 0]);
        inbox.came(6);
        let mut out = [0; 8];
        with(&mut tap, |kept| inbox.pass(Some(kept), &mut ReadBuf::new(&mut out))).unwrap();
        assert!(inbox.room().len() < MOST);
        let mut inbox = Inbox::default();
        inbox.room()[..5].copy_from_slice(&[b'D', 0xff, 0xff, 0xff, 0xff]);
        inbox.came(5);
        assert!(with(&mut tap, |kept| inbox.pass(Some(kept), &mut ReadBuf::new(&mut out))).is_err());
    }

    #[test]
    fn a_row_that_does_not_fit_is_an_error_and_the_reader_is_called_for_it() {
        let whole: &[&[u8]] = &[&[0, 0, 0, 1], b"text"];
        let short = row(&[Some(whole[0])]);
        let mut torn = row(&[Some(whole[0]), Some(whole[1])]);
        torn[10] = 200;
        let wrong = row(&[Some(&[1, 2]), None]);
        for bad in [short, torn, wrong, message(b'D', &[0])] {
            let mut tap = tap(2);
            let mut inbox = Inbox::default();
            inbox.room()[..bad.len()].copy_from_slice(&bad);
            inbox.came(bad.len());
            let mut out = [0; 64];
            let mut out = ReadBuf::new(&mut out);
            with(&mut tap, |kept| inbox.pass(Some(kept), &mut out)).unwrap();
            assert_eq!(out.filled(), call());
            assert_eq!(tap.batch().unwrap_err().kind(), ErrorKind::Conversion);
        }
    }
}
