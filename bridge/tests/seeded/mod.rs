//! Shows that each model can fail: it is run again, in a process of its own, with one deliberate bug switched on.

use std::process::Command;

/// `(bug, model)`: the model's test must pass as it is and fail with the bug.
pub(crate) fn each_is_caught(bugs: &[(&str, &str)]) {
    let this = std::env::current_exe().expect("a test knows its program");
    let missed: Vec<_> = bugs
        .iter()
        .filter(|(bug, model)| {
            let run = Command::new(&this)
                .args(["--exact", model])
                .env("SEEDED_BUG", bug)
                .output()
                .expect("a test can run itself");
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(said.contains("running 1 test"), "there is no model {model}");
            run.status.success()
        })
        .collect();
    assert!(missed.is_empty(), "seeded bugs that no model caught: {missed:?}");
}
