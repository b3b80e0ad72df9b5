//! The process of a host: started in a process group of its own, heard, killed, and never left behind.

use std::ffi::OsString;
use std::io::{self, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::driver::{Notices, forks};
use crate::error::{Error, ErrorKind, Result};

/// How a host is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// What it is called in messages: `Python`.
    pub(super) what: &'static str,
    pub(super) program: PathBuf,
    /// What stands between the program and the path of its file.
    pub(super) arguments: Vec<OsString>,
    /// What stands directly in front of that path, in the same argument.
    pub(super) before: OsString,
    /// The file that it runs, by name and content.
    pub(super) file: (&'static str, &'static [u8]),
    /// What stands behind it.
    pub(super) behind: Vec<OsString>,
}

/// The longest line of a host's output that is told.
const LINE: usize = 4096;

/// So many lines of it are told within a second; the rest are counted.
const LINES_A_SECOND: u32 = 200;

/// How long the end of a process is waited for once its sockets have ended, to say how it ended.
const FUNERAL: Duration = Duration::from_millis(300);

/// How long a process that holds databases itself has to write them down at its end.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// A child process. Dropped, it is killed with all of its group.
pub(super) struct Process {
    what: &'static str,
    /// Whether it is given time at its end.
    patient: bool,
    /// Its standard input: lines to it, and the leash. When it ends, by whatever way this process ends, the host does.
    leash: Mutex<Option<ChildStdin>>,
    life: Arc<Life>,
    /// In which process it was started: a forked child does not kill what is its parent's.
    forks: Option<u32>,
}

/// What is known of the life of a process.
struct Life {
    pid: Pid,
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    /// Until it was waited for, so that its number is its own.
    child: Option<Child>,
    status: Option<ExitStatus>,
    /// What it said last.
    last_words: String,
}

impl Process {
    /// Starts `launch` with its file at `file`; `patient` gives it time at its end.
    ///
    /// # Errors
    /// `Config` when there is no such program; else `ResourceExhausted`.
    pub(super) fn start(launch: &Launch, file: &Path, patient: bool, notices: Notices) -> Result<Process> {
        let (output, input) = io::pipe().map_err(|error| exhausted("a pipe for its output", error))?;
        let second = input.try_clone().map_err(|error| exhausted("a pipe for its output", error))?;
        let mut command = Command::new(&launch.program);
        let mut path = launch.before.clone();
        path.push(file);
        command.args(&launch.arguments).arg(path).args(&launch.behind);
        // A signal that the terminal sends to the program's group is none of its business.
        command.stdin(Stdio::piped()).stdout(input).stderr(second).process_group(0);
        let spawned = command.spawn();
        // The command has the pipe's other ends: as long as it is there, the output never ends.
        drop(command);
        let mut child = spawned.map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ErrorKind::Config,
                _ => ErrorKind::ResourceExhausted,
            };
            Error::new(kind, format!("{} cannot be started as {}", launch.what, launch.program.display()))
                .with_source(error)
        })?;
        let leash = child.stdin.take();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (Some(leash), Some(pid)) = (leash, pid) else {
            return Err(Error::new(ErrorKind::Internal, "a child process without a number or without its input"));
        };
        let life = Arc::new(Life {
            pid,
            state: Mutex::new(State { child: Some(child), status: None, last_words: String::new() }),
            ended: Condvar::new(),
        });
        let process = Process {
            what: launch.what,
            patient,
            leash: Mutex::new(Some(leash)),
            life: Arc::clone(&life),
            forks: forks(),
        };
        // If it cannot be started, the process is dropped here, and killed; nobody waits for it then.
        std::thread::Builder::new()
            .name("pontoon-host".into())
            .stack_size(128 << 10)
            .spawn(move || life.attend(output, &notices))
            .map_err(|error| exhausted("a thread", error))?;
        Ok(process)
    }

    /// Sends a line.
    ///
    /// # Errors
    /// When nobody reads it any more.
    pub(super) fn say(&self, line: &str) -> io::Result<()> {
        match &mut *self.leash.lock() {
            Some(leash) => leash.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Whether it has ended, as far as it has been noticed.
    pub(super) fn has_ended(&self) -> bool {
        self.life.state.lock().status.is_some()
    }

    /// Ends it and all that it has started, at once.
    pub(super) fn kill(&self) {
        if self.forks == forks() {
            self.life.kill();
        }
    }

    /// How it ended, for a message; waits a moment for a process that is about to.
    #[cold]
    pub(super) fn obituary(&self) -> String {
        self.life.wait(Instant::now() + FUNERAL);
        let state = self.life.state.lock();
        let what = self.what;
        let how = match state.status {
            Some(status) => format!("the {what} process ended ({status})"),
            None => format!("the {what} process does not answer any more"),
        };
        if state.last_words.is_empty() { how } else { format!("{how}; its last words: {}", state.last_words) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.forks != forks() {
            return;
        }
        // It ends at the end of its input.
        *self.leash.get_mut() = None;
        if self.patient {
            let life = Arc::clone(&self.life);
            let waits =
                std::thread::Builder::new().name("pontoon-host".into()).stack_size(128 << 10).spawn(move || {
                    life.wait(Instant::now() + LAST_WRITES);
                    life.kill();
                });
            if waits.is_ok() {
                return;
            }
        }
        self.kill();
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("what", &self.what).field("pid", &self.life.pid).finish_non_exhaustive()
    }
}

impl Life {
    /// Waits for its end, until then.
    fn wait(&self, until: Instant) {
        let mut state = self.state.lock();
        while state.status.is_none() && !self.ended.wait_until(&mut state, until).timed_out() {}
    }

    fn kill(&self) {
        let state = self.state.lock();
        if state.child.is_some() {
            // All that can go wrong is that nobody is left.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Tells what the process says, until it has ended; then waits for it, so that nothing of it is left.
    fn attend(&self, output: io::PipeReader, notices: &Notices) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        let mut budget = Budget::new();
        while read_line(&mut output, &mut line) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if text.is_empty() {
                continue;
            }
            if let Some(left_out) = budget.take() {
                if left_out > 0 {
                    notices.tell("HOST", &format!("{left_out} lines were left out"));
                }
                notices.tell("HOST", text);
            }
            let mut state = self.state.lock();
            state.last_words.clear();
            state.last_words.push_str(text);
        }
        // What it left behind in its group goes with it; its number is its own until it is waited for.
        let _ = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        self.kill();
        let mut state = self.state.lock();
        if let Some(mut child) = state.child.take() {
            state.status = child.wait().ok();
        }
        self.ended.notify_all();
    }
}

/// Reads a line, or as much of it as is told. False at the end.
fn read_line(output: &mut impl io::BufRead, line: &mut Vec<u8>) -> bool {
    line.clear();
    loop {
        let chunk = match output.fill_buf() {
            Ok([]) => return !line.is_empty(),
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return false,
        };
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |at| at + 1);
        let room = LINE.saturating_sub(line.len());
        line.extend_from_slice(&chunk[..end.unwrap_or(used).min(room)]);
        output.consume(used);
        if end.is_some() {
            // An empty line is one, and no end.
            line.push(b'\n');
            return true;
        }
    }
}

/// How much of a flood is told.
struct Budget {
    since: Instant,
    told: u32,
    left_out: u64,
}

impl Budget {
    fn new() -> Budget {
        Budget { since: Instant::now(), told: 0, left_out: 0 }
    }

    /// Whether a line is told, and how many were not before it.
    fn take(&mut self) -> Option<u64> {
        if self.since.elapsed() >= Duration::from_secs(1) {
            self.since = Instant::now();
            self.told = 0;
        }
        if self.told == LINES_A_SECOND {
            self.left_out += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cold]
pub(super) fn exhausted(what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::ResourceExhausted, format!("the driver's process cannot be started for want of {what}"))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_none_is_lost() {
        let long = "x".repeat(3 * LINE);
        let text = format!("one\n\n{long}\nlast");
        let mut input = io::BufReader::with_capacity(100, text.as_bytes());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while read_line(&mut input, &mut line) {
            lengths.push(String::from_utf8_lossy(&line).trim_end().len());
        }
        assert_eq!(lengths, [3, 0, LINE, 4]);
    }

    #[test]
    fn a_flood_is_counted() {
        let mut budget = Budget::new();
        let told = (0..1000).filter(|_| budget.take().is_some()).count();
        assert!((200..1000).contains(&told), "{told}");
        budget.since -= Duration::from_secs(2);
        assert_eq!(budget.take(), Some(1000 - told as u64));
    }
}
