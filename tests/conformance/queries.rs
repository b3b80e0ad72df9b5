//! Queries: parameters, positions, what is refused before it is sent, what an error leaves behind.

use crate::face::prelude::*;
use pontoon::{Catalog, Effect};

use crate::harness::{Outcome, Target, count, fails, note, texts};
use crate::profile::{Feature, TellsKey};

tests! {
    queries:
    positions_of_rows,
    positions_beside_limit_and_offset,
    what_execute_reports,
    returning,
    queries_without_rows_are_not_run,
    parameters_by_name,
    what_is_no_parameter,
    parameters_by_position,
    lists_of_values,
    parameters_that_do_not_fit,
    quoting,
    hostile_names,
    ddl_in_a_transaction,
    after_an_error,
    constraints_have_their_kinds,
    foreign_keys_are_enforced,
    limits_of_a_query,
    read_only_queries,
    catalog,
    one_statement_at_a_time,
    errors_show_no_values,
}

pub(crate) fn positions_of_rows(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", ["a", "b", "c", "d", "e"].map(|text| (text,)))?;
    let query = "SELECT text FROM notes ORDER BY id";
    for (position, expected) in [(0, Some("a")), (1, Some("b")), (4, Some("e")), (5, None), (u64::MAX, None)] {
        let row = db.fetch_nth(query, (), position)?;
        assert_eq!(row.map(|row| row.get::<String>(0)).transpose()?.as_deref(), expected, "at {position}");
    }
    assert_eq!(db.fetch_last(query, ())?.map(|row| row.get::<String>(0)).transpose()?.as_deref(), Some("e"));
    Ok(())
}

pub(crate) fn positions_beside_limit_and_offset(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", ["a", "b", "c", "d", "e"].map(|text| (text,)))?;
    let query = "SELECT text FROM notes ORDER BY id LIMIT 3 OFFSET 1";
    for (position, expected) in [(0, Some("b")), (2, Some("d")), (3, None)] {
        let row = db.fetch_nth(query, (), position)?;
        assert_eq!(row.map(|row| row.get::<String>(0)).transpose()?.as_deref(), expected, "at {position}");
    }
    assert_eq!(db.fetch_last(query, ())?.map(|row| row.get::<String>(0)).transpose()?.as_deref(), Some("d"));
    assert_eq!(db.fetch_one("SELECT text FROM notes LIMIT 0", ())?, None);
    assert_eq!(db.fetch_last("SELECT text FROM notes LIMIT 0", ())?, None);
    Ok(())
}

pub(crate) fn what_execute_reports(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = db.execute("INSERT INTO notes (text) VALUES ('one'), ('two'), ('three')", ())?;
    assert_eq!((insert.rows_affected, insert.last_insert_id), (3, t.profile().tells_key.of(1, 3)));
    let update = db.execute("UPDATE notes SET completed = :c WHERE id < 3", params! { c: true })?;
    assert_eq!((update.rows_affected, update.last_insert_id), (2, None));
    let delete = db.execute("DELETE FROM notes WHERE id = 1", ())?;
    assert_eq!((delete.rows_affected, delete.last_insert_id), (1, None));
    let select = db.execute("SELECT * FROM notes", ())?;
    assert_eq!((select.rows_affected, select.last_insert_id), (0, None), "of what came before it");
    let create = db.execute("CREATE TABLE other (id INTEGER)", ())?;
    assert_eq!((create.rows_affected, create.last_insert_id), (0, None));
    let id = db.execute("INSERT INTO notes (text) VALUES ('four')", ())?.last_insert_id;
    assert_eq!(id.is_some(), t.profile().tells_key != TellsKey::Never);
    let text: Option<String> = db.fetch_val("SELECT text FROM notes WHERE id = ?", (id.unwrap_or(4),))?;
    assert_eq!(text.as_deref(), Some("four"));
    Ok(())
}

pub(crate) fn returning(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = "INSERT INTO notes (text) VALUES (:a), (:b) RETURNING id, text";
    let rows: Vec<(i64, String)> = db.fetch_all_as(insert, params! { a: "one", b: "two" })?;
    assert_eq!(rows, [(1, "one".to_owned()), (2, "two".to_owned())]);
    // The first row alone is asked for; all are inserted.
    assert_eq!(db.fetch_val::<i64>(insert, params! { a: "three", b: "four" })?, Some(3));
    assert_eq!(texts(&db)?, ["one", "two", "three", "four"]);
    assert_eq!(db.execute("DELETE FROM notes WHERE id < 3 RETURNING id", ())?.rows_affected, 2);
    assert_eq!(count(&db)?, 2);
    Ok(())
}

pub(crate) fn queries_without_rows_are_not_run(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = "INSERT INTO notes (text) VALUES ('one')";
    for error in [
        fails(ErrorKind::Misuse, db.fetch_all(insert, ())),
        fails(ErrorKind::Misuse, db.fetch_one(insert, ())),
        fails(ErrorKind::Misuse, db.fetch_last(insert, ())),
        fails(ErrorKind::Misuse, db.fetch_val::<i64>(insert, ())),
        fails(ErrorKind::Misuse, db.iterate(insert, ()).and_then(|mut rows| rows.next().transpose())),
    ] {
        assert_eq!(error.effect(), Effect::NotSent, "{error}");
    }
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn parameters_by_name(t: &Target) -> Outcome {
    let db = t.notes()?;
    // A name twice, in another order, with names that begin alike.
    let row: Option<(i64, i64, i64, i64)> =
        db.fetch_one_as("SELECT :a + 0, :ab + 0, :a + 0, :a_b + 0", params! { a_b: 3, ab: 2, a: 1 })?;
    assert_eq!(row, Some((1, 2, 1, 3)));
    let pairs = std::collections::HashMap::from([("x", 5), ("y", 6)]);
    assert_eq!(db.fetch_val("SELECT 1 * :x * :y", &pairs)?, Some(30));
    assert_eq!(db.fetch_val("SELECT 1 * :x * :y", [("y", 2), ("x", 3)])?, Some(6));
    let (text, id) = ("one", 7);
    db.execute("INSERT INTO notes (id, text) VALUES (:id, :text)", params! { id, :text })?;
    assert_eq!(db.fetch_val("SELECT text FROM notes WHERE id=:id", params! { :id })?, Some("one".to_owned()));
    Ok(())
}

pub(crate) fn what_is_no_parameter(t: &Target) -> Outcome {
    let db = t.notes()?;
    let row: Option<(String, i64)> = db.fetch_one_as(
        "SELECT ':in \"a\" string; it''s :one' AS \":name\" /* :in a comment ? */, :a + 0 -- :and another ?\n",
        params! { a: 1 },
    )?;
    assert_eq!(row, Some((":in \"a\" string; it's :one".to_owned(), 1)));
    assert_eq!(db.fetch_val("SELECT '12:30:45'", ())?, Some("12:30:45".to_owned()));
    note(&db, "one")?;
    assert_eq!(db.fetch_val("SELECT '?' FROM notes WHERE 'a' <> ?", ("b",))?, Some("?".to_owned()));
    let text = if db.dialect().lexis.backslash_escapes { "backslash" } else { "back\\slash" };
    assert_eq!(db.fetch_val("SELECT 'back\\slash' FROM notes WHERE :a = 1", params! { a: 1 })?, Some(text.to_owned()));
    Ok(())
}

pub(crate) fn parameters_by_position(t: &Target) -> Outcome {
    let db = t.notes()?;
    assert_eq!(
        db.fetch_one_as("SELECT ? + 0, CAST(? AS CHAR(3)), ? + 0.5", (1, "two", 3.0))?,
        Some((1, "two".to_owned(), 3.5))
    );
    assert_eq!(db.fetch_val("SELECT 0 + ? - ?", [9, 4])?, Some(5));
    assert_eq!(db.fetch_val("SELECT 0 + ? - ?", vec![9, 5])?, Some(4));
    assert_eq!(db.fetch_val("SELECT 0 + ? - ?", params![9, 6])?, Some(3));
    Ok(())
}

pub(crate) fn lists_of_values(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (1..=9).map(|number| (number.to_string(),)))?;
    let ids = |query: &str, params: pontoon::Params| db.fetch_all(query, params)?.column::<i64>(0);
    let named = "SELECT id FROM notes WHERE id IN (:ids) AND id <> :not ORDER BY id";
    assert_eq!(ids(named, params! { ids: vec![2, 3, 5], not: 3 })?, [2, 5]);
    assert_eq!(ids(named, params! { ids: [7], not: 3 })?, [7]);
    if t.profile().lacks(Feature::EmptyLists).is_none() {
        assert_eq!(ids(named, params! { ids: Vec::<i64>::new(), not: 3 })?, [0_i64; 0], "none of nothing");
    }
    assert_eq!(ids("SELECT id FROM notes WHERE id > ? AND id IN (?) ORDER BY id", params![3, vec![1, 4, 9]])?, [4, 9]);
    let not_in = "SELECT count(*) FROM notes WHERE id NOT IN (:ids)";
    assert_eq!(ids(not_in, params! { ids: vec![1, 2] })?, [7]);
    Ok(())
}

pub(crate) fn parameters_that_do_not_fit(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = "INSERT INTO notes (id, text) VALUES (:id, :text)";
    let missing = fails(ErrorKind::Parameter, db.execute(insert, params! { id: 1 }));
    assert!(missing.message().contains("text"), "{missing}");
    let unknown = fails(ErrorKind::Parameter, db.execute(insert, params! { id: 1, text: "a", txt: "b" }));
    assert!(unknown.message().contains("txt"), "{unknown}");
    let twice = [("id", "1"), ("id", "2"), ("text", "a")];
    assert!(fails(ErrorKind::Parameter, db.execute(insert, twice)).message().contains("id"));
    let none = fails(ErrorKind::Parameter, db.execute(insert, ()));
    assert!(none.message().contains("id"), "{none}");
    for wrong in [params![1], params![1, 2, 3], params![]] {
        fails(ErrorKind::Parameter, db.execute("INSERT INTO notes (id, text) VALUES (?, ?)", wrong));
    }
    let error =
        fails(ErrorKind::Parameter, db.execute(Query::new(insert).bind(params! { id: 1 }), params! { text: "a" }));
    assert_eq!(error.effect(), Effect::NotSent);
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn quoting(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let dialect = db.dialect();
    let id = dialect.quote_ident("id")?;
    for name in ["ijfosisdfop", "select", "with space", "Mixed", "a\"b", "a`b", "a]b", "ä", "semi;colon", "1st"] {
        let quoted = dialect.quote_ident(name)?;
        db.execute(format!("CREATE TABLE {quoted} ({id} INTEGER)"), ())?;
        assert!(db.has_table(name)?, "{name}");
        db.bulk_insert(name, &["id"], [(1,), (2,)])?;
        assert_eq!(db.fetch_val(format!("SELECT count(*) FROM {quoted}"), ())?, Some(2));
    }
    let text = "it's; a \\ \"text\" -- with :all ? of it";
    let literal = dialect.quote_literal(text)?;
    assert_eq!(db.fetch_val(format!("SELECT {literal}"), ())?, Some(text.to_owned()));
    Ok(())
}

pub(crate) fn hostile_names(t: &Target) -> Outcome {
    let db = t.notes()?;
    for name in ["no'\"%tes", "notes'", "notes; DROP TABLE notes", "note_", "note%", "", "notes\" --"] {
        assert!(!db.has_table(name)?, "{name}");
        assert!(db.catalog(Catalog::Columns(name.into()))?.is_empty(), "{name}");
    }
    assert!(db.has_table("notes")?);
    fails(t.missing(ErrorKind::UndefinedTable), db.bulk_insert("notes; DROP TABLE notes", &["text"], [("a",)]));
    assert!(db.has_table("notes")?);
    Ok(())
}

pub(crate) fn ddl_in_a_transaction(t: &Target) -> Outcome {
    t.needs(Feature::TransactionalDdl)?;
    let db = t.notes()?;
    note(&db, "one")?;
    let tx = db.begin()?;
    tx.execute("DROP TABLE notes", ())?;
    tx.execute("CREATE TABLE notes (other INTEGER)", ())?;
    assert!(tx.fetch_all("SELECT other FROM notes", ())?.is_empty());
    tx.rollback()?;
    assert_eq!(texts(&db)?, ["one"]);
    Ok(())
}

pub(crate) fn after_an_error(t: &Target) -> Outcome {
    let db = t.notes_with(|builder| builder.pool_size(1))?;
    for _ in 0..3 {
        fails(t.missing(ErrorKind::UndefinedTable), db.fetch_all("SELECT * FROM nowhere", ()));
        fails(ErrorKind::Syntax, db.execute("INSERT INTO notes VALUES (", ()));
        fails(t.missing(ErrorKind::UndefinedColumn), db.fetch_one("SELECT missing FROM notes", ()));
        note(&db, "one")?;
    }
    assert_eq!(count(&db)?, 3);
    assert_eq!(db.snapshot().counters.discarded, 0, "no connection was thrown away for it");
    Ok(())
}

pub(crate) fn constraints_have_their_kinds(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute("INSERT INTO writers (id, name) VALUES (100, 'Ada')", ())?;
    let unique = fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO writers (name) VALUES (?)", ("Ada",)));
    assert!(unique.constraint().is_some_and(|name| name.contains("name")), "{unique:?}");
    assert!(unique.kind().is_constraint() && !unique.is_retryable());
    assert_eq!(unique.effect(), Effect::NotApplied);
    fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO writers (id, name) VALUES (100, 'Eve')", ()));
    fails(ErrorKind::NotNullViolation, db.execute("INSERT INTO writers (name) VALUES (NULL)", ()));
    fails(ErrorKind::CheckViolation, db.execute("INSERT INTO books (writer, title) VALUES (1, '')", ()));
    fails(ErrorKind::DuplicateObject, db.execute("CREATE TABLE notes (id INTEGER)", ()));
    Ok(())
}

pub(crate) fn foreign_keys_are_enforced(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute("INSERT INTO writers (id, name) VALUES (1, 'Ada')", ())?;
    db.execute("INSERT INTO books (writer, title) VALUES (1, 'Notes')", ())?;
    fails(ErrorKind::ForeignKeyViolation, db.execute("INSERT INTO books (writer, title) VALUES (2, 'None')", ()));
    fails(ErrorKind::ForeignKeyViolation, db.execute("DELETE FROM writers", ()));
    // On every connection of the pool.
    std::thread::scope(|scope| {
        let _held = db.connection()?;
        let insert = || db.execute("INSERT INTO books (writer, title) VALUES (3, 'None')", ());
        fails(ErrorKind::ForeignKeyViolation, crate::harness::join(scope.spawn(insert)));
        Ok(())
    })
}

pub(crate) fn limits_of_a_query(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (0..100).map(|_| ("0123456789".repeat(10),)))?;
    let query = || Query::new("SELECT text FROM notes");
    assert_eq!(db.fetch_all(query().max_rows(100), ())?.len(), 100);
    let error = fails(ErrorKind::ResultTooLarge, db.fetch_all(query().max_rows(99), ()));
    assert!(error.message().contains("99"), "{error}");
    fails(ErrorKind::ResultTooLarge, db.fetch_all(query().max_bytes(5000), ()));
    assert_eq!(db.fetch_all(query().max_bytes(100_000), ())?.len(), 100);
    let read = db.iterate(query().max_rows(99), ())?.collect::<pontoon::Result<Vec<_>>>();
    fails(ErrorKind::ResultTooLarge, read);
    // One row is no more than the limit, however many there are.
    assert!(db.fetch_one(query().max_rows(1), ())?.is_some());
    Ok(())
}

pub(crate) fn read_only_queries(t: &Target) -> Outcome {
    let db = t.notes()?;
    for statement in ["INSERT INTO notes (text) VALUES ('a')", "DROP TABLE notes", "DELETE FROM notes"] {
        fails(ErrorKind::ReadOnly, db.execute(Query::new(statement).read_only(), ()));
    }
    let returning = Query::new("WITH a AS (SELECT 'x' AS x) INSERT INTO notes (text) SELECT x FROM a RETURNING id");
    fails(ErrorKind::ReadOnly, db.fetch_all(returning.read_only(), ()));
    assert_eq!(db.fetch_val(Query::new("SELECT count(*) FROM notes").read_only(), ())?, Some(0));
    Ok(())
}

pub(crate) fn catalog(t: &Target) -> Outcome {
    let db = t.fresh()?;
    // Written in the database's quotes, in place of these: what has none is in capitals on some.
    let script = "
        CREATE TABLE [parts] ([a] INTEGER NOT NULL, [b] INTEGER NOT NULL, [c] VARCHAR(20) DEFAULT 'x', PRIMARY KEY ([b], [a]));
        CREATE TABLE [uses] ([x] INTEGER, [y] INTEGER, FOREIGN KEY ([x], [y]) REFERENCES [parts] ([b], [a]));
        CREATE UNIQUE INDEX [parts_c] ON [parts] ([c] DESC, [a]);
        CREATE INDEX [parts_a] ON [parts] ([a]);
        CREATE VIEW [some_parts] AS SELECT [a] FROM [parts];";
    let quoted = db.dialect().quote_ident("-")?;
    let (open, close) = quoted.split_once('-').expect("quotes around it");
    db.execute_script(&script.replace('[', open).replace(']', close))?;
    let tables: Vec<(String, String)> = db
        .catalog(Catalog::Tables)?
        .iter()
        .map(|row| Ok((row.get("name")?, row.get("kind")?)))
        .collect::<pontoon::Result<_>>()?;
    for (name, kind) in [("parts", "table"), ("uses", "table"), ("some_parts", "view")] {
        assert!(tables.contains(&(name.to_owned(), kind.to_owned())), "{name} in {tables:?}");
    }
    let columns: Vec<(String, bool, i64)> = db
        .catalog(Catalog::Columns("parts".into()))?
        .iter()
        .map(|row| Ok((row.get("name")?, row.get("nullable")?, row.get("primary_key")?)))
        .collect::<pontoon::Result<_>>()?;
    let expected = [("a", false, 2), ("b", false, 1), ("c", true, 0)];
    assert_eq!(columns, expected.map(|(name, nullable, key)| (name.to_owned(), nullable, key)));
    let indexes: Vec<(String, bool, String, bool)> = db
        .catalog(Catalog::Indexes("parts".into()))?
        .iter()
        .map(|row| Ok((row.get("index")?, row.get("unique")?, row.get("column")?, row.get("descending")?)))
        .collect::<pontoon::Result<_>>()?;
    let of = |index: &str| {
        let columns = indexes.iter().filter(|(name, ..)| name == index);
        columns.map(|(_, unique, column, descending)| (*unique, column.as_str(), *descending)).collect::<Vec<_>>()
    };
    assert_eq!(of("parts_c"), [(true, "c", true), (true, "a", false)]);
    assert_eq!(of("parts_a"), [(false, "a", false)]);
    let keys: Vec<(String, String, String)> = db
        .catalog(Catalog::ForeignKeys("uses".into()))?
        .iter()
        .map(|row| Ok((row.get("column")?, row.get("references_table")?, row.get("references_column")?)))
        .collect::<pontoon::Result<_>>()?;
    let expected = [("x", "parts", "b"), ("y", "parts", "a")];
    assert_eq!(keys, expected.map(|(from, table, to)| (from.to_owned(), table.to_owned(), to.to_owned())));
    Ok(())
}

pub(crate) fn one_statement_at_a_time(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    for text in ["SELECT 1; SELECT 2", "INSERT INTO notes (text) VALUES ('a'); DELETE FROM notes"] {
        let error = crate::harness::error_of(db.execute(text, ()));
        assert_eq!(error.effect(), Effect::NotSent, "{error:?}");
        assert_eq!(crate::harness::error_of(db.fetch_all(text, ())).effect(), Effect::NotSent);
    }
    assert_eq!(texts(&db)?, ["one"]);
    // A semicolon at the end is none.
    assert_eq!(db.fetch_val("SELECT 1; -- and that is it\n", ())?, Some(1));
    Ok(())
}

pub(crate) fn errors_show_no_values(t: &Target) -> Outcome {
    let db = t.notes()?;
    let secret = "a-secret-of-a-user";
    db.execute("INSERT INTO writers (name) VALUES (?)", (secret,))?;
    for error in [
        crate::harness::error_of(db.execute("INSERT INTO writers (name) VALUES (?)", (secret,))),
        crate::harness::error_of(db.execute("INSERT INTO nowhere (name) VALUES (:name)", params! { name: secret })),
        crate::harness::error_of(db.fetch_one_as::<(i64,)>("SELECT name FROM writers", ())),
    ] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    Ok(())
}
