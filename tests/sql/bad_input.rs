//! What is refused, and what exactly is said about it.

use pontoon::sql::{Dialect, GENERIC, MYSQL, ORACLE, POSTGRES, SQLITE, Statement, TSQL, check_script, split_script};
use pontoon::value::{Json, Value};
use pontoon::{Effect, Error, ErrorKind, Params, params};

#[track_caller]
fn check(error: Error, kind: ErrorKind, message: &str) {
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), kind, "{message}");
    assert_eq!(error.effect(), Effect::NotSent, "{message}");
}

#[test]
fn texts_that_cannot_be_read() {
    use ErrorKind::{NulInText, Parameter, Syntax};
    let table: &[(&'static Dialect, &str, ErrorKind, &str)] = &[
        (&SQLITE, "select 'a", Syntax, "string that starts at line 1, column 8 has no end"),
        (&SQLITE, "select 1,\n  'it''s", Syntax, "string that starts at line 2, column 3 has no end"),
        (&SQLITE, "select 'é', \"a", Syntax, "quoted name that starts at line 1, column 13 has no end"),
        (&SQLITE, "select `a", Syntax, "quoted name that starts at line 1, column 8 has no end"),
        (&SQLITE, "select [a", Syntax, "quoted name that starts at line 1, column 8 has no end"),
        (&SQLITE, "select 1 /* a", Syntax, "comment that starts at line 1, column 10 has no end"),
        (&SQLITE, "/*/", Syntax, "comment that starts at line 1, column 1 has no end"),
        (&POSTGRES, "/* /* */", Syntax, "comment that starts at line 1, column 1 has no end"),
        (&POSTGRES, r"select E'\'", Syntax, "string that starts at line 1, column 8 has no end"),
        (&POSTGRES, "select $a$ $A$", Syntax, "dollar-quoted string that starts at line 1, column 8 has no end"),
        (&POSTGRES, "select $$", Syntax, "dollar-quoted string that starts at line 1, column 8 has no end"),
        (&MYSQL, r"select '\'", Syntax, "string that starts at line 1, column 8 has no end"),
        (&MYSQL, "select \"a", Syntax, "string that starts at line 1, column 8 has no end"),
        (&MYSQL, "select /*! 1", Syntax, "comment that starts at line 1, column 8 has no end"),
        (&MYSQL, r"select 'a\'':b', :c, 'd'", Syntax, "string that starts at line 1, column 24 has no end"),
        (&TSQL, "select [a]]", Syntax, "quoted name that starts at line 1, column 8 has no end"),
        (&ORACLE, "select q'[a'", Syntax, "string that starts at line 1, column 8 has no end"),
        (&ORACLE, "select q'", Syntax, "string that starts at line 1, column 8 has no end"),
        (&SQLITE, "select 'a\0b'", NulInText, "SQL text has a NUL character at line 1, column 10"),
        (&SQLITE, "select 1\n\0", NulInText, "SQL text has a NUL character at line 2, column 1"),
        (
            &SQLITE,
            "select :a, ?",
            Parameter,
            "statement has names (`:a` at line 1, column 8) and positions (`?` at line 1, column 12): use one of the two",
        ),
        (
            &POSTGRES,
            "select $1, :a",
            Parameter,
            "statement has names (`:a` at line 1, column 12) and positions (`$1` at line 1, column 8): use one of the two",
        ),
        (
            &SQLITE,
            "select :a1, :b, ?",
            Parameter,
            "statement has names (`:a1` at line 1, column 8) and positions (`?` at line 1, column 17): use one of the two",
        ),
        (&POSTGRES, "select $1, ?", Parameter, "statement has `?` and placeholders with numbers: use one of the two"),
        (
            &POSTGRES,
            "select $0",
            Parameter,
            "placeholder $0 at line 1, column 8 is out of range: numbers go from 1 to 65535",
        ),
        (
            &POSTGRES,
            "select $65536",
            Parameter,
            "placeholder $65536 at line 1, column 8 is out of range: numbers go from 1 to 65535",
        ),
        (
            &SQLITE,
            "select ?99999999999",
            Parameter,
            "placeholder ?99999999999 at line 1, column 8 is out of range: numbers go from 1 to 32766",
        ),
        (
            &TSQL,
            "select @p0",
            Parameter,
            "placeholder @p0 at line 1, column 8 is out of range: numbers go from 1 to 2098",
        ),
        (&POSTGRES, "select $1, $3", Parameter, "statement has a placeholder 3 but none with the number 2"),
        (&POSTGRES, "select $2", Parameter, "statement has a placeholder 2 but none with the number 1"),
    ];
    for (dialect, sql, kind, message) in table {
        check(Statement::parse(sql, dialect).unwrap_err(), *kind, message);
    }
}

#[test]
fn values_that_do_not_fit() {
    let empty: Vec<i64> = vec![];
    let table: Vec<(&'static Dialect, &str, Params, &str)> = vec![
        (
            &SQLITE,
            "select :a, :b",
            params! { a: 1 },
            r"no value for :b (a colon that starts no parameter is written \:)",
        ),
        (
            &SQLITE,
            "select :a, :b",
            Params::None,
            r"no value for :a, :b (a colon that starts no parameter is written \:)",
        ),
        (&SQLITE, "select :a", params! { a: 1, b: 2, c: 3 }, "statement has no :b, :c; it has :a"),
        (
            &SQLITE,
            "select :name, :id, :text",
            params! { nmae: 1, id: 2, x: 3 },
            r"no value for :name, :text; statement has no :nmae, :x; it has :name, :id, :text (a colon that starts no parameter is written \:)",
        ),
        (&SQLITE, "select :a", params! { a: 1, "a": 2 }, "value given twice for :a"),
        (
            &SQLITE,
            "select :a, :b",
            params! { a: 1, "a": 2 },
            r"no value for :b; value given twice for :a (a colon that starts no parameter is written \:)",
        ),
        (&SQLITE, "select 1", params! { a: 1, b: 2 }, "statement has no :a, :b; it has no parameters"),
        (&SQLITE, "select 1", params![1], "statement has 0 placeholders, 1 value was given"),
        (&SQLITE, "select ?", params![1, 2], "statement has 1 placeholder, 2 values were given"),
        (&SQLITE, "select ?, ?", params![1], "statement has 2 placeholders, 1 value was given"),
        (
            &SQLITE,
            "select 1 where a in (?)",
            Params::Positional(vec![1.into(), 2.into()]),
            "statement has 1 placeholder, 2 values were given: a list for one placeholder is given as (list,), or by name",
        ),
        (
            &SQLITE,
            "select :a",
            params! { ":a" => 1 },
            "no value for :a; statement has no ::a; it has :a (names are given without the sign in front)",
        ),
        (&SQLITE, "select ?, ?", Params::None, "statement has 2 placeholders, 0 values were given"),
        (
            &SQLITE,
            "select ?, ?",
            params! { a: 1 },
            "statement has 2 placeholders without names, values were given by name: give them by position, in a tuple or params![..]",
        ),
        (
            &SQLITE,
            "select :id, :text",
            params![1, "a"],
            "statement has names, values were given by position: give them as params! { id: .., text: .. }",
        ),
        (
            &POSTGRES,
            "select 1 where a in (:ids)",
            params! { ids: empty.clone() },
            "list of :ids is empty, and PostgreSQL has no IN without elements: write = ANY(:ids), which takes an empty list too",
        ),
        (
            &POSTGRES,
            "select 1 where a in (?)",
            params![empty.clone()],
            "list of parameter 1 is empty, and PostgreSQL has no IN without elements: write = ANY(?), which takes an empty list too",
        ),
        (
            &TSQL,
            "select 1 where a in (:ids)",
            params! { ids: empty },
            "list of :ids is empty, and SQL Server has no IN without elements: leave the condition out",
        ),
    ];
    for (dialect, sql, params, message) in table {
        let statement = Statement::parse(sql, dialect).unwrap();
        check(statement.bind(params).unwrap_err(), ErrorKind::Parameter, message);
    }
}

#[test]
fn a_text_without_a_statement() {
    for text in ["", " \n", "-- only a comment", "/* a */ ; ;"] {
        for dialect in [&SQLITE, &POSTGRES, &TSQL] {
            let statement = Statement::parse(text, dialect).unwrap();
            let message = "there is no statement to run: the text is empty, or all comments and semicolons";
            check(statement.bind(Params::None).unwrap_err(), ErrorKind::Misuse, message);
        }
    }
}

#[test]
fn more_parameters_than_there_can_be() {
    let statement = Statement::parse("select 1 where a in (:ids)", &SQLITE).unwrap();
    let error = statement.bind(params! { ids: vec![1; 32_767] }).unwrap_err();
    check(error, ErrorKind::Limit, "statement has 32767 parameters, SQLite takes at most 32766: send it in parts");
    assert!(statement.bind(params! { ids: vec![1; 32_766] }).is_ok());

    let statement = Statement::parse(&vec!["?"; 70_000].join(","), &POSTGRES).unwrap();
    let error = statement.bind(Params::Positional(vec![Value::I64(1); 70_000])).unwrap_err();
    check(error, ErrorKind::Limit, "statement has 70000 parameters, PostgreSQL takes at most 65535: send it in parts");

    // A name that is repeated counts each time where placeholders have no numbers.
    let repeated = vec![":a"; 3000].join(",");
    assert!(Statement::parse(&repeated, &SQLITE).unwrap().bind(params! { a: 1 }).is_ok());
    let error = Statement::parse(&repeated, &TSQL).unwrap().bind(params! { a: 1 }).unwrap_err();
    check(error, ErrorKind::Limit, "statement has 3000 parameters, SQL Server takes at most 2098: send it in parts");
}

#[test]
fn values_that_are_no_values() {
    let json = Json(std::collections::HashMap::from([((1, 2), 3)]));
    let statement = Statement::parse("select :doc", &SQLITE).unwrap();
    let error = statement.bind(params! { doc: json }).unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Conversion, Effect::NotSent));
    assert!(error.to_string().starts_with("parameter :doc: "), "{error}");
}

#[test]
fn several_statements_at_once() {
    let message =
        "a second statement starts at line 2, column 1: send one at a time, or all of them with execute_script";
    let statement = Statement::parse("select :a;\ndrop table t", &SQLITE).unwrap();
    check(statement.bind(params! { a: 1 }).unwrap_err(), ErrorKind::Misuse, message);
}

#[test]
fn transaction_verbs() {
    let table = [
        ("BEGIN", "BEGIN cannot be sent as a statement: call begin() or transaction()"),
        ("/* a */ Commit", "COMMIT cannot be sent as a statement: call commit() on the transaction"),
        ("-- a\nrollback", "ROLLBACK cannot be sent as a statement: call rollback() on the transaction"),
        (
            "savepoint a",
            "SAVEPOINT cannot be sent as a statement: call begin() on the open transaction, which sets a savepoint",
        ),
        ("release a", "RELEASE SAVEPOINT cannot be sent as a statement: call commit() on the inner transaction"),
        (
            "rollback to a",
            "ROLLBACK TO SAVEPOINT cannot be sent as a statement: call rollback() on the inner transaction",
        ),
        (
            "prepare transaction 'a'",
            "a two-phase commit cannot be sent as a statement: it needs the driver's own connection",
        ),
        (
            "set autocommit = 0",
            "SET autocommit cannot be sent as a statement: outside a transaction every statement commits by itself",
        ),
    ];
    for (sql, message) in table {
        let statement = Statement::parse(sql, &POSTGRES).unwrap();
        check(statement.refuse_transaction_verb().unwrap_err(), ErrorKind::TransactionVerb, message);
    }
    assert!(Statement::parse("select 'commit'", &POSTGRES).unwrap().refuse_transaction_verb().is_ok());
}

#[test]
fn scripts_with_open_ends() {
    let table = [
        ("begin;\ninsert into t values (1);", "script begins a transaction on line 1 and does not end it"),
        ("select 1;\ncommit;", "script has COMMIT on line 2 and no transaction begun before it"),
        ("begin; commit; rollback", "script has ROLLBACK on line 1 and no transaction begun before it"),
        ("begin;\n\nbegin; commit", "script has BEGIN on line 3 in the transaction begun on line 1"),
        ("savepoint a", "script has SAVEPOINT on line 1 and no transaction begun before it"),
        ("begin; release a; commit", "script has RELEASE SAVEPOINT on line 1 and no savepoint set before it"),
        ("begin; rollback to a; commit", "script has ROLLBACK TO SAVEPOINT on line 1 and no savepoint set before it"),
        ("prepare transaction 'a'", "script has a two-phase commit on line 1 which needs the driver's own connection"),
    ];
    for (script, message) in table {
        check(check_script(script, &POSTGRES).unwrap_err(), ErrorKind::TransactionVerb, message);
    }
    let error = split_script("select 1;\nselect '", &POSTGRES).find_map(Result::err).unwrap();
    check(error, ErrorKind::Syntax, "string that starts at line 2, column 8 has no end");
    let mut script = split_script("select ';\nselect 1;", &GENERIC);
    assert!(script.next().unwrap().is_err());
    assert!(script.next().is_none());
}

#[test]
fn names_and_literals_with_nul() {
    for dialect in [&SQLITE, &POSTGRES, &MYSQL] {
        check(dialect.quote_ident("a\0b").unwrap_err(), ErrorKind::NulInText, "name has a NUL character at byte 1");
        check(dialect.quote_literal("\0").unwrap_err(), ErrorKind::NulInText, "text has a NUL character at byte 0");
        check(dialect.quote_ident("").unwrap_err(), ErrorKind::Limit, "name is empty");
    }
    let long = "é".repeat(32);
    let message = format!("name has 64 bytes, PostgreSQL takes at most 63: {long:?}");
    check(POSTGRES.quote_ident(&long).unwrap_err(), ErrorKind::Limit, &message);
    assert!(MYSQL.quote_ident(&long).is_ok(), "MySQL counts characters");
}
