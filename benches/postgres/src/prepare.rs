//! Makes the tables, once for all processes.

use pontoon_bench_harness::{Env, data};

use crate::raw;
use crate::server::REPEATS;

const SCHEMA: &str = "
    CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, age bigint NOT NULL, score float8 NOT NULL, mail text NOT NULL);
    CREATE TABLE sink (id bigint PRIMARY KEY, name text NOT NULL, age bigint NOT NULL, score float8 NOT NULL, mail text NOT NULL);
    CREATE TABLE repeats (number bigint PRIMARY KEY);
";

pub fn prepare(env: &Env) {
    let mut client = raw::open(&env.server("postgres")).expect("a server");
    client.batch_execute(SCHEMA).expect("a schema");
    client.execute("INSERT INTO repeats SELECT generate_series(1, $1::bigint)", &[&REPEATS]).expect("rows");
    raw::copy(&mut client, "people", &data::people());
    // Apart: several statements in one message are one transaction.
    for sql in ["VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(sql).expect("nobody else");
    }
}
