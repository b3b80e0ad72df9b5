//! mysql_async in its pool, whose connections keep prepared statements.

use mysql_async::prelude::Queryable as _;
use mysql_async::{OptsBuilder, Pool, PoolConstraints, PoolOpts};
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::SITE;
use crate::server_points::{self, Pooled};
use crate::tasks::runtime;

pub const PEER: Peer = Peer { name: "mysql_async", run, rows: &server_points::ROWS };

fn open(env: &Env, size: usize) -> Pool {
    let server = env.server("mysql");
    // A reset would be a round trip with each loan, and forget the statements.
    let pool = PoolOpts::new().with_constraints(PoolConstraints::new(0, size).expect("in order"));
    let options = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(server.port)
        .prefer_socket(false)
        .user(Some(server.user))
        .pass(Some(server.password))
        .db_name(Some(server.database))
        .pool_opts(pool.with_reset_connection(false));
    Pool::new(options)
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    let _within = runtime.enter();
    server_points::run(row, env, &runtime, |size| open(env, size))
}

impl Pooled for Pool {
    async fn read(&self, number: u64, digest: &mut Digest) {
        let mut conn = self.get_conn().await.expect("a connection");
        let person: Option<data::Person> = conn.exec_first(SITE.sql.point, (data::key(number),)).await.expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    }
}
