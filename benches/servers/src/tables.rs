//! What makes the tables, once for all groups, in SQL of each server: the rows are those of `data::people`.

use pontoon_bench_harness::data::{PEOPLE, SERVER_REPEATS};

pub fn postgres() -> Vec<String> {
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id bigint PRIMARY KEY, name text NOT NULL, age bigint NOT NULL, score float8 NOT NULL, \
             mail text NOT NULL)"
        )
    };
    vec![
        table("people"),
        table("sink"),
        "CREATE TABLE repeats (number bigint PRIMARY KEY)".to_owned(),
        format!("INSERT INTO repeats SELECT generate_series(1, {SERVER_REPEATS})"),
        format!(
            "INSERT INTO people SELECT i + 1, 'Name Number ' || i, i * 7919 % 1000, i * 0.25, \
             'somebody.' || i || '@mail.example.org' FROM generate_series(0::bigint, {}) i",
            PEOPLE - 1
        ),
        "VACUUM ANALYZE".to_owned(),
        "CHECKPOINT".to_owned(),
    ]
}

pub fn mariadb() -> Vec<String> {
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id bigint PRIMARY KEY, name varchar(100) NOT NULL, age bigint NOT NULL, \
             score double NOT NULL, mail varchar(100) NOT NULL)"
        )
    };
    vec![
        table("people"),
        table("sink"),
        "CREATE TABLE repeats (number bigint PRIMARY KEY)".to_owned(),
        format!("INSERT INTO repeats SELECT seq FROM seq_1_to_{SERVER_REPEATS}"),
        format!(
            "INSERT INTO people SELECT seq + 1, concat('Name Number ', seq), seq * 7919 % 1000, seq * 0.25, \
             concat('somebody.', seq, '@mail.example.org') FROM seq_0_to_{}",
            PEOPLE - 1
        ),
        "ANALYZE TABLE people, repeats".to_owned(),
    ]
}
