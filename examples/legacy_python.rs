//! A database that only a Python module can reach, read from Rust.
//!
//! ```sh
//! cargo run --features dbapi2 --example legacy_python -- 'dbapi2+sqlite3://legacy.db' 'SELECT * FROM customers'
//! ```
//!
//! Without arguments it makes a small database of its own. The URL comes from whoever runs the program, so options that
//! name code to load, such as `dbapi_path` and `python`, are allowed: do not do that with URLs of others.

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::error::Error;

use pontoon::Database;
use pontoon::prelude::*;
use pontoon::value::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(url), Some(query)) => {
            let db = Database::builder().url(url).allow_code_options(true).open()?;
            print(&db, &query)?;
        }
        _ => sample()?,
    }
    Ok(())
}

/// Prints the rows of a query, one by one, however many there are.
fn print(db: &Database, query: &str) -> pontoon::Result<usize> {
    let mut rows = 0;
    for row in db.iterate(query, ())? {
        let row = row?;
        let cells = (0..row.len()).map(|at| row.get::<Value>(at).map(|value| shown(&value)));
        println!("{}", cells.collect::<pontoon::Result<Vec<_>>>()?.join("\t"));
        rows += 1;
    }
    Ok(rows)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null(_) => "NULL".into(),
        Value::Text(text) | Value::Json(text) | Value::Other { text, .. } => text.clone(),
        Value::I64(number) => number.to_string(),
        Value::F64(float) => float.to_string(),
        Value::Decimal(decimal) => decimal.to_string(),
        other => format!("{other:?}"),
    }
}

/// A database as somebody else's program left it, and the same rows in Rust.
fn sample() -> Result<(), Box<dyn Error>> {
    let file = std::env::temp_dir().join(format!("legacy-{}.db", std::process::id()));
    let db = Database::open(format!("dbapi2+sqlite3://{}", file.display()))?;
    db.execute_script(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, since TEXT);
         INSERT INTO customers (name, since) VALUES ('Ada', '1843-10-01'), ('Grace', '1952-05-01');",
    )?;
    db.transaction(|tx| {
        tx.execute("UPDATE customers SET name = :name WHERE id = :id", params! { name: "Ada L.", id: 1 })?;
        Ok::<_, pontoon::Error>(())
    })?;
    let rows = print(&db, "SELECT * FROM customers ORDER BY id")?;
    println!("{rows} rows by way of Python");
    db.close(std::time::Duration::from_secs(5));
    std::fs::remove_file(file)?;
    Ok(())
}
