//! Rows one by one, and what is done between them: SQL Server has one statement at a time on a connection.

use pontoon::ErrorKind;
use pontoon::prelude::*;

use crate::kit::tds::Asked;
use crate::support::{fails, on_each};

const HELD: &str = "CREATE TABLE held (id INT PRIMARY KEY, twice INT NOT NULL, t NVARCHAR(MAX))";

#[test]
fn a_statement_between_the_rows_of_another_has_them_read_ahead() {
    on_each(|place| {
        let db = place.open_with(HELD);
        db.bulk_insert("held", &["id", "twice"], (0..3000_i64).map(|id| (id, 0))).expect("rows");
        place.server.forget();
        let tx = db.begin().expect("a transaction");
        let mut read = 0;
        for row in tx.iterate("SELECT id FROM held ORDER BY id", ()).expect("a stream") {
            let id: i64 = row.expect("a row").get(0).expect("a number");
            assert_eq!(id, read);
            if id % 100 == 0 {
                tx.execute("UPDATE held SET twice = ? WHERE id = ?", (id * 2, id)).expect("one");
            }
            read += 1;
        }
        tx.commit().expect("committed");
        assert_eq!(read, 3000);
        assert_eq!(db.fetch_val::<i64>("SELECT sum(twice) FROM held", ()).expect("a sum"), Some(87_000));
        assert!(!place.server.asked().contains(&Asked::Attention));
    });
}

#[test]
fn what_cannot_be_read_ahead_makes_the_statement_wait_for_nobody() {
    on_each(|place| {
        let db = place.open_with(HELD);
        let long = "ä".repeat(10_000);
        db.bulk_insert("held", &["id", "twice", "t"], (0..1100_i64).map(|id| (id, 0, &long))).expect("rows");
        let connection = db.connection().expect("a connection");
        // Twenty-two megabytes, of which sixteen are read ahead.
        let mut stream = connection.iterate("SELECT id, t FROM held ORDER BY id", ()).expect("a stream");
        assert!(stream.next().expect("a row").is_ok());
        let error = fails(ErrorKind::ConnectionBusy, connection.execute("UPDATE held SET twice = 1", ()));
        assert!(error.message().len() > 20, "{error:?}");
        // The stream itself goes on.
        assert_eq!(stream.collect::<Result<Vec<_>, _>>().expect("rows").len(), 1099);
        assert_eq!(connection.execute("UPDATE held SET twice = 1", ()).expect("now").rows_affected, 1100);
    });
}

#[test]
fn under_force_rollback_nothing_is_left_and_an_error_undoes_its_own_statement() {
    on_each(|place| {
        drop(place.open_with(HELD));
        let db = place.builder().force_rollback(true).open().expect("a database");
        db.execute("INSERT INTO held (id, twice) VALUES (1, 0)", ()).expect("a row");
        fails(ErrorKind::UniqueViolation, db.execute_many("INSERT INTO held VALUES (?, 0, NULL)", [(2,), (1,)]));
        db.transaction(|tx| tx.execute("INSERT INTO held (id, twice) VALUES (3, 0)", ())).expect("a row");
        let ids: Vec<(i64,)> = db.fetch_all_as("SELECT id FROM held ORDER BY id", ()).expect("rows");
        assert_eq!(ids, [(1,), (3,)]);
        drop(db);
        place.server.wait_for("the good-byes", 2, |asked| *asked == Asked::Gone);
        let left = place.open().fetch_val::<i64>("SELECT count(*) FROM held", ()).expect("a count");
        assert_eq!(left, Some(0));
    });
}
