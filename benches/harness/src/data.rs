//! The data set: one file for all peers, and copies of an empty one to write into.

use std::path::PathBuf;

use crate::{Digest, Env};

/// How many rows `people` has.
pub const PEOPLE: usize = 100_000;

/// How often each of them is read in the longest stream.
pub const REPEATS: i64 = 100;

/// The same on a server.
pub const SERVER_REPEATS: i64 = 50;

/// What every peer sets on its connections, beside WAL, which is kept in the file.
pub const PRAGMAS: &str = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA foreign_keys = ON;";

/// What makes the files. `people` is read only; `sink` is written.
pub const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL, score REAL NOT NULL, mail TEXT NOT NULL);
    CREATE TABLE sink (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER NOT NULL, score REAL NOT NULL, mail TEXT NOT NULL);
    CREATE TABLE repeats (number INTEGER PRIMARY KEY);
";

/// How many rows `wide` has, and how often its five kinds of columns come.
pub const WIDE: usize = 10_000;
pub const BLOCKS: usize = 10;

pub const POINT: &str = "SELECT id, name, age, score, mail FROM people WHERE id = ?";
pub const ALL: &str = "SELECT id, name, age, score, mail FROM people";
pub const STREAM: &str =
    "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r CROSS JOIN people p WHERE r.number <= ?";
pub const WIDE_ALL: &str = "SELECT * FROM wide";
/// No table, no page, hardly a statement: what is left is the way to the connection and back.
pub const NOTHING: &str = "SELECT ?";
pub const INSERT: &str = "INSERT INTO sink (id, name, age, score, mail) VALUES (?, ?, ?, ?, ?)";
/// What is in `sink`, as one number.
pub const SINK: &str = "SELECT count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + CAST(sum(score) AS INTEGER) FROM sink";
/// Takes about a millisecond with the number of rows that was found for this machine. A scan and not a recursive query:
/// that would allocate at each step, and connections of one process share the lock of SQLite's allocator.
pub const SPIN: &str = "SELECT CAST(sum(age * 3 + score / 7) AS INTEGER) FROM people WHERE id <= ?";

/// A row of `people`.
pub type Person = (i64, String, i64, f64, String);

/// A row of `wide`: what every table of many columns has, in no special order.
#[derive(Clone, Debug)]
pub struct Wide {
    pub blocks: [Block; BLOCKS],
}

/// Five columns of it.
pub type Block = (i64, String, f64, Option<i64>, String);

impl Wide {
    /// From the cells of a row: each function reads one column.
    pub fn read<E>(mut block: impl FnMut(usize) -> Result<Block, E>) -> Result<Wide, E> {
        let mut failed = None;
        let blocks = std::array::from_fn(|number| {
            block(number * 5).unwrap_or_else(|error| {
                failed = Some(error);
                Block::default()
            })
        });
        failed.map_or(Ok(Wide { blocks }), Err)
    }

    pub fn digest(&self, digest: &mut Digest) {
        for (int, name, real, maybe, text) in &self.blocks {
            digest.block((*int, name, *real, *maybe, text));
        }
    }
}

/// What makes `wide`.
pub fn wide_schema() -> String {
    let kinds = ["INTEGER NOT NULL", "TEXT NOT NULL", "REAL NOT NULL", "INTEGER", "TEXT NOT NULL"];
    let columns: Vec<String> =
        (0..BLOCKS * 5).map(|column| format!("c{column} {}", kinds[column % kinds.len()])).collect();
    format!("CREATE TABLE wide ({})", columns.join(", "))
}

/// The rows of `wide`.
pub fn wide() -> impl Iterator<Item = Wide> {
    let block = |row: i64, block: i64| {
        let number = row * BLOCKS as i64 + block;
        let maybe = (number % 3 != 0).then_some(number * 7919 % 100_000);
        (number, format!("name {}", number % 977), number as f64 * 0.5, maybe, format!("some text of number {number}"))
    };
    (0..WIDE as i64).map(move |row| Wide { blocks: std::array::from_fn(|number| block(row, number as i64)) })
}

/// How many rows one statement of [`insert_many`] has. A divisor of [`PEOPLE`].
pub const CHUNK: usize = 32;

/// An INSERT of [`CHUNK`] rows.
pub fn insert_many() -> String {
    INSERT.to_owned() + &", (?, ?, ?, ?, ?)".repeat(CHUNK - 1)
}

/// The rows of `people`, the same in every process.
pub fn people() -> Vec<Person> {
    (0..PEOPLE as i64)
        .map(|i| {
            let (name, mail) = (format!("Name Number {i}"), format!("somebody.{i}@mail.example.org"));
            (i + 1, name, (i * 7919) % 1000, i as f64 * 0.25, mail)
        })
        .collect()
}

/// A key for each number, spread over the table.
pub fn key(number: u64) -> i64 {
    (number.wrapping_mul(7919) % PEOPLE as u64) as i64 + 1
}

impl Env {
    /// The file with the people.
    pub fn people(&self) -> PathBuf {
        self.dir.join("people.db")
    }

    /// A file of one's own to write into, with an empty `sink`.
    pub fn sink(&self) -> Sink {
        let path = self.dir.join(format!("sink-{}.db", std::process::id()));
        std::fs::copy(self.dir.join("empty.db"), &path).expect("room for a copy");
        Sink { path }
    }

    /// How many rows of [`SPIN`] take a millisecond here.
    pub fn spin_rows(&self) -> i64 {
        let text = std::fs::read_to_string(self.dir.join("spin")).expect("prepared");
        text.trim().parse().expect("a number")
    }
}

/// A file that goes with the process that wrote it.
pub struct Sink {
    pub path: PathBuf,
}

impl Drop for Sink {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.path.display()));
        }
    }
}
