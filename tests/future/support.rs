//! What many tests of this suite do.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon::{ErrorKind, Snapshot};

pub(crate) use crate::kit::Folder;
use crate::kit::script::Script;
use crate::kit::{PATIENCE, await_pool, within};

/// No test of this suite runs longer, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(60);

/// A deadline that is never meant to pass.
pub(crate) const LONG: Duration = Duration::from_secs(50);

/// A deadline that is meant to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// Runs the body of a test, which must come to an end.
pub(crate) fn ends(body: impl FnOnce() + Send + 'static) {
    within(LIMIT, body);
}

/// Runs a test that is a future, on no runtime at all.
pub(crate) fn awaited(future: impl Future<Output = ()> + Send + 'static) {
    within(LIMIT, || pollster::block_on(future));
}

/// The same for thousands of round trips.
pub(crate) fn awaited_at_length(future: impl Future<Output = ()> + Send + 'static) {
    within(LIMIT * 5, || pollster::block_on(future));
}

/// A database of the script, connected.
pub(crate) fn open(script: &Script, pool_size: usize) -> AsyncDatabase {
    script.builder().pool_size(pool_size).timeout(Some(LONG)).acquire_timeout(LONG).open().unwrap().to_async()
}

/// Polls once, with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls, whenever it likes, until it has come so far. It must not be ready by then.
#[track_caller]
pub(crate) fn poll_until<F: Future>(mut future: Pin<&mut F>, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(poll_once(future.as_mut()).is_pending(), "it is over already");
        assert!(Instant::now() < until, "it did not come so far");
        std::thread::yield_now();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// When a future that is not ready is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// At once: what it waits for goes on.
    Waiting,
    /// When it was woken: what it waits for is there, and was not taken.
    Woken,
}

impl Moment {
    pub(crate) const BOTH: [Moment; 2] = [Moment::Waiting, Moment::Woken];
}

/// Polls whenever it is woken, and drops the future at the `pendings`th time that it is not ready: 0 is before the first
/// poll. What it gave, if it was ready before.
pub(crate) fn drop_after<F: Future>(future: F, pendings: usize, moment: Moment) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    for pending in 1..=pendings {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if pending < pendings || moment == Moment::Woken {
            std::thread::park_timeout(PATIENCE);
        }
    }
    None
}

/// Looks at the pool until it is as it should come to be.
#[track_caller]
pub(crate) fn wait_for(db: &AsyncDatabase, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    await_pool(|| db.snapshot(), what, is_so)
}

/// How many times a transaction of six statements can at most be not ready: BEGIN, six, COMMIT, and as many wakes again
/// that bring nothing.
pub(crate) const AWAITS: usize = 64;

/// A transaction of six statements. `commits`: whether COMMIT has come next.
pub(crate) async fn six_statements(db: &AsyncDatabase, commits: &AtomicBool) -> pontoon::Result<()> {
    db.transaction(|tx| async move {
        for n in 1..=6_i64 {
            tx.execute("INSERT INTO t VALUES (:n)", params! { n: n }).await?;
        }
        commits.store(true, Ordering::Relaxed);
        Ok(())
    })
    .await
}

/// Drops a query that takes this long, or has its deadline pass, at moments all around its end. What follows on the
/// same connection would show a stray cancel.
pub(crate) async fn give_up_about_the_end(db: &AsyncDatabase, query: &str, takes: Duration, rounds: u64) {
    let (mut done, mut given_up) = (0, 0);
    for round in 0..rounds {
        // From the half of the time it takes to twice as long.
        let moment = takes / 2 + takes * u32::try_from(round / 2 % 48).unwrap() / 32;
        let ended = if round % 2 == 0 {
            let until = Instant::now() + moment;
            let mut running = pin!(db.fetch_all(query, ()));
            loop {
                if let Poll::Ready(result) = poll_once(running.as_mut()) {
                    break Some(result);
                }
                if Instant::now() >= until {
                    break None;
                }
                std::thread::yield_now();
            }
        } else {
            match db.fetch_all(Query::new(query).timeout(moment), ()).await {
                Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::PoolTimeout) => None,
                result => Some(result),
            }
        };
        match ended {
            Some(Ok(_)) => done += 1,
            Some(Err(error)) => panic!("round {round}: {error:?}"),
            None => given_up += 1,
        }
        let next = db.fetch_val::<u64>(&format!("SELECT {round}"), ()).await;
        assert_eq!(next.unwrap_or_else(|error| panic!("hit in round {round}: {error:?}")), Some(round));
    }
    assert!(done > 0 && given_up > 0, "{done} came to their end and {given_up} did not");
}
