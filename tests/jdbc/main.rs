//! JDBC: the Java process, H2 in it, and a driver that misbehaves.
#![cfg(all(feature = "jdbc", unix))]

mod faults;
mod h2;
mod host;
mod hsqldb;
#[path = "../kit/mod.rs"]
mod kit;
#[cfg(feature = "postgres")]
mod postgres;
mod refused;
mod sqlite;
mod support;
mod types;
