//! What this process has, and those that it has started, by `/proc`.

use std::time::{Duration, Instant};

/// A number of `/proc/self/status`.
fn status(name: &str) -> f64 {
    number_in(&std::fs::read_to_string("/proc/self/status").expect("Linux"), name)
}

fn number_in(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("known to every kernel");
    let number = line.trim_start_matches(':').split_whitespace().next().expect("a value");
    number.parse().expect("a number")
}

/// What it runs on, in a few words.
pub fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").expect("Linux");
    let field = |name: &str| {
        cpus.lines()
            .find_map(|line| line.strip_prefix(name)?.split_once(": ").map(|(_, value)| value.trim().to_owned()))
    };
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux");
    let version = kernel.split(['-', '\n']).next().unwrap_or_default();
    format!("{count} processors ({}), Linux {version}", field("model name").unwrap_or_else(|| "unknown".to_owned()))
}

/// The most memory that was resident, in bytes.
pub fn peak_memory() -> f64 {
    status("VmHWM") * 1024.0
}

/// The memory that is resident now in processes that this one has started, in bytes.
pub fn memory_of_children() -> f64 {
    let own = f64::from(std::process::id());
    let mut memory = 0.0;
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        // Not a process, or one that has ended by now.
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        if status.contains("\nVmRSS") && number_in(&status, "PPid") == own {
            memory += number_in(&status, "VmRSS") * 1024.0;
        }
    }
    assert!(memory > 0.0, "no process was started, or all have ended");
    memory
}

/// Memory for each of the things that `open` opens: of `many` beside one, so that what a process needs once is not
/// counted. All are there at the end.
pub fn memory_each<T>(many: usize, mut open: impl FnMut(usize) -> T) -> f64 {
    let one = open(1);
    let before = Holdings::settled();
    let rest = open(many - 1);
    let each = before.growth().memory / (many - 1) as f64;
    drop((one, rest));
    each
}

/// What must not grow.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    pub threads: f64,
    pub files: f64,
    pub memory: f64,
}

impl Holdings {
    fn now() -> Holdings {
        Holdings {
            threads: status("Threads"),
            files: std::fs::read_dir("/proc/self/fd").expect("Linux").count() as f64,
            memory: status("VmRSS") * 1024.0,
        }
    }

    /// When the threads that are about to end have ended: their number has not changed for a while.
    pub fn settled() -> Holdings {
        let mut last = Holdings::now();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_millis(100) {
            std::thread::yield_now();
            let now = Holdings::now();
            if now.threads != last.threads || now.files != last.files {
                since = Instant::now();
            }
            last = now;
        }
        last
    }

    /// What has come since.
    pub fn growth(self) -> Holdings {
        let now = Holdings::settled();
        Holdings {
            threads: now.threads - self.threads,
            files: now.files - self.files,
            memory: now.memory - self.memory,
        }
    }
}
