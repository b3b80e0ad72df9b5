//! Values and parameters together.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use pontoon::sql::{DB2, Dialect, GENERIC, H2, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, Statement, TSQL};
use pontoon::value::Value;
use pontoon::{IntoParams, IntoRows, Params, params};

fn bound(sql: &str, params: impl IntoParams, dialect: &'static Dialect) -> (String, Vec<Value>) {
    let statement = Statement::parse(sql, dialect).unwrap();
    let bound = statement.bind(params.into_params()).unwrap_or_else(|error| panic!("{sql:?}: {error}"));
    (bound.sql.into_owned(), bound.values)
}

fn ints(values: &[i64]) -> Vec<Value> {
    values.iter().map(|&value| Value::I64(value)).collect()
}

#[test]
fn names_in_any_order_and_repeated() {
    let given = params! { b: 2, a: 1 };
    assert_eq!(bound("select :a, :b, :a", &given, &POSTGRES), ("select $1, $2, $1".into(), ints(&[1, 2])));
    assert_eq!(bound("select :a, :b, :a", &given, &SQLITE), ("select ?1, ?2, ?1".into(), ints(&[1, 2])));
    assert_eq!(bound("select :a, :b, :a", &given, &MYSQL), ("select ?, ?, ?".into(), ints(&[1, 2, 1])));
    assert_eq!(bound("select $2, $1, $2", (1, 2), &POSTGRES), ("select $2, $1, $2".into(), ints(&[1, 2])));
    assert_eq!(bound("select @p2, @p1, @p2", (1, 2), &TSQL), ("select ?, ?, ?".into(), ints(&[2, 1, 2])));
    assert_eq!(bound("select ?2, ?1", (1, 2), &H2), ("select ?, ?".into(), ints(&[2, 1])));
}

#[test]
fn a_text_without_lists_is_borrowed() {
    let statement = Statement::parse("select :a", &POSTGRES).unwrap();
    assert!(matches!(statement.bind(params! { a: 1 }).unwrap().sql, Cow::Borrowed("select $1")));
    let statement = Statement::parse("select 1", &POSTGRES).unwrap();
    assert!(matches!(statement.bind(Params::None).unwrap().sql, Cow::Borrowed("select 1")));
}

#[test]
fn lists_are_written_out() {
    let sql = "select * from t where a in (:ids) and b = :b";
    let given = params! { ids: vec![7, 8, 9], b: 1 };
    let values = ints(&[7, 8, 9, 1]);
    for (dialect, expected) in [
        (&SQLITE, "select * from t where a in (?1, ?2, ?3) and b = ?4"),
        (&POSTGRES, "select * from t where a in ($1, $2, $3) and b = $4"),
        (&MYSQL, "select * from t where a in (?, ?, ?) and b = ?"),
        (&ORACLE, "select * from t where a in (:1, :2, :3) and b = :4"),
    ] {
        assert_eq!(bound(sql, &given, dialect), (expected.into(), values.clone()));
    }
    assert_eq!(
        bound("select ? where a in (?) or b in (?)", params![1, vec![2, 3], vec![4]], &POSTGRES),
        ("select $1 where a in ($2, $3) or b in ($4)".into(), ints(&[1, 2, 3, 4]))
    );
    assert_eq!(
        bound("select $2 where a in ($1)", params![vec![2, 3], 1], &POSTGRES),
        ("select $1 where a in ($2, $3)".into(), ints(&[1, 2, 3]))
    );
    assert_eq!(bound("a in (:x)", params! { x: 5 }, &SQLITE), ("a in (?1)".into(), ints(&[5])));
}

#[test]
fn a_repeated_list_is_bound_once_where_placeholders_have_numbers() {
    let given = params! { a: vec![1, 2], b: 3 };
    let sql = "x in (:a) or :b or y in (:a) or :b";
    assert_eq!(bound(sql, &given, &POSTGRES), ("x in ($1, $2) or $3 or y in ($1, $2) or $3".into(), ints(&[1, 2, 3])));
    assert_eq!(bound(sql, &given, &MYSQL), ("x in (?, ?) or ? or y in (?, ?) or ?".into(), ints(&[1, 2, 3, 1, 2, 3])));
}

#[test]
fn elsewhere_a_list_is_one_value() {
    let list = Value::Array(ints(&[1, 2]));
    assert_eq!(bound("x = any(:a)", params! { a: vec![1, 2] }, &POSTGRES), ("x = any($1)".into(), vec![list.clone()]));
    let (sql, values) = bound("x = any(:a) or y in (:a) or z = any(:a)", params! { a: vec![1, 2] }, &POSTGRES);
    assert_eq!(sql, "x = any($1) or y in ($2, $3) or z = any($1)");
    assert_eq!(values, [list, Value::I64(1), Value::I64(2)]);
}

#[test]
fn an_empty_list_is_false() {
    let empty = Vec::<i64>::new;
    let sql = "x in (:a) and y = :b";
    let given = params! { a: empty(), b: 1 };
    assert_eq!(bound(sql, &given, &SQLITE), ("x in () and y = ?1".into(), ints(&[1])));
    for dialect in [&MYSQL, &MARIADB] {
        let expected = "x in (SELECT NULL FROM DUAL WHERE FALSE) and y = ?";
        assert_eq!(bound(sql, &given, dialect), (expected.into(), ints(&[1])));
    }
    assert_eq!(bound(sql, &given, &H2), ("x in () and y = ?".into(), ints(&[1])));
    for dialect in [&POSTGRES, &GENERIC, &TSQL, &ORACLE, &DB2] {
        assert!(Statement::parse(sql, dialect).unwrap().bind(given.clone()).is_err(), "{}", dialect.name);
    }
}

#[test]
fn bytes_are_no_list() {
    let (sql, values) = bound("x in (:a)", params! { a: vec![1_u8, 2] }, &SQLITE);
    assert_eq!((&*sql, values), ("x in (?1)", vec![Value::Bytes(vec![1, 2])]));
}

#[test]
fn parameters_come_from_whatever_is_at_hand() {
    let positional = Params::Positional(ints(&[1, 2]));
    assert_eq!((1, 2).into_params(), positional);
    assert_eq!([1, 2].into_params(), positional);
    assert_eq!((&[1, 2]).into_params(), positional);
    assert_eq!((&[1, 2][..]).into_params(), positional);
    assert_eq!(vec![1, 2].into_params(), positional);
    assert_eq!((&vec![1, 2]).into_params(), positional);
    assert_eq!(params![1, 2], positional);
    // Keywords of Rust are names like any other.
    let keywords = params! { for: 1, type: 2, "match" => 3, if: 4, self: 5 };
    let same = params! { "for" => 1, "type" => 2, match: 3, "if" => 4, "self" => 5 };
    assert_eq!(keywords, same);
    let (r#type, id) = (7, 8);
    assert_eq!(params! { :r#type, for: 1 }, params! { type: 7, for: 1 });
    assert_eq!(params! { :id, while: 1 }, params! { id: 8, "while": 1 });
    let (sql, values) = bound("select :for, :type", params! { type: 2, for: 1 }, &SQLITE);
    assert_eq!((sql.as_str(), values), ("select ?1, ?2", ints(&[1, 2])));
    assert_eq!(params![1, 2,], positional);
    assert_eq!(().into_params(), Params::None);
    assert_eq!(params![], Params::None);
    assert_eq!(params! {}, Params::None);
    assert_eq!((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16).into_params().len(), 16);
    assert_eq!((vec![1, 2],).into_params(), Params::Positional(vec![Value::Array(ints(&[1, 2]))]));

    let named = Params::Named(vec![("a".into(), Value::I64(1)), ("b".into(), Value::I64(2))]);
    let (a, b) = (1, 2);
    assert_eq!(params! { a: 1, b: 2 }, named);
    assert_eq!(params! { "a": 1, "b" => 2, }, named);
    assert_eq!(params! { :a, :b }, named);
    assert_eq!(params! { a, b: 2 }, named);
    assert_eq!(params! { a: a, b }, named);
    assert_eq!(params! { String::from("a") => 1, b }, named);
    assert_eq!([("a", 1), ("b", 2)].into_params(), named);
    assert_eq!((&[("a", 1), ("b", 2)]).into_params(), named);
    assert_eq!((&[("a", 1), ("b", 2)][..]).into_params(), named);
    assert_eq!(vec![("a", 1), ("b", 2)].into_params(), named);
    assert_eq!(BTreeMap::from([("a", 1), ("b", 2)]).into_params(), named);
    assert_eq!((&BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)])).into_params(), named);
    assert_eq!(HashMap::from([("a", 1)]).into_params(), params! { a: 1 });
    assert_eq!((&HashMap::from([("a".to_owned(), 1)])).into_params(), params! { a: 1 });
    let r#type = 3;
    assert_eq!(params! { :r#type }, params! { "type": 3 });
    assert_eq!(params! { r#type: 3 }, params! { "type": 3 });
    assert_eq!(params! { a: { a }, b: if a == 1 { 2 } else { 3 } }, named);
}

#[test]
fn rows_are_anything_that_iterates_over_parameters() {
    let rows: Vec<_> = [(1, "a"), (2, "b")].into_rows().collect();
    assert_eq!(rows, [params![1, "a"], params![2, "b"]]);
    let rows: Vec<_> = (0..2).map(|n| params! { n: n }).into_rows().collect();
    assert_eq!(rows, [params! { n: 0 }, params! { n: 1 }]);
}

#[test]
fn no_value_is_shown() {
    let shown = format!("{:?} {:?}", params! { password: "hunter2" }, params!["hunter2"]);
    assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn thousands_of_names_are_found() {
    let names: Vec<_> = (0..5000).map(|n| format!("n{n}")).collect();
    let sql = names.iter().map(|name| format!(":{name}")).collect::<Vec<_>>().join(",");
    let given: Vec<_> = names.iter().zip(0..5000_u32).rev().map(|(name, n)| (name.as_str(), n)).collect();
    let (_, values) = bound(&sql, given, &POSTGRES);
    assert!(values.iter().zip(0..).all(|(value, n)| *value == Value::I64(n)));
}

#[test]
fn what_is_read_once_is_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Statement>();
    shared::<pontoon::sql::StatementCache>();
    shared::<pontoon::sql::Bound<'static>>();
    shared::<Params>();
    shared::<pontoon::Query<'static>>();
    shared::<pontoon::TxOptions>();
    shared::<Dialect>();
}
