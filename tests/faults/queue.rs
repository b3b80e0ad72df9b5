//! More calls than a connection, or a database, lets wait.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Connection, Effect, ErrorKind, RowStream};

use crate::kit::script::{Ears, Gate, Method, Rule, Script};
use crate::kit::{LeakMeter, Probe, case, within};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, start, timed};

/// How many calls may wait for one connection.
const A_CONNECTION: usize = 1024;

/// How many calls may wait for all connections of a database together.
const A_DATABASE: usize = 16_384;

/// A scripted database whose queries block.
fn blocked(size: usize) -> (Script, Gate, Database) {
    let script = Script::new().table("t");
    let gate = script.gate("the queries");
    script.add(Rule::on(Method::Query).block(&gate, Ears::DEAF));
    let db = script.builder().pool_size(size).timeout(Some(LONG)).open().unwrap();
    (script, gate, db)
}

/// Fills a connection's queue up to its bound. The first query runs, the others wait; a stream waits for nothing when
/// it is opened.
fn fill<'c>(connection: &'c Connection, gate: &Gate, calls: usize) -> Vec<RowStream<'c>> {
    let others = gate.blocked();
    let mut streams = vec![connection.iterate("SELECT n FROM t", ()).unwrap()];
    gate.wait_blocked_by(others + 1);
    streams.extend((0..calls).map(|_| connection.iterate("SELECT n FROM t", ()).unwrap()));
    streams
}

#[test]
fn past_the_bound_of_a_connection_a_call_waits_to_its_deadline() {
    ends(|| {
        let (script, gate, db) = blocked(1);
        let connection = db.connection().unwrap();
        let streams = fill(&connection, &gate, A_CONNECTION);
        let probe = Probe::start();
        let (result, took) = timed(|| connection.fetch_all(Query::new("SELECT n FROM t").timeout(SHORT), ()));
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::QueueFull, Effect::NotSent));
        probe.assert_within("a call to a full queue", took - SHORT, LEAVES_WITHIN);
        let (result, took) = timed(|| connection.iterate(Query::new("SELECT n FROM t").timeout(SHORT), ()));
        assert_eq!(result.map(drop).unwrap_err().kind(), ErrorKind::QueueFull);
        probe.assert_within("a stream on a full queue", took - SHORT, LEAVES_WITHIN);
        // One place comes free, and the next call has it.
        gate.pass(1);
        gate.wait_blocked();
        script.wait_ended(Method::Query, 1);
        let next = connection.iterate(Query::new("SELECT n FROM t").timeout(LONG), ()).unwrap();
        gate.open();
        for stream in streams.into_iter().chain([next]) {
            assert_eq!(stream.count(), 0);
        }
        assert_eq!(script.count(Method::Query), A_CONNECTION + 2);
        script.assert_contract();
    });
}

#[test]
fn past_the_bound_of_a_database_a_call_waits_though_its_own_connection_has_room() {
    ends(|| {
        let connections = A_DATABASE / A_CONNECTION;
        let (script, gate, db) = blocked(connections + 1);
        let leases: Vec<Connection> = (0..=connections)
            .map(|_| {
                let db = db.clone();
                start("holder", move || db.connection().unwrap()).join().unwrap()
            })
            .collect();
        let mut streams = Vec::new();
        for connection in &leases[..connections] {
            streams.extend(fill(connection, &gate, A_CONNECTION));
        }
        let free = &leases[connections];
        let error = free.fetch_all(Query::new("SELECT n FROM t").timeout(SHORT), ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::QueueFull, Effect::NotSent));
        gate.open();
        assert_eq!(free.fetch_all("SELECT n FROM t", ()).unwrap().len(), 0);
        assert_eq!(streams.into_iter().map(Iterator::count).sum::<usize>(), 0);
        script.assert_contract();
    });
}

#[test]
fn a_dropped_handle_speaks_though_the_queue_is_full() {
    ends(|| {
        let (script, gate, db) = blocked(1);
        let connection = db.connection().unwrap();
        let tx = connection.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let streams = fill(&connection, &gate, A_CONNECTION);
        let probe = Probe::start();
        let ((), took) = timed(|| drop(tx));
        probe.assert_within("the drop of a transaction", took, Duration::from_millis(1));
        gate.open();
        drop(streams);
        drop(connection);
        script.wait_ended(Method::Rollback, 1);
        assert_eq!((script.count(Method::Rollback), script.committed("t")), (1, vec![]));
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

#[test]
fn a_call_whose_caller_left_before_it_started_never_runs() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the first insert");
        script.add(Rule::on(Method::Execute).text("(1)").block(&gate, Ears::DEAF));
        let db = script.builder().pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        let first = {
            let connection = connection.clone();
            start("first", move || connection.execute("INSERT INTO t VALUES (1)", ()).map(drop))
        };
        gate.wait_blocked();
        let probe = Probe::start();
        let (result, took) = timed(|| connection.execute(Query::new("INSERT INTO t VALUES (2)").timeout(SHORT), ()));
        probe.assert_within("a call behind another one", took - SHORT, LEAVES_WITHIN);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotSent));
        // A stream that nobody reads, before it began, is the same.
        drop(connection.iterate("SELECT n FROM t", ()).unwrap());
        gate.open();
        first.join().unwrap().unwrap();
        connection.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        assert_eq!(script.count(Method::Query), 0, "{:#?}", script.trace());
        assert_eq!(db.snapshot().counters.discarded, 0);
    });
}

#[test]
fn calls_that_find_no_room_cost_no_memory() {
    case!(|_| within(Duration::from_secs(100), || {
        let (_script, gate, db) = blocked(1);
        let connection = db.connection().unwrap();
        let streams = fill(&connection, &gate, A_CONNECTION);
        let refused = || {
            let query = Query::new("SELECT n FROM t").timeout(Duration::ZERO);
            assert_eq!(connection.fetch_all(query, ()).unwrap_err().kind(), ErrorKind::QueueFull);
        };
        (0..1000).for_each(|_| refused());
        let meter = LeakMeter::start();
        (0..300_000).for_each(|_| refused());
        meter.assert_memory_within(16 << 20);
        gate.open();
        drop(streams);
    }))
    .limit(Duration::from_secs(120))
    .pass();
}
