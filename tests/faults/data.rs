//! Values, texts and results that are too large, too odd or meant to harm.

use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Effect, Error, ErrorKind};

use crate::kit::{LeakMeter, case, within};
use crate::support::{LONG, ends};

fn memory() -> Database {
    Database::builder().url("sqlite::memory:").pool_size(1).timeout(Some(LONG)).open().unwrap()
}

#[track_caller]
fn kind_of<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorKind, Effect) {
    let error = result.unwrap_err();
    (error.kind(), error.effect())
}

// ---- too much

#[test]
fn a_result_past_its_limit_is_an_error_and_costs_no_more_than_the_limit() {
    case!(|_| within(Duration::from_secs(50), || {
        let db = memory();
        // Three hundred megabytes, if anybody were to keep them.
        let large = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000) \
                     SELECT n, zeroblob(1024) FROM c";
        db.fetch_val::<i64>("SELECT 1", ()).unwrap();
        let meter = LeakMeter::start();
        let error = db.fetch_all(Query::new(large).max_bytes(8 << 20), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResultTooLarge);
        assert!(error.message().contains("max_bytes") && error.message().contains("iterate()"), "{error}");
        assert_eq!(db.fetch_all(Query::new(large).max_rows(1000), ()).unwrap_err().kind(), ErrorKind::ResultTooLarge);
        // As a stream it can be read, and holds little.
        assert_eq!(db.iterate(large, ()).unwrap().map(Result::unwrap).count(), 300_000);
        assert!(db.fetch_last(large, ()).unwrap().is_some());
        meter.assert_memory_within(64 << 20);
    }))
    .pass();
}

#[test]
fn limits_are_exact() {
    ends(|| {
        let db = memory();
        let ten = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT n FROM c";
        assert_eq!(db.fetch_all(Query::new(ten).max_rows(10), ()).unwrap().len(), 10);
        assert_eq!(kind_of(db.fetch_all(Query::new(ten).max_rows(9), ())).0, ErrorKind::ResultTooLarge);
        assert_eq!(kind_of(db.fetch_all(Query::new(ten).max_rows(0), ())).0, ErrorKind::ResultTooLarge);
        let rows: Vec<_> = db.iterate(Query::new(ten).max_rows(9), ()).unwrap().collect();
        assert_eq!(rows.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::ResultTooLarge);
        // In a transaction it is the result that is refused, and nothing else.
        let tx = db.begin().unwrap();
        tx.execute("CREATE TABLE t (n)", ()).unwrap();
        tx.fetch_all(Query::new(ten).max_rows(1), ()).unwrap_err();
        tx.commit().unwrap();
        assert!(db.has_table("t").unwrap());
    });
}

#[test]
fn values_that_are_too_large_are_refused_and_large_ones_are_whole() {
    ends(|| {
        let db = memory();
        db.execute("CREATE TABLE t (b)", ()).unwrap();
        let large: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        db.execute("INSERT INTO t VALUES (:b)", params! { b: large.clone() }).unwrap();
        assert_eq!(db.fetch_val::<Vec<u8>>("SELECT b FROM t", ()).unwrap().as_deref(), Some(&*large));
        let (kind, effect) = kind_of(db.fetch_all("SELECT zeroblob(2000000000)", ()));
        assert_eq!((kind, effect), (ErrorKind::Limit, Effect::NotApplied));
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
        assert_eq!(db.snapshot().counters.discarded, 0);
    });
}

#[test]
fn more_parameters_than_the_database_takes_are_never_sent() {
    ends(|| {
        let db = memory();
        let list: Vec<i64> = (0..70_000).collect();
        let many = db.fetch_all("SELECT 1 WHERE 1 IN (:list)", params! { list: list });
        assert_eq!(kind_of(many), (ErrorKind::Limit, Effect::NotSent));
        let slots = vec!["?"; 70_000].join(",");
        let values: Vec<Value> = (0..70_000).map(Value::I64).collect();
        let many = db.fetch_all(format!("SELECT 1 WHERE 1 IN ({slots})").as_str(), values);
        assert_eq!(kind_of(many).0, ErrorKind::Limit);
        let columns: Vec<String> = (0..3000).map(|n| format!("c{n}")).collect();
        let wide = db.execute(format!("CREATE TABLE wide ({})", columns.join(",")).as_str(), ());
        assert_eq!(kind_of(wide).0, ErrorKind::Limit);
        // As many as it takes it takes.
        let list: Vec<i64> = (0..30_000).collect();
        assert_eq!(db.fetch_val::<i64>("SELECT 1 WHERE 7 IN (:list)", params! { list: list }).unwrap(), Some(1));
    });
}

// ---- odd

#[test]
fn a_nul_is_kept_or_refused_and_never_cuts_anything_off() {
    ends(|| {
        let db = memory();
        db.execute("CREATE TABLE t (text TEXT, b BLOB)", ()).unwrap();
        db.execute("INSERT INTO t VALUES (:text, :b)", params! { text: "a\0b", b: vec![0_u8, 1, 0] }).unwrap();
        let row: (String, Vec<u8>) = db.fetch_one_as("SELECT text, b FROM t", ()).unwrap().unwrap();
        assert_eq!(row, ("a\0b".to_owned(), vec![0, 1, 0]));
        for sql in ["SELECT 1 \0; DROP TABLE t", "SELECT 'a\0b'", "\0SELECT 1"] {
            let result = db.fetch_all(sql, ());
            if let Err(error) = result {
                assert_eq!((error.kind(), error.effect()), (ErrorKind::NulInText, Effect::NotSent), "{sql:?}");
            } else {
                panic!("{sql:?} was taken");
            }
        }
        assert_eq!(kind_of(db.execute_script("INSERT INTO t VALUES (1, 2);\0DROP TABLE t")).0, ErrorKind::NulInText);
        let load = db.bulk_insert("t\0", &["text"], [("x",)]);
        assert!(matches!(kind_of(load), (ErrorKind::NulInText | ErrorKind::Syntax, Effect::NotSent)));
        let load = db.bulk_insert("t", &["text\0"], [("x",)]);
        assert!(matches!(kind_of(load), (ErrorKind::NulInText | ErrorKind::Syntax, Effect::NotSent)));
        assert!(!db.has_table("t\0").unwrap());
        assert_eq!(Database::new("sqlite:/tmp/a%00b.db").map(drop).unwrap_err().kind(), ErrorKind::Url);
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM t", ()).unwrap(), Some(1));
    });
}

#[test]
fn text_that_is_no_text_is_an_error_that_names_its_column() {
    ends(|| {
        let db = memory();
        let broken = "SELECT 1 AS fine, CAST(x'61ff62' AS TEXT) AS broken";
        let result = db
            .fetch_all(broken, ())
            .and_then(|rows| rows.into_iter().next().map_or(Ok(String::new()), |row| row.get::<String>("broken")));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conversion, "{error:?}");
        assert!(error.message().contains("broken") || error.message().contains("column 1"), "{error}");
        // What is really there can be had.
        let bytes: Option<Vec<u8>> = db.fetch_val("SELECT CAST(CAST(x'61ff62' AS TEXT) AS BLOB)", ()).unwrap();
        assert_eq!(bytes, Some(vec![0x61, 0xff, 0x62]));
        assert_eq!(db.snapshot().counters.discarded, 0);
    });
}

#[test]
fn a_number_is_exact_or_an_error() {
    ends(|| {
        let db = memory();
        let conversion = |sql: &str| db.fetch_val::<i32>(sql, ()).map_err(|error| error.kind());
        assert_eq!(conversion("SELECT 2147483647"), Ok(Some(i32::MAX)));
        assert_eq!(conversion("SELECT 2147483648"), Err(ErrorKind::Conversion));
        assert_eq!(conversion("SELECT -2147483649"), Err(ErrorKind::Conversion));
        assert_eq!(conversion("SELECT 1.5"), Err(ErrorKind::Conversion));
        assert_eq!(conversion("SELECT 'seven'"), Err(ErrorKind::Conversion));
        assert_eq!(conversion("SELECT NULL"), Err(ErrorKind::Conversion));
        assert_eq!(db.fetch_val::<u64>("SELECT -1", ()).unwrap_err().kind(), ErrorKind::Conversion);
        assert_eq!(db.fetch_val::<u8>("SELECT 256", ()).unwrap_err().kind(), ErrorKind::Conversion);
        // An integer past the range becomes a float in SQLite's own hands; nobody takes that for the integer.
        assert_eq!(db.fetch_val::<i64>("SELECT 9223372036854775808", ()).unwrap_err().kind(), ErrorKind::Conversion);
        assert_eq!(db.fetch_val::<i64>("SELECT 9223372036854775807", ()).unwrap(), Some(i64::MAX));

        let back = |value: u64| db.fetch_val::<u64>("SELECT ?", (value,)).map_err(|error| error.kind());
        assert_eq!(back(i64::MAX as u64), Ok(Some(i64::MAX as u64)));
        assert!(matches!(
            back(u64::MAX),
            Err(ErrorKind::InvalidValue | ErrorKind::Parameter | ErrorKind::Conversion | ErrorKind::Limit)
        ));
        for value in [f64::MAX, f64::MIN_POSITIVE, -0.0, f64::INFINITY, f64::NEG_INFINITY, 0.1] {
            let same = db.fetch_val::<f64>("SELECT ?", (value,)).unwrap().unwrap();
            assert_eq!(same.to_bits(), value.to_bits(), "{value}");
        }
        // SQLite stores NULL for it: refused, or NULL is what is read, but never another number.
        match db.fetch_val::<Option<f64>>("SELECT ?", (f64::NAN,)) {
            Ok(value) => assert_eq!(value, Some(None)),
            Err(error) => assert_eq!(error.effect(), Effect::NotSent, "{error:?}"),
        }
    });
}

// ---- meant to harm

const TRAPS: &[&str] = &[
    "'; DROP TABLE victim; --",
    "\"; DROP TABLE victim; --",
    "`; DROP TABLE victim; --",
    "]; DROP TABLE victim; --",
    "1); DROP TABLE victim; --",
    "x' OR '1'='1",
    "\\'; DROP TABLE victim; --",
    "%27; DROP TABLE victim",
    "/*",
    "*/ DROP TABLE victim /*",
    "--",
    ":name",
    "?",
    "$1",
    "$tag$",
    "a\nb\r\nc\tDROP",
    "\u{202e}victim",
    "\u{feff}",
    "' || load_extension('x') || '",
    "👩‍🔧",
];

#[test]
fn values_are_only_ever_values() {
    ends(|| {
        let db = memory();
        db.execute_script("CREATE TABLE victim (n); INSERT INTO victim VALUES (1); CREATE TABLE t (text TEXT)")
            .unwrap();
        for trap in TRAPS {
            db.execute("INSERT INTO t VALUES (:text)", params! { text: *trap }).unwrap();
            let text: Option<String> =
                db.fetch_val("SELECT text FROM t WHERE text = :text", params! { text: *trap }).unwrap();
            assert_eq!(text.as_deref(), Some(*trap));
            let listed: Option<i64> = db
                .fetch_val("SELECT count(*) FROM t WHERE text IN (:texts)", params! { texts: vec![*trap, "other"] })
                .unwrap();
            assert_eq!(listed, Some(1));
            // The same text where SQL has strings and comments of its own.
            let literal = format!("SELECT '{}', :text /* :text ? */ -- :text\n", trap.replace('\'', "''"));
            let row: (String, String) = db.fetch_one_as(literal.as_str(), params! { text: *trap }).unwrap().unwrap();
            assert_eq!(row, ((*trap).to_owned(), (*trap).to_owned()));
            db.execute("DELETE FROM t", ()).unwrap();
        }
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM victim", ()).unwrap(), Some(1));
    });
}

#[test]
fn names_are_only_ever_names() {
    ends(|| {
        let db = memory();
        db.execute_script("CREATE TABLE victim (n); INSERT INTO victim VALUES (1)").unwrap();
        for trap in TRAPS {
            let quoted = format!("\"{}\"", trap.replace('"', "\"\""));
            db.execute(format!("CREATE TABLE {quoted} ({quoted})").as_str(), ()).unwrap();
            // A dot separates names and so is none; everything else is.
            let report = db.bulk_insert(trap, &[trap], [(1,), (2,)]).unwrap();
            assert_eq!(report.rows, 2, "{trap}");
            assert!(db.has_table(trap).unwrap(), "{trap}");
            db.execute(format!("DROP TABLE {quoted}").as_str(), ()).unwrap();
        }
        for level in ["serializable; DROP TABLE victim", "'", "read committed--"] {
            let error = Database::builder().url("sqlite::memory:").option("isolation_level", level).build().map(drop);
            assert_eq!(error.unwrap_err().effect(), Effect::NotSent, "{level}");
        }
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM victim", ()).unwrap(), Some(1));
    });
}

#[test]
fn a_second_statement_is_refused_and_never_half_done() {
    ends(|| {
        let db = memory();
        db.execute_script("CREATE TABLE victim (n); INSERT INTO victim VALUES (1)").unwrap();
        for stacked in [
            "SELECT 1; DROP TABLE victim",
            "DELETE FROM victim; SELECT 1",
            "SELECT 1;; DROP TABLE victim",
            "SELECT 1; /* nothing */ DROP TABLE victim",
            "DELETE FROM victim WHERE 0; selec 2",
        ] {
            for error in [
                db.execute(stacked, ()).unwrap_err(),
                db.fetch_all(stacked, ()).unwrap_err(),
                db.execute_many(stacked, [(1,)]).unwrap_err(),
                db.iterate(stacked, ()).and_then(|mut rows| rows.next().transpose()).map(drop).unwrap_err(),
                db.run(move |session| session.execute(stacked, ())).unwrap_err(),
            ] {
                assert_eq!(error.effect(), Effect::NotSent, "{stacked}: {error:?}");
            }
        }
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM victim", ()).unwrap(), Some(1));
        // A script may have several, and none of their errors is lost.
        let error = db.execute_script("DELETE FROM victim; selec 2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert_eq!(db.fetch_all("SELECT n FROM victim;", ()).unwrap().len(), 0, "one that ends in a semicolon is one");
    });
}
