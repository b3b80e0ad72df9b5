//! sqlx, driven by tokio: from a plain thread that blocks on each call, and awaited.

use std::time::Duration;

use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};

use crate::SITE;
use crate::tasks::{EACH, measure, measure_tasks, runtime};

pub const PEER: Peer =
    Peer { name: "sqlx", run, rows: &["server_point", "server_fetch_all", "server_await_point", "server_tasks"] };

async fn open(env: &Env, size: u32) -> PgPool {
    let server = env.server("postgres");
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(server.port)
        .username(&server.user)
        .password(&server.password)
        .database(&server.database)
        // As the others have it, to this machine.
        .ssl_mode(PgSslMode::Disable);
    let pool = PgPoolOptions::new().max_connections(size).acquire_timeout(Duration::from_secs(60));
    // A round trip more with each loan, which no other pool here makes.
    pool.test_before_acquire(false).connect_with(options).await.expect("a server")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    let _within = runtime.enter();
    Some(match row {
        "server_point" => {
            let pool = runtime.block_on(open(env, 4));
            env.measure(10, |number, digest| runtime.block_on(read(&pool, number, digest)))
        }
        "server_fetch_all" => {
            let pool = runtime.block_on(open(env, 4));
            env.measure(1, |_, digest| {
                let rows: Vec<data::Person> =
                    runtime.block_on(sqlx::query_as(data::ALL).fetch_all(&pool)).expect("rows");
                for (id, name, age, score, mail) in &rows {
                    digest.person((*id, name, *age, *score, mail));
                }
            })
        }
        "server_await_point" => {
            let pool = runtime.block_on(open(env, 4));
            measure(env, &runtime, 10, |numbers, mut digest| {
                let pool = pool.clone();
                async move {
                    for number in numbers {
                        read(&pool, number, &mut digest).await;
                    }
                    digest
                }
            })
        }
        "server_tasks" => {
            let pool = runtime.block_on(open(env, 10));
            measure_tasks(env, &runtime, |first| {
                let pool = pool.clone();
                async move {
                    let mut digest = Digest::default();
                    for number in first..first + EACH {
                        read(&pool, number, &mut digest).await;
                    }
                    digest
                }
            })
        }
        _ => return None,
    })
}

async fn read(pool: &PgPool, number: u64, digest: &mut Digest) {
    let point = sqlx::query_as(SITE.sql.point).bind(data::key(number));
    let (id, name, age, score, mail): data::Person = point.fetch_one(pool).await.expect("a row");
    digest.person((id, &name, age, score, &mail));
}
