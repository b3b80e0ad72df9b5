//! async-sqlite: a pool of connections on threads.

use async_sqlite::PoolBuilder;
use pontoon_bench_harness::{Env, Outcome, Peer, data};

use crate::bare_loop::{person, read};
use crate::tasks::{measure, runtime};

pub const PEER: Peer = Peer { name: "async-sqlite", run, rows: &["await_point"] };

fn run(_: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    let pool = runtime.block_on(async {
        let pool = PoolBuilder::new().path(env.people()).num_conns(4).open().await.expect("a file");
        for pragmas in pool.conn_for_each(|conn| conn.execute_batch(data::PRAGMAS)).await {
            pragmas.expect("pragmas");
        }
        pool
    });
    Some(measure(env, &runtime, 100, |numbers, mut digest| {
        let pool = pool.clone();
        async move {
            for number in numbers {
                read(&mut digest, &pool.conn(move |conn| person(conn, number)).await.expect("a row"));
            }
            digest
        }
    }))
}
