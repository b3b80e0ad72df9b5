//! One program in four executors: `cargo run --example executors`.
//!
//! Nothing of the library belongs to a runtime, so nothing is configured and no feature is chosen. At the end all four
//! use one database at the same time.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::future::Future;

use futures_util::{StreamExt, TryStreamExt};
use pontoon::Retry;
use pontoon::prelude::*;

/// An executor: it runs a future to its end.
type Executor = fn(Work) -> Result<i64, Error>;

type Work = std::pin::Pin<Box<dyn Future<Output = Result<i64, Error>> + Send>>;

const EXECUTORS: [(&str, Executor); 4] = [
    ("tokio", |work| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("threads");
        // On a task, which the runtime may move from thread to thread.
        runtime.block_on(async { tokio::spawn(work).await.expect("the task ends") })
    }),
    ("smol", |work| smol::block_on(smol::spawn(work))),
    ("futures", |work| futures_executor::block_on(work)),
    ("pollster", |work| pollster::block_on(work)),
];

/// Takes part in a round: ten entries, each in a transaction of its own and all at once; then all there are are read.
async fn take_part(db: AsyncDatabase, name: &'static str) -> Result<i64, Error> {
    let options = TxOptions::new().retry(Retry::attempts(10));
    let enter = |n: i64| {
        let (db, options) = (&db, &options);
        async move {
            db.transaction_with(options, |tx| async move {
                tx.execute("INSERT INTO entry (executor, n) VALUES (:name, :n)", params! { name: name, n: n }).await
            })
            .await
        }
    };
    futures_util::stream::iter(0..10).map(enter).buffer_unordered(4).try_for_each(|_| async { Ok(()) }).await?;
    let query = "SELECT n FROM entry WHERE executor = :name";
    db.iterate(query, params! { name: name }).try_fold(0, |sum, row| async move { Ok(sum + row.get::<i64>(0)?) }).await
}

fn main() -> Result<(), Error> {
    let db = Database::builder().url("sqlite::memory:").pool_size(4).open()?;
    db.execute_script("CREATE TABLE entry (executor TEXT NOT NULL, n INTEGER NOT NULL)")?;

    for (name, run) in EXECUTORS {
        let sum = run(Box::pin(take_part(db.to_async(), name)))?;
        println!("{name:>8}: entered 10, which sum up to {sum}");
        assert_eq!(sum, 45);
    }

    // And all at once, each on a thread that knows nothing of the others.
    db.execute("DELETE FROM entry", ())?;
    std::thread::scope(|scope| {
        let runs: Vec<_> = EXECUTORS
            .iter()
            .map(|&(name, run)| {
                let db = db.to_async();
                scope.spawn(move || run(Box::pin(take_part(db, name))))
            })
            .collect();
        for run in runs {
            assert_eq!(run.join().expect("no panic")?, 45);
        }
        Ok::<_, Error>(())
    })?;
    let entries: Option<i64> = db.fetch_val("SELECT count(*) FROM entry", ())?;
    println!("together: {} entries", entries.unwrap_or_default());
    assert_eq!(entries, Some(40));
    Ok(())
}
