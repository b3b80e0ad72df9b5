//! Many sets of parameters against the same sets one by one.

use pontoon::Row;
use pontoon::prelude::*;
use pontoon::value::{Date, Interval, Kind, Value};

use crate::{open, scratch};

/// As many sets at once do and count what they do one after another.
#[test]
fn many_sets_do_what_each_does_alone() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    let t = |text: &str| Value::Text(text.into());
    let i = Value::I64;
    let null = || Value::Null(Kind::Unknown);
    let pairs = |values: Vec<Value>| -> Vec<Vec<Value>> {
        values.into_iter().enumerate().map(|(at, value)| vec![Value::I64(at as i64 + 1), value]).collect()
    };
    let texts = || pairs(["a", "bb", "", "ccc", "a", "zz", "A"].into_iter().map(t).collect());
    let numbers = || pairs([1, 2, 3, 1, 2, 3, 5].into_iter().map(i).collect());
    let with_nulls: Vec<Vec<Value>> = [Some(3), None, Some(1), None, None, Some(2), None, Some(5), Some(7), None]
        .into_iter()
        .enumerate()
        .map(|(at, n)| vec![i(at as i64 % 2), n.map_or(null(), i)])
        .collect();
    let fractions: Vec<Vec<Value>> = ["1.5", "2.25", "3", "1.125", "1000", "7", "0.1"]
        .into_iter()
        .enumerate()
        .map(|(at, n)| vec![i(at as i64 % 2), Value::Decimal(n.parse().unwrap())])
        .collect();
    let null_sets = vec![
        vec![i(1), i(2)],
        vec![null(), i(2)],
        vec![i(3), null()],
        vec![null(), null()],
        vec![i(2), i(3)],
        vec![null(), i(3)],
    ];
    let cases: Vec<(&str, Vec<Vec<Value>>)> = vec![
        ("INSERT INTO held (id, t) VALUES (?, (SELECT name FROM other WHERE nr = ?))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, (SELECT count(*) FROM other WHERE nr < ?))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, EXISTS (SELECT 1 FROM other WHERE nr = ?))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, ? IN (SELECT nr FROM other))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, (SELECT count(*) FROM held h WHERE h.id < ?))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, 'abc' REGEXP ?)", texts()),
        ("INSERT INTO held (id, n) VALUES (?, 'bb' LIKE ?)", texts()),
        ("INSERT INTO held (id, t) VALUES (?, UPPER(?))", texts()),
        ("INSERT INTO held (id, t) VALUES (?, CONCAT('x', ?))", texts()),
        (
            "INSERT INTO held (id, t) VALUES (?, CASE ? WHEN 'a' THEN 'eh' WHEN 'bb' THEN 'bee' ELSE 'other' END)",
            texts(),
        ),
        ("INSERT INTO held (id, n) VALUES (?, ? IN ('a', 'zz'))", texts()),
        ("INSERT INTO held (id, n) VALUES (?, 2 IN (?, 7))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, ? BETWEEN 2 AND 3)", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, IF(? = 'a', 'yes', 'no'))", texts()),
        (
            "INSERT INTO held (id, t) VALUES (?, COALESCE(?, 'none'))",
            pairs(vec![null(), t("a"), null(), t("b"), t("c")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, COALESCE(?, 'none'))",
            pairs(vec![t("a"), null(), t("b"), null(), t("c")]),
        ),
        ("INSERT INTO held (id, n) VALUES (?, ? IS NULL)", pairs(vec![t("a"), null(), t("b"), null(), t("c")])),
        ("INSERT INTO held (id, n) VALUES (?, ? IS NULL)", pairs(vec![null(), t("a"), null(), t("b"), t("c")])),
        ("INSERT INTO held (id, n) VALUES (?, NOT (? <=> NULL))", pairs(vec![null(), t("a"), null(), t("b"), t("c")])),
        (
            "INSERT INTO held (id, t) VALUES (?, JSON_VALUE('{\"a\": 1, \"b\": 2}', ?))",
            pairs(vec![t("$.a"), t("$.b"), t("$.a"), t("$.c"), t("$.b")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, JSON_EXTRACT('{\"a\": 1, \"b\": 2}', ?))",
            pairs(vec![t("$.a"), t("$.b"), t("$.a"), t("$.c"), t("$.b")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, JSON_SET('{}', ?, 1))",
            pairs(vec![t("$.a"), t("$.b"), t("$.a"), t("$.c"), t("$.b")]),
        ),
        (
            "INSERT INTO held (id, n) VALUES (?, JSON_CONTAINS('[1, 2]', ?))",
            pairs(vec![t("1"), t("2"), t("3"), t("1")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, DATE_FORMAT('2024-02-29', ?))",
            pairs(vec![t("%Y"), t("%m"), t("%d"), t("%Y")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, STR_TO_DATE('01,02,2003', ?))",
            pairs(vec![t("%d,%m,%Y"), t("%m,%d,%Y"), t("%d,%m,%Y")]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, CONVERT_TZ('2024-02-29 12:00:00', '+00:00', ?))",
            pairs(vec![t("+01:00"), t("+02:00"), t("+01:00")]),
        ),
        ("INSERT INTO held (id, t) VALUES (?, ELT(?, 'one', 'two', 'three'))", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, SUBSTRING_INDEX('a.bb.ccc', '.', ?))", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, REPLACE('a.bb.ccc', ?, '-'))", texts()),
        ("INSERT INTO held (id, t) VALUES (?, REGEXP_REPLACE('a.bb.ccc', ?, '-'))", texts()),
        ("INSERT INTO held (id, n) VALUES (?, ROUND(7.12345, ?))", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, ROUND(7.12345, ?))", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, ? + 1)", pairs(vec![i(1), t("2"), i(3), Value::F64(1.5), i(7)])),
        ("INSERT INTO held (id, t) VALUES (?, ? / 3)", numbers()),
        ("INSERT INTO held (id, t) VALUES (?, GREATEST(?, 2))", numbers()),
        (
            "INSERT INTO held (id, t) VALUES (?, CAST(? AS CHAR))",
            pairs(vec![Value::F32(0.1), Value::F32(1.5), Value::F32(16777217.0)]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, CAST(? AS CHAR))",
            pairs(vec![Value::F64(0.1), Value::F64(1.5), Value::F64(1e300)]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?)",
            pairs(vec![Value::F32(0.1), Value::F32(1.5), Value::F32(16777217.0)]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?)",
            pairs(vec![
                Value::Date(Date::new(2024, 2, 29).unwrap()),
                Value::Date(Date::new(2024, 3, 1).unwrap()),
                Value::Timestamp("2024-02-29 12:34:56.789".parse().unwrap()),
                Value::Date(Date::new(2024, 3, 1).unwrap()),
            ]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?)",
            pairs(vec![
                Value::Time("12:34:56.789".parse().unwrap()),
                Value::Time("00:00:00".parse().unwrap()),
                Value::Time("12:34:56".parse().unwrap()),
            ]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?)",
            pairs(vec![Value::Bool(true), Value::Bool(false), Value::I64(-7), Value::Bool(true)]),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, HEX(?))",
            pairs(vec![Value::Bytes(vec![0xff, 0]), Value::Bytes(vec![]), t("\u{e9}"), Value::Bytes(vec![0xc3])]),
        ),
        ("INSERT INTO held (id, t) VALUES (?, CHARSET(?))", pairs(vec![null(), t("a"), null(), t("b"), t("c")])),
        ("INSERT INTO held (id, t) VALUES (?, @last := ?)", texts()),
        ("INSERT INTO held (id, t) VALUES (?, CONCAT(?, IFNULL(@before, ''), @before := 'x'))", texts()),
        ("INSERT INTO held (id, n) VALUES (?, @n := IFNULL(@n, 0) + ?)", numbers()),
        (
            "INSERT INTO held (id, t) VALUES (?, DEFAULT(t)), (? + 100, 'x')",
            numbers().into_iter().enumerate().map(|(at, _)| vec![i(at as i64), i(at as i64)]).collect(),
        ),
        ("INSERT INTO held (id, t) VALUES (?, own(?))", numbers()),
        ("INSERT INTO held (id, n) VALUES (?, DEFAULT), (? + 10, id + 3)", numbers()),
        ("INSERT INTO held SET id = ?, t = ?", texts()),
        (
            "INSERT INTO auto (t, n) VALUES (?, LAST_INSERT_ID())",
            texts().into_iter().map(|set| vec![set[1].clone()]).collect(),
        ),
        ("INSERT INTO auto (t, id) VALUES (?, ?)", pairs(vec![null(), i(50), null(), i(0), i(70), null()])),
        ("INSERT INTO auto (id, t) VALUES (LAST_INSERT_ID(? + 5), ?)", texts()),
        (
            "INSERT INTO held (id, t) VALUES (?, ?) ON DUPLICATE KEY UPDATE t = 'again'",
            texts().into_iter().chain(texts()).collect(),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?) ON DUPLICATE KEY UPDATE t = VALUES(t)",
            texts().into_iter().chain(texts()).collect(),
        ),
        (
            "INSERT INTO held (id, t) VALUES (?, ?) ON DUPLICATE KEY UPDATE t = CONCAT(t, VALUES(t))",
            texts().into_iter().chain(texts()).collect(),
        ),
        (
            "INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = n + ?",
            numbers().into_iter().chain(numbers()).collect(),
        ),
        (
            "INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = (SELECT max(nr) FROM other WHERE nr <= ?)",
            numbers().into_iter().chain(numbers()).collect(),
        ),
        ("INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = n + ?", with_nulls.clone()),
        ("INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = n + ?", with_nulls[1..].to_vec()),
        ("INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE n = ?", with_nulls.clone()),
        ("INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE t = n * ?", with_nulls.clone()),
        (
            "INSERT INTO held (id, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = n * VALUES(n), t = VALUES(n) + 1",
            with_nulls.clone(),
        ),
        ("INSERT INTO held (id, n) VALUES (?, 1) ON DUPLICATE KEY UPDATE t = n + ?", fractions.clone()),
        ("INSERT INTO held (id, t) VALUES (?, ?) ON DUPLICATE KEY UPDATE t = t + VALUES(t)", fractions.clone()),
        ("INSERT INTO held (id, t) VALUES (?, RAND(?))", numbers()),
        ("INSERT IGNORE INTO held (id, t) VALUES (?, ?)", texts().into_iter().chain(texts()).collect()),
        ("INSERT IGNORE INTO held (id, n) VALUES (?, ?)", texts().into_iter().chain(texts()).collect()),
        ("REPLACE INTO held (id, t) VALUES (?, ?)", texts().into_iter().chain(texts()).collect()),
        (
            "REPLACE INTO held (id, t) VALUES (?, (SELECT name FROM other WHERE nr = ?))",
            numbers().into_iter().chain(numbers()).collect(),
        ),
        ("UPDATE other SET nr = nr WHERE nr >= ? AND nr <= ?", numbers()),
        ("UPDATE other SET name = ? WHERE nr = ?", numbers()),
        ("UPDATE other SET name = CONCAT(name, ?) ORDER BY nr LIMIT 1 + 0 + 1", vec![]),
        (
            "UPDATE other SET name = CONCAT(name, ?) ORDER BY nr LIMIT ?",
            texts().into_iter().map(|set| vec![set[1].clone(), i(2)]).collect(),
        ),
        ("UPDATE other SET nr = (SELECT max(id) FROM auto WHERE id > ?) WHERE nr = ?", numbers()),
        ("UPDATE other SET name = 'x' WHERE nr IN (SELECT id FROM auto) AND nr >= ? AND nr <= ?", numbers()),
        (
            "UPDATE other SET name = 'x' WHERE name REGEXP ? AND nr > ?",
            vec![vec![t("one"), i(0)], vec![t("two"), i(0)], vec![t("three"), i(0)]],
        ),
        (
            "UPDATE other SET name = 'x' WHERE name LIKE ? AND nr > ?",
            vec![vec![t("one"), i(0)], vec![t("two"), i(0)], vec![t("thr%"), i(0)]],
        ),
        (
            "DELETE FROM other WHERE nr >= ? LIMIT ?",
            numbers().into_iter().map(|set| vec![set[1].clone(), i(1)]).collect(),
        ),
        (
            "DELETE FROM other WHERE nr >= ? ORDER BY nr DESC LIMIT ?",
            numbers().into_iter().map(|set| vec![set[1].clone(), i(1)]).collect(),
        ),
        ("UPDATE other SET name = IFNULL((SELECT o.t FROM auto o WHERE o.id = ?), 'none') WHERE nr = ?", numbers()),
        ("UPDATE other SET name = ? IS NULL WHERE nr < ?", null_sets.clone()),
        ("UPDATE other SET name = concat(name, '+') WHERE (? IS NULL OR nr = ?)", null_sets.clone()),
        ("UPDATE other SET name = concat(name, '+') WHERE nr IN (?, ?)", null_sets.clone()),
        ("UPDATE other SET name = concat(name, '+') WHERE nr NOT IN (?, ?)", null_sets.clone()),
        ("UPDATE other SET name = concat(name, '+') WHERE 2 IN (?, 7) AND nr <= ?", numbers()),
        ("UPDATE other SET name = concat(name, '+') WHERE 2 = ? AND nr <= ?", numbers()),
        ("UPDATE other SET name = concat(name, ROUND(7.12345, ?)) WHERE nr <= ?", numbers()),
        ("UPDATE other SET name = CONCAT_WS(',', name, @n := IFNULL(@n, 0) + ?) WHERE nr <= ?", numbers()),
        ("UPDATE other SET nr = LAST_INSERT_ID(nr + ?) WHERE nr >= ? + 90", numbers()),
        ("UPDATE other SET name = COALESCE(?, 'none') WHERE nr < IFNULL(?, 2)", null_sets.clone()),
        (
            "UPDATE other SET name = concat(name, '+') WHERE EXISTS (SELECT 1 FROM auto WHERE id = ? AND id <= ?)",
            numbers(),
        ),
        (
            "UPDATE other SET name = concat(name, '+') WHERE nr = (SELECT max(id) FROM auto WHERE id <= ?) OR nr > ?",
            numbers(),
        ),
        (
            "UPDATE other SET name = concat(name, '+') WHERE nr IN (SELECT id FROM auto WHERE ? = 2 UNION SELECT ?)",
            numbers(),
        ),
        ("UPDATE other, auto SET name = concat(name, '+') WHERE nr = id AND nr <= ? AND 3 > ?", numbers()),
        ("UPDATE other JOIN (SELECT max(id) AS top FROM auto WHERE id <= ?) a ON nr = top SET name = ?", numbers()),
        ("DELETE FROM other WHERE ? IS NULL AND nr = ?", null_sets.clone()),
        ("DELETE FROM other WHERE nr = (SELECT max(id) FROM auto WHERE id <= ?) AND 5 > ?", numbers()),
        ("DELETE other FROM other JOIN auto ON nr = id WHERE nr <= ? AND 2 = ?", numbers()),
        ("DELETE FROM other WHERE NOT EXISTS (SELECT 1 FROM auto WHERE id = nr AND id > ?) AND nr > ? + 1", numbers()),
        ("DELETE FROM other WHERE nr IN (SELECT id FROM auto WHERE id = ?) OR nr = ?", numbers()),
        (
            "DELETE FROM other WHERE name IN (?, ?)",
            vec![vec![t("one"), t("two")], vec![null(), t("three")], vec![t("three"), null()]],
        ),
        ("INSERT INTO triggered (id, t) VALUES (?, ?)", texts()),
        ("REPLACE INTO triggered (id, t) VALUES (?, ?)", texts().into_iter().chain(texts()).collect()),
        (
            "INSERT INTO triggered (id, t) VALUES (?, ?) ON DUPLICATE KEY UPDATE t = 'again'",
            texts().into_iter().chain(texts()).collect(),
        ),
        ("DELETE FROM triggered WHERE id = ? OR t = ?", texts()),
        ("INSERT INTO parts (id, t) VALUES (?, ?)", texts()),
        ("INSERT INTO viewed (id, t) VALUES (?, ?)", texts()),
        ("INSERT INTO checked (id, t) VALUES (?, ?)", texts()),
        ("INSERT INTO checked (id, n) VALUES (?, ?)", numbers()),
        ("INSERT INTO made (id, n) VALUES (?, ?)", numbers()),
        (
            "INSERT INTO made (id, n, t) VALUES (?, ?, ?)",
            numbers()
                .into_iter()
                .map(|mut set| {
                    set.push(t("x"));
                    set
                })
                .collect(),
        ),
        (
            "INSERT INTO stamped (id, at) VALUES (?, ?)",
            pairs(vec![null(), Value::Timestamp("2024-02-29 12:34:56".parse().unwrap()), null()]),
        ),
        ("INSERT INTO versioned (id, t) VALUES (?, ?)", texts()),
        (
            "UPDATE versioned SET t = ? WHERE id = ?",
            texts().into_iter().map(|set| vec![set[1].clone(), set[0].clone()]).collect(),
        ),
        ("INSERT INTO kinds (id, e) VALUES (?, ?)", pairs(vec![t("a"), t("b"), i(1), null(), t("b")])),
        ("INSERT INTO kinds (id, b) VALUES (?, ?)", pairs(vec![i(1), i(0), Value::U64(1), Value::Bool(true), null()])),
        ("INSERT INTO kinds (id, y) VALUES (?, ?)", pairs(vec![i(1999), t("2001"), i(70), t("70"), i(0), t("0")])),
        ("INSERT INTO kinds (id, c) VALUES (?, ?)", pairs(vec![t("a  "), t(""), null(), t("b"), i(7)])),
        ("INSERT INTO kinds (id, s) VALUES (?, ?)", pairs(vec![t("\u{e9}"), t("\u{1F600}"), null(), t("b")])),
        ("INSERT INTO kinds (id, j) VALUES (?, ?)", pairs(vec![t("{}"), t("[1]"), null(), t("7")])),
        (
            "INSERT INTO kinds (id, f) VALUES (?, ?)",
            pairs(vec![Value::F32(0.1), Value::F64(0.1), t("0.1"), Value::F32(0.3)]),
        ),
        (
            "INSERT INTO kinds (id, x) VALUES (?, ?)",
            pairs(vec![Value::F64(0.125), Value::F64(2.5), Value::F64(-0.005), Value::F64(1e10)]),
        ),
        (
            "INSERT INTO kinds (id, took) VALUES (?, ?)",
            pairs(["-12:00:00", "838:59:59", "00:00:00", "-00:00:01.5"].into_iter().map(t).collect()),
        ),
        (
            "INSERT INTO kinds (id, took) VALUES (?, ?)",
            pairs(vec![
                Value::Interval(Interval::new(0, 1, -3_600_000_000_000)),
                Value::Interval(Interval::new(0, -1, 0)),
                Value::Interval(Interval::new(0, -1, -500_000_000)),
            ]),
        ),
        (
            "INSERT INTO kinds (id, day) VALUES (?, ?)",
            pairs(vec![
                Value::Date(Date::new(2024, 2, 29).unwrap()),
                Value::Date(Date::new(1, 1, 1).unwrap()),
                null(),
                Value::Date(Date::new(9999, 12, 31).unwrap()),
            ]),
        ),
        (
            "INSERT INTO kinds (id, day) VALUES (?, ? + INTERVAL 1 DAY)",
            pairs(vec![
                Value::Date(Date::new(2024, 2, 29).unwrap()),
                Value::Date(Date::new(1999, 1, 1).unwrap()),
                null(),
                Value::Date(Date::new(9998, 12, 31).unwrap()),
            ]),
        ),
    ];
    let make = "CREATE TABLE held (id BIGINT PRIMARY KEY, t TEXT DEFAULT 'nothing', n BIGINT);
        CREATE TABLE other (nr BIGINT PRIMARY KEY, name TEXT);
        INSERT INTO other VALUES (1, 'one'), (2, 'two'), (3, 'three');
        CREATE TABLE auto (id BIGINT PRIMARY KEY AUTO_INCREMENT, t TEXT, n BIGINT);
        CREATE TABLE log (nr BIGINT PRIMARY KEY AUTO_INCREMENT, what TEXT);
        CREATE TABLE triggered (id BIGINT PRIMARY KEY, t TEXT, n BIGINT);
        CREATE TRIGGER t1 BEFORE INSERT ON triggered FOR EACH ROW SET NEW.t = CONCAT(NEW.t, '!'), NEW.n = (SELECT count(*) FROM log);
        CREATE TRIGGER t2 AFTER INSERT ON triggered FOR EACH ROW INSERT INTO log (what) VALUES (NEW.t);
        CREATE TRIGGER t3 AFTER DELETE ON triggered FOR EACH ROW INSERT INTO log (what) VALUES (OLD.t);
        CREATE TABLE parts (id BIGINT PRIMARY KEY, t TEXT) PARTITION BY HASH (id) PARTITIONS 3;
        CREATE VIEW viewed AS SELECT id, t FROM held WHERE id > 0;
        CREATE TABLE checked (id BIGINT PRIMARY KEY, t VARCHAR(10) DEFAULT 'd', n BIGINT CHECK (n < 100));
        CREATE TABLE made (id BIGINT PRIMARY KEY, n BIGINT, t TEXT, twice BIGINT AS (n * 2) STORED, more BIGINT AS (n * 3) VIRTUAL);
        CREATE TABLE stamped (id BIGINT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT '2001-01-01 00:00:00');
        CREATE TABLE versioned (id BIGINT PRIMARY KEY, t TEXT) WITH SYSTEM VERSIONING;
        INSERT INTO versioned VALUES (1, 'x'), (2, 'x'), (3, '');
        CREATE TABLE kinds (id BIGINT PRIMARY KEY, e ENUM ('a', 'b'), b BIT(8), y YEAR, c CHAR(5), s VARCHAR(20) CHARACTER SET utf8mb4, \
            j JSON, f FLOAT, x DECIMAL(20, 2), took TIME(6), day DATE, v VARBINARY(20));
        CREATE FUNCTION own(nr BIGINT) RETURNS TEXT READS SQL DATA RETURN (SELECT o.name FROM other o WHERE o.nr = nr)";
    db.execute_script(make).unwrap();
    // Nothing of it is undone with a transaction.
    let anew = "TRUNCATE TABLE auto;
        INSERT INTO auto VALUES (1, 'one', 1), (2, 'two', 2);
        DO LAST_INSERT_ID(0);
        SET @n = NULL, @last = NULL, @before = NULL";
    let tables = ["held", "other", "auto", "triggered", "parts", "checked", "made", "stamped", "versioned", "kinds"];
    let connection = db.connection().unwrap();
    let run = |sql: &str, sets: &[Vec<Value>], is_together: bool| -> Result<(u64, Vec<String>), ErrorKind> {
        connection.execute_script(anew).unwrap();
        let tx = connection.begin().unwrap();
        let affected = match is_together {
            true => tx.execute_many(sql, sets.to_vec()),
            false => sets.iter().map(|set| Ok(tx.execute(sql, set.clone())?.rows_affected)).sum(),
        };
        let log: Vec<String> = tx.fetch_all("SELECT what FROM log ORDER BY nr", ()).unwrap().column(0).unwrap();
        let mut contents = vec![format!("log: {log:?}")];
        for table in tables {
            let rows = tx.fetch_all(format!("SELECT * FROM {table} ORDER BY 1"), ()).unwrap();
            let values = |row: Row| (0..row.len()).map(|at| row.value(at).unwrap().to_value()).collect::<Vec<_>>();
            contents.push(format!("{table}: {:?}", rows.iter().map(values).collect::<Vec<_>>()));
        }
        tx.rollback().unwrap();
        Ok((affected.map_err(|error: pontoon::Error| error.kind())?, contents))
    };
    let mut differ = Vec::new();
    for (sql, sets) in &cases {
        let (alone, together) = (run(sql, sets, false), run(sql, sets, true));
        if alone != together {
            differ.push(format!("{sql}\n  alone {alone:#?}\n  together {together:#?}"));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
