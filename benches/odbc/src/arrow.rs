//! arrow-odbc: results as columns of Arrow, and inserts from them.

use std::sync::Arc;

use arrow_odbc::arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
};
use arrow_odbc::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_odbc::odbc_api::Connection;
use arrow_odbc::{OdbcReaderBuilder, insert_into_table};
use pontoon_bench_harness::{Digest, Env, Outcome, Peer, data};

use crate::native::open;
use crate::ours::{check_sink, clear};
use crate::site::{CHUNK, Site, TEXT};

pub const PEER: Peer = Peer {
    name: "arrow-odbc",
    run,
    rows: &["odbc_postgres_fetch_all", "odbc_mysql_fetch_all", "odbc_mysql_bulk", "odbc_sqlite_fetch_all"],
};

fn run(row: &str, env: &Env) -> Option<Outcome> {
    let site = Site::of(row);
    let conn = open(env, site);
    Some(if row.ends_with("_bulk") { bulk(env, site, &conn) } else { fetch_all(env, &conn) })
}

/// Said, because the drivers' own words for SQLite's columns differ.
fn schema() -> SchemaRef {
    let field = |name, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("id", DataType::Int64),
        field("name", DataType::Utf8),
        field("age", DataType::Int64),
        field("score", DataType::Float64),
        field("mail", DataType::Utf8),
    ]))
}

fn fetch_all(env: &Env, conn: &Connection<'_>) -> Outcome {
    env.measure(1, |_, digest| {
        let cursor = conn.execute(data::ALL, (), None).expect("rows").expect("rows");
        let mut reader = OdbcReaderBuilder::new();
        reader.with_schema(schema()).with_max_text_size(TEXT).with_max_num_rows_per_batch(CHUNK);
        let batches = reader.build(cursor).expect("batches").collect::<Result<Vec<_>, _>>().expect("batches");
        batches.iter().for_each(|batch| read(batch, digest));
    })
}

fn column<T: Array + 'static>(batch: &RecordBatch, number: usize) -> &T {
    batch.column(number).as_any().downcast_ref().expect("the schema says so")
}

fn read(batch: &RecordBatch, digest: &mut Digest) {
    let (ids, ages): (&Int64Array, &Int64Array) = (column(batch, 0), column(batch, 2));
    let (names, mails): (&StringArray, &StringArray) = (column(batch, 1), column(batch, 4));
    let scores: &Float64Array = column(batch, 3);
    for row in 0..batch.num_rows() {
        digest.person((ids.value(row), names.value(row), ages.value(row), scores.value(row), mails.value(row)));
    }
}

/// In one transaction. Making the columns is no part of it: who has them, has them.
fn bulk(env: &Env, site: &Site, conn: &Connection<'_>) -> Outcome {
    let people = env.written();
    conn.set_autocommit(false).expect("transactions");
    let texts = |of: fn(&data::Person) -> &str| -> ArrayRef {
        Arc::new(people.iter().map(|person| Some(of(person))).collect::<StringArray>())
    };
    let numbers =
        |of: fn(&data::Person) -> i64| -> ArrayRef { Arc::new(people.iter().map(of).collect::<Int64Array>()) };
    let scores: ArrayRef = Arc::new(people.iter().map(|person| person.3).collect::<Float64Array>());
    let columns = vec![numbers(|it| it.0), texts(|it| &it.1), numbers(|it| it.2), scores, texts(|it| &it.4)];
    let batch = RecordBatch::try_new(schema(), columns).expect("columns of the schema");
    env.measure_with(clear(env, site), |_, digest| {
        let mut batches = RecordBatchIterator::new([Ok(batch.clone())], schema());
        insert_into_table(conn, &mut batches, "sink", CHUNK).expect("nobody else");
        conn.commit().expect("nobody else");
        check_sink(env, site, digest);
    })
    .per(people.len() as f64)
}
