//! Pontoon on SQLite, awaited.

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use pontoon::prelude::*;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::tasks::{measure, runtime};

pub const PEER: Peer = Peer {
    name: "pontoon",
    run,
    rows: &["await_point", "await_join", "await_run", "await_stream", "await_drop", "await_drop_database"],
};

/// What statements that are awaited together are compared with: one after another, on a connection's own thread too.
#[allow(dead_code, reason = "of one group only")]
pub const LOOP: Peer = Peer { name: "pontoon loop", run: |_, env| Some(in_a_loop(env)), rows: &["await_join"] };

/// How many statements there are at once, or in one `run`.
pub const TOGETHER: u64 = 100;

fn open(path: &Path, size: usize) -> Database {
    Database::builder()
        .url(format!("sqlite:{}?journal_mode=wal&synchronous=normal&cache_size=-16000", path.display()).as_str())
        .pool_size(size)
        .lend(false)
        .open()
        .expect("a file")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    Some(match row {
        "await_point" => point(env),
        "await_join" => join(env),
        "await_run" => run_many(env),
        "await_stream" => stream(env),
        "await_drop" => drop_futures(env),
        "await_drop_database" => drop_databases(env),
        _ => return None,
    })
}

fn read(digest: &mut Digest, person: Option<data::Person>) {
    let (id, name, age, score, mail) = person.expect("a row");
    digest.person((id, &name, age, score, &mail));
}

fn point(env: &Env) -> Outcome {
    let db = open(&env.people(), 4).to_async();
    measure(env, &runtime(), 100, |numbers, mut digest| {
        let db = db.clone();
        async move {
            for number in numbers {
                read(&mut digest, db.fetch_one_as(data::POINT, (data::key(number),)).await.expect("a row"));
            }
            digest
        }
    })
}

fn join(env: &Env) -> Outcome {
    let db = open(&env.people(), 1).to_async();
    let runtime = runtime();
    let conn = runtime.block_on(db.connection()).expect("a connection");
    measure(env, &runtime, TOGETHER, |numbers, mut digest| {
        let conn = conn.clone();
        async move {
            let all = join_all(numbers.map(|number| conn.fetch_one_as(data::POINT, (data::key(number),)))).await;
            all.into_iter().for_each(|person| read(&mut digest, person.expect("a row")));
            digest
        }
    })
}

fn in_a_loop(env: &Env) -> Outcome {
    let db = open(&env.people(), 1);
    let conn = db.connection().expect("a connection");
    env.measure(TOGETHER, |number, digest| {
        read(digest, conn.fetch_one_as(data::POINT, (data::key(number),)).expect("a row"));
    })
}

fn run_many(env: &Env) -> Outcome {
    let db = open(&env.people(), 1).to_async();
    measure(env, &runtime(), TOGETHER, |numbers, digest| {
        let db = db.clone();
        async move {
            let work = move |session: &pontoon::Session<'_>| {
                let mut digest = digest;
                for number in numbers {
                    read(&mut digest, session.fetch_one_as(data::POINT, (data::key(number),))?);
                }
                Ok(digest)
            };
            db.run(work).await.expect("rows")
        }
    })
}

fn stream(env: &Env) -> Outcome {
    let db = open(&env.people(), 4).to_async();
    measure(env, &runtime(), 1, |_, mut digest| {
        let db = db.clone();
        async move {
            let mut rows = db.iterate(data::ALL, ());
            while let Some(row) = rows.try_next().await.expect("a row") {
                let person =
                    || -> pontoon::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)) };
                digest.person(person().expect("five cells"));
            }
            drop(rows);
            digest
        }
    })
}

/// Futures that wait for a worker which does not come back, and others that wait for a connection: dropped in a task.
fn drop_futures(env: &Env) -> Outcome {
    const SIZE: usize = 64;
    let waiting = if env.is_checking() { SIZE } else { 1000 };
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().expect("nobody else");
    let db = open(&env.people(), SIZE).to_async();
    let runtime = runtime();
    // In a task's place, since the gate is this thread's.
    let times = runtime.block_on(async {
        let mut pending = Vec::new();
        for _ in 0..SIZE {
            let gate = Arc::clone(&gate);
            let mut stuck = Box::pin(db.run(move |_| Ok(drop(gate.lock()))));
            begin(stuck.as_mut());
            pending.push(stuck);
        }
        while db.snapshot().busy < SIZE {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            pending.iter_mut().for_each(|stuck| begin(stuck.as_mut()));
        }
        let mut lined_up: Vec<_> = (0..waiting).map(|_| Box::pin(db.execute(data::SINK, ()))).collect();
        lined_up.iter_mut().for_each(|waits| begin(waits.as_mut()));
        let mut times: Vec<f64> = lined_up.into_iter().map(timed_drop).collect();
        times.extend(pending.into_iter().map(timed_drop));
        times
    });
    drop(closed);
    Outcome::of(0, percentile(times))
}

/// Databases whose only worker does not come back: the last handle dropped in a task's place.
fn drop_databases(env: &Env) -> Outcome {
    let many = if env.is_checking() { 2 } else { 200 };
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().expect("nobody else");
    let runtime = runtime();
    let times = runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..many {
            let db = open(&env.people(), 1).to_async();
            {
                let gate = Arc::clone(&gate);
                let mut stuck = pin!(db.run(move |_| Ok(drop(gate.lock()))));
                while {
                    begin(stuck.as_mut());
                    db.snapshot().busy < 1
                } {
                    tokio::task::yield_now().await;
                }
            }
            times.push(timed_drop(db));
        }
        times
    });
    drop(closed);
    Outcome::of(0, percentile(times))
}

/// Polls once: what is asked is on its way.
fn begin(future: std::pin::Pin<&mut impl Future>) {
    assert!(matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending), "it is stuck");
}

fn timed_drop<T>(dropped: T) -> f64 {
    let begun = Instant::now();
    drop(dropped);
    begun.elapsed().as_secs_f64()
}

/// The 99th percentile.
fn percentile(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * 99).div_ceil(100) - 1]
}
