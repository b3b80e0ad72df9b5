//! Statements of `sea-query` where a query is taken.

#![cfg(all(feature = "sea-query", feature = "sqlite"))]

use pontoon::prelude::*;
use pontoon::sql::{MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE};
use pontoon::value::Value;
use pontoon::{IntoQuery, Params};
use sea_query::{
    Alias, ColumnDef, CommonTableExpression, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Func, Index, OnConflict,
    Order, Query as Sql, Table, WithClause,
};

/// The tables of a program, in the order in which they refer to each other: what databasez calls metadata.
fn tables() -> [sea_query::TableCreateStatement; 2] {
    [
        Table::create()
            .table("author")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("name").text().not_null().unique_key())
            .take(),
        Table::create()
            .table("book")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
            .col(ColumnDef::new("author").integer().not_null())
            .col(ColumnDef::new("title").text().not_null().default("it's: a :colon? \"and\" more"))
            .foreign_key(
                ForeignKey::create().from("book", "author").to("author", "id").on_delete(ForeignKeyAction::Cascade),
            )
            .take(),
    ]
}

fn database() -> Database {
    let db = Database::open("sqlite::memory:").unwrap();
    db.transaction(|tx| tables().iter().try_for_each(|table| tx.execute(table, ()).map(drop))).unwrap();
    db
}

#[test]
fn a_schema_is_created_and_dropped() {
    let db = database();
    assert!(db.has_table("author").unwrap() && db.has_table("book").unwrap());
    db.execute(Index::create().name("by_title").table("book").col("title"), ()).unwrap();
    db.execute(Table::alter().table("book").add_column(ColumnDef::new("year").integer()), ()).unwrap();
    db.execute(Table::rename().table("book", "volume"), ()).unwrap();
    for table in ["volume", "author"] {
        db.execute(Table::drop().table(table), ()).unwrap();
    }
    assert!(!db.has_table("author").unwrap());
}

#[test]
fn statements_run_with_every_verb_and_their_values_arrive() {
    let db = database();
    let mut insert = Sql::insert();
    insert.into_table("author").columns(["name"]).values_panic(["O'Neill :x ?".into()]).values_panic(["Ada".into()]);
    assert_eq!(db.execute(&insert, ()).unwrap().rows_affected, 2);
    let error = db.execute(&insert, ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    insert.on_conflict(OnConflict::column("name").do_nothing().to_owned());
    assert_eq!(db.execute(&insert, ()).unwrap().rows_affected, 0);

    db.transaction(|tx| tx.execute(Sql::insert().into_table("book").columns(["author"]).values_panic([2.into()]), ()))
        .unwrap();
    let find = Sql::select()
        .columns([("author", "name"), ("book", "title")])
        .from("author")
        .inner_join("book", Expr::col(("book", "author")).equals(("author", "id")))
        .and_where(Expr::col(("author", "name")).is_in(["Ada", "nobody"]))
        .order_by(("author", "name"), Order::Asc)
        .take();
    let found: Vec<(String, String)> = db.fetch_all_as(&find, ()).unwrap();
    assert_eq!(found, [("Ada".to_owned(), "it's: a :colon? \"and\" more".to_owned())]);
    assert_eq!(db.iterate(find.clone(), ()).unwrap().count(), 1);
    assert_eq!(db.run(move |session| session.fetch_all(find, ())).unwrap().len(), 1);

    let changed = db.execute(Sql::update().table("author").value("name", "Grace").and_where(Expr::col("id").eq(2)), ());
    assert_eq!(changed.unwrap().rows_affected, 1);
    let count = Sql::select().expr(Func::count(Expr::col("id"))).from("author").take();
    assert_eq!(db.fetch_val::<i64>(&count, ()).unwrap(), Some(2));
    let with = WithClause::new()
        .cte(CommonTableExpression::new().query(count).column("n").table_name(Alias::new("counted")).to_owned())
        .to_owned();
    let query = Sql::select().column("n").from("counted").to_owned().with(with);
    assert_eq!(db.fetch_val::<i64>(query, ()).unwrap(), Some(2));
    assert_eq!(db.execute(Sql::delete().from_table("author"), ()).unwrap().rows_affected, 2);
}

#[test]
fn each_database_gets_its_own_sql() {
    let find = Sql::select().column("a").from("t").and_where(Expr::col("b").eq(7)).limit(1).take();
    let of = |dialect| (&find).into_query(dialect).unwrap().sql().to_owned();
    assert_eq!(of(&SQLITE), r#"SELECT "a" FROM "t" WHERE "b" = ? LIMIT ?"#);
    assert_eq!(of(&POSTGRES), r#"SELECT "a" FROM "t" WHERE "b" = $1 LIMIT $2"#);
    assert_eq!(of(&MYSQL), "SELECT `a` FROM `t` WHERE `b` = ? LIMIT ?");
    assert_eq!(of(&MARIADB), of(&MYSQL));
    let error = (&find).into_query(&ORACLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("Oracle"), "{error}");
}

#[test]
fn what_a_database_cannot_do_is_an_error() {
    let mut two = Table::alter();
    two.table("t").add_column(ColumnDef::new("a").integer()).add_column(ColumnDef::new("b").integer());
    let db = database();
    let error = db.execute(two, ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(error.effect(), pontoon::Effect::NotSent);
}

#[test]
fn parameters_are_given_once() {
    let db = database();
    let find = Sql::select().column("id").from("author").and_where(Expr::col("id").eq(7)).take();
    assert_eq!(db.fetch_all(find, (7,)).unwrap_err().kind(), ErrorKind::Parameter);
}

fn sent(value: impl Into<sea_query::Value>) -> Value {
    let query = Sql::select().expr(Expr::val(value)).take().into_query(&SQLITE).unwrap();
    match query.params() {
        Params::Positional(values) => values[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_mapped_exactly() {
    assert_eq!(sent(u64::MAX), Value::U64(u64::MAX));
    assert_eq!(sent(i64::MIN), Value::I64(i64::MIN));
    assert_eq!(sent(1.5f32), Value::F32(1.5));
    assert_eq!(sent(true), Value::Bool(true));
    assert_eq!(sent('é'), Value::Text("é".into()));
    assert_eq!(sent(vec![0u8, 255]), Value::Bytes(vec![0, 255]));
    assert_eq!(sent(None::<i32>).kind(), pontoon::value::Kind::I64);
    assert!(sent(None::<String>).is_null());
}

#[cfg(all(
    feature = "chrono",
    feature = "time",
    feature = "jiff",
    feature = "uuid",
    feature = "rust_decimal",
    feature = "bigdecimal",
    feature = "serde_json"
))]
#[test]
fn values_of_other_crates_are_mapped_as_the_library_maps_them() {
    use pontoon::value::ToValue;

    fn check<T: ToValue + Into<sea_query::Value> + Clone>(value: T) {
        assert_eq!(sent(value.clone()), value.to_value().unwrap());
    }
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    check(day);
    check(day.and_hms_nano_opt(23, 59, 59, 123_456_789).unwrap());
    check(day.and_hms_opt(1, 2, 3).unwrap().and_utc());
    check(chrono::DateTime::parse_from_rfc3339("2024-02-29T01:02:03+05:30").unwrap());
    check(time::Date::from_calendar_date(2024, time::Month::February, 29).unwrap());
    check(jiff::civil::date(2024, 2, 29));
    check(jiff::civil::date(2024, 2, 29).at(1, 2, 3, 4));
    check(uuid::Uuid::from_u128(7));
    check("79228162514264337593543950335".parse::<rust_decimal::Decimal>().unwrap());
    check("0.1234567890123456789012345678901234567890".parse::<bigdecimal::BigDecimal>().unwrap());
    check(serde_json::json!({ "a": [1, null] }));
    assert_eq!(sent(None::<chrono::NaiveDate>).kind(), pontoon::value::Kind::Date);
}
