//! What is done with a connection, also while others read from it: with many drivers statements run inside each other.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::ReentrantMutex;

use super::bulk;
use super::catalog;
use super::core::{Core, MOST_ROWS};
use super::message::{CLOSE, CONTROLS_TRANSACTION, DONE, PING, QUERY, RESET, STATE, WANTS_KEY};
use super::reach::Reach;
use super::rows::put_set;
use crate::driver::foreign::known::Engine;
use crate::driver::foreign::statement::{
    changes_rows, had_no_rows, inserts, only_reads, refuse_without_rows, run_script,
};
use crate::driver::way::Reentrant;
use crate::driver::{BATCH_BYTES, BulkPath, Call, Catalog, Executed, Handle, LinkState, Reset, RowSink};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Bound, Dialect, Sets, Statement, StatementKind};
use crate::value::Value;

/// How long a host has to end a connection in good order.
const FAREWELL: Duration = Duration::from_secs(1);

impl Reentrant for Core {
    fn dialect(place: &ReentrantMutex<Core>) -> &'static Dialect {
        place.lock().speech.dialect
    }

    fn execute(&self, call: &Call<'_>, statement: &Bound<'_>) -> Result<Executed> {
        let inserts = inserts(&statement.sql);
        self.check(statement)?;
        let must_finish = !call.may_interrupt_writes()
            && self.speech.known.interrupted_write_ends_all
            && !only_reads(&statement.sql, self.speech.dialect);
        if must_finish {
            self.talk.reach.set_must_finish(true);
        }
        let done = self.run(Some(call), if inserts { WANTS_KEY } else { 0 }, &statement.sql, &statement.values);
        if must_finish {
            self.talk.reach.set_must_finish(false);
        }
        let done = done?;
        let affected = if changes_rows(&statement.sql) { done.affected.unwrap_or(0) } else { 0 };
        let key = match done.key {
            // Where a database counts from 1, a key of 0 is none; HSQLDB counts from 0.
            Value::I64(key) if inserts && affected > 0 && (key != 0 || self.speech.known.engine == Engine::Other) => {
                Some(key)
            }
            Value::U64(key) if inserts && affected > 0 => i64::try_from(key).ok(),
            _ => None,
        };
        Ok(Executed::new(affected, key))
    }

    fn query(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        statement: &Bound<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        refuse_without_rows(&statement.sql, self.speech.dialect)?;
        self.check(statement)?;
        let before = self.known_state();
        let first = u32::try_from(sink.batch_rows().max(1)).unwrap_or(MOST_ROWS).min(MOST_ROWS);
        let answer = self.ask(Some(call), QUERY, |frame| {
            frame.text(&statement.sql);
            put_set(frame, self.packing, statement.values.iter().map(Value::as_ref));
            frame.u32(first).u32(BATCH_BYTES as u32);
            Ok(())
        })?;
        self.keep(before, &statement.sql);
        if answer.kind == DONE {
            return Err(had_no_rows());
        }
        self.read(place, call, answer, first, sink)
    }

    fn batch(&self, call: &Call<'_>, script: &str) -> Result<()> {
        let dialect = self.speech.dialect;
        run_script(script, dialect, |text| {
            let kind = Statement::parse(text, dialect).map(|statement| statement.kind());
            let flags = if matches!(kind, Ok(StatementKind::Transaction(_))) { CONTROLS_TRANSACTION } else { 0 };
            self.run(Some(call), flags, text, &[]).map(drop)
        })
    }

    /// Asked unless nothing has happened since it was asked last.
    fn state(&self) -> LinkState {
        self.known_state().unwrap_or_else(|| {
            let state = match self.ask(None, STATE, |_| Ok(())) {
                Ok(answer) => answer.state.unwrap_or_else(|| self.probe()),
                Err(_) => LinkState::Unknown,
            };
            // What was asked with has changed nothing.
            self.set_state(state);
            state
        })
    }

    fn knows_state(place: &ReentrantMutex<Core>) -> bool {
        place.lock().known_state().is_some()
    }

    fn ping(&self, call: &Call<'_>) -> Result<()> {
        let time = call.remaining().map_or(u32::MAX, |left| u32::try_from(left.as_millis()).unwrap_or(u32::MAX));
        let before = self.known_state();
        self.done(Some(call), PING, |frame| {
            frame.u32(time);
            Ok(())
        })?;
        self.restore(before);
        Ok(())
    }

    fn execute_many(&self, call: &Call<'_>, sets: &mut Sets<'_>) -> Result<u64> {
        bulk::execute_many(self, call, sets)
    }

    fn bulk_insert(
        &self,
        call: &Call<'_>,
        table: &str,
        columns: &[String],
        rows: &mut dyn Iterator<Item = Vec<Value>>,
    ) -> Result<(u64, BulkPath)> {
        bulk::insert(self, call, table, columns, rows)
    }

    fn catalog(
        &self,
        place: &ReentrantMutex<Core>,
        call: &Call<'_>,
        request: &Catalog,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        catalog::describe(self, place, call, request, sink)
    }

    fn handle(&self) -> Arc<dyn Handle> {
        Arc::<Reach>::clone(&self.talk.reach)
    }

    /// By the host, where it can; else the connection is discarded.
    fn reset(&mut self, call: &Call<'_>, how: Reset) -> Result<()> {
        let done = self.done(Some(call), RESET, |frame| {
            frame.u8(u8::from(how == Reset::Full));
            Ok(())
        });
        match done {
            Ok(_) => {
                self.set_state(LinkState::Idle);
                Ok(())
            }
            // Its handle would be that of another connection, so the pool makes the new one.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                Err(Error::new(ErrorKind::Unsupported, "the driver cannot clean a session; the connection is replaced"))
            }
            Err(error) => Err(error),
        }
    }

    /// Lends nothing: the driver's own connection is in another process.
    fn raw(&mut self) -> Option<&mut dyn Any> {
        None
    }

    fn close(self) -> Result<()> {
        self.talk.set_patience(Some(FAREWELL))?;
        self.done(None, CLOSE, |_| Ok(())).map(drop)
    }
}
