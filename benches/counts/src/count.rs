//! Counting: a row in a process of its own, under valgrind, twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rows::{Row, Threads};

/// Instructions of one run.
pub fn count(row: &Row) -> u64 {
    let (low, high) = row.runs;
    (counted(row, high) - counted(row, low)) / (high - low)
}

/// Instructions of a process that does so many runs.
fn counted(row: &Row, runs: u64) -> u64 {
    let dir = Folder::new();
    crate::rows::prepare(&dir.0);
    let program = std::env::current_exe().expect("this very program");
    let counts = dir.0.join("counts");
    // On one processor nobody looks out for a reply, which would be counted. Of the processor valgrind shows little
    // enough that the C library copies memory in the same way on all of them.
    let output = Command::new("taskset")
        .args(["-c", &a_processor().to_string(), "valgrind", "--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program)
        .arg("run")
        .arg(&dir.0)
        .args([row.name, &runs.to_string()])
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .output()
        .expect("taskset of util-linux");
    assert!(
        output.status.success(),
        "valgrind, with `{}`, {}:\n{}",
        row.name,
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let of_thread = |path: PathBuf| total(&std::fs::read_to_string(path).expect("a profile"));
    match row.threads {
        Threads::Caller => of_thread(dir.0.join("counts-01")),
        Threads::All => {
            let files = std::fs::read_dir(&dir.0).expect("a folder").map(|file| file.expect("a file").path());
            files.filter(|path| is_profile(path)).map(of_thread).sum()
        }
    }
}

fn is_profile(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("counts-"))
}

/// The total that a profile ends with.
fn total(profile: &str) -> u64 {
    let line = profile.lines().rev().find_map(|line| line.strip_prefix("totals:")).expect("a profile with totals");
    line.trim().parse().expect("a number of instructions")
}

/// A processor that this process may run on.
fn a_processor() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("a list of processors");
    let first = list.trim().split([',', '-']).next().expect("one at least");
    first.parse().expect("a number")
}

/// A folder that goes with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("pontoon-counts-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a place for the files");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
