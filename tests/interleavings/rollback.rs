//! Force rollback that is switched while it is used, and guests that get into trouble.

use std::thread;
use std::time::Duration;

use pontoon::prelude::*;

use crate::kit::script::{Ears, Method, RawScript, Rule, Script};
use crate::{LONG, SHORT, ends, one};

#[test]
fn force_rollback_that_is_switched_off_while_it_takes_hold_keeps_no_connection() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the begin");
        let db =
            script.builder().pool_size(1).timeout(Some(Duration::from_secs(5))).force_rollback(true).open().unwrap();
        script.add(Rule::on(Method::Begin).once().block(&gate, Ears::SERVER));
        let guest = thread::spawn({
            let db = db.clone();
            move || db.execute("INSERT INTO t VALUES (1)", ())
        });
        gate.wait_blocked();
        db.set_force_rollback(Some(false));
        gate.open();
        guest.join().unwrap().unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}

#[test]
fn force_rollback_that_takes_hold_while_the_database_is_closed_is_there_after_it_is_connected_again() {
    ends(|| {
        let script = Script::new().table("t");
        let gate = script.gate("the begin");
        let db =
            script.builder().pool_size(1).timeout(Some(Duration::from_secs(5))).force_rollback(true).open().unwrap();
        script.add(Rule::on(Method::Begin).once().afterwards().block(&gate, Ears::DEAF));
        let guest = thread::spawn({
            let db = db.clone();
            move || db.execute("INSERT INTO t VALUES (1)", ())
        });
        gate.wait_blocked();
        let closing = thread::spawn({
            let db = db.clone();
            move || db.close(LONG)
        });
        while db.is_connected() {
            thread::yield_now();
        }
        gate.open();
        let _ = guest.join().unwrap();
        closing.join().unwrap();
        db.connect().unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(1));
        db.close(LONG);
        assert_eq!(script.committed("t"), Vec::<i64>::new());
        script.assert_contract();
    });
}

#[test]
fn what_goes_wrong_for_one_guest_of_force_rollback_is_nobody_elses() {
    ends(|| {
        for (number, method) in
            [Method::Savepoint, Method::Savepoint, Method::Raw, Method::RollbackTo].into_iter().enumerate()
        {
            let script = Script::new().table("t");
            let gate = script.gate("one guest");
            let db = script.builder().timeout(Some(SHORT * 4)).force_rollback(true).open().unwrap();
            db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
            let rule = Rule::on(method).once();
            script.add(match number {
                0 => rule.afterwards().block(&gate, Ears::DEAF),
                1 => rule.block(&gate, Ears::SERVER),
                _ => rule.afterwards().block(&gate, Ears::SERVER),
            });
            match method {
                Method::Raw => drop(db.raw(|_: &mut RawScript| Ok(())).unwrap_err()),
                Method::RollbackTo => drop(db.execute("FROBNICATE", ())),
                _ => drop(db.begin().unwrap_err()),
            }
            gate.open();
            db.execute("INSERT INTO t VALUES (2)", ()).unwrap_or_else(|error| panic!("{number} {method:?}: {error}"));
            db.transaction(|tx| tx.execute("INSERT INTO t VALUES (3)", ()).map(drop)).unwrap();
            assert_eq!(db.fetch_val::<i64>("SELECT COUNT(*) FROM t", ()).unwrap(), Some(3), "{number} {method:?}");
            script.assert_contract();
        }
    });
}

#[test]
fn a_transaction_under_force_rollback_keeps_its_thread_when_that_is_switched_off() {
    ends(|| {
        let script = Script::new().table("t");
        let db = one(&script);
        db.set_force_rollback(Some(true));
        let tx = db.begin().unwrap();
        db.set_force_rollback(None);
        // Whatever the thread does while its transaction is open belongs to it.
        db.execute(Query::new("INSERT INTO t VALUES (1)").timeout(Duration::from_secs(5)), ()).unwrap();
        tx.commit().unwrap();
        db.execute("INSERT INTO t VALUES (2)", ()).unwrap();
        assert_eq!(script.committed("t"), [2]);
        script.assert_contract();
    });
}
