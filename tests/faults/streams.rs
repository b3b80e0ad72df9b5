//! Streams that are left, that are slow, that fail, and what may be done beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::script::{Ears, Fate, Method, Rule, Script};
use crate::kit::{LeakMeter, Probe, case, within};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, start, timed, wait_for};

#[test]
fn a_stream_that_is_dropped_frees_its_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let probe = Probe::start();
        for rows in [0_usize, 1, 17, 700] {
            let mut stream = db.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
            for n in 0..rows {
                assert_eq!(stream.next().unwrap().unwrap().get::<i64>(0).unwrap(), n as i64);
            }
            let ((), took) = timed(|| drop(stream));
            probe.assert_within("the drop of a stream", took, Duration::from_millis(1));
            let (result, took) = timed(|| db.execute("INSERT INTO t VALUES (1)", ()));
            result.unwrap();
            probe.assert_within("the next statement", took, LEAVES_WITHIN);
        }
        assert_eq!(script.count(Method::Connect), 1);
        assert_eq!(db.snapshot().counters.discarded, 0);
        script.assert_contract();
    });
}

#[test]
fn a_stream_that_is_dropped_while_the_database_is_silent_is_cancelled() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("a row");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Fetch).skip(20).once().block(&gate, Ears::SERVER));
        let stream = db.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
        gate.wait_blocked();
        drop(stream);
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let signals: Vec<_> = script.signals().iter().map(|signal| signal.method).collect();
        assert_eq!(signals, [Method::Cancel]);
        assert_eq!(gate.blocked(), 0);
        script.assert_contract();
    });
}

#[test]
fn a_slow_reader_holds_little_and_keeps_its_own_connection_only() {
    ends(|| {
        let script = Script::new().table("t");
        let pushed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&pushed);
        script.add(Rule::on(Method::Fetch).hook(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let mut stream = db.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
        stream.next().unwrap().unwrap();
        // Others are served meanwhile, and the database is not read any further than the reader's credit.
        let other = db.clone();
        start("other", move || {
            for _ in 0..100 {
                other.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            }
        })
        .join()
        .unwrap();
        wait_for(&db, "one busy", |snapshot| snapshot.busy == 1);
        // Four batches on their way, of 16, 32, 64 and 128 rows, one in the worker's hands.
        let read = pushed.load(Ordering::Relaxed);
        assert!(read <= 16 + 32 + 64 + 128 + 256 + 512, "{read} rows were read for a reader of one");
        drop(stream);
        wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
    });
}

#[test]
fn a_stream_may_take_its_time_but_not_its_database() {
    ends(|| {
        let script = Script::new();
        let gate = script.gate("a row");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Fetch).skip(40).once().block(&gate, Ears::SERVER));
        let probe = Probe::start();
        let mut stream = db.iterate(Query::new("SELECT n FROM SERIES(100)").timeout(SHORT), ()).unwrap();
        let mut rows = 0;
        let (error, took) = timed(|| {
            loop {
                match stream.next().unwrap() {
                    Ok(_) => rows += 1,
                    Err(error) => break error,
                }
            }
        });
        probe.assert_within("a stream whose database is silent", took.saturating_sub(SHORT), LEAVES_WITHIN);
        assert_eq!((error.kind(), rows), (ErrorKind::Timeout, 16), "what came before it is delivered");
        assert!(stream.next().is_none(), "after an error a stream is at its end");
        drop(stream);
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        script.assert_contract();
    });
}

#[test]
fn a_stream_that_fails_in_its_midst_delivers_what_it_had() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Fetch).skip(20).once().fail(ErrorKind::Corrupt));
        let rows: Vec<Result<Row, Error>> = db.iterate("SELECT n FROM SERIES(100)", ()).unwrap().collect();
        assert_eq!((rows.len(), rows[16].as_ref().unwrap_err().kind()), (17, ErrorKind::Corrupt));
        assert!(rows[..16].iter().all(Result::is_ok));
        // A driver that panics there costs the connection, and the stream says so.
        script.add(Rule::on(Method::Fetch).skip(20).once().panic("the driver is broken"));
        let rows: Vec<Result<Row, Error>> = db.iterate("SELECT n FROM SERIES(100)", ()).unwrap().collect();
        assert_eq!((rows.len(), rows[16].as_ref().unwrap_err().kind()), (17, ErrorKind::DriverPanic));
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        assert_eq!(db.snapshot().counters.discarded, 1);
        script.assert_contract();
    });
}

/// Statements inside the loop over a stream, and streams inside streams, to a depth of three.
#[test]
fn streams_nest_where_the_database_can() {
    ends(|| {
        let script = Script::new().nested().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let numbers = "SELECT n FROM SERIES(40)";
        let mut innermost = 0;
        for one in connection.iterate(numbers, ()).unwrap() {
            let one: i64 = one.unwrap().get(0).unwrap();
            for two in connection.iterate(numbers, ()).unwrap().take(2) {
                two.unwrap();
                for three in connection.iterate(numbers, ()).unwrap().take(2) {
                    three.unwrap();
                    innermost += 1;
                }
            }
            connection.execute("INSERT INTO t VALUES (:n)", params! { n: one }).unwrap();
        }
        assert_eq!((innermost, script.committed("t").len()), (160, 40));
        script.assert_contract();
    });
}

/// A loop over several streams of one connection at once.
#[test]
#[cfg(feature = "sqlite")]
fn streams_of_one_connection_may_be_read_by_turns() {
    const COUNT: i64 = 20_000;
    type Open = fn() -> (Option<Script>, Database);
    let databases: [(&str, Open); 3] = [
        ("SQLite", || {
            (None, Database::builder().url("sqlite::memory:").pool_size(1).timeout(Some(LONG)).open().unwrap())
        }),
        ("one that nests", || {
            let script = Script::new().nested();
            let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
            (Some(script), db)
        }),
        ("one that runs a statement at a time", || {
            let script = Script::new();
            let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
            (Some(script), db)
        }),
    ];
    ends(move || {
        for (what, open) in databases {
            let (script, db) = open();
            let numbers = match &script {
                Some(_) => format!("SELECT n FROM SERIES({COUNT})"),
                None => format!(
                    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {COUNT}) SELECT n FROM c"
                ),
            };
            let numbers = numbers.as_str();
            let connection = db.connection().unwrap();
            let tx = connection.begin().unwrap();
            let number = |row: Result<Row, Error>| row.unwrap().get::<i64>(0).unwrap();
            for streams in [2, 3] {
                for inside in [false, true] {
                    let mut open: Vec<_> = (0..streams)
                        .map(|_| {
                            if inside { tx.iterate(numbers, ()) } else { connection.iterate(numbers, ()) }.unwrap()
                        })
                        .collect();
                    // Those begun last are read first, and the other way round.
                    for turn in 0..COUNT {
                        let read = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
                        let first = number(open[read[0]].next().unwrap());
                        assert_eq!(number(open[read[1]].next().unwrap()), first, "{what}: of {streams}");
                        if let Some(third) = open.get_mut(2) {
                            assert_eq!(number(third.next().unwrap()), first, "{what}: of {streams}");
                        }
                    }
                    assert!(open.iter_mut().all(|stream| stream.next().is_none()), "{what}: of {streams}");
                }
            }
            tx.rollback().unwrap();
            assert_eq!(db.snapshot().counters.opened, 1, "{what}");
        }
    });
}

#[cfg(feature = "sqlite")]
const ENDLESS: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n, zeroblob(1000) FROM c";

/// Where so much would have to be read ahead that it cannot be, the younger one ends, at once and with the reason.
#[test]
#[cfg(feature = "sqlite")]
fn streams_that_are_too_long_to_be_read_by_turns_are_told() {
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let mut older = connection.iterate(ENDLESS, ()).unwrap();
        let mut younger = connection.iterate(ENDLESS, ()).unwrap();
        let mut read = 0;
        let error = loop {
            older.next().unwrap().unwrap();
            match younger.next().unwrap() {
                Ok(_) => read += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionBusy, Effect::NotApplied), "{error:?}");
        assert!(error.message().contains("read one of the two to its end first"), "{error}");
        assert!(read > 0, "what came before is delivered");
        assert!(younger.next().is_none());
        for _ in 0..2 * read {
            older.next().unwrap().unwrap();
        }
        drop(older);
        assert_eq!(connection.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        assert_eq!(db.snapshot().counters.opened, 1);
    });
}

/// That one reader waits for the other is no reason to end anything while both are on their way.
#[test]
#[cfg(feature = "sqlite")]
fn streams_of_one_connection_in_two_threads_wait_for_each_other() {
    const COUNT: i64 = 60_000;
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let numbers = format!(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {COUNT}) \
             SELECT n, zeroblob(1000) FROM c"
        );
        let mut older = connection.iterate(numbers.as_str(), ()).unwrap();
        older.next().unwrap().unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = std::sync::mpsc::channel();
        let (other, text) = (connection.clone(), numbers.clone());
        let younger = start("younger", move || {
            let mut rows = other.iterate(text.as_str(), ()).unwrap();
            rows.next().unwrap().unwrap();
            begin.send(()).unwrap();
            wait.recv().unwrap();
            rows.map(Result::unwrap).count()
        });
        begun.recv().unwrap();
        // Once the older one has run dry, its reader waits for the younger one, whose reader waits for this.
        let me = std::thread::current().name().unwrap_or_default().chars().take(15).collect::<String>();
        let nudge = start("nudge", move || {
            let until = std::time::Instant::now() + crate::kit::PATIENCE;
            let ticks = || {
                let threads = crate::kit::threads_of("self").into_iter();
                threads.filter(|it| it.name == me && it.state == 'S').map(|it| (it.id, it.ticks)).collect::<Vec<_>>()
            };
            let mut quiet = 0;
            while quiet < 50 && std::time::Instant::now() < until {
                let before = ticks();
                std::thread::sleep(Duration::from_millis(2));
                quiet = if !before.is_empty() && before == ticks() { quiet + 1 } else { 0 };
            }
            go.send(()).unwrap();
        });
        assert_eq!(older.map(Result::unwrap).count() as i64, COUNT - 1);
        assert_eq!(younger.join().unwrap() as i64, COUNT - 1);
        nudge.join().unwrap();
    });
}

#[test]
fn a_statement_beside_a_stream_is_served_or_refused_and_never_hangs() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        // A short result is read ahead, and then the connection is free.
        let mut stream = connection.iterate("SELECT n FROM SERIES(5000)", ()).unwrap();
        stream.next().unwrap().unwrap();
        connection.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(stream.count(), 4999);
        // A long one is not.
        let mut stream = connection.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
        stream.next().unwrap().unwrap();
        let error = connection.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionBusy, Effect::NotSent));
        assert!(error.message().contains("a stream is open on this connection"), "{error}");
        assert_eq!(stream.next().unwrap().unwrap().get::<i64>(0).unwrap(), 1);
        drop(stream);
        connection.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        script.assert_contract();
    });
}

#[test]
fn a_stream_in_a_transaction_that_is_lost_beside_it_ends() {
    ends(|| {
        let script = Script::new().nested().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let tx = db.begin().unwrap();
        let mut stream = tx.iterate("SELECT n FROM SERIES(1000000000)", ()).unwrap();
        stream.next().unwrap().unwrap();
        script.add(Rule::on(Method::Execute).once().fail(ErrorKind::ConnectionLost));
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
        let error = stream.find_map(Result::err).expect("it ends with an error");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost);
        drop(stream);
        tx.commit().unwrap_err();
        script.add(Rule::on(Method::Execute).once().fail(ErrorKind::Deadlock).fate(Fate::RolledBack));
        let tx = db.begin().unwrap();
        assert_eq!(tx.execute("INSERT INTO t VALUES (1)", ()).unwrap_err().kind(), ErrorKind::Deadlock);
        drop(tx);
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

/// Ten thousand rows of a kilobyte each and a statement for each of them, in memory for a few.
#[test]
fn a_long_loop_with_a_write_for_each_row_is_flat() {
    case!(|_| within(Duration::from_secs(100), || {
        let scratch = crate::support::Folder::new();
        let db = Database::open(scratch.url("flat.db")).unwrap();
        db.execute_script(
            "CREATE TABLE source (n INTEGER PRIMARY KEY, text TEXT);
             WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 40000)
             INSERT INTO source SELECT n, hex(zeroblob(1024)) FROM c;
             CREATE TABLE sum (n INTEGER);
             INSERT INTO sum VALUES (0);",
        )
        .unwrap();
        let mut tx = db.begin().unwrap();
        let pass = |tx: &Transaction<'_>, rows: usize| {
            for row in tx.iterate("SELECT n, text FROM source", ()).unwrap().take(rows) {
                let n: i64 = row.unwrap().get(0).unwrap();
                tx.execute("UPDATE sum SET n = n + :n", params! { n: n }).unwrap();
            }
        };
        pass(&tx, 5000);
        let meter = LeakMeter::start();
        pass(&tx, 40_000);
        // The rows are 80 MB.
        meter.assert_memory_within(16 << 20);
        let total: Option<i64> = tx.begin().unwrap().fetch_val("SELECT n FROM sum", ()).unwrap();
        assert_eq!(total, Some(5000 * 5001 / 2 + 40_000 * 40_001 / 2));
        tx.commit().unwrap();
    }))
    .limit(Duration::from_secs(120))
    .pass();
}
