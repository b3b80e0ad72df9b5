//! Pontoon.

use pontoon::prelude::*;
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::site::Site;

pub const PEER: Peer = Peer {
    name: "pontoon",
    run,
    rows: &[
        "odbc_postgres_point",
        "odbc_postgres_fetch_all",
        "odbc_mysql_point",
        "odbc_mysql_fetch_all",
        "odbc_mysql_bulk",
        "odbc_sqlite_point",
        "odbc_sqlite_fetch_all",
    ],
};

/// What a bulk insert is compared with: one statement a row, in one transaction.
pub const LOOP: Peer =
    Peer { name: "pontoon execute", run: |row, env| Some(execute(env, Site::of(row))), rows: &["odbc_mysql_bulk"] };

const COLUMNS: &[&str] = &["id", "name", "age", "score", "mail"];

/// Rows of the loop.
const LOOPED: usize = 2000;

/// What is in `sink`, as one number, in MariaDB's SQL.
const SINK: &str = "SELECT CAST(count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + CAST(sum(score) AS SIGNED) AS SIGNED) FROM sink";

fn open(env: &Env, site: &Site) -> Database {
    let url = format!("odbc:{}", site.connection_string(env));
    Database::builder().url(url.as_str()).pool_size(4).open().expect("a database")
}

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let site = Site::of(row);
    Some(match row.rsplit_once('_')?.1 {
        "point" => point(env, &open(env, site)),
        "all" => fetch_all(env, &open(env, site)),
        "bulk" => bulk(env, site),
        _ => return None,
    })
}

fn point(env: &Env, db: &Database) -> Outcome {
    env.measure(10, |number, digest| {
        let person: Option<data::Person> = db.fetch_one_as(data::POINT, (data::key(number),)).expect("a row");
        let (id, name, age, score, mail) = person.expect("a row");
        digest.person((id, &name, age, score, &mail));
    })
}

fn fetch_all(env: &Env, db: &Database) -> Outcome {
    env.measure(1, |_, digest| {
        let rows = db.fetch_all(data::ALL, ()).expect("rows");
        let mut cursor = rows.cursor();
        while let Some(row) = cursor.next() {
            let person =
                || -> pontoon::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)) };
            digest.person(person().expect("five cells"));
        }
    })
}

fn bulk(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site);
    let people = env.written();
    env.measure_with(clear(env, site), |_, digest| {
        let rows = people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
        db.bulk_insert("sink", COLUMNS, rows).expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(people.len() as f64)
}

fn execute(env: &Env, site: &Site) -> Outcome {
    let db = open(env, site);
    let mut people = env.written();
    people.truncate(LOOPED);
    env.measure_with(clear(env, site), |_, digest| {
        db.transaction(|tx| {
            for (id, name, age, score, mail) in &people {
                tx.execute(data::INSERT, (id, name, age, score, mail))?;
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
    let other = open(env, site);
    move || {
        other.execute("TRUNCATE TABLE sink", ()).expect("nobody else");
    }
}

/// When checking, what has been written.
pub fn check_sink(env: &Env, site: &Site, digest: &mut Digest) {
    if env.is_checking() {
        let sum: Option<i64> = open(env, site).fetch_val(SINK, ()).expect("a sum");
        digest.int(sum.expect("a row"));
    }
}
