//! Counters and histograms: what a database has done, and how long it took.
//!
//! Every connection counts its own work, in numbers that one thread at a time changes: no two threads ever wait for the
//! same line of memory. They are put together when somebody asks.

mod counters;
mod histogram;
mod meter;

pub use counters::Counters;
pub use histogram::Histogram;

pub(crate) use meter::{Meter, Run};

use std::fmt;

/// What a database has done since it was made, all its connections together; see
/// [`Database::metrics`](crate::Database::metrics). `Display` prints it as a table.
///
/// Every number only grows, over [`close`](crate::Database::close) and another connect too: take two and subtract.
///
/// Statements on a worker are all timed. Those that run on their caller's own thread (SQLite's short reads) are so quick
/// that looking at the clock would show: beyond the first 1,024 of a connection one in sixty-four is timed and counts
/// for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How often a connection was taken from the pool.
    pub acquired: u64,
    /// Of those, the ones that had to wait for one to come free, to be asked whether it lives, or to be opened: how long.
    pub acquire: Histogram,
    /// How long it took to open a connection.
    pub connect: Histogram,
    /// From putting a job into the queue of a connection to its start on the worker's thread.
    pub hop: Histogram,
    /// Jobs that were carried out on the threads of workers.
    pub jobs: u64,
    /// Jobs that were carried out on their callers' own threads.
    pub lent: u64,
    /// Statements that were begun.
    pub statements: u64,
    /// From the start of a statement to its first rows, or to its end if it has none.
    pub execute: Histogram,
    /// From the first rows of a statement to its end; for a stream this has the time of its reader in it.
    pub fetch: Histogram,
    /// Statements that ended in an error.
    pub failed: u64,
    /// Of those, the ones that ended at their deadline.
    pub timed_out: u64,
    /// Rows that were read.
    pub rows: u64,
    /// How many bytes they took up, as they are held here.
    pub bytes: u64,
    /// Transactions begun; those inside of others are not counted.
    pub transactions: u64,
    /// Of those, committed.
    pub committed: u64,
    /// Of those, rolled back.
    pub rolled_back: u64,
    /// Commits whose outcome nobody knows: sent, and not answered.
    pub commits_unknown: u64,
    /// Cancels that were sent to the database.
    pub cancels: u64,
    /// Of those, the ones that had not come back when their statement had; the connection was given up for it.
    pub cancels_late: u64,
    /// Connections whose socket was cut because a cancel was not enough.
    pub severed: u64,
    /// Calls that did not come back from their driver in time although cancelled and cut off.
    pub stuck: u64,
    /// Why connections were thrown away.
    pub discards: Discards,
    /// What happened to the connections of the pool.
    pub pool: Counters,
}

/// Why connections were thrown away; together they are [`Counters::discarded`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Discards {
    /// An error, or a cancel that may still be on its way, left it in a state that nobody can vouch for.
    pub broken: u64,
    /// It could not be made clean for its next borrower.
    pub unclean: u64,
    /// It gave no sign of life after idling.
    pub silent: u64,
    /// The driver, or a closure that was shipped to it, panicked.
    pub panicked: u64,
    /// Its driver did not come back from a call.
    pub stuck: u64,
}

impl Metrics {
    /// Together with those of another time or pool.
    pub(crate) fn add(&mut self, other: &Metrics) {
        let Metrics {
            acquired,
            acquire,
            connect,
            hop,
            jobs,
            lent,
            statements,
            execute,
            fetch,
            failed,
            timed_out,
            rows,
            bytes,
            transactions,
            committed,
            rolled_back,
            commits_unknown,
            cancels,
            cancels_late,
            severed,
            stuck,
            discards,
            pool,
        } = other;
        for (sum, more) in [
            (&mut self.acquire, acquire),
            (&mut self.connect, connect),
            (&mut self.hop, hop),
            (&mut self.execute, execute),
            (&mut self.fetch, fetch),
        ] {
            sum.add(more);
        }
        for (sum, more) in [
            (&mut self.acquired, acquired),
            (&mut self.jobs, jobs),
            (&mut self.lent, lent),
            (&mut self.statements, statements),
            (&mut self.failed, failed),
            (&mut self.timed_out, timed_out),
            (&mut self.rows, rows),
            (&mut self.bytes, bytes),
            (&mut self.transactions, transactions),
            (&mut self.committed, committed),
            (&mut self.rolled_back, rolled_back),
            (&mut self.commits_unknown, commits_unknown),
            (&mut self.cancels, cancels),
            (&mut self.cancels_late, cancels_late),
            (&mut self.severed, severed),
            (&mut self.stuck, stuck),
            (&mut self.discards.broken, &discards.broken),
            (&mut self.discards.unclean, &discards.unclean),
            (&mut self.discards.silent, &discards.silent),
            (&mut self.discards.panicked, &discards.panicked),
            (&mut self.discards.stuck, &discards.stuck),
        ] {
            *sum += more;
        }
        self.pool.add(pool);
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pool, discards) = (&self.pool, &self.discards);
        writeln!(f, "acquired      {}, {} timed out", self.acquired, pool.timeouts)?;
        writeln!(f, "  had to wait {}", self.acquire)?;
        writeln!(f, "  connected   {}", self.connect)?;
        writeln!(f, "jobs          {} on workers, {} on their callers' threads", self.jobs, self.lent)?;
        writeln!(f, "  hop         {}", self.hop)?;
        writeln!(f, "statements    {}, {} failed, {} of them timed out", self.statements, self.failed, self.timed_out)?;
        writeln!(f, "  execute     {}", self.execute)?;
        writeln!(f, "  fetch       {}", self.fetch)?;
        writeln!(f, "  rows        {} in {} bytes", self.rows, self.bytes)?;
        writeln!(
            f,
            "transactions  {}, {} committed, {} rolled back, {} unknown",
            self.transactions, self.committed, self.rolled_back, self.commits_unknown
        )?;
        writeln!(
            f,
            "cancels       {}, {} late; {} connections cut, {} calls stuck",
            self.cancels, self.cancels_late, self.severed, self.stuck
        )?;
        write!(
            f,
            "connections   {} opened, {} failed to open, {} closed, {} discarded ({} broken, {} unclean, {} silent, \
             {} panicked, {} stuck), {} leaks",
            pool.opened,
            pool.connect_failures,
            pool.closed,
            pool.discarded,
            discards.broken,
            discards.unclean,
            discards.silent,
            discards.panicked,
            discards.stuck,
            pool.leaks
        )
    }
}
