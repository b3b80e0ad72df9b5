//! Errors, provoked for real.

use pontoon::Effect;
use pontoon::prelude::*;

use crate::kit::servers::{MariaDb, private_with};
use crate::{fails, open, scratch};

const SCHEMA: &str = "
    CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(10) NOT NULL UNIQUE);
    CREATE TABLE children (
        id INT PRIMARY KEY, parent INT, age TINYINT UNSIGNED, born DATE, CONSTRAINT grown CHECK (age < 200),
        CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id)
    );
    INSERT INTO parents VALUES (1, 'Eve');
    INSERT INTO children VALUES (1, 1, 5, NULL);";

#[test]
fn each_kind_with_its_number_and_its_constraint() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(SCHEMA).unwrap();
    let session: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    for (statement, kind, number, constraint) in [
        ("SELEC 1", ErrorKind::Syntax, 1064, None),
        ("SELECT * FROM nowhere", ErrorKind::UndefinedTable, 1146, None),
        ("SELECT nothing FROM parents", ErrorKind::UndefinedColumn, 1054, None),
        ("SELECT nothing()", ErrorKind::UndefinedObject, 1305, None),
        ("CREATE TABLE parents (id INT)", ErrorKind::DuplicateObject, 1050, None),
        ("INSERT INTO parents VALUES (1, 'Ada')", ErrorKind::UniqueViolation, 1062, Some("PRIMARY")),
        ("INSERT INTO parents VALUES (2, 'Eve')", ErrorKind::UniqueViolation, 1062, Some("name")),
        ("INSERT INTO parents VALUES (2, NULL)", ErrorKind::NotNullViolation, 1048, Some("name")),
        ("INSERT INTO parents (id) VALUES (2)", ErrorKind::NotNullViolation, 1364, Some("name")),
        ("INSERT INTO children VALUES (2, 9, 1, NULL)", ErrorKind::ForeignKeyViolation, 1452, Some("of_parent")),
        ("DELETE FROM parents", ErrorKind::ForeignKeyViolation, 1451, Some("of_parent")),
        ("UPDATE children SET age = 250", ErrorKind::CheckViolation, 4025, Some("grown")),
        ("UPDATE children SET age = 300", ErrorKind::InvalidValue, 1264, None),
        ("UPDATE children SET born = '2023-02-29'", ErrorKind::InvalidValue, 1292, None),
        ("UPDATE parents SET name = 'much too long a name'", ErrorKind::InvalidValue, 1406, None),
        ("SELECT * FROM mysql.user WHERE 1 = (SELECT id FROM seq_1_to_2)", ErrorKind::UndefinedColumn, 1054, None),
        ("UPDATE children SET age = age / 0", ErrorKind::DivisionByZero, 1365, None),
    ] {
        let error = fails(kind, db.execute(statement, ()));
        assert_eq!(error.vendor_code(), Some(number), "{statement}: {error:?}");
        assert_eq!(error.constraint(), constraint, "{statement}: {error:?}");
        assert_eq!(error.effect(), Effect::NotApplied, "{statement}: {error:?}");
        assert!(error.sqlstate().is_some(), "{statement}: {error:?}");
    }
    assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), session, "none of them cost the connection");
}

#[test]
fn what_is_quoted_is_not_repeated() {
    let scratch = scratch!();
    let db = open(&scratch, "");
    db.execute_script(SCHEMA).unwrap();
    let secret = "s3cr3t-of-a-user";
    db.execute("ALTER TABLE parents MODIFY name VARCHAR(100)", ()).unwrap();
    db.execute("INSERT INTO parents VALUES (7, ?)", (secret,)).unwrap();
    for (statement, number) in [
        ("INSERT INTO parents VALUES (8, ?)", 1062),
        ("UPDATE children SET age = ?", 1366),
        ("UPDATE children SET born = ?", 1292),
    ] {
        let error = db.execute(statement, (secret,)).expect_err("it does not fit");
        assert_eq!(error.vendor_code(), Some(number), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

#[test]
fn permission_and_room() {
    let Some(server) = private_with(&MariaDb, &[("max-connections", "5"), ("extra-max-connections", "1")]) else {
        return;
    };
    let scratch = server.database();
    server.console().run(&format!(
        "CREATE USER reader@'%' IDENTIFIED BY 'reads'; GRANT SELECT ON {}.* TO reader@'%'",
        scratch.name()
    ));
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(SCHEMA).unwrap();
    let url = format!("mariadb://reader:reads@127.0.0.1:{}/{}", server.port(), scratch.name());
    let reader = Database::open(format!("{url}?pool_size=1")).unwrap();
    let error = fails(ErrorKind::PermissionDenied, reader.execute("DELETE FROM parents", ()));
    assert_eq!(error.vendor_code(), Some(1142));
    // Connections until the server has no more of them.
    let mut held = Vec::new();
    let error = loop {
        let url = format!("{url}?pool_size=1&acquire_timeout=200ms");
        match Database::open(url) {
            Ok(db) => held.push(db),
            Err(error) => break error,
        }
        assert!(held.len() < 10, "the server has room for five");
    };
    assert_eq!(error.kind(), ErrorKind::PoolTimeout, "waited for room: {error:?}");
    assert!(format!("{error:?}").contains("1040"), "{error:?}");
    // Room that comes is taken.
    drop(held);
    assert_eq!(Database::open(format!("{url}?pool_size=1")).unwrap().fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn a_server_that_closes_idle_sessions() {
    // Longer than a connection is trusted without being asked, by both clocks.
    let Some(server) = private_with(&MariaDb, &[("wait-timeout", "2")]) else { return };
    let scratch = server.database();
    let db = open(&scratch, "?pool_size=1&keepalive=never");
    let first: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    // Gone, as the server has it.
    server.console().wait_for_row(
        "SELECT 1 FROM dual WHERE NOT EXISTS (SELECT 1 FROM information_schema.processlist WHERE user = 'app')",
    );
    let second = db.fetch_val::<i64>("SELECT connection_id()", ()).unwrap();
    assert_ne!(first, second);
}

#[test]
fn the_mode_under_which_strings_end_elsewhere_is_kept_out() {
    let scratch = scratch!();
    let error = fails(ErrorKind::Config, crate::builder(&scratch, "?sql_mode=NO_BACKSLASH_ESCAPES").build());
    assert!(error.message().contains("NO_BACKSLASH_ESCAPES"), "{error}");
    let db = open(&scratch, "?pool_size=1");
    let connection = db.connection().unwrap();
    fails(ErrorKind::Unsupported, connection.execute("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", ()));
    fails(ErrorKind::ConnectionLost, connection.fetch_val::<i64>("SELECT 1", ()));
    drop(connection);
    assert_eq!(db.fetch_val::<i64>("SELECT length('\\\\')", ()).unwrap(), Some(1));
    // A server that has it as its own.
    let Some(server) = private_with(&MariaDb, &[("sql-mode", "NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES")]) else {
        return;
    };
    let scratch = server.database();
    let db = open(&scratch, "?pool_size=1");
    for _ in 0..2 {
        let connection = db.connection().unwrap();
        assert_eq!(connection.fetch_val::<i64>("SELECT length('\\\\')", ()).unwrap(), Some(1));
        assert_eq!(connection.fetch_val("SELECT 'a\\':b' = ?", ("a':b",)).unwrap(), Some(1));
        // After a reset it is off again.
        connection.execute("SET @a = 1", ()).unwrap();
    }
}
