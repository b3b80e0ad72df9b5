//! A pool of sqlx.

use std::time::Duration;

use pontoon_bench_harness::Env;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};

pub type Pool = sqlx::PgPool;

pub async fn open(env: &Env, size: u32) -> Pool {
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
