//! The driver for PostgreSQL against real servers: what the conformance suite does not ask of every database.

#![cfg(feature = "postgres")]

#[path = "../kit/mod.rs"]
mod kit;

mod admin;
mod basics;
mod listen;
mod pooler;
mod sets;
mod standby;
mod streams;
mod tls;
mod transactions;
mod types;
mod wire;

use kit::servers::{Postgres, Scratch, Server, shared};

/// The server that all share; without one, the test that asked has said so and is over.
macro_rules! server {
    () => {
        match crate::shared_server() {
            Some(server) => server,
            None => return,
        }
    };
}
use server;

fn shared_server() -> Option<&'static Server> {
    shared(&Postgres)
}

/// A handle on a database, with options as they stand in a URL.
fn open(database: &Scratch<'_>, options: &str) -> pontoon::Database {
    pontoon::Database::open(format!("{}?{options}", database.url())).expect("the database can be reached")
}
