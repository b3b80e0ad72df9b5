//! What is in the database, as the host tells it.

use parking_lot::ReentrantMutex;

use super::core::Core;
use super::message;
use crate::driver::{BATCH_BYTES, Call, Catalog, RowSink};
use crate::error::Result;

/// The rows that are asked for first.
const FIRST: u32 = 64;

pub(super) fn describe(
    core: &Core,
    place: &ReentrantMutex<Core>,
    call: &Call<'_>,
    request: &Catalog,
    sink: &mut dyn RowSink,
) -> Result<()> {
    let (what, table) = match request {
        Catalog::Tables => (0, ""),
        Catalog::Columns(table) => (1, table.as_str()),
        Catalog::Indexes(table) => (2, table.as_str()),
        Catalog::ForeignKeys(table) => (3, table.as_str()),
    };
    let before = core.known_state();
    let answer = core.ask(Some(call), message::CATALOG, |frame| {
        frame.u8(what).text(table).u32(FIRST).u32(BATCH_BYTES as u32);
        Ok(())
    })?;
    core.restore(before);
    core.read(place, call, answer, FIRST, sink)
}
