//! tokio-postgres in deadpool's pool, which keeps prepared statements.

use deadpool_postgres::{Manager, Pool};
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};
use tokio_postgres::{Config, NoTls};

use crate::tasks::{EACH, measure, measure_tasks, runtime};
use crate::{SITE, raw};

pub const PEER: Peer = Peer { name: "deadpool-postgres", run, rows: &["server_await_point", "server_tasks"] };

fn open(env: &Env, size: usize) -> Pool {
    let server = env.server("postgres");
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.port).user(&server.user).password(&server.password).dbname(&server.database);
    Pool::builder(Manager::new(config, NoTls)).max_size(size).build().expect("a pool")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    Some(match row {
        "server_await_point" => {
            let pool = open(env, 4);
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
            let pool = open(env, 10);
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

async fn read(pool: &Pool, number: u64, digest: &mut Digest) {
    let client = pool.get().await.expect("a connection");
    let point = client.prepare_cached(SITE.sql.point).await.expect("a statement");
    let row = client.query_one(&point, &[&data::key(number)]).await.expect("a row");
    let (id, name, age, score, mail) = raw::typed(&row);
    digest.person((id, &name, age, score, &mail));
}
