//! diesel-async: its way to SQLite, a blocking connection on tokio's threads for blocking work, in deadpool's pool. Driven
//! from a plain thread that blocks on each call.
//!
//! It has no row for the stream: here `load_stream` loads everything before it gives the first row.

use std::path::Path;
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use pontoon_bench_harness::{Env, Outcome, Peer, data};
use tokio::runtime::Runtime;

use crate::bare::{check_sink, clear};
use crate::tables::{Person, insert_many, new_people, people, sink};

pub const PEER: Peer =
    Peer { name: "diesel-async", run, rows: &["point_held", "point_db", "insert_1000", "fetch_all", "execute_many"] };

type Conn = SyncConnectionWrapper<SqliteConnection>;

fn open(path: &Path) -> Pool<Conn> {
    let mut config = ManagerConfig::default();
    config.custom_setup = Box::new(|path| {
        async move {
            let mut conn = Conn::establish(path).await?;
            conn.batch_execute(data::PRAGMAS).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
            Ok(conn)
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::new_with_config(path.display().to_string(), config);
    Pool::builder(manager).max_size(4).build().expect("a pool")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    Some(match row {
        "point_held" => {
            let pool = open(&env.people());
            let mut conn = runtime.block_on(pool.get()).expect("a connection");
            env.measure(100, |number, digest| runtime.block_on(point(&mut conn, number)).digest(digest))
        }
        "point_db" => {
            let pool = open(&env.people());
            env.measure(100, |number, digest| {
                let call = async { point(&mut pool.get().await.expect("a connection"), number).await };
                runtime.block_on(call).digest(digest);
            })
        }
        "fetch_all" => {
            let pool = open(&env.people());
            env.measure(1, |_, digest| {
                let rows: Vec<Person> = runtime.block_on(async {
                    let mut conn = pool.get().await.expect("a connection");
                    people::table.select(Person::as_select()).load(&mut conn).await.expect("rows")
                });
                rows.iter().for_each(|row| row.digest(digest));
            })
        }
        "insert_1000" => insert(env, &runtime),
        "execute_many" => execute_many(env, &runtime),
        _ => return None,
    })
}

async fn point(conn: &mut Conn, number: u64) -> Person {
    people::table.find(data::key(number)).select(Person::as_select()).get_result(conn).await.expect("a row")
}

/// In a transaction, each in a call of its own.
fn insert(env: &Env, runtime: &Runtime) -> Outcome {
    let file = env.sink();
    let pool = open(&file.path);
    let people = &data::people()[..1000];
    env.measure_with(clear(&file.path), |_, digest| {
        let rows = new_people(people);
        let rows = &rows;
        runtime.block_on(async {
            let mut conn = pool.get().await.expect("a connection");
            let work = async |conn: &mut Conn| {
                for row in rows {
                    diesel::insert_into(sink::table).values(row).execute(conn).await?;
                }
                QueryResult::Ok(())
            };
            Conn::transaction(&mut conn, work).await.expect("nobody else");
        });
        check_sink(env, &file.path, digest);
    })
}

/// In one call: many rows a statement is what diesel itself has for SQLite, and it wants the blocking connection.
fn execute_many(env: &Env, runtime: &Runtime) -> Outcome {
    let file = env.sink();
    let pool = open(&file.path);
    let people = Arc::new(data::people());
    env.measure_with(clear(&file.path), |_, digest| {
        let people = Arc::clone(&people);
        runtime.block_on(async {
            let mut conn = pool.get().await.expect("a connection");
            let work =
                move |conn: &mut SqliteConnection| conn.transaction(|conn| insert_many(conn, &new_people(&people)));
            conn.spawn_blocking(work).await.expect("nobody else");
        });
        check_sink(env, &file.path, digest);
    })
}
