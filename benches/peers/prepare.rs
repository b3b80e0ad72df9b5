//! Makes the files, once for all processes.

use std::path::Path;
use std::time::Instant;

use pontoon_bench_harness::data;
use rusqlite::{Connection, ToSql};

pub fn prepare(dir: &Path) {
    std::fs::create_dir_all(dir).expect("a place for the files");
    let empty = Connection::open(dir.join("empty.db")).expect("a new file");
    empty.execute_batch(data::SCHEMA).expect("a schema");
    empty.close().expect("nothing open");

    let mut conn = Connection::open(dir.join("people.db")).expect("a new file");
    conn.execute_batch(data::SCHEMA).expect("a schema");
    conn.execute_batch(&data::wide_schema()).expect("a table");
    let tx = conn.transaction().expect("nobody else");
    for repeat in 1..=data::REPEATS {
        tx.execute("INSERT INTO repeats VALUES (?)", [repeat]).expect("a row");
    }
    let mut insert = tx.prepare("INSERT INTO people VALUES (?, ?, ?, ?, ?)").expect("a statement");
    for person in data::people() {
        insert.execute(person).expect("a row");
    }
    drop(insert);
    let places = vec!["?"; data::BLOCKS * 5].join(", ");
    let mut insert = tx.prepare(&format!("INSERT INTO wide VALUES ({places})")).expect("a statement");
    for row in data::wide() {
        let cells = row
            .blocks
            .iter()
            .flat_map(|(int, name, real, maybe, text)| -> [&dyn ToSql; 5] { [int, name, real, maybe, text] });
        insert.execute(rusqlite::params_from_iter(cells)).expect("a row");
    }
    drop(insert);
    tx.commit().expect("nobody else");
    conn.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody else");

    std::fs::write(dir.join("spin"), spin_rows(&conn).to_string()).expect("room");
}

/// How many rows take a millisecond.
fn spin_rows(conn: &Connection) -> i64 {
    let mut spin = conn.prepare(data::SPIN).expect("a statement");
    let rows = data::PEOPLE as i64 / 10;
    let mut times: Vec<f64> = (0..101)
        .map(|_| {
            let begun = Instant::now();
            let _: i64 = spin.query_row([rows], |row| row.get(0)).expect("a sum");
            begun.elapsed().as_secs_f64()
        })
        .collect();
    let took = pontoon_bench_harness::measure::median(&mut times);
    ((rows as f64 * 1e-3 / took) as i64).min(data::PEOPLE as i64)
}
