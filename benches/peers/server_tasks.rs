//! Pontoon on a server, awaited.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon_bench_harness::process::Holdings;
use pontoon_bench_harness::{Digest, Env, Outcome, data};

use crate::server::{Site, open};
use crate::tasks::{EACH, measure, measure_tasks, runtime};

pub fn run(row: &str, env: &Env, site: &Site) -> Option<Outcome> {
    Some(match row {
        "server_await_point" => point(env, site),
        "server_tasks" => tasks(env, site),
        "waiting_memory" => waiting(env, site),
        _ => return None,
    })
}

async fn read(db: &AsyncDatabase, point: &'static str, number: u64, digest: &mut Digest) {
    let person: Option<data::Person> = db.fetch_one_as(point, (data::key(number),)).await.expect("a row");
    let (id, name, age, score, mail) = person.expect("a row");
    digest.person((id, &name, age, score, &mail));
}

fn point(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 4, "").to_async();
    let point = site.sql.point;
    measure(env, &runtime(), 10, |numbers, mut digest| {
        let db = db.clone();
        async move {
            for number in numbers {
                read(&db, point, number, &mut digest).await;
            }
            digest
        }
    })
}

fn tasks(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 10, "acquire_timeout=60s").to_async();
    let point = site.sql.point;
    measure_tasks(env, &runtime(), |first| {
        let db = db.clone();
        async move {
            let mut digest = Digest::default();
            for number in first..first + EACH {
                read(&db, point, number, &mut digest).await;
            }
            digest
        }
    })
}

/// What ten thousand tasks hold that wait for a connection, themselves among it.
fn waiting(env: &Env, site: &Site) -> Outcome {
    let waiting = if env.is_checking() { 100 } else { 10_000 };
    let db = open(env, site, 10, "acquire_timeout=60s").to_async();
    let runtime = runtime();
    let point = site.sql.point;
    let task = |number| {
        let db = db.clone();
        async move {
            let mut digest = Digest::default();
            read(&db, point, number, &mut digest).await;
        }
    };
    runtime.block_on(async {
        // All that is made once has been made: ten connections, and a few tasks that waited.
        let first: Vec<_> = (0..100).map(|number| runtime.spawn(task(number))).collect();
        for task in first {
            task.await.expect("no call fails");
        }
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(db.connection().await.expect("a connection"));
        }
        let before = Holdings::settled();
        let tasks: Vec<_> = (0..waiting).map(|number| runtime.spawn(task(number))).collect();
        while db.snapshot().waiting < waiting as usize {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let grown = before.growth();
        drop(held);
        for task in tasks {
            task.await.expect("no call fails");
        }
        Outcome::of(0, grown.memory).and("waiting_threads", grown.threads)
    })
}
