//! The host's classes are those of its sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::Folder;
use crate::support::{compile, has_compiler};

const RENEW: &str = "PONTOON_RENEW_HOST";

/// With `PONTOON_RENEW_HOST=1` in the environment the archive is made anew instead of compared.
#[test]
fn the_archive_is_made_from_the_sources() {
    if !has_compiler() {
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/driver/hosted/jdbc");
    let mut sources: Vec<PathBuf> =
        std::fs::read_dir(here.join("host")).expect("the sources").flatten().map(|entry| entry.path()).collect();
    sources.sort();
    let folder = Folder::new();
    let classes = folder.path("classes");
    std::fs::create_dir(&classes).expect("a folder in the folder");
    compile(&sources, &classes);
    let archive = folder.path("host.jar");
    let mut names: Vec<PathBuf> = std::fs::read_dir(classes.join("pontoon"))
        .expect("classes")
        .flatten()
        .map(|entry| Path::new("pontoon").join(entry.file_name()))
        .collect();
    names.sort();
    let made = Command::new("jar")
        .args(["--create", "--no-manifest", "--date=2026-01-01T00:00:00Z", "--file"])
        .arg(&archive)
        .args(&names)
        .current_dir(&classes)
        .env("TZ", "UTC")
        .output()
        .expect("jar can be started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let kept = here.join("host.jar");
    if std::env::var_os(RENEW).is_some() {
        std::fs::copy(&archive, &kept).expect("the archive can be replaced");
    }
    let (made, kept) = (std::fs::read(&archive).expect("it was made"), std::fs::read(&kept).expect("it is kept"));
    assert!(
        made == kept,
        "host.jar is not what its sources make: run this test with {RENEW}=1, and commit the archive"
    );
}
