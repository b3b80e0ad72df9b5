//! The addresses of a name, by a deadline.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use crate::error::{Effect, Error, ErrorKind, Result};

/// How many questions of this process may be without an answer at a time.
const MOST: usize = 64;

/// Those that are.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// One of them, until its answer is there.
struct Question;

impl Question {
    fn ask() -> Result<Question> {
        let question = Question;
        if ASKED.fetch_add(1, Ordering::AcqRel) < MOST {
            return Ok(question);
        }
        Err(Error::new(
            ErrorKind::ResourceExhausted,
            format!("{MOST} names were looked up and no answer has come yet: see to the name servers of this machine"),
        )
        .with_effect(Effect::NotSent))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        ASKED.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Looks a name up. The system's resolver knows no deadline, so it is asked on a thread that is left behind when it takes
/// too long.
pub(super) fn look_up(name: &str, port: u16, deadline: Option<Instant>) -> Result<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    let asked = name.to_string();
    let question = Question::ask()?;
    std::thread::Builder::new()
        .name("pontoon-dns".into())
        .spawn(move || {
            let found = (asked.as_str(), port).to_socket_addrs().map(Vec::from_iter);
            drop(question);
            // Whoever asked may be gone.
            let _ = tell.send(found);
        })
        .map_err(|error| {
            Error::new(ErrorKind::ResourceExhausted, "no thread to look a name up")
                .with_effect(Effect::NotSent)
                .with_source(error)
        })?;
    let found = match deadline {
        Some(deadline) => told.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
        None => told.recv().ok(),
    };
    match found {
        None => Err(Error::new(ErrorKind::Timeout, format!("the name `{name}` was not resolved in time"))
            .with_effect(Effect::NotSent)),
        Some(Err(error)) => {
            Err(Error::new(ErrorKind::ConnectFailed, format!("the name `{name}` cannot be resolved: {error}"))
                .with_source(error))
        }
        Some(Ok(addresses)) if addresses.is_empty() => {
            Err(Error::new(ErrorKind::ConnectFailed, format!("the name `{name}` has no address")))
        }
        Some(Ok(mut addresses)) => {
            addresses.dedup();
            Ok(addresses)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_or_the_error_says_why_not() {
        let found = look_up("localhost", 7, None).unwrap();
        assert!(!found.is_empty() && found.iter().all(|address| address.port() == 7 && address.ip().is_loopback()));
        let error = look_up("no such name", 7, None).unwrap_err();
        assert!(error.message().contains("`no such name`") && error.kind() == ErrorKind::ConnectFailed, "{error:?}");
        // The time is over: no answer is waited for.
        let error = look_up("localhost", 7, Some(Instant::now())).map(drop).err();
        assert!(error.is_none_or(|error| error.kind() == ErrorKind::Timeout));
        // In one test with these, since the count is one for the process: no more than can be left behind.
        let open: Vec<_> = (0..MOST).filter_map(|_| Question::ask().ok()).collect();
        assert_eq!(Question::ask().map(drop).unwrap_err().kind(), ErrorKind::ResourceExhausted);
        drop(open);
        assert!(Question::ask().is_ok());
    }
}
