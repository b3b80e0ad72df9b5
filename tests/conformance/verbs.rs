//! Every verb, on everything that has it: database, connection, transaction, session.

use crate::face::prelude::*;
use pontoon::{Catalog, Result};

use crate::harness::{Outcome, Target, count, fails, texts};
use crate::profile::TellsKey;

tests! {
    verbs:
    on_a_database,
    on_a_connection,
    on_a_transaction,
    on_a_nested_transaction,
    on_a_session,
    on_a_session_in_a_transaction,
    on_a_transaction_s_session,
    streams_of_a_database,
    streams_of_a_connection,
    streams_of_a_transaction,
    each_of_a_session,
}

#[derive(Debug, PartialEq, FromRow)]
struct Note {
    id: i64,
    text: String,
    completed: bool,
}

fn as_note(id: i64, text: &str, completed: bool) -> Note {
    Note { id, text: text.to_owned(), completed }
}

/// All the verbs of reading and writing, on a database with empty tables.
fn speak(on: &impl Queryable, key: TellsKey) -> Result<()> {
    on.ping()?;
    assert!(on.has_table("notes")?);
    assert!(!on.has_table("NOTES_")?);
    assert!(!on.catalog(Catalog::Columns("notes".into()))?.is_empty());
    assert_eq!(on.fetch_one("SELECT text FROM notes", ())?, None);
    assert_eq!(on.fetch_last("SELECT text FROM notes", ())?, None);
    assert_eq!(on.fetch_val::<String>("SELECT text FROM notes", ())?, None);
    assert!(on.fetch_all("SELECT text FROM notes", ())?.is_empty());

    // Named and by position, of all the kinds that a caller has at hand.
    let insert = "INSERT INTO notes (text, completed) VALUES (:text, :completed)";
    let first = on.execute(insert, params! { text: "example1", completed: true })?;
    assert_eq!((first.rows_affected, first.last_insert_id), (1, key.of(1, 1)));
    assert_eq!(on.execute(insert, params! { completed: false, text: "example2" })?.last_insert_id, key.of(2, 2));
    let rows = [params! { text: "example3", completed: true }, params! { text: "example4", completed: false }];
    assert_eq!(on.execute_many(insert, rows)?, 2);
    let report = on.bulk_insert("notes", &["text", "completed"], [("example5", true), ("example6", false)])?;
    assert_eq!(report.rows, 2);

    let all = on.fetch_all("SELECT id, text, completed FROM notes ORDER BY id", ())?;
    assert_eq!(all.len(), 6);
    assert_eq!(all.get(0).map(|row| row.decode()).transpose()?, Some(as_note(1, "example1", true)));
    let done: Vec<Note> = on.fetch_all_as("SELECT * FROM notes WHERE completed = ? ORDER BY id DESC", (true,))?;
    assert_eq!(done, [as_note(5, "example5", true), as_note(3, "example3", true), as_note(1, "example1", true)]);
    let pairs: Vec<(i64, String)> = on.fetch_all_as("SELECT id, text FROM notes WHERE id < ? ORDER BY id", [3])?;
    assert_eq!(pairs, [(1, "example1".to_owned()), (2, "example2".to_owned())]);

    let one = on.fetch_one("SELECT id, text, completed FROM notes WHERE id = :id", params! { id: 2 })?;
    assert_eq!(one.map(|row| row.decode()).transpose()?, Some(as_note(2, "example2", false)));
    assert_eq!(on.fetch_one_as::<Note>("SELECT * FROM notes WHERE id = 99", ())?, None);
    let in_order = "SELECT text FROM notes ORDER BY id";
    let text = |row: Option<Row>| row.map(|row| row.get::<String>(0)).transpose();
    assert_eq!(text(on.fetch_one(in_order, ())?)?.as_deref(), Some("example1"));
    assert_eq!(text(on.fetch_nth(in_order, (), 3)?)?.as_deref(), Some("example4"));
    assert_eq!(text(on.fetch_nth(in_order, (), 6)?)?, None);
    assert_eq!(text(on.fetch_last(in_order, ())?)?.as_deref(), Some("example6"));
    assert_eq!(on.fetch_val(in_order, ())?, Some("example1".to_owned()));
    assert_eq!(
        on.fetch_val("SELECT count(*) FROM notes WHERE id IN (:ids)", params! { ids: vec![1, 3, 77] })?,
        Some(2)
    );

    let query =
        Query::new("UPDATE notes SET completed = :completed WHERE id > :id").bind(params! { completed: true, id: 4 });
    assert_eq!(on.execute(&query, ())?.rows_affected, 2);
    assert_eq!(on.execute("DELETE FROM notes WHERE text = ?", ("example6",))?.rows_affected, 1);
    assert_eq!(on.execute("DELETE FROM notes WHERE text = ?", ("example6",))?.rows_affected, 0);
    on.execute_script(
        "INSERT INTO notes (text) VALUES ('a;b'); -- a comment; with a semicolon\n DELETE FROM notes WHERE id = 1;",
    )?;
    assert_eq!(texts(on)?, ["example2", "example3", "example4", "example5", "a;b"]);
    Ok(())
}

/// What it does has to be there for others.
fn kept(db: &Database) -> Outcome {
    assert_eq!(count(db)?, 5);
    Ok(())
}

pub(crate) fn on_a_database(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    speak(&db, key)?;
    kept(&db)
}

pub(crate) fn on_a_connection(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    speak(&db.connection()?, key)?;
    kept(&db)
}

pub(crate) fn on_a_transaction(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    let tx = db.begin()?;
    speak(&tx, key)?;
    tx.commit()?;
    kept(&db)
}

pub(crate) fn on_a_nested_transaction(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    db.transaction(|tx| tx.transaction(|tx| speak(tx, key)))?;
    kept(&db)
}

pub(crate) fn on_a_session(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    db.run(move |session| speak(session, key))?;
    kept(&db)
}

pub(crate) fn on_a_session_in_a_transaction(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    db.session(move |session| speak(session, key))?;
    kept(&db)
}

pub(crate) fn on_a_transaction_s_session(t: &Target) -> Outcome {
    let (db, key) = (t.notes()?, t.profile().tells_key);
    let tx = db.begin()?;
    tx.run(move |session| speak(session, key))?;
    tx.rollback()?;
    assert_eq!(count(&db)?, 0);
    Ok(())
}

/// The verbs of streaming.
fn stream(on: &(impl Queryable + Streamable)) -> Result<()> {
    on.execute_many("INSERT INTO notes (text) VALUES (?)", (1..=10).map(|number| (format!("note {number}"),)))?;
    let in_order = "SELECT id, text FROM notes WHERE id > :id ORDER BY id";
    let ids = on.iterate(in_order, params! { id: 7 })?.map(|row| row?.get(0)).collect::<Result<Vec<i64>>>()?;
    assert_eq!(ids, [8, 9, 10]);
    let query = Query::new(in_order).batch_rows(4);
    let sizes = on.batches(&query, params! { id: 0 })?.map(|rows| Ok(rows?.len())).collect::<Result<Vec<_>>>()?;
    assert_eq!(sizes, [4, 4, 2]);
    let mut stream = on.iterate(in_order, params! { id: 0 })?;
    let first = stream.next().transpose()?.map(|row| row.get::<String>("text")).transpose()?;
    assert_eq!(first.as_deref(), Some("note 1"));
    drop(stream);
    assert_eq!(count(on)?, 10);
    assert_eq!(on.iterate("SELECT id FROM notes WHERE id < 0", ())?.count(), 0);
    Ok(())
}

pub(crate) fn streams_of_a_database(t: &Target) -> Outcome {
    Ok(stream(&t.notes()?)?)
}

pub(crate) fn streams_of_a_connection(t: &Target) -> Outcome {
    Ok(stream(&t.notes()?.connection()?)?)
}

pub(crate) fn streams_of_a_transaction(t: &Target) -> Outcome {
    let db = t.notes()?;
    Ok(db.transaction(|tx| stream(tx))?)
}

pub(crate) fn each_of_a_session(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (1..=600).map(|number| (format!("note {number}"),)))?;
    let (seen, nested) = db.run(|session| {
        let mut seen = 0_i64;
        let mut nested = None;
        session.each("SELECT id FROM notes ORDER BY id", (), |row| {
            seen = row.get("id")?;
            if seen == 1 {
                nested = Some(session.execute("DELETE FROM notes", ()));
            }
            Ok(if seen == 300 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) })
        })?;
        Ok((seen, nested))
    })?;
    assert_eq!(seen, 300);
    fails(ErrorKind::WouldDeadlock, nested.expect("it was tried"));
    assert_eq!(count(&db)?, 600);
    Ok(())
}
