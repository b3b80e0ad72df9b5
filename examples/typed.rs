//! Rows as Rust types: structs by column name, exact decimals, dates, JSON, enums. `cargo run --example typed`.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Json, TimestampTz};
use serde::{Deserialize, Serialize};

/// How far an order has come: a text in the database, one of these here.
#[derive(Debug, PartialEq)]
enum Status {
    Open,
    Shipped,
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Status, String> {
        match text.as_str() {
            "open" => Ok(Status::Open),
            "shipped" => Ok(Status::Shipped),
            other => Err(format!("`{other}` is no status")),
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    article: String,
    pieces: u32,
}

#[derive(Debug, FromRow)]
struct Customer {
    id: i64,
    name: String,
}

/// An order with its customer, from one row of a join.
#[derive(Debug, FromRow)]
struct Order {
    id: i64,
    /// Text in the database and text on the way: no digit is rounded.
    total: Decimal,
    placed: TimestampTz,
    due: Option<Date>,
    #[row(try_from = "String")]
    status: Status,
    #[row(json)]
    lines: Vec<Line>,
    /// The columns that start with `customer_`; `None` when all of them are NULL.
    #[row(flatten, prefix = "customer_")]
    customer: Option<Customer>,
}

const ORDERS: &str = r#"
    SELECT o.id, o.total, o.placed, o.due, o.status, o.lines, c.id AS customer_id, c.name AS customer_name
    FROM "order" o LEFT JOIN customer c ON c.id = o.customer
    ORDER BY o.id
"#;

fn main() -> Result<(), Error> {
    let db = Database::open("sqlite::memory:")?;
    db.execute_script(
        r#"
        CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE "order" (
            id INTEGER PRIMARY KEY,
            customer INTEGER REFERENCES customer (id),
            total DECIMAL_TEXT NOT NULL, -- SQLite would make a float of a DECIMAL with so many digits
            placed TIMESTAMPTZ NOT NULL,
            due DATE,
            status TEXT NOT NULL,
            lines JSON NOT NULL
        );
        INSERT INTO customer VALUES (1, 'Ada');
        "#,
    )?;

    let exact: Decimal = "12345678901234567890.0123456789".parse().expect("a decimal");
    let placed: TimestampTz = "2024-02-29T23:59:59.123456789+05:30".parse().expect("a moment");
    let due: Date = "2024-03-01".parse().expect("a date");
    let lines = vec![Line { article: "oar".into(), pieces: 2 }, Line { article: "plank".into(), pieces: 40 }];
    let insert = r#"
        INSERT INTO "order" (customer, total, placed, due, status, lines)
        VALUES (:customer, :total, :placed, :due, :status, :lines)
    "#;
    db.execute(
        insert,
        params! { customer: 1, total: exact.clone(), placed: placed, due: due, status: "open", lines: Json(&lines) },
    )?;
    db.execute(
        insert,
        params! {
            customer: None::<i64>, total: "0.1".parse::<Decimal>().expect("a decimal"), placed: placed,
            due: None::<Date>, status: "shipped", lines: Json(Vec::<Line>::new()),
        },
    )?;

    let orders: Vec<Order> = db.fetch_all_as(ORDERS, ())?;
    for order in &orders {
        println!("{order:#?}");
    }
    let [first, second] = orders.as_slice() else { panic!("two orders were placed") };
    assert_eq!((first.id, &first.total, first.placed, first.due), (1, &exact, placed, Some(due)));
    assert_eq!((&first.status, &first.lines), (&Status::Open, &lines));
    let customer = first.customer.as_ref().expect("it has one");
    assert_eq!((customer.id, customer.name.as_str()), (1, "Ada"));
    assert!(second.customer.is_none() && second.due.is_none() && second.status == Status::Shipped);

    println!("\nWhat does not fit is an error that says what and where:");
    let error = db.fetch_one_as::<(u8, Decimal)>(r#"SELECT 300, total FROM "order""#, ()).unwrap_err();
    println!("  {error}");
    db.execute(r#"UPDATE "order" SET status = 'lost' WHERE id = 2"#, ())?;
    let error = db.fetch_all_as::<Order>(ORDERS, ()).unwrap_err();
    println!("  {error}");
    Ok(())
}
