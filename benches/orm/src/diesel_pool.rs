//! diesel from plain threads, in its r2d2 pool.

use std::path::Path;
use std::time::Instant;

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Error, Pool};
use diesel::sql_types::BigInt;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};

use crate::bare::{check_sink, clear};
use crate::tables::{NewPerson, Person, insert_many, new_people, people, sink};

pub const PEER: Peer = Peer { name: "diesel", run, rows: &[] };

/// What is set on each connection.
#[derive(Debug)]
struct Pragmas;

impl CustomizeConnection<SqliteConnection, Error> for Pragmas {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), Error> {
        conn.batch_execute(data::PRAGMAS).map_err(Error::QueryError)
    }
}

fn open(path: &Path) -> Pool<ConnectionManager<SqliteConnection>> {
    let manager = ConnectionManager::new(path.display().to_string());
    Pool::builder().max_size(4).connection_customizer(Box::new(Pragmas)).build(manager).expect("a pool")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    Some(match row {
        "point_held" => {
            let pool = open(&env.people());
            let mut conn = pool.get().expect("a connection");
            env.measure(100, |number, digest| point(&mut conn, number).digest(digest))
        }
        "point_db" => {
            let pool = open(&env.people());
            env.measure(100, |number, digest| point(&mut pool.get().expect("a connection"), number).digest(digest))
        }
        "fetch_all" => {
            let pool = open(&env.people());
            env.measure(1, |_, digest| {
                let mut conn = pool.get().expect("a connection");
                let rows: Vec<Person> = people::table.select(Person::as_select()).load(&mut conn).expect("rows");
                rows.iter().for_each(|row| row.digest(digest));
            })
        }
        "insert_1000" => {
            let people = &data::people()[..1000];
            insert(env, people, |conn, rows| {
                for row in rows {
                    diesel::insert_into(sink::table).values(row).execute(conn)?;
                }
                Ok(())
            })
        }
        "execute_many" => insert(env, &data::people(), insert_many),
        "stream_10m" => stream(env),
        _ => return None,
    })
}

fn point(conn: &mut SqliteConnection, number: u64) -> Person {
    people::table.find(data::key(number)).select(Person::as_select()).get_result(conn).expect("a row")
}

/// In a transaction.
fn insert(
    env: &Env,
    people: &[data::Person],
    rows: impl Fn(&mut SqliteConnection, &[NewPerson<'_>]) -> QueryResult<()>,
) -> Outcome {
    let file = env.sink();
    let pool = open(&file.path);
    env.measure_with(clear(&file.path), |_, digest| {
        let mut conn = pool.get().expect("a connection");
        conn.transaction(|conn| rows(conn, &new_people(people))).expect("nobody else");
        check_sink(env, &file.path, digest);
    })
}

fn stream(env: &Env) -> Outcome {
    let pool = open(&env.people());
    let mut conn = pool.get().expect("a connection");
    let repeats = env.repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    let query = diesel::sql_query(data::STREAM).bind::<BigInt, _>(repeats);
    for row in query.load_iter::<Person, DefaultLoadingMode>(&mut conn).expect("rows") {
        row.expect("a row").digest(&mut digest);
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_10m_memory", process::peak_memory())
}
