//! The crate `mysql` as a good program uses it: statements prepared once, typed tuples.

use std::time::Instant;

use mysql::prelude::Queryable as _;
use mysql::{Conn, OptsBuilder, TxOpts};
use pontoon_bench_harness::servers::Server;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data, process};

use crate::SITE;
use crate::server::{MANY, check_sink, clear};

pub const PEER: Peer =
    Peer { name: "mysql", run, rows: &["server_point", "server_fetch_all", "server_execute_many", "stream_5m"] };

pub fn open(server: &Server) -> mysql::Result<Conn> {
    let options = OptsBuilder::new()
        .ip_or_hostname(Some("127.0.0.1"))
        .tcp_port(server.port)
        // Else it goes on by the Unix socket, where it can.
        .prefer_socket(false)
        .user(Some(&server.user))
        .pass(Some(&server.password))
        .db_name(Some(&server.database));
    Conn::new(options)
}

pub fn answers(server: &Server) -> bool {
    open(server).and_then(|mut conn| conn.query_drop("SELECT 1")).is_ok()
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let conn = open(&env.server("mysql")).expect("a server");
    Some(match row {
        "server_point" => point(env, conn),
        "server_fetch_all" => fetch_all(env, conn),
        "server_execute_many" => execute_many(env, conn),
        "stream_5m" => stream(env, conn),
        _ => return None,
    })
}

fn point(env: &Env, mut conn: Conn) -> Outcome {
    let point = conn.prep(SITE.sql.point).expect("a statement");
    env.measure(10, |number, digest| {
        let person: Option<data::Person> = conn.exec_first(&point, (data::key(number),)).expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    })
}

fn fetch_all(env: &Env, mut conn: Conn) -> Outcome {
    let all = conn.prep(data::ALL).expect("a statement");
    env.measure(1, |_, digest| {
        let rows: Vec<data::Person> = conn.exec(&all, ()).expect("rows");
        for (id, name, age, score, mail) in &rows {
            digest.person((*id, name, *age, *score, mail));
        }
    })
}

/// By the client's own way for many sets, in a transaction.
fn execute_many(env: &Env, mut conn: Conn) -> Outcome {
    let people = &data::people()[..MANY];
    let insert = conn.prep(SITE.sql.insert).expect("a statement");
    env.measure_with(clear(env, &SITE), |_, digest| {
        let mut tx = conn.start_transaction(TxOpts::default()).expect("nobody else");
        tx.exec_batch(&insert, people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail)))
            .expect("rows");
        tx.commit().expect("nobody else");
        check_sink(env, &SITE, digest);
    })
    .per(MANY as f64)
}

fn stream(env: &Env, mut conn: Conn) -> Outcome {
    let repeats = env.server_repeats();
    let begun = Instant::now();
    let mut digest = Digest::default();
    for row in conn.exec_iter(SITE.sql.stream, (repeats,)).expect("rows") {
        let (id, name, age, score, mail): data::Person = mysql::from_row(row.expect("a row"));
        digest.person((id, &name, age, score, &mail));
    }
    let rows = repeats as f64 * data::PEOPLE as f64;
    Outcome::of(digest.0, begun.elapsed().as_secs_f64() / rows).and("stream_5m_memory", process::peak_memory())
}
