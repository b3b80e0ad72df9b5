//! A suite whose `README.md` says which test shows which promise is held to that.

use std::collections::BTreeSet;

/// The names of files, without their ending, and what is in them.
pub(crate) type Suite = &'static [(&'static str, &'static str)];

/// Fails unless the tables of `readme` name all tests that there are, and no others; `least` is how many there are at
/// the least, lest none is found any more.
pub(crate) fn each_has_its_tests(readme: &str, there: impl Iterator<Item = String>, least: usize) {
    let there: BTreeSet<String> = there.collect();
    let named: BTreeSet<String> = readme
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| code.contains("::"))
        .map(str::to_owned)
        .collect();
    assert!(there.len() > least, "the tests are not found any more: {there:?}");
    let missing: Vec<_> = named.difference(&there).collect();
    assert!(missing.is_empty(), "README.md names tests that are not there: {missing:#?}");
    let unnamed: Vec<_> = there.difference(&named).collect();
    assert!(unnamed.is_empty(), "README.md does not name: {unnamed:#?}");
}

/// Fails unless the suite has all modules of `main`, but for those that hold no tests of promises.
pub(crate) fn each_file_is_looked_at(main: &str, suite: Suite, others: &[&str]) {
    let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let files: BTreeSet<&str> = modules.filter(|name| !others.contains(name)).collect();
    assert_eq!(files, suite.iter().map(|(file, _)| *file).collect());
}
