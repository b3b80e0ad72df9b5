//! Threads, open files and memory, before and after.
//!
//! They are counted for the whole process, so a test that measures them runs in a process of its own: see
//! [`case!`](super::case).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use super::threads_of;

/// How long what was closed may take to be gone.
const GRACE: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// What the process holds at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// How many threads there are of each name.
    pub(crate) threads: BTreeMap<String, usize>,
    /// How many open descriptors there are of each kind: `file`, `socket`, `pipe`, `device`, `anon:[eventfd]`.
    pub(crate) descriptors: BTreeMap<String, usize>,
    /// What the descriptors of kind `file` stand for, for a message.
    pub(crate) files: Vec<String>,
    /// The memory that is resident, in bytes.
    pub(crate) resident: u64,
}

impl Census {
    /// Counts.
    pub(crate) fn take() -> Census {
        let mut threads = BTreeMap::new();
        for thread in threads_of("self") {
            *threads.entry(thread.name).or_default() += 1;
        }
        let mut descriptors = BTreeMap::new();
        let mut files = Vec::new();
        let directory = format!("/proc/{}/fd", std::process::id());
        for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.to_string_lossy().into_owned();
            // The descriptor that this very look is taken through.
            if target == directory {
                continue;
            }
            let kind = kind_of(&target);
            if kind == "file" {
                files.push(target);
            }
            *descriptors.entry(kind).or_default() += 1;
        }
        files.sort();
        Census { threads, descriptors, files, resident: resident() }
    }

    /// How many threads there are.
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.values().sum()
    }

    /// How many threads have names that start so. The kernel keeps 15 bytes of a name.
    pub(crate) fn threads_named(&self, prefix: &str) -> usize {
        self.threads.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, count)| count).sum()
    }

    /// How many descriptors are open.
    pub(crate) fn descriptor_count(&self) -> usize {
        self.descriptors.values().sum()
    }
}

fn kind_of(target: &str) -> String {
    if let Some((kind, _)) = target.split_once(":[") {
        return kind.to_owned();
    }
    if let Some(name) = target.strip_prefix("anon_inode:") {
        return format!("anon:{name}");
    }
    if target.starts_with("/dev/") { "device".into() } else { "file".into() }
}

/// The resident memory of the process in bytes, exact: the figure in `statm` is a cached one and lags behind.
fn resident() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let exact = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).and_then(kibibytes);
    let status = || fs::read_to_string("/proc/self/status").unwrap_or_default();
    exact
        .or_else(|| status().lines().find_map(|line| line.strip_prefix("VmRSS:")).and_then(kibibytes))
        .expect("the kernel tells how much memory the process holds")
}

fn kibibytes(figure: &str) -> Option<u64> {
    figure.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Compares what the process holds with what it held.
#[derive(Debug)]
pub(crate) struct LeakMeter {
    before: Census,
    /// Starts of the names of threads that a process keeps once it has them.
    kept: Vec<String>,
}

impl LeakMeter {
    /// Counts what is held now: the baseline.
    pub(crate) fn start() -> LeakMeter {
        LeakMeter { before: Census::take(), kept: Vec::new() }
    }

    /// Leaves threads out whose names start so: those that a process keeps from their first use to its end.
    pub(crate) fn except_threads(mut self, prefix: &str) -> LeakMeter {
        self.kept.push(prefix.to_owned());
        self
    }

    /// The baseline.
    pub(crate) fn before(&self) -> &Census {
        &self.before
    }

    /// Fails the test unless the process comes to hold, within five seconds, exactly the threads and descriptors that
    /// it held at the start: fewer are a fault as well, for then something was closed that was not ours.
    #[track_caller]
    pub(crate) fn assert_flat(&self) {
        if let Err(differences) = self.settled(GRACE) {
            panic!(
                "{GRACE:?} after everything was closed the process does not hold what it held before:\n{differences}"
            );
        }
    }

    /// Whether the process comes to hold, within `grace`, what it held at the start; the differences where it does not.
    pub(crate) fn settled(&self, grace: Duration) -> Result<(), String> {
        let until = Instant::now() + grace;
        loop {
            let now = Census::take();
            let differences = self.differences(&now);
            if differences.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(format!("{differences}open files: {:#?}", now.files));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Fails the test when the resident memory has grown by more than `bytes`.
    #[track_caller]
    pub(crate) fn assert_memory_within(&self, bytes: u64) {
        let grown = Census::take().resident.saturating_sub(self.before.resident);
        assert!(grown <= bytes, "the resident memory has grown by {grown} bytes, allowed are {bytes}");
    }

    fn differences(&self, now: &Census) -> String {
        let mut text = String::new();
        let is_kept = |name: &str| self.kept.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let lists = [
            ("threads", &self.before.threads, &now.threads),
            ("descriptors", &self.before.descriptors, &now.descriptors),
        ];
        for (what, before, now) in lists {
            let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            for name in names {
                let count = |census: &BTreeMap<String, usize>| census.get(name).copied().unwrap_or(0);
                if count(before) != count(now) && !(what == "threads" && is_kept(name)) {
                    let _ = writeln!(text, "{what} `{name}`: {} before, {} now", count(before), count(now));
                }
            }
        }
        text
    }
}
