//! One statement with many sets of parameters: runs that share a journey.

use std::thread;
use std::time::Duration;

use pontoon::prelude::*;
use pontoon::value::{Date, Decimal, Interval, Kind, Value};
use pontoon::{ErrorKind, params};

use crate::kit::await_that;
use crate::{open, server};

/// More than one journey's worth.
const MANY: i64 = 5_000;

const TABLE: &str = "CREATE TABLE notes (id bigint PRIMARY KEY, text text, price numeric, due date, flag boolean)";

fn note(id: i64) -> (i64, Option<String>, Option<Decimal>, Option<Date>, bool) {
    let text = (id % 3 != 0).then(|| format!("note {id} \u{1F600}"));
    let due = (id % 5 == 0).then(|| Date::new(2024, 2, 29).unwrap());
    (id, text, (id % 2 == 0).then(|| format!("{id}.25").parse().unwrap()), due, id % 7 == 0)
}

#[test]
fn each_set_runs_once_and_all_are_counted() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let inserted = db.execute_many("INSERT INTO notes VALUES (?, ?, ?, ?, ?)", (0..MANY).map(note)).unwrap();
    assert_eq!(inserted, MANY as u64);
    type Note = (i64, Option<String>, Option<Decimal>, Option<Date>, bool);
    let read: Vec<Note> = db.fetch_all_as("SELECT * FROM notes ORDER BY id", ()).unwrap();
    assert_eq!(read, (0..MANY).map(note).collect::<Vec<_>>());
    // None, one, or some for each set.
    let ranges = (0..2_000_i64).map(|at| params! { low: at * 3, high: at * 3 + at % 3 });
    let changed = db.execute_many("UPDATE notes SET flag = true WHERE id >= :low AND id < :high", ranges).unwrap();
    let expected: i64 =
        (0..2_000).map(|at| (0..MANY).filter(|id| (at * 3..at * 3 + at % 3).contains(id)).count() as i64).sum();
    assert_eq!(changed, expected as u64);
    // Rows that come back are nobody's.
    let deleted = db.execute_many("DELETE FROM notes WHERE id = ? RETURNING *", (0..MANY).map(|id| (id,))).unwrap();
    assert_eq!(deleted, MANY as u64);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn the_first_set_that_fails_is_named_and_the_transaction_goes_on() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let insert = "INSERT INTO notes (id) VALUES (?)";
    for bad in [1, 2, 700, MANY - 2, MANY - 1] {
        let ids = (0..MANY).map(|id| (if id == bad { 0 } else { id },));
        let error = db.execute_many(insert, ids.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        assert!(error.to_string().contains(&format!("set {bad}")), "{error}");
        // And where there is something to be kept.
        let kept = db.transaction(|tx| {
            tx.execute("INSERT INTO notes (id, text) VALUES (-1, 'kept')", ())?;
            assert!(tx.execute_many(insert, ids).is_err());
            tx.fetch_val::<i64>("SELECT count(*) FROM notes", ())
        });
        assert_eq!(kept.unwrap(), Some(1));
        db.execute("DELETE FROM notes", ()).unwrap();
    }
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
}

#[test]
fn an_error_of_the_server_goes_before_a_later_one_of_this_side() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let texts = |twice: i64| {
        (0..1_000_i64).map(move |id| (if id == twice { 0 } else { id }, if id == 700 { "a\0b" } else { "fine" }))
    };
    for (twice, kind, number) in [(600, ErrorKind::UniqueViolation, 600), (800, ErrorKind::NulInText, 700)] {
        let error = db.execute_many("INSERT INTO notes (id, text) VALUES (?, ?)", texts(twice)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(&format!("set {number}")), "{error}");
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
    }
}

/// The end of a statement that is forgotten travels with the runs, and must not be what gets their error.
#[test]
fn a_statement_that_is_forgotten_does_not_get_in_the_way() {
    let database = server!().database();
    let db = open(&database, "pool_size=1&statement_cache=1");
    db.execute(TABLE, ()).unwrap();
    for round in 0..20 {
        db.fetch_all("SELECT * FROM notes WHERE id = ?", (round,)).unwrap();
        let error = db.execute_many("INSERT INTO notes (id) VALUES (?)", [(1,), (2,), (3,), (2,)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error:?}");
        assert!(error.to_string().contains("set 3"), "{error}");
        let held: i64 = db.fetch_val("SELECT count(*) FROM pg_prepared_statements", ()).unwrap().unwrap();
        assert!(held <= 3, "{held} statements are left in the session");
    }
}

#[test]
fn long_values_and_lists_go_between_the_others() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute(TABLE, ()).unwrap();
    let text = |id: i64| "x".repeat(if id % 50 == 49 { 300_000 } else { id as usize });
    let inserted =
        db.execute_many("INSERT INTO notes (id, text) VALUES (?, ?)", (0..200).map(|id| (id, text(id)))).unwrap();
    assert_eq!(inserted, 200);
    let lengths: Vec<i64> =
        db.fetch_all("SELECT length(text)::bigint FROM notes ORDER BY id", ()).unwrap().column(0).unwrap();
    assert_eq!(lengths, (0..200).map(|id| text(id).len() as i64).collect::<Vec<_>>());
    let lists = (0..100_i64)
        .map(|at| params! { flag: true, ids: (0..at % 4 + 1).map(|more| at * 4 + more).collect::<Vec<_>>() });
    let changed = db.execute_many("UPDATE notes SET flag = :flag WHERE id IN (:ids)", lists).unwrap();
    assert_eq!(changed, (0..50).map(|at| at % 4 + 1).sum::<u64>());
}

#[test]
fn a_deadline_ends_runs_in_the_midst_and_keeps_the_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    let backend: i64 = db.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let slow = "INSERT INTO notes (id) SELECT :id FROM pg_sleep(:seconds)";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60.0 } else { 0.0 } });
    let error = db.execute_many(Query::new(slow).timeout(Duration::from_millis(300)), sets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap(), Some(backend));
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn a_backend_that_dies_in_the_midst_is_a_lost_connection() {
    let database = server!().database();
    // A thread has one connection of a database, and this one is busy.
    let (db, other) = (open(&database, ""), open(&database, ""));
    db.execute(TABLE, ()).unwrap();
    let connection = db.connection().unwrap();
    let backend: i64 = connection.fetch_val("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let slow = "INSERT INTO notes (id) SELECT :id FROM pg_sleep(:seconds)";
    let sets = (0..100_i64).map(|id| params! { id: id, seconds: if id == 50 { 60.0 } else { 0.0 } });
    let error = thread::scope(|scope| {
        let run = scope.spawn(move || connection.execute_many(slow, sets).unwrap_err());
        await_that("the runs come to the slow one", || {
            let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE pid = :backend AND wait_event = 'PgSleep'";
            other.fetch_val::<i64>(sleeps, params! { :backend }).unwrap() == Some(1)
        });
        other.execute("SELECT pg_terminate_backend(:backend::int)", params! { :backend }).unwrap();
        run.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
}

#[test]
fn what_the_server_says_beside_its_answers_is_no_answer() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    db.execute_script(
        "CREATE FUNCTION talks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE NOTICE 'note %', NEW.id;
            PERFORM set_config('application_name', 'note ' || NEW.id, false);
            PERFORM pg_notify('notes', NEW.id::text);
            RETURN NEW;
        END $$;
        CREATE TRIGGER talks BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION talks();
        LISTEN notes",
    )
    .unwrap();
    for round in 0..3_i64 {
        let ids = (round * 1_000..(round + 1) * 1_000).map(|id| (id,));
        assert_eq!(db.execute_many("INSERT INTO notes (id) VALUES (?)", ids).unwrap(), 1_000);
    }
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(3_000));
}

/// Runs that share a journey do and count what they do one after another.
#[test]
fn many_sets_do_what_each_does_alone() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let (i, t) = (Value::I64, |text: &str| Value::Text(text.into()));
    let null = || Value::Null(Kind::Unknown);
    let numbers = |width: usize| -> Vec<Vec<Value>> { (1..8).map(|at| vec![i(at); width]).collect() };
    let pairs = |values: Vec<Value>| -> Vec<Vec<Value>> {
        values.into_iter().enumerate().map(|(at, value)| vec![i(at as i64 % 4 + 1), value]).collect()
    };
    let texts = || pairs(["a", "bb", "", "ccc", "a", "zz", "A"].into_iter().map(t).collect());
    let make = "CREATE TABLE held (id bigint PRIMARY KEY, t text DEFAULT 'nothing', n bigint);
        CREATE TABLE other (nr bigint PRIMARY KEY, name text);
        INSERT INTO other VALUES (1, 'one'), (2, 'two'), (3, 'three');
        CREATE TABLE ruled (id bigint, t text);
        CREATE RULE r1 AS ON INSERT TO ruled DO INSTEAD NOTHING;
        CREATE RULE r2 AS ON UPDATE TO ruled DO INSTEAD INSERT INTO other VALUES (old.id + 100, 'ruled');
        CREATE RULE r3 AS ON DELETE TO ruled DO INSTEAD SELECT nr, name FROM other;
        CREATE TABLE also (id bigint, t text);
        CREATE RULE r4 AS ON INSERT TO also DO ALSO INSERT INTO other VALUES (new.id + 200, 'also');
        CREATE RULE r5 AS ON INSERT TO also DO ALSO SELECT nr FROM other;
        CREATE TABLE parts (id bigint PRIMARY KEY, t text) PARTITION BY RANGE (id);
        CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (3);
        CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (3) TO (100);
        CREATE TABLE late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, t text);
        CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS integer CHECK (VALUE < 100);
        CREATE TABLE kinds (id bigint, m mood, d small, c char(5), v varchar(3), i interval, u uuid, j jsonb, a int[],
            f real, x numeric(20, 2), b bytea, day date, at timestamptz, r int4range, p point, n inet, bits bit(4))";
    db.execute_script(make).unwrap();
    let mut cases: Vec<(String, Vec<Vec<Value>>)> = Vec::new();
    let mut case = |sql: &str, sets: Vec<Vec<Value>>| cases.push((sql.into(), sets));
    case("INSERT INTO held (id, t) VALUES (?, (SELECT name FROM other WHERE nr = ?))", numbers(2));
    case(
        "INSERT INTO held (id, n) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        pairs(vec![i(1), null(), i(2), i(3), i(4), null()]),
    );
    case(
        "INSERT INTO held (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = held.n + excluded.n",
        pairs((0..10).map(i).collect()),
    );
    case(
        "INSERT INTO held (id, t) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET t = excluded.t WHERE held.t < 'b' RETURNING *",
        texts(),
    );
    case(
        "INSERT INTO held (id) SELECT nr + ? FROM other WHERE nr <= ?",
        numbers(2).into_iter().map(|set| vec![i(set_of(&set) * 10), set[0].clone()]).collect(),
    );
    case("UPDATE held SET n = n WHERE id >= ? AND id <= ?", numbers(2));
    case(
        "WITH gone AS (DELETE FROM other WHERE nr = ? RETURNING nr) INSERT INTO held (id) SELECT nr FROM gone",
        numbers(1),
    );
    case("WITH made AS (INSERT INTO held (id) VALUES (?) RETURNING id) SELECT id FROM made, other", numbers(1));
    case(
        "WITH made AS (INSERT INTO held (id) VALUES (?) RETURNING id) UPDATE other SET name = 'x' FROM made WHERE nr = id",
        numbers(1),
    );
    case(
        "MERGE INTO held USING (VALUES (?::bigint, ?::text)) AS new (id, t) ON held.id = new.id WHEN MATCHED AND new.t = '' THEN DELETE WHEN MATCHED THEN UPDATE SET t = new.t WHEN NOT MATCHED THEN INSERT (id, t) VALUES (new.id, new.t)",
        texts(),
    );
    case("INSERT INTO ruled VALUES (?, ?)", texts());
    case(
        "UPDATE ruled SET t = ? WHERE id = ?",
        texts().into_iter().map(|set| vec![set[1].clone(), set[0].clone()]).collect(),
    );
    case("DELETE FROM ruled WHERE id = ?", numbers(1));
    case("INSERT INTO also VALUES (?, 'x')", numbers(1));
    case("INSERT INTO parts VALUES (?, 'x')", numbers(1));
    case(
        "WITH a AS (INSERT INTO parts SELECT g, 'x' FROM generate_series(0, 5) g WHERE g = ?) UPDATE parts SET id = id + 3 WHERE id < ?",
        numbers(2),
    );
    case("INSERT INTO late VALUES (?, ?)", texts());
    case("SELECT pg_notify('x', ?)", vec![vec![t("a")], vec![t("b")]]);
    case("SELECT id FROM held WHERE id = ?", numbers(1));
    case("VALUES (?::int)", numbers(1));
    case("INSERT INTO held (id) VALUES (nextval('none'))", vec![vec![], vec![]]);
    case("UPDATE other SET name = name || 'x'", vec![vec![], vec![], vec![]]);
    case("DELETE FROM other", vec![vec![], vec![], vec![]]);
    case("INSERT INTO held (id, n) VALUES (?, 100 / ?)", pairs(vec![i(1), i(2), i(0), i(5)]));
    for (column, values) in [
        ("m", vec![t("sad"), null(), t("ok"), t("glad")]),
        ("d", vec![i(1), null(), i(99), t("7")]),
        ("d", vec![i(1), null(), i(100)]),
        ("c", vec![t("a"), t(""), null(), t("abcde")]),
        ("v", vec![t("a"), t(""), null(), t("abcd")]),
        ("i", vec![t("1 day"), null(), Value::Interval(Interval::new(1, 2, 3_000_000))]),
        ("u", vec![null(), t("00000000-0000-0000-0000-000000000001"), Value::Uuid([7; 16])]),
        ("j", vec![t("{}"), null(), Value::Json("[1]".into()), t("7")]),
        ("a", vec![t("{1,2}"), null(), t("{}")]),
        ("f", vec![Value::F32(0.1), Value::F64(0.1), null(), i(1), t("0.1")]),
        ("x", vec![i(1), Value::F64(0.125), t("2.5"), null(), Value::Decimal("7.125".parse().unwrap())]),
        ("b", vec![Value::Bytes(vec![]), null(), Value::Bytes(vec![0, 0xff])]),
        ("day", vec![Value::Date(Date::new(2024, 2, 29).unwrap()), null(), t("infinity"), t("0044-03-15 BC")]),
        ("at", vec![t("2024-02-29 12:00:00+01"), null(), Value::Timestamp("2024-02-29 12:00:00".parse().unwrap())]),
        ("r", vec![t("[1,3)"), null(), t("empty")]),
        ("p", vec![t("(1,2)"), null()]),
        ("n", vec![t("10.0.0.1/8"), null(), t("::1")]),
        ("bits", vec![t("1010"), null(), t("0000")]),
    ] {
        case(&format!("INSERT INTO kinds (id, {column}) VALUES (?, ?)"), pairs(values.clone()));
        case(
            &format!("INSERT INTO kinds (id, {column}) VALUES (?, ?) RETURNING *"),
            pairs(values.into_iter().rev().collect()),
        );
    }
    let tables = ["held", "other", "ruled", "also", "parts", "late", "kinds"];
    for options in ["pool_size=1", "pool_size=1&statement_mode=unnamed", "pool_size=1&statement_cache=0"] {
        let db = open(&database, options);
        let connection = db.connection().unwrap();
        let run = |sql: &str, sets: &[Vec<Value>], is_together: bool| -> Result<(u64, Vec<String>), ErrorKind> {
            let tx = connection.begin().unwrap();
            tx.execute("INSERT INTO ruled SELECT 1, 'x'", ()).unwrap();
            let affected = match is_together {
                true => tx.execute_many(sql, sets.to_vec()),
                false => sets.iter().map(|set| Ok(tx.execute(sql, set.clone())?.rows_affected)).sum(),
            };
            let affected = affected.map_err(|error: pontoon::Error| error.kind());
            if affected.is_err() {
                tx.rollback().unwrap();
                return affected.map(|affected| (affected, Vec::new()));
            }
            let mut contents = Vec::new();
            for table in tables {
                let all = format!("SELECT coalesce(string_agg(r::text, '; ' ORDER BY r::text), '') FROM {table} r");
                contents.push(format!("{table}: {:?}", tx.fetch_val::<String>(all, ()).unwrap()));
            }
            let ended = tx.execute("SET CONSTRAINTS ALL IMMEDIATE", ()).err().map(|error| error.kind());
            contents.push(format!("{ended:?}"));
            tx.rollback().unwrap();
            Ok((affected?, contents))
        };
        let mut differ = Vec::new();
        for (sql, sets) in &cases {
            let (alone, together) = (run(sql, sets, false), run(sql, sets, true));
            if alone != together {
                differ.push(format!("{sql}\n  alone {alone:#?}\n  together {together:#?}"));
            }
        }
        assert!(differ.is_empty(), "{options}: {} differ:\n{}", differ.len(), differ.join("\n"));
    }
}

/// Another connection gives a column another type. A value that the old one does not take has the statement prepared
/// anew, wherever in the sets it stands.
#[test]
fn a_column_that_has_another_type_now_takes_what_it_can_hold() {
    let database = server!().database();
    let (db, other) = (open(&database, "pool_size=1"), open(&database, ""));
    other.execute("CREATE TABLE turned (id bigint PRIMARY KEY, held int)", ()).unwrap();
    let insert = "INSERT INTO turned VALUES (?, ?)";
    assert_eq!(db.execute_many(insert, [(1, 1), (2, 2)]).unwrap(), 2);
    other.execute("ALTER TABLE turned ALTER held TYPE float8", ()).unwrap();
    let sets = (3..100_i64).map(|id| {
        let held = if id % 40 == 0 { Value::F64(id as f64 + 0.5) } else { Value::I64(id) };
        vec![Value::I64(id), held]
    });
    assert_eq!(db.execute_many(insert, sets).unwrap(), 97);
    let texts = "SELECT string_agg(held::text, ', ' ORDER BY id) FROM turned WHERE id IN (39, 40, 41, 80, 99)";
    let texts: Option<String> = db.fetch_val(texts, ()).unwrap();
    assert_eq!(texts.as_deref(), Some("39, 40.5, 41, 80.5, 99"));
}

fn set_of(set: &[Value]) -> i64 {
    match set[0] {
        Value::I64(number) => number,
        _ => unreachable!("it is a number"),
    }
}

/// The server says more than any socket holds while the runs are still on their way.
#[test]
fn a_server_that_talks_much_does_not_get_stuck() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    db.execute_script(
        "CREATE FUNCTION talks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE NOTICE '%', repeat('x', 50000);
            RETURN NEW;
        END $$;
        CREATE TRIGGER talks BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION talks()",
    )
    .unwrap();
    let text = "y".repeat(30_000);
    let sets = (0..1_000_i64).map(|id| (id, text.clone()));
    assert_eq!(db.execute_many("INSERT INTO notes (id, text) VALUES (?, ?)", sets).unwrap(), 1_000);
    let rows = (0..20_i64).map(|id| (id,));
    let talks = "UPDATE notes SET flag = true WHERE id >= ? RETURNING text, text, text";
    assert_eq!(db.execute_many(talks, rows).unwrap(), (0..20).map(|id| 1_000 - id).sum::<u64>());
}

/// In a transaction that has failed nothing runs, and what was sent ahead of it is no one's answer.
#[test]
fn a_transaction_that_has_failed_runs_no_set() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    let connection = db.connection().unwrap();
    let insert = "INSERT INTO notes (id) VALUES (?)";
    for _ in 0..3 {
        let tx = connection.begin().unwrap();
        tx.execute_many(insert, (0..10).map(|id| (id,))).unwrap();
        assert!(tx.execute_many(insert, [(100,), (101,), (5,), (102,)]).is_err());
        assert_eq!(tx.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(10));
        tx.rollback().unwrap();
        let tx = connection.begin().unwrap();
        tx.raw(|client: &mut postgres::Client| Ok(client.batch_execute("SELECT 1 / 0").is_err())).unwrap();
        assert!(tx.execute_many(insert, (0..10).map(|id| (id,))).is_err());
        tx.rollback().unwrap();
        assert_eq!(connection.fetch_val::<i64>("SELECT count(*) FROM notes", ()).unwrap(), Some(0));
    }
}

/// Rows are read from a cursor while sets run on the same connection.
#[test]
fn sets_run_between_two_rows_of_a_stream() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute(TABLE, ()).unwrap();
    db.execute_many("INSERT INTO notes (id) VALUES (?)", (0..MANY).map(|id| (id,))).unwrap();
    db.transaction(|tx| {
        let mut seen = 0;
        for row in tx.iterate("SELECT id FROM notes WHERE id < 5000 ORDER BY id", ())? {
            let id: i64 = row?.get(0)?;
            assert_eq!(id, seen);
            seen += 1;
            if id % 500 == 0 {
                let ids = (0..100).map(|more| (MANY + id * 10 + more,));
                assert_eq!(tx.execute_many("INSERT INTO notes (id) VALUES (?)", ids)?, 100);
                assert!(tx.execute_many("INSERT INTO notes (id) VALUES (?)", [(-2,), (-3,), (-4,), (-3,)]).is_err());
            }
        }
        assert_eq!(seen, MANY);
        assert_eq!(tx.fetch_val::<i64>("SELECT count(*) FROM notes", ())?, Some(MANY + 1_000));
        Ok::<_, pontoon::Error>(())
    })
    .unwrap();
}
