//! People by their keys from a server, awaited: the rows that all pools for tasks have.

use pontoon_bench_harness::{Digest, Env, Outcome};
use tokio::runtime::Runtime;

use crate::tasks::{EACH, measure, measure_tasks};

/// The rows of [`run`].
pub const ROWS: [&str; 2] = ["server_await_point", "server_tasks"];

/// A pool whose clones are handles of it.
pub trait Pooled: Clone + Send + Sync + 'static {
    /// Reads the person of this number into the digest.
    fn read(&self, number: u64, digest: &mut Digest) -> impl Future<Output = ()> + Send;
}

/// A row on a pool of as many connections as it has. The pool is opened, and dropped, where `runtime` is.
pub fn run<P: Pooled>(row: &str, env: &Env, runtime: &Runtime, open: impl Fn(usize) -> P) -> Option<Outcome> {
    Some(match row {
        "server_await_point" => {
            let pool = open(4);
            measure(env, runtime, 10, |numbers, mut digest| {
                let pool = pool.clone();
                async move {
                    for number in numbers {
                        pool.read(number, &mut digest).await;
                    }
                    digest
                }
            })
        }
        "server_tasks" => {
            let pool = open(10);
            measure_tasks(env, runtime, |first| {
                let pool = pool.clone();
                async move {
                    let mut digest = Digest::default();
                    for number in first..first + EACH {
                        pool.read(number, &mut digest).await;
                    }
                    digest
                }
            })
        }
        _ => return None,
    })
}
