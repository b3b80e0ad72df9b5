//! tokio-rusqlite: one connection on a thread.

use pontoon_bench_harness::{Env, Outcome, Peer, data};
use tokio_rusqlite::Connection;

use crate::bare_loop::{person, read};
use crate::tasks::{measure, runtime};

pub const PEER: Peer = Peer { name: "tokio-rusqlite", run, rows: &["await_point"] };

fn run(_: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    let conn = runtime.block_on(async {
        let conn = Connection::open(env.people()).await.expect("a file");
        conn.call(|conn| conn.execute_batch(data::PRAGMAS)).await.expect("pragmas");
        conn
    });
    Some(measure(env, &runtime, 100, |numbers, mut digest| {
        let conn = conn.clone();
        async move {
            for number in numbers {
                read(&mut digest, &conn.call(move |conn| person(conn, number)).await.expect("a row"));
            }
            digest
        }
    }))
}
