//! Taking an answer in: its rows, the sets of rows behind the first, and leaving before the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql::prelude::Protocol;
use mysql::{Error as Native, QueryResult, ResultSet};

use super::error::{INTERRUPTED, number_of};
use super::reach::Reach;
use super::values::{Reading, of_column, push};
use crate::driver::{Batcher, Flow, RowSink};
use crate::error::Error;
use crate::row::{Column, Columns};
use crate::value::Offset;

/// How long the rest of an answer that nobody wants is read before the server is asked to stop.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long what is still on its way is read after the server has stopped; then the connection is given up.
const REMAINDER: Duration = Duration::from_millis(500);

/// How long the request to stop may take.
const KILL_TIME: Duration = Duration::from_secs(1);

/// What can end the reading of an answer.
pub(super) enum Fault {
    Native(Native),
    Ours(Error),
}

impl From<Native> for Fault {
    fn from(native: Native) -> Fault {
        Fault::Native(native)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Ours(error)
    }
}

/// What came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answer {
    pub(super) rows: u64,
    /// Whether there was a set of rows, be it an empty one.
    pub(super) has_rows: bool,
    /// Whether the server had been told to stop before all that was wanted had come.
    pub(super) is_cancelled: bool,
}

/// Takes in all that a statement answers: the first set of rows goes into `sink`, everything else is let go.
///
/// All of it is read, to the error that may stand at its end.
pub(super) fn take_in<P: Protocol>(
    mut result: QueryResult<'_, '_, '_, P>,
    reach: &Reach,
    zone: Option<Offset>,
    mut sink: Option<&mut dyn RowSink>,
) -> Result<Answer, Fault> {
    let mut answer = Answer::default();
    let mut refusal = None;
    let mut leaving = None;
    while let Some(set) = result.iter() {
        let mut set = Set { set, reach, is_read: false };
        let has_columns = !set.set.columns().as_ref().is_empty();
        answer.has_rows |= has_columns;
        let outcome = match sink.take_if(|_| has_columns) {
            Some(sink) => set.push_into(sink, zone, &mut answer.rows),
            None if leaving.is_none() => set.count(&mut answer.rows),
            None => Ok(Flow::Stop),
        };
        match outcome {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => {
                // From here on it is this side that tells the server to stop.
                answer.is_cancelled |= leaving.is_none() && reach.is_killed();
                set.leave(leaving.get_or_insert_with(Leaving::begun))?;
            }
            Err(Fault::Ours(error)) => {
                set.leave(leaving.get_or_insert_with(Leaving::begun))?;
                refusal = Some(error);
            }
            Err(fault) => return Err(fault),
        }
        set.is_read = true;
    }
    answer.is_cancelled |= leaving.is_none() && reach.is_killed();
    match refusal {
        Some(error) => Err(Fault::Ours(error)),
        None => Ok(answer),
    }
}

/// One set of rows. The crate reads it to its end when it is dropped, however long that takes; so if that is not near, the
/// connection is cut first.
struct Set<'s, 'a, 'b, 'c, 'd, P: Protocol> {
    set: ResultSet<'a, 'b, 'c, 'd, P>,
    reach: &'s Reach,
    is_read: bool,
}

impl<P: Protocol> Drop for Set<'_, '_, '_, '_, '_, P> {
    fn drop(&mut self) {
        if !self.is_read {
            self.reach.sever();
        }
    }
}

impl<P: Protocol> Set<'_, '_, '_, '_, '_, P> {
    fn next(&mut self) -> Result<Option<mysql::Row>, Fault> {
        self.set.next().transpose().map_err(|native| {
            // An error of the server is the end of its answer.
            self.is_read = number_of(&native).is_some();
            Fault::Native(native)
        })
    }

    fn count(&mut self, rows: &mut u64) -> Result<Flow, Fault> {
        while self.next()?.is_some() {
            *rows += 1;
        }
        Ok(Flow::Continue)
    }

    fn push_into(&mut self, sink: &mut dyn RowSink, zone: Option<Offset>, rows: &mut u64) -> Result<Flow, Fault> {
        let mut readings: Vec<Reading> = Vec::new();
        let mut list = Vec::new();
        for column in self.set.columns().as_ref() {
            let (reading, kind, type_name) = of_column(column, zone);
            readings.push(reading);
            let described = Column::new(column.name_str()).with_kind(kind).with_type_name(type_name);
            list.push(match column.table_ref() {
                b"" => described,
                _ => described.with_table(column.table_str()),
            });
        }
        let mut batcher = Batcher::new(sink, Arc::new(Columns::new(list)))?;
        while let Some(row) = self.next()? {
            *rows += 1;
            for (position, &reading) in readings.iter().enumerate() {
                let value = row.as_ref(position).unwrap_or(&mysql::Value::NULL);
                push(batcher.row(), value, reading, position)?;
            }
            if batcher.end_row(None)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        self.is_read = true;
        batcher.finish()?;
        Ok(Flow::Continue)
    }

    /// Reads on to the end, with all that can be done to have it soon.
    fn leave(&mut self, leaving: &mut Leaving) -> Result<(), Fault> {
        while !self.is_read {
            match self.set.next() {
                None => self.is_read = true,
                Some(Ok(_)) if leaving.is_over() => {
                    if !leaving.ask_to_stop(self.reach) {
                        // What is left is cut off; the connection is of no use any more, which it says of itself.
                        self.reach.sever();
                        self.is_read = true;
                    }
                }
                Some(Ok(_)) => {}
                // That it was stopped is what was asked for.
                Some(Err(native)) if leaving.was_asked && number_of(&native) == Some(INTERRUPTED) => {
                    self.is_read = true
                }
                Some(Err(native)) => {
                    self.is_read = number_of(&native).is_some();
                    return Err(Fault::Native(native));
                }
            }
        }
        Ok(())
    }
}

/// How far it has come with leaving.
struct Leaving {
    until: Instant,
    was_asked: bool,
}

impl Leaving {
    fn begun() -> Leaving {
        Leaving { until: Instant::now() + PATIENCE, was_asked: false }
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Asks the server to stop, once; false when there is nothing more to be done.
    fn ask_to_stop(&mut self, reach: &Reach) -> bool {
        if self.was_asked || !reach.kill(Instant::now() + KILL_TIME) {
            return false;
        }
        self.was_asked = true;
        self.until = Instant::now() + REMAINDER;
        true
    }
}
