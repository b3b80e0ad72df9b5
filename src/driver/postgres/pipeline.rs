//! One statement with many sets of parameters, without a journey for each.
//!
//! The client library waits for the answer to each run before it sends the next. So the runs are written here, a Bind and
//! an Execute for each set, and the [wire](super::wire) sends them ahead of a statement of the client's own, which is
//! empty. Nothing but that one has a Sync behind it: the server runs them all, and at the first that fails it passes over
//! the rest and says why. The answers are counted and kept back, so that the client sees the answer to its own statement,
//! or the error, and nothing else.

use std::sync::Arc;

use postgres::types::{Format, ToSql, Type};

use super::core::{Core, encode_all};
use super::statements::Prepared;
use super::types::Encoded;
use crate::driver::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Sets, StatementKind};

/// How much is gathered before it is sent. What the server answers to as much is far less than a socket holds.
const CHUNK: usize = 64 * 1024;

/// How many runs are sent at once: no more are done in vain before a deadline is looked at.
const RUNS: usize = 1024;

/// Runs the statement with each set. The first goes the usual way, with all that may have to be done for a statement
/// which was prepared in other times; the others are known to be understood then.
pub(super) fn execute_many(core: &mut Core, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
    let mut affected = 0;
    let mut pipeline = Pipeline::default();
    let fed = feed(core, call, sets, &mut pipeline, &mut affected);
    // Also before an error of this side: one of the sets before may fail, and the first that does is told of.
    affected += pipeline.run(core, call)?;
    fed.map(|()| affected)
}

fn feed(
    core: &mut Core,
    call: &Call<'_>,
    sets: &mut Sets<'_>,
    pipeline: &mut Pipeline,
    affected: &mut u64,
) -> Result<()> {
    let mut prepared: Option<Arc<Prepared>> = None;
    while let Some(set) = sets.next() {
        let number = pipeline.next;
        let numbered = |error: Error| error.context(format_args!("set {number}"));
        let set = set.map_err(numbered)?;
        let bound = set.bound();
        if let Some(known) = prepared.as_ref().filter(|_| !set.is_written_out()) {
            match encode_all(&bound, known) {
                Ok(values) if values.iter().map(|value| value.as_bytes().len()).sum::<usize>() < CHUNK => {
                    pipeline.add(&bound.sql, known, &values)?;
                    if pipeline.is_full() {
                        *affected += pipeline.run(core, call)?;
                    }
                    continue;
                }
                Ok(_) => {}
                // The types may be those of an earlier time: the usual way asks anew, or says what is wrong.
                Err(_) => prepared = None,
            }
        }
        *affected += pipeline.run(core, call)?;
        call.check()?;
        *affected += core.execute(call, &bound).map_err(numbered)?.rows_affected;
        pipeline.pass();
        if prepared.is_none() && !set.is_written_out() && core.wire.is_plugged() {
            let known = core.prepare(&bound.sql).map_err(numbered)?;
            prepared = (known.kind == StatementKind::Write).then_some(known);
        }
    }
    Ok(())
}

/// Runs that are to be sent.
#[derive(Default)]
struct Pipeline {
    messages: Vec<u8>,
    /// The number of the first of these sets, and of the one behind the last.
    first: usize,
    next: usize,
}

impl Pipeline {
    fn is_full(&self) -> bool {
        self.messages.len() >= CHUNK || self.next - self.first >= RUNS
    }

    /// A set has run otherwise.
    fn pass(&mut self) {
        self.next += 1;
        self.first = self.next;
    }

    fn add(&mut self, sql: &str, prepared: &Prepared, values: &[Encoded<'_>]) -> Result<()> {
        let types = prepared.native.params();
        if self.messages.is_empty() {
            // Without a name, so that nothing stays in a session; the names that the client gives are not known.
            put(&mut self.messages, b'P', |message| {
                put_text(message, "");
                put_text(message, sql);
                put_count(message, types.len());
                message.extend(types.iter().flat_map(|ty| ty.oid().to_be_bytes()));
                Ok(())
            })?;
        }
        put(&mut self.messages, b'B', |message| put_bind(message, values, types, prepared.shape.is_some()))?;
        put(&mut self.messages, b'E', |message| {
            put_text(message, "");
            message.extend_from_slice(&0_u32.to_be_bytes());
            Ok(())
        })?;
        self.next += 1;
        Ok(())
    }

    /// Sends what has been gathered and waits for the answers.
    fn run(&mut self, core: &mut Core, call: &Call<'_>) -> Result<u64> {
        let (first, runs) = (self.first, self.next - self.first);
        if runs == 0 {
            return Ok(0);
        }
        call.check()?;
        self.first = self.next;
        core.wire.send_ahead(std::mem::take(&mut self.messages), Ahead::of(runs));
        let ended = core.client.execute_typed("", &[]);
        let ahead = core.wire.end_ahead();
        let last = first + runs - 1;
        let Err(native) = ended else {
            return match ahead {
                Some(Ahead { left: 0, affected, .. }) => {
                    core.ran(StatementKind::Write);
                    Ok(affected)
                }
                _ => {
                    // Nobody knows what ran.
                    core.wire.sever();
                    Err(Error::new(ErrorKind::ConnectionLost, "the server did not answer each run of a statement")
                        .context(format_args!("one of the sets {first} to {last}")))
                }
            };
        };
        let failed = ahead.map_or(first, |ahead| first + runs - ahead.left);
        let is_known = native.as_db_error().is_some();
        let error = core.failed(native);
        Err(match is_known || failed >= last {
            true => error.context(format_args!("set {}", failed.min(last))),
            false => error.context(format_args!("one of the sets {failed} to {last}")),
        })
    }
}

/// The answers to runs that went ahead: one to their Parse, and for each a BindComplete, rows perhaps, and a
/// CommandComplete.
#[derive(Debug)]
pub(super) struct Ahead {
    is_parsed: bool,
    /// An error has come: everything behind it is the client's.
    is_over: bool,
    /// How many have not been answered.
    left: usize,
    affected: u64,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the client's.
    Passes,
    Dropped,
    /// It ends the answer to a run.
    Counted,
}

impl Ahead {
    pub(super) fn of(runs: usize) -> Ahead {
        Ahead { is_parsed: false, is_over: false, left: runs, affected: 0 }
    }

    pub(super) fn fate(&mut self, kind: u8) -> Fate {
        if self.is_over || self.left == 0 {
            return Fate::Passes;
        }
        match kind {
            b'1' => {
                self.is_parsed = true;
                Fate::Dropped
            }
            // What the server sends at any time, and what answers requests before ours, as the end of a statement.
            b'N' | b'S' | b'A' => Fate::Passes,
            _ if !self.is_parsed && kind != b'E' => Fate::Passes,
            b'2' | b'D' => Fate::Dropped,
            b'C' => Fate::Counted,
            _ => {
                self.is_over = true;
                Fate::Passes
            }
        }
    }

    /// A CommandComplete; its tag ends in the count of rows, if the command has one.
    pub(super) fn count(&mut self, tag: &[u8]) {
        let tag = tag.strip_suffix(b"\0").unwrap_or(tag);
        let last = tag.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
        self.affected += std::str::from_utf8(last).ok().and_then(|rows| rows.parse::<u64>().ok()).unwrap_or(0);
        self.left -= 1;
    }
}

/// A message: its type, its length, and what is in it.
fn put(bytes: &mut Vec<u8>, kind: u8, content: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    bytes.push(kind);
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    content(bytes)?;
    let length = u32::try_from(bytes.len() - start).map_err(|_| super::core::too_long("the parameters are"))?;
    bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
}

/// The protocol counts in 16 bits, and so does the server before it describes a statement: there are never more.
fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
}

/// Portal and statement have no name. Rows are thrown away, in whatever form they come; every type has a text.
fn put_bind(bytes: &mut Vec<u8>, values: &[Encoded<'_>], types: &[Type], has_rows: bool) -> Result<()> {
    put_text(bytes, "");
    put_text(bytes, "");
    put_count(bytes, values.len());
    for (value, ty) in values.iter().zip(types) {
        let format = u16::from(matches!(value.encode_format(ty), Format::Binary));
        bytes.extend_from_slice(&format.to_be_bytes());
    }
    put_count(bytes, values.len());
    for value in values {
        match value.bytes() {
            None => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(value) => {
                let length = i32::try_from(value.len()).map_err(|_| super::core::too_long("the parameters are"))?;
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(value);
            }
        }
    }
    put_count(bytes, usize::from(has_rows));
    if has_rows {
        bytes.extend_from_slice(&0_u16.to_be_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::ReadBuf;

    use super::super::tap::{Inbox, Kept};
    use super::*;

    fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, kind, |message| {
            message.extend_from_slice(payload);
            Ok(())
        })
        .unwrap();
        bytes
    }

    /// What the client gets of `bytes`, which come in pieces of that size; and what was counted.
    fn read(bytes: &[u8], piece: usize, runs: usize) -> (Vec<u8>, usize, u64) {
        let (mut inbox, mut kept, mut passed) = (Inbox::default(), Kept::Answers(Ahead::of(runs)), Vec::new());
        for piece in bytes.chunks(piece) {
            inbox.room()[..piece.len()].copy_from_slice(piece);
            inbox.came(piece.len());
            loop {
                let mut out = [0; 16];
                let mut out = ReadBuf::new(&mut out);
                inbox.pass(Some(&mut kept), &mut out).unwrap();
                if out.filled().is_empty() {
                    break;
                }
                passed.extend_from_slice(out.filled());
            }
        }
        assert!(inbox.is_empty());
        let Kept::Answers(Ahead { left, affected, .. }) = kept else { unreachable!("it stays what it was") };
        (passed, left, affected)
    }

    #[test]
    fn answers_are_counted_and_the_client_gets_its_own() {
        let before = [message(b'3', &[]), message(b'Z', b"T")].concat();
        let run = |tag: &[u8]| [message(b'2', &[]), message(b'C', tag)].concat();
        let (notice, row) = (message(b'N', b"SNOTICE\0\0"), message(b'D', &[0, 1, 0xff, 0xff, 0xff, 0xff]));
        let answers = [message(b'1', &[]), run(b"INSERT 0 1\0"), message(b'2', &[]), row, notice.clone()].concat();
        let answers = [answers, message(b'C', b"UPDATE 20\0"), run(b"CALL\0")].concat();
        let own = [message(b'1', &[]), run(b"INSERT 0 5\0"), message(b'Z', b"T")].concat();
        let bytes = [&*before, &*answers, &*own].concat();
        for piece in 1..=bytes.len() {
            let expected = [&*before, &*notice, &*own].concat();
            assert_eq!(read(&bytes, piece, 3), (expected, 0, 21), "{piece}");
        }
    }

    #[test]
    fn an_error_is_the_clients_and_says_by_what_came_before_whose_it_is() {
        let run = [message(b'2', &[]), message(b'C', b"INSERT 0 1\0")].concat();
        let end = [message(b'E', b"SERROR\0\0"), message(b'Z', b"E")].concat();
        let bytes = [&*message(b'1', &[]), &*run, &*run, &*message(b'2', &[]), &*end].concat();
        for piece in 1..=bytes.len() {
            assert_eq!(read(&bytes, piece, 5), (end.clone(), 3, 2), "{piece}");
        }
        // Of their Parse.
        assert_eq!(read(&end, 4, 5), (end.clone(), 5, 0));
    }
}
