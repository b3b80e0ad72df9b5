//! A forked copy of the process, for what must hold in one. The only unsafe code of the tests.

#![allow(unsafe_code, reason = "fork exists in no safe form")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How a forked child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForkEnd {
    /// By itself, with this code; 101 after a panic.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// Not at all, and it was killed: what ran in it hung.
    Hung,
}

/// Forks, runs `child` in the copy and waits, at most `limit`, for its end. What `child` returns is the exit code.
///
/// For a process of its own (see [`case!`](super::case)): a copy has the calling thread only, so whatever lock another
/// thread holds at that moment is held in it for ever.
pub(crate) fn in_fork(limit: Duration, child: impl FnOnce() -> i32) -> ForkEnd {
    // SAFETY: fork itself has no precondition. What POSIX forbids is to call, in the child of a process with several
    // threads, what is not async-signal-safe; Linux with glibc keeps the allocator usable there, which is all that the
    // library is allowed to need in a forked child: that it needs no more is what such a test finds out, and where it
    // finds otherwise the child hangs or dies, alone, and is reported.
    let forked = unsafe { libc::fork() };
    match forked {
        -1 => panic!("the system refuses to fork: {}", std::io::Error::last_os_error()),
        0 => {
            let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(101);
            // SAFETY: it takes a number and does not return. No destructor and no handler of the parent runs.
            unsafe { libc::_exit(code) }
        }
        child => await_end(Pid::from_raw(child).expect("fork returned the number of a process"), limit),
    }
}

fn await_end(child: Pid, limit: Duration) -> ForkEnd {
    let until = Instant::now() + limit;
    let mut hung = false;
    loop {
        let options = if hung { WaitOptions::empty() } else { WaitOptions::NOHANG };
        if let Some((_, status)) = waitpid(Some(child), options).expect("the child is ours to wait for") {
            return match (hung, status.exit_status(), status.terminating_signal()) {
                (true, ..) => ForkEnd::Hung,
                (false, Some(code), _) => ForkEnd::Exited(code),
                (false, None, signal) => ForkEnd::Killed(signal.unwrap_or_default()),
            };
        }
        if Instant::now() >= until {
            kill_process(child, Signal::KILL).expect("the child is ours to end");
            hung = true;
            continue;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
