//! What comes at the same time: a cancel and the end of its statement, tasks and the threads that they wander over.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use pontoon::prelude::*;

use super::subject::{Bench, Subject};
use crate::support::give_up_about_the_end;

tests! { races:
    a_late_cancel_never_hits_a_later_statement
    tasks_that_wander_keep_their_sessions
}

/// How often a statement is given up about when it ends. A cancel takes a connection of its own, so that this takes a
/// while; what ODBC adds to it needs fewer.
const ROUNDS: u64 = 3_000;
const ROUNDS_BY_ODBC: u64 = 600;

pub(crate) async fn a_late_cancel_never_hits_a_later_statement(on: &Subject) {
    let Some(bench) = Bench::set_up(on, 1).await else { return };
    let nap = on.either("SELECT 1 FROM (SELECT pg_sleep(0.001)) AS nap", "SELECT sleep(0.001)");
    let rounds = if on.odbc.is_some() { ROUNDS_BY_ODBC } else { ROUNDS };
    give_up_about_the_end(&bench.db, nap, Duration::from_millis(1), rounds).await;
    bench.leave().await;
}

pub(crate) async fn tasks_that_wander_keep_their_sessions(on: &Subject) {
    let Some(bench) = Bench::set_up(on, 4).await else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let tasks = (0..64).map(|task: i64| {
        let (db, session_number) = (bench.db.clone(), on.session_number());
        runtime.spawn(async move {
            let by_name = db.clone();
            db.transaction(|tx| async move {
                let (mut sessions, mut threads) = (HashSet::new(), HashSet::new());
                for step in 0..200 {
                    tokio::task::yield_now().await;
                    threads.insert(std::thread::current().id());
                    if step % 20 == 0 {
                        // By the handle and by the database.
                        sessions.insert(tx.fetch_val::<i64>(session_number, ()).await?);
                        sessions.insert(by_name.fetch_val::<i64>(session_number, ()).await?);
                        by_name.execute("INSERT INTO t VALUES (:n)", params! { n: task }).await?;
                    }
                }
                assert_eq!(sessions.len(), 1, "one session for the whole of the transaction");
                Ok::<_, Error>(threads.len())
            })
            .await
        })
    });
    let most = join_all(tasks).await.into_iter().map(|task| task.unwrap().unwrap()).max();
    assert!(most > Some(1), "no task was moved from thread to thread");
    runtime.shutdown_background();
    let mut bench = bench;
    assert_eq!(bench.rows(), 64 * 10);
    bench.leave().await;
}
