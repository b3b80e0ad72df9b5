//! Too few connections, connections that cannot be opened, connections that are held for too long.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use pontoon::config::Reset;
use pontoon::prelude::*;
use pontoon::{ConnectionState, Effect, ErrorKind};

use crate::kit::script::{Ears, Gate, Method, Rule, Script};
use crate::kit::{LeakMeter, Probe, case};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, start, timed, wait_for, wait_for_threads};

#[test]
fn who_waits_in_vain_is_told_who_has_the_connections() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).acquire_timeout(SHORT).open().unwrap();
        wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
        let (holds, held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let holder = {
            let db = db.clone();
            start("the-holder", move || {
                let line = line!() + 1;
                let connection = db.connection().unwrap();
                connection.execute("INSERT INTO t VALUES (:n)", params! { n: 4711 }).unwrap();
                holds.send(line).unwrap();
                let _ = released.recv();
                drop(connection);
            })
        };
        let line = held.recv().unwrap();
        let probe = Probe::start();
        let (result, took) = timed(|| db.execute("INSERT INTO t VALUES (1)", ()));
        probe.assert_within("a wait for a connection", took - SHORT, LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::PoolTimeout, Effect::NotSent));
        assert!(error.is_retryable());
        let message = error.to_string();
        for part in [
            "no connection became free within",
            "size 1, busy 1, idle 0, connecting 0, stuck 0",
            "by thread `the-holder`",
            &format!("taken at {}:{line}:", file!()),
            "last `INSERT INTO t VALUES (:n)`",
        ] {
            assert!(message.contains(part), "`{part}` is missing in: {message}");
        }
        assert!(!message.contains("4711"), "values of parameters are nobody's business: {message}");

        let snapshot = db.snapshot();
        let counters = snapshot.counters;
        assert_eq!((counters.timeouts, counters.waits, counters.opened, counters.discarded), (1, 0, 1, 0));
        let holder_shown = snapshot.connections[0].holder.as_ref().unwrap();
        assert_eq!((holder_shown.location.line(), holder_shown.thread.as_str()), (line, "the-holder"));
        assert_eq!(snapshot.connections[0].state, ConnectionState::Busy);
        release.send(()).unwrap();
        holder.join().unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [4711, 2]);
        script.assert_contract();
    });
}

#[test]
fn who_came_first_is_served_first() {
    ends(|| {
        const WAITERS: usize = 64;
        let script = Script::new();
        let db = script.builder().pool_size(4).acquire_timeout(LONG).open().unwrap();
        // Three of four are kept, so that the fourth goes from hand to hand.
        let holders: Vec<_> = (0..4)
            .map(|_| {
                let db = db.clone();
                start("holder", move || db.connection().unwrap()).join().unwrap()
            })
            .collect();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiters = Vec::new();
        for number in 0..WAITERS {
            let (db, order) = (db.clone(), Arc::clone(&order));
            waiters.push(start("waiter", {
                let db = db.clone();
                move || {
                    let _connection = db.connection().unwrap();
                    order.lock().unwrap().push(number);
                }
            }));
            wait_for(&db, "one more waiter", |snapshot| snapshot.waiting == number + 1);
        }
        let mut holders = holders.into_iter();
        drop(holders.next());
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..WAITERS).collect::<Vec<_>>());
        let counters = db.snapshot().counters;
        assert_eq!((counters.waits, counters.timeouts), (WAITERS as u64, 0));
        drop(holders);
        wait_for(&db, "all idle", |snapshot| snapshot.idle == 4 && snapshot.busy == 0 && snapshot.waiting == 0);
    });
}

/// Waiting is counted in turns that others had meanwhile, not in time, so that a slow machine does not matter.
#[test]
fn nobody_starves_among_many() {
    ends(|| {
        const THREADS: usize = 64;
        const CALLS: usize = 40;
        let script = Script::new().unrecorded();
        script.add(Rule::on(Method::Query).take(Duration::from_micros(500), Ears::DEAF));
        let db = script.builder().pool_size(4).acquire_timeout(LONG).timeout(Some(LONG)).open().unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (db, turns, all) = (db.clone(), Arc::clone(&turns), Arc::clone(&all));
                start("caller", move || {
                    all.wait();
                    let mut gaps = Vec::with_capacity(CALLS);
                    let mut last = turns.load(Ordering::SeqCst);
                    for _ in 0..CALLS {
                        let connection = db.connection().unwrap();
                        let turn = turns.fetch_add(1, Ordering::SeqCst);
                        gaps.push(turn.saturating_sub(last));
                        last = turn;
                        connection.fetch_val::<i64>("SELECT 1", ()).unwrap();
                    }
                    gaps
                })
            })
            .collect();
        let mut gaps: Vec<usize> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        gaps.sort_unstable();
        let (median, max) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
        assert!(max <= 4 * median, "the longest wait was {max} turns, the median {median}");
        assert!(script.most_connections() <= 4);
    });
}

#[test]
fn more_waiters_than_allowed_are_refused_at_once() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).max_waiters(2).acquire_timeout(LONG).open().unwrap();
        wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
        let connection = db.connection().unwrap();
        let mut waiters = Vec::new();
        for number in 1..=2 {
            let db = db.clone();
            let waiter = db.clone();
            waiters.push(start("waiter", move || waiter.fetch_val::<i64>("SELECT 1", ()).unwrap()));
            wait_for(&db, "one more waiter", |snapshot| snapshot.waiting == number);
        }
        let refused = {
            let db = db.clone();
            start("one too many", move || db.fetch_val::<i64>("SELECT 1", ()).unwrap_err()).join().unwrap()
        };
        assert_eq!((refused.kind(), refused.effect()), (ErrorKind::QueueFull, Effect::NotSent));
        assert!(refused.message().contains("max_waiters"), "{refused}");
        drop(connection);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(1));
        }
        assert_eq!(db.snapshot().counters.waits, 2);
    });
}

/// A place in line is for those who wait for each other. What the pool does with a connection by itself, on its way back
/// or between two borrowers, takes a moment, and nobody is refused because of it.
#[test]
fn nobody_is_refused_because_of_what_the_pool_does_by_itself() {
    type Busy = fn(&Script, &Database) -> Gate;
    let busy: [(&str, Busy); 2] = [
        ("cleaning", |script, db| {
            let gate = script.gate("the cleaning");
            script.add(Rule::on(Method::Reset).once().block(&gate, Ears::DEAF));
            db.execute("CREATE TABLE u (n)", ()).unwrap();
            gate
        }),
        ("knocking", |script, _| {
            let gate = script.gate("the question");
            script.add(Rule::on(Method::Ping).once().block(&gate, Ears::DEAF));
            gate
        }),
    ];
    ends(move || {
        for (what, busy) in busy {
            let script = Script::new().table("t");
            let keepalive = Duration::from_millis(if what == "knocking" { 100 } else { 100_000 });
            let db = script
                .builder()
                .pool_size(1)
                .max_waiters(0)
                .keepalive(Some(keepalive))
                .timeout(Some(LONG))
                .open()
                .unwrap();
            let gate = busy(&script, &db);
            gate.wait_blocked();
            let other = db.clone();
            let waiting = start("waiting", move || other.execute("INSERT INTO t VALUES (1)", ()).map(drop));
            wait_for(&db, "one waiting", |snapshot| snapshot.waiting == 1);
            let error = db.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::QueueFull, Effect::NotSent), "{what}");
            gate.open();
            waiting.join().unwrap().unwrap();
            assert_eq!(script.committed("t"), [1], "{what}");
        }
    });
}

#[test]
fn a_stampede_opens_no_more_connections_than_there_are_places() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the connects");
        let db = script.builder().pool_size(4).acquire_timeout(LONG).build().unwrap();
        db.connect_lazy().unwrap();
        script.add(Rule::on(Method::Connect).block(&gate, Ears::DEAF));
        let callers: Vec<_> = (0..32)
            .map(|n| {
                let db = db.clone();
                start("caller", move || db.execute("INSERT INTO t VALUES (?)", (n,)).unwrap())
            })
            .collect();
        gate.wait_blocked_by(4);
        let snapshot = wait_for(&db, "28 waiters", |snapshot| snapshot.waiting == 28);
        assert_eq!((snapshot.connecting, snapshot.busy, snapshot.idle), (4, 0, 0));
        gate.open();
        for caller in callers {
            caller.join().unwrap();
        }
        assert_eq!((script.most_connections(), script.count(Method::Connect)), (4, 4));
        assert_eq!(script.committed("t").len(), 32);
        let snapshot = wait_for(&db, "four idle", |snapshot| snapshot.idle == 4);
        assert_eq!((snapshot.connecting, snapshot.counters.opened), (0, 4));
    });
}

#[test]
fn a_database_that_comes_back_is_found_by_those_who_wait() {
    ends(|| {
        let script = Script::new().table("t");
        script.add(Rule::on(Method::Connect).times(5).fail(ErrorKind::ConnectFailed));
        let db = script.builder().pool_size(2).acquire_timeout(LONG).build().unwrap();
        db.connect_lazy().unwrap();
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let counters = db.snapshot().counters;
        assert_eq!((counters.connect_failures, counters.opened), (5, 1));
        assert_eq!(script.count(Method::Connect), 6);
        assert_eq!(script.committed("t"), [1]);
    });
}

#[test]
fn a_database_that_stays_away_is_reported_with_the_last_cause() {
    ends(|| {
        let script = Script::new();
        script.add(Rule::on(Method::Connect).fail_with(|| {
            pontoon::Error::new(ErrorKind::ConnectFailed, "connection refused by the test").with_sqlstate("08001")
        }));
        // Long enough that one attempt at least comes to its end, on however busy a machine.
        let wait = 10 * SHORT;
        let db = script.builder().pool_size(1).acquire_timeout(wait).build().unwrap();
        db.connect_lazy().unwrap();
        let probe = Probe::start();
        let (result, took) = timed(|| db.fetch_val::<i64>("SELECT 1", ()));
        probe.assert_within("a wait for a database that refuses", took.saturating_sub(wait), LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::PoolTimeout, Effect::NotSent));
        assert!(error.message().contains("no connection could be opened"), "{error}");
        assert!(error.source().unwrap().to_string().contains("connection refused by the test"), "{error:?}");
        let snapshot = db.snapshot();
        assert!(snapshot.last_connect_error.as_deref().unwrap().contains("connection refused"), "{snapshot}");
        assert_eq!((snapshot.busy, snapshot.counters.timeouts), (0, 1));
        // The last attempt may have been cut short by the deadline, before the driver was asked or while it was.
        wait_for(&db, "nothing is being opened", |snapshot| snapshot.connecting == 0);
        let attempts = script.count(Method::Connect) as u64;
        let failures = db.snapshot().counters.connect_failures;
        assert!((attempts..=attempts + 1).contains(&failures), "{failures} of {attempts} attempts have failed");
        // Nobody wants a connection any more, so nobody tries, while another one waits in vain for as long.
        let other = script.builder().pool_size(1).acquire_timeout(SHORT).build().unwrap();
        other.connect_lazy().unwrap();
        other.fetch_val::<i64>("SELECT 1", ()).unwrap_err();
        assert_eq!(db.snapshot().counters.connect_failures, failures);
        script.wait_all_closed();
    });
}

#[test]
fn what_will_not_pass_is_reported_at_once() {
    ends(|| {
        for kind in [ErrorKind::Authentication, ErrorKind::UnknownDatabase, ErrorKind::Tls, ErrorKind::Config] {
            let script = Script::new();
            script.add(Rule::on(Method::Connect).once().fail(kind));
            let db = script.builder().pool_size(1).acquire_timeout(LONG).build().unwrap();
            assert_eq!(db.connect().unwrap_err().kind(), kind);
            assert!(!db.is_connected());
            assert_eq!(script.count(Method::Connect), 1, "{kind:?} is not tried again");
            script.wait_all_closed();
            // The next attempt is a new one.
            assert!(db.connect().unwrap());
            assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        }
    });
}

#[test]
fn a_slow_connect_holds_up_nobody_else() {
    ends(|| {
        let script = Script::new();
        let gate = script.gate("one connect");
        let db = script.builder().pool_size(2).acquire_timeout(LONG).build().unwrap();
        db.connect_lazy().unwrap();
        script.add(Rule::on(Method::Connect).once().block(&gate, Ears::CALL));
        let slow = {
            let db = db.clone();
            start("slow", move || db.fetch_val::<i64>("SELECT 1", ()).unwrap())
        };
        gate.wait_blocked();
        assert_eq!(db.fetch_val::<i64>("SELECT 2", ()).unwrap(), Some(2));
        assert_eq!(db.snapshot().connecting, 1);
        gate.open();
        assert_eq!(slow.join().unwrap(), Some(1));
    });
}

#[test]
fn a_connection_that_is_held_for_long_is_reported_once_with_its_holder() {
    ends(|| {
        let script = Script::new();
        let threshold = Duration::from_millis(20);
        let db = script.builder().pool_size(1).leak_threshold(Some(threshold)).open().unwrap();
        let line = line!() + 1;
        let connection = db.connection().unwrap();
        let snapshot = wait_for(&db, "a leak", |snapshot| snapshot.counters.leaks == 1);
        let leak = snapshot.last_leak.unwrap();
        assert!(leak.contains(&format!("taken at {}:{line}:", file!())), "{leak}");
        assert!(leak.contains("connection #1"), "{leak}");
        drop(connection);
        let again = db.connection().unwrap();
        // Two reports for two holdings, though the first lasted for many rounds.
        wait_for(&db, "a second leak", |snapshot| snapshot.counters.leaks == 2);
        drop(again);
    });
}

#[test]
fn an_idle_connection_that_died_is_replaced_before_it_is_used() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).keepalive(Some(Duration::from_millis(1))).open().unwrap();
        script.add(Rule::on(Method::Ping).once().fail(ErrorKind::ConnectionLost));
        script.wait_ended(Method::Ping, 1);
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(script.committed("t"), [1]);
        let counters = db.snapshot().counters;
        assert_eq!((counters.opened, counters.discarded, counters.closed), (2, 1, 0));
        let inserts: Vec<_> = script.trace().into_iter().filter(|line| line.contains("INSERT")).collect();
        assert_eq!(inserts, ["2 execute INSERT INTO t VALUES (1)"], "nothing was sent twice");
        script.assert_contract();
    });
}

#[test]
fn outdated_connections_are_replaced_when_they_are_next_free() {
    ends(|| {
        let script = Script::new();
        let db = script.builder().pool_size(1).open().unwrap();
        let connection = db.connection().unwrap();
        db.refresh();
        connection.ping().unwrap();
        drop(connection);
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        let snapshot = db.snapshot();
        assert_eq!((snapshot.generation, snapshot.counters.closed, snapshot.counters.discarded), (1, 1, 0));
        assert_eq!(script.trace_of(2), ["connect", "query SELECT 1"]);
    });
}

#[test]
fn what_one_caller_leaves_behind_the_next_does_not_see() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();
        db.execute("SET search_path = private", ()).unwrap();
        assert_eq!(db.fetch_val::<String>("SHOW search_path", ()).unwrap().as_deref(), Some("default"));
        {
            let connection = db.connection().unwrap();
            connection.execute("SET role = admin", ()).unwrap();
            connection.begin().unwrap().execute("INSERT INTO t VALUES (1)", ()).unwrap();
        }
        assert_eq!(db.fetch_val::<String>("SHOW role", ()).unwrap().as_deref(), Some("default"));
        assert_eq!((script.open_transactions(), script.committed("t")), (0, vec![]));
        // A reset that fails, or that leaves a transaction open, costs the connection.
        script.add(Rule::on(Method::Reset).once().fail(ErrorKind::Internal));
        db.execute("SET role = admin", ()).unwrap();
        assert_eq!(db.fetch_val::<String>("SHOW role", ()).unwrap().as_deref(), Some("default"));
        assert_eq!(db.snapshot().counters.discarded, 1);
        script.assert_contract();

        let script = Script::new();
        let db = script.builder().pool_size(1).reset(Reset::Full).open().unwrap();
        db.ping().unwrap();
        db.ping().unwrap();
        script.wait_ended(Method::Reset, 2);
        assert!(script.trace().contains(&"1 reset full".to_owned()), "{:?}", script.trace());
    });
}

#[test]
fn ten_thousand_databases_leave_nothing_behind() {
    let cycle = |number: usize| {
        let db = if number.is_multiple_of(2) {
            Script::new().unrecorded().builder().pool_size(2).open().unwrap()
        } else {
            Database::open("sqlite::memory:").unwrap()
        };
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        match number % 3 {
            // Dropped in the middle of things, or closed in good order.
            0 => std::mem::drop(db.begin().unwrap()),
            1 => assert!(db.close(LONG).is_clean()),
            _ => {}
        }
    };
    case!(|_| {
        (0..200).for_each(cycle);
        wait_for_threads(0);
        let meter = LeakMeter::start();
        (0..10_000).for_each(cycle);
        // What was dropped without a word ends on its own threads.
        meter.assert_flat();
        meter.assert_memory_within(8 << 20);
    })
    .limit(Duration::from_secs(120))
    .pass();
}
