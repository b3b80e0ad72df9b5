//! Pontoon on a server, awaited.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon_bench_harness::process::Holdings;
use pontoon_bench_harness::{Digest, Env, Outcome, data};

use crate::server::{Site, open};
use crate::server_points::{self, Pooled};
use crate::tasks::runtime;

pub fn run(row: &str, env: &Env, site: &Site) -> Option<Outcome> {
    if row == "waiting_memory" {
        return Some(waiting(env, site));
    }
    server_points::run(row, env, &runtime(), |size| People::of(env, site, size))
}

/// A database and the statement that asks it for a person.
#[derive(Clone)]
struct People {
    db: AsyncDatabase,
    point: &'static str,
}

impl People {
    fn of(env: &Env, site: &Site, size: usize) -> People {
        People { db: open(env, site, size, "acquire_timeout=60s").to_async(), point: site.sql.point }
    }
}

impl Pooled for People {
    async fn read(&self, number: u64, digest: &mut Digest) {
        let person: Option<data::Person> = self.db.fetch_one_as(self.point, (data::key(number),)).await.expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    }
}

/// What ten thousand tasks hold that wait for a connection, themselves among it.
fn waiting(env: &Env, site: &Site) -> Outcome {
    let waiting = if env.is_checking() { 100 } else { 10_000 };
    let people = People::of(env, site, 10);
    let runtime = runtime();
    let task = |number| {
        let people = people.clone();
        async move { people.read(number, &mut Digest::default()).await }
    };
    runtime.block_on(async {
        // All that is made once has been made: ten connections, and a few tasks that waited.
        let first: Vec<_> = (0..100).map(|number| runtime.spawn(task(number))).collect();
        for task in first {
            task.await.expect("no call fails");
        }
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(people.db.connection().await.expect("a connection"));
        }
        let before = Holdings::settled();
        let tasks: Vec<_> = (0..waiting).map(|number| runtime.spawn(task(number))).collect();
        while people.db.snapshot().waiting < waiting as usize {
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
