//! What the threads of a process are doing, as the kernel tells it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ThreadState {
    pub(crate) id: u32,
    /// The first 15 bytes of its name; the kernel keeps no more.
    pub(crate) name: String,
    /// `R` runs, `S` sleeps, `D` sleeps uninterruptibly, `T` is stopped, `Z` has ended and was not waited for.
    pub(crate) state: char,
    /// The kernel function it sleeps in, where the kernel says so.
    pub(crate) waits_in: String,
    /// The processor time it has used, in ticks of 10 ms.
    pub(crate) ticks: u64,
}

/// The threads of a process: `"self"` or a number. Threads that end while they are looked at are left out.
pub(crate) fn threads_of(process: &str) -> Vec<ThreadState> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let mut threads: Vec<ThreadState> = tasks.filter_map(|task| read(&task.ok()?.path())).collect();
    threads.sort_by_key(|thread| thread.id);
    threads
}

fn read(task: &Path) -> Option<ThreadState> {
    let id = task.file_name()?.to_str()?.parse().ok()?;
    let name = fs::read_to_string(task.join("comm")).ok()?.trim_end().to_owned();
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    // The name stands in parentheses and may contain anything, parentheses too: count from the last one.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let user: u64 = fields.nth(10)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let waits_in = fs::read_to_string(task.join("wchan")).unwrap_or_default();
    let waits_in = if waits_in == "0" { String::new() } else { waits_in };
    Some(ThreadState { id, name, state, waits_in, ticks: user + system })
}

/// The same as a table, for a message.
pub(crate) fn describe_threads(process: &str) -> String {
    let mut table = String::from("  thread  state  ticks  name             waits in\n");
    for ThreadState { id, name, state, waits_in, ticks } in threads_of(process) {
        let _ = writeln!(table, "  {id:<7} {state:<6} {ticks:<6} {name:<16} {waits_in}");
    }
    table
}
