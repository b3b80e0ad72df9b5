//! `README.md` beside this file says which test shows which promise; here it is held to that.

use std::collections::BTreeSet;

const SUITE: &[(&str, &str)] = &[
    ("commits", include_str!("commits.rs")),
    ("connecting", include_str!("connecting.rs")),
    ("data", include_str!("data.rs")),
    ("examples", include_str!("examples.rs")),
    ("mutations", include_str!("mutations.rs")),
    ("network", include_str!("network.rs")),
    ("outages", include_str!("outages.rs")),
    ("sessions", include_str!("sessions.rs")),
    ("traffic", include_str!("traffic.rs")),
];

/// The tests of a file: those in the list at its head.
fn tests_of<'s>(file: &'s str, source: &'s str) -> impl Iterator<Item = String> + use<'s> {
    let list = source.split_once(&format!("tests! {{ {file}:\n")).and_then(|(_, rest)| rest.split_once("\n}"));
    let names = list.map_or("", |(list, _)| list).split_whitespace();
    names.map(move |name| format!("{file}::{name}"))
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
    assert!(there.len() > 50, "the tests are not found any more: {there:?}");
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "README.md names tests that are not there: {missing:#?}");
    let unnamed: Vec<_> = there.difference(&named).collect();
    assert!(unnamed.is_empty(), "README.md does not name: {unnamed:#?}");
}

#[test]
fn each_file_of_the_suite_is_looked_at() {
    let modules = include_str!("main.rs").lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let files: BTreeSet<&str> = modules.filter(|name| !["kit", "subject", "promises"].contains(name)).collect();
    assert_eq!(files, SUITE.iter().map(|(file, _)| *file).collect());
}
