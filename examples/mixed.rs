//! Threads and tasks on one database: `cargo run --example mixed`.
//!
//! Work that is heavy on the processor belongs on threads, work that waits on tasks. Here threads compute and write what
//! they found, tasks read it and answer, and a nightly job moves a transaction from one side to the other.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::time::Duration;

use futures_util::future::try_join_all;
use pontoon::prelude::*;

/// How many numbers each thread looks at.
const SPAN: u64 = 2_000;

fn is_prime(n: u64) -> bool {
    n > 1 && (2..).take_while(|divisor| divisor * divisor <= n).all(|divisor| !n.is_multiple_of(divisor))
}

/// A thread: computes, and writes in batches.
fn compute(db: &Database, start: u64) -> Result<u64, Error> {
    let primes: Vec<(u64,)> = (start..start + SPAN).filter(|n| is_prime(*n)).map(|n| (n,)).collect();
    db.execute_many("INSERT INTO prime (n) VALUES (?)", primes)
}

/// A task: waits, most of the time.
async fn answer(db: &AsyncDatabase, below: u64) -> Result<u64, Error> {
    let count: Option<i64> =
        db.fetch_val("SELECT count(*) FROM prime WHERE n < :below", params! { below: below }).await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// A function of the blocking kind, which knows nothing of tasks.
fn archive(connection: &Connection) -> Result<u64, Error> {
    connection.execute("INSERT INTO archive SELECT n FROM prime WHERE n < 1000", ()).map(|done| done.rows_affected)
}

fn main() -> Result<(), Error> {
    let db = Database::builder().url("sqlite::memory:").pool_size(4).open()?;
    db.execute_script("CREATE TABLE prime (n INTEGER PRIMARY KEY); CREATE TABLE archive (n INTEGER PRIMARY KEY)")?;

    // Four threads write while a hundred tasks on two threads of an executor read.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("threads");
    let found = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let db = &db;
                scope.spawn(move || compute(db, thread * SPAN))
            })
            .collect();
        let tasks = db.to_async();
        let answers = runtime.block_on(try_join_all((0..100).map(|n| answer(&tasks, n * 80))))?;
        println!("{} tasks were answered while the threads were at work", answers.len());
        threads.into_iter().try_fold(0, |sum, thread| Ok::<_, Error>(sum + thread.join().expect("no panic")?))
    })?;
    println!("{found} primes below {}", 4 * SPAN);
    assert_eq!(found, 1007);

    // One transaction, begun by a task, in which a function for threads takes part by a handle of the connection. In a
    // scope a task is a caller as a thread is: what it does through the database is inside the transaction too.
    let tasks = db.to_async();
    runtime.block_on(tasks.scope(async {
        let connection = tasks.connection().await?;
        let tx = connection.begin().await?;
        tx.execute("DELETE FROM archive", ()).await?;
        let handle = connection.to_sync();
        let archived = tokio::task::spawn_blocking(move || archive(&handle)).await.expect("the thread ends")?;
        // A timeout of the executor is a drop, and the drop of a statement is its end at the database.
        let below = tokio::time::timeout(Duration::from_secs(5), answer(&tasks, 1000)).await;
        assert_eq!(below.expect("in time")?, archived);
        tx.commit().await?;
        println!("{archived} of them archived");
        Ok::<_, Error>(())
    }))?;
    assert_eq!(db.fetch_val("SELECT count(*) FROM archive", ())?, Some(168_i64));
    assert!(db.close(Duration::from_secs(1)).is_clean());
    Ok(())
}
