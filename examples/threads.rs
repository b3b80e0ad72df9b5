//! A pool under many threads, and what it tells of itself: `cargo run --release --example threads`.
//!
//! Sixteen threads move money between accounts of one file, four read along, and a fifth kind asks too much of the
//! database and meets its deadline. At the end the sum is what it was, and the snapshot and the metrics are printed.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::thread;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{Retry, TxOptions};

const ACCOUNTS: i64 = 100;
const WRITERS: i64 = 16;
const ROUNDS: i64 = 50;

/// Moves money; the account that it is taken from is checked by the database. A conflict with another writer is tried
/// again, as a whole.
fn transfer(db: &Database, from: i64, to: i64, cents: i64) -> Result<(), Error> {
    let options = TxOptions::new().retry(Retry::attempts(5));
    db.transaction_with(&options, |tx| {
        tx.execute("UPDATE account SET cents = cents - :n WHERE id = :id", params! { n: cents, id: from })?;
        tx.execute("UPDATE account SET cents = cents + :n WHERE id = :id", params! { n: cents, id: to })?;
        Ok(())
    })
}

fn total(db: &Database) -> Result<i64, Error> {
    Ok(db.fetch_val("SELECT sum(cents) FROM account", ())?.unwrap_or(0))
}

fn main() -> Result<(), Error> {
    let file = std::env::temp_dir().join(format!("pontoon-threads-{}.db", std::process::id()));
    let db = Database::builder()
        .url(format!("sqlite:{}?synchronous=normal", file.display()))
        .pool_size(6)
        .acquire_timeout(Duration::from_secs(10))
        .open()?;
    db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0))", ())?;
    db.execute_many("INSERT INTO account VALUES (?, 10000)", (1..=ACCOUNTS).map(|id| (id,)))?;

    let begun = Instant::now();
    let (mut done, mut refused) = (0, 0);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let db = &db;
                scope.spawn(move || {
                    let mut refused = 0;
                    for round in 0..ROUNDS {
                        let (from, to) =
                            ((writer * 7 + round) % ACCOUNTS + 1, (writer * 13 + round * 3) % ACCOUNTS + 1);
                        match transfer(db, from, to, 100 * (round % 40)) {
                            Ok(()) => {}
                            // Not enough on the account: nothing of the transfer is left.
                            Err(error) if error.kind() == ErrorKind::CheckViolation => refused += 1,
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(refused)
                })
            })
            .collect();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let db = &db;
                scope.spawn(move || {
                    for _ in 0..200 {
                        // Whatever the writers are in the middle of, nobody sees half of it.
                        assert_eq!(total(db)?, ACCOUNTS * 10_000);
                    }
                    Ok::<_, Error>(())
                })
            })
            .collect();
        let greedy = scope.spawn(|| {
            let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
            let query = Query::new(endless).timeout(Duration::from_millis(100));
            db.fetch_all(query, ()).map(drop)
        });

        println!("in the middle of it: {}\n", db.snapshot());
        for writer in writers {
            refused += writer.join().expect("no thread panics")?;
            done += ROUNDS;
        }
        for reader in readers {
            reader.join().expect("no thread panics")?;
        }
        let late = greedy.join().expect("no thread panics").expect_err("it has no end of its own");
        println!("the greedy one: {late}\n");
        Ok::<_, Error>(())
    })?;

    println!("{done} transfers on {WRITERS} threads in {:.0?}, {refused} of them refused", begun.elapsed());
    println!("in all {}, as before\n", total(&db)?);
    println!("afterwards: {}\n", db.snapshot());
    println!("{}\n", db.metrics());
    let report = db.close(Duration::from_secs(5));
    println!("closed: {report:?}");
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    Ok(())
}
