//! Building batches and reading them, against collecting typed tuples with owned text.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pontoon::{BatchBuilder, Columns, FromRow, Rows};

const ROWS: usize = 100_000;
const BATCH: usize = 512;

type Input<'t> = (i64, &'t str, i64, f64, &'t str);

struct Texts {
    name: String,
    mail: String,
}

fn texts() -> Vec<Texts> {
    (0..ROWS)
        .map(|i| Texts { name: format!("Name Number {i}"), mail: format!("somebody.{i}@mail.example.org") })
        .collect()
}

fn input(texts: &[Texts]) -> Vec<Input<'_>> {
    let mut input = Vec::with_capacity(ROWS);
    for (i, Texts { name, mail }) in (0..).zip(texts) {
        input.push((i, name.as_str(), (i * 7919) % 1000, i as f64 * 0.25, mail.as_str()));
    }
    input
}

fn tuples(input: &[Input<'_>]) -> Vec<(i64, String, i64, f64, String)> {
    let mut tuples = Vec::new();
    for &(id, name, age, score, mail) in input {
        tuples.push((id, name.to_owned(), age, score, mail.to_owned()));
    }
    tuples
}

fn columns() -> Arc<Columns> {
    Arc::new(Columns::of_names(["id", "name", "age", "score", "mail"]))
}

/// As a driver does it: batches that grow from 16 to 512 rows.
fn rows(input: &[Input<'_>]) -> Rows {
    let columns = columns();
    let mut rows = Rows::new(Arc::clone(&columns));
    let mut builder = BatchBuilder::new(columns);
    let mut limit = 16;
    for &(id, name, age, score, mail) in input {
        builder.push_i64(id);
        builder.push_text(name).expect("small");
        builder.push_i64(age);
        builder.push_f64(score);
        builder.push_text(mail).expect("small");
        if builder.rows() >= limit {
            rows.push(builder.take().expect("whole rows"));
            limit = (limit * 2).min(BATCH);
        }
    }
    rows.push(builder.finish().expect("whole rows"));
    rows
}

fn read(rows: &Rows) -> (i64, f64, usize) {
    let mut sums = (0, 0.0, 0);
    for row in rows {
        sums.0 += row.get::<i64>(0).expect("an integer");
        sums.2 += black_box(row.get::<&str>(1).expect("text")).len();
        sums.0 += row.get::<i64>(2).expect("an integer");
        sums.1 += row.get::<f64>(3).expect("a float");
        sums.2 += black_box(row.get::<&str>(4).expect("text")).len();
    }
    sums
}

fn read_with_cursor(rows: &Rows) -> (i64, f64, usize) {
    let mut sums = (0, 0.0, 0);
    let mut cursor = rows.cursor();
    while let Some(row) = cursor.next() {
        sums.0 += row.get::<i64>(0).expect("an integer");
        sums.2 += black_box(row.get::<&str>(1).expect("text")).len();
        sums.0 += row.get::<i64>(2).expect("an integer");
        sums.1 += row.get::<f64>(3).expect("a float");
        sums.2 += black_box(row.get::<&str>(4).expect("text")).len();
    }
    sums
}

fn read_by_name(rows: &Rows) -> (i64, f64, usize) {
    let mut sums = (0, 0.0, 0);
    for row in rows {
        sums.0 += row.get::<i64>("id").expect("an integer");
        sums.2 += black_box(row.get::<&str>("name").expect("text")).len();
        sums.0 += row.get::<i64>("age").expect("an integer");
        sums.1 += row.get::<f64>("score").expect("a float");
        sums.2 += black_box(row.get::<&str>("mail").expect("text")).len();
    }
    sums
}

#[derive(FromRow)]
#[allow(dead_code)]
struct Person {
    id: i64,
    name: String,
    age: i64,
    score: f64,
    mail: String,
}

fn by_hand(rows: &Rows) -> Vec<Person> {
    let mut people = Vec::with_capacity(rows.len());
    for row in rows {
        people.push(Person {
            id: row.get(0).expect("an integer"),
            name: row.get(1).expect("text"),
            age: row.get(2).expect("an integer"),
            score: row.get(3).expect("a float"),
            mail: row.get(4).expect("text"),
        });
    }
    people
}

fn derived(rows: &Rows) -> Vec<Person> {
    rows.decode().expect("people")
}

fn build(criterion: &mut Criterion) {
    let texts = texts();
    let input = input(&texts);
    let mut group = criterion.benchmark_group("build 100000 x 5");
    group.sample_size(40);
    group.bench_function("tuples, built", |b| b.iter_batched(|| (), |()| tuples(&input), BatchSize::PerIteration));
    group.bench_function("tuples, built and dropped", |b| b.iter(|| tuples(&input).len()));
    for (name, read) in [("iterator", read as fn(&Rows) -> _), ("cursor", read_with_cursor)] {
        let run = || {
            let rows = rows(&input);
            black_box(read(&rows));
            rows
        };
        group.bench_function(format!("rows, built and read by {name}"), |b| {
            b.iter_batched(|| (), |()| run(), BatchSize::PerIteration);
        });
        group.bench_function(format!("rows, built, read by {name} and dropped"), |b| b.iter(|| run().len()));
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let texts = texts();
    let rows = rows(&input(&texts));
    let mut group = criterion.benchmark_group("read 100000 x 5");
    group.sample_size(40);
    group.bench_function("cells by position", |b| b.iter(|| read(&rows)));
    group.bench_function("cells by position with a cursor", |b| b.iter(|| read_with_cursor(&rows)));
    group.bench_function("cells by name", |b| b.iter(|| read_by_name(&rows)));
    group.bench_function("structs by hand", |b| b.iter_with_large_drop(|| by_hand(&rows)));
    group.bench_function("structs derived", |b| b.iter_with_large_drop(|| derived(&rows)));
    group.finish();
}

criterion_group!(benches, build, decode);
criterion_main!(benches);
