//! Transactions that end in a way, or at a moment, that nobody meant.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind, Retry};

use crate::kit::script::{CommitEnd, Method, Rule, Script};
use crate::{SHORT, ends, one};

#[test]
fn a_transaction_that_ended_with_the_one_around_it_takes_no_further_statement() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let outer = db.begin().unwrap();
        let mut inner = db.begin().unwrap();
        inner.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        drop(outer);
        let error = inner.execute("INSERT INTO t VALUES (2)", ()).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Misuse, Effect::NotSent), "{error}");
        assert_eq!(inner.begin().unwrap_err().kind(), ErrorKind::Misuse);
        assert_eq!(inner.run(|_| Ok(())).unwrap_err().kind(), ErrorKind::Misuse);
        let rows: Vec<_> = inner.iterate("SELECT n FROM t", ()).unwrap().collect();
        assert_eq!(rows[0].as_ref().unwrap_err().kind(), ErrorKind::Misuse);
        // Nor does it take part in the next one.
        let other = db.begin().unwrap();
        assert_eq!(inner.execute("INSERT INTO t VALUES (3)", ()).unwrap_err().kind(), ErrorKind::Misuse);
        other.commit().unwrap();
        assert_eq!(inner.commit().unwrap_err().error().kind(), ErrorKind::Misuse);
        drop(db);
        assert_eq!(script.committed("t"), Vec::<i64>::new());
        script.assert_contract();
    });
}

#[test]
fn a_nested_transaction_that_is_forgotten_takes_the_outer_one_with_it_and_nothing_else() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        let mut outer = connection.begin().unwrap();
        let inner = outer.begin().unwrap();
        inner.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        #[expect(clippy::mem_forget, reason = "what happens then is what this is about")]
        std::mem::forget(inner);
        assert_eq!(outer.commit().unwrap_err().error().kind(), ErrorKind::Misuse);
        connection.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        connection.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)).unwrap();
        assert_eq!(script.committed("t"), [2, 3]);
        script.assert_contract();
    });
}

#[test]
fn a_load_whose_commit_must_wait_leaves_no_transaction_open() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let connection = db.connection().unwrap();
        script.add(Rule::on(Method::Commit).times(2).commit(CommitEnd::StillOpen(ErrorKind::Busy)));
        let error = connection.execute_many("INSERT INTO t VALUES (?)", [(1,), (2,)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert_eq!(script.open_transactions(), 0);
        let error =
            connection.session(|session| session.execute("INSERT INTO t VALUES (3)", ()).map(drop)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        connection.execute("INSERT INTO t VALUES (4)", ()).unwrap();
        drop(connection);
        drop(db);
        script.wait_all_closed();
        assert_eq!(script.committed("t"), [4]);
        script.assert_contract();
    });
}

#[test]
fn a_panic_that_a_closure_catches_does_not_leave_its_transaction_to_the_next_statement() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let result = db.run(|session| {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                session.transaction(|session| -> pontoon::Result<()> {
                    session.execute("INSERT INTO t VALUES (1)", ())?;
                    panic!("halfway");
                })
            }));
            assert!(caught.is_err());
            session.execute("INSERT INTO t VALUES (2)", ())
        });
        // Either it stands for itself or it is refused; it never goes into a transaction that nobody will commit.
        let inserted = result.is_ok();
        drop(db);
        script.wait_all_closed();
        assert_eq!(script.committed("t"), if inserted { vec![2] } else { vec![] });
    });
}

#[test]
fn a_commit_that_was_rolled_back_is_not_unknown() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        script.add(Rule::on(Method::Commit).once().commit(CommitEnd::StillOpen(ErrorKind::Timeout)));
        let error = db.transaction(|tx| tx.execute("INSERT INTO t VALUES (1)", ()).map(drop)).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::NotApplied), "{error}");
        assert_eq!(script.committed("t"), Vec::<i64>::new());
    });
}

#[test]
fn a_conflict_that_a_statement_met_beside_the_guard_is_tried_again_too() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        let retry = Retry::attempts(3).waits(Duration::from_millis(1), Duration::from_millis(2));
        let options = TxOptions::new().retry(retry);
        for way in 0..4 {
            script.add(Rule::on(Method::Execute).text("INSERT").once().fail(ErrorKind::Serialization));
            let mut runs = 0;
            let insert = "INSERT INTO t VALUES (1)";
            let result: Result<(), String> = db
                .transaction_with(&options, |tx| {
                    runs += 1;
                    match way {
                        0 => db.execute(insert, ()).map(drop),
                        1 => db.connection()?.execute(insert, ()).map(drop),
                        2 => tx.transaction(|inner| inner.execute(insert, ()).map(drop)),
                        _ => tx.begin()?.execute(insert, ()).map(drop),
                    }
                    .map_err(|error| Told(error.to_string()))
                })
                .map_err(|Told(error)| error);
            assert_eq!((result, runs), (Ok(()), 2), "way {way}");
        }
    });
}

/// An error of the program's own.
struct Told(String);

impl From<pontoon::Error> for Told {
    fn from(error: pontoon::Error) -> Told {
        Told(error.to_string())
    }
}

#[test]
fn a_closure_that_outlasts_its_deadline_leaves_only_the_end_of_its_transaction() {
    ends(|| {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).timeout(Some(SHORT * 4)).open().unwrap();
        let tx = db.begin().unwrap();
        let (go, wait) = channel::<()>();
        let error = tx
            .run(move |session| {
                session.execute("INSERT INTO t VALUES (1)", ())?;
                let _ = wait.recv();
                Ok(())
            })
            .unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Timeout, Effect::Unknown));
        drop(go);
        assert_eq!(tx.execute("INSERT INTO t VALUES (2)", ()).unwrap_err().kind(), ErrorKind::TransactionAborted);
        tx.commit().unwrap_err();
        assert_eq!(script.committed("t"), Vec::<i64>::new());
        script.assert_contract();
    });
}
