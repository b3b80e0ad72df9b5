//! Counts the instructions of the library's hot paths, under valgrind, and compares them with a table.
//!
//! - `compare TABLE [ROW]...` counts and says what has become slower; fails if anything has, by more than its tolerance.
//! - `renew TABLE` counts and writes the table anew; tolerances are kept.
//! - `run DIR ROW RUNS` is what is counted; for a profiler, after `prepare DIR`.

mod count;
mod rows;
mod table;

use std::path::Path;
use std::process::ExitCode;

use rows::ROWS;
use table::Table;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["run", dir, name, runs] => {
            let row = ROWS.iter().find(|row| row.name == name).expect("a row of that name");
            (row.run)(Path::new(dir), runs.parse().expect("a number of runs"));
            ExitCode::SUCCESS
        }
        ["prepare", dir] => {
            rows::prepare(Path::new(dir));
            ExitCode::SUCCESS
        }
        ["compare", path, ref wanted @ ..] => compare(&Table::read(Path::new(path)), wanted),
        ["renew", path] => {
            let old = Table::read(Path::new(path));
            let counted: Vec<_> = ROWS.iter().map(|row| (row.name, count::count(row))).collect();
            old.renewed(&counted).write(Path::new(path));
            ExitCode::SUCCESS
        }
        _ => panic!("compare TABLE [ROW]... | renew TABLE | prepare DIR | run DIR ROW RUNS"),
    }
}

fn compare(table: &Table, wanted: &[&str]) -> ExitCode {
    let mut is_slower = false;
    let compiler = table::compiler();
    if table.compiler != compiler {
        println!("the table is of {}, this is {compiler}: renew it before believing small differences", table.compiler);
    }
    println!("{:<36} {:>8} {:>8} {:>7}", "instructions", "table", "now", "");
    for row in ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.name)) {
        let now = count::count(row);
        let Some(entry) = table.entry(row.name) else {
            println!("{:<36} {:>8} {now:>8}         not in the table: renew it", row.name, "");
            is_slower = true;
            continue;
        };
        let more = (now as f64 / entry.count as f64 - 1.0) * 100.0;
        let verdict = match more {
            _ if more > entry.tolerance => {
                is_slower = true;
                "SLOWER"
            }
            _ if more < -entry.tolerance => "faster: renew the table",
            _ => "",
        };
        println!("{:<36} {:>8} {now:>8} {more:>+6.1}% {verdict}", row.name, entry.count);
    }
    if is_slower { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
