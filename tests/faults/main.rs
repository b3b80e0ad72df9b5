//! What can go wrong between a program and its database, and what is promised then: each promise is provoked to fail,
//! without luck, through the public face of the library. `README.md` beside this file says which test shows which.

#[path = "../kit/mod.rs"]
mod kit;
mod support;

mod callers;
#[cfg(feature = "sqlite")]
mod caps;
#[cfg(feature = "sqlite")]
mod data;
mod deadlines;
mod endings;
#[cfg(feature = "sqlite")]
mod lines;
mod pool;
mod process;
mod promises;
mod queue;
mod rollback;
mod secrets;
mod shutdown;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod storage;
mod streams;
mod stuck;
mod transactions;
