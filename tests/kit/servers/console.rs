//! A session by the database's own command line client.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::engine::Engine;
use crate::kit::{PATIENCE, await_some};

/// A line that no database prints by itself.
const MARK: &str = "pontoon-console-mark";

/// A session. It ends when it is dropped, with the locks it holds.
#[derive(Debug)]
pub(crate) struct Console {
    engine: &'static dyn Engine,
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// How many statements were sent, which tells their marks apart.
    sent: u64,
}

impl Console {
    pub(super) fn start(engine: &'static dyn Engine, command: &[String]) -> Console {
        let (reader, writer) = std::io::pipe().expect("the system has room for a pipe");
        let mut process = Command::new(&command[0]);
        process.args(&command[1..]).env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin").current_dir("/");
        // One stream, so that an error stands where it happened.
        process.stdin(Stdio::piped()).stdout(writer.try_clone().expect("it was just made")).stderr(writer);
        let mut child = process.spawn().unwrap_or_else(|error| panic!("{} cannot be run: {error}", command[0]));
        // The command holds the writing end too; the reader would never see its end.
        drop(process);
        let (heard, lines) = channel();
        let body = move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                if heard.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("kit-console".into()).spawn(body).expect("the system has room for a thread");
        Console { engine, input: child.stdin.take().expect("it was piped"), process: child, lines, sent: 0 }
    }

    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Runs SQL and returns the cells as text, NULL as `NULL`.
    #[track_caller]
    pub(crate) fn run(&mut self, sql: &str) -> Vec<Vec<String>> {
        match self.try_run(sql) {
            Ok(rows) => rows,
            Err(error) => panic!("{} refuses `{sql}`: {error}", self.engine.name()),
        }
    }

    /// Runs SQL; the server's message if it refuses.
    #[track_caller]
    pub(crate) fn try_run(&mut self, sql: &str) -> Result<Vec<Vec<String>>, String> {
        self.send(sql);
        self.answer()
    }

    /// The first cell of the first row.
    #[track_caller]
    pub(crate) fn value(&mut self, sql: &str) -> String {
        let rows = self.run(sql);
        rows.first().and_then(|row| row.first()).unwrap_or_else(|| panic!("`{sql}` has no row")).clone()
    }

    /// Sends SQL and does not wait: for what is to block. The next [`answer`](Self::answer) is for this.
    pub(crate) fn send(&mut self, sql: &str) {
        self.sent += 1;
        let sql = sql.trim().trim_end_matches(';');
        let text = format!("{sql};\n{}\n", self.engine.echo(&format!("{MARK}-{}", self.sent)));
        // One that is gone is found out by its answer.
        let _ = self.input.write_all(text.as_bytes()).and_then(|()| self.input.flush());
    }

    /// Waits for the answer to what was sent.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Result<Vec<Vec<String>>, String> {
        let mark = format!("{MARK}-{}", self.sent);
        let until = Instant::now() + PATIENCE;
        let mut rows = Vec::new();
        let mut errors = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line == mark => break,
                Ok(line) if line.starts_with(self.engine.error_prefix()) => errors.push(line),
                Ok(line) => rows.push(line.split('\t').map(str::to_owned).collect::<Vec<_>>()),
                Err(RecvTimeoutError::Timeout) => panic!("no answer in {PATIENCE:?}; so far {rows:?} {errors:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    errors.push("the client has ended".into());
                    errors.extend(rows.drain(..).map(|row| row.join("\t")));
                    break;
                }
            }
        }
        if errors.is_empty() { Ok(rows) } else { Err(errors.join("\n")) }
    }

    /// Runs a query again and again until it gives a row.
    #[track_caller]
    pub(crate) fn wait_for_row(&mut self, query: &str) -> Vec<String> {
        await_some(|| self.run(query).into_iter().next(), || format!("no row of `{query}` in {PATIENCE:?}"))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
