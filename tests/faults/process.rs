//! What happens to the process as a whole: forks, exits, limits of the system.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::kit::{ForkEnd, LeakMeter, Probe, case, in_fork, tell, within};
use crate::support::{Folder, LONG, SHORT, start, wait_for, wait_for_threads};

const IN_TIME: Duration = Duration::from_secs(40);

// ---- fork

#[test]
fn a_forked_child_is_told_and_harms_nothing() {
    case!(|_| within(IN_TIME, || {
        let scratch = Folder::new();
        let db = Database::builder().url(scratch.url("app.db")).pool_size(2).timeout(Some(LONG)).open().unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        let connection = db.connection().unwrap();
        let tx = connection.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let mut stream = tx.iterate("SELECT n FROM t", ()).unwrap();
        let end = in_fork(Duration::from_secs(10), || {
            let told = |error: Error| error.kind() == ErrorKind::ForkedProcess && error.effect() == Effect::NotSent;
            let all = [
                db.execute("INSERT INTO t VALUES (2)", ()).is_err_and(told),
                db.fetch_all("SELECT n FROM t", ()).is_err_and(told),
                db.connection().is_err_and(told),
                db.begin().is_err_and(told),
                db.connect().is_err_and(told),
                db.ping().is_err_and(told),
                db.copy().is_err_and(told),
                connection.execute("INSERT INTO t VALUES (2)", ()).is_err_and(told),
                connection.begin().is_err_and(told),
                tx.execute("INSERT INTO t VALUES (2)", ()).is_err_and(told),
                tx.iterate("SELECT n FROM t", ()).is_err_and(told),
                db.close(Duration::ZERO).finished == 0,
                Database::open("sqlite::memory:").map(drop).is_err_and(told),
            ];
            match all.iter().position(|is_so| !is_so) {
                None => 0,
                Some(at) => 10 + i32::try_from(at).unwrap_or(0),
            }
        });
        assert_eq!(end, ForkEnd::Exited(0));
        // A child that drops everything it inherited drops nothing of the parent's.
        assert!(stream.next().unwrap().is_ok());
        drop(stream);
        tx.commit().unwrap();
        assert_eq!(connection.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap(), Some(1));
    }))
    .pass();
}

#[test]
fn a_forked_child_may_drop_what_it_inherited() {
    case!(|_| within(IN_TIME, || {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let mut kept = Some((db, tx));
        let end = in_fork(Duration::from_secs(10), || {
            let Some((db, tx)) = kept.take() else { return 1 };
            let failed = tx.rollback().is_err_and(|error| error.kind() == ErrorKind::ForkedProcess);
            drop(db);
            i32::from(!failed)
        });
        assert_eq!(end, ForkEnd::Exited(0));
        let (db, tx) = kept.expect("the parent's own");
        tx.commit().unwrap();
        assert_eq!(script.committed("t"), [1]);
        db.close(LONG);
    }))
    .pass();
}

// ---- exit

#[test]
fn the_end_of_the_process_waits_for_nobody() {
    let how = case!(|how: &str| {
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let running = db.clone();
        start("running", move || drop(running.execute("INSERT INTO t VALUES (1)", ())));
        gate.wait_blocked();
        // Alive to the end, so that nothing is closed before it.
        let everything = Box::leak(Box::new((script, gate, db.begin().unwrap(), db)));
        tell("exiting", everything.3.snapshot().busy);
        match how {
            "exit" => std::process::exit(7),
            "panic" => panic!("on purpose"),
            _ => {}
        }
    });
    within(IN_TIME, move || {
        for (argument, code) in [("return", 0), ("exit", 7), ("panic", 101)] {
            let probe = Probe::start();
            let output = how.clone().argument(argument).run();
            assert_eq!(output.code, Some(code), "{argument}: {output}");
            probe.assert_within(argument, output.time_since("exiting"), Duration::from_millis(200));
        }
    });
}

// ---- limits

fn limited<T>(resource: Resource, limit: u64, work: impl FnOnce() -> T) -> T {
    let before = getrlimit(resource);
    setrlimit(resource, Rlimit { current: Some(limit), maximum: before.maximum }).unwrap();
    let result = work();
    setrlimit(resource, before).unwrap();
    result
}

/// Leaves room for so many descriptors and no more, whatever is open already, and with whatever gaps.
fn with_descriptors<T>(spare: usize, work: impl FnOnce() -> T) -> T {
    let mut taken = Vec::new();
    limited(Resource::Nofile, 256, || {
        taken.extend(std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()));
        assert!(taken.len() >= spare, "there was room for {} only", taken.len());
        taken.truncate(taken.len() - spare);
        work()
    })
}

#[test]
fn without_descriptors_nothing_is_opened_and_nothing_is_broken() {
    case!(|_| within(IN_TIME, || {
        let scratch = Folder::new();
        let mut refused = 0;
        for spare in 0..=8 {
            let db = Database::builder()
                .url(scratch.url("app.db"))
                .pool_size(2)
                .acquire_timeout(LONG)
                .timeout(Some(LONG))
                .open()
                .unwrap();
            let held = db.connection().unwrap();
            held.execute_script("CREATE TABLE IF NOT EXISTS t (n); DELETE FROM t; INSERT INTO t VALUES (1)").unwrap();
            let read_elsewhere = |db: &Database| {
                let db = db.clone();
                start("other", move || db.fetch_val::<i64>("SELECT n FROM t", ())).join().unwrap()
            };
            match with_descriptors(spare, || read_elsewhere(&db)) {
                Ok(value) => assert_eq!(value, Some(1), "with {spare} to spare"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "with {spare} to spare: {error:?}");
                    // SQLite opens some files with the first statement that wants them.
                    let nothing_happened = matches!(error.effect(), Effect::NotSent | Effect::NotApplied);
                    assert!(nothing_happened && error.to_string().contains("files open"), "{error:?}");
                    refused += 1;
                }
            }
            assert_eq!(db.snapshot().connecting, 0);
            assert_eq!(held.fetch_val::<i64>("SELECT n FROM t", ()).unwrap(), Some(1), "the open one goes on");
            assert_eq!(read_elsewhere(&db).unwrap(), Some(1), "as good as before");
            drop(held);
            db.close(LONG);
        }
        assert!((1..=8).contains(&refused), "{refused} of 9 had too few descriptors");
    }))
    .pass();
}

/// Room for what is small, and none for the stack of a thread.
fn without_threads<T>(work: impl FnOnce() -> T) -> T {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    limited(Resource::As, pages * 4096 + (300 << 10), work)
}

/// The first database of a process starts the threads that all of them share.
#[test]
fn without_room_for_a_thread_nothing_is_connected_and_nothing_panics() {
    case!(|_| within(IN_TIME, || {
        let script = Script::new();
        for _ in 0..2 {
            let error = without_threads(|| script.builder().open().map(drop).unwrap_err());
            assert_eq!((error.kind(), error.effect()), (ErrorKind::ResourceExhausted, Effect::NotSent), "{error:?}");
        }
        let db = script.builder().open().unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    }))
    .pass();
}

#[test]
fn without_room_for_a_thread_the_caller_is_told() {
    case!(|_| within(IN_TIME, || {
        let script = Script::new();
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
        let held = db.connection().unwrap();
        let (send, go) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel::<()>();
        let other = {
            let db = db.clone();
            start("other", move || {
                ready.send(()).unwrap();
                go.recv().unwrap();
                db.fetch_val::<i64>("SELECT 1", ())
            })
        };
        is_ready.recv().unwrap();
        let error = without_threads(|| {
            send.send(()).unwrap();
            other.join().unwrap().unwrap_err()
        });
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ResourceExhausted, Effect::NotSent), "{error:?}");
        let snapshot = db.snapshot();
        assert_eq!((snapshot.connecting, snapshot.busy, snapshot.counters.opened), (0, 1, 1), "{snapshot}");
        let other = db.clone();
        start("other", move || assert_eq!(other.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1))).join().unwrap();
        drop(held);
    }))
    .pass();
}

// ---- leaks

#[test]
fn after_faults_of_every_kind_nothing_is_left() {
    case!(|_| within(IN_TIME, || {
        let round = || {
            let script = Script::new().table("t");
            let gate = script.gate("the statement");
            let db = script.builder().pool_size(3).timeout(Some(LONG)).open().unwrap();
            script.add(Rule::on(Method::Execute).text("(1)").once().panic("broken"));
            script.add(Rule::on(Method::Execute).text("(2)").once().fail(ErrorKind::ConnectionLost));
            script.add(Rule::on(Method::Execute).text("(3)").once().block(&gate, Ears::SERVER));
            script.add(Rule::on(Method::Connect).skip(1).once().fail(ErrorKind::ConnectFailed));
            for n in 1..=2 {
                db.execute(format!("INSERT INTO t VALUES ({n})").as_str(), ()).unwrap_err();
            }
            db.execute(Query::new("INSERT INTO t VALUES (3)").timeout(SHORT), ()).unwrap_err();
            let mut stream = db.iterate("SELECT n FROM SERIES(1000000)", ()).unwrap();
            stream.next().unwrap().unwrap();
            drop(stream);
            drop(db);
            drop(gate);
            script.wait_all_closed();
        };
        round();
        wait_for_threads(0);
        let meter = LeakMeter::start();
        (0..30).for_each(|_| round());
        meter.assert_flat();
    }))
    .pass();
}
