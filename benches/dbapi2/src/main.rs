//! Pontoon on Python's sqlite3, beside the same loops inside Python.

#[path = "../../peers/hosted.rs"]
mod hosted;
mod inside;

use std::process::{Command, ExitCode, Stdio};

use pontoon::prelude::*;
use pontoon_bench_harness::{Peer, data};

/// The interpreter, for Pontoon and for the other peer.
const PYTHON: &str = "python3";

const PONTOON: Peer = Peer {
    name: "pontoon",
    run: |row, env| HOST.run(row, env),
    rows: &["dbapi_point", "dbapi_fetch_all", "dbapi_start", "dbapi_stream"],
};

const HOST: hosted::Host = hosted::Host {
    open: |env, _| {
        let url = format!("dbapi2+sqlite3://{}", env.people().display());
        Database::builder().url(url.as_str()).pool_size(1).open().expect("a file")
    },
    stream: data::STREAM,
    warms_up: false,
    memory: ["dbapi_stream_memory", "dbapi_stream_host"],
};

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| word == "list") {
        let what = "import sqlite3, sys; sys.exit(sys.version_info < (3, 8))";
        let runs = Command::new(PYTHON).args(["-c", what]).stderr(Stdio::null()).status();
        if !runs.is_ok_and(|status| status.success()) {
            eprintln!("LEFT OUT: all rows of the group dbapi2, for want of a Python 3.8 or newer with sqlite3");
            return ExitCode::from(pontoon_bench_harness::LEFT_OUT);
        }
    }
    pontoon_bench_harness::main("dbapi2", &[PONTOON, inside::PEER]);
    ExitCode::SUCCESS
}
