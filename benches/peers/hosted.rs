//! Pontoon by a driver in a process of its own.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pontoon::prelude::*;
use pontoon_bench_harness::{Digest, Env, Outcome, data, process};

/// What differs between the hosts.
pub struct Host {
    /// Opens the people. `stream` if the long result is to be read, which some databases have to be told not to keep.
    pub open: fn(&Env, bool) -> Database,
    pub stream: &'static str,
    /// Whether its process gets faster for long while it runs.
    pub warms_up: bool,
    /// The rows that come along with the stream: of the memory of this process, and of the host.
    pub memory: [&'static str; 2],
}

impl Host {
    /// Rows of a group begin with its name: this is what is behind it.
    pub fn run(&self, row: &str, env: &Env) -> Option<Outcome> {
        Some(match row.split_once('_')?.1 {
            "point" => self.point(env),
            "fetch_all" => self.fetch_all(env),
            "start" => self.start(env),
            "stream" => self.stream(env),
            _ => return None,
        })
    }

    fn warm(&self, env: &Env, op: impl FnMut(u64)) {
        if self.warms_up { env.warm_up(op) } else { env.warm(op) }
    }

    fn point(&self, env: &Env) -> Outcome {
        let db = (self.open)(env, false);
        let op = |number, digest: &mut Digest| {
            let person: Option<data::Person> = db.fetch_one_as(data::POINT, (data::key(number),)).expect("a row");
            let (id, name, age, score, mail) = person.expect("a row");
            digest.person((id, &name, age, score, &mail));
        };
        self.warm(env, |number| op(number, &mut Digest::default()));
        env.measure(10, op)
    }

    fn fetch_all(&self, env: &Env) -> Outcome {
        let db = (self.open)(env, false);
        let op = |_, digest: &mut Digest| {
            let rows = db.fetch_all(data::ALL, ()).expect("rows");
            let mut cursor = rows.cursor();
            while let Some(row) = cursor.next() {
                read(row, digest);
            }
        };
        self.warm(env, |number| op(number, &mut Digest::default()));
        env.measure(1, op)
    }

    /// From nothing to the first answer; the end of the process is not counted.
    fn start(&self, env: &Env) -> Outcome {
        let last: RefCell<Option<Database>> = RefCell::default();
        let end = || {
            let ended = last.take().is_none_or(|db| db.close(Duration::from_secs(10)).is_clean());
            assert!(ended, "the process does not end");
        };
        let outcome = env.measure_with(end, |number, digest| {
            let db = (self.open)(env, false);
            let row = db.fetch_one(data::POINT, (data::key(number),)).expect("a row").expect("a row");
            digest.int(row.get(2).expect("a number"));
            last.replace(Some(db));
        });
        end();
        outcome
    }

    fn stream(&self, env: &Env) -> Outcome {
        let db = (self.open)(env, true);
        let repeats = env.repeats();
        let all = repeats as usize * data::PEOPLE;
        let begun = Instant::now();
        let (mut digest, mut after_a_tenth, mut at_the_end) = (Digest::default(), 0.0, 0.0);
        for (number, row) in (1..).zip(db.iterate(self.stream, (repeats,)).expect("a stream")) {
            read(&row.expect("a row"), &mut digest);
            // Before the end is seen, at which the host lets go of its result.
            if number == all / 10 {
                after_a_tenth = process::memory_of_children();
            } else if number == all {
                at_the_end = process::memory_of_children();
            }
        }
        let took = begun.elapsed().as_secs_f64() / all as f64;
        let [memory, host] = self.memory;
        Outcome::of(digest.0, took).and(memory, process::peak_memory()).and(host, at_the_end - after_a_tenth)
    }
}

fn read(row: &Row, digest: &mut Digest) {
    let person = || -> pontoon::Result<_> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)) };
    digest.person(person().expect("five cells"));
}
