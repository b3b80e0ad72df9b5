//! How often the way to SQLite and back allocates: counted, since time cannot be asserted. What SQLite allocates itself
//! is not in it.
//!
//! These are ceilings. Whoever finds one too high lowers it; whoever raises one says why in its list.

use allocation_counter::measure;
use pontoon::prelude::*;

type Person = (i64, String, i64, f64, String);

const POINT: &str = "SELECT id, name, age, score, mail FROM people WHERE id = ?";
const INSERT: &str = "INSERT INTO people VALUES (?, ?, ?, ?, ?)";

fn person(id: i64) -> Person {
    (id, format!("Name Number {id}"), id % 100, id as f64 * 0.25, format!("somebody.{id}@mail.example.org"))
}

fn people(count: i64) -> Database {
    let db = Database::open("sqlite::memory:").unwrap();
    db.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, score REAL, mail TEXT)", ())
        .unwrap();
    db.execute_many(INSERT, (1..=count).map(person)).unwrap();
    db
}

/// Allocations of this thread for one of many runs, once everything that is kept is there.
fn per_run(mut run: impl FnMut()) -> u64 {
    (0..100).for_each(|_| run());
    let all = measure(|| (0..100).for_each(|_| run()));
    all.count_total.div_ceil(100)
}

#[test]
fn a_point_query() {
    let db = people(10);
    let connection = db.connection().unwrap();
    let point = |on: &dyn Fn() -> Option<Person>| per_run(|| assert_eq!(on(), Some(person(7))));
    // What `assert_eq` compares with has two texts.
    let compared = per_run(|| drop(person(7)));
    let held = point(&|| connection.fetch_one_as(POINT, (7,)).unwrap()) - compared;
    drop(connection);
    let pooled = point(&|| db.fetch_one_as(POINT, (7,)).unwrap()) - compared;
    // The list of the parameter; cells, texts and the batch of the row; and the two texts that were asked for.
    assert!(held <= 6, "{held}");
    assert!(pooled <= held, "{pooled} through the database, {held} on a connection");

    // Nothing but the list, cells and batch.
    let age = per_run(|| assert_eq!(db.fetch_val("SELECT age FROM people WHERE id = ?", (7,)).unwrap(), Some(7)));
    assert!(age <= 3, "{age}");
}

#[test]
fn a_write_in_a_transaction() {
    let db = people(1);
    let mut id = 1;
    db.transaction(|tx| {
        let (name, mail) = (String::from("a name"), String::from("a@mail.example.org"));
        let each = per_run(|| {
            id += 1;
            tx.execute(INSERT, (id, &name, 1, 0.5, &mail)).unwrap();
        });
        // The list and its two texts.
        assert!(each <= 3, "{each}");
        Ok::<_, pontoon::Error>(())
    })
    .unwrap();
}

#[test]
fn many_sets_and_many_rows() {
    const COUNT: i64 = 10_000;
    let db = people(0);
    let people: Vec<Person> = (1..=COUNT).map(person).collect();
    let sets = || people.iter().map(|(id, name, age, score, mail)| (id, name, age, score, mail));
    let packed = measure(|| assert_eq!(db.execute_many(INSERT, sets()).unwrap(), COUNT as u64));
    // Some for each stretch of a quarter of a mebibyte, none for each set.
    assert!(packed.count_total <= 100, "{packed:?}");

    // So for rows of a table.
    db.execute("DELETE FROM people", ()).unwrap();
    let columns = ["id", "name", "age", "score", "mail"];
    let loaded = measure(|| assert_eq!(db.bulk_insert("people", &columns, sets()).unwrap().rows, COUNT as u64));
    assert!(loaded.count_total <= 100, "{loaded:?}");

    let mut rows = None;
    let fetched = measure(|| rows = Some(db.fetch_all("SELECT * FROM people", ()).unwrap()));
    assert!(fetched.count_total <= 100, "{fetched:?}");
    let rows = rows.unwrap();
    assert_eq!(rows.len() as i64, COUNT);
    let read = measure(|| {
        let mut cursor = rows.cursor();
        let mut bytes = 0;
        while let Some(row) = cursor.next() {
            bytes += row.get::<&str>("name").unwrap().len() + row.get::<&str>(4).unwrap().len();
        }
        assert!(bytes > 0);
    });
    assert_eq!(read.count_total, 0, "{read:?}");
}
