//! Pontoon on SQLite, awaited, beside what else takes rusqlite to futures.

mod async_sqlite_pool;
mod bare_loop;
mod deadpool;
#[path = "../../peers/awaited.rs"]
mod ours;
#[path = "../../peers/tasks.rs"]
mod tasks;
mod tokio_rusqlite_conn;

fn main() {
    let peers =
        [ours::PEER, ours::LOOP, bare_loop::PEER, tokio_rusqlite_conn::PEER, async_sqlite_pool::PEER, deadpool::PEER];
    pontoon_bench_harness::main("awaited", &peers);
}
