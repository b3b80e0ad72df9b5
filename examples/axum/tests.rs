//! The service, over HTTP.

use std::time::Duration;

use futures_util::future::join_all;
use pontoon::prelude::*;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::service;

/// A service that runs, and who stops it.
struct Running {
    db: AsyncDatabase,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start() -> Running {
        let db = AsyncDatabase::open("sqlite::memory:").await.unwrap();
        service::prepare(&db).await.unwrap();
        // A connection that made tables is cleaned before it is back, and who is at work is what these tests look at.
        while db.snapshot().busy > 0 {
            tokio::task::yield_now().await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = service::router(db.clone());
        let served = tokio::spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) }).await
        });
        Running { db, address, stop, served }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Json>) -> (u16, Json) {
        let mut stream = self.send(method, path, body).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Json::Null))
    }

    async fn send(&self, method: &str, path: &str, body: Option<Json>) -> TcpStream {
        let body = body.map_or_else(String::new, |body| body.to_string());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn cents(&self, id: i64) -> i64 {
        let (status, account) = self.ask("GET", &format!("/accounts/{id}"), None).await;
        assert_eq!(status, 200);
        account["cents"].as_i64().unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        assert!(self.db.close(Duration::from_secs(5)).await.unwrap().is_clean());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_transaction() {
    let service = Running::start().await;
    for owner in ["ada", "grace"] {
        let (status, account) = service.ask("POST", "/accounts", Some(json!({ "owner": owner, "cents": 500 }))).await;
        assert_eq!((status, &account["owner"]), (201, &json!(owner)));
    }
    let again = service.ask("POST", "/accounts", Some(json!({ "owner": "ada", "cents": 1 }))).await;
    assert_eq!(again.0, 409, "{again:?}");

    let transfer = |from: i64, to: i64, cents: i64| {
        let service = &service;
        async move { service.ask("POST", "/transfers", Some(json!({ "from": from, "to": to, "cents": cents }))).await }
    };
    assert_eq!(transfer(1, 2, 200).await.0, 200);
    assert_eq!((service.cents(1).await, service.cents(2).await), (300, 700));
    // The first of the two updates is done, the second one fails: neither stays.
    assert_eq!(transfer(1, 2, 301).await.0, 409);
    assert_eq!(transfer(3, 1, 10).await.0, 404);
    assert_eq!(transfer(1, 2, 0).await.0, 422);
    assert_eq!((service.cents(1).await, service.cents(2).await), (300, 700));

    // Many at once, there and back: nothing is lost, nothing is made.
    let results = join_all((0..40).map(|n| transfer(1 + n % 2, 2 - n % 2, 5))).await;
    assert!(results.iter().all(|(status, _)| *status == 200), "{results:?}");
    assert_eq!((service.cents(1).await, service.cents(2).await), (300, 700));
    service.stop().await;
}

/// Stopped while a request waits for the database: it is served to its end, and then all is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_is_graceful() {
    let service = Running::start().await;
    let writer = service.db.begin().await.unwrap();
    let mut waiting = service.send("POST", "/accounts", Some(json!({ "owner": "ada", "cents": 5 }))).await;
    while service.db.snapshot().busy < 2 {
        tokio::task::yield_now().await;
    }
    let db = service.db.clone();
    let stopping = tokio::spawn(service.stop());
    writer.commit().await.unwrap();
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    stopping.await.unwrap();
    assert!(!db.is_connected());
}

/// A client that goes away in the middle leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_is_rolled_back() {
    let service = Running::start().await;
    let writer = service.db.begin().await.unwrap();
    let waiting = service.send("POST", "/accounts", Some(json!({ "owner": "ada", "cents": 5 }))).await;
    while service.db.snapshot().busy < 2 {
        tokio::task::yield_now().await;
    }
    drop(waiting);
    // Its connection comes back though the writer is at work still.
    while service.db.snapshot().busy > 1 {
        tokio::task::yield_now().await;
    }
    writer.commit().await.unwrap();
    assert_eq!(service.db.fetch_val::<i64>("SELECT count(*) FROM account", ()).await.unwrap(), Some(0));
    service.stop().await;
}
