//! A program that goes on when its server does not. Give it the URL of a PostgreSQL primary and its standby, end the
//! primary, promote the standby, and see:
//!
//! ```text
//! cargo run --example failover --features postgres -- 'postgresql://app:secret@one.example,two.example/shop'
//! ```
//!
//! Three things make that so. The URL names both servers, and `target_session_attrs=read-write` has each connection look
//! for the one that can be written to. Every row has a number of the program's own, so that it can be written again when
//! nobody knows what became of it. And the primary acknowledges what the standby has (`synchronous_standby_names`):
//! without that the newest of what was acknowledged can be lost with it, and no client can help that.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::time::{Duration, Instant};

use pontoon::prelude::*;

/// How long a row may take to be written, over all attempts.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The rows 1 to this one were acknowledged, and all of them are there.
    pub(crate) acknowledged: i64,
    /// Attempts that failed and are known to have done nothing.
    pub(crate) failed: u32,
    /// Attempts of which nobody knows what they did.
    pub(crate) unknown: u32,
    /// The servers that acknowledged them, in their order.
    pub(crate) servers: Vec<String>,
}

fn main() -> Result<(), Error> {
    let Some(url) = std::env::args().nth(1) else {
        println!("failover <URL of a primary and its standby>, for half a minute");
        return Ok(());
    };
    let begun = Instant::now();
    let report = run(&url, |number| {
        if number % 1000 == 0 {
            println!("{number} rows");
        }
        begun.elapsed() < Duration::from_secs(30)
    })?;
    println!("{report:?}");
    Ok(())
}

/// Writes rows, one transaction each, for as long as it is told to go on; then looks whether all of them are there.
pub(crate) fn run(url: &str, mut goes_on: impl FnMut(i64) -> bool) -> Result<Report, Error> {
    let mut builder = Database::builder().url(url).acquire_timeout(PATIENCE).timeout(Some(PATIENCE));
    if !url.contains("target_session_attrs=") {
        builder = builder.option("target_session_attrs", "read-write");
    }
    let db = builder.open()?;
    db.execute_script(
        "DROP TABLE IF EXISTS failover_rows; CREATE TABLE failover_rows (number BIGINT PRIMARY KEY, server TEXT)",
    )?;
    let mut report = Report::default();
    while goes_on(report.acknowledged) {
        let number = report.acknowledged + 1;
        let server = write(&db, number, &mut report)?;
        report.acknowledged = number;
        if report.servers.last() != Some(&server) {
            println!("row {number} is at {server}");
            report.servers.push(server);
        }
    }
    let kept: Option<i64> = db.fetch_val("SELECT count(*) FROM failover_rows", ())?;
    assert_eq!(kept, Some(report.acknowledged), "what was acknowledged is there, once");
    db.execute_script("DROP TABLE failover_rows")?;
    db.close(Duration::from_secs(5));
    Ok(report)
}

/// Writes one row, again and again until a server acknowledges it; says which.
fn write(db: &Database, number: i64, report: &mut Report) -> Result<String, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let written = db.transaction(|tx| {
            let server: Option<String> = tx
                .fetch_val("SELECT coalesce(host(inet_server_addr()), 'here') || ':' || current_setting('port')", ())?;
            // An earlier attempt may have come through without a word.
            tx.execute(
                "INSERT INTO failover_rows VALUES (:number, :server) ON CONFLICT (number) DO NOTHING",
                params! { number: number, server: &server },
            )?;
            Ok::<_, Error>(server.unwrap_or_default())
        });
        match written {
            Ok(server) => return Ok(server),
            Err(error) if !is_outage(&error) || Instant::now() >= until => return Err(error),
            Err(error) => {
                println!("row {number}: {error}");
                match error.effect() {
                    pontoon::Effect::Unknown => report.unknown += 1,
                    _ => report.failed += 1,
                }
            }
        }
    }
}

/// Whether another server, or the same one later, can do what this one could not. The pause before the next attempt to
/// connect is the pool's business.
fn is_outage(error: &Error) -> bool {
    use ErrorKind::{CommitUnknown, ConnectFailed, ConnectionLost, ReadOnly, ServerBusy, TransactionLost};
    error.is_retryable()
        || matches!(
            error.kind(),
            CommitUnknown | ConnectFailed | ConnectionLost | ReadOnly | ServerBusy | TransactionLost
        )
}
