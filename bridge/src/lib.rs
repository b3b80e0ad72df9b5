//! Worker threads, closures and replies: the ground floor of `pontoon`.
//!
//! A [`Worker`] is a thread that owns a [`Place`] and runs jobs on it, one after another. A job is a closure; its
//! [`Reply`] can be waited for on a thread or awaited in any executor. Nothing here knows of databases.
//!
//! ```
//! use pontoon_bridge::{Place, Worker, WorkerOptions};
//!
//! struct Counter(u64);
//!
//! impl Place for Counter {
//!     type View<'v> = &'v mut Counter;
//!     fn view(&mut self) -> &mut Counter {
//!         self
//!     }
//! }
//!
//! let worker = Worker::spawn(WorkerOptions::new("counter"), || Counter(0))?;
//! let reply = worker.submit(None, |counter, _ticket| {
//!     counter.0 += 1;
//!     counter.0
//! });
//! assert_eq!(reply.wait()?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The life of a job
//!
//! ```text
//! Queued ──start──▶ Running ───────────finish──────────▶ Done
//!    │                 └──cancel──▶ CancelRequested ──finish──▶ Done
//!    └──cancel──▶ Cancelled
//! ```
//!
//! - A job whose reply is dropped, or whose deadline passes, before it starts never runs.
//! - One that runs is asked to stop: its [`CancelFlag`] goes up, and the watch sends the worker's [`Interrupt`] a
//!   cancel, after the grace a sever; after another grace the job counts as stuck and the [`Overseer`] hears of it. Its
//!   caller has left long before, at its own deadline.
//! - Exactly one of {result, cancelled, expired} reaches the caller. A result that nobody waits for any more is dropped
//!   on the worker, or undone there ([`Worker::submit_with`]).
//! - A cancel never strikes a later job unseen: to send one and to end a job exclude each other, and a job that ends
//!   waits for the cancel that is on its way, then tells what became of it ([`Ticket::settle`]).
//!
//! # What waits where
//!
//! Submitting, cancelling and dropping never wait. Threads wait with their own clock; futures are woken by the
//! [watch](Alarm), one thread a process, which is started with the first worker.

#![forbid(unsafe_code)]

mod control;
mod crew;
mod feed;
mod gate;
#[cfg(not(any(loom, shuttle)))]
mod habits;
mod interrupt;
mod lost;
#[cfg(any(loom, shuttle))]
#[doc(hidden)]
pub mod models;
mod options;
mod overseer;
#[cfg(not(any(loom, shuttle)))]
mod patience;
mod place;
mod reply;
mod seat;
mod slot;
mod sync;
mod task;
mod ticket;
#[cfg(not(any(loom, shuttle)))]
mod wait;
mod watch;
mod worker;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use control::{Cancelled, Cause};
pub use feed::{Feed, FeedError, Feeder, Lookout, Unpushed, feed};
pub use gate::{Acquire, Gate, GateError, Permit};
pub use interrupt::{CancelFlag, Fence, Interrupt, Settled, helpers};
pub use lost::{Lost, Panic};
pub use options::WorkerOptions;
pub use overseer::{Counters, Overseer};
#[cfg(not(any(loom, shuttle)))]
pub use patience::{Look, Patience};
pub use place::Place;
pub use reply::Reply;
pub use ticket::{Event, PendingJob, Served, Ticket};
#[cfg(not(any(loom, shuttle)))]
pub use wait::{Sleep, block_on, sleep_until};
pub use watch::{Alarm, Timed};
pub use worker::Worker;
