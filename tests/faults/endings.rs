//! How a transaction ends: COMMIT with its three outcomes, ROLLBACK, and the panic of whoever was in it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::Probe;
use crate::kit::script::{CommitEnd, Ears, Method, Rule, Script};
use crate::support::{LEAVES_WITHIN, LONG, SHORT, ends, one, timed};

// ---- COMMIT

#[test]
fn a_commit_ends_in_one_of_three_ways_and_says_which() {
    ends(|| {
        // What the database answers, what the caller is told, whether it is there, whether the connection is kept.
        let table = [
            (CommitEnd::Committed, None, 1, true),
            (
                CommitEnd::RolledBack(ErrorKind::Serialization),
                Some((ErrorKind::Serialization, Effect::NotApplied)),
                0,
                true,
            ),
            (
                CommitEnd::RolledBack(ErrorKind::UniqueViolation),
                Some((ErrorKind::UniqueViolation, Effect::NotApplied)),
                0,
                true,
            ),
            (
                CommitEnd::StillOpen(ErrorKind::ForeignKeyViolation),
                Some((ErrorKind::ForeignKeyViolation, Effect::NotApplied)),
                0,
                true,
            ),
            (CommitEnd::Unknown { applied: true }, Some((ErrorKind::CommitUnknown, Effect::Unknown)), 1, false),
            (CommitEnd::Unknown { applied: false }, Some((ErrorKind::CommitUnknown, Effect::Unknown)), 0, false),
        ];
        for (end, told, rows, kept) in table {
            let script = Script::new().table("t");
            let db = one(&script);
            script.add(Rule::on(Method::Commit).once().commit(end));
            let result = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop));
            let got = result.as_ref().err().map(|error| (error.kind(), error.effect()));
            assert_eq!(got, told, "{end:?}: {result:?}");
            assert_eq!(script.committed("t").len(), rows, "{end:?}");
            db.execute("DELETE FROM t", ()).unwrap();
            assert_eq!(script.count(Method::Connect), if kept { 1 } else { 2 }, "{end:?}");
            assert_eq!(script.count(Method::Commit), 1, "it is never sent twice");
            script.assert_contract();
        }
    });
}

#[test]
fn a_commit_past_its_deadline_is_unknown_and_never_cancelled() {
    ends(|| {
        for applied in [true, false] {
            let script = Script::new().table("t");
            let gate = script.gate("the commit");
            let db = script.builder().pool_size(1).timeout(Some(SHORT)).open().unwrap();
            let rule = Rule::on(Method::Commit).once();
            let rule = if applied { rule.afterwards() } else { rule };
            script.add(rule.block(&gate, Ears::SERVER));
            let probe = Probe::start();
            let tx = db.begin().unwrap();
            tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            let (result, took) = timed(|| tx.commit());
            probe.assert_within("a COMMIT without an answer", took.saturating_sub(SHORT), LEAVES_WITHIN);
            let error = result.unwrap_err();
            assert!(error.error().kind() == ErrorKind::CommitUnknown && !error.error().is_retryable(), "{error:?}");
            assert!(error.into_transaction().is_none());
            gate.open();
            script.wait_ended(Method::Commit, 1);
            let soft = script.signals().into_iter().filter(|signal| signal.method == Method::Cancel).count();
            assert_eq!((script.committed("t"), soft), (vec![1], 0), "what was begun is brought to its end");
            db.execute(Query::new("DELETE FROM t").timeout(LONG), ()).unwrap();
            assert_eq!(script.count(Method::Rollback), 0, "nobody undoes what may be committed");
            script.assert_contract();
        }
    });
}

#[test]
fn a_driver_that_panics_in_commit_leaves_it_unknown() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Commit).once().panic("the driver is broken"));
        let error = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop)).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::CommitUnknown, Effect::Unknown), "{error}");
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
    });
}

#[test]
fn a_commit_that_cannot_be_done_now_can_be_done_later() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Commit).times(2).commit(CommitEnd::StillOpen(ErrorKind::Busy)));
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let error = tx.commit().unwrap_err();
        assert_eq!((error.error().kind(), script.open_transactions()), (ErrorKind::Busy, 1));
        let tx = error.into_transaction().expect("it is open as before");
        tx.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        let tx = tx.commit().unwrap_err().into_transaction().unwrap();
        tx.commit().unwrap();
        assert_eq!(script.committed("t"), [1, 2]);
        // Whoever does not want to try again has it rolled back.
        script.add(Rule::on(Method::Commit).once().commit(CommitEnd::StillOpen(ErrorKind::Busy)));
        let result = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Busy);
        db.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        assert_eq!((script.committed("t"), script.count(Method::Rollback)), (vec![1, 2, 4], 1));
        script.assert_contract();
    });
}

/// The database says "committed" to whoever asks it to commit a transaction in which a statement failed.
#[test]
fn a_commit_of_a_failed_transaction_is_not_reported_as_done() {
    ends(|| {
        let script = Script::new().table("t").aborting();
        let db = one(&script);
        let tx = db.begin().unwrap();
        tx.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        tx.execute("INSERT INTO missing VALUES (1)", ()).unwrap_err();
        let error = tx.commit().unwrap_err().into_error();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::TransactionAborted, Effect::NotSent), "{error}");
        // The closure swallows the error, and hears of it all the same.
        let result: Result<(), Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (2)", ())?;
            let _ = tx.execute("INSERT INTO missing VALUES (1)", ());
            Ok(())
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TransactionAborted);
        assert!(script.committed("t").is_empty());
        script.assert_contract();
    });
}

// ---- ROLLBACK, panics

#[test]
fn a_rollback_that_fails_costs_the_connection_and_hides_nothing() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Rollback).once().fail(ErrorKind::ConnectionLost));
        let result: Result<(), Error> = db.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (1)", ())?;
            Err(Error::new(ErrorKind::CheckViolation, "the closure's own"))
        });
        assert_eq!(result.unwrap_err().message(), "the closure's own");
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!((script.committed("t"), db.snapshot().counters.discarded), (vec![2], 1));

        script.add(Rule::on(Method::Rollback).once().fail(ErrorKind::Internal));
        let tx = db.begin().unwrap();
        assert_eq!(tx.rollback().unwrap_err().kind(), ErrorKind::Internal);
        db.execute("INSERT INTO t VALUES (3)", ()).unwrap();
        assert_eq!(db.snapshot().counters.discarded, 2);

        // Where the library itself rolls back, what failed then rides along with what failed first.
        script.add(Rule::on(Method::Rollback).once().fail(ErrorKind::Internal));
        script.add(
            Rule::on(Method::Execute).text("INSERT INTO t VALUES (?)").skip(1).once().fail(ErrorKind::UniqueViolation),
        );
        let error = db.execute_many("INSERT INTO t VALUES (?)", [(4,), (5,)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation);
        assert_eq!(error.secondary().map(Error::kind), Some(ErrorKind::Internal));
        db.execute("INSERT INTO t VALUES (6)", ()).unwrap();
        assert_eq!(script.committed("t"), [2, 3, 6]);
        script.assert_contract();
    });
}

#[test]
fn a_panic_in_a_transaction_rolls_back_and_goes_on() {
    ends(|| {
        for step in 0..4 {
            let script = Script::new().table("t");
            let db = one(&script);
            let panic = catch_unwind(AssertUnwindSafe(|| {
                db.transaction::<(), Error>(|tx| {
                    for n in 0..4 {
                        if n == step {
                            std::panic::panic_any(step);
                        }
                        match n {
                            0 | 2 => drop(tx.execute("INSERT INTO t VALUES (:n)", params! { n: n })?),
                            1 => tx.transaction(|inner| inner.execute("INSERT INTO t VALUES (1)", ()).map(drop))?,
                            _ => {}
                        }
                    }
                    Ok(())
                })
            }));
            assert_eq!(panic.unwrap_err().downcast_ref::<i32>(), Some(&step), "the panic's own payload");
            db.execute("INSERT INTO t VALUES (9)", ()).unwrap();
            assert_eq!((script.committed("t"), script.count(Method::Rollback)), (vec![9], 1), "at step {step}");
            assert_eq!(db.snapshot().counters.discarded, 0);
            script.assert_contract();
        }
        // Inside an inner one it is the same, whoever catches it.
        let script = Script::new().table("t");
        let db = one(&script);
        db.transaction::<(), Error>(|tx| {
            tx.execute("INSERT INTO t VALUES (1)", ())?;
            let inner = catch_unwind(AssertUnwindSafe(|| {
                tx.transaction::<(), Error>(|inner| {
                    inner.execute("INSERT INTO t VALUES (2)", ())?;
                    panic!("on purpose")
                })
            }));
            assert!(inner.is_err());
            tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)
        })
        .unwrap();
        assert_eq!(script.committed("t"), [1, 3]);
        script.assert_contract();
    });
}
