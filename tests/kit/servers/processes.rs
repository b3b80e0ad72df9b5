//! The processes of a server: those that work in its folder.
//!
//! Every PostgreSQL and MariaDB process stands in its data folder, also one that lost its parent, whose session and
//! process group are its own. A number that came from there is looked up again before a signal is sent to it.

use std::path::Path;

use rustix::process::{Pid, Signal};

use crate::kit::threads_of;

/// The processes that stand in this folder or below, the oldest number first.
pub(crate) fn processes_in(folder: &Path) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut found: Vec<i32> = numbers.filter(|number| stands_in(*number, folder)).collect();
    found.sort_unstable();
    found
}

/// Whether there is such a process, and it stands in this folder. One that has ended stands nowhere.
pub(super) fn stands_in(process: i32, folder: &Path) -> bool {
    if let Ok(at) = std::fs::read_link(format!("/proc/{process}/cwd")) {
        return at.starts_with(folder);
    }
    // The first thread may have ended before the others.
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| std::fs::read_link(thread.path().join("cwd")).ok()).any(|at| at.starts_with(folder))
}

/// Whether all of its threads have ended. One that stands nowhere any more may still hold its sockets for a moment.
pub(super) fn has_ended(process: i32) -> bool {
    threads_of(&process.to_string()).iter().all(|thread| matches!(thread.state, 'Z' | 'X'))
}

/// Sends a signal to a process; whether there was one.
pub(crate) fn kill_process(process: i32, signal: Signal) -> bool {
    Pid::from_raw(process).is_some_and(|process| rustix::process::kill_process(process, signal).is_ok())
}

/// Sends a signal to all processes in a folder, until there is none that has not had it: some may be starting more.
pub(super) fn signal_all(folder: &Path, signal: Signal) {
    let mut had = Vec::new();
    loop {
        let new: Vec<i32> = processes_in(folder).into_iter().filter(|process| !had.contains(process)).collect();
        if new.is_empty() {
            return;
        }
        for process in new {
            kill_process(process, signal);
            had.push(process);
        }
    }
}
