//! tokio-postgres in deadpool's pool, which keeps prepared statements.

use deadpool_postgres::{Manager, Pool};
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};
use tokio_postgres::{Config, NoTls};

use crate::server_points::{self, Pooled};
use crate::tasks::runtime;
use crate::{SITE, raw};

pub const PEER: Peer = Peer { name: "deadpool-postgres", run, rows: &server_points::ROWS };

fn open(env: &Env, size: usize) -> Pool {
    let server = env.server("postgres");
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.port).user(&server.user).password(&server.password).dbname(&server.database);
    Pool::builder(Manager::new(config, NoTls)).max_size(size).build().expect("a pool")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    server_points::run(row, env, &runtime(), |size| open(env, size))
}

impl Pooled for Pool {
    async fn read(&self, number: u64, digest: &mut Digest) {
        let client = self.get().await.expect("a connection");
        let point = client.prepare_cached(SITE.sql.point).await.expect("a statement");
        let row = client.query_one(&point, &[&data::key(number)]).await.expect("a row");
        let (id, name, age, score, mail) = raw::typed(&row);
        digest.person((id, &name, age, score, &mail));
    }
}
