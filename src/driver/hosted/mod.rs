//! Drivers of other languages, each in a process of its own: a *host*, which loads the foreign driver and is spoken to
//! over Unix sockets.
//!
//! Why a process: a driver that crashes takes nobody along, a call that never returns can be killed, and neither an
//! interpreter nor a virtual machine is linked or loaded here. What is said between the two is in `PROTOCOL.md` beside
//! this file, so that a host for another language is one more program.
//!
//! A host is started with the first connection that wants it, in a process group of its own. It ends with its last
//! connection, and with this process, however that ends: its standard input is a pipe that nobody writes to, and its
//! end is the end of the host. What it prints goes to the log, line by line, as a notice.
//!
//! A host that dies fails its connections with [`ConnectionLost`](crate::ErrorKind::ConnectionLost), and a COMMIT that was
//! on its way is unknown; the next connection starts a new one.

mod bulk;
mod catalog;
mod child;
mod conversation;
mod core;
mod error;
mod folder;
mod frame;
mod host;
mod link;
mod marshal;
mod message;
mod program;
mod reach;
mod rows;
mod socket;
mod source;
mod tagged;
mod transactions;
mod values;

#[cfg(feature = "dbapi2")]
pub mod dbapi2;
#[cfg(feature = "jdbc")]
pub mod jdbc;
