//! Values, both ways.

use pontoon::driver::BulkPath;
use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Kind, Time, Timestamp, TimestampTz, Value};
use pontoon::{Effect, ErrorKind};
use rusqlite::types::Value as Wire;

use crate::kit::tds::{Asked, Type, text};
use crate::support::{Way, fails, on_each};

/// A column of each type.
const HELD: &str = "CREATE TABLE held (id INT PRIMARY KEY, b BIT, i BIGINT, f FLOAT, n DECIMAL(38, 10), t NVARCHAR(MAX), \
                    y VARBINARY(MAX), d DATE, h TIME(7), s DATETIME2(7), z DATETIMEOFFSET(7), u UNIQUEIDENTIFIER)";

const INSERT: &str = "INSERT INTO held VALUES (:id, :b, :i, :f, :n, :t, :y, :d, :h, :s, :z, :u)";

const ID: [u8; 16] = [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00];

fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect(text)
}

#[test]
fn each_value_goes_as_its_own_type_and_comes_back() {
    on_each(|place| {
        let db = place.open_with(HELD);
        let number: Decimal = parse("-12345678901234567890.0123456789");
        let (date, time): (Date, Time) = (parse("2024-02-29"), parse("23:59:58"));
        let (moment, stamp): (TimestampTz, Timestamp) =
            (parse("1999-12-31 23:59:59.999999-05:30"), parse("9999-12-31 23:59:59.999999"));
        db.execute(
            INSERT,
            params! {
                id: 1, b: true, i: i64::MIN, f: 0.1_f64 + 0.2, n: number.clone(), t: "ä😀\u{10FFFF}", y: vec![0_u8, 255, 1],
                d: date, h: time, s: stamp, z: moment, u: Value::Uuid(ID),
            },
        )
        .expect("a row");
        // Typed as SQL Server has it, text as UTF-16, and never one as another's text but where ODBC has no type for it.
        let given = place.given_to("INSERT INTO held");
        let expected = [
            ("@P1", Type::BigInt, Wire::Integer(1)),
            ("@P2", Type::Bit, Wire::Integer(1)),
            ("@P3", Type::BigInt, Wire::Integer(i64::MIN)),
            ("@P4", Type::Float, Wire::Real(0.1 + 0.2)),
            ("@P5", Type::Decimal(30, 10), text("-12345678901234567890.0123456789")),
            ("@P6", Type::NVarchar(Some(5)), text("ä😀\u{10FFFF}")),
            ("@P7", Type::Varbinary(Some(3)), Wire::Blob(vec![0, 255, 1])),
            ("@P8", Type::Date, text("2024-02-29")),
            ("@P9", Type::Time(7), text("23:59:58.0000000")),
            ("@P10", Type::DateTime2(7), text("9999-12-31 23:59:59.9999990")),
            ("@P11", Type::NVarchar(Some(32)), text("1999-12-31 23:59:59.999999-05:30")),
            ("@P12", Type::NVarchar(Some(36)), text("123e4567-e89b-12d3-a456-426614174000")),
        ];
        for (given, (name, kind, value)) in given.iter().zip(&expected) {
            assert_eq!((given.name.as_str(), &given.value), (*name, value), "{given:?}");
            if place.way == Way::FreeTds {
                assert_eq!(given.kind, *kind, "{given:?}");
            }
        }
        assert_eq!(given.len(), expected.len());

        let rows = db.fetch_all("SELECT b, i, f, n, t, y, d, h, s, z, u FROM held", ()).expect("rows");
        let row = rows.get(0).expect("a row");
        assert!(row.get::<bool>("b").expect("b"));
        assert_eq!(row.get::<i64>("i").expect("i"), i64::MIN);
        assert_eq!(row.get::<f64>("f").expect("f"), 0.1 + 0.2);
        assert_eq!(row.get::<Decimal>("n").expect("n"), number);
        assert_eq!(row.get::<String>("t").expect("t"), "ä😀\u{10FFFF}");
        assert_eq!(row.get::<Vec<u8>>("y").expect("y"), [0, 255, 1]);
        assert_eq!(row.get::<Date>("d").expect("d"), date);
        assert_eq!(row.get::<Time>("h").expect("h"), time);
        assert_eq!(row.get::<Timestamp>("s").expect("s"), stamp);
        assert_eq!(row.get::<TimestampTz>("z").expect("z"), moment);
        assert_eq!(row.get::<Value>("u").expect("u"), Value::Uuid(ID));
    });
}

/// FreeTDS takes a year of two digits, in a text, for one of the last or of this century.
#[test]
fn a_year_is_the_year_that_it_was_however_long_ago() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (d DATE, s DATETIME2(7))");
        for year in [1, 49, 50, 99, 100, 999, 1000, 1582, 1752, 1753, 9999] {
            let date: Date = parse(&format!("{year:04}-12-31"));
            let stamp: Timestamp = parse(&format!("{year:04}-01-01 12:34:56.123456"));
            db.execute("DELETE FROM held", ()).expect("empty");
            db.execute("INSERT INTO held VALUES (?, ?)", (date, stamp)).expect("a row");
            db.bulk_insert("held", &["d", "s"], [(date, stamp), (date, stamp)]).expect("rows");
            let back: Vec<(Date, Timestamp)> = db.fetch_all_as("SELECT d, s FROM held", ()).expect("rows");
            assert_eq!(back, [(date, stamp); 3]);
        }
    });
}

#[test]
fn null_is_null_in_every_column_and_keeps_its_type() {
    on_each(|place| {
        let db = place.open_with(HELD);
        db.execute(
            INSERT,
            params! {
                id: 1, b: Value::Null(Kind::Bool), i: Value::Null(Kind::I64), f: Value::Null(Kind::F64),
                n: Value::Null(Kind::Decimal), t: None::<&str>, y: None::<Vec<u8>>, d: Value::Null(Kind::Date),
                h: Value::Null(Kind::Time), s: Value::Null(Kind::Timestamp), z: Value::Null(Kind::TimestampTz),
                u: Value::Null(Kind::Uuid),
            },
        )
        .expect("a row");
        let given = place.given_to("INSERT INTO held");
        assert!(given[1..].iter().all(|given| given.value == Wire::Null), "{given:?}");
        // A server converts a NULL as it would a value: text never becomes bytes by itself.
        let is_bytes = |kind| matches!(kind, Type::Varbinary(_) | Type::Image);
        assert!(is_bytes(given[6].kind), "{:?}", given[6]);
        if place.way == Way::FreeTds {
            let kinds: Vec<Type> = given[1..].iter().map(|given| given.kind).collect();
            assert_eq!(kinds[..3], [Type::Bit, Type::BigInt, Type::Float]);
            assert!(matches!(kinds[3], Type::Decimal(38, 0)), "{kinds:?}");
            assert_eq!(kinds[6..9], [Type::Date, Type::Time(7), Type::DateTime2(7)]);
        }
        let row = db.fetch_one("SELECT b, i, f, n, t, y, d, h, s, z, u FROM held", ()).expect("rows").expect("a row");
        for column in 0..11 {
            assert!(row.get::<Value>(column).expect("a value").is_null(), "{column}");
        }
    });
}

#[test]
fn what_is_long_is_never_cut() {
    on_each(|place| {
        let db = place.open_with(&format!("{HELD}; CREATE TABLE brief (t NVARCHAR(20), y VARBINARY(20))"));
        // Across the borders of SQL Server's bounded types, of packets, and of the buffers on our side.
        for length in [0, 1, 3999, 4000, 4001, 7999, 8000, 8001, 70_000] {
            let long = "ä".repeat(length);
            let pairs = "😀".repeat(length);
            let blob: Vec<u8> = (0..=255_u8).cycle().take(length).collect();
            db.execute("DELETE FROM held", ()).expect("empty");
            db.execute("INSERT INTO held (id, t, y) VALUES (1, ?, ?)", (&long, &blob)).expect("a row");
            db.execute("INSERT INTO held (id, t) VALUES (2, ?)", (&pairs,)).expect("a row");
            let rows = db.fetch_all("SELECT t, y FROM held ORDER BY id", ()).expect("rows");
            let text = |row: usize| rows.get(row).expect("a row").get::<String>("t").expect("t");
            assert!(text(0) == long, "{length} characters");
            assert!(text(1) == pairs, "{length} pairs");
            assert!(rows.get(0).expect("a row").get::<Vec<u8>>("y").expect("y") == blob, "{length} bytes");
        }
        // In blocks: columns are announced with the size that they were declared with.
        let rows = (0..600).map(|number| ("😀".repeat(number % 11), vec![7_u8; number % 21]));
        db.execute_many("INSERT INTO brief VALUES (?, ?)", rows.clone()).expect("rows");
        let back: Vec<(String, Vec<u8>)> = db.fetch_all_as("SELECT t, y FROM brief", ()).expect("rows");
        assert!(back.into_iter().eq(rows));
    });
}

#[test]
fn text_is_bound_wide_in_each_way_of_sending_it() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY, t NVARCHAR(20))");
        db.execute("INSERT INTO held VALUES (1, ?)", ("😀",)).expect("one");
        db.execute_many("INSERT INTO held VALUES (?, ?)", [(2, "😀"), (3, "ß")]).expect("many");
        db.bulk_insert("held", &["id", "t"], [(4, Some("日本語")), (5, None)]).expect("bulk");
        let texts: Vec<_> = place.server.asked();
        let narrow = texts.iter().any(|asked| match asked {
            Asked::Procedure(_, _, given) => given
                .iter()
                .any(|given| matches!(given.kind, Type::Varchar(_) | Type::Text) && given.value != Wire::Null),
            _ => false,
        });
        assert!(!narrow, "{texts:#?}");
        let back: Vec<(Option<String>,)> = db.fetch_all_as("SELECT t FROM held ORDER BY id", ()).expect("rows");
        let expected = [Some("😀"), Some("😀"), Some("ß"), Some("日本語"), None];
        assert_eq!(back.iter().map(|(text,)| text.as_deref()).collect::<Vec<_>>(), expected);
        // The text of a statement is UTF-16 on the wire whatever it is made of.
        assert_eq!(db.fetch_val("SELECT N'ä😀'", ()).expect("a text"), Some("ä😀".to_owned()));
        assert_eq!(
            db.fetch_val("SELECT t FROM held WHERE t = N'日本語'", ()).expect("a text"),
            Some("日本語".to_owned())
        );
    });
}

#[test]
fn a_nul_is_refused_before_anything_is_sent() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (t NVARCHAR(20))");
        let error = fails(ErrorKind::NulInText, db.execute("INSERT INTO held VALUES (?)", ("a\0b",)));
        assert_eq!(error.effect(), Effect::NotSent);
        let error = fails(ErrorKind::NulInText, db.execute("INSERT INTO held VALUES ('a\0b')", ()));
        assert_eq!(error.effect(), Effect::NotSent);
        let error = fails(ErrorKind::NulInText, db.bulk_insert("held", &["t"], [("fine",), ("a\0b",)]));
        assert_eq!(error.effect(), Effect::NotSent);
        assert_eq!(
            place.server.asked_with("INSERT").iter().filter(|asked| matches!(asked, Asked::Batch(_))).count(),
            0
        );
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(0));
    });
}

#[test]
fn what_a_statement_changed_is_counted_and_keys_come_by_output() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT IDENTITY PRIMARY KEY, t NVARCHAR(20))");
        for expected in 1..=3 {
            let done = db.execute("INSERT INTO held (t) VALUES (?)", ("x",)).expect("a row");
            assert_eq!((done.rows_affected, done.last_insert_id), (1, None), "SQL Server tells keys by OUTPUT");
            assert_eq!(db.fetch_val::<i64>("SELECT max(id) FROM held", ()).expect("a key"), Some(expected));
        }
        let key = db.fetch_val("INSERT INTO held (t) OUTPUT INSERTED.id VALUES (?)", ("y",)).expect("a key");
        assert_eq!(key, Some(4_i64));
        assert_eq!(db.execute("UPDATE held SET t = 'z' WHERE id > 2", ()).expect("two").rows_affected, 2);
        assert_eq!(db.execute("DELETE FROM held WHERE id > 7", ()).expect("none").rows_affected, 0);
        assert_eq!(db.execute("DELETE FROM held", ()).expect("all").rows_affected, 4);
    });
}

/// A cancel that comes while a write has not ended takes the write back.
#[test]
fn a_write_whose_rows_nobody_reads_any_further_is_not_cancelled() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY, t NVARCHAR(MAX))");
        let long = "x".repeat(4000);
        let numbers = (0..300).map(|id| (id, &long));
        db.bulk_insert("held", &["id", "t"], numbers).expect("rows");
        place.server.forget();
        let first = db.fetch_val::<i64>("UPDATE held SET id = id + 1000 OUTPUT INSERTED.id, INSERTED.t", ());
        assert!(first.expect("a key").is_some());
        let changed = db.fetch_val::<i64>("SELECT count(*) FROM held WHERE id >= 1000", ()).expect("a count");
        assert_eq!(changed, Some(300));
        assert!(!place.server.asked().contains(&Asked::Attention), "{:#?}", place.texts());
    });
}

/// It would be a round trip more for each.
#[test]
fn a_result_of_one_row_costs_no_cancel() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY)");
        let tx = db.begin().expect("a transaction");
        assert_eq!(tx.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(0));
        assert!(tx.fetch_one("SELECT id FROM held", ()).expect("none").is_none());
        tx.commit().expect("committed");
        db.fetch_one("SELECT count(*) FROM held", ()).expect("a row");
        assert!(!place.server.asked().contains(&Asked::Attention), "{:#?}", place.server.asked());
    });
}

#[test]
fn rows_are_loaded_as_arrays_in_one_message() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY, n DECIMAL(10, 2), y VARBINARY(MAX))");
        let rows =
            (0..1000_i64).map(|id| (id, parse::<Decimal>(&format!("{id}.25")), (id % 3 > 0).then(|| vec![id as u8])));
        let report = db.bulk_insert("held", &["id", "n", "y"], rows.clone()).expect("a load");
        assert_eq!((report.rows, report.path), (1000, BulkPath::Arrays));
        let back: Vec<(i64, Decimal, Option<Vec<u8>>)> =
            db.fetch_all_as("SELECT id, n, y FROM held ORDER BY id", ()).expect("rows");
        assert!(back.into_iter().eq(rows));
        // All or none.
        fails(ErrorKind::UniqueViolation, db.bulk_insert("held", &["id"], (995..1005_i64).map(|id| (id,))));
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(1000));
    });
}

#[test]
fn many_sets_go_in_one_message_and_the_one_that_fails_is_named() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY, t NVARCHAR(20), y VARBINARY(20))");
        let sets = |ids: std::ops::Range<i64>| ids.map(|id| params! { id, t: "x", y: None::<Vec<u8>> });
        let insert = "INSERT INTO held VALUES (:id, :t, :y)";
        assert_eq!(db.execute_many(insert, sets(0..100)).expect("rows"), 100);
        // Every set is what it changed, and not only the last one.
        let update = "UPDATE held SET t = 'y' WHERE id < ?";
        assert_eq!(db.execute_many(update, [(3,), (0,), (5,), (1000,)]).expect("rows"), 108);
        assert_eq!(db.execute_many("DELETE FROM held WHERE id = ?", [(1,), (1,), (2,)]).expect("rows"), 2);
        let error = fails(ErrorKind::UniqueViolation, db.execute_many(insert, sets(90..110)));
        assert!(error.message().starts_with("set 0: "), "{error:?}");
        let one_of_them = [200, 201, 99, 202].map(|id| params! { id, t: "x", y: None::<Vec<u8>> });
        let error = fails(ErrorKind::UniqueViolation, db.execute_many(insert, one_of_them));
        assert!(error.message().starts_with("set 2: "), "{error:?}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(98), "all or none");
        // Values of another type begin another array, and none is bound as what it is not.
        place.server.forget();
        db.execute_many(
            "INSERT INTO held (id, t) VALUES (?, ?)",
            [(300, Value::from("a")), (301, 7.into()), (302, 8.into())],
        )
        .expect("rows");
        let kinds: Vec<Type> = place
            .server
            .asked_with("INSERT INTO held")
            .into_iter()
            .filter_map(|asked| match asked {
                Asked::Procedure(_, _, given) => given.get(1).map(|given| given.kind),
                _ => None,
            })
            .collect();
        if place.way == Way::FreeTds {
            assert_eq!(kinds, [Type::NVarchar(Some(1)), Type::BigInt, Type::BigInt]);
        }
    });
}

/// Also where a whole column of an array is NULL.
#[test]
fn a_column_of_nulls_keeps_its_type_in_an_array() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (b BIT, i BIGINT, f FLOAT, y VARBINARY(20), t NVARCHAR(20))");
        let row = || (None::<bool>, None::<i64>, None::<f64>, None::<Vec<u8>>, None::<String>);
        db.bulk_insert("held", &["b", "i", "f", "y", "t"], [row(), row()]).expect("rows");
        let asked = place.server.asked_with("INSERT INTO");
        let given = asked.iter().find_map(|asked| match asked {
            Asked::Procedure(name, _, given) if name == "sp_execute" || name == "sp_prepexec" => Some(given),
            _ => None,
        });
        let kinds: Vec<Type> = given.expect("it was run").iter().map(|given| given.kind).collect();
        if place.way == Way::FreeTds {
            assert_eq!(kinds[..3], [Type::Bit, Type::BigInt, Type::Float], "{kinds:?}");
        }
        assert!(matches!(kinds[3], Type::Varbinary(_)), "{kinds:?}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held WHERE y IS NULL", ()).expect("a count"), Some(2));
    });
}
