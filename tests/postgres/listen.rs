//! Messages of the server, and the gaps between them.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{ErrorKind, Event};

use crate::kit::PATIENCE;
use crate::{open, server};

fn next(notifications: &mut pontoon::Notifications) -> Event {
    notifications.next_within(PATIENCE).expect("something is heard in time")
}

#[test]
fn messages_come_in_order_and_a_gap_is_told() {
    let server = server!();
    let database = server.database();
    let db = open(&database, "");
    let mut heard = db.listen(["news", "odd \"name\""]).unwrap();
    assert!(matches!(next(&mut heard), Event::Listening { gap: false }));
    db.execute("SELECT pg_notify('news', n::text) FROM generate_series(1, 3) AS s (n)", ()).unwrap();
    db.transaction(|tx| tx.execute("NOTIFY \"odd \"\"name\"\"\", 'committed'", ())).unwrap();
    let undone = db.begin().unwrap();
    undone.execute("NOTIFY news, 'undone'", ()).unwrap();
    undone.rollback().unwrap();
    let mut told = Vec::new();
    for _ in 0..4 {
        match next(&mut heard) {
            Event::Message(message) => told.push((message.channel, message.payload)),
            other => panic!("{other:?}"),
        }
    }
    let expected = [("news", "1"), ("news", "2"), ("news", "3"), ("odd \"name\"", "committed")];
    assert_eq!(told, expected.map(|(channel, payload)| (channel.to_owned(), payload.to_owned())));
    assert!(heard.next_within(Duration::from_millis(1)).is_none());

    let listening = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN%'",
        database.name()
    );
    server.console().run(&listening);
    assert!(matches!(next(&mut heard), Event::Lost(error) if error.kind() == ErrorKind::ConnectionLost));
    assert!(matches!(next(&mut heard), Event::Listening { gap: true }));
    db.execute("NOTIFY news, 'again'", ()).unwrap();
    assert!(matches!(next(&mut heard), Event::Message(message) if message.payload == "again"));
    // Let go, it is gone from the server too.
    drop(heard);
    let gone = format!(
        "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN%')",
        database.name()
    );
    server.console().wait_for_row(&gone);
}

#[test]
fn what_keeps_it_from_listening_is_told_at_once() {
    let database = server!().database();
    let db = open(&database, "");
    let error = db.listen([""]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    let sqlite = pontoon::Database::open("sqlite::memory:").unwrap();
    assert_eq!(sqlite.listen(["news"]).unwrap_err().kind(), ErrorKind::Unsupported);
}
