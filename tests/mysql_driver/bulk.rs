//! Many rows at a time.

use pontoon::BulkPath;
use pontoon::prelude::*;
use pontoon::value::Value;

use crate::kit::servers::{MariaDb, private_with};
use crate::{fails, open, scratch};

const TABLE: &str =
    "CREATE TABLE held (id INT PRIMARY KEY, t LONGTEXT, b LONGBLOB, d DECIMAL(20, 5), f DOUBLE, at DATETIME(6))";

fn row(id: i64) -> (i64, String, Vec<u8>, Value, f64, Value) {
    let at: pontoon::value::Timestamp = "2024-02-29 12:34:56.789".parse().unwrap();
    let decimal: pontoon::value::Decimal = "-1234567.12345".parse().unwrap();
    (
        id,
        format!("text {id}\t\\N\n\r\0'\"\u{1F600}"),
        vec![0, 0xff, b'\\', b'\n', (id % 256) as u8],
        Value::Decimal(decimal),
        id as f64 / 3.0,
        Value::Timestamp(at),
    )
}

/// Both ways to load, on a server that allows both.
fn each(test: fn(&Database, BulkPath)) {
    let scratch = scratch!();
    for (options, path) in [("", BulkPath::MultiRow), ("?bulk=load_data", BulkPath::Copy)] {
        let db = open(&scratch, options);
        db.execute_script(&format!("DROP TABLE IF EXISTS held; {TABLE}")).unwrap();
        test(&db, path);
    }
}

const COLUMNS: [&str; 6] = ["id", "t", "b", "d", "f", "at"];

#[test]
fn rows_come_back_as_they_went_in() {
    each(|db, path| {
        let loaded = db.bulk_insert("held", &COLUMNS, (0..10_000).map(row)).unwrap();
        assert_eq!((loaded.rows, loaded.path), (10_000, path));
        for id in [0, 255, 256, 9_999] {
            let back = db.fetch_one("SELECT * FROM held WHERE id = ?", (id,)).unwrap().expect("a row");
            let (_, text, bytes, decimal, float, at) = row(id);
            assert_eq!(back.get::<String>("t").unwrap(), text);
            assert_eq!(back.get::<Vec<u8>>("b").unwrap(), bytes);
            assert_eq!(back.value("d").unwrap().to_value(), decimal);
            assert_eq!(back.get::<f64>("f").unwrap(), float);
            assert_eq!(back.value("at").unwrap().to_value(), at);
        }
        let nulls = [(10_001, None::<String>), (10_002, Some(String::new())), (10_003, Some("\\N".into()))];
        db.bulk_insert("held", &["id", "t"], nulls).unwrap();
        let texts: Vec<Option<String>> =
            db.fetch_all("SELECT t FROM held WHERE id > 10000 ORDER BY id", ()).unwrap().column(0).unwrap();
        assert_eq!(texts, [None, Some(String::new()), Some("\\N".into())]);
    });
}

#[test]
fn a_row_that_does_not_fit_keeps_all_others_out() {
    each(|db, _| {
        for (kind, bad) in [(ErrorKind::UniqueViolation, (5, "twice")), (ErrorKind::UniqueViolation, (0, "twice"))] {
            let rows = (0..1000).map(|id| (id, "fine")).chain([bad]);
            let error = fails(kind, db.bulk_insert("held", &["id", "t"], rows));
            assert!(error.message().contains("row"), "says which: {error}");
            assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).unwrap(), Some(0));
        }
        let error = fails(
            ErrorKind::InvalidValue,
            db.bulk_insert("held", &["id", "d"], [(1, Value::I64(1)), (2, Value::Text("no number".into()))]),
        );
        assert!(!error.message().is_empty());
        assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM held", ()).unwrap(), Some(0));
    });
}

#[test]
fn what_is_larger_than_a_packet_goes_in_pieces_or_not_at_all() {
    let Some(server) = private_with(&MariaDb, &[("max-allowed-packet", "1M")]) else { return };
    let scratch = server.database();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(TABLE).unwrap();
    let session: Option<i64> = db.fetch_val("SELECT connection_id()", ()).unwrap();
    // Each fits, and together they are ten times what the server takes.
    let part = "x".repeat(200_000);
    let rows = (0..50).map(|id| (id, part.clone()));
    assert_eq!(db.bulk_insert("held", &["id", "t"], rows).unwrap().rows, 50);
    // One that does not is refused before it is sent, and costs nothing.
    let large = "x".repeat(1 << 20);
    let error = fails(ErrorKind::Limit, db.execute("INSERT INTO held (id, t) VALUES (100, ?)", (large.clone(),)));
    assert!(error.message().contains("max_allowed_packet"), "{error}");
    assert_eq!(error.effect(), pontoon::Effect::NotSent);
    fails(ErrorKind::Limit, db.bulk_insert("held", &["id", "t"], [(100, large.clone())]));
    fails(ErrorKind::Limit, db.execute_script(&format!("INSERT INTO held (id, t) VALUES (100, '{large}')")));
    assert_eq!(db.fetch_val("SELECT connection_id()", ()).unwrap(), session, "the same connection");
    // What the server sends may be larger than what it takes.
    let rows = db.fetch_all("SELECT a.t, b.t, c.t, d.t, e.t, f.t FROM held a, held b, held c, held d, held e, held f WHERE a.id = 1 AND b.id = 2 AND c.id = 3 AND d.id = 4 AND e.id = 5 AND f.id = 6", ()).unwrap();
    assert_eq!(rows.first().unwrap().get::<String>(5).unwrap().len(), 200_000);
}

#[test]
fn large_values_both_ways() {
    let Some(server) = private_with(&MariaDb, &[("max-allowed-packet", "64M")]) else { return };
    let scratch = server.database();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script(TABLE).unwrap();
    // At and around the length at which a packet is cut into several.
    for length in [(1 << 24) - 100, (1 << 24) - 1, 1 << 24, (1 << 24) + 1, 40 << 20] {
        let bytes: Vec<u8> = (0..length).map(|at: usize| (at % 251) as u8).collect();
        db.execute("REPLACE INTO held (id, b) VALUES (1, ?)", (bytes.clone(),)).unwrap();
        let back: Option<Vec<u8>> = db.fetch_val("SELECT b FROM held WHERE id = 1", ()).unwrap();
        assert!(back.as_deref() == Some(&*bytes), "{length} bytes");
    }
}

#[test]
fn load_data_where_the_server_does_not_take_it() {
    let Some(server) = private_with(&MariaDb, &[("local-infile", "0")]) else { return };
    let scratch = server.database();
    let db = open(&scratch, "?bulk=load_data&pool_size=1");
    db.execute_script(TABLE).unwrap();
    let result = db.bulk_insert("held", &["id"], [(1,)]);
    let error = result.map(drop).expect_err("the server refuses");
    assert!(error.message().contains("local_infile") && error.message().contains("bulk=insert"), "{error}");
    assert_eq!(db.fetch_val("SELECT 1", ()).unwrap(), Some(1));
}

#[test]
fn a_file_of_this_machine_is_never_sent() {
    let scratch = scratch!();
    let db = open(&scratch, "?pool_size=1");
    db.execute_script("CREATE TABLE loaded (line LONGTEXT)").unwrap();
    let load = "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE loaded";
    let error = fails(ErrorKind::Unsupported, db.execute(load, ()));
    assert!(error.message().contains("bulk_insert"), "{error}");
    assert_eq!(db.fetch_val::<i64>("SELECT count(*) FROM loaded", ()).unwrap(), Some(0));
    fails(ErrorKind::Unsupported, db.execute_script(load));
    assert_eq!(db.fetch_val("SELECT 1", ()).unwrap(), Some(1));
}
