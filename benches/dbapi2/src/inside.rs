//! The same inside of Python: `inside.py` measures itself, and this hands on what it says.

use std::process::Command;

use pontoon_bench_harness::{Env, Outcome, Peer};

use crate::PYTHON;

pub const PEER: Peer = Peer {
    name: "python",
    run: |row, env| Some(run(row, env)),
    rows: &["dbapi_point", "dbapi_fetch_all", "dbapi_stream"],
};

fn run(row: &str, env: &Env) -> Outcome {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/inside.py");
    let mut python = Command::new(PYTHON);
    python.arg(program).arg(env.people()).arg(row).arg(env.repeats().to_string());
    if let Some(time) = env.time() {
        python.arg(time.as_secs_f64().to_string());
    }
    let output = python.output().expect("a Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("digits");
    let mut words = said.split_whitespace();
    let mut word = || words.next().expect("a digest, seconds and bytes");
    let digest = u64::from_str_radix(word(), 16).expect("a digest");
    let seconds = word().parse().expect("seconds");
    let outcome = Outcome::of(digest, seconds);
    if row == "dbapi_stream" {
        return outcome.and("dbapi_stream_memory", word().parse().expect("bytes"));
    }
    outcome
}
