//! A server of a test's own, which it may break.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::engine::{Engine, Programs, Stop};
use super::guardian::{self, Guardian};
use super::processes::{has_ended, kill_process, processes_in, signal_all, stands_in};
use super::server::Server;
use crate::kit::Port;
use crate::kit::{PATIENCE, describe_threads};

/// A server of a test's own. Dropping it ends it and removes its data.
#[derive(Debug)]
pub(crate) struct Private {
    server: Server,
    guardian: Guardian,
    settings: Vec<(String, String)>,
    /// The number of its first process, while it runs.
    process: Option<i32>,
    _port: Port,
}

impl Deref for Private {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Private {
    pub(super) fn start(engine: &'static dyn Engine, programs: Programs, settings: &[(&str, &str)]) -> Private {
        let settings: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Private::start_with(engine, programs, settings, |_| None)
    }

    /// The same with data of another's, which `data` puts into the folder that it is given.
    pub(super) fn start_with(
        engine: &'static dyn Engine,
        programs: Programs,
        settings: Vec<(String, String)>,
        data: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Private {
        guardian::launch(engine, &programs, |folder, port, template| {
            let server = Server::new(engine, programs.clone(), folder.path.clone(), port.number);
            guardian::configure(engine, &server.place(), &settings);
            let data = data(&folder.path);
            let template = data.as_deref().unwrap_or(template);
            let guardian = Guardian::new(folder, template, None, &engine.command(&programs, &server.place()));
            let mut private = Private { server, guardian, settings: settings.clone(), process: None, _port: port };
            private.process = Some(private.guardian.start(engine, &private.server.place())?);
            Ok(private)
        })
    }

    /// The number of its first process, which is all of MariaDB and the postmaster of PostgreSQL.
    #[track_caller]
    pub(crate) fn process(&self) -> i32 {
        self.process.expect("the server was stopped")
    }

    /// Stops it. Returns when all of its processes have ended.
    #[track_caller]
    pub(crate) fn stop(&mut self, stop: Stop) {
        let process = self.process();
        self.process = None;
        self.server.drop_console();
        let mut known = processes_in(self.folder());
        match stop {
            Stop::Kill => signal_all(self.folder(), Signal::KILL),
            Stop::Clean | Stop::Crash => {
                kill_process(process, self.engine().signal(stop));
            }
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let there = processes_in(self.folder());
            if there.is_empty() && known.iter().all(|process| has_ended(*process)) {
                return;
            }
            known.extend(there);
            assert!(Instant::now() < until, "the server does not end:\n{}\n{}", describe(&known), self.log());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Starts it again, on the same port and with the same data.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        match self.guardian.start(self.server.engine(), &self.server.place()) {
            Ok(process) => self.process = Some(process),
            Err(said) => panic!("{} does not start again: {said}", self.engine().name()),
        }
    }

    /// Stops and starts it.
    #[track_caller]
    pub(crate) fn restart(&mut self, stop: Stop) {
        self.stop(stop);
        self.start_again();
    }

    /// Ends all of its processes at once, as a power cut would. It stays down.
    #[track_caller]
    pub(crate) fn kill9(&mut self) {
        self.stop(Stop::Kill);
    }

    /// Ends it without a shutdown. It stays down, and recovers when it is started again.
    #[track_caller]
    pub(crate) fn crash(&mut self) {
        self.stop(Stop::Crash);
    }

    /// Halts all of its processes: it keeps its connections, takes new ones as far as the kernel does, and answers
    /// nothing. Returns when all of them have halted.
    pub(crate) fn freeze(&self) {
        signal_all(self.folder(), Signal::STOP);
        let until = Instant::now() + PATIENCE;
        while processes_in(self.folder()).into_iter().any(|process| !is_stopped(process)) {
            assert!(Instant::now() < until, "a process does not halt");
            std::thread::yield_now();
        }
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        signal_all(self.folder(), Signal::CONT);
    }

    /// Sends a signal to one of its processes, as to the backend of one session of PostgreSQL.
    #[track_caller]
    pub(crate) fn signal(&self, process: i32, signal: Signal) {
        assert!(stands_in(process, self.folder()), "{process} is none of the server's processes");
        kill_process(process, signal);
    }

    /// Changes the configuration, from the next start on or, where the server can do that, from its
    /// [`reload`](Self::reload).
    pub(crate) fn configure(&mut self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.settings.retain(|(there, _)| there != name);
            self.settings.push(((*name).to_owned(), (*value).to_owned()));
        }
        guardian::configure(self.server.engine(), &self.server.place(), &self.settings);
    }

    /// What it was configured with beside what all servers are.
    pub(super) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Tells it to read its configuration again.
    #[track_caller]
    pub(crate) fn reload(&self) {
        kill_process(self.process(), Signal::HUP);
    }
}

fn describe(processes: &[i32]) -> String {
    processes.iter().map(|process| describe_threads(&process.to_string())).collect()
}

fn is_stopped(process: i32) -> bool {
    // A process that has ended in between need not halt.
    let threads = crate::kit::threads_of(&process.to_string());
    threads.iter().all(|thread| matches!(thread.state, 'T' | 't' | 'Z' | 'X'))
}

impl Drop for Private {
    fn drop(&mut self) {
        self.server.drop_console();
        self.guardian.end();
    }
}
