//! Pontoon on SQLite beside rusqlite, bare and in r2d2's pool.

#[path = "../../peers/bare.rs"]
mod bare;
#[path = "../../peers/pontoon.rs"]
mod ours;
#[path = "../../peers/prepare.rs"]
mod prepare;
mod r2d2_pool;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, dir] = words.as_slice()
        && word == "prepare"
    {
        return prepare::prepare(dir.as_ref());
    }
    pontoon_bench_harness::main("sqlite", &[ours::PEER, ours::FETCHED, bare::PEER, r2d2_pool::PEER]);
}
