//! Deadlines, cancels, and the races between them and what they are aimed at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pontoon::driver::Fence;
use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, start, timed, wait_for};

/// One deadline counts for everything on the way: the wait for a connection, its opening, the statement, the rows.
#[test]
fn a_deadline_covers_every_phase_of_a_call() {
    ends(|| {
        let phases: [(&str, Method, Ears); 5] = [
            ("connecting", Method::Connect, Ears::CALL),
            ("connecting to a deaf server", Method::Connect, Ears::DEAF),
            ("running", Method::Query, Ears::SERVER),
            ("running on a stopped server", Method::Query, Ears::DEAF),
            ("fetching", Method::Fetch, Ears::SERVER),
        ];
        let probe = Probe::start();
        for (phase, method, ears) in phases {
            let script = Script::new();
            let gate = script.gate(phase);
            script.add(Rule::on(method).once().block(&gate, ears));
            let db = script.builder().pool_size(1).timeout(Some(SHORT)).build().unwrap();
            db.connect_lazy().unwrap();
            let (result, took) = timed(|| db.fetch_all("SELECT n FROM SERIES(9)", ()));
            probe.assert_within(phase, took.saturating_sub(SHORT), LEAVES_WITHIN);
            let error = result.unwrap_err();
            if method == Method::Connect {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::PoolTimeout), "{phase}: {error:?}");
                assert_eq!(error.effect(), Effect::NotSent, "{phase}");
            } else {
                assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled), "{phase}: {error:?}");
            }
        }
    });
}

/// Whoever set a deadline is told that it passed, not that somebody cancelled.
#[test]
fn a_statement_that_is_cancelled_at_its_deadline_is_reported_as_late() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let error = db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!((script.committed("t"), script.count(Method::Connect)), (vec![2], 1));
        script.assert_contract();
    });
}

#[test]
fn a_statement_of_a_shipped_closure_has_a_deadline_of_its_own() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).once().block(&gate, Ears::SERVER));
        let probe = Probe::start();
        let (kind, took) = timed(|| {
            db.run(|session| {
                let insert = Query::new("INSERT INTO t VALUES (1)").timeout(SHORT);
                let kind = session.execute(insert, ()).unwrap_err().kind();
                session.execute("INSERT INTO t VALUES (2)", ())?;
                Ok(kind)
            })
            .unwrap()
        });
        assert_eq!(kind, ErrorKind::Timeout);
        probe.assert_within("a statement of a closure", took.saturating_sub(SHORT), LEAVES_WITHIN);
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

/// The classic accident: the cancel of one statement strikes the next. Cancels come as near to the end of their
/// statements as can be arranged, before and after it, and a stray one would show in the statement that follows.
#[test]
fn a_cancel_never_reaches_a_later_statement() {
    ends(|| {
        const ROUNDS: u64 = 3000;
        let script = Script::new().unrecorded().table("t");
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        // The statement takes about as long as its deadline allows: sometimes one is first, sometimes the other.
        let round = Arc::new(AtomicU64::new(0));
        script.add(Rule::on(Method::Execute).text("late").take(Duration::from_micros(800), Ears::SERVER));
        let (mut done, mut late) = (0, 0);
        for number in 0..ROUNDS {
            round.store(number, Ordering::Relaxed);
            let timeout = Duration::from_micros(400 + number % 64 * 16);
            let result = db.execute(Query::new("SET late = yes").timeout(timeout), ());
            match result.map_err(|error| error.kind()) {
                Ok(_) => done += 1,
                Err(ErrorKind::Timeout | ErrorKind::PoolTimeout) => late += 1,
                Err(other) => panic!("round {number}: {other:?}"),
            }
            let next = db.fetch_val::<u64>("SELECT ?", (number,));
            assert_eq!(
                next.map_err(|error| error.to_string()),
                Ok(Some(number)),
                "the cancel of round {number} strayed"
            );
        }
        assert!(done > 0 && late > 0, "both happened: {done} were done, {late} were late");
        script.assert_contract();
    });
}

/// A cancel that is still on its way when its statement has ended: nothing runs on the connection until it is back.
#[test]
fn nothing_runs_on_a_connection_while_a_cancel_is_on_its_way() {
    ends(|| {
        let script = Script::new().table("t");
        let (statement, cancel) = (script.gate("the insert"), script.gate("the cancel"));
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        script.add(Rule::on(Method::Execute).text("(1)").block(&statement, Ears::SERVER));
        script.add(Rule::on(Method::Cancel).once().block(&cancel, Ears::DEAF));
        let error = db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::Unknown));
        cancel.wait_blocked();
        statement.open();
        script.wait_ended(Method::Execute, 1);
        let next = {
            let db = db.clone();
            start("next", move || db.execute("INSERT INTO t VALUES (2)", ()))
        };
        wait_for(&db, "a waiter", |snapshot| snapshot.waiting == 1 || snapshot.counters.opened == 2);
        assert_eq!(script.committed("t"), [1], "the next one has not begun on this connection");
        cancel.open();
        next.join().unwrap().unwrap();
        assert_eq!(script.committed("t"), [1, 2]);
        let strays = script.signals().iter().filter(|s| s.hit.is_some() && s.hit != s.aimed_at).count();
        assert_eq!(strays, 0);
        script.assert_contract();
    });
}

#[test]
fn a_cancel_without_a_fence_costs_the_connection() {
    ends(|| {
        for in_transaction in [false, true] {
            let script = Script::new().table("t");
            let gate = script.gate("the insert");
            let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
            script.add(Rule::on(Method::Execute).text("(1)").once().block(&gate, Ears::SEVER));
            script.add(Rule::on(Method::Cancel).once().fence(Fence::NotFenced));
            let insert = Query::new("INSERT INTO t VALUES (1)").timeout(SHORT);
            let error = match in_transaction {
                true => db.transaction(|tx| tx.execute(insert, ()).map(drop)).unwrap_err(),
                false => db.execute(insert, ()).map(drop).unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::Timeout);
            db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
            assert_eq!((script.committed("t"), script.count(Method::Connect)), (vec![2], 2));
            assert_eq!(db.snapshot().counters.discarded, 1);
            script.assert_contract();
        }
    });
}

#[test]
fn one_deaf_server_delays_nobody_elses_deadline() {
    ends(|| {
        let script = Script::new().table("t");
        let (statement, cancel) = (script.gate("the inserts"), script.gate("the cancels"));
        let db = script.builder().pool_size(8).timeout(Some(SHORT)).open().unwrap();
        script.add(Rule::on(Method::Execute).times(8).block(&statement, Ears::DEAF));
        script.add(Rule::on(Method::Cancel).block(&cancel, Ears::DEAF));
        let probe = Probe::start();
        let callers: Vec<_> = (0..8)
            .map(|n| {
                let db = db.clone();
                start("caller", move || timed(|| db.execute("INSERT INTO t VALUES (?)", (n,))))
            })
            .collect();
        for caller in callers {
            let (result, took) = caller.join().unwrap();
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
            probe.assert_within("a call to a deaf server", took.saturating_sub(SHORT), LEAVES_WITHIN);
        }
    });
}

#[test]
fn a_deadline_that_has_passed_already_sends_nothing() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();
        wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
        script.forget();
        for query in [
            Query::new("INSERT INTO t VALUES (1)").timeout(Duration::ZERO),
            Query::new("INSERT INTO t VALUES (1)").deadline(Instant::now()),
        ] {
            let connection = db.connection().unwrap();
            let error = connection.execute(query.clone(), ()).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotSent));
            let error = connection.transaction(|tx| tx.execute(query, ()).map(drop)).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotSent));
        }
        assert!(script.committed("t").is_empty());
        assert_eq!(script.count(Method::Execute), 0);
        assert_eq!(db.snapshot().counters.discarded, 0);
        script.assert_contract();
    });
}

#[test]
fn a_statement_that_is_interrupted_on_sqlite_strikes_no_later_one() {
    ends(|| {
        for lend in [true, false] {
            let db = Database::builder().url("sqlite::memory:").pool_size(1).lend(lend).open().unwrap();
            let endless =
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :top) SELECT max(n) FROM c";
            let (mut done, mut late) = (0, 0);
            for number in 0..3000_u64 {
                // From far too much to hardly anything, so that the deadline comes early, late and in between.
                let query = Query::new(endless).timeout(Duration::from_micros(60));
                match db.fetch_val::<i64>(query, params! { top: 50 + number % 40 * 40 }) {
                    Ok(_) => done += 1,
                    Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::PoolTimeout) => late += 1,
                    Err(error) => panic!("round {number}: {error:?}"),
                }
                let next = db.fetch_val::<u64>("SELECT ?", (number,));
                assert_eq!(next.map_err(|error| error.to_string()), Ok(Some(number)), "a cancel strayed");
            }
            assert!(done > 0 && late > 0, "both happened: {done} were done, {late} were late");
            assert_eq!(db.snapshot().counters.discarded, 0);
        }
    });
}
