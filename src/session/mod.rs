//! A connection on the thread that owns it: transactions, statements, rows.
//!
//! A worker's place is a [`Boat`]: room for one connection, empty at first. A job gets a [`View`] of it, and from the
//! view the [`Core`], where every operation of the library is written once. While a stream waits for its reader, the
//! jobs that come in between get a `Core` of their own over the same [`State`], if the driver has a second way in.

mod boat;
mod core;
mod local;
mod sink;
mod sole_writer;
mod stack;
mod stream;
mod turn;

pub use local::Session;

// Public because the verbs' trait names them; the module is not, so nobody outside can.
#[allow(unreachable_pub, reason = "named by a sealed part of a public trait")]
pub use self::core::Core;
#[allow(unreachable_pub, reason = "named by a sealed part of a public trait")]
pub use turn::{Errand, Lending, Turn};

pub(crate) use self::core::{Cleaning, News};
pub(crate) use boat::{Boat, Tidy, View};
pub(crate) use sole_writer::{Pinned, Place, SoleWriter};
pub(crate) use stack::{Cause, Token};
pub(crate) use stream::{BatchFeed, CREDIT, run as stream};
pub(crate) use turn::Ticket;
