//! What can happen to a transaction, and what is known of it afterwards.

use std::time::Duration;

use pontoon::driver::LinkState;
use pontoon::prelude::*;
use pontoon::sql::{GENERIC, Retry, TxOptions};
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{CommitEnd, Ears, Fate, Method, RawScript, Rule, Script};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, one, start, timed, wait_for};

// ---- BEGIN

#[test]
fn a_begin_that_nobody_waits_for_is_rolled_back_before_anybody_else_comes() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the answer to BEGIN");
        let db = script.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap();
        script.add(Rule::on(Method::Begin).once().afterwards().block(&gate, Ears::DEAF));
        let probe = Probe::start();
        let (result, took) = timed(|| db.begin().map(drop));
        probe.assert_within("a BEGIN without an answer", took - SHORT, LEAVES_WITHIN);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
        gate.open();
        db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(LONG), ()).unwrap();
        assert_eq!((script.committed("t"), script.open_transactions()), (vec![1], 0));
        script.assert_contract();
    });
}

#[test]
fn a_begin_on_which_the_database_disagrees_opens_nothing() {
    ends(|| {
        for state in [LinkState::Idle, LinkState::Failed, LinkState::Unknown] {
            let script = Script::new().table("t");
            let db = one(&script);
            wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
            script.add(Rule::on(Method::State).once().state(state));
            let error = db.begin().map(drop).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::Internal, Effect::NotApplied), "{state:?}");
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            assert_eq!(script.committed("t"), [1]);
            assert_eq!(db.snapshot().counters.discarded, 1);
            script.assert_contract();
        }
    });
}

// ---- statements

#[test]
fn a_transaction_that_the_database_ended_takes_no_further_statement() {
    ends(|| {
        for (kind, fate) in [
            (ErrorKind::Deadlock, Fate::RolledBack),
            (ErrorKind::DiskFull, Fate::RolledBack),
            (ErrorKind::Syntax, Fate::Committed),
        ] {
            let script = Script::new().table("t");
            let db = one(&script);
            script.add(Rule::on(Method::Execute).text("(2)").once().fail(kind).fate(fate));
            let tx = db.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            assert_eq!(tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err().kind(), kind);
            let stray = [
                tx.execute("INSERT INTO t VALUES (3)", ()).unwrap_err(),
                db.execute("INSERT INTO t VALUES (4)", ()).unwrap_err(),
                tx.execute_script("INSERT INTO t VALUES (5)").unwrap_err(),
                tx.execute_many("INSERT INTO t VALUES (?)", [(6,)]).unwrap_err(),
                tx.fetch_all("SELECT n FROM t", ()).unwrap_err(),
                tx.iterate("SELECT n FROM t", ()).unwrap().next().unwrap().unwrap_err(),
                tx.raw(|raw: &mut RawScript| raw.run("INSERT INTO t VALUES (7)")).unwrap_err(),
                db.begin().map(drop).unwrap_err(),
            ];
            for error in &stray {
                assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionLost, Effect::NotSent), "{error}");
                assert!(error.message().contains(&format!("{kind:?}")), "the cause is told: {error}");
            }
            let error = tx.commit().unwrap_err().into_error();
            assert_eq!(error.kind(), ErrorKind::TransactionLost);
            let kept = if fate == Fate::Committed { vec![1] } else { vec![] };
            assert_eq!(script.committed("t"), kept, "nothing that came after");
            db.execute("INSERT INTO t VALUES (8)", ()).unwrap();
            script.assert_contract();
        }
    });
}

#[test]
fn a_statement_that_ends_the_transaction_by_succeeding_is_found_out() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Execute).text("CREATE").once().affected(0).fate(Fate::Committed));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.execute("CREATE TABLE u (n)", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionLost);
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        tx.rollback().unwrap();
        assert_eq!(script.committed("t"), [1], "committed by the database's own rules, and nothing after it");
        script.assert_contract();
    });
}

#[test]
fn a_broken_connection_ends_its_transaction_and_no_other_takes_its_place() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        wait_for(&db, "one idle", |snapshot| snapshot.idle == 1);
        script.add(Rule::on(Method::Execute).text("(2)").once().fail(ErrorKind::ConnectionLost));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::Unknown));
        let error = tx.execute("INSERT INTO t VALUES (3)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::ConnectionLost, Effect::NotSent));
        assert_eq!(script.count(Method::Connect), 1, "no reconnect inside a transaction");
        tx.commit().unwrap_err();
        assert!(script.committed("t").is_empty());
        db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        assert_eq!(script.committed("t"), [4]);
        assert_eq!(db.snapshot().counters.discarded, 1);
        script.assert_contract();
    });
}

#[test]
fn a_statement_past_its_deadline_leaves_only_the_end_of_its_transaction() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the insert");
        let db = one(&script);
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let probe = Probe::start();
        let insert = Query::new("INSERT INTO t VALUES (2)").timeout(SHORT);
        let (result, took) = timed(|| tx.execute(insert, ()));
        probe.assert_within("a statement in a transaction", took - SHORT, LEAVES_WITHIN);
        let kind = result.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::Cancelled), "{kind:?}");
        let error = tx.execute("INSERT INTO t VALUES (3)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionAborted, Effect::NotSent));
        let error = tx.commit().unwrap_err().into_error();
        assert_eq!(error.kind(), ErrorKind::TransactionAborted, "{error}");
        assert_eq!((script.committed("t"), script.count(Method::Commit)), (vec![], 0));
        db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        assert_eq!(script.count(Method::Connect), 1, "the cancel was fenced, so the connection is as good as before");
        script.assert_contract();
    });
}

/// The answer that came too late is no answer: what it reports as done is undone.
#[test]
fn a_statement_that_ended_after_its_caller_left_is_not_committed() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the answer");
        let db = one(&script);
        script.add(Rule::on(Method::Execute).text("(2)").once().afterwards().block(&gate, Ears::DEAF));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.execute(Query::new("INSERT INTO t VALUES (2)").timeout(SHORT), ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::Unknown));
        gate.open();
        tx.execute("INSERT INTO t VALUES (3)", ()).unwrap_err();
        tx.commit().unwrap_err();
        assert_eq!((script.committed("t"), script.count(Method::Commit)), (vec![], 0));
        script.assert_contract();
    });
}

#[test]
fn transaction_verbs_are_refused_wherever_they_hide() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.forget();
        let verbs = [
            "BEGIN",
            "begin immediate",
            "  /* a comment */ Start Transaction",
            "-- a comment\nCOMMIT",
            "commit work",
            "ROLLBACK",
            "rollback to savepoint a",
            "SAVEPOINT a; DROP TABLE t",
            "release a",
            ";;COMMIT",
        ];
        for verb in verbs {
            for error in [
                db.execute(verb, ()).unwrap_err(),
                db.fetch_all(verb, ()).unwrap_err(),
                db.run(move |session| session.execute(verb, ())).unwrap_err(),
                db.transaction(|tx| tx.execute(verb, ())).unwrap_err(),
            ] {
                let kind = error.kind();
                assert!(
                    matches!(kind, ErrorKind::TransactionVerb | ErrorKind::Syntax | ErrorKind::Misuse),
                    "{verb}: {error:?}"
                );
                assert_eq!(error.effect(), Effect::NotSent, "{verb}");
            }
        }
        for text in ["BEGIN; INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1); COMMIT", "ROLLBACK; BEGIN"] {
            let error = db.execute_script(text).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionVerb, Effect::NotSent), "{text}");
        }
        let sent = script.trace().into_iter().filter(|line| !line.contains("begin") && !line.contains("rollback"));
        assert_eq!(sent.collect::<Vec<_>>(), Vec::<String>::new(), "nothing of it reached the database");
        db.execute_script("BEGIN; INSERT INTO t VALUES (1); COMMIT").unwrap();
        assert_eq!(script.committed("t"), [1]);
        // Behind the library's back it is found out afterwards.
        let error = db.raw(|raw: &mut RawScript| raw.run("BEGIN; INSERT INTO t VALUES (2)")).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionVerb, Effect::NotApplied));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        let error = tx.raw(|raw: &mut RawScript| raw.run("COMMIT")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionLost);
        assert_eq!(tx.execute("INSERT INTO t VALUES (4)", ()).unwrap_err().kind(), ErrorKind::TransactionLost);
        tx.rollback().unwrap();
        assert_eq!((script.committed("t"), script.open_transactions()), (vec![1, 3], 0));
        script.assert_contract();
    });
}

// ---- nesting

#[test]
fn savepoints_end_in_order_or_not_at_all() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        let outer = connection.begin().unwrap();
        // Through the connection the borrow checker does not watch.
        let inner = connection.begin().unwrap();
        let innermost = connection.begin().unwrap();
        script.forget();
        let error = inner.commit().unwrap_err().into_error();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent));
        assert!(error.message().contains("finish the transactions inside it first"), "{error}");
        // Nothing was sent for it; what its handle leaves behind may be on its way already.
        let sent: Vec<_> = script.trace();
        assert!(sent.first().is_none_or(|line| line.contains("rollback to")), "{sent:?}");
        // The inner handle is gone, and what was open from it on is rolled back.
        assert_eq!(innermost.commit().unwrap_err().error().kind(), ErrorKind::Misuse);
        outer.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        outer.commit().unwrap();
        assert_eq!(script.committed("t"), [1]);
        assert_eq!(script.open_transactions(), 0);
        script.assert_contract();
    });
}

#[test]
fn an_error_inside_undoes_the_inside_only() {
    ends(|| {
        let script = Script::new().table("t").aborting();
        let db = one(&script);
        db.transaction::<(), Error>(|tx| {
            tx.execute("INSERT INTO t VALUES (1)", ())?;
            let inner = tx.transaction(|inner| {
                inner.execute("INSERT INTO t VALUES (2)", ())?;
                inner.execute("INSERT INTO missing VALUES (1)", ())
            });
            assert_eq!(inner.unwrap_err().kind(), ErrorKind::UndefinedTable);
            // An inner one that swallows its error cannot be kept either.
            let inner = tx.transaction(|inner| {
                let _ = inner.execute("INSERT INTO missing VALUES (1)", ());
                Ok::<(), Error>(())
            });
            assert_eq!(inner.unwrap_err().kind(), ErrorKind::TransactionAborted);
            tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)
        })
        .unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        script.assert_contract();

        // When even that fails, nothing is kept.
        script.add(Rule::on(Method::RollbackTo).once().fail(ErrorKind::Internal));
        let result: Result<(), Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (4)", ())?;
            let inner = tx.transaction(|inner| inner.execute("INSERT INTO missing VALUES (1)", ()));
            assert_eq!(inner.unwrap_err().kind(), ErrorKind::UndefinedTable);
            tx.execute("INSERT INTO t VALUES (5)", ()).map(drop)
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionLost);
        assert_eq!(script.committed("t"), [1, 3]);
        db.execute("INSERT INTO t VALUES (6)", ()).unwrap();
        assert_eq!(db.snapshot().counters.discarded, 1);
        script.assert_contract();
    });
}

#[test]
fn savepoints_have_names_of_the_librarys_own() {
    ends(|| {
        let script = Script::new();
        let db = one(&script);
        for _ in 0..3 {
            db.transaction::<(), Error>(|tx| {
                tx.transaction(|inner| inner.transaction(|_| Ok::<_, Error>(())))?;
                tx.transaction(|_| Ok(()))
            })
            .unwrap();
        }
        let names: Vec<String> =
            script.records().into_iter().filter(|r| r.method == Method::Savepoint).map(|r| r.text).collect();
        assert_eq!(names.len(), 9);
        let prefix = |name: &String| name.strip_prefix("pontoon_sp_").is_some_and(|n| n.parse::<u32>().is_ok());
        assert!(names.iter().all(prefix), "{names:?}");
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "none is used twice on a connection");
        assert_eq!(GENERIC.savepoint(1), "SAVEPOINT pontoon_sp_1");
    });
}

// ---- trying again

#[test]
fn a_conflict_is_tried_again_as_a_whole_and_only_if_asked() {
    ends(|| {
        for kind in [ErrorKind::Deadlock, ErrorKind::Serialization, ErrorKind::Busy] {
            for at_commit in [false, true] {
                let script = Script::new().table("t");
                let db = one(&script);
                let rule = |times| match at_commit {
                    true => Rule::on(Method::Commit).times(times).commit(CommitEnd::RolledBack(kind)),
                    false => Rule::on(Method::Execute).text("(2)").times(times).fail(kind).fate(Fate::RolledBack),
                };
                let work = |tx: &mut Transaction<'_>| {
                    tx.execute("INSERT INTO t VALUES (1)", ())?;
                    tx.execute("INSERT INTO t VALUES (2)", ()).map(drop)
                };
                script.add(rule(2));
                let retry = Retry::attempts(3).waits(Duration::from_millis(1), Duration::from_millis(2));
                let options = TxOptions::new().retry(retry);
                db.transaction_with(&options, work).unwrap();
                assert_eq!((script.committed("t"), script.count(Method::Begin)), (vec![1, 2], 3), "{kind:?}");
                script.add(rule(1));
                let error = db.transaction(work).unwrap_err();
                assert_eq!((error.kind(), error.is_retryable()), (kind, true), "{error:?}");
                assert_eq!((script.committed("t"), script.count(Method::Begin)), (vec![1, 2], 4), "not tried again");
                script.assert_contract();
            }
        }
        // Never when it is not known how it ended.
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Commit).commit(CommitEnd::Unknown { applied: true }));
        let options = TxOptions::new().retry(Retry::attempts(5));
        let work = |tx: &mut Transaction<'_>| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop);
        assert_eq!(db.transaction_with(&options, work).unwrap_err().kind(), ErrorKind::CommitUnknown);
        assert_eq!(script.committed("t"), [1]);
    });
}

#[test]
fn two_that_wait_for_each_other_end_with_one_victim() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the second statements");
        // What a server does: of two that wait for each other it picks one.
        script.add(Rule::on(Method::Execute).text("(2)").once().block(&gate, Ears::SERVER));
        script.add(Rule::on(Method::Execute).text("(4)").once().fail(ErrorKind::Deadlock).fate(Fate::RolledBack));
        let db = script.builder().pool_size(2).timeout(Some(LONG)).open().unwrap();
        let survivor = {
            let db = db.clone();
            start("survivor", move || {
                db.transaction(|tx| {
                    tx.execute("INSERT INTO t VALUES (1)", ())?;
                    tx.execute("INSERT INTO t VALUES (2)", ()).map(drop)
                })
            })
        };
        gate.wait_blocked();
        let options =
            TxOptions::new().retry(Retry::attempts(2).waits(Duration::from_millis(1), Duration::from_millis(2)));
        let victim = db.transaction_with(&options, |tx| {
            tx.execute("INSERT INTO t VALUES (3)", ())?;
            tx.execute("INSERT INTO t VALUES (4)", ()).map(drop)
        });
        victim.unwrap();
        gate.open();
        survivor.join().unwrap().unwrap();
        assert_eq!(script.committed("t"), [3, 4, 1, 2]);
        script.assert_contract();
    });
}
