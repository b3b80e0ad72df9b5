//! `README.md` beside this file says which test shows which promise; here it is held to that.

use std::collections::BTreeSet;

const SUITE: &[(&str, &str)] = &[
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
    let there: BTreeSet<String> = SUITE.iter().flat_map(|(file, source)| tests_of(file, source)).collect();
    let named: BTreeSet<String> = include_str!("README.md")
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| code.contains("::"))
        .map(str::to_owned)
        .collect();
    assert!(there.len() > 100, "the tests are not found any more: {there:?}");
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "README.md names tests that are not there: {missing:#?}");
    let unnamed: Vec<_> = there.difference(&named).collect();
    assert!(unnamed.is_empty(), "README.md does not name: {unnamed:#?}");
}

#[test]
fn each_file_of_the_suite_is_looked_at() {
    let modules = include_str!("main.rs").lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let files: BTreeSet<&str> = modules.filter(|name| !["kit", "support", "promises"].contains(name)).collect();
    assert_eq!(files, SUITE.iter().map(|(file, _)| *file).collect());
}
