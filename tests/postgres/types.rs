//! Every type both ways: read in the server's binary form and in its text form, sent as a parameter and by COPY.

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Interval, Kind, Time, Timestamp, TimestampTz, Value};
use pontoon::{ErrorKind, params};

use crate::{open, server};

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse::<Decimal>().expect("a number"))
}

fn date(text: &str) -> Value {
    Value::Date(text.parse::<Date>().expect("a date"))
}

fn timestamp(text: &str) -> Value {
    Value::Timestamp(text.parse::<Timestamp>().expect("a timestamp"))
}

fn moment(text: &str) -> Value {
    Value::TimestampTz(text.parse::<TimestampTz>().expect("a moment"))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn other(type_name: &str, text: &str) -> Value {
    Value::Other { type_name: type_name.into(), text: text.into() }
}

/// Type, literal, what is read.
fn table() -> Vec<(&'static str, &'static str, Value)> {
    let long = "12345678901234567890123456789012345678901234567890.00000000000000000000000000000000000000000000012300";
    vec![
        ("boolean", "true", Value::Bool(true)),
        ("boolean", "false", Value::Bool(false)),
        ("smallint", "-32768", Value::I64(-32768)),
        ("integer", "2147483647", Value::I64(2_147_483_647)),
        ("bigint", "-9223372036854775808", Value::I64(i64::MIN)),
        ("oid", "4294967295", Value::I64(4_294_967_295)),
        ("real", "1.5", Value::F32(1.5)),
        ("real", "-Infinity", Value::F32(f32::NEG_INFINITY)),
        ("double precision", "0.1", Value::F64(0.1)),
        ("double precision", "1e308", Value::F64(1e308)),
        ("double precision", "Infinity", Value::F64(f64::INFINITY)),
        ("numeric", "0", decimal("0")),
        ("numeric", "1.10", decimal("1.10")),
        ("numeric", "-0.0001", decimal("-0.0001")),
        ("numeric", "10000", decimal("10000")),
        ("numeric", long, decimal(long)),
        ("numeric", "NaN", decimal("NaN")),
        ("numeric", "Infinity", decimal("Infinity")),
        ("numeric", "-Infinity", decimal("-Infinity")),
        ("numeric(10,3)", "1.5", decimal("1.500")),
        ("text", "", text("")),
        ("text", "a\\b\t\n\r\"'ü\u{1F600}", text("a\\b\t\n\r\"'ü\u{1F600}")),
        ("varchar(5)", "abc", text("abc")),
        ("char(5)", "abc", text("abc  ")),
        ("name", "abc", text("abc")),
        ("\"char\"", "x", text("x")),
        ("bytea", "\\x", Value::Bytes(vec![])),
        ("bytea", "\\x00ff5c27", Value::Bytes(vec![0, 0xff, 0x5c, 0x27])),
        ("date", "2024-02-29", date("2024-02-29")),
        ("date", "infinity", Value::Date(Date::INFINITY)),
        ("date", "-infinity", Value::Date(Date::NEG_INFINITY)),
        ("date", "0044-03-15 BC", date("0044-03-15 BC")),
        ("date", "5874897-12-31", date("5874897-12-31")),
        ("time", "23:59:59.999999", Value::Time("23:59:59.999999".parse::<Time>().expect("a time"))),
        ("time", "24:00:00", Value::Time(Time::END_OF_DAY)),
        ("timestamp", "2024-02-29 12:34:56.789012", timestamp("2024-02-29 12:34:56.789012")),
        ("timestamp", "1969-12-31 23:59:59.999999", timestamp("1969-12-31 23:59:59.999999")),
        ("timestamp", "infinity", Value::Timestamp(Timestamp::INFINITY)),
        ("timestamp", "-infinity", Value::Timestamp(Timestamp::NEG_INFINITY)),
        ("timestamp", "0044-03-15 01:02:03 BC", timestamp("0044-03-15 01:02:03 BC")),
        ("timestamptz", "2024-02-29 12:34:56.789012+02", moment("2024-02-29 10:34:56.789012+00")),
        ("timestamptz", "infinity", Value::TimestampTz(TimestampTz::INFINITY)),
        ("timestamptz", "-infinity", Value::TimestampTz(TimestampTz::NEG_INFINITY)),
        ("interval", "1 year 2 mons 3 days 04:05:06.789", Value::Interval(Interval::new(14, 3, 14_706_789_000_000))),
        ("interval", "-1 mon +2 days -00:00:01", Value::Interval(Interval::new(-1, 2, -1_000_000_000))),
        (
            "uuid",
            "00112233-4455-6677-8899-aabbccddeeff",
            Value::Uuid([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]),
        ),
        ("json", "{\"a\":  [1, 2.50]}", Value::Json("{\"a\":  [1, 2.50]}".into())),
        ("jsonb", "{\"a\":  [1, 2.50]}", Value::Json("{\"a\": [1, 2.50]}".into())),
        ("mood", "sad", text("sad")),
        ("positive", "7", Value::I64(7)),
        ("integer[]", "{}", Value::Array(vec![])),
        ("integer[]", "{1,NULL,-3}", Value::Array(vec![Value::I64(1), Value::Null(Kind::I64), Value::I64(-3)])),
        (
            "integer[]",
            "{{1,2},{3,4}}",
            Value::Array(vec![
                Value::Array(vec![Value::I64(1), Value::I64(2)]),
                Value::Array(vec![Value::I64(3), Value::I64(4)]),
            ]),
        ),
        (
            "text[]",
            "{a,\"b c\",\"NULL\",\"\\\"\\\\\"}",
            Value::Array(vec![text("a"), text("b c"), text("NULL"), text("\"\\")]),
        ),
        ("numeric[]", "{1.10,NaN}", Value::Array(vec![decimal("1.10"), decimal("NaN")])),
        ("timestamptz[]", "{2024-02-29 12:34:56+02}", Value::Array(vec![moment("2024-02-29 10:34:56+00")])),
        ("bytea[]", "{\"\\\\x00ff\"}", Value::Array(vec![Value::Bytes(vec![0, 0xff])])),
        ("mood[]", "{sad,happy}", Value::Array(vec![text("sad"), text("happy")])),
        ("timetz", "12:34:56+02", other("timetz", "12:34:56+02")),
        ("inet", "192.168.0.1/24", other("inet", "192.168.0.1/24")),
        ("cidr", "10.0.0.0/8", other("cidr", "10.0.0.0/8")),
        ("macaddr", "08:00:2b:01:02:03", other("macaddr", "08:00:2b:01:02:03")),
        ("bit(4)", "1010", other("bit", "1010")),
        ("varbit", "10101", other("varbit", "10101")),
        ("money", "12.34", other("money", "$12.34")),
        ("xml", "<a/>", other("xml", "<a/>")),
        ("int4range", "[1,5)", other("int4range", "[1,5)")),
        ("tstzrange", "[2024-01-01 00:00:00+00,)", other("tstzrange", "[\"2024-01-01 00:00:00+00\",)")),
        ("point", "(1,2)", other("point", "(1,2)")),
        ("tsvector", "'a' 'b'", other("tsvector", "'a' 'b'")),
        ("pair", "(1,\"a b\")", other("pair", "(1,\"a b\")")),
        ("pg_lsn", "16/B374D848", other("pg_lsn", "16/B374D848")),
        ("aclitem", "app=r/app", other("aclitem", "app=r/app")),
        ("integer[]", "[0:1]={1,2}", other("_int4", "[0:1]={1,2}")),
    ]
}

const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE TYPE pair AS (a integer, b text);";

/// NaN equals nothing, so what is equal is what is shown alike.
fn assert_same(read: &Value, expected: &Value, what: &str) {
    assert_eq!(format!("{read:?}"), format!("{expected:?}"), "{what}");
}

#[test]
fn every_type_is_read_in_both_forms_and_sent_both_ways() {
    let database = server!().database();
    let db = open(&database, "options=-c%20TimeZone%3DUTC");
    db.execute_script(TYPES).unwrap();
    for (ty, literal, expected) in table() {
        let what = format!("{literal} :: {ty}");
        let quoted = literal.replace('\'', "''").replace('\\', "\\\\");
        let read =
            |sql: String| db.fetch_one(sql, ()).unwrap_or_else(|error| panic!("{what}: {error}")).expect("a row");
        let row = read(format!("SELECT E'{quoted}'::{ty} AS v"));
        assert_same(&row.get::<Value>("v").unwrap(), &expected, &what);
        // A column of a type without a binary form here makes the whole result text.
        let row = read(format!("SELECT E'{quoted}'::{ty} AS v, '::1'::inet AS beside"));
        assert_same(&row.get::<Value>("v").unwrap(), &expected, &format!("{what} as text"));
        db.execute_script(&format!("DROP TABLE IF EXISTS held; CREATE TABLE held (id serial, v {ty})")).unwrap();
        // A statement that is kept has the types of parameters of the time when it was prepared.
        let insert = format!("INSERT INTO held (v) VALUES (?) -- {ty}");
        // Its own value, and its text.
        db.execute(&insert, (expected.clone(),)).unwrap_or_else(|error| panic!("{what}: {error}"));
        db.execute(&insert, (literal,)).unwrap_or_else(|error| panic!("{what}: {error}"));
        db.execute(&insert, (None::<i64>,)).unwrap();
        let loaded = db.bulk_insert("held", &["v"], [(expected.clone(),), (Value::NULL,)]);
        assert_eq!(loaded.unwrap_or_else(|error| panic!("{what} by COPY: {error}")).rows, 2);
        let values: Vec<Value> = db.fetch_all("SELECT v FROM held ORDER BY id", ()).unwrap().column(0).unwrap();
        for at in [0, 1, 3] {
            assert_same(&values[at], &expected, &format!("{what} back, number {at}"));
        }
        assert!(values[2].is_null() && values[4].is_null(), "{what}");
        // The kind of a column is that of its values, and NULL has it too.
        assert_eq!(values[2].kind(), if matches!(ty, "integer[]") { Kind::Array } else { expected.kind() }, "{what}");
    }
    // On a server there are types that nobody has thought of.
    let row = db.fetch_one("SELECT relacl, oid FROM pg_class WHERE relname = 'pg_class'", ()).unwrap().expect("a row");
    assert_eq!(row.get::<Value>(0).unwrap().kind(), Kind::Array);
}

#[test]
fn what_would_lose_something_is_refused_before_it_is_sent() {
    let database = server!().database();
    let db = open(&database, "");
    let cases: Vec<(&str, Value, &str)> = vec![
        ("smallint", Value::I64(40_000), "out of the range"),
        ("integer", Value::U64(u64::MAX), "out of the range"),
        ("bigint", Value::U64(u64::MAX), "out of the range"),
        ("integer", Value::F64(1.5), "no whole number"),
        ("integer", decimal("1.5"), "no whole number"),
        ("integer", Value::Bool(true), "BOOLEAN is no int4"),
        ("boolean", Value::I64(1), "INTEGER is no bool"),
        ("double precision", Value::I64((1 << 53) + 1), "round"),
        ("double precision", decimal("0.1000000000000000000000001"), "round"),
        ("real", Value::F64(0.1), "round"),
        ("text", Value::Bytes(vec![1]), "bytes are no text"),
        ("bytea", Value::I64(1), "INTEGER is no bytea"),
        ("date", timestamp("2024-01-01 00:00:01"), "TIMESTAMP is no date"),
        ("timestamptz", timestamp("2024-01-01 00:00:00"), "no offset"),
        ("timestamp", moment("2024-01-01 00:00:00+00"), "is no timestamp"),
        ("date", Value::Date(Date::ZERO), "no day"),
        ("integer[]", Value::Array(vec![Value::I64(1 << 40)]), "element 0"),
        ("integer", Value::Array(vec![Value::I64(1)]), "ARRAY is no int4"),
        ("uuid", Value::Bytes(vec![0; 16]), "BYTES is no uuid"),
    ];
    for (ty, value, says) in cases {
        let error = db.fetch_all(format!("SELECT ?::{ty}"), (value.clone(),)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conversion, "{value:?} as {ty}: {error}");
        assert!(error.message().contains(says) && error.message().contains("parameter 1"), "{error}");
        assert_eq!(error.effect(), pontoon::Effect::NotSent);
        db.execute_script(&format!("DROP TABLE IF EXISTS held; CREATE TABLE held (v {ty})")).unwrap();
        let error = db.bulk_insert("held", &["v"], [(Value::NULL,), (value.clone(),)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conversion, "{value:?} as {ty}: {error}");
        assert!(error.message().contains(says) && error.message().contains("\"v\" of row 1"), "{error}");
    }
    let error = db.fetch_all("SELECT ?::text", ("a\0b",)).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::NulInText, pontoon::Effect::NotSent), "{error}");
    let error = db.fetch_all("SELECT :n::integer", params! { n: "seven" }).unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::InvalidValue, Some("22P02")), "{error}");
}

#[test]
fn values_go_where_nothing_is_lost() {
    let database = server!().database();
    let db = open(&database, "");
    for (ty, value, expected) in [
        ("smallint", Value::U64(7), "7"),
        ("integer", decimal("7.00"), "7"),
        ("bigint", Value::F64(7.0), "7"),
        ("numeric", Value::F64(0.1), "0.1"),
        ("numeric", Value::U64(u64::MAX), "18446744073709551615"),
        ("double precision", decimal("0.1"), "0.1"),
        ("real", decimal("0.1"), "0.1"),
        ("text", Value::I64(7), "7"),
        ("text", Value::Bool(true), "true"),
        ("text", Value::Uuid([0; 16]), "00000000-0000-0000-0000-000000000000"),
        ("timestamp", date("2024-02-29"), "2024-02-29 00:00:00"),
        ("date", timestamp("2024-02-29 00:00:00"), "2024-02-29"),
        ("inet", text("::1"), "::1/128"),
        ("money", Value::I64(7), "$7.00"),
    ] {
        let read: Option<String> = db.fetch_val(format!("SELECT (?::{ty})::text"), (value.clone(),)).unwrap();
        assert_eq!(read.as_deref(), Some(expected), "{value:?} as {ty}");
    }
}

/// Clocks tell nanoseconds, and the server keeps microseconds. Whichever way a time goes in, it is what the server makes of
/// its text.
#[test]
fn a_time_is_rounded_to_the_microsecond_as_the_server_rounds_its_text() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute_script("CREATE TABLE held (t timestamp, z timestamptz, d time, i interval, a timestamp[], n inet)")
        .unwrap();
    let days = ["2024-02-29", "1999-12-31", "1969-07-20", "0001-01-01"];
    let fractions = [
        "000000001",
        "000000499",
        "000000500",
        "000000501",
        "000001500",
        "000002500",
        "123456789",
        "999999499",
        "999999500",
        "999999999",
    ];
    for (day, fraction) in days.iter().flat_map(|day| fractions.map(|fraction| (day, fraction))) {
        let (clock, moment_text) = (format!("23:59:59.{fraction}"), format!("{day} 23:59:59.{fraction}"));
        let t = timestamp(&moment_text);
        let z = moment(&format!("{moment_text}+00"));
        let d = Value::Time(clock.parse::<Time>().expect("a time"));
        let nanos: i64 = fraction.parse().expect("digits");
        for sign in [1, -1] {
            // Half a microsecond is a matter of the server's floats, for spans alone.
            let nanos = if nanos % 1000 == 500 { nanos + 1 } else { nanos };
            let i = Value::Interval(Interval::new(0, 0, sign * nanos));
            let span = format!("{}0.{nanos:09} seconds", if sign < 0 { "-" } else { "" });
            let a = Value::Array(vec![t.clone()]);
            db.execute("DELETE FROM held", ()).unwrap();
            db.execute(
                "INSERT INTO held VALUES (:t::text::timestamp, :z::text::timestamptz, :d::text::time, :i::text::interval, \
                 ARRAY[:t::text::timestamp])",
                params! { t: &moment_text, z: format!("{moment_text}+00"), d: &clock, i: span },
            )
            .unwrap();
            let values = params! { t: t.clone(), z: z.clone(), d: d.clone(), i: i.clone(), a: a.clone() };
            db.execute("INSERT INTO held VALUES (:t, :z, :d, :i, :a)", values).unwrap();
            // In binary form, and as text.
            db.bulk_insert("held", &["t", "z", "d"], [(t.clone(), z.clone(), d.clone())]).unwrap();
            let row = (t.clone(), z.clone(), d.clone(), i, a, Value::NULL);
            db.bulk_insert("held", &["t", "z", "d", "i", "a", "n"], [row]).unwrap();
            let kinds: Vec<String> =
                db.fetch_all("SELECT DISTINCT concat_ws(' ', t, z, d) FROM held", ()).unwrap().column(0).unwrap();
            assert_eq!(kinds.len(), 1, "{moment_text}: {kinds:?}");
            let kinds: Vec<String> = db
                .fetch_all("SELECT DISTINCT concat_ws(' ', i, a) FROM held WHERE i IS NOT NULL", ())
                .unwrap()
                .column(0)
                .unwrap();
            assert_eq!(kinds.len(), 1, "{moment_text}, {sign}: {kinds:?}");
        }
    }
    // What was stored is found by the very value that it was stored as.
    let now = timestamp("2024-02-29 12:00:00.123456789");
    db.execute("INSERT INTO held (t) VALUES (?)", (now.clone(),)).unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE t = ?", (now,)).unwrap(), Some(1));
}
