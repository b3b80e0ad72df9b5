//! rusqlite in r2d2's pool.

use pontoon_bench_harness::measure::crowd;
use pontoon_bench_harness::{Env, Outcome, Peer, data};
use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;

use crate::bare::typed;

pub const PEER: Peer = Peer { name: "r2d2_sqlite", run, rows: &["point_db", "pool_64"] };

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let manager = SqliteConnectionManager::file(env.people()).with_init(|conn| conn.execute_batch(data::PRAGMAS));
    let pool = Pool::builder().max_size(4).build(manager).expect("a pool");
    Some(match row {
        "point_db" => env.measure(100, |number, digest| {
            let conn = pool.get().expect("a connection");
            let mut point = conn.prepare_cached(data::POINT).expect("a statement");
            let (id, name, age, score, mail) = point.query_row([data::key(number)], typed).expect("a row");
            digest.person((id, &name, age, score, &mail));
        }),
        "pool_64" => {
            let rows = env.spin_rows();
            crowd(64, if env.is_checking() { 1 } else { 20 }, || {
                let conn = pool.get().expect("a connection");
                let mut spin = conn.prepare_cached(data::SPIN).expect("a statement");
                spin.query_row([rows], |row| row.get(0)).expect("a sum")
            })
        }
        _ => return None,
    })
}
