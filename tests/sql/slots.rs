//! Tables of statements that are easily misread. In the expected text a parameter is `«name»` or `«number»`, a list
//! `«…*»`, and a text without any has no parameters.

use pontoon::sql::{DB2, Dialect, GENERIC, H2, MARIADB, MYSQL, ORACLE, POSTGRES, SQLITE, Statement, TSQL};

/// The text with its parameters marked, as the scanner saw them.
fn marked(sql: &str, dialect: &'static Dialect) -> String {
    let statement = Statement::parse(sql, dialect).unwrap_or_else(|error| panic!("{sql:?}: {error}"));
    let mut text = String::new();
    let mut done = 0;
    for slot in statement.slots() {
        text.push_str(&sql[done..slot.range.start]);
        let name = slot.name.map_or_else(|| (slot.parameter + 1).to_string(), str::to_owned);
        text.push_str(&format!("«{name}{}»", if slot.is_list { "*" } else { "" }));
        done = slot.range.end;
    }
    text.push_str(&sql[done..]);
    text
}

#[track_caller]
fn check(dialect: &'static Dialect, table: &[(&str, &str)]) {
    for (sql, expected) in table {
        assert_eq!(marked(sql, dialect), *expected, "{}: {sql}", dialect.name);
    }
}

/// What every dialect reads alike.
const COMMON: &[(&str, &str)] = &[
    ("select :a", "select «a»"),
    ("select :a, :b, :a", "select «a», «b», «a»"),
    ("select :A, :a", "select «A», «a»"),
    ("select :a_1", "select «a_1»"),
    ("select :_a", "select «_a»"),
    ("select :größe", "select «größe»"),
    ("select :名前", "select «名前»"),
    (":a", "«a»"),
    ("select(:a)", "select(«a»)"),
    ("select a=:a", "select a=«a»"),
    ("select a<:a,b>:b", "select a<«a»,b>«b»"),
    ("select -:a", "select -«a»"),
    ("select :a||:b", "select «a»||«b»"),
    ("select :a+:b-:c*:d/:e", "select «a»+«b»-«c»*«d»/«e»"),
    ("select :a;", "select «a»;"),
    ("select :a.b", "select «a».b"),
    ("select\n:a\t:b\r\n:c", "select\n«a»\t«b»\r\n«c»"),
    ("select ':a'", "select ':a'"),
    ("select ':a', :b", "select ':a', «b»"),
    ("select 'it''s :a', :b", "select 'it''s :a', «b»"),
    ("select '''', :a, ''''", "select '''', «a», ''''"),
    ("select '', :a, ''", "select '', «a», ''"),
    ("select '12:30:00' , :a", "select '12:30:00' , «a»"),
    ("select 'a' ':b' :c", "select 'a' ':b' «c»"),
    ("select '\"', :a, '\"'", "select '\"', «a», '\"'"),
    ("select '--', :a", "select '--', «a»"),
    ("select '/*', :a, '*/'", "select '/*', «a», '*/'"),
    ("select \":a\" , :b", "select \":a\" , «b»"),
    ("select \"a\"\":b\", :c", "select \"a\"\":b\", «c»"),
    ("select \"it's\", :a, \"it's\"", "select \"it's\", «a», \"it's\""),
    ("select 1 -- :a\n, :b", "select 1 -- :a\n, «b»"),
    ("select 1 -- it's\n, :b", "select 1 -- it's\n, «b»"),
    ("select 1 -- :a", "select 1 -- :a"),
    ("select 1 -- /* \n, :b -- */", "select 1 -- /* \n, «b» -- */"),
    ("select /* :a */ :b", "select /* :a */ «b»"),
    ("select /* it's */ :b", "select /* it's */ «b»"),
    ("select /*:a*/:b", "select /*:a*/«b»"),
    ("select /* -- */ :b", "select /* -- */ «b»"),
    ("select /**/ :b /***/", "select /**/ «b» /***/"),
    ("select /* \" ' */ :b", "select /* \" ' */ «b»"),
    ("select /*/ :a */ :b", "select /*/ :a */ «b»"),
    ("select 3 * /* x */ :b", "select 3 * /* x */ «b»"),
    ("select 3 */* x */ :b", "select 3 */* x */ «b»"),
    ("select 6 / 2 - 1, :a", "select 6 / 2 - 1, «a»"),
    ("select a := 1", "select a := 1"),
    ("select a := :b", "select a := «b»"),
    ("select a:=:b", "select a:=«b»"),
    ("select : a", "select : a"),
    ("select a : b", "select a : b"),
    (r"select \:a", r"select \:a"),
    (r"select \:a, :b", r"select \:a, «b»"),
    (r"select \?, \@x, \$1", r"select \?, \@x, \$1"),
    ("select * from t where a in (:a)", "select * from t where a in («a*»)"),
    ("select * from t where a IN(:a)", "select * from t where a IN(«a*»)"),
    ("select * from t where a not in ( :a )", "select * from t where a not in ( «a*» )"),
    ("select * from t where a in /* the */ (:a -- ids\n)", "select * from t where a in /* the */ («a*» -- ids\n)"),
    ("select * from t where a in (:a, :b)", "select * from t where a in («a», «b»)"),
    ("select * from t where a in ((:a))", "select * from t where a in ((«a»))"),
    ("select * from t where a in (:a + 1)", "select * from t where a in («a» + 1)"),
    ("select * from t where a = (:a)", "select * from t where a = («a»)"),
    ("select min(:a), inn(:a), \"in\" (:a)", "select min(«a»), inn(«a»), \"in\" («a»)"),
    ("select * from t where a in (:a) and b in (:b)", "select * from t where a in («a*») and b in («b*»)"),
    ("insert into t values (:a, :b), (:c, :d)", "insert into t values («a», «b»), («c», «d»)"),
    ("select 1e5, 1.5, .5, 0x1F, :a", "select 1e5, 1.5, .5, 0x1F, «a»"),
    ("", ""),
    ("   ", "   "),
    (";", ";"),
    (":", ":"),
    ("select 'é', :a, 'ü'", "select 'é', «a», 'ü'"),
    ("select :in in (:in)", "select «in» in («in*»)"),
    ("select 1 - -:a", "select 1 - -«a»"),
    ("select x'00', n'a:b', :c", "select x'00', n'a:b', «c»"),
];

#[test]
fn every_dialect_reads_the_common_table() {
    for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2] {
        check(dialect, COMMON);
    }
}

#[test]
fn question_marks_are_positions() {
    for dialect in [&GENERIC, &SQLITE, &POSTGRES, &MYSQL, &MARIADB, &TSQL, &ORACLE, &DB2, &H2] {
        check(
            dialect,
            &[
                ("select ?", "select «1»"),
                ("select ?, ?", "select «1», «2»"),
                (
                    "select * from t where a = ? and b>? and c like ?",
                    "select * from t where a = «1» and b>«2» and c like «3»",
                ),
                ("select '?', ? -- ?", "select '?', «1» -- ?"),
                ("select /* ? */ ?, \"?\"", "select /* ? */ «1», \"?\""),
                ("insert into t values (?,?,?)", "insert into t values («1»,«2»,«3»)"),
                ("select * from t where a in (?)", "select * from t where a in («1*»)"),
                ("select * from t limit ? offset ?", "select * from t limit «1» offset «2»"),
                ("select case when ? then ? else ? end", "select case when «1» then «2» else «3» end"),
                ("select * from t where a between ? and ?", "select * from t where a between «1» and «2»"),
                ("update t set a=?,b=? where not ?", "update t set a=«1»,b=«2» where not «3»"),
                ("select ?+?", "select «1»+«2»"),
                ("select -?", "select -«1»"),
            ],
        );
    }
}

#[test]
fn standard_sql_has_nothing_of_the_rest() {
    let table: &[(&str, &str)] = &[
        (r"select '\', :a, '\'", r"select '\', «a», '\'"),
        ("select a::int, :b", "select a::int, «b»"),
        ("select a[1:n], a[i:j]", "select a[1:n], a[i:j]"),
        ("select f(x):y, 'k':v, \"k\":v, a[1]:b", "select f(x):y, 'k':v, \"k\":v, a[1]:b"),
        ("select $1, @p1, #a", "select $1, @p1, #a"),
        ("select $$:a$$", "select $$:a$$"),
        ("select /* /* */ :a", "select /* /* */ «a»"),
        ("select `, :a", "select `, «a»"),
    ];
    check(&GENERIC, table);
}

#[test]
fn sqlite() {
    let table: &[(&str, &str)] = &[
        ("select ?1, ?2, ?1", "select «1», «2», «1»"),
        ("select ?01", "select «1»"),
        ("select :1, :2", "select «1», «2»"),
        ("select @a, $b, :a", "select «a», «b», «a»"),
        ("select @a in (@a)", "select «a» in («a*»)"),
        ("select a$b, $c", "select a$b, «c»"),
        ("select [a:b], :c", "select [a:b], «c»"),
        ("select [it's], :c, [it's]", "select [it's], «c», [it's]"),
        ("select [a]]:c", "select [a]]«c»"),
        ("select `a:b`, :c", "select `a:b`, «c»"),
        ("select `a``:b`, :c", "select `a``:b`, «c»"),
        (r"select '\', :a, '\'", r"select '\', «a», '\'"),
        ("select case when 1 then 2 else:a end", "select case when 1 then 2 else«a» end"),
        ("select 'a':b", "select 'a'«b»"),
        ("select (a):b", "select (a)«b»"),
        ("select /* /* */ :a", "select /* /* */ «a»"),
        ("select 1 -- a\r, :b", "select 1 -- a\r, :b"),
        ("select json_extract(a, '$.b:c') ->> :d", "select json_extract(a, '$.b:c') ->> «d»"),
        ("select a->>'$.x', a -> :k", "select a->>'$.x', a -> «k»"),
        ("select e'a', :b", "select e'a', «b»"),
        ("select a::b", "select a::b"),
        ("select $a$, :b", "select «a$», «b»"),
        ("select # :a", "select # «a»"),
        ("select --:a\n:b", "select --:a\n«b»"),
        ("select 1--1\n:b", "select 1--1\n«b»"),
        (
            "insert into t(a) values (:a) on conflict(a) do update set a=excluded.a",
            "insert into t(a) values («a») on conflict(a) do update set a=excluded.a",
        ),
        (
            "create trigger a after insert on b begin select ':x'; end",
            "create trigger a after insert on b begin select ':x'; end",
        ),
        ("pragma table_info(:t)", "pragma table_info(«t»)"),
    ];
    check(&SQLITE, table);
}

#[test]
fn postgres() {
    let table: &[(&str, &str)] = &[
        // The ten that a simple search for names gets wrong.
        ("select ':x'", "select ':x'"),
        ("select E'\\':x'", "select E'\\':x'"),
        ("select $$:x$$", "select $$:x$$"),
        ("select $q$ $$ :x $$ $q$", "select $q$ $$ :x $$ $q$"),
        ("select 1 /* /* :x */ :y */", "select 1 /* /* :x */ :y */"),
        ("select 1 -- :x", "select 1 -- :x"),
        ("select 1::int", "select 1::int"),
        ("select (array[1,2,3])[1:2]", "select (array[1,2,3])[1:2]"),
        ("select '{\"a\":1}'::jsonb ? 'a'", "select '{\"a\":1}'::jsonb ? 'a'"),
        ("select U&'d\\0061t:a'", "select U&'d\\0061t:a'"),
        // Strings.
        (r"select '\', :a, '\'", r"select '\', «a», '\'"),
        (r"select e'\'', :a", r"select e'\'', «a»"),
        (r"select E'\\', :a, E'\\'", r"select E'\\', «a», E'\\'"),
        (r"select E'\\\'', :a", r"select E'\\\'', «a»"),
        (r"select E'a'':b', :c", r"select E'a'':b', «c»"),
        ("select E'a'\n'\\':b', :c", "select E'a'\n'\\':b', «c»"),
        ("select E'a' -- it's\n '\\':b', :c", "select E'a' -- it's\n '\\':b', «c»"),
        (r"select E'a' '\', :c", r"select E'a' '\', «c»"),
        (r"select 'a'E'\'', :c", r"select 'a'E'\'', «c»"),
        (r"select 1E'\'', :a", r"select 1E'\'', «a»"),
        ("select 1$$:a$$, 0x1$$:a$$, 1e5$$:a$$, :b", "select 1$$:a$$, 0x1$$:a$$, 1e5$$:a$$, «b»"),
        ("select 1_000, 1in (:a)", "select 1_000, 1in («a*»)"),
        (r"select te'\', :a", r"select te'\', «a»"),
        (r"select b'01', x'1F', n'\', :a", r"select b'01', x'1F', n'\', «a»"),
        ("select U&\"d:a\", :b", "select U&\"d:a\", «b»"),
        (r"select U&'\', :b", r"select U&'\', «b»"),
        // Dollars.
        ("select $1, $2, $1", "select «1», «2», «1»"),
        ("select a$1, :b", "select a$1, «b»"),
        ("select $a$ it's :b $a$, :c", "select $a$ it's :b $a$, «c»"),
        ("select $a$ $b$ :x $b$ $a$, :c", "select $a$ $b$ :x $b$ $a$, «c»"),
        ("select $ä$:x$ä$, :c", "select $ä$:x$ä$, «c»"),
        ("select $a$ $A$ :x $a$, :c", "select $a$ $A$ :x $a$, «c»"),
        ("select $a1$:x$a1$, :c", "select $a1$:x$a1$, «c»"),
        ("select $$a$$||:b||$$c$$", "select $$a$$||«b»||$$c$$"),
        ("select a$$b, :c, d$$e", "select a$$b, «c», d$$e"),
        ("select $_$ $ :a $_$, :c", "select $_$ $ :a $_$, «c»"),
        ("do $$ begin perform ':a'; end $$", "do $$ begin perform ':a'; end $$"),
        // Comments.
        ("select /* /* */ :a */ :b", "select /* /* */ :a */ «b»"),
        ("select /*/*/**/*/*/:b", "select /*/*/**/*/*/«b»"),
        ("select 1 -- a\r, :b", "select 1 -- a\r, «b»"),
        ("select 1--:a\n+:b", "select 1--:a\n+«b»"),
        ("select # :a", "select # «a»"),
        // Casts and slices.
        ("select :a::int", "select «a»::int"),
        ("select :a::int::text", "select «a»::int::text"),
        ("select a ::int, b:: int", "select a ::int, b:: int"),
        ("select '1'::int, (2)::text, a[1]::int, \"x\"::int", "select '1'::int, (2)::text, a[1]::int, \"x\"::int"),
        ("select :::a", "select :::a"),
        ("select a[1:n], a[i:j], a[f(x):n]", "select a[1:n], a[i:j], a[f(x):n]"),
        ("select a[:i]", "select a[«i»]"),
        ("select a[:i : :j]", "select a[«i» : «j»]"),
        ("select a[1:2][3:n]", "select a[1:2][3:n]"),
        ("select json_object('a':b, \"c\":d)", "select json_object('a':b, \"c\":d)"),
        ("select json_object('a' : :b)", "select json_object('a' : «b»)"),
        ("select f(a := :b, c => :d)", "select f(a := «b», c => «d»)"),
        // Operators.
        ("select a ? 'b', a ?| array['b'], a ?& array['b']", "select a ? 'b', a ?| array['b'], a ?& array['b']"),
        ("select a ? :b", "select a ? «b»"),
        ("select a->'b' ? ?", "select a->'b' ? «1»"),
        ("select \"a\" ? ?", "select \"a\" ? «1»"),
        ("select (a) ? ? and a[1] ? ?", "select (a) ? «1» and a[1] ? «2»"),
        ("select :a ? :b", "select «a» ? «b»"),
        ("select ? ? ?", "select «1» ? «2»"),
        ("select a @? '$.b'", "select a @? '$.b'"),
        ("select a @? ?", "select a @? «1»"),
        ("select a @> ?", "select a @> «1»"),
        ("select a <@ ? and b <@?", "select a <@ «1» and b <@«2»"),
        ("select a=? and b<>? and c||?", "select a=«1» and b<>«2» and c||«3»"),
        ("select a ?- b, a ?# b, a ?|| b, a ?-| b", "select a ?- b, a ?# b, a ?|| b, a ?-| b"),
        ("select ?||?", "select «1»||«2»"),
        ("select a ?-- :b\n 'c'", "select a ?-- :b\n 'c'"),
        ("select a /* x */ ? 'b'", "select a /* x */ ? 'b'"),
        ("select ?::int, ?::text", "select «1»::int, «2»::text"),
        ("select * from t where a ilike ? escape ?", "select * from t where a ilike «1» escape «2»"),
        ("select now() at time zone ?", "select now() at time zone «1»"),
        ("select * from t fetch first ? rows only", "select * from t fetch first «1» rows only"),
        ("select * from f(?) where ? returning ?", "select * from f(«1») where «2» returning «3»"),
        (r"select a \? 'b', ?", r"select a \? 'b', «1»"),
        ("select @ -5, |/ 25, a @@ b, :c", "select @ -5, |/ 25, a @@ b, «c»"),
        // Names.
        ("select \"a\"\":b\", :c", "select \"a\"\":b\", «c»"),
        ("select [:a]", "select [«a»]"),
        ("select a < :a and a >:b", "select a < «a» and a >«b»"),
        ("select * from t where id = any(:ids)", "select * from t where id = any(«ids»)"),
        (
            "select * from t where id in (:ids) and x = any(:ids)",
            "select * from t where id in («ids*») and x = any(«ids»)",
        ),
        ("select else:a", "select else:a"),
    ];
    assert!(table.len() >= 60);
    check(&POSTGRES, table);
}

#[test]
fn mysql() {
    let table: &[(&str, &str)] = &[
        (r"select '\'', :a", r"select '\'', «a»"),
        (r"select '\':b', :a", r"select '\':b', «a»"),
        (r"select '\\', :a, '\\'", r"select '\\', «a», '\\'"),
        (r"select '\\\':a', :b", r"select '\\\':a', «b»"),
        (r#"select "\":b", :a"#, r#"select "\":b", «a»"#),
        (r#"select "it's", :a, "it's""#, r#"select "it's", «a», "it's""#),
        (r"select 'a\nb:c', :d", r"select 'a\nb:c', «d»"),
        (r"select _utf8mb4'\':a', :b", r"select _utf8mb4'\':a', «b»"),
        ("select `a:b`, :c", "select `a:b`, «c»"),
        ("select `a``:b`, :c", "select `a``:b`, «c»"),
        (r"select `\`, :c", r"select `\`, «c»"),
        ("select `it's`, :c, `it's`", "select `it's`, «c», `it's`"),
        ("select 1 # :a\n, :b", "select 1 # :a\n, «b»"),
        ("select 1 # it's\n, :b", "select 1 # it's\n, «b»"),
        ("select 1 #:a", "select 1 #:a"),
        ("select 1--:a", "select 1--«a»"),
        ("select 1 --1, :b", "select 1 --1, «b»"),
        ("select 1 --\n, :b", "select 1 --\n, «b»"),
        ("select 1 --\t:a\n, :b", "select 1 --\t:a\n, «b»"),
        ("select 1 --", "select 1 --"),
        ("select /*! :a */ 1", "select /*! «a» */ 1"),
        ("select /*!50000 :a */ , :b", "select /*!50000 «a» */ , «b»"),
        ("select /*!50000 /* :a */ :b */ , :c", "select /*!50000 /* :a */ «b» */ , «c»"),
        ("select /*!80013 ':a' */ , :c", "select /*!80013 ':a' */ , «c»"),
        ("select /*M! :a */ 1", "select /*M! «a» */ 1"),
        ("select /*M!100100 :a */ 1", "select /*M!100100 «a» */ 1"),
        ("select /*!999 :a */ 1", "select /*!999 «a» */ 1"),
        ("select /*+ MAX_EXECUTION_TIME(:a) */ :b", "select /*+ MAX_EXECUTION_TIME(:a) */ «b»"),
        ("select /* /* */ :a", "select /* /* */ «a»"),
        ("select /* ! :a */ :b", "select /* ! :a */ «b»"),
        ("select @a, @@b, :c", "select @a, @@b, «c»"),
        ("select @a:=:b", "select @a:=«b»"),
        ("set @a := :b", "set @a := «b»"),
        ("select @'a:b', @`a:b`, :c", "select @'a:b', @`a:b`, «c»"),
        ("select a->'$.b:c', a->>'$.d', :e", "select a->'$.b:c', a->>'$.d', «e»"),
        ("select $1, :a", "select $1, «a»"),
        ("select $a, a$b, :c", "select $a, a$b, «c»"),
        ("select 2*3 */ 1, :a", "select 2*3 */ 1, «a»"),
        ("lbl:begin", "lbl:begin"),
        ("select a::b", "select a::b"),
        ("select 'a' 'b' \":c\", :d", "select 'a' 'b' \":c\", «d»"),
        ("select x'3a', b'1', n':a', :d", "select x'3a', b'1', n':a', «d»"),
        (
            "insert into t values (:a) on duplicate key update b = values(b) + :c",
            "insert into t values («a») on duplicate key update b = values(b) + «c»",
        ),
        ("select * from t where a in (:a) limit :b, :c", "select * from t where a in («a*») limit «b», «c»"),
        ("select [:a]", "select [«a»]"),
        (r"select \N, :a", r"select \N, «a»"),
        ("select a?", "select a«1»"),
        ("select a ? b", "select a «1» b"),
        (r"select '\\'':a', :b", r"select '\\'':a', «b»"),
        (r"select 'a\'' ':b', :c, 'd'", r"select 'a\'' ':b', «c», 'd'"),
        ("select 1 -- \u{1}:a\n, :b", "select 1 -- \u{1}:a\n, «b»"),
        ("select 1 --\u{1}:a\n, :b", "select 1 --\u{1}:a\n, «b»"),
        ("select e'a', :b", "select e'a', «b»"),
        ("select $$:a$$", "select $$:a$$"),
        ("select 1 # a\r, :b", "select 1 # a\r, :b"),
        ("select '/*!', :a, '*/'", "select '/*!', «a», '*/'"),
        ("select /*! '*/' , :a */ 1", "select /*! '*/' , «a» */ 1"),
        ("select /*!50001 1 */ /*!50002 :a */", "select /*!50001 1 */ /*!50002 «a» */"),
        ("select /*!*/ :a", "select /*!*/ «a»"),
        (
            "create trigger a before insert on b for each row begin set new.x = 1; end",
            "create trigger a before insert on b for each row begin set new.x = 1; end",
        ),
    ];
    assert!(table.len() >= 60);
    for dialect in [&MYSQL, &MARIADB] {
        check(dialect, table);
    }
}

#[test]
fn sql_server() {
    let table: &[(&str, &str)] = &[
        ("select @p1, @P2, @p1", "select «1», «2», «1»"),
        ("select @p1x, @p, @px, @@p1, a@p1, @param", "select @p1x, @p, @px, @@p1, a@p1, @param"),
        ("select [a:b], :c", "select [a:b], «c»"),
        ("select [a]]:b], :c", "select [a]]:b], «c»"),
        ("select [it's], :c, [it's]", "select [it's], «c», [it's]"),
        ("select #t.a, ##g.b, :c from #t", "select #t.a, ##g.b, «c» from #t"),
        ("select /* /* :a */ :b */ :c", "select /* /* :a */ :b */ «c»"),
        ("select geography::Point(:a, :b, 4326)", "select geography::Point(«a», «b», 4326)"),
        ("select N'a:b', :c", "select N'a:b', «c»"),
        (r"select '\', :a", r"select '\', «a»"),
        ("select * from t where a in (@p1)", "select * from t where a in («1*»)"),
        ("exec p @name = :a, @other = :b output", "exec p @name = «a», @other = «b» output"),
        ("select a, $ from t where b = $1", "select a, $ from t where b = $1"),
    ];
    check(&TSQL, table);
}

#[test]
fn oracle() {
    let table: &[(&str, &str)] = &[
        ("select :1, :2 from dual", "select «1», «2» from dual"),
        ("select q'[it's :a]', :b from dual", "select q'[it's :a]', «b» from dual"),
        ("select Q'{a}:b}', :c from dual", "select Q'{a}:b}', «c» from dual"),
        ("select nq'!a!', :c from dual", "select nq'!a!', «c» from dual"),
        ("select q'<a>', q'(b)', q'xcx', :c from dual", "select q'<a>', q'(b)', q'xcx', «c» from dual"),
        ("select q'éa'é', :c from dual", "select q'éa'é', «c» from dual"),
        ("begin p(a => :a); end;", "begin p(a => «a»); end;"),
        ("declare x int; begin x := :a; end;", "declare x int; begin x := «a»; end;"),
        ("select v$session.sid, a#b, :c from v$session", "select v$session.sid, a#b, «c» from v$session"),
        (
            r"create trigger a before insert on b begin \:new.c := 1; end;",
            r"create trigger a before insert on b begin \:new.c := 1; end;",
        ),
    ];
    check(&ORACLE, table);
}

#[test]
fn db2_and_h2() {
    check(
        &DB2,
        &[("select /* /* :a */ :b */ :c", "select /* /* :a */ :b */ «c»"), ("select $1, :a", "select $1, «a»")],
    );
    check(
        &H2,
        &[
            ("select ?1, ?2", "select «1», «2»"),
            ("select $$:a$$, :b", "select $$:a$$, «b»"),
            ("select /* /* :a */ :b */ :c", "select /* /* :a */ :b */ «c»"),
            ("select a::int, :b", "select a::int, «b»"),
        ],
    );
}

#[test]
fn placeholders_are_those_of_the_driver() {
    use pontoon::sql::Placeholder;
    let rendered = |sql: &str, dialect| Statement::parse(sql, dialect).unwrap().sql().to_owned();
    let named = "select :a, :b, ':c', :a";
    assert_eq!(rendered(named, &SQLITE), "select ?1, ?2, ':c', ?1");
    assert_eq!(rendered(named, &POSTGRES), "select $1, $2, ':c', $1");
    assert_eq!(rendered(named, &MYSQL), "select ?, ?, ':c', ?");
    assert_eq!(rendered(named, &TSQL), "select ?, ?, ':c', ?");
    assert_eq!(rendered(named, &ORACLE), "select :1, :2, ':c', :1");
    assert_eq!(rendered("select ?, ?", &POSTGRES), "select $1, $2");
    assert_eq!(rendered("select $2, $1", &POSTGRES), "select $2, $1");
    assert_eq!(rendered(r"select \:a, '\:b', :c", &POSTGRES), r"select :a, '\:b', $1");
    assert_eq!(rendered(r"select \:a, '\:b'", &POSTGRES), r"select :a, '\:b'");

    static FORMAT: Dialect = Dialect { placeholder: Placeholder::FORMAT, ..MYSQL };
    static PYFORMAT: Dialect = Dialect { placeholder: Placeholder::PYFORMAT, ..POSTGRES };
    static JDBC: Dialect = Dialect { placeholder: Placeholder::JDBC_OPERATORS, ..POSTGRES };
    static AT: Dialect = Dialect { placeholder: Placeholder::AT, ..TSQL };
    static NAMES: Dialect = Dialect { placeholder: Placeholder::COLON_NAME, ..SQLITE };
    assert_eq!(rendered("select 5 % :a, '100%', :a", &FORMAT), "select 5 %% %s, '100%%', %s");
    assert_eq!(rendered("select 5 % 2, '100%'", &FORMAT), "select 5 % 2, '100%'");
    assert_eq!(rendered("select 5 % :a, '100%', :a", &PYFORMAT), "select 5 %% %(p1)s, '100%%', %(p1)s");
    assert_eq!(rendered("select a ? :a, b ?| :b, '?'", &JDBC), "select a ?? ?, b ??| ?, '?'");
    assert_eq!(rendered("select :a, :b, :a", &AT), "select @p1, @p2, @p1");
    assert_eq!(rendered("select :a, :b, :a", &NAMES), "select :p1, :p2, :p1");
}

#[test]
fn many_names_keep_their_numbers() {
    let names: Vec<_> = (0..200).map(|n| format!(":n{}", n * 7 % 100)).collect();
    let statement = Statement::parse(&format!("select {}", names.join(", ")), &POSTGRES).unwrap();
    assert_eq!(statement.parameter_count(), 100);
    let expected: Vec<_> = (0..100).map(|n| format!("n{}", n * 7 % 100)).collect();
    assert!(statement.names().eq(expected.iter().map(String::as_str)));
    assert!(statement.slots().map(|slot| slot.parameter).eq((0..100).chain(0..100)));
}
