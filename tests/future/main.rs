//! The awaited face: what a drop does at any point, who is whose caller, that no executor is needed for a promise to be
//! kept. What both faces share is tested through the blocking one.

#[path = "../kit/mod.rs"]
mod kit;
mod support;

mod callers;
mod drops;
mod executors;
mod odd_places;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "odbc"))]
mod servers;
mod shutdown;
mod streams;
mod testing;
mod transactions;
mod waiting;
