//! The scripted database of the test kit, straight on the driver seam: what it is told to do is what happens, and what
//! happened is what it tells.

mod kit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kit::script::{CommitEnd, Ears, Fate, Method, Outcome, RawScript, Rule, Script};
use kit::within;
use pontoon::config::Config;
use pontoon::driver::{Call, CommitOutcome, Fence, Flow, Link, LinkState, Reset, RowSink, Source};
use pontoon::prelude::*;
use pontoon::row::{Batch, Columns};
use pontoon::sql::{Sets, Statement, TxOptions};
use pontoon::value::{Value, ValueRef};
use pontoon::{BulkPath, ErrorKind, Params, Result};

const LIMIT: Duration = Duration::from_secs(60);

fn source(script: &Script) -> Arc<dyn Source> {
    let driver = script.driver();
    driver.open(&Config::from_url(Script::URL, driver.schemes()).unwrap()).unwrap()
}

fn connect(script: &Script) -> Box<dyn Link> {
    source(script).connect(&call()).unwrap()
}

fn call() -> Call<'static> {
    Call::until(None)
}

fn execute(link: &mut dyn Link, sql: &str) -> Result<u64> {
    execute_on(link, &call(), sql)
}

fn execute_on(link: &mut dyn Link, call: &Call<'_>, sql: &str) -> Result<u64> {
    let statement = Statement::parse(sql, link.dialect())?;
    Ok(link.execute(call, &statement.bind(Params::None)?)?.rows_affected)
}

/// Keeps the integers of the first column.
#[derive(Default)]
struct Numbers {
    numbers: Vec<i64>,
    stop_at: Option<usize>,
    batch_rows: usize,
    /// Run between two batches, on the second way in.
    between: Option<&'static str>,
    was_nested: bool,
}

impl RowSink for Numbers {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        self.batch_rows.max(1)
    }

    fn batch(&mut self, batch: Batch, again: Option<&mut dyn Link>) -> Result<Flow> {
        for row in 0..batch.len() {
            match batch.value(row, 0) {
                Some(ValueRef::I64(number)) => self.numbers.push(number),
                other => panic!("no integer but {other:?}"),
            }
        }
        if let (Some(link), Some(sql)) = (again, self.between) {
            self.was_nested = true;
            execute(link, sql)?;
        }
        let is_enough = self.stop_at.is_some_and(|stop| self.numbers.len() >= stop);
        Ok(if is_enough { Flow::Stop } else { Flow::Continue })
    }
}

fn query_into(link: &mut dyn Link, sql: &str, sink: &mut Numbers) -> Result<()> {
    let statement = Statement::parse(sql, link.dialect())?;
    link.query(&call(), &statement.bind(Params::None)?, sink)
}

fn numbers(link: &mut dyn Link, sql: &str) -> Result<Vec<i64>> {
    let mut sink = Numbers::default();
    query_into(link, sql, &mut sink).map(|()| sink.numbers)
}

fn begin(link: &mut dyn Link) {
    link.begin(&call(), &TxOptions::new()).unwrap();
}

// ---- the database

#[test]
fn what_is_inserted_can_be_counted_changed_and_deleted() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    assert_eq!(execute(&mut *link, "INSERT INTO t (n) VALUES (1), (2), (-3)").unwrap(), 3);
    assert_eq!(execute(&mut *link, "UPDATE t SET n = 5 WHERE n = 2").unwrap(), 1);
    assert_eq!(execute(&mut *link, "DELETE FROM t WHERE n = 1").unwrap(), 1);
    assert_eq!(numbers(&mut *link, "SELECT n FROM t").unwrap(), [5, -3]);
    assert_eq!(numbers(&mut *link, "SELECT * FROM t WHERE n = 5").unwrap(), [5]);
    assert_eq!(numbers(&mut *link, "SELECT COUNT(*) FROM t").unwrap(), [2]);
    assert_eq!(numbers(&mut *link, "SELECT SUM(n) FROM t").unwrap(), [2]);
    assert_eq!(script.committed("t"), [5, -3]);
    for (sql, kind) in [
        ("SELECT n FROM missing", ErrorKind::UndefinedTable),
        ("INSERT INTO missing VALUES (1)", ErrorKind::UndefinedTable),
        ("INSERT INTO t VALUES ('one')", ErrorKind::InvalidValue),
        ("CREATE TABLE t (n)", ErrorKind::DuplicateObject),
        ("FROBNICATE t", ErrorKind::Syntax),
        ("SELECT COUNT(*) FROM t nonsense", ErrorKind::Syntax),
    ] {
        assert_eq!(execute(&mut *link, sql).unwrap_err().kind(), kind, "{sql}");
    }
    script.assert_contract();
}

#[test]
fn a_transaction_is_seen_by_others_once_it_is_committed() {
    let script = Script::new().table("t");
    let (mut one, mut other) = (connect(&script), connect(&script));
    begin(&mut *one);
    assert_eq!(one.state(), LinkState::Open);
    execute(&mut *one, "INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(numbers(&mut *one, "SELECT n FROM t").unwrap(), [1]);
    assert!(numbers(&mut *other, "SELECT n FROM t").unwrap().is_empty());
    assert_eq!(script.open_transactions(), 1);
    assert!(matches!(one.commit(&call()), CommitOutcome::Committed));
    assert_eq!(one.state(), LinkState::Idle);
    assert_eq!(numbers(&mut *other, "SELECT n FROM t").unwrap(), [1]);

    begin(&mut *one);
    execute(&mut *one, "DELETE FROM t").unwrap();
    one.rollback(&call()).unwrap();
    assert_eq!(script.committed("t"), [1]);
    begin(&mut *one);
    execute(&mut *one, "INSERT INTO t VALUES (2)").unwrap();
    drop(one);
    assert_eq!(script.committed("t"), [1], "what a connection leaves open is rolled back with it");
    assert_eq!(script.open_connections(), 1);
    script.assert_contract();
}

#[test]
fn savepoints_nest_and_are_recorded_by_their_meaning() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    begin(&mut *link);
    execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap();
    link.savepoint(&call(), 1).unwrap();
    execute(&mut *link, "INSERT INTO t VALUES (2)").unwrap();
    link.savepoint(&call(), 2).unwrap();
    execute(&mut *link, "INSERT INTO t VALUES (3)").unwrap();
    link.release(&call(), 2).unwrap();
    link.rollback_to(&call(), 1).unwrap();
    assert_eq!(link.release(&call(), 1).unwrap_err().kind(), ErrorKind::UndefinedObject);
    assert!(matches!(link.commit(&call()), CommitOutcome::Committed));
    link.close().unwrap();
    assert_eq!(script.committed("t"), [1]);
    let expected = [
        "open",
        "1 connect",
        "1 begin",
        "1 execute INSERT INTO t VALUES (1)",
        "1 savepoint pontoon_sp_1",
        "1 execute INSERT INTO t VALUES (2)",
        "1 savepoint pontoon_sp_2",
        "1 execute INSERT INTO t VALUES (3)",
        "1 release pontoon_sp_2",
        "1 rollback to pontoon_sp_1",
        "1 release pontoon_sp_1",
        "1 release pontoon_sp_1 -> UndefinedObject",
        "1 commit",
        "1 close",
    ];
    assert_eq!(script.trace(), expected);
    assert_eq!(script.trace_of(1)[0], "connect");
}

#[test]
fn parameters_scripts_loads_and_settings_reach_the_database() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    let insert = Statement::parse("INSERT INTO t VALUES (:n)", link.dialect()).unwrap();
    let sets = (1..=3).map(|n| Params::Positional(vec![Value::I64(n)]));
    let by_position = Statement::parse("INSERT INTO t VALUES (?)", link.dialect()).unwrap();
    assert_eq!(link.execute_many(&call(), &mut Sets::of(&by_position, &mut { sets })).unwrap(), 3);
    let bound = insert.bind(Params::Named(vec![("n".into(), Value::I64(4))])).unwrap();
    link.execute(&call(), &bound).unwrap();
    let rows = [vec![Value::I64(5)], vec![Value::I64(6)]];
    let loaded = link.bulk_insert(&call(), "t", &["n".into()], &mut rows.into_iter()).unwrap();
    assert_eq!(loaded, (2, BulkPath::Prepared));
    link.batch(&call(), "BEGIN; INSERT INTO t VALUES (7); COMMIT").unwrap();
    assert_eq!(script.committed("t"), [1, 2, 3, 4, 5, 6, 7]);

    execute(&mut *link, "SET search_path = private").unwrap();
    let mut shown = Texts::default();
    let show = Statement::parse("SHOW search_path", link.dialect()).unwrap();
    link.query(&call(), &show.bind(Params::None).unwrap(), &mut shown).unwrap();
    link.reset(&call(), Reset::Light).unwrap();
    link.query(&call(), &show.bind(Params::None).unwrap(), &mut shown).unwrap();
    assert_eq!(shown.0, ["private", "default"]);

    let raw = link.raw().downcast_mut::<RawScript>().unwrap();
    assert_eq!(raw.number(), 1);
    raw.run("BEGIN").unwrap();
    assert_eq!(link.state(), LinkState::Open);
    assert!(script.trace().contains(&"1 execute INSERT INTO t VALUES (?) [4]".into()), "{:#?}", script.trace());
}

#[derive(Default)]
struct Texts(Vec<String>);

impl RowSink for Texts {
    fn columns(&mut self, _columns: &Arc<Columns>) -> Result<()> {
        Ok(())
    }

    fn batch_rows(&self) -> usize {
        8
    }

    fn batch(&mut self, batch: Batch, _again: Option<&mut dyn Link>) -> Result<Flow> {
        match batch.value(0, 0) {
            Some(ValueRef::Text(text)) => self.0.push(text.to_owned()),
            other => panic!("no text but {other:?}"),
        }
        Ok(Flow::Continue)
    }
}

// ---- replies

#[test]
fn scripted_replies_take_the_place_of_the_database() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    script.add(Rule::on(Method::Query).text("magic").rows(&["a"], vec![vec![Value::I64(7)], vec![Value::I64(8)]]));
    assert_eq!(numbers(&mut *link, "SELECT magic").unwrap(), [7, 8]);

    let second = script.add(Rule::on(Method::Execute).text("INSERT").skip(1).once().affected(99));
    assert_eq!(execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap(), 1);
    assert_eq!(execute(&mut *link, "INSERT INTO t VALUES (2)").unwrap(), 99);
    assert_eq!(execute(&mut *link, "INSERT INTO t VALUES (3)").unwrap(), 1);
    assert_eq!((script.hits(second), script.committed("t")), (1, vec![1, 3]));

    let lost = script.add(Rule::on(Method::Execute).lose_answer(ErrorKind::Timeout));
    assert_eq!(execute(&mut *link, "INSERT INTO t VALUES (4)").unwrap_err().kind(), ErrorKind::Timeout);
    script.remove(lost);
    script.add(Rule::on(Method::Execute).once().fail_with(|| {
        pontoon::Error::new(ErrorKind::UniqueViolation, "taken").with_sqlstate("23505").with_constraint("t_pkey")
    }));
    let error = execute(&mut *link, "INSERT INTO t VALUES (5)").unwrap_err();
    assert_eq!((error.sqlstate(), error.constraint()), (Some("23505"), Some("t_pkey")));
    assert_eq!(script.committed("t"), [1, 3, 4]);

    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    script.add(Rule::on(Method::Ping).hook(move |record| {
        assert_eq!(record.connection, 1);
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    link.ping(&call()).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn a_commit_ends_in_each_of_its_four_ways() {
    let script = Script::new().table("t");
    let outcome = |end: CommitEnd| {
        let rule = script.add(Rule::on(Method::Commit).once().commit(end));
        let mut link = connect(&script);
        begin(&mut *link);
        execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap();
        let outcome = link.commit(&call());
        script.remove(rule);
        let committed = script.committed("t").len();
        (outcome, link.state(), committed)
    };
    let (ended, state, rows) = outcome(CommitEnd::Committed);
    assert!(matches!((&ended, state, rows), (CommitOutcome::Committed, LinkState::Idle, 1)), "{ended:?} {state:?}");
    let (ended, state, rows) = outcome(CommitEnd::RolledBack(ErrorKind::Serialization));
    assert!(matches!((&ended, state, rows), (CommitOutcome::RolledBack(_), LinkState::Idle, 1)), "{ended:?} {state:?}");
    let (ended, state, rows) = outcome(CommitEnd::StillOpen(ErrorKind::Busy));
    assert!(matches!((&ended, state, rows), (CommitOutcome::StillOpen(_), LinkState::Open, 1)), "{ended:?} {state:?}");
    let (ended, state, rows) = outcome(CommitEnd::Unknown { applied: false });
    assert!(matches!((&ended, state, rows), (CommitOutcome::Unknown(_), LinkState::Unknown, 1)), "{ended:?} {state:?}");
    let (ended, state, rows) = outcome(CommitEnd::Unknown { applied: true });
    assert!(matches!((&ended, state, rows), (CommitOutcome::Unknown(_), LinkState::Unknown, 2)), "{ended:?} {state:?}");
}

#[test]
fn the_database_can_end_a_transaction_by_itself() {
    for (fate, expected, rows) in [
        (Fate::RolledBack, LinkState::Idle, vec![]),
        (Fate::Committed, LinkState::Idle, vec![1]),
        (Fate::Failed, LinkState::Failed, vec![]),
        (Fate::Broken, LinkState::Unknown, vec![]),
    ] {
        let script = Script::new().table("t");
        let mut link = connect(&script);
        begin(&mut *link);
        execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap();
        script.add(Rule::on(Method::Execute).once().fail(ErrorKind::Deadlock).fate(fate));
        assert_eq!(execute(&mut *link, "INSERT INTO t VALUES (2)").unwrap_err().kind(), ErrorKind::Deadlock);
        assert_eq!((link.state(), script.committed("t")), (expected, rows), "{fate:?}");
    }
}

#[test]
fn an_error_leaves_only_the_end_of_a_transaction_where_the_database_is_such_a_one() {
    let script = Script::new().table("t").aborting();
    let mut link = connect(&script);
    begin(&mut *link);
    link.savepoint(&call(), 1).unwrap();
    execute(&mut *link, "INSERT INTO missing VALUES (1)").unwrap_err();
    assert_eq!(link.state(), LinkState::Failed);
    let error = execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::TransactionAborted, Some("25P02")));
    link.rollback_to(&call(), 1).unwrap();
    assert_eq!(link.state(), LinkState::Open);
    execute(&mut *link, "INSERT INTO missing VALUES (1)").unwrap_err();
    assert!(matches!(link.commit(&call()), CommitOutcome::RolledBack(_)));
    script.assert_contract();
}

#[test]
fn a_state_may_be_a_lie() {
    let script = Script::new();
    let mut link = connect(&script);
    script.add(Rule::on(Method::State).times(2).state(LinkState::Open));
    assert_eq!([link.state(), link.state(), link.state()], [LinkState::Open, LinkState::Open, LinkState::Idle]);
    let states: Vec<_> = script.records().into_iter().filter(|record| record.method == Method::State).collect();
    assert_eq!(states[0].outcome, Outcome::Done(Some("Open".into())));
    assert_eq!(script.trace(), ["open", "1 connect"], "questions stand in no trace");
}

#[test]
fn a_read_only_call_refuses_to_write() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    let error = execute_on(&mut *link, &call().read_only(), "INSERT INTO t VALUES (1)").unwrap_err();
    assert_eq!((error.kind(), script.committed("t")), (ErrorKind::ReadOnly, vec![]));
    let error = numbers(&mut *link, "INSERT INTO t VALUES (1)").unwrap_err();
    assert_eq!((error.kind(), script.committed("t")), (ErrorKind::Misuse, vec![]));
}

// ---- connecting

#[test]
fn connecting_fails_as_often_as_it_is_told() {
    let script = Script::new();
    let source = source(&script);
    script.add(Rule::on(Method::Connect).times(2).fail(ErrorKind::ConnectFailed));
    script.add(Rule::on(Method::Connect).once().fail(ErrorKind::Authentication));
    let kinds: Vec<_> = (0..4).map(|_| source.connect(&call()).err().map(|error| error.kind())).collect();
    let transient = Some(ErrorKind::ConnectFailed);
    assert_eq!(kinds, [transient, transient, Some(ErrorKind::Authentication), None]);
    assert_eq!((script.count(Method::Connect), script.most_connections()), (4, 1));
    script.wait_all_closed();
    source.close();
    assert_eq!(script.trace().last().unwrap(), "close source");
}

#[test]
fn a_slow_connect_ends_at_its_deadline_where_it_watches_it() {
    within(LIMIT, || {
        let script = Script::new();
        let gate = script.gate("the connect");
        script.add(Rule::on(Method::Connect).block(&gate, Ears::CALL));
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = source(&script).connect(&Call::until(Some(deadline))).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(Instant::now() >= deadline);
        assert_eq!(script.open_connections(), 0);
    });
}

// ---- blocking

/// A connection on a thread of its own that runs one statement, as a worker would.
fn in_background(script: &Script, sql: &'static str) -> Background {
    let script = script.clone();
    let (give, take) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let mut link = connect(&script);
        let _ = give.send(link.handle());
        execute(&mut *link, sql).map_err(|error| error.kind())
    });
    Background { handle: take.recv().unwrap(), thread }
}

struct Background {
    handle: Arc<dyn pontoon::driver::Handle>,
    thread: thread::JoinHandle<Result<u64, ErrorKind>>,
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[test]
fn a_blocked_call_ends_by_its_gate() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let background = in_background(&script, "INSERT INTO t VALUES (1)");
        gate.wait_blocked();
        assert_eq!((gate.blocked(), script.committed("t")), (1, vec![]));
        assert_eq!(background.handle.cancel(soon()), Fence::Fenced);
        assert!(background.handle.sever());
        assert_eq!(gate.blocked(), 1, "it is deaf");
        gate.pass(1);
        gate.wait_free();
        assert_eq!(background.thread.join().unwrap(), Err(ErrorKind::ConnectionLost), "it was severed meanwhile");
    });
}

#[test]
fn a_blocked_call_ends_by_what_its_ears_hear() {
    within(LIMIT, || {
        let block = |ears: Ears, signal: &dyn Fn(&Background)| {
            let script = Script::new().table("t");
            let gate = script.gate("the insert");
            script.add(Rule::on(Method::Execute).block(&gate, ears));
            let background = in_background(&script, "INSERT INTO t VALUES (1)");
            gate.wait_blocked();
            signal(&background);
            let result = background.thread.join().unwrap();
            assert!(script.committed("t").is_empty());
            (result.unwrap_err(), script.trace_of(1))
        };
        let cancel = |background: &Background| assert_eq!(background.handle.cancel(soon()), Fence::Fenced);
        let sever = |background: &Background| assert!(background.handle.sever());
        let (kind, trace) = block(Ears::SERVER, &cancel);
        assert_eq!(kind, ErrorKind::Cancelled);
        assert_eq!(trace[1..3], ["execute INSERT INTO t VALUES (1) -> Cancelled", "cancel"]);
        assert_eq!(block(Ears::SERVER, &sever).0, ErrorKind::ConnectionLost);
        let both = |background: &Background| {
            cancel(background);
            sever(background);
        };
        assert_eq!(block(Ears::SEVER, &both).0, ErrorKind::ConnectionLost);

        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::CALL));
        let call = Call::until(Some(Instant::now() + Duration::from_millis(20)));
        let error = execute_on(&mut *connect(&script), &call, "INSERT INTO t VALUES (1)").unwrap_err();
        assert_eq!((error.kind(), gate.blocked()), (ErrorKind::Timeout, 0));
    });
}

#[test]
fn an_answer_can_be_held_back_when_the_work_is_done() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let gate = script.gate("the answer");
        script.add(Rule::on(Method::Execute).afterwards().block(&gate, Ears::SEVER));
        let background = in_background(&script, "INSERT INTO t VALUES (1)");
        gate.wait_blocked();
        assert_eq!(script.committed("t"), [1]);
        background.handle.sever();
        assert_eq!(background.thread.join().unwrap(), Err(ErrorKind::ConnectionLost));
    });
}

#[test]
fn a_write_that_must_finish_hears_nothing_but_a_sever() {
    within(LIMIT, || {
        let script = Script::new().table("t").fragile();
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::OPEN));
        let mut link = connect(&script);
        begin(&mut *link);
        let past = Call::until(Some(Instant::now())).let_writes_finish();
        gate.pass(1);
        execute_on(&mut *link, &past, "INSERT INTO t VALUES (1)").unwrap();
        assert_eq!(link.state(), LinkState::Open);
        let past = Call::until(Some(Instant::now()));
        let error = execute_on(&mut *link, &past, "INSERT INTO t VALUES (2)").unwrap_err();
        assert_eq!(
            (error.kind(), link.state()),
            (ErrorKind::Timeout, LinkState::Idle),
            "it took its transaction along"
        );
    });
}

#[test]
fn a_late_cancel_shows_in_what_it_hit() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let (first, second, late) = (script.gate("first"), script.gate("second"), script.gate("the cancel"));
        script.add(Rule::on(Method::Execute).text("(1)").block(&first, Ears::SERVER));
        script.add(Rule::on(Method::Execute).text("(2)").block(&second, Ears::SERVER));
        script.add(Rule::on(Method::Cancel).block(&late, Ears::DEAF));
        let worker = script.clone();
        let (give, take) = std::sync::mpsc::channel();
        let worker = thread::spawn(move || {
            let mut link = connect(&worker);
            let _ = give.send(link.handle());
            let first = execute(&mut *link, "INSERT INTO t VALUES (1)").map_err(|error| error.kind());
            let second = execute(&mut *link, "INSERT INTO t VALUES (2)").map_err(|error| error.kind());
            (first, second)
        });
        let handle = take.recv().unwrap();
        first.wait_blocked();
        let canceller = thread::spawn(move || handle.cancel(soon()));
        late.wait_blocked();
        first.open();
        second.wait_blocked();
        late.open();
        assert_eq!(canceller.join().unwrap(), Fence::Fenced);
        assert_eq!(worker.join().unwrap(), (Ok(1), Err(ErrorKind::Cancelled)));
        let signal = script.signals().remove(0);
        let text = |id: Option<u64>| script.records().into_iter().find(|r| Some(r.id) == id).map(|r| r.text);
        assert_eq!(text(signal.aimed_at).as_deref(), Some("INSERT INTO t VALUES (1)"));
        assert_eq!(text(signal.hit).as_deref(), Some("INSERT INTO t VALUES (2)"));
        assert!(signal.returned);
    });
}

#[test]
fn a_cancel_that_takes_too_long_or_says_so_is_not_fenced() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let gate = script.gate("the cancel");
        let slow = script.add(Rule::on(Method::Cancel).block(&gate, Ears::CALL));
        let mut link = connect(&script);
        assert_eq!(link.handle().cancel(Instant::now() + Duration::from_millis(10)), Fence::NotFenced);
        script.remove(slow);
        script.add(Rule::on(Method::Cancel).fence(Fence::NotFenced));
        script.add(Rule::on(Method::Sever).flag(false));
        assert_eq!(link.handle().cancel(soon()), Fence::NotFenced);
        assert!(!link.handle().sever());
        script.assert_contract();
        execute(&mut *link, "INSERT INTO t VALUES (1)").unwrap();
        assert_violation(&script, "a cancel may still be on its way");
    });
}

// ---- panics

#[test]
fn every_call_can_panic_and_is_recorded_so() {
    type Attempt = &'static dyn Fn(&Script);
    let calls: [(Method, Attempt); 12] = [
        (Method::Connect, &|script| drop(connect(script))),
        (Method::Execute, &|script| drop(execute(&mut *connect(script), "INSERT INTO t VALUES (1)"))),
        (Method::Query, &|script| drop(numbers(&mut *connect(script), "SELECT n FROM t"))),
        (Method::Fetch, &|script| drop(numbers(&mut *connect(script), "SELECT n FROM SERIES(3)"))),
        (Method::Begin, &|script| drop(connect(script).begin(&call(), &TxOptions::new()))),
        (Method::Commit, &|script| {
            let mut link = connect(script);
            begin(&mut *link);
            drop(link.commit(&call()));
        }),
        (Method::State, &|script| drop(format!("{:?}", connect(script).state()))),
        (Method::Ping, &|script| drop(connect(script).ping(&call()))),
        (Method::Reset, &|script| drop(connect(script).reset(&call(), Reset::Full))),
        (Method::Close, &|script| drop(connect(script).close())),
        (Method::Drop, &|script| drop(connect(script))),
        (Method::Cancel, &|script| drop(format!("{:?}", connect(script).handle().cancel(soon())))),
    ];
    for (method, run) in calls {
        let script = Script::new().table("t");
        script.add(Rule::on(method).panic("on purpose"));
        let panic = catch_unwind(AssertUnwindSafe(|| run(&script))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some("on purpose"), "{method:?}");
        let record = script.records().into_iter().find(|record| record.method == method).unwrap();
        assert_eq!(record.outcome, Outcome::Panicked, "{method:?}");
        assert_eq!(script.open_connections(), 0, "{method:?}");
        script.assert_contract();
    }
}

// ---- streams

#[test]
fn a_query_streams_until_the_sink_says_stop() {
    let script = Script::new();
    let mut link = connect(&script);
    let mut sink = Numbers { stop_at: Some(25), batch_rows: 10, ..Numbers::default() };
    query_into(&mut *link, "SELECT n FROM SERIES(1000000000)", &mut sink).unwrap();
    assert_eq!(sink.numbers.len(), 30, "a batch is pushed whole");
    assert_eq!(numbers(&mut *link, "SELECT n FROM SERIES(3)").unwrap(), [0, 1, 2]);
}

#[test]
fn a_stream_can_fail_in_its_midst() {
    let script = Script::new();
    let mut link = connect(&script);
    script.add(Rule::on(Method::Fetch).skip(2).once().fail(ErrorKind::Corrupt));
    let mut sink = Numbers { batch_rows: 1, ..Numbers::default() };
    let error = query_into(&mut *link, "SELECT n FROM SERIES(5)", &mut sink).unwrap_err();
    assert_eq!((error.kind(), sink.numbers), (ErrorKind::Corrupt, vec![0, 1]));
    let trace = script.trace_of(1);
    assert_eq!(trace[1], "query SELECT n FROM SERIES(5) -> Corrupt");
}

#[test]
fn a_cancel_ends_a_stream_between_two_rows() {
    within(LIMIT, || {
        let script = Script::new();
        let mut link = connect(&script);
        let handle = link.handle();
        script.add(Rule::on(Method::Fetch).skip(3).once().hook(move |_| {
            handle.cancel(soon());
        }));
        let error = numbers(&mut *link, "SELECT n FROM SERIES(1000000000)").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    });
}

#[test]
fn a_second_statement_runs_inside_a_stream_where_the_database_can() {
    let script = Script::new().table("t").nested();
    let mut link = connect(&script);
    let between = Some("INSERT INTO t VALUES (1)");
    let mut sink = Numbers { between, batch_rows: 2, ..Numbers::default() };
    query_into(&mut *link, "SELECT n FROM SERIES(5)", &mut sink).unwrap();
    assert!(sink.was_nested);
    assert_eq!(script.committed("t"), [1, 1], "two full batches; the last one comes after the end of the rows");
    let depths: Vec<_> = script.records().iter().filter(|r| r.method == Method::Execute).map(|r| r.depth).collect();
    assert_eq!(depths, [1, 1]);
    script.assert_contract();

    let plain = Script::new().table("t");
    let mut sink = Numbers { between, batch_rows: 2, ..Numbers::default() };
    query_into(&mut *connect(&plain), "SELECT n FROM SERIES(5)", &mut sink).unwrap();
    assert!(!sink.was_nested);
}

// ---- the contract

#[track_caller]
fn assert_violation(script: &Script, expected: &str) {
    let panic = catch_unwind(AssertUnwindSafe(|| script.assert_contract())).expect_err("nothing was found wrong");
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_call_on_another_thread_breaks_the_contract_unless_it_is_lendable() {
    let elsewhere = |script: &Script| {
        let mut link = connect(script);
        thread::spawn(move || link.state()).join().unwrap();
    };
    let script = Script::new();
    elsewhere(&script);
    assert_violation(&script, "this is not the thread that connected it");
    let lendable = Script::new().lendable();
    elsewhere(&lendable);
    lendable.assert_contract();
    assert!(source(&lendable).lendable());
    assert_eq!(source(&Script::new().sole_writer("file")).sole_writer().as_deref(), Some("file"));
}

#[test]
fn a_call_after_a_panic_breaks_the_contract() {
    let script = Script::new().table("t");
    let mut link = connect(&script);
    script.add(Rule::on(Method::Execute).panic("on purpose"));
    let _ = catch_unwind(AssertUnwindSafe(|| execute(&mut *link, "INSERT INTO t VALUES (1)")));
    script.assert_contract();
    link.state();
    assert_violation(&script, "it may only be dropped");
}

#[test]
fn a_call_after_an_unknown_state_breaks_the_contract() {
    let script = Script::new();
    let mut link = connect(&script);
    script.add(Rule::on(Method::State).state(LinkState::Unknown));
    link.state();
    script.assert_contract();
    let _ = link.ping(&call());
    assert_violation(&script, "did not know its state");
    link.close().unwrap();
}

#[test]
fn a_transaction_inside_a_transaction_breaks_the_contract() {
    let script = Script::new();
    let mut link = connect(&script);
    begin(&mut *link);
    link.begin(&call(), &TxOptions::new()).unwrap_err();
    assert_violation(&script, "a transaction is open already");
    let script = Script::new();
    let mut link = connect(&script);
    begin(&mut *link);
    link.reset(&call(), Reset::Light).unwrap();
    assert_violation(&script, "while the session is reset");
}

// ---- behind the library

#[test]
fn a_database_runs_on_it() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).open().unwrap();
        db.execute("INSERT INTO t VALUES (:n)", params! { n: 1 }).unwrap();
        let mut tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        let inner = tx.begin().unwrap();
        inner.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        inner.rollback().unwrap();
        tx.commit().unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT SUM(n) FROM t", ()).unwrap(), Some(3));
        db.close(Duration::from_secs(5));
        script.wait_all_closed();
        assert_eq!(script.committed("t"), [1, 2]);
        let expected = [
            "connect",
            "execute INSERT INTO t VALUES (?) [1]",
            "begin",
            "execute INSERT INTO t VALUES (2)",
            "savepoint pontoon_sp_1",
            "execute INSERT INTO t VALUES (3)",
            "rollback to pontoon_sp_1",
            "release pontoon_sp_1",
            "commit",
        ];
        assert_eq!(script.trace_of(1)[..expected.len()], expected, "{:#?}", script.trace());
        script.assert_contract();
    });
}

// ---- waiting

#[test]
fn a_test_waits_for_what_is_recorded() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let worker = script.clone();
        let thread = thread::spawn(move || execute(&mut *connect(&worker), "INSERT INTO t VALUES (1)").unwrap());
        script.wait_ended(Method::Drop, 1);
        script.wait_until("the insert", |records, _| records.iter().any(|record| record.text.contains("INSERT")));
        script.wait_all_closed();
        assert_eq!(thread.join().unwrap(), 1);
        let order: Vec<u64> =
            script.records().iter().flat_map(|record| [Some(record.began), record.ended]).flatten().collect();
        assert!(order.is_sorted(), "one call after another: {order:?}");
        script.forget();
        assert_eq!(script.trace(), Vec::<String>::new());
    });
}

#[test]
fn an_unrecorded_call_is_forgotten_at_its_end() {
    within(LIMIT, || {
        let script = Script::new().table("t").unrecorded();
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let background = in_background(&script, "INSERT INTO t VALUES (1)");
        gate.wait_blocked();
        assert_eq!(script.trace(), ["1 execute INSERT INTO t VALUES (1) -> still running"]);
        gate.open();
        assert_eq!(background.thread.join().unwrap(), Ok(1));
        assert!(script.records().is_empty());
    });
}

#[test]
fn a_wait_in_vain_fails_with_the_trace() {
    let script = Script::new();
    script.add(Rule::on(Method::Connect).fail(ErrorKind::ConnectFailed));
    assert!(source(&script).connect(&call()).is_err());
    let waited = catch_unwind(AssertUnwindSafe(|| {
        script.wait_until_within(Duration::ZERO, "a commit", |records, _| {
            records.iter().any(|record| record.method == Method::Commit)
        });
    }));
    let message = *waited.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, "a commit did not happen; the database saw\n  open\n  1 connect -> ConnectFailed");
}

#[test]
fn a_gate_that_is_dropped_is_open() {
    within(LIMIT, || {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        script.add(Rule::on(Method::Execute).block(&gate, Ears::DEAF));
        let background = in_background(&script, "INSERT INTO t VALUES (1)");
        gate.wait_blocked();
        drop(gate);
        assert_eq!(background.thread.join().unwrap(), Ok(1));
    });
}
