//! Fairness and what a waiting future costs others.

use std::pin::pin;

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::script::{Method, Script};
use crate::support::{awaited, ends, open, poll_once};

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
