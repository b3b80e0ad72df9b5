//! SQLite: its locks, the transactions that it ends by itself, its databases in memory, its powers over files.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::sql::{LockMode, Retry, TxOptions};
use pontoon::{Effect, Error, ErrorKind};
use rusqlite::Connection as Native;

use crate::kit::Probe;
use crate::support::{Folder, LEAVES_WITHIN, LONG, SHORT, assert_intact, ends, rows, start, timed, wait_for};

const ENDLESS: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";

// ---- locks

#[test]
fn a_commit_that_readers_hold_up_can_be_done_when_they_are_gone() {
    ends(|| {
        let scratch = Folder::new();
        let url = format!("{}?journal_mode=delete&busy_timeout=30ms", scratch.url("app.db"));
        let db = Database::open(&url).unwrap();
        db.execute_script("CREATE TABLE t (n); INSERT INTO t VALUES (0)").unwrap();
        let reader = Native::open(scratch.path("app.db")).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        reader.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.commit().unwrap_err();
        assert_eq!((error.error().kind(), error.error().is_retryable()), (ErrorKind::Busy, true), "{error:?}");
        let tx = error.into_transaction().expect("it is open as before");
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        reader.execute_batch("COMMIT").unwrap();
        tx.commit().unwrap();
        assert_eq!(rows(&db), [0, 1, 2]);
        assert_eq!(db.snapshot().counters.discarded, 0);
    });
}

#[test]
fn a_read_that_turns_into_a_write_too_late_is_told_at_once_and_can_be_begun_again() {
    ends(|| {
        let scratch = Folder::new();
        let db = Database::builder().url(scratch.url("app.db")).timeout(Some(LONG)).open().unwrap();
        db.execute_script("CREATE TABLE t (n); INSERT INTO t VALUES (0)").unwrap();
        let mut runs = 0;
        let options = TxOptions::new().lock_mode(LockMode::Deferred).retry(Retry::attempts(3));
        let probe = Probe::start();
        let (result, took) = timed(|| {
            db.transaction_with(&options, |tx| {
                runs += 1;
                let n: Option<i64> = tx.fetch_val("SELECT max(n) FROM t", ())?;
                if runs == 1 {
                    let other = db.clone();
                    start("writer", move || other.execute("INSERT INTO t VALUES (1)", ()).map(drop)).join().unwrap()?;
                    let error = tx.execute("INSERT INTO t VALUES (99)", ()).unwrap_err();
                    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Busy, true));
                    assert_eq!(error.vendor_code(), Some(517));
                    return Err(error);
                }
                tx.execute("INSERT INTO t VALUES (:n)", params! { n: n.unwrap_or_default() + 10 }).map(drop)
            })
        });
        result.unwrap();
        probe.assert_within("all of it", took, Duration::from_millis(200));
        assert_eq!((runs, rows(&db)), (2, vec![0, 1, 11]));
        // The default takes its lock first, and then there is nothing to be too late for.
        let tx = db.begin().unwrap();
        assert_eq!(tx.fetch_val::<i64>("SELECT max(n) FROM t", ()).unwrap(), Some(11));
        let writer = db.clone();
        let late = start("writer", move || {
            writer.execute(Query::new("INSERT INTO t VALUES (99)").timeout(SHORT), ()).unwrap_err()
        });
        assert_eq!(late.join().unwrap().kind(), ErrorKind::Timeout);
        tx.execute("INSERT INTO t VALUES (12)", ()).unwrap();
        tx.commit().unwrap();
        assert_eq!(rows(&db), [0, 1, 11, 12]);
    });
}

#[test]
fn a_wait_for_a_lock_ends_at_its_deadline_and_when_the_database_is_closed() {
    ends(|| {
        let scratch = Folder::new();
        let db = Database::builder().url(scratch.url("app.db")).timeout(Some(LONG)).open().unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        let holder = Native::open(scratch.path("app.db")).unwrap();
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let probe = Probe::start();
        let insert = Query::new("INSERT INTO t VALUES (1)").timeout(SHORT);
        let (result, took) = timed(|| db.execute(insert, ()));
        probe.assert_within("a wait for a lock", took.saturating_sub(SHORT), LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotApplied));
        assert!(error.message().contains("a lock that another connection holds"), "{error}");
        let waiting = db.clone();
        let waiting = start("waiting", move || waiting.begin().map(drop));
        wait_for(&db, "one busy", |snapshot| snapshot.busy == 1);
        let (report, took) = timed(|| db.close(SHORT));
        probe.assert_within("closing", took.saturating_sub(SHORT), Duration::from_millis(500));
        assert_eq!(report.stuck, 0);
        let error = waiting.join().unwrap().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::ConnectionLost), "{error:?}");
        holder.execute_batch("ROLLBACK").unwrap();
        db.connect().unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(rows(&db), [2]);
    });
}

/// To tell whether a table is missing SQLite reads the schema again, and says that it is missing when a lock keeps it
/// from that.
#[test]
fn a_table_behind_a_lock_is_not_reported_as_missing() {
    ends(|| {
        let scratch = Folder::new();
        let url = format!("{}?journal_mode=delete", scratch.url("app.db"));
        let db = Database::builder().url(&*url).pool_size(1).timeout(Some(LONG)).open().unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        let holder = Native::open(scratch.path("app.db")).unwrap();
        holder.execute_batch("CREATE TABLE late (n); BEGIN EXCLUSIVE").unwrap();
        for (sql, kind) in [("SELECT n FROM late", ErrorKind::Timeout), ("SELECT n FROM no_table", ErrorKind::Timeout)]
        {
            let error = db.fetch_all(Query::new(sql).timeout(SHORT), ()).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (kind, Effect::NotApplied), "{sql}: {error:?}");
        }
        let impatient =
            Database::builder().url(format!("{url}&busy_timeout=20ms")).timeout(Some(LONG)).build().unwrap();
        holder.execute_batch("COMMIT").unwrap();
        impatient.connect().unwrap();
        assert_eq!(impatient.fetch_all("SELECT n FROM t", ()).unwrap().len(), 0);
        holder.execute_batch("CREATE TABLE later (n); BEGIN EXCLUSIVE").unwrap();
        assert_eq!(impatient.fetch_all("SELECT n FROM later", ()).unwrap_err().kind(), ErrorKind::Busy);
        holder.execute_batch("COMMIT").unwrap();
        for found in ["late", "later"] {
            assert_eq!(db.fetch_all(format!("SELECT n FROM {found}").as_str(), ()).unwrap().len(), 0);
        }
        assert_eq!(db.fetch_all("SELECT n FROM no_table", ()).unwrap_err().kind(), ErrorKind::UndefinedTable);
    });
}

/// What the hook for new connections sets is there for each borrower, and a connection that nobody has changed since is
/// not opened anew for it.
#[test]
fn a_hook_that_sets_something_does_not_cost_a_connection_each_time() {
    ends(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let hook = Arc::clone(&runs);
        let db = Database::builder()
            .url("sqlite::memory:")
            .pool_size(1)
            .timeout(Some(LONG))
            .on_open(move |session| {
                hook.fetch_add(1, Ordering::Relaxed);
                session.execute("PRAGMA cache_size = -4321", ()).map(drop)
            })
            .open()
            .unwrap();
        let cache_size = || db.fetch_val::<i64>("PRAGMA cache_size", ()).unwrap();
        for n in 0..5 {
            // Not a plain statement, so the connection is looked at on its way back.
            db.execute(format!("CREATE TABLE t{n} (n)").as_str(), ()).unwrap();
            assert_eq!(cache_size(), Some(-4321));
        }
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        type Dirt = fn(&Database) -> Result<(), Error>;
        let dirt: [Dirt; 4] = [
            |db| db.execute("PRAGMA cache_size = -1", ()).map(drop),
            |db| db.execute("CREATE TEMP TABLE own (n)", ()).map(drop),
            |db| db.execute("ATTACH ':memory:' AS own", ()).map(drop),
            |db| db.raw(|_: &mut Native| Ok(())),
        ];
        for (number, make) in dirt.into_iter().enumerate() {
            make(&db).unwrap();
            assert_eq!(cache_size(), Some(-4321));
            assert_eq!(db.fetch_all("PRAGMA database_list", ()).unwrap().len(), 1);
            assert_eq!(runs.load(Ordering::Relaxed), 2 + number, "after {number}");
        }
        assert_eq!(db.snapshot().counters.discarded, 0);
    });
}

/// What such a hook attaches, or has in temporary tables, cannot be told from what a borrower puts in its place.
#[test]
fn a_hook_that_attaches_something_attaches_it_for_every_borrower() {
    ends(|| {
        let db = Database::builder()
            .url("sqlite::memory:")
            .pool_size(1)
            .timeout(Some(LONG))
            .on_open(|session| session.execute_script("ATTACH ':memory:' AS hooked; CREATE TEMP TABLE seen (n)"))
            .open()
            .unwrap();
        for _ in 0..3 {
            let connection = db.connection().unwrap();
            assert_eq!(connection.fetch_val::<i64>("SELECT count(*) FROM seen", ()).unwrap(), Some(0));
            assert!(!connection.fetch_all("PRAGMA database_list", ()).unwrap().is_empty());
            connection.execute_script("INSERT INTO seen VALUES (1); DETACH hooked; ATTACH ':memory:' AS own").unwrap();
            connection.execute("CREATE TEMP TABLE mine (n)", ()).unwrap();
        }
        assert!(db.fetch_all("SELECT * FROM mine", ()).is_err());
        db.execute("CREATE TABLE hooked.t (n)", ()).unwrap();
    });
}

// ---- transactions that SQLite ends by itself

#[test]
fn a_transaction_that_sqlite_ended_commits_nothing_more() {
    type Accident = fn(&Transaction<'_>) -> Error;
    let accidents: [(&str, Accident, ErrorKind); 5] = [
        (
            "INSERT OR ROLLBACK",
            |tx| tx.execute("INSERT OR ROLLBACK INTO t VALUES (0)", ()).unwrap_err(),
            ErrorKind::UniqueViolation,
        ),
        (
            "a constraint that rolls back",
            |tx| tx.execute("INSERT INTO strict_one VALUES (1), (1)", ()).unwrap_err(),
            ErrorKind::UniqueViolation,
        ),
        (
            "a trigger that rolls back",
            |tx| tx.execute("INSERT INTO guarded VALUES (1)", ()).unwrap_err(),
            ErrorKind::ConstraintViolation,
        ),
        (
            "an interrupted write",
            |tx| tx.execute(Query::new(format!("INSERT INTO big {ENDLESS}")).timeout(SHORT), ()).unwrap_err(),
            ErrorKind::Timeout,
        ),
        (
            "a full database",
            |tx| tx.execute("INSERT INTO big VALUES (zeroblob(10000000))", ()).unwrap_err(),
            ErrorKind::DiskFull,
        ),
    ];
    ends(move || {
        for lend in [true, false] {
            let db = Database::builder()
                .url("sqlite::memory:")
                .lend(lend)
                .timeout(Some(LONG))
                .on_open(|session| session.fetch_all("PRAGMA max_page_count = 2000", ()).map(drop))
                .open()
                .unwrap();
            db.execute_script(
                "CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (0);
                 CREATE TABLE strict_one (n UNIQUE ON CONFLICT ROLLBACK);
                 CREATE TABLE guarded (n);
                 CREATE TRIGGER guard BEFORE INSERT ON guarded BEGIN SELECT RAISE(ROLLBACK, 'not here'); END;
                 CREATE TABLE big (n)",
            )
            .unwrap();
            for (what, accident, kind) in accidents {
                let tx = db.begin().unwrap();
                tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
                assert_eq!(accident(&tx).kind(), kind, "{what}");
                for error in [
                    tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err(),
                    db.execute("INSERT INTO t VALUES (3)", ()).unwrap_err(),
                    tx.fetch_all("SELECT n FROM t", ()).unwrap_err(),
                ] {
                    let kind = error.kind();
                    assert!(
                        matches!(kind, ErrorKind::TransactionLost | ErrorKind::TransactionAborted),
                        "{what}: {error:?}"
                    );
                    assert_eq!(error.effect(), Effect::NotSent, "{what}");
                }
                tx.commit().unwrap_err();
                assert_eq!(rows(&db), [0], "{what}");
                assert_intact(&db);
            }
        }
    });
}

#[test]
fn verbs_of_sqlite_are_refused_too() {
    ends(|| {
        let db = Database::open("sqlite::memory:").unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        for verb in ["END", "end transaction", "\u{feff}COMMIT", "BEGIN EXCLUSIVE", "RELEASE x", ";COMMIT", "/**/END"] {
            let tx = db.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            tx.execute(verb, ()).unwrap_err();
            tx.rollback().unwrap();
            assert_eq!(rows(&db), [0_i64; 0], "{verb}");
        }
    });
}

#[test]
fn a_database_in_memory_is_one_whatever_its_connections_go_through() {
    ends(|| {
        let db =
            Database::builder().url("sqlite::memory:").pool_size(4).min_idle(4).timeout(Some(LONG)).open().unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        let writers: Vec<_> = (0..4)
            .map(|n| {
                let db = db.clone();
                start("writer", move || {
                    let connection = db.connection().unwrap();
                    connection.execute("INSERT INTO t VALUES (:n)", params! { n: n }).unwrap();
                    connection
                })
            })
            .collect();
        let held: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        assert_eq!(db.snapshot().busy, 4, "four connections");
        drop(held);
        db.refresh();
        wait_for(&db, "nobody busy", |snapshot| snapshot.busy == 0);
        assert_eq!(rows(&db), [0, 1, 2, 3]);
        let panicked = db.run(|session| {
            session.execute("INSERT INTO t VALUES (9)", ())?;
            if session.fetch_val::<i64>("SELECT count(*) FROM t", ())? > Some(0) {
                panic!("on purpose");
            }
            Ok(())
        });
        assert_eq!(panicked.unwrap_err().kind(), ErrorKind::DriverPanic);
        assert_eq!(rows(&db), [0, 1, 2, 3, 9], "the discarded connection took nothing along");
        // Another database in memory is another one.
        let other = Database::open("sqlite::memory:").unwrap();
        assert!(!other.has_table("t").unwrap());
    });
}

#[test]
fn the_powers_over_files_are_off_or_can_be_switched_off() {
    ends(|| {
        let scratch = Folder::new();
        fs::write(scratch.path("evil.so"), b"no library").unwrap();
        let db = Database::open(format!("{}?attach=false&defensive=true&trusted_schema=false", scratch.url("app.db")))
            .unwrap();
        db.execute("CREATE TABLE t (n)", ()).unwrap();
        let load = format!("SELECT load_extension('{}')", scratch.path("evil").display());
        let error = db.fetch_all(load.as_str(), ()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::UndefinedObject),
            "extensions are not loaded: {error:?}"
        );
        let attach = format!("ATTACH '{}' AS other", scratch.path("other.db").display());
        let error = db.execute(attach.as_str(), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
        assert!(!scratch.path("other.db").exists());
        let error = db.execute("INSERT INTO sqlite_dbpage VALUES (1, x'00')", ()).unwrap_err();
        assert!(!matches!(error.kind(), ErrorKind::Internal), "{error:?}");
        db.execute("PRAGMA writable_schema = on", ()).unwrap();
        db.execute("DELETE FROM sqlite_schema", ()).unwrap_err();
        assert!(db.has_table("t").unwrap());
    });
}
