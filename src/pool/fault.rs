//! The errors of the pool and of the way to a connection, in one place so that they speak alike.

use std::fmt;
use std::time::Duration;

use super::record::Snapshot;
use crate::error::{Effect, Error, ErrorKind};

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::ConnectionLost, "this connection is closed: ask the database for another one")
        .with_effect(Effect::NotSent)
}

pub(crate) fn held_is_broken() -> Error {
    Error::new(
        ErrorKind::ConnectionLost,
        "the connection that this caller holds broke, and no other one is free: drop its handles, then ask for another one",
    )
    .with_effect(Effect::NotSent)
}

pub(crate) fn not_connected() -> Error {
    Error::new(ErrorKind::NotConnected, "the database is not connected: call connect() first")
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::NotConnected, "the database was closed: call connect() to use it again")
}

pub(crate) fn forked() -> Error {
    Error::new(
        ErrorKind::ForkedProcess,
        "this database handle was made before a fork, and its connections belong to the parent: fork before the first \
         database is opened, or start the child as a program of its own",
    )
}

pub(crate) fn forked_in_use() -> Error {
    Error::new(
        ErrorKind::ForkedProcess,
        "databases were in use when this process was forked, and their threads are not here: fork before the first \
         database is opened, or start the child as a program of its own",
    )
    .with_effect(Effect::NotSent)
}

pub(crate) fn nested() -> Error {
    Error::new(
        ErrorKind::WouldDeadlock,
        "this call comes from inside a job of the same connection and would wait for itself: \
         use the session that the closure was given",
    )
}

pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled before it started").with_effect(Effect::NotSent)
}

pub(crate) fn expired(started: bool) -> Error {
    if started {
        Error::new(
            ErrorKind::Timeout,
            "the deadline passed while the statement ran; it was cancelled at the database, which has not answered yet",
        )
        .with_effect(Effect::Unknown)
    } else {
        Error::new(
            ErrorKind::Timeout,
            "the deadline passed while the statement waited for its connection; it was never sent",
        )
        .with_effect(Effect::NotSent)
    }
}

pub(crate) fn busy(reason: &str) -> Error {
    Error::new(ErrorKind::ConnectionBusy, reason.to_owned())
}

pub(crate) fn panicked(message: &str) -> Error {
    Error::new(
        ErrorKind::DriverPanic,
        format!("a panic on the connection's thread, `{message}`; the connection is discarded"),
    )
}

pub(crate) fn no_answer(lost: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::ResourceExhausted, format!("the call brought no answer: {lost}")).with_effect(Effect::Unknown)
}

pub(crate) fn no_watch() -> Error {
    Error::new(
        ErrorKind::ResourceExhausted,
        "the thread that watches deadlines could not be started, without which no future can wait: free some threads",
    )
    .with_effect(Effect::NotSent)
}

pub(crate) fn queue_full() -> Error {
    Error::new(
        ErrorKind::QueueFull,
        "too many calls wait for this connection already, and none was done before the deadline: slow the callers down",
    )
}

pub(crate) fn too_many_waiters(limit: usize) -> Error {
    Error::new(
        ErrorKind::QueueFull,
        format!(
            "{limit} callers wait for a connection already (max_waiters): slow the callers down, or raise pool_size"
        ),
    )
}

pub(crate) fn degraded(stuck: usize) -> Error {
    Error::new(
        ErrorKind::PoolDegraded,
        format!(
            "{stuck} connections are stuck in driver calls that do not return (max_stuck), so no further one is opened: \
             look at the server or the network"
        ),
    )
}

/// Not for long: each of them comes back soon, or counts as stuck.
pub(crate) fn overdue(workers: usize) -> Error {
    Error::new(
        ErrorKind::ConnectFailed,
        format!(
            "{workers} connections were given up in driver calls that have not come back yet (max_stuck), so no further \
             one is opened for the moment"
        ),
    )
}

/// No connection in time, and who has them.
pub(crate) fn exhausted(waited: Duration, snapshot: &Snapshot, cause: Option<Error>) -> Error {
    let mut message = if cause.is_some() {
        format!("no connection could be opened within {waited:.1?}")
    } else {
        format!("no connection became free within {waited:.1?}")
    };
    // In one line: an error is one.
    message.push_str(&format!(": {snapshot}").replace("\n  ", "; "));
    let error = Error::new(ErrorKind::PoolTimeout, message);
    match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}
