//! What happens to a conversation on its way: cut, spoilt or slowed at each byte.

use std::time::Duration;

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::Probe;
use crate::kit::proxy::{Cut, Toxic, ToxicProxy};
use crate::subject::{
    LEAVES_WITHIN, SHORT, Subject, assert_left_in_time, await_that, builder, count, fails, join, leaves_nothing,
    pool_of, start, timed,
};

tests! { traffic:
    a_login_that_is_cut_at_any_byte_is_tried_again
    an_answer_that_is_cut_at_any_byte_is_an_error_and_never_another_answer
    an_answer_that_is_spoilt_at_any_byte_is_no_panic_and_no_hang
    lengths_that_are_made_up_are_errors_in_time
    an_answer_in_slices_is_the_same_answer
    a_trickle_does_not_stretch_a_deadline
    a_silent_network_is_left_at_the_deadline
    a_statement_is_never_sent_a_second_time
}

/// Three rows with a text, a number and NULL.
const QUERY: &str = "SELECT 'text', 12345, NULL UNION ALL SELECT 'more', 2, NULL UNION ALL SELECT '', 3, NULL";

/// The rows of [`QUERY`], as text.
fn answer(on: &impl Queryable) -> Result<Vec<(String, i64, Option<String>)>, pontoon::Error> {
    on.fetch_all_as(QUERY, ())
}

fn expected() -> Vec<(String, i64, Option<String>)> {
    vec![("text".into(), 12345, None), ("more".into(), 2, None), (String::new(), 3, None)]
}

/// A broken connection that cost nothing is nobody's error.
pub(crate) fn a_login_that_is_cut_at_any_byte_is_tried_again(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let open = || builder(database.url_at(proxy.port())).option("sslmode", "disable").open();
    drop(open().unwrap());
    let bytes = proxy.seen().replies;
    assert!(bytes > 50, "a login has more to it than {bytes} bytes");
    for (number, cut) in (0..bytes).zip([Cut::Reset, Cut::Finish].into_iter().cycle()) {
        proxy.next_replies(Toxic::CutAfter(number, cut));
        let db = open().unwrap_or_else(|error| panic!("after {number} of {bytes} bytes, {cut:?}: {error:?}"));
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap_or(Some(1)), Some(1));
        db.close(SHORT);
    }
}

pub(crate) fn an_answer_that_is_cut_at_any_byte_is_an_error_and_never_another_answer(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).option("sslmode", "disable").open().unwrap();
    for warm in [true, false] {
        let prepare = |db: &Database| {
            if warm {
                assert_eq!(answer(db).unwrap(), expected());
            } else {
                db.refresh();
                assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
            }
        };
        prepare(&db);
        let before = proxy.seen().replies;
        assert_eq!(answer(&db).unwrap(), expected());
        let bytes = proxy.seen().replies - before;
        let mut lost = 0;
        for (number, cut) in (0..bytes).zip([Cut::Reset, Cut::Finish].into_iter().cycle()) {
            prepare(&db);
            proxy.present_replies(Toxic::CutAfter(number, cut));
            match answer(&db) {
                // What came before was enough, or the connection was seen to be broken before it was used.
                Ok(rows) => assert_eq!(rows, expected(), "after {number} of {bytes} bytes, {cut:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "after {number} of {bytes} bytes: {error:?}");
                    lost += 1;
                }
            }
            assert_eq!(db.fetch_val::<i64>("SELECT 7", ()).unwrap_or(Some(7)), Some(7));
            await_that("a connection works", || db.fetch_val::<i64>("SELECT 8", ()).is_ok_and(|it| it == Some(8)));
        }
        assert!(lost >= bytes / 2, "{lost} of {bytes} cuts were noticed");
    }
    leaves_nothing(db, &database);
}

/// The `mysql` crate looks at the first byte of a packet that has none, and panics. The library makes an error of that
/// and discards the connection, which is as much as it can do.
#[track_caller]
fn may_panic(on: &Subject, error: &pontoon::Error, what: &str) {
    assert!(error.kind() != ErrorKind::DriverPanic || on.is_mariadb(), "{what}: {error:?}");
}

/// Nothing in these protocols tells a spoilt value from another one. But whatever comes, the call ends.
pub(crate) fn an_answer_that_is_spoilt_at_any_byte_is_no_panic_and_no_hang(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).option("sslmode", "disable").open().unwrap();
    assert_eq!(answer(&db).unwrap(), expected());
    let before = proxy.seen().replies;
    assert_eq!(answer(&db).unwrap(), expected());
    let bytes = proxy.seen().replies - before;
    let probe = Probe::start();
    let deadline = Duration::from_millis(50);
    for (number, mask) in (0..bytes).zip([0x80, 0x01].into_iter().cycle()) {
        await_that("a connection works", || answer(&db).is_ok_and(|rows| rows == expected()));
        proxy.present_replies(Toxic::Corrupt(number, mask));
        let (result, took) = timed(|| db.fetch_all(Query::new(QUERY).timeout(deadline), ()));
        if let Err(error) = result {
            may_panic(on, &error, &format!("byte {number}, mask {mask}"));
        }
        probe.assert_within("an answer that was spoilt", took.saturating_sub(deadline), LEAVES_WITHIN);
        // What is wrong may show only later, so this conversation is over.
        proxy.cut(Cut::Reset);
    }
    await_that("nothing is stuck", || db.snapshot().stuck == 0);
    leaves_nothing(db, &database);
}

/// Lengths beyond what is there, at each message of an answer.
pub(crate) fn lengths_that_are_made_up_are_errors_in_time(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).option("sslmode", "disable").open().unwrap();
    assert_eq!(answer(&db).unwrap(), expected());
    let before = proxy.seen().messages;
    assert_eq!(answer(&db).unwrap(), expected());
    let messages = proxy.wait_for("the messages of an answer", |seen| seen.messages > before).messages - before;
    let meter = crate::kit::LeakMeter::start();
    let probe = Probe::start();
    for number in 0..messages {
        for length in [0, 1, 3, 0x00ff_ffff, 0x7fff_fff0, u32::MAX] {
            await_that("a connection works", || answer(&db).is_ok_and(|rows| rows == expected()));
            proxy.present_replies(Toxic::CorruptLength(number, length));
            let (result, took) = timed(|| db.fetch_all(Query::new(QUERY).timeout(SHORT), ()));
            if let Err(error) = result {
                may_panic(on, &error, &format!("message {number}, length {length}"));
            }
            probe.assert_within("an answer with a wrong length", took.saturating_sub(SHORT), LEAVES_WITHIN);
            proxy.cut(Cut::Reset);
        }
    }
    // Less than the lengths that were told of; the backtraces of a driver that panics take much of it.
    meter.assert_memory_within(512 << 20);
    await_that("nothing is stuck", || db.snapshot().stuck == 0);
    await_that("a connection works", || answer(&db).is_ok());
    leaves_nothing(db, &database);
}

pub(crate) fn an_answer_in_slices_is_the_same_answer(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    proxy.replies(Toxic::Slice(1, Duration::ZERO));
    proxy.requests(Toxic::Slice(1, Duration::ZERO));
    for tls in ["disable", "require"] {
        let db = builder(database.url_at(proxy.port())).option("sslmode", tls).open().unwrap();
        for _ in 0..3 {
            assert_eq!(answer(&db).unwrap(), expected());
        }
        leaves_nothing(db, &database);
    }
}

/// A deadline is for all of it, not for each read.
pub(crate) fn a_trickle_does_not_stretch_a_deadline(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).open().unwrap();
    assert_eq!(answer(&db).unwrap(), expected());
    proxy.replies(Toxic::Slice(1, Duration::from_millis(20)));
    let probe = Probe::start();
    let (result, took) = timed(|| db.fetch_all(Query::new(QUERY).timeout(SHORT), ()));
    fails(&[ErrorKind::Timeout], result);
    assert_left_in_time(&probe, "an answer that trickles", took, SHORT);
    // The same for who has to connect first.
    db.refresh();
    let (result, took) = timed(|| db.fetch_all(Query::new(QUERY).timeout(SHORT), ()));
    fails(&[ErrorKind::Timeout, ErrorKind::PoolTimeout], result);
    assert_left_in_time(&probe, "a login that trickles", took, SHORT);
    proxy.heal();
    await_that("a connection works", || answer(&db).is_ok_and(|rows| rows == expected()));
    leaves_nothing(db, &database);
}

pub(crate) fn a_silent_network_is_left_at_the_deadline(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy = database.server().proxy();
    let db = pool_of(2, database.url_at(proxy.port())).open().unwrap();
    assert_eq!(answer(&db).unwrap(), expected());
    let probe = Probe::start();
    proxy.blackhole();
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let db = db.clone();
            start("caller", move || timed(|| db.fetch_all(Query::new(QUERY).timeout(SHORT), ()).map(drop)))
        })
        .collect();
    for caller in callers {
        let (result, took) = join(caller);
        fails(&[ErrorKind::Timeout, ErrorKind::PoolTimeout], result);
        assert_left_in_time(&probe, "a call into a silent network", took, SHORT);
    }
    proxy.heal();
    proxy.cut(Cut::Reset);
    await_that("a connection works", || answer(&db).is_ok_and(|rows| rows == expected()));
    await_that("nothing is stuck", || db.snapshot().stuck == 0);
    leaves_nothing(db, &database);
}

/// Cut before, at and after its first byte: a statement is at the server once, or not at all, and who is told that it was
/// not sent can rely on it.
pub(crate) fn a_statement_is_never_sent_a_second_time(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let proxy: ToxicProxy = database.server().proxy();
    let db = builder(database.url_at(proxy.port())).option("sslmode", "disable").open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let before = proxy.seen().requests;
    db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let bytes = proxy.seen().requests - before;
    db.execute("DELETE FROM t", ()).unwrap();
    for number in 0..bytes {
        await_that("a connection works", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
        proxy.requests(Toxic::CutAfter(number, Cut::Reset));
        let result = db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ());
        proxy.heal();
        await_that("a connection works", || db.fetch_val::<i64>("SELECT 1", ()).is_ok());
        let rows = count(&db);
        match result {
            Ok(_) => assert_eq!(rows, 1, "after {number} of {bytes} bytes"),
            Err(error) => {
                assert!(rows <= 1, "after {number} of {bytes} bytes: {error:?}");
                if error.effect() != pontoon::Effect::Unknown {
                    assert_eq!(rows, 0, "after {number} of {bytes} bytes: {error:?}");
                }
            }
        }
        db.execute("DELETE FROM t", ()).unwrap();
    }
    leaves_nothing(db, &database);
}
