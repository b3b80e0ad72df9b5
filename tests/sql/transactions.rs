//! What transactions are begun and ended with, and how names are quoted.

use std::time::Duration;

use pontoon::sql::{
    Access, DB2, Dialect, GENERIC, H2, IsolationLevel, LockMode, MARIADB, MYSQL, ORACLE, POSTGRES, Retry, SQLITE,
    Statement, TSQL, TxOptions,
};
use pontoon::{ErrorKind, params};

fn begin(dialect: &Dialect, options: TxOptions) -> Result<Vec<String>, String> {
    match dialect.begin_statements(&options) {
        Ok(statements) => Ok(statements.into_iter().map(String::from).collect()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            Err(error.to_string())
        }
    }
}

fn sent(statements: &[&str]) -> Result<Vec<String>, String> {
    Ok(statements.iter().map(|&text| text.to_owned()).collect())
}

#[test]
fn beginnings() {
    let options = TxOptions::new();
    let serializable = options.isolation(IsolationLevel::Serializable);
    assert_eq!(begin(&SQLITE, options), sent(&["BEGIN IMMEDIATE"]));
    assert_eq!(begin(&SQLITE, options.lock_mode(LockMode::Deferred)), sent(&["BEGIN DEFERRED"]));
    assert_eq!(begin(&SQLITE, options.lock_mode(LockMode::Exclusive)), sent(&["BEGIN EXCLUSIVE"]));
    assert_eq!(begin(&SQLITE, options.read_only()), sent(&["BEGIN DEFERRED", "PRAGMA query_only = ON"]));
    assert_eq!(begin(&SQLITE, options.read_write()), sent(&["BEGIN IMMEDIATE"]));
    assert_eq!(begin(&SQLITE, serializable), sent(&["BEGIN IMMEDIATE"]));
    assert_eq!(
        begin(&SQLITE, options.isolation(IsolationLevel::ReadCommitted)),
        Err("SQLite has no such thing as isolation level READ COMMITTED; it has SERIALIZABLE".into())
    );
    assert_eq!(begin(&POSTGRES, options), sent(&["BEGIN"]));
    assert_eq!(
        begin(&POSTGRES, serializable.read_only().deferrable(true)),
        sent(&["BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"])
    );
    assert_eq!(begin(&POSTGRES, options.read_write().deferrable(false)), sent(&["BEGIN READ WRITE NOT DEFERRABLE"]));
    assert_eq!(
        begin(&POSTGRES, options.isolation(IsolationLevel::Snapshot)),
        Err("PostgreSQL has no such thing as isolation level SNAPSHOT; it has READ UNCOMMITTED, READ COMMITTED, \
             REPEATABLE READ, SERIALIZABLE"
            .into())
    );
    assert_eq!(
        begin(&POSTGRES, options.lock_mode(LockMode::Immediate)),
        Err("PostgreSQL has no such thing as lock mode IMMEDIATE".into())
    );
    for dialect in [&MYSQL, &MARIADB] {
        assert_eq!(begin(dialect, options), sent(&["START TRANSACTION"]));
        assert_eq!(
            begin(dialect, serializable.read_only()),
            sent(&["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY"])
        );
        let error = begin(dialect, options.deferrable(true)).unwrap_err();
        assert_eq!(error, format!("{} has no such thing as a deferrable transaction", dialect.name));
    }
    assert_eq!(
        begin(&TSQL, options.isolation(IsolationLevel::Snapshot)),
        sent(&["SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "BEGIN TRANSACTION"])
    );
    assert_eq!(
        begin(&TSQL, options.read_only()),
        Err("SQL Server has no such thing as a read-only transaction".into())
    );
    assert_eq!(begin(&ORACLE, options), sent(&[]));
    assert_eq!(begin(&ORACLE, serializable), sent(&["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"]));
    assert_eq!(begin(&ORACLE, options.read_only()), sent(&["SET TRANSACTION READ ONLY"]));
    assert!(begin(&ORACLE, serializable.read_only()).is_err());
    assert_eq!(begin(&DB2, serializable), sent(&["SET CURRENT ISOLATION = RR"]));
    assert_eq!(begin(&H2, options), sent(&["BEGIN TRANSACTION"]));
}

#[test]
fn what_stays_in_force_is_undone() {
    let options = TxOptions::new();
    assert_eq!(SQLITE.end_statements(&options.read_only()), ["PRAGMA query_only = OFF"]);
    assert_eq!(
        TSQL.end_statements(&options.isolation(IsolationLevel::Serializable)),
        ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
    );
    for dialect in [&SQLITE, &POSTGRES, &MYSQL, &TSQL, &ORACLE, &GENERIC] {
        assert!(dialect.end_statements(&options).is_empty());
    }
    let all = options.isolation(IsolationLevel::Serializable).read_only();
    assert!(POSTGRES.end_statements(&all).is_empty() && MYSQL.end_statements(&all).is_empty());
}

/// Whatever begins a transaction is known as such when a user sends it.
#[test]
fn our_own_verbs_are_recognized() {
    for dialect in [&SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &H2, &GENERIC] {
        let begin = dialect.begin_statements(&TxOptions::new()).unwrap();
        let texts = dialect.transactions;
        let own = [&begin[0], texts.commit, texts.rollback, &dialect.savepoint(1), &dialect.rollback_to(1)];
        for sql in own.into_iter().chain(dialect.release(1).as_deref()) {
            let statement = Statement::parse(sql, dialect).unwrap();
            assert!(statement.refuse_transaction_verb().is_err(), "{}: {sql}", dialect.name);
        }
    }
}

#[test]
fn savepoints() {
    assert_eq!(POSTGRES.savepoint(1), "SAVEPOINT pontoon_sp_1");
    assert_eq!(POSTGRES.release(2).as_deref(), Some("RELEASE SAVEPOINT pontoon_sp_2"));
    assert_eq!(POSTGRES.rollback_to(3), "ROLLBACK TO SAVEPOINT pontoon_sp_3");
    assert_eq!(TSQL.savepoint(1), "SAVE TRANSACTION pontoon_sp_1");
    assert_eq!(TSQL.rollback_to(1), "ROLLBACK TRANSACTION pontoon_sp_1");
    assert_eq!((TSQL.release(1), ORACLE.release(1)), (None, None));
    assert!(POSTGRES.savepoint(u32::MAX).len() < 63);
}

#[test]
fn levels_are_read_from_text() {
    for text in ["repeatable read", "REPEATABLE_READ", "Repeatable-Read", " repeatable  read "] {
        assert_eq!(text.parse::<IsolationLevel>().unwrap(), IsolationLevel::RepeatableRead);
    }
    for level in IsolationLevel::ALL {
        assert_eq!(level.to_string().parse::<IsolationLevel>().unwrap(), *level);
    }
    for text in ["", "read", "serializable; drop table t", "AUTOCOMMIT", "read committed read only"] {
        let error = text.parse::<IsolationLevel>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error
                .to_string()
                .ends_with("there are READ UNCOMMITTED, READ COMMITTED, REPEATABLE READ, SNAPSHOT, SERIALIZABLE")
        );
    }
}

#[test]
fn inner_transactions_have_no_options_of_their_own() {
    assert!(TxOptions::new().rollback_only().check_nested().is_ok());
    let error = TxOptions::new().read_only().isolation(IsolationLevel::Serializable).check_nested().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert_eq!(
        error.to_string(),
        "a transaction inside another one cannot be given isolation, read_only: give that to the outermost, and begin this \
         one without it"
    );
    assert_eq!(TxOptions::new().read_only().access, Some(Access::ReadOnly));
}

#[test]
fn waits_double_up_to_their_cap_and_end() {
    let retry = Retry::attempts(5).waits(Duration::from_millis(10), Duration::from_millis(50));
    let longest: Vec<_> = (1..7).map(|failed| retry.wait(failed, u32::MAX)).collect();
    let millis = |ms| Some(Duration::from_millis(ms));
    assert_eq!(longest, [millis(10), millis(20), millis(40), millis(50), None, None]);
    assert_eq!(retry.wait(1, 0), millis(0));
    let half = retry.wait(1, u32::MAX / 2).unwrap();
    assert!(half < Duration::from_millis(5) && half > Duration::from_micros(4_999));
    assert_eq!(Retry::attempts(1).wait(1, 7), None);
    assert_eq!(Retry::attempts(0).wait(1, 7), None);
    let huge = Retry::attempts(u32::MAX).waits(Duration::MAX, Duration::MAX);
    assert!(huge.wait(90, u32::MAX).is_some());
}

#[test]
fn names_are_quoted_whatever_is_in_them() {
    let table: [(&Dialect, &str, &str); 6] = [
        (&SQLITE, "a\"b", "\"a\"\"b\""),
        (&POSTGRES, "a; drop table b; --", "\"a; drop table b; --\""),
        (&MYSQL, "a`b", "`a``b`"),
        (&TSQL, "a]b[", "[a]]b[]"),
        (&GENERIC, "é'", "\"é'\""),
        (&ORACLE, "a", "\"a\""),
    ];
    for (dialect, name, quoted) in table {
        assert_eq!(dialect.quote_ident(name).unwrap(), quoted);
    }
    let literals: [(&Dialect, &str, &str); 5] = [
        (&SQLITE, r"it's \", r"'it''s \'"),
        (&POSTGRES, "it's", "'it''s'"),
        (&POSTGRES, r"\'", r"E'\\'''"),
        (&MYSQL, r"\'", r"'\\'''"),
        (&TSQL, r"\'", r"'\'''"),
    ];
    for (dialect, text, quoted) in literals {
        assert_eq!(dialect.quote_literal(text).unwrap(), quoted);
    }
}

/// What is quoted is one token for the scanner: nothing in it can end it.
#[test]
fn no_payload_leaves_its_quotes() {
    let payloads = [
        "a",
        "'",
        "''",
        "\"",
        "`",
        "]",
        "[",
        "\\",
        "\\'",
        "\\\"",
        "';--",
        "\"; drop table t; --",
        "`; drop table t; #",
        "]];--",
        "$$",
        "$a$",
        "/*",
        "*/",
        "--",
        "#",
        "\n",
        "a\r\nb",
        ":x",
        "?",
        "é",
        "☃",
        "\u{1f600}",
        "\\`",
        "'\"`]",
        "E'\\",
        "%",
        "{}",
        "*/ select 1 /*",
        "/*!",
        ";",
        "a;b",
        "\\\\",
        "'\\",
        "\\'--",
        "x' or '1'='1",
    ];
    assert!(payloads.len() >= 40);
    for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2] {
        for payload in payloads {
            let (name, text) = (dialect.quote_ident(payload).unwrap(), dialect.quote_literal(payload).unwrap());
            let sql = format!("select {name}, {text}, :x");
            let statement = Statement::parse(&sql, dialect).unwrap();
            assert!(statement.names().eq(["x"]), "{}: {sql}", dialect.name);
            assert!(!statement.is_multiple() && statement.bind(params! { x: 1 }).is_ok(), "{}: {sql}", dialect.name);
        }
    }
}
