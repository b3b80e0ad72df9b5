//! The slot, the reply, the seat and the window for cancels: exhaustively.

use crate::control::{Cause, Control};
use crate::crew::Crew;
use crate::reply::{Promise, Reply};
use crate::slot::{Cancelled, Offer, Phase, Slot};
use crate::sync::channel;
use crate::task::{Message, Work};
use crate::{Fence, Interrupt, Lost, Place, Settled, Ticket, Worker, WorkerOptions};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn control() -> Arc<Control> {
    Control::new(Duration::from_secs(1), None).expect("a model has no watch to start")
}

/// A job is either cancelled in time or run, never both and never neither.
pub fn a_job_cancelled_in_time_never_runs() {
    let phase = Arc::new(Phase::new());
    let canceller = {
        let phase = Arc::clone(&phase);
        thread::spawn(move || phase.cancel())
    };
    let has_started = phase.start();
    let found = canceller.join().expect("the canceller returns");
    assert_eq!(has_started, found != Cancelled::InTime);
}

/// The deadline races the job's end: the receiver gets the result exactly when the worker thinks so.
pub fn exactly_one_outcome() {
    let control = control();
    let slot = Arc::new(Slot::<u32>::new(Arc::clone(&control)));
    let worker = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || {
            if control.begin(slot.phase(), slot.id(), None).is_err() {
                return None;
            }
            control.end(slot.id());
            slot.phase().finish();
            Some(slot.deliver(Ok(7)).is_ok())
        })
    };
    let watch = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.expire())
    };
    let received = slot.wait(None);
    watch.join().expect("the watch returns");
    let delivered = worker.join().expect("the worker returns");
    match received {
        Ok(7) => assert_eq!(delivered, Some(true)),
        Err(Lost::Expired) => assert_ne!(delivered, Some(true)),
        other => panic!("neither the result nor expired: {other:?}"),
    }
}

/// What the interrupt struck: the number of the job that ran when it was called.
struct Aim {
    running: Arc<AtomicUsize>,
    struck: Arc<AtomicUsize>,
}

impl Interrupt for Aim {
    fn cancel(&self, _until: Instant) -> Fence {
        // The call takes time: what runs at its end is what it strikes.
        thread::yield_now();
        self.struck.store(self.running.load(Ordering::SeqCst), Ordering::SeqCst);
        Fence::Fenced
    }
    fn sever(&self) -> bool {
        false
    }
    fn is_instant(&self) -> bool {
        true
    }
}

const NOBODY: usize = 9;

/// A reply is dropped and the watch acts on it while its job ends and another begins: the second one is never struck,
/// and a job that was struck knows.
pub fn a_cancel_never_strikes_the_next_job() {
    let control = control();
    let running = Arc::new(AtomicUsize::new(0));
    let struck = Arc::new(AtomicUsize::new(NOBODY));
    let aim = Aim { running: Arc::clone(&running), struck: Arc::clone(&struck) };
    control.set_interrupt(Some(Arc::new(aim)));
    let first = Arc::new(Slot::<()>::new(Arc::clone(&control)));
    let second = Slot::<()>::new(Arc::clone(&control));

    let has_begun = control.begin(first.phase(), first.id(), None).is_ok();
    assert!(has_begun);
    running.store(1, Ordering::SeqCst);
    let watch = {
        let control = Arc::clone(&control);
        thread::spawn(move || {
            first.leave();
            crate::Timed::due(&*control, Instant::now());
        })
    };
    let ended = control.end(0);
    control.begin(second.phase(), second.id(), None).expect("nobody cancels the second job");
    running.store(2, Ordering::SeqCst);
    assert!(!control.flag().is_set(), "the flag of the second job is up");
    let second_ended = control.end(second.id());
    watch.join().expect("the watch returns");
    let struck = struck.load(Ordering::SeqCst);
    assert_ne!(struck, 2, "the cancel struck the second job");
    assert_eq!(ended.untold, (struck == 1).then_some(Settled::Fenced));
    assert_eq!(second_ended.untold, None);
}

/// A shield against a cancel: either the job learns that it was cancelled, or the flag stays down.
pub fn a_shielded_job_is_not_cancelled() {
    let control = control();
    let struck = Arc::new(AtomicUsize::new(NOBODY));
    let running = Arc::new(AtomicUsize::new(1));
    let aim = Aim { running: Arc::clone(&running), struck: Arc::clone(&struck) };
    control.set_interrupt(Some(Arc::new(aim)));
    let slot = Slot::<()>::new(Arc::clone(&control));
    let id = slot.id();
    control.begin(slot.phase(), id, None).expect("nobody cancels a queued job here");
    let watch = {
        let control = Arc::clone(&control);
        thread::spawn(move || {
            control.request(id, Cause::Dropped, true);
            crate::Timed::due(&*control, Instant::now());
        })
    };
    if control.shield(id).is_ok() {
        running.store(2, Ordering::SeqCst);
        assert!(!control.flag().is_set(), "the flag of a shielded job is up");
    }
    control.end(id);
    watch.join().expect("the watch returns");
    assert_ne!(struck.load(Ordering::SeqCst), 2, "a shielded job was struck");
}

/// A thread that waits is woken by the delivery, whenever it comes.
pub fn a_waiting_thread_is_woken() {
    let slot = Arc::new(Slot::<u32>::new(control()));
    let worker = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.deliver(Ok(7)).is_ok())
    };
    assert!(matches!(slot.wait(None), Ok(7)));
    assert!(worker.join().expect("the worker returns"));
}

/// A future that waits is woken by the delivery, whenever it comes.
pub fn a_waiting_future_is_woken() {
    let slot = Arc::new(Slot::<u32>::new(control()));
    let worker = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.deliver(Ok(7)).is_ok())
    };
    assert!(matches!(loom::future::block_on(Reply::new(slot, None)), Ok(7)));
    assert!(worker.join().expect("the worker returns"));
}

struct Ledger(Vec<u32>);

impl Place for Ledger {
    type View<'v> = &'v mut Ledger;
    fn view(&mut self) -> &mut Ledger {
        self
    }
}

/// The receiver vanishes while the result is handed over: either it has the result or the undo ran, once.
pub fn undone_exactly_when_not_received() {
    let control = control();
    let (_jobs, queue) = channel::unbounded::<Message<Ledger>>();
    let crew = Crew::new(Arc::clone(&control), queue);
    crew.install(Ledger(Vec::new()));
    let slot = Arc::new(Slot::<u32>::new(control));
    let undone = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&undone);
    fn job(_: &mut &mut Ledger, _: &Ticket<'_, Ledger>) -> u32 {
        7
    }
    let undo = move |_: &mut &mut Ledger, _: u32| {
        counts.fetch_add(1, Ordering::SeqCst);
    };
    let task = Work::new(job, Some(undo), None, Promise(Arc::clone(&slot)));
    let reply = Reply::new(Arc::clone(&slot), None);
    let worker = thread::spawn(move || crew.serve(Box::new(task)));
    // One look, as a `select!` takes it, and then away.
    let waker = std::task::Waker::noop();
    let mut reply = Box::pin(reply);
    let look = reply.as_mut().poll(&mut std::task::Context::from_waker(waker));
    drop(reply);
    worker.join().expect("the worker returns");
    let undone = undone.load(Ordering::SeqCst);
    match look {
        std::task::Poll::Ready(Ok(7)) => assert_eq!(undone, 0),
        std::task::Poll::Pending => {
            // Gone before the start it never ran; gone later it was undone.
            let ran = slot.phase().is_done();
            assert_eq!(undone, usize::from(ran), "ran: {ran}");
        }
        other => panic!("not a result: {other:?}"),
    }
}

/// A job with an undo ends while a thread waits and its deadline comes: the thread has the result exactly when the worker
/// does not undo it, and is not woken before the worker is done with all of it.
pub fn a_promise_is_kept() {
    let slot = Arc::new(Slot::<u32>::new(control()));
    let is_over = Arc::new(AtomicUsize::new(0));
    let worker = {
        let (slot, is_over) = (Arc::clone(&slot), Arc::clone(&is_over));
        thread::spawn(move || match slot.offer(7, || ()) {
            Offer::Awaited(value) => {
                is_over.store(1, Ordering::SeqCst);
                assert!(slot.deliver(Ok(value)).is_ok(), "promised, and gone");
                true
            }
            Offer::Received => panic!("woken before the worker is done"),
            Offer::Returned(_) => false,
            // The worker was first: it takes the result back, unless the thread has come meanwhile.
            Offer::Open => match slot.offered(Some(Lost::Closed)) {
                Offer::Awaited(value) => {
                    is_over.store(1, Ordering::SeqCst);
                    assert!(slot.deliver(Ok(value)).is_ok(), "claimed, and gone");
                    true
                }
                Offer::Returned(_) => false,
                _ => panic!("taken before the worker is done"),
            },
        })
    };
    let watch = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.expire())
    };
    let received = slot.wait(None);
    let was_over = is_over.load(Ordering::SeqCst) == 1;
    watch.join().expect("the watch returns");
    let is_received = worker.join().expect("the worker returns");
    match received {
        Ok(7) => assert!(is_received && was_over, "received: {is_received}, over: {was_over}"),
        Err(Lost::Expired | Lost::Closed) => assert!(!is_received),
        other => panic!("neither the result nor a reason: {other:?}"),
    }
}

/// A worker serves a job with an undo while a thread waits and its deadline comes: either the thread has the result, and
/// the worker lends its seat for the next call, or the undo ran, and nothing stays behind.
pub fn waited_for_exactly_when_not_undone() {
    let control = control();
    let (_jobs, queue) = channel::unbounded::<Message<Ledger>>();
    let crew = Crew::new(Arc::clone(&control), queue);
    crew.install(Ledger(Vec::new()));
    let slot = Arc::new(Slot::<u32>::new(Arc::clone(&control)));
    fn job(_: &mut &mut Ledger, _: &Ticket<'_, Ledger>) -> u32 {
        7
    }
    let undo = |ledger: &mut &mut Ledger, value: u32| ledger.0.push(value);
    let task = Work::new(job, Some(undo), None, Promise(Arc::clone(&slot)));
    let worker = {
        let crew = Arc::clone(&crew);
        thread::spawn(move || crew.serve(Box::new(task)))
    };
    let watch = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || slot.expire())
    };
    let received = slot.wait(None);
    if received.is_ok() {
        assert!(crew.try_borrow().is_some(), "the worker was not done when its caller heard of it");
    }
    watch.join().expect("the watch returns");
    worker.join().expect("the worker returns");
    let undone = crew.seat().enter().place().as_ref().expect("it is there").0.len();
    match received {
        Ok(7) => assert_eq!(undone, 0),
        // Expired before its start it never ran; later it was undone.
        Err(Lost::Expired) => assert_eq!(undone, usize::from(slot.phase().is_done())),
        other => panic!("neither the result nor a reason: {other:?}"),
    }
    assert_eq!(control.pending(), 0);
}

/// Jobs of one caller run in its order, whether they are queued or lent, and the worker comes to its end.
pub fn lending_keeps_the_order() {
    let worker = Worker::spawn(WorkerOptions::new("model"), || Ledger(Vec::new())).expect("a thread");
    let first = worker.submit(None, |ledger, _| ledger.0.push(1));
    let lent = worker.try_run_here(None, |ledger, _| {
        ledger.0.push(2);
        ledger.0.clone()
    });
    if let Ok(entries) = lent {
        assert_eq!(entries, [1, 2], "a lent job overtook a queued one");
    }
    drop(worker);
    // Finished, or refused by the close.
    assert!(matches!(first.wait(), Ok(()) | Err(Lost::Closed)));
}
