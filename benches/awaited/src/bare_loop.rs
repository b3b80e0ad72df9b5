//! rusqlite, and nothing is awaited; and what the others give their connections to do.

use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};
use rusqlite::Connection;

pub const PEER: Peer = Peer { name: "rusqlite", run, rows: &["await_run", "await_stream"] };

fn typed(row: &rusqlite::Row<'_>) -> rusqlite::Result<data::Person> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

/// One person, as every peer reads it.
pub fn person(conn: &Connection, number: u64) -> rusqlite::Result<data::Person> {
    conn.prepare_cached(data::POINT)?.query_row([data::key(number)], typed)
}

pub fn read(digest: &mut Digest, (id, name, age, score, mail): &data::Person) {
    digest.person((*id, name, *age, *score, mail));
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let conn = Connection::open(env.people()).expect("a file");
    conn.execute_batch(data::PRAGMAS).expect("pragmas");
    Some(match row {
        "await_run" => env.measure(100, |number, digest| {
            read(digest, &person(&conn, number).expect("a row"));
        }),
        "await_stream" => env.measure(1, |_, digest| {
            let mut all = conn.prepare_cached(data::ALL).expect("a statement");
            let mut rows = all.query([]).expect("rows");
            while let Some(row) = rows.next().expect("rows") {
                read(digest, &typed(row).expect("a row"));
            }
        }),
        _ => return None,
    })
}
