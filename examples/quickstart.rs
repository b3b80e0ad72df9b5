//! A first look: a database, a query, transactions, a stream. `cargo run --example quickstart` does it on SQLite, in a file
//! that it removes. With the URL of a database of your own it does the same there, in a table that it calls
//! `quickstart_notes`:
//!
//! ```text
//! cargo run --example quickstart -- sqlite:notes.db
//! cargo run --example quickstart --features postgres -- postgresql://app:secret@localhost/shop
//! cargo run --example quickstart --features mysql -- mysql://app:secret@localhost/shop
//! ```

#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use pontoon::prelude::*;

#[derive(Debug, FromRow)]
struct Note {
    id: i64,
    text: String,
    done: bool,
}

fn main() -> Result<(), Error> {
    if let Some(url) = std::env::args().nth(1) {
        return run(&url);
    }
    let file = std::env::temp_dir().join(format!("pontoon-quickstart-{}.db", std::process::id()));
    let ran = run(&format!("sqlite:{}", file.display()));
    for end in ["", "-wal", "-shm"] {
        // The two companions are there or not, as SQLite likes.
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    ran
}

/// The same on whatever database the URL names.
pub(crate) fn run(url: &str) -> Result<(), Error> {
    let db = Database::new(url)?;
    // As it is shown, a URL has no password in it.
    println!("Open {}", db.url());
    db.connect()?;
    db.execute_script(
        "DROP TABLE IF EXISTS quickstart_notes;
         CREATE TABLE quickstart_notes (id INTEGER PRIMARY KEY, text VARCHAR(200) NOT NULL, done BOOLEAN NOT NULL);",
    )?;

    println!("\nInsert, with names for the parameters");
    for (id, text) in [(1, "learn to swim"), (2, "build a boat"), (3, "cross the river")] {
        db.execute(
            "INSERT INTO quickstart_notes (id, text, done) VALUES (:id, :text, :done)",
            params! { id: id, text: text, done: false },
        )?;
    }

    println!("\nQuery: by name, as a value, as a struct");
    for row in &db.fetch_all(
        "SELECT id, text FROM quickstart_notes WHERE id IN (:ids) ORDER BY id",
        params! { ids: vec![1, 3] },
    )? {
        println!("  {} {}", row.get::<i64>("id")?, row.get::<&str>("text")?);
    }
    let count: Option<i64> = db.fetch_val("SELECT count(*) FROM quickstart_notes", ())?;
    println!("  {count:?} notes");
    let note: Option<Note> = db.fetch_one_as("SELECT id, text, done FROM quickstart_notes WHERE id = ?", (2,))?;
    println!("  {note:?}");

    println!("\nA transaction, and one inside it that fails");
    db.transaction(|tx| {
        tx.execute("UPDATE quickstart_notes SET done = :done WHERE id = 1", params! { done: true })?;
        let failed = tx.transaction(|inner| {
            inner.execute("UPDATE quickstart_notes SET text = 'lost' WHERE id = 1", ())?;
            inner.execute(
                "INSERT INTO quickstart_notes (id, text, done) VALUES (1, 'taken', :done)",
                params! { done: false },
            )
        });
        match failed {
            Err(error) => println!("  the inner one failed and was undone: {error} ({})", error.kind()),
            Ok(_) => println!("  the inner one was kept"),
        }
        Ok::<_, Error>(())
    })?;
    print_all(&db)?;

    println!("\nA transaction that is dropped, so that it is rolled back");
    let tx = db.begin()?;
    tx.execute("DELETE FROM quickstart_notes", ())?;
    drop(tx);
    print_all(&db)?;

    println!("\nRows one by one, with an update for each on the same connection");
    let connection = db.connection()?;
    for note in connection.iterate("SELECT id, text, done FROM quickstart_notes ORDER BY id", ())? {
        let note: Note = note?.decode()?;
        connection
            .execute("UPDATE quickstart_notes SET done = :done WHERE id = :id", params! { id: note.id, done: true })?;
        println!("  did: {}", note.text);
    }
    drop(connection);
    print_all(&db)?;

    db.execute_script("DROP TABLE quickstart_notes")?;
    println!("\nClose: {:?}", db.close(std::time::Duration::from_secs(1)));
    Ok(())
}

fn print_all(db: &Database) -> Result<(), Error> {
    for note in db.fetch_all_as::<Note>("SELECT id, text, done FROM quickstart_notes ORDER BY id", ())? {
        println!("  {} {} {}", note.id, if note.done { "[x]" } else { "[ ]" }, note.text);
    }
    Ok(())
}
