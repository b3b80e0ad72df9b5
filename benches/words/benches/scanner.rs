//! How long it takes to read a statement, to find it again, and to bind values to it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pontoon::sql::{Dialect, MYSQL, POSTGRES, SQLITE, Statement, StatementCache, split_script};
use pontoon::{IntoParams, params};

/// 130 bytes, three names.
const SQL: &str = "SELECT id, text, completed FROM notes WHERE owner = :owner AND created > :since AND completed = :done \
                   ORDER BY id DESC LIMIT 50000";

const POINT: &str = "SELECT id, text, completed FROM notes WHERE id = :id";

const DIALECTS: [&Dialect; 3] = [&SQLITE, &POSTGRES, &MYSQL];

fn parse(c: &mut Criterion) {
    assert_eq!(SQL.len(), 130);
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(SQL.len() as u64));
    for dialect in DIALECTS {
        group.bench_function(dialect.name, |b| b.iter(|| Statement::parse(black_box(SQL), dialect)));
    }
    group.finish();
}

fn cached(c: &mut Criterion) {
    let cache = StatementCache::default();
    for n in 0..200 {
        cache.get(&format!("{SQL} {n}"), &SQLITE).expect("it can be read");
    }
    c.bench_function("cached", |b| b.iter(|| cache.get(black_box(SQL), &SQLITE)));
}

fn bind(c: &mut Criterion) {
    let cache = StatementCache::default();
    let mut group = c.benchmark_group("bind");
    let (one, three) =
        (cache.get(POINT, &SQLITE).expect("it can be read"), cache.get(SQL, &SQLITE).expect("it can be read"));
    group.bench_function("1 name", |b| b.iter(|| one.bind(params! { id: black_box(7) }).expect("it fits")));
    group.bench_function("3 names", |b| {
        b.iter(|| three.bind(params! { owner: black_box(7), since: 1.5, done: true }).expect("it fits"))
    });
    group.bench_function("3 names in another order", |b| {
        b.iter(|| three.bind(params! { done: true, owner: black_box(7), since: 1.5 }).expect("it fits"))
    });
    let positional = cache.get("SELECT id, text, completed FROM notes WHERE id = ?", &SQLITE).expect("it can be read");
    group.bench_function("1 position", |b| b.iter(|| positional.bind((black_box(7),).into_params()).expect("it fits")));
    let list = cache.get("SELECT id FROM notes WHERE id IN (:ids)", &SQLITE).expect("it can be read");
    let ids: Vec<i64> = (0..100).collect();
    group.bench_function("list of 100", |b| {
        b.iter(|| list.bind(params! { ids: black_box(&ids) }).expect("it fits").values.len())
    });
    group.finish();
    c.bench_function("cached and bound, 1 name", |b| {
        b.iter(|| {
            let statement = cache.get(black_box(POINT), &SQLITE).expect("it can be read");
            statement.bind(params! { id: black_box(7) }).expect("it fits").values.len()
        })
    });
}

fn script(c: &mut Criterion) {
    let row = "INSERT INTO notes VALUES (1, 'it''s; a note', NULL, 1.5, '2024-02-29 12:34:56');\n";
    let dump = format!("BEGIN;\n{}COMMIT;\n", row.repeat(10_000));
    let mut group = c.benchmark_group("script");
    group.throughput(Throughput::Bytes(dump.len() as u64));
    group.bench_function("dump", |b| b.iter(|| split_script(black_box(&dump), &SQLITE).count()));
    group.finish();
}

criterion_group!(benches, parse, cached, bind, script);
criterion_main!(benches);
