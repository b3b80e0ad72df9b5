//! Pontoon on PostgreSQL, from threads and awaited, beside what else talks to it.

#[path = "../../peers/server.rs"]
mod server;
#[path = "../../peers/server_points.rs"]
mod server_points;
#[path = "../../peers/server_sqlx.rs"]
mod server_sqlx;
#[path = "../../peers/server_tasks.rs"]
mod server_tasks;
#[path = "../../peers/tasks.rs"]
mod tasks;

mod deadpool;
mod raw;
mod sqlx_pool;

use pontoon_bench_harness::Peer;

/// The statements, and how the server is asked whether it is there.
pub const SITE: server::Site = server::Site {
    name: "postgres",
    sql: &server::Sql {
        point: "SELECT id, name, age, score, mail FROM people WHERE id = $1",
        stream: "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r CROSS JOIN people p WHERE r.number <= $1",
        insert: "INSERT INTO sink (id, name, age, score, mail) VALUES ($1, $2, $3, $4, $5)",
        sink: "SELECT (count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + sum(score)::bigint)::bigint FROM sink",
    },
    answers: raw::answers,
};

const PONTOON: Peer = Peer {
    name: "pontoon",
    run: |row, env| server::run(row, env, &SITE).or_else(|| server_tasks::run(row, env, &SITE)),
    rows: &[
        "server_point",
        "server_fetch_all",
        "server_execute_many",
        "bulk_copy",
        "stream_5m",
        "stream_left",
        "deadline",
        "restart",
        "server_await_point",
        "server_tasks",
        "waiting_memory",
    ],
};

const LOOP: Peer =
    Peer { name: "pontoon execute", run: |_, env| Some(server::execute(env, &SITE)), rows: &["bulk_copy"] };

fn main() {
    let peers = [PONTOON, LOOP, raw::PEER, raw::COPY, raw::POOL, deadpool::PEER, server_sqlx::PEER];
    pontoon_bench_harness::main("postgres", &peers);
}
