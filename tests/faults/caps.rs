//! Each bound, exactly: what is just inside of it goes, what is just outside is refused and named.

use pontoon::prelude::*;
use pontoon::{DatabaseBuilder, Effect, Error, ErrorKind};

use crate::support::{LONG, ends};

fn with(name: &str, value: impl std::fmt::Display) -> Result<Database, Error> {
    let by_url = Database::builder().url(format!("sqlite::memory:?{name}={value}")).build();
    let in_code = Database::builder().url("sqlite::memory:").option(name, value.to_string()).build();
    match (by_url, in_code) {
        (Ok(db), Ok(_)) => Ok(db),
        (Err(one), Err(other)) => {
            assert_eq!((one.kind(), one.message()), (other.kind(), other.message()), "{name}={value}");
            Err(one)
        }
        (one, other) => panic!("{name}={value}: {:?} in the URL, {:?} in code", one.err(), other.err()),
    }
}

#[test]
fn numbers_of_the_configuration_have_the_bounds_that_their_errors_name() {
    let numbers: [(&str, i64, i64); 6] = [
        ("pool_size", 1, 10_000),
        ("max_waiters", 0, 1_000_000_000),
        ("max_stuck", 0, 1_000_000_000),
        ("batch_rows", 1, 1_000_000),
        ("statement_cache", 0, 100_000),
        ("cache_size", i64::from(i32::MIN), i64::from(i32::MAX)),
    ];
    for (name, min, max) in numbers {
        for inside in [min, min + 1, max - 1, max] {
            assert!(with(name, inside).is_ok(), "{name}={inside}: {:?}", with(name, inside).err());
        }
        for outside in [min - 1, max + 1, i64::MIN, i64::MAX] {
            let error = with(name, outside).map(drop).unwrap_err();
            assert_eq!((error.kind(), error.effect()), (ErrorKind::Config, Effect::NotSent), "{name}={outside}");
            let message = error.message();
            assert!(message.contains(name) && message.contains(&max.to_string()), "{name}={outside}: {message}");
        }
        for odd in ["", "1.5", "many", "99999999999999999999", "0x10", "１"] {
            assert_eq!(with(name, odd).map(drop).unwrap_err().kind(), ErrorKind::Config, "{name}={odd}");
        }
    }
    for name in ["timeout", "connect_timeout", "idle_timeout", "max_lifetime", "keepalive", "leak_threshold"] {
        for inside in ["1ms", "1000000000s", "never"] {
            assert!(with(name, inside).is_ok(), "{name}={inside}: {:?}", with(name, inside).err());
        }
        for outside in ["0", "999us", "1000000001s", "-1s", "1e400", "NaN"] {
            let error = with(name, outside).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{name}={outside}: {error}");
            assert!(error.message().contains(name), "{error}");
        }
    }
}

#[test]
fn numbers_that_depend_on_each_other_are_bounded_together() {
    let together = |options: &str| Database::builder().url(format!("sqlite::memory:?{options}")).build().map(drop);
    for (inside, outside) in [
        ("pool_size=7&min_idle=7", "pool_size=7&min_idle=8"),
        ("pool_size=9000&max_overflow=1000", "pool_size=9000&max_overflow=1001"),
    ] {
        together(inside).unwrap();
        let error = together(outside).unwrap_err();
        assert_eq!((error.kind(), error.effect()), (ErrorKind::Config, Effect::NotSent), "{outside}");
        assert!(error.message().contains("pool_size"), "{error}");
    }
}

fn memory(change: impl FnOnce(DatabaseBuilder) -> DatabaseBuilder) -> Database {
    change(Database::builder().url("sqlite::memory:").pool_size(1).timeout(Some(LONG))).open().unwrap()
}

#[test]
fn as_many_parameters_as_the_database_takes_and_not_one_more() {
    ends(|| {
        let db = memory(|builder| builder);
        let most = db.dialect().max_parameters as i64;
        for (count, is_taken) in [(most - 1, true), (most, true), (most + 1, false)] {
            let list: Vec<i64> = (1..=count).collect();
            let slots = vec!["?"; count as usize].join(",");
            let by_list = db.fetch_val::<i64>("SELECT count(*) WHERE 1 IN (:list)", params! { list: list.clone() });
            let by_position = db.fetch_val::<i64>(format!("SELECT count(*) WHERE 1 IN ({slots})").as_str(), list);
            for result in [by_list, by_position] {
                match result {
                    Ok(found) => assert_eq!((found, is_taken), (Some(1), true), "{count}"),
                    Err(error) => {
                        assert_eq!(
                            (error.kind(), error.effect(), is_taken),
                            (ErrorKind::Limit, Effect::NotSent, false)
                        );
                        assert!(error.message().contains(&most.to_string()), "{error}");
                    }
                }
            }
        }
    });
}

#[test]
fn as_many_bytes_of_a_result_as_allowed_and_not_one_more() {
    ends(|| {
        let db = memory(|builder| builder);
        let sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) \
                   SELECT n, hex(zeroblob(50)) FROM c";
        let fits = |bytes: u64| match db.fetch_all(Query::new(sql).max_bytes(bytes), ()) {
            Ok(rows) => {
                assert_eq!(rows.len(), 100);
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ResultTooLarge);
                false
            }
        };
        // A hundred texts of a hundred bytes, and what their cells take.
        let (mut too_small, mut enough) = (10_000_u64, 100_000_u64);
        assert!(!fits(too_small) && fits(enough));
        while enough - too_small > 1 {
            let middle = too_small.midpoint(enough);
            if fits(middle) { enough = middle } else { too_small = middle }
        }
        for (bytes, is_enough) in [(enough - 1, false), (enough, true), (enough + 1, true), (0, false)] {
            assert_eq!(fits(bytes), is_enough, "{bytes} of {enough}");
            let streamed = db.iterate(Query::new(sql).max_bytes(bytes), ()).unwrap().collect::<Result<Vec<_>, _>>();
            assert_eq!(streamed.is_ok(), is_enough, "{bytes} of {enough}, as a stream");
        }
    });
}

#[test]
fn a_batch_has_as_many_rows_as_asked_for() {
    ends(|| {
        let sql = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n FROM c";
        for rows in [1, 2, 999, 1000, 1001] {
            let db = memory(|builder| builder.option("batch_rows", rows.to_string()));
            let sizes: Vec<usize> = db.batches(sql, ()).unwrap().map(|batch| batch.unwrap().len()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), 1000);
            let (last, full) = sizes.split_last().unwrap();
            assert!(full.iter().all(|size| *size == rows) && *last <= rows, "{rows}: {sizes:?}");
        }
    });
}
