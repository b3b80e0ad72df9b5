//! Pontoon on SQLite beside diesel, in r2d2's pool and awaited, and sea-orm; rusqlite in the version that goes with them.

mod awaited_diesel;
#[path = "../../peers/bare.rs"]
mod bare;
mod diesel_pool;
#[path = "../../peers/pontoon.rs"]
mod ours;
mod sea;
mod tables;

use pontoon_bench_harness::Peer;

/// What these are compared in.
const ROWS: &[&str] = &["point_held", "point_db", "insert_1000", "fetch_all", "execute_many", "stream_10m"];

fn main() {
    let peers = [
        Peer { rows: ROWS, ..ours::PEER },
        ours::FETCHED,
        Peer { rows: ROWS, ..bare::PEER },
        Peer { rows: ROWS, ..diesel_pool::PEER },
        awaited_diesel::PEER,
        sea::PEER,
    ];
    pontoon_bench_harness::main("orm", &peers);
}
