//! A connection that belongs to a caller: its handles, whose turn it is, and who has a transaction open on it.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;
use pontoon_bridge::{Gate, GateError, Permit, block_on};

use crate::caller::{CallerId, Party};
use crate::database::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Hold, Undo, fault};
use crate::query::QueryOptions;
use crate::session::{Core, Errand, Lending, Pinned, SoleWriter, Token, Turn};
use crate::site::Site;
use crate::sql::TxOptions;
use crate::wait::{ByTask, ByThread, Wait};

/// A connection in its callers' hands. A `Connection` and all its clones are one lease; so are a transaction and what is
/// done through the database by the caller that began it.
#[derive(Debug)]
pub(crate) struct Lease {
    hold: Hold,
    pinned: bool,
    /// It was taken for a stream of the database, and nobody asked for a connection.
    streams: bool,
    /// Held by the outermost transaction.
    turn: Gate,
    holder: Mutex<Option<Holder>>,
    /// Transactions that are open, as their handles count them.
    open: AtomicUsize,
    conflicts: AtomicU64,
    /// Of what a pinned lease holds alone.
    _pinned: Option<Pinned>,
}

/// Whose turn it is. It lasts for as long as anything of that caller's is open that needs it: a transaction, a stream,
/// or what was begun in the middle of either and outlives it.
#[derive(Debug)]
struct Holder {
    caller: CallerId,
    /// The handle of the connection that it was asked of, if it was one.
    handle: Option<CallerId>,
    what: Holding,
    site: Site,
    turn: Weak<Permit>,
}

/// What somebody has his turn for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holding {
    Transaction,
    Statement,
}

/// By which right somebody uses a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// By a handle of it: takes part in whatever is open.
    Handle,
    /// Under force rollback: waits while somebody else's transaction is open. One that was begun on the same handle of
    /// the connection, by whatever caller, is not somebody else's.
    Guest { caller: CallerId, handle: Option<CallerId> },
}

/// A transaction that is open on a lease. Dropping it rolls back, without waiting for it.
#[derive(Debug)]
pub(crate) struct Open {
    lease: Arc<Lease>,
    token: Option<Token>,
    /// How many were open before it.
    outside: usize,
    /// None for one that was begun inside another one by its handle, which outlives it.
    #[expect(dead_code, reason = "held for its drop")]
    turn: Option<Arc<Permit>>,
}

impl Lease {
    pub(crate) fn new(hold: Hold) -> Arc<Lease> {
        Arc::new(Lease::of(hold, false))
    }

    /// A lease that a stream of the database takes for itself.
    pub(crate) fn for_a_stream(hold: Hold) -> Arc<Lease> {
        Arc::new(Lease { streams: true, ..Lease::of(hold, false) })
    }

    /// Whether a further stream of the same caller has to take another connection: of two streams on one, the older waits
    /// for the end of the younger, which can be read ahead for a loop that reads both by turns, but not for ever. Inside a
    /// transaction there is no choice.
    pub(crate) fn has_its_stream(&self) -> bool {
        self.streams && !self.is_in_transaction()
    }

    fn of(hold: Hold, pinned: bool) -> Lease {
        Lease {
            hold,
            pinned,
            streams: false,
            turn: Gate::new(1, usize::MAX),
            holder: Mutex::new(None),
            open: AtomicUsize::new(0),
            conflicts: AtomicU64::new(0),
            _pinned: None,
        }
    }

    /// A lease whose root transaction is the pin of force rollback. `claim` is what it holds alone.
    pub(crate) async fn pin(
        wait: impl Wait,
        hold: Hold,
        claim: Option<(SoleWriter, Pinned)>,
        deadline: Option<Instant>,
    ) -> Result<Arc<Lease>> {
        let (sole, pinned) = claim.unzip();
        let errand = Errand::on_worker(QueryOptions::default());
        hold.dispatch(wait, errand, deadline, None, |core, turn| core.pin(turn, &TxOptions::default(), sole)).await?;
        Ok(Arc::new(Lease { _pinned: pinned, ..Lease::of(hold, true) }))
    }

    /// Whether it is the one connection of force rollback.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Whether somebody's transaction is open on it.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn hold(&self) -> &Hold {
        &self.hold
    }

    /// Runs a job on the connection, which the calling thread waits for and may run itself.
    pub(crate) fn perform<T: Send + 'static>(
        &self,
        access: Access,
        errand: Errand,
        deadline: Option<Instant>,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = match access {
            // Needs no turn, and so no future to wait for one.
            Access::Handle => None,
            Access::Guest { .. } => block_on(self.guest_turn(ByThread, access, deadline, errand.at))?,
        };
        let lend = !self.pinned
            && match errand.lending {
                Lending::Always => true,
                Lending::InTransaction => self.is_in_transaction(),
                Lending::Never => false,
            };
        self.noted(self.hold.perform(errand, lend, deadline, self.undo(), job))
    }

    /// The same for a task, whose thread never runs it.
    pub(crate) async fn dispatch<T: Send + 'static>(
        &self,
        access: Access,
        errand: Errand,
        deadline: Option<Instant>,
        job: impl FnOnce(&mut Core<'_>, &Turn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _turn = self.guest_turn(ByTask, access, deadline, errand.at).await?;
        self.noted(self.hold.dispatch(ByTask, errand, deadline, self.undo(), job).await)
    }

    /// What is done with a statement whose caller left before its end: one that was told that it is too late, or gave it
    /// up, must not have it committed with the rest. The end of its job is where that is known for sure: before, the
    /// program's own code may run past the deadline, and after it others.
    fn undo<T>(&self) -> Option<Undo<T>> {
        self.is_in_transaction().then_some(|core, _, _| core.give_up())
    }

    /// How many conflicts with other transactions were met on it: statements, of whichever handle, that could not be put
    /// in an order with those of others.
    pub(crate) fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    fn noted<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.note(error);
        }
        result
    }

    pub(crate) fn note(&self, error: &Error) {
        if is_conflict(error) {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether this caller has its turn on it.
    pub(crate) fn is_held_by(&self, caller: CallerId) -> bool {
        self.turn_held(|holder| holder.caller == caller).is_some()
    }

    /// For a guest, the right to the connection for one statement, shared with what that caller has open already.
    pub(crate) async fn guest_turn(
        &self,
        wait: impl Wait,
        access: Access,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Option<Arc<Permit>>> {
        let Access::Guest { caller, handle } = access else { return Ok(None) };
        let own = |holder: &Holder| holder.caller == caller || (handle.is_some() && holder.handle == handle);
        if let Some(turn) = self.turn_held(own) {
            return Ok(Some(turn));
        }
        self.next_turn(wait, caller, handle, Holding::Statement, deadline, &Site::at(at)).await.map(Some)
    }

    /// The turn that somebody has just now, if it is one of these.
    fn turn_held(&self, is_one: impl FnOnce(&Holder) -> bool) -> Option<Arc<Permit>> {
        self.holder.lock().as_ref().filter(|holder| is_one(holder)).and_then(|holder| holder.turn.upgrade())
    }

    async fn next_turn(
        &self,
        wait: impl Wait,
        caller: CallerId,
        handle: Option<CallerId>,
        what: Holding,
        deadline: Option<Instant>,
        site: &Site,
    ) -> Result<Arc<Permit>> {
        if self.hold.is_mine() {
            return Err(fault::nested());
        }
        let turn = match wait.permit(&self.turn, deadline).await {
            Ok(turn) => Arc::new(turn),
            Err(GateError::Closed) => return Err(fault::gone()),
            Err(GateError::NoWatch) => return Err(fault::no_watch()),
            Err(_) => return Err(self.still_held()),
        };
        *self.holder.lock() = Some(Holder { caller, handle, what, site: site.clone(), turn: Arc::downgrade(&turn) });
        Ok(turn)
    }

    /// Somebody else's turn did not end in time.
    fn still_held(&self) -> Error {
        let holder = match &*self.holder.lock() {
            Some(Holder { what: Holding::Transaction, site, .. }) => format!("the transaction begun at {site}"),
            Some(Holder { what: Holding::Statement, site, .. }) => format!("the statement at {site}"),
            None => "another caller".to_owned(),
        };
        Error::new(
            ErrorKind::Busy,
            format!(
                "the deadline passed while waiting for {holder} to end on the connection that both use: \
                 to take part in it, pass its handle and begin on that"
            ),
        )
        .with_effect(crate::Effect::NotSent)
    }

    /// Begins a transaction: inside the caller's own if it has one open, else after whoever has one open. `handle`: of
    /// the connection, if it is asked of one.
    pub(crate) async fn begin(
        self: &Arc<Lease>,
        wait: impl Wait,
        caller: CallerId,
        handle: Option<CallerId>,
        options: &TxOptions,
        deadline: Option<Instant>,
        site: Site,
    ) -> Result<Open> {
        let turn = match self.turn_held(|holder| holder.caller == caller) {
            Some(turn) => turn,
            None => self.next_turn(wait, caller, handle, Holding::Transaction, deadline, &site).await?,
        };
        self.open_with(wait, None, options, deadline, Some(turn)).await
    }

    /// Begins a transaction inside this one, by right of its handle.
    pub(crate) async fn begin_inside(
        self: &Arc<Lease>,
        wait: impl Wait,
        outer: Token,
        options: &TxOptions,
        deadline: Option<Instant>,
    ) -> Result<Open> {
        self.open_with(wait, Some(outer), options, deadline, None).await
    }

    async fn open_with(
        self: &Arc<Lease>,
        wait: impl Wait,
        outer: Option<Token>,
        options: &TxOptions,
        deadline: Option<Instant>,
        turn: Option<Arc<Permit>>,
    ) -> Result<Open> {
        // From here on the drop of `open` gives the turn back, whatever happens.
        let mut open = Open { lease: Arc::clone(self), token: None, outside: 0, turn };
        let options = *options;
        let errand = Errand::on_worker(QueryOptions::default());
        let undo: Undo<Token> = |core, turn, token| {
            // A rollback that fails has condemned the connection; there is nobody left to tell.
            let _ = core.abandon(turn, token);
        };
        let begin = move |core: &mut Core<'_>, turn: &Turn<'_>| {
            outer.map_or(Ok(()), |outer| core.expect_open(outer))?;
            core.begin(turn, &options)
        };
        let token = self.hold.dispatch(wait, errand, deadline, Some(undo), begin).await;
        let token = self.noted(token)?;
        open.outside = self.open.fetch_add(1, Ordering::Relaxed);
        open.token = Some(token);
        Ok(open)
    }
}

impl Open {
    pub(crate) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// Commits. `Busy` leaves the transaction open; every other error has ended it. Dropped while it is awaited: a COMMIT
    /// that has not been sent never is, one that was goes on to its end.
    pub(crate) async fn commit(&mut self, wait: impl Wait, deadline: Option<Instant>) -> Result<()> {
        let token = self.token()?;
        let errand = Errand::on_worker(QueryOptions::default());
        let commit = move |core: &mut Core<'_>, turn: &Turn<'_>| core.commit(turn, token);
        let result = self.lease.hold.dispatch(wait, errand, deadline, None, commit).await;
        match result {
            Err(error) if error.kind() == ErrorKind::Busy => Err(error),
            Err(error) if error.kind() == ErrorKind::Timeout && error.effect() == crate::Effect::Unknown => {
                // COMMIT was on its way when this caller left.
                self.lease.hold.left_unknown();
                self.abandon();
                self.lease.hold.condemn();
                Err(Error::new(
                    ErrorKind::CommitUnknown,
                    "COMMIT was sent and not answered before the deadline: it may or may not be committed, ask the data",
                )
                .with_source(error))
            }
            Err(error) if error.kind() == ErrorKind::Misuse => Err(error),
            Err(error) if error.effect() == crate::Effect::Unknown && error.kind() != ErrorKind::CommitUnknown => {
                // The connection went, or the driver panicked, while COMMIT was on its way.
                self.lease.hold.left_unknown();
                self.abandon();
                let message = "COMMIT was sent and its answer is lost: it may or may not be committed, ask the data";
                Err(Error::new(ErrorKind::CommitUnknown, message).with_source(error))
            }
            Err(error) => {
                self.abandon();
                Err(error)
            }
            Ok(()) => {
                self.finished();
                Ok(())
            }
        }
    }

    /// Rolls back and waits for it.
    pub(crate) async fn rollback(&mut self, wait: impl Wait, deadline: Option<Instant>) -> Result<()> {
        let token = self.token()?;
        let errand = Errand::on_worker(QueryOptions::default());
        let rollback = move |core: &mut Core<'_>, turn: &Turn<'_>| core.rollback(turn, token);
        let result = self.lease.hold.dispatch(wait, errand, deadline, None, rollback).await;
        match result {
            Err(error) if error.kind() == ErrorKind::Misuse => Err(error),
            Err(error) => {
                self.abandon();
                Err(error)
            }
            Ok(()) => {
                self.finished();
                Ok(())
            }
        }
    }

    /// Has it rolled back, if it is still open, without waiting for it.
    fn abandon(&mut self) {
        if let Some(token) = self.token {
            self.finished();
            self.lease.hold.post(move |core, turn| {
                // A rollback that fails has condemned the connection; there is nobody left to tell.
                let _ = core.abandon(turn, token);
            });
        }
    }

    /// What names it on the connection.
    pub(crate) fn token(&self) -> Result<Token> {
        self.token.ok_or_else(|| Error::new(ErrorKind::Misuse, "this transaction is finished already"))
    }

    fn finished(&mut self) {
        if self.token.take().is_some() {
            // Not one less: with it ends what was forgotten inside of it.
            self.lease.open.fetch_min(self.outside, Ordering::Relaxed);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Posted before the turn is given back, and so before anything that the next one asks for.
        self.abandon();
    }
}

/// Begins a transaction of this caller on a lease. `handle`: as for [`Lease::begin`].
pub(crate) async fn begin_on(
    party: impl Party,
    lease: &Arc<Lease>,
    handle: Option<CallerId>,
    shared: &Shared,
    options: &TxOptions,
    site: Site,
) -> Result<Open> {
    let options = shared.with_defaults(options, lease);
    let open = lease.begin(party, party.caller(), handle, &options, shared.deadline(), site).await?;
    // While it is open its caller finds the pinned connection though force rollback be switched off.
    if lease.is_pinned() && party.lease_of(shared.id()).is_none_or(|other| other.is_pinned()) {
        party.remember(shared.id(), lease);
    }
    Ok(open)
}

/// Whether it met another transaction that it could not be put in an order with, so that the whole may be run again.
pub(crate) fn is_conflict(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Serialization | ErrorKind::Deadlock | ErrorKind::Busy) && error.is_retryable()
}
