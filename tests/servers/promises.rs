//! `README.md` beside this file says which test shows which promise; here it is held to that.

use crate::kit::promises::{self, Suite};

const SUITE: Suite = &[
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
    let there = SUITE.iter().flat_map(|(file, source)| tests_of(file, source));
    promises::each_has_its_tests(include_str!("README.md"), there, 50);
}

#[test]
fn each_file_of_the_suite_is_looked_at() {
    promises::each_file_is_looked_at(include_str!("main.rs"), SUITE, &["kit", "subject", "promises"]);
}
