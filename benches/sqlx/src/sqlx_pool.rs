//! sqlx, driven by tokio: from a plain thread that blocks on each call, and 64 tasks where there are 64 callers.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::TryStreamExt;
use pontoon_bench_harness::measure::{Digest, crowd_of};
use pontoon_bench_harness::{Env, Outcome, Peer, data, process};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, FromRow, Row};
use tokio::runtime::Runtime;

use crate::bare::{check_sink, clear};
use crate::tasks::{measure, runtime};

pub const PEER: Peer = Peer { name: "sqlx", run, rows: &[] };

async fn open(path: &Path) -> SqlitePool {
    open_for(path, 4).await
}

async fn open_for(path: &Path, connections: u32) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-16000");
    SqlitePoolOptions::new().max_connections(connections).connect_with(options).await.expect("a file")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime = runtime();
    // A connection of sqlx must be dropped within a runtime.
    let _within = runtime.enter();
    Some(match row {
        "point_held" => {
            let pool = runtime.block_on(open(&env.people()));
            let mut conn = runtime.block_on(pool.acquire()).expect("a connection");
            env.measure(100, |number, digest| {
                let point = sqlx::query_as(data::POINT).bind(data::key(number));
                read(digest, &runtime.block_on(point.fetch_one(&mut *conn)).expect("a row"));
            })
        }
        "point_db" => {
            let pool = runtime.block_on(open(&env.people()));
            env.measure(100, |number, digest| {
                let point = sqlx::query_as(data::POINT).bind(data::key(number));
                read(digest, &runtime.block_on(point.fetch_one(&pool)).expect("a row"));
            })
        }
        "fetch_all" => {
            let pool = runtime.block_on(open(&env.people()));
            env.measure(1, |_, digest| {
                let rows: Vec<data::Person> =
                    runtime.block_on(sqlx::query_as(data::ALL).fetch_all(&pool)).expect("rows");
                rows.iter().for_each(|row| read(digest, row));
            })
        }
        "await_point" => {
            let pool = runtime.block_on(open(&env.people()));
            measure(env, &runtime, 100, |numbers, mut digest| {
                let pool = pool.clone();
                async move {
                    for number in numbers {
                        let point = sqlx::query_as(data::POINT).bind(data::key(number));
                        read(&mut digest, &point.fetch_one(&pool).await.expect("a row"));
                    }
                    digest
                }
            })
        }
        "await_stream" => {
            let pool = runtime.block_on(open(&env.people()));
            measure(env, &runtime, 1, |_, mut digest| {
                let pool = pool.clone();
                async move {
                    let mut rows = sqlx::query_as(data::ALL).fetch(&pool);
                    while let Some(row) = rows.try_next().await.expect("a row") {
                        read(&mut digest, &row);
                    }
                    drop(rows);
                    digest
                }
            })
        }
        "wide_all" => {
            let pool = runtime.block_on(open(&env.people()));
            env.measure(1, |_, digest| {
                let rows = runtime.block_on(sqlx::query_as(data::WIDE_ALL).fetch_all(&pool)).expect("rows");
                rows.iter().for_each(|Wide(row)| row.digest(digest));
            })
        }
        "insert_1000" => insert(env, &runtime),
        "bulk_sqlite" => bulk_insert(env, &runtime),
        "hop" => {
            let pool = runtime.block_on(open(&env.people()));
            let mut conn = runtime.block_on(pool.acquire()).expect("a connection");
            env.latencies(["hop_p99", "hop_p999"], |number, digest| {
                let nothing = sqlx::query_scalar(data::NOTHING).bind(number as i64);
                digest.int(runtime.block_on(nothing.fetch_one(&mut *conn)).expect("a row"));
            })
        }
        "acquire" => {
            let pool = runtime.block_on(open(&env.people()));
            env.measure(100, |_, _| drop(runtime.block_on(pool.acquire()).expect("a connection")))
        }
        "connect" => {
            let path = env.people();
            env.measure(1, |number, digest| {
                let age = runtime.block_on(async {
                    let pool = open(&path).await;
                    let point = sqlx::query_as(data::POINT).bind(data::key(number));
                    let person: data::Person = point.fetch_one(&pool).await.expect("a row");
                    pool.close().await;
                    person.2
                });
                digest.int(age);
            })
        }
        "idle_memory" => Outcome::of(0, process::memory_each(50, |many| runtime.block_on(idle(env, many)))),
        "stream_10m" => stream(env, &runtime),
        "pool_64" => crowd(env, &runtime),
        _ => return None,
    })
}

fn read(digest: &mut Digest, (id, name, age, score, mail): &data::Person) {
    digest.person((*id, name, *age, *score, mail));
}

struct Wide(data::Wide);

impl FromRow<'_, SqliteRow> for Wide {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Wide> {
        let block = |at| {
            let (int, name, real) = (row.try_get(at)?, row.try_get(at + 1)?, row.try_get(at + 2)?);
            Ok((int, name, real, row.try_get(at + 3)?, row.try_get(at + 4)?))
        };
        data::Wide::read(block).map(Wide)
    }
}

/// A pool whose connections have been used once.
async fn idle(env: &Env, many: usize) -> SqlitePool {
    let pool = open_for(&env.people(), many as u32).await;
    let mut conns = Vec::new();
    for _ in 0..many {
        let mut conn = pool.acquire().await.expect("a connection");
        let _: data::Person = sqlx::query_as(data::POINT).bind(1).fetch_one(&mut *conn).await.expect("a row");
        conns.push(conn);
    }
    pool
}

/// As many rows a statement as with the others.
fn bulk_insert(env: &Env, runtime: &Runtime) -> Outcome {
    let sink = env.sink();
    let pool = runtime.block_on(open(&sink.path));
    let (people, many) = (data::people(), data::insert_many());
    env.measure_with(clear(&sink.path), |_, digest| {
        runtime.block_on(async {
            let mut tx = pool.begin().await.expect("nobody else");
            for chunk in people.chunks(data::CHUNK) {
                let insert = sqlx::query(AssertSqlSafe(many.as_str()));
                let insert = chunk.iter().fold(insert, |insert, (id, name, age, score, mail)| {
                    insert.bind(id).bind(name).bind(age).bind(score).bind(mail)
                });
                insert.execute(&mut *tx).await.expect("rows");
            }
            tx.commit().await.expect("nobody else");
        });
        check_sink(env, &sink.path, digest);
    })
}

fn insert(env: &Env, runtime: &Runtime) -> Outcome {
    let sink = env.sink();
    let pool = runtime.block_on(open(&sink.path));
    let people = &data::people()[..1000];
    env.measure_with(clear(&sink.path), |_, digest| {
        runtime.block_on(async {
            let mut tx = pool.begin().await.expect("nobody else");
            for (id, name, age, score, mail) in people {
                let insert = sqlx::query(data::INSERT).bind(id).bind(name).bind(age).bind(score).bind(mail);
                insert.execute(&mut *tx).await.expect("a row");
            }
            tx.commit().await.expect("nobody else");
        });
        check_sink(env, &sink.path, digest);
    })
}

fn stream(env: &Env, runtime: &Runtime) -> Outcome {
    let pool = runtime.block_on(open(&env.people()));
    let repeats = env.repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    runtime.block_on(async {
        let mut rows = sqlx::query_as(data::STREAM).bind(repeats).fetch(&pool);
        while let Some(row) = rows.try_next().await.expect("a row") {
            read(&mut digest, &row);
        }
    });
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_10m_memory", process::peak_memory())
}

fn crowd(env: &Env, runtime: &Runtime) -> Outcome {
    let pool = Arc::new(runtime.block_on(open(&env.people())));
    let (rows, each) = (env.spin_rows(), if env.is_checking() { 1 } else { 20 });
    let begun = Instant::now();
    let calls = runtime.block_on(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move {
                    let mut calls = Vec::with_capacity(each);
                    for _ in 0..each {
                        let begun = Instant::now();
                        let value = sqlx::query_scalar(data::SPIN).bind(rows).fetch_one(&*pool).await.expect("a sum");
                        calls.push((value, begun.elapsed().as_secs_f64()));
                    }
                    calls
                })
            })
            .collect();
        let mut calls = Vec::new();
        for task in tasks {
            calls.extend(task.await.expect("no call fails"));
        }
        calls
    });
    crowd_of(begun.elapsed(), calls)
}
