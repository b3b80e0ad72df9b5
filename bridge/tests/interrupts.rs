//! Deadlines and cancels: what is sent, when, and what the job and the place learn.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::{Cause, Fence, Lost, Settled};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use support::{Door, Journal, Scribe, Scripted, options, patience, patient, ready, ready_with, spawn, until};

/// Near, but not so near that a job submitted now might not start before it on a busy machine.
fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(100))
}

#[test]
fn at_the_deadline_a_cancel_then_a_sever_then_it_counts_as_stuck() {
    let journal = Journal::default();
    let (worker, _) = spawn(options().overseer(Arc::new(Scribe(journal.clone()))));
    let interrupt = Arc::new(Scripted {
        journal: journal.clone(),
        severs: true,
        // Called on the watch itself, and therefore in order.
        is_instant: true,
        ..Scripted::default()
    });
    let door = Door::default();
    let its = door.clone();
    let started = Instant::now();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        its.pass();
        ticket.settle()
    });
    assert!(matches!(reply.wait(), Err(Lost::Expired)));
    journal.wait_for("stuck");
    // A hundred milliseconds and two graces of forty.
    assert!(started.elapsed() >= Duration::from_millis(180));
    assert_eq!(journal.entries(), ["cancel", "sever", "stuck"]);
    door.open();
    journal.wait_for("recovered");
    let counters = worker.counters();
    assert_eq!((counters.cancels, counters.severs, counters.stuck), (1, 1, 1));
    worker.submit(None, |_, _| ()).wait().expect("the worker serves again");
}

/// What must finish is asked for again and again, and neither severed nor stuck.
#[test]
fn a_job_that_must_finish_is_spared_until_it_need_not_any_more() {
    for is_instant in [false, true] {
        let journal = Journal::default();
        let (worker, _) = spawn(options().overseer(Arc::new(Scribe(journal.clone()))));
        let interrupt = Arc::new(Scripted {
            journal: journal.clone(),
            fence: Some(Fence::Fenced),
            severs: true,
            is_instant,
            spares: 3.into(),
            ..Scripted::default()
        });
        let reply = worker.submit(soon(), move |_, ticket| {
            ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
            interrupt.on_sever.pass();
            ticket.settle()
        });
        let told = reply.leave_at(Some(patience())).wait();
        assert_eq!(told.expect("the job replies"), Settled::Severed);
        assert_eq!(journal.entries(), ["cancel", "spared", "spared", "spared", "sever"]);
        let counters = worker.counters();
        assert_eq!((counters.cancels, counters.severs, counters.stuck), (1, 1, 0));
    }
}

#[test]
fn a_job_that_was_spared_and_finishes_has_been_cancelled_and_no_more() {
    let (worker, journal) = ready();
    let interrupt = Arc::new(Scripted {
        journal: journal.clone(),
        fence: Some(Fence::Fenced),
        is_instant: true,
        spares: 1000.into(),
        ..Scripted::default()
    });
    let (its, door) = (journal.clone(), Door::default());
    let doorkeeper = door.clone();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        door.pass();
        ticket.settle()
    });
    until("spared three times", || its.entries().iter().filter(|entry| *entry == "spared").count() >= 3);
    doorkeeper.open();
    assert_eq!(reply.leave_at(Some(patience())).wait().expect("the job replies"), Settled::Fenced);
    assert_eq!((worker.counters().severs, worker.counters().stuck), (0, 0));
}

#[test]
fn a_fenced_cancel_that_was_asked_for_is_not_the_places_affair() {
    for is_instant in [false, true] {
        let (worker, journal) = patient();
        let interrupt = Arc::new(Scripted { fence: Some(Fence::Fenced), is_instant, ..Scripted::default() });
        let reply = worker.submit(soon(), move |_, ticket| {
            ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
            interrupt.on_cancel.pass();
            (ticket.cause(), ticket.settle(), ticket.settle())
        });
        let told = reply.leave_at(Some(patience())).wait().expect("the job replies");
        assert_eq!(told, (Some(Cause::Deadline), Settled::Fenced, Settled::Fenced));
        worker.submit(None, |_, _| ()).wait().expect("the job ran");
        assert!(journal.entries().is_empty());
    }
}

#[test]
fn a_cancel_that_the_job_did_not_ask_about_the_place_hears_of() {
    let (worker, journal) = patient();
    let interrupt = Arc::new(Scripted::default());
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
        interrupt.on_cancel.pass();
    });
    reply.leave_at(Some(patience())).wait().expect("the job replies");
    assert_eq!(journal.entries(), ["interrupted NotFenced"]);
}

#[test]
fn a_dropped_reply_cancels_without_any_deadline() {
    let (worker, journal) = patient();
    let interrupt = Arc::new(Scripted { fence: Some(Fence::Fenced), ..Scripted::default() });
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(None, move |_, ticket| {
        ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
        started.send(()).expect("the test listens");
        interrupt.on_cancel.pass();
    });
    starts.recv().expect("the job starts");
    drop(reply);
    journal.wait_for("interrupted Fenced");
}

#[test]
fn a_job_that_ends_waits_for_its_cancel_and_the_next_one_is_not_struck() {
    let (worker, _) = patient();
    let deaf = Door::default();
    let interrupt = Arc::new(Scripted { fence: Some(Fence::Fenced), deaf: Some(deaf.clone()), ..Scripted::default() });
    let sent = interrupt.journal.clone();
    let news = interrupt.journal.clone();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        news.wait_for("cancel");
        // The cancel is on its way and does not come back until the door opens, which is after `settle` began.
        let opener = std::thread::spawn(move || deaf.open());
        let settled = ticket.settle();
        opener.join().expect("the door opens");
        settled
    });
    assert_eq!(reply.leave_at(Some(patience())).wait().expect("the job replies"), Settled::Fenced);
    assert_eq!(sent.entries(), ["cancel"]);
    assert_eq!(worker.counters().late_cancels, 0);
}

#[test]
fn a_deaf_cancel_is_given_up_at_its_own_time_and_counts_as_late() {
    let (worker, journal) = ready();
    let deaf = Door::default();
    let interrupt = Arc::new(Scripted { fence: Some(Fence::Fenced), deaf: Some(deaf.clone()), ..Scripted::default() });
    let news = interrupt.journal.clone();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        news.wait_for("cancel");
        ticket.settle()
    });
    // Whatever it turns out to be later, the job must not trust its connection now.
    let settled = reply.leave_at(Some(patience())).wait().expect("the job replies");
    assert!(settled >= Settled::NotFenced, "{settled:?}");
    assert!(journal.entries().iter().all(|entry| entry.starts_with("interrupted")));
    assert!(pontoon_bridge::helpers() >= 1);
    deaf.open();
    until("the late cancel is counted", || worker.counters().late_cancels == 1);
}

#[test]
fn one_deaf_server_does_not_delay_anothers_deadline() {
    let (deaf_worker, _) = ready();
    let deaf = Door::default();
    let interrupt = Arc::new(Scripted { deaf: Some(deaf.clone()), ..Scripted::default() });
    let (news, door) = (interrupt.journal.clone(), Door::default());
    let its = door.clone();
    let stuck = deaf_worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        its.pass();
    });
    news.wait_for("cancel");
    let (worker, _) = ready();
    let deadline = Instant::now() + Duration::from_millis(100);
    let other = worker.submit(Some(deadline), |_, ticket| until("asked to stop", || ticket.cancelled()));
    other.leave_at(Some(patience())).wait().expect("the job replies");
    assert!(deadline.elapsed() < Duration::from_millis(500));
    deaf.open();
    door.open();
    drop(stuck);
}

#[test]
fn an_interrupt_that_panics_is_no_fence() {
    let (worker, _) = patient();
    let interrupt = Arc::new(Scripted { panics: true, ..Scripted::default() });
    let news = interrupt.journal.clone();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(interrupt));
        news.wait_for("cancel");
        ticket.settle()
    });
    let settled = reply.leave_at(Some(patience())).wait().expect("the job replies");
    assert_eq!(settled, Settled::NotFenced);
}

#[test]
fn a_shielded_job_is_not_cancelled_but_its_deadline_still_severs() {
    let (worker, _) = ready_with(options().grace(Duration::from_millis(400)));
    let interrupt = Arc::new(Scripted { severs: true, ..Scripted::default() });
    let sent = interrupt.journal.clone();
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(soon(), move |_, ticket| {
        ticket.set_interrupt(Some(Arc::clone(&interrupt) as _));
        let shielded = ticket.shield();
        started.send(()).expect("the test listens");
        interrupt.on_sever.pass();
        (shielded, ticket.cancelled(), ticket.settle())
    });
    starts.recv().expect("the job starts");
    let told = reply.leave_at(Some(patience())).wait().expect("the job replies");
    assert_eq!(told, (Ok(()), false, Settled::Severed));
    assert_eq!(sent.entries(), ["sever"]);
}

#[test]
fn a_job_that_was_asked_to_stop_cannot_shield_itself() {
    let (worker, _) = patient();
    let reply = worker.submit(soon(), |_, ticket| {
        until("asked to stop", || ticket.cancelled());
        ticket.shield()
    });
    reply.leave_at(Some(patience())).wait().expect("the job replies").expect_err("it is too late for a shield");
}

#[test]
fn a_close_lets_run_what_runs_until_it_is_told_otherwise() {
    let (worker, _) = ready();
    let (started, starts) = mpsc::channel();
    let reply = worker.submit(None, move |_, ticket| {
        started.send(()).expect("the test listens");
        until("asked to stop", || ticket.cancelled());
        ticket.cause()
    });
    starts.recv().expect("the job starts");
    worker.close();
    let ended = worker.ended().wait_until(Instant::now() + Duration::from_millis(20));
    assert!(matches!(ended, Err(Lost::Expired)), "the worker ended before its job");
    worker.cancel_running();
    assert_eq!(reply.wait().expect("the job replies"), Some(Cause::Closed));
    worker.ended().wait_until(patience()).expect("the worker ends");
}

#[test]
fn a_thousand_cancels_that_race_the_end_of_their_job_strike_no_other() {
    /// Strikes whatever runs at the end of the call.
    struct Aim(Journal, Arc<std::sync::atomic::AtomicU32>);
    impl pontoon_bridge::Interrupt for Aim {
        fn cancel(&self, _until: Instant) -> Fence {
            let struck = self.1.load(std::sync::atomic::Ordering::SeqCst);
            if !struck.is_multiple_of(2) {
                self.0.note(format!("struck {struck}"));
            }
            Fence::Fenced
        }
        fn sever(&self) -> bool {
            false
        }
        fn is_instant(&self) -> bool {
            true
        }
    }
    let (worker, _) = patient();
    let (struck, running) = (Journal::default(), Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let aim = Aim(struck.clone(), Arc::clone(&running));
    worker.submit(None, |_, ticket| ticket.set_interrupt(Some(Arc::new(aim)))).wait().expect("the job ran");
    for _ in 0..1_000 {
        let even = Arc::clone(&running);
        let (started, starts) = mpsc::channel();
        let reply = worker.submit(None, move |_, _| {
            even.store(2, std::sync::atomic::Ordering::SeqCst);
            started.send(()).expect("the test listens");
        });
        let odd = Arc::clone(&running);
        let next = worker.submit(None, move |_, _| odd.store(1, std::sync::atomic::Ordering::SeqCst));
        starts.recv().expect("the job starts");
        drop(reply);
        next.wait().expect("the job ran");
    }
    assert!(struck.entries().is_empty(), "{:?}", struck.entries());
}
