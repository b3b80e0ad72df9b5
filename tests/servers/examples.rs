//! The examples that have a server, on real ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use pontoon::driver::BulkPath;

use crate::kit::servers::PRIMARY;
use crate::subject::{Subject, await_that, join, start};

#[allow(dead_code, reason = "the example as it is, with its main")]
#[path = "../../examples/failover.rs"]
mod failover;
#[allow(dead_code, reason = "the example as it is, with its main")]
#[path = "../../examples/postgres_copy.rs"]
mod postgres_copy;
#[allow(dead_code, reason = "the example as it is, with its main")]
#[path = "../../examples/quickstart.rs"]
mod quickstart;

tests! { examples:
    the_first_look_is_the_same_on_every_database
    rows_go_in_in_bulk_and_come_out_as_they_were
    what_was_acknowledged_is_there_after_a_failover
}

pub(crate) fn the_first_look_is_the_same_on_every_database(on: &Subject) {
    let Some(database) = on.shared() else { return };
    quickstart::run(&database.url()).unwrap();
}

pub(crate) fn rows_go_in_in_bulk_and_come_out_as_they_were(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let path = postgres_copy::run(&database.url(), 3_000).unwrap();
    assert_eq!(path == BulkPath::Copy, on.is_postgres(), "{path:?}");
}

/// The primary is killed in the midst of writing, and its standby promoted.
pub(crate) fn what_was_acknowledged_is_there_after_a_failover(on: &Subject) {
    if !on.is_postgres() {
        return;
    }
    let Some(mut primary) = on.private_with(PRIMARY, &[]) else { return };
    primary.console().run("CREATE DATABASE kept");
    let standby = primary.standby();
    primary.commit_with_a_standby();
    let one = format!("127.0.0.1:{}", primary.port());
    let two = format!("127.0.0.1:{}", standby.port());
    let url = primary.url("kept").replace(&one, &format!("{one},{two}"));
    let written = Arc::new(AtomicI64::new(0));
    let ends = Arc::new(AtomicBool::new(false));
    let writer = {
        let (written, ends) = (Arc::clone(&written), Arc::clone(&ends));
        start("writer", move || {
            failover::run(&url, |number| {
                written.store(number, Ordering::SeqCst);
                !ends.load(Ordering::SeqCst)
            })
        })
    };
    await_that("rows are written", || written.load(Ordering::SeqCst) >= 50 || writer.is_finished());
    primary.kill9();
    let before = written.load(Ordering::SeqCst);
    standby.promote();
    await_that("it goes on", || written.load(Ordering::SeqCst) >= before + 50 || writer.is_finished());
    ends.store(true, Ordering::SeqCst);
    // It has looked whether all that was acknowledged is there.
    let report = join(writer).unwrap();
    assert!(report.acknowledged >= before + 50, "{report:?}");
    assert_eq!(report.servers, [one, two], "{report:?}");
    assert!(report.failed + report.unknown > 0, "nobody noticed that the server was killed: {report:?}");
}
