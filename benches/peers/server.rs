//! Pontoon on a server, called from threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon_bench_harness::servers::Server;
use pontoon_bench_harness::{Digest, Env, Outcome, data, process};

/// What differs between the servers.
pub struct Site {
    /// Of its file, and the scheme of its URLs.
    pub name: &'static str,
    pub sql: &'static Sql,
    /// Whether the server answers the raw driver, on a new connection.
    pub answers: fn(&Server) -> bool,
}

/// The statements, in the server's SQL: the same for all peers.
pub struct Sql {
    pub point: &'static str,
    pub stream: &'static str,
    pub insert: &'static str,
    pub sink: &'static str,
}

/// How often `people` are read in the stream that is left.
const LEFT: i64 = 20;

pub const COLUMNS: &[&str] = &["id", "name", "age", "score", "mail"];

/// Rows of the loop that a bulk insert is compared with.
const LOOP: usize = 2000;

/// Rows of `execute_many`.
pub const MANY: usize = 5000;

pub fn open(env: &Env, site: &Site, size: usize, options: &str) -> Database {
    let url = format!("{}?{options}", env.server(site.name).url(site.name));
    Database::builder().url(url.as_str()).pool_size(size).open().expect("a server")
}

pub fn run(row: &str, env: &Env, site: &Site) -> Option<Outcome> {
    Some(match row {
        "server_point" => point(env, site),
        "server_fetch_all" => fetch_all(env, site),
        "server_execute_many" => execute_many(env, site),
        "bulk_copy" | "bulk_insert" => bulk(env, site, ""),
        "bulk_load_data" => bulk(env, site, "bulk=load_data"),
        "stream_5m" => stream(env, site),
        "stream_left" => leave(env, site),
        "deadline" => deadline(env, site),
        "restart" => restart(env, site),
        _ => return None,
    })
}

fn point(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 4, "");
    env.measure(10, |number, digest| {
        let person: Option<data::Person> = db.fetch_one_as(site.sql.point, (data::key(number),)).expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    })
}

fn fetch_all(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 4, "");
    env.measure(1, |_, digest| {
        let rows: Vec<data::Person> = db.fetch_all_as(data::ALL, ()).expect("rows");
        for (id, name, age, score, mail) in &rows {
            digest.person((*id, name, *age, *score, mail));
        }
    })
}

fn bulk(env: &Env, site: &Site, options: &str) -> Outcome {
    let db = open(env, site, 1, options);
    let people = env.written();
    env.measure_with(clear(env, site), |_, digest| {
        let rows = people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
        db.bulk_insert("sink", COLUMNS, rows).expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(people.len() as f64)
}

fn execute_many(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 1, "");
    let people = &data::people()[..MANY];
    env.measure_with(clear(env, site), |_, digest| {
        let rows = people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
        db.execute_many(site.sql.insert, rows).expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(MANY as f64)
}

/// What a bulk insert is compared with: one statement a row, in one transaction.
pub fn execute(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 1, "");
    let mut people = env.written();
    people.truncate(LOOP);
    env.measure_with(clear(env, site), |_, digest| {
        db.transaction(|tx| {
            for (id, name, age, score, mail) in &people {
                tx.execute(site.sql.insert, (id, name, age, score, mail))?;
            }
            Ok::<_, Error>(())
        })
        .expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(people.len() as f64)
}

/// Empties the sink, on another connection.
pub fn clear(env: &Env, site: &Site) -> impl FnMut() + use<> {
    let other = open(env, site, 1, "");
    move || {
        other.execute("TRUNCATE TABLE sink", ()).expect("nobody else");
    }
}

/// When checking, what has been written.
pub fn check_sink(env: &Env, site: &Site, digest: &mut Digest) {
    if env.is_checking() {
        let sum: Option<i64> = open(env, site, 1, "").fetch_val(site.sql.sink, ()).expect("a sum");
        digest.int(sum.expect("a row"));
    }
}

fn stream(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 1, "");
    let repeats = env.server_repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    for row in db.iterate(site.sql.stream, (repeats,)).expect("a stream") {
        let row = row.expect("a row");
        let person = || -> pontoon::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)) };
        digest.person(person().expect("five cells"));
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_5m_memory", process::peak_memory())
}

/// From the moment that a stream is dropped to the answer of the next statement on its connection. The longest of a few.
fn leave(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site, 1, "");
    let mut digest = Digest::default();
    let times = (0..some(env)).map(|_| {
        let mut rows = db.iterate(site.sql.stream, (LEFT,)).expect("a stream");
        rows.next().expect("a row").expect("a row");
        let begun = Instant::now();
        drop(rows);
        let one: Option<i64> = db.fetch_val("SELECT 1", ()).expect("a row");
        digest.int(one.expect("a row"));
        begun.elapsed().as_secs_f64()
    });
    let longest = times.fold(0.0, f64::max);
    Outcome::of(digest.0, longest)
}

/// By how much a caller is late whose statement the server does not answer. The longest of a few.
fn deadline(env: &Env, site: &Site) -> Outcome {
    const PATIENCE: Duration = Duration::from_millis(200);
    let server = env.server(site.name);
    let times = (0..some(env)).map(|_| {
        let db = open(env, site, 1, "");
        let _: Option<i64> = db.fetch_val("SELECT 1", ()).expect("a row");
        server.freeze();
        let begun = Instant::now();
        let query = Query::new("SELECT 2").timeout(PATIENCE);
        let answer: pontoon::Result<Option<i64>> = db.fetch_val(query, ());
        let took = begun.elapsed();
        server.thaw();
        assert!(answer.is_err(), "a halted server does not answer");
        // Back before it is as good as back at it.
        took.saturating_sub(PATIENCE).as_secs_f64()
    });
    let longest = times.fold(0.0, f64::max);
    Outcome::of(0, longest)
}

/// How much later than the raw driver a program gets an answer from a server that was killed and started again.
fn restart(env: &Env, site: &Site) -> Outcome {
    let server = env.server(site.name);
    let db = open(env, site, 4, "");
    let _: Option<i64> = db.fetch_val("SELECT 1", ()).expect("a row");
    server.kill();
    let over = AtomicBool::new(false);
    let (raw, ours) = std::thread::scope(|scope| {
        let raw = scope.spawn(|| {
            while !(site.answers)(&server) {
                assert!(!over.load(Ordering::Relaxed), "the server does not come back");
                std::thread::sleep(Duration::from_millis(2));
            }
            Instant::now()
        });
        let ours = scope.spawn(|| {
            loop {
                let answer: pontoon::Result<Option<i64>> = db.fetch_val("SELECT 1", ());
                match answer {
                    Ok(_) => return Instant::now(),
                    Err(error) => assert!(!over.load(Ordering::Relaxed), "the server does not come back: {error}"),
                }
            }
        });
        server.start();
        let until = Instant::now() + Duration::from_secs(30);
        while !(raw.is_finished() && ours.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        over.store(true, Ordering::Relaxed);
        (raw.join().expect("an answer"), ours.join().expect("an answer"))
    });
    Outcome::of(0, ours.saturating_duration_since(raw).as_secs_f64())
}

/// How often something is done that takes longer than it may be measured for.
fn some(env: &Env) -> usize {
    if env.is_checking() { 1 } else { 5 }
}
