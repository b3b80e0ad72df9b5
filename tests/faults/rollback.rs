//! Force rollback: everybody on one connection, nobody in anybody's way.

use std::collections::BTreeSet;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{Ears, Fate, Method, RawScript, Rule, Script};
use crate::support::{Folder, LEAVES_WITHIN, LONG, SHORT, ends, start, timed};
#[cfg(feature = "sqlite")]
use crate::support::{rows, wait_for};

fn pinned(script: &Script) -> Database {
    script.builder().force_rollback(true).timeout(Some(LONG)).open().unwrap()
}

fn count(db: &Database) -> i64 {
    db.fetch_val("SELECT COUNT(*) FROM t", ()).unwrap().unwrap()
}

#[test]
fn one_callers_error_is_its_own() {
    ends(|| {
        let script = Script::new().table("t").aborting();
        let db = pinned(&script);
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let failing = db.clone();
        start("failing", move || {
            assert_eq!(
                failing.execute("INSERT INTO no_table VALUES (1)", ()).unwrap_err().kind(),
                ErrorKind::UndefinedTable
            );
            let result: Result<(), Error> = failing.transaction(|tx| {
                tx.execute("INSERT INTO t VALUES (2)", ())?;
                tx.execute("INSERT INTO no_table VALUES (1)", ()).map(drop)
            });
            assert_eq!(result.unwrap_err().kind(), ErrorKind::UndefinedTable);
            assert!(failing.execute_script("INSERT INTO t VALUES (3); INSERT INTO no_table VALUES (1)").is_err());
            assert!(
                failing
                    .execute_many("INSERT INTO t VALUES (?)", [(Value::I64(4),), (Value::Text("x".into()),)])
                    .is_err()
            );
        })
        .join()
        .unwrap();
        db.execute("INSERT INTO t VALUES (5)", ()).unwrap();
        assert_eq!(count(&db), 2);
        let used = script.records().into_iter().filter(|it| it.method == Method::Execute).map(|it| it.connection);
        assert_eq!(used.collect::<BTreeSet<_>>().len(), 1);
        db.close(LONG);
        assert!(script.committed("t").is_empty());
        script.assert_contract();
    });
}

#[test]
fn a_transaction_is_nobody_elses_business() {
    ends(|| {
        let script = Script::new().table("t");
        let db = pinned(&script);
        let line = line!() + 1;
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        assert_eq!(count(&db), 1, "its own caller takes part in it");
        let other = db.clone();
        let probe = Probe::start();
        let (error, took) = start("other", move || {
            let query = Query::new("INSERT INTO t VALUES (2)").timeout(SHORT);
            let (result, took) = timed(|| other.execute(query, ()));
            (result.unwrap_err(), took)
        })
        .join()
        .unwrap();
        probe.assert_within("a wait for another's transaction", took - SHORT, LEAVES_WITHIN);
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Busy, Effect::NotSent));
        assert!(error.message().contains(&format!("{}:{line}:", file!())), "{error}");
        // A clone of a handle does not change that.
        let (connection, other) = (db.connection().unwrap(), db.clone());
        let waiting = start("waiting", move || {
            drop(connection);
            other.execute("INSERT INTO t VALUES (3)", ()).map(drop)
        });
        tx.rollback().unwrap();
        waiting.join().unwrap().unwrap();
        assert_eq!(count(&db), 1);
        script.assert_contract();
    });
}

/// Where an interrupted write ends the transaction that it stands in, it is not interrupted: its caller leaves, and what
/// it did is undone.
#[test]
fn a_late_write_is_undone_and_nobody_elses_with_it() {
    ends(|| {
        let script = Script::new().table("t").fragile();
        let gate = script.gate("the insert");
        let db = pinned(&script);
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        script.add(Rule::on(Method::Execute).text("(2)").block(&gate, Ears::OPEN));
        let probe = Probe::start();
        let (result, took) = timed(|| db.execute(Query::new("INSERT INTO t VALUES (2)").timeout(SHORT), ()));
        probe.assert_within("a write that is not interrupted", took - SHORT, LEAVES_WITHIN);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(gate.blocked(), 1, "it still runs");
        gate.open();
        db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        let rows: Vec<(i64,)> = db.fetch_all_as("SELECT n FROM t", ()).unwrap();
        assert_eq!(rows, [(1,), (3,)]);
        script.assert_contract();
    });
}

/// How long such a write takes is of no account: it is neither cut off nor given up, which would end everybody's
/// transaction with it.
#[test]
#[cfg(feature = "sqlite")]
fn a_write_on_sqlite_that_outlasts_every_grace_is_undone_and_nobody_elses_with_it() {
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").force_rollback(true).timeout(Some(LONG)).open().unwrap();
        db.execute_script("CREATE TABLE t (n); INSERT INTO t VALUES (1)").unwrap();
        let (begin, begun) = std::sync::mpsc::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        db.raw(move |raw: &mut rusqlite::Connection| {
            // In the middle of a write, as far as SQLite is concerned.
            let in_a_write = move |_: rusqlite::hooks::Action, _: &str, _: &str, row: i64| {
                if row == 3 {
                    let _ = begin.send(());
                    let _ = finished.recv();
                }
            };
            raw.update_hook(Some(in_a_write)).map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
        })
        .unwrap();
        let late = Query::new("INSERT INTO t VALUES (2), (3), (4)").timeout(SHORT);
        assert_eq!(db.execute(late, ()).unwrap_err().kind(), ErrorKind::Timeout);
        begun.recv().unwrap();
        // A call elsewhere, begun later: when that one counts as stuck, every grace of the write is over too.
        let script = Script::new().table("t");
        let gate = script.gate("the stopped server");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let elsewhere = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        elsewhere.execute(Query::new("INSERT INTO t VALUES (1)").timeout(SHORT), ()).unwrap_err();
        wait_for(&elsewhere, "one stuck", |snapshot| snapshot.stuck == 1);
        assert_eq!(db.snapshot().stuck, 0);
        finish.send(()).unwrap();
        db.execute("INSERT INTO t VALUES (5)", ()).unwrap();
        assert_eq!(rows(&db), [1, 5]);
        let snapshot = db.snapshot();
        assert_eq!((snapshot.counters.opened, snapshot.counters.discarded), (1, 0), "{snapshot}");
    });
}

#[test]
fn a_late_statement_in_ones_own_transaction_undoes_that_one() {
    ends(|| {
        let script = Script::new().table("t").fragile();
        let gate = script.gate("the insert");
        let db = pinned(&script);
        db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        script.add(Rule::on(Method::Execute).text("(3)").afterwards().block(&gate, Ears::DEAF));
        let result: Result<(), Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (2)", ())?;
            let late = tx.execute(Query::new("INSERT INTO t VALUES (3)").timeout(SHORT), ());
            assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
            gate.open();
            tx.execute("INSERT INTO t VALUES (4)", ()).map(drop)
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TransactionAborted);
        db.execute("INSERT INTO t VALUES (5)", ()).unwrap();
        let rows: Vec<(i64,)> = db.fetch_all_as("SELECT n FROM t", ()).unwrap();
        assert_eq!(rows, [(1,), (5,)]);
        script.assert_contract();
    });
}

#[test]
fn everybody_is_told_when_the_root_is_lost() {
    type Accident = fn(&Script, &Database) -> Result<(), Error>;
    let accidents: [(&str, Accident); 4] = [
        ("a COMMIT behind the library's back", |_, db| db.raw(|raw: &mut RawScript| raw.run("COMMIT"))),
        ("a statement that commits by itself", |script, db| {
            script.add(Rule::on(Method::Execute).text("CREATE").once().affected(0).fate(Fate::Committed));
            db.execute("CREATE TABLE u (n)", ()).map(drop)
        }),
        ("a deadlock", |script, db| {
            script.add(Rule::on(Method::Execute).once().fail(ErrorKind::Deadlock).fate(Fate::RolledBack));
            db.execute("INSERT INTO t VALUES (2)", ()).map(drop)
        }),
        ("a broken connection", |script, db| {
            script.add(Rule::on(Method::Execute).once().fail(ErrorKind::ConnectionLost));
            db.execute("INSERT INTO t VALUES (2)", ()).map(drop)
        }),
    ];
    ends(move || {
        for (what, accident) in accidents {
            let script = Script::new().table("t");
            let db = pinned(&script);
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            accident(&script, &db).unwrap_err();
            for name in ["one", "other"] {
                let db = db.clone();
                let errors = start(name, move || {
                    [
                        db.execute("INSERT INTO t VALUES (3)", ()).unwrap_err(),
                        db.fetch_all("SELECT n FROM t", ()).unwrap_err(),
                        db.begin().map(drop).unwrap_err(),
                    ]
                });
                for error in errors.join().unwrap() {
                    assert_eq!(error.kind(), ErrorKind::ForceRollbackLost, "{what}: {error:?}");
                    assert_eq!(error.effect(), Effect::NotSent, "{what}: {error:?}");
                }
            }
            assert!(!script.committed("t").contains(&3), "{what}: nothing commits by itself afterwards");
            // Switched off and on it is another one.
            db.set_force_rollback(Some(false));
            db.set_force_rollback(Some(true));
            db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
            db.close(LONG);
            assert!(!script.committed("t").contains(&4), "{what}");
            script.assert_contract();
        }
    });
}

#[test]
fn a_caller_that_dies_leaves_nothing_of_its_transaction() {
    ends(|| {
        let script = Script::new().table("t");
        let db = pinned(&script);
        let dying = db.clone();
        start("dying", move || {
            let tx = dying.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            panic!("on purpose");
        })
        .join()
        .unwrap_err();
        assert_eq!(count(&db), 0);
        db.transaction(|tx| tx.execute("INSERT INTO t VALUES (2)", ()).map(drop)).unwrap();
        assert_eq!(count(&db), 1);
        script.assert_contract();
    });
}

#[test]
fn scopes_put_back_exactly_what_was() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        assert!(!db.force_rollback());
        {
            let _on = db.force_rollback_scope(true);
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            {
                let _off = db.force_rollback_scope(false);
                assert!(!db.force_rollback());
                db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
            }
            assert_eq!(count(&db), 2, "what was done under the outer scope is still there");
        }
        assert!(!db.force_rollback());
        assert_eq!(count(&db), 1);
        assert_eq!(script.committed("t"), [2]);
        // One that is left by a panic too.
        let panicking = db.clone();
        start("panicking", move || {
            let _on = panicking.force_rollback_scope(true);
            panicking.execute("INSERT INTO t VALUES (3)", ()).unwrap();
            panic!("on purpose");
        })
        .join()
        .unwrap_err();
        assert!(!db.force_rollback());
        db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        assert_eq!(script.committed("t"), [2, 4]);
        script.assert_contract();
    });
}

/// Where there is one writer, what is written beside the pinned connection waits for it in vain, and is told so.
#[test]
fn what_waits_beside_a_pin_that_is_kept_is_told_for_whom() {
    ends(|| {
        let scratch = Folder::new();
        for url in [scratch.url("one.db"), "sqlite::memory:".to_owned()] {
            let db = Database::builder().url(url).timeout(Some(LONG)).open().unwrap();
            db.execute("CREATE TABLE t (n)", ()).unwrap();
            let _on = db.force_rollback_scope(true);
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            {
                let _off = db.force_rollback_scope(false);
                let insert = || Query::new("INSERT INTO t VALUES (2)").timeout(SHORT);
                let by_thread = db.execute(insert(), ()).unwrap_err();
                let by_task = pollster::block_on(db.to_async().execute(insert(), ())).unwrap_err();
                for error in [by_thread, by_task] {
                    assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Busy), "{error:?}");
                    assert!(error.message().contains("end the scope that switched it on"), "{error}");
                }
            }
            db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
            assert_eq!(count(&db), 2);
        }
    });
}

#[test]
fn a_second_pinned_database_on_one_file_fails_at_once() {
    ends(|| {
        let scratch = Folder::new();
        let url = scratch.url("one.db");
        let open = || Database::builder().url(&*url).force_rollback(true).timeout(Some(LONG)).open().unwrap();
        let one = open();
        one.execute("CREATE TABLE t (n)", ()).unwrap();
        let other = open();
        let probe = Probe::start();
        let (result, took) = timed(|| other.execute("CREATE TABLE t (n)", ()));
        probe.assert_within("the second one", took, LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent));
        assert!(error.message().contains("give each test a file of its own"), "{error}");
        one.close(LONG);
        other.execute("CREATE TABLE t (n)", ()).unwrap();
    });
}

/// The right to be the one pinned transaction on a file ends with that transaction and not with its handle.
#[test]
fn the_next_pinned_database_waits_until_the_one_before_is_rolled_back() {
    ends(|| {
        let script = Script::new().table("t").sole_writer("the file");
        let gate = script.gate("the rollback");
        let (one, other) = (pinned(&script), pinned(&script));
        one.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = other.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent));
        script.add(Rule::on(Method::Rollback).once().block(&gate, Ears::DEAF));
        one.set_force_rollback(Some(false));
        gate.wait_blocked();
        let late = Query::new("INSERT INTO t VALUES (2)").timeout(SHORT);
        let error = other.execute(late, ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotSent), "{error:?}");
        assert!(error.message().contains("was not rolled back in time"), "{error}");
        let waiting = other.clone();
        let waiting = start("waiting", move || waiting.execute("INSERT INTO t VALUES (3)", ()).map(drop));
        assert_eq!(script.count(Method::Begin), 1, "nothing is sent before");
        gate.open();
        waiting.join().unwrap().unwrap();
        assert_eq!(script.count(Method::Begin), 2);
        // Its own handle may have it again at once.
        for _ in 0..5 {
            other.set_force_rollback(Some(false));
            other.set_force_rollback(Some(true));
            other.execute("INSERT INTO t VALUES (4)", ()).unwrap();
            assert_eq!(count(&other), 1);
        }
        script.assert_contract();
    });
}

/// The same on a file, where the one that comes too early meets the lock.
#[test]
#[cfg(feature = "sqlite")]
fn pinned_databases_on_one_file_follow_each_other_without_a_lock_between_them() {
    ends(|| {
        let scratch = Folder::new();
        let url = format!("{}?busy_timeout=1ms", scratch.url("one.db"));
        let open = || Database::builder().url(&*url).timeout(Some(LONG)).open().unwrap();
        let (one, other) = (open(), open());
        one.execute("CREATE TABLE t (n)", ()).unwrap();
        for round in 0..30 {
            let db = if round % 2 == 0 { &one } else { &other };
            let _on = db.force_rollback_scope(true);
            let fill = "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) \
                        SELECT n FROM c";
            assert_eq!(db.execute(fill, ()).unwrap().rows_affected, 5000, "round {round}");
        }
    });
}

/// On SQLite itself: what is late, what fails and what is panicked out of, and nothing of anybody else's is lost.
#[test]
fn many_callers_on_sqlite_undo_their_own_only() {
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").force_rollback(true).timeout(Some(LONG)).open().unwrap();
        db.execute("CREATE TABLE t (n INTEGER UNIQUE)", ()).unwrap();
        let endless = "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM c WHERE n < 30000) SELECT n FROM c";
        let threads: Vec<_> = (0..8_i64)
            .map(|n| {
                let db = db.clone();
                start("caller", move || {
                    for round in 0..10 {
                        let own = n * 10 + round;
                        db.execute("INSERT INTO t VALUES (:n)", params! { n: own }).unwrap();
                        assert_eq!(
                            db.execute("INSERT INTO t VALUES (:n)", params! { n: own }).unwrap_err().kind(),
                            ErrorKind::UniqueViolation
                        );
                        if round % 5 == 0 {
                            let late = Query::new(endless).timeout(Duration::from_millis(1));
                            if db.execute(late, ()).is_ok() {
                                db.execute("DELETE FROM t WHERE n >= 1000", ()).unwrap();
                            }
                        }
                        let result: Result<(), Error> = db.transaction(|tx| {
                            tx.execute("INSERT INTO t VALUES (:n)", params! { n: own + 500 })?;
                            Err(Error::new(ErrorKind::Other, "never mind"))
                        });
                        assert_eq!(result.unwrap_err().message(), "never mind");
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let rows: Vec<(i64,)> = db.fetch_all_as("SELECT n FROM t ORDER BY n", ()).unwrap();
        assert_eq!(rows, (0..80).map(|n| (n,)).collect::<Vec<_>>());
    });
}
