//! The same inside of Java: `Inside.java` measures itself, and this hands on what it says.

use std::process::Command;

use pontoon_bench_harness::{Env, Outcome, Peer};

use crate::{DRIVER, url};

pub const PEER: Peer =
    Peer { name: "java", run: |row, env| Some(run(row, env)), rows: &["jdbc_point", "jdbc_fetch_all"] };

fn run(row: &str, env: &Env) -> Outcome {
    let mut java = Command::new("java");
    java.args(["-XX:+UseSerialGC", "-cp", DRIVER, concat!(env!("CARGO_MANIFEST_DIR"), "/Inside.java")]);
    java.args([url(env).as_str(), row]);
    if let Some(time) = env.time() {
        java.arg(time.as_secs_f64().to_string());
    }
    let output = java.output().expect("a Java");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("digits");
    let (digest, seconds) = said.trim().split_once(' ').expect("a digest and seconds");
    Outcome::of(u64::from_str_radix(digest, 16).expect("a digest"), seconds.parse().expect("seconds"))
}
