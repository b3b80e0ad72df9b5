//! The Python of this machine, and the modules that the tests want of it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The system's own: others that are first in `PATH` can be scripts, which take longer to start than it does.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// The folder that `tests/run setup` puts modules into that no package of the system has.
pub(crate) fn modules() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    own.parent().map(|target| target.join("python")).unwrap_or(own)
}

/// Whether Python and a module are there; without them the test is left out, loudly, and with `CI=true` it fails.
pub(crate) fn has_module(name: &'static str) -> bool {
    static FOUND: [OnceLock<bool>; 3] = [const { OnceLock::new() }; 3];
    let names = ["sqlite3", "pg8000.dbapi", "pymysql"];
    let at = names.iter().position(|own| *own == name).expect("a module that the tests want");
    let found = *FOUND[at].get_or_init(|| {
        Command::new(PYTHON)
            .args(["-c", &format!("import {name}")])
            .env("PYTHONPATH", modules())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    if found {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} needs the Python module `{name}`, and CI=true leaves no test out; `tests/run setup` installs it"
    );
    let line = format!("LEFT OUT: {test} needs Python: the module `{name}`; `tests/run setup` installs it\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}
