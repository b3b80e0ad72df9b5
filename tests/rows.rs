//! Batches and rows from the outside: what is pushed is what is read, and no more than that is shown.

use std::sync::Arc;

use pontoon::row::Decoder;
use pontoon::value::{Date, Decimal, Interval, Kind, Offset, Time, Timestamp, TimestampTz, Value, ValueRef};
use pontoon::{Batch, BatchBuilder, Column, Columns, Error, ErrorKind, FromRow, Result, Row, Rows, Scalar};
use proptest::prelude::*;

fn columns<const N: usize>(names: [&str; N]) -> Arc<Columns> {
    Arc::new(Columns::of_names(names))
}

fn batch<const N: usize>(names: [&str; N], rows: &[[Value; N]]) -> Batch {
    let mut builder = BatchBuilder::new(columns(names));
    for value in rows.iter().flatten() {
        builder.push_value(value).unwrap();
    }
    builder.finish().unwrap()
}

fn row<const N: usize>(names: [&str; N], values: [Value; N]) -> Row {
    Arc::new(batch(names, &[values])).row(0).unwrap()
}

fn numbered(sizes: &[usize]) -> Rows {
    let mut builder = BatchBuilder::new(columns(["n", "text"]));
    let mut rows = Rows::new(Arc::clone(builder.columns()));
    let mut number = 0;
    for &size in sizes {
        for _ in 0..size {
            builder.push_i64(number);
            builder.push_text(&format!("number {number}")).unwrap();
            number += 1;
        }
        rows.push(builder.take().unwrap());
    }
    rows
}

fn number(row: Row) -> i64 {
    row.get("n").unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error: Error = result.err().expect("must be an error");
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

// What databases and databasez promise of a record.

#[test]
fn a_row_is_a_map() {
    let row = row(["id", "text", "completed"], [1.into(), "example".into(), true.into()]);
    let map = row.to_map();
    assert_eq!(map.len(), 3);
    assert_eq!(map.keys().collect::<Vec<_>>(), ["id", "text", "completed"]);
    assert_eq!(map.get("id").unwrap(), Some(ValueRef::I64(1)));
    assert_eq!(map.get("text").unwrap(), Some(ValueRef::Text("example")));
    assert_eq!(map.get("completed").unwrap(), Some(ValueRef::Bool(true)));
    assert_eq!(map.get("nothing").unwrap(), None);
    assert!(map.contains_key("id") && !map.contains_key("nothing"));
    assert_eq!(map.iter().collect::<Vec<_>>(), row.iter_named().collect::<Vec<_>>());
}

#[test]
fn duplicate_names_are_kept_in_order() {
    let row = row(["id", "id"], [1.into(), 2.into()]);
    let map = row.to_map();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["id", "id"]);
    assert_eq!(map.values().collect::<Vec<_>>(), [ValueRef::I64(1), ValueRef::I64(2)]);
    assert_eq!(map.get_all("id").collect::<Vec<_>>(), [ValueRef::I64(1), ValueRef::I64(2)]);
    assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), (1, 2));
    let message = refused(row.get::<i64>("id"), ErrorKind::NoSuchColumn);
    assert!(message.contains("positions 0, 1"), "{message}");
    refused(row.try_get::<i64>("id"), ErrorKind::NoSuchColumn);
    refused(map.get("id"), ErrorKind::NoSuchColumn);
}

#[test]
fn column_names_are_known_with_and_without_rows() {
    let names = |rows: &Rows| {
        let mut names: Vec<_> = rows.columns().unwrap().names().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let some = Rows::from_batches([batch(["id", "text", "completed"], &[[1.into(), "a".into(), true.into()]])]);
    assert_eq!(names(&some), ["completed", "id", "text"]);
    assert_eq!(names(&Rows::new(columns(["id", "text"]))), ["id", "text"]);
    assert_eq!(names(&Rows::from_batches([batch(["id", "text"], &[])])), ["id", "text"]);
    assert!(Rows::from_batches([] as [Batch; 0]).columns().is_none());
}

#[test]
fn names_read_one_row_and_all_rows() {
    let rows = Rows::from_batches([batch(["id", "text"], &[[1.into(), "one".into()], [2.into(), "two".into()]])]);
    assert_eq!(rows.first().unwrap().get::<&str>("text").unwrap(), "one");
    let texts: Result<Vec<String>> = rows.iter().map(|row| row.get("text")).collect();
    assert_eq!(texts.unwrap(), ["one", "two"]);
}

#[test]
fn equal_names_of_two_tables_are_told_apart() {
    let columns = Columns::new(vec![
        Column::new("id").with_table("notes"),
        Column::new("text").with_table("notes"),
        Column::new("id").with_table("articles"),
    ]);
    let mut builder = BatchBuilder::new(columns.into());
    builder.push_ref(ValueRef::I64(1)).unwrap();
    builder.push_ref(ValueRef::Text("x")).unwrap();
    builder.push_ref(ValueRef::I64(2)).unwrap();
    let row = Arc::new(builder.finish().unwrap()).row(0).unwrap();
    assert_eq!(row.get::<i64>("notes.id").unwrap(), 1);
    assert_eq!(row.get::<i64>("articles.id").unwrap(), 2);
    assert_eq!(row.get::<&str>("text").unwrap(), "x");
    assert_eq!(row.get::<i64>(2).unwrap(), 2);
    refused(row.get::<i64>("id"), ErrorKind::NoSuchColumn);
}

// Reading.

#[test]
fn columns_are_named_in_many_ways() {
    let row = row(["a", "b", "c"], [1.into(), 2.into(), 3.into()]);
    let (owned, position) = (String::from("b"), &1usize);
    let read: [Result<i64>; 8] = [
        row.get("b"),
        row.get(owned.as_str()),
        row.get(&owned),
        row.get(owned),
        row.get(1usize),
        row.get(position),
        row.get(1),
        row.get(-2),
    ];
    assert!(read.into_iter().all(|value| value.unwrap() == 2));
    assert_eq!(row.get::<i64>(-3).unwrap(), 1);
    for outside in [3, -4, i32::MIN, i32::MAX] {
        let message = refused(row.get::<i64>(outside), ErrorKind::NoSuchColumn);
        assert!(message.contains(&outside.to_string()) && message.contains("0 to 2"), "{message}");
        assert_eq!(row.try_get::<i64>(outside).unwrap(), None);
    }
    refused(row.get::<i64>(usize::MAX), ErrorKind::NoSuchColumn);
    refused(row.value("d"), ErrorKind::NoSuchColumn);
}

#[test]
fn errors_name_the_column_and_both_types() {
    let row = row(["id", "price"], [Value::Null(Kind::I64), "secret".into()]);
    let message = refused(row.get::<i32>("price"), ErrorKind::Conversion);
    assert!(message.starts_with("column \"price\" (1): cannot read TEXT as i32"), "{message}");
    assert!(!message.contains("secret"), "{message}");
    let message = refused(row.get::<i64>(0), ErrorKind::Conversion);
    assert!(message.starts_with("column \"id\" (0): cannot read NULL as i64"), "{message}");
    assert_eq!(row.get::<Option<i64>>("id").unwrap(), None);
    assert_eq!(row.try_get::<Option<i64>>("id").unwrap(), Some(None));
    refused(row.try_get::<i64>("id"), ErrorKind::Conversion);
    assert_eq!(row.try_get::<i64>("nothing").unwrap(), None);
    assert_eq!(row.value("id").unwrap(), ValueRef::Null(Kind::I64));
}

#[test]
fn text_and_bytes_are_borrowed_from_the_row() {
    let row = row(["t", "b"], ["text".into(), Value::Bytes(vec![0, 255])]);
    let (text, bytes): (&str, &[u8]) = (row.get(0).unwrap(), row.get(1).unwrap());
    assert_eq!((text, bytes), ("text", &[0u8, 255][..]));
    assert_eq!(text.as_ptr(), row.get::<&str>("t").unwrap().as_ptr(), "nothing is copied");
}

#[test]
fn nothing_that_is_shown_has_a_value_in_it() {
    let rows = Rows::from_batches([batch(
        ["id", "secret"],
        &[[4711.into(), "hunter2".into()], [Value::Null(Kind::I64), "hunter2".into()]],
    )]);
    let row = rows.nth(-1).unwrap();
    let mut builder = BatchBuilder::new(Arc::clone(row.columns()));
    builder.push_value(&"hunter2".into()).unwrap();
    let mut decoder = Decoder::<(i64, String)>::new();
    decoder.decode(&rows.get(0).unwrap()).unwrap();
    let shown = [
        format!("{row:?}"),
        format!("{:?}", row.to_map()),
        format!("{:?}", row.batch()),
        format!("{rows:?}"),
        format!("{:?}", rows.iter()),
        format!("{:?}", rows.cursor()),
        format!("{builder:?}"),
        format!("{decoder:?}"),
    ];
    for text in shown {
        assert!(!text.contains("hunter2") && !text.contains("4711"), "{text}");
        assert!(text.contains("secret"), "the columns are shown: {text}");
    }
    assert_eq!(format!("{row:?}"), r#"Row({"id": NULL, "secret": Text})"#);
}

#[test]
fn rows_are_equal_by_their_values() {
    let one = row(["a", "b"], [1.into(), "x".into()]);
    assert_eq!(one, row(["c", "d"], [1.into(), "x".into()]));
    assert_ne!(one, row(["a", "b"], [1.into(), "y".into()]));
    assert_ne!(one, row(["a"], [1.into()]));
    assert_eq!(numbered(&[2, 3]), numbered(&[5]));
    assert_ne!(numbered(&[2, 3]), numbered(&[4]));
}

// Building.

#[test]
fn every_push_has_its_kind() {
    let day = Date::new(2024, 2, 29).unwrap();
    let time = Time::from_nanos(86_399_123_456_789).unwrap();
    let moment = TimestampTz::new(Timestamp::new(day, time), Offset::from_seconds(19_800).unwrap()).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(Columns::of_names((0..18).map(|i| format!("c{i}")))));
    builder.push_null(Kind::Date);
    builder.push_bool(true);
    builder.push_i64(i64::MIN);
    builder.push_u64(u64::MAX);
    builder.push_f32(0.1);
    builder.push_f64(0.1);
    builder.push_decimal("+1.50e1").unwrap();
    builder.push_text("grün").unwrap();
    builder.push_bytes(&[0, 1]).unwrap();
    builder.push_date(day);
    builder.push_time(Time::END_OF_DAY);
    builder.push_timestamp(Timestamp::new(day, time));
    builder.push_timestamp_tz(moment).unwrap();
    builder.push_uuid([7; 16]).unwrap();
    builder.push_json("[1]").unwrap();
    builder.push_array(vec![1.into(), "x".into()]).unwrap();
    builder.push_other("point", "(1,2)").unwrap();
    builder.push_timestamp(Timestamp::INFINITY);
    let row = Arc::new(builder.finish().unwrap()).row(0).unwrap();
    let list = [Value::from(1), Value::from("x")];
    let expected = [
        ValueRef::Null(Kind::Date),
        ValueRef::Bool(true),
        ValueRef::I64(i64::MIN),
        ValueRef::U64(u64::MAX),
        ValueRef::F32(0.1),
        ValueRef::F64(0.1),
        ValueRef::Decimal("15.0"),
        ValueRef::Text("grün"),
        ValueRef::Bytes(&[0, 1]),
        ValueRef::Date(day),
        ValueRef::Time(Time::END_OF_DAY),
        ValueRef::Timestamp(Timestamp::new(day, time)),
        ValueRef::TimestampTz(moment),
        ValueRef::Uuid([7; 16]),
        ValueRef::Json("[1]"),
        ValueRef::Array(&list),
        ValueRef::Other { type_name: "point", text: "(1,2)" },
        ValueRef::Timestamp(Timestamp::INFINITY),
    ];
    assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    assert_eq!(row.get::<&str>(6).unwrap(), "15.0", "in canonical form, its scale kept");
}

#[test]
fn a_decimal_that_is_none_is_refused() {
    let mut builder = BatchBuilder::new(columns(["d"]));
    let message = refused(builder.push_decimal("12,5"), ErrorKind::Conversion);
    assert!(!message.contains("12,5"), "{message}");
}

#[test]
fn a_full_heap_is_an_error_before_it_is_one_of_arithmetic() {
    let full = |push: fn(&mut BatchBuilder, usize) -> Result<()>| {
        let mut builder = BatchBuilder::new(columns(["x"])).with_heap_limit(10);
        push(&mut builder, 6).unwrap();
        push(&mut builder, 4).unwrap();
        push(&mut builder, 0).unwrap();
        let message = refused(push(&mut builder, 1), ErrorKind::Limit);
        assert!(message.contains("11 bytes") && message.contains("3 rows") && message.contains("10"), "{message}");
        // The texts of the next batch start anew.
        let first = builder.take().unwrap();
        assert_eq!(first.len(), 3);
        push(&mut builder, 10).unwrap();
        assert_eq!(builder.finish().unwrap().len(), 1);
    };
    full(|builder, len| builder.push_text(&"x".repeat(len)));
    full(|builder, len| builder.push_json(&"x".repeat(len)));
    full(|builder, len| builder.push_bytes(&vec![0; len]));
    full(|builder, len| builder.push_other("t", &"x".repeat(len)));
}

#[test]
fn an_incomplete_row_is_an_error_of_the_driver() {
    let mut builder = BatchBuilder::new(columns(["a", "b", "c"]));
    for value in 0..5 {
        builder.push_i64(value);
    }
    assert_eq!(builder.rows(), 1);
    assert!(refused(builder.take(), ErrorKind::Internal).contains("2 values for the last row"));
    builder.push_i64(5);
    assert_eq!(builder.take().unwrap().len(), 2);
    builder.push_i64(6);
    refused(builder.finish(), ErrorKind::Internal);
}

#[test]
fn a_result_without_columns_has_rows() {
    let mut builder = BatchBuilder::new(columns([]));
    builder.push_empty_row();
    builder.push_empty_row();
    assert_eq!((builder.rows(), builder.is_empty()), (2, false));
    let rows = Rows::from_batches([builder.take().unwrap()]);
    assert!(builder.is_empty());
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.iter().map(|row| row.len()).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(rows.decode::<Vec<Value>>().unwrap(), [[], []] as [[Value; 0]; 2]);
    assert!(refused(rows.get(0).unwrap().get::<i64>(0), ErrorKind::NoSuchColumn).contains("no columns"));
}

#[test]
fn names_of_unknown_types_are_stored_once() {
    let mut builder = BatchBuilder::new(columns(["a", "b"]));
    for i in 0..100 {
        builder.push_other("point", &i.to_string()).unwrap();
        builder.push_other(&format!("type {}", i % 20), "").unwrap();
    }
    let batch = builder.finish().unwrap();
    for i in 0..100 {
        assert_eq!(batch.value(i, 0).unwrap(), ValueRef::Other { type_name: "point", text: &i.to_string() });
        let name = format!("type {}", i % 20);
        assert_eq!(batch.value(i, 1).unwrap(), ValueRef::Other { type_name: &name, text: "" });
    }
}

#[test]
fn bytes_count_what_is_held() {
    let mut builder = BatchBuilder::new(columns(["a", "b"]));
    assert_eq!(builder.bytes(), 0);
    builder.push_i64(1);
    builder.push_null(Kind::Unknown);
    let cells = builder.bytes();
    builder.push_text("12345678").unwrap();
    builder.push_bytes(&[0; 100]).unwrap();
    assert_eq!(builder.bytes(), 2 * cells + 108);
    builder.push_array(vec!["x".repeat(1000).into()]).unwrap();
    builder.push_uuid([0; 16]).unwrap();
    assert!(builder.bytes() >= 3 * cells + 108 + 1000 + 16);
    let bytes = builder.bytes();
    let batch = builder.take().unwrap();
    assert_eq!((batch.bytes(), builder.bytes()), (bytes, 0));
}

#[test]
fn a_batch_has_no_cells_outside() {
    let batch = Arc::new(batch(["a", "b"], &[[1.into(), 2.into()], [3.into(), 4.into()]]));
    assert_eq!(batch.value(1, 1), Some(ValueRef::I64(4)));
    for (row, column) in [(0, 2), (2, 0), (usize::MAX, 0), (usize::MAX, 1), (0, usize::MAX), (usize::MAX / 2 + 1, 0)] {
        assert_eq!(batch.value(row, column), None, "{row}, {column}");
    }
    assert!(batch.row(1).is_some() && batch.row(2).is_none() && batch.row(usize::MAX).is_none());
}

// All rows.

#[test]
fn rows_are_found_across_batches() {
    let rows = numbered(&[0, 3, 0, 1, 4, 0]);
    assert_eq!((rows.len(), rows.is_empty(), rows.batches().len()), (8, false, 3));
    for i in 0..8 {
        assert_eq!(number(rows.get(i as usize).unwrap()), i);
        assert_eq!(number(rows.nth(i as isize).unwrap()), i);
        assert_eq!(number(rows.nth(i as isize - 8).unwrap()), i);
    }
    assert!(rows.get(8).is_none() && rows.nth(8).is_none() && rows.nth(-9).is_none() && rows.nth(isize::MIN).is_none());
    assert_eq!((number(rows.first().unwrap()), number(rows.last().unwrap())), (0, 7));
    let none = numbered(&[0]);
    assert!(none.is_empty() && none.first().is_none() && none.last().is_none() && none.nth(-1).is_none());
    assert!(none.cursor().next().is_none());
    assert_eq!(Rows::default().len(), 0);
}

#[test]
fn a_clone_does_not_see_what_is_pushed_later() {
    let mut rows = numbered(&[2]);
    let before = rows.clone();
    rows.push(numbered(&[3]).batches().next().map(Arc::clone).unwrap());
    assert_eq!((before.len(), rows.len()), (2, 5));
    assert_eq!(number(rows.get(4).unwrap()), 2);
}

#[test]
fn whole_rows_become_tuples() {
    let rows = numbered(&[2, 1]);
    let expected = [(0, "number 0"), (1, "number 1"), (2, "number 2")].map(|(n, text)| (n, text.to_owned()));
    assert_eq!(rows.decode::<(i64, String)>().unwrap(), expected);
    assert_eq!(rows.get(1).unwrap().decode::<(i64, String)>().unwrap(), expected[1]);
    assert_eq!(rows.column::<i64>("n").unwrap(), [0, 1, 2]);
    assert_eq!(rows.column::<String>(-1).unwrap()[2], "number 2");
    let message = refused(rows.decode::<(i64,)>(), ErrorKind::Conversion);
    assert_eq!(message, r#"a tuple of 1 is read from 1 column; the result has 2 columns ("n", "text")"#);
    let message = refused(rows.decode::<(String, String)>(), ErrorKind::Conversion);
    assert!(message.starts_with("row 0: column \"n\" (0): cannot read INTEGER as String"), "{message}");
}

#[test]
fn sixteen_columns_become_a_tuple() {
    type Sixteen = (i64, i8, u8, i16, u16, i32, u32, u64, i128, u128, usize, isize, Option<i64>, Value, bool, f64);
    let values: [Value; 16] = std::array::from_fn(|i| if i == 15 { 0.5.into() } else { 1.into() });
    let row = row(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"], values);
    let tuple: Sixteen = row.decode().unwrap();
    assert_eq!((tuple.0, tuple.7, tuple.8, tuple.12), (1, 1, 1, Some(1)));
    assert_eq!((&tuple.13, tuple.14, tuple.15), (&Value::from(1), true, 0.5));
}

#[test]
fn a_scalar_is_the_only_column() {
    let rows = Rows::from_batches([batch(["n"], &[[1.into()], [2.into()]])]);
    assert_eq!(rows.decode::<Scalar<i64>>().unwrap(), [Scalar(1), Scalar(2)]);
    assert_eq!(rows.decode::<(i64,)>().unwrap(), [(1,), (2,)]);
    refused(numbered(&[1]).decode::<Scalar<i64>>(), ErrorKind::Conversion);
}

#[test]
fn wrong_columns_are_found_without_rows() {
    let none = Rows::new(columns(["a"]));
    refused(none.decode::<(i64, i64)>(), ErrorKind::Conversion);
    refused(none.column::<i64>("b"), ErrorKind::NoSuchColumn);
    assert_eq!(none.decode::<(i64,)>().unwrap(), []);
    assert_eq!(Rows::default().decode::<(i64, i64)>().unwrap(), []);
}

#[test]
fn an_error_has_the_number_of_its_row() {
    let text = |text: &str| [Value::from(text)];
    let rows = Rows::from_batches([
        batch(["n"], &[[1.into()], [2.into()]]),
        batch(["n"], &[[3.into()], text("four"), [5.into()]]),
    ]);
    for message in [
        refused(rows.decode::<(i64,)>(), ErrorKind::Conversion),
        refused(rows.column::<i64>("n"), ErrorKind::Conversion),
    ] {
        assert!(message.starts_with("row 3: column \"n\" (0): cannot read TEXT as i64"), "{message}");
    }
    let mut decoder = Decoder::<(i64,)>::new();
    let outcomes: Vec<_> = rows.iter().map(|row| decoder.decode(&row)).collect();
    assert!(outcomes[3].as_ref().unwrap_err().to_string().starts_with("row 3: "));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4);
}

#[test]
fn a_plan_is_made_once_for_the_same_columns_and_anew_for_others() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PLANS: AtomicUsize = AtomicUsize::new(0);
    struct ById(i64);
    impl FromRow for ById {
        type Plan = usize;
        fn plan(columns: &Columns) -> Result<usize> {
            PLANS.fetch_add(1, Ordering::Relaxed);
            columns.position("id")
        }
        fn from_row(row: &Row, plan: &usize) -> Result<ById> {
            row.get(*plan).map(ById)
        }
    }
    let mut builder = BatchBuilder::new(columns(["id", "x"]));
    let mut rows = Rows::new(Arc::clone(builder.columns()));
    for _ in 0..3 {
        builder.push_i64(1);
        builder.push_i64(2);
        rows.push(builder.take().unwrap());
    }
    assert_eq!(rows.decode::<ById>().unwrap().iter().map(|id| id.0).sum::<i64>(), 3);
    assert_eq!(PLANS.swap(0, Ordering::Relaxed), 1);
    rows.push(batch(["x", "id"], &[[2.into(), 7.into()]]));
    assert_eq!(rows.decode::<ById>().unwrap()[3].0, 7);
    assert_eq!(PLANS.load(Ordering::Relaxed), 2);
}

#[test]
fn everything_goes_to_other_threads() {
    fn sent_and_shared<T: Send + Sync + 'static>() {}
    sent_and_shared::<Batch>();
    sent_and_shared::<BatchBuilder>();
    sent_and_shared::<Column>();
    sent_and_shared::<Columns>();
    sent_and_shared::<Row>();
    sent_and_shared::<Rows>();
    sent_and_shared::<pontoon::row::RowsIter>();
    sent_and_shared::<pontoon::row::RowsCursor<'static>>();
    sent_and_shared::<pontoon::RowMap<'static>>();
    sent_and_shared::<Decoder<(i64, String)>>();
    let rows = numbered(&[3]);
    let row = rows.get(1).unwrap();
    let other = std::thread::spawn(move || number(row)).join().unwrap();
    assert_eq!(other, 1);
}

#[test]
fn a_row_is_two_words() {
    assert_eq!(size_of::<Row>(), 2 * size_of::<usize>());
    assert_eq!(size_of::<Option<Row>>(), 2 * size_of::<usize>());
}

// Properties.

fn date() -> impl Strategy<Value = Date> {
    let day = (-9999i32..9999, 1u8..=12, 1u8..=28).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap());
    prop_oneof![20 => day, 1 => Just(Date::INFINITY), 1 => Just(Date::NEG_INFINITY), 1 => Just(Date::ZERO)]
}

fn time() -> impl Strategy<Value = Time> {
    (0..=86_400_000_000_000u64).prop_map(|nanos| Time::from_nanos(nanos).unwrap())
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (date(), time()).prop_map(|(date, time)| Timestamp::new(date, time))
}

fn moment() -> impl Strategy<Value = TimestampTz> {
    (timestamp(), -50_000..50_000).prop_filter_map("an offset", |(timestamp, seconds)| {
        TimestampTz::new(timestamp, Offset::from_seconds(seconds)?)
    })
}

fn decimal() -> impl Strategy<Value = Decimal> {
    "-?[0-9]{1,30}(\\.[0-9]{1,10})?".prop_map(|text| text.parse().unwrap())
}

fn value() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![Just(Kind::Unknown), Just(Kind::I64), Just(Kind::Text), Just(Kind::Array)];
    let single = prop_oneof![
        kinds.prop_map(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        proptest::num::f32::NORMAL.prop_map(Value::F32),
        proptest::num::f64::NORMAL.prop_map(Value::F64),
        decimal().prop_map(Value::Decimal),
        ".{0,20}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        date().prop_map(Value::Date),
        time().prop_map(Value::Time),
        timestamp().prop_map(Value::Timestamp),
        moment().prop_map(Value::TimestampTz),
        any::<(i32, i32, i64)>().prop_map(|(months, days, nanos)| Value::Interval(Interval::new(months, days, nanos))),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        "\\[[0-9]{0,5}\\]".prop_map(Value::Json),
        ("[a-z]{1,3}", ".{0,10}").prop_map(|(name, text)| Value::Other { type_name: name.into(), text }),
    ];
    single.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::Array))
}

/// A width, and rows of that width.
fn table() -> impl Strategy<Value = (usize, Vec<Vec<Value>>)> {
    (1usize..5).prop_flat_map(|width| {
        (Just(width), proptest::collection::vec(proptest::collection::vec(value(), width), 0..12))
    })
}

proptest! {
    #[test]
    fn what_is_pushed_is_read((width, table) in table(), cuts in proptest::collection::vec(1usize..4, 12)) {
        // Taken off the same builder every so many rows: no batch has anything of another.
        let mut builder = BatchBuilder::new(Arc::new(Columns::of_names((0..width).map(|i| format!("c{i}")))));
        let mut rows = Rows::new(Arc::clone(builder.columns()));
        let mut cuts = cuts.into_iter();
        let mut until = 1;
        for values in &table {
            for value in values {
                builder.push_value(value).unwrap();
            }
            if builder.rows() == until {
                let bytes = builder.bytes();
                let batch = builder.take().unwrap();
                prop_assert_eq!(batch.bytes(), bytes);
                prop_assert!(builder.is_empty() && builder.bytes() == 0);
                rows.push(batch);
                until = cuts.next().unwrap_or(1);
            }
        }
        rows.push(builder.finish().unwrap());

        prop_assert_eq!(rows.len(), table.len());
        prop_assert_eq!(&rows.iter().map(|row| row.to_values()).collect::<Vec<_>>(), &table);
        prop_assert_eq!(&rows.decode::<Vec<Value>>().unwrap(), &table);
        for (row, values) in rows.iter().zip(&table) {
            for (position, value) in values.iter().enumerate() {
                prop_assert_eq!(row.value(position).unwrap(), value.as_ref());
                prop_assert_eq!(row.value(&*format!("c{position}")).unwrap(), value.as_ref());
                prop_assert_eq!(&row.get::<Value>(position).unwrap(), value);
                prop_assert_eq!(row.get::<Option<i64>>(position).ok(), value.get::<Option<i64>>().ok());
                prop_assert_eq!(row.get::<&str>(position).ok(), value.get::<&str>().ok());
                prop_assert_eq!(row.get::<f64>(position).ok(), value.get::<f64>().ok());
            }
        }
    }

    #[test]
    fn an_iterator_behaves_as_that_of_a_list(
        sizes in proptest::collection::vec(0usize..5, 0..6),
        steps in proptest::collection::vec((0..3, 0usize..6), 0..20),
    ) {
        let rows = numbered(&sizes);
        let list: Vec<i64> = (0..rows.len() as i64).collect();
        let (mut ours, mut model) = (rows.iter(), list.iter().copied());
        for (step, skip) in steps {
            let (got, expected) = match step {
                0 => (ours.next(), model.next()),
                1 => (ours.next_back(), model.next_back()),
                _ => (ours.nth(skip), model.nth(skip)),
            };
            prop_assert_eq!(got.map(number), expected);
            prop_assert_eq!(ours.len(), model.len());
        }
        prop_assert_eq!(ours.clone().map(number).collect::<Vec<_>>(), model.clone().collect::<Vec<_>>());
        prop_assert_eq!(ours.clone().last().map(number), model.clone().last());
        prop_assert_eq!(ours.count(), model.count());

        let (mut walked, mut cursor) = (Vec::new(), rows.cursor());
        while let Some(row) = cursor.next() {
            walked.push(number(row.clone()));
        }
        prop_assert_eq!(walked, list);
        prop_assert!(cursor.next().is_none());
    }
}
