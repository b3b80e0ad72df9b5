//! rusqlite in r2d2's pool.

use pontoon_bench_harness::measure::crowd;
use pontoon_bench_harness::{Env, Outcome, Peer, data, process};
use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;

use crate::bare::typed;

pub const PEER: Peer =
    Peer { name: "r2d2_sqlite", run, rows: &["point_db", "acquire", "connect", "idle_memory", "pool_64"] };

/// Opens no connection that nobody asks for, as the pools beside it.
fn open(env: &Env, size: u32) -> Pool<SqliteConnectionManager> {
    let manager = SqliteConnectionManager::file(env.people()).with_init(|conn| conn.execute_batch(data::PRAGMAS));
    Pool::builder().max_size(size).min_idle(Some(0)).build(manager).expect("a pool")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    Some(match row {
        "point_db" => {
            let pool = open(env, 4);
            env.measure(100, |number, digest| {
                let conn = pool.get().expect("a connection");
                digest.person(borrowed(&point(&conn, data::key(number))));
            })
        }
        "acquire" => {
            let pool = open(env, 4);
            env.measure(100, |_, _| drop(pool.get().expect("a connection")))
        }
        "connect" => env.measure(1, |number, digest| {
            let pool = open(env, 4);
            let conn = pool.get().expect("a connection");
            digest.int(point(&conn, data::key(number)).2);
        }),
        "idle_memory" => Outcome::of(0, process::memory_each(50, |many| idle(env, many as u32))),
        "pool_64" => {
            let pool = open(env, 4);
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

type Conn = PooledConnection<SqliteConnectionManager>;

fn point(conn: &Conn, key: i64) -> data::Person {
    let mut point = conn.prepare_cached(data::POINT).expect("a statement");
    point.query_row([key], typed).expect("a row")
}

fn borrowed((id, name, age, score, mail): &data::Person) -> (i64, &str, i64, f64, &str) {
    (*id, name, *age, *score, mail)
}

/// A pool whose connections have been used once.
fn idle(env: &Env, many: u32) -> Pool<SqliteConnectionManager> {
    let pool = open(env, many);
    let conns: Vec<Conn> = (0..many).map(|_| pool.get().expect("a connection")).collect();
    conns.iter().for_each(|conn| drop(point(conn, 1)));
    drop(conns);
    pool
}
