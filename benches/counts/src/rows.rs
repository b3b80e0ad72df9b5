//! What is counted: each hot path, and what bare `rusqlite` takes for the same.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use pontoon::prelude::*;
use rusqlite::Connection;

/// A path through the library.
pub struct Row {
    pub name: &'static str,
    /// Whose instructions count.
    pub threads: Threads,
    /// The lower and the higher number of runs: what start-up and the first runs take falls out of the difference.
    pub runs: (u64, u64),
    pub run: fn(&Path, u64),
}

/// Whose instructions count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// The caller's, who does all of it.
    Caller,
    /// All there are: the caller's, the worker's, and little of the watch.
    All,
}

pub const ROWS: &[Row] = &[
    row("bare point query", Threads::Caller, bare_point),
    row("point query, held connection", Threads::Caller, |dir, runs| {
        point(&open(dir, true).connection().expect("a connection"), runs);
    }),
    row("point query, through the database", Threads::Caller, |dir, runs| point(&open(dir, true), runs)),
    row("point query, through the worker", Threads::All, |dir, runs| {
        point(&open(dir, false).connection().expect("a connection"), runs);
    }),
    row("point query, awaited", Threads::All, awaited),
    row("connection taken and given back", Threads::Caller, |dir, runs| {
        let db = open(dir, true);
        repeat(runs, |_| drop(db.connection().expect("a connection")));
    }),
    row("begin and commit", Threads::All, |dir, runs| {
        let db = open(dir, true);
        repeat(runs, |_| db.begin().expect("nobody else").commit().expect("nobody else"));
    }),
    row("statement read before", Threads::Caller, |_, runs| {
        let db = Database::new("sqlite::memory:").expect("a configuration");
        // Not connected, so that it comes as far as its statement and no further.
        repeat(runs, |_| assert!(db.fetch_one(POINT, ()).is_err()));
    }),
    row("bare insert in a transaction", Threads::Caller, bare_insert),
    row("insert in a transaction", Threads::Caller, insert),
    row("execute_many, a set", Threads::All, |dir, runs| {
        let db = open(dir, true);
        db.execute_many(INSERT, (0..runs as i64).map(person)).expect("nobody else");
    }),
    row("bare inserts of 32 rows, a row", Threads::Caller, bare_bulk),
    row("bulk_insert, a row", Threads::All, |dir, runs| {
        let rows = (0..runs as i64).map(person);
        open(dir, true).bulk_insert("sink", &COLUMNS, rows).expect("nobody else");
    }),
    row("a statement of many in `run`", Threads::All, |dir, runs| {
        let in_one_go = move |session: &pontoon::Session<'_>| Ok(point(session, runs));
        open(dir, true).run(in_one_go).expect("rows");
    }),
    row("bare fetch of all, a row", Threads::Caller, bare_fetch),
    row("fetch_all, a row", Threads::Caller, |dir, runs| {
        let rows = open(dir, true).fetch_all(MANY, (runs,)).expect("rows");
        let mut sum = 0;
        let mut cursor = rows.cursor();
        while let Some(row) = cursor.next() {
            sum += read(row);
        }
        assert!(sum > 0);
    }),
    row("stream, a row", Threads::All, |dir, runs| {
        let db = open(dir, true);
        let stream = db.iterate(MANY, (runs,)).expect("a stream");
        assert!(stream.map(|row| read(&row.expect("a row"))).sum::<i64>() > 0);
    }),
];

const fn row(name: &'static str, threads: Threads, run: fn(&Path, u64)) -> Row {
    Row { name, threads, runs: (500, 2500), run }
}

const PEOPLE: i64 = 5000;
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL, score REAL NOT NULL, mail TEXT NOT NULL);
    CREATE TABLE sink (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL, score REAL NOT NULL, mail TEXT NOT NULL);
";
const POINT: &str = "SELECT id, name, age, score, mail FROM people WHERE id = ?";
const MANY: &str = "SELECT id, name, age, score, mail FROM people WHERE id <= ?";
const INSERT: &str = "INSERT INTO sink (id, name, age, score, mail) VALUES (?, ?, ?, ?, ?)";

const COLUMNS: [&str; 5] = ["id", "name", "age", "score", "mail"];

type Person = (i64, String, i64, f64, String);

fn person(number: i64) -> Person {
    let (name, mail) = (format!("Name Number {number}"), format!("somebody.{number}@mail.example.org"));
    (number + 1, name, (number * 7919) % 1000, number as f64 * 0.25, mail)
}

fn key(run: u64) -> i64 {
    (run * 7919) as i64 % PEOPLE + 1
}

/// Makes the file in an empty folder.
pub fn prepare(dir: &Path) {
    let mut conn = Connection::open(file(dir)).expect("a new file");
    conn.execute_batch(SCHEMA).expect("a schema");
    let tx = conn.transaction().expect("nobody else");
    for number in 0..PEOPLE {
        tx.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", person(number)).expect("a row");
    }
    tx.commit().expect("nobody else");
    conn.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody else");
}

fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("counted.db")
}

fn repeat(runs: u64, mut run: impl FnMut(u64)) {
    (0..runs).for_each(&mut run);
}

// ---- pontoon

fn open(dir: &Path, lend: bool) -> Database {
    let url = format!("sqlite:{}?journal_mode=wal&synchronous=normal", file(dir).display());
    Database::builder().url(url.as_str()).pool_size(4).lend(lend).open().expect("a file")
}

fn point(on: &impl Queryable, runs: u64) {
    repeat(runs, |run| {
        let person: Option<Person> = on.fetch_one_as(POINT, (key(run),)).expect("a row");
        assert_eq!(person.expect("a row").0, key(run));
    });
}

fn awaited(dir: &Path, runs: u64) {
    let db = open(dir, true).to_async();
    let conn = block_on(db.connection()).expect("a connection");
    repeat(runs, |run| {
        let person: Option<Person> = block_on(conn.fetch_one_as(POINT, (key(run),))).expect("a row");
        assert_eq!(person.expect("a row").0, key(run));
    });
}

fn insert(dir: &Path, runs: u64) {
    let db = open(dir, true);
    db.transaction(|tx| {
        for number in 0..runs as i64 {
            let (id, name, age, score, mail) = &person(number);
            tx.execute(INSERT, (id, name, age, score, mail))?;
        }
        Ok::<_, Error>(())
    })
    .expect("nobody else");
}

fn read(row: &pontoon::Row) -> i64 {
    let cells = || -> pontoon::Result<(i64, &str, i64, f64, &str)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    };
    let (id, name, age, _, mail) = cells().expect("five cells");
    id + age + name.len() as i64 + mail.len() as i64
}

// ---- bare

fn open_bare(dir: &Path) -> Connection {
    // In a process with one thread only, the C library locks without atomics: nobody with a pool has that.
    thread::spawn(|| {
        loop {
            thread::park();
        }
    });
    let conn = Connection::open(file(dir)).expect("a file");
    conn.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON").expect("pragmas");
    conn
}

fn typed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Person> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

fn bare_point(dir: &Path, runs: u64) {
    let conn = open_bare(dir);
    repeat(runs, |run| {
        let mut point = conn.prepare_cached(POINT).expect("a statement");
        let person = point.query_row([key(run)], typed).expect("a row");
        assert_eq!(person.0, key(run));
    });
}

fn bare_insert(dir: &Path, runs: u64) {
    let mut conn = open_bare(dir);
    let tx = conn.transaction().expect("nobody else");
    {
        let mut insert = tx.prepare_cached(INSERT).expect("a statement");
        for number in 0..runs as i64 {
            let (id, name, age, score, mail) = &person(number);
            insert.execute((id, name, age, score, mail)).expect("a row");
        }
    }
    tx.commit().expect("nobody else");
}

fn bare_bulk(dir: &Path, runs: u64) {
    const ROWS: u64 = 32;
    let mut conn = open_bare(dir);
    let tx = conn.transaction().expect("nobody else");
    {
        let many = format!(
            "INSERT INTO sink (id, name, age, score, mail) VALUES {}",
            ["(?,?,?,?,?)"; ROWS as usize].join(",")
        );
        let mut many = tx.prepare_cached(&many).expect("a statement");
        let mut one = tx.prepare_cached(INSERT).expect("a statement");
        for first in (0..runs).step_by(ROWS as usize) {
            let people: Vec<Person> = (first..runs.min(first + ROWS)).map(|number| person(number as i64)).collect();
            if people.len() < ROWS as usize {
                people.iter().for_each(|(id, name, age, score, mail)| {
                    one.execute((id, name, age, score, mail)).expect("a row");
                });
                continue;
            }
            let cells = people
                .iter()
                .flat_map(|(id, name, age, score, mail)| -> [&dyn rusqlite::ToSql; 5] { [id, name, age, score, mail] });
            many.execute(rusqlite::params_from_iter(cells)).expect("rows");
        }
    }
    tx.commit().expect("nobody else");
}

fn bare_fetch(dir: &Path, runs: u64) {
    let conn = open_bare(dir);
    let mut all = conn.prepare_cached(MANY).expect("a statement");
    let people: Vec<Person> =
        all.query_map([runs as i64], typed).expect("rows").collect::<Result<_, _>>().expect("rows");
    assert_eq!(people.len(), runs as usize);
}

// ---- awaiting

/// The least there is to run a future with: the thread sleeps until it is woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    thread_local! {
        static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
    }
    let mut future = pin!(future);
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => thread::park(),
            }
        }
    })
}
