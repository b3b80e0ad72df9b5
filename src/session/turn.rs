//! The terms of one operation: its deadline, its limits, and the ticket of the job it runs in.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pontoon_bridge::{Cause as StopCause, Settled};

use super::Boat;
use crate::driver::{Call, Limits};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::query::QueryOptions;
use crate::sql::{Statement, StatementKind};

/// What a running job sees of its worker.
pub(crate) type Ticket<'w> = pontoon_bridge::Ticket<'w, Boat>;

/// What an operation tells of itself before it is sent to a connection.
#[derive(Debug)]
pub struct Errand {
    /// Its deadline and limits.
    pub options: QueryOptions,
    /// The statement, where there is exactly one: for who asks what a connection is doing.
    pub statement: Option<Statement>,
    /// Whether the caller's own thread may run it, if the driver lends its connections.
    pub lending: Lending,
    /// It gets at the driver's own connection, and may install there what calls back into the program: from then on
    /// nothing runs on that connection but on its own thread.
    pub installs: bool,
    /// Where in the program it was asked for. Not yet by whom: most errands are over before anybody could ask.
    pub at: &'static Location<'static>,
}

/// Which work a caller may do on its own thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lending {
    /// None of this.
    #[default]
    Never,
    /// This, inside an open transaction.
    InTransaction,
    /// This, at any time.
    Always,
}

impl Errand {
    /// One statement.
    #[track_caller]
    pub fn statement(statement: &Statement, options: QueryOptions) -> Errand {
        let lending = match statement.kind() {
            StatementKind::Read => Lending::Always,
            StatementKind::Write => Lending::InTransaction,
            _ => Lending::Never,
        };
        Errand { options, statement: Some(statement.clone()), lending, installs: false, at: Location::caller() }
    }

    /// Anything at all, on the worker.
    #[track_caller]
    pub fn on_worker(options: QueryOptions) -> Errand {
        Errand { options, statement: None, lending: Lending::Never, installs: false, at: Location::caller() }
    }
}

/// How long putting things right may take: a rollback, a reset. What takes longer costs the connection.
const MEND_TIME: Duration = Duration::from_secs(5);

/// The terms of one operation.
pub struct Turn<'t> {
    /// None for what nobody can cancel.
    ticket: Option<&'t Ticket<'t>>,
    deadline: Option<Instant>,
    options: QueryOptions,
    /// Its rows go to a reader, who may leave before the end without giving anything up.
    streams: bool,
    /// One of several statements of the same job.
    is_one_of_many: bool,
    /// Whoever began the job has just looked at the clock: a queued job does not begin past its deadline, and a caller
    /// that runs its own has computed the deadline a moment ago.
    fresh: bool,
    /// The same for the first call to the driver: not for a caller's own end of a lent statement, which may lie in the
    /// past from the start. Atomic for its type alone, which has to travel between threads; nobody shares it.
    first: AtomicBool,
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl<'t> Turn<'t> {
    pub(crate) fn new(ticket: &'t Ticket<'t>, deadline: Option<Instant>, options: QueryOptions) -> Turn<'t> {
        let first = AtomicBool::new(!ticket.is_lent() || (options.timeout.is_none() && options.deadline.is_none()));
        Turn { ticket: Some(ticket), deadline, options, streams: false, is_one_of_many: false, fresh: true, first }
    }

    /// The terms of a stream: its deadlines are those of its reader, batch by batch.
    pub(crate) fn streaming(ticket: &'t Ticket<'t>, options: QueryOptions) -> Turn<'t> {
        Turn {
            ticket: Some(ticket),
            deadline: None,
            options,
            streams: true,
            is_one_of_many: false,
            fresh: true,
            first: AtomicBool::new(false),
        }
    }

    /// The terms of putting something right: nobody can cancel it.
    pub(crate) fn mending() -> Turn<'static> {
        Turn {
            ticket: None,
            deadline: None,
            options: QueryOptions::default(),
            streams: false,
            is_one_of_many: false,
            fresh: true,
            first: AtomicBool::new(false),
        }
    }

    /// Runs one statement among several of the same job on terms of its own: with its own deadline, if that is nearer.
    /// Says too whether the connection can be used afterwards as before.
    pub(crate) fn narrowed<R>(&self, options: QueryOptions, run: impl FnOnce(&Turn<'_>) -> R) -> (R, bool) {
        let own = match (options.timeout, options.deadline) {
            (None, None) => None,
            _ => options.ends_at(Instant::now()).filter(|own| self.deadline.is_none_or(|outer| *own < outer)),
        };
        let turn = Turn {
            ticket: self.ticket,
            deadline: own.or(self.deadline),
            options,
            streams: false,
            is_one_of_many: true,
            fresh: false,
            first: AtomicBool::new(false),
        };
        let (Some(ticket), Some(own)) = (self.ticket, own) else { return (run(&turn), true) };
        let (result, settled) = ticket.section(own, |ticket| run(&Turn { ticket: Some(ticket), ..turn }));
        (result, matches!(settled, Settled::Untouched | Settled::Fenced))
    }

    /// Whether it runs on its caller's own thread.
    pub(crate) fn is_lent(&self) -> bool {
        self.ticket.is_some_and(|ticket| ticket.is_lent())
    }

    /// Whether it is one of several statements of the same job.
    pub(crate) fn is_one_of_many(&self) -> bool {
        self.is_one_of_many
    }

    /// Whether the reader of a stream has had enough of it: no failure, and nothing to be undone.
    pub(crate) fn is_left(&self) -> bool {
        self.streams && self.ticket.is_some_and(|ticket| ticket.cause() == Some(StopCause::Dropped))
    }

    /// Whether the caller has given up.
    pub(crate) fn is_given_up(&self) -> bool {
        self.ticket.is_some_and(|ticket| ticket.cancelled())
    }

    /// Closes the window for cancels when one may be on its way, waits for it, and tells whether the connection can be
    /// used again. While nobody has given up there is nothing to wait for.
    pub(crate) fn settle(&self) -> bool {
        match self.ticket {
            Some(ticket) if ticket.cause().is_some() => {
                matches!(ticket.settle(), Settled::Untouched | Settled::Fenced)
            }
            _ => true,
        }
    }

    /// Runs what puts something right, in the middle of a job: no cancel reaches it, and if it takes too long it is
    /// severed. `None` when the connection is of no use any more: a cancel of the job may still be on its way and would
    /// hit it, so that it was not run, or it was severed.
    pub(crate) fn mend<R>(&self, work: impl FnOnce(&Call<'_>) -> R) -> Option<R> {
        let until = Instant::now() + MEND_TIME;
        let call = Call::until(Some(until));
        let Some(ticket) = self.ticket else { return Some(work(&call)) };
        let (result, settled) = ticket.section(until, |part| {
            // Waits for a cancel on its way to this part; to the job none is sent while the part runs. That it was asked
            // to stop keeps nobody from tidying up.
            let _ = part.shield();
            (part.cause().is_none() || self.settle()).then(|| work(&call))
        });
        result.filter(|_| matches!(settled, Settled::Untouched | Settled::Fenced))
    }

    /// Asks the database something that has no deadline of its own: it ends with the job, and after a few seconds. `None`
    /// when it was cut off then, and the connection with it.
    pub(crate) fn answered<R>(&self, ask: impl FnOnce() -> R) -> Option<R> {
        let until = Instant::now() + MEND_TIME;
        let Some(ticket) = self.ticket else { return Some(ask()) };
        let (answer, settled) = ticket.section(until, |_| ask());
        matches!(settled, Settled::Untouched | Settled::Fenced).then_some(answer)
    }

    /// From now on no cancel is sent; false when one was already.
    pub(crate) fn shield(&self) -> bool {
        self.ticket.is_none_or(|ticket| ticket.shield().is_ok())
    }

    pub(crate) fn options(&self) -> &QueryOptions {
        &self.options
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { max_rows: self.options.max_rows, max_bytes: self.options.max_bytes }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.options.read_only
    }

    /// The terms as a driver gets them.
    pub(crate) fn call(&self) -> Call<'t> {
        let call = match self.ticket {
            Some(ticket) => Call::new(self.deadline, ticket.cancel_flag()),
            None => Call::until(self.deadline),
        };
        let first = self.first.load(Ordering::Relaxed);
        if first {
            self.first.store(false, Ordering::Relaxed);
        }
        let call = if first { call.just_begun() } else { call };
        if self.options.read_only { call.read_only() } else { call }
    }

    /// Fails when nobody wants the answer any more.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_given_up() {
            return Err(self.given_up());
        }
        if let Some(deadline) = self.deadline
            && !self.fresh
        {
            if Instant::now() >= deadline {
                return Err(self.given_up());
            }
            // The call to the driver that comes next need not look again.
            self.first.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A statement that was cancelled because its deadline had passed: the database, which was asked to cancel it, does
    /// not know why.
    pub(crate) fn call_it_by_its_cause(&self, error: Error) -> Error {
        let is_late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if error.kind() != ErrorKind::Cancelled || !is_late {
            return error;
        }
        let effect = error.effect();
        error.with_kind(ErrorKind::Timeout).with_effect(effect).context("the deadline passed")
    }

    /// Why nobody wants the answer any more, for an operation that was not begun.
    pub(crate) fn given_up(&self) -> Error {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Error::new(ErrorKind::Timeout, "the deadline passed before the statement could start")
        } else {
            Error::new(ErrorKind::Cancelled, "the call was cancelled by its caller before the statement could start")
        }
        .with_effect(Effect::NotSent)
    }
}
