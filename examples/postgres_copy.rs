//! Many rows into PostgreSQL by COPY, and out of it as a stream:
//!
//! ```text
//! cargo run --release --example postgres_copy --features postgres -- 'postgresql://app:secret@localhost/shop' 1000000
//! ```
//!
//! The rows go in as they are made and come out as they are read; no more than a few batches of them are ever held.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::time::Instant;

use pontoon::driver::BulkPath;
use pontoon::prelude::*;
use pontoon::value::Decimal;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let Some(url) = arguments.next() else {
        println!("postgres_copy <URL of a database> [how many rows]");
        return Ok(());
    };
    let rows = arguments.next().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
    run(&url, rows).map(drop)
}

/// A reading of a sensor, in cents of a degree. What it is in the n-th row is known beforehand.
fn cents(n: i64) -> i64 {
    (n * 7919) % 10_000 - 5_000
}

/// Says which way the rows took.
pub(crate) fn run(url: &str, rows: i64) -> Result<BulkPath, Error> {
    let db = Database::open(url)?;
    db.execute_script(
        "DROP TABLE IF EXISTS readings;
         CREATE TABLE readings (id BIGINT PRIMARY KEY, sensor VARCHAR(40) NOT NULL, degrees NUMERIC(8, 2) NOT NULL)",
    )?;

    let begun = Instant::now();
    let made = (1..=rows).map(|n| {
        let cents = cents(n);
        let sign = if cents < 0 { "-" } else { "" };
        let degrees = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
        (n, format!("tab\tand \\ {}", n % 100), degrees.parse::<Decimal>().expect("digits"))
    });
    let report = db.bulk_insert("readings", &["id", "sensor", "degrees"], made)?;
    println!("{} rows in by {:?}: {:?}", report.rows, report.path, begun.elapsed());

    // In a transaction PostgreSQL streams from a cursor, and the connection is free for other statements between rows.
    let begun = Instant::now();
    let (mut read, mut sum) = (0, 0);
    db.transaction(|tx| {
        for row in tx.iterate("SELECT id, sensor, degrees FROM readings ORDER BY id", ())? {
            let (id, sensor, degrees): (i64, String, Decimal) = row?.decode()?;
            read += 1;
            assert_eq!((id, sensor), (read, format!("tab\tand \\ {}", id % 100)));
            sum += degrees.to_string().replace('.', "").parse::<i64>().expect("two digits behind the point");
        }
        Ok::<_, Error>(())
    })?;
    println!("{read} rows out as a stream: {:?}", begun.elapsed());
    assert_eq!((read, sum), (rows, (1..=rows).map(cents).sum::<i64>()), "every row is as it was made");

    db.execute_script("DROP TABLE readings")?;
    db.close(std::time::Duration::from_secs(5));
    Ok(report.path)
}
