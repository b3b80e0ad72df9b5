//! The program `java`.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::driver::hosted::program;
use crate::error::Result;

/// The program: the option `java`, else that of `JAVA_HOME`, else the first on the `PATH`.
///
/// # Errors
/// `Config` when there is none; the message lists where it was looked for.
pub(super) fn find(config: &Config) -> Result<PathBuf> {
    if let Some(given) = config.options().path("java") {
        let inside = given.join("bin/java");
        return program::at(if given.is_dir() { &inside } else { given }, "java");
    }
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let homes: Vec<PathBuf> = home.iter().map(|home| Path::new(home).join("bin")).collect();
    program::find("Java, 17 or later,", &["java"], &homes, "java")
}
