//! SQLite: locks, full disks, damaged files, files that change under the program.

use std::fs;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::sql::{LockMode, Retry, TxOptions};
use pontoon::{Effect, Error, ErrorKind};
use rusqlite::Connection as Native;

use crate::kit::{Probe, case, tell, within};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, Scratch, ends, start, timed, url_of, wait_for};

const ENDLESS: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";

fn rows(db: &Database) -> Vec<i64> {
    db.fetch_all_as::<(i64,)>("SELECT n FROM t ORDER BY n", ()).unwrap().into_iter().map(|(n,)| n).collect()
}

#[track_caller]
fn assert_intact(db: &Database) {
    assert_eq!(db.fetch_val::<String>("PRAGMA integrity_check", ()).unwrap().as_deref(), Some("ok"));
}

// ---- locks

#[test]
fn a_commit_that_readers_hold_up_can_be_done_when_they_are_gone() {
    ends(|| {
        let scratch = Scratch::new();
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
        let scratch = Scratch::new();
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
        let scratch = Scratch::new();
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

// ---- storage

#[test]
fn a_full_database_is_as_good_as_before_when_there_is_room_again() {
    ends(|| {
        let scratch = Scratch::new();
        let db = Database::builder().url(scratch.url("app.db")).pool_size(1).timeout(Some(LONG)).open().unwrap();
        db.execute_script("CREATE TABLE t (n); CREATE TABLE big (b); INSERT INTO t VALUES (1)").unwrap();
        let connection = db.connection().unwrap();
        connection.fetch_all("PRAGMA max_page_count = 20", ()).unwrap();
        let error = connection.execute("INSERT INTO big VALUES (zeroblob(1000000))", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::DiskFull, Effect::NotApplied));
        connection.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        connection.fetch_all("PRAGMA max_page_count = 20000", ()).unwrap();
        connection.execute("INSERT INTO big VALUES (zeroblob(1000000))", ()).unwrap();
        drop(connection);
        assert_eq!(rows(&db), [1, 2]);
        assert_intact(&db);
    });
}

/// A file that may not grow any further: the write fails, or, where the program does not ignore the signal for it, the
/// process dies; the database is whole in both cases.
#[test]
fn a_file_that_may_not_grow_fails_and_is_whole() {
    fn fill(path: &str) -> Error {
        let db = Database::builder().url(format!("sqlite:{path}")).pool_size(1).timeout(Some(LONG)).open().unwrap();
        db.execute_script("CREATE TABLE IF NOT EXISTS t (n INTEGER, b BLOB)").unwrap();
        let limit = rustix::process::Rlimit { current: Some(256 << 10), maximum: None };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
        for n in 0..1000_i64 {
            let insert = db
                .transaction(|tx| tx.execute("INSERT INTO t VALUES (:n, zeroblob(10000))", params! { n: n }).map(drop));
            match insert {
                Ok(()) => tell("acknowledged", n),
                Err(error) => {
                    let limit = rustix::process::Rlimit { current: None, maximum: None };
                    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
                    db.execute("INSERT INTO t VALUES (-1, NULL)", ()).unwrap();
                    tell("acknowledged", -1);
                    return error;
                }
            }
        }
        panic!("ten megabytes went into a quarter of one");
    }
    let run = case!(|argument: &str| {
        match argument.strip_prefix("ignoring ") {
            None => {}
            Some(path) => {
                // A shell is asked to have the signal ignored in what it becomes: this very case, once more.
                let status = std::process::Command::new("sh")
                    .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
                    .arg(std::env::current_exe().unwrap())
                    .args(std::env::args().skip(1))
                    .env("PONTOON_KIT_ARGUMENT", format!("ignored {path}"))
                    .status()
                    .unwrap();
                std::process::exit(status.code().unwrap_or(1));
            }
        }
        let path = argument.strip_prefix("ignored ").unwrap_or(argument);
        tell("kind", format!("{:?}", fill(path).kind()));
    });
    ends(move || {
        for ignored in [false, true] {
            let scratch = Scratch::new();
            let path = scratch.path("app.db").display().to_string();
            let argument = if ignored { format!("ignoring {path}") } else { path.clone() };
            let output = run.clone().argument(argument).run();
            if ignored {
                assert_eq!(output.code, Some(0), "{output}");
                assert!(matches!(output.value("kind"), "Io" | "DiskFull" | "CommitUnknown"), "{output}");
            } else {
                assert_eq!((output.code, output.signal), (None, Some(25)), "{output}");
            }
            let db = Database::open(url_of(&scratch.path("app.db"))).unwrap();
            assert_intact(&db);
            let mut acknowledged: Vec<i64> = output.values("acknowledged").iter().map(|n| n.parse().unwrap()).collect();
            acknowledged.sort_unstable();
            let stored = rows(&db);
            assert!(acknowledged.len() > 3, "{output}");
            assert!(acknowledged.iter().all(|n| stored.contains(n)), "{acknowledged:?} of {stored:?}");
        }
    });
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    ends(|| {
        let scratch = Scratch::new();
        let whole = {
            let db = Database::open(format!("{}?journal_mode=delete", scratch.url("whole.db"))).unwrap();
            db.execute_script(
                "CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON t (text);
                 WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000)
                 INSERT INTO t SELECT n, hex(randomblob(20)) FROM c",
            )
            .unwrap();
            db.close(LONG);
            fs::read(scratch.path("whole.db")).unwrap()
        };
        let with = |name: &str, bytes: &[u8]| {
            fs::write(scratch.path(name), bytes).unwrap();
            Database::builder().url(scratch.url(name)).timeout(Some(LONG)).pool_size(1).build().unwrap()
        };
        let read = |db: &Database| -> Result<(), Error> {
            db.connect()?;
            db.fetch_all("SELECT text FROM t ORDER BY text", ())?;
            db.fetch_val::<String>("PRAGMA integrity_check", ())?;
            db.execute("UPDATE t SET text = 'x' WHERE n % 7 = 0", ())?;
            Ok(())
        };
        let text = with(
            "text.db",
            b"this is no database, but long enough to look like one ........................................",
        );
        assert_eq!(read(&text).unwrap_err().kind(), ErrorKind::NotADatabase);
        let mut header = whole.clone();
        header[..16].fill(0);
        assert_eq!(read(&with("header.db", &header)).unwrap_err().kind(), ErrorKind::NotADatabase);
        let cut = with("cut.db", &whole[..whole.len() / 2]);
        assert_eq!(read(&cut).unwrap_err().kind(), ErrorKind::Corrupt);
        // Flipped bytes here and there, by a generator that is the same each time.
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 1).unwrap()
        };
        let mut failed = 0;
        for round in 0..200 {
            let mut bytes = whole.clone();
            for _ in 0..8 {
                let at = next() % bytes.len();
                bytes[at] ^= 1 << (next() % 8);
            }
            let db = with(&format!("flipped-{round}.db"), &bytes);
            if let Err(error) = read(&db) {
                failed += 1;
                use ErrorKind::{
                    Conversion, Corrupt, DiskFull, Internal, Io, Limit, NotADatabase, Other, ReadOnly,
                    ResourceExhausted, Syntax, UndefinedColumn, UndefinedObject, UndefinedTable, UniqueViolation,
                    UnknownDatabase, Unsupported,
                };
                let expected = [
                    Corrupt,
                    NotADatabase,
                    Internal,
                    Io,
                    Limit,
                    Other,
                    ResourceExhausted,
                    Syntax,
                    UndefinedObject,
                    UndefinedTable,
                    UndefinedColumn,
                    UnknownDatabase,
                    Unsupported,
                    Conversion,
                    ReadOnly,
                    UniqueViolation,
                    DiskFull,
                ];
                assert!(expected.contains(&error.kind()), "round {round}: {error:?}");
            }
            db.close(LONG);
            fs::remove_file(scratch.path(&format!("flipped-{round}.db"))).unwrap();
        }
        assert!(failed > 0, "not one of them was found out");
    });
}

#[test]
fn damage_in_one_table_leaves_the_others_readable() {
    ends(|| {
        let scratch = Scratch::new();
        let url = format!("{}?journal_mode=delete", scratch.url("app.db"));
        let root: i64 = {
            let db = Database::open(&url).unwrap();
            db.execute_script(
                "CREATE TABLE t (n); INSERT INTO t VALUES (1); CREATE TABLE broken (n); INSERT INTO broken VALUES (1)",
            )
            .unwrap();
            let root = db.fetch_val("SELECT rootpage FROM sqlite_schema WHERE name = 'broken'", ()).unwrap().unwrap();
            db.close(LONG);
            root
        };
        let mut bytes = fs::read(scratch.path("app.db")).unwrap();
        let page = usize::try_from(root - 1).unwrap() * 4096;
        bytes[page..page + 100].fill(0xff);
        fs::write(scratch.path("app.db"), bytes).unwrap();
        let db = Database::builder().url(&*url).pool_size(1).open().unwrap();
        for _ in 0..3 {
            let error = db.fetch_all("SELECT n FROM broken", ()).unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Corrupt, false));
            assert_eq!(rows(&db), [1]);
        }
    });
}

#[test]
fn a_file_that_is_replaced_under_the_pool_does_not_split_it() {
    ends(|| {
        for replace in [true, false] {
            let scratch = Scratch::new();
            let db = Database::builder().url(scratch.url("app.db")).pool_size(2).timeout(Some(LONG)).open().unwrap();
            wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
            db.execute_script("CREATE TABLE t (n); INSERT INTO t VALUES (1)").unwrap();
            wait_for(&db, "one idle", |snapshot| snapshot.idle == snapshot.connections.len());
            let kept = db.connection().unwrap();
            assert_eq!(db.snapshot().connections.len(), 1, "the other one is opened later");
            fs::rename(scratch.path("app.db"), scratch.path("moved.db")).unwrap();
            if replace {
                Native::open(scratch.path("app.db")).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
            }
            let other = db.clone();
            let error = start("other", move || other.fetch_all("SELECT n FROM t", ()).unwrap_err()).join().unwrap();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::UnknownDatabase, Effect::NotSent));
            assert!(error.message().contains("was moved, deleted or replaced"), "{error}");
            assert_eq!(kept.fetch_val::<i64>("SELECT n FROM t", ()).unwrap(), Some(1));
            drop(kept);
            db.close(LONG);
            db.connect().unwrap();
            let tables = db.has_table("t").unwrap();
            assert_eq!(tables, replace, "connected again it is the file of that name");
        }
    });
}

/// What was acknowledged is there, whatever moment the process is killed at, and the file is whole.
#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let writer = case!(|path: &str| {
        let db = Database::builder().url(format!("sqlite:{path}")).pool_size(2).open().unwrap();
        db.execute_script("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, pair INTEGER)").unwrap();
        let first: i64 = db.fetch_val::<Option<i64>>("SELECT max(n) FROM t", ()).unwrap().flatten().unwrap_or(0) + 1;
        tell("ready", first);
        for n in (first..).step_by(2) {
            db.transaction(|tx| {
                tx.execute("INSERT INTO t VALUES (:n, :n)", params! { n: n })?;
                tx.execute("INSERT INTO t VALUES (:n + 1, :n)", params! { n: n }).map(drop)
            })
            .unwrap();
            tell("acknowledged", n);
        }
    });
    within(Duration::from_secs(100), move || {
        let scratch = Scratch::new();
        let path = scratch.path("app.db");
        let mut acknowledged = 0;
        for round in 0..15 {
            let mut running = writer.clone().argument(path.display()).start();
            running.wait_for("ready");
            running.wait_for("acknowledged");
            // At another point of its work each time.
            while running.count("acknowledged") < round * 3 {
                std::hint::spin_loop();
            }
            running.kill();
            let output = running.finish();
            assert_eq!(output.signal, Some(9));
            let last: i64 = output.values("acknowledged").last().unwrap().parse().unwrap();
            let db = Database::open(url_of(&path)).unwrap();
            assert_intact(&db);
            let found = rows(&db);
            assert!(found.contains(&last) && found.contains(&(last + 1)), "round {round}: {last} is lost");
            let torn: Option<i64> = db
                .fetch_val("SELECT count(*) FROM (SELECT pair FROM t GROUP BY pair HAVING count(*) <> 2)", ())
                .unwrap();
            assert_eq!(torn, Some(0), "round {round}: half of a transaction is there");
            acknowledged += output.values("acknowledged").len();
            db.close(LONG);
        }
        assert!(acknowledged > 200);
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
        let scratch = Scratch::new();
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
