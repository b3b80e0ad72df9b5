//! A part of a test that runs in a process of its own: because it forks, exits, exhausts a limit, is killed, or counts
//! what its whole process holds.
//!
//! ```ignore
//! #[test]
//! fn exit_does_not_wait_for_a_stuck_call() {
//!     let output = case!(|_| { ...; tell("exiting", ""); std::process::exit(7) }).run();
//!     assert_eq!(output.code, Some(7));
//! }
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, describe_threads};

/// Names the case that a process was started for.
const CASE: &str = "PONTOON_KIT_CASE";

/// What the case was given.
const ARGUMENT: &str = "PONTOON_KIT_ARGUMENT";

/// What a line starts with that is meant for the parent.
const MARK: &str = "kit: ";

/// The path of the test function that it stands in, as the test runner knows it.
macro_rules! here {
    () => {{
        fn marker() {}
        let path = std::any::type_name_of_val(&marker);
        let path = path.strip_suffix("::marker").unwrap_or(path).trim_end_matches("::{{closure}}");
        path.split_once("::").map_or(path, |(_, path)| path)
    }};
}
pub(crate) use here;

/// A case of this test: `case!(|argument: &str| ...)`, or `case!("name", |argument: &str| ...)` where a test has
/// several. In the process that was started for it the body runs and the process ends; in all others it is a
/// [`Subprocess`](crate::kit::Subprocess) that can be started. What a test does before its cases, it does in each process.
macro_rules! case {
    ($body:expr) => {
        $crate::kit::case!("", $body)
    };
    ($name:expr, $body:expr) => {
        $crate::kit::Subprocess::case($crate::kit::here!(), $name, $body)
    };
}
pub(crate) use case;

/// Tells the parent something, in the process of a case.
pub(crate) fn tell(key: &str, value: impl std::fmt::Display) {
    // Around the capture of the test runner, in one write, so that lines of several threads do not mix.
    let line = format!("{MARK}{key}={value}\n");
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// Waits for a line of the parent, in the process of a case; `None` once the parent is gone.
pub(crate) fn hear() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end().to_owned()),
    }
}

/// A case that can be started in a process of its own.
#[derive(Clone, Debug)]
pub(crate) struct Subprocess {
    test: String,
    case: String,
    argument: String,
    environment: Vec<(String, String)>,
    /// The command that the process is started by.
    by: Vec<String>,
    limit: Duration,
}

impl Subprocess {
    /// See [`case!`]. A body that returns ends the process with 0, one that panics with 101.
    pub(crate) fn case(test: &str, name: &str, body: impl FnOnce(&str)) -> Subprocess {
        let case = format!("{test}#{name}");
        if std::env::var(CASE).is_ok_and(|wanted| wanted == case) {
            let argument = std::env::var(ARGUMENT).unwrap_or_default();
            let ended = catch_unwind(AssertUnwindSafe(|| body(&argument)));
            std::process::exit(if ended.is_ok() { 0 } else { 101 });
        }
        Subprocess {
            test: test.to_owned(),
            case,
            argument: String::new(),
            environment: Vec::new(),
            by: Vec::new(),
            limit: Duration::from_secs(60),
        }
    }

    /// What the body is called with.
    pub(crate) fn argument(mut self, argument: impl std::fmt::Display) -> Subprocess {
        self.argument = argument.to_string();
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Subprocess {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command that starts it, and becomes it: for what a process cannot do to itself.
    pub(crate) fn by(mut self, command: &[&str]) -> Subprocess {
        self.by = command.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// How long it may run, 60 s unless told; then it is killed and the test fails with the state of its threads.
    pub(crate) fn limit(mut self, limit: Duration) -> Subprocess {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(&self) -> Output {
        self.start().finish()
    }

    /// Runs it to its end, which must be code 0.
    #[track_caller]
    pub(crate) fn pass(&self) -> Output {
        let output = self.run();
        assert!(output.code == Some(0), "`{}` did not end well\n{output}", self.case);
        output
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Running {
        let own = std::env::current_exe().expect("a test knows its own file");
        let mut command = match self.by.split_first() {
            None => Command::new(own),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(own);
                command
            }
        };
        let mut child = command
            .args([self.test.as_str(), "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
            .env(CASE, &self.case)
            .env(ARGUMENT, &self.argument)
            .env("RUST_BACKTRACE", "0")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a test can start itself");
        let started = Instant::now();
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let stdout = child.stdout.take().expect("it was piped");
        let mut stderr = child.stderr.take().expect("it was piped");
        let listener = Arc::clone(&heard);
        let out = reader("kit-stdout", move || listen(BufReader::new(stdout), &listener));
        let err = reader("kit-stderr", move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running {
            case: self.case.clone(),
            input: child.stdin.take(),
            child,
            started,
            until: started + self.limit,
            heard,
            out: Some(out),
            err: Some(err),
        }
    }
}

fn reader<T: Send + 'static>(name: &str, read: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(read).expect("the system has room for the thread of a reader")
}

/// What a child said so far.
#[derive(Debug, Default)]
struct Heard {
    told: Vec<Told>,
    ended: bool,
}

/// One thing that a child told.
#[derive(Clone, Debug)]
struct Told {
    key: String,
    value: String,
    at: Instant,
}

fn listen(lines: impl BufRead, heard: &(Mutex<Heard>, Condvar)) -> String {
    let mut text = String::new();
    for line in lines.split(b'\n').map_while(Result::ok) {
        let at = Instant::now();
        let line = String::from_utf8_lossy(&line).into_owned();
        // The test runner leaves its own line open, so the mark may stand behind it.
        let told = line.find(MARK).and_then(|mark| line[mark + MARK.len()..].split_once('='));
        if let Some((key, value)) = told {
            heard.0.lock().told.push(Told { key: key.to_owned(), value: value.to_owned(), at });
            heard.1.notify_all();
        }
        text.push_str(&line);
        text.push('\n');
    }
    heard.0.lock().ended = true;
    heard.1.notify_all();
    text
}

/// A case that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    case: String,
    child: Child,
    input: Option<ChildStdin>,
    started: Instant,
    until: Instant,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
}

impl Running {
    /// Waits until the child has told this, and returns the value it told first.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, key: &str) -> String {
        let until = (Instant::now() + PATIENCE).min(self.until);
        let shared = Arc::clone(&self.heard);
        let mut heard = shared.0.lock();
        loop {
            if let Some(told) = heard.told.iter().find(|told| told.key == key) {
                return told.value.clone();
            }
            if heard.ended || shared.1.wait_until(&mut heard, until).timed_out() {
                drop(heard);
                let threads = describe_threads(&self.child.id().to_string());
                let output = self.end();
                panic!("`{}` did not tell `{key}`\nits threads:\n{threads}{output}", self.case);
            }
        }
    }

    /// How many times the child has told this so far.
    pub(crate) fn count(&self, key: &str) -> usize {
        self.heard.0.lock().told.iter().filter(|told| told.key == key).count()
    }

    /// Sends the child a line, for its [`hear`].
    pub(crate) fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    /// Ends it at once, as a power cut would: SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        // A child that was not waited for keeps its number, so the signal can reach nobody else.
        let child = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(child) = child {
            let _ = kill_process(child, signal);
        }
    }

    /// What its threads are doing.
    pub(crate) fn threads(&self) -> String {
        describe_threads(&self.child.id().to_string())
    }

    /// Waits for its end. Fails the test when it runs longer than its limit.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return self.output(status),
                Ok(None) if Instant::now() >= self.until => {
                    let threads = describe_threads(&self.child.id().to_string());
                    let output = self.end();
                    panic!("`{}` was still running at its limit\nits threads:\n{threads}{output}", self.case);
                }
                Ok(None) => thread::sleep(Duration::from_micros(500)),
                Err(error) => panic!("`{}` cannot be waited for: {error}", self.case),
            }
        }
    }

    fn end(&mut self) -> Output {
        let _ = self.child.kill();
        let status = self.child.wait().expect("a killed child can be waited for");
        self.output(status)
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        let ended = Instant::now();
        self.input = None;
        let text = |reader: &mut Option<JoinHandle<String>>| reader.take().and_then(|reader| reader.join().ok());
        let stdout = text(&mut self.out).unwrap_or_default();
        let stderr = text(&mut self.err).unwrap_or_default();
        Output {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
            time: ended - self.started,
            ended,
            told: std::mem::take(&mut self.heard.0.lock().told),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// How a case ended.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Its exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// From its start to its end, to the half millisecond.
    pub(crate) time: Duration,
    ended: Instant,
    told: Vec<Told>,
}

impl Output {
    /// The first value that the case told under this key.
    #[track_caller]
    pub(crate) fn value(&self, key: &str) -> &str {
        let told = self.told.iter().find(|told| told.key == key);
        &told.unwrap_or_else(|| panic!("the case did not tell `{key}`\n{self}")).value
    }

    /// Every value that the case told under this key.
    pub(crate) fn values(&self, key: &str) -> Vec<&str> {
        self.told.iter().filter(|told| told.key == key).map(|told| told.value.as_str()).collect()
    }

    /// How long the case lived on after it first told this.
    #[track_caller]
    pub(crate) fn time_since(&self, key: &str) -> Duration {
        let told = self.told.iter().find(|told| told.key == key);
        self.ended.saturating_duration_since(told.unwrap_or_else(|| panic!("the case did not tell `{key}`\n{self}")).at)
    }

    /// Everything it printed.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output { code, signal, stdout, stderr, time, .. } = self;
        write!(f, "code {code:?}, signal {signal:?}, after {time:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}")
    }
}
