//! Many sets of parameters for one statement: what is packed is what was given, and the first set that fails is the one
//! that is told.

use pontoon::prelude::*;
use pontoon::sql::{MYSQL, SQLITE, Sets, Statement};
use pontoon::value::{ConversionError, Date, Decimal, Kind, ToValue, Value};
use pontoon::{Effect, Params};

fn memory() -> Database {
    let db = Database::open("sqlite::memory:").unwrap();
    db.execute_script("CREATE TABLE t (a PRIMARY KEY, b)").unwrap();
    db
}

fn count(db: &Database) -> i64 {
    db.fetch_val("SELECT count(*) FROM t", ()).unwrap().unwrap()
}

/// Fails to be a value when it is negative.
struct Natural(i64);

impl ToValue for Natural {
    fn to_value(&self) -> Result<Value, ConversionError> {
        if self.0 < 0 { Err(ConversionError::sending::<Natural>("it is negative")) } else { self.0.to_value() }
    }

    fn kind() -> Kind {
        Kind::I64
    }
}

#[test]
fn values_of_every_kind_arrive_as_a_single_statement_sends_them() {
    let db = memory();
    let texts = ("", "ünï", 'c', String::from("owned"), Box::<str>::from("boxed"));
    let moments = (Date::new(2024, 2, 29).unwrap(), None::<Date>, Some(7_u8));
    let rest = (u64::MAX / 2, 1.5_f32, -0.0_f64, true, [1_u8, 2], "1.50".parse::<Decimal>().unwrap(), i128::MAX);
    let columns = "a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f, g, h, i, j, k, l, m BLOB, n TEXT, o TEXT";
    let row = || {
        let ((a, b, c, d, e), (f, g, h), (i, j, k, l, m, n, o)) = (texts.clone(), moments, rest.clone());
        (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
    };
    db.execute_script(&format!("CREATE TABLE one ({columns}); CREATE TABLE many ({columns})")).unwrap();
    let marks = ["?"; 15].join(", ");
    db.execute(format!("INSERT INTO one VALUES ({marks})"), row()).unwrap();
    assert_eq!(db.execute_many(format!("INSERT INTO many VALUES ({marks})"), [row(), row()]).unwrap(), 2);
    let one = db.fetch_all("SELECT * FROM one", ()).unwrap();
    let many = db.fetch_all("SELECT * FROM many", ()).unwrap();
    for sent in &many {
        for at in 0..15 {
            assert_eq!(sent.get::<Value>(at).unwrap(), one.get(0).unwrap().get::<Value>(at).unwrap(), "column {at}");
        }
    }
}

#[test]
fn sets_of_every_form_are_taken() {
    let db = memory();
    let insert = "INSERT INTO t VALUES (?, ?)";
    assert_eq!(db.execute_many(insert, [[1, 2], [3, 4]]).unwrap(), 2);
    assert_eq!(db.execute_many(insert, [vec![5, 6]]).unwrap(), 1);
    assert_eq!(db.execute_many(insert, [&[7, 8][..]]).unwrap(), 1);
    assert_eq!(db.execute_many(insert, [&vec![9, 10], &vec![11, 12]]).unwrap(), 2);
    assert_eq!(
        db.execute_many(insert, [params![13, "x"], Params::Positional(vec![Value::I64(15), Value::NULL])]).unwrap(),
        2
    );
    assert_eq!(
        db.execute_many("INSERT INTO t VALUES (:a, :b)", [params! { b: 1, a: 17 }, params! { a: 18, b: 2 }]).unwrap(),
        2
    );
    assert_eq!(db.execute_many("INSERT INTO t VALUES (:a, :a + 1)", [params! { a: 19 }]).unwrap(), 1);
    assert_eq!(db.execute_many("INSERT INTO t SELECT max(a) + 1, 0 FROM t", [(), (), ()]).unwrap(), 3);
    let keys: Vec<i64> = db.fetch_all("SELECT a FROM t ORDER BY a", ()).unwrap().column(0).unwrap();
    assert_eq!(keys, [1, 3, 5, 7, 9, 11, 13, 15, 17, 18, 19, 20, 21, 22]);
    assert_eq!(db.fetch_val("SELECT b FROM t WHERE a = 19", ()).unwrap(), Some(20));
}

#[test]
fn more_sets_than_a_stretch_holds_all_arrive_in_order() {
    let db = memory();
    let text = |number: i64| format!("{number} {}", "x".repeat((number % 97) as usize));
    let insert = "INSERT INTO t VALUES (?, ?)";
    assert_eq!(db.execute_many(insert, (0..20_000).map(|number| (number, text(number)))).unwrap(), 20_000);
    let rows: Vec<(i64, String)> = db.fetch_all_as("SELECT a, b FROM t ORDER BY rowid", ()).unwrap();
    assert!(rows.into_iter().eq((0..20_000).map(|number| (number, text(number)))));
}

#[test]
fn lists_are_written_out_between_sets_without() {
    let db = memory();
    db.execute_many("INSERT INTO t VALUES (?, 0)", (0..20).map(|number| (number,))).unwrap();
    let sets = [
        params! { ids: vec![1, 2, 3] },
        params! { ids: 4 },
        params! { ids: Vec::<i64>::new() },
        params! { ids: vec![5] },
    ];
    assert_eq!(db.execute_many("DELETE FROM t WHERE a IN (:ids)", sets).unwrap(), 5);
    assert_eq!(count(&db), 15);
}

#[test]
fn the_first_set_that_fails_is_told_whatever_is_wrong_with_it() {
    let db = memory();
    let insert = "INSERT INTO t VALUES (?, ?)";
    // The database refuses set 2 (and before it nothing is wrong), though set 3 could not even have been sent.
    let sets = [(1, Natural(1)), (2, Natural(1)), (1, Natural(1)), (3, Natural(-1))];
    let error = db.execute_many(insert, sets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert!(error.to_string().contains("set 2"), "{error}");
    assert_eq!(count(&db), 0);

    let error = db.execute_many(insert, [(1, Natural(1)), (2, Natural(-1)), (1, Natural(1))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert!(error.to_string().contains("set 1: parameter 2: "), "{error}");
    assert_eq!((error.effect(), count(&db)), (Effect::NotSent, 0));

    let error = db.execute_many(insert, [vec![1, 2], vec![3]]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter);
    assert!(error.to_string().contains("set 1: statement has 2 placeholders, 1 value was given"), "{error}");
    let error = db.execute_many(insert, [params! { a: 1 }]).unwrap_err();
    assert!(error.to_string().contains("set 0: "), "{error}");
    assert_eq!(count(&db), 0);
}

#[test]
fn a_driver_takes_sets_one_by_one_with_a_value_for_each_placeholder() {
    // MySQL's placeholders have no numbers: a name that stands twice is sent twice.
    let statement = Statement::parse("INSERT INTO t VALUES (:a, :b, :a)", &MYSQL).unwrap();
    let mut params = [params! { b: "two", a: 1 }].into_iter();
    let mut sets = Sets::of(&statement, &mut params);
    let set = sets.next().unwrap().unwrap();
    assert_eq!((set.sql(), set.is_written_out()), ("INSERT INTO t VALUES (?, ?, ?)", false));
    assert_eq!(set.bound(), statement.bind(params! { a: 1, b: "two" }).unwrap());
    assert!(sets.next().is_none());

    let statement = Statement::parse("DELETE FROM t WHERE a IN (:ids)", &SQLITE).unwrap();
    let mut params = [params! { ids: [1, 2] }].into_iter();
    let mut sets = Sets::of(&statement, &mut params);
    let set = sets.next().unwrap().unwrap();
    assert!(set.is_written_out());
    assert_eq!(set.values().map(|value| value.to_value()).collect::<Vec<_>>(), [Value::I64(1), Value::I64(2)]);
}
