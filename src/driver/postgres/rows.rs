//! Rows on their way out: off the socket as they are wanted, or from a cursor.
//!
//! Outside a transaction rows are read off the socket, by a [tap](super::tap), and the connection is taken until they end;
//! the client library gives them one by one on a Unix socket, where nothing can be tapped, and where a text is read anew
//! with each run and may have other columns than before. In a transaction a stream reads from a cursor, so that other
//! statements run between two batches. A cursor is never made where there is no transaction: it would need one, and the
//! statements that run beside it would be in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Error as Native, Row, RowIter};

use super::core::{Core, Failure, LONGEST, too_long};
use super::link::Way;
use super::statements::{Prepared, kind_of};
use super::tap::Tap;
use super::types::Shape;
use super::wire::Wire;
use crate::driver::{BATCH_BYTES, Batcher, Call, Flow, LinkState, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::row::BatchBuilder;
use crate::sql::{Bound, StatementKind};

/// How long the rest of a result is read that nobody wants, before the server is asked to stop.
const REST: Duration = Duration::from_millis(2);

impl Core {
    pub(super) fn query(&mut self, call: &Call<'_>, bound: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        call.check_first()?;
        if bound.sql.len() > LONGEST {
            return Err(too_long("the statement is"));
        }
        if sink.wants_again() && is_declarable(&bound.sql) && self.state() == LinkState::Open {
            return self.query_by_cursor(call, bound, sink);
        }
        let kind = self.with_prepared(&bound.sql, bound, |core, prepared, params| {
            core.read_off(prepared, params, sink)?;
            Ok(prepared.kind)
        })?;
        self.ran(kind);
        Ok(())
    }

    /// Reads rows off the socket for as long as they are wanted.
    fn read_off(
        &mut self,
        prepared: &Prepared,
        params: &[&(dyn ToSql + Sync)],
        sink: &mut dyn RowSink,
    ) -> Result<(), Failure> {
        let shape = prepared.shape.as_ref().ok_or_else(|| Failure::Ours(no_rows()))?;
        // What writes is brought to its end, and a transaction must not be ended by a cancel.
        let may_cancel = prepared.kind == StatementKind::Read && self.wire.status() == Some(b'I');
        // Elsewhere the columns are not known for sure.
        let tapped = match &prepared.text {
            None => Tapped::begin(&self.wire, shape, sink.batch_rows()),
            Some(_) => None,
        };
        self.wire.ask_for_text(shape.text);
        let rows = Core::query_native(&mut self.client, prepared, params);
        self.wire.ask_for_text(false);
        let mut rows = Incoming { first: None, rest: rows.map_err(Failure::Native)? };
        let mut renewed = None;
        if let Some(text) = &prepared.text {
            // The text is read anew with each run, and its table may have other columns than when it was described.
            rows.first = rows.rest.next().map_err(Failure::Native)?;
            if let Some(row) = &rows.first
                && !has_columns(row, &prepared.native)
            {
                self.statements.forget(text);
                renewed = self.statements.shape_of(row.columns());
            }
        }
        let shape = match &renewed {
            // The form in which columns come is asked for before they are known.
            Some(renewed) if renewed.text != shape.text => return Err(Failure::Ours(changed())),
            Some(renewed) => renewed,
            None => shape,
        };
        let pumped = match &tapped {
            Some(tapped) => tapped.pump(&mut rows, shape, sink),
            None => pump(&mut rows, shape, sink),
        };
        let result = match pumped {
            Pumped::End(result) => return result.map_err(Failure::Ours),
            Pumped::Failed(native) => {
                drop(rows);
                drop(tapped);
                return Err(Failure::Ours(self.failed(native)));
            }
            Pumped::Stopped(result) => result,
        };
        let rest = read_rest(&mut rows, tapped.as_ref(), may_cancel);
        drop(rows);
        drop(tapped);
        match rest {
            Ok(true) => {}
            Ok(false) => {
                self.cancel();
                // Reads the rest of the answer, whatever it is: what was in the sockets, and that it was cancelled.
                self.state();
            }
            Err(native) => {
                let error = self.failed(native);
                // What fails behind the last row that was wanted has failed with the whole statement.
                result.map_err(Failure::Ours)?;
                return Err(Failure::Ours(error));
            }
        }
        result.map_err(Failure::Ours)
    }

    /// Reads from a cursor; the connection is free between two batches.
    ///
    /// Whoever leaves while the server works on the next rows has them cancelled, and a cancel ends the transaction: so a
    /// savepoint stands around each FETCH. It stays where it is until somebody else uses the connection
    /// ([`free`](Core::free)), which a stream that is only read never sees; what others do must not stand inside of it.
    fn query_by_cursor(&mut self, call: &Call<'_>, bound: &Bound<'_>, sink: &mut dyn RowSink) -> Result<()> {
        self.cursors += 1;
        let cursor = format!("pontoon_cursor_{}", self.cursors);
        let declare = format!("DECLARE {cursor} NO SCROLL CURSOR FOR {}", bound.sql);
        self.guard()?;
        let mut is_inside = true;
        let declared = self.with_prepared(&declare, bound, |core, prepared, params| {
            core.execute_native(prepared, params).map_err(Failure::Native)
        });
        self.statements.forget(&declare);
        let is_declared = declared.is_ok();
        let result = declared.and_then(|_| self.fetch_from(call, &cursor, sink, &mut is_inside));
        let handle = Arc::clone(&self.handle);
        let _quiet = handle.quiet();
        let is_guarded = std::mem::take(&mut self.is_guarded);
        let was_cancelled = || result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled);
        let (undo, is_there) = match self.state() {
            LinkState::Open if is_guarded => ("RELEASE SAVEPOINT pontoon_cursor; ", is_declared),
            LinkState::Open => ("", is_declared),
            LinkState::Failed if is_guarded && was_cancelled() => {
                // A cursor that was declared behind the savepoint goes with it.
                let undo = "ROLLBACK TO SAVEPOINT pontoon_cursor; RELEASE SAVEPOINT pontoon_cursor; ";
                (undo, is_declared && !is_inside)
            }
            _ => return result,
        };
        let close = if is_there { format!("CLOSE {cursor}") } else { String::new() };
        if !(undo.is_empty() && close.is_empty()) {
            self.run(&format!("{undo}{close}"))?;
        }
        result
    }

    /// `is_inside`: whether the cursor was declared behind the savepoint that is set now.
    fn fetch_from(
        &mut self,
        call: &Call<'_>,
        cursor: &str,
        sink: &mut dyn RowSink,
        is_inside: &mut bool,
    ) -> Result<()> {
        let described = self.client.prepare(&format!("FETCH 1 FROM {cursor}")).map_err(|native| self.failed(native))?;
        let shape = Shape::of(described.columns(), self.wire.is_plugged());
        drop(described);
        sink.columns(&shape.columns)?;
        let mut builder = BatchBuilder::new(Arc::clone(&shape.columns));
        // Rows that are large come a few at a time.
        let mut most = usize::MAX;
        loop {
            if !self.is_guarded {
                self.guard()?;
                *is_inside = false;
            }
            // After a cancel that was on its way.
            call.check()?;
            let wanted = sink.batch_rows().clamp(1, most.max(1));
            let fetch = format!("FETCH FORWARD {wanted} FROM {cursor}");
            self.wire.ask_for_text(shape.text);
            let fetched = self.client.query_typed(&fetch, &[]);
            self.wire.ask_for_text(false);
            let rows: Vec<Row> = fetched.map_err(|native| self.failed(native))?;
            for row in &rows {
                shape.read(row, &mut builder)?;
            }
            if rows.is_empty() {
                return Ok(());
            }
            let is_end = rows.len() < wanted;
            most = BATCH_BYTES * rows.len() / builder.bytes().max(1);
            let flow = sink.batch(builder.take()?, Some(&mut Way::again(self)))?;
            if is_end || flow == Flow::Stop {
                return Ok(());
            }
        }
    }

    /// Sets the savepoint of a cursor.
    fn guard(&mut self) -> Result<()> {
        let handle = Arc::clone(&self.handle);
        let _quiet = handle.quiet();
        self.run("SAVEPOINT pontoon_cursor")?;
        self.is_guarded = true;
        Ok(())
    }

    /// Takes the savepoint of a cursor away that this connection is read from, for who is not that cursor. A cancel that
    /// is on its way to the cursor is over afterwards.
    pub(super) fn free(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_guarded) {
            return Ok(());
        }
        let handle = Arc::clone(&self.handle);
        let _quiet = handle.quiet();
        self.run("RELEASE SAVEPOINT pontoon_cursor")
    }
}

/// The rows of a result that are still to come.
struct Incoming<'c> {
    /// One that was looked at before it was wanted.
    first: Option<Row>,
    rest: RowIter<'c>,
}

impl Incoming<'_> {
    fn next(&mut self) -> Result<Option<Row>, Native> {
        match self.first.take() {
            Some(row) => Ok(Some(row)),
            None => self.rest.next(),
        }
    }
}

/// Whether a row has the columns that its statement was described with.
fn has_columns(row: &Row, described: &postgres::Statement) -> bool {
    let columns = row.columns().iter().map(|column| (column.name(), column.type_()));
    columns.eq(described.columns().iter().map(|column| (column.name(), column.type_())))
}

/// Rows that are taken off the wire, for as long as this is there.
struct Tapped {
    wire: Arc<Wire>,
}

impl Tapped {
    fn begin(wire: &Arc<Wire>, shape: &Arc<Shape>, wanted: usize) -> Option<Tapped> {
        wire.set_tap(Tap::new(Arc::clone(shape), wanted)).then(|| Tapped { wire: Arc::clone(wire) })
    }

    /// Each row that the client gives is a call for a batch.
    fn pump(&self, rows: &mut Incoming<'_>, shape: &Shape, sink: &mut dyn RowSink) -> Pumped {
        if let Err(error) = sink.columns(&shape.columns) {
            return Pumped::Stopped(Err(error));
        }
        loop {
            let is_end = match rows.next() {
                Ok(call) => call.is_none(),
                Err(native) => return Pumped::Failed(native),
            };
            let flow = match self.wire.with_tap(Tap::batch).unwrap_or(Ok(None)) {
                Ok(Some((batch, room))) => sink.batch(batch, None).inspect(|flow| {
                    if !is_end && *flow == Flow::Continue {
                        self.wire.with_tap(|tap| tap.again(room, sink.batch_rows()));
                    }
                }),
                Ok(None) => Ok(Flow::Continue),
                Err(error) => Err(error),
            };
            match flow {
                _ if is_end => return Pumped::End(flow.map(|_| ())),
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => return Pumped::Stopped(Ok(())),
                Err(error) => return Pumped::Stopped(Err(error)),
            }
        }
    }

    fn discard(&self) {
        self.wire.with_tap(Tap::discard);
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.wire.end_tap();
    }
}

enum Pumped {
    /// There are no more.
    End(Result<()>),
    /// Nobody wants more, or they could not be read.
    Stopped(Result<()>),
    /// The server says why there are no more.
    Failed(Native),
}

fn pump(rows: &mut Incoming<'_>, shape: &Shape, sink: &mut dyn RowSink) -> Pumped {
    let mut batcher = match Batcher::new(sink, Arc::clone(&shape.columns)) {
        Ok(batcher) => batcher,
        Err(error) => return Pumped::Stopped(Err(error)),
    };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => {
                return Pumped::End(batcher.finish());
            }
            Err(native) => return Pumped::Failed(native),
        };
        match shape.read(&row, batcher.row()).and_then(|()| batcher.end_row(None)) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => return Pumped::Stopped(Ok(())),
            Err(error) => return Pumped::Stopped(Err(error)),
        }
    }
}

/// Reads what is left; false when it is too much and need not be.
fn read_rest(rows: &mut Incoming<'_>, tapped: Option<&Tapped>, may_cancel: bool) -> Result<bool, Native> {
    let begun = Instant::now();
    loop {
        if let Some(tapped) = tapped {
            tapped.discard();
        }
        if rows.next()?.is_none() {
            return Ok(true);
        }
        if may_cancel && begun.elapsed() > REST {
            return Ok(false);
        }
    }
}

/// Whether a cursor can be declared for it: SELECT and its like, and nothing that writes.
fn is_declarable(sql: &str) -> bool {
    let text = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let reads = ["select", "with", "values", "table"].iter().any(|word| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
    });
    reads && kind_of(sql) == StatementKind::Read
}

#[cold]
fn changed() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "a table of this statement was changed after the statement was described: run it again",
    )
    .with_effect(Effect::Unknown)
}

#[cold]
fn no_rows() -> Error {
    Error::new(ErrorKind::Misuse, "the statement returns no rows: run it with execute, or add a RETURNING clause")
        .with_effect(Effect::NotSent)
}
