//! Fairness and what a waiting future costs others.

use std::pin::pin;

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::script::{Ears, Method, Rule, Script};
use crate::support::{awaited, ends, open, poll_once, poll_until};

#[test]
fn threads_and_futures_stand_in_one_line() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let held = db.connection().await.unwrap();
        let mut first = pin!(db.execute("INSERT INTO t VALUES (1)", ()));
        assert!(poll_once(first.as_mut()).is_pending());
        let thread = {
            let sync = db.to_sync();
            std::thread::spawn(move || sync.execute("INSERT INTO t VALUES (2)", ()))
        };
        while db.snapshot().waiting < 2 {
            std::thread::yield_now();
        }
        let mut third = pin!(db.execute("INSERT INTO t VALUES (3)", ()));
        assert!(poll_once(third.as_mut()).is_pending());
        drop(held);
        first.await.unwrap();
        thread.join().unwrap().unwrap();
        third.await.unwrap();
        assert_eq!(script.committed("t"), [1, 2, 3], "who came first is served first");
    });
}

#[test]
fn too_many_waiters_are_told_at_once() {
    awaited(async {
        let script = Script::new().table("t");
        let db = script.builder().pool_size(1).max_waiters(1).open().unwrap().to_async();
        let _held = db.connection().await.unwrap();
        let mut first = pin!(db.ping());
        assert!(poll_once(first.as_mut()).is_pending());
        assert_eq!(db.ping().await.unwrap_err().kind(), ErrorKind::QueueFull);
    });
}

/// Inside a job of the connection a future that waits for that connection would never be ready.
#[test]
fn waiting_for_oneself_is_an_error_at_once() {
    ends(|| {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let inner = db.clone();
        let ran = db.to_sync().run(move |_| {
            let error = pollster::block_on(inner.execute("INSERT INTO t VALUES (1)", ())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldDeadlock);
            let error = pollster::block_on(inner.begin()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldDeadlock);
            Ok(())
        });
        ran.unwrap();
        assert_eq!(script.count(Method::Execute), 0);
    });
}

#[test]
fn closures_are_shipped() {
    awaited(async {
        let script = Script::new().table("t");
        let db = open(&script, 1);
        let here = std::thread::current().id();
        let n = db
            .session(move |session| {
                assert_ne!(std::thread::current().id(), here);
                session.execute("INSERT INTO t VALUES (1)", ())?;
                session.fetch_val::<i64>("SELECT count(*) FROM t", ())
            })
            .await
            .unwrap();
        assert_eq!(n, Some(1));
        let error = db.run(|_| -> pontoon::Result<()> { panic!("of the program") }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DriverPanic);
        db.ping().await.unwrap();
    });
}

/// Who holds a connection is told with the place in the program where it was asked for, by every method.
#[test]
fn the_place_of_a_call_is_its_caller_s() {
    awaited(async {
        let script = Script::new().table("t");
        script.insert("t", &[1, 2, 3]);
        let db = open(&script, 1);
        let place = || db.snapshot().connections[0].holder.as_ref().map(|holder| holder.location.file().to_owned());
        let gate = script.gate("all");
        for method in [Method::Query, Method::Execute, Method::Ping] {
            script.add(Rule::on(method).block(&gate, Ears::SERVER));
        }
        macro_rules! is_here {
            ($($call:expr;)+) => {$({
                let mut call = pin!($call);
                poll_until(call.as_mut(), || gate.blocked() > 0);
                assert_eq!(place().as_deref(), Some(file!()), "{}", stringify!($call));
            })+};
        }
        is_here! {
            db.fetch_all("SELECT n FROM t", ());
            db.fetch_one("SELECT n FROM t", ());
            db.fetch_nth("SELECT n FROM t", (), 1);
            db.fetch_last("SELECT n FROM t", ());
            db.fetch_val::<i64>("SELECT n FROM t", ());
            db.fetch_all_as::<(i64,)>("SELECT n FROM t", ());
            db.fetch_one_as::<(i64,)>("SELECT n FROM t", ());
            db.execute("INSERT INTO t VALUES (4)", ());
            db.ping();
            db.session(|session| session.ping());
            db.transaction(|tx| async move { tx.ping().await });
            futures_util::StreamExt::collect::<Vec<_>>(db.iterate("SELECT n FROM t", ()));
        }
    });
}
