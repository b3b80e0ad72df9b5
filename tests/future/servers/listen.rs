//! Messages of the server, as a stream.

use std::pin::pin;

use futures_util::StreamExt as _;
use futures_util::future::join;
use pontoon::future::{AsyncNotifications, AsyncQueryable as _};
use pontoon::{Error, ErrorKind, Event};

use super::subject::{Bench, Subject};
use crate::kit::await_that;
use crate::support::poll_once;

tests! { listen:
    messages_wake_their_reader_and_a_gap_is_told
    a_reader_that_stops_waiting_loses_nothing
    what_waits_for_its_reader_is_bounded_and_whole
    dropped_at_any_point_it_is_gone_from_the_server
}

/// The sessions that listen.
fn listeners(bench: &mut Bench<'_>) -> String {
    bench
        .witness
        .value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
}

async fn next(events: &mut AsyncNotifications) -> Event {
    events.next().await.expect("it has no end")
}

async fn message(events: &mut AsyncNotifications) -> String {
    match next(events).await {
        Event::Message(message) => message.payload,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn messages_wake_their_reader_and_a_gap_is_told(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    let mut events = bench.db.listen(["news"]).await.unwrap();
    assert!(matches!(next(&mut events).await, Event::Listening { gap: false }));
    let tell = bench.db.execute("SELECT pg_notify('news', 'one')", ());
    // The reader waits before there is anything to read.
    let (told, sent) = join(message(&mut events), tell).await;
    sent.unwrap();
    assert_eq!(told, "one");
    bench.db.transaction(|tx| async move { tx.execute("NOTIFY news, 'two'", ()).await }).await.unwrap();
    assert_eq!(message(&mut events).await, "two");
    let undone = bench.db.begin().await.unwrap();
    undone.execute("NOTIFY news, 'undone'", ()).await.unwrap();
    undone.rollback().await.unwrap();
    bench.witness.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    assert!(matches!(next(&mut events).await, Event::Lost(error) if error.kind() == ErrorKind::ConnectionLost));
    assert!(matches!(next(&mut events).await, Event::Listening { gap: true }));
    bench.witness.run("NOTIFY news, 'three'");
    assert_eq!(message(&mut events).await, "three");
    // It is no connection of the pool, and outlives it.
    assert!(bench.db.close(crate::kit::PATIENCE).await.unwrap().is_clean());
    bench.witness.run("NOTIFY news, 'four'");
    assert_eq!(message(&mut events).await, "four");
    drop(events);
    await_that("nobody listens any more", || listeners(&mut bench) == "0");
    bench.leave().await;
}

pub(crate) async fn a_reader_that_stops_waiting_loses_nothing(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    let mut events = bench.db.listen(["news"]).await.unwrap();
    next(&mut events).await;
    for number in 0..50 {
        {
            let mut given_up = pin!(events.next());
            assert!(poll_once(given_up.as_mut()).is_pending());
        }
        bench.witness.run(&format!("NOTIFY news, '{number}'"));
        assert_eq!(message(&mut events).await, number.to_string());
    }
    drop(events);
    bench.leave().await;
}

/// More than are kept here: the server keeps the rest, and in the end all have come.
pub(crate) async fn what_waits_for_its_reader_is_bounded_and_whole(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    let mut events = bench.db.listen(["news"]).await.unwrap();
    next(&mut events).await;
    bench.witness.run("SELECT count(pg_notify('news', n::text)) FROM generate_series(1, 5000) AS s (n)");
    for number in 1..=5_000 {
        assert_eq!(message(&mut events).await, number.to_string());
    }
    drop(events);
    bench.leave().await;
}

pub(crate) async fn dropped_at_any_point_it_is_gone_from_the_server(on: &Subject) {
    let Some(mut bench) = Bench::set_up(on, 1).await else { return };
    drop(bench.db.listen(["news"]));
    {
        // While it is being opened.
        let mut opening = pin!(bench.db.listen(["news"]));
        assert!(poll_once(opening.as_mut()).is_pending());
    }
    {
        // When it is there, and nobody has taken it.
        let mut opened = pin!(bench.db.listen(["news"]));
        assert!(poll_once(opened.as_mut()).is_pending());
        await_that("somebody listens", || listeners(&mut bench) != "0");
    }
    await_that("nobody listens any more", || listeners(&mut bench) == "0");
    let mut events = bench.db.listen(["news"]).await.unwrap();
    next(&mut events).await;
    {
        let mut waiting = pin!(events.next());
        assert!(poll_once(waiting.as_mut()).is_pending());
    }
    drop(events);
    await_that("nobody listens any more", || listeners(&mut bench) == "0");
    let error = bench.db.listen([""]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    let sqlite = pontoon::future::AsyncDatabase::open("sqlite::memory:").await.unwrap();
    let error: Error = sqlite.listen(["news"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    bench.leave().await;
}
