//! Errors, by their numbers.

use pontoon::prelude::*;
use pontoon::{Effect, ErrorKind};

use crate::kit::tds::{Act, Asked, Failure};
use crate::support::{fails, on_each};

#[test]
fn what_a_server_refuses_is_told_by_its_number() {
    on_each(|place| {
        let db = place.open_with(
            "CREATE TABLE writers (id INT PRIMARY KEY, name NVARCHAR(20) NOT NULL);
             CREATE TABLE books (id INT PRIMARY KEY, writer INT NOT NULL REFERENCES writers (id), pages INT CHECK (pages > 0));
             INSERT INTO writers VALUES (1, 'Ada')",
        );
        for (sql, kind, number, state) in [
            ("INSERT INTO writers VALUES (1, 'Bob')", ErrorKind::UniqueViolation, 2627, "23000"),
            ("INSERT INTO writers VALUES (2, NULL)", ErrorKind::NotNullViolation, 515, "23000"),
            ("INSERT INTO books VALUES (1, 9, 1)", ErrorKind::ForeignKeyViolation, 547, "23000"),
            ("INSERT INTO books VALUES (1, 1, -1)", ErrorKind::CheckViolation, 547, "23000"),
            ("SELECT * FROM nowhere", ErrorKind::UndefinedTable, 208, "42S02"),
            ("SELECT shoe_size FROM writers", ErrorKind::UndefinedColumn, 207, "42S22"),
            ("SELEC 1", ErrorKind::Syntax, 102, "42000"),
        ] {
            for with_parameters in [false, true] {
                let error = if with_parameters && sql.starts_with("INSERT") {
                    db.execute_many(sql, [(), ()]).expect_err(sql)
                } else {
                    db.execute(sql, ()).expect_err(sql)
                };
                assert_eq!((error.kind(), error.vendor_code()), (kind, Some(number)), "{error:?}");
                assert_eq!(error.effect(), Effect::NotApplied, "{error:?}");
                assert_eq!(error.sqlstate(), Some(state), "{error:?}");
                assert!(std::error::Error::source(&error).is_some(), "{error:?}");
                assert!(!error.message().starts_with('['), "{error:?}");
            }
        }
        let error = fails(ErrorKind::UniqueViolation, db.execute("INSERT INTO writers VALUES (1, 'Bob')", ()));
        assert_eq!(error.constraint(), Some("UQ_writers_id"));
        // It was none of those the connection's fault.
        assert_eq!(db.snapshot().counters.opened, 1, "{}", db.snapshot());
    });
}

#[test]
fn numbers_that_only_a_real_server_gives() {
    on_each(|place| {
        let db = place.open();
        for (number, class, message, kind) in [
            (1222, 16, "Lock request time out period exceeded.", ErrorKind::Busy),
            (3960, 16, "Snapshot isolation transaction aborted due to update conflict.", ErrorKind::Serialization),
            (8152, 16, "String or binary data would be truncated.", ErrorKind::InvalidValue),
            (2628, 16, "String or binary data would be truncated in table 't'.", ErrorKind::InvalidValue),
            (229, 14, "The SELECT permission was denied on the object 't'.", ErrorKind::PermissionDenied),
            (9002, 17, "The transaction log for database 'shop' is full.", ErrorKind::DiskFull),
            (8134, 16, "Divide by zero error encountered.", ErrorKind::DivisionByZero),
        ] {
            place.server.on("SELECT 17", Act::Fail(Failure::new(number, class, message)));
            let error = fails(kind, db.fetch_val::<i64>("SELECT 17", ()));
            assert_eq!(error.vendor_code(), Some(i64::from(number)), "{error:?}");
            assert!(error.message().contains(message), "{error:?}");
        }
        assert_eq!(db.fetch_val::<i64>("SELECT 17", ()).expect("a number"), Some(17));
    });
}

#[test]
fn a_server_that_dies_in_the_middle_of_rows_is_an_error_and_no_end_of_rows() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT PRIMARY KEY, t NVARCHAR(MAX))");
        db.bulk_insert("held", &["id", "t"], (0..2000).map(|id| (id, "x".repeat(200)))).expect("rows");
        for rows in [1, 17, 700] {
            place.server.on("SELECT id, t", Act::DieAfterRows(rows));
            fails(ErrorKind::ConnectionLost, db.fetch_all("SELECT id, t FROM held", ()));
            assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a new one"), Some(2000));
        }
        // Also behind the only row that was wanted: what failed there may have ended a transaction.
        let tx = db.begin().expect("a transaction");
        place.server.on("SELECT id, t", Act::DieAfterRows(1));
        fails(ErrorKind::ConnectionLost, tx.fetch_val::<i64>("SELECT id, t FROM held", ()));
        fails(ErrorKind::ConnectionLost, tx.execute("DELETE FROM held", ()));
        drop(tx);
        place.server.on("SELECT id, t", Act::DieAfterRows(700));
        let read: Vec<_> = db.iterate("SELECT id, t FROM held", ()).expect("a stream").collect();
        let error = read.last().expect("rows").as_ref().expect_err("the last is the error");
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
        assert!(read.len() <= 701, "{}", read.len());
        assert!(read[..read.len() - 1].iter().all(Result::is_ok));
    });
}

#[test]
fn a_connection_that_was_cut_while_nobody_used_it_is_told_as_lost_and_replaced() {
    on_each(|place| {
        let db = place.open();
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).expect("a number"), Some(1));
        place.server.hang_up();
        // It was used a moment ago, so it is not asked before whether it lives.
        let error = fails(ErrorKind::ConnectionLost, db.fetch_val::<i64>("SELECT 1", ()));
        assert_ne!(error.effect(), Effect::NotApplied, "{error:?}");
        assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).expect("a number"), Some(1));
        place.server.hang_up();
        fails(ErrorKind::ConnectionLost, db.begin());
        let tx = db.begin().expect("a new one");
        place.server.hang_up();
        fails(ErrorKind::CommitUnknown, tx.commit());
    });
}

#[test]
fn a_write_that_may_have_been_done_is_not_done_again() {
    on_each(|place| {
        let db = place.open_with("CREATE TABLE held (id INT)");
        place.server.on("INSERT INTO held", Act::DieWhenDone);
        let error = fails(ErrorKind::ConnectionLost, db.execute("INSERT INTO held VALUES (?)", (1,)));
        assert_eq!(error.effect(), Effect::Unknown, "{error:?}");
        let sent = place.server.asked_with("INSERT INTO held");
        assert!(matches!(sent.as_slice(), [Asked::Procedure(..)]), "{sent:#?}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count"), Some(1));
    });
}
