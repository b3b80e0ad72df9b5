//! Behind a pooler that gives each transaction another session: nothing may be left in one and looked for in the next.

use std::collections::HashSet;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal};

use crate::kit::servers::{Pooler, Scratch};
use crate::server;

/// A database behind the pooler whose statements go round over two sessions of the server at least.
fn open(pooler: &Pooler, database: &Scratch<'_>, options: &str) -> Database {
    let url = format!("{}?statement_mode=unnamed&pool_size=2{options}", database.url_at(pooler.port()));
    let db = Database::open(url).expect("the pooler can be reached");
    std::thread::scope(|scope| {
        let tx = db.begin().expect("a transaction");
        tx.execute("SELECT 1", ()).expect("it has a session");
        scope.spawn(|| db.execute("SELECT 1", ()).expect("another one has a second")).join().expect("no panic");
        tx.rollback().expect("it ends");
    });
    db
}

#[test]
fn statements_leave_nothing_in_a_session() {
    let database = server!().database();
    let Some(pooler) = Pooler::before(database.server()) else { return };
    let db = open(&pooler, &database, "");
    let connection = db.connection().unwrap();
    connection
        .execute_script("CREATE TABLE notes (id serial PRIMARY KEY, text text, due date, price numeric)")
        .unwrap();
    let mut sessions = HashSet::new();
    for number in 0..40_i64 {
        // The same text again and again, with values that are written for the types that the server inferred.
        let (session, sum): (i64, i64) = connection
            .fetch_one_as("SELECT pg_backend_pid(), :n::bigint + 1", params! { n: number })
            .unwrap()
            .expect("a row");
        assert_eq!(sum, number + 1, "{}", pooler.log());
        sessions.insert(session);
        let kept: Option<i64> = connection.fetch_val("SELECT count(*) FROM pg_prepared_statements", ()).unwrap();
        assert_eq!(kept, Some(0));
    }
    assert!(sessions.len() > 1, "the pooler gave one session only: {sessions:?}");
    let due: Date = "2024-02-29".parse().unwrap();
    let price: Decimal = "12345678901234567890.125".parse().unwrap();
    for number in 0..10_i64 {
        let id: Option<i64> = connection
            .fetch_val(
                "INSERT INTO notes (text, due, price) VALUES (:text, :due, :price) RETURNING id",
                params! { text: format!("note {number}"), due: due, price: price.clone() },
            )
            .unwrap();
        assert_eq!(id, Some(number + 1));
    }
    let rows = (10..20).map(|number| (format!("note {number}"), due, price.clone()));
    connection.execute_many("INSERT INTO notes (text, due, price) VALUES (?, ?, ?)", rows).unwrap();
    let read: Vec<(String, Date, Decimal)> = connection
        .fetch_all_as("SELECT text, due, price FROM notes WHERE id <= :most ORDER BY id", params! { most: 20 })
        .unwrap();
    assert_eq!(read.len(), 20);
    for (number, row) in read.into_iter().enumerate() {
        assert_eq!(row, (format!("note {number}"), due, price.clone()));
    }
    let streamed = connection.iterate("SELECT id FROM notes WHERE id > ? ORDER BY id", (5,)).unwrap();
    let streamed: Vec<i64> = streamed.map(|row| row.unwrap().get(0).unwrap()).collect();
    assert_eq!(streamed, (6..=20).collect::<Vec<_>>());
}

#[test]
fn transactions_keep_their_session_and_streams_in_them_too() {
    let database = server!().database();
    let Some(pooler) = Pooler::before(database.server()) else { return };
    let db = open(&pooler, &database, "");
    db.execute("CREATE TABLE notes (id int)", ()).unwrap();
    for round in 0..10_i64 {
        db.transaction(|tx| {
            let session = |on: &Transaction<'_>| on.fetch_val::<i64>("SELECT pg_backend_pid() + 0 * ?::int", (1,));
            let first = session(tx)?;
            tx.execute("INSERT INTO notes VALUES (?)", (round,))?;
            tx.transaction(|inner| inner.execute("INSERT INTO notes VALUES (?)", (-round,)))?;
            for row in tx.iterate("SELECT id FROM notes WHERE id >= ?", (0,))? {
                let id: i64 = row?.get(0)?;
                tx.execute("UPDATE notes SET id = id WHERE id = ?", (id,))?;
            }
            assert_eq!(session(tx)?, first);
            Ok::<_, Error>(())
        })
        .unwrap();
    }
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(20));
    let undone = db.transaction(|tx| {
        tx.execute("DELETE FROM notes WHERE id >= ?", (0,))?;
        tx.execute("SELECT 1 / ?::int", (0,))
    });
    assert_eq!(undone.unwrap_err().kind(), ErrorKind::DivisionByZero);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(20));
}

#[test]
fn what_is_known_of_a_statement_is_learnt_anew_when_its_table_changes() {
    let database = server!().database();
    let Some(pooler) = Pooler::before(database.server()) else { return };
    let db = open(&pooler, &database, "");
    db.execute_script("CREATE TABLE notes (id int, text text); INSERT INTO notes VALUES (1, 'one')").unwrap();
    let all = || db.fetch_all("SELECT * FROM notes WHERE id >= ?", (0,)).unwrap();
    let columns = |rows: &Rows| rows.columns().map_or(0, |columns| columns.len());
    assert_eq!(columns(&all()), 2);
    // By somebody else, so that nobody here is told.
    database.server().new_console(Some(database.name())).run("ALTER TABLE notes ADD due date DEFAULT '2024-02-29'");
    let rows = all();
    assert_eq!(columns(&rows), 3);
    assert_eq!(rows.get(0).unwrap().get::<Date>("due").unwrap(), "2024-02-29".parse::<Date>().unwrap());
    database.server().new_console(Some(database.name())).run("ALTER TABLE notes RENAME text TO words");
    assert_eq!(all().get(0).unwrap().get::<String>("words").unwrap(), "one");
    // A parameter that was a number is a text now.
    database.server().new_console(Some(database.name())).run("ALTER TABLE notes ALTER id TYPE text");
    assert_eq!(db.fetch_all("SELECT * FROM notes WHERE id = ?", ("1",)).unwrap().len(), 1);
}

#[test]
fn a_deadline_is_kept_and_hits_nobody_else() {
    let database = server!().database();
    let Some(pooler) = Pooler::before(database.server()) else { return };
    let db = open(&pooler, &database, "");
    for round in 0..5_i64 {
        let query = Query::new("SELECT pg_sleep(60)").timeout(Duration::from_millis(100));
        assert_eq!(db.fetch_all(query, ()).unwrap_err().kind(), ErrorKind::Timeout);
        for next in 0..10_i64 {
            assert_eq!(db.fetch_val::<i64>("SELECT ?::bigint", (round + next,)).unwrap(), Some(round + next));
        }
    }
}
