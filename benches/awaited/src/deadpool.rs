//! deadpool-sqlite: a pool of connections, used on tokio's threads for what blocks.

use deadpool_sqlite::{Config, Runtime};
use pontoon_bench_harness::{Env, Outcome, Peer, data};

use crate::bare_loop::{person, read};
use crate::tasks::{measure, runtime};

pub const PEER: Peer = Peer { name: "deadpool-sqlite", run, rows: &["await_point"] };

fn run(_: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    let builder = Config::new(env.people()).builder(Runtime::Tokio1).expect("a pool");
    let pool = builder.max_size(4).build().expect("a pool");
    // One caller after another has one connection.
    runtime.block_on(async {
        let conn = pool.get().await.expect("a connection");
        let set = conn.interact(|conn| conn.execute_batch(data::PRAGMAS)).await.expect("nothing panics");
        set.expect("pragmas");
    });
    let outcome = measure(env, &runtime, 100, |numbers, mut digest| {
        let pool = pool.clone();
        async move {
            for number in numbers {
                let conn = pool.get().await.expect("a connection");
                let person = conn.interact(move |conn| person(conn, number)).await.expect("nothing panics");
                read(&mut digest, &person.expect("a row"));
            }
            digest
        }
    });
    // Its connections are closed by the runtime's own threads.
    runtime.block_on(async move { drop(pool) });
    Some(outcome)
}
