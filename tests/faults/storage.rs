//! SQLite's files: full, damaged, replaced under the program, and written by one that dies.

use std::fs;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};
use rusqlite::Connection as Native;

use crate::kit::{case, tell, within};
use crate::support::{Folder, LONG, assert_intact, ends, rows, start};

#[test]
fn a_full_database_is_as_good_as_before_when_there_is_room_again() {
    ends(|| {
        let scratch = Folder::new();
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
            let scratch = Folder::new();
            let path = scratch.path("app.db").display().to_string();
            let argument = if ignored { format!("ignoring {path}") } else { path.clone() };
            let output = run.clone().argument(argument).run();
            if ignored {
                assert_eq!(output.code, Some(0), "{output}");
                assert!(matches!(output.value("kind"), "Io" | "DiskFull" | "CommitUnknown"), "{output}");
            } else {
                assert_eq!((output.code, output.signal), (None, Some(25)), "{output}");
            }
            let db = Database::open(Folder::url_of(&scratch.path("app.db"))).unwrap();
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
    within(Duration::from_secs(150), || {
        let scratch = Folder::new();
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
        for round in 0..1000 {
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
        let scratch = Folder::new();
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
            let scratch = Folder::new();
            let db = Database::builder().url(scratch.url("app.db")).pool_size(2).timeout(Some(LONG)).build().unwrap();
            db.connect_lazy().unwrap();
            let kept = db.connection().unwrap();
            kept.execute_script("CREATE TABLE t (n); INSERT INTO t VALUES (1)").unwrap();
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
        let scratch = Folder::new();
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
            let db = Database::open(Folder::url_of(&path)).unwrap();
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

/// Killed in the very midst of a COMMIT: on this side of the moment at which it is written nothing of it is there, on the
/// other side all of it.
#[test]
fn a_process_killed_in_the_midst_of_a_commit_has_done_it_or_not() {
    fn stop() -> ! {
        tell("in the midst", "");
        loop {
            std::thread::park();
        }
    }
    let committing = case!(|argument: &str| {
        let (moment, path) = argument.split_once(' ').unwrap();
        let db = Database::builder().url(format!("sqlite:{path}")).pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        connection.execute_script("CREATE TABLE t (n INTEGER, b BLOB); INSERT INTO t VALUES (0, NULL)").unwrap();
        let is_before = moment == "before";
        connection
            .raw(move |raw: &mut Native| {
                let hooked = if is_before {
                    raw.commit_hook(Some(|| -> bool { stop() }))
                } else {
                    raw.wal_hook(Some(|_: &mut rusqlite::hooks::Wal, _| -> rusqlite::Result<()> { stop() }))
                };
                hooked.map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
            })
            .unwrap();
        let tx = connection.begin().unwrap();
        for n in 1..=1000_i64 {
            tx.execute("INSERT INTO t VALUES (:n, zeroblob(500))", params! { n: n }).unwrap();
        }
        let _ = tx.commit();
        unreachable!("it is killed before");
    });
    within(Duration::from_secs(60), move || {
        for (moment, rows_then) in [("before", 1), ("after", 1001)] {
            let scratch = Folder::new();
            let path = scratch.path("app.db");
            let mut running = committing.clone().argument(format!("{moment} {}", path.display())).start();
            running.wait_for("in the midst");
            running.kill();
            assert_eq!(running.finish().signal, Some(9));
            let db = Database::open(Folder::url_of(&path)).unwrap();
            assert_intact(&db);
            assert_eq!(rows(&db).len(), rows_then, "{moment}");
            db.execute("INSERT INTO t VALUES (-1, NULL)", ()).unwrap();
        }
    });
}
