//! What may cross threads.
#![cfg(not(any(loom, shuttle)))]

mod support;

use pontoon_bridge::*;
use std::error::Error;
use support::Ledger;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn error<T: Error + Send + Sync + 'static>() {}

#[test]
fn public_types_cross_threads_as_promised() {
    send::<Worker<Ledger>>();
    sync::<Worker<Ledger>>();
    // A result need not be `Sync`, nor the place.
    send::<Reply<std::cell::Cell<u8>>>();
    sync::<Reply<std::cell::Cell<u8>>>();
    send::<Feed<std::cell::Cell<u8>, String>>();
    send::<Feeder<std::cell::Cell<u8>, String>>();
    send::<Gate>();
    sync::<Gate>();
    send::<Permit>();
    sync::<Permit>();
    send::<Acquire>();
    send::<Alarm>();
    sync::<Alarm>();
    send::<CancelFlag>();
    sync::<CancelFlag>();
    send::<WorkerOptions>();
    send::<Counters>();
    error::<Lost>();
    error::<GateError>();
    error::<Cancelled>();
    error::<FeedError<std::io::Error>>();
}

#[test]
fn errors_are_sentences_and_debug_shows_no_payload() {
    let (worker, _) = support::ready();
    let lost = worker.submit(None, |_, _| panic!("out of ink")).wait().expect_err("the job panics");
    assert_eq!(lost.to_string(), "the job panicked: out of ink");
    let shown = [format!("{worker:?}"), format!("{:?}", worker.submit(None, |_, _| ())), format!("{lost:?}")];
    assert!(shown.iter().all(|shown| !shown.is_empty()));
    let failed = FeedError::Failed(std::io::Error::other("the disk is full"));
    assert_eq!(failed.to_string(), "the stream failed: the disk is full");
    assert!(failed.source().is_some());
}

/// A view that is more than a reference: what the library above hands its jobs.
struct Berth {
    link: Option<String>,
    stack: Vec<u32>,
}

struct Session<'v> {
    link: &'v mut Option<String>,
    stack: &'v mut Vec<u32>,
}

impl Session<'_> {
    /// A second, nested way in.
    fn nested(&mut self) -> Session<'_> {
        Session { link: self.link, stack: self.stack }
    }
}

impl Place for Berth {
    type View<'v> = Session<'v>;
    fn view(&mut self) -> Session<'_> {
        Session { link: &mut self.link, stack: &mut self.stack }
    }
}

#[test]
fn a_view_may_be_a_type_of_its_own_and_be_nested() {
    let worker =
        Worker::spawn(WorkerOptions::new("berth"), || Berth { link: None, stack: Vec::new() }).expect("a thread");
    let (feeder, mut reader) = feed::<u32, Lost>(1);
    let stream = worker.submit(None, move |session, ticket| {
        *session.link = Some("open".into());
        feeder.push(1).expect("there is credit");
        loop {
            match ticket.wait_for_credit(&feeder, None) {
                Event::Credit => break,
                Event::Job(job) => assert_eq!(job.run(&mut session.nested()), Served::Done),
                Event::Cancelled | Event::Expired => return None,
            }
        }
        feeder.finish(Ok(()));
        session.stack.pop()
    });
    let nested = worker.submit_with(
        None,
        |session, ticket| {
            session.stack.push(7);
            (session.link.clone(), ticket.depth())
        },
        |session, _| session.stack.clear(),
    );
    assert_eq!(nested.wait().expect("it is served"), (Some("open".into()), 1));
    assert!(matches!(reader.recv(None), Ok(Some(1))));
    assert_eq!(stream.wait().expect("the stream ends"), Some(7));
    let here = worker.try_run_here(None, |session, _| session.link.take());
    assert_eq!(here.ok().flatten().as_deref(), Some("open"));
}
