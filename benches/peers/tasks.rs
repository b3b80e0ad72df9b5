//! Measuring what is awaited: in a task of a runtime with two workers, as programs have it.

use std::ops::Range;

use pontoon_bench_harness::{Digest, Env, Outcome};
use tokio::runtime::Runtime;

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Measures a task that does a batch of things, which have running numbers; the value is seconds for one. What starting
/// the task takes is shared by the batch.
pub fn measure<F>(env: &Env, runtime: &Runtime, batch: u64, op: impl Fn(Range<u64>, Digest) -> F) -> Outcome
where
    F: Future<Output = Digest> + Send + 'static,
{
    env.measure_with(
        || (),
        |number, digest| {
            let task = runtime.spawn(op(number * batch..(number + 1) * batch, *digest));
            *digest = runtime.block_on(task).expect("no call fails");
        },
    )
    .per(batch as f64)
}

/// How many tasks there are for ten connections, and how many statements each of them runs.
pub const TASKS: usize = 1000;
pub const EACH: u64 = 5;

/// Measures very many tasks that each run a few statements; the value is seconds for one statement. `op` is given the
/// number of a task and returns what the digest of its rows is.
#[allow(dead_code, reason = "SQLite has no such row")]
pub fn measure_tasks<F>(env: &Env, runtime: &Runtime, op: impl Fn(u64) -> F) -> Outcome
where
    F: Future<Output = Digest> + Send + 'static,
{
    env.measure_with(
        || (),
        |_, digest| {
            let tasks: Vec<_> = (0..TASKS as u64).map(|task| runtime.spawn(op(task * EACH))).collect();
            for task in tasks {
                // They end in any order; this is theirs.
                digest.int(runtime.block_on(task).expect("no call fails").0 as i64);
            }
        },
    )
    .per((TASKS as u64 * EACH) as f64)
}
