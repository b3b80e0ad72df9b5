//! Many rows at once: all or none.

use crate::face::prelude::*;

use crate::harness::{Outcome, Target, count, fails, note, texts};
use crate::profile::Feature;

tests! {
    bulk:
    no_sets_leave_the_database_alone,
    one_set_and_many,
    all_sets_or_none,
    inside_a_transaction_only_the_sets_are_undone,
    sets_of_lists,
    sets_that_do_not_fit,
    bulk_insert_of_many_rows,
    bulk_insert_of_all_or_none,
    bulk_insert_that_does_not_fit,
    updates_in_sets,
}

const INSERT: &str = "INSERT INTO notes (id, text) VALUES (:id, :text)";

pub(crate) fn no_sets_leave_the_database_alone(t: &Target) -> Outcome {
    let db = t.notes()?;
    assert_eq!(db.execute_many(INSERT, Vec::<(i64, &str)>::new())?, 0);
    assert_eq!(db.execute_many("INSERT INTO nowhere VALUES (?)", Vec::<(i64,)>::new())?, 0);
    assert_eq!(db.bulk_insert("notes", &["id", "text"], Vec::<(i64, &str)>::new())?.rows, 0);
    assert_eq!(db.bulk_insert("nowhere", &["id"], Vec::<(i64,)>::new())?.rows, 0);
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn one_set_and_many(t: &Target) -> Outcome {
    let db = t.notes()?;
    assert_eq!(db.execute_many(INSERT, [params! { id: 1, text: "one" }])?, 1);
    assert_eq!(db.execute_many(INSERT, (2..=1000).map(|id| params! { id, text: id.to_string() }))?, 999);
    assert_eq!(count(&db)?, 1000);
    assert_eq!(db.fetch_val("SELECT sum(id) FROM notes", ())?, Some(500_500));
    Ok(())
}

pub(crate) fn all_sets_or_none(t: &Target) -> Outcome {
    let db = t.notes()?;
    let error = fails(
        ErrorKind::UniqueViolation,
        db.execute_many(INSERT, [(1, "a"), (2, "b"), (1, "c"), (4, "d")].map(|(id, text)| params! { :id, :text })),
    );
    assert!(error.message().contains("set 2"), "names the set, counted from 0: {error}");
    assert_eq!(count(&db)?, 0);
    // The connection is fit for the next.
    assert_eq!(db.execute_many(INSERT, [params! { id: 1, text: "a" }])?, 1);
    Ok(())
}

pub(crate) fn inside_a_transaction_only_the_sets_are_undone(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.transaction(|tx| {
        note(tx, "before")?;
        let sets = [params! { id: 5, text: "a" }, params! { id: 5, text: "b" }];
        fails(ErrorKind::UniqueViolation, tx.execute_many(INSERT, sets));
        fails(ErrorKind::UniqueViolation, tx.bulk_insert("notes", &["id", "text"], [(6, "a"), (6, "b")]));
        note(tx, "after")
    })?;
    assert_eq!(texts(&db)?, ["before", "after"]);
    Ok(())
}

pub(crate) fn sets_of_lists(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", (1..=9).map(|number| (number.to_string(),)))?;
    let sets = [params! { ids: vec![1, 2, 3] }, params! { ids: vec![8] }, params! { ids: Vec::<i64>::new() }];
    let sets = if t.profile().lacks(Feature::EmptyLists).is_some() { &sets[..2] } else { &sets[..] };
    assert_eq!(db.execute_many("DELETE FROM notes WHERE id IN (:ids)", sets.to_vec())?, 4);
    assert_eq!(texts(&db)?, ["4", "5", "6", "7", "9"]);
    Ok(())
}

pub(crate) fn sets_that_do_not_fit(t: &Target) -> Outcome {
    let db = t.notes()?;
    let error = fails(ErrorKind::Parameter, db.execute_many(INSERT, [params! { id: 1, text: "a" }, params! { id: 2 }]));
    assert!(error.message().contains("set 1") && error.message().contains("text"), "{error}");
    let twice = Query::new(INSERT).bind(params! { id: 1, text: "a" });
    fails(ErrorKind::Parameter, db.execute_many(twice, [params! { id: 2, text: "b" }]));
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn bulk_insert_of_many_rows(t: &Target) -> Outcome {
    let (db, types) = (t.fresh()?, &t.profile().types);
    let quoted = |name| db.dialect().quote_ident(name);
    let (many, id, text, even) = (quoted("many")?, quoted("id")?, quoted("text")?, quoted("even")?);
    db.execute(
        format!("CREATE TABLE {many} ({id} {}, {text} {}, {even} {})", types.integer, types.text, types.bool),
        (),
    )?;
    let report =
        db.bulk_insert("many", &["id", "text", "even"], (1..=5000).map(|id| (id, id.to_string(), id % 2 == 0)))?;
    assert_eq!(report.rows, 5000);
    let sum = format!("SELECT sum({id}) FROM {many} WHERE {even} = :even");
    assert_eq!(db.fetch_val(sum, params! { even: true })?, Some(6_252_500));
    // By name, in any order.
    let named = db.bulk_insert("many", &["id", "text"], [params! { text: "x", id: 5001 }])?;
    assert_eq!(named.rows, 1);
    assert_eq!(db.fetch_val(format!("SELECT {text} FROM {many} WHERE {id} = 5001"), ())?, Some("x".to_owned()));
    Ok(())
}

pub(crate) fn bulk_insert_of_all_or_none(t: &Target) -> Outcome {
    let db = t.notes()?;
    let mut rows: Vec<(i64, String)> = (1..=2000).map(|id| (id, id.to_string())).collect();
    rows.push((7, "again".into()));
    fails(ErrorKind::UniqueViolation, db.bulk_insert("notes", &["id", "text"], rows));
    assert_eq!(count(&db)?, 0);
    fails(ErrorKind::NotNullViolation, db.bulk_insert("notes", &["id", "text"], [(1, Some("a")), (2, None)]));
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn bulk_insert_that_does_not_fit(t: &Target) -> Outcome {
    let db = t.notes()?;
    let error = fails(ErrorKind::Parameter, db.bulk_insert("notes", &["id", "text"], [params![1, "a"], params![2]]));
    assert!(error.message().contains("row 1"), "{error}");
    let error = fails(ErrorKind::Parameter, db.bulk_insert("notes", &["text"], [params! { txt: "a" }]));
    assert!(error.message().contains("text"), "{error}");
    fails(t.missing(ErrorKind::UndefinedTable), db.bulk_insert("nowhere", &["text"], [("a",)]));
    fails(t.missing(ErrorKind::UndefinedColumn), db.bulk_insert("notes", &["nothing"], [("a",)]));
    assert_eq!(count(&db)?, 0);
    Ok(())
}

pub(crate) fn updates_in_sets(t: &Target) -> Outcome {
    let db = t.notes()?;
    db.execute_many("INSERT INTO notes (text) VALUES (?)", ["a", "b", "c"].map(|text| (text,)))?;
    let sets = [("x", 1), ("y", 3), ("z", 99)].map(|(text, id)| params! { :text, :id });
    assert_eq!(db.execute_many("UPDATE notes SET text = :text WHERE id = :id", sets)?, 2);
    assert_eq!(texts(&db)?, ["x", "b", "y"]);
    Ok(())
}
