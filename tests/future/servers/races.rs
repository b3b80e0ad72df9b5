//! What comes at the same time: a cancel and the end of its statement, tasks and the threads that they wander over.

use std::collections::HashSet;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pontoon::ErrorKind;
use pontoon::prelude::*;

use super::subject::{Bench, Subject};
use crate::support::poll_once;

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

/// Drops a query that takes this long, or has its deadline pass, at moments all around its end. What follows on the
/// same connection would show a stray cancel.
async fn give_up_about_the_end(db: &AsyncDatabase, query: &str, takes: Duration, rounds: u64) {
    let (mut done, mut given_up) = (0, 0);
    for round in 0..rounds {
        // From the half of the time it takes to twice as long.
        let moment = takes / 2 + takes * u32::try_from(round / 2 % 48).unwrap() / 32;
        let ended = if round % 2 == 0 {
            let until = Instant::now() + moment;
            let mut running = pin!(db.fetch_all(query, ()));
            loop {
                if let std::task::Poll::Ready(result) = poll_once(running.as_mut()) {
                    break Some(result);
                }
                if Instant::now() >= until {
                    break None;
                }
                std::thread::yield_now();
            }
        } else {
            match db.fetch_all(Query::new(query).timeout(moment), ()).await {
                Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::PoolTimeout) => None,
                result => Some(result),
            }
        };
        match ended {
            Some(Ok(_)) => done += 1,
            Some(Err(error)) => panic!("round {round}: {error:?}"),
            None => given_up += 1,
        }
        let next = db.fetch_val::<u64>(&format!("SELECT {round}"), ()).await;
        assert_eq!(next.unwrap_or_else(|error| panic!("hit in round {round}: {error:?}")), Some(round));
    }
    assert!(done > 0 && given_up > 0, "{done} came to their end and {given_up} did not");
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
