//! `README.md` beside this file says which test shows which promise; here it is held to that.

use crate::kit::promises::{self, Suite};

const SUITE: Suite = &[
    ("callers", include_str!("callers.rs")),
    ("caps", include_str!("caps.rs")),
    ("data", include_str!("data.rs")),
    ("deadlines", include_str!("deadlines.rs")),
    ("endings", include_str!("endings.rs")),
    ("lines", include_str!("lines.rs")),
    ("pool", include_str!("pool.rs")),
    ("process", include_str!("process.rs")),
    ("queue", include_str!("queue.rs")),
    ("rollback", include_str!("rollback.rs")),
    ("secrets", include_str!("secrets.rs")),
    ("shutdown", include_str!("shutdown.rs")),
    ("sqlite", include_str!("sqlite.rs")),
    ("storage", include_str!("storage.rs")),
    ("streams", include_str!("streams.rs")),
    ("stuck", include_str!("stuck.rs")),
    ("transactions", include_str!("transactions.rs")),
];

/// The tests of a file: the functions that the attribute stands in front of, whatever other attributes stand between.
fn tests_of<'s>(file: &'s str, source: &'s str) -> impl Iterator<Item = String> + use<'s> {
    source.split("\n#[test]\n").skip(1).filter_map(move |rest| {
        let line = rest.lines().find(|line| !line.starts_with("#["))?;
        let name = line.strip_prefix("fn ")?.split('(').next()?;
        Some(format!("{file}::{name}"))
    })
}

#[test]
fn each_promise_has_its_tests_and_each_test_its_promise() {
    let there = SUITE.iter().flat_map(|(file, source)| tests_of(file, source));
    promises::each_has_its_tests(include_str!("README.md"), there, 100);
}

#[test]
fn each_file_of_the_suite_is_looked_at() {
    promises::each_file_is_looked_at(include_str!("main.rs"), SUITE, &["kit", "support", "promises"]);
}
