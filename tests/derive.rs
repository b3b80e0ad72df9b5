//! `#[derive(FromRow)]`: every attribute, what it reads, and what its errors say.

use std::sync::Arc;

use pontoon::value::{Kind, Value};
use pontoon::{BatchBuilder, Columns, ErrorKind, FromRow, Result, Rows};

fn rows<const N: usize>(names: [&str; N], rows: &[[Value; N]]) -> Rows {
    let mut builder = BatchBuilder::new(Arc::new(Columns::of_names(names)));
    let mut all = Rows::new(Arc::clone(builder.columns()));
    for value in rows.iter().flatten() {
        builder.push_value(value).unwrap();
    }
    all.push(builder.finish().unwrap());
    all
}

fn one<T: FromRow, const N: usize>(names: [&str; N], values: [Value; N]) -> Result<T> {
    rows(names, &[values]).first().unwrap().decode()
}

#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind) -> String {
    let error = result.err().expect("must be an error");
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

const NULL: Value = Value::Null(Kind::Text);

#[derive(Debug, PartialEq, FromRow)]
struct Note {
    id: i64,
    text: Option<String>,
    r#type: u8,
}

#[test]
fn fields_are_read_by_name() {
    let rows = rows(
        ["type", "more", "text", "id"],
        &[[3.into(), "x".into(), "one".into(), 1.into()], [4.into(), NULL, NULL, 2.into()]],
    );
    let expected = [Note { id: 1, text: Some("one".into()), r#type: 3 }, Note { id: 2, text: None, r#type: 4 }];
    assert_eq!(rows.decode::<Note>().unwrap(), expected);
    assert_eq!(rows.last().unwrap().decode::<Note>().unwrap(), expected[1]);
}

#[test]
fn errors_name_struct_field_column_and_types() {
    let names = ["id", "text", "type"];
    let message = refused(one::<Note, 3>(names, ["x".into(), "t".into(), 1.into()]), ErrorKind::Conversion);
    assert!(message.starts_with("Note.id: column \"id\" (0): cannot read TEXT as i64"), "{message}");
    let message = refused(one::<Note, 3>(names, [NULL, "t".into(), 1.into()]), ErrorKind::Conversion);
    assert!(message.starts_with("Note.id: column \"id\" (0): cannot read NULL as i64: use Option<i64>"), "{message}");
    let message = refused(one::<Note, 3>(names, [1.into(), "t".into(), 256.into()]), ErrorKind::Conversion);
    assert!(message.starts_with("Note.type: column \"type\" (2): cannot read INTEGER as u8"), "{message}");
    let message = refused(one::<Note, 2>(["id", "Text"], [1.into(), NULL]), ErrorKind::NoSuchColumn);
    assert!(message.starts_with("Note.text: no column \"text\""), "{message}");
    let message = refused(rows(["id", "text", "id", "type"], &[]).decode::<Note>(), ErrorKind::NoSuchColumn);
    assert!(message.starts_with("Note.id: 2 columns are named \"id\""), "{message}");
    let wrong = rows(names, &[[1.into(), NULL, 1.into()], [1.into(), 1.into(), 1.into()]]);
    let message = refused(wrong.decode::<Note>(), ErrorKind::Conversion);
    assert!(message.starts_with("row 1: Note.text: column \"text\" (1): cannot read INTEGER as "), "{message}");
}

#[derive(Debug, PartialEq, FromRow)]
struct Pair(i64, Option<String>);

#[derive(Debug, PartialEq, FromRow)]
struct Id(i64);

#[test]
fn tuple_structs_are_read_by_position() {
    assert_eq!(one::<Pair, 2>(["x", "x"], [1.into(), NULL]).unwrap(), Pair(1, None));
    assert_eq!(one::<Id, 1>(["count(*)"], [7.into()]).unwrap(), Id(7));
    let message = refused(one::<Pair, 1>(["x"], [1.into()]), ErrorKind::Conversion);
    assert_eq!(message, "Pair is read from 2 columns; the result has 1 column (\"x\")");
    let message = refused(one::<Pair, 2>(["a", "b"], [1.into(), 2.into()]), ErrorKind::Conversion);
    assert!(message.starts_with("Pair.1: column \"b\" (1): "), "{message}");
}

#[test]
fn names_are_changed() {
    #[derive(FromRow)]
    #[row(rename_all = "camelCase")]
    struct Camel {
        first_name: String,
        #[row(rename = "AGE")]
        age_in_years: i32,
        id: i64,
    }
    let Camel { first_name, age_in_years, id } =
        one(["id", "AGE", "firstName"], [1.into(), 42.into(), "Ada".into()]).unwrap();
    assert_eq!((id, age_in_years, first_name.as_str()), (1, 42, "Ada"));

    #[derive(FromRow)]
    #[row(rename_all = "SCREAMING-KEBAB-CASE")]
    struct Loud {
        first_name: String,
    }
    assert_eq!(one::<Loud, 1>(["FIRST-NAME"], ["x".into()]).unwrap().first_name, "x");
}

fn forty_two() -> i32 {
    42
}

#[derive(Debug, PartialEq, FromRow)]
struct Defaults {
    #[row(default)]
    count: i64,
    #[row(default = "forty_two")]
    answer: i32,
    #[row(default)]
    #[row(rename = "label")]
    name: Option<String>,
    #[row(skip)]
    cache: Vec<u8>,
    #[row(skip, default = "forty_two")]
    other: i32,
}

#[test]
fn absent_columns_have_defaults() {
    let absent: Defaults = one(["x"], [1.into()]).unwrap();
    assert_eq!(absent, Defaults { count: 0, answer: 42, name: None, cache: vec![], other: 42 });
    let names = ["count", "answer", "label", "cache", "other"];
    let present: Defaults = one(names, [1.into(), 2.into(), "n".into(), NULL, NULL]).unwrap();
    assert_eq!(present, Defaults { count: 1, answer: 2, name: Some("n".into()), cache: vec![], other: 42 });
    // NULL is a value that is there.
    let message = refused(one::<Defaults, 1>(["count"], [NULL]), ErrorKind::Conversion);
    assert!(message.starts_with("Defaults.count: "), "{message}");
    refused(one::<Defaults, 2>(["count", "count"], [1.into(), 2.into()]), ErrorKind::NoSuchColumn);
}

#[derive(Debug, PartialEq, FromRow)]
struct Author {
    id: i64,
    name: Option<String>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Article {
    id: i64,
    #[row(flatten)]
    times: Times,
    #[row(flatten, prefix = "author_")]
    author: Author,
    #[row(flatten, prefix = "editor_")]
    editor: Option<Author>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Times {
    created: i64,
    changed: i64,
}

const ARTICLE: [&str; 7] = ["id", "created", "changed", "author_id", "author_name", "editor_id", "editor_name"];

#[test]
fn structs_are_nested() {
    let values = [1.into(), 10.into(), 11.into(), 2.into(), "Ada".into(), 3.into(), NULL];
    let article: Article = one(ARTICLE, values).unwrap();
    assert_eq!(article.times, Times { created: 10, changed: 11 });
    assert_eq!(article.author, Author { id: 2, name: Some("Ada".into()) });
    assert_eq!(article.editor, Some(Author { id: 3, name: None }));
}

#[test]
fn the_other_side_of_a_left_join_can_be_absent() {
    let values = |editor: [Value; 2]| {
        let [id, name] = editor;
        [1.into(), 10.into(), 11.into(), 2.into(), NULL, id, name]
    };
    assert_eq!(one::<Article, 7>(ARTICLE, values([NULL, NULL])).unwrap().editor, None);
    let half = one::<Article, 7>(ARTICLE, values([NULL, "Ada".into()]));
    let message = refused(half, ErrorKind::Conversion);
    assert!(message.starts_with("Article.editor: Author.id: column \"editor_id\" (5): cannot read NULL"), "{message}");
    let without = one::<Article, 5>(
        ["id", "created", "changed", "author_id", "author_name"],
        [1.into(), 10.into(), 11.into(), 2.into(), NULL],
    );
    let message = refused(without, ErrorKind::NoSuchColumn);
    assert!(message.starts_with("Article.editor: Author.id: no column \"id\""), "{message}");
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Address {
    city: String,
}

#[derive(Debug, PartialEq, FromRow)]
struct Person {
    #[row(json)]
    address: Address,
    #[row(json)]
    tags: Option<Vec<String>>,
    #[row(json, default)]
    extra: serde_json::Value,
}

#[test]
fn json_is_read_with_serde() {
    let names = ["address", "tags", "extra"];
    let person: Person =
        one(names, [Value::Json(r#"{"city":"Zürich"}"#.into()), r#"["a"]"#.into(), Value::Json("{}".into())]).unwrap();
    assert_eq!(person.address.city, "Zürich");
    assert_eq!(person.tags, Some(vec!["a".to_owned()]));
    let absent: Person = one(["address", "tags"], [r#"{"city":""}"#.into(), NULL]).unwrap();
    assert_eq!((absent.tags, absent.extra), (None, serde_json::Value::Null));
    let message = refused(one::<Person, 2>(["address", "tags"], [NULL, NULL]), ErrorKind::Conversion);
    assert!(message.starts_with("Person.address: column \"address\" (0): cannot read NULL"), "{message}");
    let message = refused(one::<Person, 2>(["address", "tags"], ["hunter2".into(), NULL]), ErrorKind::Conversion);
    assert!(!message.contains("hunter2"), "{message}");
}

#[derive(Debug, PartialEq)]
struct Percent(u8);

impl TryFrom<i64> for Percent {
    type Error = String;
    fn try_from(value: i64) -> Result<Percent, String> {
        u8::try_from(value).ok().filter(|value| *value <= 100).map(Percent).ok_or_else(|| "above 100".to_owned())
    }
}

#[derive(Debug, PartialEq)]
struct Length(usize);

impl From<Option<String>> for Length {
    fn from(text: Option<String>) -> Length {
        Length(text.map_or(0, |text| text.len()))
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct Converted {
    #[row(try_from = "i64")]
    percent: Percent,
    #[row(try_from = "i64")]
    optional: Option<Percent>,
    #[row(try_from = "Option<String>")]
    length: Length,
}

#[test]
fn fields_are_made_with_try_from() {
    let names = ["percent", "optional", "length"];
    let read = |a: Value, b: Value, c: Value| one::<Converted, 3>(names, [a, b, c]);
    assert_eq!(
        read(100.into(), NULL, NULL).unwrap(),
        Converted { percent: Percent(100), optional: None, length: Length(0) }
    );
    assert_eq!(read(0.into(), 1.into(), "abc".into()).unwrap().optional, Some(Percent(1)));
    for error in [read(101.into(), NULL, NULL), read(1.into(), 101.into(), NULL)].map(Result::unwrap_err) {
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert!(message.contains("Percent of the i64"), "{message}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "above 100");
    }
    let message = refused(read("x".into(), NULL, NULL), ErrorKind::Conversion);
    assert!(message.starts_with("Converted.percent: column \"percent\" (0): cannot read TEXT as i64"), "{message}");
}

#[derive(Debug, PartialEq, FromRow)]
struct Positional(#[row(try_from = "i64")] Percent, #[row(skip)] u8, #[row(json)] Vec<i32>);

#[test]
fn tuple_structs_skip_and_convert() {
    assert_eq!(one::<Positional, 2>(["a", "b"], [5.into(), "[1]".into()]).unwrap(), Positional(Percent(5), 0, vec![1]));
}

#[derive(Debug, PartialEq, FromRow)]
struct Generic<T, U: FromRow, const N: usize>
where
    T: Clone,
{
    value: T,
    list: Option<T>,
    #[row(flatten, prefix = "u_")]
    nested: U,
    #[row(json)]
    json: Vec<T>,
    #[row(skip)]
    skipped: T,
    array: [u8; N],
}

#[test]
fn structs_can_be_generic() {
    let names = ["value", "list", "u_id", "json", "array"];
    let values = [1.into(), NULL, 2.into(), "[3]".into(), Value::Bytes(vec![4, 5])];
    let generic: Generic<i64, Id2, 2> = one(names, values).unwrap();
    let expected = Generic { value: 1, list: None, nested: Id2 { id: 2 }, json: vec![3], skipped: 0, array: [4, 5] };
    assert_eq!(generic, expected);
}

#[derive(Debug, PartialEq, FromRow)]
struct Id2 {
    id: i64,
}

mod renamed {
    pub(crate) mod inner {
        pub(crate) use pontoon as sql;
    }

    // Names that generated code must not trip over.
    #[allow(dead_code)]
    type Result<T> = std::result::Result<T, ()>;
    #[allow(dead_code, non_camel_case_types)]
    struct usize;
    #[allow(dead_code)]
    enum Own {
        Ok,
        Some,
        None,
    }
    #[allow(unused_imports)]
    use Own::*;

    #[derive(inner::sql::FromRow)]
    #[row(crate = "crate::renamed::inner::sql")]
    pub(crate) struct Renamed {
        pub(crate) row: i64,
        #[row(default)]
        pub(crate) plan: i64,
    }
}

#[test]
fn the_crate_can_have_another_name() {
    let renamed::Renamed { row, plan } = one(["row"], [1.into()]).unwrap();
    assert_eq!((row, plan), (1, 0));
}

#[test]
fn errors_at_compile_time_can_be_read() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/derive_fail/*.rs");
}

/// A public struct may keep what it flattens to itself.
pub mod shelf {
    use pontoon::FromRow;

    #[derive(Debug, PartialEq, FromRow)]
    struct Author {
        name: String,
    }

    #[derive(Debug, PartialEq, FromRow)]
    struct Tagged<T> {
        tag: T,
    }

    /// Whose book it is.
    #[derive(Debug, PartialEq, FromRow)]
    pub struct Book<T> {
        id: i64,
        #[row(flatten)]
        author: Author,
        #[row(flatten, prefix = "editor_")]
        editor: Option<Author>,
        #[row(flatten)]
        tagged: Tagged<T>,
    }

    impl Book<String> {
        pub(super) fn parts(&self) -> (i64, &str, Option<&str>, &str) {
            (self.id, &self.author.name, self.editor.as_ref().map(|editor| &*editor.name), &self.tagged.tag)
        }
    }
}

#[test]
fn a_public_struct_can_flatten_private_ones() {
    let names = ["id", "name", "editor_name", "tag"];
    let book: shelf::Book<String> = one(names, [1.into(), "Ada".into(), NULL, "x".into()]).unwrap();
    assert_eq!(book.parts(), (1, "Ada", None, "x"));
}

#[test]
fn structs_can_be_local() {
    #[derive(FromRow)]
    struct Inner {
        b: i64,
    }
    #[derive(FromRow)]
    struct Local {
        a: i64,
        #[row(flatten)]
        inner: Inner,
    }
    let local: Local = one(["a", "b"], [1.into(), 2.into()]).unwrap();
    assert_eq!((local.a, local.inner.b), (1, 2));
}
