//! Every type that Java's database interface knows, as a value; and what drivers give beyond them.

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Kind, Time, Timestamp, TimestampTz, Value};

use crate::support::Subject;

fn other(type_name: &str, text: &str) -> Value {
    Value::Other { type_name: type_name.into(), text: text.into() }
}

/// What a column is to be, and the kind of its NULL.
fn expected(name: &str) -> Result<(Value, Kind), Box<dyn std::error::Error>> {
    let uuid = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
    let text = || Value::Text("text".into());
    let value = match name {
        "BIT" | "BOOLEAN" => Value::Bool(true),
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" => Value::I64(7),
        "REAL" => Value::F32(0.5),
        "FLOAT" | "DOUBLE" => Value::F64(0.25),
        "NUMERIC" | "DECIMAL" => Value::Decimal("12.50".parse::<Decimal>()?),
        "CHAR" | "VARCHAR" | "LONGVARCHAR" | "NCHAR" | "NVARCHAR" | "LONGNVARCHAR" => text(),
        "CLOB" | "NCLOB" => Value::Text("long".into()),
        "BINARY" | "VARBINARY" | "LONGVARBINARY" => Value::Bytes(vec![0, 255]),
        "BLOB" => Value::Bytes(vec![1, 2]),
        "DATE" => Value::Date("2024-02-29".parse::<Date>()?),
        "TIME" => Value::Time("12:34:56".parse::<Time>()?),
        "TIMESTAMP" => Value::Timestamp("2024-02-29 12:34:56.000000789".parse::<Timestamp>()?),
        "TIMESTAMP_WITH_TIMEZONE" => Value::TimestampTz("2024-02-29 12:34:56+02:00".parse::<TimestampTz>()?),
        "ARRAY" => Value::Array(vec![Value::I64(1), Value::Null(Kind::Unknown)]),
        "NULL" => return Ok((Value::Null(Kind::Unknown), Kind::Unknown)),
        // What has no kind of its own is its type's name and its text, as the driver makes it.
        "OTHER" | "JAVA_OBJECT" | "DISTINCT" | "DATALINK" | "REF_CURSOR" | "TIME_WITH_TIMEZONE" => other(name, "text"),
        // Where the driver makes none, as its object shows it.
        "ROWID" => other(name, "row 7"),
        "SQLXML" => other(name, "<a/>"),
        "STRUCT" => other(name, "[1, a]"),
        "REF" => other(name, "SHOP"),
        // Objects of a driver's own types.
        "OffsetTime" => other("own", "12:34:56+01:00"),
        "Instant" => Value::TimestampTz("2024-02-29 12:00:00+00:00".parse::<TimestampTz>()?),
        "list" => Value::Array(vec![Value::I64(1), Value::Text("two".into())]),
        "array" => Value::Array(vec![Value::Date("2024-02-29".parse::<Date>()?), Value::Uuid(uuid)]),
        unknown => panic!("Java has a new type, {unknown}: what is it to be?"),
    };
    let null = match name {
        "OffsetTime" | "Instant" | "list" | "array" => Kind::Other,
        _ => value.kind(),
    };
    Ok((value, null))
}

#[test]
fn every_type_there_is() -> Result<(), Box<dyn std::error::Error>> {
    let Some(subject) = Subject::all_types() else { return Ok(()) };
    let row = subject.db.fetch_one("SELECT types", ())?.expect("a row");
    let nulls = subject.db.fetch_one("SELECT nulls", ())?.expect("a row");
    let names: Vec<String> = row.columns().iter().map(|column| column.name().to_owned()).collect();
    assert!(names.len() > 40, "{names:?}");
    for (at, name) in names.iter().enumerate() {
        let (value, null) = expected(name)?;
        assert_eq!(row.get::<Value>(at)?, value, "{name}");
        assert_eq!(nulls.get::<Value>(at)?, Value::Null(null), "{name}");
    }
    Ok(())
}
