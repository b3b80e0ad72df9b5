//! Rows as they are wanted, and rows by COPY.

use std::time::Duration;

use pontoon::driver::BulkPath;
use pontoon::prelude::*;
use pontoon::{ErrorKind, params};

use crate::kit::{LeakMeter, case};
use crate::{open, server};

#[test]
fn in_a_transaction_other_statements_run_beside_a_stream() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute_script("CREATE TABLE numbers (n bigint PRIMARY KEY, twice bigint)").unwrap();
    db.execute("INSERT INTO numbers SELECT n, 0 FROM generate_series(1, 5000) AS s (n)", ()).unwrap();
    let tx = db.begin().unwrap();
    let mut seen = 0;
    for row in tx.iterate("SELECT n FROM numbers WHERE n > :from ORDER BY n", params! { from: 0 }).unwrap() {
        let n: i64 = row.unwrap().get("n").unwrap();
        seen += 1;
        assert_eq!(n, seen);
        if n == 1 {
            // Nothing is read ahead for it.
            assert_eq!(
                tx.fetch_val::<i64>("SELECT count(*) FROM pg_cursors WHERE name LIKE 'pontoon%'", ()).unwrap(),
                Some(1)
            );
        }
        let update = "UPDATE numbers SET twice = :twice WHERE n = :n";
        assert_eq!(tx.execute(update, params! { twice: 2 * n, n }).unwrap().rows_affected, 1);
    }
    tx.commit().unwrap();
    assert_eq!(seen, 5000);
    let wrong: Option<i64> = db.fetch_val("SELECT count(*) FROM numbers WHERE twice <> 2 * n", ()).unwrap();
    assert_eq!(wrong, Some(0));
}

#[test]
fn a_stream_that_is_left_early_leaves_its_connection_as_it_was() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let backend = || db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let first = backend();
    let endless = "SELECT generate_series(1, 100000000), repeat('x', 1000)";
    for _ in 0..3 {
        let mut rows = db.iterate(endless, ()).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), 1);
        drop(rows);
        assert_eq!(backend(), first);
        assert_eq!(db.fetch_one(endless, ()).unwrap().unwrap().get::<i64>(0).unwrap(), 1);
        assert_eq!(backend(), first);
    }
    let tx = db.begin().unwrap();
    let mut rows = tx.iterate(endless, ()).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().get::<i64>(0).unwrap(), 1);
    drop(rows);
    assert_eq!(tx.fetch_val::<i64>("SELECT count(*) FROM pg_cursors WHERE name LIKE 'pontoon%'", ()).unwrap(), Some(0));
    tx.commit().unwrap();
}

#[test]
fn what_writes_is_brought_to_its_end_however_few_of_its_rows_are_wanted() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    db.execute("CREATE TABLE numbers (n bigint)", ()).unwrap();
    let insert = "INSERT INTO numbers SELECT n FROM generate_series(1, 20000) AS s (n) RETURNING n";
    assert_eq!(db.fetch_one(insert, ()).unwrap().unwrap().get::<i64>(0).unwrap(), 1);
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM numbers", ()).unwrap(), Some(20_000));
}

#[test]
fn a_limit_that_is_met_by_the_last_rows_costs_no_connection() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let backend = || db.fetch_val::<i64>("SELECT pg_backend_pid()", ()).unwrap().unwrap();
    let first = backend();
    // Fewer rows than a batch has, so that the result is over when they are counted.
    for rows in [10, 3_000, 10_000] {
        let query = format!("SELECT n, repeat('x', 100) FROM generate_series(1, {rows}) AS s (n)");
        let error = db.fetch_all(Query::new(&*query).max_bytes(1_000), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResultTooLarge, "{error}");
        assert_eq!(backend(), first, "{rows} rows");
    }
}

#[test]
fn what_fails_in_the_middle_fails_behind_the_rows_that_came_before() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let query = "SELECT n, 1 / (5000 - n) FROM generate_series(1, 10000) AS s (n)";
    let error = db.fetch_all(query, ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    let mut rows = db.iterate(query, ()).unwrap();
    let mut seen = 0;
    let error = loop {
        match rows.next().expect("it does not end well") {
            Ok(row) => {
                seen += 1;
                assert_eq!(row.get::<i64>(0).unwrap(), seen);
            }
            Err(error) => break error,
        }
    };
    drop(rows);
    assert_eq!(error.sqlstate(), Some("22012"));
    assert!((4_000..5_000).contains(&seen), "{seen}");
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn large_rows_and_small_ones_take_turns() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let query = "SELECT n, repeat('x', CASE n % 3 WHEN 0 THEN 0 WHEN 1 THEN 100 ELSE 300000 END), NULL::text \
                 FROM generate_series(1, 200) AS s (n)";
    let expected = |n: i64| [0, 100, 300_000][(n % 3) as usize];
    let rows = db.fetch_all(query, ()).unwrap();
    assert_eq!(rows.len(), 200);
    let streamed: Vec<_> = db.iterate(query, ()).unwrap().map(|row| row.unwrap()).collect();
    for (at, row) in rows.iter().chain(streamed).enumerate() {
        let n = (at % 200) as i64 + 1;
        assert_eq!(row.get::<i64>(0).unwrap(), n);
        assert_eq!(row.get::<&str>(1).unwrap().len(), expected(n));
        assert_eq!(row.get::<Option<&str>>(2).unwrap(), None);
    }
}

#[test]
fn memory_stays_flat_however_long_the_stream_and_large_its_rows() {
    let output = case!(|_| {
        let Some(server) = crate::shared_server() else { return };
        let database = server.database();
        let db = open(&database, "");
        db.fetch_one("SELECT 1", ()).unwrap();
        let meter = LeakMeter::start();
        let large = "SELECT repeat('x', 1000000) FROM generate_series(1, 150)";
        let mut bytes = 0;
        let tx = db.begin().unwrap();
        for row in tx.iterate(large, ()).unwrap() {
            bytes += row.unwrap().get::<&str>(0).unwrap().len();
        }
        tx.commit().unwrap();
        for row in db.iterate(large, ()).unwrap() {
            bytes += row.unwrap().get::<&str>(0).unwrap().len();
        }
        assert_eq!(bytes, 300_000_000);
        // Rows at work when it is looked at, and what the allocator keeps of them.
        meter.assert_memory_within(64 << 20);
    })
    .run();
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[test]
fn rows_are_loaded_by_copy_and_an_error_names_the_row() {
    let database = server!().database();
    let db = open(&database, "");
    db.execute_script(
        "CREATE TABLE \"Notes \"\"odd\"\"\" (id int PRIMARY KEY, \"te xt\" text, at timestamptz, net inet)",
    )
    .unwrap();
    let columns = ["id", "te xt"];
    let report =
        db.bulk_insert("Notes \"odd\"", &columns, (0..10_000).map(|id| (id, format!("tab\t{id}\n\\N")))).unwrap();
    assert_eq!((report.rows, report.path), (10_000, BulkPath::Copy));
    let odd = "SELECT count(*) FROM \"Notes \"\"odd\"\"\" WHERE \"te xt\" = 'tab' || chr(9) || id || chr(10) || '\\N'";
    assert_eq!(db.fetch_val::<i64>(odd, ()).unwrap(), Some(10_000));
    // A column without a binary form here: all of it goes as text.
    let rows = [(20_000, "back\\slash\t\r\n", "::1"), (20_001, "\\.", "10.0.0.1")];
    assert_eq!(db.bulk_insert("Notes \"odd\"", &["id", "te xt", "net"], rows).unwrap().rows, 2);
    let back: Vec<String> = db
        .fetch_all("SELECT \"te xt\" FROM \"Notes \"\"odd\"\"\" WHERE id >= 20000 ORDER BY id", ())
        .unwrap()
        .column(0)
        .unwrap();
    assert_eq!(back, ["back\\slash\t\r\n", "\\."]);
    let error = db.bulk_insert("Notes \"odd\"", &columns, [(30_000, "a"), (30_001, "b"), (7, "c")]).unwrap_err();
    assert_eq!(
        (error.kind(), error.constraint()),
        (ErrorKind::UniqueViolation, Some("Notes \"odd\"_pkey")),
        "{error:?}"
    );
    assert!(error.message().contains("row 2"), "{error}");
    let error = db.bulk_insert("Notes \"odd\"", &["id", "net"], [(30_000, "::1"), (30_001, "no address")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error:?}");
    assert!(error.message().contains("row 1"), "{error}");
    assert!(!format!("{error:?}").contains("row 1 has"), "{error:?}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM \"Notes \"\"odd\"\"\"", ()).unwrap(), Some(10_002));
    // COPY in a statement has nobody to talk to.
    let error = db.execute("COPY \"Notes \"\"odd\"\"\" FROM STDIN", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.message().contains("bulk_insert"), "{error}");
    db.execute("COPY \"Notes \"\"odd\"\"\" TO STDOUT", ()).unwrap_err();
    db.execute_script("COPY \"Notes \"\"odd\"\"\" FROM STDIN").unwrap_err();
    assert_eq!(db.fetch_val::<i64>("SELECT 1", ()).unwrap(), Some(1));
    assert!(db.close(Duration::from_secs(10)).is_clean());
}

#[test]
fn values_of_a_gigabyte_are_refused_by_whoever_cannot_take_them() {
    let database = server!().database();
    let db = open(&database, "pool_size=1");
    let error = db.fetch_all("SELECT repeat('x', 1100000000)", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("54000"), "{error:?}");
    let text = "ü".repeat(8 << 20);
    assert_eq!(db.fetch_val::<String>("SELECT ?", (text.clone(),)).unwrap().as_deref(), Some(text.as_str()));
}
