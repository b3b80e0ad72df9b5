//! The rows of the table, and what is promised of each.

/// A row.
pub struct RowSpec {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    /// All of them are to be met, as far as there is somebody to be compared with.
    pub targets: &'static [Target],
}

/// What the values are.
#[derive(Clone, Copy)]
pub enum Unit {
    Seconds,
    Bytes,
    Count,
}

/// What Pontoon's median must keep to.
#[derive(Clone, Copy)]
pub enum Target {
    /// So many times that of a peer.
    Times(&'static str, f64),
    /// So many times that of the best of these peers.
    Best(&'static [&'static str], f64),
    /// So many seconds over that of a peer.
    Over(&'static str, f64),
    /// So much.
    AtMost(f64),
}

use Target::{AtMost, Best, Over, Times};

/// rusqlite, and what else the rows of several tables are compared with.
const BARE: &str = "rusqlite";
const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// Flat: no more than a page cache and an allocator may breathe.
const FLAT: &[Target] = &[AtMost(MEBIBYTE)];

/// Whom Pontoon is to be ahead of, or level with, wherever something takes time and they are there: beside what each row
/// promises. Those with a hop to a thread of their own, in all of their rows; pools that stay on their caller's thread
/// may be a tenth ahead.
const RIVALS: &[(&str, f64)] = &[
    ("sqlx", 1.0),
    ("sea-orm", 1.0),
    ("diesel-async", 1.0),
    ("databasez", 1.0),
    ("diesel", 1.1),
    ("r2d2_sqlite", 1.1),
];

/// Of all tables, in their order.
pub const ROWS: &[RowSpec] = &[
    row("point_held", "point query, held connection", &[Times(BARE, 1.25)]),
    row("point_db", "point query, through the database", &[Over(BARE, 0.7e-6), Times("databasez", 1.0 / 50.0)]),
    row("point_worker", "point query, through the worker", &[Over(BARE, 10e-6)]),
    row("insert_1000", "1 000 inserts in a transaction", &[Times(BARE, 1.3)]),
    row("fetch_all", "fetch 100 000 x 5, read every cell", &[Times(BARE, 1.0), Times("databasez", 1.0 / 5.0)]),
    row("wide_all", "fetch 10 000 x 50, read every cell", &[Times(BARE, 1.0)]),
    row("execute_many", "execute_many of 100 000 rows", &[Times(BARE, 1.1)]),
    row("bulk_sqlite", "bulk_insert of 100 000 rows", &[Times(BARE, 1.1)]),
    row("hop", "hop: SELECT of nothing through the worker, median", &[Over(BARE, 10e-6)]),
    row("hop_p99", "the same: 99 of 100 take less", &[]),
    row("hop_p999", "the same: 999 of 1 000 take less", &[]),
    row("acquire", "acquire a connection and give it back", &[]),
    row("connect", "open, first query, close", &[]),
    memory("idle_memory", "memory for each idle connection", &[Over(BARE, 64.0 * 1024.0)]),
    row("stream_10m", "stream 10 million rows, for each row", &[Times("pontoon fetch_all", 1.0)]),
    memory("stream_10m_memory", "stream 10 million rows, peak memory", &[AtMost(64.0 * MEBIBYTE)]),
    // At least 0.9 times the rate of four threads with a connection each.
    row("pool_64", "64 threads, pool of 4, 1 ms statements", &[Times(BARE, 1.0 / 0.9)]),
    count("pool_64_wait", "the same: longest call, in medians", &[AtMost(4.0)]),
    count("cycles_threads", "10 000 x open and close: threads more", &[AtMost(0.0)]),
    count("cycles_files", "10 000 x open and close: files more", &[AtMost(0.0)]),
    memory("cycles_memory", "10 000 x open and close: memory more", FLAT),
    count("queries_threads", "1 000 000 queries: threads more", &[AtMost(0.0)]),
    count("queries_files", "1 000 000 queries: files more", &[AtMost(0.0)]),
    memory("queries_memory", "1 000 000 queries: memory more", FLAT),
    // SQLite, awaited.
    row(
        "await_point",
        "point query, awaited",
        &[Times("sqlx", 0.5), Best(&["tokio-rusqlite", "async-sqlite", "deadpool-sqlite"], 1.1)],
    ),
    row("await_join", "100 statements at once, one connection", &[Times("pontoon loop", 1.3)]),
    row("await_run", "`run` of 100 statements, awaited", &[Times(BARE, 1.1)]),
    // At least three times the rows a second.
    row("await_stream", "stream 100 000 x 5, awaited", &[Times("sqlx", 1.0 / 3.0)]),
    row("await_drop", "drop of a pending future, workers stuck: 99th percentile", &[AtMost(100e-6)]),
    row("await_drop_database", "drop of a database, workers stuck: 99th percentile", &[AtMost(100e-6)]),
    // A server, from threads.
    row("server_point", "point query, through the database", &[Times("postgres", 1.25), Times("mysql", 1.25)]),
    row("server_fetch_all", "fetch 100 000 x 5, read every cell", &[Times("postgres", 1.1), Times("mysql", 1.1)]),
    row(
        "bulk_copy",
        "bulk_insert of 100 000 x 5, for each row",
        &[Times("postgres copy", 1.2), Times("pontoon execute", 1.0 / 20.0)],
    ),
    row("server_execute_many", "execute_many of 5 000 rows, for each row", &[]),
    row("bulk_insert", "bulk_insert of 100 000 x 5, for each row", &[Times("pontoon execute", 1.0 / 4.0)]),
    row("bulk_load_data", "the same by LOAD DATA", &[Times("pontoon execute", 1.0 / 10.0)]),
    row("stream_5m", "stream 5 million rows, for each row", &[]),
    memory("stream_5m_memory", "stream 5 million rows, peak memory", &[AtMost(64.0 * MEBIBYTE)]),
    row("stream_left", "leave a stream of 2 million rows after one, and the next statement", &[AtMost(50e-3)]),
    row("deadline", "server halted: back after the deadline", &[AtMost(50e-3)]),
    row("restart", "server restarted: first success after a raw one", &[AtMost(1.1)]),
    // A server, awaited.
    row("server_await_point", "point query, awaited", &[Times("sqlx", 1.0), Times("deadpool-postgres", 1.3)]),
    row("server_tasks", "1 000 tasks, pool of 10, for each statement", &[Times("sqlx", 1.0)]),
    memory("waiting_memory", "10 000 waiting tasks: memory more", &[AtMost(20.0 * MEBIBYTE)]),
    count("waiting_threads", "10 000 waiting tasks: threads more", &[AtMost(0.0)]),
    // ODBC. At least 0.8 times the rows a second of arrow-odbc, and 1.7 times those of a call for each cell.
    row("odbc_postgres_point", "PostgreSQL: point query, through the database", &[]),
    row(
        "odbc_postgres_fetch_all",
        "PostgreSQL: fetch 100 000 x 5, read every cell",
        &[Times("arrow-odbc", 1.0 / 0.8), Times("SQLGetData", 1.0 / 1.7)],
    ),
    row("odbc_mysql_point", "MariaDB: point query, through the database", &[]),
    row("odbc_mysql_fetch_all", "MariaDB: fetch 100 000 x 5, read every cell", &[Times("SQLGetData", 1.0)]),
    row("odbc_mysql_bulk", "MariaDB: bulk_insert of 100 000 x 5, for each row", &[Times("pontoon execute", 1.0 / 5.0)]),
    row("odbc_sqlite_point", "SQLite: point query, through the database", &[]),
    row("odbc_sqlite_fetch_all", "SQLite: fetch 100 000 x 5, read every cell", &[Times("SQLGetData", 1.0)]),
    // Driver hosts: a process in between. Half a million rows a second of Java; of Python what its own loop takes.
    row("jdbc_point", "point query, through the database", &[Times("echo", 2.5)]),
    row("jdbc_fetch_all", "fetch 100 000 x 5, read every cell", &[AtMost(0.2)]),
    row("jdbc_start", "start of the host, to the first answer", &[AtMost(0.5)]),
    row("jdbc_stream", "stream 10 million rows, for each row", &[]),
    memory("jdbc_stream_memory", "stream 10 million rows, peak memory", &[AtMost(64.0 * MEBIBYTE)]),
    memory("jdbc_stream_host", "the same: memory more of the host after a tenth of them", FLAT),
    row("dbapi_point", "point query, through the database", &[]),
    row("dbapi_fetch_all", "fetch 100 000 x 5, read every cell", &[Times("python", 1.6)]),
    row("dbapi_start", "start of the host, to the first answer", &[AtMost(0.2)]),
    row("dbapi_stream", "stream 10 million rows, for each row", &[]),
    memory("dbapi_stream_memory", "stream 10 million rows, peak memory", &[AtMost(64.0 * MEBIBYTE)]),
    memory("dbapi_stream_host", "the same: memory more of the host after a tenth of them", FLAT),
];

const fn row(id: &'static str, title: &'static str, targets: &'static [Target]) -> RowSpec {
    RowSpec { id, title, unit: Unit::Seconds, targets }
}

const fn count(id: &'static str, title: &'static str, targets: &'static [Target]) -> RowSpec {
    RowSpec { id, title, unit: Unit::Count, targets }
}

const fn memory(id: &'static str, title: &'static str, targets: &'static [Target]) -> RowSpec {
    RowSpec { id, title, unit: Unit::Bytes, targets }
}

impl RowSpec {
    /// What is promised beside the rivals that the row's own targets do not name.
    pub fn beside_rivals(&self) -> Vec<Target> {
        let named = |rival: &str| self.targets.iter().any(|target| matches!(target, Times(peer, _) if *peer == rival));
        let rivals = RIVALS.iter().filter(|(rival, _)| matches!(self.unit, Unit::Seconds) && !named(rival));
        rivals.map(|(rival, times)| Times(rival, *times)).collect()
    }
}

impl Unit {
    /// A value as people read it.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Seconds if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
            Unit::Seconds if value >= 1e-6 => format!("{:.2} us", value * 1e6),
            Unit::Seconds => format!("{:.0} ns", value * 1e9),
            Unit::Bytes if value.abs() < 1024.0 * 1024.0 && value != 0.0 => format!("{:.0} KiB", value / 1024.0),
            Unit::Bytes => format!("{:.1} MiB", value / (1024.0 * 1024.0)),
            Unit::Count => format!("{value:.1}"),
        }
    }
}

impl Target {
    /// As it stands in the table.
    pub fn show(self, unit: Unit) -> String {
        match self {
            Target::Times(peer, times) => format!("<= {times:.2} x {peer}"),
            Target::Best(_, times) => format!("<= {times:.2} x the best of the others"),
            Target::Over(peer, more) => format!("<= {peer} + {}", unit.show(more)),
            Target::AtMost(most) => format!("<= {}", unit.show(most)),
        }
    }

    /// Whether a median keeps to it, if what it is compared with was measured.
    pub fn is_met(self, value: f64, of_peer: impl Fn(&str) -> Option<f64>) -> Option<bool> {
        let most = match self {
            Target::Times(peer, times) => of_peer(peer)? * times,
            Target::Best(peers, times) => peers.iter().filter_map(|peer| of_peer(peer)).min_by(f64::total_cmp)? * times,
            Target::Over(peer, more) => of_peer(peer)? + more,
            Target::AtMost(most) => most,
        };
        Some(value <= most)
    }
}
