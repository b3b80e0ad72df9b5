//! rusqlite as a good program uses it: statements prepared once, typed tuples.

use std::path::Path;

use pontoon_bench_harness::measure::crowd;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};
use rusqlite::{Connection, ToSql};

pub const PEER: Peer = Peer {
    name: "rusqlite",
    run,
    rows: &[
        "point_held",
        "point_db",
        "point_worker",
        "insert_1000",
        "fetch_all",
        "wide_all",
        "execute_many",
        "bulk_sqlite",
        "hop",
        "connect",
        "idle_memory",
        "stream_10m",
        "pool_64",
    ],
};

fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).expect("a file");
    conn.execute_batch(data::PRAGMAS).expect("pragmas");
    conn
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    Some(match row {
        "point_held" | "point_db" | "point_worker" => point(env),
        "insert_1000" => insert(env, 1000),
        "execute_many" => insert(env, data::PEOPLE),
        "fetch_all" => fetch_all(env),
        "wide_all" => wide_all(env),
        "bulk_sqlite" => bulk_insert(env),
        "hop" => hop(env),
        "connect" => connect(env),
        "idle_memory" => Outcome::of(0, process::memory_each(50, |many| idle(env, many))),
        "stream_10m" => stream(env),
        "pool_64" => four_threads(env),
        _ => return None,
    })
}

pub fn typed(row: &rusqlite::Row<'_>) -> rusqlite::Result<data::Person> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn point(env: &Env) -> Outcome {
    let conn = open(&env.people());
    env.measure(100, |number, digest| {
        let mut point = conn.prepare_cached(data::POINT).expect("a statement");
        let (id, name, age, score, mail) = point.query_row([data::key(number)], typed).expect("a row");
        digest.person((id, &name, age, score, &mail));
    })
}

fn insert(env: &Env, rows: usize) -> Outcome {
    let sink = env.sink();
    let mut conn = open(&sink.path);
    let people = &data::people()[..rows];
    env.measure_with(clear(&sink.path), |_, digest| {
        let tx = conn.transaction().expect("nobody else");
        {
            let mut insert = tx.prepare_cached(data::INSERT).expect("a statement");
            for (id, name, age, score, mail) in people {
                insert.execute((id, name, age, score, mail)).expect("a row");
            }
        }
        tx.commit().expect("nobody else");
        check_sink(env, &sink.path, digest);
    })
}

/// Empties the sink, and its log, by another connection.
pub fn clear(path: &Path) -> impl FnMut() + use<> {
    let other = open(path);
    move || other.execute_batch("DELETE FROM sink; PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody else")
}

/// When checking, what has been written.
pub fn check_sink(env: &Env, path: &Path, digest: &mut Digest) {
    if env.is_checking() {
        digest.int(open(path).query_row(data::SINK, [], |row| row.get(0)).expect("a sum"));
    }
}

fn fetch_all(env: &Env) -> Outcome {
    let conn = open(&env.people());
    env.measure(1, |_, digest| {
        let mut all = conn.prepare_cached(data::ALL).expect("a statement");
        let rows: Vec<data::Person> =
            all.query_map([], typed).expect("rows").collect::<rusqlite::Result<_>>().expect("rows");
        for (id, name, age, score, mail) in &rows {
            digest.person((*id, name, *age, *score, mail));
        }
    })
}

fn wide_all(env: &Env) -> Outcome {
    let conn = open(&env.people());
    env.measure(1, |_, digest| {
        let mut all = conn.prepare_cached(data::WIDE_ALL).expect("a statement");
        let rows = all.query_map([], typed_wide).expect("rows").collect::<rusqlite::Result<Vec<_>>>().expect("rows");
        rows.iter().for_each(|row| row.digest(digest));
    })
}

fn typed_wide(row: &rusqlite::Row<'_>) -> rusqlite::Result<data::Wide> {
    data::Wide::read(|at| Ok((row.get(at)?, row.get(at + 1)?, row.get(at + 2)?, row.get(at + 3)?, row.get(at + 4)?)))
}

/// With several rows a statement, which is the fastest way there is.
fn bulk_insert(env: &Env) -> Outcome {
    let sink = env.sink();
    let mut conn = open(&sink.path);
    let (people, many) = (data::people(), data::insert_many());
    env.measure_with(clear(&sink.path), |_, digest| {
        let tx = conn.transaction().expect("nobody else");
        {
            let mut insert = tx.prepare_cached(&many).expect("a statement");
            for chunk in people.chunks(data::CHUNK) {
                let cells = chunk
                    .iter()
                    .flat_map(|(id, name, age, score, mail)| -> [&dyn ToSql; 5] { [id, name, age, score, mail] });
                insert.execute(rusqlite::params_from_iter(cells)).expect("rows");
            }
        }
        tx.commit().expect("nobody else");
        check_sink(env, &sink.path, digest);
    })
}

/// The call alone: there is no other thread.
fn hop(env: &Env) -> Outcome {
    let conn = open(&env.people());
    env.latencies(["hop_p99", "hop_p999"], |number, digest| {
        let mut nothing = conn.prepare_cached(data::NOTHING).expect("a statement");
        digest.int(nothing.query_row([number as i64], |row| row.get(0)).expect("a row"));
    })
}

fn connect(env: &Env) -> Outcome {
    let path = env.people();
    env.measure(1, |number, digest| {
        let conn = open(&path);
        let point = |row: &rusqlite::Row<'_>| row.get(2);
        digest.int(conn.query_row(data::POINT, [data::key(number)], point).expect("a row"));
        conn.close().expect("nothing open");
    })
}

/// Connections that have been used once.
fn idle(env: &Env, many: usize) -> Vec<Connection> {
    let used = || {
        let conn = open(&env.people());
        let mut point = conn.prepare_cached(data::POINT).expect("a statement");
        point.query_row([1], typed).expect("a row");
        drop(point);
        conn
    };
    (0..many).map(|_| used()).collect()
}

fn stream(env: &Env) -> Outcome {
    let conn = open(&env.people());
    let repeats = env.repeats();
    let begun = std::time::Instant::now();
    let mut digest = Digest::default();
    let mut stream = conn.prepare_cached(data::STREAM).expect("a statement");
    let mut rows = stream.query([repeats]).expect("rows");
    while let Some(row) = rows.next().expect("rows") {
        let (id, name, age, score, mail) = typed(row).expect("a row");
        digest.person((id, &name, age, score, &mail));
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_10m_memory", process::peak_memory())
}

/// As many threads as the pool of the others has connections, with a connection each.
fn four_threads(env: &Env) -> Outcome {
    thread_local! {
        static CONN: std::cell::OnceCell<Connection> = const { std::cell::OnceCell::new() };
    }
    let (path, rows) = (env.people(), env.spin_rows());
    crowd(4, if env.is_checking() { 1 } else { 320 }, || {
        CONN.with(|conn| {
            let conn = conn.get_or_init(|| open(&path));
            let mut spin = conn.prepare_cached(data::SPIN).expect("a statement");
            spin.query_row([rows], |row| row.get(0)).expect("a sum")
        })
    })
}
