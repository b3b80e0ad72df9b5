//! Names and texts of a program, or of whoever feeds it, that would pass for other lines of a log.

use std::error::Error as _;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::{Error, ErrorKind};

use crate::support::{LONG, ends, start};

#[test]
fn a_statement_in_a_message_is_one_short_line_without_its_values() {
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").pool_size(1).timeout(Some(LONG)).open().unwrap();
        let connection = db.connection().unwrap();
        connection.execute("CREATE TABLE t (n)", ()).unwrap();
        let sql = format!(
            "INSERT INTO t VALUES (:n) -- \u{1b}[31m\u{202e}\r\n{}\n-- PoolTimeout: all is well",
            "-- and a very long comment ".repeat(200)
        );
        connection.execute(sql.as_str(), params! { n: 271_828 }).unwrap();
        let other = db.clone();
        let waiting = start("other\nthread", move || {
            let late = Query::new("INSERT INTO t VALUES (1)").timeout(Duration::from_millis(5));
            other.execute(late, ()).unwrap_err()
        });
        let error = waiting.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::PoolTimeout);
        let message = error.to_string();
        assert!(message.contains("INSERT INTO t VALUES (:n)"), "{message}");
        assert!(!message.contains("271828") && !message.contains(CONTROLS), "{message:?}");
        assert!(message.len() < 1000, "{} bytes", message.len());
        let snapshot = db.snapshot().to_string();
        assert!(!snapshot.contains("271828") && !snapshot.replace("\n  #", "").contains(CONTROLS), "{snapshot:?}");
    });
}

/// What turns a line into two, or into something else, on a terminal.
const CONTROLS: [char; 9] = ['\n', '\r', '\t', '\0', '\u{7}', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2028}'];

/// Names and texts come from anywhere, and errors quote them.
#[test]
fn an_error_that_quotes_a_name_or_a_text_is_one_line_all_the_same() {
    const NAME: &str = "x\r\nERROR all is lost\u{1b}[2J\u{9b}1A\u{7}\t\u{202e}\u{2028}";
    ends(|| {
        let db = Database::builder().url("sqlite::memory:").pool_size(1).timeout(Some(LONG)).open().unwrap();
        let quoted = format!("\"{NAME}\"");
        db.execute_script(&format!(
            "CREATE TABLE t (n CONSTRAINT {quoted} CHECK (n > 0), {quoted} UNIQUE);
             CREATE TABLE guarded (n);
             CREATE TRIGGER guard BEFORE INSERT ON guarded BEGIN SELECT RAISE(ABORT, '{NAME}'); END"
        ))
        .unwrap();
        let row = db.fetch_one("SELECT 1 AS one", ()).unwrap().unwrap();
        let named = format!("SELECT 'text' AS {quoted}");
        let errors = [
            db.execute(format!("SELECT * FROM {quoted}").as_str(), ()).unwrap_err(),
            db.fetch_all(format!("SELECT {NAME}").as_str(), ()).unwrap_err(),
            db.execute("INSERT INTO t VALUES (0, 0)", ()).unwrap_err(),
            db.execute("INSERT INTO guarded VALUES (0)", ()).unwrap_err(),
            db.transaction(|tx| {
                tx.execute("INSERT INTO t VALUES (1, 1)", ())?;
                tx.execute("INSERT INTO t VALUES (1, 1)", ()).map(drop)
            })
            .unwrap_err(),
            db.fetch_all("SELECT :a", [(NAME, 1)]).unwrap_err(),
            db.fetch_val::<i64>(named.as_str(), ()).unwrap_err(),
            row.get::<i64>(NAME).unwrap_err(),
            db.bulk_insert(NAME, &["n"], [(1,)]).unwrap_err(),
            db.bulk_insert("t", &[NAME, "no such"], [(1, 1)]).unwrap_err(),
            db.fetch_all("SELECT 1 WHERE 1 = :text", params! { text: NAME })
                .and_then(|_| row.get::<i64>(NAME))
                .unwrap_err(),
            db.run(|_| -> Result<(), Error> { panic!("{NAME}") }).unwrap_err(),
            Database::new(format!("{NAME}://host/database")).map(drop).unwrap_err(),
            Database::builder().url("sqlite::memory:").option(NAME, "1").build().map(drop).unwrap_err(),
            Database::builder().url("sqlite::memory:").option("journal_mode", NAME).build().map(drop).unwrap_err(),
            Database::builder().url("sqlite::memory:").option("pool_size", NAME).build().map(drop).unwrap_err(),
            Database::open(format!("sqlite:/no/such/folder/{}", NAME.replace('\t', ""))).map(drop).unwrap_err(),
        ];
        for error in errors {
            let mut shown = vec![error.to_string(), format!("{error:?}")];
            let mut cause = error.source();
            while let Some(it) = cause {
                shown.extend([it.to_string(), format!("{it:?}")]);
                cause = it.source();
            }
            for line in shown {
                assert!(!line.contains(CONTROLS), "{line:?}");
            }
        }
        // What a program looks at is as it was written.
        let error = db.execute("INSERT INTO t VALUES (0, 0)", ()).unwrap_err();
        assert_eq!(error.constraint(), Some(NAME));
    });
}
