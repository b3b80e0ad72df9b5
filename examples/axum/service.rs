//! The routes, the transaction around a request, and what errors look like from outside.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use pontoon::prelude::*;
use serde::{Deserialize, Serialize};

/// The tables.
pub(crate) async fn prepare(db: &AsyncDatabase) -> Result<(), Error> {
    db.execute_script(
        "CREATE TABLE IF NOT EXISTS account (
             id INTEGER PRIMARY KEY, owner TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL CHECK (cents >= 0)
         )",
    )
    .await
}

pub(crate) fn router(db: AsyncDatabase) -> Router {
    let writing = Router::new()
        .route("/accounts", post(open_account))
        .route("/transfers", post(transfer))
        .layer(from_fn_with_state(db.clone(), in_a_transaction));
    Router::new().route("/accounts/{id}", get(account)).merge(writing).with_state(db)
}

/// Runs what is inside as one transaction: kept when it answers with success, else rolled back. The handler's future is
/// part of this one, so that what it does through the database belongs to the transaction.
async fn in_a_transaction(State(db): State<AsyncDatabase>, request: Request, next: Next) -> Response {
    let done = db.transaction(|_tx| async move {
        let response = next.run(request).await;
        if response.status().is_success() { Ok(response) } else { Err(Failure::Answered(response)) }
    });
    done.await.unwrap_or_else(Failure::into_response)
}

#[derive(Deserialize)]
pub(crate) struct NewAccount {
    owner: String,
    cents: i64,
}

#[derive(Serialize, FromRow)]
pub(crate) struct Account {
    id: i64,
    owner: String,
    cents: i64,
}

#[derive(Deserialize)]
pub(crate) struct Transfer {
    from: i64,
    to: i64,
    cents: i64,
}

async fn open_account(State(db): State<AsyncDatabase>, Json(new): Json<NewAccount>) -> Result<Response, Failure> {
    let params = params! { owner: new.owner, cents: new.cents };
    let done = db.execute("INSERT INTO account (owner, cents) VALUES (:owner, :cents)", params).await?;
    let id = done.last_insert_id.unwrap_or_default();
    Ok((StatusCode::CREATED, Json(find(&db, id).await?)).into_response())
}

async fn account(State(db): State<AsyncDatabase>, Path(id): Path<i64>) -> Result<Json<Account>, Failure> {
    find(&db, id).await.map(Json)
}

async fn transfer(State(db): State<AsyncDatabase>, Json(transfer): Json<Transfer>) -> Result<Json<Account>, Failure> {
    let Transfer { from, to, cents } = transfer;
    if cents <= 0 {
        return Err(Failure::Refused(StatusCode::UNPROCESSABLE_ENTITY, "a transfer has a positive amount"));
    }
    // The one comes before the other: what fails in the middle is undone as a whole.
    for (id, change) in [(to, cents), (from, -cents)] {
        let params = params! { id: id, change: change };
        if db.execute("UPDATE account SET cents = cents + :change WHERE id = :id", params).await?.rows_affected == 0 {
            return Err(Failure::Refused(StatusCode::NOT_FOUND, "there is no such account"));
        }
    }
    find(&db, from).await.map(Json)
}

async fn find(db: &AsyncDatabase, id: i64) -> Result<Account, Failure> {
    let account = db.fetch_one_as("SELECT id, owner, cents FROM account WHERE id = :id", params! { id: id }).await?;
    account.ok_or(Failure::Refused(StatusCode::NOT_FOUND, "there is no such account"))
}

/// Why a request did not succeed.
pub(crate) enum Failure {
    /// The handler answered so.
    Answered(Response),
    Refused(StatusCode, &'static str),
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Failure::Answered(response) => return response,
            Failure::Refused(status, why) => (status, why),
            Failure::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation => (StatusCode::CONFLICT, "the owner has an account already"),
                ErrorKind::CheckViolation => (StatusCode::CONFLICT, "there is not enough on the account"),
                ErrorKind::PoolTimeout | ErrorKind::Timeout | ErrorKind::Busy | ErrorKind::QueueFull => {
                    (StatusCode::SERVICE_UNAVAILABLE, "too much to do just now: try again")
                }
                // What a database says is for the log, not for whoever asks.
                _ => {
                    eprintln!("a request failed: {error}");
                    (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong")
                }
            },
        };
        (status, Json(serde_json::json!({ "error": why }))).into_response()
    }
}
