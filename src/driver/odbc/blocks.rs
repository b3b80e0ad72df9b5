//! Rows in blocks: the driver fills arrays, a column each, with hundreds of rows at a time.
//!
//! The room for a cell is what its column was announced with; for columns without a bound it is a window. A cell that
//! did not fit is had from the driver again, whole, or where the driver cannot do that, is an error. Nothing is cut.

use odbc_api::buffers::{
    AnyColumnBufferSlice, BinColumnSlice, BufferDesc, ColumnarDynBuffer, NullableSlice, TextColumnSlice,
};
use odbc_api::sys::CDataType;
use odbc_api::{Bit, DataType};

use super::columns::{Reading, Shape};
use super::core::Core;
use super::family::Text;
use super::options::Fetch;
use super::rows::{Failure, not_unicode};
use crate::driver::raw::odbc::Again;
use crate::error::{Error, ErrorKind, Result};
use crate::row::BatchBuilder;

/// The most rows of a block, and about the most memory.
const ROWS: usize = 512;
const BYTES: usize = 1 << 20;

/// Fewer rows than these are not worth a block.
const WORTHWHILE: usize = 16;

/// The room for a cell of a column without a bound.
const WINDOW: usize = 1024;

/// The widest column that is given room for every value it can have.
const WIDEST: usize = 8 * 1024;

/// The block for a result; `None` where its rows are better read one by one.
pub(super) fn plan(core: &Core, shapes: &[Shape]) -> Option<ColumnarDynBuffer> {
    let settings = core.shared.settings;
    if settings.fetch == Fetch::Rows || shapes.is_empty() {
        return None;
    }
    let forced = settings.fetch == Fetch::Blocks;
    let mut bytes = 0;
    let mut columns = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let description = match (room(shape), shape.reading) {
            (_, Reading::Bool) => BufferDesc::Bit { nullable: true },
            (_, Reading::I64) => BufferDesc::I64 { nullable: true },
            (_, Reading::F32) => BufferDesc::F32 { nullable: true },
            (_, Reading::F64) => BufferDesc::F64 { nullable: true },
            (room, reading) => {
                let holds = core.binding.family.honest_sizes && room.is_some_and(|room| room <= WIDEST);
                if !(holds || core.fetches_again || forced) {
                    return None;
                }
                let room = room.filter(|room| *room <= WIDEST).unwrap_or(WINDOW);
                match (reading, core.binding.text) {
                    (Reading::Bytes, _) => BufferDesc::Binary { max_bytes: room },
                    // A character can be four bytes of UTF-8 and two units of UTF-16.
                    (_, Text::Narrow) => BufferDesc::Text { max_str_len: room * 4 },
                    (_, Text::Wide) => BufferDesc::WText { max_str_len: room * 2 },
                }
            }
        };
        bytes += description.bytes_per_row();
        columns.push(description);
    }
    let rows = (BYTES / bytes.max(1)).min(ROWS);
    if rows < WORTHWHILE && !forced {
        return None;
    }
    ColumnarDynBuffer::try_from_descs(rows.max(1), columns).ok()
}

/// The characters or bytes of the longest value that a column can have, if it is said.
fn room(shape: &Shape) -> Option<usize> {
    match shape.data_type {
        DataType::Char { length }
        | DataType::WChar { length }
        | DataType::Varchar { length }
        | DataType::WVarchar { length }
        | DataType::Binary { length }
        | DataType::Varbinary { length } => length.map(Into::into),
        // A sign, a point, and a zero before it.
        DataType::Numeric { precision, .. } | DataType::Decimal { precision, .. } => Some(precision.max(38) + 3),
        DataType::Date | DataType::Time { .. } | DataType::Timestamp { .. } | DataType::BigInt => Some(40),
        _ => None,
    }
}

/// A column of a block that was filled.
enum Cells<'b> {
    Bits(NullableSlice<'b, Bit>),
    Integers(NullableSlice<'b, i64>),
    Floats32(NullableSlice<'b, f32>),
    Floats(NullableSlice<'b, f64>),
    /// With the length of those that were cut, if any were.
    Bytes(BinColumnSlice<'b>, Option<usize>),
    Narrow(TextColumnSlice<'b, u8>, bool),
    Wide(TextColumnSlice<'b, u16>, bool),
}

impl<'b> Cells<'b> {
    fn of(slice: AnyColumnBufferSlice<'b>, shape: &Shape, text: Text) -> Option<Cells<'b>> {
        Some(match (shape.reading, text) {
            (Reading::Bool, _) => Cells::Bits(slice.as_nullable_slice()?),
            (Reading::I64, _) => Cells::Integers(slice.as_nullable_slice()?),
            (Reading::F32, _) => Cells::Floats32(slice.as_nullable_slice()?),
            (Reading::F64, _) => Cells::Floats(slice.as_nullable_slice()?),
            (Reading::Bytes, _) => {
                let cells = slice.as_binary()?;
                let cut = cells.has_truncated_values().and_then(|_| cells.iter().flatten().map(<[u8]>::len).max());
                Cells::Bytes(cells, cut)
            }
            (Reading::Text(_), Text::Narrow) => {
                let cells = slice.as_text()?;
                let cut = cells.has_truncated_values().is_some();
                Cells::Narrow(cells, cut)
            }
            (Reading::Text(_), Text::Wide) => {
                let cells = slice.as_wide_text()?;
                let cut = cells.has_truncated_values().is_some();
                Cells::Wide(cells, cut)
            }
        })
    }
}

/// The rows of a block, ready to be pushed one after another.
pub(super) struct Filled<'b> {
    columns: Vec<Cells<'b>>,
    shapes: &'b [Shape],
    fetches_again: bool,
    pub(super) rows: usize,
}

impl<'b> Filled<'b> {
    pub(super) fn of(core: &Core, block: &'b ColumnarDynBuffer, shapes: &'b [Shape]) -> Result<Filled<'b>> {
        let columns = shapes
            .iter()
            .enumerate()
            .map(|(number, shape)| Cells::of(block.column(number), shape, core.binding.text))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                Error::new(ErrorKind::Internal, "a column of a block is not of the type it was bound with")
            })?;
        Ok(Filled { columns, shapes, fetches_again: core.fetches_again, rows: block.num_rows() })
    }

    /// Pushes the cells of a row.
    pub(super) fn push(&self, row: usize, again: Again<'_>, out: &mut BatchBuilder) -> Result<(), Failure> {
        for ((number, cells), shape) in (1..).zip(&self.columns).zip(self.shapes) {
            let null = shape.kind();
            match cells {
                Cells::Bits(cells) => match cells.get(row) {
                    Some(bit) => out.push_bool(bit.0 != 0),
                    None => out.push_null(null),
                },
                Cells::Integers(cells) => match cells.get(row) {
                    Some(value) => out.push_i64(*value),
                    None => out.push_null(null),
                },
                Cells::Floats32(cells) => match cells.get(row) {
                    Some(value) => out.push_f32(*value),
                    None => out.push_null(null),
                },
                Cells::Floats(cells) => match cells.get(row) {
                    Some(value) => out.push_f64(*value),
                    None => out.push_null(null),
                },
                // Which cell was cut is not told, but one that was has filled its room.
                Cells::Bytes(cells, cut) => match cells.get(row) {
                    Some(bytes) if cut.is_some_and(|cut| bytes.len() >= cut) => {
                        out.push_bytes(&self.whole(row, number, CDataType::Binary, again)?)?;
                    }
                    Some(bytes) => out.push_bytes(bytes)?,
                    None => out.push_null(null),
                },
                Cells::Narrow(cells, cut) => match cells.get(row) {
                    Some(text) if *cut && text.len() >= cells.max_len() => {
                        let whole = self.whole(row, number, CDataType::Char, again)?;
                        shape.push_text(std::str::from_utf8(&whole).map_err(|_| not_unicode(number))?, out)?;
                    }
                    Some(text) => shape.push_text(std::str::from_utf8(text).map_err(|_| not_unicode(number))?, out)?,
                    None => out.push_null(null),
                },
                Cells::Wide(cells, cut) => match cells.get(row) {
                    Some(text) if *cut && text.len() >= cells.max_len() => {
                        let whole = self.whole(row, number, CDataType::WChar, again)?;
                        let units: Vec<u16> =
                            whole.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect();
                        shape.push_text(&String::from_utf16(&units).map_err(|_| not_unicode(number))?, out)?;
                    }
                    Some(text) => shape.push_text(&String::from_utf16(text).map_err(|_| not_unicode(number))?, out)?,
                    None => out.push_null(null),
                },
            }
        }
        Ok(())
    }

    /// A cell that was cut, whole.
    fn whole(&self, row: usize, column: u16, kind: CDataType, again: Again<'_>) -> Result<Vec<u8>, Failure> {
        if !self.fetches_again {
            return Err(Failure::Ours(Error::new(
                ErrorKind::Conversion,
                format!(
                    "a value in column {column} is longer than the driver announced, and it cannot be had from a block \
                     again; read the rows one by one with the option fetch=rows"
                ),
            )));
        }
        Ok(again.cell(row, column, kind)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Kind;

    fn shape(reading: Reading, data_type: DataType) -> Shape {
        Shape { reading, data_type, in_utc: false, type_name: None }
    }

    #[test]
    fn the_room_of_a_column_is_what_it_was_announced_with() {
        let text = Reading::Text(Kind::Text);
        let twenty = std::num::NonZeroUsize::new(20);
        assert_eq!(room(&shape(text, DataType::Varchar { length: twenty })), Some(20));
        assert_eq!(room(&shape(text, DataType::LongVarchar { length: twenty })), None);
        assert_eq!(room(&shape(text, DataType::Varchar { length: None })), None);
        assert_eq!(room(&shape(text, DataType::Numeric { precision: 5, scale: 2 })), Some(41));
    }
}
