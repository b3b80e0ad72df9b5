//! Timing, and a digest of what was read, so that nobody is timed for something else than the others.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::data::{self, REPEATS, SERVER_REPEATS};

/// Who has less time than this for a row wants to see that it runs.
const HARDLY: Duration = Duration::from_millis(100);

/// How many rows are written at once then: no more than those write at any time who write one by one.
const FEW: usize = 2000;

/// Something is warm when so many rounds in a row were not faster than the best by so much; `Inside.java` has the same.
const WARM_ROUND: Duration = Duration::from_millis(500);
const WARM_IN_VAIN: u32 = 4;
const WARM_FASTER: f64 = 0.97;
/// But not before, and not after.
const WARM_LEAST: Duration = Duration::from_secs(4);
const WARM_MOST: Duration = Duration::from_secs(15);

/// What a run is given.
pub struct Env {
    pub dir: PathBuf,
    budget: Budget,
}

/// How long to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Budget {
    /// Once, to check only.
    Check,
    Time(Duration),
    /// So many runs, for a profiler that counts instructions.
    Runs(u64),
}

/// What a run found.
pub struct Outcome {
    pub digest: u64,
    /// Values, each for the row that was asked for (`None`) or for another one that comes along with it.
    pub figures: Vec<(Option<&'static str>, f64)>,
}

impl Outcome {
    /// One value.
    pub fn of(digest: u64, value: f64) -> Outcome {
        Outcome { digest, figures: vec![(None, value)] }
    }

    /// With a value for another row.
    #[must_use]
    pub fn and(mut self, row: &'static str, value: f64) -> Outcome {
        self.figures.push((Some(row), value));
        self
    }
}

/// Every cell that is read goes in here, in order. Cheap, since it is timed along: of a text its length and its ends.
#[derive(Clone, Copy, Default)]
pub struct Digest(pub u64);

impl Digest {
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.0 = self.0.rotate_left(5) ^ (value as u64);
    }

    #[inline]
    pub fn real(&mut self, value: f64) {
        self.int(value.to_bits() as i64);
    }

    #[inline]
    pub fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let ends = bytes.first().zip(bytes.last()).map_or(0, |(first, last)| i64::from(*first) << 8 | i64::from(*last));
        self.int((bytes.len() as i64) << 16 | ends);
    }

    #[inline]
    pub fn person(&mut self, (id, name, age, score, mail): (i64, &str, i64, f64, &str)) {
        self.int(id);
        self.text(name);
        self.int(age);
        self.real(score);
        self.text(mail);
    }

    #[inline]
    pub fn block(&mut self, (int, name, real, maybe, text): (i64, &str, f64, Option<i64>, &str)) {
        self.int(int);
        self.text(name);
        self.real(real);
        self.int(maybe.unwrap_or(-1));
        self.text(text);
    }
}

impl Env {
    pub fn checking(dir: PathBuf) -> Env {
        Env { dir, budget: Budget::Check }
    }

    pub fn timing(dir: PathBuf, time: Duration) -> Env {
        Env { dir, budget: Budget::Time(time) }
    }

    pub fn repeating(dir: PathBuf, runs: u64) -> Env {
        Env { dir, budget: Budget::Runs(runs) }
    }

    pub fn is_checking(&self) -> bool {
        self.budget == Budget::Check
    }

    /// How long to measure, if that is what is done.
    pub fn time(&self) -> Option<Duration> {
        match self.budget {
            Budget::Time(time) => Some(time),
            Budget::Check | Budget::Runs(_) => None,
        }
    }

    pub fn is_repeating(&self) -> bool {
        matches!(self.budget, Budget::Runs(_))
    }

    /// How often the longest stream reads the people: a hundred times, and once when there is hardly any time.
    pub fn repeats(&self) -> i64 {
        if self.is_checking() || self.is_quick() { 1 } else { REPEATS }
    }

    /// The same on a server.
    pub fn server_repeats(&self) -> i64 {
        if self.is_checking() || self.is_quick() { 1 } else { SERVER_REPEATS }
    }

    /// How often something is done that is to be flat.
    pub fn times(&self, times: usize) -> usize {
        match self.is_checking() {
            true => 1,
            false if self.is_quick() => times / 100,
            false => times,
        }
    }

    /// The people that are written at once; few of them when it is only to be seen that everybody writes the same, since
    /// some write one by one.
    pub fn written(&self) -> Vec<data::Person> {
        let mut people = data::people();
        if self.is_checking() || self.is_quick() {
            people.truncate(FEW);
        }
        people
    }

    /// Whether only that everything runs is to be seen.
    pub fn is_quick(&self) -> bool {
        matches!(self.budget, Budget::Time(time) if time < HARDLY)
    }

    /// Runs `op` for as long as will be measured, before anything is. When checking, not at all.
    pub fn warm(&self, mut op: impl FnMut(u64)) {
        let Budget::Time(budget) = self.budget else { return };
        let begun = Instant::now();
        let mut number = 0;
        while begun.elapsed() < budget {
            op(number);
            number += 1;
        }
    }

    /// Runs `op` until it gets no faster, before anything is measured: for what compiles itself while it runs, as Java
    /// does, whose last compiler comes late. When hardly anything is measured, no longer than that.
    pub fn warm_up(&self, mut op: impl FnMut(u64)) {
        if self.time().is_none() || self.is_quick() {
            return self.warm(op);
        }
        let begun = Instant::now();
        let (mut number, mut best, mut in_vain) = (0, f64::INFINITY, 0);
        while begun.elapsed() < WARM_LEAST || (in_vain < WARM_IN_VAIN && begun.elapsed() < WARM_MOST) {
            let (from, round) = (number, Instant::now());
            while round.elapsed() < WARM_ROUND {
                op(number);
                number += 1;
            }
            let each = round.elapsed().as_secs_f64() / (number - from) as f64;
            in_vain = if each < best * WARM_FASTER { 0 } else { in_vain + 1 };
            best = best.min(each);
        }
    }

    /// Measures `op`, which gets a running number; the value is seconds for one. `batch` of them run between two looks
    /// at the clock.
    pub fn measure(&self, batch: u64, mut op: impl FnMut(u64, &mut Digest)) -> Outcome {
        self.measure_with(
            || (),
            |number, digest| {
                for number in number * batch..(number + 1) * batch {
                    op(number, digest);
                }
            },
        )
        .per(batch as f64)
    }

    /// Measures `op`, and before each run `setup`, which does not count.
    pub fn measure_with(&self, mut setup: impl FnMut(), mut op: impl FnMut(u64, &mut Digest)) -> Outcome {
        let mut digest = Digest::default();
        let mut run = |number| {
            setup();
            let begun = Instant::now();
            op(number, &mut digest);
            begun.elapsed()
        };
        let budget = match self.budget {
            Budget::Time(budget) => budget,
            Budget::Check => {
                run(0);
                return Outcome::of(digest.0, 0.0);
            }
            Budget::Runs(runs) => {
                for number in 0..runs {
                    run(number);
                }
                return Outcome::of(digest.0, 0.0);
            }
        };
        let begun = Instant::now();
        let (mut number, mut samples) = (0, Vec::new());
        let (before, least) = if self.is_quick() { (0, 1) } else { (1, 3) };
        while begun.elapsed() < budget / 5 * before || number < u64::from(before) {
            run(number);
            number += 1;
        }
        while begun.elapsed() < budget || samples.len() < least {
            samples.push(run(number).as_secs_f64());
            number += 1;
        }
        black_box(digest.0);
        Outcome::of(digest.0, median(&mut samples))
    }
}

impl Env {
    /// Measures each call of `op` alone: the middle one, and with it the 99th and the 99.9th of each hundred, for the
    /// rows `tails`.
    pub fn latencies(&self, tails: [&'static str; 2], mut op: impl FnMut(u64, &mut Digest)) -> Outcome {
        let mut digest = Digest::default();
        let budget = match self.budget {
            Budget::Time(budget) => budget,
            Budget::Check | Budget::Runs(_) => return self.measure(1, op),
        };
        let begun = Instant::now();
        let (mut number, mut calls) = (0, Vec::new());
        while begun.elapsed() < budget || calls.len() < self.times(10_000) {
            let call = Instant::now();
            op(number, &mut digest);
            let call = call.elapsed();
            // The first ones are for getting warm.
            if begun.elapsed() > budget / 5 {
                calls.push(call.as_secs_f64());
            }
            number += 1;
        }
        black_box(digest.0);
        calls.sort_by(f64::total_cmp);
        let at = |share: f64| calls[((calls.len() - 1) as f64 * share) as usize];
        Outcome::of(digest.0, at(0.5)).and(tails[0], at(0.99)).and(tails[1], at(0.999))
    }
}

impl Outcome {
    /// The value of one of `many` things that were measured together.
    #[must_use]
    pub fn per(mut self, many: f64) -> Outcome {
        for (_, value) in &mut self.figures {
            *value /= many;
        }
        self
    }
}

/// The middle value.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// Many threads that call `op` `each` times.
pub fn crowd(threads: usize, each: usize, op: impl Fn() -> i64 + Sync) -> Outcome {
    let op = &op;
    let begun = Instant::now();
    let calls = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(move || {
                    let call = |_| {
                        let begun = Instant::now();
                        (op(), begun.elapsed().as_secs_f64())
                    };
                    (0..each).map(call).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no call fails")).collect()
    });
    crowd_of(begun.elapsed(), calls)
}

/// What many callers made of it, of whose calls each has a value and its seconds: seconds for one call as the whole took
/// them, and how many times the median call the longest one lasted.
pub fn crowd_of(all: Duration, calls: Vec<(i64, f64)>) -> Outcome {
    let count = calls.len();
    // Callers differ in how often they call, and all get the same value.
    let digest = calls.iter().fold(0, |digest: u64, (value, _)| digest.wrapping_add(*value as u64)) / count as u64;
    let mut seconds: Vec<f64> = calls.into_iter().map(|(_, seconds)| seconds).collect();
    let longest = seconds.iter().copied().fold(0.0, f64::max);
    Outcome::of(digest, all.as_secs_f64() / count as f64).and("pool_64_wait", longest / median(&mut seconds))
}
