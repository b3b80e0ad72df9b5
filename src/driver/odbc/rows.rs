//! The rows of a result, one by one or in blocks.

use std::sync::Arc;

use odbc_api::buffers::ColumnarDynBuffer;
use odbc_api::{Bit, Cursor, CursorRow, Nullable};

use super::blocks::{self, Filled};
use super::columns::{Reading, Shape, Shapes};
use super::core::Core;
use super::family::Text;
use crate::driver::raw::odbc::{Blocks, Opened};
use crate::driver::way::Way;
use crate::driver::{Batcher, Call, Flow, Link, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::row::BatchBuilder;

/// Why reading ended: the driver said so, or we.
pub(super) enum Failure {
    Native(odbc_api::Error),
    Ours(Error),
}

impl From<odbc_api::Error> for Failure {
    fn from(error: odbc_api::Error) -> Failure {
        Failure::Native(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Ours(error)
    }
}

/// An open result.
pub(super) struct Rows<'c> {
    core: &'c Core,
    cursor: Opened<'c>,
    shapes: Arc<Shapes>,
    /// Whether it is read to its end also when nobody wants the rest: the statement writes, and drivers that are left
    /// before the end may cancel what the server has not done yet.
    to_the_end: bool,
}

/// How many rows are read between two looks at the clock.
const STEPS: usize = 64;

/// Buffers that cells are read through; kept from row to row.
#[derive(Default)]
struct Buffers {
    bytes: Vec<u8>,
    wide: Vec<u16>,
    text: String,
}

/// What is kept of a buffer that had to grow for one long value: every cell is read over the whole of it.
const KEPT: usize = 16 * 1024;

impl<'c> Rows<'c> {
    pub(super) fn of(core: &'c Core, cursor: Opened<'c>, shapes: Arc<Shapes>) -> Rows<'c> {
        Rows { core, cursor, shapes, to_the_end: false }
    }

    /// The rows of a statement that writes.
    pub(super) fn of_a_write(self, writes: bool) -> Rows<'c> {
        Rows { to_the_end: writes, ..self }
    }

    /// Reads to the end and counts.
    pub(super) fn count(&mut self, call: &Call<'_>) -> Result<u64, Failure> {
        drain(self.core, &mut self.cursor, call)
    }

    /// The number in the one cell of a result.
    ///
    /// It is read to its end: a driver that is left before that may have to tell its server, which is a round trip.
    pub(super) fn only_number(&mut self) -> Result<Option<i64>, Failure> {
        self.core.reading(&mut self.cursor, |cursor| {
            let Some(mut row) = cursor.next_row()? else { return Ok(None) };
            let mut text = Vec::new();
            let is_there = row.get_text(1, &mut text)?;
            let number = std::str::from_utf8(&text).ok().filter(|_| is_there).and_then(|text| text.trim().parse().ok());
            while cursor.next_row()?.is_some() {}
            Ok(number)
        })
    }

    /// Pushes all rows into a sink.
    pub(super) fn push_into(
        self,
        call: &Call<'_>,
        sink: &mut dyn RowSink,
        mut again: Option<&mut Way<'_, Core>>,
    ) -> Result<(), Failure> {
        let Rows { core, mut cursor, shapes, to_the_end } = self;
        let mut batcher = Batcher::new(sink, shapes.columns.clone())?;
        let mut buffers = Buffers::default();
        loop {
            let ended = core.reading(&mut cursor, |cursor| {
                let mut steps = 0;
                loop {
                    let Some(mut row) = cursor.next_row()? else { return Ok::<_, Failure>(true) };
                    for (number, shape) in (1..).zip(&shapes.shapes) {
                        read_cell(&mut row, number, shape, core.binding.text, &mut buffers, batcher.row())?;
                    }
                    steps += 1;
                    if steps % STEPS == 0 {
                        call.check()?;
                    }
                    if batcher.is_full_with_row() {
                        return Ok(false);
                    }
                }
            })?;
            if ended {
                batcher.finish()?;
                return Ok(());
            }
            if push(call, &mut batcher, &mut again)? == Flow::Stop {
                if to_the_end {
                    drain(core, &mut cursor, call)?;
                } else if core.binding.family.leaving_costs {
                    // The row that was wanted is mostly the only one. What fails behind it is an error all the same: it
                    // may have ended the transaction.
                    core.reading(&mut cursor, |cursor| cursor.next_row().map(drop))?;
                }
                return Ok(());
            }
            // A result of few rows has ended by now; the rest of a longer one is worth a block.
            if let Some(block) = blocks::plan(core, &shapes.shapes) {
                let mut blocks = Blocks::bind(cursor, block)?;
                return push_blocks(core, &mut blocks, &shapes, call, batcher, again, to_the_end);
            }
        }
    }
}

/// Reads the rest of a result, and counts it.
fn drain(core: &Core, cursor: &mut Opened<'_>, call: &Call<'_>) -> Result<u64, Failure> {
    core.reading(cursor, |cursor| {
        let mut count = 0_u64;
        while cursor.next_row()?.is_some() {
            count += 1;
            if count.is_multiple_of(STEPS as u64) {
                call.check()?;
            }
        }
        Ok(count)
    })
}

/// Pushes the rest of a result, a block at a time.
fn push_blocks(
    core: &Core,
    blocks: &mut Blocks<'_, ColumnarDynBuffer>,
    shapes: &Shapes,
    call: &Call<'_>,
    mut batcher: Batcher<'_>,
    mut inside: Option<&mut Way<'_, Core>>,
    to_the_end: bool,
) -> Result<(), Failure> {
    loop {
        let again = blocks.again();
        let Some(block) = core.reading(blocks, |blocks| blocks.cursor.fetch())? else {
            batcher.finish()?;
            return Ok(());
        };
        let filled = Filled::of(core, block, &shapes.shapes)?;
        for row in 0..filled.rows {
            filled.push(row, again, batcher.row())?;
            if batcher.is_full_with_row() && push(call, &mut batcher, &mut inside)? == Flow::Stop {
                while to_the_end && core.reading(blocks, |blocks| blocks.cursor.fetch())?.is_some() {
                    call.check()?;
                }
                return Ok(());
            }
        }
    }
}

/// Hands a full batch over, while which other statements may run on the connection.
fn push(call: &Call<'_>, batcher: &mut Batcher<'_>, inside: &mut Option<&mut Way<'_, Core>>) -> Result<Flow, Failure> {
    call.check()?;
    let flow = batcher.push(inside.as_deref_mut().map(|inside| inside as &mut dyn Link))?;
    if flow == Flow::Continue {
        call.check()?;
    }
    Ok(flow)
}

fn read_cell(
    row: &mut CursorRow<'_>,
    number: u16,
    shape: &Shape,
    text: Text,
    buffers: &mut Buffers,
    out: &mut BatchBuilder,
) -> Result<(), Failure> {
    match shape.reading {
        Reading::Bool => {
            let mut cell = Nullable::<Bit>::null();
            row.get_data(number, &mut cell)?;
            match cell.into_opt() {
                Some(bit) => out.push_bool(bit.0 != 0),
                None => out.push_null(shape.kind()),
            }
        }
        Reading::I64 => {
            let mut cell = Nullable::<i64>::null();
            row.get_data(number, &mut cell)?;
            match cell.into_opt() {
                Some(value) => out.push_i64(value),
                None => out.push_null(shape.kind()),
            }
        }
        Reading::F32 => {
            let mut cell = Nullable::<f32>::null();
            row.get_data(number, &mut cell)?;
            match cell.into_opt() {
                Some(value) => out.push_f32(value),
                None => out.push_null(shape.kind()),
            }
        }
        Reading::F64 => {
            let mut cell = Nullable::<f64>::null();
            row.get_data(number, &mut cell)?;
            match cell.into_opt() {
                Some(value) => out.push_f64(value),
                None => out.push_null(shape.kind()),
            }
        }
        Reading::Bytes => {
            match row.get_binary(number, &mut buffers.bytes)? {
                true => out.push_bytes(&buffers.bytes)?,
                false => out.push_null(shape.kind()),
            }
            keep_small(&mut buffers.bytes);
        }
        Reading::Text(_) if text == Text::Wide => {
            match row.get_wide_text(number, &mut buffers.wide)? {
                true => {
                    buffers.text.clear();
                    for unit in char::decode_utf16(buffers.wide.iter().copied()) {
                        buffers.text.push(unit.map_err(|_| not_unicode(number))?);
                    }
                    shape.push_text(&buffers.text, out)?;
                }
                false => out.push_null(shape.kind()),
            }
            keep_small(&mut buffers.wide);
        }
        Reading::Text(_) => {
            match row.get_text(number, &mut buffers.bytes)? {
                true => shape.push_text(std::str::from_utf8(&buffers.bytes).map_err(|_| not_unicode(number))?, out)?,
                false => out.push_null(shape.kind()),
            }
            keep_small(&mut buffers.bytes);
        }
    }
    Ok(())
}

fn keep_small<T>(buffer: &mut Vec<T>) {
    if buffer.capacity() > KEPT {
        *buffer = Vec::new();
    }
}

#[cold]
pub(super) fn not_unicode(number: u16) -> Error {
    Error::new(
        ErrorKind::Conversion,
        format!(
            "the driver's text in column {number} is no Unicode; set the driver's character set to UTF-8, or try the option \
             text=wide or text=narrow"
        ),
    )
}
