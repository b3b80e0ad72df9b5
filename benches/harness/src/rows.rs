//! The rows of the table, and what is promised of each.

/// A row.
pub struct RowSpec {
    pub id: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    pub target: Target,
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
    /// So many seconds over that of a peer.
    Over(&'static str, f64),
    /// So much.
    AtMost(f64),
}

const BARE: &str = "rusqlite";

pub const ROWS: &[RowSpec] = &[
    row("point_held", "point query, held connection", Target::Times(BARE, 1.25)),
    row("point_db", "point query, through the database", Target::Over(BARE, 0.7e-6)),
    row("point_worker", "point query, through the worker", Target::Over(BARE, 10e-6)),
    row("insert_1000", "1 000 inserts in a transaction", Target::Times(BARE, 1.3)),
    row("fetch_all", "fetch 100 000 x 5, read every cell", Target::Times(BARE, 1.0)),
    row("execute_many", "execute_many of 100 000 rows", Target::Times(BARE, 1.1)),
    row("stream_10m", "stream 10 million rows, for each row", Target::Times("pontoon fetch_all", 1.0)),
    RowSpec {
        id: "stream_10m_memory",
        title: "stream 10 million rows, peak memory",
        unit: Unit::Bytes,
        target: Target::AtMost(64.0 * 1024.0 * 1024.0),
    },
    // At least 0.9 times the rate of four threads with a connection each.
    row("pool_64", "64 threads, pool of 4, 1 ms statements", Target::Times(BARE, 1.0 / 0.9)),
    count("pool_64_wait", "the same: longest call, in medians", 4.0),
    count("cycles_threads", "10 000 x open and close: threads more", 0.0),
    count("cycles_files", "10 000 x open and close: files more", 0.0),
    memory("cycles_memory", "10 000 x open and close: memory more"),
    count("queries_threads", "1 000 000 queries: threads more", 0.0),
    count("queries_files", "1 000 000 queries: files more", 0.0),
    memory("queries_memory", "1 000 000 queries: memory more"),
];

const fn row(id: &'static str, title: &'static str, target: Target) -> RowSpec {
    RowSpec { id, title, unit: Unit::Seconds, target }
}

const fn count(id: &'static str, title: &'static str, at_most: f64) -> RowSpec {
    RowSpec { id, title, unit: Unit::Count, target: Target::AtMost(at_most) }
}

/// Flat: no more than a page cache and an allocator may breathe.
const fn memory(id: &'static str, title: &'static str) -> RowSpec {
    RowSpec { id, title, unit: Unit::Bytes, target: Target::AtMost(1024.0 * 1024.0) }
}

impl Unit {
    /// A value as people read it.
    pub fn show(self, value: f64) -> String {
        match self {
            Unit::Seconds if value >= 1e-3 => format!("{:.2} ms", value * 1e3),
            Unit::Seconds if value >= 1e-6 => format!("{:.2} us", value * 1e6),
            Unit::Seconds => format!("{:.0} ns", value * 1e9),
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
            Target::Over(peer, more) => format!("<= {peer} + {}", unit.show(more)),
            Target::AtMost(most) => format!("<= {}", unit.show(most)),
        }
    }

    /// Whether a median keeps to it, if what it is compared with was measured.
    pub fn is_met(self, value: f64, of_peer: impl Fn(&str) -> Option<f64>) -> Option<bool> {
        Some(
            value
                <= match self {
                    Target::Times(peer, times) => of_peer(peer)? * times,
                    Target::Over(peer, more) => of_peer(peer)? + more,
                    Target::AtMost(most) => most,
                },
        )
    }
}
