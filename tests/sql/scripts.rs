//! Scripts and their statements.

use pontoon::sql::{
    Dialect, GENERIC, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, StatementKind, TSQL, check_script, split_script,
};

#[track_caller]
fn check(dialect: &'static Dialect, script: &str, expected: &[&str]) {
    let texts: Vec<_> = split_script(script, dialect).map(|statement| statement.unwrap().text).collect();
    assert_eq!(texts, expected, "{}", dialect.name);
}

#[test]
fn semicolons_end_statements() {
    for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &TSQL, &ORACLE] {
        check(dialect, "", &[]);
        check(dialect, " ; ;; -- nothing;\n /* ; */ ;", &[]);
        check(dialect, "select 1", &["select 1"]);
        check(dialect, "select 1;", &["select 1"]);
        check(dialect, "\u{feff}select 1; select 2 ;\n\nselect 3 -- three", &["select 1", "select 2", "select 3"]);
        check(dialect, "select ';'; select \";\" /* ; */ -- ;\n, 2", &["select ';'", "select \";\" /* ; */ -- ;\n, 2"]);
        check(dialect, "-- a\nselect :a, ?; -- b", &["select :a, ?"]);
    }
}

#[test]
fn lines_are_counted() {
    let lines: Vec<_> = split_script("select 1;\n\n-- a\nselect\n2;select 3;\n", &SQLITE)
        .map(|statement| statement.unwrap())
        .map(|statement| (statement.line, statement.text, statement.kind))
        .collect();
    let read = StatementKind::Read;
    assert_eq!(lines, [(1, "select 1", read), (4, "select\n2", read), (5, "select 3", read)]);
}

#[test]
fn sqlite_triggers() {
    let trigger = "create temp trigger a after insert on b begin\n  update c set d = case when e then 1 else 2 end;\n  \
                   select ';';\nend";
    check(&SQLITE, &format!("{trigger};\nselect 1;"), &[trigger, "select 1"]);
    check(
        &SQLITE,
        "create table trigger_a (b); begin; select 1; end; select 2",
        &["create table trigger_a (b)", "begin", "select 1", "end", "select 2"],
    );
    check(&SQLITE, "select [a;b], `c;d`; select 2", &["select [a;b], `c;d`", "select 2"]);
}

#[test]
fn postgres_bodies() {
    check(
        &POSTGRES,
        "create function f() returns int as $$ begin return 1; end; $$ language plpgsql; select $a$;$a$;",
        &["create function f() returns int as $$ begin return 1; end; $$ language plpgsql", "select $a$;$a$"],
    );
    let atomic =
        "create or replace function f() returns int\nbegin atomic\n select case when a then 1 end; select 2;\nend";
    check(&POSTGRES, &format!("{atomic}; select 1"), &[atomic, "select 1"]);
    let rule = "create rule a as on insert to b do also (insert into c values (1); delete from d)";
    check(&POSTGRES, &format!("{rule}; select 1"), &[rule, "select 1"]);
    check(&POSTGRES, "begin; select 1; commit;", &["begin", "select 1", "commit"]);
    check(&POSTGRES, "/* /* ; */ ; */ select 1; select E'\\';'", &["select 1", "select E'\\';'"]);
}

#[test]
fn mysql_delimiters() {
    let procedure =
        "create procedure p()\nbegin\n  if a then select 1; end if;\n  while b do set c = 2; end while;\nend";
    for dialect in [&MYSQL, &MARIADB] {
        check(
            dialect,
            &format!("select 1;\nDELIMITER //\n{procedure} //\nselect 2//\ndelimiter ;\nselect 3;"),
            &["select 1", procedure, "select 2", "select 3"],
        );
        check(
            dialect,
            "delimiter $$\nselect ';', '$$' $$ select 2; select 3 $$\n",
            &["select ';', '$$'", "select 2; select 3"],
        );
        // Without a delimiter of its own the body of a routine still is no end.
        check(dialect, &format!("{procedure}; select 1"), &[procedure, "select 1"]);
        check(
            dialect,
            "create definer=`a`@`b` trigger t before insert on u for each row begin declare x int; case when a then \
             select 1; end case; end; select 2",
            &[
                "create definer=`a`@`b` trigger t before insert on u for each row begin declare x int; case when a then \
                 select 1; end case; end",
                "select 2",
            ],
        );
        check(dialect, "/*!40101 SET NAMES utf8 */;\nselect 1 # ;\n;", &["/*!40101 SET NAMES utf8 */", "select 1"]);
        check(dialect, "select 'a\\';b'; select \"c;d\", `e;f`", &["select 'a\\';b'", "select \"c;d\", `e;f`"]);
        check(dialect, "select delimiter from t", &["select delimiter from t"]);
    }
    check(
        &MARIADB,
        "begin not atomic select 1; select 2; end; select 3",
        &["begin not atomic select 1; select 2; end", "select 3"],
    );
}

#[test]
fn sql_server_batches() {
    check(&TSQL, "select 1\nGO\nselect 2;\ngo 5\n\nselect 3", &["select 1", "select 2", "select 3"]);
    let procedure = "create procedure p as\nbegin\n select 1;\n select 2;\nend\nselect 3;";
    check(&TSQL, &format!("{procedure}\nGO\nselect 4"), &[procedure, "select 4"]);
    check(
        &TSQL,
        "if 1 = 1 begin select 1; select 2; end; select 3",
        &["if 1 = 1 begin select 1; select 2; end", "select 3"],
    );
    check(&TSQL, "begin tran; select 1; commit", &["begin tran", "select 1", "commit"]);
    check(&TSQL, "select '\nGO\n'", &["select '\nGO\n'"]);
}

#[test]
fn oracle_blocks() {
    let block = "declare\n x int;\nbegin\n x := 1;\nend;";
    check(&ORACLE, &format!("{block}\n/\nselect 4 / 2 from dual;\n"), &[block, "select 4 / 2 from dual"]);
    let procedure = "create or replace procedure p is begin null; end;";
    check(&ORACLE, &format!("{procedure}\n/\nselect 1 from dual\n/\n"), &[procedure, "select 1 from dual"]);
}

#[test]
fn balanced_scripts_pass() {
    let dump = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE a (b);\nINSERT INTO a VALUES('commit;');\n\
                CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END;\nCOMMIT;\n";
    check_script(dump, &SQLITE).unwrap();
    check_script("begin; savepoint a; rollback to a; release a; commit; begin; rollback", &POSTGRES).unwrap();
    check_script("select 1; create table a (b int)", &POSTGRES).unwrap();
    check_script("SET autocommit=0; LOCK TABLES a WRITE; UNLOCK TABLES; SET autocommit=1", &MYSQL).unwrap();
}
