//! Pontoon on H2, by its JDBC driver, beside the same inside of Java, and a bare echo by way of the same kind of socket.

mod echo;
#[path = "../../peers/hosted.rs"]
mod hosted;
mod inside;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use pontoon::prelude::*;
use pontoon_bench_harness::{Env, Peer, data};

/// Where the distribution has the driver: as Pontoon itself looks for it.
const DRIVER: &str = "/usr/share/java/h2.jar";

/// For the long stream: a Java that has room takes its time to collect garbage, and its memory would say nothing. So the
/// heap is small, too small by far for the result, and all of it is there from the start: what is more later is not heap.
const SMALL: &str = "-Xms64m -Xmx64m -XX:+AlwaysPreTouch";

const PONTOON: Peer = Peer {
    name: "pontoon",
    run: |row, env| HOST.run(row, env),
    rows: &["jdbc_point", "jdbc_fetch_all", "jdbc_start", "jdbc_stream"],
};

const HOST: hosted::Host = hosted::Host {
    open: |env, stream| {
        if stream { open(&format!("{};LAZY_QUERY_EXECUTION=1", url(env)), SMALL) } else { open(&url(env), "") }
    },
    stream: "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r CROSS JOIN people p WHERE r.number <= ?",
    warms_up: true,
    memory: ["jdbc_stream_memory", "jdbc_stream_host"],
};

/// The file, to be read only: so that it is not locked.
fn url(env: &Env) -> String {
    format!("{};ACCESS_MODE_DATA=r", writable(env))
}

fn writable(env: &Env) -> String {
    format!("jdbc:h2:{}", env.dir.join("people").display())
}

fn open(url: &str, jvm_options: &str) -> Database {
    let database = Database::builder().url(url).option("jvm_options", jvm_options).allow_code_options(true);
    database.pool_size(1).open().expect("a database")
}

/// Makes the file, once for all processes: the rows are those of `data::people`.
fn prepare(env: &Env) {
    let db = open(&writable(env), "");
    db.execute(
        "CREATE TABLE people (id BIGINT PRIMARY KEY, name VARCHAR NOT NULL, age BIGINT NOT NULL, \
         score DOUBLE PRECISION NOT NULL, mail VARCHAR NOT NULL)",
        (),
    )
    .expect("a table");
    db.execute("CREATE TABLE repeats (number BIGINT PRIMARY KEY)", ()).expect("a table");
    let people = format!(
        "INSERT INTO people SELECT x + 1, 'Name Number ' || x, MOD(x * 7919, 1000), x * 0.25, \
         'somebody.' || x || '@mail.example.org' FROM SYSTEM_RANGE(0, {})",
        data::PEOPLE - 1
    );
    db.execute(people.as_str(), ()).expect("rows");
    db.execute(format!("INSERT INTO repeats SELECT x FROM SYSTEM_RANGE(1, {})", data::REPEATS).as_str(), ())
        .expect("rows");
    db.execute("ANALYZE", ()).expect("nobody else");
    assert!(db.close(Duration::from_secs(20)).is_clean());
}

/// What is not there that all rows need.
fn missing() -> Option<&'static str> {
    let runs = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !runs.is_ok_and(|status| status.success()) {
        return Some("a Java to run");
    }
    (!Path::new(DRIVER).exists()).then_some(DRIVER)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["list"] if missing().is_some() => {
            let missing = missing().unwrap_or_default();
            eprintln!("LEFT OUT: all rows of the group jdbc, for want of {missing}");
            return ExitCode::from(pontoon_bench_harness::LEFT_OUT);
        }
        ["prepare", dir] => prepare(&Env::checking(dir.into())),
        _ => pontoon_bench_harness::main("jdbc", &[PONTOON, inside::PEER, echo::PEER]),
    }
    ExitCode::SUCCESS
}
