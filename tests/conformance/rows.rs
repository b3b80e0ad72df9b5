//! Rows: by name and by position, several columns of one name, NULL, maps.

use crate::face::prelude::*;
use pontoon::value::Kind;

use crate::harness::{Outcome, PATIENCE, Target, fails, note};

tests! {
    rows:
    access_by_name_and_by_position,
    names_of_columns,
    a_row_as_a_map,
    several_columns_of_one_name,
    columns_of_two_tables,
    null_is_not_no_row,
    nulls_of_every_type,
    no_row_at_all,
    a_row_outlives_its_database,
    a_result_of_many_batches,
}

pub(crate) fn access_by_name_and_by_position(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    let row = db.fetch_one("SELECT id, text, completed FROM notes", ())?.expect("a row");
    assert_eq!(row.len(), 3);
    assert_eq!((row.get::<i64>("id")?, row.get::<&str>("text")?, row.get::<bool>("completed")?), (1, "one", true));
    assert_eq!((row.get::<i64>(0)?, row.get::<String>(1)?, row.get::<bool>(-1)?), (1, "one".to_owned(), true));
    assert_eq!(row.try_get::<i64>("nothing")?, None);
    let error = fails(ErrorKind::NoSuchColumn, row.get::<i64>("Text"));
    assert!(error.message().contains("text"), "names what there is: {error}");
    fails(ErrorKind::NoSuchColumn, row.get::<i64>(3));
    let error = fails(ErrorKind::Conversion, row.get::<i64>("text"));
    assert!(error.message().contains("text"), "names the column: {error}");
    Ok(())
}

pub(crate) fn names_of_columns(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    for (query, names) in [
        ("SELECT * FROM notes", ["id", "text", "completed"]),
        ("SELECT completed AS b, text AS a, id AS \"C d\" FROM notes", ["b", "a", "C d"]),
    ] {
        let rows = db.fetch_all(query, ())?;
        let columns = rows.columns().expect("there are rows");
        assert_eq!(columns.names().collect::<Vec<_>>(), names);
        let row = rows.first().expect("a row");
        assert_eq!(row.columns().names().collect::<Vec<_>>(), names);
    }
    // What is known of the columns is known without a row, too.
    let none = db.fetch_all("SELECT id, text FROM notes WHERE id < 0", ())?;
    assert_eq!(none.columns().map(|columns| columns.len()), Some(2));
    Ok(())
}

pub(crate) fn a_row_as_a_map(t: &Target) -> Outcome {
    let db = t.notes()?;
    note(&db, "one")?;
    let row = db.fetch_one("SELECT id, text, completed FROM notes", ())?.expect("a row");
    let map = row.to_map();
    assert_eq!(map.len(), 3);
    assert_eq!(map.keys().collect::<Vec<_>>(), ["id", "text", "completed"]);
    assert!(map.contains_key("text") && !map.contains_key("TEXT"));
    let text: &str = map.get("text")?.expect("it is there").get()?;
    assert_eq!(text, "one");
    assert_eq!(row.to_values().len(), 3);
    assert_eq!(row.iter().map(|value| value.is_null()).collect::<Vec<_>>(), [false; 3]);
    Ok(())
}

pub(crate) fn several_columns_of_one_name(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let row = db.fetch_one("SELECT 1 AS id, 2 AS id", ())?.expect("a row");
    assert_eq!(row.to_map().keys().collect::<Vec<_>>(), ["id", "id"]);
    assert_eq!(row.decode::<(i64, i64)>()?, (1, 2));
    let all: Vec<i64> = row.to_map().get_all("id").map(|value| value.get()).collect::<Result<_, _>>()?;
    assert_eq!(all, [1, 2]);
    fails(ErrorKind::NoSuchColumn, row.get::<i64>("id"));
    fails(ErrorKind::NoSuchColumn, row.try_get::<i64>("id"));
    Ok(())
}

pub(crate) fn columns_of_two_tables(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute("INSERT INTO writers (name) VALUES ('Ada')", ())?;
    db.execute("INSERT INTO books (id, writer, title) VALUES (7, 1, 'Notes')", ())?;
    let row = db.fetch_one("SELECT writers.*, books.* FROM writers JOIN books ON books.writer = writers.id", ())?;
    let row = row.expect("a row");
    assert_eq!((row.get::<i64>(0)?, row.get::<i64>(2)?), (1, 7));
    assert_eq!((row.get::<&str>("name")?, row.get::<&str>("title")?), ("Ada", "Notes"));
    fails(ErrorKind::NoSuchColumn, row.get::<i64>("id"));
    Ok(())
}

pub(crate) fn null_is_not_no_row(t: &Target) -> Outcome {
    let db = t.notes()?;
    assert_eq!(db.fetch_val::<Option<i64>>("SELECT NULL", ())?, Some(None));
    assert_eq!(db.fetch_val::<Option<i64>>("SELECT NULL FROM notes WHERE 1 = 0", ())?, None);
    assert_eq!(db.fetch_val::<i64>("SELECT 1 FROM notes WHERE 1 = 0", ())?, None);
    let error = fails(ErrorKind::Conversion, db.fetch_val::<i64>("SELECT NULL AS missing", ()));
    assert!(error.message().contains("missing"), "{error}");
    assert_eq!(db.fetch_one_as::<(Option<String>,)>("SELECT NULL", ())?, Some((None,)));
    Ok(())
}

pub(crate) fn nulls_of_every_type(t: &Target) -> Outcome {
    let db = t.fresh()?;
    let types = &t.profile().types;
    db.execute_script(&format!(
        "CREATE TABLE nulls (b {}, i {}, f {}, t {}, y {}, d {}, j {}, u {})",
        types.bool, types.integer, types.float, types.text, types.bytes, types.decimal, types.json, types.uuid
    ))?;
    let insert = "INSERT INTO nulls VALUES (:b, :i, :f, :t, :y, :d, :j, :u)";
    db.execute(
        insert,
        params! {
            b: None::<bool>, i: None::<i64>, f: None::<f64>, t: None::<String>, y: None::<Vec<u8>>,
            d: Value::Null(Kind::Decimal), j: Value::Null(Kind::Json), u: Value::Null(Kind::Uuid),
        },
    )?;
    db.execute("INSERT INTO nulls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [const { Value::Null(Kind::Unknown) }; 8])?;
    let rows = db.fetch_all("SELECT * FROM nulls", ())?;
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert!(row.iter().all(|value| value.is_null()), "{row:?}");
        type All = (Option<bool>, Option<i64>, Option<f64>, Option<String>, Option<Vec<u8>>, Value, Value, Value);
        let all: All = row.decode()?;
        assert_eq!((all.0, all.1, all.2, all.3, all.4), (None, None, None, None, None));
    }
    let (is_null,): (bool,) =
        db.fetch_one_as("SELECT CAST(:n AS INTEGER) IS NULL", params! { n: None::<i64> })?.expect("a row");
    assert!(is_null);
    Ok(())
}

pub(crate) fn no_row_at_all(t: &Target) -> Outcome {
    let db = t.notes()?;
    let query = "SELECT * FROM notes WHERE id = :id";
    assert_eq!(db.fetch_one(query, params! { id: 1 })?, None);
    assert_eq!(db.fetch_nth(query, params! { id: 1 }, 5)?, None);
    assert_eq!(db.fetch_all(query, params! { id: 1 })?.len(), 0);
    assert!(db.iterate(query, params! { id: 1 })?.next().is_none());
    assert!(db.batches(query, params! { id: 1 })?.next().is_none(), "an empty result has no batch");
    Ok(())
}

pub(crate) fn a_row_outlives_its_database(t: &Target) -> Outcome {
    let rows = {
        let db = t.notes()?;
        note(&db, "one")?;
        db.fetch_all("SELECT text FROM notes", ())?
    };
    let row = std::thread::scope(|scope| scope.spawn(|| rows.first()).join()).expect("no panic");
    assert_eq!(row.expect("a row").get::<&str>(0)?, "one");
    Ok(())
}

pub(crate) fn a_result_of_many_batches(t: &Target) -> Outcome {
    let db = t.notes()?;
    let insert = Query::new("INSERT INTO notes (text) VALUES (?)").timeout(PATIENCE * 2);
    db.execute_many(insert, (0..5000).map(|number| (number.to_string(),)))?;
    let rows = db.fetch_all("SELECT text FROM notes ORDER BY id", ())?;
    assert_eq!(rows.len(), 5000);
    let texts: Vec<String> = rows.column("text")?;
    assert!(texts.iter().enumerate().all(|(number, text)| *text == number.to_string()));
    assert_eq!(rows.get(4999), rows.last());
    assert_eq!(rows.nth(-1), rows.last());
    assert_eq!(rows.get(5000), None);
    Ok(())
}
