//! Pontoon on MariaDB, from threads and awaited, beside what else talks to it.

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

mod awaited;
mod raw;
mod sqlx_pool;

use pontoon_bench_harness::Peer;

/// The statements, and how the server is asked whether it is there.
pub const SITE: server::Site = server::Site {
    name: "mysql",
    sql: &server::Sql {
        point: "SELECT id, name, age, score, mail FROM people WHERE id = ?",
        stream: "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r STRAIGHT_JOIN people p WHERE r.number <= ?",
        insert: "INSERT INTO sink (id, name, age, score, mail) VALUES (?, ?, ?, ?, ?)",
        sink: "SELECT CAST(count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + CAST(sum(score) AS SIGNED) AS SIGNED) FROM sink",
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
        "bulk_insert",
        "bulk_load_data",
        "stream_5m",
        "stream_left",
        "deadline",
        "restart",
        "server_await_point",
        "server_tasks",
        "waiting_memory",
    ],
};

const LOOP: Peer = Peer {
    name: "pontoon execute",
    run: |_, env| Some(server::execute(env, &SITE)),
    rows: &["bulk_insert", "bulk_load_data"],
};

fn main() {
    pontoon_bench_harness::main("mysql", &[PONTOON, LOOP, raw::PEER, awaited::PEER, server_sqlx::PEER]);
}
