//! Rows on their way to a reader: the worker pushes batches while the reader holds credit, and serves other statements
//! of the same connection while it waits.

use std::collections::VecDeque;
use std::sync::Arc;

use pontoon_bridge::{Cause as StopCause, Event, Feeder, PendingJob, Served, Unpushed};

use super::boat::{Boat, View};
use super::core::{Core, State};
use super::sink::Meter;
use super::stack::Cause;
use super::turn::{Ticket, Turn};
use crate::driver::{Flow, Link, RowSink};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::params::Params;
use crate::row::{Batch, Columns};
use crate::sql::Statement;

/// The worker's end of a stream.
pub(crate) type BatchFeeder = Feeder<Batch, Error>;

/// A look at the reader of a stream, from inside of it.
pub(crate) type Lookout = pontoon_bridge::Lookout<Batch, Error>;

/// The reader's end of a stream.
pub(crate) type BatchFeed = pontoon_bridge::Feed<Batch, Error>;

/// How many batches may be on their way.
pub(crate) const CREDIT: usize = 4;

/// Rows of the first batch, so that the first row comes soon.
const FIRST_ROWS: usize = 16;

/// Rows of a batch for a reader that stays.
const MOST_ROWS: usize = 512;

/// How many bytes are read ahead so that another statement can have the connection, where the driver cannot run both.
const SPILL_BYTES: usize = 16 * 1024 * 1024;

/// Runs a query whose rows go to `feeder`. To be run as a job of its own; the feed is ended in any case.
pub(crate) fn run<'t>(
    core: &mut Core<'_>,
    turn: &Turn<'_>,
    ticket: &'t Ticket<'t>,
    statement: &Statement,
    params: Params,
    feeder: BatchFeeder,
) {
    ticket.bind(&feeder);
    let mut spill = Spill::default();
    // Outlives the statement: a job that had to wait for its end is the first to run after it. Handed back to the queue
    // it would not be offered again while the reader is being waited for, and the reader may be waiting for it.
    let mut waiting = Vec::new();
    let result = core.stream(turn, statement, params, |state, query| {
        let mut sink = Sink {
            ticket,
            feeder: &feeder,
            state,
            meter: Meter::new(turn.limits()),
            rows: turn.options().batch_rows.map_or(FIRST_ROWS, usize::from),
            fixed: turn.options().batch_rows.is_some(),
            spill: &mut spill,
            waiting: &mut waiting,
        };
        let result = query(&mut sink);
        (result, sink.meter.tally())
    });
    let result = result.and_then(|()| {
        let mut behind = waiting.len();
        for job in waiting.drain(..) {
            behind -= 1;
            core.state_mut().behind += behind;
            serve(job, core, &feeder);
            core.state_mut().behind -= behind;
        }
        spill.drain(core, ticket, &feeder)
    });
    feeder.finish(result);
}

/// Runs another job of the same connection, in the middle of the stream that `feeder` feeds. A panic in it may be the
/// driver's, and the stream and whatever else comes in beside it would call the driver again before the worker hears of
/// it.
fn serve(job: PendingJob<'_, Boat>, core: &mut Core<'_>, feeder: &BatchFeeder) {
    let lookout = feeder.lookout();
    lookout.heed(true);
    core.enter_from(lookout);
    let served = job.run(&mut View::Nested(core.reborrow()));
    if let Some(lookout) = core.leave_to() {
        lookout.heed(false);
    }
    if served == Served::Panicked {
        let message = "a job panicked on this connection beside a stream".into();
        core.doubt(Cause { kind: ErrorKind::DriverPanic, message });
    }
}

/// Batches that were read before their reader was ready for them.
#[derive(Default)]
struct Spill {
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl Spill {
    fn keep(&mut self, batch: Batch) {
        self.bytes += batch.bytes();
        self.batches.push_back(batch);
    }

    fn pop(&mut self) -> Option<Batch> {
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes();
        Some(batch)
    }

    /// Hands out what is left. The statement is over, so that other jobs can have the connection as it is, and if the
    /// reader of a stream around this one waits, all of it goes out at once.
    fn drain(&mut self, core: &mut Core<'_>, ticket: &Ticket<'_>, feeder: &BatchFeeder) -> Result<()> {
        while let Some(mut batch) = self.pop() {
            loop {
                batch = match feeder.push(batch) {
                    Ok(()) => break,
                    Err(Unpushed::Stopped(_)) => return Ok(()),
                    Err(Unpushed::NoCredit(batch)) => batch,
                };
                if core.is_awaited() {
                    let mut rest = std::iter::once(batch).chain(self.batches.drain(..));
                    let _ = rest.all(|batch| feeder.push_past_credit(batch));
                    return Ok(());
                }
                match ticket.wait_for_credit_or(feeder, None, || core.is_awaited()) {
                    Event::Job(job) => serve(job, core, feeder),
                    Event::Cancelled => return stopped(ticket).map(|_| ()),
                    Event::Credit | Event::Expired => {}
                }
            }
        }
        Ok(())
    }
}

struct Sink<'s, 't> {
    ticket: &'t Ticket<'t>,
    feeder: &'s BatchFeeder,
    state: &'s mut State,
    meter: Meter,
    rows: usize,
    fixed: bool,
    spill: &'s mut Spill,
    /// Jobs that wait because the driver cannot serve them now.
    waiting: &'s mut Vec<PendingJob<'t, Boat>>,
}

impl RowSink for Sink<'_, '_> {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        self.meter.cap(self.rows)
    }

    fn wants_again(&self) -> bool {
        true
    }

    fn batch(&mut self, batch: Batch, mut again: Option<&mut dyn Link>) -> Result<Flow> {
        self.meter.add(&batch)?;
        if !self.fixed {
            self.rows = (self.rows * 2).min(MOST_ROWS);
        }
        // What was read ahead goes first.
        self.spill.keep(batch);
        while let Some(batch) = self.spill.pop() {
            match self.feeder.push(batch) {
                Ok(()) => continue,
                Err(Unpushed::Stopped(_)) => return Ok(Flow::Stop),
                Err(Unpushed::NoCredit(batch)) => {
                    self.spill.bytes += batch.bytes();
                    self.spill.batches.push_front(batch);
                }
            }
            if self.spill.bytes < SPILL_BYTES {
                // Somebody waits for the connection: read on, so that it comes free.
                if !self.waiting.is_empty() {
                    self.take_jobs();
                    return self.read_on();
                }
                if self.state.is_awaited() {
                    return self.read_on();
                }
            } else if self.is_awaited_by_its_own_reader() {
                return Err(by_turns());
            }
            self.refuse_waiting();
            let has_room = self.spill.bytes < SPILL_BYTES;
            let stands_still = || if has_room { self.state.is_awaited() } else { self.is_awaited_by_its_own_reader() };
            match self.ticket.wait_for_credit_or(self.feeder, None, stands_still) {
                Event::Credit | Event::Expired => {}
                Event::Cancelled => return stopped(self.ticket),
                Event::Job(job) => match again.as_deref_mut() {
                    Some(link) => {
                        serve(job, &mut Core::new(link, self.state), self.feeder);
                        if let Some(doubt) = &self.state.doubt {
                            return Err(Error::new(
                                ErrorKind::ConnectionLost,
                                format!("another statement broke the connection that this stream reads from: {doubt}"),
                            ));
                        }
                    }
                    None => self.waiting.push(job),
                },
            }
        }
        Ok(Flow::Continue)
    }
}

impl Sink<'_, '_> {
    /// Whether the thread that reads this stream waits for one around it, and so will never read on.
    fn is_awaited_by_its_own_reader(&self) -> bool {
        let reader = self.feeder.read_by();
        self.state.outer.iter().any(|outer| outer.is_waiting_on(reader))
    }

    /// While reading ahead: whether to go on.
    fn read_on(&self) -> Result<Flow> {
        if self.ticket.cause().is_some() {
            return stopped(self.ticket);
        }
        Ok(if self.feeder.is_stopped() { Flow::Stop } else { Flow::Continue })
    }

    fn take_jobs(&mut self) {
        while let Some(job) = self.ticket.next_job() {
            self.waiting.push(job);
        }
    }

    fn refuse_waiting(&mut self) {
        for job in self.waiting.drain(..) {
            job.refuse(format!(
                "a stream is open on this connection, its driver runs one statement at a time, and {} MiB were read \
                 ahead for nothing: read the stream to its end first, or use another connection",
                SPILL_BYTES / (1024 * 1024)
            ));
        }
    }
}

impl State {
    /// Whether somebody waits for the end of what runs now: a job behind it, or the reader of a stream around it.
    fn is_awaited(&self) -> bool {
        self.behind > 0 || self.outer.iter().any(Lookout::is_waiting)
    }
}

impl Core<'_> {
    /// What runs from now on does so inside a stream.
    fn enter_from(&mut self, outer: Lookout) {
        self.state_mut().outer.push(outer);
    }

    fn leave_to(&mut self) -> Option<Lookout> {
        self.state_mut().outer.pop()
    }

    fn is_awaited(&self) -> bool {
        self.state().is_awaited()
    }
}

#[cold]
fn by_turns() -> Error {
    Error::new(
        ErrorKind::ConnectionBusy,
        format!(
            "the thread that reads this stream waits for another stream of the same connection, which was begun before \
             and goes on only when this one is at its end, and {} MiB were read ahead for nothing: read one of the two to \
             its end first, or give them connections of their own",
            SPILL_BYTES / (1024 * 1024)
        ),
    )
    .with_effect(Effect::NotApplied)
}

/// Why a stream stops before its end: nobody reads it, or it was asked to.
fn stopped(ticket: &Ticket<'_>) -> Result<Flow> {
    match ticket.cause() {
        Some(StopCause::Dropped) => Ok(Flow::Stop),
        Some(StopCause::Deadline) => {
            Err(Error::new(ErrorKind::Timeout, "the deadline passed before the stream was read to its end"))
        }
        _ => Err(Error::new(ErrorKind::Cancelled, "the stream was stopped because its database was closed")),
    }
}
