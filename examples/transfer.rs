//! Copies the rows of a table from any database to any other, in batches, inside one transaction:
//!
//! ```text
//! cargo run --example transfer --all-features -- sqlite:shop.db postgresql://app:secret@db/shop orders
//! cargo run --example transfer --all-features -- mssql://sa:secret@old/shop mariadb://app:secret@new/shop orders
//! ```
//!
//! The table is there already at the other end, with columns of the same names; whatever is in it stays. Either all rows
//! arrive or none does. Of the rows no more than a few batches are in memory at any time, however many there are, unless
//! the driver of the database that they come from reads a whole result by itself, as most ODBC drivers do.
//!
//! The URLs are those of whoever runs this program, on their own machine, and so they may name code to be loaded, such as
//! the file of an ODBC driver: `allow_code_options` is set. A program that takes URLs from others leaves it alone.

#![allow(clippy::print_stdout, reason = "an example says what it has done")]

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pontoon::Query;
use pontoon::prelude::*;

/// The rows that go over at once.
const BATCH: usize = 1000;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, table] = arguments.as_slice() else {
        println!("transfer FROM TO TABLE: two URLs, and the name of a table that both have");
        std::process::exit(2);
    };
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} rows, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let rows = run(from, to, table, |progress| match progress {
        Progress::Found(rows) => bar.set_length(rows),
        Progress::Sent(rows) => bar.inc(rows),
    })?;
    bar.finish();
    println!("{rows} rows of {table} are there.");
    Ok(())
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// So many rows are there to be sent. Others may come meanwhile.
    Found(u64),
    /// So many more have been sent.
    Sent(u64),
}

/// Copies a table and tells how far it has come. Returns the number of rows.
pub(crate) fn run(from: &str, to: &str, table: &str, mut tell: impl FnMut(Progress)) -> Result<u64, Error> {
    let (from, to) = (open(from)?, open(to)?);
    let name = from.dialect().quote_ident(table)?.into_owned();
    if let Some(rows) = from.fetch_val::<u64>(format!("SELECT count(*) FROM {name}"), ())? {
        tell(Progress::Found(rows));
    }
    // No time is long for the whole of it: the deadline of a stream is for each batch.
    let select = Query::new(format!("SELECT * FROM {name}")).batch_rows(BATCH);
    let mut sent = 0;
    let tx = to.begin()?;
    for batch in from.batches(select, ())? {
        let batch = batch?;
        let Some(columns) = batch.columns() else { continue };
        let columns: Vec<&str> = columns.names().collect();
        let report = tx.bulk_insert(table, &columns, batch.iter().map(|row| row.to_values()))?;
        sent += report.rows;
        tell(Progress::Sent(report.rows));
    }
    tx.commit()?;
    for db in [from, to] {
        db.close(Duration::from_secs(10));
    }
    Ok(sent)
}

fn open(url: &str) -> Result<Database, Error> {
    Database::builder().url(url).allow_code_options(true).pool_size(1).open()
}
