//! Pontoon on SQLite beside sqlx, and rusqlite in the version that goes with sqlx.

#[path = "../../peers/awaited.rs"]
mod awaited;
#[path = "../../peers/bare.rs"]
mod bare;
#[path = "../../peers/pontoon.rs"]
mod ours;
mod sqlx_pool;
#[path = "../../peers/tasks.rs"]
mod tasks;

use pontoon_bench_harness::Peer;

/// What sqlx is compared in.
const ROWS: &[&str] = &[
    "point_held",
    "point_db",
    "insert_1000",
    "fetch_all",
    "wide_all",
    "bulk_sqlite",
    "hop",
    "acquire",
    "connect",
    "idle_memory",
    "stream_10m",
    "pool_64",
];

/// And rusqlite, which has no pool.
const BARE: &[&str] = &[
    "point_held",
    "point_db",
    "insert_1000",
    "fetch_all",
    "wide_all",
    "bulk_sqlite",
    "hop",
    "connect",
    "idle_memory",
    "stream_10m",
    "pool_64",
];
const AWAITED: &[&str] = &["await_point", "await_stream"];

fn main() {
    let peers = [
        Peer { rows: ROWS, ..ours::PEER },
        ours::FETCHED,
        Peer { rows: BARE, ..bare::PEER },
        Peer { rows: ROWS, ..sqlx_pool::PEER },
        Peer { rows: AWAITED, ..awaited::PEER },
        Peer { rows: AWAITED, ..sqlx_pool::PEER },
    ];
    pontoon_bench_harness::main("sqlx", &peers);
}
