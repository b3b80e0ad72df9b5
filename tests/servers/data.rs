//! Values and texts that protocols and servers have trouble with: they arrive as they are, or are refused by name before
//! anything is lost, and the connection lives on.

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::{LeakMeter, here};
use crate::subject::{Subject, builder, count, fails, leaves_nothing, session_of};

tests! { data:
    a_text_of_several_statements_is_refused_as_a_whole
    values_are_never_part_of_the_statement
    a_nul_character_is_kept_or_refused_and_never_cuts_the_text
    numbers_at_the_edge_are_exact_or_an_error
    bytes_that_are_no_text_are_an_error_that_names_the_column
    a_value_larger_than_the_server_takes_is_refused_and_costs_nothing
    more_parameters_than_the_protocol_counts_are_refused_before_they_are_sent
    two_streams_on_one_connection_are_both_read_or_one_is_refused
    a_value_of_a_gigabyte_is_refused_by_its_length
    names_are_never_part_of_the_statement
}

pub(crate) fn a_text_of_several_statements_is_refused_as_a_whole(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT)").unwrap();
    let session = session_of(on, &db);
    for sql in [
        "INSERT INTO t VALUES (1); DROP TABLE t",
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        "SELECT 1; SELECT 2",
        "INSERT INTO t VALUES (1); nonsense",
    ] {
        fails(&[ErrorKind::Syntax, ErrorKind::Misuse], db.execute(sql, ()));
        fails(&[ErrorKind::Syntax, ErrorKind::Misuse], db.fetch_all(sql, ()));
        assert_eq!(count(&db), 0, "{sql}");
    }
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}

pub(crate) fn values_are_never_part_of_the_statement(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let text = on.either("TEXT", "LONGTEXT COLLATE utf8mb4_bin");
    db.execute_script(&format!("CREATE TABLE t (n BIGINT, v {text})")).unwrap();
    let values = [
        "'; DROP TABLE t; --",
        "\\'; DROP TABLE t; --",
        "\" OR 1=1 /*",
        "$$; DROP TABLE t; $$",
        ":name ? $1 %s @x",
        "\\",
        "\u{1f600}\u{fffd}\u{200b}\u{10ffff}",
        "\r\n\t\u{1a}\u{8}",
        "",
    ];
    for (number, value) in (0_i64..).zip(values) {
        db.execute("INSERT INTO t VALUES (:n, :v)", pontoon::params! { n: number, v: value }).unwrap();
        let found: Vec<i64> =
            db.fetch_all("SELECT n FROM t WHERE v = :v", pontoon::params! { v: value }).unwrap().column(0).unwrap();
        assert_eq!(found, [number], "{value:?}");
        let back: Option<String> = db.fetch_val("SELECT v FROM t WHERE n = ?", (number,)).unwrap();
        assert_eq!(back.as_deref(), Some(value));
    }
    assert_eq!(count(&db), values.len() as i64);
    leaves_nothing(db, &database);
}

pub(crate) fn a_nul_character_is_kept_or_refused_and_never_cuts_the_text(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (v VARCHAR(100))").unwrap();
    let session = session_of(on, &db);
    let result = db.execute("INSERT INTO t VALUES (?)", ("a\0b",));
    if on.is_postgres() {
        let error = fails(&[ErrorKind::NulInText, ErrorKind::InvalidValue], result);
        assert_ne!(error.effect(), pontoon::Effect::Unknown, "{error:?}");
        assert_eq!(count(&db), 0);
    } else {
        result.unwrap();
        assert_eq!(db.fetch_val::<String>("SELECT v FROM t", ()).unwrap().as_deref(), Some("a\0b"));
    }
    assert!(db.fetch_all("SELECT 1 -- \0 more", ()).is_err(), "in a statement it is part of none");
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}

pub(crate) fn numbers_at_the_edge_are_exact_or_an_error(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE t (n BIGINT, f DOUBLE PRECISION)").unwrap();
    for number in [i64::MIN, -1, 0, i64::MAX] {
        db.execute("DELETE FROM t", ()).unwrap();
        db.execute("INSERT INTO t (n) VALUES (?)", (number,)).unwrap();
        assert_eq!(db.fetch_val::<i64>("SELECT n FROM t", ()).unwrap(), Some(number));
        if i32::try_from(number).is_err() {
            fails(&[ErrorKind::Conversion], db.fetch_val::<i32>("SELECT n FROM t", ()));
        }
    }
    for float in [f64::MIN_POSITIVE, f64::MAX, -0.0, 0.1, f64::NAN, f64::INFINITY] {
        db.execute("DELETE FROM t", ()).unwrap();
        match db.execute("INSERT INTO t (f) VALUES (?)", (float,)) {
            Ok(_) => {
                let back = db.fetch_val::<f64>("SELECT f FROM t", ()).unwrap().unwrap();
                // MariaDB has one zero.
                assert!(back == float || (back.is_nan() && float.is_nan()), "{float} became {back}");
            }
            Err(error) => {
                assert!(!float.is_finite() && on.is_mariadb(), "{float}: {error:?}");
                assert_eq!(count(&db), 0);
            }
        }
    }
    let digits = "12345678901234567890123456789012345.123456789012345678901234567899";
    let decimal = format!("SELECT CAST('{digits}' AS DECIMAL(65, 30))");
    let back: pontoon::value::Decimal = db.fetch_val(&decimal, ()).unwrap().unwrap();
    assert_eq!(back.to_string(), digits);
    if on.is_mariadb() {
        let most: Option<u64> = db.fetch_val("SELECT CAST(18446744073709551615 AS UNSIGNED)", ()).unwrap();
        assert_eq!(most, Some(u64::MAX));
        fails(&[ErrorKind::Conversion], db.fetch_val::<i64>("SELECT CAST(18446744073709551615 AS UNSIGNED)", ()));
    }
    leaves_nothing(db, &database);
}

pub(crate) fn bytes_that_are_no_text_are_an_error_that_names_the_column(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let session = session_of(on, &db);
    let bytes = on.either("SELECT '\\xff00fe'::bytea AS broken", "SELECT CAST(0xff00fe AS BINARY(3)) AS broken");
    assert_eq!(db.fetch_val::<Vec<u8>>(bytes, ()).unwrap(), Some(vec![0xff, 0, 0xfe]));
    let error = fails(&[ErrorKind::Conversion], db.fetch_val::<String>(bytes, ()));
    assert!(error.to_string().contains("broken"), "{error}");
    if on.is_postgres() {
        fails(&[ErrorKind::InvalidValue], db.fetch_all("SELECT convert_from('\\xff'::bytea, 'UTF8')", ()));
    }
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}

/// The server would answer a packet that is too large by hanging up in the middle of it.
pub(crate) fn a_value_larger_than_the_server_takes_is_refused_and_costs_nothing(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script(on.either("CREATE TABLE t (v TEXT)", "CREATE TABLE t (v LONGTEXT)")).unwrap();
    let session = session_of(on, &db);
    for mebibytes in [15_usize, 17, 40] {
        let value = "x".repeat(mebibytes << 20);
        match db.execute("INSERT INTO t VALUES (?)", (value.as_str(),)) {
            Ok(_) => {
                let length: Option<i64> = db.fetch_val("SELECT max(length(v)) FROM t", ()).unwrap();
                assert_eq!(length, i64::try_from(value.len()).ok());
            }
            Err(error) => {
                assert!(on.is_mariadb() && mebibytes > 15, "{mebibytes} MiB: {error:?}");
                assert_eq!((error.kind(), error.effect()), (ErrorKind::Limit, pontoon::Effect::NotSent), "{error:?}");
            }
        }
        assert_eq!(session_of(on, &db), session, "after {mebibytes} MiB");
    }
    assert_eq!(count(&db), on.either(3, 1));
    leaves_nothing(db, &database);
}

pub(crate) fn more_parameters_than_the_protocol_counts_are_refused_before_they_are_sent(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let session = session_of(on, &db);
    let ids: Vec<i64> = (0..70_000).collect();
    let error = db.fetch_all("SELECT 1 WHERE 1 IN (:ids)", pontoon::params! { ids: ids }).unwrap_err();
    assert_eq!(error.effect(), pontoon::Effect::NotSent, "{error:?}");
    fails(&[ErrorKind::Limit, ErrorKind::Parameter], Err::<(), _>(error));
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}

/// PostgreSQL reads from cursors in a transaction and is free between two of its answers. Elsewhere one result has to be
/// read ahead, and one that is too large for that keeps the connection to itself and says so.
pub(crate) fn two_streams_on_one_connection_are_both_read_or_one_is_refused(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    let rows = |count: u64| {
        on.either(
            format!("SELECT n FROM generate_series(1, {count}) AS n"),
            format!("SELECT CAST(seq AS SIGNED) FROM seq_1_to_{count}"),
        )
    };
    for (size, both) in [(2_000_u64, true), (3_000_000, on.is_postgres())] {
        let tx = db.begin().unwrap();
        let mut first = tx.iterate(rows(size), ()).unwrap();
        assert_eq!(first.next().unwrap().unwrap().get::<i64>(0).unwrap(), 1);
        let second: Result<Vec<i64>, _> =
            tx.iterate(rows(100), ()).and_then(|rows| rows.map(|row| row?.get::<i64>(0)).collect());
        if both {
            assert_eq!(second.unwrap(), (1..=100).collect::<Vec<i64>>());
        } else {
            fails(&[ErrorKind::ConnectionBusy], second);
        }
        let read = first.by_ref().take(1_000).map(|row| row.unwrap().get::<i64>(0).unwrap()).last();
        assert_eq!(read, Some(1_001), "the first one goes on");
        drop(first);
        match tx.fetch_val::<i64>("SELECT 1", ()) {
            Ok(one) => assert_eq!(one, Some(1)),
            // What is on its way of a result that fills the connection is read on for a moment only.
            Err(error) => assert!(!both && error.kind() == ErrorKind::ConnectionLost, "{error:?}"),
        }
        drop(tx);
    }
    leaves_nothing(db, &database);
}

/// No memory is touched for it either: it is refused by its length, alone, beside others, and in a bulk load.
pub(crate) fn a_value_of_a_gigabyte_is_refused_by_its_length(on: &Subject) {
    let case = on.case(here!(), |_| {
        let Some(database) = on.shared() else { return };
        let db = builder(database.url()).open().unwrap();
        db.execute_script(on.either("CREATE TABLE t (v BYTEA, w BYTEA)", "CREATE TABLE t (v LONGBLOB, w LONGBLOB)"))
            .unwrap();
        let session = session_of(on, &db);
        let meter = LeakMeter::start();
        // Pages that nobody writes to are not there.
        let zeros = |mebibytes: usize| Value::Bytes(vec![0; mebibytes << 20]);
        for (v, w) in [(1024, 0), (600, 600)] {
            let insert = db.execute("INSERT INTO t VALUES (?, ?)", (zeros(v), zeros(w)));
            let error = fails(&[ErrorKind::Limit], insert);
            assert_eq!(error.effect(), pontoon::Effect::NotSent, "{v} and {w} MiB: {error:?}");
            let load = db.bulk_insert("t", &["v", "w"], [(zeros(v), zeros(w))]);
            let error = fails(&[ErrorKind::Limit], load);
            assert_ne!(error.effect(), pontoon::Effect::Unknown, "{v} and {w} MiB: {error:?}");
            assert_eq!(session_of(on, &db), session, "after {v} and {w} MiB");
        }
        meter.assert_memory_within(256 << 20);
        assert_eq!(count(&db), 0);
        leaves_nothing(db, &database);
    });
    case.pass();
}

/// Names of tables and columns are data where the library writes them into a statement, whatever is in them.
pub(crate) fn names_are_never_part_of_the_statement(on: &Subject) {
    let Some(database) = on.shared() else { return };
    let db = builder(database.url()).open().unwrap();
    db.execute_script("CREATE TABLE victim (n BIGINT); INSERT INTO victim VALUES (1); CREATE TABLE t (n BIGINT)")
        .unwrap();
    let quote = on.either('"', '`');
    let session = session_of(on, &db);
    let payloads = [
        "'; DROP TABLE victim; --",
        "\"; DROP TABLE victim; --",
        "`; DROP TABLE victim; --",
        "victim; DROP TABLE victim",
        "t (n) VALUES (1); DROP TABLE victim; --",
        "t\"; DELETE FROM victim WHERE \"n\"=\"n",
        "t` (n) VALUES (1); DELETE FROM victim; -- `",
        "t) SELECT 1; DELETE FROM victim; --",
        "\\\"; DROP TABLE victim; --",
        "\\`; DROP TABLE victim; --",
        "t/**/; DROP TABLE victim",
        "t\n; DROP TABLE victim",
        "\u{ff02}; DROP TABLE victim; --",
        "(SELECT 1) t; DROP TABLE victim",
        "$$; DROP TABLE victim; $$",
        "t -- ",
        "t # ",
        " ",
        "",
        "a\0b",
    ];
    for payload in payloads {
        // As a table, and as a column of one.
        assert!(db.bulk_insert(payload, &["n"], [(1_i64,)]).is_err(), "{payload:?}");
        assert!(db.bulk_insert("t", &[payload], [(1_i64,)]).is_err(), "{payload:?}");
        let columns = db.catalog(pontoon::Catalog::Columns(payload.into()));
        assert!(columns.is_err() || columns.is_ok_and(|rows| rows.is_empty()), "{payload:?}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM victim", ()).unwrap(), Some(1), "{payload:?}");
        assert_eq!(count(&db), 0, "{payload:?}");
    }
    // One that is a name like any other.
    for odd in ["a b", "select", "\"", "`", "'", "--", "ü\u{1f600}", "a;b"].iter().take(on.either(8, 6)) {
        let quoted = format!("{quote}{}{quote}", odd.replace(quote, &format!("{quote}{quote}")));
        db.execute(format!("CREATE TABLE {quoted} ({quoted} BIGINT)"), ()).unwrap();
        assert_eq!(db.bulk_insert(odd, &[odd], [(1_i64,), (2,)]).unwrap().rows, 2, "{odd:?}");
        assert_eq!(db.fetch_val::<i64>(format!("SELECT sum({quoted}) FROM {quoted}"), ()).unwrap(), Some(3), "{odd:?}");
    }
    // Savepoints have names of the library's own; those of a program are not taken as they are.
    let mut tx = db.begin().unwrap();
    for _ in 0..70 {
        let inner = tx.begin().unwrap();
        inner.execute("INSERT INTO t VALUES (1)", ()).unwrap();
        inner.commit().unwrap();
    }
    fails(&[ErrorKind::TransactionVerb], tx.execute("SAVEPOINT a", ()));
    fails(&[ErrorKind::TransactionVerb, ErrorKind::Misuse], tx.execute("SAVEPOINT a; DROP TABLE victim; --", ()));
    tx.rollback().unwrap();
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM victim", ()).unwrap(), Some(1));
    assert_eq!(session_of(on, &db), session);
    leaves_nothing(db, &database);
}
