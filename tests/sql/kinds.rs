//! What a statement does, by its words.

use pontoon::sql::StatementKind::{Ddl, Other, Read, Session, Transaction, Write};
use pontoon::sql::TransactionVerb::{Autocommit, Begin, Commit, Release, Rollback, RollbackTo, Savepoint, TwoPhase};
use pontoon::sql::{
    DB2, Dialect, GENERIC, H2, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, Statement, StatementKind, TSQL,
};

fn parse(sql: &str, dialect: &'static Dialect) -> Statement {
    Statement::parse(sql, dialect).unwrap_or_else(|error| panic!("{sql:?}: {error}"))
}

#[track_caller]
fn check(dialect: &'static Dialect, table: &[(&str, StatementKind)]) {
    for (sql, kind) in table {
        for sql in [sql.to_string(), sql.to_uppercase(), format!(" /* a */ -- b\n\t{sql} ;; -- end")] {
            assert_eq!(parse(&sql, dialect).kind(), *kind, "{}: {sql}", dialect.name);
        }
    }
}

#[test]
fn verbs_of_every_dialect() {
    for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2] {
        check(
            dialect,
            &[
                ("select 1", Read),
                ("(select 1) union (select 2)", Read),
                ("((select 1))", Read),
                ("values (1)", Read),
                ("table t", Read),
                ("explain select 1", Read),
                ("explain delete from t", Read),
                ("insert into t values (1)", Write),
                ("update t set a = 1", Write),
                ("delete from t", Write),
                ("merge into t using u on a = b when matched then delete", Write),
                ("with a as (select 1) select * from a", Read),
                ("with a as (select 1), b(x) as (select 2) select * from a", Read),
                ("with recursive a(n) as (values (1) union all select n + 1 from a) select * from a", Read),
                ("with a as (select 1) insert into t select * from a", Write),
                ("with a as (select 1) update t set b = 1", Write),
                ("with a as (select 1) delete from t", Write),
                ("with a as (insert into t values (1) returning b) select * from a", Write),
                ("with a as (select ')' as x) delete from t", Write),
                ("with a as (select b from c for update) select * from a", Read),
                ("select * into u from t", Write),
                ("select (select 1 into x)", Read),
                ("create table a (b int)", Ddl),
                ("create index a on b (c)", Ddl),
                ("alter table a add b int", Ddl),
                ("drop table a", Ddl),
                ("truncate table a", Ddl),
                ("grant select on a to b", Ddl),
                ("commit", Transaction(Commit)),
                ("commit work", Transaction(Commit)),
                ("commit and chain", Transaction(Commit)),
                ("rollback", Transaction(Rollback)),
                ("rollback work", Transaction(Rollback)),
                ("rollback to a", Transaction(RollbackTo)),
                ("rollback to savepoint a", Transaction(RollbackTo)),
                ("rollback work to savepoint a", Transaction(RollbackTo)),
                ("rollback transaction to savepoint a", Transaction(RollbackTo)),
                ("savepoint a", Transaction(Savepoint)),
                ("release a", Transaction(Release)),
                ("release savepoint a", Transaction(Release)),
                ("start transaction", Transaction(Begin)),
                ("start transaction read only", Transaction(Begin)),
                ("begin transaction", Transaction(Begin)),
                ("start replica", Other),
                ("set a = 1", Session),
                ("set autocommit = 0", Transaction(Autocommit)),
                ("call p(1)", Other),
                ("frobnicate", Other),
                ("", Other),
                ("'select'", Other),
                ("\"select\"", Other),
            ][..if dialect.transactions.begin_is_block { 38 } else { 50 }],
        );
    }
}

#[test]
fn verbs_of_one_dialect() {
    check(
        &SQLITE,
        &[
            ("begin", Transaction(Begin)),
            ("begin immediate", Transaction(Begin)),
            ("begin exclusive transaction", Transaction(Begin)),
            ("end", Transaction(Commit)),
            ("end transaction", Transaction(Commit)),
            ("pragma user_version", Session),
            ("pragma foreign_keys = on", Session),
            ("attach 'a' as b", Session),
            ("detach b", Session),
            ("replace into t values (1)", Write),
            ("explain query plan select 1", Read),
            ("explain query plan delete from t", Read),
            ("vacuum", Ddl),
            ("reindex", Ddl),
            ("create temp table a (b)", Ddl),
            ("create trigger a after insert on b begin delete from c; end", Ddl),
        ],
    );
    check(
        &POSTGRES,
        &[
            ("begin", Transaction(Begin)),
            ("begin work", Transaction(Begin)),
            ("begin isolation level serializable", Transaction(Begin)),
            ("end", Transaction(Commit)),
            ("abort", Transaction(Rollback)),
            ("prepare transaction 'a'", Transaction(TwoPhase)),
            ("commit prepared 'a'", Transaction(TwoPhase)),
            ("rollback prepared 'a'", Transaction(TwoPhase)),
            ("prepare a as select 1", Session),
            ("deallocate all", Session),
            ("discard all", Session),
            ("listen a", Session),
            ("set local a = 1", Session),
            ("set role a", Session),
            ("set transaction isolation level serializable", Session),
            ("reset all", Session),
            ("explain analyze delete from t", Write),
            ("explain (analyze, buffers) delete from t", Write),
            ("explain (verbose) delete from t", Read),
            ("explain analyze select 1", Read),
            ("explain analyze with a as (delete from t returning b) select * from a", Write),
            ("explain verbose select 1", Read),
            ("copy t from stdin", Write),
            ("refresh materialized view a", Ddl),
            ("comment on table a is 'b'", Ddl),
            ("show all", Read),
            ("do $$ begin commit; end $$", Other),
            ("with a as materialized (select 1) select * from a", Read),
            ("with a as (select 1) search depth first by b set c select * from a", Read),
            ("with a as (select 1) table a", Read),
            ("with a as (select 1), update as (select 2) select * from update", Read),
        ],
    );
    for dialect in [&MYSQL, &MARIADB] {
        check(
            dialect,
            &[
                ("begin", Transaction(Begin)),
                ("begin work", Transaction(Begin)),
                ("start transaction with consistent snapshot", Transaction(Begin)),
                ("set @@autocommit = 0", Transaction(Autocommit)),
                ("set session autocommit = 0", Transaction(Autocommit)),
                ("set @@session.autocommit = 0", Transaction(Autocommit)),
                ("set names utf8mb4, autocommit = 0", Transaction(Autocommit)),
                ("set @a = 1", Session),
                ("xa start 'a'", Transaction(TwoPhase)),
                ("xa commit 'a'", Transaction(TwoPhase)),
                ("begin not atomic select 1; end", Other),
                ("use a", Session),
                ("lock tables a write", Session),
                ("handler a open", Session),
                ("replace into t values (1)", Write),
                ("load data infile 'a' into table b", Write),
                ("describe a", Read),
                ("desc a", Read),
                ("show tables", Read),
                ("/*!50000 commit */", Transaction(Commit)),
                ("/*! select */ 1", Read),
                ("rename table a to b", Ddl),
                ("optimize table a", Ddl),
            ],
        );
    }
    check(
        &TSQL,
        &[
            ("begin tran", Transaction(Begin)),
            ("begin transaction a", Transaction(Begin)),
            ("begin distributed transaction", Transaction(Begin)),
            ("begin select 1; end", Other),
            ("begin try select 1; end try begin catch select 2; end catch", Other),
            ("save tran a", Transaction(Savepoint)),
            ("commit tran", Transaction(Commit)),
            ("rollback tran", Transaction(Rollback)),
            ("set implicit_transactions on", Transaction(Autocommit)),
            ("insert into t output inserted.a values (1)", Write),
            ("exec p", Other),
        ],
    );
    check(
        &ORACLE,
        &[
            ("begin null; end;", Other),
            ("declare a int; begin null; end;", Session),
            ("create or replace procedure a is begin null; end;", Ddl),
        ],
    );
    check(&DB2, &[("begin atomic update a set b = 1; end", Other)]);
}

#[test]
fn plain_statements_leave_the_session_alone() {
    let plain = |sql: &str, dialect| parse(sql, dialect).is_plain();
    for sql in [
        "select 1",
        "insert into t values (1)",
        "update t set a = 1",
        "delete from t",
        "values (1)",
        "table t",
        "with a as (select 1) select * from a",
        "merge into t using u on a = b when matched then delete",
        "select count(*), 'set_config' from t -- pg_advisory_lock",
        "select 1;",
    ] {
        for dialect in [&SQLITE, &POSTGRES, &MYSQL, &TSQL, &GENERIC] {
            assert!(plain(sql, dialect), "{sql}");
        }
    }
    for sql in [
        "select set_config('a', 'b', false)",
        "select Set_Config('a', 'b', false)",
        "select \"set_config\"('a', 'b', false)",
        "select pg_catalog.set_config('a', 'b', false)",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_lock(1)",
        "with a as (select pg_advisory_lock(1)) select * from a",
        "update t set a = set_config('a', 'b', false)",
        "insert into t select pg_advisory_lock(1)",
        "select * into temp a from t",
        "explain analyze select pg_advisory_lock(1)",
        "create temp table a (b int)",
        "set a = 1",
        "explain select 1",
        "select 1; select 2",
        "call p()",
        "begin",
        "",
        "do $$ $$",
        "listen a",
        "with a as (select 1) select set_config('a', 'b', false)",
    ] {
        assert!(!plain(sql, &POSTGRES), "{sql}");
    }
    for sql in [
        "select @a := 1",
        "select @@sql_mode",
        "select get_lock('a', 1)",
        "select last_insert_id(5)",
        "insert into t values (@a)",
    ] {
        assert!(!plain(sql, &MYSQL), "{sql}");
    }
    assert!(plain("select @a", &TSQL), "variables of SQL Server end with the batch");
}

#[test]
fn rows_are_expected_where_they_come() {
    let returns = |sql: &str, dialect| parse(sql, dialect).returns_rows();
    for sql in [
        "select 1",
        "(select 1)",
        "values (1)",
        "insert into t values (1) returning a",
        "delete from t returning *",
        "with a as (select 1) select 2",
        "with a as (select 1) delete from t returning b",
        "explain delete from t",
        "show a",
        "pragma a",
        "fetch 1 from a",
    ] {
        assert!(returns(sql, &POSTGRES), "{sql}");
    }
    for sql in [
        "insert into t values (1)",
        "update t set returned = 1",
        "create table a (b)",
        "set a = 1",
        "",
        "commit",
        "insert into t select (select 'returning')",
        "with a as (delete from t returning b) insert into u values (1)",
    ] {
        assert!(!returns(sql, &POSTGRES), "{sql}");
    }
    assert!(parse("insert into t values (1) returning a", &SQLITE).has_returning());
    assert!(parse("insert into t output inserted.a values (1)", &TSQL).has_returning());
    assert!(!parse("select 1", &SQLITE).has_returning());
}

#[test]
fn several_statements_are_seen() {
    let multiple = |sql: &str, dialect| parse(sql, dialect).is_multiple();
    for sql in [
        "select 1; select 2",
        "select 1;select 2;",
        "select 1; drop table t --",
        ";select 1;;select 2",
        "select ';'; x",
    ] {
        for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &TSQL, &DB2, &H2] {
            assert!(multiple(sql, dialect), "{sql}");
        }
    }
    for sql in [
        "select 1",
        "select 1;",
        "select 1 ; ; -- a; b\n",
        "select ';'",
        "select \";\"",
        "select 1 /* ; */",
        ";",
        ";;select 1;;",
        "",
    ] {
        for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &TSQL, &DB2, &H2] {
            assert!(!multiple(sql, dialect), "{sql}");
        }
    }
    let trigger =
        "create trigger a after insert on b begin update c set d = case when 1 then 2 end; delete from e; end";
    assert!(!multiple(trigger, &SQLITE) && !multiple(trigger, &MYSQL) && multiple(trigger, &POSTGRES));
    assert!(multiple(&format!("{trigger}; select 1"), &SQLITE));
    assert!(multiple(&format!("{trigger}; select 1"), &MYSQL));
    let function = "create function f() returns int begin atomic select case when a then b end; select 2; end";
    assert!(!multiple(function, &POSTGRES));
    assert!(multiple(&format!("{function}; select 1"), &POSTGRES));
    assert!(!multiple("create rule a as on insert to b do also (insert into c values (1); delete from d)", &POSTGRES));
    assert!(!multiple("select $$;$$", &POSTGRES));
    assert!(multiple("select `;`; select 1", &MYSQL) && !multiple("select `;`", &MYSQL));
    assert!(multiple("select '\\'; select 1", &POSTGRES) && !multiple("select '\\'; select 1'", &MYSQL));
    assert!(multiple("select /*! 1; select 2 */", &MYSQL));
    assert!(!multiple("begin p; q; end;", &ORACLE));
    assert!(!multiple("begin select 1; select 2; end", &TSQL));
    assert!(multiple("begin tran; select 1", &TSQL));
}

#[test]
fn implicit_commits_are_known() {
    let commits = |sql: &str, dialect| parse(sql, dialect).commits_implicitly();
    for sql in [
        "create table a (b int)",
        "ALTER table a add b int",
        "drop table a",
        "truncate a",
        "grant a to b",
        "rename table a to b",
        "lock tables a read",
        "analyze table a",
    ] {
        assert!(commits(sql, &MYSQL) && commits(sql, &MARIADB), "{sql}");
        assert!(!commits(sql, &POSTGRES) && !commits(sql, &SQLITE), "{sql}");
    }
    for sql in [
        "create temporary table a (b int)",
        "drop temporary table a",
        "select 1",
        "insert into t values (1)",
        "set a = 1",
    ] {
        assert!(!commits(sql, &MYSQL), "{sql}");
    }
    assert!(commits("comment on table a is 'b'", &ORACLE));
}

#[test]
fn every_list_of_words_is_sorted() {
    for dialect in [&MYSQL, &ORACLE, &H2] {
        assert!(dialect.commits.is_sorted(), "{}", dialect.name);
    }
}
