//! Pontoon.

use std::path::Path;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon_bench_harness::measure::crowd;
use pontoon_bench_harness::process::Holdings;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};

use crate::bare::{check_sink, clear};

pub const PEER: Peer = Peer {
    name: "pontoon",
    run,
    rows: &[
        "point_held",
        "point_db",
        "point_worker",
        "insert_1000",
        "fetch_all",
        "wide_all",
        "execute_many",
        "bulk_sqlite",
        "hop",
        "acquire",
        "connect",
        "idle_memory",
        "stream_10m",
        "pool_64",
        "cycles_threads",
        "queries_threads",
    ],
};

/// What the stream is compared with.
pub const FETCHED: Peer = Peer {
    name: "pontoon fetch_all",
    run: |_, env| Some(fetch_all(env).per(data::PEOPLE as f64)),
    rows: &["stream_10m"],
};

fn url(path: &Path) -> String {
    format!("sqlite:{}?journal_mode=wal&synchronous=normal&cache_size=-16000", path.display())
}

fn open(path: &Path, lend: bool) -> Database {
    Database::builder().url(url(path).as_str()).pool_size(4).lend(lend).open().expect("a file")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    Some(match row {
        "point_held" => point(env, &open(&env.people(), true).connection().expect("a connection")),
        "point_db" => point(env, &open(&env.people(), true)),
        "point_worker" => point(env, &open(&env.people(), false).connection().expect("a connection")),
        "insert_1000" => insert(env),
        "execute_many" => execute_many(env),
        "fetch_all" => fetch_all(env),
        "wide_all" => wide_all(env),
        "bulk_sqlite" => bulk_insert(env),
        "hop" => hop(env, &open(&env.people(), false).connection().expect("a connection")),
        "acquire" => acquire(env),
        "connect" => connect(env),
        "idle_memory" => Outcome::of(0, process::memory_each(50, |many| idle(env, many))),
        "stream_10m" => stream(env),
        "pool_64" => pool(env),
        "cycles_threads" => cycles(env),
        "queries_threads" => queries(env),
        _ => return None,
    })
}

fn point(env: &Env, on: &impl Queryable) -> Outcome {
    env.measure(100, |number, digest| {
        let person: Option<data::Person> = on.fetch_one_as(data::POINT, (data::key(number),)).expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    })
}

fn insert(env: &Env) -> Outcome {
    let sink = env.sink();
    let db = open(&sink.path, true);
    let people = &data::people()[..1000];
    env.measure_with(clear(&sink.path), |_, digest| {
        db.transaction(|tx| {
            for (id, name, age, score, mail) in people {
                tx.execute(data::INSERT, (id, name, age, score, mail))?;
            }
            Ok::<_, Error>(())
        })
        .expect("nobody else");
        check_sink(env, &sink.path, digest);
    })
}

fn execute_many(env: &Env) -> Outcome {
    let sink = env.sink();
    let db = open(&sink.path, true);
    let people = data::people();
    env.measure_with(clear(&sink.path), |_, digest| {
        let rows = people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
        db.execute_many(data::INSERT, rows).expect("nobody else");
        check_sink(env, &sink.path, digest);
    })
}

fn fetch_all(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    env.measure(1, |_, digest| {
        let rows = db.fetch_all(data::ALL, ()).expect("rows");
        let mut cursor = rows.cursor();
        while let Some(row) = cursor.next() {
            read(row, digest);
        }
    })
}

#[inline]
fn read(row: &Row, digest: &mut Digest) {
    let person = || -> pontoon::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)) };
    digest.person(person().expect("five cells"));
}

fn wide_all(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    env.measure(1, |_, digest| {
        let rows = db.fetch_all(data::WIDE_ALL, ()).expect("rows");
        let mut cursor = rows.cursor();
        while let Some(row) = cursor.next() {
            for at in (0..data::BLOCKS * 5).step_by(5) {
                digest.block(block(row, at).expect("five cells"));
            }
        }
    })
}

#[inline]
fn block(row: &Row, at: usize) -> pontoon::Result<(i64, &str, f64, Option<i64>, &str)> {
    Ok((row.get(at)?, row.get(at + 1)?, row.get(at + 2)?, row.get(at + 3)?, row.get(at + 4)?))
}

fn bulk_insert(env: &Env) -> Outcome {
    let sink = env.sink();
    let db = open(&sink.path, true);
    let people = data::people();
    env.measure_with(clear(&sink.path), |_, digest| {
        let rows = people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
        db.bulk_insert("sink", &["id", "name", "age", "score", "mail"], rows).expect("nobody else");
        check_sink(env, &sink.path, digest);
    })
}

fn hop(env: &Env, on: &impl Queryable) -> Outcome {
    env.latencies(["hop_p99", "hop_p999"], |number, digest| {
        digest.int(on.fetch_val(data::NOTHING, (number as i64,)).expect("a value").expect("a row"));
    })
}

fn acquire(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    env.measure(100, |_, _| drop(db.connection().expect("a connection")))
}

fn connect(env: &Env) -> Outcome {
    let path = env.people();
    env.measure(1, |number, digest| {
        let db = open(&path, true);
        let row = db.fetch_one(data::POINT, (data::key(number),)).expect("a row").expect("a row");
        digest.int(row.get(2).expect("a number"));
        assert!(db.close(Duration::from_secs(5)).is_clean());
    })
}

/// A pool whose connections have been used once.
fn idle(env: &Env, many: usize) -> Database {
    Database::builder()
        .url(format!("{}&min_idle={many}", url(&env.people())).as_str())
        .pool_size(many)
        .on_open(|session| session.fetch_one(data::POINT, (1,)).map(|row| assert!(row.is_some())))
        .open()
        .expect("a file")
}

fn stream(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    let repeats = env.repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    for row in db.iterate(data::STREAM, (repeats,)).expect("a stream") {
        read(&row.expect("a row"), &mut digest);
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_10m_memory", process::peak_memory())
}

fn pool(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    let rows = env.spin_rows();
    crowd(64, if env.is_checking() { 1 } else { 20 }, || {
        db.fetch_val(data::SPIN, (rows,)).expect("a sum").expect("a row")
    })
}

fn cycles(env: &Env) -> Outcome {
    let cycle = || {
        let db = open(&env.people(), true);
        let _: Option<i64> = db.fetch_val("SELECT 1", ()).expect("a row");
        assert!(db.close(Duration::from_secs(5)).is_clean());
    };
    let grown = growth(env.times(500), env.times(10_000), cycle);
    Outcome::of(0, grown.threads).and("cycles_files", grown.files).and("cycles_memory", grown.memory)
}

fn queries(env: &Env) -> Outcome {
    let db = open(&env.people(), true);
    let mut number = 0;
    let query = || {
        number += 1;
        let row = db.fetch_one(data::POINT, (data::key(number),)).expect("a row");
        assert!(row.is_some());
    };
    let grown = growth(env.times(200_000), env.times(1_000_000), query);
    Outcome::of(0, grown.threads).and("queries_files", grown.files).and("queries_memory", grown.memory)
}

/// What has come between the `warm`th and the last run.
fn growth(warm: usize, times: usize, mut run: impl FnMut()) -> Holdings {
    (0..warm).for_each(|_| run());
    let before = Holdings::settled();
    (0..times).for_each(|_| run());
    before.growth()
}
