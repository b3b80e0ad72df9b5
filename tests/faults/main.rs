//! What can go wrong between a program and its database, and what is promised then: each promise is provoked to fail,
//! without luck, through the public face of the library. `README.md` beside this file says which test shows which.

#[path = "../kit/mod.rs"]
mod kit;
mod support;

mod callers;
mod deadlines;
mod pool;
mod queue;
mod rollback;
mod shutdown;
#[cfg(feature = "sqlite")]
mod sqlite;
mod streams;
mod stuck;
mod transactions;
