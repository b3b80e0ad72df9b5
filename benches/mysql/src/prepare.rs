//! Makes the tables, once for all processes.

use mysql::TxOpts;
use mysql::prelude::Queryable as _;
use pontoon_bench_harness::{Env, data};

use crate::server::REPEATS;
use crate::{SITE, raw};

pub fn prepare(env: &Env) {
    let mut conn = raw::open(&env.server("mysql")).expect("a server");
    for table in ["people", "sink"] {
        conn.query_drop(format!(
            "CREATE TABLE {table} (id bigint PRIMARY KEY, name varchar(100) NOT NULL, age bigint NOT NULL, \
             score double NOT NULL, mail varchar(100) NOT NULL)"
        ))
        .expect("a new table");
    }
    conn.query_drop("CREATE TABLE repeats (number bigint PRIMARY KEY)").expect("a new table");
    conn.exec_batch("INSERT INTO repeats VALUES (?)", (1..=REPEATS).map(|number| (number,))).expect("rows");
    let mut tx = conn.start_transaction(TxOpts::default()).expect("nobody else");
    let insert = SITE.sql.insert.replace("sink", "people");
    tx.exec_batch(insert, data::people()).expect("rows");
    tx.commit().expect("nobody else");
    conn.query_drop("ANALYZE TABLE people, repeats").expect("nobody else");
}
