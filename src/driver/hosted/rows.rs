//! Values into requests, and rows out of answers.

use super::conversation::Answer;
use super::frame::{Body, Frame, garbage};
use super::marshal::{self, Marshal};
use super::message::Head;
use super::socket::Packing;
use super::tagged;
use crate::driver::{Batcher, Flow, Link};
use crate::error::Result;
use crate::value::{Kind, ValueRef};

/// One set of parameters.
pub(super) fn put_set<'v>(frame: &mut Frame, packing: Packing, values: impl ExactSizeIterator<Item = ValueRef<'v>>) {
    frame.count(values.len());
    if values.len() > 0 {
        put_rows(frame, packing, 1, values.len(), values);
    }
}

/// Sets of parameters, one behind the other in `values`.
pub(super) fn put_sets<'v>(
    frame: &mut Frame,
    packing: Packing,
    sets: usize,
    width: usize,
    values: impl Iterator<Item = ValueRef<'v>>,
) {
    frame.count(sets).count(width);
    if width > 0 {
        put_rows(frame, packing, sets, width, values);
    }
}

fn put_rows<'v>(
    frame: &mut Frame,
    packing: Packing,
    rows: usize,
    width: usize,
    values: impl Iterator<Item = ValueRef<'v>>,
) {
    match packing {
        Packing::Tagged => values.for_each(|value| tagged::write(frame, value)),
        Packing::Marshal => {
            frame.u32(0);
            let out = frame.buffer();
            let start = out.len();
            marshal::begin_rows(out, rows);
            for (at, value) in values.enumerate() {
                if at % width == 0 {
                    marshal::begin_row(out, width);
                }
                marshal::write(out, value);
            }
            // A length past 32 bits is past that of a frame, which is refused.
            let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
            out[start - 4..start].copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// Pushes the rows of an answer whose head was read. Stops where nobody reads any further.
pub(super) fn push(
    mut body: Body<'_>,
    head: &Head,
    packing: Packing,
    batcher: &mut Batcher<'_>,
    mut again: Option<&mut dyn Link>,
) -> Result<Flow> {
    let width = batcher.row().columns().len();
    if width == 0 {
        for _ in 0..head.rows {
            batcher.row().push_empty_row();
            if batcher.end_row(reborrow(&mut again))? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        return Ok(Flow::Continue);
    }
    match packing {
        Packing::Tagged => {
            for _ in 0..head.rows {
                for _ in 0..width {
                    tagged::push(&mut body, batcher.row())?;
                }
                if batcher.end_row(reborrow(&mut again))? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            body.end()?;
        }
        Packing::Marshal => {
            let bytes = body.bytes()?;
            body.end()?;
            let mut rows = Marshal::new(bytes);
            if rows.rows()? != head.rows {
                return Err(garbage("rows that were counted otherwise"));
            }
            let kinds: Vec<Kind> = batcher.row().columns().iter().map(|column| column.kind()).collect();
            for _ in 0..head.rows {
                rows.row(&kinds, batcher.row())?;
                if batcher.end_row(reborrow(&mut again))? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            rows.end()?;
        }
    }
    Ok(Flow::Continue)
}

/// The same way in, for one use of it.
fn reborrow<'a>(again: &'a mut Option<&mut dyn Link>) -> Option<&'a mut (dyn Link + 'a)> {
    match again {
        Some(link) => Some(&mut **link),
        None => None,
    }
}

/// The first value of an answer, as a whole number.
pub(super) fn first_number(answer: &Answer, packing: Packing) -> Result<Option<i64>> {
    let mut body = answer.body();
    let head = Head::read(&mut body)?;
    let Some(columns) = head.columns.clone().filter(|columns| !columns.is_empty() && head.rows > 0) else {
        return Ok(None);
    };
    let mut row = crate::row::BatchBuilder::new(std::sync::Arc::clone(&columns));
    match packing {
        Packing::Tagged => {
            for _ in 0..columns.len() {
                tagged::push(&mut body, &mut row)?;
            }
        }
        Packing::Marshal => {
            let mut rows = Marshal::new(body.bytes()?);
            rows.rows()?;
            rows.row(&vec![Kind::Unknown; columns.len()], &mut row)?;
        }
    }
    let batch = row.finish()?;
    let value = batch.cells(0).next().map(ValueRef::to_value);
    Ok(value.and_then(|value| value.get::<i64>().ok()))
}
