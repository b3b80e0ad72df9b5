//! Rows: what a query returns, and how it is read.
//!
//! A result is stored once, not cell by cell. A [`Batch`] holds the [`Columns`] of its statement, fixed-size cells, one
//! heap for text and one for bytes; a [`Row`] is a batch and an index, so that handing rows on, keeping one of them or
//! sending it to another thread copies nothing. [`Rows`] is the list of batches that `fetch_all` returns.
//!
//! Reading is typed by what is asked for, not by what the column was declared as: `row.get::<i64>("id")`. Conversions
//! are exact or an error. Whole rows become tuples and structs through [`FromRow`].
//!
//! Keeping one `Row` keeps the whole batch it came from in memory. Batches are bounded (a few hundred rows), and
//! [`Row::to_values`] or [`Row::decode`] gives something that stands alone.

mod batch;
mod builder;
mod cell;
mod columns;
mod decode;
#[doc(hidden)]
pub mod derive;
mod index;
mod map;
mod record;
mod rows;

pub use batch::Batch;
pub(crate) use batch::Cells;
pub use builder::BatchBuilder;
#[cfg(feature = "postgres")]
pub(crate) use builder::Room;
pub use columns::{Column, Columns};
pub use decode::{Decoder, FromRow, Scalar};
pub use index::RowIndex;
pub use map::RowMap;
pub use record::Row;
pub use rows::{Rows, RowsCursor, RowsIter};
