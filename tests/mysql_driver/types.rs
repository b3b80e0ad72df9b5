//! Each type, both ways.

use std::fmt::Debug;

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Interval, Kind, Time, Timestamp, TimestampTz, Value};

use crate::{fails, open, scratch};

fn parsed<T: std::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn timestamp(text: &str) -> Value {
    Value::Timestamp(parsed(text))
}

const HOUR: i64 = 3_600_000_000_000;

/// The type of a column, a value that goes in, and what comes out, by a prepared statement and as text.
fn table() -> Vec<(&'static str, Value, Value)> {
    let same = |column, value: Value| (column, value.clone(), value);
    let text = |text: &str| Value::Text(text.into());
    let decimal = |text: &str| Value::Decimal(parsed::<Decimal>(text));
    vec![
        same("TINYINT", Value::I64(-128)),
        same("TINYINT UNSIGNED", Value::I64(255)),
        same("BOOLEAN", Value::Bool(true)),
        same("BOOLEAN", Value::Bool(false)),
        same("BOOLEAN", Value::I64(7)),
        same("SMALLINT", Value::I64(-32_768)),
        same("SMALLINT UNSIGNED", Value::I64(65_535)),
        same("MEDIUMINT", Value::I64(-8_388_608)),
        same("INT", Value::I64(i64::from(i32::MIN))),
        same("INT UNSIGNED", Value::I64(i64::from(u32::MAX))),
        same("BIGINT", Value::I64(i64::MIN)),
        same("BIGINT", Value::I64(i64::MAX)),
        same("BIGINT UNSIGNED", Value::U64(u64::MAX)),
        ("BIGINT UNSIGNED", Value::U64(5), Value::I64(5)),
        same("YEAR", Value::I64(1901)),
        same("YEAR", Value::I64(0)),
        ("BIT(1)", Value::Bool(true), Value::Bool(true)),
        same("BIT(9)", Value::U64(0x1ff)),
        same("BIT(64)", Value::U64(u64::MAX)),
        same("FLOAT", Value::F32(0.5)),
        same("DOUBLE", Value::F64(-2.225e-307)),
        same("DOUBLE", Value::F64(0.1 + 0.2)),
        same("DECIMAL(65, 30)", decimal("-12345678901234567890123456789012345.123456789012345678901234567890")),
        same("DECIMAL(65, 0)", decimal(&"9".repeat(65))),
        ("DECIMAL(10, 2)", Value::I64(3), decimal("3.00")),
        same("CHAR(3)", text("abc")),
        same("VARCHAR(20)", text("naïve \u{1F600}")),
        same("TINYTEXT", text("")),
        same("MEDIUMTEXT", text("a\0b\\'\"\n")),
        same("LONGTEXT", text(&"ß".repeat(100_000))),
        ("BINARY(4)", Value::Bytes(vec![1, 2]), Value::Bytes(vec![1, 2, 0, 0])),
        same("VARBINARY(20)", Value::Bytes(vec![0, 0xff, b'\'', b'\\', 0x80])),
        same("BLOB", Value::Bytes((0..=255).collect())),
        same("LONGBLOB", Value::Bytes(vec![])),
        ("BINARY(16)", Value::Uuid([0xab; 16]), Value::Bytes(vec![0xab; 16])),
        same("UUID", text("abababab-abab-abab-abab-abababababab")),
        same("ENUM('one', 'two')", text("two")),
        same("SET('a', 'b', 'c')", text("a,c")),
        same("DATE", Value::Date(parsed("2024-02-29"))),
        same("DATE", Value::Date(parsed("0001-01-01"))),
        same("DATE", Value::Date(parsed("9999-12-31"))),
        same("DATE", Value::Date(Date::ZERO)),
        same("DATE", Value::Date(parsed("2024-00-00"))),
        same("DATETIME", timestamp("2024-02-29 12:34:56")),
        same("DATETIME(6)", timestamp("9999-12-31 23:59:59.999999")),
        same("DATETIME", timestamp("0000-00-00 00:00:00")),
        ("DATETIME(6)", timestamp("2024-02-29 12:34:56.1234567"), timestamp("2024-02-29 12:34:56.123456")),
        same("TIMESTAMP", timestamp("2024-02-29 12:34:56")),
        same("TIME", Value::Time(parsed("23:59:59"))),
        same("TIME(6)", Value::Time(parsed("00:00:00.000001"))),
        same("TIME", Value::Time(Time::END_OF_DAY)),
        same("TIME", Value::Interval(Interval::new(0, 0, 838 * HOUR))),
        same("TIME(6)", Value::Interval(Interval::new(0, 0, -HOUR - 1000))),
        ("TIME", Value::Interval(Interval::new(0, 2, 0)), Value::Interval(Interval::new(0, 0, 48 * HOUR))),
        ("JSON", Value::Json(r#"{"a": [1, "ü", null]}"#.into()), text(r#"{"a": [1, "ü", null]}"#)),
        same("INET6", text("2001:db8::1")),
        same("INT", Value::Null(Kind::I64)),
        ("VARCHAR(9)", Value::NULL, Value::Null(Kind::Text)),
    ]
}

#[test]
fn both_ways() {
    let scratch = scratch!();
    // Dates of zeros are refused in strict mode, unless it leaves them out.
    let db = open(&scratch, "?sql_mode=STRICT_TRANS_TABLES&pool_size=1");
    let mut wrong = Vec::new();
    for (column, given, expected) in table() {
        db.execute_script(&format!("CREATE OR REPLACE TABLE held (v {column})")).expect(column);
        if let Err(error) = db.execute("INSERT INTO held VALUES (?)", (given.clone(),)) {
            wrong.push(format!("{column}: {given:?} is not taken: {error:?}"));
            continue;
        }
        let prepared = db.fetch_one("SELECT v FROM held", ()).expect(column).expect("a row");
        // A name behind a colon keeps the statement from being prepared.
        let as_text = db.fetch_one("SELECT v FROM held WHERE 'a:b' <> ''", ()).expect(column).expect("a row");
        for (how, row) in [("prepared", prepared), ("as text", as_text)] {
            let value = row.value(0).expect("a column").to_value();
            if value != expected {
                wrong.push(format!("{column}, {how}: {given:?} came back as {value:?}"));
            }
        }
        let found = db.fetch_val::<i64>("SELECT count(*) FROM held WHERE v <=> ?", (given.clone(),));
        // Floats are compared as they are stored; a BIT and a UUID as what they are not bound as.
        if !matches!(found, Ok(Some(1))) && !["FLOAT", "JSON", "BINARY(4)", "DATETIME(6)"].contains(&column) {
            wrong.push(format!("{column}: {given:?} is not found by itself: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_say_what_they_are() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script("CREATE TABLE t (a BIGINT UNSIGNED, b VARCHAR(3), c BLOB, d DATETIME, e ENUM('x'))").unwrap();
    let rows = db.fetch_all("SELECT q.*, 1 + 1 AS sum FROM t AS q", ()).unwrap();
    let columns = rows.columns().expect("there are columns");
    let told: Vec<_> = columns.iter().map(|it| (it.name(), it.kind(), it.type_name().unwrap(), it.table())).collect();
    let expected = [
        ("a", Kind::U64, "BIGINT UNSIGNED", Some("q")),
        ("b", Kind::Text, "VARCHAR", Some("q")),
        ("c", Kind::Bytes, "BLOB", Some("q")),
        ("d", Kind::Timestamp, "DATETIME", Some("q")),
        ("e", Kind::Text, "ENUM", Some("q")),
        ("sum", Kind::I64, "BIGINT", None),
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert!(*told == expected || told.0 == "sum", "{told:?}");
    }
}

#[test]
fn geometries_are_bytes() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    let point: Option<Vec<u8>> = db.fetch_val("SELECT ST_GeomFromText('POINT(1 2)')", ()).unwrap();
    assert_eq!(point.expect("a point").len(), 25);
}

#[test]
fn moments_need_a_zone_that_is_fixed() {
    let scratch = scratch!();
    let moment: TimestampTz = parsed("2024-02-29 12:34:56.789+02:00");
    let create = "CREATE OR REPLACE TABLE held (at TIMESTAMP(3))";
    for zone in ["UTC", "%2B05:30", "-08:00"] {
        let db = open(&scratch, &format!("?time_zone={zone}"));
        db.execute_script(create).unwrap();
        db.execute("INSERT INTO held VALUES (?)", (moment,)).unwrap();
        assert_eq!(db.fetch_val::<TimestampTz>("SELECT at FROM held WHERE at = ?", (moment,)).unwrap(), Some(moment));
        assert_eq!(
            db.fetch_val::<TimestampTz>("SELECT at FROM held WHERE 'a:b' <> ''", ()).unwrap(),
            Some(moment),
            "as text"
        );
        // Whatever the zone, it is the same moment.
        let db = open(&scratch, "?time_zone=UTC");
        assert_eq!(db.fetch_val::<TimestampTz>("SELECT at FROM held", ()).unwrap(), Some(moment), "{zone}");
    }
    // Without one, MariaDB refuses the offset in strict mode, and here it is refused where MariaDB would drop it.
    let db = open(&scratch, "");
    db.execute_script(create).unwrap();
    fails(ErrorKind::InvalidValue, db.execute("INSERT INTO held VALUES (?)", (moment,)));
    let db = open(&scratch, "?sql_mode=ANSI");
    let error = fails(ErrorKind::InvalidValue, db.execute("INSERT INTO held VALUES (?)", (moment,)));
    assert!(error.message().contains("time_zone"), "{error}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).unwrap(), Some(0));
    // What has no offset goes in as it is.
    let local: Timestamp = moment.timestamp();
    db.execute("INSERT INTO held VALUES (?)", (local,)).unwrap();
    assert_eq!(db.fetch_val::<Timestamp>("SELECT at FROM held", ()).unwrap(), Some(local));
}

#[test]
fn text_that_is_not_utf8_is_an_error_that_names_its_column() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let query = "SELECT 'fine' AS a, CONVERT(x'ff' USING binary) AS b UNION ALL SELECT 'also', x'fe'";
    assert_eq!(db.fetch_all(query, ()).unwrap().column::<Vec<u8>>(1).unwrap(), [vec![0xff], vec![0xfe]]);
    // A server that says one thing and sends another.
    db.execute("SET character_set_results = NULL", ()).unwrap();
    db.connection()
        .unwrap()
        .run(|session| {
            session.execute("SET character_set_results = NULL", ())?;
            let error =
                fails(ErrorKind::Conversion, session.fetch_all("SELECT 1, _latin1 x'e9' AS odd FROM seq_1_to_9", ()));
            assert!(error.message().contains("\"odd\"") && error.message().contains("CAST"), "{error}");
            // The rows behind it were read away.
            assert_eq!(session.fetch_val("SELECT 1", ())?, Some(1));
            Ok(())
        })
        .unwrap();
}

#[test]
fn nothing_is_lost_on_the_way_in() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script("CREATE TABLE held (i TINYINT, t VARCHAR(3), d DECIMAL(5, 2), y DATE)").unwrap();
    let refused = |column: &str, value: Value| {
        fails(ErrorKind::InvalidValue, db.execute(format!("INSERT INTO held ({column}) VALUES (?)"), (value,)))
    };
    refused("i", Value::I64(128));
    refused("t", Value::Text("four".into()));
    refused("d", Value::Decimal(parsed("1000")));
    refused("d", Value::F64(f64::NAN));
    refused("y", Value::Text("2023-02-29".into()));
    refused("y", Value::Date(Date::INFINITY));
    refused("t", Value::Array(vec![]));
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).unwrap(), Some(0));
}

/// What a column has no digits for is the server's to round or to cut, and no error: clocks tell nanoseconds.
#[test]
fn a_time_that_is_finer_than_its_column_is_stored_as_the_server_does_it() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script("CREATE TABLE t (a DATETIME(6), b DATETIME, c TIME(3), d TIMESTAMP(6) NULL)").unwrap();
    let now = timestamp("2024-02-29 23:59:58.123456789");
    let clock = Value::Time(parsed("23:59:58.123456789"));
    let values = (now.clone(), now.clone(), clock, now);
    db.execute("INSERT INTO t VALUES (?, ?, ?, ?)", values.clone()).unwrap();
    db.bulk_insert("t", &["a", "b", "c", "d"], [values]).unwrap();
    let rows =
        db.fetch_all("SELECT CAST(a AS CHAR), CAST(b AS CHAR), CAST(c AS CHAR), CAST(d AS CHAR) FROM t", ()).unwrap();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let (a, b, c, d): (String, String, String, String) = row.decode().unwrap();
        // MariaDB cuts, unless its mode says TIME_ROUND_FRACTIONAL.
        assert_eq!((a.as_str(), b.as_str()), ("2024-02-29 23:59:58.123456", "2024-02-29 23:59:58"));
        assert_eq!((c.as_str(), d.as_str()), ("23:59:58.123", "2024-02-29 23:59:58.123456"));
    }
}
