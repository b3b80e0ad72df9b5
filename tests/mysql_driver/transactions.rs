//! What the server does to transactions by itself.

use std::sync::mpsc::channel;

use pontoon::prelude::*;
use pontoon::{IsolationLevel, Retry, TxOptions};

use crate::kit::PATIENCE;
use crate::kit::servers::Scratch;
use crate::{fails, open, scratch};

fn accounts(scratch: &Scratch<'_>) -> Database {
    let db = open(scratch, "");
    db.execute_script(
        "CREATE TABLE accounts (id INT PRIMARY KEY, amount INT); INSERT INTO accounts VALUES (1, 0), (2, 0)",
    )
    .unwrap();
    db
}

fn amounts(db: &Database) -> Vec<i64> {
    db.fetch_all("SELECT amount FROM accounts ORDER BY id", ()).unwrap().column(0).unwrap()
}

#[test]
fn ddl_ends_a_transaction_and_nothing_is_committed_behind_it() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    let tx = db.begin().unwrap();
    tx.execute("UPDATE accounts SET amount = 1 WHERE id = 1", ()).unwrap();
    fails(ErrorKind::TransactionLost, tx.execute("CREATE TABLE other (id INT)", ()));
    fails(ErrorKind::TransactionLost, tx.execute("UPDATE accounts SET amount = 2 WHERE id = 2", ()));
    fails(ErrorKind::TransactionLost, tx.commit());
    // What was before it is committed, as the server has it; what came after was not let through.
    assert_eq!(amounts(&db), [1, 0]);
}

#[test]
fn what_commits_and_has_rows_is_noticed_too() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    for statement in ["ANALYZE TABLE accounts", "CHECK TABLE accounts", "OPTIMIZE TABLE accounts"] {
        let tx = db.begin().unwrap();
        tx.execute("UPDATE accounts SET amount = amount + 1", ()).unwrap();
        fails(ErrorKind::TransactionLost, tx.fetch_all(statement, ()));
        fails(ErrorKind::TransactionLost, tx.commit());
    }
}

#[test]
fn a_procedure_that_commits_is_noticed() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    db.execute_script(
        "DELIMITER ;;
         CREATE PROCEDURE ends() BEGIN UPDATE accounts SET amount = 5; COMMIT; END;;
         CREATE PROCEDURE begins() BEGIN START TRANSACTION; UPDATE accounts SET amount = 7; SELECT 1; END;;",
    )
    .unwrap();
    let tx = db.begin().unwrap();
    fails(ErrorKind::TransactionLost, tx.execute("CALL ends()", ()));
    drop(tx);
    assert_eq!(amounts(&db), [5, 5]);
    // One that begins a transaction and leaves it open: it is rolled back.
    fails(ErrorKind::TransactionVerb, db.fetch_all("CALL begins()", ()));
    assert_eq!(amounts(&db), [5, 5]);
}

/// Two transactions that take two rows crosswise: one of them is chosen to give way. Returns what became of both.
fn crosswise(db: &Database, options: &TxOptions) -> [pontoon::Result<()>; 2] {
    let (has_one, one) = channel();
    let (has_two, two) = channel();
    let add = "UPDATE accounts SET amount = amount + 1 WHERE id = ?";
    std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            let mut runs = 0;
            db.transaction_with(options, |tx| {
                runs += 1;
                if runs > 1 {
                    tx.execute(add, (1,))?;
                    return tx.execute(add, (2,)).map(drop);
                }
                tx.execute(add, (2,))?;
                has_two.send(()).expect("the other waits");
                one.recv_timeout(PATIENCE).expect("the other tells");
                tx.execute(add, (1,)).map(drop)
            })
        });
        let mut runs = 0;
        let first = db.transaction_with(options, |tx| {
            runs += 1;
            tx.execute(add, (1,))?;
            if runs == 1 {
                has_one.send(()).expect("the other waits");
                two.recv_timeout(PATIENCE).expect("the other tells");
            }
            tx.execute(add, (2,)).map(drop)
        });
        [first, other.join().expect("no panic")]
    })
}

#[test]
fn a_deadlock_undoes_one_of_two_and_it_can_be_run_again() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    let results = crosswise(&db, &TxOptions::new());
    let [error] = results.into_iter().filter_map(Result::err).collect::<Vec<_>>().try_into().expect("one of them");
    assert_eq!((error.kind(), error.vendor_code()), (ErrorKind::Deadlock, Some(1213)), "{error:?}");
    assert!(error.is_retryable());
    assert_eq!(amounts(&db), [1, 1]);
    let results = crosswise(&db, &TxOptions::new().retry(Retry::attempts(5)));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(amounts(&db), [3, 3]);
}

#[test]
fn after_a_deadlock_nothing_goes_in_by_itself() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    let (has_one, one) = channel();
    let (has_two, two) = channel();
    let set = "UPDATE accounts SET amount = 9 WHERE id = ?";
    let db = &db;
    let strays = std::thread::scope(|scope| {
        let run = |mine: i32, theirs: i32, tell: std::sync::mpsc::Sender<()>, told: std::sync::mpsc::Receiver<()>| {
            let tx = db.begin().unwrap();
            tx.execute(set, (mine,)).unwrap();
            tell.send(()).unwrap();
            told.recv_timeout(PATIENCE).unwrap();
            match tx.execute(set, (theirs,)) {
                Ok(_) => tx.rollback().map(|()| None),
                // The transaction is gone at the server: this would commit by itself.
                Err(_) => Ok(Some(tx.execute("INSERT INTO accounts VALUES (3, 3)", ()).map(drop))),
            }
        };
        let other = scope.spawn(move || run(2, 1, has_two, one));
        let first = run(1, 2, has_one, two);
        [first.unwrap(), other.join().unwrap().unwrap()]
    });
    let [stray] = strays.into_iter().flatten().collect::<Vec<_>>().try_into().expect("one of them gave way");
    fails(ErrorKind::TransactionLost, stray);
    assert_eq!(amounts(db), [0, 0]);
}

#[test]
fn a_lock_that_is_not_granted_undoes_its_statement_alone() {
    let scratch = scratch!();
    let db = accounts(&scratch);
    let holder = db.begin().unwrap();
    holder.execute("UPDATE accounts SET amount = 1 WHERE id = 2", ()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let tx = db.begin().unwrap();
            tx.execute("UPDATE accounts SET amount = 5 WHERE id = 1", ()).unwrap();
            let error =
                fails(ErrorKind::Busy, tx.fetch_all("SELECT * FROM accounts WHERE id = 2 FOR UPDATE NOWAIT", ()));
            assert_eq!(error.vendor_code(), Some(1205));
            tx.commit().unwrap();
        });
    });
    holder.rollback().unwrap();
    assert_eq!(amounts(&db), [5, 0]);
}

#[test]
fn levels_and_access_are_what_was_asked_for() {
    let scratch = scratch!();
    let db = &accounts(&scratch);
    // What another one has written and not committed, then committed, as a transaction of each level sees it.
    for (level, sees) in [
        (IsolationLevel::ReadUncommitted, [0, 1, 1]),
        (IsolationLevel::ReadCommitted, [0, 0, 1]),
        (IsolationLevel::RepeatableRead, [0, 0, 0]),
    ] {
        db.execute("UPDATE accounts SET amount = 0", ()).unwrap();
        let tx = db.begin_with(&TxOptions::new().isolation(level)).unwrap();
        let amount = || tx.fetch_val::<i64>("SELECT amount FROM accounts WHERE id = 1", ()).unwrap().unwrap();
        let mut seen = vec![amount()];
        std::thread::scope(|scope| {
            let (written, is_written) = channel();
            let (go_on, may_go_on) = channel::<()>();
            let other = scope.spawn(move || {
                let tx = db.begin().unwrap();
                tx.execute("UPDATE accounts SET amount = 1 WHERE id = 1", ()).unwrap();
                written.send(()).unwrap();
                may_go_on.recv_timeout(PATIENCE).unwrap();
                tx.commit().unwrap();
            });
            is_written.recv_timeout(PATIENCE).unwrap();
            seen.push(amount());
            go_on.send(()).unwrap();
            other.join().unwrap();
            seen.push(amount());
        });
        assert_eq!(seen, sees, "{level:?}");
        // The session keeps its own.
        let session: Option<String> = tx.fetch_val("SELECT @@session.tx_isolation", ()).unwrap();
        assert_eq!(session.as_deref(), Some("REPEATABLE-READ"));
        tx.commit().unwrap();
    }
    db.execute("UPDATE accounts SET amount = 0", ()).unwrap();
    let tx = db.begin_with(&TxOptions::new().read_only()).unwrap();
    let error = fails(ErrorKind::ReadOnly, tx.execute("UPDATE accounts SET amount = 2", ()));
    assert_eq!(error.vendor_code(), Some(1792));
    tx.rollback().unwrap();
    // The next one is not.
    db.transaction(|tx| tx.execute("UPDATE accounts SET amount = 2", ()).map(drop)).unwrap();
    assert_eq!(amounts(db), [2, 2]);
}

#[test]
fn what_completion_type_says_is_not_taken_for_the_end() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let connection = db.connection().unwrap();
    connection.execute("SET completion_type = 'CHAIN'", ()).unwrap();
    // The server begins another one at once, and says so.
    fails(ErrorKind::CommitUnknown, connection.begin().unwrap().commit());
    drop(connection);
    assert_eq!(db.fetch_val("SELECT @@in_transaction", ()).unwrap(), Some(0));
}
