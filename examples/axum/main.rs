//! A web service: accounts, and transfers between them. `cargo run --example axum`, then
//!
//! ```sh
//! curl -d '{"owner": "ada", "cents": 500}' -H 'content-type: application/json' localhost:3000/accounts
//! curl -d '{"from": 1, "to": 2, "cents": 200}' -H 'content-type: application/json' localhost:3000/transfers
//! curl localhost:3000/accounts/1
//! ```
//!
//! The pool is in the state. Every request that writes is one transaction, by a layer around the handlers: they are given
//! the database and need not know. An answer that is no success rolls back, and so does a client that goes away, since the
//! request's future is dropped then. On ctrl-c the service takes no more requests, ends those that run, and closes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it does")]

mod service;
#[cfg(test)]
mod tests;

use std::time::Duration;

use pontoon::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite:accounts.db".to_owned());
    let db = AsyncDatabase::open(url).await?;
    service::prepare(&db).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let asked_to_stop = async {
        // Without a handler for it there is no ctrl-c to wait for: then it is stopped from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, service::router(db.clone())).with_graceful_shutdown(asked_to_stop).await?;
    let report = db.close(Duration::from_secs(5)).await?;
    println!("closed: {report:?}");
    Ok(())
}
