//! The end of a database whose callers are futures.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::kit::{LeakMeter, Probe, case};
use crate::support::{LONG, awaited, awaited_at_length, ends, open, poll_once, poll_until};

#[test]
fn futures_that_wait_are_told() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let held = db.connection().await.unwrap();
        let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(db.execute("INSERT INTO t VALUES (1)", ()))).collect();
        for call in &mut waiting {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        let report = db.close(LONG).await.unwrap();
        assert_eq!(report.turned_away, 20);
        for result in join_all(waiting).await {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NotConnected);
        }
        assert_eq!(held.ping().await.unwrap_err().kind(), ErrorKind::NotConnected);
        assert!(db.connect().await.unwrap(), "and it can be connected again");
        assert!(!db.connect().await.unwrap());
        db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
        assert_eq!(script.committed("t"), [2]);
    });
}

#[test]
fn a_close_that_is_dropped_goes_on() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let mut running = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
        poll_until(running.as_mut(), || gate.blocked() > 0);
        {
            let mut close = pin!(db.close(LONG));
            poll_until(close.as_mut(), || !db.is_connected());
        }
        gate.open();
        running.await.unwrap();
        script.wait_until("the end", |records, _| {
            records.iter().any(|record| record.method == Method::CloseSource && record.has_ended())
        });
    });
}

/// Everything that a hook can do wrong ends, and the executor's thread runs none of it.
#[test]
fn hooks_run_beside_the_executor() {
    awaited(async {
        let script = Script::new().table("t");
        let here = std::thread::current().id();
        let db = script
            .builder()
            .pool_size(1)
            .on_connect(move |db| {
                assert_ne!(std::thread::current().id(), here);
                assert_eq!(db.connect().unwrap_err().kind(), ErrorKind::WouldDeadlock);
                let awaited = pollster::block_on(db.to_async().connect());
                assert_eq!(awaited.unwrap_err().kind(), ErrorKind::WouldDeadlock);
                db.execute("INSERT INTO t VALUES (1)", ()).map(drop)
            })
            .build()
            .unwrap()
            .to_async();
        let connects = (0..10).map(|_| db.connect());
        let results: Vec<bool> = join_all(connects).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(results.iter().filter(|by_this| **by_this).count(), 1, "by one of them");
        assert_eq!(script.committed("t"), [1]);
    });
}

/// A database whose workers are all stuck is dropped on the executor's thread.
#[test]
fn dropped_on_an_executor_s_thread_with_all_workers_stuck() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let probe = Probe::start();
        runtime.block_on(async {
            let db = open(&script, 4);
            let mut calls: Vec<_> = (0..4).map(|_| Box::pin(db.execute("INSERT INTO t VALUES (1)", ()))).collect();
            for (number, call) in calls.iter_mut().enumerate() {
                poll_until(call.as_mut(), || gate.blocked() > number);
            }
            let tx_waits = {
                let mut waits = Box::pin(db.begin());
                assert!(poll_once(waits.as_mut()).is_pending());
                waits
            };
            let begun = Instant::now();
            drop(tx_waits);
            drop(calls);
            drop(db);
            probe.assert_within("the drops", begun.elapsed(), Duration::from_millis(1));
        });
        gate.open();
        script.wait_all_closed();
    });
}

/// Ten thousand times, with a worker that is stuck each time: nearly every drop is over in no time, on the one thread that
/// all tasks share.
#[test]
fn ten_thousand_drops_on_an_executor_s_thread() {
    awaited_at_length(async {
        let (probe, mut took) = (Probe::start(), Vec::with_capacity(10_000));
        for _ in 0..10_000 {
            let script = Script::new().table("t").unrecorded();
            let gate = script.gate("the insert");
            script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
            let db = open(&script, 1);
            let mut call = Box::pin(db.execute("INSERT INTO t VALUES (1)", ()));
            poll_until(call.as_mut(), || gate.blocked() > 0);
            let begun = Instant::now();
            drop(call);
            drop(db);
            took.push(begun.elapsed());
            gate.open();
            script.wait_all_closed();
        }
        took.sort_unstable();
        probe.assert_within("99 of 100 drops", took[took.len() * 99 / 100], Duration::from_micros(100));
    });
}

/// However many tasks wait, there is no thread more; and when all is over, none.
#[test]
fn ten_thousand_waiting_tasks_hold_no_thread() {
    let process = case!(|_: &str| {
        // What a process keeps from its first runtime and its first database.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let db = open(&Script::new(), 1);
        runtime.block_on(db.ping()).unwrap();
        assert!(db.to_sync().close(LONG).is_clean());
        drop((db, runtime));
        while crate::kit::Census::take().threads_named("script-") > 0 {
            std::thread::yield_now();
        }
        let meter = LeakMeter::start().except_threads("pontoon-watch");
        {
            let script = Script::new().table("t").unrecorded();
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let db = script
                .builder()
                .pool_size(2)
                .max_waiters(20_000)
                .timeout(Some(LONG))
                .acquire_timeout(LONG)
                .open()
                .unwrap()
                .to_async();
            runtime.block_on(async {
                let held = (db.connection().await.unwrap(), db.connection().await.unwrap());
                let before = crate::kit::Census::take().thread_count();
                let tasks: Vec<_> = (0..10_000)
                    .map(|_| {
                        let db = db.clone();
                        tokio::spawn(async move { db.execute("INSERT INTO t VALUES (1)", ()).await.map(drop) })
                    })
                    .collect();
                while db.snapshot().waiting < 10_000 {
                    tokio::task::yield_now().await;
                }
                assert_eq!(crate::kit::Census::take().thread_count(), before);
                drop(held);
                for task in tasks {
                    task.await.unwrap().unwrap();
                }
            });
            assert_eq!(script.committed("t").len(), 10_000);
            assert!(pollster::block_on(db.close(LONG)).unwrap().is_clean());
        }
        meter.assert_flat();
    });
    process.pass();
}
