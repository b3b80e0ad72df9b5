//! The crate `postgres` as a good program uses it: statements prepared once, typed tuples. And in r2d2's pool.

use std::time::Instant;

use pontoon_bench_harness::servers::Server;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::Type;
use postgres::{Client, Config, NoTls, Row};

use crate::SITE;
use crate::server::{MANY, check_sink, clear};

pub const PEER: Peer =
    Peer { name: "postgres", run, rows: &["server_point", "server_fetch_all", "server_execute_many", "stream_5m"] };

/// What a bulk insert is compared with.
pub const COPY: Peer = Peer { name: "postgres copy", run: |_, env| Some(bulk(env)), rows: &["bulk_copy"] };

/// In r2d2's pool, which keeps no statements: each is prepared again.
pub const POOL: Peer = Peer { name: "r2d2_postgres", run: |_, env| Some(pooled(env)), rows: &["server_point"] };

pub fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.port).user(&server.user).password(&server.password).dbname(&server.database);
    config
}

pub fn open(server: &Server) -> Result<Client, postgres::Error> {
    config(server).connect(NoTls)
}

pub fn answers(server: &Server) -> bool {
    open(server).and_then(|mut client| client.simple_query("SELECT 1")).is_ok()
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let client = open(&env.server("postgres")).expect("a server");
    Some(match row {
        "server_point" => point(env, client),
        "server_fetch_all" => fetch_all(env, client),
        "server_execute_many" => execute_many(env, client),
        "stream_5m" => stream(env, client),
        _ => return None,
    })
}

pub fn typed(row: &Row) -> data::Person {
    (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))
}

fn point(env: &Env, mut client: Client) -> Outcome {
    let point = client.prepare(SITE.sql.point).expect("a statement");
    env.measure(10, |number, digest| {
        let (id, name, age, score, mail) = typed(&client.query_one(&point, &[&data::key(number)]).expect("a row"));
        digest.person((id, &name, age, score, &mail));
    })
}

fn pooled(env: &Env) -> Outcome {
    let manager = r2d2_postgres::PostgresConnectionManager::new(config(&env.server("postgres")), NoTls);
    let pool = r2d2::Pool::builder().max_size(4).test_on_check_out(false).build(manager).expect("a pool");
    env.measure(10, |number, digest| {
        let mut client = pool.get().expect("a connection");
        let row = client.query_one(SITE.sql.point, &[&data::key(number)]).expect("a row");
        let (id, name, age, score, mail) = typed(&row);
        digest.person((id, &name, age, score, &mail));
    })
}

fn fetch_all(env: &Env, mut client: Client) -> Outcome {
    let all = client.prepare(data::ALL).expect("a statement");
    env.measure(1, |_, digest| {
        let rows: Vec<data::Person> = client.query(&all, &[]).expect("rows").iter().map(typed).collect();
        for (id, name, age, score, mail) in &rows {
            digest.person((*id, name, *age, *score, mail));
        }
    })
}

fn stream(env: &Env, mut client: Client) -> Outcome {
    let repeats = env.server_repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    let mut rows = client.query_raw(SITE.sql.stream, [repeats]).expect("rows");
    while let Some(row) = rows.next().expect("rows") {
        let (id, name, age, score, mail) = typed(&row);
        digest.person((id, &name, age, score, &mail));
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_5m_memory", process::peak_memory())
}

/// One after another, in a transaction: the client has no more to offer from one thread.
fn execute_many(env: &Env, mut client: Client) -> Outcome {
    let people = &data::people()[..MANY];
    let insert = client.prepare(SITE.sql.insert).expect("a statement");
    env.measure_with(clear(env, &SITE), |_, digest| {
        let mut tx = client.transaction().expect("nobody else");
        for (id, name, age, score, mail) in people {
            tx.execute(&insert, &[id, name, age, score, mail]).expect("a row");
        }
        tx.commit().expect("nobody else");
        check_sink(env, &SITE, digest);
    })
    .per(MANY as f64)
}

fn bulk(env: &Env) -> Outcome {
    let mut client = open(&env.server("postgres")).expect("a server");
    let people = env.written();
    env.measure_with(clear(env, &SITE), |_, digest| {
        copy(&mut client, "sink", &people);
        check_sink(env, &SITE, digest);
    })
    .per(people.len() as f64)
}

/// By binary COPY, in a transaction.
pub fn copy(client: &mut Client, table: &str, people: &[data::Person]) {
    let mut tx = client.transaction().expect("nobody else");
    let sql = format!("COPY {table} (id, name, age, score, mail) FROM STDIN BINARY");
    let writer = tx.copy_in(&sql).expect("a table");
    let types = [Type::INT8, Type::TEXT, Type::INT8, Type::FLOAT8, Type::TEXT];
    let mut writer = BinaryCopyInWriter::new(writer, &types);
    for (id, name, age, score, mail) in people {
        writer.write(&[id, name, age, score, mail]).expect("a row");
    }
    writer.finish().expect("nobody else");
    tx.commit().expect("nobody else");
}
