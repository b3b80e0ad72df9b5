//! sqlx on a server, driven by tokio: from a plain thread that blocks on each call, and awaited.

use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::SITE;
use crate::server_points::{self, Pooled};
use crate::sqlx_pool::{Pool, open};
use crate::tasks::runtime;

pub const PEER: Peer =
    Peer { name: "sqlx", run, rows: &["server_point", "server_fetch_all", "server_await_point", "server_tasks"] };

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    // A connection of sqlx must be dropped within a runtime.
    let _within = runtime.enter();
    let opened = |size| runtime.block_on(open(env, size));
    Some(match row {
        "server_point" => {
            let pool = opened(4);
            env.measure(10, |number, digest| runtime.block_on(pool.read(number, digest)))
        }
        "server_fetch_all" => {
            let pool = opened(4);
            env.measure(1, |_, digest| {
                let rows: Vec<data::Person> =
                    runtime.block_on(sqlx::query_as(data::ALL).fetch_all(&pool)).expect("rows");
                for (id, name, age, score, mail) in &rows {
                    digest.person((*id, name, *age, *score, mail));
                }
            })
        }
        _ => return server_points::run(row, env, &runtime, |size| opened(size as u32)),
    })
}

impl Pooled for Pool {
    async fn read(&self, number: u64, digest: &mut Digest) {
        let point = sqlx::query_as(SITE.sql.point).bind(data::key(number));
        let (id, name, age, score, mail): data::Person = point.fetch_one(self).await.expect("a row");
        digest.person((id, &name, age, score, &mail));
    }
}
